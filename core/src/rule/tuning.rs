//! What a city sets otherwise than the cards: `config/rules.toml`, one table per rule.
//!
//! ```toml
//! [P01]
//! grace_months = 1                      # 0 to 120
//! severity = "S2"
//! params = { institution_days = 20 }    # only what the card's [params] names
//!
//! [G22]
//! off = "why this city does not run it"
//! ```
//!
//! Cards stay as they are and are proved as they are: [`Rule::tuned`] gives the rule that runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::front::{GRACE_MONTHS, SEVERITIES, integer};
use super::{Faults, Rule};
use crate::diag::{Mistake, Source, did_you_mean, nearest};
use crate::engine::{Param, params_of};
use crate::finding::Severity;

/// What a city sets otherwise than one card.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tuning {
    /// Months that pass before a finding is raised.
    pub grace_months: Option<i32>,
    /// How grave a finding is.
    pub severity: Option<Severity>,
    /// Parameters that the card has, with other values.
    pub params: BTreeMap<String, Param>,
    /// Why the city does not run the rule; null when it does.
    pub off: Option<String>,
}

/// The keys of a rule's table.
const KEYS: &[&str] = &["grace_months", "severity", "params", "off"];

/// Bounds of a parameter by the unit in its name: units stand in names, so that nobody has to guess them.
const BOUNDS: &[(&str, RangeInclusive<i64>)] = &[
    ("percent", 0..=100),
    ("days", 0..=3_660),
    ("months", 0..=600),
    ("years", 0..=150),
    ("age", 0..=150),
    ("fen", 0..=1_000_000_000_000),
    ("yuan", 0..=10_000_000_000),
];

/// Bounds of a parameter that names no unit, such as a count of people.
const COUNTS: RangeInclusive<i64> = 0..=1_000_000_000;

/// What a whole-number parameter called `name` may be set to.
pub fn bounds(name: &str) -> RangeInclusive<i64> {
    let of = |(unit, bounds): &(&str, RangeInclusive<i64>)| name.split('_').any(|it| it == *unit).then(|| bounds.clone());
    BOUNDS.iter().find_map(of).unwrap_or(COUNTS)
}

/// Reads a city's settings by rule id; on failure every mistake they hold, in the order of the file.
pub fn tunings(source: &Source, cards: &[Rule]) -> Result<BTreeMap<String, Tuning>, Vec<Mistake>> {
    let mut faults = Faults { source, found: Vec::new() };
    let mut found = BTreeMap::new();
    let (table, broken) = DeTable::parse_recoverable(&source.text);
    for error in &broken {
        faults.add(error.span().unwrap_or(0..0), error.message(), "here");
    }
    if broken.is_empty() {
        for (id, value) in table.get_ref() {
            match cards.iter().find(|it| it.id == id.get_ref().as_ref()) {
                Some(card) => {
                    found.insert(card.id.clone(), tuning(card, value, &mut faults));
                }
                None => faults.add_hint(id.span(), format!("there is no rule `{}`", id.get_ref()), "here", which(id.get_ref(), cards)),
            }
        }
    }
    let mut mistakes = faults.found;
    mistakes.sort_by_key(Mistake::line);
    if mistakes.is_empty() { Ok(found) } else { Err(mistakes) }
}

/// What somebody may have meant who wrote `wrong` for a rule's id.
pub fn which(wrong: &str, cards: &[Rule]) -> String {
    let by_name = nearest(wrong, cards.iter().map(|it| it.name.as_str())).and_then(|name| cards.iter().find(|it| it.name == name));
    let by_id = || did_you_mean(&wrong.to_uppercase(), cards.iter().map(|it| it.id.as_str()), "`muster rules` lists them");
    by_name.map_or_else(by_id, |it| format!("did you mean `{}` ({})?", it.id, it.name))
}

fn tuning(card: &Rule, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Tuning {
    let mut tuning = Tuning::default();
    let Some(table) = value.get_ref().as_table() else {
        faults.add_hint(value.span(), format!("`{}` should be a table", card.id), "here", format!("[{}]", card.id));
        return tuning;
    };
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "grace_months" => tuning.grace_months = grace_months(card, value, faults),
            "severity" => tuning.severity = severity(value, faults),
            "params" => tuning.params = params(card, value, faults),
            "off" => tuning.off = off(value, faults),
            // A parameter one level too high is the likeliest slip.
            other if card.params.contains_key(other) => {
                faults.add_hint(
                    key.span(),
                    format!("`{other}` is a parameter of {}", card.id),
                    "here",
                    format!("params = {{ {other} = … }}"),
                );
            }
            other => {
                let hint = did_you_mean(other, KEYS.iter().copied(), &format!("a rule may have {}", KEYS.join(", ")));
                faults.add_hint(key.span(), format!("unknown key `{other}`"), "here", hint);
            }
        }
    }
    tuning
}

