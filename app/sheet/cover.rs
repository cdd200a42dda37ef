//! The cover: can tonight be trusted, the published figures, what was found, what changed.

use muster_core::report::total::{Balance, at_stake_fen, by_family};
use muster_core::report::{Cell, Lang};
use rust_xlsxwriter::{ColNum, Format, RowNum, Worksheet, XlsxError};

use super::look::{self, Look, put, put_text};
use crate::case;
use crate::digest::{self, FeedState, Trust};
use crate::night::{FeedNight, Night};
use crate::words::count;

/// The grid that all sections share, in characters.
const WIDTHS: [f64; 10] = [28.0, 26.0, 14.0, 12.0, 12.0, 12.0, 15.0, 20.0, 20.0, 30.0];
const LAST: ColNum = WIDTHS.len() as ColNum - 1;

/// Writes the cover.
pub fn write(sheet: &mut Worksheet, night: &Night, look: &Look) -> Result<(), XlsxError> {
    let lang = look.lang;
    sheet.set_name(lang.pick("封面与统计", "Summary"))?.set_screen_gridlines(false);
    for (at, width) in WIDTHS.iter().enumerate() {
        sheet.set_column_width(at as ColNum, *width)?;
    }
    let mut page = Page { sheet, row: 0, look };
    page.title(night)?;
    page.headlines(night)?;
    page.trust(night)?;
    page.figures(night)?;
    page.found(night)?;
    page.skipped_rules(night)?;
    look::print_setup(sheet, look, lang.pick("封面与统计", "Summary"), None)
}

/// Where the next line goes.
struct Page<'a> {
    sheet: &'a mut Worksheet,
    row: RowNum,
    look: &'a Look,
}

