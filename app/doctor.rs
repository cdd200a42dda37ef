//! `muster doctor`: looks at the whole installation, line by line, and says how to mend what is wrong.
//!
//! | section       | where                 |
//! |---------------|-----------------------|
//! | configuration | here                  |
//! | key, data     | [`place`]             |
//! | store, nights, feeds, people, mail | [`nights`] |
//! | secrets, certificates, sources     | [`beyond`] |

pub mod beyond;
mod nights;
mod place;
#[cfg(test)]
mod tests;

use std::path::Path;

use chrono::{DateTime, Utc};
use muster_core::diag::Mistake;
use serde::Serialize;

use crate::cli::DoctorArgs;
use crate::clock;
use crate::commands::{Code, Done, Say};
use crate::config::{self, City};
use crate::mail;
use crate::night::Said;
use crate::retain;
use crate::run::Stop;
use crate::store::Store;
use crate::store::alarms::Alarm;
use crate::words::{Lang, count, wrapped};

/// Mistakes of the configuration that are told one by one.
const MISTAKES_SHOWN: usize = 12;

/// How it stands with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Fine,
    /// It works, and somebody should look.
    Doubtful,
    /// It does not work, or will not.
    Wrong,
}

impl State {
    fn mark(self) -> &'static str {
        match self {
            State::Fine => "✓",
            State::Doubtful => "!",
            State::Wrong => "✗",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// How it stands.
    pub state: State,
    /// What was met.
    pub told: Said,
    /// How to mend it.
    pub hint: Option<Said>,
    /// What operators hear of by mail while it is not fine: what it is about, and how it stands.
    #[serde(skip)]
    pub alarm: Option<(String, String)>,
}

impl Check {
    fn of(state: State, zh: impl Into<String>, en: impl Into<String>) -> Check {
        Check { state, told: Said { zh: zh.into(), en: en.into() }, hint: None, alarm: None }
    }

    fn fine(zh: impl Into<String>, en: impl Into<String>) -> Check {
        Check::of(State::Fine, zh, en)
    }

    fn doubtful(zh: impl Into<String>, en: impl Into<String>) -> Check {
        Check::of(State::Doubtful, zh, en)
    }

    fn wrong(zh: impl Into<String>, en: impl Into<String>) -> Check {
        Check::of(State::Wrong, zh, en)
    }

    /// What somebody else's system or our own error says, in its words.
    fn quoted(state: State, what: (&str, &str), why: &str) -> Check {
        Check::of(state, format!("{}：{why}", what.0), format!("{}: {why}", what.1))
    }

    fn mend(self, zh: impl Into<String>, en: impl Into<String>) -> Check {
        Check { hint: Some(Said { zh: zh.into(), en: en.into() }), ..self }
    }

    /// Operators hear of it: `about` is the same as long as it lasts, and another `mark` is told again.
    fn alarm(self, about: impl Into<String>, mark: impl std::fmt::Display) -> Check {
        Check { alarm: Some((about.into(), format!("{:?} {mark}", self.state))), ..self }
    }
}

/// Things that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// What they are called.
    pub title: Said,
    /// In the order of looking.
    pub checks: Vec<Check>,
}

impl Section {
    fn new(zh: &str, en: &str, checks: Vec<Check>) -> Section {
        Section { title: Said { zh: zh.to_owned(), en: en.to_owned() }, checks }
    }
}

/// What looking came to.
#[derive(Serialize)]
struct Told {
    fine: usize,
    doubtful: usize,
    wrong: usize,
    sections: Vec<Section>,
}

/// `muster doctor`: the exit code is 1 when something is wrong.
pub async fn doctor(args: &DoctorArgs, say: Say) -> Done {
    let sections = match config::read(&args.config.config) {
        Ok(city) if args.tell => return tell(&city, say).await,
        Ok(city) => examine(&city, clock::instant(), args.offline).await,
        Err(mistakes) => vec![Section::new("配置", "configuration", misread(&mistakes))],
    };
    let many = |state: State| sections.iter().flat_map(|it| &it.checks).filter(|it| it.state == state).count();
    let (fine, doubtful, wrong) = (many(State::Fine), many(State::Doubtful), many(State::Wrong));
    let told = Told { fine, doubtful, wrong, sections };
    say.print(&told, || text(&told, &args.config.config, say.lang));
    Ok(if wrong == 0 { Code::Fine } else { Code::Defects })
}

