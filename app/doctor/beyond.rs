//! What lies outside: secrets, certificates, and the departments' systems.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, NaiveDate, Utc};
use futures::future::join_all;
use muster_connectors::{Secret, StepState, not_after};
use serde::Deserialize as _;
use toml::Value;

use super::{Check, State, place};
use crate::config::{City, Department};
use crate::connect;

/// Somebody must renew a certificate within these days.
const EXPIRES_DAYS: i64 = 30;

/// Every secret that the configuration names, and every certificate.
pub fn secrets(city: &City, now: DateTime<Utc>) -> Vec<Check> {
    let (mut named, mut certificates) = (Vec::new(), BTreeSet::<PathBuf>::new());
    for department in &city.departments {
        for (source, table) in &department.file.source {
            let whose = format!("{} · {source}", department.file.name);
            walk(table, &mut |key, value| {
                if let Some(secret) = secret_in(value) {
                    named.push((format!("{whose} · {key}"), secret));
                } else if let (true, Some(path)) = (is_authority(key), value.as_str()) {
                    certificates.insert(city.root.join(path));
                }
            });
        }
    }
    named.extend(city.settings.store.url.clone().map(|it| ("[store] url".to_owned(), it)));
    if let Some(mail) = &city.mail {
        named.extend(mail.file.password.clone().map(|it| ("[mail] password".to_owned(), it)));
        certificates.extend(mail.file.ca.iter().map(|it| mail.root.join(it)));
    }
    certificates.extend(city.people.iter().filter_map(|it| it.smime.as_ref()).map(|it| city.root.join(it)));
    let mut checks: Vec<Check> = named.iter().filter_map(|(whose, secret)| kept(city, whose, secret)).collect();
    if checks.is_empty() && !named.is_empty() {
        checks.push(Check::fine(format!("{} 个口令均可取得", named.len()), format!("{} secrets are there", named.len())));
    }
    checks.extend(certificates.iter().map(|it| expires(it, now)));
    checks.extend(passwords(city).into_iter().filter_map(|(whose, day)| ends(&whose, day, now)));
    checks.extend(city.mail.iter().flat_map(|it| it.certificates.all()).filter(|it| !it.2.is_for(it.1)).map(|(person, _, certificate)| {
        let shown = certificate.path.display();
        let zh = format!("{person} 的邮箱不在证书 {shown} 中：信照常加密，但请核对是不是本人的证书");
        let en =
            format!("the mail address of {person} is not in the certificate {shown}: letters are encrypted for it; see that it is theirs");
        Check::doubtful(zh, en)
    }));
    checks
}

/// The passwords of which somebody wrote down when they end, and that day.
fn passwords(city: &City) -> Vec<(String, NaiveDate)> {
    let sources = city.departments.iter().flat_map(|it| it.file.source.iter().map(move |(name, table)| (it, name, table)));
    let day = |(department, name, table): (&Department, &String, &toml::Table)| {
        Some((format!("{} · {name}", department.file.name), day_in(table.get("expires")?)?))
    };
    let mail = city.mail.as_ref().and_then(|it| Some(("[mail] password".to_owned(), it.file.expires?)));
    sources.filter_map(day).chain(mail).collect()
}

/// A day as a source's `expires` has it: a text, or TOML's own date.
pub fn day_in(value: &Value) -> Option<NaiveDate> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Datetime(it) => it.to_string().parse().ok(),
        _ => None,
    }
}

/// Whether a password ends soon; null while it does not.
pub(super) fn ends(whose: &str, day: NaiveDate, now: DateTime<Utc>) -> Option<Check> {
    let days = (day - now.date_naive()).num_days();
    let check = match days {
        EXPIRES_DAYS.. => return None,
        1.. => Check::doubtful(
            format!("{whose} 的口令将于 {day} 到期，还有 {days} 天"),
            format!("the password of {whose} ends on {day}, in {days} days"),
        ),
        _ => Check::wrong(format!("{whose} 的口令已于 {day} 到期"), format!("the password of {whose} ended on {day}")),
    };
    let mended = check.mend("更换口令，并改正配置中的 expires", "change it, and `expires` in the configuration with it");
    Some(mended.alarm(format!("password {whose}"), day))
}

/// Calls `look` with every key and value of a source's settings, also in tables within.
fn walk(table: &toml::Table, look: &mut impl FnMut(&str, &Value)) {
    for (key, value) in table {
        look(key, value);
        if let Value::Table(inner) = value {
            walk(inner, look);
        }
    }
}

