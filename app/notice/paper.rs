//! How an official document is laid out on paper: GB/T 9704-2012, as a .docx.
//!
//! Lengths are in twips, twentieths of a point; sizes of letters in half points, as the format wants them. Fonts are named and not
//! embedded: the offices that print these papers have them.

use std::io::Cursor;

use chrono::{Datelike, NaiveDate};
use docx_rs::{
    AlignmentType, BorderType, DocGrid, DocGridType, Docx, FieldCharType, Footer, HeightRule, InstrPAGE, InstrText, LineSpacing,
    LineSpacingType, PageMargin, PageOrientationType, PageSize, Paragraph, ParagraphBorder, ParagraphBorderPosition, ParagraphBorders, Run,
    RunFonts, SectionProperty, SpecialIndentType, Table, TableCell, TableCellMargins, TableLayoutType, TableRow, VAlignType, WidthType,
};
use unicode_width::UnicodeWidthStr;

use crate::words::Lang;

/// A4, and the area of type on it: 156 by 225 mm, 37 mm below the upper edge and 28 mm from the edge that is bound (5.2.1, 5.2.2).
const PAGE: (u32, u32) = (11_906, 16_838);
const TOP: i32 = twips(37);
const BOUND: i32 = twips(28);
const WIDE: i32 = twips(156);
const TALL: i32 = twips(225);

/// 22 lines of 28 characters fill the area of type (5.2.3); a character takes a little less than its 16 points.
const LINE: i32 = TALL / 22;
const CHARACTER: i32 = WIDE / 28;

/// How much closer than their own width characters of 16 points stand, so that 28 fill a line. A grid of characters would say the same, but
/// LibreOffice and older WPS set it wider.
const CLOSER: i32 = CHARACTER - 320 - 1;

/// Titles of twenty characters are one line.
const TITLE_CLOSER: i32 = -8;

/// The page number stands 7 mm below the area of type (7.5): where its line of 14 points ends, from the lower edge.
const NUMBER_UPRIGHT: i32 = PAGE.1 as i32 - TOP - TALL - twips(7) - 320;
const NUMBER_ACROSS: i32 = PAGE.0 as i32 - BOUND - WIDE - twips(7) - 320;

/// Upper edge of the red head: 35 mm below that of the area of type (7.2.4).
const RED_TOP: u32 = twips(35) as u32;
const RED: &str = "FF0000";

/// Heads of tables have this height and nothing else has: the library cannot say that a row is repeated on every page, see [`packed`].
const HEAD_ROW: i32 = 641;
const ROW: i32 = 567;

/// Whole millimetres in twips.
const fn twips(mm: i32) -> i32 {
    (mm * 14_400 + 127) / 254
}

/// A font, by what it is for.
#[derive(Clone, Copy)]
enum Face {
    /// 方正小标宋简体: titles and the red head.
    Title,
    /// 仿宋_GB2312: whatever has no other.
    Body,
    /// 黑体: heads of the first level.
    Black,
    /// 楷体_GB2312: heads of the second level.
    Brush,
    /// 宋体: page numbers.
    Song,
}

impl Face {
    fn name(self) -> &'static str {
        match self {
            Face::Title => "方正小标宋简体",
            Face::Body => "仿宋_GB2312",
            Face::Black => "黑体",
            Face::Brush => "楷体_GB2312",
            Face::Song => "宋体",
        }
    }
}

/// 二号, 三号, 四号, 五号, and small print in tables.
const TITLE: usize = 44;
const BODY: usize = 32;
const SMALL: usize = 28;
const CELL: usize = 21;
const CODE: usize = 18;

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// 一、…
    Head(String),
    /// （一）… and what follows on the same line.
    Point(String, String),
    /// A paragraph.
    Text(String),
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub head: &'static str,
    /// How wide, of 225 mm.
    pub mm: i32,
    /// How its cells stand.
    pub set: Set,
}

/// How cells are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Words, from the left.
    Words,
    /// In the middle.
    Middle,
    /// Numbers of cases and dates: small, in the middle.
    Code,
    /// Amounts, to the right.
    Amount,
}

/// A table across the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Above it.
    pub title: String,
    /// Below the title, at the left and at the right.
    pub lines: (String, String),
    /// Its columns.
    pub columns: Vec<Column>,
    /// As long as the columns; a cell has a line for each line of its text.
    pub rows: Vec<Vec<String>>,
    /// Below it.
    pub notes: Vec<String>,
}

