//! ONE NIGHT, top to bottom. Read this file first.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::{Arc, mpsc};
use std::thread;

use arrow::array::RecordBatch;
use chrono::{Datelike, NaiveDate};
use muster_connectors::Hidden;
use muster_core::case::{self, RulesRan, escalation};
use muster_core::category;
use muster_core::check::{self, FeedState, LookedAt, Names, NightParams};
use muster_core::diag::Mistake;
use muster_core::engine::{Engine, Limits, LinkedFeed};
use muster_core::finding::Finding;
use muster_core::link::judge::Judgement;
use muster_core::link::{self, FeedIn, People, Units};
use muster_core::mapping::Title;
use muster_core::presence::{self, Window};
use muster_core::prompt::{self, Which};
use muster_core::{figures, schema};

use crate::archive::Archive;
use crate::clock::Stopwatch;
use crate::config::City;
use crate::digest::CardText;
use crate::files::{self, Kept};
use crate::mail;
use crate::night::{Night, RuleNight, Said};
use crate::pefa;
use crate::progress::{Progress, Stage};
use crate::prove;
use crate::pull::{self, FeedPulled, Landing};
use crate::report::open_to_all;
use crate::show;
use crate::store::Store;
use crate::table::{self, last_month_end as month_end};
use crate::turn::Turn;
use crate::vault::Vault;

/// What the night needs of the world, besides the departments.
pub struct World {
    /// Yesterday's cases, and where tonight's go.
    pub store: Store,
    /// Who watches.
    pub progress: Arc<Progress>,
}

/// Why a night, or another command, could not be finished.
#[derive(Debug)]
pub enum Stop {
    /// A mapping or a card is wrong.
    Mistakes(Vec<Mistake>),
    /// An example of a mapping or a card does not hold.
    Unproven(Vec<String>),
    /// What was asked for cannot be done: no such case, a refused act, nothing that is meant.
    Usage(String),
    /// Our own disk, store or engine failed.
    Trouble(String),
}

impl Stop {
    /// In one line, for where no page is shown.
    pub fn line(&self) -> String {
        match self {
            Stop::Trouble(why) | Stop::Usage(why) => why.clone(),
            Stop::Mistakes(it) => it.iter().map(|it| format!("{} {it}", it.place())).collect::<Vec<_>>().join("; "),
            Stop::Unproven(it) => it.join("; "),
        }
    }
}

impl<E: std::error::Error> From<E> for Stop {
    fn from(err: E) -> Stop {
        Stop::Trouble(err.to_string())
    }
}

/// Reconciles one night: what every department says, whether it agrees, and what became of yesterday's cases.
///
/// A feed that cannot be used is left out and named; rules that need it do not run, and touch no case.
/// Running the same night again gives the same result.
pub async fn one_night(city: &City, tonight: NaiveDate, world: &World) -> Result<Night, Stop> {
    let turn = Turn::take(&world.store).await?;
    let night = the_night(city, tonight, &World { store: turn.store.clone(), progress: world.progress.clone() }).await;
    // What became of the night is what is told; a right that cannot be given back ends by itself.
    if let Err(stop) = turn.give_back().await {
        tracing::warn!(why = stop.line(), "the right to run nights could not be given back; it ends by itself");
    }
    night
}

