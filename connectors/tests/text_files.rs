//! The habits of systems that export text.

mod common;

use common::told;
use encoding_rs::GB18030;

async fn check(settings: &str, bytes: &[u8], columns: &[&str], expected: &[&str]) {
    let root = tempfile::tempdir().expect("a folder for the test");
    std::fs::write(root.path().join("a.csv"), bytes).expect("to write the file");
    assert_eq!(told(root.path(), &format!("kind = 'csv'\n{settings}"), "a.csv", columns).await, expected);
}

#[tokio::test]
async fn preamble_and_footer_stand_around_the_rows() {
    let text =
        "嵊州市社会保险缴费明细\n所属期：2026年3月\n\nAAC002,AAC003,AAC040\n330683198001011234,陈䶮,8120.50\n合计,,8120.50\n制表人：王芳";
    let expected = [
        "title 1: 嵊州市社会保险缴费明细",
        "title 2: 所属期：2026年3月",
        "row 5: 330683198001011234 | 陈䶮 | 8120.50",
        "total 6: AAC002=合计 AAC040=8120.50",
        "signature 7: 制表人：王芳",
    ];
    check("", text.as_bytes(), &["AAC002", "AAC003"], &expected).await;
    check("encoding = 'gb18030'", &GB18030.encode(text).0, &["AAC002", "AAC003"], &expected).await;
    check("encoding = 'gb18030'", format!("\u{feff}{text}").as_bytes(), &["AAC002", "AAC003"], &expected).await;
    check("", &GB18030.encode(&format!("\u{feff}{text}")).0, &["AAC002", "AAC003"], &expected).await;
}

#[tokio::test]
async fn ragged_rows_are_kept_and_told() {
    check(
        "",
        b"id,name,pay\n1,a\n2,b,3,4\n3,c,4,\n\n4,d,5\n",
        &["id", "name"],
        &[
            "broken 2: 1,a (2 cells where the heading has 3)",
            "broken 3: 2,b,3,4 (4 cells where the heading has 3)",
            "blank 5: ",
            "row 4: 3 | c | 4",
            "row 6: 4 | d | 5",
        ],
    )
    .await;
}

#[tokio::test]
async fn bytes_that_are_no_text_break_their_row_only() {
    check(
        "encoding = 'gb18030'",
        b"id,name\n1,a\xff\n2,b\n",
        &["id"],
        &["broken 2: 1,a\\xFF (bytes that are no text in this encoding)", "row 3: 2 | b"],
    )
    .await;
}

#[tokio::test]
async fn a_file_that_ends_in_a_row_is_a_failure() {
    check(
        "",
        b"id,name,pay\n1,a,2\n3,b",
        &["id"],
        &["finance/archive a.csv: a.csv ends in the middle of a row", "have the file delivered again"],
    )
    .await;
    check("", b"id,name,pay\n1,a,2\n3,b,4", &["id"], &["row 2: 1 | a | 2", "row 3: 3 | b | 4"]).await;
}

#[tokio::test]
async fn delimiters_are_found_or_named() {
    for delimiter in [",", "\t", "|", ";"] {
        let text = ["id,name,pay", "1,a,2"].join("\n").replace(',', delimiter);
        check("", text.as_bytes(), &["id", "pay"], &["row 2: 1 | a | 2"]).await;
    }
    check("delimiter = 'tab'", b"id\tname\n1\ta", &["id"], &["row 2: 1 | a"]).await;
    check("delimiter = '|@|'", b"id|@|name\n1|@|a", &["id"], &["row 2: 1 | a"]).await;
}

#[tokio::test]
async fn a_file_without_a_heading_is_read_by_the_settings() {
    check("columns = ['id', 'name']", b"1,a\n2,b\n", &["id"], &["row 1: 1 | a", "row 2: 2 | b"]).await;
}

