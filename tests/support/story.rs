//! A story: a small city told in one Markdown file, night by night.
//!
//! ```text
//! # 去世的职员 A clerk who died
//! Prose for people.
//!
//! ## 2026-11-15
//! `payment`
//! | id_number          | name | unit_code | month          | kind   | gross_fen |
//! |--------------------|------|-----------|----------------|--------|-----------|
//! | 33068319800101001X | 王芳 | U1        | 202601..202610 | salary | 500000    |
//! lost `attendance`
//! finds
//! | rule | who  | months        | yuan    | state |
//! ```
//!
//! A table stays for later nights until it is told anew. A month cell `a..b` stands for one row per month. `lost` removes a table's
//! delivery for that night; `some rejected` behind the name of a table allows rows that cannot be read. Every table is a department of
//! its own that delivers CSV; what is told is the input shape of the schema.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// A story, night by night.
pub struct Story {
    pub nights: Vec<Night>,
}

/// One night of a story.
pub struct Night {
    pub day: String,
    pub tables: BTreeMap<String, Grid>,
    pub lost: Vec<String>,
    /// Tables whose deliveries may hold rows that cannot be read.
    pub some_rejected: Vec<String>,
    pub finds: Vec<Vec<String>>,
    /// Lines of the file that hold the rows of `finds`, header included.
    pub finds_at: Option<(usize, usize)>,
}

/// A Markdown table.
#[derive(Clone, Default)]
pub struct Grid {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// The columns of `finds`.
pub const FINDS: [&str; 5] = ["rule", "who", "months", "yuan", "state"];

/// Reads a story; panics on what it does not know, for stories are ours.
pub fn read(text: &str) -> Story {
    let mut nights: Vec<Night> = Vec::new();
    let mut into: Option<String> = None;
    let lines: Vec<&str> = text.lines().collect();
    for (at, raw) in lines.iter().enumerate() {
        let line = raw.trim();
        if let Some(day) = line.strip_prefix("## ") {
            let tables = nights.last().map(|it| it.tables.clone()).unwrap_or_default();
            nights.push(Night {
                day: day.to_owned(),
                tables,
                lost: Vec::new(),
                some_rejected: Vec::new(),
                finds: Vec::new(),
                finds_at: None,
            });
            into = None;
            continue;
        }
        let Some(night) = nights.last_mut() else { continue };
        if let Some(table) = line.strip_prefix("lost ") {
            night.lost.push(table.trim_matches('`').to_owned());
        } else if line == "finds" || line == "finds nothing" {
            night.finds_at = Some((at, at));
            into = Some("finds".to_owned());
        } else if let Some(table) = line.strip_prefix('`').and_then(|it| it.strip_suffix("` some rejected")) {
            night.tables.insert(table.to_owned(), Grid::default());
            night.some_rejected.push(table.to_owned());
            into = Some(table.to_owned());
        } else if let Some(table) = line.strip_prefix('`').and_then(|it| it.strip_suffix('`')) {
            night.tables.insert(table.to_owned(), Grid::default());
            into = Some(table.to_owned());
        } else if line.starts_with('|') {
            let cells: Vec<String> = line.trim_matches('|').split('|').map(|it| it.trim().to_owned()).collect();
            let is_rule = cells.iter().all(|it| it.starts_with('-'));
            match into.as_deref().expect("a table has a name above it") {
                "finds" => {
                    night.finds_at = night.finds_at.map(|(from, _)| (from, at));
                    if !is_rule && cells != FINDS {
                        night.finds.push(cells);
                    }
                }
                table => night.tables.get_mut(table).expect("inserted above").push(cells, is_rule),
            }
        }
    }
    assert!(!nights.is_empty(), "a story has at least one night: ## 2026-11-15");
    Story { nights }
}

impl Grid {
    fn push(&mut self, cells: Vec<String>, is_rule: bool) {
        if is_rule {
            return;
        }
        if self.header.is_empty() {
            self.header = cells;
            return;
        }
        assert_eq!(cells.len(), self.header.len(), "a row as long as its header: {cells:?}");
        match cells.iter().position(|it| it.contains("..")) {
            None => self.rows.push(cells),
            Some(at) => {
                let (from, to) = cells[at].split_once("..").expect("checked above");
                self.rows.extend(months(from, to).map(|month| {
                    let mut row = cells.clone();
                    row[at] = month;
                    row
                }));
            }
        }
    }

