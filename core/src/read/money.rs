//! Amounts of money as people and spreadsheets write them, to whole fen without binary fractions.

use super::{Unread, is_stroke, narrow, says_null};

/// What one unit of the source's number is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyUnit {
    /// 元
    Yuan,
    /// 万元
    Wan,
    /// 分
    Fen,
}

impl MoneyUnit {
    /// How many decimal places of the source's number are whole fen.
    fn places(self) -> i32 {
        match self {
            MoneyUnit::Fen => 0,
            MoneyUnit::Yuan => 2,
            MoneyUnit::Wan => 6,
        }
    }

    fn fen(self) -> i64 {
        match self {
            MoneyUnit::Fen => 1,
            MoneyUnit::Yuan => 100,
            MoneyUnit::Wan => 1_000_000,
        }
    }
}

/// An amount in `unit`, to fen. A unit written in the cell itself (元, 万元) goes before the mapping's.
pub fn money(text: &str, unit: MoneyUnit) -> Result<Option<i64>, Unread> {
    if let Some(fen) = plain(text.as_bytes(), unit) {
        return Ok(Some(fen));
    }
    // A lone dash is how a spreadsheet's accounting format shows "none".
    if says_null(text) || is_stroke(text) {
        return Ok(None);
    }
    let text = ["人民币", "RMB", "CNY", "￥", "¥"].iter().find_map(|it| text.strip_prefix(it)).unwrap_or(text);
    let (number, unit) = match text.strip_suffix(['元', '圆']).unwrap_or(text) {
        wan if wan.ends_with('万') => (wan.trim_end_matches('万'), MoneyUnit::Wan),
        yuan if yuan.len() < text.len() => (yuan, MoneyUnit::Yuan),
        bare => (bare, unit),
    };
    decimal(number, unit.places()).map(Some)
}

/// `8120.50` and `-300`: what nine cells of ten look like.
fn plain(text: &[u8], unit: MoneyUnit) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    let mut fen = 0i64;
    let mut places = None;
    for byte in digits {
        match byte {
            b'0'..=b'9' => fen = fen * 10 + i64::from(byte - b'0'),
            b'.' if places.is_none() => {
                places = Some(0);
                continue;
            }
            _ => return None,
        }
        places = places.map(|it| it + 1);
    }
    if places == Some(0) || !digits[0].is_ascii_digit() {
        return None;
    }
    let missing = unit.places() - places.unwrap_or(0);
    let fen = fen.checked_mul(10i64.checked_pow(u32::try_from(missing).ok()?)?)?;
    Some(if negative { -fen } else { fen })
}

/// A decimal number times 10^`places`, which must come out whole. Commas, parentheses or a trailing minus for negative numbers,
/// full-width signs, and scientific notation are understood.
pub(super) fn decimal(text: &str, places: i32) -> Result<i64, Unread> {
    let mut written = Written::default();
    for letter in text.chars().map(narrow) {
        written.take(letter)?;
    }
    written.value(places)
}

/// A number as far as it has been read.
#[derive(Default)]
struct Written {
    mantissa: i128,
    digits: u32,
    fraction: Option<i32>,
    exponent: Option<(bool, i32, u32)>,
    minus: bool,
    open: bool,
    closed: bool,
    /// Digits since the last comma; a group has three.
    group: Option<u32>,
}

impl Written {
    fn take(&mut self, letter: char) -> Result<(), Unread> {
        let begun = self.digits > 0 || self.fraction.is_some();
        match letter {
            ' ' => {}
            _ if self.closed => return Err(Unread::NotMoney),
            '0'..='9' => return self.digit(letter as u8 - b'0'),
            '.' if self.fraction.is_none() && self.exponent.is_none() && self.group_is_whole() => self.fraction = Some(0),
            ',' if self.digits > 0 && self.fraction.is_none() && self.exponent.is_none() && self.group_is_whole() => {
                self.group = Some(0);
            }
            '(' if !begun && !self.open && !self.minus => self.open = true,
            ')' if self.open && begun => self.closed = true,
            '￥' | '¥' if !begun => {}
            'e' | 'E' if begun && self.exponent.is_none() => self.exponent = Some((false, 0, 0)),
            '+' | '-' | '−' | '–' | '▲' | '△' => return self.sign(letter == '+', begun),
            _ => return Err(Unread::NotMoney),
        }
        Ok(())
    }

    fn digit(&mut self, digit: u8) -> Result<(), Unread> {
        if let Some((_, exponent, digits)) = &mut self.exponent {
            *exponent = *exponent * 10 + i32::from(digit);
            *digits += 1;
            return if *exponent > 30 { Err(Unread::TooLarge) } else { Ok(()) };
        }
        // i128 holds 38 digits; no amount has 30.
        if self.digits >= 30 {
            return Err(Unread::TooLarge);
        }
        self.mantissa = self.mantissa * 10 + i128::from(digit);
        self.digits += 1;
        self.fraction = self.fraction.map(|it| it + 1);
        if self.fraction.is_none() {
            self.group = self.group.map(|it| it + 1);
        }
        Ok(())
    }

