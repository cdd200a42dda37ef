//! Reads a table page by page: its records, and whether what came is the whole table.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, LINK};
use reqwest::{Response, StatusCode, Url, Version};
use sha2::{Digest as _, Sha256};

use super::auth::form;
use super::body::Body;
use super::pace::Tries;
use super::paging::{Paging, Told, Turn, Walk};
use super::pointer::{Pointer, plain};
use super::record::Cells;
use super::settings::{BodyAs, Format, Method, Table, text};
use super::shape::Shape;
use super::split::{List, Records, Splitter, Wanted, Wrong};
use super::template::fill;
use super::wire::{Call, Wire, shown};
use crate::Failure;

/// A table under way.
pub(crate) struct Reader {
    wire: Wire,
    table: Table,
    base: Url,
    since: Option<String>,
    failure: Failure,
    limits: Limits,
    walk: Walk,
    turn: Option<Turn>,
    page: Option<Page>,
    /// Whether some answer came in another charset than UTF-8.
    pub marked: bool,
}

/// The most that is taken of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub record_bytes: usize,
    pub answer_bytes: u64,
}

/// A page under way.
struct Page {
    turn: Turn,
    url: Url,
    tries: Tries,
    renewed: bool,
    /// Null when there is no such page.
    answer: Option<Answer>,
    /// What of this page has been given already, when its answer broke off and it was asked for again.
    given: Given,
}

/// An answer under way.
struct Answer {
    body: Body,
    splitter: Splitter,
    head: HeaderMap,
    given: Given,
    last: Vec<u8>,
}

/// The first records of a page, in short.
#[derive(Clone, Default)]
struct Given {
    rows: u64,
    hash: Sha256,
}

impl Given {
    fn add(&mut self, record: &[u8]) {
        self.rows += 1;
        self.hash.update((record.len() as u64).to_le_bytes());
        self.hash.update(record);
    }

    fn short(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}

/// How a page ended.
enum Ended {
    /// As it should.
    Well(Told),
    /// It must be asked for again.
    Again(Failure),
    /// The token has ended.
    Expired(Failure),
}

impl Reader {
    /// From the first page on.
    pub(crate) fn new(wire: Wire, table: Table, base: Url, since: Option<String>, failure: Failure, limits: Limits) -> Reader {
        let (walk, first) = Walk::new(table.paging.clone(), table.end());
        Reader { wire, table, base, since, failure, limits, walk, turn: Some(first), page: None, marked: false }
    }

    /// Declared rows, once a page has declared them.
    pub(crate) fn total(&self) -> Option<u64> {
        self.walk.total()
    }

    /// Reads a piece, and adds the records that are complete with it. False after the last one.
    pub(crate) async fn more(&mut self, records: &mut Records) -> Result<bool, Failure> {
        let mut page = match (self.page.take(), self.turn.take()) {
            (Some(page), _) => page,
            (None, Some(turn)) => self.open(turn).await?,
            (None, None) => return Ok(false),
        };
        let failed = match &mut page.answer {
            None => return Ok(false),
            Some(answer) => match answer.body.piece(&self.failure).await {
                Ok(Some(piece)) => match answer.take(&piece, &page.given, records) {
                    Ok(()) => {
                        self.page = Some(page);
                        return Ok(true);
                    }
                    Err(wrong) => wrong.told(&self.failure, self.limits),
                },
                Ok(None) => match self.end(&mut page, records)? {
                    Ended::Well(told) => {
                        let next = self.walk.after(&page.turn, &told).map_err(|why| self.failed(why))?;
                        self.turn = next;
                        return Ok(self.turn.is_some());
                    }
                    Ended::Expired(failure) if !page.renewed && self.wire.expired().await => {
                        page.renewed = true;
                        self.reopen(&mut page).await?;
                        self.page = Some(page);
                        let _ = failure;
                        return Ok(true);
                    }
                    Ended::Expired(failure) | Ended::Again(failure) => failure,
                },
                Err(failure) => failure,
            },
        };
        if !failed.passing {
            return Err(failed);
        }
        page.tries.again(failed, None).await?;
        self.reopen(&mut page).await?;
        self.page = Some(page);
        Ok(true)
    }

