//! The types of SQL Server: how a column is described and a value written (MS-TDS 2.2.5.4 to 2.2.5.6).

/// A column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Decimal(u8, u8),
    Money,
    SmallMoney,
    Real,
    Float,
    Date,
    Time(u8),
    DateTime2(u8),
    DateTimeOffset(u8),
    DateTime,
    SmallDateTime,
    Guid,
    NChar(u16),
    /// Null is `max`.
    NVarChar(Option<u16>),
    NText,
    Char(u16, Page),
    VarChar(Option<u16>, Page),
    Text(Page),
    Binary(u16),
    VarBinary(Option<u16>),
    Image,
    RowVersion,
    Xml,
    Variant,
}

/// The code page of a collation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// `Chinese_PRC_CI_AS`, 936.
    Gbk,
    /// `SQL_Latin1_General_CP1_CI_AS`, 1252.
    Latin,
    /// 437: what only the server itself can turn into Unicode.
    Dos,
}

/// A value; days count from 0001-01-01, times in ten-millionths of a second.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    /// BIT too.
    Whole(i64),
    /// Without its point; MONEY has four digits.
    Exact(i128),
    Real(f64),
    Text(String),
    /// What a text or binary column holds, byte by byte. A GUID in the order of its text.
    Raw(Vec<u8>),
    Day(u32),
    Clock(u64),
    Moment(u32, u64),
    /// In UTC, and the minutes that its place is ahead.
    Zoned(u32, u64, i16),
    /// DATETIME: days since 1900 and three-hundredths of a second.
    Ticks(i32, u32),
    /// SMALLDATETIME: days since 1900 and minutes.
    Minutes(u16, u16),
}

impl Page {
    pub fn number(self) -> i64 {
        match self {
            Page::Gbk => 936,
            Page::Latin => 1252,
            Page::Dos => 437,
        }
    }

    /// LCID, flags and sort order.
    fn collation(self) -> [u8; 5] {
        match self {
            Page::Gbk => [0x04, 0x08, 0xd0, 0x00, 0x00],
            Page::Latin => [0x09, 0x04, 0xd0, 0x00, 0x34],
            Page::Dos => [0x09, 0x04, 0xd0, 0x00, 0x1e],
        }
    }

    fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Page::Gbk => encoding_rs::GBK.encode(text).0.into_owned(),
            Page::Latin => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
            Page::Dos => text.chars().map(|it| if it.is_ascii() { it as u8 } else { b'?' }).collect(),
        }
    }
}

impl Kind {
    /// As the catalogue tells it: name, bytes, precision, scale, code page.
    pub fn catalogued(self) -> (&'static str, i64, i64, i64, Option<i64>) {
        let limited = |it: Option<u16>, by: i64| it.map_or(-1, |it| i64::from(it) * by);
        let page = |it: Page| Some(it.number());
        match self {
            Kind::Bit => ("bit", 1, 1, 0, None),
            Kind::TinyInt => ("tinyint", 1, 3, 0, None),
            Kind::SmallInt => ("smallint", 2, 5, 0, None),
            Kind::Int => ("int", 4, 10, 0, None),
            Kind::BigInt => ("bigint", 8, 19, 0, None),
            Kind::Decimal(p, s) => ("decimal", i64::from(decimal_bytes(p)), i64::from(p), i64::from(s), None),
            Kind::Money => ("money", 8, 19, 4, None),
            Kind::SmallMoney => ("smallmoney", 4, 10, 4, None),
            Kind::Real => ("real", 4, 24, 0, None),
            Kind::Float => ("float", 8, 53, 0, None),
            Kind::Date => ("date", 3, 10, 0, None),
            Kind::Time(s) => ("time", 5, 16, i64::from(s), None),
            Kind::DateTime2(s) => ("datetime2", 8, 27, i64::from(s), None),
            Kind::DateTimeOffset(s) => ("datetimeoffset", 10, 34, i64::from(s), None),
            Kind::DateTime => ("datetime", 8, 23, 3, None),
            Kind::SmallDateTime => ("smalldatetime", 4, 16, 0, None),
            Kind::Guid => ("uniqueidentifier", 16, 0, 0, None),
            Kind::NChar(n) => ("nchar", i64::from(n) * 2, 0, 0, page(Page::Gbk)),
            Kind::NVarChar(n) => ("nvarchar", limited(n, 2), 0, 0, page(Page::Gbk)),
            Kind::NText => ("ntext", 16, 0, 0, page(Page::Gbk)),
            Kind::Char(n, it) => ("char", i64::from(n), 0, 0, page(it)),
            Kind::VarChar(n, it) => ("varchar", limited(n, 1), 0, 0, page(it)),
            Kind::Text(it) => ("text", 16, 0, 0, page(it)),
            Kind::Binary(n) => ("binary", i64::from(n), 0, 0, None),
            Kind::VarBinary(n) => ("varbinary", limited(n, 1), 0, 0, None),
            Kind::Image => ("image", 16, 0, 0, None),
            Kind::RowVersion => ("timestamp", 8, 0, 0, None),
            Kind::Xml => ("xml", -1, 0, 0, None),
            Kind::Variant => ("sql_variant", 8016, 0, 0, None),
        }
    }

