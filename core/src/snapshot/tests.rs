use arrow::array::new_null_array;
use proptest::prelude::*;

use super::*;
use crate::schema::{DEATH, MOVEMENT, PAYMENT};

type Said = (Option<String>, Option<String>, Option<i32>, Option<String>);

/// Rows of the input shape with the given ID, name, birth date and unit name; every other column is null.
fn rows(table: &'static Table, said: &[Said], unit_column: &str) -> RecordBatch {
    let schema = table.input_schema();
    let column = |field: &Arc<Field>| -> ArrayRef {
        match field.name().as_str() {
            "id_number" => Arc::new(said.iter().map(|it| it.0.clone()).collect::<StringArray>()),
            "name" => Arc::new(said.iter().map(|it| it.1.clone()).collect::<StringArray>()),
            "birth_date" => Arc::new(said.iter().map(|it| it.2).collect::<Date32Array>()),
            name if name == unit_column => Arc::new(said.iter().map(|it| it.3.clone()).collect::<StringArray>()),
            _ => new_null_array(field.data_type(), said.len()),
        }
    };
    let columns = schema.fields().iter().map(column).collect();
    RecordBatch::try_new(schema, columns).expect("columns follow the schema")
}

fn said(id: &str, name: &str, unit: &str) -> Said {
    let text = |it: &str| (!it.is_empty()).then(|| it.to_owned());
    (text(id), text(name), None, text(unit))
}

fn numbers(batch: &RecordBatch, name: &str) -> Vec<Option<i32>> {
    batch.column_by_name(name).expect("a sealed column").as_primitive::<arrow::datatypes::Int32Type>().iter().collect()
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    batch.column_by_name(name).expect("a text column").as_string::<i32>().iter().map(|it| it.map(str::to_owned)).collect()
}

#[test]
fn rows_carry_numbers_and_texts_are_kept_once() {
    let mut sealer = Sealer::new(&PAYMENT);
    let first = sealer.seal(&rows(&PAYMENT, &[said("1", "甲", "局"), said("2", "乙", ""), said("1", "甲", "院")], "unit_name"), &[3, 4, 5]);
    let second = sealer.seal(&rows(&PAYMENT, &[said("2", "乙", "院"), said("", "", ""), said("2", "丙", "局")], "unit_name"), &[6, 7, 8]);
    assert_eq!(first.schema(), PAYMENT.sealed_schema());
    assert_eq!(numbers(&first, "who"), [Some(0), Some(1), Some(0)]);
    assert_eq!(numbers(&first, "unit_at"), [Some(0), None, Some(1)]);
    assert_eq!(numbers(&second, "who"), [Some(1), None, Some(2)]);
    let texts_kept = sealer.finish();
    assert_eq!(texts(&texts_kept.identities, "name"), ["甲", "乙", "丙"].map(|it| Some(it.to_owned())));
    assert_eq!(numbers(&texts_kept.identities, "unit_at"), [Some(0), Some(1), Some(0)], "the unit of the first row that has one");
    assert_eq!(numbers(&texts_kept.identities, "rows"), [Some(2), Some(2), Some(1)]);
    assert_eq!(texts(&texts_kept.references, "unit_name"), ["局", "院"].map(|it| Some(it.to_owned())));
    assert_eq!(numbers(&texts_kept.references, "rows"), [Some(2), Some(2)]);
}

#[test]
fn a_move_is_found_where_it_leads() {
    let mut sealer = Sealer::new(&MOVEMENT);
    let moves = sealer.seal(&rows(&MOVEMENT, &[said("1", "甲", "院")], "to_unit_name"), &[1]);
    assert_eq!((numbers(&moves, "from_unit_at"), numbers(&moves, "to_unit_at")), (vec![None], vec![Some(0)]));
    assert_eq!(numbers(&sealer.finish().identities, "unit_at"), [Some(0)]);
}

#[test]
fn a_table_without_units_has_no_references() {
    let mut sealer = Sealer::new(&DEATH);
    let deaths = sealer.seal(&rows(&DEATH, &[said("1", "甲", "")], ""), &[1]);
    assert_eq!(deaths.schema(), DEATH.sealed_schema());
    assert_eq!(sealer.finish().references.num_rows(), 0);
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_is_kept_twice(
        given in prop::collection::vec((prop::option::of("[12]{1,2}"), prop::option::of("(甲|乙|\\PC{300})"), prop::option::of(-3..3i32), prop::option::of("[局院]")), 0..40),
        cut in 0usize..40,
    ) {
        let cut = cut.min(given.len());
        let mut sealer = Sealer::new(&PAYMENT);
        let parts = [&given[..cut], &given[cut..]];
        let who: Vec<Option<i32>> = parts
            .iter()
            .flat_map(|part| numbers(&sealer.seal(&rows(&PAYMENT, part, "unit_name"), &vec![0; part.len()]), "who"))
            .collect();
        let identities = sealer.finish().identities;
        let (ids, names) = (texts(&identities, "id_number"), texts(&identities, "name"));
        let births = numbers(&arrow::compute::cast(identities.column_by_name("birth_date").expect("a column"), &DataType::Int32)
            .map(|it| RecordBatch::try_from_iter_with_nullable([("birth_date", it, true)]).expect("one column")).expect("days are numbers"), "birth_date");
        for (row, who) in given.iter().zip(&who) {
            match who {
                None => prop_assert!(row.0.is_none() && row.1.is_none() && row.2.is_none()),
                Some(who) => {
                    let who = *who as usize;
                    prop_assert_eq!((&row.0, &row.1, &row.2), (&ids[who], &names[who], &births[who]));
                }
            }
        }
        let mut distinct: Vec<_> = ids.iter().zip(&names).zip(&births).collect();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), identities.num_rows());
        prop_assert_eq!(numbers(&identities, "rows").into_iter().flatten().sum::<i32>() as usize, who.iter().flatten().count());
    }
}
