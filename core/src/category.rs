//! Official categories: what published documents call the forms that rules find, so that reports can be grouped by them.
//!
//! They are data, `rules/categories.toml`. A card names its category of the first list itself; the other lists name their rules.

use serde::Deserialize;

use crate::diag::{Mistake, Source, did_you_mean};
use crate::mapping::Title;
use crate::rule::Rule;

/// The lists that come with muster.
pub const SHIPPED: &str = include_str!("../../rules/categories.toml");

/// One document's list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Short name, unique.
    pub id: String,
    /// What the document is called.
    pub title: Title,
    /// Its forms, in its order.
    #[serde(rename = "category")]
    pub categories: Vec<Category>,
}

/// One form of a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its number in the document.
    pub code: String,
    /// 中文.
    pub zh: String,
    /// English.
    pub en: String,
    /// Rules that find it; of the first list, the cards say so.
    #[serde(default)]
    pub rules: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    list: Vec<List>,
}

/// Reads the lists and holds them against the cards: a rule that no card has, and a card whose category no list has, are mistakes.
/// `is_own`: a city's own file may leave forms out, so that cards need not find theirs in it.
pub fn read(source: &Source, cards: &[Rule], is_own: bool) -> Result<Vec<List>, Vec<Mistake>> {
    let lists = toml::from_str::<File>(&source.text)
        .map_err(|err| vec![source.mistake(err.span().unwrap_or(0..0), err.message().lines().next().unwrap_or_default(), "here")])?
        .list;
    let mut mistakes = Vec::new();
    for rule in lists.iter().flat_map(|it| &it.categories).flat_map(|it| &it.rules).filter(|it| !cards.iter().any(|card| card.id == **it)) {
        let at = source.text.find(&format!("\"{rule}\"")).map_or(0..0, |at| at..at + rule.len() + 2);
        let hint = did_you_mean(rule, cards.iter().map(|it| it.id.as_str()), "`muster rules` lists them");
        mistakes.push(source.mistake(at, format!("there is no rule `{rule}`"), "here").try_this(hint));
    }
    let known = || lists.first().into_iter().flat_map(|it| &it.categories).map(|it| it.code.as_str());
    for card in cards.iter().filter(|_| !is_own) {
        let Some(code) = card.category.as_deref().filter(|it| !known().any(|known| known == *it)) else { continue };
        let at = card.source.text.find("category").map_or(0..0, |at| at..at + "category".len());
        let hint = did_you_mean(code, known(), "rules/categories.toml lists them");
        mistakes.push(card.source.mistake(at, format!("there is no official category `{code}`"), "here").try_this(hint));
    }
    if mistakes.is_empty() { Ok(lists) } else { Err(mistakes) }
}

impl List {
    /// Whether `card` finds `category` of this list; `first` says that this is the list whose codes stand in the cards.
    pub fn holds(&self, category: &Category, card: &Rule, first: bool) -> bool {
        category.rules.contains(&card.id) || first && card.category.as_deref() == Some(category.code.as_str())
    }
}

/// Every category of `card`, as `佳木斯市清单 12 死亡后仍领取`, in the order of the lists.
pub fn of(card: &Rule, lists: &[List]) -> Vec<Title> {
    let mut found = Vec::new();
    for (at, list) in lists.iter().enumerate() {
        for it in list.categories.iter().filter(|it| list.holds(it, card, at == 0)) {
            found.push(Title {
                zh: format!("{} {} {}", list.title.zh, it.code, it.zh),
                en: format!("{} {} {}", list.title.en, it.code, it.en),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Rule {
        crate::rule::read(Source::new("paid-after-death.md", include_str!("../../rules/paid-after-death.md"))).expect("shipped")
    }

    #[test]
    fn a_card_stands_in_the_lists_that_name_it_and_in_the_one_it_names() {
        let text = "[[list]]\nid=\"a\"\ntitle={zh=\"甲\",en=\"A\"}\ncategory=[{code=\"P4\",zh=\"死\",en=\"dead\"},{code=\"P5\",zh=\"罚\",en=\"fined\"}]\n\
                    [[list]]\nid=\"b\"\ntitle={zh=\"乙\",en=\"B\"}\ncategory=[{code=\"12\",zh=\"亡\",en=\"gone\",rules=[\"G01\"]}]\n";
        let lists = read(&Source::new("categories.toml", text), &[card()], false).expect("fine");
        let of: Vec<String> = of(&card(), &lists).into_iter().map(|it| it.en).collect();
        assert_eq!(of, ["A P4 dead", "B 12 gone"]);
    }

    #[test]
    fn a_rule_that_is_not_there_and_a_category_that_no_list_has_are_told() {
        let text = "[[list]]\nid=\"a\"\ntitle={zh=\"甲\",en=\"A\"}\ncategory=[{code=\"P5\",zh=\"罚\",en=\"fined\",rules=[\"G1\"]}]\n";
        let told = read(&Source::new("categories.toml", text), &[card()], false).expect_err("two mistakes");
        assert_eq!(told.iter().map(Mistake::place).collect::<Vec<_>>()[0], "categories.toml:4");
        assert_eq!(told[0].hint(), Some("did you mean `G01`?"));
        assert!(told[1].what.contains("no official category `P4`"), "{}", told[1].what);
        assert_eq!(read(&Source::new("categories.toml", text), &[card()], true).expect_err("one").len(), 1);
    }
}
