use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

/// A folder with a file of three bytes in it.
fn filled(data: &Path, folder: &str) {
    fs::create_dir_all(data.join(folder)).expect("a folder");
    fs::write(data.join(folder).join("raw.parquet"), "abc").expect("a file");
}

/// The due folders below `data`, as a list that reads well in a failure.
fn told(data: &Path, due: &[Folder]) -> Vec<String> {
    due.iter().map(|it| format!("{} {}", it.path.strip_prefix(data).expect("below").display(), it.bytes)).collect()
}

#[test]
fn deliveries_stay_that_a_pull_may_start_from() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let data = data.path();
    for feed in ["finance/payroll", "personnel/old"] {
        for night in ["2024-01-01", "2024-01-02", "2024-01-03.partial", "2026-01-01.partial", "notes", "2024-1-1"] {
            filled(data, &format!("deliveries/{feed}/{night}"));
        }
    }
    filled(data, "deliveries/finance/payroll/2025-06-01");
    filled(data, "deliveries/finance/payroll/2025-07-01");
    let needed = BTreeMap::from([("finance/payroll".to_owned(), BTreeSet::from([day("2024-01-02")]))]);
    let due = old_deliveries(data, day("2025-06-15"), Some(day("2025-06-01")), &needed).expect("they are listed");
    let of_payroll = ["2024-01-01 3", "2024-01-03.partial 3"].map(|it| format!("deliveries/finance/payroll/{it}"));
    let of_old = ["2024-01-01 3", "2024-01-03.partial 3"].map(|it| format!("deliveries/personnel/old/{it}"));
    assert_eq!(told(data, &due), [of_payroll, of_old].concat(), "the needed one, that of the newest night and the newest of each stay");
    due.iter().for_each(|it| remove(it).expect("it goes"));
    assert!(old_deliveries(data, day("2025-06-15"), Some(day("2025-06-01")), &needed).expect("listed").is_empty());
    assert!(data.join("deliveries/finance/payroll/notes").exists());
}

#[test]
fn a_removal_that_was_cut_short_is_finished() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let data = data.path();
    for night in ["2024-01-01", "2024-01-01.partial", "2026-11-01"] {
        filled(data, &format!("nights/{night}"));
    }
    let due = old_nights(data, day("2026-01-01"), None).expect("listed");
    assert_eq!(told(data, &due), ["nights/2024-01-01 3", "nights/2024-01-01.partial 3"]);
    for it in &due {
        remove(it).expect("it goes, whichever went first");
        remove(&Folder { path: it.path.with_extension("partial"), ..it.clone() }).expect("gone already");
    }
    assert_eq!(fs::read_dir(data.join("nights")).expect("a folder").count(), 1);
}

#[test]
fn what_lies_behind_a_link_is_not_touched() {
    let (data, else_where) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    filled(else_where.path(), "2024-01-01");
    fs::create_dir_all(data.path().join("nights")).expect("a folder");
    std::os::unix::fs::symlink(else_where.path().join("2024-01-01"), data.path().join("nights/2024-01-01")).expect("a link");
    assert!(old_nights(data.path(), day("2026-01-01"), None).expect("listed").is_empty());
}

#[test]
fn of_the_operator_s_folder_only_reports_are_ours() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    for (night, file) in
        [("2024-01-01", "report.xlsx"), ("2024-01-01", "notes.docx"), ("2024-01-02", "report.html"), ("2024-01-03", "mine")]
    {
        fs::create_dir_all(folder.join(night)).expect("a folder");
        fs::write(folder.join(night).join(file), "abc").expect("a file");
    }
    let due = old_reports(folder, day("2025-01-01"), None).expect("listed");
    assert_eq!(told(folder, &due), ["2024-01-01 3", "2024-01-02 3"]);
    due.iter().for_each(|it| remove(it).expect("it goes"));
    let left = [("2024-01-01/notes.docx", true), ("2024-01-01/report.xlsx", false), ("2024-01-02", false), ("2024-01-03/mine", true)];
    left.into_iter().for_each(|(path, there)| assert_eq!(folder.join(path).exists(), there, "{path}"));
}

#[test]
fn settings_have_bounds() {
    assert!(RetainSettings::default().wrong().is_empty());
    let wrong = RetainSettings { nights_months: 0, letters_months: 1201, cleared_months: 1200, ..RetainSettings::default() }.wrong();
    assert_eq!(wrong.iter().map(|it| it.0).collect::<Vec<_>>(), ["nights_months", "letters_months"]);
}

#[test]
fn sizes_read_well() {
    assert_eq!([size(0), size(1023), size(1536), size(5 << 20), size(3 << 30)], ["0 B", "1023 B", "1.5 KiB", "5.0 MiB", "3.0 GiB"]);
}

#[test]
fn what_a_kept_night_finds_stays_and_what_a_deleted_one_found_goes() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = Archive { data: folder.path().to_owned(), vault: crate::vault::TESTS.clone() };
    let keys = ["p-a", "p-b", "p-c"].map(|key| {
        let subject = muster_core::finding::Subject::Person { key: key.into(), id: 1 };
        (case::key(muster_core::finding::Family::Ghost, &subject), subject)
    });
    for (night, subject) in [("2026-01-01", &keys[0].1), ("2026-01-02", &keys[1].1)] {
        let found = crate::sample::night().cases[0].findings.values().next().expect("a finding").clone();
        let finding = Finding { subject: subject.clone(), family: muster_core::finding::Family::Ghost, ..found };
        let folder = archive.night(day(night));
        fs::create_dir_all(&folder).expect("a folder");
        let mut out = archive.vault.sealing(fs::File::create(folder.join("findings.jsonl.sealed")).expect("a file")).expect("sealed");
        writeln!(out, "{}", serde_json::to_string(&finding).expect("JSON")).expect("written");
        out.finish().expect("written");
    }
    let all = || keys.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
    let left = |gone: &[&PathBuf]| {
        let left = not_found_any_more(&archive, all(), &gone.iter().copied().collect()).expect("read");
        keys.iter().map(|it| left.contains(&it.0)).collect::<Vec<_>>()
    };
    assert_eq!(left(&[]), [false, false, true]);
    assert_eq!(left(&[&archive.night(day("2026-01-01"))]), [true, false, true]);
    fs::write(archive.night(day("2026-01-02")).join("findings.jsonl.sealed"), "damaged").expect("a file");
    assert!(not_found_any_more(&archive, all(), &BTreeSet::new()).is_err(), "what cannot be read may find anybody");
}
