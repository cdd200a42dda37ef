//! Equal numbers under equal names: the first pass, and nearly all of the links.

use super::form::Form;
use super::hash;
use super::number::Number;
use super::side::{Side, Texts, text};

/// What equal numbers say.
pub struct Exact {
    /// Pairs of left and right rows that are certain, in the order of right rows.
    pub pairs: Vec<(u32, u32)>,
    /// By right row: whether it is settled.
    pub settled: Vec<bool>,
    /// By left row: whether a settled row is this person.
    pub claimed: Vec<bool>,
    /// By right row: whether its number stands in the left file.
    pub known: Vec<bool>,
    /// Pairs of equal numbers that the names do not confirm.
    pub doubted: Vec<(u32, u32)>,
    /// Valid numbers of the right file, and how many of them the left does not have.
    pub valid: [usize; 2],
    /// By left row and by right row: the number, 0 without one; the highest bit marks other schemes.
    pub left: Vec<u64>,
    /// See `left`.
    pub right: Vec<u64>,
}

const OTHER: u64 = 1 << 63;

/// Joins both files on equal numbers. `same_file`: both are one file, and nobody is compared with himself.
pub fn join(left: &Side, right: &Side, same_file: bool) -> Exact {
    let (left_ids, right_ids) = (ids(left.id.as_ref(), left.rows), ids(right.id.as_ref(), right.rows));
    let (by_left, by_right) = (sorted(&left_ids), sorted(&right_ids));
    let mut exact = Exact {
        pairs: Vec::with_capacity(right.rows.min(left.rows)),
        settled: vec![false; right.rows],
        claimed: vec![false; left.rows],
        known: vec![false; right.rows],
        doubted: Vec::new(),
        valid: [0, 0],
        left: left_ids,
        right: right_ids,
    };
    let mut at = 0;
    for group in by_right.chunk_by(|a, b| a.0 == b.0) {
        let id = group[0].0;
        while by_left.get(at).is_some_and(|it| it.0 < id) {
            at += 1;
        }
        let end = at + by_left[at..].iter().take_while(|it| it.0 == id).count();
        if id & OTHER == 0 {
            exact.valid[0] += group.len();
            exact.valid[1] += if end == at { group.len() } else { 0 };
        }
        for (_, row) in group {
            let mine = by_left[at..end].iter().map(|it| it.1).filter(|it| !(same_file && it == row));
            meet(left, right, *row, mine, &mut exact);
        }
    }
    exact.pairs.sort_unstable_by_key(|(left, right)| (*right, *left));
    exact
}

fn meet(left: &Side, right: &Side, row: u32, mine: impl Iterator<Item = u32>, exact: &mut Exact) {
    for other in mine {
        exact.known[row as usize] = true;
        if same_name(left, other as usize, right, row as usize) {
            exact.pairs.push((other, row));
            exact.settled[row as usize] = true;
            exact.claimed[other as usize] = true;
        } else {
            exact.doubted.push((other, row));
        }
    }
}

fn ids(texts: Option<&Texts>, rows: usize) -> Vec<u64> {
    let Some(texts) = texts else { return vec![0; rows] };
    let id = |row| {
        let number = Number::read(texts.get(row));
        if number.body == 0 && number.other != 0 { number.other | OTHER } else { number.body }
    };
    (0..rows).map(id).collect()
}

fn sorted(ids: &[u64]) -> Vec<(u64, u32)> {
    let mut sorted: Vec<(u64, u32)> = ids.iter().zip(0..).filter(|it| *it.0 != 0).map(|(id, row)| (*id, row)).collect();
    sorted.sort_unstable();
    sorted
}

/// Whether both rows bear the same name, variants folded. A file without names has only numbers to go by.
fn same_name(left: &Side, one: usize, right: &Side, other: usize) -> bool {
    let raw = |side: &Side, row: usize| {
        let part = |it: Option<&Texts>| hash::text(text(it, row));
        [part(side.name.as_ref()), part(side.given.as_ref()), part(side.family.as_ref())]
    };
    let named = |side: &Side| side.name.is_some() || side.given.is_some() || side.family.is_some();
    if !named(left) || !named(right) {
        return true;
    }
    let (ours, theirs) = (raw(left, one), raw(right, other));
    if ours == theirs {
        return ours != [0; 3];
    }
    let (ours, theirs) = (Form::of(left, one).keys.whole, Form::of(right, other).keys.whole);
    ours != 0 && ours == theirs
}
