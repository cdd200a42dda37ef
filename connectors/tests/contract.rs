//! What every kind of connector promises, whatever it reads. A new kind adds one line to [`SUBJECTS`].

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt as _;
use muster_connectors::{Ask, Connector, Failure, KINDS, PLACE_COLUMNS, Piece, Place, open};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

/// A kind of source, and how a test makes one.
struct Subject {
    kind: &'static str,
    /// As in a department file.
    settings: &'static str,
    /// The file that the test writes, below the root.
    file: &'static str,
    /// What the connector is asked for.
    table: &'static str,
    /// One-based row of the first row.
    first_row: i64,
    /// Whether the format can tell an empty text from none.
    knows_empty: bool,
    /// The right settings with a table that is not there.
    unknown: &'static str,
    /// What the refusal of it must name.
    known: &'static str,
    write: fn(&Path, &[&str], &[Cells]),
}

type Cells = Vec<Option<&'static str>>;

const SUBJECTS: &[Subject] = &[
    Subject {
        kind: "csv",
        settings: "kind = 'csv'",
        file: "pay.csv",
        table: "pay.csv",
        first_row: 2,
        knows_empty: true,
        unknown: "pai.csv",
        known: "pay.csv",
        write: |path, columns, rows| fs::write(path, csv(columns, rows, ",")).expect("to write the file"),
    },
    Subject {
        kind: "csv",
        settings: "kind = 'csv'\nencoding = 'gb18030'\nfolder = 'sub'\ndelimiter = '|'",
        file: "sub/pay-202603.txt",
        table: "pay-*.txt",
        first_row: 2,
        knows_empty: true,
        unknown: "pai-*.txt",
        known: "pay-202603.txt",
        write: |path, columns, rows| fs::write(path, encoding_rs::GB18030.encode(&csv(columns, rows, "|")).0).expect("to write the file"),
    },
    Subject {
        kind: "csv",
        settings: "kind = 'csv'",
        file: "pay.tsv",
        table: "*.tsv",
        first_row: 2,
        knows_empty: true,
        unknown: "pai.tsv",
        known: "pay.tsv",
        write: |path, columns, rows| {
            let utf16 = format!("\u{feff}{}", csv(columns, rows, "\t")).encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
            fs::write(path, utf16).expect("to write the file");
        },
    },
    Subject {
        kind: "xlsx",
        settings: "kind = 'xlsx'\nfolder = 'sub'",
        file: "sub/工资.xlsx",
        table: "工资.xlsx",
        first_row: 2,
        knows_empty: false,
        unknown: "工贸.xlsx",
        known: "工资.xlsx",
        write: write_xlsx,
    },
    Subject {
        kind: "dbf",
        settings: "kind = 'dbf'",
        file: "GZ202603.DBF",
        table: "GZ*.DBF",
        first_row: 1,
        knows_empty: false,
        unknown: "GX*.DBF",
        known: "GZ202603.DBF",
        write: write_dbf,
    },
    Subject {
        kind: "parquet",
        settings: "kind = 'parquet'",
        file: "pay.parquet",
        table: "*.parquet",
        first_row: 1,
        knows_empty: true,
        unknown: "pai.parquet",
        known: "pay.parquet",
        write: write_parquet,
    },
    Subject {
        kind: "sqlite",
        settings: "kind = 'sqlite'\nfile = 'register.db'",
        file: "register.db",
        table: "工资",
        first_row: 1,
        knows_empty: true,
        unknown: "工姿",
        known: "工资",
        write: write_sqlite,
    },
];

const COLUMNS: [&str; 4] = ["身份证号", "姓名", "应发合计", "备注"];

fn people() -> Vec<Cells> {
    vec![
        vec![Some("330683198001011234"), Some("陈䶮"), Some("8120.5"), Some("a")],
        vec![Some("33068319810202224X"), Some("阿依古丽·买买提"), Some("0"), Some("")],
        vec![Some("330683198203033254"), Some("𠮷田"), Some("-12345678901.25"), None],
        vec![Some("'330683198304044264"), Some(" 王　伟 "), None, Some("带,逗号|竖线\t和\"引号\"")],
        vec![Some("000123456789012345"), Some("李娜"), Some("0.1"), Some("两\n行")],
        vec![Some("330683198506066287"), Some("张敏"), Some("100"), Some("完")],
    ]
}

