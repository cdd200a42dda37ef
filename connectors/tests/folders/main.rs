//! Folders of other machines: a real OpenSSH, a real vsftpd, moto's S3 and a small WebDAV server, all on the loopback.

#![allow(clippy::disallowed_methods, reason = "a test that waits for a server looks at the clock")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../servers/proxy.rs"]
#[allow(dead_code, reason = "databases have more faults than folders")]
mod proxy;
mod servers;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use common::told;
use futures::StreamExt as _;
use muster_connectors::{Ask, Failure, Piece, Place, Step, StepState, open};
use proxy::{Fault, faulty};
use servers::{ftp, s3, sftp, webdav};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the folder `out` of every server holds.
const FILES: [(&str, &str); 6] = [
    ("out/工资-01.csv", "身份证号,应发\n330683198001011234,1.50\n"),
    ("out/工资-02.csv", "身份证号,应发\n33068319810202224X,2\n330683198203033254,3\n"),
    ("out/工资-03.csv.part", "身份证号,应发\n3306831982"),
    ("out/工资-02.csv.control.json", "{\"rows\": 2, \"sum_应发\": 5, \"period\": \"202602\"}"),
    ("out/2025/工资-12.csv", "身份证号,应发\n330683198304044264,4\n"),
    ("out/notes.txt", "nothing of interest"),
];

fn write(root: &Path) {
    for (name, text) in FILES {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
}

/// Every file and folder below `root`, with its time.
fn state(root: &Path) -> Vec<String> {
    let mut state = Vec::new();
    for entry in fs::read_dir(root).expect("a folder").map(|it| it.expect("an entry")) {
        let about = entry.metadata().expect("it is there");
        state.push(format!("{} {} {:?}", entry.path().display(), about.len(), about.modified().expect("a time")));
        if about.is_dir() {
            state.extend(self::state(&entry.path()));
        }
    }
    state.sort();
    state
}

/// What holds for every server; `folder` is its `out`.
async fn check(own: &Path, folder: &str, access: &str) {
    let settings = |folder: &str, more: &str| format!("kind = 'csv'\nfolder = '{folder}'\n{access}\n{more}");
    let once = async |folder: &str, more: &str, table: &str| told(own, &settings(folder, more), table, &["身份证号", "应发"]).await;
    // Once in a long while vsftpd refuses a connection. The hub pulls again after a passing failure, and so do we, once.
    let pull = async |folder: &str, more: &str, table: &str| {
        let told = once(folder, more, table).await;
        if told[0].contains("Connection refused") { once(folder, more, table).await } else { told }
    };
    let second = ["row 2: 33068319810202224X | 2", "row 3: 330683198203033254 | 3"];
    assert_eq!(
        pull(folder, "", "工资-*.csv").await,
        ["file being written -: 工资-03.csv.part", "not verified -: period", "row 2: 330683198001011234 | 1.50", second[0], second[1]],
    );
    assert_eq!(pull(folder, "settle_seconds = 1\npick = 'newest'", "2025/*.csv").await, ["row 2: 330683198304044264 | 4"]);
    assert_eq!(pull(folder, "", "**/*-12.csv").await, ["row 2: 330683198304044264 | 4"]);
    let missing = pull(folder, "", "工资-04.csv").await;
    assert_eq!(missing[1], "did you mean `工资-01.csv`?", "{missing:?}");
    let missing = pull(&format!("{folder}/none"), "", "*.csv").await;
    assert!(missing.len() == 2 && missing[0].contains("none"), "{missing:?}");
}

async fn examined(own: &Path, settings: &str) -> Vec<Step> {
    let place = Place { department: "finance".to_owned(), source: "archive".to_owned(), root: own.to_owned() };
    let source = open(place, settings.parse().expect("TOML")).expect("the settings are right");
    source.examine(&["工资-*.csv".to_owned()]).await
}

fn names(steps: &[Step]) -> Vec<&'static str> {
    assert!(steps.iter().all(|it| it.state == StepState::Fine), "{steps:?}");
    steps.iter().map(|it| it.name).collect()
}

