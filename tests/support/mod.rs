//! What the tests of whole nights share: stories of small cities, and the real binary.
#![allow(dead_code, reason = "every test uses a part of it")]

pub mod story;

use std::path::Path;
use std::process::{Command, Output};

/// Runs the real binary.
pub fn muster(args: &[&str]) -> Output {
    command(args).output().expect("the binary runs")
}

/// The real binary, with cards that are proved once for all cities of the tests.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.args(args).env_remove("MUSTER_LANG").env("MUSTER_PROVED", story::PROVED).env("MUSTER_KEY", KEY);
    command
}

/// The key of every city of the tests, as the environment hands it over.
pub const KEY: &str = "hash bXVzdGVyIHRlc3RzOiBoYXNoIGtleSwgMzIgYnl0ZSE=,seal bXVzdGVyIHRlc3RzOiBzZWFsIGtleSwgMzIgYnl0ZSE=";

/// The sealed file `path` below `root` in clear; a table as the file it would be without a seal.
pub fn opened(root: &Path, path: &str) -> Vec<u8> {
    let config = root.join("config/muster.toml").display().to_string();
    let clear = tempfile::tempdir().expect("a temporary folder");
    let out = clear.path().join("clear");
    let sealed = root.join(path).display().to_string();
    let done = muster(&["key", "open", &sealed, "--config", &config, "--reveal", "a test", "--out", &out.display().to_string()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    std::fs::read(out).expect("it was opened")
}

/// Every case of the city, by number; not whether it is overdue, which depends on the day of the test.
pub fn cases(mut listed: serde_json::Value) -> String {
    let cases = listed.as_array_mut().expect("cases");
    for case in cases.iter_mut() {
        case["overdue"].take();
    }
    cases.sort_by_key(|it| it["number"].to_string());
    listed.to_string()
}

/// Turns off every shipped rule but these for the city at `root`: what does not run costs no time.
pub fn only_rules(root: &Path, wanted: &[&str]) {
    let cards = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).expect("the cards").filter_map(Result::ok);
    let id = |card: std::fs::DirEntry| {
        let text = std::fs::read_to_string(card.path()).ok()?;
        let line = text.lines().find(|it| it.starts_with("id "))?;
        Some(line.split('"').nth(1)?.to_owned())
    };
    let off = cards.filter(|it| it.path().extension().is_some_and(|it| it == "md")).filter_map(id);
    let off: String =
        off.filter(|it| !wanted.contains(&it.as_str())).map(|it| format!("[{it}]\noff = \"this test needs few rules\"\n")).collect();
    std::fs::write(root.join("config/rules.toml"), off).expect("to write");
}

/// The city of a story, below a folder of its own.
pub struct City {
    pub root: tempfile::TempDir,
}

impl City {
    /// As the first night of `text` tells it; no night has been run.
    pub fn of(text: &str) -> City {
        let root = tempfile::tempdir().expect("a temporary folder");
        let story = story::read(text);
        story::settle(&story, root.path());
        story::deliver(&story.nights[0], root.path());
        City { root }
    }

    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Runs a command of the city; gives what was printed, what went wrong, and the exit code.
    pub fn run_in(&self, lang: &str, args: &[&str]) -> (String, String, i32) {
        let config = self.path().join("config/muster.toml").display().to_string();
        let out = muster(&[args, &["--lang", lang, "--config", &config]].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&out.stdout), text(&out.stderr), out.status.code().unwrap_or(-1))
    }

    /// What it prints for programs.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let (told, wrong, _) = self.run_in("en", &[args, &["--json"]].concat());
        serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}{wrong}"))
    }
}

/// Runs one night of the city at `root` and gives its JSON, people in full, and the exit code.
pub fn night(root: &Path, night: &str) -> (serde_json::Value, i32) {
    let config = root.join("config/muster.toml").display().to_string();
    let out = muster(&["run", "--config", &config, "--night", night, "--json", "--reveal"]);
    let code = out.status.code().unwrap_or(-1);
    let told = serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|_| panic!("no JSON; exit code {code}\n{}", String::from_utf8_lossy(&out.stderr)));
    (told, code)
}

/// A small demo city below `root`, written and reconciled once by the real binary.
pub fn demo(root: &Path, seed: u64) -> serde_json::Value {
    let out = muster(&[
        "demo",
        "--json",
        "--progress",
        "none",
        "--people",
        "1400",
        "--months",
        "12",
        "--seed",
        &seed.to_string(),
        "--out",
        &root.display().to_string(),
    ]);
    serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("no JSON\n{}", String::from_utf8_lossy(&out.stderr)))
}