fn csv(columns: &[&str], rows: &[Cells], delimiter: &str) -> String {
    let quoted = |cell: Option<&str>| cell.map_or(String::new(), |it| format!("\"{}\"", it.replace('"', "\"\"")));
    let line = |cells: Vec<String>| cells.join(delimiter) + "\r\n";
    let heading = line(columns.iter().map(|it| (*it).to_owned()).collect());
    rows.iter().fold(heading, |text, row| text + &line(row.iter().copied().map(quoted).collect()))
}

fn write_xlsx(path: &Path, columns: &[&str], rows: &[Cells]) {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (at, name) in columns.iter().enumerate() {
        sheet.write_string(0, at as u16, *name).expect("to write a cell");
    }
    for (row_no, row) in rows.iter().enumerate() {
        for (at, cell) in row.iter().enumerate() {
            let (row_no, at) = (row_no as u32 + 1, at as u16);
            match cell {
                Some(number) if columns[usize::from(at)] == "应发合计" => {
                    sheet.write_number(row_no, at, number.parse::<f64>().expect("a number")).expect("to write a cell")
                }
                Some(text) => sheet.write_string(row_no, at, *text).expect("to write a cell"),
                None => continue,
            };
        }
    }
    book.save(path).expect("to write the workbook");
}

fn write_parquet(path: &Path, columns: &[&str], rows: &[Cells]) {
    let schema = Arc::new(Schema::new(columns.iter().map(|it| Field::new(*it, DataType::Utf8, true)).collect::<Vec<_>>()));
    let column = |at: usize| Arc::new(rows.iter().map(|row| row[at]).collect::<StringArray>()) as ArrayRef;
    let batch = RecordBatch::try_new(Arc::clone(&schema), (0..columns.len()).map(column).collect()).expect("a batch");
    let mut writer = parquet::arrow::ArrowWriter::try_new(fs::File::create(path).expect("a file"), schema, None).expect("a writer");
    writer.write(&batch).expect("to write the rows");
    writer.close().expect("to close the file");
}

/// A table of FoxPro in GBK; the amounts are numbers, the rest texts.
fn write_dbf(path: &Path, columns: &[&str], rows: &[Cells]) {
    const BYTES: usize = 60;
    let gbk = |text: &str| encoding_rs::GB18030.encode(text).0.into_owned();
    let record_bytes = 1 + BYTES * columns.len();
    let header_bytes = 32 + 32 * columns.len() + 1;
    let mut table = vec![0x03, 126, 3, 31];
    table.extend((rows.len() as u32).to_le_bytes());
    table.extend((header_bytes as u16).to_le_bytes());
    table.extend((record_bytes as u16).to_le_bytes());
    table.resize(29, 0);
    table.extend([0x7a, 0, 0]);
    for name in columns {
        let mut column = gbk(name);
        column.resize(11, 0);
        column.push(if *name == "应发合计" { b'N' } else { b'C' });
        column.extend([0, 0, 0, 0, BYTES as u8]);
        column.resize(32, 0);
        table.extend(column);
    }
    table.push(0x0d);
    for row in rows {
        table.push(b' ');
        for (name, cell) in columns.iter().zip(row) {
            let mut cell = gbk(cell.unwrap_or_default());
            let blanks = vec![b' '; BYTES - cell.len()];
            if *name == "应发合计" {
                cell.splice(..0, blanks)
            } else {
                cell.splice(cell.len().., blanks)
            };
            table.extend(cell);
        }
    }
    table.push(0x1a);
    fs::write(path, table).expect("to write the table");
}

