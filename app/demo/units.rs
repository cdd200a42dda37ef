//! The units of the city, their quotas, and how many people fill them. At full size the totals are those that Shengzhou published
//! for 2015 (`scale.rs`); a smaller or larger city is the same in proportion.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::archive::Archive;
use super::dice::Dice;
use super::number::{CITY, credit_code};
use super::places::{places, split};
use super::scale::{Scale, published};
use super::unit_names::{
    Above, CITY_INSTITUTIONS, FORMER_INSTITUTIONS, FORMER_TOWNSHIPS, ORGANS, SHORTER, TOWNSHIP_INSTITUTIONS, TOWNSHIPS,
};

/// The kinds of quota that the city has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaType {
    /// 行政.
    Administrative,
    /// 政法专项.
    PoliticalLegal,
    /// 工勤.
    Worker,
    /// 事业.
    Institution,
    /// 参公.
    CivilLike,
    /// 周转池.
    Pool,
}

impl QuotaType {
    /// The establishment office's own code.
    pub fn code(self) -> &'static str {
        match self {
            QuotaType::Administrative => "10",
            QuotaType::PoliticalLegal => "11",
            QuotaType::Worker => "12",
            QuotaType::CivilLike => "20",
            QuotaType::Institution => "21",
            QuotaType::Pool => "25",
        }
    }

    /// Whether it counts as administrative in the published table.
    pub fn is_administrative(self) -> bool {
        matches!(self, QuotaType::Administrative | QuotaType::PoliticalLegal | QuotaType::Worker)
    }
}

/// Approved and filled places of one type.
#[derive(Clone, Debug)]
pub struct Quota {
    /// Of which type.
    pub kind: QuotaType,
    /// Approved.
    pub approved: u32,
    /// Filled on the last day of the window.
    pub actual: u32,
    /// What was approved before, and by which document, where it was changed.
    pub before: Option<(u32, String, NaiveDate)>,
    /// By which document.
    pub document: String,
    /// Since when.
    pub since: NaiveDate,
}

/// One unit.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Code on the register.
    pub code: String,
    /// Registered name.
    pub name: String,
    /// What people say.
    pub short: Option<String>,
    /// Other declared names.
    pub aliases: Vec<String>,
    /// Superior, by index.
    pub parent: Option<usize>,
    /// Shared code of its kind.
    pub kind: &'static str,
    /// Shared code of its system.
    pub system: &'static str,
    /// Unified social credit code.
    pub uscc: String,
    /// Set up by this document.
    pub set_up: (String, NaiveDate),
    /// Abolished by this document.
    pub abolished: Option<(String, NaiveDate)>,
    /// Account on the real-name network.
    pub account: Option<String>,
    /// Quotas, by type; none once abolished.
    pub quotas: Vec<Quota>,
    /// The finance bureau's code.
    pub finance_code: String,
    /// The insurer's number of the employer.
    pub insurer_code: String,
    /// How HR, finance and the insurer write its name.
    pub written: [String; 3],
    /// Whether attendance is kept by machine and reported.
    pub keeps_attendance: bool,
    /// Whether it has more staff than quotas.
    pub over: bool,
}

impl Unit {
    /// Whether it exists.
    pub fn exists(&self) -> bool {
        self.abolished.is_none()
    }

    /// Whether it is a public institution.
    pub fn is_institution(&self) -> bool {
        matches!(self.kind, "institution" | "civil-like")
    }
}

/// A unit before it has places.
pub struct Sketch {
    /// Its name.
    pub name: String,
    /// Superior, by index.
    pub parent: Option<usize>,
    /// Shared code of its kind.
    pub kind: &'static str,
    /// Shared code of its system.
    pub system: &'static str,
    /// How large it is beside others of its group.
    pub weight: u32,
    /// Tenths of its quotas that are of the political and legal kind.
    pub political: u32,
}

