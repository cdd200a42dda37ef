//! What operators hear of without a night: a feed that is late, a disk that is short, a certificate that ends, a night that did not start.
//!
//! [`crate::doctor`] finds it; here it is told once, told again when it changes, and told when it is over.

use super::about::Line;
use super::letter::{self, Letter};
use crate::clock;
use crate::config::City;
use crate::doctor;
use crate::run::Stop;
use crate::store::Store;
use crate::store::alarms::{Alarm, News};
use crate::words::{Lang, one_line};

/// Looks, and queues what is to be told. Where nobody is told of anything, nothing is looked at.
pub async fn look(city: &City, store: &Store) -> Result<News, Stop> {
    if city.mail.as_ref().is_none_or(|it| it.operators.is_empty()) {
        return Ok(News::default());
    }
    let instant = clock::instant();
    let found = doctor::alarms(city, store, instant).await;
    let today = instant.with_timezone(&city.schedule.night.zone()).date_naive();
    let lang = city.settings.report.lang;
    store
        .alarms(today, &clock::now(), &found.iter().map(|it| it.0.clone()).collect::<Vec<_>>(), |news| {
            let lines = news.new.iter().map(|it| line(it, &found, lang)).chain(news.over.iter().map(|it| over(it, lang)));
            Ok(letter::alarm(city, today, &subject(news, lang), lines.collect())?)
        })
        .await
}

/// A letter of everything that is wrong now, whether or not it was told: to look at.
pub async fn all(city: &City, store: &Store) -> Result<Vec<Letter>, Stop> {
    let now = clock::instant();
    let found = doctor::alarms(city, store, now).await;
    let lang = city.settings.report.lang;
    let news = News { new: found.iter().map(|it| it.0.clone()).collect(), over: Vec::new() };
    if news.is_empty() {
        return Ok(Vec::new());
    }
    let lines = news.new.iter().map(|it| line(it, &found, lang)).collect();
    let today = now.with_timezone(&city.schedule.night.zone()).date_naive();
    Ok(letter::alarm(city, today, &subject(&news, lang), lines)?)
}

/// What the first of them is, and how many there are.
fn subject(news: &News, lang: Lang) -> String {
    let short = |it: &Alarm| one_line(lang.pick(&it.told.zh, &it.told.en), 60);
    match (news.new.as_slice(), news.over.as_slice()) {
        ([], [one]) => format!("{}{}", lang.pick("已恢复：", "over: "), short(one)),
        ([], over) => lang.pick(format!("已恢复 {} 项", over.len()), format!("{} troubles are over", over.len())),
        ([one], []) => format!("{}{}", lang.pick("需处理：", "to mend: "), short(one)),
        (new, []) => lang.pick(format!("需处理 {} 项", new.len()), format!("{} to mend", new.len())),
        (new, over) => {
            lang.pick(format!("需处理 {} 项，已恢复 {} 项", new.len(), over.len()), format!("{} to mend, {} over", new.len(), over.len()))
        }
    }
}

fn line(it: &Alarm, found: &[(Alarm, doctor::Check)], lang: Lang) -> Line {
    let check = found.iter().find(|(alarm, _)| alarm.key == it.key).map(|(_, check)| check);
    let hint = check.and_then(|it| it.hint.as_ref()).map(|it| lang.pick(it.zh.clone(), it.en.clone())).unwrap_or_default();
    let colour = if check.is_some_and(|it| it.state == doctor::State::Wrong) { "bad" } else { "fair" };
    Line { colour, text: lang.pick(it.told.zh.clone(), it.told.en.clone()), hint }
}

fn over(it: &Alarm, lang: Lang) -> Line {
    let told = lang.pick(&it.told.zh, &it.told.en);
    Line { colour: "good", text: format!("{}{told}", lang.pick("已恢复：", "over: ")), hint: String::new() }
}
