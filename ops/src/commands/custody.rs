//! `keys split`, `combine`, `drill`: a root key into shares, shares into the root key, and proof of it (R25).
//!
//! What must hold: a share or a key stands in its own file of mode 0600 and nowhere else — not in what is
//! printed, not in a message —, and no file is ever overwritten, because it may be the only copy.

mod drill;
mod files;
mod keyring;

use std::path::{Path, PathBuf};

use chukei_crypto::custody::{self, CombineError, Share, SplitError};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::cli::{CustodyCommand, ShareFiles, SplitArgs};
use crate::commands::token;
use crate::failure::Failure;
use crate::report::Report;

/// Runs one command.
pub(crate) fn run(command: CustodyCommand) -> Result<Report, Failure> {
    match command {
        CustodyCommand::Split(args) => split(&args),
        CustodyCommand::Combine { shares, out } => combine(&shares, &out),
        CustodyCommand::Drill(args) => drill::run(&args),
        CustodyCommand::Token(args) => token::run(&args),
        CustodyCommand::Backup(args) => keyring::backup(&args),
        CustodyCommand::Restore(args) => keyring::restore(&args),
    }
}

fn split(args: &SplitArgs) -> Result<Report, Failure> {
    let number = args.number.or_else(|| files::number_in_name(&args.root, &args.owner)).ok_or_else(|| {
        let message = "ルート鍵の番号がファイル名から分かりません。--number で指定してください";
        Failure::usage("BAD_USAGE", message)
    })?;
    let secret = files::read_root(&args.root)?;
    let shares =
        custody::split(&secret, &args.owner, number, args.threshold, args.shares).map_err(not_split)?;
    let written = files::write_shares(&args.out_dir, &shares)?;
    let shown: Vec<String> = written.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let mut json = about(&shares);
    add(&mut json, "files", json!(shown));
    let text = format!(
        "{}\n次に: 1人に1ファイルずつ渡し、受け取りを確認したらこのフォルダーから消してください。\
        続けて chukei keys drill で復元できることを確かめてください",
        shown.join("\n")
    );
    Ok(Report { json, text })
}

fn combine(shares: &ShareFiles, out: &Path) -> Result<Report, Failure> {
    let (shares, secret) = restore(shares)?;
    files::write_root(out, &secret)?;
    let mut json = about(&shares);
    add(&mut json, "out", json!(out.to_string_lossy()));
    let text = format!(
        "復元しました: {}\n次に: プロバイダーのルート鍵フォルダーに {} として置き、このコピーを消してください",
        out.display(),
        files::root_name(shares.first().map_or("", |share| share.set().owner.as_str()), number_of(&shares)),
    );
    Ok(Report { json, text })
}

/// The root that the files' shares restore, which is checked.
fn restore(given: &ShareFiles) -> Result<(Vec<Share>, Zeroizing<[u8; 32]>), Failure> {
    let shares = given.files.iter().map(|path| files::read_share(path)).collect::<Result<Vec<_>, _>>()?;
    let secret = custody::combine(&shares).map_err(|error| not_combined(&error, &given.files))?;
    Ok((shares, secret))
}

fn number_of(shares: &[Share]) -> u32 {
    shares.first().map_or(0, |share| share.set().root)
}

/// What is said of a set in every report: nothing of it is secret.
fn about(shares: &[Share]) -> Value {
    let Some(set) = shares.first().map(Share::set) else { return json!({}) };
    json!({
        "owner": set.owner,
        "root": set.root,
        "set": HEXLOWER.encode(&set.id),
        "threshold": set.threshold,
        "shares": set.shares,
        "check": HEXLOWER.encode(&set.check),
    })
}

fn add(json: &mut Value, name: &str, value: Value) {
    if let Some(fields) = json.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn not_split(error: SplitError) -> Failure {
    match error {
        SplitError::Numbers => Failure::usage(
            "BAD_USAGE",
            "シェアの数が正しくありません。--threshold は2以上で --shares 以下、--shares は16以下にしてください",
        ),
        SplitError::Name => Failure::usage(
            "BAD_USAGE",
            "所有者の名前が正しくありません。--owner は1〜32文字の a-z 0-9 - で指定してください",
        ),
        SplitError::Random(_) => {
            Failure::other("RANDOM", "乱数を取得できません。OSの状態を確認してからやり直してください")
        }
    }
}

fn not_combined(error: &CombineError, files: &[PathBuf]) -> Failure {
    let name = |at: usize| files.get(at).map_or_else(String::new, |path| path.display().to_string());
    let (code, message) = match error {
        CombineError::TooFew { have, need } => (
            "SHARES_TOO_FEW",
            format!("シェアが足りません({need}必要、{have}指定)。ほかの保管者のシェアを --share に加えてください"),
        ),
        CombineError::Foreign { at } => (
            "SHARE_FOREIGN",
            format!("{} は別の組のシェアです。最初のシェアと同じ組のものに替えてください", name(*at)),
        ),
        CombineError::Doubled { first, again } => (
            "SHARE_DOUBLED",
            format!("{} と {} は同じシェアです。一方を別のシェアに替えてください", name(*first), name(*again)),
        ),
        CombineError::Wrong { at } if at.is_empty() => (
            "SHARE_WRONG",
            "シェアの内容が分割したときと違うため復元できません。ほかの保管者のシェアを加えると、違うものを特定できます".to_owned(),
        ),
        CombineError::Wrong { at } => {
            let names: Vec<String> = at.iter().map(|at| name(*at)).collect();
            let message = "の内容が分割したときと違います。これを除いてやり直し、分割し直すことを検討してください";
            ("SHARE_WRONG", format!("{} {message}", names.join("、")))
        }
    };
    Failure::usage(code, message)
}
