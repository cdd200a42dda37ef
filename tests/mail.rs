//! Letters of a night: to whom, with what in them, exactly once as far as SMTP goes, over a real Postfix and a server of many moods.
#![allow(clippy::disallowed_methods, reason = "a test waits for other processes")]

#[path = "support/moody.rs"]
mod moody;
#[path = "support/postfix.rs"]
mod postfix;
#[path = "../connectors/tests/servers/mod.rs"]
mod servers;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use moody::{Mood, Moody, Step};
use postfix::Postfix;
use serde_json::Value;
use support::story;

/// 王桂兰 is paid though dead, and the water station is over its quota: two cases, of different departments.
const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name | parent_code |
| U0 | 市水利局 | |
| U1 | 市水文站 | U0 |
| U2 | 市图书馆 | |
`quota`
| unit_code | quota_type | amount |
| U1 | institution | 1 |
`establishment`
| id_number | name | unit_code | quota_type | entered_on |
| 33068319750220222X | 王桂兰 | U1 | institution | 2012-08-01 |
| 330683198207032242 | 董秀峰 | U1 | institution | 2012-08-01 |
| 330683199009191917 | 方圆圆 | U1 | institution | 2014-08-01 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 33068319750220222X | 王桂兰 | U1 | 202605..202610 | salary | 543210 |
| 330683198207032242 | 董秀峰 | U1 | 202605..202610 | salary | 500000 |
`death`
| id_number | name | died_on |
| 33068319750220222X | 王桂兰 | 2026-06-03 |
finds nothing
";

const NIGHT: &str = "2026-11-15";

/// What no letter may hold.
const PRIVATE: [&str; 6] = ["王桂兰", "董秀峰", "33068319750220222X", "330683198207032242", "5432", "5,432"];

/// The city of the story before its first night; its departments have a reviewer each.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let root = tempfile::tempdir().expect("a temporary folder").keep();
        let story = story::read(STORY);
        story::settle(&story, &root);
        story::deliver(&story.nights[0], &root);
        for entry in fs::read_dir(root.join("config/departments")).expect("the departments").filter_map(Result::ok) {
            let name = entry.path().file_stem().expect("a name").to_string_lossy().into_owned();
            let text = fs::read_to_string(entry.path()).expect("a department");
            fs::write(entry.path(), format!("reviewers = [\"{name}@city.example\"]\n{text}")).expect("to write");
        }
        let person = |id: &str, units: &str, lang: &str| {
            format!("[[person]]\nid = \"{id}\"\nname = \"{id}\"\naddress = \"{id}@city.example\"\ndepartments = [\"*\"]\nunits = [\"{units}\"]\nlang = \"{lang}\"\n")
        };
        fs::write(root.join("config/people.toml"), person("elsewhere", "U2", "zh") + &person("above", "U0", "en")).expect("to write");
        root
    })
}

struct City {
    root: tempfile::TempDir,
}

impl City {
    /// A city whose letters go to `port`.
    fn new(port: u16, more: &str) -> City {
        let root = tempfile::tempdir().expect("a temporary folder");
        let copied = std::process::Command::new("cp").arg("-r").arg(format!("{}/.", template().display())).arg(root.path()).status();
        assert!(copied.expect("cp").success());
        let city = City { root };
        let path = city.root.path().join("config/muster.toml");
        fs::copy(&path, path.with_extension("plain")).expect("a copy");
        city.mail(port, more);
        city
    }

    fn mail(&self, port: u16, more: &str) {
        let path = self.root.path().join("config/muster.toml");
        let plain = fs::read_to_string(path.with_extension("plain")).expect("the settings");
        let mail = format!(
            "\n[mail]\nhost = \"127.0.0.1\"\nport = {port}\nfrom = \"编制核对 <muster@city.example>\"\noperators = [\"ops@city.example\"]\ntimeout_seconds = 1\n{more}\n"
        );
        fs::write(path, plain + &mail).expect("to write");
    }

    fn config(&self) -> String {
        self.root.path().join("config/muster.toml").display().to_string()
    }

