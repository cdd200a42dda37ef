//! What reviewers say of two rows, from night to night: obeyed, checked for contradictions, withdrawn.

mod support;

use serde_json::Value;
use support::City;

/// 李小花 is paid under another valid number; 董秀峰 lacks a digit in the payroll.
const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name |
| U1 | 市妇幼保健院 |
`establishment`
| id_number | name | unit_code | quota_type | entered_on |
| 33068319750220222X | 李小花 | U1 | institution | 2012-08-01 |
| 330683198207032242 | 董秀峰 | U1 | institution | 2012-08-01 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 330683197502202246 | 李小花 | U1 | 202605..202610 | salary | 500000 |
| 330683198207032243 | 董秀峰 | U1 | 202605..202610 | salary | 500000 |
finds nothing
";

const REGISTER: [&str; 2] = ["establishment/establishment#0", "establishment/establishment#1"];
const PAYROLL: [&str; 2] = ["payment/payment#0", "payment/payment#1"];

impl City {
    fn night(&self, night: &str) {
        support::night(self.path(), night);
    }

    fn run(&self, args: &[&str]) -> (String, String, i32) {
        self.run_in("zh", args)
    }

    fn explain(&self, row: &str) -> Value {
        let (told, wrong, _) = self.run(&["explain", "link", row, "--json", "--reveal", "a test"]);
        serde_json::from_str(&told).unwrap_or_else(|_| panic!("{wrong}"))
    }

    fn judge(&self, word: &str, one: &str, other: &str) -> (String, String, i32) {
        self.run_in("en", &["judge", word, one, other, "--by", "沈核查", "--why", "看了档案"])
    }

    fn one_person(&self, one: &str, other: &str) -> bool {
        let (one, other) = (self.explain(one), self.explain(other));
        assert!(one["person_key"].is_string() && other["person_key"].is_string(), "{one}");
        one["person_key"] == other["person_key"]
    }
}

#[test]
fn a_reviewers_word_is_obeyed_from_the_next_night_until_it_is_withdrawn() {
    let city = City::of(STORY);
    city.night("2026-11-15");
    assert!(!city.one_person(REGISTER[0], PAYROLL[0]), "two valid numbers are two people");
    assert!(city.one_person(REGISTER[1], PAYROLL[1]), "one digit is repaired");

    let (told, wrong, code) = city.judge("same", REGISTER[0], PAYROLL[0]);
    assert_eq!(code, 0, "{told}{wrong}");
    assert!(city.judge("same", PAYROLL[0], REGISTER[0]).0.contains("was said before"));
    assert_eq!(city.judge("different", REGISTER[1], PAYROLL[1]).2, 0);
    city.night("2026-11-16");
    assert!(city.one_person(REGISTER[0], PAYROLL[0]) && !city.one_person(REGISTER[1], PAYROLL[1]));
    assert_eq!(city.explain(PAYROLL[0])["method"], "judged");

    let (_, wrong, code) = city.judge("different", PAYROLL[0], REGISTER[0]);
    assert!(code != 0 && wrong.contains("contradicts") && wrong.contains("看了档案"), "the chain is shown: {wrong}");
    assert!(!wrong.contains("330683197502202246") && !wrong.contains("李小花"), "nobody is named in full: {wrong}");
    let listed: Value = serde_json::from_str(&city.run(&["judge", "list", "--json"]).0).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    assert_eq!(listed[0]["one"]["name"], "李**");

    let withdraw = |number: &str| city.run(&["judge", "withdraw", number, "--by", "沈核查", "--why", "看错了"]).2;
    assert_eq!((withdraw("1"), withdraw("2"), withdraw("2")), (0, 0, 64));
    city.night("2026-11-17");
    assert!(!city.one_person(REGISTER[0], PAYROLL[0]) && city.one_person(REGISTER[1], PAYROLL[1]), "as before");
    let all: Value = serde_json::from_str(&city.run(&["judge", "list", "--all", "--json"]).0).expect("JSON");
    assert_eq!(all.as_array().map(Vec::len), Some(2), "nothing is forgotten");
    assert_eq!(city.judge("same", "payment/payment#99", REGISTER[0]).2, 64);
}
