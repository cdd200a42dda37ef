//! A unit on the terminal.

use std::fmt::Write;

use muster_core::report;

use super::staff::Staff;
use super::{Group, Line, UnitPage, flow};
use crate::grid::Grid;
use crate::words::{Lang, WIDTH, count, pad, pad_left, wrapped, yuan};

/// Rows of the unit's past, and ways of writing it, that are listed.
const LINES_MAX: usize = 12;

/// The whole page; `rows` people of each group at most.
pub fn text(page: &UnitPage, rows: usize, lang: Lang) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "\n  {}  {}\n  {}", page.name, page.code, "─".repeat(WIDTH - 2));
    for (label, value) in &page.facts {
        wrapped(&mut out, &format!("  {}", pad(lang.of(label), lang.pick(18, 16))), lang.of(value));
    }
    let month = report::month(page.month);
    heading(&mut out, &lang.pick(format!("编制与实有，截至 {month} 月末"), format!("Places and people, at the end of {month}")));
    quota(&mut out, page, lang);
    leaders(&mut out, page, lang);
    below(&mut out, page, lang);
    people(&mut out, page, rows, lang);
    cases(&mut out, page, lang);
    history(&mut out, page, lang);
    references(&mut out, page, lang);
    if !page.beyond.is_empty() {
        let labels = page.beyond.iter().map(|it| lang.of(it)).collect::<Vec<_>>().join(lang.pick("、", ", "));
        out.push('\n');
        let why = lang.pick(
            "以下内容当夜未采用或不在可见范围内，未据以判断",
            "left out that night or beyond your scope, so nothing is concluded from it",
        );
        wrapped(&mut out, "  ! ", &format!("{why}: {labels}"));
    }
    out.push('\n');
    out
}

fn heading(out: &mut String, text: &str) {
    let _ = writeln!(out, "\n  {text}\n  {}", "─".repeat(WIDTH - 2));
}

fn number(value: i64) -> String {
    if value == 0 { "·".to_owned() } else { count(value) }
}

fn heads(first: &str, lang: Lang) -> Vec<String> {
    let heads = lang.pick(["核定", "实有", "空编", "超编"], ["Approved", "Actual", "Vacant", "Over"]);
    [first].into_iter().chain(heads).map(str::to_owned).collect()
}

fn grid(lines: &[Line], first: &str, lang: Lang) -> String {
    let mut grid = Grid::new();
    grid.head(heads(first, lang));
    let cells = |it: &Line| {
        let numbers = [it.approved, it.actual, it.vacant, it.over].map(number);
        std::iter::once(lang.of(&it.kind).to_owned()).chain(numbers).collect::<Vec<_>>()
    };
    let (sum, kinds) = lines.split_last().expect("a sum stands last");
    kinds.iter().for_each(|it| grid.row(cells(it)));
    grid.sum(cells(sum));
    grid.text()
}

fn quota(out: &mut String, page: &UnitPage, lang: Lang) {
    if page.quota.is_empty() {
        let _ = writeln!(
            out,
            "  {}",
            lang.pick("无核定编制，也无在编人员（或编制库当夜未采用）", "no places and nobody on them, or the register was left out")
        );
        return;
    }
    out.push_str(&grid(&page.quota, lang.pick("编制类型", "Kind"), lang));
    let facts: Vec<String> = flow(page, lang).into_iter().map(|(label, value)| format!("{label} {}", count(value))).collect();
    out.push('\n');
    wrapped(out, "  ", &facts.join(" · "));
}

fn leaders(out: &mut String, page: &UnitPage, lang: Lang) {
    if !page.leaders.is_empty() {
        heading(out, lang.pick("领导职数", "Leading posts"));
        out.push_str(&grid(&page.leaders, lang.pick("职数类别", "Class"), lang));
    }
}

fn below(out: &mut String, page: &UnitPage, lang: Lang) {
    if page.below.is_empty() {
        return;
    }
    heading(out, lang.pick("下属单位", "Units below"));
    let mut grid = Grid::new();
    grid.head(heads(lang.pick("单位", "Unit"), lang));
    let mut sum = [0; 4];
    for it in &page.below {
        let numbers = [it.approved, it.actual, it.vacant, it.over];
        sum.iter_mut().zip(numbers).for_each(|(sum, it)| *sum += it);
        grid.row(std::iter::once(format!("{} {}", it.code, it.name)).chain(numbers.map(number)).collect());
    }
    grid.sum(std::iter::once(lang.pick("合计", "Total").to_owned()).chain(sum.map(number)).collect());
    out.push_str(&grid.text());
}

/// What a pattern of the four stories means.
pub fn meaning(pattern: &str, lang: Lang) -> &'static str {
    let (zh, en) = match pattern {
        "1111" => ("四方一致", "all four agree"),
        "1110" => ("在编在册在发，未参保", "paid, not insured"),
        "1101" => ("在编在册参保，未发工资", "insured, not paid"),
        "1100" => ("仅在编在册", "on the books only"),
        "1011" => ("在编在发参保，人事无记录", "no personnel file"),
        "1010" => ("在编在发，人事、社保无记录", "on the register and paid, nothing else"),
        "1001" => ("在编参保，人事、工资无记录", "on the register and insured, nothing else"),
        "1000" => ("仅在编", "on the register alone"),
        "0111" => ("在册在发参保，不在编", "employed, paid and insured off the register"),
        "0110" => ("在册在发，不在编、未参保", "employed and paid, nothing else"),
        "0101" => ("在册参保，不在编、未发工资", "employed and insured, nothing else"),
        "0100" => ("仅人事在册", "a personnel file alone"),
        "0011" => ("在发参保，编制、人事无记录", "paid and insured, unknown to register and personnel"),
        "0010" => ("仅有工资", "paid alone"),
        "0001" => ("仅参保", "insured alone"),
        "0000" => ("借入", "borrowed"),
        _ => ("有来源不可用或不可见", "a source is missing or may not be seen"),
    };
    lang.pick(zh, en)
}

