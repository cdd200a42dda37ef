//! What comes is landed as it came, and mapped and sealed on the way: one pass, a few batches in memory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use muster_connectors::{BrokenRow, ControlTotal, Piece};
use muster_core::map::{Mapper, Reject, Tally, Total, Unusable};
use muster_core::mapping::Feed;
use muster_core::schema::Table;
use muster_core::snapshot::Sealer;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use serde::{Deserialize, Serialize};

use super::weight::{Scale, Weight};
use super::{Landing, SealedFeed};
use crate::files;
use crate::rejects::Rejects;
use crate::vault::{self, Vault};

/// Our own disk's trouble.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// The file of a delivery that tells how it came to be.
const ABOUT: &str = "delivery.json";

/// The folder of one delivery, filled beside its place and moved there when it is whole.
#[derive(Clone)]
pub struct Delivery {
    /// Where it is filled.
    pub partial: PathBuf,
    /// Where it appears.
    pub place: PathBuf,
}

/// How a delivery came to be: what the next pull in parts starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The night of the last full pull that is in it.
    pub full_on: NaiveDate,
    /// From which value of the feed's column it was pulled; null for a full pull.
    pub since: Option<String>,
    /// The newest value of that column, as the source writes it; null when there is none that orders.
    pub newest: Option<String>,
    /// Landed rows.
    pub rows: u64,
    /// Rows that could not be given as columns, and are not among the landed ones.
    pub broken: u64,
    /// The files it was read from; none where the source has no files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<SeenFile>,
}

/// A file that a delivery was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenFile {
    /// Its name below the source's folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its hash.
    pub sha256: String,
}

impl Delivery {
    /// Tonight's delivery of a feed.
    pub fn new(landing: &Landing, department: &str, feed: &str) -> Delivery {
        Delivery::of(landing, department, feed, landing.tonight)
    }

    /// The delivery of any night.
    pub fn of(landing: &Landing, department: &str, feed: &str, night: NaiveDate) -> Delivery {
        let folder = landing.deliveries.join(department).join(feed);
        Delivery { partial: folder.join(format!("{night}.partial")), place: folder.join(night.to_string()) }
    }

    /// Empties the folder in which it is filled.
    pub fn begin(&self) -> std::io::Result<()> {
        self.discard();
        files::private_folder(&self.partial)
    }

    /// Forgets what was filled.
    pub fn discard(&self) {
        let _ = fs::remove_dir_all(&self.partial);
    }

    /// The landed rows.
    pub fn raw(&self) -> PathBuf {
        self.place.join("raw.parquet")
    }

    /// How it came to be; null for deliveries of older versions.
    pub fn about(&self) -> Option<About> {
        serde_json::from_slice(&fs::read(self.place.join(ABOUT)).ok()?).ok()
    }

    fn settle(&self) -> std::io::Result<()> {
        if self.place.exists() {
            fs::remove_dir_all(&self.place)?;
        }
        fs::rename(&self.partial, &self.place)
    }
}

/// What landing one feed came to.
pub struct Landed {
    /// Counts.
    pub tally: Tally,
    /// What the source itself states.
    pub totals: Vec<Total>,
    /// Lines that were neither rows nor totals.
    pub skipped_lines: u64,
    /// The sealed rows; null when the source cannot be read with the mapping.
    pub sealed: Option<SealedFeed>,
    /// Why not.
    pub unusable: Option<Unusable>,
    /// Hash of the landed rows.
    pub sha256: String,
    /// The source's columns.
    pub schema: SchemaRef,
}

/// Writes what comes: raw rows, sealed rows, rejects.
pub struct Worker {
    table: &'static Table,
    schema: SchemaRef,
    raw: ArrowWriter<File>,
    rejects: Rejects,
    mapped: Result<Mapped, Unusable>,
    seen_rows: i64,
    broken: u64,
    totals: Vec<Total>,
    skipped_lines: u64,
    files: Vec<SeenFile>,
    scale: Option<Scale>,
}

struct Mapped {
    mapper: Mapper,
    sealer: Sealer,
    writer: ArrowWriter<File>,
    file: PathBuf,
    register: Vec<RecordBatch>,
}

