use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::mail::kind::Kind;
use crate::schedule::ScheduleFile;
use crate::store::db::Address;

fn utc(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("an instant").to_utc()
}

async fn store(folder: &tempfile::TempDir) -> Store {
    Store::at(&Address::File(folder.path().join("muster.db")), &crate::vault::TESTS).await.expect("a store")
}

fn schedule(night: &str, zone: Tz, catch_up: CatchUp) -> Schedule {
    ScheduleFile { zone: zone.name().to_owned(), night: night.to_owned(), catch_up, ..ScheduleFile::default() }
        .check(std::path::Path::new("."))
        .expect("a schedule")
}

/// A city in Shanghai whose nights are due at 01:30, which is 17:30 the day before in UTC.
struct Place {
    _folder: tempfile::TempDir,
    keeper: Keeper,
}

impl Place {
    async fn new(catch_up: CatchUp) -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = Keeper {
            store: store(&folder).await,
            job: Job::Night,
            schedule: schedule("01:30", Tz::Asia__Shanghai, catch_up),
            me: "one".to_owned(),
        };
        Place { _folder: folder, keeper }
    }

    async fn tick(&self, now: &str, busy: bool) -> Option<String> {
        self.keeper.tick(utc(now), busy, |_| false).await.expect("it is written").map(|it| it.name())
    }

    async fn end(&self, slot: &str, outcome: Outcome, now: &str) {
        let slot = NaiveDateTime::parse_from_str(slot, "%Y-%m-%dT%H:%M").expect("a slot");
        let ours = self.keeper.ended(Due { at: utc(now), slot }, outcome, None, utc(now)).await.expect("it is written");
        assert!(ours);
    }

    async fn told(&self) -> Vec<(String, Outcome)> {
        let mut lines = self.keeper.store.ledger(Job::Night, 1000).await.expect("it reads");
        lines.reverse();
        lines.into_iter().map(|it| (it.slot, it.outcome)).collect()
    }
}

fn line(slot: &str, outcome: Outcome) -> (String, Outcome) {
    (slot.to_owned(), outcome)
}

#[tokio::test]
async fn the_first_start_replays_nothing_and_a_night_is_begun_once() {
    let place = Place::new(CatchUp::All).await;
    assert_eq!(place.tick("2026-11-15T12:00:00Z", false).await, None);
    assert_eq!(place.tick("2026-11-15T17:29:59Z", false).await, None);
    assert_eq!(place.tick("2026-11-15T17:30:00Z", false).await.as_deref(), Some("2026-11-16T01:30"));
    assert_eq!(place.tick("2026-11-15T17:30:10Z", true).await, None);
    place.end("2026-11-16T01:30", Outcome::Done, "2026-11-15T17:40:00Z").await;
    assert_eq!(place.tick("2026-11-15T17:41:00Z", false).await, None);
    assert_eq!(place.told().await, [line("2026-11-16T01:30", Outcome::Done)]);
}

