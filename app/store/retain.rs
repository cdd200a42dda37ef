//! What the store forgets when its time is over: the bodies of letters that were sent, and whom cleared cases were about.
//!
//! A case that is de-identified keeps its number, family, rules, months, amounts, severity, unit and outcome; its events and acts stay
//! where they are. Its sentences and what people wrote about it go, and its key becomes one that nobody can compute: the same person
//! found again opens a new case. The triggers of migration 11 allow this one change, once for every case.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use muster_core::calendar::Calendar;
use muster_core::case::work::{Act, Deadlines, Deed, Outcome, Verdict};
use muster_core::case::{Case, State};
use muster_core::finding::{Finding, Subject};

use super::audit::{self, Entry};
use super::db::{On, Pool, Tx, personal, values};
use super::work::{Worked, acts, all};
use super::{Store, StoreError, from_json, json, lease};
use crate::vault::random;
use crate::words::hex;

/// What the key of a de-identified case begins with.
const GONE: &str = "gone-";

/// What the store shall forget.
#[derive(Clone, Debug, Default)]
pub struct Forget {
    /// Bodies of letters queued before this day.
    pub letters_before: NaiveDate,
    /// Cleared cases without an event since this day.
    pub cases_before: NaiveDate,
    /// Their keys; those that are not cleared any more are left alone.
    pub cases: Vec<String>,
}

/// Whether a case with this key was de-identified.
pub(super) fn is_gone(key: &str) -> bool {
    key.starts_with(GONE)
}

impl Store {
    /// Keys of the cases without an event since `before` that are cured, or settled with an outcome that confirms nothing; also of
    /// those that only superseded runs know. A case that somebody confirmed is none of them.
    pub async fn cleared_cases(&self, before: NaiveDate, calendar: &Calendar) -> Result<Vec<String>, StoreError> {
        cleared(&mut self.db.read().await?, before, calendar, self.terms.deadlines).await
    }

    /// How many letters that are sent or replaced, and were queued before this day, have their bodies yet, and the bytes of those.
    pub async fn old_letters(&self, before: NaiveDate) -> Result<(u64, u64), StoreError> {
        let sql = "select count(*) as n, cast(coalesce(sum(octet_length(plain) + octet_length(html)), 0) as bigint) as bytes
                   from outbox_letter where state in ('sent', 'superseded') and queued_at < $1 and (plain <> '' or html <> '')";
        let rows = self.rows(sql, values![before]).await?;
        let row = rows.first().ok_or(StoreError::Damaged { what: "letter" })?;
        Ok((u64::try_from(row.int("n")?).unwrap_or(0), u64::try_from(row.int("bytes")?).unwrap_or(0)))
    }

    /// Forgets, and writes `noted` into the audit log, in one transaction. Gives how many cases were de-identified.
    pub async fn forget(&self, forget: &Forget, today: NaiveDate, calendar: &Calendar, noted: &Entry) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        if let Some(lease) = &self.lease {
            lease::must_hold(&mut write, lease).await?;
        }
        let empty = "update outbox_letter set plain = '', html = ''
                     where state in ('sent', 'superseded') and queued_at < $1 and (plain <> '' or html <> '')";
        write.run(empty, values![forget.letters_before]).await?;
        let wanted: BTreeSet<&String> = forget.cases.iter().collect();
        // Somebody may have done something about one of them since it was looked for.
        let cleared =
            if wanted.is_empty() { Vec::new() } else { cleared(&mut write, forget.cases_before, calendar, self.terms.deadlines).await? };
        let mut done = 0;
        let keys_move = match write.on {
            On::Sqlite(_) => "pragma defer_foreign_keys = on",
            On::Postgres(_) => "set constraints all deferred",
        };
        write.run(keys_move, values![]).await?;
        for key in cleared.iter().filter(|it| wanted.contains(it)) {
            de_identify(&mut write, key, &format!("{GONE}{}", hex(&random::<16>())), today).await?;
            done += 1;
        }
        audit::append(&mut write, noted).await?;
        write.commit().await?;
        self.forget_the_log().await?;
        Ok(done)
    }

    /// What was overwritten in a file stands in its write-ahead log too. Who reads the old state just now keeps the log until later.
    async fn forget_the_log(&self) -> Result<(), StoreError> {
        if let Pool::Sqlite(pool) = &self.db.pool {
            sqlx::query("pragma wal_checkpoint(truncate)").execute(pool).await?;
        }
        Ok(())
    }
}

