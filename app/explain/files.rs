//! Where the evidence lies: the folder of a night, and the deliveries as they came.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::PathBuf;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, Int32Type};
use arrow::util::display::array_value_to_string;
use chrono::NaiveDate;
use muster_connectors::PLACE_COLUMNS;
use muster_core::finding::Finding;
use muster_core::mapping::Title;
use parquet::arrow::arrow_reader::RowSelection;
use serde::Deserialize;

use super::{IdentityTold, ReferenceTold, Trouble};
use crate::archive::Archive;
use crate::night::UnitShown;

/// One row of a delivery.
pub struct RawRow {
    /// Zero-based index in the delivery.
    pub row_no: i64,
    /// Its file; null for databases.
    pub file: Option<String>,
    /// Its sheet; null where there is none.
    pub sheet: Option<String>,
    /// One-based, as a person sees it.
    pub row: Option<i64>,
    /// The source's own columns in its order; empty cells are null.
    pub cells: Vec<(String, Option<String>)>,
}

/// The folder of a night.
pub struct Night<'a> {
    archive: &'a Archive,
    folder: PathBuf,
    told: NightTold,
}

/// What is needed of `night.json`.
#[derive(Default, Deserialize)]
struct NightTold {
    feeds: Vec<FeedTold>,
    units: BTreeMap<i32, UnitShown>,
}

#[derive(Deserialize)]
struct FeedTold {
    feed: String,
    department: Title,
}

/// Every night that has a folder, the oldest first.
pub fn nights(archive: &Archive) -> Result<Vec<NaiveDate>, Trouble> {
    let Some(folders) = unless_missing(std::fs::read_dir(archive.data.join("nights")))? else { return Ok(Vec::new()) };
    let mut nights = Vec::new();
    for folder in folders {
        // `2026-11-22.partial` is a night that was not finished.
        nights.extend(folder?.file_name().to_str().and_then(|it| it.parse::<NaiveDate>().ok()));
    }
    nights.sort_unstable();
    Ok(nights)
}

/// The night's findings about the subject with the lasting key `key`.
pub fn findings(archive: &Archive, night: NaiveDate, key: &str) -> Result<Vec<Finding>, Trouble> {
    let Some(file) = archive.of_night(night, "findings.jsonl")? else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line?;
        if line.contains(key) {
            let finding: Finding = serde_json::from_str(&line)?;
            findings.extend(Some(finding).filter(|it| it.subject.key() == key));
        }
    }
    Ok(findings)
}

/// The rows `row_nos` (rising) of a delivery; null when the delivery is no longer there.
pub fn raw_rows(archive: &Archive, feed: &str, night: NaiveDate, row_nos: &[i64]) -> Result<Option<Vec<RawRow>>, Trouble> {
    let Some(reader) = archive.rows(&archive.delivery(feed, night).join("raw.parquet"))? else { return Ok(None) };
    let rows_all = usize::try_from(reader.metadata().file_metadata().num_rows())?;
    let wanted: Vec<usize> = row_nos.iter().filter_map(|it| usize::try_from(*it).ok()).filter(|it| *it < rows_all).collect();
    let selection = RowSelection::from_consecutive_ranges(wanted.iter().map(|it| *it..*it + 1), rows_all);
    let mut rows = Vec::new();
    for batch in reader.with_row_selection(selection).build()? {
        let batch = batch?;
        for at in 0..batch.num_rows() {
            let row_no = wanted.get(rows.len()).map_or(-1, |it| *it as i64);
            rows.push(raw_row(&batch, at, row_no)?);
        }
    }
    Ok(Some(rows))
}

fn raw_row(batch: &RecordBatch, at: usize, row_no: i64) -> Result<RawRow, Trouble> {
    let mut raw = RawRow { row_no, file: None, sheet: None, row: None, cells: Vec::new() };
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let text = if column.is_null(at) { None } else { Some(array_value_to_string(column, at)?) };
        match field.name().as_str() {
            "_file" => raw.file = text,
            "_sheet" => raw.sheet = text,
            "_row" => raw.row = text.and_then(|it| it.parse().ok()),
            name if PLACE_COLUMNS.contains(&name) => {}
            name => raw.cells.push((name.to_owned(), text.filter(|it| !it.trim().is_empty()))),
        }
    }
    Ok(raw)
}

