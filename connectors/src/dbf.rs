//! Tables of dBASE III and IV, FoxPro and Visual FoxPro, as old payroll and archive systems keep and export them.
//!
//! Everything is text: a number has the digits that stand in the file, a date is `2026-03-01`, a logical `1` or `0`. The format has no
//! null: a blank cell is none. Only Visual FoxPro marks nulls, in columns that may hold them; there a blank cell without the mark is empty.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};

use arrow::datatypes::SchemaRef;
use encoding_rs::{BIG5, EUC_KR, Encoding, GB18030, IBM866, SHIFT_JIS, UTF_8, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252};
use encoding_rs::{WINDOWS_1253, WINDOWS_1254, WINDOWS_1255, WINDOWS_1256};
use serde::Deserialize;

use crate::files::{self, Format, Reading, Stopped};
use crate::heading::{self, Heading};
use crate::memo::Memos;
use crate::row::Row;
use crate::sink::Under;
use crate::spool::Found;
use crate::store::Trouble;
use crate::table::{Line, Lines, Table, union};
use crate::text::push_decoded;
use crate::{Connector, Consistency, Kind, PLACE_COLUMNS, Piece, Place, Said, Setting, SkippedLine, Spot, cell, near, said, text};

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "dbf",
    about: "Tables of dBASE III and IV, FoxPro and Visual FoxPro (.dbf, with memo files)",
    about_zh: "dBASE III/IV、FoxPro、Visual FoxPro 数据表（.dbf，含备注文件）",
    open,
    consistency: Consistency::Pinned,
    since: false,
    settings: &files::and::<1, 16>([Setting {
        name: "encoding",
        about: "`gb18030` (also for GBK), `big5` … Default `auto`: the code page that the file names; without one UTF-8 if it is valid, else GB18030",
        about_zh: "`gb18030`（含 GBK）、`big5` 等。默认 `auto`：依文件头所记代码页；未记者能按 UTF-8 读的为 UTF-8，其余为 GB18030",
    }]),
};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    encoding: Option<String>,
}

#[derive(Clone)]
struct Dbf {
    encoding: Option<&'static Encoding>,
}

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, Said> {
    files::open(place, settings, |own| {
        let settings: Settings = own.try_into().map_err(|it| it.message().to_owned())?;
        let named =
            |it: &str| Encoding::for_label(it.as_bytes()).ok_or_else(|| said!("没有名为 `{it}` 的编码", "no encoding is called `{it}`"));
        Ok(Dbf { encoding: settings.encoding.as_deref().filter(|it| *it != "auto").map(named).transpose()? })
    })
}

/// How a table is to be read.
struct Layout {
    header: Header,
    encoding: &'static Encoding,
    heading: Heading,
}

impl Format for Dbf {
    type Layout = Layout;

    const ENDINGS: &'static [&'static str] = &[".dbf"];
    const BESIDE: &'static [&'static str] = &[".fpt", ".dbt"];

    fn layout(&self, found: &Found, asked: &[String], _alone: bool) -> Result<Layout, Trouble> {
        let header = Header::read(found)?;
        let encoding = match (self.encoding, header.encoding()) {
            (Some(encoding), _) | (None, Some(encoding)) => encoding,
            (None, None) => text::detect(&found.path).map_err(|it| Trouble::new(said!("无法读取：{it}", "cannot be read: {it}")))?,
        };
        let name = |it: &Column| encoding.decode_without_bom_handling(&it.name).0.trim().to_owned();
        let names: Vec<String> = header.columns.iter().map(name).collect();
        let heading = heading::named(&names, asked);
        let mut wanted = asked.iter().filter(|it| !PLACE_COLUMNS.contains(&it.as_str())).peekable();
        if wanted.peek().is_some() && !wanted.any(|it| heading.names.iter().flatten().any(|name| name == it)) {
            let hint = said!("它的列有 {1}（按 {0} 读取）", "its columns are {1} (read as {0})", encoding.name(); near::list(names.iter().map(String::as_str)));
            return Err(Trouble::new(said!("没有映射用到的任何一列", "has none of the mapped columns")).hint(hint));
        }
        Ok(Layout { header, encoding, heading })
    }

    fn schema(&self, layouts: &[&Layout], _asked: &[String]) -> Result<SchemaRef, Trouble> {
        Ok(union(layouts.iter().map(|it| &it.heading)))
    }

    fn read(&self, found: &Found, layout: &Layout, reading: &Reading<'_>) -> Result<(), Stopped> {
        let mut records = Records::open(found, layout).map_err(|it| Trouble::new(said!("无法读取：{it}", "cannot be read: {it}")))?;
        let spot = |row| Spot { file: Some(found.name.clone()), sheet: None, row };
        for (name, column) in layout.heading.names.iter().flatten().zip(&layout.header.columns) {
            if column.is_binary() {
                let piece = SkippedLine { spot: spot(None), text: name.clone(), why: "column of pictures or programs" };
                reading.out.put(Piece::Skipped(piece))?;
            }
        }
        let under = Under { file: Some(found.name.clone()), ..Under::default() };
        Table::new(&layout.heading, under, false, reading).read(&mut records)?;
        if layout.header.left_over > 0 {
            let row = Some(i64::from(layout.header.records) + 1);
            let text = format!("{} bytes", layout.header.left_over);
            reading.out.put(Piece::Skipped(SkippedLine { spot: spot(row), text, why: "after the last record" }))?;
        }
        Ok(())
    }
}

