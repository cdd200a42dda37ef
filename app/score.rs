//! Scores a night of the demo city against the truth that its generator wrote down.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use muster_core::case::Case;
use muster_core::finding::{Family, Severity, Subject};
use serde::{Deserialize, Serialize};

use crate::grid::Grid;
use crate::night::Night;
use crate::words::{Lang, count};

/// A line of `truth.csv`: somebody who must be found.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Guilty {
    /// Label of the injected case.
    pub case: String,
    /// What happened; those of the two published kinds begin with `ghost-` and `absent-`.
    pub kind: String,
    /// The person's number, as the sources have it; empty for a unit.
    pub id_number: String,
    /// The wrong number under which the person stands somewhere, if that is what happened.
    pub written: String,
    /// Whether a department writes the number of somebody guilty wrongly.
    #[serde(default)]
    pub damaged: bool,
    /// Full name of the unit.
    pub unit: String,
    /// Rules of which one must find the person, separated by `|`.
    pub rules: String,
}

/// A line of `innocent.csv`: a look-alike who must not be accused.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Innocent {
    /// Label of the look-alike.
    pub case: String,
    /// Which kind of look-alike.
    pub kind: String,
    /// The person's number.
    pub id_number: String,
}

/// How well a night did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Score {
    /// Per kind of injected case: found and injected.
    pub kinds: BTreeMap<String, (usize, usize)>,
    /// Labels of injected cases that were missed, with the rules that should have found them.
    pub missed: Vec<String>,
    /// Look-alikes in all.
    pub innocent: usize,
    /// Labels of look-alikes who were accused, with the rules that accuse them.
    pub accused: Vec<String>,
    /// Other people who were accused without being injected: case number and rules.
    pub false_alarms: Vec<String>,
    /// By the rule that a case was injected for, and by the rule that accused an innocent.
    pub rules: BTreeMap<String, RuleScore>,
    /// Innocent people accused by a finding of severity S1 or S2.
    pub accused_gravely: usize,
    /// Staff on the register.
    pub staff: i64,
}

/// How well one rule did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleScore {
    /// Found and injected, of cases whose numbers are right in every department.
    pub clean: (usize, usize),
    /// The same, where a department writes the number wrongly.
    pub damaged: (usize, usize),
    /// Innocent people whom it accuses at S1 or S2, and at S3 or S4.
    pub accused: (usize, usize),
}

impl Score {
    /// Everybody found, nobody accused.
    pub fn is_perfect(&self) -> bool {
        self.missed.is_empty() && self.accused.is_empty() && self.false_alarms.is_empty()
    }

