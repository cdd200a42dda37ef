use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-23T00:00:00Z".parse().expect("an instant")
}

#[test]
fn a_certificate_is_told_before_it_ends() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("ca.pem");
    let state = |dates: &[(i32, u8, u8)]| {
        let pem = dates.iter().map(|(year, month, day)| {
            let mut settings = rcgen::CertificateParams::new(Vec::new()).expect("no names");
            settings.not_after = rcgen::date_time_ymd(*year, *month, *day);
            settings.self_signed(&rcgen::KeyPair::generate().expect("a key")).expect("signed").pem()
        });
        std::fs::write(&file, pem.collect::<String>()).expect("a file");
        beyond::expires(&file, now()).state
    };
    assert_eq!(state(&[(2027, 5, 6)]), State::Fine);
    assert_eq!(state(&[(2026, 12, 10)]), State::Doubtful);
    assert_eq!(state(&[(2031, 5, 6), (2026, 11, 22)]), State::Wrong, "the first to end counts");
    assert_eq!(state(&[]), State::Wrong, "no certificate");
    assert_eq!(beyond::expires(&folder.path().join("none.pem"), now()).state, State::Wrong);
}

#[test]
fn a_password_is_told_before_it_ends_and_again_when_it_has() {
    let ends = |day: &str| beyond::ends("finance · payroll", day.parse().expect("a day"), now());
    assert!(ends("2026-12-23").is_none() && ends("2027-03-01").is_none());
    let (soon, over) = (ends("2026-12-22").expect("soon"), ends("2026-11-23").expect("over"));
    assert_eq!((soon.state, over.state), (State::Doubtful, State::Wrong));
    let (soon, over) = (soon.alarm.expect("an alarm"), over.alarm.expect("an alarm"));
    assert!(soon.0 == over.0 && soon.1 != over.1, "the same trouble, which stands otherwise");
    let later = beyond::ends("finance · payroll", "2026-12-22".parse().expect("a day"), now() + chrono::TimeDelta::days(3)).expect("soon");
    assert_eq!(later.alarm, Some(soon), "a day less is nothing new");
}

#[test]
fn a_time_of_day_is_found_at_the_place() {
    let at = |time: &str, now: &str| {
        let found = nights::last_at(time.parse().expect("a time"), chrono_tz::Tz::Asia__Shanghai, now.parse().expect("an instant"));
        found.expect("there is one").to_rfc3339()
    };
    assert_eq!(at("07:00:00", "2026-11-22T23:00:00Z"), "2026-11-22T23:00:00+00:00", "seven in the morning of the 23rd");
    assert_eq!(at("07:00:00", "2026-11-22T22:59:59Z"), "2026-11-21T23:00:00+00:00");
}

#[test]
fn room_is_measured_in_nights() {
    let states = [(10, 10), (11, 10), (29, 10), (30, 10), (1, 0)].map(|(free, needs)| place::room(free, needs).state);
    assert_eq!(states, [State::Wrong, State::Doubtful, State::Doubtful, State::Fine, State::Fine]);
}

#[test]
fn a_key_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("muster.key");
    std::fs::write(&file, "").expect("a file");
    let state = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("a mode");
        place::file_of_key(&file, folder.path(), "00112233").state
    };
    assert_eq!([0o600, 0o640, 0o400].map(state), [State::Fine, State::Doubtful, State::Fine]);
}

#[test]
fn it_reads_from_top_to_bottom() {
    let checks = vec![
        Check::fine("14 个文件均已加密", "14 files are sealed"),
        Check::wrong("最近一夜打不开", "the newest night cannot be opened").mend("muster key check", "muster key check"),
    ];
    let told = Told { fine: 1, doubtful: 0, wrong: 1, sections: vec![Section::new("密钥", "key", checks)] };
    let said = text(&told, Path::new("config/muster.toml"), Lang::En);
    let expected = format!(
        "\n  doctor · config/muster.toml\n  {}\n\n  key\n    ✓ 14 files are sealed\n    ✗ the newest night cannot be opened\n      → muster key check\n\n  ✗ 1 to mend, 0 to look at · 1 fine\n\n",
        "─".repeat(72)
    );
    assert_eq!(said, expected);
}