    /// `TYPE_INFO`. The types that no statement of ours asks for as they are stand for what they are converted to.
    pub fn describe(self, out: &mut Vec<u8>) {
        let mut text = |token: u8, bytes: u16, page: Page| {
            out.push(token);
            out.extend(bytes.to_le_bytes());
            out.extend(page.collation());
        };
        match self {
            Kind::NChar(n) => text(0xef, n * 2, Page::Gbk),
            Kind::NVarChar(n) => text(0xe7, n.map_or(0xffff, |it| it * 2), Page::Gbk),
            Kind::NText | Kind::Variant => text(0xe7, 0xffff, Page::Gbk),
            Kind::Char(n, page) => text(0xaf, n, page),
            Kind::VarChar(n, page) => text(0xa7, n.unwrap_or(0xffff), page),
            Kind::Text(page) => text(0xa7, 0xffff, page),
            Kind::Bit => out.extend([0x68, 1]),
            Kind::TinyInt => out.extend([0x26, 1]),
            Kind::SmallInt => out.extend([0x26, 2]),
            Kind::Int => out.extend([0x26, 4]),
            Kind::BigInt => out.extend([0x26, 8]),
            Kind::Decimal(p, s) => out.extend([0x6a, decimal_bytes(p), p, s]),
            Kind::Money => out.extend([0x6e, 8]),
            Kind::SmallMoney => out.extend([0x6e, 4]),
            Kind::Real => out.extend([0x6d, 4]),
            Kind::Float => out.extend([0x6d, 8]),
            Kind::Date => out.push(0x28),
            Kind::Time(s) => out.extend([0x29, s]),
            Kind::DateTime2(s) => out.extend([0x2a, s]),
            Kind::DateTimeOffset(s) => out.extend([0x2b, s]),
            Kind::DateTime => out.extend([0x6f, 8]),
            Kind::SmallDateTime => out.extend([0x6f, 4]),
            Kind::Guid => out.extend([0x24, 16]),
            Kind::Binary(n) => out.extend([0xad, n.to_le_bytes()[0], n.to_le_bytes()[1]]),
            Kind::RowVersion => out.extend([0xad, 8, 0]),
            Kind::VarBinary(n) => {
                let bytes = n.unwrap_or(0xffff).to_le_bytes();
                out.extend([0xa5, bytes[0], bytes[1]]);
            }
            Kind::Image => out.extend([0xa5, 0xff, 0xff]),
            Kind::Xml => out.extend([0xf1, 0]),
        }
    }

