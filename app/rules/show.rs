//! `muster rules show`: one card, as somebody reads it who has to decide by it.

use std::collections::BTreeMap;
use std::fmt::Write;

use muster_core::finding::{Family, Severity};
use muster_core::mapping::Title;
use muster_core::rule::Rule;
use serde::Serialize;

use super::{Catalogue, Stance, list, status};
use crate::commands::Say;
use crate::words::{Lang, pad, wrapped};

/// A whole card.
#[derive(Serialize)]
struct Told {
    id: String,
    name: String,
    title: Title,
    family: Family,
    severity: Severity,
    status: &'static str,
    tonight: Stance,
    needs: BTreeMap<String, Vec<String>>,
    excuses: BTreeMap<String, Vec<String>>,
    looks_at: String,
    category: Option<String>,
    basis: Option<Title>,
    amount: Option<(String, Title)>,
    confidence: f32,
    settings: Vec<Setting>,
    meaning: Title,
    innocent: Title,
    review: Title,
    sql: String,
    examples: Vec<String>,
    guilty: usize,
    file: String,
}

/// A parameter with the value that counts here.
#[derive(Serialize)]
struct Setting {
    name: String,
    value: String,
    /// What the card says, where the city says otherwise.
    card: Option<String>,
}

/// Prints `card`.
pub fn print(catalogue: &Catalogue, card: &Rule, say: Say) {
    let told = told(catalogue, card);
    say.print(&told, || text(&told, card, say.lang));
}

fn told(catalogue: &Catalogue, card: &Rule) -> Told {
    let tuned = catalogue.tuned(card);
    let usual = card.settings();
    let setting = |(name, value): (String, String)| Setting { card: usual.get(&name).filter(|it| **it != value).cloned(), name, value };
    let feeds = |tables: &[String]| {
        let of = |it: &String| (it.clone(), catalogue.feeds_of(it).into_iter().map(str::to_owned).collect());
        tables.iter().map(of).collect()
    };
    Told {
        id: card.id.clone(),
        name: card.name.clone(),
        title: card.title.clone(),
        family: card.family,
        severity: tuned.severity,
        status: status(card.status),
        tonight: catalogue.stance(card),
        needs: feeds(&card.needs),
        excuses: feeds(&card.excuses),
        looks_at: card.primary().to_owned(),
        category: card.category.clone(),
        basis: card.basis.clone(),
        amount: card.amount.as_ref().map(|it| (it.formula.clone(), it.title.clone())),
        confidence: card.confidence,
        settings: tuned.settings().into_iter().map(setting).collect(),
        meaning: card.prose.meaning.clone(),
        innocent: card.prose.innocent.clone(),
        review: card.prose.review.clone(),
        sql: card.sql.clone(),
        examples: card.examples.iter().map(|it| it.name.clone()).collect(),
        guilty: card.examples.iter().filter(|it| !it.finds.rows.is_empty()).count(),
        file: card.source.path.clone(),
    }
}

fn text(told: &Told, card: &Rule, lang: Lang) -> String {
    let mut out = format!("\n  {} {}\n  {}\n", told.id, lang.of(&told.title), "─".repeat(72));
    facts(&mut out, told, card, lang);
    let headings = lang.pick(["含义", "何时属正常", "核查要点"], ["What it means", "When it is innocent", "What the reviewer does"]);
    for (heading, prose) in headings.into_iter().zip([&told.meaning, &told.innocent, &told.review]) {
        let _ = write!(out, "\n  {heading}\n\n{}", set(lang.of(prose)));
    }
    let _ = writeln!(out, "\n  SQL\n");
    for line in told.sql.lines() {
        let _ = writeln!(out, "    {line}");
    }
    let (guilty, innocent) = (told.guilty, told.examples.len() - told.guilty);
    let head = match lang {
        Lang::Zh => format!("样例：{guilty} 个应当发现，{innocent} 个应当放过"),
        Lang::En => format!("{} examples: {guilty} guilty, {innocent} innocent", told.examples.len()),
    };
    let _ = writeln!(out, "\n  {head}\n");
    for example in &card.examples {
        let mark = if example.finds.rows.is_empty() { "○" } else { "●" };
        let _ = writeln!(out, "    {mark} {}", example.name);
    }
    let _ = writeln!(out, "\n  {}", told.file);
    out
}

fn facts(out: &mut String, told: &Told, card: &Rule, lang: Lang) {
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(out, "  {} {value}", pad(name, lang.pick(10, 12)));
    };
    let (zh, en) = told.family.label();
    let severity = if told.severity == card.severity {
        format!("{:?}", told.severity)
    } else {
        format!(
            "{:?}{}",
            told.severity,
            lang.pick(format!("（规则卡 {:?}）", card.severity), format!(" (the card says {:?})", card.severity))
        )
    };
    fact(lang.pick("类别", "group"), lang.pick(zh, en));
    fact(lang.pick("级别", "severity"), &severity);
    fact(lang.pick("成熟度", "status"), told.status);
    let tonight = match (&told.tonight, list::stance(&told.tonight, lang)) {
        (_, Some(why)) => why,
        (Stance::Unknown, None) => lang.pick("没有配置，无从知道", "no configuration to tell"),
        (_, None) => lang.pick("运行", "runs"),
    };
    fact(lang.pick("本市", "here"), tonight);
    for (name, tables) in [(lang.pick("需要", "needs"), &card.needs), (lang.pick("减责", "excuses"), &card.excuses)] {
        for table in tables {
            let feeds = told.needs.get(table).or_else(|| told.excuses.get(table)).map_or_else(String::new, |it| it.join(" "));
            fact(name, &format!("{} {feeds}", pad(table, 14)));
        }
    }
    for it in &told.settings {
        let card = it.card.as_ref().map_or_else(String::new, |it| lang.pick(format!("（规则卡 {it}）"), format!(" (the card says {it})")));
        fact(lang.pick("参数", "parameter"), &format!("{} = {}{card}", it.name, it.value));
    }
    if let Some(category) = &told.category {
        fact(lang.pick("官方类别", "category"), category);
    }
    if let Some(basis) = &told.basis {
        fact(lang.pick("依据", "basis"), lang.of(basis));
    }
    if let Some((formula, title)) = &told.amount {
        fact(lang.pick("金额", "amount"), &format!("{formula} {}", lang.of(title)));
    }
    fact(lang.pick("可信度", "confidence"), &format!("{:.1}", told.confidence));
}

/// Prose as paragraphs; a list item hangs under its dash.
fn set(prose: &str) -> String {
    let mut out = String::new();
    for part in paragraphs(prose) {
        match part.strip_prefix("- ") {
            Some(item) => wrapped(&mut out, "    - ", item),
            None => wrapped(&mut out, "    ", &part),
        }
    }
    out
}

/// Lines of a card belong together until a blank line or a dash.
fn paragraphs(prose: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut begins = true;
    for line in prose.lines().map(str::trim) {
        match parts.last_mut() {
            Some(last) if !begins && !line.is_empty() && !line.starts_with("- ") => {
                let latin = last.ends_with(|it: char| it.is_ascii()) && line.starts_with(|it: char| it.is_ascii());
                last.push_str(if latin { " " } else { "" });
                last.push_str(line);
            }
            _ if line.is_empty() => {}
            _ => parts.push(line.to_owned()),
        }
        begins = line.is_empty();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_paragraph_are_joined_and_lists_hang() {
        assert_eq!(set("one\ntwo\n\n- three\nfour"), "    one two\n    - three four\n");
        assert_eq!(set("工资\n照发"), "    工资照发\n");
    }
}
