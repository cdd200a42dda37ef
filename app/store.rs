//! What the hub remembers from night to night: feed counts, cases and what happened to them. One SQLite file, or a PostgreSQL
//! database.
//!
//! A night is read from [`Store::before`] and written by [`Store::keep`], in one transaction. Nothing that a night wrote is
//! changed later: a night that is run again, because it was killed or because a department sent better data, starts from the
//! same cases as the first time and is kept as a further run, and from then on only that run counts. The tables are in
//! `store/sqlite/` and `store/postgres/`: the same migrations, each in the words of its database.

pub mod alarms;
pub mod audit;
pub mod bounces;
pub mod check;
pub mod copy;
pub mod db;
pub mod feeds;
pub mod history;
pub mod judgements;
pub mod lease;
pub mod ledger;
pub mod outbox;
pub mod retain;
pub mod rules;
mod sealing;
pub mod trend;
pub mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use muster_core::calendar::Calendar;
use muster_core::case::escalation::Escalation;
use muster_core::case::{Case, Folded, What};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use thiserror::Error;

use crate::clock;
use crate::config::City;
use crate::mail::Letter;
use crate::night::{FeedNight, RuleNight};
use crate::run::Stop;
use crate::vault::{Shut, Vault};
use db::{Address, Db, On, Pool, Row, Tx, Value, personal, values};
use feeds::FeedBefore;
use lease::Lease;

macro_rules! migration {
    ($number:literal, $title:literal, $file:literal) => {
        ($number, $title, include_str!(concat!("store/sqlite/", $file)), include_str!(concat!("store/postgres/", $file)))
    };
}

/// The migrations, in order: number, title, for SQLite, for PostgreSQL. A file that was shipped is never changed; a new one is added.
const MIGRATIONS: &[(i64, &str, &str, &str)] = &[
    migration!(1, "nights and cases", "0001_nights_and_cases.sql"),
    migration!(2, "feed holds", "0002_feed_holds.sql"),
    migration!(3, "judgements", "0003_judgements.sql"),
    migration!(4, "rule nights", "0004_rule_nights.sql"),
    migration!(5, "casework", "0005_casework.sql"),
    migration!(6, "outbox", "0006_outbox.sql"),
    migration!(7, "schedule", "0007_schedule.sql"),
    migration!(8, "audit log", "0008_audit_log.sql"),
    migration!(9, "case decided", "0009_case_decided.sql"),
    migration!(10, "sealing key", "0010_sealing_key.sql"),
    migration!(11, "retention", "0011_retention.sql"),
    migration!(12, "escalations", "0012_escalations.sql"),
    migration!(14, "letter kinds", "0014_letter_kinds.sql"),
    migration!(15, "alarms", "0015_alarms.sql"),
    migration!(16, "bounces", "0016_bounces.sql"),
    migration!(19, "letters held", "0019_letters_held.sql"),
    migration!(20, "letters refused", "0020_letters_refused.sql"),
];

/// The store of one hub.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    /// Under which nights are kept; null: whoever asks.
    lease: Option<Lease>,
    /// How long the steps of a case may take.
    terms: work::Terms,
}

/// A migration that the store has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// Its number.
    pub number: i64,
    /// What it brought.
    pub title: String,
}

/// What a night starts from.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// Every case that was open before the night, by key; also one that people have decided since. The others: [`Store::closed_before`].
    pub cases: Vec<Case>,
    /// By feed, `department/feed`: its last nights, and who holds it.
    pub feeds: BTreeMap<String, FeedBefore>,
    /// Cases that are so late that somebody above is to hear of it, unless the night ends that.
    pub late: Vec<Escalation>,
}

