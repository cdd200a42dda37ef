//! Steps of the checklist that every server has in common.

use std::time::{Duration, Instant};

use crate::patience::Patience;
use crate::{Failure, Place, Said, Step, StepState, said};

/// So many rows are read to tell how fast the line is.
pub(crate) const SAMPLE_ROWS: u32 = 20_000;
/// A clock that is further off than this makes "since" and times of change doubtful.
const CLOCK_MAX: Duration = Duration::from_mins(1);

/// A step that works, but that somebody should look at.
pub(crate) fn doubtful(name: &'static str, told: impl Into<Said>, hint: impl Into<Said>) -> Step {
    Step { name, state: StepState::Doubtful, told: told.into(), hint: Some(hint.into()) }
}

/// Whether the server's name has an address.
pub(crate) async fn name(place: &Place, patience: Patience, host: &str) -> Result<Step, Step> {
    let failure = place.failure("", said!("`{host}` 没有地址", "`{host}` has no address"));
    let told = |_: std::io::Error| {
        failure.clone().hint(said!("`host` 对吗，本机能解析这个名称吗？", "is `host` right, and the name known to this machine?"))
    };
    let found = patience.answer(&failure, tokio::net::lookup_host((host, 0)), told).await;
    let addresses: Vec<String> = found.map_err(|it| Step::failed("name", it))?.map(|it| it.ip().to_string()).collect();
    Ok(Step::fine("name", said!("{host} 为 {}", "{host} is {}", addresses.join(", "))))
}

/// Whether anything listens there; `hint` says what to look at when not.
pub(crate) async fn port(place: &Place, patience: Patience, (host, port): (&str, u16), hint: Said) -> Result<Step, Step> {
    let failure = place.failure("", said!("{host}:{port} 没有应答", "nothing answers at {host}:{port}"));
    let told = |it: std::io::Error| Failure { why: failure.why.because(&it.to_string().into()), ..failure.clone() }.hint(hint.clone());
    let connected = tokio::net::TcpStream::connect((host, port));
    patience.answer(&failure, connected, told).await.map_err(|it| Step::failed("port", it))?;
    Ok(Step::fine("port", said!("{host}:{port} 有应答", "{host}:{port} answers")))
}

/// How fast `rows` rows of `table` came since `before`.
pub(crate) fn speed(table: &str, rows: usize, before: Instant) -> Step {
    let seconds = before.elapsed().as_secs_f64().max(0.001);
    Step::fine(
        "speed",
        said!("`{table}`：每秒 {:.0} 行，取样 {rows} 行", "`{table}`: {:.0} rows a second over {rows} rows", rows as f64 / seconds),
    )
}

/// How many seconds the server's clock is ahead of ours.
pub(crate) fn clock(ahead: f64) -> Step {
    let told = said!("与本机相差 {ahead:+.1} 秒", "{ahead:+.1} s against ours");
    if ahead.abs() > CLOCK_MAX.as_secs_f64() {
        doubtful("clock", told, said!("增量取数的 `lookback` 要比这更长", "incremental pulls need a `lookback` longer than that"))
    } else {
        Step::fine("clock", told)
    }
}
