//! The store, and what it knows of nights, feeds and letters; and who may see what.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::{Check, State};
use crate::config::City;
use crate::mail::{MailSettings, Post, Tls, bounce};
use crate::schedule::job::Job;
use crate::store::Store;
use crate::store::ledger::{Entry, Outcome};
use crate::store::outbox::Unsent;
use crate::table::month_end;
use crate::words::Lang;

/// A feed that is left out for more nights leaves its rules blind for too long.
const LEFT_OUT_NIGHTS_MAX: u64 = 3;

/// Letters go out within minutes of their night.
const LETTERS_WAIT_HOURS: i64 = 24;

/// How long the mail server may take to greet.
const GREETING: Duration = Duration::from_secs(10);

/// Whether it opens and holds together.
pub async fn store(city: &City, store: &Result<Option<Store>, String>) -> Vec<Check> {
    let place = city.store().map_or_else(|why| why, |it| it.shown());
    let store = match store {
        Ok(Some(it)) => it,
        Ok(None) => {
            let check = Check::doubtful(format!("{place} 还不存在"), format!("{place} is not there yet"));
            return vec![check.mend("第一夜会建立：muster run", "the first night makes it: muster run")];
        }
        Err(why) => {
            let check = Check::quoted(State::Wrong, ("存储打不开", "the store does not open"), why);
            return vec![check.mend(
                "见 [store] url；文件损坏则 muster store restore",
                "see [store] url; where a file is damaged, muster store restore",
            )];
        }
    };
    let mut checks = Vec::new();
    match store.check_quickly().await {
        Ok(it) if it.wrong.is_empty() => checks.push(Check::fine(format!("{place} 完好"), format!("{place} is whole"))),
        Ok(it) => checks.extend(it.wrong.into_iter().map(|said| {
            let check = Check { state: State::Wrong, told: said, hint: None, alarm: None };
            check.mend("muster store check；停止运行，并从备份恢复", "muster store check; stop the nights, and restore a backup")
        })),
        Err(err) => checks.push(Check::quoted(State::Wrong, ("存储无法读取", "the store cannot be read"), &err.to_string())),
    }
    checks
}

/// The newest night against the schedule and the clock.
pub async fn nights(city: &City, store: &Store, nights: &[NaiveDate], now: DateTime<Utc>) -> Vec<Check> {
    let wall = &city.schedule.night;
    let today = now.with_timezone(&wall.zone()).date_naive();
    let mut checks = Vec::new();
    let unread =
        |err: crate::store::StoreError| Check::quoted(State::Wrong, ("运行记录无法读取", "the ledger cannot be read"), &err.to_string());
    match store.schedule_standing().await {
        Ok(standing) => {
            if let Some((by, why)) = standing.paused {
                let check = Check::doubtful(format!("{by} 已暂停自动对账：{why}"), format!("{by} has paused the nights: {why}"));
                checks.push(check.mend("muster resume", "muster resume"));
            }
        }
        Err(err) => checks.push(unread(err)),
    }
    match store.ledger(Job::Night, 1).await {
        Ok(ledger) => checks.extend(ledger.first().and_then(went_wrong)),
        Err(err) => checks.push(unread(err)),
    }
    let Some(newest) = nights.last().copied() else {
        checks.push(
            Check::doubtful("还没有任何一夜", "there is no night yet").mend("muster run，再 muster serve", "muster run, then muster serve"),
        );
        return checks;
    };
    if newest > today {
        let zh = format!("最近一夜是 {newest}，而今天是 {today}：时钟曾拨快，此前的日期都将被拒绝");
        let en = format!("the newest night is {newest}, and today is {today}: the clock was ahead, and every night up to then is refused");
        checks.push(
            Check::wrong(zh, en)
                .mend("校准时钟（NTP）；从该夜之前的备份恢复", "set the clock right (NTP); restore a backup of before that night")
                .alarm("clock", newest),
        );
        return checks;
    }
    // A night that is due now may work until its deadline.
    let until = now - TimeDelta::minutes(i64::from(city.schedule.grace_minutes) + i64::from(city.schedule.deadline_minutes));
    let by = city.mail.as_ref().and_then(|it| it.night_by).and_then(|it| last_at(it, wall.zone(), now));
    let until = by.map_or(until, |it| it.max(until));
    let due = wall.between(newest.and_time(NaiveTime::MIN).and_utc(), until);
    let lacking = due.iter().filter(|it| it.night() > newest).count();
    let next = wall.next(now).map_or_else(|| "–".to_owned(), |it| it.name().replace('T', " "));
    checks.push(if lacking == 0 {
        Check::fine(format!("最近一夜 {newest}；下一夜 {next}"), format!("newest night {newest}; the next is due {next}"))
    } else {
        let (zh, en) = (
            format!("最近一夜是 {newest}，其后有 {lacking} 夜到时而未完成"),
            format!("the newest night is {newest}; {lacking} were due since and are not kept"),
        );
        Check::wrong(zh, en)
            .mend("systemctl status muster；muster history；补跑：muster run", "systemctl status muster; muster history; then muster run")
            .alarm("night", newest)
    });
    checks
}

