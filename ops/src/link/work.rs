//! For which affair the user works, and what is told without an answer but that it is done.

use chukei_domain::codes::AffairCode;
use chukei_wire::header::Kind;
use serde::Serialize;

use super::NodeLink;
use crate::failure::Failure;

impl NodeLink {
    /// Says for which affair everything from now on is done.
    pub(crate) fn work_on(&mut self, affair: AffairCode) {
        self.affair = Some(affair);
    }

    /// The affair that is worked on.
    pub(crate) fn affair(&self) -> Option<AffairCode> {
        self.affair
    }

    /// Sends one message that is answered by no other.
    pub(crate) async fn tell<Q: Serialize>(&mut self, kind: Kind, message: &Q) -> Result<(), Failure> {
        self.persist(async |link| {
            let mut talk = link.open(kind).await?;
            talk.say(message).await?;
            talk.finish().await?;
            talk.end().await
        })
        .await
    }
}
