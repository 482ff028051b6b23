//! Which engines can answer for a stage.

use super::Engine;
use super::interpreter::{Interpreter, Passes};
use super::live::Live;
use super::reference::Reference;
use super::unattached::TestRun;
use crate::generate::ruleset::Shape;
use crate::lab::oracle::{Oracle, Stage};
use bpfc_runtime::XdpMode;
use std::cell::RefCell;
use std::rc::Rc;

/// All engines that can decide rulesets of a shape as the oracle does, apart from the oracle.
///
/// XDP and TC ingress see a forwarded packet before its time to live is decreased, so they do not
/// answer for the forward chain, and packets before they are tracked, so they answer only for
/// connections that go as they should. A test run has neither socket nor route. Only TC can set
/// marks, and only XDP and TC can write packets.
pub fn engines(oracle: &Rc<RefCell<Oracle>>, shape: Shape) -> Vec<Box<dyn Engine>> {
    let live = |target, mode| Box::new(Live::new(oracle, target, mode)) as Box<dyn Engine>;
    let test_run = |target, tags| Box::new(TestRun::new(target, tags)) as Box<dyn Engine>;
    let mut engines: Vec<Box<dyn Engine>> = Vec::new();
    if !shape.stage.is_tracked() {
        engines.push(Box::new(Reference::default()));
        for passes in [Passes::None, Passes::All, Passes::Inlined] {
            engines.push(Box::new(Interpreter::new(passes)));
        }
    }
    let ingress = shape.stage.is_ingress() && (!shape.stage.is_tracked() || shape.orderly);
    if ingress && !shape.marks {
        engines.push(live("xdp", XdpMode::Native));
        engines.push(live("xdp", XdpMode::Generic));
    }
    if ingress || matches!(shape.stage, Stage::Postrouting | Stage::Output) {
        engines.push(live("tc", XdpMode::Auto));
    }
    if !shape.marks && !shape.rewrites {
        engines.push(live("netfilter", XdpMode::Auto));
    }
    let sender = shape.stage == Stage::Output && shape.sender;
    if matches!(shape.stage, Stage::Input | Stage::Output) && !shape.marks && !sender {
        engines.push(test_run("cgroup-skb", &[]));
    }
    if ingress && !shape.stage.is_tracked() {
        engines.push(test_run("tc", &[]));
        engines.push(test_run("tc", &[0x88a8, 0x8100]));
        engines.push(Box::new(TestRun::new("tc", &[]).without(&["simplify"])));
        if !shape.marks {
            engines.push(test_run("xdp", &[]));
            engines.push(test_run("xdp", &[0x8100]));
            engines.push(test_run("xdp", &[0x88a8, 0x8100]));
        }
    }
    engines
}
