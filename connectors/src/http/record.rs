//! Reads one JSON record into cells of text: numbers with the digits they are written with, nested lists and objects as JSON.

use crate::{Said, said};
use std::borrow::Cow;
use std::ops::Range;

use super::escape::unescape;
use super::inside::is_bare;
use super::shape::Node;

use crate::row::Row;

/// Lists and objects in a record may be this deep.
const DEPTH_MAX: usize = 128;
/// This many unknown names are told.
const STRANGE_MAX: usize = 20;

/// What a record has in one column.
#[derive(Clone, Debug, Default)]
enum Found {
    #[default]
    Missing,
    Null,
    Text(Range<usize>),
}

/// The cells of one record, in the memory of the one before.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    text: String,
    /// For every column: whether the record has it, and where its text stands; null has no text.
    found: Vec<Found>,
    /// Names that no column is for, of all records read so far.
    pub strange: Vec<String>,
}

impl Cells {
    /// Reads `record`, whose columns stand in `root`; why not, when it is no object of such columns.
    pub(crate) fn read(&mut self, record: &[u8], root: &Node, columns: usize) -> Result<(), Said> {
        self.text.clear();
        self.found.clear();
        self.found.resize(columns, Found::Missing);
        let json =
            std::str::from_utf8(record).map_err(|_| said!("其中有不是 UTF-8 文本的字节", "it holds bytes that are no UTF-8 text"))?;
        let mut reader = Reader { json, at: 0 };
        if !json.starts_with('{') {
            return Err(said!("记录必须是对象", "a record must be an object"));
        }
        self.object(&mut reader, root)?;
        if reader.at == json.len() { Ok(()) } else { Err(said!("记录后面还有内容", "something follows the record")) }
    }

    /// Puts the cells into `row`, in the order of the columns, and notes in `seen` which columns the record has.
    pub(crate) fn give(&self, row: &mut Row, seen: &mut [bool]) {
        row.clear();
        for (found, seen) in self.found.iter().zip(seen) {
            *seen |= !matches!(found, Found::Missing);
            row.push(self.text(found));
        }
    }

    /// The cell of a column.
    pub(crate) fn cell(&self, column: usize) -> Option<&str> {
        self.text(self.found.get(column)?)
    }

    fn text(&self, found: &Found) -> Option<&str> {
        match found {
            Found::Text(at) => Some(&self.text[at.clone()]),
            Found::Missing | Found::Null => None,
        }
    }

    fn object(&mut self, reader: &mut Reader<'_>, node: &Node) -> Result<(), Said> {
        let mut expected = 0;
        reader.take(b'{')?;
        if reader.is(b'}') {
            return Ok(());
        }
        loop {
            let key = reader.key()?;
            reader.take(b':')?;
            match node.child(&key, &mut expected) {
                Some(child) => self.value(reader, child, &key)?,
                None => {
                    reader.skip()?;
                    if self.strange.len() < STRANGE_MAX && !self.strange.iter().any(|it| *it == key) {
                        self.strange.push(key.into_owned());
                    }
                }
            }
            if reader.is(b'}') {
                return Ok(());
            }
            reader.take(b',')?;
        }
    }

    fn list(&mut self, reader: &mut Reader<'_>, node: &Node) -> Result<(), Said> {
        let (mut expected, mut place) = (0, 0);
        reader.take(b'[')?;
        if reader.is(b']') {
            return Ok(());
        }
        loop {
            match node.child(&place.to_string(), &mut expected) {
                Some(child) => self.value(reader, child, &place.to_string())?,
                None => reader.skip()?,
            }
            place += 1;
            if reader.is(b']') {
                return Ok(());
            }
            reader.take(b',')?;
        }
    }

