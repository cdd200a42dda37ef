//! `muster table`: the prompt tables as of any month, over the newest night's sealed rows.

use chrono::{Datelike, NaiveDate};
use muster_core::codes;
use muster_core::finding::{Severity, Subject};
use muster_core::function::add_months;
use muster_core::prompt::{self, By, Measure, Prompt, Row, Which};
use muster_core::report::{self, total::gravest};
use muster_core::schema;
use serde::Serialize;

use crate::cli::{ByArg, FormatArg, TableArgs, WhichArg};
use crate::commands::{Code, Done, Say};
use crate::config::City;
use crate::grid::Grid;
use crate::night::{FeedNight, Night};
use crate::reopen::Reopened;
use crate::report::share;
use crate::run::Stop;
use crate::store::Store;
use crate::words::{Lang, count};
use crate::{config, pefa, reopen};

/// What `muster table --json` prints.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    table: &'a Prompt,
    night: NaiveDate,
    total: Row,
    reconciles: bool,
}

/// `muster table`.
pub async fn table(args: &TableArgs, say: Say) -> Done {
    let city = config::read(&args.config.config).map_err(Stop::Mistakes)?;
    let reopened = reopen::newest(&city).await?;
    let tonight = reopened.night.tonight;
    let day = args.as_of.map_or_else(|| last_month_end(tonight), |it| month_end(it).unwrap_or(tonight));
    let which = match args.table {
        WhichArg::Quota => Which::Quota,
        WhichArg::Leaders => Which::Leaders,
        WhichArg::Consistency => Which::Consistency,
        WhichArg::Pefa => return card(args, &city, &reopened, day, say).await,
    };
    let lacking = lacking(which, &reopened.night.feeds);
    if !lacking.is_empty() {
        let why = say.lang.pick("没有可用的数据，无法列表", "no usable feed, so there is no table");
        let label = |it: &'static str| schema::table(it).map_or(it, |table| say.lang.pick(table.label_zh, table.label_en));
        return Err(Stop::Usage(format!("{}: {why}", lacking.iter().copied().map(label).collect::<Vec<_>>().join(", "))));
    }
    let mut table = prompt::prompt(&reopened.engine, which, day).await?;
    if day >= last_month_end(tonight) {
        leads(&mut table, &reopened.night);
    }
    // Whoever has the terminal lists units; those that are confidential are one row together.
    share::unlist_rows(&mut table, &reopened.night.confidential);
    if let Some(code) = &args.unit {
        table = table.below(code);
        if table.rows.is_empty() {
            let none = say.lang.pick("表中没有这个单位代码", "the table has no unit with this code");
            return Err(Stop::Usage(format!("{code}: {none}")));
        }
    }
    let by = match args.by {
        ByArg::Unit => By::Unit,
        ByArg::System => By::System,
        ByArg::Region => By::Region,
    };
    let table = table.by(by);
    let format = if say.json { FormatArg::Json } else { args.format };
    match format {
        FormatArg::Json => {
            let told = Told { night: tonight, total: table.total(), reconciles: table.reconciles(), table: &table };
            println!("{}", serde_json::to_string_pretty(&told).expect("text keys"));
        }
        FormatArg::Csv => print!("{}", csv(&table, by, say.lang)),
        FormatArg::Text => print!("{}", text(&table, by, args.unit.is_some(), tonight, say.lang)),
    }
    Ok(if table.reconciles() { Code::Fine } else { Code::Defects })
}

/// The PEFA card, which knows no units.
async fn card(args: &TableArgs, city: &City, reopened: &Reopened, day: NaiveDate, say: Say) -> Done {
    if args.unit.is_some() || args.by != ByArg::Unit {
        let whole = say.lang.pick("pefa 只按全市计算，不分单位", "pefa is about the whole city: no --unit and no --by");
        return Err(Stop::Usage(whole.to_owned()));
    }
    let format = if say.json { FormatArg::Json } else { args.format };
    pefa::table(&Store::of(city).await?, &city.calendar, reopened, day, format, say).await
}

/// The shared tables that `which` needs and no feed filled, or of which a feed was left out: an absent feed is never evidence of absent people.
pub fn lacking(which: Which, feeds: &[FeedNight]) -> Vec<&'static str> {
    let needs: &[&'static str] = match which {
        Which::Quota => &["unit", "quota", "establishment"],
        Which::Leaders => &["unit", "leader_quota", "post"],
        Which::Consistency => &["unit", "quota", "document", "establishment", "employment"],
    };
    let usable = |table: &str| {
        let mut filling = feeds.iter().filter(|it| it.table == table).peekable();
        filling.peek().is_some() && filling.all(|it| it.left_out.is_empty())
    };
    needs.iter().copied().filter(|it| !usable(it)).collect()
}

/// The last day of the month before `tonight`, as in the night's figures.
pub fn last_month_end(tonight: NaiveDate) -> NaiveDate {
    tonight.with_day(1).and_then(|it| it.pred_opt()).unwrap_or(tonight)
}

pub fn month_end(month: i32) -> Option<NaiveDate> {
    let next = add_months(month, 1)?;
    NaiveDate::from_ymd_opt(next / 100, u32::try_from(next % 100).ok()?, 1)?.pred_opt()
}

