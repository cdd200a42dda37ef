//! TLS inside of TDS: until the handshake is done its records travel in packets of type 0x12 (MS-TDS 2.2.6.5).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto, version};
use tokio_rustls::server::TlsStream;

const HEADER_BYTES: usize = 8;

/// A certificate for 127.0.0.1 that vouches for itself.
#[derive(Clone)]
pub struct Certificate {
    pub pem: String,
    der: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Certificate {
    pub fn new() -> Certificate {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        Certificate { pem: made.cert.pem(), der: made.cert.der().clone(), key: made.signing_key.serialize_der() }
    }

    /// `strict` is TDS 8: TLS 1.3 from the first byte. Before that, servers speak TLS 1.2.
    fn acceptor(&self, strict: bool) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let versions = if strict { [&version::TLS13] } else { [&version::TLS12] };
        let mut config = ServerConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_protocol_versions(&versions)
            .expect("a version that is known")
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .expect("a certificate with its key");
        if strict {
            config.alpn_protocols = vec![b"tds/8.0".to_vec()];
        }
        TlsAcceptor::from(Arc::new(config))
    }

    /// From the first byte.
    pub async fn strict(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor(true).accept(socket).await
    }

    /// Behind PRELOGIN.
    pub async fn wrapped(&self, socket: TcpStream) -> io::Result<TlsStream<Wrapped>> {
        let mut line = self.acceptor(false).accept(Wrapped { socket, shaken: false, header: Vec::new(), left: 0, out: Vec::new() }).await?;
        line.get_mut().0.shaken = true;
        Ok(line)
    }
}

/// A socket whose bytes travel in packets until hands are shaken.
pub struct Wrapped {
    pub socket: TcpStream,
    shaken: bool,
    header: Vec<u8>,
    /// Bytes of the packet that is being read.
    left: usize,
    /// A packet that is being written.
    out: Vec<u8>,
}

impl AsyncRead for Wrapped {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.shaken {
            return Pin::new(&mut this.socket).poll_read(cx, buf);
        }
        while this.left == 0 {
            let mut byte = [0];
            let mut one = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut this.socket).poll_read(cx, &mut one))?;
            if one.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.header.extend(one.filled());
            if this.header.len() == HEADER_BYTES {
                this.left = usize::from(u16::from_be_bytes([this.header[2], this.header[3]])).saturating_sub(HEADER_BYTES);
                this.header.clear();
            }
        }
        let mut part = vec![0; this.left.min(buf.remaining())];
        let mut limited = ReadBuf::new(&mut part);
        ready!(Pin::new(&mut this.socket).poll_read(cx, &mut limited))?;
        buf.put_slice(limited.filled());
        this.left -= limited.filled().len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wrapped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.shaken {
            return Pin::new(&mut self.socket).poll_write(cx, bytes);
        }
        if self.out.is_empty() {
            self.out.extend([0x12, 1, 0, 0, 0, 0, 1, 0]);
        }
        self.out.extend(bytes);
        let length = (self.out.len() as u16).to_be_bytes();
        self.out[2..4].copy_from_slice(&length);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while !this.out.is_empty() {
            let written = ready!(Pin::new(&mut this.socket).poll_write(cx, &this.out))?;
            this.out.drain(..written);
        }
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
