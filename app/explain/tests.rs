use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float32Array, Int32Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::SchemaRef;
use muster_core::schema::{self, Derived};
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

use super::*;
use crate::vault;
use crate::words::Lang;

const ID: &str = "330623198001012318";
const NAME: &str = "王建国";
const ACCOUNT: &str = "6222021208001234567";

/// A night of December 2026.
fn night(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 12, day).expect("a day of December")
}

/// The data folder of a city in which Wang Jianguo died and is still paid; by `finance/payroll` and `civil/death`.
struct City {
    _folder: TempDir,
    archive: Archive,
}

impl City {
    fn new() -> City {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let archive = Archive { data: folder.path().to_owned(), vault: vault::TESTS.clone() };
        City { _folder: folder, archive }
    }

    fn data(&self) -> &Path {
        &self.archive.data
    }

    /// A night in which Wang Jianguo has the number `id` and his payslip of November lies in row `row_no` of the delivery.
    fn night(&self, day: u32, id: i32, findings: &[Finding], row_no: usize) {
        let place = self.data().join("nights").join(night(day).to_string());
        fs::create_dir_all(&place).expect("a folder");
        let lines: Vec<String> = findings.iter().map(|it| serde_json::to_string(it).expect("text keys")).collect();
        seal(&place.join("findings.jsonl.sealed"), &(lines.join("\n") + "\n"));
        let title = |zh: &str, en: &str| serde_json::json!({ "zh": zh, "en": en });
        let told = serde_json::json!({
            "tonight": night(day),
            "feeds": [
                { "feed": "finance/payroll", "department": title("财政局", "Finance bureau"), "table": "payment" },
                { "feed": "civil/death", "department": title("民政局", "Civil affairs") },
            ],
            "units": { "3": { "code": "330683-017", "name": "水利局" } },
        });
        seal(&place.join("night.json.sealed"), &told.to_string());
        write(
            &place.join("person.parquet"),
            &derived(
                &schema::PERSONS,
                2,
                &[("person_id", ints(&[id + 1, id])), ("name", texts(&["别人", NAME])), ("id_number", texts(&["330623198001012399", ID]))],
            ),
        );
        write(
            &place.join("identity.parquet"),
            &derived(
                &schema::IDENTITY,
                3,
                &[
                    ("feed", texts(&["civil/death", "finance/payroll", "finance/payroll"])),
                    ("person_id", ints(&[id, id + 1, id])),
                    ("name", texts(&[NAME, "别人", NAME])),
                    ("id_number", texts(&[ID, "330623198001012399", "330623198001012381"])),
                    ("sex", texts(&["", "male", "male"])),
                    ("birth_date", Arc::new(Date32Array::from(vec![None, Some(3_652), Some(3_652)]))),
                    ("unit_id", ints(&[-1, 3, 3])),
                    ("rows", ints(&[1, 12, 1_200])),
                    ("method", texts(&["id-exact", "own", "id-repaired"])),
                    ("id_state", texts(&["valid-18", "valid-18", "checksum"])),
                    ("repairs", texts(&["", "", "transposed"])),
                    ("score", Arc::new(Float32Array::from(vec![1.0, 1.0, 0.97]))),
                ],
            ),
        );
        write(
            &place.join("unit_reference.parquet"),
            &derived(
                &schema::UNIT_REFERENCE,
                2,
                &[
                    ("feed", texts(&["finance/payroll", "hr/staff"])),
                    ("unit_code", texts(&["0171", ""])),
                    ("unit_name", texts(&["水利局", "市水利局"])),
                    ("rows", ints(&[1_200, 80])),
                    ("unit_id", ints(&[3, 3])),
                    ("method", texts(&["code", "alias"])),
                ],
            ),
        );
        self.deliver("finance/payroll", day, &payroll(row_no));
        self.deliver("civil/death", day, &raw(&[("_row", &["2"]), ("SFZH", &[ID]), ("SWRQ", &["2026-09-12"])]));
    }

    fn deliver(&self, feed: &str, day: u32, rows: &RecordBatch) {
        let place = self.data().join("deliveries").join(feed).join(night(day).to_string());
        fs::create_dir_all(&place).expect("a folder");
        write(&place.join("raw.parquet"), rows);
    }

