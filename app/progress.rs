//! What a person sees while the night works: a bar per feed, a line per stage. Talk goes to stderr, data to stdout.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::clock::Stopwatch;
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
            Stage::Fold => lang.pick("归并问题台账", "folding cases"),
            Stage::Keep => lang.pick("入库并生成报告", "keeping and reporting"),
        }
    }
}

/// The teller of one night.
pub struct Progress {
    show: Show,
    lang: Lang,
    bars: MultiProgress,
    clock: Stopwatch,
    times: Mutex<Vec<(Stage, Duration)>>,
}

/// One bar; does nothing where bars are not shown.
pub struct Bar(ProgressBar);

impl Progress {
    /// Tells in `lang`, as `show` says.
    pub fn new(show: Show, lang: Lang) -> Progress {
        let target = if show == Show::Bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Progress { show, lang, bars: MultiProgress::with_draw_target(target), clock: Stopwatch::start(), times: Mutex::new(Vec::new()) }
    }

    /// A stage begins.
    pub fn stage(&self, stage: Stage) {
        self.times.lock().expect("no panic while held").push((stage, self.clock.elapsed()));
        match self.show {
            Show::Bars => drop(self.bars.println(format!("  {} …", stage.title(self.lang)))),
            Show::Lines => eprintln!("stage {}", stage.word()),
            Show::Nothing => {}
        }
    }

    /// A feed begins.
    pub fn feed(&self, name: &str) -> Bar {
        let style = ProgressStyle::with_template("    {spinner} {msg} {human_pos} {per_sec}").expect("a template of ours");
        let bar = self.bars.add(ProgressBar::new_spinner().with_style(style));
        bar.set_message(words::pad(name, 34));
        Bar(bar)
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
    /// `count` more rows came.
    pub fn rows(&self, count: usize) {
        self.0.inc(count as u64);
    }

    /// The feed is through.
    pub fn done(&self) {
        self.0.finish_and_clear();
    }
}
