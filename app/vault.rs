//! The keys of an installation, and what they seal: personal data is nowhere on disk in clear.
//!
//! A *master key* seals no data. It wraps the *data keys*: one for every file, one for the texts of the store. So master keys change
//! (`muster key rotate`) without the data being written anew. Everything is AES-256-GCM.
//!
//! | what                        | how                                                                                              |
//! |-----------------------------|--------------------------------------------------------------------------------------------------|
//! | tables (`*.parquet`)        | Parquet modular encryption, footer and columns under the file's data key, which the footer names  |
//! | other files (`*.sealed`)    | the wrapped data key, then pieces of 64 KiB, each with its number and whether it is the last       |
//! | texts of the store          | `sealed:` and base64 of nonce and sealed text, under the store's data key (table `sealing_key`)    |
//!
//! The key file has a line `hash` and, the newest first, lines `seal`. The first mixes into the hashes of ID numbers and accounts, by
//! which people and accounts are compared from night to night; it never changes.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::encryption::decrypt::{FileDecryptionProperties, KeyRetriever};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesBuilder;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

use crate::words::hex;

/// Length of every key.
const KEY: usize = 32;
const NONCE: usize = 12;
const TAG: usize = 16;
/// What a wrapped key begins with; so it is found in a footer.
const MAGIC: &[u8; 8] = b"musterK1";
const ID: usize = 8;
/// Length of a wrapped key: magic, id of the master key, nonce, sealed key.
const WRAPPED: usize = MAGIC.len() + ID + NONCE + KEY + TAG;
/// Clear bytes of a piece of a sealed file.
const PIECE: usize = 64 * 1024;
/// What a sealed text begins with.
pub const TEXT: &str = "sealed:";

/// Why something cannot be opened. Quotes nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Shut {
    /// Its master key is not among ours.
    #[error("it is sealed with the key {0}, which is not among the keys given")]
    NoKey(String),
    /// It is sealed under our keys, but its people have other lasting keys.
    #[error("the line `hash` of the key file is not the one that this data was made with; restore the right key file")]
    OtherHash,
    /// It should be sealed.
    #[error("it is not sealed; muster writes nothing in clear here")]
    Clear,
    /// It is not what was sealed.
    #[error("it is damaged, or was changed by somebody without the key")]
    Damaged,
}

/// The keys of one installation.
pub struct Vault {
    hash: String,
    masters: Arc<Vec<Master>>,
}

struct Master {
    id: String,
    key: LessSafeKey,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("keys", &self.ids()).finish_non_exhaustive()
    }
}

impl Vault {
    /// Reads a key file, or the same lines parted by commas. The message quotes nothing of it.
    pub fn read(text: &str) -> Result<Vault, String> {
        let (mut hash, mut masters) = (None, Vec::new());
        let lines = text.lines().enumerate().filter(|(_, it)| !it.trim_start().starts_with('#'));
        let keys = lines.flat_map(|(at, line)| line.split(',').map(move |it| (at, it.trim())));
        for (at, line) in keys.filter(|(_, it)| !it.is_empty()) {
            let wrong = |why: &str| format!("line {}: {why}", at + 1);
            let (word, rest) = line.split_once(char::is_whitespace).ok_or_else(|| wrong("expected `hash KEY` or `seal KEY`"))?;
            let bytes = BASE64.decode(rest.trim()).ok().filter(|it| it.len() == KEY);
            let bytes = bytes.ok_or_else(|| wrong("the key is not 32 bytes in base64"))?;
            match word {
                "seal" => masters.push(Master { id: id(&bytes), key: cipher(&bytes) }),
                "hash" if hash.is_none() => hash = Some(hex(&bytes)),
                "hash" => return Err(wrong("there is one `hash` key, and it never changes")),
                _ => return Err(wrong("expected `hash KEY` or `seal KEY`")),
            }
        }
        let hash = hash.ok_or("it has no line `hash KEY`")?;
        if masters.is_empty() {
            return Err("it has no line `seal KEY`".to_owned());
        }
        Ok(Vault { hash, masters: Arc::new(masters) })
    }

