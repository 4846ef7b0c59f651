//! The types of a record, read from their sources: names, keys, texts.

use std::collections::BTreeMap;

use syn::{Attribute, Expr, Fields, GenericArgument, Item, Lit, PathArguments, Type};

/// Where the types stand. A type that is not found in one of these is a leaf.
const FILES: [&str; 12] = [
    include_str!("../../../event.rs"),
    include_str!("../../act.rs"),
    include_str!("../../outcome.rs"),
    include_str!("../../person.rs"),
    include_str!("../../person/neutral.rs"),
    include_str!("../../record.rs"),
    include_str!("../../records.rs"),
    include_str!("../../request.rs"),
    include_str!("../../review.rs"),
    include_str!("../../why.rs"),
    include_str!("../../../act/subject.rs"),
    include_str!("../../../erasure.rs"),
];
/// The types with which a record and a part begin.
pub(super) const ROOTS: [&str; 2] = ["Record", "PersonPart"];

/// The types of records and parts, by name.
pub(super) struct Source {
    pub(super) types: BTreeMap<String, Told>,
}

/// A type as its source tells it.
pub(super) struct Told {
    pub(super) doc: String,
    pub(super) shape: Shape,
}

pub(super) enum Shape {
    Struct(Vec<Field>),
    Enum(Vec<Variant>),
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) key: String,
    pub(super) doc: String,
    pub(super) ty: Ty,
    /// Whether it takes no byte where there is none.
    pub(super) left_out: bool,
}

pub(super) struct Variant {
    pub(super) name: String,
    pub(super) key: String,
    pub(super) doc: String,
    pub(super) payload: Payload,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Payload {
    Unit,
    One(Ty),
    Fields(Vec<Field>),
}

/// A type of a field, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ty {
    Named(String),
    /// As many; 0 for any number.
    Bytes(usize),
    List(Box<Ty>),
    Maybe(Box<Ty>),
}

impl Source {
    /// What [`ROOTS`] lead to.
    pub(super) fn read() -> Self {
        let mut all = BTreeMap::new();
        for item in FILES.iter().flat_map(|file| syn::parse_file(file).unwrap().items) {
            match item {
                Item::Struct(item) => {
                    let told = Told { doc: doc(&item.attrs), shape: Shape::Struct(fields(&item.fields)) };
                    all.insert(item.ident.to_string(), told);
                }
                Item::Enum(item) => {
                    let variants = item.variants.iter().map(variant).collect();
                    let told = Told { doc: doc(&item.attrs), shape: Shape::Enum(variants) };
                    all.insert(item.ident.to_string(), told);
                }
                _ => {}
            }
        }
        let mut types = BTreeMap::new();
        let mut wanted: Vec<String> = ROOTS.map(str::to_owned).to_vec();
        while let Some(name) = wanted.pop() {
            let Some(told) = all.remove(&name) else { continue };
            wanted.extend(told.fields().iter().map(|field| innermost(&field.ty)));
            types.insert(name, told);
        }
        Self { types }
    }

    /// Every field that holds a value of its own, with its type's name; of variants with one, under the variant's name.
    pub(super) fn leaves(&self) -> Vec<(String, Field)> {
        let mut leaves = Vec::new();
        for (name, told) in &self.types {
            let fields =
                told.fields().into_iter().filter(|field| !self.types.contains_key(&innermost(&field.ty)));
            leaves.extend(fields.map(|field| (name.clone(), field)));
        }
        leaves
    }
}

impl Told {
    /// Every field, those of variants as `Variant.field`.
    pub(super) fn fields(&self) -> Vec<Field> {
        match &self.shape {
            Shape::Struct(fields) => fields.clone(),
            Shape::Enum(variants) => variants.iter().flat_map(Variant::fields).collect(),
        }
    }

    /// Every field and variant with its text.
    pub(super) fn documented(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> = self.fields().into_iter().map(|field| (field.name, field.doc)).collect();
        if let Shape::Enum(variants) = &self.shape {
            all.extend(variants.iter().map(|variant| (variant.name.clone(), variant.doc.clone())));
        }
        all
    }
}

