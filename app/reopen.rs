//! A night that is over, open for questions again: its sealed rows, and who was who in it.
//!
//! Nothing is pulled and nothing is linked: a question asked today is answered with what was known that night.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use chrono::NaiveDate;
use muster_core::engine::{Engine, Limits, LinkedFeed};
use muster_core::schema;

use crate::config::City;
use crate::night::Night;
use crate::pull;
use crate::run::Stop;
use crate::store::Store;

/// A night and its tables.
pub struct Reopened {
    /// As its reports tell it.
    pub night: Night,
    /// Every table that rules read, but `presence`.
    pub engine: Engine,
}

/// The newest night of the city.
pub async fn newest(city: &City) -> Result<Reopened, Stop> {
    let nights = Store::of(city).await?.nights().await?;
    let none = || Stop::Usage("还没有对过账；先 `muster run` (no night yet: `muster run` first)".to_owned());
    open(city, nights.into_iter().max().ok_or_else(none)?).await
}

async fn open(city: &City, tonight: NaiveDate) -> Result<Reopened, Stop> {
    let archive = city.archive()?;
    let folder = archive.night(tonight);
    let gone = |what: &str| Stop::Usage(format!("the night {tonight} has no {what}: run it again with `muster run --night {tonight}`"));
    let trouble = |err: Box<dyn std::error::Error + Send + Sync>| Stop::Trouble(err.to_string());
    let night = archive.told(tonight).map_err(trouble)?.ok_or_else(|| gone("night.json"))?;
    let settings = &city.settings.engine;
    let engine = Engine::new(&Limits {
        memory_bytes: settings.memory_mib << 20,
        partitions: if settings.partitions == 0 { pull::cores() } else { settings.partitions },
        spill_dir: None,
        opening: Some(archive.vault.opening()?),
    });
    let read = |name: &str| -> Result<Vec<RecordBatch>, Stop> {
        let rows = archive.rows(&folder.join(format!("{name}.parquet"))).map_err(trouble)?;
        Ok(rows.ok_or_else(|| gone(&format!("table `{name}`")))?.build()?.collect::<Result<_, _>>()?)
    };
    engine.batches("unit", schema::UNITS.linked_schema(), read("unit")?);
    engine.batches("person", schema::PERSONS.schema(), read("person")?);
    let references = read("unit_reference")?;
    let units = numbers(&references, "at", "unit_id");
    engine.batches("unit_reference", schema::UNIT_REFERENCE.schema(), references);
    let identities = read("identity")?;
    let people = numbers(&identities, "who", "person_id");
    engine.batches("identity", schema::IDENTITY.schema(), identities);
    for table in schema::TABLES.iter().filter(|it| it.name != schema::UNITS.name) {
        let mut feeds = Vec::new();
        for feed in night.feeds.iter().filter(|it| it.table == table.name && it.left_out.is_empty()) {
            let file = folder.join("sealed").join(table.name).join(format!("{}.parquet", feed.feed.replacen('/', ".", 1)));
            if !file.exists() {
                return Err(gone(&format!("sealed rows of {}", feed.feed)));
            }
            let of = |by: &BTreeMap<String, Vec<i32>>| Arc::new(by.get(&feed.feed).cloned().unwrap_or_default());
            feeds.push(LinkedFeed { feed: feed.feed.clone(), files: vec![file], person_of: of(&people), unit_of: of(&units) });
        }
        engine.linked(table, &feeds).await?;
    }
    Ok(Reopened { night, engine })
}

/// By feed: the number `value` for the feed's n-th text; -1 for none.
fn numbers(batches: &[RecordBatch], key: &str, value: &str) -> BTreeMap<String, Vec<i32>> {
    let mut found: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for batch in batches {
        let column = |name: &str| batch.column_by_name(name).expect("a column of the schema it was written with");
        let feeds = column("feed").as_string::<i32>();
        let (keys, values) = (column(key).as_primitive::<Int32Type>(), column(value).as_primitive::<Int32Type>());
        for row in 0..batch.num_rows() {
            let Ok(at) = usize::try_from(keys.value(row)) else { continue };
            let list = found.entry(feeds.value(row).to_owned()).or_default();
            if list.len() <= at {
                list.resize(at + 1, -1);
            }
            list[at] = if values.is_valid(row) { values.value(row) } else { -1 };
        }
    }
    found
}