    /// The text of a new key file.
    pub fn new_file() -> String {
        format!(
            "# muster 的密钥：个人信息落盘加密用。遗失则数据无法恢复；请另存一份，与备份分开保管。\n\
             # Keys of personal data on disk. Who loses this file loses the data: keep a copy, apart from the backups.\n\
             hash {}\n\
             seal {}\n",
            BASE64.encode(random::<KEY>()),
            BASE64.encode(random::<KEY>()),
        )
    }

    /// A key file with one master key more, which seals from now on.
    pub fn with_another(text: &str) -> String {
        let line = format!("seal {}", BASE64.encode(random::<KEY>()));
        let mut lines: Vec<&str> = text.lines().collect();
        let at = lines.iter().position(|it| it.trim_start().starts_with("seal")).unwrap_or(lines.len());
        lines.insert(at, &line);
        lines.join("\n") + "\n"
    }

    /// What mixes into hashes of ID numbers and accounts.
    pub fn hash_key(&self) -> &str {
        &self.hash
    }

    /// What stands beside a store, so that another `hash` line is noticed: people would get other lasting keys, and every case would be
    /// cured and opened anew. It tells nothing of the key.
    pub fn hash_check(&self) -> String {
        hex(&Sha256::digest(format!("muster hash check|{}", self.hash)))[..16].to_owned()
    }

    /// Under which master key the wrapped key of a store lies.
    pub fn of_wrapped(wrapped: &str) -> Option<String> {
        of_master(&BASE64.decode(wrapped).ok()?).map(str::to_owned)
    }

    /// What each master key is called, the one that seals first.
    pub fn ids(&self) -> Vec<&str> {
        self.masters.iter().map(|it| it.id.as_str()).collect()
    }

    /// A new data key, and the same wrapped.
    fn data_key(&self) -> ([u8; KEY], Vec<u8>) {
        let key = random::<KEY>();
        let wrapped = wrap(&self.masters[0], &key);
        (key, wrapped)
    }

    /// The data key of the store's texts: what stands in its table, or a new one with what must stand there.
    pub fn texts(&self, wrapped: &str) -> Result<Texts, Shut> {
        let wrapped = BASE64.decode(wrapped).map_err(|_| Shut::Damaged)?;
        Ok(Texts { key: cipher(&unwrap(&self.masters, &wrapped)?) })
    }

    /// A new data key for texts, as it stands in the table.
    pub fn new_texts(&self) -> String {
        BASE64.encode(self.data_key().1)
    }

    /// The same data key under the newest master key; null when it is already.
    pub fn rewrapped(&self, wrapped: &str) -> Result<Option<String>, Shut> {
        let wrapped = BASE64.decode(wrapped).map_err(|_| Shut::Damaged)?;
        Ok(self.rewrap(&wrapped)?.map(|it| BASE64.encode(it)))
    }

    fn rewrap(&self, wrapped: &[u8]) -> Result<Option<Vec<u8>>, Shut> {
        if of_master(wrapped).ok_or(Shut::Damaged)? == self.masters[0].id {
            return Ok(None);
        }
        Ok(Some(wrap(&self.masters[0], &unwrap(&self.masters, wrapped)?)))
    }

    /// A writer of a sealed table.
    pub fn table(&self, path: &Path, schema: SchemaRef, settings: WriterPropertiesBuilder) -> Result<ArrowWriter<File>, ParquetError> {
        let (key, wrapped) = self.data_key();
        let sealing = FileEncryptionProperties::builder(key.to_vec()).with_footer_key_metadata(wrapped).build()?;
        let settings = settings.with_file_encryption_properties(sealing).build();
        ArrowWriter::try_new(File::create(path)?, schema, Some(settings))
    }