async fn the_night(city: &City, tonight: NaiveDate, world: &World) -> Result<Night, Stop> {
    let progress = &world.progress;

    progress.stage(Stage::Prove);
    prove::all(city).await?;
    let before = world.store.before(tonight, &city.calendar).await?;
    let archive = city.archive()?;
    let folder = NightFolder::begin(&archive.data, tonight)?;

    progress.stage(Stage::Pull);
    let mut pulled = pull::all(city, &folder.landing(&archive.vault), &before, progress).await;
    landed(&pulled, &folder)?;

    progress.stage(Stage::Link);
    let judgements = world.store.judgements_standing().await?;
    let Who { units, people, methods, identities } = link(city, &archive.vault, &folder.partial, &mut pulled, &judgements, tonight)?;

    progress.stage(Stage::Presence);
    let engine = engine(city, &archive.vault, &folder, &pulled, &units, &people, identities).await?;
    let window = window(&engine, tonight).await?;
    presence::compute(&engine, window).await?;

    progress.stage(Stage::Check);
    let (findings, rules, ran) = check(city, &engine, &pulled, window.first, tonight, &world.progress).await?;

    progress.stage(Stage::Tables);
    let figures = figures::figures(&engine, month_end(tonight)).await?;
    let mut tables = Vec::new();
    for which in Which::ALL {
        tables.push(prompt::prompt(&engine, which, month_end(tonight)).await?);
    }

    let feeds = pulled.iter().map(|it| it.told.clone()).collect::<Vec<_>>();
    let nights: Vec<NaiveDate> = world.store.nights().await?.into_iter().chain([tonight]).collect();
    let mut known = world.store.closed_lately(tonight, &city.calendar, muster_core::pefa::since(tonight)).await?;
    known.extend(before.cases.iter().cloned());
    let pefa = pefa::card(&engine, &feeds, month_end(tonight), (&nights, &known, tonight)).await?;

    progress.stage(Stage::Fold);
    let mut cases = before.cases;
    cases.extend(world.store.closed_before(tonight, &city.calendar, &case::keys(&findings, &ran)).await?);
    let mut folded = case::fold(&cases, &findings, &ran, tonight);
    folded.escalated = escalation::still_late(before.late, &folded.events);
    let unit_ids = show::unit_ids(&units);
    case::renumber(&mut folded.cases, |key| show::person_id(&people, key), |key| unit_ids.get(key).copied());

    // A night that does not know the register knows of an earlier one what is confidential.
    let confidential = if units.table.num_rows() == 0 { known_confidential(&world.store, &archive).await? } else { None };

    progress.stage(Stage::Keep);
    let events = folded.events.clone();
    let history = mail::history(city, &world.store, tonight, mail::Wanted::Due).await?;
    let told = |cases| -> Result<_, Stop> {
        let mut night = show::night(city, tonight, feeds.clone(), rules.clone(), cases, events, figures, methods, &units, &people);
        tables.retain(|it| table::lacking(it.table, &night.feeds).is_empty());
        tables.iter_mut().for_each(|it| table::leads(it, &night));
        (night.tables, night.pefa) = (tables, Some(pefa));
        night.escalated = folded.escalated.clone();
        night.confidential = confidential.unwrap_or(night.confidential);
        let letters = mail::letters(city, &night, &history, mail::Wanted::Due)?;
        Ok((night, letters))
    };
    let night = world.store.keep(tonight, &feeds, &rules, &folded, told).await?;
    keep(city, &archive.vault, &folder.partial, &night, &findings, &units, &people)?;
    folder.settle()?;
    // The night stands, whatever keeps its reports from being written.
    if let Some(folder) = city.reports(tonight) {
        let cards: Vec<CardText> = city.rules.iter().map(CardText::of).collect();
        let password = city.report_password()?;
        files::for_people(&folder, &open_to_all(&night), &cards, &city.settings.report.sheet(), password.as_ref().map(Hidden::reveal))?;
    }
    Ok(night)
}

/// A disk of ours that takes nothing is no department's failure: no night is kept, and no reviewer told, that its feed was left out.
fn landed(pulled: &[FeedPulled], folder: &NightFolder) -> Result<(), Stop> {
    let unwritten = pulled.iter().find_map(|it| it.unwritten.as_ref());
    unwritten.map_or(Ok(()), |why| Err(Stop::Trouble(format!("cannot write below {}: {why}", folder.deliveries.display()))))
}

/// What the newest night that is kept calls confidential.
async fn known_confidential(store: &Store, archive: &Archive) -> Result<Option<BTreeMap<String, String>>, Stop> {
    let Some(newest) = store.nights().await?.into_iter().max() else { return Ok(None) };
    let told = archive.told(newest).map_err(|err| Stop::Trouble(err.to_string()))?;
    Ok(told.map(|it| it.confidential))
}

/// The folder of a night, filled beside its place and moved there when it is whole.
pub struct NightFolder {
    /// `nights/<night>.partial`.
    pub partial: PathBuf,
    /// `nights/<night>`.
    pub place: PathBuf,
    deliveries: PathBuf,
    tonight: NaiveDate,
}

impl NightFolder {
    fn begin(data: &Path, tonight: NaiveDate) -> Result<NightFolder, Stop> {
        let nights = data.join("nights");
        let partial = nights.join(format!("{tonight}.partial"));
        // A night that was killed leaves its folder, and in it what the engine had spilled in clear. Only one night is under way at a time.
        for it in nights.read_dir().into_iter().flatten() {
            let path = it?.path();
            if path.extension().is_some_and(|it| it == "partial") {
                fs::remove_dir_all(&path).map_err(|err| unwritten(&path, &err))?;
            }
        }
        files::private_folder(&partial).map_err(|err| unwritten(&partial, &err))?;
        Ok(NightFolder { partial, place: nights.join(tonight.to_string()), deliveries: data.join("deliveries"), tonight })
    }

