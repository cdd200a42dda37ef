//! Days, months, amounts and counts: from text, or from what a database holds already.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array, NullBufferBuilder, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type};
use chrono::NaiveDate;

use super::{Column, Counts, How, as_text, bump, each_text};
use crate::read::{self, Form, MoneyUnit, Unread};

/// Collects values of a fixed width.
struct Values<T: ArrowPrimitiveType> {
    numbers: Vec<T::Native>,
    nulls: NullBufferBuilder,
    default: Option<T::Native>,
    faults: Vec<(u32, Unread)>,
    voids: Counts,
}

impl<T: ArrowPrimitiveType> Values<T> {
    fn new(rows: usize, how: &How<'_>) -> Values<T> {
        Values {
            numbers: Vec::with_capacity(rows),
            nulls: NullBufferBuilder::new(rows),
            default: how.default.map(|it| it.as_primitive::<T>().value(0)),
            faults: Vec::new(),
            voids: Counts::new(),
        }
    }

    fn put(&mut self, value: Option<T::Native>) {
        self.numbers.push(value.unwrap_or_default());
        self.nulls.append(value.is_some());
    }

    /// `shown` is what stands in the cell, for the list of words that say nothing.
    fn take(&mut self, row: u32, read: Result<Option<T::Native>, Unread>, shown: impl FnOnce() -> String) {
        match read {
            Ok(Some(value)) => self.put(Some(value)),
            Ok(None) => {
                bump(&mut self.voids, &shown());
                self.put(self.default);
            }
            Err(why) => {
                self.faults.push((row, why));
                self.put(None);
            }
        }
    }

    fn finish(mut self) -> Column {
        let values = PrimitiveArray::<T>::new(self.numbers.into(), self.nulls.finish());
        Column { values: Arc::new(values), faults: self.faults, unknown: Counts::new(), voids: self.voids }
    }
}

fn from_texts<T: ArrowPrimitiveType>(cells: &ArrayRef, how: &How<'_>, read: impl Fn(&str) -> Result<Option<T::Native>, Unread>) -> Column {
    let cells = as_text(cells);
    let mut values = Values::<T>::new(cells.len(), how);
    let mut last: (&str, Result<Option<T::Native>, Unread>) = ("", Ok(None));
    each_text(&cells, |row, text| {
        let Some(text) = text else { return values.put(values.default) };
        if last.0 != text {
            last = (text, read(text));
        }
        values.take(row, last.1, || text.to_owned());
    });
    values.finish()
}

fn from_natives<N: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    cells: &PrimitiveArray<N>,
    how: &How<'_>,
    read: impl Fn(N::Native) -> Result<Option<T::Native>, Unread>,
) -> Column
where
    N::Native: std::fmt::Debug,
{
    let mut values = Values::<T>::new(cells.len(), how);
    let mut last = None;
    for (row, cell) in cells.iter().enumerate() {
        let Some(cell) = cell else {
            values.put(values.default);
            continue;
        };
        let result = match last {
            Some((seen, result)) if seen == cell => result,
            _ => read(cell),
        };
        last = Some((cell, result));
        values.take(row as u32, result, || format!("{cell:?}"));
    }
    values.finish()
}

/// Whole numbers of any width, which fit i64.
fn whole_numbers(cells: &ArrayRef) -> Option<Int64Array> {
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32};
    match cells.data_type() {
        Int64 => Some(cells.as_primitive::<Int64Type>().clone()),
        Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32 => cast(cells, &Int64).ok().map(|it| it.as_primitive::<Int64Type>().clone()),
        _ => None,
    }
}

/// Days as a database holds them, with or without a time of day; null type for everything else.
fn native_days(cells: &ArrayRef) -> Option<ArrayRef> {
    match cells.data_type() {
        DataType::Date32 => Some(Arc::clone(cells)),
        // A time in a zone goes through text, where zones are looked at.
        DataType::Date64 | DataType::Timestamp(_, None) => cast(cells, &DataType::Date32).ok(),
        _ => None,
    }
}

pub(super) fn dates(cells: &ArrayRef, how: &How<'_>, forms: &[Form]) -> Column {
    let days = |it: Option<NaiveDate>| it.map(|it| it.to_epoch_days());
    let read = |text: &str| first_that_fits(forms, |form| form.date(text)).map(days);
    if let Some(native) = native_days(cells) {
        from_natives::<Date32Type, Date32Type>(native.as_primitive(), how, |it| read::date_of_days(it).map(days))
    } else if let Some(numbers) = whole_numbers(cells) {
        from_natives::<Int64Type, Date32Type>(&numbers, how, |it| read(digits(it, &mut [0; 20])))
    } else {
        from_texts::<Date32Type>(cells, how, read)
    }
}

pub(super) fn months(cells: &ArrayRef, how: &How<'_>, forms: &[Form]) -> Column {
    let read = |text: &str| first_that_fits(forms, |form| form.month(text));
    if let Some(native) = native_days(cells) {
        let month = |it| Ok(read::date_of_days(it)?.map(read::month_of));
        from_natives::<Date32Type, Int32Type>(native.as_primitive(), how, month)
    } else if let Some(numbers) = whole_numbers(cells) {
        from_natives::<Int64Type, Int32Type>(&numbers, how, |it| read(digits(it, &mut [0; 20])))
    } else {
        from_texts::<Int32Type>(cells, how, read)
    }
}

/// The first form that reads the text; otherwise what the first form says against it.
fn first_that_fits<T>(forms: &[Form], read: impl Fn(&Form) -> Result<T, Unread>) -> Result<T, Unread> {
    let mut why = None;
    for form in forms {
        match read(form) {
            Ok(value) => return Ok(value),
            Err(it) => why = why.or(Some(it)),
        }
    }
    Err(why.unwrap_or(Unread::NotADate))
}

/// A whole number in decimal digits, without allocating.
fn digits(number: i64, into: &mut [u8; 20]) -> &str {
    let mut rest = number.unsigned_abs();
    let mut start = into.len();
    while rest > 0 || start == into.len() {
        start -= 1;
        into[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if number < 0 {
        start -= 1;
        into[start] = b'-';
    }
    std::str::from_utf8(&into[start..]).unwrap_or_default()
}

pub(super) fn amounts(cells: &ArrayRef, how: &How<'_>, unit: MoneyUnit) -> Column {
    if let Some(numbers) = whole_numbers(cells) {
        return from_natives::<Int64Type, Int64Type>(&numbers, how, |it| read::fen_of_whole(it, unit).map(Some));
    }
    match cells.data_type() {
        DataType::Float64 => from_natives::<Float64Type, Int64Type>(cells.as_primitive(), how, |it| read::fen_of_float(it, unit).map(Some)),
        DataType::Decimal128(_, scale) => {
            from_natives::<Decimal128Type, Int64Type>(cells.as_primitive(), how, |it| read::fen_of_decimal(it, *scale, unit).map(Some))
        }
        _ => from_texts::<Int64Type>(cells, how, |text| read::money(text, unit)),
    }
}

pub(super) fn counts(cells: &ArrayRef, how: &How<'_>) -> Column {
    match whole_numbers(cells) {
        Some(numbers) => {
            let count = |it: i64| i32::try_from(it).map(Some).map_err(|_| Unread::TooLarge);
            from_natives::<Int64Type, Int32Type>(&numbers, how, count)
        }
        None => from_texts::<Int32Type>(cells, how, read::count),
    }
}
