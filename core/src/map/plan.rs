//! How a feed's columns are filled from one source, settled once before its rows come.

use std::fmt;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};

use super::cell;
use super::expression::Expression;
use crate::diag::nearest;
use crate::mapping::{Feed, Fill, From, PLACE_COLUMNS, Sql};

/// How one shared column is filled from this source.
#[derive(Debug)]
pub(super) struct Plan {
    /// Place in [`Feed::columns`].
    pub fill: usize,
    /// Place in the input shape.
    pub into: usize,
    pub cells: Cells,
    pub default: Option<ArrayRef>,
}

/// Where the cells of a shared column come from.
#[derive(Debug)]
pub(super) enum Cells {
    /// A column of the raw batch.
    Raw(usize),
    /// A place column that this source does not have.
    Absent,
    Sql(Expression),
    /// An array of one value, already read.
    Constant(ArrayRef),
}

/// Where the place columns stand in the raw batch.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub file: Option<usize>,
    pub sheet: Option<usize>,
    pub row: Option<usize>,
}

/// Why a source cannot be read with a feed's mapping: a column is gone or of no use. Names columns only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Everything that is wrong.
    pub troubles: Vec<Trouble>,
}

/// One column that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The source column, or the shared column that SQL fills.
    pub column: String,
    /// What is wrong, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// What to try, in English.
    pub hint: Option<String>,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> =
            self.troubles.iter().map(|it| it.hint.as_ref().map_or_else(|| it.en.clone(), |hint| format!("{} ({hint})", it.en))).collect();
        write!(f, "{}", lines.join("; "))
    }
}

impl std::error::Error for Unusable {}

/// A plan for every column of the feed, and its `keep`; everything that stands in the way is told at once.
pub(super) fn plans(feed: &Feed, raw: &Schema, salt: &str) -> Result<(Vec<Plan>, Option<Expression>), Unusable> {
    let input = feed.fills.input_schema();
    let (mut plans, mut troubles) = (Vec::new(), Vec::new());
    for (place, fill) in feed.columns.iter().enumerate() {
        let into = input.index_of(&fill.into).expect("mapping::read refuses unknown columns");
        let default = fill.default.as_deref().and_then(|it| cell::read_constant(&fill.reader, it, salt).ok().flatten());
        match cells(fill, raw, salt) {
            Ok(cells) => plans.push(Plan { fill: place, into, cells, default }),
            Err(trouble) => troubles.push(trouble),
        }
    }
    let keep = feed.keep.as_ref().and_then(|it| predicate(it, raw).map_err(|it| troubles.push(it)).ok());
    if troubles.is_empty() { Ok((plans, keep)) } else { Err(Unusable { troubles }) }
}

fn cells(fill: &Fill, raw: &Schema, salt: &str) -> Result<Cells, Trouble> {
    match &fill.from {
        From::Value(text) => {
            let value = cell::read_constant(&fill.reader, text, salt).ok().flatten();
            Ok(value.map_or(Cells::Absent, Cells::Constant))
        }
        From::Column(name) => match raw.fields().find(name) {
            Some((at, field)) => readable(name, field.data_type()).map(|()| Cells::Raw(at)),
            None if PLACE_COLUMNS.contains(&name.as_str()) => Ok(Cells::Absent),
            None => Err(missing(name, raw)),
        },
        From::Sql(sql) => {
            let expression = planned(&fill.into, sql, raw)?;
            readable(&fill.into, expression.gives())?;
            Ok(Cells::Sql(expression))
        }
    }
}

fn predicate(sql: &Sql, raw: &Schema) -> Result<Expression, Trouble> {
    let expression = planned("keep", sql, raw)?;
    if expression.gives() == &DataType::Boolean {
        return Ok(expression);
    }
    Err(Trouble {
        column: "keep".to_owned(),
        zh: "keep.when 的结果不是真假值".to_owned(),
        en: format!("`keep.when` gives {}, not true or false", expression.gives()),
        hint: None,
    })
}

fn planned(into: &str, sql: &Sql, raw: &Schema) -> Result<Expression, Trouble> {
    if let Some(gone) = sql.columns.iter().find(|it| raw.fields().find(it).is_none()) {
        return Err(missing(gone, raw));
    }
    Expression::plan(&sql.text, raw).map_err(|refused| Trouble {
        column: into.to_owned(),
        zh: format!("{into} 的 SQL 与来源的列类型不符：{}", refused.what),
        en: format!("the SQL of `{into}` does not fit the source's types: {}", refused.what),
        hint: refused.hint.or_else(|| Some("cast text columns, such as cast(\"YFHJ\" as decimal(18,2))".to_owned())),
    })
}

fn readable(column: &str, cells: &DataType) -> Result<(), Trouble> {
    if cell::is_readable(cells) {
        return Ok(());
    }
    Err(Trouble {
        column: column.to_owned(),
        zh: format!("列“{column}”的类型 {cells} 无法读取"),
        en: format!("column `{column}` is of type {cells}, which cannot be read"),
        hint: Some("give the text of it with `sql`".to_owned()),
    })
}

fn missing(column: &str, raw: &Schema) -> Trouble {
    let names = raw.fields().iter().map(|it| it.name().as_str()).filter(|it| !PLACE_COLUMNS.contains(it));
    Trouble {
        column: column.to_owned(),
        zh: format!("来源中没有列“{column}”"),
        en: format!("the source has no column `{column}`"),
        hint: nearest(column, names).map(|it| format!("did you mean `{it}`?")),
    }
}

impl Places {
    pub(super) fn of(raw: &Schema) -> Places {
        let at = |name: &str| raw.index_of(name).ok();
        Places { file: at("_file"), sheet: at("_sheet"), row: at("_row") }
    }

    /// Stretches of rows of one file and sheet.
    pub(super) fn sheets(&self, batch: &RecordBatch) -> Vec<(Option<String>, Option<String>, Range<usize>)> {
        let text = |at: Option<usize>| at.and_then(|at| cast(batch.column(at), &DataType::Utf8).ok());
        let (file, sheet) = (text(self.file), text(self.sheet));
        let at = |column: &Option<ArrayRef>, row: usize| -> Option<String> {
            column.as_ref().filter(|it| it.is_valid(row)).map(|it| it.as_string::<i32>().value(row).to_owned())
        };
        let differs = |column: &Option<ArrayRef>, row: usize| {
            column.as_ref().is_some_and(|it| {
                let texts = it.as_string::<i32>();
                texts.is_valid(row) != texts.is_valid(row - 1) || (texts.is_valid(row) && texts.value(row) != texts.value(row - 1))
            })
        };
        let mut stretches = Vec::new();
        let mut start = 0;
        for row in 1..=batch.num_rows() {
            if row == batch.num_rows() || differs(&file, row) || differs(&sheet, row) {
                stretches.push((at(&file, start), at(&sheet, start), start..row));
                start = row;
            }
        }
        stretches
    }
}

/// Source columns that the mapping neither reads nor ignores.
pub(super) fn untold(feed: &Feed, raw: &Schema) -> Vec<String> {
    let read = feed.source_columns();
    let told =
        |it: &&String| feed.ignore.rest || feed.ignore.columns.contains(*it) || read.contains(it) || PLACE_COLUMNS.contains(&it.as_str());
    raw.fields().iter().map(|it| it.name()).filter(|it| !told(it)).cloned().collect()
}
