//! Days and months in the forms that departments write.

use chrono::{Datelike, Days, NaiveDate};

use super::{Unread, is_stroke, narrow, says_null};

/// From this year on a date means "without end".
const ENDLESS_YEAR: i32 = 2099;

/// A day in any form that has one meaning: `1980-05-01`, `1980.5.1`, `1980/5/1`, `19800501`, `1980年5月1日`, the same with a time of
/// day, a month alone (its first day: `1980.5`, `198005`, `1980年5月`, `80.5`) and spreadsheet serial numbers (`29342`).
/// Null for 至今, 长期 and the dates that systems write for "none": 1900-01-01, 0000-00-00, 9999-12-31 and their kin.
pub fn date(text: &str) -> Result<Option<NaiveDate>, Unread> {
    if let Some((year, month, day)) = plain_day(text.as_bytes()) {
        return day_of(year, month, day);
    }
    match parts(text)? {
        Parts::Nothing => Ok(None),
        Parts::Month(year, month) => day_of(year, month, 1),
        Parts::Day(year, month, day) => day_of(year, month, day),
        Parts::Serial(days) => date_of_serial(days),
    }
}

/// A month, yyyymm, in any form that has one meaning; a day gives the month it lies in.
pub fn month(text: &str) -> Result<Option<i32>, Unread> {
    let digits = text.as_bytes();
    if digits.len() == 6
        && let (Some(year), Some(month)) = (number(&digits[..4]), number(&digits[4..]))
        && (1900..ENDLESS_YEAR).contains(&year)
    {
        return if (1..=12).contains(&month) { Ok(Some(year * 100 + month)) } else { Err(Unread::NoSuchDay) };
    }
    Ok(date(text)?.map(month_of))
}

/// The month a day lies in, yyyymm.
pub fn month_of(day: NaiveDate) -> i32 {
    day.year() * 100 + day.month() as i32
}

/// A day that a database already holds as days since 1970-01-01: null for the days that mean "none" or "without end".
pub fn date_of_days(days: i32) -> Result<Option<NaiveDate>, Unread> {
    believed(NaiveDate::from_epoch_days(days).ok_or(Unread::NoSuchDay)?)
}

/// A spreadsheet's serial number of a day; 1 is 1900-01-01. Between 10000 (1927) and 72685 (2098), so that no other number of a
/// few digits is taken for one.
pub fn date_of_serial(serial: i64) -> Result<Option<NaiveDate>, Unread> {
    if !(10_000..=72_685).contains(&serial) {
        return Err(Unread::NotADate);
    }
    // Spreadsheets count a 29 February 1900 that never was, so day 60 onwards counts from 1899-12-30.
    let first = NaiveDate::from_ymd_opt(1899, 12, 30).expect("a day of the calendar");
    Ok(first.checked_add_days(Days::new(serial.unsigned_abs())))
}

/// `1980-05-01`, `1980/05/01`, `1980.05.01` and `19800501`: what nine cells of ten look like.
fn plain_day(text: &[u8]) -> Option<(i32, i32, i32)> {
    let (month, day) = match text {
        [_, _, _, _, m1, m2, d1, d2] => ([*m1, *m2], [*d1, *d2]),
        [_, _, _, _, a @ (b'-' | b'/' | b'.'), m1, m2, b, d1, d2] if a == b => ([*m1, *m2], [*d1, *d2]),
        _ => return None,
    };
    Some((number(&text[..4])?, number(&month)?, number(&day)?))
}

fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0i32, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| i32::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

fn day_of(year: i32, month: i32, day: i32) -> Result<Option<NaiveDate>, Unread> {
    if (year, month, day) == (0, 0, 0) || year == 9999 {
        return Ok(None);
    }
    let part = |it: i32| u32::try_from(it).ok();
    let found = part(month).zip(part(day)).and_then(|(month, day)| NaiveDate::from_ymd_opt(year, month, day));
    believed(found.ok_or(Unread::NoSuchDay)?)
}

