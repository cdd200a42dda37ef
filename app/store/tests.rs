use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use muster_core::case::work::{Deed, Outcome, Refused, Stage};
use muster_core::case::{self, RulesRan, State, fold};
use muster_core::finding::{Family, Finding, Severity, Subject};
use muster_core::map::Tally;
use muster_core::mapping::Title;
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use muster_core::link::judge;

use super::audit::{Entry, Verified};
use super::bounces::Kept;
use super::judgements::{Made, New};
use super::outbox::{Sent, When};
use super::work::{Actor, NotDone, Wanted};
use super::*;
use crate::bench::nights;
use crate::mail::Report;
use crate::mail::bounce::Action;
use crate::vault;

#[allow(clippy::disallowed_methods, reason = "a test that waits for a server looks at the clock")]
#[path = "../../connectors/tests/servers/mod.rs"]
mod servers;

/// A city's store: a file in a folder of its own, or a database of its own.
struct City {
    _folder: TempDir,
    _server: Option<Arc<servers::postgres::Postgres>>,
    address: Address,
    store: Store,
}

impl City {
    async fn in_a_file() -> City {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = Address::File(folder.path().join("data/muster.db"));
        City::at(folder, None, address).await
    }

    async fn on_a_server() -> City {
        static DATABASES: AtomicU32 = AtomicU32::new(0);
        let server = servers::postgres::shared().await;
        let database = format!("store{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        server.run_in("postgres", &format!("CREATE DATABASE {database}")).await;
        let options =
            PgConnectOptions::new_without_pgpass().socket(server.folder()).port(server.port).username("postgres").database(&database);
        let folder = tempfile::tempdir().expect("a temporary folder");
        City::at(folder, Some(server), Address::Server(Box::new(options))).await
    }

    async fn at(folder: TempDir, server: Option<Arc<servers::postgres::Postgres>>, address: Address) -> City {
        let store = Store::at(&address, &vault::TESTS).await.expect("a new store opens");
        City { _folder: folder, _server: server, address, store }
    }

    async fn again(&self) -> Store {
        Store::at(&self.address, &vault::TESTS).await.expect("the store opens again")
    }

    /// Runs a statement and keeps what it did.
    async fn run_sql(&self, sql: &'static str) -> Result<u64, StoreError> {
        let mut write = self.store.write().await?;
        let touched = write.run(sql, values![]).await?;
        write.commit().await?;
        Ok(touched)
    }

    /// Runs the rules of ghosts on a night in which `found` are paid though dead: the person's key and the amount.
    async fn run(&self, tonight: NaiveDate, found: &[(&str, i64)]) -> Vec<Case> {
        let folded = self.folded(tonight, found).await;
        keep(&self.store, tonight, &[feed(true, 100)], &[], &folded).await.expect("the night is kept")
    }

    async fn folded(&self, tonight: NaiveDate, found: &[(&str, i64)]) -> Folded {
        let findings: Vec<Finding> = found.iter().map(|(key, amount_fen)| finding(key, *amount_fen)).collect();
        let ran = RulesRan { ran: ["G01".to_owned()].into(), ..RulesRan::default() };
        fold(&self.cases_before(tonight, &findings, &ran).await, &findings, &ran, tonight)
    }

    /// The cases that a night starts from when it finds this.
    async fn cases_before(&self, tonight: NaiveDate, findings: &[Finding], ran: &RulesRan) -> Vec<Case> {
        let before = self.store.before(tonight, &Calendar::shipped()).await.expect("the night may run");
        let closed = self.store.closed_before(tonight, &Calendar::shipped(), &case::keys(findings, ran)).await.expect("they read");
        before.cases.into_iter().chain(closed).collect()
    }

    /// The number that `sql` gives as `n`.
    async fn number(&self, sql: &'static str) -> i64 {
        self.store.rows(sql, values![]).await.expect("the table is there")[0].int("n").expect("a number")
    }
}

/// Keeps a night without letters.
async fn keep(
    store: &Store,
    tonight: NaiveDate,
    feeds: &[FeedNight],
    rules: &[RuleNight],
    folded: &Folded,
) -> Result<Vec<Case>, StoreError> {
    store.keep(tonight, feeds, rules, folded, |cases| Ok((cases, Vec::new()))).await
}

/// Every test of the store runs on both databases.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod in_a_file {
            $(#[tokio::test] async fn $test() { super::$test(super::City::in_a_file().await).await; })*
        }
        mod on_a_server {
            $(#[tokio::test] async fn $test() { super::$test(super::City::on_a_server().await).await; })*
        }
    };
}

on_both! {
    counts_balance_and_numbers_stay_over_many_nights
    a_duplicate_points_to_a_case_that_is_worked_on
    a_late_case_climbs_one_step_a_night_and_each_once
    the_line_of_a_night_ends_where_the_next_begins
    a_decided_case_is_not_told_again_until_it_grows
    an_explanation_holds_until_its_day
    acts_are_done_all_or_none_and_outlive_a_rerun
    a_letter_is_queued_once_replaced_while_it_waits_and_corrected_when_it_is_gone
    a_letter_goes_to_one_sender_at_a_time_and_keeps_its_id_on_repeat
    letters_are_kept_with_their_night_or_not_at_all
    a_bounce_stands_beside_its_letter_once
    a_judgement_stands_until_it_is_withdrawn_and_is_never_contradicted
    the_audit_log_is_a_chain_and_its_end_may_be_remembered
    what_is_changed_behind_the_audit_log_s_back_is_seen
    a_store_is_copied_whole_to_either_kind_and_goes_on_there
    every_table_is_copied
    a_store_is_checked_and_damage_is_told
    new_cases_are_numbered_by_family_and_subject_and_keep_their_numbers
    a_new_year_begins_at_one
    what_was_kept_is_what_the_next_night_starts_from
    the_same_night_again_starts_from_the_night_before_and_gives_the_same
    better_data_replaces_the_night_and_frees_no_number
    a_night_that_is_over_is_refused
    a_night_killed_before_its_end_leaves_nothing
    a_feed_that_was_left_out_does_not_become_the_measure
    a_case_is_found_by_the_number_a_person_types
    a_night_in_which_nothing_happens_adds_no_versions
    events_cannot_be_changed_or_deleted
    a_store_of_a_newer_version_is_told
    a_damaged_case_is_told_without_its_text
    a_rule_s_nights_are_read_back_and_only_the_last_run_of_a_night_counts
    outcomes_count_the_newest_state_of_every_case
    feeds_used_are_those_of_the_newest_night
}