    async fn open(&mut self, turn: Turn) -> Result<Page, Failure> {
        let url = self.call(&turn).map_err(|why| self.failed(why))?.url;
        let mut page = Page { turn, url, tries: self.wire.tries(), renewed: false, answer: None, given: Given::default() };
        self.reopen(&mut page).await?;
        Ok(page)
    }

    /// Asks for the page, from its beginning; what was given of it is compared and not given again.
    async fn reopen(&mut self, page: &mut Page) -> Result<(), Failure> {
        if let Some(answer) = page.answer.take()
            && answer.given.rows > page.given.rows
        {
            page.given = answer.given;
        }
        let call = self.call(&page.turn).map_err(|why| self.failed(why))?;
        let Some(response) = self.wire.send(&call, &mut page.tries, &self.failure).await? else { return Ok(()) };
        self.check_head(&response)?;
        let head = response.headers().clone();
        let nothing = response.status() == StatusCode::NO_CONTENT;
        let body = Body::new(response, self.table.charset.as_deref(), self.limits.answer_bytes, self.wire.patience);
        let body = body.map_err(|why| self.failed(why))?;
        self.marked |= body.is_marked();
        let lines = self.table.format == Format::Ndjson || nothing;
        let splitter = Splitter::new(self.wanted(lines));
        page.answer = Some(Answer { body, splitter, head, given: Given::default(), last: Vec::new() });
        Ok(())
    }

    fn wanted(&self, lines: bool) -> Wanted {
        let table = &self.table;
        let next = match &table.paging {
            Paging::Cursor { next, .. } => next.clone(),
            Paging::Url { next } => Some(next.clone()),
            _ => None,
        };
        let ok = table.ok.as_ref();
        let values = [
            table.total.clone(),
            table.pages.clone(),
            table.more.clone(),
            next,
            ok.map(|it| it.at.clone()),
            ok.and_then(|it| it.message.clone()),
        ];
        // A pointer that nothing can match keeps the places of the others.
        let never = || Pointer::try_from("/\u{0}/\u{0}".to_owned()).expect("a pointer");
        Wanted {
            records: table.records.clone(),
            values: values.into_iter().map(|it| it.unwrap_or_else(never)).collect(),
            lines,
            record_bytes_max: self.limits.record_bytes,
        }
    }

    /// A web page is told before it is read; and so is an answer whose end nobody could see.
    fn check_head(&self, response: &Response) -> Result<(), Failure> {
        let header = |name| response.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
        if header("content-type").starts_with("text/html") {
            return Err(Wrong::Page.told(&self.failure, self.limits));
        }
        let closed = response.version() <= Version::HTTP_10 || header("connection").eq_ignore_ascii_case("close");
        let open_end = closed && response.content_length().is_none() && header("transfer-encoding").is_empty();
        if open_end && self.table.format == Format::Ndjson && self.table.total_header.is_none() {
            let failure = self.failed("the answer does not say how long it is, so a cut would not be seen");
            return Err(failure.hint("let it be sent in chunks or with its length, or as a JSON list, or declare `total_header`"));
        }
        Ok(())
    }

    /// What the page says at its end.
    fn end(&self, page: &mut Page, records: &mut Records) -> Result<Ended, Failure> {
        let Page { turn, url, answer: Some(answer), given, .. } = page else { return Ok(Ended::Well(Told::default())) };
        if let Err(wrong) = answer.finish(given, records) {
            let failure = wrong.told(&self.failure, self.limits);
            return if failure.passing { Ok(Ended::Again(failure)) } else { Err(failure) };
        }
        if let Some(trouble) = self.business(answer)? {
            return Ok(if turn.probe { Ended::Well(Told::default()) } else { trouble });
        }
        match answer.splitter.list() {
            List::There => {}
            List::Missing(names) => {
                let names = crate::near::list(names.iter().map(String::as_str));
                let failure = self.failed(format!("the answer has no records at {}", self.table.records));
                return Err(failure.hint(format!("`records` says where; the answer has {names}")));
            }
            List::Other(what) => {
                let failure = self.failed(format!("at {} stands {what} and not a list", self.table.records));
                return Err(failure.hint("`records` says where the list of records stands"));
            }
        }
        if answer.given.rows < given.rows {
            return Err(self.failed("a page that was asked for again has fewer rows than before").passing());
        }
        Ok(Ended::Well(self.page_told(answer, url)?))
    }

