//! Finds whom to compare, and compares: one pass over the left file counts who would meet whom, the second compares them.

use hashbrown::HashMap;

use super::hash;
use super::key::{Kind, birth_count, keys};
use super::person::{Levels, MORE_MAX, Person};
use super::place::NONE;
use super::side::{Side, text};
use super::weigh::Common;
use super::{Pairing, Tally, in_order};

/// Pairs that are less probable than this, in bits against nobody, are not kept.
const KEEP: f64 = -6.0;
/// Left rows that a key may bring, tried from the first until the work is bearable.
const CROWDS: [u32; 8] = [200, 100, 60, 40, 25, 15, 8, 4];
/// Comparisons that are bearable: some ten seconds.
const PAIRS_MOST: u64 = 60_000_000;
/// Comparisons that keys of one fact and a hint may cost beside them.
const PAIRS_MOST_WIDE: u64 = 5_000_000;

/// A pair and its log-odds in bits.
#[derive(Clone, Copy, Debug)]
pub struct Scored {
    pub left: u32,
    pub right: u32,
    pub bits: f64,
}

/// The records to be found, and where each may be met.
pub struct Search {
    rows: Vec<u32>,
    people: Vec<Person>,
    commons: Vec<Common>,
    /// By slot: whether records meet there, and how many left rows do.
    meets: Vec<Meets>,
    counts: Vec<u32>,
    /// By slot: the records, as `starts[slot]..starts[slot + 1]` of `records`.
    starts: Vec<u32>,
    records: Vec<u32>,
    /// By left row: its slots, in the same way.
    hit_starts: Vec<u32>,
    hits: Vec<u32>,
    crowd: u32,
    wide: u32,
    pub tally: Tally,
}

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meets {
    /// Only counted.
    Never,
    /// Where no more than the crowd meet.
    Crowd,
    /// Where no more than the wide keys' own crowd meet.
    Wide,
}

/// The keys of all records: most left keys are turned away by one bit that is near.
struct Wanted {
    bits: Vec<u64>,
    slots: HashMap<u64, u32>,
}

impl Wanted {
    fn new(keys: &[u64]) -> Wanted {
        let words = (keys.len() / 4).next_power_of_two().max(64);
        let mut bits = vec![0_u64; words];
        for key in keys {
            bits[(key >> 6) as usize & (words - 1)] |= 1 << (key & 63);
        }
        Wanted { bits, slots: keys.iter().zip(0..).map(|(key, slot)| (*key, slot)).collect() }
    }

    fn slot(&self, key: u64) -> Option<u32> {
        let word = self.bits[(key >> 6) as usize & (self.bits.len() - 1)];
        if word >> (key & 63) & 1 == 0 { None } else { self.slots.get(&key).copied() }
    }
}

/// The key with its kind, so that equal hashes of two kinds stay apart.
fn slot_key(kind: Kind, key: u64) -> u64 {
    hash::seal(hash::mix(key, kind as u64 + 1))
}

impl Search {
    /// Looks for every record of `rows` among the left rows.
    pub fn new(pairing: &mut Pairing, rows: &[u32]) -> Search {
        let people: Vec<Person> = side_by_side(pairing.settings.threads, rows.len(), |range| {
            rows[range].iter().map(|row| pairing.right_person(*row)).collect::<Vec<_>>()
        })
        .concat();
        let mut entries: Vec<(u64, u32, Kind)> = Vec::with_capacity(people.len() * 20);
        for (record, person) in people.iter().enumerate() {
            keys(person, &pairing.places, true, &mut |kind, key| entries.push((slot_key(kind, key), record as u32, kind)));
        }
        entries.sort_unstable();
        entries.dedup();
        let (mut distinct, mut meets, mut starts, mut records) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for group in entries.chunk_by(|a, b| a.0 == b.0) {
            distinct.push(group[0].0);
            let kind = group[0].2;
            meets.push(match kind {
                _ if kind.wide() => Meets::Wide,
                _ if kind.meets() => Meets::Crowd,
                _ => Meets::Never,
            });
            starts.push(records.len() as u32);
            if kind.meets() {
                records.extend(group.iter().map(|it| it.1));
            }
        }
        starts.push(records.len() as u32);
        drop(entries);
        let mut search = Search {
            rows: rows.to_vec(),
            people,
            commons: Vec::new(),
            counts: vec![0; meets.len()],
            meets,
            starts,
            records,
            hit_starts: Vec::new(),
            hits: Vec::new(),
            crowd: CROWDS[0],
            wide: CROWDS[0],
            tally: Tally::default(),
        };
        let wanted = Wanted::new(&distinct);
        search.meet(pairing, &wanted);
        search.bear();
        search.count(pairing, &wanted);
        search
    }

