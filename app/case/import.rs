//! `muster case import`: a worklist that reviewers have filled in, back from them. All of it is done, or nothing.
//!
//! Every row says how many acts its case had when the list was taken out. Where somebody has done something since, the row is a conflict
//! and is shown, unless it is just what the row says: so a list may come twice.

use std::io::Cursor;
use std::path::Path;

use calamine::{Data, DataType, Range, Reader, Xlsx};
use chrono::NaiveDate;
use muster_core::case::explanation::Explanation;
use muster_core::case::work::{Deed, Outcome};
use muster_core::read;
use serde::Serialize;

use crate::cli::CaseImportArgs;
use crate::commands::{Code, Done, Say, read as configuration};
use crate::report::password_in;
use crate::run::Stop;
use crate::sheet::work::{AGREED, EXPLANATION, READ_BACK};
use crate::store::Store;
use crate::store::work::{Actor, NotDone, Wanted};
use crate::words::Lang;
use crate::{clock, look, store};

/// Compound files, which is what a workbook under a password is, begin so.
const SEALED_BOOK: [u8; 4] = [0xD0, 0xCF, 0x11, 0xE0];

/// A row that cannot be done.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Wrong {
    /// One-based, as Excel numbers it; null where no row is meant.
    row: Option<u32>,
    /// Of the case; empty where the row has none.
    number: String,
    zh: String,
    en: String,
}

/// What `muster case import` tells.
#[derive(Serialize)]
struct Told {
    /// Cases about which something was done now.
    done: Vec<String>,
    /// Rows that were done before.
    already: usize,
    /// Rows without anything filled in.
    empty: usize,
    /// Why nothing was done; empty when it was.
    wrong: Vec<Wrong>,
}

/// What was filled in.
#[derive(Debug, Default)]
struct Filled {
    wanted: Vec<(u32, Wanted)>,
    empty: usize,
    wrong: Vec<Wrong>,
}

/// `muster case import`.
pub async fn import(args: &CaseImportArgs, say: Say) -> Done {
    let city = configuration(&args.config.config)?;
    let store = Store::of(&city).await?;
    let eyes = look::eyes(&city, &store, &args.eyes).await?;
    let who = look::actor(&eyes, args.by.as_ref(), say.lang)?;
    let book = open(&args.file, args.password_file.as_deref(), say)?;
    let mut filled = filled(book, say)?;
    let wanted: Vec<Wanted> = filled.wanted.iter().map(|(_, it)| it.clone()).collect();
    let (at, login) = (clock::now(), crate::audit::local_user());
    let only_try = args.dry_run || !filled.wrong.is_empty();
    let actor = Actor { who: &who, login: &login, at: &at, on: clock::today(), only_try };
    let mut told = Told { done: Vec::new(), already: 0, empty: filled.empty, wrong: Vec::new() };
    match store.act(|it| eyes.see(it), &actor, &wanted, &city.calendar).await? {
        Ok(done) => {
            told.done = done.iter().filter_map(|it| it.case.number.clone()).collect();
            told.already = wanted.len() - told.done.len();
        }
        Err(not_done) => filled.wrong.extend(not_done.iter().map(|it| wrong_of(it, &filled.wanted))),
    }
    told.wrong = filled.wrong;
    told.wrong.sort_by_key(|it| it.row);
    if !told.wrong.is_empty() {
        (told.done, told.already) = (Vec::new(), 0);
    }
    say.print(&told, || text(&told, args.dry_run, say.lang));
    Ok(if told.wrong.is_empty() { Code::Fine } else { Code::Defects })
}

fn wrong_of(it: &NotDone, wanted: &[(u32, Wanted)]) -> Wrong {
    let (number, said) = (it.number().to_owned(), it.told());
    let same = |typed: &str| store::work::same_number(typed, &number);
    let row = wanted.iter().find(|(_, it)| same(&it.number)).map(|(row, _)| *row);
    Wrong { row, number, zh: said.zh, en: said.en }
}

fn text(told: &Told, dry_run: bool, lang: Lang) -> String {
    let mut out = String::new();
    for it in &told.wrong {
        let row = it.row.map_or_else(String::new, |row| match lang {
            Lang::Zh => format!("第 {row} 行 "),
            Lang::En => format!("row {row} "),
        });
        out.push_str(&format!("  ✗ {row}{} {}\n", it.number, lang.pick(&it.zh, &it.en)));
    }
    let (done, already, empty, wrong) = (told.done.len(), told.already, told.empty, told.wrong.len());
    out.push_str(&match (wrong, dry_run, lang) {
        (0, false, Lang::Zh) => format!("  ✓ 已办理 {done} 件；{already} 行此前已导入，{empty} 行未填\n"),
        (0, false, Lang::En) => format!("  ✓ {done} cases done; {already} rows were done before, {empty} are not filled in\n"),
        (0, true, Lang::Zh) => format!("  ✓ 可以办理 {done} 件（试运行，未改动）；{already} 行此前已导入，{empty} 行未填\n"),
        (0, true, Lang::En) => {
            format!("  ✓ {done} cases could be done (nothing was changed); {already} rows were done before, {empty} are not filled in\n")
        }
        (_, _, Lang::Zh) => format!("  {wrong} 处有误，全部未改动；更正后重新导入\n"),
        (_, _, Lang::En) => format!("  {wrong} rows are wrong and nothing was changed; mend them and import again\n"),
    });
    out
}

