//! Whether a delivery looks healthy; one that does not is left out of the night, and nothing is concluded from it.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::tally::{SheetSums, Tally, Total, next_month};
use crate::mapping::{ColumnBound, Feed, From, Reader};
use crate::read::money;
use crate::schema::Kind;

/// An expectation that a delivery does not meet. Holds counts, months and column names, never an amount or a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmet {
    /// 中文.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Why tonight's delivery of `feed` must not be used; empty when it looks healthy. `before` is the last night on which the feed was
/// used, `totals` are what the source itself states.
pub fn unmet(feed: &Feed, tally: &Tally, before: Option<&Tally>, totals: &[Total], tonight: NaiveDate) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    rows(feed, tally, before, &mut unmet);
    rejected(feed, tally, &mut unmet);
    fresh(feed, tally, tonight, &mut unmet);
    months(feed, tally, &mut unmet);
    for bound in &feed.expect.columns {
        filled(bound, tally, &mut unmet);
        sums(bound, tally, before, &mut unmet);
    }
    stated_totals(feed, tally, totals, &mut unmet);
    unmet
}

fn rows(feed: &Feed, tally: &Tally, before: Option<&Tally>, unmet: &mut Vec<Unmet>) {
    let (bound, rows) = (&feed.expect.rows, tally.mapped);
    if let Some(min) = bound.min.filter(|it| rows < *it) {
        unmet.push(said(format!("只有{rows}行，应不少于{min}行"), format!("{rows} rows, expected at least {min}")));
    }
    if let Some(max) = bound.max.filter(|it| rows > *it) {
        unmet.push(said(format!("有{rows}行，应不多于{max}行"), format!("{rows} rows, expected at most {max}")));
    }
    if let (Some(drop), Some(before)) = (bound.max_drop, before)
        && (rows as f64) < before.mapped as f64 * (1.0 - drop)
    {
        unmet.push(said(
            format!("行数由上次的{}降至{rows}，降幅超过{}", before.mapped, percent(drop)),
            format!("{rows} rows after {} the last time, a drop of more than {}", before.mapped, percent(drop)),
        ));
    }
}

fn rejected(feed: &Feed, tally: &Tally, unmet: &mut Vec<Unmet>) {
    let max = feed.expect.rejected_max;
    if tally.rejected_share() > max {
        let all = tally.mapped + tally.rejected;
        unmet.push(said(
            format!("{all}行中有{}行无法读取，超过{}", tally.rejected, percent(max)),
            format!("{} of {all} rows rejected, more than {}", tally.rejected, percent(max)),
        ));
    }
}

fn fresh(feed: &Feed, tally: &Tally, tonight: NaiveDate, unmet: &mut Vec<Unmet>) {
    let Some(fresh) = &feed.expect.fresh else { return };
    let newest = match &fresh.column {
        Some(column) => tally.newest.get(column).copied(),
        None => tally.last_month.and_then(last_day),
    };
    let days = fresh.within_days;
    match newest {
        Some(newest) if newest >= fresh.oldest(tonight) => {}
        Some(newest) => unmet.push(said(
            format!("数据只到{newest}，距今超过{days}天"),
            format!("nothing newer than {newest}, which is more than {days} days ago"),
        )),
        None => unmet.push(said("没有任何日期可判断数据是否新鲜".to_owned(), "no date tells how fresh it is".to_owned())),
    }
}

/// The last day of a month, yyyymm.
fn last_day(month: i32) -> Option<NaiveDate> {
    let next = next_month(month);
    NaiveDate::from_ymd_opt(next / 100, u32::try_from(next % 100).ok()?, 1)?.checked_sub_days(Days::new(1))
}

fn months(feed: &Feed, tally: &Tally, unmet: &mut Vec<Unmet>) {
    let bound = &feed.expect.months;
    let missing = tally.missing_months();
    if bound.no_gaps && !missing.is_empty() {
        let list = missing.iter().map(|it| format!("{}-{:02}", it / 100, it % 100)).collect::<Vec<_>>();
        unmet.push(said(format!("缺少月份：{}", list.join("、")), format!("months are missing: {}", list.join(", "))));
    }
    let Some(drop) = bound.max_drop else { return };
    let counts: Vec<(i32, u64)> = tally.months.iter().map(|(month, rows)| (*month, *rows)).collect();
    for pair in counts.windows(2) {
        let [(_, earlier), (month, rows)] = pair else { continue };
        if (*rows as f64) < *earlier as f64 * (1.0 - drop) {
            let month = format!("{}-{:02}", month / 100, month % 100);
            unmet.push(said(
                format!("{month}只有{rows}行，上月{earlier}行，降幅超过{}", percent(drop)),
                format!("{rows} rows for {month} after {earlier} the month before, a drop of more than {}", percent(drop)),
            ));
        }
    }
}

