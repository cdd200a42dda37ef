//! `SQLite` databases. Every value comes as text: the type that a column declares does not bind what is in it.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::TryStreamExt as _;
use serde::Deserialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow, SqliteValueRef};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Decode, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _};

use crate::heading::as_asked;
use crate::row::Row;
use crate::sink::{Outlet, Rows, Stop, Under, spawned, text_column, with_places};
use crate::spool::{Stamp, stamp};
use crate::{Ask, BrokenRow, Connector, Consistency, Failure, Kind, Offer, PLACE_COLUMNS, Piece, Place, Pull, Setting, Spot, cell, near};

/// This many rows wait at most between the thread that steps the statement and us.
const ROWS_WAITING: usize = 1000;
/// The header of a database file, up to what tells WAL mode.
const HEADER_BYTES: u64 = 20;

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "sqlite",
    about: "SQLite databases; a table is a table or a view",
    about_zh: "SQLite 数据库；表名即表或视图",
    open,
    consistency: Consistency::Pinned,
    since: false,
    settings: &[Setting { name: "file", about: "The database file. Required", about_zh: "数据库文件。必填" }],
};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    file: String,
}

struct Sqlite {
    place: Place,
    /// As the settings say it.
    name: String,
    path: PathBuf,
}

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, String> {
    let settings: Settings = settings.try_into().map_err(|it| it.message().to_owned())?;
    let path = place.root.join(&settings.file);
    Ok(Box::new(Sqlite { place, name: settings.file, path }))
}

#[async_trait]
impl Connector for Sqlite {
    async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let mut database = self.connect("").await?;
        let mut offers = Vec::new();
        for table in database.tables().await.map_err(|it| self.failed("", &it))? {
            let columns = database.columns(&table).await.map_err(|it| self.failed(&table, &it))?;
            offers.push(Offer { table, columns, rows: None });
        }
        Ok(offers)
    }

    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure> {
        let mut database = self.connect(&ask.table).await?;
        let columns = self.columns_of(&mut database, ask).await?;
        let row_id = database.row_id(&ask.table, &columns).await.map_err(|it| self.failed(&ask.table, &it))?;
        let schema = with_places(columns.iter().map(|it| text_column(&as_asked(it, &ask.columns).unwrap_or_else(|| it.clone()))));
        let reading = Reading {
            sql: select(&ask.table, &columns, row_id),
            schema: Arc::clone(&schema),
            batch_rows: ask.batch_rows,
            under: Under { file: Some(self.name.clone()), ..Under::default() },
            failed: self.place.failure(&ask.table, ""),
        };
        let pieces = spawned(&self.place, &ask.table, |outlet| reading.run(database, outlet));
        Ok(Pull { schema, pieces })
    }
}

impl Sqlite {
    /// Opens the file so that nothing is written, neither to it nor beside it.
    ///
    /// A database in WAL mode that nobody has open has no `-wal` file, and `SQLite` would make one to read it; it is opened as immutable instead,
    /// and [`Database::unchanged`] refuses what was read when somebody wrote meanwhile.
    async fn connect(&self, table: &str) -> Result<Database, Failure> {
        let unreadable = |it: std::io::Error| {
            let hint = format!("it is looked for at {}", self.path.display());
            self.place.failure(table, format!("the database `{}` cannot be read: {it}", self.name)).hint(hint)
        };
        let found = stamp(&self.path).map_err(unreadable)?;
        let mut beginning = Vec::new();
        File::open(&self.path).and_then(|it| it.take(HEADER_BYTES).read_to_end(&mut beginning)).map_err(unreadable)?;
        if !beginning.starts_with(b"SQLite format 3\0") {
            let failure = self.place.failure(table, format!("`{}` is no SQLite database", self.name));
            return Err(failure.hint("is it empty, cut off, encrypted, or of another kind?"));
        }
        // https://www.sqlite.org/fileformat2.html#file_format_version_numbers: 2 is WAL.
        let at_rest = beginning.get(19) == Some(&2) && !self.beside("-wal").exists();
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .read_only(true)
            .immutable(at_rest)
            .row_buffer_size(ROWS_WAITING)
            .disable_statement_logging();
        let connection = SqliteConnection::connect_with(&options).await.map_err(|it| self.failed(table, &it))?;
        Ok(Database { connection, path: self.path.clone(), found: at_rest.then_some(found) })
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(ending);
        path.into()
    }