/// `muster doctor --tell`: what the daemon does by itself, for those who start nights otherwise.
async fn tell(city: &City, say: Say) -> Done {
    let Some(settings) = &city.mail else {
        return Err(Stop::Usage(
            say.lang.pick("没有配置发信：在 muster.toml 中加入 [mail]", "no mail is configured: add [mail] to muster.toml").to_owned(),
        ));
    };
    let store = Store::of(city).await?;
    let news = mail::alarm::look(city, &store).await?;
    let (new, over) = (news.new.len(), news.over.len());
    let delivered = mail::deliver(&store, city, settings).await?;
    say.print(&serde_json::json!({ "new": new, "over": over, "mail": delivered }), || {
        let told = say.lang.pick(format!("  需处理 {new} 项，已恢复 {over} 项\n"), format!("  {new} to mend, {over} over\n"));
        told + &mail::commands::delivered_text(&delivered, say.lang)
    });
    Ok(if delivered.all() { Code::Fine } else { Code::Defects })
}

/// Looks at everything; changes nothing.
async fn examine(city: &City, now: DateTime<Utc>, offline: bool) -> Vec<Section> {
    let store = opened(city).await;
    let nights = match &store {
        Ok(Some(store)) => store.nights().await.unwrap_or_default(),
        _ => Vec::new(),
    };
    // A store that does not open names no night: then the newest folder is the newest night.
    let newest = if store.is_ok() { nights.last().copied() } else { retain::newest_folder(&city.data()) };
    let mut sections = vec![
        Section::new("配置", "configuration", configuration(city)),
        Section::new("个人信息密钥", "key of personal data", place::key(city, newest)),
        Section::new("数据目录", "data folder", place::data(city, newest)),
        Section::new("存储", "store", nights::store(city, &store).await),
    ];
    if let Ok(Some(store)) = &store {
        sections.push(Section::new("每夜对账", "nights", nights::nights(city, store, &nights, now).await));
        sections.push(Section::new(
            "数据源取用",
            "feeds",
            nights::feeds(store).await.into_iter().chain(nights::late(city, store, now).await).collect(),
        ));
        sections.push(Section::new("邮件", "mail", nights::mail(city, store, now, offline).await));
    }
    sections.push(Section::new("人员", "people", nights::people(city, newest)));
    sections.push(Section::new("口令与证书", "secrets and certificates", beyond::secrets(city, now)));
    if !offline {
        sections.push(Section::new("数据源连接", "sources", beyond::sources(city).await));
    }
    sections.retain(|it| !it.checks.is_empty());
    sections
}

/// What operators hear of by mail, the gravest first: the same checks, without those that ask other machines or read every file.
pub async fn alarms(city: &City, store: &Store, now: DateTime<Utc>) -> Vec<(Alarm, Check)> {
    let nights = store.nights().await.unwrap_or_default();
    let mut checks = place::disk(&city.data(), nights.last().copied());
    checks.extend(nights::nights(city, store, &nights, now).await);
    checks.extend(nights::late(city, store, now).await);
    checks.extend(beyond::secrets(city, now));
    checks.retain(|it| it.state != State::Fine);
    checks.sort_by_key(|it| std::cmp::Reverse(it.state));
    let alarm = |it: Check| it.alarm.clone().map(|(key, mark)| (Alarm { key, mark, told: it.told.clone() }, it));
    checks.into_iter().filter_map(alarm).collect()
}

