//! What a person sees while the night works: a bar per feed, a line per stage. Talk goes to stderr, data to stdout.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use muster_core::mapping::Title;
use muster_core::schema::Table;

use crate::clock::Stopwatch;
use crate::memory;
use crate::words::{self, Lang};

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Bars on a terminal.
    Bars,
    /// One plain line per stage, for logs and pipes.
    Lines,
    /// Nothing.
    Nothing,
}

/// A rule that takes longer is worth a line.
const SLOW: Duration = Duration::from_secs(1);

/// The stages of a night, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Examples of mappings and cards.
    Prove,
    /// Pull, land, map, seal.
    Pull,
    /// Units and people.
    Link,
    /// Who was where in which month.
    Presence,
    /// Rules.
    Check,
    /// The leaders' tables and the city's figures.
    Tables,
    /// Cases.
    Fold,
    /// Store and files.
    Keep,
}

impl Stage {
    /// The stage's word in plain output.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Prove => "prove",
            Stage::Pull => "pull",
            Stage::Link => "link",
            Stage::Presence => "presence",
            Stage::Check => "check",
            Stage::Tables => "tables",
            Stage::Fold => "fold",
            Stage::Keep => "keep",
        }
    }

    fn title(self, lang: Lang) -> &'static str {
        match self {
            Stage::Prove => lang.pick("验证映射与规则样例", "proving mappings and rule cards"),
            Stage::Pull => lang.pick("取数、落地、转换", "pulling, landing, mapping"),
            Stage::Link => lang.pick("识别单位与人员", "linking units and people"),
            Stage::Presence => lang.pick("人月对照", "presence by month"),
            Stage::Check => lang.pick("执行规则", "checking rules"),
            Stage::Tables => lang.pick("编制、领导职数与统计表", "tables and figures for leaders"),
            Stage::Fold => lang.pick("归并问题台账", "folding cases"),
            Stage::Keep => lang.pick("入库并生成报告", "keeping and reporting"),
        }
    }
}

/// What a [`Step`] of a night is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A feed was pulled.
    Feed,
    /// A rule was run.
    Rule,
}

impl Work {
    /// The word in a trace.
    pub fn word(self) -> &'static str {
        match self {
            Work::Feed => "feed",
            Work::Rule => "rule",
        }
    }

    /// The stage that it belongs to.
    pub fn stage(self) -> Stage {
        match self {
            Work::Feed => Stage::Pull,
            Work::Rule => Stage::Check,
        }
    }
}

/// A feed or a rule of a night, and when it was at work.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which of both.
    pub work: Work,
    /// The feed's name or the rule's id.
    pub name: String,
    /// Since the night began.
    pub from: Duration,
    /// Since the night began.
    pub to: Duration,
    /// Whether it came to its end.
    pub fine: bool,
    /// Rows of a feed.
    pub rows: Option<u64>,
}

/// The teller of one night.
pub struct Progress {
    show: Show,
    lang: Lang,
    bars: MultiProgress,
    clock: Stopwatch,
    times: Mutex<Vec<(Stage, Duration)>>,
    /// Feeds and rules that are over, in the order in which they ended.
    steps: Arc<Mutex<Vec<Step>>>,
    /// Most memory held in each stage that is over, MiB.
    peaks: Mutex<Vec<(Stage, u64)>>,
}

/// The progress of one feed; a bar shows nothing where bars are not shown.
pub struct Bar {
    bar: ProgressBar,
    name: String,
    lines: bool,
    clock: Stopwatch,
    /// Since the night began.
    from: Duration,
    steps: Arc<Mutex<Vec<Step>>>,
}

impl Progress {
    /// Tells in `lang`, as `show` says.
    pub fn new(show: Show, lang: Lang) -> Progress {
        let target = if show == Show::Bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        Progress { show, lang, bars, clock: Stopwatch::start(), times: Mutex::default(), steps: Arc::default(), peaks: Mutex::default() }
    }

    /// A stage begins.
    pub fn stage(&self, stage: Stage) {
        let mut times = self.times.lock().expect("no panic while held");
        if let Some((before, _)) = times.last() {
            self.peaks.lock().expect("no panic while held").push((*before, memory::peak_mib()));
        }
        memory::forget_peak();
        times.push((stage, self.clock.elapsed()));
        drop(times);
        match self.show {
            Show::Bars => drop(self.bars.println(format!("  {} …", stage.title(self.lang)))),
            Show::Lines => eprintln!("stage {}", stage.word()),
            Show::Nothing => {}
        }
    }

