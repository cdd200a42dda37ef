//! Letters that came back: which letter a report is about, and what became of it.
//!
//! A report says that a letter was given up or is late, under a status code of RFC 3463. The letter stays as it is: it was sent. That it
//! came back stands beside it, and holds neither an address nor a word of the report.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;

use super::db::{Row, values};
use super::{Store, StoreError, day};
use crate::mail::Report;

/// A letter, and what was reported of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bounced {
    /// Number of the letter.
    pub letter: i64,
    /// The night that it tells.
    pub night: NaiveDate,
    /// What kind of letter.
    pub kind: String,
    /// Who should have read it.
    pub reader: String,
    /// Where it went; shown to nobody.
    #[serde(skip)]
    pub address: String,
    /// `failed`: given up; `delayed`: tried further.
    pub action: String,
    /// RFC 3463, like `5.1.1`.
    pub status: String,
    /// `message-id`, or `recipient`: the report names no letter, and this is the newest that went there.
    pub matched_by: String,
    /// When it was read; instant, UTC.
    pub read_at: String,
}

/// What came of keeping a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It stands beside its letter.
    New,
    /// It was read before.
    Known,
    /// It is about no letter of ours.
    Foreign,
}

impl Store {
    /// Writes a report down beside the letter that it is about.
    pub async fn keep_bounce(&self, night: NaiveDate, now: &str, report: &Report) -> Result<Kept, StoreError> {
        let mut write = self.write().await?;
        let mut found = None;
        for id in &report.message_ids {
            let row = write.row("select message_id from outbox_letter where message_id = $1", values![id]).await?;
            found = found.or(row.map(|it| (it, "message-id")));
        }
        // A report that names a letter which is not ours is about somebody else's, whoever should have read it.
        for address in report.recipients.iter().filter(|_| report.message_ids.is_empty()) {
            let newest =
                "select message_id from outbox_letter where state = 'sent' and lower(address) = lower($1) order by id desc limit 1";
            let row = write.row(newest, values![address]).await?;
            found = found.or(row.map(|it| (it, "recipient")));
        }
        let Some((letter, matched_by)) = found else { return Ok(Kept::Foreign) };
        let touched = write
            .run(
                "insert into outbox_bounce (digest, message_id, action, status, matched_by, night, read_at)
                 values ($1, $2, $3, $4, $5, $6, $7) on conflict (digest) do nothing",
                values![&report.digest, letter.text("message_id")?, report.action.word(), &report.status, matched_by, night, now],
            )
            .await?;
        write.commit().await?;
        Ok(if touched == 0 { Kept::Known } else { Kept::New })
    }

    /// Letters of which something was reported that was read on the night `since` or later, or ever, the newest report first; that a letter was
    /// given up counts more than that it was late.
    pub async fn bounces(&self, since: Option<NaiveDate>) -> Result<Vec<Bounced>, StoreError> {
        let rows = self
            .rows(
                "select l.id, l.night, l.kind, l.reader, l.address, b.action, b.status, b.matched_by, b.read_at
                 from outbox_bounce b join outbox_letter l using (message_id)
                 where b.night >= $1 and (b.action = 'failed'
                     or not exists (select 1 from outbox_bounce o where o.message_id = b.message_id and o.action = 'failed'))
                 order by b.read_at desc, l.id desc, b.digest",
                values![since.map_or_else(String::new, |it| it.to_string())],
            )
            .await?;
        let mut bounced = rows.iter().map(bounced).collect::<Result<Vec<_>, _>>()?;
        let mut told = BTreeSet::new();
        bounced.retain(|it| told.insert(it.letter));
        Ok(bounced)
    }
}

fn bounced(row: &Row) -> Result<Bounced, StoreError> {
    let text = |name| row.text(name).map(str::to_owned);
    Ok(Bounced {
        letter: row.int("id")?,
        night: day(row.text("night")?)?,
        kind: text("kind")?,
        reader: text("reader")?,
        address: text("address")?,
        action: text("action")?,
        status: text("status")?,
        matched_by: text("matched_by")?,
        read_at: text("read_at")?,
    })
}
