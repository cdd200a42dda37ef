//! `muster bench nights`: years of nights against the real store and the real fold, with reviewers who decide, and what must hold after
//! every one of them. Nothing is pulled and no rule runs: what they would find comes from a town of chance.

mod town;

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{Days, Months, NaiveDate};
use muster_core::calendar::Calendar;
use muster_core::case::{self, Case, CaseEvent, Folded, RulesRan, What};
use muster_core::check::About;
use muster_core::finding::Finding;
use muster_core::map::Tally;
use muster_core::report::total::Balance;
use muster_core::rule::Rule;
use serde::Serialize;

use crate::cli::BenchNightsArgs;
use crate::clock::{self, Stopwatch};
use crate::commands::{Code, Done, Say};
use crate::config;
use crate::mail::Letter;
use crate::mail::kind::Kind;
use crate::night::{FeedNight, RuleNight, Said};
use crate::retain::RetainSettings;
use crate::run::Stop;
use crate::store::Store;
use crate::store::audit::Entry;
use crate::store::db::Address;
use crate::store::outbox::{Sent, When};
use crate::store::retain::Forget;
use crate::store::work::{Actor, refused};
use crate::vault::Vault;
use crate::words::{Lang, count, pad, pad_left};
use town::{REVIEWERS, Town};

/// The feeds of the town, by the table that each fills.
const FEEDS: [(&str, &str); 10] = [
    ("organization/unit", "unit"),
    ("organization/quota", "quota"),
    ("organization/establishment", "establishment"),
    ("organization/movement", "movement"),
    ("hr/employment", "employment"),
    ("hr/attendance", "attendance"),
    ("hr/secondment", "secondment"),
    ("finance/payment", "payment"),
    ("insurance/contribution", "contribution"),
    ("police/death", "death"),
];

/// How often a feed is lost on a night.
const LOST: f64 = 0.01;

/// Every so manieth night is run twice, as after a correction.
const AGAIN: u32 = 50;

/// Who gets a letter every night.
const READERS: [&str; 5] = ["organization", "hr", "finance", "insurance", "leader"];

/// Parts in which the curve is printed.
const PARTS: u32 = 10;

/// By how much the last part's nights may take longer, and its rows more bytes, than the second's: nights of a shared machine differ.
const SLACK: f64 = 1.6;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Nights.
    pub nights: u32,
    /// Staff.
    pub people: usize,
    /// Of the chance.
    pub seed: u64,
}

/// Where things stand after some nights.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Mark {
    /// Nights so far.
    pub nights: u32,
    /// The last of them.
    pub night: NaiveDate,
    /// Open after it.
    pub open: u64,
    /// Opened so far: that many numbers are given.
    pub opened: u64,
    /// Came back so far.
    pub reopened: u64,
    /// Cured so far.
    pub cured: u64,
    /// Told as decided so far.
    pub decided: u64,
    /// What people did so far.
    pub acts: u64,
    /// Letters so far, all of them sent.
    pub letters: u64,
    /// Size of the store.
    pub bytes: u64,
    /// Of the nights since the mark before, a quarter were quicker: read, fold, keep, send. What else the machine does shows less so.
    pub night_ms: f64,
    /// The same of the days: list every case with its acts, and write acts.
    pub day_ms: f64,
}

/// `muster bench nights`.
pub async fn nights(args: &BenchNightsArgs, say: Say) -> Done {
    let address = match &args.url {
        Some(url) => Address::server(url).map_err(Stop::Usage)?,
        None => Address::File(new_file(&args.out)?),
    };
    let vault = Vault::read(&Vault::new_file()).map_err(Stop::Trouble)?;
    let store = Store::at(&address, &vault).await?;
    if !store.nights().await?.is_empty() {
        return Err(Stop::Usage(say.lang.pick("该库已有数据；请指定空库", "this store is in use; name an empty one").to_owned()));
    }
    if !say.json {
        print!("{}", head(say.lang));
    }
    let plan = Plan { nights: args.nights, people: args.people, seed: args.seed };
    let marks = simulate(&store, plan, |mark| {
        if !say.json {
            print!("{}", line(mark));
        }
    })
    .await?;
    let grown = growth(&marks);
    if say.json {
        println!("{}", serde_json::to_string_pretty(&marks).expect("what we print has text keys"));
    } else {
        print!("{}", ending(&marks, &grown, say.lang));
    }
    Ok(if grown.is_empty() { Code::Fine } else { Code::Defects })
}

