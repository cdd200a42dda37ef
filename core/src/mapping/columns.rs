//! How each shared column is filled: from where, and by which reader.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;
use toml::Spanned;
use toml::de::DeValue;

use super::codes::{self, CodeMap, Written};
use super::walk::{Entries, Walk, Word};
use super::{Fill, From, Reader, feeds, form};
use crate::diag::{nearest, said};
use crate::map::cell;
use crate::read::{FlagWords, Form, FormError, MoneyUnit};
use crate::schema::{InputColumn, Kind, Table};

/// `[feed.columns]`, in the order of the shared table.
pub(super) fn columns(walk: &mut Walk<'_>, feed: &Entries<'_>, table: &'static Table, codes: &BTreeMap<String, Written>) -> Vec<Fill> {
    let Some(entries) = feed.get("columns").and_then(|it| walk.open(it, "`columns`")) else { return Vec::new() };
    let input = table.input();
    let mut fills = Vec::new();
    for (name, value) in entries.each() {
        if let Some(column) = known_column(walk, &name, table, &input)
            && let Some(fill) = fill(walk, value, column, codes)
        {
            fills.push(fill);
        }
    }
    fills.sort_by_key(|fill| input.iter().position(|it| it.name == fill.into));
    fills
}

/// The shared column called `name`; a mistake when there is none.
pub(super) fn known_column<'a>(walk: &mut Walk<'_>, name: &Word, table: &Table, input: &'a [InputColumn]) -> Option<&'a InputColumn> {
    let found = input.iter().find(|it| it.name == name.text);
    if found.is_none() {
        let by_label = || input.iter().find(|it| it.column.label_zh == name.text).map(|it| it.name.as_str());
        let names = || input.iter().map(|it| it.name.as_str());
        let hint = match nearest(&name.text, names()).or_else(by_label) {
            Some(near) => said!("是不是 `{near}`？", "did you mean `{near}`?"),
            None => said!("`{}` 的列有 {}", "the columns of `{}` are {}", table.name, names().collect::<Vec<_>>().join(", ")),
        };
        let what = said!("`{}` 没有 `{}` 这一列", "`{}` has no column `{}`", table.name, name.text);
        walk.wrong_with_hint(name.at.clone(), what, said!("未知的列", "unknown column"), hint);
    }
    found
}

fn fill(walk: &mut Walk<'_>, value: &Spanned<DeValue<'_>>, into: &InputColumn, codes: &BTreeMap<String, Written>) -> Option<Fill> {
    let entries = walk.entries(value, format!("`{}`", into.name), form::COLUMN)?;
    refuse_keys_of_other_kinds(walk, &entries, into);
    let from = from(walk, &entries);
    let pattern = pattern(walk, &entries);
    let reader = reader(walk, &entries, into, codes);
    let default = walk.cell(&entries, "default");
    let (from, reader) = (from?, reader?);
    if let (From::Value(text), Some(at)) = (&from, entries.get("value").map(Spanned::span)) {
        check_readable(walk, &Word { text: text.clone(), at }, &reader, into, "value");
    }
    if let Some(word) = &default {
        check_readable(walk, word, &reader, into, "default");
    }
    Some(Fill { into: into.name.clone(), column: into.column, from, pattern, reader, default: default.map(|it| it.text) })
}

/// Exactly one of `from`, `value` and `sql`.
fn from(walk: &mut Walk<'_>, entries: &Entries<'_>) -> Option<From> {
    const WAYS: [&str; 3] = ["from", "value", "sql"];
    let given: Vec<&str> = WAYS.into_iter().filter(|it| entries.has(it)).collect();
    match given[..] {
        ["from"] => walk.text(entries, "from").map(|it| From::Column(it.text)),
        ["value"] => walk.cell(entries, "value").map(|it| From::Value(it.text)),
        ["sql"] => {
            let word = walk.text(entries, "sql")?;
            feeds::sql(walk, word).map(From::Sql)
        }
        [] => {
            let hint = said!(
                "写 from = \"来源列\"、value = \"常量\" 或 sql = \"表达式\"",
                "write from = \"source column\", value = \"constant\" or sql = \"expression\""
            );
            let what = said!("{} 没有说明取自哪里", "{} does not say where it comes from"; entries.called);
            walk.wrong_with_hint(entries.at.clone(), what, said!("不完整", "incomplete"), hint);
            None
        }
        _ => {
            let all = said!("{}", "{}"; crate::diag::Said { zh: given.join(" 和 "), en: given.join(" and ") });
            let what = said!("{} 有不止一个来处：{}", "{} comes from two places: {}"; entries.called, all);
            walk.wrong_with_hint(entries.at.clone(), what, said!("多余", "too much"), said!("只留一个", "keep one of them"));
            None
        }
    }
}

