//! A folder over FTP, plain or with TLS (`ftps`, explicit).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use reqwest::Url;
use suppaftp::list::{File, ListParser};
use suppaftp::tokio::{AsyncRustlsConnector, AsyncRustlsFtpStream};
use suppaftp::tokio_rustls::TlsConnector;
use suppaftp::tokio_rustls::rustls::pki_types::CertificateDer;
use suppaftp::tokio_rustls::rustls::pki_types::pem::PemObject as _;
use suppaftp::tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use suppaftp::types::FileType;
use suppaftp::{FtpError, Status};
use tokio::io::AsyncWriteExt as _;

use crate::secret::{Hidden, Secret};
use crate::store::{Access, Entry, Store, Trouble, copied, in_time, path_of, reached, step_failed};
use crate::{Place, Said, Step, said};

/// A folder of an FTP server.
pub(crate) struct Ftp {
    name: String,
    host: String,
    port: u16,
    user: String,
    password: Option<Secret>,
    root: std::path::PathBuf,
    folder: String,
    tls: bool,
    ca: Option<std::path::PathBuf>,
    idle: Duration,
}

impl Ftp {
    pub(crate) fn open(place: &Place, url: &Url, access: Access) -> Result<Ftp, Said> {
        let host = url
            .host_str()
            .filter(|it| !it.is_empty())
            .ok_or(said!("`folder` 没有写主机，应如 `ftp://host/out`", "`folder` names no host, as in `ftp://host/out`"))?;
        let folder = path_of(url)?;
        let named = (!url.username().is_empty()).then(|| url.username().to_owned());
        Ok(Ftp {
            name: format!("{}://{host}/{folder}", url.scheme()),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(21),
            user: access.user.or(named).unwrap_or_else(|| "anonymous".to_owned()),
            password: access.password,
            root: place.root.clone(),
            folder: format!("/{folder}"),
            tls: url.scheme() == "ftps",
            ca: access.ca.map(|it| place.root.join(it)),
            idle: Duration::from_secs(access.idle_seconds.unwrap_or(60).max(1)),
        })
    }

    /// Logged in, in the folder, for files as they are.
    async fn connect(&self) -> Result<AsyncRustlsFtpStream, Trouble> {
        let password = match &self.password {
            Some(secret) => Some(secret.fetch(&self.root).map_err(Trouble::new)?),
            None => None,
        };
        let connector = if self.tls { Some(self.connector()?) } else { None };
        in_time(self.idle, async {
            let reached = AsyncRustlsFtpStream::connect((self.host.as_str(), self.port)).await;
            let mut ftp =
                reached.map_err(|it| Trouble::new(said!("连不上服务器：{}", "the server is not reached: {}"; said(&it))).passing())?;
            if let Some(connector) = connector {
                let secured = ftp.into_secure(connector, &self.host).await;
                ftp = secured.map_err(|it| {
                    Trouble::new(said!("与服务器无法建立 TLS：{}", "no TLS with the server: {}"; said(&it)))
                        .hint(said!("用 `ca` 写明应信任的证书", "`ca` names the certificate that it is to be believed by"))
                })?;
            }
            let refused = said!("口令对吗，该用户可以登录吗？", "is the password right, and may this user log in?");
            ftp.login(self.user.as_str(), password.as_ref().map_or("", Hidden::reveal)).await.map_err(|it| match it {
                FtpError::UnexpectedResponse(answer) if answer.status == Status::NotLoggedIn => {
                    Trouble::new(said!("服务器拒绝登录", "the server refuses the login")).hint(refused)
                }
                it => told(&said!("登录", "the login"), &it),
            })?;
            // Servers on Windows write names in GBK until they are asked for UTF-8; others do not know the word.
            let _ = ftp.opts("UTF8", Some("ON")).await;
            ftp.transfer_type(FileType::Binary).await.map_err(|it| told(&said!("登录", "the login"), &it))?;
            ftp.cwd(&self.folder).await.map_err(|it| match it {
                FtpError::UnexpectedResponse(answer) if answer.status == Status::FileUnavailable => {
                    Trouble::new(said!("没有文件夹 `{}`", "there is no folder `{}`", self.name))
                }
                it => told(&said!("文件夹", "the folder"), &it),
            })?;
            Ok(ftp)
        })
        .await
    }

