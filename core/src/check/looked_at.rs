//! The denominator of a rule: how many could have been hit tonight.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use serde::{Deserialize, Serialize};

use super::next;
use crate::engine::{Engine, EngineError, Params};
use crate::finding::Family;
use crate::rule::Rule;
use crate::schema::{IDENTITY, PERSONS, UNIT_REFERENCE, UNITS};

/// What the findings of a rule are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// Its query gives `person_id`.
    People,
    /// Its query gives `unit_id` alone.
    Units,
}

/// Whom the feeds of each table speak of tonight.
///
/// A rule about people could have hit the people of its primary table, a rule about units the units of it: the table that its card
/// names in `looks_at`, without that the first of its `needs`. A rule about data quality reads every feed it needs, and could have hit
/// everybody of tonight. Who could not be linked to a person or unit is not counted, because
/// no rule can find them; who stands in several feeds or rows counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookedAt {
    people: BTreeMap<String, u64>,
    units: BTreeMap<String, u64>,
    everybody: u64,
    every_unit: u64,
}

impl LookedAt {
    /// Counts both, from tables that are small beside payments: one row per feed and identity or reference.
    pub async fn count(engine: &Engine) -> Result<LookedAt, EngineError> {
        let people = format!("select table_name, count(distinct person_id) from {} where person_id is not null group by 1", IDENTITY.name);
        let units = format!(
            "select f.table_name, count(distinct r.unit_id) from {} r join feed f on f.feed = r.feed where r.unit_id is not null group by 1",
            UNIT_REFERENCE.name
        );
        let mut units = counts(engine, &units).await?;
        let all =
            counts(engine, &format!("select '{0}', count(*) from {0} union all select '{1}', count(*) from {1}", UNITS.name, PERSONS.name))
                .await?;
        let of = |table: &str| all.get(table).copied().unwrap_or(0);
        units.insert(UNITS.name.to_owned(), of(UNITS.name));
        Ok(LookedAt { people: counts(engine, &people).await?, units, everybody: of(PERSONS.name), every_unit: of(UNITS.name) })
    }

    /// How many `rule` could have hit.
    pub fn of(&self, rule: &Rule, about: About) -> u64 {
        let counts = match (about, rule.family == Family::Quality) {
            (About::People, true) => return self.everybody,
            (About::Units, true) => return self.every_unit,
            (About::People, false) => &self.people,
            (About::Units, false) => &self.units,
        };
        counts.get(rule.primary()).copied().unwrap_or(0)
    }
}

async fn counts(engine: &Engine, sql: &str) -> Result<BTreeMap<String, u64>, EngineError> {
    let mut counts = BTreeMap::new();
    let mut stream = engine.stream(sql, &Params::new()).await?;
    while let Some(batch) = next(&mut stream).await? {
        let names = cast(batch.column(0), &DataType::Utf8).map_err(|it| EngineError::ours(&it))?;
        let (names, found) = (names.as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
        counts.extend((0..batch.num_rows()).map(|row| (names.value(row).to_owned(), u64::try_from(found.value(row)).unwrap_or(0))));
    }
    Ok(counts)
}
