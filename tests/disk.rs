//! A disk that is full, at any moment of a night, or that may not be written: the failure is told with what to do, nothing that was kept is
//! damaged, and once there is room the same night comes to what it comes to in peace.
//!
//! The folders lie on small file systems in memory. Mounting needs root; each test does it in a name space of its own, so that nothing of
//! it is left on this machine.

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::City;

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
| 330683198207032242 | 董秀峰 | U1 | 202605..202610 | salary | 500000 |
`death`
| id_number | name | died_on |
| 33068319750220222X | 王桂兰 | 2026-06-03 |
finds nothing
";

const BEFORE: &str = "2026-11-15";
const NIGHT: &str = "2026-11-16";

/// What a file system in memory holds: some nights.
const SIZE_KIB: u64 = 16 * 1024;

/// How much of what a night writes there is room for, in percent.
const ROOM: [u64; 5] = [0, 3, 15, 40, 70];

/// Runs `test` once more, in a name space of mounts of its own, and says whether this is that second time.
fn apart(test: &str) -> bool {
    if std::env::var_os("MUSTER_APART").is_some() {
        return true;
    }
    let me = std::env::current_exe().expect("this program");
    let mut again = Command::new("unshare");
    again.args(["--mount", "--propagation", "private"]).arg(me).args([test, "--exact", "--nocapture"]).env("MUSTER_APART", "1");
    let done = again.status().expect("unshare (apt-get install util-linux)");
    assert!(done.success(), "run as root, who may mount: see above");
    false
}

fn mount(arguments: &[&str], on: &Path) {
    let done = Command::new("mount").args(arguments).arg(on).output().expect("mount (apt-get install mount)");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "this test mounts file systems in memory; run it as root: {said}");
}

/// A city whose data and reports lie on file systems of their own, after its first night.
fn city() -> City {
    let city = City::of(STORY);
    let path = city.path().join("config/muster.toml");
    let settings = fs::read_to_string(&path).expect("the settings");
    fs::write(&path, settings + "[report]\nfolder = \"reports\"\n").expect("to write");
    support::only_rules(city.path(), &["G01", "E01"]);
    for name in ["data", "reports"] {
        fs::create_dir(city.path().join(name)).expect("a folder");
        mount(&["-t", "tmpfs", "-o", &format!("size={SIZE_KIB}k"), "none"], &city.path().join(name));
    }
    assert_eq!(run(&city, BEFORE, "en").1, 0);
    city
}

/// What the night said, and its exit code.
fn run(city: &City, night: &str, lang: &str) -> (String, i32) {
    let (_, wrong, code) = city.run_in(lang, &["run", "--night", night, "--progress", "none"]);
    (wrong, code)
}

/// What must not differ: everything a night tells but the hash of each delivery, which is sealed anew, and every case.
fn result(city: &City, night: &str) -> String {
    let bytes = support::opened(city.path(), &format!("data/nights/{night}/night.json.sealed"));
    let mut told: Value = serde_json::from_slice(&bytes).expect("JSON");
    for feed in told["feeds"].as_array_mut().expect("feeds") {
        feed["sha256"].take();
    }
    format!("{told}\n{}", support::cases(city.json(&["case", "list", "--state", "all"])))
}

fn is_whole(city: &City, when: &str) {
    for (args, wanted) in [(["store", "check"], "the store is whole"), (["audit", "verify"], "the audit log is whole")] {
        let (told, wrong, code) = city.run_in("en", &args);
        assert!(code == 0 && told.contains(wanted), "{when}: {told}{wrong}");
    }
}

/// Leaves so much room on the file system of `folder`, and takes the rest; the file is to be removed.
fn ballast(folder: &Path, room_kib: u64) -> PathBuf {
    let out = Command::new("df").args(["--output=avail", "-k"]).arg(folder).output().expect("df");
    let available = String::from_utf8_lossy(&out.stdout);
    let available: u64 = available.lines().nth(1).and_then(|it| it.trim().parse().ok()).expect("a number of df");
    let file = folder.join("ballast");
    let bytes = usize::try_from(available.saturating_sub(room_kib) * 1024).expect("it fits");
    // The last page may not be there any more: what could be written is there.
    let _ = fs::write(&file, vec![0; bytes]);
    file
}

