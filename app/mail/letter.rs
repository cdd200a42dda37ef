//! The letters of a night: to whom, of which kind, with what in them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use muster_core::case::{Case, CaseEvent, What};
use muster_core::finding::{Family, Severity};
use muster_core::report::total::{Balance, gravest};
use muster_core::report::{self, Lang};
use serde::Serialize;

use super::about::{About, BalanceTold, CaseTold, Counted, FeedTold, Line, MonthTold, TableTold, UnitTold};
use super::kind::{Kind, Rhythm};
use super::period;
use super::reader::{Reader, concerned, readers, share};
use super::settings::{Attach, MailSettings};
use crate::config::City;
use crate::digest::{FeedState, Trust, covers, table_label, why_left_out};
use crate::night::{FeedNight, Night};
use crate::store::history::{Due, Happened, History};
use crate::store::{Store, StoreError};
use crate::words::{count, one_line};

/// Cases that a letter lists; the others are in the report.
const LISTED_MAX: usize = 20;

/// How long before it is due a nightly letter tells of a next step.
const SOON_DAYS: u64 = 7;

/// Units that a letter lists.
const UNITS_MAX: usize = 15;

/// Months of the trend.
const TREND_MONTHS: u32 = 12;

/// Characters of a name in a letter: names come from other people's systems.
const NAME_MAX: usize = 60;

/// Characters of a reason in a letter.
const REASON_MAX: usize = 400;

/// What leaders read of a prompt table.
const SUMS: [&str; 9] = ["approved", "actual", "vacant", "over", "retire-3", "retire-6", "retire-12", "year-in", "year-out"];

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
    /// Whether the reader's workbook goes with it.
    pub encloses: bool,
    /// It says that there is nothing to say: it is sent only where another letter of this night said otherwise.
    #[serde(skip)]
    pub only_corrects: bool,
    /// It does not go before; null: as soon as it is queued.
    #[serde(skip)]
    pub not_before: Option<DateTime<Utc>>,
}

impl Letter {
    /// The subject of a letter that replaces one that is gone already.
    pub fn correction(&self) -> String {
        format!("{}{}", self.lang.pick("【更正】", "[corrected] "), self.subject)
    }
}

/// Which letters are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those that are due on the night.
    Due,
    /// Those of one kind, to everybody, due or not: to look at.
    Kind(Kind),
}

/// What letters of the night `tonight` need to know of the nights before. All of it is read only where a letter tells of many nights.
pub async fn history(city: &City, store: &Store, tonight: NaiveDate, wanted: Wanted) -> Result<History, StoreError> {
    let nights = store.nights_before(tonight).await?;
    let Some(mail) = &city.mail else { return Ok(History::default()) };
    let people = city.people.iter().flat_map(|it| &it.letters);
    let asked: BTreeSet<Kind> = people.chain(city.departments.iter().flat_map(|it| &it.file.letters)).copied().collect();
    let tells_of_many = |kind: Kind| match wanted {
        Wanted::Kind(only) => kind == only,
        Wanted::Due => asked.contains(&kind) && mail.rhythm(kind).is_some_and(|it| it.is_due(tonight, &nights)),
    };
    let due = store.due(tonight, &city.calendar).await?;
    if [Kind::Weekly, Kind::Monthly].into_iter().any(tells_of_many) {
        return Ok(History { due, ..store.history(tonight, &city.calendar).await? });
    }
    Ok(History { nights, due, ..History::default() })
}

