//! `muster unit`: what is approved for a unit, who is in it by every source, what it was before, and what is open about it.
//!
//! Who is listed is masked, and every look is written into the audit log. Whoever sees some departments or units alone sees their rows alone.

mod page;
mod staff;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Date32Type;
use chrono::{Datelike, NaiveDate};
use muster_core::case::State;
use muster_core::codes::{self, CodeList};
use muster_core::engine::{Engine, Param, Params};
use muster_core::finding::{Severity, Subject};
use muster_core::function::day;
use muster_core::mapping::Title;
use muster_core::prompt::{self, Prompt, Row, Which};
use muster_core::report::total::{amount_fen, gravest};
use serde::Serialize;

use crate::cli::{UnitArgs, UnitFormat};
use crate::commands::{Code, Done, Say, read};
use crate::config::City;
use crate::explain::{ReferenceTold, references};
use crate::night::Night;
use crate::people::Eyes;
use crate::person::write;
use crate::reopen::Reopened;
use crate::run::Stop;
use crate::store::Store;
use crate::store::work::Worked;
use crate::table::{lacking, last_month_end};
use crate::words::Lang;
use crate::{look, reopen};
use staff::{Staff, Status};

/// All that is told of a unit.
#[derive(Debug, Serialize)]
pub struct UnitPage {
    /// The night whose rows were read.
    pub night: NaiveDate,
    /// The month at whose end people are counted.
    pub month: i32,
    /// Code on the register.
    pub code: String,
    /// Full name.
    pub name: String,
    /// What the register says of it: label and value.
    pub facts: Vec<(Title, Title)>,
    /// Approved against actual by kind of quota, the sum last; empty where the register is not usable.
    pub quota: Vec<Line>,
    /// The other columns of the prompt table: lent, borrowed, in and out of the year, retirements.
    pub flow: BTreeMap<String, i64>,
    /// Leading posts by class, the sum last; empty where no feed tells of them.
    pub leaders: Vec<Line>,
    /// Units below, at any depth.
    pub below: Vec<Below>,
    /// People by the four stories (register, personnel, salary, insurance).
    pub matrix: Vec<(String, usize)>,
    /// People by status, and those of the year's in and out.
    pub groups: Vec<Group>,
    /// What became of it, the newest first.
    pub history: Vec<Event>,
    /// How the sources write it.
    pub references: Vec<ReferenceTold>,
    /// Open cases of the unit and of its people.
    pub cases: Vec<CaseTold>,
    /// Contents of sources that are left out or may not be seen.
    pub beyond: Vec<Title>,
}

/// Approved against actual.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Kind of quota or class of post.
    pub kind: Title,
    /// Approved number.
    pub approved: i64,
    /// People there.
    pub actual: i64,
    /// Free places.
    pub vacant: i64,
    /// People too many.
    pub over: i64,
}

/// A unit below.
#[derive(Debug, Serialize)]
pub struct Below {
    /// Code on the register.
    pub code: String,
    /// Full name.
    pub name: String,
    /// Its own numbers.
    pub approved: i64,
    /// People there.
    pub actual: i64,
    /// Free places.
    pub vacant: i64,
    /// People too many.
    pub over: i64,
}

/// People who stand alike.
#[derive(Debug, Serialize)]
pub struct Group {
    /// Kebab-case, for programs.
    pub id: String,
    /// In words.
    pub title: Title,
    /// All of them.
    pub people: Vec<Staff>,
}

/// Something that became of the unit.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Event {
    /// When; null where the register does not say.
    pub on: Option<NaiveDate>,
    /// What, in Chinese.
    pub zh: String,
    /// What, in English.
    pub en: String,
    /// By which document.
    pub document: Option<String>,
}

