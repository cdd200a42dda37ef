//! How to reach other people's databases and files.
//!
//! A connector knows a protocol or a format and nothing about staff, pay or rules: it hands over the source's own columns in Arrow
//! batches, with the place where each row was read. To add one, write a file like `csv.rs` and name it in [`KINDS`].
//!
//! Inside, a kind's file holds its settings, what it offers and how it pulls. What files share, in the order in which one is read:
//! `files` (the source itself, whatever the format), `store` (a folder here or elsewhere: `sftp`, `ftp`, `web`), `pick` (which files a
//! pattern means), `spool` (a private copy), `zipped` (members of an archive), `control` (what the sender says a file holds), `text` and
//! `split` (bytes to lines), `cell` (a workbook's cell as text), `row` (a line as cells), `heading` (which line names the columns),
//! `line` (row, total, signature), `table` (all of that, for one file or sheet) and `sink` (rows to batches, on their way to whoever
//! pulls). Databases put their values into batches by `gather`. ODBC drivers run in a program of their own, to which `odbc` speaks. Servers share `guard` (a query that only reads), `secret` (a password that no message shows) and `patience` (how long to
//! wait for them).

mod cell;
mod clock;
mod columns;
mod control;
mod csv;
mod dbf;
mod files;
mod ftp;
mod gather;
mod guard;
mod heading;
mod http;
mod line;
mod memo;
mod mysql;
mod near;
pub mod odbc;
mod parquet;
mod patience;
mod pick;
mod postgres;
mod row;
mod said;
mod secret;
mod sftp;
mod sink;
mod split;
mod spool;
mod sqlite;
mod sqlserver;
mod steps;
mod store;
mod table;
mod text;
mod web;
mod xlsx;
mod zipped;

use std::fmt;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;

pub use http::not_after;
pub use pick::fits;
pub use said::Said;
pub(crate) use said::said;
pub use secret::{Hidden, Secret};

/// One source of a department.
#[async_trait]
pub trait Connector: Send + Sync {
    /// The tables, sheets or files that can be pulled, with their columns.
    async fn offers(&self) -> Result<Vec<Offer>, Failure>;

    /// Streams one table. Reads only; never writes to the source.
    ///
    /// A failure in the middle of the stream means that the whole pull has failed: what came before it must not be used.
    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure>;

    /// Pins one state of the source: until what is returned is dropped, every pull reads that state. Null where the source cannot; then
    /// each pull is consistent in itself, as far as [`Kind::consistency`] says.
    async fn hold(&self) -> Result<Option<Held>, Failure> {
        Ok(None)
    }

    /// Tries the way to the source step by step and tells each, for a person who connects it: the name, the port, the login, what the
    /// login may do, the tables. Stops at the first step that fails. `tables` are those that the mapping wants.
    async fn examine(&self, tables: &[String]) -> Vec<Step> {
        let offers = match self.offers().await {
            Ok(it) => it,
            Err(failure) => return vec![Step::failed("open", failure)],
        };
        let mut steps = vec![Step::fine("open", said!("{} 个表或文件", "{} tables or files", offers.len()))];
        for table in tables {
            steps.push(match offers.iter().filter(|it| fits(table, &it.table)).count() {
                0 => {
                    Step { name: "table", state: StepState::Failed, told: said!("没有 `{table}`", "`{table}` is not there"), hint: None }
                }
                count => Step::fine("table", said!("`{table}`：{count} 个", "`{table}`: {count}")),
            });
        }
        steps
    }
}

/// A pinned state of a source, let go when dropped.
pub type Held = Box<dyn Send + Sync>;

/// One step on the way to a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which: `name`, `port`, `tls`, `login`, `read-only`, `open`, `table`, `columns`, `count`, `speed`, `clock`.
    pub name: &'static str,
    /// How it went.
    pub state: StepState,
    /// What was found; figures and names of tables, never data.
    pub told: Said,
    /// What to try when it went wrong.
    pub hint: Option<Said>,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// As it should.
    Fine,
    /// It works, but somebody should look.
    Doubtful,
    /// No data will come this way.
    Failed,
}