    /// What is wrong, when the answer says so of itself.
    fn business(&self, answer: &Answer) -> Result<Option<Ended>, Failure> {
        let Some(ok) = &self.table.ok else { return Ok(None) };
        let code = self.value(answer, 4, &ok.at)?;
        let Some(code) = code else { return Err(self.failed(format!("the answer has no code at {}", ok.at))) };
        if ok.is.has(&code) {
            return Ok(None);
        }
        let message = ok.message.as_ref().map_or(Ok(None), |it| self.value(answer, 5, it))?;
        let message = message.map_or(String::new(), |it| format!(": {}", without_numbers(&it)));
        let failure = self.failed(format!("the answer has the code `{}`{message}", without_numbers(&code)));
        if ok.expired.has(&code) {
            return Ok(Some(Ended::Expired(failure.hint("`auth` is not accepted"))));
        }
        if ok.busy.has(&code) {
            return Ok(Some(Ended::Again(failure.passing())));
        }
        Err(failure.hint("the handbook of the interface says what the code means; `ok` says which codes are good, `expired` or `busy`"))
    }

    fn page_told(&self, answer: &Answer, url: &Url) -> Result<Told, Failure> {
        let table = &self.table;
        let header = |name: &String| answer.head.get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let mut told = Told { rows: answer.given.rows, hash: answer.given.short(), ..Told::default() };
        told.total = match (&table.total, &table.total_header) {
            (Some(at), _) => self.number(at, self.value(answer, 0, at)?)?,
            (None, Some(name)) => Some(self.count(name, &header(name).unwrap_or_default())?),
            (None, None) => None,
        };
        told.pages = table.pages.as_ref().map_or(Ok(None), |at| self.number(at, self.value(answer, 1, at)?))?;
        if let Some(at) = &table.more {
            told.more = match self.value(answer, 2, at)?.as_deref() {
                Some("true" | "1" | "Y" | "y") => Some(true),
                Some("false" | "0" | "N" | "n") => Some(false),
                _ => None,
            };
        }
        told.next = match &table.paging {
            Paging::Cursor { next: Some(at), .. } | Paging::Url { next: at } => self.value(answer, 3, at)?,
            Paging::Cursor { last: Some(column), .. } => self.last(answer, column)?,
            Paging::Link {} => answer.head.get_all(LINK).iter().find_map(|it| next_link(it.to_str().ok()?)),
            _ => None,
        };
        told.next = told.next.filter(|it| !it.is_empty());
        if let Paging::Link {} | Paging::Url { .. } = table.paging
            && let Some(next) = &told.next
        {
            let next = url.join(next).map_err(|_| self.failed("the address of the next page is none"))?;
            told.next = Some(next.into());
        }
        Ok(told)
    }

    /// The mark in the last record of a page.
    fn last(&self, answer: &Answer, column: &String) -> Result<Option<String>, Failure> {
        if answer.given.rows == 0 {
            return Ok(None);
        }
        let shape = Shape::of(std::slice::from_ref(column));
        let mut cells = Cells::default();
        let read = cells.read(&answer.last, &shape.root, 1).ok().and_then(|()| cells.cell(0));
        read.map(|it| Some(it.to_owned())).ok_or_else(|| self.failed(format!("the last record of a page has no `{column}`")))
    }

    fn value(&self, answer: &Answer, which: usize, at: &Pointer) -> Result<Option<String>, Failure> {
        answer.splitter.value(which).map_or(Ok(None), |it| plain(it).map_err(|why| self.failed(format!("at {at}: {why}"))))
    }

    fn number(&self, at: &Pointer, value: Option<String>) -> Result<Option<u64>, Failure> {
        let value = value.ok_or_else(|| self.failed(format!("the answer has no number at {at}")))?;
        self.count(&at.to_string(), &value).map(Some)
    }

    fn count(&self, at: &str, value: &str) -> Result<u64, Failure> {
        value.trim().parse().map_err(|_| self.failed(format!("what stands at {at} is no count")))
    }