/// The units of a city of that scale, and the archive that their documents are in.
pub fn build(scale: Scale, dice: &mut Dice) -> (Vec<Unit>, Archive) {
    let mut archive = Archive::default();
    let sketches = sketches(scale);
    let organs = sketches.iter().filter(|it| !is_institution(it.kind)).count();
    let administrative =
        places(&sketches[..organs], (scale.people(published::ADMINISTRATIVE), scale.people(published::ADMINISTRATIVE_ACTUAL)), 0, dice);
    let over = scale.units(published::OVER).max(1);
    let institution = places(
        &sketches[organs..],
        (scale.people(published::INSTITUTION), scale.people(published::INSTITUTION_ACTUAL)),
        over as usize,
        dice,
    );
    let mut units: Vec<Unit> = Vec::with_capacity(sketches.len());
    let mut taken: BTreeSet<String> = sketches.iter().map(|it| it.name.clone()).collect();
    for (index, (sketch, (approved, actual))) in sketches.into_iter().zip(administrative.into_iter().chain(institution)).enumerate() {
        let quotas = split(&sketch, approved, actual, index, &mut archive, dice);
        units.push(unit(index, sketch, quotas, &mut taken, &mut archive, dice));
    }
    accounts(&mut units, organs, scale);
    abolished(&mut units, scale, &mut archive);
    (units, archive)
}

/// Whether units of that kind are public institutions.
pub fn is_institution(kind: &str) -> bool {
    matches!(kind, "institution" | "civil-like")
}

/// Organs first, then townships, then institutions.
fn sketches(scale: Scale) -> Vec<Sketch> {
    let organ_count = (scale.units(ORGANS.len() as u32) as usize).clamp(6, ORGANS.len());
    let township_count = (scale.units(TOWNSHIPS.len() as u32) as usize).clamp(1, TOWNSHIPS.len());
    let mut all: Vec<Sketch> = ORGANS[..organ_count]
        .iter()
        .map(|it| Sketch {
            name: format!("嵊州市{}", it.0),
            parent: None,
            kind: if it.1 == "mass" { "mass" } else { "organ" },
            system: it.1,
            weight: it.2,
            political: it.3,
        })
        .collect();
    all.extend(TOWNSHIPS[..township_count].iter().map(|it| Sketch {
        name: if it.ends_with("街道") { format!("嵊州市{it}办事处") } else { format!("嵊州市{it}人民政府") },
        parent: None,
        kind: "township",
        system: "government",
        weight: 46,
        political: 0,
    }));
    let organ = |index: usize| if index < organ_count { index } else { 0 };
    let count = scale.units(published::INSTITUTIONS).max(6) as usize;
    let in_city = (count * CITY_INSTITUTIONS.len() / 446).clamp(4, CITY_INSTITUTIONS.len());
    all.extend(CITY_INSTITUTIONS[..in_city].iter().map(|it| Sketch {
        name: format!("嵊州市{}", it.0),
        parent: Some(organ(it.1)),
        kind: if it.3 { "civil-like" } else { "institution" },
        system: ORGANS[it.1].1,
        weight: it.2,
        political: 0,
    }));
    let everywhere = TOWNSHIP_INSTITUTIONS.iter().flat_map(|it| (0..township_count).map(move |township| (it, township)));
    all.extend(everywhere.take(count - in_city).map(|(it, township)| Sketch {
        name: township_name(TOWNSHIPS[township], it.0),
        parent: Some(match it.1 {
            Above::Township => organ_count + township,
            Above::Organ(index) => organ(index),
        }),
        kind: "institution",
        system: match it.1 {
            Above::Township => "government",
            Above::Organ(index) => ORGANS[index].1,
        },
        // The first townships of the list are the large ones.
        weight: it.2 * (130 - 4 * township as u32) / 100,
        political: 0,
    }));
    all
}

fn township_name(township: &str, what: &str) -> String {
    match (what, township.ends_with("街道")) {
        ("卫生院", true) => format!("嵊州市{township}社区卫生服务中心"),
        ("卫生院", false) => format!("嵊州市{township}卫生院"),
        _ => format!("嵊州市{township}{what}"),
    }
}

