//! What rules came to night by night, and which of them cry wolf.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use muster_core::check::About;
use serde::Serialize;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::{ROWS_AT_ONCE, Store, StoreError, day, from_json, json};
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
        let rows = sqlx::query(
            "select n.night, r.about, r.looked_at, r.found, r.skipped from rule_night r join night n using (run) where r.rule = ? order by n.night",
        )
        .bind(rule)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let number = |name: &str| row.try_get::<Option<i64>, _>(name).map(|it| it.and_then(|it| u64::try_from(it).ok()));
                Ok(RuleOnce {
                    night: day(&row.try_get::<String, _>("night")?)?,
                    about: row.try_get::<Option<&str>, _>("about")?.and_then(about),
                    looked_at: number("looked_at")?,
                    found: number("found")?,
                    skipped: row.try_get::<Option<&str>, _>("skipped")?.map(|it| from_json("rule's night", it)).transpose()?,
                })
            })
            .collect()
    }

    /// Whether each feed was used on the newest night, by `department/feed`; empty before the first night.
    pub async fn feeds_used(&self) -> Result<BTreeMap<String, bool>, StoreError> {
        let rows = sqlx::query("select feed, used from feed_night where run = (select run from night order by night desc limit 1)")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok((row.try_get("feed")?, row.try_get("used")?))).collect()
    }

    /// What became of the cases of every rule, by rule id.
    pub async fn outcomes(&self) -> Result<BTreeMap<String, Outcomes>, StoreError> {
        let rows = sqlx::query(
            "with newest as (
                 select v.case_key, max(v.run) as run from case_version v join night n using (run) group by v.case_key)
             select f.key as rule, count(*) as cases,
                 count(*) filter (where json_extract(v.body, '$.state') = 'explained') as explained,
                 count(*) filter (where json_extract(v.body, '$.state') = 'cured') as cured
             from newest join case_version v using (case_key, run), json_each(v.body, '$.findings') f
             group by f.key",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let number = |name: &str| row.try_get::<i64, _>(name).map(|it| u64::try_from(it).unwrap_or(0));
                let of = Outcomes { cases: number("cases")?, explained: number("explained")?, cured: number("cured")? };
                Ok((row.try_get("rule")?, of))
            })
            .collect()
    }
}

/// Writes what the rules came to in `run`.
pub(super) async fn keep(db: &mut SqliteConnection, run: i64, rules: &[RuleNight]) -> Result<(), StoreError> {
    for rules in rules.chunks(ROWS_AT_ONCE) {
        let mut rows = QueryBuilder::<Sqlite>::new("insert into rule_night (run, rule, about, looked_at, found, skipped) ");
        rows.push_values(rules, |mut row, it| {
            let number = |it: Option<u64>| it.and_then(|it| i64::try_from(it).ok());
            row.push_bind(run).push_bind(&it.id).push_bind(it.about.map(word));
            row.push_bind(number(it.looked_at)).push_bind(number(it.found)).push_bind(it.skipped.as_ref().map(json));
        });
        rows.build().execute(&mut *db).await?;
    }
    Ok(())
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
