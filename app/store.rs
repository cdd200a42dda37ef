//! What the hub remembers from night to night: feed counts, cases and what happened to them. One SQLite file.
//!
//! A night is read from [`Store::before`] and written by [`Store::keep`], in one transaction. Nothing that a night wrote is
//! changed later: a night that is run again, because it was killed or because a department sent better data, starts from the
//! same cases as the first time and is kept as a further run, and from then on only that run counts. The tables are in
//! `store/sqlite/`.

pub mod feeds;
pub mod rules;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{Datelike, NaiveDate};
use muster_core::case::{Case, Folded, What};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{QueryBuilder, Row, SqlSafeStr, Sqlite, SqliteConnection};
use thiserror::Error;

use crate::clock;
use crate::night::{FeedNight, RuleNight};
use feeds::FeedBefore;

/// The migrations, in order. A file that was shipped is never changed; a new one is added.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "nights and cases", include_str!("store/sqlite/0001_nights_and_cases.sql")),
    (2, "feed holds", include_str!("store/sqlite/0002_feed_holds.sql")),
    (4, "rule nights", include_str!("store/sqlite/0004_rule_nights.sql")),
];

/// How long a write waits for another process that writes.
const BUSY: Duration = Duration::from_secs(30);

/// How soon one that was sent away while opening comes again.
const COME_AGAIN: Duration = Duration::from_millis(20);

/// Rows of one insert; four values each stay far below the 32,766 that a statement may bind.
const ROWS_AT_ONCE: usize = 500;

/// The store of one hub.
#[derive(Clone, Debug)]
pub struct Store {
    pool: SqlitePool,
}

/// What a night starts from.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// Every case as it was before the night, cured ones too, by key.
    pub cases: Vec<Case>,
    /// By feed, `department/feed`: its last nights, and who holds it.
    pub feeds: BTreeMap<String, FeedBefore>,
}

/// Why the store cannot be used. Holds no personal data.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It cannot be opened or created.
    #[error("cannot open the store {path}: {why}")]
    Open {
        /// Its file.
        path: PathBuf,
        /// As the database says it.
        why: sqlx::Error,
    },
    /// Its tables cannot be brought to this version.
    #[error("the tables of the store {path} cannot be used: {why}")]
    Tables {
        /// Its file.
        path: PathBuf,
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
    /// What it holds cannot be read.
    #[error("the store is damaged: a {what} cannot be read; restore it from a backup")]
    Damaged {
        /// What cannot be read.
        what: &'static str,
    },
    /// Anything else: disk full, read-only, busy for too long.
    #[error("the store: {0}")]
    Database(#[from] sqlx::Error),
}

impl Store {
    /// Opens the store in the file `path`, and makes it when there is none; its folder too.
    pub async fn open(path: &Path) -> Result<Store, StoreError> {
        let failed = |why| StoreError::Open { path: path.to_owned(), why };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|err| failed(sqlx::Error::Io(err)))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = connected(options).await.map_err(failed)?;
        migrate(&pool, path).await?;
        Ok(Store { pool })
    }

    /// What the night `tonight` starts from: the state before it, whether or not it was kept before. A night that is over
    /// is refused here, before any department is asked for anything.
    pub async fn before(&self, tonight: NaiveDate) -> Result<Before, StoreError> {
        let mut read = self.pool.begin().await?;
        not_over(&mut read, tonight).await?;
        Ok(Before { cases: cases_before(&mut read, tonight).await?, feeds: feeds::before(&mut read, tonight).await? })
    }

    /// Keeps a night in one transaction and gives its cases back with their numbers, by number. New cases are numbered by
    /// family and subject; a case that ever had a number keeps it.
    pub async fn keep(
        &self,
        tonight: NaiveDate,
        feeds: &[FeedNight],
        rules: &[RuleNight],
        folded: &Folded,
    ) -> Result<Vec<Case>, StoreError> {
        let mut write = self.pool.begin_with("begin immediate").await?;
        let numbers = write_night(&mut write, tonight, feeds, rules, folded).await?;
        write.commit().await?;
        let mut cases: Vec<(Number, Case)> = folded.cases.iter().map(|it| (numbers[&it.key], it.clone())).collect();
        cases.sort_by_key(|(number, _)| *number);
        Ok(cases.into_iter().map(|(number, case)| Case { number: Some(number.text()), ..case }).collect())
    }

    /// The case with this number, as it is after the newest night; null when no night that counts knows it.
    pub async fn case_by_number(&self, number: &str) -> Result<Option<Case>, StoreError> {
        let Some(Number { year, serial }) = Number::read(number) else { return Ok(None) };
        let row = sqlx::query(
            "select f.year, f.serial, v.body
             from case_file f join case_version v using (case_key) join night n using (run)
             where f.year = ? and f.serial = ?
             order by v.run desc limit 1",
        )
        .bind(year)
        .bind(serial)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|it| case(&it)).transpose()
    }

    /// Every night that is kept, the oldest first.
    pub async fn nights(&self) -> Result<Vec<NaiveDate>, StoreError> {
        let rows = sqlx::query("select night from night order by night").fetch_all(&self.pool).await?;
        rows.iter().map(|it| day(&it.try_get::<String, _>(0)?)).collect()
    }
}

