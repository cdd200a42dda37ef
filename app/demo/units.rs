//! The units of the city, their quotas, and how many people fill them. At full size the totals are those that Shengzhou published
//! for 2015; a smaller or larger city is the same in proportion.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::archive::Archive;
use super::dice::{Dice, Wheel};
use super::number::{CITY, credit_code};
use super::unit_names::{
    Above, CITY_INSTITUTIONS, FORMER_INSTITUTIONS, FORMER_TOWNSHIPS, ORGANS, SHORTER, TOWNSHIP_INSTITUTIONS, TOWNSHIPS,
};

/// Staff of the true city.
pub const STAFF: usize = 13_950;

/// The published figures.
pub mod published {
    /// Administrative quotas approved.
    pub const ADMINISTRATIVE: u32 = 2_976;
    /// People on them.
    pub const ADMINISTRATIVE_ACTUAL: u32 = 2_592;
    /// Institution quotas approved.
    pub const INSTITUTION: u32 = 13_244;
    /// People on them.
    pub const INSTITUTION_ACTUAL: u32 = 11_358;
    /// Public institutions.
    pub const INSTITUTIONS: u32 = 435;
    /// Public institutions abolished before.
    pub const ABOLISHED: u32 = 50;
    /// Public institutions with more people than quotas.
    pub const OVER: u32 = 65;
    /// Accounts on the real-name network.
    pub const ACCOUNTS: u32 = 291;
    /// Approval documents.
    pub const DOCUMENTS: u32 = 973;
}

/// How large the city is beside the true one.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Staff over 13,950.
    pub staff: f64,
}

impl Scale {
    /// The scale of a city with about `people` staff.
    pub fn of(people: usize) -> Scale {
        Scale { staff: people as f64 / STAFF as f64 }
    }

    /// A published number of people or rows, in proportion.
    pub fn people(self, published: u32) -> u32 {
        (f64::from(published) * self.staff).round() as u32
    }

