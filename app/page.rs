//! The night as one HTML file: nothing is loaded from elsewhere, ID numbers are masked, and it prints.

mod view;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use muster_core::report::Lang;

use crate::night::Night;

/// The words of the page, by the name under which the template knows them.
const WORDS: &[(&str, &str, &str)] = &[
    ("html_lang", "zh-CN", "en"),
    ("title", "编制实名制对账报告", "Establishment reconciliation report"),
    ("night", "对账日", "Night of"),
    ("nav", "目录", "Contents"),
    ("trust", "今晚的数据可信吗", "Can tonight be trusted?"),
    ("figures", "编制和人员", "Establishment and staff"),
    ("tables", "提示表", "Prompt tables"),
    ("sum", "合计", "Total"),
    ("changes", "今晚的变化", "What changed tonight"),
    ("cases", "未结与今晚销号的线索", "Leads, open or cured tonight"),
    ("quality", "数据质量", "Data quality"),
    ("rules", "规则", "Rules"),
    ("feed", "数据源", "Feed"),
    ("contents", "内容", "Contents"),
    ("pulled", "取得行数", "Pulled"),
    ("mapped", "转换", "Mapped"),
    ("rejected", "拒收", "Rejected"),
    ("set_aside", "搁置", "Set aside"),
    ("months", "覆盖月份", "Months"),
    ("state", "状态", "State"),
    ("approved", "核定编制", "Approved"),
    ("actual", "实有人员", "Actual"),
    ("net", "净空编", "Net vacant"),
    ("vacant", "空编合计", "Vacancies"),
    ("over", "超编合计", "Excess"),
    ("rate", "空编率", "Vacancy rate"),
    ("kind", "类别", "Group"),
    ("legend_actual", "实有", "actual"),
    ("legend_vacant", "空编", "vacant"),
    ("legend_over", "超编", "over quota"),
    ("over_units", "超编单位", "Units over quota"),
    ("further_units", "展开其余超编单位", "Show the other units over quota:"),
    ("unit", "单位", "Unit"),
    ("over_by", "超编", "Over by"),
    ("open_before", "昨日未结", "open before"),
    ("opened", "新增", "new"),
    ("reopened", "重现", "reopened"),
    ("cured", "自动销号", "cured"),
    ("decided", "已有结论", "decided"),
    ("open_tonight", "今日未结", "open tonight"),
    ("balances", "✓ 平衡", "✓ balances"),
    ("unbalanced", "✗ 不平，请勿使用本报告并联系维护人员", "✗ does not balance: do not use this report, tell the operator"),
    ("amounts", "全部案件累计（元）：", "All cases to date (CNY):"),
    ("no_changes", "今晚没有新增、重现或销号的案件。", "No case was opened, reopened or cured tonight."),
    ("no_cases", "今晚没有未结线索。", "No lead is open tonight."),
    ("case_count", "件", "cases"),
    ("yuan", "元", "CNY"),
    ("read_at", "数据出处", "Read at"),
    ("opened_on", "首次发现", "Opened"),
    ("confidence", "可信度", "Confidence"),
    ("more_cases", "件未在本页列出，见工作簿或 findings.jsonl。", "more cases are not listed here; see the workbook or findings.jsonl."),
    ("more_lines", "条从略", "more lines"),
    ("rejects", "拒收的行", "Rejected rows"),
    ("rejects_hint", "逐行原因与出处：muster rejects", "Row by row, with place and reason: muster rejects"),
    ("share", "拒收率", "Share"),
    ("codes", "未对照的代码", "Codes without a meaning"),
    ("column", "列", "Column"),
    ("code", "代码", "Code"),
    ("rows", "行数", "Rows"),
    ("unlinked", "未能关联的单位", "Units that could not be linked"),
    ("nearest", "相近的登记名称（仅供参考）", "Nearest registered name, as a hint"),
    ("untold", "既未映射也未声明忽略的列", "Columns neither mapped nor ignored"),
    ("links", "人员是怎样识别的", "How people were told apart"),
    ("method", "方法", "Method"),
    ("identities", "来源身份数", "Identities"),
    ("none", "无", "none"),
    ("rule", "规则", "Rule"),
    ("severity", "级别", "Severity"),
    ("looked_at", "核对对象", "Looked at"),
    ("found", "线索", "Leads"),
    ("hit_rate", "命中率", "Hit rate"),
    ("settings", "判定参数", "Parameters"),
    ("ran", "已运行", "ran"),
    ("skipped", "未运行", "did not run"),
    ("more_units", "个单位未列出，见工作簿《编制提示表》。", "more units are not listed; see the workbook."),
    ("privacy", "含个人信息，请按规定保管、使用和销毁。", "Holds personal data: keep, use and destroy as prescribed."),
];

/// The looks of the pages of one person and one unit.
pub const PLAIN: &str = include_str!("page/plain.css");

/// Renders the page; `mark` says who took it out. Text from sources is escaped; the template has no other way in.
pub fn page(night: &Night, lang: Lang, mark: Option<&str>) -> Result<String, minijinja::Error> {
    render(night, lang, mark, false)
}

/// The page without cases and data quality: figures, tables, and how many cases came and went.
pub fn for_leaders(night: &Night, lang: Lang, mark: Option<&str>) -> Result<String, minijinja::Error> {
    render(night, lang, mark, true)
}

fn render(night: &Night, lang: Lang, mark: Option<&str>, leaders: bool) -> Result<String, minijinja::Error> {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    pages.add_template("night.html", include_str!("page/night.html"))?;
    let words: std::collections::BTreeMap<&str, &str> = WORDS.iter().map(|(name, zh, en)| (*name, lang.pick(*zh, *en))).collect();
    pages
        .get_template("night.html")?
        .render(context! { t => words, night => Serde(view::of(night, lang)), mark => mark.unwrap_or_default(), leaders => leaders })
}

#[cfg(test)]
mod tests;
