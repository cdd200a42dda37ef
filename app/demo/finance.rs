//! The finance bureau's files: a workbook a month, and of the newest three months the new system's CSV.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use rust_xlsxwriter::{DocProperties, Format, FormatAlign, Workbook, XlsxError};

use super::Trouble;
use super::calendar::{add_months, day_in, months, months_between};
use super::city::City;
use super::parallel::by_month;
use super::pay::{self, Amounts};
use super::person::{PayKind, Person, Repeat, Source};
use super::sheet::{Csv, Encoding, accounting};

/// One line of a batch.
struct Line<'a> {
    unit: usize,
    person: &'a Person,
    kind: PayKind,
    amounts: Amounts,
    arrears: Option<(i32, i32)>,
}

/// Writes every month's file into `folder`. Gives the files and the number of lines.
pub fn write(city: &City, folder: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<(Vec<PathBuf>, u64), Trouble> {
    let all: Vec<i32> = months(city.window.first, city.window.last).collect();
    let written = by_month(&all, |month| {
        progress(&format!("finance {month}"));
        write_month(city, folder, month)
    })?;
    let lines = written.iter().map(|it| it.1).sum();
    Ok((written.into_iter().map(|it| it.0).collect(), lines))
}

fn write_month(city: &City, folder: &Path, month: i32) -> Result<(PathBuf, u64), Trouble> {
    let lines = lines(city, month);
    let newest = months_between(month, city.window.last) < 3;
    let name = if newest { format!("GZFF_{month}.csv") } else { format!("工资发放表-{}年{:02}月.xlsx", month / 100, month % 100) };
    let path = folder.join(name);
    if newest {
        csv(city, month, &lines, &path)?;
    } else {
        workbook(city, month, &lines).and_then(|mut book| book.save(&path)).map_err(|error| Trouble::workbook(&path, &error))?;
    }
    Ok((path, lines.len() as u64))
}

/// The lines of a month's batch, unit by unit.
fn lines(city: &City, month: i32) -> Vec<Line<'_>> {
    let mut lines: Vec<(usize, usize, Line)> = Vec::new();
    for (at, person) in city.people.iter().enumerate() {
        for pay in person.pay.iter().filter(|it| it.from <= month && month <= it.to) {
            let amounts = pay::line(person, pay.kind, pay.percent, city.window.first, month);
            let repeat = person.repeated.iter().find(|(it, _)| *it == month && pay.kind == PayKind::Salary).map(|(_, it)| *it);
            let copies: &[Amounts] = match repeat {
                None => &[amounts],
                Some(Repeat::Twice) => &[amounts, amounts],
                Some(Repeat::Corrected) => &[amounts, amounts.reversed(), amounts],
            };
            let line =
                |amounts: &Amounts| (pay.unit, at, Line { unit: pay.unit, person, kind: pay.kind, amounts: *amounts, arrears: None });
            lines.extend(copies.iter().map(line));
        }
        for single in person.singles.iter().filter(|it| it.month == month) {
            let amounts = Amounts::lump(single.gross_fen);
            lines.push((single.unit, at, Line { unit: single.unit, person, kind: single.kind, amounts, arrears: single.arrears }));
        }
    }
    // A stable sort: the lines of one person stay in their order.
    lines.sort_by_key(|(unit, at, _)| (*unit, *at));
    lines.into_iter().map(|(.., line)| line).collect()
}

const HEADER: [&str; 16] = [
    "序号",
    "单位编码",
    "单位名称",
    "姓名",
    "公民身份号码",
    "发放类别",
    "基本工资",
    "津贴补贴",
    "绩效工资",
    "应发合计",
    "代扣合计",
    "实发合计",
    "单位缴费",
    "补发起月",
    "补发止月",
    "银行账号",
];

fn word(kind: PayKind) -> &'static str {
    match kind {
        PayKind::Salary => "在职工资",
        PayKind::Arrears => "补发工资",
        PayKind::Performance => "年终绩效",
        PayKind::Retirement => "离退休费",
        PayKind::Survivor => "遗属抚恤",
        PayKind::Rehired => "返聘劳务",
        PayKind::NonQuota => "编外工资",
        PayKind::OneOff => "一次性劳务",
    }
}

