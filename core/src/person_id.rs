//! Resident identity numbers (GB 11643-1999): how they are built, and how they arrive broken.
//!
//! [`clean`] removes only what can never belong to a number and is what mappings call. [`classify`] says what a cleaned text
//! is; a number that passes is a [`PersonId`] and nobody asks again. [`repair`] proposes valid numbers for a broken text;
//! only linking may believe one, and only with other evidence.

pub mod repair;

use std::borrow::Cow;
use std::fmt;

use chrono::{Datelike, NaiveDate};

/// A number that passes GB 11643: a province that exists, a day that exists, the right check character.
///
/// Held as its seventeen digits in one integer, because the check character follows from them: equal integers are equal
/// numbers, and numbers of one area and birth date are neighbours in sorted order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(u64);

// GB 11643-1999, 4.2: the weights of the seventeen digits, and the check character by the weighted sum modulo 11.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: [u8; 11] = *b"10X98765432";

// GB/T 2260 provinces; 81-83 are residence permits for Hong Kong, Macao and Taiwan residents, 91 foreigners' permanent
// residence cards in their 2023 form. Counties are not checked: they change, and old numbers keep the old codes.
const PROVINCES: [u8; 36] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82,
    83, 91,
];

impl PersonId {
    /// Reads eighteen characters that are already clean; `None` if anything is wrong with them.
    pub fn parse(text: &str) -> Option<PersonId> {
        let (body, last) = text.as_bytes().split_last_chunk::<1>()?;
        let id = PersonId::from_body(digits(<&[u8; 17]>::try_from(body).ok()?)?)?;
        (id.check() == last[0]).then_some(id)
    }

    /// Reads fifteen digits of the form before 1999: the century is 19, and there is no check character to pass.
    pub fn parse_15(text: &str) -> Option<PersonId> {
        let short = digits(<&[u8; 15]>::try_from(text.as_bytes()).ok()?)?;
        let (area, rest) = (short / 1_000_000_000, short % 1_000_000_000);
        PersonId::from_body((area * 100 + 19) * 1_000_000_000 + rest)
    }

    /// The number whose first seventeen digits are `body`, if there can be such a number.
    pub fn from_body(body: u64) -> Option<PersonId> {
        let id = PersonId(body);
        let province = u8::try_from(body / 1_000_000_000_000_000).ok()?;
        (PROVINCES.contains(&province) && id.day().is_some()).then_some(id)
    }

    /// The seventeen digits as one integer; dividing it by 1000 leaves area and birth date.
    pub fn body(self) -> u64 {
        self.0
    }

    /// The division code of the first registration, six digits; often one that has since been abolished.
    pub fn area(self) -> u32 {
        (self.0 / 100_000_000_000) as u32
    }

    /// The birth date.
    pub fn birth(self) -> NaiveDate {
        self.day().expect("from_body refuses days that do not exist")
    }

    /// The sequence number of the day in the area.
    pub fn sequence(self) -> u16 {
        (self.0 % 1000) as u16
    }