    /// Notes under which keys each left row meets a record.
    fn meet(&mut self, pairing: &Pairing, wanted: &Wanted) {
        let chunks = side_by_side(pairing.settings.threads, pairing.left.rows, |range| {
            let (mut hits, mut ends, mut own) = (Vec::new(), Vec::with_capacity(range.len()), Vec::new());
            for row in range {
                own.clear();
                let person = pairing.left_person(row as u32);
                keys(&person, &pairing.places, false, &mut |kind, key| own.extend(wanted.slot(slot_key(kind, key))));
                own.sort_unstable();
                own.dedup();
                hits.extend_from_slice(&own);
                ends.push(hits.len() as u32);
            }
            (hits, ends)
        });
        self.hit_starts.push(0);
        for (hits, ends) in chunks {
            let before = self.hits.len() as u32;
            hits.iter().for_each(|slot| self.counts[*slot as usize] += 1);
            self.hits.extend(hits);
            self.hit_starts.extend(ends.into_iter().map(|it| before + it));
        }
    }

    /// Chooses how large a crowd may be.
    fn bear(&mut self) {
        let work = |crowd: u32, which: Meets| -> u64 {
            let slots = self.counts.iter().zip(self.starts.windows(2)).zip(&self.meets);
            let followed = slots.filter(|((count, _), meets)| **meets == which && **count <= crowd);
            followed.map(|((count, at), _)| u64::from(*count) * u64::from(at[1] - at[0])).sum()
        };
        let most = |pairs: u64, which: Meets| CROWDS.into_iter().find(|it| work(*it, which) <= pairs).unwrap_or(1);
        (self.crowd, self.wide) = (most(PAIRS_MOST, Meets::Crowd), most(PAIRS_MOST_WIDE, Meets::Wide));
        let crowded = self.counts.iter().zip(&self.meets).filter(|(count, meets)| **meets == Meets::Crowd && **count > self.crowd).count();
        self.tally.crowded = crowded;
        self.tally.crowd = self.crowd as usize;
    }

    /// Whether the records of a slot are compared with the left rows that meet there.
    fn followed(&self, slot: usize) -> bool {
        match self.meets[slot] {
            Meets::Never => false,
            Meets::Crowd => self.counts[slot] <= self.crowd,
            Meets::Wide => self.counts[slot] <= self.wide,
        }
    }

    /// How common the facts of each record are in the left file.
    fn count(&mut self, pairing: &mut Pairing, wanted: &Wanted) {
        let count = |kind: Kind, key: u64| {
            if key == 0 { 0 } else { wanted.slot(slot_key(kind, key)).map_or(0, |slot| self.counts[slot as usize]) }
        };
        let mut texts: Vec<Vec<u32>> = pairing.places.iter().map(|it| vec![0; it.len()]).collect();
        for more in &pairing.left_more {
            texts.iter_mut().zip(more).for_each(|(counts, text)| counts[*text as usize] += 1);
        }
        let common = |person: &Person| {
            let names = person.form.keys;
            let mut more = [0; MORE_MAX];
            for (slot, (counts, text)) in more.iter_mut().zip(texts.iter().zip(person.more)) {
                *slot = if text == NONE { 0 } else { counts[text as usize] };
            }
            Common {
                whole: count(Kind::Name, names.whole),
                spelled: count(Kind::Spelled, names.spelled[0]),
                family_text: count(Kind::FamilyCount, names.family_text),
                given_text: count(Kind::GivenCount, names.given_text),
                family: count(Kind::FamilySoundCount, names.family),
                given: count(Kind::GivenSoundCount, names.given),
                birth: count(Kind::BirthCount, birth_count(person)),
                number: count(Kind::Number, person.number.other),
                more,
            }
        };
        self.commons = self.people.iter().map(common).collect();
        pairing.commons = self.rows.iter().copied().zip(self.commons.iter().copied()).collect();
    }

    /// Calls `with` for every pair that is to be compared.
    fn pairs<T: Send>(&self, pairing: &Pairing, begin: impl Fn() -> T + Sync, with: impl Fn(&mut T, u32, &Person, u32) + Sync) -> Vec<T> {
        side_by_side(pairing.settings.threads, pairing.left.rows, |range| {
            let mut told = begin();
            let mut records: Vec<u32> = Vec::new();
            for row in range {
                let slots = &self.hits[self.hit_starts[row] as usize..self.hit_starts[row + 1] as usize];
                records.clear();
                for slot in slots.iter().map(|it| *it as usize).filter(|it| self.followed(*it)) {
                    records.extend_from_slice(&self.records[self.starts[slot] as usize..self.starts[slot + 1] as usize]);
                }
                if pairing.settings.same_file {
                    records.retain(|it| self.rows[*it as usize] != row as u32);
                }
                if records.is_empty() {
                    continue;
                }
                records.sort_unstable();
                records.dedup();
                let person = pairing.left_person(row as u32);
                records.iter().for_each(|record| with(&mut told, row as u32, &person, *record));
            }
            told
        })
    }