fn open(path: &Path, password_file: Option<&Path>, say: Say) -> Result<Xlsx<Cursor<Vec<u8>>>, Stop> {
    let failed = |why: &str| Stop::Usage(format!("{}: {why}", path.display()));
    let mut bytes = std::fs::read(path).map_err(|err| failed(&err.to_string()))?;
    if bytes.starts_with(&SEALED_BOOK) {
        let none = say.lang.pick("工作簿有密码：用 --password-file 指明", "the workbook has a password: say --password-file");
        let file = password_file.ok_or_else(|| failed(none))?;
        let password = password_in(file)?;
        let wrong = say.lang.pick("密码不对，或文件已损坏", "the password is wrong, or the file is damaged");
        bytes = office_crypto::decrypt_from_bytes(bytes, password.reveal()).map_err(|_| failed(wrong))?;
    }
    let wrong = say.lang.pick("不是 Excel 工作簿（.xlsx）", "is no Excel workbook (.xlsx)");
    Xlsx::new(Cursor::new(bytes)).map_err(|_| failed(wrong))
}

/// The rows of the first sheet that has our columns.
fn filled(mut book: Xlsx<Cursor<Vec<u8>>>, say: Say) -> Result<Filled, Stop> {
    for (_, range) in book.worksheets() {
        let Some(places) = places(&range) else { continue };
        let mut filled = Filled::default();
        for (at, row) in range.rows().enumerate().skip(1) {
            let number = (range.start().map_or(0, |it| it.0) as usize + at + 1) as u32;
            line(number, row, &places, &mut filled);
        }
        return Ok(filled);
    }
    let heads: Vec<&str> = READ_BACK.iter().map(|it| say.lang.pick(it[0], it[1])).collect();
    let none = say.lang.pick("没有一张表有这些列", "no sheet has these columns");
    Err(Stop::Usage(format!("{none}: {}", heads.join(", "))))
}

/// Where our columns stand.
struct Places {
    read_back: [usize; 6],
    /// Null in lists of before there were explanations.
    explanation: Option<usize>,
}

/// Null when a column is missing.
fn places(range: &Range<Data>) -> Option<Places> {
    let heads = range.rows().next()?;
    let place = |names: &[&str; 2]| heads.iter().position(|it| it.get_string().is_some_and(|it| names.contains(&it.trim())));
    let found: Vec<usize> = READ_BACK.iter().filter_map(place).collect();
    Some(Places { read_back: found.try_into().ok()?, explanation: place(&EXPLANATION) })
}

fn line(row_no: u32, row: &[Data], Places { read_back, explanation }: &Places, filled: &mut Filled) {
    let text = |at: usize| row.get(at).map(|it| it.as_string().unwrap_or_default().trim().to_owned()).unwrap_or_default();
    let cell = |at: usize| text(read_back[at]);
    let (number, outcome, reason, second) = (cell(0), cell(2), cell(4), cell(5));
    let explanation = explanation.map(text).unwrap_or_default();
    let until_cell = row.get(read_back[3]).unwrap_or(&Data::Empty);
    // The sheet ends with a line that explains it.
    if !number.to_ascii_uppercase().starts_with("MU-") {
        return;
    }
    let mut wrong = |zh: &str, en: &str| {
        filled.wrong.push(Wrong { row: Some(row_no), number: number.clone(), zh: zh.to_owned(), en: en.to_owned() });
    };
    if outcome.is_empty() && reason.is_empty() && second.is_empty() && until_cell.is_empty() && explanation.is_empty() {
        filled.empty += 1;
        return;
    }
    let after = row.get(read_back[1]).and_then(DataType::as_i64).and_then(|it| usize::try_from(it).ok());
    let Some(after) = after else {
        return wrong(
            "“已办次数”一栏被改动或删去，无法判断是否有冲突",
            "the column `Acts so far` was changed, so conflicts cannot be seen",
        );
    };
    let Ok(until) = day(until_cell) else {
        return wrong("“有效至”不是日期，写作 2027-06-30", "`Holds until` is no day; write 2027-06-30");
    };
    let deed = if !outcome.is_empty() {
        let code = outcome.split([' ', '　', ':', '：']).next().unwrap_or_default();
        let Some(outcome) = Outcome::read(code) else {
            return wrong("结论须从列表中选择（C1 至 C12、Dup）", "choose the outcome from the list (C1 to C12, Dup)");
        };
        let named = Explanation::read(&explanation);
        if named.is_none() && !explanation.is_empty() {
            return wrong("说明类型须从列表中选择（X01 至 X24）", "choose the explanation from the list (X01 to X24)");
        }
        if !second.is_empty() {
            return wrong("同一行不能既作结论又作复核：复核须由另一人作出", "one row cannot decide and second: that takes another person");
        }
        if outcome == Outcome::Dup {
            let Some(of) = case_number_in(&reason) else {
                return wrong(
                    "重复案件：在“依据与说明”中写另案编号",
                    "a duplicate says the number of the other case in `Reason and document`",
                );
            };
            Deed::Duplicate { of }
        } else {
            Deed::Decided { outcome, until, document: None, explanation: named }
        }
    } else if !second.is_empty() {
        if !AGREED.contains(&second.as_str()) {
            return wrong(
                "复核意见只能填“同意”；不同意时写明说明，并由 muster case reopen 退回",
                "only `agreed` stands here; who does not agree says why and reopens the case",
            );
        }
        Deed::Seconded
    } else if until_cell.is_empty() && explanation.is_empty() {
        Deed::Noted
    } else {
        return wrong("只填了“有效至”或“说明类型”，没有结论", "there is a `Holds until` or an `Explanation` without an outcome");
    };
    filled.wanted.push((row_no, Wanted { number, deed, text: reason, after: Some(after) }));
}

