//! Reads one raw column into one shared column.
//!
//! A province maps 48 million rows a night, so: native numbers and days do not become text, an equal value is not read twice in a
//! row, and a good row allocates nothing of its own.

mod number;

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, StringArray, StringBuilder};
use arrow::compute::{can_cast_types, cast, take};
use arrow::datatypes::{DataType, Float64Type};
use hashbrown::HashMap;
use regex::Regex;

use crate::mapping::{CodeMap, Reader};
use crate::read::{self, Unread};
use crate::{name, person_id};

/// One shared column of a batch, and what was remarkable about it.
pub(crate) struct Column {
    /// In the type of the shared column, null where nothing was or could be read.
    pub values: ArrayRef,
    /// Rows that cannot be used, and why. At most one fault a row.
    pub faults: Vec<(u32, Unread)>,
    /// Codes that the mapping does not name.
    pub unknown: Counts,
    /// Words that were read as "nothing here".
    pub voids: Counts,
}

/// Texts and how many rows carry them.
pub(crate) type Counts = HashMap<String, u64>;

/// How a column is read.
pub(crate) struct How<'a> {
    /// The reader that the mapping chose.
    pub reader: &'a Reader,
    /// Whether a row without a value is of no use.
    pub required: bool,
    /// What a blank cell counts as: an array of one value.
    pub default: Option<&'a ArrayRef>,
    /// The key of account hashes.
    pub salt: &'a str,
}

/// Whether cells of this type can be read at all.
pub(crate) fn is_readable(cells: &DataType) -> bool {
    let bytes = matches!(cells, DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_));
    !bytes && !cells.is_nested() && can_cast_types(cells, &DataType::Utf8)
}

/// Reads every cell.
pub(crate) fn read(cells: &ArrayRef, how: &How<'_>) -> Column {
    let mut column = match cells.data_type() {
        DataType::Dictionary(_, _) => dictionary(cells, how),
        _ => by_kind(cells, how),
    };
    if how.required {
        refuse_nulls(&mut column);
    }
    column
}

/// The value of one cell of text: null when it says nothing. For defaults and constants, which a person wrote in the mapping.
pub(crate) fn read_default(reader: &Reader, text: &str) -> Result<Option<ArrayRef>, Unread> {
    read_constant(reader, text, "")
}

/// The same, with the key of account hashes.
pub(crate) fn read_constant(reader: &Reader, text: &str, salt: &str) -> Result<Option<ArrayRef>, Unread> {
    let ours = match reader {
        Reader::Code(codes) => Some(Reader::Code(Arc::new(codes.with_targets()))),
        Reader::Flag(words) => Some(Reader::Flag(words.with_booleans())),
        _ => None,
    };
    let cells: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let how = How { reader: ours.as_ref().unwrap_or(reader), required: false, default: None, salt };
    let column = read(&cells, &how);
    match (column.faults.first(), column.unknown.is_empty()) {
        (Some((_, why)), _) => Err(*why),
        (None, false) => Err(Unread::UnknownCode),
        (None, true) => Ok((!column.values.is_null(0)).then_some(column.values)),
    }
}

/// What the pattern captures, joined with `-`, and the rows that it does not match.
pub(crate) fn captured(cells: &ArrayRef, pattern: &Regex) -> (ArrayRef, Vec<(u32, Unread)>) {
    let cells = as_text(cells);
    let mut found = StringBuilder::with_capacity(cells.len(), cells.len() * 8);
    let mut faults = Vec::new();
    let mut last: Option<(&str, Option<String>)> = None;
    each_text(&cells, |row, text| {
        let Some(text) = text else { return found.append_null() };
        // A file's title stands in all its rows.
        if last.as_ref().is_none_or(|(seen, _)| *seen != text) {
            last = Some((text, joined_captures(text, pattern)));
        }
        let captures = last.as_ref().and_then(|(_, captures)| captures.as_deref());
        if captures.is_none() {
            faults.push((row, Unread::NoMatch));
        }
        found.append_option(captures);
    });
    (Arc::new(found.finish()), faults)
}

