use std::collections::BTreeMap;

use muster_core::figures::Figures;
use muster_core::report::Lang;

use super::*;
use crate::sample;

fn render(night: &Night, lang: Lang) -> String {
    page(night, lang, None).expect("the template fits the view")
}

#[test]
fn every_word_of_the_template_stands_in_both_languages() {
    let template = include_str!("night.html");
    let names: std::collections::BTreeSet<&str> = WORDS.iter().map(|it| it.0).collect();
    assert_eq!(names.len(), WORDS.len(), "a word stands once, or one meaning hides the other");
    for (name, zh, en) in WORDS {
        assert!(!zh.is_empty() && !en.is_empty() && !sample::has_chinese(en), "{name}");
        assert!(template.contains(&format!("t.{name} ")), "{name} is not used");
    }
    // Undefined words are errors while rendering.
    assert!(render(&sample::night(), Lang::Zh).contains("今晚的数据可信吗"));
    let english = render(&sample::without_chinese(sample::night()), Lang::En);
    let left: Vec<&str> = english.lines().filter(|it| sample::has_chinese(it) && !it.contains("font:")).collect();
    assert_eq!(left, Vec::<&str>::new(), "a Chinese label in the English page");
}

#[test]
fn what_sources_write_is_text_and_never_markup() {
    let mut night = sample::night();
    let evil = "<script>alert(1)</script>\"'&";
    night.city.zh = evil.into();
    night.unlinked_units[0].unit_name = Some(evil.into());
    for person in night.people.values_mut() {
        person.name = Some(evil.into());
    }
    for finding in night.cases.iter_mut().flat_map(|it| it.findings.values_mut()) {
        finding.lines[0].zh = evil.into();
    }
    let html = render(&night, Lang::Zh);
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn id_numbers_are_masked_and_nothing_is_loaded_from_elsewhere() {
    let night = sample::night();
    let html = render(&night, Lang::Zh);
    for person in night.people.values() {
        let id = person.id_number.as_deref().expect("the sample's people have numbers");
        assert!(!html.contains(id) && html.contains(&muster_core::mask::id_number(id)));
    }
    for remote in ["src=", "@import", "url(", "<link", "http:", "https:", "<script"] {
        let loaded: Vec<&str> = html.lines().filter(|it| it.contains(remote) && !it.contains("HYPERLINK")).collect();
        assert_eq!(loaded, Vec::<&str>::new(), "{remote}");
    }
}

#[test]
fn the_same_night_gives_the_same_page_and_the_page_adds_up() {
    let night = sample::night();
    let html = render(&night, Lang::Zh);
    assert_eq!(html, render(&night, Lang::Zh));
    assert!(html.contains("✓ 平衡") && html.contains("2,270") && html.contains("14.0%"));

    let mut wrong = night;
    wrong.events.clear();
    assert!(render(&wrong, Lang::Zh).contains("✗ 不平"));
}

#[test]
fn a_night_without_anything_still_has_a_page() {
    let mut night = sample::night();
    (night.feeds, night.rules, night.cases, night.events) = (vec![], vec![], vec![], vec![]);
    (night.units, night.people, night.unlinked_units) = (BTreeMap::new(), BTreeMap::new(), vec![]);
    night.figures = Figures::default();
    let html = render(&night, Lang::En);
    assert!(html.contains("No: no feed or rule could be used.") && html.contains("No lead is open tonight."));
}
