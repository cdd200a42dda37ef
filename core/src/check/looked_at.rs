//! The denominator of a rule: how many could have been hit tonight.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
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
        Ok(LookedAt { people: people(engine).await?, units, everybody: of(PERSONS.name), every_unit: of(UNITS.name) })
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

/// Distinct persons by table. Persons are numbered from 0 without gaps, so that one bit for each counts them.
async fn people(engine: &Engine) -> Result<BTreeMap<String, u64>, EngineError> {
    let sql = format!("select table_name, person_id from {} where person_id is not null", IDENTITY.name);
    let mut met: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut stream = engine.stream(&sql, &Params::new()).await?;
    while let Some(batch) = next(&mut stream).await? {
        let tables = cast(batch.column(0), &DataType::Utf8View).map_err(|it| EngineError::ours(&it))?;
        let (tables, persons) = (tables.as_string_view(), batch.column(1).as_primitive::<Int32Type>());
        let mut row = 0;
        while row < batch.num_rows() {
            let table = tables.value(row);
            let bits = met.entry(table.to_owned()).or_default();
            while row < batch.num_rows() && tables.value(row) == table {
                let person = usize::try_from(persons.value(row)).expect("persons are numbered from 0");
                if bits.len() <= person / 64 {
                    bits.resize(person / 64 + 1, 0);
                }
                bits[person / 64] |= 1 << (person % 64);
                row += 1;
            }
        }
    }
    Ok(met.into_iter().map(|(table, bits)| (table, bits.iter().map(|it| u64::from(it.count_ones())).sum())).collect())
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
