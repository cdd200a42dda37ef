//! Which files of a folder a pattern means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use glob::{MatchOptions, Pattern};

use crate::{Failure, Offer, Place, near};

/// `*` stays within a folder's name and does not mean hidden files.
const OPTIONS: MatchOptions = MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Whether a file called `name` is one that the pattern of an [`crate::Ask::table`] means.
pub fn fits(pattern: &str, name: &str) -> bool {
    pattern == name || Pattern::new(pattern).is_ok_and(|it| it.matches_with(name, OPTIONS))
}

/// The folder of a source.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub place: Place,
    /// As the settings say it, for messages.
    pub name: String,
    path: PathBuf,
}

/// A file of a source, and what it was like when it was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub path: PathBuf,
    /// Its path below the folder.
    pub name: String,
    stamp: Stamp,
}

/// Length and time of the last change.
pub(crate) type Stamp = (u64, Option<SystemTime>);

impl Folder {
    /// The folder called `name` in the settings, below the root of `place`.
    pub(crate) fn new(place: Place, name: &str) -> Folder {
        let path = place.root.join(name);
        Folder { place, name: name.to_owned(), path }
    }

    /// The files that `pattern` means, in name order: at least one, or a failure that names those there are.
    pub(crate) fn find(&self, pattern: &str) -> Result<Vec<Found>, Failure> {
        let failure = |why: String| self.place.failure(pattern, why);
        if !self.path.is_dir() {
            let hint = format!("it is looked for at {}", self.path.display());
            return Err(failure(format!("there is no folder `{}`", self.name)).hint(hint));
        }
        if Path::new(pattern).components().any(|it| !matches!(it, std::path::Component::Normal(_) | std::path::Component::CurDir)) {
            return Err(failure("a file pattern stays below the source's folder".to_owned()));
        }
        let found = self.matching(pattern).map_err(failure)?;
        if found.is_empty() {
            return Err(failure(format!("no file in `{}` is called `{pattern}`", self.name)).hint(self.what_there_is(pattern)));
        }
        Ok(found)
    }

