//! Kinds of letters, and when those come that do not come every night.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use serde::Deserialize;

/// What a letter is for. Readers choose among the first four (`letters` of a person or a department).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The gravest cases that a night newly opens or reopens, and nothing else.
    Urgent,
    /// What a night brought a reviewer, also when that is nothing: silence means that something is wrong.
    Nightly,
    /// What is open, overdue, new and closed since the week before: for heads of units.
    Weekly,
    /// Figures and trend of a month: for leaders.
    Monthly,
    /// What operators must mend of a night.
    #[serde(skip_deserializing)]
    Failures,
    /// What operators must mend of the installation: see [`super::alarm`].
    #[serde(skip_deserializing)]
    Alarm,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] = [Kind::Urgent, Kind::Nightly, Kind::Weekly, Kind::Monthly, Kind::Failures, Kind::Alarm];

    /// The kind that a word names.
    pub fn read(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|it| it.word() == word)
    }

    /// The word in the outbox, in Message-IDs and in the names of templates.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Urgent => "urgent",
            Kind::Nightly => "nightly",
            Kind::Weekly => "weekly",
            Kind::Monthly => "monthly",
            Kind::Failures => "failures",
            Kind::Alarm => "alarm",
        }
    }
}

/// The letters of somebody for whom nothing is said: the nightly digest.
pub fn usual() -> Vec<Kind> {
    vec![Kind::Nightly]
}

/// The nightly letter comes also when nothing is new, unless somebody says otherwise.
pub fn heartbeat() -> bool {
    true
}

/// A day on which a period begins. Its letter is told by the first night on or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// This day of every week.
    Weekly(Weekday),
    /// This day of every month, 1 to 28.
    Monthly(u32),
}

impl Rhythm {
    /// Whether `night` tells its letter: it is the first since the day came, however late. A hub's very first night does only on the day
    /// itself, for it has missed nothing. `before`: the nights that were kept before, rising.
    pub fn is_due(self, night: NaiveDate, before: &[NaiveDate]) -> bool {
        let began = self.began(night);
        before.last().map_or(began == night, |it| *it < began)
    }

    /// The newest of the nights `before` that told its letter; null when none did.
    pub fn last(self, before: &[NaiveDate]) -> Option<NaiveDate> {
        (0..before.len()).rev().find(|at| self.is_due(before[*at], &before[..*at])).map(|at| before[at])
    }

    /// The day on which the period began that `night` is in.
    fn began(self, night: NaiveDate) -> NaiveDate {
        match self {
            Rhythm::Weekly(day) => night - Days::new(u64::from(night.weekday().days_since(day))),
            Rhythm::Monthly(day) => {
                let this = night.with_day(day).unwrap_or(night);
                if this <= night { this } else { this - Months::new(1) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: &[&str]) -> Vec<NaiveDate> {
        days.iter().map(|it| it.parse().expect("a day")).collect()
    }

    /// On which of the nights the letter is told.
    fn told(rhythm: Rhythm, nights: &[&str]) -> Vec<String> {
        let nights = days(nights);
        let due = |at: &usize| rhythm.is_due(nights[*at], &nights[..*at]);
        (0..nights.len()).filter(due).map(|at| nights[at].to_string()).collect()
    }

    #[test]
    fn a_day_that_was_missed_is_told_once_by_the_next_night() {
        let monday = Rhythm::Weekly(Weekday::Mon);
        // 2026-11-16 and 2026-11-23 are Mondays.
        assert_eq!(told(monday, &["2026-11-14", "2026-11-15", "2026-11-16", "2026-11-17", "2026-11-23"]), ["2026-11-16", "2026-11-23"]);
        assert_eq!(told(monday, &["2026-11-15", "2026-11-18", "2026-11-19", "2026-11-25"]), ["2026-11-18", "2026-11-25"]);
        assert_eq!(told(monday, &["2026-11-15", "2026-12-20"]), ["2026-12-20"], "weeks without a night are one letter");
        assert_eq!(told(monday, &["2026-11-17", "2026-11-18"]), [""; 0], "a first night has missed nothing");
        assert_eq!(told(monday, &["2026-11-16"]), ["2026-11-16"]);
        let second = Rhythm::Monthly(2);
        assert_eq!(told(second, &["2026-10-31", "2026-11-01", "2026-11-02", "2026-11-30", "2026-12-05"]), ["2026-11-02", "2026-12-05"]);
        assert_eq!(told(Rhythm::Monthly(28), &["2027-02-27", "2027-03-01", "2027-03-28"]), ["2027-03-01", "2027-03-28"]);
    }

    #[test]
    fn the_letter_before_is_found() {
        let monday = Rhythm::Weekly(Weekday::Mon);
        let nights = days(&["2026-11-15", "2026-11-18", "2026-11-19"]);
        assert_eq!(monday.last(&nights), Some(nights[1]));
        assert_eq!(monday.last(&nights[..1]), None);
    }
}
