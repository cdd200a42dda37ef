//! The binary format of COPY: a head, rows, an end.
//!
//! <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4>. Messages of the protocol need not end where rows end.

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
const HEAD_BYTES: usize = 19;

/// What stands first in some bytes, and how many of them it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Head(usize),
    /// The fields begin behind two bytes.
    Row(usize),
    /// No rows come any more.
    End,
    /// More bytes must come first.
    Part,
    /// This is not the format, or not of so many columns.
    Wrong,
}

/// Looks at the first bytes of a COPY.
pub(super) fn head(bytes: &[u8]) -> First {
    if !SIGNATURE.starts_with(&bytes[..bytes.len().min(SIGNATURE.len())]) {
        return First::Wrong;
    }
    let Some(extension) = bytes.get(HEAD_BYTES - 4..HEAD_BYTES).and_then(|it| it.try_into().ok()).map(u32::from_be_bytes) else {
        return First::Part;
    };
    let end = HEAD_BYTES + extension as usize;
    if bytes.len() < end { First::Part } else { First::Head(end) }
}

/// Looks for a whole row of so many columns.
pub(super) fn row(bytes: &[u8], columns: usize) -> First {
    let Some(count) = bytes.get(..2).map(|it| i16::from_be_bytes([it[0], it[1]])) else { return First::Part };
    if count == -1 {
        return First::End;
    }
    if usize::try_from(count) != Ok(columns) {
        return First::Wrong;
    }
    let mut at = 2;
    for _ in 0..columns {
        let Some(length) = length(&bytes[at..]) else { return First::Part };
        at += 4;
        match usize::try_from(length) {
            Ok(length) => at += length,
            Err(_) if length == -1 => {}
            Err(_) => return First::Wrong,
        }
        if at > bytes.len() {
            return First::Part;
        }
    }
    First::Row(at)
}

/// The first field of a whole row's fields, null where it is NULL, and the others.
pub(super) fn field(fields: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let length = length(fields)?;
    let rest = &fields[4..];
    match usize::try_from(length) {
        Ok(length) => rest.split_at_checked(length).map(|(field, rest)| (Some(field), rest)),
        Err(_) => Some((None, rest)),
    }
}

fn length(bytes: &[u8]) -> Option<i32> {
    bytes.get(..4).and_then(|it| it.try_into().ok()).map(i32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(rows: &[Vec<Option<Vec<u8>>>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for row in rows {
            bytes.extend((row.len() as i16).to_be_bytes());
            for cell in row {
                bytes.extend(cell.as_ref().map_or(-1, |it| it.len() as i32).to_be_bytes());
                bytes.extend(cell.iter().flatten());
            }
        }
        bytes.extend((-1_i16).to_be_bytes());
        bytes
    }

    proptest! {
        #[test]
        fn rows_come_as_they_were_written_and_a_part_of_one_is_never_a_row(
            rows in prop::collection::vec(prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..5)), 3), 0..4),
            noise in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let bytes = written(&rows);
            let mut rest = bytes.as_slice();
            for expected in &rows {
                let First::Row(end) = row(rest, 3) else { panic!("no row in {rest:?}") };
                for cut in 0..end {
                    prop_assert_eq!(row(&rest[..cut], 3), First::Part);
                }
                let mut fields = &rest[2..end];
                for cell in expected {
                    let (found, others) = field(fields).expect("a field");
                    prop_assert_eq!(found, cell.as_deref());
                    fields = others;
                }
                rest = &rest[end..];
            }
            prop_assert_eq!(row(rest, 3), First::End);
            // Whatever comes, it does not panic.
            let _ = (row(&noise, 3), head(&noise), field(&noise));
        }
    }

    #[test]
    fn the_head_is_looked_at() {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 2, 9, 9]);
        assert_eq!(head(&bytes), First::Head(21));
        assert!((0..21).all(|cut| head(&bytes[..cut]) == First::Part));
        assert_eq!(head(b"PGCOPX\n"), First::Wrong);
        assert_eq!(row(&[0, 2], 3), First::Wrong);
        assert_eq!(row(&[0, 1, 0xff, 0xff, 0xff, 0xfe], 1), First::Wrong);
    }
}
