//! Which page comes after which, when it was the last, and whether what came is what was declared.

use crate::{Said, said};
use std::collections::HashSet;

use serde::Deserialize;

use super::pointer::Pointer;

/// How a table comes in pages.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Paging {
    /// One answer holds everything.
    #[default]
    None,
    /// Numbered pages.
    Page { page: Option<String>, size: Option<String>, rows: u64, first: Option<u64> },
    /// The number of rows before the page.
    Offset { offset: Option<String>, limit: Option<String>, rows: u64, first: Option<u64> },
    /// A mark that the answer names for the next page (`next`), or that stands in its last record (`last`).
    Cursor {
        cursor: Option<String>,
        size: Option<String>,
        rows: Option<u64>,
        start: Option<String>,
        next: Option<Pointer>,
        last: Option<String>,
    },
    /// The `Link` header of RFC 8288.
    Link {},
    /// An address in the answer.
    Url { next: Pointer },
}

/// What says that a page was the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum End {
    /// It has fewer rows than asked for.
    Short,
    /// It has none.
    Empty,
    /// The declared rows have come.
    Total,
    /// The declared pages have come.
    Pages,
    /// The answer says whether there is more.
    More,
    /// The answer names no next page.
    Next,
}

/// Which page to ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// As the source numbers it.
    pub page: u64,
    /// Rows before it.
    pub offset: u64,
    /// The mark of the page.
    pub cursor: Option<String>,
    /// Its address.
    pub url: Option<String>,
    /// Whether all declared rows have come, and this page must not bring any.
    pub probe: bool,
}

/// What a page said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// How many rows it had.
    pub rows: u64,
    /// What they are, in short.
    pub hash: [u8; 32],
    /// Declared rows of the whole table.
    pub total: Option<u64>,
    /// Declared pages.
    pub pages: Option<u64>,
    /// Whether there is more.
    pub more: Option<bool>,
    /// Mark or address of the next page.
    pub next: Option<String>,
}

/// The way through the pages of one table.
#[derive(Debug)]
pub(crate) struct Walk {
    paging: Paging,
    end: End,
    seen: HashSet<[u8; 32]>,
    latest: [u8; 32],
    marks: HashSet<String>,
    rows: u64,
    turns: u64,
    total: Option<u64>,
}

impl Paging {
    /// Rows that a page is asked for.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Paging::Page { rows, .. } | Paging::Offset { rows, .. } => Some(*rows),
            Paging::Cursor { rows, .. } => *rows,
            Paging::None | Paging::Link {} | Paging::Url { .. } => None,
        }
    }

    /// What ends it when nothing else is said: whatever the answers declare, else an empty page. A short page only when told so: many
    /// sources give less than asked for in every page.
    pub(crate) fn end(&self, more: bool, total: bool, pages: bool) -> End {
        match self {
            Paging::None | Paging::Link {} | Paging::Url { .. } => End::Next,
            _ if more => End::More,
            Paging::Cursor { next: Some(_), .. } => End::Next,
            _ if total => End::Total,
            _ if pages => End::Pages,
            _ => End::Empty,
        }
    }

    fn first(&self) -> Turn {
        match self {
            Paging::Page { first, .. } => Turn { page: first.unwrap_or(1), ..Turn::default() },
            Paging::Offset { first, .. } => Turn { offset: first.unwrap_or(0), ..Turn::default() },
            Paging::Cursor { start, .. } => Turn { cursor: start.clone(), ..Turn::default() },
            Paging::None | Paging::Link {} | Paging::Url { .. } => Turn::default(),
        }
    }
}

impl Walk {
    /// The way, and its first page.
    pub(crate) fn new(paging: Paging, end: End) -> (Walk, Turn) {
        let first = paging.first();
        let (seen, marks) = (HashSet::new(), HashSet::new());
        (Walk { paging, end, seen, latest: [0; 32], marks, rows: 0, turns: 0, total: None }, first)
    }