/// Why the store cannot be used. Holds no personal data.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It cannot be opened or created.
    #[error("cannot open the store {place}: {why}")]
    Open {
        /// Its file or server.
        place: String,
        /// As the database says it.
        why: sqlx::Error,
    },
    /// Nobody can tell where it lies.
    #[error("where the store lies cannot be told (`[store]` in muster.toml): {0}")]
    Address(String),
    /// Its tables cannot be brought to this version.
    #[error("the tables of the store {place} cannot be used: {why}")]
    Tables {
        /// Its file or server.
        place: String,
        /// What is wrong with them.
        why: String,
    },
    /// A night before the newest one.
    #[error(
        "night {tonight} is over: {newest} is kept already, and its cases follow from the nights before; only {newest} or a later night can be run"
    )]
    Over {
        /// The night that was asked for.
        tonight: NaiveDate,
        /// The newest night in the store.
        newest: NaiveDate,
    },
    /// Another process has taken the night over.
    #[error("another process has taken this night over, because this one was not heard of; nothing was written")]
    LeaseLost,
    /// A store that should be copied into is in use.
    #[error("the store to copy into is not empty: {table} has rows; name a new one")]
    NotEmpty {
        /// A table that has rows.
        table: &'static str,
    },
    /// What it holds cannot be read.
    #[error("the store is damaged: a {what} cannot be read; restore it from a backup")]
    Damaged {
        /// What cannot be read.
        what: &'static str,
    },
    /// Our keys do not open it.
    #[error("the store cannot be opened: {0}")]
    Shut(#[from] Shut),
    /// Anything else: disk full, read-only, busy for too long.
    #[error("the store: {0}")]
    Database(#[from] sqlx::Error),
}

impl Store {
    /// Opens the store of `city`.
    pub async fn of(city: &City) -> Result<Store, Stop> {
        let vault = city.vault()?;
        let store = Store::at(&city.store().map_err(StoreError::Address)?, &vault).await?;
        Ok(Store { terms: city.settings.cases.terms(), ..store })
    }

    /// Opens the store at `address`, whose personal texts `vault` seals, and brings its tables to this version.
    pub async fn at(address: &Address, vault: &Vault) -> Result<Store, StoreError> {
        let mut store = Store::sealed(address).await?;
        store.db.texts = Some(Arc::new(sealing::texts(&store.db, vault).await?));
        Ok(store)
    }

    /// The same without the key: for copies, and for what says nothing of persons.
    pub async fn sealed(address: &Address) -> Result<Store, StoreError> {
        let db = Db::open(address).await?;
        migrate(&db, address).await?;
        Ok(Store { db, lease: None, terms: work::Terms::default() })
    }

    /// The migrations that it has, in order.
    pub async fn migrated(&self) -> Result<Vec<Migrated>, StoreError> {
        let rows = self.rows("select version, description from _sqlx_migrations order by version", values![]).await?;
        rows.iter().map(|it| Ok(Migrated { number: it.int("version")?, title: it.text("description")?.to_owned() })).collect()
    }

    /// Ends every connection; a file is whole without its companions afterwards.
    pub async fn close(self) {
        self.db.close().await;
    }

    /// Begins to write; waits for others that write.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        self.db.write().await
    }

    /// The rows that a statement gives, in a transaction of its own.
    pub async fn rows(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.db.read().await?.rows(sql, values).await
    }

    /// What the night `tonight` starts from: the state before it, whether or not it was kept before. A night that is over
    /// is refused here, before any department is asked for anything.
    pub async fn before(&self, tonight: NaiveDate, calendar: &Calendar) -> Result<Before, StoreError> {
        let mut read = self.db.read().await?;
        not_over(&mut read, tonight).await?;
        let mut cases = open_before(&mut read, tonight).await?;
        let mut late = work::settle(&mut read, &mut cases, tonight, calendar, self.terms).await?;
        // What is confirmed and waits for measures is told as decided, and is late all the same.
        let mut decided = work::decided_before(&mut read, tonight).await?;
        late.extend(work::settle(&mut read, &mut decided, tonight, calendar, self.terms).await?);
        Ok(Before { cases, feeds: feeds::before(&mut read, tonight).await?, late })
    }

    /// Of the cases that were closed before the night, cured or told as decided, those with these keys: what is found tonight may bring
    /// them back. The others stay as they are and are not read, so that a night costs what is open and not what ever was.
    pub async fn closed_before(&self, tonight: NaiveDate, calendar: &Calendar, keys: &BTreeSet<String>) -> Result<Vec<Case>, StoreError> {
        let mut read = self.db.read().await?;
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        // The plus keeps SQLite from looking every case up in every night.
        let sql = "with newest as (
                       select case_key, max(run) as run from case_event
                       where case_key in ({keys}) and +run in (select run from night where night < $1)
                       group by case_key)
                   select f.year, f.serial, v.body
                   from newest join case_event e using (case_key, run) join case_version v using (case_key, run)
                        join case_file f using (case_key)
                   where e.what in ('cured', 'decided')
                   order by f.case_key";
        let rows = read.rows_of(sql, &[tonight.into()], &keys).await?;
        let mut cases: Vec<Case> = rows.iter().map(case).collect::<Result<_, _>>()?;
        work::settle(&mut read, &mut cases, tonight, calendar, self.terms).await?;
        Ok(cases)
    }

    /// The cases that were closed before the night and opened after `since`.
    pub async fn closed_lately(&self, tonight: NaiveDate, calendar: &Calendar, since: NaiveDate) -> Result<Vec<Case>, StoreError> {
        let mut read = self.db.read().await?;
        let sql = "with newest as (
                       select case_key, max(run) as run from case_event
                       where run in (select run from night where night < $1) group by case_key)
                   select f.year, f.serial, v.body
                   from newest join case_event e using (case_key, run) join case_version v using (case_key, run)
                        join case_file f using (case_key) join night n on n.run = newest.run
                   where e.what in ('cured', 'decided') and n.night > $2
                   order by f.case_key";
        let rows = read.rows(sql, values![tonight, since]).await?;
        let mut cases: Vec<Case> = rows.iter().map(case).collect::<Result<_, _>>()?;
        cases.retain(|it| it.opened_on > since);
        work::settle(&mut read, &mut cases, tonight, calendar, self.terms).await?;
        Ok(cases)
    }

    /// Keeps a night in one transaction, the letters that tell it too, and gives what `tell` makes of its cases with their numbers, by
    /// number. New cases are numbered by family and subject; a case that ever had a number keeps it. When `tell` fails, nothing is kept.
    pub async fn keep<T, E: From<StoreError>>(
        &self,
        tonight: NaiveDate,
        feeds: &[FeedNight],
        rules: &[RuleNight],
        folded: &Folded,
        tell: impl FnOnce(Vec<Case>) -> Result<(T, Vec<Letter>), E>,
    ) -> Result<T, E> {
        let mut write = self.write().await?;
        if let Some(lease) = &self.lease {
            lease::must_hold(&mut write, lease).await?;
        }
        let numbers = write_night(&mut write, tonight, feeds, rules, folded).await?;
        let mut cases: Vec<(Number, Case)> = folded.cases.iter().map(|it| (numbers[&it.key], it.clone())).collect();
        cases.sort_by_key(|(number, _)| *number);
        let cases = cases.into_iter().map(|(number, case)| Case { number: Some(number.text()), ..case }).collect();
        let (told, letters) = tell(cases)?;
        outbox::queue(&mut write, tonight, &clock::now(), &letters).await?;
        write.commit().await?;
        Ok(told)
    }

    /// The case with this number, as it is after the newest night; null when no night that counts knows it.
    pub async fn case_by_number(&self, number: &str) -> Result<Option<Case>, StoreError> {
        let Some(Number { year, serial }) = Number::read(number) else { return Ok(None) };
        let rows = self
            .rows(
                "select f.year, f.serial, v.body
                 from case_file f join case_version v using (case_key) join night n using (run)
                 where f.year = $1 and f.serial = $2
                 order by v.run desc limit 1",
                values![year, serial],
            )
            .await?;
        rows.first().map(case).transpose()
    }

    /// How many cases are open after the newest night: those whose last event was not their cure.
    pub async fn open_cases(&self) -> Result<u64, StoreError> {
        let rows = self
            .rows(
                "with newest as (
                     select e.case_key, max(e.run) as run from case_event e join night n using (run) group by e.case_key)
                 select count(*) as n from newest join case_event e using (case_key, run) where e.what not in ('cured', 'decided')",
                values![],
            )
            .await?;
        Ok(u64::try_from(rows.first().ok_or(StoreError::Damaged { what: "case" })?.int("n")?).unwrap_or(0))
    }

    /// How large it is.
    pub async fn bytes(&self) -> Result<u64, StoreError> {
        let size = match self.db.pool {
            Pool::Sqlite(_) => "select page_count * page_size as n from pragma_page_count(), pragma_page_size()",
            Pool::Postgres(_) => "select pg_database_size(current_database()) as n",
        };
        let rows = self.rows(size, values![]).await?;
        Ok(u64::try_from(rows.first().ok_or(StoreError::Damaged { what: "size" })?.int("n")?).unwrap_or(0))
    }

    /// Every night that is kept, the oldest first.
    pub async fn nights(&self) -> Result<Vec<NaiveDate>, StoreError> {
        let rows = self.rows("select night from night order by night", values![]).await?;
        rows.iter().map(|it| day(it.text("night")?)).collect()
    }
}

