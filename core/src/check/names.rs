//! What sentences and findings say of persons and units beside a row. It is read once a night: a province's identities are
//! eight million rows, and a rule that read them for its own hits would spend more time there than on its question.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use arrow::compute::{cast, sort_to_indices, take};
use arrow::datatypes::{DataType, Float32Type, Int32Type};
use futures::TryStreamExt;

use crate::engine::{Engine, EngineError, Params};
use crate::rule::Rule;
use crate::schema;

/// Units, lasting keys of persons, and how surely they were linked.
#[derive(Debug, Default)]
pub struct Names {
    /// Units by tonight's number.
    units: HashMap<i32, Unit>,
    /// Numbers of persons, rising, with their lasting keys; shared with the engine's table, not copied.
    persons: Vec<(Int32Array, ArrayRef)>,
    /// The least sure link of a person in a shared table; absent: certain.
    scores: HashMap<(i32, &'static str), f32>,
}

/// A unit as it is told.
#[derive(Debug)]
pub(crate) struct Unit {
    pub code: String,
    pub name: String,
}

impl Names {
    /// Everything that tonight's findings may have to say.
    pub async fn read(engine: &Engine) -> Result<Names, EngineError> {
        Ok(Names { units: units(engine).await?, persons: persons(engine).await?, scores: scores(engine).await? })
    }

    /// Units alone: what a card's examples state are sentences, not keys or confidence.
    pub(crate) async fn of_units(engine: &Engine) -> Result<Names, EngineError> {
        Ok(Names { units: units(engine).await?, ..Names::default() })
    }

    /// The unit with tonight's number.
    pub(crate) fn unit(&self, id: i32) -> Option<&Unit> {
        self.units.get(&id)
    }

    /// The lasting key of a person.
    pub(crate) fn person_key(&self, id: i32) -> Option<&str> {
        let after = self.persons.partition_point(|(ids, _)| ids.value(0) <= id);
        let (ids, keys) = &self.persons[after.checked_sub(1)?];
        let row = ids.values().binary_search(&id).ok().filter(|row| keys.is_valid(*row))?;
        match keys.data_type() {
            DataType::Utf8View => Some(keys.as_string_view().value(row)),
            _ => Some(keys.as_string::<i32>().value(row)),
        }
    }

    /// How surely the rows that `rule` reads are about a person: the least sure link among the tables it needs.
    pub(crate) fn surely(&self, rule: &Rule, person: i32) -> f32 {
        let links = rule.needs.iter().filter_map(|table| schema::table(table)).filter_map(|it| self.scores.get(&(person, it.name)));
        links.copied().fold(1.0, f32::min)
    }
}

async fn units(engine: &Engine) -> Result<HashMap<i32, Unit>, EngineError> {
    let sql = "select unit_id, arrow_cast(unit_code, 'Utf8'), arrow_cast(unit_name, 'Utf8') from unit where unit_id is not null";
    let mut units = HashMap::new();
    let mut stream = engine.stream(sql, &Params::new()).await?;
    while let Some(batch) = stream.try_next().await.map_err(|it| EngineError::of(&it, "", &[]))? {
        let ids = batch.column(0).as_primitive::<Int32Type>();
        let (codes, names) = (batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
        for row in 0..batch.num_rows() {
            let text = |array: &StringArray| array.is_valid(row).then(|| array.value(row).to_owned());
            let code = text(codes).unwrap_or_else(|| format!("#{}", ids.value(row)));
            let name = text(names).unwrap_or_else(|| code.clone());
            units.insert(ids.value(row), Unit { code, name });
        }
    }
    Ok(units)
}

async fn persons(engine: &Engine) -> Result<Vec<(Int32Array, ArrayRef)>, EngineError> {
    let mut persons = Vec::new();
    let mut stream = engine.stream("select person_id, person_key from person where person_id is not null", &Params::new()).await?;
    while let Some(batch) = stream.try_next().await.map_err(|it| EngineError::of(&it, "", &[]))? {
        if batch.num_rows() > 0 {
            persons.push(rising(&batch).map_err(|it| EngineError::ours(&it))?);
        }
    }
    persons.sort_unstable_by_key(|(ids, _)| ids.value(0));
    Ok(persons)
}

/// The two columns by rising number; the link numbers persons in the order of its table, so nearly always as they are.
fn rising(batch: &RecordBatch) -> Result<(Int32Array, ArrayRef), arrow::error::ArrowError> {
    let keys = match batch.column(1).data_type() {
        DataType::Utf8 | DataType::Utf8View => batch.column(1).clone(),
        _ => cast(batch.column(1), &DataType::Utf8)?,
    };
    let ids = batch.column(0).as_primitive::<Int32Type>();
    if ids.values().is_sorted() {
        return Ok((ids.clone(), keys));
    }
    let order = sort_to_indices(ids, None, None)?;
    Ok((take(ids, &order, None)?.as_primitive().clone(), take(&keys, &order, None)?))
}

async fn scores(engine: &Engine) -> Result<HashMap<(i32, &'static str), f32>, EngineError> {
    let mut scores = HashMap::new();
    let sql = "select person_id, score, arrow_cast(table_name, 'Utf8') from identity where score < 1 and person_id is not null";
    let mut stream = engine.stream(sql, &Params::new()).await?;
    while let Some(batch) = stream.try_next().await.map_err(|it| EngineError::of(&it, "", &[]))? {
        let (ids, found) = (batch.column(0).as_primitive::<Int32Type>(), batch.column(1).as_primitive::<Float32Type>());
        let tables = batch.column(2).as_string::<i32>();
        for row in 0..batch.num_rows() {
            let Some(table) = schema::table(tables.value(row)) else { continue };
            let score = scores.entry((ids.value(row), table.name)).or_insert(1.0f32);
            *score = score.min(found.value(row));
        }
    }
    Ok(scores)
}
