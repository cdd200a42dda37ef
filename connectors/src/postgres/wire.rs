//! Values as the server sends them (binary format), into Arrow.

use crate::{Said, said};
use arrow::datatypes::{DataType, TimeUnit};
use encoding_rs::Encoding;

use crate::gather::{Column, write_hex};

/// Arrow's longest exact decimal; a longer one comes as text.
const DIGITS_MAX: i32 = 38;
/// 2000-01-01, from which the server counts, in days of Arrow.
const EPOCH_DAYS: i32 = 10_957;
const DAY_MICROS: i64 = 86_400_000_000;
/// 0001-01-01 and 9999-12-31 in days of Arrow: what a mapping can take for a day.
const DAYS: std::ops::RangeInclusive<i32> = -719_162..=2_932_896;
/// Digits of NUMERIC come in groups of four.
const GROUP: i64 = 10_000;

/// How the values of one column are sent, and what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wire {
    Flag,
    /// Whole numbers of 2, 4 or 8 bytes.
    Whole,
    /// Of 4 or 8 bytes.
    Real,
    /// NUMERIC of so many digits and decimals.
    Exact(u8, i8),
    /// A day, counted from 2000.
    Day,
    /// A time without zone, in microseconds from 2000.
    Moment,
    /// Text as it stands.
    Text,
    /// Text that the server makes of another type.
    Told,
    /// Bytes that are text in this encoding, and whether the server makes text of another type.
    Encoded(&'static Encoding, bool),
    Bytes,
}

/// What became of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Fine,
    /// The cell, whose bytes are no text, makes its row a broken one.
    NoText,
    /// The same for a value that Arrow's type has no place for: the value, and what it is.
    NoPlace(String, Said),
    /// The bytes are not what the protocol says; nothing was added.
    Wrong,
}

impl Wire {
    /// By the server's number of the type and what the table declares beside it.
    /// <https://www.postgresql.org/docs/current/catalog-pg-type.html>
    pub(super) fn of(oid: u32, modifier: i32, encoding: Option<&'static Encoding>) -> Wire {
        let told = encoding.map_or(Wire::Told, |it| Wire::Encoded(it, true));
        match oid {
            16 => Wire::Flag,
            20 | 21 | 23 => Wire::Whole,
            700 | 701 => Wire::Real,
            1082 => Wire::Day,
            1114 => Wire::Moment,
            17 => Wire::Bytes,
            // name, text, json, bpchar, varchar: the blanks that fill a CHAR are part of it.
            19 | 25 | 114 | 1042 | 1043 => encoding.map_or(Wire::Text, |it| Wire::Encoded(it, false)),
            1700 => digits(modifier).map_or(told, |(precision, scale)| Wire::Exact(precision, scale)),
            _ => told,
        }
    }

    /// The type of the column.
    pub(super) fn arrow(self) -> DataType {
        match self {
            Wire::Flag => DataType::Boolean,
            Wire::Whole => DataType::Int64,
            Wire::Real => DataType::Float64,
            Wire::Exact(precision, scale) => DataType::Decimal128(precision, scale),
            Wire::Day => DataType::Date32,
            Wire::Moment => DataType::Timestamp(TimeUnit::Microsecond, None),
            Wire::Text | Wire::Told | Wire::Encoded(..) | Wire::Bytes => DataType::Utf8,
        }
    }

    /// Whether the server shall make it text.
    pub(super) fn is_told(self) -> bool {
        matches!(self, Wire::Told | Wire::Encoded(_, true))
    }

