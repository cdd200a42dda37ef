//! Civil registration's list of deaths, as a spreadsheet exports it.

use std::path::Path;

use super::Trouble;
use super::calendar::Sex;
use super::city::City;
use super::sheet::{Csv, Encoding};

/// Writes the deaths that the registrar knows of tonight, by day of registration. Gives the number of rows.
pub fn write(city: &City, path: &Path) -> Result<u64, Trouble> {
    let mut known: Vec<_> = city
        .people
        .iter()
        .filter_map(|person| person.death.map(|death| (person, death)))
        .filter(|(_, death)| death.registered_on <= city.window.as_of)
        .collect();
    known.sort_by_key(|(person, death)| (death.registered_on, person.id.as_str()));
    let mut csv = Csv::new(Encoding::Utf8WithMark, &["序号", "姓名", "性别", "身份证号", "出生日期", "死亡日期", "登记日期", "信息来源"]);
    for (at, (person, death)) in known.iter().enumerate() {
        let source = match at % 9 {
            0..=4 => "公安",
            5..=6 => "民政",
            7 => "卫健",
            _ => "社保",
        };
        csv.line([
            (at + 1).to_string().as_str(),
            &person.name,
            if person.sex == Sex::Male { "男" } else { "女" },
            &person.id,
            &person.birth.format("%Y/%-m/%-d").to_string(),
            &death.died_on.format("%Y/%-m/%-d").to_string(),
            &death.registered_on.format("%Y/%-m/%-d").to_string(),
            source,
        ]);
    }
    let rows = csv.rows;
    csv.line(["填报单位：嵊州市公安局人口管理大队", "", "", "", "", "", "", ""]);
    csv.save(path)?;
    Ok(rows)
}
