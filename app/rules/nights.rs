//! `muster rules --history` and `--noise`: how a rule has fared.

use std::fmt::Write;

use muster_core::check::About;
use muster_core::finding::Severity;
use muster_core::mapping::Title;
use muster_core::rule::Rule;
use serde::Serialize;

use super::Catalogue;
use crate::commands::Say;
use crate::night::rate;
use crate::run::Stop;
use crate::store::Store;
use crate::store::rules::{Outcomes, RuleOnce};
use crate::words::{Lang, count, pad, pad_left};

/// How many of a rule's cases may turn out innocent before it wants mending, in percent, by severity: an S1 that accuses one innocent
/// in ten is not believed for long, while an S3 may be a question.
const BUDGET_PERCENT: [(Severity, u64); 4] = [(Severity::S1, 5), (Severity::S2, 20), (Severity::S3, 40), (Severity::S4, 40)];

/// Fewer cases than this say nothing about a rule.
const CASES_MIN: u64 = 10;

/// Prints every night of one rule.
pub async fn history(catalogue: &Catalogue, card: &Rule, say: Say) -> Result<(), Stop> {
    let nights = store(catalogue, say)?.rule_history(&card.id).await?;
    say.print(&nights, || {
        let mut out = format!("\n  {} {}\n\n", card.id, say.lang.of(&card.title));
        if nights.is_empty() {
            let _ = writeln!(out, "  {}", say.lang.pick("还没有运行过的夜晚", "no night yet"));
        }
        for it in &nights {
            let _ = writeln!(out, "  {} {}", it.night, once(it, say.lang));
        }
        out
    });
    Ok(())
}

fn once(it: &RuleOnce, lang: Lang) -> String {
    let (Some(found), Some(looked_at)) = (it.found, it.looked_at) else {
        return it.skipped.as_ref().map_or_else(String::new, |it| format!("{} {}", pad_left("–", 8), lang.pick(&it.zh, &it.en)));
    };
    let of = match (it.about, lang) {
        (Some(About::Units), Lang::Zh) => "个单位",
        (_, Lang::Zh) => "人",
        (Some(About::Units), Lang::En) => "units",
        (_, Lang::En) => "people",
    };
    format!("{} / {} {of} {}", pad_left(&count(found), 8), pad_left(&count(looked_at), 10), share(found, looked_at))
}

/// `0.034 %`; nothing where nobody could have been hit.
pub fn share(found: u64, looked_at: u64) -> String {
    rate(found, looked_at).map_or_else(String::new, |it| format!("{:.3} %", it * 100.0))
}

/// One rule's cases.
#[derive(Serialize)]
struct Noise<'a> {
    id: &'a str,
    title: &'a Title,
    severity: Severity,
    #[serde(flatten)]
    outcomes: Outcomes,
    budget_percent: u64,
    noisy: bool,
}

/// Prints what became of every rule's cases, the noisiest first.
pub async fn noise(catalogue: &Catalogue, say: Say) -> Result<(), Stop> {
    let mut outcomes = store(catalogue, say)?.outcomes(&muster_core::calendar::Calendar::shipped()).await?;
    let mut told: Vec<Noise> =
        catalogue.cards.iter().filter_map(|card| Some(judged(card, catalogue.tuned(card).severity, outcomes.remove(&card.id)?))).collect();
    told.sort_by_key(|it| (!it.noisy, std::cmp::Reverse(it.outcomes.explained * 1000 / it.outcomes.cases.max(1)), it.id));
    say.print(&told, || text(&told, say.lang));
    Ok(())
}

fn judged(card: &Rule, severity: Severity, outcomes: Outcomes) -> Noise<'_> {
    let budget_percent = BUDGET_PERCENT.iter().find(|(it, _)| *it == severity).map_or(0, |(_, it)| *it);
    let noisy = outcomes.cases >= CASES_MIN && outcomes.explained * 100 > outcomes.cases * budget_percent;
    Noise { id: &card.id, title: &card.title, severity, outcomes, budget_percent, noisy }
}

fn text(told: &[Noise], lang: Lang) -> String {
    let mut out = String::from("\n");
    let heads = lang.pick(
        ["规则", "级别", "名称", "案件", "已说明", "占比", "上限", "自动销号"],
        ["rule", "sev", "title", "cases", "explained", "share", "budget", "cured"],
    );
    let mut row = |cells: [String; 8], mark: &str| {
        let [id, severity, title, numbers @ ..] = cells;
        let numbers: String = numbers.iter().map(|it| pad_left(it, 10)).collect();
        let _ = writeln!(out, "  {} {} {}{numbers} {mark}", pad(&id, 5), pad(&severity, 4), pad(&title, lang.pick(34, 52)));
    };
    row(heads.map(str::to_owned), "");
    for it in told {
        let Outcomes { cases, explained, cured } = it.outcomes;
        let cells = [
            it.id.to_owned(),
            format!("{:?}", it.severity),
            lang.of(it.title).to_owned(),
            count(cases),
            count(explained),
            format!("{} %", explained * 100 / cases.max(1)),
            format!("{} %", it.budget_percent),
            count(cured),
        ];
        row(cells, if it.noisy { lang.pick("✗ 需调整", "✗ wants mending") } else { "" });
    }
    let noisy = told.iter().filter(|it| it.noisy).count();
    let _ = match lang {
        Lang::Zh => {
            writeln!(out, "\n  {noisy} 条规则的案件多数属正常情形，超过上限（至少 {CASES_MIN} 件才判断）：调整参数、宽限或补充说明来源")
        }
        Lang::En => writeln!(
            out,
            "\n  {noisy} rules are noisy: more of their cases were explained than their severity allows (judged from {CASES_MIN} cases on); \
             set parameters or grace in config/rules.toml, or connect the feed that explains"
        ),
    };
    out
}

fn store(catalogue: &Catalogue, say: Say) -> Result<&Store, Stop> {
    let none = || Stop::Usage(say.lang.pick("还没有对过账；先 `muster run`", "no night yet; `muster run` first").to_owned());
    catalogue.store.as_ref().ok_or_else(none)
}
