//! A letter: its subject, its plain text and the same as HTML, by the templates in `config/mail/`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use muster_core::case::{Case, CaseEvent, What};
use muster_core::finding::{Family, Severity};
use muster_core::report::Lang;
use muster_core::report::total::Balance;
use serde::Serialize;

use super::reader::{Reader, concerned, readers, share};
use super::settings::MailSettings;
use crate::config::City;
use crate::digest::{FeedState, Trust, covers, table_label, why_left_out};
use crate::night::{FeedNight, Night};
use crate::words::count;

/// Cases that a letter lists; the others are in the report.
const LISTED_MAX: usize = 20;

/// What a letter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What a night brought a reviewer, also when that is nothing: silence means that something is wrong.
    Nightly,
    /// What operators must mend.
    Failures,
}

impl Kind {
    /// The word in the outbox.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Nightly => "nightly",
            Kind::Failures => "failures",
        }
    }
}

/// A letter, ready to be queued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// What it is for.
    #[serde(skip)]
    pub kind: Kind,
    /// Id of the reader.
    pub reader: String,
    /// Mail address.
    pub address: String,
    /// The part of the Message-ID behind the at sign.
    pub domain: String,
    /// Subject line.
    pub subject: String,
    /// Plain text.
    pub plain: String,
    /// HTML; nothing in it is loaded from elsewhere.
    pub html: String,
    /// Its language.
    pub lang: Lang,
}

impl Letter {
    /// The subject of a letter that replaces one that is gone already.
    pub fn correction(&self) -> String {
        format!("{}{}", self.lang.pick("【更正】", "[corrected] "), self.subject)
    }
}

/// The letters of a night: one to each reviewer, and one to the operators when something must be mended.
pub fn letters(city: &City, night: &Night) -> Result<Vec<Letter>, minijinja::Error> {
    let Some(mail) = &city.mail else { return Ok(Vec::new()) };
    let words = Words { city, mail, lang: city.settings.report.lang };
    let concerned = concerned(city);
    let mut letters = Vec::new();
    for reader in readers(city, night) {
        let (cases, events) = share(night, &concerned, &reader.scope);
        let words = Words { lang: reader.lang, ..words };
        letters.push(words.nightly(night, &reader, &cases, &events)?);
    }
    let left_out: Vec<&FeedNight> = night.feeds.iter().filter(|it| !it.left_out.is_empty()).collect();
    let broken: Vec<String> = night.rules.iter().filter(|it| it.broke_off).map(|it| it.id.clone()).collect();
    if !left_out.is_empty() || !broken.is_empty() {
        let lang = words.lang;
        let subject = match lang {
            Lang::Zh => format!("【编制核对】{} 需处理：{} 个数据源未采用，{} 条规则中断", night.tonight, left_out.len(), broken.len()),
            Lang::En => format!("[muster] {}: {} feeds left out, {} rules broke off", night.tonight, left_out.len(), broken.len()),
        };
        let mut lines: Vec<String> = left_out.iter().map(|it| format!("{}: {}", it.feed, why_left_out(it, lang))).collect();
        lines.extend(broken.iter().map(|it| format!("{it}: {}", lang.pick("规则执行中断", "the rule broke off"))));
        letters.extend(words.failures(night.tonight, &subject, &lines, "failures")?);
    }
    Ok(letters)
}

/// The letters about a night that could not be kept. `why` is what the command tells.
pub fn failed_night(city: &City, tonight: NaiveDate, why: &[String]) -> Result<Vec<Letter>, minijinja::Error> {
    let Some(mail) = &city.mail else { return Ok(Vec::new()) };
    let words = Words { city, mail, lang: city.settings.report.lang };
    let subject = match words.lang {
        Lang::Zh => format!("【编制核对】{tonight} 对账未完成，请处理"),
        Lang::En => format!("[muster] {tonight}: the night could not be finished"),
    };
    words.failures(tonight, &subject, why, "failures")
}

