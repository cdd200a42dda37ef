//! The two files as they come: columns of text, and what each column is about.

/// A column of text in one piece, because a million small strings are slow to make and to free.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    bytes: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Adds the next row; an empty text says nothing.
    pub fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    /// The text of a row, empty behind the end.
    pub fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends.get(row - 1).copied().unwrap_or(self.bytes.len()) };
        &self.bytes[start..self.ends.get(row).copied().unwrap_or(self.bytes.len())]
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// No rows at all.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

impl<'a> FromIterator<&'a str> for Texts {
    fn from_iter<T: IntoIterator<Item = &'a str>>(rows: T) -> Texts {
        let mut texts = Texts::default();
        rows.into_iter().for_each(|it| texts.push(it));
        texts
    }
}

/// What a further column of evidence is about; each kind has priors of its own in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// Where somebody works.
    Unit,
    /// A street, a house, a place, a district: a part of an address, or all of it.
    Address,
    /// A telephone number, an e-mail address: one person's, or a household's.
    Contact,
    /// Anything else that both files tell: a place of birth, an occupation.
    Other,
}

impl Evidence {
    /// The model's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Evidence::Unit => "unit",
            Evidence::Address => "address",
            Evidence::Contact => "contact",
            Evidence::Other => "other",
        }
    }
}

/// One file of people. A column that the file does not have is `None`, which is never an error: what is not told is no evidence.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// How many people.
    pub rows: usize,
    /// ID numbers, of any scheme.
    pub id: Option<Texts>,
    /// Names in one piece.
    pub name: Option<Texts>,
    /// Given names, where the file keeps them apart.
    pub given: Option<Texts>,
    /// Family names, where the file keeps them apart.
    pub family: Option<Texts>,
    /// Sex in any words.
    pub sex: Option<Texts>,
    /// Birth dates in any form.
    pub birth: Option<Texts>,
    /// Further evidence; the n-th column of one file is compared with the n-th of the other.
    pub more: Vec<(Evidence, Texts)>,
}

impl Side {
    /// Both files in one, the rows of the other behind this one's. A column that one of them does not have is empty there.
    #[must_use]
    pub fn with(&self, other: &Side) -> Side {
        let rows = self.rows + other.rows;
        let column = |one: Option<&Texts>, two: Option<&Texts>| {
            (one.is_some() || two.is_some()).then(|| {
                let own = (0..self.rows).map(|row| text(one, row));
                own.chain((0..other.rows).map(|row| text(two, row))).collect::<Texts>()
            })
        };
        let more = self.more.iter().zip(&other.more).map(|(a, b)| (a.0, column(Some(&a.1), Some(&b.1)).unwrap_or_default())).collect();
        Side {
            rows,
            id: column(self.id.as_ref(), other.id.as_ref()),
            name: column(self.name.as_ref(), other.name.as_ref()),
            given: column(self.given.as_ref(), other.given.as_ref()),
            family: column(self.family.as_ref(), other.family.as_ref()),
            sex: column(self.sex.as_ref(), other.sex.as_ref()),
            birth: column(self.birth.as_ref(), other.birth.as_ref()),
            more,
        }
    }
}

/// The text of a row of a column that may not be there.
pub fn text(column: Option<&Texts>, row: usize) -> &str {
    column.map_or("", |it| it.get(row))
}
