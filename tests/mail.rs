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
use chrono::{TimeDelta, Timelike, Utc};
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
fn opened(letter: &str) -> (BTreeMap<String, String>, Vec<String>) {
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
        let (head, parts) = opened(&letters[0]);
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
        let (_, parts) = opened(&postfix.letters(name, 1)[0]);
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

/// People who asked for letters of their own, beside those of the template.
const ASKED: &str = "\
[[person]]
id = 'head'
name = '王站长'
address = 'head@city.example'
departments = ['*']
units = ['U0']
letters = ['weekly']
[[person]]
id = 'leader'
name = 'The mayor'
address = 'leader@city.example'
departments = ['*']
letters = ['monthly']
lang = 'en'
[[person]]
id = 'duty'
name = '值班'
address = 'duty@city.example'
departments = ['*']
letters = ['urgent']
[[person]]
id = 'library'
name = '馆长'
address = 'library@city.example'
departments = ['*']
units = ['U2']
letters = ['nightly', 'urgent']
heartbeat = false
[[person]]
id = 'nobody'
name = '无信'
address = 'nobody@city.example'
departments = ['*']
letters = []
";

impl City {
    /// Kind, reader and state of every letter of a night, by kind and reader.
    fn letters_of(&self, night: &str) -> Vec<String> {
        let letters = self.json(&["mail", "outbox", "--rows", "500"]);
        let of = letters.as_array().expect("letters").iter().filter(|it| it["night"] == night);
        let text = |it: &Value, name: &str| it[name].as_str().expect("a text").to_owned();
        let mut told: Vec<String> = of.map(|it| format!("{} {} {}", text(it, "kind"), text(it, "reader"), text(it, "state"))).collect();
        told.sort();
        told
    }

    /// Subject and plain text of the letter of a kind to a reader.
    fn preview(&self, night: &str, kind: &str, reader: &str) -> (String, String) {
        let letters = self.json(&["mail", "preview", "--night", night, "--kind", kind, "--for", reader]);
        let text = |name: &str| letters[0][name].as_str().expect("a text").to_owned();
        (text("subject"), text("plain"))
    }

    fn add(&self, file: &str, more: &str) {
        let path = self.root.path().join("config").join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, text + more).expect("to write");
    }
}

#[test]
fn everybody_gets_the_letters_they_asked_for_and_a_missed_day_comes_once() {
    let server = Moody::start();
    // 2026-11-15 is a Sunday; the Monday after it and the 17th pass without a night.
    let city = City::new(server.port, "tls = \"none\"\nmonthly = 17\nprefix = \"【水利】\"");
    city.add("people.toml", ASKED);
    let mine = |night: &str| -> Vec<String> {
        let theirs = |it: &String| ["head", "leader", "duty", "library", "nobody"].iter().any(|who| it.contains(&format!(" {who} ")));
        city.letters_of(night).into_iter().filter(theirs).collect()
    };
    city.run(&["run", "--night", NIGHT]);
    assert_eq!(mine(NIGHT), ["urgent duty sent"], "nothing grave at the library, nothing new there, and no day of the others");
    let first = server.taken()[0].clone();
    assert!(first.starts_with("duty@"), "what is urgent goes first: {first}");
    let (subject, plain) = city.preview(NIGHT, "urgent", "duty");
    assert!(
        subject == "【水利】【紧急】2026-11-15 重大线索 1 件（值班）" && plain.contains("MU-2026-") && plain.contains("S1"),
        "{subject} {plain}"
    );
    assert!(!plain.contains("S3") && PRIVATE.iter().all(|it| !plain.contains(it)), "{plain}");

    let later = "2026-11-18";
    city.run(&["run", "--night", later]);
    assert_eq!(mine(later), ["monthly leader sent", "weekly head sent"], "both were missed, and come once");
    let (subject, plain) = city.preview(later, "weekly", "head");
    assert!(subject.starts_with("【水利】【周报】2026-11-18 未结 "), "{subject}");
    let line = plain.lines().find(|it| it.starts_with("台账：")).unwrap_or_else(|| panic!("{plain}"));
    let numbers: Vec<i64> = line.split(|it: char| !it.is_ascii_digit()).filter_map(|it| it.parse().ok()).collect();
    assert!(numbers[0] == 0 && numbers[5] >= 2 && numbers[0] + numbers[1] + numbers[2] - numbers[3] - numbers[4] == numbers[5], "{line}");
    assert!(plain.contains("市水文站：未结") && plain.contains("首次周报") && !plain.contains("市图书馆"), "{plain}");
    let (subject, plain) = city.preview(later, "monthly", "leader");
    assert!(
        subject.starts_with("【水利】[monthly] 2026-11-18: ") && plain.contains("Establishment and staff 2026-10"),
        "{subject}\n{plain}"
    );
    assert!(plain.contains("2026-11  ") && plain.contains("ghost payroll 1") && !plain.contains("MU-2026"), "{plain}");
    assert!(!plain.contains("市水文站") && PRIVATE.iter().all(|it| !plain.contains(it)), "{plain}");

    let before = city.outbox();
    city.run(&["run", "--night", later]);
    assert_eq!(city.outbox(), before, "the night again tells nothing again");
    city.run(&["run", "--night", "2026-11-19"]);
    assert!(mine("2026-11-19").is_empty());
    assert!(city.letters_of("2026-11-19").contains(&"nightly payment sent".to_owned()), "where nobody says otherwise, nothing new is told");
    let (_, plain) = city.preview("2026-11-19", "weekly", "head");
    assert!(plain.contains("自 2026-11-18 的周报以来"), "{plain}");

    // The operator's own words; a wrong template is told before a night, with its line.
    fs::create_dir(city.root.path().join("config/mail")).expect("a folder");
    city.add("mail/nightly.txt", "本局 {{ reader }} 未结 {{ balance.open_now }}\n");
    assert!(city.preview(NIGHT, "nightly", "payment").1.contains("本局 payment 未结 1"));
    city.add("mail/nightly.txt", "{{ nosuch }}\n");
    let (_, wrong, code) = city.run(&["mail", "outbox", "--lang", "en"]);
    assert!(code == 78 && wrong.contains("mail/nightly.txt:2"), "{code} {wrong}");
}

