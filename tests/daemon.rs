//! The daemon as the system starts it: nights by themselves, killed and begun again, told to reload and to stop, two on one store.
#![allow(clippy::disallowed_methods, reason = "a test waits for other processes")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::Value;
use sqlx::Connection;
use support::story;

const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name |
| U1 | 市水文站 |
`establishment`
| id_number | name | unit_code | quota_type | entered_on |
| 330683198207032242 | 董秀峰 | U1 | institution | 2012-08-01 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 330683198207032242 | 董秀峰 | U1 | 202605..202610 | salary | 500000 |
finds nothing
";

struct City {
    root: tempfile::TempDir,
    port: u16,
}

/// A daemon; killed with this value.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Daemon {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.0.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Waits for its end and gives the exit code.
    fn ended(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                return status.code();
            }
            assert!(began.elapsed() < Duration::from_secs(20), "it does not stop");
            sleep(Duration::from_millis(50));
        }
    }
}

impl City {
    fn new() -> City {
        let root = tempfile::tempdir().expect("a temporary folder");
        let story = story::read(STORY);
        story::settle(&story, root.path());
        story::deliver(&story.nights[0], root.path());
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
        let city = City { root, port };
        let plain = fs::read_to_string(city.config()).expect("the settings");
        let settings = format!("{plain}[schedule]\nnight = \"00:00\"\n[serve]\nlisten = \"127.0.0.1:{port}\"\n");
        fs::write(city.config(), settings).expect("to write");
        city
    }

    fn config(&self) -> String {
        self.root.path().join("config/muster.toml").display().to_string()
    }

