//! Pulls every feed, lands it as it came, and maps and seals it on the way.
//!
//! One delivery per feed and night: `deliveries/<department>/<feed>/<night>/raw.parquet` and `rejects.parquet`. What is landed is
//! never changed; a delivery appears as a whole or not at all. Memory holds a few batches, however long a table is.
//!
//! Sources are asked side by side, each within its own limit, and each is held in one state while its feeds are pulled. A failure that
//! may pass is tried again from the beginning.

mod drift;
mod hours;
mod landing;
mod order;
mod parts;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod weight;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use futures::StreamExt;
use muster_connectors::{Ask, Connector, Failure, Piece};
use muster_core::map::{self, Trouble as Column};
use muster_core::mapping::Feed;
use muster_core::schema::Table;
use muster_core::snapshot::Sealed;
use tokio::sync::mpsc;

use crate::config::{City, Department};
use crate::disk;
use crate::night::{FeedNight, Said};
use crate::progress::{Bar, Progress};
use crate::store::Before;
use crate::store::feeds::{FeedBefore, Hold};
use crate::vault::Vault;

use hours::Hours;
use landing::{Delivery, Landed, Trouble, Worker};
pub use landing::{broken_reject, settings, total, writer};
pub use settings::{PullFile, PullSettings};

/// Rows in one batch on the way through.
pub const BATCH_ROWS: usize = 16_384;

/// One feed, pulled, mapped and sealed. A feed that is left out has a reason in its [`FeedNight`] and must not be concluded from.
pub struct FeedPulled {
    /// What is told of it.
    pub told: FeedNight,
    /// The shared table it fills.
    pub table: &'static Table,
    /// Its sealed rows; null when it was left out.
    pub sealed: Option<SealedFeed>,
    /// People of rejected rows: number and name as written. Never leaves memory.
    pub rejected_people: Vec<(String, String)>,
    /// Why our own disk, full or read-only, did not take it; null when that was not it.
    pub unwritten: Option<String>,
}

/// Where a feed's sealed rows are, and the texts they point to.
pub struct SealedFeed {
    /// The Parquet file of sealed rows.
    pub file: PathBuf,
    /// Identities and unit references.
    pub texts: Sealed,
    /// Mapped rows in their input shape; kept only for the register of units.
    pub register: Vec<RecordBatch>,
}

/// Where a night's deliveries and sealed rows go.
#[derive(Clone)]
pub struct Landing {
    /// `data/deliveries`.
    pub deliveries: PathBuf,
    /// `sealed/` of the night under way.
    pub sealed: PathBuf,
    /// The night.
    pub tonight: NaiveDate,
    /// What seals them.
    pub vault: Arc<Vault>,
}

/// Pulls every feed of every department, the sources side by side; what it gives is in configuration order.
/// A feed that fails is named in its place; the others go on.
pub async fn all(city: &City, landing: &Landing, before: &Before, progress: &Arc<Progress>) -> Vec<FeedPulled> {
    source::all(city, landing, before, progress).await
}

/// Cores that this machine offers; two where it does not say.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// The name of the source that a feed reads: the one it names, or the department's only one.
pub fn source_name<'a>(department: &'a Department, feed: &Feed) -> &'a str {
    let named = feed.source.as_ref().and_then(|it| department.sources.get_key_value(it));
    named.or_else(|| department.sources.iter().next()).expect("config::read refuses a feed without a source").0
}

/// The source that a feed reads.
pub fn source<'a>(department: &'a Department, feed: &Feed) -> &'a dyn Connector {
    department.sources[source_name(department, feed)].as_ref()
}

/// What to ask of the source for `feed`.
pub fn ask(feed: &Feed) -> Ask {
    Ask { table: feed.table.clone(), columns: feed.source_columns(), batch_rows: BATCH_ROWS, since: None }
}

/// Why a feed could not be landed.
enum Broken {
    /// The source's trouble.
    Source(Failure),
    /// Our own disk's trouble.
    Disk(String),
    /// The source may be touched in these hours only.
    Closed(Hours),
}

