//! Messages: sealed ones between portal and body, plain ones of a single hop.

/// `Debug` that prints the type's name alone: what these messages hold must not reach a log (R2).
macro_rules! unprinted {
    ($($name:ident),* $(,)?) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        })*
    };
}

pub mod access;
pub mod act;
pub mod audit;
pub mod backup;
pub mod binding;
pub mod control;
pub mod copies;
pub mod exchange;
pub mod factor;
pub mod keys;
pub mod log;
pub mod notice;
pub mod records;
pub mod register;
pub mod review;
pub mod self_info;
pub mod staff;
pub mod upkeep;