    /// Declared rows, as far as anything was declared.
    pub(crate) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Takes what the page of `turn` said; gives the next page, or null after the last one. An error says why these pages are no table.
    pub(crate) fn after(&mut self, turn: &Turn, told: &Told) -> Result<Option<Turn>, Said> {
        if turn.probe {
            return self.nothing_more(told);
        }
        if let (Some(before), Some(now)) = (self.total, told.total)
            && before != now
        {
            return Err(said!(
                "先声明 {before} 行，后面的页又声明 {now} 行：取数期间有人写入",
                "{before} rows were declared, and {now} on a later page: somebody writes to the table meanwhile"
            ));
        }
        self.total = self.total.or(told.total);
        self.turns += 1;
        if told.rows > 0 && !self.seen.insert(told.hash) {
            return Err(said!("第 {} 页与前面的一页内容相同", "page {} has the same rows as a page before it", self.turns));
        }
        self.latest = told.hash;
        self.rows += told.rows;
        if let Some(total) = self.total.filter(|it| self.rows > *it) {
            return Err(said!("声明有 {total} 行，却已取到 {} 行", "{total} rows were declared, and {} have come", self.rows));
        }
        if !self.is_last(told)? {
            return self.next(turn, told).map(Some);
        }
        if let Some(total) = self.total.filter(|it| *it != self.rows) {
            return Err(said!("声明有 {total} 行，只取到 {} 行", "{total} rows were declared, and only {} have come", self.rows));
        }
        let full = self.paging.size().is_some_and(|it| told.rows >= it);
        let numbered = matches!(self.paging, Paging::Page { .. } | Paging::Offset { .. });
        if self.end == End::Total && full && numbered {
            return self.next(turn, told).map(|it| Some(Turn { probe: true, ..it }));
        }
        Ok(None)
    }

    /// After the declared rows: nothing, or the last page once more, as some sources give it for every number behind the end.
    fn nothing_more(&self, told: &Told) -> Result<Option<Turn>, Said> {
        if told.rows == 0 || told.hash == self.latest {
            return Ok(None);
        }
        Err(said!("声明有 {} 行，实际更多", "{} rows were declared, and there are more", self.rows))
    }

    fn is_last(&self, told: &Told) -> Result<bool, Said> {
        Ok(match self.end {
            End::Short => told.rows < self.paging.size().unwrap_or(1),
            End::Empty => told.rows == 0,
            End::Total => {
                let total = self.total.ok_or(said!("应答没有声明行数", "the answer declares no number of rows"))?;
                told.rows == 0 || self.rows >= total
            }
            End::Pages => self.turns >= told.pages.ok_or(said!("应答没有声明页数", "the answer declares no number of pages"))?,
            End::More => !told.more.ok_or(said!("应答没有说明是否还有下一页", "the answer does not say whether there is more"))?,
            End::Next => told.next.is_none(),
        })
    }

