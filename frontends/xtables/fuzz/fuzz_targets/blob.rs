//! Any bytes, read as a kernel's table: `cargo +nightly fuzz run blob`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bpfc_xtables_fuzz::rules::blob(bytes));