/// Open leads by unit and severity, as of the night: one case counts once, at the unit that is responsible.
pub fn leads(table: &mut Prompt, night: &Night) {
    if table.table != Which::Quota {
        return;
    }
    for case in night.cases.iter().filter(|it| it.state.is_open()) {
        let measure = match gravest(case) {
            Severity::S1 => "open-s1",
            Severity::S2 => "open-s2",
            Severity::S3 => "open-s3",
            Severity::S4 => continue,
        };
        let unit_id = match &case.subject {
            Subject::Unit { id, .. } => Some(*id),
            Subject::Person { .. } => case.findings.values().find_map(|it| it.unit_id),
        };
        let code = unit_id.and_then(|it| night.units.get(&it)).map(|it| it.code.as_str()).unwrap_or_default();
        if let Some(row) = table.rows.iter_mut().find(|it| it.code == code) {
            row.add(measure, 1);
        }
    }
}

/// What a row is called.
pub fn row_name(row: &Row, by: By, lang: Lang) -> String {
    let label = match by {
        By::Unit => row.name.clone(),
        By::System => codes::SYSTEM.code(&row.code).map_or_else(|| row.code.clone(), |it| lang.pick(it.zh, it.en).to_owned()),
        By::Region => row.code.clone(),
    };
    if label.is_empty() { lang.pick("（未能关联）", "(not linked)").to_owned() } else { label }
}

fn head(measure: &Measure, lang: Lang) -> &'static str {
    lang.pick(measure.zh, measure.en)
}

fn csv(table: &Prompt, by: By, lang: Lang) -> String {
    let cell = |text: &str| {
        if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
    };
    let measures = table.table.measures();
    let mut text = String::from("code,name,month");
    measures.iter().for_each(|it| text.push_str(&format!(",{}", it.name)));
    text.push('\n');
    for row in &table.rows {
        text.push_str(&format!("{},{},{}", cell(&row.code), cell(&row_name(row, by, lang)), table.month));
        measures.iter().for_each(|it| text.push_str(&format!(",{}", row.value(it.name))));
        text.push('\n');
    }
    text
}

fn text(table: &Prompt, by: By, one_unit: bool, tonight: NaiveDate, lang: Lang) -> String {
    let (zh, en) = table.table.label();
    let month = report::month(table.month);
    let mut text = match lang {
        Lang::Zh => format!("\n  {zh}  截至 {month} 月末（{tonight} 之夜的数据）\n\n"),
        Lang::En => format!("\n  {en}, at the end of {month} (as known on the night of {tonight})\n\n"),
    };
    let measures: Vec<&Measure> = table.table.measures().iter().filter(|it| it.brief).collect();
    let mut grid = Grid::new();
    let key = match by {
        By::Unit => lang.pick("单位", "Unit"),
        By::System => lang.pick("系统", "System"),
        By::Region => lang.pick("行政区划", "Division"),
    };
    grid.head([key.to_owned()].into_iter().chain(measures.iter().map(|it| head(it, lang).to_owned())).collect());
    let numbers = |row: &Row| measures.iter().map(|it| number(row.value(it.name))).collect::<Vec<_>>();
    for row in &table.rows {
        grid.row([row_name(row, by, lang)].into_iter().chain(numbers(row)).collect());
    }
    let total = table.total();
    grid.sum([lang.pick("合计", "Total").to_owned()].into_iter().chain(numbers(&total)).collect());
    text.push_str(&grid.text());
    if one_unit {
        text.push('\n');
        text.push_str(&types(&total, table.table, lang));
    }
    text.push_str(&format!("\n  {}\n", balance(table, &total, lang)));
    text
}

/// A number, or a quiet dot for nothing.
fn number(value: i64) -> String {
    if value == 0 { "·".to_owned() } else { count(value) }
}

/// Every measure of one unit that is not in the brief table and not nothing.
fn types(total: &Row, which: Which, lang: Lang) -> String {
    let mut grid = Grid::new();
    for measure in which.measures().iter().filter(|it| !it.brief && total.value(it.name) != 0) {
        grid.row(vec![head(measure, lang).to_owned(), count(total.value(measure.name))]);
    }
    grid.text()
}

/// The sentence that says whether the table adds up.
pub fn balance(table: &Prompt, total: &Row, lang: Lang) -> String {
    let value = |it: &str| count(total.value(it));
    let mark = if table.reconciles() { "✓" } else { "✗" };
    if table.table == Which::Consistency {
        let rest: i64 = ["unit", "person", "ledger"].iter().map(|it| total.value(&format!("{it}-without"))).sum();
        return match lang {
            Lang::Zh => format!("{mark} 每一项：有 + 无 = 总数；共 {} 处不一致", count(rest)),
            Lang::En => format!("{mark} for each: with + without = all; {} are not consistent", count(rest)),
        };
    }
    let net = count(total.value("approved") - total.value("actual"));
    match lang {
        Lang::Zh => format!(
            "{mark} 空编合计 {} − 超编合计 {} = 净空编 {net} = 核定 {} − 实有 {}",
            value("vacant"),
            value("over"),
            value("approved"),
            value("actual")
        ),
        Lang::En => format!(
            "{mark} vacant {} − over {} = net {net} = approved {} − actual {}",
            value("vacant"),
            value("over"),
            value("approved"),
            value("actual")
        ),
    }
}