    /// A reader of a sealed table.
    pub fn rows(&self, file: File) -> Result<ParquetRecordBatchReaderBuilder<File>, ParquetError> {
        // A table in clear would be read without a word, whoever put it there.
        let length = file.metadata()?.len();
        let mut end = [0; 4];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut end, length.saturating_sub(4))?;
        if &end == b"PAR1" {
            return Err(ParquetError::External(Box::new(Shut::Clear)));
        }
        ParquetRecordBatchReaderBuilder::try_new_with_options(
            file,
            ArrowReaderOptions::new().with_file_decryption_properties(self.opening()?),
        )
    }

    /// What opens every sealed table.
    pub fn opening(&self) -> Result<Arc<FileDecryptionProperties>, ParquetError> {
        FileDecryptionProperties::with_key_retriever(Arc::new(Retriever(self.masters.clone()))).build()
    }

    /// A writer that seals what is written to `out`; [`Sealing::finish`] ends it.
    pub fn sealing<W: Write>(&self, mut out: W) -> io::Result<Sealing<W>> {
        let (key, wrapped) = self.data_key();
        out.write_all(&wrapped)?;
        Ok(Sealing { key: cipher(&key), out, piece: Vec::with_capacity(PIECE + TAG), number: 0 })
    }

    /// A reader of what [`Vault::sealing`] wrote.
    pub fn unsealing<R: Read>(&self, mut sealed: R) -> io::Result<Unsealing<R>> {
        let mut wrapped = [0; WRAPPED];
        sealed.read_exact(&mut wrapped).map_err(|_| shut(Shut::Damaged))?;
        let key = cipher(&unwrap(&self.masters, &wrapped).map_err(shut)?);
        Ok(Unsealing { key, sealed, ahead: Vec::new(), clear: Vec::new(), at: 0, number: 0, ended: false })
    }

    /// A copy of the sealed file `path` under the newest master key at `to`; says whether one was needed.
    pub fn reseal(&self, path: &Path, to: &Path) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
        let Some((at, wrapped)) = wrapped_in(path)? else { return Err(Shut::Damaged.into()) };
        let Some(anew) = self.rewrap(&wrapped)? else { return Ok(false) };
        std::fs::copy(path, to)?;
        let file = File::options().write(true).open(to)?;
        std::os::unix::fs::FileExt::write_all_at(&file, &anew, at)?;
        file.sync_all()?;
        Ok(true)
    }
}

/// The sha-256 of a file, in hexadecimal, without the wrapped key: it stays the same when keys change.
pub fn content_hash(path: &Path) -> io::Result<String> {
    let wrapped = wrapped_in(path)?.map_or(0..0, |(at, it)| at..at + it.len() as u64);
    let mut file = File::open(path)?;
    let (mut hasher, mut at, mut buffer) = (Sha256::new(), 0_u64, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        let (from, to) = (at, at + read as u64);
        let part = |from: u64, to: u64| &buffer[(from - at) as usize..(to - at) as usize];
        if from < wrapped.start {
            hasher.update(part(from, to.min(wrapped.start)));
        }
        if to > wrapped.end {
            hasher.update(part(from.max(wrapped.end), to));
        }
        at = to;
    }
}

/// The id of the master key under which the file `path` lies; null when it is not sealed.
pub fn master_of(path: &Path) -> io::Result<Option<String>> {
    Ok(wrapped_in(path)?.and_then(|(_, it)| of_master(&it).map(str::to_owned)))
}

/// The wrapped key of a sealed file and where it stands: at the beginning, or in a Parquet footer.
fn wrapped_in(path: &Path) -> io::Result<Option<(u64, Vec<u8>)>> {
    /// A footer's own description ends a Parquet file and is short.
    const TAIL: u64 = 4096;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let read = |at: u64, many: usize| {
        let mut bytes = vec![0; many];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, at).map(|()| bytes)
    };
    if length < WRAPPED as u64 {
        return Ok(None);
    }
    let head = read(0, WRAPPED)?;
    if head.starts_with(MAGIC) {
        return Ok(Some((0, head)));
    }
    // `PARE`: the length of the last part, which begins with the description of how the footer is sealed.
    let end = read(length - 8, 8)?;
    if &end[4..] != b"PARE" {
        return Ok(None);
    }
    let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    let Some(start) = length.checked_sub(8 + footer) else { return Ok(None) };
    let part = read(start, usize::try_from(footer.min(TAIL)).unwrap_or(0))?;
    let found = part.windows(WRAPPED).position(|it| it.starts_with(MAGIC));
    Ok(found.map(|it| (start + it as u64, part[it..it + WRAPPED].to_vec())))
}