#[tokio::test]
async fn sftp_is_read_and_left_alone() {
    let own = tempfile::tempdir().expect("a folder");
    let server = sftp(own.path());
    write(&server.folder);
    let before = state(&server.folder);
    let out = format!("{}/out", server.address);
    let access = "key = 'key'\nknown_hosts = 'known_hosts'";
    check(own.path(), &out, access).await;
    assert_eq!(
        names(&examined(own.path(), &format!("kind = 'csv'\nfolder = '{out}'\n{access}")).await),
        ["name", "port", "login", "table"]
    );
    assert_eq!(state(&server.folder), before);
}

#[tokio::test]
async fn sftp_believes_no_unknown_server_and_says_who_was_refused() {
    let own = tempfile::tempdir().expect("a folder");
    let server = sftp(own.path());
    write(&server.folder);
    let out = format!("{}/out", server.address);
    let pull = async |access: &str| told(own.path(), &format!("kind = 'csv'\nfolder = '{out}'\n{access}"), "*.csv", &["应发"]).await;
    fs::write(own.path().join("nobody"), "").expect("a file");
    let refused = pull("key = 'key'\nknown_hosts = 'nobody'").await;
    assert!(refused[0].ends_with("the server's key is not the known one") && refused[1].contains("known_hosts"), "{refused:?}");
    let refused = pull("key = 'other'\nknown_hosts = 'known_hosts'").await;
    assert!(refused[0].ends_with("the server refuses the login") && refused[1].contains("public key"), "{refused:?}");
    drop(server);
    let gone = pull("key = 'key'\nknown_hosts = 'known_hosts'").await;
    assert!(gone[0].contains("the server is not reached") && gone[0].contains("refused"), "{gone:?}");
}

#[tokio::test]
async fn ftp_is_read_and_left_alone() {
    let own = tempfile::tempdir().expect("a folder");
    let server = ftp();
    write(&server.folder);
    let before = state(&server.folder);
    let out = format!("{}/out", server.address);
    check(own.path(), &out, "").await;
    assert_eq!(names(&examined(own.path(), &format!("kind = 'csv'\nfolder = '{out}'")).await), ["name", "port", "login", "table"]);
    assert_eq!(state(&server.folder), before);
    fs::write(own.path().join("password"), "s3cret").expect("a file");
    let settings = format!("kind = 'csv'\nfolder = '{out}'\nuser = 'pay'\npassword = {{ file = 'password' }}");
    let refused = told(own.path(), &settings, "*.csv", &["应发"]).await;
    assert!(refused[0].ends_with("the server refuses the login"), "{refused:?}");
    assert!(!format!("{refused:?}").contains("s3cret"));
}

#[tokio::test]
async fn webdav_is_read() {
    let own = tempfile::tempdir().expect("a folder");
    let server = webdav("pay", "s3cret").await;
    write(&server.folder);
    fs::write(own.path().join("password"), "s3cret\n").expect("a file");
    let out = format!("{}/out", server.address);
    check(own.path(), &out, "user = 'pay'\npassword = { file = 'password' }").await;
    fs::write(own.path().join("password"), "wrong").expect("a file");
    let settings = format!("kind = 'csv'\nfolder = '{out}'\nuser = 'pay'\npassword = {{ file = 'password' }}");
    let refused = told(own.path(), &settings, "*.csv", &["应发"]).await;
    assert!(refused[0].contains("401") && refused[1].contains("`password`"), "{refused:?}");
}

#[tokio::test]
async fn s3_is_read() {
    let own = tempfile::tempdir().expect("a folder");
    let server = s3().await;
    for (name, text) in FILES {
        server.put(name, text).await;
    }
    fs::write(own.path().join("secret"), "a-secret").expect("a file");
    let access = format!("endpoint = '{}'\nuser = 'a-key'\npassword = {{ file = 'secret' }}", server.address);
    check(own.path(), "s3://muster/out", &access).await;
}