    fn next(&mut self, turn: &Turn, told: &Told) -> Result<Turn, Said> {
        let mark = || told.next.clone().ok_or(said!("应答没有给出下一页", "the answer names no next page"));
        let next = match &self.paging {
            Paging::Page { .. } => Turn { page: turn.page + 1, ..Turn::default() },
            Paging::Offset { .. } if told.rows == 0 => return Err(said!("还没到最后就来了空页", "an empty page came before the end")),
            Paging::Offset { .. } => Turn { offset: turn.offset + told.rows, ..Turn::default() },
            Paging::Cursor { .. } => Turn { cursor: Some(mark()?), ..Turn::default() },
            Paging::None | Paging::Link {} | Paging::Url { .. } => Turn { url: Some(mark()?), ..Turn::default() },
        };
        // A source whose pages end with an empty one may give the same mark again and again, and count for itself.
        let mark = next.cursor.as_ref().or(next.url.as_ref()).filter(|_| self.end != End::Empty);
        if let Some(mark) = mark
            && !self.marks.insert(mark.clone())
        {
            return Err(said!("第 {} 页又指回前面的页", "page {} leads back to a page before it", self.turns));
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of each page with what it declares, and what becomes of them: pages asked for, or why not.
    fn check(paging: &Paging, end: End, pages: &[(u64, Option<u64>, Option<&str>)], expected: Result<&str, &str>) {
        let (mut walk, mut turn) = Walk::new(paging.clone(), end);
        let mut asked = Vec::new();
        for (nth, (rows, total, next)) in pages.iter().enumerate() {
            asked.push(turn.cursor.clone().or(turn.url.clone()).unwrap_or_else(|| (turn.page + turn.offset).to_string()));
            let hash = [u8::try_from(nth).expect("few pages"); 32];
            let next = next.map(str::to_owned);
            let told = Told { rows: *rows, hash, total: *total, pages: *total, more: next.as_ref().map(|it| it != "no"), next };
            match walk.after(&turn, &told) {
                Ok(Some(next)) => turn = next,
                Ok(None) => return assert_eq!(Ok(asked.join(" ").as_str()), expected),
                Err(why) => return assert_eq!(Err(why.en.as_str()), expected),
            }
        }
        panic!("it wants more pages than there are: {turn:?}");
    }

    fn page() -> Paging {
        Paging::Page { page: None, size: None, rows: 10, first: None }
    }

    fn cursor() -> Paging {
        Paging::Cursor { cursor: None, size: None, rows: None, start: None, next: Some(Pointer::default()), last: None }
    }

    #[test]
    fn pages_end_as_the_source_says() {
        let offset = Paging::Offset { offset: None, limit: None, rows: 10, first: None };
        check(&page(), End::Total, &[(10, Some(25), None), (10, Some(25), None), (5, Some(25), None)], Ok("1 2 3"));
        check(&page(), End::Total, &[(10, Some(20), None), (10, Some(20), None), (0, Some(0), None)], Ok("1 2 3"));
        check(&page(), End::Total, &[(0, Some(0), None)], Ok("1"));
        check(&page(), End::Short, &[(10, None, None), (9, None, None)], Ok("1 2"));
        check(&page(), End::Pages, &[(10, Some(2), None), (10, Some(2), None)], Err("2 rows were declared, and 10 have come"));
        check(&offset, End::Empty, &[(7, None, None), (7, None, None), (0, None, None)], Ok("0 7 14"));
        check(&offset, End::More, &[(7, None, Some("yes")), (7, None, Some("no"))], Ok("0 7"));
        check(&cursor(), End::Next, &[(7, None, Some("a")), (0, None, Some("b")), (1, None, None)], Ok("0 a b"));
        check(&cursor(), End::Empty, &[(7, None, Some("a")), (7, None, Some("a")), (0, None, Some("a"))], Ok("0 a a"));
        check(&Paging::Link {}, End::Next, &[(7, None, Some("/p2")), (7, None, None)], Ok("0 /p2"));
        check(&Paging::None, End::Next, &[(7, Some(7), None)], Ok("0"));
    }

    #[test]
    fn pages_that_are_no_table_are_told() {
        check(&page(), End::Total, &[(10, Some(25), None), (0, Some(25), None)], Err("25 rows were declared, and only 10 have come"));
        check(&page(), End::Total, &[(10, Some(10), None), (3, Some(10), None)], Err("10 rows were declared, and there are more"));
        check(&page(), End::Total, &[(10, None, None)], Err("the answer declares no number of rows"));
        check(&Paging::None, End::Next, &[(7, Some(9), None)], Err("9 rows were declared, and only 7 have come"));
        check(
            &page(),
            End::Total,
            &[(10, Some(25), None), (10, Some(26), None)],
            Err("25 rows were declared, and 26 on a later page: somebody writes to the table meanwhile"),
        );
        check(&cursor(), End::Next, &[(7, None, Some("a")), (7, None, Some("a"))], Err("page 2 leads back to a page before it"));
    }

    #[test]
    fn the_same_rows_twice_are_told_but_behind_the_end() {
        let (mut walk, first) = Walk::new(page(), End::Total);
        let told = Told { rows: 10, hash: [1; 32], total: Some(30), ..Told::default() };
        let second = walk.after(&first, &told).expect("a page").expect("more");
        assert_eq!(
            walk.after(&second, &told),
            Err(said!("第 {} 页与前面的一页内容相同", "page {} has the same rows as a page before it", 2))
        );

        let (mut walk, first) = Walk::new(page(), End::Total);
        let told = Told { total: Some(10), ..told };
        let probe = walk.after(&first, &told).expect("a page").expect("a look behind the end");
        assert_eq!(walk.after(&probe, &told), Ok(None));
    }
}