/// What may be forgotten, in order of keys.
async fn cleared(db: &mut Tx, before: NaiveDate, calendar: &Calendar, deadlines: Deadlines) -> Result<Vec<String>, StoreError> {
    let quiet = quiet(db, before).await?;
    if quiet.is_empty() {
        return Ok(Vec::new());
    }
    let worked: BTreeMap<String, Worked> = all(db, calendar, deadlines).await?.into_iter().map(|it| (it.case.key.clone(), it)).collect();
    let acts = acts(db).await?;
    let cleared = |key: &String| {
        let acts = acts.get(key).map_or(&[][..], Vec::as_slice);
        worked.get(key).is_none_or(|it| is_over(it.case.state, before)) && acts.iter().all(|it| it.on < before) && !is_confirmed(acts)
    };
    Ok(quiet.into_iter().filter(cleared).collect())
}

/// Keys of cases to which nothing happened since `before`, those that were de-identified left out.
async fn quiet(db: &mut Tx, before: NaiveDate) -> Result<Vec<String>, StoreError> {
    let rows = db
        .rows(
            "select e.case_key from case_event e join night_run r using (run)
             where e.case_key not like 'gone-%'
             group by e.case_key having max(r.night) < $1 order by e.case_key",
            values![before],
        )
        .await?;
    rows.iter().map(|it| it.text("case_key").map(str::to_owned)).collect()
}

/// An explanation that holds on is needed on: whoever it explains is found every night.
fn is_over(state: State, before: NaiveDate) -> bool {
    match state {
        State::Cured => true,
        State::Settled(it) => it.outcome.verdict() != Verdict::Confirmed && it.until.is_none_or(|until| until < before),
        State::Open | State::Reopened => false,
    }
}

/// Whether somebody decided that it is as the rule says, and nobody took that back. A decision that waits for its second counts too.
fn is_confirmed(acts: &[Act]) -> bool {
    let mut decided: Vec<(Outcome, bool)> = Vec::new();
    for act in acts {
        match &act.deed {
            Deed::Decided { outcome, .. } => {
                // Who decides again before anybody seconded takes the first word back.
                if decided.last().is_some_and(|(it, seconded)| it.verdict() == Verdict::Confirmed && !seconded) {
                    decided.pop();
                }
                decided.push((*outcome, false));
            }
            Deed::Seconded => {
                if let Some(last) = decided.last_mut() {
                    last.1 = true;
                }
            }
            Deed::Reopened => drop(decided.pop()),
            _ => {}
        }
    }
    decided.iter().any(|(it, _)| it.verdict() == Verdict::Confirmed)
}

/// Cuts the case `key` from its person; from now on it is called `anew`.
async fn de_identify(db: &mut Tx, key: &str, anew: &str, today: NaiveDate) -> Result<(), StoreError> {
    let mark =
        "insert into retention_mark (year, serial, case_key, done_on) select year, serial, $1, $2 from case_file where case_key = $3";
    db.run(mark, values![anew, today, key]).await?;
    for row in db.rows("select run, body from case_version where case_key = $1", values![key]).await? {
        let told = without_person(from_json("case", row.text("body")?)?, anew);
        let update = "update case_version set case_key = $1, body = $2 where case_key = $3 and run = $4";
        db.run(update, values![anew, personal(json(&told)), key, row.int("run")?]).await?;
    }
    for row in db.rows("select place, body from case_act where case_key = $1", values![key]).await? {
        let act = without_texts(from_json("case act", row.text("body")?)?);
        let update = "update case_act set case_key = $1, body = $2 where case_key = $3 and place = $4";
        db.run(update, values![anew, personal(json(&act)), key, row.int("place")?]).await?;
    }
    db.run("update case_event set case_key = $1 where case_key = $2", values![anew, key]).await?;
    db.run("update case_escalation set case_key = $1 where case_key = $2", values![anew, key]).await?;
    db.run("update case_file set case_key = $1 where case_key = $2", values![anew, key]).await?;
    Ok(())
}

/// A unit is nobody's person: its cases keep it.
fn without_person(case: Case, key: &str) -> Case {
    let subject = match case.subject {
        Subject::Person { id, .. } => Subject::Person { key: format!("p-{key}"), id },
        unit @ Subject::Unit { .. } => unit,
    };
    let finding = |it: Finding| Finding { subject: subject.clone(), lines: Vec::new(), ..it };
    let findings = case.findings.into_iter().map(|(rule, it)| (rule, finding(it))).collect();
    Case { key: key.to_owned(), findings, subject: subject.clone(), ..case }
}

fn without_texts(act: Act) -> Act {
    let deed = match act.deed {
        Deed::Decided { outcome, until, explanation, .. } => Deed::Decided { outcome, until, document: None, explanation },
        Deed::Taken { measure, from, amount_fen, .. } => Deed::Taken { measure, from, amount_fen, document: None },
        other => other,
    };
    Act { deed, text: String::new(), ..act }
}
