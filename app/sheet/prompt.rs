//! The prompt tables that have a sheet of their own: leading posts, and the three consistencies.

use muster_core::prompt::{By, Measure, Prompt, Row};
use muster_core::report::Cell;
use rust_xlsxwriter::{ColNum, Color, Format, RowNum, Worksheet, XlsxError};

use super::look::{self, Look, put, put_text};
use crate::table::row_name;

const FIRST: RowNum = 1;

/// Writes one table, a row per unit and the sum.
pub fn write(sheet: &mut Worksheet, table: &Prompt, look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    let (zh, en) = table.table.label();
    let name = lang.pick(zh, en);
    let measures = table.table.measures();
    sheet.set_name(sheet_name(name))?.set_tab_color(Color::RGB(0x1F_4E79));
    for (at, (head, width)) in lang.pick(["单位代码", "单位"], ["Code", "Unit"]).into_iter().zip([14.0, 34.0]).enumerate() {
        sheet.set_column_width(at as ColNum, width)?;
        put_text(sheet, 0, at as ColNum, head, &look.head)?;
    }
    for (at, measure) in measures.iter().enumerate() {
        sheet.set_column_width(at as ColNum + 2, 11.0)?;
        put_text(sheet, 0, at as ColNum + 2, lang.pick(measure.zh, measure.en), &look.head)?;
    }
    sheet.set_row_height(0, 36.0)?;
    for (at, row) in table.rows.iter().enumerate() {
        let at = FIRST + at as RowNum;
        let name = row_name(row, By::Unit, lang);
        put_text(sheet, at, 0, &row.code, &look.id)?;
        put_text(sheet, at, 1, &name, &look.text)?;
        numbers(sheet, at, (2, measures), row, &look.quiet)?;
        sheet.set_row_height(at, look::height(look::lines(&name, 32)))?;
    }
    let last = FIRST + table.rows.len() as RowNum;
    put_text(sheet, last, 0, lang.pick("合计", "Total"), &look.sum_text)?;
    sheet.write_blank(last, 1, &look.sum_text)?;
    numbers(sheet, last, (2, measures), &table.total(), &look.sum)?;
    if !table.rows.is_empty() {
        sheet.autofilter(0, 0, last - 1, measures.len() as ColNum + 1)?;
    }
    sheet.set_freeze_panes(FIRST, 2)?;
    look::print_setup(sheet, look, name, Some((0, 0)))
}

/// The values of a row, from a column on.
fn numbers(sheet: &mut Worksheet, at: RowNum, (from, measures): (ColNum, &[Measure]), row: &Row, format: &Format) -> Result<(), XlsxError> {
    for (col, measure) in measures.iter().enumerate() {
        put(sheet, at, from + col as ColNum, &Cell::Number(row.value(measure.name)), format)?;
    }
    Ok(())
}

/// Excel allows 31 characters and no quotation marks at the ends.
fn sheet_name(name: &str) -> String {
    name.chars().filter(|it| !"“”[]:*?/\\".contains(*it)).take(31).collect()
}
