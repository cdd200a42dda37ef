//! A MariaDB of our own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use super::{certificates, free_port, is_root, keep, run};

/// What to install.
const PACKAGE: &str = "mariadb-server";

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
            run(Command::new("chown").args(["-R", "mysql:"]).arg(&folder), PACKAGE);
        }
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        run(install.arg(format!("--datadir={at}/data")).args(root.then_some("--user=mysql")), PACKAGE);
        let (keeper, pid) = keep(&folder, &command(&folder));
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
        run(Command::new("kill").args(["-9", &self.pid]), "procps");
        drop(self.keeper.stdin.take());
        self.keeper.wait().expect("the keeper ends");
    }

    /// Starts it again on its data.
    pub async fn start_again(&mut self) {
        (self.keeper, self.pid) = keep(&self.folder, &command(&self.folder));
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

/// What runs the server of a folder.
fn command(folder: &Path) -> Vec<String> {
    let server = if Path::new("/usr/sbin/mariadbd").exists() { "/usr/sbin/mariadbd" } else { "mariadbd" };
    vec![server.to_owned(), format!("--defaults-file={}/my.cnf", folder.display())]
}
