//! Who above hears of a case whose next step is late: the head of the unit, then the organization office, then discipline and audit.
//!
//! Each step is taken once per due day, by a night, and one step a night: whoever hears of it first has a day to act.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{CaseEvent, What};
use crate::calendar::Calendar;

/// Who hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The head of the unit.
    UnitHead,
    /// The organization office.
    Organization,
    /// Discipline inspection and audit.
    Discipline,
}

impl Step {
    /// Every step, the lowest first.
    pub const ALL: [Step; 3] = [Step::UnitHead, Step::Organization, Step::Discipline];

    /// 中文 and English.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Step::UnitHead => ("单位负责人", "head of the unit"),
            Step::Organization => ("编办", "organization office"),
            Step::Discipline => ("纪检、审计", "discipline and audit"),
        }
    }

    /// The kebab-case word, as in JSON and the store.
    pub fn word(self) -> &'static str {
        match self {
            Step::UnitHead => "unit-head",
            Step::Organization => "organization",
            Step::Discipline => "discipline",
        }
    }

    /// By its word.
    pub fn read(word: &str) -> Option<Step> {
        Step::ALL.into_iter().find(|it| it.word() == word)
    }
}

/// Working days past the due day, for each of [`Step::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder(pub [i32; 3]);

impl Default for Ladder {
    /// One working day, a week and three.
    fn default() -> Ladder {
        Ladder([1, 5, 15])
    }
}

/// A case that somebody above hears of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Escalation {
    /// Key of the case.
    pub case: String,
    /// Who hears of it.
    pub step: Step,
    /// The day that passed.
    pub due: NaiveDate,
}

/// The step that is to be taken tonight: the lowest that is due and was not taken for this due day.
pub fn step(due: NaiveDate, taken: &[Step], tonight: NaiveDate, calendar: &Calendar, ladder: Ladder) -> Option<Step> {
    let next = Step::ALL.into_iter().find(|it| !taken.contains(it))?;
    let days = ladder.0[Step::ALL.iter().position(|it| *it == next).expect("ALL has every step")];
    (tonight > due && tonight >= calendar.after_working_days(due, days)).then_some(next)
}

/// Of `late`, as it was before the night, what is late yet: a case that is cured, came back or was decided is not.
pub fn still_late(late: Vec<Escalation>, events: &[CaseEvent]) -> Vec<Escalation> {
    let over = |it: &Escalation| {
        events.iter().any(|event| event.case == it.case && matches!(event.what, What::Cured | What::Reopened | What::Decided))
    };
    late.into_iter().filter(|it| !over(it)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn steps_are_taken_in_order_and_once() {
        let on = |tonight: &str, taken: &[Step]| step(day("2026-11-20"), taken, day(tonight), &Calendar::shipped(), Ladder::default());
        assert_eq!(on("2026-11-20", &[]), None, "the day itself is in time");
        assert_eq!(on("2026-11-22", &[]), None, "a weekend");
        assert_eq!(on("2026-11-23", &[]), Some(Step::UnitHead));
        assert_eq!(on("2026-11-24", &[Step::UnitHead]), None, "once");
        assert_eq!(on("2026-11-27", &[Step::UnitHead]), Some(Step::Organization));
        assert_eq!(on("2026-12-11", &[Step::UnitHead, Step::Organization]), Some(Step::Discipline));
        assert_eq!(on("2027-03-01", &Step::ALL), None);
        assert_eq!(on("2027-03-01", &[]), Some(Step::UnitHead), "one step a night");
    }

    #[test]
    fn what_was_settled_tonight_is_not_late() {
        let late = |key: &str| Escalation { case: key.to_owned(), step: Step::UnitHead, due: day("2026-11-20") };
        let event = |key: &str, what| CaseEvent { case: key.to_owned(), on: day("2026-11-23"), what, rules: Vec::new() };
        let events = [event("cured", What::Cured), event("changed", What::Changed)];
        assert_eq!(still_late(vec![late("cured"), late("changed"), late("quiet")], &events), [late("changed"), late("quiet")]);
    }
}
