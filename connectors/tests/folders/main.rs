//! Folders of other machines: a real OpenSSH, a real vsftpd, moto's S3 and a small WebDAV server, all on the loopback.

#[path = "../common/mod.rs"]
mod common;
mod servers;

use std::fs;
use std::path::Path;

use common::told;
use muster_connectors::{Place, Step, StepState, open};
use servers::{ftp, s3, sftp, webdav};

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
