//! Who may see what: `people.toml` beside `muster.toml`.
//!
//! ```toml
//! [[person]]
//! id          = "wang-lei"
//! name        = "王蕾"
//! address     = "wang.lei@city.example"
//! departments = ["finance"]         # ["*"] is all
//! units       = ["330683-017"]      # these units and all below them; absent: the whole city
//! confidential = true               # cleared for confidential units; absent: not
//! lang        = "zh"
//! letters     = ["weekly", "urgent"] # of nightly, urgent, weekly, monthly; absent: nightly
//! smime       = "certs/wang-lei.pem"  # letters are encrypted for this certificate
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;

use lettre::message::Mailbox;
use muster_core::case::Case;
use muster_core::diag::{Mistake, Source, did_you_mean};
use muster_core::finding::{Finding, Line, Subject};
use serde::Deserialize;

use crate::mail::kind::{self, Kind};
use crate::night::Night;
use crate::store::work::Worked;
use crate::words::Lang;

/// Somebody who works with cases.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Lasting, kebab-case.
    pub id: String,
    /// What people call them.
    pub name: String,
    /// Mail address.
    pub address: String,
    /// Departments whose cases they see; `*` is all.
    pub departments: Vec<String>,
    /// Units that they see, with all below them; empty: the whole city.
    #[serde(default)]
    pub units: Vec<String>,
    /// Whether they are cleared for units that the register calls confidential.
    #[serde(default)]
    pub confidential: bool,
    /// Language of their letters; the city's where it is not said.
    #[serde(default)]
    pub lang: Option<Lang>,
    /// Which letters they get.
    #[serde(default = "kind::usual")]
    pub letters: Vec<Kind>,
    /// Whether the nightly letter comes too when nothing is new; silence means that something is wrong.
    #[serde(default = "kind::heartbeat")]
    pub heartbeat: bool,
    /// The certificate that their letters are encrypted for, PEM, below the root; null: letters are not encrypted.
    #[serde(default)]
    pub smime: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeopleFile {
    #[serde(default)]
    person: Vec<Person>,
}

/// Reads the file; `departments` are those that the city has. Every mistake at once.
pub fn people(source: &Source, departments: &[&str]) -> Result<Vec<Person>, Vec<Mistake>> {
    let file: PeopleFile = toml::from_str(&source.text).map_err(|err| {
        let message = err.message().lines().next().unwrap_or_default().to_owned();
        vec![
            source
                .mistake(err.span().unwrap_or(0..0), message, "here")
                .try_this("id, name, address, departments, units, confidential, lang, letters, heartbeat and smime are known"),
        ]
    })?;
    let mut mistakes = Vec::new();
    let mut told = |text: &str, what: String, hint: &str| {
        let at = source.text.find(&format!("\"{text}\"")).map_or(0..0, |at| at..at + text.len() + 2);
        mistakes.push(source.mistake(at, what, "here").try_this(hint));
    };
    let mut ids = BTreeSet::new();
    for person in &file.person {
        let id = &person.id;
        let kebab = id.starts_with(|it: char| it.is_ascii_lowercase())
            && id.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-');
        if !kebab {
            told(id, format!("`{id}` is no id"), "lower-case letters, digits and hyphens, like wang-lei");
        }
        if !ids.insert(id) || departments.contains(&id.as_str()) {
            told(
                id,
                format!("the id `{id}` is taken"),
                "it stands in letters and in the log, and means one person; departments have ids too",
            );
        }
        if Mailbox::from_str(&person.address).is_err()
            || person.address.contains(['<', '>'])
            || person.address.chars().any(char::is_control)
        {
            told(&person.address, format!("`{}` is no mail address", person.address), "write name@city.example");
        }
        if person.departments.is_empty() {
            told(id, format!("`{id}` sees nothing: `departments` is empty"), "name departments, or [\"*\"] for all");
        }
        for name in person.departments.iter().filter(|it| *it != "*" && !departments.contains(&it.as_str())) {
            let hint = did_you_mean(name, departments.iter().copied(), "departments are the files in config/departments");
            told(name, format!("no department is called `{name}`"), &hint);
        }
    }
    if mistakes.is_empty() { Ok(file.person) } else { Err(mistakes) }
}

/// Through whose eyes a command looks: a person of `people.toml`, or, where nobody is in it, whoever has the terminal.
#[derive(Clone, Debug, Default)]
pub struct Eyes {
    /// Null: all is seen.
    person: Option<(String, Scope)>,
    concerned: BTreeMap<String, BTreeSet<String>>,
}

