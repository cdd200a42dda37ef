//! The terminal's summary of a night: what a person reads in the morning.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use muster_core::case::escalation::Step;
use muster_core::figures::{Figures, Line};
use muster_core::finding::Family;
use muster_core::report::total::Balance;

use crate::config::City;
use crate::night::Night;
use crate::progress::Stage;
use crate::score::Score;
use crate::words::{Lang, count, pad, pad_left, yuan};

/// The whole summary.
pub fn text(night: &Night, score: Option<&Score>, city: &City, times: &(Vec<(Stage, Duration)>, Duration), lang: Lang) -> String {
    let mut out = String::new();
    title(&mut out, night, lang);
    feeds(&mut out, night, lang);
    figures(&mut out, &night.figures, lang);
    findings(&mut out, night, lang);
    escalated(&mut out, night, lang);
    if let Some(score) = score {
        truth(&mut out, score, lang);
    }
    closing(&mut out, night, city, times, lang);
    out
}

fn title(out: &mut String, night: &Night, lang: Lang) {
    let head = format!("{} · {} · {}", lang.of(&night.city), night.tonight, lang.pick("机构编制实名制对账", "one night reconciled"));
    let _ = writeln!(out, "\n  {head}\n  {}", "─".repeat(72));
}

fn feeds(out: &mut String, night: &Night, lang: Lang) {
    let left_out: Vec<_> = night.feeds.iter().filter(|it| !it.left_out.is_empty()).collect();
    let (mut mapped, mut rejected) = (0, 0);
    for tally in night.feeds.iter().filter_map(|it| it.tally.as_ref()) {
        mapped += tally.mapped;
        rejected += tally.rejected;
    }
    let used = night.feeds.len() - left_out.len();
    let line = match lang {
        Lang::Zh => format!(
            "数据源 {used} 个可用，{} 个剔除；转换 {} 行，拒收 {} 行；识别 {} 人、{} 个单位",
            left_out.len(),
            count(mapped as i64),
            count(rejected as i64),
            count(night.people_count as i64),
            night.units.len()
        ),
        Lang::En => format!(
            "{used} feeds used, {} left out; {} rows mapped, {} rejected; {} people and {} units told apart",
            left_out.len(),
            count(mapped as i64),
            count(rejected as i64),
            count(night.people_count as i64),
            night.units.len()
        ),
    };
    let _ = writeln!(out, "  {line}");
    for feed in left_out {
        for why in &feed.left_out {
            let _ = writeln!(out, "  ✗ {}: {}", feed.feed, lang.pick(&why.zh, &why.en));
        }
    }
    for feed in &night.feeds {
        for note in &feed.notes {
            let _ = writeln!(out, "  · {}: {}", feed.feed, lang.pick(&note.zh, &note.en));
        }
    }
    skipped(out, night, lang);
}

/// Rules that did not run, by what they lack: one line each, however many rules wait for it. `--json` has them one by one.
fn skipped(out: &mut String, night: &Night, lang: Lang) {
    let mut lacking: Vec<(&str, Vec<&str>)> = Vec::new();
    for rule in &night.rules {
        let Some(why) = rule.skipped.as_ref().map(|it| lang.pick(it.zh.as_str(), it.en.as_str())) else { continue };
        match lacking.iter_mut().find(|it| it.0 == why) {
            Some((_, rules)) => rules.push(&rule.id),
            None => lacking.push((why, vec![&rule.id])),
        }
    }
    for (why, rules) in lacking {
        let (many, ids) = (rules.len(), rules.join(" "));
        let _ = match lang {
            Lang::Zh => writeln!(out, "  – {why}：{many} 条规则未执行（{ids}）"),
            Lang::En => writeln!(out, "  – {why}: {many} {} did not run ({ids})", if many == 1 { "rule" } else { "rules" }),
        };
    }
}

