//! Applies a feed's mapping to what a connector pulled: rows in the shared vocabulary, and the rows that could not be read.
//!
//! Nothing is dropped in silence: pulled = mapped + rejected + set aside. Text that cannot be read rejects its row, also in a column
//! that may be empty: half a row would look like a whole one. Two exceptions are counted instead: a code that the mapping does not
//! name, in a column that may be empty, and words that say "nothing here" (至今, 9999-12-31) are null.

pub(crate) mod cell;
pub(crate) mod expression;
mod guard;
mod plan;
mod prove;
mod reject;
mod tally;
mod unmet;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{max, sum, take, take_record_batch};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, Schema, SchemaRef};
use chrono::NaiveDate;

use crate::mapping::Feed;
use crate::read::Unread;
use crate::schema::Kind;
use cell::{Column, How};
use expression::Expression;
use plan::{Cells, Places, Plan};
use tally::Counting;

pub use guard::{Excess, excesses};
pub use plan::{Trouble, Unusable};
pub use prove::{Proof, prove};
pub use reject::{Defect, Reject};
pub use tally::{SheetSums, Tally, Total};
pub use unmet::{Unmet, unmet};

/// Applies one feed's mapping, batch by batch.
#[derive(Debug)]
pub struct Mapper {
    feed: Feed,
    salt: String,
    input: SchemaRef,
    plans: Vec<Plan>,
    keep: Option<Expression>,
    places: Places,
    counting: Counting,
}

/// One batch, mapped.
#[derive(Debug)]
pub struct Mapped {
    /// The rows that could be read, in the input shape of the shared table.
    pub rows: RecordBatch,
    /// For every mapped row, which row of the raw batch it was.
    pub raw_rows: Vec<u32>,
    /// The rows that could not be read.
    pub rejects: Vec<Reject>,
}

impl Mapper {
    /// A mapper for batches of `raw`. `salt` is the city's own key of account hashes.
    ///
    /// # Errors
    /// When a mapped column is missing, cannot be read, or the mapping's SQL does not fit the source's types.
    pub fn new(feed: &Feed, raw: &Schema, salt: &str) -> Result<Mapper, Unusable> {
        let (plans, keep) = plan::plans(feed, raw, salt)?;
        let mut counting = Counting::default();
        counting.tally.untold_columns = plan::untold(feed, raw);
        let (input, places) = (feed.fills.input_schema(), Places::of(raw));
        Ok(Mapper { feed: feed.clone(), salt: salt.to_owned(), input, plans, keep, places, counting })
    }

    /// Source columns that the mapping neither reads nor ignores.
    pub fn untold_columns(&self) -> &[String] {
        &self.counting.tally.untold_columns
    }

    /// Maps one batch, which has the schema given to [`Mapper::new`].
    pub fn apply(&mut self, raw: &RecordBatch) -> Mapped {
        let sorted = self.sort_out(raw);
        let batch = sorted.chosen(raw);
        let mut columns: Vec<Column> = self.plans.iter().map(|plan| self.read(plan, &batch)).collect();
        let mut defects = self.defects(&columns, batch.num_rows());
        self.add_sheet_sums(raw, &sorted, &batch, &columns);
        for (plan, column) in self.plans.iter().zip(&mut columns) {
            let into = &self.feed.columns[plan.fill].into;
            tally::add(&mut self.counting.unknown, into, std::mem::take(&mut column.unknown));
            tally::add(&mut self.counting.voids, into, std::mem::take(&mut column.voids));
        }
        let good: Option<Vec<u32>> =
            (!defects.is_empty()).then(|| (0..batch.num_rows() as u32).filter(|row| !defects.contains_key(row)).collect());
        let rows = self.shaped(&columns, good.as_deref(), batch.num_rows());
        self.remember_people(&columns, defects.keys().copied());
        // From here on rows are counted in the raw batch.
        if let Some(kept) = &sorted.kept {
            defects = defects.into_iter().map(|(row, defects)| (kept[row as usize], defects)).collect();
        }
        let raw_rows: Vec<u32> = match (good, sorted.kept) {
            (None, None) => (0..raw.num_rows() as u32).collect(),
            (Some(good), None) => good,
            (None, Some(kept)) => kept,
            (Some(good), Some(kept)) => good.into_iter().map(|row| kept[row as usize]).collect(),
        };
        if !sorted.failed.is_empty() {
            self.remember_undecided(raw, &sorted.failed);
        }
        for (row, why) in sorted.failed {
            defects.entry(row).or_default().push((None, why));
        }
        let rejects = reject::rejects(&self.feed, &self.sources(), &self.places, raw, &defects);
        self.count(raw.num_rows(), &rows, rejects.len(), sorted.aside.len());
        Mapped { rows, raw_rows, rejects }
    }

