//! A folder over SFTP, through the system's `ssh`: its keys, its known hosts and its configuration hold here too.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use futures::TryStreamExt as _;
use openssh_sftp_client::{Error, Sftp as Client, SftpOptions, error::SftpErrorKind};
use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::store::{Access, Entry, Store, Trouble, in_time, path_of, reached, step_failed, within};
use crate::{Place, Said, Step, said};

/// So much is asked for at once; servers answer with what they like.
const CHUNK_BYTES: u32 = 256 * 1024;

/// A folder of an SFTP server.
pub(crate) struct Sftp {
    /// As the settings say it, without a login.
    name: String,
    host: String,
    port: Option<u16>,
    user: Option<String>,
    /// From the server's root; from the login's folder where the address begins with `/~/`.
    folder: PathBuf,
    key: Option<PathBuf>,
    known_hosts: Option<PathBuf>,
    idle: Duration,
}

impl Sftp {
    pub(crate) fn open(place: &Place, url: &Url, access: Access) -> Result<Sftp, Said> {
        let host = url
            .host_str()
            .filter(|it| !it.is_empty())
            .ok_or(said!("`folder` 没有写主机，应如 `sftp://host/out`", "`folder` names no host, as in `sftp://host/out`"))?;
        if access.password.is_some() {
            return Err(said!(
                "SFTP 用密钥登录：`key = \"路径\"`，或用 ssh 默认的密钥",
                "SFTP logs in with a key: `key = \"path\"`, or the one that ssh would take"
            ));
        }
        let path = path_of(url)?;
        let folder = path.strip_prefix('~').map_or_else(|| format!("/{path}"), |it| format!("./{}", it.trim_start_matches('/')));
        let user = access.user.or_else(|| (!url.username().is_empty()).then(|| url.username().to_owned()));
        let below = |it: String| place.root.join(it);
        Ok(Sftp {
            name: format!("sftp://{host}/{path}"),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port(),
            user,
            folder: PathBuf::from(folder),
            key: access.key.map(below),
            known_hosts: access.known_hosts.map(below),
            idle: Duration::from_secs(access.idle_seconds.unwrap_or(60).max(1)),
        })
    }

    /// `ssh` asks nothing, trusts no unknown host, and gives up when the line is silent.
    fn command(&self) -> Command {
        let seconds = self.idle.as_secs();
        let mut ssh = Command::new("ssh");
        ssh.args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ClearAllForwardings=yes"]);
        ssh.arg("-o").arg(format!("ConnectTimeout={seconds}"));
        ssh.arg("-o").arg(format!("ServerAliveInterval={}", seconds.div_ceil(3)));
        if let Some(file) = &self.known_hosts {
            ssh.arg("-o").arg(format!("UserKnownHostsFile=\"{}\"", file.display())).args(["-o", "GlobalKnownHostsFile=/dev/null"]);
        }
        if let Some(key) = &self.key {
            ssh.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        }
        if let Some(port) = self.port {
            ssh.arg("-p").arg(port.to_string());
        }
        if let Some(user) = &self.user {
            ssh.arg("-l").arg(user);
        }
        ssh.args(["-s", "--", &self.host, "sftp"]);
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        ssh
    }

    async fn connect(&self) -> Result<Connection, Trouble> {
        let mut ssh = self.command().spawn().map_err(|it| {
            Trouble::new(said!("无法启动 `ssh`：{it}", "`ssh` cannot be started: {it}"))
                .hint(said!("SFTP 使用系统的 ssh；请安装 openssh-client", "SFTP goes through the system's ssh; install openssh-client"))
        })?;
        let piped = "the command pipes all three";
        let (stdin, stdout) = (ssh.stdin.take().expect(piped), ssh.stdout.take().expect(piped));
        match in_time(self.idle, async { Ok(Client::new(stdin, stdout, SftpOptions::default()).await) }).await? {
            Ok(client) => Ok(Connection { client, _ssh: ssh }),
            Err(error) => Err(self.refused(&mut ssh, &error).await),
        }
    }

    /// Why no connection came about: ssh says it on its standard error, and more clearly than the protocol.
    async fn refused(&self, ssh: &mut Child, error: &Error) -> Trouble {
        let mut said = String::new();
        if let Some(stderr) = &mut ssh.stderr {
            let _ = tokio::time::timeout(Duration::from_secs(2), stderr.read_to_string(&mut said)).await;
        }
        let has = |words: &[&str]| words.iter().any(|it| said.contains(it));
        if has(&["Host key verification failed", "HOST IDENTIFICATION HAS CHANGED"]) {
            return Trouble::new(said!("服务器的密钥与已知的不同", "the server's key is not the known one")).hint(said!(
                "请与对方核对指纹，再把它的一行（`ssh-keyscan`）写入 `known_hosts` 所指的文件",
                "compare its fingerprint with its owner, then put its line (`ssh-keyscan`) into the file that `known_hosts` names"
            ));
        }
        if has(&["Permission denied", "Too many authentication failures", "bad permissions", "invalid format"]) {
            return Trouble::new(said!("服务器拒绝登录", "the server refuses the login")).hint(said!(
                "对方为该用户登记公钥了吗？`user` 和 `key` 设定用哪个",
                "is the public key entered there for this user? `user` and `key` say which"
            ));
        }
        if has(&["subsystem request failed"]) {
            return Trouble::new(said!("服务器不提供 SFTP", "the server offers no SFTP"))
                .hint(said!("请对方开通 SFTP，或改用 FTP", "ask its owner for SFTP, or use FTP"));
        }
        let last = said.lines().map(str::trim).rfind(|it| !it.is_empty()).map_or_else(|| error.to_string(), str::to_owned);
        Trouble::new(said!("连不上服务器：{last}", "the server is not reached: {last}")).passing()
    }
}