/// Who above hears of late cases tonight.
fn escalated(out: &mut String, night: &Night, lang: Lang) {
    for step in Step::ALL {
        let cases = night.escalated_to(step).count();
        let (zh, en) = step.label();
        let _ = match (cases, lang) {
            (0, _) => Ok(()),
            (_, Lang::Zh) => writeln!(out, "  ↑ 逾期案件报{zh}：{cases} 件（muster case overdue）"),
            (_, Lang::En) => writeln!(out, "  ↑ overdue cases, told to the {en}: {cases} (muster case overdue)"),
        };
    }
}

fn figures(out: &mut String, figures: &Figures, lang: Lang) {
    let head = match lang {
        Lang::Zh => ["编制提示", "核定", "实有", "空缺", "空编合计", "超编合计"],
        Lang::En => ["establishment", "approved", "actual", "vacant", "vacancies", "excess"],
    };
    let both = Line {
        approved: figures.administrative.approved + figures.institution.approved,
        actual: figures.administrative.actual + figures.institution.actual,
        vacant: figures.administrative.vacant + figures.institution.vacant,
        over: figures.administrative.over + figures.institution.over,
    };
    let _ = writeln!(out);
    row(out, &head.map(str::to_owned));
    for (zh, en, line) in [
        ("行政编制", "administrative", &figures.administrative),
        ("事业编制", "institutions", &figures.institution),
        ("合计", "all", &both),
    ] {
        let cells = [line.approved, line.actual, line.net(), line.vacant, line.over].map(count);
        let [a, b, c, d, e] = cells;
        row(out, &[lang.pick(zh, en).to_owned(), a, b, c, d, e]);
    }
    let share = if both.approved == 0 { 0.0 } else { 100.0 * both.net() as f64 / both.approved as f64 };
    let line = match lang {
        Lang::Zh => format!(
            "共空缺 {}（{share:.1} %）；事业单位 {} 家，其中超编 {} 家；账户 {} 个；批文 {} 件",
            count(both.net()),
            figures.institutions,
            figures.units_over,
            figures.network_accounts,
            figures.documents
        ),
        Lang::En => format!(
            "{} vacant in all ({share:.1} %); {} public institutions, {} over quota; {} accounts; {} approval documents",
            count(both.net()),
            figures.institutions,
            figures.units_over,
            figures.network_accounts,
            figures.documents
        ),
    };
    let _ = writeln!(out, "  {line}");
}

fn row(out: &mut String, cells: &[String; 6]) {
    let _ = write!(out, "  {}", pad(&cells[0], 16));
    for cell in &cells[1..] {
        let _ = write!(out, "{}", pad_left(cell, 11));
    }
    let _ = writeln!(out);
}

fn findings(out: &mut String, night: &Night, lang: Lang) {
    let mut by_rule: BTreeMap<(Family, &str), (usize, i64)> = BTreeMap::new();
    for case in night.cases.iter().filter(|it| it.state.is_open()) {
        for (rule, finding) in &case.findings {
            let entry = by_rule.entry((case.family, rule)).or_default();
            entry.0 += 1;
            entry.1 += finding.amount_fen.unwrap_or(0);
        }
    }
    let _ = writeln!(out, "\n  {}", lang.pick("线索（待核实）", "leads, to be verified"));
    for family in Family::ALL {
        for ((_, rule), (found, amount_fen)) in by_rule.iter().filter(|((it, _), _)| *it == family) {
            let title = night.rules.iter().find(|it| it.id == *rule).map_or("", |it| lang.of(&it.title));
            let amount = if *amount_fen == 0 { String::new() } else { format!("{} {}", yuan(*amount_fen), lang.pick("元", "yuan")) };
            let (zh, en) = family.label();
            let _ = writeln!(
                out,
                "  {} {} {} {} {}",
                pad(lang.pick(zh, en), 16),
                pad(rule, 4),
                pad(title, 40),
                pad_left(&count(*found as i64), 5),
                pad_left(&amount, 20)
            );
        }
    }
    let Balance { open_before, opened, reopened, cured, decided, open_tonight, .. } = Balance::of(&night.cases, &night.events);
    let line = match lang {
        Lang::Zh => {
            format!(
                "台账：昨日未结 {open_before} + 新增 {opened} + 重现 {reopened} − 自动销号 {cured} − 已有结论 {decided} = 今日未结 {open_tonight}"
            )
        }
        Lang::En => format!(
            "cases: {open_before} open yesterday + {opened} new + {reopened} reopened − {cured} cured − {decided} decided = {open_tonight} open today"
        ),
    };
    let _ = writeln!(out, "  {line}");
}

