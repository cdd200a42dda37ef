//! The city: its units, and everybody who is or was paid by them, as they truly are.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use muster_core::retirement::Category;

use super::Plan;
use super::archive::Archive;
use super::calendar::{Sex, add_months, first_day, last_day, month_of, months_between};
use super::dice::{Dice, Stream};
use super::maker::Maker;
use super::names::Names;
use super::number;
use super::person::{Person, Role};
use super::posts::Post;
use super::scale::{Scale, published};
use super::units::{self, Unit};

/// An employer outside the city's public bodies.
#[derive(Debug)]
pub struct Outside {
    /// Its name.
    pub name: &'static str,
    /// Unified social credit code.
    pub uscc: String,
    /// Pooling area of its insurance.
    pub region: &'static str,
}

/// The months that departments have reported, and the night on which the hub asks.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// First month.
    pub first: i32,
    /// Last month.
    pub last: i32,
    /// The night of the demo, in the month after the last.
    pub as_of: NaiveDate,
}

impl Window {
    /// How many months it has.
    pub fn length(self) -> i32 {
        months_between(self.first, self.last) + 1
    }

    /// A day, or tonight when the day has not come yet.
    pub fn by_now(self, day: NaiveDate) -> NaiveDate {
        day.min(self.as_of)
    }
}

/// Everything there is.
#[derive(Debug)]
pub struct City {
    /// How large it is.
    pub scale: Scale,
    /// The months that departments have reported.
    pub window: Window,
    /// Units: organs, townships, institutions, and those abolished.
    pub units: Vec<Unit>,
    /// Approval documents.
    pub archive: Archive,
    /// Employers outside: the first two send labour to the city's units.
    pub outside: Vec<Outside>,
    /// Everybody.
    pub people: Vec<Person>,
    /// Who leads which unit.
    pub posts: Vec<Post>,
    ids: BTreeSet<String>,
    entry_orders: BTreeMap<i32, String>,
}

/// Pooling area of an aid posting, far away.
pub const AID_REGION: &str = "652900";

/// Dispatch companies of the city first, then enterprises elsewhere.
const OUTSIDE: [(&str, &str); 8] = [
    ("嵊州市越乡人力资源有限公司", "330683"),
    ("嵊州市剡源劳务派遣有限公司", "330683"),
    ("杭州云栖智联科技有限公司", "330100"),
    ("宁波甬江进出口有限公司", "330200"),
    ("绍兴镜湖建筑设计有限公司", "330600"),
    ("上海浦汇教育科技有限公司", "310000"),
    ("义乌商城贸易有限公司", "330782"),
    ("阿瓦提县教育服务中心", AID_REGION),
];

/// The index of the host of aid postings among the employers outside.
pub const AID_HOST: usize = 7;

impl City {
    /// A city in which everything is in order.
    pub fn build(plan: &Plan) -> City {
        let scale = Scale::of(plan.people);
        let (units, archive) = units::build(scale, &mut Dice::new(plan.seed, Stream::Units));
        let last = add_months(month_of(plan.as_of), -1);
        let outside = OUTSIDE
            .iter()
            .zip(0..)
            .map(|((name, region), at)| Outside { name, region, uscc: number::credit_code('9', '1', region, 58_400_000 + at * 137) })
            .collect();
        let mut city = City {
            scale,
            window: Window { first: add_months(last, 1 - plan.months as i32), last, as_of: plan.as_of },
            units,
            archive,
            outside,
            people: Vec::new(),
            posts: Vec::new(),
            ids: BTreeSet::new(),
            entry_orders: BTreeMap::new(),
        };
        let mut maker = Maker { dice: Dice::new(plan.seed, Stream::People), names: Names::new() };
        city.populate(&mut maker);
        city
    }