    /// Counts a row that the connector could not give as columns, and gives it the shape of a reject.
    pub fn broken(&mut self, file: Option<String>, sheet: Option<String>, row: Option<i64>, raw: &str, why: &str) -> Reject {
        self.counting.tally.pulled += 1;
        self.counting.tally.rejected += 1;
        Reject::broken(file, sheet, row, raw, why)
    }

    /// What it all came to.
    pub fn finish(self) -> Tally {
        self.counting.finish()
    }

    /// Which rows are for this feed.
    fn sort_out(&self, raw: &RecordBatch) -> Sorted {
        let Some(keep) = &self.keep else { return Sorted::default() };
        let (answers, failed) = keep.evaluate(raw);
        let answers: &BooleanArray = answers.as_boolean();
        let mut sorted = Sorted { failed, ..Sorted::default() };
        let mut kept = Vec::with_capacity(raw.num_rows());
        for (row, answer) in (0..).zip(answers) {
            match answer {
                Some(true) => kept.push(row),
                _ if sorted.failed.binary_search_by_key(&row, |it| it.0).is_ok() => {}
                _ => sorted.aside.push(row),
            }
        }
        sorted.kept = (kept.len() < raw.num_rows()).then_some(kept);
        sorted
    }

    fn read(&self, plan: &Plan, batch: &RecordBatch) -> Column {
        let fill = &self.feed.columns[plan.fill];
        let rows = batch.num_rows();
        let (cells, mut faults) = match &plan.cells {
            Cells::Constant(value) => return Column::plain(repeated(value, rows)),
            Cells::Absent => (new_null_array(&DataType::Utf8, rows), Vec::new()),
            Cells::Raw(at) => (Arc::clone(batch.column(*at)), Vec::new()),
            Cells::Sql(expression) => expression.evaluate(batch),
        };
        let cells = match &fill.pattern {
            None => cells,
            Some(pattern) => {
                let (captured, unmatched) = cell::captured(&cells, pattern);
                faults.extend(unmatched);
                captured
            }
        };
        let how = How { reader: &fill.reader, required: fill.column.required, default: plan.default.as_ref(), salt: &self.salt };
        let mut column = cell::read(&cells, &how);
        if !faults.is_empty() {
            // What the pattern or the SQL says of a row goes before "empty".
            let earlier: BTreeSet<u32> = faults.iter().map(|(row, _)| *row).collect();
            column.faults.retain(|(row, _)| !earlier.contains(row));
            column.faults.append(&mut faults);
        }
        column
    }

    /// Every fault of every bad row, by row and in the order of the shared table.
    fn defects(&self, columns: &[Column], rows: usize) -> Defects {
        let mut defects = Defects::new();
        for (plan, column) in self.plans.iter().zip(columns) {
            for (row, why) in &column.faults {
                defects.entry(*row).or_default().push((Some(plan.fill), *why));
            }
        }
        if self.feed.fills.person {
            for row in self.rows_of_nobody(columns, rows) {
                defects.entry(row).or_insert_with(|| vec![(None, Unread::Nobody)]);
            }
        }
        defects
    }

