//! What became of cases between two letters: the same line of counts that a night has, over many nights.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use muster_core::case::What;
use muster_core::report::total::Balance;

use crate::store::history::Happened;

/// One line for each of `ends`, rising: from behind the end before it up to it. Only `cases` count. What is open at an end is counted
/// by what happened, so that it can be held against the cases themselves.
pub fn lines(events: &[Happened], cases: &BTreeSet<&str>, ends: &[NaiveDate]) -> Vec<Balance> {
    let mut open: BTreeMap<&str, bool> = BTreeMap::new();
    let mut events = events.iter().filter(|it| cases.contains(it.case.as_str())).peekable();
    let mut lines = Vec::new();
    let many = |open: &BTreeMap<&str, bool>| open.values().filter(|it| **it).count() as u64;
    for end in ends {
        let mut line = Balance { open_before: many(&open), ..Balance::default() };
        while let Some(it) = events.next_if(|it| it.night <= *end) {
            let was_open = open.get(it.case.as_str()).copied().unwrap_or(false);
            let is_open = match it.what {
                What::Opened | What::Reopened => true,
                What::Cured | What::Decided => false,
                What::Changed => was_open,
            };
            open.insert(&it.case, is_open);
            match it.what {
                What::Opened => line.opened += 1,
                What::Reopened => line.reopened += 1,
                What::Cured => line.cured += 1,
                What::Decided => line.decided += 1,
                What::Changed => {}
            }
            // It was decided, and grew before a night could tell that it was.
            line.decided += u64::from(was_open && it.what == What::Reopened);
        }
        line.open_tonight = many(&open);
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).expect("a day")
    }

    #[test]
    fn every_line_balances_and_begins_where_the_one_before_ended() {
        let told = [
            (1, "a", What::Opened),
            (1, "b", What::Opened),
            (2, "x", What::Opened),
            (3, "a", What::Cured),
            (8, "a", What::Reopened),
            (8, "b", What::Changed),
            // Decided, and grown before a night told it.
            (9, "b", What::Reopened),
            (10, "c", What::Opened),
            (10, "a", What::Decided),
        ];
        let events: Vec<Happened> =
            told.iter().map(|(on, case, what)| Happened { night: day(*on), case: (*case).to_owned(), what: *what }).collect();
        let lines = lines(&events, &["a", "b", "c"].into(), &[day(7), day(14), day(21)]);
        assert!(lines.iter().all(Balance::holds), "{lines:?}");
        assert!(lines.windows(2).all(|it| it[0].open_tonight == it[1].open_before));
        let numbers = |it: &Balance| [it.open_before, it.opened, it.reopened, it.cured, it.decided, it.open_tonight];
        assert_eq!(lines.iter().map(numbers).collect::<Vec<_>>(), [[0, 2, 0, 1, 0, 1], [1, 1, 2, 0, 2, 2], [2, 0, 0, 0, 0, 2]]);
    }
}
