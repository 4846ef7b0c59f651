//! Whether the role that this process logs in as is held by row-level security, and whether the server keeps its
//! word. Both are looked at once, before anything is served.

use tokio_postgres::{Client, Row};

use super::failure::Failure;
use super::refusal::PostgresRefusal;
use super::schema;
use crate::error::StoreError;

/// What the role is or may become by membership: a session could change to it.
const ROLES: &str = "SELECT coalesce(bool_or(r.rolsuper), false), coalesce(bool_or(r.rolbypassrls), false)
    FROM pg_catalog.pg_roles r
    WHERE r.rolname IN (current_user, session_user)
       OR pg_has_role(current_user, r.oid, 'MEMBER') OR pg_has_role(session_user, r.oid, 'MEMBER')";

/// Per table: whether the role is its owner or may become it, whether isolation is forced, and what may be done.
const TABLES: &str = "SELECT c.relname::text,
      pg_has_role(current_user, c.relowner, 'MEMBER') OR pg_has_role(session_user, c.relowner, 'MEMBER'),
      c.relrowsecurity AND c.relforcerowsecurity
        AND EXISTS (SELECT 1 FROM pg_catalog.pg_policies p WHERE p.schemaname = n.nspname AND p.tablename = c.relname),
      has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
        AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = ANY ($2)";

/// Refuses a role that no table's policy would hold, and a server that acknowledges too early.
pub(super) async fn check_role(client: &Client) -> Result<(), StoreError> {
    check_server(client).await?;
    let row = client.query_one(ROLES, &[]).await.map_err(failed)?;
    refuse_if(flag(&row, 0)?, PostgresRefusal::Superuser)?;
    refuse_if(flag(&row, 1)?, PostgresRefusal::BypassesIsolation)
}

/// Refuses tables that do not hold this role to its bodies, or which it may not use.
pub(super) async fn check_tables(client: &Client, schema: &str) -> Result<(), StoreError> {
    let names: Vec<&str> = schema::tables().collect();
    let rows = client.query(TABLES, &[&schema, &names]).await.map_err(failed)?;
    refuse_if(rows.len() != names.len(), PostgresRefusal::NotMigrated)?;
    for row in &rows {
        refuse_if(flag(row, 1)?, PostgresRefusal::OwnsTables)?;
        refuse_if(!flag(row, 2)?, PostgresRefusal::NotIsolated)?;
        refuse_if(!flag(row, 3)?, PostgresRefusal::NotGranted)?;
    }
    Ok(())
}

async fn check_server(client: &Client) -> Result<(), StoreError> {
    // Servers of another make do not know the setting: what they do instead is in their own documents.
    let row = client.query_one("SELECT current_setting('fsync', true)", &[]).await.map_err(failed)?;
    let fsync: Option<String> = row.try_get(0).map_err(failed)?;
    refuse_if(fsync.as_deref() == Some("off"), PostgresRefusal::FsyncOff)
}

fn refuse_if(wrong: bool, refusal: PostgresRefusal) -> Result<(), StoreError> {
    if wrong { Err(refusal.into()) } else { Ok(()) }
}

fn flag(row: &Row, column: usize) -> Result<bool, StoreError> {
    row.try_get(column).map_err(failed)
}

fn failed(error: tokio_postgres::Error) -> StoreError {
    Failure::from(error).into_store_error()
}
