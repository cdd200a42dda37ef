//! Decoded text to lines and cells, with the quotes of CSV.

use crate::{Said, said};
use std::io;
use std::ops::Range;
use std::path::Path;

use encoding_rs::Encoding;
use memchr::{memchr, memchr3_iter};

use crate::row::Row;
use crate::table::{CUT, Line, Lines};
use crate::text::{MARK, TextReader};

/// A quoted cell that goes on for more lines than this was never meant to be one: a quote in it was forgotten.
const QUOTED_LINES: i64 = 100;
/// No line of a table is longer; a file that has one is of another format, and would be held in memory whole.
const LINE_BYTES: usize = 64 << 20;
/// Unicode's byte order mark.
const ORDER_MARK: char = '\u{feff}';

/// The lines of a text file, cut at its delimiter.
pub(crate) struct TextLines {
    text: TextReader,
    delimiter: String,
    /// Decoded and not yet read from `at` on.
    buffer: String,
    at: usize,
    ended: bool,
    /// Lines of the file before `at`.
    lines: i64,
    /// The line read last, in `buffer`.
    line: Range<usize>,
    ends_open: bool,
    /// Whether lines end with a carriage return alone; null before the first piece.
    old: Option<bool>,
}

impl TextLines {
    /// The lines of the file at `path`.
    pub(crate) fn open(path: &Path, encoding: &'static Encoding, delimiter: &str) -> io::Result<TextLines> {
        let text = TextReader::open(path, encoding)?;
        let delimiter = delimiter.to_owned();
        Ok(TextLines { text, delimiter, buffer: String::new(), at: 0, ended: false, lines: 0, line: 0..0, ends_open: false, old: None })
    }

    /// Where the next line from `from` on ends, its line end left out, and where the one after it begins; null at the end of the file.
    fn next_line(&mut self, from: usize) -> io::Result<Option<(usize, usize)>> {
        let mut searched = from;
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer.as_bytes()[searched..]) {
                let end = searched + at;
                return Ok(Some((without_return(&self.buffer, from, end), end + 1)));
            }
            searched = self.buffer.len();
            if self.ended {
                return Ok((from < searched).then_some((searched, searched)));
            }
            if searched - from > LINE_BYTES {
                return Err(io::Error::other("has a line that does not end; is it text?"));
            }
            self.more()?;
        }
    }

    /// Decodes the next piece. Lines end as they did before 2001 where the first piece has no other line end; a byte order mark at the
    /// beginning of a line stood at the beginning of a file that somebody put behind another.
    fn more(&mut self) -> io::Result<()> {
        let before = self.buffer.len();
        self.ended = !self.text.read(&mut self.buffer)?;
        let piece = &self.buffer[before..];
        let old = *self.old.get_or_insert_with(|| piece.contains('\r') && !piece.contains('\n'));
        if !(old || piece.contains(ORDER_MARK)) {
            return Ok(());
        }
        let mut piece = self.buffer.split_off(before);
        if old {
            piece = piece.replace('\r', "\n");
        }
        let begins_a_line = self.buffer.ends_with('\n');
        let rest = piece.strip_prefix(ORDER_MARK).filter(|_| begins_a_line).unwrap_or(&piece);
        self.buffer.push_str(&rest.replace("\n\u{feff}", "\n"));
        Ok(())
    }

    fn read(&mut self, row: &mut Row) -> io::Result<Option<Line>> {
        row.clear();
        if let Some((end, after)) = self.plain_line(row)? {
            row.take_line(&self.buffer[self.at..end]);
            return self.took(self.lines + 1, end, after, 1, None);
        }
        row.clear();
        let Some((mut end, mut after)) = self.next_line(self.at)? else { return Ok(None) };
        let row_no = self.lines + 1;
        let first = (end, after);
        let mut lines = 1;
        while !cut(&self.buffer[self.at..end], &self.delimiter, row) {
            match self.next_line(after)? {
                Some(more) if lines < QUOTED_LINES => (end, after) = more,
                _ => {
                    (end, after) = first;
                    return self.took(row_no, end, after, 1, Some(said!("引号没有闭合", "a quote opens and does not close")));
                }
            }
            lines += 1;
            row.clear();
        }
        self.took(row_no, end, after, lines, None)
    }

    /// Finds the cells of a line without quotes in one pass, as nearly all lines are. Null when the line is none of these, or not whole
    /// in what was decoded so far and nothing more comes.
    fn plain_line(&mut self, row: &mut Row) -> io::Result<Option<(usize, usize)>> {
        let &[delimiter] = self.delimiter.as_bytes() else { return Ok(None) };
        loop {
            let line = &self.buffer.as_bytes()[self.at..];
            let mut cell = 0;
            for at in memchr3_iter(delimiter, b'\n', b'"', line) {
                match line[at] {
                    b'"' => return Ok(None),
                    b'\n' => {
                        let end = without_return(&self.buffer, self.at, self.at + at);
                        row.push_place(cell, end - self.at);
                        return Ok(Some((end, self.at + at + 1)));
                    }
                    _ => {
                        row.push_place(cell, at);
                        cell = at + 1;
                    }
                }
            }
            if self.ended || line.len() > LINE_BYTES {
                return Ok(None);
            }
            row.clear();
            // Only the beginning of a line is left: little to move.
            self.buffer.drain(..self.at);
            self.at = 0;
            self.more()?;
        }
    }

    fn took(&mut self, row_no: i64, end: usize, after: usize, lines: i64, why: Option<Said>) -> io::Result<Option<Line>> {
        self.line = self.at..end;
        self.ends_open = end == after;
        self.at = after;
        self.lines += lines;
        if self.ends_open && (why.is_some() || self.text.cut) {
            return Err(io::Error::other(CUT));
        }
        let undecodable = self.text.broken && self.buffer[self.line.clone()].contains(MARK);
        Ok(Some(match why.or_else(|| undecodable.then(|| said!("不合此编码的字节", "bytes that are no text in this encoding"))) {
            Some(why) => Line::Broken(row_no, why),
            None => Line::Cells(row_no),
        }))
    }
}