    fn explain(&self, case: &Case, reveal: bool) -> Explained {
        load(&self.archive, case, &[], &columns(), reveal).expect("what is there can be read")
    }
}

fn columns() -> Columns {
    let feed = |columns: &[(&str, Holds)]| columns.iter().map(|(name, holds)| ((*name).to_owned(), *holds)).collect();
    let payroll = [
        ("身份证号", Holds::IdNumber),
        ("姓名", Holds::Name),
        ("账号", Holds::Account),
        ("应发合计", Holds::Plain),
        ("备注", Holds::Plain),
        ("扣款", Holds::Plain),
    ];
    let death = [("SFZH", Holds::IdNumber), ("SWRQ", Holds::Plain)];
    [("finance/payroll".to_owned(), feed(&payroll)), ("civil/death".to_owned(), feed(&death))].into()
}

/// Payslips of which row `row_no` and the one after are Wang's, for October and November.
fn payroll(row_no: usize) -> RecordBatch {
    let column = |wang: [&'static str; 2], other: &'static str| {
        let mut cells = vec![other; row_no];
        cells.extend(wang);
        cells.extend([other; 3]);
        cells
    };
    let rows: Vec<String> = (0..row_no + 5).map(|it| (it + 4).to_string()).collect();
    raw(&[
        ("身份证号", &column([ID, ID], "330623198001012399")),
        ("姓名", &column([NAME, NAME], "别人")),
        ("账号", &column([ACCOUNT, ACCOUNT], "1")),
        ("应发合计", &column(["6,234.70", "6,234.70"], "1.00")),
        ("备注", &column(["", "补发至6222021208001234567"], "")),
        ("扣款", &column(["", ""], "9")),
        ("手机", &column(["13800000000", "13800000000"], "1")),
        ("_file", &column(["工资发放表-202610.xlsx", "工资发放表-202611.xlsx"], "x.xlsx")),
        ("_sheet", &column(["在职", "在职"], "在职")),
        ("_row", &rows.iter().map(String::as_str).collect::<Vec<_>>()),
        ("_title", &column(["2026年10月工资", "2026年11月工资"], "t")),
    ])
}

/// A raw table of text columns, but for `_row`.
fn raw(columns: &[(&str, &[&str])]) -> RecordBatch {
    let column = |name: &str, cells: &[&str]| {
        if name == "_row" {
            Arc::new(cells.iter().map(|it| it.parse::<i64>().ok()).collect::<Int64Array>()) as ArrayRef
        } else {
            texts(cells)
        }
    };
    RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(name, cells)| (*name, column(name, cells), true)))
        .expect("columns of one length")
}

/// A derived table with these columns; the others are null.
fn derived(table: &Derived, rows: usize, columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let schema: SchemaRef = table.schema();
    let given = |name: &str| columns.iter().find(|it| it.0 == name).map(|it| it.1.clone());
    let arrays = schema.fields().iter().map(|it| given(it.name()).unwrap_or_else(|| new_null_array(it.data_type(), rows)));
    let arrays = arrays.collect();
    RecordBatch::try_new(schema, arrays).expect("columns of the table")
}

/// Empty texts are null.
fn texts(cells: &[&str]) -> ArrayRef {
    Arc::new(cells.iter().map(|it| Some(*it).filter(|it| !it.is_empty())).collect::<StringArray>())
}

/// Negative numbers are null.
fn ints(cells: &[i32]) -> ArrayRef {
    Arc::new(cells.iter().map(|it| Some(*it).filter(|it| *it >= 0)).collect::<Int32Array>())
}

fn seal(path: &Path, text: &str) {
    let mut out = vault::TESTS.sealing(File::create(path).expect("a file")).expect("a seal");
    out.write_all(text.as_bytes()).expect("written");
    out.finish().expect("ended");
}

fn write(path: &Path, rows: &RecordBatch) {
    let mut writer = vault::TESTS.table(path, rows.schema(), WriterProperties::builder()).expect("a writer");
    writer.write(rows).expect("written");
    writer.close().expect("closed");
}