impl Step {
    /// A step that went as it should.
    pub(crate) fn fine(name: &'static str, told: impl Into<Said>) -> Step {
        Step { name, state: StepState::Fine, told: told.into(), hint: None }
    }

    /// A step that ended the way.
    pub(crate) fn failed(name: &'static str, failure: Failure) -> Step {
        Step { name, state: StepState::Failed, told: failure.why, hint: failure.hint }
    }
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
    /// Only rows whose column is at least this, where [`Kind::since`] is said; null asks for all.
    pub since: Option<Since>,
}

/// From where on an incremental pull reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// The source's column.
    pub column: String,
    /// The least value wanted, as the source writes it.
    pub at_least: String,
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
    /// A file was read to its end.
    File(ReadFile),
}

/// A file that a pull has read, so that whoever pulls can see whether anything new came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFile {
    /// Its name below the source's folder; `archive.zip/member` for one of an archive.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
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
    pub why: Said,
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
    /// What it was taken for; one of [`TAKEN_FOR`].
    pub why: &'static str,
}

/// What lines, sheets and files may be taken for that are no rows, with the words for it in Chinese.
pub const TAKEN_FOR: [(&str, &str); 21] = [
    ("title", "标题"),
    ("blank", "空行"),
    ("heading again", "重复的表头"),
    ("column numbers", "栏次"),
    ("subtotal", "小计"),
    ("signature", "签字"),
    ("page number", "页码"),
    ("under no heading", "表头之外的单元格"),
    ("deleted record", "已删除的记录"),
    ("after the last record", "末条记录之后的内容"),
    ("column of pictures or programs", "图片或程序列"),
    ("columns that the first records do not have", "前面的记录没有的列"),
    ("hidden sheet", "隐藏的工作表"),
    ("sheet without cells", "没有单元格的工作表"),
    ("sheet without the mapped columns", "没有映射列的工作表"),
    ("sheet not asked for", "未要求的工作表"),
    ("member not asked for", "压缩包中未要求的文件"),
    ("file being written", "正在写入的文件"),
    ("lock of an open file", "有人打开文件时留下的锁"),
    ("older file", "较旧的文件"),
    ("not verified", "控制文件中未核对的项"),
];

impl SkippedLine {
    /// What it was taken for, in both languages.
    pub fn said(&self) -> Said {
        let zh = TAKEN_FOR.iter().find(|(en, _)| *en == self.why).map_or(self.why, |(_, zh)| zh);
        Said { zh: zh.to_owned(), en: self.why.to_owned() }
    }
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
    pub why: Said,
    /// What to try.
    pub hint: Option<Said>,
    /// Whether it may go away by itself: a lost connection does, a wrong password does not.
    pub passing: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.department, self.source)?;
        if !self.table.is_empty() {
            write!(f, " {}", self.table)?;
        }
        write!(f, ": {}", self.why.en)
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

impl Place {
    /// A failure of this source; `table` may be empty.
    pub(crate) fn failure(&self, table: &str, why: impl Into<Said>) -> Failure {
        Failure {
            department: self.department.clone(),
            source: self.source.clone(),
            table: table.to_owned(),
            why: why.into(),
            hint: None,
            passing: false,
        }
    }
}

impl Failure {
    /// The same failure with something to try.
    pub(crate) fn hint(self, hint: impl Into<Said>) -> Failure {
        Failure { hint: Some(hint.into()), ..self }
    }

    /// The same failure, worth trying again later.
    pub(crate) fn passing(self) -> Failure {
        Failure { passing: true, ..self }
    }
}

/// A way to reach data: a protocol or a format.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What `kind` says in a department file.
    pub name: &'static str,
    /// What it reads, in English.
    pub about: &'static str,
    /// What it reads, in Chinese.
    pub about_zh: &'static str,
    /// Opens a source of this kind; `settings` without `kind`. Reads the settings and touches nothing else.
    pub open: fn(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, Said>,
    /// How far what is pulled is one state of the source.
    pub consistency: Consistency,
    /// Whether [`Ask::since`] is understood.
    pub since: bool,
    /// What else a source of this kind may say.
    pub settings: &'static [Setting],
}

