//! kill -9 at instants of chance, in a night and while its letters are sent, with a mail server beside that refuses, stalls and drops by
//! turns: the night is run again, and everything is as if nothing had happened. On SQLite and on PostgreSQL.
//!
//! `MUSTER_KILLS=50 cargo test --test faults` kills fifty nights on each store, `MUSTER_SEED=7` at other instants.
#![allow(clippy::disallowed_methods, reason = "a test waits for other processes")]

#[path = "support/moody.rs"]
mod moody;
#[path = "../connectors/tests/servers/mod.rs"]
mod servers;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use moody::{Mood, Moody, Step};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use servers::postgres::Postgres;
use support::story;

/// Two ghosts and two units over their quotas. The night after, one ghost is paid no more, the other for a further month, a third is
/// found; one unit is in order, the other worse. So cases are opened, changed and cured by the night that is killed.
const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name | parent_code |
| U0 | 市水利局 | |
| U1 | 市水文站 | U0 |
| U2 | 市图书馆 | U0 |
`quota`
| unit_code | quota_type | amount |
| U1 | institution | 1 |
| U2 | institution | 1 |
`establishment`
| id_number | name | unit_code | quota_type | entered_on |
| 33068319750220222X | 王桂兰 | U1 | institution | 2012-08-01 |
| 330683198207032242 | 董秀峰 | U1 | institution | 2012-08-01 |
| 330683199009191917 | 方圆圆 | U2 | institution | 2014-08-01 |
| 33068319800101001X | 郑国华 | U2 | institution | 2014-08-01 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 33068319750220222X | 王桂兰 | U1 | 202605..202609 | salary | 543210 |
| 330683198207032242 | 董秀峰 | U1 | 202605..202609 | salary | 500000 |
| 330683199009191917 | 方圆圆 | U2 | 202605..202609 | salary | 500000 |
| 33068319800101001X | 郑国华 | U2 | 202605..202609 | salary | 500000 |
`death`
| id_number | name | died_on |
| 33068319750220222X | 王桂兰 | 2026-06-03 |
| 330683198207032242 | 董秀峰 | 2026-06-03 |
finds nothing

## 2026-11-16
`establishment`
| id_number | name | unit_code | quota_type | entered_on |
| 33068319750220222X | 王桂兰 | U1 | institution | 2012-08-01 |
| 330683198207032242 | 董秀峰 | U1 | institution | 2012-08-01 |
| 330683199003074817 | 孙晓梅 | U1 | institution | 2014-08-01 |
| 33068319800101001X | 郑国华 | U2 | institution | 2014-08-01 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 33068319750220222X | 王桂兰 | U1 | 202605..202610 | salary | 543210 |
| 330683198207032242 | 董秀峰 | U1 | 202605 | salary | 500000 |
| 33068319800101001X | 郑国华 | U2 | 202605..202610 | salary | 500000 |
`death`
| id_number | name | died_on |
| 33068319750220222X | 王桂兰 | 2026-06-03 |
| 330683198207032242 | 董秀峰 | 2026-06-03 |
| 33068319800101001X | 郑国华 | 2026-08-20 |
finds nothing
";

/// The night that is killed; the one before it is kept in peace.
const NIGHT: &str = "2026-11-16";
const BEFORE: &str = "2026-11-15";

/// The rules that run; the others cost time and find nothing here.
const RULES: [&str; 2] = ["G01", "E01"];

/// How many nights each store is killed in unless `MUSTER_KILLS` says otherwise.
const KILLS: u64 = 8;

/// A sender that was killed has its letter to itself for so long: four time-outs of a second and ten seconds to spare.
const LEASE: Duration = Duration::from_secs(20);

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |it| it.parse().unwrap_or_else(|_| panic!("{name} is no number: {it}")))
}

/// Where a city keeps its store.
enum Kept {
    File,
    Server(Postgres),
}

impl Kept {
    /// What `muster.toml` says of the store of the city called `name`; that of `from` is copied for it.
    fn store(&self, name: &str, from: Option<&str>, root: &Path) -> String {
        let Kept::Server(server) = self else { return String::new() };
        let template = from.map_or_else(String::new, |it| format!(" TEMPLATE {it}"));
        runtime().block_on(server.run_in("postgres", &format!("CREATE DATABASE {name}{template}")));
        let url = format!("postgres://postgres:s3cret-and-long@127.0.0.1:{}/{name}", server.port);
        let path = root.join("config/store-url");
        fs::write(&path, url).expect("to write");
        assert!(Command::new("chmod").arg("600").arg(&path).status().expect("chmod").success());
        "[store]\nurl = { file = \"config/store-url\" }\n".to_owned()
    }
}

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().expect("a runtime"))
}

