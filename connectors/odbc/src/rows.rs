//! The rows of a table or query, many at once where their cells are short, else cell by cell.

use muster_connectors::odbc::line::{Answer, At, Column, Holds};
use odbc_api::buffers::{BufferDesc, ColumnarDynBuffer};
use odbc_api::handles::StatementImpl;
use odbc_api::sys::{Date, Timestamp};
use odbc_api::{Connection, Cursor, DataType, Error, Nullable, Prepared};

use crate::cells::Cells;
use crate::given::Outlet;
use crate::trouble::{Broken, at, refused};

/// What is wanted.
pub struct Wanted<'a> {
    pub from: &'a str,
    pub batch_rows: usize,
    pub blocks: bool,
    pub query_seconds: usize,
}

/// Texts that may be longer are fetched cell by cell.
const SHORT_MAX: usize = 4000;
/// What a block may take.
const BLOCK_BYTES: usize = 16 << 20;
/// Numbers as text: drivers are wrong about the digits of a NUMERIC without declared ones.
const NUMBER_CHARS: usize = 130;
/// Times, intervals and identifiers as text.
const OTHER_CHARS: usize = 64;

/// A column, and how its cells are fetched.
struct Fetched {
    column: Column,
    /// The most code units of a text; null where they may be long.
    chars: Option<usize>,
}

/// Hands over all rows, and how many there were.
pub fn pull(connection: &Connection<'_>, wanted: &Wanted<'_>, snapshot: bool, outlet: &mut Outlet) -> Result<(), Broken> {
    let before = if snapshot { None } else { Some(count(connection, wanted.from, wanted.query_seconds)?) };
    let rows = rows(connection, wanted, outlet)?;
    let after = count(connection, wanted.from, wanted.query_seconds)?;
    outlet.answer(&Answer::Counted { before, rows, after })
}

/// How many rows there are.
pub fn count(connection: &Connection<'_>, from: &str, query_seconds: usize) -> Result<u64, Broken> {
    let sql = format!("SELECT COUNT(*) FROM {from}");
    let mut statement = prepared(connection, &sql, query_seconds, &At::Count)?;
    let mut cursor = statement.execute(()).map_err(at(At::Count))?.ok_or_else(|| refused(At::Count))?;
    let mut text = Vec::new();
    let mut row = cursor.next_row().map_err(at(At::Count))?.ok_or_else(|| refused(At::Count))?;
    row.get_wide_text(1, &mut text).map_err(at(At::Count))?;
    // Oracle counts in NUMBER, which some drivers write with a point at its end.
    String::from_utf16_lossy(&text).trim_end_matches('.').parse().map_err(|_| refused(At::Count))
}

/// Prepared first: a server that can prepare takes exactly one statement.
fn prepared<'c>(
    connection: &'c Connection<'_>,
    sql: &str,
    query_seconds: usize,
    doing: &At,
) -> Result<Prepared<StatementImpl<'c>>, Broken> {
    let mut statement = connection.prepare(sql).map_err(at(doing.clone()))?;
    // Not every driver has a limit for queries; `muster` has one of its own.
    let _ = statement.set_query_timeout_sec(query_seconds);
    Ok(statement)
}

fn rows(connection: &Connection<'_>, wanted: &Wanted<'_>, outlet: &mut Outlet) -> Result<u64, Broken> {
    let sql = format!("SELECT * FROM {}", wanted.from);
    let mut statement = prepared(connection, &sql, wanted.query_seconds, &At::Query)?;
    let mut cursor = statement.execute(()).map_err(at(At::Query))?.ok_or_else(|| refused(At::Query))?;
    let fetched = described(&mut cursor).map_err(at(At::Query))?;
    let columns: Vec<Column> = fetched.iter().map(|it| it.column.clone()).collect();
    outlet.answer(&Answer::Columns(columns.clone()))?;
    let mut cells = Cells::new(&columns);
    let short: Option<Vec<BufferDesc>> = fetched.iter().map(buffer).collect();
    match short.filter(|_| wanted.blocks) {
        Some(short) => in_blocks(cursor, &columns, short, &mut cells, wanted.batch_rows, outlet)?,
        None => one_by_one(cursor, &columns, &mut cells, wanted.batch_rows, outlet)?,
    }
    cells.hand_over(outlet)?;
    Ok(cells.given())
}

fn described(cursor: &mut impl Cursor) -> Result<Vec<Fetched>, Error> {
    let count = u16::try_from(cursor.num_result_cols()?).unwrap_or_default();
    (1..=count)
        .map(|nth| {
            let (holds, chars) = held(cursor.col_data_type(nth)?);
            Ok(Fetched { column: Column { name: cursor.col_name(nth)?, holds }, chars })
        })
        .collect()
}