/// One feed's pull tonight.
struct Job<'a> {
    department: &'a Department,
    feed: &'a Feed,
    connector: &'a dyn Connector,
    landing: &'a Landing,
    before: &'a FeedBefore,
    bar: Bar,
}

impl Job<'_> {
    /// `department/feed`.
    fn name(&self) -> String {
        format!("{}/{}", self.department.file.name, self.feed.name)
    }

    fn delivery(&self) -> Delivery {
        Delivery::new(self.landing, &self.department.file.name, &self.feed.name)
    }

    /// What its source's `kind` says.
    fn kind(&self) -> &str {
        let source = self.department.file.source.get(source_name(self.department, self.feed));
        source.and_then(|it| it.get("kind")).and_then(toml::Value::as_str).unwrap_or_default()
    }
}

/// Pulls and lands one feed once: in parts where that is possible and proves right, whole otherwise. `notes` takes what is told of it.
async fn land(job: &Job<'_>, notes: &mut Vec<Said>) -> Result<Landed, Broken> {
    job.bar.begin();
    match parts::base(job) {
        Ok(base) => match parts::land(job, base).await? {
            Ok(landed) => return Ok(landed),
            Err(why) => notes.push(why),
        },
        Err(why) => notes.extend(why),
    }
    job.bar.begin();
    whole(job).await
}

async fn whole(job: &Job<'_>) -> Result<Landed, Broken> {
    let delivery = job.delivery();
    let mut pull = job.connector.pull(&ask(job.feed)).await.map_err(Broken::Source)?;
    let (send, mut receive) = mpsc::channel::<Piece>(4);
    let worker = {
        let (feed, landing, delivery, schema) = (job.feed.clone(), job.landing.clone(), delivery.clone(), pull.schema.clone());
        blocking(move || {
            delivery.begin()?;
            let mut worker = Worker::open(&feed, &landing, &delivery, &schema)?;
            while let Some(piece) = receive.blocking_recv() {
                worker.take(piece)?;
            }
            Ok(worker)
        })
    };
    let worker = tokio::spawn(worker);
    let mut failure = None;
    while let Some(piece) = pull.pieces.next().await {
        match piece {
            Ok(piece) => {
                if let Piece::Rows(rows) = &piece {
                    job.bar.rows(rows.num_rows());
                }
                if send.send(piece).await.is_err() {
                    break; // the worker stopped; its result says why
                }
            }
            Err(it) => {
                failure = Some(it);
                break;
            }
        }
    }
    drop(send);
    let worked = worker.await.expect("landing does not panic");
    if let Some(failure) = failure {
        delivery.discard();
        return Err(Broken::Source(failure));
    }
    let (tonight, place) = (job.landing.tonight, delivery.clone());
    let closed = match worked {
        Ok(worker) => blocking(move || worker.close(&place, tonight, None)).await,
        Err(why) => Err(why),
    };
    closed.map_err(|why| {
        delivery.discard();
        Broken::Disk(why)
    })
}

/// Disk and arithmetic, off the threads that wait for sources.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Trouble> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(move || work().map_err(|it| it.to_string())).await.expect("landing does not panic")
}

