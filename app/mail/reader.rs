//! Who reads what: a department's reviewers get the cases that its data speak in, people of `people.toml` what they may see.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::case::{Case, CaseEvent};
use muster_core::mapping::Title;

use super::kind::Kind;
use crate::config::City;
use crate::night::Night;
use crate::people::Scope;
use crate::words::Lang;

/// Somebody who gets letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Stands in Message-IDs: a person's id, or the department's name, with a number from the second reviewer on.
    pub id: String,
    /// Mail address.
    pub address: String,
    /// What they may see.
    pub scope: Scope,
    /// What people call the department, or the person.
    pub title: Title,
    /// Language of the letters.
    pub lang: Lang,
    /// Which letters they get.
    pub letters: Vec<Kind>,
    /// Whether the nightly letter comes too when nothing is new.
    pub heartbeat: bool,
}

/// Every reviewer of every department, and every person of `people.toml`.
pub fn readers(city: &City, night: &Night) -> Vec<Reader> {
    let mut readers = Vec::new();
    let lang = city.settings.report.lang;
    for department in &city.departments {
        let name = &department.file.name;
        for (place, address) in department.file.reviewers.iter().enumerate() {
            let id = if place == 0 { name.clone() } else { format!("{name}-{}", place + 1) };
            let (scope, title) = (Scope::department(name).uncleared(night), department.file.title.clone());
            let (letters, heartbeat) = (department.file.letters.clone(), department.file.heartbeat);
            readers.push(Reader { id, address: address.clone(), scope, title, lang, letters, heartbeat });
        }
    }
    for person in &city.people {
        let title = Title { zh: person.name.clone(), en: person.name.clone() };
        let (scope, lang) = (Scope::of(person, Some(night)), person.lang.unwrap_or(lang));
        let (id, address, letters) = (person.id.clone(), person.address.clone(), person.letters.clone());
        readers.push(Reader { id, address, scope, title, lang, letters, heartbeat: person.heartbeat });
    }
    readers
}

/// Every address that the configuration sends letters to, as [`bare`] gives it.
pub fn addresses(city: &City) -> BTreeSet<String> {
    let operators = city.mail.iter().flat_map(|it| &it.file.operators);
    let reviewers = city.departments.iter().flat_map(|it| &it.file.reviewers);
    let people = city.people.iter().map(|it| &it.address);
    operators.chain(reviewers).chain(people).map(|it| bare(it)).collect()
}

/// The address alone, in small letters and without the name before it.
pub fn bare(address: &str) -> String {
    address.rsplit('<').next().unwrap_or_default().trim_end_matches('>').to_lowercase()
}

/// The departments whose feeds fill a table that a rule needs, by rule id. What only excuses does not make a case a department's own.
pub fn concerned(city: &City) -> BTreeMap<String, BTreeSet<String>> {
    let mut fills: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for department in &city.departments {
        for feed in &department.mapping.feeds {
            fills.entry(feed.fills.name).or_default().insert(&department.file.name);
        }
    }
    let of = |table: &String| fills.get(table.as_str()).into_iter().flatten().map(|it| (*it).to_owned());
    city.rules.iter().map(|rule| (rule.id.clone(), rule.needs.iter().flat_map(of).collect())).collect()
}

/// What somebody may see of the cases of a night, and what happened to them.
pub fn share(night: &Night, concerned: &BTreeMap<String, BTreeSet<String>>, scope: &Scope) -> (Vec<Case>, Vec<CaseEvent>) {
    let cases: Vec<Case> = night.cases.iter().filter_map(|it| scope.cut(it, concerned)).collect();
    let seen: BTreeMap<&str, &Case> = cases.iter().map(|it| (it.key.as_str(), it)).collect();
    let event = |it: &CaseEvent| {
        let (case, mut event) = (seen.get(it.case.as_str())?, it.clone());
        let cut = night.cases.iter().find(|it| it.key == event.case).is_some_and(|it| it.findings.len() > case.findings.len());
        event.rules.retain(|it| !cut || case.findings.contains_key(it));
        Some(event)
    };
    let events = night.events.iter().filter_map(event).collect();
    (cases, events)
}
