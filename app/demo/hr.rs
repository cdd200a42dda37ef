//! The personnel system's database: Chinese table and column names, unit names in place of codes, dates as each clerk wrote them.

use std::path::Path;

use chrono::{Datelike, NaiveDate};

use super::Trouble;
use super::calendar::{Sex, add_months, month_of, months, working_days_in};
use super::city::City;
use super::person::{Job, JobKind, Leave, Person, Reason, Secondment, Source};
use super::posts::{self, Class, Post};
use super::sheet::{Cell, Table, write_database};

/// The person columns that most tables begin with.
macro_rules! person_columns {
    ($($own:literal),*) => { &["姓名 TEXT", "身份证号码 TEXT", "出生日期 TEXT", "所在单位 TEXT", $($own),*] };
}

/// Writes the database. Gives the number of rows.
pub async fn write(city: &City, path: &Path) -> Result<u64, Trouble> {
    let known = || city.people.iter().enumerate().filter(|(_, person)| !person.jobs.is_empty());
    let tables = vec![
        Table {
            name: "人员信息",
            columns: &[
                "人员编号 TEXT",
                "姓名 TEXT",
                "性别 TEXT",
                "身份证号码 TEXT",
                "出生日期 TEXT",
                "所在单位 TEXT",
                "用工形式 TEXT",
                "人员状态 TEXT",
                "进入本单位时间 TEXT",
                "离开本单位时间 TEXT",
                "离开原因 TEXT",
                "岗位 TEXT",
                "职级 TEXT",
                "备注 TEXT",
            ],
            rows: Box::new(known().flat_map(|(at, person)| files(city, person, at))),
        },
        Table {
            name: "考勤月报",
            columns: person_columns!(
                "月份 TEXT",
                "应出勤 INTEGER",
                "实出勤 INTEGER",
                "旷工 INTEGER",
                "最长连续旷工 INTEGER",
                "考勤方式 TEXT"
            ),
            // The machines keep a year.
            rows: Box::new(months(city.window.first.max(add_months(city.window.last, -11)), city.window.last).flat_map(move |month| {
                let days = working_days_in(month);
                city.people.iter().enumerate().filter_map(move |(at, person)| attendance(city, person, at, month, days))
            })),
        },
        Table {
            name: "请假登记",
            columns: person_columns!(
                "假别 TEXT",
                "开始日期 TEXT",
                "结束日期 TEXT",
                "销假日期 TEXT",
                "审批单位 TEXT",
                "批准文号 TEXT",
                "待遇 TEXT"
            ),
            rows: Box::new(known().flat_map(|(_, person)| person.leaves.iter().map(move |it| leave(city, person, it)))),
        },
        Table {
            name: "借调登记",
            columns: person_columns!("借入单位 TEXT", "类别 TEXT", "开始日期 TEXT", "结束日期 TEXT", "返回日期 TEXT", "批准文号 TEXT"),
            rows: Box::new(known().flat_map(|(_, person)| person.secondments.iter().map(move |it| secondment(city, person, it)))),
        },
        Table {
            name: "领导任职",
            columns: person_columns!(
                "职务 TEXT",
                "职数类别 TEXT",
                "职务层次 TEXT",
                "兼任 TEXT",
                "任职时间 TEXT",
                "免职时间 TEXT",
                "任免文号 TEXT"
            ),
            rows: Box::new(city.posts.iter().map(|it| appointment(city, it))),
        },
        Table {
            name: "年度考核",
            columns: person_columns!("年度 INTEGER", "考核结果 TEXT"),
            rows: Box::new(known().flat_map(|(at, person)| assessments(city, person, at))),
        },
        Table {
            name: "奖惩登记",
            columns: person_columns!("类别 TEXT", "开始日期 TEXT", "结束日期 TEXT", "待遇 TEXT", "文号 TEXT"),
            rows: Box::new(known().flat_map(|(_, person)| {
                person.sanctions.iter().map(move |it| {
                    let mut row = who(city, person, person.unit());
                    let number = format!("嵊人处〔{}〕{}号", it.from.year(), it.from.ordinal());
                    row.extend([it.kind.into(), dashed(it.from).into(), it.to.map(dashed).into(), it.effect.into(), number.into()]);
                    row
                })
            })),
        },
    ];
    write_database(path, tables).await
}

