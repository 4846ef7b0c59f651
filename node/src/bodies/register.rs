//! The body's register, shown to its staff and changed by its administrators.
//!
//! What must hold: what two persons decide, and what only signals report, is not changed here. Persons of a trial are
//! shown to administrators alone.

use std::sync::Arc;

use chukei_domain::register::{Class, Entry, RegisterError, Why, role};
use chukei_wire::message::register::{
    EntryName, RegisterChangeReply, RegisterChangeRequest, RegisterPage, RegisterRefusal, RegisterShowRequest,
};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;

use crate::access::grant::{Grant, Read, Write};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::register::{Change, ChangeError, Register};

/// Bytes of entries after which a page ends; its last entry may go beyond.
const PAGE_BYTES: usize = 512 * 1024;
/// Entries in one page.
const PAGE: usize = 512;

/// One page of entries per request message, until the caller has said all.
pub async fn show(_node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let mut shown = 0;
    while let Some(request) = call.next::<RegisterShowRequest>().await? {
        let register = grant.body().register();
        let administers = grant.inquiry().is_some_and(|inquiry| {
            register.holder(&inquiry.identity).is_some_and(|holder| holder.has_role(role::ADMINISTRATOR))
        });
        let page = page(&register, &request, administers)?;
        shown += page.entries.len();
        call.reply(&page).await?;
    }
    Ok(Done::of(shown))
}

fn page(register: &Register, request: &RegisterShowRequest, all: bool) -> Result<RegisterPage, CallError> {
    let class = request.class.as_deref().map(class_of).transpose()?;
    let mut page =
        RegisterPage { version: register.version(), entries: Vec::new(), withheld: false, next: None };
    let mut bytes = 0;
    let entries =
        register.entries().into_iter().filter(|entry| class.is_none_or(|class| entry.class() == class));
    let mut last = None;
    for entry in
        entries.skip_while(|entry| request.after.as_ref().is_some_and(|after| cursor(entry) <= **after))
    {
        if bytes >= PAGE_BYTES || page.entries.len() >= PAGE {
            page.next = last;
            break;
        }
        let shown = shown(entry, all, &mut page.withheld)?;
        bytes += shown.len();
        page.entries.push(ByteBuf::from(shown));
        last = Some(ByteBuf::from(cursor(entry)));
    }
    Ok(page)
}

/// Orders as entries do: classes are few, and a name follows its class's place.
fn cursor(entry: &Entry) -> Vec<u8> {
    let place = Class::ALL.iter().position(|class| *class == entry.class()).unwrap_or_default();
    let mut cursor = vec![u8::try_from(place).unwrap_or(u8::MAX)];
    cursor.extend_from_slice(entry.name().as_bytes());
    cursor
}

fn shown(entry: &Entry, all: bool, withheld: &mut bool) -> Result<Vec<u8>, CallError> {
    let encoded = match entry {
        Entry::Function(function) if !all && !function.trial_persons.is_empty() => {
            *withheld = true;
            let mut function = function.clone();
            function.trial_persons.clear();
            Entry::Function(function).to_bytes()
        }
        entry => entry.to_bytes(),
    };
    encoded.map_err(|_| CallError::Refused(ResultName::IntegrityFailure))
}

fn class_of(name: &str) -> Result<Class, CallError> {
    let found = Class::ALL.into_iter().find(|class| class.as_str() == name);
    found.ok_or(CallError::Refused(ResultName::BadFormat))
}

/// Changes the register: all of what is asked for or nothing of it.
pub async fn change(node: &Arc<Node>, grant: Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let request: RegisterChangeRequest = call.request().await?;
    let count = request.put.len() + request.remove.len();
    let (reply, done) = match asked(request) {
        Ok(change) => changed(node, grant, change, count, call).await?,
        Err(Unasked::Call(error)) => return Err(error),
        Err(Unasked::Entry(refusal)) => (refused(&refusal), ended(ResultName::BadFormat)),
    };
    call.reply(&reply).await?;
    Ok(done)
}

async fn changed(
    node: &Arc<Node>,
    grant: Grant<Write>,
    change: Change,
    count: usize,
    call: &mut Call,
) -> Result<(RegisterChangeReply, Done), CallError> {
    let of = node.clone();
    // Begun, it is done to its end, whether or not the caller waits.
    let work = async move {
        let now_ms = of.clock.now_ms();
        match grant.body().change_register(&grant, change, now_ms).await {
            Ok(version) => Ok((RegisterChangeReply::Changed { version }, Done::of(count))),
            Err(ChangeError::Outdated(version)) => {
                Ok((RegisterChangeReply::Outdated { version }, ended(ResultName::NotReady)))
            }
            Err(ref error @ ChangeError::Refused(ref refusal)) => {
                Ok((refused(refusal), ended(error.result())))
            }
            Err(error) => Err(error.into()),
        }
    };
    node.admit_batch(call, work).await
}

enum Unasked {
    Call(CallError),
    Entry(RegisterError),
}

fn asked(request: RegisterChangeRequest) -> Result<Change, Unasked> {
    let entry = |bytes: &ByteBuf| {
        Entry::from_bytes(bytes).map_err(|_| Unasked::Entry(RegisterError::whole(Why::Syntax)))
    };
    let named =
        |entry: EntryName| class_of(&entry.class).map(|class| (class, entry.name)).map_err(Unasked::Call);
    let put: Vec<Entry> = request.put.iter().map(entry).collect::<Result<_, _>>()?;
    let remove: Vec<(Class, String)> = request.remove.into_iter().map(named).collect::<Result<_, _>>()?;
    let classes = put.iter().map(Entry::class).chain(remove.iter().map(|(class, _)| *class));
    for class in classes {
        match class {
            Class::Policy => return Err(Unasked::Call(ResultName::TwoPersonRequired.into())),
            Class::Health => return Err(Unasked::Call(ResultName::NotPermitted.into())),
            _ => {}
        }
    }
    Ok(Change { expected: Some(request.expected_version), put, remove })
}

fn ended(result: ResultName) -> Done {
    Done { result, count: 0 }
}

fn refused(refusal: &RegisterError) -> RegisterChangeReply {
    RegisterChangeReply::Refused(RegisterRefusal {
        class: refusal.class.map(|class| class.as_str().to_owned()),
        name: refusal.name.clone(),
        why: refusal.why.code().to_owned(),
        detail: refusal.detail.clone(),
    })
}
