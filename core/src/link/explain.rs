//! Why an identity is linked as it is, in words: from the rows of `identity` and `person` alone, so that any night can be explained later.

use chrono::NaiveDate;
use serde::Serialize;

use crate::mask;
use crate::name::{Nearness, compare};

/// What one side says; `None` where it says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side<'a> {
    /// `id_number`.
    pub id_number: Option<&'a str>,
    /// `name`.
    pub name: Option<&'a str>,
    /// `sex`.
    pub sex: Option<&'a str>,
    /// `birth_date`.
    pub birth_date: Option<NaiveDate>,
}

/// What linking wrote into the row of `identity`.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// `method`.
    pub method: &'a str,
    /// `score`.
    pub score: f32,
    /// `id_state`.
    pub id_state: &'a str,
    /// `repairs`.
    pub repairs: Option<&'a str>,
    /// `conflict`.
    pub conflict: Option<&'a str>,
}

/// One link explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The fields of both sides and how they compare.
    pub fields: Vec<Compared>,
    /// 一段话.
    pub zh: String,
    /// The same in English.
    pub en: String,
}

/// One field of both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// The column's name.
    pub field: &'static str,
    /// What the source says; an ID number is masked.
    pub source: Option<String>,
    /// What is held of the person; an ID number is masked.
    pub person: Option<String>,
    /// `equal`, `near`, `differs`, or `unknown` where one side says nothing.
    pub verdict: &'static str,
}

/// Explains one identity's link to the person it was linked to.
pub fn explain(told: &Told, source: &Side, person: &Side) -> Explanation {
    let fields = vec![
        compared("id_number", source.id_number.map(mask::id_number), person.id_number.map(mask::id_number), |_, _| {
            equal(source.id_number == person.id_number)
        }),
        compared("name", source.name.map(str::to_owned), person.name.map(str::to_owned), |source, person| {
            nearness(compare(source, person))
        }),
        compared("sex", source.sex.map(str::to_owned), person.sex.map(str::to_owned), |source, person| equal(source == person)),
        compared("birth_date", day(source), day(person), |source, person| equal(source == person)),
    ];
    let (zh, en) = pass(told.method);
    let (state_zh, state_en) = state(told.id_state);
    let (conflict_zh, conflict_en) = told.conflict.map_or(("", ""), conflict);
    let repairs = told.repairs.map(|it| it.split(' ').map(repair).collect::<Vec<_>>()).unwrap_or_default();
    let repaired =
        |names: Vec<&str>, open: &str, comma: &str| if names.is_empty() { String::new() } else { format!("{open}{}", names.join(comma)) };
    let repairs_zh = repaired(repairs.iter().map(|it| it.0).collect(), "；规范化：", "、");
    let repairs_en = repaired(repairs.iter().map(|it| it.1).collect(), "; put right: ", ", ");
    let score = told.score;
    Explanation {
        fields,
        zh: format!("{zh}；号码{state_zh}{repairs_zh}{conflict_zh}。可信度 {score:.2}。"),
        en: format!("{en}; the number {state_en}{repairs_en}{conflict_en}. Probability {score:.2}."),
    }
}

fn compared(field: &'static str, source: Option<String>, person: Option<String>, verdict: impl Fn(&str, &str) -> &'static str) -> Compared {
    let verdict = match (&source, &person) {
        (Some(source), Some(person)) => verdict(source, person),
        _ => "unknown",
    };
    Compared { field, source, person, verdict }
}

fn equal(equal: bool) -> &'static str {
    if equal { "equal" } else { "differs" }
}

fn nearness(nearness: Nearness) -> &'static str {
    match nearness {
        Nearness::Exact => "equal",
        it if it.agrees() => "near",
        _ => "differs",
    }
}

fn day(side: &Side) -> Option<String> {
    side.birth_date.map(|it| it.to_string())
}