impl Lines for TextLines {
    fn next(&mut self, row: &mut Row) -> Result<Option<Line>, Said> {
        self.read(row).map_err(|it| it.to_string().into())
    }

    fn raw(&self, _row: &Row) -> String {
        self.buffer[self.line.clone()].replace(MARK, "")
    }

    fn ends_open(&self) -> bool {
        self.ends_open
    }

    fn last_row(&self, _row_no: i64) -> i64 {
        self.lines
    }
}

/// The end of a line from `from` on without a carriage return.
fn without_return(text: &str, from: usize, end: usize) -> usize {
    if end > from && text.as_bytes()[end - 1] == b'\r' { end - 1 } else { end }
}

/// Cuts a line into cells. False when a quoted cell does not end in it.
///
/// A cell without quotes that is empty is none; `""` is an empty text.
pub(crate) fn cut(line: &str, delimiter: &str, row: &mut Row) -> bool {
    if line.contains('"') {
        return cut_quoted(line, delimiter, row);
    }
    match single_byte(delimiter) {
        Some(delimiter) => line.split(delimiter).for_each(|cell| push_bare(cell, row)),
        None => line.split(delimiter).for_each(|cell| push_bare(cell, row)),
    }
    true
}

fn single_byte(delimiter: &str) -> Option<char> {
    let mut chars = delimiter.chars();
    chars.next().filter(|_| chars.next().is_none())
}

fn push_bare(cell: &str, row: &mut Row) {
    row.push((!cell.is_empty()).then_some(cell));
}

