//! Archives, control files, and files that somebody still writes to.

mod common;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use common::told;
use encoding_rs::GB18030;
use futures::TryStreamExt as _;
use muster_connectors::{Ask, Piece, Place, open};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const PAY: &str = "身份证号,应发\n330683198001011234,1.50\n33068319810202224X,2\n";
const ROWS: [&str; 2] = ["row 2: 330683198001011234 | 1.50", "row 3: 33068319810202224X | 2"];

fn archive(path: &Path, members: &[(&str, &[u8])]) {
    let mut zip = ZipWriter::new(File::create(path).expect("a file"));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).expect("a member");
        zip.write_all(bytes).expect("to pack it");
    }
    zip.finish().expect("to close it");
}

/// Gives a name in the archive other bytes of the same length, and takes the mark of UTF-8 away: as Windows packs it.
fn rename(path: &Path, name: &str, to: &[u8]) {
    assert_eq!(name.len(), to.len());
    let mut bytes = fs::read(path).expect("the archive");
    let places: Vec<usize> = (0..bytes.len() - name.len()).filter(|at| &bytes[*at..at + name.len()] == name.as_bytes()).collect();
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    for at in 0..bytes.len() - 10 {
        let flags = match &bytes[at..at + 4] {
            b"PK\x03\x04" => at + 7,
            b"PK\x01\x02" => at + 9,
            _ => continue,
        };
        bytes[flags] &= !8;
    }
    fs::write(path, bytes).expect("to write it");
}

async fn pull(root: &Path, settings: &str, table: &str) -> Vec<String> {
    told(root, &format!("kind = 'csv'\n{settings}"), table, &["身份证号", "应发"]).await
}

#[tokio::test]
async fn members_are_read_and_the_others_are_told() {
    let root = tempfile::tempdir().expect("a folder");
    let gbk = GB18030.encode(PAY).0.into_owned();
    archive(&root.path().join("pay-03.zip"), &[("三月/工资.csv", PAY.as_bytes()), ("三月/说明.docx", b"x"), ("b.csv", &gbk)]);
    let both = [ROWS[0], ROWS[1], ROWS[0], ROWS[1]];
    assert_eq!(pull(root.path(), "", "pay-*.zip").await, [&["member not asked for -: pay-03.zip/三月/说明.docx"], &both[..]].concat());
    let told = pull(root.path(), "", "pay-*.zip/*/工资*.csv").await;
    assert_eq!(told[2..], ROWS);
    let missing = pull(root.path(), "", "pay-03.zip/c.csv").await;
    assert_eq!(missing[0], "finance/archive pay-03.zip/c.csv: pay-03.zip holds no file called `c.csv`");
    assert_eq!(missing[1], "it holds `b.csv`, `三月/工资.csv`, `三月/说明.docx`");
}

#[tokio::test]
async fn names_of_members_may_be_in_gbk() {
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("pay.zip");
    archive(&path, &[("gongzi01.csv", PAY.as_bytes())]);
    rename(&path, "gongzi01.csv", &[&GB18030.encode("工资01").0[..], b"xx.csv"].concat()[..12]);
    let told = pull(root.path(), "", "pay.zip/工资*.cs*").await;
    assert_eq!(told, ROWS, "{told:?}");
}

#[tokio::test]
async fn a_workbook_in_an_archive_is_read() {
    let root = tempfile::tempdir().expect("a folder");
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_string(0, 0, "身份证号").and_then(|it| it.write_string(1, 0, "330683198001011234")).expect("cells");
    archive(&root.path().join("a.zip"), &[("工资.xlsx", &book.save_to_buffer().expect("a workbook"))]);
    assert_eq!(told(root.path(), "kind = 'xlsx'", "a.zip/*.xlsx", &["身份证号"]).await, ["row 2: 330683198001011234"]);
}

