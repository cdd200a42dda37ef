//! Places and who fills them: totals exact, excess in exactly so many units.

use super::archive::Archive;
use super::dice::{Dice, Wheel};
use super::units::{Quota, QuotaType, Sketch, day, is_institution};

/// Approved and filled places of every unit, so that both totals are exact and exactly `over` units have too many people.
pub fn places(sketches: &[Sketch], totals: (u32, u32), over: usize, dice: &mut Dice) -> Vec<(u32, u32)> {
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
pub fn split(sketch: &Sketch, approved: u32, actual: u32, index: usize, archive: &mut Archive, dice: &mut Dice) -> Vec<Quota> {
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
