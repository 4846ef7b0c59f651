//! How the log's disk stands and what the role does without for it, as metrics.

use prometheus::{Gauge, IntGauge, Registry};

/// Gauges of the log's disk. Cloning shares them.
#[derive(Clone)]
pub struct LogDiskGauges {
    /// What the role does without, from 0 (nothing) to 4 (everything but administrators and upkeep).
    pub level: IntGauge,
    /// Part of the space that is not reserved that is used; above 1 where the reserve is.
    pub used: Gauge,
    /// 1 while that is above the alarm's border.
    pub alarm: IntGauge,
    /// Bytes that the reserve holds.
    pub reserve_bytes: IntGauge,
}

impl LogDiskGauges {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            level: IntGauge::new("degraded_level", "What the role does without, 0 nothing to 4 disclosures")?,
            used: Gauge::new(
                "log_disk_used_ratio",
                "Part of the log's disk that is used, the reserve apart",
            )?,
            alarm: IntGauge::new("log_disk_alarm", "1 while the log's disk is fuller than it may be")?,
            reserve_bytes: IntGauge::new("log_reserve_bytes", "Bytes kept for when there is no other space")?,
        })
    }

    pub(super) fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.level.clone()))?;
        registry.register(Box::new(self.used.clone()))?;
        registry.register(Box::new(self.alarm.clone()))?;
        registry.register(Box::new(self.reserve_bytes.clone()))
    }
}
