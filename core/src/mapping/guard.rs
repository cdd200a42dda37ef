//! How far tonight's delivery may differ from what the feed usually delivers: `[feed.guard]`.

use super::Guard;
use super::form;
use super::walk::{Entries, Walk};
use crate::diag::said;

/// More nights than this are never looked back.
pub const GUARD_NIGHTS_MAX: u32 = 31;

pub(super) fn guard(walk: &mut Walk<'_>, feed: &Entries<'_>) -> Guard {
    let usual = Guard::default();
    let Some(entries) = feed.get("guard").and_then(|it| walk.entries(it, "`guard`", form::GUARD)) else { return usual };
    let nights = walk.number(&entries, "nights").map_or(usual.nights, |it| it.try_into().unwrap_or(u32::MAX));
    if nights == 0 || nights > GUARD_NIGHTS_MAX {
        let what = said!("`nights` 须在 1 到 {GUARD_NIGHTS_MAX} 之间", "`nights` must be 1 to {GUARD_NIGHTS_MAX}");
        walk.wrong(entries.key_at("nights"), what, said!("超出范围", "out of bounds"));
    }
    Guard {
        on: walk.flag(&entries, "on").unwrap_or(usual.on),
        rows: walk.share(&entries, "rows").unwrap_or(usual.rows),
        people: walk.share(&entries, "people").unwrap_or(usual.people),
        sums: walk.share(&entries, "sums").unwrap_or(usual.sums),
        nights,
        rows_min: walk.number(&entries, "rows_min").unwrap_or(usual.rows_min),
    }
}
