//! What each command does: read the configuration, call the part that works, print.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;
use clap::CommandFactory;
use muster_connectors::Place;
use muster_core::diag::Mistake;
use muster_core::mapping::{Feed, Mapping};
use muster_core::rule::Rule;
use serde::Serialize;

use crate::cli::{
    BackfillArgs, CheckArgs, Cli, ConfigArg, DemoArgs, ExplainArgs, ExplainLinkArgs, ExplainWhat, PreviewArgs, ProgressArg, ProveArgs,
    RejectsArgs, RerunArgs, RunArgs,
};
use crate::config::{self, City, Department};
use crate::demo::{self, Plan};
use crate::night::{Night, Said};
use crate::people::Eyes;
use crate::progress::{Progress, Show};
use crate::prove::Proven;
use crate::run::{self, Stop, World};
use crate::score::{self, Score};
use crate::store::Store;
use crate::telemetry::Outcome;
use crate::words::{Lang, count, pad, pad_left};
use crate::{clock, disk, dry, dry_text, explain, look, mail, pull, rejects, retain, serve, summary, telemetry};

/// How to speak.
#[derive(Clone, Copy, Debug)]
pub struct Say {
    /// Language.
    pub lang: Lang,
    /// JSON on stdout.
    pub json: bool,
    /// How progress is told.
    pub progress: ProgressArg,
}

/// Exit codes; the help names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Fine.
    Fine = 0,
    /// Defects were found.
    Defects = 1,
    /// The night is done, but a feed was left out.
    LeftOut = 3,
    /// What was asked for cannot be done; sysexits' EX_USAGE.
    Usage = 64,
    /// Disk, store or engine failed.
    Trouble = 74,
    /// Configuration, mapping or card is wrong.
    Wrong = 78,
}

impl From<Code> for std::process::ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Every command ends so.
pub type Done = Result<Code, Stop>;

impl Say {
    /// Who watches a night.
    pub fn progress(self) -> Arc<Progress> {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let show = match self.progress {
            ProgressArg::Lines => Show::Lines,
            ProgressArg::Auto if terminal && !self.json => Show::Bars,
            ProgressArg::Auto | ProgressArg::None => Show::Nothing,
        };
        Arc::new(Progress::new(show, self.lang))
    }

    /// Prints `text`, or `data` as JSON.
    pub fn print(self, data: &impl Serialize, text: impl FnOnce() -> String) {
        if self.json {
            println!("{}", serde_json::to_string_pretty(data).expect("what we print has text keys"));
        } else {
            print!("{}", text());
        }
    }
}

/// `muster demo`.
pub async fn demo(args: &DemoArgs, say: Say) -> Done {
    match args.to_seed {
        None => one_demo(args, say).await,
        Some(last) => many_demos(args, last, say).await,
    }
}

/// What `muster demo --json` prints.
#[derive(Serialize)]
struct DemoTold<'a> {
    night: &'a Night,
    score: &'a Score,
}

async fn one_demo(args: &DemoArgs, say: Say) -> Done {
    let progress = say.progress();
    let (city, night, score) = demo_night(args, args.seed, &args.out, say, &progress).await?;
    say.print(&DemoTold { night: &night.masked(), score: &score }, || {
        let mut text = summary::text(&night, Some(&score), &city, &progress.times(), say.lang);
        if args.noisy {
            text.push('\n');
            text.push_str(&score.by_rule(say.lang));
        }
        text
    });
    let fine = if args.noisy { score.meets_targets() } else { score.is_perfect() };
    Ok(if fine { Code::Fine } else { Code::Defects })
}

