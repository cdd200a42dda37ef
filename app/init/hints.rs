//! How a column is probably written, by a sample of its cells. Shapes and codes are told, never a cell that may be of a person.

use std::collections::BTreeMap;
use std::fmt::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use muster_core::read;
use muster_core::schema::Kind;

/// More different values than this are no codes.
const CODES_MAX: usize = 40;

/// What to add to a column's line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// Keys behind `from`, with the comma before them.
    pub keys: String,
    /// What a person should look at.
    pub look: Option<String>,
}

impl Hint {
    /// The remark behind the line.
    pub fn remark(&self) -> String {
        self.look.as_ref().map_or(String::new(), |it| format!("   # ? {it}"))
    }
}

/// The cells of a column that hold something, trimmed, with how often each stands there.
pub fn cells(sample: &[RecordBatch], column: &str) -> BTreeMap<String, usize> {
    let mut cells = BTreeMap::new();
    for batch in sample {
        let Some(text) = batch.column_by_name(column).and_then(|it| cast(it, &DataType::Utf8).ok()) else { continue };
        let text = text.as_string::<i32>();
        for cell in (0..text.len()).filter(|row| text.is_valid(*row)).map(|row| text.value(row).trim()).filter(|it| !it.is_empty()) {
            *cells.entry(cell.to_owned()).or_insert(0) += 1;
        }
    }
    cells
}

/// How to read a column of `kind` that holds `cells`.
pub fn hint(kind: Kind, cells: &BTreeMap<String, usize>) -> Hint {
    match kind {
        Kind::Date => instants(cells, "date", |it| read::date(it).is_ok(), &["%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%Y年%m月%d日"]),
        Kind::Month => instants(cells, "month", |it| read::month(it).is_ok(), &["%Y.%m", "%m/%Y", "%Y年%m月"]),
        Kind::Fen => amounts(cells),
        Kind::Code(list) => codes(cells, |cell| list.codes.iter().find(|it| [it.value, it.zh, it.en].contains(&cell)).map(|it| it.value)),
        Kind::Flag => flags(cells),
        Kind::IdNumber | Kind::Name | Kind::Text | Kind::Account | Kind::Count => Hint::default(),
    }
}

/// Nothing is written where the common forms read everything.
fn instants(cells: &BTreeMap<String, usize>, key: &str, is_common: impl Fn(&str) -> bool, forms: &[&str]) -> Hint {
    if cells.keys().all(|it| is_common(it)) {
        return Hint::default();
    }
    let fits = |form: &&&str| {
        let Ok(form) = read::Form::new(form) else { return false };
        cells.keys().all(|it| if key == "month" { form.month(it).is_ok() } else { form.date(it).is_ok() })
    };
    if let Some(form) = forms.iter().find(fits) {
        return Hint { keys: format!(", {key} = {form:?}"), look: None };
    }
    let mut shapes: BTreeMap<String, usize> = BTreeMap::new();
    for (cell, rows) in cells.iter().filter(|(it, _)| !is_common(it)) {
        *shapes.entry(shape(cell)).or_insert(0) += rows;
    }
    let list: Vec<String> = shapes.iter().take(4).map(|(shape, rows)| format!("{shape} ({rows})")).collect();
    Hint { keys: String::new(), look: Some(format!("无法识别的写法 not understood: {}", list.join(", "))) }
}

/// Digits as 0, letters as A, everything of other scripts as 文: what it looks like, not what it says.
fn shape(cell: &str) -> String {
    let of = |it: char| match it {
        it if it.is_ascii_digit() => '0',
        it if it.is_ascii_alphabetic() => 'A',
        '年' | '月' | '日' => it,
        it if it.is_alphabetic() => '文',
        it => it,
    };
    cell.chars().take(24).map(of).collect()
}

fn amounts(cells: &BTreeMap<String, usize>) -> Hint {
    let has_point = cells.keys().any(|it| it.contains('.'));
    let numbers: Vec<i64> = cells.keys().filter_map(|it| it.parse().ok()).collect();
    // A monthly salary in yuan has four or five digits; in fen it has six or seven.
    let large = numbers.iter().filter(|it| it.abs() >= 100_000).count() * 2 > numbers.len();
    let look = match (cells.is_empty(), has_point, large) {
        (true, ..) => Some("样本为空，请核对单位：元 yuan、万元 wan、分 fen; no cell in the sample".to_owned()),
        (_, false, true) => Some("均为整数且很大，可能是分 whole and large: perhaps fen".to_owned()),
        _ => None,
    };
    Hint { keys: ", money = \"yuan\"".to_owned(), look }
}

