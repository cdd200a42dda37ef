//! 编制和人员情况提示表: who is below, at and above the quota, unit by unit.

use std::collections::BTreeMap;

use muster_core::codes;
use muster_core::figures::{Figures, Line, UnitFigures};
use muster_core::prompt::{Row, Which};
use muster_core::report::{Cell, Lang};
use rust_xlsxwriter::{
    ColNum, Color, ConditionalFormatCell, ConditionalFormatCellRule, ConditionalFormatDataBar, Format, RowNum, Worksheet, XlsxError,
};

use super::look::{self, Look, put, put_text};
use crate::night::Night;

const GROUPS: RowNum = 0;
const HEADS: RowNum = 1;
const FIRST: RowNum = 2;

/// Writes the prompt table.
pub fn write(sheet: &mut Worksheet, night: &Night, look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    let name = lang.pick("编制提示表", "Establishment by unit");
    sheet.set_name(name)?.set_tab_color(Color::RGB(0x1F_4E79));
    heads(sheet, look)?;
    let units = &night.figures.units;
    for (at, unit) in units.iter().enumerate() {
        row(sheet, FIRST + at as RowNum, unit, look)?;
    }
    let last = FIRST + units.len() as RowNum;
    sum(sheet, last, &night.figures, look)?;
    if !units.is_empty() {
        sheet.autofilter(HEADS, 0, last - 1, LAST)?;
        mark(sheet, (FIRST, last - 1))?;
    }
    flow(sheet, night, look)?;
    sheet.set_freeze_panes(FIRST, 2)?;
    look::print_setup(sheet, look, name, Some((GROUPS, HEADS)))
}

