//! `muster doctor` on installations that are broken in one way each: it says what, and how to mend it.

mod support;

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use support::story;

const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name |
| U1 | 市水文站 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 330683198207032242 | 董秀峰 | U1 | 202607..202610 | salary | 543210 |
finds nothing
";

/// A city with one night, made by `run`, in which nothing else is wrong.
fn city_of(run: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    let story = story::read(STORY);
    story::settle(&story, root.path());
    story::deliver(&story.nights[0], root.path());
    append(root.path(), "config/muster.toml", "[schedule]\nzone = \"UTC\"\n");
    let person = "[[person]]\nid = \"li-na\"\nname = \"李娜\"\naddress = \"li.na@city.example\"\ndepartments = [\"*\"]\nunits = [\"U1\"]\n";
    fs::write(root.path().join("config/people.toml"), person).expect("a file");
    let out = muster(root.path(), run, true);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    mode(root.path(), "data", 0o700);
    root
}

fn muster(root: &Path, args: &[&str], with_key: bool) -> Output {
    let config = root.join("config/muster.toml").display().to_string();
    let mut command = support::command(&[args, &["--config", &config]].concat());
    command.env("TZ", "UTC");
    if !with_key {
        command.env_remove("MUSTER_KEY");
    }
    command.output().expect("the binary runs")
}

fn append(root: &Path, path: &str, more: &str) {
    let path = root.join(path);
    let text = fs::read_to_string(&path).expect("a file");
    fs::write(path, text + more).expect("a file");
}

fn mode(root: &Path, path: &str, mode: u32) {
    fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).expect("a mode");
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copied(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
    fs::set_permissions(to, fs::metadata(from).expect("there").permissions()).expect("a mode");
}

/// The checks that are not fine, as `✗ …` and `! …`, and the exit code.
fn told(root: &Path, args: &[&str], with_key: bool) -> (Vec<String>, i32) {
    let out = muster(root, &[&["doctor", "--json"], args].concat(), with_key);
    let told: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)));
    let sections = told["sections"].as_array().expect("sections");
    let checks = sections.iter().flat_map(|it| it["checks"].as_array().expect("checks"));
    let line = |it: &Value| {
        let mark = match it["state"].as_str() {
            Some("fine") => return None,
            Some("doubtful") => "!",
            _ => "✗",
        };
        assert!(it["hint"]["zh"].is_string() && it["told"]["zh"].is_string(), "it says how to mend it: {it}");
        Some(format!("{mark} {}", it["told"]["en"].as_str().expect("a text")))
    };
    (checks.filter_map(line).collect(), out.status.code().unwrap_or(-1))
}

/// A copy of the city at `root`, broken by `breaks`: each of `says` is part of one line, and there are no others.
fn check(root: &Path, args: &[&str], with_key: bool, breaks: impl FnOnce(&Path), says: &[&str]) {
    let broken = tempfile::tempdir().expect("a temporary folder");
    copied(root, broken.path());
    breaks(broken.path());
    let (lines, code) = told(broken.path(), args, with_key);
    let all = lines.join("\n");
    for it in says {
        let (mark, text) = it.split_once(' ').expect("a mark");
        assert!(lines.iter().any(|line| line.starts_with(mark) && line.contains(text)), "{it}:\n{all}");
    }
    assert_eq!(lines.len(), says.len(), "{all}");
    assert_eq!(code, i32::from(says.iter().any(|it| it.starts_with('✗'))), "{all}");
}

