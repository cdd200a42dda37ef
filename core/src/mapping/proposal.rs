//! A first guess at a mapping for `muster init`, by what tables and columns are called.
//!
//! The guess is written into a file that a person then reads: it never maps anything by itself.

use super::synonyms::{SYNONYMS, TABLE_WORDS, headers_of};
use crate::schema::{InputColumn, TABLES, Table};

/// A first guess at a mapping.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The shared table that name and columns speak for most; null when nothing does.
    pub table: Option<&'static Table>,
    /// Every header in its order. No shared column stands twice.
    pub columns: Vec<Guess>,
}

/// What a column of the source probably is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// Its header.
    pub header: String,
    /// The shared column; null when nothing is known under that header.
    pub shared: Option<String>,
    /// Whether the header only ends like a known one (`参加统筹单位名称`): somebody should look.
    pub near: bool,
}

/// Guesses the shared table and columns by the name of a table, a file or a sheet, and by its headers.
pub fn propose(name: &str, headers: &[String]) -> Proposal {
    let named = table_named(name);
    let mut best: Option<(usize, &'static Table)> = None;
    for table in TABLES {
        let word = if named.is_some_and(|it| it == table.name) { NAME_POINTS } else { 0 };
        let score = score(table, headers, word);
        // Of equals the first in reading order.
        if score > best.map_or(MIN_SCORE - 1, |(most, _)| most) {
            best = Some((score, table));
        }
    }
    let table = best.map(|(_, table)| table);
    Proposal { table, columns: columns(headers, table) }
}

/// The shared table that a name speaks for.
fn table_named(name: &str) -> Option<&'static str> {
    let name = name.to_uppercase();
    let segments: Vec<&str> = name.split(|it: char| !it.is_ascii_alphabetic()).collect();
    let speaks = |word: &&&str| if word.is_ascii() { segments.contains(*word) } else { name.contains(**word) };
    TABLE_WORDS.iter().find(|(_, words)| words.iter().any(|it| speaks(&it))).map(|(table, _)| *table)
}

/// One column of the table's own, or its person and one more: less says nothing.
const MIN_SCORE: usize = 4;

/// What the name of the table is worth: it settles between tables that look alike, and outweighs no two columns.
const NAME_POINTS: usize = 5;

/// How much headers and name speak for a table. Who and where stand in every table; what the row says is the table's own, and so is
/// where somebody came from and went to.
fn score(table: &'static Table, headers: &[String], word: usize) -> usize {
    let input = table.input();
    let own = |it: &InputColumn| it.name != it.column.name || table.columns.iter().any(|column| column.name == it.name);
    let named: Vec<&InputColumn> = input.iter().filter(|it| headers.iter().any(|header| is_called(header, it, table))).collect();
    if !named.iter().any(|it| own(it)) {
        return 0;
    }
    let required = table.columns.iter().filter(|it| it.required);
    let missing = required.filter(|it| !named.iter().any(|found| found.name == it.name)).count();
    let points: usize = named.iter().map(|it| if own(it) { 3 } else { 1 }).sum();
    (points + word).saturating_sub(missing * 2)
}

/// Whether a header fits a column of a table.
type Fits = fn(&str, &InputColumn, &Table) -> bool;

fn columns(headers: &[String], table: Option<&'static Table>) -> Vec<Guess> {
    let mut guesses: Vec<Guess> = headers.iter().map(|it| Guess { header: it.clone(), shared: None, near: false }).collect();
    let Some(table) = table else { return guesses };
    let input = table.input();
    let mut taken: Vec<&str> = Vec::new();
    let ways: [(Fits, bool); 3] = [(is_own_name, false), (is_called, false), (ends_like, true)];
    for (fits, near) in ways {
        for guess in guesses.iter_mut().filter(|it| it.shared.is_none()) {
            let found = input.iter().find(|it| !taken.contains(&it.name.as_str()) && fits(&guess.header, it, table));
            taken.extend(found.map(|it| it.name.as_str()));
            guess.shared = found.map(|it| it.name.clone());
            guess.near = near && found.is_some();
        }
    }
    guesses
}

/// Whether `header` is the column's own name or label, or one that it has in this table only.
fn is_own_name(header: &str, column: &InputColumn, table: &Table) -> bool {
    let header = bare(header);
    own_names(column, table).any(|it| bare(it) == header)
}

/// Whether `header` is any known name of the column, in any case and without blanks, or the remarks in parentheses that forms carry
/// (`应发合计（元）`).
fn is_called(header: &str, column: &InputColumn, table: &Table) -> bool {
    let bare_header = bare(header);
    is_own_name(header, column, table) || headers_of(&column.name).iter().any(|it| bare(it) == bare_header)
}

/// Whether `header` ends with a known name of the column and speaks of nobody else (`配偶姓名`).
fn ends_like(header: &str, column: &InputColumn, table: &Table) -> bool {
    let header = bare(header);
    if OTHERS.iter().any(|it| header.contains(it)) {
        return false;
    }
    let long = |it: &&str| !it.is_ascii() && (it.chars().count() >= 3 || *it == "姓名");
    own_names(column, table).chain(headers_of(&column.name).iter().copied()).filter(long).any(|it| header.ends_with(&bare(it)))
}

/// Words of people whom a row names beside the one it is about.
const OTHERS: [&str; 16] =
    ["配偶", "父", "母", "子女", "家属", "家庭", "联系", "经办", "审核", "复核", "制表", "操作", "填报", "监护", "代理", "主管"];

