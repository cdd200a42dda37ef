//! A MariaDB of our own in a folder of our own, and a line to it that fails as told.

use std::io::Read as _;
use std::net::TcpListener as StdListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Runs the server until the test program is gone, then takes its folder away: the pipe to this shell closes whatever ends the program.
const KEEPER: &str = r#""$0" --defaults-file="$1/my.cnf" >>"$1/log" 2>&1 & echo $!; cat >/dev/null; kill -9 $! 2>/dev/null; [ -e "$1/stay" ] || rm -rf "$1""#;

/// A server with the database `pay`, the login `reader` that may read it, and TLS by the authority in `ca.pem`.
pub struct Maria {
    pub port: u16,
    folder: PathBuf,
    keeper: Child,
    pid: String,
}

impl Maria {
    /// Makes and starts one. Fails, and says what to install, when it cannot.
    pub async fn start() -> Maria {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let root = is_root();
        let user = if root { "user=mysql\n" } else { "" };
        let port = free_port();
        certificates(&folder);
        let at = folder.display();
        let settings = format!(
            "[mariadbd]\ndatadir={at}/data\nsocket={at}/sock\npid-file={at}/pid\nport={port}\nbind-address=127.0.0.1\n{user}skip-log-bin\n\
             innodb-flush-log-at-trx-commit=0\ninnodb-buffer-pool-size=64M\nmax-allowed-packet=256M\nlower-case-table-names=0\n\
             innodb-log-file-size=512M\nssl-cert={at}/cert.pem\nssl-key={at}/key.pem\nssl-ca={at}/ca.pem\n"
        );
        std::fs::write(folder.join("my.cnf"), settings).expect("to write the settings");
        if root {
            run(Command::new("chown").args(["-R", "mysql:"]).arg(&folder));
        }
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        run(install.arg(format!("--datadir={at}/data")).args(root.then_some("--user=mysql")));
        let (keeper, pid) = keep(&folder);
        let maria = Maria { port, folder, keeper, pid };
        maria.ready().await;
        maria.run("CREATE DATABASE pay CHARACTER SET utf8mb4; CREATE USER reader@'127.0.0.1' IDENTIFIED BY 's3cret-and-long'; GRANT SELECT ON pay.* TO reader@'127.0.0.1'").await;
        maria
    }

    /// The settings of a source at this port, with more of them behind.
    pub fn settings_at(&self, port: u16, more: &str) -> String {
        let folder = self.folder.display();
        format!(
            "kind = 'mysql'\nhost = '127.0.0.1'\nport = {port}\ndatabase = 'pay'\nuser = 'reader'\npassword = {{ file = '{folder}/password' }}\n{more}"
        )
    }

    pub fn settings(&self, more: &str) -> String {
        self.settings_at(self.port, more)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A connection that may do everything.
    pub async fn root(&self) -> Result<MySqlConnection, sqlx::Error> {
        let options = MySqlConnectOptions::new().socket(self.folder.join("sock")).username("root").timezone(None);
        options.no_engine_substitution(false).pipes_as_concat(false).disable_statement_logging().connect().await
    }

    /// Runs statements, one after the other, with `;` between them.
    pub async fn run(&self, statements: &str) {
        let mut root = self.root().await.expect("to connect");
        root.execute(sqlx::raw_sql(AssertSqlSafe(format!(
            "SET sql_mode = ''; USE {}; {statements}",
            if statements.contains("CREATE DATABASE pay ") { "mysql" } else { "pay" }
        ))))
        .await
        .unwrap_or_else(|it| panic!("{statements}: {it}"));
    }

    /// Pulls the plug; its data stays.
    pub fn kill(&mut self) {
        std::fs::write(self.folder.join("stay"), "").expect("to write");
        run(Command::new("kill").args(["-9", &self.pid]));
        drop(self.keeper.stdin.take());
        self.keeper.wait().expect("the keeper ends");
    }

    /// Starts it again on its data.
    pub async fn start_again(&mut self) {
        (self.keeper, self.pid) = keep(&self.folder);
        self.ready().await;
        std::fs::remove_file(self.folder.join("stay")).expect("it was killed before");
    }

    async fn ready(&self) {
        let end = Instant::now() + Duration::from_mins(2);
        while let Err(error) = self.root().await {
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < end, "mariadbd does not come up: {error}\n{}", log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Maria {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn keep(folder: &Path) -> (Child, String) {
    let server = if Path::new("/usr/sbin/mariadbd").exists() { "/usr/sbin/mariadbd" } else { "mariadbd" };
    let mut keeper = Command::new("sh");
    keeper.args(["-c", KEEPER, server]).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut keeper = keeper.spawn().expect("a shell");
    let mut pid = String::new();
    let mut said = keeper.stdout.take().expect("a pipe");
    let mut byte = [0];
    while said.read(&mut byte).is_ok_and(|it| it == 1) && byte[0] != b'\n' {
        pid.push(char::from(byte[0]));
    }
    (keeper, pid)
}

fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|it| panic!("{command:?}: {it}; apt-get install mariadb-server"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|it| it.stdout.starts_with(b"0\n"))
}

fn free_port() -> u16 {
    StdListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port()
}

/// `ca.pem`, a certificate for 127.0.0.1 by it, `other.pem` of another authority; and the file of the password.
fn certificates(folder: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let authority = |name: &str| {
        let mut about = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        about.distinguished_name.push(rcgen::DnType::CommonName, name);
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = about.self_signed(&key).expect("a certificate").pem();
        (pem, Issuer::new(about, key))
    };
    let (ca, issuer) = authority("muster test");
    let (other, _) = authority("another");
    let key = KeyPair::generate().expect("a key");
    let about = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).expect("parameters");
    let cert = about.signed_by(&key, &issuer).expect("a certificate").pem();
    for (name, text) in [
        ("ca.pem", ca),
        ("other.pem", other),
        ("cert.pem", cert),
        ("key.pem", key.serialize_pem()),
        ("password", "s3cret-and-long\n".to_owned()),
    ] {
        std::fs::write(folder.join(name), text).expect("to write");
    }
}

/// What the line does after so many bytes from the server.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Ends in order.
    Cut(u64),
    /// Is torn.
    Reset(u64),
    /// Falls silent and stays open.
    Stall(u64),
}

/// A line to `port` with a fault in it; gives its own port.
pub async fn faulty(port: u16, fault: Fault) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let own = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(line(client, port, fault));
        }
    });
    own
}

async fn line(client: TcpStream, port: u16, fault: Fault) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port)).await?;
    let (Fault::Cut(mut left) | Fault::Reset(mut left) | Fault::Stall(mut left)) = fault;
    if let Fault::Reset(_) = fault {
        client.set_zero_linger()?;
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await.map(|_| (from_client, to_server)) });
    let mut bytes = vec![0; 16 * 1024];
    while left > 0 {
        let most = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = from_server.read(&mut bytes[..most]).await?;
        if read == 0 {
            return Ok(());
        }
        to_client.write_all(&bytes[..read]).await?;
        left -= read as u64;
    }
    if let Fault::Stall(_) = fault {
        let _ = up.await;
        return Ok(());
    }
    up.abort();
    Ok(())
}
