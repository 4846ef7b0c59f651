//! `pki`: the key folder from the command line. Prints where files are, never what is in them.

use std::path::{Path, PathBuf};

use chukei_domain::register::FILE_MAX;
use chukei_domain::register::platform::PLATFORM_FILE_MAX;
use chukei_relay_client::clock::Clock;
use chukei_wire::body_code::BodyCode;
use chukei_wire::identity::Identity;
use serde_json::{Map, Value, json};

use crate::cli::{Holder, IdentityOf, Issued, PkiCommand};
use crate::commands::arguments::read_text;
use crate::commands::factor;
use crate::failure::Failure;
use crate::pki::{
    HOP_DAYS, HopPaths, IdentityHolder, MAINTENANCE_DAYS, PeersPaths, Pki, PkiError, Revoked, Validity,
};
use crate::register_words;
use crate::report::Report;

/// Runs one command.
pub(crate) fn run(command: PkiCommand) -> Result<Report, Failure> {
    let now_ms = Clock::system().now_ms();
    let files = match command {
        PkiCommand::Init { dir } => init(&dir, now_ms),
        PkiCommand::Issue { dir, issued: Issued::Factor(of), .. } => {
            return factor::issue(&dir, &of)?.map_err(|error| failure(&error));
        }
        PkiCommand::Issue { dir, days, issued: Issued::Holder(holder) } => {
            let usual =
                if matches!(holder, Holder::Maintenance { .. }) { MAINTENANCE_DAYS } else { HOP_DAYS };
            let validity = Validity { now_ms, days: days.unwrap_or(usual) };
            Pki::open(&dir).and_then(|pki| issue(&pki, &holder, validity))
        }
        PkiCommand::Revoke { dir, days, former, name } => {
            let revoked =
                Pki::open(&dir).and_then(|pki| pki.revoke(&name, former, Validity { now_ms, days }));
            return revoked.map(revocation).map_err(|error| failure(&error));
        }
        PkiCommand::Crl { dir, days } => {
            Pki::open(&dir).and_then(|pki| Ok(vec![("crl", pki.write_crl(Validity { now_ms, days })?)]))
        }
        PkiCommand::Peers { dir, days } => Pki::open(&dir).and_then(|pki| {
            let paths = pki.write_peers(Validity { now_ms, days })?;
            Ok(list(paths))
        }),
        PkiCommand::Found { dir, body, file } => found(&dir, body, &file, now_ms)?,
        PkiCommand::Platform { dir, file } => {
            let text = read_text(&file, PLATFORM_FILE_MAX)?;
            Pki::open(&dir).and_then(|pki| Ok(vec![("platform", pki.write_platform(&text)?)]))
        }
        PkiCommand::Rotate(args) => Pki::open(&args.dir).and_then(|pki| {
            let paths = pki.rotate_identity(&holder(args.holder), Validity { now_ms, days: args.days })?;
            let mut files = vec![("identity_key", paths.identity_key), ("former_key", paths.former_key)];
            files.extend(list(paths.peers));
            Ok(files)
        }),
        PkiCommand::Retire(args) => Pki::open(&args.dir).and_then(|pki| {
            pki.retire_identity(&holder(args.holder), Validity { now_ms, days: args.days }).map(list)
        }),
    };
    files.map(report).map_err(|error| failure(&error))
}

fn found(dir: &Path, body: BodyCode, file: &Path, now_ms: u64) -> Result<Result<Files, PkiError>, Failure> {
    let text = read_text(file, FILE_MAX)?;
    Ok(Pki::open(dir).and_then(|pki| Ok(vec![("founding", pki.write_founding(body, &text, now_ms)?)])))
}

