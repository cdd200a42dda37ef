//! Units, addresses, telephone numbers: texts that many share, each distinct one read once.

use hashbrown::HashMap;

use super::hash;
use super::side::{Evidence, Texts};
use unicode_normalization::UnicodeNormalization;

/// No text.
pub const NONE: u32 = 0;

/// How two texts agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Near {
    Silent,
    Same,
    /// The exact pairs show that one file calls so what the other calls so.
    Known,
    Near,
    Weak,
    Other,
}

/// The distinct texts of one column of both files, numbered from 1.
pub struct Places {
    kind: Evidence,
    by_raw: HashMap<u64, u32>,
    by_plain: HashMap<u64, u32>,
    plain: Vec<Plain>,
    /// By text of the right file: texts of the left that the exact pairs show with it, commonest first.
    known: HashMap<u32, Vec<u32>>,
}

/// A text made ready for comparison.
#[derive(Clone, Debug, Default)]
struct Plain {
    text: String,
    /// Which pairs of neighbouring characters it has, by hash.
    pairs: u128,
}

impl Places {
    pub fn new(kind: Evidence) -> Places {
        Places { kind, by_raw: HashMap::new(), by_plain: HashMap::new(), plain: vec![Plain::default()], known: HashMap::new() }
    }

    pub fn kind(&self) -> Evidence {
        self.kind
    }

    /// The number of a row's text.
    pub fn number(&mut self, texts: &Texts, row: usize) -> u32 {
        let raw = texts.get(row);
        let key = hash::text(raw);
        if key == 0 {
            return NONE;
        }
        if let Some(known) = self.by_raw.get(&key) {
            return *known;
        }
        let plain = plain(raw);
        let number = match hash::text(&plain) {
            0 => NONE,
            plain_key => *self.by_plain.entry(plain_key).or_insert_with(|| {
                self.plain.push(Plain { pairs: pairs(&plain), text: plain });
                self.plain.len() as u32 - 1
            }),
        };
        self.by_raw.insert(key, number);
        number
    }

    /// How many distinct texts, and one.
    pub fn len(&self) -> usize {
        self.plain.len()
    }

    /// Learns which texts of the right file stand where the left has which: from pairs that are certain, if three or more show it
    /// and it is a fifth of all that show the right text.
    pub fn learn(&mut self, pairs: impl Iterator<Item = (u32, u32)>) {
        let mut counts: HashMap<(u32, u32), u32> = HashMap::new();
        for pair in pairs.filter(|(left, right)| *left != NONE && *right != NONE) {
            *counts.entry(pair).or_default() += 1;
        }
        let mut of_right: HashMap<u32, Vec<(u32, u32)>> = HashMap::new();
        for ((left, right), count) in counts {
            of_right.entry(right).or_default().push((count, left));
        }
        for (right, mut lefts) in of_right {
            let all: u32 = lefts.iter().map(|it| it.0).sum();
            lefts.retain(|(count, left)| *left != right && *count >= 3 && count * 5 >= all);
            lefts.sort_unstable_by(|a, b| b.cmp(a));
            if !lefts.is_empty() {
                self.known.insert(right, lefts.into_iter().map(|it| it.1).collect());
            }
        }
    }

    /// What the left file may call the right file's text.
    pub fn known(&self, right: u32) -> &[u32] {
        self.known.get(&right).map_or(&[], Vec::as_slice)
    }

    /// Hashes of both halves of a longer text: one of them is likely to be whole. 0 of a short one.
    pub fn halves(&self, number: u32) -> [u64; 2] {
        const PART: usize = 8;
        let letters: Vec<char> = self.plain[number as usize].text.chars().collect();
        if letters.len() < PART {
            return [0; 2];
        }
        let length = (letters.len() / 2).min(PART);
        let part = |letters: &[char]| hash::text(&letters.iter().collect::<String>());
        [part(&letters[..length]), part(&letters[letters.len() - length..])]
    }

