//! Seals mapped rows: the texts that say who and which unit a row is about are replaced by the feed's own numbers for them.
//!
//! A payroll of twenty-four million rows names two million people. Every distinct text is kept once; rows carry numbers, so
//! linking looks at people and not at rows, and rules join on integers.

mod distinct;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Date32Builder, Int32Array, Int64Array, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::schema::{PERSON, Table, UNIT};
use distinct::Distinct;

/// Seals the rows of one feed, batch after batch.
pub struct Sealer {
    table: &'static Table,
    schema: SchemaRef,
    who: Distinct,
    /// By `who`: the reference of the first row that has one, -1 while there is none.
    unit_of_who: Vec<i32>,
    at: Distinct,
    key: Vec<u8>,
}

/// What a feed says about people and units, each distinct text once.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// `who`, `id_number`, `name`, `sex`, `birth_date`, `unit_at` (null: no row names a unit), `rows`; in the order of first rows.
    pub identities: RecordBatch,
    /// `at`, `unit_code`, `unit_name`, `uscc`, `rows`; in the order of first rows.
    pub references: RecordBatch,
}

impl Sealed {
    /// Distinct people: by ID number, or by name where there is none.
    pub fn people(&self) -> u64 {
        let text = |name: &str| self.identities.column_by_name(name).expect("IDENTITIES has it").as_string::<i32>();
        let mut known: Vec<u64> = text("id_number")
            .iter()
            .zip(text("name"))
            .filter_map(|(id_number, name)| {
                let mut hasher = DefaultHasher::new();
                (id_number.is_some(), id_number.or(name)?).hash(&mut hasher);
                Some(hasher.finish())
            })
            .collect();
        // Hashes, sorted: a province's two million people must not cost a set of texts.
        known.sort_unstable();
        known.dedup();
        known.len() as u64
    }
}

/// The schema of [`Sealed::identities`].
pub static IDENTITIES: LazyLock<SchemaRef> = LazyLock::new(|| {
    let person = PERSON.iter().map(|it| Field::new(it.name, it.kind.arrow(), true));
    let mut fields = vec![Field::new("who", DataType::Int32, false)];
    fields.extend(person);
    fields.extend([Field::new("unit_at", DataType::Int32, true), Field::new("rows", DataType::Int32, false)]);
    Arc::new(Schema::new(fields))
});

/// The schema of [`Sealed::references`].
pub static REFERENCES: LazyLock<SchemaRef> = LazyLock::new(|| {
    let unit = UNIT.iter().map(|it| Field::new(it.name, it.kind.arrow(), true));
    let mut fields = vec![Field::new("at", DataType::Int32, false)];
    fields.extend(unit);
    fields.push(Field::new("rows", DataType::Int32, false));
    Arc::new(Schema::new(fields))
});

impl Sealer {
    /// Seals rows of `table`.
    pub fn new(table: &'static Table) -> Sealer {
        let schema = table.sealed_schema();
        Sealer { table, schema, who: Distinct::default(), unit_of_who: Vec::new(), at: Distinct::default(), key: Vec::new() }
    }

    /// Rows of the table's input shape, and the number of each row in its delivery; gives them in the sealed shape.
    /// A row without any of the four person texts has no `who`; one without any of the three unit texts has no `unit_at`.
    pub fn seal(&mut self, rows: &RecordBatch, row_nos: &[i64]) -> RecordBatch {
        debug_assert_eq!(rows.num_rows(), row_nos.len());
        let units: Vec<Int32Array> = self.table.units.iter().map(|prefix| self.references(rows, prefix)).collect();
        let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(row_nos.to_vec()))];
        if self.table.person {
            columns.push(Arc::new(self.identities(rows, &units)));
        }
        columns.extend(units.into_iter().map(|it| Arc::new(it) as ArrayRef));
        columns.extend(self.table.columns.iter().map(|column| Arc::clone(given(rows, column.name))));
        RecordBatch::try_new(Arc::clone(&self.schema), columns).expect("input columns have the types of the schema")
    }

    /// Everything that was said about people and units.
    pub fn finish(self) -> Sealed {
        Sealed { identities: identities(&self.who, self.unit_of_who), references: references(&self.at) }
    }

    fn references(&mut self, rows: &RecordBatch, prefix: &str) -> Int32Array {
        let texts: Vec<&StringArray> = UNIT.iter().map(|it| given(rows, &format!("{prefix}{}", it.name)).as_string()).collect();
        let number = |row| {
            self.key.clear();
            let mut empty = true;
            for text in &texts {
                empty &= push_text(&mut self.key, text, row);
            }
            (!empty).then(|| self.at.number(&self.key))
        };
        (0..rows.num_rows()).map(number).collect()
    }

    fn identities(&mut self, rows: &RecordBatch, units: &[Int32Array]) -> Int32Array {
        let [id_number, name, sex]: [&StringArray; 3] = ["id_number", "name", "sex"].map(|it| given(rows, it).as_string());
        let birth_date: &Date32Array = given(rows, "birth_date").as_primitive();
        let number = |row| {
            self.key.clear();
            let mut empty = push_text(&mut self.key, id_number, row);
            empty &= push_text(&mut self.key, name, row);
            empty &= push_text(&mut self.key, sex, row);
            empty &= push_day(&mut self.key, birth_date, row);
            if empty {
                return None;
            }
            let who = self.who.number(&self.key);
            if self.unit_of_who.len() <= who as usize {
                self.unit_of_who.push(-1);
            }
            let unit = &mut self.unit_of_who[who as usize];
            if *unit < 0 {
                // Of a move, the unit moved to (the last of the prefixes) is where the person is found.
                *unit = units.iter().rev().find(|it| it.is_valid(row)).map_or(-1, |it| it.value(row));
            }
            Some(who)
        };
        (0..rows.num_rows()).map(number).collect()
    }
}