    /// The sum of several cities.
    pub fn sum<'a>(scores: impl IntoIterator<Item = &'a Score>) -> Score {
        let mut sum = Score::default();
        for it in scores {
            for (rule, more) in &it.rules {
                let into = sum.rules.entry(rule.clone()).or_default();
                let add = |into: &mut (usize, usize), more: (usize, usize)| *into = (into.0 + more.0, into.1 + more.1);
                add(&mut into.clean, more.clean);
                add(&mut into.damaged, more.damaged);
                add(&mut into.accused, more.accused);
            }
            sum.accused_gravely += it.accused_gravely;
            sum.staff += it.staff;
        }
        sum
    }

    /// Found and injected over all rules, with numbers that are right and that are not.
    pub fn recall(&self) -> [(usize, usize); 2] {
        let sum = |of: fn(&RuleScore) -> (usize, usize)| self.rules.values().map(of).fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        [sum(|it| it.clean), sum(|it| it.damaged)]
    }

    /// Innocent people accused at S1 or S2 among ten thousand staff.
    pub fn accused_per_10_000(&self) -> f64 {
        self.accused_gravely as f64 * 10_000.0 / self.staff.max(1) as f64
    }

    /// Everybody with a right number found, 97 of 100 with a damaged one, and one innocent in 10,000 accused at most.
    pub fn meets_targets(&self) -> bool {
        let [clean, damaged] = self.recall();
        clean.0 == clean.1 && 100 * damaged.0 >= 97 * damaged.1 && self.accused_per_10_000() <= 1.0
    }

    /// Recall and false accusations by rule, against the targets.
    pub fn by_rule(&self, lang: Lang) -> String {
        let mut grid = Grid::new();
        let heads = lang.pick(
            ["规则", "植入", "找到", "查全", "号损植入", "找到", "查全", "误指S1-2", "误指S3-4"],
            ["Rule", "Clean", "found", "recall", "Damaged", "found", "recall", "Accused S1-2", "S3-4"],
        );
        grid.head(heads.map(str::to_owned).to_vec());
        let share = |(found, all): (usize, usize)| if all == 0 { "·".to_owned() } else { format!("{:.3}", found as f64 / all as f64) };
        let cells = |name: String, it: &RuleScore| {
            let numbers =
                [it.clean.1.to_string(), it.clean.0.to_string(), share(it.clean), it.damaged.1.to_string(), it.damaged.0.to_string()];
            let rest = [share(it.damaged), it.accused.0.to_string(), it.accused.1.to_string()];
            std::iter::once(name).chain(numbers).chain(rest).collect::<Vec<_>>()
        };
        for (rule, it) in &self.rules {
            grid.row(cells(rule.clone(), it));
        }
        let [clean, damaged] = self.recall();
        let accused = (self.accused_gravely, self.rules.values().map(|it| it.accused.1).sum());
        grid.sum(cells(lang.pick("合计", "Total").to_owned(), &RuleScore { clean, damaged, accused }));
        let mark = if self.meets_targets() { "✓" } else { "✗" };
        let (grave, staff) = (self.accused_per_10_000(), count(self.staff));
        grid.text()
            + &match lang {
                Lang::Zh => format!("
  {mark} 在编 {staff} 人；查全目标 1.000 / 0.970，实为 {} / {}；每万人误指 S1-S2 目标不超过 1，实为 {grave:.2}
", share(clean), share(damaged)),
                Lang::En => format!("
  {mark} {staff} staff; recall 1.000 / 0.970 wanted, {} / {} reached; at most 1 innocent per 10,000 accused at S1-S2 wanted, {grave:.2} reached
", share(clean), share(damaged)),
            }
    }

    /// Found and injected cases whose kind begins with `prefix`.
    pub fn of(&self, prefix: &str) -> (usize, usize) {
        let kinds = self.kinds.iter().filter(|(kind, _)| kind.starts_with(prefix));
        kinds.fold((0, 0), |(found, all), (_, (more_found, more))| (found + more_found, all + more))
    }
}

/// Scores `night` against `truth.csv` and `innocent.csv` in `folder`.
pub fn score(folder: &Path, night: &Night) -> Result<Score, csv::Error> {
    let guilty: Vec<Guilty> = rows(&folder.join("truth.csv"))?;
    let innocent: Vec<Innocent> = rows(&folder.join("innocent.csv"))?;
    let found = found(night);
    let staff = night.figures.administrative.actual + night.figures.institution.actual;
    let mut score = Score { innocent: innocent.len(), staff, ..Score::default() };

    let mut expected: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for it in &guilty {
        let rules: BTreeSet<&str> = it.rules.split('|').collect();
        let subject = if it.id_number.is_empty() { &it.unit } else { &it.id_number };
        let by = |subject: &str| found.get(subject).is_some_and(|by| by.iter().any(|(rule, ..)| rules.contains(rule)));
        let hit = by(subject) || by(&it.written);
        let kind = score.kinds.entry(it.kind.clone()).or_default();
        kind.0 += usize::from(hit);
        kind.1 += 1;
        let rule = score.rules.entry(it.rules.split('|').next().unwrap_or_default().to_owned()).or_default();
        let of_its_kind = if it.damaged { &mut rule.damaged } else { &mut rule.clean };
        of_its_kind.0 += usize::from(hit);
        of_its_kind.1 += 1;
        if !hit {
            score.missed.push(format!("{} {} ({})", it.case, it.kind, it.rules));
        }
        expected.entry(subject).or_default().extend(rules);
    }

    let labels: BTreeMap<&str, &Innocent> = innocent.iter().map(|it| (it.id_number.as_str(), it)).collect();
    for (id_number, by) in &found {
        let unexpected: Vec<&str> = by
            .iter()
            .filter(|(rule, accuses, _)| *accuses && !expected.get(id_number).is_some_and(|rules| rules.contains(rule)))
            .map(|(rule, ..)| *rule)
            .collect();
        if unexpected.is_empty() {
            continue;
        }
        if !expected.contains_key(id_number) {
            let grave = |severity: Severity| matches!(severity, Severity::S1 | Severity::S2);
            for (rule, _, severity) in by.iter().filter(|it| it.1) {
                let accused = &mut score.rules.entry((*rule).to_owned()).or_default().accused;
                let count = if grave(*severity) { &mut accused.0 } else { &mut accused.1 };
                *count += 1;
            }
            score.accused_gravely += usize::from(by.iter().any(|it| it.1 && grave(it.2)));
        }
        match labels.get(id_number) {
            Some(it) => score.accused.push(format!("{} {} ({})", it.case, it.kind, unexpected.join(", "))),
            None if expected.contains_key(id_number) => {} // guilty of something; other rules may see it too
            None => score.false_alarms.push(format!("{} ({})", number_of(night, id_number), unexpected.join(", "))),
        }
    }
    Ok(score)
}

/// Rules that found each person, by number, and each unit, by name; true for rules that accuse a person; and how gravely.
fn found(night: &Night) -> BTreeMap<&str, BTreeSet<(&str, bool, Severity)>> {
    let mut found: BTreeMap<&str, BTreeSet<(&str, bool, Severity)>> = BTreeMap::new();
    for case in night.cases.iter().filter(|it| it.state.is_open()) {
        let Some(subject) = subject(night, case) else { continue };
        let accuses = matches!(case.family, Family::Ghost | Family::Absent | Family::Duplicate | Family::Timing);
        found.entry(subject).or_default().extend(case.findings.values().map(|it| (it.rule.as_str(), accuses, it.severity)));
    }
    found
}

fn subject<'a>(night: &'a Night, case: &Case) -> Option<&'a str> {
    match &case.subject {
        Subject::Person { id, .. } => night.people.get(id)?.id_number.as_deref(),
        Subject::Unit { id, .. } => night.units.get(id).map(|it| it.name.as_str()),
    }
}

fn number_of(night: &Night, of: &str) -> String {
    let case = night.cases.iter().find(|it| subject(night, it) == Some(of));
    case.and_then(|it| it.number.clone()).unwrap_or_default()
}

fn rows<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>, csv::Error> {
    csv::Reader::from_path(path)?.deserialize().collect()
}
