//! The statements, with the schema's name in them.

/// Bytes of entries after which a page ends.
const PAGE_BYTES: usize = 1 << 20;

pub(super) struct Statements {
    pub(super) insert: String,
    pub(super) note: String,
    pub(super) log: String,
    pub(super) last: String,
    pub(super) page: String,
    pub(super) replays: String,
    pub(super) forget_replays: String,
    pub(super) set_log: String,
    pub(super) delete_some: String,
    pub(super) delete_replays: String,
}

impl Statements {
    pub(super) fn new(schema: &str) -> Self {
        let s = schema;
        Self {
            // What is there already is written as it is, so that the commit waits for replicas; another's row is not.
            insert: format!(
                "INSERT INTO {s}.journal AS kept (body, number, at_ms, kind, replay, sealed)
                 SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bytea[], $6::bytea[])
                 ON CONFLICT (body, number) DO UPDATE SET kind = excluded.kind
                 WHERE kept.sealed = excluded.sealed AND kept.at_ms = excluded.at_ms"
            ),
            note: format!(
                "INSERT INTO {s}.replays (body, at_ms, id)
                 SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[]) ON CONFLICT (body, at_ms, id) DO NOTHING"
            ),
            log: format!("SELECT kept_from, why, last, restoring FROM {s}.logs WHERE body = $1"),
            last: format!("SELECT coalesce(max(number), 0) FROM {s}.journal WHERE body = $1"),
            page: format!(
                "SELECT number, at_ms, kind, replay, sealed FROM (
                   SELECT number, at_ms, kind, replay, sealed,
                     sum(octet_length(sealed)) OVER (ORDER BY number ROWS UNBOUNDED PRECEDING)
                       - octet_length(sealed) AS before
                   FROM (SELECT number, at_ms, kind, replay, sealed FROM {s}.journal
                         WHERE body = $1 AND number >= $2 ORDER BY number LIMIT $3) AS page
                 ) AS measured WHERE before < {PAGE_BYTES} ORDER BY number"
            ),
            replays: format!("SELECT id, at_ms FROM {s}.replays WHERE body = ANY ($1) AND at_ms >= $2 ORDER BY at_ms"),
            forget_replays: format!("DELETE FROM {s}.replays WHERE body = ANY ($1) AND at_ms < $2"),
            set_log: format!(
                "INSERT INTO {s}.logs (body, kept_from, why, last, restoring) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (body) DO UPDATE SET kept_from = excluded.kept_from, why = excluded.why,
                   last = excluded.last, restoring = excluded.restoring"
            ),
            delete_some: format!(
                "DELETE FROM {s}.journal WHERE body = $1 AND number IN
                 (SELECT number FROM {s}.journal WHERE body = $1 AND number < $2 ORDER BY number LIMIT $3)"
            ),
            delete_replays: format!("DELETE FROM {s}.replays WHERE body = $1"),
        }
    }
}
