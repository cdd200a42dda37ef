//! The feeds of a mapping: which table each fills, from where, and which rows.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::codes::Written;
use super::walk::{Entries, Walk, Word};
use super::{Expect, Feed, Fill, Ignore, Sql, columns, examples, expect, form, guard, incremental};
use crate::diag::{perhaps, said};
use crate::map::expression;
use crate::schema::{self, Table};

pub(super) fn feeds(walk: &mut Walk<'_>, top: &Entries<'_>, codes: &BTreeMap<String, Written>) -> Vec<Feed> {
    let mut feeds: Vec<Feed> = Vec::new();
    for value in walk.tables(top, "feed") {
        let Some((feed, name_at)) = feed(walk, value, codes) else { continue };
        if feeds.iter().any(|it| it.name == feed.name) {
            let hint = said!("给每个数据源起不同的 `name`", "give each feed a `name` of its own");
            let what = said!("有两个数据源都叫 `{}`", "two feeds are called `{}`", feed.name);
            walk.wrong_with_hint(name_at, what, said!("第二个", "the second"), hint);
        }
        feeds.push(feed);
    }
    feeds
}

fn feed(walk: &mut Walk<'_>, value: &Spanned<DeValue<'_>>, codes: &BTreeMap<String, Written>) -> Option<(Feed, Range<usize>)> {
    let entries = walk.entries(value, said!("数据源", "the feed"), form::FEED)?;
    let name = walk.text(&entries, "name");
    let draft = walk.flag(&entries, "draft").unwrap_or(false);
    let source = walk.text(&entries, "source").map(|it| it.text);
    let table = walk.text(&entries, "table").map(|it| it.text);
    let ignore = ignore(walk, &entries);
    let (fills, fills_at) = fills(walk, &entries)?;
    let before = walk.count();
    let keep = keep(walk, &entries);
    let columns = columns::columns(walk, &entries, fills, codes);
    check_complete(walk, &entries, fills, &columns);
    // What expectations and examples say of columns that are wrong already would only be said twice.
    let sound = walk.count() == before;
    let expect = match entries.get("expect") {
        Some(value) => expect::expect(walk, value, fills, &columns, sound),
        None => Expect::default(),
    };
    let (incremental, guard) = (incremental::incremental(walk, &entries), guard::guard(walk, &entries));
    let (name, name_at) = name.map_or((fills.name.to_owned(), fills_at), |it| (it.text, it.at));
    let table = table.unwrap_or_default();
    let mut feed = Feed { name, fills, source, table, columns, keep, ignore, expect, incremental, guard, draft, examples: Vec::new() };
    if sound {
        feed.examples = examples::examples(walk, &entries, &feed);
    }
    Some((feed, name_at))
}

fn fills(walk: &mut Walk<'_>, entries: &Entries<'_>) -> Option<(&'static Table, Range<usize>)> {
    let name = walk.text(entries, "fills")?;
    let table = schema::table(&name.text);
    if table.is_none() {
        let tables = || schema::TABLES.iter().map(|it| it.name);
        let list = tables().collect::<Vec<_>>().join(", ");
        let hint = perhaps(&name.text, tables(), said!("共享表有 {list}", "the tables are {list}"));
        let what = said!("没有共享表 `{}`", "there is no shared table `{}`", name.text);
        walk.wrong_with_hint(name.at.clone(), what, said!("未知的表", "unknown table"), hint);
    }
    table.map(|it| (it, name.at))
}

/// A row needs its required columns, and a person something to be known by.
fn check_complete(walk: &mut Walk<'_>, entries: &Entries<'_>, fills: &'static Table, columns: &[Fill]) {
    let Some(named) = entries.get("columns").and_then(|it| it.get_ref().as_table()) else { return };
    let has = |name: &str| named.keys().any(|it| it.get_ref() == name) || columns.iter().any(|it| it.into == name);
    let at = entries.key_at("columns");
    for it in fills.input().iter().filter(|it| it.column.required && !has(&it.name)) {
        let what = said!("`{0}` 必须有 `{1}`（{2}）", "`{0}` needs `{1}` ({2})", fills.name, it.name, it.column.label_zh);
        let hint = said!(
            "从某一列映射，或写成常量：{} = {{ value = \"…\" }}",
            "map it from a column, or give a constant: {} = {{ value = \"…\" }}",
            it.name
        );
        walk.wrong_with_hint(at.clone(), what, said!("不完整", "incomplete"), hint);
    }
    if fills.person && !has("id_number") && !has("name") {
        let what = said!(
            "`{}` 说的是人，却没有映射 `id_number` 或 `name`",
            "`{}` speaks of people, but neither `id_number` nor `name` is mapped",
            fills.name
        );
        walk.wrong(at, what, said!("不完整", "incomplete"));
    }
}

fn keep(walk: &mut Walk<'_>, entries: &Entries<'_>) -> Option<Sql> {
    let keep = walk.entries(entries.get("keep")?, "`keep`", form::KEEP)?;
    let when = walk.text(&keep, "when")?;
    sql(walk, when)
}

fn ignore(walk: &mut Walk<'_>, entries: &Entries<'_>) -> Ignore {
    let Some(table) = entries.get("ignore").and_then(|it| walk.entries(it, "`ignore`", form::IGNORE)) else {
        return Ignore::default();
    };
    let words = walk.texts(&table, "columns").unwrap_or_default();
    let rest = words.iter().any(|it| it.text == "*");
    Ignore { columns: words.into_iter().map(|it| it.text).filter(|it| it != "*").collect(), rest }
}

/// SQL that the engine understands; mistakes point into the text.
pub(super) fn sql(walk: &mut Walk<'_>, word: Word) -> Option<Sql> {
    match expression::check(&word.text) {
        Ok(columns) => Some(Sql { text: word.text, columns }),
        Err(refused) => {
            let at = refused.at.and_then(|place| inside(walk.source.text.get(word.at.clone())?, &word.text, place));
            let at = at.map_or(word.at.clone(), |it| word.at.start + it.start..word.at.start + it.end);
            match refused.hint {
                Some(hint) => walk.wrong_with_hint(at, refused.what, said!("在这段 SQL 中", "in this SQL"), hint),
                None => walk.wrong(at, refused.what, said!("在这段 SQL 中", "in this SQL")),
            }
            None
        }
    }
}

/// Where line and column of a text stand in the TOML string that holds it, as bytes of `written`.
fn inside(written: &str, text: &str, (line, column): (usize, usize)) -> Option<Range<usize>> {
    let before: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(|it| it.chars().count()).sum();
    let wanted = before + column.checked_sub(1)?;
    let (quote, open) = match written {
        it if it.starts_with("\"\"\"") || it.starts_with("'''") => (it.chars().next()?, 3),
        it => (it.chars().next()?, 1),
    };
    let mut at = open;
    // A line break right behind the opening quotes does not belong to the text.
    if open == 3 {
        at += written[at..].len() - written[at..].trim_start_matches('\r').strip_prefix('\n').map_or(written[at..].len(), str::len);
    }
    for _ in 0..wanted {
        at += length_of_next(&written[at..], quote)?;
    }
    Some(at..at + length_of_next(&written[at..], quote).unwrap_or(0))
}

/// Bytes that the next character of the text takes in the file.
fn length_of_next(written: &str, quote: char) -> Option<usize> {
    let mut letters = written.chars();
    match letters.next()? {
        '\\' if quote == '"' => Some(match letters.next()? {
            'u' => 6,
            'U' => 10,
            'x' => 4,
            other => 1 + other.len_utf8(),
        }),
        letter => Some(letter.len_utf8()),
    }
}