    fn value(&mut self, reader: &mut Reader<'_>, node: &Node, key: &str) -> Result<(), Said> {
        reader.blanks();
        let start = reader.at;
        if let Some(column) = node.column {
            if !matches!(self.found[column], Found::Missing) {
                return Err(said!("其中 `{key}` 出现了两次", "`{key}` stands twice in it"));
            }
            let begin = self.text.len();
            let there = reader.write(&mut self.text)?;
            self.found[column] = if there { Found::Text(begin..self.text.len()) } else { Found::Null };
            if node.children.is_empty() {
                return Ok(());
            }
            reader.at = start;
        }
        match reader.json.as_bytes().get(start) {
            Some(b'{') => self.object(reader, node),
            Some(b'[') => self.list(reader, node),
            Some(b'n') => reader.skip(),
            _ if node.column.is_some() => reader.skip(),
            _ => Err(said!("这里的 `{key}` 既不是对象也不是列表", "`{key}` is neither an object nor a list here")),
        }
    }
}

/// The names and values of an object, for a first look at it.
pub(crate) fn members(json: &str) -> Result<Vec<(String, &str)>, Said> {
    let mut reader = Reader { json, at: 0 };
    let mut members = Vec::new();
    reader.take(b'{')?;
    if reader.is(b'}') {
        return Ok(members);
    }
    loop {
        let key = reader.key()?.into_owned();
        reader.take(b':')?;
        reader.blanks();
        let start = reader.at;
        reader.skip()?;
        members.push((key, &json[start..reader.at]));
        if reader.is(b'}') {
            return Ok(members);
        }
        reader.take(b',')?;
    }
}