#[test]
fn every_kind_of_trouble_is_told() {
    let city = city_of(&["run"]);
    let root = city.path();
    let offline = |breaks: &dyn Fn(&Path), says: &[&str]| check(root, &["--offline"], true, breaks, says);
    let night = fs::read_dir(root.join("data/nights")).expect("nights").next().expect("one").expect("an entry").path();
    let night = night.file_name().expect("a name").to_string_lossy().into_owned();

    check(root, &[], true, |_| (), &[]);
    offline(&|it| append(it, "config/muster.toml", "regoin = 1\n"), &["✗ unknown field `regoin`"]);
    offline(
        &|it| fs::write(it.join("data/nights/leak.parquet"), "PAR1 in clear").expect("a file"),
        &["✗ are not sealed: nights/leak.parquet"],
    );
    offline(&|it| fs::remove_dir_all(it.join("data/nights").join(&night)).expect("gone"), &["✗ the folder of the newest night"]);
    let damaged = |it: &Path| {
        fs::write(it.join("data/muster.db"), "no database").expect("a file");
        // A log that is there would bring the file back.
        for log in ["data/muster.db-wal", "data/muster.db-shm"] {
            let _ = fs::remove_file(it.join(log));
        }
    };
    offline(&damaged, &["✗ the store does not open"]);
    offline(&|it| mode(it, "data", 0o755), &["! everybody on this machine can look into"]);
    offline(&|it| fs::remove_file(it.join("config/people.toml")).expect("gone"), &["! no people.toml"]);
    let units = |it: &Path| {
        append(
            it,
            "config/people.toml",
            "[[person]]\nid = \"x\"\nname = \"x\"\naddress = \"x@city.example\"\ndepartments = [\"*\"]\nunits = [\"U1\", \"U77\"]\n",
        );
    };
    offline(&units, &["✗ units of x that are not on the register: U77"]);
    let reports = |it: &Path| {
        append(it, "config/muster.toml", "[report]\nfolder = \"reports\"\nfull_ids = true\n");
        fs::create_dir(it.join("reports")).expect("a folder");
        mode(it, "reports", 0o755);
    };
    offline(&reports, &["! show whole ID numbers", "! can read the reports"]);

    // Keys: none, one that others can read, another one.
    check(root, &["--offline"], false, |_| (), &["✗ the key of personal data cannot be used"]);
    let key = |it: &Path, bits: u32, text: &str| {
        fs::write(it.join("config/muster.key"), text).expect("a file");
        mode(it, "config/muster.key", bits);
    };
    check(root, &["--offline"], false, |it| key(it, 0o640, &support::KEY.replace(',', "\n")), &["! can read the key file"]);
    let another = support::KEY.replace("seal bXVzdGVyIHRlc3Rz", "seal bXVzdGVyIHRFc3Rz");
    let shut = ["✗ need a key that is not given", "✗ the newest night cannot be opened", "✗ the store does not open"];
    check(root, &["--offline"], false, |it| key(it, 0o600, &another), &shut);

    // Nights that were due and are not there, one of the future, a feed that was left out.
    check(city_of(&["run", "--night", "2020-01-01"]).path(), &["--offline"], true, |_| (), &["✗ were due since and are not kept"]);
    let future = |it: &Path| {
        fs::remove_file(it.join("payment/payment.csv")).expect("gone");
        let out = muster(it, &["run", "--night", "2099-01-01"], true);
        assert_eq!(out.status.code(), Some(3), "{}", String::from_utf8_lossy(&out.stderr));
    };
    offline(&future, &["✗ the clock was ahead", "! payment/payment was left out for 1 nights"]);
}

#[test]
fn what_other_machines_say_is_told() {
    let city = city_of(&["run"]);
    let root = city.path();
    check(root, &[], true, |it| fs::remove_dir_all(it.join("payment")).expect("gone"), &["✗ payment/main"]);

    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for greeting in ["220 ready\r\n", "554 no\r\n"] {
            if let Ok((mut stream, _)) = server.accept() {
                let _ = stream.write_all(greeting.as_bytes());
            }
        }
    });
    let mail = |more: &str| format!("[mail]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"muster@city.example\"\n{more}");
    let with_password = |it: &Path, bits: u32| {
        append(it, "config/muster.toml", &mail("user = \"muster\"\npassword = { file = \"mail.password\" }\n"));
        fs::write(it.join("mail.password"), "secret\n").expect("a file");
        mode(it, "mail.password", bits);
    };
    check(root, &[], true, |it| with_password(it, 0o600), &[]);
    check(root, &[], true, |it| with_password(it, 0o644), &["✗ it says 554", "! can read the secret file"]);
    let gone = |it: &Path| {
        with_password(it, 0o600);
        fs::remove_file(it.join("mail.password")).expect("gone");
    };
    let says = ["✗ the settings of mail cannot be used", "✗ does not answer", "✗ the secret of [mail] password cannot be fetched"];
    check(root, &[], true, gone, &says);
}