    fn csv(&self) -> String {
        let line = |cells: &[String]| cells.iter().map(|it| format!("\"{}\"", it.replace('"', "\"\""))).collect::<Vec<_>>().join(",");
        let mut text = line(&self.header);
        for row in &self.rows {
            let _ = write!(text, "\n{}", line(row));
        }
        text + "\n"
    }
}

fn months(from: &str, to: &str) -> impl Iterator<Item = String> {
    let index = |it: &str| it.parse::<i32>().map(|it| it / 100 * 12 + it % 100 - 1).expect("a month like 202610");
    (index(from)..=index(to)).map(|it| format!("{}{:02}", it / 12, it % 12 + 1))
}

/// All stories play with the same cards: they are proved once, not once a night.
pub const PROVED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/proved.json");

/// Writes the configuration of the story's city at `root`: one department per table that any night tells.
pub fn settle(story: &Story, root: &Path) {
    for folder in ["config/departments", "mappings", "rules"] {
        fs::create_dir_all(root.join(folder)).expect("a folder of the test");
    }
    let settings = format!("city = {{ zh = \"测试市\", en = \"Test city\" }}\nregion = \"330683\"\nproved = {PROVED:?}\n");
    fs::write(root.join("config/muster.toml"), settings).expect("a file of the test");
    let mut columns: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (table, grid) in story.nights.iter().flat_map(|it| &it.tables) {
        let known = columns.entry(table).or_default();
        for column in &grid.header {
            if !known.contains(&column.as_str()) {
                known.push(column);
            }
        }
    }
    for (table, columns) in columns {
        let name = table.replace('_', "-");
        let department = format!(
            "name = \"{name}\"\ntitle = {{ zh = \"{name}\", en = \"{name}\" }}\nmapping = \"{name}\"\n[source.main]\nkind = \"csv\"\nfolder = \"{table}\"\nencoding = \"utf-8\"\n"
        );
        fs::write(root.join(format!("config/departments/{name}.toml")), department).expect("a file of the test");
        let mut mapping = format!(
            "title = {{ zh = \"{name}\", en = \"{name}\" }}\n[[feed]]\nfills = \"{table}\"\ntable = \"{table}.csv\"\n[feed.columns]\n"
        );
        for column in columns {
            let money = if column.ends_with("_fen") { ", money = \"fen\"" } else { "" };
            let _ = writeln!(mapping, "{column} = {{ from = \"{column}\"{money} }}");
        }
        let rejected = if story.nights.iter().any(|it| it.some_rejected.iter().any(|it| it == table)) { "0.5" } else { "0.0" };
        let _ = writeln!(mapping, "[feed.expect]\nrejected = {{ max = {rejected} }}");
        fs::write(root.join(format!("mappings/{name}.toml")), mapping).expect("a file of the test");
    }
}

/// Delivers what the departments say on `night`.
pub fn deliver(night: &Night, root: &Path) {
    for (table, grid) in &night.tables {
        let folder = root.join(table);
        fs::create_dir_all(&folder).expect("a folder of the test");
        let file = folder.join(format!("{table}.csv"));
        if night.lost.contains(table) {
            let _ = fs::remove_file(file);
        } else {
            fs::write(file, grid.csv()).expect("a file of the test");
        }
    }
}

/// What a night found, as rows of `finds`: every finding of every case that is open or changed tonight.
pub fn found(night: &Value) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for case in night["cases"].as_array().expect("a night has cases") {
        let changed = night["events"].as_array().expect("a night has events").iter().any(|it| it["case"] == case["key"]);
        if case["state"] == "cured" && !changed {
            continue;
        }
        let who = name(night, &case["subject"]);
        for (rule, finding) in case["findings"].as_object().expect("a case has findings") {
            let months: Vec<i64> = finding["months"].as_array().expect("months").iter().filter_map(Value::as_i64).collect();
            let yuan = finding["amount_fen"].as_i64().map(|it| format!("{}.{:02}", it / 100, it % 100)).unwrap_or_default();
            let state = case["state"].as_str().unwrap_or_default().to_owned();
            rows.push(vec![rule.clone(), who.clone(), ranges(&months), yuan, state]);
        }
    }
    rows.sort();
    rows
}

fn name(night: &Value, subject: &Value) -> String {
    let shown = |list: &str, id: &Value| night[list][id.to_string()]["name"].as_str().map(str::to_owned);
    let person = subject.get("person").and_then(|it| shown("people", &it["id"]));
    let unit = subject.get("unit").and_then(|it| shown("units", &it["id"]));
    person.or(unit).unwrap_or_else(|| subject.to_string())
}

/// `202601..202603 202605`.
fn ranges(months: &[i64]) -> String {
    let next = |month: i64| if month % 100 == 12 { month + 89 } else { month + 1 };
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for month in months {
        match runs.last_mut() {
            Some((_, last)) if next(*last) == *month => *last = *month,
            _ => runs.push((*month, *month)),
        }
    }
    let run = |(from, to): &(i64, i64)| if from == to { from.to_string() } else { format!("{from}..{to}") };
    runs.iter().map(run).collect::<Vec<_>>().join(" ")
}

/// The numbers of a night's cases, by their lasting keys.
pub fn numbers(night: &Value) -> BTreeMap<String, String> {
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    night["cases"].as_array().expect("a night has cases").iter().map(|it| (text(&it["key"]), text(&it["number"]))).collect()
}

/// `finds` as it stands in a story.
pub fn finds_text(rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return "finds nothing".to_owned();
    }
    let mut text = format!("finds\n| {} |\n|{}", FINDS.join(" | "), "---|".repeat(FINDS.len()));
    for row in rows {
        let _ = write!(text, "\n| {} |", row.join(" | "));
    }
    text
}
