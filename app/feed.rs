//! `muster feed`: which feeds are held, holding one by hand, and releasing one with a reason.

use std::fmt::Write;

use muster_core::diag::did_you_mean;
use serde::Serialize;

use crate::audit::local_user;
use crate::cli::{DecideArgs, FeedListArgs, FeedWhat};
use crate::clock;
use crate::commands::{Code, Done, Say};
use crate::config::{self, City};
use crate::run::Stop;
use crate::store::Store;
use crate::store::feeds::{FeedBefore, FeedEvent, Hold, Standing};
use crate::words::{Lang, count, pad, pad_left};

/// `muster feed …`.
pub async fn feed(what: &FeedWhat, say: Say) -> Done {
    match what {
        FeedWhat::List(args) => list(args, say).await,
        FeedWhat::Hold(args) => decide(args, true, 0.0, say).await,
        FeedWhat::Release { decide: args, margin } => decide(args, false, *margin, say).await,
    }
}

/// A feed, as it is listed.
#[derive(Serialize)]
struct Listed<'a> {
    feed: &'a str,
    state: &'static str,
    /// The last night on which it was used.
    used_on: Option<String>,
    rows: Option<u64>,
    held_on: Option<String>,
    by: Option<&'a str>,
    why: Option<&'a str>,
    /// Every decision, the oldest first, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<FeedEvent>,
}

async fn list(args: &FeedListArgs, say: Say) -> Done {
    let (city, store) = open(&args.config.config).await?;
    let tonight = clock::today().succ_opt().unwrap_or_else(clock::today);
    let known = store.feeds_before(tonight).await?;
    let unknown = FeedBefore::default();
    let names = names(&city);
    let mut listed: Vec<Listed<'_>> = names.iter().map(|it| listed(it, known.get(it).unwrap_or(&unknown))).collect();
    if args.history {
        for it in &mut listed {
            it.history = store.decisions(it.feed).await?;
        }
    }
    say.print(&listed, || text(&listed, say.lang));
    Ok(Code::Fine)
}

fn listed<'a>(feed: &'a str, before: &'a FeedBefore) -> Listed<'a> {
    let Standing { by_operator, by_guard, .. } = &before.standing;
    let held = by_operator.as_ref().or(by_guard.as_ref());
    let state = match (by_operator, by_guard, before.night) {
        (Some(_), ..) => "held",
        (_, Some(_), _) => "held-by-guard",
        (None, None, Some(_)) => "used",
        (None, None, None) => "never-used",
    };
    Listed {
        feed,
        state,
        used_on: before.night.map(|it| it.to_string()),
        rows: before.tallies.first().map(|it| it.mapped),
        held_on: held.map(|it| it.night.to_string()),
        by: held.map(|it| it.by_whom.as_str()),
        why: held.map(|it| it.why.as_str()),
        history: Vec::new(),
    }
}

fn text(listed: &[Listed<'_>], lang: Lang) -> String {
    let mut out = String::new();
    for it in listed {
        let state = match it.state {
            "held" => lang.pick("✋ 已暂停", "✋ held"),
            "held-by-guard" => lang.pick("✋ 突变暂停", "✋ held by guard"),
            "used" => lang.pick("✓ 在用", "✓ used"),
            _ => lang.pick("– 尚未使用", "– never used"),
        };
        let rows = it.rows.map_or(String::new(), |it| format!("{} {}", count(it), lang.pick("行", "rows")));
        let _ = writeln!(
            out,
            "  {} {} {} {}",
            pad(it.feed, 36),
            pad(state, 16),
            pad(it.used_on.as_deref().unwrap_or(""), 10),
            pad_left(&rows, 16)
        );
        if let (Some(on), Some(by), Some(why)) = (&it.held_on, it.by, it.why) {
            let _ = writeln!(out, "      {on} {by}: {why}");
            let hint = lang.pick("核实后放行", "if it is right, release it");
            let _ = writeln!(out, "      {hint}: muster feed release {} --by … --why …", it.feed);
        }
        for event in &it.history {
            let what = if event.held { lang.pick("暂停", "held") } else { lang.pick("放行", "released") };
            let _ = writeln!(out, "      {} {} {what} {}: {}", event.at, event.night, event.by_whom, event.why);
        }
    }
    let held = listed.iter().filter(|it| it.held_on.is_some()).count();
    let _ = match lang {
        Lang::Zh => writeln!(out, "  共 {} 个数据源，{held} 个暂停", listed.len()),
        Lang::En => writeln!(out, "  {} feeds, {held} held", listed.len()),
    };
    out
}

/// What a decision came to.
#[derive(Serialize)]
struct Decided<'a> {
    feed: &'a str,
    state: &'static str,
    changed: bool,
}

