//! Hooks, and the order in which a packet meets them.

use serde::{Deserialize, Serialize};

/// Whose chains are compiled, in the order a packet meets the hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hook {
    /// nft's netdev ingress.
    Ingress,
    /// Before routing: `NF_INET_PRE_ROUTING`.
    Prerouting,
    /// To a local socket: `NF_INET_LOCAL_IN`.
    Input,
    /// From one interface to another: `NF_INET_FORWARD`.
    Forward,
    /// From a local socket: `NF_INET_LOCAL_OUT`.
    Output,
    /// After routing: `NF_INET_POST_ROUTING`.
    Postrouting,
    /// nft's netdev egress.
    Egress,
}

crate::words!(Hook {
    Ingress => "ingress", Prerouting => "prerouting", Input => "input", Forward => "forward",
    Output => "output", Postrouting => "postrouting", Egress => "egress",
});

impl Hook {
    /// Whether packets pass it on their way in.
    pub fn is_received(self) -> bool {
        matches!(self, Hook::Prerouting | Hook::Input | Hook::Forward)
    }

    /// Whether a packet that passed this hook's chains can meet those of `later` next. Input,
    /// forward and output exclude each other: routing sends a packet one way.
    pub fn leads_to(self, later: Hook) -> bool {
        let is_way = |hook| matches!(hook, Hook::Input | Hook::Forward | Hook::Output);
        self < later
            && !(is_way(self) && is_way(later))
            && !(self <= Hook::Prerouting && later == Hook::Output)
            && !(self == Hook::Input && later > Hook::Input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_meets_hooks_in_one_order() {
        let after = |hook: Hook| -> Vec<Hook> {
            Hook::ALL.into_iter().filter(|later| hook.leads_to(*later)).collect()
        };
        use Hook::{Egress, Forward, Ingress, Input, Output, Postrouting, Prerouting};
        assert_eq!(after(Ingress), [Prerouting, Input, Forward, Postrouting, Egress]);
        assert_eq!(after(Prerouting), [Input, Forward, Postrouting, Egress]);
        assert_eq!(after(Input), []);
        assert_eq!(after(Forward), [Postrouting, Egress]);
        assert_eq!(after(Output), [Postrouting, Egress]);
        assert_eq!(after(Postrouting), [Egress]);
    }
}