/// A night of December 2026.
fn night(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, day).expect("a day of December")
}

fn finding(key: &str, amount_fen: i64) -> Finding {
    Finding {
        rule: "G01".into(),
        family: Family::Ghost,
        severity: Severity::S1,
        subject: Subject::Person { key: key.into(), id: 7 },
        unit_id: Some(3),
        unit_code: Some("330683-017".into()),
        months: vec![202_611],
        since: Some(202_611),
        amount_fen: Some(amount_fen),
        confidence: 1.0,
        settings: BTreeMap::new(),
        lines: Vec::new(),
    }
}

fn feed(used: bool, mapped: u64) -> FeedNight {
    let why = crate::night::Said { zh: "行数过少".into(), en: "too few rows".into() };
    FeedNight {
        feed: "finance/payroll".into(),
        department: Title { zh: "财政局".into(), en: "Finance bureau".into() },
        table: "payment".into(),
        left_out: if used { Vec::new() } else { vec![why] },
        tally: Some(Tally { mapped, ..Tally::default() }),
        skipped_lines: 3,
        sha256: Some("00ff".into()),
        notes: Vec::new(),
        held: None,
    }
}

/// Number, key and state of every case, as a list that reads well in a failure.
fn told(cases: &[Case]) -> Vec<String> {
    cases.iter().map(|it| format!("{} {} {:?}", it.number.as_deref().unwrap_or("-"), it.subject.key(), it.state)).collect()
}

async fn new_cases_are_numbered_by_family_and_subject_and_keep_their_numbers(city: City) {
    let first = city.run(night(1), &[("p-c", 1), ("p-a", 1), ("p-b", 1)]).await;
    assert_eq!(told(&first), ["MU-2026-000001 p-a Open", "MU-2026-000002 p-b Open", "MU-2026-000003 p-c Open"]);
    let second = city.run(night(2), &[("p-0", 1), ("p-c", 2)]).await;
    assert_eq!(
        told(&second),
        ["MU-2026-000001 p-a Cured", "MU-2026-000002 p-b Cured", "MU-2026-000003 p-c Open", "MU-2026-000004 p-0 Open"]
    );
    let third = city.run(night(3), &[("p-a", 1)]).await;
    assert_eq!(told(&third)[0], "MU-2026-000001 p-a Reopened");
}

async fn a_new_year_begins_at_one(city: City) {
    city.run(night(31), &[("p-a", 1)]).await;
    let january = NaiveDate::from_ymd_opt(2027, 1, 1).expect("new year");
    let cases = city.run(january, &[("p-a", 1), ("p-b", 1)]).await;
    assert_eq!(told(&cases), ["MU-2026-000001 p-a Open", "MU-2027-000001 p-b Open"]);
}

async fn what_was_kept_is_what_the_next_night_starts_from(city: City) {
    let kept = city.run(night(1), &[("p-a", 1)]).await;
    let before = city.again().await.before(night(2), &Calendar::shipped()).await.expect("the next night may run");
    assert_eq!(before.cases, [kept[0].lasting()]);
    assert_eq!(before.feeds["finance/payroll"].tallies, [feed(true, 100).tally.expect("a used feed has counts")]);
}

async fn the_same_night_again_starts_from_the_night_before_and_gives_the_same(city: City) {
    city.run(night(1), &[("p-a", 1)]).await;
    let before = city.store.before(night(2), &Calendar::shipped()).await.expect("the night may run");
    let once = city.run(night(2), &[("p-b", 1)]).await;
    let again = city.store.before(night(2), &Calendar::shipped()).await.expect("the newest night may run again");
    assert_eq!(before.cases, again.cases);
    assert_eq!(once, city.run(night(2), &[("p-b", 1)]).await);
    assert_eq!(city.store.nights().await.expect("nights"), [night(1), night(2)]);
}

async fn better_data_replaces_the_night_and_frees_no_number(city: City) {
    city.run(night(1), &[("p-wrong", 1)]).await;
    let better = city.run(night(1), &[("p-right", 1)]).await;
    assert_eq!(told(&better), ["MU-2026-000002 p-right Open"]);
    assert_eq!(city.store.case_by_number("MU-2026-000001").await.expect("readable"), None);
    let next = city.run(night(2), &[("p-right", 1), ("p-wrong", 1)]).await;
    assert_eq!(told(&next), ["MU-2026-000001 p-wrong Open", "MU-2026-000002 p-right Open"]);
    assert_eq!(next[0].opened_on, night(2));
}

