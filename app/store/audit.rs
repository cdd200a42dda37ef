//! The audit log: who did what, in a chain of hashes.
//!
//! A chain shows a change in its middle. That its end was cut off is seen only by somebody who remembers the last hash: it
//! is printed by `muster audit list`, and `muster audit verify --head` holds the log against one that was written down.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::db::{Row, Tx, personal, values};
use super::{Store, StoreError, from_json, json};
use crate::words::hex;

/// The hash before the first entry.
const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Entries read at once when the whole chain is looked at.
const PAGE: i64 = 5_000;

/// Something that somebody did. Holds no name, ID number, account or amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Instant, UTC.
    pub at: String,
    /// Id of a person of `people.toml`, `local:USER` of the operating system, or `muster`.
    pub who: String,
    /// Kebab-case word of the act.
    pub what: String,
    /// A case number, a feed, a file.
    pub about: String,
    /// What else belongs to it.
    pub detail: BTreeMap<String, String>,
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chained {
    /// From 1.
    pub id: i64,
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
    /// Hash of the entry before.
    pub previous: String,
    /// Its own.
    pub hash: String,
}

/// What looking at the whole chain came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Entries that were looked at.
    pub entries: u64,
    /// The last hash; null when the log is empty.
    pub head: Option<String>,
    /// The first entry whose place or hash is wrong; null when the chain holds.
    pub broken_at: Option<i64>,
    /// Whether the remembered hash was met; null when none was given.
    pub met: Option<bool>,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn holds(&self) -> bool {
        self.broken_at.is_none() && self.met != Some(false)
    }
}

/// Adds to the log, in the caller's own transaction: what is done and that it was done are kept together or not at all.
pub async fn append(db: &mut Tx, entry: &Entry) -> Result<(), StoreError> {
    let last = db.row("select id, hash from audit_entry order by id desc limit 1", values![]).await?;
    let (id, previous) = match &last {
        Some(row) => (row.int("id")? + 1, row.text("hash")?),
        None => (1, BEGINNING),
    };
    db.run(
        "insert into audit_entry (id, at, who, what, about, detail, previous, hash) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        values![id, &entry.at, &entry.who, &entry.what, &entry.about, personal(json(&entry.detail)), previous, hash(id, previous, entry)],
    )
    .await?;
    Ok(())
}

impl Store {
    /// Adds one entry in a transaction of its own: for what leaves no other trace in the store.
    pub async fn audit(&self, entry: &Entry) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        append(&mut write, entry).await?;
        write.commit().await
    }

    /// The newest entries, the newest first; those about `about` alone where it is given.
    pub async fn audit_entries(&self, about: Option<&str>, rows: u32) -> Result<Vec<Chained>, StoreError> {
        let found = match about {
            Some(about) => self.rows("select * from audit_entry where about = $1 order by id desc limit $2", values![about, rows]).await?,
            None => self.rows("select * from audit_entry order by id desc limit $1", values![rows]).await?,
        };
        found.iter().map(chained).collect()
    }

    /// Follows the whole chain; `remembered` is a hash that once was its end.
    pub async fn audit_verify(&self, remembered: Option<&str>) -> Result<Verified, StoreError> {
        let mut read = self.db.read().await?;
        let mut verified = Verified { met: remembered.map(|_| false), ..Verified::default() };
        let mut last = 0;
        loop {
            let rows = read.rows("select * from audit_entry where id > $1 order by id limit $2", values![last, PAGE]).await?;
            let Some(end) = rows.last() else { return Ok(verified) };
            let next = end.int("id")?;
            for row in &rows {
                let it = chained(row)?;
                let previous = verified.head.as_deref().unwrap_or(BEGINNING);
                if it.id != last + 1 || it.previous != previous || it.hash != hash(it.id, previous, &it.entry) {
                    verified.broken_at = Some(it.id);
                    return Ok(verified);
                }
                last = it.id;
                verified.entries += 1;
                verified.met = remembered.map(|hash| verified.met == Some(true) || hash.eq_ignore_ascii_case(&it.hash));
                verified.head = Some(it.hash);
            }
            last = next;
        }
    }
}

fn chained(row: &Row) -> Result<Chained, StoreError> {
    let text = |name| row.text(name).map(str::to_owned);
    let entry = Entry {
        at: text("at")?,
        who: text("who")?,
        what: text("what")?,
        about: text("about")?,
        detail: from_json("audit entry", row.text("detail")?)?,
    };
    Ok(Chained { id: row.int("id")?, entry, previous: text("previous")?, hash: text("hash")? })
}

/// SHA-256 over the fields, each with its length before it: no two entries have the same bytes.
fn hash(id: i64, previous: &str, entry: &Entry) -> String {
    let mut digest = Sha256::new();
    for field in [previous, &id.to_string(), &entry.at, &entry.who, &entry.what, &entry.about, &json(&entry.detail)] {
        digest.update((field.len() as u64).to_be_bytes());
        digest.update(field.as_bytes());
    }
    hex(&digest.finalize())
}
