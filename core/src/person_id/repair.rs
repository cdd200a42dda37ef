//! Valid numbers that one slip of the hand may have turned into a broken text.
//!
//! The check character catches every single replacement and every exchange of neighbours, so the way back is short: for each
//! place there is at most one digit that makes the number pass. Some eighteen candidates are left, fewer with a day that exists.

use super::{PersonId, Repairs};

/// Digits of a text, most significant first; `HOLE` where it shows none, 10 for X.
type Places = Vec<u8>;

const HOLE: u8 = u8::MAX;
const WEIGHTS_18: [u32; 18] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1];

/// Every valid number within one edit of a clean text, with the edit, in ascending order without repetition.
/// Empty for texts that are not 17 to 19 characters long or have more than one unreadable place.
pub fn candidates(text: &str) -> Vec<(PersonId, Repairs)> {
    let places: Places = text.chars().map(|it| if it == 'X' { 10 } else { it.to_digit(10).map_or(HOLE, |digit| digit as u8) }).collect();
    let holes = (0..places.len()).filter(|at| hole(&places, *at)).count();
    let mut found = match (places.len(), holes) {
        // With a hole only an X before the last place can be exchanged; the others do not read.
        (18, 0 | 1) => [replaced(&places), exchanged(&places)].concat(),
        (17, 0) => inserted(&places),
        (19, 0 | 1) => removed(&places),
        _ => Vec::new(),
    };
    found.sort_unstable_by_key(|(id, repairs)| (*id, repairs.0));
    found.dedup_by_key(|(id, _)| *id);
    found
}

/// A place that shows no digit, or an X where none can be.
fn hole(places: &[u8], at: usize) -> bool {
    places[at] == HOLE || places[at] == 10 && at + 1 != places.len()
}

fn replaced(places: &[u8]) -> Vec<(PersonId, Repairs)> {
    let at = (0..places.len()).find(|at| hole(places, *at)).map_or(0..places.len(), |hole| hole..hole + 1);
    at.filter_map(|at| solve(places, at)).map(|id| (id, Repairs::REPLACED)).collect()
}

fn exchanged(places: &[u8]) -> Vec<(PersonId, Repairs)> {
    let exchange = |at: usize| {
        let mut places = places.to_vec();
        places.swap(at, at + 1);
        read(&places)
    };
    (0..places.len() - 1).filter_map(exchange).map(|id| (id, Repairs::EXCHANGED)).collect()
}

fn inserted(places: &[u8]) -> Vec<(PersonId, Repairs)> {
    let insert = |at: usize| {
        let mut places = places.to_vec();
        places.insert(at, HOLE);
        solve(&places, at)
    };
    (0..=places.len()).filter_map(insert).map(|id| (id, Repairs::INSERTED)).collect()
}

fn removed(places: &[u8]) -> Vec<(PersonId, Repairs)> {
    let remove = |at: usize| {
        let mut places = places.to_vec();
        places.remove(at);
        read(&places)
    };
    (0..places.len()).filter_map(remove).map(|id| (id, Repairs::REMOVED)).collect()
}

/// The number that has another digit than `places` at `at` and the same elsewhere. A digit and X weigh 0 to 10 and 11 is
/// prime, so exactly one weight satisfies the sum; it is a digit, or X in the last place, or there is no such number.
fn solve(places: &[u8], at: usize) -> Option<PersonId> {
    let others: u32 = (0..18).filter(|it| *it != at).map(|it| WEIGHTS_18[it] * u32::from(places[it])).sum();
    let digit = (0..if at == 17 { 11 } else { 10 }).find(|digit| (others + WEIGHTS_18[at] * digit) % 11 == 1)?;
    let mut places = places.to_vec();
    places[at] = digit as u8;
    read(&places)
}

/// The number that the places spell, if it is valid.
fn read(places: &[u8]) -> Option<PersonId> {
    let (last, body) = places.split_last()?;
    if body.len() != 17 || body.iter().any(|it| *it > 9) {
        return None;
    }
    let id = PersonId::from_body(body.iter().fold(0, |sum, digit| sum * 10 + u64::from(*digit)))?;
    let last = if *last == 10 { b'X' } else { b'0'.wrapping_add(*last) };
    (id.check() == last).then_some(id)
}
