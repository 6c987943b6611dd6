//! CountKeyPackages: what is left of the calling device's packages, and whether that is little.

use wardline_proto::{DeviceId, Suite, UtcMillis};

use super::{KeyPackageError, KeyPackageView, ONE_TIME_LOW, Stock};

/// What is left of packages whose certificate lapses no earlier than `from`, per suite that has any.
///
/// # Errors
/// Only those of the store.
pub async fn stock<V: KeyPackageView>(
    view: &mut V,
    device: DeviceId,
    from: UtcMillis,
) -> Result<Vec<Stock>, KeyPackageError> {
    Ok(view.stock(device, from).await?)
}

/// Whether so few one-time packages are few.
#[must_use]
pub const fn low_for(one_time: u64) -> bool {
    one_time < ONE_TIME_LOW
}

/// Whether a device should publish: few of the default suite, or of another that it has published.
#[must_use]
pub fn is_low(stock: &[Stock]) -> bool {
    let default = Suite::ALL[0];
    !stock.iter().any(|stock| stock.suite == default) || stock.iter().any(|stock| low_for(stock.one_time))
}
