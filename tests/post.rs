//! The way of a letter: a login that fails and is mended, letters that come back, letters that only their reader can open. Over a real
//! Postfix and Dovecot; what is encrypted is opened by openssl.
#![allow(clippy::disallowed_methods, reason = "a test waits for other processes")]

#[path = "support/postfix.rs"]
mod postfix;
#[path = "../connectors/tests/servers/mod.rs"]
mod servers;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use postfix::Postfix;
use serde_json::Value;
use support::City;

const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name | parent_code |
| U1 | 市水文站 | |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 33068319750220222X | 王桂兰 | U1 | 202605..202610 | salary | 543210 |
`death`
| id_number | name | died_on |
| 33068319750220222X | 王桂兰 | 2026-06-03 |
finds nothing
";

const NIGHT: &str = "2026-11-15";
const PASSWORD: &str = "right-and-long-and-secret";
const WRONG: &str = "wrong-and-long-and-secret";

/// The city of the story, each of whose departments has a reviewer of its name.
fn city() -> City {
    let city = City::of(STORY);
    for entry in fs::read_dir(city.path().join("config/departments")).expect("the departments").filter_map(Result::ok) {
        let name = entry.path().file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(entry.path()).expect("a department");
        fs::write(entry.path(), format!("reviewers = [\"{name}@city.example\"]\n{text}")).expect("to write");
    }
    let config = city.path().join("config/muster.toml");
    fs::copy(&config, config.with_extension("plain")).expect("a copy");
    city
}

/// `[mail]` of the city, as if nothing had been set before.
fn mail(city: &City, postfix: &Postfix, more: &str) {
    let config = city.path().join("config/muster.toml");
    let plain = fs::read_to_string(config.with_extension("plain")).expect("the settings");
    let (port, ca) = (postfix.port, postfix.ca().display().to_string());
    let mail = format!(
        "\n[mail]\nhost = \"127.0.0.1\"\nport = {port}\nca = {ca:?}\nfrom = \"编制核对 <muster@city.example>\"\noperators = [\"ops@city.example\"]\nuser = \"muster\"\n{more}\n"
    );
    fs::write(config, plain + &mail).expect("to write");
}

/// Runs a command of the city with a variable of the environment.
fn with(city: &City, variable: (&str, &str), args: &[&str]) -> (String, i32) {
    let config = city.path().join("config/muster.toml").display().to_string();
    let out =
        support::command(&[args, &["--lang", "en", "--config", &config]].concat()).env(variable.0, variable.1).output().expect("it runs");
    let told = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (told, out.status.code().unwrap_or(-1))
}

fn states(city: &City) -> Vec<String> {
    let letters = city.json(&["mail", "outbox"]);
    letters.as_array().expect("letters").iter().map(|it| it["state"].as_str().expect("a state").to_owned()).collect()
}

fn head_and_body(letter: &str) -> (String, String) {
    let letter = letter.replace("\r\n", "\n");
    let (head, body) = letter.split_once("\n\n").expect("a head and a body");
    (head.replace("\n ", " ").replace("\n\t", " "), body.to_owned())
}