/// The column's name, its labels, and what it is called in this table. A label belongs to the column without its prefix: `单位名称` is
/// not the unit somebody came from.
fn own_names<'a>(column: &'a InputColumn, table: &Table) -> impl Iterator<Item = &'a str> {
    let in_table = format!("{}.{}", table.name, column.name);
    let special: &[&str] = SYNONYMS.iter().find(|(name, _)| *name == in_table).map_or(&[], |(_, headers)| headers);
    let labels = [column.name.as_str(), column.column.label_zh, column.column.label_en];
    let known = if column.name == column.column.name { 3 } else { 1 };
    labels.into_iter().take(known).chain(special.iter().copied())
}

fn bare(header: &str) -> String {
    let header = header.split(['(', '（', '[', '【']).next().unwrap_or(header);
    let drop = |it: char| it.is_whitespace() || matches!(it, '*' | '_' | '-' | '.' | '\'' | ':' | '：' | '/');
    header.chars().filter(|it| !drop(*it)).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;
    use crate::mapping::{Fill, From, PLACE_COLUMNS, read};

    fn check(name: &str, headers: &str, table: &str, columns: &str) {
        let headers: Vec<String> = headers.split(' ').map(str::to_owned).collect();
        let found = propose(name, &headers);
        assert_eq!(found.table.map_or("none", |it| it.name), table, "{headers:?}");
        let word = |it: Guess| it.shared.map_or_else(|| "-".to_owned(), |shared| if it.near { format!("{shared}?") } else { shared });
        let found: Vec<String> = found.columns.into_iter().map(word).collect();
        assert_eq!(found.join(" "), columns, "{headers:?}");
    }

    #[test]
    fn known_headers_name_their_table() {
        check(
            "t1",
            "序号 姓名 身份证号 单位编码 基本工资 津贴补贴 应发合计（元） 代扣合计 实发合计 银行账号",
            "payment",
            "- name id_number unit_code base_fen allowance_fen gross_fen deduction_fen net_fen account",
        );
        check(
            "AC43",
            "AAC002 AAC003 AAB001 AAE140 AAE003 缴费基数 个人缴费",
            "contribution",
            "id_number name unit_code scheme month base_fen person_fen",
        );
        check("t1", "姓名 公民身份号码 死亡日期 登记日期", "death", "name id_number died_on registered_on");
        check("t1", "SFZH XM BZLX RBRQ DWBM", "establishment", "id_number name quota_type entered_on unit_code");
        check("t1", "单位名称 编制类型 核定编制数 核定文号", "quota", "unit_name quota_type amount document_no");
        check("t1", "姓名 身份证号 年度 考核结果", "assessment", "name id_number year result");
        check("GZFF_2026*.csv", "XM SFZH DWMC FFNY GZ SFGZ", "payment", "name id_number unit_name month gross_fen net_fen");
        check(
            "payroll",
            "employee_name id_number department pay_month gross_pay net_pay bank_account",
            "payment",
            "name id_number unit_name month gross_fen net_fen account",
        );
    }

    #[test]
    fn a_secondment_is_no_leave_though_their_columns_are_called_alike() {
        check(
            "借调登记",
            "姓名 身份证号码 所在单位 借入单位 类别 开始日期 结束日期 返回日期 批准文号",
            "secondment",
            "name id_number from_unit_name to_unit_name kind from_on to_on returned_on document_no",
        );
        check(
            "奖惩登记",
            "姓名 身份证号码 类别 开始日期 结束日期 待遇 文号",
            "sanction",
            "name id_number kind from_on to_on pay_effect document_no",
        );
    }

    #[test]
    fn strange_headers_name_nothing() {
        check("t1", "A B C", "none", "- - -");
        check("t1", "姓名 备注", "none", "- -");
        check("工资", "姓名 备注", "none", "- -");
    }

    #[test]
    fn no_column_is_proposed_twice_and_the_nearer_header_has_it() {
        check("t1", "姓名 职工姓名 死亡日期", "death", "name - died_on");
        check("t1", "职工姓名 姓名 死亡日期", "death", "- name died_on");
    }

    #[test]
    fn a_header_that_only_ends_like_a_known_one_is_marked() {
        check("t1", "本人姓名 配偶姓名 公民身份号码 死亡日期", "death", "name? - id_number died_on");
    }

    /// Every table of the shipped mappings is recognised by its name and columns, and no column is taken for another.
    #[test]
    fn the_shipped_mappings_are_guessed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../mappings");
        let beside = |it: &str| std::fs::read_to_string(folder.join(it)).ok();
        let (mut columns, mut found) = (0, 0);
        for name in ["deaths", "finance", "hr", "insurance", "organization"] {
            let file = format!("shengzhou-{name}.toml");
            let text = beside(&file).expect("a shipped mapping");
            let mapping = read(&Source::new(file, text), &beside).expect("a right mapping");
            for feed in &mapping.feeds {
                let from = |it: &Fill| match &it.from {
                    From::Column(name) if !PLACE_COLUMNS.contains(&name.as_str()) => Some(name.clone()),
                    _ => None,
                };
                let headers: Vec<String> = feed.columns.iter().filter_map(from).collect();
                let proposal = propose(&feed.table, &headers);
                assert_eq!(proposal.table.map(|it| it.name), Some(feed.fills.name), "{} of {name}", feed.table);
                for guess in &proposal.columns {
                    let right = feed.columns.iter().find(|it| from(it).as_ref() == Some(&guess.header)).map(|it| it.into.as_str());
                    assert!(guess.shared.is_none() || guess.shared.as_deref() == right, "{}: {guess:?}, not {right:?}", feed.table);
                    columns += 1;
                    found += usize::from(guess.shared.is_some());
                }
            }
        }
        assert!(found * 100 >= columns * 90, "{found} of {columns} columns");
    }
}
