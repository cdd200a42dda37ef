//! The mass-change guard: a delivery that differs too much from what the feed usually delivers is held.
//!
//! The usual is the median of the last nights, so that one bad night that slipped through does not become the measure. A fall is told
//! by the whole delivery, a rise by its average month: a feed that keeps its history grows every month and is right to.

use serde::{Deserialize, Serialize};

use super::Tally;
use crate::mapping::Feed;

/// A measure of a delivery that is beyond its limit. The levels of amounts are for the store; sentences tell shares only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Excess {
    /// `rows`, `people`, or a shared column of amounts.
    pub measure: String,
    /// Whether tonight is below the usual.
    pub falls: bool,
    /// Tonight's level: of the whole delivery when it falls, of its average month when it rises.
    pub level: f64,
    /// The median of the last nights, likewise.
    pub usual: f64,
}

impl Excess {
    /// Whether an approval of `approved` covers this too: the same measure, the same way, and not worse by anything.
    /// `margin` is the share of the approved level that the operator has allowed on top.
    pub fn is_covered_by(&self, approved: &Excess, margin: f64) -> bool {
        let room = approved.level.abs() * margin;
        let no_worse = if self.falls { self.level >= approved.level - room } else { self.level <= approved.level + room };
        self.measure == approved.measure && self.falls == approved.falls && no_worse
    }

    /// The change, as a share of the usual; below zero for a fall.
    pub fn change(&self) -> f64 {
        (self.level - self.usual) / self.usual.abs()
    }

    /// A sentence about it: how many rows or people, but of amounts only the share.
    pub fn said(&self) -> (String, String) {
        let percent = format!("{}{:.0}%", if self.falls { "−" } else { "+" }, self.change().abs() * 100.0);
        let (zh, en) = match self.measure.as_str() {
            "rows" => ("行数".to_owned(), "rows".to_owned()),
            "people" => ("人数".to_owned(), "people".to_owned()),
            column => {
                return (
                    format!("{column} 合计较近日中位数 {percent}"),
                    format!("the sum of {column} is {percent} against the last nights"),
                );
            }
        };
        let (level, usual) = (self.level.round(), self.usual.round());
        let (per_zh, per_en) = if self.falls || self.measure == "people" { ("", "") } else { ("（月均）", " in the average month") };
        (
            format!("{zh}{per_zh} {level}，近日中位数 {usual}（{percent}）"),
            format!("{level} {en}{per_en} against {usual} on the last nights ({percent})"),
        )
    }
}

/// What is beyond the limits of the feed's guard. `nights` are the tallies of the nights on which the feed was used, the newest first.
pub fn excesses(feed: &Feed, tonight: &Tally, nights: &[Tally]) -> Vec<Excess> {
    let guard = &feed.guard;
    let nights = &nights[..nights.len().min(guard.nights as usize)];
    if !guard.on || nights.is_empty() || median(nights.iter().map(|it| it.mapped as f64)) < guard.rows_min as f64 {
        return Vec::new();
    }
    let mut found = Vec::new();
    found.extend(excess("rows", guard.rows, tonight, nights, months, |it| Some(it.mapped as f64)));
    // Tallies of older versions do not know their people. A person stands in every month, so months do not divide them.
    found.extend(excess("people", guard.people, tonight, nights, |_| 1.0, |it| (it.people > 0).then_some(it.people as f64)));
    for column in tonight.sums_fen.keys() {
        found.extend(excess(column, guard.sums, tonight, nights, months, |it| it.sums_fen.get(column).map(|it| *it as f64)));
    }
    found
}

fn excess(
    measure: &str,
    limit: f64,
    tonight: &Tally,
    nights: &[Tally],
    parts: fn(&Tally) -> f64,
    level: impl Fn(&Tally) -> Option<f64>,
) -> Option<Excess> {
    let known: Vec<(&Tally, f64)> = nights.iter().filter_map(|it| Some((it, level(it)?))).collect();
    // People may have vanished altogether, which is the worst fall of all.
    let whole = level(tonight).unwrap_or(0.0);
    if known.is_empty() {
        return None;
    }
    let usual = median(known.iter().map(|(_, level)| *level));
    let (falls, level, usual) = if whole < usual {
        (true, whole, usual)
    } else {
        (false, whole / parts(tonight), median(known.iter().map(|(night, level)| level / parts(night))))
    };
    let change = level - usual;
    let beyond = usual != 0.0 && change.abs() > usual.abs() * limit && (change < 0.0) == falls;
    beyond.then(|| Excess { measure: measure.to_owned(), falls, level, usual })
}