/// Kibibytes that files below `folder` take.
fn taken_kib(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    let taken = |it: fs::DirEntry| match it.metadata() {
        Ok(about) if about.is_dir() => taken_kib(&it.path()),
        Ok(about) => about.blocks() / 2,
        Err(_) => 0,
    };
    entries.map(taken).sum()
}

#[test]
fn a_full_disk_is_told_and_the_night_runs_whole_once_there_is_room() {
    if !apart("a_full_disk_is_told_and_the_night_runs_whole_once_there_is_room") {
        return;
    }
    let (peace, city) = (city(), city());
    let data = city.path().join("data");
    let before = taken_kib(&peace.path().join("data"));
    assert_eq!(run(&peace, NIGHT, "en").1, 0);
    let writes = taken_kib(&peace.path().join("data")) - before;
    let kept = result(&city, BEFORE);
    for (percent, lang) in ROOM.into_iter().zip(["zh", "en"].into_iter().cycle()) {
        let file = ballast(&data, writes * percent / 100);
        let (said, code) = run(&city, NIGHT, lang);
        eprintln!("room for {percent} % of {writes} KiB: exit code {code}: {said}");
        fs::remove_file(file).expect("the ballast");
        let (what, todo) =
            if lang == "zh" { ("磁盘已满", "重跑同一夜") } else { ("the disk is full", "run the same night again") };
        assert!(code == 74 && said.contains(what) && said.contains(todo), "room for {percent} %: exit code {code}: {said}");
        is_whole(&city, &format!("after room for {percent} %"));
        assert!(!data.join("nights").join(NIGHT).exists(), "nothing of the night is there");
        assert_eq!(kept, result(&city, BEFORE), "the night before stands as it stood");
    }
    let (said, code) = run(&city, NIGHT, "en");
    assert_eq!(code, 0, "with room: {said}");
    assert_eq!(result(&peace, NIGHT), result(&city, NIGHT));
    is_whole(&city, "at the end");
}

#[test]
fn reports_that_cannot_be_written_take_no_night_along() {
    if !apart("reports_that_cannot_be_written_take_no_night_along") {
        return;
    }
    let (peace, city) = (city(), city());
    assert_eq!(run(&peace, NIGHT, "en").1, 0);
    let reports = city.path().join("reports");
    let file = ballast(&reports, 8);
    let (said, code) = run(&city, NIGHT, "en");
    assert!(code == 74 && said.contains("reports/2026-11-16/report") && said.contains("the disk is full"), "{code} {said}");
    assert_eq!(result(&peace, NIGHT), result(&city, NIGHT), "the night stands");
    fs::remove_file(file).expect("the ballast");
    mount(&["-o", "remount,ro"], &reports);
    let (said, code) = run(&city, NIGHT, "zh");
    assert!(code == 74 && said.contains("磁盘只读"), "{code} {said}");
    mount(&["-o", "remount,rw"], &reports);
    assert_eq!(run(&city, NIGHT, "en").1, 0);
    assert!(reports.join(NIGHT).join("report.html").exists());
    assert_eq!(result(&peace, NIGHT), result(&city, NIGHT));
    is_whole(&city, "at the end");
}

#[test]
fn a_read_only_disk_is_told_and_changes_nothing() {
    if !apart("a_read_only_disk_is_told_and_changes_nothing") {
        return;
    }
    let (peace, city) = (city(), city());
    assert_eq!(run(&peace, NIGHT, "en").1, 0);
    let (data, kept) = (city.path().join("data"), result(&city, BEFORE));
    for (lang, what, todo) in [("zh", "磁盘只读", "remount,rw"), ("en", "the disk is read-only", "run the same night again")] {
        mount(&["-o", "remount,ro"], &data);
        let (said, code) = run(&city, NIGHT, lang);
        mount(&["-o", "remount,rw"], &data);
        assert!(code == 74 && said.contains(what) && said.contains(todo), "exit code {code}: {said}");
        is_whole(&city, "after a disk that was read-only");
        assert_eq!(kept, result(&city, BEFORE));
    }
    assert_eq!(run(&city, NIGHT, "en").1, 0);
    assert_eq!(result(&peace, NIGHT), result(&city, NIGHT));
}
