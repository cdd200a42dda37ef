//! Rows that belong together, joined pair by pair.

use hashbrown::HashMap;

/// Groups of rows; a row that was never joined is alone.
#[derive(Debug, Default)]
pub struct Groups {
    /// By row: the first row of its group.
    first: HashMap<u32, u32>,
    /// By first row: all rows of the group, in order.
    rows: HashMap<u32, Vec<u32>>,
}

impl Groups {
    /// The row that stands for a row's group: the smallest of it.
    pub fn first(&self, row: u32) -> u32 {
        self.first.get(&row).copied().unwrap_or(row)
    }

    /// The rows of a row's group, in order.
    pub fn rows(&self, row: u32) -> Vec<u32> {
        self.rows.get(&self.first(row)).cloned().unwrap_or_else(|| vec![row])
    }

    /// Whether two rows are in one group.
    pub fn together(&self, one: u32, other: u32) -> bool {
        self.first(one) == self.first(other)
    }

    /// Joins two rows' groups.
    pub fn join(&mut self, one: u32, other: u32) {
        if self.together(one, other) {
            return;
        }
        let mut rows = [self.rows(one), self.rows(other)].concat();
        rows.sort_unstable();
        for row in &rows {
            self.rows.remove(row);
            self.first.insert(*row, rows[0]);
        }
        self.rows.insert(rows[0], rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_rows_are_together() {
        let mut groups = Groups::default();
        for (one, other) in [(5, 7), (9, 2), (7, 9), (20, 21)] {
            groups.join(one, other);
        }
        assert!(groups.together(5, 2) && groups.together(20, 21) && groups.together(3, 3));
        assert!(!groups.together(5, 20) && !groups.together(1, 2));
        assert_eq!((groups.first(7), groups.rows(5), groups.rows(3)), (2, vec![2, 5, 7, 9], vec![3]));
    }
}