impl Worker {
    /// Begins a delivery of rows of `schema`; its folder has begun.
    pub fn open(feed: &Feed, landing: &Landing, delivery: &Delivery, schema: &SchemaRef) -> Result<Worker, Trouble> {
        let vault = &landing.vault;
        let raw = writer(vault, &delivery.partial.join("raw.parquet"), schema.clone())?;
        let rejects = Rejects::create(vault, &delivery.partial.join("rejects.parquet"))?;
        let mapped = match Mapper::new(feed, schema, vault.hash_key()) {
            Err(unusable) => Err(unusable),
            Ok(mapper) => {
                let folder = landing.sealed.join(feed.fills.name);
                files::private_folder(&folder)?;
                let department =
                    delivery.place.ancestors().nth(2).and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
                let file = folder.join(format!("{department}.{}.parquet", feed.name));
                let writer = writer(vault, &file, feed.fills.sealed_schema())?;
                Ok(Mapped { mapper, sealer: Sealer::new(feed.fills), writer, file, register: Vec::new() })
            }
        };
        Ok(Worker {
            table: feed.fills,
            schema: schema.clone(),
            raw,
            rejects,
            mapped,
            seen_rows: 0,
            broken: 0,
            totals: Vec::new(),
            skipped_lines: 0,
            files: Vec::new(),
            scale: feed.incremental.as_ref().map(|it| Scale::new(it, schema)),
        })
    }

    /// Takes one piece.
    pub fn take(&mut self, piece: Piece) -> Result<(), Trouble> {
        match piece {
            Piece::Rows(rows) => self.rows(&rows)?,
            Piece::Broken(row) => self.broken(row)?,
            Piece::Total(it) => self.totals.push(total(it)),
            Piece::Skipped(_) => self.skipped_lines += 1,
            Piece::File(it) => self.files.push(SeenFile { name: it.name, bytes: it.bytes, sha256: it.sha256 }),
        }
        Ok(())
    }

    fn rows(&mut self, rows: &RecordBatch) -> Result<(), Trouble> {
        self.raw.write(rows)?;
        if let Some(scale) = &mut self.scale {
            scale.add(rows);
        }
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

    /// What was landed so far, as a feed that is pulled in parts weighs it; rows that are no columns count too.
    pub fn weight(&self) -> Option<Weight> {
        let weight = self.scale.as_ref()?.weight();
        Some(Weight { rows: weight.rows + self.broken, ..weight })
    }

    /// Ends the delivery: it appears, or nothing does.
    pub fn close(self, delivery: &Delivery, full_on: NaiveDate, since: Option<String>) -> Result<Landed, Trouble> {
        self.raw.close()?;
        self.rejects.close()?;
        let about = About {
            full_on,
            since,
            newest: self.scale.as_ref().and_then(Scale::newest),
            rows: self.seen_rows as u64,
            broken: self.broken,
            files: self.files,
        };
        fs::write(delivery.partial.join(ABOUT), serde_json::to_vec_pretty(&about)?)?;
        let sha256 = vault::content_hash(&delivery.partial.join("raw.parquet"))?;
        delivery.settle()?;
        let mut landed = Landed {
            tally: Tally { pulled: self.seen_rows as u64, ..Tally::default() },
            totals: self.totals,
            skipped_lines: self.skipped_lines,
            sealed: None,
            unusable: None,
            sha256,
            schema: self.schema,
        };
        match self.mapped {
            Err(unusable) => landed.unusable = Some(unusable),
            Ok(mapped) => {
                landed.tally = mapped.mapper.finish();
                mapped.writer.close()?;
                let texts = mapped.sealer.finish();
                landed.tally.people = texts.people();
                landed.sealed = Some(SealedFeed { file: mapped.file, texts, register: mapped.register });
            }
        }
        landed.tally.pulled += self.broken;
        landed.tally.rejected += self.broken;
        Ok(landed)
    }
}

/// A row that the connector could not give as columns, as a reject.
pub fn broken_reject(row: BrokenRow) -> Reject {
    Reject {
        file: row.spot.file,
        sheet: row.spot.sheet,
        row: row.spot.row,
        column: String::new(),
        value: String::new(),
        why_zh: row.why.zh,
        why: row.why.en,
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

/// A sealed table of ours.
pub fn writer(vault: &Vault, path: &Path, schema: SchemaRef) -> Result<ArrowWriter<File>, Trouble> {
    Ok(vault.table(path, schema, settings())?)
}

/// How our Parquet files are written: zstd, small row groups, so that readers stay small too.
pub fn settings() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1")))
        .set_max_row_group_row_count(Some(256 * 1024))
        .set_created_by("muster".to_owned())
}
