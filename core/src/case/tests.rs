use proptest::prelude::*;

use super::*;
use crate::finding::Severity;

/// A night of December 2026.
fn night(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, day).expect("a day of December")
}

fn family(rule: &str) -> Family {
    match rule.as_bytes()[0] {
        b'G' => Family::Ghost,
        b'P' => Family::Absent,
        other => panic!("no family for {}", char::from(other)),
    }
}

/// What `rule` finds about the person `key`, who has the number `id` tonight.
fn found(rule: &str, key: &str, id: i32, months: &[i32], amount_fen: i64) -> Finding {
    let subject = Subject::Person { key: key.into(), id };
    let line = |month: &i32| Line {
        month: Some(*month),
        zh: format!("{month} 仍发工资"),
        en: format!("still paid in {month}"),
        amount_fen: Some(amount_fen),
        places: vec![("finance/payroll".into(), i64::from(id))],
        facts: BTreeMap::new(),
    };
    Finding {
        rule: rule.into(),
        family: family(rule),
        severity: Severity::S1,
        subject,
        unit_id: Some(id),
        unit_code: Some("330683-017".into()),
        months: months.to_vec(),
        since: months.first().copied(),
        amount_fen: Some(amount_fen * months.len() as i64),
        confidence: 1.0,
        settings: BTreeMap::new(),
        lines: months.iter().map(line).collect(),
    }
}

fn ran(rules: &[&str]) -> RulesRan {
    RulesRan { ran: rules.iter().map(|it| (*it).to_owned()).collect(), skipped: BTreeMap::new() }
}

/// The events as a reviewer would tell them: `opened G01`.
fn told(folded: &Folded) -> Vec<String> {
    let word = |what| match what {
        What::Opened => "opened",
        What::Changed => "changed",
        What::Cured => "cured",
        What::Reopened => "reopened",
        What::Decided => "decided",
    };
    folded.events.iter().map(|it| format!("{} {}", word(it.what), it.rules.join(" "))).collect()
}

/// Folds night after night, the first on December 1st, and compares what is told of each.
fn check(nights: &[(&[Finding], &[&str], &[&str])]) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (day, (findings, rules, expected)) in (1..).zip(nights) {
        let folded = fold(&cases, findings, &ran(rules), night(day));
        assert_eq!(told(&folded), *expected, "night {day}");
        cases.retain(|old| folded.cases.iter().all(|new| new.key != old.key));
        cases.extend(folded.cases);
    }
    cases
}

fn dead_and_paid() -> Finding {
    found("G01", "p-1", 7, &[202_610], 500_000)
}

#[test]
fn a_finding_opens_a_case_and_stays_silent_while_nothing_changes() {
    let cases = check(&[(&[dead_and_paid()], &["G01"], &["opened G01"]), (&[dead_and_paid()], &["G01"], &[])]);
    assert_eq!((cases[0].state, cases[0].opened_on, cases[0].changed_on), (State::Open, night(1), night(1)));
}

#[test]
fn two_rules_of_one_family_are_one_case_and_another_family_is_another() {
    let findings = [dead_and_paid(), found("G03", "p-1", 7, &[202_610], 500_000), found("P01", "p-1", 7, &[], 0)];
    let cases = check(&[(&findings, &["G01", "G03", "P01"], &["opened G01 G03", "opened P01"])]);
    assert_eq!(cases.iter().map(|it| it.family).collect::<Vec<_>>(), [Family::Ghost, Family::Absent]);
}

#[test]
fn another_month_and_another_amount_change_the_case() {
    let next_month = found("G01", "p-1", 7, &[202_610, 202_611], 500_000);
    let corrected = found("G01", "p-1", 7, &[202_610, 202_611], 510_000);
    let cases = check(&[
        (&[dead_and_paid()], &["G01"], &["opened G01"]),
        (&[next_month], &["G01"], &["changed G01"]),
        (&[corrected], &["G01"], &["changed G01"]),
    ]);
    assert_eq!((cases[0].opened_on, cases[0].changed_on), (night(1), night(3)));
}

#[test]
fn a_rule_that_joins_or_leaves_is_named() {
    let both = [dead_and_paid(), found("G03", "p-1", 7, &[202_610], 500_000)];
    check(&[
        (&both[..1], &["G01", "G03"], &["opened G01"]),
        (&both, &["G01", "G03"], &["changed G03"]),
        (&both[1..], &["G01", "G03"], &["changed G01"]),
    ]);
}