/// What `rule` says of Wang Jianguo in a night in which he is `id` and his payslips lie in `row_nos`.
fn finding(rule: &str, id: i32, row_nos: &[i64]) -> Finding {
    let line = |(row_no, month): (&i64, i32)| Line {
        month: Some(month),
        zh: format!("2026-09-12 死亡（民政登记），{} 仍由水利局发放在职工资 6,234.70 元", muster_core::report::month(month)),
        en: format!("died on 2026-09-12; the water bureau still paid a salary of 6,234.70 yuan for {}", muster_core::report::month(month)),
        amount_fen: Some(623_470),
        places: vec![("finance/payroll".into(), *row_no), ("civil/death".into(), 0)],
        facts: BTreeMap::new(),
    };
    Finding {
        rule: rule.into(),
        family: Family::Ghost,
        severity: Severity::S1,
        subject: Subject::Person { key: "p-00c0ffee".into(), id },
        unit_id: Some(3),
        unit_code: Some("330683-017".into()),
        months: vec![202_610, 202_611],
        since: Some(202_610),
        amount_fen: Some(1_246_940),
        confidence: 1.0,
        settings: BTreeMap::new(),
        lines: row_nos.iter().zip([202_610, 202_611]).map(line).collect(),
    }
}

/// The case as the store gives it: without the numbers and places of any night.
fn case(state: State, changed_on: u32, findings: &[Finding]) -> Case {
    let case = Case {
        key: "0123456789abcdef".into(),
        number: Some("MU-2026-000123".into()),
        family: Family::Ghost,
        subject: findings[0].subject.clone(),
        state,
        opened_on: night(1),
        changed_on: night(changed_on),
        findings: findings.iter().map(|it| (it.rule.clone(), it.clone())).collect(),
    };
    case.lasting()
}

#[test]
fn every_source_is_shown_row_by_row_with_its_place() {
    let city = City::new();
    let found = finding("G01", 7, &[5, 6]);
    city.night(1, 7, std::slice::from_ref(&found), 5);
    let told = city.explain(&case(State::Open, 1, &[found]), true);
    let places: Vec<_> = told.sources.iter().flat_map(|it| it.rows.iter().map(|row| (&*it.feed, row.file.as_deref(), row.row))).collect();
    assert_eq!(
        places,
        [
            ("civil/death", None, Some(2)),
            ("finance/payroll", Some("工资发放表-202610.xlsx"), Some(9)),
            ("finance/payroll", Some("工资发放表-202611.xlsx"), Some(10)),
        ]
    );
    let cells = &told.sources[1].rows[1].cells;
    assert_eq!(cells[0], ("身份证号".to_owned(), Some(ID.to_owned())));
    assert_eq!(cells[6], ("手机".to_owned(), Some("13800000000".to_owned())));
    assert_eq!(told.subject.name.as_deref(), Some(NAME));
    assert_eq!(told.subject.unit.as_deref(), Some("水利局 330683-017"));
}

#[test]
fn nothing_that_tells_who_it_is_is_shown_whole() {
    let city = City::new();
    let found = finding("G01", 7, &[5, 6]);
    city.night(1, 7, std::slice::from_ref(&found), 5);
    let told = city.explain(&case(State::Open, 1, &[found]), false);
    let json = serde_json::to_string(&told).expect("text keys");
    for text in [json, text(&told, Lang::Zh), text(&told, Lang::En)] {
        for secret in [ID, NAME, ACCOUNT, "13800000000", "330623198001012381"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains("王**") && text.contains("3306**********2318"), "{text}");
    }
    assert_eq!(told.sources[1].hidden_columns, 1);
}

#[test]
fn the_numbers_are_those_of_the_night_that_found_it() {
    let city = City::new();
    let (first, second) = (finding("G01", 7, &[5, 6]), finding("G01", 20, &[1, 2]));
    city.night(1, 7, std::slice::from_ref(&first), 5);
    city.night(2, 20, std::slice::from_ref(&second), 1);
    let told = city.explain(&case(State::Open, 1, &[second]), false);
    assert_eq!(told.rules[0].night, Some(night(2)));
    assert_eq!(told.identities.iter().map(|it| &*it.feed).collect::<Vec<_>>(), ["civil/death", "finance/payroll"]);
    assert_eq!(told.sources[1].rows[0].row, Some(5));
}

