//! Messages, packets and the tokens of an answer (MS-TDS 2.2.3 and 2.2.7).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::types::{Kind, Value};

/// A line in both directions, whatever it runs over.
pub trait Line: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

/// The last packet of a message.
const LAST: u8 = 1;
const HEADER_BYTES: usize = 8;
/// Rows are sent when so much has come together.
const WAITING_BYTES: usize = 64 << 10;

/// Bits of a DONE token.
pub const DONE_ERROR: u16 = 0x0002;
pub const DONE_COUNT: u16 = 0x0010;
pub const DONE_ATTENTION: u16 = 0x0020;

/// A whole message of the client, and its type.
pub async fn read_message(line: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let mut body = Vec::new();
    loop {
        let mut header = [0; HEADER_BYTES];
        line.read_exact(&mut header).await?;
        let bytes = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let at = body.len();
        body.resize(at + bytes.checked_sub(HEADER_BYTES).ok_or(io::ErrorKind::InvalidData)?, 0);
        line.read_exact(&mut body[at..]).await?;
        if header[1] & LAST == LAST {
            return Ok((header[0], body));
        }
    }
}

/// An answer on its way.
pub struct Answer<'a, W> {
    line: &'a mut W,
    pub tokens: Vec<u8>,
    packet_bytes: usize,
    packet: u8,
    /// After so many bytes the line is cut.
    left: Option<usize>,
}

