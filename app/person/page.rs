//! A person as one HTML file that loads nothing from elsewhere and prints.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use muster_core::report;
use serde::Serialize;

use super::{PersonTold, svg, text, who_line};
use crate::digest;
use crate::page::PLAIN;
use crate::words::{Lang, count, yuan};

/// The words of the page, by the name under which the template knows them.
const WORDS: &[(&str, &str, &str)] = &[
    ("html_lang", "zh-CN", "en"),
    ("title", "个人时间线", "Timeline of a person"),
    ("night", "对账日", "night of"),
    ("timeline", "各来源逐月对照", "Every source, month by month"),
    ("there", "有", "there"),
    ("beside", "部分或附带", "in part, or beside the main thing"),
    ("twice", "两处同时、全月无出勤或线索", "in two places at once, no day at work, or a finding"),
    ("gap", "空档或重叠", "gap or overlap"),
    ("uncovered", "无可用数据", "no usable data"),
    ("beyond", "以下来源有不在可见范围内的行，未列出：", "Rows beyond your scope are not shown:"),
    ("contrasts", "空档与重叠（对照所见，不是结论）", "Gaps and overlaps, as seen; no findings"),
    ("agree", "各来源相符", "the sources agree"),
    ("cases", "案件与线索", "Cases and findings"),
    ("none", "无", "none"),
    ("sources", "各来源所记", "What each source has"),
    ("nothing", "无记录", "nothing"),
    ("identities", "各来源怎样写这个人", "How each source writes the person"),
    ("source", "来源", "Source"),
    ("name", "姓名", "Name"),
    ("number", "证件号码", "ID number"),
    ("born", "出生日期", "Born"),
    ("unit", "单位", "Unit"),
    ("rows", "行数", "Rows"),
    ("linked_by", "关联依据", "Linked by"),
    ("privacy", "含个人信息，请按规定保管、使用和销毁。", "Holds personal data: keep, use and destroy as prescribed."),
];

#[derive(Serialize)]
struct CaseView {
    number: String,
    state: &'static str,
    opened_on: String,
    findings: Vec<FindingView>,
}

#[derive(Serialize)]
struct FindingView {
    rule: String,
    title: String,
    severity: String,
    months: String,
    amount: String,
}

/// The page. Text from sources is escaped; the picture escapes its own.
pub fn page(told: &PersonTold, lang: Lang) -> Result<String, minijinja::Error> {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    pages.add_template("person.html", include_str!("page.html"))?;
    let mut words: std::collections::BTreeMap<&str, &str> = WORDS.iter().map(|(name, zh, en)| (*name, lang.pick(*zh, *en))).collect();
    words.insert("leads_only", lang.pick(digest::LEADS_ONLY.0, digest::LEADS_ONLY.1));
    let cases: Vec<CaseView> = told
        .cases
        .iter()
        .map(|case| CaseView {
            number: case.number.clone(),
            state: text::state(case, lang),
            opened_on: case.opened_on.to_string(),
            findings: case
                .findings
                .iter()
                .map(|it| FindingView {
                    rule: it.rule.clone(),
                    title: lang.of(&it.title).to_owned(),
                    severity: format!("{:?}", it.severity),
                    months: report::months(&it.months, lang),
                    amount: it.amount_fen.map(yuan).unwrap_or_default(),
                })
                .collect(),
        })
        .collect();
    let strips: Vec<(&str, Vec<String>)> =
        told.strips.iter().map(|it| (lang.pick(it.source.label().0, it.source.label().1), text::spells(it, lang))).collect();
    let contrasts: Vec<[String; 2]> =
        told.contrasts.iter().map(|it| [lang.of(&it.title).to_owned(), report::months(&it.months, lang)]).collect();
    let identity = |it: &crate::explain::IdentityTold| {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        let method = it.method.as_deref().map(|it| digest::method_label(it, lang).to_owned()).unwrap_or_default();
        [
            format!("{}{}", it.feed, it.row),
            text(&it.name),
            text(&it.id_number),
            text(&it.birth_date),
            text(&it.unit),
            count(it.rows),
            method,
        ]
    };
    pages.get_template("person.html")?.render(context! {
        t => words,
        style => PLAIN,
        name => told.name.as_deref().unwrap_or(lang.pick("（无姓名）", "(no name)")),
        who => who_line(told, lang),
        night => told.night.to_string(),
        key => told.key.as_str(),
        picture => svg::svg(told, lang),
        contrasts => contrasts,
        cases => Serde(cases),
        strips => strips,
        identities => told.identities.iter().map(identity).collect::<Vec<_>>(),
        beyond => told.beyond.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn every_word_stands_in_both_languages_and_is_used() {
        let template = include_str!("page.html");
        for (name, zh, en) in WORDS {
            assert!(!zh.is_empty() && !en.is_empty() && !crate::sample::has_chinese(en), "{name}");
            assert!(template.contains(&format!("t.{name} ")), "{name} is not used");
        }
    }
}