impl Eyes {
    /// Of the person with this id. Where `people.toml` names people, one of them must be said. `night` knows which unit is below which.
    pub fn of(
        id: Option<&str>,
        people: &[Person],
        night: Option<&Night>,
        concerned: BTreeMap<String, BTreeSet<String>>,
    ) -> Result<Eyes, String> {
        let ids = || people.iter().map(|it| it.id.as_str());
        let Some(id) = id else {
            return match people.first() {
                None => Ok(Eyes::default()),
                Some(first) => Err(format!(
                    "people.toml 已列明人员，请用 --as 说明身份，如 --as {} (people.toml names who may see what: say `--as`)",
                    first.id
                )),
            };
        };
        let person =
            people.iter().find(|it| it.id == id).ok_or_else(|| format!("`{id}`: {}", did_you_mean(id, ids(), "ids are in people.toml")))?;
        let scope = Scope::of(person, night);
        Ok(Eyes { person: Some((id.to_owned(), scope)), concerned })
    }

    /// Whether anything of a case may be seen.
    pub fn see(&self, case: &Case) -> bool {
        self.cut(case).is_some()
    }

    /// What of a case may be seen; null: nothing.
    pub fn cut(&self, case: &Case) -> Option<Case> {
        self.person.as_ref().map_or_else(|| Some(case.clone()), |(_, scope)| scope.cut(case, &self.concerned))
    }

    /// The same with what was done about it.
    pub fn cut_worked(&self, it: Worked) -> Option<Worked> {
        Some(Worked { case: self.cut(&it.case)?, ..it })
    }

    /// Whether a unit may be listed.
    pub fn lists(&self, unit: &str) -> bool {
        self.person.as_ref().is_none_or(|(_, scope)| scope.lists(unit))
    }

    /// Whether a text names a unit that may not be seen.
    pub fn hides(&self, text: &str) -> bool {
        self.person.as_ref().is_some_and(|(_, scope)| scope.hidden.values().any(|name| !name.is_empty() && text.contains(name.as_str())))
    }

    /// What they may see; null: all, whoever has the terminal.
    pub fn scope(&self) -> Option<&Scope> {
        self.person.as_ref().map(|(_, scope)| scope)
    }

    /// Whether the rows of a department may be seen: they are of all its units.
    pub fn see_rows_of(&self, department: &str) -> bool {
        self.person.as_ref().is_none_or(|(_, scope)| scope.has_feed(department))
    }

    /// Whether a row of a feed, about somebody of the unit with this code, may be seen in the story of a person: the rows of the own
    /// departments and units may, and beside a case whatever its rules compare. `cases` are those of the person that may be seen.
    pub fn see_row(&self, feed: &str, unit: Option<&str>, cases: &[&Case]) -> bool {
        let department = feed.split('/').next().unwrap_or_default();
        let compared = |case: &&Case| case.findings.keys().any(|it| self.concerned.get(it).is_some_and(|it| it.contains(department)));
        self.person.as_ref().is_none_or(|(_, scope)| scope.has_row(department, unit) || cases.iter().any(compared))
    }

    /// Whether everything may be seen.
    pub fn see_all(&self) -> bool {
        self.person.as_ref().is_none_or(|(_, scope)| scope.is_whole())
    }

    /// Who looks; null: whoever has the terminal.
    pub fn id(&self) -> Option<&str> {
        self.person.as_ref().map(|(id, _)| id.as_str())
    }
}

/// What somebody may see of a night.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Names of departments; null: all.
    departments: Option<BTreeSet<String>>,
    /// Codes of units, those below them too; null: the whole city.
    units: Option<BTreeSet<String>>,
    /// Confidential units that they are not cleared for: name by code.
    hidden: BTreeMap<String, String>,
}

impl Scope {
    /// All cases of one department.
    pub fn department(name: &str) -> Scope {
        Scope { departments: Some([name.to_owned()].into()), ..Scope::default() }
    }

    /// The same, without what `night` knows to be confidential.
    #[must_use]
    pub fn uncleared(self, night: &Night) -> Scope {
        Scope { hidden: night.confidential.clone(), ..self }
    }

    /// What `person` may see, by the register of `night`; without one, of units only those that are named.
    pub fn of(person: &Person, night: Option<&Night>) -> Scope {
        let all = person.departments.iter().any(|it| it == "*");
        let departments = (!all).then(|| person.departments.iter().cloned().collect());
        let units = (!person.units.is_empty()).then(|| below(&person.units, night));
        let hidden = night.filter(|_| !person.confidential).map(|it| it.confidential.clone()).unwrap_or_default();
        Scope { departments, units, hidden }
    }