/// The letters of a night: to each reader what they asked for and is due, and one to the operators when something must be mended.
pub fn letters(city: &City, night: &Night, history: &History, wanted: Wanted) -> Result<Vec<Letter>, minijinja::Error> {
    let Some(mail) = &city.mail else { return Ok(Vec::new()) };
    let words = Words { city, mail, lang: city.settings.report.lang };
    let concerned = concerned(city);
    let mut letters = Vec::new();
    for reader in readers(city, night) {
        let (cases, events) = share(night, &concerned, &reader.scope);
        let share = Share { night, reader: &reader, cases, events };
        let words = Words { lang: reader.lang, ..words };
        let due = |kind: Kind| match wanted {
            Wanted::Kind(only) => kind == only,
            Wanted::Due => reader.letters.contains(&kind) && mail.rhythm(kind).is_none_or(|it| it.is_due(night.tonight, &history.nights)),
        };
        if due(Kind::Urgent) {
            letters.push(words.urgent(&share, &history.due)?);
        }
        if due(Kind::Nightly) {
            letters.push(words.nightly(&share, &history.due)?);
        }
        if due(Kind::Weekly) {
            letters.push(words.weekly(&share, &Past::of(history, night, &reader, &concerned, Rhythm::Weekly(mail.file.weekly)))?);
        }
        if due(Kind::Monthly) {
            letters.push(words.monthly(&share, &Past::of(history, night, &reader, &concerned, Rhythm::Monthly(mail.file.monthly)))?);
        }
    }
    if matches!(wanted, Wanted::Due | Wanted::Kind(Kind::Failures)) {
        letters.extend(words.left_out(night)?);
    }
    for it in &mut letters {
        it.not_before = city.schedule.mail.until(it.kind, night.tonight, &city.schedule.night);
    }
    // What is urgent goes first.
    letters.sort_by_key(|it| it.kind != Kind::Urgent);
    Ok(letters)
}

/// The letters about a night that could not be kept. `why` is what the command tells.
pub fn failed_night(city: &City, tonight: NaiveDate, why: &[String]) -> Result<Vec<Letter>, minijinja::Error> {
    let Some(mail) = &city.mail else { return Ok(Vec::new()) };
    let words = Words { city, mail, lang: city.settings.report.lang };
    let subject = match words.lang {
        Lang::Zh => format!("{tonight} 对账未完成，请处理"),
        Lang::En => format!("{tonight}: the night could not be finished"),
    };
    let lines = why.iter().map(|it| Line { colour: "bad", text: it.clone(), hint: String::new() }).collect();
    words.operators(Kind::Failures, Kind::Failures.word(), tonight, &subject, lines)
}

/// The letters about letters that did not arrive.
pub fn undelivered(city: &City, night: NaiveDate, subject: &str, lines: &[String]) -> Result<Vec<Letter>, minijinja::Error> {
    let Some(mail) = &city.mail else { return Ok(Vec::new()) };
    let lines = lines.iter().map(|it| Line { colour: "bad", text: it.clone(), hint: String::new() }).collect();
    Words { city, mail, lang: city.settings.report.lang }.operators(Kind::Failures, "undelivered", night, subject, lines)
}

/// The letters that tell operators of what they must mend, or that is mended, on the day `today`.
pub fn alarm(city: &City, today: NaiveDate, subject: &str, lines: Vec<Line>) -> Result<Vec<Letter>, minijinja::Error> {
    let Some(mail) = &city.mail else { return Ok(Vec::new()) };
    Words { city, mail, lang: city.settings.report.lang }.operators(Kind::Alarm, Kind::Alarm.word(), today, subject, lines)
}

/// What of a night one reader may see.
struct Share<'a> {
    night: &'a Night,
    reader: &'a Reader,
    cases: Vec<Case>,
    events: Vec<CaseEvent>,
}

impl Share<'_> {
    /// Cases that are new or back tonight, by key.
    fn came(&self) -> BTreeMap<&str, What> {
        let came = self.events.iter().filter(|it| matches!(it.what, What::Opened | What::Reopened));
        came.map(|it| (it.case.as_str(), it.what)).collect()
    }

    fn open(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(|it| it.state.is_open())
    }

    /// When the next step of a case is due; of what came back tonight it is not told yet.
    fn due(case: &Case, came: &BTreeMap<&str, What>, due: &Due) -> Option<NaiveDate> {
        match came.get(case.key.as_str()) {
            Some(What::Opened) => due.of_new,
            Some(_) => None,
            None => due.by_case.get(&case.key).copied(),
        }
    }

    /// Cases that were open before and whose next step is overdue or due within [`SOON_DAYS`], the longest first.
    fn waiting(&self, due: &Due) -> Vec<(&Case, NaiveDate)> {
        let (came, until) = (self.came(), self.night.tonight + Days::new(SOON_DAYS));
        let old = self.open().filter(|it| !came.contains_key(it.key.as_str()));
        let mut waiting: Vec<(&Case, NaiveDate)> =
            old.filter_map(|it| Some((it, *due.by_case.get(&it.key).filter(|it| **it <= until)?))).collect();
        waiting.sort_by_key(|(it, due)| (*due, gravest(it), it.number.clone()));
        waiting
    }
}

