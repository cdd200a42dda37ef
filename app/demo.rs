//! The model city: four departments' data about the same people, with the truth beside it.
//!
//! `City::build` makes a city in which everything is in order, `life` lets two years pass, `truth` and `irregular` put in what is to
//! be found, `innocent` what only looks like it, `damage` what happens to numbers between a card and a file. Then every department
//! writes what it knows, in its own way. No clock is asked: the same plan gives the same bytes.

mod archive;
pub mod calendar;
mod city;
mod damage;
mod deaths;
pub mod dice;
mod finance;
mod hr;
mod innocent;
mod insurance;
mod irregular;
mod life;
mod maker;
mod names;
mod noisy;
pub mod number;
mod organization;
mod parallel;
mod pay;
mod person;
mod places;
mod population;
mod posts;
mod scale;
mod settings;
mod sheet;
#[cfg(test)]
mod tests;
mod truth;
mod unit_names;
mod units;

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use muster_core::report::Lang;

use city::City;
use innocent::Innocent;
use sheet::{Csv, Encoding};
use truth::Case;

/// What city to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The same seed gives the same city.
    pub seed: u64,
    /// About how many staff; 13,950 is the true size, at which the published figures are exact.
    pub people: usize,
    /// How many months departments report, up to the month before `as_of`.
    pub months: u32,
    /// The night of the demo.
    pub as_of: NaiveDate,
    /// Language of the reports.
    pub lang: Lang,
    /// Every kind of case many times over, half of them with damaged numbers; the published figures do not hold then.
    pub noisy: bool,
}

/// The staff of the true city.
pub const TRUE_SIZE: usize = scale::STAFF;

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// People on a quota on the last day of the window.
    pub staff: u64,
    /// People of whom any department writes.
    pub people: u64,
    /// Existing units.
    pub units: u64,
    /// Files of the departments.
    pub files: Vec<PathBuf>,
    /// Rows in them.
    pub rows: u64,
    /// Lines of the payroll.
    pub payments: u64,
    /// Cases in truth.csv.
    pub cases: u64,
    /// People in innocent.csv.
    pub innocent: u64,
}

/// Why a city could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The plan cannot be carried out.
    #[error("{0}")]
    Plan(&'static str),
    /// A file or folder could not be written.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
}

impl Trouble {
    fn file(path: &Path, error: &std::io::Error) -> Trouble {
        Trouble::File { path: path.to_owned(), why: error.to_string() }
    }

    fn database(path: &Path, error: &sqlx::Error) -> Trouble {
        Trouble::File { path: path.to_owned(), why: error.to_string() }
    }

    fn workbook(path: &Path, error: &rust_xlsxwriter::XlsxError) -> Trouble {
        Trouble::File { path: path.to_owned(), why: error.to_string() }
    }
}

/// The smallest city that has room for every story.
const FEWEST_PEOPLE: usize = 250;

/// The shortest window in which every story can happen.
const FEWEST_MONTHS: u32 = 10;