struct Retriever(Arc<Vec<Master>>);

impl KeyRetriever for Retriever {
    fn retrieve_key(&self, wrapped: &[u8]) -> Result<Vec<u8>, ParquetError> {
        unwrap(&self.0, wrapped).map(|it| it.to_vec()).map_err(|it| ParquetError::External(Box::new(it)))
    }
}

/// The data key of a store's texts.
pub struct Texts {
    key: LessSafeKey,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Texts")
    }
}

impl Texts {
    /// Seals a text.
    pub fn seal(&self, text: &str) -> String {
        let nonce = random::<NONCE>();
        let mut sealed = text.as_bytes().to_vec();
        let into = self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(TEXT), &mut sealed);
        into.expect("a text is shorter than what one seal may hold");
        format!("{TEXT}{}", BASE64.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens a sealed text; gives any other as it is.
    pub fn open<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, Shut> {
        let Some(sealed) = text.strip_prefix(TEXT) else { return Ok(Cow::Borrowed(text)) };
        let mut bytes = BASE64.decode(sealed).map_err(|_| Shut::Damaged)?;
        let nonce = nonce(bytes.get(..NONCE).ok_or(Shut::Damaged)?);
        let clear = self.key.open_within(nonce, Aad::from(TEXT), &mut bytes, NONCE..).map_err(|_| Shut::Damaged)?;
        String::from_utf8(clear.to_vec()).map(Cow::Owned).map_err(|_| Shut::Damaged)
    }
}

/// Writes a sealed file.
pub struct Sealing<W: Write> {
    key: LessSafeKey,
    out: W,
    piece: Vec<u8>,
    number: u32,
}

impl<W: Write> Sealing<W> {
    fn piece(&mut self, last: bool) -> io::Result<()> {
        let nonce = piece_nonce(self.number, last);
        self.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut self.piece).map_err(|_| shut(Shut::Damaged))?;
        self.out.write_all(&self.piece)?;
        self.piece.clear();
        self.number = self.number.checked_add(1).ok_or_else(|| io::Error::other("a sealed file may hold 256 TiB"))?;
        Ok(())
    }

    /// Writes the last piece and gives back what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.piece(true)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece waits for more: only then is it known not to be the last.
        if self.piece.len() == PIECE && !bytes.is_empty() {
            self.piece(false)?;
        }
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Reads a sealed file.
pub struct Unsealing<R: Read> {
    key: LessSafeKey,
    sealed: R,
    /// Sealed bytes that were read and are not opened yet.
    ahead: Vec<u8>,
    clear: Vec<u8>,
    at: usize,
    number: u32,
    ended: bool,
}

impl<R: Read> Unsealing<R> {
    fn next(&mut self) -> io::Result<()> {
        // One byte more than a piece tells whether it is the last.
        let wanted = PIECE + TAG + 1;
        let more = (wanted - self.ahead.len()) as u64;
        self.sealed.by_ref().take(more).read_to_end(&mut self.ahead)?;
        self.ended = self.ahead.len() < wanted;
        let rest = if self.ended { Vec::new() } else { self.ahead.split_off(PIECE + TAG) };
        let mut piece = std::mem::replace(&mut self.ahead, rest);
        let nonce = piece_nonce(self.number, self.ended);
        let clear = self.key.open_in_place(nonce, Aad::empty(), &mut piece).map_err(|_| shut(Shut::Damaged))?.len();
        piece.truncate(clear);
        (self.clear, self.at) = (piece, 0);
        self.number += 1;
        Ok(())
    }
}

impl<R: Read> Read for Unsealing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.clear.len() && !self.ended {
            self.next()?;
        }
        let given = into.len().min(self.clear.len() - self.at);
        into[..given].copy_from_slice(&self.clear[self.at..self.at + given]);
        self.at += given;
        Ok(given)
    }
}

