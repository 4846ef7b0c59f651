//! For which body a command is given, and under whose leave, where that is not the user's own body alone.

use chukei_wire::body_code::BodyCode;
use chukei_wire::leave::Leave;
use chukei_wire::name::TicketId;
use clap::Args;

/// Heads the options that every command takes.
pub(crate) const COMMON: &str = "共通のオプション";

/// What stands on the command line beside the command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Acting {
    #[arg(long, global = true, value_name = "CODE", help_heading = COMMON, help = "対象の団体(設定の団体と異なるとき)")]
    pub(crate) body: Option<BodyCode>,
    #[arg(
        long,
        global = true,
        value_name = "CODE",
        conflicts_with = "body",
        help_heading = COMMON,
        help = "この団体の委任により事務を代行する(事務代行)"
    )]
    pub(crate) on_behalf_of: Option<BodyCode>,
    #[arg(long, global = true, value_name = "ID", help_heading = COMMON, help = "保守の作業票")]
    pub(crate) ticket: Option<TicketId>,
}

impl Acting {
    /// The body that the command is about, for a user of `own`.
    pub(crate) fn about(&self, own: Option<BodyCode>) -> Option<BodyCode> {
        self.on_behalf_of.or(self.body).or(own)
    }

    /// What the node is told beside the user's own rights.
    pub(crate) fn leave(&self) -> Option<Leave> {
        Leave::of(self.on_behalf_of, self.ticket.clone())
    }
}