/// Brings the tables to this version. Two processes may open a new store at once: the second waits for the first.
/// A pool with its first connection made. That one turns a new file to write-ahead logging, for which SQLite wants the file to
/// itself and does not wait: of several processes that open a new store together all but one are sent away, and come again.
async fn connected(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let mut waited = Duration::ZERO;
    loop {
        match SqlitePoolOptions::new().max_connections(4).connect_with(options.clone()).await {
            Err(err) if is_busy(&err) && waited < BUSY => tokio::time::sleep(COME_AGAIN).await,
            made => return made,
        }
        waited += COME_AGAIN;
    }
}

/// Whether another process has the database: `SQLITE_BUSY` (5) or `SQLITE_LOCKED` (6), with any further code.
fn is_busy(err: &sqlx::Error) -> bool {
    let code = err.as_database_error().and_then(|it| it.code()).and_then(|it| it.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

async fn migrate(pool: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let migration = |(version, title, sql): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*title).into(), MigrationType::Simple, (*sql).into_sql_str(), false)
    };
    let migrator = Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect());
    let mut write = pool.begin_with("begin immediate").await?;
    migrator.run_direct(None, &mut *write, false).await.map_err(|err| StoreError::Tables {
        path: path.to_owned(),
        why: match err {
            MigrateError::VersionMissing(_) => "they were made by a newer version of muster".to_owned(),
            MigrateError::VersionMismatch(_) => "they were made by another build of muster".to_owned(),
            other => other.to_string(),
        },
    })?;
    write.commit().await?;
    Ok(())
}

async fn not_over(db: &mut SqliteConnection, tonight: NaiveDate) -> Result<(), StoreError> {
    let newest: Option<String> = sqlx::query_scalar("select max(night) from night_run").fetch_one(db).await?;
    match newest.map(|it| day(&it)).transpose()? {
        Some(newest) if newest > tonight => Err(StoreError::Over { tonight, newest }),
        _ => Ok(()),
    }
}

async fn cases_before(db: &mut SqliteConnection, tonight: NaiveDate) -> Result<Vec<Case>, StoreError> {
    let rows = sqlx::query(
        "with newest as (
             select v.case_key, max(v.run) as run
             from case_version v join night n using (run)
             where n.night < ?
             group by v.case_key)
         select f.year, f.serial, v.body
         from newest join case_version v using (case_key, run) join case_file f using (case_key)
         order by f.case_key",
    )
    .bind(tonight.to_string())
    .fetch_all(db)
    .await?;
    rows.iter().map(case).collect()
}

