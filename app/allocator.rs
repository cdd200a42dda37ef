//! Tells the C library's allocator to give large pieces back. This is the one module with unsafe code: a single call.
//!
//! Left to itself, glibc raises the size from which a piece is taken from the system, and given back when it is let go, with every
//! large piece that is freed. A night frees many, and its memory then stays at what its greediest stage needed: 2 million people
//! took 2.1 GiB to the end, and take 1.6 with a fixed size.
#![allow(unsafe_code, reason = "mallopt is a C function")]

/// Pieces of this many bytes are the system's, from the day they are taken to the day they are let go.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back_large_pieces() {
    const LARGE_BYTES: std::ffi::c_int = 1 << 20;
    // SAFETY: mallopt takes two numbers, changes nothing but the allocator's own settings, and may be called by any thread.
    let taken = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES) };
    debug_assert_eq!(taken, 1, "glibc takes sizes up to 32 MiB");
}

/// Other C libraries have no such setting.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back_large_pieces() {}
