//! The people of a linking benchmark: a register, and what a payroll makes of them.

use std::collections::HashSet;

use chrono::{Days, NaiveDate};

use super::damage::{self, Rates};
use super::names::Names;
use crate::demo::calendar::Sex;
use crate::demo::dice::{Dice, Stream};
use crate::demo::number::id_number;

/// One person of the register.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub sex: Sex,
    pub birth: NaiveDate,
    pub unit: usize,
}

/// One row of a file, every cell as text.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub id: String,
    pub name: String,
    pub sex: &'static str,
    pub birth: String,
    pub unit: String,
    /// The row of the register that is this person; nobody for a ghost.
    pub left: Option<usize>,
    /// What happened to the row, most telling first.
    pub class: &'static str,
}

/// Both files.
pub struct Files {
    pub left: Vec<Row>,
    pub right: Vec<Row>,
}

/// Makes both files; the same seed gives the same bytes.
pub fn make(people: usize, seed: u64, rates: &Rates) -> Files {
    let mut dice = Dice::new(seed, Stream::Link);
    let names = Names::new();
    let units: Vec<String> = (0..people.div_ceil(60).max(3)).map(unit).collect();
    let staff = staff(people, units.len(), &names, &mut dice);
    let left = staff.iter().map(|it| written(it, &units, None, "")).collect();
    let taken: HashSet<&str> = staff.iter().map(|it| it.id.as_str()).collect();
    let mut right = Vec::with_capacity(people + people / 20);
    for (at, person) in staff.iter().enumerate() {
        if dice.chance(rates.ghosts) {
            // A number of his own: one that an employee has is another kind of fraud.
            let own = std::iter::repeat_with(|| ghost(&staff, at, &units, &names, &mut dice)).find(|it| !taken.contains(it.id.as_str()));
            right.extend(own);
            continue;
        }
        right.push(paid(&staff, at, person, &units, &names, rates, &mut dice));
        if dice.chance(rates.twice) {
            let mut again = person.clone();
            again.unit = dice.below(units.len());
            let mut row = paid(&staff, at, &again, &units, &names, rates, &mut dice);
            row.class = if row.class == "clean" { "paid-twice" } else { row.class };
            right.push(row);
        }
    }
    dice.shuffle(&mut right);
    if !rates.birth {
        right.iter_mut().for_each(|it| it.birth.clear());
    }
    let mut files = Files { left, right };
    if !rates.birth {
        files.left.iter_mut().for_each(|it| it.birth.clear());
    }
    files
}

fn written(person: &Person, units: &[String], left: Option<usize>, class: &'static str) -> Row {
    Row {
        id: person.id.clone(),
        name: person.name.clone(),
        sex: if person.sex == Sex::Male { "男" } else { "女" },
        birth: person.birth.to_string(),
        unit: units[person.unit].clone(),
        left,
        class,
    }
}

/// The register: one in a hundred and fifty has a twin in it, one in five hundred a namesake in the same unit.
fn staff(people: usize, units: usize, names: &Names, dice: &mut Dice) -> Vec<Person> {
    let mut staff: Vec<Person> = Vec::with_capacity(people);
    let mut taken: HashSet<String> = HashSet::with_capacity(people);
    let first = NaiveDate::from_ymd_opt(1962, 1, 1).expect("a day");
    while staff.len() < people {
        let sex = if dice.chance(0.5) { Sex::Male } else { Sex::Female };
        let birth = first + Days::new(dice.below(41 * 365) as u64);
        let area = area(dice);
        let person = match staff.last() {
            Some(last) if dice.chance(1.0 / 150.0) => twin(last, units, names, dice),
            Some(_) if dice.chance(1.0 / 500.0) => {
                let like = dice.pick(&staff).clone();
                Person { id: id_number(dice, &area, birth, like.sex), birth, ..like }
            }
            _ => Person { id: id_number(dice, &area, birth, sex), name: names.throw(dice), sex, birth, unit: dice.below(units) },
        };
        if taken.insert(person.id.clone()) {
            staff.push(person);
        }
    }
    staff
}