fn dashed(day: NaiveDate) -> String {
    day.format("%Y-%m-%d").to_string()
}

/// A day as the clerk of that file writes days.
fn in_own_way(day: NaiveDate, clerk: usize) -> String {
    match clerk % 10 {
        0..=4 => dashed(day),
        5..=7 => day.format("%Y.%m.%d").to_string(),
        8 => day.format("%Y/%-m/%-d").to_string(),
        // A spreadsheet's serial number: days since 1899-12-30.
        _ => (day.num_days_from_ce() - 693_594).to_string(),
    }
}

/// Name, number, birthday and unit as HR writes them.
fn who(city: &City, person: &Person, unit: Option<usize>) -> Vec<Cell> {
    let (id, name) = person.as_written(Source::Hr, city.window.last);
    vec![
        name.into(),
        (!id.is_empty()).then_some(id).into(),
        person.birth.format("%Y.%m.%d").to_string().into(),
        unit.map(|it| city.units[it].written[0].clone()).into(),
    ]
}

fn files(city: &City, person: &Person, at: usize) -> Vec<Vec<Cell>> {
    let file = |(n, job): (usize, &Job)| {
        let person_cells = who(city, person, Some(job.unit));
        let [name, id, birth, unit] = <[Cell; 4]>::try_from(person_cells).expect("who gives four cells");
        let kind = match job.kind {
            JobKind::OnQuota if city.units[job.unit].kind == "civil-like" => "2",
            JobKind::OnQuota => "1",
            JobKind::Contract => "3",
            JobKind::Dispatch => "4",
            JobKind::Rehired => "5",
        };
        let (status, reason) = match job.end {
            None if job.off_post => ("02", None),
            None => ("01", None),
            Some((_, reason)) => ended(reason),
        };
        vec![
            format!("R{:06}{n}", at + 1).into(),
            name,
            if person.sex == Sex::Male { "男" } else { "女" }.into(),
            id,
            birth,
            unit,
            kind.into(),
            status.into(),
            job.start.map(|on| in_own_way(on, at)).into(),
            job.end.map_or_else(|| "至今".into(), |(on, _)| in_own_way(on, at)).into(),
            reason.into(),
            post(person, job).into(),
            rank(city, person).into(),
            Cell::Null,
        ]
    };
    person.jobs.iter().enumerate().map(file).collect()
}

/// HR's status code and word for the end of a spell.
fn ended(reason: Reason) -> (&'static str, Option<&'static str>) {
    match reason {
        Reason::Retirement => ("05", Some("退休")),
        Reason::Death => ("06", Some("死亡")),
        Reason::Transfer => ("07", Some("调出")),
        Reason::Resignation => ("08", Some("辞职")),
        Reason::Dismissal => ("08", Some("辞退")),
        Reason::ContractEnd => ("08", Some("合同期满")),
    }
}

fn post(person: &Person, job: &Job) -> &'static str {
    match job.kind {
        JobKind::Contract | JobKind::Dispatch => "辅助岗位",
        JobKind::Rehired => "返聘专家",
        JobKind::OnQuota => ["管理岗位", "专业技术岗位", "专业技术岗位", "工勤岗位"][usize::from(person.id.as_bytes()[15]) % 4],
    }
}

fn rank(city: &City, person: &Person) -> &'static str {
    let age = person.age_on(city.window.as_of);
    match age {
        ..=29 => "十二级",
        30..=39 => "十级",
        40..=49 => "八级",
        _ => "七级",
    }
}

