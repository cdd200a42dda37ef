//! The establishment office's database: table and column names are pinyin initials, codes are its own.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;

use super::Trouble;
use super::calendar::{Sex, last_day};
use super::city::City;
use super::number::CITY;
use super::person::{MoveKind, Person, Reason, Source};
use super::posts::{self, Class};
use super::sheet::{Cell, Table, write_database};
use super::units::Unit;

/// Writes the database. Gives the number of rows.
pub async fn write(city: &City, path: &Path) -> Result<u64, Trouble> {
    let leaders = leaders(city);
    let tables = vec![
        Table {
            name: "JG",
            columns: &[
                "JGDM TEXT",
                "JGMC TEXT",
                "JGJC TEXT",
                "BM TEXT",
                "SJDM TEXT",
                "JGXZ TEXT",
                "XT TEXT",
                "JGJB TEXT",
                "JFXS TEXT",
                "GYLB TEXT",
                "XZQH TEXT",
                "TYDM TEXT",
                "SLWH TEXT",
                "SLRQ TEXT",
                "CXWH TEXT",
                "CXRQ TEXT",
                "WLZH TEXT",
                "SM INTEGER",
                "CZY TEXT",
            ],
            rows: Box::new(city.units.iter().map(|it| unit(city, it))),
        },
        Table {
            name: "BZ",
            columns: &["JGDM TEXT", "BZLX TEXT", "BZS INTEGER", "HDWH TEXT", "SXRQ TEXT", "ZZRQ TEXT"],
            rows: Box::new(city.units.iter().flat_map(quotas)),
        },
        Table {
            name: "LDZS",
            columns: &["JGDM TEXT", "ZSLB TEXT", "ZS INTEGER", "HDWH TEXT", "SXRQ TEXT"],
            rows: Box::new(city.units.iter().filter(|it| it.exists()).flat_map(leader_quotas)),
        },
        Table {
            name: "PW",
            columns: &["WH TEXT", "BT TEXT", "FWJG TEXT", "CWRQ TEXT", "WJLB TEXT"],
            rows: Box::new(city.archive.documents.iter().map(|it| {
                vec![it.number.as_str().into(), it.title.as_str().into(), it.issuer.into(), dashed(it.signed_on).into(), it.kind.into()]
            })),
        },
        Table {
            name: "BZRY",
            columns: &[
                "RYBH TEXT",
                "XM TEXT",
                "XB TEXT",
                "SFZH TEXT",
                "CSRQ TEXT",
                "JGDM TEXT",
                "BZLX TEXT",
                "SFZB TEXT",
                "RBRQ TEXT",
                "RBWH TEXT",
                "CBRQ TEXT",
                "CBYY TEXT",
                "ZWCC TEXT",
                "SFLD TEXT",
            ],
            rows: Box::new(
                city.people.iter().enumerate().flat_map(move |(at, person)| register(city, person, at, leaders.get(&at).copied())),
            ),
        },
        Table {
            name: "CRB",
            columns: &[
                "DJH TEXT",
                "XM TEXT",
                "XB TEXT",
                "SFZH TEXT",
                "CSRQ TEXT",
                "YWLB TEXT",
                "YJGDM TEXT",
                "XJGDM TEXT",
                "BZLX TEXT",
                "SQRQ TEXT",
                "PZRQ TEXT",
                "SXRQ TEXT",
                "DJRQ TEXT",
            ],
            rows: Box::new(city.people.iter().enumerate().flat_map(|(at, person)| movements(city, person, at))),
        },
    ];
    write_database(path, tables).await
}

/// Who holds a leading post at the end of the window, and at which rank: the office's own codes.
fn leaders(city: &City) -> BTreeMap<usize, &'static str> {
    let end = last_day(city.window.last);
    let held = city.posts.iter().filter(|it| !it.concurrent && it.from <= end && it.to.is_none_or(|to| to > end));
    held.map(|it| (it.person, ["21", "22", "31", "32"][posts::rank(&city.units[it.unit], it.class)])).collect()
}

fn dashed(day: NaiveDate) -> String {
    day.format("%Y-%m-%d").to_string()
}

fn compact(day: NaiveDate) -> String {
    day.format("%Y%m%d").to_string()
}

fn sex(person: &Person) -> &'static str {
    if person.sex == Sex::Male { "1" } else { "2" }
}