/// A place in a record.
struct Reader<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Whether `byte` comes next; then it is taken.
    fn is(&mut self, byte: u8) -> bool {
        self.blanks();
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn take(&mut self, byte: u8) -> Result<(), Said> {
        if self.is(byte) { Ok(()) } else { Err(self.odd()) }
    }

    fn odd(&self) -> Said {
        said!("从第 {} 字节起不是 JSON", "it is no JSON from its byte {} on", self.at + 1)
    }

    fn key(&mut self) -> Result<Cow<'a, str>, Said> {
        let (inner, escaped) = self.text()?;
        if !escaped {
            return Ok(Cow::Borrowed(inner));
        }
        let mut key = String::new();
        unescape(inner, &mut key)?;
        Ok(Cow::Owned(key))
    }

    /// What stands between the quotes, and whether there is a backslash in it.
    fn text(&mut self) -> Result<(&'a str, bool), Said> {
        self.take(b'"')?;
        let start = self.at;
        let bytes = self.json.as_bytes();
        let mut escaped = false;
        loop {
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(_) => self.at += 1,
                None => return Err(said!("其中的文本没有结束", "a text in it does not end")),
            }
        }
        self.at += 1;
        Ok((&self.json[start..self.at - 1], escaped))
    }

    /// Appends the value as text. False, and nothing appended, for null.
    fn write(&mut self, out: &mut String) -> Result<bool, Said> {
        self.blanks();
        if self.peek() == Some(b'"') {
            let (inner, escaped) = self.text()?;
            if escaped {
                unescape(inner, out)?;
            } else {
                out.push_str(inner);
            }
            return Ok(true);
        }
        let start = self.at;
        self.skip()?;
        let json = &self.json[start..self.at];
        if json == "null" {
            return Ok(false);
        }
        out.push_str(json);
        Ok(true)
    }

    /// Passes over a value, and looks at all of it.
    fn skip(&mut self) -> Result<(), Said> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some(b'"') => {
                    let (inner, escaped) = self.text()?;
                    if escaped {
                        unescape(inner, &mut String::new())?;
                    }
                }
                Some(byte @ (b'{' | b'[')) => {
                    self.at += 1;
                    if open.len() >= DEPTH_MAX {
                        return Err(said!("列表和对象嵌套过深", "its lists and objects are too deep"));
                    }
                    let close = byte + 2;
                    if !self.is(close) {
                        open.push(close);
                        self.name_before_value(close)?;
                        continue;
                    }
                }
                Some(_) => self.bare()?,
                None => return Err(self.odd()),
            }
            loop {
                let Some(close) = open.last().copied() else { return Ok(()) };
                if self.is(close) {
                    open.pop();
                    continue;
                }
                self.take(b',')?;
                self.name_before_value(close)?;
                break;
            }
        }
    }

    fn name_before_value(&mut self, close: u8) -> Result<(), Said> {
        if close == b'}' {
            self.key()?;
            self.take(b':')?;
        }
        Ok(())
    }

    fn bare(&mut self) -> Result<(), Said> {
        let rest = &self.json.as_bytes()[self.at..];
        let ends = |it: &u8| matches!(it, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n');
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        if !is_bare(&rest[..end]) {
            return Err(self.odd());
        }
        self.at += end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::Shape;
    use super::*;

    /// The cells of the columns `a`, `b.c` and `d.0`; `~` where there is none.
    fn check(record: &str, expected: Result<&str, &str>) {
        let shape = Shape::of(&["a".to_owned(), "b.c".to_owned(), "/d/0".to_owned()]);
        let mut cells = Cells::default();
        let read = cells.read(record.as_bytes(), &shape.root, 3);
        let told = read.map(|()| (0..3).map(|at| cells.cell(at).unwrap_or("~")).collect::<Vec<_>>().join("|"));
        assert_eq!(told.as_deref().map_err(|it| it.en.as_str()), expected, "{record}");
    }

    #[test]
    fn values_stay_as_they_are_written() {
        check(r#"{"a":0.10,"b":{"c":"x"},"d":[true,2]}"#, Ok("0.10|x|true"));
        check(r#"{"a":33068319800101123412,"b":{"x":1,"c":null},"d":[]}"#, Ok("33068319800101123412|~|~"));
        check(r#"{ "a" : "" , "b" : null, "z": [ {"a": "]"}, -1e5 ] }"#, Ok("|~|~"));
        check(r#"{"a":"\u9648\u4dae \uD842\uDFB7\n\/\"","b":{"c":{"k": [1]}}}"#, Ok("陈䶮 𠮷\n/\"|{\"k\": [1]}|~"));
        check(r#"{"\u0061":" 王　伟 "}"#, Ok(" 王　伟 |~|~"));
        check("{}", Ok("~|~|~"));
    }

    #[test]
    fn a_record_that_is_none_says_why() {
        check("[1]", Err("a record must be an object"));
        check("null", Err("a record must be an object"));
        check(r#"{"a":1,"a":2}"#, Err("`a` stands twice in it"));
        check(r#"{"b":"none"}"#, Err("`b` is neither an object nor a list here"));
        check(r#"{"a":"\ud842"}"#, Err("a text in it has an escape that means nothing"));
        check(r#"{"a":01}"#, Err("it is no JSON from its byte 6 on"));
        check(r#"{"x":[1,}]}"#, Err("it is no JSON from its byte 9 on"));
        check(r#"{"x":{"k":1]}"#, Err("it is no JSON from its byte 12 on"));
        check(r#"{"a":1} {"#, Err("something follows the record"));
    }

    proptest::proptest! {
        #[test]
        fn a_text_is_what_serde_json_reads(text in ".*") {
            let json = serde_json::json!({ "a": text }).to_string();
            let shape = Shape::of(&["a".to_owned()]);
            let mut cells = Cells::default();
            cells.read(json.as_bytes(), &shape.root, 1).expect("an object");
            proptest::prop_assert_eq!(cells.cell(0), Some(text.as_str()));
        }

        #[test]
        fn nothing_breaks_it(bytes in proptest::collection::vec(proptest::sample::select(b"{}[]\",:\\u0aD8n1-. ".to_vec()), 0..40)) {
            let shape = Shape::of(&["a".to_owned(), "0.n".to_owned()]);
            let _ = Cells::default().read(&[b"{".as_slice(), &bytes].concat(), &shape.root, 2);
        }
    }
}