/// Group, and the column where its four numbers begin.
fn groups(lang: Lang) -> [(&'static str, ColNum); 3] {
    [(lang.pick("行政编制", "Administrative"), 3), (lang.pick("事业编制", "Institution"), 7), (lang.pick("合计", "Both"), 11)]
}
const LAST: ColNum = 15;

fn heads(sheet: &mut Worksheet, look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    let names = lang.pick(["单位代码", "单位", "单位性质"], ["Code", "Unit", "Kind"]);
    for (at, (name, width)) in names.into_iter().zip([14.0, 34.0, 16.0]).enumerate() {
        let at = at as ColNum;
        sheet.set_column_width(at, width)?;
        sheet.write_blank(GROUPS, at, &look.head)?;
        put_text(sheet, HEADS, at, name, &look.head)?;
    }
    for (name, from) in groups(lang) {
        sheet.merge_range(GROUPS, from, GROUPS, from + 3, name, &look.head)?;
        for (at, head) in lang.pick(["核定", "实有", "空编", "超编"], ["Approved", "Actual", "Vacant", "Over"]).into_iter().enumerate()
        {
            sheet.set_column_width(from + at as ColNum, 10.0)?;
            put_text(sheet, HEADS, from + at as ColNum, head, &look.head)?;
        }
    }
    sheet.set_column_width(LAST, 14.0)?;
    sheet.write_blank(GROUPS, LAST, &look.head)?;
    put_text(sheet, HEADS, LAST, lang.pick("满编率", "Filled"), &look.head)?;
    sheet.set_row_height(GROUPS, 22.0)?.set_row_height(HEADS, 22.0)?;
    Ok(())
}

fn row(sheet: &mut Worksheet, at: RowNum, unit: &UnitFigures, look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    let kind = unit.kind.as_deref().and_then(|it| codes::UNIT_KIND.code(it)).map_or("", |it| lang.pick(it.zh, it.en));
    let name = if unit.code.is_empty() { lang.pick("（未能关联的单位）", "(unit could not be linked)") } else { &unit.name };
    put_text(sheet, at, 0, &unit.code, &look.id)?;
    put_text(sheet, at, 1, name, &look.text)?;
    put_text(sheet, at, 2, kind, &look.text)?;
    lines(sheet, at, [unit.administrative, unit.institution, unit.both()], &look.quiet)?;
    filled(sheet, at, unit.both(), &look.percent)?;
    sheet.set_row_height(at, look::height(look::lines(name, 32)))?;
    Ok(())
}

fn sum(sheet: &mut Worksheet, at: RowNum, figures: &Figures, look: &Look) -> Result<(), XlsxError> {
    let both = figures.administrative.plus(&figures.institution);
    put_text(sheet, at, 0, look.lang.pick("合计", "Total"), &look.sum_text)?;
    sheet.write_blank(at, 1, &look.sum_text)?.write_blank(at, 2, &look.sum_text)?;
    lines(sheet, at, [figures.administrative, figures.institution, both], &look.sum)?;
    filled(sheet, at, both, &look.sum_percent)?;
    sheet.set_row_height(at, look::height(1))?;
    Ok(())
}

fn lines(sheet: &mut Worksheet, at: RowNum, lines: [Line; 3], format: &Format) -> Result<(), XlsxError> {
    for (line, (_, from)) in lines.into_iter().zip(groups(Lang::Zh)) {
        for (col, number) in [line.approved, line.actual, line.vacant, line.over].into_iter().enumerate() {
            put(sheet, at, from + col as ColNum, &Cell::Number(number), format)?;
        }
    }
    Ok(())
}

fn filled(sheet: &mut Worksheet, at: RowNum, both: Line, format: &Format) -> Result<(), XlsxError> {
    let share = both.vacancy_rate().map_or(Cell::Blank, |it| Cell::Share((1.0 - it) as f32));
    put(sheet, at, LAST, &share, format)
}

/// Who is lent and borrowed, retires soon, came and went this year, and the open leads: the brief columns of the prompt table that do not
/// stand in the groups already.
fn flow(sheet: &mut Worksheet, night: &Night, look: &Look) -> Result<(), XlsxError> {
    let Some(table) = night.tables.iter().find(|it| it.table == Which::Quota) else { return Ok(()) };
    let shown = ["approved", "actual", "vacant", "over"];
    let rows: BTreeMap<&str, &Row> = table.rows.iter().map(|it| (it.code.as_str(), it)).collect();
    let (none, total) = (Row::default(), table.total());
    let last = FIRST + night.figures.units.len() as RowNum;
    for (at, measure) in table.table.measures().iter().filter(|it| it.brief && !shown.contains(&it.name)).enumerate() {
        let col = LAST + 1 + at as ColNum;
        sheet.set_column_width(col, 11.0)?;
        sheet.write_blank(GROUPS, col, &look.head)?;
        put_text(sheet, HEADS, col, look.lang.pick(measure.zh, measure.en), &look.head)?;
        for (place, unit) in night.figures.units.iter().enumerate() {
            let row = rows.get(unit.code.as_str()).copied().unwrap_or(&none);
            put(sheet, FIRST + place as RowNum, col, &Cell::Number(row.value(measure.name)), &look.quiet)?;
        }
        put(sheet, last, col, &Cell::Number(total.value(measure.name)), &look.sum)?;
    }
    Ok(())
}

/// Excess in red; how full a unit is as a bar.
fn mark(sheet: &mut Worksheet, rows: (RowNum, RowNum)) -> Result<(), XlsxError> {
    let red = Format::new().set_font_color(Color::RGB(0xA3_1B1B)).set_background_color(Color::RGB(0xFD_E4E4)).set_bold();
    let over = ConditionalFormatCell::new().set_rule(ConditionalFormatCellRule::GreaterThan(0)).set_format(red);
    for (_, from) in groups(Lang::Zh) {
        sheet.add_conditional_format(rows.0, from + 3, rows.1, from + 3, &over)?;
    }
    let bar = ConditionalFormatDataBar::new().set_fill_color(Color::RGB(0xA9_C7E8)).set_solid_fill(true);
    sheet.add_conditional_format(rows.0, LAST, rows.1, LAST, &bar)?;
    Ok(())
}
