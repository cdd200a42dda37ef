//! The sources of all departments, side by side: each held in one state, its feeds pulled within its limit, and asked again when a
//! failure may pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use futures::StreamExt;
use futures::future::join_all;
use muster_connectors::{Connector, Consistency, Failure, Held, KINDS};
use muster_core::mapping::Feed;
use tokio::sync::{Mutex, Semaphore};

use super::hours::Hours;
use super::landing::Landed;
use super::{Broken, FeedPulled, Job, Landing, PullSettings, conclude, cores, land, source_name};
use crate::clock;
use crate::config::{City, Department};
use crate::night::Said;
use crate::progress::Progress;
use crate::store::Before;
use crate::store::feeds::FeedBefore;

/// Pulls under way on one core: most of the time they wait for somebody else's disk.
const PULLS_PER_CORE: usize = 2;

pub(super) async fn all(city: &City, landing: &Landing, before: &Before, progress: &Arc<Progress>) -> Vec<FeedPulled> {
    let zone = city.schedule.night.zone();
    let night = Night { landing, before, progress, zone, gate: Semaphore::new(PULLS_PER_CORE * cores()) };
    let sources = sources(city);
    let mut pulled: Vec<(usize, FeedPulled)> = join_all(sources.iter().map(|it| it.pull(&night))).await.into_iter().flatten().collect();
    pulled.sort_by_key(|(place, _)| *place);
    pulled.into_iter().map(|(_, pulled)| pulled).collect()
}

/// What all sources share.
struct Night<'a> {
    landing: &'a Landing,
    before: &'a Before,
    progress: &'a Arc<Progress>,
    /// Whose hours are meant.
    zone: Tz,
    /// How many pulls may work at once, whoever's they are.
    gate: Semaphore,
}

/// One source and its feeds.
struct Source<'a> {
    department: &'a Department,
    connector: &'a dyn Connector,
    settings: PullSettings,
    /// With their places in configuration order.
    feeds: Vec<(usize, &'a Feed)>,
}

fn sources(city: &City) -> Vec<Source<'_>> {
    let feeds = city.departments.iter().flat_map(|it| it.mapping.feeds.iter().map(move |feed| (it, feed)));
    let mut sources: BTreeMap<(&str, &str), Source<'_>> = BTreeMap::new();
    for (place, (department, feed)) in feeds.enumerate() {
        let name = source_name(department, feed);
        let source = sources.entry((department.file.name.as_str(), name)).or_insert_with(|| Source {
            department,
            connector: department.sources[name].as_ref(),
            settings: settings(department, name),
            feeds: Vec::new(),
        });
        source.feeds.push((place, feed));
    }
    sources.into_values().collect()
}

/// How a source is asked. Where all tables of one instant come over one connection, side by side would only be waiting for each other.
fn settings(department: &Department, source: &str) -> PullSettings {
    let settings = department.pulls.get(source).copied().unwrap_or_default();
    let kind = department.file.source.get(source).and_then(|it| it.get("kind")?.as_str());
    match KINDS.iter().find(|it| Some(it.name) == kind).map(|it| it.consistency) {
        Some(Consistency::Transaction) => PullSettings { parallel: 1, ..settings },
        _ => settings,
    }
}