fn new_file(folder: &Path) -> Result<std::path::PathBuf, Stop> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(folder.join("muster.db"))
}

/// Runs all nights and days; stops at the first that something is wrong with, and says what.
pub async fn simulate(store: &Store, plan: Plan, mut tell: impl FnMut(&Mark)) -> Result<Vec<Mark>, Stop> {
    let mut mistakes = Vec::new();
    let cards = config::rules(Path::new("rules"), &mut mistakes);
    if !mistakes.is_empty() {
        return Err(Stop::Mistakes(mistakes));
    }
    let calendar = Calendar::shipped();
    // The last night is tonight, so that nothing lies in a future that letters and leases do not know.
    let first = clock::today() - Days::new(u64::from(plan.nights.saturating_sub(1)));
    let mut town = Town::new(plan.people, plan.seed, &cards, first);
    let mut book = Book::default();
    let (mut marks, mut nights_ms, mut days_ms) = (Vec::new(), Vec::new(), Vec::new());
    for place in 1..=plan.nights {
        let tonight = first + Days::new(u64::from(place - 1));
        town.next(tonight);
        let lost: Vec<&str> = FEEDS.iter().filter(|_| town.loses(LOST)).map(|it| it.1).collect();
        let work =
            NightWork { store, calendar: &calendar, cards: &cards, findings: town.findings(tonight), lost, tonight, people: plan.people };
        let clock = Stopwatch::start();
        let kept = work.run().await?;
        sent(store).await?;
        nights_ms.push(clock.elapsed().as_secs_f64() * 1_000.0);
        book.night(&kept, &work.ran()).map_err(|why| Stop::Trouble(format!("{tonight}: {why}")))?;
        if place % AGAIN == 0 && work.run().await? != kept {
            return Err(Stop::Trouble(format!("{tonight}: run again, the same night came to something else")));
        }
        let open = store.open_cases().await?;
        if open != book.open {
            return Err(Stop::Trouble(format!("{tonight}: the store counts {open} open cases, the nights come to {}", book.open)));
        }

        let clock = Stopwatch::start();
        book.acts += day(store, &calendar, &mut town, tonight).await?;
        days_ms.push(clock.elapsed().as_secs_f64() * 1_000.0);
        if place * PARTS / plan.nights > (place - 1) * PARTS / plan.nights {
            forget(store, &calendar, tonight).await?;
            let mark = Mark {
                nights: place,
                night: tonight,
                letters: letters_sent(store, place).await?,
                bytes: store.bytes().await?,
                night_ms: quarter(&mut nights_ms),
                day_ms: quarter(&mut days_ms),
                ..book.mark()
            };
            tell(&mark);
            marks.push(mark);
        }
    }
    whole(store, &book).await?;
    Ok(marks)
}

/// What a night works with.
struct NightWork<'a> {
    store: &'a Store,
    calendar: &'a Calendar,
    cards: &'a [Rule],
    findings: Vec<Finding>,
    lost: Vec<&'a str>,
    tonight: NaiveDate,
    people: usize,
}

/// What a night came to: its cases with their numbers, and what happened.
type NightKept = (Vec<Case>, Vec<CaseEvent>);