impl Page<'_> {
    fn title(&mut self, night: &Night) -> Result<(), XlsxError> {
        let lang = self.look.lang;
        let title = format!("{} {}", lang.of(&night.city), look::report_name(lang));
        put_text(self.sheet, 0, 0, &title, &self.look.title)?;
        self.sheet.set_row_height(0, 34.0)?;
        let (people, units) = (count(night.people_count), count(night.units.len() as u64 + night.unlisted_units));
        let facts = match lang {
            Lang::Zh => format!("对账日 {}　　涉及 {people} 人、{units} 个单位", night.tonight),
            Lang::En => format!("Night of {}. {people} people and {units} units were told apart.", night.tonight),
        };
        let facts = facts + &digest::unlisted(night, lang);
        put_text(self.sheet, 1, 0, &facts, &self.look.hint)?;
        put_text(self.sheet, 2, 0, lang.pick(digest::LEADS_ONLY.0, digest::LEADS_ONLY.1), &self.look.hint)?;
        self.row = 3;
        if let Some(mark) = &self.look.mark {
            put_text(self.sheet, 3, 0, mark, &self.look.hint)?;
            self.row = 4;
        }
        self.gap()
    }

    /// Five numbers across the page, about as wide as each other.
    fn headlines(&mut self, night: &Night) -> Result<(), XlsxError> {
        let spans = [(0, 0), (1, 2), (3, 5), (6, 7), (8, 9)];
        for ((first, last), (number, caption)) in spans.into_iter().zip(digest::headlines(night, self.look.lang)) {
            self.across(self.row, (first, last), &number, &self.look.headline)?;
            self.across(self.row + 1, (first, last), caption, &self.look.caption)?;
        }
        self.sheet.set_row_height(self.row, 36.0)?.set_row_height(self.row + 1, 20.0)?;
        self.row += 2;
        self.gap()
    }

    fn trust(&mut self, night: &Night) -> Result<(), XlsxError> {
        let lang = self.look.lang;
        self.section(lang.pick("一、今晚的数据可信吗", "1. Can tonight be trusted?"))?;
        let trust = Trust::of(night);
        let verdict = self.look.colour(trust.colour()).clone().set_bold();
        self.sheet.merge_range(self.row, 0, self.row, LAST, &trust.sentence(lang), &verdict)?;
        self.sheet.set_row_height(self.row, 24.0)?;
        self.row += 1;
        self.heads(&lang.pick(
            ["数据源", "部门", "内容", "取得行数", "转换", "拒收", "搁置", "覆盖月份", "状态", "说明"],
            ["Feed", "Department", "Contents", "Pulled", "Mapped", "Rejected", "Set aside", "Months", "State", "Why"],
        ))?;
        for feed in &night.feeds {
            self.feed(feed)?;
        }
        self.gap()
    }

    fn feed(&mut self, feed: &FeedNight) -> Result<(), XlsxError> {
        let (look, lang) = (self.look, self.look.lang);
        let number = |it: Option<u64>| it.map_or(Cell::Blank, |it| Cell::Number(it as i64));
        let tally = feed.tally.as_ref();
        let why = digest::why_left_out(feed, lang);
        let department = lang.of(&feed.department);
        let tall = [look::lines(&why, 29), look::lines(department, 25), look::lines(&feed.feed, 27)].into_iter().max().unwrap_or(1);
        let state = FeedState::of(feed);
        self.line(
            &[
                (Cell::Text(feed.feed.clone()), &look.text),
                (Cell::Text(department.to_owned()), &look.text),
                (Cell::Text(digest::table_label(feed, lang)), &look.text),
                (number(tally.map(|it| it.pulled)), &look.number),
                (number(tally.map(|it| it.mapped)), &look.number),
                (number(tally.map(|it| it.rejected)), &look.quiet),
                (number(tally.map(|it| it.set_aside)), &look.quiet),
                (Cell::Text(tally.map(|it| digest::covers(it, lang)).unwrap_or_default()), &look.middle),
                (Cell::Text(state.word(lang).to_owned()), look.colour(state.colour())),
                (Cell::Text(why), &look.text),
            ],
            tall,
        )
    }

    fn figures(&mut self, night: &Night) -> Result<(), XlsxError> {
        let (look, lang) = (self.look, self.look.lang);
        self.section(lang.pick("二、编制和人员", "2. Establishment and staff"))?;
        self.heads(&lang.pick(
            ["类别", "核定编制", "实有人员", "净空编", "空编合计", "超编合计", "空编率"],
            ["", "Approved", "Actual", "Net vacant", "Vacancies", "Excess", "Vacancy rate"],
        ))?;
        for (at, (name, line)) in digest::figure_lines(&night.figures, lang).into_iter().enumerate() {
            let (text, number, percent) =
                if at == 2 { (&look.sum_text, &look.sum, &look.sum_percent) } else { (&look.text, &look.number, &look.percent) };
            let rate = line.vacancy_rate().map_or(Cell::Blank, |it| Cell::Share(it as f32));
            let mut cells = vec![(Cell::Text(name.to_owned()), text)];
            cells.extend([line.approved, line.actual, line.net(), line.vacant, line.over].map(|it| (Cell::Number(it), number)));
            cells.push((rate, percent));
            self.line(&cells, 1)?;
        }
        // The counts stand beside the table, one column apart.
        let beside = self.row - 4;
        for (at, (name, it)) in digest::figure_counts(&night.figures, lang).into_iter().enumerate() {
            let at = beside + at as RowNum;
            put_text(self.sheet, at, 8, name, &look.text)?;
            put(self.sheet, at, 9, &Cell::Number(it as i64), &look.number)?;
        }
        self.gap()
    }

    fn found(&mut self, night: &Night) -> Result<(), XlsxError> {
        let (look, lang) = (self.look, self.look.lang);
        self.section(lang.pick("三、未结线索（待核实）与今晚的变化", "3. Open leads, to be verified, and what changed tonight"))?;
        let heads = lang.pick(
            ["类别", "S1 特急", "S2 高", "S3 中", "S4 低", "案件合计", "涉及金额（元）"],
            ["Family", "S1 gravest", "S2 high", "S3 medium", "S4 low", "Cases", "Amount (CNY)"],
        );
        let top = self.row;
        self.heads(&heads)?;
        let (mut by_severity, mut cases) = ([0; 4], 0);
        for total in by_family(&night.cases) {
            self.total(
                digest::leads_of(total.family, lang),
                total.by_severity,
                total.cases,
                total.amount_fen,
                [&look.text, &look.quiet, &look.money],
            )?;
            for (sum, it) in by_severity.iter_mut().zip(total.by_severity) {
                *sum += it;
            }
            cases += total.cases;
        }
        let amount_fen = at_stake_fen(&night.cases);
        self.total(lang.pick("合计", "Total").to_owned(), by_severity, cases, amount_fen, [&look.sum_text, &look.sum, &look.sum_money])?;
        // The balance stands beside the table, one column apart, and may be the longer of the two.
        self.row = self.row.max(self.balance(night, top)?);
        if let Some(amounts) = &night.amounts {
            let words = case::amount_words(amounts, lang).join(" · ");
            put_text(
                self.sheet,
                self.row,
                0,
                &format!("{}{words}", lang.pick("全部案件累计（元）：", "All cases to date (CNY): ")),
                &self.look.hint,
            )?;
            self.row += 1;
        }
        self.hint(lang.pick(
            "每案按其最高级别计一次；同案数条规则涉及同一笔钱时取最大者；合计中同一人同一月的钱只计一次，可能小于各类之和。",
            "A case counts once, under its gravest rule and with its largest amount; in the total, the money of one person and month counts once, so it may be less than the families' sum.",
        ))
    }

    fn total(&mut self, name: String, by_severity: [u64; 4], cases: u64, amount_fen: i64, formats: [&Format; 3]) -> Result<(), XlsxError> {
        let [text, number, money] = formats;
        let mut cells = vec![(Cell::Text(name), text)];
        cells.extend(by_severity.iter().chain([&cases]).map(|it| (Cell::Number(*it as i64), number)));
        cells.push((Cell::Money(amount_fen), money));
        self.line(&cells, 1)
    }

    /// The six numbers that must add up, from row `top`; gives the row after them.
    fn balance(&mut self, night: &Night, top: RowNum) -> Result<RowNum, XlsxError> {
        let (look, lang) = (self.look, self.look.lang);
        let balance = Balance::of(&night.cases, &night.events);
        let holds = if balance.holds() { lang.pick("✓ 平衡", "✓ balances") } else { lang.pick("✗ 不平", "✗ does not balance") };
        put_text(self.sheet, top, 8, lang.pick("案件", "Cases"), &look.head)?;
        put_text(self.sheet, top, 9, holds, if balance.holds() { &look.good } else { &look.bad })?;
        let lines = [
            (lang.pick("昨日未结", "Open before"), balance.open_before),
            (lang.pick("＋ 新增", "+ new"), balance.opened),
            (lang.pick("＋ 重现", "+ reopened"), balance.reopened),
            (lang.pick("－ 自动销号", "- cured"), balance.cured),
            (lang.pick("－ 已有结论", "- decided"), balance.decided),
            (lang.pick("＝ 今日未结", "= open tonight"), balance.open_tonight),
        ];
        let mut row = top;
        for (at, (name, it)) in lines.into_iter().enumerate() {
            let (text, number) = if at == 5 { (&look.sum_text, &look.sum) } else { (&look.text, &look.number) };
            row += 1;
            put_text(self.sheet, row, 8, name, text)?;
            put(self.sheet, row, 9, &Cell::Number(it as i64), number)?;
        }
        Ok(row + 1)
    }

    fn skipped_rules(&mut self, night: &Night) -> Result<(), XlsxError> {
        let (look, lang) = (self.look, self.look.lang);
        let skipped: Vec<_> = night.rules.iter().filter_map(|it| Some((it, it.skipped.as_ref()?))).collect();
        let ran = night.rules.len() - skipped.len();
        self.section(&match lang {
            Lang::Zh => format!("四、规则：运行 {ran} 条，未运行 {} 条", skipped.len()),
            Lang::En => format!("4. Rules: {ran} ran, {} did not", skipped.len()),
        })?;
        if !skipped.is_empty() {
            self.heads(&lang.pick(["规则", "级别"], ["Rule", "Severity"]))?;
            self.sheet.merge_range(self.row - 1, 2, self.row - 1, LAST, lang.pick("未运行的原因", "Why it did not run"), &look.head)?;
        }
        for (rule, why) in skipped {
            let name = format!("{} {}", rule.id, lang.of(&rule.title));
            let why = lang.pick(why.zh.as_str(), why.en.as_str());
            self.sheet.merge_range(self.row, 2, self.row, LAST, why, &look.text)?;
            let tall = look::lines(&name, 25).max(look::lines(why, 150));
            self.line(&[(Cell::Text(name), &look.text), (Cell::Text(format!("{:?}", rule.severity)), &look.middle)], tall)?;
        }
        self.hint(lang.pick(
            "每条规则的含义、依据与今晚结果见《规则说明》。",
            "The sheet “Rules” says what each rule means and what it found tonight.",
        ))
    }

    /// Text across some columns; Excel cannot merge a single cell.
    fn across(&mut self, row: RowNum, cols: (ColNum, ColNum), text: &str, format: &Format) -> Result<(), XlsxError> {
        if cols.0 == cols.1 {
            return put_text(self.sheet, row, cols.0, text, format);
        }
        self.sheet.merge_range(row, cols.0, row, cols.1, text, format)?;
        Ok(())
    }

    fn section(&mut self, title: &str) -> Result<(), XlsxError> {
        put_text(self.sheet, self.row, 0, title, &self.look.section)?;
        for col in 1..=LAST {
            self.sheet.write_blank(self.row, col, &self.look.section)?;
        }
        self.sheet.set_row_height(self.row, 24.0)?;
        self.row += 1;
        Ok(())
    }

    fn heads(&mut self, titles: &[&str]) -> Result<(), XlsxError> {
        for (at, title) in titles.iter().enumerate() {
            put_text(self.sheet, self.row, at as ColNum, title, &self.look.head)?;
        }
        self.sheet.set_row_height(self.row, 22.0)?;
        self.row += 1;
        Ok(())
    }

    fn line(&mut self, cells: &[(Cell, &Format)], tall: usize) -> Result<(), XlsxError> {
        for (at, (cell, format)) in cells.iter().enumerate() {
            put(self.sheet, self.row, at as ColNum, cell, format)?;
        }
        self.sheet.set_row_height(self.row, look::height(tall))?;
        self.row += 1;
        Ok(())
    }

    fn hint(&mut self, text: &str) -> Result<(), XlsxError> {
        put_text(self.sheet, self.row, 0, text, &self.look.hint)?;
        self.row += 1;
        self.gap()
    }

    /// Half a line between sections, so that a small city's cover is one page.
    fn gap(&mut self) -> Result<(), XlsxError> {
        self.sheet.set_row_height(self.row, 7.0)?;
        self.row += 1;
        Ok(())
    }
}
