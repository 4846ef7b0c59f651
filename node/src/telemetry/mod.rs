//! What operators see: metrics, health, logs. Never content, keys, codes of persons or numbers of theirs (R2).

pub mod health;
pub mod logs;
pub mod metrics;
pub mod space;
