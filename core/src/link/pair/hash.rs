//! One hash for names and keys: the same on every machine and in every run.

/// Mixes another value in.
pub fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Ends a hash; never 0, which stands for nothing.
pub fn seal(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (hash ^ hash >> 29).max(1)
}

/// The hash of a text's bytes; 0 for an empty one.
pub fn text(text: &str) -> u64 {
    if text.is_empty() {
        return 0;
    }
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let hash = words.iter().fold(text.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    seal(rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte))))
}

/// The hash of several that all tell something; 0 where one does not.
pub fn all<const N: usize>(kind: u8, parts: [u64; N]) -> u64 {
    if parts.contains(&0) { 0 } else { seal(parts.into_iter().fold(u64::from(kind), mix)) }
}
