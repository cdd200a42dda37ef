//! Prints what `check` and `preview` saw.

use std::collections::BTreeMap;
use std::fmt::Write;

use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use muster_core::map::Reject;
use muster_core::mapping::Feed;
use muster_core::mask;
use muster_core::schema::Kind;

use crate::dry::Dry;
use crate::pull;
use crate::words::{Lang, count, pad};

/// The whole page for one feed. Cells of persons are masked unless `reveal`.
pub fn page(feed: &Feed, dry: &Dry, most_rejects: usize, reveal: bool, lang: Lang) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "\n  {} → {} ({})", feed.name, feed.fills.name, lang.pick(feed.fills.label_zh, feed.fills.label_en));
    if let Some(unusable) = &dry.unusable {
        for said in unusable.troubles.iter().map(pull::said) {
            let _ = writeln!(out, "  ✗ {}", lang.pick(said.zh, said.en));
        }
        return out;
    }
    counts(&mut out, dry, lang);
    skipped(&mut out, dry, lang);
    rows(&mut out, feed, dry, reveal, lang);
    codes(&mut out, dry, lang);
    rejects(&mut out, &dry.rejects, most_rejects, reveal, lang);
    for unmet in &dry.unmet {
        let _ = writeln!(out, "  ✗ {}", lang.pick(&unmet.zh, &unmet.en));
    }
    if dry.is_clean() {
        let _ = writeln!(out, "  ✓ {}", lang.pick("没有发现缺陷", "no defects found"));
    }
    out
}

fn counts(out: &mut String, dry: &Dry, lang: Lang) {
    let tally = &dry.tally;
    let [pulled, mapped, rejected, aside] = [tally.pulled, tally.mapped, tally.rejected, tally.set_aside].map(|it| count(it as i64));
    let skipped = count(dry.skipped.len() as i64);
    let line = match lang {
        Lang::Zh => format!("读取 {pulled} 行 = 转换 {mapped} + 拒收 {rejected} + 不属本表 {aside}；另有标题、合计、签字等 {skipped} 行"),
        Lang::En => format!(
            "{pulled} rows pulled = {mapped} mapped + {rejected} rejected + {aside} set aside; {skipped} other lines (titles, blanks, signatures)"
        ),
    };
    let _ = writeln!(out, "  {line}");
    if let (Some(first), Some(last)) = (tally.first_month, tally.last_month) {
        let _ = writeln!(out, "  {} {first} – {last}", lang.pick("月份", "months"));
    }
}

/// What was read and is no row, by what it was taken for; files and sheets by name. The text of lines may be of people.
fn skipped(out: &mut String, dry: &Dry, lang: Lang) {
    let mut kinds: BTreeMap<String, (usize, Vec<&str>)> = BTreeMap::new();
    for line in &dry.skipped {
        let said = line.said();
        let (lines, names) = kinds.entry(lang.pick(said.zh, said.en)).or_default();
        *lines += 1;
        names.extend(line.spot.row.is_none().then_some(line.text.as_str()));
    }
    for (taken_for, (lines, names)) in kinds {
        let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(lang.pick("、", ", "))) };
        let _ = writeln!(out, "    · {taken_for} {}{names}", count(lines));
    }
}

fn rows(out: &mut String, feed: &Feed, dry: &Dry, reveal: bool, lang: Lang) {
    let kinds: BTreeMap<String, Kind> = feed.fills.input().into_iter().map(|it| (it.name, it.column.kind)).collect();
    let Some(first) = dry.rows.first() else { return };
    for (at, field) in first.schema().fields().iter().enumerate() {
        let kind = kinds.get(field.name());
        let cells: Vec<String> = dry
            .rows
            .iter()
            .flat_map(|batch| {
                let column = batch.column(at);
                let formatter = ArrayFormatter::try_new(column, &FormatOptions::default()).expect("every shared type prints");
                (0..batch.num_rows())
                    .map(|row| if column.is_null(row) { "·".to_owned() } else { shown(kind, &formatter.value(row).to_string(), reveal) })
                    .collect::<Vec<_>>()
            })
            .collect();
        if cells.iter().any(|it| it != "·") {
            let label = feed
                .fills
                .input()
                .into_iter()
                .find(|it| &it.name == field.name())
                .map_or("", |it| lang.pick(it.column.label_zh, it.column.label_en));
            let _ = writeln!(out, "    {} {} {}", pad(field.name(), 18), pad(label, 16), cells.join(" | "));
        }
    }
}

/// A cell as it may be printed: numbers, names and accounts masked, amounts left out.
fn shown(kind: Option<&Kind>, cell: &str, reveal: bool) -> String {
    if reveal {
        return cell.to_owned();
    }
    match kind {
        Some(Kind::IdNumber) => mask::id_number(cell),
        Some(Kind::Name) => mask::name(cell),
        Some(Kind::Account) => "****".to_owned(),
        Some(Kind::Fen) => "***".to_owned(),
        _ => cell.to_owned(),
    }
}

fn codes(out: &mut String, dry: &Dry, lang: Lang) {
    for (column, value, rows) in &dry.tally.unmapped_codes {
        let line = match lang {
            Lang::Zh => format!("未映射代码：{column} = `{value}`，{} 行；在映射的 codes 中补上", count(*rows as i64)),
            Lang::En => format!("unmapped code: {column} = `{value}` in {} rows; add it to the mapping's codes", count(*rows as i64)),
        };
        let _ = writeln!(out, "  ! {line}");
    }
    if !dry.tally.untold_columns.is_empty() {
        let columns = dry.tally.untold_columns.join(lang.pick("、", ", "));
        let _ =
            writeln!(out, "  ! {}{columns}", lang.pick("未映射的列（映射它，或写入 ignore）：", "columns neither mapped nor ignored: "));
    }
}

/// Rejected rows: place, column, reason, hint.
pub fn rejects(out: &mut String, rejects: &[Reject], most: usize, reveal: bool, lang: Lang) {
    for it in rejects.iter().take(most) {
        let place = [it.file.as_deref(), it.sheet.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" / ");
        let row = it.row.map_or(String::new(), |row| match lang {
            Lang::Zh => format!(" 第 {row} 行"),
            Lang::En => format!(" row {row}"),
        });
        let value = if reveal && !it.value.is_empty() { format!(" = `{}`", it.value) } else { String::new() };
        let _ = writeln!(out, "  ✗ {place}{row} {}{value}: {}", it.column, lang.pick(&it.why_zh, &it.why));
        if let Some(hint) = lang.pick(&it.hint_zh, &it.hint) {
            let _ = writeln!(out, "      {}{hint}", lang.pick("建议：", "hint: "));
        }
    }
    if rejects.len() > most {
        let rest = count((rejects.len() - most) as i64);
        let _ = writeln!(out, "  … {}", lang.pick(&format!("另有 {rest} 行"), &format!("{rest} more")));
    }
}