/// A file that takes a while, and its rows.
fn long() -> (&'static str, String) {
    let mut text = String::from("身份证号,应发\n");
    for row in 0..12_000 {
        writeln!(text, "330683198001{row:06},{row}.50").expect("text grows");
    }
    ("out/工资-01.csv", text)
}

/// What a pull over a line with a fault in it came to: how many rows were given, and why it failed.
async fn over_the_line(own: &Path, settings: &str) -> (usize, Option<Failure>) {
    let place = Place { department: "finance".to_owned(), source: "archive".to_owned(), root: own.to_owned() };
    let source = open(place, settings.parse().expect("TOML")).expect("the settings are right");
    let ask = Ask {
        table: "工资-*.csv".to_owned(), columns: vec!["身份证号".to_owned(), "应发".to_owned()], batch_rows: 500, since: None
    };
    let mut pull = match source.pull(&ask).await {
        Ok(it) => it,
        Err(failure) => return (0, Some(failure)),
    };
    let mut rows = 0;
    while let Some(piece) = pull.pieces.next().await {
        match piece {
            Ok(Piece::Rows(batch)) => rows += batch.num_rows(),
            Ok(_) => {}
            Err(failure) => return (rows, Some(failure)),
        }
    }
    (rows, None)
}

/// Every fault, at every stage of a fetch, fails the pull by name; nothing half is given, and it may be tried again. `through` is the
/// folder's address at a port of the line.
async fn faults(own: &Path, port: u16, access: &str, through: impl Fn(u16) -> String) {
    let settings = |at: u16| format!("kind = 'csv'\n{}\nidle_seconds = 1\nsettle_seconds = 0\n{access}", through(at));
    for bytes in [0, 30, 900, 4000, 150_000] {
        for fault in [Fault::Cut(bytes), Fault::Reset(bytes), Fault::Stall(bytes)] {
            let begun = Instant::now();
            let (rows, failure) = over_the_line(own, &settings(faulty(port, fault).await)).await;
            let failure = failure.unwrap_or_else(|| panic!("{fault:?}: {rows} rows came"));
            assert_eq!(rows, 0, "{fault:?}: nothing of a file that did not come whole");
            assert_eq!((failure.department.as_str(), failure.source.as_str()), ("finance", "archive"));
            assert!(failure.passing, "{fault:?}: {failure} {:?}", failure.hint);
            assert!(!failure.why.zh.is_empty() && failure.table == "工资-*.csv", "{fault:?}: {failure:?}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{fault:?}: {:?}", begun.elapsed());
        }
    }
    let (rows, failure) = over_the_line(own, &settings(faulty(port, Fault::Slow(8192)).await)).await;
    assert_eq!((rows, failure), (12_000, None), "a slow line is no broken one");
}

