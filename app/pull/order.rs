//! When a row changed, as sources write it: values that order by their text, by their instant or as numbers.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, Scalar, StringArray};
use arrow::compute::kernels::cmp::lt;
use arrow::compute::{CastOptions, cast_with_options, max, max_string};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime};
use muster_core::mapping::Lookback;

/// Why a column cannot tell what changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Unordered;

/// The shape of texts seen so far: all must be written alike, or they do not order.
#[derive(Clone, Debug, Default)]
pub struct Order {
    shape: Option<String>,
}

impl Order {
    /// The newest value of `column`, as the source writes it; null when every cell is.
    pub fn newest(&mut self, column: &ArrayRef, lookback: Lookback) -> Result<Option<String>, Unordered> {
        match (lookback, column.data_type()) {
            (Lookback::Count(_), _) => Ok(max(&numbers(column)?).map(|it| it.to_string())),
            (Lookback::Days(_), DataType::Date32) => {
                Ok(max(column.as_primitive::<Date32Type>()).and_then(NaiveDate::from_epoch_days).map(|it| it.to_string()))
            }
            (Lookback::Days(_), DataType::Timestamp(_, zone)) => {
                let micros = strict(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
                let newest = max(micros.as_primitive::<TimestampMicrosecondType>()).and_then(DateTime::from_timestamp_micros);
                // An instant with a zone is written with its offset, so that no server reads it as its own time.
                let offset = if zone.is_some() { "+00:00" } else { "" };
                Ok(newest.map(|it| format!("{}{offset}", it.naive_utc().format("%Y-%m-%d %H:%M:%S%.6f"))))
            }
            (Lookback::Days(_), DataType::Utf8) => self.newest_text(column.as_string()),
            _ => Err(Unordered),
        }
    }

    fn newest_text(&mut self, column: &StringArray) -> Result<Option<String>, Unordered> {
        for text in column.iter().flatten() {
            match &self.shape {
                Some(known) if is_shaped(text, known) => {}
                Some(_) => return Err(Unordered),
                None if read(text).is_some() => self.shape = Some(shape(text)),
                None => return Err(Unordered),
            }
        }
        Ok(max_string(column).map(str::to_owned))
    }

    /// The later of two values.
    pub fn later(a: String, b: String, lookback: Lookback) -> String {
        let a_is_later = match lookback {
            Lookback::Count(_) => a.parse::<i64>().ok() > b.parse::<i64>().ok(),
            Lookback::Days(_) => a > b,
        };
        if a_is_later { a } else { b }
    }
}

/// From which value on to ask again: `newest` less the lookback, written the same way. A date in the future must not hide what
/// happens until then, so days count from `tonight` at the latest. Null when `newest` is no such value.
pub fn since(newest: &str, lookback: Lookback, tonight: NaiveDate) -> Option<String> {
    match lookback {
        Lookback::Count(count) => Some(newest.parse::<i64>().ok()?.saturating_sub(i64::try_from(count).unwrap_or(i64::MAX)).to_string()),
        Lookback::Days(days) => {
            let (form, instant) = read(newest)?;
            let from = instant.min(tonight.and_hms_opt(23, 59, 59)?).checked_sub_days(Days::new(u64::from(days)))?;
            Some(from.format(form).to_string())
        }
    }
}

/// Which rows of `column` are before `since`; a row without a value is.
pub fn is_before(column: &ArrayRef, since: &str, lookback: Lookback) -> Result<BooleanArray, Unordered> {
    let since: ArrayRef = std::sync::Arc::new(StringArray::from(vec![since]));
    let (column, since) = match lookback {
        Lookback::Count(_) => (std::sync::Arc::new(numbers(column)?) as ArrayRef, strict(&since, &DataType::Int64)?),
        Lookback::Days(_) => (column.clone(), strict(&since, column.data_type())?),
    };
    let before = lt(&column, &Scalar::new(since)).map_err(|_| Unordered)?;
    Ok(before.iter().map(|it| Some(it.unwrap_or(true))).collect())
}

fn numbers(column: &ArrayRef) -> Result<Int64Array, Unordered> {
    Ok(strict(column, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

fn strict(column: &ArrayRef, to: &DataType) -> Result<ArrayRef, Unordered> {
    cast_with_options(column, to, &CastOptions { safe: false, ..CastOptions::default() }).map_err(|_| Unordered)
}

/// The ways of writing a day or an instant that order by their text.
const FORMS: [&str; 9] = [
    "%Y-%m-%d",
    "%Y%m%d",
    "%Y/%m/%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d%H%M%S",
    "%Y-%m-%d %H:%M:%S%.3f",
    "%Y-%m-%d %H:%M:%S%.6f",
];

/// The form in which `text` is written, and what it says.
fn read(text: &str) -> Option<(&'static str, NaiveDateTime)> {
    if let Some(utc) = text.strip_suffix("+00:00") {
        let instant = NaiveDateTime::parse_from_str(utc, "%Y-%m-%d %H:%M:%S%.f").ok()?;
        return Some(("%Y-%m-%d %H:%M:%S%.6f+00:00", instant));
    }
    FORMS.iter().find_map(|form| {
        let instant = NaiveDateTime::parse_from_str(text, form)
            .or_else(|_| NaiveDate::parse_from_str(text, form).map(|it| it.and_hms_opt(0, 0, 0).expect("midnight is a time")));
        let instant = instant.ok()?;
        // Only what is written with all its zeros orders by its text.
        (instant.format(form).to_string() == text).then_some((*form, instant))
    })
}

/// Digits as `0`, everything else as it is.
fn shape(text: &str) -> String {
    text.chars().map(|it| if it.is_ascii_digit() { '0' } else { it }).collect()
}

fn is_shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(|(a, b)| if b == b'0' { a.is_ascii_digit() } else { a == b })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, TimestampMicrosecondArray};

    use super::*;

    fn tonight() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 15).expect("a day")
    }

