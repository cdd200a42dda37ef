//! `muster-odbc`: reads one table through an ODBC driver and writes it to a pipe. `muster` starts it; people do not.
//!
//! It is a program of its own because drivers break down, and a pull that breaks down must take nothing else along. What it is asked
//! for and what it answers is in `muster_connectors::odbc::line`. It words nothing: what did not work is told by what was being done and
//! what the driver says, and `muster` makes a sentence of it in the operator's language.

mod begin;
mod cells;
mod given;
mod rows;
mod tables;
mod trouble;

use std::io::{BufRead as _, Read as _, stdin};

use muster_connectors::odbc::line::{Answer, At, From, Request, Task};
use odbc_api::{Connection, ConnectionOptions, Environment, escape_attribute_value};

use given::Outlet;
use trouble::{Broken, Scrub, at};

/// What the helper ends with when nobody wants it any more.
const UNWANTED: i32 = 3;

fn main() {
    let mut line = String::new();
    let request = stdin().lock().read_line(&mut line).ok().and_then(|_| serde_json::from_str::<Request>(&line).ok());
    let Some(request) = request else {
        eprintln!("muster-odbc is started by muster; see `muster connect`");
        std::process::exit(2);
    };
    // Whoever wants the rows keeps the pipe open. A driver may never return: nobody waits for it.
    std::thread::spawn(|| {
        let _ = stdin().lock().read_to_end(&mut Vec::new());
        std::process::exit(UNWANTED);
    });
    let mut outlet = Outlet::new();
    let scrub = Scrub::new(&request);
    if let Err(Broken::Trouble(trouble)) = answer(&request, &mut outlet) {
        let _ = outlet.answer(&Answer::Trouble(scrub.trouble(trouble)));
    }
    // Drivers have been seen to crash in their own end. Everything is said by now.
    std::process::exit(0);
}

fn answer(request: &Request, outlet: &mut Outlet) -> Result<(), Broken> {
    let environment = Environment::new().map_err(at(At::Manager))?;
    let connection = connect(&environment, request)?;
    let state = begin::begin(&connection)?;
    outlet.answer(&Answer::System { name: state.name, read_only: state.read_only, snapshot: state.snapshot })?;
    match &request.task {
        Task::Offers => outlet.answer(&Answer::Offers(tables::offers(&connection, request)?)),
        Task::Count { from } => {
            let after = rows::count(&connection, &source(&connection, request, from)?, request.query_seconds)?;
            outlet.answer(&Answer::Counted { before: None, rows: after, after })
        }
        Task::Pull { from, batch_rows, blocks } => {
            let from = source(&connection, request, from)?;
            let ask = rows::Wanted { from: &from, batch_rows: *batch_rows, blocks: *blocks, query_seconds: request.query_seconds };
            rows::pull(&connection, &ask, state.snapshot, outlet)
        }
    }
}

fn connect<'e>(environment: &'e Environment, request: &Request) -> Result<Connection<'e>, Broken> {
    let mut text = request.connection.trim_end_matches(';').to_owned();
    for (key, value) in [("UID", &request.user), ("PWD", &request.password)] {
        if let Some(value) = value {
            text += &format!(";{key}={}", escape_attribute_value(value));
        }
    }
    let options = ConnectionOptions { login_timeout_sec: Some(request.login_seconds), packet_size: None };
    // Not every driver has a limit for the login.
    let connected = environment
        .connect_with_connection_string(&text, options)
        .or_else(|_| environment.connect_with_connection_string(&text, ConnectionOptions::default()));
    connected.map_err(at(At::Connect))
}

/// What stands behind FROM.
fn source(connection: &Connection<'_>, request: &Request, from: &From) -> Result<String, Broken> {
    match from {
        // Oracle takes no AS before the name.
        From::Query(query) => Ok(format!("(\n{query}\n) asked")),
        From::Table(table) => tables::find(connection, request.schema.as_deref(), table),
    }
}
