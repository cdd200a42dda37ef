//! For whoever owns a department's data: every row that could not be read, with its place and what to do. No cell of the row itself.

use muster_core::map::Reject;
use muster_core::report::Cell;
use rust_xlsxwriter::{ColNum, Color, RowNum, Worksheet, XlsxError};

use super::look::{self, Look, put, put_text};

/// Excel ends at 1,048,576 rows; nobody mends more than this by hand.
const ROWS_MAX: usize = 100_000;

/// Writes the rejects, feed by feed.
pub fn write(sheet: &mut Worksheet, rejects: &[(String, Vec<Reject>)], look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    let title = lang.pick("拒收的行", "Rejected rows");
    sheet.set_name(title)?.set_tab_color(Color::RGB(0xC6_2828));
    let heads = lang
        .pick(["数据源", "文件", "工作表", "行", "列", "原因", "怎么改"], ["Feed", "File", "Sheet", "Row", "Column", "Why", "What to do"]);
    for (at, (head, width)) in heads.into_iter().zip([26.0, 26.0, 14.0, 9.0, 18.0, 46.0, 46.0]).enumerate() {
        sheet.set_column_width(at as ColNum, width)?;
        put_text(sheet, 0, at as ColNum, head, &look.head)?;
    }
    let text = |it: Option<&str>| it.map_or(Cell::Blank, |it| Cell::Text(it.to_owned()));
    let all = rejects.iter().flat_map(|(feed, list)| list.iter().map(move |it| (feed, it)));
    let mut row: RowNum = 0;
    for (feed, it) in all.clone().take(ROWS_MAX) {
        row += 1;
        let cells = [
            (Cell::Text(feed.clone()), &look.text),
            (text(it.file.as_deref()), &look.text),
            (text(it.sheet.as_deref()), &look.text),
            (it.row.map_or(Cell::Blank, Cell::Number), &look.number),
            (Cell::Text(it.column.clone()), &look.text),
            (Cell::Text(lang.pick(&it.why_zh, &it.why).clone()), &look.text),
            (text(lang.pick(it.hint_zh.as_deref(), it.hint.as_deref())), &look.text),
        ];
        for (col, (cell, format)) in cells.iter().enumerate() {
            put(sheet, row, col as ColNum, cell, format)?;
        }
    }
    let more = all.count().saturating_sub(ROWS_MAX);
    if more > 0 {
        let told = match lang {
            crate::words::Lang::Zh => format!("另有 {more} 行：muster rejects"),
            crate::words::Lang::En => format!("{more} more: muster rejects"),
        };
        put_text(sheet, row + 1, 0, &told, &look.hint)?;
    }
    sheet.autofilter(0, 0, row.max(1), 6)?;
    sheet.set_freeze_panes(1, 0)?;
    look::print_setup(sheet, look, title, Some((0, 0)))
}
