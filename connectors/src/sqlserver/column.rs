//! What a column holds, how it is asked for, and how its values become Arrow.

use arrow::datatypes::{DataType, TimeUnit};
use encoding_rs::{DecoderResult, Encoding};
use tiberius::{ColumnData, ColumnType};

use super::moment;
use super::statement::quoted;
use crate::gather::{self, write_hex};

/// A column of a table or query.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type in T-SQL, such as `decimal(12,2)`.
    pub(super) declared: String,
    pub(super) holds: Holds,
    /// How the server is asked for it.
    asked: Asked,
}

/// What its values are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holds {
    Flag,
    Whole,
    /// DECIMAL, NUMERIC and MONEY.
    Exact(u8, u8),
    /// DECIMAL of which the server did not tell the digits: as text.
    Number,
    Real,
    Day,
    Moment,
    /// TIME and DATETIMEOFFSET: as text.
    Clock,
    Id,
    Bytes,
    /// Null is UTF-16.
    Text(Option<&'static Encoding>),
}

#[derive(Clone, Debug)]
enum Asked {
    /// As it is.
    Plain,
    /// As another type.
    As(String),
    /// Text as its bytes: the type of the text when the column's own is none, and how many bytes.
    Letters(Option<&'static str>, String),
    /// A type of the common language runtime, written as text by itself.
    ToText,
}

impl Column {
    /// As the catalogue describes it: the system's type, its size in bytes (-1 without limit), digits, and the code page of its collation.
    pub(super) fn declared(name: String, kind: &str, bytes: i32, precision: i32, scale: i32, page: Option<i32>) -> Column {
        let size = |bytes: i32| if bytes < 0 { "max".to_owned() } else { bytes.to_string() };
        let (precision, scale) = (precision as u8, scale as u8);
        let known = page.and_then(encoding);
        let (holds, asked) = match kind {
            "bit" => (Holds::Flag, Asked::Plain),
            "tinyint" | "smallint" | "int" | "bigint" => (Holds::Whole, Asked::Plain),
            "decimal" | "numeric" => (Holds::Exact(precision, scale), Asked::Plain),
            "money" => (Holds::Exact(19, 4), Asked::As("decimal(19,4)".to_owned())),
            "smallmoney" => (Holds::Exact(10, 4), Asked::As("decimal(10,4)".to_owned())),
            "float" | "real" => (Holds::Real, Asked::Plain),
            "date" => (Holds::Day, Asked::Plain),
            "datetime" | "smalldatetime" | "datetime2" => (Holds::Moment, Asked::Plain),
            "time" | "datetimeoffset" => (Holds::Clock, Asked::Plain),
            "uniqueidentifier" => (Holds::Id, Asked::Plain),
            "binary" | "varbinary" => (Holds::Bytes, Asked::Plain),
            "timestamp" | "rowversion" => (Holds::Bytes, Asked::As("binary(8)".to_owned())),
            "image" => (Holds::Bytes, Asked::As("varbinary(max)".to_owned())),
            "nchar" | "nvarchar" => (Holds::Text(None), Asked::Letters(None, size(bytes))),
            "char" | "varchar" if known.is_some() => (Holds::Text(known), Asked::Letters(None, size(bytes))),
            "text" if known.is_some() => (Holds::Text(known), Asked::Letters(Some("varchar(max)"), size(-1))),
            "sql_variant" => (Holds::Text(None), Asked::Letters(Some("nvarchar(4000)"), "8000".to_owned())),
            "clr" => (Holds::Text(None), Asked::ToText),
            // NTEXT, XML, JSON, text in a code page that is not known here, and what a later version brings.
            _ => (Holds::Text(None), Asked::Letters(Some("nvarchar(max)"), size(-1))),
        };
        let declared = match kind {
            "decimal" | "numeric" => format!("{kind}({precision},{scale})"),
            "time" | "datetime2" | "datetimeoffset" => format!("{kind}({scale})"),
            "nchar" | "nvarchar" if bytes > 0 => format!("{kind}({})", bytes / 2),
            "nchar" | "nvarchar" | "char" | "varchar" | "binary" | "varbinary" => format!("{kind}({})", size(bytes)),
            kind => kind.to_owned(),
        };
        Column { name, declared, holds, asked }
    }

