//! How a feed is pulled in parts: `incremental = { column, lookback, key }`.

use super::expect::span;
use super::form;
use super::walk::{Entries, Walk};
use super::{Incremental, Lookback};
use crate::diag::said;

/// Days between two full pulls when the mapping does not say.
const FULL_EVERY_DAYS: u32 = 7;

pub(super) fn incremental(walk: &mut Walk<'_>, feed: &Entries<'_>) -> Option<Incremental> {
    let entries = walk.entries(feed.get("incremental")?, "`incremental`", form::INCREMENTAL)?;
    let column = walk.text(&entries, "column");
    let lookback = lookback(walk, &entries);
    let keys = walk.texts(&entries, "key");
    if keys.as_ref().is_some_and(Vec::is_empty) {
        walk.wrong(
            entries.key_at("key"),
            said!("`key` 没有写任何列", "`key` names no column"),
            said!("靠什么区分各行？", "which row is which?"),
        );
    }
    let full_every_days = match walk.text(&entries, "full_every") {
        Some(word) => span(walk, &word)?,
        None => FULL_EVERY_DAYS,
    };
    Some(Incremental { column: column?.text, lookback: lookback?, key: keys?.into_iter().map(|it| it.text).collect(), full_every_days })
}

/// "7 days", or a number for columns that count.
fn lookback(walk: &mut Walk<'_>, entries: &Entries<'_>) -> Option<Lookback> {
    let word = walk.cell(entries, "lookback")?;
    match word.text.parse::<u64>() {
        Ok(count) => Some(Lookback::Count(count)),
        Err(_) => span(walk, &word).map(Lookback::Days),
    }
}
