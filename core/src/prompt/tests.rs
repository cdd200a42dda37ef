use super::*;
use crate::engine::Limits;
use crate::schema::{self, Table};

fn table(engine: &Engine, table: &'static Table, lines: &str) {
    fill(engine, table.name, &table.linked_schema(), lines);
}

/// What a line does not name is null.
fn fill(engine: &Engine, name: &str, schema: &arrow::datatypes::SchemaRef, lines: &str) {
    let reader = arrow::json::ReaderBuilder::new(schema.clone()).build(lines.as_bytes()).expect("a reader");
    let batches = reader.collect::<Result<Vec<_>, _>>().expect("rows");
    engine.batches(name, schema.clone(), batches);
}

fn city() -> Engine {
    let engine = Engine::new(&Limits::default());
    table(
        &engine,
        &schema::UNITS,
        r#"
        {"unit_id": 1, "unit_code": "01", "unit_name": "教育局", "system": "education", "region": "330683", "set_up_document": "1号"}
        {"unit_id": 2, "unit_code": "02", "unit_name": "中学", "system": "education", "region": "330683", "parent_code": "01", "set_up_document": "9号"}
        {"unit_id": 3, "unit_code": "03", "unit_name": "医院", "system": "health", "region": "330624"}
        {"unit_id": 4, "unit_code": "04", "unit_name": "旧站", "abolished_on": "2015-06-30"}
        "#,
    );
    fill(
        &engine,
        "person",
        &schema::PERSONS.schema(),
        r#"
        {"person_id": 1, "sex": "male", "birth_date": "1966-09-10"}
        {"person_id": 2, "sex": "female", "birth_date": "1990-03-01"}
        {"person_id": 3, "sex": "male", "birth_date": "1980-03-01"}
        {"person_id": 4, "sex": "male", "birth_date": "1985-03-01"}
        "#,
    );
    table(
        &engine,
        &schema::QUOTA,
        r#"
        {"unit_id": 1, "quota_type": "administrative", "amount": 3, "document_no": "1号"}
        {"unit_id": 2, "quota_type": "institution", "amount": 1, "document_no": "2号"}
        {"unit_id": 2, "quota_type": "pool", "amount": 1, "document_no": "1号"}
        {"unit_id": 3, "quota_type": "institution", "amount": 1}
        {"unit_id": 4, "quota_type": "institution", "amount": 8, "document_no": "1号"}
        "#,
    );
    table(
        &engine,
        &schema::ESTABLISHMENT,
        r#"
        {"person_id": 1, "unit_id": 1, "quota_type": "administrative", "entered_on": "1990-01-01"}
        {"person_id": 2, "unit_id": 2, "quota_type": "institution", "entered_on": "2026-02-01"}
        {"person_id": 2, "unit_id": 2, "quota_type": "pool", "entered_on": "2026-02-01"}
        {"person_id": 3, "unit_id": 3, "quota_type": "institution"}
        {"person_id": 4, "unit_id": 3, "quota_type": "institution"}
        {"person_id": 4, "unit_id": 1, "quota_type": "worker", "exited_on": "2026-05-01"}
        {"person_id": 3, "unit_id": 1, "quota_type": "administrative", "counts": false}
        {"quota_type": "institution", "feed": "o/e", "row_no": 7}
        "#,
    );
    table(&engine, &schema::SECONDMENT, r#"{"person_id": 3, "from_unit_id": 3, "to_unit_id": 1, "from_on": "2026-01-01"}"#);
    table(
        &engine,
        &schema::LEADER_QUOTA,
        r#"
        {"unit_id": 1, "post_class": "chief", "amount": 1, "document_no": "1号"}
        {"unit_id": 1, "post_class": "deputy", "amount": 2, "document_no": "1号"}
        {"unit_id": 2, "post_class": "chief", "amount": 1}
        "#,
    );
    table(
        &engine,
        &schema::POST,
        r#"
        {"person_id": 1, "unit_id": 1, "post_class": "chief", "is_leader": true, "from_on": "2010-01-01"}
        {"person_id": 1, "unit_id": 2, "post_class": "chief", "is_leader": true, "concurrent": true}
        {"person_id": 2, "unit_id": 2, "post_class": "chief", "is_leader": true}
        {"person_id": 3, "unit_id": 2, "post_class": "chief", "is_leader": true}
        {"person_id": 4, "unit_id": 1, "post_class": "deputy", "is_leader": true, "to_on": "2026-10-31"}
        "#,
    );
    table(&engine, &schema::DOCUMENT, r#"{"document_no": "1号"} {"document_no": "2号"}"#);
    table(&engine, &schema::EMPLOYMENT, r#"{"person_id": 1} {"person_id": 2} {"person_id": 3, "end_on": "2026-10-01"}"#);
    engine
}

async fn table_of(which: Which) -> Prompt {
    let prompt = prompt(&city(), which, "2026-10-31".parse().expect("a day")).await.expect("the query fits the schema");
    assert!(prompt.reconciles(), "{prompt:?}");
    for by in [By::System, By::Region] {
        let grouped = prompt.by(by);
        assert!(grouped.reconciles());
        assert_eq!(grouped.total(), prompt.total(), "a group is a sum");
    }
    prompt
}

fn check(prompt: &Prompt, code: &str, expected: &[(&str, i64)]) {
    let row = prompt.rows.iter().find(|it| it.code == code).unwrap_or_else(|| panic!("no row {code}"));
    for (measure, value) in expected {
        assert!(prompt.table.measures().iter().any(|it| it.name == *measure), "{measure} is a column");
        assert_eq!(row.value(measure), *value, "{code} {measure}");
    }
}

#[tokio::test]
async fn the_quota_table_reconciles_to_the_last_person() {
    let prompt = table_of(Which::Quota).await;
    check(&prompt, "01", &[("approved", 3), ("actual", 1), ("vacant", 2), ("over", 0), ("borrowed", 1), ("year-out", 1), ("opening", 2)]);
    check(&prompt, "01", &[("retire-3", 0), ("retire-6", 1), ("retire-12", 1)]);
    check(&prompt, "02", &[("approved", 2), ("actual", 1), ("vacant", 1), ("over", 0), ("year-in", 1), ("pool-approved", 1)]);
    check(&prompt, "03", &[("approved", 1), ("actual", 2), ("over", 1), ("lent", 1)]);
    check(&prompt, "", &[("actual", 1), ("over", 1)]);
    assert!(!prompt.rows.iter().any(|it| it.code == "04"), "an abolished unit has no quota");
    let total = prompt.total();
    assert_eq!((total.value("vacant"), total.value("over")), (3, 2), "the sums do not cancel each other");
    let codes = |it: &Prompt| it.rows.iter().map(|row| row.code.clone()).collect::<Vec<_>>();
    assert_eq!(codes(&prompt.below("01")), ["01", "02"]);
    assert_eq!(codes(&prompt.by(By::Region)), ["", "330624", "330683"]);
}

#[tokio::test]
async fn the_totals_are_those_of_the_figures() {
    let (engine, day) = (city(), "2026-10-31".parse().expect("a day"));
    let figures = crate::figures::figures(&engine, day).await.expect("figures");
    let total = prompt(&engine, Which::Quota, day).await.expect("a table").total();
    for (group, line) in [("admin", figures.administrative), ("inst", figures.institution)] {
        let value = |what: &str| total.value(&format!("{group}-{what}"));
        assert_eq!(
            (value("approved"), value("actual"), value("vacant"), value("over")),
            (line.approved, line.actual, line.vacant, line.over)
        );
    }
}

#[tokio::test]
async fn a_post_held_concurrently_counts_at_the_main_unit_alone() {
    let prompt = table_of(Which::Leaders).await;
    check(&prompt, "01", &[("approved", 3), ("actual", 1), ("vacant", 2), ("over", 0), ("ten-years", 1), ("retire-12", 1)]);
    check(&prompt, "02", &[("approved", 1), ("actual", 2), ("over", 1), ("concurrent", 1), ("women", 1), ("under-45", 1)]);
}

#[tokio::test]
async fn what_has_no_document_or_no_file_is_counted() {
    let prompt = table_of(Which::Consistency).await;
    check(&prompt, "01", &[("unit-fine", 1), ("person-all", 1), ("person-fine", 1), ("ledger-all", 3), ("ledger-fine", 3)]);
    check(&prompt, "02", &[("unit-without", 1), ("unit-unnamed", 0), ("person-fine", 1), ("ledger-all", 3), ("ledger-without", 1)]);
    check(&prompt, "03", &[("unit-without", 1), ("unit-unnamed", 1), ("person-without", 2), ("ledger-unnamed", 1)]);
}
