//! Cuts a JSON answer that comes in pieces into its records, and picks out the few values around them that paging needs.
//!
//! What stands around the records is checked against the grammar as it passes and kept nowhere; a record is only measured here, and
//! read by `record`. So memory holds one record, however long the answer is.

use super::inside::{Inside, What, is_bare};
use super::pointer::Pointer;
use super::records::Records;
use crate::{Said, said};

/// Lists and objects around the records may be this deep.
const DEPTH_MAX: usize = 128;
/// Names and numbers around the records may be this long; a text that is picked out too.
const AROUND_BYTES_MAX: usize = 64 * 1024;

/// What is to be found in an answer.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Where the list of records stands.
    pub records: Pointer,
    /// Single values, as [`Splitter::values`] gives them.
    pub values: Vec<Pointer>,
    /// Whether the answer is one record after the other without a list around them.
    pub lines: bool,
    /// The most bytes of one record.
    pub record_bytes_max: usize,
}

/// Why an answer is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A web page.
    Page,
    /// Not JSON, from this byte on.
    Syntax(u64),
    /// It ends before it is complete.
    Cut,
    /// A page that was asked for again begins with other records.
    Changed,
    /// A record or a value is longer than it may be.
    TooLong,
}

/// What the answer had where the records should stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// Nothing; the names that the answer itself has.
    Missing(Vec<String>),
    /// Something else.
    Other(Said),
    /// The list, or null.
    There,
}

/// Reads one answer.
#[derive(Debug)]
pub(crate) struct Splitter {
    wanted: Wanted,
    stack: Vec<Frame>,
    state: State,
    /// The beginning of what is being read, when an earlier piece held it.
    held: Vec<u8>,
    at: u64,
    values: Vec<Option<Vec<u8>>>,
    list: List,
}

/// An open list or object around the records.
#[derive(Debug)]
struct Frame {
    object: bool,
    /// Which pointers lead here: bit 0 for the records, then the values.
    towards: u64,
    /// Whether it is the list of records.
    records: bool,
    /// The next place in a list.
    index: usize,
    /// Which pointers lead to the value that comes next.
    next: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    AfterValue,
    /// A name, a text, a number, or a record.
    Inside(Inside),
    Done,
}

impl Splitter {
    /// For one answer.
    pub(crate) fn new(wanted: Wanted) -> Splitter {
        let values = vec![None; wanted.values.len()];
        let list = if wanted.lines { List::There } else { List::Missing(Vec::new()) };
        Splitter { wanted, stack: Vec::new(), state: State::Value, held: Vec::new(), at: 0, values, list }
    }

