//! One table or query, stepped into batches.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Error, ErrorCode, Statement};

use super::Source;
use super::database::{Column as Declared, Database, told};
use crate::columns;
use crate::gather::{Column, Gathered, single_names, write_hex, write_real, write_whole};
use crate::heading::as_asked;
use crate::sink::{Outlet, Stop, Under, text_column, with_places};
use crate::{Ask, Failure, PLACE_COLUMNS, Said, Since, guard, near, said};

/// So many steps of `SQLite`'s machine pass between two looks at whether anybody still waits: some milliseconds.
const STEPS_BETWEEN_LOOKS: i32 = 100_000;

/// A table or query about to be read.
pub(super) struct Reading {
    sql: String,
    /// Counts the rows of `sql`.
    count_sql: String,
    /// The least value, where `sql` asks for one.
    at_least: Option<Value>,
    schema: SchemaRef,
    /// For each column whether bytes belong in it; then they come as hexadecimal digits.
    bytes: Vec<bool>,
    /// Whether the row's number stands last.
    numbered: bool,
    batch_rows: usize,
    under: Under,
    /// Its reason is written when it happens.
    failed: Failure,
}

impl Reading {
    /// Looks up what is asked for; a failure that names what there is when there is no such table, or none of the mapped columns in it.
    pub(super) fn new(source: &Source, database: &Database, ask: &Ask) -> Result<Reading, Failure> {
        let columns = if guard::is_query(&ask.table) { of_query(source, database, ask)? } else { of_table(source, database, ask)? };
        let row_id = database.row_id(&ask.table, &columns).map_err(|it| source.failed(&ask.table, &it))?;
        let names = names_of(&columns);
        let shown = names.iter().map(|it| as_asked(it, &ask.columns).unwrap_or_else(|| it.clone()));
        let schema = with_places(single_names(shown).iter().map(|it| text_column(it)));
        let (from, condition, at_least) = limits(source, ask, &names)?;
        Ok(Reading {
            sql: format!("SELECT {} FROM {from}{condition}{}", selected(&names, row_id), ordered(row_id)),
            count_sql: format!("SELECT count(*) FROM {from}{condition}"),
            at_least,
            schema,
            bytes: columns.iter().map(|it| it.bytes).collect(),
            numbered: row_id.is_some(),
            batch_rows: ask.batch_rows,
            under: Under { file: Some(source.name.clone()), ..Under::default() },
            failed: source.place.failure(&ask.table, ""),
        })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The names of its columns.
    pub(super) fn columns(&self) -> Vec<String> {
        let own = self.schema.fields().len() - PLACE_COLUMNS.len();
        self.schema.fields()[..own].iter().map(|it| it.name().clone()).collect()
    }

    /// How many rows it has.
    pub(super) fn count(&self, database: &Database) -> Result<u64, Failure> {
        let counted = || -> Result<u64, Error> {
            let mut statement = database.connection.prepare(&self.count_sql)?;
            let rows: i64 = statement.query_row(rusqlite::params_from_iter(&self.at_least), |row| row.get(0))?;
            Ok(rows as u64)
        };
        counted().map_err(|it| self.broke_off(&it))
    }

    /// Hands every row over, then makes sure that it was every row.
    pub(super) fn run(&self, database: &Database, outlet: &Outlet) -> Result<(), Stop> {
        let watcher = outlet.watcher();
        let connection = &database.connection;
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(watcher)).map_err(|it| self.broke_off(&it))?;
        let done = self.rows(database, outlet).and_then(|rows| self.make_sure(database, rows));
        connection.progress_handler(0, None::<fn() -> bool>).map_err(|it| self.broke_off(&it))?;
        done
    }