fn codes(cells: &BTreeMap<String, usize>, known: impl Fn(&str) -> Option<&'static str>) -> Hint {
    if cells.is_empty() || cells.keys().all(|it| known(it).is_some_and(|value| value == it)) {
        return Hint::default();
    }
    if cells.len() > CODES_MAX {
        let look = format!("{} 种不同的值，不像代码 different values: is this a code?", cells.len());
        return Hint { keys: String::new(), look: Some(look) };
    }
    let mut keys = String::from(", codes = {");
    let mut open = 0;
    for (at, cell) in cells.keys().enumerate() {
        let value = known(cell).unwrap_or("?");
        open += usize::from(value == "?");
        let _ = write!(keys, "{} {cell:?} = {value:?}", if at == 0 { "" } else { "," });
    }
    keys.push_str(" }");
    let look = (open > 0).then(|| format!("{open} 个代码待填，取值见 docs/schema.md codes to fill in"));
    Hint { keys, look }
}

/// Words of a flag that says yes, and of one that says no.
const YES: [&str; 8] = ["是", "有", "1", "Y", "y", "true", "t", "√"];
const NO: [&str; 8] = ["否", "无", "0", "N", "n", "false", "f", "×"];

fn flags(cells: &BTreeMap<String, usize>) -> Hint {
    if cells.keys().all(|it| read::flag(it, &read::FlagWords::default()).is_ok()) {
        return Hint::default();
    }
    let words = |of: &[&str]| cells.keys().filter(|it| of.contains(&it.as_str())).map(|it| format!("{it:?}")).collect::<Vec<_>>();
    let (yes, no) = (words(&YES), words(&NO));
    let look = (yes.len() + no.len() < cells.len()).then(|| format!("{} 种其他写法 other words", cells.len() - yes.len() - no.len()));
    let quoted = |words: Vec<String>, usual: &str| if words.is_empty() { format!("{usual:?}") } else { words.join(", ") };
    Hint { keys: format!(", flag = {{ yes = [{}], no = [{}] }}", quoted(yes, "是"), quoted(no, "否")), look }
}

#[cfg(test)]
mod tests {
    use muster_core::schema;

    use super::*;

    fn check(table: &str, column: &str, cells: &[&str], expected: &str) {
        let input = schema::table(table).expect("a shared table").input();
        let kind = input.iter().find(|it| it.name == column).expect("a shared column").column.kind;
        let cells = cells.iter().map(|it| ((*it).to_owned(), 1)).collect();
        let found = hint(kind, &cells);
        assert_eq!(format!("{}{}", found.keys, found.remark()), expected);
    }

    #[test]
    fn a_sample_tells_how_a_column_is_written() {
        check("death", "died_on", &["2026-10-03", "20261009", "2026年1月2日"], "");
        check("death", "died_on", &["2026-10-03", "sometime"], "   # ? 无法识别的写法 not understood: AAAAAAAA (1)");
        check("payment", "month", &["202610", "2026-09"], "");
        check("payment", "gross_fen", &["8120.50", "300"], ", money = \"yuan\"");
        check(
            "payment",
            "gross_fen",
            &["812050", "730000"],
            ", money = \"yuan\"   # ? 均为整数且很大，可能是分 whole and large: perhaps fen",
        );
        check("payment", "name", &["俞娟"], "");
    }

    #[test]
    fn codes_that_are_known_are_filled_in() {
        check("payment", "kind", &["salary"], "");
        let expected = ", codes = { \"01\" = \"?\", \"salary\" = \"salary\" }   # ? 1 个代码待填，取值见 docs/schema.md codes to fill in";
        check("payment", "kind", &["01", "salary"], expected);
        check("establishment", "counts", &["是", "否"], "");
        check("establishment", "counts", &["√", "×"], ", flag = { yes = [\"√\"], no = [\"×\"] }");
    }
}