fn grace_months(card: &Rule, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<i32> {
    if !uses(card, "grace_months") {
        let hint = "the card's query does not use `$grace_months`";
        faults.add_hint(value.span(), format!("{} has no grace", card.id), "here", hint);
        return None;
    }
    let found = integer(value).filter(|it| GRACE_MONTHS.contains(it)).and_then(|it| i32::try_from(it).ok());
    if found.is_none() {
        let hint = format!("from {} to {}", GRACE_MONTHS.start(), GRACE_MONTHS.end());
        faults.add_hint(value.span(), "`grace_months` should be a whole number", "here", hint);
    }
    found
}

fn severity(value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<Severity> {
    let found = value.get_ref().as_str().and_then(|word| SEVERITIES.iter().find(|(it, _)| *it == word)).map(|(_, it)| *it);
    if found.is_none() {
        faults.add_hint(value.span(), "`severity` should be one of S1, S2, S3, S4", "here", "severity = \"S2\"");
    }
    found
}

/// A rule that is silent for no reason is one that nobody dares to turn on again.
fn off(value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Option<String> {
    let found = value.get_ref().as_str().map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
    if found.is_none() {
        faults.add_hint(value.span(), "`off` should say why", "here", "off = \"the reason, for those who come after\"");
    }
    found
}

fn params(card: &Rule, value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> BTreeMap<String, Param> {
    let mut params = BTreeMap::new();
    let Some(table) = value.get_ref().as_table() else {
        faults.add_hint(value.span(), "`params` should be a table", "here", "params = { … }");
        return params;
    };
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let Some(usual) = card.params.get(name) else {
            let known: Vec<&str> = card.params.keys().map(String::as_str).collect();
            let otherwise =
                if known.is_empty() { format!("{} has no parameters", card.id) } else { format!("it has {}", known.join(", ")) };
            let hint = did_you_mean(name, known.iter().copied(), &otherwise);
            faults.add_hint(key.span(), format!("{} has no parameter `{name}`", card.id), "here", hint);
            continue;
        };
        match param(name, usual, value) {
            Ok(param) => {
                params.insert(name.to_owned(), param);
            }
            Err((what, hint)) => faults.add_hint(value.span(), what, "here", hint),
        }
    }
    params
}

/// The value of a parameter whose usual value is `usual`; what is wrong with it and a hint.
fn param(name: &str, usual: &Param, value: &Spanned<DeValue<'_>>) -> Result<Param, (String, String)> {
    if matches!(usual, Param::Text(_)) {
        let text = value.get_ref().as_str().map(str::trim).filter(|it| !it.is_empty());
        return text
            .map(|it| Param::Text(it.to_owned()))
            .ok_or_else(|| (format!("`{name}` should be text"), format!("the card says \"{usual}\"")));
    }
    let bounds = bounds(name);
    let hint = format!("from {} to {}; the card says {usual}", bounds.start(), bounds.end());
    match integer(value) {
        Some(it) if bounds.contains(&it) => Ok(Param::Whole(it)),
        Some(it) => Err((format!("`{name}` cannot be {it}"), hint)),
        None => Err((format!("`{name}` should be a whole number"), hint)),
    }
}

fn uses(card: &Rule, name: &str) -> bool {
    params_of(&card.sql).iter().any(|(it, _)| it == name)
}

impl Rule {
    /// The rule as a city runs it. Its text and examples stay the card's.
    #[must_use]
    pub fn tuned(&self, tuning: Option<&Tuning>) -> Rule {
        let mut rule = self.clone();
        let Some(tuning) = tuning else { return rule };
        rule.grace_months = tuning.grace_months.unwrap_or(rule.grace_months);
        rule.severity = tuning.severity.unwrap_or(rule.severity);
        rule.params.extend(tuning.params.clone());
        rule
    }

    /// What its query was told beside the night, as printed: its parameters, and `grace_months` where it is read.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let grace = uses(self, "grace_months").then(|| ("grace_months".to_owned(), self.grace_months.to_string()));
        self.params.iter().map(|(name, it)| (name.clone(), it.to_string())).chain(grace).collect()
    }

    /// The names of the settings that `tuning` sets otherwise than the card.
    pub fn changed_by(&self, tuning: &Tuning) -> BTreeSet<String> {
        let card = self.settings();
        self.tuned(Some(tuning)).settings().into_iter().filter(|(name, it)| card.get(name) != Some(it)).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cards() -> Vec<Rule> {
        let card = |name: &str, text: &str| super::super::read(Source::new(format!("{name}.md"), text)).expect("shipped");
        vec![
            card("paid-after-death", include_str!("../../../rules/paid-after-death.md")),
            card("absent-beyond-limit", include_str!("../../../rules/absent-beyond-limit.md")),
        ]
    }

    fn wrong(text: &str, what: &str, hint: &str) {
        let told = tunings(&Source::new("config/rules.toml", text), &cards()).expect_err(text);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].what.contains(what), "{}: {}", told[0].what, what);
        assert!(told[0].hint().unwrap_or_default().contains(hint), "{:?}: {hint}", told[0].hint());
    }

    #[test]
    fn a_city_sets_what_the_card_leaves_open() {
        let text = "[P01]\nseverity = \"S2\"\nparams = { institution_days = 20 }\n[G01]\ngrace_months = 2\noff = \"under review\"\n";
        let found = tunings(&Source::new("config/rules.toml", text), &cards()).expect("fine");
        let cards = cards();
        let absent = cards[1].tuned(found.get("P01"));
        assert_eq!(absent.severity, Severity::S2);
        assert_eq!(absent.settings(), BTreeMap::from([("civil_days".into(), "11".into()), ("institution_days".into(), "20".into())]));
        assert_eq!(cards[1].changed_by(&found["P01"]), BTreeSet::from(["institution_days".to_owned()]));
        assert_eq!(cards[0].tuned(found.get("G01")).grace_months, 2);
        assert_eq!(found["G01"].off.as_deref(), Some("under review"));
        assert_eq!(absent.source.text, cards[1].source.text);
        assert_eq!(cards[1].tuned(None).settings(), cards[1].settings());
    }

    #[test]
    fn mistakes_say_what_and_what_to_try() {
        wrong("[G1]\n", "no rule `G1`", "did you mean `G01`?");
        wrong("[paid-after-deth]\n", "no rule", "did you mean `G01` (paid-after-death)?");
        wrong("[P01]\nparams = { institution_day = 3 }\n", "no parameter `institution_day`", "did you mean `institution_days`?");
        wrong("[G01]\nparams = { days = 3 }\n", "no parameter `days`", "has no parameters");
        wrong("[P01]\nparams = { civil_days = \"11\" }\n", "should be a whole number", "the card says 11");
        wrong("[P01]\nparams = { civil_days = -1 }\n", "cannot be -1", "from 0 to 3660");
        wrong("[P01]\ncivil_days = 10\n", "is a parameter of P01", "params = { civil_days");
        wrong("[P01]\ngrace_months = 1\n", "P01 has no grace", "$grace_months");
        wrong("[G01]\ngrace_months = 121\n", "whole number", "from 0 to 120");
        wrong("[G01]\nseverity = \"high\"\n", "one of S1, S2, S3, S4", "severity");
        wrong("[G01]\noff = true\n", "should say why", "reason");
        wrong("[G01]\noff = \" \"\n", "should say why", "reason");
        wrong("[G01]\nof = \"x\"\n", "unknown key `of`", "did you mean `off`?");
        wrong("G01 = 3\n", "should be a table", "[G01]");
    }

    #[test]
    fn several_mistakes_are_told_in_the_order_of_the_file() {
        let source = Source::new("config/rules.toml", "[X99]\n[G01]\ngrace_months = 999\n");
        let told = tunings(&source, &cards()).expect_err("two mistakes");
        assert_eq!(told.iter().map(Mistake::place).collect::<Vec<_>>(), ["config/rules.toml:1", "config/rules.toml:3"]);
    }

    #[test]
    fn bounds_follow_the_unit_in_the_name() {
        assert_eq!(bounds("share_percent"), 0..=100);
        assert_eq!(bounds("percent_min"), 0..=100);
        assert_eq!(bounds("age_max"), 0..=150);
        assert_eq!(bounds("people_min"), COUNTS);
    }
}