    /// `male` or `female`, as in [`crate::codes::SEX`]: odd sequence numbers are men's.
    pub fn sex(self) -> &'static str {
        if self.0 % 2 == 1 { "male" } else { "female" }
    }

    /// The fifteen digits under which somebody born before 2000 may still be filed.
    pub fn short(self) -> Option<u64> {
        let (area, century) = (self.0 / 100_000_000_000, self.0 / 1_000_000_000 % 100);
        (century == 19).then_some(area * 1_000_000_000 + self.0 % 1_000_000_000)
    }

    /// The value of the check character, 10 for X.
    pub fn check_digit(self) -> u8 {
        match self.check() {
            b'X' => 10,
            digit => digit - b'0',
        }
    }

    fn check(self) -> u8 {
        let (mut rest, mut sum) = (self.0, 0);
        for weight in WEIGHTS.iter().rev() {
            sum += weight * (rest % 10) as u32;
            rest /= 10;
        }
        CHECKS[(sum % 11) as usize]
    }

    fn day(self) -> Option<NaiveDate> {
        let day = (self.0 / 1000 % 100_000_000) as u32;
        let year = day / 10_000;
        // Nobody on a payroll was born before 1850; a later bound is the caller's, who knows which day it is.
        if !(1850..2100).contains(&year) {
            return None;
        }
        NaiveDate::from_ymd_opt(year as i32, day / 100 % 100, day % 100)
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By hand, because millions are printed a night.
        let (mut text, mut rest) = ([b'0'; 18], self.0);
        for place in text[..17].iter_mut().rev() {
            *place += (rest % 10) as u8;
            rest /= 10;
        }
        text[17] = self.check();
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

fn digits<const N: usize>(text: &[u8; N]) -> Option<u64> {
    text.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

/// What a text in an ID column is; the words are those of `identity.id_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Passes GB 11643.
    Valid18,
    /// The fifteen digits of the old form, with a day that exists.
    Valid15,
    /// Eighteen characters whose check character or province is wrong.
    Checksum,
    /// A birth date that does not exist.
    Date,
    /// Digits, but neither fifteen nor eighteen.
    Length,
    /// Something among the digits that is none.
    Charset,
    /// What a spreadsheet leaves of a number it took for a quantity: `…000` or `3.30683E+17`.
    DamagedExcel,
    /// Some digits hidden on purpose.
    Masked,
    /// A word or a row of equal digits that stands for "none".
    Placeholder,
    /// A passport, a permit, an officer's card.
    OtherDocument,
    /// Nothing.
    Missing,
}

impl State {
    /// Every state, in the order of the schema.
    pub const ALL: [State; 11] = [
        State::Valid18,
        State::Valid15,
        State::Checksum,
        State::Date,
        State::Length,
        State::Charset,
        State::DamagedExcel,
        State::Masked,
        State::Placeholder,
        State::OtherDocument,
        State::Missing,
    ];

    /// The word in `identity.id_state`.
    pub fn word(self) -> &'static str {
        match self {
            State::Valid18 => "valid-18",
            State::Valid15 => "valid-15",
            State::Checksum => "checksum",
            State::Date => "date",
            State::Length => "length",
            State::Charset => "charset",
            State::DamagedExcel => "damaged-excel",
            State::Masked => "masked",
            State::Placeholder => "placeholder",
            State::OtherDocument => "other-document",
            State::Missing => "missing",
        }
    }
}

/// What was done to a text to read it, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs(u16);

impl Repairs {
    /// Nothing was repaired.
    pub const NONE: Repairs = Repairs(0);
    /// Full-width characters became ASCII.
    pub const FULL_WIDTH: Repairs = Repairs(1);
    /// Blanks or invisible characters were removed.
    pub const BLANKS: Repairs = Repairs(1 << 1);
    /// A spreadsheet's text mark before the number was removed.
    pub const APOSTROPHE: Repairs = Repairs(1 << 2);
    /// A small x became X.
    pub const LOWER_X: Repairs = Repairs(1 << 3);
    /// `×` or `*` in the last place became X.
    pub const CROSS_TO_X: Repairs = Repairs(1 << 4);
    /// O became 0, l or I became 1.
    pub const LETTERS: Repairs = Repairs(1 << 5);
    /// Fifteen digits were extended to eighteen.
    pub const EXTENDED: Repairs = Repairs(1 << 6);
    /// One digit was replaced.
    pub const REPLACED: Repairs = Repairs(1 << 7);
    /// Two neighbouring digits were exchanged.
    pub const EXCHANGED: Repairs = Repairs(1 << 8);
    /// A lost digit was put back.
    pub const INSERTED: Repairs = Repairs(1 << 9);
    /// A digit too many was taken out.
    pub const REMOVED: Repairs = Repairs(1 << 10);
    /// Only the first digits were believed.
    pub const PREFIX: Repairs = Repairs(1 << 11);
    /// Only the visible digits were compared.
    pub const UNMASKED: Repairs = Repairs(1 << 12);

