//! What a night comes to, for the workbook and the page that lay it out.

use std::collections::BTreeSet;

use muster_core::case::{CaseEvent, What};
use muster_core::figures::{Figures, Line};
use muster_core::finding::Family;
use muster_core::map::Tally;
use muster_core::mapping::Title;
use muster_core::report::total::at_stake_fen;
use muster_core::report::{self, Known, Lang};
use muster_core::rule::Rule;

use crate::night::{FeedNight, Night};
use crate::words::{count, yuan};

/// What stands on every report. Findings are leads: the words that accuse belong to people who have verified them.
pub const LEADS_ONLY: (&str, &str) = (
    "本报告所列均为系统比对产生的疑似线索，须经核查后方可认定，不作为对任何单位或个人的结论。",
    "Everything in this report is a lead that awaits verification; nothing in it is a conclusion about any unit or person.",
);

/// What a rule card says to reviewers.
#[derive(Clone, Debug)]
pub struct CardText {
    /// Rule id.
    pub id: String,
    /// 含义.
    pub meaning: Title,
    /// 何时属正常.
    pub innocent: Title,
    /// 核查要点.
    pub review: Title,
    /// Where the rule comes from.
    pub basis: Option<Title>,
    /// What its amount is.
    pub amount: Option<Title>,
}

impl CardText {
    /// What `rule` says.
    pub fn of(rule: &Rule) -> CardText {
        CardText {
            id: rule.id.clone(),
            meaning: plain(&rule.prose.meaning),
            innocent: plain(&rule.prose.innocent),
            review: plain(&rule.prose.review),
            basis: rule.basis.clone(),
            amount: rule.amount.as_ref().map(|it| it.title.clone()),
        }
    }
}

/// Prose without the marks of Markdown that a cell would show.
fn plain(prose: &Title) -> Title {
    let plain = |it: &str| it.replace(['`', '*'], "").trim().to_owned();
    Title { zh: plain(&prose.zh), en: plain(&prose.en) }
}

/// The night's people, units, titles and rules by lasting key.
pub fn known(night: &Night) -> Known<'_> {
    Known {
        people: night.people.values().map(|it| (it.key.as_str(), (it.name.as_deref(), it.id_number.as_deref()))).collect(),
        units: night.units.values().map(|it| (it.code.as_str(), it.name.as_str())).collect(),
        titles: night.rules.iter().map(|it| (it.id.as_str(), &it.title)).collect(),
        categories: night.rules.iter().map(|it| (it.id.as_str(), it.categories.as_slice())).collect(),
        ran: night.rules.iter().filter(|it| it.skipped.is_none()).map(|it| it.id.as_str()).collect(),
    }
}

/// Whether a feed may be believed tonight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedState {
    /// Every row was used or set aside.
    Used,
    /// Used, with some rows rejected.
    Rejects,
    /// Left out: nothing was concluded from it.
    LeftOut,
    /// The counts do not add up. That is our defect, and is shown rather than hidden.
    Unbalanced,
}

impl FeedState {
    /// The state of `feed`.
    pub fn of(feed: &FeedNight) -> FeedState {
        match &feed.tally {
            Some(tally) if tally.pulled != tally.mapped + tally.rejected + tally.set_aside => FeedState::Unbalanced,
            Some(tally) if feed.left_out.is_empty() && tally.rejected == 0 => FeedState::Used,
            Some(_) if feed.left_out.is_empty() => FeedState::Rejects,
            _ => FeedState::LeftOut,
        }
    }

    /// In words.
    pub fn word(self, lang: Lang) -> &'static str {
        match self {
            FeedState::Used => lang.pick("✓ 已采用", "✓ used"),
            FeedState::Rejects => lang.pick("✓ 已采用，有拒收", "✓ used, with rejects"),
            FeedState::LeftOut => lang.pick("✗ 未采用", "✗ left out"),
            FeedState::Unbalanced => lang.pick("✗ 行数不平", "✗ counts do not add up"),
        }
    }

    /// The class of its colour: `good`, `fair` or `bad`.
    pub fn colour(self) -> &'static str {
        match self {
            FeedState::Used => "good",
            FeedState::Rejects => "fair",
            FeedState::LeftOut | FeedState::Unbalanced => "bad",
        }
    }
}

/// Why a feed was left out, or nothing.
pub fn why_left_out(feed: &FeedNight, lang: Lang) -> String {
    let words: Vec<&str> = feed.left_out.iter().map(|it| lang.pick(it.zh.as_str(), it.en.as_str())).collect();
    words.join(lang.pick("；", "; "))
}

