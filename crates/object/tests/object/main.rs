//! Objects: back and forth, damaged, and loaded by libbpf.

mod assemble;
mod damage;
mod libbpf;
mod refused;
mod round_trip;
