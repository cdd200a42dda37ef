//! The tables of official papers: one row per case. Names in full, ID numbers masked always.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use muster_core::case::Case;
use muster_core::finding::Subject;
use muster_core::mapping::Title;
use muster_core::mask;
use muster_core::report::{self, unit_code};

use super::About;
use super::paper::{Column, Grid, Set, day};
use super::text;
use crate::case::stage;
use crate::night::Night;
use crate::words::{Lang, count, yuan};

/// What papers say of people, units and rules, by lasting key.
pub struct Known {
    /// The newest night.
    pub night: NaiveDate,
    /// The city.
    pub city: Title,
    people: BTreeMap<String, (Option<String>, Option<String>)>,
    /// Full name, by code.
    pub units: BTreeMap<String, String>,
    /// Title of the rule and the first official category, by rule.
    rules: BTreeMap<String, (Title, Option<Title>)>,
}

impl Known {
    /// What `night` knows.
    pub fn of(night: &Night) -> Known {
        let mut known = Known {
            night: night.tonight,
            city: night.city.clone(),
            people: BTreeMap::new(),
            units: night.units.values().map(|it| (it.code.clone(), it.name.clone())).collect(),
            rules: night.rules.iter().map(|it| (it.id.clone(), (it.title.clone(), it.categories.first().cloned()))).collect(),
        };
        known.add_people(night);
        known
    }

    /// The people of an older night; those who are known already stay as they are.
    pub fn add_people(&mut self, night: &Night) {
        for it in night.people.values() {
            self.people.entry(it.key.clone()).or_insert_with(|| (it.name.clone(), it.id_number.clone()));
        }
    }

    /// Whether `case` is about a person who is not known.
    pub fn lacks(&self, case: &Case) -> bool {
        matches!(&case.subject, Subject::Person { key, .. } if !self.people.contains_key(key))
    }

    /// The name of a unit; its code where the register has it no more.
    pub fn unit<'a>(&'a self, code: &'a str) -> &'a str {
        self.units.get(code).map_or(code, String::as_str)
    }

    fn person(&self, case: &Case, lang: Lang) -> String {
        let Subject::Person { key, .. } = &case.subject else { return lang.pick("（单位）", "(the unit)").to_owned() };
        let Some((name, id)) = self.people.get(key) else { return lang.pick("（姓名已不存）", "(name no longer kept)").to_owned() };
        let id = id.as_deref().map(|it| format!("\n{}", mask::id_number(it))).unwrap_or_default();
        format!("{}{id}", name.as_deref().unwrap_or(lang.pick("（无姓名）", "(no name)")))
    }

    fn title(&self, rule: &str, lang: Lang) -> String {
        self.rules.get(rule).map_or_else(|| rule.to_owned(), |(title, _)| lang.of(title).to_owned())
    }

    /// What an official document calls it; the rule's own title where none does.
    fn category(&self, rule: &str, lang: Lang) -> String {
        let official = self.rules.get(rule).and_then(|(_, category)| category.as_ref());
        official.map_or_else(|| self.title(rule, lang), |it| lang.of(it).to_owned())
    }
}

/// What the cases of a paper come to, in fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Cases.
    pub cases: usize,
    /// What was paid that should not have been. Of several cases about one person the largest counts: they may speak of the same money.
    pub amount_fen: i64,
    /// What came back.
    pub recovered_fen: i64,
    /// What has not.
    pub left_fen: i64,
}

/// Adds up, person by person.
pub fn sums(cases: &[About]) -> Sums {
    let mut people: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for it in cases {
        let (amount, recovered) = people.entry(it.worked.case.subject.key()).or_default();
        *amount = (*amount).max(it.amount_fen().unwrap_or(0));
        *recovered += it.worked.standing.recovered_fen;
    }
    let mut sums = Sums { cases: cases.len(), ..Sums::default() };
    for (amount, recovered) in people.into_values() {
        sums.amount_fen += amount;
        sums.recovered_fen += recovered;
        sums.left_fen += (amount - recovered).max(0);
    }
    sums
}

