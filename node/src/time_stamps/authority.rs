//! The authority at the other end of an HTTP connection (RFC 3161, 3.4).
//!
//! What must hold: one deadline over name, connection, question and answer; an answer of bounded length and of the one
//! type; no redirects, no proxies, no connection that stays. Over https the server shows a certificate of the configured
//! authority, and of no other. What comes back is believed by its signature alone, see `chukei_crypto::stamp`.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chukei_crypto::stamp::{Policy, REPLY_MAX, Roots};
use chukei_crypto::tls::client_of;
use chukei_relay_client::bounded_file::{self, PEM_MAX};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::config::ConfigError;
use crate::config::time_stamps::TimeStampSettings;

/// Why an authority gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// No connection.
    #[error("cannot be reached: {0}")]
    Unreachable(#[source] std::io::Error),
    /// It took too long.
    #[error("no answer within the deadline")]
    Deadline,
    /// The exchange broke off.
    #[error("the exchange broke off")]
    Broken,
    /// It answered with another status than 200.
    #[error("it answered with status {0}")]
    Status(u16),
    /// It answered with another type than `application/timestamp-reply`.
    #[error("its answer is no time stamp reply")]
    ContentType,
    /// Its answer is longer than [`REPLY_MAX`].
    #[error("its answer is too long")]
    TooLarge,
}

impl AskError {
    /// As metrics name it.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Deadline => "deadline",
            Self::Broken => "broken",
            Self::Status(_) => "status",
            Self::ContentType => "content_type",
            Self::TooLarge => "too_large",
        }
    }
}

/// Where stamps are asked for, and what they are believed by.
pub(crate) struct Authority {
    uri: Uri,
    tls: Option<TlsConnector>,
    roots: Roots,
    policy: Option<Policy>,
    deadline: Duration,
    apart_ms: u64,
}

impl Authority {
    /// Reads what the settings name, relative to `base`.
    pub(crate) fn open(settings: &TimeStampSettings, base: &Path) -> Result<Self, ConfigError> {
        let pem = certificates("time_stamps.roots", &base.join(&settings.roots))?;
        let roots = Roots::from_pem(&pem)
            .map_err(|error| ConfigError::rule("time_stamps.roots", error.to_string()))?;
        let tls = settings.authority.as_deref().map(|file| tls(&base.join(file))).transpose()?;
        Ok(Self {
            uri: settings.uri()?,
            tls,
            roots,
            policy: settings.policy()?,
            deadline: settings.deadline(),
            apart_ms: u64::from(settings.apart_seconds) * 1_000,
        })
    }

    /// Whom its stamps are believed by.
    pub(super) fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The policy that is asked for.
    pub(super) fn policy(&self) -> Option<Policy> {
        self.policy
    }

    /// How far its time may be apart from this machine's, milliseconds.
    pub(super) fn apart_ms(&self) -> u64 {
        self.apart_ms
    }

    /// How long one answer may take.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Its answer to the DER of a question: at most [`REPLY_MAX`] bytes that nobody has looked at.
    pub(super) async fn ask(&self, question: Vec<u8>) -> Result<Vec<u8>, AskError> {
        tokio::time::timeout(self.deadline, self.connected(question)).await.map_err(|_| AskError::Deadline)?
    }

    async fn connected(&self, question: Vec<u8>) -> Result<Vec<u8>, AskError> {
        let host = self.uri.host().unwrap_or_default();
        // An address of IPv6 stands in brackets.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = self.uri.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await.map_err(AskError::Unreachable)?;
        let Some(tls) = &self.tls else { return self.exchange(stream, question).await };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| AskError::Unreachable(ErrorKind::InvalidInput.into()))?;
        let stream = tls.connect(name, stream).await.map_err(AskError::Unreachable)?;
        self.exchange(stream, question).await
    }

    async fn exchange<S>(&self, stream: S, question: Vec<u8>) -> Result<Vec<u8>, AskError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let broken = |_| AskError::Broken;
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(broken)?;
        // Ends with this call, whichever way it ends.
        let mut driven = JoinSet::new();
        driven.spawn(connection);
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        let request = Request::post(path)
            .header(HOST, host)
            .header(CONNECTION, "close")
            .header(CONTENT_TYPE, "application/timestamp-query")
            .body(Full::new(Bytes::from(question)))
            .map_err(|_| AskError::Broken)?;
        let response = sender.send_request(request).await.map_err(broken)?;
        checked(&response)?;
        let read = Limited::new(response.into_body(), REPLY_MAX).collect().await;
        match read {
            Ok(body) => Ok(body.to_bytes().into()),
            Err(error) if error.is::<LengthLimitError>() => Err(AskError::TooLarge),
            Err(_) => Err(AskError::Broken),
        }
    }
}

fn checked<B>(response: &Response<B>) -> Result<(), AskError> {
    if response.status() != StatusCode::OK {
        return Err(AskError::Status(response.status().as_u16()));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/timestamp-reply") { Ok(()) } else { Err(AskError::ContentType) }
}

fn certificates(key: &str, file: &Path) -> Result<Vec<u8>, ConfigError> {
    let unread = |error: std::io::Error| ConfigError::rule(key, format!("{}: {error}", file.display()));
    bounded_file::read(file, PEM_MAX).map_err(unread)
}

fn tls(file: &Path) -> Result<TlsConnector, ConfigError> {
    let key = "time_stamps.authority";
    let config = client_of(&certificates(key, file)?);
    let config = config.map_err(|error| ConfigError::rule(key, error.to_string()))?;
    Ok(TlsConnector::from(Arc::new(config)))
}
