//! Whole nights on small cities: each `tests/cities/<story>.md` is one, told by tables and ended by what must be found.
//!
//! `STORY=clean cargo test --test cities` runs the stories of that name alone. `UPDATE=1` rewrites what is found; read the diff before
//! you commit it.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use support::story;

fn stories() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cities");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).expect("tests/cities").filter_map(Result::ok).map(|it| it.path()).collect();
    paths.retain(|it| it.extension().is_some_and(|it| it == "md"));
    paths.sort();
    assert!(paths.len() >= 62, "at least 62 stories, found {}", paths.len());
    let wanted = std::env::var("STORY").unwrap_or_default();
    paths.retain(|it| it.file_stem().is_some_and(|it| it.to_string_lossy().contains(&wanted)));
    paths
}

#[test]
fn every_city_is_told_as_it_ends() {
    let paths = stories();
    let queue = Mutex::new(paths.iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(path) = { queue.lock().expect("no panic while held").next() } {
                    if let Some(text) = differs(path) {
                        wrong.lock().expect("no panic while held").push(text);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic while held");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What is found in a story, where it differs from what is told.
fn differs(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).expect("a story can be read");
    let story = story::read(&text);
    let root = tempfile::tempdir().expect("a temporary folder");
    story::settle(&story, root.path());
    let mut wrong = Vec::new();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut shift = 0_isize;
    let mut numbers: BTreeMap<String, String> = BTreeMap::new();
    for night in &story.nights {
        story::deliver(night, root.path());
        let (told, _) = support::night(root.path(), &night.day);
        for (key, number) in story::numbers(&told) {
            if let Some(before) = numbers.insert(key, number.clone()).filter(|it| *it != number) {
                wrong.push(format!("{} {}\ncase {before} became {number}", path.display(), night.day));
            }
        }
        let found = story::found(&told);
        if found != night.finds {
            wrong.push(format!(
                "{} {}\nexpected:\n{}\nfound:\n{}",
                path.display(),
                night.day,
                story::finds_text(&night.finds),
                story::finds_text(&found)
            ));
        }
        if let (true, Some((from, to))) = (std::env::var_os("UPDATE").is_some(), night.finds_at) {
            let at = (from as isize + shift) as usize..=(to as isize + shift) as usize;
            let new: Vec<String> = story::finds_text(&found).lines().map(str::to_owned).collect();
            shift += new.len() as isize - (to - from + 1) as isize;
            lines.splice(at, new);
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, lines.join("\n") + "\n").expect("a story can be written");
    }
    (!wrong.is_empty()).then(|| wrong.join("\n\n"))
}