async fn decide(args: &DecideArgs, held: bool, margin: f64, say: Say) -> Done {
    let (city, store) = open(&args.config.config).await?;
    let names = names(&city);
    if !names.contains(&args.feed) {
        let hint = did_you_mean(&args.feed, names.iter().map(String::as_str), &names.join(", "));
        let none = say.lang.pick("没有这个数据源", "no feed");
        return Err(Stop::Usage(format!("{none} `{}`; {hint}", args.feed)));
    }
    let night = store.nights().await?.into_iter().max().unwrap_or_else(clock::today);
    let event = FeedEvent {
        at: clock::now(),
        night,
        feed: args.feed.clone(),
        held,
        by_guard: false,
        by_whom: args.by.clone(),
        why: args.why.clone(),
        hold: Hold::default(),
        margin,
    };
    let changed = store.decide(&event, &local_user()).await?;
    // The reason is an operator's own words and may name people: it is in the store, not in the log.
    tracing::info!(feed = args.feed, held, changed, "an operator decided about a feed");
    let told = Decided { feed: &args.feed, state: if held { "held" } else { "released" }, changed };
    say.print(&told, || match (held, changed, say.lang) {
        (true, true, Lang::Zh) => format!("  {} 已暂停；下次对账起不据此得出结论\n", args.feed),
        (true, true, Lang::En) => format!("  {} is held; from the next night on nothing is concluded from it\n", args.feed),
        (true, false, Lang::Zh) => format!("  {} 本已暂停，未改动\n", args.feed),
        (true, false, Lang::En) => format!("  {} is held already; nothing changed\n", args.feed),
        (false, true, Lang::Zh) => format!("  {} 已放行；更差的数据仍会被暂停。重跑该夜：muster run --night {night}\n", args.feed),
        (false, true, Lang::En) => {
            format!("  {} is released; worse data will be held again. To use it tonight: muster run --night {night}\n", args.feed)
        }
        (false, false, Lang::Zh) => format!("  {} 并未暂停，未改动\n", args.feed),
        (false, false, Lang::En) => format!("  {} is not held; nothing changed\n", args.feed),
    });
    Ok(Code::Fine)
}

async fn open(config: &std::path::Path) -> Result<(City, Store), Stop> {
    let city = config::read(config).map_err(Stop::Mistakes)?;
    let store = Store::of(&city).await?;
    Ok((city, store))
}

/// Every feed of the city as `department/feed`, in configuration order.
fn names(city: &City) -> Vec<String> {
    let feeds = city.departments.iter().flat_map(|it| it.mapping.feeds.iter().map(move |feed| (it, feed)));
    feeds.map(|(department, feed)| format!("{}/{}", department.file.name, feed.name)).collect()
}

#[cfg(test)]
mod tests {
    use muster_core::map::Excess;

    use super::*;

    fn day(day: u32) -> chrono::NaiveDate {
        chrono::NaiveDate::from_ymd_opt(2026, 11, day).expect("a day of November")
    }

    fn excess(level: f64) -> Hold {
        Hold { excesses: vec![Excess { measure: "rows".into(), falls: true, level, usual: 1000.0 }], retyped: Vec::new() }
    }

    fn event(held: bool, by_guard: bool, hold: Hold) -> FeedEvent {
        FeedEvent {
            at: "2026-11-15T01:00:00Z".into(),
            night: day(15),
            feed: "finance/payroll".into(),
            held,
            by_guard,
            by_whom: "x".into(),
            why: "y".into(),
            hold,
            margin: 0.0,
        }
    }

    #[test]
    fn a_release_approves_what_was_held_and_nothing_worse() {
        let released = Standing::of([event(true, true, excess(600.0)), event(false, false, Hold::default())]);
        assert!(!released.is_held());
        assert!(released.unapproved(&excess(600.0), day(16)).is_empty());
        assert!(released.unapproved(&excess(700.0), day(16)).is_empty());
        assert!(!released.unapproved(&excess(599.0), day(16)).is_empty(), "worse");
        assert!(!released.unapproved(&excess(600.0), day(30)).is_empty(), "an approval does not last for ever");
    }

    #[test]
    fn a_pull_as_usual_ends_the_guards_hold_and_not_the_operators() {
        let both = [event(true, true, excess(600.0)), event(true, false, Hold::default()), event(false, true, Hold::default())];
        let standing = Standing::of(both);
        assert!(standing.is_held() && standing.by_guard.is_none());
        assert_eq!(standing.approved, None, "nobody approved anything");
    }
}
