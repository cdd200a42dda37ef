//! The files of a night: for people, for programs, and for `muster explain`.
//!
//! | file                     | holds                                                                     |
//! |--------------------------|---------------------------------------------------------------------------|
//! | `night.json.sealed`      | the night as reports tell it; ID numbers masked like the workbook's       |
//! | `findings.jsonl.sealed`  | one finding a line                                                        |
//! | `findings.parquet`       | the same, flat, with the case numbers                                     |
//! | `<table>.parquet`        | `unit`, `person`, `identity`, `candidate`, `unit_reference`: who is who   |
//!
//! All of them are sealed ([`crate::vault`]). What people read, workbook and page, is not: it lies where the operator says, or nowhere.
//! Each is written beside its place and moved there when it is whole. The same night says the same, byte for byte, under its seal.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int32Array, Int32Builder, Int64Array, ListBuilder, RecordBatch, StringArray};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use muster_core::finding::{Family, Finding, Line, Subject};
use muster_core::mask;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::archive::SEALED;
use crate::digest::CardText;
use crate::night::Night;
use crate::page;
use crate::sheet::{self, Book, BookReader, SheetSettings};
use crate::vault::Vault;

/// Why a file of the night could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {why}", file.display())]
pub struct Unwritten {
    file: PathBuf,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error(transparent)]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    #[error(transparent)]
    Page(#[from] minijinja::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error(transparent)]
    Parquet(#[from] ParquetError),
}

/// What a night leaves on disk.
pub struct Kept<'a> {
    /// What seals it.
    pub vault: &'a Vault,
    /// The night as reports tell it.
    pub night: &'a Night,
    /// What the rules found, in their order.
    pub findings: &'a [Finding],
    /// Tables that `muster explain` reads, by name.
    pub tables: &'a [(&'a str, &'a [RecordBatch])],
    /// Whether whole ID numbers stand in `night.json`.
    pub full_ids: bool,
}

/// Writes every file of the night into `folder`.
pub fn keep(folder: &Path, kept: &Kept) -> Result<(), Unwritten> {
    let Kept { vault, night, findings, tables, full_ids } = kept;
    sealed(folder, vault, "night.json", |out| night_json(out, night, *full_ids))?;
    sealed(folder, vault, "findings.jsonl", |out| findings_jsonl(out, findings))?;
    whole(folder, "findings.parquet", |path| parquet(vault, path, &[findings_table(night, findings)?]))?;
    for (name, table) in *tables {
        whole(folder, &format!("{name}.parquet"), |path| parquet(vault, path, table))?;
    }
    Ok(())
}

