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
    command.args(args).env_remove("MUSTER_LANG").env("MUSTER_PROVED", story::PROVED);
    command
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
