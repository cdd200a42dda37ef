//! PEFA PI-23: the figures of payroll controls, a row each.

use muster_core::pefa::{Card, DIMENSIONS};
use muster_core::report::Cell;
use rust_xlsxwriter::{ColNum, Color, RowNum, Worksheet, XlsxError};

use super::look::{self, Look, put, put_text};
use crate::pefa::NO_GRADES;

/// Writes the card.
pub fn write(sheet: &mut Worksheet, card: &Card, look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    let name = "PEFA PI-23";
    sheet.set_name(name)?.set_tab_color(Color::RGB(0x1F_4E79));
    let heads =
        lang.pick(["分项", "内容", "数量", "总数", "占比", "评估框架"], ["Dimension", "Measured", "Part", "Whole", "Share", "Framework"]);
    for (at, (head, width)) in heads.into_iter().zip([30.0, 64.0, 12.0, 12.0, 10.0, 34.0]).enumerate() {
        sheet.set_column_width(at as ColNum, width)?;
        put_text(sheet, 0, at as ColNum, head, &look.head)?;
    }
    sheet.set_row_height(0, 22.0)?;
    let mut at: RowNum = 1;
    for (id, zh, en) in DIMENSIONS {
        for (figure, measure) in card.of(id) {
            put_text(sheet, at, 0, &format!("{id} {}", lang.pick(zh, en)), &look.text)?;
            put_text(sheet, at, 1, lang.pick(measure.zh, measure.en), &look.text)?;
            put(sheet, at, 2, &Cell::Number(figure.part), &look.quiet)?;
            put(sheet, at, 3, &Cell::Number(figure.whole), &look.quiet)?;
            put(sheet, at, 4, &figure.share().map_or(Cell::Blank, |it| Cell::Share(it as f32)), &look.percent)?;
            put_text(sheet, at, 5, measure.asked.map_or("", |(zh, en)| lang.pick(zh, en)), &look.text)?;
            let lines = look::lines(lang.pick(measure.zh, measure.en), 60).max(look::lines(&format!("{id} {}", lang.pick(zh, en)), 28));
            sheet.set_row_height(at, look::height(lines))?;
            at += 1;
        }
    }
    put_text(sheet, at + 1, 0, lang.pick(NO_GRADES.0, NO_GRADES.1), &look.hint)?;
    sheet.set_freeze_panes(1, 0)?;
    look::print_setup(sheet, look, name, Some((0, 0)))
}
