//! What a healthy delivery looks like.

use toml::Spanned;
use toml::de::DeValue;

use super::form::{self, Key};
use super::walk::{Entries, Walk, Word};
use super::{ColumnBound, Expect, Fill, Fresh, MonthsBound, RowsBound, SumBound};
use crate::diag::{nearest, said};
use crate::schema::{Kind, Table};

/// `[feed.expect]`; unless the columns are `sound`, nothing is said of those that seem to be missing.
pub(super) fn expect(walk: &mut Walk<'_>, value: &Spanned<DeValue<'_>>, table: &'static Table, fills: &[Fill], sound: bool) -> Expect {
    let Some(entries) = walk.open(value, "`expect`") else { return Expect::default() };
    let standard = Expect::default();
    let mut expect = Expect {
        rows: rows(walk, &entries),
        rejected_max: part(walk, &entries, "rejected", form::REJECTED)
            .and_then(|it| walk.share(&it, "max"))
            .unwrap_or(standard.rejected_max),
        fresh: entries.get("fresh").and_then(|it| fresh(walk, it, table, fills)),
        months: months(walk, &entries, table),
        columns: Vec::new(),
    };
    for (name, value) in entries.each() {
        let is_mapped = fills.iter().any(|it| it.into == name.text);
        if !form::EXPECT.iter().any(|it| it.name == name.text)
            && (is_mapped || sound)
            && let Some(bound) = column_bound(walk, &name, value, table, fills)
        {
            expect.columns.push(bound);
        }
    }
    expect
}

fn part<'t>(walk: &mut Walk<'_>, entries: &Entries<'t>, key: &str, keys: &[Key]) -> Option<Entries<'t>> {
    walk.entries(entries.get(key)?, format!("`{key}`"), keys)
}

fn rows(walk: &mut Walk<'_>, entries: &Entries<'_>) -> RowsBound {
    let Some(rows) = part(walk, entries, "rows", form::ROWS) else { return RowsBound::default() };
    let bound = RowsBound { min: walk.number(&rows, "min"), max: walk.number(&rows, "max"), max_drop: walk.share(&rows, "max_drop") };
    if bound.min.zip(bound.max).is_some_and(|(min, max)| max < min) {
        let what = said!("`rows` 什么都不允许：`max` 小于 `min`", "`rows` allows nothing: `max` is below `min`");
        walk.wrong(rows.at.clone(), what, said!("颠倒了", "upside down"));
    }
    bound
}

fn months(walk: &mut Walk<'_>, entries: &Entries<'_>, table: &Table) -> MonthsBound {
    let Some(months) = part(walk, entries, "months", form::MONTHS) else { return MonthsBound::default() };
    if table.month.is_none() {
        let what = said!("`{}` 不是按月的", "`{}` does not come month by month", table.name);
        walk.wrong(entries.key_at("months"), what, said!("不适用", "does not fit"));
    }
    MonthsBound { no_gaps: walk.flag(&months, "gaps") == Some(false), max_drop: walk.share(&months, "max_drop") }
}

fn fresh(walk: &mut Walk<'_>, value: &Spanned<DeValue<'_>>, table: &'static Table, fills: &[Fill]) -> Option<Fresh> {
    if let DeValue::String(text) = value.get_ref() {
        let within_days = span(walk, &Word { text: text.to_string(), at: value.span() })?;
        if table.month.is_none() {
            let what = said!(
                "`{}` 不是按月的，`fresh` 须指明日期列",
                "`{}` does not come month by month, so `fresh` must name a column of days",
                table.name
            );
            let hint = said!(
                "写 fresh = {{ column = \"…_on\", within = \"{text}\" }}",
                "write fresh = {{ column = \"…_on\", within = \"{text}\" }}"
            );
            walk.wrong_with_hint(value.span(), what, said!("哪一列？", "of which column?"), hint);
        }
        return Some(Fresh { column: None, within_days });
    }
    let entries = walk.entries(value, "`fresh`", form::FRESH)?;
    let (column, within) = (walk.text(&entries, "column"), walk.text(&entries, "within"));
    let within_days = span(walk, &within?)?;
    let column = column?;
    let of_days = fills.iter().any(|it| it.into == column.text && it.column.kind == Kind::Date);
    if !of_days {
        let what = said!("`{}` 不是已映射的日期列", "`{}` is no mapped column of days", column.text);
        walk.wrong(column.at, what, said!("不适用", "does not fit"));
    }
    Some(Fresh { column: Some(column.text), within_days })
}

/// "40 days", "6 weeks".
pub(super) fn span(walk: &mut Walk<'_>, word: &Word) -> Option<u32> {
    let (number, unit) = word.text.trim().split_once(' ').unwrap_or((&word.text, ""));
    let factor = match unit.trim() {
        "day" | "days" => 1,
        "week" | "weeks" => 7,
        _ => 0,
    };
    let days = number.parse::<u32>().ok().and_then(|it| it.checked_mul(factor)).filter(|it| *it > 0);
    if days.is_none() {
        let what = said!("`{}` 不是一段时间", "`{}` is no span of time", word.text);
        let hint = said!("写 \"40 days\"（天）或 \"6 weeks\"（周）", "write \"40 days\" or \"6 weeks\"");
        walk.wrong_with_hint(word.at.clone(), what, said!("不是时间段", "no span"), hint);
    }
    days
}

fn column_bound(
    walk: &mut Walk<'_>,
    name: &Word,
    value: &Spanned<DeValue<'_>>,
    table: &'static Table,
    fills: &[Fill],
) -> Option<ColumnBound> {
    let Some(fill) = fills.iter().find(|it| it.into == name.text) else {
        let exists = table.input().iter().any(|it| it.name == name.text);
        let what = if exists {
            said!("本数据源没有映射 `{}`，无从检查", "`{}` is not mapped in this feed, so nothing can be expected of it", name.text)
        } else {
            said!(
                "`expect` 没有 `{0}` 这一项，`{1}` 也没有这一列",
                "`expect` has no key `{0}`, and `{1}` no such column",
                name.text,
                table.name
            )
        };
        let known = fills.iter().map(|it| it.into.as_str()).chain(form::EXPECT.iter().map(|it| it.name));
        match nearest(&name.text, known) {
            Some(near) if !exists => {
                walk.wrong_with_hint(name.at.clone(), what, said!("未知", "unknown"), said!("是不是 `{near}`？", "did you mean `{near}`?"));
            }
            _ => walk.wrong(name.at.clone(), what, said!("未知", "unknown")),
        }
        return None;
    };
    let entries = walk.entries(value, format!("`{}`", name.text), form::COLUMN_BOUND)?;
    if fill.column.kind != Kind::Fen {
        for key in ["total", "sum_yuan"].into_iter().filter(|it| entries.has(it)) {
            walk.wrong(
                entries.key_at(key),
                said!("`{key}` 用于金额；`{}` 是 {}", "`{key}` is for amounts; `{}` is of kind {}", name.text, fill.column.kind.word()),
                said!("不适用", "does not fit"),
            );
        }
    }
    let sum = part(walk, &entries, "sum_yuan", form::SUM).map_or(SumBound::default(), |it| SumBound {
        min: walk.whole(&it, "min"),
        max: walk.whole(&it, "max"),
        max_change: walk.share(&it, "max_change"),
    });
    Some(ColumnBound {
        column: name.text.clone(),
        filled: walk.share(&entries, "filled"),
        total: walk.flag(&entries, "total"),
        sum_yuan: sum,
    })
}
