//! Tables of dBASE and FoxPro. Those in `files/dbf` were written by ethanfurman's `dbf` for Python; others by the crate `dbase`, or cut from these.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::told;

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/dbf")
}

async fn pull(root: &Path, settings: &str, table: &str) -> Vec<String> {
    told(root, &format!("kind = 'dbf'\n{settings}"), table, &["sfzh"]).await
}

#[tokio::test]
async fn a_table_of_dbase_with_its_memos_and_deleted_records() {
    assert_eq!(
        pull(&files(), "", "db3.dbf").await,
        [
            "deleted record 3: 330683198203033254 已删 1.00",
            "row 1: 330683198001011234 | 陈小明 | 8120.50 | 1980-01-01 | 1 | 第一行\r\n第二行，带逗号",
            "row 2: 33068319810202224X | 王伟 | -0.05 | ~ | 0 | ~",
        ]
    );
}

#[tokio::test]
async fn a_table_of_foxpro_with_long_memos() {
    let long = "备注".repeat(300);
    assert_eq!(
        pull(&files(), "", "fp.dbf").await,
        [
            format!("row 1: 330683198001011234 | 陈小明 | 8120.50 | 1980-01-01 | 1 | {long}"),
            "row 2: 33068319810202224X | 李娜 | ~ | ~ | ~ | ~".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_table_of_visual_foxpro_tells_null_from_blank() {
    assert_eq!(
        pull(&files(), "", "vfp.dbf").await,
        [
            "row 1: 330683198001011234 | 陈小明 | -7 | 8120.5025 | 0.1 | 2026-03-01 08:30:15 | 水利局 | 2026 | 1980-01-01 | 备注",
            "row 2: 33068319810202224X | ~ | 0 | 0.0000 | 0 | ~ |  | ~ | ~ | ~",
        ]
    );
}

#[tokio::test]
async fn a_column_is_asked_for_in_any_spelling_and_a_stranger_is_refused() {
    assert_eq!(pull(&files(), "", "*.dbf").await.len(), 7);
    let refused = told(&files(), "kind = 'dbf'", "fp.dbf", &["身份证号"]).await;
    assert_eq!(refused[0], "finance/archive fp.dbf: fp.dbf has none of the mapped columns");
    assert_eq!(refused[1], "its columns are `SFZH`, `XM`, `YF`, `CS`, `ZB`, `BZ` (read as gb18030)");
}

/// The table of dBASE with some bytes changed, alone in a folder.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let mut bytes = fs::read(files().join("db3.dbf")).expect("the table");
    change(&mut bytes);
    fs::write(root.path().join("A.DBF"), bytes).expect("to write");
    root
}

async fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let told = pull(changed(change).path(), "", "A.DBF").await;
    assert!(told.len() == 2 && !told[1].is_empty(), "{told:?}");
    told[0].strip_prefix("finance/archive A.DBF: A.DBF ").expect("its name").to_owned()
}

#[tokio::test]
async fn damaged_tables_say_what_is_wrong() {
    assert_eq!(refusal(Vec::clear).await, "is empty");
    assert_eq!(refusal(|it| it.truncate(20)).await, "is no whole dBASE table: it ends in its header");
    assert_eq!(refusal(|it| it.truncate(100)).await, "is no whole dBASE table: it ends in its header");
    assert_eq!(refusal(|it| it.truncate(it.len() - 30)).await, "is no whole dBASE table: it says 3 records and holds 2");
    assert_eq!(refusal(|it| it[0] = b'P').await, "is no whole dBASE table: it begins with the byte 50");
    assert_eq!(refusal(|it| it[0] = 0x04).await, "is a table of dBASE 7");
    assert_eq!(refusal(|it| it[10] = 71).await, "is no whole dBASE table: its columns take 70 bytes and its records 71");
    assert_eq!(refusal(|it| it[32 + 11] = b'X').await, "is no whole dBASE table: column 1 is of no known kind");
    let first = |it: &[u8]| usize::from(u16::from_le_bytes([it[8], it[9]]));
    let refused = refusal(|it| {
        let at = first(it);
        it[at] = b'#';
    });
    assert_eq!(refused.await, "is no whole dBASE table: record 1 begins with neither a blank nor `*`");
    assert_eq!(refusal(|_| ()).await, "needs its memo file, .fpt or .dbt, beside it");
}

#[tokio::test]
async fn what_stands_behind_the_records_is_told() {
    let root = changed(|it| it.extend([b' '; 69]));
    fs::copy(files().join("db3.dbt"), root.path().join("a.DBT")).expect("the memos");
    let told = pull(root.path(), "", "A.DBF").await;
    assert_eq!(told.last().map(String::as_str), Some("after the last record 4: 69 bytes"), "{told:?}");
}

#[tokio::test]
async fn a_code_page_may_be_missing_or_wrong() {
    let lines = |told: Vec<String>| told.iter().filter(|it| it.starts_with("row")).count();
    for (mark, settings) in [(0, ""), (0x4d, ""), (0x03, "encoding = 'gbk'")] {
        let root = changed(|it| it[29] = mark);
        fs::copy(files().join("db3.dbt"), root.path().join("A.dbt")).expect("the memos");
        let told = pull(root.path(), settings, "A.DBF").await;
        assert!(told.iter().any(|it| it.contains("陈小明")), "{told:?}");
        assert_eq!(lines(told), 2);
    }
    // A byte that begins no character.
    let root = changed(|it| {
        let at = usize::from(u16::from_le_bytes([it[8], it[9]]));
        it[at + 19] = 0xff;
    });
    fs::copy(files().join("db3.dbt"), root.path().join("A.dbt")).expect("the memos");
    let told = pull(root.path(), "", "A.DBF").await;
    assert!(told.iter().any(|it| it.starts_with("broken 1: ") && it.contains("\\xFF")), "{told:?}");
}

#[tokio::test]
async fn numbers_keep_every_digit() {
    use dbase::{FieldName, TableWriterBuilder};
    let root = tempfile::tempdir().expect("a folder");
    let name = |it: &str| FieldName::try_from(it).expect("a name");
    let table = TableWriterBuilder::new().add_character_field(name("SFZH"), 18).add_numeric_field(name("JE"), 20, 2);
    let mut writer = table.build_with_file_dest(root.path().join("a.dbf")).expect("a table");
    for amount in [Some(0.1), Some(-12_345_678_901.25), None] {
        let mut record = dbase::Record::default();
        record.insert("SFZH".to_owned(), dbase::FieldValue::Character(Some("330683198001011234".to_owned())));
        record.insert("JE".to_owned(), dbase::FieldValue::Numeric(amount));
        writer.write_record(&record).expect("a record");
    }
    drop(writer);
    let mut bytes = fs::read(root.path().join("a.dbf")).expect("the table");
    let at = bytes.windows(4).rposition(|it| it == b"0.10").expect("the amount");
    // No double holds this.
    bytes[at - 15..at + 4].copy_from_slice(b"9999999999999999.99");
    fs::write(root.path().join("a.dbf"), bytes).expect("to write");
    let id = "330683198001011234";
    assert_eq!(
        pull(root.path(), "", "a.dbf").await,
        [format!("row 1: {id} | 9999999999999999.99"), format!("row 2: {id} | -12345678901.25"), format!("row 3: {id} | ~")]
    );
}
