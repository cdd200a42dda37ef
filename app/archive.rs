//! Where the deliveries and nights of a city lie, and what opens them: the one place that reads and names sealed files.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::night::Night;
use crate::vault::{Unsealing, Vault};

/// What a sealed file that is no table is called: `night.json` lies in `night.json.sealed`.
pub const SEALED: &str = "sealed";

type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// The data folder of a city, and its keys.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Where deliveries and nights lie.
    pub data: PathBuf,
    /// What opens them.
    pub vault: Arc<Vault>,
}

impl Archive {
    /// The folder of a night.
    pub fn night(&self, night: NaiveDate) -> PathBuf {
        self.data.join("nights").join(night.to_string())
    }

    /// The folder of a delivery of `department/feed`.
    pub fn delivery(&self, feed: &str, night: NaiveDate) -> PathBuf {
        feed.split('/').fold(self.data.join("deliveries"), |it, part| it.join(part)).join(night.to_string())
    }

    /// A sealed table; null when it is not there: deliveries and nights are deleted when their time is over.
    pub fn rows(&self, path: &Path) -> Result<Option<ParquetRecordBatchReaderBuilder<File>>, Trouble> {
        let Some(file) = unless_missing(File::open(path))? else { return Ok(None) };
        Ok(Some(self.vault.rows(file)?))
    }

    /// The file `name` of a night, which lies there sealed; null when it is not there.
    pub fn of_night(&self, night: NaiveDate, name: &str) -> Result<Option<Unsealing<BufReader<File>>>, Trouble> {
        self.sealed(&self.night(night).join(format!("{name}.{SEALED}")))
    }

    /// A sealed file that is no table; null when it is not there.
    pub fn sealed(&self, path: &Path) -> Result<Option<Unsealing<BufReader<File>>>, Trouble> {
        let Some(file) = unless_missing(File::open(path))? else { return Ok(None) };
        Ok(Some(self.vault.unsealing(BufReader::new(file))?))
    }

    /// A night as its reports tell it; null when its folder is no longer there.
    pub fn told(&self, night: NaiveDate) -> Result<Option<Night>, Trouble> {
        let Some(mut sealed) = self.of_night(night, "night.json")? else { return Ok(None) };
        let mut text = Vec::new();
        sealed.read_to_end(&mut text)?;
        Ok(Some(serde_json::from_slice(&text)?))
    }
}

fn unless_missing<T>(opened: std::io::Result<T>) -> Result<Option<T>, Trouble> {
    match opened {
        Ok(it) => Ok(Some(it)),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err.into()),
    }
}