    fn call(&self, turn: &Turn) -> Result<Call, String> {
        let table = &self.table;
        let method = if table.method == Method::Post { reqwest::Method::POST } else { reqwest::Method::GET };
        let mut url = match &turn.url {
            Some(next) => Url::parse(next).map_err(|_| "the address of the next page is none".to_owned())?,
            None => table.url(&self.base)?,
        };
        if url.origin() != self.base.origin() {
            return Err(format!("the next page leads to another host: {}", shown(&url)));
        }
        let value_of = |name: &str| match name {
            "page" => Some(turn.page.to_string()),
            "offset" => Some(turn.offset.to_string()),
            "size" => table.paging.size().map(|it| it.to_string()),
            "cursor" => turn.cursor.clone(),
            "since" => self.since.clone(),
            _ => None,
        };
        let mut query: Vec<(String, String)> = Vec::new();
        for (name, value) in &table.query {
            let value = text(value);
            if is_there(&value, &value_of) {
                query.push((name.clone(), fill(&value, value_of)));
            }
        }
        let named: BTreeMap<String, (String, bool)> = named(&table.paging, turn);
        let in_body = table.method == Method::Post;
        if !in_body {
            query.extend(named.iter().map(|(name, (value, _))| (name.clone(), value.clone())));
        }
        if turn.url.is_none() && !query.is_empty() {
            url.query_pairs_mut().extend_pairs(&query);
        }
        let body = in_body.then(|| body(table, &named, &value_of));
        Ok(Call { method, url, body, probe: turn.probe })
    }

    fn failed(&self, why: impl Into<String>) -> Failure {
        Failure { why: why.into(), ..self.failure.clone() }
    }
}

impl Answer {
    /// Adds the records of a piece, but for those that were given already.
    fn take(&mut self, piece: &[u8], given: &Given, records: &mut Records) -> Result<(), Wrong> {
        let first = records.len();
        if self.given.rows >= given.rows {
            self.splitter.feed(piece, records)?;
            for record in records.from(first) {
                self.given.add(record);
            }
            self.keep_last(records, first);
            return Ok(());
        }
        let mut again = Records::default();
        self.splitter.feed(piece, &mut again)?;
        self.pass(&again, given, records)
    }

    fn finish(&mut self, given: &Given, records: &mut Records) -> Result<(), Wrong> {
        let mut rest = Records::default();
        self.splitter.finish(&mut rest)?;
        self.pass(&rest, given, records)
    }

    /// Compares the records that were given already, and gives the others.
    fn pass(&mut self, again: &Records, given: &Given, records: &mut Records) -> Result<(), Wrong> {
        for record in again.from(0) {
            let known = self.given.rows < given.rows;
            self.given.add(record);
            if !known {
                records.push(record);
            } else if self.given.rows == given.rows && self.given.short() != given.short() {
                return Err(Wrong::Changed);
            }
        }
        self.keep_last(again, 0);
        Ok(())
    }

