//! A connection to a receiver, every wait on which has an end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use chukei_crypto::tls::client_of;
use chukei_relay_client::bounded_file::{self, PEM_MAX};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;

use crate::failure::Failure;

/// How long the receiver may take to begin, for a batch, and to end.
const WAIT: Duration = Duration::from_secs(10);

/// Where to, and whom to believe there.
pub(super) struct Target {
    to: String,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
}

/// A connection.
pub(super) struct Stream(StreamOwned<ClientConnection, Timed>);

/// A socket that is waited for until a moment, however little it does each time.
struct Timed {
    socket: TcpStream,
    until: Instant,
}

impl Target {
    /// `host:port`, whose certificate is of the authority in the file `ca`.
    pub(super) fn new(to: &str, ca: Option<&Path>) -> Result<Self, Failure> {
        let bad = |message: String| Failure::usage("BAD_USAGE", message);
        let host = to.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']).to_owned());
        let name = host.and_then(|host| ServerName::try_from(host).ok());
        let name = name.ok_or_else(|| bad("--syslog は HOST:PORT の形で指定してください".to_owned()))?;
        let ca = ca.ok_or_else(|| bad("--syslog には --syslog-ca が必要です".to_owned()))?;
        let unread = || bad(format!("{} は認証局の証明書(PEM)ではありません", ca.display()));
        let pem = bounded_file::read(ca, PEM_MAX).map_err(|_| unread())?;
        let config = client_of(&pem).map_err(|_| unread())?;
        Ok(Self { to: to.to_owned(), name, config: Arc::new(config) })
    }

    /// `host:port`.
    pub(super) fn to(&self) -> &str {
        &self.to
    }

    /// Connects, and has the receiver prove who it is before anything is sent.
    pub(super) fn connect(&self) -> io::Result<Stream> {
        let until = Instant::now() + WAIT;
        let to = self.to.clone();
        let addresses = resolved(move || Ok(to.to_socket_addrs()?.collect()), until)?;
        let mut socket = Timed { socket: reached(&addresses, until)?, until };
        let mut connection =
            ClientConnection::new(self.config.clone(), self.name.clone()).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Stream(StreamOwned::new(connection, socket)))
    }
}

/// What `resolve` finds until then. It is not called off: the system's resolver gives up by itself.
fn resolved(
    resolve: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
    until: Instant,
) -> io::Result<Vec<SocketAddr>> {
    let (tell, told) = mpsc::channel();
    // Whoever waited may have gone.
    std::thread::Builder::new().name("resolver".into()).spawn(move || drop(tell.send(resolve())))?;
    told.recv_timeout(until.saturating_duration_since(Instant::now())).unwrap_or_else(|_| Err(late()))
}

/// The first of the addresses that answers until then: each has an even part of what is left, so that one that is silent leaves
/// time for the others. Why the last one did not, where none does.
fn reached(addresses: &[SocketAddr], until: Instant) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(ErrorKind::NotFound, "no address");
    for (address, others) in addresses.iter().zip((1..=addresses.len() as u32).rev()) {
        let left = until.saturating_duration_since(Instant::now()) / others;
        if left.is_zero() {
            return Err(late());
        }
        match TcpStream::connect_timeout(address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

impl Stream {
    /// Sends all of it.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.sock.until = Instant::now() + WAIT;
        self.0.write_all(bytes)?;
        self.0.flush()
    }

    /// Fails where the receiver has gone away meanwhile. What it says otherwise is passed over.
    pub(super) fn look(&mut self) -> io::Result<()> {
        let mut byte = [0];
        self.0.sock.socket.set_nonblocking(true)?;
        let peeked = self.0.sock.socket.peek(&mut byte);
        self.0.sock.socket.set_nonblocking(false)?;
        match peeked {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
            Ok(0) => Err(gone()),
            Ok(_) => {
                self.0.sock.until = Instant::now() + WAIT;
                if self.take()? { Err(gone()) } else { Ok(()) }
            }
        }
    }

    /// Says that nothing follows, and waits until the receiver says that it has read everything (RFC 5425, 4.4).
    pub(super) fn end(mut self) -> io::Result<()> {
        self.0.sock.until = Instant::now() + WAIT;
        self.0.conn.send_close_notify();
        self.0.flush()?;
        self.0.sock.socket.shutdown(Shutdown::Write)?;
        while !self.take()? {}
        Ok(())
    }

    /// Takes what the receiver says; whether that was its last word.
    fn take(&mut self) -> io::Result<bool> {
        let (connection, socket) = (&mut self.0.conn, &mut self.0.sock);
        let length = connection.read_tls(socket)?;
        let state = connection.process_new_packets().map_err(io::Error::other)?;
        let mut said = io::sink();
        io::copy(&mut connection.reader().take(state.plaintext_bytes_to_read() as u64), &mut said)?;
        match (state.peer_has_closed(), length) {
            (true, _) => Ok(true),
            (false, 0) => Err(gone()),
            (false, _) => Ok(false),
        }
    }
}

fn gone() -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, "the receiver has gone away")
}

impl Timed {
    /// What is left of the time.
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(late()) } else { Ok(Some(left)) }
    }
}

fn late() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the receiver takes too long")
}

fn told(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { late() } else { error }
}

impl Read for Timed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.socket.read(bytes).map_err(told)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write(bytes).map_err(told)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn r43_a_receiver_is_reached_at_whichever_of_its_addresses_answers() {
        let until = || Instant::now() + WAIT;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        let [there, closed] = [&listener, &gone].map(|listener| listener.local_addr().unwrap());
        drop(gone);
        assert_eq!(reached(&[closed, there], until()).unwrap().peer_addr().unwrap(), there);
        assert_eq!(reached(&[closed, closed], until()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(reached(&[], until()).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(reached(&[there], Instant::now()).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn r43_a_resolver_that_does_not_answer_is_not_waited_for() {
        let there = SocketAddr::from(([127, 0, 0, 1], 6_514));
        assert_eq!(resolved(move || Ok(vec![there]), Instant::now() + WAIT).unwrap(), [there]);
        let (hold, held) = mpsc::channel::<()>();
        let silent = move || held.recv().map(|()| Vec::new()).map_err(io::Error::other);
        assert_eq!(resolved(silent, Instant::now()).unwrap_err().kind(), ErrorKind::TimedOut);
        drop(hold);
    }
}
