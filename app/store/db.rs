//! The two databases that a store may lie in, behind one small layer: a SQLite file or a PostgreSQL schema.
//!
//! Statements are written once, in the SQL that both understand, with `$1` for what is bound; what they give is read by
//! column name into our own [`Row`]. The drivers are the concrete ones: sqlx's `Any` fails on types that we need.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use futures::stream::{BoxStream, StreamExt, TryChunksError, TryStreamExt};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow, PgTypeInfo};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Column, Postgres, Row as _, SqlSafeStr, Sqlite, Transaction, TypeInfo, ValueRef};

use super::StoreError;
use crate::files::private_folder;
use crate::vault::{self, Texts};

/// How long a write waits for another process that writes.
const BUSY: Duration = Duration::from_secs(30);

/// How soon one that was sent away while opening comes again.
const COME_AGAIN: Duration = Duration::from_millis(20);

/// What SQLite wants beside a store to open it: the first piece of the index of its log.
const PROBE_BYTES: usize = 32 * 1024;

/// Connections of one process.
const CONNECTIONS: u32 = 4;

/// What one statement may bind: `SQLite` takes 32,766 values.
const BOUND_AT_ONCE: usize = 30_000;

/// Rows of one insert.
const ROWS_AT_ONCE: usize = 500;

/// Key of the lock that writers of one PostgreSQL store take in turn: "muster" in ASCII.
const WRITERS: i64 = 0x6d75_7374_6572;

/// Where a store lies.
#[derive(Clone, Debug)]
pub enum Address {
    /// A SQLite file; made where there is none.
    File(PathBuf),
    /// A PostgreSQL database, by its options.
    Server(Box<PgConnectOptions>),
}

impl Address {
    /// A `postgres://` address. The message quotes nothing of it: it may hold a password.
    pub fn server(url: &str) -> Result<Address, String> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err("the address of a store begins with postgres://".to_owned());
        }
        let options: PgConnectOptions = url.parse().map_err(|_| "this is no address of a PostgreSQL database".to_owned())?;
        Ok(Address::Server(Box::new(options)))
    }

    /// Whether there may be a store: a file is there, or a server is named.
    pub fn is_there(&self) -> bool {
        match self {
            Address::File(path) => path.exists(),
            Address::Server(_) => true,
        }
    }

    /// How it is named to people: never with a password.
    pub fn shown(&self) -> String {
        match self {
            Address::File(path) => path.display().to_string(),
            Address::Server(it) => format!("postgres://{}:{}/{}", it.get_host(), it.get_port(), it.get_database().unwrap_or_default()),
        }
    }
}

/// A pool of connections, and what seals the texts that are personal.
#[derive(Clone, Debug)]
pub struct Db {
    pub(super) pool: Pool,
    /// Null: sealed texts are read and written as they stand, for copies.
    pub(super) texts: Option<Arc<Texts>>,
}

/// Connections.
#[derive(Clone, Debug)]
pub enum Pool {
    /// To a file.
    Sqlite(SqlitePool),
    /// To a server.
    Postgres(PgPool),
}

/// A transaction; what it wrote is gone unless it is committed.
#[derive(Debug)]
pub struct Tx {
    pub(super) on: On,
    texts: Option<Arc<Texts>>,
}

