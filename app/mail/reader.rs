//! Who reads what: a department's reviewers get the cases that its data speak in.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::case::{Case, CaseEvent};
use muster_core::mapping::Title;

use crate::config::City;
use crate::night::Night;

/// Somebody who gets letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Stands in Message-IDs: the department's name, with a number from the second on.
    pub id: String,
    /// Mail address.
    pub address: String,
    /// The department whose cases are read.
    pub department: String,
    /// What people call it.
    pub title: Title,
}

/// Every reviewer of every department, in their order.
pub fn readers(city: &City) -> Vec<Reader> {
    let mut readers = Vec::new();
    for department in &city.departments {
        let name = &department.file.name;
        for (place, address) in department.file.reviewers.iter().enumerate() {
            let id = if place == 0 { name.clone() } else { format!("{name}-{}", place + 1) };
            readers.push(Reader { id, address: address.clone(), department: name.clone(), title: department.file.title.clone() });
        }
    }
    readers
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

/// The cases of a night that are a department's, and what happened to them.
pub fn share(night: &Night, concerned: &BTreeMap<String, BTreeSet<String>>, department: &str) -> (Vec<Case>, Vec<CaseEvent>) {
    let theirs = |case: &&Case| case.findings.keys().any(|rule| concerned.get(rule).is_some_and(|it| it.contains(department)));
    let cases: Vec<Case> = night.cases.iter().filter(theirs).cloned().collect();
    let keys: BTreeSet<&str> = cases.iter().map(|it| it.key.as_str()).collect();
    let events = night.events.iter().filter(|it| keys.contains(it.case.as_str())).cloned().collect();
    (cases, events)
}
