//! Official papers: who gets which cases, what stands in them, and what is refused.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::City;

const ID: &str = "33068319750220222X";

/// 王桂兰 is paid though dead, and two units are over their quota.
const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name |
| U1 | 市水文站 |
| U2 | 实验小学 |
| U3 | 市图书馆 |
`quota`
| unit_code | quota_type | amount |
| U1 | institution | 1 |
| U2 | institution | 1 |
`establishment`
| id_number | name | unit_code | quota_type | entered_on |
| 33068319750220222X | 王桂兰 | U1 | institution | 2012-08-01 |
| 330683198207032242 | 董秀峰 | U1 | institution | 2012-08-01 |
| 330683198105062118 | 李建军 | U2 | institution | 2012-08-01 |
| 330683199003154621 | 陈晓燕 | U2 | institution | 2012-08-01 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 33068319750220222X | 王桂兰 | U1 | 202605..202610 | salary | 543210 |
`death`
| id_number | name | died_on |
| 33068319750220222X | 王桂兰 | 2026-06-03 |
finds nothing
";

fn city() -> City {
    let city = City::of(STORY);
    support::night(city.path(), "2026-11-15");
    city
}

impl City {
    fn run(&self, args: &[&str]) -> (String, String, i32) {
        self.run_in("zh", args)
    }

    /// Issues a paper and gives its place; `Err` says why there is none.
    fn issue(&self, kind: &str, number: &str, name: &str, more: &[&str]) -> Result<PathBuf, String> {
        let out = self.root.path().join(name);
        let fixed = ["notice", kind, "--number", number, "--from", "嵊州市委编办", "--date", "2026-11-23", "--why", "核查"];
        let (_, err, code) = self.run(&[&fixed[..], &["--out", &out.display().to_string()], more].concat());
        if code == 0 { Ok(out) } else { Err(format!("{code} {err}")) }
    }

    fn cases(&self, state: &str) -> Vec<Value> {
        self.json(&["case", "list", "--state", state]).as_array().expect("cases").clone()
    }

    fn number(&self, rule: &str, unit: &str) -> String {
        let of = |it: &&Value| it["rules"].to_string().contains(rule) && it["units"].to_string().contains(unit);
        self.cases("all").iter().find(of).and_then(|it| it["number"].as_str().map(str::to_owned)).expect("a case")
    }
}

/// The document as its own library reads it back: every text of it, and its page.
fn read(path: &Path) -> (String, Value) {
    let docx = docx_rs::read_docx(&fs::read(path).expect("there")).expect("a document");
    let json: Value = serde_json::from_str(&docx.json()).expect("JSON");
    let mut text = String::new();
    gather(&json["document"], &mut text);
    (text, json)
}

fn gather(it: &Value, into: &mut String) {
    match it {
        Value::Object(fields) => {
            if let (Some("text"), Some(text)) =
                (fields.get("type").and_then(Value::as_str), fields.get("data").and_then(|it| it["text"].as_str()))
            {
                into.push_str(text);
            }
            fields.values().for_each(|it| gather(it, into));
        }
        Value::Array(all) => all.iter().for_each(|it| gather(it, into)),
        _ => {}
    }
}

/// The margins of every section.
fn pages(it: &Value, into: &mut Vec<Value>) {
    match it {
        Value::Object(fields) => {
            into.extend(fields.get("pageMargin").cloned());
            fields.values().for_each(|it| pages(it, into));
        }
        Value::Array(all) => all.iter().for_each(|it| pages(it, into)),
        _ => {}
    }
}

