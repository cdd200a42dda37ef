//! Proves a card: runs every example of it and compares what is found with what the card says.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int32Type, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::NaiveDate;

use super::grid::{self, Grid};
use super::{EXAMPLE_NIGHT, Example, Rule};
use crate::check::{self, Columns, Names, NightParams};
use crate::diag::{Mistake, did_you_mean};
use crate::engine::{Engine, EngineError, Limits};
use crate::function;
use crate::presence::{self, Window};
use crate::schema::{self, FEED, PERSONS, PRESENCE, UNITS};

/// What became of one example.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Rule id.
    pub rule: String,
    /// Heading of the example.
    pub example: String,
    /// `file:line` of the example.
    pub place: String,
    /// Whether the card is right.
    pub outcome: Outcome,
}

/// Whether an example holds.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What is found is what the card says.
    Holds,
    /// It is not; both as Markdown tables.
    Differs {
        /// What the card says.
        expected: String,
        /// What the query gives.
        found: String,
    },
    /// The query does not run.
    Wrong(Box<Mistake>),
}

impl Proof {
    /// Whether the example holds.
    pub fn ok(&self) -> bool {
        matches!(self.outcome, Outcome::Holds)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}: ", self.place, self.rule, self.example)?;
        match &self.outcome {
            Outcome::Holds => write!(f, "holds"),
            Outcome::Differs { expected, found } => write!(f, "differs\n  the card says\n{expected}\n  the query finds\n{found}"),
            Outcome::Wrong(mistake) => {
                write!(f, "{mistake} ({})", mistake.place())?;
                mistake.hint().map_or(Ok(()), |hint| write!(f, "\nhint: {hint}"))
            }
        }
    }
}

/// Runs every example of a card.
///
/// Each plays in a city of its own that holds the example's rows and nothing else. Persons and units that are named but not given
/// are made up; `presence` is computed from the example's tables over the twelve months up to `$month`, unless the example gives it.
pub async fn prove(rule: &Rule) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for example in &rule.examples {
        let outcome = match run(rule, example).await {
            Ok(outcome) => outcome,
            Err(mistake) => Outcome::Wrong(mistake),
        };
        let place = rule.source.mistake(example.at.clone(), "", "").place();
        proofs.push(Proof { rule: rule.id.clone(), example: example.name.clone(), place, outcome });
    }
    proofs
}

async fn run(rule: &Rule, example: &Example) -> Result<Outcome, Box<Mistake>> {
    let (engine, night) =
        city(rule, example).await.map_err(|it| Box::new(rule.source.mistake(example.at.clone(), it.what, "in this example")))?;
    let rows = check::rows(rule, &engine, &night).await?;
    let columns = Columns::of(rule, rows.schema_ref())?;
    let names =
        Names::of_units(&engine).await.map_err(|it| Box::new(rule.source.mistake(example.at.clone(), it.what, "in this example")))?;
    let stated = if example.finds.rows.is_empty() {
        rows.schema().fields().iter().map(|it| it.name().clone()).collect()
    } else {
        example.finds.names()
    };
    unknown_columns(rule, &example.finds, rows.schema_ref())?;
    let mut found: Vec<Vec<String>> = (0..rows.num_rows())
        .map(|row| {
            let (zh, en) = columns.sentences(&rows, row, &names);
            stated
                .iter()
                .map(|name| match rows.column_by_name(name) {
                    Some(array) => printed(array, row),
                    None if name == "zh" => zh.clone(),
                    None => en.clone(),
                })
                .collect()
        })
        .collect();
    let mut expected = normal(&example.finds, rows.schema_ref());
    found.sort();
    expected.sort();
    if found == expected {
        return Ok(Outcome::Holds);
    }
    Ok(Outcome::Differs { expected: drawn(&stated, &expected), found: drawn(&stated, &found) })
}

fn unknown_columns(rule: &Rule, finds: &Grid, schema: &Schema) -> Result<(), Box<Mistake>> {
    for cell in &finds.header {
        let name = cell.text.as_deref().unwrap_or_default();
        if schema.field_with_name(name).is_err() && name != "zh" && name != "en" {
            let known: Vec<&str> = schema.fields().iter().map(|it| it.name().as_str()).collect();
            let hint = did_you_mean(name, known.iter().copied(), &format!("it gives {}, and the sentences zh and en", known.join(", ")));
            return Err(Box::new(
                rule.source.mistake(cell.at.clone(), format!("the query gives no column `{name}`"), "here").try_this(hint),
            ));
        }
    }
    Ok(())
}

