//! Workbooks, `.xlsx` and `.xls`, as people fill them in: titles, headings of two lines, totals and signatures.

use std::fs::File;
use std::io::BufReader;
use std::sync::Mutex;

use arrow::datatypes::SchemaRef;
use calamine::{Cell, Data, DataRef, Range, Reader as _, Sheet, SheetType, SheetVisible, Xls, Xlsx, XlsxCellReader};
use glob::Pattern;
use serde::Deserialize;

use crate::files::{self, Format, Reading, Stopped};
use crate::heading::{self, Heading};
use crate::row::Row;
use crate::sink::Under;
use crate::spool::Found;
use crate::store::Trouble;
use crate::table::{Line, Lines, Table, peek, union};
use crate::{Connector, Consistency, Kind, Piece, Place, Said, Setting, SkippedLine, Spot, cell, near, said};

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "xlsx",
    about: "Workbooks of Excel and WPS, .xlsx and .xls, with titles, totals and signatures around the table",
    about_zh: "Excel、WPS 工作簿（.xlsx、.xls），可带标题行、合计行、签章行",
    open,
    consistency: Consistency::Pinned,
    since: false,
    settings: &files::and::<1, 16>([Setting {
        name: "sheet",
        about: "Name of the sheet, or a pattern of names. Default: every visible sheet that has the mapped columns",
        about_zh: "工作表名或其通配符。默认：凡有映射所列各列的可见工作表",
    }]),
};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    sheet: Option<String>,
}

#[derive(Clone)]
struct Workbooks {
    sheet: Option<Pattern>,
}

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, Said> {
    files::open(place, settings, |own| {
        let settings: Settings = own.try_into().map_err(|it| it.message().to_owned())?;
        let pattern = |it: String| {
            Pattern::new(&it).map_err(|error| said!("`sheet` 不是名称模式：{}", "`sheet` is no pattern of names: {}", error.msg))
        };
        Ok(Workbooks { sheet: settings.sheet.map(pattern).transpose()? })
    })
}

/// A workbook's sheets that are to be read, and the others.
struct Layout {
    /// The open workbook, when it is the only one of the pull: its shared texts are read once then.
    book: Mutex<Option<Book>>,
    tables: Vec<(String, Heading)>,
    others: Vec<(String, &'static str)>,
}

impl Format for Workbooks {
    type Layout = Layout;

    const ENDINGS: &'static [&'static str] = &[".xlsx", ".xlsm", ".xls"];

    /// Finds the sheets of a workbook that hold the table, and their headings.
    fn layout(&self, found: &Found, asked: &[String], alone: bool) -> Result<Layout, Trouble> {
        let mut book = Book::open(found).map_err(|(why, hint)| Trouble::new(why).hint(hint))?;
        let mut layout = Layout { book: Mutex::default(), tables: Vec::new(), others: Vec::new() };
        let mut near = None;
        let sheets = book.sheets();
        for sheet in &sheets {
            let name = sheet.name.clone();
            if let Some(why) = self.passes_over(sheet) {
                layout.others.push((name, why));
                continue;
            }
            let lines = book.lines(&name, |lines| peek(lines)).map_err(Trouble::new)?;
            match heading::find(&lines, asked) {
                Some(heading) => layout.tables.push((name, heading)),
                None if lines.is_empty() => {}
                None => {
                    near = near.or_else(|| heading::nearly(&lines, asked));
                    layout.others.push((name, "sheet without the mapped columns"));
                }
            }
        }
        if layout.tables.is_empty() {
            let names = near::list(sheets.iter().map(|it| it.name.as_str()));
            return Err(Trouble::new(said!("没有含映射列的工作表", "has no sheet with the mapped columns"))
                .hint(near.unwrap_or_else(|| said!("它的工作表有 {}", "its sheets are {}"; names))));
        }
        if alone {
            layout.book = Mutex::new(Some(book));
        }
        Ok(layout)
    }

