//! Working days: Mondays to Fridays, without public holidays and with the weekend days that are worked in their stead.
//!
//! The holidays are data, `config/holidays.toml`, because they are announced year by year.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde::Deserialize;

use crate::diag::{Mistake, Source};
use crate::function::days;

/// The holidays that come with muster.
pub const SHIPPED: &str = include_str!("../../config/holidays.toml");

/// What differs from Monday to Friday, as Date32 counts days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Mondays to Fridays without work, rising.
    free: Vec<i32>,
    /// Saturdays and Sundays with work, rising.
    worked: Vec<i32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Year {
    /// `10-01..10-07` or `05-01`.
    off: Vec<toml::Spanned<String>>,
    on: Vec<toml::Spanned<String>>,
}

impl Calendar {
    /// The shipped one.
    pub fn shipped() -> Arc<Calendar> {
        static CALENDAR: OnceLock<Arc<Calendar>> = OnceLock::new();
        let read = || Arc::new(read(&Source::new("config/holidays.toml", SHIPPED)).expect("the shipped calendar reads, a test says so"));
        Arc::clone(CALENDAR.get_or_init(read))
    }

    /// Whether people work that day.
    pub fn is_working(&self, day: NaiveDate) -> bool {
        self.working_days(days(day) - 1, days(day)) == Some(1)
    }

    /// Working days after the day `after` up to and with `until`; negative when reversed. None beyond what a date can say.
    pub(crate) fn working_days(&self, after: i32, until: i32) -> Option<i32> {
        Some(self.up_to(until)? - self.up_to(after)?)
    }

    /// The day on which `count` working days after `day` have passed.
    pub fn after_working_days(&self, day: NaiveDate, count: i32) -> NaiveDate {
        let from = days(day);
        let passed = |it: &NaiveDate| self.working_days(from, days(*it)).is_none_or(|it| it >= count);
        day.iter_days().find(passed).unwrap_or(day)
    }

    /// Working days from a Monday long ago up to and with `days`.
    fn up_to(&self, days: i32) -> Option<i32> {
        // 1969-12-29, three days before the epoch, was a Monday.
        let since_monday = days.checked_add(3)?;
        let (weeks, of_week) = (since_monday.div_euclid(7), since_monday.rem_euclid(7));
        let count = |of: &[i32]| i32::try_from(of.partition_point(|it| *it <= days)).ok();
        Some(weeks * 5 + (of_week + 1).min(5) - count(&self.free)? + count(&self.worked)?)
    }
}

/// Reads holidays by year; every mistake at once.
pub fn read(source: &Source) -> Result<Calendar, Vec<Mistake>> {
    let years: BTreeMap<toml::Spanned<String>, Year> = toml::from_str(&source.text)
        .map_err(|err| vec![source.mistake(err.span().unwrap_or(0..0), err.message().lines().next().unwrap_or_default(), "here")])?;
    let (mut calendar, mut mistakes) = (Calendar::default(), Vec::new());
    for (year, of) in &years {
        let Ok(number) = year.get_ref().parse::<i32>() else {
            mistakes.push(source.mistake(year.span(), format!("`{}` is no year", year.get_ref()), "here"));
            continue;
        };
        for (texts, off) in [(&of.off, true), (&of.on, false)] {
            for text in texts {
                match span(number, text.get_ref()) {
                    Some((first, last)) => calendar.add(first, last, off),
                    None => mistakes.push(
                        source
                            .mistake(text.span(), format!("`{}` is no day of {number}", text.get_ref()), "here")
                            .try_this("\"10-01\" or \"10-01..10-07\""),
                    ),
                }
            }
        }
    }
    calendar.free.sort_unstable();
    calendar.free.dedup();
    calendar.worked.sort_unstable();
    calendar.worked.dedup();
    if mistakes.is_empty() { Ok(calendar) } else { Err(mistakes) }
}

impl Calendar {
    fn add(&mut self, first: NaiveDate, last: NaiveDate, off: bool) {
        for day in first.iter_days().take_while(|it| *it <= last) {
            let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
            match (off, weekend) {
                (true, false) => self.free.push(days(day)),
                (false, true) => self.worked.push(days(day)),
                // A weekend that is free and a weekday that is worked are what they are anyway.
                (true, true) | (false, false) => {}
            }
        }
    }
}

fn span(year: i32, text: &str) -> Option<(NaiveDate, NaiveDate)> {
    let day = |it: &str| format!("{year}-{it}").parse::<NaiveDate>().ok();
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (day(first)?, day(last)?);
    (first <= last && last < first + Days::new(366)).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(after: &str, until: &str, expected: i32) {
        let day = |it: &str| days(it.parse().expect("a day"));
        assert_eq!(Calendar::shipped().working_days(day(after), day(until)), Some(expected), "{after} {until}");
    }

    #[test]
    fn weekends_and_the_first_day_are_left_out() {
        // 2026-11-13 is a Friday.
        check("2026-11-13", "2026-11-16", 1);
        check("2026-11-13", "2026-11-15", 0);
        check("2026-11-09", "2026-11-13", 4);
        check("1969-12-28", "1970-01-04", 5);
        check("2026-11-16", "2026-11-13", -1);
    }

    #[test]
    fn holidays_are_left_out_and_the_weekends_worked_for_them_counted() {
        // National Day 2026: 1 to 7 October are free; Sunday 20 September and Saturday 10 October are worked.
        check("2026-09-30", "2026-10-07", 0);
        check("2026-09-30", "2026-10-10", 3);
        check("2026-09-18", "2026-09-20", 1);
        // Spring Festival 2025: 28 January to 4 February; 26 January and 8 February are worked.
        check("2025-01-24", "2025-02-09", 6);
        // 2025 had 365 days, 104 at weekends, 28 free in all, five of the weekend days worked: 248 working days.
        check("2024-12-31", "2025-12-31", 248);
    }

    #[test]
    fn a_year_that_is_not_listed_has_weekends_only() {
        check("2031-09-30", "2031-10-07", 5);
    }

    #[test]
    fn mistakes_are_shown_where_they_stand() {
        let source = Source::new("config/holidays.toml", "[2026]\noff = [\"13-01\"]\non = [\"10-07..10-01\"]\n[year]\noff = []\non = []\n");
        let told = read(&source).expect_err("three mistakes");
        let places: Vec<String> = told.iter().map(Mistake::place).collect();
        assert_eq!(places, ["config/holidays.toml:2", "config/holidays.toml:3", "config/holidays.toml:4"]);
    }
}
