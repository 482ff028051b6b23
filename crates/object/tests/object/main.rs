//! Objects: back and forth, damaged, loaded by libbpf, and read by other loaders.

mod assemble;
mod damage;
mod libbpf;
mod loaders;
mod refused;
mod round_trip;
