//! `backup create` and `backup verify`: a body's rows and log as the node keeps them, sealed, in a folder of the staff's.
//!
//! What must hold: a folder gets its name only when everything in it is durable and is what the signed manifest says;
//! nothing that is already there is overwritten; a check needs no key but the body's public identity.

use std::path::{Path, PathBuf};

use chukei_relay_client::bounded_file;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::peers::PeerList;
use chukei_store::image::{BackupSet, FileSums, ImageError, ImageFile, ImageWriter, Manifest, check_chain};
use chukei_wire::header::Kind;
use chukei_wire::message::backup::{BackupBase, BackupBegun, BackupFile, BackupPiece, BackupRequest};
use chukei_wire::result::ResultName;
use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::json;

use crate::cli::{CreateArgs, VerifyArgs};
use crate::failure::Failure;
use crate::japan_time;
use crate::link::{Conversation, Fault, NodeLink};
use crate::progress::Progress;
use crate::report::Report;

/// Bytes of a manifest at most, before it is looked at.
const MANIFEST_MAX: usize = 64 << 20;
/// Bytes of a file with a public key at most.
const IDENTITY_MAX: usize = 4 * 1024;

/// `backup create`.
pub(crate) async fn create(link: &mut NodeLink, args: CreateArgs, show: bool) -> Result<Report, Failure> {
    let base = args.base.as_deref().map(base).transpose()?;
    std::fs::create_dir_all(&args.out).map_err(|error| not_written(&args.out, &error.to_string()))?;
    let request = BackupRequest { base };
    let mut talk = link
        .persist(async |link| {
            let mut talk = link.open(Kind::BackupCreate).await?;
            talk.say(&request).await?;
            talk.finish().await?;
            let begun: BackupBegun = talk.hear().await?;
            Ok((talk, begun))
        })
        .await
        .map_err(begun_failed)?;
    let taken = take(&mut talk.0, &talk.1, &args.out, show).await;
    let taken = taken.map_err(broke_off)?;
    talk.0.end().await.map_err(broke_off)?;
    Ok(report(&taken))
}

/// What was taken.
struct Taken {
    folder: PathBuf,
    manifest: Manifest,
}

fn base(folder: &Path) -> Result<BackupBase, Failure> {
    let (manifest, base) = BackupSet::peek(folder).map_err(|error| not_checked(&error))?;
    let (id, newest, last_number) = (base.id, base.newest, base.last_number);
    Ok(BackupBase { id, lineage: manifest.lineage, newest, last_number })
}

async fn take(talk: &mut Conversation, begun: &BackupBegun, out: &Path, show: bool) -> Result<Taken, Fault> {
    let folder = out.join(format!("{}-{}", begun.body, begun.at_ms));
    let mut writer = ImageWriter::create(&folder).map_err(|error| image_not_written(&error))?;
    let progress = Progress::bytes(begun.bytes, show);
    let (mut rows, mut journal) = (FileSums::default(), FileSums::default());
    let mut done = 0;
    let manifest = loop {
        let (file, bytes) = chunk(talk).await?;
        done += bytes.len() as u64;
        progress.advance_to(done);
        let (file, sums) = match file {
            BackupFile::Manifest => break bytes,
            BackupFile::Rows => (ImageFile::Rows, &mut rows),
            BackupFile::Journal => (ImageFile::Journal, &mut journal),
        };
        sums.chunks.push(writer.chunk(file, &bytes).map_err(|error| image_not_written(&error))?);
    };
    let (said, _) = BackupSet::peek_at(&manifest).map_err(|error| not_checked(&error))?;
    if said.rows != rows || said.journal != journal || said.body != begun.body {
        return Err(Failure::of_result(ResultName::IntegrityFailure).into());
    }
    let folder = writer.finish(&manifest).map_err(|error| image_not_written(&error))?;
    Ok(Taken { folder, manifest: said })
}