fn shut(why: Shut) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn piece_nonce(number: u32, last: bool) -> Nonce {
    let mut bytes = [0; NONCE];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes[NONCE - 1] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

fn nonce(bytes: &[u8]) -> Nonce {
    Nonce::try_assume_unique_for_key(bytes).expect("a nonce is twelve bytes")
}

fn cipher(key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key is 32 bytes"))
}

/// What a master key is called: it tells nothing of the key.
fn id(key: &[u8]) -> String {
    hex(&Sha256::digest([b"muster key|".as_slice(), key].concat()))[..ID].to_owned()
}

fn wrap(master: &Master, key: &[u8; KEY]) -> Vec<u8> {
    let nonce = random::<NONCE>();
    let mut sealed = key.to_vec();
    let into = master.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(MAGIC), &mut sealed);
    into.expect("a key is short");
    [MAGIC.as_slice(), master.id.as_bytes(), &nonce, &sealed].concat()
}

fn of_master(wrapped: &[u8]) -> Option<&str> {
    let id = wrapped.strip_prefix(MAGIC)?.get(..ID)?;
    std::str::from_utf8(id).ok().filter(|_| wrapped.len() == WRAPPED)
}

fn unwrap(masters: &[Master], wrapped: &[u8]) -> Result<[u8; KEY], Shut> {
    let id = of_master(wrapped).ok_or(Shut::Damaged)?;
    let master = masters.iter().find(|it| it.id == id).ok_or_else(|| Shut::NoKey(id.to_owned()))?;
    let (front, sealed) = wrapped.split_at(WRAPPED - KEY - TAG);
    let mut sealed = sealed.to_vec();
    let key = master.key.open_in_place(nonce(&front[front.len() - NONCE..]), Aad::from(MAGIC), &mut sealed).map_err(|_| Shut::Damaged)?;
    <[u8; KEY]>::try_from(&*key).map_err(|_| Shut::Damaged)
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
    bytes
}