/// Makes the city and writes it below `out`: `sources/` by department, `config/`, `mappings/`, truth.csv and innocent.csv.
pub async fn write(out: &Path, plan: &Plan, progress: &(dyn Fn(&str) + Sync)) -> Result<Written, Trouble> {
    if plan.people < FEWEST_PEOPLE {
        return Err(Trouble::Plan("模型城市至少要 250 人 (a demo city needs at least 250 people)"));
    }
    if plan.months < FEWEST_MONTHS {
        return Err(Trouble::Plan("模型城市至少要 10 个月 (a demo city needs at least 10 months)"));
    }
    progress("people and their careers");
    let made = Made::new(plan);
    let city = &made.city;
    let sources = out.join("sources");
    for folder in ["organization", "hr", "finance", "insurance", "deaths"].map(|it| sources.join(it)) {
        make_folder(&folder)?;
    }
    make_folder(&out.join("config/departments"))?;
    make_folder(&out.join("mappings"))?;
    settings::write(city, plan.lang, out)?;

    let mut written = Written {
        staff: city.people.iter().filter(|it| it.role == person::Role::Staff).count() as u64,
        people: city.people.len() as u64,
        units: city.units.iter().filter(|it| it.exists()).count() as u64,
        cases: made.cases.len() as u64,
        innocent: made.innocent.len() as u64,
        ..Written::default()
    };
    progress("organization");
    let database = sources.join("organization/bzsm.db");
    written.rows += organization::write(city, &database).await?;
    written.files.push(database);
    progress("hr");
    let database = sources.join("hr/rsxt.db");
    written.rows += hr::write(city, &database).await?;
    written.files.push(database);
    progress("finance");
    let (files, lines) = finance::write(city, &sources.join("finance"), progress)?;
    written.files.extend(files);
    written.payments = lines;
    progress("insurance");
    let (files, rows) = insurance::write(city, &sources.join("insurance"))?;
    written.files.extend(files);
    let list = sources.join("deaths/死亡登记.csv");
    written.rows += rows + lines + deaths::write(city, &list)?;
    written.files.push(list);
    truth_file(city, &made.cases).save(&out.join("truth.csv"))?;
    innocent_file(city, &made.innocent).save(&out.join("innocent.csv"))?;
    Ok(written)
}

fn make_folder(path: &Path) -> Result<(), Trouble> {
    std::fs::create_dir_all(path).map_err(|error| Trouble::file(path, &error))
}

/// A city, and what is true of it.
struct Made {
    city: City,
    cases: Vec<Case>,
    innocent: Vec<Innocent>,
}

impl Made {
    fn new(plan: &Plan) -> Made {
        let mut city = City::build(plan);
        life::live(&mut city, plan.seed);
        let mut cases = truth::inject(&mut city, plan.seed);
        cases.extend(irregular::inject(&mut city, plan.seed));
        if plan.noisy {
            cases.extend(noisy::inject(&mut city, plan.seed));
        }
        let mut innocent = innocent::inject(&mut city, plan.seed);
        let damaged = damage::inject(&mut city, plan.seed);
        cases.extend(damaged.cases);
        innocent.extend(damaged.innocent);
        if plan.noisy {
            damage::guilty(&mut city, &mut cases, plan.seed);
        }
        cases.extend(posts::appoint(&mut city, plan.seed));
        city.fill_archive();
        Made { city, cases, innocent }
    }
}

fn truth_file(city: &City, cases: &[Case]) -> Csv {
    let mut csv = Csv::new(
        Encoding::Utf8,
        &["case", "kind", "id_number", "written", "damaged", "name", "unit", "rules", "months", "amount_fen", "note"],
    );
    for (at, case) in cases.iter().enumerate() {
        let person = case.person.map(|it| &city.people[it]);
        let months: Vec<String> = case.months.iter().map(i32::to_string).collect();
        csv.line([
            format!("T{:04}", at + 1).as_str(),
            case.kind,
            person.map_or("", |it| &it.id),
            case.written.as_deref().unwrap_or_default(),
            if case.damaged { "true" } else { "false" },
            person.map_or("", |it| &it.name),
            case.unit.map_or("", |it| &city.units[it].name),
            case.rules,
            &months.join(" "),
            &case.amount_fen.map(|it| it.to_string()).unwrap_or_default(),
            &case.note,
        ]);
    }
    csv
}

fn innocent_file(city: &City, innocent: &[Innocent]) -> Csv {
    let mut csv = Csv::new(Encoding::Utf8, &["case", "kind", "id_number", "name", "why"]);
    for (at, it) in innocent.iter().enumerate() {
        let person = &city.people[it.person];
        csv.line([format!("I{:04}", at + 1).as_str(), it.kind, &person.id, &person.name, it.why]);
    }
    csv
}