#[test]
fn a_unit_is_asked_and_told_to_put_right_what_is_confirmed() {
    let city = city();
    let dead = city.number("G01", "U1");
    let asked = city.issue("verify", "嵊编办〔2026〕12号", "a.docx", &["--unit", "U1", "--due", "2026-12-05", "--send"]).expect("issued");
    let (text, json) = read(&asked);
    for wanted in ["嵊编办〔2026〕12号", "核查", "市水文站：", "2026年12月5日", "2026年11月23日", "王桂兰", &dead] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains(ID) && !text.contains("实验小学"), "{text}");
    // GB/T 9704: 37 mm above, 28 mm at the left, an area of type 156 mm wide; twentieths of a point.
    let mut margins = Vec::new();
    pages(&json, &mut margins);
    let millimetres = |it: &Value| (it.as_f64().expect("a number") * 25.4 / 1440.0).round() as i64;
    let edges: Vec<(i64, i64)> = margins.iter().map(|it| (millimetres(&it["top"]), millimetres(&it["left"]))).collect();
    assert!(edges.contains(&(37, 28)), "the letter: {edges:?}");
    let states: Vec<String> = city.cases("open").iter().map(|it| it["standing"]["stage"].to_string()).collect();
    assert_eq!(states.iter().filter(|it| it.contains("querying")).count(), 2, "{states:?}");

    // Nothing is confirmed yet, and then not by two.
    let refused = |number: &str, more: &[&str]| city.issue("rectify", number, "b.docx", more).expect_err("it is refused");
    assert!(refused("嵊编办〔2026〕13号", &["--unit", "U1"]).contains("C1、C2"));
    let decide = ["case", "decide", &dead, "--outcome", "C2", "--why", "工资表", "--by", "wang-lei"];
    assert_eq!(city.run(&decide).2, 0);
    assert!(refused("嵊编办〔2026〕13号", &["--case", &dead]).contains("复核"));
    assert_eq!(city.run(&["case", "second", &dead, "--by", "li-na"]).2, 0);
    let order = city.issue("rectify", "嵊编办〔2026〕13号", "b.docx", &["--unit", "U1", "--letterhead"]).expect("issued");
    let (text, _) = read(&order);
    assert!(text.contains("整改") && text.contains("王桂兰") && text.contains(&dead), "{text}");
    let ledger = city.issue("ledger", "嵊编办〔2026〕14号", "c.docx", &[]).expect("of the whole city");
    let (text, _) = read(&ledger);
    assert!(text.contains("市水文站") && text.contains("实验小学") && !text.contains(ID), "{text}");

    let told = city.json(&["audit", "list", "--about", "嵊编办〔2026〕12号"]);
    assert_eq!((told[0]["what"].as_str(), told[0]["detail"]["why"].as_str()), (Some("notice-issued"), Some("核查")));
    assert_eq!(city.run(&["audit", "verify"]).2, 0);
}

#[test]
fn what_does_not_go_on_paper_is_told() {
    let city = city();
    let over = city.number("E01", "U2");
    let refused = |number: &str, more: &[&str]| city.issue("verify", number, "no.docx", more).expect_err("it is refused");
    assert!(refused("嵊编办[2026]12号", &["--unit", "U1"]).contains('〔'));
    assert!(refused("嵊编办〔2026〕12号", &["--unit", "U9"]).contains("没有这个单位编码"));
    assert!(refused("嵊编办〔2026〕12号", &["--unit", "U3"]).contains("没有待核查的未结案件"));
    assert!(refused("嵊编办〔2026〕12号", &["--unit", "U1", "--case", &over]).contains("不属于 U1"));
    assert!(refused("嵊编办〔2026〕12号", &["--case", "MU-2026-999999"]).contains("没有这个编号的问题"));
    assert!(refused("嵊编办〔2026〕12号", &["--unit", "U1", "--due", "2026-11-01"]).contains("早于成文日期"));
    assert!(!city.root.path().join("no.docx").exists());
    city.issue("verify", "嵊编办〔2026〕12号", "yes.docx", &["--unit", "U1"]).expect("issued");
    let again = city.issue("verify", "嵊编办〔2026〕15号", "yes.docx", &["--unit", "U1"]).expect_err("it is there");
    assert!(again.starts_with("64 ") && again.contains("已存在"), "{again}");
    assert!(refused("嵊编办〔2026〕12号", &["--unit", "U2"]).contains("另一份公文"));

    let people = "[[person]]\nid = 'li-na'\nname = '李娜'\naddress = 'l@city.example'\ndepartments = ['*']\nunits = ['U2']\n";
    fs::write(city.root.path().join("config/people.toml"), people).expect("a file of the test");
    assert!(refused("嵊编办〔2026〕16号", &["--unit", "U2"]).contains("--as"));
    assert!(
        refused("嵊编办〔2026〕16号", &["--unit", "U1", "--as", "li-na"]).contains("没有待核查的未结案件"),
        "what is not theirs is not there"
    );
    let own = city.issue("verify", "嵊编办〔2026〕16号", "own.docx", &["--unit", "U2", "--as", "li-na"]).expect("issued");
    assert!(!read(&own).0.contains("王桂兰"));
}