    /// How often each pattern of levels occurs among the pairs.
    pub fn patterns(&self, pairing: &Pairing) -> HashMap<Levels, f64> {
        let chunks = self.pairs(pairing, HashMap::<Levels, f64>::new, |counts, _, left, record| {
            let other = &self.people[record as usize];
            *counts.entry(pairing.levels(left, other, self.rows[record as usize])).or_default() += 1.0;
        });
        let mut all: HashMap<Levels, f64> = HashMap::new();
        for (levels, count) in chunks.into_iter().flatten() {
            *all.entry(levels).or_default() += count;
        }
        all
    }

    /// Every pair that may be one person.
    pub fn score(&mut self, pairing: &Pairing) -> Vec<Scored> {
        let chunks = self.pairs(
            pairing,
            || (Vec::new(), 0_usize),
            |told, row, left, record| {
                let (right, other) = (self.rows[record as usize], &self.people[record as usize]);
                let levels = pairing.levels(left, other, right);
                let bits = pairing.total(row, &levels, left, other, &self.commons[record as usize]);
                told.1 += 1;
                if bits >= KEEP {
                    told.0.push(Scored { left: row, right, bits });
                }
            },
        );
        self.tally.compared = chunks.iter().map(|it| it.1).sum();
        let mut scored: Vec<Scored> = chunks.into_iter().flat_map(|it| it.0).collect();
        in_order(&mut scored);
        scored
    }
}

/// Cuts `count` into parts and works on them side by side; results come in the order of parts.
fn side_by_side<T: Send>(threads: usize, count: usize, work: impl Fn(std::ops::Range<usize>) -> T + Sync) -> Vec<T> {
    let threads = threads.clamp(1, count.max(1));
    let size = count.div_ceil(threads).max(1);
    let work = &work;
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|at| (at * size).min(count)..((at + 1) * size).min(count))
            .map(|range| scope.spawn(move || work(range)))
            .collect();
        parts.into_iter().map(|it| it.join().expect("comparing cannot fail")).collect()
    })
}

/// How many rows of each file are taken as strangers.
const STRANGERS: usize = 150;

/// Levels of people of both files of whom hardly two are one person. The rows are chosen by what they say, each file's in its own
/// way, so that neither their order nor one more row changes the choice much.
pub fn strangers(pairing: &Pairing) -> Vec<Levels> {
    let choose = |side: &Side, ids: &[u64], salt: u64| {
        let mark = |row: usize| {
            let part = |it: Option<&super::Texts>| hash::text(text(it, row));
            let parts = [part(side.name.as_ref()), part(side.given.as_ref()), part(side.family.as_ref()), ids[row]];
            hash::seal(parts.into_iter().fold(salt, hash::mix))
        };
        let mut rows: Vec<(u64, u32)> = (0..side.rows).map(|row| (mark(row), row as u32)).collect();
        if rows.len() > STRANGERS {
            rows.select_nth_unstable(STRANGERS - 1);
            rows.truncate(STRANGERS);
        }
        rows.sort_unstable();
        rows.into_iter().map(|it| it.1).collect::<Vec<u32>>()
    };
    let left: Vec<(u32, Person)> =
        choose(pairing.left, &pairing.exact.left, 1).into_iter().map(|row| (row, pairing.left_person(row))).collect();
    let mut levels = Vec::with_capacity(STRANGERS * STRANGERS);
    for row in choose(pairing.right, &pairing.exact.right, 2) {
        let right = pairing.right_person(row);
        let others = left.iter().filter(|(other, _)| !(pairing.settings.same_file && *other == row));
        levels.extend(others.map(|(_, left)| pairing.levels(left, &right, row)).filter(|it| !super::person::same_number(it)));
    }
    levels
}

/// How many pairs teach.
const CERTAIN: usize = 20_000;

/// Levels of pairs of equal numbers, whatever their names; chosen by number where there are many.
pub fn certain(pairing: &Pairing) -> Vec<Levels> {
    let all = pairing.exact.pairs.len() + pairing.exact.doubted.len();
    let every = (all / CERTAIN).max(1) as u64;
    let chosen = |right: &u32| hash::seal(pairing.exact.right[*right as usize]).is_multiple_of(every);
    let pairs = pairing.exact.pairs.iter().chain(&pairing.exact.doubted);
    pairs
        .filter(|(_, right)| chosen(right))
        .map(|(left, right)| pairing.levels(&pairing.left_person(*left), &pairing.right_person(*right), *right))
        .collect()
}