    fn connector(&self) -> Result<AsyncRustlsConnector, Trouble> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(path) => {
                let unread = |it: &dyn std::fmt::Display| {
                    Trouble::new(said!("无法读取 {} 中的证书：{it}", "the certificates in {} cannot be read: {it}", path.display()))
                };
                for certificate in CertificateDer::pem_file_iter(path).map_err(|it| unread(&it))? {
                    roots.add(certificate.map_err(|it| unread(&it))?).map_err(|it| unread(&it))?;
                }
            }
            None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = versions.expect("the provider knows the protocol versions").with_root_certificates(roots).with_no_client_auth();
        Ok(AsyncRustlsConnector::from(TlsConnector::from(Arc::new(config))))
    }

    /// The files and folders in `folder`; MLSD where the server knows it, because only that says times to the second.
    async fn listed(&self, ftp: &mut AsyncRustlsFtpStream, folder: Option<&str>) -> Result<Vec<File>, Trouble> {
        let unknown = |it: &FtpError| matches!(it, FtpError::UnexpectedResponse(answer) if answer.status.code() >= 500);
        in_time(self.idle, async {
            match ftp.mlsd(folder).await {
                Ok(lines) => Ok(lines.iter().filter_map(|it| ListParser::parse_mlsd(it).ok()).collect()),
                Err(it) if unknown(&it) => {
                    let lines = ftp.list(folder).await.map_err(|it| told(&said!("文件夹", "the folder"), &it))?;
                    let parse = |it: &String| ListParser::parse_posix(it).or_else(|_| ListParser::parse_dos(it));
                    let first = lines.iter().find(|it| !it.starts_with("total ") && parse(it).is_err());
                    match first {
                        Some(_) => Err(Trouble::new(said!(
                            "看不懂服务器列出文件的格式",
                            "the server lists its files in a way that is not understood"
                        ))
                        .hint(said!("请改用 SFTP", "use SFTP"))),
                        None => Ok(lines.iter().filter_map(|it| parse(it).ok()).collect()),
                    }
                }
                Err(it) => Err(told(&said!("文件夹", "the folder"), &it)),
            }
        })
        .await
    }
}

/// An error of the protocol, without what was sent.
fn said(error: &FtpError) -> Said {
    match error {
        FtpError::ConnectionError(it) => it.to_string().into(),
        FtpError::UnexpectedResponse(answer) => said!("应答为 {}", "it answers {}", answer.status.code()),
        it => it.to_string().into(),
    }
}

/// 4xx may go away by itself, 5xx does not.
fn told(what: &Said, error: &FtpError) -> Trouble {
    let trouble = Trouble::new(said!("{}无法读取：{}", "{} cannot be read: {}"; what, said(error)));
    match error {
        FtpError::UnexpectedResponse(answer) if answer.status.code() >= 500 => {
            trouble.hint(said!("该用户有权读取吗？", "may this user read it?"))
        }
        _ => trouble.passing(),
    }
}

#[async_trait]
impl Store for Ftp {
    async fn list(&self, depth: usize) -> Result<Vec<Entry>, Trouble> {
        let mut ftp = self.connect().await?;
        let mut entries = Vec::new();
        let mut folders = vec![(String::new(), depth)];
        while let Some((below, depth)) = folders.pop() {
            for file in self.listed(&mut ftp, (!below.is_empty()).then_some(below.as_str())).await? {
                let own = file.name().trim_start_matches("./");
                let name = if below.is_empty() { own.to_owned() } else { format!("{below}/{own}") };
                if file.is_file() {
                    let changed = Some(file.modified()).filter(|it| *it != SystemTime::UNIX_EPOCH);
                    entries.push(Entry { name, bytes: file.size() as u64, changed });
                } else if file.is_directory() && depth > 0 && !matches!(own, "." | "..") {
                    folders.push((name, depth - 1));
                }
            }
        }
        let _ = ftp.quit().await;
        Ok(entries)
    }

    async fn fetch(&self, name: &str, to: &Path, most: u64) -> Result<u64, Trouble> {
        let mut ftp = self.connect().await?;
        let mut remote = in_time(self.idle, async { ftp.retr_as_stream(name).await.map_err(|it| told(&name.into(), &it)) }).await?;
        let mut local = tokio::fs::File::create_new(to)
            .await
            .map_err(|it| Trouble::new(said!("无法写入临时副本：{it}", "the private copy cannot be written: {it}")))?;
        let bytes = copied(&mut remote, &mut local, name, most, self.idle).await?;
        local.flush().await.map_err(|it| Trouble::new(said!("无法写入临时副本：{it}", "the private copy cannot be written: {it}")))?;
        // The end of a cut transfer looks like the end of the file; only the answer after it tells them apart.
        in_time(self.idle, async { ftp.finalize_retr_stream(remote).await.map_err(|it| told(&name.into(), &it)) }).await?;
        let _ = ftp.quit().await;
        Ok(bytes)
    }

    async fn examine(&self) -> Vec<Step> {
        let mut steps = match reached(&self.host, self.port, self.idle).await {
            Ok(steps) => steps,
            Err(steps) => return steps,
        };
        steps.push(match self.list(0).await {
            Ok(entries) => Step::fine("login", said!("{} 个文件，在 {}", "{} files in {}", entries.len(), self.name)),
            Err(it) => step_failed("login", it),
        });
        steps
    }
}
