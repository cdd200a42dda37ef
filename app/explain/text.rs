//! A case on the terminal. Chinese characters take two columns; tables are aligned by what is seen, not by what is counted.

use std::fmt::Write;

use muster_core::case::State;
use muster_core::codes;
use muster_core::finding::Line;
use muster_core::report;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Explained, IdentityTold, ReferenceTold, RowTold, RuleTold, SourceTold};
use crate::words::{Lang, WIDTH, count, pad, wrapped, yuan};

/// A wider cell is cut.
const CELL_WIDTH_MAX: usize = 30;
/// Raw rows that stand beside each other; the next ones come below.
const BESIDE_MAX: usize = 3;

/// The whole page.
pub fn text(told: &Explained, lang: Lang) -> String {
    let mut out = String::new();
    head(&mut out, told, lang);
    for rule in &told.rules {
        rule_text(&mut out, rule, lang);
    }
    sources(&mut out, &told.sources, lang);
    identities(&mut out, &told.identities, lang);
    references(&mut out, &told.references, lang);
    out.push('\n');
    out
}

fn head(out: &mut String, told: &Explained, lang: Lang) {
    let (zh, en) = told.family.label();
    let number = told.number.as_deref().unwrap_or("-");
    let _ = writeln!(out, "\n  {number} · {} · {}\n  {}", lang.pick(zh, en), state(told.state, lang), "─".repeat(WIDTH - 2));
    let subject = &told.subject;
    let person = [subject.name.as_deref(), subject.id_number.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("  ");
    let unit = subject.unit.clone().unwrap_or_default();
    let dates = match lang {
        Lang::Zh => format!("{} 立案，{} 最近变化", told.opened_on, told.changed_on),
        Lang::En => format!("opened {}, last changed {}", told.opened_on, told.changed_on),
    };
    let facts = [(lang.pick("人员", "person"), person), (lang.pick("单位", "unit"), unit), (lang.pick("日期", "dates"), dates)];
    for (label, fact) in facts.iter().filter(|it| !it.1.is_empty()) {
        let _ = writeln!(out, "  {} {fact}", pad(label, 8));
    }
}

fn state(state: State, lang: Lang) -> &'static str {
    match state {
        State::Open => lang.pick("未结", "open"),
        State::Cured => lang.pick("已消除", "cured"),
        State::Reopened => lang.pick("重现", "reopened"),
        State::Settled(it) => lang.pick(it.outcome.label().0, it.outcome.label().1),
    }
}

fn rule_text(out: &mut String, rule: &RuleTold, lang: Lang) {
    let title = rule.card.as_ref().map_or(lang.pick("（规则已不存在）", "(no such rule any more)"), |it| lang.of(&it.title));
    let _ = writeln!(out, "\n  {} {title}", rule.id);
    let _ = writeln!(out, "    {}", facts(rule, lang).join(" · "));
    // The first month says how it began, the last two where it stands; `--json` has them all.
    let folded = rule.lines.len().saturating_sub(3);
    for (at, line) in rule.lines.iter().enumerate() {
        if folded > 1 && at == 1 {
            let between = count(folded as i64);
            wrapped(
                out,
                "    · ",
                &lang.pick(format!("……其间 {between} 条略，见 --json"), format!("… {between} more lines between; --json has them")),
            );
        }
        if folded <= 1 || at == 0 || at > folded {
            wrapped(out, "    · ", &sentence(line, lang));
        }
    }
    if let Some(card) = &rule.card {
        let prose = [
            (lang.pick("含义", "What it means"), &card.meaning),
            (lang.pick("何时属正常", "When it is innocent"), &card.innocent),
            (lang.pick("核查要点", "What the reviewer does"), &card.review),
        ];
        for (heading, text) in prose.into_iter().filter(|it| !lang.of(it.1).trim().is_empty()) {
            let _ = writeln!(out, "    {heading}");
            lang.of(text).lines().map(str::trim).filter(|it| !it.is_empty()).for_each(|it| wrapped(out, "      ", it));
        }
    }
}

fn facts(rule: &RuleTold, lang: Lang) -> Vec<String> {
    let mut facts = vec![format!("{:?}", rule.severity)];
    if !rule.months.is_empty() {
        facts.push(report::months(&rule.months, lang));
    }
    facts.extend(rule.amount_fen.map(|it| format!("{} {}", yuan(it), lang.pick("元", "yuan"))));
    facts.push(format!("{} {:.0} %", lang.pick("可信度", "confidence"), rule.confidence * 100.0));
    facts.push(match rule.night {
        Some(night) => format!("{} {night}", lang.pick("所依据数据", "data of")),
        None => lang.pick("原始数据已不在", "its data is gone").to_owned(),
    });
    facts.extend(rule.settings.iter().map(|(name, it)| format!("{name} = {it}")));
    facts.extend(rule.card.as_ref().map(|it| format!("{} {}", lang.pick("规则版本", "rule version"), it.version)));
    facts
}

