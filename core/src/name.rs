//! Names: what two departments may write differently for one person.
//!
//! [`clean`] is what mappings call: it keeps the name as the source writes it and removes only what nobody meant to write.
//! [`normal`] is what a reader would call the same text; [`key`] folds traditional and variant characters as well and is
//! what names are grouped by. [`compare`] says how near two names are.

pub mod sound;
mod variant;

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::person_id::invisible;

/// How near two names are, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Nearness {
    /// The same text.
    Exact,
    /// The same after normalisation: blanks, widths, dots, a note in brackets.
    Normal,
    /// The same but for traditional or variant characters: 張偉 and 张伟.
    Variant,
    /// One character differs, is missing, is exchanged with its neighbour, or is shown as `?`, `*` or `□`.
    OneAway,
    /// Only the surname is the same.
    Surname,
    /// Nothing in common that counts.
    Other,
}

impl Nearness {
    /// Whether a person would read both as one name, slips of the hand included.
    pub fn agrees(self) -> bool {
        self <= Nearness::OneAway
    }

    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Nearness::Exact => "same",
            Nearness::Normal => "normal",
            Nearness::Variant => "variant",
            Nearness::OneAway => "one-away",
            Nearness::Surname => "family",
            Nearness::Other => "other",
        }
    }

    /// Whether both are the same name, slips of the hand not included.
    pub fn same(self) -> bool {
        self <= Nearness::Variant
    }
}

/// Removes invisible characters and blanks at the ends; blanks inside become one plain blank, or none between the characters of
/// a short Chinese name that was padded to look well (`张　三`).
pub fn clean(raw: &str) -> Cow<'_, str> {
    if raw.chars().all(is_hanzi) {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut blank = false;
    for letter in raw.chars() {
        if letter.is_whitespace() || letter == '\u{3164}' {
            blank = !text.is_empty();
        } else if !invisible(letter) {
            if blank {
                text.push(' ');
                blank = false;
            }
            text.push(letter);
        }
    }
    if text.contains(' ') && text.chars().all(|it| it == ' ' || is_hanzi(it)) && text.chars().filter(|it| *it != ' ').count() <= 4 {
        text.retain(|it| it != ' ');
    }
    if text == raw { Cow::Borrowed(raw) } else { Cow::Owned(text) }
}

/// The text that a reader would call the same: compatibility forms, blanks, one form of interpunct (`·`, as the rules for
/// minority names ask), no note in brackets behind the name, Latin letters in capitals.
pub fn normal(raw: &str) -> Cow<'_, str> {
    if raw.chars().all(is_hanzi) {
        return Cow::Borrowed(raw);
    }
    let cleaned = clean(raw);
    let text: String = cleaned.nfkc().filter(|it| !is_combining_mark(*it)).collect();
    let without_note = text.find(['(', '[', '（', '【', '〔']).filter(|at| *at > 0).map_or(text.as_str(), |at| &text[..at]);
    let hanzi = without_note.chars().any(is_hanzi);
    let mut normal = String::with_capacity(without_note.len());
    for letter in without_note.trim_end().chars() {
        match letter {
            // NFKC leaves these apart; the blank is how systems without the character write it.
            '·' | '•' | '・' | '‧' | '∙' | '⋅' | '.' | '･' | '●' | '。' | '﹒' => normal.push('·'),
            ' ' if hanzi => normal.push('·'),
            _ => normal.extend(letter.to_uppercase()),
        }
    }
    Cow::Owned(normal)
}

/// The normal text with variants folded and without dots, which many systems drop: what names are grouped by.
pub fn key(raw: &str) -> Cow<'_, str> {
    if raw.chars().all(|it| is_hanzi(it) && variant::fold(it) == it) {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(normal(raw).chars().filter(|it| *it != '·').map(variant::fold).collect())
}

/// A number that is equal for equal keys, and different for different ones as far as sixty-four bits go; 0 for an empty key.
pub fn key_hash(raw: &str) -> u64 {
    let key = key(raw);
    if key.is_empty() {
        return 0;
    }
    let mix = |hash: u64, letter: char| (hash.rotate_left(5) ^ u64::from(u32::from(letter))).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = key.chars().fold(0x5bd1_e995, mix);
    (hash ^ hash >> 29).max(1)
}

/// How near two names are.
pub fn compare(one: &str, other: &str) -> Nearness {
    if one == other {
        return Nearness::Exact;
    }
    if normal(one) == normal(other) {
        return Nearness::Normal;
    }
    let (one, other): (Vec<char>, Vec<char>) = (key(one).chars().collect(), key(other).chars().collect());
    if one.is_empty() || other.is_empty() {
        Nearness::Other
    } else if one == other {
        Nearness::Variant
    } else if one_away(&one, &other, wild) {
        Nearness::OneAway
    } else if surname(&one) == surname(&other) {
        Nearness::Surname
    } else {
        Nearness::Other
    }
}