/// One line per seed; the exit code says whether all were perfect.
async fn many_demos(args: &DemoArgs, last: u64, say: Say) -> Done {
    let mut scores = Vec::new();
    for seed in args.seed..=last {
        let out = args.out.join(format!("seed-{seed}"));
        let (_, night, score) = demo_night(args, seed, &out, say, &say.progress()).await?;
        let injected: usize = score.kinds.values().map(|it| it.1).sum();
        let found: usize = score.kinds.values().map(|it| it.0).sum();
        if !say.json {
            println!(
                "{} {} {} {} {}",
                pad(&format!("seed {seed}"), 9),
                pad_left(&format!("{found}/{injected}"), 8),
                pad_left(&format!("{}/{}", score.accused.len(), score.innocent), 8),
                pad_left(&score.false_alarms.len().to_string(), 4),
                if score.is_perfect() { "✓" } else { "✗" }
            );
            for it in score.missed.iter().chain(&score.accused).chain(&score.false_alarms) {
                println!("    ✗ {it}");
            }
        }
        let figures = &night.figures;
        if figures.administrative.net() + figures.institution.net() == 0 {
            return Err(Stop::Trouble("the figures are empty".to_owned()));
        }
        scores.push((seed, score));
        std::fs::remove_dir_all(&out)?;
    }
    let sum = Score::sum(scores.iter().map(|it| &it.1));
    if say.json {
        println!("{}", serde_json::to_string_pretty(&scores).expect("text keys"));
    } else if args.noisy {
        println!("\n{}", sum.by_rule(say.lang));
    }
    let fine = if args.noisy { sum.meets_targets() } else { scores.iter().all(|(_, it)| it.is_perfect()) };
    Ok(if fine { Code::Fine } else { Code::Defects })
}

async fn demo_night(args: &DemoArgs, seed: u64, out: &Path, say: Say, progress: &Arc<Progress>) -> Result<(City, Night, Score), Stop> {
    if out.join("truth.csv").exists() {
        std::fs::remove_dir_all(out)?;
    } else if out.exists() && out.read_dir()?.next().is_some() {
        return Err(Stop::Usage(format!("{} is not empty and no demo city; choose another --out", out.display())));
    }
    let plan = Plan { seed, people: args.people, months: args.months, as_of: args.as_of, lang: say.lang, noisy: args.noisy };
    demo::write(out, &plan, &|_| {}).await?;
    let city = config::read(&out.join("config/muster.toml")).map_err(Stop::Mistakes)?;
    let world = World { store: Store::of(&city).await?, progress: progress.clone() };
    let night = run::one_night(&city, args.as_of, &world).await?;
    let score = score::score(out, &night)?;
    Ok((city, night, score))
}

/// `muster backfill`: nights that are kept already, and those before the newest of them, stay as they are.
pub async fn backfill(args: &BackfillArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let world = World { store: Store::of(&city).await?, progress: say.progress() };
    let last = args.to.unwrap_or_else(clock::today);
    let kept = world.store.nights().await?.into_iter().max();
    let mut worst = Code::Fine;
    for night in args.from.iter_days().take_while(|it| *it <= last) {
        if kept.is_some_and(|kept| night <= kept) {
            println!("  – {night} {}", say.lang.pick("已有更新或相同的一夜，略过", "this night or a later one is kept already"));
            continue;
        }
        let told = run::one_night(&city, night, &world).await?;
        let left_out = told.feeds.iter().filter(|it| !it.left_out.is_empty()).count();
        let (mark, words) = if left_out == 0 {
            ("✓", String::new())
        } else {
            ("!", format!("{left_out} {}", say.lang.pick("个数据源未采用", "feeds left out")))
        };
        println!("  {mark} {night} {words}");
        if left_out > 0 {
            worst = Code::LeftOut;
        }
        retain::after_night(&city, &world.store, night).await;
    }
    Ok(worst)
}

/// `muster rerun`: the store refuses a night before the newest.
pub async fn rerun(args: &RerunArgs, say: Say) -> Done {
    let config = ConfigArg { config: args.config.config.clone() };
    run(&RunArgs { config, night: Some(args.night), reveal: false, leash: false }, say).await
}

/// `muster run`.
pub async fn run(args: &RunArgs, say: Say) -> Done {
    if args.leash {
        serve::child::leash();
    }
    let city = read(&args.config.config)?;
    let tonight = args.night.unwrap_or_else(clock::today);
    let world = World { store: Store::of(&city).await?, progress: say.progress() };
    let night = run::one_night(&city, tonight, &world).await;
    let outcome = match &night {
        Ok(night) if night.is_whole() => Outcome::Kept,
        Ok(_) => Outcome::LeftOut,
        Err(_) => Outcome::Failed,
    };
    let trace = telemetry::trace(&city, tonight, &world.progress, outcome);
    let done = told_night(args, &city, tonight, &world, night, say).await;
    // Last of all: nobody waits for a collector.
    if let Some(trace) = trace {
        telemetry::send(&city, trace).await;
    }
    done
}