impl About<'_> {
    fn amount_fen(&self) -> Option<i64> {
        self.findings.iter().filter_map(|it| it.amount_fen).max()
    }

    fn is_confirmed(&self) -> bool {
        self.worked.standing.is_confirmed()
    }

    fn amount(&self) -> String {
        self.amount_fen().map(yuan).unwrap_or_default()
    }

    fn months(&self, lang: Lang) -> String {
        let mut months: Vec<i32> = self.findings.iter().flat_map(|it| it.months.iter().copied()).collect();
        months.sort_unstable();
        months.dedup();
        report::months(&months, lang)
    }

    /// Each rule's title and its evidence in sentences.
    fn found(&self, known: &Known, lang: Lang) -> String {
        let told = self.findings.iter().map(|it| {
            let sentence = report::sentence(&it.lines, lang);
            format!("{}{}\n{sentence}", known.title(&it.rule, lang), lang.pick("：", ":"))
        });
        told.collect::<Vec<_>>().join("\n")
    }

    fn categories(&self, known: &Known, lang: Lang) -> String {
        let mut told: Vec<String> = self.findings.iter().map(|it| known.category(&it.rule, lang)).collect();
        told.dedup();
        told.join(lang.pick("；", "; "))
    }
}

const fn column(head: &'static str, mm: i32, set: Set) -> Column {
    Column { head, mm, set }
}

/// 核查表, with room for the unit's answer.
pub fn verify(cases: &[About], known: &Known, lang: Lang) -> Grid {
    let columns = vec![
        column(lang.pick("序号", "No."), 9, Set::Middle),
        column(lang.pick("编号", "Case"), 26, Set::Code),
        column(lang.pick("姓名\n身份证号", "Name,\nID number"), 33, Set::Code),
        column(lang.pick("线索情况", "What was found"), 58, Set::Words),
        column(lang.pick("涉及月份", "Months"), 20, Set::Middle),
        column(lang.pick("涉及金额\n（元）", "Amount\n(CNY)"), 24, Set::Amount),
        column(lang.pick("单位答复", "Answer of the unit"), 33, Set::Words),
        column(lang.pick("依据", "Documents"), 22, Set::Words),
    ];
    let row = |(at, it): (usize, &About)| {
        let empty = String::new();
        vec![
            (at + 1).to_string(),
            it.number().to_owned(),
            known.person(&it.worked.case, lang),
            it.found(known, lang),
            it.months(lang),
            it.amount(),
            empty.clone(),
            empty,
        ]
    };
    Grid {
        title: text::verify_table(lang).to_owned(),
        lines: by_data_of(known, lang),
        columns,
        rows: cases.iter().enumerate().map(row).collect(),
        notes: text::verify_notes(lang),
    }
}

/// 整改清单, with room for what the unit did.
pub fn rectify(cases: &[About], known: &Known, lang: Lang) -> Grid {
    let columns = vec![
        column(lang.pick("序号", "No."), 9, Set::Middle),
        column(lang.pick("编号", "Case"), 26, Set::Code),
        column(lang.pick("姓名\n身份证号", "Name,\nID number"), 33, Set::Code),
        column(lang.pick("认定的问题", "What is confirmed"), 60, Set::Words),
        column(lang.pick("涉及月份", "Months"), 20, Set::Middle),
        column(lang.pick("应追回\n（元）", "To recover\n(CNY)"), 23, Set::Amount),
        column(lang.pick("已追回\n（元）", "Recovered\n(CNY)"), 22, Set::Amount),
        column(lang.pick("整改结果\n（单位填写）", "What was done\n(by the unit)"), 32, Set::Words),
    ];
    let row = |(at, it): (usize, &About)| {
        let outcome = it.worked.standing.outcome.map(|it| it.label()).unwrap_or_default();
        vec![
            (at + 1).to_string(),
            it.number().to_owned(),
            known.person(&it.worked.case, lang),
            format!("{}{}\n{}", lang.pick("认定：", ""), lang.pick(outcome.0, outcome.1), it.found(known, lang)),
            it.months(lang),
            it.amount(),
            yuan(it.worked.standing.recovered_fen),
            String::new(),
        ]
    };
    let sums = sums(cases);
    let mut rows: Vec<Vec<String>> = cases.iter().enumerate().map(row).collect();
    let mut total = vec![String::new(); columns.len()];
    lang.pick("合计", "Total").clone_into(&mut total[3]);
    total[5] = yuan(sums.amount_fen);
    total[6] = yuan(sums.recovered_fen);
    rows.push(total);
    Grid {
        title: text::rectify_table(lang).to_owned(),
        lines: by_data_of(known, lang),
        columns,
        rows,
        notes: vec![text::one_money(lang).to_owned()],
    }
}

