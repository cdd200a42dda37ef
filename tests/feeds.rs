//! A feed that is missing, empty, cut short or renamed is named; nothing is concluded from it, and nothing is closed.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;

const NIGHT: &str = "2026-11-15";
const NEXT: &str = "2026-11-16";

fn rule_ids(night: &Value, skipped: bool) -> Vec<String> {
    let rules = night["rules"].as_array().expect("rules").iter();
    rules.filter(|it| it["skipped"].is_null() != skipped).filter_map(|it| it["id"].as_str().map(str::to_owned)).collect()
}

fn left_out(night: &Value) -> Vec<String> {
    let feeds = night["feeds"].as_array().expect("feeds").iter();
    let out = feeds.filter(|it| !it["left_out"].as_array().expect("a list").is_empty());
    out.filter_map(|it| it["feed"].as_str().map(str::to_owned)).collect()
}

fn open_cases(night: &Value) -> usize {
    night["cases"].as_array().expect("cases").iter().filter(|it| it["state"] != "cured").count()
}

/// Damages a city with `damage`, runs the next night, and checks what must hold whatever the damage.
fn check(name: &str, feed: &str, needs: &[&str], damage: impl Fn(&Path)) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let city = root.path().join("city");
    support::demo(&city, 5);
    let (before, _) = support::night(&city, NIGHT);
    damage(&city);
    let (after, code) = support::night(&city, NEXT);

    assert_eq!(code, 3, "{name}: the exit code says that a feed was left out");
    assert!(left_out(&after).iter().any(|it| it.starts_with(feed)), "{name}: {feed} is named, got {:?}", left_out(&after));
    let skipped = rule_ids(&after, true);
    for rule in needs {
        assert!(skipped.contains(&(*rule).to_owned()), "{name}: {rule} did not run, got {skipped:?}");
    }
    let events = after["events"].as_array().expect("events");
    let touched = events.iter().filter(|it| it["rules"].as_array().expect("rules").iter().any(|it| skipped.iter().any(|rule| it == rule)));
    assert_eq!(touched.count(), 0, "{name}: a rule that did not run touched a case");
    assert!(events.iter().all(|it| it["what"] != "opened"), "{name}: nothing new is concluded: {events:?}");
    assert!(open_cases(&after) >= open_cases(&before), "{name}: nothing was closed");
}

fn files(city: &Path, folder: &str, part: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(city.join(folder)).unwrap_or_else(|_| panic!("{folder} in the demo city")).filter_map(Result::ok);
    let found: Vec<_> = entries.map(|it| it.path()).filter(|it| it.to_string_lossy().contains(part)).collect();
    assert!(!found.is_empty(), "no {part} in {folder}");
    found
}

#[test]
fn payroll_removed() {
    check("removed", "finance", &["G01", "G03", "G06", "G08", "D01"], |city| {
        for file in files(city, "sources/finance", ".csv") {
            fs::remove_file(file).expect("a file of the test");
        }
    });
}

#[test]
fn insurance_emptied() {
    check("emptied", "insurance", &["G08", "P13"], |city| {
        for file in files(city, "sources/insurance", ".csv") {
            let bytes = fs::read(&file).expect("a file of the test");
            let header = bytes.iter().position(|it| *it == b'\n').expect("a header line");
            fs::write(&file, &bytes[..=header]).expect("a file of the test");
        }
    });
}

#[test]
fn insurance_cut_short() {
    check("cut short", "insurance", &["G08", "P13"], |city| {
        for file in files(city, "sources/insurance", ".csv") {
            let bytes = fs::read(&file).expect("a file of the test");
            fs::write(&file, &bytes[..bytes.len() / 3]).expect("a file of the test");
        }
    });
}

#[test]
fn deaths_with_a_renamed_column() {
    check("renamed column", "deaths", &["G01"], |city| {
        for file in files(city, "sources/deaths", ".csv") {
            let text = fs::read_to_string(&file).expect("a file of the test");
            let (header, rows) = text.split_once('\n').expect("a header line");
            let renamed: Vec<String> = header.split(',').map(|it| format!("{}_new", it.trim())).collect();
            fs::write(&file, format!("{}\n{rows}", renamed.join(","))).expect("a file of the test");
        }
    });
}
