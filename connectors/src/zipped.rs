//! Members of zip archives, unpacked into a private folder.

use crate::{Said, said};
use std::fs::File;
use std::io::{BufReader, Read as _, Write as _};
use std::path::PathBuf;

use encoding_rs::GB18030;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::spool::{Found, Spool};
use crate::store::Trouble;

/// More members than this no delivery has.
const MEMBERS_MOST: usize = 10_000;
/// Text hardly shrinks to a hundredth; what shrinks to less than this is made to fill disks.
const RATIO_MOST: u64 = 400;
/// Below this the ratio is not asked about.
const SMALL_BYTES: u64 = 256 << 20;

fn again() -> Said {
    said!("请对方重新送来压缩包", "have the archive delivered again")
}

/// An open archive.
pub(crate) struct Archive {
    name: String,
    zip: ZipArchive<BufReader<File>>,
    /// Its files, folders left out.
    pub members: Vec<Member>,
}

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// What it is called in the archive.
    pub name: String,
    at: usize,
    encrypted: bool,
    packed_bytes: u64,
}

impl Archive {
    /// Reads the list of members of the archive `found`.
    pub(crate) fn open(found: &Found) -> Result<Archive, Trouble> {
        let whole = |it: ZipError| Trouble::new(said!("不是完整的压缩包：{it}", "is no whole archive: {it}")).of(&found.name).hint(again());
        let file = File::open(&found.path).map_err(|it| Trouble::new(said!("无法读取：{it}", "cannot be read: {it}")).of(&found.name))?;
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(whole)?;
        if zip.len() > MEMBERS_MOST {
            return Err(Trouble::new(said!("含 {} 个文件，超过 {MEMBERS_MOST} 个", "holds {} files, more than {MEMBERS_MOST}", zip.len()))
                .of(&found.name));
        }
        let mut members = Vec::new();
        for at in 0..zip.len() {
            let member = zip.by_index_raw(at).map_err(whole)?;
            if !member.is_dir() {
                let name = member_name(member.name_raw());
                members.push(Member { name, at, encrypted: member.encrypted(), packed_bytes: member.compressed_size() });
            }
        }
        if members.is_empty() {
            return Err(Trouble::new(said!("是没有文件的压缩包", "is an archive without files")).of(&found.name).hint(again()));
        }
        Ok(Archive { name: found.name.clone(), zip, members })
    }

    /// Unpacks a member into the spool; takes what it needs from `bytes_left`.
    pub(crate) fn unpack(&mut self, member: &Member, spool: &Spool, bytes_left: &mut u64) -> Result<Found, Trouble> {
        let name = format!("{}/{}", self.name, member.name);
        if member.encrypted {
            return Err(Trouble::new(said!("已加密", "is encrypted"))
                .of(&name)
                .hint(said!("请对方不设口令压缩，或解压到文件夹中", "have it packed without a password, or unpack it into the folder")));
        }
        let path = spool.path(&member.name)?;
        self.write(member, &path, bytes_left).map_err(|it| it.of(&name))?;
        Found::at(path, &name)
    }

    fn write(&mut self, member: &Member, path: &PathBuf, bytes_left: &mut u64) -> Result<(), Trouble> {
        let broken = |it: std::io::Error| Trouble::new(said!("无法解压：{it}", "cannot be unpacked: {it}")).hint(again());
        let mut packed = match self.zip.by_index(member.at) {
            Ok(packed) => packed,
            Err(ZipError::UnsupportedArchive(why)) => {
                return Err(Trouble::new(said!("压缩方式不受支持：{why}", "is packed in a way that is not read here: {why}"))
                    .hint(said!("请对方用普通 zip 压缩", "have it packed as an ordinary zip")));
            }
            Err(it) => return Err(Trouble::new(said!("无法解压：{it}", "cannot be unpacked: {it}")).hint(again())),
        };
        let mut file = File::create_new(path).map_err(broken)?;
        let mut buffer = vec![0; 256 * 1024];
        let mut written = 0;
        loop {
            // A wrong checksum is an error of the last read.
            let read = packed.read(&mut buffer).map_err(broken)?;
            if read == 0 {
                return file.flush().map_err(broken);
            }
            written += read as u64;
            let bomb = written > SMALL_BYTES && written / RATIO_MOST > member.packed_bytes;
            let left = bytes_left.checked_sub(read as u64).filter(|_| !bomb);
            *bytes_left = left.ok_or_else(|| {
                Trouble::new(said!("解压后大得不合常理", "unpacks to more than any delivery")).hint(said!(
                    "上限由 `unpacked_gib` 设定；请先看看压缩包里是什么",
                    "`unpacked_gib` sets the limit; look into the archive first"
                ))
            })?;
            file.write_all(&buffer[..read]).map_err(broken)?;
        }
    }
}

/// What a member is called. WPS and older Windows write names in GBK without saying so; names in UTF-8 are hardly ever valid by chance.
fn member_name(raw: &[u8]) -> String {
    let name = match std::str::from_utf8(raw) {
        Ok(name) => name.to_owned(),
        Err(_) => GB18030.decode_without_bom_handling(raw).0.into_owned(),
    };
    name.replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_utf_8_or_gbk() {
        assert_eq!(member_name("工资.csv".as_bytes()), "工资.csv");
        assert_eq!(member_name(&GB18030.encode("三月\\工资.csv").0), "三月/工资.csv");
    }
}