/// A city, its mail server, and the settings without `[mail]` and `[store]`.
struct City {
    root: tempfile::TempDir,
    mail: Moody,
}

impl City {
    /// The city of the story after its first night, all letters sent.
    fn after_the_first_night(kept: &Kept) -> City {
        let root = tempfile::tempdir().expect("a temporary folder");
        let story = story::read(STORY);
        story::settle(&story, root.path());
        story::deliver(&story.nights[0], root.path());
        for entry in fs::read_dir(root.path().join("config/departments")).expect("the departments").filter_map(Result::ok) {
            let name = entry.path().file_stem().expect("a name").to_string_lossy().into_owned();
            let text = fs::read_to_string(entry.path()).expect("a department");
            fs::write(entry.path(), format!("reviewers = [\"{name}@city.example\"]\n{text}")).expect("to write");
        }
        support::only_rules(root.path(), &RULES);
        let settings = root.path().join("config/muster.toml");
        fs::copy(&settings, settings.with_extension("plain")).expect("a copy");
        let city = City { root, mail: Moody::start() };
        city.settled(&kept.store("before", None, city.root.path()));
        assert_eq!(city.run(&["run", "--night", BEFORE]).1, 0);
        assert!(city.outbox().iter().all(|it| it.0 == "sent"));
        story::deliver(&story.nights[1], city.root.path());
        city
    }

    /// A copy with a mail server of its own.
    fn copy(&self, kept: &Kept, name: &str) -> City {
        let root = tempfile::tempdir().expect("a temporary folder");
        let copied = Command::new("cp").arg("-a").arg(format!("{}/.", self.root.path().display())).arg(root.path()).status();
        assert!(copied.expect("cp").success());
        let city = City { root, mail: Moody::start() };
        city.settled(&kept.store(name, Some("before"), city.root.path()));
        city
    }

    fn config(&self) -> PathBuf {
        self.root.path().join("config/muster.toml")
    }

    fn settled(&self, store: &str) {
        let plain = fs::read_to_string(self.config().with_extension("plain")).expect("the settings");
        let mail = format!(
            "\n[mail]\nhost = \"127.0.0.1\"\nport = {}\nfrom = \"muster@city.example\"\noperators = [\"ops@city.example\"]\ntimeout_seconds = 1\ntls = \"none\"\n",
            self.mail.port
        );
        fs::write(self.config(), plain + store + &mail).expect("to write");
    }

    fn run(&self, args: &[&str]) -> (String, i32) {
        let out = support::muster(&[args, &["--lang", "en", "--config", &self.config().display().to_string()]].concat());
        let told = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        (told, out.status.code().unwrap_or(-1))
    }

    fn json(&self, args: &[&str]) -> Value {
        let out = support::muster(&[args, &["--json", "--config", &self.config().display().to_string()]].concat());
        serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{args:?}: {}", String::from_utf8_lossy(&out.stderr)))
    }

    /// State and Message-ID of every letter.
    fn outbox(&self) -> Vec<(String, String)> {
        let text = |it: &Value, name: &str| it[name].as_str().expect("a text").to_owned();
        self.json(&["mail", "outbox"]).as_array().expect("letters").iter().map(|it| (text(it, "state"), text(it, "message_id"))).collect()
    }

    /// Nothing in the store is broken, whatever was killed before.
    fn is_whole(&self, when: &str) {
        for (args, wanted) in [(["store", "check"], "the store is whole"), (["audit", "verify"], "the audit log is whole")] {
            let (told, code) = self.run(&args);
            assert!(code == 0 && told.contains(wanted), "{when}: exit code {code}: {told}");
        }
    }

    /// What must not differ from a night in peace: all that the night tells (feeds with their counts, rules, cases with their numbers,
    /// events), its findings byte for byte, every case there ever was, and the letters. The hash of a delivery does: it is sealed anew.
    fn result(&self) -> Vec<(&'static str, String)> {
        let opened = |name: &str| support::opened(self.root.path(), &format!("data/nights/{NIGHT}/{name}.sealed"));
        let mut night: Value = serde_json::from_slice(&opened("night.json")).expect("JSON");
        for feed in night["feeds"].as_array_mut().expect("feeds") {
            feed["sha256"].take();
        }
        let letters: BTreeSet<String> = self.outbox().into_iter().filter(|it| it.0 != "superseded").map(|it| it.1).collect();
        let cases = self.json(&["case", "list", "--state", "all"]);
        vec![
            ("night.json", night.to_string()),
            ("findings.jsonl", String::from_utf8(opened("findings.jsonl")).expect("text")),
            ("cases", support::cases(cases)),
            ("letters", format!("{letters:#?}")),
        ]
    }