#[tokio::test]
async fn every_job_has_a_ledger_of_its_own() {
    let place = Place::new(CatchUp::All).await;
    let text = "[backup]\nat = '04:30'\nfolder = 'backups'\nkeep = 3\n";
    let file: ScheduleFile = toml::from_str(text).expect("TOML");
    let schedule = file.check(std::path::Path::new("/srv/muster")).expect("a schedule");
    let backup = Keeper { job: Job::Backup, schedule: schedule.clone(), ..place.keeper.clone() };
    let tick = async |now: &str| backup.tick(utc(now), false, |_| false).await.expect("it is written");
    assert_eq!(tick("2026-11-15T12:00:00Z").await, None);
    assert_eq!(place.tick("2026-11-15T12:00:00Z", false).await, None);
    assert_eq!(place.tick("2026-11-15T17:30:00Z", false).await.as_deref(), Some("2026-11-16T01:30"));
    assert_eq!(tick("2026-11-15T17:30:00Z").await, None, "it is due at half past four");
    // Three days later: one backup makes up for the others.
    let due = tick("2026-11-18T02:00:00Z").await.expect("it is due");
    assert_eq!(due.name(), "2026-11-18T04:30");
    let command = Job::Backup.command(due, &schedule).expect("it is scheduled");
    assert_eq!(command, ["store", "backup", "/srv/muster/backups/muster-2026-11-18T0430.db", "--keep", "3"]);
    assert!(backup.ended(due, Outcome::Done, None, utc("2026-11-18T02:00:09Z")).await.expect("it is written"));
    let told = backup.store.ledger(Job::Backup, 9).await.expect("it reads");
    assert_eq!(told.iter().map(|it| it.outcome).collect::<Vec<_>>(), [Outcome::Done, Outcome::Missed, Outcome::Missed]);
    assert_eq!(place.told().await, [line("2026-11-16T01:30", Outcome::Running)]);
    let nothing = Keeper { job: Job::Retain, ..place.keeper.clone() };
    assert_eq!(nothing.tick(utc("2026-11-18T02:00:00Z"), false, |_| false).await.expect("read"), None, "nobody scheduled it");
}

#[tokio::test]
async fn missed_nights_are_caught_up_by_policy() {
    let slots = ["2026-11-16T01:30", "2026-11-17T01:30", "2026-11-18T01:30"];
    for (policy, outcomes) in [
        (CatchUp::Latest, [Outcome::Missed, Outcome::Missed, Outcome::Done]),
        (CatchUp::None, [Outcome::Missed, Outcome::Missed, Outcome::Missed]),
        (CatchUp::All, [Outcome::Done, Outcome::Done, Outcome::Done]),
    ] {
        let place = Place::new(policy).await;
        place.tick("2026-11-15T12:00:00Z", false).await;
        let mut now = utc("2026-11-18T02:00:00Z");
        while let Some(due) = place.keeper.tick(now, false, |_| false).await.expect("written") {
            assert_eq!(place.keeper.tick(now, true, |_| false).await.expect("written"), None, "one at a time");
            now += TimeDelta::minutes(20);
            place.keeper.ended(due, Outcome::Done, None, now).await.expect("written");
        }
        let told: Vec<(String, Outcome)> = slots.iter().zip(outcomes).map(|(slot, outcome)| line(slot, outcome)).collect();
        assert_eq!(place.told().await, told, "{policy:?}");
    }
}

#[tokio::test]
async fn a_night_that_outlasts_the_next_has_it_skipped() {
    let place = Place::new(CatchUp::Latest).await;
    place.tick("2026-11-15T12:00:00Z", false).await;
    place.tick("2026-11-15T17:30:00Z", false).await;
    assert_eq!(place.tick("2026-11-16T17:30:05Z", true).await, None);
    place.end("2026-11-16T01:30", Outcome::Done, "2026-11-16T18:00:00Z").await;
    assert_eq!(place.told().await, [line("2026-11-16T01:30", Outcome::Done), line("2026-11-17T01:30", Outcome::Skipped)]);
}

#[tokio::test]
async fn a_clock_put_back_doubles_nothing_and_a_changed_schedule_replays_nothing() {
    let mut place = Place::new(CatchUp::Latest).await;
    place.tick("2026-11-15T12:00:00Z", false).await;
    place.tick("2026-11-15T17:30:00Z", false).await;
    place.end("2026-11-16T01:30", Outcome::Done, "2026-11-15T17:40:00Z").await;
    assert_eq!(place.tick("2026-11-15T15:00:00Z", false).await, None, "the clock was put back");
    assert_eq!(place.tick("2026-11-15T17:30:00Z", false).await, None, "and came up again");
    place.keeper.schedule = schedule("0 * * * *", Tz::Asia__Shanghai, CatchUp::All);
    assert_eq!(place.tick("2026-11-15T17:45:00Z", false).await, None, "hours before the change are not replayed");
    assert_eq!(place.tick("2026-11-15T18:00:00Z", false).await.as_deref(), Some("2026-11-16T02:00"));
}

