//! A receiver of events as RFC 5425 has it: TLS, messages behind their lengths, and an answer to the sender's last word.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the receiver does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It reads to the end and says so.
    Reads,
    /// It goes away behind so many messages, without a word.
    Drops(usize),
    /// It shows who it is, and reads nothing.
    Stalls,
    /// It does not even do that.
    Silent,
}

/// A receiver, and what it has read.
pub(crate) struct Receiver {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its authority.
    pub(crate) authority: PathBuf,
    read: Arc<Mutex<Vec<String>>>,
    mode: Arc<Mutex<Mode>>,
    connections: Arc<AtomicUsize>,
}

impl Receiver {
    /// Listens; its authority is written into a file in `folder` whose name begins with `name`. It ends with the process.
    pub(crate) fn listen(folder: &Path, name: &str, mode: Mode) -> Self {
        let (config, authority) = credentials();
        let path = folder.join(format!("{name}-ca.pem"));
        std::fs::write(&path, authority).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (read, mode) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(mode)));
        let connections = Arc::new(AtomicUsize::new(0));
        let receiver = Self { address, authority: path, read, mode, connections };
        let (read, mode, count) =
            (receiver.read.clone(), receiver.mode.clone(), receiver.connections.clone());
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (read, mode, config) = (read.clone(), mode.clone(), config.clone());
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(socket, config, &mode, &read));
            }
        });
        receiver
    }

    /// What is done from now on, also with connections that stand.
    pub(crate) fn now(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// Messages so far, in their order.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.read.lock().unwrap().clone()
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn credentials() -> (Arc<ServerConfig>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = params.signed_by(&key, &authority).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(leaf.pem().as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(chukei_crypto::tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (Arc::new(config), authority.pem())
}

fn serve(mut socket: TcpStream, config: Arc<ServerConfig>, mode: &Mutex<Mode>, read: &Mutex<Vec<String>>) {
    let mut connection = ServerConnection::new(config).unwrap();
    let now = || *mode.lock().unwrap();
    if now() == Mode::Silent {
        return hold();
    }
    while connection.is_handshaking() {
        if connection.complete_io(&mut socket).is_err() {
            return;
        }
    }
    if now() == Mode::Stalls {
        return hold();
    }
    let mut stream = StreamOwned::new(connection, socket);
    let (mut bytes, mut taken) = (Vec::new(), 0);
    let mut chunk = [0; 4_096];
    loop {
        match stream.read(&mut chunk) {
            // The sender's last word: everything was read.
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(&chunk[..length]),
            Err(_) => return,
        }
        while let Some((message, rest)) = framed(&bytes) {
            read.lock().unwrap().push(message);
            bytes.drain(..rest);
            if let Mode::Drops(after) = now() {
                taken += 1;
                if taken == after {
                    return;
                }
            }
        }
    }
    assert!(bytes.is_empty(), "half a message");
    stream.conn.send_close_notify();
    let _ = stream.conn.complete_io(&mut stream.sock);
}

/// Holds a connection, of which nothing is read, until the process ends: the sender gives up before.
fn hold() {
    loop {
        std::thread::park();
    }
}

/// The first message of these bytes, and how many bytes it takes (RFC 5425, 4.3).
fn framed(bytes: &[u8]) -> Option<(String, usize)> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let digits = std::str::from_utf8(&bytes[..space]).unwrap();
    assert!(!digits.starts_with('0') && digits.len() < 5, "a length: {digits}");
    let (from, length) = (space + 1, digits.parse::<usize>().unwrap());
    let message = bytes.get(from..from + length)?;
    Some((String::from_utf8(message.to_vec()).expect("messages are ASCII"), from + length))
}