/// One replacement, loss or exchange; a wild card stands for any one character. Two characters of a name must remain, or one
/// for two-character names whose surname is untouched: 王芳 and 王方 are near, 王芳 and 李芳 are two families.
pub(crate) fn one_away<T: Copy + PartialEq>(one: &[T], other: &[T], wild: impl Fn(T) -> bool) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let start = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let end = short[start..].iter().rev().zip(long[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (left, right) = (&short[start..short.len() - end], &long[start..long.len() - end]);
    match (left, right) {
        ([a], [b]) => wild(*a) || wild(*b) || start > 0 || end >= 2,
        ([], [b]) => (start > 0 && short.len() >= 2) && (wild(*b) || short.len() >= 2),
        ([a, b], [c, d]) if a == d && b == c => short.len() >= 3,
        _ => left.len() == right.len() && start > 0 && left.iter().zip(right).all(|(a, b)| wild(*a) || wild(*b)),
    }
}

/// A mark for a character that could not be written or read; the private area is where old systems kept rare characters.
pub(crate) fn wild(letter: char) -> bool {
    matches!(letter, '?' | '*' | '□' | '■' | '〇' | '\u{FFFD}' | '×' | '_') || ('\u{E000}'..='\u{F8FF}').contains(&letter)
}

/// The surname of a Chinese name that has at least one character.
pub(crate) fn surname(name: &[char]) -> &[char] {
    let pair = name.get(..2).filter(|pair| name.len() >= 3 && COMPOUND.contains(&[pair[0], pair[1]]));
    pair.unwrap_or(&name[..1])
}

// The compound surnames that are still met; all others are one character long.
const COMPOUND: [[char; 2]; 26] = [
    ['欧', '阳'],
    ['上', '官'],
    ['皇', '甫'],
    ['令', '狐'],
    ['诸', '葛'],
    ['司', '徒'],
    ['司', '马'],
    ['申', '屠'],
    ['夏', '侯'],
    ['贺', '兰'],
    ['完', '颜'],
    ['慕', '容'],
    ['尉', '迟'],
    ['长', '孙'],
    ['宇', '文'],
    ['东', '方'],
    ['公', '孙'],
    ['轩', '辕'],
    ['端', '木'],
    ['独', '孤'],
    ['南', '宫'],
    ['闻', '人'],
    ['钟', '离'],
    ['淳', '于'],
    ['濮', '阳'],
    ['单', '于'],
];

/// A Chinese character of the unified repertoire; compatibility ideographs are not, they have to be folded first.
pub(crate) fn is_hanzi(letter: char) -> bool {
    matches!(letter, '\u{4E00}'..='\u{9FFF}' | '\u{3400}'..='\u{4DBF}' | '\u{20000}'..='\u{2EBEF}' | '\u{30000}'..='\u{323AF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(one: &str, other: &str, nearness: Nearness) {
        assert_eq!(compare(one, other), nearness, "{one} / {other}");
        assert_eq!(compare(other, one), nearness, "{other} / {one}");
        assert_eq!(nearness.same(), key(one) == key(other), "{one} / {other}");
    }

    #[test]
    fn names_are_as_near_as_they_look() {
        check("张伟", "张伟", Nearness::Exact);
        check("张 伟", "张伟", Nearness::Normal);
        check("张伟（大）", "张伟", Nearness::Normal);
        check("買買提•艾力", "买买提·艾力", Nearness::Variant);
        check("买买提•艾力", "买买提·艾力", Nearness::Normal);
        check("买买提 艾力江", "买买提·艾力江", Nearness::Normal);
        check("买买提艾力", "买买提·艾力", Nearness::Variant);
        check("張偉", "张伟", Nearness::Variant);
        check("王昇", "王升", Nearness::Variant);
        check("王秀英", "王秀瑛", Nearness::OneAway);
        check("王芳", "王方", Nearness::OneAway);
        check("王?英", "王秀英", Nearness::OneAway);
        check("王□", "王珺", Nearness::OneAway);
        check("王＊＊", "王秀英", Nearness::OneAway);
        check("王秀英", "王英秀", Nearness::OneAway);
        check("王秀", "王秀英", Nearness::OneAway);
        check("王芳", "李芳", Nearness::Other);
        check("王芳", "王建国", Nearness::Surname);
        check("欧阳建国", "欧阳秀英", Nearness::Surname);
        check("欧阳建国", "欧建军", Nearness::Other);
        check("", "张伟", Nearness::Other);
        check("JOHN  SMITH", "John Smith", Nearness::Normal);
    }

    #[test]
    fn cleaning_keeps_the_name_as_written() {
        for (raw, cleaned) in [
            (" 张三\u{3000}", "张三"),
            ("张\u{3000}三", "张三"),
            ("张\u{200B}三\n", "张三"),
            ("買買提 • 艾力", "買買提 • 艾力"),
            ("John   Smith", "John Smith"),
            ("\u{00A0}", ""),
        ] {
            assert_eq!(clean(raw), cleaned, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(one in "\\PC*", other in "[王李张伟芳?*·• ]{0,4}") {
            let cleaned = clean(&one).into_owned();
            prop_assert_eq!(clean(&cleaned), cleaned.as_str());
            prop_assert_eq!(compare(&one, &other), compare(&other, &one));
            prop_assert_eq!(compare(&one, &one), Nearness::Exact);
            prop_assert!(!compare(&one, &other).same() || key(&one) == key(&other));
        }
    }
}
