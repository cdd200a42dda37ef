//! `muster serve`: every night by itself, backups and clearing up too, each in a process of its own.
//!
//! tokio-cron-scheduler wakes us every few seconds and decides nothing; [`crate::schedule`] works out what is due. A night is a child
//! process: its memory goes back to the system when it ends, a source that hangs is cut with it, and a crash in a driver takes
//! nothing else with it. The child holds the lease under which a night is kept, and ends when we do.

pub mod child;
pub mod http;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job as Wake, JobScheduler};

use crate::cli::ServeArgs;
use crate::commands::{Code, Done, Say, read};
use crate::config::City;
use crate::run::Stop;
use crate::schedule::due::Due;
use crate::schedule::job::Job;
use crate::schedule::keeper::Keeper;
use crate::store::Store;
use crate::store::ledger::Outcome;
use crate::{clock, mail, process};
use child::Child;
use http::Watch;

/// How often we look for what operators must hear of.
const LOOKS_EVERY: TimeDelta = TimeDelta::minutes(10);

/// `muster serve`. Ends when it is told to.
pub async fn serve(args: &ServeArgs, say: Say) -> Done {
    let config = std::path::absolute(&args.config.config)?;
    let city = Arc::new(read(&config)?);
    let store = Store::of(&city).await?;
    let watch = Arc::new(Watch::new(store.clone(), city.clone()));
    if let Some(listen) = city.settings.serve.listen {
        http::listen(listen, watch.clone()).await?;
    }
    let keeper = |job| Keeper { store: store.clone(), job, schedule: city.schedule.clone(), me: process::me() };
    let works = Job::ALL.map(|job| Work { keeper: keeper(job), at: None }).into();
    let mut served = Served { store, works, city, config, watch, looked_at: None };
    served.run(Duration::from_secs(args.tick_seconds), say).await?;
    Ok(Code::Fine)
}

struct Served {
    city: Arc<City>,
    config: PathBuf,
    store: Store,
    works: Vec<Work>,
    watch: Arc<Watch>,
    /// When we last looked for what operators must hear of.
    looked_at: Option<DateTime<Utc>>,
}

/// One job and what runs of it.
struct Work {
    keeper: Keeper,
    /// What runs, and which due time it is for.
    at: Option<(Due, Child)>,
}

