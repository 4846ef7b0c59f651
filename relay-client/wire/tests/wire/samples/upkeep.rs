//! Backups, and what operators and maintenance ask for.

use chukei_wire::message::{backup::*, upkeep::*};
use chukei_wire::name::BackupName;

use super::{Visit, text};

pub(super) fn visit(visitor: &mut impl Visit) {
    backups(visitor);
    upkeep(visitor);
}

fn backups(visitor: &mut impl Visit) {
    let base = BackupBase { id: [0xaa; 32], lineage: [0xbb; 16], newest: 7, last_number: 9 };
    visitor.message("BackupRequest", &BackupRequest { base: Some(base) });
    let begun = BackupBegun { body: text("982016"), at_ms: 1_795_219_200_000, bytes: 1 << 20 };
    visitor.message("BackupBegun", &begun);
    let piece = BackupPiece { file: BackupFile::Rows, ends: true, bytes: vec![1, 2, 3] };
    visitor.message("BackupPiece", &piece);
}

fn upkeep(visitor: &mut impl Visit) {
    let name = || -> BackupName { "982016-1795219200000".parse().unwrap() };
    visitor.message("UpkeepBackup", &UpkeepBackup { base: None });
    visitor.message("UpkeepBackup", &UpkeepBackup { base: Some(name()) });
    visitor.message("UpkeepVerify", &UpkeepVerify { backup: name() });
    visitor.message("UpkeepRestore", &UpkeepRestore { backup: name(), preload: true });
    visitor.message("UpkeepMove", &UpkeepMove::Engine(text("sled")));
    visitor.message("UpkeepMove", &UpkeepMove::Leave { base: Some(name()) });
    visitor.message("UpkeepAnswer", &UpkeepAnswer::Working(7));
    let report = UpkeepReport { json: text("{\"restarting\":true}"), text: text("restarting") };
    visitor.message("UpkeepAnswer", &UpkeepAnswer::Done(report));
    let failure = UpkeepFailure { exit: 3, code: text("NOT_EMPTY"), message: text("rows are there") };
    visitor.message("UpkeepAnswer", &UpkeepAnswer::Failed(failure));
}