/// A document to a unit, with its table as an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Who issues it.
    pub from: String,
    /// 发文字号.
    pub number: String,
    /// Whether the red head and line are printed.
    pub letterhead: bool,
    /// Lines of the title.
    pub title: Vec<String>,
    /// 主送机关.
    pub to: String,
    /// The text.
    pub text: Vec<Piece>,
    /// 成文日期.
    pub date: NaiveDate,
    /// 附注: who answers questions.
    pub contact: Option<String>,
    /// 抄送机关.
    pub copy_to: Option<String>,
    /// The attachment.
    pub attached: Grid,
}

/// The letter as a file.
pub fn letter(it: &Letter, lang: Lang) -> std::io::Result<Vec<u8>> {
    let set = Setting { lang };
    let mut docx = set.blank();
    let paragraphs = if it.letterhead { set.red_head(it) } else { set.plain_head(it) };
    for paragraph in paragraphs.into_iter().chain(set.text(it)) {
        docx = docx.add_paragraph(paragraph);
    }
    let mut end = set.ending(it);
    // The section's settings stand in its last paragraph.
    let last = end.pop().expect("a letter has a date").section_property(upright(&docx));
    for paragraph in end {
        docx = docx.add_paragraph(paragraph);
    }
    docx = set.attachment(docx.add_paragraph(last), &it.attached, true);
    match &it.copy_to {
        None => docx.document.section_property = across(&docx),
        Some(to) => {
            let turned = across(&docx);
            docx = docx.add_paragraph(Setting::tiny().section_property(turned));
            for paragraph in set.record(it, to) {
                docx = docx.add_paragraph(paragraph);
            }
            docx.document.section_property = upright(&docx);
        }
    }
    packed(docx)
}

/// A table of its own, without a letter.
pub fn sheet(it: &Grid, lang: Lang) -> std::io::Result<Vec<u8>> {
    let set = Setting { lang };
    let mut docx = set.attachment(set.blank(), it, false);
    docx.document.section_property = across(&docx);
    packed(docx)
}

/// The day as it stands below a letter; in Chinese papers digits without leading zeros (7.3.5.4).
pub fn day(date: NaiveDate, lang: Lang) -> String {
    match lang {
        Lang::Zh => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        Lang::En => date.format("%-d %B %Y").to_string(),
    }
}

/// Sections share their page numbers, which the file holds once.
fn upright(docx: &Docx) -> SectionProperty {
    let (left, bottom) = (BOUND, PAGE.1 as i32 - TOP - TALL);
    let right = PAGE.0 as i32 - left - WIDE;
    let margin = PageMargin { top: TOP, left, bottom, right, header: twips(15), footer: NUMBER_UPRIGHT, gutter: 0 };
    let grid = DocGrid::new().grid_type(DocGridType::Lines).line_pitch(LINE as usize);
    docx.document.section_property.clone().page_size(PageSize::new().size(PAGE.0, PAGE.1)).page_margin(margin).doc_grid(grid)
}

/// The same sheet turned, so that its upper edge is the one that is bound.
fn across(docx: &Docx) -> SectionProperty {
    let (top, right) = (BOUND, TOP);
    let (bottom, left) = (PAGE.0 as i32 - top - WIDE, PAGE.1 as i32 - right - TALL);
    let margin = PageMargin { top, left, bottom, right, header: twips(15), footer: NUMBER_ACROSS, gutter: 0 };
    let size = PageSize::new().size(PAGE.1, PAGE.0).orient(PageOrientationType::Landscape);
    docx.document.section_property.clone().page_size(size).page_margin(margin)
}

fn packed(docx: Docx) -> std::io::Result<Vec<u8>> {
    let mut parts = docx.build();
    let rows = String::from_utf8(parts.document).expect("the library writes UTF-8");
    let height = format!("<w:trHeight w:val=\"{HEAD_ROW}\"");
    parts.document = rows.replace(&height, &format!("<w:tblHeader />{height}")).into_bytes();
    let mut file = Cursor::new(Vec::new());
    parts.pack(&mut file).map_err(std::io::Error::other)?;
    Ok(file.into_inner())
}

/// In which language letters are set.
#[derive(Clone, Copy)]
struct Setting {
    lang: Lang,
}

impl Setting {
    fn blank(self) -> Docx {
        Docx::new()
            .default_fonts(self.fonts(Face::Body))
            .default_size(BODY)
            .footer(Self::page_number(AlignmentType::Right))
            .even_footer(Self::page_number(AlignmentType::Left))
    }

