//! `keys token`: what an owner has in the hardware token that a role's configuration names, and its first root.

use std::path::Path;

use chukei_keys::pkcs11::{Pkcs11Provider, Pkcs11Settings, TokenIdentityError, identity_keys};
use chukei_keys::{KeyProvider, KeySettings, Owner, ProviderError};
use chukei_relay_client::settings::base_of;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::json;

use crate::cli::TokenArgs;
use crate::failure::Failure;
use crate::report::Report;

/// What is needed of a role's configuration.
#[derive(Deserialize)]
struct RoleConfig {
    keys: KeySettings,
}

/// Runs the command.
pub(crate) fn run(args: &TokenArgs) -> Result<Report, Failure> {
    let settings = settings(&args.keys)?;
    let owner: Owner = args.owner.parse().map_err(|_| {
        Failure::usage(
            "BAD_USAGE",
            "所有者の名前が正しくありません。--owner は1〜32文字の a-z 0-9 - で指定してください",
        )
    })?;
    let provider = Pkcs11Provider::new(&settings);
    let mut roots = provider.roots(&owner).map_err(|error| refused(&error))?;
    if args.make_root && roots.is_empty() {
        provider.make_root(&owner, 1).map_err(|error| refused(&error))?;
        roots = vec![1];
    }
    let epochs = provider.epochs(&owner).map_err(|error| refused(&error))?;
    let identities = args.identity.as_deref().map_or(Ok(Vec::new()), |label| identities(&settings, label))?;
    let mut lines = vec![format!("ルート鍵: {roots:?}"), format!("エポック: {} 件", epochs.len())];
    lines.extend(identities.iter().map(|spki| format!("識別鍵の公開鍵: {spki}")));
    if roots.is_empty() {
        lines.push("次に: --make-root でトークンの中に最初のルート鍵を作ってください".to_owned());
    }
    let json = json!({
        "owner": owner.as_str(),
        "token": settings.token,
        "roots": roots,
        "epochs": epochs.len(),
        "identities": identities,
    });
    Ok(Report { json, text: lines.join("\n") })
}

fn settings(config: &Path) -> Result<Pkcs11Settings, Failure> {
    let bad = |message: String| Failure::usage("BAD_CONFIG", message);
    let text = std::fs::read_to_string(config)
        .map_err(|error| bad(format!("{}: {error}。--keys を確認してください", config.display())))?;
    let read: Result<RoleConfig, _> = toml::from_str(&text);
    let keys = read.map_err(|_| {
        bad(format!("{} に [keys] がないか、正しくありません。設定を確認してください", config.display()))
    })?;
    keys.keys
        .hardware(&base_of(config))
        .map_err(|_| bad("[keys] に module(絶対パス)、token、pin_file を指定してください".to_owned()))
}

/// Public keys, as a peer list names them.
fn identities(settings: &Pkcs11Settings, label: &str) -> Result<Vec<String>, Failure> {
    match identity_keys(settings, label) {
        Ok(keys) => Ok(keys.iter().map(|key| HEXLOWER.encode(key.spki())).collect()),
        Err(TokenIdentityError::Provider(error)) => Err(refused(&error)),
        Err(error) => Err(Failure::other("TOKEN_KEY", format!("{error}。トークンの鍵を確認してください"))),
    }
}

fn refused(error: &ProviderError) -> Failure {
    match error {
        ProviderError::Unavailable(_) | ProviderError::Io { .. } => Failure::unavailable(format!(
            "トークンを使えません: {error}。接続、PINファイル、ドライバーを確認してからやり直してください"
        )),
        ProviderError::Missing => {
            Failure::usage("TOKEN_KEY", "その名前の鍵がトークンにありません。ラベルを確認してください")
        }
        _ => Failure::other("TOKEN_KEY", format!("{error}。トークンの中の鍵を確認してください")),
    }
}
