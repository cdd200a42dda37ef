//! What was kept long enough goes, by the command and after every night; what is needed stays.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::story;

/// 王桂兰 is paid though dead; then the unit takes it all back. Every night is years ago.
const STORY: &str = "\
## 2022-01-10
`unit`
| unit_code | unit_name |
| U1 | 市水文站 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 33068319750220222X | 王桂兰 | U1 | 202107..202112 | salary | 543210 |
| 330683198207032242 | 董秀峰 | U1 | 202107..202112 | salary | 543210 |
`death`
| id_number | name | died_on |
| 33068319750220222X | 王桂兰 | 2021-06-03 |
finds nothing
## 2022-01-11
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 330683198207032242 | 董秀峰 | U1 | 202107..202112 | salary | 543210 |
finds nothing
";

struct City {
    root: tempfile::TempDir,
    story: story::Story,
}

impl City {
    fn new() -> City {
        let root = tempfile::tempdir().expect("a temporary folder");
        let story = story::read(STORY);
        story::settle(&story, root.path());
        City { root, story }
    }

    fn root(&self) -> &Path {
        self.root.path()
    }

    fn night(&self, at: usize, night: &str) -> Value {
        story::deliver(&self.story.nights[at], self.root());
        support::night(self.root(), night).0
    }

    fn run(&self, args: &[&str]) -> (String, i32) {
        let config = self.root().join("config/muster.toml").display().to_string();
        let out = support::muster(&[args, &["--lang", "en", "--config", &config]].concat());
        let text = [out.stdout, out.stderr].concat();
        (String::from_utf8_lossy(&text).into_owned(), out.status.code().unwrap_or(-1))
    }

    fn json(&self, args: &[&str]) -> Value {
        let (told, _) = self.run(&[args, &["--json"]].concat());
        serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}"))
    }

    fn set(&self, settings: &str) {
        let path = self.root().join("config/muster.toml");
        let text = fs::read_to_string(&path).expect("the settings");
        fs::write(path, text + settings).expect("the settings");
    }

    /// What the audit log says of retention, the newest first.
    fn retained(&self) -> Vec<Value> {
        let entries = self.json(&["audit", "list"]);
        entries.as_array().expect("entries").iter().filter(|it| it["what"] == "retained").cloned().collect()
    }

    fn folders(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root().join(path)).expect("a folder");
        let mut names: Vec<String> = entries.map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// How many of each kind.
fn counts(told: &Value) -> Vec<(String, u64)> {
    let lines = told["lines"].as_array().expect("lines");
    lines.iter().map(|it| (it["what"].as_str().expect("a word").to_owned(), it["many"].as_u64().expect("a count"))).collect()
}

fn expected(kinds: [u64; 5]) -> Vec<(String, u64)> {
    ["deliveries", "nights", "reports", "cases", "letters"].into_iter().map(str::to_owned).zip(kinds).collect()
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("a copy");
    }
}

