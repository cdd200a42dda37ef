//! Letters that wait to be sent, and what became of them.
//!
//! A letter is queued in the transaction of its night. To send it, a process takes a lease on it; when that process dies between
//! sending and writing down that it has, the next one sends the same letter under the same Message-ID, which is as far as SMTP goes.

use chrono::{NaiveDate, SecondsFormat};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::bounces::Bounced;
use super::db::{Row, Tx, personal, values};
use super::{Store, StoreError, day};
use crate::mail::Letter;
use crate::mail::kind::Kind;
use crate::words::hex;

/// A letter that could not be sent for as many attempts is given up and told to operators.
const ATTEMPTS_MAX: i64 = 12;

/// Minutes before the next attempt, by how many there were; the last counts for all further ones.
const WAIT_MINUTES: [i64; 7] = [1, 5, 15, 60, 120, 240, 480];

/// A letter in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// Its number.
    pub id: i64,
    /// Without angle brackets.
    pub message_id: String,
    /// The night it tells.
    pub night: NaiveDate,
    /// What kind of letter.
    pub kind: String,
    /// Who reads it.
    pub reader: String,
    /// Where it goes.
    pub address: String,
    /// Above 1: a correction.
    pub revision: i64,
    /// Subject line.
    pub subject: String,
    /// As plain text.
    #[serde(skip)]
    pub plain: String,
    /// The same as HTML.
    #[serde(skip)]
    pub html: String,
    /// Instant, UTC.
    pub queued_at: String,
    /// `queued`, `deferred`, `sent`, `parked` or `superseded`.
    pub state: String,
    /// How often sending was tried.
    pub attempts: i64,
    /// Instant, UTC: when it was first to go. Behind `queued_at` where it is held.
    pub due_at: String,
    /// Instant, UTC: not before.
    pub next_at: String,
    /// What the server said last; null before the first attempt.
    pub answer: Option<String>,
    /// Whether the reader's workbook goes with it.
    pub encloses: bool,
    /// That it came back or is late; null where nothing was reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounced: Option<Bounced>,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The server took it.
    Taken(String),
    /// Not now: refused for the moment, unreachable, too slow.
    Later(String),
    /// Never: the server refuses it for good.
    Refused(String),
    /// Never, and no other letter either: the server does not let us in.
    Shut(String),
}

/// Letters that have not gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unsent {
    /// Those that wait for longer than they should.
    pub waiting: u64,
    /// Those that were given up.
    pub parked: u64,
    /// Those of them that the server refuses for good; the others it did not take for long enough.
    pub refused: u64,
    /// When the oldest that waits was to go; instant, UTC. Null when none waits.
    pub oldest: Option<String>,
}

/// Instants that an attempt needs, UTC.
#[derive(Clone, Debug)]
pub struct When {
    /// Now.
    pub now: String,
    /// When a lease that is taken now ends.
    pub lease_until: String,
}

/// Queues the letters of a night. The same letter again changes nothing; one that says something else replaces the one before, or
/// corrects it when that is gone already. One that only corrects is queued in that last case alone.
pub(super) async fn queue(db: &mut Tx, tonight: NaiveDate, now: &str, letters: &[Letter]) -> Result<(), StoreError> {
    for letter in letters {
        let digest = digest(letter);
        let before = before(db, tonight, letter).await?;
        let last = before.last().filter(|it| it.stands);
        if last.is_some_and(|it| it.digest == digest) {
            continue;
        }
        for waiting in before.iter().filter(|it| it.waits) {
            db.run("update outbox_letter set state = 'superseded' where id = $1", values![waiting.id]).await?;
        }
        let corrects = before.iter().any(|it| it.stands && !it.waits);
        if letter.only_corrects && !corrects {
            continue;
        }
        let revision = before.last().map_or(1, |it| it.revision + 1);
        let subject = if corrects { letter.correction() } else { letter.subject.clone() };
        insert(db, tonight, now, letter, revision, &subject, &digest).await?;
    }
    Ok(())
}

/// Queues letters beside those that the day has already.
pub(super) async fn add(db: &mut Tx, day: NaiveDate, now: &str, letters: &[Letter]) -> Result<(), StoreError> {
    for letter in letters {
        let revision = before(db, day, letter).await?.last().map_or(1, |it| it.revision + 1);
        insert(db, day, now, letter, revision, &letter.subject, &digest(letter)).await?;
    }
    Ok(())
}

