//! Mapping a batch, from the raw cells to rows, rejects and counts.

use arrow::array::{Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray, StringViewArray};
use arrow::datatypes::Field;
use arrow::util::pretty::pretty_format_batches;
use futures::executor::block_on;
use proptest::prelude::*;

use super::*;
use crate::diag::Source;
use crate::mapping;

const PAYROLL: &str = r#"
title = { zh = "市财政局工资系统", en = "Payroll" }
[[feed]]
fills = "payment"
table = "工资-*.xlsx"
[feed.columns]
id_number    = { from = "身份证号" }
name         = { from = "姓名" }
month        = { from = "月份" }
kind         = { from = "类别", codes = { "01" = "salary", "02" = "arrears" } }
gross_fen    = { from = "应发", money = "yuan" }
employer_fen = { from = "单位缴费", money = "yuan", default = "0" }
paid_on      = { from = "日期" }
account      = { from = "账号" }
batch_no     = { value = "B1" }
sex          = { from = "性别" }
"#;

const HEADERS: [&str; 9] = ["身份证号", "姓名", "月份", "类别", "应发", "单位缴费", "日期", "账号", "性别"];
const GOOD: [&str; 9] = [" 33068319800101123x ", "张三", "2026年5月", "01", "￥8,120.50", "", "2026-05-10", "6222 0212", "男"];

fn feed(text: &str) -> Feed {
    match mapping::read(&Source::new("test.toml", text), &|_| None) {
        Ok(mut mapping) => mapping.feeds.remove(0),
        Err(mistakes) => panic!("{:?}", mistakes.iter().map(|it| format!("{} {}", it.place(), it.what)).collect::<Vec<_>>()),
    }
}

/// A batch of text cells; blank cells are empty text, as CSV files give them.
fn batch(headers: &[&str], rows: &[&[&str]]) -> RecordBatch {
    let mut columns: Vec<(&str, ArrayRef)> = headers
        .iter()
        .enumerate()
        .map(|(at, header)| (*header, Arc::new(rows.iter().map(|row| Some(row[at])).collect::<StringArray>()) as ArrayRef))
        .collect();
    columns.push(("_file", Arc::new(StringArray::from(vec!["工资-05.xlsx"; rows.len()]))));
    columns.push(("_sheet", Arc::new(StringArray::from(vec![None::<&str>; rows.len()]))));
    columns.push(("_row", Arc::new((3..3 + rows.len() as i64).collect::<Int64Array>())));
    columns.push(("_title", Arc::new(StringArray::from(vec!["2026年5月工资发放表"; rows.len()]))));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, cells)| (name, cells, true))).unwrap()
}

fn map(text: &str, raw: &RecordBatch) -> (Mapped, Tally) {
    let mut all = Mapper::new(&feed(text), &raw.schema(), "salt").unwrap();
    let rows = all.apply(raw);
    (rows, all.finish())
}

