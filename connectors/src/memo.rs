//! The long texts beside a dBASE table: `.dbt` of dBASE III and IV, `.fpt` of FoxPro.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// No memo of a register is longer; a greater length is a damaged one.
const LONGEST_BYTES: usize = 64 << 20;

/// A memo file.
pub(crate) struct Memos {
    file: File,
    kind: Memo,
    block_bytes: u64,
}

/// How a memo begins and ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memo {
    /// Text up to the end mark of DOS.
    Three,
    /// A mark and the length, the small byte first.
    Four,
    /// A kind and the length, the great byte first.
    Fox,
}

impl Memos {
    /// Opens the memo file of a table of this `version`.
    pub(crate) fn open(path: &Path, version: u8) -> io::Result<Memos> {
        let file = File::open(path)?;
        let kind = match version {
            0x03 | 0x83 => Memo::Three,
            0x30..=0x32 | 0xf5 | 0xfb => Memo::Fox,
            _ => Memo::Four,
        };
        let mut header = [0; 32];
        file.read_exact_at(&mut header, 0)?;
        let block_bytes = match kind {
            Memo::Three => 512,
            Memo::Four => match u16::from_le_bytes([header[20], header[21]]) {
                0 => 512,
                bytes => bytes,
            },
            Memo::Fox => match u16::from_be_bytes([header[6], header[7]]) {
                // SET BLOCKSIZE TO 0
                0 => 1,
                bytes => bytes,
            },
        };
        Ok(Memos { file, kind, block_bytes: u64::from(block_bytes) })
    }

    /// The text that begins in `block`.
    pub(crate) fn read(&self, block: u32) -> io::Result<Vec<u8>> {
        let at = u64::from(block) * self.block_bytes;
        if self.kind == Memo::Three {
            return self.read_to_mark(at);
        }
        let mut head = [0; 8];
        self.file.read_exact_at(&mut head, at)?;
        let four = |at: usize| [head[at], head[at + 1], head[at + 2], head[at + 3]];
        let length = match self.kind {
            Memo::Four if head[..2] == [0xff, 0xff] => (u32::from_le_bytes(four(4)) as usize).checked_sub(8),
            Memo::Four => return self.read_to_mark(at),
            _ => Some(u32::from_be_bytes(four(4)) as usize),
        };
        let length = length.filter(|it| *it <= LONGEST_BYTES).ok_or_else(|| io::Error::other("a memo without a length"))?;
        let mut text = vec![0; length];
        self.file.read_exact_at(&mut text, at + 8)?;
        Ok(text)
    }

    fn read_to_mark(&self, mut at: u64) -> io::Result<Vec<u8>> {
        let (mut text, mut buffer) = (Vec::new(), [0; 512]);
        loop {
            let read = self.file.read_at(&mut buffer, at)?;
            let end = buffer[..read].iter().position(|it| *it == 0x1a);
            text.extend_from_slice(&buffer[..end.unwrap_or(read)]);
            if end.is_some() {
                return Ok(text);
            }
            if read == 0 || text.len() > LONGEST_BYTES {
                return Err(io::Error::other("a memo without an end"));
            }
            at += read as u64;
        }
    }
}