fn joined_captures(text: &str, pattern: &Regex) -> Option<String> {
    let captures = pattern.captures(text)?;
    let parts: Vec<&str> = captures.iter().skip(1).flatten().map(|it| it.as_str()).collect();
    Some(parts.join("-"))
}

/// Every distinct value is read once; only when one of them is remarkable do its rows have to be known.
fn dictionary(cells: &ArrayRef, how: &How<'_>) -> Column {
    let dictionary = cells.as_any_dictionary();
    let values = by_kind(dictionary.values(), how);
    let plain = values.faults.is_empty() && values.unknown.is_empty() && values.voids.is_empty() && how.default.is_none();
    match take(&values.values, dictionary.keys(), None) {
        Ok(taken) if plain => Column { values: taken, ..values },
        _ => by_kind(&as_text(cells), how),
    }
}

fn by_kind(cells: &ArrayRef, how: &How<'_>) -> Column {
    match how.reader {
        Reader::IdNumber => strings(cells, how, id_number),
        Reader::Name => strings(cells, how, |text, into| Ok(person_name(text, into))),
        Reader::Text => strings(cells, how, |text, into| Ok(plain_text(text, into))),
        Reader::Account => strings(cells, how, |text, into| hashed_account(text, how.salt, into)),
        Reader::Code(codes) => coded(cells, how, codes),
        Reader::Date(forms) => number::dates(cells, how, forms),
        Reader::Month(forms) => number::months(cells, how, forms),
        Reader::Money(unit) => number::amounts(cells, how, *unit),
        Reader::Count => number::counts(cells, how),
        Reader::Flag(words) => flags(cells, how, words),
    }
}

fn refuse_nulls(column: &mut Column) {
    if column.values.null_count() == 0 {
        return;
    }
    let mut known = column.faults.iter().map(|(row, _)| *row).peekable();
    let mut faults = Vec::new();
    for row in (0..column.values.len() as u32).filter(|row| column.values.is_null(*row as usize)) {
        while known.next_if(|it| *it < row).is_some() {}
        if known.peek() != Some(&row) {
            faults.push((row, Unread::Missing));
        }
    }
    column.faults.extend(faults);
}

/// Calls `with` for every row; blank cells are `None`, the others come without the blanks around them.
fn each_text<'a>(cells: &'a ArrayRef, mut with: impl FnMut(u32, Option<&'a str>)) {
    fn all<'a>(texts: impl Iterator<Item = Option<&'a str>>, mut with: impl FnMut(u32, Option<&'a str>)) {
        texts.enumerate().for_each(|(row, text)| with(row as u32, text.and_then(read::filled)));
    }
    match cells.data_type() {
        DataType::Utf8 => all(cells.as_string::<i32>().iter(), &mut with),
        DataType::LargeUtf8 => all(cells.as_string::<i64>().iter(), &mut with),
        DataType::Utf8View => all(cells.as_string_view().iter(), &mut with),
        _ => unreachable!("as_text gives text"),
    }
}

/// Cells of any readable type as text, without loss.
fn as_text(cells: &ArrayRef) -> ArrayRef {
    match cells.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Arc::clone(cells),
        DataType::Float64 => {
            let texts = cells.as_primitive::<Float64Type>().iter().map(|it| it.map(float_text));
            Arc::new(texts.collect::<StringArray>())
        }
        _ => cast(cells, &DataType::Utf8).expect("Mapper::new refuses columns that cannot become text"),
    }
}

/// A code 1 that a spreadsheet holds as 1.0 is `1`; a number past 2^53 has lost its last digits and must show it.
fn float_text(number: f64) -> String {
    if number.fract() != 0.0 || !number.is_finite() {
        number.to_string()
    } else if number.abs() < 9_007_199_254_740_992.0 {
        format!("{}", number as i64)
    } else {
        format!("{number:e}").replace('e', "E+")
    }
}

/// What became of a cell of text.
enum Took {
    /// It was written.
    Value,
    /// It says that there is nothing.
    Nothing,
}

