//! What becomes of every due time of a job: begun, missed, skipped; ended well or not. Decided and written in one transaction.
//!
//! The watermark says up to where due times were accounted for: a clock that is put forward makes late what it jumped over, a changed
//! schedule replays nothing. It falls only when the clock was far ahead and was set right; no slot is begun twice for that, because a
//! slot has one line. Several keepers may work on one store.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::due::Due;
use super::job::Job;
use super::{CatchUp, Schedule};
use crate::store::ledger::{self, Entry, Outcome, instant};
use crate::store::{Store, StoreError};

/// What died with its process is begun that often in all.
const ATTEMPTS_MAX: i64 = 3;

/// A clock that shows so much less than the watermark was ahead; less than that, clocks of two machines may differ.
const AHEAD: TimeDelta = TimeDelta::hours(1);

/// Decides for one process.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// Where the ledger is.
    pub store: Store,
    /// What it keeps.
    pub job: Job,
    /// When that is due.
    pub schedule: Schedule,
    /// The name of this process.
    pub me: String,
}

impl Keeper {
    /// Accounts for every due time up to `now` and gives the one that is to be begun. `busy`: this process is at the job.
    /// `lives`: whether another process may still be there.
    pub async fn tick(&self, now: DateTime<Utc>, busy: bool, lives: impl Fn(&str) -> bool + Send) -> Result<Option<Due>, StoreError> {
        let (job, catch_up) = (self.job, self.job.catch_up(&self.schedule));
        let Some(wall) = job.wall(&self.schedule) else { return Ok(None) };
        let mut write = self.store.write().await?;
        let standing = ledger::standing(&mut write, job).await?;
        let Some(mut watermark) = standing.watermark else {
            // The first start: what was due before nobody had asked for.
            ledger::account(&mut write, job, now).await?;
            write.commit().await?;
            return Ok(None);
        };
        if watermark - now > AHEAD {
            tracing::warn!(%watermark, %now, "the clock was ahead and was set right: nights that it made out to be missed come again");
            ledger::forget_not_come(&mut write, job, now).await?;
            watermark = now;
        }
        let mut begun = None;
        let mut at_work = None;
        let newest = ledger::newest(&mut write, job).await?;
        for entry in ledger::running(&mut write, job).await? {
            let holder = entry.holder.clone().unwrap_or_default();
            if if holder == self.me { busy } else { lives(&holder) } {
                at_work = Some(entry.slot);
                continue;
            }
            let is_newest = newest.as_ref().is_some_and(|it| it.slot == entry.slot);
            let again = is_newest && entry.attempts < ATTEMPTS_MAX && catch_up != CatchUp::None && standing.paused.is_none();
            match due(&entry).filter(|_| again && !busy) {
                Some(due) => {
                    ledger::take_over(&mut write, job, &entry.slot, &self.me, now).await?;
                    at_work = Some(entry.slot);
                    begun = Some(due);
                }
                None => {
                    let why = "进程中途消失 the process that ran it is gone";
                    ledger::end(&mut write, job, &entry.slot, &holder, Outcome::Failed, Some(why), now).await?;
                }
            }
        }
        let dues = wall.between(watermark, now);
        let mut accounted = watermark.max(now);
        let runs = self.runs(&dues, now);
        for (place, due) in dues.iter().enumerate() {
            let (outcome, why) = match (&standing.paused, &at_work) {
                (Some((by, why)), _) => (Outcome::Skipped, Some(format!("{by} 暂停 paused: {why}"))),
                (None, Some(_)) if runs[place] && catch_up == CatchUp::All => {
                    // Its turn comes when the one before has ended.
                    accounted = due.at - TimeDelta::seconds(1);
                    break;
                }
                (None, Some(slot)) if runs[place] => (Outcome::Skipped, Some(format!("{slot} 仍在运行 is still running"))),
                (None, None) if runs[place] => (Outcome::Running, None),
                _ => (Outcome::Missed, Some("当时没有运行 nothing ran when it was due".to_owned())),
            };
            let starts = outcome == Outcome::Running;
            let entry = Entry {
                job,
                slot: due.name(),
                due_at: instant(due.at),
                outcome,
                why,
                holder: starts.then(|| self.me.clone()),
                attempts: i64::from(starts),
                started_at: starts.then(|| instant(now)),
                ended_at: (!starts).then(|| instant(now)),
            };
            if ledger::enter(&mut write, &entry).await? && starts {
                at_work = Some(entry.slot);
                begun = Some(*due);
            }
        }
        // A clock that is put back a little finds nothing due until it has come up again.
        ledger::account(&mut write, job, accounted.max(watermark)).await?;
        write.commit().await?;
        Ok(begun)
    }

    /// Writes down how it ended; says whether it was still ours.
    pub async fn ended(&self, due: Due, outcome: Outcome, why: Option<&str>, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut write = self.store.write().await?;
        let ours = ledger::end(&mut write, self.job, &due.name(), &self.me, outcome, why, now).await?;
        write.commit().await?;
        Ok(ours)
    }

    /// Which of `dues` are to be run: those on time, and of the late ones what the policy says.
    fn runs(&self, dues: &[Due], now: DateTime<Utc>) -> Vec<bool> {
        let grace = TimeDelta::minutes(i64::from(self.schedule.grace_minutes));
        let on_time = |it: &Due| now - it.at <= grace;
        let last = dues.len().saturating_sub(1);
        dues.iter()
            .enumerate()
            .map(|(place, due)| match self.job.catch_up(&self.schedule) {
                CatchUp::All => true,
                CatchUp::Latest => place == last,
                CatchUp::None => place == last && on_time(due),
            })
            .collect()
    }
}

/// The due time that a line of the ledger is about.
fn due(entry: &Entry) -> Option<Due> {
    let slot = NaiveDateTime::parse_from_str(&entry.slot, "%Y-%m-%dT%H:%M").ok()?;
    let at = DateTime::parse_from_rfc3339(&entry.due_at).ok()?.to_utc();
    Some(Due { at, slot })
}

#[cfg(test)]
mod tests;
