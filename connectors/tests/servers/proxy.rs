//! A line to a server with a fault in it.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What the line does; bytes are those from the server.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Ends in order after so many bytes.
    Cut(u64),
    /// Is torn after so many bytes.
    Reset(u64),
    /// Falls silent after so many bytes and stays open.
    Stall(u64),
    /// Lets so many bytes through every ten milliseconds.
    Slow(usize),
    /// Makes COPY a word that the server does not know.
    NoCopy,
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
    let mut left = match fault {
        Fault::Cut(bytes) | Fault::Reset(bytes) | Fault::Stall(bytes) => bytes,
        Fault::Slow(_) | Fault::NoCopy => u64::MAX,
    };
    if let Fault::Reset(_) = fault {
        client.set_zero_linger()?;
    }
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    let up = tokio::spawn(upwards(from_client, to_server, matches!(fault, Fault::NoCopy)));
    let mut bytes = vec![0; if let Fault::Slow(bytes) = fault { bytes } else { 16 * 1024 }];
    while left > 0 {
        let most = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = from_server.read(&mut bytes[..most]).await?;
        if read == 0 {
            return Ok(());
        }
        to_client.write_all(&bytes[..read]).await?;
        left -= read as u64;
        if let Fault::Slow(_) = fault {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    if let Fault::Stall(_) = fault {
        let _ = up.await;
        return Ok(());
    }
    up.abort();
    Ok(())
}

async fn upwards(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, no_copy: bool) -> std::io::Result<(OwnedReadHalf, OwnedWriteHalf)> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok((from, to));
        }
        if no_copy && let Some(at) = bytes[..read].windows(6).position(|it| it == b"COPY (") {
            bytes[at..at + 4].copy_from_slice(b"CPYO");
        }
        to.write_all(&bytes[..read]).await?;
    }
}