impl Night<'_> {
    /// The folder of `night`.
    pub fn open(archive: &Archive, night: NaiveDate) -> Result<Night<'_>, Trouble> {
        let told = match archive.of_night(night, "night.json")? {
            Some(file) => serde_json::from_reader(BufReader::new(file))?,
            None => NightTold::default(),
        };
        Ok(Night { archive, folder: archive.night(night), told })
    }

    /// Title of the department that a feed is from.
    pub fn department(&self, feed: &str) -> Option<Title> {
        self.told.feeds.iter().find(|it| it.feed == feed).map(|it| it.department.clone())
    }

    /// Name and code of a unit.
    pub fn unit(&self, unit_id: i32) -> Option<String> {
        self.told.units.get(&unit_id).map(|it| format!("{} {}", it.name, it.code))
    }

    /// Best name and best ID number of a person.
    pub fn person(&self, person_id: i32) -> Result<(Option<String>, Option<String>), Trouble> {
        let told = self.rows("person.parquet", "person_id", person_id, |row| Ok((row.text("name")?, row.text("id_number")?)))?;
        Ok(told.into_iter().next().unwrap_or_default())
    }

    /// By `person_id`: the lasting key.
    pub fn person_keys(&self) -> Result<BTreeMap<i32, String>, Trouble> {
        let mut keys = BTreeMap::new();
        let Some(rows) = self.archive.rows(&self.folder.join("person.parquet"))? else { return Ok(keys) };
        for batch in rows.build()? {
            let batch = batch?;
            for at in 0..batch.num_rows() {
                let row = RowOf { batch: &batch, at };
                keys.extend(row.int("person_id")?.zip(row.text("person_key")?));
            }
        }
        Ok(keys)
    }

    /// What the sources say about who a person is.
    pub fn identities(&self, person_id: i32) -> Result<Vec<IdentityTold>, Trouble> {
        self.rows("identity.parquet", "person_id", person_id, |row| {
            Ok(IdentityTold {
                row: row.int("who")?.map_or_else(String::new, |it| format!("#{it}")),
                feed: row.text("feed")?.unwrap_or_default(),
                id_number: row.text("id_number")?,
                name: row.text("name")?,
                sex: row.text("sex")?,
                birth_date: row.text("birth_date")?,
                unit: row.int("unit_id")?.and_then(|it| self.unit(it)),
                rows: row.int("rows")?.map_or(0, i64::from),
                method: row.text("method")?,
                score: row.real("score")?,
                id_state: row.text("id_state")?,
                repairs: row.text("repairs")?,
                conflict: row.text("conflict")?,
            })
        })
    }

    /// How the sources write a unit.
    pub fn references(&self, unit_id: i32) -> Result<Vec<ReferenceTold>, Trouble> {
        self.rows("unit_reference.parquet", "unit_id", unit_id, |row| {
            Ok(ReferenceTold {
                feed: row.text("feed")?.unwrap_or_default(),
                unit_code: row.text("unit_code")?,
                unit_name: row.text("unit_name")?,
                uscc: row.text("uscc")?,
                rows: row.int("rows")?.map_or(0, i64::from),
                method: row.text("method")?,
            })
        })
    }

    /// The rows of one of the night's tables in which `column` is `id`.
    fn rows<T>(&self, file: &str, column: &str, id: i32, read: impl Fn(RowOf) -> Result<T, Trouble>) -> Result<Vec<T>, Trouble> {
        let Some(table) = self.archive.rows(&self.folder.join(file))? else { return Ok(Vec::new()) };
        let mut rows = Vec::new();
        for batch in table.build()? {
            let batch = batch?;
            let ids = of(&batch, column)?.as_primitive_opt::<Int32Type>().ok_or_else(|| format!("`{column}` is not a number"))?;
            for at in (0..batch.num_rows()).filter(|at| ids.is_valid(*at) && ids.value(*at) == id) {
                rows.push(read(RowOf { batch: &batch, at })?);
            }
        }
        Ok(rows)
    }
}

/// One row of a night's table.
struct RowOf<'a> {
    batch: &'a RecordBatch,
    at: usize,
}

impl RowOf<'_> {
    fn text(&self, column: &str) -> Result<Option<String>, Trouble> {
        let cells = of(self.batch, column)?;
        Ok(if cells.is_null(self.at) { None } else { Some(array_value_to_string(cells, self.at)?) })
    }

    fn int(&self, column: &str) -> Result<Option<i32>, Trouble> {
        let cells = of(self.batch, column)?.as_primitive_opt::<Int32Type>();
        Ok(cells.filter(|it| it.is_valid(self.at)).map(|it| it.value(self.at)))
    }

    fn real(&self, column: &str) -> Result<Option<f32>, Trouble> {
        let cells = of(self.batch, column)?.as_primitive_opt::<Float32Type>();
        Ok(cells.filter(|it| it.is_valid(self.at)).map(|it| it.value(self.at)))
    }
}

/// A column of a night's table.
pub fn of<'a>(batch: &'a RecordBatch, column: &str) -> Result<&'a dyn Array, Trouble> {
    Ok(batch.column_by_name(column).ok_or_else(|| format!("the night has no column `{column}`"))?.as_ref())
}

/// What is no longer there is no error: deliveries and nights are deleted when their time is over.
fn unless_missing<T>(opened: std::io::Result<T>) -> Result<Option<T>, Trouble> {
    match opened {
        Ok(it) => Ok(Some(it)),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err.into()),
    }
}