    fn keep_last(&mut self, records: &Records, first: usize) {
        if records.len() > first
            && let Some(last) = records.from(records.len() - 1).next()
        {
            self.last.clear();
            self.last.extend_from_slice(last);
        }
    }
}

impl Wrong {
    fn told(self, failure: &Failure, limits: Limits) -> Failure {
        let told = |why: String, hint: &str| Failure { why, ..failure.clone() }.hint(hint);
        match self {
            Wrong::Page => told(
                "the answer is a web page and not JSON".to_owned(),
                "a login page or a gateway answers; are `url`, `path` and `auth` right?",
            ),
            Wrong::Syntax(at) => {
                told(format!("the answer is no JSON from its byte {} on", at + 1), "is `format` right? ask those who run the service")
            }
            Wrong::Cut => {
                told("the answer ends before it is complete".to_owned(), "the line or the service cut it; smaller pages may help").passing()
            }
            Wrong::TooLong => told(
                format!("a record is longer than {} KiB, or lies too deep", limits.record_bytes >> 10),
                "`record_kib_max` sets the limit; does `records` point to the list?",
            ),
            Wrong::Changed => {
                told("a page that was asked for again has other rows than before".to_owned(), "somebody writes to the table meanwhile")
                    .passing()
            }
        }
    }
}

/// The parameters that carry the paging, and whether each is a number.
fn named(paging: &Paging, turn: &Turn) -> BTreeMap<String, (String, bool)> {
    let mut named = BTreeMap::new();
    let mut add = |name: &Option<String>, value: Option<String>, number: bool| {
        if let (Some(name), Some(value)) = (name, value) {
            named.insert(name.clone(), (value, number));
        }
    };
    let count = |it: u64| Some(it.to_string());
    match paging {
        Paging::Page { page, size, rows, .. } => {
            add(page, count(turn.page), true);
            add(size, count(*rows), true);
        }
        Paging::Offset { offset, limit, rows, .. } => {
            add(offset, count(turn.offset), true);
            add(limit, count(*rows), true);
        }
        Paging::Cursor { cursor, size, rows, .. } => {
            add(cursor, turn.cursor.clone(), false);
            add(size, rows.map(|it| it.to_string()), true);
        }
        Paging::None | Paging::Link {} | Paging::Url { .. } => {}
    }
    named
}

/// Whether a text has all that it names: without a cursor yet, or without `since`, a parameter is left out.
fn is_there(text: &str, value_of: &impl Fn(&str) -> Option<String>) -> bool {
    ["cursor", "since"].into_iter().all(|it| !text.contains(&format!("{{{it}}}")) || value_of(it).is_some())
}

fn body(table: &Table, named: &BTreeMap<String, (String, bool)>, value_of: &impl Fn(&str) -> Option<String>) -> (&'static str, Vec<u8>) {
    let template = table.body.clone().unwrap_or_else(|| toml::Value::Table(toml::Table::new()));
    let mut whole = filled(&template, value_of).unwrap_or_default();
    if let Some(object) = whole.as_object_mut() {
        for (name, (value, number)) in named {
            let number = number.then(|| value.parse::<u64>().ok()).flatten();
            object.insert(name.clone(), number.map_or_else(|| value.clone().into(), Into::into));
        }
    }
    if table.body_as == BodyAs::Json {
        return ("application/json", whole.to_string().into_bytes());
    }
    let plain = |it: &serde_json::Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
    let fields: Vec<(String, String)> = whole.as_object().into_iter().flatten().map(|(name, it)| (name.clone(), plain(it))).collect();
    ("application/x-www-form-urlencoded", form(&fields))
}

/// A body with its places filled; a text that is one place alone becomes a number where it counts something.
fn filled(template: &toml::Value, value_of: &impl Fn(&str) -> Option<String>) -> Option<serde_json::Value> {
    Some(match template {
        toml::Value::String(text) => {
            let counts = matches!(text.as_str(), "{page}" | "{offset}" | "{size}");
            let value = is_there(text, value_of).then(|| fill(text, value_of))?;
            let number = counts.then(|| value.parse::<u64>().ok()).flatten();
            number.map_or_else(|| value.into(), Into::into)
        }
        toml::Value::Integer(it) => (*it).into(),
        toml::Value::Float(it) => (*it).into(),
        toml::Value::Boolean(it) => (*it).into(),
        toml::Value::Datetime(it) => it.to_string().into(),
        toml::Value::Array(all) => all.iter().filter_map(|it| filled(it, value_of)).collect::<Vec<_>>().into(),
        toml::Value::Table(all) => {
            let members = all.iter().filter_map(|(name, it)| Some((name.clone(), filled(it, value_of)?)));
            members.collect::<serde_json::Map<_, _>>().into()
        }
    })
}

/// The address that a `Link` header gives for the next page (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, from)) = rest.split_once('<') {
        let (target, after) = from.split_once('>')?;
        let parameters = after.split('<').next().unwrap_or_default();
        let is_next = |it: &str| it.trim().trim_end_matches(',').trim().replace('"', "").eq_ignore_ascii_case("rel=next");
        if parameters.split(';').any(is_next) {
            return Some(target.to_owned());
        }
        rest = after;
    }
    None
}

/// What a source says, shortened, without numbers that may be somebody's.
fn without_numbers(text: &str) -> String {
    let mut shown = String::new();
    let mut digits = String::new();
    for letter in text.chars().take(120).chain([' ']) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        shown.push_str(if digits.len() > 6 { "…" } else { &digits });
        digits.clear();
        shown.push(letter);
    }
    shown.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_header_names_the_next_page() {
        let header = r#"<https://a.test/p?page=1>; rel="prev", <https://a.test/p?a=1,2&page=3>; rel="next"; title="x""#;
        assert_eq!(next_link(header).as_deref(), Some("https://a.test/p?a=1,2&page=3"));
        assert_eq!(next_link("</p3>; title=a; rel=next").as_deref(), Some("/p3"));
        assert_eq!(next_link("</p1>; rel=\"last\""), None);
    }

    #[test]
    fn numbers_of_people_are_not_told() {
        assert_eq!(without_numbers("40001: 证件 330683198001011234 无权限"), "40001: 证件 … 无权限");
    }
}
