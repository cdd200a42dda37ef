//! `muster serve`: every night by itself, in a process of its own.
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
use tokio_cron_scheduler::{Job, JobScheduler};

use crate::cli::ServeArgs;
use crate::commands::{Code, Done, Say, read};
use crate::config::City;
use crate::run::Stop;
use crate::schedule::due::Due;
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
    let city = read(&config)?;
    let store = Store::of(&city).await?;
    let watch = Arc::new(Watch::new(store.clone(), city.schedule.clone()));
    if let Some(listen) = city.settings.serve.listen {
        http::listen(listen, watch.clone()).await?;
    }
    let mut served = Served {
        keeper: Keeper { store, schedule: city.schedule.clone(), me: process::me() },
        city,
        config,
        at_work: None,
        watch,
        looked_at: None,
    };
    served.run(Duration::from_secs(args.tick_seconds), say).await?;
    Ok(Code::Fine)
}

struct Served {
    city: City,
    config: PathBuf,
    keeper: Keeper,
    /// The night that runs, and since when.
    at_work: Option<(Due, Child)>,
    watch: Arc<Watch>,
    /// When we last looked for what operators must hear of.
    looked_at: Option<DateTime<Utc>>,
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
                ended = ended(&mut self.at_work) => self.ended(ended).await,
                _ = hangup.recv() => self.reload(say),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        tell(&[NotifyState::Stopping]);
        if let Some((due, child)) = self.at_work.take() {
            // Its line stays as it is: whoever starts next finds that we are gone, and begins the night again from where it was.
            tracing::info!(slot = due.name(), "told to stop in the middle of a night; it will be begun again");
            child.cut().await;
        }
        scheduler.shutdown().await.map_err(|err| Stop::Trouble(err.to_string()))?;
        Ok(())
    }

    /// Accounts for what is due, begins what is to be begun, sends letters whose time has come. A store that cannot be reached is told
    /// and asked again the next time.
    async fn tick(&mut self) {
        match self.keeper.tick(clock::instant(), self.at_work.is_some(), process::may_live).await {
            Ok(Some(due)) => self.begin(due).await,
            Ok(None) => {}
            Err(err) => tracing::error!(%err, "the ledger cannot be written"),
        }
        self.look_after(clock::instant()).await;
        if self.at_work.is_none()
            && let Some(settings) = &self.city.mail
            && let Err(err) = mail::deliver(&self.keeper.store, &self.city, settings).await
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
        match mail::alarm::look(&self.city, &self.keeper.store).await {
            Ok(news) if news.is_empty() => {}
            Ok(news) => tracing::warn!(new = news.new.len(), over = news.over.len(), "operators are told by mail"),
            Err(stop) => tracing::error!(err = stop.line(), "what operators should hear of cannot be queued"),
        }
    }

    async fn begin(&mut self, due: Due) {
        tracing::info!(slot = due.name(), night = %due.night(), "a night begins");
        tell(&[NotifyState::Status(&format!("night {}", due.night()))]);
        match Child::begin(&self.config, due, self.keeper.schedule.deadline_minutes) {
            Ok(child) => self.at_work = Some((due, child)),
            Err(err) => self.written(due, Outcome::Failed, Some(format!("cannot be started: {err}"))).await,
        }
    }

    async fn ended(&mut self, how: child::Ended) {
        let Some((due, _)) = self.at_work.take() else { return };
        let (outcome, why) = match how {
            child::Ended::Fine => (Outcome::Done, None),
            child::Ended::LeftOut => (Outcome::Done, Some("有数据源未采用 a feed was left out".to_owned())),
            child::Ended::Failed(why) => (Outcome::Failed, Some(why)),
        };
        tracing::info!(slot = due.name(), outcome = outcome.word(), why, "a night ended");
        self.written(due, outcome, why).await;
        self.told_next();
    }

    async fn written(&self, due: Due, outcome: Outcome, why: Option<String>) {
        match self.keeper.ended(due, outcome, why.as_deref(), clock::instant()).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(slot = due.name(), "another process has taken this night over"),
            Err(err) => tracing::error!(%err, slot = due.name(), "how the night ended cannot be written; it will look unfinished"),
        }
    }

    /// A configuration that is wrong is refused as a whole: what runs goes on as it was.
    fn reload(&mut self, say: Say) {
        tell(&[NotifyState::Reloading]);
        match read(&self.config) {
            Ok(city) => {
                self.keeper.schedule = city.schedule.clone();
                self.watch.scheduled(city.schedule.clone());
                self.city = city;
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
        let next = self.keeper.schedule.night.next(clock::instant());
        let next = next.map_or_else(|| "never".to_owned(), |it| format!("{} {}", it.name(), self.keeper.schedule.night.zone()));
        tracing::info!(next, "waiting");
        tell(&[NotifyState::Status(&format!("next night {next}"))]);
    }
}

/// Waits for the night that runs; for ever where none does.
async fn ended(at_work: &mut Option<(Due, Child)>) -> child::Ended {
    match at_work {
        Some((_, child)) => child.ended().await,
        None => std::future::pending().await,
    }
}

/// Wakes us again and again. A wake that finds the one before not yet taken is dropped.
async fn waker(tick: Duration) -> Result<(mpsc::Receiver<()>, JobScheduler), Stop> {
    let trouble = |err: tokio_cron_scheduler::JobSchedulerError| Stop::Trouble(format!("the clockwork does not start: {err}"));
    let (wakes, wake) = mpsc::channel(1);
    let scheduler = JobScheduler::new().await.map_err(trouble)?;
    let job = Job::new_repeated(tick, move |_, _| {
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
