//! Rows that could not be read, with everything a clerk needs to mend them.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::{Deserialize, Serialize};

use super::{Defects, Places};
use crate::mapping::{Feed, From, PLACE_COLUMNS};
use crate::read::Unread;

/// A row that could not be read. Holds personal data: it goes to the rejects file and to the department, never to a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// File; null for sources that have none.
    pub file: Option<String>,
    /// Sheet; null for files that have none.
    pub sheet: Option<String>,
    /// One-based row, as a person sees it.
    pub row: Option<i64>,
    /// The source column of the first defect; empty when the row as a whole is at fault.
    pub column: String,
    /// What stands in that cell.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
    /// The same in Chinese.
    pub why_zh: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The same in Chinese.
    pub hint_zh: Option<String>,
    /// The row's other defects.
    pub also: Vec<Defect>,
    /// The whole row as JSON, or as it stood in the file when it could not even be split into columns.
    pub raw: String,
}

/// A further defect of a rejected row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defect {
    /// The source column.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
    /// The same in Chinese.
    pub why_zh: String,
}

impl Reject {
    /// A row that the connector could not give as columns.
    pub(super) fn broken(file: Option<String>, sheet: Option<String>, row: Option<i64>, raw: &str, why: &str) -> Reject {
        Reject {
            file,
            sheet,
            row,
            column: String::new(),
            value: String::new(),
            why: why.to_owned(),
            why_zh: format!("本行无法按列读取：{why}"),
            hint: None,
            hint_zh: None,
            also: Vec::new(),
            raw: raw.to_owned(),
        }
    }
}

/// A reject for every bad row of `raw`. `sources` says which raw column fills each column of the feed.
pub(super) fn rejects(feed: &Feed, sources: &[Option<usize>], places: &Places, raw: &RecordBatch, defects: &Defects) -> Vec<Reject> {
    if defects.is_empty() {
        return Vec::new();
    }
    let texts = Texts { raw };
    defects.iter().map(|(row, defects)| one(feed, sources, places, &texts, *row as usize, defects)).collect()
}

fn one(
    feed: &Feed,
    sources: &[Option<usize>],
    places: &Places,
    texts: &Texts<'_>,
    row: usize,
    defects: &[(Option<usize>, Unread)],
) -> Reject {
    let mut all = defects.iter().map(|(fill, why)| defect(feed, sources, texts, row, *fill, *why));
    let first = all.next().expect("a bad row has a defect");
    let hint = defects.first().and_then(|(_, why)| why.hint());
    let place = |at: Option<usize>| at.and_then(|at| texts.cell(at, row));
    Reject {
        file: place(places.file),
        sheet: place(places.sheet),
        row: places.row.and_then(|at| texts.number(at, row)),
        column: first.column,
        value: first.value,
        why: first.why,
        why_zh: first.why_zh,
        hint: hint.map(|(_, en)| en.to_owned()),
        hint_zh: hint.map(|(zh, _)| zh.to_owned()),
        also: all.collect(),
        raw: texts.json(row),
    }
}

fn defect(feed: &Feed, sources: &[Option<usize>], texts: &Texts<'_>, row: usize, fill: Option<usize>, why: Unread) -> Defect {
    let column = fill.map_or(String::new(), |at| match &feed.columns[at].from {
        From::Column(name) => name.clone(),
        From::Sql(_) | From::Value(_) => feed.columns[at].into.clone(),
    });
    let value = fill.and_then(|at| sources[at]).and_then(|at| texts.cell(at, row)).unwrap_or_default();
    Defect { column, value, why: why.en().to_owned(), why_zh: why.zh().to_owned() }
}

/// The cells of a raw batch as text.
struct Texts<'a> {
    raw: &'a RecordBatch,
}

impl Texts<'_> {
    fn cell(&self, column: usize, row: usize) -> Option<String> {
        let cells = self.raw.column(column);
        if cells.is_null(row) {
            return None;
        }
        let options = FormatOptions::default();
        ArrayFormatter::try_new(cells, &options).ok().map(|it| it.value(row).to_string())
    }

    fn number(&self, column: usize, row: usize) -> Option<i64> {
        let cell = cast(&self.raw.column(column).slice(row, 1), &DataType::Int64).ok()?;
        let cell = cell.as_primitive::<Int64Type>();
        cell.is_valid(0).then(|| cell.value(0))
    }

    /// The row by source column, in the source's order. Every value is text, as a person sees it.
    fn json(&self, row: usize) -> String {
        let schema = self.raw.schema();
        let cells = schema.fields().iter().enumerate().filter(|(_, it)| !PLACE_COLUMNS.contains(&it.name().as_str()));
        let pairs: Vec<String> =
            cells.map(|(at, field)| format!("{}:{}", quoted(Some(field.name())), quoted(self.cell(at, row).as_deref()))).collect();
        format!("{{{}}}", pairs.join(","))
    }
}

fn quoted(text: Option<&str>) -> String {
    serde_json::to_string(&text).expect("text is always JSON")
}