    const WORDS: [&'static str; 13] = [
        "full-width",
        "blanks",
        "apostrophe",
        "lower-x",
        "cross-to-x",
        "letters",
        "15-to-18",
        "digit-replaced",
        "digits-exchanged",
        "digit-inserted",
        "digit-removed",
        "prefix",
        "unmasked",
    ];

    /// Both sets together.
    #[must_use]
    pub fn and(self, more: Repairs) -> Repairs {
        Repairs(self.0 | more.0)
    }

    /// The words of `identity.repairs`, separated by spaces; `None` if nothing was done.
    pub fn words(self) -> Option<String> {
        let words: Vec<&str> = Repairs::WORDS.iter().enumerate().filter(|(at, _)| self.0 >> at & 1 == 1).map(|(_, word)| *word).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}

/// What a text in an ID column turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it is.
    pub state: State,
    /// The number, exactly when the state is [`State::Valid18`] or [`State::Valid15`].
    pub id: Option<PersonId>,
    /// What had to be done to read it.
    pub repairs: Repairs,
}

/// Removes what never belongs to a number: blanks, invisible characters, full width, a spreadsheet's apostrophe; x becomes X.
/// Everything else stays visible, because a `×` or an O may be told and repaired later, but must not be forgotten.
pub fn clean(raw: &str) -> Cow<'_, str> {
    scrub(raw).0
}

fn scrub(raw: &str) -> (Cow<'_, str>, Repairs) {
    if raw.bytes().all(|byte| byte.is_ascii_digit() || byte == b'X') {
        return (Cow::Borrowed(raw), Repairs::default());
    }
    let mut repairs = Repairs::default();
    let mut text = String::with_capacity(raw.len());
    for letter in raw.chars() {
        match letter {
            '\'' | '‘' | '’' | '＇' | '`' | '"' | '“' | '”' if text.is_empty() => repairs = repairs.and(Repairs::APOSTROPHE),
            'x' => {
                repairs = repairs.and(Repairs::LOWER_X);
                text.push('X');
            }
            'ｘ' | 'Ｘ' => {
                repairs = repairs.and(Repairs::FULL_WIDTH);
                text.push('X');
            }
            '！'..='～' => {
                repairs = repairs.and(Repairs::FULL_WIDTH);
                text.push(char::from_u32(u32::from(letter) - 0xFEE0).unwrap_or(letter));
            }
            _ if invisible(letter) => repairs = repairs.and(Repairs::BLANKS),
            _ => text.push(letter),
        }
    }
    if text == raw { (Cow::Borrowed(raw), repairs) } else { (Cow::Owned(text), repairs) }
}

/// Blanks of every width, control and format characters: what copying from a web page or a PDF leaves behind.
pub(crate) fn invisible(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || matches!(letter, '\u{00AD}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}')
}

/// Says what a text in an ID column is.
pub fn classify(raw: &str) -> Reading {
    let (text, repairs) = scrub(raw);
    if let Some(id) = PersonId::parse(&text) {
        return Reading { state: State::Valid18, id: Some(id), repairs };
    }
    let (text, more) = lookalikes(text);
    let repairs = repairs.and(more);
    if let Some(id) = PersonId::parse(&text) {
        return Reading { state: State::Valid18, id: Some(id), repairs };
    }
    if let Some(id) = PersonId::parse_15(&text) {
        return Reading { state: State::Valid15, id: Some(id), repairs: repairs.and(Repairs::EXTENDED) };
    }
    Reading { state: broken(&text), id: None, repairs }
}

