//! `muster judge`: what reviewers say of two rows, kept in the store and obeyed from the next night on.

use std::fmt::Write;

use chrono::NaiveDate;
use muster_core::link::judge::{Row, Word};
use muster_core::mask;
use serde::Serialize;

use crate::cli::{JudgeArgs, JudgeListArgs, JudgeWhat, WithdrawArgs};
use crate::commands::{self, Code, Done, Say};
use crate::config;
use crate::explain::link as place;
use crate::run::Stop;
use crate::store::Store;
use crate::store::judgements::{Judged, Made, New};
use crate::words::{Lang, pad};
use crate::{clock, look};

/// `muster judge …`.
pub async fn judge(what: &JudgeWhat, say: Say) -> Done {
    match what {
        JudgeWhat::Same(args) => make(Word::Same, args, say).await,
        JudgeWhat::Different(args) => make(Word::Different, args, say).await,
        JudgeWhat::Unsure(args) => make(Word::Unsure, args, say).await,
        JudgeWhat::List(args) => list(args, say).await,
        JudgeWhat::Withdraw(args) => withdraw(args, say).await,
    }
}

async fn make(word: Word, args: &JudgeArgs, say: Say) -> Done {
    let city = config::read(&args.config.config).map_err(Stop::Mistakes)?;
    let eyes = look::eyes_on_all(&city, &args.eyes, say.lang)?;
    let who = look::actor(&eyes, args.by.as_ref(), say.lang)?;
    let store = Store::of(&city).await?;
    let night = match args.night {
        Some(night) => night,
        None => commands::latest(&store, say).await?,
    };
    let archive = city.archive()?;
    let row = |text: &str| -> Result<Row, Stop> {
        let none = || Stop::Usage(format!("{night}: {}", commands::no_row(text, say)));
        let place = place::Row::read(text).ok_or_else(none)?;
        place::said_by(&archive, night, &place).map_err(|err| Stop::Trouble(err.to_string()))?.ok_or_else(none)
    };
    let (one, other) = (row(&args.one)?, row(&args.other)?);
    if one == other {
        return Err(Stop::Usage(say.lang.pick("两行是同一条来源身份", "both are one and the same row").to_owned()));
    }
    let new = New { at: &clock::now(), word, one: &one, other: &other, by: &who, why: &args.why };
    match store.judge(new).await? {
        Made::Stands(number) => {
            told(number, false, say);
            Ok(Code::Fine)
        }
        Made::Already(number) => {
            told(number, true, say);
            Ok(Code::Fine)
        }
        Made::Contradicts(chain) => {
            let all = store.judgements().await?;
            let chain: Vec<Shown> =
                chain.iter().filter_map(|it| all.iter().find(|all| all.judgement.number == *it)).map(|it| shown(it, false)).collect();
            let head = say.lang.pick(
                "与下列判断矛盾，未记录；如有误，请先撤回其中之一",
                "this contradicts what stands, and was not kept; withdraw one of these first if it is wrong",
            );
            Err(Stop::Usage(format!("{head}\n{}", lines(&chain, say.lang).trim_end())))
        }
    }
}

fn told(number: i64, already: bool, say: Say) {
    let told = serde_json::json!({ "number": number, "already": already });
    say.print(&told, || match (already, say.lang) {
        (false, Lang::Zh) => format!("  已记录，编号 {number}；下一夜起生效\n"),
        (false, Lang::En) => format!("  kept as number {number}; obeyed from the next night on\n"),
        (true, Lang::Zh) => format!("  此前已有同样的判断，编号 {number}\n"),
        (true, Lang::En) => format!("  the same was said before, as number {number}\n"),
    });
}

async fn withdraw(args: &WithdrawArgs, say: Say) -> Done {
    let city = config::read(&args.config.config).map_err(Stop::Mistakes)?;
    let eyes = look::eyes_on_all(&city, &args.eyes, say.lang)?;
    let who = look::actor(&eyes, args.by.as_ref(), say.lang)?;
    let store = Store::of(&city).await?;
    if !store.withdraw(args.number, &clock::now(), &who, &args.why).await? {
        let none = say.lang.pick("没有仍然有效的判断为此编号", "no judgement stands under this number");
        return Err(Stop::Usage(format!("{}: {none}", args.number)));
    }
    let told = serde_json::json!({ "withdrawn": args.number });
    say.print(&told, || say.lang.pick("  已撤回；下一夜起不再遵从\n", "  withdrawn; not obeyed from the next night on\n").to_owned());
    Ok(Code::Fine)
}

/// A judgement as it is listed.
#[derive(Serialize)]
struct Shown {
    number: i64,
    word: Word,
    one: Row,
    other: Row,
    at: String,
    by: String,
    why: String,
    /// Instant, reviewer, reason.
    withdrawn: Option<[String; 3]>,
}

fn shown(it: &Judged, reveal: bool) -> Shown {
    let masked = |row: &Row| {
        if reveal {
            return row.clone();
        }
        let name = if row.name.is_empty() { String::new() } else { mask::name(&row.name) };
        Row { id_number: mask::id_number(&row.id_number), name, birth_date: None, ..row.clone() }
    };
    Shown {
        number: it.judgement.number,
        word: it.judgement.word,
        one: masked(&it.judgement.one),
        other: masked(&it.judgement.other),
        at: it.at.clone(),
        by: it.by.clone(),
        why: it.why.clone(),
        withdrawn: it.withdrawn.as_ref().map(|it| [it.at.clone(), it.by.clone(), it.why.clone()]),
    }
}

async fn list(args: &JudgeListArgs, say: Say) -> Done {
    let city = config::read(&args.config.config).map_err(Stop::Mistakes)?;
    let eyes = look::eyes_on_all(&city, &args.eyes, say.lang)?;
    let store = Store::of(&city).await?;
    if let Some(why) = &args.reveal {
        look::revealed(&store, &eyes, "judgements", why).await?;
    }
    let all = store.judgements().await?;
    let listed: Vec<Shown> =
        all.iter().filter(|it| args.all || it.withdrawn.is_none()).map(|it| shown(it, args.reveal.is_some())).collect();
    say.print(&listed, || {
        let count = listed.len();
        let sum = say.lang.pick(format!("  共 {count} 条判断\n"), format!("  {count} judgements\n"));
        lines(&listed, say.lang) + &sum
    });
    Ok(Code::Fine)
}

fn lines(listed: &[Shown], lang: Lang) -> String {
    let mut out = String::new();
    let row = |it: &Row| {
        let birth = it.birth_date.map(|it: NaiveDate| it.to_string()).unwrap_or_default();
        let cells = [it.feed.as_str(), it.name.as_str(), it.id_number.as_str(), birth.as_str()];
        cells.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ")
    };
    for it in listed {
        let word = match it.word {
            Word::Same => lang.pick("同一人", "same"),
            Word::Different => lang.pick("不是同一人", "different"),
            Word::Unsure => lang.pick("无法判断", "unsure"),
        };
        let _ = writeln!(out, "  {} {} {} | {}", pad(&it.number.to_string(), 4), pad(word, 12), row(&it.one), row(&it.other));
        let _ = writeln!(out, "       {} {}: {}", it.at, it.by, it.why);
        if let Some([at, by, why]) = &it.withdrawn {
            let _ = writeln!(out, "       {} {at} {by}: {why}", lang.pick("已撤回", "withdrawn"));
        }
    }
    out
}
