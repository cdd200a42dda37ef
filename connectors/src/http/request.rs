//! What is asked for a page: address, parameters and body, with their places filled.

use crate::{Said, said};
use std::collections::BTreeMap;

use reqwest::Url;

use super::auth::form;
use super::paging::{Paging, Turn};
use super::settings::{BodyAs, Method, Table, text};
use super::template::fill;
use super::wire::{Call, shown};

/// The request for a page of `table`, below `base`.
pub(crate) fn call(table: &Table, base: &Url, since: Option<&str>, turn: &Turn) -> Result<Call, Said> {
    let method = if table.method == Method::Post { reqwest::Method::POST } else { reqwest::Method::GET };
    let mut url = match &turn.url {
        Some(next) => Url::parse(next).map_err(|_| said!("下一页的地址不是地址", "the address of the next page is none"))?,
        None => table.url(base)?,
    };
    if url.origin() != base.origin() {
        return Err(said!("下一页指向别的主机：{}", "the next page leads to another host: {}", shown(&url)));
    }
    let value_of = |name: &str| match name {
        "page" => Some(turn.page.to_string()),
        "offset" => Some(turn.offset.to_string()),
        "size" => table.paging.size().map(|it| it.to_string()),
        "cursor" => turn.cursor.clone(),
        "since" => since.map(str::to_owned),
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