    fn sign(&mut self, plus: bool, begun: bool) -> Result<(), Unread> {
        match &mut self.exponent {
            Some((minus, _, 0)) if !*minus => *minus = !plus,
            None if !begun && !self.minus && !self.open => self.minus = !plus,
            // SAP writes `123.45-`.
            None if begun && !self.minus && !self.open && !plus => (self.minus, self.closed) = (true, true),
            _ => return Err(Unread::NotMoney),
        }
        Ok(())
    }

    fn group_is_whole(&self) -> bool {
        self.group.is_none_or(|it| it == 3)
    }

    fn value(&self, places: i32) -> Result<i64, Unread> {
        let exponent = match self.exponent {
            Some((_, _, 0)) => return Err(Unread::NotMoney),
            Some((minus, exponent, _)) => {
                if minus {
                    -exponent
                } else {
                    exponent
                }
            }
            None => 0,
        };
        if self.digits == 0 || !self.group_is_whole() || (self.open && !self.closed) {
            return Err(Unread::NotMoney);
        }
        let whole = shifted(self.mantissa, places + exponent - self.fraction.unwrap_or(0))?;
        let signed = if self.minus || self.open { -whole } else { whole };
        i64::try_from(signed).map_err(|_| Unread::TooLarge)
    }
}

/// `mantissa` times 10^`by`, which must come out whole.
fn shifted(mantissa: i128, by: i32) -> Result<i128, Unread> {
    let power = |it: i32| 10i128.checked_pow(it.unsigned_abs());
    if by >= 0 {
        return power(by).and_then(|it| mantissa.checked_mul(it)).ok_or(Unread::TooLarge);
    }
    let Some(divisor) = power(by) else { return if mantissa == 0 { Ok(0) } else { Err(Unread::FinerThanFen) } };
    if mantissa % divisor == 0 {
        return Ok(mantissa / divisor);
    }
    // A spreadsheet's formula gives 6234.700000000001. Spreadsheets themselves show 15 digits, and so many are kept.
    let digits = mantissa.checked_ilog10().unwrap_or(0) + 1;
    let dust = 10i128.pow(digits.saturating_sub(15));
    let kept = (mantissa + dust / 2) / dust * dust;
    if dust > 1 && kept % divisor == 0 { Ok(kept / divisor) } else { Err(Unread::FinerThanFen) }
}

/// A whole number of `unit`, to fen.
pub fn fen_of_whole(number: i64, unit: MoneyUnit) -> Result<i64, Unread> {
    number.checked_mul(unit.fen()).ok_or(Unread::TooLarge)
}

/// A decimal number of `unit` with `scale` places, to fen.
pub fn fen_of_decimal(number: i128, scale: i8, unit: MoneyUnit) -> Result<i64, Unread> {
    let by = unit.places() - i32::from(scale);
    let fen = match by {
        0 => Some(number),
        1.. => 10i128.checked_pow(by.unsigned_abs()).and_then(|it| number.checked_mul(it)),
        _ => {
            let divisor = 10i128.checked_pow(by.unsigned_abs()).ok_or(Unread::TooLarge)?;
            if number % divisor != 0 {
                return Err(Unread::FinerThanFen);
            }
            Some(number / divisor)
        }
    };
    fen.and_then(|it| i64::try_from(it).ok()).ok_or(Unread::TooLarge)
}