fn by_data_of(known: &Known, lang: Lang) -> (String, String) {
    let night = day(known.night, lang);
    (lang.pick(format!("数据截至：{night}"), format!("Data as of {night}")), lang.pick("金额单位：元", "Amounts in CNY").to_owned())
}

/// 问题台账.
#[expect(clippy::too_many_arguments, reason = "what stands above and below the table")]
pub fn ledger(
    cases: &[About],
    known: &Known,
    unit: Option<&str>,
    from: &str,
    number: &str,
    date: NaiveDate,
    hidden: bool,
    lang: Lang,
) -> Grid {
    let columns = vec![
        column(lang.pick("序号", "No."), 9, Set::Middle),
        column(lang.pick("编号", "Case"), 26, Set::Code),
        column(lang.pick("姓名\n身份证号", "Name,\nID number"), 32, Set::Code),
        column(lang.pick("单位", "Unit"), 28, Set::Words),
        column(lang.pick("问题（官方类别）", "Problem (official category)"), 43, Set::Words),
        column(lang.pick("发现日期", "Found on"), 18, Set::Code),
        column(lang.pick("承办人", "With"), 14, Set::Code),
        column(lang.pick("办理时限", "Due"), 18, Set::Code),
        column(lang.pick("办理结论", "Outcome"), 17, Set::Middle),
        column(lang.pick("追回金额\n（元）", "Recovered\n(CNY)"), 20, Set::Amount),
    ];
    let row = |(at, it): (usize, &About)| {
        let (case, standing) = (&it.worked.case, &it.worked.standing);
        let mut units: Vec<&str> = it.findings.iter().filter_map(|finding| unit_code(case, finding)).map(|it| known.unit(it)).collect();
        units.sort_unstable();
        units.dedup();
        let decided = standing.outcome.filter(|_| standing.stage.is_settled());
        let outcome = decided.map_or_else(|| stage(case.state, standing, lang), |it| lang.pick(it.label().0, it.label().1));
        let due = standing.due.filter(|_| case.state.is_open());
        let overdue = |due: NaiveDate| if due < date { lang.pick("\n（逾期）", "\n(overdue)") } else { "" };
        vec![
            (at + 1).to_string(),
            it.number().to_owned(),
            known.person(case, lang),
            units.join("\n"),
            it.categories(known, lang),
            case.opened_on.to_string(),
            standing.assigned_to.clone().unwrap_or_default(),
            due.map(|it| format!("{it}{}", overdue(it))).unwrap_or_default(),
            outcome.to_owned(),
            if standing.recovered_fen == 0 { String::new() } else { yuan(standing.recovered_fen) },
        ]
    };
    let of = unit.unwrap_or(lang.of(&known.city));
    let open = cases.iter().filter(|it| it.worked.case.state.is_open()).count();
    let confirmed = cases.iter().filter(|it| it.is_confirmed()).count();
    let sums = sums(cases);
    let (all, open, confirmed) = (count(sums.cases as u64), count(open as u64), count(confirmed as u64));
    let recovered = yuan(sums.recovered_fen);
    let mut notes = vec![match lang {
        Lang::Zh => {
            format!("合计 {all} 件：未结 {open} 件，查实 {confirmed} 件，追回 {recovered} 元。数据截至 {}。", day(known.night, lang))
        }
        Lang::En => {
            format!("{all} cases: {open} open, {confirmed} confirmed, CNY {recovered} recovered. Data as of {}.", day(known.night, lang))
        }
    }];
    notes.extend(text::ledger_notes(hidden, lang));
    Grid {
        title: format!("{of}{}", lang.pick("问题台账", ": list of cases")),
        lines: (format!("{}{from}　{number}", lang.pick("制表：", "")), day(date, lang)),
        columns,
        rows: cases.iter().enumerate().map(row).collect(),
        notes,
    }
}