    /// How a text of the left file agrees with one of the right.
    pub fn compare(&self, left: u32, right: u32) -> Near {
        if left == NONE || right == NONE {
            return Near::Silent;
        }
        if left == right {
            return Near::Same;
        }
        if self.known(right).contains(&left) {
            return Near::Known;
        }
        let (a, b) = (&self.plain[left as usize], &self.plain[right as usize]);
        let (most, least) = (a.pairs.count_ones().max(b.pairs.count_ones()), a.pairs.count_ones().min(b.pairs.count_ones()));
        let common = (a.pairs & b.pairs).count_ones();
        let dice = (200 * common).checked_div(most + least).unwrap_or(0);
        if self.kind == Evidence::Contact && least >= 8 && a.text.bytes().any(|it| it.is_ascii_alphabetic()) {
            // Addresses of one provider share its name.
            return match dice {
                75.. => Near::Near,
                55.. => Near::Weak,
                _ => Near::Other,
            };
        }
        if a.text.len().max(b.text.len()) <= 8 || self.kind == Evidence::Contact {
            // Short texts and numbers: one slip of the hand.
            return if slip(&a.text, &b.text) { Near::Near } else { Near::Other };
        }
        // Chinese names of units share their district and their kind; what is left out or added between them is a better sign.
        let han = a.text.chars().any(crate::name::is_hanzi);
        let (near, weak) = if han { (86, 60) } else { (70, 40) };
        match () {
            () if dice >= near || abbreviates(&a.text, &b.text) || abbreviates(&b.text, &a.text) => Near::Near,
            () if dice >= weak => Near::Weak,
            () => Near::Other,
        }
    }
}

/// Whether a shorter text is the longer one with some of its characters left out, but not many.
fn abbreviates(short: &str, long: &str) -> bool {
    if short.len() >= long.len() || short.len() * 5 < long.len() * 3 {
        return false;
    }
    let mut letters = long.chars();
    short.chars().all(|letter| letters.any(|it| it == letter))
}

fn slip(one: &str, other: &str) -> bool {
    use crate::link::kernel::Word;
    let (a, b) = (Word::pack(one.chars()), Word::pack(other.chars()));
    a.1 && b.1 && a.0.letters().len().min(b.0.letters().len()) >= 3 && a.0.osa(&b.0) == 1
}

/// Small letters, no blanks and marks, one width.
fn plain(raw: &str) -> String {
    if raw.chars().all(crate::name::is_hanzi) {
        return raw.to_owned();
    }
    let text: String = raw.nfkc().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    // What people write who have nothing to say.
    if matches!(text.as_str(), "null" | "none" | "nan" | "na" | "nil" | "unknown" | "无" | "不详" | "未知") {
        String::new()
    } else {
        text
    }
}

fn pairs(text: &str) -> u128 {
    let letters: Vec<char> = text.chars().collect();
    letters
        .windows(2)
        .fold(0, |bits, pair| bits | 1 << (hash::seal(hash::mix(u64::from(u32::from(pair[0])), u64::from(u32::from(pair[1])))) % 128))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_under_several_names() {
        let texts: Texts =
            ["嵊州市第一中学", " 嵊州市第一中学 ", "嵊州市第一中学（本部）", "嵊州市人民医院", "", "DW0017"].into_iter().collect();
        let mut places = Places::new(Evidence::Unit);
        let number: Vec<u32> = (0..texts.len()).map(|row| places.number(&texts, row)).collect();
        assert_eq!(places.compare(number[0], number[1]), Near::Same);
        assert_eq!(places.compare(number[0], number[2]), Near::Near);
        assert_eq!(places.compare(number[0], number[3]), Near::Other);
        assert_eq!(places.compare(number[0], number[4]), Near::Silent);
        places.learn(std::iter::repeat_n((number[0], number[5]), 3));
        assert_eq!(places.compare(number[0], number[5]), Near::Known);
        assert_eq!(places.compare(number[3], number[5]), Near::Other);
    }
}
