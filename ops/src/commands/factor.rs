//! `factor new` and `pki issue factor`: prints what the register is told, never what is in a key file.

use std::path::{Path, PathBuf};

use chukei_crypto::sign::SigningKey;
use chukei_domain::register::Factor;
use chukei_relay_client::key_file;
use chukei_wire::identity::is_name;
use serde_json::{Value, json};

use crate::cli::{FactorCommand, IssuedFactor, NewFactor, NewKind};
use crate::factors::{entry, of_key, of_new_pin};
use crate::failure::Failure;
use crate::pki::{Pki, PkiError, create_secret_key};
use crate::report::Report;

/// Runs one command.
pub(crate) fn run(command: FactorCommand) -> Result<Report, Failure> {
    let FactorCommand::New { made, key } = command;
    check(&made)?;
    match (made.kind, key) {
        (NewKind::Knowledge, None) => {
            Ok(report("staff", &of_new_pin(&made.name, made.pin_file.as_deref())?, None))
        }
        (NewKind::Biometrics, Some(path)) => {
            let failed =
                |error: &PkiError| Failure::usage("KEY_FILE", format!("鍵ファイルを作れません: {error}"));
            let key = SigningKey::generate().map_err(|_| failed(&PkiError::Key))?;
            create_secret_key(&path, &key).map_err(|error| failed(&error))?;
            let key = SigningKey::from_pkcs8(&key).map_err(|_| failed(&PkiError::Key))?;
            Ok(report("staff", &of_key(&made.name, made.kind.into(), &key), Some(path)))
        }
        (NewKind::Knowledge, Some(_)) => Err(usage("knowledge の要素に --key は使えません")),
        (NewKind::Biometrics, None) => Err(usage("--key に作る鍵ファイルを指定してください")),
    }
}

/// `pki issue factor`.
pub(crate) fn issue(dir: &Path, of: &IssuedFactor) -> Result<Result<Report, PkiError>, Failure> {
    let IssuedFactor { body, holder, made } = of;
    check(made)?;
    let table = if body.is_some() { "staff" } else { "platform" };
    if made.kind == NewKind::Knowledge {
        return Ok(Ok(report(table, &of_new_pin(&made.name, made.pin_file.as_deref())?, None)));
    }
    Ok(Pki::open(dir).and_then(|pki| {
        let path = pki.issue_factor(*body, holder, &made.name)?;
        let key = SigningKey::from_pkcs8(&key_file::read(&path)?).map_err(|_| PkiError::Key)?;
        Ok(report(table, &of_key(&made.name, made.kind.into(), &key), Some(path)))
    }))
}

fn check(made: &NewFactor) -> Result<(), Failure> {
    if !is_name(&made.name) {
        return Err(usage("--name は1〜64文字の a-z 0-9 . _ - で指定してください"));
    }
    if made.kind == NewKind::Biometrics && made.pin_file.is_some() {
        return Err(usage("--pin-file は knowledge の要素だけに使えます"));
    }
    Ok(())
}

fn usage(message: &str) -> Failure {
    Failure::usage("BAD_USAGE", message)
}

fn report(table: &str, factor: &Factor, key: Option<PathBuf>) -> Report {
    let entry = entry(table, factor);
    let key = key.map(|path| path.to_string_lossy().into_owned());
    let text = match &key {
        Some(path) => format!("key: {path}\n\n{entry}"),
        None => entry.clone(),
    };
    let mut json = json!({ "factor": factor, "entry": entry });
    if let (Some(fields), Some(path)) = (json.as_object_mut(), key) {
        fields.insert("key".to_owned(), Value::from(path));
    }
    Report { json, text }
}
