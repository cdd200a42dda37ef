//! SQL Browser: which port a named instance listens on (MS-SQLR, UDP 1434).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{UdpSocket, lookup_host};

/// The port of the service.
pub(super) const PORT: u16 = 1434;
/// `CLNT_UCAST_INST`: tell me of one instance.
const ONE_INSTANCE: u8 = 0x04;
/// `SVR_RESP`, and two bytes of length.
const HEADER_BYTES: usize = 3;

/// The TCP port of `instance`, as the service at `host` says.
pub(super) async fn port_of(host: &str, service: u16, instance: &str) -> io::Result<u16> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host((host, service)).await? {
        match asked(address, instance).await {
            Ok(port) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn asked(service: SocketAddr, instance: &str) -> io::Result<u16> {
    let ours = if service.is_ipv4() { SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)) } else { SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)) };
    let socket = UdpSocket::bind(ours).await?;
    // A connected socket takes answers from the service alone, and hears when nobody listens there.
    socket.connect(service).await?;
    let mut question = vec![ONE_INSTANCE];
    question.extend_from_slice(instance.as_bytes());
    question.push(0);
    socket.send(&question).await?;
    let mut answer = vec![0; usize::from(u16::MAX)];
    let length = socket.recv(&mut answer).await?;
    let text = answer.get(HEADER_BYTES..length).map(String::from_utf8_lossy).unwrap_or_default();
    tcp_port(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its answer names no TCP port"))
}

/// `ServerName;DB1;InstanceName;HR;IsClustered;No;Version;15.0.2000.5;tcp;50123;;`
fn tcp_port(answer: &str) -> Option<u16> {
    let mut words = answer.split(';');
    while let (Some(key), Some(value)) = (words.next(), words.next()) {
        if key == "tcp" {
            return value.parse().ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_stands_behind_tcp() {
        assert_eq!(tcp_port("ServerName;tcp;InstanceName;HR;IsClustered;No;Version;15.0.2000.5;tcp;50123;np;\\\\DB\\pipe;;"), Some(50_123));
        assert_eq!(tcp_port("ServerName;DB;InstanceName;HR;np;\\\\DB\\pipe;;"), None);
        assert_eq!(tcp_port(""), None);
    }

    #[tokio::test]
    async fn the_service_is_asked_for_one_instance() {
        let service = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = service.local_addr().expect("an address").port();
        let answers = tokio::spawn(async move {
            let mut question = [0; 64];
            let (length, from) = service.recv_from(&mut question).await.expect("a question");
            assert_eq!(&question[..length], b"\x04HR\0");
            let mut answer = b"\x05\x00\x00ServerName;DB;InstanceName;HR;IsClustered;No;Version;10.50.1600.1;tcp;50123;;".to_vec();
            answer[1] = answer.len() as u8 - 3;
            service.send_to(&answer, from).await.expect("to answer");
        });
        assert_eq!(port_of("127.0.0.1", port, "HR").await.expect("it answers"), 50_123);
        answers.await.expect("the service ends well");
    }

    #[tokio::test]
    async fn an_answer_without_a_port_is_no_port() {
        let service = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = service.local_addr().expect("an address").port();
        let answers = tokio::spawn(async move {
            let (_, from) = service.recv_from(&mut [0; 64]).await.expect("a question");
            service.send_to(b"\x05", from).await.expect("to answer");
        });
        assert!(port_of("127.0.0.1", port, "HR").await.is_err());
        answers.await.expect("the service ends well");
    }
}
