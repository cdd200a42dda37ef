//! Real servers for the tests, each in a folder of its own on a free port of this machine; gone with the test program, however it ends.
#![allow(dead_code, reason = "every test uses a part of it")]

pub mod maria;
pub mod pgbouncer;
pub mod postgres;
pub mod proxy;

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Runs a server until the test program is gone, then takes its folder away: the pipe to this shell closes whatever ends the program.
/// A server that ignores QUIT names its signal in the file `signal`.
const KEEPER: &str = r#"at=$0; "$@" >>"$at/log" 2>&1 & echo $!; cat >/dev/null; kill -$(cat "$at/signal" 2>/dev/null || echo QUIT) $! 2>/dev/null; wait; [ -e "$at/stay" ] || rm -rf "$at""#;

/// The shell that keeps a server whose folder this is, and the server's process id.
fn keep(folder: &Path, command: &[String]) -> (Child, String) {
    let mut keeper = Command::new("sh");
    keeper.args(["-c", KEEPER]).arg(folder).args(command).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut keeper = keeper.spawn().expect("a shell");
    let mut pid = String::new();
    let mut said = keeper.stdout.take().expect("a pipe");
    let mut byte = [0];
    while said.read(&mut byte).is_ok_and(|it| it == 1) && byte[0] != b'\n' {
        pid.push(char::from(byte[0]));
    }
    (keeper, pid)
}

fn run(command: &mut Command, package: &str) {
    let done = command.output().unwrap_or_else(|it| panic!("{command:?}: {it}; apt-get install {package}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|it| it.stdout.starts_with(b"0\n"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port()
}

/// `ca.pem`, a certificate for 127.0.0.1 by it, `other.pem` of another authority; and the file of the password.
pub fn certificates(folder: &Path) {
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
