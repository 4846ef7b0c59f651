//! The tables, and how they come to be.
//!
//! Every key begins with the body's name, so that the tables can be distributed by it. Row-level security is forced
//! on all that belong to a body: a session sees the bodies that its transaction named in [`BODY_SETTING`], and no
//! transaction names a body that its process does not own. What is journalled or leased for several bodies in one
//! transaction names them all, with commas in between.

use tokio_postgres::Client;

use super::refusal::PostgresRefusal;
use crate::error::StoreError;

/// The newest form of the tables, which this software reads and writes.
pub const SCHEMA_VERSION: i32 = 2;

/// The setting of a transaction that names its bodies.
pub(super) const BODY_SETTING: &str = "chukei.body";

/// Whom a table's policy lets through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sees {
    /// Rows of the one body that the transaction names.
    One,
    /// Rows of each of the bodies that it names.
    Each,
}

struct Table {
    name: &'static str,
    columns: &'static str,
    sees: Sees,
}

/// The tables that belong to bodies.
const TABLES: &[Table] = &[
    // The rows themselves.
    Table {
        name: "rows",
        columns: "body text NOT NULL, key bytea NOT NULL, version bigint NOT NULL, value bytea NOT NULL,
                  PRIMARY KEY (body, key)",
        sees: Sees::One,
    },
    // The last version that was given: written by every commit, so that it also tells which commits there were.
    Table {
        name: "marks",
        columns: "body text NOT NULL PRIMARY KEY, version bigint NOT NULL",
        sees: Sees::One,
    },
    // The epoch of the owner: locked by every commit, written only by who takes the body over. Never deleted.
    Table {
        name: "fences",
        columns: "body text NOT NULL PRIMARY KEY, epoch bigint NOT NULL",
        sees: Sees::Each,
    },
    // Who owns the body until when; an empty owner is nobody. Never deleted.
    Table {
        name: "leases",
        columns: "body text NOT NULL PRIMARY KEY, owner text NOT NULL, epoch bigint NOT NULL,
                  expires timestamptz NOT NULL",
        sees: Sees::Each,
    },
    // What happened, numbered per body.
    Table {
        name: "journal",
        columns: "body text NOT NULL, number bigint NOT NULL, at_ms bigint NOT NULL, kind smallint NOT NULL,
                  replay bytea, sealed bytea NOT NULL, PRIMARY KEY (body, number)",
        sees: Sees::Each,
    },
    // Ids that must not be used again, by the time they were used.
    Table {
        name: "replays",
        columns: "body text NOT NULL, at_ms bigint NOT NULL, id bytea NOT NULL, PRIMARY KEY (body, at_ms, id)",
        sees: Sees::Each,
    },
    // Where a body's journal begins and why, the last number that was given up, and whether it is being put back.
    Table {
        name: "logs",
        columns: "body text NOT NULL PRIMARY KEY, kept_from bigint NOT NULL, why smallint NOT NULL,
                  last bigint NOT NULL, restoring boolean NOT NULL",
        sees: Sees::Each,
    },
    // Sealed keyrings: the epochs that they open under are not here.
    Table {
        name: "keyrings",
        columns: "body text NOT NULL PRIMARY KEY, sealed bytea NOT NULL",
        sees: Sees::Each,
    },
];

/// The names of all tables that belong to bodies.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|table| table.name)
}

/// Brings the tables to [`SCHEMA_VERSION`] in one transaction and gives `role` the right to use them; says from which
/// version it came, 0 where there was none. May be repeated.
pub(super) async fn migrate(client: &Client, schema: &str, role: &str) -> Result<i32, StoreError> {
    run(client, &format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await?;
    run(
        client,
        &format!(
            "CREATE TABLE IF NOT EXISTS {schema}.format (part text PRIMARY KEY, version integer NOT NULL)"
        ),
    )
    .await?;
    let insert = format!("INSERT INTO {schema}.format VALUES ('tables', 0) ON CONFLICT (part) DO NOTHING");
    run(client, &insert).await?;
    run(client, "BEGIN").await?;
    let locked = format!("SELECT version FROM {schema}.format WHERE part = 'tables' FOR UPDATE");
    let found: i32 = client.query_one(&locked, &[]).await.and_then(|row| row.try_get(0)).map_err(failed)?;
    if found > SCHEMA_VERSION {
        run(client, "ROLLBACK").await?;
        return Err(StoreError::NewerFormat);
    }
    if found < 1 {
        for table in TABLES {
            run(client, &table.create(schema)).await?;
        }
    }
    if found == 1 {
        run(client, &keyrings_of_each(schema)).await?;
    }
    run(client, &format!("UPDATE {schema}.format SET version = {SCHEMA_VERSION} WHERE part = 'tables'"))
        .await?;
    for statement in grants(schema, role) {
        run(client, &statement).await?;
    }
    run(client, "COMMIT").await?;
    Ok(found)
}

/// In the first form a transaction saw one keyring.
fn keyrings_of_each(schema: &str) -> String {
    let named = Sees::Each.condition();
    format!("ALTER POLICY named_bodies ON {schema}.keyrings USING ({named}) WITH CHECK ({named})")
}

impl Sees {
    /// What a row must be for it.
    fn condition(self) -> String {
        match self {
            Self::One => format!("body = current_setting('{BODY_SETTING}', true)"),
            // Not an array made of it, which would be made anew for every row.
            Self::Each => {
                format!(
                    "strpos(',' || current_setting('{BODY_SETTING}', true) || ',', ',' || body || ',') > 0"
                )
            }
        }
    }
}

impl Table {
    fn create(&self, schema: &str) -> String {
        let Self { name, columns, .. } = self;
        let named = self.sees.condition();
        format!(
            "CREATE TABLE {schema}.{name} ({columns});
             ALTER TABLE {schema}.{name} ENABLE ROW LEVEL SECURITY;
             ALTER TABLE {schema}.{name} FORCE ROW LEVEL SECURITY;
             CREATE POLICY named_bodies ON {schema}.{name} USING ({named}) WITH CHECK ({named})"
        )
    }
}

/// No right to see or change anything but the rows: not the tables' form, not its version.
fn grants(schema: &str, role: &str) -> Vec<String> {
    let mut grants = vec![
        format!("GRANT USAGE ON SCHEMA {schema} TO {role}"),
        format!("GRANT SELECT ON {schema}.format TO {role}"),
    ];
    let rights = |name| format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.{name} TO {role}");
    grants.extend(tables().map(rights));
    grants
}

/// Refuses tables of another form than this software's.
pub(super) async fn check(client: &Client, schema: &str) -> Result<(), StoreError> {
    let sql = format!("SELECT version FROM {schema}.format WHERE part = 'tables'");
    let row = client.query_opt(&sql, &[]).await.map_err(failed)?;
    let version: i32 = row.map_or(Ok(0), |row| row.try_get(0)).map_err(failed)?;
    match version {
        SCHEMA_VERSION => Ok(()),
        newer if newer > SCHEMA_VERSION => Err(StoreError::NewerFormat),
        _ => Err(PostgresRefusal::NotMigrated.into()),
    }
}

async fn run(client: &Client, sql: &str) -> Result<(), StoreError> {
    client.batch_execute(sql).await.map_err(failed)
}

fn failed(error: tokio_postgres::Error) -> StoreError {
    super::failure::Failure::from(error).into_store_error()
}
