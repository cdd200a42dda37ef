//! What a rule found: one finding per rule and subject, with a line per month.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The groups of the rule catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// G: paid though dead, retired, gone or unknown.
    Ghost,
    /// P: on the establishment but absent from the post.
    Absent,
    /// D: paid, listed or insured twice.
    Duplicate,
    /// E: quotas, posts and units.
    Establishment,
    /// T: late registration.
    Timing,
    /// M: amounts.
    Amount,
    /// Q: data quality; goes to the data owner, never to a person's case.
    Quality,
}

impl Family {
    /// Every family, in the order of reports.
    pub const ALL: [Family; 7] =
        [Family::Ghost, Family::Absent, Family::Duplicate, Family::Establishment, Family::Timing, Family::Amount, Family::Quality];

    /// 中文名称 and English name.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Family::Ghost => ("吃空饷", "ghost payroll"),
            Family::Absent => ("在编不在岗", "absent on post"),
            Family::Duplicate => ("重复占用", "duplicate"),
            Family::Establishment => ("编制与机构", "establishment"),
            Family::Timing => ("登记滞后", "late registration"),
            Family::Amount => ("金额", "amounts"),
            Family::Quality => ("数据质量", "data quality"),
        }
    }

    /// The letter that the ids of its rules begin with.
    pub fn letter(self) -> char {
        match self {
            Family::Ghost => 'G',
            Family::Absent => 'P',
            Family::Duplicate => 'D',
            Family::Establishment => 'E',
            Family::Timing => 'T',
            Family::Amount => 'M',
            Family::Quality => 'Q',
        }
    }

    /// The kebab-case word, as in rule cards and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Family::Ghost => "ghost",
            Family::Absent => "absent",
            Family::Duplicate => "duplicate",
            Family::Establishment => "establishment",
            Family::Timing => "timing",
            Family::Amount => "amount",
            Family::Quality => "quality",
        }
    }
}

/// How grave a finding is; S1 is the gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Money is leaving now to somebody who is not entitled.
    S1,
    /// High.
    S2,
    /// Medium.
    S3,
    /// Low; data quality.
    S4,
}

/// Whom a finding is about. The key is lasting; the number is tonight's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A person: `person_key`, and tonight's `person_id`.
    Person {
        /// Lasting key.
        key: String,
        /// Tonight's number.
        id: i32,
    },
    /// A unit: its code, and tonight's `unit_id`.
    Unit {
        /// Lasting key: the unit's code on the register.
        key: String,
        /// Tonight's number.
        id: i32,
    },
}

impl Subject {
    /// The lasting key; a person's begins with `p-`, a unit's with `u-`.
    pub fn key(&self) -> &str {
        match self {
            Subject::Person { key, .. } | Subject::Unit { key, .. } => key,
        }
    }
}

/// What one rule found about one subject tonight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Rule id, like `G01`.
    pub rule: String,
    /// Group of the rule.
    pub family: Family,
    /// After the rule's own severity.
    pub severity: Severity,
    /// Whom it is about.
    pub subject: Subject,
    /// Tonight's number of the responsible unit; null when no one unit is.
    pub unit_id: Option<i32>,
    /// Lasting code of the responsible unit.
    pub unit_code: Option<String>,
    /// The months concerned, yyyymm, rising; empty for findings without months.
    pub months: Vec<i32>,
    /// The first month of the condition, yyyymm.
    pub since: Option<i32>,
    /// Sum over the lines; null when the rule names no amount.
    pub amount_fen: Option<i64>,
    /// Probability that the finding is about the right person and true, 0 to 1.
    pub confidence: f32,
    /// What the rule was set to when it found this: its parameters as printed, the city's where it sets them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// Evidence, in month order.
    pub lines: Vec<Line>,
}

/// One line of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The month it speaks of, yyyymm.
    pub month: Option<i32>,
    /// The sentence in Chinese; holds no person's name or number.
    pub zh: String,
    /// The sentence in English.
    pub en: String,
    /// What this line adds to the amount.
    pub amount_fen: Option<i64>,
    /// Where it was read: feed and row number.
    pub places: Vec<(String, i64)>,
    /// The rule's own columns, as printed.
    pub facts: BTreeMap<String, String>,
}