fn filled(bound: &ColumnBound, tally: &Tally, unmet: &mut Vec<Unmet>) {
    let Some(least) = bound.filled else { return };
    let column = &bound.column;
    let filled = tally.filled.get(column).copied().unwrap_or(0);
    if (filled as f64) < tally.mapped as f64 * least {
        let rows = tally.mapped;
        unmet.push(said(
            format!("{column} 只在{rows}行中的{filled}行有值，应达{}", percent(least)),
            format!("{column} is filled in {filled} of {rows} rows, expected {}", percent(least)),
        ));
    }
}

fn sums(bound: &ColumnBound, tally: &Tally, before: Option<&Tally>, unmet: &mut Vec<Unmet>) {
    let (column, wanted) = (&bound.column, &bound.sum_yuan);
    let sum = tally.sums_fen.get(column).copied().unwrap_or(0);
    if wanted.min.is_some_and(|it| sum < i128::from(it) * 100) {
        unmet.push(said(format!("{column} 合计低于预期下限"), format!("the sum of {column} is below its bound")));
    }
    if wanted.max.is_some_and(|it| sum > i128::from(it) * 100) {
        unmet.push(said(format!("{column} 合计高于预期上限"), format!("the sum of {column} is above its bound")));
    }
    let known = before.and_then(|it| it.sums_fen.get(column));
    if let (Some(change), Some(known)) = (wanted.max_change, known)
        && (sum - known).unsigned_abs() as f64 > known.unsigned_abs() as f64 * change
    {
        unmet.push(said(
            format!("{column} 合计与上次相比变化超过{}", percent(change)),
            format!("the sum of {column} changed by more than {} since the last time", percent(change)),
        ));
    }
}

/// The source's own totals must equal the sum of its rows, to the fen. A total belongs to its own file and sheet.
fn stated_totals(feed: &Feed, tally: &Tally, totals: &[Total], unmet: &mut Vec<Unmet>) {
    for fill in feed.columns.iter().filter(|it| it.column.kind == Kind::Fen) {
        let wanted = feed.expect.columns.iter().find(|it| it.column == fill.into).and_then(|it| it.total);
        let (From::Column(source), Reader::Money(unit)) = (&fill.from, &fill.reader) else { continue };
        if wanted == Some(false) {
            continue;
        }
        let mut stated = Vec::new();
        for total in totals {
            let cell = total.cells.iter().find(|(column, _)| column == source).map(|(_, cell)| cell.trim());
            match cell.filter(|it| !it.is_empty()).map(|it| money(it, *unit)) {
                None | Some(Ok(None)) => {}
                Some(Ok(Some(fen))) => stated.push((total, i128::from(fen))),
                Some(Err(_)) => unmet.push(said(
                    format!("{}的合计行中“{source}”不是金额", place(total, "zh")),
                    format!("the total of `{source}` at {} is no amount", place(total, "en")),
                )),
            }
        }
        if wanted == Some(true) && stated.is_empty() && tally.mapped > 0 {
            unmet.push(said(format!("没有“{source}”的合计行可供核对"), format!("no total of `{source}` to compare with")));
        }
        compare(&fill.into, source, tally, &stated, unmet);
    }
}

fn compare(into: &str, source: &str, tally: &Tally, stated: &[(&Total, i128)], unmet: &mut Vec<Unmet>) {
    let mut done: Vec<(&Option<String>, &Option<String>)> = Vec::new();
    for (total, _) in stated {
        let sheet = (&total.file, &total.sheet);
        if done.contains(&sheet) {
            continue;
        }
        done.push(sheet);
        let here: Vec<i128> = stated.iter().filter(|(it, _)| (&it.file, &it.sheet) == sheet).map(|(_, fen)| *fen).collect();
        let sums = tally.sheets.iter().find(|SheetSums { file, sheet, .. }| (file, sheet) == (&total.file, &total.sheet));
        let sum = sums.and_then(|it| it.sums_fen.get(into)).copied().unwrap_or(0);
        // A sheet with a total for each page states the whole either in one of its totals or in all of them together.
        if !here.contains(&sum) && here.iter().sum::<i128>() != sum {
            unmet.push(said(
                format!("{}的“{source}”合计与明细之和不符", place(total, "zh")),
                format!("the total of `{source}` at {} does not equal the sum of its rows", place(total, "en")),
            ));
        }
    }
}

fn place(total: &Total, language: &str) -> String {
    let mut parts: Vec<String> = [&total.file, &total.sheet].into_iter().flatten().cloned().collect();
    if let Some(row) = total.row {
        parts.push(if language == "zh" { format!("第{row}行") } else { format!("row {row}") });
    }
    parts.join(" ")
}

fn said(zh: String, en: String) -> Unmet {
    Unmet { zh, en }
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 10_000.0).round() / 100.0)
}