/// An open case.
#[derive(Debug, Serialize)]
pub struct CaseTold {
    /// `MU-2026-000123`.
    pub number: String,
    /// Where it stands.
    pub state: State,
    /// The gravest of its findings.
    pub severity: Severity,
    /// Whether it is about the unit itself.
    pub of_unit: bool,
    /// Rules and their titles.
    pub rules: Vec<(String, Title)>,
    /// The greatest amount of its findings.
    pub amount_fen: Option<i64>,
    /// When the next step is due.
    pub due: Option<NaiveDate>,
}

/// `muster unit`.
pub async fn unit(args: &UnitArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let store = Store::of(&city).await?;
    let eyes = look::eyes(&city, &store, &args.eyes).await?;
    let reopened = reopen::newest(&city).await?;
    let known = reopened.night.units.iter().find(|it| it.1.code == args.code).map(|it| *it.0);
    // What may not be seen looks like what is not there.
    let theirs = eyes.scope().and_then(|it| it.units()).is_none_or(|it| it.contains(&args.code));
    let none = || Stop::Usage(format!("{}: {}", args.code, say.lang.pick("没有这个单位代码", "no unit has this code")));
    let id = known.filter(|_| theirs).ok_or_else(none)?;
    let about = format!("u-{}", args.code);
    match &args.reveal {
        Some(why) => look::revealed(&store, &eyes, &about, why).await?,
        None => look::looked(&store, &eyes, &about).await?,
    }
    let worked = store.worked(&city.calendar).await?;
    let mut page = told(&city, &reopened, &eyes, &worked, id, &args.code).await?;
    if args.reveal.is_none() {
        page.groups.iter_mut().flat_map(|it| &mut it.people).for_each(Staff::mask);
    }
    let format = if say.json { UnitFormat::Json } else { args.format };
    let text = match format {
        UnitFormat::Text => text::text(&page, args.rows, say.lang),
        UnitFormat::Json => serde_json::to_string_pretty(&page)? + "\n",
        UnitFormat::Html => page::page(&page, args.rows, say.lang)?,
    };
    write(&text, args.out.as_deref(), say)?;
    Ok(Code::Fine)
}

async fn told(city: &City, reopened: &Reopened, eyes: &Eyes, worked: &[Worked], id: i32, code: &str) -> Result<UnitPage, Stop> {
    let Reopened { night, engine } = reopened;
    let month_end = last_month_end(night.tonight);
    let year_before = NaiveDate::from_ymd_opt(month_end.year() - 1, 12, 31).unwrap_or(month_end);
    let usable = |table: &str| {
        let mut feeds = night.feeds.iter().filter(|it| it.table == table).peekable();
        feeds.peek().is_some() && feeds.all(|it| it.left_out.is_empty() && eyes.see_row(&it.feed, Some(code), &[]))
    };
    let staff = staff::staff(engine, id, month_end, year_before, usable).await?;
    let table = |which: Which| async move {
        let empty = Prompt { table: which, month: 0, rows: Vec::new() };
        if lacking(which, &night.feeds).is_empty() { prompt::prompt(engine, which, month_end).await } else { Ok(empty) }
    };
    let (quota, leaders) = (table(Which::Quota).await?, table(Which::Leaders).await?);
    let own = quota.rows.iter().find(|it| it.code == code);
    let flow = ["lent", "borrowed", "opening", "year-in", "year-out", "retire-3", "retire-6", "retire-12"];
    let mut references = references(&city.archive()?, night.tonight, id).map_err(|err| Stop::Trouble(err.to_string()))?;
    references.retain(|it| eyes.see_row(&it.feed, Some(code), &[]));
    let sources = ["establishment", "employment", "payment", "contribution", "leave", "secondment"];
    let label = |table: &str| {
        let table = muster_core::schema::table(table).expect("a table of the shared vocabulary");
        Title { zh: table.label_zh.to_owned(), en: table.label_en.to_owned() }
    };
    Ok(UnitPage {
        night: night.tonight,
        month: month_end.year() * 100 + month_end.month() as i32,
        code: code.to_owned(),
        name: night.units.get(&id).map(|it| it.name.clone()).unwrap_or_default(),
        facts: facts(engine, night, id).await?,
        quota: own.map(|it| lines(it, &codes::QUOTA_TYPE)).unwrap_or_default(),
        flow: flow.into_iter().map(|it| (it.to_owned(), own.map_or(0, |row| row.value(it)))).collect(),
        leaders: leaders.rows.iter().find(|it| it.code == code).map(|it| lines(it, &codes::POST_CLASS)).unwrap_or_default(),
        below: below(night, &quota, code),
        matrix: matrix(&staff),
        groups: groups(&staff),
        history: history(engine, id, night).await?,
        references,
        cases: worked.iter().filter(|it| eyes.see(&it.case)).filter_map(|it| case(it, night, code)).collect(),
        beyond: sources.into_iter().filter(|it| !usable(it)).map(label).collect(),
    })
}

