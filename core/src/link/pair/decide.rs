//! Decides for each record, not for each pair: its candidates against each other, and against nobody.

use super::learn::probability;
use super::person::other_name;
use super::search::Scored;
use super::{Link, Outcome, Pairing};

/// Candidates this much less probable, in bits, do not matter.
const BEHIND: f64 = 12.0;
/// Less than this, in bits against nobody, is not even for review.
const LEAST: f64 = -2.0;

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
    let (a, b) = (pairing.left_person(one.left), pairing.left_person(other.left));
    let levels = a.levels(&b, false, &pairing.places);
    // Two people may stand in a register under one number.
    if other_name(&levels) {
        return false;
    }
    let common = pairing.commons.get(&one.right).copied().unwrap_or_default();
    let bits = pairing.weights.prior_twice() + pairing.weights.bits(&levels, &a, &b, &common).iter().sum::<f64>();
    probability(bits) >= pairing.settings.model.prior.link
}

/// Of one file each pair is found from both ends: the better word counts, the smaller row first.
fn once(links: &mut Vec<Link>) {
    for link in links.iter_mut() {
        (link.left, link.right) = (link.left.min(link.right), link.left.max(link.right));
    }
    links.sort_unstable_by(|a, b| (a.right, a.left).cmp(&(b.right, b.left)).then(b.score.total_cmp(&a.score)));
    links.dedup_by_key(|it| (it.right, it.left));
}
