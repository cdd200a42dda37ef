//! The strips as a picture that needs nothing else: no script, no font, no other file. Every cell tells its month when it is pointed at.

use std::fmt::Write;

use muster_core::report;

use super::timeline::{Cell, Mark, Source, Strip};
use super::{PersonTold, found};
use crate::words::{Lang, yuan};

const WIDTH: i32 = 960;
const LABEL: i32 = 132;
const ROW: i32 = 26;
const BAR: i32 = 16;
const HEAD: i32 = 44;

const STYLE: &str = "
.muster-line { font: 12px -apple-system, 'Segoe UI', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif; background: #fff; }
.muster-line text { fill: #1f2933; } .muster-line .soft { fill: #5f6b7a; } .muster-line .year { font-weight: 600; fill: #1f4e79; }
.muster-line .grid { stroke: #d5dde6; } .muster-line .track { fill: #f1f4f8; } .muster-line .hatch { stroke: #b9c4d0; }
.muster-line .establishment { fill: #1f4e79; } .muster-line .employment { fill: #3d7ab8; } .muster-line .attendance { fill: #4f8f6b; }
.muster-line .away { fill: #c2a02e; } .muster-line .salary { fill: #b5651d; } .muster-line .other-pay { fill: #d2a679; }
.muster-line .insurance { fill: #2a8f89; } .muster-line .pension { fill: #7d66a8; } .muster-line .death { fill: #4a4f57; }
.muster-line .beside { opacity: .45; } .muster-line .twice, .muster-line .unseen, .muster-line .found { fill: #c62828; }
.muster-line .gap { fill: #e08e45; } .muster-line .moved { fill: #1f2933; }
@media (prefers-color-scheme: dark) {
.muster-line { background: #1a2129; } .muster-line text { fill: #e4e9ef; } .muster-line .soft { fill: #9aa7b5; } .muster-line .year { fill: #8fbce6; }
.muster-line .grid { stroke: #2e3944; } .muster-line .track { fill: #232c36; } .muster-line .hatch { stroke: #4a5865; }
.muster-line .moved { fill: #e4e9ef; } .muster-line .establishment { fill: #6f9fd0; } .muster-line .death { fill: #aab4bf; }
}
@media print { .muster-line { background: #fff; } .muster-line text { fill: #000; } .muster-line .track { fill: #f1f4f8; } }
";

/// The picture.
pub fn svg(told: &PersonTold, lang: Lang) -> String {
    let (found, months) = (found(told), told.months.len().max(1) as i32);
    let rows = told.strips.len() + told.contrasts.len() + found.len();
    let height = HEAD + rows as i32 * ROW + 12;
    let x = |at: usize| LABEL + (WIDTH - LABEL - 12) * at as i32 / months;
    let title = lang.pick("各来源逐月对照", "Every source, month by month");
    let mut out = format!(
        "<svg class=\"muster-line\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <defs><pattern id=\"muster-uncovered\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><line class=\"hatch\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" stroke-width=\"1.5\"/></pattern></defs>\n"
    );
    ruler(&mut out, told, height, x);
    let mut at = 0;
    let mut top = || {
        at += 1;
        HEAD + (at - 1) * ROW
    };
    for strip in &told.strips {
        let (zh, en) = strip.source.label();
        row(&mut out, top(), lang.pick(zh, en), "", |out, y| cells(out, strip, &told.months, y, x, lang));
    }
    for it in &told.contrasts {
        row(&mut out, top(), &short(lang.of(&it.title), lang), "soft", |out, y| {
            months_of(out, &told.months, &|month| it.months.contains(&month), ("gap", lang.of(&it.title)), y, x);
        });
    }
    for (rule, months) in &found {
        let title = told.cases.iter().flat_map(|it| &it.findings).find(|it| it.rule == *rule).map_or("", |it| lang.of(&it.title));
        row(&mut out, top(), &short(&format!("{rule} {title}"), lang), "soft", |out, y| {
            months_of(out, &told.months, &|month| months.contains(&month), ("found", title), y, x);
        });
    }
    out.push_str("</svg>\n");
    out
}

/// A label that fits its column; the whole of it is told by the bar.
fn short(text: &str, lang: Lang) -> String {
    crate::grid::cut(text, lang.pick(20, 19))
}

fn row(out: &mut String, top: i32, label: &str, class: &str, bars: impl FnOnce(&mut String, i32)) {
    let _ = writeln!(out, "<text x=\"4\" y=\"{}\" class=\"{class}\">{}</text>", top + 13, escaped(label));
    let _ = writeln!(out, "<rect class=\"track\" x=\"{LABEL}\" y=\"{top}\" width=\"{}\" height=\"{BAR}\" rx=\"2\"/>", WIDTH - LABEL - 12);
    bars(out, top);
}

fn ruler(out: &mut String, told: &PersonTold, height: i32, x: impl Fn(usize) -> i32) {
    let every = if told.months.len() > 30 { 3 } else { 1 };
    for (at, month) in told.months.iter().enumerate() {
        let begins = month % 100 == 1;
        if begins || at == 0 {
            let _ = writeln!(out, "<text class=\"year\" x=\"{}\" y=\"16\">{}</text>", x(at) + 2, month / 100);
        }
        if begins {
            let _ = writeln!(out, "<line class=\"grid\" x1=\"{0}\" x2=\"{0}\" y1=\"4\" y2=\"{1}\"/>", x(at), height - 8);
        }
        if (month % 100 - 1) % every == 0 {
            let _ = writeln!(out, "<text class=\"soft\" x=\"{}\" y=\"34\">{}</text>", x(at) + 3, month % 100);
        }
    }
}

fn cells(out: &mut String, strip: &Strip, months: &[i32], y: i32, x: impl Fn(usize) -> i32, lang: Lang) {
    let mut before: Option<&str> = None;
    for (at, (month, cell)) in months.iter().zip(&strip.cells).enumerate() {
        let (left, right) = (x(at), x(at + 1));
        // A stroke where another unit takes over: of two in one month the later one has it.
        let here = strip.in_month(*month).filter(|it| it.main).filter_map(|it| it.unit.as_ref()).map(|it| it.code.as_str()).last();
        if before.is_some() && here.is_some() && here != before && *cell != Cell::Twice {
            let _ = writeln!(out, "<rect class=\"moved\" x=\"{}\" y=\"{}\" width=\"3\" height=\"{}\"/>", left - 2, y - 3, BAR + 6);
        }
        before = here.or(before);
        let class = match cell {
            Cell::Nothing => continue,
            Cell::Uncovered => {
                let _ = writeln!(
                    out,
                    "<rect x=\"{left}\" y=\"{y}\" width=\"{}\" height=\"{BAR}\" fill=\"url(#muster-uncovered)\"><title>{}</title></rect>",
                    right - left,
                    lang.pick(format!("{} 无可用数据", report::month(*month)), format!("{}: no usable data", report::month(*month)))
                );
                continue;
            }
            Cell::There => css(strip.source).to_owned(),
            Cell::Beside => format!("{} beside", css(strip.source)),
            Cell::Twice => "twice".to_owned(),
            Cell::Unseen => "unseen".to_owned(),
        };
        // A hair of the track between two months shows how many there are.
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{left}\" y=\"{y}\" width=\"{}\" height=\"{BAR}\"><title>{}</title></rect>",
            right - left - 1,
            escaped(&tip(strip, *month, *cell, lang))
        );
    }
}

fn css(source: Source) -> &'static str {
    match source {
        Source::Establishment => "establishment",
        Source::Employment => "employment",
        Source::Attendance => "attendance",
        Source::Away => "away",
        Source::Salary => "salary",
        Source::OtherPay => "other-pay",
        Source::Insurance => "insurance",
        Source::Pension => "pension",
        Source::Death => "death",
    }
}

/// What the source has of the month, a row a line.
fn tip(strip: &Strip, month: i32, cell: Cell, lang: Lang) -> String {
    let (zh, en) = strip.source.label();
    let word = match cell {
        Cell::Twice => lang.pick("：两处同时", ": in two places at once"),
        Cell::Unseen => lang.pick("：全月无出勤", ": no day at work"),
        _ => "",
    };
    let line = |it: &Mark| {
        let mut facts: Vec<String> = it.unit.iter().map(|it| it.name.clone()).collect();
        facts.extend(it.what.as_ref().map(|it| lang.of(it).to_owned()));
        match strip.source {
            Source::Attendance => facts.push(format!("{}/{} {}", it.amount.unwrap_or(0), it.rows, lang.pick("天", "days"))),
            _ => facts.extend(it.amount.map(|it| format!("{} {}", yuan(it), lang.pick("元", "yuan")))),
        }
        facts.join(" · ")
    };
    let lines: Vec<String> = strip.in_month(month).map(line).collect();
    format!("{} {}{word}\n{}", report::month(month), lang.pick(zh, en), lines.join("\n"))
}

fn months_of(
    out: &mut String,
    months: &[i32],
    is_in: &dyn Fn(i32) -> bool,
    (class, title): (&str, &str),
    y: i32,
    x: impl Fn(usize) -> i32,
) {
    for (at, month) in months.iter().enumerate().filter(|it| is_in(*it.1)) {
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"2\"><title>{} {}</title></rect>",
            x(at) + 1,
            y + 4,
            x(at + 1) - x(at) - 3,
            BAR - 8,
            report::month(*month),
            escaped(title)
        );
    }
}

/// Text of sources is text, whatever it holds.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
