//! Chance, by seed: the same seed throws the same dice on every machine.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream of chance is for. Each part of the city has its own, so that a change in one leaves the others as they were.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    /// Units and quotas.
    Units = 1,
    /// People and their careers.
    People = 2,
    /// Leave, secondments, assessments.
    Life = 3,
    /// Injected cases.
    Truth = 4,
    /// Look-alikes.
    Innocent = 5,
    /// Typing errors and spreadsheets.
    Damage = 6,
    /// The people of the linking benchmark.
    Link = 7,
    /// Leading posts.
    Posts = 8,
    /// What only the noisy city has.
    Noisy = 9,
    /// What comes and goes in the benchmark of nights.
    Nights = 10,
}

/// A seeded source of chance.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The dice of one part of the city.
    pub fn new(seed: u64, stream: Stream) -> Dice {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(stream as u64);
        Dice(chance)
    }

    /// A number from 0 to `n` - 1; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        // The high half of a 128-bit product: the bias is below 2^-40 for any count in this city.
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// A number from `low` to `high`, both possible.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as usize) as i64
    }

    /// A fraction from 0 up to 1.
    pub fn fraction(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }

    /// In any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// About `expected` of something: its whole part, and one more with the probability of the rest.
    pub fn about(&mut self, expected: f64) -> usize {
        expected.floor() as usize + usize::from(self.chance(expected.fract()))
    }
}

/// Picks among weighted things in logarithmic time.
#[derive(Debug)]
pub struct Wheel {
    sums: Vec<f64>,
}

impl Wheel {
    /// A wheel whose n-th field is as wide as the n-th weight.
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Wheel {
        let mut sum = 0.0;
        let sums = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Wheel { sums }
    }

    /// The field where the wheel stops.
    pub fn spin(&self, dice: &mut Dice) -> usize {
        let at = dice.fraction() * self.sums.last().copied().unwrap_or(0.0);
        self.sums.partition_point(|sum| *sum <= at).min(self.sums.len().saturating_sub(1))
    }
}