fn unit(city: &City, unit: &Unit) -> Vec<Cell> {
    let kind = match unit.kind {
        "organ" => "1",
        "mass" => "2",
        "township" => "3",
        "civil-like" => "4",
        _ => "5",
    };
    let system = match unit.system {
        "party" => "01",
        "congress" => "02",
        "government" => "03",
        "consultative" => "04",
        "supervision" => "05",
        "court" => "06",
        "procuratorate" => "07",
        "democratic-party" => "08",
        "mass" => "09",
        "education" => "11",
        "health" => "12",
        _ => "99",
    };
    let level = match unit.kind {
        "organ" | "mass" | "township" => "21",
        "civil-like" => "22",
        _ => "31",
    };
    let funding = if unit.system == "health" && unit.is_institution() { "2" } else { "1" };
    let benefit = match (unit.is_institution(), unit.kind, unit.system) {
        (false, ..) => None,
        (true, "civil-like", _) => Some("A"),
        (true, _, "health") => Some("C"),
        _ => Some("B"),
    };
    vec![
        unit.code.as_str().into(),
        unit.name.as_str().into(),
        unit.short.clone().into(),
        (!unit.aliases.is_empty()).then(|| unit.aliases.join("|")).into(),
        unit.parent.map(|it| city.units[it].code.clone()).into(),
        kind.into(),
        system.into(),
        level.into(),
        funding.into(),
        benefit.into(),
        CITY.into(),
        unit.uscc.as_str().into(),
        (!unit.set_up.0.is_empty()).then(|| unit.set_up.0.clone()).into(),
        dashed(unit.set_up.1).into(),
        unit.abolished.as_ref().map(|it| it.0.clone()).into(),
        unit.abolished.as_ref().map(|it| dashed(it.1)).into(),
        unit.account.clone().into(),
        i32::from(unit.system == "supervision").into(),
        "admin".into(),
    ]
}

fn quotas(unit: &Unit) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for quota in &unit.quotas {
        let row = |amount: u32, document: &str, from: NaiveDate, to: Option<NaiveDate>| -> Vec<Cell> {
            vec![
                unit.code.as_str().into(),
                quota.kind.code().into(),
                (amount as i32).into(),
                document.into(),
                dashed(from).into(),
                to.map(dashed).into(),
            ]
        };
        if let Some((amount, document, from)) = &quota.before {
            rows.push(row(*amount, document, *from, Some(quota.since.pred_opt().unwrap_or(quota.since))));
        }
        rows.push(row(quota.approved, &quota.document, quota.since, None));
    }
    rows
}

fn leader_quotas(unit: &Unit) -> Vec<Vec<Cell>> {
    let Some(quota) = unit.quotas.first() else { return Vec::new() };
    let class = |(code, class): (&'static str, Class)| {
        let count = posts::approved(unit, class)? as i32;
        Some(vec![unit.code.as_str().into(), code.into(), count.into(), quota.document.as_str().into(), dashed(quota.since).into()])
    };
    [("1", Class::Chief), ("2", Class::Deputy)].into_iter().filter_map(class).collect()
}

/// Why somebody went off the register, in the office's words.
fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Retirement => "退休",
        Reason::Death => "死亡",
        Reason::Resignation => "辞职",
        Reason::Dismissal => "辞退",
        Reason::ContractEnd => "合同期满",
        Reason::Transfer => "调出",
    }
}

fn register(city: &City, person: &Person, at: usize, leads: Option<&'static str>) -> Vec<Vec<Cell>> {
    let (id, name) = person.as_written(Source::Organization, city.window.last);
    let spell = |(n, it): (usize, &super::person::Register)| {
        vec![
            format!("S{:06}{n}", at + 1).into(),
            name.into(),
            sex(person).into(),
            id.into(),
            compact(person.birth).into(),
            city.units[it.unit].code.as_str().into(),
            it.quota.code().into(),
            if it.counts { "1" } else { "0" }.into(),
            it.entered.map(compact).into(),
            it.document.clone().into(),
            it.exited.map(|(on, _)| compact(on)).into(),
            it.exited.map(|(_, why)| reason(why)).into(),
            leads.unwrap_or("40").into(),
            if leads.is_some() { "1" } else { "0" }.into(),
        ]
    };
    person.register.iter().enumerate().map(spell).collect()
}

fn movements(city: &City, person: &Person, at: usize) -> Vec<Vec<Cell>> {
    let (id, name) = person.as_written(Source::Organization, city.window.last);
    let form = |(n, it): (usize, &super::person::Move)| {
        let kind = match it.kind {
            MoveKind::Entry => "01",
            MoveKind::Transfer => "03",
            MoveKind::Exit(Reason::Retirement) => "11",
            MoveKind::Exit(Reason::Resignation) => "12",
            MoveKind::Exit(Reason::Dismissal) => "13",
            MoveKind::Exit(Reason::Death) => "15",
            MoveKind::Exit(_) => "02",
        };
        let code = |unit: Option<usize>| unit.map(|it| city.units[it].code.clone());
        let applied = if it.registered.is_some() || it.effective < city.window.as_of { Some(it.effective) } else { None };
        vec![
            format!("DJ{}{:06}{n}", it.effective.format("%Y"), at + 1).into(),
            name.into(),
            sex(person).into(),
            id.into(),
            compact(person.birth).into(),
            kind.into(),
            code(it.from).into(),
            code(it.to).into(),
            it.quota.code().into(),
            applied.map(compact).into(),
            it.registered.map(compact).into(),
            compact(it.effective).into(),
            it.registered.map(compact).into(),
        ]
    };
    person.moves.iter().enumerate().map(form).collect()
}
