//! Every rule card of `rules/` is read and proved on its own examples.

use std::path::PathBuf;

use muster_core::diag::{Mistake, Source};
use muster_core::rule::{self, Rule};

fn cards() -> Vec<Source> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let entries = std::fs::read_dir(&folder).map(|it| it.flatten().map(|it| it.path()).collect::<Vec<_>>()).unwrap_or_default();
    let mut paths: Vec<PathBuf> = entries.into_iter().filter(|it| it.extension().is_some_and(|it| it == "md")).collect();
    paths.sort();
    let name = |path: &PathBuf| format!("rules/{}", path.file_name().unwrap_or_default().to_string_lossy());
    paths.iter().map(|path| Source::new(name(path), std::fs::read_to_string(path).expect("a readable card"))).collect()
}

fn told(mistake: &Mistake) -> String {
    let hint = mistake.hint().map(|it| format!("\n  hint: {it}")).unwrap_or_default();
    format!("{}: {mistake}{hint}", mistake.place())
}

#[tokio::test]
async fn every_card_reads_and_every_example_holds() {
    let mut wrong: Vec<String> = Vec::new();
    let mut rules: Vec<Rule> = Vec::new();
    for card in cards() {
        match rule::read(card) {
            Ok(rule) => rules.push(rule),
            Err(mistakes) => wrong.extend(mistakes.iter().map(told)),
        }
    }
    for rule in &rules {
        wrong.extend(rule::prove(rule).await.iter().filter(|it| !it.ok()).map(ToString::to_string));
        let guilty = rule.examples.iter().any(|it| !it.finds.rows.is_empty());
        let innocent = rule.examples.iter().any(|it| it.finds.rows.is_empty());
        if !(guilty && innocent) {
            wrong.push(format!("{}: a card needs a guilty and an innocent example", rule.source.path));
        }
    }
    assert!(!rules.is_empty() || !wrong.is_empty(), "no cards in rules/");
    let mut ids: Vec<&str> = rules.iter().map(|it| it.id.as_str()).collect();
    ids.sort_unstable();
    for pair in ids.windows(2).filter(|it| it[0] == it[1]) {
        wrong.push(format!("two cards are called {}", pair[0]));
    }
    assert!(wrong.is_empty(), "\n\n{}\n", wrong.join("\n\n"));
}