/// Brings the tables to this version. Two processes may open a new store at once: the second waits for the first.
async fn migrate(db: &Db, address: &Address) -> Result<(), StoreError> {
    let migration = |(version, title, sqlite, postgres): &(i64, &'static str, &'static str, &'static str)| {
        let sql = match db.pool {
            Pool::Sqlite(_) => *sqlite,
            Pool::Postgres(_) => *postgres,
        };
        Migration::new(*version, (*title).into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let migrator = Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect());
    let mut write = db.write().await?;
    let done = match &mut write.on {
        On::Sqlite(tx) => migrator.run_direct(None, &mut **tx, false).await,
        On::Postgres(tx) => migrator.run_direct(None, &mut **tx, false).await,
    };
    done.map_err(|err| StoreError::Tables {
        place: address.shown(),
        why: match err {
            MigrateError::VersionMissing(_) => "they were made by a newer version of muster".to_owned(),
            MigrateError::VersionMismatch(_) => "they were made by another build of muster".to_owned(),
            other => other.to_string(),
        },
    })?;
    write.commit().await
}

async fn not_over(db: &mut Tx, tonight: NaiveDate) -> Result<(), StoreError> {
    let row = db.row("select max(night) as newest from night_run", values![]).await?;
    match row.as_ref().map(|it| it.maybe_text("newest")).transpose()?.flatten().map(day).transpose()? {
        Some(newest) if newest > tonight => Err(StoreError::Over { tonight, newest }),
        _ => Ok(()),
    }
}

async fn open_before(db: &mut Tx, tonight: NaiveDate) -> Result<Vec<Case>, StoreError> {
    let rows = db
        .rows(
            "with newest as (
                 select case_key, max(run) as run from case_event
                 where run in (select run from night where night < $1)
                 group by case_key)
             select f.year, f.serial, v.body
             from newest join case_event e using (case_key, run) join case_version v using (case_key, run)
                  join case_file f using (case_key)
             where e.what not in ('cured', 'decided')
             order by f.case_key",
            values![tonight],
        )
        .await?;
    rows.iter().map(case).collect()
}

