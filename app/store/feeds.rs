//! What the store knows of feeds: their last nights, and who holds them.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use muster_core::map::{Excess, Tally};
use muster_core::mapping::GUARD_NIGHTS_MAX;
use serde::{Deserialize, Serialize};

use super::audit::{self, Entry};
use super::db::{Row, Tx, personal, values};
use super::{Store, StoreError, day, from_json, json};
use crate::night::FeedNight;

/// An approval is for the nights in which the new level becomes the usual one, not for ever.
const APPROVAL_DAYS: u64 = 14;

/// What is known of a feed before a night.
#[derive(Clone, Debug, Default)]
pub struct FeedBefore {
    /// Tallies of the nights on which it was used, the newest first.
    pub tallies: Vec<Tally>,
    /// The night of the newest of them.
    pub night: Option<NaiveDate>,
    /// The hash of its delivery.
    pub sha256: Option<String>,
    /// Who holds it, and what was approved.
    pub standing: Standing,
}

/// Why the guard holds a feed: what must not become worse once an operator has released it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Measures beyond their limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excesses: Vec<Excess>,
    /// Mapped columns of another type than before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retyped: Vec<Retyped>,
}

/// A source column that has another type than in the last delivery that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retyped {
    /// The source column.
    pub column: String,
    /// Its type in the last delivery that was used.
    pub from: String,
    /// Its type tonight.
    pub to: String,
}

/// What a feed's events come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// An operator holds it, whatever it delivers.
    pub by_operator: Option<FeedEvent>,
    /// The guard held its last pull.
    pub by_guard: Option<FeedEvent>,
    /// The last release of what the guard held.
    pub approved: Option<FeedEvent>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeedEvent {
    /// Instant, UTC.
    pub at: String,
    /// The night it was decided on.
    pub night: NaiveDate,
    /// `department/feed`.
    pub feed: String,
    /// Held, or released.
    pub held: bool,
    /// Whether it was the guard.
    pub by_guard: bool,
    /// The operator, or `guard`.
    pub by_whom: String,
    /// The reason.
    pub why: String,
    /// What the guard saw.
    pub hold: Hold,
    /// Of a release: how much worse than approved may still pass, as a share.
    pub margin: f64,
}

/// A feed of the newest night in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeedCounts {
    /// `department/feed`.
    pub feed: String,
    /// Whether it was used.
    pub used: bool,
    /// Rows that were mapped; null when the pull itself failed.
    pub mapped: Option<u64>,
    /// Rows that were rejected; null when the pull itself failed.
    pub rejected: Option<u64>,
}

impl Hold {
    /// Nothing that the guard would hold.
    pub fn is_empty(&self) -> bool {
        self.excesses.is_empty() && self.retyped.is_empty()
    }
}

impl Standing {
    /// What `events`, in order, come to.
    pub fn of(events: impl IntoIterator<Item = FeedEvent>) -> Standing {
        let mut standing = Standing::default();
        for event in events {
            match (event.held, event.by_guard) {
                (true, true) => standing.by_guard = Some(event),
                (true, false) => standing.by_operator = Some(event),
                (false, true) => standing.by_guard = None,
                (false, false) => {
                    let guarded = standing.by_guard.take();
                    standing.by_operator = None;
                    if let Some(guarded) = guarded {
                        standing.approved = Some(FeedEvent { hold: guarded.hold, night: guarded.night, ..event });
                    }
                }
            }
        }
        standing
    }

    /// What of `hold` nobody has approved: an approval is a ceiling, and only for a while.
    pub fn unapproved(&self, hold: &Hold, tonight: NaiveDate) -> Hold {
        let lasts = |it: &&FeedEvent| it.night.checked_add_days(Days::new(APPROVAL_DAYS)).is_some_and(|last| tonight <= last);
        let Some(approved) = self.approved.as_ref().filter(lasts) else { return hold.clone() };
        let covered = |it: &Excess| approved.hold.excesses.iter().any(|ceiling| it.is_covered_by(ceiling, approved.margin));
        Hold {
            excesses: hold.excesses.iter().filter(|it| !covered(it)).cloned().collect(),
            retyped: hold.retyped.iter().filter(|it| !approved.hold.retyped.contains(it)).cloned().collect(),
        }
    }