    fn schema(&self, layouts: &[&Layout], _asked: &[String]) -> Result<SchemaRef, Trouble> {
        Ok(union(layouts.iter().flat_map(|it| &it.tables).map(|(_, heading)| heading)))
    }

    fn read(&self, found: &Found, layout: &Layout, reading: &Reading<'_>) -> Result<(), Stopped> {
        let whole = said!("请用 Excel 或 WPS 打开；若完好，另存一次", "open it in Excel or WPS; if it is whole there, save it again");
        let broke = |why: Said| Trouble::new(why).hint(whole.clone());
        let kept = layout.book.lock().expect("nothing panics while it holds the workbook").take();
        let mut book = kept.map_or_else(|| Book::open(found).map_err(|(why, _)| broke(why)), Ok)?;
        for (sheet, why) in &layout.others {
            let spot = Spot { file: Some(found.name.clone()), sheet: Some(sheet.clone()), row: None };
            reading.out.put(Piece::Skipped(SkippedLine { spot, text: sheet.clone(), why }))?;
        }
        for (sheet, heading) in &layout.tables {
            let under = Under { file: Some(found.name.clone()), sheet: Some(sheet.clone()), title: heading.title.clone() };
            let table = Table::new(heading, under, false, reading);
            book.lines(sheet, |lines| Ok(table.read(lines))).map_err(&broke)?.map_err(|it| match it {
                Stopped::Broke(trouble) => Stopped::Broke(trouble.hint(whole.clone())),
                stop @ Stopped::Stop(_) => stop,
            })?;
        }
        Ok(())
    }
}

impl Workbooks {
    /// Why a sheet is not looked at; null when it is.
    fn passes_over(&self, sheet: &Sheet) -> Option<&'static str> {
        match &self.sheet {
            Some(pattern) if !pattern.matches(&sheet.name) => Some("sheet not asked for"),
            // Hidden sheets are mostly last month's table; who wants one names it.
            None if sheet.visible != SheetVisible::Visible => Some("hidden sheet"),
            _ if sheet.typ != SheetType::WorkSheet => Some("sheet without cells"),
            _ => None,
        }
    }
}

/// An open workbook of either format.
enum Book {
    Xlsx(Box<Xlsx<BufReader<File>>>),
    Xls(Box<Xls<BufReader<File>>>),
}

impl Book {
    /// Opens by what the file is, not by what it is called; else why not, and what to try.
    fn open(found: &Found) -> Result<Book, (Said, Said)> {
        let again =
            said!("请用 Excel 或 WPS 打开；若完好，另存为 .xlsx", "open it in Excel or WPS; if it is whole there, save it again as .xlsx");
        let cannot = |it: std::io::Error| (said!("无法读取：{it}", "cannot be read: {it}"), again.clone());
        let reader = || File::open(&found.path).map(BufReader::new).map_err(&cannot);
        let beginning = found.beginning(512).map_err(&cannot)?;
        match beginning.as_slice() {
            [] => Err((said!("是空的", "is empty"), said!("请对方重新送来", "have the file delivered again"))),
            [b'P', b'K', ..] => Xlsx::new(reader()?)
                .map(|it| Book::Xlsx(Box::new(it)))
                .map_err(|it| (said!("不是完整的工作簿：{it}", "is no whole workbook: {it}"), again.clone())),
            [0xd0, 0xcf, 0x11, 0xe0, ..] => match Xlsx::new(reader()?) {
                // An .xlsx with a password is kept in the same container as an .xls.
                Err(calamine::XlsxError::Password) => {
                    Err((said!("需要口令", "needs a password"), said!("请去掉口令后保存", "save it without the password")))
                }
                _ => Xls::new(reader()?)
                    .map(|it| Book::Xls(Box::new(it)))
                    .map_err(|it| (said!("不是完整的工作簿：{it}", "is no whole workbook: {it}"), again.clone())),
            },
            _ if beginning.trim_ascii_start().starts_with(b"<") => Err((
                said!("是网页，不是工作簿", "is a web page, not a workbook"),
                said!("请用 Excel 或 WPS 打开并另存为 .xlsx", "open it in Excel or WPS and save it as .xlsx"),
            )),
            _ => Err((
                said!("不是工作簿", "is no workbook"),
                said!(
                    "若是文本，请用 `kind = \"csv\"`；否则请另存为 .xlsx",
                    "if it is text, use `kind = \"csv\"`; else save it again as .xlsx"
                ),
            )),
        }
    }