/// The next chunk, put together.
async fn chunk(talk: &mut Conversation) -> Result<(BackupFile, Vec<u8>), Fault> {
    let BackupPiece { file, mut ends, mut bytes } = talk.hear().await?;
    while !ends {
        let next: BackupPiece = talk.hear().await?;
        let limit = if file == BackupFile::Manifest { MANIFEST_MAX } else { ImageWriter::MAX_PAYLOAD };
        if next.file != file || bytes.len() + next.bytes.len() > limit {
            return Err(Failure::of_result(ResultName::IntegrityFailure).into());
        }
        bytes.extend_from_slice(&next.bytes);
        ends = next.ends;
    }
    Ok((file, bytes))
}

fn report(taken: &Taken) -> Report {
    let Taken { folder, manifest } = taken;
    let json = json!({
        "backup": folder.to_string_lossy(),
        "body": manifest.body,
        "incremental": manifest.base.is_some(),
        "created": japan_time::print(manifest.created_ms),
        "records": manifest.records(),
        "entries": manifest.journal_span.last + 1 - manifest.journal_span.first,
        "bytes": manifest.payload_bytes(),
        "pause_us": manifest.pause_us,
        "keyring_generation": manifest.keyring.generation,
        "epoch": manifest.keyring.epoch,
    });
    let text = format!(
        "控えを取りました: {}\n行 {}件、操作ログ {}番まで、{}バイト、書き込みの待ち {:.1}ミリ秒\n\
        次に: chukei backup verify で検査し、別の場所へ写してください。鍵束の控えは別に取ります(chukei keys backup)",
        folder.display(),
        manifest.records(),
        manifest.journal_span.last,
        manifest.payload_bytes(),
        manifest.pause_us as f64 / 1_000.0,
    );
    Report { json, text }
}

/// `backup verify`.
pub(crate) fn verify(args: &VerifyArgs, show: bool) -> Result<Report, Failure> {
    let (manifest, _) = BackupSet::peek(&args.backup).map_err(|error| not_checked(&error))?;
    let identities = identities(args, &manifest.body)?;
    let opened = BackupSet::open(&args.backup, &identities);
    let chain = opened.and_then(|opened| opened.chain(&identities)).map_err(|error| not_checked(&error))?;
    let bytes = chain.iter().map(|backup| backup.manifest().payload_bytes()).sum();
    let progress = Progress::bytes(bytes, show);
    let mut done = 0;
    let checked = check_chain(&chain, &mut |bytes| {
        done += bytes;
        progress.advance_to(done);
    })
    .map_err(|error| not_checked(&error))?;
    drop(progress);
    let keyring = &manifest.keyring;
    let json = json!({
        "verified": true,
        "body": manifest.body,
        "backups": checked.backups,
        "records": checked.records,
        "entries": checked.entries,
        "bytes": checked.bytes,
        "created": japan_time::print(manifest.created_ms),
        "last_number": manifest.journal_span.last,
        "keyring_generation": keyring.generation,
        "root": keyring.root,
        "epoch": keyring.epoch,
    });
    let text = format!(
        "検査に合格しました: 団体 {}、{} 時点、控え {}個、行 {}件、操作ログ {}件\n\
        開くには: 世代 {} 以降の鍵束が必要です",
        manifest.body,
        japan_time::print(manifest.created_ms),
        checked.backups,
        checked.records,
        checked.entries,
        keyring.generation,
    );
    Ok(Report { json, text })
}