pub(super) fn believed(day: NaiveDate) -> Result<Option<NaiveDate>, Unread> {
    // What SQL Server, Oracle, spreadsheets and Java write where nothing was entered.
    let placeholder = matches!((day.year(), day.month(), day.day()), (1 | 1753 | 1900, 1, 1) | (1899, 12, 30 | 31));
    if placeholder || day.year() >= ENDLESS_YEAR {
        Ok(None)
    } else if day.year() < 1900 {
        Err(Unread::TooEarly)
    } else {
        Ok(Some(day))
    }
}

/// What a text says, before the calendar is asked.
pub(super) enum Parts {
    Nothing,
    Month(i32, i32),
    Day(i32, i32, i32),
    Serial(i64),
}

/// How the numbers of a date are kept apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    None,
    Dot,
    Dash,
    Han,
}

pub(super) fn parts(text: &str) -> Result<Parts, Unread> {
    const NOTHING: [&str; 10] = ["至今", "长期", "长期有效", "永久", "无", "无固定期限", "现在", "今", "待定", "不详"];
    if NOTHING.contains(&text) || says_null(text) || is_stroke(text) {
        return Ok(Parts::Nothing);
    }
    let (numbers, separator) = numbers(without_time(text)?)?;
    let pieces: Vec<&str> = numbers.split(' ').collect();
    match pieces[..] {
        [digits] => run_of_digits(digits, separator),
        [serial, fraction] if separator == Separator::Dot && serial.len() >= 5 => decimal_number(serial, fraction),
        [_, "1"] if separator == Separator::Dot => Err(Unread::JanuaryOrOctober),
        [year, month] => Ok(Parts::Month(year_of(year, separator)?, small(month)?)),
        [year, month, day] => Ok(Parts::Day(year_of(year, separator)?, small(month)?, small(day)?)),
        _ => Err(Unread::NotADate),
    }
}

/// The date without a time of day; China's own zone may stand behind the time, no other.
fn without_time(text: &str) -> Result<&str, Unread> {
    let Some(colon) = text.find(':') else { return Ok(text) };
    let Some((date, time)) = text[..colon].rfind([' ', 'T', 't', '\u{3000}']).map(|at| text.split_at(at)) else {
        return Err(Unread::NotADate);
    };
    let time = time.trim_start_matches([' ', 'T', 't', '\u{3000}']);
    let clock = time.find(|it: char| !(it.is_ascii_digit() || matches!(it, ':' | '.'))).unwrap_or(time.len());
    match time[clock..].trim() {
        "" | "+08:00" | "+0800" | "+08" => Ok(date.trim_end()),
        "Z" | "z" => Err(Unread::OtherZone),
        zone if zone.starts_with(['+', '-']) => Err(Unread::OtherZone),
        _ => Err(Unread::NotADate),
    }
}

/// The numbers of a date, one blank between two, and what stood there. All separators must be of one kind.
fn numbers(text: &str) -> Result<(String, Separator), Unread> {
    let mut numbers = String::with_capacity(12);
    let mut separator = Separator::None;
    let mut ended = false;
    for letter in text.chars().map(narrow) {
        let kind = match letter {
            '0'..='9' if !ended => {
                numbers.push(letter);
                continue;
            }
            ' ' => continue,
            '份' if separator == Separator::Han => continue,
            '日' | '号' if separator == Separator::Han && !ended => {
                ended = true;
                continue;
            }
            '-' | '/' | '—' | '–' => Separator::Dash,
            '.' | '。' => Separator::Dot,
            '年' | '月' => Separator::Han,
            _ => return Err(Unread::NotADate),
        };
        let follows_number = numbers.ends_with(|it: char| it.is_ascii_digit());
        // `2026-05月` is no form of its own, but says nothing else either.
        let tail_month = letter == '月' && separator != Separator::None;
        if !follows_number || ended || (separator != Separator::None && separator != kind && !tail_month) {
            return Err(Unread::NotADate);
        }
        if separator == Separator::None {
            separator = kind;
        }
        numbers.push(' ');
    }
    // 年 and 月 stand behind their numbers; a dot or a dash must have one behind it.
    if numbers.ends_with(' ') && !text.ends_with(['年', '月', '份']) {
        return Err(Unread::NotADate);
    }
    numbers.truncate(numbers.trim_end().len());
    Ok((numbers, separator))
}