#[tokio::test]
async fn a_clock_that_was_a_year_ahead_loses_no_night_once_it_is_set_right() {
    for policy in [CatchUp::Latest, CatchUp::None] {
        let place = Place::new(policy).await;
        place.tick("2026-11-15T12:00:00Z", false).await;
        if let Some(ahead) = place.tick("2027-11-20T12:00:00Z", false).await {
            place.end(&ahead, Outcome::Failed, "2027-11-20T12:10:00Z").await;
        }
        assert_eq!(place.tick("2026-11-15T12:10:00Z", false).await, None, "set right");
        for (slot, now) in [("2026-11-16T01:30", "2026-11-15T17:30:00Z"), ("2026-11-17T01:30", "2026-11-16T17:30:00Z")] {
            assert_eq!(place.tick(now, false).await.as_deref(), Some(slot), "{policy:?}");
            place.end(slot, Outcome::Done, now).await;
        }
        let told = place.told().await;
        assert_eq!(told[..2], [line("2026-11-16T01:30", Outcome::Done), line("2026-11-17T01:30", Outcome::Done)]);
    }
}

#[tokio::test]
async fn a_night_whose_process_died_is_begun_again_and_given_up_in_the_end() {
    let place = Place::new(CatchUp::Latest).await;
    place.tick("2026-11-15T12:00:00Z", false).await;
    place.tick("2026-11-15T17:30:00Z", false).await;
    for attempt in 2..=3 {
        let again = Keeper { me: format!("process {attempt}"), ..place.keeper.clone() };
        let due = again.tick(utc("2026-11-15T17:50:00Z"), false, |_| false).await.expect("written").expect("begun again");
        assert_eq!(due.name(), "2026-11-16T01:30");
        assert!(!place.keeper.ended(due, Outcome::Done, None, due.at).await.expect("written"), "not theirs any more");
    }
    let last = Keeper { me: "process 4".to_owned(), ..place.keeper.clone() };
    assert_eq!(last.tick(utc("2026-11-15T18:00:00Z"), false, |_| false).await.expect("written"), None);
    assert_eq!(place.told().await, [line("2026-11-16T01:30", Outcome::Failed)]);
}

#[tokio::test]
async fn a_pause_skips_and_says_who() {
    let place = Place::new(CatchUp::All).await;
    place.tick("2026-11-15T12:00:00Z", false).await;
    let pause = async |why| place.keeper.store.pause("wang-lei", why, utc("2026-11-15T13:00:00Z")).await.expect("written");
    assert!(pause(Some("机房检修")).await && !pause(Some("again")).await);
    assert_eq!(place.tick("2026-11-15T17:30:00Z", false).await, None);
    assert!(pause(None).await);
    assert_eq!(place.tick("2026-11-16T17:30:00Z", false).await.as_deref(), Some("2026-11-17T01:30"));
    let skipped = &place.keeper.store.ledger(Job::Night, 9).await.expect("it reads")[1];
    assert!(
        skipped.outcome == Outcome::Skipped && skipped.why.as_deref().is_some_and(|it| it.contains("wang-lei") && it.contains("机房检修"))
    );
}

