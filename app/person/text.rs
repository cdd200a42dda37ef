//! A person on the terminal: the strips as bars under a ruler of months. A Chinese character takes two columns.

use std::fmt::Write;

use muster_core::report;

use super::timeline::{Cell, Mark, Source, Strip};
use super::{CaseTold, PersonTold, found, who_line};
use crate::words::{Lang, WIDTH, count, pad, wrapped, yuan};

/// Columns that the name of a strip takes.
const LABEL: usize = 12;
/// Rows of a source that are listed; the others are counted.
const MARKS_MAX: usize = 6;

/// The whole page.
pub fn text(told: &PersonTold, lang: Lang) -> String {
    let mut out = String::new();
    let name = told.name.as_deref().unwrap_or(lang.pick("（无姓名）", "(no name)"));
    let _ = writeln!(out, "\n  {name}  {}\n  {}", who_line(told, lang).join(" · "), "─".repeat(WIDTH - 2));
    let _ = match lang {
        Lang::Zh => writeln!(out, "  {} 之夜所知，截至各来源最新月份\n", told.night),
        Lang::En => writeln!(out, "  as known on the night of {}, up to the newest month of the sources\n", told.night),
    };
    bars(&mut out, told, lang);
    contrasts(&mut out, told, lang);
    cases(&mut out, told, lang);
    sources(&mut out, told, lang);
    identities(&mut out, told, lang);
    if !told.beyond.is_empty() {
        let feeds = told.beyond.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        out.push('\n');
        wrapped(
            &mut out,
            "  ! ",
            &lang.pick(format!("以下来源有不在可见范围内的行，未列出：{feeds}"), format!("rows beyond your scope are not shown: {feeds}")),
        );
    }
    out.push('\n');
    out
}

/// How many columns a month takes, so that all of them fit a line.
fn month_width(months: usize) -> usize {
    match months {
        0..=27 => 3,
        28..=40 => 2,
        _ => 1,
    }
}

fn bars(out: &mut String, told: &PersonTold, lang: Lang) {
    let width = month_width(told.months.len());
    ruler(out, &told.months, width);
    for strip in &told.strips {
        let (zh, en) = strip.source.label();
        let bar: String = strip.cells.iter().map(|it| glyph(*it).to_string().repeat(width)).collect();
        let _ = writeln!(out, "  {}{}", pad(lang.pick(zh, en), LABEL), bar.trim_end());
    }
    for (rule, months) in found(told) {
        let bar: String = told.months.iter().map(|it| if months.contains(it) { "^" } else { " " }.repeat(width)).collect();
        let _ = writeln!(out, "  {}{}", pad(rule, LABEL), bar.trim_end());
    }
    let legend = [
        (Cell::There, "有", "there"),
        (Cell::Beside, "部分或附带", "in part, or beside the main thing"),
        (Cell::Twice, "两处同时", "in two places at once"),
        (Cell::Unseen, "全月无出勤", "no day at work"),
        (Cell::Uncovered, "无可用数据", "no usable data"),
    ];
    let shown = |cell: Cell| told.strips.iter().any(|it| it.cells.contains(&cell));
    let mut words: Vec<String> =
        legend.into_iter().filter(|it| shown(it.0)).map(|(cell, zh, en)| format!("{} {}", glyph(cell), lang.pick(zh, en))).collect();
    if !told.cases.is_empty() {
        words.push(lang.pick("^ 线索所涉月份", "^ months of a finding").to_owned());
    }
    let _ = writeln!(out, "\n  {}{}", " ".repeat(LABEL), words.join("   "));
}

