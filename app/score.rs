//! Scores a night of the demo city against the truth that its generator wrote down.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use muster_core::case::Case;
use muster_core::finding::{Family, Subject};
use serde::{Deserialize, Serialize};

use crate::night::Night;

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
}

impl Score {
    /// Everybody found, nobody accused.
    pub fn is_perfect(&self) -> bool {
        self.missed.is_empty() && self.accused.is_empty() && self.false_alarms.is_empty()
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
    let mut score = Score { innocent: innocent.len(), ..Score::default() };

    let mut expected: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for it in &guilty {
        let rules: BTreeSet<&str> = it.rules.split('|').collect();
        let subject = if it.id_number.is_empty() { &it.unit } else { &it.id_number };
        let by = |subject: &str| found.get(subject).is_some_and(|by| by.iter().any(|(rule, _)| rules.contains(rule)));
        let hit = by(subject) || by(&it.written);
        let kind = score.kinds.entry(it.kind.clone()).or_default();
        kind.0 += usize::from(hit);
        kind.1 += 1;
        if !hit {
            score.missed.push(format!("{} {} ({})", it.case, it.kind, it.rules));
        }
        expected.entry(subject).or_default().extend(rules);
    }

    let labels: BTreeMap<&str, &Innocent> = innocent.iter().map(|it| (it.id_number.as_str(), it)).collect();
    for (id_number, by) in &found {
        let unexpected: Vec<&str> = by
            .iter()
            .filter(|(rule, accuses)| *accuses && !expected.get(id_number).is_some_and(|rules| rules.contains(rule)))
            .map(|(rule, _)| *rule)
            .collect();
        if unexpected.is_empty() {
            continue;
        }
        match labels.get(id_number) {
            Some(it) => score.accused.push(format!("{} {} ({})", it.case, it.kind, unexpected.join(", "))),
            None if expected.contains_key(id_number) => {} // guilty of something; other rules may see it too
            None => score.false_alarms.push(format!("{} ({})", number_of(night, id_number), unexpected.join(", "))),
        }
    }
    Ok(score)
}

/// Rules that found each person, by number, and each unit, by name; true for rules that accuse a person.
fn found(night: &Night) -> BTreeMap<&str, BTreeSet<(&str, bool)>> {
    let mut found: BTreeMap<&str, BTreeSet<(&str, bool)>> = BTreeMap::new();
    for case in night.cases.iter().filter(|it| it.state.is_open()) {
        let Some(subject) = subject(night, case) else { continue };
        let accuses = matches!(case.family, Family::Ghost | Family::Absent | Family::Duplicate | Family::Timing);
        found.entry(subject).or_default().extend(case.findings.keys().map(|rule| (rule.as_str(), accuses)));
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
