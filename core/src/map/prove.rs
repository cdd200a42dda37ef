//! Proves a mapping on its own examples, before it touches real data.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type};
use chrono::NaiveDate;

use super::{Mapped, Mapper, Reject};
use crate::diag::{Mistake, Source, said};
use crate::mapping::{Example, Feed, From, Given, Gives, Mapping, PLACE_COLUMNS};
use crate::read;
use crate::schema::Kind;

/// The key of account hashes in examples.
const SALT: &str = "example";

/// What one example came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The feed.
    pub feed: String,
    /// Which of its examples, from 1.
    pub n: usize,
    /// Whether what came out is what the example says.
    pub ok: bool,
    /// What the example says.
    pub expected: String,
    /// What came out.
    pub found: String,
    /// Where the example stands in the mapping file, bytes.
    pub at: Range<usize>,
}

impl Proof {
    /// The failed example, shown in its file; null when it holds.
    pub fn mistake(&self, source: &Source) -> Option<Mistake> {
        let what = said!("`{1}` 的第 {0} 个样例结果不符", "example {0} of `{1}` gives something else", self.n, self.feed);
        let hint = said!("应为 {}\n实为 {}", "expected {}\nfound    {}", self.expected, self.found);
        (!self.ok).then(|| source.mistake(self.at.clone(), what, said!("这个样例", "this example")).try_this(hint))
    }
}

/// Every example of every feed, in the file's order.
pub async fn prove(mapping: &Mapping) -> Vec<Proof> {
    let examples = mapping.feeds.iter().flat_map(|feed| (1..).zip(&feed.examples).map(move |(n, example)| (feed, n, example)));
    examples.map(|(feed, n, example)| proof(feed, n, example)).collect()
}

fn proof(feed: &Feed, n: usize, example: &Example) -> Proof {
    let raw = raw_row(feed, example);
    let (expected, found) = match Mapper::new(feed, &raw.schema(), SALT) {
        Err(why) => ("a mapped row".to_owned(), why.to_string()),
        Ok(mut mapper) => compare(feed, example, &mapper.apply(&raw)),
    };
    Proof { feed: feed.name.clone(), n, ok: expected == found, expected, found, at: example.at.clone() }
}

/// The given cells as a batch of one row; columns that are not named are null.
fn raw_row(feed: &Feed, example: &Example) -> RecordBatch {
    let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
    for (name, cell) in &example.given {
        let cell: ArrayRef = match cell {
            Given::Text(text) => Arc::new(StringArray::from(vec![text.as_str()])),
            Given::Whole(number) => Arc::new(Int64Array::from(vec![*number])),
            Given::Real(number) => Arc::new(Float64Array::from(vec![*number])),
            Given::Flag(flag) => Arc::new(BooleanArray::from(vec![*flag])),
        };
        columns.push((name, cell));
    }
    let others = feed.source_columns();
    for name in others.iter().map(String::as_str).chain(PLACE_COLUMNS) {
        if !columns.iter().any(|(it, _)| *it == name) {
            columns.push((name, new_null_array(&DataType::Utf8, 1)));
        }
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, cell)| (name, cell, true))).expect("columns of one row")
}

/// What the example says and what came out, in the same words when they agree.
fn compare(feed: &Feed, example: &Example, mapped: &Mapped) -> (String, String) {
    let rejected = mapped.rejects.first().map(|it| format!("rejected: {}", reasons(feed, it).join("; ")));
    match &example.gives {
        Gives::Aside => ("set aside".to_owned(), rejected.unwrap_or_else(|| outcome(feed, mapped, None))),
        Gives::Reject(part) => match &mapped.rejects[..] {
            [it] if it.why_zh.contains(part) || rejected.as_ref().is_some_and(|it| it.contains(part)) => {
                (format!("rejected: {part}"), format!("rejected: {part}"))
            }
            _ => (format!("rejected: {part}"), rejected.unwrap_or_else(|| outcome(feed, mapped, None))),
        },
        Gives::Values(values) => {
            let wanted: Vec<String> = values.iter().map(|(into, value)| shown(into, &expected_text(feed, into, value))).collect();
            (wanted.join(", "), rejected.unwrap_or_else(|| outcome(feed, mapped, Some(values))))
        }
    }
}

/// Every defect with its source column and, where it has another name, the shared column: an example may name either.
fn reasons(feed: &Feed, reject: &Reject) -> Vec<String> {
    let defects = std::iter::once((&reject.column, &reject.why)).chain(reject.also.iter().map(|it| (&it.column, &it.why)));
    let into = |column: &str| -> Vec<&str> {
        let fills = feed.columns.iter().filter(|it| matches!(&it.from, From::Column(name) if name == column));
        fills.map(|it| it.into.as_str()).collect()
    };
    defects.map(|(column, why)| format!("{column} [{}] {why}", into(column).join(" "))).collect()
}

/// The mapped row: the columns that the example names, or all that hold something.
fn outcome(feed: &Feed, mapped: &Mapped, named: Option<&[(String, String)]>) -> String {
    if mapped.rows.num_rows() == 0 {
        return "set aside".to_owned();
    }
    let is_named = |into: &str| named.is_none_or(|it| it.iter().any(|(name, _)| name == into));
    let mut all: Vec<(String, String)> = feed
        .columns
        .iter()
        .filter(|it| is_named(&it.into))
        .filter_map(|it| Some((it.into.clone(), value_text(mapped.rows.column_by_name(&it.into)?, it.column.kind))))
        .collect();
    if let Some(named) = named {
        all.sort_by_key(|(into, _)| named.iter().position(|(name, _)| name == into));
    } else {
        all.retain(|(_, value)| !value.is_empty());
    }
    all.iter().map(|(into, value)| shown(into, value)).collect::<Vec<_>>().join(", ")
}

fn shown(into: &str, value: &str) -> String {
    format!("{into} = {}", if value.is_empty() { "null" } else { value })
}

/// An account cannot be told from its hash, so the example gives the account and the hash is taken here.
fn expected_text(feed: &Feed, into: &str, value: &str) -> String {
    let is_account = feed.fill(into).is_some_and(|it| it.column.kind == Kind::Account);
    match read::account(value) {
        Ok(Some(account)) if is_account => {
            let mut hex = [0; 16];
            read::account_hash(SALT, &account, &mut hex);
            hex.map(char::from).iter().collect()
        }
        _ => value.to_owned(),
    }
}

/// The one value as an example writes it; empty when null.
fn value_text(values: &ArrayRef, kind: Kind) -> String {
    if values.is_null(0) {
        return String::new();
    }
    match kind {
        Kind::Date => NaiveDate::from_epoch_days(values.as_primitive::<Date32Type>().value(0)).map_or(String::new(), |it| it.to_string()),
        Kind::Month | Kind::Count => values.as_primitive::<Int32Type>().value(0).to_string(),
        Kind::Fen => values.as_primitive::<Int64Type>().value(0).to_string(),
        Kind::Flag => values.as_boolean().value(0).to_string(),
        Kind::IdNumber | Kind::Name | Kind::Text | Kind::Account | Kind::Code(_) => values.as_string::<i32>().value(0).to_owned(),
    }
}