/// A year of nights with two keepers on one store: restarts, processes that die, clocks that jump, nights that take long, changes of
/// the clocks. Every night of the year has exactly one line, and no two ever ran at once.
#[tokio::test]
async fn a_year_has_every_night_accounted_for_once() {
    for (seed, zone, catch_up) in
        [(1, Tz::Europe__London, CatchUp::Latest), (2, Tz::Asia__Shanghai, CatchUp::None), (3, Tz::Europe__London, CatchUp::All)]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(&folder).await;
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let schedule = Schedule { grace_minutes: 180, ..schedule("01:30", zone, catch_up) };
        let keeper = |it: i32| Keeper { store: store.clone(), job: Job::Night, schedule: schedule.clone(), me: format!("{it}-0") };
        let mut keepers = [keeper(0), keeper(1)];
        let mut runs: BTreeMap<String, (Due, DateTime<Utc>)> = BTreeMap::new();
        let living = RefCell::new(BTreeSet::from(["0-0".to_owned(), "1-0".to_owned()]));
        let start = utc("2027-01-01T12:00:00Z");
        let (mut now, mut latest, mut born) = (start, start, 0);
        let mut end = utc("2028-01-01T12:00:00Z");
        while now < end {
            now += match dice.random_range(0..200) {
                0 => TimeDelta::hours(dice.random_range(1..80)),
                1 => -TimeDelta::hours(dice.random_range(1..30)),
                _ => TimeDelta::minutes(dice.random_range(40..180)),
            };
            latest = latest.max(now);
            let which = dice.random_range(0..2_usize);
            let me = keepers[which].me.clone();
            if dice.random_range(0..40) == 0 {
                // It dies, in the middle of a night perhaps, and starts anew under another name.
                runs.remove(&me);
                living.borrow_mut().remove(&me);
                born += 1;
                keepers[which].me = format!("{which}-{born}");
                living.borrow_mut().insert(keepers[which].me.clone());
                continue;
            }
            if runs.get(&me).is_some_and(|(_, until)| *until <= now) {
                let (due, _) = runs.remove(&me).expect("looked at above");
                let outcome = if dice.random_range(0..20) == 0 { Outcome::Failed } else { Outcome::Done };
                assert!(keepers[which].ended(due, outcome, None, now).await.expect("written"));
            }
            let lives: BTreeSet<String> = living.borrow().clone();
            if let Some(due) = keepers[which].tick(now, runs.contains_key(&me), |it| lives.contains(it)).await.expect("written") {
                assert!(runs.is_empty(), "two nights at once: {due:?} beside {runs:?}");
                let hours = if dice.random_range(0..40) == 0 { 30 } else { 1 };
                runs.insert(me, (due, now + TimeDelta::hours(hours)));
            }
        }
        // The last ones end, and nothing more is due.
        end = latest.max(end);
        for keeper in &keepers {
            if let Some((due, _)) = runs.remove(&keeper.me) {
                keeper.ended(due, Outcome::Done, None, end).await.expect("written");
            }
        }
        while let Some(due) = keepers[0].tick(end, false, |_| false).await.expect("written") {
            keepers[0].ended(due, Outcome::Done, None, end).await.expect("written");
        }
        let lines = store.ledger(Job::Night, 10_000).await.expect("it reads");
        let nights: Vec<NaiveDate> = lines.iter().rev().map(|it| it.slot[..10].parse().expect("a day")).collect();
        let expected: Vec<NaiveDate> = schedule.night.between(start, end).iter().map(Due::night).collect();
        assert!(nights == expected, "every night has one line: {} of {}", nights.len(), expected.len());
        assert!(lines.iter().all(|it| it.outcome != Outcome::Running));
        let count = |outcome| lines.iter().filter(|it| it.outcome == outcome).count();
        assert!(count(Outcome::Done) > 250, "{:?} {:?}", catch_up, [count(Outcome::Done), count(Outcome::Missed), count(Outcome::Failed)]);
        if catch_up == CatchUp::All {
            assert_eq!(count(Outcome::Missed) + count(Outcome::Skipped), 0, "all are caught up");
        } else {
            assert!(count(Outcome::Missed) > 0, "the clock jumped over some");
        }
    }
}

