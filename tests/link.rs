//! `muster link evaluate` on files that people bring: what is right, wrong and missing, and a clear word where a file cannot be used;
//! and `muster explain link` on a night.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::story;

/// Makes a set by seed and links it; gives what is told and the folder of the files.
fn bench(root: &Path, people: usize, set: &str) -> (Value, std::path::PathBuf) {
    let out =
        support::muster(&["bench", "link", "--people", &people.to_string(), "--set", set, "--out", &root.display().to_string(), "--json"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    (serde_json::from_slice(&out.stdout).expect("JSON"), root.join(format!("{set}-{people}-1")))
}

/// Evaluates two files of a folder; gives what was printed, what went wrong, and the exit code.
fn evaluate(root: &Path, left: &str, right: &str, more: &[&str]) -> (String, String, i32) {
    let path = |name: &str| root.join(name).display().to_string();
    let (left, right) = (path(left), path(right));
    let out = support::muster(&[&["link", "evaluate", "--left", &left, "--right", &right, "--lang", "en"], more].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&out.stdout), text(&out.stderr), out.status.code().unwrap_or(-1))
}

fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("written by the command");
    reader.deserialize().map(|it| it.expect("a row")).collect()
}

#[test]
fn a_damaged_payroll_is_linked_and_every_error_is_shown() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let (told, folder) = bench(root.path(), 6_000, "hard");
    let score = &told["against_truth"];
    let number = |name: &str| score[name].as_u64().unwrap_or_else(|| panic!("{name} in {score}"));
    let (pairs, right, wrong, missed) = (number("pairs"), number("right"), number("false_links"), number("missed"));
    assert!(pairs > 5_000 && right + missed == pairs, "{score}");
    assert!(wrong + missed <= 4, "a quarter of the numbers is damaged: {score}");
    let near = |name: &str, expected: f64| assert!((score[name].as_f64().expect("a number") - expected).abs() < 1e-9, "{name} in {score}");
    near("precision", right as f64 / (right + wrong) as f64);
    near("recall", right as f64 / pairs as f64);
    near("errors_per_million", (wrong + missed) as f64 * 1e6 / told["right_rows"].as_f64().expect("rows"));
    let classes = score["by_class"].as_object().expect("classes");
    assert!(classes.len() > 10, "{score}");
    let sum = |name: &str| classes.values().map(|it| it[name].as_u64().unwrap_or(0)).sum::<u64>();
    assert_eq!((sum("rows"), sum("false_links"), sum("missed")), (told["right_rows"].as_u64().expect("rows"), wrong, missed));

    let errors = rows(&folder.join("errors.csv"));
    let of = |kind: &str| errors.iter().filter(|it| it["error"] == kind).count() as u64;
    assert_eq!((of("false"), of("missed")), (wrong, missed));
    assert!(errors.iter().all(|it| it["why"].contains("prior") && it["left_row"].contains('|')), "{errors:?}");
    assert_eq!(rows(&folder.join("links.csv")).len() as u64, right + wrong);
    // The same seed is the same people, and the same files give the same links.
    let again = tempfile::tempdir().expect("a temporary folder");
    let (_, second) = bench(again.path(), 6_000, "hard");
    for file in ["left.parquet", "links.csv", "errors.csv"] {
        assert_eq!(fs::read(folder.join(file)).expect("a file"), fs::read(second.join(file)).expect("a file"), "{file}");
    }
}

const LEFT: &str = "\
工号,身份证号,姓名,性别,单位
a1,11010519491231002X,王秀英,女,一中
a2,330683198001011243,李国强,女,二中
a3,330683198505052225,欧阳娜娜,女,一中
";
/// a2's number has one digit wrong; a3 has none and her name in old letters; b4 is nobody.
const RIGHT: &str = "\
编号;证件号码;职工姓名;性别;单位名称
b1;11010519491231002x;王秀英;女;一中
b2;330683198001011244;李国强;女;二中
b3;;歐陽娜娜;女;一中
b4;440106199003077419;赵无名;男;三中
";
const TRUTH: &str = "left,right,class\na1,b1,clean\na2,b2,typo\na3,b3,missing\n,b4,ghost\n";