fn cut_quoted(line: &str, delimiter: &str, row: &mut Row) -> bool {
    let mut rest = line;
    loop {
        let after = if let Some(quoted) = rest.strip_prefix('"') {
            let Some(after) = push_quoted(quoted, delimiter, row) else { return false };
            after
        } else {
            let end = rest.find(delimiter).unwrap_or(rest.len());
            push_bare(without_formula(&rest[..end]), row);
            &rest[end..]
        };
        match after.strip_prefix(delimiter) {
            Some(next) => rest = next,
            None => return true,
        }
    }
}

/// Adds the cell whose opening quote was just read; gives what stands after it. What follows the closing quote belongs to the cell too.
fn push_quoted<'a>(quoted: &'a str, delimiter: &str, row: &mut Row) -> Option<&'a str> {
    let mut cell = String::new();
    let mut rest = quoted;
    loop {
        let at = rest.find('"')?;
        cell.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None => break,
        }
    }
    let end = rest.find(delimiter).unwrap_or(rest.len());
    cell.push_str(&rest[..end]);
    row.push(Some(&cell));
    Some(&rest[end..])
}

/// `="330683198001011234"` is how exports keep Excel from taking a text for a number.
fn without_formula(cell: &str) -> &str {
    cell.strip_prefix("=\"").and_then(|it| it.strip_suffix('"')).filter(|it| !it.contains('"')).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{GB18030, UTF_8};

    use super::*;

    fn cells(row: &Row) -> String {
        (0..row.len()).map(|at| row.cell(at).unwrap_or("~")).collect::<Vec<_>>().join("|")
    }

    fn check(line: &str, delimiter: &str, expected: &str) {
        let mut row = Row::default();
        assert!(cut(line, delimiter, &mut row), "{line}");
        assert_eq!(cells(&row), expected, "{line}");
    }

    #[test]
    fn cells_with_and_without_quotes() {
        check("a,,c,", ",", "a|~|c|~");
        check(r#""a","","c, ""d""""#, ",", r#"a||c, "d""#);
        check(r#"a "b",c"#, ",", r#"a "b"|c"#);
        check(r#""a" b,c"#, ",", "a b|c");
        check(r#"="330683198001011234",b"#, ",", "330683198001011234|b");
        check("'330683198001011234, b ", ",", "'330683198001011234| b ");
    }

    #[test]
    fn any_delimiter() {
        check("a\tb", "\t", "a|b");
        check("a|b", "|", "a|b");
        check("a|@|\"b|@|\"|@|c", "|@|", "a|b|@||c");
        check("a，b", "，", "a|b");
    }

    /// Lines as `number: cells`, or `number! raw` for broken ones.
    fn read(bytes: &[u8], encoding: &'static Encoding) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().expect("a file for the test");
        std::fs::write(file.path(), bytes).expect("to write it");
        let mut lines = TextLines::open(file.path(), encoding, ",").expect("to open it");
        let mut row = Row::default();
        let mut read = Vec::new();
        while let Some(line) = lines.next(&mut row).expect("to read it") {
            read.push(match line {
                Line::Cells(row_no) => format!("{row_no}: {}", cells(&row)),
                Line::Broken(row_no, _) | Line::Skipped(row_no, _) => format!("{row_no}! {}", lines.raw(&row)),
            });
        }
        read
    }

    #[test]
    fn rows_are_counted_as_an_editor_counts_lines() {
        assert_eq!(read(b"a,b\r\n\r\n\"c\nd\",e\nf", UTF_8), ["1: a|b", "2: ~", "3: c\nd|e", "5: f"]);
    }

    #[test]
    fn a_forgotten_quote_breaks_its_own_line_only() {
        assert_eq!(read(b"a,\"b\nc,d\ne,f\n", UTF_8), ["1! a,\"b", "2: c|d", "3: e|f"]);
    }

    #[test]
    fn undecodable_bytes_break_their_line() {
        assert_eq!(read(b"a,b\nc,\xff\nd,e\n", GB18030), ["1: a|b", "2! c,\\xFF", "3: d|e"]);
    }
}
