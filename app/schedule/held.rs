//! Letters that are held: `[schedule.mail]`. A night is kept at two; its readers hear of it when they come to work.
//!
//! A letter is given the instant before which it does not go when it is queued, and keeps it whatever becomes of the settings. What is
//! late anyway, because the night was caught up or took long, goes at once.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;

use super::due::Wall;
use crate::mail::kind::Kind;

/// `[schedule.mail]` as it is written: when letters of a kind go, like `night`; absent: as soon as their night is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeldFile {
    /// Nightly ones.
    pub nightly: Option<String>,
    /// Weekly ones. Their day is that of `[mail] weekly`.
    pub weekly: Option<String>,
    /// Monthly ones. Their day is that of `[mail] monthly`.
    pub monthly: Option<String>,
}

/// `[schedule.mail]`, checked.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// When nightly letters go.
    pub nightly: Option<Wall>,
    /// When weekly letters go.
    pub weekly: Option<Wall>,
    /// When monthly letters go.
    pub monthly: Option<Wall>,
}

impl HeldFile {
    /// Whether anything is held.
    pub fn holds(&self) -> bool {
        self.nightly.is_some() || self.weekly.is_some() || self.monthly.is_some()
    }
}

impl Held {
    /// When letters of this kind go; null: at once. What is urgent, and what operators must mend, is never held.
    pub fn wall(&self, kind: Kind) -> Option<&Wall> {
        match kind {
            Kind::Nightly => self.nightly.as_ref(),
            Kind::Weekly => self.weekly.as_ref(),
            Kind::Monthly => self.monthly.as_ref(),
            Kind::Urgent | Kind::Failures | Kind::Alarm => None,
        }
    }

    /// Before which instant a letter of `kind` about the night `night` does not go: the first of its times that is not before the night
    /// was due. Null where it is not held.
    pub fn until(&self, kind: Kind, night: NaiveDate, nights: &Wall) -> Option<DateTime<Utc>> {
        self.wall(kind)?.next(nights.begins(night)? - TimeDelta::seconds(1)).map(|it| it.at)
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    #[test]
    fn a_letter_waits_for_the_first_of_its_times_after_its_night() {
        let until = |night: &str, mail: &str, zone: Tz, day: &str| {
            let held = Held { nightly: Wall::read(mail, zone).ok(), ..Held::default() };
            let nights = Wall::read(night, zone).expect("a time");
            let at = held.until(Kind::Nightly, day.parse().expect("a day"), &nights);
            assert_eq!(held.until(Kind::Urgent, day.parse().expect("a day"), &nights), None, "what is urgent is not held");
            at.map(|it| it.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
        };
        let shanghai = Tz::Asia__Shanghai;
        assert_eq!(until("02:00", "07:30", shanghai, "2026-11-16"), "2026-11-15 23:30");
        assert_eq!(until("23:00", "07:30", shanghai, "2026-11-16"), "2026-11-16 23:30", "the morning after");
        assert_eq!(until("02:00", "02:00", shanghai, "2026-11-16"), "2026-11-15 18:00", "with its night");
        // A Saturday's night is read on Monday.
        assert_eq!(until("02:00", "30 7 * * 1-5", shanghai, "2026-11-21"), "2026-11-22 23:30");
        // Nights are due on Mondays alone, and one was run by hand on a Tuesday.
        assert_eq!(until("0 2 * * 1", "07:30", shanghai, "2026-11-17"), "2026-11-16 23:30");
        // London loses 01:00 to 02:00 on 28 March 2027, and has it twice on 31 October.
        assert_eq!(until("00:30", "01:30", Tz::Europe__London, "2027-03-28"), "2027-03-28 01:00");
        assert_eq!(until("00:30", "01:30", Tz::Europe__London, "2027-10-31"), "2027-10-31 00:30");
        assert_eq!(until("00:30", "07:30", Tz::Europe__London, "2027-10-31"), "2027-10-31 07:30");
    }
}