/// What the register says of a unit, in reading order; what it does not say is left out.
async fn facts(engine: &Engine, night: &Night, id: i32) -> Result<Vec<(Title, Title)>, Stop> {
    type Fact = (&'static str, &'static str, &'static str, Option<&'static CodeList>);
    const FACTS: [Fact; 12] = [
        ("short_name", "简称", "short name", None),
        ("aliases", "别名", "other names", None),
        ("uscc", "统一社会信用代码", "credit code", None),
        ("kind", "单位性质", "kind", Some(&codes::UNIT_KIND)),
        ("system", "系统", "system", Some(&codes::SYSTEM)),
        ("level", "机构级别", "level", Some(&codes::LEVEL)),
        ("funding", "经费形式", "funding", Some(&codes::FUNDING)),
        ("benefit_class", "类别", "benefit class", Some(&codes::BENEFIT_CLASS)),
        ("region", "行政区划", "division", None),
        ("set_up_on", "设立", "set up", None),
        ("abolished_on", "撤销", "abolished", None),
        ("parent_code", "主管单位", "superior", None),
    ];
    let mut facts = Vec::new();
    for (column, zh, en, list) in FACTS {
        let sql = format!("select arrow_cast(cast({column} as varchar), 'Utf8') as fact from unit where unit_id = cast($unit as int)");
        let params = Params::from([("unit".to_owned(), Param::Whole(i64::from(id)))]);
        let batches = engine.query(&sql, &params).await?;
        let said =
            batches.iter().flat_map(|it| it.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>()).next();
        let Some(said) = said.filter(|it| !it.is_empty()) else { continue };
        let parent =
            night.units.values().find(|it| column == "parent_code" && it.code == said).map(|it| format!("{} {}", it.name, it.code));
        let value = match list.and_then(|it| it.code(&said)) {
            Some(code) => Title { zh: code.zh.to_owned(), en: code.en.to_owned() },
            None => same(parent.unwrap_or(said).replace('|', "、")),
        };
        facts.push((Title { zh: zh.to_owned(), en: en.to_owned() }, value));
    }
    Ok(facts)
}

/// A line per kind that has anything, and their sum.
fn lines(row: &Row, kinds: &CodeList) -> Vec<Line> {
    let value = |kind: &str, what: &str| row.value(&format!("{kind}-{what}"));
    let line = |kind: Title, of: &dyn Fn(&str) -> i64| {
        let (approved, actual) = (of("approved"), of("actual"));
        Line { kind, approved, actual, vacant: of("vacant"), over: of("over") }
    };
    let mut lines: Vec<Line> = kinds
        .codes
        .iter()
        .filter(|it| value(it.value, "approved") != 0 || value(it.value, "actual") != 0)
        .map(|it| line(Title { zh: it.zh.to_owned(), en: it.en.to_owned() }, &|what| value(it.value, what)))
        .collect();
    lines.push(line(Title { zh: "合计".to_owned(), en: "total".to_owned() }, &|what| row.value(what)));
    lines
}