/// Letters and marks that were typed for a digit or for X, where the rest of the text leaves no doubt that a number was meant.
fn lookalikes(text: Cow<'_, str>) -> (Cow<'_, str>, Repairs) {
    let count = text.chars().count();
    if text.is_ascii() && text.bytes().all(|byte| byte.is_ascii_digit()) || !(count == 15 || count == 18) {
        return (text, Repairs::default());
    }
    let mut repairs = Repairs::default();
    let mut digits = 0;
    let read: String = text
        .chars()
        .enumerate()
        .map(|(at, letter)| match letter {
            'O' | 'o' | '〇' | 'Ｏ' => {
                repairs = repairs.and(Repairs::LETTERS);
                '0'
            }
            'l' | 'I' | '|' => {
                repairs = repairs.and(Repairs::LETTERS);
                '1'
            }
            '×' | '*' | '✕' | '╳' | 'Х' | 'х' | 'Ⅹ' | 'ⅹ' | 'χ' if at == 17 => {
                repairs = repairs.and(Repairs::CROSS_TO_X);
                'X'
            }
            _ => {
                digits += u32::from(letter.is_ascii_digit());
                letter
            }
        })
        .collect();
    // Fewer than thirteen true digits: perhaps another document, and no ground for reading letters as digits.
    if digits < 13 { (text, Repairs::default()) } else { (Cow::Owned(read), repairs) }
}

fn broken(text: &str) -> State {
    let letters: Vec<char> = text.chars().collect();
    let Some((last, body)) = letters.split_last() else { return State::Missing };
    let all_digits = body.iter().all(char::is_ascii_digit) && (last.is_ascii_digit() || *last == 'X' && !body.is_empty());
    if placeholder(text, &letters) {
        State::Placeholder
    } else if letters.iter().filter(|it| matches!(it, '*' | '?' | '●' | '•' | '·' | '×' | 'X' | '_' | '#' | '□')).count() >= 3 {
        State::Masked
    } else if scientific(text) {
        State::DamagedExcel
    } else if all_digits {
        broken_digits(text)
    } else if other_document(&letters) {
        State::OtherDocument
    } else {
        State::Charset
    }
}

fn broken_digits(text: &str) -> State {
    match text.len() {
        15 => State::Date,
        18 if day_of(text).is_none() => State::Date,
        18 if text.ends_with("000") => State::DamagedExcel,
        18 => State::Checksum,
        _ => State::Length,
    }
}

/// The birth date that digits 7 to 14 of a broken number still tell.
pub fn day_of(text: &str) -> Option<NaiveDate> {
    let day: u32 = text.get(6..14).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    NaiveDate::from_ymd_opt((day / 10_000) as i32, day / 100 % 100, day % 100).filter(|it| (1850..2100).contains(&it.year()))
}

fn placeholder(text: &str, letters: &[char]) -> bool {
    // What people type into a field that insists on being filled.
    const WORDS: [&str; 22] = [
        "无",
        "无号",
        "无证",
        "无身份证",
        "没有",
        "暂无",
        "暂缺",
        "缺",
        "未知",
        "不详",
        "不明",
        "待补",
        "待查",
        "空",
        "null",
        "NULL",
        "Null",
        "None",
        "N/A",
        "n/a",
        "NA",
        "none",
    ];
    let equal = letters.windows(2).all(|pair| pair[0] == pair[1]);
    let mark = letters.iter().all(|it| matches!(it, '-' | '/' | '.' | '—' | '\\' | '0'));
    WORDS.contains(&text) || mark || equal && letters[0] != '*' || text.starts_with("1234567890")
}

/// `3.30683E+17`: what a spreadsheet shows of a long number. Six digits are left, no more than the division code.
fn scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    mantissa.contains('.') && mantissa.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && matches!(exponent, "14" | "17")
}

/// One to three letters before six or more digits (passports, permits of Hong Kong, Macao, Taiwan and of foreigners), or the
/// character 字 of an officer's card.
fn other_document(letters: &[char]) -> bool {
    let head = letters.iter().take_while(|it| it.is_ascii_alphabetic()).count();
    let digits = letters.iter().filter(|it| it.is_ascii_digit()).count();
    let rest = letters[head..].iter().all(|it| it.is_ascii_alphanumeric() || matches!(it, '(' | ')' | '-' | '/'));
    (1..=3).contains(&head) && digits >= 6 && letters.len() <= 18 && rest || digits >= 4 && letters.contains(&'字')
}

#[cfg(test)]
#[path = "person_id/tests.rs"]
mod tests;