#[test]
fn what_was_kept_long_enough_goes_and_what_is_needed_stays() {
    let city = City::new();
    city.set("[report]\nfolder = \"reports\"\n");
    let told = city.night(0, "2022-01-10");
    let number = told["cases"][0]["number"].as_str().expect("a case").to_owned();
    assert_eq!(told["cases"].as_array().map(Vec::len), Some(1));
    city.night(1, "2022-01-11");
    city.night(1, "2022-01-12");
    // Folders of long ago, made from those of today; and one of a run that died.
    for night in ["2019-05-01", "2019-05-02.partial"] {
        for feed in ["payment", "death", "unit"] {
            let feed = city.root().join(format!("data/deliveries/{feed}/{feed}"));
            copied(&feed.join("2022-01-10"), &feed.join(night));
        }
        let nights = city.root().join("data/nights");
        fs::create_dir_all(nights.join(night)).expect("a folder");
        fs::copy(nights.join("2022-01-10/unit.parquet"), nights.join(night).join("unit.parquet")).expect("a copy");
    }
    fs::write(city.root().join("reports/2022-01-10/mine.txt"), "the operator's").expect("a file");

    // Of each feed's five deliveries two stay: the newest, and the one that the newest night would start from again.
    let due = expected([9, 4, 2, 1, 0]);
    let dry = city.json(&["retain", "--dry-run"]);
    assert_eq!((counts(&dry), dry["dry_run"].as_bool()), (due.clone(), Some(true)));
    assert_eq!(counts(&city.json(&["retain", "--dry-run"])), due, "nothing was changed");
    let (shown, code) = city.run(&["case", "show", &number]);
    assert!(code == 0 && shown.contains("2021-06"), "the sentences are still there: {shown}");

    let (table, code) = city.run(&["retain"]);
    assert!(code == 0 && table.contains("cleared cases, de-identified") && table.contains("audit log"), "{table}");
    let again = city.json(&["retain"]);
    assert_eq!(counts(&again), expected([0; 5]), "once");
    assert_eq!(city.folders("data/nights"), ["2022-01-12"]);
    assert_eq!(city.folders("data/deliveries/payment/payment"), ["2022-01-11", "2022-01-12"]);
    assert_eq!(city.folders("reports"), ["2022-01-10", "2022-01-12"]);
    assert_eq!(city.folders("reports/2022-01-10"), ["mine.txt"]);

    for check in [&["store", "check"][..], &["audit", "verify"], &["key", "check"]] {
        let (told, code) = city.run(check);
        assert_eq!(code, 0, "{check:?}: {told}");
    }
    let retained = city.retained();
    assert_eq!((retained.len(), &retained[0]["detail"]["cases"]), (1, &Value::from("1")), "{retained:?}");
    let listed = city.json(&["case", "list", "--state", "all"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "the number is still counted: {listed}");
    let (shown, code) = city.run(&["case", "show", &number]);
    assert!(code == 0 && shown.contains("G01") && !shown.contains("2021-06"), "the sentences are gone: {shown}");
    let (refused, code) = city.run(&["case", "note", &number, "--why", "王桂兰"]);
    assert!(code == 64 && refused.contains("de-identified"), "{refused}");

    // The next night goes on from there; the same person found again is another case.
    let told = city.night(0, "2022-01-13");
    let cases = told["cases"].as_array().expect("cases");
    assert_eq!(
        cases.iter().map(|it| (it["number"].as_str(), it["state"].as_str())).collect::<Vec<_>>(),
        [(Some("MU-2022-000002"), Some("open"))]
    );
}

#[test]
fn a_night_deletes_by_itself_and_what_a_kept_night_finds_stays() {
    let city = City::new();
    city.set("[retain]\nnights_months = 1\ncleared_months = 1\n");
    city.night(0, "2022-01-10");
    let number = city.json(&["case", "list"])[0]["number"].as_str().expect("a case").to_owned();
    city.night(1, "2022-01-11");
    assert_eq!(city.folders("data/nights"), ["2022-01-10", "2022-01-11"], "nothing is due");
    assert_eq!(city.retained(), Vec::<Value>::new(), "and nothing is told");
    city.night(1, "2022-02-11");
    assert_eq!(city.folders("data/nights"), ["2022-01-11", "2022-02-11"]);
    city.night(1, "2022-02-12");
    assert_eq!(city.folders("data/nights"), ["2022-02-11", "2022-02-12"]);
    let entries = city.retained();
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!((&entries[0]["detail"]["cases"], &entries[0]["who"]), (&Value::from("1"), &Value::from("muster")));
    assert_eq!(city.run(&["case", "note", &number, "--why", "x"]).1, 64);
}

#[test]
fn settings_that_make_no_sense_are_shown_in_their_place() {
    let city = City::new();
    city.set("[retain]\nnights_months = 0\nletters_months = 1201\n");
    let (told, code) = city.run(&["retain", "--dry-run"]);
    assert_eq!(code, 78, "{told}");
    for says in ["muster.toml:5", "muster.toml:6", "`nights_months` is 0", "`letters_months` is 1201", "from 1 to 1200", "╰"] {
        assert!(told.contains(says), "{says}: {told}");
    }
}
