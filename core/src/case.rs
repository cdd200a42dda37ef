//! Long-lived cases: what tonight's findings do to yesterday's cases.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::finding::{Family, Finding, Subject};

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
    /// Its findings by rule id, as they were when their rule last ran.
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
    /// Cured once, and back.
    Reopened,
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
    /// The rules it is about.
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
}