/// Years above, months below; of narrow months only the first of each quarter, of the narrowest only years.
fn ruler(out: &mut String, months: &[i32], width: usize) {
    let mut years = String::new();
    for (at, month) in months.iter().enumerate() {
        // A year needs the room of its four digits before the next one, and before the end.
        let room = usize::try_from(13 - month % 100).unwrap_or(1).min(months.len() - at) * width;
        if (at == 0 || month % 100 == 1) && room > 4 {
            years.push_str(&" ".repeat(at * width - years.len()));
            years.push_str(&(month / 100).to_string());
        }
    }
    let _ = writeln!(out, "  {}{years}", " ".repeat(LABEL));
    if width > 1 {
        let shown = |month: i32| width > 2 || month % 3 == 1;
        let numbers: String = months
            .iter()
            .map(|it| if shown(it % 100) { format!("{:02}{}", it % 100, " ".repeat(width - 2)) } else { " ".repeat(width) })
            .collect();
        let _ = writeln!(out, "  {}{}", " ".repeat(LABEL), numbers.trim_end());
    }
}

fn glyph(cell: Cell) -> char {
    match cell {
        Cell::There => '█',
        Cell::Beside => '▒',
        Cell::Twice => '#',
        Cell::Unseen => 'x',
        Cell::Uncovered => '·',
        Cell::Nothing => ' ',
    }
}

fn heading(out: &mut String, text: &str) {
    let _ = writeln!(out, "\n  {text}\n  {}", "─".repeat(WIDTH - 2));
}

fn contrasts(out: &mut String, told: &PersonTold, lang: Lang) {
    heading(out, lang.pick("空档与重叠（对照所见，不是结论）", "Gaps and overlaps, as seen; no findings"));
    if told.contrasts.is_empty() {
        let _ = writeln!(out, "  {}", lang.pick("各来源相符", "the sources agree"));
    }
    for it in &told.contrasts {
        let months = report::months(&it.months, lang);
        wrapped(out, "  · ", &format!("{}{}{months}", lang.of(&it.title), lang.pick("：", ": ")));
    }
}

fn cases(out: &mut String, told: &PersonTold, lang: Lang) {
    heading(out, lang.pick("案件", "Cases"));
    if told.cases.is_empty() {
        let _ = writeln!(out, "  {}", lang.pick("无", "none"));
    }
    for case in &told.cases {
        let _ = writeln!(
            out,
            "  {}  {}  {}",
            case.number,
            state(case, lang),
            lang.pick(format!("{} 立案", case.opened_on), format!("opened {}", case.opened_on))
        );
        for it in &case.findings {
            let mut facts = vec![format!("{} {:?} {}", it.rule, it.severity, lang.of(&it.title))];
            facts.extend((!it.months.is_empty()).then(|| report::months(&it.months, lang)));
            facts.extend(it.amount_fen.map(|it| format!("{} {}", yuan(it), lang.pick("元", "yuan"))));
            wrapped(out, "    ", &facts.join(" · "));
        }
    }
}

/// Where a case stands, in a word.
pub fn state(case: &CaseTold, lang: Lang) -> &'static str {
    use muster_core::case::State;
    match case.state {
        State::Open => lang.pick("未结", "open"),
        State::Cured => lang.pick("已消除", "cured"),
        State::Reopened => lang.pick("重现", "reopened"),
        State::Settled(it) => lang.pick(it.outcome.label().0, it.outcome.label().1),
    }
}

fn sources(out: &mut String, told: &PersonTold, lang: Lang) {
    heading(out, lang.pick("各来源所记", "What each source has"));
    for strip in &told.strips {
        let (zh, en) = strip.source.label();
        let label = lang.pick(zh, en);
        let spells = spells(strip, lang);
        if spells.is_empty() {
            let _ = writeln!(out, "  {}{}", pad(label, LABEL), lang.pick("无记录", "nothing"));
        }
        for (at, spell) in spells.iter().take(MARKS_MAX).enumerate() {
            let label = if at == 0 { label } else { "" };
            wrapped(out, &format!("  {}", pad(label, LABEL)), spell);
        }
        if spells.len() > MARKS_MAX {
            let more = spells.len() - MARKS_MAX;
            let _ = writeln!(
                out,
                "  {}{}",
                pad("", LABEL),
                lang.pick(format!("另有 {more} 段，见 --json"), format!("{more} more, see --json"))
            );
        }
    }
}

