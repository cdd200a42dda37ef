//! Months as yyyymm, and working days.

use chrono::{Datelike, Days, NaiveDate};
use muster_core::calendar::Calendar;

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

/// Whether people work that day: the city keeps the holidays that come with muster.
pub fn is_working(day: NaiveDate) -> bool {
    Calendar::shipped().is_working(day)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date of the test")
    }

    #[test]
    fn five_working_days_after_a_friday_is_the_next_friday() {
        assert_eq!(working_day_from(day("2026-10-30"), 5), day("2026-11-06"));
        assert_eq!(working_days(day("2026-10-30"), day("2026-11-06")), 5);
        assert_eq!(working_day_from(day("2026-11-15"), -1), day("2026-11-13"));
        assert_eq!(working_days_in(202_609), 22);
        assert_eq!(working_days_in(202_610), 18, "a week of holidays, and a Saturday in its stead");
        assert_eq!(add_months(202_601, -2), 202_511);
    }
}