    fn run(&self, args: &[&str]) -> (String, String, i32) {
        let out = support::muster(&[args, &["--config", &self.config()]].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&out.stdout), text(&out.stderr), out.status.code().unwrap_or(-1))
    }

    fn json(&self, args: &[&str]) -> Value {
        let (told, wrong, code) = self.run(&[args, &["--json"]].concat());
        serde_json::from_str(&told).unwrap_or_else(|_| panic!("exit code {code}: {told}{wrong}"))
    }

    /// State and Message-ID of every letter.
    fn outbox(&self) -> Vec<(String, String)> {
        let text = |it: &Value, name: &str| it[name].as_str().expect("a text").to_owned();
        let letters = self.json(&["mail", "outbox"]);
        letters.as_array().expect("letters").iter().map(|it| (text(it, "state"), text(it, "message_id"))).collect()
    }
}

/// Head by name and the parts of a letter, decoded.
fn open(letter: &str) -> (BTreeMap<String, String>, Vec<String>) {
    let letter = letter.replace("\r\n", "\n");
    let (head, body) = letter.split_once("\n\n").expect("a head and a body");
    let head = head.replace("\n ", " ").replace("\n\t", " ");
    let word = |it: &str| match it.strip_prefix("=?utf-8?b?").and_then(|it| it.strip_suffix("?=")) {
        Some(coded) => String::from_utf8(BASE64_STANDARD.decode(coded).expect("base64")).expect("UTF-8"),
        None => format!(" {it}"),
    };
    let decoded = |it: &str| it.split(' ').map(word).collect::<String>().trim().to_owned();
    let head: BTreeMap<String, String> =
        head.lines().filter_map(|it| it.split_once(": ")).map(|(name, it)| (name.to_owned(), decoded(it))).collect();
    let boundary = head["Content-Type"].split('"').nth(1).expect("a boundary").to_owned();
    let part = |it: &str| {
        let (head, body) = it.trim_start().split_once("\n\n").expect("a part");
        if !head.contains("base64") {
            return quoted_printable(body);
        }
        let coded: String = body.split_whitespace().collect();
        String::from_utf8(BASE64_STANDARD.decode(coded).expect("base64")).expect("UTF-8")
    };
    let parts = body.split(&format!("--{boundary}")).skip(1).filter(|it| !it.starts_with("--")).map(part).collect();
    (head, parts)
}