    /// The table's columns; a failure that names what there is when there is no such table, or none of the mapped columns in it.
    async fn columns_of(&self, database: &mut Database, ask: &Ask) -> Result<Vec<String>, Failure> {
        let columns = database.columns(&ask.table).await.map_err(|it| self.failed(&ask.table, &it))?;
        let tables = database.tables().await.map_err(|it| self.failed(&ask.table, &it))?;
        let tables = || tables.iter().map(String::as_str);
        if columns.is_empty() {
            let failure = self.place.failure(&ask.table, format!("`{}` has no such table", self.name));
            return Err(failure.hint(near::did_you_mean(&ask.table, tables())));
        }
        let wanted: Vec<&String> = ask.columns.iter().filter(|it| !PLACE_COLUMNS.contains(&it.as_str())).collect();
        if !wanted.is_empty() && !wanted.iter().any(|it| as_asked(it, &columns).is_some()) {
            let failure = self.place.failure(&ask.table, "the table has none of the mapped columns");
            let hint =
                format!("its columns are {}; the tables are {}", near::list(columns.iter().map(String::as_str)), near::list(tables()));
            return Err(failure.hint(hint));
        }
        Ok(columns)
    }

    fn failed(&self, table: &str, error: &sqlx::Error) -> Failure {
        told(self.place.failure(table, format!("the database `{}`", self.name)), error)
    }
}

/// What `SQLite` says, after what the failure says already.
fn told(failure: Failure, error: &sqlx::Error) -> Failure {
    let error = error.to_string();
    let hint = if error.contains("malformed") || error.contains("not a database") {
        "the file is not whole, or no SQLite database; have it delivered again"
    } else if error.contains("locked") || error.contains("busy") {
        "somebody writes to it; pull later, or pull a copy"
    } else {
        "open it with another program; if it is whole there, tell us"
    };
    Failure { why: format!("{}: {error}", failure.why), ..failure }.hint(hint)
}

/// An open database.
struct Database {
    connection: SqliteConnection,
    path: PathBuf,
    /// What the file was like when it was opened as immutable.
    found: Option<Stamp>,
}

impl Database {
    /// Tables and views, in name order, without `SQLite`'s own.
    async fn tables(&mut self) -> Result<Vec<String>, sqlx::Error> {
        let sql = r"SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name";
        sqlx::query_scalar(sql).fetch_all(&mut self.connection).await
    }

    /// The columns of a table, generated ones included; none when there is no such table.
    async fn columns(&mut self, table: &str) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid")
            .bind(table)
            .fetch_all(&mut self.connection)
            .await
    }

    /// The name by which the table's row numbers can be asked for; null for views and tables without them.
    async fn row_id(&mut self, table: &str, columns: &[String]) -> Result<Option<&'static str>, sqlx::Error> {
        let sql = "SELECT count(*) FROM pragma_table_list WHERE name = ? COLLATE NOCASE AND type = 'table' AND wr = 0";
        let numbered: i64 = sqlx::query_scalar(sql).bind(table).fetch_one(&mut self.connection).await?;
        let free = |it: &&str| !columns.iter().any(|column| column.eq_ignore_ascii_case(it));
        Ok(["rowid", "_rowid_", "oid"].into_iter().find(free).filter(|_| numbered > 0))
    }

    /// Whether what was read is of one version of the file. When it was opened as immutable, no lock has kept writers out.
    fn unchanged(&self) -> bool {
        self.found.is_none_or(|found| stamp(&self.path).is_ok_and(|now| now == found))
    }
}

