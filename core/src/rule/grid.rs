//! Markdown tables, and how their cells become rows of a shared table.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float32Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::NaiveDate;

use super::Faults;
use crate::codes::CodeList;
use crate::diag::did_you_mean;
use crate::function;
use crate::schema::{self, Kind, UNIT};

/// A Markdown table. An empty cell is null; a column that is left out is null everywhere.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// Column names.
    pub header: Vec<Cell>,
    /// Rows, as wide as the header.
    pub rows: Vec<Vec<Cell>>,
}

/// One cell and where it stands in the card, in bytes.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What it says; null when empty.
    pub text: Option<String>,
    /// Where.
    pub at: Range<usize>,
}

/// Rows of one table that an example gives.
#[derive(Clone, Debug)]
pub struct Given {
    /// A shared table, or `person`, `identity`, `unit_reference`, `presence`, `feed`.
    pub table: String,
    /// The rows in linked shape. Where the card does not say, the feed is `example/<table>` and rows count from 1.
    pub batch: RecordBatch,
}

impl Grid {
    /// Takes one line of a table that begins at `start` of the card.
    pub(super) fn push(&mut self, line: &str, start: usize, faults: &mut Faults<'_>) {
        let cells = cells(line, start);
        if cells.iter().all(|it| it.text.as_deref().is_some_and(|it| it.trim_matches(':').bytes().all(|it| it == b'-'))) {
            return;
        }
        if self.header.is_empty() {
            self.header = cells;
        } else if cells.len() == self.header.len() {
            self.rows.push(cells);
        } else {
            let what = format!("{} cells, but the header has {}", cells.len(), self.header.len());
            faults.add(start..start + line.len(), what, "in this row");
        }
    }

    /// Column names as text.
    pub fn names(&self) -> Vec<String> {
        self.header.iter().map(|it| it.text.clone().unwrap_or_default()).collect()
    }
}

/// The cells between the bars; `\|` is a bar inside a cell.
fn cells(line: &str, start: usize) -> Vec<Cell> {
    let bars: Vec<usize> = line.char_indices().filter(|(at, it)| *it == '|' && !line[..*at].ends_with('\\')).map(|(at, _)| at).collect();
    let end = line.len();
    let closed = line.trim_end().ends_with('|');
    let mut edges = bars;
    if !closed {
        edges.push(end);
    }
    edges
        .windows(2)
        .map(|edge| {
            let raw = &line[edge[0] + 1..edge[1]];
            let text = raw.trim();
            let from = start + edge[0] + 1 + (raw.len() - raw.trim_start().len()).min(raw.len());
            let text = (!text.is_empty()).then(|| text.replace("\\|", "|"));
            let width = raw.trim().len().max(1);
            Cell { text, at: from..from + width }
        })
        .collect()
}

/// One column that an example may give.
struct Shape {
    name: String,
    arrow: DataType,
    codes: Option<&'static CodeList>,
    month: bool,
}

/// The columns that rules see of a table.
fn shape(table: &str) -> Option<Vec<Shape>> {
    if let Some(table) = schema::table(table) {
        let kind = |name: &str| table.columns.iter().chain(UNIT).find(|it| it.name == name).map(|it| it.kind);
        let fields = table.linked_schema();
        let of_field = |field: &Arc<Field>| Shape {
            name: field.name().clone(),
            arrow: field.data_type().clone(),
            codes: match kind(field.name()) {
                Some(Kind::Code(list)) => Some(list),
                _ => None,
            },
            month: kind(field.name()) == Some(Kind::Month),
        };
        return Some(fields.fields().iter().map(of_field).collect());
    }
    let derived = schema::DERIVED.iter().find(|it| it.name == table)?;
    let of_column = |(name, arrow, _): &(&'static str, DataType, &'static str)| Shape {
        name: (*name).to_owned(),
        arrow: arrow.clone(),
        codes: None,
        month: *name == "month" || name.ends_with("_month"),
    };
    Some(derived.columns.iter().map(of_column).collect())
}