/// What the first bytes of a table say.
struct Header {
    version: u8,
    code_page: u8,
    records: u32,
    first_record_at: u16,
    record_bytes: u16,
    columns: Vec<Column>,
    /// Where in a record the bits of nulls stand.
    null_flags: Option<(usize, usize)>,
    /// Bytes behind the last record that are more than the end mark.
    left_over: u64,
}

struct Column {
    name: Vec<u8>,
    kind: u8,
    at: usize,
    bytes: usize,
    /// Its bits among the null flags: that it holds null, and that it is shorter than its place.
    null_bit: Option<usize>,
    short_bit: Option<usize>,
    /// Whether its bytes are no text.
    raw: bool,
}

impl Header {
    fn read(found: &Found) -> Result<Header, Trouble> {
        let again = said!("请对方重新送来，或用 FoxPro 打开后导出", "have the file delivered again, or open it in FoxPro and export it");
        let damaged = |why: Said| Trouble::new(said!("不是完整的 dBASE 表：{}", "is no whole dBASE table: {}"; why)).hint(again.clone());
        let io = |it: std::io::Error| Trouble::new(said!("无法读取：{it}", "cannot be read: {it}"));
        let bytes = found.beginning(u64::from(u16::MAX)).map_err(io)?;
        let Some(start) = bytes.first_chunk::<32>() else {
            return Err(if bytes.is_empty() {
                Trouble::new(said!("是空的", "is empty")).hint(again)
            } else {
                damaged(said!("文件在表头处中断", "it ends in its header"))
            });
        };
        match start[0] {
            0x03 | 0x83 | 0x43 | 0x63 | 0xcb | 0x8b | 0x8e | 0x30 | 0x31 | 0x32 | 0xf5 | 0xfb | 0x7b => {}
            0x04 | 0x8c => {
                return Err(Trouble::new(said!("是 dBASE 7 的表", "is a table of dBASE 7"))
                    .hint(said!("请导出为 dBASE IV", "export it as dBASE IV")));
            }
            0x02 => {
                return Err(Trouble::new(said!("是 FoxBASE 或 dBASE II 的表", "is a table of FoxBASE or dBASE II"))
                    .hint(said!("请导出为 dBASE III", "export it as dBASE III")));
            }
            other => return Err(damaged(said!("开头的字节是 {other:02X}", "it begins with the byte {other:02X}"))),
        }
        let u16_at = |at: usize| u16::from_le_bytes([start[at], start[at + 1]]);
        let mut header = Header {
            version: start[0],
            code_page: start[29],
            records: u32::from_le_bytes([start[4], start[5], start[6], start[7]]),
            first_record_at: u16_at(8),
            record_bytes: u16_at(10),
            columns: Vec::new(),
            null_flags: None,
            left_over: 0,
        };
        let Some(descriptors) = bytes.get(32..usize::from(header.first_record_at)) else {
            return Err(damaged(said!("文件在表头处中断", "it ends in its header")));
        };
        header.describe(descriptors).map_err(damaged)?;
        let length = std::fs::metadata(&found.path).map_err(io)?.len();
        let held = length.saturating_sub(u64::from(header.first_record_at));
        let told = u64::from(header.records) * u64::from(header.record_bytes);
        if held < told {
            let whole = held / u64::from(header.record_bytes);
            return Err(damaged(said!("自称有 {} 条记录，实有 {whole} 条", "it says {} records and holds {whole}", header.records)));
        }
        header.left_over = held.saturating_sub(told + 1);
        Ok(header)
    }

