//! What a case is about in money, in fen. The formulas stand here and nowhere else.
//!
//! ```text
//! suspected   the largest amount of its findings: several rules about one case speak of the same money
//! detected    what was suspected when it was confirmed (C1, C2, seconded); 0 before and for every other outcome
//! prevented   the monthly mean of the largest finding, for 12 months, from when its pay was stopped; 0 while it goes on
//! recovered   what came back: the sum of the acts that say so
//! outstanding what was demanded, or detected where nothing was demanded, less what came back; never below 0
//! excess      what came back beyond what was detected: told, because it is a mistake or another case's money
//! ```

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::Case;
use super::work::{Measure, Standing};

/// Months for which pay would have gone on, had nobody stopped it.
const PROJECTED_MONTHS: i64 = 12;

/// What one case, or many, come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// What its findings speak of, whatever becomes of it.
    pub suspected_fen: i64,
    /// What is confirmed.
    pub detected_fen: i64,
    /// What was kept from going.
    pub prevented_fen: i64,
    /// What came back.
    pub recovered_fen: i64,
    /// What has not come back yet.
    pub outstanding_fen: i64,
    /// What came back beyond what was detected.
    pub excess_fen: i64,
}

impl Amounts {
    /// Of one case. A settled case holds the findings that it was decided on.
    pub fn of(case: &Case, standing: &Standing) -> Amounts {
        let largest = case.findings.values().filter(|it| it.amount_fen.is_some()).max_by_key(|it| it.amount_fen);
        let suspected_fen = largest.and_then(|it| it.amount_fen).unwrap_or(0).max(0);
        let detected_fen = if standing.is_confirmed() { suspected_fen } else { 0 };
        let is_stopped = standing.is_confirmed() && standing.taken(Measure::PayStopped).is_some();
        let months = largest.map_or(0, |it| i64::try_from(it.months.len()).unwrap_or(i64::MAX));
        let prevented_fen = if is_stopped && months > 0 { detected_fen * PROJECTED_MONTHS / months } else { 0 };
        let recovered_fen = standing.recovered_fen;
        let owed_fen = standing.demanded_fen.unwrap_or(detected_fen);
        Amounts {
            suspected_fen,
            detected_fen,
            prevented_fen,
            recovered_fen,
            outstanding_fen: (owed_fen - recovered_fen).max(0),
            excess_fen: if standing.is_confirmed() { (recovered_fen - detected_fen).max(0) } else { 0 },
        }
    }
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Amounts) {
        self.suspected_fen += other.suspected_fen;
        self.detected_fen += other.detected_fen;
        self.prevented_fen += other.prevented_fen;
        self.recovered_fen += other.recovered_fen;
        self.outstanding_fen += other.outstanding_fen;
        self.excess_fen += other.excess_fen;
    }
}

