//! Puts together what is told of a night.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;
use chrono::NaiveDate;
use muster_core::case::{Case, CaseEvent};
use muster_core::figures::Figures;
use muster_core::finding::Subject;
use muster_core::link::{People, Units};
use muster_core::schema;

use crate::config::City;
use crate::night::{FeedNight, Night, PersonShown, RuleNight, UnitShown, UnlinkedUnit};
use crate::pull::FeedPulled;

/// The night as reports tell it.
#[allow(clippy::too_many_arguments)]
pub fn night(
    city: &City,
    tonight: NaiveDate,
    feeds: Vec<FeedNight>,
    rules: Vec<RuleNight>,
    cases: Vec<Case>,
    events: Vec<CaseEvent>,
    figures: Figures,
    link_methods: BTreeMap<String, u64>,
    units: &Units,
    people: &People,
) -> Night {
    let shown = shown_people(&cases, people);
    Night {
        city: city.settings.city.clone(),
        tonight,
        feeds,
        rules,
        people: shown,
        confidential: confidential(units),
        unlisted_units: 0,
        units: shown_units(units),
        unlinked_units: unlinked(units),
        figures,
        tables: Vec::new(),
        pefa: None,
        people_count: people.persons.num_rows() as u64,
        link_methods,
        cases,
        events,
        escalated: Vec::new(),
        amounts: None,
    }
}

/// The `feed` table that rules may read.
pub fn feed_table(pulled: &[FeedPulled]) -> RecordBatch {
    let month = |of: fn(&FeedPulled) -> Option<i32>| Arc::new(pulled.iter().map(of).collect::<Int32Array>()) as ArrayRef;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(pulled.iter().map(|it| Some(it.told.feed.as_str())).collect::<StringArray>()),
        Arc::new(pulled.iter().map(|it| Some(it.table.name)).collect::<StringArray>()),
        Arc::new(pulled.iter().map(|it| Some(it.sealed.is_some())).collect::<BooleanArray>()),
        Arc::new(pulled.iter().map(|it| it.told.tally.as_ref().map(|it| it.mapped as i64)).collect::<Int64Array>()),
        month(|it| it.told.tally.as_ref()?.first_month),
        month(|it| it.told.tally.as_ref()?.last_month),
    ];
    RecordBatch::try_new(schema::FEED.schema(), columns).expect("built column by column after the schema")
}

/// The register of units, in which a unit without a division code is the city's own.
pub fn with_region(units: &RecordBatch, region: &str) -> RecordBatch {
    let (at, _) = units.schema_ref().column_with_name("region").expect("UNITS has it");
    let filled: StringArray = text(units, "region").iter().map(|it| it.or(Some(region))).collect();
    let mut columns = units.columns().to_vec();
    columns[at] = Arc::new(filled);
    RecordBatch::try_new(units.schema(), columns).expect("one column of the same type was replaced")
}

/// Tonight's number of the person with a lasting key. Persons stand in the order of their keys, so that no map of two million is made.
pub fn person_id(people: &People, key: &str) -> Option<i32> {
    let keys = text(&people.persons, "person_key");
    let (mut start, mut end) = (0, keys.len());
    while start < end {
        let middle = start.midpoint(end);
        match keys.value(middle).cmp(key) {
            Ordering::Less => start = middle + 1,
            Ordering::Equal => return Some(middle as i32),
            Ordering::Greater => end = middle,
        }
    }
    None
}

/// Tonight's numbers of units, by code and by lasting key.
pub fn unit_ids(units: &Units) -> BTreeMap<String, i32> {
    let ids = units.table.column_by_name("unit_id").expect("UNITS has it").as_primitive::<Int32Type>();
    let codes = text(&units.table, "unit_code").iter().zip(ids.values()).filter_map(|(code, id)| Some((code?, *id)));
    codes.flat_map(|(code, id)| [(code.to_owned(), id), (format!("u-{code}"), id)]).collect()
}

fn shown_people(cases: &[Case], people: &People) -> BTreeMap<i32, PersonShown> {
    let wanted: BTreeSet<&str> =
        cases.iter().map(|it| &it.subject).filter(|it| matches!(it, Subject::Person { .. })).map(Subject::key).collect();
    let column = |name| text(&people.persons, name);
    let (keys, ids, names) = (column("person_key"), column("id_number"), column("name"));
    let person_ids = people.persons.column_by_name("person_id").expect("PERSONS has it").as_primitive::<Int32Type>();
    let rows = (0..people.persons.num_rows()).filter(|row| keys.is_valid(*row) && wanted.contains(keys.value(*row)));
    rows.map(|row| {
        let shown = PersonShown { key: keys.value(row).to_owned(), id_number: cell(ids, row), name: cell(names, row) };
        (person_ids.value(row), shown)
    })
    .collect()
}

fn shown_units(units: &Units) -> BTreeMap<i32, UnitShown> {
    let column = |name| text(&units.table, name);
    let (codes, names, parents) = (column("unit_code"), column("unit_name"), column("parent_code"));
    let ids = units.table.column_by_name("unit_id").expect("UNITS has it").as_primitive::<Int32Type>();
    let shown = |row| UnitShown {
        code: cell(codes, row).unwrap_or_default(),
        name: cell(names, row).unwrap_or_default(),
        parent: cell(parents, row),
    };
    (0..units.table.num_rows()).map(|row| (ids.value(row), shown(row))).collect()
}

/// The units that the register calls confidential: name by code.
fn confidential(units: &Units) -> BTreeMap<String, String> {
    let flag = units.table.column_by_name("confidential").expect("UNITS has it").as_boolean();
    let (codes, names) = (text(&units.table, "unit_code"), text(&units.table, "unit_name"));
    let rows = (0..units.table.num_rows()).filter(|row| flag.is_valid(*row) && flag.value(*row));
    rows.map(|row| (cell(codes, row).unwrap_or_default(), cell(names, row).unwrap_or_default())).collect()
}

fn unlinked(units: &Units) -> Vec<UnlinkedUnit> {
    let column = |name| text(&units.reference, name);
    let (feeds, codes, names, nearest, methods) =
        (column("feed"), column("unit_code"), column("unit_name"), column("nearest_name"), column("method"));
    let rows = units.reference.column_by_name("rows").expect("UNIT_REFERENCE has it").as_primitive::<Int32Type>();
    let mut unlinked: Vec<UnlinkedUnit> = (0..units.reference.num_rows())
        .filter(|row| methods.is_valid(*row) && methods.value(*row) == "none")
        .map(|row| UnlinkedUnit {
            feed: cell(feeds, row).unwrap_or_default(),
            unit_code: cell(codes, row),
            unit_name: cell(names, row),
            rows: i64::from(rows.value(row)),
            nearest_name: cell(nearest, row),
        })
        .collect();
    unlinked.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| (&a.feed, &a.unit_name).cmp(&(&b.feed, &b.unit_name))));
    unlinked
}

fn text<'a>(batch: &'a RecordBatch, column: &str) -> &'a StringArray {
    batch.column_by_name(column).expect("a column of the schema").as_string()
}

fn cell(column: &StringArray, row: usize) -> Option<String> {
    column.is_valid(row).then(|| column.value(row).to_owned())
}
