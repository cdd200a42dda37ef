//! Which files of a folder a pattern means, and which of them are not to be touched yet.

use std::collections::BTreeMap;

use glob::{MatchOptions, Pattern};
use serde::Deserialize;

use crate::store::{Entry, Trouble};
use crate::{near, said};

/// `*` stays within a folder's name and does not mean hidden files.
const OPTIONS: MatchOptions = MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Endings that senders give a file until it is whole.
const UNFINISHED: [&str; 9] = [".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".uploading", ".writing", ".!ut"];

/// Why a file that fits is left out.
pub(crate) const BEING_WRITTEN: &str = "file being written";
/// The file that Excel or WPS leave beside a workbook that somebody has open.
pub(crate) const LOCK: &str = "lock of an open file";
/// Of several, only the newest was asked for.
pub(crate) const OLDER: &str = "older file";

/// Whether a file called `name` is one that the pattern of an [`crate::Ask::table`] means.
pub fn fits(pattern: &str, name: &str) -> bool {
    pattern == name || Pattern::new(pattern).is_ok_and(|it| it.matches_with(name, OPTIONS))
}

/// Which of the files that fit are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pick {
    /// All of them are one table.
    #[default]
    All,
    /// The one that was changed last; of equals the last by name.
    Newest,
}

/// A table's name: a pattern of files, and for archives one of their members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub files: String,
    /// Null: all members of the source's format.
    pub members: Option<String>,
}

impl Wanted {
    /// `pay-*.zip/*.csv` are the members `*.csv` of the archives `pay-*.zip`.
    pub(crate) fn read(table: &str) -> Result<Wanted, Trouble> {
        let outside = |part: &str| part == ".." || part.is_empty();
        if table.starts_with('/') || table.split('/').any(outside) {
            return Err(Trouble::new(said!("文件名模式不能超出来源的文件夹", "a file pattern stays below the source's folder")));
        }
        let (files, members) = match table.to_ascii_lowercase().find(".zip/") {
            Some(at) => (&table[..at + 4], Some(&table[at + 5..])),
            None => (table, None),
        };
        for pattern in [Some(files), members].into_iter().flatten() {
            Pattern::new(pattern)
                .map_err(|it| Trouble::new(said!("`{pattern}` 不是文件名模式：{}", "`{pattern}` is no file pattern: {}", it.msg)))?;
        }
        Ok(Wanted { files: files.trim_start_matches("./").to_owned(), members: members.map(str::to_owned) })
    }

    /// How many folders deep its files may be.
    pub(crate) fn depth(&self) -> usize {
        if self.files.contains("**") { DEEPEST } else { self.files.matches('/').count() }
    }
}

/// Folders below folders are looked at to this depth.
pub(crate) const DEEPEST: usize = 8;