/// All that a night writes; nothing of it is seen before the caller commits.
async fn write_night(
    db: &mut Tx,
    tonight: NaiveDate,
    feeds: &[FeedNight],
    rules: &[RuleNight],
    folded: &Folded,
) -> Result<BTreeMap<String, Number>, StoreError> {
    not_over(db, tonight).await?;
    let row = db.row("insert into night_run (night) values ($1) returning run", values![tonight]).await?;
    let run = row.ok_or(StoreError::Damaged { what: "night" })?.int("run")?;
    write_feeds(db, run, feeds).await?;
    feeds::keep(db, tonight, &clock::now(), feeds).await?;
    rules::keep(db, run, rules).await?;
    let numbers = number(db, tonight, &folded.cases).await?;
    write_events(db, run, folded).await?;
    work::keep_escalations(db, run, &folded.escalated).await?;
    Ok(numbers)
}

/// What happened, and each case as it was after it.
async fn write_events(db: &mut Tx, run: i64, folded: &Folded) -> Result<(), StoreError> {
    let cases: BTreeMap<&str, &Case> = folded.cases.iter().map(|it| (it.key.as_str(), it)).collect();
    let version = |key: &str| {
        let case = cases.get(key).expect("fold gives the case of every event");
        json(&Case { number: None, ..case.lasting() })
    };
    let versions = folded.events.iter().map(|it| values![run, &it.case, personal(version(&it.case))]).collect();
    db.insert("insert into case_version (run, case_key, body)", versions).await?;
    let events = folded.events.iter().map(|it| values![run, &it.case, word(it.what), json(&it.rules)]).collect();
    db.insert("insert into case_event (run, case_key, what, rules)", events).await
}