    fn sheets(&self) -> Vec<Sheet> {
        match self {
            Book::Xlsx(book) => book.sheets_metadata().to_vec(),
            Book::Xls(book) => book.sheets_metadata().to_vec(),
        }
    }

    /// Gives the lines of a sheet to `read`.
    fn lines<T>(&mut self, sheet: &str, read: impl FnOnce(&mut SheetLines<'_>) -> Result<T, Said>) -> Result<T, Said> {
        match self {
            Book::Xlsx(book) => {
                let cells = Box::new(book.worksheet_cells_reader(sheet).map_err(|it| Said::plain(it.to_string()))?);
                read(&mut SheetLines::Streamed { cells, next: None, ended: false })
            }
            Book::Xls(book) => {
                let range = book.worksheet_range(sheet).map_err(|it| Said::plain(it.to_string()))?;
                read(&mut SheetLines::Loaded { range, at: 0 })
            }
        }
    }
}

/// The lines of a sheet; those without cells are left out.
enum SheetLines<'a> {
    /// An `.xlsx` is read cell by cell.
    Streamed { cells: Box<XlsxCellReader<'a, BufReader<File>>>, next: Option<Cell<DataRef<'a>>>, ended: bool },
    /// An `.xls` is in memory whole when it is open.
    Loaded { range: Range<Data>, at: usize },
}

impl Lines for SheetLines<'_> {
    fn next(&mut self, row: &mut Row) -> Result<Option<Line>, Said> {
        row.clear();
        match self {
            SheetLines::Streamed { ended: true, .. } => Ok(None),
            SheetLines::Streamed { cells, next, ended } => streamed(cells, next, ended, row).map_err(|it| it.to_string().into()),
            SheetLines::Loaded { range, at } => Ok(loaded(range, at, row)),
        }
    }

    fn raw(&self, row: &Row) -> String {
        row.said()
    }

    fn ends_open(&self) -> bool {
        false
    }
}

fn streamed<'a>(
    cells: &mut XlsxCellReader<'a, BufReader<File>>,
    next: &mut Option<Cell<DataRef<'a>>>,
    ended: &mut bool,
    row: &mut Row,
) -> Result<Option<Line>, calamine::XlsxError> {
    let mut line = None;
    loop {
        let Some(cell) = next.take().map_or_else(|| cells.next_cell(), |it| Ok(Some(it)))? else {
            *ended = true;
            break;
        };
        if *cell.get_value() == DataRef::Empty {
            continue;
        }
        let (at, column) = cell.get_position();
        if *line.get_or_insert(at) != at {
            *next = Some(cell);
            break;
        }
        row.pad(column as usize);
        row.push_with(|out| {
            cell::write(cell.get_value(), out);
        });
    }
    Ok(line.map(|at| Line::Cells(i64::from(at) + 1)))
}

fn loaded(range: &Range<Data>, at: &mut usize, row: &mut Row) -> Option<Line> {
    let (first_row, first_column) = range.start()?;
    if *at >= range.height() {
        return None;
    }
    row.pad(first_column as usize);
    for cell in &range[*at] {
        match cell {
            Data::Empty => row.push(None),
            cell => row.push_with(|out| {
                cell::write_owned(cell, out);
            }),
        }
    }
    *at += 1;
    Some(Line::Cells(i64::from(first_row) + *at as i64))
}