impl Variant {
    fn fields(&self) -> Vec<Field> {
        match &self.payload {
            Payload::Unit => Vec::new(),
            Payload::One(ty) => vec![Field {
                name: self.name.clone(),
                key: self.key.clone(),
                doc: self.doc.clone(),
                ty: ty.clone(),
                left_out: false,
            }],
            Payload::Fields(fields) => fields
                .iter()
                .map(|field| Field { name: format!("{}.{}", self.name, field.name), ..field.clone() })
                .collect(),
        }
    }
}

/// The type that is left without its lists and options.
pub(super) fn innermost(ty: &Ty) -> String {
    match ty {
        Ty::Named(name) => name.clone(),
        Ty::Bytes(length) => format!("[u8; {length}]"),
        Ty::List(of) | Ty::Maybe(of) => innermost(of),
    }
}

fn variant(variant: &syn::Variant) -> Variant {
    let payload = match &variant.fields {
        Fields::Unit => Payload::Unit,
        Fields::Unnamed(one) => Payload::One(ty(&one.unnamed.first().unwrap().ty)),
        Fields::Named(_) => Payload::Fields(fields(&variant.fields)),
    };
    let name = variant.ident.to_string();
    Variant {
        key: serde(&variant.attrs, "rename").unwrap_or_else(|| name.clone()),
        doc: doc(&variant.attrs),
        name,
        payload,
    }
}

fn fields(fields: &Fields) -> Vec<Field> {
    let field = |field: &syn::Field| {
        let name = field.ident.as_ref()?.to_string();
        let key = serde(&field.attrs, "rename").unwrap_or_else(|| name.clone());
        let left_out = serde(&field.attrs, "skip_serializing_if").is_some();
        Some(Field { key, doc: doc(&field.attrs), ty: ty(&field.ty), name, left_out })
    };
    fields.iter().filter_map(field).collect()
}

fn doc(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta.require_name_value().ok()?.value {
        Expr::Lit(text) if attribute.path().is_ident("doc") => match &text.lit {
            Lit::Str(text) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    };
    let text = attributes.iter().filter_map(line).collect::<Vec<_>>().join(" ");
    // A link within the sources is none on a page.
    text.replace("[`", "`").replace("`]", "`").replace("`Self::", "`")
}

/// What an attribute of serde's says, such as the key it writes a field under.
fn serde(attributes: &[Attribute], name: &str) -> Option<String> {
    let mut said = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        attribute
            .parse_nested_meta(|meta| {
                if !meta.input.peek(syn::Token![=]) {
                    return Ok(());
                }
                let text: syn::LitStr = meta.value()?.parse()?;
                if meta.path.is_ident(name) {
                    said = Some(text.value());
                }
                Ok(())
            })
            .unwrap();
    }
    said
}

fn ty(of: &Type) -> Ty {
    match of {
        Type::Array(array) => match &array.len {
            Expr::Lit(length) => match &length.lit {
                Lit::Int(length) => Ty::Bytes(length.base10_parse().unwrap()),
                _ => panic!("a length that is no number"),
            },
            _ => panic!("a length that is no number"),
        },
        Type::Path(path) => {
            let last = path.path.segments.last().unwrap();
            let inner = || match &last.arguments {
                PathArguments::AngleBracketed(of) => match of.args.first().unwrap() {
                    GenericArgument::Type(of) => Box::new(ty(of)),
                    _ => panic!("an argument that is no type"),
                },
                _ => panic!("a type without its argument"),
            };
            match last.ident.to_string().as_str() {
                "Vec" => match inner() {
                    of if *of == Ty::Named("u8".to_owned()) => Ty::Bytes(0),
                    of => Ty::List(of),
                },
                "Option" => Ty::Maybe(inner()),
                name => Ty::Named(name.to_owned()),
            }
        }
        _ => panic!("a type that a record should not have"),
    }
}
