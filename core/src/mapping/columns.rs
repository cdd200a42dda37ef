//! How each shared column is filled: from where, and by which reader.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;
use toml::Spanned;
use toml::de::DeValue;

use super::codes::{self, CodeMap, Written};
use super::walk::{Entries, Walk, Word};
use super::{Fill, From, Reader, feeds, form};
use crate::diag::nearest;
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
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the columns of `{}` are {}", table.name, names().collect::<Vec<_>>().join(", ")),
        };
        walk.wrong_with_hint(name.at.clone(), format!("`{}` has no column `{}`", table.name, name.text), "unknown column", hint);
    }
    found
}

fn fill(walk: &mut Walk<'_>, value: &Spanned<DeValue<'_>>, into: &InputColumn, codes: &BTreeMap<String, Written>) -> Option<Fill> {
    let entries = walk.entries(value, &format!("`{}`", into.name), form::COLUMN)?;
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
            let hint = "write from = \"source column\", value = \"constant\" or sql = \"expression\"";
            walk.wrong_with_hint(entries.at.clone(), format!("{} does not say where it comes from", entries.called), "incomplete", hint);
            None
        }
        _ => {
            let what = format!("{} comes from two places: {}", entries.called, given.join(" and "));
            walk.wrong_with_hint(entries.at.clone(), what, "too much", "keep one of them");
            None
        }
    }
}

fn pattern(walk: &mut Walk<'_>, entries: &Entries<'_>) -> Option<Regex> {
    let word = walk.text(entries, "pattern")?;
    match Regex::new(&word.text) {
        Ok(regex) if regex.captures_len() < 2 => {
            let hint = "put what is to be read in parentheses, such as (\\\\d{4})年(\\\\d{1,2})月";
            walk.wrong_with_hint(word.at, "the pattern captures nothing", "no parentheses", hint);
            None
        }
        Ok(regex) => Some(regex),
        Err(why) => {
            // The message ends with the reason; the lines before draw the pattern again.
            let why = why.to_string();
            let reason = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            walk.wrong(word.at, format!("this is no regular expression: {reason}"), "in this pattern");
            None
        }
    }
}

/// `money` on a date says that somebody meant another column.
fn refuse_keys_of_other_kinds(walk: &mut Walk<'_>, entries: &Entries<'_>, into: &InputColumn) {
    let kind = into.column.kind;
    let fits = [
        ("date", matches!(kind, Kind::Date), "days"),
        ("month", matches!(kind, Kind::Month), "months"),
        ("money", matches!(kind, Kind::Fen), "amounts"),
        ("flag", matches!(kind, Kind::Flag), "yes and no"),
        ("codes", matches!(kind, Kind::Code(_) | Kind::Text), "codes and texts"),
    ];
    for (key, fits, meant_for) in fits {
        if entries.has(key) && !fits {
            let what = format!("`{key}` is for {meant_for}; `{}` is of kind {}", into.name, kind.word());
            walk.wrong(entries.key_at(key), what, "does not fit");
        }
    }
    for key in ["pattern", "default"] {
        if entries.has("value") && entries.has(key) {
            walk.wrong(entries.key_at(key), format!("`{key}` changes nothing beside `value`"), "does not fit");
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
                let hint = format!("the units are {}", form::MONEY.join(", "));
                walk.wrong_with_hint(word.at, format!("`{other}` is no unit of money"), "unknown unit", hint);
                None
            }
        },
        None if entries.has("sql") => Some(MoneyUnit::Fen),
        None if entries.has("money") => None,
        None => {
            let what = format!("`{}` does not say what one unit of its number is worth", into.name);
            let hint = "add money = \"yuan\" (or \"wan\" for 万元, \"fen\" for 分)";
            walk.wrong_with_hint(entries.at.clone(), what, "incomplete", hint);
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
            Err(FormError::Unknown) => "has a % that nobody knows",
            Err(FormError::NoMonth) => "does not say the year and the month",
        };
        let hint = "write any, excel, or a form like %Y-%m-%d, %Y%m, %Y年%m月";
        walk.wrong_with_hint(word.at, format!("the form `{}` {why}", word.text), "no form of a date", hint);
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
        walk.wrong(table.at.clone(), format!("`{both}` cannot mean yes and no"), "twice");
    }
    words
}

/// A constant or a default goes through the column's own reader, here already.
fn check_readable(walk: &mut Walk<'_>, word: &Word, reader: &Reader, into: &InputColumn, key: &str) {
    let why = match cell::read_default(reader, &word.text) {
        Ok(None) if into.column.required => "says nothing, but the column is required",
        Ok(_) => return,
        Err(why) => why.en(),
    };
    let what = format!("the {key} of `{}` cannot be read as {}: {why}", into.name, into.column.kind.word());
    walk.wrong(word.at.clone(), what, "unreadable");
}
