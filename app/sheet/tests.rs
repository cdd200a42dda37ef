use std::io::Cursor;

use calamine::{Data, DataType, Range, Reader, Xlsx};
use muster_core::mask;
use muster_core::report::{Value, shipped_columns};

use super::*;
use crate::sample;

fn settings(lang: Lang, full_ids: bool) -> SheetSettings {
    SheetSettings { lang, full_ids, columns: shipped_columns() }
}

fn bytes(night: &Night, settings: &SheetSettings) -> Vec<u8> {
    workbook(&Book { night, cards: &sample::cards(), settings, mark: None, reader: BookReader::Night }).expect("a workbook")
}

fn open(night: &Night, settings: &SheetSettings) -> Xlsx<Cursor<Vec<u8>>> {
    Xlsx::new(Cursor::new(bytes(night, settings))).expect("readable")
}

fn cells(book: &mut Xlsx<Cursor<Vec<u8>>>) -> Vec<(String, Range<Data>)> {
    book.worksheets()
}

fn texts(book: &mut Xlsx<Cursor<Vec<u8>>>) -> Vec<String> {
    let ranges = cells(book);
    ranges.iter().flat_map(|(_, range)| range.used_cells()).filter_map(|(_, _, cell)| cell.get_string().map(str::to_owned)).collect()
}

#[test]
fn the_sheets_are_the_cover_the_families_with_cases_and_the_lists() {
    let book = open(&sample::night(), &settings(Lang::Zh, false));
    let expected = [
        "封面与统计",
        "吃空饷线索",
        "在编不在岗线索",
        "重复占用线索",
        "编制与机构线索",
        "登记滞后线索",
        "数据质量线索",
        "编制提示表",
        "数据质量",
        "规则说明",
    ];
    assert_eq!(book.sheet_names(), expected);
    let book = open(&sample::night(), &settings(Lang::En, false));
    assert_eq!(book.sheet_names()[..3], ["Summary", "Leads - ghost payroll", "Leads - absent on post"]);
}

#[test]
fn no_text_becomes_a_formula() {
    let mut night = sample::night();
    for (person, name) in night.people.values_mut().zip(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"].iter().cycle()) {
        person.name = Some((*name).into());
    }
    let mut book = open(&night, &settings(Lang::Zh, true));
    for name in book.sheet_names() {
        let formulas = book.worksheet_formula(&name).expect("readable");
        assert_eq!(formulas.used_cells().count(), 0, "{name}");
    }
    let texts = texts(&mut book);
    for name in ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0"] {
        assert!(texts.iter().any(|it| it == name), "{name} is kept as it is written");
    }
}

#[test]
fn id_numbers_are_text_and_whole_only_when_the_operator_says_so() {
    let night = sample::night();
    let id = night.people.values().find_map(|it| it.id_number.clone()).expect("the sample's people have numbers");
    let masks = texts(&mut open(&night, &settings(Lang::Zh, false)));
    assert!(masks.contains(&mask::id_number(&id)) && !masks.contains(&id));
    let whole = texts(&mut open(&night, &settings(Lang::Zh, true)));
    assert!(whole.contains(&id), "as text: eighteen digits are more than a number of Excel's can hold");
}

#[test]
fn money_days_and_counts_are_numbers() {
    let (_, ghosts) = cells(&mut open(&sample::night(), &settings(Lang::Zh, false))).swap_remove(1);
    let at = |value| shipped_columns().iter().position(|it| it.value == value).expect("a shipped column") as u32;
    assert_eq!(ghosts.get_value((0, at(Value::Amount))), Some(&Data::String("涉及金额（元）".into())));
    assert_eq!(ghosts.get_value((1, at(Value::Amount))), Some(&Data::Float(38_577.0)));
    assert!(matches!(ghosts.get_value((1, at(Value::OpenedOn))), Some(Data::DateTime(_))));
    assert_eq!(ghosts.get_value((1, at(Value::Severity))), Some(&Data::String("S1".into())));
}

#[test]
fn the_balance_line_adds_up_or_says_that_it_does_not() {
    let mut night = sample::night();
    assert!(texts(&mut open(&night, &settings(Lang::Zh, false))).iter().any(|it| it == "✓ 平衡"));
    night.events.pop();
    night.events.pop();
    assert!(texts(&mut open(&night, &settings(Lang::Zh, false))).iter().any(|it| it == "✗ 不平"));
}

#[test]
fn the_same_night_gives_the_same_bytes() {
    let night = sample::night();
    assert_eq!(bytes(&night, &settings(Lang::Zh, true)), bytes(&night, &settings(Lang::Zh, true)));
}

#[test]
fn an_english_workbook_has_no_chinese_label() {
    let mut book = open(&sample::without_chinese(sample::night()), &settings(Lang::En, false));
    let left: Vec<String> = texts(&mut book).into_iter().filter(|it| sample::has_chinese(it)).collect();
    assert_eq!(left, Vec::<String>::new());
    assert!(!book.sheet_names().iter().any(|it| sample::has_chinese(it)));
}

#[test]
fn columns_come_from_the_configuration() {
    let columns = vec![ReportColumn { value: Value::Unit, title: None }, ReportColumn { value: Value::Places, title: None }];
    let mut book = open(&sample::night(), &SheetSettings { columns, ..settings(Lang::Zh, false) });
    let ghosts = book.worksheet_range("吃空饷线索").expect("there");
    assert_eq!(ghosts.width(), 2);
    let mut bare = open(&sample::night(), &SheetSettings { columns: vec![], ..settings(Lang::Zh, false) });
    assert!(bare.worksheet_range("吃空饷线索").expect("there").is_empty());
}
