//! What happened to cases before a night: for letters that tell of many nights.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use muster_core::calendar::Calendar;
use muster_core::case::What;
use muster_core::case::work::standing;

use super::db::values;
use super::work::{self, Worked};
use super::{Store, StoreError, day, open_before, read_word};

/// What is known of the nights before one.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The nights that count, rising.
    pub nights: Vec<NaiveDate>,
    /// What happened to cases on them, in order.
    pub events: Vec<Happened>,
    /// Every case that some night knows, with what people did about it, also since.
    pub worked: Vec<Worked>,
    /// When something is due.
    pub due: Due,
}

/// When the next steps of cases are due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// By key, of every case that was open before tonight and has a next step.
    pub by_case: BTreeMap<String, NaiveDate>,
    /// Of a case that comes tonight.
    pub of_new: Option<NaiveDate>,
}

/// Something that happened to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// The night that tells it.
    pub night: NaiveDate,
    /// Key of the case.
    pub case: String,
    /// What.
    pub what: What,
}

impl Store {
    /// The nights before `tonight`, rising.
    pub async fn nights_before(&self, tonight: NaiveDate) -> Result<Vec<NaiveDate>, StoreError> {
        let rows = self.rows("select night from night where night < $1 order by night", values![tonight]).await?;
        rows.iter().map(|it| day(it.text("night")?)).collect()
    }

    /// All of it. What tonight itself wrote, where it was run before, is left out.
    pub async fn history(&self, tonight: NaiveDate, calendar: &Calendar) -> Result<History, StoreError> {
        let nights = self.nights_before(tonight).await?;
        let mut read = self.db.read().await?;
        let rows = read
            .rows(
                "select n.night, e.case_key, e.what from case_event e join night n using (run)
                 where n.night < $1 order by n.night, e.case_key",
                values![tonight],
            )
            .await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            events.push(Happened {
                night: day(row.text("night")?)?,
                case: row.text("case_key")?.to_owned(),
                what: read_word(row.text("what")?)?,
            });
        }
        Ok(History { nights, events, worked: work::all(&mut read, calendar, self.terms.deadlines).await?, due: Due::default() })
    }

    /// When the next steps are due of what was open before `tonight`, and of what comes tonight.
    pub async fn due(&self, tonight: NaiveDate, calendar: &Calendar) -> Result<Due, StoreError> {
        let mut read = self.db.read().await?;
        let open = open_before(&mut read, tonight).await?;
        let by_case = work::due_of(&mut read, &open, tonight, calendar, self.terms.deadlines).await?;
        Ok(Due { by_case, of_new: standing(&[], tonight, calendar, self.terms.deadlines).due })
    }
}