    fn landing(&self, vault: &Arc<Vault>) -> Landing {
        Landing { deliveries: self.deliveries.clone(), sealed: self.partial.join("sealed"), tonight: self.tonight, vault: vault.clone() }
    }

    fn settle(&self) -> std::io::Result<()> {
        // What the engine spilled is nobody's report.
        let spill = spill(&self.partial);
        if spill.exists() {
            fs::remove_dir_all(spill)?;
        }
        if self.place.exists() {
            fs::remove_dir_all(&self.place)?;
        }
        fs::rename(&self.partial, &self.place)
    }
}

fn unwritten(path: &Path, err: &std::io::Error) -> Stop {
    Stop::Trouble(format!("cannot write {}: {err}", path.display()))
}

/// Where the engine spills while a night works.
fn spill(partial: &Path) -> PathBuf {
    partial.join("spill")
}

/// Who is who tonight.
struct Who {
    units: Units,
    people: People,
    /// Identities by how they were linked.
    methods: BTreeMap<String, u64>,
    /// The file of the identities.
    identities: PathBuf,
}

/// Who is who, over the feeds that may be used. Writes the identities to their file and lets go of every text that linking needed: a
/// province has eight million of them.
fn link(
    city: &City,
    vault: &Vault,
    folder: &Path,
    pulled: &mut [FeedPulled],
    judgements: &[Judgement],
    tonight: NaiveDate,
) -> Result<Who, Stop> {
    let used: Vec<(&FeedPulled, &pull::SealedFeed)> = pulled.iter().filter_map(|it| Some((it, it.sealed.as_ref()?))).collect();
    let feeds: Vec<FeedIn> = used
        .iter()
        .map(|(it, sealed)| FeedIn {
            feed: &it.told.feed,
            table: it.table,
            identities: &sealed.texts.identities,
            references: &sealed.texts.references,
        })
        .collect();
    let register: Vec<_> = used.iter().flat_map(|(_, sealed)| sealed.register.iter().cloned()).collect();
    let rejected: Vec<(String, String)> = pulled.iter().flat_map(|it| it.rejected_people.iter().cloned()).collect();
    let units = link::units(&register, &feeds, &city.aliases);
    let linking = link::people(&feeds, &units, &rejected, judgements, tonight, vault.hash_key());
    // One core tells them while another writes them; a disk that takes no more ends both.
    let (tell, told) = mpsc::sync_channel(2);
    let identities = thread::scope(|scope| {
        let linking = &linking;
        scope.spawn(move || linking.identities().try_for_each(|it| tell.send(it)));
        files::table(folder, vault, "identity", schema::IDENTITY.schema(), told.into_iter())
    })?;
    let methods = linking.methods().into_iter().map(|(method, count)| (method.to_owned(), count)).collect();
    let people = linking.people;
    for texts in pulled.iter_mut().filter_map(|it| it.sealed.as_mut()).map(|it| &mut it.texts) {
        texts.identities = RecordBatch::new_empty(texts.identities.schema());
        texts.references = RecordBatch::new_empty(texts.references.schema());
    }
    Ok(Who { units, people, methods, identities })
}

/// The tables of tonight, ready for SQL.
async fn engine(
    city: &City,
    vault: &Vault,
    folder: &NightFolder,
    pulled: &[FeedPulled],
    units: &Units,
    people: &People,
    identities: PathBuf,
) -> Result<Engine, Stop> {
    let settings = &city.settings.engine;
    let limits = Limits {
        memory_bytes: settings.memory_mib << 20,
        partitions: if settings.partitions == 0 { pull::cores() } else { settings.partitions },
        spill_dir: Some(spill(&folder.partial)),
        opening: Some(vault.opening()?),
    };
    let engine = Engine::with_calendar(&limits, &city.calendar);
    engine.batches("unit", schema::UNITS.linked_schema(), vec![show::with_region(&units.table, &city.settings.region)]);
    engine.batches("unit_reference", schema::UNIT_REFERENCE.schema(), vec![units.reference.clone()]);
    engine.batches("person", schema::PERSONS.schema(), vec![people.persons.clone()]);
    engine.files("identity", &schema::IDENTITY.schema(), &[identities])?;
    engine.batches("feed", schema::FEED.schema(), vec![show::feed_table(pulled)]);

    let used: Vec<(&FeedPulled, &pull::SealedFeed)> = pulled.iter().filter_map(|it| Some((it, it.sealed.as_ref()?))).collect();
    for table in schema::TABLES.iter().filter(|it| it.name != schema::UNITS.name) {
        let feeds: Vec<LinkedFeed> = used
            .iter()
            .enumerate()
            .filter(|(_, (it, _))| it.table.name == table.name)
            .map(|(at, (it, sealed))| LinkedFeed {
                feed: it.told.feed.clone(),
                files: vec![sealed.file.clone()],
                person_of: Arc::clone(&people.person_of[at]),
                unit_of: Arc::new(units.unit_of[at].clone()),
            })
            .collect();
        engine.linked(table, &feeds).await?;
    }
    Ok(engine)
}

