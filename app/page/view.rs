//! What the page's template reads: every text ready, every number formatted, every ID number masked.

use std::collections::BTreeMap;

use muster_core::case::{Case, State, What};
use muster_core::figures::{Line, UnitFigures};
use muster_core::finding::{Family, Finding, Subject};
use muster_core::mask;
use muster_core::prompt::{By, Measure, Prompt, Row};
use muster_core::report::total::{Balance, amount_fen, gravest};
use muster_core::report::{self, Known, Lang};
use serde::Serialize;

use crate::case;
use crate::digest::{self, FeedState, Trust};
use crate::night::{FeedNight, Night, RuleNight};
use crate::table;
use crate::words::{count, yuan};

/// A page of thousands of cases is read by nobody; the workbook has them all.
const CASES_MAX: usize = 300;
const LINES_MAX: usize = 24;
const UNITS_MAX: usize = 100;
/// Units over quota that are seen without unfolding.
const UNITS_SEEN: usize = 8;
/// Changes of one kind; the cases themselves come below.
const CHANGES_MAX: usize = 50;
/// Families of more cases than this are folded away at first.
const OPEN_MAX: usize = 40;

/// The whole page.
#[derive(Serialize)]
pub struct View {
    city: String,
    tonight: String,
    leads_only: &'static str,
    headlines: [(String, &'static str); 5],
    trust: (String, &'static str),
    feeds: Vec<FeedView>,
    figures: Vec<FigureView>,
    counts: Vec<(&'static str, String)>,
    over_units: Vec<UnitView>,
    over_units_folded: Vec<UnitView>,
    over_units_more: usize,
    tables: Vec<TableView>,
    balance: BalanceView,
    amounts: Vec<String>,
    unlisted: String,
    changes: Vec<ChangeView>,
    families: Vec<FamilyView>,
    rejects: Vec<RejectView>,
    codes: Vec<CodeView>,
    unlinked: Vec<UnlinkedView>,
    untold: Vec<(String, String)>,
    links: Vec<(String, String)>,
    rules: Vec<RuleView>,
}

/// Everything that the page says about `night`.
pub fn of(night: &Night, lang: Lang) -> View {
    let trust = Trust::of(night);
    let over: Vec<&UnitFigures> = over_units(night);
    View {
        city: lang.of(&night.city).to_owned(),
        tonight: night.tonight.to_string(),
        leads_only: lang.pick(digest::LEADS_ONLY.0, digest::LEADS_ONLY.1),
        headlines: digest::headlines(night, lang),
        trust: (trust.sentence(lang), trust.colour()),
        feeds: night.feeds.iter().map(|it| feed(it, lang)).collect(),
        figures: digest::figure_lines(&night.figures, lang).into_iter().map(|(name, line)| figure(name, line)).collect(),
        counts: digest::figure_counts(&night.figures, lang).into_iter().map(|(name, it)| (name, count(it))).collect(),
        over_units: over.iter().take(UNITS_SEEN).map(|it| unit(it)).collect(),
        over_units_folded: over.iter().take(UNITS_MAX).skip(UNITS_SEEN).map(|it| unit(it)).collect(),
        over_units_more: over.len().saturating_sub(UNITS_MAX),
        tables: night.tables.iter().map(|it| table(it, lang)).collect(),
        balance: balance(night),
        amounts: night.amounts.as_ref().map(|it| case::amount_words(it, lang)).unwrap_or_default(),
        unlisted: digest::unlisted(night, lang),
        changes: changes(night, lang),
        families: families(night, lang),
        rejects: night.feeds.iter().filter_map(|it| reject(it, lang)).collect(),
        codes: night.feeds.iter().flat_map(codes).collect(),
        unlinked: unlinked(night),
        untold: night.feeds.iter().flat_map(untold).collect(),
        links: night.link_methods.iter().map(|(it, n)| (digest::method_label(it, lang).to_owned(), count(*n))).collect(),
        rules: night.rules.iter().map(|it| rule(it, lang)).collect(),
    }
}

/// A prompt table by system; by unit it stands in the workbook and in `muster table`.
#[derive(Serialize)]
struct TableView {
    title: String,
    balance: String,
    holds: bool,
    heads: Vec<&'static str>,
    rows: Vec<(String, Vec<String>)>,
    sum: Vec<String>,
}

fn table(it: &Prompt, lang: Lang) -> TableView {
    let (zh, en) = it.table.label();
    let month = report::month(it.month);
    let measures: Vec<&Measure> = it.table.measures().iter().filter(|it| it.brief).collect();
    let number = |value: i64| if value == 0 { "·".to_owned() } else { count(value) };
    let cells = |row: &Row| measures.iter().map(|it| number(row.value(it.name))).collect::<Vec<_>>();
    let total = it.total();
    TableView {
        title: lang.pick(format!("{zh}（截至 {month} 月末，按系统）"), format!("{en}, at the end of {month}, by system")),
        balance: table::balance(it, &total, lang),
        holds: it.reconciles(),
        heads: measures.iter().map(|it| lang.pick(it.zh, it.en)).collect(),
        rows: it.by(By::System).rows.iter().map(|row| (table::row_name(row, By::System, lang), cells(row))).collect(),
        sum: cells(&total),
    }
}

#[derive(Serialize)]
struct FeedView {
    feed: String,
    department: String,
    contents: String,
    pulled: String,
    mapped: String,
    rejected: String,
    set_aside: String,
    months: String,
    state: &'static str,
    colour: &'static str,
    why: String,
}

fn feed(it: &FeedNight, lang: Lang) -> FeedView {
    let state = FeedState::of(it);
    let number = |of: fn(&muster_core::map::Tally) -> u64| it.tally.as_ref().map(|it| count(of(it))).unwrap_or_default();
    FeedView {
        feed: it.feed.clone(),
        department: lang.of(&it.department).to_owned(),
        contents: digest::table_label(it, lang),
        pulled: number(|it| it.pulled),
        mapped: number(|it| it.mapped),
        rejected: number(|it| it.rejected),
        set_aside: number(|it| it.set_aside),
        months: it.tally.as_ref().map(|it| digest::covers(it, lang)).unwrap_or_default(),
        state: state.word(lang),
        colour: state.colour(),
        why: digest::why_left_out(it, lang),
    }
}

/// Widths in thousandths: what is filled, what is approved, and what is beyond it.
#[derive(Serialize)]
struct Bar {
    approved: i64,
    filled: i64,
    over: i64,
}

fn bar(line: Line) -> Bar {
    let whole = line.approved.max(line.actual).max(1);
    let part = |it: i64| it * 1000 / whole;
    Bar { approved: part(line.approved), filled: part(line.actual.min(line.approved)), over: 1000 - part(line.approved) }
}

#[derive(Serialize)]
struct FigureView {
    name: &'static str,
    approved: String,
    actual: String,
    net: String,
    vacant: String,
    over: String,
    rate: String,
    bar: Bar,
}

fn figure(name: &'static str, line: Line) -> FigureView {
    FigureView {
        name,
        approved: count(line.approved),
        actual: count(line.actual),
        net: count(line.net()),
        vacant: count(line.vacant),
        over: count(line.over),
        rate: line.vacancy_rate().map(|it| format!("{:.1}%", it * 100.0)).unwrap_or_default(),
        bar: bar(line),
    }
}

#[derive(Serialize)]
struct UnitView {
    code: String,
    name: String,
    approved: String,
    actual: String,
    over: String,
    bar: Bar,
}

/// The most excessive first.
fn over_units(night: &Night) -> Vec<&UnitFigures> {
    let mut units: Vec<&UnitFigures> = night.figures.units.iter().filter(|it| it.both().over > 0).collect();
    units.sort_by_key(|it| (std::cmp::Reverse(it.both().over), &it.code));
    units
}

fn unit(it: &UnitFigures) -> UnitView {
    let both = it.both();
    UnitView {
        code: it.code.clone(),
        name: it.name.clone(),
        approved: count(both.approved),
        actual: count(both.actual),
        over: count(both.over),
        bar: bar(both),
    }
}

#[derive(Serialize)]
struct BalanceView {
    open_before: String,
    opened: String,
    reopened: String,
    cured: String,
    decided: String,
    open_tonight: String,
    holds: bool,
}

fn balance(night: &Night) -> BalanceView {
    let it = Balance::of(&night.cases, &night.events);
    BalanceView {
        open_before: count(it.open_before),
        opened: count(it.opened),
        reopened: count(it.reopened),
        cured: count(it.cured),
        decided: count(it.decided),
        open_tonight: count(it.open_tonight),
        holds: it.holds(),
    }
}

#[derive(Serialize)]
struct ChangeView {
    word: &'static str,
    class: &'static str,
    count: String,
    cases: Vec<(String, String)>,
    more: usize,
}

/// What was opened, reopened and cured; cases whose amounts moved are in their own place below.
fn changes(night: &Night, lang: Lang) -> Vec<ChangeView> {
    let cases: BTreeMap<&str, &Case> = night.cases.iter().map(|it| (it.key.as_str(), it)).collect();
    let kinds = [
        (What::Opened, lang.pick("新增", "new"), "new"),
        (What::Reopened, lang.pick("重现", "reopened"), "again"),
        (What::Cured, lang.pick("自动销号", "cured"), "cured"),
        (What::Decided, lang.pick("已有结论", "decided"), "cured"),
    ];
    let mut changes = Vec::new();
    for (what, word, class) in kinds {
        let mut told: Vec<&Case> =
            night.events.iter().filter(|it| it.what == what).filter_map(|it| cases.get(it.case.as_str()).copied()).collect();
        told.sort_by_key(|it| (gravest(it), number(it).to_owned()));
        if !told.is_empty() {
            let shown = told.iter().take(CHANGES_MAX).map(|it| (number(it).to_owned(), titles(it, night, lang))).collect();
            changes.push(ChangeView {
                word,
                class,
                count: count(told.len() as u64),
                cases: shown,
                more: told.len().saturating_sub(CHANGES_MAX),
            });
        }
    }
    changes
}

fn number(case: &Case) -> &str {
    case.number.as_deref().unwrap_or(&case.key)
}

fn titles(case: &Case, night: &Night, lang: Lang) -> String {
    let title = |id: &String| night.rules.iter().find(|it| it.id == *id).map_or(id.clone(), |it| lang.of(&it.title).to_owned());
    let titles: Vec<String> = case.findings.keys().map(title).collect();
    titles.join(lang.pick("；", "; "))
}

#[derive(Serialize)]
struct FamilyView {
    word: &'static str,
    name: String,
    open: bool,
    count: String,
    amount: Option<String>,
    cases: Vec<CaseView>,
    more: usize,
}

fn families(night: &Night, lang: Lang) -> Vec<FamilyView> {
    let known = digest::known(night);
    let families = Family::ALL.into_iter().map(|family| {
        let mut cases: Vec<&Case> = night.cases.iter().filter(|it| it.family == family).collect();
        cases.sort_by_key(|it| (!it.state.is_open(), gravest(it), std::cmp::Reverse(amount_fen(it)), number(it).to_owned()));
        let sum_fen: i64 = cases.iter().filter(|it| it.state.is_open()).filter_map(|it| amount_fen(it)).sum();
        FamilyView {
            word: family.word(),
            name: digest::leads_of(family, lang),
            open: cases.len() <= OPEN_MAX,
            count: count(cases.len() as u64),
            amount: (sum_fen > 0).then(|| yuan(sum_fen)),
            more: cases.len().saturating_sub(CASES_MAX),
            cases: cases.into_iter().take(CASES_MAX).map(|it| case(it, &known, night, lang)).collect(),
        }
    });
    families.filter(|it| !it.cases.is_empty()).collect()
}

#[derive(Serialize)]
struct CaseView {
    number: String,
    severity: String,
    state: String,
    class: &'static str,
    who: Option<String>,
    id_number: Option<String>,
    unit: Option<String>,
    titles: String,
    amount: Option<String>,
    opened_on: String,
    first: String,
    findings: Vec<FindingView>,
}

#[derive(Serialize)]
struct FindingView {
    rule: String,
    title: String,
    months: String,
    amount: Option<String>,
    confidence: String,
    lines: Vec<String>,
    more: usize,
    settings: String,
    places: String,
}

fn case(it: &Case, known: &Known, night: &Night, lang: Lang) -> CaseView {
    let person = match &it.subject {
        Subject::Person { key, .. } => known.people.get(key.as_str()).copied(),
        Subject::Unit { .. } => None,
    };
    let unit = it.findings.values().find_map(|finding| report::unit_code(it, finding));
    let grave = it.findings.values().min_by_key(|it| it.severity);
    CaseView {
        number: number(it).to_owned(),
        severity: format!("{:?}", gravest(it)),
        state: grave.map(|finding| report::state(it, finding, known, night.tonight, lang)).unwrap_or_default(),
        class: class(it, night),
        who: person.and_then(|it| it.0).map(str::to_owned),
        id_number: person.and_then(|it| it.1).map(mask::id_number),
        unit: unit.map(|it| known.units.get(it).copied().unwrap_or(it).to_owned()),
        titles: titles(it, night, lang),
        amount: amount_fen(it).map(yuan),
        opened_on: it.opened_on.to_string(),
        first: grave.and_then(|it| it.lines.last()).map(|it| lang.pick(&it.zh, &it.en).clone()).unwrap_or_default(),
        findings: it.findings.values().map(|it| finding(it, known, lang)).collect(),
    }
}

fn class(case: &Case, night: &Night) -> &'static str {
    match case.state {
        State::Cured => "cured",
        State::Reopened => "again",
        State::Open if case.opened_on == night.tonight => "new",
        State::Open => "open",
        State::Settled(_) => "cured",
    }
}

fn finding(it: &Finding, known: &Known, lang: Lang) -> FindingView {
    FindingView {
        rule: it.rule.clone(),
        title: known.titles.get(it.rule.as_str()).map(|it| lang.of(it).to_owned()).unwrap_or_default(),
        months: report::months(&it.months, lang),
        amount: it.amount_fen.map(yuan),
        confidence: format!("{:.0}%", it.confidence * 100.0),
        lines: it.lines.iter().take(LINES_MAX).map(|it| lang.pick(&it.zh, &it.en).clone()).collect(),
        more: it.lines.len().saturating_sub(LINES_MAX),
        settings: report::settings(it),
        places: report::places(&it.lines, lang),
    }
}

#[derive(Serialize)]
struct RejectView {
    feed: String,
    department: String,
    rejected: String,
    share: String,
}

fn reject(it: &FeedNight, lang: Lang) -> Option<RejectView> {
    let tally = it.tally.as_ref().filter(|it| it.rejected > 0)?;
    Some(RejectView {
        feed: it.feed.clone(),
        department: lang.of(&it.department).to_owned(),
        rejected: count(tally.rejected),
        share: format!("{:.2}%", 100.0 * tally.rejected as f64 / tally.pulled.max(1) as f64),
    })
}

#[derive(Serialize)]
struct CodeView {
    feed: String,
    column: String,
    code: String,
    rows: String,
}

fn codes(it: &FeedNight) -> Vec<CodeView> {
    let codes = it.tally.iter().flat_map(|it| &it.unmapped_codes);
    codes
        .map(|(column, code, rows)| CodeView { feed: it.feed.clone(), column: column.clone(), code: code.clone(), rows: count(*rows) })
        .collect()
}

fn untold(it: &FeedNight) -> Vec<(String, String)> {
    it.tally.iter().flat_map(|it| &it.untold_columns).map(|column| (it.feed.clone(), column.clone())).collect()
}

#[derive(Serialize)]
struct UnlinkedView {
    feed: String,
    code: String,
    name: String,
    rows: String,
    nearest: String,
}

fn unlinked(night: &Night) -> Vec<UnlinkedView> {
    let view = |it: &crate::night::UnlinkedUnit| UnlinkedView {
        feed: it.feed.clone(),
        code: it.unit_code.clone().unwrap_or_default(),
        name: it.unit_name.clone().unwrap_or_default(),
        rows: count(it.rows),
        nearest: it.nearest_name.clone().unwrap_or_default(),
    };
    night.unlinked_units.iter().take(UNITS_MAX).map(view).collect()
}

#[derive(Serialize)]
struct RuleView {
    id: String,
    title: String,
    severity: String,
    looked_at: String,
    found: String,
    rate: String,
    ran: bool,
    why: String,
}

fn rule(it: &RuleNight, lang: Lang) -> RuleView {
    RuleView {
        id: it.id.clone(),
        title: lang.of(&it.title).to_owned(),
        severity: format!("{:?}", it.severity),
        looked_at: it.looked_at.map(count).unwrap_or_default(),
        found: it.found.map(count).unwrap_or_default(),
        rate: it.hit_rate().map(|it| format!("{:.3}%", it * 100.0)).unwrap_or_default(),
        ran: it.skipped.is_none(),
        why: it.skipped.as_ref().map(|it| lang.pick(&it.zh, &it.en).clone()).unwrap_or_default(),
    }
}