/// `{ env = "…" }`, `{ file = "…" }` or `{ credential = "…" }`.
fn secret_in(value: &Value) -> Option<Secret> {
    let table = value.as_table().filter(|it| it.len() == 1)?;
    Secret::deserialize(Value::Table(table.clone())).ok()
}

fn is_authority(key: &str) -> bool {
    matches!(key, "ca" | "client_certificate")
}

/// What is wrong with a secret; null when nothing is.
fn kept(city: &City, whose: &str, secret: &Secret) -> Option<Check> {
    if let Err(why) = secret.fetch(&city.root) {
        let (zh, en) = (format!("{whose} 的口令取不到"), format!("the secret of {whose} cannot be fetched"));
        return Some(Check::quoted(State::Wrong, (&zh, &en), &why).mend("放到配置所指之处", "put it where the configuration says"));
    }
    let Secret::File(path) = secret else { return None };
    let path = city.root.join(path);
    let mode = place::mode(&path).filter(|it| it & 0o077 != 0)?;
    let shown = path.display();
    let check = Check::doubtful(
        format!("口令文件 {shown} 他人可读（{mode:03o}）"),
        format!("others than its owner can read the secret file {shown} ({mode:03o})"),
    );
    Some(check.mend(format!("chmod 600 {shown}"), format!("chmod 600 {shown}")))
}

/// When the first of the certificates in a PEM text to end does so; null when one of them cannot be read, or there is none.
fn first_end(pem: &str) -> Option<DateTime<Utc>> {
    let mut first: Option<DateTime<Utc>> = None;
    for part in pem.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let body: String = part.split("-----END").next()?.split_whitespace().collect();
        let end = not_after(&BASE64.decode(body).ok()?)?;
        first = Some(first.map_or(end, |it| it.min(end)));
    }
    first
}

pub(super) fn expires(path: &Path, now: DateTime<Utc>) -> Check {
    let shown = path.display();
    let read = std::fs::read_to_string(path).map_err(|err| err.to_string());
    let ends = match read.and_then(|it| first_end(&it).ok_or_else(|| "no certificate in PEM".to_owned())) {
        Ok(it) => it,
        Err(why) => {
            let check =
                Check::quoted(State::Wrong, (&format!("证书 {shown} 无法读取"), &format!("the certificate {shown} cannot be read")), &why);
            return check.mend("见该数据源的 ca 设置", "see `ca` of the source").alarm(format!("certificate {shown}"), "");
        }
    };
    let (day, days) = (ends.date_naive(), (ends - now).num_days());
    let state = match days {
        _ if ends <= now => State::Wrong,
        it if it < EXPIRES_DAYS => State::Doubtful,
        _ => return Check::fine(format!("证书 {shown} 有效至 {day}"), format!("the certificate {shown} holds until {day}")),
    };
    let (zh, en) = if state == State::Wrong {
        (format!("证书 {shown} 已于 {day} 到期"), format!("the certificate {shown} expired on {day}"))
    } else {
        (format!("证书 {shown} 将于 {day} 到期，还有 {days} 天"), format!("the certificate {shown} expires on {day}, in {days} days"))
    };
    Check::of(state, zh, en).mend("向对方索取新的证书文件", "ask its owner for the new one").alarm(format!("certificate {shown}"), day)
}

/// Tries every source of every department, side by side.
pub async fn sources(city: &City) -> Vec<Check> {
    let all = city.departments.iter().flat_map(|it| it.sources.keys().map(move |source| (it, source)));
    let tried = all.map(|(department, source)| async move {
        let name = format!("{}/{source}", department.file.name);
        let steps = connect::steps(department, source).await;
        let at = |state: StepState| steps.iter().find(|it| it.state == state);
        let (step, state) = match (at(StepState::Failed), at(StepState::Doubtful)) {
            (Some(step), _) => (step, State::Wrong),
            (None, Some(step)) => (step, State::Doubtful),
            (None, None) => return Check::fine(format!("{name} 可以取数"), format!("{name} is ready")),
        };
        let (zh, en) = step.hint.as_ref().map_or_else(Default::default, |it| (format!("{}；", it.zh), format!("{}; ", it.en)));
        let department = &department.file.name;
        Check::of(state, format!("{name}：{}", step.told.zh), format!("{name}: {}", step.told.en))
            .mend(format!("{zh}muster connect {department}"), format!("{en}muster connect {department}"))
    });
    join_all(tried).await
}
