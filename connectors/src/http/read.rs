//! Reads a table page by page: its records, and whether what came is the whole table.

use reqwest::header::LINK;
use reqwest::{Response, StatusCode, Url, Version};

use super::answer::{Answer, Given, Limits, next_link, without_numbers};
use super::body::Body;
use super::pace::Tries;
use super::paging::{Paging, Told, Turn, Walk};
use super::pointer::{Pointer, plain};
use super::record::Cells;
use super::records::Records;
use super::request::call;
use super::settings::{Format, Table};
use super::shape::Shape;
use super::split::{List, Splitter, Wanted, Wrong};
use super::wire::Wire;
use crate::{Failure, Said, said};

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
        // What a page behind the end repeats is compared, and given to nobody.
        let mut aside = Records::default();
        let records = if page.turn.probe { &mut aside } else { records };
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
                    Ended::Expired(_) if !page.renewed && self.wire.expired().await => {
                        page.renewed = true;
                        self.reopen(&mut page).await?;
                        self.page = Some(page);
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
        let url = call(&self.table, &self.base, self.since.as_deref(), &turn).map_err(|why| self.failed(why))?.url;
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
        let call = call(&self.table, &self.base, self.since.as_deref(), &page.turn).map_err(|why| self.failed(why))?;
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
            let failure = self
                .failed(said!("应答没有说明长度，中断也无法发现", "the answer does not say how long it is, so a cut would not be seen"));
            return Err(failure.hint(said!(
                "请对方分块发送或带上长度，或以 JSON 列表发送，或声明 `total_header`",
                "let it be sent in chunks or with its length, or as a JSON list, or declare `total_header`"
            )));
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
                let failure = self.failed(said!("应答的 {} 处没有记录", "the answer has no records at {}", self.table.records));
                return Err(failure.hint(said!("位置由 `records` 设定；应答中有 {}", "`records` says where; the answer has {}"; names)));
            }
            List::Other(what) => {
                let failure = self.failed(said!("{} 处不是列表，而是{}", "at {} stands {} and not a list", self.table.records; what));
                return Err(failure.hint(said!("`records` 写明记录列表的位置", "`records` says where the list of records stands")));
            }
        }
        if answer.given.rows < given.rows {
            return Err(self
                .failed(said!("重新请求的一页比先前的行少", "a page that was asked for again has fewer rows than before"))
                .passing());
        }
        Ok(Ended::Well(self.page_told(answer, url)?))
    }

    /// What is wrong, when the answer says so of itself.
    fn business(&self, answer: &Answer) -> Result<Option<Ended>, Failure> {
        let Some(ok) = &self.table.ok else { return Ok(None) };
        let code = self.value(answer, 4, &ok.at)?;
        let Some(code) = code else {
            return Err(self.failed(said!("应答的 {} 处没有业务状态码", "the answer has no code at {}", ok.at)));
        };
        if ok.is.has(&code) {
            return Ok(None);
        }
        let message = ok.message.as_ref().map_or(Ok(None), |it| self.value(answer, 5, it))?;
        let message = message.map_or(String::new(), |it| format!(": {}", without_numbers(&it)));
        let failure =
            self.failed(said!("应答的业务状态码是 `{}`{message}", "the answer has the code `{}`{message}", without_numbers(&code)));
        if ok.expired.has(&code) {
            return Ok(Some(Ended::Expired(failure.hint(said!("`auth` 不被接受", "`auth` is not accepted")))));
        }
        if ok.busy.has(&code) {
            return Ok(Some(Ended::Again(failure.passing())));
        }
        Err(failure.hint(said!(
            "接口手册说明该状态码的含义；`ok` 中写哪些是成功、失效（`expired`）或繁忙（`busy`）",
            "the handbook of the interface says what the code means; `ok` says which codes are good, `expired` or `busy`"
        )))
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
            let next = url.join(next).map_err(|_| self.failed(said!("下一页的地址不是地址", "the address of the next page is none")))?;
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
        read.map(|it| Some(it.to_owned()))
            .ok_or_else(|| self.failed(said!("某页最后一条记录没有 `{column}`", "the last record of a page has no `{column}`")))
    }

    fn value(&self, answer: &Answer, which: usize, at: &Pointer) -> Result<Option<String>, Failure> {
        answer.splitter.value(which).map_or(Ok(None), |it| plain(it).map_err(|why| self.failed(said!("{at} 处：{}", "at {at}: {}"; why))))
    }

    fn number(&self, at: &Pointer, value: Option<String>) -> Result<Option<u64>, Failure> {
        let value = value.ok_or_else(|| self.failed(said!("应答的 {at} 处没有数字", "the answer has no number at {at}")))?;
        self.count(&at.to_string(), &value).map(Some)
    }

    fn count(&self, at: &str, value: &str) -> Result<u64, Failure> {
        value.trim().parse().map_err(|_| self.failed(said!("{at} 处的值不是行数", "what stands at {at} is no count")))
    }

    fn failed(&self, why: Said) -> Failure {
        Failure { why, ..self.failure.clone() }
    }
}
