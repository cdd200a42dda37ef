//! The way of a letter: a login that fails and is mended, over a real Postfix and Dovecot.
#![allow(clippy::disallowed_methods, reason = "a test waits for other processes")]

#[path = "support/postfix.rs"]
mod postfix;
#[path = "../connectors/tests/servers/mod.rs"]
mod servers;
mod support;

use std::fs;

use postfix::Postfix;
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
