//! Base chains of devices: which devices they are of, and frames that they drop unseen.

use crate::model::BaseChain;
use bpfc_ir::{
    BinaryOp, Condition, Function, FunctionBuilder, Meta, PacketFamily, Type, Value, Verdict,
};

/// Begins a base chain: lets frames go that are not of its devices. A chain of the network layer's
/// hooks has none.
///
/// The kernel binds such a chain to the devices of those names; so do programs, wherever they are
/// attached.
pub(super) fn require(builder: &mut FunctionBuilder, base: &BaseChain) {
    let meta = match base.hook.as_str() {
        "ingress" => Meta::InInterface,
        "egress" => Meta::OutInterface,
        _ => return,
    };
    let name = builder.meta(meta);
    let [go_on, away] = [(); 2].map(|()| builder.block());
    for device in &base.devices {
        let next = builder.block();
        let is = is_named(builder, name, device);
        builder.branch(is, go_on, next);
        builder.switch_to(next);
    }
    builder.jump(away);
    builder.switch_to(away);
    builder.verdict(Verdict::Accept);
    builder.switch_to(go_on);
}

/// Begins a base chain of `inet` at the hook ingress: IPv6 packets whose extension headers cannot
/// be walked are dropped (include/net/netfilter/nf_tables_ipv6.h, `nft_set_pktinfo_ipv6_ingress`).
pub(super) fn drop_broken(builder: &mut FunctionBuilder) {
    let failed = builder.meta(Meta::WalkFailed);
    let failed = builder.compare_const(Condition::Ne, failed, 0);
    let [dropped, go_on] = [(); 2].map(|()| builder.block());
    builder.branch(failed, dropped, go_on);
    builder.switch_to(dropped);
    builder.verdict(Verdict::Drop);
    builder.switch_to(go_on);
}

/// Whether a name is a device's, or begins as one that ends with `*` says.
fn is_named(builder: &mut FunctionBuilder, name: Value, device: &str) -> Value {
    let (text, is_prefix) = match device.strip_suffix('*') {
        Some(text) => (text, true),
        None => (device, false),
    };
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(text.bytes().take(15)) {
        *to = from;
    }
    let number = u128::from_be_bytes(bytes);
    let name = match is_prefix {
        true => {
            let bits = 8 * text.len().min(15) as u32;
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            let mask = builder.constant(Type::I128, mask);
            builder.binary(BinaryOp::And, name, mask)
        }
        false => name,
    };
    builder.in_range(name, number, number)
}

/// What a chain of `inet` does at the hook ingress with frames that are no sound packets of IP: it
/// lets other protocols go, and drops what is called IP (net/netfilter/nft_chain_filter.c,
/// `nft_do_chain_inet_ingress`).
pub(super) fn drop_unsound(name: String, base: &BaseChain) -> Function {
    let mut builder = FunctionBuilder::new(name, PacketFamily::Other);
    let start = builder.block();
    builder.switch_to(start);
    require(&mut builder, base);
    let protocol = builder.meta(Meta::Protocol);
    let [dropped, let_go, next] = [(); 3].map(|()| builder.block());
    let is_ipv4 = builder.in_range(protocol, 0x0800, 0x0800);
    builder.branch(is_ipv4, dropped, next);
    builder.switch_to(next);
    let is_ipv6 = builder.in_range(protocol, 0x86dd, 0x86dd);
    builder.branch(is_ipv6, dropped, let_go);
    builder.switch_to(let_go);
    builder.verdict(Verdict::Accept);
    builder.switch_to(dropped);
    builder.verdict(Verdict::Drop);
    builder.finish()
}
