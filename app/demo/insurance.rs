//! The insurer's files: standard AAC, AAB and AAE columns in GB18030, a file a month, employers of other pooling areas among them.

use std::path::{Path, PathBuf};

use super::Trouble;
use super::calendar::{Sex, day_in, months};
use super::city::City;
use super::number::CITY;
use super::parallel::by_month;
use super::pay;
use super::person::{Employer, Insured, Person, Role, Scheme, Source};
use super::sheet::{Csv, Encoding, yuan};

/// Writes contributions and pensions into `folder`. Gives the files and the number of rows.
pub fn write(city: &City, folder: &Path) -> Result<(Vec<PathBuf>, u64), Trouble> {
    let all: Vec<i32> = months(city.window.first, city.window.last).collect();
    let births: Vec<String> = city.people.iter().map(|it| it.birth.format("%Y%m%d").to_string()).collect();
    let written = by_month(&all, |month| {
        let files = [("SBJF", contributions(city, &births, month)), ("YLDY", pensions(city, &births, month))];
        let mut made = Vec::new();
        for (name, csv) in files {
            let path = folder.join(format!("{name}_{month}.csv"));
            csv.save(&path)?;
            made.push((path, csv.rows));
        }
        Ok(made)
    })?;
    let rows = written.iter().flatten().map(|it| it.1).sum();
    Ok((written.into_iter().flatten().map(|it| it.0).collect(), rows))
}

fn scheme(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Public => "120",
        Scheme::Enterprise => "110",
        Scheme::Injury => "410",
    }
}

fn sex(person: &Person) -> &'static str {
    if person.sex == Sex::Male { "1" } else { "2" }
}

/// What was paid in a month: that month's contributions, and those of earlier months made up for now.
fn contributions(city: &City, births: &[String], month: i32) -> Csv {
    let mut csv = Csv::new(
        Encoding::Gb18030,
        &[
            "AAC001", "AAC002", "AAC003", "AAC004", "AAC006", "AAB001", "AAB003", "AAB004", "AAB301", "AAE140", "AAE002", "AAE180",
            "AAE020", "AAE022", "AAE143", "AAE023",
        ],
    );
    let (period, paid_on) = (month.to_string(), day_in(month, 20).format("%Y%m%d").to_string());
    for (at, person) in city.people.iter().enumerate() {
        for insured in &person.insured {
            match insured.made_up_in {
                None if insured.from <= month && month <= insured.to => {
                    contribution(city, &mut csv, (at, &births[at]), insured, (month, &period, &paid_on));
                }
                Some(later) if later == month => {
                    for of in months(insured.from, insured.to) {
                        contribution(city, &mut csv, (at, &births[at]), insured, (of, &of.to_string(), &paid_on));
                    }
                }
                _ => {}
            }
        }
    }
    csv
}

fn contribution(city: &City, csv: &mut Csv, (at, birth): (usize, &str), insured: &Insured, (of, period, paid_on): (i32, &str, &str)) {
    let person = &city.people[at];
    let (id, name) = person.as_written(Source::Insurance, of);
    let base = pay::gross(person, city.window.first, of) * 9 / 10 / 100 * 100;
    let (employer, own) = match insured.scheme {
        Scheme::Public | Scheme::Enterprise => (base * 16 / 100, base * 8 / 100),
        Scheme::Injury => (base * 2 / 1000, 0),
    };
    let (number, uscc, title, region) = match insured.employer {
        Employer::Unit(unit) => {
            let unit = &city.units[unit];
            (unit.insurer_code.clone(), unit.uscc.as_str(), unit.written[2].as_str(), CITY)
        }
        Employer::Outside(at) => {
            let outside = &city.outside[at];
            (format!("{}{:05}", outside.region, at * 77 + 10_000), outside.uscc.as_str(), outside.name, outside.region)
        }
    };
    let kind = if insured.made_up_in.is_some() { "20" } else { "10" };
    csv.line([
        &format!("{:010}", 33_060_000 + at),
        id,
        name,
        sex(person),
        birth,
        &number,
        uscc,
        title,
        region,
        scheme(insured.scheme),
        period,
        &yuan(base),
        &yuan(employer),
        &yuan(own),
        kind,
        paid_on,
    ]);
}

fn pensions(city: &City, births: &[String], month: i32) -> Csv {
    let mut csv = Csv::new(Encoding::Gb18030, &["AAC001", "AAC002", "AAC003", "AAC004", "AAC006", "AAE140", "AAE003", "AAE019", "AAE010"]);
    for (at, person) in city.people.iter().enumerate().filter(|(_, it)| it.role != Role::Citizen) {
        for pension in person.pensions.iter().filter(|it| it.from <= month && month <= it.to) {
            let (id, name) = person.as_written(Source::Insurance, month);
            csv.line([
                &format!("{:010}", 33_060_000 + at),
                id,
                name,
                sex(person),
                &births[at],
                "120",
                &month.to_string(),
                &yuan(pension.amount_fen),
                &person.account,
            ]);
        }
    }
    csv
}