struct Connection {
    client: Client,
    /// Ends when this is dropped.
    _ssh: Child,
}

/// What an answer of the server means.
fn told(what: &Said, error: &Error) -> Trouble {
    match error {
        Error::SftpError(SftpErrorKind::NoSuchFile, _) => Trouble::new(said!("{}不存在", "{} is not there"; what)),
        Error::SftpError(SftpErrorKind::PermDenied, _) => Trouble::new(said!("无权读取{}", "{} may not be read"; what))
            .hint(said!("请对方授予读取权限", "ask the server's owner for the right to read it")),
        error => Trouble::new(said!("{}无法读取：{error}", "{} cannot be read: {error}"; what)).passing(),
    }
}

#[async_trait]
impl Store for Sftp {
    async fn list(&self, depth: usize) -> Result<Vec<Entry>, Trouble> {
        let connection = self.connect().await?;
        let mut entries = Vec::new();
        let mut folders = vec![(String::new(), depth)];
        while let Some((below, depth)) = folders.pop() {
            let path = self.folder.join(&below);
            let what = if below.is_empty() {
                said!("文件夹 `{}`", "the folder `{}`", self.name)
            } else {
                said!("文件夹 `{below}`", "the folder `{below}`")
            };
            let listed = in_time(self.idle, async {
                let dir = connection.client.fs().open_dir(&path).await.map_err(|it| told(&what, &it))?;
                Box::pin(dir.read_dir()).try_collect::<Vec<_>>().await.map_err(|it| told(&what, &it))
            });
            for found in listed.await? {
                let file = found.filename().to_string_lossy().into_owned();
                let mut about = found.metadata();
                if about.file_type().is_none_or(|it| it.is_symlink()) {
                    // What a link leads to; one that leads nowhere is no file.
                    let linked = in_time(self.idle, async { Ok(connection.client.fs().metadata(path.join(found.filename())).await) });
                    let Ok(linked) = linked.await? else { continue };
                    about = linked;
                }
                let name = if below.is_empty() { file.clone() } else { format!("{below}/{file}") };
                match about.file_type() {
                    Some(kind) if kind.is_file() => entries.push(Entry {
                        name,
                        bytes: about.len().unwrap_or_default(),
                        changed: about.modified().map(|it| it.as_system_time()),
                    }),
                    Some(kind) if kind.is_dir() && depth > 0 && !matches!(file.as_str(), "." | "..") => folders.push((name, depth - 1)),
                    _ => {}
                }
            }
        }
        Ok(entries)
    }

    async fn fetch(&self, name: &str, to: &Path, most: u64) -> Result<u64, Trouble> {
        let connection = self.connect().await?;
        let what = |it: Error| told(&name.into(), &it);
        let ours = |it: std::io::Error| {
            Trouble::new(said!("无法写入 {name} 的临时副本：{it}", "the private copy of {name} cannot be written: {it}"))
        };
        let mut remote = in_time(self.idle, async { connection.client.open(self.folder.join(name)).await.map_err(what) }).await?;
        let mut local = tokio::fs::File::create_new(to).await.map_err(ours)?;
        let (mut bytes, mut buffer) = (0_u64, BytesMut::new());
        loop {
            // The client moves on by what it asked for, not by what came.
            remote.seek(SeekFrom::Start(bytes)).await.map_err(|it| what(it.into()))?;
            buffer.clear();
            match in_time(self.idle, async { remote.read(CHUNK_BYTES, std::mem::take(&mut buffer)).await.map_err(what) }).await? {
                Some(read) => {
                    local.write_all(&read).await.map_err(ours)?;
                    bytes += read.len() as u64;
                    within(bytes, most, name)?;
                    buffer = read;
                }
                None => break,
            }
        }
        local.flush().await.map_err(ours)?;
        Ok(bytes)
    }

    async fn examine(&self) -> Vec<Step> {
        // A name of the ssh configuration need not be one of the network.
        let mut steps = match self.port {
            Some(port) => match reached(&self.host, port, self.idle).await {
                Ok(steps) => steps,
                Err(steps) => return steps,
            },
            None => Vec::new(),
        };
        steps.push(match self.list(0).await {
            Ok(entries) => Step::fine("login", said!("{} 个文件，在 {}", "{} files in {}", entries.len(), self.name)),
            Err(it) => step_failed("login", it),
        });
        steps
    }
}
