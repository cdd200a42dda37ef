//! A name made ready for comparison: its characters and sounds, or its words by role.

use super::hash;
use super::side::{Side, text};
use crate::link::kernel::Word;
use crate::name::{self, is_hanzi, sound};

/// What a name is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Script {
    /// There is no name.
    #[default]
    None,
    /// Chinese characters, perhaps with a letter or a mark among them.
    Han,
    /// An alphabet.
    Letters,
}

/// What names are found and counted by; 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// The whole name, variants folded.
    pub whole: u64,
    /// The letters of the whole name in pinyin or in the alphabet, family name first and last.
    pub spelled: [u64; 2],
    /// The sound of the family name and of the first given name.
    pub family: u64,
    /// See `family`.
    pub given: u64,
    /// The family name and the first given name as written; of Chinese names the family name only.
    pub family_text: u64,
    /// See `family_text`.
    pub given_text: u64,
}

/// A name ready for comparison.
#[derive(Clone, Debug, Default)]
pub struct Form {
    pub script: Script,
    pub keys: Keys,
    /// Chinese: the characters, variants folded.
    pub letters: Word,
    /// Chinese: the syllable of each character, or the character where it has none.
    pub sounds: Word,
    /// Chinese: how many characters the family name has.
    pub family_length: usize,
    /// Letters: the family name.
    pub family: Word,
    /// Letters: the given names, the first first.
    pub given: [Word; 3],
    /// Letters: all given names in one piece.
    pub all_given: Word,
}

impl Form {
    /// The name of a row.
    pub fn of(side: &Side, row: usize) -> Form {
        let (whole, given, family) = (text(side.name.as_ref(), row), text(side.given.as_ref(), row), text(side.family.as_ref(), row));
        let han = |it: &str| it.chars().any(is_hanzi);
        if han(family) || han(given) {
            Form::han(&format!("{family}{given}"))
        } else if !family.is_empty() || !given.is_empty() {
            Form::letters(&words(given), &words(family))
        } else if han(whole) {
            Form::han(whole)
        } else {
            let (given, family) = roles(whole);
            Form::letters(&given, &family)
        }
    }

    /// Letters: the first letters of given and family name, in whichever order; 0 without both.
    pub fn initials(&self) -> u64 {
        match (self.given[0].letters(), self.family.letters()) {
            ([a, ..], [b, ..]) => u64::from(*a.min(b)) << 16 | u64::from(*a.max(b)),
            _ => 0,
        }
    }

    fn han(raw: &str) -> Form {
        let letters: Vec<char> = name::key(raw).chars().collect();
        if letters.is_empty() {
            return Form::default();
        }
        let family_length = name::surname(&letters).len();
        let mut spelled = [0, 0];
        let mut sounds = Vec::with_capacity(letters.len());
        let (mut whole, mut family, mut given) = (1, 2, 3);
        for (at, letter) in letters.iter().enumerate() {
            let spelling = sound::spelling(*letter);
            sounds.push(sound::syllable(*letter).map_or(*letter, |it| char::from_u32(u32::from(it)).unwrap_or(*letter)));
            let part = if at < family_length { &mut family } else { &mut given };
            let mut own = [0; 4];
            let plain = spelling.unwrap_or_else(|| letter.encode_utf8(&mut own));
            for byte in plain.bytes().map(|it| plain_letter(it.to_ascii_lowercase())) {
                *part = hash::mix(*part, u64::from(byte));
                spelled[0] = hash::mix(spelled[0], u64::from(byte));
            }
            whole = hash::mix(whole, u64::from(u32::from(*letter)));
        }
        spelled[0] = hash::seal(spelled[0]);
        let has_given = letters.len() > family_length;
        Form {
            script: Script::Han,
            keys: Keys {
                whole: hash::seal(whole),
                spelled,
                family: hash::seal(family),
                given: if has_given { hash::seal(given) } else { 0 },
                family_text: hash::seal(letters[..family_length].iter().fold(4, |hash, it| hash::mix(hash, u64::from(u32::from(*it))))),
                given_text: 0,
            },
            letters: Word::pack(letters.iter().copied()).0,
            sounds: Word::pack(sounds.into_iter()).0,
            family_length,
            ..Form::default()
        }
    }

