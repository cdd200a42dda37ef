//! A workbook's cell as the text that a person sees in it.

use std::fmt::Write as _;

use calamine::{Data, DataRef, ExcelDateTime};

/// Whole numbers below this are exact in a double.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
/// Excel shows and takes fifteen significant digits; what a double holds beyond them is noise of binary arithmetic.
const DIGITS: usize = 15;
/// The day after 9999-12-31 as Excel counts days.
const SERIALS_END: f64 = 2_958_466.0;

/// Appends what the cell says. False, and nothing appended, for an empty cell.
pub(crate) fn write(cell: &DataRef<'_>, out: &mut String) -> bool {
    match cell {
        DataRef::Empty => return false,
        DataRef::String(text) | DataRef::DurationIso(text) => out.push_str(text),
        DataRef::SharedString(text) => out.push_str(text),
        DataRef::Int(value) => append(out, value),
        DataRef::Float(value) => number(*value, out),
        DataRef::Bool(value) => out.push(if *value { '1' } else { '0' }),
        DataRef::DateTime(value) => date(*value, out),
        DataRef::DateTimeIso(text) => out.push_str(&text.trim_end_matches("T00:00:00").replace('T', " ")),
        DataRef::Error(error) => append(out, error),
    }
    true
}

/// The same for a cell of an `.xls` sheet.
pub(crate) fn write_owned(cell: &Data, out: &mut String) -> bool {
    match cell {
        Data::String(text) => {
            out.push_str(text);
            true
        }
        Data::Int(value) => write(&DataRef::Int(*value), out),
        Data::Float(value) => write(&DataRef::Float(*value), out),
        Data::Bool(value) => write(&DataRef::Bool(*value), out),
        Data::DateTime(value) => write(&DataRef::DateTime(*value), out),
        Data::DateTimeIso(text) => write(&DataRef::DateTimeIso(text.clone()), out),
        Data::DurationIso(text) => write(&DataRef::DurationIso(text.clone()), out),
        Data::Error(error) => write(&DataRef::Error(error.clone()), out),
        Data::Empty => false,
    }
}

/// Appends a number: a whole one exactly, a fraction with at most fifteen significant digits, none with an exponent.
pub(crate) fn number(value: f64, out: &mut String) {
    if value.fract() == 0.0 && value.abs() < EXACT_BELOW {
        return append(out, &(value as i64));
    }
    let from = out.len();
    append(out, &value);
    if significant_digits(&out[from..]) <= DIGITS {
        return;
    }
    out.truncate(from);
    if value.fract() == 0.0 {
        // An 18-digit number that another program put through a double: all its digits, so that linking can see what became of it.
        append(out, &format_args!("{value:.0}"));
    } else {
        append(out, &format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value));
    }
}

fn significant_digits(number: &str) -> usize {
    let digits = || number.bytes().filter(u8::is_ascii_digit).skip_while(|it| *it == b'0');
    let trailing = if number.contains('.') { 0 } else { number.len() - number.trim_end_matches('0').len() };
    digits().count() - trailing
}

/// Appends a date cell as `2026-03-01`, with the time where it has one; a time alone as `08:30:00`, a span as `26:30:00`.
/// What is no date that Excel could show (20260301 in a date format) stays the number it is.
fn date(value: ExcelDateTime, out: &mut String) {
    let serial = value.as_f64();
    if !(0.0..SERIALS_END).contains(&serial) {
        return number(serial, out);
    }
    if value.is_duration() {
        let seconds = (serial * 86_400.0).round() as i64;
        return append(out, &format_args!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    }
    let (year, month, day, hour, minute, second, _) = value.to_ymd_hms_milli();
    if serial < 1.0 {
        return append(out, &format_args!("{hour:02}:{minute:02}:{second:02}"));
    }
    append(out, &format_args!("{year:04}-{month:02}-{day:02}"));
    if (hour, minute, second) != (0, 0, 0) {
        append(out, &format_args!(" {hour:02}:{minute:02}:{second:02}"));
    }
}

/// Appends what a value displays as.
pub(crate) fn append(out: &mut String, what: &impl std::fmt::Display) {
    write!(out, "{what}").expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    fn check(cell: &DataRef<'_>, expected: &str) {
        let mut out = String::new();
        assert!(write(cell, &mut out));
        assert_eq!(out, expected);
    }

    #[test]
    fn numbers_are_what_a_person_sees() {
        for (value, expected) in [
            (1234.5, "1234.5"),
            (0.1 + 0.2, "0.3"),
            (6_234.700_000_000_001, "6234.7"),
            (-0.0, "0"),
            (-8120.05, "-8120.05"),
            (0.000_01, "0.00001"),
            (12_345_678_901.23, "12345678901.23"),
            (1e21, "1000000000000000000000"),
            (6_228_480_402_564_890.0, "6228480402564890"),
        ] {
            check(&DataRef::Float(value), expected);
        }
    }

    #[test]
    fn an_id_that_excel_took_for_a_number_keeps_its_three_zeros() {
        check(&DataRef::Float(330_683_198_001_011_000.0), "330683198001011000");
    }

    #[test]
    fn an_id_that_went_through_a_double_keeps_the_double() {
        check(&DataRef::Float(330_683_198_001_011_234.0), "330683198001011264");
    }

    #[test]
    fn dates_are_iso() {
        let cell = |serial, kind| DataRef::DateTime(ExcelDateTime::new(serial, kind, false));
        check(&cell(29_342.0, ExcelDateTimeType::DateTime), "1980-05-01");
        check(&cell(45_943.5, ExcelDateTimeType::DateTime), "2025-10-13 12:00:00");
        check(&cell(0.25, ExcelDateTimeType::DateTime), "06:00:00");
        check(&cell(1.125, ExcelDateTimeType::TimeDelta), "27:00:00");
        check(&cell(20_260_315.0, ExcelDateTimeType::DateTime), "20260315");
        check(&DataRef::DateTimeIso("2026-03-01T00:00:00".to_owned()), "2026-03-01");
    }

    #[test]
    fn text_is_untouched() {
        check(&DataRef::SharedString("'330683198001011234 "), "'330683198001011234 ");
    }
}