fn pattern(walk: &mut Walk<'_>, entries: &Entries<'_>) -> Option<Regex> {
    let word = walk.text(entries, "pattern")?;
    match Regex::new(&word.text) {
        Ok(regex) if regex.captures_len() < 2 => {
            let hint =
                said!("把要读的部分放进括号，如 {0}", "put what is to be read in parentheses, such as {0}", r"(\\d{4})年(\\d{1,2})月");
            let what = said!("这个模式没有取出任何内容", "the pattern captures nothing");
            walk.wrong_with_hint(word.at, what, said!("没有括号", "no parentheses"), hint);
            None
        }
        Ok(regex) => Some(regex),
        Err(why) => {
            // The message ends with the reason; the lines before draw the pattern again.
            let why = why.to_string();
            let reason = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let what = said!("不是正则表达式：{reason}", "this is no regular expression: {reason}");
            walk.wrong(word.at, what, said!("在这个模式中", "in this pattern"));
            None
        }
    }
}

/// `money` on a date says that somebody meant another column.
fn refuse_keys_of_other_kinds(walk: &mut Walk<'_>, entries: &Entries<'_>, into: &InputColumn) {
    let kind = into.column.kind;
    let fits = [
        ("date", matches!(kind, Kind::Date), said!("日期", "days")),
        ("month", matches!(kind, Kind::Month), said!("月份", "months")),
        ("money", matches!(kind, Kind::Fen), said!("金额", "amounts")),
        ("flag", matches!(kind, Kind::Flag), said!("是否", "yes and no")),
        ("codes", matches!(kind, Kind::Code(_) | Kind::Text), said!("代码和文本", "codes and texts")),
    ];
    for (key, fits, meant_for) in fits {
        if entries.has(key) && !fits {
            let what =
                said!("`{key}` 用于{2}；`{0}` 是 {1}", "`{key}` is for {2}; `{0}` is of kind {1}", into.name, kind.word(); meant_for);
            walk.wrong(entries.key_at(key), what, said!("不适用", "does not fit"));
        }
    }
    for key in ["pattern", "default"] {
        if entries.has("value") && entries.has(key) {
            let what = said!("有了 `value`，`{key}` 不起作用", "`{key}` changes nothing beside `value`");
            walk.wrong(entries.key_at(key), what, said!("不适用", "does not fit"));
        }
    }
}

fn reader(walk: &mut Walk<'_>, entries: &Entries<'_>, into: &InputColumn, codes: &BTreeMap<String, Written>) -> Option<Reader> {
    Some(match into.column.kind {
        Kind::IdNumber => Reader::IdNumber,
        Kind::Name => Reader::Name,
        Kind::Account => Reader::Account,
        Kind::Count => Reader::Count,
        Kind::Date => Reader::Date(forms(walk, entries, "date")),
        Kind::Month => Reader::Month(forms(walk, entries, "month")),
        Kind::Flag => Reader::Flag(flag_words(walk, entries)),
        Kind::Fen => Reader::Money(money(walk, entries, into)?),
        Kind::Code(list) if entries.has("codes") => Reader::Code(codes::of_column(walk, entries, Some(list), codes)?),
        Kind::Code(list) => Reader::Code(Arc::new(CodeMap::of_list(list))),
        Kind::Text if entries.has("codes") => Reader::Code(codes::of_column(walk, entries, None, codes)?),
        Kind::Text => Reader::Text,
    })
}

