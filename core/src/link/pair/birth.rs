//! Birth dates as any country writes them, wrong ones included: a mistyped day is evidence, too.
// Dates are written as dates: year, month, day.
#![allow(clippy::inconsistent_digit_grouping)]

/// A date as digits, `yyyymmdd`, with 00 for a part that is not told; 0 tells nothing. Not checked against the calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Birth(pub u32);

/// Which comes first where a day and a month could be either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// 31/12/1980.
    DayFirst,
    /// 12/31/1980.
    MonthFirst,
}

impl Order {
    /// The order that most of a column's dates can only be read in.
    pub fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Order {
        let (mut day_first, mut month_first) = (0_usize, 0_usize);
        for text in texts {
            if let [first, second, third] = numbers(text)[..]
                && third > 31
            {
                day_first += usize::from(first > 12);
                month_first += usize::from(second > 12);
            }
        }
        if month_first > day_first { Order::MonthFirst } else { Order::DayFirst }
    }
}

/// How two dates agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Near {
    /// One of them tells nothing.
    Silent,
    /// The same day.
    Same,
    /// One digit differs, or two neighbours, or day and month are exchanged.
    Slip,
    /// Two of year, month and day are the same, or all that both tell.
    Part,
    /// The same year, or no more than a year apart.
    Year,
    /// Another day.
    Other,
}

impl Birth {
    /// Reads a date; what cannot be read tells nothing.
    pub fn read(text: &str, order: Order) -> Birth {
        let bytes = text.as_bytes();
        if let [_, _, _, _, b'-' | b'/' | b'.', _, _, b'-' | b'/' | b'.', _, _, ..] = bytes
            && let (Some(year), Some(month), Some(day)) = (digits(&bytes[..4]), digits(&bytes[5..7]), digits(&bytes[8..10]))
        {
            return Birth::of(year, month, day).believed();
        }
        let read = match numbers(text)[..] {
            [run] => Birth::of_run(run),
            [year, month] if year > 31 => Birth::of(year, month, 0),
            [month, year] if year > 31 => Birth::of(year, month, 0),
            [year, month, day, ..] if year > 31 => Birth::of(year, month, day),
            [first, second, year, ..] if year > 31 || text.len() <= 10 => match (order, month_word(text)) {
                (_, Some(_)) | (Order::DayFirst, None) if second <= 12 || first > 12 => Birth::of(century(year), second, first),
                _ => Birth::of(century(year), first, second),
            },
            _ => Birth::default(),
        };
        read.believed()
    }

    fn of(year: u32, month: u32, day: u32) -> Birth {
        if year > 9999 || month > 99 || day > 99 { Birth::default() } else { Birth(year * 10_000 + month * 100 + day) }
    }

    fn of_run(run: u32) -> Birth {
        match run {
            1_000_0000..=9999_99_99 => Birth(run),
            1_000_00..=9999_99 => Birth(run * 100),
            1000..=9999 => Birth(run * 10_000),
            _ => Birth::default(),
        }
    }

    /// What systems write for "not known" tells nothing.
    fn believed(self) -> Birth {
        match self.0 {
            1900_01_01 | 1899_12_30 | 1753_01_01 | 1601_01_01 | 1_01_01 => Birth::default(),
            it if it / 10_000 == 9999 || it < 1000_00_00 => Birth::default(),
            _ => self,
        }
    }

    /// Whether it tells anything.
    pub fn told(self) -> bool {
        self.0 != 0
    }

    /// Whether it tells the day. A day of month 00 is a slip of the hand, and not a month that is left out.
    pub fn full(self) -> bool {
        !self.0.is_multiple_of(100)
    }

    /// Year, month and day.
    pub fn parts(self) -> [u32; 3] {
        [self.0 / 10_000, self.0 / 100 % 100, self.0 % 100]
    }

    /// How two dates agree.
    pub fn compare(self, other: Birth) -> Near {
        if !self.told() || !other.told() {
            return Near::Silent;
        }
        let (ours, theirs) = (self.parts(), other.parts());
        if !self.full() || !other.full() {
            let agree = ours.iter().zip(theirs).all(|(a, b)| *a == b || *a == 0 || b == 0);
            return if agree { Near::Part } else { Near::Other };
        }
        let equal = ours.iter().zip(theirs).filter(|(a, b)| **a == *b).count();
        match equal {
            3 => Near::Same,
            _ if ours[0] == theirs[0] && ours[1] == theirs[2] && ours[2] == theirs[1] || slip(self.0, other.0) => Near::Slip,
            2 => Near::Part,
            _ if ours[0] == theirs[0] || apart(ours, theirs) <= 372 => Near::Year,
            _ => Near::Other,
        }
    }
}