    /// How many rows were handed over, broken ones included.
    fn rows(&self, database: &Database, outlet: &Outlet) -> Result<u64, Stop> {
        let stop = |it: Error| match it.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Stop::Gone,
            _ => Stop::Failed(self.broke_off(&it)),
        };
        let mut statement = database.connection.prepare(&self.sql).map_err(stop)?;
        let mut rows = self.query(&mut statement).map_err(stop)?;
        let mut gathered = Gathered::new(self.schema(), self.batch_rows);
        let (mut row_no, mut count) = (0, 0);
        while let Some(row) = rows.next().map_err(stop)? {
            self.cells(row, &mut gathered).map_err(stop)?;
            row_no = if self.numbered { row.get(self.bytes.len()).map_err(stop)? } else { row_no + 1 };
            gathered.end_row(row_no);
            count += 1;
            if gathered.is_full() {
                self.hand_over(&mut gathered, outlet)?;
            }
        }
        self.hand_over(&mut gathered, outlet)?;
        Ok(count)
    }

    fn query<'a>(&self, statement: &'a mut Statement<'_>) -> Result<rusqlite::Rows<'a>, Error> {
        statement.query(rusqlite::params_from_iter(&self.at_least))
    }

    /// Puts a row's values into the columns as text, exactly as they are.
    fn cells(&self, row: &rusqlite::Row<'_>, gathered: &mut Gathered) -> Result<(), Error> {
        let mut refused = None;
        for (at, column) in gathered.columns().iter_mut().enumerate() {
            let Column::Text(column) = column else { continue };
            match row.get_ref(at)? {
                ValueRef::Null => column.null(),
                ValueRef::Text(text) => column.push(text),
                ValueRef::Integer(number) => column.push_with(|out| write_whole(number, out)),
                ValueRef::Real(number) => column.push_with(|out| write_real(number, out)),
                ValueRef::Blob(bytes) if self.bytes[at] => column.push_with(|out| write_hex(bytes, out)),
                ValueRef::Blob(bytes) => {
                    column.push(bytes);
                    refused = refused.or(Some(at));
                }
            }
        }
        if let Some(at) = refused {
            (at..self.bytes.len()).filter(|at| !self.bytes[*at]).for_each(|at| {
                if matches!(row.get_ref(at), Ok(ValueRef::Blob(_))) {
                    gathered.refuse(at);
                }
            });
        }
        Ok(())
    }

    fn hand_over(&self, gathered: &mut Gathered, outlet: &Outlet) -> Result<(), Stop> {
        gathered.pieces(&self.under).into_iter().try_for_each(|it| outlet.put(it))
    }

    /// Compares with what the database counts in the same transaction, and with the file that was opened.
    fn make_sure(&self, database: &Database, rows: u64) -> Result<(), Stop> {
        let counted = self.count(database)?;
        if !database.unchanged() {
            let failure = self.because(said!("读取时有人写入数据库", "somebody wrote to the database while it was read"));
            return Err(Stop::Failed(failure.hint(said!("请稍后取数，或取副本", "pull later, or pull a copy")).passing()));
        }
        if counted != rows {
            let failure =
                self.because(said!("取到 {rows} 行，数据库计数为 {counted} 行", "{rows} rows came, but the database counts {counted}"));
            return Err(Stop::Failed(failure.hint(said!(
                "文件的索引可能已损坏（可用 `PRAGMA integrity_check` 检查），或查询每次结果不同",
                "an index of the file may be damaged (`PRAGMA integrity_check` tells), or the query gives other rows each time"
            ))));
        }
        Ok(())
    }

    fn broke_off(&self, error: &Error) -> Failure {
        told(self.because(said!("取数中断", "the pull broke off")), error)
    }

    fn because(&self, why: Said) -> Failure {
        Failure { why, ..self.failed.clone() }
    }
}

/// The columns of a table.
fn of_table(source: &Source, database: &Database, ask: &Ask) -> Result<Vec<Declared>, Failure> {
    let columns = database.columns(&ask.table).map_err(|it| source.failed(&ask.table, &it))?;
    let tables = database.tables().map_err(|it| source.failed(&ask.table, &it))?;
    let tables = || tables.iter().map(String::as_str);
    if columns.is_empty() {
        let failure = source.place.failure(&ask.table, said!("`{}` 中没有这张表", "`{}` has no such table", source.name));
        return Err(failure.hint(near::did_you_mean(&ask.table, tables())));
    }
    columns::has_a_mapped_one(&source.place, ask, &names_of(&columns), &said!("；表有 {}", "; the tables are {}"; near::list(tables())))?;
    Ok(columns)
}

/// The columns of a query, which is refused unless it only reads.
fn of_query(source: &Source, database: &Database, ask: &Ask) -> Result<Vec<Declared>, Failure> {
    guard::only_reads(&ask.table).map_err(|why| source.place.failure(&ask.table, why))?;
    let statement = database.connection.prepare(guard::bare(&ask.table)).map_err(|it| source.failed(&ask.table, &it))?;
    if !statement.readonly() {
        return Err(source.place.failure(&ask.table, said!("该查询不只是读取", "the query does more than read")));
    }
    let names = statement.column_names().into_iter().map(str::to_owned);
    let columns: Vec<Declared> = names.map(|name| Declared { name, bytes: false }).collect();
    columns::named_apart(&source.place, ask, &names_of(&columns))?;
    columns::has_a_mapped_one(&source.place, ask, &names_of(&columns), &Said::default())?;
    Ok(columns)
}

/// Where the rows come from, which of them are wanted, and the least value that the condition speaks of.
fn limits(source: &Source, ask: &Ask, names: &[String]) -> Result<(String, String, Option<Value>), Failure> {
    let from = if guard::is_query(&ask.table) { format!("({}\n)", guard::bare(&ask.table)) } else { quoted(&ask.table) };
    let Some(since) = &ask.since else { return Ok((from, String::new(), None)) };
    let name = &names[columns::since(&source.place, ask, since, names)?];
    Ok((from, format!(" WHERE {} >= ?1", quoted(name)), Some(least(since))))
}

/// The least value in the type it reads as: a number finds numbers in a column without a type, and becomes text in a column of text.
fn least(since: &Since) -> Value {
    let text = &since.at_least;
    if let Some(number) = text.parse::<i64>().ok().filter(|it| it.to_string() == *text) {
        return Value::Integer(number);
    }
    let real = text.parse::<f64>().ok().filter(|it| it.is_finite() && it.to_string() == *text);
    real.map_or_else(|| Value::Text(text.clone()), Value::Real)
}

/// The columns; the row's number stands last.
fn selected(names: &[String], row_id: Option<&str>) -> String {
    let own = names.iter().map(|it| quoted(it));
    own.chain(row_id.map(str::to_owned)).collect::<Vec<_>>().join(", ")
}

fn ordered(row_id: Option<&str>) -> String {
    row_id.map_or_else(String::new, |it| format!(" ORDER BY {it}"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn names_of(columns: &[Declared]) -> Vec<String> {
    columns.iter().map(|it| it.name.clone()).collect()
}
