//! Reads one cell of text: a date, a month, an amount, a count, a flag, an account.
//!
//! A reader gives a value, or null for words that say "nothing here" (至今, 0000-00-00, a lone dash), or [`Unread`]. It never
//! guesses: text with two meanings is unread, and the hint says how a mapping settles which one is meant. The caller has already
//! dealt with cells that are blank.

mod date;
mod form;
mod money;

use std::borrow::Cow;

use sha2::{Digest, Sha256};

pub use date::{date, date_of_days, date_of_serial, month, month_of};
pub use form::{Form, FormError};
pub use money::{MoneyUnit, fen_of_decimal, fen_of_float, fen_of_whole, money};

/// Why a cell could not be read. Says nothing of the cell's content, so that it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unread {
    /// No known way of writing a date.
    NotADate,
    /// Written as a date, but the calendar has no such day or month.
    NoSuchDay,
    /// A year without a month.
    YearAlone,
    /// A year before 1900.
    TooEarly,
    /// `1980.1`: January, or October written as a number that lost its zero.
    JanuaryOrOctober,
    /// Two digits for a year that may be of either century.
    WhichCentury,
    /// A time of day in a zone other than China's.
    OtherZone,
    /// Not an amount of money.
    NotMoney,
    /// An amount that is no whole number of fen.
    FinerThanFen,
    /// A number too large to be believed or held.
    TooLarge,
    /// Not a whole number.
    NotACount,
    /// Neither of the words for yes and no.
    NotAFlag,
    /// A number or account that a spreadsheet rounded to `3.30683E+17`.
    Rounded,
    /// A code that the mapping does not name.
    UnknownCode,
    /// The mapping's pattern does not match.
    NoMatch,
    /// Nothing where something must be.
    Missing,
    /// Neither an ID number nor a name.
    Nobody,
    /// The mapping's SQL fails on this row.
    Sql,
    /// It casts something that is no such value.
    SqlCast,
    /// It divides by zero.
    SqlDivision,
}

impl Unread {
    /// The reason, in Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Unread::NotADate => "不是可识别的日期或月份",
            Unread::NoSuchDay => "日历上没有这一天或这个月",
            Unread::YearAlone => "只有年份，没有月份",
            Unread::TooEarly => "年份早于1900年",
            Unread::JanuaryOrOctober => "“.1”可能是1月，也可能是丢了末尾0的10月",
            Unread::WhichCentury => "两位年份分不清是哪个世纪",
            Unread::OtherZone => "时间不是北京时间",
            Unread::NotMoney => "不是可识别的金额",
            Unread::FinerThanFen => "金额不足一分的部分不为零",
            Unread::TooLarge => "数值过大",
            Unread::NotACount => "不是整数",
            Unread::NotAFlag => "不是约定的“是”或“否”",
            Unread::Rounded => "被电子表格改成了科学记数，末位数字已丢失",
            Unread::UnknownCode => "代码不在映射的代码表中",
            Unread::NoMatch => "与映射中的 pattern 不符",
            Unread::Missing => "必填项为空",
            Unread::Nobody => "身份证号和姓名都没有",
            Unread::Sql => "映射中的 SQL 在本行出错",
            Unread::SqlCast => "映射中的 SQL 在本行出错：值不能转换为 cast 的类型",
            Unread::SqlDivision => "映射中的 SQL 在本行出错：除数为零",
        }
    }

    /// The reason, in English.
    pub fn en(self) -> &'static str {
        match self {
            Unread::NotADate => "not a date or month in any known form",
            Unread::NoSuchDay => "the calendar has no such day or month",
            Unread::YearAlone => "a year without a month",
            Unread::TooEarly => "a year before 1900",
            Unread::JanuaryOrOctober => "`.1` may be January, or October that lost its zero",
            Unread::WhichCentury => "two digits do not tell the century",
            Unread::OtherZone => "a time in another time zone",
            Unread::NotMoney => "not an amount of money",
            Unread::FinerThanFen => "not a whole number of fen",
            Unread::TooLarge => "too large",
            Unread::NotACount => "not a whole number",
            Unread::NotAFlag => "neither of the words for yes and no",
            Unread::Rounded => "rounded by a spreadsheet; the last digits are lost",
            Unread::UnknownCode => "the mapping does not name this code",
            Unread::NoMatch => "does not match the mapping's pattern",
            Unread::Missing => "required, but empty",
            Unread::Nobody => "neither an ID number nor a name",
            Unread::Sql => "the mapping's SQL fails on this row",
            Unread::SqlCast => "the mapping's SQL fails on this row: a value is not of the type it is cast to",
            Unread::SqlDivision => "the mapping's SQL fails on this row: it divides by zero",
        }
    }

    /// What to do about it, in Chinese and English.
    pub fn hint(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Unread::JanuaryOrOctober => (
                "确认来源的“.1”都指1月后，在映射中写 date = [\"any\", \"%Y.%m\"]",
                "if the source means January, write date = [\"any\", \"%Y.%m\"] in the mapping",
            ),
            Unread::WhichCentury => (
                "在映射中写明格式，例如 date = \"%y.%m\"（69及以下为20xx年）",
                "give the form in the mapping, such as date = \"%y.%m\" (69 and below are 20xx)",
            ),
            Unread::OtherZone => ("在映射中用 sql 换算成北京时间", "convert to Beijing time with `sql` in the mapping"),
            Unread::Rounded => ("请来源单位把该列设为文本格式后重新导出", "ask for the file again with this column exported as text"),
            Unread::UnknownCode => ("请把该代码补入映射的 codes", "add the code to `codes` in the mapping"),
            Unread::SqlCast => ("无法转换的值要留空时用 try_cast", "where such a value may count as empty, use try_cast"),
            Unread::SqlDivision => ("除数可能为零时写 nullif(除数, 0)", "write nullif(divisor, 0) where it may be zero"),
            Unread::NotAFlag => ("在映射中写 flag = { yes = [...], no = [...] }", "name the words with flag = { yes = [...], no = [...] }"),
            _ => return None,
        })
    }
}

