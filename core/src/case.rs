//! Long-lived cases: what tonight's findings do to yesterday's cases.
//!
//! A rule speaks only for itself, and only when it ran to the end: a finding of a rule that was skipped, or that no
//! longer exists, stays as it is. So a lost feed can neither open a case nor close one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::finding::{Family, Finding, Line, Subject};

pub mod amount;
pub mod escalation;
pub mod explanation;
pub mod work;

/// The number of a subject that tonight's link does not know; also that of everything kept from an earlier night.
pub const NOT_TONIGHT: i32 = -1;

/// A discrepancy that lives until somebody decides or its cause disappears: one per subject and family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// 16 hexadecimal digits of sha-256 over family and subject key.
    pub key: String,
    /// `MU-2026-000123`; given by the store when the case is first kept, null before.
    pub number: Option<String>,
    /// Group of its findings.
    pub family: Family,
    /// Whom it is about.
    pub subject: Subject,
    /// Where it stands.
    pub state: State,
    /// The night it was opened.
    pub opened_on: NaiveDate,
    /// The night it changed last.
    pub changed_on: NaiveDate,
    /// Its findings by rule id, as they were when their rule last ran; of a cured case, what it was cured of.
    /// One that is carried over from an earlier night has lost that night's numbers and places.
    pub findings: BTreeMap<String, Finding>,
}

/// Where a case stands. What people decide comes on top of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Opened, not yet decided.
    Open,
    /// Its condition disappeared.
    Cured,
    /// Cured or decided once, and back.
    Reopened,
    /// People have decided what it is. A night tells that once; then it is not told again until it grows, see [`work::grown`].
    Settled(work::Settled),
}

impl State {
    /// Whether something is still to be done about it.
    pub fn is_open(self) -> bool {
        matches!(self, State::Open | State::Reopened)
    }
}

/// What happened to a case tonight. Append-only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseEvent {
    /// Key of the case.
    pub case: String,
    /// The night.
    pub on: NaiveDate,
    /// What happened.
    pub what: What,
    /// The rules it is about, rising: those that found it, came, went or changed, or that it was cured of.
    pub rules: Vec<String>,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A new case.
    Opened,
    /// Its findings or amounts changed.
    Changed,
    /// Its condition disappeared.
    Cured,
    /// It came back.
    Reopened,
    /// People have decided what it is, since the night before.
    Decided,
}

/// Which rules ran tonight. A rule that is in neither did not exist tonight and is treated like a skipped one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesRan {
    /// Ids of the rules that ran to the end.
    pub ran: BTreeSet<String>,
    /// Ids of the rules that did not run, and why.
    pub skipped: BTreeMap<String, String>,
}

/// The outcome of [`fold`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Folded {
    /// Every case that is open or changed tonight, by key.
    pub cases: Vec<Case>,
    /// What happened, by key.
    pub events: Vec<CaseEvent>,
    /// What is so late that somebody above hears of it, by key; see [`escalation::still_late`].
    #[serde(default)]
    pub escalated: Vec<escalation::Escalation>,
}

/// What tonight's findings do to the cases as they were before tonight.
///
/// `before` holds every case that is open, and of the closed ones those that tonight's findings belong to ([`keys`]): one that comes back
/// is reopened under its old number. Further closed ones change nothing. `findings` hold one finding
/// per rule and subject; those of a rule that is not in [`RulesRan::ran`] are not looked at. Folding the outcome once more
/// with the same findings gives the same cases and no events.
pub fn fold(before: &[Case], findings: &[Finding], rules: &RulesRan, tonight: NaiveDate) -> Folded {
    let mut found = by_case(findings, rules);
    let before: BTreeMap<&str, &Case> = before.iter().map(|it| (it.key.as_str(), it)).collect();
    let keys: BTreeSet<String> = before.keys().map(|it| (*it).to_owned()).chain(found.keys().cloned()).collect();
    let mut folded = Folded::default();
    for key in keys {
        let (case, what) = match (before.get(key.as_str()), found.remove(&key)) {
            (None, None) => continue,
            (None, Some(found)) => open(key, found, tonight),
            // Told first, then held against what is found: a case that grew in the night after its decision would else come back without
            // ever having gone, and the night's line would not begin where the one before ended.
            (Some(case), found) if matches!(case.state, State::Settled(_)) => match (found, case.state) {
                (_, State::Settled(settled)) if !settled.told => decided(case, settled, tonight),
                (Some(found), _) if has_grown(case, &found, tonight) => reopen(case, found, tonight),
                _ => continue,
            },
            (Some(case), Some(found)) if case.state == State::Cured => reopen(case, found, tonight),
            (Some(case), None) if case.state == State::Cured => ((*case).clone(), None),
            (Some(case), found) => carry_on(case, found, rules, tonight),
        };
        if let Some((what, rules)) = what {
            folded.events.push(CaseEvent { case: case.key.clone(), on: tonight, what, rules });
        }
        if case.state != State::Cured || case.changed_on == tonight {
            folded.cases.push(case);
        }
    }
    folded
}

/// The keys of the cases that tonight's findings belong to: those of rules that ran.
pub fn keys(findings: &[Finding], rules: &RulesRan) -> BTreeSet<String> {
    findings.iter().filter(|it| rules.ran.contains(&it.rule)).map(|it| key(it.family, &it.subject)).collect()
}