/// What was picked, in name order, and what fitted but was left out.
#[derive(Debug, Default)]
pub(crate) struct Picked {
    pub files: Vec<Entry>,
    pub left: Vec<(String, &'static str)>,
}

/// The files of `entries` that `pattern` means: at least one, or trouble that names those there are.
pub(crate) fn pick(entries: &[Entry], pattern: &str, folder: &str, pick: Pick) -> Result<Picked, Trouble> {
    let mut picked = Picked::default();
    for entry in entries {
        match reserved(&entry.name) {
            None if fits(pattern, &entry.name) => picked.files.push(entry.clone()),
            None => {}
            Some((whole, why)) if fits(pattern, &entry.name) || fits(pattern, &whole) => picked.left.push((entry.name.clone(), why)),
            Some(_) => {}
        }
    }
    picked.files.sort_by(|a, b| a.name.cmp(&b.name));
    picked.left.sort();
    if picked.files.is_empty() {
        return Err(nothing(entries, pattern, folder, &picked.left));
    }
    if pick == Pick::Newest {
        let newest = picked.files.iter().enumerate().max_by_key(|(at, it)| (it.changed, *at)).map_or(0, |(at, _)| at);
        let newest = picked.files.remove(newest);
        picked.left.extend(picked.files.drain(..).map(|it| (it.name, OLDER)));
        picked.files.push(newest);
    }
    Ok(picked)
}

fn nothing(entries: &[Entry], pattern: &str, folder: &str, left: &[(String, &'static str)]) -> Trouble {
    if let Some((name, _)) = left.iter().find(|(_, why)| *why == BEING_WRITTEN) {
        return Trouble::new(said!("{name} 还在写", "{name} is still being written"))
            .hint(said!("送数方改为最终名称后才会读取", "it is read when its sender gives it its final name"))
            .passing();
    }
    let names: Vec<&str> = entries.iter().filter(|it| reserved(&it.name).is_none()).map(|it| it.name.as_str()).collect();
    let hint = match near::nearest(pattern, names.iter().copied()) {
        _ if names.is_empty() => said!("文件夹是空的", "the folder is empty"),
        Some(near) => said!("是不是 `{near}`？", "did you mean `{near}`?"),
        None => said!("文件夹中有 {}", "the folder holds {}"; near::list(names.iter().copied())),
    };
    Trouble::new(said!("`{folder}` 中没有名为 `{pattern}` 的文件", "no file in `{folder}` is called `{pattern}`")).hint(hint)
}

/// For a file that is not to be read: what it will be called when it may be, and why not now. Null for any other.
fn reserved(name: &str) -> Option<(String, &'static str)> {
    let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
    let below = |file: &str| if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") };
    // Excel and WPS leave `~$name.xlsx` beside a workbook that somebody has open, others `.~lock.name#`.
    if let Some(whole) = file.strip_prefix("~$").or_else(|| Some(file.strip_prefix(".~lock.")?.trim_end_matches('#'))) {
        return Some((below(whole), LOCK));
    }
    let lower = file.to_ascii_lowercase();
    if let Some(ending) = UNFINISHED.iter().find(|it| lower.ends_with(*it)) {
        return Some((below(file[..file.len() - ending.len()].trim_start_matches('.')), BEING_WRITTEN));
    }
    // rsync writes `.name.csv.Xy12Ab`.
    file.starts_with(['.', '~']).then(|| {
        let bare = file.trim_start_matches(['.', '~']);
        (below(bare.rsplit_once('.').map_or(bare, |(whole, _)| whole)), BEING_WRITTEN)
    })
}

/// Files whose names differ in numbers only (months, mostly), under a pattern with `*` for the numbers; one alone under its own name.
pub(crate) fn alike<T>(files: impl IntoIterator<Item = T>, name: impl Fn(&T) -> &str) -> Vec<(String, Vec<T>)> {
    let mut alike: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for file in files {
        if reserved(name(&file)).is_none() {
            alike.entry(starred(name(&file))).or_default().push(file);
        }
    }
    let table = |(pattern, mut files): (String, Vec<T>)| {
        files.sort_by(|a, b| name(a).cmp(name(b)));
        let pattern = if files.len() > 1 { pattern } else { Pattern::escape(name(&files[0])) };
        (pattern, files)
    };
    alike.into_iter().map(table).collect()
}

/// A file name as a pattern, with `*` for every run of digits.
fn starred(name: &str) -> String {
    let mut pattern = String::new();
    for it in name.chars() {
        match it {
            '0'..='9' if pattern.ends_with('*') => {}
            '0'..='9' => pattern.push('*'),
            _ => pattern.push_str(&Pattern::escape(it.encode_utf8(&mut [0; 4]))),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn entries(names: &[&str]) -> Vec<Entry> {
        let entry = |(at, name): (usize, &&str)| Entry {
            name: (*name).to_owned(),
            bytes: 1,
            changed: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(at as u64)),
        };
        names.iter().enumerate().map(entry).collect()
    }

    /// What is picked, and what is left with its reason.
    fn check(names: &[&str], pattern: &str, how: Pick, expected: &[&str], left: &[&str]) {
        let picked = pick(&entries(names), pattern, "in", how).expect("files");
        assert_eq!(picked.files.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), expected, "{pattern}");
        assert_eq!(picked.left.iter().map(|(name, why)| format!("{name}: {why}")).collect::<Vec<_>>(), left, "{pattern}");
    }

    fn refusal(names: &[&str], pattern: &str) -> (String, String) {
        let trouble = pick(&entries(names), pattern, "in", Pick::All).expect_err("nothing to pick");
        (trouble.why.en, trouble.hint.unwrap_or_default().en)
    }

    #[test]
    fn a_pattern_gives_its_files_in_name_order_and_tells_locks() {
        let names = ["b-2.xlsx", "b-1.xlsx", "~$b-1.xlsx", "old/b-0.xlsx", "notes.txt"];
        check(&names, "b-*.xlsx", Pick::All, &["b-1.xlsx", "b-2.xlsx"], &["~$b-1.xlsx: lock of an open file"]);
        check(&names, "old/*.xlsx", Pick::All, &["old/b-0.xlsx"], &[]);
        check(&names, "**/*.xlsx", Pick::All, &["b-1.xlsx", "b-2.xlsx", "old/b-0.xlsx"], &["~$b-1.xlsx: lock of an open file"]);
        assert!(fits("b-*.xlsx", "b-1.xlsx") && fits("[1].csv", "[1].csv") && !fits("b-*.xlsx", "c-1.xlsx"));
    }

    #[test]
    fn what_is_still_written_is_told_and_not_read() {
        let names = ["pay-1.csv", "pay-2.csv.part", "pay-3.csv.filepart", ".pay-4.csv.Xy12Ab", "pay-5.tmp", "old.part"];
        let left =
            [".pay-4.csv.Xy12Ab: file being written", "pay-2.csv.part: file being written", "pay-3.csv.filepart: file being written"];
        check(&names, "pay-*.csv", Pick::All, &["pay-1.csv"], &left);
        let trouble = pick(&entries(&names[1..]), "pay-*.csv", "in", Pick::All).expect_err("nothing whole");
        assert!(trouble.passing && trouble.why.ends_with("is still being written"), "{trouble:?}");
    }

    #[test]
    fn the_newest_is_the_one_changed_last() {
        let left = ["pay-2.csv: older file", "pay-3.csv: older file"];
        check(&["pay-3.csv", "pay-2.csv", "pay-1.csv"], "pay-*.csv", Pick::Newest, &["pay-1.csv"], &left);
    }

    #[test]
    fn a_pattern_without_files_says_what_there_is() {
        let (why, hint) = refusal(&["工资-202603.xlsx"], "工资-202604.xlsx");
        assert_eq!(why, "no file in `in` is called `工资-202604.xlsx`");
        assert_eq!(hint, "did you mean `工资-202603.xlsx`?");
        assert_eq!(refusal(&["工资-202603.xlsx"], "参保.csv").1, "the folder holds `工资-202603.xlsx`");
        assert_eq!(refusal(&[], "参保.csv").1, "the folder is empty");
    }

    #[test]
    fn members_of_archives_have_a_pattern_of_their_own() {
        let read = |table: &str| Wanted::read(table).map(|it| (it.files, it.members));
        assert_eq!(read("in/Pay-*.ZIP/工资*.csv"), Ok(("in/Pay-*.ZIP".to_owned(), Some("工资*.csv".to_owned()))));
        assert_eq!(read("pay.zip"), Ok(("pay.zip".to_owned(), None)));
        for outside in ["../*.xlsx", "/etc/passwd", "a//b", "pay.zip/../b.csv"] {
            assert_eq!(read(outside).expect_err("outside").why, "a file pattern stays below the source's folder", "{outside}");
        }
        assert!(read("[").expect_err("no pattern").why.starts_with("`[` is no file pattern"));
    }

    #[test]
    fn months_of_one_table_are_alike() {
        let names = ["pay-2026-02.csv", "pay-2026-01.csv", "units[1].csv"];
        let alike = alike(names, |it| it);
        assert_eq!(alike[0], ("pay-*-*.csv".to_owned(), vec!["pay-2026-01.csv", "pay-2026-02.csv"]));
        assert_eq!(alike[1], ("units[[]1[]].csv".to_owned(), vec!["units[1].csv"]));
    }
}
