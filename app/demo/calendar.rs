//! Months as yyyymm, working days, and the statutory retirement month.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// The month of a day.
pub fn month_of(day: NaiveDate) -> i32 {
    day.year() * 100 + day.month() as i32
}

/// `month` and `n` months on.
pub fn add_months(month: i32, n: i32) -> i32 {
    from_index(index(month) + n)
}

/// Whole months from `a` to `b`; negative when `b` comes first.
pub fn months_between(a: i32, b: i32) -> i32 {
    index(b) - index(a)
}

/// Every month from `first` to `last`.
pub fn months(first: i32, last: i32) -> impl Iterator<Item = i32> {
    (index(first)..=index(last)).map(from_index)
}

fn index(month: i32) -> i32 {
    month / 100 * 12 + month % 100 - 1
}

fn from_index(index: i32) -> i32 {
    index.div_euclid(12) * 100 + index.rem_euclid(12) + 1
}

/// The `n`-th day of a month, or its last day when it is shorter.
pub fn day_in(month: i32, n: u32) -> NaiveDate {
    let mut n = n;
    loop {
        if let Some(day) = NaiveDate::from_ymd_opt(month / 100, (month % 100) as u32, n) {
            return day;
        }
        n -= 1;
    }
}

/// The first day of a month.
pub fn first_day(month: i32) -> NaiveDate {
    day_in(month, 1)
}

/// The last day of a month.
pub fn last_day(month: i32) -> NaiveDate {
    day_in(month, 31)
}

/// `n` days on.
pub fn plus(day: NaiveDate, n: i64) -> NaiveDate {
    if n < 0 { day - Days::new(n.unsigned_abs()) } else { day + Days::new(n as u64) }
}

/// The same day of the month `n` months on.
pub fn plus_months(day: NaiveDate, n: i32) -> NaiveDate {
    day_in(add_months(month_of(day), n), day.day())
}

/// Whether people work that day. Public holidays move by decree every year and are left out, as in the rules.
pub fn is_working(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Working days from `after`, not counted, to `until`, counted.
pub fn working_days(after: NaiveDate, until: NaiveDate) -> i32 {
    after.iter_days().skip(1).take_while(|day| *day <= until).filter(|day| is_working(*day)).count() as i32
}

/// The `n`-th working day after `day`; the `-n`-th before it when negative.
pub fn working_day_from(day: NaiveDate, n: i32) -> NaiveDate {
    let step = if n < 0 { -1 } else { 1 };
    let mut at = day;
    for _ in 0..n.abs() {
        at = plus(at, step);
        while !is_working(at) {
            at = plus(at, step);
        }
    }
    at
}

/// Working days of a month.
pub fn working_days_in(month: i32) -> i32 {
    working_days(plus(first_day(month), -1), last_day(month))
}

/// Male or female, as in GB/T 2261.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// 男.
    Male,
    /// 女.
    Female,
}

/// Which of the three statutory retirement ages applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Men: 60, rising to 63.
    Man,
    /// Women in cadre posts: 55, rising to 58.
    Woman55,
    /// Women in worker posts: 50, rising to 55.
    Woman50,
}

/// The month in which somebody reaches the statutory retirement age.
/// Decision of the NPC Standing Committee of 2024-09-13: from January 2025 the age rises by a month every four months (every two
/// months where it was 50) until three (five) years are added.
pub fn retirement_month(birth: NaiveDate, category: Category) -> i32 {
    let (years, step, most) = match category {
        Category::Man => (60, 4, 36),
        Category::Woman55 => (55, 4, 36),
        Category::Woman50 => (50, 2, 60),
    };
    let before = add_months(month_of(birth), years * 12);
    let k = months_between(202_501, before);
    if k < 0 { before } else { add_months(before, (k / step + 1).min(most)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date of the test")
    }

    #[test]
    fn a_woman_cadre_of_april_1971_retires_in_august_2026() {
        assert_eq!(retirement_month(day("1971-04-12"), Category::Woman55), 202_608);
        assert_eq!(retirement_month(day("1964-12-31"), Category::Man), 202_412);
        assert_eq!(retirement_month(day("1965-01-01"), Category::Man), 202_502);
        assert_eq!(retirement_month(day("1990-09-01"), Category::Man), 205_309);
        assert_eq!(retirement_month(day("1975-01-15"), Category::Woman50), 202_502);
    }

    #[test]
    fn five_working_days_after_a_friday_is_the_next_friday() {
        assert_eq!(working_day_from(day("2026-10-30"), 5), day("2026-11-06"));
        assert_eq!(working_days(day("2026-10-30"), day("2026-11-06")), 5);
        assert_eq!(working_day_from(day("2026-11-15"), -1), day("2026-11-13"));
        assert_eq!(working_days_in(202_610), 22);
        assert_eq!(add_months(202_601, -2), 202_511);
    }
}
