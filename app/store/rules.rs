//! What rules came to night by night, and which of them cry wolf.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use muster_core::calendar::Calendar;
use muster_core::case::State;
use muster_core::case::work::Verdict;
use muster_core::check::About;
use serde::Serialize;

use super::db::{Tx, values};
use super::{Store, StoreError, day, from_json, json};
use crate::night::{RuleNight, Said};

/// One rule on one night.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleOnce {
    /// The night.
    pub night: NaiveDate,
    /// What its findings are about; null when it did not run.
    pub about: Option<About>,
    /// How many it could have hit; null when it did not run.
    pub looked_at: Option<u64>,
    /// How many it hit; null when it did not run.
    pub found: Option<u64>,
    /// Why it did not run; null when it ran.
    pub skipped: Option<Said>,
}

/// What became of the cases that a rule ever had a part in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcomes {
    /// All of them.
    pub cases: u64,
    /// Explained: somebody has shown that all was in order.
    pub explained: u64,
    /// Cured: the condition disappeared, because it was put right or because a register came up to date.
    pub cured: u64,
}

impl Store {
    /// Every night of `rule` that counts, the oldest first.
    pub async fn rule_history(&self, rule: &str) -> Result<Vec<RuleOnce>, StoreError> {
        let rows = self
            .rows(
                "select n.night, r.about, r.looked_at, r.found, r.skipped
                 from rule_night r join night n using (run) where r.rule = $1 order by n.night",
                values![rule],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let number = |name| row.maybe_int(name).map(|it| it.and_then(|it| u64::try_from(it).ok()));
                Ok(RuleOnce {
                    night: day(row.text("night")?)?,
                    about: row.maybe_text("about")?.and_then(about),
                    looked_at: number("looked_at")?,
                    found: number("found")?,
                    skipped: row.maybe_text("skipped")?.map(|it| from_json("rule's night", it)).transpose()?,
                })
            })
            .collect()
    }

    /// Whether each feed was used on the newest night, by `department/feed`; empty before the first night.
    pub async fn feeds_used(&self) -> Result<BTreeMap<String, bool>, StoreError> {
        let newest = "select feed, used from feed_night where run = (select run from night order by night desc limit 1)";
        let rows = self.rows(newest, values![]).await?;
        rows.iter().map(|row| Ok((row.text("feed")?.to_owned(), row.flag("used")?))).collect()
    }

    /// What became of the cases of every rule, by rule id.
    pub async fn outcomes(&self, calendar: &Calendar) -> Result<BTreeMap<String, Outcomes>, StoreError> {
        let mut outcomes: BTreeMap<String, Outcomes> = BTreeMap::new();
        for it in self.worked(calendar).await? {
            let explained = matches!(it.case.state, State::Settled(settled) if settled.outcome.verdict() == Verdict::Explained);
            for rule in it.case.findings.into_keys() {
                let of = outcomes.entry(rule).or_default();
                of.cases += 1;
                of.explained += u64::from(explained);
                of.cured += u64::from(it.case.state == State::Cured);
            }
        }
        Ok(outcomes)
    }
}

/// Writes what the rules came to in `run`.
pub(super) async fn keep(db: &mut Tx, run: i64, rules: &[RuleNight]) -> Result<(), StoreError> {
    let row = |it: &RuleNight| values![run, &it.id, it.about.map(word), it.looked_at, it.found, it.skipped.as_ref().map(json)];
    db.insert("insert into rule_night (run, rule, about, looked_at, found, skipped)", rules.iter().map(row).collect()).await
}

fn word(about: About) -> &'static str {
    match about {
        About::People => "people",
        About::Units => "units",
    }
}

fn about(word: &str) -> Option<About> {
    [About::People, About::Units].into_iter().find(|it| self::word(*it) == word)
}