fn people(out: &mut String, page: &UnitPage, rows: usize, lang: Lang) {
    heading(
        out,
        lang.pick(
            "人员（四位数依次为 编制 人事 工资 参保：1 有，0 无，? 不可用）",
            "People (register, personnel, salary, insurance: 1 yes, 0 no, ? not usable)",
        ),
    );
    for (pattern, people) in &page.matrix {
        let _ = writeln!(out, "  {pattern}  {}  {}", pad_left(&count(*people as i64), 6), meaning(pattern, lang));
    }
    for Group { title, people, .. } in &page.groups {
        let _ = writeln!(out, "\n  {} {}", lang.of(title), count(people.len() as i64));
        for it in people.iter().take(rows) {
            let _ = writeln!(out, "    {}", staff(it, lang).trim_end());
        }
        if people.len() > rows {
            let more = count((people.len() - rows) as i64);
            let _ = writeln!(
                out,
                "    {}",
                lang.pick(format!("另有 {more} 人，见 --rows 或 --json"), format!("{more} more, see --rows or --json"))
            );
        }
    }
}

fn staff(it: &Staff, lang: Lang) -> String {
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    format!("{} {} {}  {}", pad(&text(&it.name), 10), pad(&text(&it.id_number), 18), it.pattern(), remarks(it, lang).join(" · "))
}

/// What else there is to say of somebody.
pub fn remarks(it: &Staff, lang: Lang) -> Vec<String> {
    let mut facts: Vec<String> = it.quota().map(|it| lang.of(&it).to_owned()).into_iter().collect();
    facts.extend(it.entered_on.map(|on| lang.pick(format!("{on} 入编"), format!("since {on}"))));
    if it.on_register != Some(true) {
        let why = it.exit_reason.as_deref().and_then(|it| muster_core::codes::END_REASON.code(it)).map_or("", |it| lang.pick(it.zh, it.en));
        facts.extend(it.exited_on.map(|on| lang.pick(format!("{on} 出编 {why}"), format!("off on {on} {why}")).trim_end().to_owned()));
    }
    let flags = [(it.on_leave, "请假", "on leave"), (it.lent, "借出", "lent"), (it.borrowed, "借入", "borrowed")];
    facts.extend(flags.into_iter().filter(|it| it.0).map(|(_, zh, en)| lang.pick(zh, en).to_owned()));
    let months = it.retires_in_months.filter(|it| (1..=12).contains(it));
    facts.extend(months.map(|it| lang.pick(format!("{it} 个月内退休"), format!("retires within {it} months"))));
    facts
}

fn cases(out: &mut String, page: &UnitPage, lang: Lang) {
    heading(out, lang.pick("未结案件", "Open cases"));
    if page.cases.is_empty() {
        let _ = writeln!(out, "  {}", lang.pick("无", "none"));
    }
    for it in &page.cases {
        let about = if it.of_unit { lang.pick("单位", "unit") } else { lang.pick("个人", "person") };
        let rules: Vec<String> = it.rules.iter().map(|(id, title)| format!("{id} {}", lang.of(title))).collect();
        let mut facts = vec![format!("{:?}", it.severity), about.to_owned(), rules.join(lang.pick("；", "; "))];
        facts.extend(it.amount_fen.map(|it| format!("{} {}", yuan(it), lang.pick("元", "yuan"))));
        facts.extend(it.due.map(|it| lang.pick(format!("期限 {it}"), format!("due {it}"))));
        wrapped(out, &format!("  {}  ", it.number), &facts.join(" · "));
    }
}

fn history(out: &mut String, page: &UnitPage, lang: Lang) {
    if page.history.is_empty() {
        return;
    }
    heading(out, lang.pick("沿革", "History"));
    for it in page.history.iter().take(LINES_MAX) {
        let on = it.on.map_or_else(|| lang.pick("日期不详", "no date").to_owned(), |it| it.to_string());
        let document = it.document.as_deref().map(|it| format!(" · {it}")).unwrap_or_default();
        wrapped(out, &format!("  {}  ", pad(&on, 10)), &format!("{}{document}", lang.pick(&it.zh, &it.en)));
    }
    if page.history.len() > LINES_MAX {
        let more = page.history.len() - LINES_MAX;
        let _ = writeln!(out, "  {}", lang.pick(format!("另有 {more} 条，见 --json"), format!("{more} more, see --json")));
    }
}

fn references(out: &mut String, page: &UnitPage, lang: Lang) {
    heading(out, lang.pick("各来源怎样写这个单位", "How the sources write it"));
    if page.references.is_empty() {
        let _ = writeln!(out, "  {}", lang.pick("没有来源提到它", "no source mentions it"));
    }
    for it in page.references.iter().take(LINES_MAX) {
        let written = [&it.unit_code, &it.unit_name, &it.uscc].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        let method = it.method.as_deref().unwrap_or_default();
        let rows = lang.pick(format!("{} 行", count(it.rows)), format!("{} rows", count(it.rows)));
        wrapped(out, &format!("  {}", pad(&it.feed, 28)), &format!("{written} · {rows} · {method}"));
    }
    if page.references.len() > LINES_MAX {
        let more = page.references.len() - LINES_MAX;
        let _ = writeln!(out, "  {}", lang.pick(format!("另有 {more} 种写法，见 --json"), format!("{more} more, see --json")));
    }
}
