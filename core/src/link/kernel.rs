//! The comparisons that run millions of times: edit distance of ID numbers and Jaro-Winkler of names, on packed text.
//!
//! Both give exactly what strsim gives, which is the reference of the property tests, and are many times as fast: a number of
//! eighteen digits fits into a register, so a whole row of the distance table is one step of integer arithmetic.

/// Most characters of a packed number: four bits each.
pub const DIGITS_MAX: usize = 32;

/// Up to 32 characters of `0-9` and `X`, four bits each, the first character lowest; any other character is a blank that equals
/// blanks only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digits {
    nibbles: u128,
    length: u8,
}

/// The nibble of a character that is no digit: a mask, a blank, a letter.
const BLANK: u8 = 11;

impl Digits {
    /// No characters.
    pub const EMPTY: Digits = Digits { nibbles: 0, length: 0 };

    /// Eighteen characters of a resident number: seventeen digits, and a check character of which 10 is X.
    pub fn of_body(body: u64, check: u8) -> Digits {
        let (mut nibbles, mut rest) = (u128::from(check) << 68, body);
        for place in (0..17).rev() {
            nibbles |= u128::from(rest % 10) << (4 * place);
            rest /= 10;
        }
        Digits { nibbles, length: 18 }
    }

    /// Some places, as a number that is equal for equal characters.
    pub fn part(self, from: usize, to: usize) -> u128 {
        self.nibbles >> (4 * from) & ((1 << (4 * (to - from))) - 1)
    }

    /// Whether some places are there and are all digits, but for an X in the last.
    pub fn plain(self, from: usize, to: usize) -> bool {
        to <= self.len() && (from..to).all(|place| self.at(place) < 10 || self.at(place) == 10 && place + 1 == to)
    }

    /// The fifteen characters of the old form of eighteen: no century, no check character.
    pub fn old_form(self) -> Digits {
        let (area, rest) = (self.part(0, 6), self.part(8, 17));
        Digits { nibbles: area | rest << 24, length: 15 }
    }

    /// Eighteen places; a shorter or longer text that hides characters is read from both ends. `None` where neither fits.
    pub fn spread(self) -> Option<[u8; 18]> {
        let at = |place: usize| self.at(place) as u8;
        if self.len() == 18 {
            return Some(std::array::from_fn(at));
        }
        let head = (0..self.len()).take_while(|place| self.at(*place) <= 10).count();
        let tail = (0..self.len()).rev().take_while(|place| self.at(*place) <= 10).count();
        if head == self.len() || head + tail > 18 {
            return None;
        }
        let mut spread = [BLANK; 18];
        (0..head).for_each(|place| spread[place] = at(place));
        (0..tail).for_each(|back| spread[17 - back] = at(self.len() - 1 - back));
        Some(spread)
    }

    /// Packs a text; `None` where it is too long.
    pub fn pack(text: &str) -> Option<Digits> {
        let mut packed = Digits::default();
        for letter in text.chars() {
            if usize::from(packed.length) == DIGITS_MAX {
                return None;
            }
            let nibble = match letter {
                'X' | 'x' => 10,
                _ => letter.to_digit(10).unwrap_or(u32::from(BLANK)),
            };
            packed.nibbles |= u128::from(nibble) << (4 * packed.length);
            packed.length += 1;
        }
        Some(packed)
    }

    /// How many characters.
    pub fn len(self) -> usize {
        usize::from(self.length)
    }

    /// Nothing at all.
    pub fn is_empty(self) -> bool {
        self.length == 0
    }

    /// The character at a place: 0 to 9, 10 for X, 11 for anything else.
    pub fn at(self, place: usize) -> usize {
        (self.nibbles >> (4 * place) & 15) as usize
    }

    /// How many characters at the beginning are the same.
    pub fn common_prefix(self, other: Digits) -> usize {
        let same = (self.nibbles ^ other.nibbles).trailing_zeros() as usize / 4;
        same.min(self.len()).min(other.len())
    }
}

/// A number that is compared with many others.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    places: [u32; 16],
    length: u32,
}

impl Pattern {
    /// Prepares the number.
    pub fn new(digits: Digits) -> Pattern {
        let mut places = [0; 16];
        (0..digits.len()).for_each(|place| places[digits.at(place)] |= 1 << place);
        Pattern { places, length: digits.len() as u32 }
    }

    /// Optimal string alignment: replacements, losses, additions and exchanges of neighbours, each character touched once.
    pub fn osa(&self, other: Digits) -> u32 {
        if self.length == 0 {
            return other.len() as u32;
        }
        osa(self.length, (0..other.len()).map(|place| self.places[other.at(place)]))
    }
}

/// Most letters of a packed word.
pub const WORD_MAX: usize = 16;

/// A name or a word of a name: up to sixteen letters of the basic plane, two bytes each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Word {
    letters: [u16; WORD_MAX],
    length: u8,
}

impl Word {
    /// Packs the beginning of a text. A letter outside the basic plane is folded into the private area, where no letter of a name
    /// should be; the second value tells whether the word is faithful to the text.
    pub fn pack(text: impl Iterator<Item = char>) -> (Word, bool) {
        let (mut word, mut faithful) = (Word::default(), true);
        for letter in text {
            if usize::from(word.length) == WORD_MAX {
                return (word, false);
            }
            let code = u32::from(letter);
            faithful &= code <= 0xFFFF;
            word.letters[usize::from(word.length)] = if code <= 0xFFFF { code as u16 } else { 0xE000 | code as u16 & 0x0FFF };
            word.length += 1;
        }
        (word, faithful)
    }

    /// The letters.
    pub fn letters(&self) -> &[u16] {
        &self.letters[..usize::from(self.length)]
    }

