//! `keys backup` and `keys restore`: a copy of a sealed keyring, and a keyring brought back on a machine that has none.
//!
//! What must hold: a copy is as sealed as the keyring itself, and opens no longer than the epoch that it was sealed under
//! lives; nothing is overwritten; what is brought back has been opened first, and is not older than the newest that was
//! acknowledged.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use chukei_crypto::keyring::RootKey;
use chukei_keys::{
    DrillError, FileProvider, KeyProvider, KeySettings, KeyfileError, MAX_KEYRING_BYTES, Owner, ProviderKind,
    SealedHead,
};
use chukei_relay_client::settings::base_of;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::files;
use crate::cli::{KeyringBackupArgs, KeyringRestoreArgs, ShareFiles};
use crate::failure::Failure;
use crate::report::Report;

/// What is needed of a role's configuration.
#[derive(Deserialize)]
struct RoleConfig {
    data_dir: PathBuf,
    keys: KeySettings,
}

/// Where a role keeps an owner's keys.
struct Places {
    roots: PathBuf,
    epochs: PathBuf,
    keyring: PathBuf,
}

impl Places {
    fn of(config: &Path, owner: &Owner) -> Result<Self, Failure> {
        let base = base_of(config);
        let text = std::fs::read_to_string(config).map_err(|error| files::io_failed(config, &error))?;
        let unusable = || {
            let message =
                "から鍵の場所を読み取れません。data_dir と [keys] の roots、epochs を確認してください";
            Failure::usage("BAD_CONFIG", format!("{} {message}", config.display()))
        };
        let RoleConfig { data_dir, keys } = toml::from_str(&text).map_err(|_| unusable())?;
        if keys.provider == ProviderKind::Pkcs11 {
            let message = "この設定の鍵はトークンの中にあります。トークンの控えを使ってください";
            return Err(Failure::usage("BAD_CONFIG", message));
        }
        let (roots, epochs) = keys.roots.zip(keys.epochs).ok_or_else(unusable)?;
        let keyring = base.join(data_dir).join("keys").join(format!("{owner}.keyring"));
        Ok(Self { roots: base.join(roots), epochs: base.join(epochs), keyring })
    }
}

fn owner(name: &str) -> Result<Owner, Failure> {
    name.parse().map_err(|_| {
        let message = "所有者の名前が正しくありません。--owner は1〜32文字の a-z 0-9 - で指定してください";
        Failure::usage("BAD_USAGE", message)
    })
}

fn sealed(path: &Path, owner: &Owner) -> Result<(Vec<u8>, SealedHead), Failure> {
    let length = std::fs::metadata(path).map_err(|error| files::io_failed(path, &error))?.len();
    let unusable = |cause: &dyn std::fmt::Display| {
        let message = "所有者とファイルを確認してください";
        Failure::usage(
            "BAD_KEYRING",
            format!("{} は鍵束として使えません({cause})。{message}", path.display()),
        )
    };
    if length > MAX_KEYRING_BYTES {
        return Err(unusable(&KeyfileError::TooLarge));
    }
    let bytes = std::fs::read(path).map_err(|error| files::io_failed(path, &error))?;
    let head = SealedHead::of(&bytes, owner).map_err(|error| unusable(&error))?;
    Ok((bytes, head))
}

/// `keys backup`.
pub(super) fn backup(args: &KeyringBackupArgs) -> Result<Report, Failure> {
    let owner = owner(&args.owner)?;
    let places = Places::of(&args.keys, &owner)?;
    let (bytes, head) = sealed(&places.keyring, &owner)?;
    std::fs::create_dir_all(&args.out_dir).map_err(|error| files::io_failed(&args.out_dir, &error))?;
    let path = args.out_dir.join(format!("{owner}.keyring-{}", head.generation));
    files::create(&path, &bytes)?;
    files::sync_folder_of(&path).map_err(|error| files::io_failed(&path, &error))?;
    let SealedHead { generation, root, epoch } = head;
    let json = json!({
        "owner": owner.as_str(), "generation": generation, "root": root, "epoch": epoch,
        "file": path.to_string_lossy(),
    });
    let text = format!(
        "鍵束の控えを取りました: {}\n世代 {generation}、ルート鍵 第{root}号\n\
        次に: データの控えとは別の場所に保管してください。エポックが廃棄されると、この控えでは何も開けません",
        path.display(),
    );
    Ok(Report { json, text })
}