/// Where a transaction is.
#[derive(Debug)]
pub enum On {
    /// In a file.
    Sqlite(Transaction<'static, Sqlite>),
    /// On a server.
    Postgres(Transaction<'static, Postgres>),
}

/// A bound value, or one that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null.
    Null,
    /// A whole number or a flag.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text; days, instants and JSON are text too. Sealed texts are opened on the way in.
    Text(String),
    /// Text that says something of a person: sealed on the way out. None is ever read.
    Personal(String),
    /// Sealed text that our key does not open. None is ever bound.
    Shut,
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Text that says something of a person.
pub fn personal(text: impl Into<String>) -> Value {
    Value::Personal(text.into())
}

/// Values to bind, in the order of `$1`, `$2`, …
macro_rules! values {
    ($($it:expr),* $(,)?) => { vec![$($crate::store::db::Value::from($it)),*] };
}
pub(crate) use values;

/// A row that was read.
#[derive(Clone, Debug)]
pub struct Row {
    cells: Vec<(String, Value)>,
}

impl Row {
    /// The text in the column `name`.
    pub fn text(&self, name: &'static str) -> Result<&str, StoreError> {
        self.maybe_text(name)?.ok_or(StoreError::Damaged { what: name })
    }

    /// The same, or null.
    pub fn maybe_text(&self, name: &'static str) -> Result<Option<&str>, StoreError> {
        match self.cell(name)? {
            Value::Null => Ok(None),
            Value::Text(it) => Ok(Some(it)),
            _ => Err(StoreError::Damaged { what: name }),
        }
    }

    /// The whole number in the column `name`.
    pub fn int(&self, name: &'static str) -> Result<i64, StoreError> {
        self.maybe_int(name)?.ok_or(StoreError::Damaged { what: name })
    }

    /// The same, or null.
    pub fn maybe_int(&self, name: &'static str) -> Result<Option<i64>, StoreError> {
        match self.cell(name)? {
            Value::Null => Ok(None),
            Value::Int(it) => Ok(Some(*it)),
            _ => Err(StoreError::Damaged { what: name }),
        }
    }

    /// The number in the column `name`.
    pub fn real(&self, name: &'static str) -> Result<f64, StoreError> {
        match self.cell(name)? {
            Value::Real(it) => Ok(*it),
            Value::Int(it) => Ok(*it as f64),
            _ => Err(StoreError::Damaged { what: name }),
        }
    }

    /// The flag in the column `name`: 0 or 1.
    pub fn flag(&self, name: &'static str) -> Result<bool, StoreError> {
        Ok(self.int(name)? != 0)
    }

    /// The columns and what stands in them, in the order of the statement.
    pub fn cells(&self) -> &[(String, Value)] {
        &self.cells
    }

    fn cell(&self, name: &'static str) -> Result<&Value, StoreError> {
        self.cells.iter().find(|(it, _)| it == name).map(|(_, it)| it).ok_or(StoreError::Damaged { what: name })
    }
}

impl Db {
    /// Opens the store at `address`; a file is made where there is none, its folder too.
    pub(super) async fn open(address: &Address) -> Result<Db, StoreError> {
        Ok(Db { pool: Pool::open(address).await?, texts: None })
    }

    /// Ends every connection.
    pub(super) async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    /// The same database, whose sealed texts are read and written as they stand.
    pub(super) fn as_it_stands(&self) -> Db {
        Db { pool: self.pool.clone(), texts: None }
    }

    /// Begins to write; waits for others that write.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        let on = match &self.pool {
            Pool::Sqlite(pool) => On::Sqlite(pool.begin_with("begin immediate").await?),
            Pool::Postgres(pool) => On::Postgres(pool.begin().await?),
        };
        let mut tx = Tx { on, texts: self.texts.clone() };
        if let On::Postgres(_) = tx.on {
            // Like the file's, its writers take turns: numbers are given and chains are grown by reading first.
            tx.rows("select pg_advisory_xact_lock($1)", values![WRITERS]).await?;
        }
        Ok(tx)
    }

    /// Begins to read one state.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let on = match &self.pool {
            Pool::Sqlite(pool) => On::Sqlite(pool.begin().await?),
            Pool::Postgres(pool) => On::Postgres(pool.begin_with("begin isolation level repeatable read read only").await?),
        };
        Ok(Tx { on, texts: self.texts.clone() })
    }
}