    /// As the server describes it in an answer: without digits and code pages.
    pub(super) fn answered(name: String, kind: ColumnType) -> Column {
        use ColumnType as T;
        let (declared, holds) = match kind {
            T::Bit | T::Bitn => ("bit", Holds::Flag),
            T::Int1 | T::Int2 | T::Int4 | T::Int8 | T::Intn | T::Null => ("bigint", Holds::Whole),
            T::Decimaln | T::Numericn => ("decimal(38,10)", Holds::Number),
            T::Money | T::Money4 => ("money", Holds::Exact(19, 4)),
            T::Float4 | T::Float8 | T::Floatn => ("float", Holds::Real),
            T::Daten => ("date", Holds::Day),
            T::Datetime | T::Datetime4 | T::Datetimen => ("datetime", Holds::Moment),
            T::Datetime2 => ("datetime2(7)", Holds::Moment),
            T::Timen => ("time(7)", Holds::Clock),
            T::DatetimeOffsetn => ("datetimeoffset(7)", Holds::Clock),
            T::Guid => ("uniqueidentifier", Holds::Id),
            T::BigVarBin | T::BigBinary | T::Image => ("varbinary(max)", Holds::Bytes),
            T::Udt => return Column { name, declared: "nvarchar(max)".to_owned(), holds: Holds::Text(None), asked: Asked::ToText },
            T::NVarchar | T::NChar | T::NText | T::Xml | T::SSVariant => {
                let asked = Asked::Letters(Some("nvarchar(max)"), "max".to_owned());
                return Column { name, declared: "nvarchar(max)".to_owned(), holds: Holds::Text(None), asked };
            }
            T::BigVarChar | T::BigChar | T::Text => ("varchar(max)", Holds::Text(None)),
        };
        let asked = if matches!(kind, T::Money | T::Money4) { Asked::As("decimal(19,4)".to_owned()) } else { Asked::Plain };
        Column { name, declared: declared.to_owned(), holds, asked }
    }

    /// What stands for it in the SELECT. Without `true_bytes` text comes as the driver decodes it.
    pub(super) fn expression(&self, true_bytes: bool) -> String {
        let name = quoted(&self.name);
        match &self.asked {
            Asked::Plain => name,
            Asked::As(kind) => format!("CONVERT({kind}, {name})"),
            Asked::ToText if true_bytes => format!("CONVERT(varbinary(max), CONVERT(nvarchar(max), {name}.ToString()))"),
            Asked::ToText => format!("CONVERT(nvarchar(max), {name}.ToString())"),
            Asked::Letters(None, bytes) if true_bytes => format!("CONVERT(varbinary({bytes}), {name})"),
            Asked::Letters(Some(text), bytes) if true_bytes => format!("CONVERT(varbinary({bytes}), CONVERT({text}, {name}))"),
            Asked::Letters(None, _) => name,
            Asked::Letters(Some(text), _) => format!("CONVERT({text}, {name})"),
        }
    }

    pub(super) fn arrow(&self) -> DataType {
        match self.holds {
            Holds::Flag => DataType::Boolean,
            Holds::Whole => DataType::Int64,
            Holds::Exact(precision, scale) => DataType::Decimal128(precision, scale as i8),
            Holds::Real => DataType::Float64,
            Holds::Day => DataType::Date32,
            Holds::Moment => DataType::Timestamp(TimeUnit::Microsecond, None),
            Holds::Number | Holds::Clock | Holds::Id | Holds::Bytes | Holds::Text(_) => DataType::Utf8,
        }
    }