fn workbook(city: &City, month: i32, lines: &[Line]) -> Result<Workbook, XlsxError> {
    let mut book = Workbook::new();
    // A fixed day of creation: the same city gives the same bytes.
    let made_on = day_in(add_months(month, 1), 5);
    book.set_properties(&DocProperties::new().set_author("嵊州市财政国库支付中心").set_creation_datetime(&at_nine(made_on)));
    let title = Format::new().set_bold().set_font_size(14).set_align(FormatAlign::Center);
    let head = Format::new().set_bold().set_align(FormatAlign::Center);
    let money = Format::new().set_num_format("#,##0.00");
    let sheet = book.add_worksheet();
    sheet.set_name("工资发放表")?;
    let last_column = HEADER.len() as u16 - 1;
    let text = format!("嵊州市机关事业单位统发工资发放表（{}年{}月）", month / 100, month % 100);
    sheet.merge_range(0, 0, 0, last_column, &text, &title)?;
    sheet.write(1, 0, "编制单位：嵊州市财政国库支付中心")?;
    sheet.write(1, 9, "金额单位：元")?;
    for (column, name) in (0_u16..).zip(HEADER) {
        sheet.write_with_format(2, column, name, &head)?;
    }
    sheet.set_column_width(2, 28)?.set_column_width(4, 21)?.set_column_width(15, 22)?;
    sheet.set_freeze_panes(3, 0)?;
    let mut row = 3;
    for line in lines {
        let (id, name) = line.person.as_written(Source::Finance, month);
        let unit = &city.units[line.unit];
        sheet.write(row, 0, row - 2)?;
        for (column, text) in
            [(1, unit.finance_code.as_str()), (2, &unit.written[1]), (3, name), (4, id), (5, word(line.kind)), (15, &line.person.account)]
        {
            sheet.write_string(row, column, text)?;
        }
        for (column, fen) in (6..).zip(columns(&line.amounts)) {
            sheet.write_number_with_format(row, column, fen as f64 / 100.0, &money)?;
        }
        if let Some((from, to)) = line.arrears {
            sheet.write_string(row, 13, from.to_string())?.write_string(row, 14, to.to_string())?;
        }
        row += 1;
    }
    sheet.write(row, 0, "合计")?;
    for (column, fen) in (6..).zip(totals(lines)) {
        sheet.write_number_with_format(row, column, fen as f64 / 100.0, &money)?;
    }
    sheet.write(row + 1, 0, "制表人：        复核人：        单位负责人：")?;
    Ok(book)
}

fn at_nine(day: NaiveDate) -> chrono::NaiveDateTime {
    day.and_hms_opt(9, 0, 0).unwrap_or_default()
}

/// The money columns of a line, in the order of both files.
fn columns(it: &Amounts) -> [i64; 7] {
    [it.base, it.allowance, it.performance, it.gross, it.deduction, it.net, it.employer]
}

fn totals(lines: &[Line]) -> [i64; 7] {
    lines.iter().fold([0; 7], |sums, line| {
        let cells = columns(&line.amounts);
        std::array::from_fn(|at| sums[at] + cells[at])
    })
}

/// The new system has other headers, codes in place of words, and amounts as accountants write them.
fn csv(city: &City, month: i32, lines: &[Line], path: &Path) -> Result<(), Trouble> {
    let title = format!("嵊州市财政国库支付中心 工资发放明细 {}年{}月", month / 100, month % 100);
    let mut csv = Csv::titled(
        Encoding::Gb18030,
        Some(&title),
        &[
            "批次号",
            "所属期",
            "发放日期",
            "单位代码",
            "单位",
            "职工姓名",
            "身份证号",
            "类别",
            "基本工资",
            "津贴补贴",
            "绩效工资",
            "应发工资",
            "代扣合计",
            "实发工资",
            "单位缴费",
            "补发起",
            "补发止",
            "银行帐号",
            "户名",
        ],
    );
    let paid_on = day_in(month, 10).format("%Y-%m-%d").to_string();
    let period = month.to_string();
    for line in lines {
        let (id, name) = line.person.as_written(Source::Finance, month);
        let unit = &city.units[line.unit];
        let money = columns(&line.amounts).map(accounting);
        let (from, to) = line.arrears.map_or_else(Default::default, |(from, to)| (from.to_string(), to.to_string()));
        let batch = format!("{month}-{}", code(line.kind));
        let before = [&batch, &period, &paid_on, &unit.finance_code, &unit.written[1]].map(String::as_str);
        let who = [name, id, code(line.kind)];
        let after = [from.as_str(), &to, &line.person.account, name];
        csv.line(before.into_iter().chain(who).chain(money.iter().map(String::as_str)).chain(after));
    }
    let sums = totals(lines).map(accounting);
    csv.line(["合计", "", "", "", "", "", "", ""].into_iter().chain(sums.iter().map(String::as_str)).chain(["", "", "", ""]));
    csv.save(path)
}

fn code(kind: PayKind) -> &'static str {
    match kind {
        PayKind::Salary => "01",
        PayKind::Arrears => "02",
        PayKind::Performance => "03",
        PayKind::Retirement => "11",
        PayKind::Survivor => "31",
        PayKind::Rehired => "21",
        PayKind::NonQuota => "22",
        PayKind::OneOff => "23",
    }
}