    fn matching(&self, pattern: &str) -> Result<Vec<Found>, String> {
        let literal = self.path.join(pattern);
        if literal.is_file() {
            return Ok(vec![self.found(literal)?]);
        }
        let whole = format!("{}/{pattern}", Pattern::escape(&self.path.to_string_lossy()));
        let paths = glob::glob_with(&whole, OPTIONS).map_err(|it| format!("`{pattern}` is no file pattern: {}", it.msg))?;
        let mut found = Vec::new();
        for path in paths {
            let path = path.map_err(|it| format!("the folder cannot be read: {}", it.error()))?;
            if path.is_file() && !is_lock(&path) {
                found.push(self.found(path)?);
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn found(&self, path: PathBuf) -> Result<Found, String> {
        let name = path.strip_prefix(&self.path).unwrap_or(&path).to_string_lossy().into_owned();
        let stamp = stamp(&path).map_err(|it| format!("{name}: {it}"))?;
        Ok(Found { path, name, stamp })
    }

    fn what_there_is(&self, pattern: &str) -> String {
        let all = self.matching("**/*").unwrap_or_default();
        let names = || all.iter().map(|it| it.name.as_str());
        match near::nearest(pattern, names()) {
            _ if all.is_empty() => format!("the folder is empty: {}", self.path.display()),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the folder holds {}", near::list(names())),
        }
    }

    /// The files with one of the `endings`, as offers: files whose names differ in numbers only (months, mostly) are one offer with `*`
    /// for the numbers. `columns` is asked once for each offer, with its last file; nothing is offered where it gives none.
    pub(crate) fn offers(&self, endings: &[&str], columns: impl Fn(&Found) -> Option<Vec<String>>) -> Result<Vec<Offer>, Failure> {
        if !self.path.is_dir() {
            let hint = format!("it is looked for at {}", self.path.display());
            return Err(self.place.failure("", format!("there is no folder `{}`", self.name)).hint(hint));
        }
        let mut alike: BTreeMap<String, Vec<Found>> = BTreeMap::new();
        for found in self.matching("**/*").map_err(|why| self.place.failure("", why))? {
            if endings.iter().any(|it| found.name.to_ascii_lowercase().ends_with(it)) {
                alike.entry(starred(&found.name)).or_default().push(found);
            }
        }
        let offer = |(pattern, files): (String, Vec<Found>)| {
            let last = files.last()?;
            let table = if files.len() > 1 { pattern } else { Pattern::escape(&last.name) };
            Some(Offer { table, columns: columns(last)?, rows: None })
        };
        Ok(alike.into_iter().filter_map(offer).collect())
    }
}

impl Found {
    /// Refuses a file that somebody wrote to since it was found: its rows may be of two versions.
    pub(crate) fn unchanged(&self) -> Result<(), String> {
        match stamp(&self.path) {
            Ok(now) if now == self.stamp => Ok(()),
            Ok(_) => Err(format!("{} was changed while it was read", self.name)),
            Err(error) => Err(format!("{} went away while it was read: {error}", self.name)),
        }
    }

    /// What the file begins with, at most `len` bytes.
    pub(crate) fn beginning(&self, len: u64) -> std::io::Result<Vec<u8>> {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        std::fs::File::open(&self.path)?.take(len).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// What a later look at the file is compared with.
pub(crate) fn stamp(path: &Path) -> std::io::Result<Stamp> {
    let about = std::fs::metadata(path)?;
    Ok((about.len(), about.modified().ok()))
}

/// Excel and WPS leave `~$name.xlsx` beside a workbook that somebody has open, others `.~lock.name#`.
fn is_lock(path: &Path) -> bool {
    path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(['~', '.']))
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
    use super::*;

    fn folder(names: &[&str]) -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().expect("a folder for the test");
        for name in names {
            let path = root.path().join("finance").join(name);
            std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
            std::fs::write(path, "x").expect("a file");
        }
        let place = Place { department: "finance".to_owned(), source: "archive".to_owned(), root: root.path().to_owned() };
        let folder = Folder::new(place, "finance");
        (root, folder)
    }

    #[test]
    fn a_pattern_gives_its_files_in_name_order_without_locks() {
        let (_root, folder) = folder(&["b-2.xlsx", "b-1.xlsx", "~$b-1.xlsx", ".b-3.xlsx", "old/b-0.xlsx"]);
        let names = |pattern: &str| folder.find(pattern).expect("files").into_iter().map(|it| it.name).collect::<Vec<_>>();
        assert_eq!(names("b-*.xlsx"), ["b-1.xlsx", "b-2.xlsx"]);
        assert_eq!(names("old/*.xlsx"), ["old/b-0.xlsx"]);
        assert!(fits("b-*.xlsx", "b-1.xlsx") && fits("[1].csv", "[1].csv") && !fits("b-*.xlsx", "c-1.xlsx"));
    }

    #[test]
    fn a_pattern_without_files_says_what_there_is() {
        let (_root, folder) = folder(&["工资-202603.xlsx"]);
        let failure = folder.find("工资-202604.xlsx").expect_err("no such file");
        assert_eq!(failure.to_string(), "finance/archive 工资-202604.xlsx: no file in `finance` is called `工资-202604.xlsx`");
        assert_eq!(failure.hint.as_deref(), Some("did you mean `工资-202603.xlsx`?"));
        let failure = folder.find("参保.csv").expect_err("no such file");
        assert_eq!(failure.hint.as_deref(), Some("the folder holds `工资-202603.xlsx`"));
        let failure = folder.find("../*.xlsx").expect_err("outside");
        assert_eq!(failure.why, "a file pattern stays below the source's folder");
        assert!(folder.find("[").expect_err("no pattern").why.starts_with("`[` is no file pattern"));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let place = Place { department: "hr".to_owned(), source: "archive".to_owned(), root: PathBuf::from("/nowhere") };
        assert_eq!(Folder::new(place, "in").find("*").expect_err("no folder").why, "there is no folder `in`");
    }

    #[test]
    fn months_of_one_table_are_one_offer() {
        let (_root, folder) = folder(&["pay-2026-01.csv", "pay-2026-02.csv", "units[1].csv", "notes.txt"]);
        let offers = folder.offers(&[".csv"], |found| Some(vec![found.name.clone()])).expect("offers");
        let said: Vec<_> = offers.iter().map(|it| (it.table.as_str(), it.columns[0].as_str())).collect();
        assert_eq!(said, [("pay-*-*.csv", "pay-2026-02.csv"), ("units[[]1[]].csv", "units[1].csv")]);
        assert_eq!(folder.find(&offers[1].table).expect("the offer").len(), 1);
    }
}
