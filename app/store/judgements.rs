//! What the store knows of judgements: what reviewers said of two rows, and what they withdrew.

use muster_core::link::judge::{Judgement, Row, Word, contradiction};
use serde::Serialize;

use super::audit::{self, Entry};
use super::db::{self, Tx, personal, values};
use super::{Store, StoreError, from_json, json};

/// A judgement as it was made, and whether it still stands.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// What was said.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// Instant, UTC.
    pub at: String,
    /// The reviewer.
    pub by: String,
    /// The reason.
    pub why: String,
    /// Who withdrew it, when and why; null while it stands.
    pub withdrawn: Option<Withdrawn>,
}

/// A withdrawal.
#[derive(Clone, Debug, Serialize)]
pub struct Withdrawn {
    /// Instant, UTC.
    pub at: String,
    /// The reviewer.
    pub by: String,
    /// The reason.
    pub why: String,
}

/// A judgement to be made.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    pub at: &'a str,
    pub word: Word,
    pub one: &'a Row,
    pub other: &'a Row,
    pub by: &'a str,
    pub why: &'a str,
}

/// What became of a new judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// It stands under this number.
    Stands(i64),
    /// The same was said before, under this number.
    Already(i64),
    /// It contradicts these, a chain from one row to the other.
    Contradicts(Vec<i64>),
}

impl Store {
    /// Writes a judgement down unless it contradicts what stands. Checked and written in one transaction: two reviewers cannot contradict each other.
    pub async fn judge(&self, new: New<'_>) -> Result<Made, StoreError> {
        let mut write = self.write().await?;
        let standing: Vec<Judgement> = standing(all(&mut write).await?);
        let says = |it: &&Judgement| it.word == new.word && [[&it.one, &it.other], [&it.other, &it.one]].contains(&[new.one, new.other]);
        if let Some(it) = standing.iter().find(says) {
            return Ok(Made::Already(it.number));
        }
        if let Some(chain) = contradiction(&standing, new.word, new.one, new.other) {
            return Ok(Made::Contradicts(chain));
        }
        let done = write
            .row(
                "insert into judgement_event (at, word, one, other, by_whom, why) values ($1, $2, $3, $4, $5, $6) returning id",
                values![new.at, word(new.word), personal(json(new.one)), personal(json(new.other)), new.by, personal(new.why)],
            )
            .await?;
        let number = done.ok_or(StoreError::Damaged { what: "judgement" })?.int("id")?;
        noted(&mut write, new.at, new.by, word(new.word), number).await?;
        write.commit().await?;
        Ok(Made::Stands(number))
    }

    /// Withdraws a judgement; says whether one stood under this number.
    pub async fn withdraw(&self, number: i64, at: &str, by: &str, why: &str) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let stands = all(&mut write).await?.iter().any(|it| it.judgement.number == number && it.withdrawn.is_none());
        if stands {
            let insert = "insert into judgement_event (at, word, withdraws, by_whom, why) values ($1, 'withdrawn', $2, $3, $4)";
            write.run(insert, values![at, number, by, personal(why)]).await?;
            noted(&mut write, at, by, "withdrawn", number).await?;
        }
        write.commit().await?;
        Ok(stands)
    }

    /// Every judgement that was ever made, the oldest first.
    pub async fn judgements(&self) -> Result<Vec<Judged>, StoreError> {
        all(&mut self.db.read().await?).await
    }

    /// Those that were not withdrawn.
    pub async fn judgements_standing(&self) -> Result<Vec<Judgement>, StoreError> {
        Ok(standing(self.judgements().await?))
    }
}

fn standing(all: Vec<Judged>) -> Vec<Judgement> {
    all.into_iter().filter(|it| it.withdrawn.is_none()).map(|it| it.judgement).collect()
}

/// A judgement is named in the audit log by its number: what it says of whom stands here alone.
async fn noted(db: &mut Tx, at: &str, by: &str, word: &str, number: i64) -> Result<(), StoreError> {
    let entry = Entry {
        at: at.to_owned(),
        who: by.to_owned(),
        what: format!("judged-{word}"),
        about: format!("judgement {number}"),
        detail: std::collections::BTreeMap::new(),
    };
    audit::append(db, &entry).await
}

async fn all(db: &mut Tx) -> Result<Vec<Judged>, StoreError> {
    let rows = db
        .rows(
            "select j.id, j.at, j.word, j.one, j.other, j.by_whom, j.why, w.at as w_at, w.by_whom as w_by, w.why as w_why
             from judgement_event j left join judgement_event w on w.withdraws = j.id
             where j.word <> 'withdrawn'
             order by j.id",
            values![],
        )
        .await?;
    rows.iter().map(judged).collect()
}

fn judged(row: &db::Row) -> Result<Judged, StoreError> {
    let said = |column| -> Result<Row, StoreError> { from_json("judgement", row.text(column)?) };
    let text = |column| row.text(column).map(str::to_owned);
    let word = match row.text("word")? {
        "same" => Word::Same,
        "different" => Word::Different,
        "unsure" => Word::Unsure,
        _ => return Err(StoreError::Damaged { what: "judgement" }),
    };
    let withdrawn = match row.maybe_text("w_at")? {
        Some(at) => Some(Withdrawn { at: at.to_owned(), by: text("w_by")?, why: text("w_why")? }),
        None => None,
    };
    Ok(Judged {
        judgement: Judgement { number: row.int("id")?, word, one: said("one")?, other: said("other")? },
        at: text("at")?,
        by: text("by_whom")?,
        why: text("why")?,
        withdrawn,
    })
}

/// The word in the table.
pub fn word(word: Word) -> &'static str {
    match word {
        Word::Same => "same",
        Word::Different => "different",
        Word::Unsure => "unsure",
    }
}
