//! A session sees the bodies that its transaction named, whatever its statements ask for.

use chukei_postgres_server::SUPERUSER;

use crate::fixture::{DATABASE, NODE, fresh, put, server};

/// What `NODE` finds, having named `body` in its transaction.
fn as_node(body: Option<&str>, sql: &str) -> Result<String, String> {
    let named =
        body.map_or(String::new(), |body| format!("SELECT set_config('chukei.body', '{body}', true);"));
    let script = format!("SET ROLE {NODE}; BEGIN; {named} {sql}; COMMIT");
    server().sql(DATABASE, &script).map_err(|error| error.to_string()).map(|output| {
        // The line of set_config is not of interest.
        output.lines().filter(|line| Some(*line) != body).collect::<Vec<_>>().join("\n")
    })
}

#[tokio::test]
async fn postgres_a_session_of_one_body_reaches_no_row_of_another() {
    let Some(fresh) = fresh("postgres_a_session_of_one_body_reaches_no_row_of_another").await else { return };
    let engine = fresh.engine().await;
    let (own, other) = (engine.open("982016").await.unwrap(), engine.open("982024").await.unwrap());
    own.apply(put(b"a", b"own")).await.unwrap();
    other.apply(put(b"a", b"other").put(crate::fixture::key(b"b"), b"other".to_vec())).await.unwrap();
    let rows = fresh.table("rows");
    let count = format!("SELECT count(*) FROM {rows}");
    assert_eq!(server().sql(DATABASE, &count).unwrap(), "3", "{SUPERUSER} sees all");
    assert_eq!(as_node(Some("982016"), &count).unwrap(), "1");
    assert_eq!(as_node(Some("982024"), &count).unwrap(), "2");
    assert_eq!(as_node(Some("982016"), &format!("{count} WHERE body = '982024'")).unwrap(), "0");
    for nobody in [None, Some(""), Some("982016,982024"), Some("%")] {
        assert_eq!(as_node(nobody, &count).unwrap(), "0", "{nobody:?}");
    }
    let steal = format!("UPDATE {rows} SET value = '' WHERE body = '982024'");
    as_node(Some("982016"), &steal).unwrap();
    as_node(Some("982016"), &format!("DELETE FROM {rows} WHERE body = '982024'")).unwrap();
    for planted in [
        format!("INSERT INTO {rows} VALUES ('982024', 'x', 1, 'x')"),
        format!("UPDATE {rows} SET body = '982024'"),
    ] {
        let refused = as_node(Some("982016"), &planted).unwrap_err();
        assert!(refused.contains("row-level security"), "{refused}");
    }
    assert_eq!(server().sql(DATABASE, &format!("{count} WHERE value = 'other'")).unwrap(), "2");
    for table in ["marks", "fences", "leases"] {
        let count = format!("SELECT count(*) FROM {}", fresh.table(table));
        assert_eq!(as_node(Some("982016"), &count).unwrap(), "1", "{table}");
        assert_eq!(as_node(None, &count).unwrap(), "0", "{table}");
    }
    // The owner of the tables is held too.
    let as_owner = format!("SET ROLE chukei_owner; {count}");
    assert_eq!(server().sql(DATABASE, &as_owner).unwrap(), "0");
}

#[tokio::test]
async fn postgres_reads_and_writes_go_by_the_index_under_row_level_security() {
    let Some(fresh) = fresh("postgres_reads_and_writes_go_by_the_index_under_row_level_security").await
    else {
        return;
    };
    let partition = fresh.engine().await.open("982016").await.unwrap();
    let many = (0..5000u32).fold(chukei_store::Batch::new(), |batch, i| {
        batch.put(crate::fixture::key(&i.to_be_bytes()), vec![0; 64])
    });
    partition.apply(many).await.unwrap();
    let rows = fresh.table("rows");
    server().sql(DATABASE, &format!("ANALYZE {rows}")).unwrap();
    for sql in [
        format!(
            "SELECT value FROM {rows} WHERE body = '982016' AND key = ANY (ARRAY['\\x0500000001','\\x05']::bytea[])"
        ),
        format!(
            "SELECT value FROM {rows} WHERE body = '982016' AND key >= '\\x05' AND key < '\\x06' ORDER BY key LIMIT 5"
        ),
    ] {
        let plan = as_node(Some("982016"), &format!("EXPLAIN {sql}")).unwrap();
        let key_is_searched = plan.lines().any(|line| line.contains("Index Cond") && line.contains("key"));
        assert!(key_is_searched, "{plan}");
    }
}