/// The months of presence; the month before tonight when no feed with months was used.
async fn window(engine: &Engine, tonight: NaiveDate) -> Result<Window, Stop> {
    let before = tonight.checked_sub_months(chrono::Months::new(1)).unwrap_or(tonight);
    let month = before.year() * 100 + before.month() as i32;
    let window = presence::window(engine, tonight).await?.or_else(|| Window::new(month, month));
    Ok(window.expect("a month up to tonight is a window"))
}

/// What the night leaves on disk.
fn keep(
    city: &City,
    vault: &Vault,
    folder: &Path,
    night: &Night,
    findings: &[Finding],
    units: &Units,
    people: &People,
) -> Result<(), Stop> {
    let register = show::with_region(&units.table, &city.settings.region);
    let tables = [
        ("unit", slice::from_ref(&register)),
        ("person", slice::from_ref(&people.persons)),
        ("unit_reference", slice::from_ref(&units.reference)),
        ("candidate", slice::from_ref(&people.candidates)),
    ];
    Ok(files::keep(folder, &Kept { vault, night, findings, tables: &tables, full_ids: city.settings.report.full_ids })?)
}

/// Runs every rule that the city has not turned off and whose tables may be used tonight; the others are told with the reason.
///
/// A rule that breaks off takes no other with it: its cases stay as they were, and the night is trusted in part.
async fn check(
    city: &City,
    engine: &Engine,
    pulled: &[FeedPulled],
    first_month: i32,
    tonight: NaiveDate,
    progress: &Progress,
) -> Result<(Vec<Finding>, Vec<RuleNight>, RulesRan), Stop> {
    let feeds: Vec<FeedState> = pulled.iter().map(feed_state).collect();
    let looked_at = LookedAt::count(engine).await?;
    let names = Names::read(engine).await?;
    let (mut findings, mut told, mut ran) = (Vec::new(), Vec::new(), RulesRan::default());
    for card in &city.rules {
        let rule = card.tuned(city.tuning(card));
        let off = city.tuning(card).and_then(|it| it.off.as_deref());
        let mut night = RuleNight {
            id: rule.id.clone(),
            title: rule.title.clone(),
            family: rule.family,
            severity: rule.severity,
            about: None,
            looked_at: None,
            found: None,
            skipped: None,
            broke_off: false,
            categories: category::of(card, &city.categories),
            off: off.is_some(),
        };
        match off.map_or_else(|| check::gate(&rule, &feeds, tonight), |why| Err(turned_off(why))) {
            Ok(month) => {
                let params = NightParams { tonight, month, first_month };
                let clock = Stopwatch::start();
                let result = check::run(&rule, engine, &params, &names).await;
                progress.rule(&rule.id, clock.elapsed(), result.is_ok());
                match result {
                    Ok(result) => {
                        night.found = Some(result.findings.len() as u64);
                        night.looked_at = Some(looked_at.of(&rule, result.about));
                        night.about = Some(result.about);
                        findings.extend(result.findings);
                    }
                    Err(mistake) => {
                        tracing::error!(rule = rule.id, place = mistake.place(), "the rule broke off: {mistake}");
                        night.broke_off = true;
                        night.skipped = Some(Said { zh: format!("执行中断：{mistake}"), en: format!("it broke off: {mistake}") });
                    }
                }
            }
            Err(why) => night.skipped = Some(Said { zh: why.zh, en: why.en }),
        }
        match &night.skipped {
            Some(why) => drop(ran.skipped.insert(rule.id.clone(), why.en.clone())),
            None => drop(ran.ran.insert(rule.id.clone())),
        }
        told.push(night);
    }
    Ok((findings, told, ran))
}

/// Why a rule does not run that `config/rules.toml` turns off.
pub fn turned_off(why: &str) -> Title {
    Title { zh: format!("本市停用：{why}"), en: format!("turned off here: {why}") }
}

fn feed_state(it: &FeedPulled) -> FeedState {
    FeedState {
        feed: it.told.feed.clone(),
        table: it.table.name.to_owned(),
        used: it.sealed.is_some(),
        last_month: it.told.tally.as_ref().and_then(|it| it.last_month),
    }
}