fn below(night: &Night, quota: &Prompt, code: &str) -> Vec<Below> {
    let mut wanted: BTreeSet<&str> = [code].into();
    loop {
        let known = wanted.len();
        let children =
            night.units.values().filter(|it| it.parent.as_deref().is_some_and(|it| wanted.contains(it))).map(|it| it.code.as_str());
        let children: Vec<&str> = children.collect();
        wanted.extend(children);
        if wanted.len() == known {
            break;
        }
    }
    wanted.remove(code);
    let unit = |code: &&str| night.units.values().find(|it| it.code == *code);
    let none = Row::default();
    let line = |it: &crate::night::UnitShown| {
        let row = quota.rows.iter().find(|row| row.code == it.code).unwrap_or(&none);
        let value = |it: &str| row.value(it);
        Below {
            code: it.code.clone(),
            name: it.name.clone(),
            approved: value("approved"),
            actual: value("actual"),
            vacant: value("vacant"),
            over: value("over"),
        }
    };
    wanted.iter().filter_map(unit).map(line).collect()
}

/// How many people stand in which pattern, the most frequent first.
fn matrix(staff: &[Staff]) -> Vec<(String, usize)> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for it in staff.iter().filter(|it| it.status().is_some()) {
        *counted.entry(it.pattern()).or_default() += 1;
    }
    let mut counted: Vec<(String, usize)> = counted.into_iter().collect();
    counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| b.0.cmp(&a.0)));
    counted
}

fn groups(staff: &[Staff]) -> Vec<Group> {
    let group = |id: &str, (zh, en): (&str, &str), is_in: &dyn Fn(&&Staff) -> bool| Group {
        id: id.to_owned(),
        title: Title { zh: zh.to_owned(), en: en.to_owned() },
        people: staff.iter().filter(is_in).cloned().collect(),
    };
    let word = |status: Status| serde_json::to_value(status).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default();
    let mut groups: Vec<Group> =
        Status::ALL.into_iter().map(|status| group(&word(status), status.label(), &|it| it.status() == Some(status))).collect();
    let is_on = |it: &Staff| it.on_register == Some(true);
    groups.push(group("year-in", ("本年入编", "onto the register this year"), &|it| is_on(it) && !it.was_on_register));
    groups.push(group("year-out", ("本年出编", "off the register this year"), &|it| !is_on(it) && it.was_on_register));
    groups.push(group("retiring", ("12 个月内退休", "retire within 12 months"), &|it| {
        it.retires_in_months.is_some_and(|it| (1..=12).contains(&it))
    }));
    groups.retain(|it| !it.people.is_empty());
    groups
}