impl NightWork<'_> {
    /// The middle of `run::one_night`: from yesterday's cases to tonight's, with their letters.
    async fn run(&self) -> Result<NightKept, Stop> {
        let before = self.store.before(self.tonight, self.calendar).await?;
        let ran = self.ran();
        let mut cases = before.cases;
        cases.extend(self.store.closed_before(self.tonight, self.calendar, &case::keys(&self.findings, &ran)).await?);
        let folded = case::fold(&cases, &self.findings, &ran, self.tonight);
        let tell = |cases: Vec<Case>| {
            let letters = READERS.iter().map(|it| letter(it, self.tonight, &cases, &folded)).collect();
            Ok::<_, Stop>((cases, letters))
        };
        let cases = self.store.keep(self.tonight, &self.feeds(), &self.rules(), &folded, tell).await?;
        Ok((cases, folded.events))
    }

    /// Every rule whose tables are all there.
    fn ran(&self) -> RulesRan {
        let mut ran = RulesRan::default();
        for it in self.cards {
            match self.missing(it) {
                Some(table) => drop(ran.skipped.insert(it.id.clone(), format!("no {table} tonight"))),
                None => drop(ran.ran.insert(it.id.clone())),
            }
        }
        ran
    }

    fn missing<'b>(&self, card: &'b Rule) -> Option<&'b str> {
        let is_there = |table: &str| FEEDS.iter().any(|it| it.1 == table) && !self.lost.contains(&table);
        card.needs.iter().map(String::as_str).find(|it| !is_there(it))
    }

    fn feeds(&self) -> Vec<FeedNight> {
        let feed = |(name, table): &(&str, &str)| {
            let lost = self.lost.contains(table);
            let why = Said { zh: "连接超时".to_owned(), en: "the server did not answer in time".to_owned() };
            let rows = self.people as u64;
            FeedNight {
                feed: (*name).to_owned(),
                department: self.cards[0].title.clone(),
                table: (*table).to_owned(),
                left_out: if lost { vec![why] } else { Vec::new() },
                tally: (!lost).then(|| Tally { pulled: rows, mapped: rows, people: rows, ..Tally::default() }),
                skipped_lines: 0,
                sha256: (!lost).then(|| "0".repeat(64)),
                notes: Vec::new(),
                held: None,
            }
        };
        FEEDS.iter().map(feed).collect()
    }

    fn rules(&self) -> Vec<RuleNight> {
        let rule = |it: &Rule| {
            let missing = self.missing(it);
            let found = self.findings.iter().filter(|finding| finding.rule == it.id).count() as u64;
            RuleNight {
                id: it.id.clone(),
                title: it.title.clone(),
                family: it.family,
                severity: it.severity,
                about: missing.is_none().then_some(About::People),
                looked_at: missing.is_none().then_some(self.people as u64),
                found: missing.is_none().then_some(found),
                skipped: missing.map(|it| Said { zh: format!("今夜没有 {it}"), en: format!("no {it} tonight") }),
                broke_off: false,
                categories: Vec::new(),
                off: false,
            }
        };
        self.cards.iter().map(rule).collect()
    }
}

/// As long as a real one: twenty cases of a table, as text and as HTML.
fn letter(reader: &str, tonight: NaiveDate, cases: &[Case], folded: &Folded) -> Letter {
    let numbers: Vec<&str> = cases.iter().filter_map(|it| it.number.as_deref()).take(20).collect();
    let plain = format!("{tonight} {reader}: {} events\n{}\n{}", folded.events.len(), numbers.join("\n"), "可信 trusted\n".repeat(60));
    let html = format!("<p>{plain}</p>{}", "<tr><td style=\"padding:4px 8px\">可信 trusted</td></tr>\n".repeat(80));
    Letter {
        kind: Kind::Nightly,
        reader: reader.to_owned(),
        address: format!("{reader}@city.example"),
        domain: "city.example".to_owned(),
        subject: format!("{tonight} {}", folded.events.len()),
        plain,
        html,
        lang: Lang::En,
        encloses: false,
        only_corrects: false,
        not_before: None,
    }
}

/// Sends every letter that waits, to a server that takes all of them.
async fn sent(store: &Store) -> Result<(), Stop> {
    let when = When { now: clock::now(), lease_until: clock::after(60) };
    while let Some(it) = store.lease_letter(None, "bench", &when).await? {
        store
            .letter_sent(it.id, "bench", &Sent::Taken("250 taken".to_owned()), |minutes| clock::after(minutes.unsigned_abs() * 60))
            .await?;
    }
    Ok(())
}