/// The rows of `grid` as rows of the table `name`; everything that does not fit is told.
pub(super) fn given(name: &str, at: &Range<usize>, grid: &Grid, faults: &mut Faults<'_>) -> Option<Given> {
    let Some(shape) = shape(name) else {
        let known: Vec<&str> = schema::TABLES.iter().map(|it| it.name).chain(schema::DERIVED.iter().map(|it| it.name)).collect();
        let hint = did_you_mean(name, known, "docs/schema.md lists the tables that rules may read");
        faults.add_hint(at.clone(), format!("there is no table `{name}`"), "here", hint);
        return None;
    };
    for cell in &grid.header {
        let name_of = cell.text.as_deref().unwrap_or_default();
        if !shape.iter().any(|it| it.name == name_of) {
            let all: Vec<&str> = shape.iter().map(|it| it.name.as_str()).collect();
            let hint = did_you_mean(name_of, all.iter().copied(), &format!("it has {}", all.join(", ")));
            faults.add_hint(cell.at.clone(), format!("`{name}` has no column `{name_of}`"), "here", hint);
        }
    }
    let fields: Vec<Field> = shape.iter().map(|it| Field::new(&it.name, it.arrow.clone(), true)).collect();
    let arrays: Vec<ArrayRef> = shape.iter().map(|it| array(name, it, grid, faults)).collect();
    let batch =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("every array has the type of its field and a value per row");
    Some(Given { table: name.to_owned(), batch })
}

fn array(table: &str, shape: &Shape, grid: &Grid, faults: &mut Faults<'_>) -> ArrayRef {
    let column = grid.header.iter().position(|it| it.text.as_deref() == Some(shape.name.as_str()));
    let mut read = |of: &dyn Fn(&str) -> Option<Value>| -> Vec<Option<Value>> {
        let Some(column) = column else { return vec![None; grid.rows.len()] };
        grid.rows.iter().map(|row| cell(shape, &row[column], of, faults)).collect()
    };
    match shape.arrow {
        DataType::Int32 if shape.month => {
            Arc::new(read(&|it| month(it).map(Value::Small)).iter().map(|it| it.as_ref()?.small()).collect::<Int32Array>())
        }
        DataType::Int32 => Arc::new(read(&|it| whole(it).map(Value::Small)).iter().map(|it| it.as_ref()?.small()).collect::<Int32Array>()),
        DataType::Int64 => {
            let found = read(&|it| whole(it).map(Value::Big));
            let numbered = shape.name == "row_no";
            let of_row =
                |(row, it): (usize, &Option<Value>)| it.as_ref().and_then(Value::big).or_else(|| numbered.then_some(row as i64 + 1));
            Arc::new(found.iter().enumerate().map(of_row).collect::<Int64Array>())
        }
        DataType::Float32 => {
            Arc::new(read(&|it| it.parse().ok().map(Value::Share)).iter().map(|it| it.as_ref()?.share()).collect::<Float32Array>())
        }
        DataType::Boolean => Arc::new(read(&|it| flag(it).map(Value::Flag)).iter().map(|it| it.as_ref()?.flag()).collect::<BooleanArray>()),
        DataType::Date32 => Arc::new(read(&|it| day(it).map(Value::Small)).iter().map(|it| it.as_ref()?.small()).collect::<Date32Array>()),
        _ => {
            let found = read(&|it| Some(Value::Text(it.to_owned())));
            let feed = (shape.name == "feed" && table != "feed").then(|| format!("example/{table}"));
            let of_row = |it: &Option<Value>| it.as_ref().and_then(Value::text).or_else(|| feed.clone());
            Arc::new(found.iter().map(of_row).collect::<StringArray>())
        }
    }
}

/// What a cell came to.
#[derive(Clone)]
enum Value {
    Small(i32),
    Big(i64),
    Share(f32),
    Flag(bool),
    Text(String),
}

impl Value {
    fn small(&self) -> Option<i32> {
        if let Value::Small(it) = self { Some(*it) } else { None }
    }