/// The parts of a letter with a file: its head, and name and bytes of the file.
fn attached(letter: &str) -> Option<(String, Vec<u8>)> {
    let letter = letter.replace("\r\n", "\n");
    let (head, body) = letter.split_once("Content-Disposition: attachment;")?.1.split_once("\n\n")?;
    let name: String =
        head.lines().filter_map(|it| it.trim().strip_prefix("filename*")).filter_map(|it| it.split_once('=')).map(|it| it.1).collect();
    let name = name.replace("utf-8''", "").replace(';', "");
    let mut bytes = Vec::new();
    let mut pieces = name.split('%');
    bytes.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).expect("hexadecimal"));
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    let coded: String = body.split("\n--").next()?.split_whitespace().collect();
    Some((String::from_utf8(bytes).expect("UTF-8"), BASE64_STANDARD.decode(coded).expect("base64")))
}

#[test]
fn a_workbook_goes_with_the_letter_under_the_password_and_cut_to_its_reader() {
    let postfix = Postfix::start(&["unit", "quota", "establishment", "payment", "death", "ops", "elsewhere", "above"]);
    let ca = format!("ca = {:?}", postfix.ca());
    let city = City::new(postfix.port, &format!("{ca}\nattach = \"encrypted\""));
    let (_, wrong, code) = city.run(&["mail", "outbox", "--lang", "en"]);
    assert!(code == 78 && wrong.contains("needs a password"), "{wrong}");
    fs::write(city.root.path().join("password"), "嵊州-2026-pass\n").expect("written");
    city.add("muster.toml", "[report]\nfull_ids = true\npassword = { file = \"password\" }\n");
    city.run(&["run", "--night", NIGHT]);
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/moto/bin/msoffcrypto-tool");
    let open = |letter: &str, word: &str| -> Option<String> {
        let (name, bytes) = attached(letter).expect("a file");
        assert_eq!(name, "编制核对_2026-11-15.xlsx");
        assert!(bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]), "it is not in clear");
        let (shut, clear) = (city.root.path().join("shut.xlsx"), city.root.path().join("clear.xlsx"));
        fs::write(&shut, bytes).expect("written");
        let done = std::process::Command::new(&tool).args(["-p", word]).args([&shut, &clear]).output();
        if !done.expect("./test installs msoffcrypto-tool").status.success() {
            return None;
        }
        let mut book: calamine::Xlsx<_> = calamine::open_workbook(&clear).expect("a workbook");
        let rows =
            calamine::Reader::worksheets(&mut book).into_iter().flat_map(|(_, range)| range.rows().map(<[_]>::to_vec).collect::<Vec<_>>());
        Some(rows.flatten().map(|it| format!("{it}\n")).collect())
    };
    // The dead clerk is of payment; the quota's reader gets the unit that is over it, and not her.
    let payment = &postfix.letters("payment", 1)[0];
    let text = open(payment, "嵊州-2026-pass").expect("the password opens it");
    assert!(text.contains("王桂兰") && text.contains("33068319750220222X") && text.contains("随 "), "{text}");
    assert!(open(payment, "something else").is_none());
    let text = open(&postfix.letters("quota", 1)[0], "嵊州-2026-pass").expect("the password opens it");
    assert!(!text.contains("王桂兰") && text.contains("市水文站"), "{text}");
    assert!(attached(&postfix.letters("elsewhere", 1)[0]).is_none(), "whoever has no case gets no workbook");
    let plain: String = payment.split("\r\n").flat_map(|it| it.split('\n')).collect::<Vec<_>>().join("\n");
    assert!(plain.contains("List-Unsubscribe: <mailto:ops@city.example?subject=unsubscribe%20nightly%20payment>"), "{plain}");
    let audit = city.json(&["audit", "list"]);
    let mailed: Vec<&Value> = audit.as_array().expect("entries").iter().filter(|it| it["what"] == "report-mailed").collect();
    let sent = city.outbox().len();
    assert!(mailed.len() >= 5 && mailed.len() < sent, "{} of {sent}", mailed.len());
    assert!(mailed.iter().any(|it| it["detail"]["for"] == "payment" && it["detail"]["sha256"].as_str().is_some_and(|it| it.len() == 64)));

    // Too large: the letter goes, and says how to get it.
    city.mail(postfix.port, &format!("{ca}\nattach = \"encrypted\"\nattach_max_mib = 0\n[report]\npassword = {{ file = \"password\" }}"));
    city.run(&["run", "--night", "2026-11-16"]);
    let letters = postfix.letters("payment", 2);
    let second = letters.iter().find(|it| it.contains("2026-11-16.nightly.payment")).expect("the second letter");
    assert!(attached(second).is_none());
    let (_, parts) = opened(second);
    assert!(parts.iter().all(|it| it.contains("附件过大") && it.contains("muster report --for payment --as-of 2026-11-16")), "{parts:?}");
}