/// All that a night writes; nothing of it is seen before the caller commits.
async fn write_night(
    db: &mut SqliteConnection,
    tonight: NaiveDate,
    feeds: &[FeedNight],
    rules: &[RuleNight],
    folded: &Folded,
) -> Result<BTreeMap<String, Number>, StoreError> {
    not_over(&mut *db, tonight).await?;
    let run: i64 =
        sqlx::query_scalar("insert into night_run (night) values (?) returning run").bind(tonight.to_string()).fetch_one(&mut *db).await?;
    for (place, feed) in (0_i64..).zip(feeds) {
        write_feed(&mut *db, run, place, feed).await?;
    }
    feeds::keep(&mut *db, tonight, &clock::now(), feeds).await?;
    rules::keep(&mut *db, run, rules).await?;
    let numbers = number(&mut *db, tonight, &folded.cases).await?;
    write_events(&mut *db, run, folded).await?;
    Ok(numbers)
}

/// What happened, and each case as it was after it.
async fn write_events(db: &mut SqliteConnection, run: i64, folded: &Folded) -> Result<(), StoreError> {
    let cases: BTreeMap<&str, &Case> = folded.cases.iter().map(|it| (it.key.as_str(), it)).collect();
    for events in folded.events.chunks(ROWS_AT_ONCE) {
        let mut versions = QueryBuilder::<Sqlite>::new("insert into case_version (run, case_key, body) ");
        versions.push_values(events, |mut row, event| {
            let case = cases.get(event.case.as_str()).expect("fold gives the case of every event");
            row.push_bind(run).push_bind(&event.case).push_bind(json(&Case { number: None, ..case.lasting() }));
        });
        versions.build().execute(&mut *db).await?;
        let mut happened = QueryBuilder::<Sqlite>::new("insert into case_event (run, case_key, what, rules) ");
        happened.push_values(events, |mut row, event| {
            row.push_bind(run).push_bind(&event.case).push_bind(word(event.what)).push_bind(json(&event.rules));
        });
        happened.build().execute(&mut *db).await?;
    }
    Ok(())
}

async fn write_feed(db: &mut SqliteConnection, run: i64, place: i64, feed: &FeedNight) -> Result<(), StoreError> {
    sqlx::query("insert into feed_night (run, place, feed, used, tally, sha256, left_out) values (?, ?, ?, ?, ?, ?, ?)")
        .bind(run)
        .bind(place)
        .bind(&feed.feed)
        .bind(feed.left_out.is_empty() && feed.tally.is_some())
        .bind(feed.tally.as_ref().map(json))
        .bind(&feed.sha256)
        .bind(json(&feed.left_out))
        .execute(db)
        .await?;
    Ok(())
}

/// The numbers of `cases`, by key. Those that have none get the next of the year.
async fn number(db: &mut SqliteConnection, tonight: NaiveDate, cases: &[Case]) -> Result<BTreeMap<String, Number>, StoreError> {
    let rows = sqlx::query("select case_key, year, serial from case_file").fetch_all(&mut *db).await?;
    let mut numbers = BTreeMap::new();
    for row in rows {
        numbers.insert(row.try_get("case_key")?, Number { year: row.try_get("year")?, serial: row.try_get("serial")? });
    }
    let year = tonight.year();
    let mut serial = numbers.values().filter(|it| it.year == year).map(|it| it.serial).max().unwrap_or(0);
    let mut new: Vec<&Case> = cases.iter().filter(|it| !numbers.contains_key(&it.key)).collect();
    new.sort_by_key(|it| (it.family, it.subject.key()));
    for cases in new.chunks(ROWS_AT_ONCE) {
        let mut files = QueryBuilder::<Sqlite>::new("insert into case_file (case_key, year, serial) ");
        files.push_values(cases, |mut row, case| {
            serial += 1;
            numbers.insert(case.key.clone(), Number { year, serial });
            row.push_bind(&case.key).push_bind(year).push_bind(serial);
        });
        files.build().execute(&mut *db).await?;
    }
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

fn case(row: &sqlx::sqlite::SqliteRow) -> Result<Case, StoreError> {
    let number = Number { year: row.try_get("year")?, serial: row.try_get("serial")? };
    let case: Case = from_json("case", row.try_get::<&str, _>("body")?)?;
    Ok(Case { number: Some(number.text()), ..case })
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
    }
}

#[cfg(test)]
mod tests;