    /// Reads the columns; else what is wrong with them.
    fn describe(&mut self, descriptors: &[u8]) -> Result<(), Said> {
        let (mut at, mut bits) = (1, 0);
        for it in descriptors.chunks(32) {
            if matches!(it.first(), None | Some(0x0d | 0x00)) {
                break;
            }
            let Some(it) = it.first_chunk::<32>() else {
                return Err(said!("有一列的说明不完整", "a column is described by half"));
            };
            let kind = it[11].to_ascii_uppercase();
            let nullable = self.is_visual() && it[18] & 2 != 0;
            // Clipper and FoxPro write longer texts with the high byte of the length in the place of the decimals.
            let bytes = usize::from(it[16]) + if kind == b'C' { 256 * usize::from(it[17]) } else { 0 };
            if bytes == 0 || !b"CNFDLMIYBTGPWQV+O@0".contains(&kind) {
                return Err(said!("第 {} 列的类型未知", "column {} is of no known kind", self.columns.len() + 1));
            }
            let mut bit = |there: bool| {
                bits += usize::from(there);
                there.then(|| bits - 1)
            };
            let short_bit = bit(self.is_visual() && matches!(kind, b'V' | b'Q'));
            let null_bit = bit(nullable);
            if kind == b'0' {
                self.null_flags = Some((at, bytes));
            } else {
                let name = it[..11].split(|it| *it == 0).next().unwrap_or_default().to_vec();
                let raw = self.is_visual() && it[18] & 4 != 0;
                self.columns.push(Column { name, kind, at, bytes, null_bit, short_bit, raw });
            }
            at += bytes;
        }
        if self.columns.is_empty() {
            return Err(said!("没有任何列的说明", "it describes no columns"));
        }
        if at != usize::from(self.record_bytes) {
            return Err(said!("各列共占 {at} 字节，记录却是 {} 字节", "its columns take {at} bytes and its records {}", self.record_bytes));
        }
        Ok(())
    }

    /// Visual FoxPro, which has nulls and binary numbers.
    fn is_visual(&self) -> bool {
        matches!(self.version, 0x30..=0x32)
    }

    /// The code page that the file names; null for none. Pages of DOS for the West are what systems write that know of none.
    fn encoding(&self) -> Option<&'static Encoding> {
        match self.code_page {
            0x4d | 0x7a => Some(GB18030),
            0x4f | 0x78 => Some(BIG5),
            0x4e | 0x79 => Some(EUC_KR),
            0x13 | 0x7b => Some(SHIFT_JIS),
            0x03 | 0x57 | 0x58 | 0x59 => Some(WINDOWS_1252),
            0x26 | 0x65 => Some(IBM866),
            0x50 | 0x7c => Some(WINDOWS_874),
            0x7d => Some(WINDOWS_1255),
            0x7e => Some(WINDOWS_1256),
            0xc8 => Some(WINDOWS_1250),
            0xc9 => Some(WINDOWS_1251),
            0xca => Some(WINDOWS_1254),
            0xcb => Some(WINDOWS_1253),
            0xf0 => Some(UTF_8),
            _ => None,
        }
    }
}

impl Column {
    fn is_binary(&self) -> bool {
        matches!(self.kind, b'G' | b'P' | b'W' | b'Q') || self.raw && matches!(self.kind, b'M' | b'V' | b'C')
    }

    fn is_memo(&self) -> bool {
        self.kind == b'M' && !self.raw
    }
}

/// The records of a table, one after the other.
struct Records<'a> {
    layout: &'a Layout,
    file: BufReader<File>,
    memos: Option<Memos>,
    record: Vec<u8>,
    read: u32,
}

impl<'a> Records<'a> {
    fn open(found: &Found, layout: &'a Layout) -> std::io::Result<Records<'a>> {
        let mut file = BufReader::with_capacity(256 * 1024, File::open(&found.path)?);
        file.seek(SeekFrom::Start(u64::from(layout.header.first_record_at)))?;
        let memos = match found.beside.first() {
            Some(beside) if layout.header.columns.iter().any(Column::is_memo) => Some(Memos::open(&beside.path, layout.header.version)?),
            _ => None,
        };
        Ok(Records { layout, file, memos, record: vec![0; usize::from(layout.header.record_bytes)], read: 0 })
    }
}

impl Lines for Records<'_> {
    fn next(&mut self, row: &mut Row) -> Result<Option<Line>, Said> {
        row.clear();
        if self.read == self.layout.header.records {
            return Ok(None);
        }
        self.file.read_exact(&mut self.record).map_err(|it| it.to_string())?;
        self.read += 1;
        let row_no = i64::from(self.read);
        let deleted = match self.record[0] {
            b' ' => false,
            b'*' => true,
            _ => {
                return Err(said!(
                    "不是完整的 dBASE 表：第 {row_no} 条记录的开头既不是空格也不是 `*`",
                    "is no whole dBASE table: record {row_no} begins with neither a blank nor `*`"
                ));
            }
        };
        let mut broken = None;
        for column in &self.layout.header.columns {
            let cell = Cell { column, header: &self.layout.header, record: &self.record, encoding: self.layout.encoding };
            broken = cell.push(row, self.memos.as_ref())?.or(broken);
        }
        Ok(Some(match broken {
            _ if deleted => Line::Skipped(row_no, "deleted record"),
            None => Line::Cells(row_no),
            Some(why) => Line::Broken(row_no, why),
        }))
    }