fn unit(index: usize, sketch: Sketch, quotas: Vec<Quota>, taken: &mut BTreeSet<String>, archive: &mut Archive, dice: &mut Dice) -> Unit {
    let institution = is_institution(sketch.kind);
    let class = match sketch.kind {
        "township" => 2,
        _ if institution => 3,
        _ => 1,
    };
    // 嵊州市财政局 is 财政局 to everybody here, but 嵊州市委办公室 is 市委办公室.
    let city = if sketch.name.starts_with("嵊州市委") { "嵊州" } else { "嵊州市" };
    let stripped = sketch.name.trim_start_matches(city).to_owned();
    let shorter = SHORTER.iter().fold(stripped.clone(), |name, (long, short)| name.replace(long, short));
    let short = (shorter != stripped && taken.insert(shorter.clone())).then_some(shorter);
    let mut aliases = Vec::new();
    if taken.insert(stripped.clone()) {
        aliases.push(stripped);
    }
    if let Some(short) = &short {
        let with_city = format!("嵊州{short}");
        if taken.insert(with_city.clone()) {
            aliases.push(with_city);
        }
    }
    let mut written = || {
        let others: Vec<&String> = short.iter().chain(&aliases).collect();
        if others.is_empty() || !dice.chance(0.15) { sketch.name.clone() } else { (*dice.pick(&others)).clone() }
    };
    let written = [written(), written(), written()];
    let set_up_on = day(1984 + dice.below(30) as i32, 1 + dice.below(12) as u32, 1 + dice.below(28) as u32);
    // Set-up orders named several units at once; every twelfth unit begins a new one here.
    let order = match archive.documents.iter().rev().find(|it| it.kind == "SL") {
        Some(document) if !index.is_multiple_of(12) => (document.number.clone(), document.signed_on),
        _ => (archive.file("SL", set_up_on, format!("关于同意设立{}等单位的批复", sketch.name)), set_up_on),
    };
    if !institution {
        let signed = day(2019, 3 + dice.below(4) as u32, 1 + dice.below(28) as u32);
        archive.file("ZS", signed, format!("关于核定{}领导职数的通知", sketch.name));
    }
    let over = quotas.iter().any(|it| it.actual > it.approved);
    Unit {
        code: format!("{CITY}{class}{index:03}"),
        short,
        aliases,
        parent: sketch.parent,
        kind: sketch.kind,
        system: sketch.system,
        uscc: credit_code('1', if institution { '2' } else { '1' }, CITY, 14_650_000 + index as u32 * 37),
        set_up: order,
        abolished: None,
        account: None,
        quotas,
        finance_code: format!("{}{index:03}", 101 + sketch.parent.unwrap_or(index)),
        insurer_code: format!("{}", 33_068_301_000_u64 + index as u64 * 3),
        written,
        // One unit in five keeps its attendance on paper and reports none.
        keeps_attendance: index % 5 != 3,
        over,
        name: sketch.name,
    }
}

/// Every organ has its own account on the network; the larger institutions have one too, the others work under their superior's.
fn accounts(units: &mut [Unit], organs: usize, scale: Scale) {
    let own = (scale.units(published::ACCOUNTS) as usize).max(organs);
    for (index, unit) in units.iter_mut().enumerate() {
        let under = if index < own { index } else { unit.parent.unwrap_or(0) };
        unit.account = Some(format!("szsm{under:04}"));
    }
}

/// What was abolished between 2012 and 2015: kept on the register with its quotas ended.
fn abolished(units: &mut Vec<Unit>, scale: Scale, archive: &mut Archive) {
    let count = scale.units(published::ABOLISHED) as usize;
    for at in 0..count {
        let township = FORMER_TOWNSHIPS[at / FORMER_INSTITUTIONS.len() % FORMER_TOWNSHIPS.len()];
        let signed_on = day(2012 + (at / FORMER_INSTITUTIONS.len() % 4) as i32, 6, 18);
        let name = format!("嵊州市{township}{}", FORMER_INSTITUTIONS[at % FORMER_INSTITUTIONS.len()]);
        let document = match archive.documents.iter().rev().find(|it| it.kind == "CX") {
            Some(document) if at % FORMER_INSTITUTIONS.len() != 0 => document.number.clone(),
            _ => archive.file("CX", signed_on, format!("关于撤销{township}有关事业单位的通知")),
        };
        units.push(Unit {
            code: format!("{CITY}9{at:03}"),
            short: None,
            aliases: Vec::new(),
            parent: None,
            kind: "institution",
            system: "other",
            uscc: credit_code('1', '2', CITY, 14_690_000 + at as u32 * 41),
            set_up: (String::new(), day(1990, 5, 1)),
            abolished: Some((document, signed_on)),
            account: None,
            quotas: Vec::new(),
            finance_code: format!("9{at:05}"),
            insurer_code: format!("{}", 33_068_309_000_u64 + at as u64),
            written: [name.clone(), name.clone(), name.clone()],
            keeps_attendance: false,
            over: false,
            name,
        });
    }
}

/// A day that exists by construction.
pub fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    super::calendar::day_in(year * 100 + month as i32, day)
}