fn truth(out: &mut String, score: &Score, lang: Lang) {
    let (ghosts, absentees) = (score.of("ghost-"), score.of("absent-"));
    let injected: usize = score.kinds.values().map(|it| it.1).sum();
    let hit: usize = score.kinds.values().map(|it| it.0).sum();
    let _ = writeln!(out, "\n  {}", lang.pick("与真值比对", "against the truth"));
    let line = match lang {
        Lang::Zh => format!(
            "吃空饷 {}/{}，在编不在岗 {}/{}：八个里找到 {} 个；全部注入 {injected} 例找到 {hit} 例；{} 名相似而无辜的人被误指 {} 人；其他误报 {} 例",
            ghosts.0,
            ghosts.1,
            absentees.0,
            absentees.1,
            ghosts.0 + absentees.0,
            score.innocent,
            score.accused.len(),
            score.false_alarms.len()
        ),
        Lang::En => format!(
            "{} of {} ghosts and {} of {} absentees found, {} of 8; {hit} of {injected} injected cases found; {} of {} innocent look-alikes accused; {} other false alarms",
            ghosts.0,
            ghosts.1,
            absentees.0,
            absentees.1,
            ghosts.0 + absentees.0,
            score.accused.len(),
            score.innocent,
            score.false_alarms.len()
        ),
    };
    let _ = writeln!(out, "  {line}");
    for (kind, (found, of)) in &score.kinds {
        let _ = writeln!(out, "    {} {}", pad(kind, 22), pad_left(&format!("{found}/{of}"), 9));
    }
    for (what, list) in [
        (lang.pick("漏", "missed"), &score.missed),
        (lang.pick("误指", "accused"), &score.accused),
        (lang.pick("误报", "false alarm"), &score.false_alarms),
    ] {
        for it in list {
            let _ = writeln!(out, "    ✗ {what}: {it}");
        }
    }
}

fn closing(out: &mut String, night: &Night, city: &City, times: &(Vec<(Stage, Duration)>, Duration), lang: Lang) {
    let stages: Vec<String> = times.0.iter().map(|(stage, took)| format!("{} {:.1}", stage.word(), took.as_secs_f64())).collect();
    let _ = writeln!(out, "\n  {} {:.1} s ({})", lang.pick("用时", "took"), times.1.as_secs_f64(), stages.join(" · "));
    if let Some(folder) = city.reports(night.tonight) {
        let _ = writeln!(out, "  {}", lang.pick("报告", "reports"));
        for file in ["report.xlsx", "report.html"] {
            let _ = writeln!(out, "    {}", folder.join(file).display());
        }
    }
    let first = night.cases.iter().find(|it| it.family == Family::Ghost).or(night.cases.first()).and_then(|it| it.number.clone());
    let rejected = night.feeds.iter().filter_map(|it| it.tally.as_ref()).any(|it| it.rejected > 0);
    let tries = [
        first.map(|number| format!("explain {number}")),
        city.departments.first().map(|it| format!("preview {}", it.file.name)),
        rejected.then(|| "rejects".to_owned()),
    ];
    // Where people are named, one of them has to look.
    let eyes = city.people.first().map(|it| format!(" --as {}", it.id)).unwrap_or_default();
    let config = city.key_file.with_file_name("muster.toml");
    if tries.iter().any(Option::is_some) {
        let _ = writeln!(out, "  {}", lang.pick("接下来可以试", "what to try next"));
    }
    for it in tries.into_iter().flatten() {
        let _ = writeln!(out, "    muster {it}{eyes} --config {}", config.display());
    }
    let _ = writeln!(out);
}
