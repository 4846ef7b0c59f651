//! Connecting to whichever of the hosts takes writes. Each host has its time, from the first packet to the first
//! answer, so that one that hangs does not keep the others from being asked; the one that served last is asked first.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_postgres::Connect;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

type Connecting<'a> = Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + 'a>>;

/// The hosts of one connection string. Clones share what is known of them.
#[derive(Clone)]
pub(super) struct HostByHost {
    hosts: Arc<[Config]>,
    served: Arc<AtomicUsize>,
    tls: MakeRustlsConnect,
    patience: Duration,
}

impl HostByHost {
    /// `config` names all hosts; `patience` is for each of them.
    pub(super) fn new(config: &Config, tls: MakeRustlsConnect, patience: Duration) -> Self {
        let one = |(index, host)| {
            let port = config.get_ports().get(index).or(config.get_ports().first());
            of_one_host(config, host, port.copied())
        };
        let hosts = config.get_hosts().iter().enumerate().map(one).collect();
        Self { hosts, served: Arc::default(), tls, patience }
    }

    /// How long it takes at most until each host had its time.
    pub(super) fn patience(&self) -> Duration {
        self.patience.saturating_mul(u32::try_from(self.hosts.len()).unwrap_or(u32::MAX))
    }

    /// Connects to the first host that answers and takes writes. Within a tokio runtime.
    pub(super) async fn connect(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let first = self.served.load(Ordering::Relaxed);
        let mut error = None;
        let in_order = self.hosts.iter().enumerate().cycle().skip(first).take(self.hosts.len());
        for (asked, (index, host)) in in_order.enumerate() {
            let connecting = host.connect(self.tls.clone());
            let last = asked + 1 == self.hosts.len();
            // The last has what is left: the pool bounds it.
            let connected = match error.is_none() && last {
                true => connecting.await,
                false => match timeout(self.patience, connecting).await {
                    Ok(connected) => connected,
                    Err(_) => continue,
                },
            };
            match connected {
                Ok((client, connection)) => {
                    self.served.store(index, Ordering::Relaxed);
                    let serving = tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(cause = %error, "a connection to the database ended");
                        }
                    });
                    return Ok((client, serving));
                }
                Err(refused) => error = Some(refused),
            }
        }
        match error {
            Some(error) => Err(error),
            // Every host but the last fell silent, and the last is waited for: not reached with a host at all.
            None => std::future::pending().await,
        }
    }
}

impl Connect for HostByHost {
    fn connect(&self, _: &Config) -> Connecting<'_> {
        Box::pin(Self::connect(self))
    }
}

fn of_one_host(all: &Config, host: &Host, port: Option<u16>) -> Config {
    let mut one = Config::new();
    match host {
        Host::Tcp(name) => one.host(name),
        Host::Unix(path) => one.host_path(path),
    };
    if let Some(port) = port {
        one.port(port);
    }
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(database) = all.get_dbname() {
        one.dbname(database);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    if let Some(timeout) = all.get_connect_timeout() {
        one.connect_timeout(*timeout);
    }
    if let Some(timeout) = all.get_tcp_user_timeout() {
        one.tcp_user_timeout(*timeout);
    }
    one.application_name("chukei")
        .ssl_mode(all.get_ssl_mode())
        .channel_binding(all.get_channel_binding())
        .keepalives_idle(all.get_keepalives_idle())
        .target_session_attrs(all.get_target_session_attrs());
    one
}