/// What many cases come to. Of several cases about one subject the largest of each amount counts, because they may speak of the same
/// money; what came back is counted whole, and what is outstanding is less by it.
pub fn total<'a>(cases: impl IntoIterator<Item = (&'a Case, &'a Standing)>) -> Amounts {
    let mut subjects: BTreeMap<&str, Amounts> = BTreeMap::new();
    for (case, standing) in cases {
        let (it, of) = (Amounts::of(case, standing), subjects.entry(case.subject.key()).or_default());
        // While they are gathered, outstanding is what is owed.
        let owed_fen = it.outstanding_fen + if it.outstanding_fen > 0 { it.recovered_fen } else { 0 };
        *of = Amounts {
            suspected_fen: of.suspected_fen.max(it.suspected_fen),
            detected_fen: of.detected_fen.max(it.detected_fen),
            prevented_fen: of.prevented_fen.max(it.prevented_fen),
            recovered_fen: of.recovered_fen + it.recovered_fen,
            outstanding_fen: of.outstanding_fen.max(owed_fen),
            excess_fen: of.excess_fen + it.excess_fen,
        };
    }
    let mut all = Amounts::default();
    for it in subjects.into_values() {
        all += Amounts { outstanding_fen: (it.outstanding_fen - it.recovered_fen).max(0), ..it };
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::NaiveDate;

    use super::*;
    use crate::calendar::Calendar;
    use crate::case::work::{Act, Deadlines, Deed, Outcome, standing};
    use crate::case::{State, key};
    use crate::finding::{Family, Finding, Severity, Subject};

    fn day() -> NaiveDate {
        "2026-11-17".parse().expect("a day")
    }

    fn case(family: Family, amounts: &[(&str, i64, &[i32])]) -> Case {
        let subject = Subject::Person { key: "p-a".into(), id: 1 };
        let finding = |(rule, amount_fen, months): &(&str, i64, &[i32])| {
            let finding = Finding {
                rule: (*rule).to_owned(),
                family,
                severity: Severity::S1,
                subject: subject.clone(),
                unit_id: None,
                unit_code: None,
                months: months.to_vec(),
                since: None,
                amount_fen: Some(*amount_fen),
                confidence: 1.0,
                settings: BTreeMap::new(),
                lines: Vec::new(),
            };
            (finding.rule.clone(), finding)
        };
        Case {
            key: key(family, &subject),
            number: None,
            family,
            subject: subject.clone(),
            state: State::Open,
            opened_on: day(),
            changed_on: day(),
            findings: amounts.iter().map(finding).collect(),
        }
    }

    fn after(deeds: &[(&str, Deed)]) -> Standing {
        let act = |(who, deed): &(&str, Deed)| Act {
            at: String::new(),
            on: day(),
            night: day(),
            who: (*who).to_owned(),
            deed: deed.clone(),
            text: "x".to_owned(),
        };
        let acts: Vec<Act> = deeds.iter().map(act).collect();
        standing(&acts, day(), &Calendar::shipped(), Deadlines::default())
    }

    fn confirmed() -> Vec<(&'static str, Deed)> {
        let decided = Deed::Decided { outcome: Outcome::C2, until: None, document: None, explanation: None };
        vec![("a", decided), ("b", Deed::Seconded)]
    }

    fn taken(measure: Measure, amount_fen: Option<i64>) -> (&'static str, Deed) {
        ("a", Deed::Taken { measure, from: day(), amount_fen, document: None })
    }

    /// Five months at 5,432.10: G01 speaks of all of them, G04 of two.
    fn dead() -> Case {
        case(Family::Ghost, &[("G01", 2_716_050, &[202_606, 202_607, 202_608, 202_609, 202_610]), ("G04", 1_086_420, &[202_609, 202_610])])
    }

    #[test]
    fn amounts_follow_what_people_did() {
        let of = |deeds: &[(&str, Deed)]| Amounts::of(&dead(), &after(deeds));
        let open = of(&[]);
        assert_eq!((open.suspected_fen, open.detected_fen, open.outstanding_fen), (2_716_050, 0, 0), "nothing is detected by a rule alone");
        assert_eq!(of(&confirmed()[..1]).detected_fen, 0, "nor by one pair of eyes");
        let mut deeds = confirmed();
        assert_eq!((of(&deeds).detected_fen, of(&deeds).outstanding_fen, of(&deeds).prevented_fen), (2_716_050, 2_716_050, 0));
        deeds.push(taken(Measure::PayStopped, None));
        assert_eq!(of(&deeds).prevented_fen, 12 * 543_210);
        deeds.push(taken(Measure::RecoveryDemanded, Some(2_000_000)));
        deeds.push(("a", Deed::Recovered { amount_fen: 500_000 }));
        assert_eq!((of(&deeds).outstanding_fen, of(&deeds).excess_fen), (1_500_000, 0));
        deeds.push(("a", Deed::Recovered { amount_fen: 3_000_000 }));
        assert_eq!((of(&deeds).outstanding_fen, of(&deeds).excess_fen), (0, 783_950), "more than was detected is told");
    }

    #[test]
    fn money_of_one_person_counts_once() {
        let (dead, twice) = (dead(), case(Family::Duplicate, &[("D01", 1_000_000, &[202_610])]));
        let mut deeds = confirmed();
        let plain = after(&deeds);
        deeds.push(("a", Deed::Recovered { amount_fen: 716_050 }));
        let all = total([(&dead, &after(&deeds)), (&twice, &plain)]);
        assert_eq!((all.detected_fen, all.recovered_fen, all.outstanding_fen), (2_716_050, 716_050, 2_000_000));
    }
}
