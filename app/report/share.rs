//! What of a night somebody may have on paper: their cases and the people in them, their units, the details of their own feeds.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::case::escalation::Escalation;
use muster_core::figures::{Figures, Line, UnitFigures};
use muster_core::finding::Subject;
use muster_core::prompt::{Prompt, Row};

use crate::mail;
use crate::night::{FeedNight, Night};
use crate::people::Scope;

/// The code under which hidden units stand together.
const UNLISTED: &str = "***";

/// The night through the eyes of `scope`. `concerned`: the departments that a rule concerns.
pub fn share(night: &Night, concerned: &BTreeMap<String, BTreeSet<String>>, scope: &Scope) -> Night {
    let (cases, events) = mail::share(night, concerned, scope);
    let persons: BTreeSet<&str> = cases.iter().map(|it| it.subject.key()).collect();
    let mut shared = Night {
        people: night.people.iter().filter(|(_, it)| persons.contains(it.key.as_str())).map(|(id, it)| (*id, it.clone())).collect(),
        feeds: night.feeds.iter().map(|it| feed(it, scope)).collect(),
        unlinked_units: night.unlinked_units.iter().filter(|it| scope.has_feed(&it.feed)).cloned().collect(),
        events,
        ..night.clone()
    };
    if scope.units().is_none() {
        unlist(&mut shared, scope);
    }
    if let Some(units) = scope.units() {
        let codes: BTreeSet<&str> = cases
            .iter()
            .flat_map(|it| it.findings.values())
            .filter_map(|it| it.unit_code.as_deref())
            .chain(cases.iter().filter_map(|it| if let Subject::Unit { key, .. } = &it.subject { key.strip_prefix("u-") } else { None }))
            .chain(units.iter().map(String::as_str))
            .collect();
        shared.units.retain(|_, it| codes.contains(it.code.as_str()) && !scope.hides(&it.code));
        let listed = units.iter().filter(|it| scope.lists(it)).cloned().collect();
        shared.figures = figures(&night.figures, &listed);
        for table in &mut shared.tables {
            table.rows.retain(|it| scope.lists(&it.code));
        }
        (shared.people_count, shared.link_methods, shared.pefa) = (0, BTreeMap::new(), None);
    }
    let seen = |it: &Escalation| cases.iter().any(|case| case.key == it.case);
    shared.escalated.retain(seen);
    shared.confidential = BTreeMap::new();
    shared.cases = cases;
    shared
}

/// The night as everybody may read it who sees all departments and units: nothing of confidential units but that there are some.
pub fn open_to_all(night: &Night) -> Night {
    if night.confidential.is_empty() {
        return night.clone();
    }
    let scope = Scope::default().uncleared(night);
    let (cases, events) = mail::share(night, &BTreeMap::new(), &scope);
    let persons: BTreeSet<&str> = cases.iter().map(|it| it.subject.key()).collect();
    let mut open = night.clone();
    open.people.retain(|_, it| persons.contains(it.key.as_str()));
    open.escalated.retain(|it| cases.iter().any(|case| case.key == it.case));
    unlist(&mut open, &scope);
    Night { cases, events, confidential: BTreeMap::new(), ..open }
}

/// Puts the rows of confidential units together into one that names none of them: the sums stay what they were.
pub fn unlist_rows(table: &mut Prompt, confidential: &BTreeMap<String, String>) {
    let (hidden, mut rows): (Vec<Row>, Vec<Row>) =
        std::mem::take(&mut table.rows).into_iter().partition(|it| confidential.contains_key(&it.code));
    if !hidden.is_empty() {
        let mut sum = Row { code: UNLISTED.to_owned(), name: together(hidden.len() as u64), ..Row::default() };
        for (measure, value) in hidden.iter().flat_map(|it| &it.values) {
            sum.add(measure, *value);
        }
        rows.push(sum);
    }
    table.rows = rows;
}

fn together(units: u64) -> String {
    format!("涉密单位 {units} 个，不列 (confidential units, not listed)")
}

/// Takes hidden units out of every list. In sums they stay: in tables and figures they are one row together.
fn unlist(night: &mut Night, scope: &Scope) {
    let before = night.units.len();
    night.units.retain(|_, it| !scope.hides(&it.code));
    night.unlisted_units = (before - night.units.len()) as u64;
    for it in &mut night.unlinked_units {
        it.nearest_name = it.nearest_name.take().filter(|name| !scope.hidden_units().values().any(|hidden| hidden == name));
    }
    let name = together(night.unlisted_units);
    for table in &mut night.tables {
        unlist_rows(table, scope.hidden_units());
    }
    let (hidden, mut units): (Vec<UnitFigures>, Vec<UnitFigures>) =
        std::mem::take(&mut night.figures.units).into_iter().partition(|it| scope.hides(&it.code));
    if !hidden.is_empty() {
        let sum = |of: fn(&UnitFigures) -> Line| hidden.iter().fold(Line::default(), |sum, it| sum.plus(&of(it)));
        let (administrative, institution) = (sum(|it| it.administrative), sum(|it| it.institution));
        units.push(UnitFigures { code: UNLISTED.to_owned(), name, kind: None, administrative, institution });
    }
    night.figures.units = units;
}