    /// Rows with neither an ID number nor a name.
    fn rows_of_nobody(&self, columns: &[Column], rows: usize) -> Vec<u32> {
        let known_by: Vec<&ArrayRef> =
            ["id_number", "name"].iter().filter_map(|it| self.column(columns, it)).map(|it| &it.values).collect();
        if known_by.iter().any(|it| it.null_count() == 0) {
            return Vec::new();
        }
        (0..rows as u32).filter(|row| known_by.iter().all(|it| it.is_null(*row as usize))).collect()
    }

    fn column<'a>(&self, columns: &'a [Column], into: &str) -> Option<&'a Column> {
        self.plans.iter().position(|it| self.feed.columns[it.fill].into == into).map(|at| &columns[at])
    }

    /// The columns in the input shape, only the good rows.
    fn shaped(&self, columns: &[Column], good: Option<&[u32]>, rows: usize) -> RecordBatch {
        let good = good.map(|it| UInt32Array::from(it.to_vec()));
        let rows = good.as_ref().map_or(rows, Array::len);
        let mut shaped: Vec<ArrayRef> = self.input.fields().iter().map(|it| new_null_array(it.data_type(), rows)).collect();
        for (plan, column) in self.plans.iter().zip(columns) {
            shaped[plan.into] = match &good {
                None => Arc::clone(&column.values),
                Some(good) => take(&column.values, good, None).expect("rows of this batch"),
            };
        }
        RecordBatch::try_new(Arc::clone(&self.input), shaped).expect("readers give the type of their column")
    }

    fn remember_people(&mut self, columns: &[Column], bad: impl Iterator<Item = u32>) {
        let said = |into: &str, row: u32| {
            self.column(columns, into)
                .filter(|it| it.values.is_valid(row as usize))
                .map_or(String::new(), |it| it.values.as_string::<i32>().value(row as usize).to_owned())
        };
        let people: Vec<(String, String)> = bad.map(|row| (said("id_number", row), said("name", row))).collect();
        self.counting.people.extend(people.into_iter().filter(|(id, name)| !id.is_empty() || !name.is_empty()));
    }

    /// Rows that `keep` could not decide may have been for this feed: their people are in doubt too.
    fn remember_undecided(&mut self, raw: &RecordBatch, rows: &[(u32, Unread)]) {
        let undecided = take_record_batch(raw, &rows.iter().map(|it| it.0).collect::<UInt32Array>()).expect("rows of this batch");
        let columns: Vec<Column> = self.plans.iter().map(|plan| self.read(plan, &undecided)).collect();
        self.remember_people(&columns, 0..rows.len() as u32);
    }

    fn count(&mut self, pulled: usize, rows: &RecordBatch, rejected: usize, set_aside: usize) {
        let tally = &mut self.counting.tally;
        tally.pulled += pulled as u64;
        tally.mapped += rows.num_rows() as u64;
        tally.rejected += rejected as u64;
        tally.set_aside += set_aside as u64;
        for plan in &self.plans {
            let fill = &self.feed.columns[plan.fill];
            let values = rows.column(plan.into);
            *tally.filled.entry(fill.into.clone()).or_default() += (values.len() - values.null_count()) as u64;
            match fill.column.kind {
                Kind::Fen => *tally.sums_fen.entry(fill.into.clone()).or_default() += sum_of(values),
                Kind::Date => {
                    let newest = max(values.as_primitive::<Date32Type>()).and_then(NaiveDate::from_epoch_days);
                    if let Some(newest) = newest {
                        let known = tally.newest.entry(fill.into.clone()).or_insert(newest);
                        *known = newest.max(*known);
                    }
                }
                Kind::Month if self.feed.fills.month == Some(fill.into.as_str()) => {
                    for (month, count) in runs_of(values.as_primitive::<Int32Type>().iter()) {
                        *tally.months.entry(month).or_default() += count;
                    }
                }
                _ => {}
            }
        }
    }

    /// Adds the amounts of every row, also of those set aside or rejected: the source's totals speak of all of them.
    fn add_sheet_sums(&mut self, raw: &RecordBatch, sorted: &Sorted, batch: &RecordBatch, columns: &[Column]) {
        let named = |plan: &Plan| Some(&self.feed.columns[plan.fill]).filter(|it| it.column.kind == Kind::Fen).map(|it| it.into.clone());
        let amounts: Vec<(String, &Plan, &Column)> =
            self.plans.iter().zip(columns).filter_map(|(plan, column)| Some((named(plan)?, plan, column))).collect();
        if amounts.is_empty() {
            return;
        }
        let mut parts: Vec<(RecordBatch, Vec<(String, ArrayRef)>)> = Vec::new();
        parts.push((batch.clone(), amounts.iter().map(|(into, _, column)| (into.clone(), Arc::clone(&column.values))).collect()));
        let left: Vec<u32> = sorted.aside.iter().copied().chain(sorted.failed.iter().map(|it| it.0)).collect();
        if !left.is_empty() {
            let aside = take_record_batch(raw, &UInt32Array::from(left)).expect("rows of this batch");
            let read = amounts.iter().map(|(into, plan, _)| (into.clone(), self.read(plan, &aside).values)).collect();
            parts.push((aside, read));
        }
        for (batch, read) in parts {
            for (file, sheet, rows) in self.places.sheets(&batch) {
                let sums = self.counting.sheets.entry((file, sheet)).or_default();
                for (into, values) in &read {
                    *sums.entry(into.clone()).or_default() += sum_of(&values.slice(rows.start, rows.len()));
                }
            }
        }
    }

    /// What stands in each filled column's cells, for the reader of a reject.
    fn sources(&self) -> Vec<Option<usize>> {
        let mut sources = vec![None; self.feed.columns.len()];
        for plan in &self.plans {
            if let Cells::Raw(at) = plan.cells {
                sources[plan.fill] = Some(at);
            }
        }
        sources
    }
}

