//! `muster person`: what every source says of one person, month by month, with the cases beside.
//!
//! Whoever is meant is named by a case, by a row of a source, or by an ID number that is typed or piped in: an ID number among a command's
//! words would stay in the shell's history. Every look is written into the audit log before anything is shown.

mod contrast;
mod page;
mod svg;
mod text;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, IsTerminal, Write as _};
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Int32Type};
use chrono::NaiveDate;
use muster_core::case::State;
use muster_core::engine::{Engine, Param, Params};
use muster_core::finding::{Severity, Subject};
use muster_core::function::{day, days, month_of};
use muster_core::mapping::Title;
use muster_core::person_id::{self, PersonId};
use muster_core::retirement::{Category, retirement_month};
use muster_core::{codes, mask};
use serde::Serialize;

use crate::cli::{PersonArgs, PersonFormat};
use crate::commands::{Code, Done, Say, read};
use crate::config::City;
use crate::explain::link::Row;
use crate::explain::{IdentityTold, identities};
use crate::files::private_file;
use crate::night::Night;
use crate::people::Eyes;
use crate::reopen::Reopened;
use crate::run::Stop;
use crate::store::Store;
use crate::store::work::Worked;
use crate::words::Lang;
use crate::{look, reopen};
use contrast::Contrast;
use timeline::{Strip, UnitTold};

/// All that is told of a person.
#[derive(Debug, Serialize)]
pub struct PersonTold {
    /// The night whose rows were read.
    pub night: NaiveDate,
    /// Lasting key.
    pub key: String,
    /// Best name.
    pub name: Option<String>,
    /// Best ID number.
    pub id_number: Option<String>,
    /// `male` or `female`.
    pub sex: Option<String>,
    /// Null while masked: it is half of the ID number.
    pub birth_date: Option<NaiveDate>,
    /// Whole years on the night.
    pub age: Option<i32>,
    /// Statutory month, yyyymm (women: 55); null while masked, because it tells the month of birth.
    pub retires_in: Option<i32>,
    /// Where the person is now: on the register, else employed, else paid.
    pub unit: Option<UnitTold>,
    /// The months that are looked at.
    pub months: Vec<i32>,
    /// A strip per source.
    pub strips: Vec<Strip>,
    /// Gaps and overlaps.
    pub contrasts: Vec<Contrast>,
    /// What rules found, by case.
    pub cases: Vec<CaseTold>,
    /// What the sources say about who the person is.
    pub identities: Vec<IdentityTold>,
    /// Feeds of which rows are kept back: they are beyond what the reader may see.
    pub beyond: BTreeSet<String>,
}

/// One case of the person.
#[derive(Debug, Serialize)]
pub struct CaseTold {
    /// `MU-2026-000123`.
    pub number: String,
    /// Where it stands.
    pub state: State,
    /// The night it was opened.
    pub opened_on: NaiveDate,
    /// What its rules found.
    pub findings: Vec<FindingTold>,
}

/// One finding of a case.
#[derive(Debug, Serialize)]
pub struct FindingTold {
    /// Rule id.
    pub rule: String,
    /// Title of its card; its id where there is no such card any more.
    pub title: Title,
    /// How grave.
    pub severity: Severity,
    /// Months concerned.
    pub months: Vec<i32>,
    /// Sum over the lines.
    pub amount_fen: Option<i64>,
}

/// `muster person`.
pub async fn person(args: &PersonArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let store = Store::of(&city).await?;
    let eyes = look::eyes(&city, &store, &args.eyes).await?;
    let reopened = reopen::newest(&city).await?;
    let asked = Asked::read(args.who.as_deref(), say)?;
    let worked = store.worked(&city.calendar).await?;
    let (id, key) = find(&asked, &reopened.engine, &worked, &eyes, say).await?;
    let mine: Vec<&Worked> = worked.iter().filter(|it| it.case.subject.key() == key && eyes.see(&it.case)).collect();
    let told = told(&city, &reopened, &eyes, &mine, (id, key), args).await?;
    // What may not be seen looks like what is not there.
    if told.cases.is_empty() && told.strips.iter().all(|it| it.marks.is_empty()) && !eyes.see_all() {
        return Err(asked.nobody(say));
    }
    match &args.reveal {
        Some(why) => look::revealed(&store, &eyes, &told.key, why).await?,
        None => look::looked(&store, &eyes, &told.key).await?,
    }
    let format = if say.json { PersonFormat::Json } else { args.format };
    let text = match format {
        PersonFormat::Text => text::text(&told, say.lang),
        PersonFormat::Json => serde_json::to_string_pretty(&told)? + "\n",
        PersonFormat::Svg => svg::svg(&told, say.lang),
        PersonFormat::Html => page::page(&told, say.lang)?,
    };
    write(&text, args.out.as_deref(), say)?;
    Ok(Code::Fine)
}