#[test]
fn when_the_condition_is_gone_the_case_is_cured_and_keeps_what_it_was_cured_of() {
    let cases = check(&[(&[dead_and_paid()], &["G01"], &["opened G01"]), (&[], &["G01"], &["cured G01"]), (&[], &["G01"], &[])]);
    assert_eq!((cases[0].state, cases[0].changed_on), (State::Cured, night(2)));
    assert_eq!(cases[0].findings["G01"].amount_fen, Some(500_000));
}

#[test]
fn a_cured_case_comes_back_under_its_old_number() {
    let cured = check(&[(&[dead_and_paid()], &["G01"], &["opened G01"]), (&[], &["G01"], &["cured G01"])]);
    let cured = vec![Case { number: Some("MU-2026-000001".into()), ..cured[0].clone() }];
    let other = found("G03", "p-1", 9, &[202_611], 1);
    let back = fold(&cured, &[other], &ran(&["G01", "G03"]), night(9));
    assert_eq!(told(&back), ["reopened G03"]);
    let case = &back.cases[0];
    assert_eq!((case.state, case.opened_on, case.number.as_deref()), (State::Reopened, night(1), Some("MU-2026-000001")));
    assert_eq!(case.findings.keys().collect::<Vec<_>>(), ["G03"]);
}

/// Decided on the last day of a month, paid again on the first of the next: it went before it comes back, so that a line of counts
/// begins where the one before ended.
#[test]
fn a_case_that_grows_in_the_night_after_its_decision_is_told_as_decided_first() {
    let opened = fold(&[], &[found("G01", "p-1", 7, &[202_611], 1)], &ran(&["G01"]), night(1));
    let settled = State::Settled(work::Settled { outcome: work::Outcome::C2, until: None, told: false });
    let decided = vec![Case { state: settled, ..opened.cases[0].clone() }];
    let grown = [found("G01", "p-1", 7, &[202_611, 202_612], 1)];
    let second = fold(&decided, &grown, &ran(&["G01"]), night(2));
    assert_eq!(told(&second), ["decided G01"]);
    assert_eq!(second.cases[0].findings["G01"].months, [202_611], "what it was decided on");
    let third = fold(&second.cases, &grown, &ran(&["G01"]), night(3));
    assert_eq!((told(&third), third.cases[0].state), (vec!["reopened G01".to_owned()], State::Reopened));
}

#[test]
fn a_skipped_rule_touches_nothing() {
    let cases = check(&[(&[dead_and_paid()], &["G01"], &["opened G01"]), (&[], &["P01"], &[]), (&[], &[], &[])]);
    assert_eq!(cases[0].state, State::Open);
}

#[test]
fn a_rule_that_did_not_run_to_the_end_opens_nothing() {
    check(&[(&[dead_and_paid()], &["P01"], &[])]);
}

#[test]
fn a_rule_that_no_longer_exists_touches_nothing() {
    let rules = RulesRan { ran: BTreeSet::from(["P01".into()]), skipped: BTreeMap::from([("G03".into(), "no feed".into())]) };
    let opened = fold(&[], &[dead_and_paid()], &ran(&["G01"]), night(1));
    assert_eq!(told(&fold(&opened.cases, &[], &rules, night(2))), [""; 0]);
}

#[test]
fn a_partly_skipped_case_stays_open_without_what_is_known_to_be_gone() {
    let both = [dead_and_paid(), found("G03", "p-1", 7, &[202_610], 500_000)];
    let cases = check(&[
        (&both, &["G01", "G03"], &["opened G01 G03"]),
        (&[], &["G01"], &["changed G01"]),
        (&[], &["G01"], &[]),
        (&[], &["G01", "G03"], &["cured G03"]),
    ]);
    assert_eq!(cases[0].findings.keys().collect::<Vec<_>>(), ["G03"]);
}

#[test]
fn a_cured_case_stays_cured_while_its_rule_is_skipped() {
    check(&[(&[dead_and_paid()], &["G01"], &["opened G01"]), (&[], &["G01"], &["cured G01"]), (&[], &[], &[])]);
}

#[test]
fn the_numbers_of_tonight_are_refreshed_without_an_event() {
    let renumbered = found("G01", "p-1", 8, &[202_610], 500_000);
    let cases = check(&[(&[dead_and_paid()], &["G01"], &["opened G01"]), (std::slice::from_ref(&renumbered), &["G01"], &[])]);
    assert_eq!(cases[0].subject, renumbered.subject);
    assert_eq!(cases[0].findings["G01"], renumbered);
}

