//! A unit as one HTML file that loads nothing from elsewhere and prints.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use muster_core::mapping::Title;
use muster_core::report;
use serde::Serialize;

use super::text::{meaning, remarks};
use super::{UnitPage, flow};
use crate::digest;
use crate::page::PLAIN;
use crate::words::{Lang, count, yuan};

/// The words of the page, by the name under which the template knows them.
const WORDS: &[(&str, &str, &str)] = &[
    ("html_lang", "zh-CN", "en"),
    ("title", "单位概况", "A unit"),
    ("night", "对账日", "night of"),
    ("quota", "编制与实有", "Places and people"),
    ("no_quota", "无核定编制，也无在编人员（或编制库当夜未采用）", "No places and nobody on them, or the register was left out"),
    ("kind", "编制类型", "Kind"),
    ("approved", "核定", "Approved"),
    ("actual", "实有", "Actual"),
    ("vacant", "空编", "Vacant"),
    ("over", "超编", "Over"),
    ("leaders", "领导职数", "Leading posts"),
    ("class", "职数类别", "Class"),
    ("below", "下属单位", "Units below"),
    ("unit", "单位", "Unit"),
    ("people", "人员", "People"),
    (
        "digits",
        "四位数依次为 编制 人事 工资 参保：1 有，0 无，? 不可用",
        "The digits are register, personnel, salary, insurance: 1 yes, 0 no, ? not usable",
    ),
    ("cases", "未结案件", "Open cases"),
    ("none", "无", "none"),
    ("history", "沿革", "History"),
    ("references", "各来源怎样写这个单位", "How the sources write it"),
    (
        "beyond",
        "以下内容当夜未采用或不在可见范围内，未据以判断：",
        "Left out that night or beyond your scope, so nothing is concluded from it:",
    ),
    ("privacy", "含个人信息，请按规定保管、使用和销毁。", "Holds personal data: keep, use and destroy as prescribed."),
];

/// A line with its bar: what is approved, filled and beyond, in thousandths.
#[derive(Serialize)]
struct LineView {
    name: String,
    code: String,
    approved: String,
    actual: String,
    vacant: String,
    over: String,
    is_over: bool,
    bar: [i64; 3],
    sum: bool,
}

fn line(name: String, code: &str, [approved, actual, vacant, over]: [i64; 4], sum: bool) -> LineView {
    let number = |it: i64| if it == 0 { "·".to_owned() } else { count(it) };
    let whole = approved.max(actual).max(1);
    let part = |it: i64| it * 1000 / whole;
    LineView {
        name,
        code: code.to_owned(),
        approved: number(approved),
        actual: number(actual),
        vacant: number(vacant),
        over: number(over),
        is_over: over > 0,
        bar: [part(approved), part(actual.min(approved)), if actual > approved { 1000 - part(approved) } else { 0 }],
        sum,
    }
}

#[derive(Serialize)]
struct GroupView {
    title: String,
    count: String,
    people: Vec<[String; 4]>,
    more: String,
}

#[derive(Serialize)]
struct CaseView {
    number: String,
    severity: String,
    about: &'static str,
    rules: String,
    amount: String,
    due: String,
}

/// The page; `rows` people of each group at most. Text from sources is escaped.
pub fn page(it: &UnitPage, rows: usize, lang: Lang) -> Result<String, minijinja::Error> {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    pages.add_template("unit.html", include_str!("page.html"))?;
    let mut words: std::collections::BTreeMap<&str, &str> = WORDS.iter().map(|(name, zh, en)| (*name, lang.pick(*zh, *en))).collect();
    words.insert("leads_only", lang.pick(digest::LEADS_ONLY.0, digest::LEADS_ONLY.1));
    let lines = |lines: &[super::Line]| {
        let last = lines.len().saturating_sub(1);
        let view = |(at, it): (usize, &super::Line)| {
            line(lang.of(&it.kind).to_owned(), "", [it.approved, it.actual, it.vacant, it.over], at == last)
        };
        Serde(lines.iter().enumerate().map(view).collect::<Vec<_>>())
    };
    let below = it.below.iter().map(|it| line(it.name.clone(), &it.code, [it.approved, it.actual, it.vacant, it.over], false));
    pages.get_template("unit.html")?.render(context! {
        t => words,
        style => PLAIN,
        unit => context! { name => it.name.as_str(), code => it.code.as_str(), night => it.night.to_string() },
        month => report::month(it.month),
        facts => it.facts.iter().map(|(label, value)| [lang.of(label).to_owned(), lang.of(value).to_owned()]).collect::<Vec<_>>(),
        flow => flow(it, lang).into_iter().map(|(label, value)| (label, count(value))).collect::<Vec<_>>(),
        quota => lines(&it.quota),
        leaders => lines(&it.leaders),
        below => Serde(below.collect::<Vec<_>>()),
        matrix => it.matrix.iter().map(|(pattern, people)| (pattern.clone(), count(*people as i64), meaning(pattern, lang))).collect::<Vec<_>>(),
        groups => Serde(it.groups.iter().map(|it| group(it, rows, lang)).collect::<Vec<_>>()),
        cases => Serde(it.cases.iter().map(|it| case(it, lang)).collect::<Vec<_>>()),
        history => it.history.iter().map(|it| {
            let on = it.on.map(|it| it.to_string()).unwrap_or_default();
            [on, lang.pick(&it.zh, &it.en).clone(), it.document.clone().unwrap_or_default()]
        }).collect::<Vec<_>>(),
        references => it.references.iter().map(|it| {
            let written = [&it.unit_code, &it.unit_name, &it.uscc].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
            [it.feed.clone(), written, count(it.rows), it.method.clone().unwrap_or_default()]
        }).collect::<Vec<_>>(),
        beyond => it.beyond.iter().map(|it: &Title| lang.of(it)).collect::<Vec<_>>().join(lang.pick("、", ", ")),
    })
}

fn group(it: &super::Group, rows: usize, lang: Lang) -> GroupView {
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let more = it.people.len().saturating_sub(rows);
    GroupView {
        title: lang.of(&it.title).to_owned(),
        count: count(it.people.len() as i64),
        people: it
            .people
            .iter()
            .take(rows)
            .map(|it| [text(&it.name), text(&it.id_number), it.pattern(), remarks(it, lang).join(" · ")])
            .collect(),
        more: if more == 0 { String::new() } else { lang.pick(format!("另有 {more} 人"), format!("{more} more")) },
    }
}

fn case(it: &super::CaseTold, lang: Lang) -> CaseView {
    let rules: Vec<String> = it.rules.iter().map(|(id, title)| format!("{id} {}", lang.of(title))).collect();
    CaseView {
        number: it.number.clone(),
        severity: format!("{:?}", it.severity),
        about: if it.of_unit { lang.pick("单位", "unit") } else { lang.pick("个人", "person") },
        rules: rules.join(lang.pick("；", "; ")),
        amount: it.amount_fen.map(yuan).unwrap_or_default(),
        due: it.due.map(|it| it.to_string()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_stands_in_both_languages_and_is_used() {
        let template = include_str!("page.html");
        for (name, zh, en) in WORDS {
            assert!(!zh.is_empty() && !en.is_empty() && !crate::sample::has_chinese(en), "{name}");
            assert!(template.contains(&format!("t.{name} ")) || template.contains(&format!("t.{name},")), "{name} is not used");
        }
    }
}