/// The amounts are REAL, the rest TEXT.
fn write_sqlite(path: &Path, columns: &[&str], rows: &[Cells]) {
    let path = path.to_owned();
    let names: Vec<String> = columns.iter().map(|it| format!("\"{it}\" {}", if *it == "应发合计" { "REAL" } else { "TEXT" })).collect();
    let create = format!("CREATE TABLE \"工资\" ({})", names.join(", "));
    let insert = format!("INSERT INTO \"工资\" VALUES ({})", vec!["?"; columns.len()].join(", "));
    let rows = rows.to_vec();
    let work = async move {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut database = SqliteConnection::connect_with(&options).await?;
        sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut database).await?;
        sqlx::query("BEGIN").execute(&mut database).await?;
        for row in rows {
            let insert = sqlx::query(sqlx::AssertSqlSafe(insert.clone()));
            row.into_iter().fold(insert, sqlx::query::Query::bind).execute(&mut database).await?;
        }
        sqlx::query("COMMIT").execute(&mut database).await?;
        database.close().await
    };
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    std::thread::spawn(move || runtime().block_on(work)).join().expect("the writer runs").expect("to write the database");
}

/// A source on disk; the folder lives as long as it.
struct Source {
    subject: &'static Subject,
    root: tempfile::TempDir,
}

fn source(subject: &'static Subject, columns: &[&str], rows: &[Cells]) -> Source {
    let source = Source { subject, root: tempfile::tempdir().expect("a folder for the test") };
    let path = source.path();
    fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
    (subject.write)(&path, columns, rows);
    source
}

impl Source {
    fn path(&self) -> std::path::PathBuf {
        self.root.path().join(self.subject.file)
    }

    fn open(&self) -> Box<dyn Connector> {
        let place = Place { department: "finance".to_owned(), source: "archive".to_owned(), root: self.root.path().to_owned() };
        let mut settings: toml::Table = self.subject.settings.parse().expect("the test writes TOML");
        if ["csv", "xlsx", "dbf", "parquet"].contains(&self.subject.kind) {
            settings.insert("settle_seconds".to_owned(), 0.into());
        }
        open(place, settings).expect("the settings are right")
    }

    async fn pull(&self, batch_rows: usize) -> Result<Pulled, Failure> {
        self.pull_columns(self.subject.table, &COLUMNS, batch_rows).await
    }

    async fn pull_columns(&self, table: &str, columns: &[&str], batch_rows: usize) -> Result<Pulled, Failure> {
        let columns = columns.iter().map(|it| (*it).to_owned()).collect();
        let pull = self.open().pull(&Ask { table: table.to_owned(), columns, batch_rows, since: None }).await?;
        let pieces: Vec<Piece> = pull.pieces.try_collect().await?;
        let batches: Vec<RecordBatch> =
            pieces.iter().filter_map(|it| if let Piece::Rows(batch) = it { Some(batch.clone()) } else { None }).collect();
        assert!(batches.iter().all(|it| it.schema() == pull.schema), "{}: every batch has the schema of the pull", self.subject.kind);
        Ok(Pulled { names: pull.schema.fields().iter().map(|it| it.name().clone()).collect(), batches, others: pieces.len() })
    }
}

#[derive(Debug, PartialEq)]
struct Pulled {
    names: Vec<String>,
    batches: Vec<RecordBatch>,
    /// Pieces of all sorts.
    others: usize,
}

impl Pulled {
    /// A column as text.
    fn column(&self, name: &str) -> Vec<Option<String>> {
        let options = FormatOptions::new();
        let cells = |batch: &RecordBatch| {
            let column = batch.column_by_name(name).expect("the column is there");
            let format = ArrayFormatter::try_new(column, &options).expect("a type that can be shown");
            (0..column.len()).map(|at| column.is_valid(at).then(|| format.value(at).to_string())).collect::<Vec<_>>()
        };
        self.batches.iter().flat_map(cells).collect()
    }

    fn row_nos(&self) -> Vec<String> {
        self.column("_row").into_iter().flatten().collect()
    }
}

fn column_of(rows: &[Cells], at: usize, subject: &Subject) -> Vec<Option<String>> {
    // dBASE fills a text up with blanks: those at its end are not part of it.
    let held = |it: &'static str| if subject.kind == "dbf" { it.trim_end_matches(' ') } else { it };
    rows.iter().map(|row| row[at].map(held).filter(|it| subject.knows_empty || !it.is_empty()).map(str::to_owned)).collect()
}

