//! Proves mappings and rule cards on their own examples: wrong content never meets real data.

use muster_core::mapping::Mapping;
use muster_core::rule::Rule;
use muster_core::{map, rule};
use serde::Serialize;

use crate::config::City;
use crate::run::Stop;

/// How many examples hold, and what is wrong with those that do not.
#[derive(Debug, Default, Serialize)]
pub struct Proven {
    /// Examples that hold.
    pub hold: usize,
    /// One text per example that does not: place, expected, found.
    pub wrong: Vec<String>,
}

/// Proves all of a city's content, or stops.
pub async fn all(city: &City) -> Result<(), Stop> {
    let mut proven = Proven::default();
    for department in &city.departments {
        proven.mapping(&department.file.mapping, &department.mapping).await;
    }
    for rule in &city.rules {
        proven.rule(rule).await;
    }
    if proven.wrong.is_empty() { Ok(()) } else { Err(Stop::Unproven(proven.wrong)) }
}

impl Proven {
    /// Proves the examples of one mapping.
    pub async fn mapping(&mut self, name: &str, mapping: &Mapping) {
        for proof in map::prove(mapping).await {
            let place = format!("{name}, feed {}, example {}", proof.feed, proof.n);
            self.count(proof.ok, || format!("{place}\n  expected {}\n  found    {}", proof.expected, proof.found));
        }
    }

    /// Proves the examples of one card.
    pub async fn rule(&mut self, card: &Rule) {
        for proof in rule::prove(card).await {
            self.count(matches!(proof.outcome, rule::Outcome::Holds), || proof.to_string());
        }
    }

    fn count(&mut self, ok: bool, text: impl FnOnce() -> String) {
        if ok { self.hold += 1 } else { self.wrong.push(text()) }
    }
}