fn quoted_printable(text: &str) -> String {
    let text = text.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut pieces = text.split('=');
    bytes.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let (code, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("two hexadecimal digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn a_night_tells_every_department_its_own_cases_once() {
    let postfix = Postfix::start(&["unit", "quota", "establishment", "payment", "death", "ops", "new", "elsewhere", "above"]);
    let city = City::new(postfix.port, &format!("ca = {:?}", postfix.ca()));
    let (_, told, code) = city.run(&["run", "--night", NIGHT]);
    assert!(code == 0 && told.contains("稍后再发 0"), "{code} {told}");
    let night: Value =
        serde_json::from_slice(&support::opened(city.root.path(), &format!("data/nights/{NIGHT}/night.json.sealed"))).expect("JSON");
    let number = |rule: &str| {
        let cases = night["cases"].as_array().expect("cases").iter();
        let of = cases.filter(|it| it["findings"].get(rule).is_some()).filter_map(|it| it["number"].as_str());
        of.map(str::to_owned).next().unwrap_or_else(|| panic!("{rule} found nothing"))
    };
    let (dead, over) = (number("G01"), number("E01"));
    for (name, theirs, others) in [("payment", &dead, &over), ("death", &dead, &over), ("quota", &over, &dead)] {
        let letters = postfix.letters(name, 1);
        assert_eq!(letters.len(), 1, "{name}");
        let (head, parts) = open(&letters[0]);
        assert!(
            head["Subject"].starts_with("【编制核对】2026-11-15 新增 ") && head["Subject"].ends_with(&format!("（{name}）")),
            "{head:?}"
        );
        assert_eq!((head["To"].as_str(), head["Auto-Submitted"].as_str()), (format!("{name}@city.example").as_str(), "auto-generated"));
        assert!(head["From"].contains("编制核对") && head["Message-ID"].contains(&format!("{NIGHT}.nightly.{name}.1.")), "{head:?}");
        assert_eq!(parts.len(), 2, "plain text and HTML");
        for part in &parts {
            assert!(part.contains(theirs) && !part.contains(others), "{name}: {part}");
            assert!(part.contains("市水文站") && part.contains("可信"), "{part}");
            for secret in PRIVATE {
                assert!(!part.contains(secret), "{secret} in {part}");
            }
        }
        assert!(!parts[1].contains("http://") && !parts[1].contains("src="), "nothing is loaded from elsewhere");
    }
    // Somebody who may see another unit alone, and somebody who sees the unit above, in English.
    for (name, sees) in [("elsewhere", false), ("above", true)] {
        let (_, parts) = open(&postfix.letters(name, 1)[0]);
        assert_eq!((parts[0].contains(&dead), parts[0].contains(&over)), (sees, sees), "{name}: {}", parts[0]);
        assert!(parts[0].contains("市水文站") == sees && parts[0].contains("Can tonight be trusted?") == sees, "{}", parts[0]);
    }
    let before = city.outbox();
    city.run(&["run", "--night", NIGHT]);
    assert_eq!(city.outbox(), before, "the same night again says the same, and nobody is told twice");
    sleep(Duration::from_millis(500));
    assert_eq!(postfix.letters("payment", 1).len(), 1);

    let (told, _, _) = city.run(&["mail", "preview", "--for", "payment"]);
    assert!(told.contains(&dead) && !told.contains(&over), "{told}");
    assert_eq!(city.run(&["mail", "test", "--to", "new@city.example"]).2, 0);
    assert_eq!(postfix.letters("new", 1).len(), 1);

    // A server by another authority is not believed, and one that cannot protect the connection gets nothing.
    city.mail(postfix.port, &format!("ca = {:?}", postfix.other_ca()));
    let (told, _, code) = city.run(&["mail", "test", "--to", "new@city.example", "--lang", "en"]);
    assert!(code == 1 && told.contains("certificate"), "{told}");
    let bare = Moody::start();
    city.mail(bare.port, "");
    let (told, _, code) = city.run(&["mail", "test", "--to", "new@city.example", "--lang", "en"]);
    assert!(code == 1 && told.to_lowercase().contains("starttls"), "{told}");
    assert!(bare.taken().is_empty());
}

#[test]
fn a_moody_server_loses_no_letter_and_gets_none_under_two_names() {
    let server = Moody::start();
    let city = City::new(server.port, "tls = \"none\"");
    server.mood(Some((Step::Greeting, Mood::Says("421 not now"))));
    let (_, told, code) = city.run(&["run", "--night", NIGHT]);
    assert!(code == 0 && told.contains("421"), "a mail server that refuses does not fail the night: {code} {told}");
    let letters = city.outbox();
    assert!(letters.len() >= 5 && letters.iter().all(|it| it.0 == "deferred"), "{letters:?}");
    let ids: BTreeSet<String> = letters.iter().map(|it| it.1.clone()).collect();
    let one = city.json(&["mail", "outbox"])[0]["id"].as_i64().expect("a number").to_string();

    let steps = [Step::Greeting, Step::Ehlo, Step::Mail, Step::Rcpt, Step::Data, Step::Dot];
    for step in steps {
        for mood in [Mood::Says("451 later"), Mood::Drops, Mood::Stalls] {
            server.mood(Some((step, mood)));
            let told = city.json(&["mail", "retry", &one]);
            assert_eq!((told["sent"].as_u64(), told["deferred"].as_u64()), (Some(0), Some(1)), "{step:?} {mood:?}: {told}");
        }
    }
    server.mood(Some((Step::Dot, Mood::TakesAndDrops)));
    assert_eq!(city.json(&["mail", "retry", &one])["deferred"].as_u64(), Some(1), "nobody said that it was taken");
    server.mood(Some((Step::Rcpt, Mood::Says("550 no such box"))));
    let told = city.json(&["mail", "retry", &one]);
    assert!(told["parked"].as_u64() == Some(1) && told["trouble"].as_str().is_some_and(|it| it.contains("no such box")), "{told}");
    server.mood(None);
    assert_eq!(city.json(&["mail", "send"])["sent"].as_u64(), Some(0), "what is parked or deferred is not due");
    assert_eq!(city.json(&["mail", "retry"])["sent"].as_u64(), Some(letters.len() as u64));
    assert!(city.outbox().iter().all(|it| it.0 == "sent"));
    let mut taken = server.taken();
    assert_eq!(taken.len(), letters.len() + 1, "one was taken without a word, and came again: {taken:?}");
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), letters.len(), "under the same Message-ID");
    assert_eq!(taken.iter().map(|it| it.split(['<', '>']).nth(1).expect("an id").to_owned()).collect::<BTreeSet<_>>(), ids);
}