fn files(right: &[u8], truth: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    fs::write(root.path().join("left.csv"), LEFT).expect("written");
    fs::write(root.path().join("right.csv"), right).expect("written");
    fs::write(root.path().join("truth.csv"), truth).expect("written");
    root
}

fn score(right: &[u8], truth: &str, more: &[&str]) -> Value {
    let root = files(right, truth);
    let path = root.path().join("truth.csv").display().to_string();
    let (told, wrong, code) = evaluate(root.path(), "left.csv", "right.csv", &[&["--truth", &path, "--json"], more].concat());
    assert_eq!(code, 0, "{wrong}");
    serde_json::from_str(&told).expect("JSON")
}

#[test]
fn other_headers_separators_and_encodings_are_the_same_people() {
    let gb = encoding_rs::GB18030.encode(RIGHT).0.into_owned();
    for (right, encoding) in [(RIGHT.as_bytes().to_vec(), "UTF-8"), (gb, "gb18030")] {
        let told = score(&right, TRUTH, &[]);
        assert_eq!(told["encodings"][1], encoding);
        assert_eq!((told["against_truth"]["right"].as_u64(), told["links"].as_u64()), (Some(3), Some(3)), "{told}");
        assert_eq!(told["columns"][1]["id"], "证件号码");
    }
}

#[test]
fn without_a_truth_the_errors_are_estimated() {
    let root = files(RIGHT.as_bytes(), TRUTH);
    let (told, _, code) = evaluate(root.path(), "left.csv", "right.csv", &[]);
    assert!(code == 0 && told.contains("false links expected") && !told.contains("precision"), "{told}");
}

/// The command stops, says all of `says`, and does not panic.
fn refused(right: &[u8], truth: &str, more: &[&str], says: &[&str]) {
    let root = files(right, truth);
    let path = root.path().join("truth.csv").display().to_string();
    let (told, wrong, code) = evaluate(root.path(), "left.csv", "right.csv", &[&["--truth", &path], more].concat());
    assert_eq!((code, told.as_str()), (64, ""), "{wrong}");
    assert!(!wrong.contains("panicked"), "{wrong}");
    says.iter().for_each(|it| assert!(wrong.contains(it), "says {it}: {wrong}"));
}

#[test]
fn a_file_that_cannot_be_used_is_told_clearly() {
    refused(b"", TRUTH, &[], &["right.csv", "no header"]);
    refused("证件号码,职工姓名\n".as_bytes(), TRUTH, &[], &["right.csv", "no rows"]);
    refused("编号,金额\nb1,7\n".as_bytes(), TRUTH, &[], &["neither names nor ID numbers", "编号, 金额", "--mapping"]);
    refused("编号,姓名\nb1,甲,7\n".as_bytes(), TRUTH, &[], &["right.csv", "line 2 has 3 cells, and the header 2"]);
    refused(b"key,name\nb1,\xff\xff\xff\n", TRUTH, &[], &["right.csv", "line 2", "--encoding"]);
    refused(RIGHT.as_bytes(), TRUTH, &["--encoding", "big5"], &["left.csv", "not valid Big5"]);
    refused(RIGHT.as_bytes(), TRUTH, &["--encoding", "klingon"], &["`klingon`"]);
    refused(RIGHT.as_bytes(), "left,right\nx1,y1\nx2,y2\n", &[], &["truth.csv", "no two columns (left, right)"]);
    refused(RIGHT.as_bytes(), "", &[], &["truth.csv", "no header"]);
}