/// Tells what became of a night, and clears up after it.
async fn told_night(args: &RunArgs, city: &City, tonight: NaiveDate, world: &World, night: Result<Night, Stop>, say: Say) -> Done {
    let night = match night {
        Ok(night) => night,
        Err(stop) => {
            mail_failure(city, &world.store, tonight, &stop).await;
            return Err(stop);
        }
    };
    if args.reveal {
        look::revealed(&world.store, &Eyes::default(), &tonight.to_string(), "run --reveal").await?;
    }
    let told = if args.reveal { night.clone() } else { night.masked() };
    say.print(&told, || summary::text(&night, None, city, &world.progress.times(), say.lang));
    if let Some(settings) = &city.mail {
        match mail::bounce::tell(city, &world.store, settings, tonight).await {
            Ok(found) => eprint!("{}", mail::bounce::found_text(&found, say.lang)),
            Err(stop) => tracing::error!(err = stop.line(), "what came back by mail could not be read"),
        }
        let delivered = mail::deliver(&world.store, city, settings).await?;
        eprint!("{}", mail::commands::delivered_text(&delivered, say.lang));
    }
    retain::after_night(city, &world.store, tonight).await;
    Ok(if night.is_whole() { Code::Fine } else { Code::LeftOut })
}

/// Operators hear of a night that could not be finished. What keeps them from hearing it is logged: the night's own trouble is what the
/// command tells.
async fn mail_failure(city: &City, store: &Store, tonight: NaiveDate, stop: &Stop) {
    let Some(settings) = &city.mail else { return };
    let why = match stop {
        Stop::Mistakes(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
        Stop::Unproven(examples) => examples.clone(),
        Stop::Usage(why) | Stop::Trouble(why) => vec![why.clone()],
    };
    let queued = async {
        let letters = mail::failed_night(city, tonight, &why)?;
        store.queue(tonight, &clock::now(), &letters).await?;
        mail::deliver(store, city, settings).await?;
        Ok::<_, Stop>(())
    };
    if let Err(stop) = queued.await {
        tracing::error!(err = stop.line(), "operators could not be told by mail");
    }
}

/// `muster prove`.
pub async fn prove(args: &ProveArgs, say: Say) -> Done {
    let (mut mappings, mut rules) = content(&args.config.config)?;
    if !args.rules.is_empty() {
        let wanted: Vec<Rule> = args.rules.iter().map(|it| crate::rules::find(&rules, it).cloned()).collect::<Result<_, _>>()?;
        (mappings, rules) = (Vec::new(), wanted);
    }
    let mut proven = Proven::default();
    for (name, mapping) in &mappings {
        proven.mapping(name, mapping).await;
    }
    proven.rules(&rules).await;
    say.print(&proven, || {
        let mut text = String::new();
        for wrong in &proven.wrong {
            text.push_str(&format!("✗ {wrong}\n"));
        }
        let (hold, wrong) = (count(proven.hold as i64), proven.wrong.len());
        text + &match say.lang {
            Lang::Zh => format!("{} 个映射、{} 条规则：{hold} 个样例成立，{wrong} 个不成立\n", mappings.len(), rules.len()),
            Lang::En => format!("{} mappings, {} rules: {hold} examples hold, {wrong} do not\n", mappings.len(), rules.len()),
        }
    });
    if !proven.mistakes.is_empty() {
        return Err(Stop::Mistakes(proven.mistakes));
    }
    Ok(if proven.wrong.is_empty() { Code::Fine } else { Code::Defects })
}

/// Mappings by name.
type Mappings = Vec<(String, Mapping)>;

/// The content of a city; without a configuration, what comes with the binary.
fn content(config: &Path) -> Result<(Mappings, Vec<Rule>), Stop> {
    if config.exists() {
        let city = read(config)?;
        let mappings = city.departments.into_iter().map(|it| (it.file.mapping, it.mapping)).collect();
        return Ok((mappings, city.rules));
    }
    let mut mistakes = Vec::new();
    let rules = config::rules(Path::new("rules"), &mut mistakes);
    let mut mappings = Vec::new();
    for name in config::shipped_mappings() {
        match config::mapping_called(&name, Path::new("mappings")) {
            Ok(mapping) => mappings.push((name, mapping)),
            Err(more) => mistakes.extend(more.unwrap_or_default()),
        }
    }
    if mistakes.is_empty() { Ok((mappings, rules)) } else { Err(Stop::Mistakes(mistakes)) }
}

/// `muster check`.
pub async fn check(args: &CheckArgs, say: Say) -> Done {
    let mapping = mapping_at(&args.mapping)?;
    let file = args.file.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let feed = feed_for(&mapping, args.feed.as_deref(), &file)?;
    let source = file_source(&args.file, args.encoding.as_deref())?;
    let tonight = args.night.unwrap_or_else(clock::today);
    let table = if is_database(&args.file) { None } else { Some(file.as_str()) };
    let dry = dry::pull(source.as_ref(), feed, table, 3, tonight, "").await?;
    say.print(&dry.told(), || dry_text::page(feed, &dry, usize::MAX, args.reveal, say.lang));
    Ok(if dry.is_clean() { Code::Fine } else { Code::Defects })
}

fn mapping_at(name: &str) -> Result<Mapping, Stop> {
    let path = Path::new(name);
    let by_path = path.extension().is_some_and(|it| it == "toml");
    let folder = if by_path { path.parent().unwrap_or(Path::new(".")) } else { Path::new("mappings") };
    let stem = path.file_stem().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    config::mapping_called(&stem, folder).map_err(|it| {
        let known = config::shipped_mappings().join(", ");
        it.map_or_else(|| Stop::Usage(format!("no mapping `{name}`; there are {known}, or name a file")), Stop::Mistakes)
    })
}

/// The feed that is named, or the one whose table fits the file, or the only one.
fn feed_for<'a>(mapping: &'a Mapping, named: Option<&str>, file: &str) -> Result<&'a Feed, Stop> {
    let fits = |feed: &&Feed| match named {
        Some(name) => feed.name == name,
        None => muster_connectors::fits(&feed.table, file),
    };
    let found: Vec<&Feed> = mapping.feeds.iter().filter(fits).collect();
    match (found.as_slice(), mapping.feeds.as_slice()) {
        ([one], _) => Ok(one),
        ([], [one]) => Ok(one),
        _ => {
            let names: Vec<&str> = mapping.feeds.iter().map(|it| it.name.as_str()).collect();
            Err(Stop::Usage(format!("which feed is this file? say --feed with one of: {}", names.join(", "))))
        }
    }
}