fn months(tally: &Tally) -> f64 {
    tally.months.len().max(1) as f64
}

fn median(levels: impl Iterator<Item = f64>) -> f64 {
    let mut levels: Vec<f64> = levels.collect();
    levels.sort_by(f64::total_cmp);
    match levels.len() {
        0 => 0.0,
        count if count % 2 == 1 => levels[count / 2],
        count => f64::midpoint(levels[count / 2 - 1], levels[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;
    use crate::mapping;

    fn feed(guard: &str) -> Feed {
        let text = format!(
            "title = {{ zh = \"工资\", en = \"Pay\" }}\n[[feed]]\nfills = \"payment\"\ntable = \"GZFF\"\n[feed.guard]\n{guard}\n[feed.columns]\n\
             id_number = {{ from = \"SFZH\" }}\nmonth = {{ from = \"NY\" }}\nkind = {{ value = \"salary\" }}\ngross_fen = {{ from = \"YF\", money = \"yuan\" }}\n"
        );
        mapping::read(&Source::new("mappings/pay.toml", text), &|_| None).expect("a mapping of the test").feeds.remove(0)
    }

    /// A night of so many rows a month over so many months, one row a person and month, 5,000 yuan each.
    fn night(rows: u64, months: u64) -> Tally {
        Tally {
            pulled: rows * months,
            mapped: rows * months,
            people: rows,
            months: (1..=months).map(|it| (202_600 + it as i32, rows)).collect(),
            sums_fen: [("gross_fen".to_owned(), i128::from(rows * months) * 500_000)].into(),
            ..Tally::default()
        }
    }

    fn check(tonight: &Tally, nights: &[Tally], expected: &[&str]) {
        let found: Vec<String> = excesses(&feed(""), tonight, nights).iter().map(|it| it.said().1).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_fall_and_a_rise_beyond_the_limit_are_told() {
        let usual = vec![night(1000, 2); 3];
        check(&night(990, 2), &usual, &[]);
        check(&night(1300, 2), &usual, &[]);
        check(
            &night(600, 2),
            &usual,
            &["1200 rows against 2000 on the last nights (−40%)", "600 people against 1000 on the last nights (−40%)"],
        );
        check(
            &night(2000, 2),
            &usual,
            &[
                "2000 rows in the average month against 1000 on the last nights (+100%)",
                "2000 people against 1000 on the last nights (+100%)",
                "the sum of gross_fen is +100% against the last nights",
            ],
        );
    }

    #[test]
    fn a_new_month_is_no_mass_change_and_a_lost_one_is() {
        check(&night(1000, 2), &[night(1000, 1)], &[]);
        check(&night(1000, 1), &[night(1000, 2)], &["1000 rows against 2000 on the last nights (−50%)"]);
    }

    #[test]
    fn one_bad_night_does_not_become_the_measure() {
        let nights = [night(300, 2), night(1000, 2), night(1000, 2)];
        check(&night(1000, 2), &nights, &[]);
        assert_eq!(excesses(&feed(""), &night(300, 2), &nights).len(), 3);
    }

    #[test]
    fn small_feeds_first_nights_and_unguarded_feeds_are_let_through() {
        check(&night(10, 1), &[night(100, 1)], &[]);
        check(&night(10, 1), &[], &[]);
        assert!(excesses(&feed("on = false"), &night(10, 2), &[night(1000, 2)]).is_empty());
        assert_eq!(excesses(&feed("rows = 0.01\npeople = 1.0"), &night(980, 2), &[night(1000, 2)]).len(), 1);
    }

    #[test]
    fn an_approval_is_a_ceiling() {
        let usual = [night(1000, 2)];
        let level = |rows| excesses(&feed(""), &night(rows, 2), &usual);
        let covered = |rows, margin| level(rows).iter().all(|it| level(600).iter().any(|approved| it.is_covered_by(approved, margin)));
        assert!(covered(600, 0.0) && covered(650, 0.0));
        assert!(!covered(599, 0.0) && !covered(400, 0.0));
        assert!(covered(599, 0.01) && !covered(400, 0.01));
        assert!(!covered(2000, 0.0), "what was approved is a fall");
    }
}
