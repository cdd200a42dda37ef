//! How the sheets look: formats, widths, heights, print set-up.

use muster_core::report::{Cell, Lang};
use rust_xlsxwriter::{
    ColNum, Color, ConditionalFormatCell, ConditionalFormatCellRule, ExcelDateTime, Format, FormatAlign, FormatBorder, RowNum, Worksheet,
    XlsxError,
};

use crate::night::Night;

/// Widths are in characters of Latin text; a Chinese character takes two.
const CELL_TEXT_MAX: usize = 32_000;
const LINE_POINTS: f64 = 14.0;
const LINES_MAX: usize = 27;

const INK: Color = Color::RGB(0x1F_2933);
const HEAD: Color = Color::RGB(0x1F_4E79);
const RULE: Color = Color::RGB(0xC9_D3DD);

/// The formats of every sheet, and what their headers say.
pub struct Look {
    /// Language of headings.
    pub lang: Lang,
    /// Stands in the print header: city and night.
    pub night: String,
    /// Who took it out, when and what for; stands in every footer. Null in reports that nobody took out.
    pub mark: Option<String>,
    /// The report's title.
    pub title: Format,
    /// Small print below a title.
    pub hint: Format,
    /// A section's heading.
    pub section: Format,
    /// A column's heading.
    pub head: Format,
    /// Text.
    pub text: Format,
    /// Text in the middle: states, severities, rule ids.
    pub middle: Format,
    /// Numbers that are names: kept as text even when the cell is edited.
    pub id: Format,
    /// A count.
    pub number: Format,
    /// A count among many, of which only those that are not nothing matter.
    pub quiet: Format,
    /// Yuan.
    pub money: Format,
    /// A day.
    pub date: Format,
    /// A share.
    pub percent: Format,
    /// A share that should be next to nothing.
    pub trace: Format,
    /// A number that leaders read first, and the words below it.
    pub headline: Format,
    /// The words below a headline.
    pub caption: Format,
    /// For the reviewer to fill.
    pub fill_in: Format,
    /// Sums.
    pub sum_text: Format,
    /// A day that has passed, or is near.
    pub late: Format,
    /// Sums.
    pub sum: Format,
    /// Sums in yuan.
    pub sum_money: Format,
    /// Sums as shares.
    pub sum_percent: Format,
    /// Good, fair and bad, as whole cells.
    pub good: Format,
    /// The same.
    pub fair: Format,
    /// The same.
    pub bad: Format,
}

/// What the report is called.
pub fn report_name(lang: Lang) -> &'static str {
    lang.pick("编制实名制对账报告", "Establishment reconciliation report")
}

fn base() -> Format {
    Format::new().set_font_name("Microsoft YaHei").set_font_size(10).set_font_color(INK).set_align(FormatAlign::VerticalCenter)
}

fn boxed() -> Format {
    base().set_border(FormatBorder::Thin).set_border_color(RULE)
}

/// Numbers stand at the right; their formats end in a blank, which keeps them off the border in every program.
fn right() -> Format {
    boxed().set_align(FormatAlign::Right)
}

fn strip() -> Format {
    base().set_background_color(Color::RGB(0xEE_F3F8)).set_align(FormatAlign::Center)
}

fn tinted(ink: u32, paper: u32) -> Format {
    boxed().set_font_color(Color::RGB(ink)).set_background_color(Color::RGB(paper)).set_align(FormatAlign::Center).set_text_wrap()
}

impl Look {
    /// The formats for one night's workbook.
    pub fn new(lang: Lang, night: &Night, mark: Option<&str>) -> Look {
        let sum = right().set_bold().set_background_color(Color::RGB(0xEE_F3F8));
        Look {
            lang,
            night: format!("{} {}", lang.of(&night.city), night.tonight),
            mark: mark.map(str::to_owned),
            title: base().set_font_size(20).set_bold().set_font_color(HEAD),
            hint: base().set_font_size(9).set_font_color(Color::RGB(0x5F_6B7A)),
            section: base()
                .set_font_size(12)
                .set_bold()
                .set_font_color(HEAD)
                .set_border_bottom(FormatBorder::Medium)
                .set_border_bottom_color(HEAD),
            head: boxed()
                .set_border_color(Color::RGB(0x5B_82AB))
                .set_bold()
                .set_font_color(Color::White)
                .set_background_color(HEAD)
                .set_align(FormatAlign::Center)
                .set_text_wrap(),
            text: boxed().set_text_wrap().set_indent(1),
            middle: boxed().set_align(FormatAlign::Center).set_text_wrap(),
            id: boxed().set_num_format("@").set_align(FormatAlign::Center).set_text_wrap(),
            number: right().set_num_format("#,##0_ "),
            quiet: right().set_num_format("#,##0_ ;-#,##0_ ;–_ "),
            money: right().set_num_format("#,##0.00_ ;-#,##0.00_ ;–_ "),
            date: boxed().set_num_format("yyyy-mm-dd").set_align(FormatAlign::Center),
            late: boxed()
                .set_num_format("yyyy-mm-dd")
                .set_align(FormatAlign::Center)
                .set_bold()
                .set_font_color(Color::RGB(0xA3_1B1B))
                .set_background_color(Color::RGB(0xFD_E4E4)),
            percent: right().set_num_format("0.0%_ "),
            trace: right().set_num_format("0.00%_ ;-0.00%_ ;–_ "),
            headline: strip().set_font_size(20).set_bold().set_font_color(HEAD),
            caption: strip().set_font_size(9).set_font_color(Color::RGB(0x5F_6B7A)),
            fill_in: boxed().set_background_color(Color::RGB(0xFF_FBE6)).set_text_wrap(),
            sum_text: sum.clone().set_align(FormatAlign::Left).set_indent(1),
            sum_money: sum.clone().set_num_format("#,##0.00_ ;-#,##0.00_ ;–_ "),
            sum_percent: sum.clone().set_num_format("0.0%_ "),
            sum: sum.set_num_format("#,##0_ ;-#,##0_ ;–_ "),
            good: tinted(0x0B_6B3A, 0xE3_F5EA),
            fair: tinted(0x8A_5A00, 0xFF_F3D6),
            bad: tinted(0xA3_1B1B, 0xFD_E4E4),
        }
    }

