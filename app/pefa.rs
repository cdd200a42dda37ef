//! `muster table pefa`: the figures of PEFA indicator PI-23, payroll controls, with what they were measured on.

use std::fmt::Write;

use muster_core::case::Case;
use muster_core::pefa::{self, Card, DIMENSIONS, Figure, Measure};
use muster_core::report;
use serde::Serialize;

use crate::cli::FormatArg;
use crate::commands::{Code, Done, Say};
use crate::night::{FeedNight, Night};
use crate::reopen::Reopened;
use crate::run::Stop;
use crate::store::Store;
use crate::words::{Lang, WIDTH, count, wrapped};
use muster_core::calendar::Calendar;
use muster_core::engine::Engine;

/// What stands below every card.
pub const NO_GRADES: (&str, &str) = (
    "本卡只列出可由本系统数据计算的数字，不评档：PEFA 各档还取决于制度、授权和文件，由评估人认定。",
    "The card has figures and no grades: PEFA's scores also rest on procedures, powers and papers, which assessors judge.",
);

/// The card as of the end of a month. `nights` hold tonight; `cases` are those that the store knows.
pub async fn card(
    engine: &Engine,
    feeds: &[FeedNight],
    month_end: chrono::NaiveDate,
    evidence: (&[chrono::NaiveDate], &[Case], chrono::NaiveDate),
) -> Result<Card, Stop> {
    let usable = |table: &str| {
        let mut filling = feeds.iter().filter(|it| it.table == table).peekable();
        filling.peek().is_some() && filling.all(|it| it.left_out.is_empty())
    };
    let mut card = pefa::card(engine, month_end, usable).await?;
    let (nights, cases, tonight) = evidence;
    card.figures.extend(pefa::audits(nights, cases, tonight));
    Ok(card)
}

/// What `muster table pefa --json` prints.
#[derive(Serialize)]
struct Told<'a> {
    night: chrono::NaiveDate,
    month: i32,
    figures: Vec<FigureTold<'a>>,
    lacking: Vec<&'static str>,
}

#[derive(Serialize)]
struct FigureTold<'a> {
    id: &'a str,
    dimension: &'static str,
    part: i64,
    whole: i64,
    share: Option<f64>,
}

/// `muster table pefa`.
pub async fn table(
    store: &Store,
    calendar: &Calendar,
    reopened: &Reopened,
    month_end: chrono::NaiveDate,
    format: FormatArg,
    say: Say,
) -> Done {
    let Night { tonight, feeds, .. } = &reopened.night;
    let cases: Vec<Case> = store.worked(calendar).await?.into_iter().map(|it| it.case).collect();
    let card = card(&reopened.engine, feeds, month_end, (&store.nights().await?, &cases, *tonight)).await?;
    match format {
        FormatArg::Json => {
            let figure = |(it, measure): (&'_ Figure, &'static Measure)| (it.part, it.whole, it.share(), measure);
            let figures = card
                .figures
                .iter()
                .filter_map(|it| Some((it, it.measure()?)))
                .map(figure)
                .map(|(part, whole, share, measure)| FigureTold { id: measure.id, dimension: measure.dimension, part, whole, share });
            let told =
                Told { night: *tonight, month: card.month, figures: figures.collect(), lacking: card.lacking().map(|it| it.id).collect() };
            println!("{}", serde_json::to_string_pretty(&told)?);
        }
        FormatArg::Csv => {
            println!("dimension,id,part,whole,share");
            for (it, measure) in DIMENSIONS.iter().flat_map(|(id, ..)| card.of(id)) {
                println!(
                    "{},{},{},{},{}",
                    measure.dimension,
                    measure.id,
                    it.part,
                    it.whole,
                    it.share().map_or(String::new(), |it| format!("{it:.4}"))
                );
            }
        }
        FormatArg::Text => print!("{}", text(&card, *tonight, say.lang)),
    }
    Ok(Code::Fine)
}

fn text(card: &Card, tonight: chrono::NaiveDate, lang: Lang) -> String {
    let month = report::month(card.month);
    let mut out = match lang {
        Lang::Zh => format!("\n  PEFA PI-23 工资控制  截至 {month} 月末（{tonight} 之夜的数据）\n"),
        Lang::En => format!("\n  PEFA PI-23, payroll controls, at the end of {month} (as known on the night of {tonight})\n"),
    };
    for (id, zh, en) in DIMENSIONS {
        let _ = writeln!(out, "\n  {id} {}\n  {}", lang.pick(zh, en), "─".repeat(WIDTH - 2));
        for (it, measure) in card.of(id) {
            wrapped(&mut out, &format!("  {:>7}  ", share(it)), &line(it, measure, lang));
        }
        for measure in card.lacking().filter(|it| it.dimension == *id) {
            let why = lang.pick("无可用数据", "no usable feed");
            wrapped(&mut out, "        –  ", &format!("{} · {why}", lang.pick(measure.zh, measure.en)));
        }
    }
    out.push('\n');
    wrapped(&mut out, "  ", lang.pick(NO_GRADES.0, NO_GRADES.1));
    out
}

/// `97.2%`; a dash of nothing.
pub fn share(it: &Figure) -> String {
    it.share().map_or_else(|| "–".to_owned(), |it| format!("{:.1}%", it * 100.0))
}

fn line(it: &Figure, measure: &Measure, lang: Lang) -> String {
    let mut line = format!("{} · {} / {}", lang.pick(measure.zh, measure.en), count(it.part), count(it.whole));
    if let Some((zh, en)) = measure.asked {
        let _ = write!(line, "{}", lang.pick(format!("（{zh}）"), format!(" ({en})")));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_says_what_it_could_not_measure() {
        let card = Card { month: 202_610, figures: vec![Figure { id: "corrections".to_owned(), part: 31, whole: 1_000 }] };
        let tonight = "2026-11-15".parse().expect("a day");
        let zh = text(&card, tonight, Lang::Zh);
        assert!(zh.contains("3.1%  全年工资行中，补发、冲回等追溯更正 · 31 / 1,000（PEFA 2016：最高档不超过 3%）"), "{zh}");
        assert!(zh.contains("–  近 12 个月中，至少对账一次的月份 · 无可用数据"), "{zh}");
        assert!(!crate::sample::has_chinese(&text(&card, tonight, Lang::En)));
        assert!(pefa::MEASURES.iter().all(|it| !it.zh.is_empty() && !crate::sample::has_chinese(it.en)));
    }
}