/// The store; null where there is none yet. Without the key it is opened sealed: much of it says nothing of persons.
async fn opened(city: &City) -> Result<Option<Store>, String> {
    let address = city.store()?;
    if !address.is_there() {
        return Ok(None);
    }
    let store = match city.vault() {
        Ok(vault) => Store::at(&address, &vault).await,
        Err(_) => Store::sealed(&address).await,
    };
    store.map(Some).map_err(|err| err.to_string())
}

fn misread(mistakes: &[Mistake]) -> Vec<Check> {
    let mut checks: Vec<Check> = mistakes
        .iter()
        .take(MISTAKES_SHOWN)
        .map(|it| Check::wrong(format!("{} {it}", it.place()), format!("{} {it}", it.place())))
        .collect();
    let more = mistakes.len().saturating_sub(MISTAKES_SHOWN);
    if more > 0 {
        checks.push(Check::wrong(format!("另有 {more} 处"), format!("{more} more")));
    }
    if let Some(last) = checks.last_mut() {
        let zh = "muster prove 逐条显示原文、位置和改法；改好后其余项目才能检查";
        *last = last.clone().mend(zh, "muster prove shows each with its line and a hint; the rest can be looked at when it reads");
    }
    checks
}

fn configuration(city: &City) -> Vec<Check> {
    let (departments, feeds) = (city.departments.len(), city.departments.iter().map(|it| it.mapping.feeds.len()).sum::<usize>());
    let rules = city.rules.len();
    let mut checks = vec![Check::fine(
        format!("{departments} 个部门、{feeds} 个数据源、{rules} 条规则，均可读取"),
        format!("{departments} departments, {feeds} feeds and {rules} rules read"),
    )];
    if let Some(folder) = &city.settings.report.folder {
        let folder = city.root.join(folder);
        let shown = folder.display();
        if city.settings.report.full_ids && city.settings.report.password.is_none() {
            let (zh, en) =
                (format!("{shown} 中的报告为明文且含完整证件号"), format!("reports in {shown} are in clear and show whole ID numbers"));
            checks.push(
                Check::doubtful(zh, en).mend(
                    "[report] 设 password，或去掉 full_ids 或 folder",
                    "set `password` in [report], or remove `full_ids` or `folder`",
                ),
            );
        }
        if let Some(mode) = place::mode(&folder).filter(|it| it & 0o007 != 0) {
            let zh = format!("报告目录 {shown} 对本机所有人可读（{mode:03o}）");
            let en = format!("everybody on this machine can read the reports in {shown} ({mode:03o})");
            checks.push(Check::doubtful(zh, en).mend(format!("chmod 750 {shown}"), format!("chmod 750 {shown}")));
        }
    }
    checks
}

fn text(told: &Told, config: &Path, lang: Lang) -> String {
    let mut out = format!("\n  {} · {}\n  {}\n", lang.pick("体检", "doctor"), config.display(), "─".repeat(72));
    let said = |it: &Said| lang.pick(&it.zh, &it.en).to_owned();
    for section in &told.sections {
        out.push_str(&format!("\n  {}\n", said(&section.title)));
        for check in &section.checks {
            wrapped(&mut out, &format!("    {} ", check.state.mark()), &said(&check.told));
            if let Some(hint) = &check.hint {
                wrapped(&mut out, "      → ", &said(hint));
            }
        }
    }
    let (fine, doubtful, wrong) = (count(told.fine as i64), count(told.doubtful as i64), count(told.wrong as i64));
    let line = match (told.wrong, told.doubtful) {
        (0, 0) => lang.pick("✓ 一切正常", "✓ all is well").to_owned(),
        (0, _) => lang.pick(format!("✓ 可以运行；{doubtful} 项请留意"), format!("✓ it works; {doubtful} to look at")),
        _ => lang.pick(format!("✗ {wrong} 项须改正，{doubtful} 项请留意"), format!("✗ {wrong} to mend, {doubtful} to look at")),
    };
    let of = lang.pick(format!("{fine} 项正常"), format!("{fine} fine"));
    out + &format!("\n  {line} · {of}\n\n")
}