    /// A published number of units, in proportion: a larger city has larger units, not more of them.
    pub fn units(self, published: u32) -> u32 {
        (f64::from(published) * self.staff.min(1.0)).round() as u32
    }
}

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
struct Sketch {
    name: String,
    parent: Option<usize>,
    kind: &'static str,
    system: &'static str,
    weight: u32,
    political: u32,
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

fn is_institution(kind: &str) -> bool {
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

/// Approved and filled places of every unit, so that both totals are exact and exactly `over` units have too many people.
fn places(sketches: &[Sketch], totals: (u32, u32), over: usize, dice: &mut Dice) -> Vec<(u32, u32)> {
    let (approved, actual) = totals;
    let weights: Vec<f64> = sketches.iter().map(|it| f64::from(it.weight) * (0.9 + 0.2 * dice.fraction())).collect();
    let quotas = apportion(approved, &weights);
    let mut filled = quotas.clone();
    let mut middling: Vec<usize> = (0..quotas.len()).filter(|at| (4..=120).contains(&quotas[*at])).collect();
    dice.shuffle(&mut middling);
    middling.truncate(over);
    for at in &middling {
        filled[*at] += 1 + dice.below((quotas[*at] as usize / 16).clamp(1, 5)) as u32;
    }
    // Vacancies one by one, to units with room, until the actual total is right.
    let wheel = Wheel::new(quotas.iter().enumerate().map(|(at, it)| if middling.contains(&at) { 0.0 } else { f64::from(*it) }));
    let mut to_vacate = filled.iter().sum::<u32>().saturating_sub(actual);
    while to_vacate > 0 {
        let at = wheel.spin(dice);
        if !middling.contains(&at) && filled[at] > 1 && (quotas[at] - filled[at]) * 5 < quotas[at] * 3 {
            filled[at] -= 1;
            to_vacate -= 1;
        }
    }
    quotas.into_iter().zip(filled).collect()
}

/// Shares of `total` by weight, at least two each, by largest remainder.
fn apportion(total: u32, weights: &[f64]) -> Vec<u32> {
    let sum: f64 = weights.iter().sum();
    let rest = f64::from(total.saturating_sub(2 * weights.len() as u32));
    let exact: Vec<f64> = weights.iter().map(|weight| weight * rest / sum).collect();
    let mut shares: Vec<u32> = exact.iter().map(|it| 2 + it.floor() as u32).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| exact[*b].fract().total_cmp(&exact[*a].fract()).then(a.cmp(b)));
    let missing = total.saturating_sub(shares.iter().sum()) as usize;
    for at in order.into_iter().cycle().take(missing) {
        shares[at] += 1;
    }
    shares
}

/// Approved and filled places of a unit by type. No type of a unit has more people than places unless the unit as a whole has.
fn split(sketch: &Sketch, approved: u32, actual: u32, index: usize, archive: &mut Archive, dice: &mut Dice) -> Vec<Quota> {
    let kinds: Vec<(QuotaType, u32)> = if is_institution(sketch.kind) {
        let pool = if approved > 150 && actual + 20 < approved { 4 + dice.below(8) as u32 } else { 0 };
        let main = if sketch.kind == "civil-like" { QuotaType::CivilLike } else { QuotaType::Institution };
        vec![(main, approved - pool), (QuotaType::Pool, pool)]
    } else {
        let worker = if approved >= 20 { approved * 6 / 100 } else { 0 };
        let political = (approved - worker) * sketch.political / 10;
        vec![
            (QuotaType::Administrative, approved - worker - political),
            (QuotaType::PoliticalLegal, political),
            (QuotaType::Worker, worker),
        ]
    };
    let signed = day(2012 + dice.below(12) as i32, 1 + dice.below(12) as u32, 3 + dice.below(25) as u32);
    let (kind, what) =
        if is_institution(sketch.kind) { ("HD", "编制核定") } else { ("SD", "职能配置、内设机构和人员编制规定") };
    let document = archive.file(kind, signed, format!("关于{}{what}的通知", sketch.name));
    let before = (index % 9 == 4).then(|| {
        let earlier = day(2008 + dice.below(3) as i32, 1 + dice.below(12) as u32, 15);
        (approved + 2, archive.file("HD", earlier, format!("关于核定{}编制的批复", sketch.name)), earlier)
    });
    let mut vacant = approved.saturating_sub(actual);
    let excess = actual.saturating_sub(approved);
    let mut quotas: Vec<Quota> = kinds
        .into_iter()
        .filter(|(_, approved)| *approved > 0)
        .enumerate()
        .map(|(at, (kind, approved))| Quota {
            kind,
            approved,
            actual: if at == 0 { approved + excess } else { approved },
            before: if at == 0 { before.clone() } else { None },
            document: document.clone(),
            since: signed,
        })
        .collect();
    let small_first = quotas.len() - 1;
    for at in (0..=small_first).rev() {
        // The smaller types give up at most half of their places, the first one the rest.
        let most = if at == 0 { quotas[0].actual } else { (quotas[at].approved / 2).min(vacant * quotas[at].approved / approved.max(1)) };
        let given = vacant.min(most);
        quotas[at].actual -= given;
        vacant -= given;
    }
    quotas
}

fn unit(index: usize, sketch: Sketch, quotas: Vec<Quota>, taken: &mut BTreeSet<String>, archive: &mut Archive, dice: &mut Dice) -> Unit {
    let institution = is_institution(sketch.kind);
    let class = match sketch.kind {
        "township" => 2,
        _ if institution => 3,
        _ => 1,
    };
    let stripped = sketch.name.trim_start_matches("嵊州市").to_owned();
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
        Some(document) if index % 12 != 0 => (document.number.clone(), document.signed_on),
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
    for index in 0..units.len() {
        let under = if index < own { index } else { units[index].parent.unwrap_or(0) };
        units[index].account = Some(format!("szsm{under:04}"));
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