#[test]
fn a_rule_that_was_skipped_speaks_from_its_last_night() {
    let city = City::new();
    let both = [finding("G01", 7, &[5, 6]), finding("G03", 7, &[5])];
    city.night(1, 7, &both, 5);
    city.night(2, 20, &[finding("G03", 20, &[1])], 1);
    let told = city.explain(&case(State::Open, 1, &both), false);
    assert_eq!(told.rules.iter().map(|it| (&*it.id, it.night)).collect::<Vec<_>>(), [("G01", Some(night(1))), ("G03", Some(night(2)))]);
    let deliveries: Vec<_> = told.sources.iter().map(|it| (&*it.feed, it.night, it.rows.len())).collect();
    let expected =
        [("civil/death", night(1), 1), ("civil/death", night(2), 1), ("finance/payroll", night(1), 2), ("finance/payroll", night(2), 1)];
    assert_eq!(deliveries, expected);
}

#[test]
fn a_cured_case_is_explained_by_the_night_before() {
    let city = City::new();
    let found = finding("G01", 7, &[5, 6]);
    city.night(1, 7, std::slice::from_ref(&found), 5);
    city.night(2, 9, &[], 5);
    let told = city.explain(&case(State::Cured, 2, &[found]), false);
    assert_eq!((told.rules[0].night, told.sources.len()), (Some(night(1)), 2));
}

#[test]
fn what_was_deleted_in_its_time_is_told_as_gone() {
    let city = City::new();
    let found = finding("G01", 7, &[5, 6]);
    let case = case(State::Open, 1, std::slice::from_ref(&found));
    city.night(1, 7, &[found], 5);
    fs::remove_dir_all(city.data().join("deliveries/finance")).expect("deleted");
    let told = city.explain(&case, false);
    assert_eq!(told.sources.iter().map(|it| it.gone).collect::<Vec<_>>(), [false, true]);

    fs::remove_dir_all(city.data().join("nights")).expect("deleted");
    let told = city.explain(&case, false);
    assert_eq!((told.rules[0].night, told.rules[0].lines.len(), told.sources.len()), (None, 2, 0));
}

#[test]
fn a_unit_is_explained_by_how_the_sources_write_it() {
    let city = City::new();
    let unit = Finding { subject: Subject::Unit { key: "u-330683-017".into(), id: 3 }, ..finding("E01", 7, &[]) };
    city.night(1, 7, std::slice::from_ref(&unit), 5);
    let told = city.explain(&case(State::Open, 1, &[unit]), false);
    assert_eq!(told.subject.unit.as_deref(), Some("水利局 330683-017"));
    assert_eq!(told.references.iter().map(|it| it.method.as_deref()).collect::<Vec<_>>(), [Some("code"), Some("alias")]);
    assert!(text(&told, Lang::En).contains("declared alias"));
}

#[test]
fn broken_evidence_is_an_error_and_not_an_empty_page() {
    let city = City::new();
    let found = finding("G01", 7, &[5, 6]);
    city.night(1, 7, std::slice::from_ref(&found), 5);
    let place = city.data().join("nights").join(night(1).to_string());
    fs::write(place.join("identity.parquet"), "not Parquet").expect("written");
    assert!(load(&city.archive, &case(State::Open, 1, &[found]), &[], &columns(), false).is_err());
}

#[test]
fn the_page_reads_like_this() {
    let city = City::new();
    let found = finding("G01", 7, &[5, 6]);
    city.night(1, 7, std::slice::from_ref(&found), 5);
    let mut told = city.explain(&case(State::Open, 1, &[found]), false);
    told.rules[0].card = Some(CardTold {
        title: Title { zh: "死亡后仍发工资".into(), en: "Paid after death".into() },
        meaning: Title {
            zh: "死亡登记显示某人已经去世，而所属月份晚于死亡月份的工资批次里仍有此人的在职工资。死亡当月工资照发；从次月起，每一笔都是发给无权领取之人的钱。".into(),
            en: "A death register says that the person has died, and salary lines for months after the month of death exist.".into(),
        },
        innocent: Title { zh: "- 死亡次月的批次已经制作。\n- 补发、抚恤金。".into(), en: String::new() },
        review: Title { zh: "先核死亡证明。".into(), en: "Check the certificate.".into() },
        version: "0123456789ab".into(),
    });
    assert_eq!(text(&told, Lang::Zh), include_str!("page.zh.txt"));
    assert_eq!(text(&told, Lang::En), include_str!("page.en.txt"));
}
