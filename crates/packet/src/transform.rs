//! IPsec transformations of a packet, in words:
//!
//! `PROTOCOL,MODE,reqid=N,spi=N,saddr=A,daddr=A`, of which only the protocol (`esp`, `ah` or
//! `ipcomp`) must be said; the mode is `transport` or `tunnel`.

use std::net::IpAddr;

/// One transformation, as the kernel's state of it says (include/net/xfrm.h, `struct xfrm_state`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transform {
    /// The request that it belongs to.
    pub request: u32,
    /// Its security parameters index.
    pub spi: u32,
    /// Its protocol: 50 ESP, 51 AH, 108 IPComp.
    pub protocol: u8,
    /// Its mode: 0 transport, 1 tunnel, and others.
    pub mode: u8,
    /// The family of its addresses: 2 IPv4, 10 IPv6, 0 where no address is told.
    pub family: u16,
    /// Its source, an IPv4 address in the first four bytes.
    pub source: [u8; 16],
    /// Its destination, likewise.
    pub destination: [u8; 16],
}

/// IPsec transformations that were undone on receive and that are due on send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transforms {
    /// What was undone, in order; `None` where there was nothing.
    pub undone: Option<Vec<Transform>>,
    /// What its route will apply, in order; `None` for a route without.
    pub ahead: Option<Vec<Transform>>,
}

/// Transformations with `+` between them, or `none`.
pub(crate) fn read(text: &str) -> Result<Option<Vec<Transform>>, String> {
    match text {
        "none" => Ok(None),
        text => text.split('+').map(one).collect::<Result<_, _>>().map(Some),
    }
}

fn one(text: &str) -> Result<Transform, String> {
    let mut words = text.split(',');
    let protocol = match words.next() {
        Some("esp") => 50,
        Some("ah") => 51,
        Some("ipcomp") => 108,
        _ => return Err("a transformation begins with esp, ah or ipcomp".to_owned()),
    };
    let mut made = Transform { protocol, ..Transform::default() };
    for word in words {
        let bad = || format!("'{word}' is not part of a transformation");
        match word.split_once('=') {
            None if word == "transport" => made.mode = 0,
            None if word == "tunnel" => made.mode = 1,
            Some(("reqid", value)) => made.request = number(value).ok_or_else(bad)?,
            Some(("spi", value)) => made.spi = number(value).ok_or_else(bad)?,
            Some(("saddr", value)) => {
                (made.family, made.source) = address(value).ok_or_else(bad)?;
            }
            Some(("daddr", value)) => {
                (made.family, made.destination) = address(value).ok_or_else(bad)?;
            }
            _ => return Err(bad()),
        }
    }
    Ok(made)
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The family and the bytes of an address.
fn address(text: &str) -> Option<(u16, [u8; 16])> {
    Some(match text.parse().ok()? {
        IpAddr::V4(address) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&address.octets());
            (2, bytes)
        }
        IpAddr::V6(address) => (10, address.octets()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transformations_are_read_from_words() {
        let all = read("esp,tunnel,reqid=5,spi=0x10,saddr=10.0.0.1,daddr=2001:db8::1+ah");
        let all = all.unwrap().unwrap();
        assert_eq!((all[0].protocol, all[0].mode, all[0].request, all[0].spi), (50, 1, 5, 16));
        assert_eq!(all[0].source[..5], [10, 0, 0, 1, 0]);
        assert_eq!(all[0].destination[..4], [0x20, 1, 0x0d, 0xb8]);
        assert_eq!(all[1..], [Transform { protocol: 51, ..Transform::default() }]);
        assert_eq!(read("none"), Ok(None));
        for wrong in ["", "esp,", "tunnel", "esp,reqid=x", "esp,saddr=a", "esp+"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