/// A letter of the same night, kind and reader.
struct Revision {
    id: i64,
    revision: i64,
    digest: String,
    /// It can be taken back: nobody has it, or begins to have it.
    waits: bool,
    /// It was not replaced.
    stands: bool,
}

/// The letters of this night and kind to this reader, the oldest first.
async fn before(db: &mut Tx, night: NaiveDate, letter: &Letter) -> Result<Vec<Revision>, StoreError> {
    let rows = db
        .rows(
            "select id, revision, digest, state, lease_until from outbox_letter
             where night = $1 and kind = $2 and reader = $3 order by revision",
            values![night, letter.kind.word(), &letter.reader],
        )
        .await?;
    let revision = |row: &Row| {
        let state = row.text("state")?;
        Ok(Revision {
            id: row.int("id")?,
            revision: row.int("revision")?,
            digest: row.text("digest")?.to_owned(),
            waits: matches!(state, "queued" | "deferred" | "parked") && row.maybe_text("lease_until")?.is_none(),
            stands: state != "superseded",
        })
    };
    rows.iter().map(revision).collect()
}

async fn insert(
    db: &mut Tx,
    night: NaiveDate,
    now: &str,
    letter: &Letter,
    revision: i64,
    subject: &str,
    digest: &str,
) -> Result<(), StoreError> {
    let held = letter.not_before.map(|it| it.to_rfc3339_opts(SecondsFormat::Secs, true));
    let due_at = held.filter(|it| it.as_str() > now).unwrap_or_else(|| now.to_owned());
    let message_id = format!("{night}.{}.{}.{revision}.{}@{}", letter.kind.word(), letter.reader, &digest[..12], letter.domain);
    db.run(
        "insert into outbox_letter (message_id, night, kind, reader, address, revision, subject, plain, html, digest, queued_at, state,
             due_at, next_at, encloses)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'queued', $12, $12, $13)",
        values![
            message_id,
            night,
            letter.kind.word(),
            &letter.reader,
            &letter.address,
            revision,
            subject,
            personal(&letter.plain),
            personal(&letter.html),
            digest,
            now,
            due_at,
            i64::from(letter.encloses)
        ],
    )
    .await?;
    Ok(())
}