fn run_of_digits(digits: &str, separator: Separator) -> Result<Parts, Unread> {
    let all = number(digits.as_bytes()).filter(|_| digits.len() <= 8);
    match (digits.len(), all) {
        (1..=14, _) if digits.bytes().all(|it| it == b'0') => Ok(Parts::Nothing),
        (4, Some(9999)) => Ok(Parts::Nothing),
        (4, Some(1900..=2100)) => Err(Unread::YearAlone),
        _ if separator != Separator::None => Err(Unread::NotADate),
        (5, Some(serial)) => Ok(Parts::Serial(i64::from(serial))),
        (6, Some(it)) if (1900..=9999).contains(&(it / 100)) => year_and_month(it / 100, it % 100),
        (8, Some(it)) => Ok(Parts::Day(it / 10_000, it / 100 % 100, it % 100)),
        // 20260131235959, a day with its time.
        (14, _) => {
            let day = number(&digits.as_bytes()[..8]).ok_or(Unread::NotADate)?;
            Ok(Parts::Day(day / 10_000, day / 100 % 100, day % 100))
        }
        _ => Err(Unread::NotADate),
    }
}

fn year_and_month(year: i32, month: i32) -> Result<Parts, Unread> {
    // 800501 is no month, and whether it is a day of 1980 nobody has said.
    if (1900..=2100).contains(&year) || year == 9999 { Ok(Parts::Month(year, month)) } else { Err(Unread::NotADate) }
}

/// A number that a spreadsheet holds: a serial number with a time of day, or digits that became `19800501.0`.
fn decimal_number(whole: &str, fraction: &str) -> Result<Parts, Unread> {
    if whole.len() == 5 {
        let serial = number(whole.as_bytes()).ok_or(Unread::NotADate)?;
        Ok(Parts::Serial(i64::from(serial)))
    } else if fraction.bytes().all(|it| it == b'0') {
        run_of_digits(whole, Separator::None)
    } else {
        Err(Unread::NotADate)
    }
}

fn year_of(digits: &str, separator: Separator) -> Result<i32, Unread> {
    match (digits.len(), number(digits.as_bytes())) {
        (4, Some(year)) => Ok(year),
        // `05-06-07` may begin with anything; 80.5 and 80年5月 begin with a year.
        (2, Some(year)) if separator != Separator::Dash => match year {
            40..=99 => Ok(1900 + year),
            0..=29 => Ok(2000 + year),
            _ => Err(Unread::WhichCentury),
        },
        _ => Err(Unread::NotADate),
    }
}