/// Prints `text`, or writes it into a file that nobody else can read and that was not there.
pub fn write(text: &str, out: Option<&Path>, say: Say) -> Result<(), Stop> {
    let Some(out) = out else {
        print!("{text}");
        return Ok(());
    };
    let mut file = private_file(out).map_err(|err| Stop::Usage(format!("{}: {err}", out.display())))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    say.print(&serde_json::json!({ "out": out }), || format!("  ✓ {}\n", out.display()));
    Ok(())
}

/// Who is meant.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Case(String),
    Row(Row),
    Key(String),
    Number(String),
}

impl Asked {
    /// A case, a row or a lasting key of the command line; without one, an ID number from standard input.
    fn read(said: Option<&str>, say: Say) -> Result<Asked, Stop> {
        match said {
            None | Some("-") => Ok(Asked::Number(number(say)?)),
            Some(said) => Asked::named(said, say.lang).map_err(Stop::Usage),
        }
    }

    fn named(said: &str, lang: Lang) -> Result<Asked, String> {
        if let Some(row) = Row::read(said) {
            return Ok(Asked::Row(row));
        }
        if said.starts_with("p-") {
            return Ok(Asked::Key(said.to_owned()));
        }
        // Fifteen digits in a row are no case number, and an ID number does not belong here even when it is mistyped.
        if said.chars().filter(|it| it.is_numeric()).count() >= 15 {
            let why = lang.pick(
                "证件号码不要写在命令中，它会留在命令历史里；请直接运行 `muster person`，按提示输入，或由标准输入送入",
                "do not write an ID number into a command, the shell's history keeps it: run `muster person` and type it, or pipe it in",
            );
            return Err(why.to_owned());
        }
        Ok(Asked::Case(said.to_owned()))
    }

    /// What is said when there is nobody, or nobody who may be seen. It does not repeat a number.
    fn nobody(&self, say: Say) -> Stop {
        let none = say.lang.pick("查无此人", "nobody");
        Stop::Usage(match self {
            Asked::Case(number) => format!("{number}: {}", say.lang.pick("没有这个编号的个人案件", "no case of a person has this number")),
            Asked::Row(row) => format!("{row}: {none}"),
            Asked::Key(key) => format!("{key}: {none}"),
            Asked::Number(_) => say.lang.pick("各来源均无此证件号码", "no source has this ID number").to_owned(),
        })
    }
}

/// An ID number as somebody types it, or as another program pipes it in.
fn number(say: Say) -> Result<String, Stop> {
    if std::io::stdin().is_terminal() {
        eprint!("{} ", say.lang.pick("证件号码：", "ID number:"));
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let none = || Stop::Usage(say.lang.pick("没有输入证件号码", "no ID number was given").to_owned());
    Some(line.trim().to_owned()).filter(|it| !it.is_empty()).ok_or_else(none)
}

/// Tonight's number and the lasting key of whoever is meant.
async fn find(asked: &Asked, engine: &Engine, worked: &[Worked], eyes: &Eyes, say: Say) -> Result<(i32, String), Stop> {
    let text = |name: &str, value: &str| Params::from([(name.to_owned(), Param::Text(value.to_owned()))]);
    let by_key = "select person_id from person where person_key = $key";
    let ids = match asked {
        Asked::Case(number) => {
            let same = |it: &&Worked| crate::store::work::same_number(it.case.number.as_deref().unwrap_or_default(), number);
            match worked.iter().find(same).filter(|it| eyes.see(&it.case)).map(|it| &it.case.subject) {
                Some(Subject::Person { key, .. }) => persons(engine, by_key, &text("key", key)).await?,
                Some(Subject::Unit { key, .. }) => {
                    let code = key.strip_prefix("u-").unwrap_or(key);
                    let hint = say.lang.pick("是单位的案件，请看", "is about a unit, see");
                    return Err(Stop::Usage(format!("{number}: {hint} `muster unit {code}`")));
                }
                None => Vec::new(),
            }
        }
        Asked::Key(key) => persons(engine, by_key, &text("key", key)).await?,
        Asked::Row(row) => {
            let mut params = text("feed", &row.feed);
            params.insert("who".to_owned(), Param::Whole(i64::from(row.who)));
            let sql = "select distinct person_id from identity where feed = $feed and who = cast($who as int) and person_id is not null";
            persons(engine, sql, &params).await?
        }
        Asked::Number(number) => {
            let mut params = text("number", &person_id::clean(number));
            let long = PersonId::parse_15(number).map_or_else(String::new, |it| it.to_string());
            params.insert("long".to_owned(), Param::Text(long));
            let sql = "select distinct person_id from (
                           select person_id, id_number from identity union all select person_id, id_number from person) as known
                       where person_id is not null and id_number in ($number, $long) order by person_id";
            persons(engine, sql, &params).await?
        }
    };
    match ids.as_slice() {
        [id] => {
            let params = Params::from([("person".to_owned(), Param::Whole(i64::from(*id)))]);
            let sql = "select arrow_cast(person_key, 'Utf8') as person_key from person where person_id = cast($person as int)";
            let batches = engine.query(sql, &params).await?;
            let key = batches.iter().find(|it| it.num_rows() > 0).map(|it| it.column(0).as_string::<i32>().value(0).to_owned());
            Ok((*id, key.ok_or_else(|| asked.nobody(say))?))
        }
        [] => Err(asked.nobody(say)),
        several if eyes.see_all() => Err(Stop::Usage(ambiguous(engine, several, say).await?)),
        _ => Err(asked.nobody(say)),
    }
}