fn port_of(address: &str) -> u16 {
    let after = address.rsplit_once("127.0.0.1:").expect("a port of this machine").1;
    after.split('/').next().and_then(|it| it.parse().ok()).expect("a port")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_to_sftp_that_fails_fails_the_pull() {
    let own = tempfile::tempdir().expect("a folder");
    let server = sftp(own.path());
    let (name, text) = long();
    fs::create_dir_all(server.folder.join("out")).expect("a folder");
    fs::write(server.folder.join(name), text).expect("a file");
    let port = port_of(&server.address);
    // The key of the server is known by the server's port, not by the line's.
    let known = fs::read_to_string(own.path().join("known_hosts")).expect("it was written");
    fs::write(own.path().join("any_port"), known.replacen(&format!("[127.0.0.1]:{port}"), "*", 1)).expect("to write");
    let through = |at: u16| format!("folder = '{}/out'", server.address.replace(&format!(":{port}"), &format!(":{at}")));
    faults(own.path(), port, "key = 'key'\nknown_hosts = 'any_port'", through).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_to_webdav_that_fails_fails_the_pull() {
    let own = tempfile::tempdir().expect("a folder");
    let server = webdav("pay", "s3cret").await;
    let (name, text) = long();
    fs::create_dir_all(server.folder.join("out")).expect("a folder");
    fs::write(server.folder.join(name), text).expect("a file");
    fs::write(own.path().join("password"), "s3cret\n").expect("a file");
    let port = port_of(&server.address);
    let through = |at: u16| format!("folder = 'http://127.0.0.1:{at}/out'");
    faults(own.path(), port, "user = 'pay'\npassword = { file = 'password' }", through).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_to_s3_that_fails_fails_the_pull() {
    let own = tempfile::tempdir().expect("a folder");
    let server = s3().await;
    let (name, text) = long();
    server.put(name, &text).await;
    fs::write(own.path().join("secret"), "a-secret").expect("a file");
    let through = |at: u16| format!("folder = 's3://muster/out'\nendpoint = 'http://127.0.0.1:{at}'");
    faults(own.path(), port_of(&server.address), "user = 'a-key'\npassword = { file = 'secret' }", through).await;
}

/// The line of commands fails, then the line of data, of which the server tells the port on the line of commands.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_to_ftp_that_fails_fails_the_pull() {
    let own = tempfile::tempdir().expect("a folder");
    let server = ftp();
    let (name, text) = long();
    fs::create_dir_all(server.folder.join("out")).expect("a folder");
    fs::write(server.folder.join(name), text).expect("a file");
    let port = port_of(&server.address);
    let settings = |at: u16| format!("kind = 'csv'\nfolder = 'ftp://127.0.0.1:{at}/out'\nidle_seconds = 1\nsettle_seconds = 0");
    for bytes in [0, 10, 60, 150] {
        for fault in [Fault::Cut(bytes), Fault::Reset(bytes), Fault::Stall(bytes)] {
            let (rows, failure) = over_the_line(own.path(), &settings(faulty(port, fault).await)).await;
            let failure = failure.unwrap_or_else(|| panic!("commands {fault:?}: {rows} rows came"));
            assert!(rows == 0 && failure.passing, "commands {fault:?}: {rows} rows, {failure}");
        }
    }
    for bytes in [2000, 150_000] {
        for fault in [Fault::Cut(bytes), Fault::Reset(bytes), Fault::Stall(bytes)] {
            let (rows, failure) = over_the_line(own.path(), &settings(faulty_data(port, fault).await)).await;
            let failure = failure.unwrap_or_else(|| panic!("data {fault:?}: {rows} rows came"));
            assert!(rows == 0 && failure.passing, "data {fault:?}: {rows} rows, {failure}");
        }
    }
    let (rows, failure) = over_the_line(own.path(), &settings(faulty_data(port, Fault::Slow(8192)).await)).await;
    assert_eq!((rows, failure), (12_000, None), "a slow line is no broken one");
}

/// A line to the FTP server at `port` whose lines of data have a fault in them; gives its own port.
async fn faulty_data(port: u16, fault: Fault) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let own = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", port)).await?;
                let (mut from_client, mut to_client) = client.into_split();
                let (from_server, mut to_server) = server.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
                let mut lines = BufReader::new(from_server).lines();
                while let Some(line) = lines.next_line().await? {
                    to_client.write_all(format!("{}\r\n", with_fault(&line, fault).await).as_bytes()).await?;
                }
                Ok::<_, std::io::Error>(())
            });
        }
    });
    own
}

/// `227 … (127,0,0,1,p,q)` and `229 … (|||port|)`, told another port.
async fn with_fault(line: &str, fault: Fault) -> String {
    let numbers: Vec<u16> = line.split(|it: char| !it.is_ascii_digit()).filter_map(|it| it.parse().ok()).collect();
    match (line.get(..3), numbers.as_slice()) {
        (Some("227"), [.., high, low]) => {
            let at = faulty(high * 256 + low, fault).await;
            format!("227 Entering Passive Mode (127,0,0,1,{},{}).", at / 256, at % 256)
        }
        (Some("229"), [.., port]) => format!("229 Entering Extended Passive Mode (|||{}|)", faulty(*port, fault).await),
        _ => line.to_owned(),
    }
}