    /// The type that the text of an incremental pull is turned into, so that the server compares as its own index does.
    pub(super) fn least(&self) -> String {
        match self.declared.as_str() {
            "datetime" | "smalldatetime" => format!("CONVERT({}, CONVERT(datetime2(7), @P1))", self.declared),
            "timestamp" | "rowversion" => "CONVERT(binary(8), @P1, 2)".to_owned(),
            "float" | "real" | "money" | "smallmoney" => format!("CONVERT({}, @P1)", self.declared),
            "text" | "ntext" | "image" | "xml" | "clr" | "sql_variant" => "@P1".to_owned(),
            declared => format!("CONVERT({declared}, @P1)"),
        }
    }
}

/// Adds a value to its column. False when its bytes are no text, None when it is not what the column holds.
pub(super) fn put(value: &ColumnData<'_>, holds: Holds, into: &mut gather::Column) -> Option<bool> {
    use gather::Column as Into;
    match (value, into) {
        (ColumnData::Binary(Some(it)), Into::Text(into)) => match holds {
            Holds::Text(None) => return Some(put_utf16(it, into)),
            Holds::Text(Some(encoding)) => return Some(put_letters(it, encoding, into)),
            _ => into.push_with(|out| write_hex(it, out)),
        },
        (ColumnData::String(Some(it)), Into::Text(into)) => into.push(it.as_bytes()),
        (ColumnData::Xml(Some(it)), Into::Text(into)) => into.push(it.as_ref().as_ref().as_bytes()),
        (ColumnData::I64(Some(it)), Into::Whole(into)) => into.append_value(*it),
        (ColumnData::I32(Some(it)), Into::Whole(into)) => into.append_value(i64::from(*it)),
        (ColumnData::I16(Some(it)), Into::Whole(into)) => into.append_value(i64::from(*it)),
        (ColumnData::U8(Some(it)), Into::Whole(into)) => into.append_value(i64::from(*it)),
        (ColumnData::Bit(Some(it)), Into::Flag(into)) => into.append_value(*it),
        (ColumnData::Numeric(Some(it)), Into::Exact(into)) => {
            let Holds::Exact(_, scale) = holds else { return None };
            if it.scale() != scale {
                return None;
            }
            into.append_value(it.value());
        }
        (ColumnData::Numeric(Some(it)), Into::Text(into)) => into.push_with(|out| write_decimal(it.value(), it.scale(), out)),
        (ColumnData::F64(Some(it)), Into::Real(into)) => into.append_value(*it),
        // The double that is written like the REAL: 0.1, not 0.10000000149011612.
        (ColumnData::F32(Some(it)), Into::Real(into)) => into.append_value(it.to_string().parse().ok()?),
        (ColumnData::Date(Some(it)), Into::Day(into)) => into.append_value(i32::try_from(moment::day(*it)).ok()?),
        (ColumnData::DateTime2(Some(it)), Into::Moment(into)) => into.append_value(moment::of_datetime2(*it)),
        (ColumnData::DateTime(Some(it)), Into::Moment(into)) => into.append_value(moment::of_datetime(*it)),
        (ColumnData::SmallDateTime(Some(it)), Into::Moment(into)) => into.append_value(moment::of_smalldatetime(*it)),
        (ColumnData::Time(Some(it)), Into::Text(into)) => into.push_with(|out| moment::write_time(*it, out)),
        (ColumnData::DateTimeOffset(Some(it)), Into::Text(into)) => into.push_with(|out| moment::write_offset(*it, out)),
        (ColumnData::Guid(Some(it)), Into::Text(into)) => into.push_with(|out| write_id(it.as_bytes(), out)),
        (value, into) if is_null(value) => into.null(),
        _ => return None,
    }
    Some(true)
}

fn is_null(value: &ColumnData<'_>) -> bool {
    match value {
        ColumnData::U8(it) => it.is_none(),
        ColumnData::I16(it) => it.is_none(),
        ColumnData::I32(it) => it.is_none(),
        ColumnData::I64(it) => it.is_none(),
        ColumnData::F32(it) => it.is_none(),
        ColumnData::F64(it) => it.is_none(),
        ColumnData::Bit(it) => it.is_none(),
        ColumnData::String(it) => it.is_none(),
        ColumnData::Guid(it) => it.is_none(),
        ColumnData::Binary(it) => it.is_none(),
        ColumnData::Numeric(it) => it.is_none(),
        ColumnData::Xml(it) => it.is_none(),
        ColumnData::DateTime(it) => it.is_none(),
        ColumnData::SmallDateTime(it) => it.is_none(),
        ColumnData::Time(it) => it.is_none(),
        ColumnData::Date(it) => it.is_none(),
        ColumnData::DateTime2(it) => it.is_none(),
        ColumnData::DateTimeOffset(it) => it.is_none(),
    }
}

/// UTF-16 as the server stores it; a lone surrogate is no text, and then the bytes are added as they are.
fn put_utf16(bytes: &[u8], into: &mut gather::Text) -> bool {
    let mut whole = bytes.len().is_multiple_of(2);
    into.push_with(|out| {
        let start = out.len();
        out.reserve(bytes.len() + bytes.len() / 2);
        let mut letters = char::decode_utf16(bytes.chunks_exact(2).map(|it| u16::from_le_bytes([it[0], it[1]])));
        while whole && let Some(letter) = letters.next() {
            match letter {
                Ok(letter) if letter.is_ascii() => out.push(letter as u8),
                Ok(letter) => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(_) => whole = false,
            }
        }
        if !whole {
            out.truncate(start);
            out.extend_from_slice(bytes);
        }
    });
    whole
}

/// Text of a code page; when the page does not know the bytes, they are added as they are.
fn put_letters(bytes: &[u8], encoding: &'static Encoding, into: &mut gather::Text) -> bool {
    if bytes.is_ascii() {
        into.push(bytes);
        return true;
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut whole = false;
    into.push_with(|out| {
        let start = out.len();
        let most = decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(bytes.len() * 4);
        out.resize(start + most, 0);
        let (result, _, written) = decoder.decode_to_utf8_without_replacement(bytes, &mut out[start..], true);
        whole = result == DecoderResult::InputEmpty;
        out.truncate(start + written);
        if !whole {
            out.truncate(start);
            out.extend_from_slice(bytes);
        }
    });
    whole
}

/// `330f…` in the grouping of RFC 9562, in small letters.
fn write_id(bytes: &[u8; 16], out: &mut Vec<u8>) {
    for (at, group) in [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]].into_iter().enumerate() {
        if at > 0 {
            out.push(b'-');
        }
        write_hex(group, out);
    }
}

fn write_decimal(value: i128, scale: u8, out: &mut Vec<u8>) {
    let digits = format!("{:0width$}", value.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, rest) = digits.split_at(digits.len() - usize::from(scale));
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(whole.as_bytes());
    if !rest.is_empty() {
        out.push(b'.');
        out.extend_from_slice(rest.as_bytes());
    }
}

/// What decodes a code page of Windows; none for those of DOS, which the server itself must turn into Unicode.
fn encoding(page: i32) -> Option<&'static Encoding> {
    Some(match page {
        936 => encoding_rs::GBK,
        950 => encoding_rs::BIG5,
        932 => encoding_rs::SHIFT_JIS,
        949 => encoding_rs::EUC_KR,
        874 => encoding_rs::WINDOWS_874,
        1250 => encoding_rs::WINDOWS_1250,
        1251 => encoding_rs::WINDOWS_1251,
        1252 => encoding_rs::WINDOWS_1252,
        1253 => encoding_rs::WINDOWS_1253,
        1254 => encoding_rs::WINDOWS_1254,
        1255 => encoding_rs::WINDOWS_1255,
        1256 => encoding_rs::WINDOWS_1256,
        1257 => encoding_rs::WINDOWS_1257,
        1258 => encoding_rs::WINDOWS_1258,
        65_001 => encoding_rs::UTF_8,
        _ => return None,
    })
}