    /// The format of a `good`, `fair` or `bad` cell.
    pub fn colour(&self, class: &str) -> &Format {
        match class {
            "good" => &self.good,
            "fair" => &self.fair,
            _ => &self.bad,
        }
    }
}

/// Puts text into a cell as text. What begins like a formula keeps its quote, so that even editing the cell does not make it one.
pub fn put_text(sheet: &mut Worksheet, row: RowNum, col: ColNum, text: &str, format: &Format) -> Result<(), XlsxError> {
    let short: String = text.chars().take(CELL_TEXT_MAX).collect();
    if short.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        sheet.write_string_with_format(row, col, short, &format.clone().set_quote_prefix())?;
    } else {
        sheet.write_string_with_format(row, col, short, format)?;
    }
    Ok(())
}

/// Puts any cell, in the format of its column.
pub fn put(sheet: &mut Worksheet, row: RowNum, col: ColNum, cell: &Cell, format: &Format) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(text) => return put_text(sheet, row, col, text, format),
        Cell::Blank => sheet.write_blank(row, col, format)?,
        Cell::Number(number) => sheet.write_number_with_format(row, col, *number as f64, format)?,
        Cell::Money(fen) => sheet.write_number_with_format(row, col, *fen as f64 / 100.0, format)?,
        Cell::Date(day) => sheet.write_datetime_with_format(row, col, ExcelDateTime::parse_from_str(&day.to_string())?, format)?,
        Cell::Share(share) => sheet.write_number_with_format(row, col, f64::from((share * 1000.0).round()) / 1000.0, format)?,
    };
    Ok(())
}

/// Columns that a text takes on paper.
pub fn width(text: &str) -> usize {
    text.lines().map(|line| line.chars().map(|it| if it < '\u{1100}' { 1 } else { 2 }).sum()).max().unwrap_or(0)
}

/// Lines that a text takes in a column of `columns`.
pub fn lines(text: &str, columns: usize) -> usize {
    text.lines().map(|line| width(line).div_ceil(columns.max(1)).max(1)).sum::<usize>().max(1)
}

/// The height of a row whose longest cell takes `lines`.
pub fn height(lines: usize) -> f64 {
    LINE_POINTS * lines.clamp(1, LINES_MAX) as f64 + 7.0
}

/// A4 landscape, one page wide, the header repeated and numbered pages.
pub fn print_setup(sheet: &mut Worksheet, look: &Look, heading: &str, repeat: Option<(RowNum, RowNum)>) -> Result<(), XlsxError> {
    sheet.set_paper_size(9).set_landscape().set_print_fit_to_pages(1, 0).set_print_center_horizontally(true);
    sheet.set_margins(0.35, 0.35, 0.65, 0.55, 0.3, 0.3);
    let night = look.night.replace('&', "&&");
    sheet.set_header(format!("&L&9{night}&C&11&B{heading}&R&9{}", look.lang.pick("疑似线索，待核实", "leads, to be verified")));
    // A header or footer holds 255 characters.
    let mark: String = look.mark.as_deref().unwrap_or_default().chars().take(120).collect::<String>().replace('&', "&&");
    let (left, right) =
        look.lang.pick(("含个人信息，注意保密", "第 &P 页，共 &N 页"), ("Personal data: keep confidential", "Page &P of &N"));
    sheet.set_footer(format!("&L&9{left}&C&9{mark}&R&9{right}"));
    if let Some((first, last)) = repeat {
        sheet.set_repeat_rows(first, last)?;
    }
    Ok(())
}

/// Colours severities and states where they stand, so that sorting and editing keep the colours right.
pub fn colour_words(sheet: &mut Worksheet, col: ColNum, rows: (RowNum, RowNum), words: &[(&str, u32, u32)]) -> Result<(), XlsxError> {
    for (word, ink, paper) in words {
        let format = Format::new().set_font_color(Color::RGB(*ink)).set_background_color(Color::RGB(*paper)).set_bold();
        let rule = ConditionalFormatCell::new().set_rule(ConditionalFormatCellRule::EqualTo((*word).to_owned())).set_format(format);
        sheet.add_conditional_format(rows.0, col, rows.1, col, &rule)?;
    }
    Ok(())
}

/// Ink and paper of the four severities.
pub const SEVERITY_COLOURS: &[(&str, u32, u32)] =
    &[("S1", 0xFF_FFFF, 0xC6_2828), ("S2", 0x7A_2E00, 0xFF_D9B8), ("S3", 0x6B_5300, 0xFF_F1C2), ("S4", 0x4A_5568, 0xE8_ECF1)];
