//! The statements, with the schema's name in them. All are prepared once per connection.

use super::schema::BODY_SETTING;

pub(super) struct Statements {
    /// Names the bodies of a transaction.
    pub(super) name_bodies: String,
    /// Locks the epochs of bodies until the transaction ends.
    pub(super) fence: String,
    pub(super) get: String,
    pub(super) scan_from: String,
    pub(super) scan_after: String,
    pub(super) count: String,
    pub(super) usage: String,
    pub(super) versions: String,
    pub(super) mark: String,
    pub(super) touch: String,
    pub(super) delete: String,
    pub(super) put: String,
    pub(super) take_lease: String,
    pub(super) raise_fence: String,
    pub(super) first_mark: String,
    pub(super) renew_leases: String,
    pub(super) release_lease: String,
    pub(super) has_mark: String,
    pub(super) remove_some: String,
    pub(super) remove_mark: String,
}

/// Bytes that the server keeps per row besides key and value: the row's header, the body's name, the version, and
/// the key once more in the index.
const ROW_OVERHEAD: usize = 96;

impl Statements {
    pub(super) fn new(schema: &str) -> Self {
        let s = schema;
        Self {
            name_bodies: format!("SELECT set_config('{BODY_SETTING}', $1, true)"),
            fence: format!(
                "SELECT body, epoch FROM {s}.fences WHERE body = ANY ($1) ORDER BY body FOR SHARE"
            ),
            get: format!("SELECT key, version, value FROM {s}.rows WHERE body = $1 AND key = ANY ($2)"),
            scan_from: scan(s, ">="),
            scan_after: scan(s, ">"),
            count: format!("SELECT count(*) FROM {s}.rows WHERE body = $1 AND key >= $2 AND key < $3"),
            usage: format!(
                "SELECT coalesce(sum(2 * octet_length(key) + octet_length(value) + {ROW_OVERHEAD}), 0)::bigint
                 FROM {s}.rows WHERE body = $1"
            ),
            versions: format!("SELECT key, version FROM {s}.rows WHERE body = $1 AND key = ANY ($2)"),
            mark: format!("UPDATE {s}.marks SET version = $2 WHERE body = $1"),
            touch: format!("UPDATE {s}.marks SET version = version WHERE body = $1 RETURNING version"),
            delete: format!("DELETE FROM {s}.rows WHERE body = $1 AND key = ANY ($2)"),
            put: format!(
                "INSERT INTO {s}.rows (body, key, version, value)
                 SELECT $1, put.key, put.version, put.value
                 FROM unnest($2::bytea[], $3::bigint[], $4::bytea[]) AS put (key, version, value)
                 ON CONFLICT (body, key) DO UPDATE SET version = excluded.version, value = excluded.value"
            ),
            take_lease: format!(
                "INSERT INTO {s}.leases AS held (body, owner, epoch, expires)
                 VALUES ($1, $2, 1, now() + $3::bigint * interval '1 millisecond')
                 ON CONFLICT (body) DO UPDATE
                 SET owner = excluded.owner, epoch = held.epoch + 1, expires = excluded.expires
                 WHERE held.owner = '' OR held.owner = excluded.owner OR held.expires <= now()
                 RETURNING epoch"
            ),
            raise_fence: format!(
                "INSERT INTO {s}.fences (body, epoch) VALUES ($1, $2)
                 ON CONFLICT (body) DO UPDATE SET epoch = excluded.epoch"
            ),
            first_mark: format!(
                "INSERT INTO {s}.marks AS mark (body, version) VALUES ($1, 0)
                 ON CONFLICT (body) DO UPDATE SET version = mark.version RETURNING version"
            ),
            renew_leases: format!(
                "UPDATE {s}.leases SET expires = now() + $1::bigint * interval '1 millisecond'
                 WHERE body = ANY ($2) AND owner = $3 RETURNING body, epoch"
            ),
            release_lease: format!(
                "UPDATE {s}.leases SET owner = '', expires = now() WHERE body = $1 AND owner = $2 AND epoch = $3"
            ),
            has_mark: format!("SELECT version FROM {s}.marks WHERE body = $1"),
            remove_some: format!(
                "DELETE FROM {s}.rows WHERE body = $1
                 AND key IN (SELECT key FROM {s}.rows WHERE body = $1 ORDER BY key LIMIT $2)"
            ),
            remove_mark: format!("DELETE FROM {s}.marks WHERE body = $1"),
        }
    }
}

/// A page: at most so many rows, of which only those are sent before which fewer than so many bytes stand; and how
/// many rows there were, sent or not.
fn scan(schema: &str, from: &str) -> String {
    format!(
        "SELECT key, version, value, found FROM (
           SELECT key, version, value, count(*) OVER () AS found,
             sum(octet_length(value)) OVER (ORDER BY key ROWS UNBOUNDED PRECEDING) - octet_length(value) AS before
           FROM (SELECT key, version, value FROM {schema}.rows
                 WHERE body = $1 AND key {from} $2 AND key < $3 ORDER BY key LIMIT $4) AS page
         ) AS measured WHERE before < $5 ORDER BY key"
    )
}