/// The cell without the blanks around it; `None` when nothing is left. Blanks are white space of every width and the invisible
/// characters that copying from web pages leaves behind.
pub fn filled(text: &str) -> Option<&str> {
    // Nearly every cell begins and ends with something visible: two bytes tell.
    if let [first, .., last] = text.as_bytes()
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return Some(text);
    }
    let text = text.trim_matches(is_blank);
    (!text.is_empty()).then_some(text)
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

/// Whether the cell is a database's or a spreadsheet's word for "no value".
pub fn says_null(text: &str) -> bool {
    matches!(text, "NULL" | "null" | "Null" | "(null)" | "<null>" | "\\N" | "#N/A")
}

/// Whether the cell is a dash or a slash that stands for nothing.
pub(crate) fn is_stroke(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| matches!(it, '-' | '－' | '—' | '–' | '―' | '/' | '／' | '\\'))
}

/// Full-width letters, digits and signs as their ASCII forms; everything else as it is.
fn narrow(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
        '\u{3000}' | '\u{a0}' => ' ',
        other => other,
    }
}

/// Whether text is a number in scientific notation, as a spreadsheet writes a long number it has rounded.
pub fn is_rounded(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    let sign_free = exponent.strip_prefix(['+', '-']);
    let dotted = mantissa.contains('.');
    // Without a point or a sign it may be a passport: `12E345`.
    (dotted || sign_free.is_some())
        && digits(sign_free.unwrap_or(exponent))
        && digits(&mantissa.strip_prefix('-').unwrap_or(mantissa).replacen('.', "", 1))
}

/// A whole number: people, days, a year. Trailing `.0` is allowed, because spreadsheets write it.
pub fn count(text: &str) -> Result<Option<i32>, Unread> {
    if says_null(text) || is_stroke(text) {
        return Ok(None);
    }
    let whole = money::decimal(text, 0).map_err(|why| if why == Unread::TooLarge { why } else { Unread::NotACount })?;
    i32::try_from(whole).map(Some).map_err(|_| Unread::TooLarge)
}

/// The words for yes and no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagWords {
    /// Words for yes.
    pub yes: Vec<String>,
    /// Words for no.
    pub no: Vec<String>,
}

impl FlagWords {
    /// The same words, and `true` and `false`, which a mapping may always write.
    pub(crate) fn with_booleans(&self) -> FlagWords {
        let and = |words: &[String], word: &str, others: &[String]| {
            let own = (!others.iter().any(|it| it == word)).then(|| word.to_owned());
            words.iter().cloned().chain(own).collect()
        };
        FlagWords { yes: and(&self.yes, "true", &self.no), no: and(&self.no, "false", &self.yes) }
    }
}

impl Default for FlagWords {
    fn default() -> FlagWords {
        let words = |them: &[&str]| them.iter().map(|&it| it.to_owned()).collect();
        FlagWords {
            yes: words(&["1", "是", "Y", "y", "YES", "Yes", "yes", "true", "TRUE", "True"]),
            no: words(&["0", "否", "N", "n", "NO", "No", "no", "false", "FALSE", "False"]),
        }
    }
}

/// Yes or no, by the mapping's words.
pub fn flag(text: &str, words: &FlagWords) -> Result<Option<bool>, Unread> {
    if words.yes.iter().any(|it| it == text) {
        Ok(Some(true))
    } else if words.no.iter().any(|it| it == text) {
        Ok(Some(false))
    } else if says_null(text) {
        Ok(None)
    } else {
        Err(Unread::NotAFlag)
    }
}

/// The letters and digits of a bank account. Null when there is no digit (现金), when all are zero, or when some are masked:
/// two masked numbers that look alike need not be one account.
pub fn account(text: &str) -> Result<Option<Cow<'_, str>>, Unread> {
    if is_rounded(text) {
        return Err(Unread::Rounded);
    }
    if text.contains(['*', '＊', '×', '…']) || !text.chars().any(|it| matches!(narrow(it), '1'..='9')) {
        return Ok(None);
    }
    if text.bytes().all(|it| it.is_ascii_digit() || it.is_ascii_uppercase()) {
        return Ok(Some(Cow::Borrowed(text)));
    }
    let kept = text.chars().map(narrow).filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_uppercase()).collect();
    Ok(Some(Cow::Owned(kept)))
}