    /// — 1 — in 四号宋体, a character from the outer edge: odd pages right, even ones left (7.5).
    fn page_number(at: AlignmentType) -> Footer {
        let one = SMALL as i32 * 10;
        let field = Run::new()
            .add_text("— ")
            .add_field_char(FieldCharType::Begin, false)
            .add_instr_text(InstrText::PAGE(InstrPAGE {}))
            .add_field_char(FieldCharType::Separate, false)
            .add_text("1")
            .add_field_char(FieldCharType::End, false)
            .add_text(" —");
        let field =
            field.size(SMALL).fonts(RunFonts::new().ascii(Face::Song.name()).hi_ansi(Face::Song.name()).east_asia(Face::Song.name()));
        let number = Paragraph::new().align(at).snap_to_grid(false).indent(Some(one), None, Some(one), None).add_run(field);
        Footer::new().add_paragraph(number)
    }

    fn fonts(self, face: Face) -> RunFonts {
        let fonts = RunFonts::new().ascii("Times New Roman").east_asia(face.name());
        match self.lang {
            // Quotation marks are in both scripts; in Chinese they are as wide as a character.
            Lang::Zh => fonts.hi_ansi(face.name()).hint("eastAsia"),
            Lang::En => fonts.hi_ansi("Times New Roman"),
        }
    }

    /// Text; what a line of type cannot hold is left out.
    fn run(self, text: &str, face: Face, size: usize) -> Run {
        let text: String = text.chars().filter(|it| !it.is_control()).collect();
        let closer = match size {
            BODY => CLOSER,
            TITLE => TITLE_CLOSER,
            _ => 0,
        };
        Run::new().add_text(text).size(size).character_spacing(closer).fonts(self.fonts(face))
    }

    /// One line of the grid, or more.
    fn line(align: AlignmentType) -> Paragraph {
        Paragraph::new().align(align).line_spacing(LineSpacing::new().line_rule(LineSpacingType::Exact).line(LINE))
    }

    fn empty(lines: usize) -> impl Iterator<Item = Paragraph> {
        (0..lines).map(|_| Self::line(AlignmentType::Left).run_property(docx_rs::RunProperty::new().size(BODY)))
    }

    /// An empty paragraph that takes no room.
    fn tiny() -> Paragraph {
        let spacing = LineSpacing::new().line_rule(LineSpacingType::Exact).line(20);
        Paragraph::new().snap_to_grid(false).line_spacing(spacing).run_property(docx_rs::RunProperty::new().size(2))
    }

    /// 发文机关标志, two lines below it the number, and the red line 4 mm under that (7.2.4 to 7.2.7).
    fn red_head(self, it: &Letter) -> Vec<Paragraph> {
        let size = red_size(&it.from);
        let spacing = LineSpacing::new().before(RED_TOP).line_rule(LineSpacingType::AtLeast).line(LINE);
        let mark = Paragraph::new().align(AlignmentType::Center).snap_to_grid(false).line_spacing(spacing);
        let mut head = vec![mark.add_run(self.run(&it.from, Face::Title, size).color(RED))];
        head.extend(Self::empty(2));
        let mut number = Self::line(AlignmentType::Center).add_run(self.run(&it.number, Face::Body, BODY));
        let line = ParagraphBorder::new(ParagraphBorderPosition::Bottom).val(BorderType::Single).size(12).space(11).color(RED);
        number.property = number.property.set_borders(ParagraphBorders::with_empty().set(line));
        head.push(number);
        head.extend(Self::empty(2));
        head.extend(it.title.iter().map(|it| self.title(it)));
        head.extend(Self::empty(1));
        head
    }

    /// Without a red head the number stands below the title.
    fn plain_head(self, it: &Letter) -> Vec<Paragraph> {
        let mut head: Vec<Paragraph> = [&it.from].into_iter().chain(&it.title).map(|it| self.title(it)).collect();
        head.push(Self::line(AlignmentType::Center).add_run(self.run(&it.number, Face::Body, BODY)));
        head.extend(Self::empty(1));
        head
    }

    fn title(self, text: &str) -> Paragraph {
        let spacing = LineSpacing::new().line_rule(LineSpacingType::Exact).line(700);
        Paragraph::new().align(AlignmentType::Center).snap_to_grid(false).line_spacing(spacing).add_run(self.run(text, Face::Title, TITLE))
    }