#[test]
fn a_mapping_that_names_no_column_and_a_model_without_a_level_are_told() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str, text: &str| {
        fs::write(root.path().join(name), text).expect("written");
        root.path().join(name).display().to_string()
    };
    let mapping = path("mapping.toml", "[left]\nid = \"SFZH\"\n");
    refused(RIGHT.as_bytes(), TRUTH, &["--mapping", &mapping], &["left.csv", "no column `SFZH`", "身份证号"]);
    let mapping = path("wrong.toml", "[left]\nnmae = \"姓名\"\n");
    refused(RIGHT.as_bytes(), TRUTH, &["--mapping", &mapping], &["wrong.toml", "nmae"]);
    let shipped = String::from_utf8(support::muster(&["link", "model"]).stdout).expect("text");
    let model = path("model.toml", &shipped.replace("slip = ", "slep = "));
    refused(RIGHT.as_bytes(), TRUTH, &["--model", &model], &["model.toml", "[birth] has no `slip`"]);
}

#[test]
fn rows_of_a_truth_that_name_nobody_are_counted_and_shown() {
    let told = score(RIGHT.as_bytes(), &format!("{TRUTH}a9,b1,clean\na1,b9,clean\n"), &[]);
    let score = &told["against_truth"];
    assert_eq!(score["truth_rows_unread"], 2, "{told}");
    assert_eq!(score["truth_rows_unread_first"], serde_json::json!([5, 6]));
}

/// 李小花 is paid under another valid number; 董秀峰 has a wrong digit in the payroll.
const CITY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name |
| U1 | 市妇幼保健院 |
`establishment`
| id_number | name | unit_code | quota_type | entered_on |
| 33068319750220222X | 李小花 | U1 | institution | 2012-08-01 |
| 330683198207032242 | 董秀峰 | U1 | institution | 2012-08-01 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 330683197502202246 | 李小花 | U1 | 202605..202610 | salary | 500000 |
| 330683198207032243 | 董秀峰 | U1 | 202605..202610 | salary | 500000 |
finds nothing
";

#[test]
fn a_link_is_explained_as_a_sum() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let story = story::read(CITY);
    story::settle(&story, root.path());
    story::deliver(&story.nights[0], root.path());
    support::night(root.path(), "2026-11-15");
    let config = root.path().join("config/muster.toml").display().to_string();
    let run = |args: &[&str]| {
        let out = support::muster(&[&["explain", "link", "--config", &config], args].concat());
        (String::from_utf8_lossy(&out.stdout).into_owned(), out.status.code())
    };
    let told: Value = serde_json::from_str(&run(&["payment/payment#1", "--json"]).0).expect("JSON");
    assert_eq!((told["method"].as_str(), told["repairs"].as_str()), (Some("id-repaired"), Some("digit-replaced")), "{told}");
    let linked = told["candidates"].as_array().expect("candidates").iter().find(|it| it["linked"] == true).expect("the one it is");
    assert_eq!(linked["person_key"], told["person_key"]);
    assert!(linked["keys"].as_array().is_some_and(|it| it.contains(&Value::from("number-repaired"))), "{linked}");
    let steps = linked["steps"].as_array().expect("steps");
    let of = |field: &str| steps.iter().find(|it| it["field"] == field).unwrap_or_else(|| panic!("{field}: {linked}"));
    assert_eq!((of("number")["level"].as_str(), of("whole")["level"].as_str()), (Some("one-edit"), Some("same")));
    let sum: f64 = steps.iter().filter_map(|it| it["bits"].as_f64()).sum();
    let last = steps.last().and_then(|it| it["after"].as_f64()).expect("a sum");
    assert!((sum - last).abs() < 1e-6);
    assert!(linked["posterior"].as_f64().is_some_and(|it| it > 0.9), "{linked}");
    let (text, _) = run(&["payment/payment#1", "--lang", "en"]);
    assert!(text.contains("prior") && text.contains("posterior") && !text.contains("330683198207032243"), "{text}");
    assert_eq!(run(&["payment/payment#99"]), (String::new(), Some(64)));
    assert_eq!(run(&["nonsense"]), (String::new(), Some(64)));
    assert!(root.path().join("data/nights/2026-11-15/candidate.parquet").exists());
}