    /// The units that may be seen; null: the whole city.
    pub fn units(&self) -> Option<&BTreeSet<String>> {
        self.units.as_ref()
    }

    /// Whether a unit may be listed.
    pub fn lists(&self, unit: &str) -> bool {
        !self.hidden.contains_key(unit) && self.units.as_ref().is_none_or(|it| it.contains(unit))
    }

    /// Confidential units that they are not cleared for: name by code.
    pub fn hidden_units(&self) -> &BTreeMap<String, String> {
        &self.hidden
    }

    /// Whether a unit is hidden because it is confidential.
    pub fn hides(&self, unit: &str) -> bool {
        self.hidden.contains_key(unit)
    }

    /// Whether all departments of the whole city may be seen. Confidential units may be hidden all the same.
    pub fn is_whole(&self) -> bool {
        self.departments.is_none() && self.units.is_none()
    }

    /// Whether all may be seen that `other` may see.
    pub fn covers(&self, other: &Scope) -> bool {
        self.is_whole() && self.hidden.keys().all(|it| other.hidden.contains_key(it))
    }

    /// Whether a feed, `department/feed`, is one of the departments' own.
    pub fn has_feed(&self, feed: &str) -> bool {
        let department = feed.split('/').next().unwrap_or_default();
        self.units.is_none() && self.departments.as_ref().is_none_or(|it| it.contains(department))
    }

    /// Whether a row of a department, about the unit with this code, is theirs. One that names no unit is only theirs who see the whole city.
    fn has_row(&self, department: &str, unit: Option<&str>) -> bool {
        self.departments.as_ref().is_none_or(|it| it.contains(department))
            && self.units.as_ref().is_none_or(|units| unit.is_some_and(|it| units.contains(it)))
    }

    /// Whether anything of a case may be seen.
    pub fn sees(&self, case: &Case, concerned: &BTreeMap<String, BTreeSet<String>>) -> bool {
        self.cut(case, concerned).is_some()
    }

    /// What of a case may be seen: its findings at their own units, those of confidential units left out; null when there are none, or when
    /// no rule of those concerns their departments. `concerned`: the departments that a rule concerns, by rule id. What names no unit is
    /// seen only by those who see the whole city. This is the only place that decides it.
    pub fn cut(&self, case: &Case, concerned: &BTreeMap<String, BTreeSet<String>>) -> Option<Case> {
        let theirs = |rule: &String| match (&self.departments, concerned.get(rule)) {
            (None, _) => true,
            (Some(mine), Some(of)) => !mine.is_disjoint(of),
            (Some(_), None) => false,
        };
        if matches!(&case.subject, Subject::Unit { key, .. } if key.strip_prefix("u-").is_some_and(|it| self.hidden.contains_key(it))) {
            return None;
        }
        let here = |it: &Finding| self.units.as_ref().is_none_or(|units| it.unit_code.as_ref().is_some_and(|it| units.contains(it)));
        let mut case = case.clone();
        case.findings.retain(|_, it| here(it) && !self.conceals(it));
        case.findings.keys().any(theirs).then_some(case)
    }

    /// Whether a finding is of a confidential unit, or its evidence names one: somebody who is paid by two units is found at one of them.
    fn conceals(&self, finding: &Finding) -> bool {
        let names = |text: &str| self.hidden.values().any(|name| !name.is_empty() && text.contains(name.as_str()));
        let told = |line: &Line| {
            let facts = || line.facts.values().any(|it| self.hidden.contains_key(it) || names(it));
            names(&line.zh) || names(&line.en) || facts()
        };
        finding.unit_code.as_ref().is_some_and(|it| self.hidden.contains_key(it)) || finding.lines.iter().any(told)
    }
}