    /// 主送机关 from the edge, with a colon; then the text, each paragraph two characters in.
    fn text(self, it: &Letter) -> Vec<Paragraph> {
        let to = format!("{}{}", it.to, self.lang.pick("：", ":"));
        let mut text = vec![Self::line(AlignmentType::Left).add_run(self.run(&to, Face::Body, BODY))];
        for piece in &it.text {
            let paragraph = Self::line(AlignmentType::Both).indent(None, Some(SpecialIndentType::FirstLine(2 * CHARACTER)), None, None);
            text.push(match piece {
                Piece::Head(head) => paragraph.keep_next(true).add_run(self.run(head, Face::Black, BODY)),
                Piece::Point(head, rest) => paragraph.add_run(self.run(head, Face::Brush, BODY)).add_run(self.run(rest, Face::Body, BODY)),
                Piece::Text(text) => paragraph.add_run(self.run(text, Face::Body, BODY)),
            });
        }
        text
    }

    /// 附件说明, who issues it in the middle above the date, the date four characters from the right edge, 附注. They stay together.
    fn ending(self, it: &Letter) -> Vec<Paragraph> {
        let mut end: Vec<Paragraph> = Self::empty(1).map(|it| it.keep_next(true)).collect();
        let attached = format!("{}{}", self.lang.pick("附件：", "Attached: "), it.attached.title);
        let indented = |text: &str| {
            Self::line(AlignmentType::Left).indent(Some(2 * CHARACTER), None, None, None).add_run(self.run(text, Face::Body, BODY))
        };
        end.push(indented(&attached).keep_next(true));
        end.extend(Self::empty(2).map(|it| it.keep_next(true)));
        let date = day(it.date, self.lang);
        let (name_in, date_in) = signature(&it.from, &date);
        let right = |text: &str, from_right: i32| {
            Self::line(AlignmentType::Right).indent(None, None, Some(from_right), None).add_run(self.run(text, Face::Body, BODY))
        };
        end.push(right(&it.from, name_in).keep_next(true));
        end.push(right(&date, date_in).keep_next(it.contact.is_some()));
        let around = |it: &String| self.lang.pick(format!("（{it}）"), format!("({it})"));
        end.extend(it.contact.as_ref().map(|it| indented(&around(it))));
        end
    }

    /// The table across the page: 附件 in the corner where it is one, the title, the lines, the rows, the notes.
    fn attachment(self, docx: Docx, it: &Grid, is_attached: bool) -> Docx {
        let mut docx = docx;
        if is_attached {
            docx = docx.add_paragraph(Self::free(AlignmentType::Left).add_run(self.run(
                self.lang.pick("附件", "Attachment"),
                Face::Black,
                BODY,
            )));
        }
        docx = docx.add_paragraph(self.title(&it.title));
        let wide: i32 = it.columns.iter().map(|it| twips(it.mm)).sum();
        let under = Table::without_borders(vec![TableRow::new(vec![
            self.side(&it.lines.0, wide / 2, AlignmentType::Left),
            self.side(&it.lines.1, wide - wide / 2, AlignmentType::Right),
        ])]);
        let under = under.set_grid(vec![(wide / 2) as usize, (wide - wide / 2) as usize]).layout(TableLayoutType::Fixed);
        docx = docx.add_table(under).add_paragraph(Self::tiny()).add_table(self.table(it));
        for note in &it.notes {
            docx = docx.add_paragraph(Self::free(AlignmentType::Left).add_run(self.run(note, Face::Body, CELL)));
        }
        docx
    }

    fn side(self, text: &str, wide: i32, at: AlignmentType) -> TableCell {
        let cell = TableCell::new().width(wide as usize, WidthType::Dxa);
        cell.add_paragraph(Self::free(at).add_run(self.run(text, Face::Body, CELL)))
    }