/// What became of one reader's cases up to tonight.
struct Past<'a> {
    /// The night of the letter before; null when there was none.
    since: Option<NaiveDate>,
    /// In order, tonight's too.
    events: Vec<Happened>,
    /// Keys of the reader's cases, also of those that are over.
    cases: BTreeSet<&'a str>,
    /// When the next step of a case is due, where one is. Of cases that came tonight none is told yet.
    due: BTreeMap<&'a str, NaiveDate>,
}

impl<'a> Past<'a> {
    fn of(
        history: &'a History,
        night: &'a Night,
        reader: &Reader,
        concerned: &BTreeMap<String, BTreeSet<String>>,
        rhythm: Rhythm,
    ) -> Past<'a> {
        // A case as tonight knows it counts before what was known of it.
        let tonight: BTreeMap<&str, &Case> = night.cases.iter().map(|it| (it.key.as_str(), it)).collect();
        let before = history.worked.iter().map(|it| &it.case).filter(|it| !tonight.contains_key(it.key.as_str()));
        let mine = tonight.values().copied().chain(before).filter(|it| reader.scope.sees(it, concerned));
        let told = night.events.iter().map(|it| Happened { night: night.tonight, case: it.case.clone(), what: it.what });
        let came: BTreeSet<&str> =
            night.events.iter().filter(|it| matches!(it.what, What::Opened | What::Reopened)).map(|it| it.case.as_str()).collect();
        let worked = history.worked.iter().filter(|it| !came.contains(it.case.key.as_str()));
        Past {
            since: rhythm.last(&history.nights),
            events: history.events.iter().cloned().chain(told).collect(),
            cases: mine.map(|it| it.key.as_str()).collect(),
            due: worked.filter_map(|it| Some((it.case.key.as_str(), it.standing.due?))).collect(),
        }
    }

    /// The line of counts from the letter before up to `share`'s night; what is open is counted on the cases themselves.
    fn balance(&self, share: &Share) -> Balance {
        let ends: Vec<NaiveDate> = self.since.into_iter().chain([share.night.tonight]).collect();
        let line = period::lines(&self.events, &self.cases, &ends).pop().unwrap_or_default();
        Balance { open_tonight: share.open().count() as u64, ..line }
    }

    /// What came to each case since the letter before.
    fn came(&self) -> BTreeMap<&str, What> {
        let since = self.since.unwrap_or(NaiveDate::MIN);
        let came = self.events.iter().filter(|it| it.night > since && matches!(it.what, What::Opened | What::Reopened));
        came.map(|it| (it.case.as_str(), it.what)).collect()
    }

    fn overdue<'s>(&self, share: &'s Share) -> Vec<(&'s Case, NaiveDate)> {
        let due = |it: &'s Case| Some((it, *self.due.get(it.key.as_str()).filter(|due| **due < share.night.tonight)?));
        let mut overdue: Vec<(&Case, NaiveDate)> = share.open().filter_map(due).collect();
        overdue.sort_by_key(|(it, due)| (*due, gravest(it), it.number.clone()));
        overdue
    }
}

#[derive(Clone, Copy)]
struct Words<'a> {
    city: &'a City,
    mail: &'a MailSettings,
    lang: Lang,
}

