//! `muster link evaluate`: how well two files of people are linked, with any columns, against any truth.

mod columns;
mod decode;
mod evaluate;
mod read;
mod truth;

pub use evaluate::evaluate;

use crate::cli::EvaluateArgs;
use crate::commands::{Code, Done, Say};
use crate::words::{Lang, count, pad, pad_left};
use evaluate::{Score, Told};

/// Prints what [`evaluate::evaluate`] finds.
pub fn command(args: &EvaluateArgs, say: Say) -> Done {
    let told = evaluate(args, say.lang)?;
    say.print(&told, || text(&told, say.lang));
    Ok(Code::Fine)
}

/// The model as it is shipped, to be read, changed and given back with `--model`.
pub fn model() -> Code {
    print!("{}", muster_core::link::model::SHIPPED);
    Code::Fine
}

/// What a person reads.
pub fn text(told: &Told, lang: Lang) -> String {
    let mut out = String::new();
    for (side, columns) in [lang.pick("左", "left"), lang.pick("右", "right")].into_iter().zip(&told.columns) {
        let columns: Vec<String> = columns.iter().map(|(role, header)| format!("{role}={header}")).collect();
        out.push_str(&format!("  {} {}\n", pad(side, 6), columns.join("  ")));
    }
    let mut line = |what: &str, number: String| out.push_str(&format!("  {} {}\n", pad(what, 40), pad_left(&number, 14)));
    line(lang.pick("左侧记录", "rows on the left"), count(told.left_rows as i64));
    line(lang.pick("右侧记录", "rows on the right"), count(told.right_rows as i64));
    line(lang.pick("号码与姓名一致", "settled by number and name"), count(told.settled_by_number as i64));
    line(lang.pick("加权比对的记录", "weighed"), count(told.weighed as i64));
    line(lang.pick("比对的记录对", "pairs compared"), count(told.compared as i64));
    line(lang.pick("过于拥挤而未用的键", "keys too crowded to follow"), count(told.crowded_keys as i64));
    line(lang.pick("建立的关联", "links"), count(told.links as i64));
    line(lang.pick("待人工复核", "to be reviewed"), count(told.reviews as i64));
    if let Some(it) = &told.expected {
        line(lang.pick("预计错误关联", "false links expected"), format!("{:.1}", it.false_links));
        line(lang.pick("预计遗漏", "missed links expected"), format!("{:.1}", it.missed));
    }
    if let Some(score) = &told.against_truth {
        against(score, lang, &mut line);
    }
    line(lang.pick("用时", "time"), format!("{:.2} s", told.seconds));
    line(lang.pick("其中关联", "of it linking"), format!("{:.2} s", told.seconds_linking));
    line(lang.pick("处理器时间", "CPU time"), format!("{:.2} s", told.cpu_seconds));
    line(lang.pick("内存峰值", "peak memory"), format!("{} MiB", count(told.peak_mib as i64)));
    if let Some(score) = &told.against_truth {
        out.push_str(&classes(score, lang));
    }
    out
}

fn against(score: &Score, lang: Lang, line: &mut impl FnMut(&str, String)) {
    line(lang.pick("真实关联", "true pairs"), count(score.pairs as i64));
    line(lang.pick("错误关联", "false links"), count(score.false_links as i64));
    line(lang.pick("遗漏的关联", "missed links"), count(score.missed as i64));
    line(lang.pick("其中已列入复核", "of them in the review queue"), count(score.missed_in_review as i64));
    line(lang.pick("精确率", "precision"), format!("{:.6}", score.precision));
    line(lang.pick("召回率", "recall"), format!("{:.6}", score.recall));
    line("F1", format!("{:.6}", score.f1));
    line(lang.pick("每百万条记录的错误", "errors per million rows"), format!("{:.1}", score.errors_per_million));
    if score.truth_rows_unread > 0 {
        line(lang.pick("无法识别的真值行", "rows of the truth that name nobody"), count(score.truth_rows_unread as i64));
        let first: Vec<String> = score.truth_rows_unread_first.iter().map(usize::to_string).collect();
        line(lang.pick("其中最前几行", "the first of them"), first.join(" "));
    }
}

fn classes(score: &Score, lang: Lang) -> String {
    if score.by_class.is_empty() {
        return String::new();
    }
    let row = |cells: [&str; 5]| {
        let [class, rest @ ..] = cells;
        format!("  {}{}\n", pad(class, 28), rest.iter().map(|it| pad_left(it, 12)).collect::<String>())
    };
    let mut out = row([
        lang.pick("损坏类别", "damage"),
        lang.pick("记录", "rows"),
        lang.pick("错误", "false"),
        lang.pick("遗漏", "missed"),
        lang.pick("每百万", "per million"),
    ]);
    for (class, it) in &score.by_class {
        let number = |it: usize| count(it as i64);
        let per_million = format!("{:.0}", it.errors_per_million);
        out.push_str(&row([class, &number(it.rows), &number(it.false_links), &number(it.missed), &per_million]));
    }
    out
}
