//! What operators see: metrics, health, logs. Never content, keys, codes of persons or numbers of theirs (R2).

pub mod duty;
pub mod health;
pub mod journal;
pub mod logs;
pub mod measure;
pub mod metrics;
pub mod open_acts;
mod registering;
