//! `muster connect`: tries the way to every source of a department step by step, and prints a checklist for whoever connects it.

use std::fmt::Write;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use muster_connectors::{Connector, Failure, Piece, Said, Step, StepState};
use muster_core::diag::nearest;
use muster_core::mapping::Feed;
use serde::Serialize;

use crate::cli::ConnectArgs;
use crate::clock::Stopwatch;
use crate::commands::{Code, Done, Say};
use crate::config::{self, Department};
use crate::pull;
use crate::run::Stop;
use crate::words::{Lang, count, pad};

/// How long rows are counted to tell how fast they come.
const SPEED_TRIAL: Duration = Duration::from_secs(2);

/// One source, as it was found.
#[derive(Serialize)]
struct Found {
    department: String,
    title: String,
    source: String,
    kind: String,
    /// Whether data will come this way.
    fine: bool,
    seconds: f64,
    /// What was tried, in order.
    steps: Vec<StepTold>,
}

/// A step, as JSON has it.
#[derive(Serialize)]
struct StepTold {
    step: &'static str,
    /// `fine`, `doubtful` or `failed`.
    state: &'static str,
    /// What was met.
    told: String,
    /// What to try.
    hint: Option<String>,
}

/// `muster connect [DEPARTMENT]`: the exit code says whether all sources can be used.
pub async fn connect(args: &ConnectArgs, say: Say) -> Done {
    let city = config::read(&args.config.config).map_err(Stop::Mistakes)?;
    let departments: Vec<&Department> = match &args.department {
        None => city.departments.iter().collect(),
        Some(name) => {
            let none = say.lang.pick("没有部门", "no department");
            vec![city.department(name).map_err(|hint| Stop::Usage(format!("{none} `{name}`; {hint}")))?]
        }
    };
    let sources = departments.iter().flat_map(|it| it.sources.keys().map(move |source| (*it, source.as_str())));
    let found = join_all(sources.map(|(department, source)| try_out(department, source, say.lang))).await;
    say.print(&found, || text(&found, say.lang));
    Ok(if found.iter().all(|it| it.fine) { Code::Fine } else { Code::Defects })
}

/// Tries the way to one source of `department`, step by step.
pub async fn steps(department: &Department, source: &str) -> Vec<Step> {
    let connector = department.sources[source].as_ref();
    let feeds: Vec<&Feed> = department.mapping.feeds.iter().filter(|it| pull::source_name(department, it) == source).collect();
    let tables: Vec<String> = feeds.iter().map(|it| it.table.clone()).collect();
    let mut steps = connector.examine(&tables).await;
    if steps.iter().all(|it| it.state != StepState::Failed) {
        let lacks = |name: &str| !steps.iter().any(|it| it.name == name);
        let (columns, speed) = (lacks("columns"), lacks("speed"));
        for feed in &feeds {
            let tried = try_feed(connector, feed, columns, speed).await;
            steps.extend(tried);
        }
    }
    steps
}

async fn try_out(department: &Department, source: &str, lang: Lang) -> Found {
    let clock = Stopwatch::start();
    let steps = steps(department, source).await;
    let kind = department.file.source[source].get("kind").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
    Found {
        department: department.file.name.clone(),
        title: lang.of(&department.file.title).to_owned(),
        source: source.to_owned(),
        kind,
        fine: steps.iter().all(|it| it.state != StepState::Failed),
        seconds: clock.elapsed().as_secs_f64(),
        steps: steps.into_iter().map(|it| StepTold::of(it, lang)).collect(),
    }
}

/// Pulls a feed for a moment: are the mapped columns there, and how fast do rows come?
async fn try_feed(connector: &dyn Connector, feed: &Feed, columns: bool, speed: bool) -> Vec<Step> {
    let mut pull = match connector.pull(&pull::ask(feed)).await {
        Ok(it) => it,
        Err(failure) => return vec![failed("columns", failure)],
    };
    let mut steps = Vec::new();
    if columns {
        steps.push(mapped_columns(feed, &pull.schema));
    }
    if speed {
        steps.push(match rows_in_a_moment(&mut pull.pieces).await {
            Err(failure) => failed("speed", failure),
            Ok((rows, broken, seconds)) => {
                let rate = count((rows as f64 / seconds.max(0.001)) as i64);
                let told = Said {
                    zh: format!("`{}`：{} 行，用时 {seconds:.1} 秒，每秒 {rate} 行", feed.table, count(rows)),
                    en: format!("`{}`: {} rows in {seconds:.1} s, {rate}/s", feed.table, count(rows)),
                };
                match (rows, broken) {
                    (0, _) => {
                        let hint = Some(Said { zh: "没有取到任何行".to_owned(), en: "no row came".to_owned() });
                        Step { name: "speed", state: StepState::Doubtful, told, hint }
                    }
                    (_, 0) => Step { name: "speed", state: StepState::Fine, told, hint: None },
                    _ => {
                        let hint = Some(Said {
                            zh: format!("有 {broken} 行无法按列给出；见 `muster preview`"),
                            en: format!("{broken} rows cannot be given as columns; see `muster preview`"),
                        });
                        Step { name: "speed", state: StepState::Doubtful, told, hint }
                    }
                }
            }
        });
    }
    steps
}