fn pass(method: &str) -> (&'static str, &'static str) {
    match method {
        "id-exact" => ("号码相同", "The number is the same"),
        "id-15" => ("15位旧号换算后相同", "The old fifteen digits are the same number"),
        "id-repaired" => ("号码有误，修正后对应唯一一人且姓名相符", "The number is broken; one person fits it, and the name agrees"),
        "name-birth" => ("依据姓名与出生日期或单位对应", "Linked by the name with the birth date or the unit"),
        "judged" => ("由核查人认定", "A reviewer said so"),
        "own" => ("其他来源无此人", "No other record is this person"),
        _ => ("无法确定是谁", "Nobody could be told"),
    }
}

fn state(id_state: &str) -> (&'static str, &'static str) {
    match id_state {
        "valid-18" => ("有效", "is valid"),
        "valid-15" => ("为15位旧号", "has its old fifteen digits"),
        "checksum" => ("校验码不符", "fails its check character"),
        "date" => ("含无效出生日期", "holds a birth date that does not exist"),
        "length" => ("位数不对", "has too few or too many digits"),
        "charset" => ("含非法字符", "holds characters that are no digits"),
        "damaged-excel" => ("被表格软件截断", "was cut by a spreadsheet"),
        "masked" => ("被遮掩", "is masked"),
        "placeholder" => ("为占位内容", "is a placeholder"),
        "other-document" => ("为其他证件", "is of another document"),
        _ => ("缺失", "is missing"),
    }
}

fn conflict(conflict: &str) -> (&'static str, &'static str) {
    match conflict {
        "birth-differs" => ("；同号者出生日期不符，不予采信", "; the number's owner was born another day, so the number was not believed"),
        _ => ("；同号者姓名不符，不予采信", "; the number's owner has another name, so the number was not believed"),
    }
}

fn repair(word: &str) -> (&'static str, &'static str) {
    match word {
        "full-width" => ("全角转半角", "full width"),
        "blanks" => ("去空格", "blanks"),
        "apostrophe" => ("去引号", "apostrophe"),
        "lower-x" => ("小写x", "small x"),
        "cross-to-x" => ("×改X", "× read as X"),
        "letters" => ("字母改数字", "letters read as digits"),
        "15-to-18" => ("15位升18位", "fifteen digits extended"),
        "digit-replaced" => ("改正一位", "one digit replaced"),
        "digits-exchanged" => ("相邻两位对调", "two digits exchanged"),
        "digit-inserted" => ("补上一位", "a lost digit put back"),
        "digit-removed" => ("去掉一位", "a digit taken out"),
        "prefix" => ("仅取前十四位以上", "only the first digits believed"),
        "unmasked" => ("仅比对可见位", "only the shown digits compared"),
        _ => ("其他", "otherwise"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person_id::State;

    #[test]
    fn a_repaired_link_says_what_was_repaired() {
        let told =
            Told { method: "id-repaired", score: 0.99, id_state: "checksum", repairs: Some("blanks digit-replaced"), conflict: None };
        let source = Side { id_number: Some("330683198001011235"), name: Some("王秀瑛"), ..Side::default() };
        let person = Side { id_number: Some("330683198001011234"), name: Some("王秀英"), sex: Some("male"), ..Side::default() };
        let explained = explain(&told, &source, &person);
        assert_eq!(explained.zh, "号码有误，修正后对应唯一一人且姓名相符；号码校验码不符；规范化：去空格、改正一位。可信度 0.99。");
        let verdicts: Vec<&str> = explained.fields.iter().map(|it| it.verdict).collect();
        assert_eq!(verdicts, ["differs", "near", "unknown", "unknown"]);
        assert_eq!(explained.fields[0].source.as_deref(), Some("3306**********1235"), "numbers are masked");
    }

    #[test]
    fn every_state_has_words() {
        let mut words: Vec<&str> = State::ALL.iter().map(|it| state(it.word()).1).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), State::ALL.len());
    }
}
