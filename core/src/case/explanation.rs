//! The explanations that a reviewer may name: reasons for which what looks wrong is in order.

use serde::{Deserialize, Serialize};

/// One of [`ALL`], by its place in it from 1: `X01` is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Explanation(u8);

/// Every explanation: 中文 and English, `X01` first.
pub const ALL: [(&str, &str); 24] = [
    ("借调", "secondment"),
    ("挂职、驻村、援派", "posting by order"),
    ("产假、陪产、哺乳、育儿假", "parental leave"),
    ("长期病假（已按规定减发）", "long sick leave at reduced pay"),
    ("工伤、职业病医疗期", "work injury"),
    ("组织批准的学习、留学", "approved study"),
    ("离岗创业（协议期内）", "leave to found a business"),
    ("停薪留职（历史批准）", "unpaid retention, approved once"),
    ("当月退休、死亡或离职", "left in the month"),
    ("补发、年终奖、绩效", "arrears or bonus"),
    ("遗属、抚恤、丧葬费", "survivors' payment"),
    ("返聘、编外聘用", "hired off the establishment"),
    ("兼任不占编、经批准兼职", "approved second post"),
    ("调动当月拆分", "month of a transfer"),
    ("见习、试用期、新进", "new entrant"),
    ("涉密单位或人员", "confidential"),
    ("改革过渡期（只出不进）", "reform in transition"),
    ("重名、异体字、更名", "same or changed name"),
    ("数据源缺陷（已报修）", "fault of a source, reported"),
    ("被冒用登记（撤销中）", "registered by an impostor"),
    ("家庭共用账户", "account of a family"),
    ("恢复待遇、撤销处分", "pay or post restored"),
    ("弹性或延长退休", "retires later by approval"),
    ("代缴、补缴社保", "contributions paid late or for others"),
];

impl Explanation {
    /// Every explanation, in order.
    pub fn all() -> impl Iterator<Item = Explanation> {
        (1..).take(ALL.len()).map(Explanation)
    }

    /// As it is typed, `X04` or `x4`, with or without words behind it.
    pub fn read(text: &str) -> Option<Explanation> {
        let code = text.trim().split([' ', '　', ':', '：']).next()?;
        let place: u8 = code.strip_prefix(['x', 'X'])?.parse().ok()?;
        Explanation::all().find(|it| it.0 == place)
    }

    /// `X04`.
    pub fn code(self) -> String {
        format!("X{:02}", self.0)
    }

    /// 中文 and English.
    pub fn label(self) -> (&'static str, &'static str) {
        ALL[usize::from(self.0) - 1]
    }
}

impl TryFrom<String> for Explanation {
    type Error = String;

    fn try_from(text: String) -> Result<Explanation, String> {
        Explanation::read(&text).ok_or_else(|| "no code of an explanation".to_owned())
    }
}

impl From<Explanation> for String {
    fn from(it: Explanation) -> String {
        it.code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back() {
        assert!(Explanation::all().all(|it| Explanation::read(&it.code()) == Some(it)));
        assert_eq!(Explanation::read("x4 长期病假").map(|it| it.label().1), Some("long sick leave at reduced pay"));
        assert_eq!(["X00", "X25", "4", "借调", ""].map(Explanation::read), [None; 5]);
        let stored = serde_json::to_string(&Explanation::read("X23")).expect("text");
        assert_eq!(stored, "\"X23\"");
        assert_eq!(serde_json::from_str::<Explanation>(&stored).ok(), Explanation::read("X23"));
    }
}
