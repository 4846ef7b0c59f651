//! Why a server, a role or the options for them are not used. Each is for the operator to mend; none names a secret.

/// The PostgreSQL engine refuses to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PostgresRefusal {
    /// The connection string cannot be read, or names no host, user or database.
    #[error("the connection string is not understood, or names no host, user or database")]
    BadUrl,
    /// Secrets come from files.
    #[error("the password stands in the connection string: it belongs in a secret file")]
    PasswordInUrl,
    /// Some hosts are Unix sockets and some are not.
    #[error("hosts must be all Unix sockets or all network addresses")]
    MixedHosts,
    /// The server is reached over a network, and no authority for its certificate is given.
    #[error("TLS is required: give the authority that signed the server's certificate")]
    TlsRequired,
    /// The authority's file holds no certificate that can be read.
    #[error("the authority of the server's certificate cannot be read")]
    BadTlsRoots,
    /// A schema's or role's name is not 1–63 of `a-z 0-9 _`, beginning with a letter.
    #[error("not a name of a schema or role: 1 to 63 of a-z 0-9 _")]
    BadName,
    /// A number or a time is outside what the options document.
    #[error("connections, timeouts or the lease are outside their limits")]
    BadLimits,
    /// The role is a superuser or may become one.
    #[error("the role is a superuser or may become one: isolation between bodies would not hold")]
    Superuser,
    /// The role passes row-level security or may become one that does.
    #[error("the role bypasses row-level security or may: isolation between bodies would not hold")]
    BypassesIsolation,
    /// The role owns the tables or may become their owner.
    #[error("the role owns the tables or may: a role that only uses them is needed")]
    OwnsTables,
    /// The server does not let the role in, or knows no such database.
    #[error("the server does not let the role in: its name, its password or the database is wrong")]
    NotAdmitted,
    /// A table has no forced row-level security or no policy.
    #[error("row-level security is not forced on every table")]
    NotIsolated,
    /// The role lacks a right on the tables.
    #[error("the role may not use the tables: migrate with this role's name")]
    NotGranted,
    /// The server acknowledges what is not on its disk.
    #[error("the server runs with fsync off: what it acknowledges would not be durable")]
    FsyncOff,
    /// There are no tables, or they are of an older form.
    #[error("the tables are missing or of an older form: migrate first")]
    NotMigrated,
}

impl PostgresRefusal {
    /// The stable name, for logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadUrl => "POSTGRES_BAD_URL",
            Self::PasswordInUrl => "POSTGRES_PASSWORD_IN_URL",
            Self::MixedHosts => "POSTGRES_MIXED_HOSTS",
            Self::TlsRequired => "POSTGRES_TLS_REQUIRED",
            Self::BadTlsRoots => "POSTGRES_BAD_TLS_ROOTS",
            Self::BadName => "POSTGRES_BAD_NAME",
            Self::BadLimits => "POSTGRES_BAD_LIMITS",
            Self::Superuser => "POSTGRES_SUPERUSER",
            Self::BypassesIsolation => "POSTGRES_BYPASSES_ISOLATION",
            Self::OwnsTables => "POSTGRES_OWNS_TABLES",
            Self::NotAdmitted => "POSTGRES_NOT_ADMITTED",
            Self::NotIsolated => "POSTGRES_NOT_ISOLATED",
            Self::NotGranted => "POSTGRES_NOT_GRANTED",
            Self::FsyncOff => "POSTGRES_FSYNC_OFF",
            Self::NotMigrated => "POSTGRES_NOT_MIGRATED",
        }
    }
}
