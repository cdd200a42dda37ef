//! One sheet per family: the list of leads a reviewer works through.

use muster_core::finding::Family;
use muster_core::report::{Cell, Grid, Lang, Style, Value, tabulate};
use rust_xlsxwriter::{ColNum, Color, DataValidation, Format, IgnoreError, RowNum, Worksheet, XlsxError};

use super::SheetSettings;
use super::look::{self, Look, SEVERITY_COLOURS, put, put_text};
use crate::digest;
use crate::night::Night;

/// Excel ends at 1,048,576 rows. What does not fit is told, and stands in findings.parquet.
const ROWS_MAX: usize = 1_000_000;

/// Writes the leads of one family.
pub fn write(sheet: &mut Worksheet, night: &Night, family: Family, settings: &SheetSettings, look: &Look) -> Result<(), XlsxError> {
    let lang = settings.lang;
    let style = Style { lang, full_ids: settings.full_ids };
    let grid = tabulate(&settings.columns, &night.cases, &digest::known(night), family, night.tonight, style);
    let name = digest::leads_of(family, lang);
    let shown = grid.rows.len().min(ROWS_MAX);
    let last = shown as RowNum;

    sheet.set_name(name.replace(':', " -"))?.set_tab_color(tab(family));
    let widths: Vec<usize> = (0..grid.heads.len()).map(|at| width(&grid, at, lang)).collect();
    for (at, head) in grid.heads.iter().enumerate() {
        sheet.set_column_width(at as ColNum, widths[at] as f64)?;
        put_text(sheet, 0, at as ColNum, &head.title, &look.head)?;
    }
    sheet.set_row_height(0, look::height(2))?;
    for (at, row) in grid.rows.iter().take(shown).enumerate() {
        let tall = row.iter().zip(&widths).map(|(cell, width)| lines(cell, *width)).max().unwrap_or(1);
        sheet.set_row_height(at as RowNum + 1, look::height(tall))?;
        for (col, (cell, head)) in row.iter().zip(&grid.heads).enumerate() {
            put(sheet, at as RowNum + 1, col as ColNum, cell, format_of(head.value, look))?;
        }
    }
    if grid.rows.len() > shown {
        put_text(sheet, last + 1, 0, &too_many(grid.rows.len() - shown, lang), &look.hint)?;
    }

    for (at, head) in grid.heads.iter().enumerate() {
        dress(sheet, at as ColNum, head.value, (1, last.max(1)), lang)?;
    }
    if !grid.heads.is_empty() {
        sheet.autofilter(0, 0, last, grid.heads.len() as ColNum - 1)?;
    }
    sheet.set_freeze_panes(1, 1)?;
    // Row numbers serve whoever opens the source file; on paper they would only make everything else smaller.
    if let Some(printed) = grid.heads.iter().rposition(|it| it.value != Value::Places) {
        sheet.set_print_area(0, 0, last.max(1), printed as ColNum)?;
    }
    look::print_setup(sheet, look, &name, Some((0, 0)))
}

fn too_many(more: usize, lang: Lang) -> String {
    match lang {
        Lang::Zh => format!("另有 {more} 行超出工作表容量，见 findings.parquet"),
        Lang::En => format!("{more} more rows do not fit a sheet; see findings.parquet"),
    }
}

fn tab(family: Family) -> Color {
    Color::RGB(match family {
        Family::Ghost => 0xC6_2828,
        Family::Absent => 0xE6_7E22,
        Family::Duplicate => 0xB7_791F,
        Family::Establishment => 0x1F_4E79,
        Family::Timing => 0x2F_855A,
        Family::Amount => 0x6B_46C1,
        Family::Quality => 0x71_8096,
    })
}

/// As wide as the content needs, within what the kind of column may take of the page.
fn width(grid: &Grid, at: usize, lang: Lang) -> usize {
    let (least, most) = match grid.heads[at].value {
        Value::Sentence => (40, 52),
        Value::Places => (16, 34),
        Value::Settings => (12, 20),
        Value::Category => (14, 26),
        Value::Title => (14, lang.pick(16, 20)),
        Value::Unit => (12, 20),
        Value::Months => (11, 12),
        Value::Result | Value::Handler | Value::Deadline | Value::Note => (12, 14),
        Value::Severity | Value::Rule => (6, 9),
        _ => (7, 22),
    };
    let content = grid.rows.iter().map(|row| printed(&row[at])).max().unwrap_or(0);
    (content + 2).max(look::width(&grid.heads[at].title) + 2).clamp(least, most)
}

fn printed(cell: &Cell) -> usize {
    match cell {
        Cell::Text(text) => look::width(text),
        Cell::Money(fen) => crate::words::yuan(*fen).len(),
        Cell::Date(_) => 10,
        Cell::Blank | Cell::Number(_) | Cell::Share(_) => 6,
    }
}

fn lines(cell: &Cell, width: usize) -> usize {
    match cell {
        Cell::Text(text) => look::lines(text, width.saturating_sub(1)),
        _ => 1,
    }
}

fn format_of(value: Value, look: &Look) -> &Format {
    match value {
        Value::Amount => &look.money,
        Value::Confidence => &look.percent,
        Value::OpenedOn | Value::ChangedOn => &look.date,
        Value::MonthCount => &look.number,
        Value::State | Value::Severity | Value::Rule | Value::Since | Value::Person => &look.middle,
        Value::IdNumber | Value::UnitCode | Value::Number => &look.id,
        Value::Result | Value::Handler | Value::Deadline | Value::Note => &look.fill_in,
        Value::Title
        | Value::Family
        | Value::Unit
        | Value::Months
        | Value::Sentence
        | Value::Settings
        | Value::Category
        | Value::Places => &look.text,
    }
}

/// What a column needs beside its cells: colours, choices, and silence about digits that are text on purpose.
fn dress(sheet: &mut Worksheet, col: ColNum, value: Value, rows: (RowNum, RowNum), lang: Lang) -> Result<(), XlsxError> {
    match value {
        Value::Severity => look::colour_words(sheet, col, rows, SEVERITY_COLOURS),
        Value::State => look::colour_words(sheet, col, rows, &state_colours(lang)),
        Value::IdNumber | Value::UnitCode => {
            sheet.ignore_error_range(rows.0, col, rows.1, col, IgnoreError::NumberStoredAsText)?;
            Ok(())
        }
        Value::Result => {
            sheet.add_data_validation(rows.0, col, rows.1, col, &results(lang)?)?;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn state_colours(lang: Lang) -> [(&'static str, u32, u32); 3] {
    [
        (lang.pick("新增", "new"), 0x0B_4F8A, 0xDC_EBFA),
        (lang.pick("重现", "reopened"), 0x8A_3B00, 0xFF_E3CC),
        (lang.pick("自动销号", "cured"), 0x5F_6B7A, 0xEE_F1F4),
    ]
}

fn results(lang: Lang) -> Result<DataValidation, XlsxError> {
    let zh = ["属实", "误报", "数据错误", "已整改", "需进一步核实"];
    let en = ["confirmed", "false alarm", "data error", "put right", "to be looked into"];
    DataValidation::new()
        .allow_list_strings(&lang.pick(zh, en))?
        .set_input_title(lang.pick("处理结果", "Result"))?
        .set_input_message(lang.pick("核实后从列表中选择", "Choose from the list once verified"))
}
