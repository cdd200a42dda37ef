//! Values as the server sends them (binary protocol), into Arrow.
//!
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>

use arrow::datatypes::DataType;
use encoding_rs::Encoding;
use sqlx::mysql::{MySqlColumn, MySqlTypeInfo};
use sqlx::{Column as _, Type, TypeInfo as _};

use crate::gather::{Column, Text, write_digits, write_hex};

/// Arrow's longest exact decimal; a longer one (up to 65 digits) comes as text.
const DIGITS_MAX: u8 = 38;

/// How the values of one column are sent, and what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wire {
    /// Whole numbers with a sign, of 1 to 8 bytes.
    Signed,
    /// Whole numbers without one, up to INT UNSIGNED and YEAR.
    Unsigned,
    /// BIGINT UNSIGNED.
    Large,
    /// Up to 64 bits, the highest first.
    Bits,
    Float,
    Double,
    /// Digits with a point, of so many digits and decimals.
    Decimal(u8, i8),
    /// A day, with the time of day where the second is set.
    Day {
        with_time: bool,
    },
    /// A span, as TIME is: also negative, also beyond a day.
    Span,
    /// Text in UTF-8: the server has seen to it.
    Text,
    /// Bytes that are text in this encoding.
    Encoded(&'static Encoding),
    /// Bytes.
    Bytes,
}

impl Wire {
    /// What the server says of a column, with what the table declares where there is one.
    pub(super) fn of(column: &MySqlColumn, digits: Option<(u8, i8)>, encoding: Option<&'static Encoding>) -> Wire {
        let kind = column.type_info();
        let is_text = <str as Type<sqlx::MySql>>::compatible(kind);
        match kind.name() {
            "BOOLEAN" if is_unsigned(kind) => Wire::Unsigned,
            // A TINYINT(1) is a number that a program may use as a flag, and may also hold 2 or -1.
            "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => Wire::Signed,
            "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "YEAR" => Wire::Unsigned,
            "BIGINT UNSIGNED" => Wire::Large,
            "BIT" => Wire::Bits,
            "FLOAT" => Wire::Float,
            "DOUBLE" => Wire::Double,
            "DECIMAL" => match digits {
                Some((precision, scale)) if precision <= DIGITS_MAX => Wire::Decimal(precision, scale),
                _ => Wire::Text,
            },
            "DATE" => Wire::Day { with_time: false },
            "DATETIME" | "TIMESTAMP" => Wire::Day { with_time: true },
            "TIME" => Wire::Span,
            "GEOMETRY" => Wire::Bytes,
            "JSON" | "SET" | "NULL" => Wire::Text,
            // The other names (VARCHAR, TEXT, BLOB …) also mean a collation that compares bytes; only `binary` itself is no text.
            _ if is_text => Wire::Text,
            _ => encoding.map_or(Wire::Bytes, Wire::Encoded),
        }
    }

    /// The type of the column.
    pub(super) fn arrow(self) -> DataType {
        match self {
            Wire::Signed | Wire::Unsigned => DataType::Int64,
            Wire::Large | Wire::Bits => DataType::UInt64,
            Wire::Float | Wire::Double => DataType::Float64,
            Wire::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            Wire::Day { .. } | Wire::Span | Wire::Text | Wire::Encoded(_) | Wire::Bytes => DataType::Utf8,
        }
    }

    /// Adds a value. False when its bytes are no text; null when they are not what the protocol says, and nothing was added.
    pub(super) fn put(self, bytes: &[u8], column: &mut Column) -> Option<bool> {
        match (self, column) {
            (Wire::Signed, Column::Whole(column)) => column.append_value(signed(bytes)?),
            (Wire::Unsigned, Column::Whole(column)) => column.append_value(i64::try_from(little(bytes)?).ok()?),
            (Wire::Large, Column::Unsigned(column)) => column.append_value(little(bytes)?),
            (Wire::Bits, Column::Unsigned(column)) => column.append_value(big(bytes)?),
            (Wire::Float, Column::Real(column)) => column.append_value(as_shown(f32::from_le_bytes(bytes.try_into().ok()?))),
            (Wire::Double, Column::Real(column)) => column.append_value(f64::from_le_bytes(bytes.try_into().ok()?)),
            (Wire::Decimal(_, scale), Column::Exact(column)) => column.append_value(decimal(bytes, scale)?),
            (Wire::Day { with_time }, Column::Text(column)) => day(bytes, with_time, column)?,
            (Wire::Span, Column::Text(column)) => span(bytes, column)?,
            (Wire::Text, Column::Text(column)) => column.push(bytes),
            (Wire::Bytes, Column::Text(column)) => column.push_with(|out| write_hex(bytes, out)),
            (Wire::Encoded(encoding), Column::Text(column)) => {
                let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
                column.push(text.as_ref().map_or(bytes, |it| it.as_bytes()));
                return Some(text.is_some());
            }
            _ => return None,
        }
        Some(true)
    }
}

