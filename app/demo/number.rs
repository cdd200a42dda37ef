//! Identity numbers of people (GB 11643-1999) and of units (GB 32100-2015), and the division codes they begin with.

use chrono::{Datelike, NaiveDate};

use super::calendar::Sex;
use super::dice::Dice;

/// The division code of the city today.
pub const CITY: &str = "330683";

/// The check character of the first seventeen digits. GB 11643-1999: weights 7 9 10 5 8 4 2 1 6 3 …, mod 11.
pub fn check_character(seventeen: &[u8]) -> u8 {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = seventeen.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    b"10X98765432"[(sum % 11) as usize]
}

/// Whether eighteen characters are digits (the last perhaps X) that agree with their check character.
pub fn checks(id: &str) -> bool {
    let id = id.as_bytes();
    id.len() == 18 && id[..17].iter().all(u8::is_ascii_digit) && check_character(&id[..17]) == id[17]
}

/// A valid number for somebody born that day in that division.
pub fn id_number(dice: &mut Dice, division: &str, birth: NaiveDate, sex: Sex) -> String {
    // The seventeenth digit is odd for men and even for women.
    let sequence = dice.below(500) * 2 + usize::from(sex == Sex::Male);
    let mut id = format!("{division}{}{sequence:03}", birth.format("%Y%m%d"));
    id.push(char::from(check_character(id.as_bytes())));
    id
}

/// The fifteen digits of the cards issued before October 1999.
pub fn fifteen(id: &str) -> String {
    format!("{}{}", &id[..6], &id[8..17])
}

/// Counties of other provinces and prefectures, as coded when most of their people were born.
const ELSEWHERE: [&str; 18] = [
    "340123", "341226", "411521", "412825", "413026", "421127", "430626", "360730", "362331", "532128", "522401", "320826", "320323",
    "500234", "330106", "330203", "330802", "331023",
];

/// Where somebody born that day had the number issued. Division codes changed when the county became a city in 1995; a number keeps
/// the code of its birth year.
pub fn division(dice: &mut Dice, birth: NaiveDate) -> &'static str {
    let year = birth.year();
    let roll = dice.below(1000);
    if roll < 880 {
        return if year < 1995 { "330623" } else { CITY };
    }
    if roll < 950 {
        // 新昌, 诸暨 (a city since 1989), 上虞 (a city since 1992), 绍兴县.
        return match dice.below(4) {
            0 => "330624",
            1 => {
                if year < 1990 {
                    "330625"
                } else {
                    "330681"
                }
            }
            2 => {
                if year < 1993 {
                    "330622"
                } else {
                    "330682"
                }
            }
            _ => "330621",
        };
    }
    // Other provinces: people who married or moved here, and graduates.
    ELSEWHERE[dice.below(ELSEWHERE.len())]
}

/// A unified social credit code: registering department 1 (establishment office) or 9 (commerce), division, organisation code and
/// both check characters.
pub fn credit_code(department: char, category: char, division: &str, serial: u32) -> String {
    let body = format!("{serial:08}");
    let mut code = format!("{department}{category}{division}{body}{}", organisation_check(&body));
    code.push(credit_check(&code));
    code
}

/// GB 11714-1997: weights 3 7 9 10 5 8 4 2, mod 11.
fn organisation_check(body: &str) -> char {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.bytes().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from(b'0' + digit as u8),
    }
}

/// GB 32100-2015: powers of 3, mod 31, over the digits and letters without I O S V Z.
fn credit_check(seventeen: &str) -> char {
    const LETTERS: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let mut weight = 1;
    let mut sum = 0;
    for letter in seventeen.bytes() {
        let value = LETTERS.iter().position(|it| *it == letter).unwrap_or(0);
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    char::from(LETTERS[(31 - sum % 31) % 31])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_characters_of_known_numbers() {
        assert!(checks("11010519491231002X"));
        assert!(!checks("110105194912310021"));
        assert_eq!(credit_check("91110000600037341"), 'L');
        assert_eq!(fifteen("11010519491231002X"), "110105491231002");
    }
}
