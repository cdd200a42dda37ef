//! What the departments' data is like: rejects, codes nobody knows, units nobody registered.

use muster_core::report::Cell;
use rust_xlsxwriter::{ColNum, Color, Format, RowNum, Worksheet, XlsxError};

use super::look::{self, Look, put, put_text};
use crate::digest;
use crate::night::Night;

const WIDTHS: [f64; 7] = [30.0, 24.0, 30.0, 14.0, 14.0, 14.0, 34.0];

/// Writes the data-quality sheet.
pub fn write(sheet: &mut Worksheet, night: &Night, look: &Look) -> Result<(), XlsxError> {
    let name = look.lang.pick("数据质量", "Data quality");
    sheet.set_name(name)?.set_tab_color(Color::RGB(0x71_8096));
    for (at, width) in WIDTHS.iter().enumerate() {
        sheet.set_column_width(at as ColNum, *width)?;
    }
    let mut row = 0;
    for part in [rejects, codes, units, columns, links] {
        let Part { title, heads, lines } = part(night, look);
        row = write_part(sheet, row, &title, heads, &lines, look)?;
    }
    look::print_setup(sheet, look, name, None)
}

struct Part<'a> {
    title: String,
    heads: Vec<&'static str>,
    lines: Vec<Vec<(Cell, &'a Format)>>,
}

fn write_part(
    sheet: &mut Worksheet,
    from: RowNum,
    title: &str,
    heads: Vec<&str>,
    lines: &[Vec<(Cell, &Format)>],
    look: &Look,
) -> Result<RowNum, XlsxError> {
    let mut row = from;
    for col in 0..WIDTHS.len() {
        sheet.write_blank(row, col as ColNum, &look.section)?;
    }
    put_text(sheet, row, 0, title, &look.section)?;
    sheet.set_row_height(row, 24.0)?;
    row += 1;
    if lines.is_empty() {
        put_text(sheet, row, 0, look.lang.pick("无", "none"), &look.hint)?;
        return Ok(row + 2);
    }
    for (at, head) in heads.into_iter().enumerate() {
        put_text(sheet, row, at as ColNum, head, &look.head)?;
    }
    sheet.set_row_height(row, 22.0)?;
    row += 1;
    for line in lines {
        let tall = line
            .iter()
            .zip(WIDTHS)
            .map(|((cell, _), width)| if let Cell::Text(it) = cell { look::lines(it, width as usize - 1) } else { 1 });
        sheet.set_row_height(row, look::height(tall.max().unwrap_or(1)))?;
        for (at, (cell, format)) in line.iter().enumerate() {
            put(sheet, row, at as ColNum, cell, format)?;
        }
        row += 1;
    }
    Ok(row + 1)
}

fn text(it: impl Into<String>) -> Cell {
    Cell::Text(it.into())
}

fn rejects<'a>(night: &Night, look: &'a Look) -> Part<'a> {
    let lang = look.lang;
    let lines = night.feeds.iter().filter_map(|feed| {
        let tally = feed.tally.as_ref()?;
        let share = if tally.pulled == 0 { Cell::Blank } else { Cell::Share((tally.rejected as f64 / tally.pulled as f64) as f32) };
        Some(vec![
            (text(&*feed.feed), &look.text),
            (text(lang.of(&feed.department)), &look.text),
            (text(digest::table_label(feed, lang)), &look.text),
            (Cell::Number(tally.pulled as i64), &look.number),
            (Cell::Number(tally.rejected as i64), &look.quiet),
            (share, &look.trace),
            (Cell::Number(feed.skipped_lines as i64), &look.quiet),
        ])
    });
    Part {
        title: lang.pick("拒收的行（逐行原因见 muster rejects）", "Rejected rows (“muster rejects” says why, row by row)").to_owned(),
        heads: lang.pick(
            vec!["数据源", "部门", "内容", "取得行数", "拒收行数", "拒收率", "标题、合计、签名等非数据行"],
            vec!["Feed", "Department", "Contents", "Pulled", "Rejected", "Share", "Lines that are no data: titles, blanks, signatures"],
        ),
        lines: lines.collect(),
    }
}

fn codes<'a>(night: &Night, look: &'a Look) -> Part<'a> {
    let lang = look.lang;
    let lines = night.feeds.iter().flat_map(|feed| {
        feed.tally.iter().flat_map(|it| &it.unmapped_codes).map(|(column, value, rows)| {
            vec![
                (text(&*feed.feed), &look.text),
                (text(&**column), &look.text),
                (text(&**value), &look.id),
                (Cell::Number(*rows as i64), &look.number),
            ]
        })
    });
    Part {
        title: lang.pick("未对照的代码（请在映射中补充）", "Codes without a meaning (add them to the mapping)").to_owned(),
        heads: lang.pick(vec!["数据源", "列", "代码", "行数"], vec!["Feed", "Column", "Code", "Rows"]),
        lines: lines.collect(),
    }
}

fn units<'a>(night: &Night, look: &'a Look) -> Part<'a> {
    let lang = look.lang;
    let maybe = |it: &Option<String>| it.as_deref().map_or(Cell::Blank, text);
    let line = |it: &crate::night::UnlinkedUnit| {
        vec![
            (text(&*it.feed), &look.text),
            (maybe(&it.unit_code), &look.id),
            (maybe(&it.unit_name), &look.text),
            (Cell::Number(it.rows), &look.number),
            (Cell::Blank, &look.text),
            (Cell::Blank, &look.text),
            (maybe(&it.nearest_name), &look.text),
        ]
    };
    Part {
        title: lang
            .pick(
                "未能关联的单位（名称相近者仅供参考，确认后登记为别名）",
                "Units that could not be linked (the nearest name is a hint; declare an alias once sure)",
            )
            .to_owned(),
        heads: lang.pick(
            vec!["数据源", "单位代码", "单位名称", "行数", "", "", "相近的登记名称"],
            vec!["Feed", "Unit code", "Unit name", "Rows", "", "", "Nearest registered name"],
        ),
        lines: night.unlinked_units.iter().map(line).collect(),
    }
}

fn columns<'a>(night: &Night, look: &'a Look) -> Part<'a> {
    let lang = look.lang;
    let lines = night.feeds.iter().flat_map(|feed| {
        feed.tally
            .iter()
            .flat_map(|it| &it.untold_columns)
            .map(|column| vec![(text(&*feed.feed), &look.text), (text(&**column), &look.text)])
    });
    Part {
        title: lang.pick("既未映射也未声明忽略的列", "Columns neither mapped nor ignored").to_owned(),
        heads: lang.pick(vec!["数据源", "列"], vec!["Feed", "Column"]),
        lines: lines.collect(),
    }
}

fn links<'a>(night: &Night, look: &'a Look) -> Part<'a> {
    let lang = look.lang;
    let line = |(method, identities): (&String, &u64)| {
        vec![(text(digest::method_label(method, lang)), &look.text), (Cell::Number(*identities as i64), &look.number)]
    };
    Part {
        title: lang.pick("人员是怎样识别的", "How people were told apart").to_owned(),
        heads: lang.pick(vec!["方法", "来源身份数"], vec!["Method", "Identities"]),
        lines: night.link_methods.iter().map(line).collect(),
    }
}