fn mapped_columns(feed: &Feed, schema: &arrow::datatypes::Schema) -> Step {
    let wanted = feed.source_columns();
    let names = || schema.fields().iter().map(|it| it.name().as_str());
    let missing: Vec<&String> = wanted.iter().filter(|it| !names().any(|name| name == it.as_str())).collect();
    if missing.is_empty() {
        let told = Said {
            zh: format!("`{}`：映射用到的 {} 列都有", feed.table, wanted.len()),
            en: format!("`{}`: all {} mapped columns are there", feed.table, wanted.len()),
        };
        return Step { name: "columns", state: StepState::Fine, told, hint: None };
    }
    let list: Vec<String> = missing.iter().map(|it| format!("`{it}`")).collect();
    let near = missing.iter().find_map(|it| nearest(it, names()));
    Step {
        name: "columns",
        state: StepState::Failed,
        told: Said {
            zh: format!("`{}` 缺少 {}", feed.table, list.join("、")), en: format!("`{}` lacks {}", feed.table, list.join(", "))
        },
        hint: near.map(|it| Said { zh: format!("是不是 `{it}`？"), en: format!("did you mean `{it}`?") }),
    }
}

/// Rows, broken rows and seconds, for at most [`SPEED_TRIAL`]; what is under way is then dropped, and the source told to stop.
async fn rows_in_a_moment(pieces: &mut (impl futures::Stream<Item = Result<Piece, Failure>> + Unpin)) -> Result<(u64, u64, f64), Failure> {
    let clock = Stopwatch::start();
    let (mut rows, mut broken) = (0, 0);
    while let Some(left) = SPEED_TRIAL.checked_sub(clock.elapsed()) {
        match tokio::time::timeout(left, pieces.next()).await {
            Ok(Some(Ok(Piece::Rows(batch)))) => rows += batch.num_rows() as u64,
            Ok(Some(Ok(Piece::Broken(_)))) => broken += 1,
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(failure))) => return Err(failure),
            Ok(None) | Err(_) => break,
        }
    }
    Ok((rows, broken, clock.elapsed().as_secs_f64()))
}

fn failed(name: &'static str, failure: Failure) -> Step {
    Step { name, state: StepState::Failed, told: failure.why, hint: failure.hint }
}

impl StepTold {
    fn of(step: Step, lang: Lang) -> StepTold {
        let state = match step.state {
            StepState::Fine => "fine",
            StepState::Doubtful => "doubtful",
            StepState::Failed => "failed",
        };
        let said = |it: Said| lang.pick(it.zh, it.en);
        StepTold { step: step.name, state, told: said(step.told), hint: step.hint.map(said) }
    }
}

/// What the steps are called, in the order in which a person thinks of them.
const STEPS: &[(&str, &str, &str)] = &[
    ("name", "域名", "name"),
    ("port", "端口", "port"),
    ("tls", "加密", "TLS"),
    ("login", "登录", "login"),
    ("read-only", "只读", "read-only"),
    ("open", "打开", "open"),
    ("table", "表", "table"),
    ("tables", "表", "tables"),
    ("snapshot", "快照", "snapshot"),
    ("columns", "列", "columns"),
    ("count", "行数", "count"),
    ("speed", "速度", "speed"),
    ("clock", "时钟", "clock"),
];

fn text(found: &[Found], lang: Lang) -> String {
    let mut out = String::new();
    let mut department = "";
    for it in found {
        if department != it.department {
            let _ = writeln!(out, "\n  {}  {}", it.title, it.department);
            department = &it.department;
        }
        let _ = writeln!(out, "  ┌ {} · {}", it.source, it.kind);
        for step in &it.steps {
            let (mark, name) = (mark(step.state), step_name(step.step, lang));
            let _ = writeln!(out, "  │ {mark} {} {}", pad(name, 10), step.told);
            if let Some(hint) = &step.hint {
                let _ = writeln!(out, "  │   {} → {hint}", pad("", 8));
            }
        }
        let word = match (it.fine, lang) {
            (true, Lang::Zh) => "✓ 可以取数",
            (true, Lang::En) => "✓ ready",
            (false, Lang::Zh) => "✗ 取不到数",
            (false, Lang::En) => "✗ no data will come this way",
        };
        let _ = writeln!(out, "  └ {word} ({:.1} s)", it.seconds);
    }
    let fine = found.iter().filter(|it| it.fine).count();
    let _ = match lang {
        Lang::Zh => writeln!(out, "\n  共 {} 个来源，{fine} 个可用", found.len()),
        Lang::En => writeln!(out, "\n  {fine} of {} sources are ready", found.len()),
    };
    out
}

fn mark(state: &str) -> &'static str {
    match state {
        "fine" => "✓",
        "doubtful" => "!",
        _ => "✗",
    }
}

fn step_name(step: &'static str, lang: Lang) -> &'static str {
    STEPS.iter().find(|it| it.0 == step).map_or(step, |(_, zh, en)| lang.pick(zh, en))
}
