//! `muster rules`, a city's settings of rules and cards of its own, and what is kept of every rule's night.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::story;

const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name | kind |
| U1 | 中心小学 | institution |
`death`
| id_number | name | died_on | source |
| 11010519491231002X | 张三 | 2026-06-10 | civil-affairs |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 11010519491231002X | 张三 | U1 | 202601..202610 | salary | 500000 |
| 440524188001010014 | 李四 | U1 | 202601..202610 | salary | 500000 |
finds
| G01 | 张三 | 202607..202610 | 2000000 |
";

/// A city in which a dead clerk is still paid, after `nights` nights.
fn city(nights: &[&str], rules_toml: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    let story = story::read(STORY);
    story::settle(&story, root.path());
    story::deliver(&story.nights[0], root.path());
    if !rules_toml.is_empty() {
        fs::write(root.path().join("config/rules.toml"), rules_toml).expect("rules.toml");
    }
    for night in nights {
        let (_, code) = support::night(root.path(), night);
        assert_eq!(code, 0);
    }
    root
}

fn said(root: &Path, args: &[&str]) -> (String, String, i32) {
    let config = root.join("config/muster.toml").display().to_string();
    let out = support::muster(&[args, &["--config", &config, "--lang", "en"]].concat());
    let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
    (text(&out.stdout), text(&out.stderr), out.status.code().unwrap_or(-1))
}

fn json(root: &Path, args: &[&str]) -> Value {
    let (out, err, code) = said(root, &[args, &["--json"]].concat());
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).expect("JSON")
}

fn of<'a>(list: &'a Value, id: &str) -> &'a Value {
    list.as_array().expect("a list").iter().find(|it| it["id"] == id).expect("the rule")
}

#[test]
fn the_list_says_what_runs_and_what_waits_for_which_feed() {
    let root = city(&[], "[G14]\noff = \"pensions are checked elsewhere\"\n");
    let list = json(root.path(), &["rules"]);
    assert!(list.as_array().expect("a list").len() > 80);
    assert_eq!(of(&list, "G01")["tonight"]["state"], "runs");
    assert_eq!(of(&list, "G14")["tonight"]["state"], "off");
    let waits = &of(&list, "P01")["tonight"];
    assert_eq!(waits["state"], "waits");
    assert!(waits["why"]["en"].as_str().expect("why").contains("attendance"), "{waits}");
    let ghosts = json(root.path(), &["rules", "--group", "G", "--severity", "S1"]);
    assert!(ghosts.as_array().expect("a list").iter().all(|it| it["family"] == "ghost" && it["severity"] == "S1"));
    let (text, _, _) = said(root.path(), &["rules"]);
    assert!(text.contains("ghost payroll") && text.contains("pensions are checked elsewhere"), "{text}");
}

#[test]
fn a_card_is_shown_with_the_values_that_count_here() {
    let root = city(&[], "[P01]\nseverity = \"S2\"\nparams = { institution_days = 20 }\n");
    let told = json(root.path(), &["rules", "show", "absent-beyond-limit"]);
    assert_eq!((&told["id"], &told["severity"]), (&Value::from("P01"), &Value::from("S2")));
    let setting = told["settings"].as_array().expect("settings").iter().find(|it| it["name"] == "institution_days").expect("it");
    assert_eq!((&setting["value"], &setting["card"]), (&Value::from("20"), &Value::from("15")));
    let (text, _, _) = said(root.path(), &["rules", "show", "P01"]);
    for it in [
        "institution_days = 20 (the card says 15)",
        "S2 (the card says S1)",
        "What it means",
        "with absence as",
        "Regulations on Personnel",
    ] {
        assert!(text.contains(it), "{it}\n{text}");
    }
    let (_, err, code) = said(root.path(), &["rules", "show", "P1"]);
    assert!(code != 0 && err.contains("did you mean `P01`?"), "{err}");
}

#[test]
fn a_new_card_proves_and_an_id_is_given_once() {
    let root = city(&[], "");
    let (out, err, code) = said(root.path(), &["rules", "new", "G90", "paid-on-holidays"]);
    assert_eq!(code, 0, "{out}{err}");
    let card = root.path().join("rules/paid-on-holidays.md");
    assert!(card.exists());
    let (out, err, code) = said(root.path(), &["prove", "--rule", "G90", "--rule", "paid-after-death"]);
    assert!(code == 0 && out.contains("0 mappings, 2 rules"), "{out}{err}");
    for (id, name, says) in [
        ("G01", "another", "the id `G01` is taken by rules/paid-after-death.md"),
        ("G91", "paid-after-death", "the name `paid-after-death` is taken"),
        ("G90", "again", "G91 is free"),
        ("X90", "another", "is no rule id"),
        ("G92", "Not_Kebab", "is no name"),
    ] {
        let (_, err, code) = said(root.path(), &["rules", "new", id, name]);
        assert!(code != 0 && err.contains(says), "{says}: {err}");
    }
    // A draft is listed, and does not run.
    assert_eq!(of(&json(root.path(), &["rules"]), "G90")["tonight"]["state"], "draft");
}

