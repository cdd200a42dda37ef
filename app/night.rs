//! What one night gives to those who print it, mail it and keep it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use muster_core::case::amount::Amounts;
use muster_core::case::escalation::{Escalation, Step};
use muster_core::case::{Case, CaseEvent};
use muster_core::check::About;
use muster_core::figures::Figures;
use muster_core::finding::{Family, Severity};
use muster_core::map::Tally;
use muster_core::mapping::Title;
use muster_core::mask;
use muster_core::pefa::Card;
use muster_core::prompt::Prompt;
use serde::{Deserialize, Serialize};

use crate::store::feeds::Hold;

/// One reconciled night.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Night {
    /// The city's name.
    pub city: Title,
    /// The night, as a day.
    pub tonight: NaiveDate,
    /// Every feed, used or left out, in configuration order.
    pub feeds: Vec<FeedNight>,
    /// Every rule card, in id order.
    pub rules: Vec<RuleNight>,
    /// Every case that is open or changed tonight, by number.
    pub cases: Vec<Case>,
    /// What happened to cases tonight.
    pub events: Vec<CaseEvent>,
    /// Cases that are so late that somebody above hears of it, once per step.
    #[serde(default)]
    pub escalated: Vec<Escalation>,
    /// What all cases that its reader may see come to in money; null where nobody counted, which is in what a night keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amounts: Option<Amounts>,
    /// The people the cases speak of, by tonight's number. A case that no rule looked at tonight may still hold the number of an
    /// earlier night: reports find its person by the lasting key.
    pub people: BTreeMap<i32, PersonShown>,
    /// Units that the register calls confidential, name by code: what concerns them is shown to cleared people alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub confidential: BTreeMap<String, String>,
    /// How many units are counted in and not listed, because whoever reads this is not cleared for them.
    #[serde(default)]
    pub unlisted_units: u64,
    /// The units of the register, by tonight's number.
    pub units: BTreeMap<i32, UnitShown>,
    /// Unit names and codes of feeds that could not be linked, most rows first.
    pub unlinked_units: Vec<UnlinkedUnit>,
    /// Establishment against staff.
    pub figures: Figures,
    /// The prompt tables by unit.
    #[serde(default)]
    pub tables: Vec<Prompt>,
    /// PEFA PI-23; null where it was not measured, or where only some units may be seen.
    #[serde(default)]
    pub pefa: Option<Card>,
    /// People of tonight.
    pub people_count: u64,
    /// Identities by how they were linked.
    pub link_methods: BTreeMap<String, u64>,
}

impl Night {
    /// Whether every feed was used.
    pub fn is_whole(&self) -> bool {
        self.feeds.iter().all(|it| it.left_out.is_empty())
    }

    /// The cases of which somebody on this step hears tonight for the first time. A case that is not told tonight, because it was decided
    /// before and only money is late, is named by its key alone.
    pub fn escalated_to(&self, step: Step) -> impl Iterator<Item = (&Escalation, Option<&Case>)> {
        let case = |it: &Escalation| self.cases.iter().find(|case| case.key == it.case);
        self.escalated.iter().filter(move |it| it.step == step).map(move |it| (it, case(it)))
    }

    /// The night as it may be printed: ID numbers and names masked.
    #[must_use]
    pub fn masked(&self) -> Night {
        let mut shown = self.clone();
        for person in shown.people.values_mut() {
            person.id_number = person.id_number.as_deref().map(mask::id_number);
            person.name = person.name.as_deref().map(mask::name);
        }
        shown
    }
}

/// One feed of the night.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FeedNight {
    /// `department/feed`.
    pub feed: String,
    /// Title of the department.
    pub department: Title,
    /// The shared table it fills.
    pub table: String,
    /// Why it was left out; empty when it was used.
    pub left_out: Vec<Said>,
    /// Counts; null when the pull itself failed.
    pub tally: Option<Tally>,
    /// Lines that were neither rows nor totals (titles, blanks, signatures).
    pub skipped_lines: u64,
    /// Hash of the landed delivery; null when the pull failed.
    pub sha256: Option<String>,
    /// What else was met on the way: retries, new columns, a pull in parts that was not equal.
    #[serde(default)]
    pub notes: Vec<Said>,
    /// Why the guard holds it; null when it does not.
    #[serde(default)]
    pub held: Option<Hold>,
}

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// 中文.
    pub zh: String,
    /// English.
    pub en: String,
}

/// One rule of the night.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleNight {
    /// Rule id.
    pub id: String,
    /// Its title.
    pub title: Title,
    /// Its group.
    pub family: Family,
    /// Its severity.
    pub severity: Severity,
    /// What its findings are about; null when it did not run.
    #[serde(default)]
    pub about: Option<About>,
    /// How many of them it could have hit, see [`muster_core::check::LookedAt`]; null when it did not run.
    #[serde(default)]
    pub looked_at: Option<u64>,
    /// How many subjects it found tonight; null when it did not run.
    pub found: Option<u64>,
    /// Why it did not run; null when it ran.
    pub skipped: Option<Said>,
    /// It was allowed to run and could not be finished: memory or disk gave out, or it asks for what the engine cannot do.
    #[serde(default)]
    pub broke_off: bool,
    /// What official documents call what it finds.
    #[serde(default)]
    pub categories: Vec<Title>,
    /// Whether the city has turned it off.
    #[serde(default)]
    pub off: bool,
}

impl RuleNight {
    /// Hits among those it could have hit, 0 to 1; null when it did not run or there was nobody.
    pub fn hit_rate(&self) -> Option<f64> {
        rate(self.found?, self.looked_at?)
    }
}

/// `found` as a share of `looked_at`.
#[expect(clippy::cast_precision_loss, reason = "people of a country fit a double exactly")]
pub fn rate(found: u64, looked_at: u64) -> Option<f64> {
    (looked_at > 0).then(|| found as f64 / looked_at as f64)
}

/// What reports show of a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PersonShown {
    /// The lasting key, as in [`muster_core::finding::Subject`].
    pub key: String,
    /// The best ID number; masked unless the configuration says otherwise.
    pub id_number: Option<String>,
    /// The best name.
    pub name: Option<String>,
}

/// What reports show of a unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnitShown {
    /// Code on the register.
    pub code: String,
    /// Full name.
    pub name: String,
    /// Code of the unit above; null at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// A unit text that no registered unit answers to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnlinkedUnit {
    /// `department/feed`.
    pub feed: String,
    /// As the source writes it.
    pub unit_code: Option<String>,
    /// As the source writes it.
    pub unit_name: Option<String>,
    /// Rows that carry it.
    pub rows: i64,
    /// The most similar registered name, for a person to confirm.
    pub nearest_name: Option<String>,
}