/// How far what is pulled is one state of the source, when others write meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Files that are refused when they change while they are read.
    Pinned,
    /// A snapshot that several connections share: all tables are of one instant.
    Exported,
    /// One transaction on one connection: all tables are of one instant, pulled one after the other.
    Transaction,
    /// The source offers nothing: a page may be of another instant than the next.
    None,
}

impl Consistency {
    /// Its word in the references.
    pub fn word(self) -> &'static str {
        match self {
            Consistency::Pinned => "pinned",
            Consistency::Exported => "exported",
            Consistency::Transaction => "transaction-bound",
            Consistency::None => "none",
        }
    }
}

/// One setting of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key in the department file.
    pub name: &'static str,
    /// What it means, and what holds without it, in English.
    pub about: &'static str,
    /// The same in Chinese.
    pub about_zh: &'static str,
}

/// Every kind of source, in one list: the command line's help, the references and the contract tests are made from it.
pub const KINDS: &[Kind] =
    &[csv::KIND, xlsx::KIND, dbf::KIND, parquet::KIND, sqlite::KIND, postgres::KIND, mysql::KIND, sqlserver::KIND, odbc::KIND, http::KIND];

/// Opens the source at `place` as its `settings` say; `kind` picks from [`KINDS`].
///
/// An unknown kind or key is refused with the nearest known one. Nothing is connected or read yet.
pub fn open(place: Place, mut settings: toml::Table) -> Result<Box<dyn Connector>, Said> {
    let names = || KINDS.iter().map(|it| it.name);
    let kind = match settings.remove("kind") {
        Some(toml::Value::String(kind)) => kind,
        Some(_) => return Err(said!("`kind` 必须是文本", "`kind` must be text")),
        None => {
            let known = near::list(names());
            return Err(said!("缺少 `kind`；已知的有 {}", "`kind` is missing; known are {}"; known));
        }
    };
    let Some(known) = KINDS.iter().find(|it| it.name == kind) else {
        let hint = near::did_you_mean(&kind, names());
        return Err(said!("没有 `{kind}` 这种连接方式；{}", "no connector of kind `{kind}`; {}"; hint));
    };
    let keys = || known.settings.iter().map(|it| it.name);
    if let Some(key) = settings.keys().find(|key| !keys().any(|it| it == *key)) {
        let hint = near::did_you_mean(key, keys());
        return Err(said!("`{kind}` 来源没有 `{key}` 这项设置；{}", "a source of kind `{kind}` has no setting `{key}`; {}"; hint));
    }
    (known.open)(place, settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(settings: &str) -> Said {
        let place = Place { department: "hr".to_owned(), source: "archive".to_owned(), root: PathBuf::new() };
        open(place, settings.parse().expect("the test writes TOML")).err().expect("the settings are wrong")
    }

    #[test]
    fn a_wrong_kind_or_key_is_refused_with_the_nearest_one() {
        assert_eq!(refusal("kind = 'xslx'"), "no connector of kind `xslx`; did you mean `xlsx`?");
        assert_eq!(refusal("kind = 'csv'\nfodler = 'x'"), "a source of kind `csv` has no setting `fodler`; did you mean `folder`?");
        let known = near::list(KINDS.iter().map(|it| it.name));
        assert_eq!(refusal("kind = 'telex'"), format!("no connector of kind `telex`; known are {}", known.en).as_str());
        assert_eq!(refusal("folder = 'x'"), format!("`kind` is missing; known are {}", known.en).as_str());
        assert!(refusal("kind = 'sqlite'").contains("file"));
        assert!(refusal("kind = 'csv'\nencoding = 'klingon'").contains("klingon"));
    }

    #[test]
    fn every_kind_says_what_it_is_in_both_languages() {
        for kind in KINDS {
            assert!(!kind.about.is_empty() && !kind.about_zh.is_empty(), "{}", kind.name);
            for setting in kind.settings {
                assert!(!setting.about.is_empty() && !setting.about_zh.is_empty(), "{}.{}", kind.name, setting.name);
            }
        }
    }
}
