//! Asking a broker for exchange records, and telling it what of them is hidden.
//!
//! What must hold: a page counts only as the broker that was asked has signed it, by the key of the peer list in force, for
//! this request, this asker, this person, this body and this question. What cannot be checked so is no page.

use chukei_crypto::hash::sha256;
use chukei_crypto::sign::verify;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, PersonCode};
use chukei_wire::limits::EXCHANGE_CURSOR_MAX;
use chukei_wire::message::exchange::{
    ExchangeEntry, ExchangePage, ExchangeQuery, ExchangeStatement, UndisclosedMark,
};

use crate::connection::PeerConnection;
use crate::peers::PeerList;
use crate::session::{SessionError, open_request};
use crate::stream::StreamError;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The exchange failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The broker refuses, or has no room or no time for it.
    #[error("not answered: {0:?}")]
    NotAnswered(Outcome),
    /// The peer list does not name the broker.
    #[error("the peer list does not name the broker")]
    Unlisted,
    /// Not signed by the broker, or not a page to what was asked.
    #[error("not a page to what was asked")]
    Malformed,
}

impl From<StreamError> for ExchangeError {
    fn from(error: StreamError) -> Self {
        Self::Session(error.into())
    }
}

/// What a broker is asked, and by whom.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Kind `exchange-records`, with the body where one is asked about.
    pub header: &'a Header,
    /// The asker as a party: `portal/<name>` or `body/<code>`.
    pub asker: &'a str,
    /// The asker's code of the person.
    pub person: Option<PersonCode>,
    /// Which records.
    pub query: &'a ExchangeQuery,
}

/// How a statement names the person behind a code.
pub fn person_hash(code: &PersonCode) -> [u8; 32] {
    sha256(&code.0)
}

/// Asks the broker of this name for one page, and checks it by the list.
pub async fn records(
    broker: &PeerConnection,
    name: &str,
    question: Question<'_>,
    peers: &PeerList,
) -> Result<ExchangePage, ExchangeError> {
    let listed = peers.broker(name).ok_or(ExchangeError::Unlisted)?;
    let hop = Hop { sender_code: question.person, ..Hop::default() };
    let mut open = open_request(broker, question.header, &hop).await?;
    open.send.write_message(question.query).await?;
    open.send.finish().await?;
    match open.read_status().await? {
        Outcome::Answered => {}
        other => return Err(ExchangeError::NotAnswered(other)),
    }
    let page: ExchangePage = open.recv.read_message().await?;
    check(&page, name, &question, &listed.permit_public.0)?;
    Ok(page)
}

/// Tells the broker what is hidden; returns once it has it durably.
pub async fn undisclosed(
    broker: &PeerConnection,
    header: &Header,
    person: PersonCode,
    mark: &UndisclosedMark,
) -> Result<(), ExchangeError> {
    let hop = Hop { sender_code: Some(person), ..Hop::default() };
    let mut open = open_request(broker, header, &hop).await?;
    open.send.write_message(mark).await?;
    open.send.finish().await?;
    match open.read_status().await? {
        Outcome::Answered => Ok(()),
        other => Err(ExchangeError::NotAnswered(other)),
    }
}

/// Whether the broker has signed this page: what anybody can check who holds its key of the peer list.
pub fn verify_page(page: &ExchangePage, public: &[u8]) -> Result<(), ExchangeError> {
    let bytes = page.statement.signed_bytes().map_err(|_| ExchangeError::Malformed)?;
    verify(public, &bytes, &page.signature).map_err(|_| ExchangeError::Malformed)
}

fn check(
    page: &ExchangePage,
    broker: &str,
    question: &Question<'_>,
    public: &[u8],
) -> Result<(), ExchangeError> {
    let statement = &page.statement;
    let fits = statement.broker == broker
        && statement.told == question.asker
        && statement.request_id == question.header.request_id
        && statement.person == question.person.as_ref().map(person_hash)
        && statement.body == question.header.body
        && statement.query == *question.query
        && is_bounded(statement);
    if !fits {
        return Err(ExchangeError::Malformed);
    }
    verify_page(page, public)
}

fn is_bounded(statement: &ExchangeStatement) -> bool {
    let of_the_body = |entry: &ExchangeEntry| match entry {
        ExchangeEntry::Closed => true,
        ExchangeEntry::Open(record) => statement.body.is_none_or(|body| record.body == body),
    };
    statement.entries.len() <= usize::from(statement.query.limit)
        && statement.entries.iter().all(of_the_body)
        && statement.next.as_ref().is_none_or(|cursor| cursor.len() <= EXCHANGE_CURSOR_MAX)
}

#[cfg(test)]
mod tests;