fn printed(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return String::new();
    }
    ArrayFormatter::try_new(array, &FormatOptions::default()).map(|it| it.value(row).to_string()).unwrap_or_default()
}

/// The cells of `finds` in the form in which values are printed.
fn normal(finds: &Grid, schema: &Schema) -> Vec<Vec<String>> {
    let names = finds.names();
    let types: Vec<DataType> =
        names.iter().map(|it| schema.field_with_name(it).map_or(DataType::Utf8, |it| it.data_type().clone())).collect();
    let cell = |(cell, arrow): (&grid::Cell, &DataType)| cell.text.as_deref().map_or_else(String::new, |it| grid::normal(it, arrow));
    finds.rows.iter().map(|row| row.iter().zip(&types).map(cell).collect()).collect()
}

fn drawn(header: &[String], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return "nothing\n".to_owned();
    }
    let mut text = String::new();
    grid::draw(header, rows, &mut text).expect("a String takes everything");
    text
}

// --- the city of an example -----------------------------------------------------------------------------------------

async fn city(rule: &Rule, example: &Example) -> Result<(Engine, NightParams), EngineError> {
    let engine = Engine::new(&Limits { memory_bytes: 64 << 20, partitions: 1, spill_dir: None, opening: None });
    for table in schema::TABLES.iter().filter(|it| it.name != UNITS.name) {
        let schema = table.linked_schema();
        engine.batches(table.name, Arc::clone(&schema), vec![of_table(example, table.name, &Arc::new(schema.as_ref().clone()))]);
    }
    for derived in schema::DERIVED.iter().filter(|it| it.name != PRESENCE.name) {
        let schema = derived.schema();
        engine.batches(derived.name, Arc::clone(&schema), vec![of_table(example, derived.name, &schema)]);
    }
    let persons =
        with_made_up(&of_table(example, PERSONS.name, &PERSONS.schema()), &ids(example, |it| it == "person_id"), "person_id", person);
    engine.batches(PERSONS.name, PERSONS.schema(), vec![persons]);
    let units =
        with_made_up(&of_table(example, UNITS.name, &UNITS.linked_schema()), &ids(example, |it| it.ends_with("unit_id")), "unit_id", unit);
    engine.batches(UNITS.name, UNITS.linked_schema(), vec![units]);
    engine.batches(FEED.name, FEED.schema(), vec![feeds(example)]);

    let tonight = example.tonight.unwrap_or(EXAMPLE_NIGHT);
    let before = function::month_of(function::days(tonight)).and_then(|it| function::add_months(it, -1)).unwrap_or_default();
    let month = example.month.unwrap_or(before);
    let window = example_window(example, tonight, month);
    if example.given.iter().any(|it| it.table == PRESENCE.name) {
        engine.batches(PRESENCE.name, PRESENCE.schema(), vec![of_table(example, PRESENCE.name, &PRESENCE.schema())]);
    } else if rule.sql.contains(PRESENCE.name) {
        presence::compute(&engine, window).await?;
    }
    Ok((engine, NightParams { tonight, month, first_month: window.first }))
}

/// Twelve months up to `month`, and the months of the example's own rows, up to the month of `tonight`.
fn example_window(example: &Example, tonight: NaiveDate, month: i32) -> Window {
    let usual = Window { first: function::add_months(month, -11).unwrap_or(month), last: month };
    let this_month = function::month_of(function::days(tonight)).unwrap_or(month);
    let monthly = example.given.iter().filter(|it| ["payment", "contribution", "attendance", "pension"].contains(&it.table.as_str()));
    let months = monthly.filter_map(|it| Some(it.batch.column_by_name("month")?.as_primitive::<Int32Type>().clone()));
    let told: Vec<i32> = months.flat_map(|it| it.iter().flatten().collect::<Vec<_>>()).filter(|it| *it <= this_month).collect();
    let first = told.iter().copied().min().unwrap_or(usual.first).min(usual.first);
    let last = told.iter().copied().max().unwrap_or(usual.last).max(usual.last);
    Window::new(first, last).unwrap_or(usual)
}

