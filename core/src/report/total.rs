//! Counts that must balance: what was open, what came and went, and what each family comes to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::case::{Case, CaseEvent, What};
use crate::finding::{Family, Finding, Severity};

/// `open_before + opened + reopened - cured - decided = open_tonight`. The six numbers are counted one by one, so that the line is a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Open when the night began.
    pub open_before: u64,
    /// New tonight.
    pub opened: u64,
    /// Cured once, and back tonight.
    pub reopened: u64,
    /// Disappeared tonight.
    pub cured: u64,
    /// Decided by people since the night before.
    pub decided: u64,
    /// Open when the night ended.
    pub open_tonight: u64,
}

impl Balance {
    /// Counts tonight's cases and events.
    pub fn of(cases: &[Case], events: &[CaseEvent]) -> Balance {
        let count = |what| events.iter().filter(|it| it.what == what).count() as u64;
        let came: BTreeSet<&str> =
            events.iter().filter(|it| matches!(it.what, What::Opened | What::Reopened)).map(|it| it.case.as_str()).collect();
        Balance {
            open_before: cases.iter().filter(|it| !came.contains(it.key.as_str())).count() as u64,
            opened: count(What::Opened),
            reopened: count(What::Reopened),
            cured: count(What::Cured),
            decided: count(What::Decided),
            open_tonight: cases.iter().filter(|it| it.state.is_open()).count() as u64,
        }
    }

    /// Whether the line adds up. A report whose line does not says so.
    pub fn holds(&self) -> bool {
        self.open_before + self.opened + self.reopened == self.open_tonight + self.cured + self.decided
    }
}

/// What the open cases of one family come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FamilyTotal {
    /// The family.
    pub family: Family,
    /// Open cases by severity, S1 first; a case counts once, under its gravest finding.
    pub by_severity: [u64; 4],
    /// Open cases.
    pub cases: u64,
    /// Sum over the cases. Of a case with several findings the largest amount counts: rules may speak of the same payment.
    pub amount_fen: i64,
}

/// One line per family that has open cases, in the order of reports.
pub fn by_family(cases: &[Case]) -> Vec<FamilyTotal> {
    Family::ALL.into_iter().map(|family| total(family, cases)).filter(|it| it.cases > 0).collect()
}

fn total(family: Family, cases: &[Case]) -> FamilyTotal {
    let mut total = FamilyTotal { family, by_severity: [0; 4], cases: 0, amount_fen: 0 };
    for case in cases.iter().filter(|it| it.family == family && it.state.is_open()) {
        total.cases += 1;
        total.by_severity[gravest(case) as usize] += 1;
        total.amount_fen += amount_fen(case).unwrap_or(0);
    }
    total
}

/// What is at stake over all families: the money of one subject and month counts once, at the largest amount that any finding puts on it.
/// Absence of one person is found by rules of two families, and is one payment.
pub fn at_stake_fen(cases: &[Case]) -> i64 {
    let mut by_month: BTreeMap<(&str, Option<i32>), i64> = BTreeMap::new();
    for case in cases.iter().filter(|it| it.state.is_open()) {
        for finding in case.findings.values() {
            for (month, amount_fen) in months_of(finding) {
                let most = by_month.entry((case.subject.key(), month)).or_default();
                *most = amount_fen.max(*most);
            }
        }
    }
    by_month.values().sum()
}

/// What a finding puts on each month; under none what its lines do not divide among months.
fn months_of(finding: &Finding) -> BTreeMap<Option<i32>, i64> {
    let mut months: BTreeMap<Option<i32>, i64> = BTreeMap::new();
    for line in &finding.lines {
        *months.entry(line.month).or_default() += line.amount_fen.unwrap_or(0);
    }
    let told: i64 = months.values().sum();
    *months.entry(None).or_default() += finding.amount_fen.unwrap_or(0) - told;
    months
}

/// The gravest severity among the findings of a case.
pub fn gravest(case: &Case) -> Severity {
    case.findings.values().map(|it| it.severity).min().unwrap_or(Severity::S4)
}

/// The largest amount among the findings of a case; null when none names one.
pub fn amount_fen(case: &Case) -> Option<i64> {
    case.findings.values().filter_map(|it| it.amount_fen).max()
}
