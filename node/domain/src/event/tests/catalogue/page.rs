//! The text of `AUDIT-EVENTS.md`.

use std::fmt::Write;

use super::kinds::{Kind, WHOSE, kind_of};
use super::source::{Field, Payload, Shape, Source, Ty, Variant, innermost};

const HEAD: &str = "# Audit events

What a body's log and a broker's exchange records hold: every event and every field. This page is written from the types of
`node/domain/src/event.rs` and held against them by a test of that crate, which says at its head how to write it anew.

A record is a format version byte and one CBOR map in its canonical form (RFC 8949; keys sorted, shortest numbers), under the
keys below; an optional field that is absent is null, one that is left out takes no byte. It is sealed under the log's key before it is
stored. No field holds personal data: each is of one of these kinds, and tests hold every field, and every value of a
sample of each event, to them.
";

const R3: &str = "## Who, where, what, why (R3)

| R3 asks for | where it stands |
|---|---|
| operator | `actor` of the record |
| device | `device` of the event's `Why`, or of the record that it refers to |
| body | the owner of the log; another body's staff are named so by `actor`, and `on_behalf_of` says on whose behalf they acted (R42) |
| department | `department` of the event's `Why`, or of the record that it refers to |
| affair | `affair` of the record |
| action | `action` of the record |
| target | `target` of the record, where it is one person or one notice; otherwise what the event names |
| result | `result` of the record |
| reason | `reasons`, `policy`, `ticket` and `delegation` of the event's `Why`, or of the record that it refers to |
| time | `at_ms` of the record |

What one call does is told by several records. Device, department and reasons stand in the one of its decision, once: an event
of a request names the request, and any other that a caller brought about names the call. What the node does as its own duty
has the node as actor. Records that were made before records named their call say who acted and when, and nothing else of that.
";

const PERSON: &str = "## What the person sees

A leaf of the log commits to two parts. The internal one is the whole record. The person's is a document of its own, a version
byte and a CBOR map like a record, of the records that tell of a request for their own information whose subject was proven:
`authorised`, `refused` (but not SUBJECT_MISMATCH, CODE_NOT_ACQUIRED or BAD_FORMAT, where nobody is proven) and `outcome`. Of
every other record it is no byte at all. It holds nothing that depends on who decided, from where or why; what is withheld (R50)
and what is looked at by hand are one result; results are numbers of one length.
";

/// The whole page.
pub(super) fn write(source: &Source) -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n| kind | what it is |\n|---|---|\n");
    for kind in Kind::ALL {
        writeln!(page, "| {} | {} |", kind.name(), kind.meaning()).unwrap();
    }
    page.push_str("\n## The record\n\n");
    shape(&mut page, source, "Record");
    named(&mut page, source, "Target");
    writeln!(page, "\n{R3}").unwrap();
    page.push_str("## Events\n");
    events(&mut page, source);
    page.push_str("\n## What events are made of\n");
    let person =
        ["PersonPart", "Place", "Previous", "Shown", "Disclosure", "Ending", "ShownResult", "ShownEnd"];
    let told = ["Record", "Target", "Event"];
    for name in source.types.keys().filter(|name| !person.contains(&&name[..]) && !told.contains(&&name[..]))
    {
        named(&mut page, source, name);
    }
    writeln!(page, "\n{PERSON}").unwrap();
    shape(&mut page, source, "PersonPart");
    person.iter().skip(1).for_each(|name| named(&mut page, source, name));
    page
}

fn events(page: &mut String, source: &Source) {
    let Shape::Enum(variants) = &source.types["Event"].shape else { panic!("not an enum") };
    for (variant, (_, whose)) in variants.iter().zip(WHOSE) {
        write!(page, "\n### `{}`\n\n{}\n\nWhose act: {whose}\n", variant.key, variant.doc).unwrap();
        match &variant.payload {
            Payload::Unit => {}
            Payload::One(ty) => writeln!(page, "\nFields: those of {}.", link(&innermost(ty))).unwrap(),
            Payload::Fields(fields) => {
                page.push('\n');
                table(page, source, "Event", &format!("{}.", variant.name), fields);
            }
        }
    }
}

fn named(page: &mut String, source: &Source, name: &str) {
    write!(page, "\n### {name}\n\n{}\n\n", source.types[name].doc).unwrap();
    shape(page, source, name);
}

fn shape(page: &mut String, source: &Source, name: &str) {
    match &source.types[name].shape {
        Shape::Struct(fields) => table(page, source, name, "", fields),
        Shape::Enum(variants) => {
            page.push_str("| value | holds | meaning |\n|---|---|---|\n");
            for variant in variants {
                writeln!(page, "| `{}` | {} | {} |", variant.key, held(source, name, variant), variant.doc)
                    .unwrap();
            }
        }
    }
}

fn held(source: &Source, owner: &str, variant: &Variant) -> String {
    match &variant.payload {
        Payload::Unit => String::new(),
        Payload::One(ty) => {
            let (name, key, doc) = (variant.name.clone(), String::new(), String::new());
            let field = Field { name, key, doc, ty: ty.clone(), left_out: false };
            kind(source, owner, &field)
        }
        Payload::Fields(fields) => {
            let one = |field: &Field| {
                let named = Field { name: format!("{}.{}", variant.name, field.name), ..field.clone() };
                format!("`{}` (`{}`): {}; {}", field.name, field.key, kind(source, owner, &named), field.doc)
            };
            fields.iter().map(one).collect::<Vec<_>>().join("<br>")
        }
    }
}

fn table(page: &mut String, source: &Source, owner: &str, prefix: &str, fields: &[Field]) {
    page.push_str("| field | key | kind | meaning |\n|---|---|---|---|\n");
    for field in fields {
        let named = Field { name: format!("{prefix}{}", field.name), ..field.clone() };
        let kind = kind(source, owner, &named);
        writeln!(page, "| `{}` | `{}` | {kind} | {} |", field.name, field.key, field.doc).unwrap();
    }
}

/// The kind of a field, or the type that says it.
fn kind(source: &Source, owner: &str, field: &Field) -> String {
    let inner = innermost(&field.ty);
    let one = if source.types.contains_key(&inner) {
        link(&inner)
    } else {
        kind_of(owner, field).map_or("", Kind::name).to_owned()
    };
    match (&field.ty, field.left_out) {
        (Ty::List(_), false) => format!("{one}, any number"),
        (Ty::List(_), true) => format!("{one}, any number, left out where there is none"),
        (Ty::Maybe(_), false) => format!("{one}, optional"),
        (_, true) => format!("{one}, left out where there is none"),
        _ => one,
    }
}

fn link(name: &str) -> String {
    match name {
        "Event" => "[an event](#events)".to_owned(),
        name => format!("[{name}](#{})", name.to_lowercase()),
    }
}