#[test]
fn what_is_carried_over_points_at_nobody_until_it_is_renumbered() {
    let opened = fold(&[], &[dead_and_paid()], &ran(&["G01"]), night(1));
    let mut carried = fold(&opened.cases, &[], &ran(&[]), night(2)).cases;
    assert_eq!(carried, [opened.cases[0].lasting()]);
    assert_eq!(carried[0].findings["G01"].lines[0].places, []);
    renumber(&mut carried, |key| (key == "p-1").then_some(41), |_| Some(5));
    assert_eq!(carried[0].subject, Subject::Person { key: "p-1".into(), id: 41 });
    assert_eq!((carried[0].findings["G01"].subject.clone(), carried[0].findings["G01"].unit_id), (carried[0].subject.clone(), Some(5)));
    renumber(&mut carried, |_| None, |_| None);
    assert_eq!(carried, [opened.cases[0].lasting()]);
}

#[test]
fn the_same_night_folded_twice_is_the_same_night() {
    let before = fold(&[], &[dead_and_paid(), found("P01", "p-2", 1, &[], 0)], &ran(&["G01", "P01"]), night(1)).cases;
    let tonight = [found("P03", "p-3", 2, &[202_611], 9)];
    let rules = ran(&["G01", "P03"]);
    let once = fold(&before, &tonight, &rules, night(2));
    assert_eq!(once, fold(&before, &tonight, &rules, night(2)));
    let twice = fold(&once.cases, &tonight, &rules, night(2));
    assert_eq!((twice.cases, twice.events), (once.cases, Vec::new()));
}

#[test]
fn keys_are_sixteen_hexadecimal_digits_and_outlive_the_number() {
    let one = key(Family::Ghost, &Subject::Person { key: "p-1".into(), id: 1 });
    assert_eq!(one, key(Family::Ghost, &Subject::Person { key: "p-1".into(), id: 2 }));
    assert_ne!(one, key(Family::Absent, &Subject::Person { key: "p-1".into(), id: 1 }));
    assert!(one.len() == 16 && one.bytes().all(|it| it.is_ascii_hexdigit()));
}

const RULES: [&str; 4] = ["G01", "G03", "P01", "P03"];

/// What may be found in a night about five people, one finding per rule and person, in any order.
fn findings() -> impl Strategy<Value = Vec<Finding>> {
    let all: Vec<(&str, i32)> = RULES.iter().flat_map(|rule| (0..5).map(move |person| (*rule, person))).collect();
    proptest::sample::subsequence(all, 0..=20)
        .prop_shuffle()
        .prop_flat_map(|picked| (Just(picked.clone()), proptest::collection::vec(1..3_i64, picked.len())))
        .prop_map(|(picked, amounts)| {
            let finding = |((rule, person), amount): ((&str, i32), i64)| found(rule, &format!("p-{person}"), person, &[202_610], amount);
            picked.into_iter().zip(amounts).map(finding).collect()
        })
}

fn nights() -> impl Strategy<Value = Vec<(Vec<Finding>, Vec<&'static str>)>> {
    let rules = proptest::sample::subsequence(RULES.to_vec(), 0..=RULES.len());
    proptest::collection::vec((findings(), rules), 1..8)
}

fn count(folded: &Folded, what: What) -> usize {
    folded.events.iter().filter(|it| it.what == what).count()
}

proptest! {
    #[test]
    fn cases_balance_and_order_does_not_matter(nights in nights()) {
        let mut all: BTreeMap<String, Case> = BTreeMap::new();
        for (day, (findings, rules)) in (1..).zip(nights) {
            let before: Vec<Case> = all.values().cloned().collect();
            let open_before = before.iter().filter(|it| it.state != State::Cured).count();
            let folded = fold(&before, &findings, &ran(&rules), night(day));
            let backwards: Vec<Finding> = findings.iter().rev().cloned().collect();
            let upside_down: Vec<Case> = before.iter().rev().cloned().collect();
            prop_assert_eq!(&folded, &fold(&upside_down, &backwards, &ran(&rules), night(day)));

            let open_now = folded.cases.iter().filter(|it| it.state != State::Cured).count();
            let (opened, reopened, cured) = (count(&folded, What::Opened), count(&folded, What::Reopened), count(&folded, What::Cured));
            prop_assert_eq!(open_before + opened + reopened - cured, open_now);

            let expected: BTreeSet<String> = findings.iter().filter(|it| rules.contains(&it.rule.as_str())).map(|it| key(it.family, &it.subject)).collect();
            let open: BTreeSet<String> = folded.cases.iter().filter(|it| it.state != State::Cured).map(|it| it.key.clone()).collect();
            prop_assert!(expected.is_subset(&open), "what is found tonight is open tonight");
            for case in open.difference(&expected) {
                prop_assert!(all[case].findings.keys().any(|rule| !rules.contains(&rule.as_str())), "what is not found stays only for a rule that did not run");
            }
            all.extend(folded.cases.into_iter().map(|it| (it.key.clone(), it)));
        }
    }
}
