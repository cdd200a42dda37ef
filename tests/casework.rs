//! What people do about cases, by the commands: refused where it cannot be, obeyed by the next night, written down.

mod support;

use support::City;

/// 王桂兰 is paid though dead, and the water station is over its quota.
const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name |
| U1 | 市水文站 |
`quota`
| unit_code | quota_type | amount |
| U1 | institution | 1 |
`establishment`
| id_number | name | unit_code | quota_type | entered_on |
| 33068319750220222X | 王桂兰 | U1 | institution | 2012-08-01 |
| 330683198207032242 | 董秀峰 | U1 | institution | 2012-08-01 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 33068319750220222X | 王桂兰 | U1 | 202605..202610 | salary | 543210 |
`death`
| id_number | name | died_on |
| 33068319750220222X | 王桂兰 | 2026-06-03 |
finds nothing
";

impl City {
    fn run(&self, args: &[&str]) -> (String, String, i32) {
        self.run_in("en", args)
    }

    fn listed(&self, state: &str) -> Vec<String> {
        let cases = self.json(&["case", "list", "--state", state]);
        cases.as_array().expect("cases").iter().map(|it| it["number"].as_str().expect("a number").to_owned()).collect()
    }

    fn number(&self, rule: &str) -> String {
        let cases = self.json(&["case", "list", "--rule", rule]);
        cases[0]["number"].as_str().unwrap_or_else(|| panic!("{rule}: {cases}")).to_owned()
    }
}

