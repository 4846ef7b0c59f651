//! `[time_stamps]` of a node: which authority stamps the bodies' checkpoints (RFC 3161), and whom it is believed by.

use std::path::PathBuf;
use std::time::Duration;

use chukei_crypto::stamp::Policy;
use hyper::Uri;
use serde::Deserialize;

use crate::config::ConfigError;

/// Longest address of an authority, in characters.
const URL_MAX: usize = 512;

/// Without the section nothing is stamped.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TimeStampSettings {
    /// Where it is asked: `http://…` or `https://…`.
    pub url: String,
    /// Certificates that its chain must lead to, PEM.
    pub roots: PathBuf,
    /// With https: who signed the certificate of its server, PEM.
    pub authority: Option<PathBuf>,
    /// The policy that is asked for, an object identifier; its usual one without.
    pub policy: Option<String>,
    /// Seconds that one answer may take, from the first packet on.
    #[serde(default = "deadline_seconds")]
    pub deadline_seconds: u32,
    /// Seconds that its time may be apart from this machine's.
    #[serde(default = "apart_seconds")]
    pub apart_seconds: u32,
}

fn deadline_seconds() -> u32 {
    20
}

fn apart_seconds() -> u32 {
    300
}

impl TimeStampSettings {
    /// Where to ask, once it is an address that can be asked.
    pub fn uri(&self) -> Result<Uri, ConfigError> {
        let rule = || ConfigError::rule("time_stamps.url", "http://host/path or https://host/path");
        let uri: Uri = self.url.parse().map_err(|_| rule())?;
        let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.host().is_some_and(|host| !host.is_empty());
        // A name and password in it would end in logs.
        let bare = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if scheme && host && bare && self.url.len() <= URL_MAX { Ok(uri) } else { Err(rule()) }
    }

    /// The policy, if one is named.
    pub fn policy(&self) -> Result<Option<Policy>, ConfigError> {
        let policy = self.policy.as_deref().map(str::parse).transpose();
        policy.map_err(|error| ConfigError::rule("time_stamps.policy", format!("{error}")))
    }

    /// How long one answer may take.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline_seconds.into())
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let uri = self.uri()?;
        self.policy()?;
        if (uri.scheme_str() == Some("https")) != self.authority.is_some() {
            return Err(ConfigError::rule("time_stamps.authority", "with https, and with nothing else"));
        }
        if !(1..=120).contains(&self.deadline_seconds) {
            return Err(ConfigError::rule("time_stamps.deadline_seconds", "from 1 to 120"));
        }
        if !(1..=3_600).contains(&self.apart_seconds) {
            return Err(ConfigError::rule("time_stamps.apart_seconds", "from 1 to 3600"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> TimeStampSettings {
        TimeStampSettings {
            url: "http://tsa.example/stamp".to_owned(),
            roots: "roots.pem".into(),
            authority: None,
            policy: Some("1.2.392.200091.1".to_owned()),
            deadline_seconds: 20,
            apart_seconds: 300,
        }
    }

    #[test]
    fn what_cannot_be_asked_or_believed_is_refused_with_its_key() {
        usual().check().unwrap();
        let refused = |settings: TimeStampSettings| settings.check().unwrap_err().to_string();
        for url in ["ftp://tsa.example/", "tsa.example", "/stamp", "http://u:p@tsa.example/"] {
            let error = refused(TimeStampSettings { url: url.to_owned(), ..usual() });
            assert!(error.starts_with("time_stamps.url"), "{url}: {error}");
            assert!(!error.contains("u:p"), "{error}");
        }
        let tls = TimeStampSettings { url: "https://tsa.example/".to_owned(), ..usual() };
        assert!(refused(tls.clone()).starts_with("time_stamps.authority"));
        TimeStampSettings { authority: Some("ca.pem".into()), ..tls }.check().unwrap();
        let policy = TimeStampSettings { policy: Some("usual".to_owned()), ..usual() };
        assert!(refused(policy).starts_with("time_stamps.policy"));
        let never = TimeStampSettings { deadline_seconds: 0, ..usual() };
        assert!(refused(never).starts_with("time_stamps.deadline_seconds"));
        let ever = TimeStampSettings { apart_seconds: 86_400, ..usual() };
        assert!(refused(ever).starts_with("time_stamps.apart_seconds"));
    }
}
