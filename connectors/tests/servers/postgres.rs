//! A `PostgreSQL` of our own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use tokio::sync::OnceCell;

use super::{certificates, free_port, is_root, keep, run};

/// A server with the database `pay`, the login `reader` that may read it, and TLS by the authority in `ca.pem`.
pub struct Postgres {
    pub port: u16,
    folder: PathBuf,
    keeper: Child,
    pid: String,
}

/// One server for the tests that leave it alone.
pub async fn shared() -> Arc<Postgres> {
    static SHARED: OnceCell<Arc<Postgres>> = OnceCell::const_new();
    Arc::clone(SHARED.get_or_init(|| async { Arc::new(Postgres::start().await) }).await)
}

impl Postgres {
    /// Makes and starts one. Fails, and says what to install, when it cannot.
    pub async fn start() -> Postgres {
        let folder = tempfile::tempdir().expect("a folder").keep();
        certificates(&folder);
        if is_root() {
            run(Command::new("chown").args(["-R", "postgres:"]).arg(&folder), "postgresql");
        }
        run(Command::new("chmod").arg("600").arg(folder.join("key.pem")), "coreutils");
        let made = as_keeper(
            "initdb",
            &["-U", "postgres", "-A", "scram-sha-256", "--auth-local=trust", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-D"],
        );
        run(
            Command::new(&made[0])
                .args(&made[1..])
                .arg(folder.join("data"))
                .args(["--pwfile"])
                .arg(folder.join("password"))
                .current_dir("/"),
            "postgresql",
        );
        let port = free_port();
        let (keeper, pid) = keep(&folder, &command(&folder, port));
        let postgres = Postgres { port, folder, keeper, pid };
        postgres.ready().await;
        postgres.run_in("postgres", "CREATE DATABASE pay").await;
        postgres
            .run("CREATE ROLE reader LOGIN PASSWORD 's3cret-and-long'; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader")
            .await;
        postgres
    }

    /// The settings of a source at this port, with more of them behind.
    pub fn settings_at(&self, port: u16, more: &str) -> String {
        let folder = self.folder.display();
        format!(
            "kind = 'postgres'\nhost = '127.0.0.1'\nport = {port}\ndatabase = 'pay'\nuser = 'reader'\npassword = {{ file = '{folder}/password' }}\n{more}"
        )
    }

    pub fn settings(&self, more: &str) -> String {
        self.settings_at(self.port, more)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A connection that may do everything.
    pub async fn admin(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        let options = PgConnectOptions::new_without_pgpass().socket(&self.folder).port(self.port).username("postgres").database(database);
        options.disable_statement_logging().connect().await
    }

    /// Runs statements in the database `pay`, with `;` between them.
    pub async fn run(&self, statements: &str) {
        self.run_in("pay", statements).await;
    }

    pub async fn run_in(&self, database: &str, statements: &str) {
        let mut admin = self.admin(database).await.expect("to connect");
        admin.execute(sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))).await.unwrap_or_else(|it| panic!("{statements}: {it}"));
    }

    /// Stops it as a crash would; its data stays.
    pub fn kill(&mut self) {
        std::fs::write(self.folder.join("stay"), "").expect("to write");
        run(Command::new("kill").args(["-QUIT", &self.pid]), "procps");
        drop(self.keeper.stdin.take());
        self.keeper.wait().expect("the keeper ends");
    }

    /// Starts it again on its data.
    pub async fn start_again(&mut self) {
        (self.keeper, self.pid) = keep(&self.folder, &command(&self.folder, self.port));
        self.ready().await;
        std::fs::remove_file(self.folder.join("stay")).expect("it was killed before");
    }

    async fn ready(&self) {
        let end = Instant::now() + Duration::from_mins(2);
        while let Err(error) = self.admin("postgres").await {
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < end, "postgres does not come up: {error}\n{}", log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A program of the server, as the user that it wants to be run by; the newest of those that are installed.
fn as_keeper(program: &str, arguments: &[&str]) -> Vec<String> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|it| it.path().join("bin").join(program));
    let newest = versions.filter(|it| it.exists()).max().map_or_else(|| program.to_owned(), |it| it.display().to_string());
    let user: &[&str] = if is_root() { &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] } else { &[] };
    user.iter().copied().chain([newest.as_str()]).chain(arguments.iter().copied()).map(str::to_owned).collect()
}

fn command(folder: &Path, port: u16) -> Vec<String> {
    let at = folder.display();
    let settings = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        format!("unix_socket_directories={at}"),
        "fsync=off".to_owned(),
        "full_page_writes=off".to_owned(),
        "synchronous_commit=off".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={at}/cert.pem"),
        format!("ssl_key_file={at}/key.pem"),
    ];
    let mut command = as_keeper("postgres", &["-D", &format!("{at}/data")]);
    command.extend(settings.into_iter().flat_map(|it| ["-c".to_owned(), it]));
    command
}