    /// `TYPE_VARBYTE`.
    pub fn write(self, value: &Value, out: &mut Vec<u8>) {
        if let Some(max) = self.counted() {
            let bytes = self.bytes(value);
            return if max { write_chunks(bytes.as_deref(), out) } else { write_counted(bytes.as_deref(), out) };
        }
        let start = out.len();
        out.push(0);
        match (self, value) {
            (_, Value::Null) => {}
            (Kind::Bit | Kind::TinyInt, Value::Whole(it)) => out.push(*it as u8),
            (Kind::SmallInt, Value::Whole(it)) => out.extend((*it as i16).to_le_bytes()),
            (Kind::Int, Value::Whole(it)) => out.extend((*it as i32).to_le_bytes()),
            (Kind::BigInt, Value::Whole(it)) => out.extend(it.to_le_bytes()),
            (Kind::Decimal(p, _), Value::Exact(it)) => {
                out.push(u8::from(*it >= 0));
                out.extend(&it.unsigned_abs().to_le_bytes()[..usize::from(decimal_bytes(p)) - 1]);
            }
            (Kind::Money, Value::Exact(it)) => {
                let it = *it as i64;
                out.extend(((it >> 32) as i32).to_le_bytes());
                out.extend((it as u32).to_le_bytes());
            }
            (Kind::SmallMoney, Value::Exact(it)) => out.extend((*it as i32).to_le_bytes()),
            (Kind::Real, Value::Real(it)) => out.extend((*it as f32).to_le_bytes()),
            (Kind::Float, Value::Real(it)) => out.extend(it.to_le_bytes()),
            (Kind::Date, Value::Day(it)) => out.extend(&it.to_le_bytes()[..3]),
            (Kind::Time(s), Value::Clock(it)) => write_clock(*it, s, out),
            (Kind::DateTime2(s), Value::Moment(day, it)) => {
                write_clock(*it, s, out);
                out.extend(&day.to_le_bytes()[..3]);
            }
            (Kind::DateTimeOffset(s), Value::Zoned(day, it, offset)) => {
                write_clock(*it, s, out);
                out.extend(&day.to_le_bytes()[..3]);
                out.extend(offset.to_le_bytes());
            }
            (Kind::DateTime, Value::Ticks(day, it)) => {
                out.extend(day.to_le_bytes());
                out.extend(it.to_le_bytes());
            }
            (Kind::SmallDateTime, Value::Minutes(day, it)) => {
                out.extend(day.to_le_bytes());
                out.extend(it.to_le_bytes());
            }
            (Kind::Guid, Value::Raw(it)) => out.extend([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map(|at: usize| it[at])),
            (kind, value) => panic!("the test gives {value:?} to a column of {kind:?}"),
        }
        out[start] = (out.len() - start - 1) as u8;
    }

    /// Whether a value is counted in bytes, and in chunks.
    fn counted(self) -> Option<bool> {
        match self {
            Kind::NChar(_) | Kind::NVarChar(Some(_)) | Kind::Char(..) | Kind::VarChar(Some(_), _) => Some(false),
            Kind::Binary(_) | Kind::VarBinary(Some(_)) | Kind::RowVersion => Some(false),
            Kind::NVarChar(None) | Kind::NText | Kind::VarChar(None, _) | Kind::Text(_) | Kind::Variant => Some(true),
            Kind::VarBinary(None) | Kind::Image | Kind::Xml => Some(true),
            _ => None,
        }
    }

    /// The bytes that a text or binary column stores.
    pub fn bytes(self, value: &Value) -> Option<Vec<u8>> {
        match (self, value) {
            (_, Value::Null) => None,
            (_, Value::Raw(it)) => Some(it.clone()),
            (Kind::Char(_, page) | Kind::VarChar(_, page) | Kind::Text(page), Value::Text(it)) => Some(page.encode(it)),
            (_, Value::Text(it)) => Some(it.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            (kind, value) => panic!("{value:?} of {kind:?} is no text"),
        }
    }
}

fn decimal_bytes(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

fn write_counted(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    match bytes {
        None => out.extend([0xff, 0xff]),
        Some(it) => {
            out.extend((it.len() as u16).to_le_bytes());
            out.extend(it);
        }
    }
}

/// Partially length-prefixed, in chunks of no round size.
fn write_chunks(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(bytes) = bytes else { return out.extend([0xff; 8]) };
    out.extend((bytes.len() as u64).to_le_bytes());
    for chunk in bytes.chunks(1777) {
        out.extend((chunk.len() as u32).to_le_bytes());
        out.extend(chunk);
    }
    out.extend([0; 4]);
}

fn write_clock(ticks: u64, scale: u8, out: &mut Vec<u8>) {
    let bytes = match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    };
    out.extend(&(ticks / 10_u64.pow(7 - u32::from(scale))).to_le_bytes()[..bytes]);
}