    /// Takes the next piece; complete records are added to `records`.
    pub(crate) fn feed(&mut self, piece: &[u8], records: &mut Records) -> Result<(), Wrong> {
        let mut at = 0;
        while at < piece.len() {
            let byte = piece[at];
            let State::Inside(mut inside) = self.state else {
                if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                    self.step(byte).map_err(|wrong| self.placed(wrong, at))?;
                }
                // A bare value and a text begin with the byte itself.
                at += usize::from(!matches!(self.state, State::Inside(_)));
                continue;
            };
            let end = inside.end(&piece[at..]);
            let rest = &piece[at..end.map_or(piece.len(), |it| at + it)];
            self.state = State::Inside(inside);
            self.keep(inside.what, rest, end.is_some(), records).map_err(|wrong| self.placed(wrong, at))?;
            at += rest.len();
        }
        self.at += piece.len() as u64;
        Ok(())
    }

    /// The answer has ended.
    pub(crate) fn finish(&mut self, records: &mut Records) -> Result<(), Wrong> {
        if let State::Inside(Inside { bare: true, what, .. }) = self.state
            && self.stack.is_empty()
        {
            self.keep(what, b"", true, records).map_err(|wrong| self.placed(wrong, 0))?;
        }
        let between = self.wanted.lines && self.state == State::Value;
        if self.state == State::Done || between { Ok(()) } else { Err(Wrong::Cut) }
    }

    /// What stood where the records should be.
    pub(crate) fn list(&self) -> &List {
        &self.list
    }

    /// The value of a pointer as JSON; of a list or object only its first byte.
    pub(crate) fn value(&self, which: usize) -> Option<&[u8]> {
        self.values.get(which)?.as_deref()
    }

    fn placed(&self, wrong: Wrong, at: usize) -> Wrong {
        if let Wrong::Syntax(_) = wrong { Wrong::Syntax(self.at + at as u64) } else { wrong }
    }

    /// One byte between names and values.
    fn step(&mut self, byte: u8) -> Result<(), Wrong> {
        match (self.state, byte) {
            (State::ValueOrEnd, b']') | (State::KeyOrEnd, b'}') => self.close(),
            (State::Value | State::ValueOrEnd, _) => self.begin(byte)?,
            (State::Key | State::KeyOrEnd, b'"') => self.state = State::Inside(Inside::at(What::Key, byte)),
            (State::Colon, b':') => self.state = State::Value,
            (State::AfterValue, b',') => {
                let object = self.stack.last().is_some_and(|it| it.object);
                self.state = if object { State::Key } else { State::Value };
            }
            (State::AfterValue, b']' | b'}') if self.stack.last().is_some_and(|it| it.object == (byte == b'}')) => self.close(),
            _ => return Err(Wrong::Syntax(0)),
        }
        Ok(())
    }

    /// The first byte of a value.
    fn begin(&mut self, byte: u8) -> Result<(), Wrong> {
        if byte == b'<' && self.stack.is_empty() {
            return Err(Wrong::Page);
        }
        if !matches!(byte, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') {
            return Err(Wrong::Syntax(0));
        }
        if self.stack.last().map_or(self.wanted.lines, |it| it.records) {
            self.state = State::Inside(Inside::at(What::Record, byte));
            return Ok(());
        }
        let towards = self.towards();
        let here = self.ending(towards, self.stack.len());
        if !matches!(byte, b'{' | b'[') {
            self.state = State::Inside(Inside::at(What::Value(towards), byte));
            return Ok(());
        }
        if self.stack.len() >= DEPTH_MAX {
            return Err(Wrong::TooLong);
        }
        for which in (0..self.values.len()).filter(|it| here & (2 << it) != 0) {
            self.values[which] = Some(vec![byte]);
        }
        let object = byte == b'{';
        let records = here & 1 != 0 && !object;
        if here & 1 != 0 {
            self.list = if records { List::There } else { List::Other(said!("对象", "an object")) };
        }
        self.stack.push(Frame { object, towards, records, index: 0, next: 0 });
        self.state = if object { State::KeyOrEnd } else { State::ValueOrEnd };
        Ok(())
    }

    /// Which pointers lead to the value that begins.
    fn towards(&mut self) -> u64 {
        let depth = self.stack.len();
        let Some(frame) = self.stack.last_mut() else {
            return u64::MAX >> (63 - self.wanted.values.len().min(62));
        };
        if frame.object {
            return frame.next;
        }
        let place = frame.index.to_string();
        frame.index += 1;
        let towards = frame.towards;
        if towards == 0 { 0 } else { self.leading(towards, depth - 1, &place) }
    }

    /// Which of the pointers go on with `step` at `depth`.
    fn leading(&self, towards: u64, depth: usize, step: &str) -> u64 {
        let on = |pointer: &Pointer| pointer.steps().get(depth).is_some_and(|it| it == step);
        let pointers = std::iter::once(&self.wanted.records).chain(&self.wanted.values);
        pointers.enumerate().filter(|(bit, it)| towards & (1 << bit) != 0 && on(it)).fold(0, |bits, (bit, _)| bits | 1 << bit)
    }

    /// Which of the pointers end at `depth`.
    fn ending(&self, towards: u64, depth: usize) -> u64 {
        let pointers = std::iter::once(&self.wanted.records).chain(&self.wanted.values);
        let here = |(bit, it): &(usize, &Pointer)| towards & (1 << bit) != 0 && it.steps().len() == depth;
        pointers.enumerate().filter(here).fold(0, |bits, (bit, _)| bits | 1 << bit)
    }

    fn close(&mut self) {
        self.stack.pop();
        self.after_value();
    }

    fn after_value(&mut self) {
        self.state = match self.stack.is_empty() {
            true if self.wanted.lines => State::Value,
            true => State::Done,
            false => State::AfterValue,
        };
    }

    /// A part of a name, a value or a record, and whether it is its end.
    fn keep(&mut self, what: What, part: &[u8], ended: bool, records: &mut Records) -> Result<(), Wrong> {
        let State::Inside(inside) = self.state else { return Ok(()) };
        let most = if what == What::Record { self.wanted.record_bytes_max } else { AROUND_BYTES_MAX };
        let ignored = what == What::Value(0) && !inside.bare;
        if !ignored && self.held.len() + part.len() > most {
            return Err(Wrong::TooLong);
        }
        if !ended {
            if !ignored {
                self.held.extend_from_slice(part);
            }
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.held);
        let whole = if held.is_empty() {
            part
        } else {
            held.extend_from_slice(part);
            &held
        };
        match what {
            What::Record => records.push(whole),
            What::Key => self.key(whole)?,
            What::Value(towards) => self.single(towards, whole, inside.bare)?,
        }
        held.clear();
        self.held = held;
        if what == What::Key {
            self.state = State::Colon;
        } else {
            self.after_value();
        }
        Ok(())
    }

    fn key(&mut self, json: &[u8]) -> Result<(), Wrong> {
        let key: String = serde_json::from_slice(json).map_err(|_| Wrong::Syntax(0))?;
        let depth = self.stack.len() - 1;
        let towards = self.stack[depth].towards;
        let next = if towards == 0 { 0 } else { self.leading(towards, depth, &key) };
        self.stack[depth].next = next;
        if let List::Missing(names) = &mut self.list
            && depth == 0
            && names.len() < 12
        {
            names.push(key);
        }
        Ok(())
    }

    fn single(&mut self, towards: u64, json: &[u8], bare: bool) -> Result<(), Wrong> {
        if bare && !is_bare(json) {
            return Err(Wrong::Syntax(0));
        }
        let here = self.ending(towards, self.stack.len());
        for which in (0..self.values.len()).filter(|it| here & (2 << it) != 0) {
            self.values[which] = Some(json.to_vec());
        }
        // Platforms write `"data": null` when there is nothing to give.
        if towards & 1 != 0 {
            self.list = if json == b"null" { List::There } else { List::Other(said!("单个值", "a single value")) };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(text: &str) -> Pointer {
        Pointer::try_from(text.to_owned()).expect("the test writes a pointer")
    }

    /// Records, then `/total` and `/data/next`, however the answer is cut into pieces.
    fn check(json: &str, records: &str, lines: bool, expected: &Result<(Vec<&str>, [Option<&str>; 2]), Wrong>) {
        for size in [1, 2, 3, 7, json.len().max(1)] {
            let values = vec![pointer("/total"), pointer("/data/next")];
            let mut splitter = Splitter::new(Wanted { records: pointer(records), values, lines, record_bytes_max: 40 });
            let mut found = Records::default();
            let read = json.as_bytes().chunks(size).try_for_each(|it| splitter.feed(it, &mut found));
            let read = read.and_then(|()| splitter.finish(&mut found)).map(|()| {
                let text = |it: &[u8]| String::from_utf8(it.to_vec()).expect("text");
                let records: Vec<String> = found.from(0).map(text).collect();
                (records, [0, 1].map(|it| splitter.value(it).map(text)), splitter.list().clone())
            });
            match (read, expected) {
                (Ok((found, values, list)), Ok((records, expected))) => {
                    assert_eq!(&found, records, "{json} by {size}");
                    assert_eq!(values.each_ref().map(|it| it.as_deref()), *expected, "{json} by {size}");
                    assert_eq!(list, List::There, "{json} by {size}");
                }
                (Err(wrong), Err(expected)) => assert_eq!(&wrong, expected, "{json} by {size}"),
                (read, _) => panic!("{json} by {size}: {read:?}"),
            }
        }
    }

    #[test]
    fn records_are_cut_out_wherever_they_stand() {
        let found = |records: &[&'static str], total, next| Ok((records.to_vec(), [total, next]));
        check(r#"[{"a":1},{"a":"]}"}]"#, "", false, &found(&[r#"{"a":1}"#, r#"{"a":"]}"}"#], None, None));
        check(
            r#" {"code":0,"total" : "2", "data":{"list":[ {"a":[1,{}]} , {"b":"\"]\\"} ],"next":null}} "#,
            "/data/list",
            false,
            &found(&[r#"{"a":[1,{}]}"#, r#"{"b":"\"]\\"}"#], Some("\"2\""), Some("null")),
        );
        check(r#"[[9],{"rows":[{"a":1}],"total":3}]"#, "/1/rows", false, &found(&[r#"{"a":1}"#], None, None));
        check(r#"{"data":null,"total":0}"#, "/data/list", false, &found(&[], Some("0"), None));
        check(r#"{"data":[],"total":{"n":1}}"#, "/data", false, &found(&[], Some("{"), None));
        check(r#"{"\u0064ata":[1,null]}"#, "/data", false, &found(&["1", "null"], None, None));
        check("{\"a\":1}\n{\"a\":2}", "", true, &found(&["{\"a\":1}", "{\"a\":2}"], None, None));
        check("", "", true, &found(&[], None, None));
    }

    #[test]
    fn what_is_no_json_is_told() {
        check("<!DOCTYPE html><html>", "", false, &Err(Wrong::Page));
        check(r#"{"data":[{"a":1},{"a""#, "/data", false, &Err(Wrong::Cut));
        check(r#"[{"a":1}"#, "", false, &Err(Wrong::Cut));
        check("", "", false, &Err(Wrong::Cut));
        check("{\"a\":1}\n{\"a", "", true, &Err(Wrong::Cut));
        check(r#"{"a":1}{"#, "", false, &Err(Wrong::Syntax(7)));
        check(r#"[{"a":1} {"a":2}]"#, "", false, &Err(Wrong::Syntax(9)));
        check(r#"{"a":1]"#, "", false, &Err(Wrong::Syntax(6)));
        check("error", "", false, &Err(Wrong::Syntax(0)));
        check(&format!("[{{\"a\":\"{}\"}}]", "x".repeat(50)), "", false, &Err(Wrong::TooLong));
    }
}