impl Pool {
    async fn open(address: &Address) -> Result<Pool, StoreError> {
        let failed = |why| StoreError::Open { place: address.shown(), why };
        match address {
            Address::File(path) => {
                if let Some(folder) = path.parent() {
                    private_folder(folder).map_err(|err| failed(sqlx::Error::Io(err)))?;
                }
                private(path).map_err(|err| failed(sqlx::Error::Io(err)))?;
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .foreign_keys(true)
                    .busy_timeout(BUSY)
                    // What is deleted is overwritten.
                    .pragma("secure_delete", "on")
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full);
                Ok(Pool::Sqlite(connected(options).await.map_err(|err| failed(behind(path, err)))?))
            }
            Address::Server(options) => {
                let options = options.as_ref().clone().application_name("muster");
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(BUSY).connect_with(options).await;
                Ok(Pool::Postgres(pool.map_err(failed)?))
            }
        }
    }
}

/// What is behind an error of SQLite, which on a full or read-only disk says no more than that a file cannot be opened or written.
fn behind(store: &Path, err: sqlx::Error) -> sqlx::Error {
    let probe = store.with_extension("probe");
    let written = std::fs::write(&probe, vec![0; PROBE_BYTES]);
    if let Err(it) = std::fs::remove_file(&probe)
        && it.kind() != ErrorKind::NotFound
    {
        return sqlx::Error::Io(written.err().unwrap_or(it));
    }
    written.err().map_or(err, sqlx::Error::Io)
}

/// Makes an empty file, which is an empty database, that nobody else on this machine can read; one that is there stays as it is.
fn private(file: &Path) -> std::io::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    made.map(drop).or_else(|err| if err.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(err) })
}

impl Tx {
    /// Runs a statement and says how many rows it touched.
    pub async fn run(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        self.execute(sql.to_owned(), values, true).await
    }

    /// The rows that a statement gives.
    pub async fn rows(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.any_rows(sql.to_owned(), values).await
    }

    /// The same for a statement that was put together from names of our own tables; nothing from outside may be in it.
    pub(super) async fn any_rows(&mut self, sql: String, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let sql = AssertSqlSafe(sql).into_sql_str();
        let (texts, values) = (self.texts.as_deref(), sealed(self.texts.as_deref(), values));
        match &mut self.on {
            On::Sqlite(tx) => {
                let rows = sqlx::query_with(sql, sqlite_arguments(values)?).fetch_all(&mut **tx).await?;
                rows.iter().map(|it| from_sqlite(it, texts)).collect()
            }
            On::Postgres(tx) => {
                let rows = sqlx::query_with(sql, postgres_arguments(values)?).fetch_all(&mut **tx).await?;
                rows.iter().map(|it| from_postgres(it, texts)).collect()
            }
        }
    }

