//! Printed references are fresh, and the README's pictures and commands exist.

mod support;

use std::fs;
use std::path::Path;

#[test]
fn printed_references_are_fresh() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let out = support::muster(&["docs", "--write", &root.path().display().to_string()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let mut pages = 0;
    for page in fs::read_dir(root.path()).expect("the folder").filter_map(Result::ok) {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page.file_name());
        let printed = fs::read_to_string(page.path()).expect("a page");
        let stale = fs::read_to_string(&kept).map_or(true, |it| it != printed);
        assert!(!stale, "{} is stale: cargo run -- docs --write docs", kept.display());
        pages += 1;
    }
    assert!(pages >= 5);
}

#[test]
fn every_command_has_help_in_both_languages() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md")).expect("docs/commands.md");
    for line in text.lines().filter(|it| it.starts_with("  ") && it.split_whitespace().count() > 3) {
        let zh = line.chars().any(|it| ('\u{4e00}'..='\u{9fff}').contains(&it));
        let ours = !line.contains("Print help")
            && !line.contains("Print version")
            && !line.contains("Print this message")
            && !line.contains("[default");
        assert!(zh || !ours || !line.trim_start().starts_with("--"), "{line}");
    }
}
