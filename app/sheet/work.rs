//! The worklist: what is to be done about each case, and yellow columns in which a reviewer says what was found. The sheet is read
//! back by `muster case import`, which knows its columns by their heads.

use muster_core::case::State;
use muster_core::case::work::{Outcome, Verdict};
use muster_core::report::{Cell, total};
use rust_xlsxwriter::{ColNum, Color, DataValidation, ExcelDateTime, Format, RowNum, Worksheet, XlsxError};

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
const TOLD: [Column; 11] = [
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
];

/// What reviewers say.
const ASKED: [Column; 4] = [
    Column("结论（选）", "Outcome", 24.0),
    Column("有效至", "Holds until", 13.0),
    Column("依据与说明", "Reason and document", 36.0),
    Column("复核意见（选）", "Second pair of eyes", 13.0),
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
    let outcomes: Vec<String> = Outcome::ALL.iter().map(|it| choice(*it, lang)).collect();
    sheet.add_data_validation(1, first, last, first, &list(&outcomes, lang.pick("核查结论", "What it turned out to be"))?)?;
    sheet.add_data_validation(1, first + 1, last, first + 1, &day(lang)?)?;
    let agreed = [AGREED[usize::from(lang == Lang::En)].to_owned()];
    sheet.add_data_validation(1, first + 3, last, first + 3, &list(&agreed, lang.pick("另一人复核", "By another person"))?)?;
    look::colour_words(sheet, 1, (1, last), SEVERITY_COLOURS)?;
    sheet.autofilter(0, 0, last, first + ASKED.len() as ColNum - 1)?;
    sheet.set_freeze_panes(1, 1)?;
    put_text(
        sheet,
        last + 2,
        0,
        lang.pick(
            "黄色栏由核查人填写：选结论、写依据（合规情形须写有效至），或只写说明作为备注；填好后交回，由 muster case import 导入。",
            "Fill in the yellow columns: choose an outcome and say why (an explanation says until when it holds), or write a remark alone; send it back for `muster case import`.",
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
    ]
}

fn maybe_person(it: &Worked, night: &Night) -> Cell {
    let person = night.people.values().find(|person| person.key == it.case.subject.key());
    person.and_then(|it| it.name.clone()).map_or(Cell::Blank, Cell::Text)
}

fn list(words: &[String], title: &str) -> Result<DataValidation, XlsxError> {
    // Excel holds 255 characters of a list in the cell; ours are fewer in Chinese, and shortened in English.
    let mut short: Vec<String> = words.to_vec();
    while short.iter().map(|it| it.chars().count() + 1).sum::<usize>() > 255 {
        let longest = short.iter().map(|it| it.chars().count()).max().unwrap_or(0);
        for it in short.iter_mut().filter(|it| it.chars().count() == longest) {
            *it = it.chars().take(longest - 1).collect();
        }
    }
    DataValidation::new().allow_list_strings(&short)?.set_input_title(title)
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
    let heads: [(&str, &str, f64); 7] = [
        ("案件编号", "Case", 17.0),
        ("规则", "Rules", 12.0),
        ("单位", "Unit", 26.0),
        ("结论", "Outcome", 26.0),
        ("有效至", "Holds until", 13.0),
        ("尚余天数", "Days left", 10.0),
        ("已追回（元）", "Recovered (CNY)", 16.0),
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
        let rest = [
            (it.standing.until.map_or(Cell::Blank, Cell::Date), if near { &look.late } else { &look.date }),
            (left.map_or(Cell::Blank, Cell::Number), &look.number),
            (Cell::Money(it.standing.recovered_fen), &look.money),
        ];
        for (col, (cell, format)) in [number, rules, unit, outcome].into_iter().chain(rest).enumerate() {
            put(sheet, row, col as ColNum, &cell, format)?;
        }
    }
    sheet.set_freeze_panes(1, 1)?;
    look::print_setup(sheet, look, title, Some((0, 0)))
}