/// The keyed hash by which accounts are compared, as 16 hexadecimal digits in `into`.
pub fn account_hash(salt: &str, account: &str, into: &mut [u8; 16]) {
    let mut hash = Sha256::new();
    hash.update(salt.as_bytes());
    hash.update(b"|");
    hash.update(account.as_bytes());
    let digest = hash.finalize();
    for (pair, byte) in into.chunks_exact_mut(2).zip(digest.iter()) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blanks_of_every_width_are_no_text() {
        for (text, left) in [
            ("", None),
            (" ", None),
            ("\u{3000}\u{a0}\u{200b}\t\r\n", None),
            ("a", Some("a")),
            (" a b\u{feff}", Some("a b")),
            ("李　明", Some("李　明")),
        ] {
            assert_eq!(filled(text), left, "{text:?}");
        }
    }

    #[test]
    fn counts() {
        for (text, expected) in [
            ("22", Ok(Some(22))),
            ("２２", Ok(Some(22))),
            ("22.0", Ok(Some(22))),
            ("1,234", Ok(Some(1234))),
            ("-3", Ok(Some(-3))),
            ("-", Ok(None)),
            ("NULL", Ok(None)),
            ("22.5", Err(Unread::NotACount)),
            ("22天", Err(Unread::NotACount)),
            ("二十", Err(Unread::NotACount)),
            ("3000000000", Err(Unread::TooLarge)),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }

    #[test]
    fn flags() {
        let words = FlagWords::default();
        for (text, expected) in [
            ("1", Ok(Some(true))),
            ("是", Ok(Some(true))),
            ("Y", Ok(Some(true))),
            ("0", Ok(Some(false))),
            ("否", Ok(Some(false))),
            ("false", Ok(Some(false))),
            ("null", Ok(None)),
            ("2", Err(Unread::NotAFlag)),
            ("有", Err(Unread::NotAFlag)),
        ] {
            assert_eq!(flag(text, &words), expected, "{text}");
        }
        let own = FlagWords { yes: vec!["有".into()], no: vec!["无".into()] };
        assert_eq!(flag("无", &own), Ok(Some(false)));
        assert_eq!(flag("1", &own), Err(Unread::NotAFlag));
    }

    #[test]
    fn accounts() {
        for (text, expected) in [
            ("6222021203001234567", Ok(Some("6222021203001234567"))),
            ("6222 0212-0300 1234", Ok(Some("6222021203001234"))),
            ("'６２２２ab", Ok(Some("6222AB"))),
            ("6222****4567", Ok(None)),
            ("000000", Ok(None)),
            ("现金", Ok(None)),
            ("6.22202E+18", Err(Unread::Rounded)),
        ] {
            assert_eq!(account(text).map(|it| it.map(Cow::into_owned)), expected.map(|it| it.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn the_salt_changes_every_account_hash() {
        let hash = |salt, account| {
            let mut hex = [0; 16];
            account_hash(salt, account, &mut hex);
            String::from_utf8(hex.to_vec()).unwrap()
        };
        assert_eq!(hash("a", "1"), hash("a", "1"));
        assert_ne!(hash("a", "1"), hash("b", "1"));
        assert!(hash("", "6222").bytes().all(|it| it.is_ascii_hexdigit()));
    }

    #[test]
    fn rounded_numbers_are_not_passports() {
        for (text, rounded) in [
            ("3.30683E+17", true),
            ("3.30683198001011264e17", true),
            ("3E+17", true),
            ("12E345", false),
            ("E12345678", false),
            ("330683198001010017", false),
            ("33068319800101001X", false),
            ("E+", false),
        ] {
            assert_eq!(is_rounded(text), rounded, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_reader_panics_on_any_text(text in "\\PC{0,24}") {
            every_reader(&text);
        }

        #[test]
        fn no_reader_panics_on_digits(text in "-?[0-9]{0,40}[.]?[0-9]{0,4}") {
            every_reader(&text);
        }

        #[test]
        fn no_reader_panics_on_nearly_right_text(text in "[-+0-9０-９.,，年月日号万元￥()（）:TZ/ E%]{0,20}") {
            every_reader(&text);
        }
    }

    fn every_reader(text: &str) {
        let _ = filled(text);
        let _ = (date(text), month(text), count(text), flag(text, &FlagWords::default()), account(text), is_rounded(text));
        for unit in [MoneyUnit::Fen, MoneyUnit::Yuan, MoneyUnit::Wan] {
            let _ = money(text, unit);
        }
        for form in ["any", "excel", "%Y%m%d", "%y.%m", "%Y年%m月"] {
            let form = Form::new(form).unwrap();
            let _ = (form.date(text), form.month(text));
        }
        let _ = Form::new(text);
    }
}
