//! How a column is probably written, by a sample of its cells. Shapes and codes are told, never a cell that may be of a person.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use muster_core::codes::{Code, CodeList};
use muster_core::read::{self, MoneyUnit};
use muster_core::schema::Kind;

/// More different values than this are no codes.
const CODES_MAX: usize = 40;

/// What to add to a column's line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// Keys behind `from`, with the comma before them.
    pub keys: String,
    /// What a person must look at before a night may conclude anything.
    pub look: Option<String>,
    /// What a person may like to know.
    pub note: Option<String>,
    /// Whether no cell of the sample can be read so: every row would be rejected.
    pub hopeless: bool,
}

impl Hint {
    /// The remark behind the line.
    pub fn remark(&self) -> String {
        match (&self.look, &self.note) {
            (Some(look), _) => format!("   # ? {look}"),
            (None, Some(note)) => format!("   # {note}"),
            (None, None) => String::new(),
        }
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

/// How to read a column of `kind` that stands under `header` and holds `cells`.
pub fn hint(kind: Kind, header: &str, cells: &BTreeMap<String, usize>) -> Hint {
    match kind {
        Kind::Date => instants(cells, "date", |it| read::date(it).is_ok(), &["%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%Y年%m月%d日"]),
        Kind::Month => instants(cells, "month", |it| read::month(it).is_ok(), &["%Y.%m", "%m/%Y", "%Y年%m月"]),
        Kind::Fen => amounts(header, cells),
        Kind::Code(list) => codes(list, cells),
        Kind::Flag => flags(cells),
        Kind::Count => unread(cells, |it| read::count(it).is_ok()),
        // Damaged numbers are linked or rejected one by one; a column without any is another column.
        Kind::IdNumber if cells.keys().all(|it| it.chars().filter(char::is_ascii_digit).count() < 6) => unread(cells, |_| false),
        Kind::IdNumber | Kind::Name | Kind::Text | Kind::Account => Hint::default(),
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
        return Hint { keys: format!(", {key} = {form:?}"), ..Hint::default() };
    }
    unread(cells, is_common)
}

/// Tells the shapes of the cells that cannot be read.
fn unread(cells: &BTreeMap<String, usize>, is_read: impl Fn(&str) -> bool) -> Hint {
    let mut shapes: BTreeMap<String, usize> = BTreeMap::new();
    for (cell, rows) in cells.iter().filter(|(it, _)| !is_read(it)) {
        *shapes.entry(shape(cell)).or_insert(0) += rows;
    }
    if shapes.is_empty() {
        return Hint::default();
    }
    let list: Vec<String> = shapes.iter().take(4).map(|(shape, rows)| format!("{shape} ({rows})")).collect();
    let look = Some(format!("无法识别的写法 not understood: {}", list.join(", ")));
    Hint { look, hopeless: !cells.keys().any(|it| is_read(it)), ..Hint::default() }
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

/// The heading says the unit, or the numbers do; where neither does, yuan is what payrolls are kept in.
fn amounts(header: &str, cells: &BTreeMap<String, usize>) -> Hint {
    let (unit, word) = match header {
        it if it.contains("万元") => (MoneyUnit::Wan, "wan"),
        it if it.to_lowercase().ends_with("_fen") || ["（分）", "(分)", "单位：分"].iter().any(|word| it.contains(word)) => {
            (MoneyUnit::Fen, "fen")
        }
        _ => (MoneyUnit::Yuan, "yuan"),
    };
    let unread = unread(cells, |it| read::money(it, unit).is_ok());
    let keys = format!(", money = {word:?}");
    if unread.look.is_some() {
        return Hint { keys, ..unread };
    }
    let has_point = cells.keys().any(|it| it.contains('.'));
    let numbers: Vec<i64> = cells.keys().filter_map(|it| it.parse().ok()).collect();
    // A monthly salary in yuan has four or five digits; in fen it has six or seven.
    let large = numbers.iter().filter(|it| it.abs() >= 100_000).count() * 2 > numbers.len();
    let is_said = word != "yuan" || header.contains('元');
    let (mut look, mut note) = (None, None);
    if !has_point && large && !is_said {
        look = Some("均为整数且很大，可能是分 whole and large: perhaps fen".to_owned());
    } else if cells.is_empty() && !is_said {
        note = Some("样本为空，请核对单位：元 yuan、万元 wan、分 fen; no cell in the sample".to_owned());
    }
    Hint { keys, look, note, hopeless: false }
}

/// Codes that say what they are by their words are filled in; the others are named, and rows that have them are rejected until
/// somebody says what they mean.
fn codes(list: &CodeList, cells: &BTreeMap<String, usize>) -> Hint {
    let known = |cell: &str| {
        let plain = list.codes.iter().any(|it| cell == it.value || cell == it.zh);
        plain || list.name == "sex" && ["1", "2", "男性", "女性", "0", "9"].contains(&cell)
    };
    if cells.keys().all(|it| known(it)) {
        return Hint::default();
    }
    if cells.len() > CODES_MAX {
        let look = format!("{} 种不同的值，不像代码 different values: is this a code?", cells.len());
        return Hint { look: Some(look), hopeless: true, ..Hint::default() };
    }
    let (mut pairs, mut open, mut doubtful, mut by_wording) = (Vec::new(), Vec::new(), Vec::new(), false);
    for cell in cells.keys() {
        match meant(list, cell) {
            Some((value, sure)) => {
                by_wording |= sure && !known(cell);
                doubtful.extend((!sure).then(|| format!("{cell:?}")));
                pairs.push(format!("{cell:?} = {value:?}"));
            }
            None => open.push(format!("{cell:?}")),
        }
    }
    let mut looks = Vec::new();
    if !open.is_empty() {
        looks.push(format!("待补代码，取值见 docs/schema.md「{}」 codes to add: {}", list.name, open.join(", ")));
    }
    if !doubtful.is_empty() {
        looks.push(format!("字面相近，请核对 alike, look: {}", doubtful.join(", ")));
    }
    Hint {
        keys: if pairs.is_empty() { ", codes = {}".to_owned() } else { format!(", codes = {{ {} }}", pairs.join(", ")) },
        look: (!looks.is_empty()).then(|| looks.join("; ")),
        note: by_wording.then(|| "代码按字面对应，请核对 codes by their wording".to_owned()),
        hopeless: pairs.is_empty(),
    }
}

/// The code that a cell says in words, and whether that is sure: its label, or the only label that begins so (行政, of 行政编制). The only
/// one whose letters stand in the cell (机关事业养老, in 机关事业单位养老保险) is likely and no more.
fn meant(list: &CodeList, cell: &str) -> Option<(&'static str, bool)> {
    let same = |it: &&'static Code| cell == it.zh || cell.eq_ignore_ascii_case(it.value) || cell.eq_ignore_ascii_case(it.en);
    if let Some(it) = list.codes.iter().find(same) {
        return Some((it.value, true));
    }
    if list.name == "sex" {
        let words = [("1", "male"), ("男性", "male"), ("M", "male"), ("2", "female"), ("女性", "female"), ("F", "female")];
        return words.into_iter().find(|(word, _)| cell.eq_ignore_ascii_case(word)).map(|(_, value)| (value, true));
    }
    if cell.is_ascii() || cell.chars().count() < 2 {
        return None;
    }
    let only = |fits: &dyn Fn(&str) -> bool| {
        let mut found = list.codes.iter().filter(|it| it.zh.split(['（', '）']).any(|word| !word.is_empty() && fits(word)));
        found.next().filter(|_| found.next().is_none()).map(|it| it.value)
    };
    let bare = cell.trim_end_matches("保险").trim_end_matches("人员");
    let sure = only(&|word| word == cell || word == bare).or_else(|| only(&|word| word.starts_with(cell)));
    sure.map(|it| (it, true)).or_else(|| only(&|word| is_within(word, cell)).map(|it| (it, false)))
}

/// Whether the letters of `word` stand in `text` in their order.
fn is_within(word: &str, text: &str) -> bool {
    let mut letters = text.chars();
    word.chars().all(|it| letters.any(|letter| letter == it))
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
    let strange: Vec<&String> = cells.keys().filter(|it| !YES.contains(&it.as_str()) && !NO.contains(&it.as_str())).collect();
    let look = (!strange.is_empty()).then(|| format!("哪些表示是、哪些表示否 which mean yes: {:?}", &strange[..strange.len().min(4)]));
    let hopeless = yes.is_empty() && no.is_empty();
    let quoted = |words: Vec<String>, usual: &str| if words.is_empty() { format!("{usual:?}") } else { words.join(", ") };
    Hint { keys: format!(", flag = {{ yes = [{}], no = [{}] }}", quoted(yes, "是"), quoted(no, "否")), look, note: None, hopeless }
}

#[cfg(test)]
mod tests {
    use muster_core::schema;

    use super::*;

    fn check(table: &str, header: &str, column: &str, cells: &[&str], expected: &str) {
        let input = schema::table(table).expect("a shared table").input();
        let kind = input.iter().find(|it| it.name == column).expect("a shared column").column.kind;
        let cells = cells.iter().map(|it| ((*it).to_owned(), 1)).collect();
        let found = hint(kind, header, &cells);
        assert_eq!(format!("{}{}", found.keys, found.remark()), expected);
    }

    #[test]
    fn a_sample_tells_how_a_column_is_written() {
        check("death", "死亡日期", "died_on", &["2026-10-03", "20261009", "2026年1月2日"], "");
        check("death", "死亡日期", "died_on", &["2026-10-03", "sometime"], "   # ? 无法识别的写法 not understood: AAAAAAAA (1)");
        check("payment", "所属期", "month", &["202610", "2026-09"], "");
        check("payment", "应发", "gross_fen", &["8120.50", "300"], ", money = \"yuan\"");
        let fen = ", money = \"yuan\"   # ? 均为整数且很大，可能是分 whole and large: perhaps fen";
        check("payment", "应发", "gross_fen", &["812050", "730000"], fen);
        check("payment", "应发（元）", "gross_fen", &["812050", "730000"], ", money = \"yuan\"");
        check("payment", "应发（分）", "gross_fen", &["812050"], ", money = \"fen\"");
        check("payment", "应发合计(万元)", "gross_fen", &["0.8"], ", money = \"wan\"");
        check("payment", "姓名", "name", &["俞娟"], "");
        check("payment", "身份证号", "id_number", &["甲"], "   # ? 无法识别的写法 not understood: 文 (1)");
    }

    #[test]
    fn codes_that_are_known_are_filled_in_and_the_others_are_named() {
        check("payment", "类别", "kind", &["salary"], "");
        let expected = ", codes = { \"salary\" = \"salary\" }   # ? 待补代码，取值见 docs/schema.md「pay_kind」 codes to add: \"01\"";
        check("payment", "类别", "kind", &["01", "salary"], expected);
        let worded = ", codes = { \"在职\" = \"salary\" }   # 代码按字面对应，请核对 codes by their wording";
        check("payment", "类别", "kind", &["在职"], worded);
        check("establishment", "是否占编", "counts", &["是", "否"], "");
        check("establishment", "是否占编", "counts", &["√", "×"], ", flag = { yes = [\"√\"], no = [\"×\"] }");
        check("payment", "性别", "sex", &["1", "2", "男"], "");
        check(
            "payment",
            "Gender",
            "sex",
            &["F", "M"],
            ", codes = { \"F\" = \"female\", \"M\" = \"male\" }   # 代码按字面对应，请核对 codes by their wording",
        );
    }

    #[test]
    fn wording_decides_only_where_one_code_is_meant() {
        let said = |list: &str, cell: &str| meant(muster_core::codes::list(list).expect("a list"), cell);
        assert_eq!(said("scheme", "失业保险"), Some(("unemployment", true)));
        assert_eq!(said("scheme", "机关事业单位基本养老保险"), Some(("pension-public", false)));
        assert_eq!(said("quota_type", "行政"), Some(("administrative", true)));
        assert_eq!(said("quota_type", "事业"), Some(("institution", true)));
        assert_eq!(said("assessment_result", "合格"), Some(("competent", true)));
        assert_eq!(said("assessment_result", "不合格"), Some(("incompetent", true)));
        assert_eq!(said("employment_status", "退休返聘"), Some(("retired", false)));
        assert_eq!(said("pay_kind", "其他"), None);
        assert_eq!(said("pay_kind", "31"), None);
    }
}
