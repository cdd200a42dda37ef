//! The trace of a night for OpenTelemetry: what [`crate::progress`] saw of its stages, feeds and rules. Off unless `[telemetry]` of
//! muster.toml names a collector.
//!
//! A trace is sent once, when its night has ended and its letters are gone, in one request of a few seconds at most: a collector that
//! does not answer costs these seconds and is told in the log. It holds names of feeds and rules, and counts; nothing about anybody. A
//! night that is killed sends none.

use std::time::{Duration, SystemTime};

use axum::http::Uri;
use chrono::NaiveDate;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use serde::Deserialize;

use crate::clock;
use crate::config::City;
use crate::progress::{Progress, Step};

/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// `[telemetry]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySettings {
    /// Where traces are sent by OTLP over HTTP, `http://127.0.0.1:4318/v1/traces`; null: nowhere.
    pub otlp: Option<String>,
}

impl TelemetrySettings {
    /// The address and why it is none; null where it is one or there is none.
    pub fn wrong(&self) -> Option<(&str, &'static str)> {
        let text = self.otlp.as_deref()?;
        let is_address = text.parse::<Uri>().is_ok_and(|it| {
            matches!(it.scheme_str(), Some("http" | "https")) && it.authority().is_some_and(|it| !it.as_str().contains('@'))
        });
        (!is_address).then_some((text, "this is no address of a collector"))
    }
}

/// What a night came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept, and every feed was used.
    Kept,
    /// It is kept, and a feed was left out.
    LeftOut,
    /// It could not be kept.
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Kept => "kept",
            Outcome::LeftOut => "left-out",
            Outcome::Failed => "failed",
        }
    }
}

/// The trace of a night that has just ended; null where nobody wants it.
pub fn trace(city: &City, tonight: NaiveDate, progress: &Progress, outcome: Outcome) -> Option<Vec<SpanData>> {
    city.settings.telemetry.otlp.as_ref()?;
    Some(spans(tonight, progress, outcome, SystemTime::from(clock::instant())))
}

/// Sends a trace. What goes wrong is logged and harms nothing.
pub async fn send(city: &City, trace: Vec<SpanData>) {
    let Some(otlp) = &city.settings.telemetry.otlp else { return };
    let sent = tokio::time::timeout(PATIENCE, export(otlp, &city.settings.region, trace)).await;
    if let Err(err) = sent.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs()))) {
        tracing::error!(otlp, err, "the trace of the night could not be sent; the night is not touched by it");
    }
}

async fn export(otlp: &str, region: &str, trace: Vec<SpanData>) -> Result<(), String> {
    let exporter = SpanExporter::builder().with_http().with_endpoint(otlp).with_protocol(Protocol::HttpJson).with_timeout(PATIENCE);
    let mut exporter = exporter.build().map_err(|err| err.to_string())?;
    let about = [
        KeyValue::new("service.name", "muster"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("muster.region", region.to_owned()),
    ];
    exporter.set_resource(&Resource::builder_empty().with_attributes(about).build());
    exporter.export(trace).await.map_err(|err| err.to_string())
}

/// The night, its stages below it, and below these the feeds and the rules.
fn spans(tonight: NaiveDate, progress: &Progress, outcome: Outcome, ended: SystemTime) -> Vec<SpanData> {
    let (stages, all) = progress.times();
    let trace = Trace { id: RandomIdGenerator::default().new_trace_id(), began: ended - all };
    let about = vec![KeyValue::new("muster.night", tonight.to_string()), KeyValue::new("muster.outcome", outcome.word())];
    let night = trace.span(SpanId::INVALID, "night".to_owned(), (Duration::ZERO, all), outcome != Outcome::Failed, about);
    let mut spans = vec![night];
    let mut starts = all.saturating_sub(stages.iter().map(|it| it.1).sum());
    let steps = progress.steps();
    let root = spans[0].span_context.span_id();
    for (stage, took) in stages {
        let span = trace.span(root, stage.word().to_owned(), (starts, starts + took), true, Vec::new());
        let id = span.span_context.span_id();
        spans.push(span);
        spans.extend(steps.iter().filter(|it| it.work.stage() == stage).map(|it| trace.step(id, it)));
        starts += took;
    }
    spans
}

struct Trace {
    id: TraceId,
    began: SystemTime,
}

impl Trace {
    fn step(&self, under: SpanId, step: &Step) -> SpanData {
        let what = step.work.word();
        let mut about = vec![KeyValue::new(format!("muster.{what}"), step.name.clone())];
        about.extend(step.rows.map(|it| KeyValue::new("muster.rows", i64::try_from(it).unwrap_or(i64::MAX))));
        self.span(under, format!("{what} {}", step.name), (step.from, step.to), step.fine, about)
    }

    fn span(&self, under: SpanId, name: String, (from, to): (Duration, Duration), fine: bool, about: Vec<KeyValue>) -> SpanData {
        let id = RandomIdGenerator::default().new_span_id();
        SpanData {
            span_context: SpanContext::new(self.id, id, TraceFlags::SAMPLED, false, TraceState::NONE),
            parent_span_id: under,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: self.began + from,
            end_time: self.began + to,
            attributes: about,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: if fine { Status::Ok } else { Status::error("") },
            instrumentation_scope: InstrumentationScope::builder("muster").with_version(env!("CARGO_PKG_VERSION")).build(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_of_a_collector_is_told() {
        let wrong = |text: &str| TelemetrySettings { otlp: Some(text.to_owned()) }.wrong().is_some();
        assert!(!wrong("http://127.0.0.1:4318/v1/traces") && !wrong("https://collector.city.example/v1/traces"));
        for text in ["127.0.0.1:4318", "ftp://collector/v1/traces", "http://", "http://user:secret@collector/v1/traces", ""] {
            assert!(wrong(text), "{text}");
        }
        assert!(TelemetrySettings::default().wrong().is_none());
    }
}
