//! One answer: its records, and which of them were given already when the page had to be asked for again.

use reqwest::header::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::body::Body;
use super::records::Records;
use super::split::{Splitter, Wrong};
use crate::{Failure, Said, said};

/// The most that is taken of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub record_bytes: usize,
    pub answer_bytes: u64,
}

/// An answer under way.
pub(crate) struct Answer {
    pub body: Body,
    pub splitter: Splitter,
    pub head: HeaderMap,
    pub given: Given,
    pub last: Vec<u8>,
}

/// The first records of a page, in short.
#[derive(Clone, Default)]
pub(crate) struct Given {
    pub rows: u64,
    hash: Sha256,
}

impl Given {
    pub(crate) fn add(&mut self, record: &[u8]) {
        self.rows += 1;
        self.hash.update((record.len() as u64).to_le_bytes());
        self.hash.update(record);
    }

    pub(crate) fn short(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}

impl Answer {
    /// Adds the records of a piece, but for those that were given already.
    pub(crate) fn take(&mut self, piece: &[u8], given: &Given, records: &mut Records) -> Result<(), Wrong> {
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

    pub(crate) fn finish(&mut self, given: &Given, records: &mut Records) -> Result<(), Wrong> {
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
    /// What it means for whoever set up the source.
    pub(crate) fn told(self, failure: &Failure, limits: Limits) -> Failure {
        let told = |why: Said, hint: Said| Failure { why, ..failure.clone() }.hint(hint);
        match self {
            Wrong::Page => told(
                said!("应答是网页，不是 JSON", "the answer is a web page and not JSON"),
                said!(
                    "应答的是登录页或网关；`url`、`path`、`auth` 对吗？",
                    "a login page or a gateway answers; are `url`, `path` and `auth` right?"
                ),
            ),
            Wrong::Syntax(at) => told(
                said!("应答从第 {} 字节起不是 JSON", "the answer is no JSON from its byte {} on", at + 1),
                said!("`format` 对吗？请向接口提供方核实", "is `format` right? ask those who run the service"),
            ),
            Wrong::Cut => told(
                said!("应答没有完整就结束了", "the answer ends before it is complete"),
                said!("线路或服务中断；可试试更小的分页", "the line or the service cut it; smaller pages may help"),
            )
            .passing(),
            Wrong::TooLong => told(
                said!("有记录超过 {} KiB，或嵌套过深", "a record is longer than {} KiB, or lies too deep", limits.record_bytes >> 10),
                said!(
                    "上限由 `record_kib_max` 设定；`records` 指向的是列表吗？",
                    "`record_kib_max` sets the limit; does `records` point to the list?"
                ),
            ),
            Wrong::Changed => told(
                said!("重新请求的一页与先前的行不同", "a page that was asked for again has other rows than before"),
                said!("取数期间有人写入", "somebody writes to the table meanwhile"),
            )
            .passing(),
        }
    }
}

/// The address that a `Link` header gives for the next page (RFC 8288).
pub(crate) fn next_link(header: &str) -> Option<String> {
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
pub(crate) fn without_numbers(text: &str) -> String {
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
