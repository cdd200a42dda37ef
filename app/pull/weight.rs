//! What the rows of a feed that is pulled in parts weigh: how many there are, and a sum over which row was changed when.
//!
//! The hub weighs what it has merged, and what the source lists tonight of the key and the changing column. Both weigh the same only
//! when every row is there once and none has changed since; the order does not matter.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, TimeUnit};
use muster_core::mapping::{Incremental, Lookback};

use super::order::Order;

/// How many rows, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Rows.
    pub rows: u64,
    /// Of key and changing column; the sum wraps around.
    pub sum: u128,
}

/// Weighs batch after batch, and remembers the newest value.
pub struct Scale {
    /// Where the key columns stand, then the changing one; null when the source lacks one of them.
    places: Option<Vec<usize>>,
    lookback: Lookback,
    weight: Weight,
    /// Null as long as no row has a value.
    newest: Option<String>,
    /// A value was met that does not order with the others.
    unordered: bool,
    order: Order,
}

impl Scale {
    /// For batches of `schema`.
    pub fn new(parts: &Incremental, schema: &Schema) -> Scale {
        let places = parts.key.iter().chain([&parts.column]).map(|it| schema.index_of(it).ok()).collect();
        Scale { places, lookback: parts.lookback, weight: Weight::default(), newest: None, unordered: false, order: Order::default() }
    }

    /// Whether the source has the columns by which it is weighed.
    pub fn has_columns(&self) -> bool {
        self.places.is_some()
    }

    /// Adds a batch.
    pub fn add(&mut self, rows: &RecordBatch) {
        self.weight.rows += rows.num_rows() as u64;
        let Some(places) = &self.places else { return };
        for hash in hashes(rows, places) {
            self.weight.sum = self.weight.sum.wrapping_add(hash);
        }
        let changed = rows.column(*places.last().expect("the changing column stands last"));
        match self.order.newest(changed, self.lookback) {
            Ok(None) => {}
            Ok(Some(newest)) => {
                let known = self.newest.take();
                self.newest = Some(known.map_or(newest.clone(), |it| Order::later(it, newest, self.lookback)));
            }
            Err(_) => self.unordered = true,
        }
    }

    /// What was added.
    pub fn weight(&self) -> Weight {
        self.weight
    }

    /// The newest value, as the source writes it; null when there is none, or one does not order with the others.
    pub fn newest(&self) -> Option<String> {
        self.newest.clone().filter(|_| !self.unordered && self.places.is_some())
    }
}

/// The keys of rows that were sent again.
#[derive(Default)]
pub struct Keys {
    known: HashSet<u128>,
    places: Vec<usize>,
}

impl Keys {
    /// For batches of `schema`; null when it lacks a key column.
    pub fn new(parts: &Incremental, schema: &Schema) -> Option<Keys> {
        let places = parts.key.iter().map(|it| schema.index_of(it).ok()).collect::<Option<Vec<usize>>>()?;
        Some(Keys { known: HashSet::new(), places })
    }

    /// Remembers the keys of `rows`.
    pub fn add(&mut self, rows: &RecordBatch) {
        self.known.extend(hashes(rows, &self.places));
    }

    /// Which of `rows` have a key that is not known.
    pub fn new_in(&self, rows: &RecordBatch) -> BooleanArray {
        hashes(rows, &self.places).into_iter().map(|it| Some(!self.known.contains(&it))).collect()
    }
}

/// A hash of the cells at `places`, for every row. Two times 64 bits, because two keys that fell together would lose a row.
fn hashes(rows: &RecordBatch, places: &[usize]) -> Vec<u128> {
    let texts: Vec<ArrayRef> = places.iter().map(|it| as_text(rows.column(*it))).collect();
    let cells: Vec<_> = texts.iter().map(|it| it.as_string::<i32>()).collect();
    let half = |row: usize, seed: u8| {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        for cell in &cells {
            cell.is_valid(row).then(|| cell.value(row)).hash(&mut hasher);
        }
        u128::from(hasher.finish())
    };
    (0..rows.num_rows()).map(|row| half(row, 1) << 64 | half(row, 2)).collect()
}

/// The text of a column; one instant has one text, whatever unit it is kept in.
fn as_text(column: &ArrayRef) -> ArrayRef {
    let plain = match column.data_type() {
        DataType::Timestamp(_, zone) => cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
        _ => Ok(column.clone()),
    };
    plain.and_then(|it| cast(&it, &DataType::Utf8)).expect("every type that connectors give has a text")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn parts() -> Incremental {
        Incremental { column: "changed".into(), lookback: Lookback::Days(7), key: vec!["id".into()], full_every_days: 7 }
    }

    fn rows(cells: &[(i64, Option<&str>)]) -> RecordBatch {
        let id: ArrayRef = Arc::new(cells.iter().map(|it| Some(it.0)).collect::<Int64Array>());
        let changed: ArrayRef = Arc::new(cells.iter().map(|it| it.1).collect::<StringArray>());
        RecordBatch::try_from_iter_with_nullable([("id", id, true), ("changed", changed, true)]).expect("two columns")
    }

    fn weigh(batches: &[RecordBatch]) -> (Weight, Option<String>) {
        let mut scale = Scale::new(&parts(), &batches[0].schema());
        for batch in batches {
            scale.add(batch);
        }
        (scale.weight(), scale.newest())
    }

    #[test]
    fn order_and_batches_do_not_matter_and_everything_else_does() {
        let (a, b, c) = ((1, Some("2026-11-01")), (2, Some("2026-11-03")), (3, None));
        let whole = weigh(&[rows(&[a, b, c])]);
        assert_eq!(whole, weigh(&[rows(&[c]), rows(&[b, a])]));
        assert_eq!(whole.1.as_deref(), Some("2026-11-03"));
        for other in [vec![a, b], vec![a, b, b], vec![a, b, (4, None)], vec![a, (2, Some("2026-11-02")), c], vec![a, b, (3, Some(""))]] {
            assert_ne!(whole.0, weigh(&[rows(&other)]).0, "{other:?}");
        }
    }

    #[test]
    fn values_that_do_not_order_give_no_newest() {
        assert_eq!(weigh(&[rows(&[(1, Some("2026-11-01")), (2, Some("2026-1-3"))])]).1, None);
        assert_eq!(weigh(&[rows(&[(1, Some("2026-11-01"))]), rows(&[(2, Some("unknown"))])]).1, None);
    }

    #[test]
    fn sent_again_means_the_same_key() {
        let mut keys = Keys::new(&parts(), &rows(&[]).schema()).expect("it has the key");
        keys.add(&rows(&[(2, Some("2026-11-09"))]));
        let found = keys.new_in(&rows(&[(1, None), (2, Some("2026-11-01")), (3, None)]));
        assert_eq!(found, BooleanArray::from(vec![true, false, true]));
    }
}
