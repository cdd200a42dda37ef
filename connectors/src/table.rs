//! Reads one file or sheet of lines as a table: titles, heading, rows, totals and what stands below.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use crate::control::Counted;
use crate::files::{Reading, Stopped};
use crate::heading::{Heading, PEEK_LINES};
use crate::line::{self, Taken, fold, folds_to, taken_for};
use crate::row::Row;
use crate::sink::{Rows, Under, text_column, with_places};
use crate::store::Trouble;
use crate::{BrokenRow, ControlTotal, PLACE_COLUMNS, Piece, Said, SkippedLine, Spot, said};

/// The lines of a file or sheet, one after the other.
pub(crate) trait Lines {
    /// Reads the next line into `row`; null at the end. Lines that hold nothing may be left out.
    fn next(&mut self, row: &mut Row) -> Result<Option<Line>, Said>;
    /// The line read last as it stands in the file, where that can differ from its cells.
    fn raw(&self, row: &Row) -> String;
    /// Whether the file ends with the line read last, and without the sign that ends every other line.
    fn ends_open(&self) -> bool;
    /// The last line of the file that the line `row_no`, read last, took: quoted cells go on for several.
    fn last_row(&self, row_no: i64) -> i64 {
        row_no
    }
}

/// Why a file is not read that was cut off on its way: what came before the cut must not pass for the whole.
pub(crate) const CUT: &str = "ends in the middle of a row";

/// A line was read.
pub(crate) enum Line {
    /// With this one-based number.
    Cells(i64),
    /// With this number, but it is no row of cells; and why.
    Broken(i64, Said),
    /// With this number, but it is not to be read; and why.
    Skipped(i64, &'static str),
}

/// The first lines, for the search of the heading.
pub(crate) fn peek(lines: &mut impl Lines) -> Result<Vec<(i64, Row)>, Said> {
    let mut peeked = Vec::new();
    let mut row = Row::default();
    while peeked.len() < PEEK_LINES {
        match lines.next(&mut row)? {
            Some(Line::Cells(row_no)) => peeked.push((row_no, row.clone())),
            Some(Line::Broken(..) | Line::Skipped(..)) => {}
            None => break,
        }
    }
    Ok(peeked)
}

/// The union of the tables' columns by name, in the order in which they first appear.
pub(crate) fn union<'a>(headings: impl Iterator<Item = &'a Heading>) -> SchemaRef {
    let mut names: Vec<&str> = Vec::new();
    for name in headings.flat_map(|it| it.names.iter().flatten()) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    with_places(names.into_iter().map(text_column))
}

/// A table being read.
pub(crate) struct Table<'a> {
    heading: &'a Heading,
    under: Under,
    /// The headings by place, folded, to know them when they come again.
    folded_names: Vec<(usize, String)>,
    /// Whether a row must have as many cells as the heading.
    even: bool,
    out: &'a Counted<'a>,
    rows: Rows,
    /// For every column of the schema, where it stands in a row of this table.
    from: Vec<Option<usize>>,
    last_row: i64,
    /// Cells that a row must have: up to the last heading.
    needed: usize,
    /// Whether every column has a heading.
    all_named: bool,
    /// Cells under no heading: by column, the first row and how many there are.
    homeless: BTreeMap<usize, (i64, u64)>,
}

