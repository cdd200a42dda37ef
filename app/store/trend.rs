//! How many cases came and went, night by night.

use chrono::NaiveDate;
use serde::Serialize;

use super::db::values;
use super::{Store, StoreError, day};

/// What a night did to the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TrendNight {
    /// The night.
    pub night: NaiveDate,
    /// Open after it.
    pub open: u64,
    /// New.
    pub opened: u64,
    /// Came back.
    pub reopened: u64,
    /// Their condition disappeared.
    pub cured: u64,
    /// Told as decided.
    pub decided: u64,
}

impl Store {
    /// Every night that counts, the oldest first.
    pub async fn trend(&self) -> Result<Vec<TrendNight>, StoreError> {
        let rows = self
            .rows(
                "select n.night, e.what, count(e.case_key) as n from night n left join case_event e using (run)
                 group by n.night, e.what order by n.night",
                values![],
            )
            .await?;
        let mut trend: Vec<TrendNight> = Vec::new();
        for row in rows {
            let night = day(row.text("night")?)?;
            if trend.last().is_none_or(|it| it.night != night) {
                let open = trend.last().map_or(0, |it| it.open);
                trend.push(TrendNight { night, open, opened: 0, reopened: 0, cured: 0, decided: 0 });
            }
            let Some(it) = trend.last_mut() else { continue };
            let many = u64::try_from(row.int("n")?).unwrap_or(0);
            match row.maybe_text("what")? {
                Some("opened") => (it.opened, it.open) = (many, it.open + many),
                Some("reopened") => (it.reopened, it.open) = (many, it.open + many),
                Some("cured") => (it.cured, it.open) = (many, it.open.saturating_sub(many)),
                Some("decided") => (it.decided, it.open) = (many, it.open.saturating_sub(many)),
                _ => {}
            }
        }
        Ok(trend)
    }
}
