//! A night again, and a night killed: the same result.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

const NIGHT: &str = "2026-11-15";

/// What must not differ: findings byte for byte, and the case numbers.
fn result(root: &Path) -> (Vec<u8>, BTreeMap<String, String>) {
    let opened = |name: &str| support::opened(root, &format!("data/nights/{NIGHT}/{name}.sealed"));
    let findings = opened("findings.jsonl");
    let night: serde_json::Value = serde_json::from_slice(&opened("night.json")).expect("JSON");
    let cases = night["cases"].as_array().expect("cases").iter();
    let numbers = cases.map(|it| (it["key"].to_string(), it["number"].to_string())).collect();
    (findings, numbers)
}

#[test]
fn the_same_night_twice_gives_the_same_bytes() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let city = root.path().join("city");
    support::demo(&city, 3);
    let first = result(&city);
    assert!(!first.0.is_empty() && !first.1.is_empty());
    support::night(&city, NIGHT);
    assert_eq!(first, result(&city));
}

/// The binary tells each stage on stderr; the test kills it there, as a power cut would, and runs the night again.
#[test]
fn a_night_killed_at_any_stage_ends_the_same_after_a_rerun() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let city = root.path().join("city");
    support::demo(&city, 4);
    let whole = result(&city);
    for stage in ["prove", "pull", "link", "presence", "check", "fold", "keep"] {
        fs::remove_dir_all(city.join("data")).expect("the data folder of the test");
        kill_at(&city, stage);
        support::night(&city, NIGHT);
        assert_eq!(whole, result(&city), "killed at {stage}");
    }
}

fn kill_at(city: &Path, stage: &str) {
    let mut child = support::command(&["run", "--night", NIGHT, "--progress", "lines", "--config"])
        .arg(city.join("config/muster.toml"))
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let stderr = BufReader::new(child.stderr.take().expect("piped"));
    let reached = stderr.lines().map_while(Result::ok).any(|line| line == format!("stage {stage}"));
    assert!(reached, "the night never reached {stage}");
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
}
