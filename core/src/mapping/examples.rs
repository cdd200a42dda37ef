//! Worked rows of a feed.

use toml::Spanned;
use toml::de::DeValue;

use super::walk::{Entries, Walk};
use super::{Example, Feed, Given, Gives, PLACE_COLUMNS, columns, form};
use crate::diag::{perhaps, said};

/// The examples of `feed`, whose columns are known already.
pub(super) fn examples(walk: &mut Walk<'_>, entries: &Entries<'_>, feed: &Feed) -> Vec<Example> {
    walk.tables(entries, "example").into_iter().filter_map(|value| example(walk, value, feed)).collect()
}

fn example(walk: &mut Walk<'_>, value: &Spanned<DeValue<'_>>, feed: &Feed) -> Option<Example> {
    let entries = walk.entries(value, said!("样例", "the example"), form::EXAMPLE)?;
    let cells = given(walk, &entries, feed);
    let outcome = gives(walk, &entries, feed);
    Some(Example { at: entries.at.clone(), given: cells?, gives: outcome? })
}

fn given(walk: &mut Walk<'_>, entries: &Entries<'_>, feed: &Feed) -> Option<Vec<(String, Given)>> {
    let table = walk.open(entries.get("given")?, "`given`")?;
    let read = feed.source_columns();
    let mut cells = Vec::new();
    for (name, value) in table.each() {
        let known = || read.iter().map(String::as_str).chain(PLACE_COLUMNS).chain(feed.ignore.columns.iter().map(String::as_str));
        if !known().any(|it| it == name.text) {
            let otherwise = said!("样例只能写本数据源读取或忽略的列", "an example may name the columns that the feed reads or ignores");
            let hint = perhaps(&name.text, known(), otherwise);
            let what = said!("本数据源不读 `{}` 列", "the feed reads no column `{}`", name.text);
            walk.wrong_with_hint(name.at.clone(), what, said!("未知的列", "unknown column"), hint);
        }
        let cell = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(Given::Whole),
            DeValue::Float(number) => number.as_str().parse().ok().map(Given::Real),
            DeValue::Boolean(flag) => Some(Given::Flag(*flag)),
            _ => walk.cell(&table, &name.text).map(|it| Given::Text(it.text)),
        };
        cells.extend(cell.map(|it| (name.text, it)));
    }
    Some(cells)
}

/// Exactly one of `gives`, `gives_reject` and `gives_aside`.
fn gives(walk: &mut Walk<'_>, entries: &Entries<'_>, feed: &Feed) -> Option<Gives> {
    const WAYS: [&str; 3] = ["gives", "gives_reject", "gives_aside"];
    let named: Vec<&str> = WAYS.into_iter().filter(|it| entries.has(it)).collect();
    match named[..] {
        ["gives"] => values(walk, entries, feed).map(Gives::Values),
        ["gives_reject"] => walk.cell(entries, "gives_reject").map(|it| Gives::Reject(it.text)),
        ["gives_aside"] => {
            if feed.keep.is_none() {
                let what = said!("没有 `keep` 的数据源不会剔除行", "a feed without `keep` sets no row aside");
                walk.wrong(entries.key_at("gives_aside"), what, said!("不适用", "does not fit"));
            }
            walk.flag(entries, "gives_aside").map(|_| Gives::Aside)
        }
        _ => {
            let what = said!("样例须写 gives、gives_reject、gives_aside 之一", "an example says one of gives, gives_reject, gives_aside");
            let label = if named.is_empty() { said!("不完整", "incomplete") } else { said!("多余", "too much") };
            walk.wrong(entries.at.clone(), what, label);
            None
        }
    }
}

fn values(walk: &mut Walk<'_>, entries: &Entries<'_>, feed: &Feed) -> Option<Vec<(String, String)>> {
    let table = walk.open(entries.get("gives")?, "`gives`")?;
    let input = feed.fills.input();
    let mut values = Vec::new();
    for (name, _) in table.each() {
        if columns::known_column(walk, &name, feed.fills, &input).is_none() {
            continue;
        }
        if feed.fill(&name.text).is_none() {
            let what = said!("本数据源没有映射 `{}`", "`{}` is not mapped in this feed", name.text);
            walk.wrong(name.at.clone(), what, said!("不会有值", "never filled"));
        }
        if let Some(value) = walk.cell(&table, &name.text) {
            values.push((name.text, value.text));
        }
    }
    Some(values)
}