type Files = Vec<(&'static str, PathBuf)>;

fn init(dir: &Path, now_ms: u64) -> Result<Files, PkiError> {
    let pki = Pki::init(dir, now_ms)?;
    Ok(vec![("dir", pki.dir().to_owned())])
}

fn issue(pki: &Pki, holder: &Holder, v: Validity) -> Result<Files, PkiError> {
    Ok(match holder {
        Holder::Node(server) => hop(pki.issue_node(&server.name, &server.addresses, v)?),
        Holder::Broker(server) => {
            let paths = pki.issue_broker(&server.name, &server.addresses, v)?;
            let mut files = hop(paths.hop);
            files.extend([
                ("acquisition_key", paths.acquisition_key),
                ("code_master", paths.code_master),
                ("permit_key", paths.permit_key),
                ("witness_key", paths.witness_key),
                ("root_key", paths.root_key),
            ]);
            files
        }
        Holder::Portal(server) => {
            let paths = pki.issue_portal(&server.name, &server.addresses, v)?;
            let mut files = hop(paths.hop);
            files.extend([("identity_key", paths.identity_key), ("root_key", paths.root_key)]);
            files.extend([("binding_master", paths.binding_master), ("registry_key", paths.registry_key)]);
            files
        }
        Holder::Staff(member) => hop(pki.issue_staff(member.body, &member.name, v)?),
        Holder::System(member) => hop(pki.issue_system(member.body, &member.name, v)?),
        Holder::Auditor(member) => hop(pki.issue(&Identity::Auditor(member.body, member.name.clone()), v)?),
        Holder::Device { body, name } => hop(pki.issue(&Identity::Device(*body, name.clone()), v)?),
        Holder::Operator { name } => hop(pki.issue(&Identity::Operator(name.clone()), v)?),
        Holder::Maintenance { name } => hop(pki.issue(&Identity::Maintenance(name.clone()), v)?),
        Holder::CodeMaster { version } => vec![("code_master", pki.code_master(*version)?)],
        Holder::BindingMaster { portal, version } => {
            vec![("binding_master", pki.binding_master(portal, *version)?)]
        }
        Holder::Body { code, name } => {
            let paths = pki.issue_body(*code, name)?;
            let acquisition = ("acquisition_key", paths.acquisition_key);
            vec![("identity_key", paths.identity_key), acquisition, ("root_key", paths.root_key)]
        }
    })
}

fn list(paths: PeersPaths) -> Files {
    vec![("file", paths.file), ("signature", paths.signature), ("root", paths.root)]
}

fn holder(of: IdentityOf) -> IdentityHolder {
    match of {
        IdentityOf::Body { code } => IdentityHolder::Body(code),
        IdentityOf::Portal { name } => IdentityHolder::Portal(name),
    }
}

fn hop(paths: HopPaths) -> Files {
    let HopPaths { certificate, key, authority, crl } = paths;
    vec![("certificate", certificate), ("key", key), ("authority", authority), ("crl", crl)]
}

fn revocation(revoked: Revoked) -> Report {
    let Revoked { identity, certificates, crl } = revoked;
    let crl = crl.to_string_lossy().into_owned();
    Report {
        text: format!("{identity}: {certificates} revoked\ncrl: {crl}"),
        json: json!({ "identity": identity, "revoked": certificates, "crl": crl }),
    }
}

fn report(files: Files) -> Report {
    let mut json = Map::new();
    let mut lines = Vec::new();
    for (name, path) in files {
        let path = path.to_string_lossy().into_owned();
        lines.push(format!("{name}: {path}"));
        json.insert(name.to_owned(), Value::from(path));
    }
    Report { json: json!(json), text: lines.join("\n") }
}

fn failure(error: &PkiError) -> Failure {
    let (code, next) = match error {
        PkiError::Exists(_) => ("PKI_EXISTS", "別のフォルダーを指定してください"),
        PkiError::Name => ("PKI_NAME", "名前を確認してください"),
        PkiError::Version => ("PKI_VERSION", "--version を確認してください"),
        PkiError::Validity => ("PKI_VALIDITY", "--days を確認してください"),
        PkiError::NobodysName => ("PKI_UNKNOWN", "名前を確認してください"),
        PkiError::TooManyCertificates(_) => ("PKI_TOO_MANY", "別の鍵フォルダーに分けてください"),
        PkiError::TooManyRecords(_) => ("PKI_TOO_MANY", "不要な相手先を別のフォルダーに移してください"),
        PkiError::Malformed(_) | PkiError::KeyFile(_) | PkiError::Root(_) => {
            ("PKI_FILE", "ファイルを確認してください")
        }
        PkiError::Io { .. } => ("PKI_IO", "鍵フォルダーの場所、権限、他のプロセスの使用を確認してください"),
        PkiError::Rotating => ("PKI_ROTATING", "先に pki retire を実行してください"),
        PkiError::NothingToRetire => ("PKI_NOTHING_TO_RETIRE", "先に pki rotate を実行してください"),
        PkiError::Platform(_) => ("PKI_PLATFORM", "運用者・保守事業者の台帳を直してください"),
        PkiError::Founding(_) => ("PKI_FOUNDING", "設立台帳を直してください"),
        PkiError::Certificate(_) | PkiError::Key => ("PKI_KEY", "鍵ファイルを確認してください"),
    };
    let message = match error {
        PkiError::Platform(refusal) => {
            let at = if refusal.name.is_empty() { String::new() } else { format!("{}: ", refusal.name) };
            format!("署名できません: {at}{}。{next}", register_words::why(refusal.why))
        }
        PkiError::Founding(refusal) => {
            format!("署名できません: {}。{next}", register_words::explain(refusal))
        }
        _ => format!("発行できません: {error}。{next}"),
    };
    match error {
        PkiError::Exists(_)
        | PkiError::Name
        | PkiError::NobodysName
        | PkiError::Validity
        | PkiError::Version
        | PkiError::Founding(_)
        | PkiError::Platform(_)
        | PkiError::Rotating
        | PkiError::NothingToRetire => Failure::usage(code, message),
        _ => Failure::other(code, message),
    }
}
