//! What the store forgets, and what it must not.

use muster_core::finding::Line;

use super::super::retain::Forget;
use super::*;

on_both! {
    a_cleared_case_is_cut_from_its_person_who_comes_back_as_another_case
    a_case_stays_while_it_may_be_needed
    a_confirmation_that_was_taken_back_or_done_anew_does_not_count
    nothing_else_of_a_case_can_be_changed_while_marks_are_there
    cases_of_superseded_runs_go_too
    bodies_of_letters_go_and_their_ids_stay
    letters_that_do_not_go_out_are_counted
    nights_without_a_feed_are_counted
}

const SECRET: &str = "王桂兰在市水文站领取了工资";

fn later() -> NaiveDate {
    NaiveDate::from_ymd_opt(2028, 12, 24).expect("a day")
}

impl City {
    /// A night in which `found` are paid, each with a sentence.
    async fn told_night(&self, tonight: NaiveDate, found: &[&str]) -> Vec<Case> {
        let line = || Line {
            month: Some(202_611),
            zh: SECRET.into(),
            en: SECRET.into(),
            amount_fen: Some(5),
            places: Vec::new(),
            facts: BTreeMap::from([("died_on".to_owned(), SECRET.to_owned())]),
        };
        let findings: Vec<Finding> = found.iter().map(|key| Finding { lines: vec![line()], ..finding(key, 5) }).collect();
        let ran = RulesRan { ran: ["G01".to_owned()].into(), ..RulesRan::default() };
        let folded = fold(&self.cases_before(tonight, &findings, &ran).await, &findings, &ran, tonight);
        keep(&self.store, tonight, &[feed(true, 100)], &[], &folded).await.expect("the night is kept")
    }

    async fn cleared(&self, before: NaiveDate) -> Vec<String> {
        self.store.cleared_cases(before, &Calendar::shipped()).await.expect("they are looked for")
    }

    async fn forget(&self, before: NaiveDate) -> u64 {
        let forget = Forget { letters_before: before, cases_before: before, cases: self.cleared(before).await };
        self.store.forget(&forget, later(), &Calendar::shipped(), &entry("retain")).await.expect("it is forgotten")
    }

    /// Every text of every table, also as it stands.
    async fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for db in [self.store.db.clone(), self.store.db.as_it_stands()] {
            for table in copy::TABLES {
                for row in db.read().await.expect("it opens").any_rows(format!("select * from {table}"), Vec::new()).await.expect("read") {
                    texts.extend(row.cells().iter().map(|(name, value)| format!("{table}.{name} {value:?}")));
                }
            }
        }
        texts
    }

    async fn is_whole(&self) {
        let checked = self.store.check().await.expect("it is looked at");
        assert!(checked.wrong.is_empty(), "{:?}", checked.wrong);
        assert!(self.store.audit_verify(None).await.expect("it reads").holds());
    }
}

async fn a_cleared_case_is_cut_from_its_person_who_comes_back_as_another_case(city: City) {
    let first = city.told_night(night(1), &["p-secret", "p-other"]).await;
    let key = first.iter().find(|it| it.subject.key() == "p-secret").expect("it is there").key.clone();
    let note = Wanted { number: "MU-2026-2".into(), deed: Deed::Noted, text: "王桂兰的丈夫来过".into(), after: None };
    city.act("wang-lei", night(1), &[note]).await.expect("done");
    city.told_night(night(2), &["p-other"]).await;
    let counted = (city.store.open_cases().await.expect("counted"), city.number("select count(*) as n from case_event").await);

    assert_eq!(city.cleared(night(2)).await, Vec::<String>::new(), "it was cured on that night");
    assert_eq!(city.forget(night(3)).await, 1);
    assert_eq!(city.forget(night(3)).await, 0, "once");
    city.is_whole().await;
    assert_eq!((city.store.open_cases().await.expect("counted"), city.number("select count(*) as n from case_event").await), counted);
    let texts = city.texts().await;
    // The other case has the same sentence: only what stands beside its own key may hold it.
    for secret in ["p-secret", &key, "丈夫"] {
        assert!(!texts.iter().any(|it| it.contains(secret)), "{secret}");
    }
    assert_eq!(texts.iter().filter(|it| it.contains(SECRET)).count(), 1);
    if let Address::File(path) = &city.address {
        for file in [path.clone(), path.with_extension("db-wal")] {
            let bytes = std::fs::read(file).unwrap_or_default();
            assert!(!bytes.windows(key.len()).any(|it| it == key.as_bytes()), "what was deleted is overwritten");
        }
    }

    let gone = city.store.worked_case("MU-2026-2", &Calendar::shipped()).await.expect("readable").expect("its number stays");
    let told = &gone.case.findings["G01"];
    assert_eq!((gone.case.state, told.months.as_slice(), told.amount_fen), (State::Cured, &[202_611][..], Some(5)));
    assert_eq!((told.unit_code.as_deref(), told.severity, told.lines.len()), (Some("330683-017"), Severity::S1, 0));
    assert_eq!((gone.acts.len(), gone.acts[0].text.as_str(), gone.acts[0].who.as_str()), (1, "", "wang-lei"));
    let refused =
        city.act("wang-lei", night(3), &[Wanted { number: "MU-2026-2".into(), deed: Deed::Noted, text: "x".into(), after: None }]).await;
    assert_eq!(refused, Err(NotDone::Refused("MU-2026-000002".into(), Refused::Gone)));

    let again = city.told_night(night(4), &["p-secret", "p-other"]).await;
    assert_eq!(super::told(&again), ["MU-2026-000001 p-other Open", "MU-2026-000003 p-secret Open"]);
    for other in [City::in_a_file().await, City::on_a_server().await] {
        city.store.copy(&other.store).await.expect("it is copied");
        other.again().await.check().await.map(|it| assert!(it.wrong.is_empty(), "{:?}", it.wrong)).expect("it is looked at");
    }
}

