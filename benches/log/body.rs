//! Bodies with nothing but keys and a log, many in one journal.

use std::path::Path;
use std::sync::Arc;

use chukei_benches::Failure;
use chukei_domain::event::Why;
use chukei_domain::local_body_code::LocalBodyCode;
use chukei_keys::{FileProvider, KeyProvider, KeyringFile, Owner};
use chukei_node::audit::{AuditLog, CallTold, Keep};
use chukei_relay_client::request_id;
use chukei_store::journal::{Appending, Slack};
use chukei_store::{DataFolder, Journal, JournalOptions};
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::{Header, Kind};

/// Noon of a day in 2026, Unix milliseconds.
pub(crate) const NOW_MS: u64 = 1_795_219_200_000;
/// The day that keyrings are made on.
const TODAY: u32 = 20_778;
const CALLER: &str = "chukei://body/982016/system/zeimu";

/// A journal and the logs in it.
pub(crate) struct Logs {
    pub(crate) journal: Arc<Journal>,
    pub(crate) logs: Arc<[OneLog]>,
    _folder: DataFolder,
}

/// One body's log, and a call as its events tell it.
pub(crate) struct OneLog {
    pub(crate) log: AuditLog,
    header: Header,
    why: Why,
}

impl Logs {
    /// Of so many fictitious bodies, in a folder of their own below `base`.
    pub(crate) fn new(base: &Path, bodies: usize) -> Result<Self, Failure> {
        let path = tempfile::tempdir_in(base)?.keep();
        let folder = DataFolder::open(&path.join("data"))?;
        let (journal, _) = folder.journal(JournalOptions::default())?;
        let journal = Arc::new(journal);
        let provider = Arc::new(FileProvider::new(&path, &path.join("epochs")));
        let one = |code: LocalBodyCode| one(&path, &provider, &journal, code);
        let logs = codes().take(bodies).map(one).collect::<Result<Vec<_>, Failure>>()?;
        if logs.len() < bodies {
            return Err("there are not so many codes".into());
        }
        Ok(Self { journal, logs: logs.into(), _folder: folder })
    }
}

impl OneLog {
    /// Puts the event of a call on its way to the disk, as one of so many.
    pub(crate) fn called(&self, under_way: i64) -> Appending {
        let told = CallTold { actor: CALLER, header: &self.header, why: &self.why };
        self.log.called(Slack::among(under_way), told, NOW_MS)
    }
}

fn one(
    path: &Path,
    provider: &Arc<FileProvider>,
    journal: &Arc<Journal>,
    code: LocalBodyCode,
) -> Result<OneLog, Failure> {
    let owner: Owner = code.as_str().parse()?;
    provider.make_root(&owner, 1)?;
    let keyring = path.join(format!("{code}.keyring"));
    let keyring = Arc::new(KeyringFile::create(&keyring, provider.clone(), &owner, TODAY)?);
    let body: BodyCode = code.as_str().parse()?;
    let header = Header::hop(Kind::CopyShow, Some(body), request_id::fresh(NOW_MS)?, 10_000);
    let why = Why {
        device: Some("zeimu-terminal-07".to_owned()),
        department: Some("zeimu".to_owned()),
        reasons: vec!["rights".to_owned()],
        policy: Some([7; 8]),
        ..Why::default()
    };
    let log = AuditLog::new(journal.clone(), code, keyring, Keep::days(2_557));
    log.prepare(NOW_MS)?;
    Ok(OneLog { log, header, why })
}

/// Codes that no body has: prefixes 98 and 99 are not given to any.
fn codes() -> impl Iterator<Item = LocalBodyCode> {
    let checked = |number: u32| (0..10).find_map(move |check| format!("{number}{check}").parse().ok());
    (98_000..100_000).filter_map(checked)
}
