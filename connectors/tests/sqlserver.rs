//! SQL Server: every type, every fault, every way to the server, against the TDS listener of `tests/tds`; the types also against a genuine
//! server when `MUSTER_TEST_SQLSERVER_URL` names one (`sqlserver://user:password@host:port/database?encryption=required&trust=true`).
#![allow(clippy::disallowed_methods, reason = "a test that waits for a server looks at the clock")]

#[path = "sqlserver/cases.rs"]
mod cases;
#[path = "sqlserver/conformance.rs"]
mod conformance;
#[path = "sqlserver/faults.rs"]
mod faults;
#[path = "sqlserver/lines.rs"]
mod lines;
#[path = "sqlserver/pulls.rs"]
mod pulls;
#[path = "sqlserver/speed.rs"]
mod speed;
mod tds;

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt as _;
use muster_connectors::{Ask, Connector, Failure, Piece, Place, Since, open};

use tds::{Habits, Kind, Listener, Table, Value};

/// The settings of a listener's source, the password in a file below `root`.
fn settings(root: &Path, listener: &Listener, more: &str) -> String {
    let habits = &listener.shared.habits;
    std::fs::write(root.join("password"), habits.password).expect("to write the password");
    let encryption = if more.contains("encryption") { "" } else { "encryption = 'off'\n" };
    format!(
        "kind = 'sqlserver'\nhost = '127.0.0.1'\nport = {}\ndatabase = 'hr'\nuser = 'reader'\npassword = {{ file = 'password' }}\n{encryption}{more}",
        listener.port
    )
}

/// A source and the folder of its password.
struct Source {
    connector: Box<dyn Connector>,
    _root: tempfile::TempDir,
}

impl Source {
    fn new(listener: &Listener, more: &str) -> Source {
        let root = tempfile::tempdir().expect("a folder for the test");
        let settings = settings(root.path(), listener, more);
        Source { connector: opened(root.path(), &settings), _root: root }
    }
}

fn opened(root: &Path, settings: &str) -> Box<dyn Connector> {
    let place = Place { department: "hr".to_owned(), source: "archive".to_owned(), root: root.to_owned() };
    open(place, settings.parse().expect("the test writes TOML")).expect("the settings are right")
}

fn ask(table: &str) -> Ask {
    Ask { table: table.to_owned(), columns: Vec::new(), batch_rows: 64, since: None }
}

fn ask_since(table: &str, column: &str, at_least: &str) -> Ask {
    Ask { since: Some(Since { column: column.to_owned(), at_least: at_least.to_owned() }), ..ask(table) }
}

async fn pulled(connector: &dyn Connector, ask: &Ask) -> Result<Vec<Piece>, Failure> {
    connector.pull(ask).await?.pieces.try_collect().await
}

fn batches(pieces: &[Piece]) -> Vec<RecordBatch> {
    pieces.iter().filter_map(|it| if let Piece::Rows(batch) = it { Some(batch.clone()) } else { None }).collect()
}

/// A column as text.
fn column(pieces: &[Piece], name: &str) -> Vec<Option<String>> {
    let options = FormatOptions::new();
    let cells = |batch: &RecordBatch| {
        let column = batch.column_by_name(name).expect("the column is there");
        let format = ArrayFormatter::try_new(column, &options).expect("a type that can be shown");
        (0..column.len()).map(|at| column.is_valid(at).then(|| format.value(at).to_string())).collect::<Vec<_>>()
    };
    batches(pieces).iter().flat_map(cells).collect()
}

/// People with an amount each.
fn pay(rows: u64) -> Table {
    let columns =
        [("身份证号", Kind::NVarChar(Some(18))), ("姓名", Kind::VarChar(Some(50), tds::Page::Gbk)), ("应发", Kind::Decimal(12, 2))];
    Table::made(&columns, rows, |at| {
        let number = Value::Text(format!("33068319800101{:04}", at % 10_000));
        vec![number, if at % 7 == 3 { Value::Null } else { Value::Text("王伟".to_owned()) }, Value::Exact(i128::from(at) * 100 + 25)]
    })
}

/// A listener that offers `gzff` with so many rows.
async fn with_pay(rows: u64, habits: Habits) -> Listener {
    let listener = Listener::start(habits).await;
    listener.table("gzff", pay(rows));
    listener
}
