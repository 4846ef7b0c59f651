//! How the server is reached, and within which limits. Everything is checked before the first connection.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;
use zeroize::Zeroizing;

use super::connect::HostByHost;
use super::refusal::PostgresRefusal;

/// Connections that a process opens at most.
pub const MAX_CONNECTIONS: usize = 256;
/// The shortest lease: below it an ordinary pause of a server would cost the ownership of every body.
pub const MIN_LEASE: Duration = Duration::from_millis(300);
/// The longest lease: another node would wait so long for the bodies of one that died.
pub const MAX_LEASE: Duration = Duration::from_secs(60);

/// How a process reaches the server.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgresql://user@host:port,host:port/database` or the key–value form; no password. Of several hosts the one
    /// that takes writes is used, so that a promoted replica is found. An absolute path as host is a Unix socket.
    pub url: String,
    /// The role's password, as read from its secret file.
    pub password: Option<Zeroizing<String>>,
    /// The authority that signed the server's certificate, PEM. Without it only Unix sockets are used and, where
    /// `development` is set, loopback addresses.
    pub tls_roots: Option<Vec<u8>>,
    /// Whether a loopback address may be used without TLS.
    pub development: bool,
    /// The schema that holds the tables: 1–63 of `a-z 0-9 _`.
    pub schema: String,
    /// Who holds the leases, for the operator's eye: the node's name, 1–64 printable ASCII. Each process adds an id of
    /// its own, so that two nodes of one name do not share a lease.
    pub owner: String,
    /// Connections at most, 1–[`MAX_CONNECTIONS`]; one more renews the leases.
    pub connections: usize,
    /// How long one host has to answer who connects to it.
    pub connect_timeout: Duration,
    /// How long the server works on one statement; counting and measuring have a minute.
    pub statement_timeout: Duration,
    /// How long a batch or a read is tried again while a server restarts or another takes its place.
    pub try_within: Duration,
    /// How long a lease holds without being renewed, [`MIN_LEASE`] to [`MAX_LEASE`]; it is renewed after a third. A
    /// body is taken over this long after its owner died.
    pub lease: Duration,
}

impl PostgresOptions {
    /// Options with which any node takes over any body within ten seconds.
    pub fn new(url: impl Into<String>, owner: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            tls_roots: None,
            development: false,
            schema: "chukei".to_owned(),
            owner: owner.into(),
            connections: 8,
            connect_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(3),
            try_within: Duration::from_secs(10),
            lease: Duration::from_secs(6),
        }
    }

    /// How to connect, or why these options are refused.
    pub(super) fn hosts(&self) -> Result<HostByHost, PostgresRefusal> {
        let (config, tls) = self.client()?;
        Ok(HostByHost::new(&config, tls, self.connect_timeout))
    }

    fn client(&self) -> Result<(Config, MakeRustlsConnect), PostgresRefusal> {
        self.check_limits()?;
        check_identifier(&self.schema)?;
        let mut config = Config::from_str(&self.url).map_err(|_| PostgresRefusal::BadUrl)?;
        if config.get_password().is_some() {
            return Err(PostgresRefusal::PasswordInUrl);
        }
        if config.get_user().is_none() || config.get_dbname().is_none() || !config.get_hostaddrs().is_empty()
        {
            return Err(PostgresRefusal::BadUrl);
        }
        let mode = self.ssl_mode(config.get_hosts())?;
        if let Some(password) = &self.password {
            config.password(password.as_bytes());
        }
        config
            .ssl_mode(mode)
            .connect_timeout(self.connect_timeout)
            .tcp_user_timeout(self.statement_timeout)
            .keepalives_idle(self.statement_timeout)
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok((config, MakeRustlsConnect::new(self.tls()?)))
    }

    fn check_limits(&self) -> Result<(), PostgresRefusal> {
        let short = Duration::from_millis(100);
        let long = Duration::from_secs(60);
        let owner = (1..=64).contains(&self.owner.len()) && self.owner.bytes().all(|b| b.is_ascii_graphic());
        let fine = owner
            && (1..=MAX_CONNECTIONS).contains(&self.connections)
            && (short..=long).contains(&self.connect_timeout)
            && (short..=long).contains(&self.statement_timeout)
            && (Duration::ZERO..=long).contains(&self.try_within)
            && (MIN_LEASE..=MAX_LEASE).contains(&self.lease);
        if fine { Ok(()) } else { Err(PostgresRefusal::BadLimits) }
    }

    fn ssl_mode(&self, hosts: &[Host]) -> Result<SslMode, PostgresRefusal> {
        let unix = hosts.iter().filter(|host| matches!(host, Host::Unix(_))).count();
        if hosts.is_empty() {
            return Err(PostgresRefusal::BadUrl);
        }
        if unix == hosts.len() {
            return Ok(SslMode::Disable);
        }
        if unix > 0 {
            return Err(PostgresRefusal::MixedHosts);
        }
        if self.tls_roots.is_some() {
            return Ok(SslMode::Require);
        }
        if self.development && hosts.iter().all(is_loopback) {
            return Ok(SslMode::Disable);
        }
        Err(PostgresRefusal::TlsRequired)
    }

    fn tls(&self) -> Result<ClientConfig, PostgresRefusal> {
        let mut roots = RootCertStore::empty();
        for certificate in self.tls_roots.iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem)) {
            let certificate = certificate.map_err(|_| PostgresRefusal::BadTlsRoots)?;
            roots.add(certificate).map_err(|_| PostgresRefusal::BadTlsRoots)?;
        }
        if self.tls_roots.is_some() && roots.is_empty() {
            return Err(PostgresRefusal::BadTlsRoots);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|_| PostgresRefusal::BadTlsRoots)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(config)
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresOptions(schema {}, owner {})", self.schema, self.owner)
    }
}

