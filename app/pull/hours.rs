//! The hours in which a department's systems may be touched: `[pull] between = "20:00-06:00"`.
//!
//! They are wall-clock hours at the place of `[schedule]`. A pull that is due earlier waits until they begin, up to a limit; one that
//! they would end is cut there. Either way the feed is left out and named, and nothing is concluded from it.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Deserialize;

/// From a time of day to another; over midnight where the second is the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Hours {
    from: NaiveTime,
    to: NaiveTime,
}

impl TryFrom<String> for Hours {
    type Error = String;

    fn try_from(text: String) -> Result<Hours, String> {
        let time = |it: &str| NaiveTime::parse_from_str(it.trim(), "%H:%M").ok();
        let ends = text.split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?)));
        match ends {
            Some((from, to)) if from != to => Ok(Hours { from, to }),
            _ => Err(format!("`{text}` are no hours: write two different times of day, like 20:00-06:00")),
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from.format("%H:%M"), self.to.format("%H:%M"))
    }
}

impl Hours {
    /// How long until they begin; nothing while they last.
    pub fn wait(self, now: DateTime<Utc>, zone: Tz) -> Duration {
        if self.left(now, zone).is_some() { Duration::ZERO } else { until(self.from, now, zone) }
    }

    /// How much of them is left; none outside.
    pub fn left(self, now: DateTime<Utc>, zone: Tz) -> Option<Duration> {
        let wall = zone.from_utc_datetime(&now.naive_utc()).time();
        let inside = if self.from < self.to { self.from <= wall && wall < self.to } else { self.from <= wall || wall < self.to };
        inside.then(|| until(self.to, now, zone))
    }
}

/// From `now` until the wall shows `time` next. Where the clocks skip it that day, the hour after counts.
fn until(time: NaiveTime, now: DateTime<Utc>, zone: Tz) -> Duration {
    let wall = zone.from_utc_datetime(&now.naive_utc()).naive_local();
    let today = wall.date().and_time(time);
    let next = if today > wall { today } else { today.checked_add_signed(TimeDelta::days(1)).unwrap_or(today) };
    let at = |it| zone.from_local_datetime(&it).earliest();
    let at = at(next).or_else(|| at(next.checked_add_signed(TimeDelta::hours(1))?));
    at.and_then(|it| it.to_utc().signed_duration_since(now).to_std().ok()).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> Result<Hours, String> {
        Hours::try_from(text.to_owned())
    }

    fn minutes(hours: Hours, at: &str, zone: Tz) -> (u64, Option<u64>) {
        let now = DateTime::parse_from_rfc3339(at).expect("an instant").to_utc();
        (hours.wait(now, zone).as_secs() / 60, hours.left(now, zone).map(|it| it.as_secs() / 60))
    }

    #[test]
    fn hours_are_those_on_the_wall() {
        let (night, noon) = (hours("20:00-06:00").expect("hours"), hours("11:30 - 13:00").expect("hours"));
        let shanghai = Tz::Asia__Shanghai;
        assert_eq!(minutes(night, "2026-11-16T17:30:00Z", shanghai), (0, Some(270)), "half past one");
        assert_eq!(minutes(night, "2026-11-16T22:00:00Z", shanghai), (840, None), "six sharp is over");
        assert_eq!(minutes(night, "2026-11-16T12:00:00Z", shanghai), (0, Some(600)), "eight sharp has begun");
        assert_eq!(minutes(noon, "2026-11-16T03:29:00Z", shanghai), (1, None));
        assert_eq!(minutes(noon, "2026-11-16T05:00:00Z", shanghai), (1350, None));
        // London, 28 March 2027: one o'clock becomes two.
        assert_eq!(minutes(hours("01:30-04:00").expect("hours"), "2027-03-28T00:00:00Z", Tz::Europe__London), (90, None));
        assert_eq!(minutes(hours("22:00-03:00").expect("hours"), "2027-03-28T00:00:00Z", Tz::Europe__London), (0, Some(120)));
    }

    #[test]
    fn what_are_no_hours_is_told() {
        for wrong in ["20:00", "20:00-20:00", "25:00-06:00", "nightly", ""] {
            assert!(hours(wrong).expect_err(wrong).contains("20:00-06:00"));
        }
        assert_eq!(hours("20:00-06:00").expect("hours").to_string(), "20:00-06:00");
    }
}
