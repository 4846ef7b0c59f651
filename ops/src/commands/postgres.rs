//! `postgres migrate` and `check`. Passwords are read from their file and stand nowhere else.

use std::path::Path;

use chukei_store::postgres::SCHEMA_VERSION;
use chukei_store::{PostgresEngine, PostgresOptions, PostgresRefusal, StoreError};
use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::{PostgresCommand, ServerArgs};
use crate::failure::{Exit, Failure};
use crate::report::Report;

/// Who connects, as the server's logs show it.
const OWNER: &str = "chukei-command";

/// Runs one command.
pub(crate) async fn run(command: PostgresCommand) -> Result<Report, Failure> {
    match command {
        PostgresCommand::Migrate { server, role } => migrate(&server, &role).await,
        PostgresCommand::Check { server } => check(&server).await,
    }
}

async fn migrate(server: &ServerArgs, role: &str) -> Result<Report, Failure> {
    let from = PostgresEngine::migrate(&options(server)?, role).await.map_err(|error| failed(&error))?;
    let text = match from {
        SCHEMA_VERSION => format!("表は新しい版({SCHEMA_VERSION})です。{role} の権限を確かめました"),
        0 => format!("表を作成しました(版{SCHEMA_VERSION})。{role} が使えます"),
        from => format!("表を版{from}から版{SCHEMA_VERSION}にしました。{role} が使えます"),
    };
    Ok(Report {
        json: json!({"schema": server.schema, "role": role, "from": from, "to": SCHEMA_VERSION}),
        text,
    })
}

async fn check(server: &ServerArgs) -> Result<Report, Failure> {
    PostgresEngine::connect(options(server)?).await.map_err(|error| failed(&error))?;
    let text = format!("ノードはこのロールとスキーマ {} で起動できます", server.schema);
    Ok(Report { json: json!({"schema": server.schema, "version": SCHEMA_VERSION, "usable": true}), text })
}

/// How the server is reached, with its secrets read.
pub(super) fn options(server: &ServerArgs) -> Result<PostgresOptions, Failure> {
    let password = server.password_file.as_deref().map(read_password).transpose()?;
    let tls_roots = server.authority.as_deref().map(read).transpose()?;
    Ok(PostgresOptions {
        password,
        tls_roots,
        development: server.development,
        schema: server.schema.clone(),
        ..PostgresOptions::new(server.url.clone(), OWNER)
    })
}

/// Without the line's end that editors add.
fn read_password(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |_| Failure::usage("BAD_FILE", format!("読み取れません: {}", path.display()));
    let bytes = Zeroizing::new(read(path)?);
    let text = std::str::from_utf8(&bytes).map_err(unreadable)?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|_| Failure::usage("BAD_FILE", format!("読み取れません: {}", path.display())))
}

/// What a server's refusal means for who asked.
pub(super) fn failed(error: &StoreError) -> Failure {
    let exit = match error {
        StoreError::Unreachable | StoreError::ReadOnly => Exit::Unavailable,
        StoreError::Refused(
            PostgresRefusal::BadUrl
            | PostgresRefusal::PasswordInUrl
            | PostgresRefusal::MixedHosts
            | PostgresRefusal::TlsRequired
            | PostgresRefusal::BadTlsRoots
            | PostgresRefusal::BadName
            | PostgresRefusal::BadLimits,
        ) => Exit::Usage,
        StoreError::Refused(_) | StoreError::NewerFormat => Exit::Refused,
        _ => Exit::Other,
    };
    Failure { exit, code: error.code(), message: explain(error) }
}

/// What is wrong, and what to do next.
fn explain(error: &StoreError) -> String {
    let text = match error {
        StoreError::Unreachable => {
            "データベースに接続できません。ホスト、ポート、証明書、パスワードを確認してください"
        }
        StoreError::ReadOnly => {
            "どのホストも書き込みを受け付けません。切り替えが終わってからやり直してください"
        }
        StoreError::NewerFormat => "表は新しい版のソフトウェアのものです。ソフトウェアを更新してください",
        StoreError::Refused(PostgresRefusal::NotMigrated) => {
            "表がないか古い版です。先に postgres migrate を実行してください"
        }
        StoreError::Refused(PostgresRefusal::NotGranted) => {
            "ロールに権限がありません。このロールの名前で postgres migrate を実行してください"
        }
        StoreError::Refused(
            PostgresRefusal::Superuser | PostgresRefusal::BypassesIsolation | PostgresRefusal::OwnsTables,
        ) => "このロールは団体間の分離を受けません。所有者でも管理者でもないロールを使ってください",
        StoreError::Refused(PostgresRefusal::NotAdmitted) => {
            "サーバーがロールを受け入れません。ロール、パスワード、データベースの名前を確認してください"
        }
        StoreError::Refused(PostgresRefusal::FsyncOff) => "サーバーの fsync が off です。on にしてください",
        StoreError::Refused(PostgresRefusal::TlsRequired) => "TLSが必要です。--authority を指定してください",
        StoreError::Refused(PostgresRefusal::PasswordInUrl) => {
            "接続文字列にパスワードがあります。--password-file を使ってください"
        }
        other => return format!("実行できませんでした: {other}"),
    };
    text.to_owned()
}