fn money(walk: &mut Walk<'_>, entries: &Entries<'_>, into: &InputColumn) -> Option<MoneyUnit> {
    match walk.text(entries, "money") {
        Some(word) => match word.text.as_str() {
            "yuan" => Some(MoneyUnit::Yuan),
            "wan" => Some(MoneyUnit::Wan),
            "fen" => Some(MoneyUnit::Fen),
            other => {
                let hint = said!("单位有 {}", "the units are {}", form::MONEY.join(", "));
                let what = said!("`{other}` 不是金额单位", "`{other}` is no unit of money");
                walk.wrong_with_hint(word.at, what, said!("未知的单位", "unknown unit"), hint);
                None
            }
        },
        None if entries.has("sql") => Some(MoneyUnit::Fen),
        None if entries.has("money") => None,
        None => {
            let what = said!("`{}` 没有写明金额单位", "`{}` does not say what one unit of its number is worth", into.name);
            let hint = said!(
                "加上 money = \"yuan\"（万元写 \"wan\"，分写 \"fen\"）",
                "add money = \"yuan\" (or \"wan\" for 万元, \"fen\" for 分)"
            );
            walk.wrong_with_hint(entries.at.clone(), what, said!("不完整", "incomplete"), hint);
            None
        }
    }
}

fn forms(walk: &mut Walk<'_>, entries: &Entries<'_>, key: &str) -> Vec<Form> {
    let any = || Word { text: "any".to_owned(), at: 0..0 };
    let words = walk.texts(entries, key).unwrap_or_else(|| vec![any()]);
    let mut forms = Vec::new();
    for word in words {
        let why = match Form::new(&word.text) {
            Ok(form) => {
                forms.push(form);
                continue;
            }
            Err(FormError::Unknown) => said!("有不认识的 %", "has a % that nobody knows"),
            Err(FormError::NoMonth) => said!("没有说明年和月", "does not say the year and the month"),
        };
        let hint =
            said!("写 any、excel，或 %Y-%m-%d、%Y%m、%Y年%m月 这样的格式", "write any, excel, or a form like %Y-%m-%d, %Y%m, %Y年%m月");
        let what = said!("格式 `{}` {}", "the form `{}` {}", word.text; why);
        walk.wrong_with_hint(word.at, what, said!("不是日期格式", "no form of a date"), hint);
    }
    // Captures joined with `-` read like 2026-5, whatever the form says of the text they were taken from.
    if entries.has("pattern") {
        forms.extend(Form::new("any"));
    }
    forms
}

fn flag_words(walk: &mut Walk<'_>, entries: &Entries<'_>) -> FlagWords {
    let table = entries.get("flag").and_then(|it| walk.entries(it, "`flag`", form::FLAG));
    let Some(table) = table else { return FlagWords::default() };
    let mut words = |key: &str| walk.texts(&table, key).unwrap_or_default().into_iter().map(|it| it.text).collect::<Vec<_>>();
    let words = FlagWords { yes: words("yes"), no: words("no") };
    if let Some(both) = words.yes.iter().find(|it| words.no.contains(it)) {
        let what = said!("`{both}` 不能既是“是”又是“否”", "`{both}` cannot mean yes and no");
        walk.wrong(table.at.clone(), what, said!("重复", "twice"));
    }
    words
}

/// A constant or a default goes through the column's own reader, here already.
fn check_readable(walk: &mut Walk<'_>, word: &Word, reader: &Reader, into: &InputColumn, key: &str) {
    let why = match cell::read_default(reader, &word.text) {
        Ok(None) if into.column.required => said!("没有内容，而该列必填", "says nothing, but the column is required"),
        Ok(_) => return,
        Err(why) => crate::diag::Said { zh: why.zh().to_owned(), en: why.en().to_owned() },
    };
    let what =
        said!("`{}` 的 {key} 不能读作 {}：{}", "the {key} of `{}` cannot be read as {}: {}", into.name, into.column.kind.word(); why);
    walk.wrong(word.at.clone(), what, said!("读不出", "unreadable"));
}
