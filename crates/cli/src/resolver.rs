//! The addresses of hosts, as getaddrinfo(3) of this machine finds them.

use bpfc_ir::Resolver;
use std::net::{IpAddr, ToSocketAddrs};

/// This machine.
#[derive(Debug)]
pub struct System;

impl Resolver for System {
    fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let found = (name, 0).to_socket_addrs().map_err(|error| error.to_string())?;
        let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        Ok(addresses)
    }
}
