//! `muster status`, `history`, `pause` and `resume`: how it is, in a page of text one likes to read.

use std::fmt::Write;

use chrono::DateTime;
use serde::Serialize;

use crate::audit::local_user;
use crate::cli::{ConfigArg, HistoryArgs, PauseArgs};
use crate::clock;
use crate::commands::{Code, Done, Say, read};
use crate::mail::bounce;
use crate::mail::commands::state_word;
use crate::schedule::Schedule;
use crate::schedule::job::Job;
use crate::serve::http::trouble;
use crate::store::Store;
use crate::store::audit::Entry as Noted;
use crate::store::bounces::Bounced;
use crate::store::feeds::FeedCounts;
use crate::store::ledger::{Entry, Outcome};
use crate::store::outbox::Unsent;
use crate::words::{Lang, count, pad, pad_left};

/// Due nights that `status` shows.
const SHOWN: u32 = 7;

/// What `muster status` tells.
#[derive(Serialize)]
struct Status {
    city: String,
    /// Why the newest night is not as it should be; null when all is well.
    trouble: Option<String>,
    /// Wall-clock time of the next night, and its zone.
    next: Option<String>,
    /// The newest backup by itself, and when the next is due.
    backup: Option<(Option<Entry>, Option<String>)>,
    /// Letters that have times: what became of them last, and when they go next.
    mail: Vec<(Job, Option<Entry>, Option<String>)>,
    /// Who paused the nights, and why.
    paused: Option<(String, String)>,
    nights: Vec<Entry>,
    feeds: Vec<FeedCounts>,
    open_cases: u64,
    letters: Vec<(String, u64)>,
    unsent: Unsent,
    /// Letters that came back of late, to addresses that are still in use.
    bounced: Vec<Bounced>,
    store: String,
}

/// `muster status`.
pub async fn status(args: &ConfigArg, say: Say) -> Done {
    let city = read(&args.config)?;
    let store = Store::of(&city).await?;
    let nights = store.ledger(Job::Night, SHOWN).await?;
    let next =
        city.schedule.night.next(clock::instant()).map(|it| format!("{} {}", it.name().replace('T', " "), city.schedule.night.zone()));
    let backup = match Job::Backup.wall(&city.schedule) {
        Some(wall) => {
            let next = wall.next(clock::instant()).map(|it| it.name().replace('T', " "));
            Some((store.ledger(Job::Backup, 1).await?.into_iter().next(), next))
        }
        None => None,
    };
    let mut mail = Vec::new();
    for job in Job::ALL.into_iter().filter(|it| it.letters().is_some()) {
        let Some(wall) = job.wall(&city.schedule) else { continue };
        let next = wall.next(clock::instant()).map(|it| it.name().replace('T', " "));
        mail.push((job, store.ledger(job, 1).await?.into_iter().next(), next));
    }
    let status = Status {
        backup,
        mail,
        city: say.lang.of(&city.settings.city).to_owned(),
        trouble: trouble(nights.first(), &city.schedule, clock::instant()),
        next,
        paused: store.schedule_standing().await?.paused,
        nights,
        feeds: store.feed_counts().await?,
        open_cases: store.open_cases().await?,
        letters: store.letter_counts(&clock::now()).await?,
        unsent: store.letters_unsent(&clock::now(), &clock::now()).await?,
        bounced: bounce::standing(&city, &store, clock::today()).await?,
        store: city.store().map_err(crate::run::Stop::Trouble)?.shown(),
    };
    say.print(&status, || text(&status, &city.schedule, say.lang));
    Ok(if status.trouble.is_none() { Code::Fine } else { Code::Defects })
}

