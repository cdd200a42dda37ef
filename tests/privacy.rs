//! No ID number, name or account of anybody in what is printed, logged or shown on the page.

mod support;

use std::collections::HashSet;
use std::fs;

/// The people of the demo city, as its truth and its innocent have them.
fn people(city: &std::path::Path) -> Vec<(String, String)> {
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
    let folder = city.join("data/nights/2026-11-15");
    let seen = [
        String::from_utf8_lossy(&out.stdout).into_owned(),
        String::from_utf8_lossy(&out.stderr).into_owned(),
        fs::read_to_string(folder.join("report.html")).expect("the night writes its page"),
        fs::read_to_string(folder.join("night.json")).expect("the night writes its summary"),
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