fn sentence(line: &Line, lang: Lang) -> String {
    let words = lang.pick(&line.zh, &line.en);
    let month = line.month.map(report::month).filter(|it| !words.contains(it.as_str()));
    month.map_or_else(|| words.to_owned(), |it| format!("{it} {words}"))
}

fn heading(out: &mut String, text: &str) {
    let _ = writeln!(out, "\n  {text}\n  {}", "─".repeat(WIDTH - 2));
}

fn sources(out: &mut String, sources: &[SourceTold], lang: Lang) {
    if !sources.is_empty() {
        heading(out, lang.pick("各来源的原始记录", "What each source says"));
    }
    for (at, source) in sources.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let department = source.department.as_ref().map_or("", |it| lang.of(it));
        let _ = writeln!(out, "  {} {department} · {}", source.feed, source.night);
        if source.gone {
            let _ = writeln!(out, "    {}", lang.pick("该次送达的数据已不在", "this delivery is no longer there"));
        }
        for rows in source.rows.chunks(BESIDE_MAX) {
            table(out, &beside(rows, lang));
        }
        if source.more > 0 {
            let _ = match lang {
                Lang::Zh => writeln!(out, "    另有 {} 行未列出", source.more),
                Lang::En => writeln!(out, "    rows not shown: {}", source.more),
            };
        }
        if source.hidden_columns > 0 {
            let _ = match lang {
                Lang::Zh => writeln!(out, "    另有 {} 列未映射，加 --reveal 原因 显示", source.hidden_columns),
                Lang::En => writeln!(out, "    unmapped columns not shown: {} (--reveal WHY shows them)", source.hidden_columns),
            };
        }
    }
}