fn text(it: &Status, schedule: &Schedule, lang: Lang) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "\n  {} · {}\n  {}", it.city, lang.pick("编制实名制对账", "establishment reconciliation"), "─".repeat(72));
    let well = match (&it.trouble, &it.paused) {
        (Some(why), _) => format!("✗ {why}"),
        (None, Some((by, why))) => format!("‖ {} {by}: {why}", lang.pick("已暂停", "paused by")),
        (None, None) if it.nights.is_empty() => {
            lang.pick("– 还没有自动对账；muster serve 每夜自动运行", "– no night by itself yet; muster serve runs them").to_owned()
        }
        (None, None) => lang.pick("✓ 一切正常", "✓ all is well").to_owned(),
    };
    let _ = writeln!(out, "  {well}");
    if let Some(next) = &it.next {
        let _ = writeln!(out, "  {} {next}", lang.pick("下一夜", "next night"));
    }
    if !it.nights.is_empty() {
        let _ = writeln!(out, "\n  {}", lang.pick("最近各夜", "newest nights"));
        for entry in &it.nights {
            line(&mut out, entry, schedule, lang);
        }
    }
    if !it.feeds.is_empty() {
        let _ = writeln!(out, "\n  {}", lang.pick("最近一夜的数据源", "feeds of the newest night"));
        for feed in &it.feeds {
            let state = if feed.used { lang.pick("✓ 已采用", "✓ used") } else { lang.pick("✗ 未采用", "✗ left out") };
            let rows = feed.mapped.map_or_else(|| "–".to_owned(), count);
            let rejected = match feed.rejected {
                Some(0) | None => String::new(),
                Some(it) => lang.pick(format!("拒收 {}", count(it)), format!("{} rejected", count(it))),
            };
            let _ = writeln!(out, "    {} {} {}  {rejected}", pad(&feed.feed, 36), pad(state, 12), pad_left(&rows, 12));
        }
    }
    let _ = writeln!(out, "\n  {} {}", lang.pick("未结案件", "open cases"), count(it.open_cases));
    let waiting: Vec<String> = it
        .letters
        .iter()
        .filter(|(state, _)| state != "sent" && state != "superseded")
        .map(|(state, it)| format!("{} {it}", state_word(state, lang)))
        .collect();
    if !waiting.is_empty() {
        let _ = writeln!(out, "  {} {}  (muster mail outbox)", lang.pick("未发出的信", "letters not sent"), waiting.join(" · "));
    }
    if it.unsent.refused > 0 {
        let refused = it.unsent.refused;
        let told = lang.pick(format!("邮件服务器拒收 {refused} 封"), format!("the mail server refuses {refused} of them"));
        let _ = writeln!(out, "  ✗ {told}  (muster mail outbox --state parked)");
    }
    if let Some(oldest) = it.unsent.oldest.as_deref().and_then(|it| DateTime::parse_from_rfc3339(it).ok()) {
        let since = oldest.with_timezone(&schedule.night.zone()).format("%F %H:%M");
        let _ = writeln!(out, "  {} {since}", lang.pick("最早的一封自", "the oldest waits since"));
    }
    for (job, last, next) in &it.mail {
        let (zh, en) = job.label();
        let _ = writeln!(out, "  {} {}", lang.pick(format!("下次{zh}"), format!("next {en}")), next.as_deref().unwrap_or("–"));
        last.iter().for_each(|it| line(&mut out, it, schedule, lang));
    }
    for bounced in &it.bounced {
        let _ = writeln!(out, "  ✗ {}", bounce::line(bounced, lang));
    }
    if let Some((last, next)) = &it.backup {
        let _ = writeln!(out, "  {} {}", lang.pick("下一次备份", "next backup"), next.as_deref().unwrap_or("–"));
        last.iter().for_each(|it| line(&mut out, it, schedule, lang));
    }
    let _ = writeln!(out, "  {} {}\n", lang.pick("存储", "store"), it.store);
    out
}

fn line(out: &mut String, it: &Entry, schedule: &Schedule, lang: Lang) {
    let (mark, word) = match it.outcome {
        Outcome::Running => ("▸", lang.pick("进行中", "running")),
        Outcome::Done => ("✓", lang.pick("完成", "done")),
        Outcome::Failed => ("✗", lang.pick("失败", "failed")),
        Outcome::Missed => ("–", lang.pick("错过", "missed")),
        Outcome::Skipped => ("‖", lang.pick("跳过", "skipped")),
    };
    let instant = |text: &Option<String>| text.as_deref().and_then(|it| DateTime::parse_from_rfc3339(it).ok());
    let took = match (instant(&it.started_at), instant(&it.ended_at)) {
        (Some(from), Some(to)) => format!("{} s", count((to - from).num_seconds())),
        _ => String::new(),
    };
    let begun =
        instant(&it.started_at).map(|it| it.with_timezone(&schedule.night.zone()).format("%m-%d %H:%M").to_string()).unwrap_or_default();
    let _ = writeln!(out, "    {mark} {} {} {} {}", it.slot.replace('T', " "), pad(word, 8), pad(&begun, 12), pad_left(&took, 9));
    if let Some(why) = &it.why {
        let _ = writeln!(out, "        {why}");
    }
}

/// `muster history`.
pub async fn history(args: &HistoryArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let job = Job::read(&args.job).expect("clap takes the words of jobs alone");
    let lines = Store::of(&city).await?.ledger(job, args.rows).await?;
    say.print(&lines, || {
        let mut out = String::new();
        lines.iter().for_each(|it| line(&mut out, it, &city.schedule, say.lang));
        let (zh, en) = job.label();
        out + &say.lang.pick(format!("  {zh} 共 {} 次\n", lines.len()), format!("  {en}: {} lines\n", lines.len()))
    });
    Ok(Code::Fine)
}

/// `muster pause`.
pub async fn pause(args: &PauseArgs, say: Say) -> Done {
    paused(&args.config, Some(&args.why), say).await
}

/// `muster resume`.
pub async fn resume(args: &ConfigArg, say: Say) -> Done {
    paused(args, None, say).await
}

async fn paused(args: &ConfigArg, why: Option<&str>, say: Say) -> Done {
    let store = Store::of(&read(&args.config)?).await?;
    let who = local_user();
    let changed = store.pause(&who, why, clock::instant()).await?;
    if changed {
        let what = if why.is_some() { "paused" } else { "resumed" };
        let detail = why.map(|it| ("why".to_owned(), it.to_owned())).into_iter().collect();
        store.audit(&Noted { at: clock::now(), who, what: what.to_owned(), about: "schedule".to_owned(), detail }).await?;
    }
    let told = serde_json::json!({ "changed": changed, "paused": why.is_some() });
    say.print(&told, || {
        let word = match (changed, why.is_some()) {
            (false, _) => say.lang.pick("  本已如此，未改动\n", "  so it is already; nothing changed\n"),
            (true, true) => say.lang.pick(
                "  已暂停：此后到时的对账记为跳过，直到 muster resume\n",
                "  paused: nights that fall due are skipped until muster resume\n",
            ),
            (true, false) => say.lang.pick("  已恢复\n", "  it goes on\n"),
        };
        word.to_owned()
    });
    Ok(Code::Fine)
}
