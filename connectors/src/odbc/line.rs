//! What is said between us and the helper: one line of JSON to it, frames from it.
//!
//! A frame is one byte that says what it holds, four bytes of length (least first), and its content: an [`Answer`] as JSON, or rows as a
//! stream of Arrow IPC with one batch, whose last column is the row's number. The helper ends when what it reads ends.

use serde::{Deserialize, Serialize};

/// The frame holds an [`Answer`].
pub const ANSWER: u8 = b'A';
/// The frame holds rows.
pub const ROWS: u8 = b'R';
/// Longer frames come from no helper of ours.
pub const FRAME_MAX: u32 = 1 << 30;

/// What the helper is to do. It holds secrets, and so travels by a pipe and is never printed.
#[derive(Serialize, Deserialize)]
pub struct Request {
    /// The connection string, without login and password.
    pub connection: String,
    /// The login.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// The only schema to look in.
    pub schema: Option<String>,
    /// How long the login may take.
    pub login_seconds: u32,
    /// How long the system may think before rows come.
    pub query_seconds: usize,
    /// What for.
    pub task: Task,
}

/// What is wanted of the system.
#[derive(Clone, Serialize, Deserialize)]
pub enum Task {
    /// Its tables, and their columns.
    Offers,
    /// How many rows `from` has.
    Count {
        /// Table or query.
        from: From,
    },
    /// The rows of `from`.
    Pull {
        /// Table or query.
        from: From,
        /// Most rows in one batch.
        batch_rows: usize,
        /// Whether rows are fetched many at a time where their cells are short.
        blocks: bool,
    },
}

/// Where rows are.
#[derive(Clone, Serialize, Deserialize)]
pub enum From {
    /// A table or view: `table` or `schema.table`.
    Table(String),
    /// A query that was looked at, without a semicolon at its end.
    Query(String),
}

/// What the helper has found.
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    /// We are connected, and a transaction is open.
    System {
        /// What the driver calls the system.
        name: String,
        /// Whether the system refuses to write in this transaction.
        read_only: bool,
        /// Whether all that it reads is of one instant.
        snapshot: bool,
    },
    /// The tables.
    Offers(Vec<Table>),
    /// The columns of the rows that follow.
    Columns(Vec<Column>),
    /// A row that cannot be given.
    Broken {
        /// Its number.
        row: i64,
        /// Its cells.
        raw: String,
        /// The column of the cell that is to blame.
        column: String,
        /// What is in it.
        what: Odd,
    },
    /// How many rows there were before and after, and how many were given; broken ones count.
    Counted {
        /// Before the rows were read; null where a snapshot makes it needless.
        before: Option<u64>,
        /// Given.
        rows: u64,
        /// After.
        after: u64,
    },
    /// It did not work; nothing follows.
    Trouble(Trouble),
}

/// A table or view.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    /// Its schema, where the system has such.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
}

/// A column of the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its cells become.
    pub holds: Holds,
}

/// What cells become. Exact numbers stay the digits that the driver writes: what it says of their places is not always true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holds {
    /// Text.
    Text,
    /// Bytes, as hexadecimal digits.
    Bytes,
    /// A floating-point number.
    Real,
    /// A day.
    Day,
    /// A day and a time without a zone, in microseconds.
    Moment,
}

/// What a cell may hold that cannot be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Odd {
    /// Code units that are no Unicode text.
    NoText,
    /// A day that the calendar does not have.
    Day,
    /// The same for a time.
    Moment,
}

/// What did not work, and what the driver says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trouble {
    /// At what.
    pub at: At,
    /// The driver's SQLSTATE; empty when it is not the driver that refuses.
    pub state: String,
    /// The driver's words, without texts and long numbers in them; empty when they may quote data.
    pub message: String,
}

/// At what a helper may fail.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum At {
    /// The driver manager itself.
    Manager,
    /// Login.
    Connect,
    /// The beginning of a transaction that only reads.
    Begin,
    /// The list of tables.
    Offers,
    /// No such table; these there are.
    NoTable(Vec<String>),
    /// Several schemas have the table.
    ManyTables(Vec<String>),
    /// The query.
    Query,
    /// The rows.
    Rows,
    /// A cell of this column is longer than the driver says.
    Longer(String),
    /// The count.
    Count,
}
