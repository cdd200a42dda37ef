use super::*;
use crate::case::work::Settled;
use crate::engine::Limits;
use crate::finding::{Family, Subject};
use crate::schema::{self, Table};

/// What a line does not name is null.
fn fill(engine: &Engine, table: &'static Table, lines: &str) {
    let schema = table.linked_schema();
    let reader = arrow::json::ReaderBuilder::new(schema.clone()).build(lines.as_bytes()).expect("a reader");
    engine.batches(table.name, schema, reader.collect::<Result<Vec<_>, _>>().expect("rows"));
}

/// Three on the register, one of them without a file; one left in May and was paid to August, one came in June and was paid in July.
fn city() -> Engine {
    let engine = Engine::new(&Limits::default());
    fill(
        &engine,
        &schema::ESTABLISHMENT,
        r#"
        {"person_id": 1, "entered_on": "2001-03-01", "entry_document": "1号"}
        {"person_id": 2, "entered_on": "2026-06-10", "entry_document": "2号"}
        {"person_id": 3, "entered_on": "1999-01-01"}
        {"person_id": 4, "entered_on": "1999-01-01", "exited_on": "2026-05-12"}
        {"person_id": 5, "entered_on": "1999-01-01", "exited_on": "2026-04-30"}
        "#,
    );
    fill(&engine, &schema::EMPLOYMENT, r#"{"person_id": 1} {"person_id": 2} {"person_id": 4} {"person_id": 5}"#);
    fill(
        &engine,
        &schema::PAYMENT,
        r#"
        {"person_id": 1, "month": 202610, "kind": "salary", "gross_fen": 800000, "batch_no": "b"}
        {"person_id": 2, "month": 202607, "kind": "salary", "gross_fen": 800000, "batch_no": "b"}
        {"person_id": 2, "month": 202610, "kind": "salary", "gross_fen": 800000}
        {"person_id": 2, "month": 202610, "kind": "arrears", "gross_fen": 10000}
        {"person_id": 3, "month": 202610, "kind": "salary", "gross_fen": 800000}
        {"person_id": 4, "month": 202608, "kind": "salary", "gross_fen": 800000}
        {"person_id": 5, "month": 202604, "kind": "salary", "gross_fen": 800000}
        {"month": 202610, "kind": "salary", "gross_fen": 800000}
        {"person_id": 1, "month": 202610, "kind": "performance", "gross_fen": 900000}
        {"person_id": 1, "month": 202509, "kind": "arrears", "gross_fen": 1}
        "#,
    );
    fill(
        &engine,
        &schema::MOVEMENT,
        r#"
        {"person_id": 2, "effective_on": "2026-06-10", "registered_on": "2026-06-12"}
        {"person_id": 4, "effective_on": "2026-05-12", "registered_on": "2026-07-01"}
        {"person_id": 5, "effective_on": "2026-04-30"}
        "#,
    );
    fill(
        &engine,
        &schema::QUOTA,
        r#"{"document_no": "1号", "amount": 3} {"document_no": "9号", "amount": 1} {"document_no": "1号", "ends_on": "2020-01-01"}"#,
    );
    fill(&engine, &schema::DOCUMENT, r#"{"document_no": "1号"}"#);
    engine
}

#[tokio::test]
async fn every_figure_is_a_part_of_its_whole() {
    let card = card(&city(), "2026-10-31".parse().expect("a day"), |_| true).await.expect("the queries fit the schema");
    let figures: Vec<(&str, i64, i64)> = card.figures.iter().map(|it| (it.id.as_str(), it.part, it.whole)).collect();
    assert_eq!(
        figures,
        [
            ("paid-and-known", 2, 3),
            ("register-with-file", 2, 3),
            ("payments-linked", 6, 7),
            ("corrections", 1, 8),
            ("months-corrected", 1, 4),
            ("exits-stopped", 1, 2),
            ("entries-paid", 1, 1),
            ("forms-in-time", 1, 3),
            ("entries-with-document", 1, 1),
            ("quotas-with-document", 1, 2),
            ("lines-with-batch", 2, 8),
        ]
    );
    assert_eq!(card.of("23.1").count(), 3);
    assert_eq!(card.lacking().map(|it| it.dimension).collect::<Vec<_>>(), ["23.4"; 3]);
}

#[tokio::test]
async fn without_a_payroll_nothing_is_said_of_it() {
    let card = card(&city(), "2026-10-31".parse().expect("a day"), |it| it != "payment").await.expect("the queries fit the schema");
    assert!(card.figures.iter().filter_map(Figure::measure).all(|it| !it.needs.contains(&"payment")));
    assert_eq!(card.figures.len(), 4);
}

#[test]
fn nights_and_cases_are_the_evidence_of_audits() {
    let on = |it: &str| it.parse::<NaiveDate>().expect("a day");
    let case = |opened_on: &str, state: State| Case {
        key: opened_on.to_owned(),
        number: None,
        family: Family::Ghost,
        subject: Subject::Person { key: "p-1".to_owned(), id: 1 },
        state,
        opened_on: on(opened_on),
        changed_on: on(opened_on),
        findings: BTreeMap::new(),
    };
    let settled = |outcome| State::Settled(Settled { outcome, until: None, told: true });
    let cases = [
        case("2026-01-01", State::Open),
        case("2026-01-02", State::Cured),
        case("2026-01-03", settled(Outcome::C1)),
        case("2026-01-04", settled(Outcome::C5)),
        case("2020-01-01", settled(Outcome::C1)),
    ];
    let nights = [on("2026-11-15"), on("2026-11-14"), on("2026-10-01"), on("2025-12-31"), on("2025-11-30"), on("2026-12-01")];
    let figures = audits(&nights, &cases, on("2026-11-15"));
    let figures: Vec<(&str, i64, i64)> = figures.iter().map(|it| (it.id.as_str(), it.part, it.whole)).collect();
    assert_eq!(figures, [("months-reconciled", 3, 12), ("cases-decided", 3, 4), ("cases-confirmed", 1, 2)]);
}
