//! Pulls every feed, lands it as it came, and maps and seals it on the way.
//!
//! One delivery per feed and night: `deliveries/<department>/<feed>/<night>/raw.parquet` and `rejects.parquet`. What is landed is
//! never changed; a delivery appears as a whole or not at all. Memory holds a few batches, however long a table is.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use futures::StreamExt;
use muster_connectors::{Ask, BrokenRow, Connector, ControlTotal, Failure, Piece};
use muster_core::map::{self, Mapper, Reject, Tally, Total, Trouble as Column, Unusable};
use muster_core::mapping::{Feed, Title};
use muster_core::schema::Table;
use muster_core::snapshot::{Sealed, Sealer};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::config::{City, Department};
use crate::night::{FeedNight, Said};
use crate::progress::Progress;
use crate::rejects::Rejects;

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
    /// Salt of account hashes.
    pub salt: String,
}

/// Pulls every feed of every department, a few side by side, in configuration order.
/// A feed that fails is named in its place; the others go on.
pub async fn all(city: &City, landing: &Landing, before: &BTreeMap<String, Tally>, progress: &Arc<Progress>) -> Vec<FeedPulled> {
    let feeds = city.departments.iter().flat_map(|department| department.mapping.feeds.iter().map(move |feed| (department, feed)));
    futures::stream::iter(feeds.map(|(department, feed)| one(department, feed, landing, before, progress)))
        .buffered(cores())
        .collect()
        .await
}

/// Cores that this machine offers; two where it does not say.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

async fn one(
    department: &Department,
    feed: &Feed,
    landing: &Landing,
    before: &BTreeMap<String, Tally>,
    progress: &Arc<Progress>,
) -> FeedPulled {
    let name = format!("{}/{}", department.file.name, feed.name);
    let bar = progress.feed(&name);
    let delivery = Delivery::new(landing, &department.file.name, &feed.name);
    let landed = land(department, feed, landing, &delivery, &bar).await;
    bar.done();
    conclude(&department.file.title, name, feed, landing, before, landed)
}

/// The source that a feed reads: the one it names, or the department's only one.
pub fn source<'a>(department: &'a Department, feed: &Feed) -> &'a dyn Connector {
    let named = feed.source.as_ref().and_then(|it| department.sources.get(it));
    named.or_else(|| department.sources.values().next()).expect("config::read refuses a feed without a source").as_ref()
}

/// What to ask of the source for `feed`.
pub fn ask(feed: &Feed) -> Ask {
    Ask { table: feed.table.clone(), columns: feed.source_columns(), batch_rows: BATCH_ROWS, since: None }
}

/// What landing one feed came to.
struct Landed {
    tally: Tally,
    totals: Vec<Total>,
    skipped_lines: u64,
    sealed: Option<SealedFeed>,
    unusable: Option<Unusable>,
    sha256: String,
}

/// Why a feed could not be landed.
enum Broken {
    /// The source's trouble.
    Source(Failure),
    /// Our own disk's trouble.
    Disk(String),
}