impl Served {
    async fn run(&mut self, tick: Duration, say: Say) -> Result<(), Stop> {
        let (mut wake, mut scheduler) = waker(tick).await?;
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        self.told_next();
        tell(&[NotifyState::Ready]);
        loop {
            tokio::select! {
                _ = wake.recv() => {
                    tell(&[NotifyState::Watchdog]);
                    self.watch.ticked();
                    self.tick().await;
                }
                (place, ended) = ended(&mut self.works) => self.ended(place, ended).await,
                _ = hangup.recv() => self.reload(say),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        tell(&[NotifyState::Stopping]);
        for work in &mut self.works {
            let Some((due, child)) = work.at.take() else { continue };
            // Its line stays as it is: whoever starts next finds that we are gone, and begins it again from where it was.
            tracing::info!(job = work.keeper.job.word(), slot = due.name(), "told to stop in the middle of it; it will be begun again");
            child.cut().await;
        }
        scheduler.shutdown().await.map_err(|err| Stop::Trouble(err.to_string()))?;
        Ok(())
    }

    /// Accounts for what is due, begins what is to be begun, sends letters whose time has come. A store that cannot be reached is told
    /// and asked again the next time.
    async fn tick(&mut self) {
        for place in 0..self.works.len() {
            let work = &self.works[place];
            match work.keeper.tick(clock::instant(), work.at.is_some(), process::may_live).await {
                Ok(Some(due)) => self.begin(place, due).await,
                Ok(None) => {}
                Err(err) => tracing::error!(%err, "the ledger cannot be written"),
            }
        }
        // A night sends its letters itself, and held letters go by their own job.
        let sends = |job: Job| job == Job::Night || job.letters().is_some();
        let somebody_sends = self.works.iter().any(|it| sends(it.keeper.job) && it.at.is_some());
        self.look_after(clock::instant()).await;
        if !somebody_sends
            && let Some(settings) = &self.city.mail
            && let Err(err) = mail::deliver(&self.store, &self.city, settings).await
        {
            tracing::error!(%err, "the outbox cannot be read");
        }
    }

    /// Now and then: what operators must hear of that no night tells.
    async fn look_after(&mut self, now: DateTime<Utc>) {
        if self.looked_at.is_some_and(|it| (now - it).abs() < LOOKS_EVERY) {
            return;
        }
        self.looked_at = Some(now);
        match mail::alarm::look(&self.city, &self.store).await {
            Ok(news) if news.is_empty() => {}
            Ok(news) => tracing::warn!(new = news.new.len(), over = news.over.len(), "operators are told by mail"),
            Err(stop) => tracing::error!(err = stop.line(), "what operators should hear of cannot be queued"),
        }
    }

    async fn begin(&mut self, place: usize, due: Due) {
        let work = &mut self.works[place];
        let (job, schedule) = (work.keeper.job, &work.keeper.schedule);
        tracing::info!(job = job.word(), slot = due.name(), "it begins");
        tell(&[NotifyState::Status(&format!("{} {}", job.word(), due.night()))]);
        let command = job.command(due, schedule).unwrap_or_default();
        match Child::begin(&self.config, &command, schedule.deadline_minutes) {
            Ok(child) => work.at = Some((due, child)),
            Err(err) => self.written(place, due, Outcome::Failed, Some(format!("cannot be started: {err}"))).await,
        }
    }

    async fn ended(&mut self, place: usize, how: child::Ended) {
        let work = &mut self.works[place];
        let Some((due, _)) = work.at.take() else { return };
        let (outcome, why) = match how {
            child::Ended::Fine => (Outcome::Done, None),
            child::Ended::LeftOut => (Outcome::Done, Some("有数据源未采用 a feed was left out".to_owned())),
            child::Ended::Failed(why) => (Outcome::Failed, Some(why)),
        };
        tracing::info!(job = work.keeper.job.word(), slot = due.name(), outcome = outcome.word(), why, "it ended");
        self.written(place, due, outcome, why).await;
        self.told_next();
    }

    async fn written(&self, place: usize, due: Due, outcome: Outcome, why: Option<String>) {
        match self.works[place].keeper.ended(due, outcome, why.as_deref(), clock::instant()).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(slot = due.name(), "another process has taken it over"),
            Err(err) => tracing::error!(%err, slot = due.name(), "how it ended cannot be written; it will look unfinished"),
        }
    }

    /// A configuration that is wrong is refused as a whole: what runs goes on as it was.
    fn reload(&mut self, say: Say) {
        tell(&[NotifyState::Reloading]);
        match read(&self.config) {
            Ok(city) => {
                self.works.iter_mut().for_each(|it| it.keeper.schedule = city.schedule.clone());
                self.city = Arc::new(city);
                self.watch.configured(self.city.clone());
                tracing::info!("the configuration was read anew");
                self.told_next();
            }
            Err(stop) => {
                tracing::error!("the new configuration is wrong and was not taken; the old one goes on");
                crate::commands::told(stop, say);
            }
        }
        tell(&[NotifyState::Ready]);
    }

    fn told_next(&self) {
        let wall = &self.city.schedule.night;
        let next = wall.next(clock::instant()).map_or_else(|| "never".to_owned(), |it| format!("{} {}", it.name(), wall.zone()));
        tracing::info!(next, "waiting");
        tell(&[NotifyState::Status(&format!("next night {next}"))]);
    }
}

/// Waits for the first that ends, and says which; for ever where nothing runs.
async fn ended(works: &mut [Work]) -> (usize, child::Ended) {
    let running = works.iter_mut().enumerate().filter_map(|(place, it)| Some((place, &mut it.at.as_mut()?.1)));
    let waiting: Vec<_> = running.map(|(place, child)| Box::pin(async move { (place, child.ended().await) })).collect();
    if waiting.is_empty() {
        return std::future::pending().await;
    }
    futures::future::select_all(waiting).await.0
}

/// Wakes us again and again. A wake that finds the one before not yet taken is dropped.
async fn waker(tick: Duration) -> Result<(mpsc::Receiver<()>, JobScheduler), Stop> {
    let trouble = |err: tokio_cron_scheduler::JobSchedulerError| Stop::Trouble(format!("the clockwork does not start: {err}"));
    let (wakes, wake) = mpsc::channel(1);
    let scheduler = JobScheduler::new().await.map_err(trouble)?;
    let job = Wake::new_repeated(tick, move |_, _| {
        let _ = wakes.try_send(());
    })
    .map_err(trouble)?;
    scheduler.add(job).await.map_err(trouble)?;
    scheduler.start().await.map_err(trouble)?;
    Ok((wake, scheduler))
}

/// Tells systemd, where it listens.
fn tell(state: &[NotifyState]) {
    if let Err(err) = sd_notify::notify(false, state) {
        tracing::warn!(%err, "systemd cannot be told");
    }
}

/// The program of this very process, for its children.
pub(crate) fn program() -> std::io::Result<PathBuf> {
    // A binary that was replaced while it runs is called so by the system; the new one stands in its place.
    let path = std::env::current_exe()?;
    let text = path.to_string_lossy();
    Ok(text.strip_suffix(" (deleted)").map_or_else(|| path.clone(), |it| Path::new(it).to_owned()))
}
