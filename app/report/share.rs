//! What of a night somebody may have on paper: their cases and the people in them, their units, the details of their own feeds.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::figures::{Figures, Line};
use muster_core::finding::Subject;

use crate::mail;
use crate::night::{FeedNight, Night};
use crate::people::Scope;

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
    if let Some(units) = scope.units() {
        let codes: BTreeSet<&str> = cases
            .iter()
            .flat_map(|it| it.findings.values())
            .filter_map(|it| it.unit_code.as_deref())
            .chain(cases.iter().filter_map(|it| if let Subject::Unit { key, .. } = &it.subject { key.strip_prefix("u-") } else { None }))
            .chain(units.iter().map(String::as_str))
            .collect();
        shared.units.retain(|_, it| codes.contains(it.code.as_str()));
        shared.figures = figures(&night.figures, units);
        for table in &mut shared.tables {
            table.rows.retain(|it| units.contains(&it.code));
        }
        (shared.people_count, shared.link_methods, shared.pefa) = (0, BTreeMap::new(), None);
    }
    shared.cases = cases;
    shared
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
    let sum = |of: fn(&muster_core::figures::UnitFigures) -> Line| units.iter().fold(Line::default(), |sum, it| sum.plus(&of(it)));
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
}
