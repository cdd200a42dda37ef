//! A department's mapping file: what its tables are called, what its columns mean, what a healthy delivery looks like.
//!
//! [`read`] refuses a file that cannot work, and shows every mistake in it at once; after that nobody asks again. [`crate::map`]
//! applies a mapping, [`propose`] guesses one for a source nobody has mapped yet.

mod codes;
mod columns;
mod examples;
mod expect;
mod feeds;
mod form;
mod guard;
mod incremental;
mod json_schema;
mod proposal;
mod synonyms;
mod walk;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDate;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::diag::{Mistake, Source};
use crate::read::{FlagWords, Form, MoneyUnit};
use crate::schema::{Column, Table};

pub use codes::CodeMap;
pub use guard::GUARD_NIGHTS_MAX;
pub use json_schema::json_schema;
pub use proposal::{Guess, Proposal, propose};
pub use synonyms::headers_of;

/// The columns that every source has without naming them: where a row was read.
pub const PLACE_COLUMNS: [&str; 4] = ["_file", "_sheet", "_row", "_title"];

/// A name in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Title {
    /// 中文.
    pub zh: String,
    /// English.
    pub en: String,
}

/// One department's system, in the shared vocabulary.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// What the system is called.
    pub title: Title,
    /// Its tables that are of use, in the order of the file.
    pub feeds: Vec<Feed>,
}

/// One table of the source, and the shared table it fills.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Unique in the mapping.
    pub name: String,
    /// The shared table.
    pub fills: &'static Table,
    /// Which source of the department file; null when it has only one.
    pub source: Option<String>,
    /// What the connector is asked for: a table, or a pattern of file names.
    pub table: String,
    /// How each shared column is filled, in the order of the shared table. Columns that are not named stay null.
    pub columns: Vec<Fill>,
    /// Which rows this feed is for; null: all.
    pub keep: Option<Sql>,
    /// Source columns that are left alone on purpose.
    pub ignore: Ignore,
    /// What a healthy delivery looks like.
    pub expect: Expect,
    /// Pulled in parts; null: whole every night.
    pub incremental: Option<Incremental>,
    /// How far a delivery may differ from the usual.
    pub guard: Guard,
    /// Written by `muster init` and not yet looked at: a night pulls it and concludes nothing from it.
    pub draft: bool,
    /// Worked rows.
    pub examples: Vec<Example>,
}

/// How one shared column is filled.
#[derive(Clone, Debug)]
pub struct Fill {
    /// The shared column with its unit prefix (`from_unit_code`).
    pub into: String,
    /// What is known of it.
    pub column: &'static Column,
    /// Where its cells come from.
    pub from: From,
    /// What of the text counts: the captures, joined with `-`.
    pub pattern: Option<Regex>,
    /// How a cell is read.
    pub reader: Reader,
    /// What a blank cell counts as.
    pub default: Option<String>,
}

/// Where the cells of a shared column come from.
#[derive(Clone, Debug)]
pub enum From {
    /// A column of the source, or one of [`PLACE_COLUMNS`].
    Column(String),
    /// An expression over the source's columns.
    Sql(Sql),
    /// The same text in every row.
    Value(String),
}

/// SQL in a mapping, and the source columns it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sql {
    /// The expression.
    pub text: String,
    /// The source columns it reads.
    pub columns: Vec<String>,
}

/// How a cell becomes a value.
#[derive(Clone, Debug)]
pub enum Reader {
    /// An ID number, cleaned of what can never belong to one.
    IdNumber,
    /// A name, cleaned likewise.
    Name,
    /// Text without blanks around it.
    Text,
    /// A bank account, hashed.
    Account,
    /// A code, by a map.
    Code(Arc<CodeMap>),
    /// A day, in the first of these forms that fits.
    Date(Vec<Form>),
    /// A month, likewise.
    Month(Vec<Form>),
    /// An amount.
    Money(MoneyUnit),
    /// A whole number.
    Count,
    /// Yes or no.
    Flag(FlagWords),
}

/// Source columns that are left alone on purpose; others that nothing reads are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignore {
    /// Their names.
    pub columns: BTreeSet<String>,
    /// `"*"`: whatever else there is.
    pub rest: bool,
}

/// What a healthy delivery looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// Mapped rows.
    pub rows: RowsBound,
    /// Largest share of rows, 0 to 1, that may be rejected.
    pub rejected_max: f64,
    /// How old the newest month or day may be.
    pub fresh: Option<Fresh>,
    /// How the months follow each other.
    pub months: MonthsBound,
    /// Bounds of single shared columns.
    pub columns: Vec<ColumnBound>,
}

impl Default for Expect {
    fn default() -> Expect {
        Expect { rows: RowsBound::default(), rejected_max: 0.01, fresh: None, months: MonthsBound::default(), columns: Vec::new() }
    }
}