/// A year in London of nights at one and letters at half past one, which the clocks skip in spring and repeat in autumn; the daemon is
/// away now and then, for days at times. Every letter goes once, never before its time, and as soon as there is a daemon; every time of
/// the letters has one line.
#[tokio::test]
async fn a_year_of_held_letters_goes_on_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let text = "zone = 'Europe/London'\nnight = '01:00'\n[mail]\nnightly = '01:30'\nmonthly = '0 8 1 * *'\n";
    let schedule = toml::from_str::<ScheduleFile>(text).expect("TOML").check(std::path::Path::new(".")).expect("a schedule");
    let keeper = |job| Keeper { store: store.clone(), job, schedule: schedule.clone(), me: "one".to_owned() };
    let (nights, mails, weekly) = (keeper(Job::Night), keeper(Job::MailNightly), keeper(Job::MailWeekly));
    let mut dice = ChaCha8Rng::seed_from_u64(7);
    let (start, end) = (utc("2027-01-01T12:00:00Z"), utc("2028-01-01T12:00:00Z"));
    let mut now = start;
    let mut waiting: BTreeMap<NaiveDate, DateTime<Utc>> = BTreeMap::new();
    let (mut sent, mut away_since) = (BTreeMap::new(), start);
    while now < end {
        if let Some(due) = nights.tick(now, false, |_| false).await.expect("written") {
            let until = schedule.mail.until(Kind::Nightly, due.night(), &schedule.night).expect("it is held");
            assert!(until >= due.at && until - due.at <= TimeDelta::minutes(90), "{due:?} {until}");
            waiting.insert(due.night(), until);
            assert!(nights.ended(due, Outcome::Done, None, now).await.expect("written"));
        }
        assert_eq!(weekly.tick(now, false, |_| false).await.expect("written"), None, "weekly letters have no time");
        if let Some(due) = mails.tick(now, false, |_| false).await.expect("written") {
            assert!(due.at <= now && due.at > away_since, "{due:?} is begun as soon as there is somebody");
            let ready: Vec<NaiveDate> = waiting.iter().filter(|(_, until)| **until <= now).map(|(night, _)| *night).collect();
            for night in ready {
                let until = waiting.remove(&night).expect("looked at above");
                assert!(sent.insert(night, (until, now)).is_none(), "{night} is sent once");
            }
            assert!(mails.ended(due, Outcome::Done, None, now).await.expect("written"));
        }
        away_since = now;
        // It is there when the clocks are changed, at the ends of March and October.
        now += match dice.random_range(0..200) {
            0 if now.day() < 24 => TimeDelta::hours(dice.random_range(1..80)),
            _ => TimeDelta::minutes(dice.random_range(15..45)),
        };
    }
    let kept = nights.store.ledger(Job::Night, 10_000).await.expect("it reads").iter().filter(|it| it.outcome == Outcome::Done).count();
    assert!(kept > 250 && waiting.is_empty() && sent.len() == kept, "{kept} nights, {} letters, {} wait", sent.len(), waiting.len());
    let on = |day: &str| sent.get(&day.parse::<NaiveDate>().expect("a day")).map(|it| it.0);
    assert_eq!(on("2027-03-28"), Some(utc("2027-03-28T01:00:00Z")), "the clocks skip it: the first instant after");
    assert_eq!(on("2027-10-31"), Some(utc("2027-10-31T00:30:00Z")), "it comes twice: the first time");
    let lines = mails.store.ledger(Job::MailNightly, 10_000).await.expect("it reads");
    let slots: Vec<String> = lines.iter().rev().map(|it| it.slot.clone()).collect();
    let expected: Vec<String> = schedule.mail.nightly.as_ref().expect("it has a time").between(start, end).iter().map(Due::name).collect();
    assert_eq!(slots, expected, "every time has one line");
    assert!(lines.iter().any(|it| it.outcome == Outcome::Missed) && lines.iter().all(|it| it.outcome != Outcome::Running));
    let due = Due { at: now, slot: now.naive_utc() };
    assert_eq!(Job::MailMonthly.command(due, &schedule).expect("a command"), ["mail", "send", "--kind", "monthly"]);
}