async fn a_case_stays_while_it_may_be_needed(city: City) {
    let all = ["p-a", "p-b", "p-c", "p-d", "p-e", "p-f"];
    city.told_night(night(1), &all).await;
    let decide = |number, outcome, until| [wanted(number, decided(outcome, until))];
    city.act("wang-lei", night(1), &decide(1, Outcome::C1, None)).await.expect("done");
    city.act("li-na", night(1), &[wanted(1, Deed::Seconded)]).await.expect("done");
    city.act("wang-lei", night(1), &decide(2, Outcome::C10, None)).await.expect("done");
    city.act("wang-lei", night(1), &decide(3, Outcome::C4, Some(night(30)))).await.expect("done");
    city.act("wang-lei", night(1), &decide(4, Outcome::C2, None)).await.expect("done");
    // 1 is confirmed, 2 settled, 3 explained for long, 4 accused and cured, 5 cured and written about later, 6 open.
    city.told_night(night(2), &["p-a", "p-b", "p-c", "p-f"]).await;
    city.act("wang-lei", night(5), &[wanted(5, Deed::Noted)]).await.expect("done");
    let numbers = async |before| {
        let keys = city.cleared(before).await;
        let worked = city.store.worked(&Calendar::shipped()).await.expect("they read");
        let found = worked.into_iter().filter(|it| keys.contains(&it.case.key));
        found.filter_map(|it| it.case.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(night(3)).await, ["MU-2026-000002"]);
    assert_eq!(numbers(night(6)).await, ["MU-2026-000002", "MU-2026-000005"]);
    assert_eq!(numbers(night(31)).await, ["MU-2026-000002", "MU-2026-000003", "MU-2026-000005"]);
    assert_eq!(city.forget(later()).await, 3);
    city.is_whole().await;
}

async fn a_confirmation_that_was_taken_back_or_done_anew_does_not_count(city: City) {
    city.told_night(night(1), &["p-a", "p-b", "p-c"]).await;
    for number in 1..=3 {
        city.act("wang-lei", night(1), &[wanted(number, decided(Outcome::C1, None))]).await.expect("done");
    }
    city.act("li-na", night(1), &[wanted(1, Deed::Reopened)]).await.expect("done");
    city.act("li-na", night(1), &[wanted(2, decided(Outcome::C10, None))]).await.expect("done");
    city.told_night(night(2), &[]).await;
    assert_eq!(city.cleared(later()).await.len(), 2, "the third waits for a second pair of eyes");
}

async fn nothing_else_of_a_case_can_be_changed_while_marks_are_there(city: City) {
    city.told_night(night(1), &["p-a", "p-b"]).await;
    city.act("wang-lei", night(1), &[wanted(1, Deed::Noted), wanted(2, Deed::Noted)]).await.expect("done");
    city.run_sql("insert into retention_mark values (2026, 1, 'gone-1', '2028-12-24')").await.expect("a mark");
    let of_1 = "(select case_key from case_file where serial = 1)";
    for sql in [
        "update case_event set what = 'cured'".to_owned(),
        "delete from case_event".to_owned(),
        "delete from case_act".to_owned(),
        "delete from case_file".to_owned(),
        "update case_act set body = ''".to_owned(),
        "update case_file set serial = 9 where serial = 1".to_owned(),
        // Of its own case alone, to its mark alone, and nothing else with it.
        "update case_event set case_key = 'gone-1'".to_owned(),
        "update case_act set case_key = 'gone-1'".to_owned(),
        "update case_file set case_key = 'gone-2'".to_owned(),
        format!("update case_event set case_key = 'gone-1', what = 'cured' where case_key = {of_1}"),
        format!("update case_act set case_key = 'gone-1', place = 7 where case_key = {of_1}"),
        "update retention_mark set case_key = 'gone-2'".to_owned(),
        "delete from retention_mark".to_owned(),
    ] {
        let mut write = city.store.write().await.expect("a transaction");
        let refused = write.apply(sql.clone()).await.expect_err(&sql).to_string();
        assert!(refused.contains("append-only"), "{sql}: {refused}");
    }
    // A mark names a key that no finding comes to, and a case that is there.
    for sql in [
        "insert into retention_mark values (2026, 2, '0123456789abcdef', '2028-12-24')",
        "insert into retention_mark values (2026, 1, 'gone-2', '2028-12-24')",
        "insert into retention_mark values (2026, 9, 'gone-9', '2028-12-24')",
    ] {
        assert!(city.run_sql(sql).await.is_err(), "{sql}");
    }
    // Half a move is none.
    assert!(city.run_sql("update case_file set case_key = 'gone-1' where serial = 1").await.is_err());
}

async fn cases_of_superseded_runs_go_too(city: City) {
    city.told_night(night(1), &["p-wrong"]).await;
    city.told_night(night(1), &["p-right"]).await;
    assert_eq!(city.forget(night(2)).await, 1);
    let texts = city.texts().await;
    assert!(texts.iter().any(|it| it.contains("p-right")) && !texts.iter().any(|it| it.contains("p-wrong")));
    city.is_whole().await;
}

async fn bodies_of_letters_go_and_their_ids_stay(city: City) {
    city.store.queue(night(1), &at(0).now, &[letter("one of 12")]).await.expect("it is queued");
    let due = city.store.lease_letter(None, "one", &at(1)).await.expect("it reads").expect("it is due");
    assert!(city.store.letter_sent(due.id, "one", &Sent::Taken("250 ok".into()), minute).await.expect("kept"));
    city.store.queue(night(2), &at(2).now, &[letter("this waits")]).await.expect("it is queued");
    assert_eq!(city.store.old_letters(night(1)).await.expect("counted"), (0, 0));
    assert_eq!(city.store.old_letters(night(2)).await.expect("counted"), (1, 118), "as they lie there, sealed");
    city.forget(night(2)).await;
    let letters = city.store.letters(None, 9).await.expect("they read");
    let told: Vec<_> = letters.iter().map(|it| (it.plain.as_str(), it.html.as_str(), it.state.as_str())).collect();
    assert_eq!(told, [("this waits", "this waits", "queued"), ("", "", "sent")]);
    assert_eq!(letters[1].message_id, due.message_id);
    assert_eq!(city.store.old_letters(later()).await.expect("counted"), (0, 0), "what waits is kept");
}

async fn letters_that_do_not_go_out_are_counted(city: City) {
    for (day, minute) in [(1, 0), (2, 1), (3, 2)] {
        city.store.queue(night(day), &at(minute).now, &[letter("a")]).await.expect("it is queued");
    }
    let unsent = async |since: u32| {
        let it = city.store.letters_unsent(&at(since).now, &at(30).now).await.expect("counted");
        (it.waiting, it.parked, it.refused, it.oldest)
    };
    assert_eq!(unsent(1).await, (1, 0, 0, Some(at(0).now)));
    let attempt = async |sent: Sent| {
        let due = city.store.lease_letter(None, "one", &at(3)).await.expect("it reads").expect("it is due");
        assert!(city.store.letter_sent(due.id, "one", &sent, |_| at(3).now).await.expect("kept"));
    };
    attempt(Sent::Refused("550 no".into())).await;
    assert_eq!(unsent(5).await, (2, 1, 1, Some(at(1).now)));
    for _ in 0..12 {
        attempt(Sent::Later("450 full".into())).await;
    }
    assert_eq!(unsent(5).await, (1, 2, 1, Some(at(2).now)), "nobody took it for long enough: it was not refused");
    attempt(Sent::Taken("250 ok".into())).await;
    assert_eq!(unsent(5).await, (0, 2, 1, None));
}

async fn nights_without_a_feed_are_counted(city: City) {
    let left_out = async || city.store.nights_left_out().await.expect("counted").into_iter().map(|it| it.1).collect::<Vec<_>>();
    assert_eq!(left_out().await, Vec::<u64>::new());
    for (day, used, nights) in [(1, false, 1), (2, true, 0), (3, false, 1), (4, false, 2), (4, false, 2), (5, false, 3), (6, true, 0)] {
        keep(&city.store, night(day), &[feed(used, 100)], &[], &Folded::default()).await.expect("the night is kept");
        assert_eq!(left_out().await, [nights], "{day}");
    }
}
