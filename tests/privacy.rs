//! No ID number, name or account of anybody in what is printed, logged or shown on the page.

mod support;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The people of the demo city, as its truth and its innocent have them.
fn people(city: &Path) -> Vec<(String, String)> {
    ["truth.csv", "innocent.csv"]
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(city.join(file)).expect("the demo writes it");
            let mut lines = text.lines();
            let header: Vec<String> = lines.next().unwrap_or_default().split(',').map(str::to_owned).collect();
            let at = |name: &str| header.iter().position(|it| it == name).expect("a column of the truth");
            let (id, name) = (at("id_number"), at("name"));
            lines
                .map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>())
                .map(|cells| (cells[id].clone(), cells[name].clone()))
                .collect::<Vec<_>>()
        })
        .filter(|(id, _)| id.len() == 18)
        .collect()
}

#[test]
fn nobody_is_named_in_logs_errors_or_the_page() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let city = root.path().join("city");
    support::demo(&city, 6);
    let config = city.join("config/muster.toml").display().to_string();
    let out = support::command(&["run", "--night", "2026-11-15", "--progress", "lines", "--json", "--config", &config])
        .env("MUSTER_LOG", "muster=trace,muster_core=trace,muster_connectors=trace,sqlx=debug,datafusion=info")
        .output()
        .expect("the binary runs");
    let seen = [
        String::from_utf8_lossy(&out.stdout).into_owned(),
        String::from_utf8_lossy(&out.stderr).into_owned(),
        fs::read_to_string(city.join("reports/2026-11-15/report.html")).expect("the night writes its page"),
        String::from_utf8(support::opened(&city, "data/nights/2026-11-15/night.json.sealed")).expect("text"),
    ];
    let people = people(&city);
    assert!(people.len() > 20);
    for (what, text) in ["stdout", "stderr", "page", "night.json"].iter().zip(&seen) {
        let numbers: HashSet<&str> = text.split(|it: char| !it.is_ascii_alphanumeric()).filter(|it| it.len() == 18).collect();
        assert!(people.iter().all(|(id_number, _)| !numbers.contains(id_number.as_str())), "an ID number in {what}");
    }
    for (_, name) in &people {
        assert!(!seen[1].contains(name.as_str()), "a name in the log");
    }
}

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|it| it.expect("an entry").path());
    entries.flat_map(|it| if it.is_dir() { files(&it) } else { vec![it] }).collect()
}

/// What could be an ID number or an account: fifteen digits or more, perhaps an X, with nothing of a word beside them.
const LONG_NUMBER: &str = "(?<![0-9A-Za-z])[0-9]{14,}[0-9Xx](?![0-9A-Za-z])";

/// Which of `files` have one of `patterns`, as grep finds it.
fn grep(how: &str, patterns: &Path, files: &[PathBuf]) -> String {
    let mut out = std::process::Command::new("grep");
    out.args(["--text", "--only-matching", how, "--file"]).arg(patterns).arg("--").args(files);
    String::from_utf8_lossy(&out.env("LC_ALL", "C").output().expect("grep runs").stdout).into_owned()
}