    fn raw(&self, row: &Row) -> String {
        row.said()
    }

    fn ends_open(&self) -> bool {
        false
    }
}

/// One cell of a record.
struct Cell<'a> {
    column: &'a Column,
    header: &'a Header,
    record: &'a [u8],
    encoding: &'static Encoding,
}

impl Cell<'_> {
    /// Adds what the cell says to `row`; gives what is wrong with it. An error ends the table.
    fn push(&self, row: &mut Row, memos: Option<&Memos>) -> Result<Option<Said>, Said> {
        let column = self.column;
        let bytes = &self.record[column.at..column.at + column.bytes];
        if column.is_binary() || self.flag(column.null_bit) {
            row.push(None);
            return Ok(None);
        }
        match column.kind {
            b'C' | b'V' => return Ok(self.push_text(row, self.text_of(bytes))),
            b'M' => {
                let Some(block) = memo_block(bytes) else {
                    row.push(None);
                    return Ok(None);
                };
                let memos = memos.ok_or(said!("旁边缺少备注文件（.fpt 或 .dbt）", "needs its memo file, .fpt or .dbt, beside it"))?;
                let memo = memos.read(block).map_err(|it| said!("备注文件对不上：{it}", "its memo file does not fit: {it}"))?;
                return Ok(self.push_text(row, &memo));
            }
            b'I' | b'+' => push_number(row, bytes, |it| i32::from_le_bytes(it).to_string()),
            b'Y' => push_number(row, bytes, |it| money(i64::from_le_bytes(it))),
            b'B' | b'O' if bytes.len() == 8 && self.header.is_visual() => push_number(row, bytes, |it| number(f64::from_le_bytes(it))),
            b'T' | b'@' if bytes.len() == 8 => push_instant(row, bytes),
            b'D' => push_date(row, bytes),
            b'L' => match bytes {
                [b'T' | b't' | b'Y' | b'y'] => row.push(Some("1")),
                [b'F' | b'f' | b'N' | b'n'] => row.push(Some("0")),
                [b'?' | b' ' | 0] => row.push(None),
                _ => return Ok(self.push_text(row, bytes)),
            },
            _ => {
                let digits = bytes.trim_ascii();
                let digits = digits.split(|it| *it == 0).next().unwrap_or_default();
                return Ok(self.push_text(row, digits));
            }
        }
        Ok(None)
    }

    fn flag(&self, bit: Option<usize>) -> bool {
        let (Some((at, bytes)), Some(bit)) = (self.header.null_flags, bit) else { return false };
        bit / 8 < bytes && self.record[at + bit / 8] >> (bit % 8) & 1 == 1
    }

    /// The text without what fills its place up.
    fn text_of<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        if self.flag(self.column.short_bit) {
            let length = bytes.last().map_or(0, |it| usize::from(*it));
            return &bytes[..length.min(bytes.len())];
        }
        if self.column.kind == b'V' {
            return bytes;
        }
        let end = bytes.iter().rposition(|it| !matches!(it, b' ' | 0)).map_or(0, |it| it + 1);
        &bytes[..end]
    }

    fn push_text(&self, row: &mut Row, bytes: &[u8]) -> Option<Said> {
        if bytes.is_empty() {
            row.push(self.column.null_bit.map(|_| ""));
            return None;
        }
        let mut whole = true;
        row.push_with(|out| whole = push_decoded(self.encoding, bytes, out));
        (!whole).then(|| said!("不合此编码的字节", "bytes that are no text in this encoding"))
    }
}

fn push_number<const LEN: usize>(row: &mut Row, bytes: &[u8], said: impl Fn([u8; LEN]) -> String) {
    match bytes.try_into() {
        Ok(bytes) => row.push(Some(&said(bytes))),
        Err(_) => row.push(None),
    }
}