    /// Somebody of that sex and birth, with a number that nobody else has.
    pub fn somebody(&mut self, maker: &mut Maker, sex: Sex, category: Category, birth: NaiveDate, role: Role) -> Person {
        let id = loop {
            let division = number::division(&mut maker.dice, birth);
            let id = number::id_number(&mut maker.dice, division, birth, sex);
            if self.ids.insert(id.clone()) {
                break id;
            }
        };
        let name = maker.names.throw(&mut maker.dice, sex, birth.year());
        let mut person = Person::new(id, name, sex, birth, category, role);
        person.account = format!("62{:017}", maker.dice.between(1, 99_999_999_999_999_999));
        let age = i64::from(person.age_on(last_day(self.window.last)));
        person.gross_fen = (640_000 + (age - 22).clamp(0, 38) * 14_000 + maker.dice.below(260_000) as i64) / 10 * 10;
        // Six people of the true city came from far away, with names that have a dot.
        if role == Role::Staff && maker.dice.chance(0.0004) {
            Names::transliterated(&mut maker.dice).clone_into(&mut person.name);
        }
        person
    }

    /// Somebody between two ages, of either sex.
    pub fn anybody(&mut self, maker: &mut Maker, youngest: i32, oldest: i32, role: Role) -> Person {
        let sex = maker.sex(0.5);
        let birth = maker.born(self.window.last, youngest, oldest);
        let category = if sex == Sex::Male { Category::Man } else { Category::Woman55 };
        self.somebody(maker, sex, category, birth, role)
    }

    /// Takes somebody who fits and has no part in a story yet, and marks them; None when there is nobody.
    pub fn take(&mut self, dice: &mut Dice, fits: impl Fn(&Person, &[Unit]) -> bool) -> Option<usize> {
        let units = &self.units;
        let fitting: Vec<usize> = (0..self.people.len()).filter(|at| !self.people[*at].marked && fits(&self.people[*at], units)).collect();
        let at = *fitting.get(dice.below(fitting.len()))?;
        self.people[at].mark();
        Some(at)
    }

    /// One more person of an organ, beyond its filled places, on the books since before the window; they are to leave within it.
    pub fn another_official(&mut self, maker: &mut Maker, who: Option<(Sex, NaiveDate)>) -> Option<usize> {
        let organs = self.units.iter().filter(|it| it.exists() && !it.is_institution()).count();
        let unit = maker.dice.below(organs);
        let quota = self.units[unit].quotas.first()?.kind;
        let (sex, birth) = who.unwrap_or_else(|| (maker.sex(0.3), maker.born(self.window.last, 30, 48)));
        let category = if sex == Sex::Male { Category::Man } else { Category::Woman55 };
        let mut person = self.somebody(maker, sex, category, birth, Role::Leaver);
        let entered = maker.career_start(birth, self.window.first);
        person.enter(unit, quota, entered, self.entry_order(entered));
        person.pay_and_insure(self.window.first, self.window.last, maker);
        self.people.push(person);
        Some(self.people.len() - 1)
    }

    /// Whether somebody has that number.
    pub fn has_number(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// How many people have a number that begins like this.
    pub fn numbers_beginning_with(&self, beginning: &str) -> usize {
        self.ids.range(beginning.to_owned()..).take_while(|it| it.starts_with(beginning)).count()
    }

    /// The order by which people came on a quota that day: one a year before the window, one a month within it.
    pub fn entry_order(&mut self, entered: NaiveDate) -> String {
        let month = month_of(entered);
        let key = if month < self.window.first { month / 100 * 100 + 9 } else { month };
        let archive = &mut self.archive;
        self.entry_orders
            .entry(key)
            .or_insert_with(|| {
                let signed = first_day(key);
                archive.file("RB", signed, format!("关于{}年{}月人员入编的批复", key / 100, key % 100))
            })
            .clone()
    }

    /// Fills the archive to the published number of documents with adjustments of past years.
    pub fn fill_archive(&mut self) {
        let wanted = self.scale.units(published::DOCUMENTS) as usize;
        for n in self.archive.documents.len()..wanted {
            let unit = &self.units[n * 7 % self.units.len()];
            let signed = units::day(2013 + (n % 11) as i32, 1 + (n % 12) as u32, 1 + (n % 27) as u32);
            self.archive.file("TZ", signed, format!("关于调整{}编制的通知", unit.name));
        }
    }
}
