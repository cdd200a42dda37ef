//! What a feed's mapping came to, and the source's own totals beside it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What a feed's mapping came to: the ground for [`super::unmet()`] tonight and tomorrow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Rows pulled: mapped, rejected and set aside.
    pub pulled: u64,
    /// Rows mapped.
    pub mapped: u64,
    /// Rows rejected.
    pub rejected: u64,
    /// Rows that the feed's `keep` leaves to others.
    pub set_aside: u64,
    /// Distinct people of the mapped rows: by ID number, or by name where there is none. 0 in tallies of older versions.
    pub people: u64,
    /// Mapped rows that have a value, by shared column. Columns that the feed does not fill are not listed.
    pub filled: BTreeMap<String, u64>,
    /// Sums over the mapped rows, by shared column of amounts.
    pub sums_fen: BTreeMap<String, i128>,
    /// Sums over all rows, mapped or not, whose amount can be read, by file and sheet: what the source's totals must equal.
    pub sheets: Vec<SheetSums>,
    /// Codes that the mapping does not name: shared column, the source's code, rows. The most frequent first within a column.
    pub unmapped_codes: Vec<(String, String, u64)>,
    /// Words read as "nothing here": shared column, the source's word, rows.
    pub voids: Vec<(String, String, u64)>,
    /// Source columns that the mapping neither reads nor ignores.
    pub untold_columns: Vec<String>,
    /// First month of the mapped rows, yyyymm; null for tables without months.
    pub first_month: Option<i32>,
    /// Last month of the mapped rows.
    pub last_month: Option<i32>,
    /// Mapped rows by month.
    pub months: BTreeMap<i32, u64>,
    /// Newest day by shared column of days.
    pub newest: BTreeMap<String, NaiveDate>,
    /// ID number and name of every person of whom a row was rejected, each once; either may be empty. Linking leaves these people
    /// in doubt. Personal: see [`Tally::without_people`].
    pub rejected_people: Vec<(String, String)>,
}

/// Sums of one sheet of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetSums {
    /// File name; null for sources that have no files.
    pub file: Option<String>,
    /// Sheet; null for files that have none.
    pub sheet: Option<String>,
    /// Sums by shared column of amounts.
    pub sums_fen: BTreeMap<String, i128>,
}

impl Tally {
    /// The same without personal data, for whatever is printed or shown.
    #[must_use]
    pub fn without_people(&self) -> Tally {
        Tally { rejected_people: Vec::new(), ..self.clone() }
    }

    /// Share of the rows meant for this feed that were rejected, 0 to 1.
    pub fn rejected_share(&self) -> f64 {
        self.rejected as f64 / (self.mapped + self.rejected).max(1) as f64
    }

    /// Months without a row between the first and the last, yyyymm.
    pub fn missing_months(&self) -> Vec<i32> {
        let (Some(first), Some(last)) = (self.first_month, self.last_month) else { return Vec::new() };
        std::iter::successors(Some(first), |it| Some(next_month(*it)))
            .take_while(|it| *it <= last)
            .filter(|it| !self.months.contains_key(it))
            .collect()
    }
}

pub(super) fn next_month(month: i32) -> i32 {
    if month % 100 == 12 { month + 89 } else { month + 1 }
}

/// A total that the source itself states (合计).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// File name; null for sources that have no files.
    pub file: Option<String>,
    /// Sheet; null for files that have none.
    pub sheet: Option<String>,
    /// One-based row, as a person sees it.
    pub row: Option<i64>,
    /// Source column and cell.
    pub cells: Vec<(String, String)>,
}

/// Distinct texts of a column that are counted one by one; a mapping that reads names as codes must not fill the memory.
const DISTINCT_MAX: usize = 200;
/// What the texts beyond [`DISTINCT_MAX`] are counted under.
const OTHERS: &str = "…";

/// A tally in the making.
#[derive(Debug, Default)]
pub(super) struct Counting {
    pub tally: Tally,
    pub unknown: BTreeMap<String, BTreeMap<String, u64>>,
    pub voids: BTreeMap<String, BTreeMap<String, u64>>,
    pub sheets: BTreeMap<(Option<String>, Option<String>), BTreeMap<String, i128>>,
    pub people: BTreeSet<(String, String)>,
}

/// Adds what one batch has seen to what was seen before.
pub(super) fn add(all: &mut BTreeMap<String, BTreeMap<String, u64>>, column: &str, seen: super::cell::Counts) {
    if seen.is_empty() {
        return;
    }
    let counts = all.entry(column.to_owned()).or_default();
    // The order of a hash map must not decide which texts are counted one by one.
    for (text, rows) in seen.into_iter().collect::<BTreeMap<_, _>>() {
        let key = if counts.len() < DISTINCT_MAX || counts.contains_key(&text) { text } else { OTHERS.to_owned() };
        *counts.entry(key).or_insert(0) += rows;
    }
}

impl Counting {
    pub(super) fn finish(self) -> Tally {
        let mut tally = self.tally;
        tally.unmapped_codes = most_frequent_first(self.unknown);
        tally.voids = most_frequent_first(self.voids);
        tally.sheets = self.sheets.into_iter().map(|((file, sheet), sums_fen)| SheetSums { file, sheet, sums_fen }).collect();
        tally.rejected_people = self.people.into_iter().collect();
        tally.first_month = tally.months.keys().next().copied();
        tally.last_month = tally.months.keys().next_back().copied();
        debug_assert_eq!(tally.pulled, tally.mapped + tally.rejected + tally.set_aside, "a row was lost or counted twice");
        tally
    }
}

fn most_frequent_first(counts: BTreeMap<String, BTreeMap<String, u64>>) -> Vec<(String, String, u64)> {
    let mut list = Vec::new();
    for (column, texts) in counts {
        let mut texts: Vec<(String, u64)> = texts.into_iter().collect();
        texts.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        list.extend(texts.into_iter().map(|(text, rows)| (column.clone(), text, rows)));
    }
    list
}
