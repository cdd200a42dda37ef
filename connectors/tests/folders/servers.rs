//! Servers of folders, each on a port and in a folder of its own, stopped when dropped.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

/// A server that runs.
pub struct Server {
    pub address: String,
    /// What it shows.
    pub folder: PathBuf,
    _home: Option<tempfile::TempDir>,
    process: Option<Child>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port()
}

/// Starts a server of a Debian package and waits until it answers.
fn started(command: &mut Command, package: &str, port: u16) -> Child {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut process = command.spawn().unwrap_or_else(|it| panic!("{}: {it}; install {package}", command.get_program().display()));
    for _ in 0..300 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return process;
        }
        if let Ok(Some(status)) = process.try_wait() {
            panic!("the server of {package} ended with {status}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the server of {package} does not answer");
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|it| panic!("{}: {it}", command.get_program().display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// OpenSSH's server; `own` gets `key`, `other` (a key that it does not know) and `known_hosts`.
pub fn sftp(own: &Path) -> Server {
    let home = tempfile::tempdir().expect("a folder");
    let at = |name: &str| home.path().join(name);
    for path in [at("host_key"), own.join("key"), own.join("other")] {
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path));
    }
    let port = free_port();
    let folder = at("files");
    fs::create_dir(&folder).expect("a folder");
    fs::copy(own.join("key.pub"), at("authorized_keys")).expect("to let the key in");
    let host_key = fs::read_to_string(at("host_key.pub")).expect("the key of the host");
    fs::write(own.join("known_hosts"), format!("[127.0.0.1]:{port} {host_key}")).expect("to write");
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\nPidFile none\nStrictModes no\n\
         UsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n",
        home.path().display()
    );
    fs::write(at("sshd_config"), config).expect("to write");
    // Debian's own unit makes this folder, which sshd asks for when root starts it.
    let _ = fs::create_dir_all("/run/sshd");
    let mut command = Command::new("/usr/sbin/sshd");
    let process = started(command.args(["-D", "-q", "-f"]).arg(at("sshd_config")), "openssh-server", port);
    let user = run(Command::new("id").arg("-un"));
    let address = format!("sftp://{user}@127.0.0.1:{port}{}", folder.display());
    Server { address, folder, _home: Some(home), process: Some(process) }
}

/// vsftpd, for anonymous users.
pub fn ftp() -> Server {
    let home = tempfile::tempdir().expect("a folder");
    let at = |name: &str| home.path().join(name);
    let port = free_port();
    for folder in ["files", "empty"] {
        fs::create_dir(at(folder)).expect("a folder");
        fs::set_permissions(at(folder), fs::Permissions::from_mode(0o755)).expect("to open it");
    }
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("to open it");
    let config = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\nlocal_enable=NO\nno_anon_password=YES\n\
         anon_root={0}/files\nsecure_chroot_dir={0}/empty\nseccomp_sandbox=NO\npasv_address=127.0.0.1\n",
        home.path().display()
    );
    fs::write(at("vsftpd.conf"), config).expect("to write");
    let process = started(Command::new("/usr/sbin/vsftpd").arg(at("vsftpd.conf")), "vsftpd", port);
    Server { address: format!("ftp://127.0.0.1:{port}"), folder: at("files"), _home: Some(home), process: Some(process) }
}

/// moto's S3, with a bucket `muster`.
pub async fn s3() -> Server {
    let port = free_port();
    // `./test` puts it there; elsewhere it is on the path.
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/moto/bin/moto_server");
    let program = if installed.exists() { installed } else { PathBuf::from("moto_server") };
    let mut command = Command::new(program);
    let process = started(command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stderr(Stdio::null()), "pip's moto[server,s3]", port);
    let server = Server { address: format!("http://127.0.0.1:{port}"), folder: PathBuf::new(), _home: None, process: Some(process) };
    server.put("", "").await;
    server
}

impl Server {
    /// Puts an object into the bucket; without a name, makes the bucket.
    pub async fn put(&self, name: &str, text: &str) {
        let url = format!("{}/muster/{name}", self.address);
        let request = reqwest::Client::new().put(url.trim_end_matches('/')).body(text.to_owned());
        request.send().await.and_then(reqwest::Response::error_for_status).expect("moto takes it");
    }
}

/// As much of WebDAV as a reader needs, behind a login.
pub async fn webdav(user: &str, password: &str) -> Server {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("files");
    fs::create_dir(&folder).expect("a folder");
    let login = {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("its address"));
    let router = Router::new().fallback(answer).with_state((folder.clone(), login));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Server { address, folder, _home: Some(home), process: None }
}

async fn answer(State((root, login)): State<(PathBuf, String)>, request: Request) -> Response {
    if request.headers().get("authorization").is_none_or(|it| it.as_bytes() != login.as_bytes()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let shown = reqwest::Url::parse(&format!("http://x{}", request.uri())).expect("an address");
    let path: PathBuf = shown.path().split('/').map(decoded).collect();
    let file = root.join(path.strip_prefix("/").unwrap_or(&path));
    let deep = request.headers().get("depth").is_some_and(|it| it == "1");
    match request.method().as_str() {
        _ if !file.exists() => StatusCode::NOT_FOUND.into_response(),
        "GET" => fs::read(file).expect("a file").into_response(),
        "PROPFIND" => {
            let mut body = String::from("<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">");
            body.push_str(&properties(&root, &file));
            if deep && file.is_dir() {
                fs::read_dir(&file).expect("a folder").for_each(|it| body.push_str(&properties(&root, &it.expect("an entry").path())));
            }
            (StatusCode::MULTI_STATUS, format!("{body}</D:multistatus>")).into_response()
        }
        other => panic!("a reader sent {other}"),
    }
}

fn properties(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).expect("below the root").display().to_string();
    let (slash, kind) = if path.is_dir() { ("/", "<D:collection/>") } else { ("", "") };
    let mut url = reqwest::Url::parse("http://x").expect("an address");
    url.set_path(&format!("{below}{slash}"));
    format!(
        "<D:response><D:href>{}</D:href><D:propstat><D:prop><D:resourcetype>{kind}</D:resourcetype>\
         <D:getcontentlength>{}</D:getcontentlength><D:getlastmodified>Fri, 01 May 2026 22:39:36 GMT</D:getlastmodified>\
         </D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>",
        url.path(),
        fs::metadata(path).map_or(0, |it| it.len()),
    )
}

fn decoded(part: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        let hex = |it: Option<u8>| it.and_then(|it| char::from(it).to_digit(16)).expect("an escape");
        bytes.push(if byte == b'%' { (hex(rest.next()) * 16 + hex(rest.next())) as u8 } else { byte });
    }
    String::from_utf8(bytes).expect("UTF-8")
}
