//! Decides for each record, not for each pair: its candidates against each other, and against nobody.

use hashbrown::HashMap;

use super::learn::probability;
use super::person::other_name;
use super::search::Scored;
use super::weigh::TWICE_LEAST;
use super::{Link, Outcome, Pairing};

/// Candidates this much less probable, in bits, do not matter.
const BEHIND: f64 = 12.0;
/// Less than this, in bits against nobody, is not even for review.
const LEAST: f64 = -2.0;
/// Candidates from here on, in bits against nobody, show whether people stand in the left file several times.
const LIKELY: f64 = 3.0;

/// How many further rows of the left file each of its people has, as the candidates of the right file's records tell: where two are
/// likely for one record, they are one person or rivals.
pub fn learn_twice(pairing: &mut Pairing, scored: &[Scored]) {
    const ROUNDS: usize = 5;
    const CANDIDATES_MOST: usize = 12;
    let mut bits: HashMap<(u32, u32), f64> = HashMap::new();
    for group in scored.chunk_by(|a, b| a.right == b.right) {
        let mut likely: Vec<&Scored> = group.iter().filter(|it| it.bits >= LIKELY).collect();
        likely.sort_unstable_by(|a, b| b.bits.total_cmp(&a.bits).then(a.left.cmp(&b.left)));
        likely.truncate(CANDIDATES_MOST);
        for (at, one) in likely.iter().enumerate() {
            for other in &likely[at + 1..] {
                let pair = (one.left.min(other.left), one.left.max(other.left));
                bits.entry(pair).or_insert_with(|| same_bits(pairing, pair, one.right).unwrap_or(f64::NEG_INFINITY));
            }
        }
    }
    let mut bits: Vec<((u32, u32), f64)> = bits.into_iter().collect();
    bits.sort_unstable_by_key(|it| it.0);
    let people = pairing.weights.people;
    for _ in 0..ROUNDS {
        let prior = pairing.weights.prior_twice();
        let same: f64 = bits.iter().map(|it| probability(prior + it.1)).sum();
        pairing.weights.twice = (2.0 * same / people).max(TWICE_LEAST);
    }
    let (prior, link) = (pairing.weights.prior_twice(), pairing.settings.model.prior.link);
    for ((one, other), _) in bits.into_iter().filter(|it| probability(prior + it.1) >= link) {
        pairing.rows_of_one.join(one, other);
    }
}

/// Every record's links and reviews. `scored` comes record after record.
pub fn decide(pairing: &Pairing, scored: &[Scored]) -> Outcome {
    let mut outcome = Outcome::default();
    for group in scored.chunk_by(|a, b| a.right == b.right) {
        decide_one(pairing, group, &mut outcome);
    }
    if pairing.settings.same_file {
        once(&mut outcome.links);
        once(&mut outcome.reviews);
    }
    outcome
}

/// How many of those without a valid number are nobody of the left file is for themselves to tell: ghosts like to have one. Moves
/// the odds of such records until they agree with what comes out.
pub fn without_number(pairing: &mut Pairing, scored: &mut [Scored], residual: &[u32]) {
    const ROUNDS: usize = 4;
    // So many records of the shipped share stand behind the first guess.
    const STRENGTH: f64 = 50.0;
    if pairing.settings.same_file || pairing.exact.valid[0] == 0 {
        return;
    }
    let without = |row: u32| pairing.exact.right[row as usize] == 0;
    let records = residual.iter().filter(|it| without(**it)).count() as f64;
    let odds = |unknown: f64| ((1.0 - unknown) / unknown).log2();
    let (first, shipped) = (pairing.weights.unknown, pairing.settings.model.prior.unknown);
    let mut unknown = first;
    for _ in 0..ROUNDS {
        let moved = odds(unknown) - odds(first);
        let somebody: f64 = scored
            .chunk_by(|a, b| a.right == b.right)
            .filter(|group| without(group[0].right))
            .map(|group| probability(group.iter().map(|it| (it.bits + moved).min(500.0).exp2()).sum::<f64>().log2()))
            .sum();
        unknown = ((records - somebody + STRENGTH * shipped) / (records + STRENGTH)).clamp(0.001, 0.9);
    }
    let moved = odds(unknown) - odds(first);
    scored.iter_mut().filter(|it| without(it.right)).for_each(|it| it.bits += moved);
    pairing.moved = moved;
}

fn decide_one(pairing: &Pairing, group: &[Scored], outcome: &mut Outcome) {
    let prior = pairing.settings.model.prior;
    for (at, candidate) in group.iter().enumerate().filter(|(_, it)| it.bits >= LEAST) {
        // Somebody who stands in the left file twice does not compete with himself.
        let rivals = group
            .iter()
            .enumerate()
            .filter(|(other, it)| *other != at && it.bits > candidate.bits - BEHIND && !same_person(pairing, candidate, it));
        let against: f64 = 1.0 + rivals.map(|(_, it)| it.bits.min(500.0).exp2()).sum::<f64>();
        let score = probability(candidate.bits.min(500.0) - against.log2());
        let link = Link { left: candidate.left, right: candidate.right, score: score as f32, exact: false };
        if score >= prior.link {
            outcome.links.push(link);
        } else if score >= prior.review {
            outcome.reviews.push(link);
        }
    }
}

/// Whether two left rows are one person, as far as they themselves tell.
fn same_person(pairing: &Pairing, one: &Scored, other: &Scored) -> bool {
    if pairing.settings.same_file {
        return true;
    }
    pairing.rows_of_one.together(one.left, other.left)
        || same_bits(pairing, (one.left, other.left), one.right)
            .is_some_and(|it| probability(pairing.weights.prior_twice() + it) >= pairing.settings.model.prior.link)
}

/// What two left rows say about being one person, in bits without a prior; `None` where their names are two people's. Facts are as
/// common as those of the right row that both may be.
fn same_bits(pairing: &Pairing, (one, other): (u32, u32), right: u32) -> Option<f64> {
    let (a, b) = (pairing.left_person(one), pairing.left_person(other));
    let levels = a.levels(&b, false, &pairing.places);
    // Two people may stand in a register under one number.
    if other_name(&levels) {
        return None;
    }
    let common = pairing.commons.get(&right).copied().unwrap_or_default();
    Some(pairing.weights.bits(&levels, &a, &b, &common).iter().sum())
}

/// Of one file each pair is found from both ends: the better word counts, the smaller row first.
fn once(links: &mut Vec<Link>) {
    for link in links.iter_mut() {
        (link.left, link.right) = (link.left.min(link.right), link.left.max(link.right));
    }
    links.sort_unstable_by(|a, b| (a.right, a.left).cmp(&(b.right, b.left)).then(b.score.total_cmp(&a.score)));
    links.dedup_by_key(|it| (it.right, it.left));
}
