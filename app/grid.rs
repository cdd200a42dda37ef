//! A table in a terminal: the first column is text, the others are numbers, and a Chinese character takes two columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::words::{pad, pad_left};

/// Columns that the first cell takes at most.
const NAME_MAX: usize = 36;

/// Rows of cells, with or without a head and a sum.
#[derive(Default)]
pub struct Grid {
    head: Option<Vec<String>>,
    rows: Vec<Vec<String>>,
    sum: Option<Vec<String>>,
}

impl Grid {
    /// Without rows.
    pub fn new() -> Grid {
        Grid::default()
    }

    /// Sets the head.
    pub fn head(&mut self, cells: Vec<String>) {
        self.head = Some(cells);
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Sets the sum.
    pub fn sum(&mut self, cells: Vec<String>) {
        self.sum = Some(cells);
    }

    /// As text, indented by two.
    pub fn text(&self) -> String {
        let all = || self.head.iter().chain(&self.rows).chain(&self.sum);
        let columns = all().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(|at| all().filter_map(|it| it.get(at)).map(|it| it.width()).max().unwrap_or(0)).collect();
        let name = widths.first().copied().unwrap_or(0).min(NAME_MAX);
        let line = |cells: &Vec<String>| {
            let mut text = format!("  {}", cells.first().map_or_else(String::new, |it| pad(&cut(it, name), name)));
            for (cell, width) in cells.iter().zip(&widths).skip(1) {
                text.push_str("  ");
                text.push_str(&pad_left(cell, *width));
            }
            text.trim_end().to_owned() + "\n"
        };
        let rule = format!("  {}\n", "─".repeat(name + widths.iter().skip(1).map(|it| it + 2).sum::<usize>()));
        let mut text = String::new();
        if let Some(head) = &self.head {
            text.push_str(&line(head));
            text.push_str(&rule);
        }
        self.rows.iter().for_each(|it| text.push_str(&line(it)));
        if let Some(sum) = &self.sum {
            text.push_str(&rule);
            text.push_str(&line(sum));
        }
        text
    }
}

/// The beginning of a text that is too wide.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut short, mut used) = (String::new(), 1);
    for it in text.chars() {
        used += it.width().unwrap_or(0);
        if used > width {
            break;
        }
        short.push(it);
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_columns_align() {
        let mut grid = Grid::new();
        grid.head(vec!["单位".into(), "核定".into(), "Over".into()]);
        grid.row(vec!["教育局".into(), "1,234".into(), "5".into()]);
        grid.sum(vec!["合计".into(), "1,234".into(), "5".into()]);
        let text = grid.text();
        let widths: Vec<usize> = text.lines().map(UnicodeWidthStr::width).collect();
        assert!(widths.iter().all(|it| *it == widths[0]), "{text}");
        assert_eq!(cut("市场监督管理局", 9), "市场监督…");
    }
}