    /// Adds a value.
    pub(super) fn put(self, bytes: &[u8], column: &mut Column) -> Put {
        let added = match (self, column) {
            (Wire::Text | Wire::Told, Column::Text(column)) => {
                column.push(bytes);
                Some(())
            }
            (Wire::Whole, Column::Whole(column)) => whole(bytes).map(|it| column.append_value(it)),
            (Wire::Exact(_, scale), Column::Exact(column)) => match numeric(bytes, scale) {
                Some(Numeric::Exact(it)) => {
                    column.append_value(it);
                    Some(())
                }
                Some(Numeric::None(what)) => {
                    column.append_null();
                    return Put::NoPlace(what.to_owned(), said!("不是数字的内容", "no number"));
                }
                None => None,
            },
            (Wire::Day, Column::Day(column)) => match array(bytes).map(i32::from_be_bytes) {
                Some(days) => match days.checked_add(EPOCH_DAYS).filter(|it| DAYS.contains(it)) {
                    Some(it) => {
                        column.append_value(it);
                        Some(())
                    }
                    None => {
                        column.append_null();
                        return Put::NoPlace(
                            no_day(i64::from(days), i64::from(i32::MIN), i64::from(i32::MAX)),
                            said!("超出范围的日期", "a day out of range"),
                        );
                    }
                },
                None => None,
            },
            (Wire::Moment, Column::Moment(column)) => match array(bytes).map(i64::from_be_bytes) {
                Some(micros) => match moment(micros) {
                    Some(it) => {
                        column.append_value(it);
                        Some(())
                    }
                    None => {
                        column.append_null();
                        return Put::NoPlace(no_day(micros, i64::MIN, i64::MAX), said!("超出范围的时间", "a time out of range"));
                    }
                },
                None => None,
            },
            (Wire::Flag, Column::Flag(column)) => match bytes {
                [flag] => {
                    column.append_value(*flag != 0);
                    Some(())
                }
                _ => None,
            },
            (Wire::Real, Column::Real(column)) => real(bytes).map(|it| column.append_value(it)),
            (Wire::Bytes, Column::Text(column)) => {
                column.push_with(|out| write_hex(bytes, out));
                Some(())
            }
            (Wire::Encoded(encoding, _), Column::Text(column)) => {
                let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
                column.push(text.as_ref().map_or(bytes, |it| it.as_bytes()));
                return if text.is_some() { Put::Fine } else { Put::NoText };
            }
            _ => None,
        };
        added.map_or(Put::Wrong, |()| Put::Fine)
    }
}

/// Digits and decimals of a NUMERIC column that Arrow can hold; null where it declares none.
fn digits(modifier: i32) -> Option<(u8, i8)> {
    // The server adds four to what it packs; the scale has eleven bits and a sign.
    let packed = (modifier >= 4).then(|| modifier - 4)?;
    let (precision, scale) = (packed >> 16 & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024);
    let fits = (1..=DIGITS_MAX).contains(&precision) && (0..=precision).contains(&scale);
    fits.then_some((precision as u8, scale as i8))
}

fn array<const LENGTH: usize>(bytes: &[u8]) -> Option<[u8; LENGTH]> {
    bytes.try_into().ok()
}

fn whole(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        8 => array(bytes).map(i64::from_be_bytes),
        4 => array(bytes).map(|it| i64::from(i32::from_be_bytes(it))),
        2 => array(bytes).map(|it| i64::from(i16::from_be_bytes(it))),
        _ => None,
    }
}

/// A REAL with the digits that it shows: 8120.55, not 8120.5498046875.
fn real(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        8 => array(bytes).map(f64::from_be_bytes),
        4 => array(bytes).map(f32::from_be_bytes).map(|it| it.to_string().parse().unwrap_or(f64::from(it))),
        _ => None,
    }
}

/// Microseconds of Arrow, unless the day is none that a mapping can take.
fn moment(micros: i64) -> Option<i64> {
    let since_1970 = micros.checked_add(i64::from(EPOCH_DAYS) * DAY_MICROS)?;
    let day = i32::try_from(since_1970.div_euclid(DAY_MICROS)).ok()?;
    DAYS.contains(&day).then_some(since_1970)
}

fn no_day(value: i64, least: i64, most: i64) -> String {
    match value {
        it if it == least => "-infinity".to_owned(),
        it if it == most => "infinity".to_owned(),
        it if it < 0 => "a day before Christ".to_owned(),
        _ => "a day after 9999".to_owned(),
    }
}