impl Store {
    /// Queues letters in a transaction of their own: for a night that could not be kept.
    pub async fn queue(&self, tonight: NaiveDate, now: &str, letters: &[Letter]) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        queue(&mut write, tonight, now, letters).await?;
        write.commit().await
    }

    /// Takes the next letter of one kind that is due, for `by` alone; of every kind where none is given. Null when none is due.
    pub async fn lease_letter(&self, kind: Option<Kind>, by: &str, when: &When) -> Result<Option<Queued>, StoreError> {
        let mut write = self.write().await?;
        let due = write
            .row(
                "select * from outbox_letter
                 where state in ('queued', 'deferred') and next_at <= $1 and (lease_until is null or lease_until < $1)
                     and ($2 = '' or kind = $2)
                 order by id limit 1",
                values![&when.now, kind.map_or("", Kind::word)],
            )
            .await?;
        let Some(letter) = due.as_ref().map(queued).transpose()? else { return Ok(None) };
        let take = "update outbox_letter set lease_by = $1, lease_until = $2 where id = $3";
        write.run(take, values![by, &when.lease_until, letter.id]).await?;
        write.commit().await?;
        Ok(Some(letter))
    }

    /// Writes down what came of an attempt; says whether `by` still had the letter.
    pub async fn letter_sent(&self, id: i64, by: &str, sent: &Sent, later: impl Fn(i64) -> String + Send) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let row = write.row("select attempts from outbox_letter where id = $1 and lease_by = $2", values![id, by]).await?;
        let Some(row) = row else { return Ok(false) };
        let attempts = row.int("attempts")? + 1;
        let wait = WAIT_MINUTES[usize::try_from(attempts - 1).unwrap_or(0).min(WAIT_MINUTES.len() - 1)];
        let (state, answer) = match sent {
            Sent::Taken(answer) => ("sent", answer),
            Sent::Later(answer) if attempts < ATTEMPTS_MAX => ("deferred", answer),
            Sent::Later(answer) | Sent::Refused(answer) | Sent::Shut(answer) => ("parked", answer),
        };
        let refused = i64::from(matches!(sent, Sent::Refused(_) | Sent::Shut(_)));
        write
            .run(
                "update outbox_letter set state = $1, answer = $2, attempts = $3, next_at = $4, refused = $5, lease_by = null,
                     lease_until = null
                 where id = $6",
                values![state, answer, attempts, later(wait), refused, id],
            )
            .await?;
        write.commit().await?;
        Ok(true)
    }

    /// The newest letters, the newest first; those of one state alone where it is given.
    pub async fn letters(&self, state: Option<&str>, rows: u32) -> Result<Vec<Queued>, StoreError> {
        let found = match state {
            Some("bounced") => {
                let sql =
                    "select * from outbox_letter where message_id in (select message_id from outbox_bounce) order by id desc limit $1";
                self.rows(sql, values![rows]).await?
            }
            Some(state) => {
                self.rows("select * from outbox_letter where state = $1 order by id desc limit $2", values![state, rows]).await?
            }
            None => self.rows("select * from outbox_letter order by id desc limit $1", values![rows]).await?,
        };
        let mut letters = found.iter().map(queued).collect::<Result<Vec<_>, _>>()?;
        let bounced = self.bounces(None).await?;
        for letter in &mut letters {
            letter.bounced = bounced.iter().find(|it| it.letter == letter.id).cloned();
        }
        Ok(letters)
    }

    /// How many letters there are, by state; those that wait for their time at `now` are `held`.
    pub async fn letter_counts(&self, now: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = "select shown as state, count(*) as n
                   from (select case when state = 'queued' and due_at > $1 then 'held' else state end as shown from outbox_letter) as letter
                   group by shown order by shown";
        let rows = self.rows(sql, values![now]).await?;
        rows.iter().map(|it| Ok((it.text("state")?.to_owned(), u64::try_from(it.int("n")?).unwrap_or(0)))).collect()
    }

    /// The letters that have not gone at `now`, in numbers; those that were to go before `since` wait too long.
    pub async fn letters_unsent(&self, since: &str, now: &str) -> Result<Unsent, StoreError> {
        let sql = "select coalesce(sum(case when state <> 'parked' and due_at < $1 then 1 else 0 end), 0) as waiting,
                          coalesce(sum(case when state = 'parked' then 1 else 0 end), 0) as parked,
                          coalesce(sum(case when state = 'parked' and refused = 1 then 1 else 0 end), 0) as refused,
                          min(case when state <> 'parked' and due_at <= $2 then due_at end) as oldest
                   from outbox_letter where state in ('queued', 'deferred', 'parked')";
        let rows = self.rows(sql, values![since, now]).await?;
        let row = rows.first().ok_or(StoreError::Damaged { what: "letter" })?;
        let many = |name| Ok::<_, StoreError>(u64::try_from(row.int(name)?).unwrap_or(0));
        let oldest = row.maybe_text("oldest")?.map(str::to_owned);
        Ok(Unsent { waiting: many("waiting")?, parked: many("parked")?, refused: many("refused")?, oldest })
    }

    /// Makes a letter due at once: one by its number, or all that were deferred or parked. Says how many.
    pub async fn retry_letters(&self, id: Option<i64>, now: &str) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let done = match id {
            Some(id) => {
                let one = "update outbox_letter set state = 'queued', attempts = 0, next_at = $1 where id = $2 and state in ('deferred', 'parked')";
                write.run(one, values![now, id]).await?
            }
            None => {
                let all = "update outbox_letter set state = 'queued', attempts = 0, next_at = $1 where state in ('deferred', 'parked')";
                write.run(all, values![now]).await?
            }
        };
        write.commit().await?;
        Ok(done)
    }
}

fn queued(row: &Row) -> Result<Queued, StoreError> {
    let text = |name| row.text(name).map(str::to_owned);
    Ok(Queued {
        id: row.int("id")?,
        message_id: text("message_id")?,
        night: day(row.text("night")?)?,
        kind: text("kind")?,
        reader: text("reader")?,
        address: text("address")?,
        revision: row.int("revision")?,
        subject: text("subject")?,
        plain: text("plain")?,
        html: text("html")?,
        queued_at: text("queued_at")?,
        state: text("state")?,
        attempts: row.int("attempts")?,
        due_at: text("due_at")?,
        next_at: text("next_at")?,
        answer: row.maybe_text("answer")?.map(str::to_owned),
        encloses: row.int("encloses")? != 0,
        bounced: None,
    })
}

/// What a letter says and to whom; not when.
fn digest(letter: &Letter) -> String {
    let mut digest = Sha256::new();
    for field in [&letter.address, &letter.subject, &letter.plain, &letter.html] {
        digest.update((field.len() as u64).to_be_bytes());
        digest.update(field.as_bytes());
    }
    hex(&digest.finalize())
}