#[test]
fn two_cards_of_one_id_and_a_wrong_setting_are_shown_where_they_stand() {
    let root = city(&[], "");
    let own = include_str!("../rules/paid-after-death.md").replace("\"paid-after-death\"", "\"own-death\"");
    fs::create_dir_all(root.path().join("rules")).expect("a folder");
    fs::write(root.path().join("rules/own-death.md"), own).expect("a card");
    let (_, err, code) = said(root.path(), &["rules"]);
    assert_eq!(code, 78);
    for it in ["the id `G01` is taken by rules/paid-after-death.md", "own-death.md", "id       = \"G01\"", "call this file paid-"] {
        assert!(err.contains(it), "{it}\n{err}");
    }
    fs::remove_file(root.path().join("rules/own-death.md")).expect("gone");
    fs::write(root.path().join("config/rules.toml"), "[G01]\ngrace_month = 3\n").expect("rules.toml");
    let (_, err, code) = said(root.path(), &["run", "--night", "2026-11-15"]);
    assert_eq!(code, 78);
    assert!(err.contains("grace_month = 3") && err.contains("did you mean `grace_months`?") && err.contains("rules.toml"), "{err}");
}

#[test]
fn settings_change_the_night_stand_in_the_evidence_and_prove_nothing_again() {
    let root = city(&["2026-11-15"], "");
    // What the stories of this run have proved together, as this city's own.
    let (own, config) = (root.path().join("proved.json"), root.path().join("config/muster.toml"));
    fs::copy(story::PROVED, &own).expect("what was proved");
    let settings = fs::read_to_string(&config).expect("the configuration");
    fs::write(&config, settings.replace(story::PROVED, &own.display().to_string()) + "[report]\nfolder = \"reports\"\n")
        .expect("the configuration");
    let proved = fs::read(&own).expect("what was proved");
    let told = |grace: &str| {
        fs::write(root.path().join("config/rules.toml"), format!("[G01]\n{grace}\n")).expect("rules.toml");
        let (night, code) = support::night(root.path(), "2026-11-15");
        assert_eq!(code, 0);
        assert_eq!(fs::read(&own).expect("what was proved"), proved);
        let findings = night["cases"].as_array().expect("cases").iter().map(|it| it["findings"]["G01"].clone());
        (findings.filter(|it| !it.is_null()).collect::<Vec<_>>(), night)
    };
    let (findings, _) = told("grace_months = 3\nseverity = \"S2\"");
    let finding = findings.first().expect("the dead clerk");
    assert_eq!((&finding["settings"]["grace_months"], &finding["severity"]), (&Value::from("3"), &Value::from("S2")));
    let page = fs::read_to_string(root.path().join("reports/2026-11-15/report.html")).expect("the page");
    assert!(page.contains("grace_months = 3"));
    // Four months after the month of death are four months of grace: nobody has anything to say.
    let (findings, _) = told("grace_months = 4");
    assert!(findings.is_empty());
    let (_, night) = told("off = \"being looked at\"");
    assert_eq!(of(&night["rules"], "G01")["skipped"]["en"], "turned off here: being looked at");
}

#[test]
fn every_night_keeps_how_many_could_have_been_hit() {
    let root = city(&["2026-11-15", "2026-11-16"], "");
    let history = json(root.path(), &["rules", "--history", "G01"]);
    assert_eq!(history.as_array().map(Vec::len), Some(2));
    assert_eq!((&history[1]["found"], &history[1]["looked_at"], &history[1]["about"]), (&1.into(), &1.into(), &"people".into()));
    let (text, _, _) = said(root.path(), &["rules", "--history", "G06"]);
    assert!(text.contains("no feed fills"), "{text}");
    let noise = json(root.path(), &["rules", "--noise"]);
    assert_eq!((&of(&noise, "G01")["cases"], &of(&noise, "G01")["noisy"]), (&1.into(), &false.into()));
}