/// A NUMERIC as it is sent.
enum Numeric {
    /// In units of the last decimal.
    Exact(i128),
    /// NaN and the infinities.
    None(&'static str),
}

/// Head of four 16-bit numbers (groups, weight of the first, sign, decimals shown), then groups of four digits.
fn numeric(bytes: &[u8], scale: i8) -> Option<Numeric> {
    let [g0, g1, w0, w1, s0, s1, _, _, groups @ ..] = bytes else { return None };
    let weight = i32::from(i16::from_be_bytes([*w0, *w1]));
    let negative = match u16::from_be_bytes([*s0, *s1]) {
        0x0000 => false,
        0x4000 => true,
        0xc000 => return Some(Numeric::None("NaN")),
        0xd000 => return Some(Numeric::None("Infinity")),
        0xf000 => return Some(Numeric::None("-Infinity")),
        _ => return None,
    };
    let count = i32::from(u16::from_be_bytes([*g0, *g1]));
    if groups.len() != 2 * count as usize {
        return None;
    }
    let digits = groups.chunks_exact(2).map(|it| i64::from(u16::from_be_bytes([it[0], it[1]])));
    let exponent = (weight - count + 1) * 4 + i32::from(scale);
    // Four groups and two decimals more fit into 64 bits: nearly every amount of money.
    let number = if count <= 4 && (-4..=2).contains(&exponent) {
        let number = digits.fold(0, |number, it| number * GROUP + it);
        i128::from(scaled_short(number, exponent)?)
    } else {
        let number = digits.clone().try_fold(0_i128, |number, it| number.checked_mul(i128::from(GROUP))?.checked_add(i128::from(it)));
        match number {
            // The last group may have zeros that the column does not keep.
            None => long(digits, exponent)?,
            Some(0) => 0,
            Some(number) => scaled(number, exponent)?,
        }
    };
    Some(Numeric::Exact(if negative { -number } else { number }))
}

fn scaled_short(number: i64, exponent: i32) -> Option<i64> {
    let power = 10_i64.pow(exponent.unsigned_abs());
    if exponent >= 0 { Some(number * power) } else { (number % power == 0).then_some(number / power) }
}

fn scaled(number: i128, exponent: i32) -> Option<i128> {
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    if exponent >= 0 { number.checked_mul(power) } else { (number % power == 0).then_some(number / power) }
}

/// All groups but the last, then the part of the last that counts.
fn long(digits: impl DoubleEndedIterator<Item = i64> + Clone, exponent: i32) -> Option<i128> {
    let mut digits = digits;
    let last = i128::from(digits.next_back()?);
    let kept = u32::try_from(4 + exponent).ok().filter(|it| *it < 4)?;
    let first = digits.try_fold(0_i128, |number, it| number.checked_mul(i128::from(GROUP))?.checked_add(i128::from(it)))?;
    first.checked_mul(10_i128.pow(kept))?.checked_add(scaled(last, exponent)?)
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
        let put = wire.put(bytes, &mut gathered.columns()[0]);
        match put {
            Put::NoText => gathered.refuse(0),
            Put::NoPlace(ref raw, ref what) => gathered.refuse_value(0, raw.clone(), what.clone()),
            Put::Fine | Put::Wrong => {}
        }
        let told = if put == Put::Wrong {
            "?".to_owned()
        } else {
            gathered.end_row(1);
            match gathered.pieces(&Under::default()).first() {
                Some(Piece::Rows(batch)) => array_value_to_string(batch.column(0), 0).expect("a value"),
                Some(Piece::Broken(it)) => format!("broken {} {}", it.raw, it.why.en),
                _ => String::new(),
            }
        };
        assert_eq!(told, expected, "{wire:?} {bytes:?}");
    }

    fn sent(weight: i16, sign: u16, groups: &[u16]) -> Vec<u8> {
        let head = [groups.len() as u16, weight as u16, sign, 0];
        head.iter().chain(groups).flat_map(|it| it.to_be_bytes()).collect()
    }