/// Makes a folder, and what is missing above it, that nobody else on this machine can look into: what lies there is about people. One
/// that is there keeps the mode that its operator gave it.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a file that only we can read, and never takes the place of one.
pub fn private_file(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes what people read of the night into `folder`, in clear: `report.xlsx` to work from, `report.html` to read.
pub fn for_people(
    folder: &Path,
    night: &Night,
    cards: &[CardText],
    settings: &SheetSettings,
    password: Option<&str>,
) -> Result<(), Unwritten> {
    private_folder(folder).map_err(|why| Unwritten { file: folder.to_owned(), why: why.into() })?;
    whole(folder, "report.xlsx", |path| {
        let book = sheet::workbook(&Book { night, cards, settings, mark: None, reader: BookReader::Night })?;
        Ok(fs::write(path, password.map_or(Ok(book.clone()), |it| sheet::with_password(&book, it))?)?)
    })?;
    whole(folder, "report.html", |path| Ok(fs::write(path, page::page(night, settings.lang, None)?)?))
}

/// Writes a table before the others, so that it can be read from there instead of being held; gives its place.
pub fn table(
    folder: &Path,
    vault: &Vault,
    name: &str,
    schema: SchemaRef,
    batches: impl Iterator<Item = RecordBatch>,
) -> Result<PathBuf, Unwritten> {
    let file = format!("{name}.parquet");
    whole(folder, &file, |path| parquet_of(vault, path, schema, batches))?;
    Ok(folder.join(file))
}

/// A sealed file that is no table.
fn sealed(folder: &Path, vault: &Vault, name: &str, write: impl FnOnce(&mut dyn Write) -> Result<(), Why>) -> Result<(), Unwritten> {
    whole(folder, &format!("{name}.{SEALED}"), |path| {
        let mut out = vault.sealing(BufWriter::new(File::create(path)?))?;
        write(&mut out)?;
        Ok(out.finish()?.flush()?)
    })
}

/// A file is either there and whole, or not there.
fn whole(folder: &Path, name: &str, write: impl FnOnce(&Path) -> Result<(), Why>) -> Result<(), Unwritten> {
    let (file, partial) = (folder.join(name), folder.join(format!("{name}.partial")));
    let written = || {
        write(&partial)?;
        File::open(&partial)?.sync_all()?;
        fs::rename(&partial, &file)?;
        Ok(())
    };
    written().map_err(|why| Unwritten { file: file.clone(), why })
}

/// People of whom a row was rejected are for linking, not for reports.
fn night_json(out: &mut dyn Write, night: &Night, full_ids: bool) -> Result<(), Why> {
    let mut shown = night.clone();
    for person in shown.people.values_mut().filter(|_| !full_ids) {
        person.id_number = person.id_number.take().map(|it| mask::id_number(&it));
    }
    for tally in shown.feeds.iter_mut().filter_map(|it| it.tally.as_mut()) {
        *tally = tally.without_people();
    }
    serde_json::to_writer_pretty(&mut *out, &shown)?;
    Ok(writeln!(out)?)
}

fn findings_jsonl(out: &mut dyn Write, findings: &[Finding]) -> Result<(), Why> {
    for finding in findings {
        serde_json::to_writer(&mut *out, finding)?;
        writeln!(out)?;
    }
    Ok(())
}

fn parquet(vault: &Vault, path: &Path, table: &[RecordBatch]) -> Result<(), Why> {
    let schema = table.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    parquet_of(vault, path, schema, table.iter().cloned())
}

fn parquet_of(vault: &Vault, path: &Path, schema: SchemaRef, table: impl Iterator<Item = RecordBatch>) -> Result<(), Why> {
    let settings = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
    let mut writer = vault.table(path, schema, settings)?;
    for batch in table {
        writer.write(&batch)?;
    }
    writer.close()?;
    Ok(())
}

/// Findings as columns: what an analyst groups by, and the sentences.
fn findings_table(night: &Night, findings: &[Finding]) -> Result<RecordBatch, ArrowError> {
    let numbers: BTreeMap<(Family, &str), Option<&str>> =
        night.cases.iter().map(|it| ((it.family, it.subject.key()), it.number.as_deref())).collect();
    let number = |it: &Finding| numbers.get(&(it.family, it.subject.key())).copied().flatten();
    RecordBatch::try_from_iter_with_nullable([
        ("case_number", texts(findings, number), true),
        ("rule", texts(findings, |it| Some(it.rule.as_str())), false),
        ("family", texts(findings, |it| Some(it.family.word())), false),
        ("severity", texts(findings, |it| Some(format!("{:?}", it.severity))), false),
        ("subject_kind", texts(findings, |it| Some(subject(&it.subject).0)), false),
        ("subject_key", texts(findings, |it| Some(it.subject.key())), false),
        ("subject_id", Arc::new(findings.iter().map(|it| Some(subject(&it.subject).1)).collect::<Int32Array>()), false),
        ("unit_id", Arc::new(findings.iter().map(|it| it.unit_id).collect::<Int32Array>()), true),
        ("unit_code", texts(findings, |it| it.unit_code.as_deref()), true),
        ("months", months(findings), false),
        ("since", Arc::new(findings.iter().map(|it| it.since).collect::<Int32Array>()), true),
        ("amount_fen", Arc::new(findings.iter().map(|it| it.amount_fen).collect::<Int64Array>()), true),
        ("confidence", Arc::new(findings.iter().map(|it| Some(it.confidence)).collect::<Float32Array>()), false),
        ("sentence_zh", texts(findings, |it| Some(sentences(&it.lines, |it| &it.zh))), false),
        ("sentence_en", texts(findings, |it| Some(sentences(&it.lines, |it| &it.en))), false),
    ])
}

fn texts<'a, T: AsRef<str>>(findings: &'a [Finding], of: impl Fn(&'a Finding) -> Option<T>) -> ArrayRef {
    Arc::new(findings.iter().map(of).collect::<StringArray>())
}

fn subject(it: &Subject) -> (&'static str, i32) {
    match it {
        Subject::Person { id, .. } => ("person", *id),
        Subject::Unit { id, .. } => ("unit", *id),
    }
}

fn months(findings: &[Finding]) -> ArrayRef {
    let mut lists = ListBuilder::new(Int32Builder::new());
    for finding in findings {
        lists.values().append_slice(&finding.months);
        lists.append(true);
    }
    Arc::new(lists.finish())
}

fn sentences(lines: &[Line], of: impl Fn(&Line) -> &String) -> String {
    lines.iter().map(of).map(String::as_str).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use muster_core::report::{Lang, shipped_columns};

    use super::*;
    use crate::{sample, vault};

    const FILES: [&str; 6] =
        ["findings.jsonl.sealed", "findings.parquet", "night.json.sealed", "person.parquet", "report.html", "report.xlsx"];

    fn write(full_ids: bool) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let night = sample::night();
        let findings: Vec<Finding> = night.cases.iter().flat_map(|it| it.findings.values().cloned()).collect();
        let persons = RecordBatch::try_from_iter([("person_id", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]).expect("a table");
        let settings = SheetSettings { lang: Lang::Zh, full_ids, columns: shipped_columns() };
        let tables = [("person", std::slice::from_ref(&persons))];
        let kept = Kept { vault: &vault::TESTS, night: &night, findings: &findings, tables: &tables, full_ids };
        keep(folder.path(), &kept).expect("written");
        for_people(folder.path(), &night, &sample::cards(), &settings, None).expect("written");
        folder
    }

    fn read(folder: &tempfile::TempDir, name: &str) -> Vec<u8> {
        let path = folder.path().join(name);
        if !name.ends_with(SEALED) {
            return fs::read(path).expect(name);
        }
        let mut clear = Vec::new();
        vault::TESTS.unsealing(File::open(path).expect(name)).expect(name).read_to_end(&mut clear).expect(name);
        clear
    }

    #[test]
    fn every_file_is_whole_and_the_same_each_time() {
        let (once, again) = (write(false), write(false));
        let mut names: Vec<String> = fs::read_dir(once.path())
            .expect("a folder")
            .map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names, FILES);
        for name in FILES.into_iter().filter(|it| !it.ends_with(".parquet")) {
            assert!(read(&once, name) == read(&again, name), "{name} differs");
        }
    }

    #[test]
    fn findings_and_night_are_read_back_as_they_were() {
        let folder = write(false);
        let night: Night = serde_json::from_slice(&read(&folder, "night.json.sealed")).expect("a night");
        assert_eq!(night.cases, sample::night().cases);

        let lines = String::from_utf8(read(&folder, "findings.jsonl.sealed")).expect("text");
        let findings: Vec<Finding> = lines.lines().map(|it| serde_json::from_str(it).expect("a finding")).collect();
        assert_eq!(findings.len(), night.cases.len());

        let file = File::open(folder.path().join("findings.parquet")).expect("there");
        let reader = vault::TESTS.rows(file).expect("Parquet").build().expect("readable");
        assert_eq!(reader.map(|it| it.expect("a batch").num_rows()).sum::<usize>(), findings.len());
    }

    #[test]
    fn id_numbers_leave_the_hub_masked_unless_the_operator_says_otherwise() {
        let ids: Vec<String> = sample::night().people.into_values().filter_map(|it| it.id_number).collect();
        for (full_ids, shown) in [(false, false), (true, true)] {
            let folder = write(full_ids);
            let json = String::from_utf8(read(&folder, "night.json.sealed")).expect("text");
            assert!(ids.iter().all(|it| json.contains(it) == shown));
            let page = String::from_utf8(read(&folder, "report.html")).expect("text");
            assert!(!ids.iter().any(|it| page.contains(it)), "the page never shows them");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_by_name() {
        let told = whole(Path::new("/nowhere/at/all"), "night.json", |_| Ok(())).expect_err("there is no such folder").to_string();
        assert!(told.starts_with("cannot write /nowhere/at/all/night.json: "), "{told}");
    }
}