/// The good row with one cell changed.
fn with(header: &str, cell: &'static str) -> Vec<&'static str> {
    let mut row = GOOD.to_vec();
    row[HEADERS.iter().position(|it| *it == header).unwrap()] = cell;
    row
}

fn shown(rows: &RecordBatch, columns: &[&str]) -> String {
    let at: Vec<usize> = columns.iter().map(|it| rows.schema().index_of(it).unwrap()).collect();
    let table = pretty_format_batches(&[rows.project(&at).unwrap()]).unwrap().to_string();
    let lines = table.lines().skip(3).filter(|it| it.starts_with('|'));
    lines.map(|it| it.trim_matches(['|', ' ']).split('|').map(str::trim).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_good_row_is_mapped_whole() {
    let (mapped, tally) = map(PAYROLL, &batch(&HEADERS, &[&GOOD]));
    assert_eq!(mapped.rows.schema(), crate::schema::PAYMENT.input_schema());
    assert_eq!(
        shown(&mapped.rows, &["id_number", "name", "sex", "month", "kind", "gross_fen", "employer_fen", "paid_on", "batch_no", "net_fen"]),
        "33068319800101123X 张三 male 202605 salary 812050 0 2026-05-10 B1 ".trim_end()
    );
    assert_eq!(mapped.raw_rows, [0]);
    assert!(mapped.rejects.is_empty());
    assert_eq!((tally.pulled, tally.mapped, tally.first_month, tally.last_month), (1, 1, Some(202_605), Some(202_605)));
    assert_eq!(tally.sums_fen["gross_fen"], 812_050);
    assert_eq!(tally.filled["account"], 1);
    assert_eq!(tally.newest["paid_on"].to_string(), "2026-05-10");
}

/// What becomes of a row that is good but for one cell.
fn reject(header: &str, cell: &'static str, expected: &str) {
    let (mapped, tally) = map(PAYROLL, &batch(&HEADERS, &[&GOOD, &with(header, cell)]));
    let found = mapped.rejects.first().map_or("mapped".to_owned(), |it| format!("{} {}: {}", it.row.unwrap_or(0), it.column, it.why));
    assert_eq!(found, expected, "{header} {cell}");
    assert_eq!(tally.pulled, tally.mapped + tally.rejected);
    assert_eq!(mapped.raw_rows.len() as u64, tally.mapped);
}

#[test]
fn a_cell_that_cannot_be_read_rejects_its_row() {
    reject("月份", "五月", "4 月份: not a date or month in any known form");
    reject("月份", "", "4 月份: required, but empty");
    reject("月份", "至今", "4 月份: required, but empty");
    reject("类别", "99", "4 类别: the mapping does not name this code");
    reject("应发", "8,12O.50", "4 应发: not an amount of money");
    reject("日期", "2026-02-30", "4 日期: the calendar has no such day or month");
    reject("身份证号", "3.30683E+17", "4 身份证号: rounded by a spreadsheet; the last digits are lost");
    reject("账号", "6.22202E+18", "4 账号: rounded by a spreadsheet; the last digits are lost");
}

#[test]
fn a_cell_that_says_nothing_is_null() {
    reject("应发", "", "mapped");
    reject("应发", "-", "mapped");
    reject("日期", "9999-12-31", "mapped");
    reject("性别", "未知", "mapped");
    reject("账号", "现金", "mapped");
    reject("身份证号", "", "mapped");
    let raw = batch(&HEADERS, &[&with("日期", "9999-12-31"), &with("日期", "长期"), &with("日期", "长期"), &with("性别", "未知")]);
    let (_, tally) = map(PAYROLL, &raw);
    assert_eq!(tally.voids, [("paid_on".to_owned(), "长期".to_owned(), 2), ("paid_on".to_owned(), "9999-12-31".to_owned(), 1)]);
    assert_eq!(tally.unmapped_codes, [("sex".to_owned(), "未知".to_owned(), 1)]);
    assert_eq!(tally.filled["paid_on"], 1);
}

#[test]
fn a_reject_keeps_its_place_its_row_and_every_defect() {
    let mut row = with("应发", "abc");
    row[2] = "2026";
    let (mapped, tally) = map(PAYROLL, &batch(&HEADERS, &[&GOOD, &row]));
    let reject = &mapped.rejects[0];
    assert_eq!((reject.file.as_deref(), reject.sheet.as_deref(), reject.row), (Some("工资-05.xlsx"), None, Some(4)));
    assert_eq!((reject.column.as_str(), reject.value.as_str()), ("月份", "2026"));
    assert_eq!((reject.also[0].column.as_str(), reject.also[0].value.as_str()), ("应发", "abc"));
    assert!(reject.raw.starts_with(r#"{"身份证号":" 33068319800101123x ","姓名":"张三","月份":"2026""#), "{}", reject.raw);
    assert!(!reject.raw.contains("_file"));
    assert_eq!(tally.rejected_people, [("33068319800101123X".to_owned(), "张三".to_owned())]);
    assert!(tally.without_people().rejected_people.is_empty());
}

#[test]
fn a_row_about_nobody_is_rejected() {
    let mut row = with("姓名", "");
    row[0] = "　";
    let (mapped, tally) = map(PAYROLL, &batch(&HEADERS, &[&row]));
    assert_eq!(mapped.rejects[0].why_zh, "身份证号和姓名都没有");
    assert!(tally.rejected_people.is_empty());
}

const KEPT: &str = r#"
title = { zh = "在编", en = "Register" }
[[feed]]
fills = "establishment"
table = "RYXX"
[feed.columns]
id_number  = { from = "SFZH" }
entered_on = { sql = "cast(\"RBRQ\" as date)" }
[feed.keep]
when = "cast(\"ZT\" as int) < 9"
[feed.ignore]
columns = ["BZ"]
[[feed.example]]
given = { SFZH = "1", ZT = "1", RBRQ = "2020-01-02" }
gives = { id_number = "1", entered_on = "2020-01-02" }
[[feed.example]]
given = { SFZH = "1", ZT = 9 }
gives_aside = true
[[feed.example]]
given = { ZT = "1", RBRQ = "2020-01-02" }
gives_reject = "neither"
[[feed.example]]
given = { SFZH = "1", ZT = "1", RBRQ = "2020-01-02" }
gives = { id_number = "2", entered_on = "" }
[[feed.example]]
given = { SFZH = "1", ZT = 9 }
gives = { id_number = "1" }
[[feed.example]]
given = { SFZH = "3.30683E+17", ZT = "1" }
gives_reject = "id_number"
[[feed.example]]
given = { SFZH = "3.30683E+17", ZT = "1" }
gives_reject = "科学记数"
"#;

#[test]
fn rows_are_kept_set_aside_or_rejected() {
    let rows: [&[&str]; 5] = [
        &["1", "1", "2020-01-02", ""],
        &["2", "9", "x", ""],
        &["3", "x", "2020-01-02", ""],
        &["4", "2", "x", ""],
        &["5", "3", "2020-01-03", ""],
    ];
    let raw = batch(&["SFZH", "ZT", "RBRQ", "NEW"], &rows);
    let (mapped, tally) = map(KEPT, &raw);
    assert_eq!(shown(&mapped.rows, &["id_number", "entered_on"]), "1 2020-01-02\n5 2020-01-03");
    assert_eq!(mapped.raw_rows, [0, 4]);
    let rejects: Vec<_> = mapped.rejects.iter().map(|it| (it.row, it.column.as_str(), it.why.as_str())).collect();
    let why = "the mapping's SQL fails on this row: a value is not of the type it is cast to";
    assert_eq!(rejects, [(Some(5), "", why), (Some(6), "entered_on", why)]);
    assert_eq!((tally.pulled, tally.mapped, tally.rejected, tally.set_aside), (5, 2, 2, 1));
    assert_eq!(tally.untold_columns, ["NEW"]);
    // Also of the row that `keep` could not decide: it may have been for this feed.
    assert_eq!(tally.rejected_people.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["3", "4"]);
}

#[test]
fn examples_are_proved() {
    let mapping = mapping::read(&Source::new("test.toml", KEPT), &|_| None).unwrap();
    let proofs = block_on(prove(&mapping));
    assert_eq!(proofs.iter().map(|it| it.ok).collect::<Vec<_>>(), [true, true, true, false, false, true, true]);
    assert_eq!(
        (proofs[3].expected.as_str(), proofs[3].found.as_str()),
        ("id_number = 2, entered_on = null", "id_number = 1, entered_on = 2020-01-02")
    );
    assert_eq!((proofs[4].expected.as_str(), proofs[4].found.as_str()), ("id_number = 1", "set aside"));
    let mistake = proofs[3].mistake(&Source::new("test.toml", KEPT)).unwrap();
    assert_eq!((mistake.place().as_str(), mistake.what.as_str()), ("test.toml:22", "example 4 of `establishment` gives something else"));
    assert!(proofs[0].mistake(&Source::new("test.toml", KEPT)).is_none());
}

#[test]
fn native_types_are_read_without_text() {
    let ids = vec!["330683198001011234", "330683198001011234"];
    let dictionary: DictionaryArray<Int32Type> = vec!["01", "02"].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("身份证号", Arc::new(StringViewArray::from(ids))),
        ("姓名", Arc::new(StringArray::from(vec!["张三", "李四"]))),
        ("月份", Arc::new(Int32Array::from(vec![202_605, 20_260_501]))),
        ("类别", Arc::new(dictionary)),
        ("应发", Arc::new(Decimal128Array::from(vec![81_205_000, 1]).with_precision_and_scale(18, 4).unwrap())),
        ("单位缴费", Arc::new(Float64Array::from(vec![Some(100.1), None]))),
        ("日期", Arc::new(Date32Array::from(vec![20_000, -25_567]))),
        ("账号", Arc::new(Int64Array::from(vec![6_222_021_203_001_234, 0]))),
        ("性别", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
    ];
    let raw = RecordBatch::try_from_iter(columns).unwrap();
    let (mapped, tally) = map(PAYROLL, &raw);
    assert_eq!(
        shown(&mapped.rows, &["month", "kind", "gross_fen", "employer_fen", "paid_on", "sex"]),
        "202605 salary 812050 10010 2024-10-04 male"
    );
    assert_eq!(mapped.rejects[0].why, "not a whole number of fen");
    assert_eq!(mapped.rejects[0].value, "0.0001");
    assert_eq!(tally.voids.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["account", "paid_on"]);
}

#[test]
fn a_source_that_does_not_fit_is_told_column_by_column() {
    let columns = HEADERS.iter().map(|it| Field::new(it.replace("应发", "应发合计"), DataType::Utf8, true)).collect::<Vec<_>>();
    let why = Mapper::new(&feed(PAYROLL), &Schema::new(columns), "").unwrap_err();
    assert_eq!(why.to_string(), "the source has no column `应发` (did you mean `应发合计`?)");
    let bytes = Schema::new(vec![Field::new("SFZH", DataType::Binary, true), Field::new("RBRQ", DataType::Int64, true)]);
    let why = Mapper::new(&feed(KEPT), &bytes, "").unwrap_err();
    assert_eq!(why.troubles.iter().map(|it| it.column.as_str()).collect::<Vec<_>>(), ["SFZH", "ZT"]);
}

#[test]
fn unmet_expectations_leave_a_feed_out() {
    let text = PAYROLL.to_owned()
        + r#"
[feed.expect]
rows      = { min = 2, max_drop = 0.5 }
fresh     = "40 days"
months    = { gaps = false, max_drop = 0.5 }
sex       = { filled = 0.9 }
gross_fen = { total = true, sum_yuan = { min = 20_000, max_change = 0.1 } }
"#;
    let feed = feed(&text);
    let rows: Vec<Vec<&str>> = vec![GOOD.to_vec(), with("月份", "202603"), with("月份", "x"), with("性别", "")];
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let raw = batch(&HEADERS, &rows);
    let mut mapper = Mapper::new(&feed, &raw.schema(), "").unwrap();
    mapper.apply(&raw);
    let tally = mapper.finish();
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let total =
        |cell: &str| Total { file: Some("工资-05.xlsx".into()), sheet: None, row: Some(7), cells: vec![("应发".into(), cell.into())] };
    let said = |before: Option<&Tally>, totals: &[Total], tonight: &str| {
        unmet(&feed, &tally, before, totals, day(tonight)).into_iter().map(|it| it.en).collect::<Vec<_>>().join("\n")
    };
    // The total speaks of all four rows, also of the one that was rejected.
    assert_eq!(
        said(None, &[total("32,482.00")], "2026-07-01"),
        "1 of 4 rows rejected, more than 1%\nmonths are missing: 2026-04\nsex is filled in 2 of 3 rows, expected 90%"
    );
    let found = said(
        Some(&Tally { mapped: 30, sums_fen: [("gross_fen".to_owned(), 1)].into(), ..Tally::default() }),
        &[total("24,361.50")],
        "2026-07-11",
    );
    assert!(found.contains("3 rows after 30 the last time, a drop of more than 50%"), "{found}");
    assert!(found.contains("nothing newer than 2026-05-31, which is more than 40 days ago"), "{found}");
    assert!(found.contains("the sum of gross_fen changed by more than 10% since the last time"), "{found}");
    assert!(found.contains("the total of `应发` at 工资-05.xlsx row 7 does not equal the sum of its rows"), "{found}");
    assert!(said(None, &[], "2026-07-01").contains("no total of `应发` to compare with"));
    assert!(said(None, &[total("abc")], "2026-07-01").contains("the total of `应发` at 工资-05.xlsx row 7 is no amount"));
    // Totals of pages are right together.
    assert!(!said(None, &[total("16,241.00"), total("16,241.00")], "2026-07-01").contains("total of"));
}

#[test]
fn a_title_gives_the_month() {
    let text = PAYROLL.replace("{ from = \"月份\" }", "{ from = \"_title\", pattern = \"(\\\\d{4})年(\\\\d{1,2})月\", month = \"%Y%m\" }");
    let (mapped, _) = map(&text, &batch(&HEADERS, &[&GOOD]));
    assert_eq!(shown(&mapped.rows, &["month"]), "202605");
    let text = text.replace("年", "期");
    let (mapped, _) = map(&text, &batch(&HEADERS, &[&GOOD]));
    assert_eq!(mapped.rejects[0].why, "does not match the mapping's pattern");
}

#[test]
fn a_broken_row_is_pulled_and_rejected() {
    let mut mapper = Mapper::new(&feed(PAYROLL), &batch(&HEADERS, &[&GOOD]).schema(), "").unwrap();
    let reject = mapper.broken(Some("a.csv".into()), None, Some(9), "1;2", "2 cells instead of 9");
    assert_eq!((reject.row, reject.raw.as_str(), reject.why.as_str()), (Some(9), "1;2", "2 cells instead of 9"));
    let tally = mapper.finish();
    assert_eq!((tally.pulled, tally.rejected), (1, 1));
}

#[test]
fn a_tally_survives_the_store() {
    let (_, tally) = map(PAYROLL, &batch(&HEADERS, &[&GOOD, &with("月份", "x")]));
    let text = serde_json::to_string(&tally).unwrap();
    assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), tally);
    // A tally of an older version lacks what came later.
    assert_eq!(serde_json::from_str::<Tally>(r#"{"pulled":3}"#).unwrap().pulled, 3);
}

proptest! {
    #[test]
    fn no_row_is_lost(cells in prop::collection::vec(prop::collection::vec("[-0-9年月日.,x￥E+张 ]{0,9}", 9), 0..12)) {
        let rows: Vec<Vec<&str>> = cells.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        let (mapped, tally) = map(PAYROLL, &batch(&HEADERS, &rows));
        prop_assert_eq!(tally.pulled, rows.len() as u64);
        prop_assert_eq!(tally.mapped + tally.rejected + tally.set_aside, tally.pulled);
        prop_assert_eq!(mapped.rows.num_rows() + mapped.rejects.len(), rows.len());
        prop_assert_eq!(mapped.raw_rows.len(), mapped.rows.num_rows());
    }

    #[test]
    fn no_row_is_set_aside_and_counted_elsewhere(cells in prop::collection::vec(("[0-9x]{0,3}", "[0-9x]{0,2}", "[0-9-]{0,10}"), 0..20)) {
        let rows: Vec<Vec<&str>> = cells.iter().map(|(id, state, day)| vec![id.as_str(), state.as_str(), day.as_str(), ""]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        let (mapped, tally) = map(KEPT, &batch(&["SFZH", "ZT", "RBRQ", "BZ"], &rows));
        prop_assert_eq!(tally.mapped + tally.rejected + tally.set_aside, rows.len() as u64);
        prop_assert_eq!(mapped.rejects.len() as u64, tally.rejected);
    }
}