impl Column {
    fn plain(values: ArrayRef) -> Column {
        Column { values, faults: Vec::new(), unknown: cell::Counts::new(), voids: cell::Counts::new() }
    }
}

/// Faults by row: which filled column, or null for the row as a whole, and why.
type Defects = BTreeMap<u32, Vec<(Option<usize>, Unread)>>;

/// The rows of a raw batch, by what `keep` says of them.
#[derive(Debug, Default)]
struct Sorted {
    /// Rows for this feed; null: all.
    kept: Option<Vec<u32>>,
    aside: Vec<u32>,
    /// Rows on which `keep` itself fails.
    failed: Vec<(u32, Unread)>,
}

impl Sorted {
    fn chosen(&self, raw: &RecordBatch) -> RecordBatch {
        match &self.kept {
            None => raw.clone(),
            Some(kept) => take_record_batch(raw, &UInt32Array::from(kept.clone())).expect("rows of this batch"),
        }
    }
}

fn repeated(value: &ArrayRef, rows: usize) -> ArrayRef {
    take(value, &UInt32Array::from(vec![0; rows]), None).expect("the first of one value")
}

/// The sum of a column of amounts; i128, because a province's year of damaged cells may pass i64.
fn sum_of(amounts: &ArrayRef) -> i128 {
    let amounts = amounts.as_primitive::<Int64Type>();
    // Fast as long as no sum of this batch can leave i64.
    let large = amounts.values().iter().any(|it| it.unsigned_abs() > 1 << 40);
    if large { amounts.iter().flatten().map(i128::from).sum() } else { sum(amounts).map_or(0, i128::from) }
}

/// Stretches of equal values and their lengths; rows of one month stand together.
fn runs_of(values: impl Iterator<Item = Option<i32>>) -> Vec<(i32, u64)> {
    let mut runs: Vec<(i32, u64)> = Vec::new();
    for value in values.flatten() {
        match runs.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => runs.push((value, 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests;
