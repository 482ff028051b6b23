//! Any bytes, read as text of iptables-save: `cargo +nightly fuzz run text`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bpfc_xtables_fuzz::rules::text(bytes));