    /// Whether anybody holds the feed.
    pub fn is_held(&self) -> bool {
        self.by_operator.is_some() || self.by_guard.is_some()
    }
}

impl Store {
    /// Writes a decision down and says whether it changed anything: holding what is held or releasing what is not does not.
    /// A decision that does is told in the audit log, in the same transaction; `login` is who was at the terminal.
    pub async fn decide(&self, event: &FeedEvent, login: &str) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let standing = standings(&mut write).await?.remove(&event.feed).unwrap_or_default();
        let news = if event.held { standing.by_operator.is_none() } else { standing.is_held() };
        if news {
            insert(&mut write, event).await?;
            audit::append(&mut write, &told(event, login)).await?;
        }
        write.commit().await?;
        Ok(news)
    }

    /// Every decision about `feed`, the oldest first.
    pub async fn decisions(&self, feed: &str) -> Result<Vec<FeedEvent>, StoreError> {
        let rows = self.rows("select * from feed_event where feed = $1 order by id", values![feed]).await?;
        rows.iter().map(event).collect()
    }

    /// The feeds of the newest night, in configuration order; none before the first.
    pub async fn feed_counts(&self) -> Result<Vec<FeedCounts>, StoreError> {
        let newest =
            "select feed, used, tally from feed_night where run = (select run from night order by night desc limit 1) order by place";
        let rows = self.rows(newest, values![]).await?;
        rows.iter()
            .map(|row| {
                let tally: Option<Tally> = row.maybe_text("tally")?.map(|it| from_json("feed's counts", it)).transpose()?;
                let (mapped, rejected) = (tally.as_ref().map(|it| it.mapped), tally.as_ref().map(|it| it.rejected));
                Ok(FeedCounts { feed: row.text("feed")?.to_owned(), used: row.flag("used")?, mapped, rejected })
            })
            .collect()
    }

    /// The feeds of the newest night, and for how many nights each was left out last; 0 for one that was used.
    pub async fn nights_left_out(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = "select l.feed, (
                       select count(*) from feed_night f join night n using (run)
                       where f.feed = l.feed and f.used = 0 and n.run > coalesce((
                           select max(u.run) from feed_night u join night m using (run) where u.feed = l.feed and u.used = 1), 0)) as nights
                   from feed_night l where l.run = (select run from night order by night desc limit 1) order by l.place";
        let rows = self.rows(sql, values![]).await?;
        rows.iter().map(|it| Ok((it.text("feed")?.to_owned(), u64::try_from(it.int("nights")?).unwrap_or(0)))).collect()
    }

    /// What is known of every feed before `tonight`.
    pub async fn feeds_before(&self, tonight: NaiveDate) -> Result<BTreeMap<String, FeedBefore>, StoreError> {
        let mut read = self.db.read().await?;
        before(&mut read, tonight).await
    }
}

pub(super) async fn before(db: &mut Tx, tonight: NaiveDate) -> Result<BTreeMap<String, FeedBefore>, StoreError> {
    // Feed by feed, each from its newest night back: what a night reads does not grow with the years.
    let mut rows = Vec::new();
    for feed in db.rows("select distinct feed from feed_night order by feed", values![]).await? {
        let newest = "select f.feed, n.night, f.tally, f.sha256 from feed_night f join night_run n using (run)
                      where f.feed = $1 and f.used = 1 and +f.run in (select run from night where night < $2)
                      order by f.run desc limit $3";
        rows.extend(db.rows(newest, values![feed.text("feed")?, tonight, GUARD_NIGHTS_MAX]).await?);
    }
    let mut feeds: BTreeMap<String, FeedBefore> = BTreeMap::new();
    for row in &rows {
        let feed = feeds.entry(row.text("feed")?.to_owned()).or_default();
        feed.tallies.push(from_json("feed's counts", row.text("tally")?)?);
        if feed.night.is_none() {
            feed.night = Some(day(row.text("night")?)?);
            feed.sha256 = row.maybe_text("sha256")?.map(str::to_owned);
        }
    }
    for (feed, standing) in standings(db).await? {
        feeds.entry(feed).or_default().standing = standing;
    }
    Ok(feeds)
}

