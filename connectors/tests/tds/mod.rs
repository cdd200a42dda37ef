//! A server that speaks TDS 7.4 on a loopback port, after Microsoft's protocol documentation (MS-TDS): enough of it to log in, to answer
//! the statements that the connector sends from tables in memory, and to misbehave on cue. It is no SQL Server: what it does not
//! recognise it refuses with an error, so that a changed statement is seen.
// Each program that uses the listener uses a part of it.
#![allow(dead_code)]

mod session;
mod sql;
mod tls;
mod types;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use tls::Certificate;
pub use types::{Kind, Page, Value};

/// What makes a row of its number, from 0.
type Maker = Arc<dyn Fn(u64) -> Vec<Value> + Send + Sync>;

/// A table, view or query in memory; its rows are made when they are asked for.
#[derive(Clone)]
pub struct Table {
    pub columns: Vec<(String, Kind)>,
    pub rows: u64,
    make: Maker,
    /// After so many rows they come again: then a row costs no more than copying it.
    cycle: Option<u64>,
}

impl Table {
    pub fn made(columns: &[(&str, Kind)], rows: u64, make: impl Fn(u64) -> Vec<Value> + Send + Sync + 'static) -> Table {
        let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        Table { columns, rows, make: Arc::new(make), cycle: None }
    }

    pub fn of(columns: &[(&str, Kind)], rows: Vec<Vec<Value>>) -> Table {
        let count = rows.len() as u64;
        Table::made(columns, count, move |at| rows[at as usize].clone())
    }

    /// The same with only so many different rows.
    pub fn repeating(self, rows: u64) -> Table {
        Table { cycle: Some(rows.max(1)), ..self }
    }

    pub fn row(&self, at: u64) -> Vec<Value> {
        (self.make)(self.cycle.map_or(at, |it| at % it))
    }
}

/// What the listener does wrong, once each, in order. Those of a table wait for the next SELECT of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// The connection is closed after so many rows.
    CutAfterRows(u64),
    /// The connection is closed after so many bytes of the answer.
    CutAfterBytes(usize),
    /// It is reset instead.
    ResetAfterRows(u64),
    /// Nothing comes any more after so many rows.
    StallAfterRows(u64),
    /// An error token of this number stands behind so many rows.
    ErrorAfterRows(u64, i32),
    /// The last rows are missing, and the DONE token says error without an error token.
    DoneWithError(u64),
    /// The last rows are missing, and nothing else tells it.
    Fewer(u64),
    /// So long a pause every hundred rows.
    Slow(Duration),
    /// The statement is refused with this number.
    Refuse(i32),
    /// The login is refused with this number, whatever the password is.
    RefuseLogin(i32),
    /// Nothing comes after the login.
    StallAtLogin,
    /// The client is sent to this port.
    Redirect(u16),
}

/// How a server is set up.
#[derive(Clone)]
pub struct Habits {
    pub user: &'static str,
    pub password: &'static str,
    pub database: &'static str,
    /// 10 is SQL Server 2008, 16 is 2022.
    pub major: u8,
    /// `ALLOW_SNAPSHOT_ISOLATION`.
    pub snapshot: bool,
    /// Whether the login may write.
    pub may_write: bool,
    /// How far its clock is ahead.
    pub clock_seconds: i64,
    /// Whether text cast to VARBINARY is UTF-16.
    pub true_bytes: bool,
    pub line: LineHabit,
}

/// What the server wants of the line.
#[derive(Clone)]
pub enum LineHabit {
    Plain,
    /// TLS for the login, and for the rest when the client asks for it.
    Login(Certificate),
    /// TLS for everything.
    Required(Certificate),
    /// TDS 8.
    Strict(Certificate),
}

impl Default for Habits {
    fn default() -> Habits {
        Habits {
            user: "reader",
            password: "geheim·密码",
            database: "hr",
            major: 16,
            snapshot: true,
            may_write: false,
            clock_seconds: 0,
            true_bytes: true,
            line: LineHabit::Plain,
        }
    }
}

/// What all sessions share.
pub struct Shared {
    pub habits: Habits,
    tables: Mutex<BTreeMap<String, Table>>,
    faults: Mutex<VecDeque<Fault>>,
    statements: Mutex<Vec<String>>,
    pub logins: AtomicUsize,
    pub read_intents: AtomicUsize,
    pub attentions: AtomicUsize,
    pub open: AtomicUsize,
    pub rolled_back: AtomicUsize,
    transactions: AtomicU64,
}

/// A running server; it stops when dropped.
pub struct Listener {
    pub port: u16,
    pub shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Listener {
    pub async fn start(habits: Habits) -> Listener {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = socket.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            habits,
            tables: Mutex::default(),
            faults: Mutex::default(),
            statements: Mutex::default(),
            logins: AtomicUsize::new(0),
            read_intents: AtomicUsize::new(0),
            attentions: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            rolled_back: AtomicUsize::new(0),
            transactions: AtomicU64::new(1),
        });
        let theirs = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = socket.accept().await {
                let shared = Arc::clone(&theirs);
                tokio::spawn(async move {
                    shared.open.fetch_add(1, Ordering::SeqCst);
                    // A line that breaks is what many tests are about; the client tells of it.
                    let _ = session::serve(socket, &shared).await;
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Listener { port, shared, accepting }
    }

    /// Puts a table of the schema `dbo` in place of what was there.
    pub fn table(&self, name: &str, table: Table) {
        locked(&self.shared.tables).insert(format!("[dbo].[{name}]"), table);
    }

    /// What a query gives.
    pub fn query(&self, sql: &str, table: Table) {
        locked(&self.shared.tables).insert(sql.to_owned(), table);
    }

    pub fn misbehave(&self, fault: Fault) {
        locked(&self.shared.faults).push_back(fault);
    }

    /// The statements that were sent so far.
    pub fn statements(&self) -> Vec<String> {
        locked(&self.shared.statements).clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    /// The next fault, when it is one of these.
    fn fault(&self, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut faults = locked(&self.faults);
        if faults.front().is_some_and(fits) { faults.pop_front() } else { None }
    }
}

fn locked<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