/// With the key in its file, letters in the outbox and a second night over the first: as `strings` would read the disk.
#[test]
fn nothing_on_disk_names_anybody() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let city = root.path().join("city");
    support::demo(&city, 7);
    let config = city.join("config/muster.toml");
    let letters = "\n[mail]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\nfrom = \"muster@city.example\"\n";
    fs::write(&config, fs::read_to_string(&config).expect("the configuration") + letters).expect("written");
    fs::remove_dir_all(city.join("data")).expect("the data of the key that the environment handed over");
    let mut logs = Vec::new();
    for night in ["2026-11-15", "2026-11-16"] {
        let out = support::command(&["run", "--night", night, "--config", &config.display().to_string()])
            .env_remove("MUSTER_KEY")
            .env("MUSTER_LOG", "muster=trace,muster_core=trace,muster_connectors=trace,sqlx=debug")
            .output()
            .expect("the binary runs");
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
        logs.extend(out.stderr);
    }
    let (log, patterns) = (root.path().join("log"), root.path().join("patterns"));
    fs::write(&log, logs).expect("written");
    let mut seen = files(&city.join("data"));
    seen.push(log);
    let people = people(&city);
    assert!(people.len() > 20 && seen.len() > 60, "{} people, {} files", people.len(), seen.len());
    let words = |of: Vec<&str>| fs::write(&patterns, of.join("\n")).expect("written");
    words(people.iter().flat_map(|it| [it.0.as_str(), it.1.as_str()]).collect());
    assert_eq!(grep("--fixed-strings", &patterns, &seen), "", "somebody is named");
    assert_ne!(grep("--fixed-strings", &patterns, &[city.join("truth.csv")]), "", "grep finds people where they are");
    words(vec![LONG_NUMBER]);
    assert_eq!(grep("--perl-regexp", &patterns, &seen), "", "a long number");
    assert_ne!(grep("--perl-regexp", &patterns, &[city.join("truth.csv")]), "", "grep finds numbers where they are");
    words(vec!["finance-desk@example.test"]);
    assert_ne!(grep("--fixed-strings", &patterns, &seen), "", "the letters were there to be looked at");
    for file in seen.iter().filter(|it| it.extension().is_some_and(|it| it == "parquet" || it == "sealed")) {
        let bytes = fs::read(file).expect("a file");
        assert!(bytes.starts_with(b"musterK1") || bytes.ends_with(b"PARE"), "{} is in clear", file.display());
    }

    // Without its key the night says so before anything is read, and where to put it.
    fs::rename(city.join("config/muster.key"), root.path().join("elsewhere")).expect("moved");
    let run = |key: Option<&str>| {
        let mut command = support::command(&["run", "--night", "2026-11-16", "--lang", "en", "--config", &config.display().to_string()]);
        command.env_remove("MUSTER_KEY").envs(key.map(|it| ("MUSTER_KEY", it)));
        let out = command.output().expect("the binary runs");
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let (code, told) = run(None);
    assert!(code == Some(78) && told.contains("muster.key") && told.contains("put the key back"), "{code:?} {told}");
    let (code, told) = run(Some(support::KEY));
    assert!(code == Some(74) && told.contains("not among the keys given"), "{code:?} {told}");
    let (code, told) = run(Some("seal me"));
    assert!(code == Some(78) && told.contains("MUSTER_KEY") && !told.contains("seal me"), "{code:?} {told}");
}

/// A new key: everything lies under it, the old one is not needed, and the cases are the same.
#[test]
fn keys_change_and_the_data_stays() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let city = root.path().join("city");
    support::demo(&city, 9);
    fs::remove_dir_all(city.join("data")).expect("the data of the key that the environment handed over");
    let config = city.join("config/muster.toml").display().to_string();
    let run = |args: &[&str]| {
        let out = support::command(&[args, &["--config", &config]].concat()).env_remove("MUSTER_KEY").output().expect("the binary runs");
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    assert_eq!(run(&["run", "--night", "2026-11-15"]).0, Some(0));
    let cases = run(&["case", "list", "--json"]).1;
    let key = city.join("config/muster.key");
    let before = fs::read_to_string(&key).expect("the key file");
    let (code, told, err) = run(&["key", "rotate", "--lang", "en"]);
    assert!(code == Some(0) && told.contains("files and the store"), "{told} {err}");
    let old = before.lines().find(|it| it.starts_with("seal")).expect("a key");
    let both = fs::read_to_string(&key).expect("the key file");
    assert!(both.contains(old) && both.lines().filter(|it| it.starts_with("seal")).count() == 2);
    fs::write(&key, both.replace(old, "# gone")).expect("written");
    let (code, told, err) = run(&["key", "check", "--lang", "en"]);
    assert!(code == Some(0) && told.contains("seals") && !told.contains('✗'), "{told} {err}");
    assert_eq!(run(&["case", "list", "--json"]).1, cases);
    let number = serde_json::from_str::<serde_json::Value>(&cases).expect("JSON")[0]["number"].as_str().expect("a number").to_owned();
    let (code, told, err) = run(&["explain", &number, "--json"]);
    assert!(code == Some(0) && told.contains("\"cells\""), "{told} {err}");
    assert_eq!(run(&["run", "--night", "2026-11-16"]).0, Some(0));
    let (code, _, err) = run(&["key", "new"]);
    assert!(code != Some(0) && !err.is_empty(), "a key is never replaced");
}