fn is_database(file: &Path) -> bool {
    file.extension().is_some_and(|it| ["db", "sqlite", "sqlite3"].iter().any(|known| it.eq_ignore_ascii_case(known)))
}

fn file_source(file: &Path, encoding: Option<&str>) -> Result<Box<dyn muster_connectors::Connector>, Stop> {
    let ending = file.extension().map(|it| it.to_string_lossy().to_lowercase()).unwrap_or_default();
    let kind = match ending.as_str() {
        "xlsx" | "xls" | "xlsm" => "xlsx",
        "parquet" => "parquet",
        "dbf" => "dbf",
        _ if is_database(file) => "sqlite",
        _ => "csv",
    };
    let mut settings = toml::Table::new();
    settings.insert("kind".to_owned(), kind.into());
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if kind == "sqlite" {
        settings.insert("file".to_owned(), file.display().to_string().into());
    } else {
        settings.insert("folder".to_owned(), folder.display().to_string().into());
        settings.insert("settle_seconds".to_owned(), 0.into());
    }
    if let (Some(encoding), "csv" | "dbf") = (encoding, kind) {
        settings.insert("encoding".to_owned(), encoding.into());
    }
    let place = Place { department: "check".to_owned(), source: kind.to_owned(), root: PathBuf::from(".") };
    muster_connectors::open(place, settings).map_err(|it| Stop::Usage(it.into()))
}