fn given<'a>(rows: &'a RecordBatch, name: &str) -> &'a ArrayRef {
    rows.column_by_name(name).expect("rows have the input shape of their table")
}

/// Adds a text to a key, its length first; says whether there was none. An empty text is none.
fn push_text(key: &mut Vec<u8>, texts: &StringArray, row: usize) -> bool {
    let text = if texts.is_valid(row) { texts.value(row) } else { "" };
    // Lengths above 254 take the long form, so that every key reads back to the texts it was made of.
    match u8::try_from(text.len()) {
        Ok(length) if length < u8::MAX => key.push(length),
        _ => {
            key.push(u8::MAX);
            key.extend((text.len() as u32).to_le_bytes());
        }
    }
    key.extend(text.as_bytes());
    text.is_empty()
}

fn push_day(key: &mut Vec<u8>, days: &Date32Array, row: usize) -> bool {
    if days.is_valid(row) {
        key.extend(days.value(row).to_le_bytes());
    }
    days.is_null(row)
}

/// Takes the next text off a key; `None` for an empty one.
fn pull_text<'a>(key: &mut &'a [u8]) -> Option<&'a str> {
    let (&short, rest) = key.split_first()?;
    let (length, rest) = match (short, rest.split_first_chunk::<4>()) {
        (u8::MAX, Some((long, rest))) => (u32::from_le_bytes(*long) as usize, rest),
        _ => (usize::from(short), rest),
    };
    let (text, rest) = rest.split_at_checked(length)?;
    *key = rest;
    std::str::from_utf8(text).ok().filter(|it| !it.is_empty())
}

fn pull_day(key: &[u8]) -> Option<i32> {
    key.first_chunk::<4>().map(|it| i32::from_le_bytes(*it))
}

fn identities(who: &Distinct, unit_of_who: Vec<i32>) -> RecordBatch {
    let mut texts: [StringBuilder; 3] = Default::default();
    let mut birth_date = Date32Builder::with_capacity(who.len());
    for mut key in who.keys() {
        for text in &mut texts {
            text.append_option(pull_text(&mut key));
        }
        birth_date.append_option(pull_day(key));
    }
    let unit_at = unit_of_who.into_iter().map(|it| (it >= 0).then_some(it)).collect::<Int32Array>();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(Int32Array::from_iter_values(0..who.len() as i32))];
    columns.extend(texts.iter_mut().map(|it| Arc::new(it.finish()) as ArrayRef));
    columns.extend([Arc::new(birth_date.finish()) as ArrayRef, Arc::new(unit_at), Arc::new(Int32Array::from(who.rows()))]);
    RecordBatch::try_new(Arc::clone(&IDENTITIES), columns).expect("columns follow the schema")
}

fn references(at: &Distinct) -> RecordBatch {
    let mut texts: [StringBuilder; 3] = Default::default();
    for mut key in at.keys() {
        for text in &mut texts {
            text.append_option(pull_text(&mut key));
        }
    }
    let mut columns: Vec<ArrayRef> = vec![Arc::new(Int32Array::from_iter_values(0..at.len() as i32))];
    columns.extend(texts.iter_mut().map(|it| Arc::new(it.finish()) as ArrayRef));
    columns.push(Arc::new(Int32Array::from(at.rows())));
    RecordBatch::try_new(Arc::clone(&REFERENCES), columns).expect("columns follow the schema")
}

#[cfg(test)]
#[path = "snapshot/tests.rs"]
mod tests;