/// Whether tonight's pull may be used, and what is told of it.
fn conclude(job: &Job<'_>, notes: Vec<Said>, landed: Result<Landed, Broken>) -> FeedPulled {
    let mut told = FeedNight {
        feed: job.name(),
        department: job.department.file.title.clone(),
        table: job.feed.fills.name.to_owned(),
        left_out: Vec::new(),
        tally: None,
        skipped_lines: 0,
        sha256: None,
        notes,
        held: None,
    };
    let (mut sealed, mut rejected_people, mut unwritten) = (None, Vec::new(), None);
    match landed {
        Err(Broken::Source(failure)) => told.left_out.push(failed(&failure)),
        Err(Broken::Closed(hours)) => told.left_out.push(Said {
            zh: format!("只许在 {hours} 取数，此时不在该时段或时段已结束（部门文件 [pull] between）"),
            en: format!(
                "it may be pulled between {hours} alone, and that was not now or came to its end ([pull] between of the department file)"
            ),
        }),
        Err(Broken::Disk(why)) => {
            told.left_out
                .push(Said { zh: format!("无法写入数据目录：{why}"), en: format!("the data folder cannot be written: {why}") });
            unwritten = disk::advice(&why).map(|_| why);
        }
        Ok(mut landed) => {
            rejected_people = std::mem::take(&mut landed.tally.rejected_people);
            told.skipped_lines = landed.skipped_lines;
            judge(job, &landed, &mut told);
            told.sha256 = Some(landed.sha256);
            told.tally = Some(landed.tally);
            sealed = landed.sealed;
        }
    }
    if let Some(held) = &job.before.standing.by_operator {
        told.left_out.push(Said {
            zh: format!("{} 于 {} 暂停使用；原因见 muster feed list", held.by_whom, held.night),
            en: format!("held by {} on {}; muster feed list says why", held.by_whom, held.night),
        });
    }
    if job.feed.draft {
        told.left_out.push(Said {
            zh: "映射仍是草稿：核对标有 ? 的各处，再去掉 draft = true".to_owned(),
            en: "its mapping is a draft: look where it says ?, then remove draft = true".to_owned(),
        });
    }
    let sealed = sealed.filter(|_| told.left_out.is_empty());
    FeedPulled { told, table: job.feed.fills, sealed, rejected_people, unwritten }
}

fn failed(failure: &Failure) -> Said {
    Said {
        zh: format!("取数失败：{}{}", failure.why.zh, failure.hint.as_ref().map_or(String::new(), |it| format!("（{}）", it.zh))),
        en: format!("the pull failed: {}{}", failure.why.en, failure.hint.as_ref().map_or(String::new(), |it| format!(" ({})", it.en))),
    }
}

/// Holds what was landed against the mapping, the expectations, the columns of the last time and the usual amount, in this order: what
/// fails an earlier question is not asked the later ones.
fn judge(job: &Job<'_>, landed: &Landed, told: &mut FeedNight) {
    let last = job.before.night.map(|it| Delivery::of(job.landing, &job.department.file.name, &job.feed.name, it));
    let last_there = last.as_ref().is_some_and(|it| it.raw().exists());
    let known = last.and_then(|it| drift::landed_schema(&job.landing.vault, &it.raw()));
    if known.is_none() && last_there {
        told.notes.push(Said {
            zh: "上次的送达文件无法打开，未能核对列的变化".to_owned(),
            en: "the last delivery cannot be opened, so changes of its columns were not looked for".to_owned(),
        });
    }
    let drift = known.map(|it| drift::drift(job.feed, &it, &landed.schema)).unwrap_or_default();
    told.notes.extend(drift.notes());
    if let Some(unusable) = &landed.unusable {
        for trouble in &unusable.troubles {
            told.left_out.push(said(trouble));
            told.left_out.extend(drift.renamed_to(&trouble.column));
        }
        return;
    }
    let unmet = map::unmet(job.feed, &landed.tally, job.before.tallies.first(), &landed.totals, job.landing.tonight);
    told.left_out.extend(unmet.into_iter().map(|it| Said { zh: it.zh, en: it.en }));
    if !told.left_out.is_empty() {
        return;
    }
    let hold = Hold { excesses: map::excesses(job.feed, &landed.tally, &job.before.tallies), retyped: drift.retyped };
    let held = job.before.standing.unapproved(&hold, job.landing.tonight);
    if held.is_empty() {
        return;
    }
    told.left_out.extend(held.retyped.iter().map(|it| drift::said(it, &told.feed)));
    told.left_out.extend(held.excesses.iter().map(|it| {
        let (zh, en) = it.said();
        Said {
            zh: format!("数据突变，已暂停使用：{zh}（核实后用 muster feed release {} 放行）", told.feed),
            en: format!("held for a mass change: {en} (if it is right: muster feed release {})", told.feed),
        }
    }));
    told.held = Some(hold);
}

/// What stands in a feed's way, in both languages.
pub fn said(it: &Column) -> Said {
    let hint = |open: &str, close: &str| it.hint.as_deref().map_or(String::new(), |hint| format!("{open}{hint}{close}"));
    Said { zh: format!("{}{}", it.zh, hint("（", "）")), en: format!("{}{}", it.en, hint(" (", ")")) }
}
