//! Rows of one person that are found through each other: a short name and a full one never meet, but both meet the third row.

use hashbrown::{HashMap, HashSet};

use super::group::Groups;
use super::{Link, Outcome, Pairing};

/// Whether rows are one person is asked of so many pairs at most.
const PAIRS_MOST: usize = 64;
/// One pair counts no more than this, in bits, for or against.
const PAIR_MOST: f64 = 10.0;
/// Less than this, in bits, and the two are certainly two people.
const CONTRADICTS: f64 = -20.0;
/// Nobody stands in a file oftener; more rows are a placeholder's.
const ROWS_MOST: usize = 200;

/// In two files: a record that is one row of a person of the left file is the person's other rows, too, unless they speak against it.
pub fn across(pairing: &Pairing, outcome: &mut Outcome) {
    let mut more = Vec::new();
    for links in outcome.links.chunk_by(|a, b| a.right == b.right) {
        let right = links[0].right;
        let linked: HashSet<u32> = links.iter().map(|it| it.left).collect();
        let mut seen: Vec<u32> = Vec::new();
        for link in links {
            let first = pairing.rows_of_one.first(link.left);
            if seen.contains(&first) {
                continue;
            }
            seen.push(first);
            let rows = pairing.rows_of_one.rows(link.left);
            if !(2..=ROWS_MOST).contains(&rows.len()) {
                continue;
            }
            let bits: Vec<f64> = rows.iter().map(|left| pairing.bits(*left, right)).collect();
            if !agree(&bits) {
                continue;
            }
            let others = rows.iter().filter(|left| !linked.contains(*left));
            more.extend(others.map(|left| Link { left: *left, ..*link }));
        }
    }
    add(outcome, more);
}

/// In one file: rows that are linked through others, as long as all of them agree on the whole.
pub fn within(pairing: &Pairing, outcome: &mut Outcome) {
    let mut links: Vec<Link> = outcome.links.clone();
    links.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then((a.right, a.left).cmp(&(b.right, b.left))));
    let mut groups = Groups::default();
    let mut scores: HashMap<u32, f32> = HashMap::new();
    for link in links {
        let (one, other) = (groups.rows(link.left), groups.rows(link.right));
        if groups.together(link.left, link.right) || one.len() + other.len() > ROWS_MOST {
            continue;
        }
        let step = (one.len() * other.len()).div_ceil(PAIRS_MOST);
        let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b))).step_by(step);
        let bits: Vec<f64> = pairs.map(|(a, b)| pairing.bits(a.min(b), a.max(b))).collect();
        if agree(&bits) {
            let score = [link.left, link.right].iter().filter_map(|it| scores.remove(&groups.first(*it))).fold(link.score, f32::min);
            groups.join(link.left, link.right);
            scores.insert(groups.first(link.left), score);
        }
    }
    let linked: HashSet<(u32, u32)> = outcome.links.iter().map(|it| (it.left, it.right)).collect();
    let mut more = Vec::new();
    for (first, score) in scores {
        let rows = groups.rows(first);
        for (at, left) in rows.iter().enumerate() {
            // Not all pairs of a large group were asked; two valid numbers are two people in any case.
            let others =
                rows[at + 1..].iter().filter(|right| !linked.contains(&(*left, **right)) && pairing.bits(*left, **right) > CONTRADICTS);
            more.extend(others.map(|right| Link { left: *left, right: *right, score, exact: false }));
        }
    }
    add(outcome, more);
}

/// Whether pairs speak for one person on the whole, and none for certain against it.
fn agree(bits: &[f64]) -> bool {
    let sum: f64 = bits.iter().map(|it| it.clamp(-PAIR_MOST, PAIR_MOST)).sum();
    sum >= 0.0 && bits.iter().all(|it| *it > CONTRADICTS)
}

fn add(outcome: &mut Outcome, more: Vec<Link>) {
    let found: HashSet<(u32, u32)> = more.iter().map(|it| (it.left, it.right)).collect();
    outcome.reviews.retain(|it| !found.contains(&(it.left, it.right)));
    outcome.links.extend(more);
}