/// `muster preview`.
pub async fn preview(args: &PreviewArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let department =
        city.department(&args.department).map_err(|hint| Stop::Usage(format!("no department `{}`; {hint}", args.department)))?;
    let name = &department.file.name;
    let eyes = look::eyes_on_rows(&city, &args.eyes)?;
    if !eyes.see_rows_of(name) {
        return Err(beyond(name, say));
    }
    if let Some(why) = &args.reveal {
        look::revealed(&Store::of(&city).await?, &eyes, name, why).await?;
    }
    let vault = city.vault()?;
    let mut told = Vec::new();
    for feed in department.mapping.feeds.iter().filter(|it| args.feed.as_ref().is_none_or(|name| &it.name == name)) {
        match dry::pull(pull::source(department, feed), feed, None, args.rows, clock::today(), vault.hash_key()).await {
            Ok(dry) if say.json => told.push(serde_json::to_value(dry.told()).expect("text keys")),
            Ok(dry) => print!("{}", dry_text::page(feed, &dry, 10, args.reveal.is_some(), say.lang)),
            Err(failure) => println!("\n  {} ✗ {failure}", feed.name),
        }
    }
    if say.json {
        say.print(&told, String::new);
    }
    Ok(Code::Fine)
}

/// What is said of a department whose rows somebody may not see.
fn beyond(department: &str, say: Say) -> Stop {
    let (zh, en) = (
        "的数据不在可见范围；按单位限定的人看不到整个部门的行",
        "is beyond your scope; people of single units do not see a department's rows",
    );
    Stop::Usage(format!("`{department}` {}", say.lang.pick(zh, en)))
}

/// `muster rejects`.
pub async fn rejects(args: &RejectsArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let eyes = look::eyes_on_rows(&city, &args.eyes)?;
    if let Some(department) = args.department.as_ref().filter(|it| !eyes.see_rows_of(it)) {
        return Err(beyond(department, say));
    }
    let store = Store::of(&city).await?;
    let night = match args.night {
        Some(night) => night,
        None => latest(&store, say).await?,
    };
    let archive = city.archive()?;
    if let Some(why) = &args.reveal {
        look::revealed(&store, &eyes, &format!("rejects {night}"), why).await?;
    }
    let mut text = String::new();
    let mut told = Vec::new();
    let asked = |it: &&Department| args.department.as_ref().is_none_or(|name| &it.file.name == name) && eyes.see_rows_of(&it.file.name);
    for department in city.departments.iter().filter(asked) {
        for feed in &department.mapping.feeds {
            let path = archive.delivery(&format!("{}/{}", department.file.name, feed.name), night).join("rejects.parquet");
            let list = rejects::read(&archive, &path).map_err(|err| Stop::Trouble(format!("{}: {err}", path.display())))?;
            let Some(list) = list.filter(|it| !it.is_empty()) else { continue };
            text.push_str(&format!("\n  {}/{} {}\n", department.file.name, feed.name, count(list.len() as i64)));
            dry_text::rejects(&mut text, &list, args.rows, args.reveal.is_some(), say.lang);
            told.extend(list.iter().map(|it| serde_json::to_value(dry::RejectTold::of(it)).expect("text keys")));
        }
    }
    if told.is_empty() {
        text.push_str(&format!("  {}\n", say.lang.pick("没有拒收的行", "no rejected rows")));
    }
    say.print(&told, || text);
    Ok(Code::Fine)
}

/// The newest night in the store.
pub async fn latest(store: &Store, say: Say) -> Result<NaiveDate, Stop> {
    let none = say.lang.pick("还没有对过账；先 `muster run`", "no night yet; `muster run` first");
    store.nights().await?.into_iter().max().ok_or_else(|| Stop::Usage(none.to_owned()))
}

/// `muster explain`.
pub async fn explain(args: &ExplainArgs, say: Say) -> Done {
    if let Some(ExplainWhat::Link(args)) = &args.what {
        return explain_link(args, say).await;
    }
    let city = read(&args.config.config)?;
    let store = Store::of(&city).await?;
    let number = args.case.as_deref().unwrap_or_default();
    let eyes = look::eyes(&city, &store, &args.eyes).await?;
    // What may not be seen looks like what is not there.
    let Some(case) = store.case_by_number(number).await?.and_then(|it| eyes.cut(&it)) else {
        let none = say.lang.pick("没有这个编号的问题", "no case has this number");
        return Err(Stop::Usage(format!("{number}: {none}")));
    };
    if let Some(why) = &args.reveal {
        look::revealed(&store, &eyes, case.number.as_deref().unwrap_or_default(), why).await?;
    }
    let columns = explain::columns(city.departments.iter().map(|it| (it.file.name.as_str(), &it.mapping)));
    let mut told = explain::load(&city.archive()?, &case, &city.rules, &columns, args.reveal.is_some())
        .map_err(|err| Stop::Trouble(err.to_string()))?;
    told.cut(|unit| eyes.lists(unit));
    say.print(&told, || explain::text(&told, say.lang));
    Ok(Code::Fine)
}