#[test]
fn a_sender_that_is_killed_repeats_under_the_same_message_id() {
    let server = Moody::start();
    let city = City::new(server.port, "tls = \"none\"");
    server.mood(Some((Step::Greeting, Mood::Says("421 not now"))));
    city.run(&["run", "--night", NIGHT]);
    let letters = city.outbox();
    city.mail(server.port, "tls = \"none\"\n");
    for (step, mood) in [(Step::Dot, Mood::TakesAndStalls), (Step::Rcpt, Mood::Stalls)] {
        server.mood(Some((step, mood)));
        let mut sender = support::command(&["mail", "retry", "--config", &city.config()]).stdout(Stdio::null()).spawn().expect("it runs");
        let began = Instant::now();
        while server.met() == 0 {
            assert!(began.elapsed() < Duration::from_secs(20), "it never came to {step:?}");
            sleep(Duration::from_millis(5));
        }
        sender.kill().expect("SIGKILL");
        sender.wait().expect("it is gone");
    }
    server.mood(None);
    let began = Instant::now();
    while city.outbox().iter().any(|it| it.0 != "sent") {
        assert!(began.elapsed() < Duration::from_mins(1), "{:?}", city.outbox());
        city.run(&["mail", "send"]);
        sleep(Duration::from_millis(500));
    }
    let mut taken = server.taken();
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), letters.len(), "each under one Message-ID: {taken:?}");
    let (told, _, code) = city.run(&["store", "check", "--lang", "en"]);
    assert!(code == 0 && told.contains("the store is whole"), "{told}");
}

#[test]
fn a_night_that_fails_is_told_to_the_operators() {
    let server = Moody::start();
    let city = City::new(server.port, "tls = \"none\"");
    fs::remove_file(city.root.path().join("payment/payment.csv")).expect("the payroll");
    assert_eq!(city.run(&["run", "--night", NIGHT]).2, 3);
    let to = |name: &str| server.taken().iter().filter(|it| it.starts_with(&format!("{name}@"))).count();
    assert_eq!((to("ops"), to("payment")), (1, 1), "a lost feed is told, and the reviewers hear that nothing was concluded from it");
    let (_, wrong, code) = city.run(&["mail", "retry", "999"]);
    assert_eq!(code, 0, "{wrong}");
}

#[test]
fn wrong_settings_are_told_with_their_place() {
    let city = City::new(25, "tls = \"none\"");
    let path = city.root.path().join("config/muster.toml");
    let plain = fs::read_to_string(path.with_extension("plain")).expect("the settings");
    fs::write(&path, plain + "\n[mail]\nhost = \"mail.city.example\"\ntls = \"none\"\nfrom = \"nobody\"\n").expect("to write");
    let (_, wrong, code) = city.run(&["mail", "outbox", "--lang", "en"]);
    assert_eq!(code, 78);
    assert!(wrong.contains("muster.toml:") && wrong.contains("is no mail address") && wrong.contains("127.0.0.1"), "{wrong}");
}