/// The letters about letters that did not arrive.
pub fn undelivered(city: &City, night: NaiveDate, subject: &str, lines: &[String]) -> Result<Vec<Letter>, minijinja::Error> {
    let Some(mail) = &city.mail else { return Ok(Vec::new()) };
    let words = Words { city, mail, lang: city.settings.report.lang };
    words.failures(night, subject, lines, "undelivered")
}

#[derive(Clone, Copy)]
struct Words<'a> {
    city: &'a City,
    mail: &'a MailSettings,
    lang: Lang,
}

/// One line of the table of feeds.
#[derive(Serialize)]
struct FeedTold {
    name: String,
    rows: String,
    covers: String,
    state: &'static str,
    colour: &'static str,
    why: String,
}

/// One case that is listed.
#[derive(Serialize)]
struct CaseTold {
    number: String,
    what: &'static str,
    colour: &'static str,
    severity: String,
    rules: String,
    unit: String,
}

/// Open cases of one family.
#[derive(Serialize)]
struct FamilyTold {
    name: &'static str,
    open: String,
}

impl Words<'_> {
    fn nightly(&self, night: &Night, reader: &Reader, cases: &[Case], events: &[CaseEvent]) -> Result<Letter, minijinja::Error> {
        let lang = self.lang;
        let balance = Balance::of(cases, events);
        let title = lang.of(&reader.title);
        let (new, back, open) = (count(balance.opened), count(balance.reopened), count(balance.open_tonight));
        let subject = match (balance.opened + balance.reopened, lang) {
            (0, Lang::Zh) => format!("【编制核对】{} 无新增 · 未结 {open}（{title}）", night.tonight),
            (0, Lang::En) => format!("[muster] {}: nothing new, {open} open ({title})", night.tonight),
            (_, Lang::Zh) => format!("【编制核对】{} 新增 {new} · 重现 {back} · 未结 {open}（{title}）", night.tonight),
            (_, Lang::En) => format!("[muster] {}: {new} new, {back} back, {open} open ({title})", night.tonight),
        };
        let trust = Trust::of(night);
        let feeds: Vec<FeedTold> = night.feeds.iter().map(|it| feed(it, lang)).collect();
        let (listed, further) = self.listed(night, cases, events);
        let about = context! {
            city => lang.of(&self.city.settings.city),
            department => title,
            night => night.tonight.to_string(),
            trust => trust.sentence(lang),
            trust_colour => trust.colour(),
            feeds => Serde(feeds),
            open_before => count(balance.open_before),
            opened => new,
            reopened => back,
            cured => count(balance.cured),
            decided => count(balance.decided),
            open_tonight => open,
            holds => balance.holds(),
            cases => Serde(listed),
            further => further,
            families => Serde(families(cases, lang)),
            link => self.mail.file.link.as_deref(),
            zh => lang == Lang::Zh,
        };
        self.letter(Kind::Nightly, reader.id.clone(), reader.address.clone(), subject, "nightly", &about)
    }

    /// One letter to each operator.
    fn failures(&self, tonight: NaiveDate, subject: &str, lines: &[String], template: &str) -> Result<Vec<Letter>, minijinja::Error> {
        let letter = |(place, to): (usize, &lettre::message::Mailbox)| {
            let about = context! {
                city => self.lang.of(&self.city.settings.city),
                night => tonight.to_string(),
                subject => subject,
                lines => Serde(lines),
                zh => self.lang == Lang::Zh,
            };
            self.letter(Kind::Failures, format!("operator-{}", place + 1), to.email.to_string(), subject.to_owned(), template, &about)
        };
        self.mail.operators.iter().enumerate().map(letter).collect()
    }

    fn letter(
        &self,
        kind: Kind,
        reader: String,
        address: String,
        subject: String,
        template: &str,
        about: &minijinja::Value,
    ) -> Result<Letter, minijinja::Error> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        for (name, text) in TEMPLATES {
            templates.add_template(name, text)?;
        }
        let render = |ending: &str| templates.get_template(&format!("{template}.{ending}"))?.render(about);
        let (plain, html) = (render("txt")?, render("html")?);
        let domain = self.mail.domain().to_owned();
        Ok(Letter { kind, reader, address, domain, subject, plain, html, lang: self.lang })
    }

    /// New and reopened cases, the gravest first; how many more there are.
    fn listed(&self, night: &Night, cases: &[Case], events: &[CaseEvent]) -> (Vec<CaseTold>, usize) {
        let came: BTreeMap<&str, What> =
            events.iter().filter(|it| matches!(it.what, What::Opened | What::Reopened)).map(|it| (it.case.as_str(), it.what)).collect();
        let gravest = |it: &Case| it.findings.values().map(|it| it.severity).min().unwrap_or(Severity::S4);
        let mut listed: Vec<&Case> = cases.iter().filter(|it| came.contains_key(it.key.as_str())).collect();
        listed.sort_by_key(|it| (gravest(it), it.number.clone()));
        let further = listed.len().saturating_sub(LISTED_MAX);
        let units: BTreeMap<&str, &str> = night.units.values().map(|it| (it.code.as_str(), it.name.as_str())).collect();
        let titles: BTreeMap<&str, &str> = night.rules.iter().map(|it| (it.id.as_str(), self.lang.of(&it.title))).collect();
        let told = |it: &Case| {
            let units: BTreeSet<&str> = it.findings.values().filter_map(|it| units.get(it.unit_code.as_deref()?).copied()).collect();
            let rules: Vec<&str> = it.findings.keys().map(|id| titles.get(id.as_str()).copied().unwrap_or(id.as_str())).collect();
            let again = came.get(it.key.as_str()) == Some(&What::Reopened);
            CaseTold {
                number: it.number.clone().unwrap_or_default(),
                what: if again { self.lang.pick("重现", "back") } else { self.lang.pick("新增", "new") },
                colour: if gravest(it) == Severity::S1 { "bad" } else { "plain" },
                severity: format!("{:?}", gravest(it)),
                rules: rules.join(self.lang.pick("；", "; ")),
                unit: units.into_iter().collect::<Vec<_>>().join(self.lang.pick("、", ", ")),
            }
        };
        (listed.into_iter().take(LISTED_MAX).map(told).collect(), further)
    }
}