/// Every reader got one letter for every night, and none waits.
async fn letters_sent(store: &Store, nights: u32) -> Result<u64, Stop> {
    let wanted = u64::from(nights) * READERS.len() as u64;
    let counts = store.letter_counts(&clock::now()).await?;
    if counts != [("sent".to_owned(), wanted)] {
        return Err(Stop::Trouble(format!("{wanted} letters were due, and there are {counts:?}")));
    }
    Ok(wanted)
}

/// A day after a night: both reviewers look at all cases and do something about some. Gives how much they did.
async fn day(store: &Store, calendar: &Calendar, town: &mut Town<'_>, on: NaiveDate) -> Result<u64, Stop> {
    let cases = store.worked(calendar).await?;
    let mut done = 0;
    for (who, wanted) in REVIEWERS.into_iter().zip(town.worked(&cases, on)) {
        let at = format!("{on}T08:00:00Z");
        let actor = Actor { who, login: "local:bench", at: &at, on, only_try: false };
        if wanted.is_empty() {
            continue;
        }
        if let Err(not_done) = store.act(|_| true, &actor, &wanted, calendar).await? {
            return Err(Stop::Trouble(format!("{on}: {}", refused(&not_done, Lang::En))));
        }
        done += wanted.len() as u64;
    }
    Ok(done)
}

/// What `muster retain` forgets of the store.
async fn forget(store: &Store, calendar: &Calendar, today: NaiveDate) -> Result<(), Stop> {
    let months = RetainSettings::default();
    let (cases_before, letters_before) = (today - Months::new(months.cleared_months), today - Months::new(months.letters_months));
    let cases = store.cleared_cases(cases_before, calendar).await?;
    let noted = Entry {
        at: clock::now(),
        who: "bench".to_owned(),
        what: "retained".to_owned(),
        about: "store".to_owned(),
        detail: BTreeMap::new(),
    };
    store.forget(&Forget { letters_before, cases_before, cases }, today, calendar, &noted).await?;
    Ok(())
}

/// What the nights come to, counted apart from the store.
#[derive(Default)]
struct Book {
    open: u64,
    opened: u64,
    reopened: u64,
    cured: u64,
    decided: u64,
    acts: u64,
    numbers: BTreeMap<String, String>,
    keys: BTreeMap<String, String>,
}

impl Book {
    /// Enters a night; says what is wrong with it.
    fn night(&mut self, (cases, events): &NightKept, rules: &RulesRan) -> Result<(), String> {
        let balance = Balance::of(cases, events);
        if !balance.holds() || balance.open_before != self.open {
            return Err(format!("the line does not add up, or does not begin with {}: {balance:?}", self.open));
        }
        for it in events.iter().filter(|it| it.what != What::Decided) {
            if let Some(rule) = it.rules.iter().find(|it| !rules.ran.contains(*it)) {
                return Err(format!("{rule} did not run, and a case of it was {:?}", it.what));
            }
        }
        for it in cases {
            let number = it.number.clone().ok_or("a case without a number")?;
            let (before, holder) = (self.numbers.get(&it.key), self.keys.get(&number));
            if before.is_some_and(|it| *it != number) || holder.is_some_and(|key| *key != it.key) {
                return Err(format!("{number} was given twice, or a case got another number"));
            }
            self.keys.insert(number.clone(), it.key.clone());
            self.numbers.insert(it.key.clone(), number);
        }
        self.open = balance.open_tonight;
        self.opened += balance.opened;
        self.reopened += balance.reopened;
        self.cured += balance.cured;
        self.decided += balance.decided;
        let closed = self.cured + self.decided;
        if self.opened != self.numbers.len() as u64 || self.opened + self.reopened != self.open + closed {
            return Err(format!(
                "{} opened, {} numbers; {} came back, {closed} closed, {} open",
                self.opened,
                self.numbers.len(),
                self.reopened,
                self.open
            ));
        }
        Ok(())
    }

    fn mark(&self) -> Mark {
        let Book { open, opened, reopened, cured, decided, acts, .. } = *self;
        Mark { open, opened, reopened, cured, decided, acts, ..Mark::default() }
    }
}