#[tokio::test]
async fn archives_that_cannot_be_read_say_why() {
    let root = tempfile::tempdir().expect("a folder");
    let at = |name: &str| root.path().join(name);
    archive(&at("empty.zip"), &[]);
    archive(&at("none.zip"), &[("a.txt.exe", b"x")]);
    archive(&at("whole.zip"), &[("a.csv", PAY.repeat(1000).as_bytes())]);
    let whole = fs::read(at("whole.zip")).expect("the archive");
    fs::write(at("cut.zip"), &whole[..whole.len() / 2]).expect("to cut it");
    let mut damaged = whole.clone();
    damaged[whole.len() / 4] ^= 0x55;
    fs::write(at("damaged.zip"), damaged).expect("to damage it");
    // The first flag of a member says that it is encrypted.
    let mut locked = whole;
    for at in 0..locked.len() - 10 {
        match &locked[at..at + 4] {
            b"PK\x03\x04" => locked[at + 6] |= 1,
            b"PK\x01\x02" => locked[at + 8] |= 1,
            _ => {}
        }
    }
    fs::write(at("locked.zip"), locked).expect("to write it");
    for (name, why, hint) in [
        ("empty.zip", "empty.zip is an archive without files", "have the archive delivered again"),
        ("none.zip", "none.zip holds no .csv file", "it holds `a.txt.exe`"),
        ("cut.zip", "cut.zip is no whole archive", "have the archive delivered again"),
        ("damaged.zip", "cannot be unpacked", "have the archive delivered again"),
        ("locked.zip", "locked.zip/a.csv is encrypted", "without a password"),
    ] {
        let told = pull(root.path(), "", name).await;
        assert!(told.len() == 2 && told[0].contains(why) && told[1].contains(hint), "{told:?}");
    }
}

#[tokio::test]
async fn an_archive_made_to_fill_the_disk_is_refused() {
    let root = tempfile::tempdir().expect("a folder");
    archive(&root.path().join("bomb.zip"), &[("a.csv", &vec![b'0'; 300 << 20])]);
    let told = pull(root.path(), "", "bomb.zip").await;
    assert!(told[0].ends_with("bomb.zip/a.csv unpacks to more than any delivery"), "{told:?}");
    assert!(told[1].starts_with("`unpacked_gib`"), "{told:?}");
}

#[tokio::test]
async fn what_a_control_file_says_must_be_what_was_read() {
    let sha = "f0b4b7b1"; // never right
    for (control, expected) in [
        (r#"{"rows": 2, "sum_应发": "3.50", "period": "202603"}"#, Ok(())),
        ("rows = 2\nsum_gross = 3.5", Ok(())),
        (r#"{"rows": 3}"#, Err("a.csv has 2 rows, and a.csv.control.json says 3".to_owned())),
        ("sum_应发 = 3.51", Err("a.csv has another sum of `应发` than a.csv.control.json says".to_owned())),
        ("sum_实发 = 3.5", Err("a.csv has no column `实发`, of which a.csv.control.json states the sum".to_owned())),
        ("sum_身份证号 = 3.5", Err("a.csv has cells in `身份证号` that are no numbers, and a.csv.control.json states its sum".to_owned())),
        (&format!("sha256 = {sha}"), Err("a.csv is not the file that a.csv.control.json speaks of: its SHA-256 differs".to_owned())),
        ("?", Err("a.csv.control.json cannot be understood: line 1".to_owned())),
    ] {
        let root = tempfile::tempdir().expect("a folder");
        fs::write(root.path().join("a.csv"), PAY).expect("to write");
        fs::write(root.path().join("a.csv.control.json"), control).expect("to write");
        let told = pull(root.path(), "control_sums = { sum_gross = '应发' }", "a.csv").await;
        match expected {
            Ok(()) => assert_eq!(told[told.len() - 2..], ROWS, "{control}"),
            Err(why) => assert_eq!(told[0], format!("finance/archive a.csv: {why}"), "{control}"),
        }
        assert_eq!(pull(root.path(), "control = 'ignored'", "a.csv").await, ROWS);
    }
}

#[tokio::test]
async fn a_control_file_may_be_demanded_and_may_speak_of_an_archive() {
    let root = tempfile::tempdir().expect("a folder");
    fs::write(root.path().join("a.csv"), PAY).expect("to write");
    let told = pull(root.path(), "control = 'required'", "a.csv").await;
    assert_eq!(told[0], "finance/archive a.csv: a.csv has no control file");
    // The control file came, the delivery did not: that is no empty table.
    fs::write(root.path().join("c.csv.ctl"), "rows = 2").expect("to write");
    assert_eq!(pull(root.path(), "", "c*").await[0], "finance/archive c*: no file in `.` is called `c*`");
    archive(&root.path().join("b.zip"), &[("1.csv", PAY.as_bytes()), ("2.csv", PAY.as_bytes())]);
    fs::write(root.path().join("b.ctl"), "rows = 4\nsum_应发 = 7").expect("to write");
    assert_eq!(pull(root.path(), "control = 'required'", "b.zip").await.len(), 4);
    fs::write(root.path().join("b.ctl"), "rows = 5").expect("to write");
    let told = pull(root.path(), "control = 'required'", "b.zip").await;
    assert_eq!(told[0], "finance/archive b.zip: b.zip/2.csv has 4 rows, and b.ctl says 5");
}

#[tokio::test]
async fn the_newest_is_read_alone() {
    let root = tempfile::tempdir().expect("a folder");
    for (name, days) in [("pay-9.csv", 3), ("pay-10.csv", 1), ("pay-8.csv", 2)] {
        let file = File::create(root.path().join(name)).expect("a file");
        (&file).write_all(PAY.as_bytes()).expect("to write");
        let now = file.metadata().and_then(|it| it.modified()).expect("its time");
        file.set_modified(now - Duration::from_secs(days * 86_400)).expect("to set its time");
    }
    let told = pull(root.path(), "pick = 'newest'\nsettle_seconds = 600", "pay-*.csv").await;
    assert_eq!(told, ["older file -: pay-8.csv", "older file -: pay-9.csv", ROWS[0], ROWS[1]]);
}

#[tokio::test]
async fn a_growing_file_is_not_read() {
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("a.csv");
    fs::write(&path, PAY).expect("to write");
    let writer = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut file = File::options().append(true).open(path).expect("the file");
        file.write_all(b"330683198203033254,3\n").expect("to write on");
    });
    let told = pull(root.path(), "settle_seconds = 1", "a.csv").await;
    assert_eq!(told[0], "finance/archive a.csv: a.csv is still being written");
    writer.await.expect("the writer");
    let rested = pull(root.path(), "settle_seconds = 1", "a.csv").await;
    assert_eq!(rested.len(), 3);
}

