//! What the files teach the model: m from pairs that are certain or by expectation-maximisation, u from pairs of strangers.

use hashbrown::HashMap;

use super::number::Agree;
use super::person::{FIELDS_MAX, Levels};
use super::weigh::{NUMBER, Weights, weight};
use crate::link::model::Chance;

/// Learns u from strangers: levels of pairs of which hardly one is one person.
pub fn from_strangers(weights: &mut Weights, strangers: &[Levels], strength: f64) {
    for field in fields(weights) {
        let counts = counts(strangers.iter().map(|it| (it[field], 1.0)));
        let told = told(&counts);
        for (level, chance) in weights.chances[field].iter_mut().enumerate().skip(1) {
            // A level that strangers hardly ever reach keeps its prior: a few thousand pairs cannot show one in a million.
            chance.u = (counts[level] + strength * chance.u) / (told + strength);
        }
    }
}

/// Learns m from pairs that are certain by their numbers.
pub fn from_certain(weights: &mut Weights, certain: &[Levels], strength: f64) {
    for field in fields(weights) {
        let counts = counts(certain.iter().map(|it| (it[field], 1.0)));
        learn(&mut weights.chances[field], &counts, strength);
    }
}

/// Learns m, and how many of the right file are unknown, where no number tells who is certain.
pub fn by_expectation(weights: &mut Weights, patterns: &HashMap<Levels, f64>, right_people: usize, strength: f64) {
    const ROUNDS: usize = 20;
    const BELIEF_LEAST: f64 = 0.05;
    let shipped = weights.chances.clone();
    // In the order of patterns, so that sums of fractions do not depend on the map.
    let mut patterns: Vec<(&Levels, f64)> = patterns.iter().map(|(levels, count)| (levels, *count)).collect();
    patterns.sort_unstable_by_key(|it| it.0);
    // Of two rows taken blindly; nobody can be more people than there are rows.
    let mut share = 1.0 - weights.unknown;
    for _ in 0..ROUNDS {
        let prior = (share / weights.people).log2();
        let bits = |levels: &Levels| -> f64 {
            weights.chances.iter().enumerate().map(|(field, it)| weight(it[usize::from(levels[field])])).sum::<f64>()
        };
        // Keys bring far more strangers than a random choice does; their small beliefs would add up to people who are not there.
        let belief = |levels: &Levels| Some(probability(prior + bits(levels))).filter(|it| *it >= BELIEF_LEAST).unwrap_or(0.0);
        let believed: Vec<f64> = patterns.iter().map(|(levels, count)| count * belief(levels)).collect();
        let matched: f64 = believed.iter().sum();
        share = (matched / right_people.max(1) as f64).clamp(1e-3, 0.98);
        for field in fields(weights).chain([NUMBER]) {
            let counts = counts(patterns.iter().zip(&believed).map(|((levels, _), believed)| (levels[field], *believed)));
            let mut chances = shipped[field].clone();
            if field == NUMBER {
                learn_others(&mut chances, &counts, strength);
            } else {
                learn(&mut chances, &counts, strength);
            }
            for (chance, learned) in weights.chances[field].iter_mut().zip(chances) {
                chance.m = learned.m;
            }
        }
    }
    weights.unknown = 1.0 - share;
}

/// The posterior of log-odds in bits.
pub fn probability(bits: f64) -> f64 {
    1.0 / (1.0 + (-bits).exp2())
}

/// Every field but the number.
fn fields(weights: &Weights) -> std::ops::Range<usize> {
    1..weights.chances.len().min(FIELDS_MAX)
}

const LEVELS_MAX: usize = 18;

fn counts(levels: impl Iterator<Item = (u8, f64)>) -> [f64; LEVELS_MAX] {
    let mut counts = [0.0; LEVELS_MAX];
    levels.for_each(|(level, count)| counts[usize::from(level)] += count);
    counts
}

fn told(counts: &[f64; LEVELS_MAX]) -> f64 {
    counts[1..].iter().sum()
}

fn learn(chances: &mut [Chance], counts: &[f64; LEVELS_MAX], strength: f64) {
    let told = told(counts);
    for (level, chance) in chances.iter_mut().enumerate().skip(1) {
        chance.m = ((counts[level] + strength * chance.m) / (told + strength)).min(1.0);
    }
}

/// Of numbers only those of other schemes are learned: nobody knows beforehand how often such a column is mistyped.
fn learn_others(chances: &mut [Chance], counts: &[f64; LEVELS_MAX], strength: f64) {
    let others = [Agree::OtherSame, Agree::OtherNear, Agree::OtherFar].map(|it| it as usize);
    let told: f64 = others.iter().map(|it| counts[*it]).sum();
    for level in others {
        chances[level].m = (counts[level] + strength * chances[level].m) / (told + strength);
    }
}