impl<'a, W: AsyncWrite + Unpin> Answer<'a, W> {
    pub fn new(line: &'a mut W, packet_bytes: usize) -> Answer<'a, W> {
        Answer { line, tokens: Vec::new(), packet_bytes, packet: 1, left: None }
    }

    pub fn cut_after(&mut self, bytes: usize) {
        self.left = Some(bytes);
    }

    /// Sends whole packets once enough has come together. Whether anything was sent.
    pub async fn send_some(&mut self) -> io::Result<bool> {
        if self.tokens.len() < WAITING_BYTES {
            return Ok(false);
        }
        self.send(false).await?;
        Ok(true)
    }

    /// Sends what there is; the last packet of the answer is marked.
    pub async fn send(&mut self, last: bool) -> io::Result<()> {
        let room = self.packet_bytes - HEADER_BYTES;
        let mut wire = Vec::with_capacity(self.tokens.len() + self.tokens.len() / room * HEADER_BYTES + HEADER_BYTES);
        let mut at = 0;
        while self.tokens.len() - at > room || (last && at < self.tokens.len()) {
            let bytes = room.min(self.tokens.len() - at);
            let is_last = last && at + bytes == self.tokens.len();
            wire.extend([4, u8::from(is_last)]);
            wire.extend(((bytes + HEADER_BYTES) as u16).to_be_bytes());
            wire.extend([0, 0, self.packet, 0]);
            self.packet = self.packet.wrapping_add(1);
            wire.extend(&self.tokens[at..at + bytes]);
            at += bytes;
        }
        self.tokens.drain(..at);
        if let Some(left) = &mut self.left {
            if wire.len() >= *left {
                self.line.write_all(&wire[..*left]).await?;
                self.line.flush().await?;
                return Err(io::Error::other("cut on cue"));
            }
            *left -= wire.len();
        }
        self.line.write_all(&wire).await?;
        self.line.flush().await
    }

    /// Sends everything without ending the message: rows whose answer goes on.
    pub async fn send_open(&mut self) -> io::Result<()> {
        self.send(false).await?;
        if self.tokens.is_empty() {
            return Ok(());
        }
        let mut wire = vec![4, 0];
        wire.extend(((self.tokens.len() + HEADER_BYTES) as u16).to_be_bytes());
        wire.extend([0, 0, self.packet, 0]);
        wire.append(&mut self.tokens);
        self.line.write_all(&wire).await?;
        self.line.flush().await
    }

    pub fn columns(&mut self, columns: &[(String, Kind)]) {
        self.tokens.push(0x81);
        self.tokens.extend((columns.len() as u16).to_le_bytes());
        for (name, kind) in columns {
            self.tokens.extend([0, 0, 0, 0, 0x09, 0x00]);
            kind.describe(&mut self.tokens);
            short_text(name, &mut self.tokens);
        }
    }

    pub fn row(&mut self, columns: &[(String, Kind)], values: &[Value], packed: bool) {
        write_row(columns, values, packed, &mut self.tokens);
    }

    /// DONE for a batch, DONEPROC behind a return status for a procedure call.
    pub fn done(&mut self, status: u16, rows: u64, call: bool) {
        if call {
            self.tokens.extend([0x79, 0, 0, 0, 0]);
        }
        self.tokens.push(if call { 0xfe } else { 0xfd });
        self.tokens.extend(status.to_le_bytes());
        self.tokens.extend([0xc1, 0]);
        self.tokens.extend(rows.to_le_bytes());
    }

    pub fn error(&mut self, number: i32, class: u8, text: &str) {
        self.message(0xaa, number, class, text);
    }

    pub fn info(&mut self, number: i32, text: &str) {
        self.message(0xab, number, 0, text);
    }

    fn message(&mut self, token: u8, number: i32, class: u8, text: &str) {
        let mut body = number.to_le_bytes().to_vec();
        body.extend([1, class]);
        long_text(text, &mut body);
        short_text("LISTENER", &mut body);
        short_text("", &mut body);
        body.extend(1_i32.to_le_bytes());
        self.counted(token, &body);
    }

    /// ENVCHANGE with two texts.
    pub fn changed(&mut self, what: u8, new: &str, old: &str) {
        let mut body = vec![what];
        short_text(new, &mut body);
        short_text(old, &mut body);
        self.counted(0xe3, &body);
    }

    /// ENVCHANGE of a transaction: begun (8) or rolled back (10).
    pub fn transaction(&mut self, what: u8, id: u64) {
        let mut body = vec![what];
        let (new, old): (&[u8], &[u8]) = if what == 8 { (&id.to_le_bytes(), &[]) } else { (&[], &id.to_le_bytes()) };
        for bytes in [new, old] {
            body.push(bytes.len() as u8);
            body.extend(bytes);
        }
        self.counted(0xe3, &body);
    }

    pub fn login_ack(&mut self, major: u8) {
        let mut body = vec![1, 0x74, 0x00, 0x00, 0x04];
        short_text("Microsoft SQL Server", &mut body);
        body.extend([major, 0, 0, 0]);
        self.counted(0xad, &body);
    }

    fn counted(&mut self, token: u8, body: &[u8]) {
        self.tokens.push(token);
        self.tokens.extend((body.len() as u16).to_le_bytes());
        self.tokens.extend(body);
    }
}

/// ROW, or NBCROW with a bit for each null.
pub fn write_row(columns: &[(String, Kind)], values: &[Value], packed: bool, out: &mut Vec<u8>) {
    out.push(if packed { 0xd2 } else { 0xd1 });
    if packed {
        let bits = values.chunks(8).map(|it| it.iter().enumerate().map(|(at, it)| u8::from(*it == Value::Null) << at).sum::<u8>());
        out.extend(bits);
    }
    for ((_, kind), value) in columns.iter().zip(values) {
        if !(packed && *value == Value::Null) {
            kind.write(value, out);
        }
    }
}

fn short_text(text: &str, out: &mut Vec<u8>) {
    out.push(text.encode_utf16().count() as u8);
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
}

fn long_text(text: &str, out: &mut Vec<u8>) {
    out.extend((text.encode_utf16().count() as u16).to_le_bytes());
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
}

pub fn utf16(bytes: &[u8]) -> String {
    String::from_utf16_lossy(&bytes.chunks_exact(2).map(|it| u16::from_le_bytes([it[0], it[1]])).collect::<Vec<_>>())
}