    /// A feed begins: its name, whose it is, what it fills, and how many rows it had the last time.
    pub fn feed(&self, name: &str, department: &Title, fills: &Table, rows_before: Option<u64>) -> Bar {
        let label = match self.lang {
            Lang::Zh => format!("{} {}", department.zh, fills.label_zh),
            Lang::En => format!("{} {}", department.en, fills.label_en),
        };
        // How much is left is known from the last night; what goes beyond it is not shown as less than nothing.
        let rows_before = rows_before.filter(|it| *it > 0);
        let template = if rows_before.is_some() {
            format!("    {{spinner}} {{msg}} {{bar:20}} {{human_pos:>12}} {{per_sec:>14}} {} {{eta}}", self.lang.pick("剩余", "left"))
        } else {
            "    {spinner} {msg} {human_pos:>12} {per_sec:>14}".to_owned()
        };
        let style = ProgressStyle::with_template(&template)
            .expect("a template of ours")
            .with_key("per_sec", |state: &ProgressState, out: &mut dyn fmt::Write| {
                let _ = write!(out, "{}/s", words::count(state.per_sec() as i64));
            })
            .with_key("human_pos", |state: &ProgressState, out: &mut dyn fmt::Write| {
                let _ = write!(out, "{}", words::count(state.pos()));
            });
        let bar = rows_before.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let bar = self.bars.add(bar.with_style(style));
        bar.set_message(words::pad(&label, 40));
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar {
            bar,
            name: name.to_owned(),
            lines: self.show == Show::Lines,
            clock: Stopwatch::start(),
            from: self.clock.elapsed(),
            steps: self.steps.clone(),
        }
    }

    /// A rule ended, well or not. A slow one is named.
    pub fn rule(&self, id: &str, took: Duration, fine: bool) {
        if self.show == Show::Lines && took >= SLOW {
            eprintln!("rule {id} {:.1} s", took.as_secs_f64());
        }
        let (name, to) = (id.to_owned(), self.clock.elapsed());
        let step = Step { work: Work::Rule, name, from: to.saturating_sub(took), to, fine, rows: None };
        self.steps.lock().expect("no panic while held").push(step);
    }

    /// Feeds and rules that are over.
    pub fn steps(&self) -> Vec<Step> {
        self.steps.lock().expect("no panic while held").clone()
    }

    /// How long every rule took, in the order they ran.
    pub fn rules(&self) -> Vec<(String, Duration)> {
        self.steps().into_iter().filter(|it| it.work == Work::Rule).map(|it| (it.name, it.to.saturating_sub(it.from))).collect()
    }

    /// The most memory that was held in each stage so far, MiB.
    pub fn peaks(&self) -> Vec<(Stage, u64)> {
        let now = self.times.lock().expect("no panic while held").last().map(|it| (it.0, memory::peak_mib()));
        let over = self.peaks.lock().expect("no panic while held").clone();
        over.into_iter().chain(now).collect()
    }

    /// How long every stage took so far, in order, and all of it.
    pub fn times(&self) -> (Vec<(Stage, Duration)>, Duration) {
        let all = self.clock.elapsed();
        let starts = self.times.lock().expect("no panic while held");
        let ends = starts.iter().skip(1).map(|(_, at)| *at).chain([all]);
        (starts.iter().zip(ends).map(|((stage, start), end)| (*stage, end.saturating_sub(*start))).collect(), all)
    }
}

impl Bar {
    /// A try begins: nothing has come yet.
    pub fn begin(&self) {
        self.bar.set_position(0);
    }

    /// `count` more rows came.
    pub fn rows(&self, count: usize) {
        self.bar.inc(count as u64);
        if self.bar.length().is_some_and(|it| it < self.bar.position()) {
            self.bar.set_length(self.bar.position());
        }
    }

    /// The feed is through, or has failed.
    pub fn done(&self, landed: bool) {
        let (name, from, to) = (self.name.clone(), self.from, self.from + self.clock.elapsed());
        let step = Step { work: Work::Feed, name, from, to, fine: landed, rows: Some(self.bar.position()) };
        self.steps.lock().expect("no panic while held").push(step);
        if self.lines {
            let (rows, seconds) = (self.bar.position(), self.clock.elapsed().as_secs_f64());
            let rate = words::count((rows as f64 / seconds.max(0.001)) as i64);
            let word = if landed { "landed" } else { "failed" };
            eprintln!("feed {} {word}: {} rows in {seconds:.1} s, {rate}/s", self.name, words::count(rows));
        }
        self.bar.finish_and_clear();
    }
}