fn strings(cells: &ArrayRef, how: &How<'_>, mut write: impl FnMut(&str, &mut StringBuilder) -> Result<Took, Unread>) -> Column {
    let cells = as_text(cells);
    let default = how.default.map(|it| it.as_string::<i32>().value(0));
    let mut values = StringBuilder::with_capacity(cells.len(), cells.len() * 12);
    let (mut faults, mut voids) = (Vec::new(), Counts::new());
    each_text(&cells, |row, text| match text.map(|it| (it, write(it, &mut values))) {
        Some((_, Ok(Took::Value))) => {}
        Some((_, Err(why))) => {
            faults.push((row, why));
            values.append_null();
        }
        nothing => {
            if let Some((text, _)) = nothing {
                bump(&mut voids, text);
            }
            values.append_option(default);
        }
    });
    Column { values: Arc::new(values.finish()), faults, unknown: Counts::new(), voids }
}

fn bump(counts: &mut Counts, text: &str) {
    *counts.entry_ref(text).or_insert(0) += 1;
}

fn id_number(text: &str, into: &mut StringBuilder) -> Result<Took, Unread> {
    if read::is_rounded(text) {
        return Err(Unread::Rounded);
    }
    Ok(cleaned(text, person_id::clean(text), into))
}

fn person_name(text: &str, into: &mut StringBuilder) -> Took {
    cleaned(text, name::clean(text), into)
}

fn cleaned(text: &str, clean: Cow<'_, str>, into: &mut StringBuilder) -> Took {
    if clean.is_empty() || read::says_null(text) || read::is_stroke(text) {
        return Took::Nothing;
    }
    into.append_value(clean);
    Took::Value
}

fn plain_text(text: &str, into: &mut StringBuilder) -> Took {
    cleaned(text, Cow::Borrowed(text), into)
}

fn hashed_account(text: &str, salt: &str, into: &mut StringBuilder) -> Result<Took, Unread> {
    let Some(account) = read::account(text)? else { return Ok(Took::Nothing) };
    let mut hex = [0; 16];
    read::account_hash(salt, &account, &mut hex);
    into.append_value(std::str::from_utf8(&hex).unwrap_or_default());
    Ok(Took::Value)
}

fn coded(cells: &ArrayRef, how: &How<'_>, codes: &CodeMap) -> Column {
    let cells = as_text(cells);
    let default = how.default.map(|it| it.as_string::<i32>().value(0));
    let mut values = StringBuilder::with_capacity(cells.len(), cells.len() * 12);
    let (mut faults, mut unknown, mut voids) = (Vec::new(), Counts::new(), Counts::new());
    let mut last: (&str, Option<u32>) = ("", None);
    each_text(&cells, |row, text| {
        let Some(text) = text else { return values.append_option(default) };
        if last.0 != text {
            last = (text, codes.find(text));
        }
        if let Some(place) = last.1 {
            values.append_option(codes.target(place));
        } else if read::says_null(text) {
            bump(&mut voids, text);
            values.append_option(default);
        } else {
            bump(&mut unknown, text);
            if how.required {
                faults.push((row, Unread::UnknownCode));
            }
            values.append_null();
        }
    });
    Column { values: Arc::new(values.finish()), faults, unknown, voids }
}

fn flags(cells: &ArrayRef, how: &How<'_>, words: &read::FlagWords) -> Column {
    let default = how.default.map(|it| it.as_boolean().value(0));
    if let Some(native) = cells.as_boolean_opt() {
        let values: BooleanArray = native.iter().map(|it| it.or(default)).collect();
        return Column { values: Arc::new(values), faults: Vec::new(), unknown: Counts::new(), voids: Counts::new() };
    }
    let cells = as_text(cells);
    let mut values = BooleanBuilder::with_capacity(cells.len());
    let (mut faults, mut voids) = (Vec::new(), Counts::new());
    let mut last: (&str, Result<Option<bool>, Unread>) = ("", Ok(None));
    each_text(&cells, |row, text| {
        let Some(text) = text else { return values.append_option(default) };
        if last.0 != text {
            last = (text, read::flag(text, words));
        }
        match last.1 {
            Ok(Some(flag)) => values.append_value(flag),
            Ok(None) => {
                bump(&mut voids, text);
                values.append_option(default);
            }
            Err(why) => {
                faults.push((row, why));
                values.append_null();
            }
        }
    });
    Column { values: Arc::new(values.finish()), faults, unknown: Counts::new(), voids }
}