#[test]
fn a_case_is_worked_and_the_next_night_obeys() {
    let city = City::of(STORY);
    support::night(city.root.path(), "2026-11-15");
    let (dead, over) = (city.number("G01"), city.number("E01"));

    let (_, wrong, code) = city.run(&["case", "decide", &over, "--outcome", "C11", "--why", "the pool lent a place"]);
    assert!(code == 64 && wrong.contains("--until") && wrong.contains("nothing was changed"), "{wrong}");
    let (_, wrong, _) = city.run(&["case", "note", "MU-2026-999999", "--why", "x"]);
    assert!(wrong.contains("no case has this number"), "{wrong}");
    let (_, wrong, code) = city.run(&["case", "decide", &over, "--outcome", "C99"]);
    assert!(code == 2 && wrong.contains("muster case outcomes"), "{wrong}");

    let letter = city.root.path().join("letter.pdf");
    std::fs::write(&letter, "a letter").expect("to write");
    let document = letter.display().to_string();
    let by = |who: &'static str| ["--by", who, "--why", "市编办 2026 年第 3 号文"];
    let decide =
        [&["case", "decide", over.as_str(), "--outcome", "C11", "--until", "2027-06-30", "--document", &document], &by("wang-lei")[..]]
            .concat();
    assert_eq!(city.run(&decide).2, 0);
    let accuse = [&["case", "decide", dead.as_str(), "--outcome", "C2"], &by("wang-lei")[..]].concat();
    assert!(city.run(&accuse).0.contains("to be seconded"));
    assert_eq!(city.listed("pending"), std::slice::from_ref(&dead));
    assert_eq!(city.run(&["case", "second", &dead, "--by", "wang-lei"]).2, 64, "another person must look");
    assert_eq!(city.run(&["case", "second", &dead, "--by", "li-na"]).2, 0);
    let (_, wrong, code) = city.run(&["case", "act", "pay-stoped", &dead]);
    assert!(code == 2 && wrong.contains("pay-stopped"), "{wrong}");
    assert_eq!(city.run(&["case", "act", "recovery-demanded", &dead, "--by", "li-na"]).2, 64, "a demand names its amount");
    let (_, wrong, code) = city.run(&["case", "act", "pay-stopped", &over, "--by", "li-na"]);
    assert!(code == 64 && wrong.contains("confirmed"), "an explanation takes no measures: {wrong}");
    assert_eq!(city.run(&["case", "act", "pay-stopped", &dead, "--from", "2026-11-16", "--document", &document, "--by", "li-na"]).2, 0);
    assert_eq!(city.run(&["case", "act", "recovery-demanded", &dead, "--from", "2026-11-16", "--yuan", "20000", "--by", "li-na"]).2, 0);
    assert_eq!(city.run(&["case", "recovered", &dead, "--yuan", "6234.70", "--by", "li-na"]).2, 0);
    let amounts = &city.json(&["case", "list", "--state", "decided", "--rule", "G01"])[0]["amounts"];
    let fen = |name: &str| amounts[name].as_i64().expect("an amount");
    assert!(fen("detected_fen") > 0 && fen("prevented_fen") == 12 * 543_210, "{amounts}");
    assert_eq!((fen("recovered_fen"), fen("outstanding_fen")), (623_470, 2_000_000 - 623_470));
    let sums = city.run(&["case", "amounts"]).0;
    assert!(sums.contains("outstanding 13,765.30") && sums.contains("C2"), "{sums}");
    assert!(city.run(&["case", "overdue"]).0.contains("cases overdue"));
    let mut decided = vec![dead.clone(), over.clone()];
    decided.sort();
    assert_eq!(city.listed("decided").into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>(), decided);

    let (shown, _, _) = city.run(&["case", "show", &dead]);
    assert!(shown.contains("seconded") && shown.contains("6,234.70") && shown.contains("第 3 号文"), "{shown}");
    assert!(!shown.contains("33068319750220222X") && !shown.contains("王桂兰"), "masked unless a reason is given");
    let (shown, _, _) = city.run(&["case", "show", &dead, "--reveal", "to ask the unit"]);
    assert!(shown.contains("33068319750220222X"), "{shown}");
    let audit = city.json(&["audit", "list", "--about", &dead]);
    let told: Vec<&str> = audit.as_array().expect("entries").iter().filter_map(|it| it["what"].as_str()).collect();
    let acts = ["revealed", "case-recovered", "case-recovery-demanded", "case-pay-stopped", "case-seconded", "case-decided"];
    assert_eq!(told, acts);
    assert_eq!(audit[0]["detail"]["why"], "to ask the unit");
    assert!(
        audit[1]["detail"]["login"].as_str().is_some_and(|it| it.starts_with("local:")),
        "whoever is named, the login stands beside it"
    );
    assert_eq!(city.run(&["audit", "verify"]).2, 0);

    // What was decided is told no more; a further month of pay is.
    let (night, _) = support::night(city.root.path(), "2026-11-16");
    let state =
        |number: &str| night["cases"].as_array().expect("cases").iter().find(|it| it["number"] == number).map(|it| it["state"].clone());
    assert_eq!(state(&dead).expect("the decision is told once")["settled"]["outcome"], "C2");
    assert!(state(&over).is_some_and(|it| it["settled"]["outcome"] == "C11"));
    let payroll = city.root.path().join("payment/payment.csv");
    let more = std::fs::read_to_string(&payroll).expect("the payroll")
        + "\"33068319750220222X\",\"王桂兰\",\"U1\",\"202611\",\"salary\",\"543210\"\n";
    std::fs::write(&payroll, more).expect("to write");
    let (night, _) = support::night(city.root.path(), "2026-12-05");
    let again = night["cases"].as_array().expect("cases").iter().find(|it| it["number"] == dead.as_str()).expect("it is told again");
    assert_eq!(again["state"], "reopened");
    assert!(city.listed("open").contains(&dead) && !city.listed("open").contains(&over));
    // With people.toml everybody looks with their own eyes, and what may not be seen is not there.
    let person = |id: &str, department: &str, unit: &str| {
        format!(
            "[[person]]\nid = \"{id}\"\nname = \"{id}\"\naddress = \"{id}@city.example\"\ndepartments = [\"{department}\"]\nunits = [\"{unit}\"]\n"
        )
    };
    let people = person("payer", "payment", "U1") + &person("elsewhere", "*", "U9") + &person("quotas", "quota", "U1");
    std::fs::write(city.root.path().join("config/people.toml"), people).expect("to write");
    let (_, wrong, code) = city.run(&["case", "list"]);
    assert!(code == 64 && wrong.contains("--as"), "{wrong}");
    let (_, wrong, _) = city.run(&["case", "list", "--as", "payr"]);
    assert!(wrong.contains("payer"), "the nearest name is told: {wrong}");
    let seen = |who: &str| {
        let cases = city.json(&["case", "list", "--state", "all", "--as", who]);
        let numbers: Vec<String> =
            cases.as_array().expect("cases").iter().filter_map(|it| it["number"].as_str().map(str::to_owned)).collect();
        (numbers.contains(&dead), numbers.contains(&over))
    };
    assert_eq!((seen("payer"), seen("quotas"), seen("elsewhere")), ((true, false), (false, true), (false, false)));
    for (what, who) in [("show", "quotas"), ("show", "elsewhere"), ("note", "quotas"), ("query", "elsewhere"), ("reopen", "elsewhere")] {
        let (told, wrong, code) = city.run(&["case", what, &dead, "--as", who]);
        assert!(code == 64 && told.is_empty() && wrong.contains("no case has this number"), "{what} as {who}: {told}{wrong}");
    }
    assert_eq!(city.run(&["case", "query", "--all-of", "G01", "--as", "elsewhere"]).2, 64, "nothing of theirs is meant");
    assert_eq!(city.run(&["case", "query", &dead, "--as", "payer", "--by", "somebody else"]).2, 64);
    assert_eq!(city.run(&["case", "query", &dead, "--as", "payer"]).2, 0);
    assert_eq!(city.json(&["audit", "list", "--about", &dead])[0]["who"], "payer");
    // A case is given to somebody who may see it.
    let assign = |to: &str| city.run(&["case", "assign", &dead, "--to", to, "--as", "payer"]);
    let (_, wrong, code) = assign("payr");
    assert!(code == 64 && wrong.contains("payer"), "the nearest id is told: {wrong}");
    let (_, wrong, code) = assign("elsewhere");
    assert!(code == 64 && wrong.contains("beyond the scope") && wrong.contains("elsewhere"), "{wrong}");
    assert_eq!(assign("payer").2, 0);
    // No other command walks around it.
    let all = "[[person]]\nid = \"all\"\nname = \"all\"\naddress = \"all@city.example\"\ndepartments = [\"*\"]\n[[person]]\nid = \"wages\"\nname = \"wages\"\naddress = \"wages@city.example\"\ndepartments = [\"payment\"]\n";
    let people = person("payer", "payment", "U1") + &person("elsewhere", "*", "U9") + all;
    std::fs::write(city.root.path().join("config/people.toml"), people).expect("to write");
    let row = "payment/payment#0";
    for looked in [
        &["explain", &dead][..],
        &["explain", "link", row],
        &["preview", "payment"],
        &["rejects"],
        &["judge", "list"],
        &["judge", "same", row, row, "--why", "x"],
    ] {
        let (told, wrong, code) = city.run(looked);
        assert!(code == 64 && told.is_empty() && wrong.contains("--as"), "{looked:?}: {told}{wrong}");
        let (told, _, code) = city.run(&[looked, &["--as", "elsewhere"]].concat());
        let nothing = code == 64 && told.is_empty() || told.contains("no rejected rows");
        assert!(nothing, "{looked:?}: {told}");
    }
    assert_eq!(city.run(&["rejects", "--department", "payment", "--as", "elsewhere"]).2, 64);
    assert_eq!(city.run(&["preview", "quota", "--as", "wages"]).2, 64);
    let (told, wrong, code) = city.run(&["preview", "payment", "--as", "wages"]);
    assert!(code == 0 && told.contains("王**") && !told.contains("王桂兰"), "{told}{wrong}");
    assert_eq!(city.run(&["judge", "same", row, row, "--why", "x", "--as", "all", "--by", "me"]).2, 64);
    let seen = [
        (vec!["explain", &dead], "payer", dead.as_str()),
        (vec!["explain", "link", row], "all", row),
        (vec!["preview", "payment"], "wages", "payment"),
        (vec!["rejects"], "all", "rejects 2026-12-05"),
    ];
    for (looked, who, about) in seen {
        let (told, wrong, code) = city.run(&[&looked[..], &["--as", who, "--reveal", "to be sure"]].concat());
        assert!(code == 0, "{looked:?}: {told}{wrong}");
        assert!(told.contains("王桂兰") || looked[0] == "rejects", "{looked:?}: {told}");
        let entry = &city.json(&["audit", "list", "--about", about])[0];
        assert_eq!((&entry["what"], &entry["who"], &entry["detail"]["why"]), (&"revealed".into(), &who.into(), &"to be sure".into()));
    }
    assert_eq!(city.json(&["audit", "list", "--about", "2026-12-05"])[0]["what"], "revealed", "a night's JSON in full is told too");
    let (told, _, code) = city.run(&["store", "check"]);
    assert!(code == 0 && told.contains("case_act"), "{told}");
}