impl Source<'_> {
    async fn pull(&self, night: &Night<'_>) -> Vec<(usize, FeedPulled)> {
        let pin = match self.open(night).await {
            Ok(()) => Pin::hold(self.connector, &self.settings, &self.department.file.name).await,
            // Nothing is asked of it: every feed finds the hours over.
            Err(_) => Pin::untouched(self.connector),
        };
        let feeds = self.feeds.iter().map(|(place, feed)| async { (*place, self.feed(feed, &pin, night).await) });
        futures::stream::iter(feeds).buffer_unordered(self.settings.parallel).collect().await
    }

    async fn feed(&self, feed: &Feed, pin: &Pin<'_>, night: &Night<'_>) -> FeedPulled {
        let unknown = FeedBefore::default();
        let name = format!("{}/{}", self.department.file.name, feed.name);
        let before = night.before.feeds.get(&name).unwrap_or(&unknown);
        let rows = before.tallies.first().map(|it| it.pulled);
        let job = Job {
            department: self.department,
            feed,
            connector: self.connector,
            landing: night.landing,
            before,
            bar: night.progress.feed(&name, &self.department.file.title, feed.fills, rows),
        };
        let mut notes = Vec::new();
        let landed = self.patiently(&job, pin, night, &mut notes).await;
        job.bar.done(landed.is_ok());
        conclude(&job, notes, landed)
    }

    /// Waits until the source may be touched; says which hours are kept where that takes too long.
    async fn open(&self, night: &Night<'_>) -> Result<(), Hours> {
        let Some(hours) = self.settings.between else { return Ok(()) };
        let wait = hours.wait(clock::instant(), night.zone);
        if wait > self.settings.between_wait {
            return Err(hours);
        }
        if !wait.is_zero() {
            tracing::info!(
                department = self.department.file.name,
                wait_s = wait.as_secs(),
                "waiting for the hours in which it may be pulled"
            );
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Pulls once, within the hours.
    async fn within_hours(&self, job: &Job<'_>, night: &Night<'_>, notes: &mut Vec<Said>) -> Result<Landed, Broken> {
        let Some(hours) = self.settings.between else { return land(job, notes).await };
        let left = hours.left(clock::instant(), night.zone).ok_or(Broken::Closed(hours))?;
        tokio::time::timeout(left, land(job, notes)).await.unwrap_or_else(|_| {
            job.delivery().discard();
            Err(Broken::Closed(hours))
        })
    }

    /// Tries again what may pass, each time from the beginning.
    async fn patiently(&self, job: &Job<'_>, pin: &Pin<'_>, night: &Night<'_>, notes: &mut Vec<Said>) -> Result<Landed, Broken> {
        let mut attempt = 1;
        loop {
            let held = pin.state().await.map_err(Broken::Source)?;
            let landed = {
                let _pass = night.gate.acquire().await.expect("the gate is never closed");
                self.within_hours(job, night, notes).await
            };
            match landed {
                Err(Broken::Source(failure)) if failure.passing && attempt <= self.settings.retries => {
                    let wait = self.settings.wait_after(attempt, &job.name());
                    tracing::warn!(
                        feed = job.name(),
                        attempt,
                        wait_s = wait.as_secs_f64(),
                        why = failure.why.en,
                        "a pull failed and is tried again"
                    );
                    notes.clear();
                    tokio::time::sleep(wait).await;
                    pin.renew(held).await;
                    attempt += 1;
                }
                Err(Broken::Source(failure)) if attempt > 1 => {
                    let why = muster_connectors::Said {
                        zh: format!("{}（共尝试 {attempt} 次）", failure.why.zh),
                        en: format!("{} (tried {attempt} times)", failure.why.en),
                    };
                    return Err(Broken::Source(Failure { why, ..failure }));
                }
                Ok(landed) if attempt > 1 => {
                    notes.push(Said { zh: format!("第 {attempt} 次取数成功"), en: format!("it came at try {attempt}") });
                    return Ok(landed);
                }
                other => return other,
            }
        }
    }
}

/// The state in which a source is held while its feeds are pulled.
struct Pin<'a> {
    connector: &'a dyn Connector,
    state: Mutex<(u32, Result<Option<Held>, Failure>)>,
}

impl<'a> Pin<'a> {
    /// Of a source that nothing is asked of.
    fn untouched(connector: &'a dyn Connector) -> Pin<'a> {
        Pin { connector, state: Mutex::new((0, Ok(None))) }
    }

    /// Holds the source, as patiently as it is pulled from.
    async fn hold(connector: &'a dyn Connector, settings: &PullSettings, department: &str) -> Pin<'a> {
        let mut held = connector.hold().await;
        for attempt in 1..=settings.retries {
            match &held {
                Err(failure) if failure.passing => {
                    tracing::warn!(department, attempt, why = failure.why.en, "a source could not be held and is asked again");
                    tokio::time::sleep(settings.wait_after(attempt, department)).await;
                    held = connector.hold().await;
                }
                _ => break,
            }
        }
        Pin { connector, state: Mutex::new((0, held)) }
    }

    /// Which state the source is held in, by number; why not, when it could not be.
    async fn state(&self) -> Result<u32, Failure> {
        let state = self.state.lock().await;
        state.1.as_ref().map(|_| state.0).map_err(Clone::clone)
    }

    /// After a failure the held state may be gone with its connection: lets go of it and holds the source anew, once for all feeds
    /// that failed in it. Feeds pulled later are then of a later state than the others.
    async fn renew(&self, failed_in: u32) {
        let mut state = self.state.lock().await;
        if state.0 != failed_in || matches!(state.1, Ok(None)) {
            return;
        }
        state.1 = Ok(None);
        *state = (failed_in + 1, self.connector.hold().await);
    }
}
