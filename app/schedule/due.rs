//! Wall-clock times at a place as instants, once each, also where the clocks are changed.
//!
//! A time that the clocks skip in spring is due at the first instant after the gap; one that comes twice in autumn is due the first
//! time. The wall-clock time is the slot's name: whatever becomes of clocks and settings, one slot is one night.

use chrono::{DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::CronParser;

/// Times of the clock on the wall at a place.
#[derive(Clone, Debug)]
pub struct Wall {
    cron: Cron,
    zone: Tz,
}

/// One time at which something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The instant.
    pub at: DateTime<Utc>,
    /// What the clock on the wall shows, or would have shown.
    pub slot: NaiveDateTime,
}

impl Due {
    /// `2026-11-16T01:30`.
    pub fn name(&self) -> String {
        self.slot.format("%Y-%m-%dT%H:%M").to_string()
    }

    /// The night that a run at this time is filed under.
    pub fn night(&self) -> NaiveDate {
        self.slot.date()
    }
}

impl Wall {
    /// Reads `01:30`, or a cron line of five fields.
    pub fn read(text: &str, zone: Tz) -> Result<Wall, String> {
        let wrong = |why: String| format!("`{text}` is no time of day: write 01:30, or a cron line of five fields like `30 1 * * *`{why}");
        let line = match NaiveTime::parse_from_str(text, "%H:%M") {
            Ok(time) => time.format("%-M %-H * * *").to_string(),
            Err(_) if text.split_whitespace().count() == 5 => text.to_owned(),
            Err(_) => return Err(wrong(String::new())),
        };
        let cron = CronParser::new().parse(&line).map_err(|err| wrong(format!(" ({err})")))?;
        Ok(Wall { cron, zone })
    }

