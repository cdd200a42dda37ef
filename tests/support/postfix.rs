//! A Postfix of our own: one mailbox folder an address, STARTTLS by an authority of the test, nothing leaves the machine. Where it asks for a
//! login, a Dovecot beside it knows the password.
#![allow(dead_code, reason = "every test uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "a test waits for other processes")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::servers::certificates;

/// A running mail server; gone with this value.
pub struct Postfix {
    pub port: u16,
    folder: tempfile::TempDir,
}

impl Postfix {
    /// Makes and starts one with these boxes at city.example. Fails, and says what to install, when it cannot.
    pub fn start(boxes: &[&str]) -> Postfix {
        Postfix::with(boxes, "", tempfile::tempdir().expect("a folder"))
    }

    /// The same, where nobody sends without a login. A letter to a box that is not there is taken, and comes back as a bounce.
    pub fn asking_for_a_login(boxes: &[&str], user: &str, password: &str) -> Postfix {
        let folder = tempfile::tempdir().expect("a folder");
        let port = dovecot(folder.path(), user, password);
        let settings = format!(
            "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:127.0.0.1:{port}\nsmtpd_tls_auth_only = yes\n\
             smtpd_client_restrictions = permit_sasl_authenticated, reject\nsmtpd_reject_unlisted_recipient = no\n"
        );
        Postfix::with(boxes, &settings, folder)
    }

    fn with(boxes: &[&str], more: &str, folder: tempfile::TempDir) -> Postfix {
        // Its parts run as a user of their own and must get in.
        run(Command::new("chmod").arg("755").arg(folder.path()), "coreutils");
        for name in ["etc", "queue", "data", "mail"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        certificates(folder.path());
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
        let services = fs::read_to_string("/usr/share/postfix/master.cf.dist").expect("apt-get install postfix");
        let services: Vec<String> = services
            .lines()
            .map(|it| if it.starts_with("smtp      inet") { format!("127.0.0.1:{port} inet n - n - - smtpd") } else { it.to_owned() })
            .collect();
        fs::write(folder.path().join("etc/master.cf"), services.join("\n") + "\n").expect("to write");
        let at = folder.path().display();
        let settings = format!(
            "compatibility_level = 3.6\nqueue_directory = {at}/queue\ndata_directory = {at}/data\nmaillog_file = {at}/log\nmaillog_file_prefixes = {at}\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmyhostname = mail.city.example\nmydestination =\nmynetworks = 127.0.0.0/8\n\
             virtual_mailbox_domains = city.example\nvirtual_mailbox_base = {at}/mail\nvirtual_mailbox_maps = texthash:{at}/etc/boxes\n\
             virtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\nsmtpd_tls_cert_file = {at}/cert.pem\nsmtpd_tls_key_file = {at}/key.pem\n\
             smtpd_tls_security_level = encrypt\ndefault_transport = error:nothing leaves this machine\nalias_maps =\nalias_database =\n{more}"
        );
        fs::write(folder.path().join("etc/main.cf"), settings).expect("to write");
        fs::write(folder.path().join("etc/boxes"), boxes.iter().map(|it| format!("{it}@city.example {it}/\n")).collect::<String>())
            .expect("to write");
        run(Command::new("chown").args(["postfix"]).arg(folder.path().join("data")), "postfix");
        run(Command::new("chown").args(["65534:65534"]).arg(folder.path().join("mail")), "postfix");
        run(Command::new("postfix").arg("-c").arg(folder.path().join("etc")).arg("start"), "postfix");
        let postfix = Postfix { port, folder };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "Postfix does not answer: {}", postfix.log());
            sleep(Duration::from_millis(50));
        }
        postfix
    }

    /// The certificate authority of its certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Another authority.
    pub fn other_ca(&self) -> PathBuf {
        self.folder.path().join("other.pem")
    }

    /// The Maildir of a box.
    pub fn maildir(&self, name: &str) -> PathBuf {
        self.folder.path().join("mail").join(name)
    }

    /// The same, made before the first letter comes.
    pub fn make_maildir(&self, name: &str) -> PathBuf {
        let maildir = self.maildir(name);
        for folder in ["new", "cur", "tmp"] {
            fs::create_dir_all(maildir.join(folder)).expect("a folder");
        }
        run(Command::new("chown").args(["-R", "65534:65534"]).arg(&maildir), "postfix");
        maildir
    }

    /// The letters of a box as they lie there, once there are `wanted` of them.
    pub fn letters(&self, name: &str, wanted: usize) -> Vec<String> {
        let began = Instant::now();
        loop {
            let entries = fs::read_dir(self.maildir(name).join("new")).into_iter().flatten().filter_map(Result::ok);
            let letters: Vec<String> = entries.map(|it| fs::read_to_string(it.path()).expect("a letter")).collect();
            if letters.len() >= wanted {
                return letters;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{name} has {} letters of {wanted}: {}", letters.len(), self.log());
            sleep(Duration::from_millis(50));
        }
    }

    /// What the server wrote down.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = Command::new("postfix").arg("-c").arg(self.folder.path().join("etc")).arg("stop").output();
        if self.folder.path().join("dovecot.conf").exists() {
            let _ = Command::new("doveadm").arg("-c").arg(self.folder.path().join("dovecot.conf")).arg("stop").output();
        }
    }
}

/// A Dovecot that answers for one login, on the port that it gives.
fn dovecot(folder: &Path, user: &str, password: &str) -> u16 {
    run(Command::new("chmod").arg("755").arg(folder), "coreutils");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
    let at = folder.display();
    fs::write(folder.join("users"), format!("{user}:{{PLAIN}}{password}\n")).expect("to write");
    let settings = format!(
        "base_dir = {at}/dovecot\nlog_path = {at}/dovecot.log\nprotocols = none\nssl = no\nauth_mechanisms = plain login\nauth_failure_delay = 0\n\
         passdb {{\n driver = passwd-file\n args = {at}/users\n}}\nuserdb {{\n driver = static\n args = uid=65534 gid=65534 home=/nonexistent\n}}\n\
         service auth {{\n inet_listener {{\n  address = 127.0.0.1\n  port = {port}\n }}\n}}\n"
    );
    fs::write(folder.join("dovecot.conf"), settings).expect("to write");
    // Its parts keep what it was started with: a pipe would never end.
    let said = fs::File::create(folder.join("dovecot.said")).expect("to write");
    let started = Command::new("dovecot").arg("-c").arg(folder.join("dovecot.conf")).stdout(Stdio::null()).stderr(said).status();
    let started = started.unwrap_or_else(|it| panic!("dovecot: {it}; apt-get install dovecot-core"));
    assert!(started.success(), "dovecot: {}", fs::read_to_string(folder.join("dovecot.said")).unwrap_or_default());
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = fs::read_to_string(folder.join("dovecot.log")).unwrap_or_default();
        assert!(began.elapsed() < Duration::from_secs(20), "Dovecot does not answer: {log}");
        sleep(Duration::from_millis(50));
    }
    port
}

fn run(command: &mut Command, package: &str) {
    let done = command.output().unwrap_or_else(|it| panic!("{command:?}: {it}; apt-get install {package}"));
    assert!(done.status.success(), "{command:?}: {}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
}