/// Rows of one feed side by side: a line per column of the source, without those that are empty in all of them.
fn beside(rows: &[RowTold], lang: Lang) -> Vec<Vec<String>> {
    let line = |label: &str, of: &dyn Fn(&RowTold) -> String| std::iter::once(label.to_owned()).chain(rows.iter().map(of)).collect();
    let mut lines: Vec<Vec<String>> = vec![
        line(lang.pick("文件", "file"), &|it| {
            [it.file.as_deref(), it.sheet.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ")
        }),
        line(lang.pick("行", "row"), &|it| it.row.map_or(String::new(), count)),
        line(lang.pick("用于规则", "read by"), &|it| it.rules.iter().cloned().collect::<Vec<_>>().join(" ")),
    ];
    let columns = rows.first().map_or(&[][..], |it| &it.cells);
    for (at, (column, _)) in columns.iter().enumerate() {
        lines.push(line(column, &|it| it.cells.get(at).and_then(|it| it.1.clone()).unwrap_or_default()));
    }
    lines.retain(|it| it.iter().skip(1).any(|cell| !cell.is_empty()));
    lines
}

fn identities(out: &mut String, identities: &[IdentityTold], lang: Lang) {
    if identities.is_empty() {
        return;
    }
    heading(out, lang.pick("为什么认定为同一个人", "Why this is one person"));
    let mut lines = vec![words(
        lang,
        &[
            ("来源", "source"),
            ("姓名", "name"),
            ("证件号码", "ID number"),
            ("性别", "sex"),
            ("出生日期", "born"),
            ("单位", "unit"),
            ("行数", "rows"),
            ("关联依据", "linked by"),
            ("把握", "score"),
            ("说明", "remarks"),
        ],
    )];
    lines.extend(identities.iter().map(|it| {
        vec![
            format!("{}{}", it.feed, it.row),
            it.name.clone().unwrap_or_default(),
            it.id_number.clone().unwrap_or_default(),
            it.sex.as_deref().map(|it| sex(it, lang)).unwrap_or_default(),
            it.birth_date.clone().unwrap_or_default(),
            it.unit.clone().unwrap_or_default(),
            count(it.rows),
            it.method.as_deref().map(|it| method(it, lang)).unwrap_or_default(),
            it.score.map_or(String::new(), |it| format!("{:.0} %", it * 100.0)),
            remarks(it, lang),
        ]
    }));
    table(out, &lines);
}

fn references(out: &mut String, references: &[ReferenceTold], lang: Lang) {
    if references.is_empty() {
        return;
    }
    heading(out, lang.pick("各来源怎样写这个单位", "How each source writes this unit"));
    let mut lines = vec![words(
        lang,
        &[
            ("来源", "source"),
            ("单位编码", "code"),
            ("单位名称", "name"),
            ("信用代码", "credit code"),
            ("行数", "rows"),
            ("关联依据", "linked by"),
        ],
    )];
    lines.extend(references.iter().map(|it| {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        let method = it.method.as_deref().map(|it| method(it, lang)).unwrap_or_default();
        vec![it.feed.clone(), text(&it.unit_code), text(&it.unit_name), text(&it.uscc), count(it.rows), method]
    }));
    table(out, &lines);
}

fn words(lang: Lang, heads: &[(&str, &str)]) -> Vec<String> {
    heads.iter().map(|(zh, en)| (*lang.pick(zh, en)).to_owned()).collect()
}

fn sex(code: &str, lang: Lang) -> String {
    codes::SEX.code(code).map_or(code, |it| lang.pick(it.zh, it.en)).to_owned()
}

/// How an identity or a unit was linked, in words; a method that has none yet as it is.
fn method(method: &str, lang: Lang) -> String {
    let (zh, en) = match method {
        "id-exact" => ("证件号一致", "same ID number"),
        "id-15" => ("15 位升 18 位后一致", "15 digits made 18"),
        "id-repaired" => ("修复证件号后一致", "ID number repaired"),
        "name-birth" => ("姓名、出生、单位一致", "name, birth, unit"),
        "judged" => ("核查人认定", "judged by a reviewer"),
        "own" => ("独有", "nobody else has it"),
        "code" => ("编码", "code"),
        "uscc" => ("信用代码", "credit code"),
        "name" => ("名称", "name"),
        "alias" => ("已登记的别名", "declared alias"),
        "outside" => ("市外单位", "outside the city"),
        "none" => ("未关联", "not linked"),
        other => (other, other),
    };
    lang.pick(zh, en).to_owned()
}

fn remarks(identity: &IdentityTold, lang: Lang) -> String {
    let state = identity.id_state.as_deref().and_then(|it| id_state(it, lang));
    let conflict = identity.conflict.as_deref().map(|it| match it {
        "name-differs" => lang.pick("同号异名", "same number, another name").to_owned(),
        "birth-differs" => lang.pick("同号而出生日期不同", "same number, another birth date").to_owned(),
        other => format!("{} {other}", lang.pick("存疑", "conflict")),
    });
    let repairs = identity.repairs.as_ref().map(|it| format!("{} {it}", lang.pick("规范化", "repaired")));
    [state, repairs, conflict].into_iter().flatten().collect::<Vec<_>>().join(lang.pick("；", "; "))
}

/// How broken a number is; null when it is whole.
fn id_state(state: &str, lang: Lang) -> Option<String> {
    let (zh, en) = match state {
        "valid-18" => return None,
        "valid-15" => ("15 位号", "15 digits"),
        "checksum" => ("校验码不符", "wrong check digit"),
        "date" => ("号中日期不存在", "no such birth date"),
        "length" => ("位数不对", "wrong length"),
        "charset" => ("含其他字符", "other characters"),
        "damaged-excel" => ("被 Excel 截断", "damaged by Excel"),
        "masked" => ("来源已脱敏", "masked by the source"),
        "placeholder" => ("占位号", "placeholder"),
        "other-document" => ("其他证件", "another document"),
        "missing" => ("缺号", "no number"),
        other => (other, other),
    };
    Some(lang.pick(zh, en).to_owned())
}

/// Aligned columns; a column that is empty from top to bottom but for its head is left out.
fn table(out: &mut String, lines: &[Vec<String>]) {
    let cells: Vec<Vec<String>> = lines.iter().map(|line| line.iter().map(|it| cut(it)).collect()).collect();
    let width = |column: usize| cells.iter().filter_map(|it| it.get(column)).map(|it| it.width()).max().unwrap_or(0);
    let filled = |column: usize| cells.len() < 2 || cells.iter().skip(1).any(|it| it.get(column).is_some_and(|it| !it.is_empty()));
    let columns = cells.first().map_or(0, Vec::len);
    let shown: Vec<(usize, usize)> = (0..columns).filter(|it| filled(*it)).map(|it| (it, width(it))).collect();
    for line in &cells {
        let line: String = shown.iter().map(|(column, width)| pad(&line[*column], width + 2)).collect();
        let _ = writeln!(out, "    {}", line.trim_end());
    }
}

/// The text in at most [`CELL_WIDTH_MAX`] columns and one line.
fn cut(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.width() <= CELL_WIDTH_MAX {
        return text;
    }
    let mut used = 0;
    let fits = |it: &char| {
        used += it.width().unwrap_or(0);
        used < CELL_WIDTH_MAX
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('…');
    cut
}
