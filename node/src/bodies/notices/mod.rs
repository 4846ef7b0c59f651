//! Notices (お知らせ), as the body's staff see them: registration, states and answers, list.

mod list;
mod send;
mod show;

pub use list::list;
pub use send::send;
pub use show::show;

/// Targets or notices in one page.
const PAGE: usize = 400;