/// A month of attendance, of units that report it, while somebody is employed there.
fn attendance(city: &City, person: &Person, at: usize, month: i32, days: i32) -> Option<Vec<Cell>> {
    let job = person.jobs.iter().rev().find(|job| {
        job.kind == JobKind::OnQuota
            && job.start.is_none_or(|on| month_of(on) <= month)
            && job.end.is_none_or(|(on, _)| month_of(on) >= month)
    })?;
    if !city.units[job.unit].keeps_attendance {
        return None;
    }
    let noted = person.attendance.iter().find(|(it, _)| *it == month).map(|(_, it)| *it);
    // Now and then somebody takes a day off in lieu.
    let usual = days - i32::from((at + month as usize).is_multiple_of(7));
    let (present, absent, longest) = noted.map_or((usual, 0, 0), |it| (it.present, it.absent, it.longest));
    let mut row = who(city, person, Some(job.unit));
    row.extend([
        format!("{}-{:02}", month / 100, month % 100).into(),
        days.into(),
        present.into(),
        absent.into(),
        longest.into(),
        "人脸识别".into(),
    ]);
    Some(row)
}

fn leave(city: &City, person: &Person, leave: &Leave) -> Vec<Cell> {
    let mut row = who(city, person, person.unit());
    let approver = if (leave.to - leave.from).num_days() > 30 { "市人力资源和社会保障局" } else { "本单位" };
    row.extend([
        leave.kind.into(),
        dashed(leave.from).into(),
        dashed(leave.to).into(),
        leave.returned.map(dashed).into(),
        approver.into(),
        format!("假〔{}〕{}号", leave.from.year(), leave.from.ordinal()).into(),
        leave.effect.into(),
    ]);
    row
}

fn secondment(city: &City, person: &Person, it: &Secondment) -> Vec<Cell> {
    let mut row = who(city, person, person.unit());
    let host = it.unit.map(|unit| city.units[unit].written[0].clone()).or_else(|| it.elsewhere.map(str::to_owned));
    row.extend([
        host.into(),
        it.kind.into(),
        dashed(it.from).into(),
        dashed(it.to).into(),
        it.returned.map(dashed).into(),
        format!("嵊组借〔{}〕{}号", it.from.year(), it.from.ordinal()).into(),
    ]);
    row
}

fn appointment(city: &City, it: &Post) -> Vec<Cell> {
    let (title, class) = match it.class {
        Class::Chief => ("主要负责人", "正职"),
        Class::Deputy => ("班子副职", "副职"),
    };
    let mut row = who(city, &city.people[it.person], Some(it.unit));
    row.extend([
        title.into(),
        class.into(),
        ["正科", "副科", "正股", "副股"][posts::rank(&city.units[it.unit], it.class)].into(),
        if it.concurrent { "是" } else { "否" }.into(),
        dashed(it.from).into(),
        it.to.map(dashed).into(),
        format!("嵊组干〔{}〕{}号", it.from.year(), it.from.ordinal()).into(),
    ]);
    row
}

/// Names that the assessment lists still use and no register declares: the hub must ask a person, not guess.
const OLD_NAMES: [(&str, &str); 2] = [("嵊州市教育教学研究室", "嵊州市教育局教研室"), ("嵊州市新闻传媒中心", "嵊州市广播电视总台")];

/// One result for every year that ended within or just before the window, for those who were there at its end.
fn assessments(city: &City, person: &Person, at: usize) -> Vec<Vec<Cell>> {
    let years = city.window.first / 100 - 1..city.window.as_of.year();
    let assessed = |year: i32| {
        let end = NaiveDate::from_ymd_opt(year, 12, 31)?;
        let job = person.jobs.iter().find(|job| {
            job.kind == JobKind::OnQuota && job.start.is_none_or(|on| on.year() < year) && job.end.is_none_or(|(on, _)| on > end)
        })?;
        let result = match (at + year as usize * 13) % 100 {
            0..=17 => "优秀",
            98 => "基本合格",
            _ => "合格",
        };
        let mut row = who(city, person, Some(job.unit));
        if let Some((_, old)) = OLD_NAMES.iter().find(|(name, _)| *name == city.units[job.unit].name) {
            row[3] = (*old).into();
        }
        row.extend([year.into(), result.into()]);
        Some(row)
    };
    years.filter_map(assessed).collect()
}
