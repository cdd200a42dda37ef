//! Proves mappings and rule cards on their own examples: wrong content never meets real data.

use muster_core::diag::Mistake;
use muster_core::mapping::Mapping;
use muster_core::rule::Rule;
use muster_core::{map, rule};
use serde::Serialize;

use crate::config::City;
use crate::proved::Proved;
use crate::run::Stop;

/// How many examples hold, and what is wrong with those that do not.
#[derive(Debug, Default, Serialize)]
pub struct Proven {
    /// Examples that hold.
    pub hold: usize,
    /// One text per example that does not: place, expected, found.
    pub wrong: Vec<String>,
    /// Queries that do not even run.
    #[serde(skip)]
    pub mistakes: Vec<Mistake>,
}

/// Proves all of a city's content, or stops. Cards that this program has proved before, as they stand, are not proved again.
pub async fn all(city: &City) -> Result<(), Stop> {
    let mut proved = Proved::read(&city.proved());
    let cards: Vec<Rule> = city.rules.iter().filter(|it| !proved.holds(it)).cloned().collect();
    let mut proven = Proven::default();
    for department in &city.departments {
        proven.mapping(&department.file.mapping, &department.mapping).await;
    }
    proven.rules(&cards).await;
    proven.verdict()?;
    proved.keep(cards.iter());
    Ok(())
}

impl Proven {
    /// Stops when anything does not hold.
    pub fn verdict(self) -> Result<(), Stop> {
        match (self.mistakes.is_empty(), self.wrong.is_empty()) {
            (false, _) => Err(Stop::Mistakes(self.mistakes)),
            (true, false) => Err(Stop::Unproven(self.wrong)),
            (true, true) => Ok(()),
        }
    }

    /// Proves the examples of one mapping.
    pub async fn mapping(&mut self, name: &str, mapping: &Mapping) {
        for proof in map::prove(mapping).await {
            let place = format!("{name}, feed {}, example {}", proof.feed, proof.n);
            self.count(proof.ok, || format!("{place}\n  expected {}\n  found    {}", proof.expected, proof.found));
        }
    }

    /// Proves the examples of cards, several cards at once.
    pub async fn rules(&mut self, cards: &[Rule]) {
        let running: Vec<_> = cards.iter().cloned().map(|card| tokio::spawn(async move { rule::prove(&card).await })).collect();
        for proofs in running {
            self.rule(proofs.await.expect("proving does not panic"));
        }
    }

    fn rule(&mut self, proofs: Vec<rule::Proof>) {
        for proof in proofs {
            let told = proof.to_string();
            match proof.outcome {
                rule::Outcome::Holds => self.hold += 1,
                rule::Outcome::Differs { .. } => self.wrong.push(told),
                // A query that does not run fails in every example alike: it is told once, where it stands.
                rule::Outcome::Wrong(mistake) => {
                    if !self.mistakes.iter().any(|it| it.place() == mistake.place()) {
                        self.mistakes.push(*mistake);
                    }
                }
            }
        }
    }

    fn count(&mut self, ok: bool, text: impl FnOnce() -> String) {
        if ok { self.hold += 1 } else { self.wrong.push(text()) }
    }
}