/// The newest instant up to `now` at which clocks at the place showed `time`.
pub(super) fn last_at(time: NaiveTime, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let today = now.with_timezone(&zone).date_naive();
    let at = |day: NaiveDate| Some(day.and_time(time).and_local_timezone(zone).earliest()?.to_utc());
    [Some(today), today.pred_opt()].into_iter().flatten().filter_map(at).find(|it| *it <= now)
}

fn went_wrong(newest: &Entry) -> Option<Check> {
    let word = match newest.outcome {
        Outcome::Failed => ("失败", "failed"),
        Outcome::Missed => ("错过", "was missed"),
        Outcome::Running | Outcome::Done | Outcome::Skipped => return None,
    };
    let (slot, why) = (newest.slot.replace('T', " "), newest.why.as_deref().unwrap_or_default());
    let check = Check::wrong(format!("{slot} 的对账{}：{why}", word.0), format!("the night of {slot} {}: {why}", word.1));
    Some(check.mend("muster history；改正后 muster run", "muster history; mend it, then muster run"))
}

/// Feeds that were left out, or are held, for too long.
pub async fn feeds(store: &Store) -> Vec<Check> {
    let feeds = match store.nights_left_out().await {
        Ok(it) => it,
        Err(err) => return vec![Check::quoted(State::Wrong, ("无法读取", "they cannot be read"), &err.to_string())],
    };
    let used = feeds.iter().filter(|(_, nights)| *nights == 0).count();
    let mut checks = Vec::new();
    if used > 0 {
        checks.push(Check::fine(format!("{used} 个数据源已采用"), format!("{used} feeds were used")));
    }
    for (feed, nights) in feeds.iter().filter(|(_, nights)| *nights > 0) {
        let state = if *nights > LEFT_OUT_NIGHTS_MAX { State::Wrong } else { State::Doubtful };
        let check = Check::of(state, format!("{feed} 已连续 {nights} 夜未采用"), format!("{feed} was left out for {nights} nights on end"));
        checks
            .push(check.mend("muster feed list 看原因；muster connect 试连接", "muster feed list says why; muster connect tries the way"));
    }
    checks
}

/// Feeds whose newest delivery that was used ends longer ago than the department's `late_days`.
pub async fn late(city: &City, store: &Store, now: DateTime<Utc>) -> Vec<Check> {
    let today = now.with_timezone(&city.schedule.night.zone()).date_naive();
    if city.departments.iter().all(|it| it.file.late_days.is_empty()) {
        return Vec::new();
    }
    let tomorrow = today.succ_opt().unwrap_or(today);
    let before = match store.feeds_before(tomorrow).await {
        Ok(it) => it,
        Err(err) => {
            return vec![Check::quoted(
                State::Wrong,
                ("数据源的送达情况无法读取", "what feeds delivered cannot be read"),
                &err.to_string(),
            )];
        }
    };
    let mut checks = Vec::new();
    for department in &city.departments {
        for feed in &department.mapping.feeds {
            let limits = &department.file.late_days;
            let Some(days) = limits.get(&feed.name).or_else(|| limits.get("*")) else { continue };
            let name = format!("{}/{}", department.file.name, feed.name);
            // Before the first night nothing is late.
            let Some(known) = before.get(&name) else { continue };
            let until = known.tallies.first().and_then(|it| it.last_month).and_then(month_end).or(known.night);
            let Some(until) = until.filter(|it| (today - *it).num_days() > i64::from(*days)) else { continue };
            let check = Check::doubtful(
                format!("{name} 逾期：最近采用的数据只到 {until}，已超过 {days} 天"),
                format!("{name} is late: what was used last ends on {until}, more than {days} days ago"),
            );
            checks.push(
                check
                    .mend(
                        format!("请 {} 送达；muster connect {} 试连接", department.file.title.zh, department.file.name),
                        format!("ask {} for it; muster connect {} tries the way", department.file.title.en, department.file.name),
                    )
                    .alarm(format!("feed {name}"), until),
            );
        }
    }
    checks
}