    fn letters(given: &[String], family: &[String]) -> Form {
        let family = family.concat();
        if family.is_empty() && given.is_empty() {
            return Form::default();
        }
        let first = given.first().map_or("", String::as_str);
        let spelled = |words: &mut dyn Iterator<Item = &str>| {
            let bytes = words.flat_map(str::bytes).map(|it| plain_letter(it.to_ascii_lowercase()));
            hash::seal(bytes.fold(0, |hash, byte| hash::mix(hash, u64::from(byte))))
        };
        let sound = |word: &str| if word.chars().count() < 2 { 0 } else { hash::text(&sound::code(word)) };
        let all_given = || given.iter().map(String::as_str);
        Form {
            script: Script::Letters,
            keys: Keys {
                whole: hash::all(9, [hash::text(&family).max(1), hash::text(&given.join(" ")).max(1)]),
                spelled: [
                    spelled(&mut std::iter::once(family.as_str()).chain(all_given())),
                    spelled(&mut all_given().chain(std::iter::once(family.as_str()))),
                ],
                family: sound(&family),
                given: sound(first),
                family_text: hash::text(&family),
                given_text: hash::text(first),
            },
            family: Word::pack(family.chars()).0,
            given: std::array::from_fn(|at| given.get(at).map_or_else(Word::default, |it| Word::pack(it.chars()).0)),
            all_given: Word::pack(given.iter().flat_map(|it| it.chars())).0,
            ..Form::default()
        }
    }
}

/// Passports write ü as v, u or yu.
fn plain_letter(letter: u8) -> u8 {
    if letter == b'v' { b'u' } else { letter }
}

/// Given and family names of a name in one piece: `Family, Given` or `Given … Family`.
fn roles(raw: &str) -> (Vec<String>, Vec<String>) {
    if let Some((family, given)) = raw.split_once([',', '，']) {
        return (words(given), words(family));
    }
    let mut words = words(raw);
    match words.pop() {
        // Particles belong to the family name: van der Berg.
        Some(last) => {
            let start = words.iter().skip(1).position(|it| PARTICLES.contains(&it.as_str())).map_or(words.len(), |at| at + 1);
            let mut family = words.split_off(start.min(words.len()));
            family.push(last);
            (words, family)
        }
        None => (Vec::new(), Vec::new()),
    }
}

const PARTICLES: [&str; 14] = ["VAN", "VON", "DER", "DEN", "DE", "LA", "LE", "DI", "DA", "DEL", "BIN", "AL", "EL", "ST"];
const TITLES: [&str; 12] = ["MR", "MRS", "MS", "MISS", "DR", "PROF", "SIR", "JR", "SR", "II", "III", "IV"];

/// The words of a name in capital letters without diacritics and titles.
fn words(raw: &str) -> Vec<String> {
    if raw.is_empty() {
        return Vec::new();
    }
    let plain: String = if raw.is_ascii() { raw.to_owned() } else { undress(raw) };
    let mut words: Vec<String> = plain
        .split(|it: char| it.is_whitespace() || matches!(it, '-' | '.' | '/' | ',' | '_' | '(' | ')'))
        .map(|it| it.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_uppercase).collect())
        .filter(|it: &String| !it.is_empty())
        .collect();
    if words.len() > 1 {
        let all = words.clone();
        words.retain(|it| !TITLES.contains(&it.as_str()));
        if words.is_empty() {
            words = all;
        }
    }
    words
}

/// Letters without their marks, and those that decompose into nothing plainer by their usual spelling.
fn undress(raw: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    use unicode_normalization::char::is_combining_mark;
    let mut plain = String::with_capacity(raw.len());
    for letter in raw.nfkd().filter(|it| !is_combining_mark(*it)) {
        match letter {
            'ß' => plain.push_str("SS"),
            'ø' | 'Ø' => plain.push('O'),
            'æ' | 'Æ' => plain.push_str("AE"),
            'œ' | 'Œ' => plain.push_str("OE"),
            'ł' | 'Ł' => plain.push('L'),
            'đ' | 'Đ' | 'ð' | 'Ð' => plain.push('D'),
            'þ' | 'Þ' => plain.push_str("TH"),
            'ı' => plain.push('I'),
            _ => plain.push(letter),
        }
    }
    plain
}

