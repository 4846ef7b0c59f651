//! The founding document: who a body's first administrator is, as the offline root of the peer list has signed it (R24).
//!
//! What must hold: it counts once, for a body that never had a register, and not one byte of it before its signature has
//! verified. Afterwards administrators change the register, and the document may go.

use std::path::PathBuf;

use chukei_crypto::hash::sha256;
use chukei_domain::day::day_of;
use chukei_domain::register::{
    FILE_MAX, FOUNDING_PURPOSE, RegisterError, RegisterFile, Why, has_administrator,
};
use chukei_relay_client::signed::{self, SignedError};

use super::Register;
use crate::hosted::HostedBody;
use crate::key_gate::{Cause, Fault};

/// Where the document lies, and the public key of the root that has signed it.
#[derive(Clone, Debug)]
pub struct Founding {
    /// The document, its signature beside it.
    pub document: PathBuf,
    /// The root's public key.
    pub root: PathBuf,
}

impl Founding {
    /// Makes the register of a body that has none: told of, durable and in force when this returns.
    pub(super) async fn found(&self, body: &HostedBody, actor: &str, now_ms: u64) -> Result<(), Fault> {
        let files = self.clone();
        let read = tokio::task::spawn_blocking(move || files.read()).await;
        let bytes = read.map_err(|_| Fault::new(Cause::Opening, "the opening broke off"))??;
        let register = founded(body, &bytes, day_of(now_ms)).map_err(|error| self.refused(&error))?;
        body.check_actions(register.all()).map_err(|error| self.refused(&error))?;
        let accepted = body.accept(&register).await.map_err(|error| self.refused(&error))?;
        let entries = u32::try_from(register.all().count()).unwrap_or(u32::MAX);
        let told = body.audit().register_founded(actor, sha256(&bytes), entries, now_ms).await;
        told.map_err(|error| Fault::new(Cause::Opening, format!("founding document: {error}")))?;
        let stored = body.store_first(&register).await;
        stored.map_err(|error| Fault::new(Cause::Opening, format!("founding document: {error}")))?;
        tracing::info!(body = %body.code(), entries, "the register is founded");
        body.put_in_force(register, accepted);
        Ok(())
    }

    fn read(&self) -> Result<Vec<u8>, Fault> {
        signed::load(FOUNDING_PURPOSE, &self.document, &self.root, FILE_MAX as u64).map_err(|error| {
            let cause = match error {
                SignedError::Unreadable => Cause::Files,
                SignedError::Tampered => Cause::Tampered,
            };
            Fault::new(cause, format!("founding document {}: {error}", self.document.display()))
        })
    }

    fn refused(&self, error: &RegisterError) -> Fault {
        Fault::new(Cause::Files, format!("founding document {}: {error}", self.document.display()))
    }
}

/// The register that the verified bytes of a document say.
fn founded(body: &HostedBody, bytes: &[u8], day: u32) -> Result<Register, RegisterError> {
    let text = std::str::from_utf8(bytes).map_err(|_| RegisterError::whole(Why::Syntax))?;
    let file = RegisterFile::parse(text)?;
    if file.body != body.local_code() {
        return Err(RegisterError::whole(Why::OtherBody));
    }
    let entries = file.check()?;
    if !has_administrator(&entries, day) {
        return Err(RegisterError::whole(Why::NoAdministrator));
    }
    let mut register = Register::empty(file.body);
    for entry in entries {
        let (class, name) = (entry.class(), entry.name().to_owned());
        register.put(entry).map_err(|_| RegisterError::named(class, &name, Why::TooLong))?;
    }
    register.version = 1;
    Ok(register)
}
