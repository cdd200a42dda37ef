//! How much memory this process holds, as Linux counts it.

use std::fs;

/// The most memory this process held since [`forget_peak`], as the kernel counts it; 0 where it does not say.
pub fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    line.and_then(|it| it.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Begins to count the peak anew; where the kernel does not let us, the old one stays.
pub fn forget_peak() {
    drop(fs::write("/proc/self/clear_refs", "5"));
}
