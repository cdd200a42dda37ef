//! The worklist: what is to be done about each case, and yellow columns in which a reviewer says what was found. The sheet is read
//! back by `muster case import`, which knows its columns by their heads.

use chrono::NaiveDate;
use muster_core::case::State;
use muster_core::case::explanation::{self, Explanation};
use muster_core::case::work::{Measure, Outcome, Verdict};
use muster_core::report::{Cell, total};
use rust_xlsxwriter::{ColNum, Color, DataValidation, ExcelDateTime, Format, Formula, RowNum, Worksheet, XlsxError};

use super::look::{self, Look, SEVERITY_COLOURS, put, put_text};
use crate::case;
use crate::night::Night;
use crate::store::work::Worked;
use crate::words::Lang;

/// Within so many days the end of an explanation is near.
const NEAR_DAYS: i64 = 30;

/// A column: 中文 and English head, width, and what it is for.
struct Column(&'static str, &'static str, f64);

/// What the hub says.
const TOLD: [Column; 13] = [
    Column("案件编号", "Case", 17.0),
    Column("级别", "Severity", 7.0),
    Column("类别", "Family", 16.0),
    Column("规则", "Rules", 12.0),
    Column("单位", "Unit", 26.0),
    Column("对象", "Who", 10.0),
    Column("状态", "Stage", 12.0),
    Column("承办", "With", 12.0),
    Column("时限", "Due", 12.0),
    Column("现有结论", "Outcome so far", 20.0),
    Column("已办次数", "Acts so far", 9.0),
    Column("疑点金额（元）", "Suspected (CNY)", 15.0),
    Column("逾期已报", "Escalated to", 11.0),
];

/// What reviewers say.
const ASKED: [Column; 5] = [
    Column("结论（选）", "Outcome", 24.0),
    Column("有效至", "Holds until", 13.0),
    Column("依据与说明", "Reason and document", 36.0),
    Column("复核意见（选）", "Second pair of eyes", 13.0),
    Column("说明类型（选）", "Explanation", 24.0),
];

/// Heads by which `muster case import` finds the columns: number, acts so far, outcome, until, reason, second.
pub const READ_BACK: [[&str; 2]; 6] = [
    [TOLD[0].0, TOLD[0].1],
    [TOLD[10].0, TOLD[10].1],
    [ASKED[0].0, ASKED[0].1],
    [ASKED[1].0, ASKED[1].1],
    [ASKED[2].0, ASKED[2].1],
    [ASKED[3].0, ASKED[3].1],
];

/// Head of the column in which an explanation may be named.
pub const EXPLANATION: [&str; 2] = [ASKED[4].0, ASKED[4].1];

/// What stands in the list for agreeing with a decision.
pub const AGREED: [&str; 2] = ["同意", "agreed"];

/// The sheet's name.
pub fn name(lang: Lang) -> &'static str {
    lang.pick("办理清单", "Worklist")
}

/// An outcome as it is chosen from the list.
pub fn choice(it: Outcome, lang: Lang) -> String {
    format!("{it:?} {}", lang.pick(it.label().0, it.label().1))
}

/// The sheet that holds the words of the lists: Excel keeps no more than 255 characters of a list in a cell.
fn codes_name(lang: Lang) -> &'static str {
    lang.pick("代码", "Codes")
}