#[test]
fn a_wrong_password_is_told_and_nothing_is_lost() {
    let postfix = Postfix::asking_for_a_login(&["unit", "payment", "death", "ops", "new"], "muster", PASSWORD);
    let city = city();
    mail(&city, &postfix, "password = { env = \"MUSTER_MAIL_PASSWORD\" }");
    let (mut said, code) = with(&city, ("MUSTER_MAIL_PASSWORD", WRONG), &["run", "--night", NIGHT]);
    assert_eq!(code, 0, "a mail server that refuses does not fail the night: {said}");
    let place = format!("127.0.0.1:{}", postfix.port);
    for part in [place.as_str(), "535", "[mail]", "muster mail retry"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let before = states(&city);
    assert!(before.len() >= 3 && before.iter().all(|it| it == "parked"), "permanent: nothing helps but a person: {before:?}");
    let log = postfix.log();
    let failures = log.lines().filter(|it| it.contains("authentication failed")).count();
    assert_eq!(failures, 1, "one try for all letters, so that no account is locked: {log}");
    for args in [
        &["mail", "outbox"][..],
        &["mail", "outbox", "--json"],
        &["doctor", "--offline"],
        &["status"],
        &["mail", "test", "--to", "new@city.example"],
    ] {
        said += &with(&city, ("MUSTER_MAIL_PASSWORD", WRONG), args).0;
    }
    assert!(said.contains("535") && !said.contains(WRONG) && !said.contains(PASSWORD), "{said}");

    let (told, code) = with(&city, ("MUSTER_MAIL_PASSWORD", PASSWORD), &["mail", "retry"]);
    assert_eq!(code, 0, "{told}");
    assert!(states(&city).iter().all(|it| it == "sent"));
    for name in ["unit", "payment", "death"] {
        let letters = postfix.letters(name, 1);
        assert_eq!(letters.len(), 1, "{name}");
        assert!(head_and_body(&letters[0]).0.contains(&format!("To: {name}@city.example")));
    }
    fs::write(city.path().join("secret"), format!("{PASSWORD}\n")).expect("to write");
    let secrets = city.path().display().to_string();
    for (wanted, place) in [(1, "file"), (2, "credential")] {
        mail(&city, &postfix, &format!("password = {{ {place} = \"secret\" }}"));
        let (told, code) = with(&city, ("CREDENTIALS_DIRECTORY", &secrets), &["mail", "test", "--to", "new@city.example"]);
        assert_eq!(code, 0, "{place}: {told}");
        assert_eq!(postfix.letters("new", wanted).len(), wanted);
    }
}

#[test]
fn a_letter_that_comes_back_is_told_to_the_operators() {
    // Nobody has the box `death`.
    let postfix = Postfix::asking_for_a_login(&["unit", "payment", "ops", "bounces"], "muster", PASSWORD);
    let city = city();
    let maildir = postfix.make_maildir("bounces");
    let bounces = format!("bounces = {{ maildir = {maildir:?}, return_path = \"bounces@city.example\" }}");
    mail(&city, &postfix, &format!("password = {{ env = \"MUSTER_MAIL_PASSWORD\" }}\n{bounces}"));
    let password = ("MUSTER_MAIL_PASSWORD", PASSWORD);
    let (told, code) = with(&city, password, &["run", "--night", NIGHT]);
    assert!(code == 0 && told.contains("0 parked"), "the server takes every letter: {told}");
    postfix.letters("bounces", 1);
    for (name, text) in
        [("1.holiday", "Subject: away\n\nuntil Monday\n"), ("2.cut", "Content-Type: multipart/report; boundary=\"x\"\n\n--x\nContent-")]
    {
        fs::write(maildir.join("new").join(name), text).expect("to write");
    }
    fs::write(maildir.join("new/3.huge"), vec![b'x'; 8 << 20]).expect("to write");
    fs::create_dir(maildir.join("new/4.folder")).expect("a folder");

    let (told, code) = with(&city, password, &["mail", "bounces", "--json"]);
    let told: Value =
        serde_json::from_str(told.lines().take_while(|it| !it.starts_with("error")).collect::<String>().as_str()).expect("JSON");
    assert_eq!(code, 1);
    let count = |name: &str| told["found"][name].as_u64().expect("a number");
    assert_eq!((count("new"), count("other"), count("unread"), count("foreign")), (1, 3, 1, 0), "{told}");
    let bounced = &told["bounced"][0];
    let text = |name: &str| bounced[name].as_str().expect("a text").to_owned();
    assert_eq!(
        (text("reader"), text("action"), text("status"), text("matched_by")),
        ("death".into(), "failed".into(), "5.1.1".into(), "message-id".into())
    );
    assert_eq!(fs::read_dir(maildir.join("new")).expect("it is there").count(), 1, "what is no file stays");
    assert_eq!(fs::read_dir(maildir.join("cur")).expect("it is there").count(), 4, "nothing is deleted");

    let lines = [&["mail", "outbox", "--state", "bounced"][..], &["status"], &["doctor", "--offline"]];
    for args in lines {
        let (told, _, _) = city.run_in("zh", args);
        let line = told.split("退回 5.1.1").count() - 1;
        assert_eq!(line, 1, "{args:?}: {told}");
        assert!(!told.contains("death@city.example"), "no address is told: {told}");
    }
    let letter = postfix.letters("ops", 1);
    let (head, _) = head_and_body(&letter[0]);
    assert!(head.contains("failures.operator-1-mail."), "{head}");
    let (again, _) = with(&city, password, &["mail", "bounces", "--json"]);
    assert!(again.contains("\"new\": 0"), "{again}");
    assert_eq!(postfix.letters("ops", 1).len(), 1, "told once");
}

/// A certificate by openssl with a key of 2048 bits; `NAME.pem` and `NAME.key` below `folder`.
fn certificate(folder: &Path, name: &str) {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-subj", "/C=CN/CN=test"]);
    command.arg("-addext").arg(format!("subjectAltName=email:{name}@city.example"));
    command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]).current_dir(folder);
    let done = command.output().expect("apt-get install openssl");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A certificate that held until 2020.
fn expired(folder: &Path, name: &str) {
    let mut about = rcgen::CertificateParams::new(Vec::<String>::new()).expect("parameters");
    about.not_before = rcgen::date_time_ymd(2019, 1, 1);
    about.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let key = rcgen::KeyPair::generate().expect("a key");
    fs::write(folder.join(format!("{name}.pem")), about.self_signed(&key).expect("a certificate").pem()).expect("to write");
}