    /// The place.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// What is due after `after` and not later than `until`, in order. Two slots that fall on one instant are one due time: the first.
    pub fn between(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Due> {
        let mut dues: Vec<Due> = Vec::new();
        if until <= after {
            return dues;
        }
        // The wall is searched a day wider: no clock is changed by more.
        let wall = |it: DateTime<Utc>| self.zone.from_utc_datetime(&it.naive_utc()).naive_local();
        let first = wall(after).checked_sub_days(Days::new(1)).unwrap_or(NaiveDateTime::MIN);
        let last = wall(until).checked_add_days(Days::new(1)).unwrap_or(NaiveDateTime::MAX);
        for slot in self.cron.iter_from(first.and_utc(), croner::Direction::Forward).map(|it| it.naive_utc()).take_while(|it| *it <= last) {
            let Some(at) = self.instant(slot) else { continue };
            if at > after && at <= until && dues.last().is_none_or(|before| before.at < at) {
                dues.push(Due { at, slot });
            }
        }
        dues
    }

    /// The first due time after `after`, within the next five years.
    pub fn next(&self, after: DateTime<Utc>) -> Option<Due> {
        [2, 40, 366 * 5].into_iter().find_map(|days| self.between(after, after.checked_add_days(Days::new(days))?).into_iter().next())
    }

    /// When the night filed under `day` is due; where none is, because somebody runs it by hand: when the day begins.
    pub fn begins(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        let midnight = self.instant(day.and_time(NaiveTime::MIN))?;
        // The slots of a day lie within a day and a half of its beginning, whatever becomes of the clocks.
        let due = self.between(midnight - TimeDelta::hours(12), midnight + TimeDelta::hours(36)).into_iter().find(|it| it.night() == day);
        Some(due.map_or(midnight, |it| it.at))
    }

    /// The instant at which the wall shows `slot`.
    fn instant(&self, slot: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.zone.from_local_datetime(&slot) {
            MappedLocalTime::Single(it) => Some(it.to_utc()),
            MappedLocalTime::Ambiguous(first, second) => Some(first.min(second).to_utc()),
            MappedLocalTime::None => self.after_gap(slot),
        }
    }

    /// The first instant after the gap that swallowed `slot`: the minute before which no wall shows a time.
    fn after_gap(&self, slot: NaiveDateTime) -> Option<DateTime<Utc>> {
        const GAP_MINUTES_MAX: i64 = 24 * 60;
        (1..=GAP_MINUTES_MAX).find_map(|minutes| {
            let later = slot.checked_add_signed(TimeDelta::minutes(minutes))?;
            self.zone.from_local_datetime(&later).earliest().map(|it| it.to_utc())
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).expect("an instant").to_utc()
    }

    fn dues(line: &str, zone: Tz, after: &str, until: &str) -> Vec<(String, String)> {
        let wall = Wall::read(line, zone).expect("a line");
        wall.between(utc(after), utc(until)).iter().map(|it| (it.name(), it.at.format("%d %H:%M").to_string())).collect()
    }

    fn told(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(slot, at)| ((*slot).to_owned(), (*at).to_owned())).collect()
    }

    #[test]
    fn a_change_of_clocks_runs_a_night_once() {
        // London, spring 2027: 01:00 becomes 02:00 on 28 March.
        assert_eq!(
            dues("01:30", Tz::Europe__London, "2027-03-26T12:00:00Z", "2027-03-29T12:00:00Z"),
            told(&[("2027-03-27T01:30", "27 01:30"), ("2027-03-28T01:30", "28 01:00"), ("2027-03-29T01:30", "29 00:30")])
        );
        // Autumn 2027: 02:00 becomes 01:00 on 31 October; half past one comes twice.
        assert_eq!(
            dues("01:30", Tz::Europe__London, "2027-10-29T12:00:00Z", "2027-11-01T12:00:00Z"),
            told(&[("2027-10-30T01:30", "30 00:30"), ("2027-10-31T01:30", "31 00:30"), ("2027-11-01T01:30", "01 01:30")])
        );
        // Shanghai, spring 1988: 02:00 became 03:00 on 17 April.
        assert_eq!(
            dues("30 2 * * *", Tz::Asia__Shanghai, "1988-04-15T20:00:00Z", "1988-04-17T20:00:00Z"),
            told(&[("1988-04-17T02:30", "16 18:00"), ("1988-04-18T02:30", "17 17:30")])
        );
        // Every quarter of an hour: what the gap swallowed comes together as one.
        assert_eq!(
            dues("*/15 * * * *", Tz::Europe__London, "2027-03-28T00:40:00Z", "2027-03-28T01:20:00Z"),
            told(&[("2027-03-28T00:45", "28 00:45"), ("2027-03-28T01:00", "28 01:00"), ("2027-03-28T02:15", "28 01:15")])
        );
    }

    #[test]
    fn what_is_no_time_is_told() {
        for wrong in ["25:00", "half past one", "* * * *", "61 1 * * *", ""] {
            let why = Wall::read(wrong, Tz::Asia__Shanghai).expect_err(wrong);
            assert!(why.contains("01:30"), "{why}");
        }
        let never = Wall::read("30 1 31 2 *", Tz::Asia__Shanghai).expect("a line");
        assert_eq!(never.next(utc("2026-01-01T00:00:00Z")), None, "the thirty-first of February never comes");
    }

    proptest! {
        /// However the time is cut in pieces, every slot is due in exactly one of them.
        #[test]
        fn no_cut_doubles_or_loses_a_slot(cuts in proptest::collection::vec(0_i64..60 * 24 * 400, 1..40), london in any::<bool>(), hour in 0..24_u32, minute in 0..60_u32) {
            let zone = if london { Tz::Europe__London } else { Tz::Asia__Shanghai };
            let wall = Wall::read(&format!("{hour:02}:{minute:02}"), zone).expect("a time");
            let start = utc("2026-12-31T12:00:00Z");
            let mut cuts: Vec<DateTime<Utc>> = cuts.into_iter().map(|it| start + TimeDelta::minutes(it)).collect();
            cuts.sort_unstable();
            let mut before = start;
            let mut pieces = Vec::new();
            for cut in &cuts {
                pieces.extend(wall.between(before, *cut));
                before = *cut;
            }
            prop_assert_eq!(&pieces, &wall.between(start, before));
            for pair in pieces.windows(2) {
                prop_assert_eq!(pair[0].night().succ_opt(), Some(pair[1].night()), "a night a day");
            }
        }
    }
}
