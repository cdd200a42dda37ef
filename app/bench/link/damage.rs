//! What happens to a person between a card and a payroll, and how often.

use chrono::NaiveDate;

use super::names::Names;
use super::people::{Person, Row};
use crate::demo::dice::{Dice, Wheel};
use crate::demo::number::{check_character, fifteen};

/// How often rows are damaged.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    pub ids: f64,
    pub names: f64,
    pub units: f64,
    pub births: f64,
    /// Rows of the payroll that are nobody of the register.
    pub ghosts: f64,
    /// People who are paid twice.
    pub twice: f64,
    /// Whether there is a birth column.
    pub birth: bool,
}

/// The sets of the benchmark.
pub const SETS: [(&str, Rates); 4] = [
    ("plain", Rates { ids: 0.02, names: 0.01, units: 0.01, births: 0.002, ghosts: 0.03, twice: 0.001, birth: true }),
    ("hard", Rates { ids: 0.25, names: 0.10, units: 0.20, births: 0.03, ghosts: 0.03, twice: 0.002, birth: true }),
    ("nobirth", Rates { ids: 0.25, names: 0.10, units: 0.20, births: 0.0, ghosts: 0.03, twice: 0.002, birth: false }),
    ("small", Rates { ids: 0.10, names: 0.03, units: 0.05, births: 0.01, ghosts: 0.03, twice: 0.002, birth: true }),
];

/// Eighteen characters of seventeen.
pub fn with_check(seventeen: &str) -> String {
    format!("{seventeen}{}", char::from(check_character(seventeen.as_bytes())))
}

type IdDamage = fn(&mut String, &mut Dice);

const IDS: [(&str, f64, IdDamage); 18] = [
    ("id-digit", 20.0, |id, dice| replace(id, dice)),
    ("id-two-digits", 4.0, |id, dice| {
        replace(id, dice);
        replace(id, dice);
    }),
    ("id-exchanged", 8.0, |id, dice| {
        let mut letters: Vec<char> = id.chars().collect();
        let at = dice.below(letters.len() - 1);
        letters.swap(at, at + 1);
        *id = letters.into_iter().collect();
    }),
    ("id-digit-lost", 3.0, |id, dice| {
        id.remove(dice.below(id.len()));
    }),
    ("id-digit-more", 2.0, |id, dice| {
        let digit = char::from(b'0' + dice.below(10) as u8);
        id.insert(dice.below(id.len()), digit);
    }),
    ("id-spreadsheet", 14.0, |id, _| id.replace_range(15.., "000")),
    ("id-double", 3.0, |id, _| {
        if let Ok(number) = id.parse::<f64>() {
            *id = format!("{number:.0}");
        }
    }),
    ("id-scientific", 2.0, |id, _| {
        *id = format!("{}.{}E+17", &id[..1], &id[1..6]);
    }),
    ("id-15", 9.0, |id, _| {
        if &id[6..8] == "19" {
            *id = fifteen(id);
        }
    }),
    ("id-masked", 6.0, |id, _| id.replace_range(6..14, "********")),
    ("id-masked-more", 5.0, |id, _| id.replace_range(3..14, "***********")),
    ("id-missing", 9.0, |id, _| id.clear()),
    ("id-placeholder", 2.0, |id, dice| (*dice.pick(&["无", "0", "111111111111111111", "-"])).clone_into(id)),
    ("id-blanks", 4.0, |id, dice| id.insert(dice.below(18), *dice.pick(&[' ', '\u{a0}', '\u{200b}', '\u{3000}']))),
    ("id-width", 2.0, |id, _| *id = id.chars().map(|it| char::from_u32(u32::from(it) + 0xFEE0).unwrap_or(it)).collect()),
    ("id-apostrophe", 2.0, |id, _| id.insert(0, '\'')),
    ("id-letters", 2.0, |id, _| *id = id.replacen('0', "O", 1).replacen('1', "l", 1).replace('X', "x")),
    ("id-cut", 2.0, |id, dice| id.truncate(13 + dice.below(4))),
];

/// Damages an ID number, or puts somebody else's in its place.
pub fn id(row: &mut Row, staff: &[Person], at: usize, dice: &mut Dice) {
    // Somebody else's: two hundred in a million at the two in a hundred of the plain set.
    if dice.chance(0.01) {
        let other = if dice.chance(0.3) { (at + 1) % staff.len() } else { dice.below(staff.len()) };
        if other != at {
            row.id.clone_from(&staff[other].id);
            row.class = "id-of-another";
        }
        return;
    }
    let which = Wheel::new(IDS.iter().map(|it| it.1)).spin(dice);
    let before = row.id.clone();
    IDS[which].2(&mut row.id, dice);
    if row.id != before {
        row.class = match row.class {
            "clean" | "unit" | "birth" => IDS[which].0,
            _ => "id-and-name",
        };
    }
}