async fn a_night_that_is_over_is_refused(city: City) {
    city.run(night(2), &[("p-a", 1)]).await;
    let refused = city.store.before(night(1), &Calendar::shipped()).await.expect_err("an older night");
    let said = "night 2026-12-01 is over: 2026-12-02 is kept already, and its cases follow from the nights before; \
                only 2026-12-02 or a later night can be run";
    assert_eq!(refused.to_string(), said);
    let kept = keep(&city.store, night(1), &[], &[], &Folded::default()).await;
    assert!(matches!(kept, Err(StoreError::Over { .. })));
    assert_eq!(city.store.nights().await.expect("nights"), [night(2)]);
}

async fn a_night_killed_before_its_end_leaves_nothing(city: City) {
    city.run(night(1), &[("p-a", 1)]).await;
    let before = city.store.before(night(2), &Calendar::shipped()).await.expect("the night may run").cases;
    let folded = city.folded(night(2), &[("p-b", 1)]).await;

    let dying = city.again().await;
    let mut write = dying.write().await.expect("a transaction");
    write_night(&mut write, night(2), &[feed(true, 5)], &[rule_night(Some(1))], &folded).await.expect("everything is written");
    drop(write);
    drop(dying);

    let store = city.again().await;
    assert_eq!(store.nights().await.expect("nights"), [night(1)]);
    assert_eq!(store.before(night(2), &Calendar::shipped()).await.expect("the night may run").cases, before);
    assert_eq!(city.number("select count(*) as n from case_file").await, 1);
    assert_eq!(told(&city.run(night(2), &[("p-b", 1)]).await), ["MU-2026-000001 p-a Cured", "MU-2026-000002 p-b Open"]);
}

async fn a_feed_that_was_left_out_does_not_become_the_measure(city: City) {
    for (day, used, mapped) in [(1, true, 100), (2, false, 3)] {
        keep(&city.store, night(day), &[feed(used, mapped)], &[], &Folded::default()).await.expect("the night is kept");
    }
    let mapped = async |day| {
        city.store
            .before(night(day), &Calendar::shipped())
            .await
            .expect("may run")
            .feeds
            .get("finance/payroll")
            .map(|it| it.tallies[0].mapped)
    };
    assert_eq!((mapped(3).await, mapped(2).await), (Some(100), Some(100)));
    keep(&city.store, night(2), &[feed(true, 101)], &[], &Folded::default()).await.expect("the night is kept again");
    assert_eq!((mapped(3).await, mapped(2).await), (Some(101), Some(100)));
}

async fn a_case_is_found_by_the_number_a_person_types(city: City) {
    city.run(night(1), &[("p-a", 1)]).await;
    city.run(night(2), &[]).await;
    for typed in ["MU-2026-000001", " mu-2026-1 "] {
        let case = city.store.case_by_number(typed).await.expect("readable").expect("the case is there");
        assert_eq!((case.state, case.number.as_deref()), (State::Cured, Some("MU-2026-000001")));
    }
    for nobody in ["MU-2026-000002", "MU-2026", "2026-000001", "MU-2026-x", ""] {
        assert_eq!(city.store.case_by_number(nobody).await.expect("readable"), None);
    }
}

async fn a_night_in_which_nothing_happens_adds_no_versions(city: City) {
    for day in 1..=9 {
        city.run(night(day), &[("p-a", 1)]).await;
    }
    assert_eq!(
        (
            city.number("select count(*) as n from night_run").await,
            city.number("select count(*) as n from case_version").await,
            city.number("select count(*) as n from case_event").await
        ),
        (9, 1, 1)
    );
}

