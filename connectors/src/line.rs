//! What a line below the heading is: a row, a total, or something around the table.

use std::sync::LazyLock;

use crate::row::{Row, is_blank};

/// What a line is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A row of the table.
    Row,
    /// The total of the table, stated by whoever made it.
    Total,
    /// Neither, and what it is instead.
    Skipped(&'static str),
}

/// Why a line was skipped, where more than one place says so.
pub(crate) const BLANK: &str = "blank";
/// A line above the heading.
pub(crate) const TITLE: &str = "title";

/// Words that open a line of totals.
const TOTALS: [&str; 7] = ["合计", "总计", "共计", "总合计", "合计数", "total", "grandtotal"];
/// Words that open or close a line of subtotals.
const SUBTOTALS: [&str; 5] = ["小计", "本页合计", "本页小计", "累计", "subtotal"];
/// Words that open a line of signatures, stamps and notes around a printed table.
const SIGNATURES: [&str; 36] = [
    "制表",
    "制单",
    "编制人",
    "填表",
    "填报",
    "审核",
    "复核",
    "审批",
    "批准人",
    "负责人",
    "单位负责人",
    "主要负责人",
    "分管领导",
    "单位领导",
    "领导签字",
    "财务负责人",
    "会计",
    "出纳",
    "经办",
    "经手人",
    "联系人",
    "联系电话",
    "单位盖章",
    "单位(盖章)",
    "(盖章)",
    "盖章",
    "签章",
    "签字",
    "签名",
    "打印日期",
    "打印时间",
    "导出时间",
    "报表日期",
    "备注:",
    "说明:",
    "注:",
];

/// What a line of `columns` named columns is taken for; blank lines are not asked about.
///
/// The first cell that holds something decides (after a serial number): nobody is called 合计, and a person's row does not begin with 制表人.
pub(crate) fn taken_for(row: &Row, columns: usize) -> Taken {
    let mut filled = row.filled();
    let Some((_, first)) = filled.next() else { return Taken::Skipped(BLANK) };
    let serial = !first.is_empty() && first.bytes().all(|it| it.is_ascii_digit()) && first.len() < 7;
    let opening = if serial { filled.next().map_or(first, |(_, cell)| cell) } else { first };
    if !may_be_word(opening) {
        return Taken::Row;
    }
    match fold(opening).as_str() {
        word if is_subtotal(word) => Taken::Skipped("subtotal"),
        word if is_total(word) => Taken::Total,
        word if is_signature(word, row, columns) => Taken::Skipped("signature"),
        word if is_page(word) => Taken::Skipped("page number"),
        _ => Taken::Row,
    }
}

/// Nearly every line opens with a number or a name: what it begins and ends with tells, and it need not be folded.
fn may_be_word(opening: &str) -> bool {
    static BEGINNINGS: LazyLock<Vec<char>> = LazyLock::new(|| {
        let words = TOTALS.iter().chain(&SUBTOTALS).chain(&SIGNATURES).chain(&["第", "共"]);
        words.filter_map(|it| it.chars().next()).collect()
    });
    if opening.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return opening.ends_with('计');
    }
    let begins = folded(opening).next().is_some_and(|it| BEGINNINGS.contains(&it));
    begins || opening.ends_with('计')
}

/// A word without blanks, with half-width signs and small letters: how headings and 合计 cells are compared.
pub(crate) fn fold(text: &str) -> String {
    folded(text).collect()
}

/// Whether `text` folds to what was folded before, without folding more of it than needed.
pub(crate) fn folds_to(text: &str, word: &str) -> bool {
    folded(text).eq(word.chars())
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|it| !is_blank(*it)).map(half_width).flat_map(char::to_lowercase)
}

fn half_width(it: char) -> char {
    match it {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(it as u32 - 0xfee0).unwrap_or(it),
        _ => it,
    }
}

/// 合计, 合计:, 合计(14,000人), 共计 14000 人; but not a unit whose name happens to begin so.
fn is_total(word: &str) -> bool {
    TOTALS.iter().any(|it| {
        let rest = word.strip_prefix(it);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '(', '数']) || rest.starts_with(|it: char| it.is_ascii_digit()))
    })
}

/// 小计, 本页合计, and a unit's own total (水利局合计), which is a part of the table's.
fn is_subtotal(word: &str) -> bool {
    let part_of_total = (word.ends_with("合计") || word.ends_with("小计")) && !TOTALS.contains(&word);
    part_of_total || SUBTOTALS.iter().any(|it| word.starts_with(it))
}

/// A line of signatures opens with one of the words and either has a colon or leaves most of the table empty.
fn is_signature(word: &str, row: &Row, columns: usize) -> bool {
    let opens = SIGNATURES.iter().any(|it| word.starts_with(it));
    opens && (word.contains(':') || row.filled().count() * 2 < columns.max(3))
}

/// 第1页 共5页
fn is_page(word: &str) -> bool {
    let digits = |text: &str| text.chars().next().is_some_and(|it| it.is_ascii_digit());
    word.contains('页') && (word.strip_prefix('第').is_some_and(digits) || word.strip_prefix('共').is_some_and(digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::row;

    fn check(cells: &[&str], expected: Taken) {
        assert_eq!(taken_for(&row(cells), 6), expected, "{cells:?}");
    }

    #[test]
    fn a_persons_row_is_a_row() {
        check(&["1", "陈䶮", "330683198001011234", "8120.50"], Taken::Row);
        check(&["", "", "330683198001011234"], Taken::Row);
        check(&["合家欢服务中心", "1"], Taken::Row);
        check(&["会计核算中心", "张伟", "330683198001011234", "1"], Taken::Row);
        check(&["审核", "张伟", "330683198001011234", "2026-03-01"], Taken::Row);
        check(&["共计划生育协会", "张伟", "330683198001011234", "1"], Taken::Row);
    }

    #[test]
    fn totals_in_every_spelling() {
        for word in ["合计", "合 计", "总　计", "合计：", "合计（元）", "共计14000人", "Total", "Grand Total"] {
            check(&["~", word, "~", "1234.50"], Taken::Total);
        }
        check(&["14001", "合计", "1234.50"], Taken::Total);
    }

    #[test]
    fn subtotals_are_parts_of_a_total() {
        for word in ["小计", "水利局小计", "本页合计", "水利局合计", "Subtotal"] {
            check(&[word, "1234.50"], Taken::Skipped("subtotal"));
        }
    }

    #[test]
    fn signatures_and_notes() {
        check(&["制表人：张三", "~", "审核：李四", "~", "日期：2026-03-01"], Taken::Skipped("signature"));
        check(&["单位负责人", "~", "~", "审核人"], Taken::Skipped("signature"));
        check(&["单位（盖章）"], Taken::Skipped("signature"));
        check(
            &["注：本表一式三份，由单位留存一份，报送编制、人力资源和社会保障、财政部门各一份，逾期不候，请各单位遵照执行"],
            Taken::Skipped("signature"),
        );
        check(&["第 1 页 共 5 页"], Taken::Skipped("page number"));
    }

    #[test]
    fn a_line_of_nothing_is_blank() {
        check(&["", " ", "~", "\u{3000}", "\u{1a}"], Taken::Skipped(BLANK));
    }
}