    /// Starts the night with a server of changing mood, kills it after `until` says so, and says at which stage that was.
    fn killed(&self, dice: &mut ChaCha8Rng, until: impl FnOnce(&Moody) + Send) -> String {
        let log = self.root.path().join("stages");
        let mut night = support::command(&["run", "--night", NIGHT, "--progress", "lines", "--config"])
            .arg(self.config())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).expect("a log"))
            .spawn()
            .expect("it runs");
        let (mail, killed) = (&self.mail, AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !killed.load(Ordering::Relaxed) {
                    mail.mood(mood(dice));
                    sleep(Duration::from_millis(dice.random_range(20..400)));
                }
            });
            until(mail);
            night.kill().expect("SIGKILL");
            night.wait().expect("it is gone");
            killed.store(true, Ordering::Relaxed);
        });
        mail.mood(None);
        let stages = fs::read_to_string(log).expect("the log");
        stages.lines().filter_map(|it| it.strip_prefix("stage ")).next_back().unwrap_or("start").to_owned()
    }

    /// Runs the night to its end and sends what is left, over a server that is well again.
    fn ended(&self, when: &str) {
        let (told, code) = self.run(&["run", "--night", NIGHT]);
        assert_eq!(code, 0, "{when}: the night again: {told}");
        let began = Instant::now();
        while self.outbox().iter().any(|it| !matches!(it.0.as_str(), "sent" | "superseded")) {
            assert!(began.elapsed() < LEASE, "{when}: {:?}", self.outbox());
            self.run(&["mail", "retry"]);
            sleep(Duration::from_millis(300));
        }
    }
}

/// Well, or one thing that goes wrong.
fn mood(dice: &mut ChaCha8Rng) -> Option<(Step, Mood)> {
    let steps = [Step::Greeting, Step::Ehlo, Step::Mail, Step::Rcpt, Step::Data, Step::Dot];
    let step = steps[dice.random_range(0..steps.len())];
    match dice.random_range(0..8) {
        0 => Some((step, Mood::Says("451 later"))),
        1 => Some((step, Mood::Says("550 never"))),
        2 => Some((step, Mood::Drops)),
        3 => Some((step, Mood::Stalls)),
        4 => Some((Step::Dot, Mood::TakesAndDrops)),
        5 => Some((Step::Dot, Mood::TakesAndStalls)),
        _ => None,
    }
}

/// Recipient and Message-ID of what a server took, each once.
fn taken(mail: &Moody) -> BTreeSet<String> {
    mail.taken().into_iter().collect()
}

fn killed_at_any_instant_nothing_is_lost_or_doubled(kept: &Kept) {
    let (kills, seed) = (number("MUSTER_KILLS", KILLS), number("MUSTER_SEED", 20_261_116));
    let template = City::after_the_first_night(kept);
    let peace = template.copy(kept, "peace");
    let began = Instant::now();
    assert_eq!(peace.run(&["run", "--night", NIGHT]).1, 0);
    let lasts = began.elapsed();
    let (wanted, letters) = (peace.result(), taken(&peace.mail));
    assert!(letters.len() >= 5, "{letters:?}");
    eprintln!("seed {seed}; a night in peace lasts {} ms; killed at:", lasts.as_millis());

    // All are killed before the first is mended: meanwhile the letters of killed senders become free again.
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut broken = Vec::new();
    for at in 0..kills {
        let city = template.copy(kept, &format!("killed{at}"));
        // Every third is killed while its letters are on their way.
        let sending = at % 3 == 2;
        let after = Duration::from_millis(dice.random_range(0..if sending { 1_500 } else { lasts.as_millis() as u64 }));
        let stage = city.killed(&mut dice, |mail| {
            let began = Instant::now();
            while sending && mail.asked() == 0 {
                assert!(began.elapsed() < Duration::from_mins(1), "no letter is sent");
                sleep(Duration::from_millis(1));
            }
            sleep(after);
        });
        let when = format!("{at}: {} ms after its {}, stage {stage}", after.as_millis(), if sending { "first letter" } else { "start" });
        eprintln!("  {when}");
        city.is_whole(&when);
        broken.push((when, city));
    }
    for (when, city) in broken {
        city.ended(&when);
        city.is_whole(&when);
        for ((what, wanted), (_, found)) in wanted.iter().zip(city.result()) {
            assert!(*wanted == found, "{when}: {what} differs\n{wanted}\n{found}");
        }
        assert_eq!(taken(&city.mail), letters, "{when}: every letter came, under one Message-ID");
    }
}

#[test]
fn on_sqlite() {
    killed_at_any_instant_nothing_is_lost_or_doubled(&Kept::File);
}

#[test]
fn on_postgres() {
    killed_at_any_instant_nothing_is_lost_or_doubled(&Kept::Server(runtime().block_on(Postgres::start())));
}