async fn persons(engine: &Engine, sql: &str, params: &Params) -> Result<Vec<i32>, Stop> {
    let batches = engine.query(sql, params).await?;
    Ok(batches.iter().flat_map(|it| it.column(0).as_primitive::<Int32Type>().values().to_vec()).collect())
}

/// One number under which several people stand, and a row of each.
async fn ambiguous(engine: &Engine, ids: &[i32], say: Say) -> Result<String, Stop> {
    let list: Vec<String> = ids.iter().map(i32::to_string).collect();
    let sql = format!(
        "select arrow_cast(min(concat(feed, '#', cast(who as varchar))), 'Utf8') as row from identity where person_id in ({}) group by person_id order by row",
        list.join(", ")
    );
    let batches = engine.query(&sql, &Params::new()).await?;
    let rows: Vec<String> =
        batches.iter().flat_map(|it| it.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>()).collect();
    let why = say.lang.pick("这个号码下有多人，请指明其中一行", "several people stand under this number; name a row");
    Ok(format!("{why}: {}", rows.join(", ")))
}

async fn told(
    city: &City,
    reopened: &Reopened,
    eyes: &Eyes,
    mine: &[&Worked],
    (id, key): (i32, String),
    args: &PersonArgs,
) -> Result<PersonTold, Stop> {
    let Reopened { night, engine } = reopened;
    let cases: Vec<&muster_core::case::Case> = mine.iter().map(|it| &it.case).collect();
    let shows = |feed: &str, unit: Option<&str>| eyes.see_row(feed, unit, &cases);
    let tonight = month_of(days(night.tonight)).unwrap_or(i32::MAX);
    let months = timeline::window(&night.feeds, tonight, args.months);
    let (strips, mut beyond) = timeline::strips(engine, &night.feeds, &night.units, id, &months, shows).await?;
    let who = Who::of(engine, id).await?;
    let mut identities = identities(&city.archive()?, night.tonight, id).map_err(|err| Stop::Trouble(err.to_string()))?;
    identities.retain(|it| {
        // The unit is told as name and code.
        let code = it.unit.as_deref().and_then(|it| it.rsplit(' ').next());
        let seen = shows(&it.feed, code);
        if !seen {
            beyond.insert(it.feed.clone());
        }
        seen
    });
    let mut told = PersonTold {
        night: night.tonight,
        key,
        unit: newest_unit(&strips),
        contrasts: contrast::contrasts(&strips, &months),
        months,
        strips,
        cases: mine.iter().map(|it| case(it, night)).collect(),
        identities,
        beyond,
        age: who.birth_date.and_then(|it| night.tonight.years_since(it)).and_then(|it| i32::try_from(it).ok()),
        retires_in: who.birth_date.map(|it| retirement_month(it, category(who.sex.as_deref()))),
        name: who.name,
        id_number: who.id_number,
        sex: who.sex,
        birth_date: who.birth_date,
    };
    if args.reveal.is_none() {
        mask(&mut told);
    }
    Ok(told)
}