/// The store holds together, and tells the same as the nights did.
async fn whole(store: &Store, book: &Book) -> Result<(), Stop> {
    let checked = store.check().await?;
    if !checked.wrong.is_empty() {
        return Err(Stop::Trouble(checked.wrong.into_iter().map(|it| it.en).collect::<Vec<_>>().join("; ")));
    }
    let trend = store.trend().await?;
    let told: u64 = trend.iter().map(|it| it.opened).sum();
    if told != book.opened || trend.last().is_some_and(|it| it.open != book.open) {
        return Err(Stop::Trouble(format!("the store's trend tells {told} opened and {:?}; it was {}", trend.last(), book.opened)));
    }
    Ok(())
}

/// A quarter of them are less; the list is empty afterwards.
fn quarter(times_ms: &mut Vec<f64>) -> f64 {
    times_ms.sort_by(f64::total_cmp);
    let quarter = times_ms.get(times_ms.len() / 4).copied().unwrap_or(0.0);
    times_ms.clear();
    quarter
}

/// What grew, from the second part to the last, in both languages: in the first part the store is still warming up.
pub fn growth(marks: &[Mark]) -> Vec<Said> {
    let [first, second, .., before, last] = marks else { return Vec::new() };
    let mut grown = Vec::new();
    let bytes = |from: &Mark, to: &Mark| to.bytes.saturating_sub(from.bytes) as f64 / f64::from(to.nights - from.nights);
    let mut check = |zh: &str, en: &str, then: f64, now: f64| {
        if now > then * SLACK {
            grown.push(Said { zh: format!("{zh}由 {then:.1} 增至 {now:.1}"), en: format!("{en} grew from {then:.1} to {now:.1}") });
        }
    };
    check("每夜毫秒数", "milliseconds of a night", second.night_ms, last.night_ms);
    check("每夜新增字节", "bytes that a night adds", bytes(first, second), bytes(before, last));
    grown
}

const COLUMNS: [(&str, &str, usize); 11] = [
    ("夜", "night", 7),
    ("未结", "open", 8),
    ("新增", "opened", 9),
    ("重现", "back", 8),
    ("消除", "cured", 8),
    ("办结", "decided", 9),
    ("办理", "acts", 9),
    ("信件", "letters", 9),
    ("MiB", "MiB", 8),
    ("毫秒/夜", "ms/night", 10),
    ("毫秒/日", "ms/day", 9),
];

fn head(lang: Lang) -> String {
    let columns = COLUMNS.iter().map(|(zh, en, width)| pad_left(lang.pick(zh, en), *width));
    columns.collect::<String>() + "\n"
}

fn line(it: &Mark) -> String {
    let numbers = [u64::from(it.nights), it.open, it.opened, it.reopened, it.cured, it.decided, it.acts, it.letters];
    let texts = numbers.into_iter().map(count).chain([it.bytes as f64 / 1_048_576.0, it.night_ms, it.day_ms].map(|it| format!("{it:.1}")));
    texts.zip(COLUMNS).map(|(text, (_, _, width))| pad_left(&text, width)).collect::<String>() + "\n"
}

fn ending(marks: &[Mark], grown: &[Said], lang: Lang) -> String {
    let last = marks.last().cloned().unwrap_or_default();
    let closed = last.cured + last.decided;
    let (opened, back, open, closed) = (count(last.opened), count(last.reopened), count(last.open), count(closed));
    let mut out = match lang {
        Lang::Zh => format!("{} 新增 {opened} + 重现 {back} = 未结 {open} + 消除及办结 {closed}；编号无一更改或重复\n", pad("✓", 2)),
        Lang::En => {
            format!(
                "{} {opened} opened + {back} back = {open} open + {closed} cured or decided; no number changed or given twice\n",
                pad("✓", 2)
            )
        }
    };
    match grown {
        [] => out.push_str(lang.pick("✓  一夜的用时与增量没有增长\n", "✓  neither the time nor the bytes of a night grew\n")),
        grown => grown.iter().for_each(|it| out.push_str(&format!("✗  {}\n", lang.pick(&it.zh, &it.en)))),
    }
    out
}
