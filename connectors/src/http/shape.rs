//! Which columns a table of records has: found in its first records, for such a source has no catalogue.

use super::record::members;
use crate::PLACE_COLUMNS;
use crate::heading::as_asked;

/// The columns of a table, and where in a record each stands.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// Names as the mapping asks for them; the others as they stand, `dept.code` for what stands deeper.
    pub names: Vec<String>,
    /// The record itself.
    pub root: Node,
}

/// A name in a record.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// The column that its value is for.
    pub column: Option<usize>,
    /// What is looked for in it.
    pub children: Vec<(String, Node)>,
}

impl Node {
    /// What stands under `key`. Records name their columns in the same order mostly: `expected` is where the last search ended.
    pub(crate) fn child(&self, key: &str, expected: &mut usize) -> Option<&Node> {
        let count = self.children.len();
        let at = (0..count).map(|step| (*expected + step) % count).find(|at| self.children[*at].0 == key)?;
        *expected = at + 1;
        Some(&self.children[at].1)
    }

    fn under(&mut self, key: &str) -> &mut Node {
        let at = self.children.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
            self.children.push((key.to_owned(), Node::default()));
            self.children.len() - 1
        });
        &mut self.children[at].1
    }
}

impl Shape {
    /// Of columns that are named only.
    pub(crate) fn of(names: &[String]) -> Shape {
        let mut shape = Shape::default();
        for it in names {
            shape.add(it.clone(), &way(it));
        }
        shape
    }

    /// The columns of these records, spelt as asked. A column that stands in an object is found when it is asked for, and then the
    /// others beside it too.
    pub(crate) fn found<'a>(records: impl Iterator<Item = &'a [u8]>, asked: &[String]) -> Shape {
        let mut shape = Shape::default();
        for json in records.filter_map(|it| std::str::from_utf8(it).ok()) {
            shape.look(json, &mut Vec::new(), asked);
        }
        shape
    }

    /// Adds a column that no record has shown yet.
    pub(crate) fn named(&mut self, name: &str) {
        if !self.names.iter().any(|it| it == name) {
            self.add(name.to_owned(), &way(name));
        }
    }

    fn look(&mut self, json: &str, before: &mut Vec<String>, asked: &[String]) {
        for (key, value) in members(json).unwrap_or_default() {
            before.push(key);
            let inside: Vec<&String> = asked.iter().filter(|it| leads(before, &way(it))).collect();
            match value.as_bytes().first() {
                Some(b'{') if !inside.is_empty() => self.look(value, before, asked),
                Some(b'[') => {
                    self.meet(before, asked);
                    for it in inside {
                        self.named(it);
                    }
                }
                // Null where an object stands in other records is no column of its own.
                _ if inside.is_empty() => self.meet(before, asked),
                _ => {}
            }
            before.pop();
        }
    }

    /// A column as it was met in a record.
    fn meet(&mut self, way: &[String], asked: &[String]) {
        if self.knows(way) {
            return;
        }
        let plain = way.join(".");
        let pointer = format!("/{}", way.join("/"));
        let name = as_asked(&pointer, asked).or_else(|| as_asked(&plain, asked)).unwrap_or(plain);
        let taken = |name: &str| self.names.iter().any(|it| it == name) || PLACE_COLUMNS.contains(&name);
        let single = (2..).map(|nth| format!("{name}#{nth}"));
        let single = std::iter::once(name.clone()).chain(single).find(|it| !taken(it)).expect("numbers do not end");
        self.add(single, way);
    }

    fn knows(&self, way: &[String]) -> bool {
        let end = way.iter().try_fold(&self.root, |node, step| node.child(step, &mut 0));
        end.is_some_and(|it| it.column.is_some())
    }

    fn add(&mut self, name: String, way: &[String]) {
        let end = way.iter().fold(&mut self.root, |node, step| node.under(step));
        if end.column.is_none() {
            end.column = Some(self.names.len());
            self.names.push(name);
        }
    }
}

/// The steps of a column's name: `/dept/code` and `dept.code` stand in `dept`.
fn way(name: &str) -> Vec<String> {
    match name.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(|it| it.replace("~1", "/").replace("~0", "~")).collect(),
        None => name.split('.').map(str::to_owned).collect(),
    }
}

/// Whether `way` goes on after `before`.
fn leads(before: &[String], way: &[String]) -> bool {
    way.len() > before.len() && way.starts_with(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(records: &[&str], asked: &[&str], expected: &str) {
        let asked: Vec<String> = asked.iter().map(|it| (*it).to_owned()).collect();
        let shape = Shape::found(records.iter().map(|it| it.as_bytes()), &asked);
        assert_eq!(shape.names.join(" "), expected, "{records:?}");
    }

    #[test]
    fn columns_come_in_the_order_in_which_they_are_met() {
        check(&[r#"{"b":1,"a":2}"#, r#"{"c":null,"a":{"x":1}}"#, "3"], &[], "b a c");
        check(&[r#"{"ＳＦＺＨ":1,"_row":2}"#], &["sfzh"], "sfzh _row#2");
    }

    #[test]
    fn an_object_is_opened_when_something_in_it_is_asked_for() {
        check(&[r#"{"dept":{"code":1,"name":2},"x":{"y":1}}"#], &["dept.code"], "dept.code dept.name x");
        check(&[r#"{"dept":null,"n":1}"#, r#"{"dept":{"code":1}}"#], &["/dept/code"], "n /dept/code");
        check(&[r#"{"phones":[1,2]}"#], &["phones.0"], "phones phones.0");
    }
}