    fn json(&self, args: &[&str]) -> Value {
        let out = support::muster(&[args, &["--json", "--config", &self.config()]].concat());
        serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)))
    }

    fn serve(&self, socket: Option<&Path>) -> Daemon {
        let mut command = support::command(&["serve", "--tick-seconds", "1", "--config", &self.config()]);
        if let Some(socket) = socket {
            command.env("NOTIFY_SOCKET", socket);
        }
        let log = fs::File::options().create(true).append(true).open(self.root.path().join("log")).expect("a log");
        Daemon(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("it starts"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root.path().join("log")).unwrap_or_default()
    }

    /// The ledger as lines of slot, outcome and attempts, the newest first.
    fn ledger(&self) -> Vec<(String, i64)> {
        let lines = self.json(&["history"]);
        let line = |it: &Value| (it["outcome"].as_str().expect("a word").to_owned(), it["attempts"].as_i64().expect("a number"));
        lines.as_array().expect("lines").iter().map(line).collect()
    }

    fn wait(&self, what: &str, is_so: impl Fn(&City) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < Duration::from_secs(90), "{what}: {:?}\n{}", self.ledger(), self.log());
            sleep(Duration::from_millis(100));
        }
    }

    /// Makes the daemon believe that it last looked so many hours ago.
    fn slept(&self, hours: i64) {
        let then = (Utc::now() - TimeDelta::hours(hours)).to_rfc3339_opts(SecondsFormat::Secs, true);
        let path = self.root.path().join("data/muster.db");
        tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
            let mut store = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.expect("the store");
            let set = "insert into schedule_job (job, watermark) values ('night', $1) on conflict (job) do update set watermark = excluded.watermark";
            sqlx::query(set).bind(then).execute(&mut store).await.expect("the watermark");
        });
    }

    /// Status and text of a page.
    fn page(&self, path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return String::new() };
        let _ = stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes());
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        text
    }

    /// Processes that run a night of this city.
    fn nights_at_work(&self) -> usize {
        let is_one = |it: &fs::DirEntry| {
            let line = fs::read(it.path().join("cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = line.split(|it| *it == 0).collect();
            words.contains(&"run".as_bytes()) && words.contains(&self.config().as_bytes())
        };
        fs::read_dir("/proc").expect("/proc").filter_map(Result::ok).filter(is_one).count()
    }
}

#[test]
fn nights_run_by_themselves_and_survive_what_servers_suffer() {
    let city = City::new();
    assert_eq!(city.ledger(), []);
    // It last looked three days ago: three nights were due, and the newest is caught up.
    city.slept(72);
    let socket = city.root.path().join("notify");
    let notified = UnixDatagram::bind(&socket).expect("a socket");
    notified.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    let heard = |wanted: &str| {
        let mut bytes = [0; 4096];
        loop {
            let read = notified.recv(&mut bytes).unwrap_or_else(|err| panic!("never heard {wanted}: {err}"));
            if String::from_utf8_lossy(&bytes[..read]).contains(wanted) {
                return;
            }
        }
    };
    let mut first = city.serve(Some(&socket));
    heard("READY=1");
    heard("WATCHDOG=1");
    city.wait("a night begins", |it| it.nights_at_work() == 1);
    let outcomes: Vec<String> = city.ledger().into_iter().map(|it| it.0).collect();
    assert_eq!(outcomes, ["running", "missed", "missed"], "{}", city.log());

    // Nobody else runs a night meanwhile.
    let out = support::muster(&["run", "--config", &city.config(), "--lang", "en"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && said.contains("is at a night"), "{said}");

    // Killed in the middle: its night ends with it, and whoever starts next begins it again. A second daemon finds nothing to do.
    first.0.kill().expect("SIGKILL");
    first.0.wait().expect("gone");
    city.wait("the night ends with its daemon", |it| it.nights_at_work() == 0);
    let mut second = city.serve(None);
    let mut other = Daemon(
        support::command(&["serve", "--tick-seconds", "1", "--config", &other_port(&city)])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::options().create(true).append(true).open(city.root.path().join("log")).expect("a log"))
            .spawn()
            .expect("it starts"),
    );
    city.wait("the night is done", |it| it.ledger()[0].0 == "done");
    assert_eq!(city.ledger()[0], ("done".to_owned(), 2), "{}", city.log());
    assert!(city.page("/readyz").starts_with("HTTP/1.1 200"), "{}", city.page("/readyz"));
    assert!(city.page("/healthz").starts_with("HTTP/1.1 200"));
    let metrics = city.page("/metrics");
    assert!(
        metrics.contains("muster_nights{outcome=\"done\"} 1") && metrics.contains("muster_feed_used{feed=\"payment/payment\"} 1"),
        "{metrics}"
    );

    // A wrong configuration is refused as a whole.
    let good = fs::read_to_string(city.config()).expect("the settings");
    fs::write(city.config(), good.replace("00:00", "25:00")).expect("to write");
    second.signal("-HUP");
    // Its places are told line by line after the refusal itself.
    city.wait("the refusal", |it| it.log().contains("the new configuration is wrong") && it.log().contains("`25:00` is no time of day"));
    fs::write(city.config(), good).expect("to write");
    second.signal("-HUP");
    city.wait("the reload", |it| it.log().contains("the configuration was read anew"));
    for daemon in [&mut second, &mut other] {
        daemon.signal("-TERM");
        assert_eq!(daemon.ended(), Some(0), "{}", city.log());
    }
    assert_eq!(city.ledger().len(), 3, "one line a night, whoever looked");
    let status = city.json(&["status"]);
    assert!(status["trouble"].is_null() && status["feeds"].as_array().is_some_and(|it| it.len() == 3), "{status}");
    let log = city.log();
    assert!(!log.contains("董秀峰") && !log.contains("330683198207032242"), "nobody is named in the log");
}

/// The same city, whose second daemon listens nowhere.
fn other_port(city: &City) -> String {
    let text = fs::read_to_string(city.config()).expect("the settings");
    let path = city.root.path().join("config/second.toml");
    fs::write(&path, text.split("[serve]").next().expect("a beginning")).expect("to write");
    path.display().to_string()
}

#[test]
fn a_pause_is_kept_and_told() {
    let city = City::new();
    let out = support::muster(&["pause", "--why", "机房检修", "--config", &city.config()]);
    assert!(out.status.success());
    let status = city.json(&["status"]);
    assert_eq!(status["paused"][1], "机房检修");
    let audit = city.json(&["audit", "list"]);
    assert_eq!((audit[0]["what"].as_str(), audit[0]["detail"]["why"].as_str()), (Some("paused"), Some("机房检修")));
    assert!(support::muster(&["resume", "--config", &city.config()]).status.success());
    assert!(city.json(&["status"])["paused"].is_null());
}