impl Words<'_> {
    fn urgent(&self, share: &Share, due: &Due) -> Result<Letter, minijinja::Error> {
        let came = share.came();
        let grave: Vec<&Case> = share.cases.iter().filter(|it| came.contains_key(it.key.as_str()) && gravest(it) == Severity::S1).collect();
        let (night, title) = (share.night.tonight, self.title(share.reader));
        let subject = match (grave.len(), self.lang) {
            (0, Lang::Zh) => format!("【紧急】{night} 重大线索已撤回（{title}）"),
            (0, Lang::En) => format!("[URGENT] {night}: no grave case after all ({title})"),
            (many, Lang::Zh) => format!("【紧急】{night} 重大线索 {many} 件（{title}）"),
            (many, Lang::En) => format!("[URGENT] {night}: {many} grave cases ({title})"),
        };
        let (cases, further) = self.listed(share.night, grave.iter().map(|it| (*it, Share::due(it, &came, due))), &came);
        let about = About { cases, further, withdrawn: grave.is_empty(), ..self.about(Kind::Urgent, share, &subject) };
        Ok(Letter { only_corrects: grave.is_empty(), ..self.letter(share.reader, Kind::Urgent, &about)? })
    }

    fn nightly(&self, share: &Share, due: &Due) -> Result<Letter, minijinja::Error> {
        let balance = Balance::of(&share.cases, &share.events);
        let told = BalanceTold::of(&balance);
        let (night, title) = (share.night.tonight, self.title(share.reader));
        let BalanceTold { opened, reopened, open_now, .. } = &told;
        let subject = match (balance.opened + balance.reopened, self.lang) {
            (0, Lang::Zh) => format!("{night} 无新增 · 未结 {open_now}（{title}）"),
            (0, Lang::En) => format!("{night}: nothing new, {open_now} open ({title})"),
            (_, Lang::Zh) => format!("{night} 新增 {opened} · 重现 {reopened} · 未结 {open_now}（{title}）"),
            (_, Lang::En) => format!("{night}: {opened} new, {reopened} back, {open_now} open ({title})"),
        };
        let came = share.came();
        let new = share.cases.iter().filter(|it| came.contains_key(it.key.as_str()));
        let (cases, further) = self.listed(share.night, new.map(|it| (it, Share::due(it, &came, due))), &came);
        let waiting = share.waiting(due);
        let overdue = waiting.iter().filter(|(_, due)| *due < night).count();
        let (late, late_further) = self.in_order(share.night, waiting.iter().map(|(it, due)| (*it, Some(*due))), &BTreeMap::new());
        let about = About {
            balance: told,
            overdue: count(overdue as u64),
            soon: count((waiting.len() - overdue) as u64),
            late,
            late_further,
            feeds: share.night.feeds.iter().map(|it| feed(it, self.lang)).collect(),
            cases,
            further,
            families: self.families(share),
            ..self.about(Kind::Nightly, share, &subject)
        };
        let quiet = share.events.iter().all(|it| it.what == What::Changed) && about.trust_colour == "good";
        Ok(Letter {
            only_corrects: quiet && !share.reader.heartbeat,
            encloses: self.mail.file.attach != Attach::Never && !share.cases.is_empty(),
            ..self.letter(share.reader, Kind::Nightly, &about)?
        })
    }

    fn weekly(&self, share: &Share, past: &Past) -> Result<Letter, minijinja::Error> {
        let balance = BalanceTold::of(&past.balance(share));
        let overdue = past.overdue(share);
        let late = count(overdue.len() as u64);
        let (night, title) = (share.night.tonight, self.title(share.reader));
        let BalanceTold { opened, reopened, open_now, .. } = &balance;
        let subject = match self.lang {
            Lang::Zh => format!("【周报】{night} 未结 {open_now} · 逾期 {late} · 新增 {opened} · 重现 {reopened}（{title}）"),
            Lang::En => format!("[weekly] {night}: {open_now} open, {late} overdue, {opened} new, {reopened} back ({title})"),
        };
        let came = past.came();
        let new = share.open().filter(|it| came.contains_key(it.key.as_str()));
        let (cases, further) = self.listed(share.night, new.map(|it| (it, past.due.get(it.key.as_str()).copied())), &came);
        let (late_cases, late_further) = self.in_order(share.night, overdue.iter().map(|(it, due)| (*it, Some(*due))), &BTreeMap::new());
        let about = About {
            since: past.since.map(|it| it.to_string()).unwrap_or_default(),
            balance,
            overdue: late,
            cases,
            further,
            late: late_cases,
            late_further,
            units: units(share, &overdue, &came),
            families: self.families(share),
            feeds: share.night.feeds.iter().filter(|it| !it.left_out.is_empty()).map(|it| feed(it, self.lang)).collect(),
            ..self.about(Kind::Weekly, share, &subject)
        };
        let encloses = self.mail.file.attach != Attach::Never && !share.cases.is_empty();
        Ok(Letter { encloses, ..self.letter(share.reader, Kind::Weekly, &about)? })
    }

    /// Figures alone: no case is named.
    fn monthly(&self, share: &Share, past: &Past) -> Result<Letter, minijinja::Error> {
        let balance = BalanceTold::of(&past.balance(share));
        let late = count(past.overdue(share).len() as u64);
        let (night, title) = (share.night.tonight, self.title(share.reader));
        let (open, opened) = (&balance.open_now, &balance.opened);
        let subject = match self.lang {
            Lang::Zh => format!("【月报】{night} 未结 {open} · 逾期 {late} · 本期新增 {opened}（{title}）"),
            Lang::En => format!("[monthly] {night}: {open} open, {late} overdue, {opened} new ({title})"),
        };
        let about = About {
            since: past.since.map(|it| it.to_string()).unwrap_or_default(),
            balance,
            overdue: late,
            families: self.families(share),
            categories: self.categories(share),
            tables: self.tables(share),
            trend: trend(past, share.night.tonight),
            feeds: share.night.feeds.iter().filter(|it| !it.left_out.is_empty()).map(|it| feed(it, self.lang)).collect(),
            ..self.about(Kind::Monthly, share, &subject)
        };
        // The leaders' workbook is of the whole city.
        let encloses = self.mail.file.attach != Attach::Never && share.reader.scope.is_whole();
        Ok(Letter { encloses, ..self.letter(share.reader, Kind::Monthly, &about)? })
    }

    /// What was left out of a night or broke off, to each operator.
    fn left_out(&self, night: &Night) -> Result<Vec<Letter>, minijinja::Error> {
        let lang = self.lang;
        let line = |text: String| Line { colour: "bad", text: one_line(&text, REASON_MAX), hint: String::new() };
        let left_out: Vec<&FeedNight> = night.feeds.iter().filter(|it| !it.left_out.is_empty()).collect();
        let broken: Vec<&str> = night.rules.iter().filter(|it| it.broke_off).map(|it| it.id.as_str()).collect();
        let mut lines: Vec<Line> = left_out.iter().map(|it| line(format!("{}: {}", it.feed, why_left_out(it, lang)))).collect();
        lines.extend(broken.iter().map(|it| line(format!("{it}: {}", lang.pick("规则执行中断", "the rule broke off")))));
        let (tonight, feeds, rules) = (night.tonight, left_out.len(), broken.len());
        let nothing = lines.is_empty();
        let subject = match lang {
            Lang::Zh if nothing => format!("{tonight} 数据源已全部采用，无需处理"),
            Lang::En if nothing => format!("{tonight}: every feed is used, nothing to mend"),
            Lang::Zh => format!("{tonight} 需处理：{feeds} 个数据源未采用，{rules} 条规则中断"),
            Lang::En => format!("{tonight}: {feeds} feeds left out, {rules} rules broke off"),
        };
        let letters = self.operators(Kind::Failures, Kind::Failures.word(), tonight, &subject, lines)?;
        Ok(letters.into_iter().map(|it| Letter { only_corrects: nothing, ..it }).collect())
    }

    /// One letter to each operator.
    fn operators(
        &self,
        kind: Kind,
        template: &'static str,
        day: NaiveDate,
        subject: &str,
        lines: Vec<Line>,
    ) -> Result<Vec<Letter>, minijinja::Error> {
        let about = About {
            zh: self.lang == Lang::Zh,
            kind: template,
            city: self.city_name(),
            night: day.to_string(),
            subject: subject.to_owned(),
            lines,
            keeper: self.mail.keeper().to_string(),
            link: self.mail.file.link.clone().unwrap_or_default(),
            ..About::default()
        };
        let letter = |(place, to): (usize, &lettre::message::Mailbox)| {
            self.set(format!("operator-{}", place + 1), to.email.to_string(), kind, &about)
        };
        self.mail.operators.iter().enumerate().map(letter).collect()
    }

    /// What every letter to a reader begins with.
    fn about(&self, kind: Kind, share: &Share, subject: &str) -> About {
        let trust = Trust::of(share.night);
        About {
            zh: self.lang == Lang::Zh,
            kind: kind.word(),
            city: self.city_name(),
            reader: self.title(share.reader),
            night: share.night.tonight.to_string(),
            subject: subject.to_owned(),
            trust: trust.sentence(self.lang),
            trust_colour: trust.colour(),
            link: self.mail.file.link.clone().unwrap_or_default(),
            keeper: self.mail.keeper().to_string(),
            ..About::default()
        }
    }

    fn city_name(&self) -> String {
        one_line(self.lang.of(&self.city.settings.city), NAME_MAX)
    }

    fn title(&self, reader: &Reader) -> String {
        one_line(self.lang.of(&reader.title), NAME_MAX)
    }

    fn letter(&self, reader: &Reader, kind: Kind, about: &About) -> Result<Letter, minijinja::Error> {
        self.set(reader.id.clone(), reader.address.clone(), kind, about)
    }

    fn set(&self, reader: String, address: String, kind: Kind, about: &About) -> Result<Letter, minijinja::Error> {
        let (plain, html) = self.mail.templates.letter(about)?;
        let subject = format!("{}{}", self.mail.prefix(self.lang), about.subject);
        let domain = self.mail.domain().to_owned();
        Ok(Letter {
            kind,
            reader,
            address,
            domain,
            subject,
            plain,
            html,
            lang: self.lang,
            encloses: false,
            only_corrects: false,
            not_before: None,
        })
    }

    /// Cases, the gravest first; how many more there are than are listed.
    fn listed<'c>(
        &self,
        night: &Night,
        cases: impl Iterator<Item = (&'c Case, Option<NaiveDate>)>,
        came: &BTreeMap<&str, What>,
    ) -> (Vec<CaseTold>, usize) {
        let mut cases: Vec<(&Case, Option<NaiveDate>)> = cases.collect();
        cases.sort_by_key(|(it, _)| (gravest(it), it.number.clone()));
        self.in_order(night, cases.into_iter(), came)
    }

    /// Cases in their order; how many more there are than are listed.
    fn in_order<'c>(
        &self,
        night: &Night,
        cases: impl ExactSizeIterator<Item = (&'c Case, Option<NaiveDate>)>,
        came: &BTreeMap<&str, What>,
    ) -> (Vec<CaseTold>, usize) {
        let further = cases.len().saturating_sub(LISTED_MAX);
        let units = names(night);
        let titles: BTreeMap<&str, &str> = night.rules.iter().map(|it| (it.id.as_str(), self.lang.of(&it.title))).collect();
        let told = |(it, due): (&Case, Option<NaiveDate>)| {
            let units: BTreeSet<String> = units_of(it).filter_map(|code| units.get(code)).map(|it| one_line(it, NAME_MAX)).collect();
            let rules: Vec<&str> = it.findings.keys().map(|id| titles.get(id.as_str()).copied().unwrap_or(id.as_str())).collect();
            CaseTold {
                number: it.number.clone().unwrap_or_default(),
                what: match came.get(it.key.as_str()) {
                    Some(What::Reopened) => self.lang.pick("重现", "back"),
                    Some(_) => self.lang.pick("新增", "new"),
                    None => "",
                },
                colour: if gravest(it) == Severity::S1 { "bad" } else { "plain" },
                severity: format!("{:?}", gravest(it)),
                rules: one_line(&rules.join(self.lang.pick("；", "; ")), REASON_MAX),
                unit: units.into_iter().collect::<Vec<_>>().join(self.lang.pick("、", ", ")),
                due: due.map(|it| it.to_string()).unwrap_or_default(),
            }
        };
        (cases.take(LISTED_MAX).map(told).collect(), further)
    }

    fn families(&self, share: &Share) -> Vec<Counted> {
        let open = |family: Family| share.open().filter(|it| it.family == family).count() as u64;
        let told = |family: Family| {
            let (zh, en) = family.label();
            Counted { name: self.lang.pick(zh, en).to_owned(), many: count(open(family)) }
        };
        Family::ALL.into_iter().filter(|it| open(*it) > 0).map(told).collect()
    }

    /// Open cases by what official documents call what their rules find; a case may stand under several.
    fn categories(&self, share: &Share) -> Vec<Counted> {
        let lists = |case: &Case| -> BTreeSet<&str> {
            let rules = share.night.rules.iter().filter(|it| case.findings.contains_key(&it.id));
            rules.flat_map(|it| &it.categories).map(|it| self.lang.of(it)).collect()
        };
        let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
        for case in share.open() {
            lists(case).into_iter().for_each(|it| *counted.entry(it).or_default() += 1);
        }
        counted.into_iter().map(|(name, many)| Counted { name: one_line(name, REASON_MAX), many: count(many) }).collect()
    }

    /// The two prompt tables, summed over the reader's units.
    fn tables(&self, share: &Share) -> Vec<TableTold> {
        let mine = share.reader.scope.units();
        let shown = share.night.tables.iter().filter(|it| it.table != muster_core::prompt::Which::Consistency);
        let told = |it: &muster_core::prompt::Prompt| {
            let mut table = it.clone();
            table.rows.retain(|row| mine.is_none_or(|mine| mine.contains(&row.code)));
            let total = table.total();
            let measures = SUMS.iter().filter_map(|name| it.table.measures().iter().find(|it| it.name == *name));
            let sum = |it: &muster_core::prompt::Measure| Counted {
                name: self.lang.pick(it.zh, it.en).to_owned(),
                many: count(total.value(it.name)),
            };
            let (zh, en) = it.table.label();
            TableTold { title: self.lang.pick(zh, en).to_owned(), month: report::month(it.month), sums: measures.map(sum).collect() }
        };
        shown.map(told).collect()
    }
}

