//! `muster person` and `muster unit`: masked, audited, and never more than the reader's own departments and units.

mod support;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::Value;
use support::City;

const STORY: &str = include_str!("cities/paid-by-two-units.md");
const YANG: &str = "330683198008081017";
const GAO: &str = "330683198512241120";

const PEOPLE: &str = r#"
[[person]]
id = "chief"
name = "总管"
address = "chief@city.example"
departments = ["*"]

[[person]]
id = "pay-desk"
name = "工资岗"
address = "pay@city.example"
departments = ["payment"]

[[person]]
id = "u2-head"
name = "疾控中心"
address = "u2@city.example"
departments = ["*"]
units = ["U2"]

[[person]]
id = "registrar"
name = "任免岗"
address = "registrar@city.example"
departments = ["post"]
"#;

/// Runs a command with `typed` on its standard input; gives what it printed, what it complained of, and its exit code.
fn typed(city: &City, typed: &str, args: &[&str]) -> (String, String, i32) {
    let config = city.path().join("config/muster.toml").display().to_string();
    let mut command = support::command(&[args, &["--lang", "en", "--config", &config]].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    child.stdin.take().expect("a pipe").write_all(typed.as_bytes()).expect("it reads");
    let out = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&out.stdout), text(&out.stderr), out.status.code().unwrap_or(-1))
}

fn seen_by(city: &City, who: &str, number: &str) -> Value {
    let (told, wrong, _) = typed(city, number, &["person", "--as", who, "--json"]);
    serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}{wrong}"))
}

/// Feeds and units of every row that is shown.
fn rows(told: &Value) -> Vec<(String, String)> {
    let marks = told["strips"].as_array().expect("strips").iter().flat_map(|it| it["marks"].as_array().expect("marks"));
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    marks.map(|it| (text(&it["feed"]), text(&it["unit"]["code"]))).collect()
}

#[test]
fn a_person_is_masked_audited_and_cut_to_what_the_reader_may_see() {
    let city = City::of(STORY);
    support::night(city.path(), "2026-11-15");
    let cases = city.json(&["case", "list"]);
    let case = cases.as_array().expect("cases").iter().find(|it| it["rules"][0] == "D01").expect("the double payment");
    let number = case["number"].as_str().expect("a number");

    let (text, wrong, code) = city.run_in("zh", &["person", number]);
    assert_eq!(code, 0, "{wrong}");
    assert!(text.contains("杨**") && !text.contains("杨帆") && !text.contains(YANG) && !text.contains("1980-08"), "{text}");
    let salary = text.lines().find(|it| it.trim_start().starts_with("在职工资")).expect("a strip");
    assert!(salary.ends_with(&format!("{}{}", "█".repeat(6), "#".repeat(9))), "{text}");
    assert!(text.contains("两个单位同月发工资：2026-08 至 2026-10") && text.contains(number), "{text}");

    // An ID number comes by standard input; among the words of the command it is refused, and not repeated.
    let by_number = typed(&city, &format!("{YANG}\n"), &["person"]);
    assert!(by_number.2 == 0 && by_number.0.contains("杨**"), "{by_number:?}");
    let (_, wrong, code) = city.run_in("en", &["person", YANG]);
    assert!(code == 64 && wrong.contains("history") && !wrong.contains(YANG), "{wrong}");
    assert_eq!(typed(&city, "330683199912311230\n", &["person"]).2, 64);

    // In full only with a reason, which stands in the log; the log itself names nobody.
    let (full, _, _) = city.run_in("zh", &["person", number, "--reveal", "case review"]);
    assert!(full.contains("杨帆") && full.contains(YANG) && full.contains("1980-08-08"), "{full}");
    let log = city.json(&["audit", "list"]);
    let whats: Vec<&str> = log.as_array().expect("entries").iter().filter_map(|it| it["what"].as_str()).collect();
    assert!(whats.iter().filter(|it| **it == "looked").count() >= 2 && whats.contains(&"revealed"), "{log}");
    assert!(log.to_string().contains("case review") && !log.to_string().contains(YANG) && !log.to_string().contains("杨"));

    let page = city.path().join("yang.html");
    let out = page.display().to_string();
    let written = city.run_in("zh", &["person", number, "--format", "html", "--out", &out]);
    assert_eq!(written.2, 0, "{written:?}");
    assert_eq!(fs::metadata(&page).expect("the page").permissions().mode() & 0o777, 0o600);
    assert_eq!(city.run_in("zh", &["person", number, "--format", "html", "--out", &out]).2, 64, "nothing is replaced");
    let html = fs::read_to_string(&page).expect("text");
    assert!(html.contains("<svg") && !html.contains("杨帆") && !html.contains(YANG) && !html.contains("<script"));

    fs::write(city.path().join("config/people.toml"), PEOPLE).expect("a file of the test");
    assert!(city.run_in("en", &["person", number]).1.contains("--as"));
    assert!(seen_by(&city, "chief", YANG)["beyond"].as_array().is_some_and(Vec::is_empty));
    // Who pays sees what is paid; beside a case of theirs also what its rule compares, which here are the register and the personnel files.
    let of_yang = seen_by(&city, "pay-desk", YANG);
    assert!(rows(&of_yang).iter().any(|it| it.0.starts_with("establishment/")), "{of_yang}");
    let paid = seen_by(&city, "pay-desk", GAO);
    assert!(rows(&paid).iter().all(|it| it.0.starts_with("payment/")) && !rows(&paid).is_empty(), "{paid}");
    assert!(paid["beyond"].to_string().contains("establishment/"), "{paid}");
    // The head of one unit sees its own rows: of Gao Jie, who is no case, nothing of the party school.
    let gao = seen_by(&city, "u2-head", GAO);
    assert!(!rows(&gao).is_empty() && rows(&gao).iter().all(|it| it.1 == "U2"), "{gao}");
    // What may not be seen looks like what is not there.
    let nobody = typed(&city, YANG, &["person", "--as", "registrar"]);
    let unknown = typed(&city, "330683199912311230", &["person", "--as", "registrar"]);
    assert_eq!((nobody.1, nobody.2), (unknown.1, unknown.2));

    let unit = city.json(&["unit", "U1", "--as", "chief"]);
    assert_eq!(unit["name"], "市委党校");
    assert!(!unit.to_string().contains("杨帆") && !unit.to_string().contains(YANG), "{unit}");
    let people: Vec<&Value> =
        unit["groups"].as_array().expect("groups").iter().flat_map(|it| it["people"].as_array().expect("people")).collect();
    assert!(people.iter().any(|it| it["on_register"] == true && it["quota_type"] == "civil-like"), "{unit}");
    // The second payer answers for the double payment.
    let second = city.json(&["unit", "U2", "--as", "u2-head"]);
    assert!(second["groups"].as_array().is_some_and(|it| !it.is_empty()) && second["cases"].to_string().contains("D01"), "{second}");
    assert_eq!(city.run_in("en", &["unit", "U1", "--as", "u2-head"]).2, 64, "a unit that is not theirs");
    let of_pay_desk = city.json(&["unit", "U1", "--as", "pay-desk"]);
    assert!(!of_pay_desk["groups"].to_string().contains("civil-like"), "the register is not theirs: {of_pay_desk}");
}