async fn events_cannot_be_changed_or_deleted(city: City) {
    city.run(night(1), &[("p-a", 1)]).await;
    for sql in ["update case_event set what = 'cured'", "delete from case_event"] {
        let refused = city.run_sql(sql).await.expect_err("append-only");
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_store_may_be_opened_by_many_at_once_and_written_by_one_after_the_other() {
    let place = tempfile::tempdir().expect("a temporary folder");
    for round in 0..20 {
        let address = Address::File(place.path().join(format!("{round}.db")));
        let opened = futures::future::join_all((0..8).map(|_| Store::at(&address, &vault::TESTS))).await;
        opened.into_iter().collect::<Result<Vec<_>, _>>().expect("all of them open");
    }
    let address = Address::File(place.path().join("muster.db"));
    let opened = futures::future::join_all((0..8).map(|_| Store::at(&address, &vault::TESTS))).await;
    let stores: Vec<Store> = opened.into_iter().collect::<Result<_, _>>().expect("all of them open");
    let folded = fold(&[], &[finding("p-a", 1)], &RulesRan { ran: ["G01".to_owned()].into(), ..RulesRan::default() }, night(1));
    let kept = futures::future::join_all(stores.iter().map(|it| keep(it, night(1), &[], &[], &folded))).await;
    for cases in kept {
        assert_eq!(told(&cases.expect("one waits for the other")), ["MU-2026-000001 p-a Open"]);
    }
}

#[tokio::test]
async fn what_is_not_a_store_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("muster.db");
    std::fs::write(&path, "not a database, but long enough to be looked at as one: ".repeat(20)).expect("a file");
    let refused = Store::at(&Address::File(path.clone()), &vault::TESTS).await.expect_err("not a database");
    assert!(matches!(refused, StoreError::Open { .. } | StoreError::Database(_)), "{refused:?}");
}

async fn a_store_of_a_newer_version_is_told(city: City) {
    let newer = "insert into _sqlx_migrations select 99, 'later', installed_on, success, checksum, 0 from _sqlx_migrations limit 1";
    city.run_sql(newer).await.expect("a migration of the future");
    let refused = Store::at(&city.address, &vault::TESTS).await.expect_err("a newer store");
    assert!(refused.to_string().ends_with("they were made by a newer version of muster"), "{refused}");
}

async fn a_damaged_case_is_told_without_its_text(city: City) {
    city.run(night(1), &[("p-secret", 1)]).await;
    city.run_sql("update case_version set body = 'sealed:p-secret'").await.expect("damage");
    let said = city.store.before(night(2), &Calendar::shipped()).await.expect_err("damaged").to_string();
    assert_eq!(said, "the store is damaged: a body cannot be read; restore it from a backup");
}

fn rule_night(found: Option<u64>) -> RuleNight {
    let why = crate::night::Said { zh: "没有死亡数据源".into(), en: "no feed fills `death`".into() };
    RuleNight {
        id: "G01".into(),
        title: Title { zh: "死亡后仍发工资".into(), en: "Paid after death".into() },
        family: Family::Ghost,
        severity: Severity::S1,
        about: found.map(|_| muster_core::check::About::People),
        looked_at: found.map(|_| 53),
        found,
        skipped: if found.is_none() { Some(why) } else { None },
        broke_off: false,
        categories: Vec::new(),
        off: false,
    }
}

async fn a_rule_s_nights_are_read_back_and_only_the_last_run_of_a_night_counts(city: City) {
    for (day, found) in [(1, Some(7)), (1, Some(2)), (2, None)] {
        keep(&city.store, night(day), &[], &[rule_night(found)], &Folded::default()).await.expect("the night is kept");
    }
    let history = city.again().await.rule_history("G01").await.expect("it reads");
    assert_eq!(
        history.iter().map(|it| (it.night, it.found, it.looked_at)).collect::<Vec<_>>(),
        [(night(1), Some(2), Some(53)), (night(2), None, None)]
    );
    assert_eq!(history[1].skipped.as_ref().map(|it| it.en.as_str()), Some("no feed fills `death`"));
    assert!(city.store.rule_history("G02").await.expect("it reads").is_empty());
    assert_eq!(city.number("select count(*) as n from rule_night").await, 3);
}

async fn outcomes_count_the_newest_state_of_every_case(city: City) {
    city.run(night(1), &[("p-1", 100), ("p-2", 100), ("p-3", 100)]).await;
    city.run(night(2), &[("p-1", 100), ("p-2", 100)]).await;
    city.act("wang-lei", night(2), &[wanted(1, decided(Outcome::C5, Some(night(30))))]).await.expect("done");
    let outcomes = city.store.outcomes(&Calendar::shipped()).await.expect("they are counted");
    assert_eq!(outcomes.get("G01"), Some(&rules::Outcomes { cases: 3, explained: 1, cured: 1 }));
}

async fn feeds_used_are_those_of_the_newest_night(city: City) {
    assert!(city.store.feeds_used().await.expect("it reads").is_empty());
    for (day, used) in [(1, true), (2, false)] {
        keep(&city.store, night(day), &[feed(used, 100)], &[], &Folded::default()).await.expect("the night is kept");
    }
    assert_eq!(city.store.feeds_used().await.expect("it reads").get("finance/payroll"), Some(&false));
}

fn entry(about: &str) -> Entry {
    let detail = [("outcome".to_owned(), "C3".to_owned())].into();
    Entry { at: "2026-12-01T18:00:00Z".into(), who: "wang-lei".into(), what: "decided".into(), about: about.into(), detail }
}

async fn the_audit_log_is_a_chain_and_its_end_may_be_remembered(city: City) {
    assert_eq!(city.store.audit_verify(None).await.expect("it reads"), Verified::default());
    for about in ["MU-2026-000001", "MU-2026-000002"] {
        city.store.audit(&entry(about)).await.expect("it is kept");
    }
    let head = city.store.audit_verify(None).await.expect("it reads").head.expect("two entries");
    city.store.audit(&entry("MU-2026-000001")).await.expect("it is kept");
    let verified = city.store.audit_verify(Some(&head)).await.expect("it reads");
    assert_eq!((verified.entries, verified.broken_at, verified.met), (3, None, Some(true)));
    let other = city.store.audit_verify(Some(&"f".repeat(64))).await.expect("it reads");
    assert!(!other.holds() && other.met == Some(false));
    let about = city.store.audit_entries(Some("MU-2026-000001"), 10).await.expect("they read");
    assert_eq!(about.iter().map(|it| it.id).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(about[1].entry, entry("MU-2026-000001"));
}

async fn what_is_changed_behind_the_audit_log_s_back_is_seen(city: City) {
    for about in ["a", "b", "c"] {
        city.store.audit(&entry(about)).await.expect("it is kept");
    }
    for sql in ["update audit_entry set who = 'nobody' where id = 2", "delete from audit_entry where id = 2"] {
        let refused = city.run_sql(sql).await.expect_err("append-only");
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    for (sql, broken) in [("update audit_entry set who = 'nobody' where id = 2", 2), ("delete from audit_entry where id = 2", 3)] {
        // An administrator of the database can put the guard aside; the chain still tells.
        match &city.store.db.pool {
            Pool::Sqlite(_) => {
                city.run_sql("drop trigger if exists audit_entry_stays").await.expect("dropped");
                city.run_sql("drop trigger if exists audit_entry_is_kept").await.expect("dropped");
            }
            Pool::Postgres(_) => {
                city.run_sql("drop trigger if exists audit_entry_stays on audit_entry").await.expect("dropped");
            }
        }
        city.run_sql(sql).await.expect("changed");
        assert_eq!(city.store.audit_verify(None).await.expect("it reads").broken_at, Some(broken), "{sql}");
    }
}

async fn a_store_is_copied_whole_to_either_kind_and_goes_on_there(city: City) {
    city.run(night(1), &[("p-a", 1), ("p-b", 2)]).await;
    city.run(night(2), &[("p-a", 1)]).await;
    city.store.audit(&entry("MU-2026-000001")).await.expect("it is kept");
    for mut other in [City::in_a_file().await, City::on_a_server().await] {
        let copied = city.store.copy(&other.store).await.expect("it is copied");
        assert_eq!(copied.iter().find(|it| it.table == "case_version").map(|it| it.rows), Some(3));
        other.store = other.again().await;
        let (here, there) = (
            city.store.before(night(3), &Calendar::shipped()).await.expect("may run"),
            other.store.before(night(3), &Calendar::shipped()).await.expect("may run"),
        );
        assert_eq!(here.cases, there.cases);
        assert!(other.store.audit_verify(None).await.expect("it reads").holds());
        assert_eq!(told(&other.run(night(3), &[("p-c", 1)]).await)[1..], ["MU-2026-000003 p-c Open"]);
        let again = city.store.copy(&other.store).await.expect_err("it is in use");
        assert!(matches!(again, StoreError::NotEmpty { table: "night_run" }), "{again}");
    }
}

async fn every_table_is_copied(city: City) {
    let mut copied: Vec<&str> = copy::TABLES.to_vec();
    copied.sort_unstable();
    assert_eq!(city.store.tables().await.expect("they are listed"), copied, "app/store/copy.rs names every table, parents first");
}

async fn a_store_is_checked_and_damage_is_told(city: City) {
    city.run(night(1), &[("p-secret", 1)]).await;
    let whole = city.store.check().await.expect("it is looked at");
    assert!(whole.wrong.is_empty(), "{:?}", whole.wrong);
    assert_eq!(whole.rows.get("case_version"), Some(&1));
    city.run_sql("update case_version set body = 'sealed:p-secret'").await.expect("damage");
    let damaged = city.store.check().await.expect("it is looked at");
    assert_eq!(damaged.wrong.iter().map(|it| it.en.as_str()).collect::<Vec<_>>(), ["1 rows of case_version cannot be read"]);
}

async fn a_judgement_stands_until_it_is_withdrawn_and_is_never_contradicted(city: City) {
    let row = |name: &str| judge::Row {
        feed: "finance/payroll".into(),
        id_number: String::new(),
        name: name.into(),
        sex: String::new(),
        birth_date: NaiveDate::from_ymd_opt(1980, 2, 3),
    };
    let (a, b, c) = (row("a"), row("b"), row("c"));
    let judge = async |word, one, other| {
        let new = New { at: "2026-12-01T08:00:00Z", word, one, other, by: "wang-lei", why: "the file" };
        city.store.judge(new).await.expect("it is judged")
    };
    assert_eq!(judge(judge::Word::Same, &a, &b).await, Made::Stands(1));
    assert_eq!(judge(judge::Word::Same, &b, &a).await, Made::Already(1));
    assert_eq!(judge(judge::Word::Same, &b, &c).await, Made::Stands(2));
    assert_eq!(judge(judge::Word::Different, &a, &c).await, Made::Contradicts(vec![1, 2]));
    let withdraw = async || city.store.withdraw(1, "2026-12-02T08:00:00Z", "li-na", "a namesake").await.expect("it is withdrawn");
    assert!(withdraw().await && !withdraw().await);
    assert_eq!(judge(judge::Word::Different, &a, &c).await, Made::Stands(4), "a withdrawal has a number of its own");
    let all = city.again().await.judgements().await.expect("they read");
    assert_eq!(all.len(), 3);
    assert_eq!((all[0].judgement.one.clone(), all[0].withdrawn.as_ref().map(|it| it.by.as_str())), (a, Some("li-na")));
    assert_eq!(city.store.judgements_standing().await.expect("they read").len(), 2);
    let noted = city.store.audit_entries(Some("judgement 1"), 9).await.expect("they read");
    assert_eq!(noted.iter().map(|it| it.entry.what.as_str()).collect::<Vec<_>>(), ["judged-withdrawn", "judged-same"]);
    assert!(city.run_sql("delete from judgement_event").await.is_err());
}

fn letter(says: &str) -> Letter {
    Letter {
        kind: crate::mail::kind::Kind::Nightly,
        reader: "finance".into(),
        address: "finance-desk@city.example".into(),
        domain: "city.example".into(),
        subject: "subject".into(),
        plain: says.into(),
        html: says.into(),
        lang: muster_core::report::Lang::En,
        encloses: false,
        only_corrects: false,
        not_before: None,
    }
}

fn at(minute: u32) -> When {
    When { now: format!("2026-12-01T18:{minute:02}:00Z"), lease_until: format!("2026-12-01T18:{:02}:00Z", minute + 3) }
}

fn minute(minutes: i64) -> String {
    format!("2026-12-01T18:{minutes:02}:30Z")
}

async fn a_letter_is_queued_once_replaced_while_it_waits_and_corrected_when_it_is_gone(city: City) {
    let queue = async |says: &str| city.store.queue(night(1), &at(0).now, &[letter(says)]).await.expect("it is queued");
    queue("a").await;
    queue("a").await;
    assert_eq!(city.store.letters(None, 9).await.expect("they read").len(), 1, "the same is not queued twice");
    queue("b").await;
    let states = async || {
        let letters = city.store.letters(None, 9).await.expect("they read");
        letters.into_iter().map(|it| (it.revision, it.state, it.subject)).collect::<Vec<_>>()
    };
    let told = |revision, state: &str, subject: &str| (revision, state.to_owned(), subject.to_owned());
    assert_eq!(states().await, [told(2, "queued", "subject"), told(1, "superseded", "subject")]);
    let due = city.store.lease_letter(None, "one", &at(1)).await.expect("it reads").expect("one is due");
    assert!(city.store.letter_sent(due.id, "one", &Sent::Taken("250 ok".into()), minute).await.expect("kept"));
    queue("b").await;
    queue("c").await;
    assert_eq!(states().await[..2], [told(3, "queued", "[corrected] subject"), told(2, "sent", "subject")]);
}

async fn a_letter_goes_to_one_sender_at_a_time_and_keeps_its_id_on_repeat(city: City) {
    city.store.queue(night(1), &at(0).now, &[letter("a")]).await.expect("it is queued");
    let lease = async |by: &str, when: When| city.store.lease_letter(None, by, &when).await.expect("it reads");
    let first = lease("one", at(1)).await.expect("it is due");
    assert_eq!(lease("two", at(2)).await, None, "somebody has it");
    let again = lease("two", at(5)).await.expect("the lease is over: the first sender died");
    assert_eq!(first.message_id, again.message_id);
    assert!(first.message_id.starts_with("2026-12-01.nightly.finance.1.") && first.message_id.ends_with("@city.example"));
    assert!(!city.store.letter_sent(first.id, "one", &Sent::Taken("late".into()), minute).await.expect("kept"), "not theirs any more");
    assert!(city.store.letter_sent(first.id, "two", &Sent::Later("450 full".into()), |it| minute(5 + it)).await.expect("kept"));
    let waits = &city.store.letters(Some("deferred"), 9).await.expect("they read")[0];
    assert_eq!((waits.attempts, waits.next_at.as_str(), waits.answer.as_deref()), (1, "2026-12-01T18:06:30Z", Some("450 full")));
    assert_eq!(lease("one", at(6)).await, None, "not yet");
    let third = lease("one", at(7)).await.expect("it is time");
    assert!(city.store.letter_sent(third.id, "one", &Sent::Refused("550 no".into()), minute).await.expect("kept"));
    assert_eq!(lease("one", at(30)).await, None, "given up");
    assert_eq!(city.store.retry_letters(None, &at(31).now).await.expect("kept"), 1);
    assert_eq!(lease("one", at(31)).await.map(|it| it.message_id), Some(first.message_id));
}

async fn letters_are_kept_with_their_night_or_not_at_all(city: City) {
    let folded = city.folded(night(1), &[("p-a", 1)]).await;
    let failed: Result<(), StoreError> =
        city.store.keep(night(1), &[], &[], &folded, |_| Err(StoreError::Damaged { what: "letter" })).await;
    assert!(failed.is_err());
    assert!(city.store.nights().await.expect("nights").is_empty());
    let tell = |cases: Vec<Case>| Ok::<_, StoreError>((cases.len(), vec![letter("a")]));
    assert_eq!(city.store.keep(night(1), &[], &[], &folded, tell).await.expect("kept"), 1);
    assert_eq!(city.store.letters(None, 9).await.expect("they read").len(), 1);
}

async fn a_bounce_stands_beside_its_letter_once(city: City) {
    let store = &city.store;
    store.queue(night(1), &at(0).now, &[letter("a")]).await.expect("it is queued");
    let due = store.lease_letter(None, "one", &at(1)).await.expect("it reads").expect("one is due");
    let report = |digest: &str, ids: &[&str], action: Action, status: &str| Report {
        digest: digest.into(),
        message_ids: ids.iter().map(|it| (*it).to_owned()).collect(),
        recipients: vec!["Finance-Desk@City.example".into()],
        action,
        status: status.into(),
    };
    let keep = async |it: &Report| store.keep_bounce(night(2), &at(9).now, it).await.expect("it is kept");
    let late = report("1", &["other@b.example", &due.message_id], Action::Delayed, "4.4.1");
    let nowhere = report("2", &[], Action::Failed, "5.1.1");
    assert_eq!(keep(&nowhere).await, Kept::Foreign, "no letter has gone to the address yet");
    assert_eq!((keep(&late).await, keep(&late).await), (Kept::New, Kept::Known));
    let told = async |since: Option<NaiveDate>| {
        let bounced = store.bounces(since).await.expect("they read");
        bounced.into_iter().map(|it| (it.letter, it.action, it.status, it.matched_by)).collect::<Vec<_>>()
    };
    let line = |action: &str, status: &str, by: &str| (due.id, action.to_owned(), status.to_owned(), by.to_owned());
    assert_eq!(told(None).await, [line("delayed", "4.4.1", "message-id")]);
    assert!(store.letter_sent(due.id, "one", &Sent::Taken("250 ok".into()), minute).await.expect("kept"));
    let others = report("3", &["other@b.example"], Action::Failed, "5.1.1");
    assert_eq!(keep(&others).await, Kept::Foreign, "it names a letter, and the letter is not ours");
    assert_eq!(keep(&nowhere).await, Kept::New, "by the address that the letter went to");
    assert_eq!(told(Some(night(2))).await, [line("failed", "5.1.1", "recipient")], "given up counts more than late");
    assert!(told(Some(night(3))).await.is_empty());
    let listed = store.letters(Some("bounced"), 9).await.expect("they read");
    assert_eq!(listed.iter().map(|it| it.bounced.as_ref().map(|it| it.status.as_str())).collect::<Vec<_>>(), [Some("5.1.1")]);
    assert_eq!(listed[0].state, "sent", "the letter stays as it is");
}

fn wanted(number: u32, deed: Deed) -> Wanted {
    Wanted { number: format!("mu-2026-{number}"), deed, text: "the file".into(), after: None }
}

fn decided(outcome: Outcome, until: Option<NaiveDate>) -> Deed {
    Deed::Decided { outcome, until, document: None, explanation: None }
}

impl City {
    async fn act(&self, who: &str, on: NaiveDate, wanted: &[Wanted]) -> Result<Vec<Stage>, NotDone> {
        let at = format!("{on}T08:00:00Z");
        let actor = Actor { who, login: "local:test", at: &at, on, only_try: false };
        let done = self.store.act(|_| true, &actor, wanted, &Calendar::shipped()).await.expect("the store works");
        done.map_err(|mut it| it.remove(0)).map(|it| it.iter().map(|it| it.standing.stage).collect())
    }
}

async fn a_decided_case_is_not_told_again_until_it_grows(city: City) {
    city.run(night(1), &[("p-a", 100), ("p-b", 100)]).await;
    assert_eq!(city.act("wang-lei", night(1), &[wanted(1, decided(Outcome::C10, None))]).await, Ok(vec![Stage::Decided]));
    let second = city.run(night(2), &[("p-a", 100), ("p-b", 100)]).await;
    assert!(matches!(second[0].state, State::Settled(it) if it.outcome == Outcome::C10), "the decision is told once");
    assert_eq!(told(&second)[1..], ["MU-2026-000002 p-b Open"]);
    assert_eq!(told(&city.run(night(3), &[("p-b", 100)]).await), ["MU-2026-000002 p-b Open"], "its cure is no news either");
    let grown = city.run(night(4), &[("p-a", 200), ("p-b", 100)]).await;
    assert_eq!(told(&grown), ["MU-2026-000001 p-a Reopened", "MU-2026-000002 p-b Open"], "the pay that was to stop has not");
    assert_eq!(city.store.worked(&Calendar::shipped()).await.expect("they read")[0].standing.stage, Stage::New, "the decision is history");
    // An accusation is told until another person has looked too.
    assert_eq!(city.act("wang-lei", night(4), &[wanted(1, decided(Outcome::C2, None))]).await, Ok(vec![Stage::Pending]));
    assert_eq!(city.run(night(5), &[("p-a", 200)]).await.len(), 2);
    let own = NotDone::Refused("MU-2026-000001".into(), Refused::OwnDecision);
    assert_eq!(city.act("wang-lei", night(5), &[wanted(1, Deed::Seconded)]).await, Err(own));
    assert_eq!(city.act("li-na", night(5), &[wanted(1, Deed::Seconded)]).await, Ok(vec![Stage::Decided]));
    assert!(city.run(night(6), &[("p-a", 200)]).await.iter().all(|it| !it.state.is_open()));
    assert!(city.run(night(7), &[("p-a", 200)]).await.is_empty());
    // Opened again by a person, it comes back with the night.
    assert_eq!(city.act("li-na", night(7), &[wanted(1, Deed::Reopened)]).await, Ok(vec![Stage::New]));
    assert_eq!(city.store.worked(&Calendar::shipped()).await.expect("they read")[0].case.state, State::Reopened);
    assert_eq!(told(&city.run(night(8), &[("p-a", 200)]).await), ["MU-2026-000001 p-a Reopened"]);
    let noted = city.store.audit_entries(Some("MU-2026-000001"), 9).await.expect("they read");
    assert_eq!(
        noted.iter().map(|it| it.entry.what.as_str()).collect::<Vec<_>>(),
        ["case-reopened", "case-seconded", "case-decided", "case-decided"]
    );
    assert!(city.run_sql("delete from case_act").await.expect_err("append-only").to_string().contains("append-only"));
}

async fn a_duplicate_points_to_a_case_that_is_worked_on(city: City) {
    city.run(night(1), &[("p-a", 100), ("p-b", 100), ("p-c", 100)]).await;
    let same = |number: u32, of: &str| wanted(number, Deed::Duplicate { of: of.to_owned() });
    let refused = |number: u32, why| Err(NotDone::Refused(format!("MU-2026-{number:06}"), why));
    assert_eq!(city.act("wang-lei", night(1), &[same(1, "MU-2026-9")]).await, refused(1, Refused::NoOther));
    assert_eq!(city.act("wang-lei", night(1), &[same(1, "mu-2026-000001")]).await, refused(1, Refused::Itself));
    assert_eq!(city.act("wang-lei", night(1), &[same(1, "MU-2026-2")]).await, Ok(vec![Stage::Decided]));
    assert_eq!(city.act("wang-lei", night(1), &[same(2, "MU-2026-3")]).await, Ok(vec![Stage::Decided]));
    assert_eq!(city.act("wang-lei", night(1), &[same(3, "MU-2026-1")]).await, refused(3, Refused::Circle));
    let second = city.run(night(2), &[("p-a", 900), ("p-b", 100), ("p-c", 100)]).await;
    assert_eq!(second.iter().filter(|it| it.state.is_open()).count(), 1, "further months are told by the other case");
    let shown = city.store.worked_case("MU-2026-1", &Calendar::shipped()).await.expect("readable").expect("it is there");
    assert_eq!(shown.standing.duplicate_of.as_deref(), Some("MU-2026-2"));
    let all = city.store.worked(&Calendar::shipped()).await.expect("they read");
    assert_eq!((&all[0].case, &all[0].standing), (&shown.case, &shown.standing), "one case is read as all of them are");
}

async fn a_late_case_climbs_one_step_a_night_and_each_once(city: City) {
    use muster_core::case::escalation::{Step, still_late};
    let late = async |tonight: NaiveDate| {
        let before = city.store.before(tonight, &Calendar::shipped()).await.expect("the night may run");
        let mut folded = city.folded(tonight, &[("p-a", 100)]).await;
        folded.escalated = still_late(before.late, &folded.events);
        let steps: Vec<Step> = folded.escalated.iter().map(|it| it.step).collect();
        keep(&city.store, tonight, &[feed(true, 100)], &[], &folded).await.expect("the night is kept");
        steps
    };
    let on = |day: u64| night(1) + chrono::Days::new(day);
    assert!(late(on(0)).await.is_empty() && late(on(1)).await.is_empty());
    let months_later = on(120);
    assert_eq!(late(months_later).await, [Step::UnitHead], "nobody took it up");
    assert_eq!(late(months_later).await, [Step::UnitHead], "the night that is run again says the same");
    assert_eq!(late(on(121)).await, [Step::Organization]);
    let told = city.store.worked_case("MU-2026-1", &Calendar::shipped()).await.expect("readable").expect("it is there");
    assert_eq!(told.escalated, [(Step::UnitHead, months_later), (Step::Organization, on(121))]);
    assert!(told.is_overdue(on(121)));
    // Somebody takes it up: from now on another day counts.
    city.act("wang-lei", on(121), &[wanted(1, Deed::Queried)]).await.expect("done");
    assert!(late(on(122)).await.is_empty());
    assert!(city.run_sql("delete from case_escalation").await.expect_err("append-only").to_string().contains("append-only"));
}

async fn an_explanation_holds_until_its_day(city: City) {
    city.run(night(1), &[("p-a", 100)]).await;
    city.act("wang-lei", night(1), &[wanted(1, decided(Outcome::C4, Some(night(10))))]).await.expect("done");
    let second = city.run(night(2), &[("p-a", 900)]).await;
    assert!(second.iter().all(|it| !it.state.is_open()), "what it explains goes on");
    assert_eq!(city.store.outcomes(&Calendar::shipped()).await.expect("counted")["G01"].explained, 1);
    assert!(city.run(night(10), &[("p-a", 900)]).await.is_empty());
    assert_eq!(told(&city.run(night(11), &[("p-a", 900)]).await), ["MU-2026-000001 p-a Reopened"]);
}

async fn acts_are_done_all_or_none_and_outlive_a_rerun(city: City) {
    city.run(night(1), &[("p-a", 100), ("p-b", 100)]).await;
    let refused = city.act("wang-lei", night(1), &[wanted(1, Deed::Queried), wanted(2, Deed::Closed)]).await;
    assert_eq!(refused, Err(NotDone::Refused("MU-2026-000002".into(), Refused::NotDecided)));
    let nobody = city.act("wang-lei", night(1), &[wanted(1, Deed::Queried), wanted(9, Deed::Queried)]).await;
    assert_eq!(nobody, Err(NotDone::NoCase("mu-2026-9".into())));
    assert_eq!(city.number("select count(*) as n from case_act").await, 0, "nothing half done");
    let both = [wanted(1, decided(Outcome::C9, None)), wanted(2, Deed::Assigned { to: "li-na".into() })];
    assert_eq!(city.act("wang-lei", night(1), &both).await, Ok(vec![Stage::Decided, Stage::Assigned]));
    city.run(night(1), &[("p-a", 100), ("p-b", 100)]).await;
    assert_eq!(told(&city.run(night(2), &[("p-a", 100), ("p-b", 100)]).await)[1..], ["MU-2026-000002 p-b Open"]);
    let all = city.again().await.worked(&Calendar::shipped()).await.expect("they read");
    assert_eq!(all.iter().map(|it| it.acts.len()).collect::<Vec<_>>(), [1, 1]);
}

/// Sixty nights with decisions by chance: every line adds up, and begins where the one before ended.
async fn the_line_of_a_night_ends_where_the_next_begins(city: City) {
    use muster_core::report::total::Balance;
    use rand::{RngExt, SeedableRng};
    let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let people = ["p-a", "p-b", "p-c", "p-d", "p-e"];
    let mut open = 0;
    for day in 1..=60 {
        let tonight = night(1) + chrono::Days::new(day);
        let found: Vec<(&str, i64)> = people.into_iter().filter(|_| dice.random_range(0..3) > 0).map(|it| (it, 100)).collect();
        let folded = city.folded(tonight, &found).await;
        let balance = Balance::of(&folded.cases, &folded.events);
        assert!(balance.holds() && balance.open_before == open, "{balance:?} after {open}");
        open = balance.open_tonight;
        keep(&city.store, tonight, &[feed(true, 100)], &[], &folded).await.expect("the night is kept");
        assert_eq!(city.store.open_cases().await.expect("counted"), open);
        let worked = city.store.worked(&Calendar::shipped()).await.expect("they read");
        for it in worked.iter().filter(|_| dice.random_range(0..6) == 0) {
            let number = it.case.number.clone().expect("a number");
            let deed = match it.case.state {
                State::Open | State::Reopened => decided(Outcome::C10, None),
                State::Settled(settled) if settled.told => Deed::Reopened,
                State::Settled(_) | State::Cured => continue,
            };
            let wanted = Wanted { number, deed, text: "the file".into(), after: None };
            city.act("wang-lei", tonight, &[wanted]).await.expect("done");
        }
    }
}

mod letters;
/// Eighty nights of a small town with two reviewers and lost feeds: `muster bench nights` does more.
async fn counts_balance_and_numbers_stay_over_many_nights(city: City) {
    let plan = nights::Plan { nights: 80, people: 4_000, seed: 3 };
    let marks = nights::simulate(&city.store, plan, |_| {}).await.expect("every night is right");
    let last = marks.last().expect("ten marks");
    assert!(last.cured > 20 && last.decided > 20 && last.reopened > 5 && last.open > 5, "{last:?}");
}

mod retain;