/// The first case number in a text, as numbers are written.
fn case_number_in(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let from = &upper[upper.find("MU-")?..];
    let number: String = from.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '-').collect();
    store::work::same_number(&number, &number).then_some(number)
}

/// A day as Excel or a person writes it; null for an empty cell.
fn day(cell: &Data) -> Result<Option<NaiveDate>, ()> {
    match cell {
        Data::Empty => Ok(None),
        Data::DateTime(_) | Data::Float(_) | Data::Int(_) => {
            let serial = cell.as_f64().ok_or(())?;
            read::date_of_serial(serial as i64).map_err(|_| ())?.map(Some).ok_or(())
        }
        other => {
            let text = other.as_string().unwrap_or_default();
            if text.trim().is_empty() { Ok(None) } else { read::date(text.trim()).ok().flatten().map(Some).ok_or(()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_row(cells: &[Data]) -> Filled {
        let mut filled = Filled::default();
        line(2, cells, &Places { read_back: [0, 1, 2, 3, 4, 5], explanation: Some(6) }, &mut filled);
        filled
    }

    fn text(it: &str) -> Data {
        if it.is_empty() { Data::Empty } else { Data::String(it.to_owned()) }
    }

    fn row(outcome: &str, until: &str, reason: &str, second: &str) -> Filled {
        read_row(&[text("MU-2026-000001"), Data::Float(2.0), text(outcome), text(until), text(reason), text(second)])
    }

    #[test]
    fn a_row_is_one_act_or_says_what_is_wrong() {
        let deed = |it: Filled| (it.wanted.into_iter().map(|(_, it)| (it.deed, it.after)).next(), it.wrong.len(), it.empty);
        let day = NaiveDate::from_ymd_opt(2027, 6, 30);
        let c4 = Deed::Decided { outcome: Outcome::C4, until: day, document: None, explanation: None };
        assert_eq!(deed(row("C4 合规借调", "2027年6月30日", "借调函", "")), (Some((c4.clone(), Some(2))), 0, 0));
        assert_eq!(deed(row("c4 seco", "2027.6.30", "letter", "")), (Some((c4, Some(2))), 0, 0));
        assert_eq!(deed(row("", "", "电话核实中", "")), (Some((Deed::Noted, Some(2))), 0, 0));
        assert_eq!(deed(row("", "", "", "同意")), (Some((Deed::Seconded, Some(2))), 0, 0));
        assert_eq!(deed(row("", "", "", "")), (None, 0, 1));
        for wrong in [row("属实", "", "x", ""), row("C4 x", "soon", "x", ""), row("C2 x", "", "x", "同意"), row("", "2027-06-30", "", "")]
        {
            assert_eq!(deed(wrong), (None, 1, 0));
        }
        let with = |outcome: &str, explanation: &str| {
            let cells = ["MU-2026-000001", "", outcome, "2027-06-30", "借调函", "", explanation].map(text);
            let cells: Vec<Data> = cells.into_iter().enumerate().map(|(at, it)| if at == 1 { Data::Float(2.0) } else { it }).collect();
            deed(read_row(&cells))
        };
        let x01 = Deed::Decided { outcome: Outcome::C4, until: day, document: None, explanation: Explanation::read("X01") };
        assert_eq!(with("C4", "X01 借调"), (Some((x01, Some(2))), 0, 0));
        assert_eq!((with("C4", "借调"), with("", "X01")), ((None, 1, 0), (None, 1, 0)));
        let same = Deed::Duplicate { of: "MU-2026-7".into() };
        assert_eq!(deed(row("Dup 与另案重复", "", "同 mu-2026-7，重复立案", "")), (Some((same, Some(2))), 0, 0));
        assert_eq!(deed(row("Dup", "", "重复立案", "")), (None, 1, 0));
        let changed = read_row(&[text("MU-2026-000001"), text("two"), text("C12"), text(""), text("x"), text("")]);
        assert!(changed.wrong[0].en.contains("Acts so far"));
    }
}