/// What a feed's shared table is called.
pub fn table_label(feed: &FeedNight, lang: Lang) -> String {
    muster_core::schema::table(&feed.table).map_or_else(|| feed.table.clone(), |it| lang.pick(it.label_zh, it.label_en).to_owned())
}

/// The months a feed covers.
pub fn covers(tally: &Tally, lang: Lang) -> String {
    match (tally.first_month, tally.last_month) {
        (Some(first), Some(last)) if first < last => [report::month(first), report::month(last)].join(lang.pick(" 至 ", " to ")),
        (Some(month), _) | (_, Some(month)) => report::month(month),
        (None, None) => String::new(),
    }
}

/// Can tonight be trusted?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    feeds: usize,
    left_out: usize,
    rules: usize,
    skipped: usize,
    broke_off: usize,
}

impl Trust {
    /// Counts what was used and what was left out. A rule that the city has turned off was never expected to run.
    pub fn of(night: &Night) -> Trust {
        let state = |it: &&FeedNight| matches!(FeedState::of(it), FeedState::LeftOut | FeedState::Unbalanced);
        Trust {
            feeds: night.feeds.len(),
            left_out: night.feeds.iter().filter(state).count(),
            rules: night.rules.iter().filter(|it| !it.off).count(),
            skipped: night.rules.iter().filter(|it| it.skipped.is_some() && !it.off).count(),
            broke_off: night.rules.iter().filter(|it| it.broke_off).count(),
        }
    }

    /// `good`, `fair` or `bad`. With every feed used, a rule that did not break off can only have waited for a feed that the city does not
    /// have: that takes nothing from tonight's answers.
    pub fn colour(&self) -> &'static str {
        match (self.left_out + self.broke_off, self.skipped) {
            (0, skipped) if self.feeds > 0 && (skipped < self.rules || self.rules == 0) => "good",
            (_, skipped) if self.left_out < self.feeds && (skipped < self.rules || self.rules == 0) => "fair",
            _ => "bad",
        }
    }

    /// The answer in one sentence.
    pub fn sentence(&self, lang: Lang) -> String {
        let Trust { feeds, left_out, rules, skipped, broke_off } = self;
        match (self.colour(), lang) {
            ("good", Lang::Zh) if *skipped > 0 => {
                format!("可信：{feeds} 个数据源全部采用，运行规则 {} 条；另有 {skipped} 条所需的数据源尚未接入。", rules - skipped)
            }
            ("good", Lang::En) if *skipped > 0 => {
                format!(
                    "Yes: all {feeds} feeds were used and {} rules ran; {skipped} wait for feeds that are not connected.",
                    rules - skipped
                )
            }
            ("good", Lang::Zh) => format!("可信：{feeds} 个数据源全部采用，{rules} 条规则全部运行。"),
            ("good", Lang::En) => format!("Yes: all {feeds} feeds were used and all {rules} rules ran."),
            ("fair", Lang::Zh) if *left_out == 0 => {
                format!("部分可信：{feeds} 个数据源全部采用，但 {broke_off} 条规则执行中断，其案件保持原状，请运维人员处理。")
            }
            ("fair", Lang::En) if *left_out == 0 => format!(
                "In part: all {feeds} feeds were used, but {broke_off} rules broke off; their cases stay as they were, and an operator must look."
            ),
            ("fair", Lang::Zh) => format!(
                "部分可信：{feeds} 个数据源中 {left_out} 个未采用，{rules} 条规则中 {skipped} 条未运行。未运行的规则既不新增案件，也不销号。"
            ),
            ("fair", Lang::En) => format!(
                "In part: {left_out} of {feeds} feeds were left out and {skipped} of {rules} rules did not run. A rule that did not run opens no case and closes none."
            ),
            (_, Lang::Zh) => "不可信：没有可用的数据源或规则，今晚不作任何判断，案件保持原状。".to_owned(),
            (_, Lang::En) => "No: no feed or rule could be used. Nothing was concluded tonight and every case stays as it was.".to_owned(),
        }
    }
}