    #[test]
    fn amounts_are_exact() {
        let money = Wire::Exact(12, 2);
        check(money, &sent(0, 0, &[]), "0.00");
        check(money, &sent(1, 0, &[1, 2345, 6700]), "12345.67");
        check(money, &sent(-1, 0x4000, &[100]), "-0.01");
        check(money, &sent(2, 0, &[99, 9999, 9999, 9900]), "9999999999.99");
        check(money, &sent(1, 0, &[1]), "10000.00");
        check(money, &sent(0, 0xc000, &[]), "broken NaN `a` holds no number");
        check(money, &sent(0, 0xd000, &[]), "broken Infinity `a` holds no number");
        check(money, &sent(-1, 0, &[1]), "?");
        check(money, &sent(i16::MAX, 0, &[1]), "?");
        check(money, &[0, 1, 0, 0, 0, 0, 0, 0], "?");
        check(money, &[], "?");
        check(Wire::Exact(38, 0), &sent(9, 0, &[99, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999]), &"9".repeat(38));
        let fraction: Vec<u16> = std::iter::repeat_n(9999, 9).chain([9900]).collect();
        check(Wire::Exact(38, 38), &sent(-1, 0, &fraction), &format!("0.{}", "9".repeat(38)));
    }

    #[test]
    fn the_digits_of_a_column_are_known() {
        let modifier = |precision: i32, scale: i32| (precision << 16 | scale & 0x7ff) + 4;
        assert_eq!(digits(modifier(12, 2)), Some((12, 2)));
        assert_eq!(digits(modifier(38, 38)), Some((38, 38)));
        for none in [-1, modifier(39, 2), modifier(3, -2), modifier(2, 5)] {
            assert_eq!(digits(none), None);
        }
    }

    #[test]
    fn days_and_times_at_their_ends() {
        check(Wire::Day, &0_i32.to_be_bytes(), "2000-01-01");
        check(Wire::Day, &(-730_119_i32).to_be_bytes(), "0001-01-01");
        check(Wire::Day, &2_921_939_i32.to_be_bytes(), "9999-12-31");
        check(Wire::Day, &(-730_120_i32).to_be_bytes(), "broken a day before Christ `a` holds a day out of range");
        check(Wire::Day, &2_921_940_i32.to_be_bytes(), "broken a day after 9999 `a` holds a day out of range");
        check(Wire::Day, &i32::MAX.to_be_bytes(), "broken infinity `a` holds a day out of range");
        check(Wire::Day, &i32::MIN.to_be_bytes(), "broken -infinity `a` holds a day out of range");
        check(Wire::Day, &[0, 0], "?");
        check(Wire::Moment, &1_i64.to_be_bytes(), "2000-01-01T00:00:00.000001");
        check(Wire::Moment, &i64::MAX.to_be_bytes(), "broken infinity `a` holds a time out of range");
        check(Wire::Moment, &i64::MIN.to_be_bytes(), "broken -infinity `a` holds a time out of range");
    }

    #[test]
    fn numbers_flags_and_texts() {
        check(Wire::Whole, &i16::MIN.to_be_bytes(), "-32768");
        check(Wire::Whole, &i64::MAX.to_be_bytes(), "9223372036854775807");
        check(Wire::Whole, &[0], "?");
        check(Wire::Real, &8120.55_f32.to_be_bytes(), "8120.55");
        check(Wire::Real, &0.1_f64.to_be_bytes(), "0.1");
        check(Wire::Flag, &[1], "true");
        check(Wire::Flag, &[], "?");
        check(Wire::Bytes, &[0xd5, 0x0a], "d50a");
        check(Wire::Text, " 王　伟".as_bytes(), " 王　伟");
        check(Wire::Text, &[0xd5, 0xc5], "broken \\xD5\\xC5 `a` holds bytes that are no text");
        check(Wire::Encoded(encoding_rs::GB18030, false), &[0xd5, 0xc5, 0xce, 0xb0], "张伟");
        check(Wire::Encoded(encoding_rs::GB18030, false), &[0xd5], "broken \\xD5 `a` holds bytes that are no text");
    }
}
