//! The columns a report may have.

use serde::{Deserialize, Serialize};

use super::Lang;
use crate::mapping::Title;

/// One column, as `config/muster.toml` names it: `{ value = "amount", title = { zh = "涉及金额", en = "At stake" } }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportColumn {
    /// What stands in it.
    pub value: Value,
    /// Its own heading; the value's usual one without.
    #[serde(default)]
    pub title: Option<Title>,
}

impl ReportColumn {
    /// Its heading.
    pub fn title(&self, lang: Lang) -> &str {
        let usual = self.value.described();
        self.title.as_ref().map_or(lang.pick(usual.zh, usual.en), |it| lang.of(it))
    }
}

/// What a column can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "VALUES says what each is, for people and for docs/config.md")]
pub enum Value {
    Number,
    State,
    Severity,
    Rule,
    Title,
    Family,
    Person,
    IdNumber,
    Unit,
    UnitCode,
    Months,
    MonthCount,
    Since,
    Amount,
    Sentence,
    Settings,
    Category,
    Places,
    Confidence,
    OpenedOn,
    ChangedOn,
    Result,
    Handler,
    Deadline,
    Note,
}

/// A value and its names.
#[derive(Debug)]
pub struct Described {
    /// The value.
    pub value: Value,
    /// Its name in the configuration.
    pub word: &'static str,
    /// Usual heading.
    pub zh: &'static str,
    /// Usual heading.
    pub en: &'static str,
    /// What it holds.
    pub about: &'static str,
}

const fn it(value: Value, word: &'static str, zh: &'static str, en: &'static str, about: &'static str) -> Described {
    Described { value, word, zh, en, about }
}

/// Every value, in the order of [`Value`].
pub const VALUES: &[Described] = &[
    it(Value::Number, "number", "案件编号", "Case", "lasting number of the case, or its key before it has one"),
    it(
        Value::State,
        "state",
        "状态",
        "State",
        "new, open, reopened or cured; says when the finding is carried over because its rule did not run",
    ),
    it(Value::Severity, "severity", "级别", "Severity", "S1 to S4; S1 is the gravest"),
    it(Value::Rule, "rule", "规则", "Rule", "rule id"),
    it(Value::Title, "title", "规则名称", "Rule title", "title of the rule card"),
    it(Value::Family, "family", "类别", "Family", "group of the rule"),
    it(Value::Person, "person", "姓名", "Name", "best name; blank for cases about a unit"),
    it(Value::IdNumber, "id-number", "公民身份号码", "ID number", "text; masked unless `full_ids` is set"),
    it(Value::Unit, "unit", "单位", "Unit", "the responsible unit, or the unit the case is about"),
    it(Value::UnitCode, "unit-code", "单位代码", "Unit code", "its code on the establishment register"),
    it(Value::Months, "months", "涉及月份", "Months", "months concerned, as ranges"),
    it(Value::MonthCount, "month-count", "月数", "Months (n)", "how many months are concerned"),
    it(Value::Since, "since", "起始月份", "Since", "first month of the condition"),
    it(Value::Amount, "amount", "涉及金额（元）", "Amount (CNY)", "what the rule's formula comes to, in yuan; blank where it names none"),
    it(Value::Sentence, "sentence", "核对情况", "Evidence", "the contradicting facts in words, one line a month"),
    it(Value::Settings, "settings", "判定参数", "Parameters", "what the rule was set to: its parameters, the city's where it sets them"),
    it(
        Value::Category,
        "category",
        "官方类别",
        "Official category",
        "what official documents call what the rule finds, see rules/categories.toml",
    ),
    it(Value::Places, "places", "数据出处", "Where it was read", "feed and row numbers of the evidence"),
    it(Value::Confidence, "confidence", "可信度", "Confidence", "probability that the finding is true and about the right person"),
    it(Value::OpenedOn, "opened-on", "首次发现", "Opened", "the night the case was opened"),
    it(Value::ChangedOn, "changed-on", "最近变化", "Changed", "the night the case changed last"),
    it(Value::Result, "result", "处理结果", "Result", "blank, with a list to choose from: for the reviewer"),
    it(Value::Handler, "handler", "责任人", "Handler", "blank: for the reviewer"),
    it(Value::Deadline, "deadline", "办理期限", "Deadline", "blank: for the reviewer"),
    it(Value::Note, "note", "备注", "Note", "blank: for the reviewer"),
];

impl Value {
    /// Its names.
    pub fn described(self) -> &'static Described {
        &VALUES[self as usize]
    }
}

/// The columns of a report whose configuration names none.
pub fn shipped_columns() -> Vec<ReportColumn> {
    use Value::{
        Amount, Category, IdNumber, Months, Note, Number, OpenedOn, Person, Places, Result, Rule, Sentence, Settings, Severity, State,
        Title, Unit,
    };
    [
        Number, State, Severity, Rule, Title, Category, Person, IdNumber, Unit, Months, Amount, Sentence, Settings, OpenedOn, Result, Note,
        Places,
    ]
    .into_iter()
    .map(|value| ReportColumn { value, title: None })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_stands_at_its_place_and_is_named_as_in_the_configuration() {
        for (at, described) in VALUES.iter().enumerate() {
            assert_eq!(described.value as usize, at, "{}", described.word);
            assert_eq!(serde_json::to_value(described.value).ok(), Some(described.word.into()));
            assert!(!described.zh.is_empty() && described.en.is_ascii() && !described.about.is_empty());
        }
        assert_eq!(Value::Note as usize + 1, VALUES.len());
    }

    #[test]
    fn a_column_is_one_line_of_configuration() {
        let column: ReportColumn = toml::from_str("value = \"id-number\"").expect("reads");
        assert_eq!(column.title(Lang::En), "ID number");
        let column: ReportColumn = toml::from_str("value = \"amount\"\ntitle = { zh = \"金额\", en = \"Sum\" }").expect("reads");
        assert_eq!(column.title(Lang::Zh), "金额");
        assert!(toml::from_str::<ReportColumn>("value = \"salary\"").is_err());
    }
}
