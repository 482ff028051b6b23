//! Any bytes, read as text of `ipset save`: `cargo +nightly fuzz run sets`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bpfc_xtables_fuzz::sets::text(bytes));
