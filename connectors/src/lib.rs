//! How to reach other people's databases and files.
//!
//! A connector knows a protocol or a format and nothing about staff, pay or rules: it hands over the source's own columns in Arrow
//! batches, with the place where each row was read. To add one, write a file like `csv.rs` and name it in [`KINDS`].

use std::fmt;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;

/// One source of a department.
#[async_trait]
pub trait Connector: Send + Sync {
    /// The tables, sheets or files that can be pulled, with their columns.
    async fn offers(&self) -> Result<Vec<Offer>, Failure>;

    /// Streams one table. Reads only; never writes to the source.
    ///
    /// A failure in the middle of the stream means that the whole pull has failed: what came before it must not be used.
    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure>;
}

/// Something that can be pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Table, sheet or file name, as [`Ask::table`] takes it.
    pub table: String,
    /// Its columns, in order.
    pub columns: Vec<String>,
    /// How many rows it holds, where that is cheap to know.
    pub rows: Option<u64>,
}

/// What to pull.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Table name, or for files a pattern like `工资-*.xlsx`.
    pub table: String,
    /// The source columns that the mapping names; files are searched for the header row that holds them.
    pub columns: Vec<String>,
    /// Most rows in one batch.
    pub batch_rows: usize,
}

/// A pull under way.
pub struct Pull {
    /// The source's own columns, then the place columns of [`PLACE_COLUMNS`].
    pub schema: SchemaRef,
    /// What comes, in the source's order.
    pub pieces: BoxStream<'static, Result<Piece, Failure>>,
}

/// The columns that every batch ends with: where the row was read. `_row` is Int64 and one-based, as a person sees it; the others
/// are Utf8. `_title` is the text above a table's header, where there is any.
pub const PLACE_COLUMNS: [&str; 4] = ["_file", "_sheet", "_row", "_title"];

/// A part of a pull.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Rows, with the schema of the pull.
    Rows(RecordBatch),
    /// A row that cannot be given as columns.
    Broken(BrokenRow),
    /// A control total that the source itself states.
    Total(ControlTotal),
    /// A line that is neither row nor total, named so that nothing is dropped in silence.
    Skipped(SkippedLine),
}

/// Where in a source something stands. Null where the source has no such thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// File name below the source's folder.
    pub file: Option<String>,
    /// Sheet of a workbook.
    pub sheet: Option<String>,
    /// One-based row, as a person sees it.
    pub row: Option<i64>,
}

/// A row that was read but cannot be given as columns: ragged, or its bytes are no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRow {
    /// Where it stands.
    pub spot: Spot,
    /// The row as it stands; undecodable bytes as `\xNN`.
    pub raw: String,
    /// Why it cannot be given.
    pub why: String,
}

/// A total stated by the source, such as a 合计 row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlTotal {
    /// Where it stands.
    pub spot: Spot,
    /// Column and cell, for every cell that holds something.
    pub cells: Vec<(String, String)>,
}

/// A title, a blank line, a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedLine {
    /// Where it stands.
    pub spot: Spot,
    /// Its text.
    pub text: String,
    /// What it was taken for.
    pub why: &'static str,
}

/// Why a pull did not happen. Names the system, never a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whose system.
    pub department: String,
    /// Which source of the department file.
    pub source: String,
    /// Which table; empty when the source itself cannot be reached.
    pub table: String,
    /// What went wrong.
    pub why: String,
    /// What to try.
    pub hint: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.department, self.source)?;
        if !self.table.is_empty() {
            write!(f, " {}", self.table)?;
        }
        write!(f, ": {}", self.why)
    }
}

impl std::error::Error for Failure {}

/// Where a source stands in the configuration.
#[derive(Clone, Debug)]
pub struct Place {
    /// Department id.
    pub department: String,
    /// Name of the source in the department file.
    pub source: String,
    /// Folder that relative paths of the settings are below.
    pub root: PathBuf,
}