/// Visual FoxPro's currency: ten-thousandths.
fn money(value: i64) -> String {
    let (sign, value) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    format!("{sign}{}.{:04}", value / 10_000, value % 10_000)
}

fn number(value: f64) -> String {
    let mut said = String::new();
    cell::number(value, &mut said);
    said
}

/// `20260301`; anything else that is no blank stays as it is.
fn push_date(row: &mut Row, bytes: &[u8]) {
    match bytes {
        digits if digits.len() == 8 && digits.iter().all(u8::is_ascii_digit) && digits.iter().any(|it| *it != b'0') => {
            let digit = |range: std::ops::Range<usize>| digits[range].iter().map(|it| char::from(*it)).collect::<String>();
            row.push_with(|out| cell::append(out, &format_args!("{}-{}-{}", digit(0..4), digit(4..6), digit(6..8))));
        }
        blank if blank.iter().all(|it| matches!(it, b' ' | b'0' | 0)) => row.push(None),
        other => row.push_with(|out| out.extend(other.iter().map(|it| char::from(*it)))),
    }
}

/// A Julian day and milliseconds of the day.
fn push_instant(row: &mut Row, bytes: &[u8]) {
    let int = |at: usize| bytes[at..at + 4].try_into().map_or(0, i32::from_le_bytes);
    let (day, millis) = (i64::from(int(0)), i64::from(int(4)));
    if day <= 0 {
        return row.push(None);
    }
    // Henry F. Fliegel and Thomas C. Van Flandern, CACM 11 (1968) 657: the civil date of a Julian day.
    let l = day + 68_569;
    let n = 4 * l / 146_097;
    let l = l - (146_097 * n + 3) / 4;
    let i = 4000 * (l + 1) / 1_461_001;
    let l = l - 1461 * i / 4 + 31;
    let j = 80 * l / 2447;
    let (date, l) = (l - 2447 * j / 80, j / 11);
    let (month, year) = (j + 2 - 12 * l, 100 * (n - 49) + i + l);
    // FoxPro keeps 08:30:00 as a millisecond less or more.
    let seconds = (millis + 500) / 1000;
    row.push_with(|out| {
        cell::append(out, &format_args!("{year:04}-{month:02}-{date:02}"));
        if seconds != 0 {
            cell::append(out, &format_args!(" {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
        }
    });
}

/// Which block of the memo file is meant: ten digits, in Visual FoxPro four bytes. Null for none.
fn memo_block(bytes: &[u8]) -> Option<u32> {
    let block = match bytes.try_into() {
        Ok(number) => u32::from_le_bytes(number),
        Err(_) => std::str::from_utf8(bytes).ok()?.trim().trim_matches('\0').parse().unwrap_or(0),
    };
    (block > 0).then_some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(push: impl FnOnce(&mut Row)) -> String {
        let mut row = Row::default();
        push(&mut row);
        row.cell(0).unwrap_or("~").to_owned()
    }

    #[test]
    fn dates_are_iso_and_blanks_are_none() {
        assert_eq!(pushed(|row| push_date(row, b"20260301")), "2026-03-01");
        assert_eq!(pushed(|row| push_date(row, b"        ")), "~");
        assert_eq!(pushed(|row| push_date(row, b"00000000")), "~");
        assert_eq!(pushed(|row| push_date(row, b"2026 3 1")), "2026 3 1");
    }

    #[test]
    fn instants_are_of_the_gregorian_calendar() {
        let instant = |day: i32, millis: i32| [day.to_le_bytes(), millis.to_le_bytes()].concat();
        assert_eq!(pushed(|row| push_instant(row, &instant(2_440_588, 0))), "1970-01-01");
        assert_eq!(pushed(|row| push_instant(row, &instant(2_461_101, 30_599_999))), "2026-03-01 08:30:00");
        assert_eq!(pushed(|row| push_instant(row, &instant(0, 0))), "~");
    }

    #[test]
    fn money_is_exact() {
        assert_eq!(money(81_205_000), "8120.5000");
        assert_eq!(money(-5), "-0.0005");
        assert_eq!(money(i64::MIN), "-922337203685477.5808");
    }

    #[test]
    fn memos_are_named_by_text_or_number() {
        assert_eq!(memo_block(b"        12"), Some(12));
        assert_eq!(memo_block(&[12, 0, 0, 0]), Some(12));
        assert_eq!((memo_block(b"          "), memo_block(&[0; 4]), memo_block(b"0000000000")), (None, None, None));
    }
}