fn small(digits: &str) -> Result<i32, Unread> {
    number(digits.as_bytes()).filter(|_| (1..=2).contains(&digits.len())).ok_or(Unread::NotADate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = match date(text) {
            Ok(Some(day)) => day.to_string(),
            Ok(None) => "null".to_owned(),
            Err(why) => format!("{why:?}"),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn days() {
        for text in [
            "1980-05-01",
            "1980-5-1",
            "1980.05.01",
            "1980.5.1",
            "1980/05/01",
            "1980/5/1",
            "19800501",
            "1980年5月1日",
            "1980年05月01日",
            "1980年5月1号",
            "1980 年 5 月 1 日",
            "１９８０年５月１日",
            "1980－05－01",
            "1980-05-01 00:00:00",
            "1980-05-01T00:00:00",
            "1980/5/1 0:00",
            "1980-05-01 13:45:59.123",
            "1980-05-01T00:00:00+08:00",
            "19800501000000",
            "19800501.0",
            "80.5.1",
            "80年5月1日",
            "29342",
            "29342.0",
            "29342.75",
            "２９３４２",
        ] {
            check(text, "1980-05-01");
        }
    }

    #[test]
    fn months_alone_begin_on_their_first_day() {
        for text in
            ["1980-05", "1980-5", "1980.5", "1980.05", "198005", "1980年5月", "1980年5月份", "80.5", "80年5月", "1980/5", "198005.0"]
        {
            check(text, "1980-05-01");
        }
        check("1980.10", "1980-10-01");
        check("1980.01", "1980-01-01");
        check("05.5", "2005-05-01");
    }

    #[test]
    fn words_and_dates_for_nothing() {
        for text in [
            "至今",
            "长期",
            "无",
            "-",
            "－",
            "/",
            "NULL",
            "0",
            "00000000",
            "0000-00-00",
            "0000-00-00 00:00:00",
            "1900-01-01",
            "1900-01-01 00:00:00",
            "1900/1/1",
            "18991230",
            "1753-01-01",
            "0001-01-01",
            "9999-12-31",
            "99991231",
            "999912",
            "9999",
            "2099-12-31",
            "2999-12-31",
        ] {
            check(text, "null");
        }
    }

    #[test]
    fn two_meanings_are_not_read() {
        check("1980.1", "JanuaryOrOctober");
        check("80.1", "JanuaryOrOctober");
        check("34.5", "WhichCentury");
        check("1980", "YearAlone");
        check("1980年", "YearAlone");
        check("05-06-07", "NotADate");
        check("5/1/1980", "NotADate");
        check("800501", "NotADate");
        check("1980-05-01T16:00:00Z", "OtherZone");
        check("1980-05-01 16:00:00-05:00", "OtherZone");
    }

    #[test]
    fn impossible_days() {
        check("1980-02-30", "NoSuchDay");
        check("19801301", "NoSuchDay");
        check("198013", "NoSuchDay");
        check("1980-05-00", "NoSuchDay");
        check("1850-05-01", "TooEarly");
    }

    #[test]
    fn no_dates() {
        for text in [
            "abc",
            "五月",
            "1980-05-01-02",
            "1980--05",
            "1980-",
            "-1980",
            "1980-05.01",
            "1980.5年",
            "123",
            "1234567",
            "99999",
            "12:30",
            "月",
            "1980年5月1日2",
        ] {
            check(text, "NotADate");
        }
    }

    #[test]
    fn months() {
        for (text, expected) in [
            ("202605", Ok(Some(202_605))),
            ("2026-05", Ok(Some(202_605))),
            ("2026.5", Ok(Some(202_605))),
            ("2026年5月", Ok(Some(202_605))),
            ("2026年05月份", Ok(Some(202_605))),
            ("2026-05月", Ok(Some(202_605))),
            ("26年5月", Ok(Some(202_605))),
            ("20260531", Ok(Some(202_605))),
            ("2026-05-31", Ok(Some(202_605))),
            ("46143", Ok(Some(202_605))),
            ("000000", Ok(None)),
            ("至今", Ok(None)),
            ("202613", Err(Unread::NoSuchDay)),
            ("2026.1", Err(Unread::JanuaryOrOctober)),
            ("2026", Err(Unread::YearAlone)),
            ("5月", Err(Unread::NotADate)),
        ] {
            assert_eq!(month(text), expected, "{text}");
        }
    }

    #[test]
    fn serials_are_the_days_spreadsheets_show() {
        assert_eq!(date_of_serial(45_292), Ok(NaiveDate::from_ymd_opt(2024, 1, 1)));
        assert_eq!(date_of_serial(9_999), Err(Unread::NotADate));
    }
}