impl<'a> Table<'a> {
    /// A table below `heading`, in the schema of the pull.
    pub(crate) fn new(heading: &'a Heading, under: Under, even: bool, reading: &Reading<'a>) -> Table<'a> {
        let (schema, out) = (reading.schema, reading.out);
        let place = |name: &str| heading.names.iter().position(|it| it.as_deref() == Some(name));
        let own = schema.fields().len() - PLACE_COLUMNS.len();
        let from = schema.fields().iter().take(own).map(|it| place(it.name())).collect();
        let rows = Rows::new(Arc::clone(schema), reading.ask.batch_rows);
        let needed = heading.names.iter().rposition(Option::is_some).map_or(0, |it| it + 1);
        let all_named = heading.names.iter().all(Option::is_some);
        let folded_names = heading.names.iter().enumerate().filter_map(|(at, name)| Some((at, fold(name.as_deref()?)))).collect();
        Table {
            heading,
            folded_names,
            under,
            even,
            out,
            rows,
            from,
            last_row: heading.last_row,
            needed,
            all_named,
            homeless: BTreeMap::new(),
        }
    }

    /// Reads all lines to the end.
    pub(crate) fn read(mut self, lines: &mut impl Lines) -> Result<(), Stopped> {
        for (row_no, said) in &self.heading.above {
            self.skip(Some(*row_no), said.clone(), line::TITLE)?;
        }
        let mut row = Row::default();
        while let Some(line) = lines.next(&mut row).map_err(|why| Stopped::Broke(broken_off(why)))? {
            let (Line::Cells(row_no) | Line::Broken(row_no, _) | Line::Skipped(row_no, _)) = line;
            match line {
                Line::Cells(_) if row_no <= self.heading.last_row => {}
                Line::Cells(_) => self.line(row_no, &row, lines)?,
                Line::Broken(_, why) => self.broken(row_no, lines.raw(&row), why)?,
                Line::Skipped(_, why) => {
                    self.tell_blanks(row_no)?;
                    self.skip(Some(row_no), lines.raw(&row), why)?;
                }
            }
            if self.last_row == row_no {
                self.last_row = lines.last_row(row_no);
            }
        }
        self.flush()?;
        self.tell_homeless()
    }

    fn line(&mut self, row_no: i64, row: &Row, lines: &impl Lines) -> Result<(), Stopped> {
        if row.is_blank() {
            return Ok(());
        }
        self.tell_blanks(row_no)?;
        match taken_for(row, self.heading.names.len()) {
            Taken::Total => self.total(row_no, row),
            Taken::Skipped(why) => self.skip(Some(row_no), row.said(), why),
            Taken::Row if self.is_heading_again(row) => self.skip(Some(row_no), row.said(), "heading again"),
            Taken::Row if row_no == self.heading.last_row + 1 && is_numbering(row) => self.skip(Some(row_no), row.said(), "column numbers"),
            Taken::Row => self.row(row_no, row, lines),
        }
    }

    fn row(&mut self, row_no: i64, row: &Row, lines: &impl Lines) -> Result<(), Stopped> {
        let width = self.heading.names.len();
        if self.even && row.len() < self.needed {
            if lines.ends_open() {
                return Err(Stopped::Broke(broken_off(said!("在一行的中间结束", "ends in the middle of a row"))));
            }
            let why = said!("有 {} 格，表头却有 {width} 格", "{} cells where the heading has {width}", row.len());
            return self.broken(row_no, lines.raw(row), why);
        }
        let from = if self.all_named { width } else { 0 };
        for at in (from..row.len()).filter(|at| self.heading.names.get(*at).is_none_or(Option::is_none)) {
            if row.trimmed(at).is_empty() {
                continue;
            }
            if self.even && at >= width {
                let why = said!("有 {} 格，表头却有 {width} 格", "{} cells where the heading has {width}", row.len());
                return self.broken(row_no, lines.raw(row), why);
            }
            self.homeless.entry(at).or_insert((row_no, 0)).1 += 1;
        }
        self.rows.add(row_no, row, &self.from);
        if self.rows.is_full() { self.flush() } else { Ok(()) }
    }

    /// Printed tables repeat their heading on every page.
    fn is_heading_again(&self, row: &Row) -> bool {
        !self.folded_names.is_empty() && self.folded_names.iter().all(|(at, name)| folds_to(row.trimmed(*at), name))
    }

    fn total(&mut self, row_no: i64, row: &Row) -> Result<(), Stopped> {
        self.flush()?;
        let name = |at: usize| self.heading.names.get(at).cloned().flatten();
        let cells = row.filled().filter_map(|(at, cell)| Some((name(at)?, cell.to_owned()))).collect();
        self.put(Piece::Total(ControlTotal { spot: self.spot(Some(row_no)), cells }))
    }

    fn broken(&mut self, row_no: i64, raw: String, why: Said) -> Result<(), Stopped> {
        self.tell_blanks(row_no)?;
        self.put(Piece::Broken(BrokenRow { spot: self.spot(Some(row_no)), raw, why }))
    }

    fn skip(&self, row_no: Option<i64>, text: String, why: &'static str) -> Result<(), Stopped> {
        self.put(Piece::Skipped(SkippedLine { spot: self.spot(row_no), text, why }))
    }

    /// Tells the blank lines between the line read before and this one; those at the end are nothing.
    fn tell_blanks(&mut self, row_no: i64) -> Result<(), Stopped> {
        let first = self.last_row + 1;
        self.last_row = row_no;
        if row_no > first { self.skip(Some(first), String::new(), line::BLANK) } else { Ok(()) }
    }

    fn tell_homeless(&self) -> Result<(), Stopped> {
        for (at, (first, count)) in &self.homeless {
            self.skip(Some(*first), format!("column {}: {count} cells", letters(*at)), "under no heading")?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stopped> {
        match self.rows.batch(&self.under) {
            Some(batch) => self.put(Piece::Rows(batch)),
            None => Ok(()),
        }
    }

    fn put(&self, piece: Piece) -> Result<(), Stopped> {
        Ok(self.out.put(piece)?)
    }

    fn spot(&self, row: Option<i64>) -> Spot {
        Spot { file: self.under.file.clone(), sheet: self.under.sheet.clone(), row }
    }
}

fn broken_off(why: Said) -> Trouble {
    Trouble::new(why).hint(said!("请对方重新送来", "have the file delivered again"))
}

/// Forms number their columns below the heading: 1 2 3 4, or 甲 乙 1 2.
fn is_numbering(row: &Row) -> bool {
    let mut cells: Vec<&str> = row.filled().map(|(_, cell)| cell.trim_matches(['(', ')', '（', '）'])).collect();
    cells.retain(|it| !["栏次", "甲", "乙", "丙", "丁"].contains(it));
    cells.len() >= 3 && cells.iter().enumerate().all(|(at, cell)| cell.parse() == Ok(at + 1))
}

/// A column as Excel letters it.
pub(crate) fn letters(at: usize) -> String {
    let last = char::from(b'A' + (at % 26) as u8);
    if at < 26 { last.to_string() } else { format!("{}{last}", letters(at / 26 - 1)) }
}