/// How two Chinese names agree, or a Chinese name and its pinyin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    Silent,
    Same,
    Sound,
    OneAway,
    /// The family name sounds the same, and one more character.
    Shares,
    Family,
    Other,
}

/// How two words of names agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Silent,
    Same,
    /// One edit, the same sound, or much alike.
    Near,
    /// One is the other's initial, or its beginning.
    Initial,
    /// Given name and family name stand in each other's place. Of the given name: both do, and the family name says nothing more. Of
    /// the family name: one of them does, and the other says nothing or differs.
    Swapped,
    /// Somewhat alike.
    Weak,
    Other,
}

/// Compares names of which at least one is Chinese.
pub fn compare_whole(one: &Form, other: &Form) -> Whole {
    match (one.script, other.script) {
        (Script::None, _) | (_, Script::None) => Whole::Silent,
        (Script::Han, Script::Han) => compare_han(one, other),
        _ => {
            let spelled = |it: &Form| it.keys.spelled.into_iter().filter(|it| *it != 0).collect::<Vec<_>>();
            let theirs = spelled(other);
            if spelled(one).iter().any(|it| theirs.contains(it)) { Whole::Sound } else { Whole::Other }
        }
    }
}

fn compare_han(one: &Form, other: &Form) -> Whole {
    if one.keys.whole == other.keys.whole {
        return Whole::Same;
    }
    let (a, b) = (one.letters.letters(), other.letters.letters());
    let (heard_a, heard_b) = (one.sounds.letters(), other.sounds.letters());
    let wild = |it: u16| char::from_u32(u32::from(it)).is_none_or(name::wild);
    let families = one.keys.family == other.keys.family;
    let given_shared = || {
        let (ours, theirs) = (&heard_a[one.family_length.min(heard_a.len())..], &heard_b[other.family_length.min(heard_b.len())..]);
        ours.iter().any(|it| theirs.contains(it))
    };
    if heard_a == heard_b || one.keys.spelled[0] == other.keys.spelled[0] {
        Whole::Sound
    } else if name::one_away(a, b, wild) || a.len() == b.len() && a.len() >= 3 && sorted(a) == sorted(b) {
        Whole::OneAway
    } else if families && given_shared() {
        Whole::Shares
    } else if families {
        Whole::Family
    } else {
        Whole::Other
    }
}

fn sorted(letters: &[u16]) -> Vec<u16> {
    let mut letters = letters.to_vec();
    letters.sort_unstable();
    letters
}

/// Compares given and family names in letters.
pub fn compare_parts(one: &Form, other: &Form) -> (Part, Part) {
    let family = compare_words(&one.family, &other.family, one.keys.family, other.keys.family);
    let given = compare_given(one, other);
    let alike = |it: Part| matches!(it, Part::Same | Part::Near | Part::Initial);
    if alike(family) && (alike(given) || given == Part::Silent) {
        return (given, family);
    }
    let [ours, theirs] = [crossed(one, other), crossed(other, one)];
    let sure = |it: Part| matches!(it, Part::Same | Part::Near);
    if alike(ours) && alike(theirs) && (sure(ours) || sure(theirs)) {
        (Part::Swapped, Part::Silent)
    } else if !alike(family) && !alike(given) && (sure(ours) || sure(theirs)) {
        // Who has one name only, in whichever column, tells nothing by the other.
        let rest = if sure(ours) { theirs } else { ours };
        (if rest == Part::Silent { Part::Silent } else { Part::Other }, Part::Swapped)
    } else {
        (given, family)
    }
}

