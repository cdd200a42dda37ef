//! `muster rules`: every card in one line, by group.

use std::fmt::Write;

use muster_core::finding::{Family, Severity};
use muster_core::mapping::Title;
use muster_core::rule::Rule;
use serde::Serialize;

use super::{Catalogue, Stance, status};
use crate::cli::RulesArgs;
use crate::commands::Say;
use crate::words::{Lang, pad};

/// One line of the list.
#[derive(Serialize)]
struct Told {
    id: String,
    name: String,
    title: Title,
    family: Family,
    severity: Severity,
    status: &'static str,
    needs: Vec<String>,
    tonight: Stance,
    own: bool,
}

/// Prints the cards that the filters of `args` leave.
pub fn print(catalogue: &Catalogue, args: &RulesArgs, say: Say) {
    let told: Vec<Told> = catalogue.cards.iter().map(|it| told(catalogue, it)).filter(|it| passes(it, args)).collect();
    say.print(&told, || text(&told, say.lang));
}

fn told(catalogue: &Catalogue, card: &Rule) -> Told {
    Told {
        id: card.id.clone(),
        name: card.name.clone(),
        title: card.title.clone(),
        family: card.family,
        severity: catalogue.tuned(card).severity,
        status: status(card.status),
        needs: card.needs.clone(),
        tonight: catalogue.stance(card),
        own: !crate::shipped::RULES.iter().any(|(_, text)| *text == card.source.text),
    }
}

fn passes(it: &Told, args: &RulesArgs) -> bool {
    args.group.is_none_or(|group| group == it.family) && args.severity.is_none_or(|severity| severity == it.severity)
}

fn text(told: &[Told], lang: Lang) -> String {
    let mut out = String::new();
    for family in Family::ALL {
        let of: Vec<&Told> = told.iter().filter(|it| it.family == family).collect();
        if of.is_empty() {
            continue;
        }
        let (zh, en) = family.label();
        let _ = writeln!(out, "\n  {} · {}", lang.pick(zh, en), of.len());
        for it in of {
            line(&mut out, it, lang);
        }
    }
    closing(&mut out, told, lang);
    out
}

fn line(out: &mut String, it: &Told, lang: Lang) {
    let title = format!("{}{}", lang.of(&it.title), if it.own { lang.pick(" ＊", " *") } else { "" });
    let _ = writeln!(
        out,
        "  {} {} {} {} {} {}",
        pad(&it.id, 4),
        pad(&format!("{:?}", it.severity), 2),
        pad(it.status, 6),
        pad(&title, lang.pick(34, 52)),
        mark(&it.tonight),
        stance(&it.tonight, lang).map_or_else(|| it.needs.join(" "), str::to_owned)
    );
}

/// One sign for what the line says at its end.
fn mark(it: &Stance) -> char {
    match it {
        Stance::Runs => '✓',
        Stance::Waits(_) => '–',
        Stance::Off(_) => '✗',
        Stance::Draft | Stance::Unknown => '·',
    }
}

/// Why it does not run; null when it runs, or when nobody can tell.
pub fn stance(it: &Stance, lang: Lang) -> Option<&str> {
    match it {
        Stance::Runs | Stance::Unknown => None,
        Stance::Waits(why) | Stance::Off(why) => Some(lang.of(why)),
        Stance::Draft => Some(lang.pick("起草中，不运行", "a draft, does not run")),
    }
}

fn closing(out: &mut String, told: &[Told], lang: Lang) {
    let of = |wanted: fn(&Stance) -> bool| told.iter().filter(|it| wanted(&it.tonight)).count();
    let (runs, waits) = (of(|it| *it == Stance::Runs), of(|it| matches!(it, Stance::Waits(_))));
    let (off, own) = (of(|it| matches!(it, Stance::Off(_))), told.iter().filter(|it| it.own).count());
    if told.iter().any(|it| it.tonight == Stance::Unknown) {
        let unknown = lang.pick("没有配置，无从知道哪些会运行（--config）", "no configuration to tell which of them run (--config)");
        let _ = writeln!(out, "\n  {}: {unknown}", told.len());
        return;
    }
    let _ = match lang {
        Lang::Zh => writeln!(out, "\n  共 {} 条：运行 {runs}，等待数据 {waits}，停用 {off}；＊本市自有 {own}", told.len()),
        Lang::En => writeln!(out, "\n  {} rules: {runs} run, {waits} wait for data, {off} turned off; * {own} of your own", told.len()),
    };
}