/// Rows in the order of their row numbers, which stand last.
fn select(table: &str, columns: &[String], row_id: Option<&str>) -> String {
    let mut names: Vec<String> = columns.iter().map(|it| quoted(it)).collect();
    names.extend(row_id.map(str::to_owned));
    let order = row_id.map_or(String::new(), |it| format!(" ORDER BY {it}"));
    format!("SELECT {} FROM {}{order}", names.join(", "), quoted(table))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table being read.
struct Reading {
    sql: String,
    schema: SchemaRef,
    batch_rows: usize,
    under: Under,
    /// Its reason is written when it happens.
    failed: Failure,
}

impl Reading {
    async fn run(self, mut database: Database, outlet: Outlet) -> Result<(), Stop> {
        let own = self.schema.fields().len() - PLACE_COLUMNS.len();
        let from: Vec<Option<usize>> = (0..own).map(Some).collect();
        let mut rows = Rows::new(Arc::clone(&self.schema), self.batch_rows);
        let mut row = Row::default();
        let mut row_no = 0;
        let failed = |it: sqlx::Error| Stop::Failed(told(Failure { why: "the pull broke off".to_owned(), ..self.failed.clone() }, &it));
        let mut values = sqlx::query(AssertSqlSafe(self.sql.clone())).fetch(&mut database.connection);
        while let Some(read) = values.try_next().await.map_err(failed)? {
            row_no = if read.len() > own { read.try_get(own).map_err(failed)? } else { row_no + 1 };
            match self.cells(&read, own, &mut row).map_err(failed)? {
                None => rows.add(row_no, &row, &from),
                Some(why) => outlet.put_async(self.broken(row_no, &row, why)).await?,
            }
            if rows.is_full() {
                put(&mut rows, &self.under, &outlet).await?;
            }
        }
        drop(values);
        put(&mut rows, &self.under, &outlet).await?;
        if !database.unchanged() {
            let failure = Failure { why: "somebody wrote to the database while it was read".to_owned(), ..self.failed.clone() };
            return Err(Stop::Failed(failure.hint("pull later, or pull a copy")));
        }
        Ok(())
    }

    /// Puts the values into `row` as text; why not, when one of them is none.
    fn cells(&self, read: &SqliteRow, own: usize, row: &mut Row) -> Result<Option<String>, sqlx::Error> {
        row.clear();
        let mut why = None;
        for at in 0..own {
            let value = read.try_get_raw(at)?;
            let text = push(value, row).map_err(sqlx::Error::Decode)?;
            if !text {
                why = why.or_else(|| Some(format!("`{}` holds bytes that are no text", self.schema.field(at).name())));
            }
        }
        Ok(why)
    }

    fn broken(&self, row_no: i64, row: &Row, why: String) -> Piece {
        let raw = (0..row.len()).map(|at| row.cell(at).unwrap_or("NULL")).collect::<Vec<_>>().join("|");
        let spot = Spot { file: self.under.file.clone(), sheet: None, row: Some(row_no) };
        Piece::Broken(BrokenRow { spot, raw, why })
    }
}

async fn put(rows: &mut Rows, under: &Under, outlet: &Outlet) -> Result<(), Stop> {
    match rows.batch(under) {
        Some(batch) => outlet.put_async(Piece::Rows(batch)).await,
        None => Ok(()),
    }
}

/// Adds a value as text, exactly as it is. False when it is no text; then its bytes are added as `\xNN`.
fn push(value: SqliteValueRef<'_>, row: &mut Row) -> Result<bool, sqlx::error::BoxDynError> {
    if value.is_null() {
        row.push(None);
        return Ok(true);
    }
    let kind = value.type_info().into_owned();
    match kind.name() {
        "INTEGER" => {
            let number = <i64 as Decode<sqlx::Sqlite>>::decode(value)?;
            row.push_with(|out| cell::append(out, &number));
        }
        "REAL" => {
            let number = <f64 as Decode<sqlx::Sqlite>>::decode(value)?;
            row.push_with(|out| cell::append(out, &number));
        }
        kind => {
            let bytes = <&[u8] as Decode<sqlx::Sqlite>>::decode(value)?;
            let text = std::str::from_utf8(bytes).ok().filter(|_| kind == "TEXT");
            match text {
                Some(text) => row.push(Some(text)),
                None => {
                    row.push_with(|out| bytes.iter().for_each(|it| cell::append(out, &format_args!("\\x{it:02X}"))));
                }
            }
            return Ok(text.is_some());
        }
    }
    Ok(true)
}
