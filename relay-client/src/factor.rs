//! Factors beside the certificate (R5, R6): what proves one to the node, and how the node checks it.
//!
//! What must hold: what proves a factor on one connection proves nothing on another, and nothing for another user; an
//! authenticator sees a message to sign and never the connection. A browser's passkey implements [`Authenticator`] as
//! the software ones do, whose worth `PROTOCOL.md` states. Deliberately absent: what kind a factor is.

mod software;

use std::time::Duration;

use chukei_crypto::factor::{self, LABEL};
use chukei_crypto::sign::BadSignature;
use chukei_wire::body_code::BodyCode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::identity::Identity;
use chukei_wire::limits::{FACTOR_SIGNATURE, PIN_ROUNDS_MAX, PIN_ROUNDS_MIN};
use chukei_wire::message::factor::{FactorChallenge, FactorProof, FactorRequest, FactorStretch};
use chukei_wire::result::ResultName;

use crate::clock::Clock;
use crate::connection::{ConnectionError, PeerConnection};
use crate::request_id;
use crate::session::{OpenRequest, SessionError, open_request};
use crate::stream::StreamError;

pub use software::{AskPerson, FileKey, PIN_CHARACTERS, Pin, PinError, PinKey, Prompt};

/// Time for one answer of the node.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// What an authenticator is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is to be signed.
    pub message: Vec<u8>,
    /// How the key is made of what the person knows, where it is.
    pub stretch: Option<FactorStretch>,
}

/// Why an authenticator did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticatorError {
    /// The person did not answer, or there is nobody to ask.
    #[error("nobody answered")]
    NoAnswer,
    /// The factor is of another form than the node has it on record, or asks for too little or too much.
    #[error("the factor has another form than the node's record of it")]
    Form,
    /// The key could not be used.
    #[error("the factor's key did not sign")]
    Signing,
}

/// Something that proves one factor of a user: a key file, a PIN, a passkey.
pub trait Authenticator: Send + Sync + std::fmt::Debug {
    /// The factor's name in its owner's entry of the register.
    fn name(&self) -> &str;

    /// Signs, asking the person first where the factor is something of theirs. May block until they have answered.
    fn sign(&self, asked: &Asked) -> Result<[u8; FACTOR_SIGNATURE], AuthenticatorError>;
}

/// Why a factor was not shown.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// The authenticator did not sign.
    #[error(transparent)]
    Authenticator(#[from] AuthenticatorError),
    /// The node refused.
    #[error("refused: {0}")]
    Refused(ResultName),
    /// The node may take it after so many milliseconds.
    #[error("not now: {0}")]
    Later(ResultName, u32),
    /// The node could not be asked.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The operating system gave no randomness.
    #[error(transparent)]
    Random(#[from] chukei_crypto::random::RandomError),
}

impl From<StreamError> for FactorError {
    fn from(error: StreamError) -> Self {
        Self::Session(error.into())
    }
}

impl From<ConnectionError> for FactorError {
    fn from(error: ConnectionError) -> Self {
        Self::Session(error.into())
    }
}

/// A user at this end of a connection, who shows factors to the node at the other.
#[derive(Clone, Copy, Debug)]
pub struct FactorHolder<'a> {
    /// The connection.
    pub connection: &'a PeerConnection,
    /// Whose certificate this side shows on it.
    pub user: &'a Identity,
    /// For the times in request ids.
    pub clock: &'a Clock,
}

impl FactorHolder<'_> {
    /// Shows the factor that `authenticator` proves: asks for a challenge and answers it.
    pub async fn show(&self, authenticator: &dyn Authenticator) -> Result<(), FactorError> {
        let asked = FactorRequest { name: authenticator.name().to_owned(), proof: None };
        let mut request = self.ask(&asked).await?;
        answered(&mut request).await?;
        let challenge: FactorChallenge = request.recv.read_message().await?;
        let proof = self.answer(authenticator, &challenge)?;
        let mut request = self.ask(&FactorRequest { proof: Some(proof), ..asked }).await?;
        answered(&mut request).await
    }

    /// The proof that answers `challenge`. Blocks for as long as the authenticator does.
    pub fn answer(
        &self,
        authenticator: &dyn Authenticator,
        challenge: &FactorChallenge,
    ) -> Result<FactorProof, FactorError> {
        let rounds = PIN_ROUNDS_MIN..=PIN_ROUNDS_MAX;
        let stretch = challenge.stretch.clone();
        if stretch.as_ref().is_some_and(|stretch| !rounds.contains(&stretch.rounds)) {
            return Err(AuthenticatorError::Form.into());
        }
        let exported = self.connection.export_key(LABEL, self.user.to_string().as_bytes())?;
        let message = factor::message(&exported, &challenge.challenge, authenticator.name());
        let asked = Asked { message, stretch };
        // A person answers, or a key is stretched: other tasks of this thread go on elsewhere.
        let signature = blocking(|| authenticator.sign(&asked))?;
        Ok(FactorProof { challenge: challenge.challenge, signature })
    }

    async fn ask(&self, question: &FactorRequest) -> Result<OpenRequest, FactorError> {
        let header = self.header()?;
        let mut request = open_request(self.connection, &header, &Hop::default()).await?;
        request.send.write_message(question).await?;
        request.send.finish().await?;
        Ok(request)
    }

    fn header(&self) -> Result<Header, FactorError> {
        let body: Option<BodyCode> = self.user.body();
        let wait_ms = u32::try_from(ANSWER_WAIT.as_millis()).unwrap_or(u32::MAX);
        Ok(Header::hop(Kind::Factor, body, request_id::fresh(self.clock.now_ms())?, wait_ms))
    }
}

/// Whether `proof` is this factor's, over this very connection and challenge, for the user whose certificate the peer
/// shows.
pub fn check(
    connection: &PeerConnection,
    name: &str,
    public: &[u8],
    proof: &FactorProof,
) -> Result<(), BadProof> {
    let user = connection.identity().to_string();
    let exported = connection.export_key(LABEL, user.as_bytes())?;
    let message = factor::message(&exported, &proof.challenge, name);
    Ok(factor::verify(public, &message, &proof.signature)?)
}

/// Why a proof was not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadProof {
    /// It is not the factor's, or not over this connection, user and challenge.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The connection is over.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

async fn answered(request: &mut OpenRequest) -> Result<(), FactorError> {
    match request.read_status().await? {
        Outcome::Answered => Ok(()),
        Outcome::Refused(name) => Err(FactorError::Refused(name)),
        Outcome::RetryAfter(name, ms) => Err(FactorError::Later(name, ms)),
        Outcome::ChannelUnknown => Err(FactorError::Refused(ResultName::BadFormat)),
    }
}

fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
