//! The peer list that channels are held to.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::channel::{Channel, ChannelError};
use crate::peers::PeerList;

/// Nothing is held to a list before there is one.
#[derive(Debug, Default)]
pub(super) struct Listed(ArcSwapOption<PeerList>);

impl Listed {
    pub(super) fn replace(&self, list: Arc<PeerList>) {
        self.0.store(Some(list));
    }

    pub(super) fn list(&self) -> Option<Arc<PeerList>> {
        self.0.load_full()
    }

    /// Withdraws a channel that stands on an identity which the list does not name.
    pub(super) fn check(&self, channel: &Channel) -> Result<(), ChannelError> {
        match self.0.load().as_deref() {
            Some(list) if !channel.is_listed(list) => {
                channel.withdraw();
                Err(ChannelError::Withdrawn)
            }
            _ => Ok(()),
        }
    }
}