/// Kinds that speak to a server keep the same promises in a file of their own.
const SERVERS: &[(&str, &str)] = &[
    ("postgres", "postgres.rs"),
    ("mysql", "mysql.rs"),
    ("sqlserver", "sqlserver.rs"),
    ("odbc", "../odbc/tests/odbc/main.rs"),
    ("http", "http.rs"),
];

#[test]
fn every_kind_is_here() {
    for (_, file) in SERVERS {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file).is_file(), "{file}");
    }
    for kind in KINDS.iter().filter(|kind| SERVERS.iter().all(|it| it.0 != kind.name)) {
        assert!(SUBJECTS.iter().any(|it| it.kind == kind.name), "{} has no subject in the contract", kind.name);
    }
}

#[tokio::test]
async fn the_same_rows_come_out_and_null_is_not_empty() {
    for subject in SUBJECTS {
        let pulled = source(subject, &COLUMNS, &people()).pull(1000).await.expect(subject.kind);
        assert_eq!(pulled.names[..4], COLUMNS, "{}", subject.kind);
        assert_eq!(pulled.names[4..], PLACE_COLUMNS, "{}", subject.kind);
        for (at, name) in COLUMNS.iter().enumerate() {
            assert_eq!(pulled.column(name), column_of(&people(), at, subject), "{} {name}", subject.settings);
        }
    }
}

#[tokio::test]
async fn rows_know_where_they_stand() {
    for subject in SUBJECTS {
        let rows: Vec<Cells> = people().into_iter().map(|row| vec![row[0], row[1]]).collect();
        let pulled = source(subject, &COLUMNS[..2], &rows).pull(4).await.expect(subject.kind);
        let expected: Vec<String> = (0..6).map(|at| (subject.first_row + at).to_string()).collect();
        assert_eq!(pulled.row_nos(), expected, "{}", subject.kind);
        let file = Path::new(subject.file).file_name().map(|it| it.to_string_lossy().into_owned());
        assert_eq!(pulled.column("_file"), vec![file; 6], "{}", subject.kind);
        let sheet = (subject.kind == "xlsx").then(|| "Sheet1".to_owned());
        assert_eq!(pulled.column("_sheet"), vec![sheet; 6], "{}", subject.kind);
        assert_eq!(pulled.column("_title"), vec![None; 6], "{}", subject.kind);
    }
}

#[tokio::test]
async fn two_pulls_are_equal_and_leave_the_source_alone() {
    for subject in SUBJECTS {
        let source = source(subject, &COLUMNS, &people());
        let state = || {
            let path = source.path();
            let folder = path.parent().expect("below the root");
            let beside: Vec<_> = fs::read_dir(folder).expect("the folder").map(|it| it.expect("an entry").file_name()).collect();
            (fs::read(&path).expect("the file"), fs::metadata(&path).and_then(|it| it.modified()).expect("its time"), beside)
        };
        let before = state();
        let first = source.pull(4).await.expect(subject.kind);
        assert_eq!(first, source.pull(4).await.expect(subject.kind), "{}", subject.kind);
        source.open().offers().await.expect(subject.kind);
        assert_eq!(state(), before, "{}", subject.kind);
    }
}

#[tokio::test]
async fn batches_keep_to_their_size() {
    for subject in SUBJECTS {
        let rows: Vec<Cells> = people().into_iter().cycle().take(25).collect();
        let source = source(subject, &COLUMNS, &rows);
        for batch_rows in [1, 4, 25, 1000] {
            let pulled = source.pull(batch_rows).await.expect(subject.kind);
            assert!(pulled.batches.iter().all(|it| (1..=batch_rows).contains(&it.num_rows())), "{} {batch_rows}", subject.kind);
            assert_eq!(pulled.row_nos().len(), 25, "{} {batch_rows}", subject.kind);
        }
    }
}

