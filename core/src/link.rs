//! Temporary.
#![allow(missing_docs)]
use crate::schema;
use arrow::array::*;
use arrow::datatypes::*;
use chrono::NaiveDate;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
pub struct FeedIn<'a> {
    pub feed: &'a str,
    pub table: &'static schema::Table,
    pub identities: &'a RecordBatch,
    pub references: &'a RecordBatch,
}
pub struct Units {
    pub table: RecordBatch,
    pub reference: RecordBatch,
    pub unit_of: Vec<Vec<i32>>,
}
pub struct People {
    pub persons: RecordBatch,
    pub identities: RecordBatch,
    pub person_of: Vec<Vec<i32>>,
}
fn s<'a>(b: &'a RecordBatch, c: &str) -> &'a StringArray {
    b.column_by_name(c).unwrap().as_string()
}
fn g(a: &StringArray, i: usize) -> Option<String> {
    a.is_valid(i).then(|| a.value(i).to_owned())
}
pub fn units(register: &[RecordBatch], feeds: &[FeedIn], _aliases: &[(String, String)]) -> Units {
    let input = schema::UNITS.input_schema();
    let reg = arrow::compute::concat_batches(&input, register).unwrap();
    let linked = schema::UNITS.linked_schema();
    let n = reg.num_rows();
    let mut cols: Vec<ArrayRef> =
        vec![new_null_array(&DataType::Utf8, n), new_null_array(&DataType::Int64, n), Arc::new(Int32Array::from_iter_values(0..n as i32))];
    for f in linked.fields().iter().skip(3) {
        cols.push(reg.column_by_name(f.name()).unwrap().clone());
    }
    let table = RecordBatch::try_new(linked, cols).unwrap();
    let mut by_code = HashMap::new();
    let mut by_name = HashMap::new();
    for i in 0..n {
        if let Some(c) = g(s(&reg, "unit_code"), i) {
            by_code.insert(c, i as i32);
        }
        for c in ["unit_name", "short_name", "aliases"] {
            if let Some(c) = g(s(&reg, c), i) {
                for a in c.split(['|', '、']) {
                    by_name.insert(a.to_owned(), i as i32);
                }
            }
        }
    }
    let mut unit_of = vec![];
    let (mut f, mut at, mut uc, mut un, mut us, mut ro, mut ui, mut me) = (vec![], vec![], vec![], vec![], vec![], vec![], vec![], vec![]);
    for feed in feeds {
        let r = feed.references;
        let mut v = vec![];
        for i in 0..r.num_rows() {
            let code = g(s(r, "unit_code"), i);
            let name = g(s(r, "unit_name"), i);
            let hit = code.as_ref().and_then(|c| by_code.get(c)).or_else(|| name.as_ref().and_then(|c| by_name.get(c))).copied();
            v.push(hit.unwrap_or(-1));
            f.push(feed.feed.to_owned());
            at.push(i as i32);
            uc.push(code);
            un.push(name);
            us.push(g(s(r, "uscc"), i));
            ro.push(1);
            ui.push(hit);
            me.push(if hit.is_some() { "code" } else { "none" });
        }
        unit_of.push(v);
    }
    let m = f.len();
    let reference = RecordBatch::try_new(
        schema::UNIT_REFERENCE.schema(),
        vec![
            Arc::new(StringArray::from(f)),
            Arc::new(Int32Array::from(at)),
            Arc::new(StringArray::from(uc)),
            Arc::new(StringArray::from(un)),
            Arc::new(StringArray::from(us)),
            Arc::new(Int32Array::from(ro)),
            Arc::new(Int32Array::from(ui)),
            Arc::new(StringArray::from(me)),
            new_null_array(&DataType::Utf8, m),
            new_null_array(&DataType::Float32, m),
        ],
    )
    .unwrap();
    Units { table, reference, unit_of }
}
pub fn people(feeds: &[FeedIn], _units: &Units, _rejected: &[(String, String)], _tonight: NaiveDate) -> People {
    let mut keys: BTreeMap<String, (Option<String>, Option<String>)> = BTreeMap::new();
    let key = |id: &Option<String>, name: &Option<String>| {
        format!("p-{}", id.clone().filter(|it| it.len() == 18).unwrap_or_else(|| format!("{id:?}{name:?}")))
    };
    for feed in feeds {
        let r = feed.identities;
        for i in 0..r.num_rows() {
            let (id, name) = (g(s(r, "id_number"), i), g(s(r, "name"), i));
            keys.entry(key(&id, &name)).or_insert((id, name));
        }
    }
    let ids: BTreeMap<&str, i32> = keys.keys().enumerate().map(|(i, k)| (k.as_str(), i as i32)).collect();
    let n = keys.len();
    let persons = RecordBatch::try_new(
        schema::PERSONS.schema(),
        vec![
            Arc::new(Int32Array::from_iter_values(0..n as i32)),
            Arc::new(StringArray::from_iter_values(keys.keys())),
            Arc::new(keys.values().map(|v| v.0.clone()).collect::<StringArray>()),
            Arc::new(BooleanArray::from(vec![true; n])),
            Arc::new(keys.values().map(|v| v.1.clone()).collect::<StringArray>()),
            new_null_array(&DataType::Utf8, n),
            new_null_array(&DataType::Date32, n),
            Arc::new(BooleanArray::from(vec![false; n])),
        ],
    )
    .unwrap();
    let mut person_of = vec![];
    let mut batches = vec![];
    for feed in feeds {
        let r = feed.identities;
        let m = r.num_rows();
        let v: Vec<i32> = (0..m).map(|i| ids[key(&g(s(r, "id_number"), i), &g(s(r, "name"), i)).as_str()]).collect();
        batches.push(
            RecordBatch::try_new(
                schema::IDENTITY.schema(),
                vec![
                    Arc::new(StringArray::from(vec![feed.feed; m])),
                    Arc::new(StringArray::from(vec![feed.table.name; m])),
                    r.column_by_name("who").unwrap().clone(),
                    r.column_by_name("id_number").unwrap().clone(),
                    r.column_by_name("name").unwrap().clone(),
                    r.column_by_name("sex").unwrap().clone(),
                    r.column_by_name("birth_date").unwrap().clone(),
                    new_null_array(&DataType::Int32, m),
                    Arc::new(Int32Array::from(vec![1; m])),
                    Arc::new(Int32Array::from(v.clone())),
                    Arc::new(StringArray::from(vec!["id-exact"; m])),
                    new_null_array(&DataType::Float32, m),
                    Arc::new(StringArray::from(vec!["valid-18"; m])),
                    new_null_array(&DataType::Utf8, m),
                    new_null_array(&DataType::Utf8, m),
                ],
            )
            .unwrap(),
        );
        person_of.push(v);
    }
    People { persons, identities: arrow::compute::concat_batches(&schema::IDENTITY.schema(), &batches).unwrap(), person_of }
}