/// Writes the codes that may be chosen: outcomes, and the explanations beside them.
pub fn codes(sheet: &mut Worksheet, look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    sheet.set_name(codes_name(lang))?;
    for (col, (zh, en)) in [("结论", "Outcome"), ("说明类型", "Explanation")].into_iter().enumerate() {
        sheet.set_column_width(col as ColNum, 42.0)?;
        put_text(sheet, 0, col as ColNum, lang.pick(zh, en), &look.head)?;
    }
    let outcomes = Outcome::ALL.into_iter().map(|it| choice(it, lang));
    let explanations = Explanation::all().map(|it| format!("{} {}", it.code(), lang.pick(it.label().0, it.label().1)));
    let columns: [Vec<String>; 2] = [outcomes.collect(), explanations.collect()];
    for (col, words) in columns.iter().enumerate() {
        for (at, word) in words.iter().enumerate() {
            put_text(sheet, at as RowNum + 1, col as ColNum, word, &look.text)?;
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    look::print_setup(sheet, look, codes_name(lang), Some((0, 0)))
}

/// Writes the open cases of `work`, what is late and grave first.
pub fn write(sheet: &mut Worksheet, night: &Night, work: &[Worked], look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    sheet.set_name(name(lang))?.set_tab_color(Color::RGB(0xF2_B807));
    let mut open: Vec<&Worked> = work.iter().filter(|it| it.case.state.is_open()).collect();
    let late = |it: &Worked| it.standing.due.is_some_and(|due| due < night.tonight);
    open.sort_by_key(|it| (!late(it), total::gravest(&it.case), it.standing.due, it.case.number.clone()));
    for (at, Column(zh, en, width)) in TOLD.iter().chain(&ASKED).enumerate() {
        sheet.set_column_width(at as ColNum, *width)?;
        put_text(sheet, 0, at as ColNum, lang.pick(zh, en), &look.head)?;
    }
    sheet.set_row_height(0, look::height(2))?;
    for (at, it) in open.iter().enumerate() {
        let row = at as RowNum + 1;
        for (col, (cell, format)) in told(it, night, late(it), look).into_iter().enumerate() {
            put(sheet, row, col as ColNum, &cell, format)?;
        }
        for col in TOLD.len()..TOLD.len() + ASKED.len() {
            sheet.write_blank(row, col as ColNum, &look.fill_in)?;
        }
        sheet.set_row_height(row, look::height(2))?;
    }
    let last = (open.len() as RowNum).max(1);
    let first = TOLD.len() as ColNum;
    let outcomes = one_of(lang, 'A', Outcome::ALL.len(), lang.pick("核查结论", "What it turned out to be"))?;
    sheet.add_data_validation(1, first, last, first, &outcomes)?;
    let explanations = one_of(lang, 'B', explanation::ALL.len(), lang.pick("属于哪类说明，可不填", "Which kind; may stay empty"))?;
    sheet.add_data_validation(1, first + 4, last, first + 4, &explanations)?;
    sheet.add_data_validation(1, first + 1, last, first + 1, &day(lang)?)?;
    let agreed = [AGREED[usize::from(lang == Lang::En)]];
    let agreed = DataValidation::new().allow_list_strings(&agreed)?.set_input_title(lang.pick("另一人复核", "By another person"))?;
    sheet.add_data_validation(1, first + 3, last, first + 3, &agreed)?;
    look::colour_words(sheet, 1, (1, last), SEVERITY_COLOURS)?;
    sheet.autofilter(0, 0, last, first + ASKED.len() as ColNum - 1)?;
    sheet.set_freeze_panes(1, 1)?;
    put_text(
        sheet,
        last + 2,
        0,
        lang.pick(
            "黄色栏由核查人填写：选结论、写依据（合规情形须写有效至），或只写说明作为备注；与另案重复的选 Dup 并在说明中写另案编号；填好后交回，由 muster case import 导入。",
            "Fill in the yellow columns: choose an outcome and say why (an explanation says until when it holds), or write a remark alone; of a duplicate choose Dup and say the other number; send it back for `muster case import`.",
        ),
        &look.hint,
    )?;
    look::print_setup(sheet, look, name(lang), Some((0, 0)))
}

fn told<'a>(it: &Worked, night: &Night, late: bool, look: &'a Look) -> Vec<(Cell, &'a Format)> {
    let (lang, standing) = (look.lang, &it.standing);
    let text = |it: &str| Cell::Text(it.to_owned());
    let units: Vec<&str> = it.case.findings.values().filter_map(|it| it.unit_code.as_deref()).collect();
    let unit = units.first().map_or("", |code| night.units.values().find(|it| it.code == *code).map_or(*code, |it| it.name.as_str()));
    let rules: Vec<&str> = it.case.findings.keys().map(String::as_str).collect();
    let (zh, en) = it.case.family.label();
    vec![
        (text(it.case.number.as_deref().unwrap_or_default()), &look.id),
        (Cell::Text(format!("{:?}", total::gravest(&it.case))), &look.middle),
        (text(lang.pick(zh, en)), &look.text),
        (Cell::Text(rules.join(" ")), &look.text),
        (text(unit), &look.text),
        (maybe_person(it, night), &look.middle),
        (text(case::stage(it.case.state, standing, lang)), &look.middle),
        (text(standing.assigned_to.as_deref().unwrap_or_default()), &look.middle),
        (standing.due.map_or(Cell::Blank, Cell::Date), if late { &look.late } else { &look.date }),
        (standing.outcome.map_or(Cell::Blank, |it| Cell::Text(choice(it, lang))), &look.text),
        (Cell::Number(it.acts.len() as i64), &look.number),
        (Cell::Money(it.amounts().suspected_fen), &look.money),
        (it.escalated.iter().map(|it| it.0).max().map_or(Cell::Blank, |it| text(lang.pick(it.label().0, it.label().1))), &look.middle),
    ]
}

fn maybe_person(it: &Worked, night: &Night) -> Cell {
    let person = night.people.values().find(|person| person.key == it.case.subject.key());
    person.and_then(|it| it.name.clone()).map_or(Cell::Blank, Cell::Text)
}

/// One of the `count` words in a column of the sheet of codes.
fn one_of(lang: Lang, column: char, count: usize, title: &str) -> Result<DataValidation, XlsxError> {
    let words = format!("='{}'!${column}$2:${column}${}", codes_name(lang), count + 1);
    DataValidation::new().allow_list_formula(Formula::new(words)).set_input_title(title)
}

fn day(lang: Lang) -> Result<DataValidation, XlsxError> {
    let from = ExcelDateTime::from_ymd(2000, 1, 1)?;
    DataValidation::new()
        .allow_date(rust_xlsxwriter::DataValidationRule::GreaterThan(from))
        .set_input_title(lang.pick("有效至", "Holds until"))?
        .set_input_message(lang.pick("合规情形的截止日期，如 2027-06-30", "The day up to which an explanation holds, like 2027-06-30"))
}

/// Writes what is decided: what holds until when, the end that is nearest first.
pub fn decided(sheet: &mut Worksheet, night: &Night, work: &[Worked], look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    let title = lang.pick("已有结论", "Decided");
    sheet.set_name(title)?.set_tab_color(Color::RGB(0x2F_855A));
    let heads: [(&str, &str, f64); 12] = [
        ("案件编号", "Case", 17.0),
        ("规则", "Rules", 12.0),
        ("单位", "Unit", 26.0),
        ("结论", "Outcome", 26.0),
        ("有效至", "Holds until", 13.0),
        ("尚余天数", "Days left", 10.0),
        ("处置措施", "Measures", 26.0),
        ("时限", "Due", 12.0),
        ("查实（元）", "Detected (CNY)", 15.0),
        ("避免（元）", "Prevented (CNY)", 15.0),
        ("已追回（元）", "Recovered (CNY)", 15.0),
        ("尚欠（元）", "Outstanding (CNY)", 15.0),
    ];
    for (at, (zh, en, width)) in heads.into_iter().enumerate() {
        sheet.set_column_width(at as ColNum, width)?;
        put_text(sheet, 0, at as ColNum, lang.pick(zh, en), &look.head)?;
    }
    sheet.set_row_height(0, look::height(2))?;
    let mut done: Vec<&Worked> = work.iter().filter(|it| matches!(it.case.state, State::Settled(_))).collect();
    done.sort_by_key(|it| (it.standing.until.is_none(), it.standing.until, it.case.number.clone()));
    for (at, it) in done.iter().enumerate() {
        let mut cells = told(it, night, false, look);
        let (outcome, unit, rules, number) = (cells.remove(9), cells.remove(4), cells.remove(3), cells.remove(0));
        let left = it.standing.until.map(|until| (until - night.tonight).num_days());
        let near = left.is_some_and(|it| it <= NEAR_DAYS) && it.standing.outcome.is_some_and(|it| it.verdict() == Verdict::Explained);
        let row = at as RowNum + 1;
        let measure = |(measure, from): &(Measure, NaiveDate)| format!("{} {from}", lang.pick(measure.label().0, measure.label().1));
        let measures: Vec<String> = it.standing.measures.iter().map(measure).collect();
        let late = if it.is_overdue(night.tonight) { &look.late } else { &look.date };
        let amounts = it.amounts();
        let rest = [
            (it.standing.until.map_or(Cell::Blank, Cell::Date), if near { &look.late } else { &look.date }),
            (left.map_or(Cell::Blank, Cell::Number), &look.number),
            (if measures.is_empty() { Cell::Blank } else { Cell::Text(measures.join("\n")) }, &look.text),
            (it.standing.due.map_or(Cell::Blank, Cell::Date), late),
            (Cell::Money(amounts.detected_fen), &look.money),
            (Cell::Money(amounts.prevented_fen), &look.money),
            (Cell::Money(amounts.recovered_fen), &look.money),
            (Cell::Money(amounts.outstanding_fen), &look.money),
        ];
        for (col, (cell, format)) in [number, rules, unit, outcome].into_iter().chain(rest).enumerate() {
            put(sheet, row, col as ColNum, &cell, format)?;
        }
        sheet.set_row_height(row, look::height(measures.len().max(2)))?;
    }
    sheet.set_freeze_panes(1, 1)?;
    look::print_setup(sheet, look, title, Some((0, 0)))
}

/// Writes the overdue board: which units have late cases, since when, and who above has heard of it.
pub fn overdue(sheet: &mut Worksheet, night: &Night, work: &[Worked], look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    let title = lang.pick("逾期看板", "Overdue");
    sheet.set_name(title)?.set_tab_color(Color::RGB(0xC5_3030));
    let heads: [(&str, &str, f64); 6] = [
        ("单位", "Unit", 34.0),
        ("逾期件数", "Cases overdue", 11.0),
        ("其中 S1", "Of them S1", 9.0),
        ("最早时限", "Due first", 13.0),
        ("已报至", "Escalated to", 16.0),
        ("案件编号", "Cases", 70.0),
    ];
    for (at, (zh, en, width)) in heads.into_iter().enumerate() {
        sheet.set_column_width(at as ColNum, width)?;
        put_text(sheet, 0, at as ColNum, lang.pick(zh, en), &look.head)?;
    }
    let board = case::overdue(work, night.tonight);
    for (at, it) in board.iter().enumerate() {
        let row = at as RowNum + 1;
        let name = night.units.values().find(|unit| unit.code == it.unit).map_or(it.unit.as_str(), |it| it.name.as_str());
        let step = it.escalated_to.map(|it| lang.pick(it.label().0, it.label().1)).unwrap_or_default();
        let numbers = it.numbers.join(" ");
        put_text(sheet, row, 0, if name.is_empty() { lang.pick("（无单一单位）", "(no one unit)") } else { name }, &look.text)?;
        put(sheet, row, 1, &Cell::Number(it.numbers.len() as i64), &look.number)?;
        put(sheet, row, 2, &Cell::Number(it.gravest as i64), &look.quiet)?;
        put(sheet, row, 3, &Cell::Date(it.oldest_due), &look.late)?;
        put_text(sheet, row, 4, step, &look.middle)?;
        put_text(sheet, row, 5, &numbers, &look.text)?;
        sheet.set_row_height(row, look::height(look::lines(&numbers, 69).max(1)))?;
    }
    if board.is_empty() {
        put_text(sheet, 1, 0, lang.pick("没有逾期案件。", "No case is overdue."), &look.hint)?;
    }
    sheet.set_freeze_panes(1, 1)?;
    look::print_setup(sheet, look, title, Some((0, 0)))
}