    /// The rows that `sql` gives for `keys`, which it names as `{keys}`, some keys at a time; `values` are bound before them.
    pub(super) async fn rows_of(&mut self, sql: &'static str, values: &[Value], keys: &[&str]) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for some in keys.chunks(ROWS_AT_ONCE) {
            let places: Vec<String> = (values.len() + 1..).take(some.len()).map(|it| format!("${it}")).collect();
            let bound = values.iter().cloned().chain(some.iter().map(|it| Value::from(*it))).collect();
            rows.extend(self.any_rows(sql.replace("{keys}", &places.join(", ")), bound).await?);
        }
        Ok(rows)
    }

    /// The rows of a statement, `at_once` at a time: for tables that memory should not hold. As safe as [`Tx::any_rows`].
    pub(super) fn batches(&mut self, sql: String, at_once: usize) -> Batches<'_> {
        let sql = AssertSqlSafe(sql).into_sql_str();
        let texts = self.texts.clone();
        let rows = match &mut self.on {
            On::Sqlite(tx) => sqlx::query(sql).fetch(&mut **tx).map(move |it| from_sqlite(&it?, texts.as_deref())).boxed(),
            On::Postgres(tx) => sqlx::query(sql).fetch(&mut **tx).map(move |it| from_postgres(&it?, texts.as_deref())).boxed(),
        };
        Batches { rows: rows.try_chunks(at_once).boxed() }
    }

    /// The one row that a statement gives; null when it gives none.
    pub async fn row(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Inserts rows of equal length, many at a time; `into` is like `insert into case_file (case_key, year, serial)`.
    pub async fn insert(&mut self, into: &str, rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
        let Some(width) = rows.first().map(Vec::len) else { return Ok(()) };
        let at_once = ROWS_AT_ONCE.min(BOUND_AT_ONCE / width.max(1));
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let some: Vec<Vec<Value>> = rows.by_ref().take(at_once).collect();
            let place = |row: usize| (1..=width).map(|it| format!("${}", row * width + it)).collect::<Vec<_>>().join(", ");
            let places: Vec<String> = (0..some.len()).map(|row| format!("({})", place(row))).collect();
            self.execute(format!("{into} values {}", places.join(", ")), some.into_iter().flatten().collect(), false).await?;
        }
        Ok(())
    }

    /// Keeps what was written.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.on {
            On::Sqlite(tx) => tx.commit().await?,
            On::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Runs a statement as safe as [`Tx::any_rows`].
    pub(super) async fn apply(&mut self, sql: String) -> Result<u64, StoreError> {
        self.execute(sql, Vec::new(), false).await
    }

    /// `lasting`: whether the driver may keep the statement for the next time.
    async fn execute(&mut self, sql: String, values: Vec<Value>, lasting: bool) -> Result<u64, StoreError> {
        let sql = AssertSqlSafe(sql).into_sql_str();
        let values = sealed(self.texts.as_deref(), values);
        Ok(match &mut self.on {
            On::Sqlite(tx) => {
                sqlx::query_with(sql, sqlite_arguments(values)?).persistent(lasting).execute(&mut **tx).await?.rows_affected()
            }
            On::Postgres(tx) => {
                sqlx::query_with(sql, postgres_arguments(values)?).persistent(lasting).execute(&mut **tx).await?.rows_affected()
            }
        })
    }
}

/// Rows of a statement on their way.
pub(super) struct Batches<'a> {
    rows: BoxStream<'a, Result<Vec<Row>, TryChunksError<Row, StoreError>>>,
}

impl Batches<'_> {
    /// The next rows, at least one; null after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Row>>, StoreError> {
        self.rows.try_next().await.map_err(|TryChunksError(_, why)| why)
    }
}

/// A pool with its first connection made. That one turns a new file to write-ahead logging, for which SQLite wants the file to
/// itself and does not wait: of several processes that open a new store together all but one are sent away, and come again.
async fn connected(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let mut waited = Duration::ZERO;
    loop {
        match SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options.clone()).await {
            Err(err) if is_busy(&err) && waited < BUSY => tokio::time::sleep(COME_AGAIN).await,
            made => return made,
        }
        waited += COME_AGAIN;
    }
}

/// Whether another process has the database: `SQLITE_BUSY` (5) or `SQLITE_LOCKED` (6), with any further code.
fn is_busy(err: &sqlx::Error) -> bool {
    let code = err.as_database_error().and_then(|it| it.code()).and_then(|it| it.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

/// Values as one driver binds them; `$null` is its null of no type.
macro_rules! arguments {
    ($name:ident, $arguments:ty, $null:expr) => {
        fn $name(values: Vec<Value>) -> Result<$arguments, StoreError> {
            use sqlx::Arguments as _;
            let mut bound = <$arguments>::default();
            for it in values {
                match it {
                    Value::Null | Value::Shut => bound.add($null),
                    Value::Int(it) => bound.add(it),
                    Value::Real(it) => bound.add(it),
                    Value::Text(it) | Value::Personal(it) => bound.add(it),
                    Value::Bytes(it) => bound.add(it),
                }
                .map_err(sqlx::Error::Encode)?;
            }
            Ok(bound)
        }
    };
}

arguments!(sqlite_arguments, SqliteArguments, None::<i64>);
arguments!(postgres_arguments, PgArguments, Untyped);

/// A null of whatever type the server finds it to be.
struct Untyped;

impl sqlx::Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(sqlx::postgres::types::Oid(0))
    }
}