/// Who may have signed.
fn identities(args: &VerifyArgs, body: &str) -> Result<Vec<Vec<u8>>, Failure> {
    if let Some(path) = &args.identity {
        return Ok(vec![identity(path)?]);
    }
    let Some((peers, root)) = args.peers.as_deref().zip(args.root.as_deref()) else {
        return Err(Failure::usage("BAD_USAGE", "--peers と --root、または --identity を指定してください"));
    };
    let list = PeerList::load(peers, root, Clock::system().now_ms()).map_err(|error| {
        Failure::usage(
            "BAD_PEERS",
            format!("相手先一覧を使用できません: {error}。--peers と --root を確認してください"),
        )
    })?;
    let listed = body.parse().ok().and_then(|code| list.body(&code).map(|peer| peer.identities.clone()));
    let listed = listed.ok_or_else(|| {
        Failure::usage(
            "BAD_PEERS",
            format!("相手先一覧に団体 {body} がありません。--identity で公開鍵を指定してください"),
        )
    })?;
    Ok(listed.iter().map(<[u8]>::to_vec).collect())
}

pub(crate) fn identity(path: &Path) -> Result<Vec<u8>, Failure> {
    let refused = || {
        let message = "は公開鍵のファイルではありません。16進の1行のファイルを指定してください";
        Failure::usage("BAD_KEY_FILE", format!("{} {message}", path.display()))
    };
    let text = bounded_file::read(path, IDENTITY_MAX).map_err(|_| refused())?;
    HEXLOWER_PERMISSIVE.decode(text.trim_ascii()).map_err(|_| refused())
}

fn begun_failed(failure: Failure) -> Failure {
    match failure.code {
        code if code == ResultName::Expired.as_str() => Failure::refused(
            ResultName::Expired,
            "基の控えのあとにデータが復元または移動されたため、差分を取れません。--base なしで取り直してください",
        ),
        code if code == ResultName::Overloaded.as_str() => Failure {
            message: "別の控えを取っているか、書き込みが多すぎます。しばらく待ってからやり直してください"
                .to_owned(),
            ..failure
        },
        _ => failure,
    }
}

fn broke_off(fault: Fault) -> Failure {
    match fault {
        Fault::Final(failure) => failure,
        Fault::Later(_, failure) => Failure {
            message: "途中で切れました。名前が .partial で終わるフォルダーを消して、もう一度取ってください"
                .to_owned(),
            ..failure
        },
    }
}

fn image_not_written(error: &ImageError) -> Failure {
    match error {
        ImageError::Io { path, source } => not_written(path, &source.to_string()),
        error => not_checked(error),
    }
}

fn not_written(path: &Path, cause: &str) -> Failure {
    let advice = "場所、権限、空き容量を確認してください";
    Failure::other("FILE_IO", format!("{}: {cause}。{advice}", path.display()))
}

pub(crate) fn not_checked(error: &ImageError) -> Failure {
    let (name, message) = match error {
        ImageError::Io { path, source } => {
            let advice = "控えのフォルダーを確認してください";
            return Failure::usage("FILE_IO", format!("{}: {source}。{advice}", path.display()));
        }
        ImageError::BadSignature => (
            ResultName::BadSignature,
            "控えの署名が団体のものではありません。この控えは使わず、管理者に連絡してください".to_owned(),
        ),
        ImageError::BrokenChain => {
            let message = "差分の基になった控えが隣にないか、別のものです。続きの控えをすべて同じフォルダーに置いてください";
            return Failure { code: error.code(), ..Failure::refused(ResultName::NotFound, message) };
        }
        ImageError::NewerFormat => {
            let message = "新しい形式の控えです。新しい版の chukei を使ってください";
            return Failure::usage("NEWER_FORMAT", message);
        }
        error => (
            ResultName::IntegrityFailure,
            format!(
                "控えが壊れているか書き換えられています({error})。別の控えを使い、管理者に連絡してください"
            ),
        ),
    };
    Failure::refused(name, message)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    #[test]
    fn a_public_key_is_read_from_one_line_of_hexadecimal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.pub");
        std::fs::write(&path, format!("{}\n", HEXLOWER.encode(&[7; 91]))).unwrap();
        assert_eq!(identity(&path).unwrap(), vec![7; 91]);
        std::fs::write(&path, "key").unwrap();
        assert_eq!(identity(&path).unwrap_err().code, "BAD_KEY_FILE");
    }
}