/// `muster explain link`.
async fn explain_link(args: &ExplainLinkArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let eyes = look::eyes_on_all(&city, &args.eyes, say.lang)?;
    let store = Store::of(&city).await?;
    let night = match args.night {
        Some(night) => night,
        None => latest(&store, say).await?,
    };
    let row = explain::link::Row::read(&args.row).ok_or_else(|| Stop::Usage(no_row(&args.row, say)))?;
    if let Some(why) = &args.reveal {
        look::revealed(&store, &eyes, &args.row, why).await?;
    }
    let told = explain::link::link(&city.archive()?, night, &row, args.reveal.is_some()).map_err(|err| Stop::Trouble(err.to_string()))?;
    // What names a unit that may not be seen looks like what is not there.
    let cleared = look::eyes(&city, &store, &args.eyes).await?;
    let told = told.filter(|it| !cleared.hides(&serde_json::to_string(it).expect("our own types have text keys")));
    let told = told.ok_or_else(|| Stop::Usage(format!("{night}: {}", no_row(&args.row, say))))?;
    say.print(&told, || explain::link_text(&told, say.lang));
    Ok(Code::Fine)
}

/// What is said of a row that is not there.
pub fn no_row(row: &str, say: Say) -> String {
    say.lang.pick(
        format!("没有来源身份 `{row}`；写法如 finance/payroll#17，`muster explain` 会列出"),
        format!("no row `{row}`; it is written as finance/payroll#17, and `muster explain` lists them"),
    )
}

/// `muster completions`.
pub fn completions(shell: clap_complete::Shell) -> Code {
    clap_complete::generate(shell, &mut Cli::command(), "muster", &mut std::io::stdout());
    Code::Fine
}

pub fn read(config: &Path) -> Result<City, Stop> {
    config::read(config).map_err(Stop::Mistakes)
}

/// Tells why a command stopped, on stderr, and gives its exit code.
pub fn told(stop: Stop, say: Say) -> Code {
    match stop {
        Stop::Mistakes(mistakes) => {
            for mistake in &mistakes {
                tell_mistake(mistake, say);
            }
            let many = mistakes.len();
            eprintln!("{}", say.lang.pick(&format!("共 {many} 处错误"), &format!("{many} mistakes in all")));
            Code::Wrong
        }
        Stop::Unproven(wrong) => {
            for it in &wrong {
                eprintln!("✗ {it}");
            }
            eprintln!(
                "{}",
                say.lang.pick(
                    "样例不成立，未触碰真实数据；改好后用 `muster prove` 复验",
                    "examples do not hold, so no real data was touched; mend them and try `muster prove`"
                )
            );
            Code::Wrong
        }
        Stop::Usage(why) => {
            eprintln!("{}: {why}", say.lang.pick("错误", "error"));
            Code::Usage
        }
        Stop::Trouble(why) => {
            eprintln!("{}: {why}", say.lang.pick("错误", "error"));
            if let Some(Said { zh, en }) = disk::advice(&why) {
                eprintln!("{}: {}", say.lang.pick("提示", "hint"), say.lang.pick(&zh, &en));
            }
            Code::Trouble
        }
    }
}

fn tell_mistake(mistake: &Mistake, say: Say) {
    let mistake = match say.lang {
        Lang::Zh => mistake.clone().in_chinese(),
        Lang::En => mistake.clone(),
    };
    if say.json {
        let told = serde_json::json!({ "place": mistake.place(), "what": mistake.what, "hint": mistake.hint() });
        eprintln!("{told}");
    } else {
        eprintln!("{:?}", miette::Report::new(mistake));
    }
}
