//! How names sound: pinyin for Chinese characters, a short code for words in letters. For finding names that were typed by ear.

use std::sync::LazyLock;

const FIRST: u32 = 0x4E00;
const COUNT: usize = 0x9FFF - FIRST as usize + 1;

/// Syllables and the characters that are read so, one reading each, as surnames are read where that differs. From pinyin-data (MIT).
const LIST: &str = include_str!("pinyin.txt");

struct Readings {
    spellings: Vec<&'static str>,
    /// By character: its syllable's number from 1, 0 where none is known.
    of: Box<[u16]>,
}

static READINGS: LazyLock<Readings> = LazyLock::new(|| {
    let mut readings = Readings { spellings: Vec::new(), of: vec![0; COUNT].into_boxed_slice() };
    for line in LIST.lines() {
        let Some((spelling, letters)) = line.split_once(' ') else { continue };
        readings.spellings.push(spelling);
        for letter in letters.chars() {
            let at = u32::from(letter).wrapping_sub(FIRST) as usize;
            if let Some(place) = readings.of.get_mut(at) {
                *place = readings.spellings.len() as u16;
            }
        }
    }
    readings
});

/// The number of a character's syllable; equal numbers sound the same but for the tone. `None` for what is no Chinese character.
pub fn syllable(letter: char) -> Option<u16> {
    let at = u32::from(letter).wrapping_sub(FIRST) as usize;
    READINGS.of.get(at).copied().filter(|it| *it != 0)
}

/// A character's syllable in letters.
pub fn spelling(letter: char) -> Option<&'static str> {
    syllable(letter).map(|it| READINGS.spellings[usize::from(it) - 1])
}

/// A word in capital letters by its sound: the first letter, then the kinds of consonants, as Soundex (US patent 1,261,167) with
/// the usual doubles read as one (PH as F, GH and silent H as nothing). Four characters, or the word where it is shorter.
pub fn code(word: &str) -> String {
    let letters: Vec<u8> = word.bytes().filter(u8::is_ascii_uppercase).collect();
    let mut code = String::new();
    let mut last = 0;
    let mut at = 0;
    while at < letters.len() && code.len() < 4 {
        let next = letters.get(at + 1).copied().unwrap_or(0);
        let (kind, width) = match (letters[at], next) {
            (b'P', b'H') => (1, 2),
            (b'K', b'N') if at == 0 => (5, 2),
            (b'W', b'R') if at == 0 => (6, 2),
            (b'G', b'H') if at > 0 => (0, 2),
            (b'B' | b'F' | b'P' | b'V', _) => (1, 1),
            (b'C' | b'G' | b'J' | b'K' | b'Q' | b'S' | b'X' | b'Z', _) => (2, 1),
            (b'D' | b'T', _) => (3, 1),
            (b'L', _) => (4, 1),
            (b'M' | b'N', _) => (5, 1),
            (b'R', _) => (6, 1),
            // Between two consonants of a kind, H and W do not part them; vowels do.
            (b'H' | b'W', _) if at > 0 => (last, 1),
            _ => (0, 1),
        };
        if at == 0 {
            code.push(first(&letters));
        } else if kind != 0 && kind != last {
            code.push(char::from(b'0' + kind));
        }
        last = kind;
        at += width;
    }
    code
}

fn first(letters: &[u8]) -> char {
    match letters {
        [b'P', b'H', ..] => 'F',
        [b'K', b'N', ..] => 'N',
        [b'W', b'R', ..] => 'R',
        [b'C', b'E' | b'I' | b'Y', ..] => 'S',
        [b'C' | b'Q', ..] => 'K',
        [letter, ..] => char::from(*letter),
        [] => '-',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homophones_share_a_syllable() {
        for (one, other) in [('英', '瑛'), ('伟', '玮'), ('峰', '锋'), ('張', '张'), ('娟', '涓')] {
            assert_eq!(syllable(one), syllable(other), "{one} {other}");
        }
        assert_eq!(spelling('曾'), Some("zeng"));
        assert_eq!(spelling('秀'), Some("xiu"));
        assert_eq!(spelling('A'), None);
    }

    #[test]
    fn words_that_sound_alike_share_a_code() {
        for (one, other) in [("STEPHEN", "STEVEN"), ("CATHERINE", "KATHRYN"), ("SMITH", "SMYTHE"), ("KNIGHT", "NITE"), ("PHILIP", "FILLIP")]
        {
            assert_eq!(code(one), code(other), "{one} {other}");
        }
        assert_eq!(code(""), "");
        assert_ne!(code("SMITH"), code("JONES"));
    }
}