/// The keys of unit tests.
#[cfg(test)]
pub static TESTS: std::sync::LazyLock<Arc<Vault>> =
    std::sync::LazyLock::new(|| Arc::new(Vault::read(&Vault::new_file()).expect("a key file")));

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, RecordBatch, StringArray};
    use parquet::file::properties::WriterProperties;
    use proptest::prelude::*;

    use super::*;

    fn sealed(vault: &Vault, clear: &[u8]) -> Vec<u8> {
        let mut out = vault.sealing(Vec::new()).expect("begun");
        out.write_all(clear).expect("written");
        out.finish().expect("ended")
    }

    fn opened(vault: &Vault, sealed: &[u8]) -> io::Result<Vec<u8>> {
        let mut clear = Vec::new();
        vault.unsealing(sealed)?.read_to_end(&mut clear)?;
        Ok(clear)
    }

    fn vault() -> (String, Vault) {
        let text = Vault::new_file();
        let vault = Vault::read(&text).expect("a key file");
        (text, vault)
    }

    #[test]
    fn a_file_of_any_length_comes_back_and_no_part_of_it_can_be_changed() {
        let (_, vault) = vault();
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
            let clear: Vec<u8> = (0..length).map(|it| (it % 251) as u8).collect();
            let file = sealed(&vault, &clear);
            assert_eq!(opened(&vault, &file).expect("opened"), clear, "{length}");
            // A cut at the end of a piece is the cut that a careless format does not see.
            for cut in [1, TAG, PIECE + TAG].into_iter().filter(|it| *it < file.len() - WRAPPED) {
                assert!(opened(&vault, &file[..file.len() - cut]).is_err(), "{length} less {cut}");
            }
            for at in [0, 20, WRAPPED, file.len() - 1] {
                let mut changed = file.clone();
                changed[at] ^= 1;
                assert!(opened(&vault, &changed).is_err(), "{length}, byte {at}");
            }
        }
    }

    #[test]
    fn a_table_is_sealed_and_says_which_key_it_wants() {
        let (text, first) = vault();
        let folder = tempfile::tempdir().expect("a folder");
        let (path, anew) = (folder.path().join("t.parquet"), folder.path().join("anew.parquet"));
        let names = Arc::new(StringArray::from(vec!["张三丰"; 100])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("name", names)]).expect("a table");
        let mut writer = first.table(&path, batch.schema(), WriterProperties::builder()).expect("begun");
        writer.write(&batch).expect("written");
        writer.close().expect("ended");
        let bytes = std::fs::read(&path).expect("there");
        assert!(!bytes.windows(9).any(|it| it == "张三丰".as_bytes()) && !bytes.windows(4).any(|it| it == b"name"));
        let read = |vault: &Vault, path: &Path| -> Result<Vec<RecordBatch>, String> {
            let reader = vault.rows(File::open(path).expect("there")).map_err(|it| it.to_string())?;
            reader.build().map_err(|it| it.to_string())?.collect::<Result<_, _>>().map_err(|it| it.to_string())
        };
        assert_eq!(read(&first, &path), Ok(vec![batch.clone()]));
        let other = read(&vault().1, &path).expect_err("another installation's key");
        assert!(other.contains(first.ids()[0]) && other.contains("not among the keys"), "{other}");

        // A new master key: the table is wrapped anew and no longer wants the old one.
        let both = Vault::with_another(&text);
        let rotated = Vault::read(&both).expect("two keys");
        assert_eq!((rotated.ids().len(), rotated.ids()[1]), (2, first.ids()[0]));
        assert!(rotated.reseal(&path, &anew).expect("resealed"));
        let (one, other) = (content_hash(&path).expect("read"), content_hash(&anew).expect("read"));
        assert_eq!(one, other, "what is in it is the same");
        let mut changed = std::fs::read(&path).expect("read");
        changed[10] ^= 1;
        std::fs::write(folder.path().join("changed"), changed).expect("written");
        assert_ne!(content_hash(&folder.path().join("changed")).expect("read"), one);
        assert!(!rotated.reseal(&anew, &path).expect("looked at"), "it is under the newest key already");
        let newest: Vec<&str> = both.lines().filter(|it| !it.contains(text.lines().last().expect("a line"))).collect();
        assert_eq!(read(&Vault::read(&newest.join("\n")).expect("the new key alone"), &anew), Ok(vec![batch]));
        assert_eq!(master_of(&anew).expect("readable").as_deref(), Some(rotated.ids()[0]));
    }

    #[test]
    fn a_wrong_key_file_is_told_by_line_and_never_quoted() {
        let good = Vault::new_file();
        let lines: Vec<&str> = good.lines().filter(|it| !it.starts_with('#')).collect();
        assert!(Vault::read(&lines.join(",")).is_ok(), "an environment variable has one line");
        for (text, why) in [
            ("", "no line `hash"),
            (lines[0], "no line `seal"),
            (&format!("{}\n{}", lines[0], lines[0]), "line 2: there is one `hash`"),
            ("hash c2hvcnQ=", "line 1: the key is not 32 bytes"),
            (lines[0].split(' ').next_back().expect("a key"), "line 1: expected"),
        ] {
            let told = Vault::read(text).expect_err(why);
            assert!(told.contains(why) && !text.split(' ').any(|it| it.len() > 6 && told.contains(it)), "{told}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_two_seals_of_it_differ(text in ".*") {
            let (_, vault) = vault();
            let wrapped = vault.new_texts();
            let texts = vault.texts(&wrapped).expect("our own");
            let (one, other) = (texts.seal(&text), texts.seal(&text));
            prop_assert_ne!(&one, &other);
            prop_assert_eq!(texts.open(&one).expect("opened"), text.as_str());
            let mut cut = other.clone();
            cut.pop();
            prop_assert!(texts.open(&cut).is_err());
        }
    }
}