    fn big(&self) -> Option<i64> {
        if let Value::Big(it) = self { Some(*it) } else { None }
    }

    fn share(&self) -> Option<f32> {
        if let Value::Share(it) = self { Some(*it) } else { None }
    }

    fn flag(&self) -> Option<bool> {
        if let Value::Flag(it) = self { Some(*it) } else { None }
    }

    fn text(&self) -> Option<String> {
        if let Value::Text(it) = self { Some(it.clone()) } else { None }
    }
}

fn cell(shape: &Shape, cell: &Cell, of: &dyn Fn(&str) -> Option<Value>, faults: &mut Faults<'_>) -> Option<Value> {
    let text = cell.text.as_deref()?;
    let Some(value) = of(text) else {
        let (what, hint) = wanted(shape);
        faults.add_hint(cell.at.clone(), format!("`{text}` is no {what}"), format!("in `{}`", shape.name), hint);
        return None;
    };
    if let Some(list) = shape.codes.filter(|it| it.code(text).is_none()) {
        let all: Vec<&str> = list.codes.iter().map(|it| it.value).collect();
        let hint = did_you_mean(text, all.iter().copied(), &format!("one of {}", all.join(", ")));
        faults.add_hint(cell.at.clone(), format!("`{text}` is no {} code", list.name), format!("in `{}`", shape.name), hint);
    }
    Some(value)
}

fn wanted(shape: &Shape) -> (&'static str, &'static str) {
    match shape.arrow {
        DataType::Int32 if shape.month => ("month", "yyyymm, like 202610"),
        DataType::Int64 if shape.name.ends_with("_fen") => ("amount", "whole fen, like 623470 for 6,234.70 yuan"),
        DataType::Int32 | DataType::Int64 => ("whole number", "digits, like 12 or 1_200"),
        DataType::Float32 => ("number", "like 0.7"),
        DataType::Boolean => ("flag", "yes or no"),
        DataType::Date32 => ("day", "like 2026-10-31"),
        _ => ("text", ""),
    }
}

/// A month written 202610 or 2026-10.
pub(super) fn month(text: &str) -> Option<i32> {
    let month = text.replace('-', "").parse().ok()?;
    function::month_index(month).filter(|_| text.len() <= 7).map(|_| month)
}

/// A whole number; `_` may group digits.
fn whole<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.replace('_', "").parse().ok()
}

fn day(text: &str) -> Option<i32> {
    text.parse::<NaiveDate>().ok().map(function::days)
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "yes" | "true" | "是" => Some(true),
        "no" | "false" | "否" => Some(false),
        _ => None,
    }
}

/// What a `finds` cell says, in the form in which values of `arrow` are printed; the text itself when it is none of them.
pub(super) fn normal(text: &str, arrow: &DataType) -> String {
    let number = match arrow {
        DataType::Int32 => whole::<i64>(text).map(|it| it.to_string()).or_else(|| month(text).map(|it| it.to_string())),
        DataType::Int64 | DataType::UInt64 => whole::<i64>(text).map(|it| it.to_string()),
        DataType::Boolean => flag(text).map(|it| it.to_string()),
        _ => None,
    };
    number.unwrap_or_else(|| text.to_owned())
}

impl fmt::Display for Grid {
    /// The table as Markdown, with columns aligned.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|it| it.text.clone().unwrap_or_default()).collect()).collect();
        draw(&self.names(), &rows, f)
    }
}

/// Draws a Markdown table.
pub(super) fn draw(header: &[String], rows: &[Vec<String>], f: &mut impl fmt::Write) -> fmt::Result {
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).chain([header[at].chars().count(), 3]).max().unwrap_or(3);
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut line = |cells: &[String]| -> fmt::Result {
        for (cell, width) in cells.iter().zip(&widths) {
            write!(f, "| {cell:width$} ")?;
        }
        writeln!(f, "|")
    };
    line(header)?;
    line(&widths.iter().map(|it| "-".repeat(*it)).collect::<Vec<_>>())?;
    rows.iter().try_for_each(|row| line(row))
}