/// Letters that do not go out, and whether the mail server answers.
pub async fn mail(city: &City, store: &Store, now: DateTime<Utc>, offline: bool) -> Vec<Check> {
    let mut checks = Vec::new();
    let since = (now - TimeDelta::hours(LETTERS_WAIT_HOURS)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let instant = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    match store.letters_unsent(&since, &instant).await {
        Ok(Unsent { waiting, parked, refused, oldest }) => {
            if parked > 0 {
                let check = Check::wrong(
                    format!("{parked} 封信已放弃发送，其中 {refused} 封被邮件服务器拒收"),
                    format!("{parked} letters were given up; the mail server refuses {refused} of them"),
                );
                checks.push(check.mend(
                    "muster mail outbox 看原因；改正后 muster mail retry",
                    "muster mail outbox says why; mend it, then muster mail retry",
                ));
            }
            if waiting > 0 {
                let oldest = oldest.and_then(|it| DateTime::parse_from_rfc3339(&it).ok());
                let oldest =
                    oldest.map(|it| it.with_timezone(&city.schedule.night.zone()).format("%F %H:%M").to_string()).unwrap_or_default();
                let check = Check::doubtful(
                    format!("{waiting} 封信等待超过 {LETTERS_WAIT_HOURS} 小时，最早的自 {oldest} 起"),
                    format!("{waiting} letters wait for more than {LETTERS_WAIT_HOURS} hours, the oldest since {oldest}"),
                );
                checks.push(check.mend("muster mail outbox；muster mail send", "muster mail outbox; muster mail send"));
            }
        }
        Err(err) => checks.push(Check::quoted(State::Wrong, ("发件箱无法读取", "the outbox cannot be read"), &err.to_string())),
    }
    match bounce::standing(city, store, now.date_naive()).await {
        Ok(bounced) => checks.extend(bounced.iter().map(|it| {
            let check = Check::wrong(bounce::line(it, Lang::Zh), bounce::line(it, Lang::En));
            check.mend("muster mail outbox --state bounced", "muster mail outbox --state bounced")
        })),
        Err(err) => checks.push(Check::quoted(State::Wrong, ("退信无法读取", "bounces cannot be read"), &err.to_string())),
    }
    let Some(settings) = &city.mail else {
        checks.push(Check::fine("未设 [mail]，不发信", "no [mail]: no letters are sent"));
        return checks;
    };
    if let Err(why) = Post::new(settings) {
        checks.push(
            Check::quoted(State::Wrong, ("邮件设置不可用", "the settings of mail cannot be used"), &why)
                .mend("见 muster.toml [mail]", "see [mail] in muster.toml"),
        );
    }
    if let Some(Err(why)) = settings.file.bounces.as_ref().map(|it| bounce::is_maildir(&settings.root.join(&it.maildir))) {
        let check = Check::quoted(State::Wrong, ("退信目录无法读取", "the folder of bounces cannot be read"), &why.to_string());
        checks.push(check.mend(
            "[mail] bounces 的 maildir 须是含 new、cur 的 Maildir，且本账号可写",
            "`maildir` of [mail] bounces is a Maildir with new and cur, and this account may write to it",
        ));
    }
    if !offline {
        checks.push(server(settings).await);
    }
    if checks.is_empty() {
        checks.push(Check::fine("无滞留信件", "no letter is stuck"));
    }
    checks
}

/// A connection and, where the server speaks first in clear, its greeting. Nothing is said to it.
async fn server(settings: &MailSettings) -> Check {
    let (host, port) = (settings.file.host.as_str(), settings.port);
    let greeted = tokio::time::timeout(GREETING, async {
        let mut stream = TcpStream::connect((host, port)).await.map_err(|err| err.to_string())?;
        if settings.file.tls == Tls::Tls {
            return Ok(());
        }
        let mut said = [0; 3];
        stream.read_exact(&mut said).await.map_err(|err| err.to_string())?;
        if &said == b"220" { Ok(()) } else { Err(format!("it says {} instead of 220", String::from_utf8_lossy(&said))) }
    });
    match greeted.await.unwrap_or_else(|_| Err(format!("no answer within {} s", GREETING.as_secs()))) {
        Ok(()) => Check::fine(format!("邮件服务器 {host}:{port} 应答"), format!("the mail server {host}:{port} answers")),
        Err(why) => {
            let (zh, en) = (format!("邮件服务器 {host}:{port} 不应答"), format!("the mail server {host}:{port} does not answer"));
            Check::quoted(State::Wrong, (&zh, &en), &why).mend(
                "检查 [mail] host、port 与防火墙；再 muster mail test",
                "see [mail] host and port, and the firewall; then muster mail test",
            )
        }
    }
}

/// Whether the units that people may see are on the newest night's register. Departments are looked at where people.toml is read.
pub fn people(city: &City, newest: Option<NaiveDate>) -> Vec<Check> {
    if city.people.is_empty() {
        let check = Check::doubtful("没有 people.toml：有终端者可见全部案件", "no people.toml: whoever has the terminal sees every case");
        return vec![check.mend("写一份，见 docs/config.md", "write one, see docs/config.md")];
    }
    let Some(night) = newest.and_then(|night| city.archive().ok()?.told(night).ok()?) else { return Vec::new() };
    let known: BTreeSet<&str> = night.units.values().map(|it| it.code.as_str()).collect();
    let mut checks = Vec::new();
    for person in &city.people {
        let lacking: Vec<&str> = person.units.iter().map(String::as_str).filter(|it| !known.contains(it)).collect();
        if !lacking.is_empty() {
            let (id, list) = (&person.id, lacking.join(", "));
            let check =
                Check::wrong(format!("{id} 的单位不在机构名录中：{list}"), format!("units of {id} that are not on the register: {list}"));
            checks.push(check.mend("改正 people.toml 中的 units", "mend `units` in people.toml"));
        }
    }
    if checks.is_empty() {
        checks.push(Check::fine(
            format!("{} 人，部门和单位均存在", city.people.len()),
            format!("{} people, whose departments and units are there", city.people.len()),
        ));
    }
    checks
}