/// Opens the source of the folder and pulls to the end; `meanwhile` happens before the pieces are taken.
async fn pull_while(root: &Path, meanwhile: impl FnOnce()) -> Result<Vec<Piece>, muster_connectors::Failure> {
    let place = Place { department: "finance".to_owned(), source: "archive".to_owned(), root: root.to_owned() };
    let source = open(place, "kind = 'csv'\nsettle_seconds = 0".parse().expect("TOML")).expect("the settings are right");
    let ask = Ask { table: "a.csv".to_owned(), columns: vec!["id".to_owned()], batch_rows: 10, since: None };
    let pull = source.pull(&ask).await?;
    meanwhile();
    pull.pieces.try_collect().await
}

#[tokio::test]
async fn a_file_replaced_while_it_is_read_is_a_passing_failure() {
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("a.csv");
    let text = format!("id,name\n{}", "1,张伟\n".repeat(100_000));
    fs::write(&path, &text).expect("to write");
    let failure = pull_while(root.path(), || fs::write(&path, format!("{text}2,李娜\n")).expect("to write")).await.expect_err("replaced");
    assert_eq!(failure.why, "a.csv was changed while it was read");
    assert!(failure.passing);
    let failure = pull_while(root.path(), || fs::remove_file(&path).expect("to remove")).await.expect_err("removed");
    assert!(failure.why.starts_with("a.csv went away while it was read") || failure.why.contains("cannot be read"), "{failure}");
}

#[tokio::test]
async fn a_pull_says_which_files_it_read() {
    let root = tempfile::tempdir().expect("a folder");
    fs::write(root.path().join("a.csv"), "id,name\n1,2\n").expect("to write");
    let pieces = pull_while(root.path(), || ()).await.expect("a pull");
    let Some(Piece::File(read)) = pieces.last() else { panic!("{pieces:?}") };
    assert_eq!((read.name.as_str(), read.bytes), ("a.csv", 12));
    assert_eq!(read.sha256.len(), 64);
}
