//! Order statistics. Means are not used: one stall of the machine would move them.

/// A median with what lies around it, all in the unit of the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// One value in ten is lower.
    pub low: f64,
    /// Half the values are lower.
    pub median: f64,
    /// One value in ten is higher.
    pub high: f64,
}

impl Spread {
    /// Of these values, in any order; `None` where there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            low: quantile(&sorted, 0.1)?,
            median: quantile(&sorted, 0.5)?,
            high: quantile(&sorted, 0.9)?,
        })
    }

    /// The same in another unit.
    pub fn scaled(&self, factor: f64) -> Self {
        Self { low: self.low * factor, median: self.median * factor, high: self.high * factor }
    }

    /// `median (low to high)`, each with `digits` decimals.
    pub fn show(&self, digits: usize) -> String {
        let Self { low, median, high } = self;
        format!("{median:.digits$} ({low:.digits$}–{high:.digits$})")
    }
}

/// These values as a cell of a table, as [`Spread::show`] does; empty where there are none.
pub fn show(values: impl IntoIterator<Item = f64>, digits: usize) -> String {
    Spread::of(values).map_or_else(String::new, |spread| spread.show(digits))
}

/// The value below which the share `at` (0 to 1) of these ascending values lies, by nearest rank; `None` where
/// there are none.
pub fn quantile<T: Copy>(ascending: &[T], at: f64) -> Option<T> {
    let last = ascending.len().checked_sub(1)?;
    // Sizes of samples are far below where f64 loses whole numbers.
    let rank = (ascending.len() as f64 * at.clamp(0.0, 1.0)).ceil() as usize;
    ascending.get(rank.saturating_sub(1).min(last)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<u32> = (1..=100).collect();
        assert_eq!(quantile(&values, 0.5), Some(50));
        assert_eq!(quantile(&values, 0.99), Some(99));
        assert_eq!(quantile(&values, 0.0), Some(1));
        assert_eq!(quantile(&values, 1.0), Some(100));
        assert_eq!(quantile(&[7], 0.99), Some(7));
        assert_eq!(quantile::<u32>(&[], 0.5), None);
    }

    #[test]
    fn one_stall_moves_neither_median_nor_low_end() {
        let spread = Spread::of([3.0, 1.0, 2.0, 1_000.0, 2.0]).unwrap();
        assert_eq!((spread.low, spread.median), (1.0, 2.0));
        assert_eq!(spread.show(1), "2.0 (1.0–1000.0)");
        assert_eq!(Spread::of([]), None);
    }
}
