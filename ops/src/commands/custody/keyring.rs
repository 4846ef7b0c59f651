//! `keys backup` and `keys restore`: a copy of a sealed keyring, and a keyring brought back on a machine that has none.
//!
//! What must hold: a copy is as sealed as the keyring itself, and opens no longer than the epoch that it was sealed under
//! lives; nothing is overwritten; what is brought back has been opened first, and is not older than the newest that was
//! acknowledged.

use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use chukei_crypto::keyring::RootKey;
use chukei_keys::{
    DrillError, FileProvider, KeyProvider, KeySettings, KeyfileError, MAX_KEYRING_BYTES, Owner, ProviderKind,
    SealedHead,
};
use chukei_relay_client::bounded_file;
use chukei_relay_client::settings::base_of;
use chukei_store::keyring_place::KeyringPlace;
use chukei_store::{PostgresEngine, PostgresOptions};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::files;
use crate::cli::{KeyringBackupArgs, KeyringRestoreArgs, ServerArgs, ShareFiles};
use crate::commands::postgres;
use crate::failure::Failure;
use crate::folder;
use crate::report::Report;

/// What is needed of a role's configuration.
#[derive(Deserialize)]
struct RoleConfig {
    data_dir: PathBuf,
    keys: KeySettings,
    #[serde(default)]
    store: StoreSection,
    #[serde(default)]
    development: bool,
}

/// Of a node: where bodies can lie that are not in its files.
#[derive(Default, Deserialize)]
struct StoreSection {
    postgres: Option<ServerSection>,
}

#[derive(Deserialize)]
struct ServerSection {
    url: String,
    password_file: Option<PathBuf>,
    authority: Option<PathBuf>,
    schema: Option<String>,
}

impl ServerSection {
    fn into_args(self, base: &Path, development: bool) -> ServerArgs {
        let file = |path: Option<PathBuf>| path.map(|path| base.join(path));
        ServerArgs {
            url: self.url,
            password_file: file(self.password_file),
            authority: file(self.authority),
            schema: self.schema.unwrap_or_else(|| PostgresOptions::new("", "").schema),
            development,
        }
    }
}

/// Where a role keeps an owner's keys.
struct Places {
    roots: PathBuf,
    epochs: PathBuf,
    keyring: PathBuf,
    server: Option<ServerArgs>,
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
        let RoleConfig { data_dir, keys, store, development } =
            toml::from_str(&text).map_err(|_| unusable())?;
        if keys.provider == ProviderKind::Pkcs11 {
            let message = "この設定の鍵はトークンの中にあります。トークンの控えを使ってください";
            return Err(Failure::usage("BAD_CONFIG", message));
        }
        let (roots, epochs) = keys.roots.zip(keys.epochs).ok_or_else(unusable)?;
        let keyring = base.join(data_dir).join("keys").join(format!("{owner}.keyring"));
        let server = store.postgres.map(|server| server.into_args(&base, development));
        Ok(Self { roots: base.join(roots), epochs: base.join(epochs), keyring, server })
    }

    /// The sealed keyring: the file, or the row of a body that lies on a server, which has no file here.
    fn sealed(&self, owner: &Owner) -> Result<(Vec<u8>, SealedHead), Failure> {
        let Some(server) = self.server.as_ref().filter(|_| !self.keyring.exists()) else {
            return sealed(&self.keyring, owner);
        };
        let row = row(server, owner)?;
        let place = format!("サーバーの {}.keyrings({owner})", server.schema);
        let Some(bytes) = row else {
            let message = "鍵束がファイルにもサーバーにもありません。所有者を確認してください";
            return Err(Failure::usage("BAD_KEYRING", message));
        };
        let head = head(&bytes, &place, owner)?;
        Ok((bytes, head))
    }
}

/// The row of an owner's keyring, as sealed as it lies there.
fn row(server: &ServerArgs, owner: &Owner) -> Result<Option<Vec<u8>>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other("RUNTIME", format!("起動できません: {error}")))?;
    let options = postgres::options(server)?;
    let engine =
        runtime.block_on(PostgresEngine::connect(options)).map_err(|error| postgres::failed(&error))?;
    let row = engine.keyring(owner.as_str()).map_err(|error| postgres::failed(&error))?;
    row.read(MAX_KEYRING_BYTES).map_err(|error| {
        let message = "サーバーを確認し、もう一度実行してください";
        Failure::unavailable(format!("鍵束を読み取れません({error})。{message}"))
    })
}

fn owner(name: &str) -> Result<Owner, Failure> {
    name.parse().map_err(|_| {
        let message = "所有者の名前が正しくありません。--owner は1〜32文字の a-z 0-9 - で指定してください";
        Failure::usage("BAD_USAGE", message)
    })
}

fn sealed(path: &Path, owner: &Owner) -> Result<(Vec<u8>, SealedHead), Failure> {
    let place = path.display();
    let most = usize::try_from(MAX_KEYRING_BYTES).unwrap_or(usize::MAX);
    let bytes = bounded_file::read(path, most).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => unusable(&place, &KeyfileError::TooLarge),
        _ => files::io_failed(path, &error),
    })?;
    let head = head(&bytes, &place, owner)?;
    Ok((bytes, head))
}

fn head(bytes: &[u8], place: &dyn std::fmt::Display, owner: &Owner) -> Result<SealedHead, Failure> {
    let long = u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_KEYRING_BYTES);
    let head = if long { Err(KeyfileError::TooLarge) } else { SealedHead::of(bytes, owner) };
    head.map_err(|error| unusable(place, &error))
}

fn unusable(place: &dyn std::fmt::Display, cause: &dyn std::fmt::Display) -> Failure {
    let message = "所有者とファイルを確認してください";
    Failure::usage("BAD_KEYRING", format!("{place} は鍵束として使えません({cause})。{message}"))
}

/// `keys backup`.
pub(super) fn backup(args: &KeyringBackupArgs) -> Result<Report, Failure> {
    let owner = owner(&args.owner)?;
    let places = Places::of(&args.keys, &owner)?;
    let (bytes, head) = places.sealed(&owner)?;
    std::fs::create_dir_all(&args.out_dir).map_err(|error| files::io_failed(&args.out_dir, &error))?;
    let path = args.out_dir.join(format!("{owner}.keyring-{}", head.generation));
    files::create(&path, &bytes)?;
    folder::sync_of(&path).map_err(|error| files::io_failed(&path, &error))?;
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
    folder::sync_of(&places.keyring).map_err(|error| files::io_failed(&places.keyring, &error))?;
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