    #[test]
    fn the_next_pull_begins_before_the_newest_value_as_the_source_writes_it() {
        let days = |newest: &str| since(newest, Lookback::Days(7), tonight());
        assert_eq!(days("2026-11-14").as_deref(), Some("2026-11-07"));
        assert_eq!(days("20261114").as_deref(), Some("20261107"));
        assert_eq!(days("2026-11-14 08:30:00").as_deref(), Some("2026-11-07 08:30:00"));
        assert_eq!(days("2026-11-14T08:30:00").as_deref(), Some("2026-11-07T08:30:00"));
        assert_eq!(days("2026-11-14 08:30:00.125000").as_deref(), Some("2026-11-07 08:30:00.125000"));
        assert_eq!(days("2026-11-14 08:30:00.125000+00:00").as_deref(), Some("2026-11-07 08:30:00.125000+00:00"));
        assert_eq!(days("9999-12-31").as_deref(), Some("2026-11-08"), "a date in the future hides nothing");
        assert_eq!(days("2026-1-4"), None);
        assert_eq!(since("1000", Lookback::Count(10), tonight()).as_deref(), Some("990"));
        assert_eq!(since("many", Lookback::Count(10), tonight()), None);
    }

    #[test]
    fn days_instants_texts_and_numbers_order() {
        let newest = |column: ArrayRef, lookback| Order::default().newest(&column, lookback);
        let days = Lookback::Days(1);
        assert_eq!(newest(Arc::new(Date32Array::from(vec![Some(20_000), None])), days), Ok(Some("2024-10-04".to_owned())));
        let instants = TimestampMicrosecondArray::from(vec![Some(1_700_000_000_000_000), None]);
        assert_eq!(newest(Arc::new(instants), days), Ok(Some("2023-11-14 22:13:20.000000".to_owned())));
        assert_eq!(newest(Arc::new(StringArray::from(vec!["9", "10"])), Lookback::Count(1)), Ok(Some("10".to_owned())));
        assert_eq!(newest(Arc::new(StringArray::from(vec!["20261101", "20261103"])), days), Ok(Some("20261103".to_owned())));
        assert_eq!(newest(Arc::new(StringArray::from(vec!["20261101", "2026-11-03"])), days), Err(Unordered));
        assert_eq!(newest(Arc::new(StringArray::from(vec!["9", "x"])), Lookback::Count(1)), Err(Unordered));
    }

    #[test]
    fn rows_before_the_lookback_are_kept_and_so_are_rows_without_a_value() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("9"), Some("10"), None]));
        assert_eq!(is_before(&texts, "10", Lookback::Count(1)), Ok(BooleanArray::from(vec![true, false, true])));
        let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(19_999), Some(20_000)]));
        assert_eq!(is_before(&days, "2024-10-04", Lookback::Days(1)), Ok(BooleanArray::from(vec![true, false])));
    }
}
