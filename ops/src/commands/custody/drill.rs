//! `keys drill`: proof that shares restore the root in use. The root never leaves the memory of this process.

use std::path::{Path, PathBuf};

use chukei_crypto::custody::{self, ShareSet};
use chukei_crypto::keyring::RootKey;
use chukei_keys::{DrillError, DrilledKeyring, FileProvider, KeySettings, KeyfileError, Owner, ProviderKind};
use chukei_relay_client::settings::base_of;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{about, add, files, restore};
use crate::cli::DrillArgs;
use crate::failure::Failure;
use crate::report::Report;

type Secret = Zeroizing<[u8; 32]>;

pub(super) fn run(args: &DrillArgs) -> Result<Report, Failure> {
    let (shares, secret) = restore(&args.shares)?;
    let mut json = about(&shares);
    let Some(set) = shares.first().map(|share| share.set()) else { return Err(nothing_to_try()) };
    let place = InUse::of(args, set)?;
    let (owner, root) = (&set.owner, set.root);
    add(&mut json, "restored", json!(true));
    let mut text = format!("{owner} のルート鍵 {root} を {} 個のシェアから復元できました", shares.len());
    if let Some(roots) = &place.roots {
        compare(roots, set, &secret)?;
        text.push_str("\n使用中のルート鍵と一致します");
    }
    add(&mut json, "root_in_use", json!(place.roots.is_some()));
    if let Some((epochs, keyring)) = &place.keyring {
        let opened = open(epochs, keyring, set, &secret)?;
        add(&mut json, "generation", json!(opened.generation));
        text.push_str(&format!("\n使用中の鍵束(世代 {})を開けました", opened.generation));
    }
    add(&mut json, "keyring_opened", json!(place.keyring.is_some()));
    text.push_str("\n何も書き込んでいません。結果を訓練の記録に残してください");
    Ok(Report { json, text })
}

/// Where the keys in use are, as far as it was said.
struct InUse {
    roots: Option<PathBuf>,
    /// Folder of epochs, and keyring.
    keyring: Option<(PathBuf, PathBuf)>,
}

/// What a drill needs of a role's configuration.
#[derive(Deserialize)]
struct RoleConfig {
    data_dir: PathBuf,
    keys: KeySettings,
}

impl InUse {
    fn of(args: &DrillArgs, set: &ShareSet) -> Result<Self, Failure> {
        let Some(config) = &args.keys else {
            let keyring = args.epochs.clone().zip(args.keyring.clone());
            if args.keyring.is_some() && keyring.is_none() {
                return Err(Failure::usage(
                    "BAD_USAGE",
                    "--keyring には --epochs または --keys も指定してください",
                ));
            }
            return Ok(Self { roots: args.roots.clone(), keyring });
        };
        let base = base_of(config);
        let text = std::fs::read_to_string(config).map_err(|error| files::io_failed(config, &error))?;
        let RoleConfig { data_dir, keys } = toml::from_str(&text).map_err(|_| no_config(config))?;
        if keys.provider == ProviderKind::Pkcs11 {
            let message = "この設定のルート鍵はトークンの中にあり、シェアでは復元しません。トークンの控えで訓練してください";
            return Err(Failure::usage("BAD_CONFIG", message));
        }
        let (roots, epochs) = keys.roots.zip(keys.epochs).ok_or_else(|| no_config(config))?;
        let keyring = args
            .keyring
            .clone()
            .unwrap_or_else(|| base.join(data_dir).join("keys").join(format!("{}.keyring", set.owner)));
        Ok(Self { roots: Some(base.join(roots)), keyring: Some((base.join(epochs), keyring)) })
    }
}

fn compare(roots: &Path, set: &ShareSet, secret: &Secret) -> Result<(), Failure> {
    let in_use = files::read_root(&roots.join(files::root_name(&set.owner, set.root)))?;
    // Check values, not keys: the restored root meets no comparison that could stop early.
    if custody::check_value(&in_use, &set.owner, set.root)
        == custody::check_value(secret, &set.owner, set.root)
    {
        return Ok(());
    }
    let message = "シェアは使用中のものとは別のルート鍵を復元します。使用中の鍵を chukei keys split で分割し直してください";
    Err(Failure::other("ROOT_DIFFERS", message))
}

fn open(epochs: &Path, keyring: &Path, set: &ShareSet, secret: &Secret) -> Result<DrilledKeyring, Failure> {
    let owner: Owner = set.owner.parse().map_err(|_| nothing_to_try())?;
    // No root is read from a folder: the proof stands on the shares alone.
    let provider = FileProvider::mounted(Path::new(""), epochs);
    provider.drill(keyring, &owner, set.root, &RootKey::from_bytes(**secret)).map_err(|error| match error {
        DrillError::OtherRoot { in_use, .. } => Failure::other(
            "ROOT_REPLACED",
            format!("使用中の鍵束はルート鍵 {in_use} で封じられています。その鍵を chukei keys split で分割してください"),
        ),
        DrillError::WrongRoot => Failure::other(
            "KEYRING_DIFFERS",
            "使用中の鍵束は復元した鍵では開けません。使用中の鍵を chukei keys split で分割し直してください",
        ),
        DrillError::Keyring(KeyfileError::Missing) => Failure::usage(
            "FILE_NOT_FOUND",
            format!("鍵束 {} がありません。--keyring を確認してください", keyring.display()),
        ),
        DrillError::Keyring(error) => Failure::other(
            "KEYRING_NOT_READ",
            format!("鍵束 {}: {error}。--keyring と --epochs を確認してください", keyring.display()),
        ),
    })
}

fn no_config(path: &Path) -> Failure {
    let message = "から鍵の場所を読み取れません。data_dir と [keys] の roots、epochs を確認してください";
    Failure::usage("BAD_CONFIG", format!("{} {message}", path.display()))
}

fn nothing_to_try() -> Failure {
    Failure::usage("BAD_USAGE", "シェアを --share で指定してください")
}