/// Of other departments' feeds only whether they may be believed.
fn feed(feed: &FeedNight, scope: &Scope) -> FeedNight {
    let mut feed = feed.clone();
    let own = scope.has_feed(&feed.feed);
    if let Some(tally) = &mut feed.tally {
        *tally = tally.without_people();
        if !own {
            (tally.unmapped_codes, tally.voids, tally.untold_columns) = (Vec::new(), Vec::new(), Vec::new());
            (tally.sheets, tally.sums_fen) = (Vec::new(), BTreeMap::new());
        }
    }
    feed
}

/// The figures of some units; what is only known of the whole city is not told.
fn figures(all: &Figures, units: &BTreeSet<String>) -> Figures {
    let units: Vec<_> = all.units.iter().filter(|it| units.contains(&it.code)).cloned().collect();
    let sum = |of: fn(&UnitFigures) -> Line| units.iter().fold(Line::default(), |sum, it| sum.plus(&of(it)));
    Figures {
        administrative: sum(|it| it.administrative),
        institution: sum(|it| it.institution),
        institutions: units.iter().filter(|it| it.institution != Line::default()).count() as u64,
        units_over: units.iter().filter(|it| it.both().over > 0).count() as u64,
        network_accounts: 0,
        documents: 0,
        units,
    }
}

#[cfg(test)]
mod tests {
    use muster_core::prompt::Which;

    use super::*;
    use crate::sample;

    #[test]
    fn a_department_gets_its_cases_and_only_their_people() {
        let night = sample::night();
        let rule = night.cases[0].findings.keys().next().expect("a rule").clone();
        let concerned: BTreeMap<String, BTreeSet<String>> = [(rule, ["finance".to_owned()].into())].into();
        let mine = share(&night, &concerned, &Scope::department("finance"));
        assert!(!mine.cases.is_empty() && mine.cases.len() < night.cases.len());
        let keys: BTreeSet<&str> = mine.cases.iter().map(|it| it.subject.key()).collect();
        assert!(mine.people.values().all(|it| keys.contains(it.key.as_str())) && mine.people.len() < night.people.len());
        assert!(mine.events.iter().all(|it| mine.cases.iter().any(|case| case.key == it.case)));
        let others = mine.feeds.iter().filter(|it| !it.feed.starts_with("finance/")).filter_map(|it| it.tally.as_ref());
        assert!(others.clone().count() > 0 && others.clone().all(|it| it.unmapped_codes.is_empty() && it.untold_columns.is_empty()));
        assert!(share(&night, &concerned, &Scope::department("hr")).cases.is_empty());
    }

    #[test]
    fn confidential_units_are_counted_and_not_listed() {
        let mut night = sample::night();
        let unit = night.cases.iter().flat_map(|it| it.findings.values()).find_map(|it| it.unit_code.clone()).expect("a unit with a case");
        let name = night.units.values().find(|it| it.code == unit).expect("it is on the register").name.clone();
        assert_eq!(serde_json::to_string(&open_to_all(&night)).expect("text"), serde_json::to_string(&night).expect("text"));
        night.confidential = [(unit.clone(), name.clone())].into();
        let open = open_to_all(&night);
        let text = serde_json::to_string(&open).expect("text");
        assert!(!text.contains(&name) && !open.units.values().any(|it| it.code == unit), "{text}");
        assert!(open.cases.len() < night.cases.len() && open.unlisted_units == 1);
        assert_eq!(open.figures.administrative, night.figures.administrative, "sums hold them");
        let sum = |it: &Figures| it.units.iter().fold(Line::default(), |sum, it| sum.plus(&it.both()));
        assert_eq!(sum(&open.figures), sum(&night.figures));
        let row = |code: &str, value| Row { code: code.to_owned(), values: [("approved".to_owned(), value)].into(), ..Row::default() };
        let mut table = Prompt { table: Which::Quota, month: 202_610, rows: vec![row(&unit, 5), row("another", 7), row("", 1)] };
        let whole = table.total().value("approved");
        unlist_rows(&mut table, &night.confidential);
        assert_eq!((table.total().value("approved"), table.rows.iter().any(|it| it.code == unit)), (whole, false));
        let of_a_department = share(&night, &BTreeMap::new(), &Scope::default().uncleared(&night));
        assert!(!serde_json::to_string(&of_a_department).expect("text").contains(&name));
    }
}