fn of_table(example: &Example, name: &str, schema: &Arc<Schema>) -> RecordBatch {
    let given: Vec<&RecordBatch> = example.given.iter().filter(|it| it.table == name).map(|it| &it.batch).collect();
    let given: Vec<RecordBatch> = given
        .into_iter()
        .map(|it| it.clone().with_schema(Arc::clone(schema)).unwrap_or_else(|_| RecordBatch::new_empty(Arc::clone(schema))))
        .collect();
    concat_batches(schema, &given).expect("batches of one table have one schema")
}

/// The numbers in the columns that `wanted` names, in every table of the example.
fn ids(example: &Example, wanted: impl Fn(&str) -> bool) -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    for given in &example.given {
        for (field, array) in given.batch.schema().fields().iter().zip(given.batch.columns()).filter(|(field, _)| wanted(field.name())) {
            debug_assert_eq!(*field.data_type(), DataType::Int32);
            found.extend(array.as_primitive::<Int32Type>().iter().flatten());
        }
    }
    found
}

/// `given` and a row for each of `ids` that is not in it, whose cells `make` fills.
fn with_made_up(given: &RecordBatch, ids: &BTreeSet<i32>, key: &str, make: fn(&str, &[i32]) -> Option<ArrayRef>) -> RecordBatch {
    let known: BTreeSet<i32> =
        given.column_by_name(key).map(|it| it.as_primitive::<Int32Type>().iter().flatten().collect()).unwrap_or_default();
    let missing: Vec<i32> = ids.difference(&known).copied().collect();
    let schema = given.schema();
    let arrays =
        schema.fields().iter().map(|it| make(it.name(), &missing).unwrap_or_else(|| new_null_array(it.data_type(), missing.len())));
    let made_up = RecordBatch::try_new(Arc::clone(&schema), arrays.collect()).expect("made in the shape of the given rows");
    concat_batches(&schema, [given, &made_up]).expect("both have one schema")
}

fn person(column: &str, ids: &[i32]) -> Option<ArrayRef> {
    Some(match column {
        "person_id" => Arc::new(Int32Array::from(ids.to_vec())),
        "person_key" => Arc::new(ids.iter().map(|it| Some(format!("p-{it:016x}"))).collect::<StringArray>()),
        "name" => Arc::new(ids.iter().map(|it| Some(format!("人员{it}"))).collect::<StringArray>()),
        "id_valid" => Arc::new(BooleanArray::from(vec![true; ids.len()])),
        "doubt" => Arc::new(BooleanArray::from(vec![false; ids.len()])),
        _ => return None,
    })
}

fn unit(column: &str, ids: &[i32]) -> Option<ArrayRef> {
    Some(match column {
        "unit_id" => Arc::new(Int32Array::from(ids.to_vec())),
        "unit_code" => Arc::new(ids.iter().map(|it| Some(format!("U{it:03}"))).collect::<StringArray>()),
        "unit_name" => Arc::new(ids.iter().map(|it| Some(format!("单位{it}"))).collect::<StringArray>()),
        _ => return None,
    })
}

/// The feeds of the example: as given, or one for each table with rows.
fn feeds(example: &Example) -> RecordBatch {
    if example.given.iter().any(|it| it.table == FEED.name) {
        return of_table(example, FEED.name, &FEED.schema());
    }
    let tables: Vec<&str> = example.given.iter().map(|it| it.table.as_str()).filter(|it| schema::table(it).is_some()).collect();
    let schema = FEED.schema();
    let column = |name: &str, kind: &DataType| -> ArrayRef {
        match name {
            "feed" => Arc::new(tables.iter().map(|it| Some(format!("example/{it}"))).collect::<StringArray>()),
            "table_name" => Arc::new(StringArray::from(tables.clone())),
            "used" => Arc::new(BooleanArray::from(vec![true; tables.len()])),
            "rows" => Arc::new(Int64Array::from(vec![1; tables.len()])),
            _ => new_null_array(kind, tables.len()),
        }
    };
    let arrays = schema.fields().iter().map(|it| column(it.name(), it.data_type())).collect();
    RecordBatch::try_new(schema, arrays).expect("made in the shape of the table")
}
