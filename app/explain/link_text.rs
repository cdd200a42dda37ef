//! One link on the terminal: both sides, the sum, and who else it might be.

use std::fmt::Write;

use super::link::{CandidateTold, LinkTold, Said};
use crate::words::{Lang, pad, pad_left};

/// The whole page.
pub fn text(told: &LinkTold, lang: Lang) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "\n  {} · {}", told.row, told.night);
    let _ = writeln!(out, "  {}", lang.pick(&told.zh, &told.en));
    let person = told.person_key.as_deref().unwrap_or(lang.pick("（无人）", "(nobody)"));
    let _ = writeln!(out, "  {} {person}", lang.pick("关联到", "linked to"));
    sides(&mut out, told, lang);
    if told.candidates.is_empty() {
        let none = lang.pick("其他来源中没有相近的人。", "No other source knows anybody like this.");
        let _ = writeln!(out, "\n  {none}");
    }
    for it in &told.candidates {
        candidate(&mut out, it, told.model_version, lang);
    }
    if told.more > 0 {
        let _ = writeln!(
            out,
            "\n  {}",
            lang.pick(format!("另有 {} 名可能性更小的候选", told.more), format!("{} less probable candidates more", told.more))
        );
    }
    out.push('\n');
    out
}

fn sides(out: &mut String, told: &LinkTold, lang: Lang) {
    let head = [lang.pick("字段", "field"), lang.pick("该来源", "this source"), lang.pick("其他来源", "other sources"), ""];
    let line = |out: &mut String, cells: [&str; 4]| {
        let [field, source, person, verdict] = cells;
        let _ = writeln!(out, "    {}{}{}{verdict}", pad(field, 14), pad(source, 24), pad(person, 24));
    };
    out.push('\n');
    line(out, head);
    for it in &told.fields {
        let cell = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
        line(out, [field(it.field, lang), &cell(&it.source), &cell(&it.person), verdict(it.verdict, lang)]);
    }
}

fn candidate(out: &mut String, it: &CandidateTold, version: u32, lang: Lang) {
    let mark = if it.linked { lang.pick("（已关联）", " (linked)") } else { "" };
    let _ = writeln!(out, "\n  {}{mark}  {}", it.person_key, who(&it.said, lang));
    if it.keys.is_empty() {
        let _ = writeln!(out, "    {}", lang.pick("没有共同的键", "no key in common"));
    } else {
        let _ = writeln!(out, "    {} {}", lang.pick("共同的键", "keys in common"), it.keys.join(", "));
    }
    for step in &it.steps {
        let (name, bits, after) = (field(step.field, lang), format!("{:+.1}", step.bits), format!("{:+.1}", step.after));
        let _ =
            writeln!(out, "    {}{}{}{}  {}", pad(name, 14), pad(step.level, 22), pad_left(&bits, 8), pad_left(&after, 8), bar(step.bits));
    }
    let label = lang.pick(format!("后验概率（模型第 {version} 版）"), format!("posterior (model version {version})"));
    let _ = writeln!(out, "    {label} {:.6}", it.posterior);
}

/// A block for every two bits, to the right for and to the left against.
fn bar(bits: f64) -> String {
    const BLOCKS_MAX: f64 = 14.0;
    let blocks = (bits.abs() / 2.0).round().min(BLOCKS_MAX) as usize;
    if bits < 0.0 { "-".repeat(blocks) } else { "█".repeat(blocks) }
}

fn who(said: &Said, lang: Lang) -> String {
    let sex = said.sex.as_deref().and_then(|it| muster_core::codes::SEX.code(it)).map(|it| lang.pick(it.zh, it.en).to_owned());
    [said.id_number.clone(), said.name.clone(), sex, said.birth_date.clone(), said.unit.clone()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
}

fn verdict(word: &'static str, lang: Lang) -> &'static str {
    match word {
        "equal" => lang.pick("相同", "equal"),
        "near" => lang.pick("相近", "near"),
        "differs" => lang.pick("不同", "differs"),
        _ => lang.pick("未提供", "not told"),
    }
}

fn field(word: &'static str, lang: Lang) -> &'static str {
    let zh = match word {
        "prior" => "先验",
        "number" | "id_number" => "证件号",
        "whole" | "name" => "姓名",
        "given" => "名",
        "family" => "姓",
        "birth" | "birth_date" => "出生日期",
        "sex" => "性别",
        "unit" => "单位",
        "claimed" => "已被认领",
        other => other,
    };
    lang.pick(zh, word)
}
