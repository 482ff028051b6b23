# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_bpfc_global_optspecs
    string join \n color= q/quiet h/help V/version
end

function __fish_bpfc_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_bpfc_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_bpfc_using_subcommand
    set -l cmd (__fish_bpfc_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c bpfc -n "__fish_bpfc_needs_command" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_needs_command" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_needs_command" -s V -l version -d 'Print version'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "compile" -d 'Compile rulesets to an eBPF object, or show a stage on the way'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "check" -d 'Say what compiles, what does not and why, and which rules are dead'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "load" -d 'Compile rulesets (or take an object) and attach the programs'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "watch" -d 'Load rulesets, and again whenever they change, until the filter is unloaded'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "unload" -d 'Detach a loaded filter'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "status" -d 'List loaded filters'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "counters" -d 'Print a loaded filter\'s counters as `iptables -nvL --line-numbers` would'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "save" -d 'Print a loaded filter\'s rules with their counters as `iptables-save -c` would, those of nft as `nft list ruleset`'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "log" -d 'Print what a loaded filter\'s rules log, as the kernel\'s log would show it'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "recent" -d 'Show or change a loaded filter\'s lists of recently seen addresses'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "set" -d 'List and change a loaded filter\'s sets, as `ipset` would, and those of nft as `nft` would'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "conntrack" -d 'Keep connection tracking on in this network namespace, for programs that other loaders attach'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "replay" -d 'Run the packets of a capture through a ruleset and print each verdict'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "explain" -d 'Say why a packet meets its verdict: every rule and test on its way'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "snapshot" -d 'Write what every stage makes of rulesets, or compare with what was written before'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "help-code" -d 'Explain a diagnostic\'s code'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "semantics" -d 'Say where a program can decide differently from the kernel\'s own rules, and why'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "__complete" -d 'Print what can stand at the end of a command line, for completion scripts'
complete -c bpfc -n "__fish_bpfc_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l from -d 'The rulesets\' format, where content does not tell; once for all rulesets, or once for each' -r -f -a "iptables-save\t'what iptables-save prints'
ip6tables-save\t'what ip6tables-save prints'
iptables-blob\t'tables as the kernel keeps them, IPv4'
ip6tables-blob\t'tables as the kernel keeps them, IPv6'
nft\t'what nft reads and `nft list ruleset` prints'
nft-json\t'what `nft -j` reads and `nft -j list ruleset` prints'
nft-dump\t'nftables as the kernel tells of it'
ipset-save\t'what ipset save prints'
pf.os\t'fingerprints that nfnl_osf loads'"
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l hook -d 'Hooks whose chains are compiled; the default depends on the target' -r -f -a "prerouting\t''
input\t''
forward\t''
output\t''
postrouting\t''"
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l table -d 'Tables to compile [default: filter]' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -s I -l includepath -d 'A folder in which files that nft rulesets include are looked for, behind the folder of the file that includes them and /etc; may be repeated' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l reject -d 'What becomes of packets that a rule rejects; reply is for targets that can send' -r -f -a "reply\t'They are dropped, and their senders are told (the default)'
drop\t'They are dropped, and nobody is told'"
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l disable-pass -d 'A pass of the optimiser to leave out; may be repeated' -r -f -a "simplify\t'fold constants, thread jumps, remove what is unreachable or unused'
alike\t'make one piece of code of chains that differ in counters and constants alone'
inline\t'inline chains, so that calls nest within limits, and drop unused ones'"
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l target -d 'What the programs are for' -r -f -a "xdp\t'XDP at an interface\'s ingress, before the network stack'
tc\t'traffic control (tcx) at an interface\'s ingress and egress'
netfilter\t'BPF_NETFILTER at the kernel\'s own hooks'
cgroup-skb\t'packets to and from the sockets of a control group'"
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -s o -l output -d 'Where to write, `-` for standard output. An object goes by default to the first ruleset\'s name with the ending `.o`, in the current folder; everything else to standard output' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l emit -d 'What to write' -r -f -a "obj\t'The ELF object'
ir\t'The intermediate representation, after optimisation'
tree\t'Hooks, chains, rules and jumps as an indented tree'
asm\t'The instructions, annotated with the rules they come from'
json\t'The artifact as JSON: programs, instructions, maps and rules'
dot\t'The control flow of every chain, for Graphviz'
input\t'The ruleset as it was read, of what the kernel holds (live:nft, live:iptables) too: it can be compiled elsewhere. Nothing is compiled'"
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l after -d 'With --emit ir, tree or dot: show the program as it is after this pass [default: the last; of a tree, none]' -r -f -a "simplify\t'fold constants, thread jumps, remove what is unreachable or unused'
alike\t'make one piece of code of chains that differ in counters and constants alone'
inline\t'inline chains, so that calls nest within limits, and drop unused ones'"
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l priority -d 'A netfilter program\'s priority among the hook\'s programs' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l trace -d 'Trace one packet in N, by chance, for `bpfc explain --live`: every rule that it meets is recorded' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l resolve -d 'Look up the hosts that nft rulesets name, each of which must have one address; without it such names are errors'
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -l as-lowered -d 'With --emit ir, tree or dot: show the program before the first pass'
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand compile" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -l from -d 'The rulesets\' format, where content does not tell; once for all rulesets, or once for each' -r -f -a "iptables-save\t'what iptables-save prints'
ip6tables-save\t'what ip6tables-save prints'
iptables-blob\t'tables as the kernel keeps them, IPv4'
ip6tables-blob\t'tables as the kernel keeps them, IPv6'
nft\t'what nft reads and `nft list ruleset` prints'
nft-json\t'what `nft -j` reads and `nft -j list ruleset` prints'
nft-dump\t'nftables as the kernel tells of it'
ipset-save\t'what ipset save prints'
pf.os\t'fingerprints that nfnl_osf loads'"
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -l hook -d 'Hooks whose chains are compiled; the default depends on the target' -r -f -a "prerouting\t''
input\t''
forward\t''
output\t''
postrouting\t''"
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -l table -d 'Tables to compile [default: filter]' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -s I -l includepath -d 'A folder in which files that nft rulesets include are looked for, behind the folder of the file that includes them and /etc; may be repeated' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -l reject -d 'What becomes of packets that a rule rejects; reply is for targets that can send' -r -f -a "reply\t'They are dropped, and their senders are told (the default)'
drop\t'They are dropped, and nobody is told'"
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -l disable-pass -d 'A pass of the optimiser to leave out; may be repeated' -r -f -a "simplify\t'fold constants, thread jumps, remove what is unreachable or unused'
alike\t'make one piece of code of chains that differ in counters and constants alone'
inline\t'inline chains, so that calls nest within limits, and drop unused ones'"
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -l target -d 'The target to check for [default: every one]' -r -f -a "xdp\t'XDP at an interface\'s ingress, before the network stack'
tc\t'traffic control (tcx) at an interface\'s ingress and egress'
netfilter\t'BPF_NETFILTER at the kernel\'s own hooks'
cgroup-skb\t'packets to and from the sockets of a control group'"
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -l kernel -d 'A kernel that the programs are to load on, as `uname -r` prints its version (6.1, 6.12.9-cloud-amd64): says which targets it can take, and what it lacks for the others' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -l resolve -d 'Look up the hosts that nft rulesets name, each of which must have one address; without it such names are errors'
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -l json -d 'Print JSON'
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l from -d 'The rulesets\' format, where content does not tell; once for all rulesets, or once for each' -r -f -a "iptables-save\t'what iptables-save prints'
ip6tables-save\t'what ip6tables-save prints'
iptables-blob\t'tables as the kernel keeps them, IPv4'
ip6tables-blob\t'tables as the kernel keeps them, IPv6'
nft\t'what nft reads and `nft list ruleset` prints'
nft-json\t'what `nft -j` reads and `nft -j list ruleset` prints'
nft-dump\t'nftables as the kernel tells of it'
ipset-save\t'what ipset save prints'
pf.os\t'fingerprints that nfnl_osf loads'"
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l hook -d 'Hooks whose chains are compiled; the default depends on the target' -r -f -a "prerouting\t''
input\t''
forward\t''
output\t''
postrouting\t''"
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l table -d 'Tables to compile [default: filter]' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -s I -l includepath -d 'A folder in which files that nft rulesets include are looked for, behind the folder of the file that includes them and /etc; may be repeated' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l reject -d 'What becomes of packets that a rule rejects; reply is for targets that can send' -r -f -a "reply\t'They are dropped, and their senders are told (the default)'
drop\t'They are dropped, and nobody is told'"
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l disable-pass -d 'A pass of the optimiser to leave out; may be repeated' -r -f -a "simplify\t'fold constants, thread jumps, remove what is unreachable or unused'
alike\t'make one piece of code of chains that differ in counters and constants alone'
inline\t'inline chains, so that calls nest within limits, and drop unused ones'"
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l target -d 'What the programs are for; an object knows its own' -r -f -a "xdp\t'XDP at an interface\'s ingress, before the network stack'
tc\t'traffic control (tcx) at an interface\'s ingress and egress'
netfilter\t'BPF_NETFILTER at the kernel\'s own hooks'
cgroup-skb\t'packets to and from the sockets of a control group'"
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l iface -d 'An interface to attach to, for xdp and tc; may be repeated' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l cgroup -d 'A cgroup\'s folder to attach to, for cgroup-skb' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l name -d 'The filter\'s name [default: the first ruleset\'s file name without its ending]. A filter that is loaded under this name is replaced, with no packet unfiltered in between' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l xdp-mode -d 'How XDP programs are attached' -r -f -a "auto\t'By the driver where it can, otherwise by the kernel\'s generic code'
native\t'By the driver, or fail'
generic\t'By the kernel\'s generic code'"
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l priority -d 'A netfilter program\'s priority among the hook\'s programs' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l trace -d 'Trace one packet in N, by chance, for `bpfc explain --live`: every rule that it meets is recorded' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l resolve -d 'Look up the hosts that nft rulesets name, each of which must have one address; without it such names are errors'
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l again -d 'Attach loaded filters where they are not attached any more (an interface came back, somebody detached a link): the arguments are names of filters, by default all of this network namespace. Nothing is compiled, counters go on, and what is attached is left alone'
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l if-changed -d 'Do nothing where the filter of this name is loaded already from the same rules with the same options by the same version, and is attached'
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l warnings -d 'Print warnings and notes about the ruleset, as `check` does, not only how many there are'
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -l json -d 'Print JSON'
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand load" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l from -d 'The rulesets\' format, where content does not tell; once for all rulesets, or once for each' -r -f -a "iptables-save\t'what iptables-save prints'
ip6tables-save\t'what ip6tables-save prints'
iptables-blob\t'tables as the kernel keeps them, IPv4'
ip6tables-blob\t'tables as the kernel keeps them, IPv6'
nft\t'what nft reads and `nft list ruleset` prints'
nft-json\t'what `nft -j` reads and `nft -j list ruleset` prints'
nft-dump\t'nftables as the kernel tells of it'
ipset-save\t'what ipset save prints'
pf.os\t'fingerprints that nfnl_osf loads'"
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l hook -d 'Hooks whose chains are compiled; the default depends on the target' -r -f -a "prerouting\t''
input\t''
forward\t''
output\t''
postrouting\t''"
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l table -d 'Tables to compile [default: filter]' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -s I -l includepath -d 'A folder in which files that nft rulesets include are looked for, behind the folder of the file that includes them and /etc; may be repeated' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l reject -d 'What becomes of packets that a rule rejects; reply is for targets that can send' -r -f -a "reply\t'They are dropped, and their senders are told (the default)'
drop\t'They are dropped, and nobody is told'"
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l disable-pass -d 'A pass of the optimiser to leave out; may be repeated' -r -f -a "simplify\t'fold constants, thread jumps, remove what is unreachable or unused'
alike\t'make one piece of code of chains that differ in counters and constants alone'
inline\t'inline chains, so that calls nest within limits, and drop unused ones'"
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l target -d 'What the programs are for; an object knows its own' -r -f -a "xdp\t'XDP at an interface\'s ingress, before the network stack'
tc\t'traffic control (tcx) at an interface\'s ingress and egress'
netfilter\t'BPF_NETFILTER at the kernel\'s own hooks'
cgroup-skb\t'packets to and from the sockets of a control group'"
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l iface -d 'An interface to attach to, for xdp and tc; may be repeated' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l cgroup -d 'A cgroup\'s folder to attach to, for cgroup-skb' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l name -d 'The filter\'s name [default: the first ruleset\'s file name without its ending]. A filter that is loaded under this name is replaced, with no packet unfiltered in between' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l xdp-mode -d 'How XDP programs are attached' -r -f -a "auto\t'By the driver where it can, otherwise by the kernel\'s generic code'
native\t'By the driver, or fail'
generic\t'By the kernel\'s generic code'"
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l priority -d 'A netfilter program\'s priority among the hook\'s programs' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l trace -d 'Trace one packet in N, by chance, for `bpfc explain --live`: every rule that it meets is recorded' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l resolve -d 'Look up the hosts that nft rulesets name, each of which must have one address; without it such names are errors'
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l warnings -d 'Print warnings and notes about the ruleset, as `check` does, not only how many there are'
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -l json -d 'Print JSON'
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand unload" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand unload" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand unload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand status" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand status" -l json -d 'Print JSON'
complete -c bpfc -n "__fish_bpfc_using_subcommand status" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand counters" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand counters" -l zero -d 'Set the counters to zero after printing them'
complete -c bpfc -n "__fish_bpfc_using_subcommand counters" -s x -l exact -d 'Print whole numbers, without K, M and G'
complete -c bpfc -n "__fish_bpfc_using_subcommand counters" -l json -d 'Print JSON'
complete -c bpfc -n "__fish_bpfc_using_subcommand counters" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand counters" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand save" -l family -d 'Print the rules of one family of iptables, or those of nft; needed where the filter holds several and JSON is not wanted' -r -f -a "ipv4\t'What iptables-restore takes'
ipv6\t'What ip6tables-restore takes'
nft\t'What `nft -f` takes'"
complete -c bpfc -n "__fish_bpfc_using_subcommand save" -s o -l output -d 'Where to write, `-` for standard output' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand save" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand save" -l json -d 'Print JSON'
complete -c bpfc -n "__fish_bpfc_using_subcommand save" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand save" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand log" -s w -l write -l pcapng -d 'Write a pcapng capture instead, `-` for standard output' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand log" -s n -l count -d 'Stop after so many records' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand log" -l timeout -d 'Stop after so many seconds; 0 prints what is there [default: go on]' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand log" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand log" -l json -d 'Print JSON, one object a record'
complete -c bpfc -n "__fish_bpfc_using_subcommand log" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and not __fish_seen_subcommand_from list add del flush help" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and not __fish_seen_subcommand_from list add del flush help" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and not __fish_seen_subcommand_from list add del flush help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and not __fish_seen_subcommand_from list add del flush help" -f -a "list" -d 'Print the addresses of a list, or of every list, from the one seen longest ago on'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and not __fish_seen_subcommand_from list add del flush help" -f -a "add" -d 'See an address now'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and not __fish_seen_subcommand_from list add del flush help" -f -a "del" -d 'Remove an address'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and not __fish_seen_subcommand_from list add del flush help" -f -a "flush" -d 'Remove every address'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and not __fish_seen_subcommand_from list add del flush help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from list" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from add" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from del" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from del" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from del" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from flush" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from flush" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from flush" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from help" -f -a "list" -d 'Print the addresses of a list, or of every list, from the one seen longest ago on'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from help" -f -a "add" -d 'See an address now'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from help" -f -a "del" -d 'Remove an address'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from help" -f -a "flush" -d 'Remove every address'
complete -c bpfc -n "__fish_bpfc_using_subcommand recent; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -l exist -d 'What is there already is written anew; what is to be deleted may be gone. As ipset\'s `-exist` and `-!`, which are taken as well, it can stand anywhere'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -f -a "add" -d 'Add an element'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -f -a "del" -d 'Delete an element'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -f -a "test" -d 'Say whether an element is in the set; exit status 1 where it is not'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -f -a "list" -d 'List definitions and elements'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -f -a "save" -d 'Print what `ipset restore` takes'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -f -a "flush" -d 'Delete all elements, in one step'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -f -a "swap" -d 'Exchange the elements of two sets of the same type and options'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -f -a "restore" -d 'Carry out the `add`, `del` and `flush` lines of what `ipset save` prints'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -f -a "replace" -d 'Give each set that a file defines the elements that it has there, each set in one step'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and not __fish_seen_subcommand_from add del test list save flush swap restore replace help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from add" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from add" -l exist -d 'What is there already is written anew; what is to be deleted may be gone. As ipset\'s `-exist` and `-!`, which are taken as well, it can stand anywhere'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from del" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from del" -l exist -d 'What is there already is written anew; what is to be deleted may be gone. As ipset\'s `-exist` and `-!`, which are taken as well, it can stand anywhere'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from del" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from del" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from test" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from test" -l exist -d 'What is there already is written anew; what is to be deleted may be gone. As ipset\'s `-exist` and `-!`, which are taken as well, it can stand anywhere'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from list" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from list" -l exist -d 'What is there already is written anew; what is to be deleted may be gone. As ipset\'s `-exist` and `-!`, which are taken as well, it can stand anywhere'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from save" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from save" -l exist -d 'What is there already is written anew; what is to be deleted may be gone. As ipset\'s `-exist` and `-!`, which are taken as well, it can stand anywhere'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from save" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from save" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from flush" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from flush" -l exist -d 'What is there already is written anew; what is to be deleted may be gone. As ipset\'s `-exist` and `-!`, which are taken as well, it can stand anywhere'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from flush" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from flush" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from swap" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from swap" -l exist -d 'What is there already is written anew; what is to be deleted may be gone. As ipset\'s `-exist` and `-!`, which are taken as well, it can stand anywhere'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from swap" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from swap" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from restore" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from restore" -l exist -d 'What is there already is written anew; what is to be deleted may be gone. As ipset\'s `-exist` and `-!`, which are taken as well, it can stand anywhere'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from restore" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from replace" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from replace" -l exist -d 'What is there already is written anew; what is to be deleted may be gone. As ipset\'s `-exist` and `-!`, which are taken as well, it can stand anywhere'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from replace" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from replace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add an element'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from help" -f -a "del" -d 'Delete an element'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from help" -f -a "test" -d 'Say whether an element is in the set; exit status 1 where it is not'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from help" -f -a "list" -d 'List definitions and elements'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from help" -f -a "save" -d 'Print what `ipset restore` takes'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from help" -f -a "flush" -d 'Delete all elements, in one step'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from help" -f -a "swap" -d 'Exchange the elements of two sets of the same type and options'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Carry out the `add`, `del` and `flush` lines of what `ipset save` prints'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from help" -f -a "replace" -d 'Give each set that a file defines the elements that it has there, each set in one step'
complete -c bpfc -n "__fish_bpfc_using_subcommand set; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and not __fish_seen_subcommand_from on off status help" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and not __fish_seen_subcommand_from on off status help" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and not __fish_seen_subcommand_from on off status help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and not __fish_seen_subcommand_from on off status help" -f -a "on" -d 'Keep it on, until `off` for the same name or the end of the network namespace. Doing so twice is fine'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and not __fish_seen_subcommand_from on off status help" -f -a "off" -d 'Keep it on no longer. Connections are tracked as long as a filter, another name or rules of others ask'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and not __fish_seen_subcommand_from on off status help" -f -a "status" -d 'Say which filters and names keep it on; exit status 1 where none does'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and not __fish_seen_subcommand_from on off status help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from on" -l name -d 'On whose behalf, where several are' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from on" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from on" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from on" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from off" -l name -d 'On whose behalf it was kept on' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from off" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from off" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from off" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from status" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from status" -l json -d 'Print JSON'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from help" -f -a "on" -d 'Keep it on, until `off` for the same name or the end of the network namespace. Doing so twice is fine'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from help" -f -a "off" -d 'Keep it on no longer. Connections are tracked as long as a filter, another name or rules of others ask'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from help" -f -a "status" -d 'Say which filters and names keep it on; exit status 1 where none does'
complete -c bpfc -n "__fish_bpfc_using_subcommand conntrack; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l from -d 'The rulesets\' format, where content does not tell; once for all rulesets, or once for each' -r -f -a "iptables-save\t'what iptables-save prints'
ip6tables-save\t'what ip6tables-save prints'
iptables-blob\t'tables as the kernel keeps them, IPv4'
ip6tables-blob\t'tables as the kernel keeps them, IPv6'
nft\t'what nft reads and `nft list ruleset` prints'
nft-json\t'what `nft -j` reads and `nft -j list ruleset` prints'
nft-dump\t'nftables as the kernel tells of it'
ipset-save\t'what ipset save prints'
pf.os\t'fingerprints that nfnl_osf loads'"
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l hook -d 'Hooks whose chains are compiled; the default depends on the target' -r -f -a "prerouting\t''
input\t''
forward\t''
output\t''
postrouting\t''"
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l table -d 'Tables to compile [default: filter]' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -s I -l includepath -d 'A folder in which files that nft rulesets include are looked for, behind the folder of the file that includes them and /etc; may be repeated' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l reject -d 'What becomes of packets that a rule rejects; reply is for targets that can send' -r -f -a "reply\t'They are dropped, and their senders are told (the default)'
drop\t'They are dropped, and nobody is told'"
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l disable-pass -d 'A pass of the optimiser to leave out; may be repeated' -r -f -a "simplify\t'fold constants, thread jumps, remove what is unreachable or unused'
alike\t'make one piece of code of chains that differ in counters and constants alone'
inline\t'inline chains, so that calls nest within limits, and drop unused ones'"
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l pcap -d 'The capture: pcap or pcapng, also compressed by gzip; `-` for standard input' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l target -d 'What the kernel engine runs the packets through [default: xdp; tc at output and postrouting, which xdp does not have]' -r -f -a "xdp\t'XDP at an interface\'s ingress, before the network stack'
tc\t'traffic control (tcx) at an interface\'s ingress and egress'
netfilter\t'BPF_NETFILTER at the kernel\'s own hooks'
cgroup-skb\t'packets to and from the sockets of a control group'"
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l engine -d 'What decides' -r -f -a "kernel\t'The compiled program in this kernel (BPF_PROG_TEST_RUN); needs root'
vm\t'The compiled program in a virtual machine of bpfc\'s own (not available yet)'
reference\t'The reference evaluator of the ruleset, which knows nothing of the compiler'"
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l iface -d 'The packets\' input interface (output interface for output and postrouting)' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l resolve -d 'Look up the hosts that nft rulesets name, each of which must have one address; without it such names are errors'
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l warnings -d 'Print warnings and notes about the ruleset, as `check` does, not only how many there are'
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -l json -d 'Print JSON: one object a packet, then one with the counters'
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l from -d 'The rulesets\' format, where content does not tell; once for all rulesets, or once for each' -r -f -a "iptables-save\t'what iptables-save prints'
ip6tables-save\t'what ip6tables-save prints'
iptables-blob\t'tables as the kernel keeps them, IPv4'
ip6tables-blob\t'tables as the kernel keeps them, IPv6'
nft\t'what nft reads and `nft list ruleset` prints'
nft-json\t'what `nft -j` reads and `nft -j list ruleset` prints'
nft-dump\t'nftables as the kernel tells of it'
ipset-save\t'what ipset save prints'
pf.os\t'fingerprints that nfnl_osf loads'"
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l hook -d 'Hooks whose chains are compiled; the default depends on the target' -r -f -a "prerouting\t''
input\t''
forward\t''
output\t''
postrouting\t''"
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l table -d 'Tables to compile [default: filter]' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -s I -l includepath -d 'A folder in which files that nft rulesets include are looked for, behind the folder of the file that includes them and /etc; may be repeated' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l reject -d 'What becomes of packets that a rule rejects; reply is for targets that can send' -r -f -a "reply\t'They are dropped, and their senders are told (the default)'
drop\t'They are dropped, and nobody is told'"
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l disable-pass -d 'A pass of the optimiser to leave out; may be repeated' -r -f -a "simplify\t'fold constants, thread jumps, remove what is unreachable or unused'
alike\t'make one piece of code of chains that differ in counters and constants alone'
inline\t'inline chains, so that calls nest within limits, and drop unused ones'"
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l packet -d 'The packet in words, such as \'in=eth0 ip saddr 10.0.0.1 daddr 10.0.0.2 tcp sport 4000 dport 22 flags syn\'' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l hex -d 'The packet as hexadecimal digits, from the Ethernet or the IP header on' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l pcap -d 'A capture that holds the packet' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l facts -d 'With --hex or --pcap: what only the host knows that handles the packet, in words such as dsttype=local' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l live -d 'A loaded filter: the rules that its traced packets meet, as they come. Packets are traced where a rule says TRACE and where the filter was loaded with --trace' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l count -d 'With --live: stop after so many packets' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l timeout -d 'With --live: stop after so many seconds' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l number -d 'The packet\'s number in the capture, from 1' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l iface -d 'The interface of a packet that is given as bytes' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l target -d 'The compiled program to compare with [default: the first of netfilter, tc and xdp that takes the ruleset]' -r -f -a "xdp\t'XDP at an interface\'s ingress, before the network stack'
tc\t'traffic control (tcx) at an interface\'s ingress and egress'
netfilter\t'BPF_NETFILTER at the kernel\'s own hooks'
cgroup-skb\t'packets to and from the sockets of a control group'"
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l resolve -d 'Look up the hosts that nft rulesets name, each of which must have one address; without it such names are errors'
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l warnings -d 'Print warnings and notes about the ruleset, as `check` does, not only how many there are'
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -l json -d 'Print JSON'
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -l from -d 'The rulesets\' format, where content does not tell; once for all rulesets, or once for each' -r -f -a "iptables-save\t'what iptables-save prints'
ip6tables-save\t'what ip6tables-save prints'
iptables-blob\t'tables as the kernel keeps them, IPv4'
ip6tables-blob\t'tables as the kernel keeps them, IPv6'
nft\t'what nft reads and `nft list ruleset` prints'
nft-json\t'what `nft -j` reads and `nft -j list ruleset` prints'
nft-dump\t'nftables as the kernel tells of it'
ipset-save\t'what ipset save prints'
pf.os\t'fingerprints that nfnl_osf loads'"
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -l hook -d 'Hooks whose chains are compiled; the default depends on the target' -r -f -a "prerouting\t''
input\t''
forward\t''
output\t''
postrouting\t''"
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -l table -d 'Tables to compile [default: filter]' -r
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -s I -l includepath -d 'A folder in which files that nft rulesets include are looked for, behind the folder of the file that includes them and /etc; may be repeated' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -l reject -d 'What becomes of packets that a rule rejects; reply is for targets that can send' -r -f -a "reply\t'They are dropped, and their senders are told (the default)'
drop\t'They are dropped, and nobody is told'"
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -l disable-pass -d 'A pass of the optimiser to leave out; may be repeated' -r -f -a "simplify\t'fold constants, thread jumps, remove what is unreachable or unused'
alike\t'make one piece of code of chains that differ in counters and constants alone'
inline\t'inline chains, so that calls nest within limits, and drop unused ones'"
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -l dir -d 'The folder that holds one folder a stage' -r -F
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -l resolve -d 'Look up the hosts that nft rulesets name, each of which must have one address; without it such names are errors'
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -l check -d 'Write nothing: print what changed, by rule, and fail where something did'
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand snapshot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand help-code" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand help-code" -l json -d 'Print JSON'
complete -c bpfc -n "__fish_bpfc_using_subcommand help-code" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand help-code" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand semantics" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand semantics" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand semantics" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand completions" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand completions" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand __complete" -l color -d 'When to color diagnostics; auto means on a terminal where NO_COLOR is not set' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c bpfc -n "__fish_bpfc_using_subcommand __complete" -s q -l quiet -d 'Say errors only: neither warnings nor notes, nor what was done'
complete -c bpfc -n "__fish_bpfc_using_subcommand __complete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "compile" -d 'Compile rulesets to an eBPF object, or show a stage on the way'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "check" -d 'Say what compiles, what does not and why, and which rules are dead'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "load" -d 'Compile rulesets (or take an object) and attach the programs'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "watch" -d 'Load rulesets, and again whenever they change, until the filter is unloaded'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "unload" -d 'Detach a loaded filter'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "status" -d 'List loaded filters'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "counters" -d 'Print a loaded filter\'s counters as `iptables -nvL --line-numbers` would'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "save" -d 'Print a loaded filter\'s rules with their counters as `iptables-save -c` would, those of nft as `nft list ruleset`'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "log" -d 'Print what a loaded filter\'s rules log, as the kernel\'s log would show it'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "recent" -d 'Show or change a loaded filter\'s lists of recently seen addresses'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "set" -d 'List and change a loaded filter\'s sets, as `ipset` would, and those of nft as `nft` would'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "conntrack" -d 'Keep connection tracking on in this network namespace, for programs that other loaders attach'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "replay" -d 'Run the packets of a capture through a ruleset and print each verdict'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "explain" -d 'Say why a packet meets its verdict: every rule and test on its way'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "snapshot" -d 'Write what every stage makes of rulesets, or compare with what was written before'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "help-code" -d 'Explain a diagnostic\'s code'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "semantics" -d 'Say where a program can decide differently from the kernel\'s own rules, and why'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "completions" -d 'Print a shell\'s completion script'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "__complete" -d 'Print what can stand at the end of a command line, for completion scripts'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and not __fish_seen_subcommand_from compile check load watch unload status counters save log recent set conntrack replay explain snapshot help-code semantics completions __complete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from recent" -f -a "list" -d 'Print the addresses of a list, or of every list, from the one seen longest ago on'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from recent" -f -a "add" -d 'See an address now'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from recent" -f -a "del" -d 'Remove an address'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from recent" -f -a "flush" -d 'Remove every address'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from set" -f -a "add" -d 'Add an element'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from set" -f -a "del" -d 'Delete an element'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from set" -f -a "test" -d 'Say whether an element is in the set; exit status 1 where it is not'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from set" -f -a "list" -d 'List definitions and elements'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from set" -f -a "save" -d 'Print what `ipset restore` takes'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from set" -f -a "flush" -d 'Delete all elements, in one step'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from set" -f -a "swap" -d 'Exchange the elements of two sets of the same type and options'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from set" -f -a "restore" -d 'Carry out the `add`, `del` and `flush` lines of what `ipset save` prints'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from set" -f -a "replace" -d 'Give each set that a file defines the elements that it has there, each set in one step'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from conntrack" -f -a "on" -d 'Keep it on, until `off` for the same name or the end of the network namespace. Doing so twice is fine'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from conntrack" -f -a "off" -d 'Keep it on no longer. Connections are tracked as long as a filter, another name or rules of others ask'
complete -c bpfc -n "__fish_bpfc_using_subcommand help; and __fish_seen_subcommand_from conntrack" -f -a "status" -d 'Say which filters and names keep it on; exit status 1 where none does'
function __fish_bpfc_here
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete -- $words[2..] 2>/dev/null
end
complete -c bpfc -f -n "__fish_bpfc_here | string length -q" -a "(__fish_bpfc_here)"