/// Set up, quotas and posts approved, abolished, and the documents whose titles name the unit.
async fn history(engine: &Engine, id: i32, night: &Night) -> Result<Vec<Event>, Stop> {
    let quota_type = |code: &str| codes::QUOTA_TYPE.code(code).or_else(|| codes::POST_CLASS.code(code));
    let name = night.units.get(&id).map(|it| it.name.clone()).unwrap_or_default();
    let params = Params::from([("unit".to_owned(), Param::Whole(i64::from(id))), ("name".to_owned(), Param::Text(name))]);
    let sql = "
        select * from (
          select set_up_on as on_day, 'set-up' as what, cast(null as varchar) as kind, cast(null as bigint) as amount, set_up_document as document
          from unit where unit_id = cast($unit as int) and (set_up_on is not null or set_up_document is not null)
          union all
          select abolished_on, 'abolished', null, null, abolished_document from unit
          where unit_id = cast($unit as int) and (abolished_on is not null or abolished_document is not null)
          union all
          select effective_on, 'quota', quota_type, cast(amount as bigint), document_no from quota where unit_id = cast($unit as int)
          union all
          select effective_on, 'posts', post_class, cast(amount as bigint), document_no from leader_quota where unit_id = cast($unit as int)
          union all
          select signed_on, 'document', title, null, document_no from document where strpos(title, $name) > 0
        ) as told order by on_day desc nulls last, what, kind, amount";
    let sql = format!(
        "select on_day, arrow_cast(what, 'Utf8') as what, arrow_cast(kind, 'Utf8') as kind, amount, arrow_cast(document, 'Utf8') as document from ({sql}) as t"
    );
    let mut events = Vec::new();
    for batch in engine.query(&sql, &params).await? {
        let text = |at: usize, row: usize| {
            let cells = batch.column(at).as_string::<i32>();
            cells.is_valid(row).then(|| cells.value(row).to_owned())
        };
        let (on, amount) = (batch.column(0).as_primitive::<Date32Type>(), batch.column(3).as_primitive::<arrow::datatypes::Int64Type>());
        for row in 0..batch.num_rows() {
            let kind = text(2, row).unwrap_or_default();
            let amount = if amount.is_valid(row) { amount.value(row) } else { 0 };
            let (zh_kind, en_kind) = quota_type(&kind).map_or((kind.as_str(), kind.as_str()), |it| (it.zh, it.en));
            let (zh, en) = match text(1, row).as_deref() {
                Some("set-up") => ("设立".to_owned(), "set up".to_owned()),
                Some("abolished") => ("撤销".to_owned(), "abolished".to_owned()),
                Some("quota") => (format!("核定{zh_kind} {amount} 名"), format!("{amount} places approved: {en_kind}")),
                Some("posts") => (format!("核定领导职数 {zh_kind} {amount} 名"), format!("{amount} leading posts approved: {en_kind}")),
                _ => (kind.clone(), kind.clone()),
            };
            events.push(Event { on: on.is_valid(row).then(|| on.value(row)).and_then(day), zh, en, document: text(4, row) });
        }
    }
    events.sort_by(|a, b| b.cmp(a));
    events.dedup();
    Ok(events)
}

/// An open case of the unit or of somebody for whom it is responsible.
fn case(it: &Worked, night: &Night, code: &str) -> Option<CaseTold> {
    let of_unit = matches!(&it.case.subject, Subject::Unit { key, .. } if key.strip_prefix("u-") == Some(code));
    let theirs = it.case.findings.values().any(|it| it.unit_code.as_deref() == Some(code));
    (it.case.state.is_open() && (of_unit || theirs)).then(|| {
        let title = |rule: &String| {
            let known = night.rules.iter().find(|it| it.id == *rule).map(|it| it.title.clone());
            (rule.clone(), known.unwrap_or_else(|| Title { zh: rule.clone(), en: rule.clone() }))
        };
        CaseTold {
            number: it.case.number.clone().unwrap_or_default(),
            state: it.case.state,
            severity: gravest(&it.case),
            of_unit,
            rules: it.case.findings.keys().map(title).collect(),
            amount_fen: amount_fen(&it.case),
            due: it.standing.due,
        }
    })
}

/// The flow of the year and of staff to come, in words.
fn flow(page: &UnitPage, lang: Lang) -> Vec<(&'static str, i64)> {
    let labels = [
        ("opening", "上年末实有", "at last year's end"),
        ("year-in", "本年入编", "in this year"),
        ("year-out", "本年出编", "out this year"),
        ("lent", "借出", "lent"),
        ("borrowed", "借入", "borrowed"),
        ("retire-3", "3 个月内退休", "retire in 3 months"),
        ("retire-6", "6 个月内", "in 6 months"),
        ("retire-12", "12 个月内", "in 12 months"),
    ];
    labels.into_iter().map(|(id, zh, en)| (lang.pick(zh, en), page.flow.get(id).copied().unwrap_or(0))).collect()
}

/// What is the same in both languages.
fn same(text: String) -> Title {
    Title { zh: text.clone(), en: text }
}
