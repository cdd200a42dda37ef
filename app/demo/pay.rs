//! How much somebody is paid for a month.

use super::person::{PayKind, Person};

/// One line of the payroll, in fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// 基本工资.
    pub base: i64,
    /// 津贴补贴.
    pub allowance: i64,
    /// 绩效工资.
    pub performance: i64,
    /// 应发合计.
    pub gross: i64,
    /// 代扣合计.
    pub deduction: i64,
    /// 实发合计.
    pub net: i64,
    /// 单位缴费, on top of gross.
    pub employer: i64,
}

impl Amounts {
    /// A sum that is not split into parts of pay: arrears, allowances, fees, bonuses.
    pub fn lump(gross: i64) -> Amounts {
        Amounts { allowance: gross, gross, net: gross, ..Amounts::default() }
    }

    /// The line with its sign turned, as a reversal.
    pub fn reversed(self) -> Amounts {
        Amounts {
            base: -self.base,
            allowance: -self.allowance,
            performance: -self.performance,
            gross: -self.gross,
            deduction: -self.deduction,
            net: -self.net,
            employer: -self.employer,
        }
    }
}

/// The full monthly pay of somebody: it rises by 2.5 % every January, as the step of the pay scale does.
pub fn gross(person: &Person, first_month: i32, month: i32) -> i64 {
    let years = i64::from(month / 100 - first_month / 100);
    person.gross_fen * (1000 + 25 * years) / 1000
}

/// The line of somebody for a month.
pub fn line(person: &Person, kind: PayKind, percent: i64, first_month: i32, month: i32) -> Amounts {
    let gross = gross(person, first_month, month) * percent / 100;
    match kind {
        PayKind::Salary | PayKind::NonQuota => {
            let base = gross * 42 / 100;
            let performance = gross * 25 / 100;
            let deduction = gross * 215 / 1000;
            Amounts {
                base,
                performance,
                allowance: gross - base - performance,
                gross,
                deduction,
                net: gross - deduction,
                employer: gross * 278 / 1000,
            }
        }
        _ => Amounts::lump(gross),
    }
}