#[test]
fn operators_hear_once_of_what_no_night_tells() {
    let server = Moody::start();
    let city = City::new(server.port, "tls = \"none\"\nnight_by = \"07:00\"");
    city.run(&["run", "--night", NIGHT]);
    let department = city.root.path().join("config/departments/payment.toml");
    let plain = fs::read_to_string(&department).expect("a department");
    fs::write(&department, format!("late_days = {{ \"*\" = 1 }}\n{plain}") + "\nexpires = \"2026-01-31\"\n").expect("to write");
    let tell = || city.json(&["doctor", "--tell"]);
    let told = tell();
    // No night since 2026-11-15, a late payroll, a password that ended.
    assert_eq!((told["new"].as_u64(), told["over"].as_u64(), told["mail"]["sent"].as_u64()), (Some(3), Some(0), Some(1)), "{told}");
    assert!(server.taken().last().is_some_and(|it| it.starts_with("ops@") && it.contains(".alarm.operator-1.1.")), "{:?}", server.taken());
    let told = tell();
    assert_eq!((told["new"].as_u64(), told["mail"]["sent"].as_u64()), (Some(0), Some(0)), "it is known");
    let letters = city.json(&["mail", "preview", "--kind", "alarm"]);
    let text = letters[0]["plain"].as_str().expect("a text");
    for about in ["payment/payment 逾期", "口令已于 2026-01-31 到期", "最近一夜是 2026-11-15"] {
        assert!(text.contains(about), "{about}: {text}");
    }
    fs::write(&department, plain).expect("to write");
    let told = tell();
    assert_eq!((told["new"].as_u64(), told["over"].as_u64(), told["mail"]["sent"].as_u64()), (Some(0), Some(2), Some(1)), "{told}");
}

#[test]
fn letters_that_have_a_time_wait_for_it_and_the_daemon_sends_them() {
    let server = Moody::start();
    // The minute after the next: the night takes some seconds.
    let time = Utc::now() + TimeDelta::seconds(90);
    let held =
        format!("tls = \"none\"\n[schedule]\nzone = \"UTC\"\nnight = \"00:00\"\n[schedule.mail]\nnightly = \"{}\"\n", time.format("%H:%M"));
    let city = City::new(server.port, &held);
    let config = city.config();
    let mut serve = support::command(&["serve", "--tick-seconds", "1", "--config", &config]);
    let mut daemon = serve.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let (_, told, code) = city.run(&["run", "--night", &time.format("%F").to_string()]);
    assert!(code == 0 && server.taken().is_empty(), "{code} {told}");
    let letters = city.outbox();
    assert!(letters.len() >= 5 && letters.iter().all(|it| it.0 == "queued"), "{letters:?}");
    let (told, _, _) = city.run(&["mail", "outbox", "--lang", "en"]);
    let until = time.format("%Y-%m-%dT%H:%M:00Z").to_string();
    assert!(told.contains("held") && told.contains(&format!("not before {until}")), "{told}");
    let (told, _, _) = city.run(&["status", "--lang", "en"]);
    assert!(told.contains(&format!("‖ held {}", letters.len())), "{told}");
    assert!(told.contains(&format!("next nightly letters {}", time.format("%F %H:%M"))), "{told}");
    assert_eq!(city.json(&["mail", "send"])["sent"].as_u64(), Some(0), "not before its time, whoever asks");
    assert!(Utc::now() < time.with_second(0).expect("a minute"), "this machine is too slow to say anything");
    let began = Instant::now();
    let ledger = || city.json(&["history", "--job", "mail-nightly"]);
    while ledger()[0]["outcome"] != "done" {
        assert!(began.elapsed() < Duration::from_mins(3), "{} {:?}", ledger(), city.outbox());
        sleep(Duration::from_millis(300));
    }
    assert!(city.outbox().iter().all(|it| it.0 == "sent"), "{:?}", city.outbox());
    let lines = ledger();
    assert_eq!((lines.as_array().map(Vec::len), lines[0]["slot"].as_str()), (Some(1), Some(&*time.format("%FT%H:%M").to_string())));
    assert_eq!(server.taken().len(), letters.len());
    daemon.kill().expect("SIGKILL");
    daemon.wait().expect("it is gone");
}