/// The units with most open cases.
fn units(share: &Share, overdue: &[(&Case, NaiveDate)], came: &BTreeMap<&str, What>) -> Vec<UnitTold> {
    let late: BTreeSet<&str> = overdue.iter().map(|(it, _)| it.key.as_str()).collect();
    let mine = share.reader.scope.units();
    let mut counted: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for case in share.open() {
        for code in units_of(case).filter(|it| mine.is_none_or(|mine| mine.contains(*it))) {
            let [open, overdue, new] = counted.entry(code).or_default();
            *open += 1;
            *overdue += u64::from(late.contains(case.key.as_str()));
            *new += u64::from(came.contains_key(case.key.as_str()));
        }
    }
    let names = names(share.night);
    let mut counted: Vec<(&str, [u64; 3])> = counted.into_iter().collect();
    counted.sort_by_key(|(code, [open, ..])| (std::cmp::Reverse(*open), *code));
    let told = |(code, many): (&str, [u64; 3])| {
        let [open, overdue, came] = many.map(count);
        UnitTold { name: one_line(names.get(code).copied().unwrap_or(code), NAME_MAX), open, overdue, came }
    };
    counted.into_iter().take(UNITS_MAX).map(told).collect()
}

/// The last twelve months, this one up to tonight.
fn trend(past: &Past, tonight: NaiveDate) -> Vec<MonthTold> {
    use chrono::Datelike;
    let first = tonight.with_day(1).unwrap_or(tonight);
    let end = |back: u32| (first - Months::new(back)).pred_opt().unwrap_or(first);
    // The end before the first month begins its line.
    let ends: Vec<NaiveDate> = (0..TREND_MONTHS).rev().map(end).chain([tonight]).collect();
    let lines = period::lines(&past.events, &past.cases, &ends);
    let known = past.events.first().map_or(tonight, |it| it.night);
    let highest = lines.iter().map(|it| it.open_tonight).max().unwrap_or(0).max(1);
    let told = |(end, it): (&NaiveDate, &Balance)| MonthTold {
        month: format!("{}-{:02}", end.year(), end.month()),
        came: count(it.opened + it.reopened),
        gone: count(it.cured + it.decided),
        open: count(it.open_tonight),
        share: it.open_tonight * 100 / highest,
    };
    ends.iter().zip(&lines).skip(1).filter(|(end, _)| **end >= known).map(told).collect()
}

fn names(night: &Night) -> BTreeMap<&str, &str> {
    night.units.values().map(|it| (it.code.as_str(), it.name.as_str())).collect()
}

/// Codes of the units that a case speaks of, each once.
fn units_of(case: &Case) -> impl Iterator<Item = &str> {
    case.findings.values().filter_map(|it| it.unit_code.as_deref()).collect::<BTreeSet<_>>().into_iter()
}

fn feed(it: &FeedNight, lang: Lang) -> FeedTold {
    let state = FeedState::of(it);
    FeedTold {
        name: one_line(&format!("{} · {}", lang.of(&it.department), table_label(it, lang)), NAME_MAX),
        rows: it.tally.as_ref().map_or_else(|| "–".to_owned(), |it| count(it.pulled)),
        covers: it.tally.as_ref().map(|it| covers(it, lang)).unwrap_or_default(),
        state: state.word(lang),
        colour: state.colour(),
        why: one_line(&why_left_out(it, lang), REASON_MAX),
    }
}