/// The given names of one as the family name of the other: the first of them, or all in one piece.
fn crossed(one: &Form, other: &Form) -> Part {
    let first = compare_words(&one.given[0], &other.family, one.keys.given, other.keys.family);
    if one.given[1].is_empty() || matches!(first, Part::Same | Part::Near) {
        return first;
    }
    compare_words(&one.all_given, &other.family, 0, 0)
}

/// First given names, or the best of a first and a second one at a discount.
fn compare_given(one: &Form, other: &Form) -> Part {
    let first = compare_words(&one.given[0], &other.given[0], one.keys.given, other.keys.given);
    if !matches!(first, Part::Other | Part::Weak) {
        return first;
    }
    let second = |a: &Form, b: &Form| !a.given[1].is_empty() && compare_words(&a.given[1], &b.given[0], 0, 0) == Part::Same;
    if second(one, other) || second(other, one) { Part::Near } else { first }
}

fn compare_words(one: &Word, other: &Word, sound: u64, other_sound: u64) -> Part {
    let (a, b) = (one.letters(), other.letters());
    if a.is_empty() || b.is_empty() {
        return Part::Silent;
    }
    if a == b {
        return Part::Same;
    }
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if long.starts_with(short) && (short.len() == 1 || short.len() >= 3) {
        return Part::Initial;
    }
    let alike = one.jaro_winkler(other);
    if alike >= 0.92 || short.len() >= 3 && one.osa(other) == 1 || sound != 0 && sound == other_sound && alike >= 0.7 {
        Part::Near
    } else if alike >= 0.8 {
        Part::Weak
    } else {
        Part::Other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(name: &str) -> Form {
        Form::of(&Side { rows: 1, name: Some([name].into_iter().collect()), ..Side::default() }, 0)
    }

    #[test]
    fn chinese_names() {
        for (one, other, agree) in [
            ("王秀英", "王秀英", Whole::Same),
            ("張偉", "张伟", Whole::Same),
            ("王秀英", "王秀瑛", Whole::Sound),
            ("王秀英", "WANG XIUYING", Whole::Sound),
            ("王秀英", "Xiuying Wang", Whole::Sound),
            ("王秀英", "wangxiuying", Whole::Sound),
            ("王秀英", "王英秀", Whole::OneAway),
            ("王秀英", "王?英", Whole::OneAway),
            ("王秀英", "王英", Whole::OneAway),
            ("王秀英", "王建国", Whole::Family),
            ("王秀英", "李建国", Whole::Other),
            ("王秀英", "Smith", Whole::Other),
            ("", "王秀英", Whole::Silent),
        ] {
            assert_eq!(compare_whole(&form(one), &form(other)), agree, "{one} / {other}");
        }
    }

    #[test]
    fn names_in_letters() {
        use Part::{Initial, Near, Other, Same, Silent, Swapped};
        for (one, other, given, family) in [
            ("John Smith", "SMITH, John", Same, Same),
            ("Jon Smith", "John Smyth", Near, Near),
            ("J. Smith", "John Smith", Initial, Same),
            ("José García", "Jose Garcia", Same, Same),
            ("Dr. Anna Müller", "Anna Muller", Same, Same),
            ("Smith John", "John Smith", Swapped, Silent),
            ("Smith Jon", "John Smyth", Swapped, Silent),
            ("De La Cruz, Nicholas", "Nichllas, De La Cruz", Swapped, Silent),
            ("Smith Mary", "John Smith", Other, Swapped),
            ("Smith", "John Smith", Silent, Same),
            ("James Thomas", "Thomas Thomas", Other, Same),
            ("Mary Jones", "Peter Brown", Other, Other),
            ("Jan van der Berg", "Jan Van Der Berg", Same, Same),
        ] {
            assert_eq!(compare_parts(&form(one), &form(other)), (given, family), "{one} / {other}");
        }
    }

    proptest! {
        #[test]
        fn no_name_panics(one in "\\PC*", other in "[A-Za-z王李 ,.*?□-]{0,24}") {
            let (a, b) = (form(&one), form(&other));
            prop_assert_eq!(compare_whole(&a, &b), compare_whole(&b, &a));
            prop_assert_eq!(compare_parts(&a, &b), compare_parts(&b, &a));
        }
    }
}