#[tokio::test]
async fn an_unknown_table_says_what_there_is() {
    for subject in SUBJECTS {
        let source = source(subject, &COLUMNS, &people());
        let failure = source.pull_columns(subject.unknown, &COLUMNS, 4).await.expect_err(subject.kind);
        assert_eq!((failure.department.as_str(), failure.source.as_str(), failure.table.as_str()), ("finance", "archive", subject.unknown));
        assert!(failure.hint.is_some_and(|it| it.contains(subject.known)), "{}", subject.kind);
    }
}

#[tokio::test]
async fn a_table_without_the_mapped_columns_is_refused_by_its_columns_only() {
    for subject in SUBJECTS {
        let failure = source(subject, &COLUMNS, &people()).pull_columns(subject.table, &["SFZH", "XM"], 4).await.expect_err(subject.kind);
        assert!(failure.why.contains("mapped columns"), "{}: {failure}", subject.kind);
        let said = format!("{failure} {:?}", failure.hint);
        assert!(!said.contains("330683") && !said.contains("陈䶮"), "{}: {said}", subject.kind);
    }
}

#[tokio::test]
async fn an_added_column_comes_and_a_missing_one_is_left_to_the_mapping() {
    for subject in SUBJECTS {
        let added: Vec<Cells> = people().into_iter().map(|row| vec![row[0], row[1], row[2], row[3], Some("新")]).collect();
        let columns = ["身份证号", "姓名", "应发合计", "备注", "新增"];
        let pulled = source(subject, &columns, &added).pull(4).await.expect(subject.kind);
        assert_eq!(pulled.names[..5], columns, "{}", subject.kind);
        assert_eq!(pulled.column("新增"), vec![Some("新".to_owned()); 6], "{}", subject.kind);

        let missing: Vec<Cells> = people().into_iter().map(|row| vec![row[0], row[1]]).collect();
        let pulled = source(subject, &COLUMNS[..2], &missing).pull(4).await.expect(subject.kind);
        assert_eq!(pulled.names[..3], ["身份证号", "姓名", "_file"], "{}", subject.kind);
    }
}

#[tokio::test]
async fn a_file_cut_in_the_middle_is_a_failure() {
    for subject in SUBJECTS {
        let rows: Vec<Cells> = (0..2000).map(|_| vec![Some("330683198001011234"), Some("陈䶮"), Some("1"), Some("完")]).collect();
        let source = source(subject, &COLUMNS, &rows);
        let bytes = fs::read(source.path()).expect("the file");
        fs::write(source.path(), &bytes[..bytes.len() / 2 + 4]).expect("to cut it");
        let failure = source.pull(100).await.expect_err(subject.settings);
        assert!(failure.hint.is_some(), "{}: {failure}", subject.kind);
    }
}

#[tokio::test]
async fn an_empty_file_is_a_failure_and_an_empty_table_is_not() {
    for subject in SUBJECTS {
        let source = source(subject, &COLUMNS, &[]);
        assert_eq!(source.pull(4).await.expect(subject.settings).row_nos().len(), 0, "{}", subject.kind);
        fs::write(source.path(), b"").expect("to empty it");
        source.pull(4).await.expect_err(subject.settings);
    }
}

#[tokio::test]
async fn a_source_offers_its_tables_with_their_columns() {
    for subject in SUBJECTS {
        let source = source(subject, &COLUMNS, &people());
        let offers = source.open().offers().await.expect(subject.kind);
        assert_eq!(offers.len(), 1, "{}", subject.settings);
        assert_eq!(offers[0].columns, COLUMNS, "{}", subject.settings);
        let pulled = source.pull_columns(&offers[0].table, &[], 1000).await.expect(subject.kind);
        assert_eq!(pulled, source.pull(1000).await.expect(subject.kind), "{}", subject.settings);
    }
}

#[tokio::test]
async fn a_missing_source_is_named() {
    for subject in SUBJECTS {
        let source = source(subject, &COLUMNS, &people());
        fs::remove_file(source.path()).expect("to remove it");
        let failure = source.pull(4).await.expect_err(subject.settings);
        assert!(failure.hint.is_some(), "{}: {failure}", subject.kind);
    }
}