fn is_unsigned(kind: &MySqlTypeInfo) -> bool {
    <u8 as Type<sqlx::MySql>>::compatible(kind)
}

fn signed(bytes: &[u8]) -> Option<i64> {
    Some(match bytes.len() {
        8 => i64::from_le_bytes(bytes.try_into().ok()?),
        4 => i64::from(i32::from_le_bytes(bytes.try_into().ok()?)),
        2 => i64::from(i16::from_le_bytes(bytes.try_into().ok()?)),
        1 => i64::from(i8::from_le_bytes(bytes.try_into().ok()?)),
        _ => return None,
    })
}

fn little(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().rev().fold(0, |number, it| number << 8 | u64::from(*it)))
}

fn big(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, it| number << 8 | u64::from(*it)))
}

/// The double with the digits that a FLOAT shows: 8120.55, not 8120.5498046875.
fn as_shown(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

/// The digits of `-1234.50` as a whole number of the last decimal.
fn decimal(text: &[u8], scale: i8) -> Option<i128> {
    let (negative, digits) = text.strip_prefix(b"-").map_or((false, text), |it| (true, it));
    let mut number: i128 = 0;
    let mut decimals = None;
    for digit in digits {
        match digit {
            b'0'..=b'9' => {
                number = number.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
                decimals = decimals.map(|it: i8| it + 1);
            }
            b'.' if decimals.is_none() => decimals = Some(0),
            _ => return None,
        }
    }
    let missing = u32::try_from(scale - decimals.unwrap_or(0)).ok()?;
    let number = number.checked_mul(10_i128.checked_pow(missing)?)?;
    (!digits.is_empty()).then_some(if negative { -number } else { number })
}

/// Appends `2026-03-01`, with ` 08:30:00` and a fraction where the type has a time. The bytes begin with their length, and leave
/// out what is zero; all zero is the day that `MySQL` has for none, and stays 0000-00-00.
fn day(bytes: &[u8], with_time: bool, column: &mut Text) -> Option<()> {
    let all: [u8; 11] = stretched(bytes)?;
    let [year_low, year_high, month, day, hour, minute, second, micros @ ..] = all;
    column.push_with(|out| {
        write_digits(u64::from(u16::from_le_bytes([year_low, year_high])), 4, out);
        for (mark, part) in [(b'-', month), (b'-', day)] {
            out.push(mark);
            write_digits(u64::from(part), 2, out);
        }
        if with_time {
            out.push(b' ');
            clock(u64::from(hour), minute, second, u32::from_le_bytes(micros), out);
        }
    });
    Some(())
}

/// The bytes behind their length, with the zeros that the server leaves out.
fn stretched<const LENGTH: usize>(bytes: &[u8]) -> Option<[u8; LENGTH]> {
    let (length, rest) = bytes.split_first()?;
    let mut all = [0; LENGTH];
    all.get_mut(..rest.len()).filter(|_| usize::from(*length) == rest.len())?.copy_from_slice(rest);
    Some(all)
}

/// Appends `-838:59:59`.
fn span(bytes: &[u8], column: &mut Text) -> Option<()> {
    let all: [u8; 12] = stretched(bytes)?;
    let [negative, d0, d1, d2, d3, hour, minute, second, micros @ ..] = all;
    let hours = u64::from(u32::from_le_bytes([d0, d1, d2, d3])) * 24 + u64::from(hour);
    column.push_with(|out| {
        if negative == 1 {
            out.push(b'-');
        }
        clock(hours, minute, second, u32::from_le_bytes(micros), out);
    });
    Some(())
}

/// Appends `08:30:00`, with three or six decimals where there is a fraction.
fn clock(hours: u64, minute: u8, second: u8, micros: u32, out: &mut Vec<u8>) {
    write_digits(hours, 2, out);
    for part in [minute, second] {
        out.push(b':');
        write_digits(u64::from(part), 2, out);
    }
    if micros > 0 {
        out.push(b'.');
        match micros % 1000 {
            0 => write_digits(u64::from(micros / 1000), 3, out),
            _ => write_digits(u64::from(micros), 6, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::Field;
    use arrow::util::display::array_value_to_string;

    use super::*;
    use crate::Piece;
    use crate::gather::Gathered;
    use crate::sink::{Under, with_places};

    /// What a value becomes; `?` when the bytes are not what the protocol says.
    fn check(wire: Wire, bytes: &[u8], expected: &str) {
        let schema = with_places([Arc::new(Field::new("a", wire.arrow(), true))]);
        let mut gathered = Gathered::new(schema, 10);
        let told = match wire.put(bytes, &mut gathered.columns()[0]) {
            None => "?".to_owned(),
            Some(is_text) => {
                if !is_text {
                    gathered.refuse(0);
                }
                gathered.end_row(1);
                match gathered.pieces(&Under::default()).first() {
                    Some(Piece::Rows(batch)) => array_value_to_string(batch.column(0), 0).expect("a value"),
                    Some(Piece::Broken(it)) => format!("broken {}", it.raw),
                    _ => String::new(),
                }
            }
        };
        assert_eq!(told, expected, "{wire:?} {bytes:?}");
    }

    #[test]
    fn whole_numbers_at_their_ends() {
        check(Wire::Signed, &[0x80], "-128");
        check(Wire::Signed, &i64::MIN.to_le_bytes(), "-9223372036854775808");
        check(Wire::Unsigned, &[0xff], "255");
        check(Wire::Unsigned, &u32::MAX.to_le_bytes(), "4294967295");
        check(Wire::Large, &u64::MAX.to_le_bytes(), "18446744073709551615");
        check(Wire::Bits, &[1, 0], "256");
        check(Wire::Signed, &[1, 2, 3], "?");
        check(Wire::Large, &[0; 9], "?");
    }

    #[test]
    fn fractions_are_what_is_shown() {
        check(Wire::Float, &8120.55_f32.to_le_bytes(), "8120.55");
        check(Wire::Double, &0.1_f64.to_le_bytes(), "0.1");
        check(Wire::Decimal(12, 2), b"-1234.50", "-1234.50");
        check(Wire::Decimal(38, 0), b"99999999999999999999999999999999999999", "99999999999999999999999999999999999999");
        check(Wire::Decimal(12, 2), b"5", "5.00");
        for wrong in ["", "-", "1.2.3", "1.234", "1e3"] {
            check(Wire::Decimal(12, 2), wrong.as_bytes(), "?");
        }
    }

    #[test]
    fn days_that_are_no_days_stay_as_they_are() {
        let date = Wire::Day { with_time: false };
        let time = Wire::Day { with_time: true };
        check(date, &[0], "0000-00-00");
        check(date, &[4, 0xe8, 0x07, 0, 0], "2024-00-00");
        check(date, &[4, 0xea, 0x07, 3, 1], "2026-03-01");
        check(time, &[0], "0000-00-00 00:00:00");
        check(time, &[4, 0xea, 0x07, 3, 1], "2026-03-01 00:00:00");
        check(time, &[7, 0xea, 0x07, 3, 1, 8, 30, 5], "2026-03-01 08:30:05");
        check(time, &[11, 0xea, 0x07, 3, 1, 8, 30, 5, 0x40, 0xe2, 1, 0], "2026-03-01 08:30:05.123456");
        check(time, &[11, 0xea, 0x07, 3, 1, 8, 30, 5, 0x20, 0xa1, 7, 0], "2026-03-01 08:30:05.500");
        check(date, &[12, 0], "?");
        check(date, &[4, 1], "?");
        check(date, &[], "?");
    }

    #[test]
    fn spans_are_negative_and_longer_than_a_day() {
        check(Wire::Span, &[0], "00:00:00");
        check(Wire::Span, &[8, 1, 34, 0, 0, 0, 22, 59, 59], "-838:59:59");
        check(Wire::Span, &[12, 0, 0, 0, 0, 0, 1, 2, 3, 1, 0, 0, 0], "01:02:03.000001");
    }

    #[test]
    fn bytes_that_are_text_in_an_encoding() {
        let gbk = Wire::Encoded(encoding_rs::GB18030);
        check(gbk, &[0xd5, 0xc5, 0xce, 0xb0], "张伟");
        check(gbk, &[0xd5, 0xc5, 0xff], "broken \\xD5\\xC5\\xFF");
        check(Wire::Bytes, &[0xd5, 0x0a], "d50a");
    }
}
