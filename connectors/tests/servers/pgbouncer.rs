//! A `PgBouncer` of our own, in front of a `PostgreSQL` of our own.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::postgres::Postgres;
use super::{free_port, is_root, keep, run};

/// A pool of two connections to the database `pay`, for the login `reader`.
pub struct PgBouncer {
    pub port: u16,
    folder: PathBuf,
    keeper: Child,
}

impl PgBouncer {
    /// Starts one as Debian ships it, but for where it listens and how it pools: `session` or `transaction`.
    pub async fn start(server: &Postgres, mode: &str) -> PgBouncer {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let (port, at) = (free_port(), folder.display());
        let settings = format!(
            "[databases]\npay = host=127.0.0.1 port={} dbname=pay\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {at}/users\npool_mode = {mode}\ndefault_pool_size = 2\n\
             logfile = {at}/bouncer.log\n",
            server.port
        );
        std::fs::write(folder.join("pgbouncer.ini"), settings).expect("to write");
        std::fs::write(folder.join("users"), "\"reader\" \"s3cret-and-long\"\n").expect("to write");
        std::fs::write(folder.join("signal"), "TERM").expect("to write");
        let ini = format!("{at}/pgbouncer.ini");
        // It refuses to be root.
        let mut command = Vec::new();
        if is_root() {
            run(Command::new("chown").args(["-R", "postgres:"]).arg(&folder), "postgresql");
            command.extend(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"].map(str::to_owned));
        }
        command.extend(["/usr/sbin/pgbouncer".to_owned(), ini]);
        let (keeper, _) = keep(&folder, &command);
        let bouncer = PgBouncer { port, folder, keeper };
        bouncer.ready().await;
        bouncer
    }

    async fn ready(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        while let Err(error) = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < end, "pgbouncer does not come up: {error}; apt-get install pgbouncer\n{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What it says of what went on.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("bouncer.log")).unwrap_or_default()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