/// `keys restore`.
pub(super) fn restore(args: &KeyringRestoreArgs) -> Result<Report, Failure> {
    let owner = owner(&args.owner)?;
    let places = Places::of(&args.keys, &owner)?;
    if places.keyring.exists() {
        return Err(files::io_failed(&places.keyring, &std::io::ErrorKind::AlreadyExists.into()));
    }
    let (bytes, head) = sealed(&args.keyring, &owner)?;
    let in_place = places.roots.join(files::root_name(owner.as_str(), head.root));
    let secret = root(args, &in_place, head.root, &owner)?;
    // Tried before anything is written, with the standby's epochs and the newest generation that it knows.
    let standby = FileProvider::mounted(Path::new(""), &args.standby);
    standby
        .drill(&args.keyring, &owner, head.root, &RootKey::from_bytes(*secret))
        .map_err(|error| not_opened(&error))?;
    if !in_place.exists() {
        files::write_root(&in_place, &secret)?;
    }
    let provider = FileProvider::new(&places.roots, &places.epochs);
    let failed = |error: &dyn std::fmt::Display| {
        Failure::other(
            "KEYS_NOT_WRITTEN",
            format!("鍵を書き込めません: {error}。場所と権限を確認してください"),
        )
    };
    let epochs = provider.take_over(&args.standby, &owner).map_err(|error| failed(&error))?;
    provider.raise_generation(&owner, head.generation).map_err(|error| failed(&error))?;
    let folder = places.keyring.parent().unwrap_or(Path::new("."));
    let mut private = std::fs::DirBuilder::new();
    let made = private.recursive(true).mode(0o700).create(folder);
    made.map_err(|error| files::io_failed(folder, &error))?;
    files::create(&places.keyring, &bytes)?;
    files::sync_folder_of(&places.keyring).map_err(|error| files::io_failed(&places.keyring, &error))?;
    let json = json!({
        "restored": true, "owner": owner.as_str(), "generation": head.generation, "root": head.root,
        "epoch": head.epoch, "epochs": epochs,
    });
    let text = format!(
        "鍵束を戻しました: {owner}、世代 {}、エポック {epochs}件\n\
        次に: データの控えを戻し(chukei-node backup restore)、ノードを起動し、落ち着いたら鍵を更新してください\
        (chukei keys rotate)",
        head.generation,
    );
    Ok(Report { json, text })
}

/// The root, from shares or from its place.
fn root(
    args: &KeyringRestoreArgs,
    in_place: &Path,
    number: u32,
    owner: &Owner,
) -> Result<Zeroizing<[u8; 32]>, Failure> {
    if args.shares.is_empty() {
        return files::read_root(in_place);
    }
    let (shares, secret) = super::restore(&ShareFiles { files: args.shares.clone() })?;
    let set = shares.first().map(|share| share.set());
    if set.is_some_and(|set| set.root == number && set.owner == owner.as_str()) {
        return Ok(secret);
    }
    let message = "のルート鍵で封じられた鍵束です。その鍵のシェアを指定してください";
    Err(Failure::usage("ROOT_REPLACED", format!("{owner} の第{number}号{message}")))
}

fn not_opened(error: &DrillError) -> Failure {
    match error {
        DrillError::Keyring(error) if error.code() == "KEY_DESTROYED" => Failure::usage(
            "KEY_DESTROYED",
            "この控えのエポックは廃棄されています。より新しい鍵束の控えを指定してください",
        ),
        DrillError::Keyring(KeyfileError::Older) => Failure::usage(
            "OLDER_KEYRING",
            "この控えより新しい鍵束が使われていました。最も新しい控えを指定してください",
        ),
        DrillError::Keyring(error) => Failure::other(
            "KEYRING_NOT_READ",
            format!("鍵束を開けません: {error}。--keyring と --standby を確認してください"),
        ),
        DrillError::WrongRoot | DrillError::OtherRoot { .. } => Failure::other(
            "KEYRING_DIFFERS",
            "この鍵束はこのルート鍵では開けません。シェアを確認してください",
        ),
    }
}