fn replace(id: &mut String, dice: &mut Dice) {
    let at = dice.below(17);
    let digit = char::from(b'0' + dice.below(10) as u8);
    id.replace_range(at..=at, digit.encode_utf8(&mut [0; 4]));
}

/// Damages a name, or changes it.
pub fn name(row: &mut Row, names: &Names, dice: &mut Dice) {
    let letters: Vec<char> = row.name.chars().collect();
    let last = letters.len() - 1;
    let given = 1 + dice.below(last);
    let with = |at: usize, letter: char| {
        let mut letters = letters.clone();
        letters[at] = letter;
        letters.into_iter().collect::<String>()
    };
    let (class, name) = match dice.below(100) {
        0..=24 => ("name-homophone", names.homophone(dice, letters[given]).map(|it| with(given, it))),
        25..=36 => ("name-traditional", traditional(&row.name)),
        37..=44 if last == 2 => ("name-lost", Some(letters.iter().enumerate().filter(|it| it.0 != given).map(|it| it.1).collect())),
        45..=50 if last == 2 => ("name-swapped", Some([letters[0], letters[2], letters[1]].into_iter().collect())),
        51..=62 => ("name-wild", Some(with(given, *dice.pick(&['?', '*', '□', '\u{e863}'])))),
        63..=70 => ("name-pinyin", Some(pinyin(&letters, dice))),
        71..=80 => {
            ("name-changed", Some(if dice.chance(0.7) { format!("{}{}", letters[0], &names.throw(dice)[3..]) } else { names.throw(dice) }))
        }
        81..=90 => ("name-letter", Some(with(given, names.letter(dice)))),
        _ => ("name-blanks", Some(letters.iter().map(char::to_string).collect::<Vec<_>>().join(*dice.pick(&[" ", "\u{3000}"])))),
    };
    if let Some(name) = name.filter(|it| *it != row.name) {
        (row.name, row.class) = (name, class);
    }
}

fn pinyin(letters: &[char], dice: &mut Dice) -> String {
    let spelled: Vec<&str> = letters.iter().filter_map(|it| muster_core::name::sound::spelling(*it)).collect();
    let (family, given) = (spelled.first().copied().unwrap_or_default(), spelled.get(1..).unwrap_or_default().concat());
    match dice.below(3) {
        0 => format!("{family} {given}").to_uppercase(),
        1 => format!("{given} {family}"),
        _ => format!("{family}{given}"),
    }
}

/// The traditional forms of common characters.
fn traditional(name: &str) -> Option<String> {
    const PAIRS: &str = "张張陈陳刘劉杨楊黄黃赵趙吴吳孙孫马馬罗羅郑鄭谢謝韩韓冯馮邓鄧许許萧蕭蒋蔣叶葉苏蘇吕呂卢盧贾賈钟鍾谭譚邹鄒陆陸赖賴龚龔万萬\
        钱錢伟偉丽麗华華军軍国國红紅兰蘭荣榮云雲静靜强強艷艳涛濤辉輝鹏鵬飞飛凤鳳珍珎莲蓮龙龍晓曉梦夢泽澤轩軒阳陽凯凱杰傑";
    let letters: Vec<char> = PAIRS.chars().collect();
    let turn = |it: char| letters.chunks_exact(2).find(|pair| pair[0] == it).map_or(it, |pair| pair[1]);
    let turned: String = name.chars().map(turn).collect();
    (turned != name).then_some(turned)
}

/// Damages a birth date.
pub fn birth(row: &mut Row, dice: &mut Dice) {
    let Ok(day) = row.birth.parse::<NaiveDate>() else { return };
    let text = day.format("%Y%m%d").to_string();
    let (year, month, date) = (&text[..4], &text[4..6], &text[6..]);
    let part = |dice: &mut Dice, most: usize| format!("{:02}", 1 + dice.below(most));
    row.birth = match dice.below(6) {
        0 => format!("{year}-{month}-01"),
        1 => format!("{year}-{}-{date}", part(dice, 12)),
        2 => format!("{year}-{month}-{}", part(dice, 28)),
        3 => format!("{}-{month}-{date}", year.parse::<usize>().unwrap_or(0) + 1 + dice.below(9)),
        4 if date <= "12" => format!("{year}-{date}-{month}"),
        _ => format!("{}-{}-{}", 1960 + dice.below(40), part(dice, 12), part(dice, 28)),
    };
    row.class = if row.class == "unit" { "unit-and-birth" } else { "birth" };
}

/// Another unit, or another name for the same.
pub fn unit(row: &mut Row, units: &[String], dice: &mut Dice) {
    row.unit = match dice.below(4) {
        0 => dice.pick(units).clone(),
        1 => row.unit.replace("嵊州市", "市"),
        2 => row.unit.replace("嵊州市", ""),
        _ => row.unit.replace("中心", "").replace("管理", "") + "（本级）",
    };
    row.class = "unit";
}
