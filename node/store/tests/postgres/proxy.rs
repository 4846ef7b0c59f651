//! A man in the middle who loses the answer to one COMMIT, before or after the server got it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to the next transaction that carries [`MARKED`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loses {
    Nothing = 0,
    /// The COMMIT never arrives.
    Request = 1,
    /// The COMMIT arrives, its answer does not.
    Answer = 2,
}

/// A value that marks a transaction.
pub(crate) const MARKED: &[u8] = b"the answer to this one gets lost";

pub(crate) struct Proxy {
    pub(crate) port: u16,
    loses: Arc<AtomicU8>,
}

impl Proxy {
    /// Passes connections on to `server` on the loopback address.
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let loses = Arc::new(AtomicU8::new(Loses::Nothing as u8));
        let shared = Arc::clone(&loses);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, Arc::clone(&shared)));
            }
        });
        Self { port, loses }
    }

    pub(crate) fn lose(&self, what: Loses) {
        self.loses.store(what as u8, Ordering::SeqCst);
    }

    /// Whether what was to be lost has been.
    pub(crate) fn has_lost(&self) -> bool {
        self.loses.load(Ordering::SeqCst) == Loses::Nothing as u8
    }
}

async fn pass(client: TcpStream, server: u16, loses: Arc<AtomicU8>) {
    let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut from_client, mut to_client) = client.into_split();
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut said = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        said.extend_from_slice(&buffer[..read]);
        if let Some(marked) = find(&said, MARKED)
            && find(&said[marked..], b"COMMIT\0").is_some()
        {
            let lost = loses.swap(Loses::Nothing as u8, Ordering::SeqCst);
            if lost == Loses::Request as u8 {
                break;
            }
            if lost == Loses::Answer as u8 {
                // Nothing is passed back from here on; what was acknowledged to nobody is on the disk.
                answers.abort();
                let _ = answers.await;
                to_server.write_all(&buffer[..read]).await.unwrap();
                return drop(from_client);
            }
            said.clear();
        }
        if to_server.write_all(&buffer[..read]).await.is_err() {
            break;
        }
        // A mark or a COMMIT may be cut in two, no more.
        if find(&said, MARKED).is_none() {
            said.drain(..said.len().saturating_sub(MARKED.len()));
        }
    }
    answers.abort();
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
