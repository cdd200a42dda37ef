//! 规则说明: every rule, what it came to tonight, and what its card says to reviewers.

use muster_core::mapping::Title;
use muster_core::report::Cell;
use rust_xlsxwriter::{ColNum, Color, Format, RowNum, Worksheet, XlsxError};

use super::look::{self, Look, SEVERITY_COLOURS, put};
use crate::digest::CardText;
use crate::night::{Night, RuleNight};

const WIDTHS: [f64; 13] = [7.0, 18.0, 14.0, 7.0, 14.0, 9.0, 7.0, 9.0, 36.0, 36.0, 36.0, 22.0, 20.0];

/// Writes the rules.
pub fn write(sheet: &mut Worksheet, night: &Night, cards: &[CardText], look: &Look) -> Result<(), XlsxError> {
    let name = look.lang.pick("规则说明", "Rules");
    sheet.set_name(name)?.set_tab_color(Color::RGB(0x2F_855A));
    let heads = look.lang.pick(
        ["规则", "名称", "类别", "级别", "今晚", "核对对象", "线索", "命中率", "含义", "何时属正常", "核查要点", "依据", "金额口径"],
        [
            "Rule",
            "Title",
            "Family",
            "Severity",
            "Tonight",
            "Looked at",
            "Leads",
            "Hit rate",
            "What it means",
            "When it is innocent",
            "What to do",
            "Basis",
            "Amount",
        ],
    );
    for (at, (head, width)) in heads.into_iter().zip(WIDTHS).enumerate() {
        sheet.set_column_width(at as ColNum, width)?;
        put(sheet, 0, at as ColNum, &Cell::Text(head.to_owned()), &look.head)?;
    }
    sheet.set_row_height(0, 24.0)?;
    for (at, rule) in night.rules.iter().enumerate() {
        row(sheet, at as RowNum + 1, rule, cards.iter().find(|it| it.id == rule.id), look)?;
    }
    let last = night.rules.len() as RowNum;
    sheet.autofilter(0, 0, last, WIDTHS.len() as ColNum - 1)?.set_freeze_panes(1, 2)?;
    look::colour_words(sheet, 3, (1, last.max(1)), SEVERITY_COLOURS)?;
    look::print_setup(sheet, look, name, Some((0, 0)))
}

fn row(sheet: &mut Worksheet, at: RowNum, rule: &RuleNight, card: Option<&CardText>, look: &Look) -> Result<(), XlsxError> {
    let cells = cells(rule, card, look);
    let tall =
        cells.iter().zip(WIDTHS).map(|((cell, _), width)| if let Cell::Text(it) = cell { look::lines(it, width as usize - 1) } else { 1 });
    sheet.set_row_height(at, look::height(tall.max().unwrap_or(1)))?;
    for (col, (cell, format)) in cells.iter().enumerate() {
        put(sheet, at, col as ColNum, cell, format)?;
    }
    Ok(())
}

fn cells<'a>(rule: &RuleNight, card: Option<&CardText>, look: &'a Look) -> [(Cell, &'a Format); 13] {
    let lang = look.lang;
    let text = |it: &str| Cell::Text(it.to_owned());
    let prose = |it: Option<&Title>| (it.map_or(Cell::Blank, |it| text(lang.of(it).trim())), &look.text);
    let (zh, en) = rule.family.label();
    let (tonight, colour) = match &rule.skipped {
        None => (lang.pick("已运行", "ran").to_owned(), &look.good),
        Some(why) => (format!("{}{}", lang.pick("未运行：", "did not run: "), lang.pick(&why.zh, &why.en)), &look.bad),
    };
    [
        (text(&rule.id), &look.middle),
        (text(lang.of(&rule.title)), &look.text),
        (text(lang.pick(zh, en)), &look.text),
        (text(&format!("{:?}", rule.severity)), &look.middle),
        (Cell::Text(tonight), colour),
        (rule.looked_at.map_or(Cell::Blank, |it| Cell::Number(it as i64)), &look.number),
        (rule.found.map_or(Cell::Blank, |it| Cell::Number(it as i64)), &look.number),
        (rule.hit_rate().map_or(Cell::Blank, |it| Cell::Share(it as f32)), &look.trace),
        prose(card.map(|it| &it.meaning)),
        prose(card.map(|it| &it.innocent)),
        prose(card.map(|it| &it.review)),
        prose(card.and_then(|it| it.basis.as_ref())),
        prose(card.and_then(|it| it.amount.as_ref())),
    ]
}
