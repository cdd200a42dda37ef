//! Numbers texts in the order in which they are first met.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Distinct byte keys, numbered from 0 as they come. A key that is known allocates nothing.
#[derive(Default)]
pub struct Distinct {
    bytes: Vec<u8>,
    /// Where each key ends in `bytes`.
    ends: Vec<usize>,
    hashes: Vec<u64>,
    rows: Vec<i32>,
    table: HashTable<u32>,
    builder: DefaultHashBuilder,
    last: usize,
}

impl Distinct {
    /// The number of `key`; counts one row for it.
    pub fn number(&mut self, key: &[u8]) -> i32 {
        let at = self.guess(key).unwrap_or_else(|| self.look_up(key));
        self.rows[at] = self.rows[at].saturating_add(1);
        self.last = at;
        at as i32
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Every key, by number.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|at| self.key(at))
    }

    /// By number: how many rows carried the key.
    pub fn rows(&self) -> Vec<i32> {
        self.rows.clone()
    }

    /// Files repeat themselves: often a row is about the same key as the row before, and every month lists the same keys in the
    /// same order. Both guesses cost one comparison in memory that is already near; a miss costs three fetches that are not.
    fn guess(&self, key: &[u8]) -> Option<usize> {
        [self.last + 1, self.last].into_iter().find(|at| *at < self.len() && self.key(*at) == key)
    }

    fn look_up(&mut self, key: &[u8]) -> usize {
        let hash = self.builder.hash_one(key);
        let known = self.table.find(hash, |at| self.hashes[*at as usize] == hash && self.key(*at as usize) == key);
        if let Some(at) = known {
            return *at as usize;
        }
        let at = self.len();
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
        self.hashes.push(hash);
        self.rows.push(0);
        self.table.insert_unique(hash, at as u32, |at| self.hashes[*at as usize]);
        at
    }

    fn key(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }
}