/// A binary number of `unit`, to fen: the amount whose nearest binary number this is, after the rounding to 15 digits that
/// spreadsheets do.
pub fn fen_of_float(number: f64, unit: MoneyUnit) -> Result<i64, Unread> {
    if !number.is_finite() {
        return Err(Unread::NotMoney);
    }
    let worth = unit.fen() as f64;
    let fen = (number * worth).round();
    // Exact: below 2^53 `fen` is a whole number, and correct rounding makes the division give the nearest binary number.
    if fen.abs() < 9_007_199_254_740_992.0 && (fen / worth).to_bits() == number.to_bits() {
        return Ok(fen as i64);
    }
    decimal(&format!("{number:e}"), unit.places())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, unit: MoneyUnit, expected: Result<Option<i64>, Unread>) {
        assert_eq!(money(text, unit), expected, "{text}");
    }

    #[test]
    fn yuan() {
        for (text, fen) in [
            ("8120.50", 812_050),
            ("8120.5", 812_050),
            ("8120", 812_000),
            ("8,120.50", 812_050),
            ("8，120.50", 812_050),
            ("￥8,120.50", 812_050),
            ("¥ 8 120.50", 812_050),
            ("8120.50元", 812_050),
            ("人民币8120元", 812_000),
            ("８１２０．５０", 812_050),
            ("（300.00）", -30_000),
            ("(300)", -30_000),
            ("-300", -30_000),
            ("－300", -30_000),
            ("−300.5", -30_050),
            ("▲300", -30_000),
            ("300.00-", -30_000),
            ("+300", 30_000),
            ("￥-300", -30_000),
            ("-￥300", -30_000),
            (".5", 50),
            ("5.", 500),
            ("0", 0),
            ("0.00", 0),
            ("1.5万元", 1_500_000),
            ("1.5万", 1_500_000),
            ("1.23E+3", 123_000),
            ("1.2345e2", 12_345),
            ("5E-2", 5),
            ("123.4500", 12_345),
            ("6234.700000000001", 623_470),
            ("0.30000000000000004", 30),
            ("6234.6999999999998", 623_470),
            ("99999999999999.99", 9_999_999_999_999_999),
        ] {
            check(text, MoneyUnit::Yuan, Ok(Some(fen)));
        }
    }

    #[test]
    fn other_units() {
        check("1.5", MoneyUnit::Wan, Ok(Some(1_500_000)));
        check("0.000001", MoneyUnit::Wan, Ok(Some(1)));
        check("812050", MoneyUnit::Fen, Ok(Some(812_050)));
        check("812050.00", MoneyUnit::Fen, Ok(Some(812_050)));
        check("1.5元", MoneyUnit::Wan, Ok(Some(150)));
    }

    #[test]
    fn nothing() {
        for text in ["-", "－", "——", "NULL", "/"] {
            check(text, MoneyUnit::Yuan, Ok(None));
        }
    }

    #[test]
    fn refused() {
        for (text, why) in [
            ("abc", Unread::NotMoney),
            ("免", Unread::NotMoney),
            ("元", Unread::NotMoney),
            (".", Unread::NotMoney),
            ("1,23", Unread::NotMoney),
            ("1,2345.00", Unread::NotMoney),
            ("1.234,50", Unread::NotMoney),
            ("12.34.56", Unread::NotMoney),
            ("(300", Unread::NotMoney),
            ("300)", Unread::NotMoney),
            ("--300", Unread::NotMoney),
            ("-300-", Unread::NotMoney),
            ("1E", Unread::NotMoney),
            ("0.001", Unread::FinerThanFen),
            ("123.456", Unread::FinerThanFen),
            ("99999999999999999999", Unread::TooLarge),
            ("1E+30", Unread::TooLarge),
            ("1E+99999999999", Unread::TooLarge),
        ] {
            check(text, MoneyUnit::Yuan, Err(why));
        }
        check("1.5", MoneyUnit::Fen, Err(Unread::FinerThanFen));
        check("0.0000001", MoneyUnit::Wan, Err(Unread::FinerThanFen));
    }

    #[test]
    fn numbers_that_are_no_text() {
        assert_eq!(fen_of_whole(81, MoneyUnit::Yuan), Ok(8100));
        assert_eq!(fen_of_whole(i64::MAX, MoneyUnit::Yuan), Err(Unread::TooLarge));
        assert_eq!(fen_of_decimal(81_205, 1, MoneyUnit::Yuan), Ok(812_050));
        assert_eq!(fen_of_decimal(8_120_500, 3, MoneyUnit::Yuan), Ok(812_050));
        assert_eq!(fen_of_decimal(8_120_501, 3, MoneyUnit::Yuan), Err(Unread::FinerThanFen));
        for (number, expected) in [
            (8120.5, Ok(812_050)),
            (0.1 + 0.2, Ok(30)),
            (6_234.700_000_000_001, Ok(623_470)),
            (-0.07, Ok(-7)),
            (1.005, Err(Unread::FinerThanFen)),
            (f64::NAN, Err(Unread::NotMoney)),
            (1e300, Err(Unread::TooLarge)),
        ] {
            assert_eq!(fen_of_float(number, MoneyUnit::Yuan), expected, "{number}");
        }
        assert_eq!(fen_of_float(812_050.0, MoneyUnit::Fen), Ok(812_050));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(fen in -10_000_000_000_000i64..10_000_000_000_000) {
            let sign = if fen < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100);
            prop_assert_eq!(money(&text, MoneyUnit::Yuan), Ok(Some(fen)));
            prop_assert_eq!(decimal(&text, 2), Ok(fen));
            prop_assert_eq!(fen_of_float(text.parse().unwrap(), MoneyUnit::Yuan), Ok(fen));
        }
    }
}
