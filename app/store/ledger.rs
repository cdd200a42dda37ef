//! The ledger of due times: each has one row, and in the end one outcome.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::db::{Row, Tx, personal, values};
use super::{Store, StoreError};
use crate::schedule::job::Job;

/// What became of a due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A process is at it.
    Running,
    /// The night is kept.
    Done,
    /// It could not be kept.
    Failed,
    /// Nothing ran when it was due, and it is not caught up.
    Missed,
    /// It was due while another was running, or while the schedule was paused.
    Skipped,
}

impl Outcome {
    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Running => "running",
            Outcome::Done => "done",
            Outcome::Failed => "failed",
            Outcome::Missed => "missed",
            Outcome::Skipped => "skipped",
        }
    }

    fn read(word: &str) -> Result<Outcome, StoreError> {
        let all = [Outcome::Running, Outcome::Done, Outcome::Failed, Outcome::Missed, Outcome::Skipped];
        all.into_iter().find(|it| it.word() == word).ok_or(StoreError::Damaged { what: "outcome" })
    }
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What was due.
    pub job: Job,
    /// Wall-clock time at the place, `2026-11-16T01:30`.
    pub slot: String,
    /// Instant, UTC.
    pub due_at: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, where not all went well.
    pub why: Option<String>,
    /// The process that runs or ran it.
    pub holder: Option<String>,
    /// How often it was begun.
    pub attempts: i64,
    /// Instant, UTC.
    pub started_at: Option<String>,
    /// Instant, UTC.
    pub ended_at: Option<String>,
}

/// Where the job stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Up to where due times were accounted for; null before the first start.
    pub watermark: Option<DateTime<Utc>>,
    /// Who paused it and why; null while it is not paused.
    pub paused: Option<(String, String)>,
}

/// An instant as the ledger writes it.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(crate) async fn standing(db: &mut Tx, job: Job) -> Result<Standing, StoreError> {
    let row = db.row("select watermark, paused_by, paused_why from schedule_job where job = $1", values![job.word()]).await?;
    let Some(row) = row else { return Ok(Standing::default()) };
    let watermark = DateTime::parse_from_rfc3339(row.text("watermark")?).map_err(|_| StoreError::Damaged { what: "watermark" })?;
    let paused = match row.maybe_text("paused_by")? {
        Some(by) => Some((by.to_owned(), row.maybe_text("paused_why")?.unwrap_or_default().to_owned())),
        None => None,
    };
    Ok(Standing { watermark: Some(watermark.to_utc()), paused })
}

pub(crate) async fn account(db: &mut Tx, job: Job, watermark: DateTime<Utc>) -> Result<(), StoreError> {
    db.run(
        "insert into schedule_job (job, watermark) values ($1, $2) on conflict (job) do update set watermark = excluded.watermark",
        values![job.word(), instant(watermark)],
    )
    .await?;
    Ok(())
}

/// Writes a new line; nothing happens where the slot has one already. Says whether it was written.
pub(crate) async fn enter(db: &mut Tx, entry: &Entry) -> Result<bool, StoreError> {
    let touched = db
        .run(
            "insert into schedule_due (job, slot, due_at, outcome, why, holder, attempts, started_at, ended_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (job, slot) do nothing",
            values![
                entry.job.word(),
                &entry.slot,
                &entry.due_at,
                entry.outcome.word(),
                &entry.why,
                &entry.holder,
                entry.attempts,
                &entry.started_at,
                &entry.ended_at
            ],
        )
        .await?;
    Ok(touched > 0)
}

/// Takes back lines that nobody began and that are not due before `now`: a clock that was ahead wrote them.
pub(crate) async fn forget_not_come(db: &mut Tx, job: Job, now: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = "delete from schedule_due where job = $1 and due_at > $2 and attempts = 0 and outcome in ('missed', 'skipped')";
    db.run(sql, values![job.word(), instant(now)]).await?;
    Ok(())
}

/// Lines that are running, the oldest first.
pub(crate) async fn running(db: &mut Tx, job: Job) -> Result<Vec<Entry>, StoreError> {
    let rows = db.rows("select * from schedule_due where job = $1 and outcome = 'running' order by due_at", values![job.word()]).await?;
    rows.iter().map(entry).collect()
}

/// The newest slot in the ledger.
pub(crate) async fn newest(db: &mut Tx, job: Job) -> Result<Option<Entry>, StoreError> {
    let row = db.row("select * from schedule_due where job = $1 order by due_at desc limit 1", values![job.word()]).await?;
    row.as_ref().map(entry).transpose()
}

/// Gives a running line another holder.
pub(crate) async fn take_over(db: &mut Tx, job: Job, slot: &str, holder: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = "update schedule_due set holder = $1, attempts = attempts + 1, started_at = $2 where job = $3 and slot = $4 and outcome = 'running'";
    db.run(sql, values![holder, instant(now), job.word(), slot]).await?;
    Ok(())
}

/// Ends a running line of `holder`; says whether it was still theirs.
pub(crate) async fn end(
    db: &mut Tx,
    job: Job,
    slot: &str,
    holder: &str,
    outcome: Outcome,
    why: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let sql = "update schedule_due set outcome = $1, why = $2, ended_at = $3 where job = $4 and slot = $5 and holder = $6 and outcome = 'running'";
    Ok(db.run(sql, values![outcome.word(), why, instant(now), job.word(), slot, holder]).await? > 0)
}

impl Store {
    /// The newest lines of a job, the newest first.
    pub async fn ledger(&self, job: Job, rows: u32) -> Result<Vec<Entry>, StoreError> {
        let found = self.rows("select * from schedule_due where job = $1 order by due_at desc limit $2", values![job.word(), rows]).await?;
        found.iter().map(entry).collect()
    }

    /// Where the nights stand.
    pub async fn schedule_standing(&self) -> Result<Standing, StoreError> {
        standing(&mut self.db.read().await?, Job::Night).await
    }

    /// Pauses the nights, or lets them go on (`why` null). Due times of a pause are skipped, not caught up. Says whether that changed anything.
    pub async fn pause(&self, by: &str, why: Option<&str>, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let before = standing(&mut write, Job::Night).await?;
        if before.watermark.is_none() {
            account(&mut write, Job::Night, now).await?;
        }
        let changes = before.paused.is_some() != why.is_some();
        if changes {
            let sql = "update schedule_job set paused_by = $1, paused_why = $2, paused_at = $3 where job = $4";
            write.run(sql, values![why.map(|_| by), why.map(personal), instant(now), Job::Night.word()]).await?;
        }
        write.commit().await?;
        Ok(changes)
    }
}

fn entry(row: &Row) -> Result<Entry, StoreError> {
    let maybe = |name| row.maybe_text(name).map(|it| it.map(str::to_owned));
    Ok(Entry {
        job: Job::read(row.text("job")?).ok_or(StoreError::Damaged { what: "job" })?,
        slot: row.text("slot")?.to_owned(),
        due_at: row.text("due_at")?.to_owned(),
        outcome: Outcome::read(row.text("outcome")?)?,
        why: maybe("why")?,
        holder: maybe("holder")?,
        attempts: row.int("attempts")?,
        started_at: maybe("started_at")?,
        ended_at: maybe("ended_at")?,
    })
}