    fn table(self, it: &Grid) -> Table {
        let widths: Vec<usize> = it.columns.iter().map(|it| twips(it.mm) as usize).collect();
        let cell = |text: &str, column: &Column, face: Face, set: Set| {
            let (align, size) = match set {
                Set::Words => (AlignmentType::Left, CELL),
                Set::Middle => (AlignmentType::Center, CELL),
                Set::Code => (AlignmentType::Center, CODE),
                Set::Amount => (AlignmentType::Right, CELL),
            };
            let mut cell = TableCell::new().width(twips(column.mm) as usize, WidthType::Dxa).vertical_align(VAlignType::Center);
            // A cell without a paragraph is damage to a word processor.
            for line in text.split('\n') {
                cell = cell.add_paragraph(Self::free(align).add_run(self.run(line, face, size)));
            }
            cell
        };
        let head = it.columns.iter().map(|it| cell(it.head, it, Face::Black, Set::Middle)).collect();
        let mut rows = vec![TableRow::new(head).row_height(HEAD_ROW as f32).height_rule(HeightRule::AtLeast).cant_split()];
        for row in &it.rows {
            let cells = row.iter().zip(&it.columns).map(|(text, column)| cell(text, column, Face::Body, column.set)).collect();
            rows.push(TableRow::new(cells).row_height(ROW as f32).height_rule(HeightRule::AtLeast).cant_split());
        }
        let side = twips(1) as usize;
        let wide = widths.iter().sum();
        Table::new(rows)
            .set_grid(widths)
            .width(wide, WidthType::Dxa)
            .layout(TableLayoutType::Fixed)
            .margins(TableCellMargins::new().margin(side / 2, side, side / 2, side))
    }

    /// A line off the grid, for tables.
    fn free(align: AlignmentType) -> Paragraph {
        let spacing = LineSpacing::new().line_rule(LineSpacingType::AtLeast).line(280);
        Paragraph::new().align(align).snap_to_grid(false).line_spacing(spacing)
    }

    /// 版记 at the foot of the last page: 抄送 and 印发 in 四号, between lines (7.4).
    fn record(self, it: &Letter, to: &str) -> Vec<Paragraph> {
        let line = |text: &str, borders: Vec<(ParagraphBorderPosition, usize)>| {
            let spacing = LineSpacing::new().line_rule(LineSpacingType::Exact).line(LINE);
            let mut line = Paragraph::new()
                .snap_to_grid(false)
                .line_spacing(spacing)
                .indent(Some(SMALL as i32 * 10), None, Some(SMALL as i32 * 10), None)
                .v_anchor("margin")
                .h_anchor("margin")
                .x_align("center")
                .y_align("bottom")
                .frame_width(WIDE as u32)
                .wrap("around")
                .add_run(self.run(text, Face::Body, SMALL));
            let borders = borders.into_iter().fold(ParagraphBorders::with_empty(), |all, (position, size)| {
                all.set(ParagraphBorder::new(position).val(BorderType::Single).size(size).color("000000"))
            });
            line.property = line.property.set_borders(borders);
            line
        };
        let date = day(it.date, self.lang);
        let (copied, issued) = match self.lang {
            Lang::Zh => (format!("抄送：{}。", to.trim_end_matches('。')), format!("{date}印发")),
            Lang::En => (format!("Copy to: {to}"), format!("issued {date}")),
        };
        // The office at the left edge, the date at the right one: what is between is filled with blanks of half a character.
        let room = (WIDE - 2 * SMALL as i32 * 10) / (SMALL as i32 * 5);
        let blanks = usize::try_from(room).unwrap_or(0).saturating_sub(it.from.width() + issued.width());
        let issued = format!("{}{}{issued}", it.from, " ".repeat(blanks.max(1)));
        let (top, bottom) = (ParagraphBorderPosition::Top, ParagraphBorderPosition::Bottom);
        vec![line(&copied, vec![(top.clone(), 8)]), line(&issued, vec![(top, 6), (bottom, 8)])]
    }
}

/// The red head fills at most the area of type, on one line; no larger than 一号 of tradition.
fn red_size(from: &str) -> usize {
    let halves = i32::try_from(from.width().max(1)).unwrap_or(i32::MAX);
    // A half-width letter is as wide as half its size: `size / 2` half points are `size * 5` twips.
    usize::try_from((WIDE - 2 * CHARACTER) / (halves * 5)).unwrap_or(TITLE).clamp(BODY, 96)
}

/// How far from the right edge the issuer and the date end: the date four characters, the issuer in the middle above it (7.3.5.1). One
/// that is so long that it would leave the paper ends at the edge.
fn signature(from: &str, date: &str) -> (i32, i32) {
    let halves = |it: &str| i32::try_from(it.width()).unwrap_or(i32::MAX / CHARACTER);
    let date_in = 4 * CHARACTER;
    let name_in = date_in + (halves(date) - halves(from)) * CHARACTER / 4;
    (name_in.max(0), date_in)
}