/// The lasting key of the case that findings of `family` about `subject` belong to.
pub fn key(family: Family, subject: &Subject) -> String {
    let digest = Sha256::digest(format!("{}|{}", family.word(), subject.key()));
    digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Gives cases that were carried over tonight's numbers. A key that tonight does not know gets [`NOT_TONIGHT`].
pub fn renumber(cases: &mut [Case], person: impl Fn(&str) -> Option<i32>, unit: impl Fn(&str) -> Option<i32>) {
    let number = |subject: &mut Subject| match subject {
        Subject::Person { key, id } => *id = person(key).unwrap_or(NOT_TONIGHT),
        Subject::Unit { key, id } => *id = unit(key).unwrap_or(NOT_TONIGHT),
    };
    for case in cases {
        number(&mut case.subject);
        for finding in case.findings.values_mut() {
            number(&mut finding.subject);
            finding.unit_id = finding.unit_code.as_deref().and_then(&unit);
        }
    }
}

impl Case {
    /// What of it outlives its night: everything but that night's numbers and places, which mean somebody and something
    /// else the night after.
    #[must_use]
    pub fn lasting(&self) -> Case {
        Case {
            subject: lasting_subject(&self.subject),
            findings: self.findings.iter().map(|(rule, it)| (rule.clone(), lasting(it))).collect(),
            ..self.clone()
        }
    }
}

/// What tonight's rules found that belongs to one case.
struct Found {
    subject: Subject,
    findings: BTreeMap<String, Finding>,
}

impl Found {
    fn rules(&self) -> Vec<String> {
        self.findings.keys().cloned().collect()
    }
}

/// What happened to a case, and the rules it is about; null when nothing did.
type Step = (Case, Option<(What, Vec<String>)>);

fn by_case(findings: &[Finding], rules: &RulesRan) -> BTreeMap<String, Found> {
    let mut cases: BTreeMap<String, Found> = BTreeMap::new();
    for finding in findings.iter().filter(|it| rules.ran.contains(&it.rule)) {
        cases
            .entry(key(finding.family, &finding.subject))
            .or_insert_with(|| Found { subject: finding.subject.clone(), findings: BTreeMap::new() })
            .findings
            .insert(finding.rule.clone(), finding.clone());
    }
    cases
}

fn open(key: String, found: Found, tonight: NaiveDate) -> Step {
    let rules = found.rules();
    let family = found.findings.values().next().expect("by_case groups findings").family;
    let case = Case {
        key,
        number: None,
        family,
        subject: found.subject,
        state: State::Open,
        opened_on: tonight,
        changed_on: tonight,
        findings: found.findings,
    };
    (case, Some((What::Opened, rules)))
}

/// What was decided keeps the findings that it was decided on: whether it grows is held against them.
fn decided(case: &Case, settled: work::Settled, tonight: NaiveDate) -> Step {
    let rules = case.findings.keys().cloned().collect();
    let state = State::Settled(work::Settled { told: true, ..settled });
    (Case { state, changed_on: tonight, ..case.lasting() }, Some((What::Decided, rules)))
}

fn has_grown(case: &Case, found: &Found, tonight: NaiveDate) -> bool {
    match case.state {
        State::Settled(settled) => work::grown(case, settled, &found.findings, tonight),
        State::Open | State::Cured | State::Reopened => false,
    }
}

fn reopen(case: &Case, found: Found, tonight: NaiveDate) -> Step {
    let rules = found.rules();
    let case = Case { subject: found.subject, state: State::Reopened, changed_on: tonight, findings: found.findings, ..case.clone() };
    (case, Some((What::Reopened, rules)))
}

fn carry_on(case: &Case, found: Option<Found>, rules: &RulesRan, tonight: NaiveDate) -> Step {
    let untouched = case.findings.iter().filter(|(rule, _)| !rules.ran.contains(*rule));
    let mut findings: BTreeMap<String, Finding> = untouched.map(|(rule, it)| (rule.clone(), lasting(it))).collect();
    let mut subject = lasting_subject(&case.subject);
    if let Some(found) = found {
        subject = found.subject;
        findings.extend(found.findings);
    }
    if findings.is_empty() {
        let cured = Case { subject, state: State::Cured, changed_on: tonight, ..case.lasting() };
        return (cured, Some((What::Cured, case.findings.keys().cloned().collect())));
    }
    let changed = differing(&case.findings, &findings);
    let changed_on = if changed.is_empty() { case.changed_on } else { tonight };
    let what = (!changed.is_empty()).then_some((What::Changed, changed));
    (Case { subject, changed_on, findings, ..case.clone() }, what)
}

/// The rules whose finding came, went or says something else.
fn differing(before: &BTreeMap<String, Finding>, now: &BTreeMap<String, Finding>) -> Vec<String> {
    let rules: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let same = |rule: &String| match (before.get(rule), now.get(rule)) {
        (Some(before), Some(now)) => says(before) == says(now),
        _ => false,
    };
    rules.into_iter().filter(|rule| !same(rule)).cloned().collect()
}

/// What a reviewer wants to hear of when it changes. Confidence and wording are not in it: they move with other people's
/// data, and a case that stirs every night is soon ignored.
fn says(finding: &Finding) -> impl PartialEq {
    (finding.severity, finding.unit_code.clone(), finding.months.clone(), finding.since, finding.amount_fen)
}

fn lasting(finding: &Finding) -> Finding {
    let lines = finding.lines.iter().map(|line| Line { places: Vec::new(), ..line.clone() }).collect();
    Finding { subject: lasting_subject(&finding.subject), unit_id: None, lines, ..finding.clone() }
}

fn lasting_subject(subject: &Subject) -> Subject {
    match subject {
        Subject::Person { key, .. } => Subject::Person { key: key.clone(), id: NOT_TONIGHT },
        Subject::Unit { key, .. } => Subject::Unit { key: key.clone(), id: NOT_TONIGHT },
    }
}

#[cfg(test)]
mod tests;
