//! `muster bench night`: a province of any size, written as its data warehouse would deliver it, and one real night over it.
//! `muster bench nights`, `muster bench link` and `muster bench pull` are in files of their own.

mod link;
pub mod nights;
mod province;
pub mod pull;

pub use link::link;

use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Serialize;

use crate::clock::Stopwatch;
use crate::commands::{Code, Done, Say};
use crate::config;
use crate::key;
use crate::memory::peak_mib;
use crate::progress::{Progress, Show, Stage};
use crate::run::{self, Stop, World};
use crate::store::Store;
use crate::vault::Vault;
use crate::words::{Lang, count, pad, pad_left};

/// What a bench night came to.
#[derive(Serialize)]
struct Told {
    people: usize,
    months: u32,
    rows: u64,
    seconds_by_stage: Vec<(&'static str, f64)>,
    /// The most memory held in each stage.
    peak_mib_by_stage: Vec<(&'static str, u64)>,
    /// All rules, the slowest first.
    seconds_by_rule: Vec<(String, f64)>,
    rules: usize,
    broke_off: Vec<String>,
    seconds: f64,
    /// From mapped and sealed Parquet to findings: link, presence, check, fold.
    seconds_to_findings: f64,
    rows_per_second: f64,
    peak_mib: u64,
    cases: usize,
}

/// Writes the province unless it is there, runs one night on it from an empty store, and prints how long every stage took.
pub async fn night(people: usize, months: u32, out: &Path, memory_mib: usize, say: Say) -> Done {
    let folder = out.join(format!("{people}x{months}"));
    if !folder.join("complete").exists() {
        let clock = Stopwatch::start();
        province::write(&folder, people, months).map_err(|err| Stop::Trouble(err.to_string()))?;
        eprintln!("{} {:.0} s", say.lang.pick("数据生成用时", "the province was written in"), clock.elapsed().as_secs_f64());
    }
    std::fs::write(folder.join("config/muster.toml"), province::config(memory_mib))?;
    key::write_new(&folder.join("config/muster.key"), &Vault::new_file())?;
    let data = folder.join("data");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    let city = config::read(&folder.join("config/muster.toml")).map_err(Stop::Mistakes)?;
    let show = if say.json { Show::Nothing } else { Show::Lines };
    let world = World { store: Store::of(&city).await?, progress: Arc::new(Progress::new(show, say.lang)) };
    let tonight = NaiveDate::from_ymd_opt(2026, 11, 15).expect("a day");
    let night = run::one_night(&city, tonight, &world).await?;

    let (stages, all) = world.progress.times();
    let seconds = |wanted: &[Stage]| stages.iter().filter(|(it, _)| wanted.contains(it)).map(|(_, took)| took.as_secs_f64()).sum::<f64>();
    let rows: u64 = night.feeds.iter().filter_map(|it| it.tally.as_ref()).map(|it| it.pulled).sum();
    let mut rules: Vec<(String, f64)> = world.progress.rules().into_iter().map(|(id, took)| (id, took.as_secs_f64())).collect();
    rules.sort_by(|one, other| other.1.total_cmp(&one.1));
    let peaks = world.progress.peaks();
    let told = Told {
        rules: rules.len(),
        seconds_by_rule: rules,
        broke_off: night.rules.iter().filter(|it| it.broke_off).map(|it| it.id.clone()).collect(),
        people,
        months,
        rows,
        seconds_by_stage: stages.iter().map(|(stage, took)| (stage.word(), took.as_secs_f64())).collect(),
        seconds: all.as_secs_f64(),
        seconds_to_findings: seconds(&[Stage::Link, Stage::Presence, Stage::Check, Stage::Fold]),
        rows_per_second: rows as f64 / all.as_secs_f64(),
        peak_mib: peaks.iter().map(|it| it.1).max().unwrap_or(0).max(peak_mib()),
        peak_mib_by_stage: peaks.iter().map(|(stage, mib)| (stage.word(), *mib)).collect(),
        cases: night.cases.len(),
    };
    say.print(&told, || text(&told, say.lang));
    Ok(Code::Fine)
}

fn text(told: &Told, lang: Lang) -> String {
    let mut out = String::new();
    for ((stage, seconds), (_, mib)) in told.seconds_by_stage.iter().zip(&told.peak_mib_by_stage) {
        let (seconds, mib) = (format!("{seconds:.1} s"), format!("{} MiB", count(*mib as i64)));
        out.push_str(&format!("  {} {} {}\n", pad(stage, 10), pad_left(&seconds, 9), pad_left(&mib, 12)));
    }
    for (rule, seconds) in told.seconds_by_rule.iter().take(10) {
        out.push_str(&format!("    {} {}\n", pad(rule, 8), pad_left(&format!("{seconds:.2} s"), 9)));
    }
    for rule in &told.broke_off {
        out.push_str(&format!("  {rule} {}\n", lang.pick("执行中断", "broke off")));
    }
    let line = |what: &str, number: String| format!("  {} {}\n", pad(what, 34), pad_left(&number, 12));
    out.push_str(&line(lang.pick("共", "in all"), format!("{:.1} s", told.seconds)));
    out.push_str(&line(lang.pick("由落地文件到线索", "from landed Parquet to findings"), format!("{:.1} s", told.seconds_to_findings)));
    out.push_str(&line(lang.pick("规则", "rules"), count(told.rules as i64)));
    out.push_str(&line(lang.pick("行", "rows"), count(told.rows as i64)));
    out.push_str(&line(lang.pick("每秒行数", "rows per second"), count(told.rows_per_second as i64)));
    out.push_str(&line(lang.pick("内存峰值", "peak memory"), format!("{} MiB", count(told.peak_mib as i64))));
    out.push_str(&line(lang.pick("问题", "cases"), count(told.cases as i64)));
    out
}