impl sqlx::Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(&self, _: &mut sqlx::postgres::PgArgumentBuffer) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        Ok(sqlx::encode::IsNull::Yes)
    }
}

/// Personal texts, sealed.
fn sealed(texts: Option<&Texts>, values: Vec<Value>) -> Vec<Value> {
    let seal = |it| match (it, texts) {
        (Value::Personal(it), Some(texts)) => Value::Text(texts.seal(&it)),
        // Somebody typed it; as it stands it would be taken for a seal that is broken.
        (Value::Text(it), Some(texts)) if it.starts_with(vault::TEXT) => Value::Text(texts.seal(&it)),
        (it, _) => it,
    };
    values.into_iter().map(seal).collect()
}

/// A text that was read, opened where it is sealed.
fn text(it: String, texts: Option<&Texts>) -> Value {
    let Some(texts) = texts else { return Value::Text(it) };
    match texts.open(&it) {
        Ok(Cow::Borrowed(_)) => Value::Text(it),
        Ok(Cow::Owned(clear)) => Value::Text(clear),
        Err(_) => Value::Shut,
    }
}

fn from_sqlite(row: &SqliteRow, texts: Option<&Texts>) -> Result<Row, StoreError> {
    let mut cells = Vec::with_capacity(row.len());
    for (at, column) in row.columns().iter().enumerate() {
        let raw = row.try_get_raw(at)?;
        let value = if raw.is_null() {
            Value::Null
        } else {
            // What the cell holds: in a file it need not be what the column was declared as.
            match raw.type_info().name() {
                "INTEGER" | "BOOLEAN" => Value::Int(row.try_get_unchecked(at)?),
                "REAL" => Value::Real(row.try_get_unchecked(at)?),
                "BLOB" => Value::Bytes(row.try_get_unchecked(at)?),
                _ => text(row.try_get_unchecked(at)?, texts),
            }
        };
        cells.push((column.name().to_owned(), value));
    }
    Ok(Row { cells })
}

fn from_postgres(row: &PgRow, texts: Option<&Texts>) -> Result<Row, StoreError> {
    let mut cells = Vec::with_capacity(row.len());
    for (at, column) in row.columns().iter().enumerate() {
        let value = if row.try_get_raw(at)?.is_null() {
            Value::Null
        } else {
            match column.type_info().name() {
                "INT8" => Value::Int(row.try_get(at)?),
                "INT4" => Value::Int(row.try_get::<i32, _>(at)?.into()),
                "BOOL" => Value::Int(row.try_get::<bool, _>(at)?.into()),
                "FLOAT8" => Value::Real(row.try_get(at)?),
                "BYTEA" => Value::Bytes(row.try_get(at)?),
                "VOID" => Value::Null,
                _ => text(row.try_get_unchecked(at)?, texts),
            }
        };
        cells.push((column.name().to_owned(), value));
    }
    Ok(Row { cells })
}

macro_rules! value_from {
    ($($from:ty => |$it:ident| $to:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($it: $from) -> Value {
                $to
            }
        }
    )*};
}

value_from! {
    i64 => |it| Value::Int(it);
    i32 => |it| Value::Int(it.into());
    u32 => |it| Value::Int(it.into());
    bool => |it| Value::Int(it.into());
    f64 => |it| Value::Real(it);
    String => |it| Value::Text(it);
    &String => |it| Value::Text(it.clone());
    &str => |it| Value::Text(it.to_owned());
    Vec<u8> => |it| Value::Bytes(it);
    NaiveDate => |it| Value::Text(it.to_string());
}

impl From<u64> for Value {
    /// Counts fit: a store holds fewer than 2^63 of anything.
    fn from(it: u64) -> Value {
        Value::Int(i64::try_from(it).unwrap_or(i64::MAX))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(it: Option<T>) -> Value {
        it.map_or(Value::Null, Into::into)
    }
}

impl<'a> From<&'a Option<String>> for Value {
    fn from(it: &'a Option<String>) -> Value {
        it.as_deref().into()
    }
}