/// `tops` and every unit below them.
fn below(tops: &[String], night: Option<&Night>) -> BTreeSet<String> {
    let mut units: BTreeSet<String> = tops.iter().cloned().collect();
    let Some(night) = night else { return units };
    loop {
        let known = units.len();
        let child = |parent: &Option<String>| parent.as_ref().is_some_and(|it| units.contains(it));
        let more: Vec<String> = night.units.values().filter(|it| child(&it.parent)).map(|it| it.code.clone()).collect();
        units.extend(more);
        if units.len() == known {
            return units;
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_core::case::State;
    use muster_core::finding::{Family, Severity};

    use super::*;

    fn wrong(text: &str) -> Vec<String> {
        let read = people(&Source::new("config/people.toml", text), &["finance", "hr"]);
        read.err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    /// One person of U1, found there by G01, and by D01 at `elsewhere`, whose sentence is `zh`.
    fn case(elsewhere: &str, zh: &str) -> Case {
        let subject = Subject::Person { key: "p-a".into(), id: 1 };
        let line = |zh: &str| Line {
            month: None,
            zh: zh.to_owned(),
            en: String::new(),
            amount_fen: None,
            places: Vec::new(),
            facts: BTreeMap::new(),
        };
        let finding = |rule: &str, unit: &str, zh: &str| Finding {
            rule: rule.to_owned(),
            family: Family::Ghost,
            severity: Severity::S1,
            subject: subject.clone(),
            unit_id: None,
            unit_code: Some(unit.to_owned()),
            months: Vec::new(),
            since: None,
            amount_fen: None,
            confidence: 1.0,
            settings: BTreeMap::new(),
            lines: vec![line(zh)],
        };
        let found = [finding("G01", "U1", "市水文站仍发放"), finding("D01", elsewhere, zh)];
        let day = chrono::NaiveDate::MIN;
        Case {
            key: "k".into(),
            number: Some("MU-2026-000001".into()),
            family: Family::Ghost,
            subject: subject.clone(),
            state: State::Open,
            opened_on: day,
            changed_on: day,
            findings: found.into_iter().map(|it| (it.rule.clone(), it)).collect(),
        }
    }

    fn rules(scope: &Scope, case: &Case) -> Vec<String> {
        let concerned: BTreeMap<String, BTreeSet<String>> =
            [("G01".to_owned(), ["death".to_owned()].into()), ("D01".to_owned(), ["finance".to_owned()].into())].into();
        scope.cut(case, &concerned).map(|it| it.findings.into_keys().collect()).unwrap_or_default()
    }

    #[test]
    fn of_a_case_everybody_sees_what_is_found_at_their_own_units() {
        let at = |unit: &str| Scope { units: Some([unit.to_owned()].into()), ..Scope::default() };
        let case = case("U2", "实验小学也发放");
        assert_eq!(rules(&Scope::default(), &case), ["D01", "G01"]);
        assert_eq!((rules(&at("U1"), &case), rules(&at("U2"), &case)), (vec!["G01".to_owned()], vec!["D01".to_owned()]));
        assert!(rules(&at("U3"), &case).is_empty());
        assert_eq!(rules(&Scope::department("finance"), &case), ["D01", "G01"], "a department sees the whole case");
        let both = Scope { units: Some(["U1".to_owned()].into()), ..Scope::department("finance") };
        assert!(rules(&both, &case).is_empty(), "what concerns them is at another unit");
    }

    #[test]
    fn what_is_confidential_is_for_the_cleared() {
        let uncleared = Scope { hidden: [("U9".to_owned(), "某局".to_owned())].into(), ..Scope::default() };
        assert_eq!(rules(&uncleared, &case("U9", "也发放")), ["G01"]);
        assert_eq!(rules(&uncleared, &case("U2", "实验小学与某局同月发放")), ["G01"], "nor is it named in the evidence of others");
        assert_eq!(rules(&uncleared, &case("U2", "实验小学也发放")), ["D01", "G01"]);
        assert!(uncleared.is_whole() && !uncleared.covers(&Scope::default()) && Scope::default().covers(&uncleared));
        let mut unit = case("U9", "");
        unit.subject = Subject::Unit { key: "u-U9".into(), id: 1 };
        assert!(rules(&uncleared, &unit).is_empty());
    }

    #[test]
    fn mistakes_are_told_together() {
        let good = "[[person]]\nid = 'wang-lei'\nname = '王蕾'\naddress = 'w@city.example'\ndepartments = ['finance']\n";
        assert!(wrong(good).is_empty(), "{:?}", wrong(good));
        let bad = "[[person]]\nid = 'Wang'\nname = 'x'\naddress = 'nobody'\ndepartments = ['fin']\n[[person]]\nid = 'hr'\nname = 'x'\naddress = 'a@b.example'\ndepartments = []\n";
        assert_eq!(wrong(bad).len(), 5, "{:?}", wrong(bad));
        assert!(wrong("[[person]]\nid = 'a'\nnmae = 'x'\n")[0].contains("nmae"));
    }
}