async fn land(
    department: &Department,
    feed: &Feed,
    landing: &Landing,
    delivery: &Delivery,
    bar: &crate::progress::Bar,
) -> Result<Landed, Broken> {
    let mut pull = source(department, feed).pull(&ask(feed)).await.map_err(Broken::Source)?;
    let (send, receive) = mpsc::channel::<Piece>(4);
    let worker = {
        let (feed, landing, delivery, schema) = (feed.clone(), landing.clone(), delivery.clone(), pull.schema.clone());
        tokio::task::spawn_blocking(move || Worker::open(&feed, &landing, &delivery, &schema)?.drain(receive))
    };
    let mut failure = None;
    while let Some(piece) = pull.pieces.next().await {
        match piece {
            Ok(piece) => {
                if let Piece::Rows(rows) = &piece {
                    bar.rows(rows.num_rows());
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
    worked.and_then(|it| it.close(delivery)).map_err(|err| {
        delivery.discard();
        Broken::Disk(err.to_string())
    })
}

fn conclude(
    title: &Title,
    name: String,
    feed: &Feed,
    landing: &Landing,
    before: &BTreeMap<String, Tally>,
    landed: Result<Landed, Broken>,
) -> FeedPulled {
    let mut told = FeedNight {
        feed: name,
        department: title.clone(),
        table: feed.fills.name.to_owned(),
        left_out: Vec::new(),
        tally: None,
        skipped_lines: 0,
        sha256: None,
    };
    let (mut sealed, mut rejected_people) = (None, Vec::new());
    match landed {
        Err(Broken::Source(failure)) => told.left_out.push(Said {
            zh: format!("取数失败：{}{}", failure.why, failure.hint.as_deref().map_or(String::new(), |it| format!("（{it}）"))),
            en: format!("the pull failed: {}{}", failure.why, failure.hint.as_deref().map_or(String::new(), |it| format!(" ({it})"))),
        }),
        Err(Broken::Disk(why)) => told
            .left_out
            .push(Said { zh: format!("无法写入数据目录：{why}"), en: format!("the data folder cannot be written: {why}") }),
        Ok(mut landed) => {
            rejected_people = std::mem::take(&mut landed.tally.rejected_people);
            told.skipped_lines = landed.skipped_lines;
            told.sha256 = Some(landed.sha256);
            if let Some(unusable) = &landed.unusable {
                told.left_out.extend(unusable.troubles.iter().map(said));
            } else {
                let unmet = map::unmet(feed, &landed.tally, before.get(&told.feed), &landed.totals, landing.tonight);
                told.left_out.extend(unmet.into_iter().map(|it| Said { zh: it.zh, en: it.en }));
            }
            told.tally = Some(landed.tally);
            sealed = landed.sealed.filter(|_| told.left_out.is_empty());
        }
    }
    FeedPulled { told, table: feed.fills, sealed, rejected_people }
}

/// The folder of one delivery, filled beside its place and moved there when it is whole.
#[derive(Clone)]
struct Delivery {
    partial: PathBuf,
    place: PathBuf,
}

impl Delivery {
    fn new(landing: &Landing, department: &str, feed: &str) -> Delivery {
        let folder = landing.deliveries.join(department).join(feed);
        Delivery { partial: folder.join(format!("{}.partial", landing.tonight)), place: folder.join(landing.tonight.to_string()) }
    }

    fn discard(&self) {
        let _ = fs::remove_dir_all(&self.partial);
    }

    fn settle(&self) -> std::io::Result<()> {
        if self.place.exists() {
            fs::remove_dir_all(&self.place)?;
        }
        fs::rename(&self.partial, &self.place)
    }
}

/// Writes what comes: raw rows, sealed rows, rejects.
struct Worker {
    table: &'static Table,
    raw: ArrowWriter<File>,
    rejects: Rejects,
    mapped: Result<Mapped, Unusable>,
    seen_rows: i64,
    broken: u64,
    totals: Vec<Total>,
    skipped_lines: u64,
}

struct Mapped {
    mapper: Mapper,
    sealer: Sealer,
    writer: ArrowWriter<File>,
    file: PathBuf,
    register: Vec<RecordBatch>,
}

type Trouble = Box<dyn std::error::Error + Send + Sync>;

impl Worker {
    fn open(feed: &Feed, landing: &Landing, delivery: &Delivery, schema: &SchemaRef) -> Result<Worker, Trouble> {
        delivery.discard();
        fs::create_dir_all(&delivery.partial)?;
        let raw = writer(&delivery.partial.join("raw.parquet"), schema.clone())?;
        let rejects = Rejects::create(&delivery.partial.join("rejects.parquet"))?;
        let mapped = match Mapper::new(feed, schema, &landing.salt) {
            Err(unusable) => Err(unusable),
            Ok(mapper) => {
                let folder = landing.sealed.join(feed.fills.name);
                fs::create_dir_all(&folder)?;
                let department =
                    delivery.place.ancestors().nth(2).and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
                let file = folder.join(format!("{department}.{}.parquet", feed.name));
                let writer = writer(&file, feed.fills.sealed_schema())?;
                Ok(Mapped { mapper, sealer: Sealer::new(feed.fills), writer, file, register: Vec::new() })
            }
        };
        Ok(Worker { table: feed.fills, raw, rejects, mapped, seen_rows: 0, broken: 0, totals: Vec::new(), skipped_lines: 0 })
    }

    fn drain(mut self, mut pieces: mpsc::Receiver<Piece>) -> Result<Worker, Trouble> {
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                Piece::Rows(rows) => self.rows(&rows)?,
                Piece::Broken(row) => self.broken(row)?,
                Piece::Total(it) => self.totals.push(total(it)),
                Piece::Skipped(_) => self.skipped_lines += 1,
                Piece::File(_) => {}
            }
        }
        Ok(self)
    }

    fn rows(&mut self, rows: &RecordBatch) -> Result<(), Trouble> {
        self.raw.write(rows)?;
        let first = self.seen_rows;
        self.seen_rows += rows.num_rows() as i64;
        let Ok(mapped) = &mut self.mapped else { return Ok(()) };
        let out = mapped.mapper.apply(rows);
        self.rejects.write(&out.rejects)?;
        let row_nos: Vec<i64> = out.raw_rows.iter().map(|it| first + i64::from(*it)).collect();
        mapped.writer.write(&mapped.sealer.seal(&out.rows, &row_nos))?;
        if self.table.name == "unit" {
            mapped.register.push(out.rows);
        }
        Ok(())
    }

    fn broken(&mut self, row: BrokenRow) -> Result<(), Trouble> {
        self.broken += 1;
        self.rejects.write(&[broken_reject(row)])
    }

    fn close(self, delivery: &Delivery) -> Result<Landed, Trouble> {
        self.raw.close()?;
        self.rejects.close()?;
        let sha256 = hash(&delivery.partial.join("raw.parquet"))?;
        delivery.settle()?;
        let mut landed = Landed {
            tally: Tally { pulled: self.seen_rows as u64, ..Tally::default() },
            totals: self.totals,
            skipped_lines: self.skipped_lines,
            sealed: None,
            unusable: None,
            sha256,
        };
        match self.mapped {
            Err(unusable) => landed.unusable = Some(unusable),
            Ok(mapped) => {
                landed.tally = mapped.mapper.finish();
                mapped.writer.close()?;
                landed.sealed = Some(SealedFeed { file: mapped.file, texts: mapped.sealer.finish(), register: mapped.register });
            }
        }
        landed.tally.pulled += self.broken;
        landed.tally.rejected += self.broken;
        Ok(landed)
    }
}

/// What stands in a feed's way, in both languages.
pub fn said(it: &Column) -> Said {
    let hint = |open: &str, close: &str| it.hint.as_deref().map_or(String::new(), |hint| format!("{open}{hint}{close}"));
    Said { zh: format!("{}{}", it.zh, hint("（", "）")), en: format!("{}{}", it.en, hint(" (", ")")) }
}

/// A row that the connector could not give as columns, as a reject.
pub fn broken_reject(row: BrokenRow) -> Reject {
    Reject {
        file: row.spot.file,
        sheet: row.spot.sheet,
        row: row.spot.row,
        column: String::new(),
        value: String::new(),
        why_zh: row.why.clone(),
        why: row.why,
        hint: None,
        hint_zh: None,
        also: Vec::new(),
        raw: row.raw,
    }
}

/// A total that the source states, in core's terms.
pub fn total(it: ControlTotal) -> Total {
    Total { file: it.spot.file, sheet: it.spot.sheet, row: it.spot.row, cells: it.cells }
}

/// A Parquet file of ours: zstd, small row groups, so that readers stay small too.
pub fn writer(path: &Path, schema: SchemaRef) -> Result<ArrowWriter<File>, Trouble> {
    let settings = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(256 * 1024))
        .set_created_by("muster".to_owned())
        .build();
    Ok(ArrowWriter::try_new(File::create(path)?, schema, Some(settings))?)
}

/// The sha-256 of a file, in hexadecimal.
pub fn hash(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.finalize().iter().map(|it| format!("{it:02x}")).collect());
        }
        hasher.update(&buffer[..read]);
    }
}
