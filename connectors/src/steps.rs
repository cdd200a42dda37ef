//! Steps of the checklist that every server has in common.

use std::time::{Duration, Instant};

use crate::patience::Patience;
use crate::{Failure, Place, Step, StepState};

/// So many rows are read to tell how fast the line is.
pub(crate) const SAMPLE_ROWS: u32 = 20_000;
/// A clock that is further off than this makes "since" and times of change doubtful.
const CLOCK_MAX: Duration = Duration::from_mins(1);

/// A step that works, but that somebody should look at.
pub(crate) fn doubtful(name: &'static str, told: &str, hint: &str) -> Step {
    Step { name, state: StepState::Doubtful, told: told.to_owned(), hint: Some(hint.to_owned()) }
}

/// Whether the server's name has an address.
pub(crate) async fn name(place: &Place, patience: Patience, host: &str) -> Result<Step, Step> {
    let failure = place.failure("", format!("`{host}` has no address"));
    let told = |_: std::io::Error| failure.clone().hint("is `host` right, and the name known to this machine?");
    let found = patience.answer(&failure, tokio::net::lookup_host((host, 0)), told).await;
    let addresses: Vec<String> = found.map_err(|it| Step::failed("name", it))?.map(|it| it.ip().to_string()).collect();
    Ok(Step::fine("name", format!("{host} is {}", addresses.join(", "))))
}

/// Whether anything listens there; `hint` says what to look at when not.
pub(crate) async fn port(place: &Place, patience: Patience, (host, port): (&str, u16), hint: &str) -> Result<Step, Step> {
    let failure = place.failure("", format!("nothing answers at {host}:{port}"));
    let told = |it: std::io::Error| Failure { why: format!("{}: {it}", failure.why), ..failure.clone() }.hint(hint);
    let connected = tokio::net::TcpStream::connect((host, port));
    patience.answer(&failure, connected, told).await.map_err(|it| Step::failed("port", it))?;
    Ok(Step::fine("port", format!("{host}:{port} answers")))
}

/// How fast `rows` rows of `table` came since `before`.
pub(crate) fn speed(table: &str, rows: usize, before: Instant) -> Step {
    let seconds = before.elapsed().as_secs_f64().max(0.001);
    Step::fine("speed", format!("`{table}`: {:.0} rows a second over {rows} rows", rows as f64 / seconds))
}

/// How many seconds the server's clock is ahead of ours.
pub(crate) fn clock(ahead: f64) -> Step {
    let told = format!("{ahead:+.1} s against ours");
    if ahead.abs() > CLOCK_MAX.as_secs_f64() {
        doubtful("clock", &told, "incremental pulls need a `lookback` longer than that")
    } else {
        Step::fine("clock", told)
    }
}