fn feed(it: &FeedNight, lang: Lang) -> FeedTold {
    let state = FeedState::of(it);
    FeedTold {
        name: format!("{} · {}", lang.of(&it.department), table_label(it, lang)),
        rows: it.tally.as_ref().map_or_else(|| "–".to_owned(), |it| count(it.pulled)),
        covers: it.tally.as_ref().map(|it| covers(it, lang)).unwrap_or_default(),
        state: state.word(lang),
        colour: state.colour(),
        why: why_left_out(it, lang),
    }
}

fn families(cases: &[Case], lang: Lang) -> Vec<FamilyTold> {
    let open = |family: Family| cases.iter().filter(|it| it.family == family && it.state.is_open()).count();
    let told = |family: Family| {
        let (zh, en) = family.label();
        FamilyTold { name: lang.pick(zh, en), open: count(open(family) as u64) }
    };
    Family::ALL.into_iter().filter(|it| open(*it) > 0).map(told).collect()
}

/// The words of the letters: what ends in `.html` is escaped.
const TEMPLATES: [(&str, &str); 6] = [
    ("nightly.txt", include_str!("../../config/mail/nightly.txt")),
    ("nightly.html", include_str!("../../config/mail/nightly.html")),
    ("failures.txt", include_str!("../../config/mail/failures.txt")),
    ("failures.html", include_str!("../../config/mail/failures.html")),
    ("undelivered.txt", include_str!("../../config/mail/undelivered.txt")),
    ("undelivered.html", include_str!("../../config/mail/undelivered.html")),
];