/// Names go into statements as they are: nothing that would need quoting.
pub(super) fn check_identifier(name: &str) -> Result<(), PostgresRefusal> {
    let letters = name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if letters && begins && name.len() <= 63 { Ok(()) } else { Err(PostgresRefusal::BadName) }
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || IpAddr::from_str(name).is_ok_and(|ip| ip.is_loopback()),
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_postgres::config::SslMode;

    use super::{PostgresOptions, check_identifier};
    use crate::postgres::refusal::PostgresRefusal;

    fn refused(options: &PostgresOptions) -> Option<PostgresRefusal> {
        options.client().err()
    }

    #[test]
    fn postgres_options_require_tls_unless_nobody_can_listen() {
        let over = |url: &str| PostgresOptions::new(url, "node-a");
        let network = over("postgresql://chukei@db.example.jp/chukei");
        assert_eq!(refused(&network), Some(PostgresRefusal::TlsRequired));
        let development = PostgresOptions { development: true, ..network };
        assert_eq!(refused(&development), Some(PostgresRefusal::TlsRequired), "not loopback");
        let loopback = over("postgresql://chukei@127.0.0.5:5433,localhost/chukei");
        assert_eq!(refused(&loopback), Some(PostgresRefusal::TlsRequired), "not in development");
        let loopback = PostgresOptions { development: true, ..loopback };
        assert_eq!(loopback.client().map(|(config, _)| config.get_ssl_mode()), Ok(SslMode::Disable));
        let socket = over("postgresql://chukei@%2Frun%2Fpostgresql/chukei");
        assert_eq!(socket.client().map(|(config, _)| config.get_ssl_mode()), Ok(SslMode::Disable));
        let mixed = over("host=/run/postgresql,db.example.jp user=chukei dbname=chukei");
        assert_eq!(refused(&mixed), Some(PostgresRefusal::MixedHosts));
        let weakened = over("postgresql://chukei@db.example.jp/chukei?sslmode=disable");
        assert_eq!(refused(&weakened), Some(PostgresRefusal::TlsRequired));
    }

    #[test]
    fn postgres_options_take_secrets_and_names_only_where_they_belong() {
        let options = PostgresOptions::new("postgresql://chukei:secret@%2Frun/chukei", "node-a");
        assert_eq!(refused(&options), Some(PostgresRefusal::PasswordInUrl));
        for url in
            ["postgresql://%2Frun/chukei", "postgresql://chukei@%2Frun", "postgresql://chukei@/chukei", "?"]
        {
            assert_eq!(refused(&PostgresOptions::new(url, "node-a")), Some(PostgresRefusal::BadUrl), "{url}");
        }
        for name in ["", "1a", "a-b", "A", "a;drop", &"a".repeat(64)] {
            assert_eq!(check_identifier(name), Err(PostgresRefusal::BadName), "{name}");
        }
        let short = PostgresOptions {
            lease: Duration::from_millis(1),
            ..PostgresOptions::new("postgresql://chukei@%2Frun/chukei", "node-a")
        };
        assert_eq!(refused(&short), Some(PostgresRefusal::BadLimits));
        let garbage = PostgresOptions {
            tls_roots: Some(b"no certificate".to_vec()),
            ..PostgresOptions::new("postgresql://chukei@db.example.jp/chukei", "node-a")
        };
        assert_eq!(refused(&garbage), Some(PostgresRefusal::BadTlsRoots));
    }
}
