//! Any bytes, read as text of fingerprints: `cargo +nightly fuzz run fingerprints`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(bpfc_xtables_fuzz::fingerprints::text(bytes)));
