//! What watchers ask: alive, ready, and how much of everything. Counts only; nothing about anybody.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, RwLock};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use chrono::{DateTime, Utc};

use crate::clock;
use crate::config::City;
use crate::mail::bounce;
use crate::run::Stop;
use crate::schedule::Schedule;
use crate::schedule::job::Job;
use crate::store::ledger::{self, Entry, Outcome};
use crate::store::{Store, StoreError};

/// A loop that has not come round for as long is stuck.
const STUCK_SECONDS: i64 = 300;

/// What the listener knows.
pub struct Watch {
    store: Store,
    city: RwLock<Arc<City>>,
    ticked: AtomicI64,
}

impl Watch {
    /// Of a daemon that has just started.
    pub fn new(store: Store, city: Arc<City>) -> Watch {
        Watch { store, city: RwLock::new(city), ticked: AtomicI64::new(clock::instant().timestamp()) }
    }

    /// The loop has come round.
    pub fn ticked(&self) {
        self.ticked.store(clock::instant().timestamp(), Ordering::Relaxed);
    }

    /// The configuration was read anew.
    pub fn configured(&self, city: Arc<City>) {
        *self.city.write().unwrap_or_else(std::sync::PoisonError::into_inner) = city;
    }

    fn city(&self) -> Arc<City> {
        self.city.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// Answers at `listen` from now on.
pub async fn listen(listen: SocketAddr, watch: Arc<Watch>) -> Result<(), Stop> {
    let listener =
        tokio::net::TcpListener::bind(listen).await.map_err(|err| Stop::Trouble(format!("[serve] listen = \"{listen}\": {err}")))?;
    let pages =
        Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).route("/metrics", get(metrics)).with_state(watch);
    tokio::spawn(async move {
        if let Err(err) = axum::serve(listener, pages).await {
            tracing::error!(%err, "the listener has ended");
        }
    });
    Ok(())
}

async fn healthz(State(watch): State<Arc<Watch>>) -> impl IntoResponse {
    let silent = clock::instant().timestamp() - watch.ticked.load(Ordering::Relaxed);
    if silent > STUCK_SECONDS {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("stuck for {silent} s\n"));
    }
    (StatusCode::OK, "ok\n".to_owned())
}

async fn readyz(State(watch): State<Arc<Watch>>) -> impl IntoResponse {
    let now = clock::instant();
    match watch.store.ledger(Job::Night, 400).await {
        Err(err) => (StatusCode::SERVICE_UNAVAILABLE, format!("{err}\n")),
        // A line from a clock that was ahead says nothing about today.
        Ok(lines) => match trouble(lines.iter().find(|it| it.due_at <= ledger::instant(now)), &watch.city().schedule, now) {
            Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
            None => (StatusCode::OK, "ready\n".to_owned()),
        },
    }
}

/// Why the newest night is not as it should be: it went wrong, or one that was due has no line.
pub fn trouble(newest: Option<&Entry>, schedule: &Schedule, now: DateTime<Utc>) -> Option<String> {
    let newest = newest?;
    if matches!(newest.outcome, Outcome::Failed | Outcome::Missed) {
        return Some(format!("night {} {}: {}", newest.slot, newest.outcome.word(), newest.why.as_deref().unwrap_or_default()));
    }
    let last = DateTime::parse_from_rfc3339(&newest.due_at).ok()?.to_utc();
    let grace = chrono::TimeDelta::minutes(i64::from(schedule.grace_minutes));
    let due = schedule.night.between(last, now - grace).into_iter().next()?;
    Some(format!("night {} was due and has not begun", due.name()))
}

async fn metrics(State(watch): State<Arc<Watch>>) -> impl IntoResponse {
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    match measured(&watch).await {
        Ok(it) => (StatusCode::OK, text, it),
        Err(err) => (StatusCode::SERVICE_UNAVAILABLE, text, format!("# {err}\n")),
    }
}