/// Keeps what the guard decided tonight. The same night again decides the same, and nothing is written twice.
pub(super) async fn keep(db: &mut Tx, tonight: NaiveDate, at: &str, feeds: &[FeedNight]) -> Result<(), StoreError> {
    let standings = standings(db).await?;
    for feed in feeds {
        let known = standings.get(&feed.feed).and_then(|it| it.by_guard.as_ref());
        let event = |held, why: &str, hold: Hold| FeedEvent {
            at: at.to_owned(),
            night: tonight,
            feed: feed.feed.clone(),
            held,
            by_guard: true,
            by_whom: "guard".to_owned(),
            why: why.to_owned(),
            hold,
            margin: 0.0,
        };
        match (&feed.held, known) {
            (Some(hold), Some(known)) if known.hold == *hold && known.night == tonight => {}
            (Some(hold), _) => {
                let why: Vec<&str> = feed.left_out.iter().map(|it| it.zh.as_str()).collect();
                insert(db, &event(true, &why.join("；"), hold.clone())).await?;
            }
            (None, Some(_)) if feed.left_out.is_empty() => {
                insert(db, &event(false, "恢复正常 as usual again", Hold::default())).await?;
            }
            (None, _) => {}
        }
    }
    Ok(())
}

/// What the audit log says of an operator's decision.
fn told(event: &FeedEvent, login: &str) -> Entry {
    let what = if event.held { "feed-held" } else { "feed-released" };
    let detail = [("why".to_owned(), event.why.clone()), ("login".to_owned(), login.to_owned())].into();
    Entry { at: event.at.clone(), who: event.by_whom.clone(), what: what.to_owned(), about: event.feed.clone(), detail }
}

async fn standings(db: &mut Tx) -> Result<BTreeMap<String, Standing>, StoreError> {
    let rows = db.rows("select * from feed_event order by feed, id", values![]).await?;
    let mut events: BTreeMap<String, Vec<FeedEvent>> = BTreeMap::new();
    for it in rows.iter().map(event) {
        let it = it?;
        events.entry(it.feed.clone()).or_default().push(it);
    }
    Ok(events.into_iter().map(|(feed, events)| (feed, Standing::of(events))).collect())
}

async fn insert(db: &mut Tx, event: &FeedEvent) -> Result<(), StoreError> {
    let what = if event.held { "held" } else { "released" };
    db.run(
        "insert into feed_event (at, night, feed, what, by_guard, by_whom, why, hold, margin) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        values![
            &event.at,
            event.night,
            &event.feed,
            what,
            event.by_guard,
            &event.by_whom,
            personal(&event.why),
            json(&event.hold),
            event.margin
        ],
    )
    .await?;
    Ok(())
}

fn event(row: &Row) -> Result<FeedEvent, StoreError> {
    Ok(FeedEvent {
        at: row.text("at")?.to_owned(),
        night: day(row.text("night")?)?,
        feed: row.text("feed")?.to_owned(),
        held: row.text("what")? == "held",
        by_guard: row.flag("by_guard")?,
        by_whom: row.text("by_whom")?.to_owned(),
        why: row.text("why")?.to_owned(),
        hold: from_json("hold", row.text("hold")?)?,
        margin: row.real("margin")?,
    })
}