/// How a feed is pulled in parts: only rows that changed lately, merged into what was landed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incremental {
    /// The source column that tells when a row changed: days, instants, or a number that only rises.
    pub column: String,
    /// How far before the newest value known the next pull begins.
    pub lookback: Lookback,
    /// The source columns that tell which row is which.
    pub key: Vec<String>,
    /// Days after which everything is pulled again, whatever the counts say.
    pub full_every_days: u32,
}

/// How far back a pull in parts begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookback {
    /// Days, for columns of days and instants.
    Days(u32),
    /// So many, for columns that count.
    Count(u64),
}

/// How far a delivery may differ from the median of the last nights. What differs more is held until an operator releases it.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// Whether the feed is guarded at all.
    pub on: bool,
    /// Largest change of the rows, as a share of the usual.
    pub rows: f64,
    /// Largest change of the number of distinct people.
    pub people: f64,
    /// Largest change of the sum of any column of amounts.
    pub sums: f64,
    /// How many nights make the usual.
    pub nights: u32,
    /// Feeds that usually have fewer rows are not guarded.
    pub rows_min: u64,
}

impl Default for Guard {
    fn default() -> Guard {
        Guard { on: true, rows: 0.3, people: 0.3, sums: 0.5, nights: 7, rows_min: 200 }
    }
}

/// Bounds of the number of mapped rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowsBound {
    /// At least.
    pub min: Option<u64>,
    /// At most.
    pub max: Option<u64>,
    /// Largest share of the last night's rows, 0 to 1, that may be missing tonight.
    pub max_drop: Option<f64>,
}

/// How old the newest statement of a feed may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// A column of days; null: the table's months count, to their last day.
    pub column: Option<String>,
    /// Days from there to the night.
    pub within_days: u32,
}

/// How the months of a feed follow each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MonthsBound {
    /// Whether no month may be missing between the first and the last.
    pub no_gaps: bool,
    /// Largest share of a month's rows, 0 to 1, that may be missing in the next.
    pub max_drop: Option<f64>,
}

/// Bounds of one shared column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnBound {
    /// The shared column.
    pub column: String,
    /// Least share of mapped rows, 0 to 1, that have a value.
    pub filled: Option<f64>,
    /// Whether the source's own totals are compared: yes and there must be some, no, or null: where there are some.
    pub total: Option<bool>,
    /// Bounds of the sum of all mapped rows, in whole yuan.
    pub sum_yuan: SumBound,
}

/// Bounds of the sum of a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SumBound {
    /// At least, yuan.
    pub min: Option<i64>,
    /// At most, yuan.
    pub max: Option<i64>,
    /// Largest change against the last night, as a share of the last night's sum.
    pub max_change: Option<f64>,
}

/// A worked row: what the source holds, and what becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Where it stands in the file, bytes.
    pub at: Range<usize>,
    /// Cells by source column; columns that are not named are null.
    pub given: Vec<(String, Given)>,
    /// What must come out.
    pub gives: Gives,
}

/// A cell of an example.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// Text, as files hold it.
    Text(String),
    /// A whole number, as databases hold it.
    Whole(i64),
    /// A binary number.
    Real(f64),
    /// A truth value.
    Flag(bool),
}

/// What an example must come to.
#[derive(Clone, Debug, PartialEq)]
pub enum Gives {
    /// Values by shared column, as text; empty text is null.
    Values(Vec<(String, String)>),
    /// A reject whose reason or column contains this.
    Reject(String),
    /// A row that `keep` sets aside.
    Aside,
}

impl Feed {
    /// The source columns that the feed reads, each once; by them a connector finds the header row of a file.
    pub fn source_columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = Vec::new();
        let named = self.columns.iter().flat_map(|it| it.from.columns());
        let parts = self.incremental.iter().flat_map(|it| it.key.iter().chain([&it.column]));
        for column in named.chain(self.keep.iter().flat_map(|it| &it.columns)).chain(parts) {
            if !PLACE_COLUMNS.contains(&column.as_str()) && !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        columns
    }

    /// How the shared column `into` is filled.
    pub fn fill(&self, into: &str) -> Option<&Fill> {
        self.columns.iter().find(|it| it.into == into)
    }
}

impl From {
    fn columns(&self) -> &[String] {
        match self {
            From::Column(name) => std::slice::from_ref(name),
            From::Sql(sql) => &sql.columns,
            From::Value(_) => &[],
        }
    }
}

impl Fresh {
    /// The oldest last day that is fresh enough on `tonight`.
    pub fn oldest(&self, tonight: NaiveDate) -> NaiveDate {
        tonight.checked_sub_days(chrono::Days::new(u64::from(self.within_days))).unwrap_or(NaiveDate::MIN)
    }
}

/// Reads a mapping file. `files` gives the text of a code table that stands beside it.
///
/// # Errors
/// Every mistake in the file, in reading order.
pub fn read(source: &Source, files: &dyn Fn(&str) -> Option<String>) -> Result<Mapping, Vec<Mistake>> {
    walk::mapping(source, files)
}

#[cfg(test)]
mod tests;