fn category(sex: Option<&str>) -> Category {
    if sex == Some("female") { Category::Woman55 } else { Category::Man }
}

/// Who somebody is, as linking has it.
struct Who {
    name: Option<String>,
    id_number: Option<String>,
    sex: Option<String>,
    birth_date: Option<NaiveDate>,
}

impl Who {
    async fn of(engine: &Engine, id: i32) -> Result<Who, Stop> {
        let params = Params::from([("person".to_owned(), Param::Whole(i64::from(id)))]);
        let sql = "select arrow_cast(name, 'Utf8') as name, arrow_cast(id_number, 'Utf8') as id_number, arrow_cast(sex, 'Utf8') as sex, birth_date
                   from person where person_id = cast($person as int)";
        let batches = engine.query(sql, &params).await?;
        let batch = batches.iter().find(|it| it.num_rows() > 0).ok_or_else(|| Stop::Trouble("the night lost a person".to_owned()))?;
        let text = |at: usize| batch.column(at).as_string::<i32>().iter().next().flatten().map(str::to_owned);
        let born = batch.column(3).as_primitive::<Date32Type>();
        Ok(Who { name: text(0), id_number: text(1), sex: text(2), birth_date: born.is_valid(0).then(|| born.value(0)).and_then(day) })
    }
}

/// The unit of the newest mark, of the first source that has one.
fn newest_unit(strips: &[Strip]) -> Option<UnitTold> {
    let newest = |strip: &Strip| {
        let units = strip.marks.iter().filter(|it| it.unit.is_some());
        units.max_by_key(|it| (it.main, it.to.unwrap_or(i32::MAX), it.from)).and_then(|it| it.unit.clone())
    };
    strips.iter().find_map(newest)
}

fn case(it: &Worked, night: &Night) -> CaseTold {
    let title = |rule: &str| {
        let known = night.rules.iter().find(|it| it.id == rule).map(|it| it.title.clone());
        known.unwrap_or_else(|| Title { zh: rule.to_owned(), en: rule.to_owned() })
    };
    let finding = |it: &muster_core::finding::Finding| FindingTold {
        rule: it.rule.clone(),
        title: title(&it.rule),
        severity: it.severity,
        months: it.months.clone(),
        amount_fen: it.amount_fen,
    };
    CaseTold {
        number: it.case.number.clone().unwrap_or_default(),
        state: it.case.state,
        opened_on: it.case.opened_on,
        findings: it.case.findings.values().map(finding).collect(),
    }
}

fn mask(told: &mut PersonTold) {
    let persons = told.identities.iter_mut().map(|it| (&mut it.name, &mut it.id_number));
    for (name, id_number) in persons.chain([(&mut told.name, &mut told.id_number)]) {
        *name = name.take().map(|it| mask::name(&it));
        *id_number = id_number.take().map(|it| mask::id_number(&it));
    }
    for identity in &mut told.identities {
        identity.birth_date = identity.birth_date.take().map(|it| format!("{}-**-**", it.chars().take(4).collect::<String>()));
    }
    (told.birth_date, told.retires_in) = (None, None);
}

/// Name, number, sex, age and unit in one line, for heads of pages.
fn who_line(told: &PersonTold, lang: Lang) -> Vec<String> {
    let sex = told.sex.as_deref().and_then(|it| codes::SEX.code(it)).map(|it| lang.pick(it.zh, it.en).to_owned());
    let age = told.age.map(|it| lang.pick(format!("{it} 岁"), format!("aged {it}")));
    let born = told.birth_date.map(|it| lang.pick(format!("{it} 出生"), format!("born {it}")));
    let retires = told.retires_in.map(muster_core::report::month);
    let retires = retires.map(|it| lang.pick(format!("{it} 达法定退休年龄"), format!("statutory retirement {it}")));
    let unit = told.unit.as_ref().map(|it| format!("{} {}", it.name, it.code));
    [told.id_number.clone(), sex, age, born, retires, unit].into_iter().flatten().collect()
}

/// By rule: the months that its finding is about.
fn found(told: &PersonTold) -> BTreeMap<&str, BTreeSet<i32>> {
    let mut found: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for finding in told.cases.iter().flat_map(|it| &it.findings) {
        found.entry(&finding.rule).or_default().extend(&finding.months);
    }
    found
}

#[cfg(test)]
mod tests;
