//! What can be read of a log without a key, to a receiver of events: syslog (RFC 5424) over TLS (RFC 5425).
//!
//! What must hold: TLS 1.3 with the algorithms that are used everywhere here, to a server whose certificate the named authority has
//! issued; no personal data: numbers, kinds, times and request ids. RFC 5425 has no acknowledgements: events are taken into the
//! copy once the operating system has them on the way, so that a receiver that dies may lack the last ones, and a stop in between
//! sends some twice. The event's number tells both.

use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chukei_wire::body_code::BodyCode;
use chukei_wire::message::audit::{AuditFollowPage, FollowedEntry};
use jiff::Timestamp;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::failure::Failure;

/// How long the receiver may take for anything.
const WAIT: Duration = Duration::from_secs(10);
/// Facility 13 (log audit), severity 6 (informational).
const PRIORITY: u8 = 13 * 8 + 6;

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// The way to a receiver.
pub(super) struct Syslog {
    to: String,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    body: BodyCode,
    stream: Option<Stream>,
}

impl Syslog {
    /// To `host:port`, whose certificate is of the authority in the file `ca`.
    pub(super) fn new(to: &str, ca: Option<&Path>, body: BodyCode) -> Result<Self, Failure> {
        let bad = |message: String| Failure::usage("BAD_USAGE", message);
        let host = to.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']).to_owned());
        let name = host.and_then(|host| ServerName::try_from(host).ok());
        let name = name.ok_or_else(|| bad("--syslog は HOST:PORT の形で指定してください".to_owned()))?;
        let ca = ca.ok_or_else(|| bad("--syslog には --syslog-ca が必要です".to_owned()))?;
        let mut roots = RootCertStore::empty();
        let unread = || bad(format!("{} は認証局の証明書(PEM)ではありません", ca.display()));
        for certificate in CertificateDer::pem_file_iter(ca).map_err(|_| unread())? {
            roots.add(certificate.map_err(|_| unread())?).map_err(|_| unread())?;
        }
        if roots.is_empty() {
            return Err(unread());
        }
        let config = ClientConfig::builder_with_provider(chukei_crypto::tls::provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|_| Failure::other("TLS", "TLSを準備できません"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { to: to.to_owned(), name, config: Arc::new(config), body, stream: None })
    }

    /// Sends the entries of a page from number `next` on, one message each.
    pub(super) async fn send(&mut self, page: &AuditFollowPage, next: u64) -> std::io::Result<()> {
        let wanted = page.entries.iter().filter(|entry| entry.number >= next);
        let bytes: Vec<u8> = wanted.flat_map(|entry| frame(self.body, entry).into_bytes()).collect();
        if bytes.is_empty() {
            return Ok(());
        }
        let open = self.stream.take();
        let (to, name, config) = (self.to.clone(), self.name.clone(), self.config.clone());
        let sent = tokio::task::spawn_blocking(move || {
            let mut stream = match open {
                Some(open) => open,
                None => connect(&to, name, config)?,
            };
            stream.write_all(&bytes)?;
            stream.flush()?;
            Ok::<_, std::io::Error>(stream)
        });
        self.stream = Some(sent.await.map_err(std::io::Error::other)??);
        Ok(())
    }
}

fn connect(to: &str, name: ServerName<'static>, config: Arc<ClientConfig>) -> std::io::Result<Stream> {
    let unknown = || std::io::Error::new(std::io::ErrorKind::NotFound, "no address");
    let address = to.to_socket_addrs()?.next().ok_or_else(unknown)?;
    let socket = TcpStream::connect_timeout(&address, WAIT)?;
    socket.set_write_timeout(Some(WAIT))?;
    socket.set_read_timeout(Some(WAIT))?;
    let connection = ClientConnection::new(config, name).map_err(std::io::Error::other)?;
    Ok(StreamOwned::new(connection, socket))
}

/// One message behind its length in bytes (RFC 5425, 4.3).
fn frame(body: BodyCode, entry: &FollowedEntry) -> String {
    let message = message(body, entry);
    format!("{} {message}", message.len())
}

/// One event (RFC 5424): structured data alone. 32473 is the number that RFC 5612 keeps for those who have none.
fn message(body: BodyCode, entry: &FollowedEntry) -> String {
    let time = i64::try_from(entry.at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let time = time.map_or_else(|| "-".to_owned(), |time| format!("{time:.3}"));
    let kind = kind(entry.kind);
    let request = entry.request.map(|request| format!(" request=\"{request}\"")).unwrap_or_default();
    format!(
        "<{PRIORITY}>1 {time} - chukei - {kind} [chukei@32473 body=\"{body}\" seq=\"{}\" kind=\"{kind}\"{request}]",
        entry.number,
    )
}

/// What an entry is, as it says without a key.
fn kind(kind: u8) -> &'static str {
    match kind {
        1 => "call",
        2 => "authorised",
        3 => "refused",
        4 => "outcome",
        5 => "restored",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use chukei_wire::id::RequestId;

    use super::*;

    #[test]
    fn an_event_is_a_syslog_message_behind_its_length() {
        let entry = FollowedEntry {
            number: 12,
            at_ms: 1_795_219_200_250,
            kind: 2,
            request: Some(RequestId([1; 16])),
            sealed: vec![0xff; 40].into(),
        };
        let body = "982016".parse().unwrap();
        let told = message(body, &entry);
        let request = RequestId([1; 16]);
        assert_eq!(
            told,
            format!(
                "<110>1 2026-11-21T00:00:00.250Z - chukei - authorised [chukei@32473 body=\"982016\" seq=\"12\" \
                 kind=\"authorised\" request=\"{request}\"]"
            )
        );
        assert_eq!(frame(body, &entry), format!("{} {told}", told.len()));
    }
}
