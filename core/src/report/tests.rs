use super::total::{Balance, at_stake_fen, by_family};
use super::*;
use crate::case::{CaseEvent, What};
use crate::finding::Severity;

fn night(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn finding(rule: &str, severity: Severity, amount_fen: Option<i64>) -> Finding {
    let line = |month: i32| Line {
        month: Some(month),
        zh: format!("{month} 仍发工资"),
        en: format!("still paid in {month}"),
        amount_fen,
        places: vec![("finance/payroll".into(), i64::from(month))],
        facts: BTreeMap::new(),
    };
    Finding {
        rule: rule.into(),
        family: Family::Ghost,
        severity,
        subject: Subject::Person { key: "p-1".into(), id: 7 },
        unit_id: Some(3),
        unit_code: Some("U01".into()),
        months: vec![202_511, 202_512, 202_601, 202_603],
        since: Some(202_511),
        amount_fen,
        confidence: 0.98,
        settings: BTreeMap::new(),
        lines: [202_511, 202_512].into_iter().map(line).collect(),
    }
}

fn case(key: &str, state: State, opened_on: &str, findings: Vec<Finding>) -> Case {
    Case {
        key: key.into(),
        number: Some(format!("MU-2026-{key}")),
        family: Family::Ghost,
        subject: Subject::Person { key: "p-1".into(), id: 7 },
        state,
        opened_on: night(opened_on),
        changed_on: night(opened_on),
        findings: findings.into_iter().map(|it| (it.rule.clone(), it)).collect(),
    }
}

#[test]
fn the_money_of_one_person_and_month_counts_once_over_all_families() {
    let of = |key: &str, amount_fen: i64, months: &[i32]| {
        let mut finding = finding("G12", Severity::S1, Some(amount_fen));
        let line = finding.lines[0].clone();
        finding.lines = months.iter().map(|it| Line { month: Some(*it), amount_fen: Some(100), ..line.clone() }).collect();
        case(key, State::Open, "2026-05-31", vec![finding])
    };
    // Absent in January and February, and found by two rules; a third knows of March as well, and of fifty that it divides among no months.
    let cases = [of("1", 200, &[202_601, 202_602]), of("2", 200, &[202_601, 202_602]), of("3", 350, &[202_601, 202_602, 202_603])];
    assert_eq!(at_stake_fen(&cases[..2]), 200);
    assert_eq!(at_stake_fen(&cases), 350);
    let somebody_else = Case { subject: Subject::Person { key: "p-2".into(), id: 8 }, ..cases[0].clone() };
    assert_eq!(at_stake_fen(&[cases[0].clone(), somebody_else]), 400);
}

fn known() -> Known<'static> {
    Known {
        people: BTreeMap::from([("p-1", (Some("王某"), Some("330683198001011236")))]),
        units: BTreeMap::from([("U01", "市水利局")]),
        titles: BTreeMap::new(),
        categories: BTreeMap::new(),
        ran: BTreeSet::from(["G01"]),
    }
}

fn table(cases: &[Case], values: &[Value], style: Style) -> Vec<Vec<Cell>> {
    let columns: Vec<ReportColumn> = values.iter().map(|&value| ReportColumn { value, title: None }).collect();
    tabulate(&columns, cases, &known(), Family::Ghost, night("2026-05-31"), style).rows
}

const ZH: Style = Style { lang: Lang::Zh, full_ids: false };

#[test]
fn a_row_says_who_where_when_and_how_much() {
    let cases = [case("1", State::Open, "2026-05-31", vec![finding("G01", Severity::S1, Some(623_470))])];
    let values = [Value::State, Value::Person, Value::IdNumber, Value::Unit, Value::Months, Value::Amount, Value::Places];
    let expected = [
        text("新增"),
        text("王某"),
        text("3306**********1236"),
        text("市水利局"),
        text("2025-11 至 2026-01、2026-03"),
        Cell::Money(623_470),
        text("finance/payroll 第 202511、202512 行"),
    ];
    assert_eq!(table(&cases, &values, ZH), [expected]);
    let whole = table(&cases, &[Value::IdNumber], Style { lang: Lang::En, full_ids: true });
    assert_eq!(whole, [[text("330683198001011236")]]);
}

#[test]
fn the_gravest_and_largest_come_first_and_the_cured_last() {
    let cases = [
        case("1", State::Cured, "2026-05-01", vec![finding("G01", Severity::S1, Some(900))]),
        case("2", State::Open, "2026-05-01", vec![finding("G01", Severity::S2, Some(100))]),
        case("3", State::Open, "2026-05-01", vec![finding("G01", Severity::S2, Some(200))]),
        case("4", State::Reopened, "2026-05-01", vec![finding("G01", Severity::S1, None)]),
    ];
    let order: Vec<Vec<Cell>> = table(&cases, &[Value::Number], ZH);
    assert_eq!(order.concat(), ["MU-2026-4", "MU-2026-3", "MU-2026-2", "MU-2026-1"].map(text));
}

#[test]
fn a_finding_whose_rule_did_not_run_says_that_it_is_carried_over() {
    let cases = [case("1", State::Open, "2026-05-01", vec![finding("G03", Severity::S1, None)])];
    assert_eq!(table(&cases, &[Value::State], ZH), [[text("未结（沿用）")]]);
}

#[test]
fn long_evidence_is_counted_rather_than_printed() {
    let line = |month: i32| Line { zh: format!("{month}"), ..finding("G01", Severity::S1, None).lines.remove(0) };
    let lines: Vec<Line> = (1..=11).map(line).collect();
    assert_eq!(sentence(&lines, Lang::Zh), "1\n……其间另有 8 条\n10\n11");
    assert_eq!(sentence(&lines[..4], Lang::Zh), "1\n2\n3\n4");
    assert_eq!(sentence(&lines, Lang::En).lines().nth(1), Some("… 8 more between"));
    assert_eq!(months(&[202_512], Lang::En), "2025-12");
}

#[test]
fn the_balance_line_is_counted_from_both_sides() {
    let event = |key: &str, what| CaseEvent { case: key.into(), on: night("2026-05-31"), what, rules: vec![] };
    let cases = [
        case("1", State::Open, "2026-05-01", vec![finding("G01", Severity::S1, Some(100)), finding("G03", Severity::S2, Some(300))]),
        case("2", State::Open, "2026-05-31", vec![finding("G01", Severity::S2, Some(50))]),
        case("3", State::Reopened, "2026-04-01", vec![finding("G01", Severity::S1, None)]),
        case("4", State::Cured, "2026-04-01", vec![finding("G01", Severity::S1, Some(9))]),
    ];
    let events = [event("2", What::Opened), event("3", What::Reopened), event("4", What::Cured), event("1", What::Changed)];
    let balance = Balance::of(&cases, &events);
    assert_eq!(balance, Balance { open_before: 2, opened: 1, reopened: 1, cured: 1, decided: 0, open_tonight: 3 });
    assert!(balance.holds());
    let wrong = Balance::of(&cases, &events[..2]);
    assert!(!wrong.holds(), "a case that is cured without an event does not add up");

    let totals = by_family(&cases);
    assert_eq!(totals.len(), 1);
    assert_eq!((totals[0].cases, totals[0].by_severity, totals[0].amount_fen), (3, [2, 1, 0, 0], 350));
}