/// The lines of the published table, with their sum.
pub fn figure_lines(figures: &Figures, lang: Lang) -> [(&'static str, Line); 3] {
    [
        (lang.pick("行政编制", "Administrative"), figures.administrative),
        (lang.pick("事业编制", "Institutions"), figures.institution),
        (lang.pick("合计", "Total"), figures.administrative.plus(&figures.institution)),
    ]
}

/// The counts beside the published table.
pub fn figure_counts(figures: &Figures, lang: Lang) -> Vec<(&'static str, u64)> {
    let counts = [
        (lang.pick("事业单位", "Public institutions"), figures.institutions),
        (lang.pick("超编事业单位", "Institutions over quota"), figures.units_over),
        (lang.pick("实名制账户", "Network accounts"), figures.network_accounts),
        (lang.pick("批文", "Approval documents"), figures.documents),
    ];
    // What is only known of a whole city is not known of some of its units.
    counts.into_iter().enumerate().filter(|(at, (_, count))| *at < 2 || *count > 0).map(|(_, it)| it).collect()
}

/// The five numbers that leaders read first, and what each is.
pub fn headlines(night: &Night, lang: Lang) -> [(String, &'static str); 5] {
    // Data quality goes to the owners of the data; it is no lead about anybody.
    let leads: BTreeSet<&str> = night.cases.iter().filter(|it| it.family != Family::Quality).map(|it| it.key.as_str()).collect();
    let open = night.cases.iter().filter(|it| leads.contains(it.key.as_str()) && it.state.is_open()).count();
    let came = |it: &&CaseEvent| matches!(it.what, What::Opened | What::Reopened) && leads.contains(it.case.as_str());
    let both = night.figures.administrative.plus(&night.figures.institution);
    let amount_fen = at_stake_fen(&night.cases);
    [
        (count(open as u64), lang.pick("未结线索（待核实）", "open leads, to be verified")),
        (count(night.events.iter().filter(came).count() as u64), lang.pick("今晚新增与重现", "new or reopened tonight")),
        (yuan(amount_fen), lang.pick("涉及金额（元）", "amount at stake (CNY)")),
        (count(both.net()), lang.pick("净空编", "net vacancies")),
        (count(night.figures.units_over), lang.pick("超编事业单位", "institutions over quota")),
    ]
}

/// What the leads of a family are called; never an accusation.
pub fn leads_of(family: Family, lang: Lang) -> String {
    let (zh, en) = family.label();
    match lang {
        Lang::Zh => format!("{zh}线索"),
        Lang::En => format!("Leads: {en}"),
    }
}

/// How linking came to a person, in words; the method's own name where it is not known here.
pub fn method_label(method: &str, lang: Lang) -> &str {
    match method {
        "id-exact" => lang.pick("身份证号一致", "same ID number"),
        "id-15" => lang.pick("十五位升位后一致", "15-digit number, upgraded"),
        "id-repaired" => lang.pick("身份证号纠错后一致", "ID number repaired"),
        "name-birth" => lang.pick("姓名、出生日期与单位一致", "same name, birth date and unit"),
        "own" => lang.pick("仅此一处", "found nowhere else"),
        "none" => lang.pick("未能识别", "could not be told"),
        _ => method,
    }
}

/// How many units are counted in and not listed; empty when all are.
pub fn unlisted(night: &Night, lang: Lang) -> String {
    match night.unlisted_units {
        0 => String::new(),
        units => lang.pick(format!("（其中涉密单位 {units} 个不列）"), format!(" {units} of the units are confidential and not listed.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(feeds: usize, left_out: usize, rules: usize, skipped: usize) -> &'static str {
        Trust { feeds, left_out, rules, skipped, broke_off: 0 }.colour()
    }

    #[test]
    fn a_rule_that_broke_off_costs_trust() {
        let broken = Trust { feeds: 17, left_out: 0, rules: 91, skipped: 8, broke_off: 1 };
        assert_eq!(broken.colour(), "fair");
        assert!(broken.sentence(Lang::Zh).contains("1 条规则执行中断"));
        assert!(broken.sentence(Lang::En).contains("1 rules broke off"));
    }

    #[test]
    fn a_lost_feed_costs_trust_and_one_that_the_city_never_had_does_not() {
        assert_eq!(colour(17, 0, 91, 0), "good");
        assert_eq!(colour(17, 0, 91, 7), "good");
        assert_eq!(colour(17, 1, 91, 9), "fair");
        assert_eq!(colour(17, 0, 91, 91), "bad");
        assert_eq!(colour(17, 17, 91, 91), "bad");
        assert_eq!(colour(0, 0, 91, 91), "bad");
        let waiting = Trust { feeds: 17, left_out: 0, rules: 91, skipped: 7, broke_off: 0 };
        assert_eq!(waiting.sentence(Lang::Zh), "可信：17 个数据源全部采用，运行规则 84 条；另有 7 条所需的数据源尚未接入。");
        assert_eq!(waiting.sentence(Lang::En), "Yes: all 17 feeds were used and 84 rules ran; 7 wait for feeds that are not connected.");
    }
}
