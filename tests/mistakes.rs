//! What a person typed wrong is shown with file, line, caret and hint; several mistakes at once; nothing panics.

mod support;

use std::fs;
use std::path::Path;

use support::story;

const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name | kind |
| U1 | 中心小学 | institution |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 11010519491231002X | 张三 | U1 | 202601..202610 | salary | 500000 |
finds nothing
";

/// A small city in which `file` has `wrong` instead of `right`; gives stderr and the exit code.
fn told(file: &str, right: &str, wrong: &str) -> (String, i32) {
    told_in("en", file, right, wrong)
}

fn told_in(lang: &str, file: &str, right: &str, wrong: &str) -> (String, i32) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let story = story::read(STORY);
    story::settle(&story, root.path());
    story::deliver(&story.nights[0], root.path());
    edit(&root.path().join(file), right, wrong);
    let config = root.path().join("config/muster.toml").display().to_string();
    let out = support::muster(&["run", "--config", &config, "--night", "2026-11-15", "--lang", lang]);
    (String::from_utf8_lossy(&out.stderr).into_owned(), out.status.code().unwrap_or(-1))
}

fn edit(path: &Path, right: &str, wrong: &str) {
    let text = fs::read_to_string(path).unwrap_or_default();
    assert!(right.is_empty() || text.contains(right), "{right} in {}", path.display());
    let new = if right.is_empty() { format!("{text}{wrong}") } else { text.replacen(right, wrong, 1) };
    fs::write(path, new).expect("a file of the test");
}

fn check(file: &str, right: &str, wrong: &str, says: &[&str]) {
    let (text, code) = told(file, right, wrong);
    assert_eq!(code, 78, "{text}");
    let name = Path::new(file).file_name().expect("a file name").to_string_lossy().into_owned();
    for it in says.iter().copied().chain([name.as_str()]) {
        assert!(text.contains(it), "says {it}:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_misspelt_key_of_the_configuration() {
    check("config/muster.toml", "region", "regoin", &["regoin", "did you mean `region`?"]);
}

#[test]
fn a_misspelt_shared_column() {
    check("mappings/payment.toml", "month =", "mnoth =", &["mnoth", "did you mean `month`?"]);
}

#[test]
fn a_misspelt_shared_table() {
    check("mappings/payment.toml", "fills = \"payment\"", "fills = \"paymnt\"", &["did you mean `payment`?"]);
}

#[test]
fn two_mistakes_are_told_at_once() {
    check("mappings/payment.toml", "month = { from = \"month\" }\nkind =", "mnoth = { from = \"month\" }\nknd =", &["mnoth", "knd"]);
}

#[test]
fn an_unknown_kind_of_source() {
    check("config/departments/payment.toml", "kind = \"csv\"", "kind = \"cvs\"", &["cvs", "csv"]);
}

#[test]
fn a_mapping_that_is_not_there() {
    check("config/departments/payment.toml", "mapping = \"payment\"", "mapping = \"paymnt\"", &["no mapping `paymnt`"]);
}

#[test]
fn a_card_with_a_wrong_column() {
    let card = include_str!("../rules/paid-by-two-units.md").replace("p.kind", "p.knd").replace("\"D01\"", "\"D99\"");
    let card = card.replace("paid-by-two-units", "own-rule");
    let (text, code) = told("rules/own-rule.md", "", &card);
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("knd") && text.contains("own-rule.md"), "{text}");
}

#[test]
fn no_configuration_at_all() {
    let out = support::muster(&["run", "--config", "nowhere/muster.toml", "--lang", "en"]);
    assert_eq!(out.status.code(), Some(78));
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(text.contains("nowhere/muster.toml") && text.contains("muster init"), "{text}");
}

#[test]
fn mistakes_of_mapping_and_configuration_are_told_in_the_readers_language() {
    for (file, right, wrong, says) in [
        ("mappings/payment.toml", "month =", "mnoth =", &["`payment` 没有 `mnoth` 这一列", "未知的列", "是不是 `month`？"][..]),
        ("mappings/payment.toml", "money = \"fen\"", "money = \"euro\"", &["`euro` 不是金额单位", "单位有 yuan, wan, fen"]),
        ("config/muster.toml", "region", "regoin", &["没有 `regoin` 这一项", "是不是 `region`？"]),
        ("config/departments/payment.toml", "kind", "knid", &["缺少 `kind`", "这个来源"]),
    ] {
        let (text, code) = told_in("zh", file, right, wrong);
        assert_eq!(code, 78, "{text}");
        for it in says {
            assert!(text.contains(it), "{file} says {it}:\n{text}");
        }
        assert!(!text.contains("did you mean"), "{text}");
    }
}