/// In the text format of Prometheus 0.0.4.
async fn measured(watch: &Watch) -> Result<String, StoreError> {
    let mut out = String::new();
    let mut of = |name: &str, kind: &str, help: &str, rows: Vec<(String, f64)>| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in rows {
            let _ = writeln!(out, "{name}{labels} {value}");
        }
    };
    let label = |name: &str, it: &str| format!("{{{name}=\"{}\"}}", it.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " "));
    of("muster_build_info", "gauge", "Version of the program.", vec![(label("version", env!("CARGO_PKG_VERSION")), 1.0)]);
    let ledger = watch.store.ledger(Job::Night, 400).await?;
    let outcomes = [Outcome::Running, Outcome::Done, Outcome::Failed, Outcome::Missed, Outcome::Skipped];
    let count = |outcome| ledger.iter().filter(|it| it.outcome == outcome).count() as f64;
    of(
        "muster_nights",
        "gauge",
        "Due nights of the newest 400, by outcome.",
        outcomes.map(|it| (label("outcome", it.word()), count(it))).into(),
    );
    let instant =
        |text: &Option<String>| text.as_deref().and_then(|it| DateTime::parse_from_rfc3339(it).ok()).map(|it| it.timestamp() as f64);
    let done = ledger.iter().find(|it| it.outcome == Outcome::Done);
    let ended = done.and_then(|it| instant(&it.ended_at));
    of(
        "muster_last_success_timestamp_seconds",
        "gauge",
        "When the newest night that is kept ended.",
        ended.map(|it| (String::new(), it)).into_iter().collect(),
    );
    let took = done.and_then(|it| Some(instant(&it.ended_at)? - instant(&it.started_at)?));
    of("muster_last_night_seconds", "gauge", "How long it took.", took.map(|it| (String::new(), it)).into_iter().collect());
    let backups = watch.store.ledger(Job::Backup, 400).await?;
    let backed_up = backups.iter().find(|it| it.outcome == Outcome::Done).and_then(|it| instant(&it.ended_at));
    of(
        "muster_last_backup_timestamp_seconds",
        "gauge",
        "When the newest backup by itself ended.",
        backed_up.map(|it| (String::new(), it)).into_iter().collect(),
    );
    let city = watch.city();
    let next = city.schedule.night.next(clock::instant()).map(|it| (String::new(), it.at.timestamp() as f64));
    of("muster_next_night_timestamp_seconds", "gauge", "When the next night is due.", next.into_iter().collect());
    let paused = watch.store.schedule_standing().await?.paused.is_some();
    of("muster_paused", "gauge", "Whether the schedule is paused.", vec![(String::new(), f64::from(u8::from(paused)))]);
    let feeds = watch.store.feed_counts().await?;
    let rows = |of: fn(&crate::store::feeds::FeedCounts) -> Option<f64>| {
        feeds.iter().filter_map(|it| Some((label("feed", &it.feed), of(it)?))).collect()
    };
    of("muster_feed_used", "gauge", "Whether the feed was used on the newest night.", rows(|it| Some(f64::from(u8::from(it.used)))));
    of("muster_feed_rows", "gauge", "Rows that were mapped.", rows(|it| it.mapped.map(|it| it as f64)));
    of("muster_feed_rejected_rows", "gauge", "Rows that were rejected.", rows(|it| it.rejected.map(|it| it as f64)));
    let open = watch.store.open_cases().await?;
    of("muster_open_cases", "gauge", "Open cases after the newest night.", vec![(String::new(), open as f64)]);
    let now = clock::now();
    let letters = watch.store.letter_counts(&now).await?;
    let many = |state: &str| letters.iter().find(|it| it.0 == state).map_or(0.0, |it| it.1 as f64);
    let states = ["held", "queued", "deferred", "sent", "parked", "superseded"];
    of(
        "muster_letters",
        "gauge",
        "Letters in the outbox, by state; parked ones were given up.",
        states.map(|it| (label("state", it), many(it))).into(),
    );
    let unsent = watch.store.letters_unsent(&now, &now).await?;
    let refused = vec![(String::new(), unsent.refused as f64)];
    of("muster_letters_refused", "gauge", "Parked letters that the mail server refuses for good.", refused);
    let bounced = bounce::standing(&city, &watch.store, clock::today()).await?.len() as f64;
    of(
        "muster_letters_bounced",
        "gauge",
        "Letters that came back of late, to addresses that are still in use.",
        vec![(String::new(), bounced)],
    );
    of(
        "muster_oldest_waiting_letter_timestamp_seconds",
        "gauge",
        "When the oldest letter that waits was to go.",
        instant(&unsent.oldest).map(|it| (String::new(), it)).into_iter().collect(),
    );
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::ScheduleFile;

    #[test]
    fn a_night_that_was_due_and_has_no_line_is_trouble() {
        let schedule = ScheduleFile::default().check(std::path::Path::new(".")).expect("a schedule");
        let utc = |text: &str| DateTime::parse_from_rfc3339(text).expect("an instant").to_utc();
        let line = |outcome| Entry {
            job: Job::Night,
            slot: "2026-11-16T01:30".into(),
            due_at: "2026-11-15T17:30:00Z".into(),
            outcome,
            why: None,
            holder: None,
            attempts: 1,
            started_at: None,
            ended_at: None,
        };
        let told = |outcome, now| trouble(Some(&line(outcome)), &schedule, utc(now));
        assert_eq!(told(Outcome::Done, "2026-11-16T17:40:00Z"), None, "it may begin a quarter of an hour late");
        assert!(told(Outcome::Done, "2026-11-16T17:46:00Z").is_some_and(|it| it.contains("2026-11-17T01:30")));
        assert!(told(Outcome::Failed, "2026-11-15T18:00:00Z").is_some());
        assert_eq!(trouble(None, &schedule, utc("2026-11-16T17:46:00Z")), None, "before the first night");
    }
}