/// What openssl finds in a letter, with the key of its reader.
fn opened(folder: &Path, name: &str, letter: &str) -> String {
    fs::write(folder.join("letter"), letter).expect("to write");
    let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
    let mut command = Command::new("openssl");
    command.args(["cms", "-decrypt", "-in", "letter", "-recip", &certificate, "-inkey", &key]).current_dir(folder);
    let done = command.output().expect("apt-get install openssl");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8")
}

#[test]
fn a_letter_to_somebody_with_a_certificate_only_they_can_open() {
    let postfix = Postfix::start(&["unit", "payment", "death", "ops", "wang-lei", "li-na"]);
    let city = city();
    let certificates = city.path().join("certs");
    fs::create_dir(&certificates).expect("a folder");
    certificate(&certificates, "wang-lei");
    expired(&certificates, "li-na");
    let person = |id: &str| {
        format!(
            "[[person]]\nid = \"{id}\"\nname = \"{id}\"\naddress = \"{id}@city.example\"\ndepartments = [\"*\"]\nsmime = \"certs/{id}.pem\"\n"
        )
    };
    fs::write(city.path().join("config/people.toml"), person("wang-lei") + &person("li-na")).expect("to write");
    mail(&city, &postfix, "");
    let config = city.path().join("config/muster.toml");
    let settings = fs::read_to_string(&config).expect("the settings").replace("user = \"muster\"\n", "");
    fs::write(&config, settings).expect("to write");

    let (_, told, code) = city.run_in("en", &["run", "--night", NIGHT]);
    assert!(code == 0 && told.contains("1 deferred") && told.contains("expired"), "what cannot be encrypted waits: {told}");
    let (head, body) = head_and_body(&postfix.letters("wang-lei", 1)[0]);
    assert!(head.contains("Content-Type: application/pkcs7-mime; smime-type=enveloped-data"), "{head}");
    let subject = head.lines().find_map(|it| it.strip_prefix("Subject: ")).expect("a subject");
    let outside = base64_of(&format!("【编制核对】{NIGHT}"));
    assert_eq!(subject, format!("=?utf-8?b?{outside}?="), "no figure stands outside");
    assert!(body.lines().all(|it| it.bytes().all(|it| it.is_ascii_alphanumeric() || b"+/=".contains(&it))), "{body}");
    let inside = opened(&certificates, "wang-lei", &postfix.letters("wang-lei", 1)[0]);
    assert!(
        inside.starts_with("Content-Type: multipart/alternative;")
            && inside.contains("\r\n\r\n")
            && !inside.replace("\r\n", "").contains('\n')
    );
    let decoded = decoded_letter(&inside);
    assert!(decoded.contains("MU-2026-000001") && decoded.contains("市水文站") && decoded.contains("<html"), "{decoded}");
    let reviewer = &postfix.letters("payment", 1)[0];
    assert!(reviewer.contains("multipart/alternative"), "who has no certificate gets the letter as before");

    // The one whose certificate expired: told, and never in clear.
    let (told, _, _) = city.run_in("en", &["doctor", "--offline"]);
    assert!(
        told.contains("li-na.pem expired on 2020-01-01") && told.contains("the mail address of li-na is not in the certificate"),
        "{told}"
    );
    let about = decoded_letter(&postfix.letters("ops", 1)[0]);
    assert!(about.contains("li-na 的信不能加密"), "{about}");
    city.run_in("en", &["mail", "retry"]);
    sleep(Duration::from_secs(1));
    assert!(!postfix.maildir("li-na").exists(), "nothing went to li-na");
    certificate(&certificates, "li-na");
    let (told, _, code) = city.run_in("en", &["mail", "retry"]);
    assert_eq!(code, 0, "{told}");
    let letters = postfix.letters("li-na", 1);
    assert!(decoded_letter(&opened(&certificates, "li-na", &letters[0])).contains("MU-2026-000001"));

    // What can be told beforehand is told beforehand, with its place.
    fs::write(certificates.join("li-na.pem"), "no certificate").expect("to write");
    let (_, told, code) = city.run_in("en", &["mail", "outbox"]);
    assert!(code == 78 && told.contains("people.toml:") && told.contains("this is no certificate"), "{code} {told}");
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(text)
}

/// Every part of a letter, decoded by Python's own parser.
fn decoded_letter(letter: &str) -> String {
    const PARTS: &str = "import sys,email,email.policy\nm=email.message_from_bytes(sys.stdin.buffer.read(),policy=email.policy.default)\n\
                         assert not m.defects and not any(p.defects for p in m.walk()), 'not well-formed'\n\
                         print(*[p.get_content() for p in m.walk() if not p.is_multipart()],sep='\\n')";
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("letter");
    fs::write(&path, letter).expect("to write");
    let done = Command::new("python3").args(["-X", "utf8", "-c", PARTS]).stdin(fs::File::open(&path).expect("it is there")).output();
    let done = done.expect("apt-get install python3");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8")
}
