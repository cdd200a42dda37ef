//! A line of a file or sheet as cells of text.

/// The cells of one line, in one buffer that is used again for the next line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    text: String,
    /// Where each cell stands in `text`; [`NONE`] where there is none.
    cells: Vec<(usize, usize)>,
}

const NONE: (usize, usize) = (usize::MAX, usize::MAX);

impl Row {
    /// Forgets the cells and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }

    /// Adds a cell.
    pub(crate) fn push(&mut self, cell: Option<&str>) {
        let from = self.text.len();
        self.text.push_str(cell.unwrap_or_default());
        self.cells.push(if cell.is_some() { (from, self.text.len()) } else { NONE });
    }

    /// Adds a cell of what `write` appends.
    pub(crate) fn push_with(&mut self, write: impl FnOnce(&mut String)) {
        let from = self.text.len();
        write(&mut self.text);
        self.cells.push((from, self.text.len()));
    }

    /// Adds the next cell of the line that [`Row::take_line`] will take: it goes from `from` to `to` there, and is none when it is empty.
    #[inline]
    pub(crate) fn push_place(&mut self, from: usize, to: usize) {
        self.cells.push(if from == to { NONE } else { (from, to) });
    }

    /// Takes the line whose cells were placed: one copy for all of them.
    #[inline]
    pub(crate) fn take_line(&mut self, line: &str) {
        self.text.push_str(line);
    }

    /// Adds empty places until there are `len`.
    pub(crate) fn pad(&mut self, len: usize) {
        if self.cells.len() < len {
            self.cells.resize(len, NONE);
        }
    }

    /// How many places the line has, empty ones included.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// A cell as it stands; null where there is none.
    #[inline]
    pub(crate) fn cell(&self, at: usize) -> Option<&str> {
        let (from, to) = *self.cells.get(at)?;
        self.text.get(from..to)
    }

    /// A cell without the blanks around it; empty where there is none.
    pub(crate) fn trimmed(&self, at: usize) -> &str {
        let cell = self.cell(at).unwrap_or_default();
        match cell.as_bytes() {
            // Nearly every cell of digits and letters: nothing to decode.
            [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] => cell,
            _ => cell.trim_matches(is_blank),
        }
    }

    /// The cells that hold something, with their places, without the blanks around them.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (usize, &str)> {
        (0..self.len()).map(|at| (at, self.trimmed(at))).filter(|(_, cell)| !cell.is_empty())
    }

    /// Whether no cell holds anything.
    pub(crate) fn is_blank(&self) -> bool {
        self.filled().next().is_none()
    }

    /// What the line says, for titles and skipped lines.
    pub(crate) fn said(&self) -> String {
        let mut said = String::new();
        for (_, cell) in self.filled() {
            if !said.is_empty() {
                said.push(' ');
            }
            said.push_str(cell);
        }
        said
    }
}

/// White space, zero-width characters and the end-of-file mark of DOS.
pub(crate) fn is_blank(it: char) -> bool {
    it.is_whitespace() || matches!(it, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{1a}')
}

/// A row of these cells, for tests; `~` is a place without a cell.
#[cfg(test)]
pub(crate) fn row(cells: &[&str]) -> Row {
    let mut row = Row::default();
    for cell in cells {
        row.push((*cell != "~").then_some(*cell));
    }
    row
}