async fn write_feeds(db: &mut Tx, run: i64, feeds: &[FeedNight]) -> Result<(), StoreError> {
    let row = |(place, it): (i64, &FeedNight)| {
        let used = it.left_out.is_empty() && it.tally.is_some();
        values![run, place, &it.feed, used, it.tally.as_ref().map(|it| personal(json(it))), &it.sha256, personal(json(&it.left_out))]
    };
    let rows = (0_i64..).zip(feeds).map(row).collect();
    db.insert("insert into feed_night (run, place, feed, used, tally, sha256, left_out)", rows).await
}

/// The numbers of `cases`, by key. Those that have none get the next of the year.
async fn number(db: &mut Tx, tonight: NaiveDate, cases: &[Case]) -> Result<BTreeMap<String, Number>, StoreError> {
    let mut numbers = BTreeMap::new();
    for row in db.rows("select case_key, year, serial from case_file", values![]).await? {
        numbers.insert(row.text("case_key")?.to_owned(), Number::of(&row)?);
    }
    let year = tonight.year();
    let last = numbers.values().filter(|it| it.year == year).map(|it| it.serial).max().unwrap_or(0);
    let mut new: Vec<&Case> = cases.iter().filter(|it| !numbers.contains_key(&it.key)).collect();
    new.sort_by_key(|it| (it.family, it.subject.key()));
    let mut files = Vec::with_capacity(new.len());
    for (serial, case) in (last + 1..).zip(new) {
        numbers.insert(case.key.clone(), Number { year, serial });
        files.push(values![&case.key, year, serial]);
    }
    db.insert("insert into case_file (case_key, year, serial)", files).await?;
    Ok(numbers)
}

/// `MU-2026-000123`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    /// Of the night that opened the case.
    year: i32,
    /// Within the year, from 1.
    serial: i64,
}

impl Number {
    fn of(row: &Row) -> Result<Number, StoreError> {
        let year = i32::try_from(row.int("year")?).map_err(|_| StoreError::Damaged { what: "year" })?;
        Ok(Number { year, serial: row.int("serial")? })
    }

    fn text(self) -> String {
        format!("MU-{}-{:06}", self.year, self.serial)
    }

    /// As a person types it: case and leading zeros do not matter.
    fn read(text: &str) -> Option<Number> {
        let text = text.trim().to_ascii_uppercase();
        let (year, serial) = text.strip_prefix("MU-")?.split_once('-')?;
        Some(Number { year: year.parse().ok()?, serial: serial.parse().ok()? })
    }
}

fn case(row: &Row) -> Result<Case, StoreError> {
    let case: Case = from_json("case", row.text("body")?)?;
    Ok(Case { number: Some(Number::of(row)?.text()), ..case })
}

fn day(text: &str) -> Result<NaiveDate, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged { what: "night" })
}

fn json(it: &impl Serialize) -> String {
    serde_json::to_string(it).expect("our own types have text keys")
}

/// The parser's own message is left out: it may quote what it read.
fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Damaged { what })
}

fn word(what: What) -> &'static str {
    match what {
        What::Opened => "opened",
        What::Changed => "changed",
        What::Cured => "cured",
        What::Reopened => "reopened",
        What::Decided => "decided",
    }
}

fn read_word(word: &str) -> Result<What, StoreError> {
    let all = [What::Opened, What::Changed, What::Cured, What::Reopened, What::Decided];
    all.into_iter().find(|it| self::word(*it) == word).ok_or(StoreError::Damaged { what: "case event" })
}

#[cfg(test)]
mod tests;