/// What cells of a type become, and how many code units they take at most.
fn held(kind: DataType) -> (Holds, Option<usize>) {
    let short = |length: Option<std::num::NonZeroUsize>| length.map(|it| 2 * it.get()).filter(|it| *it <= SHORT_MAX);
    match kind {
        DataType::Double | DataType::Float { .. } | DataType::Real => (Holds::Real, Some(0)),
        DataType::Date => (Holds::Day, Some(0)),
        DataType::Timestamp { precision: 0..=6 } => (Holds::Moment, Some(0)),
        DataType::Numeric { .. } | DataType::Decimal { .. } => (Holds::Text, Some(NUMBER_CHARS)),
        DataType::Integer | DataType::SmallInt | DataType::BigInt | DataType::TinyInt | DataType::Bit => (Holds::Text, Some(OTHER_CHARS)),
        DataType::Time { .. } | DataType::Timestamp { .. } => (Holds::Text, Some(OTHER_CHARS)),
        DataType::Char { length } | DataType::WChar { length } | DataType::Varchar { length } | DataType::WVarchar { length } => {
            (Holds::Text, short(length))
        }
        DataType::Binary { .. } | DataType::Varbinary { .. } | DataType::LongVarbinary { .. } => (Holds::Bytes, None),
        DataType::LongVarchar { .. } | DataType::WLongVarchar { .. } | DataType::Unknown | DataType::Other { .. } => (Holds::Text, None),
    }
}

fn buffer(fetched: &Fetched) -> Option<BufferDesc> {
    Some(match fetched.column.holds {
        Holds::Text => BufferDesc::WText { max_str_len: fetched.chars? },
        Holds::Bytes => return None,
        Holds::Real => BufferDesc::F64 { nullable: true },
        Holds::Day => BufferDesc::Date { nullable: true },
        Holds::Moment => BufferDesc::Timestamp { nullable: true },
    })
}

fn in_blocks(
    cursor: impl Cursor,
    columns: &[Column],
    buffers: Vec<BufferDesc>,
    cells: &mut Cells,
    batch_rows: usize,
    outlet: &mut Outlet,
) -> Result<(), Broken> {
    let row_bytes: usize =
        buffers.iter().map(|it| if let BufferDesc::WText { max_str_len } = it { 2 * max_str_len + 10 } else { 24 }).sum();
    let rows = (BLOCK_BYTES / row_bytes.max(1)).clamp(1, batch_rows);
    let buffer = ColumnarDynBuffer::from_descs(rows, buffers);
    let mut cursor = cursor.bind_buffer(buffer).map_err(at(At::Rows))?;
    let longer = |error: Error| match error {
        Error::TooLargeValueForBuffer { buffer_index, .. } => {
            refused(At::Longer(columns.get(buffer_index).map_or_else(String::new, |it| it.name.clone())))
        }
        other => at(At::Rows)(other),
    };
    while let Some(block) = cursor.fetch_with_truncation_check(true).map_err(longer)? {
        for row in 0..block.num_rows() {
            for (nth, column) in columns.iter().enumerate() {
                let cell = block.column(nth);
                match column.holds {
                    Holds::Text | Holds::Bytes => cells.text(nth, cell.as_wide_text().and_then(|it| it.get(row))),
                    Holds::Real => cells.real(nth, cell.as_nullable_slice::<f64>().and_then(|it| it.get(row).copied())),
                    Holds::Day => cells.day(nth, cell.as_nullable_slice::<Date>().and_then(|it| it.get(row).copied())),
                    Holds::Moment => cells.moment(nth, cell.as_nullable_slice::<Timestamp>().and_then(|it| it.get(row).copied())),
                }
            }
            cells.end_row(batch_rows, outlet)?;
        }
    }
    Ok(())
}

fn one_by_one(
    mut cursor: impl Cursor,
    columns: &[Column],
    cells: &mut Cells,
    batch_rows: usize,
    outlet: &mut Outlet,
) -> Result<(), Broken> {
    let (mut wide, mut bytes) = (Vec::new(), Vec::new());
    while let Some(mut row) = cursor.next_row().map_err(at(At::Rows))? {
        for (nth, column) in columns.iter().enumerate() {
            let at_column = u16::try_from(nth + 1).expect("ODBC counts columns so");
            match column.holds {
                Holds::Text => {
                    let there = row.get_wide_text(at_column, &mut wide).map_err(at(At::Rows))?;
                    cells.text(nth, there.then_some(wide.as_slice()));
                }
                Holds::Bytes => {
                    let there = row.get_binary(at_column, &mut bytes).map_err(at(At::Rows))?;
                    cells.bytes(nth, there.then_some(bytes.as_slice()));
                }
                Holds::Real => {
                    let mut cell = Nullable::<f64>::null();
                    row.get_data(at_column, &mut cell).map_err(at(At::Rows))?;
                    cells.real(nth, cell.into_opt());
                }
                Holds::Day => {
                    let mut cell = Nullable::<Date>::null();
                    row.get_data(at_column, &mut cell).map_err(at(At::Rows))?;
                    cells.day(nth, cell.into_opt());
                }
                Holds::Moment => {
                    let mut cell = Nullable::<Timestamp>::null();
                    row.get_data(at_column, &mut cell).map_err(at(At::Rows))?;
                    cells.moment(nth, cell.into_opt());
                }
            }
        }
        cells.end_row(batch_rows, outlet)?;
    }
    Ok(())
}