    /// Nothing at all.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// By place of this word: a bit where the letter stands.
    fn places(&self, letter: u16) -> u32 {
        // All sixteen lanes, without a branch; the mask cuts off what is behind the end.
        let all = self.letters.iter().enumerate().fold(0, |bits, (at, it)| bits | u32::from(*it == letter) << at);
        all & ((1 << self.length) - 1)
    }

    /// Jaro-Winkler similarity, 0 to 1.
    pub fn jaro_winkler(&self, other: &Word) -> f64 {
        let jaro = self.jaro(other);
        if jaro > 0.7 {
            let prefix = self.letters().iter().zip(other.letters()).take(4).take_while(|(a, b)| a == b).count();
            jaro + 0.1 * prefix as f64 * (1.0 - jaro)
        } else {
            jaro
        }
    }

    fn jaro(&self, other: &Word) -> f64 {
        let (ours, theirs) = (usize::from(self.length), usize::from(other.length));
        match (ours, theirs) {
            (0, 0) => return 1.0,
            (0, _) | (_, 0) => return 0.0,
            _ => {}
        }
        let range = (ours.max(theirs) / 2).saturating_sub(1);
        let (mut our_flags, mut their_flags) = (0_u32, 0_u32);
        for (at, letter) in self.letters().iter().enumerate() {
            let window = ((1_u32 << (at + range + 1).min(31)) - 1) & !((1_u32 << at.saturating_sub(range)) - 1);
            let free = other.places(*letter) & window & !their_flags;
            if free != 0 {
                our_flags |= 1 << at;
                their_flags |= free & free.wrapping_neg();
            }
        }
        let matches = our_flags.count_ones() as usize;
        if matches == 0 {
            return 0.0;
        }
        let (mut exchanged, mut left, mut right) = (0_usize, our_flags, their_flags);
        while left != 0 {
            let (a, b) = (left.trailing_zeros() as usize, right.trailing_zeros() as usize);
            exchanged += usize::from(self.letters[a] != other.letters[b]);
            left &= left - 1;
            right &= right - 1;
        }
        exchanged /= 2;
        let matched = matches as f64;
        (matched / ours as f64 + matched / theirs as f64 + (matches - exchanged) as f64 / matched) / 3.0
    }

    /// Optimal string alignment of two words, by the same arithmetic as for numbers.
    pub fn osa(&self, other: &Word) -> u32 {
        if self.length == 0 {
            return u32::from(other.length);
        }
        osa(u32::from(self.length), other.letters().iter().map(|letter| self.places(*letter)))
    }
}

/// The distance of a text of `length` characters, one at least, from another, for each character of which `equals` gives the places of the
/// first text that hold it. A bit is a row of the distance table, a turn a column.
/// Hyyrö (2003), "A bit-vector algorithm for computing Levenshtein and Damerau edit distances".
fn osa(length: u32, equals: impl Iterator<Item = u32>) -> u32 {
    let last = 1_u32 << (length - 1);
    let (mut up, mut down, mut diagonal, mut before) = (u32::MAX, 0_u32, 0_u32, 0_u32);
    let mut distance = length;
    for equal in equals {
        let exchanged = ((!diagonal & equal) << 1) & before;
        diagonal = ((equal & up).wrapping_add(up) ^ up) | equal | down | exchanged;
        let right_up = down | !(diagonal | up);
        let right_down = diagonal & up;
        distance += u32::from(right_up & last != 0);
        distance -= u32::from(right_down & last != 0);
        let shifted = right_up << 1 | 1;
        up = right_down << 1 | !(diagonal | shifted);
        down = shifted & diagonal;
        before = equal;
    }
    distance
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digits(text: &str) -> Digits {
        Digits::pack(text).expect("short enough")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn numbers_are_as_far_apart_as_strsim_says(one in "[0-9X]{0,20}", other in "[0-9X]{0,20}", cut in 0..20_usize, turn in 0..20_usize) {
            prop_assert_eq!(Pattern::new(digits(&one)).osa(digits(&other)) as usize, strsim::osa_distance(&one, &other));
            // Near numbers, which random ones never are.
            let mut near: Vec<char> = one.chars().collect();
            if cut < near.len() {
                near.remove(cut);
            }
            if turn + 1 < near.len() {
                near.swap(turn, turn + 1);
            }
            let near: String = near.into_iter().collect();
            prop_assert_eq!(Pattern::new(digits(&one)).osa(digits(&near)) as usize, strsim::osa_distance(&one, &near));
            let prefix = one.chars().zip(near.chars()).take_while(|(a, b)| a == b).count();
            prop_assert_eq!(digits(&one).common_prefix(digits(&near)), prefix);
        }

        #[test]
        fn words_are_as_like_as_strsim_says(one in "[a-e张伟王芳秀英]{0,16}", other in "[a-e张伟王芳秀英]{0,16}") {
            let (a, b) = (Word::pack(one.chars()).0, Word::pack(other.chars()).0);
            prop_assert_eq!(a.jaro_winkler(&b).to_bits(), strsim::jaro_winkler(&one, &other).to_bits());
            prop_assert_eq!(a.osa(&b) as usize, strsim::osa_distance(&one, &other));
        }

        #[test]
        fn no_text_panics(one in "\\PC*", other in "\\PC*") {
            let (a, b) = (Word::pack(one.chars()).0, Word::pack(other.chars()).0);
            prop_assert!((0.0..=1.0).contains(&a.jaro_winkler(&b)));
            a.osa(&b);
            if let (Some(a), Some(b)) = (Digits::pack(&one), Digits::pack(&other)) {
                Pattern::new(a).osa(b);
            }
        }
    }
}