/// Days between two dates when every month has 31.
fn apart(ours: [u32; 3], theirs: [u32; 3]) -> u32 {
    let day = |[year, month, day]: [u32; 3]| year * 372 + month * 31 + day;
    day(ours).abs_diff(day(theirs))
}

/// One digit differs, or two neighbours are exchanged.
fn slip(one: u32, other: u32) -> bool {
    let digits = |mut it: u32| {
        std::array::from_fn::<u32, 8, _>(|_| {
            let last = it % 10;
            it /= 10;
            last
        })
    };
    let (a, b) = (digits(one), digits(other));
    let differ: Vec<usize> = (0..8).filter(|at| a[*at] != b[*at]).collect();
    match differ[..] {
        [_] => true,
        [i, j] => j == i + 1 && a[i] == b[j] && a[j] == b[i],
        _ => false,
    }
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

/// The numbers of a text in their order, a month's name as its number; at most three and of at most eight digits.
fn numbers(text: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = Vec::with_capacity(3);
    let mut run = String::new();
    for letter in text.chars().chain(['\0']) {
        if letter.is_ascii_digit() {
            run.push(letter);
            continue;
        }
        if !run.is_empty() && numbers.len() < 3 {
            numbers.extend(run.parse::<u32>().ok().filter(|_| run.len() <= 8));
        }
        run.clear();
        if letter == 'T' && numbers.len() == 3 {
            break;
        }
    }
    // "May 12, 1980" and "12 May 1980" both become day, month, year.
    if let Some(month) = month_word(text)
        && numbers.len() == 2
    {
        numbers.insert(1, month);
    }
    numbers
}

fn century(year: u32) -> u32 {
    match year {
        0..=29 => 2000 + year,
        30..=99 => 1900 + year,
        _ => year,
    }
}

/// The month that a word names.
fn month_word(text: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    if !text.bytes().any(|it| it.is_ascii_alphabetic()) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    MONTHS.iter().zip(1..).find(|(month, _)| lower.contains(**month)).map(|it| it.1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_of_many_countries() {
        for (text, read) in [
            ("1980-05-12", 1980_05_12),
            ("1980-05-12 00:00:00", 1980_05_12),
            ("1980-05-12T00:00:00", 1980_05_12),
            ("1980.5.2", 1980_05_02),
            ("1980年5月2日", 1980_05_02),
            ("19800512", 1980_05_12),
            ("12/05/1980", 1980_05_12),
            ("5/31/1980", 1980_05_31),
            ("12 May 1980", 1980_05_12),
            ("May 12, 1980", 1980_05_12),
            ("12/05/80", 1980_05_12),
            ("1980", 1980_00_00),
            ("198005", 1980_05_00),
            ("19801345", 1980_13_45),
            ("1900-01-01", 0),
            ("1601-01-01", 0),
            ("1630-08-01", 1630_08_01),
            ("", 0),
            ("n/a", 0),
        ] {
            assert_eq!(Birth::read(text, Order::DayFirst), Birth(read), "{text}");
        }
        assert_eq!(Birth::read("05/12/1980", Order::of(["05/12/1980", "05/31/1980"].into_iter())), Birth(1980_05_12));
    }

    #[test]
    fn near_dates() {
        let near = |a: u32, b: u32| Birth(a).compare(Birth(b));
        assert_eq!(near(1980_05_12, 1980_05_12), Near::Same);
        assert_eq!(near(1980_05_12, 1980_12_05), Near::Slip);
        assert_eq!(near(1980_05_12, 1980_05_21), Near::Slip);
        assert_eq!(near(1980_05_12, 1980_05_30), Near::Part);
        assert_eq!(near(1980_05_12, 1980_05_00), Near::Part);
        assert_eq!(near(1966_09_01, 1966_00_91), Near::Slip);
        assert_eq!(near(1980_05_12, 1980_11_30), Near::Year);
        assert_eq!(near(1984_11_20, 1985_10_19), Near::Year);
        assert_eq!(near(1980_05_12, 1971_11_30), Near::Other);
        assert_eq!(near(1980_05_12, 0), Near::Silent);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", digits in "[0-9/. 年月日-]{0,14}") {
            for it in [text.as_str(), digits.as_str()] {
                let read = Birth::read(it, Order::MonthFirst);
                let expected = if read.full() {
                    Near::Same
                } else if read.told() {
                    Near::Part
                } else {
                    Near::Silent
                };
                prop_assert_eq!(read.compare(read), expected);
            }
        }
    }
}