/// Born the same day in the same place, with the next number and one other character; often in the same unit.
fn twin(of: &Person, units: usize, names: &Names, dice: &mut Dice) -> Person {
    let body: u64 = of.id[..17].parse().unwrap_or(0);
    let step = 1 + dice.below(3) as u64;
    let body = if body % 1000 + step < 1000 { body + step } else { body - step };
    let sex = if body % 2 == 1 { Sex::Male } else { Sex::Female };
    let mut letters: Vec<char> = of.name.chars().collect();
    let other = std::iter::repeat_with(|| names.letter(dice)).find(|it| letters.last() != Some(it));
    if let (Some(last), Some(other)) = (letters.last_mut(), other) {
        *last = other;
    }
    let unit = if dice.chance(0.3) { of.unit } else { dice.below(units) };
    Person { id: damage::with_check(&body.to_string()), name: letters.into_iter().collect(), sex, birth: of.birth, unit }
}

/// Most were born here; numbers keep the code of their birth year.
fn area(dice: &mut Dice) -> String {
    match dice.below(10) {
        0..=5 => ["330623", "330683"][dice.below(2)].to_owned(),
        6 | 7 => format!("33062{}", 1 + dice.below(6)),
        _ => format!(
            "{}{:02}{:02}",
            [11, 13, 21, 32, 34, 36, 41, 42, 43, 50, 51, 61][dice.below(12)],
            1 + dice.below(20),
            21 + dice.below(9)
        ),
    }
}

/// Somebody whom the register does not know, under a valid number of his own. One in ten bears name, sex and unit of an employee.
fn ghost(staff: &[Person], at: usize, units: &[String], names: &Names, dice: &mut Dice) -> Row {
    let birth = staff[dice.below(staff.len())].birth;
    let like = &staff[at];
    let sex = if dice.chance(0.5) { Sex::Male } else { Sex::Female };
    let area = area(dice);
    if dice.chance(0.1) {
        // The employee is anybody who is paid himself, most likely.
        let like = dice.pick(staff);
        let (birth, class) = if dice.chance(0.1) { (like.birth, "ghost-namesake-born-alike") } else { (birth, "ghost-namesake") };
        let ghost = Person { id: id_number(dice, &area, birth, like.sex), birth, ..like.clone() };
        return written(&ghost, units, None, class);
    }
    let unit = like.unit;
    written(&Person { id: id_number(dice, &area, birth, sex), name: names.throw(dice), sex, birth, unit }, units, None, "ghost")
}

fn paid(staff: &[Person], at: usize, person: &Person, units: &[String], names: &Names, rates: &Rates, dice: &mut Dice) -> Row {
    let mut row = written(person, units, Some(at), "clean");
    if dice.chance(rates.units) {
        damage::unit(&mut row, units, dice);
    }
    if dice.chance(rates.births) {
        damage::birth(&mut row, dice);
    }
    if dice.chance(rates.names) {
        damage::name(&mut row, names, dice);
    }
    if dice.chance(rates.ids) {
        damage::id(&mut row, staff, at, dice);
    }
    row
}

/// A unit's name: a place, a kind, and a number where one is not enough.
fn unit(at: usize) -> String {
    const PLACES: [&str; 32] = [
        "剡湖", "三江", "鹿山", "浦口", "甘霖", "崇仁", "长乐", "黄泽", "三界", "石璜", "仙岩", "金庭", "北漳", "下王", "贵门", "里南",
        "竹溪", "雅璜", "王院", "通源", "谷来", "广利", "蒋镇", "富润", "博济", "开元", "新市", "东王", "城关", "罗星", "白云", "官河",
    ];
    const KINDS: [&str; 24] = [
        "中心小学",
        "初级中学",
        "卫生院",
        "幼儿园",
        "财政所",
        "司法所",
        "水利站",
        "农业服务中心",
        "文化站",
        "敬老院",
        "社区服务中心",
        "市场监管所",
        "自然资源所",
        "派出所",
        "供水站",
        "林业站",
        "成人学校",
        "人民法庭",
        "税务所",
        "劳动保障所",
        "环境监察中队",
        "城管中队",
        "交通管理站",
        "气象站",
    ];
    let (place, kind, round) = (PLACES[at % 32], KINDS[at / 32 % 24], at / (32 * 24));
    if round == 0 { format!("嵊州市{place}{kind}") } else { format!("嵊州市{place}第{}{kind}", round + 1) }
}
