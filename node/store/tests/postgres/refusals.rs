//! Servers, roles and tables that are not used, each with its reason.

use chukei_postgres_server::{Connection, PostgresServer, SUPERUSER};
use chukei_store::{PostgresEngine, PostgresOptions, PostgresRefusal, StoreError};
use zeroize::Zeroizing;

use crate::fixture::{DATABASE, Fresh, NODE, OWNER, PASSWORD, fresh, put, server, value};

fn of_role(fresh: &Fresh, role: &str) -> PostgresOptions {
    PostgresOptions { url: server().url(role, DATABASE, Connection::Socket), ..fresh.options.clone() }
}

async fn refusal(options: PostgresOptions) -> PostgresRefusal {
    match PostgresEngine::connect(options).await.map(|_| ()) {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn postgres_refuses_roles_that_row_level_security_would_not_hold() {
    let Some(fresh) = fresh("postgres_refuses_roles_that_row_level_security_would_not_hold").await else {
        return;
    };
    for (role, made, expected) in [
        ("boss", "SUPERUSER", PostgresRefusal::Superuser),
        ("passer", "BYPASSRLS", PostgresRefusal::BypassesIsolation),
        ("to_passer", "IN ROLE passer", PostgresRefusal::BypassesIsolation),
        ("to_owner", "IN ROLE chukei_owner", PostgresRefusal::OwnsTables),
        ("nobody_yet", "", PostgresRefusal::NotGranted),
    ] {
        server().sql(DATABASE, &format!("CREATE ROLE {role} LOGIN {made}")).unwrap();
        assert_eq!(refusal(of_role(&fresh, role)).await, expected, "{role}");
    }
    assert_eq!(refusal(of_role(&fresh, OWNER)).await, PostgresRefusal::OwnsTables);
    fresh.engine().await;
    server()
        .sql(DATABASE, &format!("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", fresh.table("rows")))
        .unwrap();
    assert_eq!(refusal(fresh.options.clone()).await, PostgresRefusal::NotIsolated);
}

#[tokio::test]
async fn postgres_refuses_tables_of_newer_software_and_migrates_older_ones() {
    let Some(fresh) = fresh("postgres_refuses_tables_of_newer_software_and_migrates_older_ones").await else {
        return;
    };
    let partition = fresh.engine().await.open("982016").await.unwrap();
    partition.apply(put(b"a", b"1")).await.unwrap();
    drop(partition);
    let format = fresh.table("format");
    let set =
        |version: &str| server().sql(DATABASE, &format!("UPDATE {format} SET version = {version}")).unwrap();
    set("version + 1");
    assert!(matches!(PostgresEngine::connect(fresh.options.clone()).await, Err(StoreError::NewerFormat)));
    let migrated = PostgresEngine::migrate(&of_role(&fresh, OWNER), NODE).await;
    assert!(matches!(migrated, Err(StoreError::NewerFormat)));
    set("version - 1");
    let again = PostgresEngine::migrate(&of_role(&fresh, OWNER), NODE).await.unwrap();
    assert_eq!(again, chukei_store::postgres::SCHEMA_VERSION, "once more changes nothing");
    let partition = fresh.engine().await.open("982016").await.unwrap();
    assert_eq!(value(&*partition, b"a").await, Some(b"1".to_vec()));
    drop(partition);
    let elsewhere = PostgresOptions { schema: "not_there".to_owned(), ..fresh.options.clone() };
    assert_eq!(refusal(elsewhere).await, PostgresRefusal::NotMigrated);
    server().sql(DATABASE, &format!("DELETE FROM {format}")).unwrap();
    assert_eq!(refusal(fresh.options.clone()).await, PostgresRefusal::NotMigrated);
}

#[tokio::test]
async fn postgres_speaks_tls_with_the_authority_it_was_given_and_no_other() {
    let Some(fresh) = fresh("postgres_speaks_tls_with_the_authority_it_was_given_and_no_other").await else {
        return;
    };
    let over_tls = PostgresOptions {
        url: server().url(NODE, DATABASE, Connection::Loopback),
        password: Some(Zeroizing::new(PASSWORD.to_owned())),
        tls_roots: Some(server().authority().as_bytes().to_vec()),
        ..fresh.options.clone()
    };
    let engine = PostgresEngine::connect(over_tls.clone()).await.unwrap();
    let partition = chukei_store::Engine::open(&*engine, "982016").await.unwrap();
    partition.apply(put(b"a", b"1")).await.unwrap();
    let unencrypted = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
        WHERE NOT s.ssl AND a.client_addr IS NOT NULL AND a.application_name = 'chukei'";
    assert_eq!(server().sql(DATABASE, unencrypted).unwrap(), "0");
    let encrypted =
        "SELECT count(*) > 0, min(s.version) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
        WHERE s.ssl AND a.application_name = 'chukei'";
    assert_eq!(server().sql(DATABASE, encrypted).unwrap(), "t|TLSv1.3");
    let bare = PostgresOptions { tls_roots: None, ..over_tls.clone() };
    assert_eq!(refusal(bare).await, PostgresRefusal::TlsRequired);
    let stranger = PostgresServer::start().unwrap();
    let foreign =
        PostgresOptions { tls_roots: Some(stranger.authority().as_bytes().to_vec()), ..over_tls.clone() };
    assert!(matches!(PostgresEngine::connect(foreign).await, Err(StoreError::Unreachable)));
    // The same server, which now acknowledges what is not on its disk.
    stranger.sql("postgres", "ALTER SYSTEM SET fsync = off").unwrap();
    stranger.sql("postgres", "SELECT pg_reload_conf()").unwrap();
    let url = stranger.url(SUPERUSER, "postgres", Connection::Socket);
    let hasty = PostgresOptions { url, ..fresh.options.clone() };
    while refusal(hasty.clone()).await != PostgresRefusal::FsyncOff {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let wrong = PostgresOptions { password: Some(Zeroizing::new("wrong".to_owned())), ..over_tls };
    assert_eq!(refusal(wrong).await, PostgresRefusal::NotAdmitted);
}