/// The rows of a source in words: those of one unit and kind that follow each other month by month are one.
pub fn spells(strip: &Strip, lang: Lang) -> Vec<String> {
    struct Run<'a> {
        first: &'a Mark,
        last: &'a Mark,
        amount: i64,
        months: usize,
    }
    let mut runs: Vec<Run> = Vec::new();
    for mark in &strip.marks {
        let next = |run: &&mut Run| {
            mark.from_on.is_none()
                && run.first.from_on.is_none()
                && (&run.last.unit, &run.last.what, run.last.main) == (&mark.unit, &mark.what, mark.main)
                && run.last.from.and_then(|it| muster_core::function::add_months(it, 1)) == mark.from
        };
        match runs.iter_mut().find(next) {
            Some(run) => {
                (run.last, run.amount, run.months) = (mark, run.amount + mark.amount.unwrap_or(0), run.months + 1);
            }
            None => runs.push(Run { first: mark, last: mark, amount: mark.amount.unwrap_or(0), months: 1 }),
        }
    }
    runs.iter().map(|it| words(strip.source, it.first, it.last, it.amount, it.months, lang)).collect()
}

fn words(source: Source, first: &Mark, last: &Mark, amount: i64, months: usize, lang: Lang) -> String {
    let when = match (first.from_on, first.from) {
        (Some(from), _) if source == Source::Death => from.to_string(),
        (Some(from), _) => {
            let to = first.to_on.map_or_else(|| lang.pick("今", "now").to_owned(), |it| it.to_string());
            format!("{from} {} {to}", lang.pick("至", "to"))
        }
        (None, Some(from)) => {
            let to = last.to.unwrap_or(from);
            if from == to {
                report::month(from)
            } else {
                format!("{} {} {}", report::month(from), lang.pick("至", "to"), report::month(to))
            }
        }
        (None, None) => {
            let to = first.to_on.map_or_else(|| lang.pick("今", "now").to_owned(), |it| it.to_string());
            format!("{} {to}", lang.pick("建库前至", "before the system began to"))
        }
    };
    let mut facts = vec![when];
    let names_units = !matches!(source, Source::Pension | Source::Death);
    let outside = || lang.pick("市外或未能关联的单位", "outside the city, or not linked").to_owned();
    facts.extend(first.unit.as_ref().map(|it| it.name.clone()).or_else(|| names_units.then(outside)));
    facts.extend(first.what.as_ref().map(|it| lang.of(it).to_owned()));
    if months > 1 {
        facts.push(lang.pick(format!("{months} 个月"), format!("{months} months")));
    }
    match source {
        Source::Attendance => facts.push(lang.pick(format!("出勤 {} 天", count(amount)), format!("{} days present", count(amount)))),
        _ if amount != 0 => facts.push(format!("{} {}", yuan(amount), lang.pick("元", "yuan"))),
        _ => {}
    }
    facts.push(first.feed.clone());
    facts.join(" · ")
}

fn identities(out: &mut String, told: &PersonTold, lang: Lang) {
    heading(out, lang.pick("各来源怎样写这个人", "How each source writes the person"));
    for it in &told.identities {
        let mut facts = vec![it.name.clone().unwrap_or_default(), it.id_number.clone().unwrap_or_default()];
        facts.extend(it.birth_date.clone());
        facts.push(lang.pick(format!("{} 行", count(it.rows)), format!("{} rows", count(it.rows))));
        facts.extend(it.method.as_deref().map(|it| crate::digest::method_label(it, lang).to_owned()));
        facts.extend(it.score.map(|it| format!("{:.0} %", it * 100.0)));
        facts.retain(|it| !it.is_empty());
        let _ = writeln!(out, "  {} {}", pad(&format!("{}{}", it.feed, it.row), 34), facts.join(" · "));
    }
    let _ = writeln!(
        out,
        "  {}",
        lang.pick("依据与其他候选：muster explain link 来源身份", "why, and who else it might be: muster explain link ROW")
    );
}
