//! Unified social credit codes, GB 32100-2015.

// GB 32100-2015: digits and capitals without I, O, S, V, Z; the value of a character is its place here.
const LETTERS: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// A code with blanks, widths and small letters put right, if it then passes its check character.
pub fn read(raw: &str) -> Option<String> {
    let text: String = super::unit_name::plain(raw).to_uppercase();
    valid(&text).then_some(text)
}

/// Whether eighteen characters pass the check character: 31 - sum(value * 3^place) mod 31.
fn valid(text: &str) -> bool {
    let value = |letter: &u8| LETTERS.iter().position(|it| it == letter);
    let Some(values) = text.as_bytes().iter().map(value).collect::<Option<Vec<usize>>>() else { return false };
    let Some((check, body)) = values.split_last() else { return false };
    let (sum, _) = body.iter().fold((0, 1), |(sum, weight), value| (sum + value * weight, weight * 3 % 31));
    values.len() == 18 && *check == (31 - sum % 31) % 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_pass_or_fail() {
        assert_eq!(read("91110000600037341L").as_deref(), Some("91110000600037341L"));
        assert_eq!(read(" 91110000600037341l").as_deref(), Some("91110000600037341L"));
        assert_eq!(read("９１１１００００６０００３７３４１Ｌ").as_deref(), Some("91110000600037341L"));
        assert_eq!(read("12330683146534783J").as_deref(), Some("12330683146534783J"));
        for wrong in ["91110000600037342L", "91110000600037341O", "9111000060003734L", "", "无"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_single_replacement_is_caught() {
        let right = *b"91110000600037341L";
        for at in 0..18 {
            for letter in LETTERS.iter().filter(|it| **it != right[at]) {
                let mut wrong = right;
                wrong[at] = *letter;
                assert!(!valid(std::str::from_utf8(&wrong).expect("ASCII")), "{at} {letter}");
            }
        }
    }
}