#[tokio::test]
async fn a_wrong_encoding_is_suspected_when_no_heading_is_found() {
    let bytes = GB18030.encode("身份证号,姓名\n1,张伟\n").0;
    check(
        "encoding = 'utf-8'",
        &bytes,
        &["身份证号"],
        &[
            "finance/archive a.csv: a.csv has no heading with the mapped columns (read as UTF-8)",
            "look at its first lines: is it another table, another encoding or another delimiter?",
        ],
    )
    .await;
}

#[tokio::test]
async fn several_files_are_one_table_in_name_order() {
    let root = tempfile::tempdir().expect("a folder for the test");
    std::fs::write(root.path().join("b.csv"), "id,extra\n2,x\n").expect("to write the file");
    std::fs::write(root.path().join("a.csv"), GB18030.encode("id,姓名\n1,张伟\n").0).expect("to write the file");
    assert_eq!(told(root.path(), "kind = 'csv'", "*.csv", &["id"]).await, ["row 2: 1 | 张伟 | ~", "row 2: 2 | ~ | x"]);
}

/// A delimiter behind the last cell says nothing, wherever it stands.
#[tokio::test]
async fn a_delimiter_at_the_end_of_lines_is_no_cell() {
    check("", b"id,name,pay\n1,a,2,\n2,b,3,\n", &["id"], &["row 2: 1 | a | 2", "row 3: 2 | b | 3"]).await;
    check("", b"id,name,pay,\n1,a,2,\n2,b,3\n", &["id"], &["row 2: 1 | a | 2", "row 3: 2 | b | 3"]).await;
    check("", b"id,name,pay\n1,a,2,x\n", &["id"], &["broken 2: 1,a,2,x (4 cells where the heading has 3)"]).await;
}

/// Somebody put files one behind the other.
#[tokio::test]
async fn a_mark_in_the_middle_belongs_to_nobody() {
    let text = "id,name\n1,a\n\u{feff}id,name\n2,b\n\u{feff}3,c\n";
    check("", text.as_bytes(), &["id", "name"], &["heading again 3: id name", "row 2: 1 | a", "row 4: 2 | b", "row 5: 3 | c"]).await;
}

#[tokio::test]
async fn two_encodings_in_one_file_are_told_line_by_line_or_as_a_whole() {
    let mut bytes = "身份证号,姓名\n1,张伟\n".as_bytes().to_vec();
    bytes.extend_from_slice(&GB18030.encode("2,王芳\n").0);
    bytes.extend_from_slice("3,李娜\n".as_bytes());
    let broken = "broken 3: 2,\\xCD\\xF5\\xB7\\xBC (bytes that are no text in this encoding)";
    check("encoding = 'utf-8'", &bytes, &["身份证号"], &[broken, "row 2: 1 | 张伟", "row 4: 3 | 李娜"]).await;
    // Half of so few characters is no UTF-8: it is taken for GB18030, in which no heading is found, and nothing is given.
    let unfound = [
        "finance/archive a.csv: a.csv has no heading with the mapped columns (read as gb18030)",
        "look at its first lines: is it another table, another encoding or another delimiter?",
    ];
    check("", &bytes, &["身份证号"], &unfound).await;
}

#[tokio::test]
async fn quoted_line_breaks_are_of_the_cell_and_an_open_quote_swallows_nothing_in_silence() {
    check("", b"id,name\n1,\"a\nb\"\n2,c\n", &["id"], &["row 2: 1 | a\nb", "row 4: 2 | c"]).await;
    let open = ["broken 2: 1,\"a (a quote opens and does not close)", "row 3: 2 | b", "row 4: 3 | c"];
    check("", b"id,name\n1,\"a\n2,b\n3,c\n", &["id"], &open).await;
}

#[tokio::test]
async fn empty_files_nul_bytes_and_old_line_ends() {
    check("", b"", &["id"], &["finance/archive a.csv: a.csv is empty", "have the file delivered again"]).await;
    check("", b"id,name\r1,a\r2,b\r", &["id"], &["row 2: 1 | a", "row 3: 2 | b"]).await;
    check("", b"id,name\n1,a\n\0\0\0\0\n", &["id"], &["broken 3: \0\0\0\0 (1 cells where the heading has 2)", "row 2: 1 | a"]).await;
}
