//! The command line: what can be typed, and nothing about what it does.

use crate::words::{self, FormatName, HookName, PassName, TargetName, filter_name};
use bpfc_artifact::{Family, KernelVersion};
use clap::builder::TypedValueParser as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Compiles iptables rulesets into eBPF programs, loads them, and reads their counters.
#[derive(Debug, Parser)]
#[command(name = "bpfc", version, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to color diagnostics; auto means on a terminal where NO_COLOR is not set.
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: ColorChoice,
    /// Say errors only: neither warnings nor notes, nor what was done.
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// When to write color.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile rulesets to an eBPF object, or show a stage on the way.
    Compile(CompileArgs),
    /// Say what compiles, what does not and why, and which rules are dead.
    Check(CheckArgs),
    /// Compile rulesets (or take an object) and attach the programs.
    Load(LoadArgs),
    /// Load rulesets, and again whenever they change, until the filter is unloaded.
    Watch(WatchArgs),
    /// Detach a loaded filter.
    Unload(UnloadArgs),
    /// List loaded filters.
    Status(StatusArgs),
    /// Print a loaded filter's counters as `iptables -nvL --line-numbers` would.
    Counters(CountersArgs),
    /// Print a loaded filter's rules with their counters as `iptables-save -c` would, those of nft
    /// as `nft list ruleset`.
    Save(SaveArgs),
    /// Print what a loaded filter's rules log, as the kernel's log would show it.
    Log(LogArgs),
    /// Show or change a loaded filter's lists of recently seen addresses.
    Recent(RecentArgs),
    /// List and change a loaded filter's sets, as `ipset` would, and those of nft as `nft` would.
    Set(SetArgs),
    /// Keep connection tracking on in this network namespace, for programs that other loaders
    /// attach.
    Conntrack(ConntrackArgs),
    /// Run the packets of a capture through a ruleset and print each verdict.
    Replay(ReplayArgs),
    /// Say why a packet meets its verdict: every rule and test on its way.
    Explain(ExplainArgs),
    /// Write what every stage makes of rulesets, or compare with what was written before.
    Snapshot(SnapshotArgs),
    /// Explain a diagnostic's code.
    HelpCode(HelpCodeArgs),
    /// Say where a program can decide differently from the kernel's own rules, and why.
    Semantics(SemanticsArgs),
    /// Print a shell's completion script.
    Completions(CompletionsArgs),
    /// Print what can stand at the end of a command line, for completion scripts.
    #[command(name = "__complete", hide = true)]
    Complete(CompleteArgs),
}

/// Which rulesets, and what of them.
#[derive(Clone, Debug, Args)]
pub struct RulesetArgs {
    /// A file, `-` for standard input, `live:iptables`, `live:ip6tables` or `live:nft` for what the
    /// kernel holds. Several (IPv4 and IPv6) become one program. Sets (`ipset save`, `live:ipset`)
    /// and fingerprints of operating systems (`pf.os`) that rules name are given beside them.
    #[arg(value_name = "RULESET", required = true)]
    pub rulesets: Vec<String>,
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// What of a ruleset is compiled.
#[derive(Clone, Debug, Default, Args)]
pub struct SelectionArgs {
    /// The rulesets' format, where content does not tell; once for all rulesets, or once for each.
    #[arg(long, value_name = "FORMAT", value_parser = FormatName)]
    pub from: Vec<String>,
    /// Hooks whose chains are compiled; the default depends on the target.
    #[arg(long, value_name = "HOOK", value_delimiter = ',', value_parser = HookName.try_map(|name| words::hook(&name)))]
    pub hook: Vec<bpfc_ir::Hook>,
    /// Tables to compile [default: filter].
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    pub table: Vec<String>,
    /// A folder in which files that nft rulesets include are looked for, behind the folder of the
    /// file that includes them and /etc; may be repeated.
    #[arg(short = 'I', long = "includepath", value_name = "DIR")]
    pub include: Vec<PathBuf>,
    /// Look up the hosts that nft rulesets name, each of which must have one address; without it
    /// such names are errors.
    #[arg(long)]
    pub resolve: bool,
    /// What becomes of packets that a rule rejects; reply is for targets that can send.
    #[arg(long, value_enum, value_name = "HOW")]
    pub reject: Option<Reject>,
    /// A pass of the optimiser to leave out; may be repeated.
    #[arg(long, value_name = "PASS", value_delimiter = ',', value_parser = PassName)]
    pub disable_pass: Vec<String>,
}

/// What becomes of packets that a rule rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reject {
    /// They are dropped, and their senders are told (the default).
    Reply,
    /// They are dropped, and nobody is told.
    Drop,
}

/// `bpfc compile`.
#[derive(Debug, Args)]
pub struct CompileArgs {
    #[command(flatten)]
    pub ruleset: RulesetArgs,
    /// What the programs are for.
    #[arg(long, default_value = "xdp", value_parser = TargetName)]
    pub target: String,
    /// Where to write, `-` for standard output. An object goes by default to the first ruleset's
    /// name with the ending `.o`, in the current folder; everything else to standard output.
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// What to write.
    #[arg(long, value_enum, default_value = "obj")]
    pub emit: Emit,
    /// With --emit ir, tree or dot: show the program as it is after this pass [default: the last;
    /// of a tree, none].
    #[arg(long, value_name = "PASS", value_parser = PassName, conflicts_with = "as_lowered")]
    pub after: Option<String>,
    /// With --emit ir, tree or dot: show the program before the first pass.
    #[arg(long)]
    pub as_lowered: bool,
    /// A netfilter program's priority among the hook's programs.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub priority: Option<i32>,
    /// Trace one packet in N, by chance, for `bpfc explain --live`: every rule that it meets is
    /// recorded.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub trace: Option<u32>,
}

/// What `compile` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// The ELF object.
    Obj,
    /// The intermediate representation, after optimisation.
    Ir,
    /// Hooks, chains, rules and jumps as an indented tree.
    Tree,
    /// The instructions, annotated with the rules they come from.
    Asm,
    /// The artifact as JSON: programs, instructions, maps and rules.
    Json,
    /// The control flow of every chain, for Graphviz.
    Dot,
    /// The ruleset as it was read, of what the kernel holds (live:nft, live:iptables) too: it can
    /// be compiled elsewhere. Nothing is compiled.
    Input,
}

/// `bpfc check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub ruleset: RulesetArgs,
    /// The target to check for [default: every one].
    #[arg(long, value_parser = TargetName)]
    pub target: Option<String>,
    /// A kernel that the programs are to load on, as `uname -r` prints its version (6.1,
    /// 6.12.9-cloud-amd64): says which targets it can take, and what it lacks for the others.
    #[arg(long, value_name = "VERSION", value_parser = kernel_version)]
    pub kernel: Option<KernelVersion>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Reads a kernel's version.
fn kernel_version(text: &str) -> Result<KernelVersion, String> {
    text.parse().map_err(|()| "a kernel's version is two numbers or more, such as 6.1".to_owned())
}

/// `bpfc load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Rulesets as `compile` takes them, or one object that it wrote.
    #[arg(value_name = "RULESET|OBJECT", required_unless_present = "again")]
    pub inputs: Vec<String>,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Attach loaded filters where they are not attached any more (an interface came back, somebody
    /// detached a link): the arguments are names of filters, by default all of this network
    /// namespace. Nothing is compiled, counters go on, and what is attached is left alone.
    #[arg(long, conflicts_with_all = [
        "target", "iface", "cgroup", "name", "xdp_mode", "priority", "trace", "if_changed", "from", "hook",
        "table", "reject", "disable_pass",
    ])]
    pub again: bool,
    /// Do nothing where the filter of this name is loaded already from the same rules with the same
    /// options by the same version, and is attached.
    #[arg(long)]
    pub if_changed: bool,
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `bpfc watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Rulesets as `compile` takes them, but not from standard input. Files are followed with those
    /// that they include; the legacy tables and ipset are looked at each second, nf_tables tells.
    #[arg(value_name = "RULESET", required = true)]
    pub rulesets: Vec<String>,
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Where a filter is attached, and what is said of it.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// What the programs are for; an object knows its own.
    #[arg(long, value_parser = TargetName)]
    pub target: Option<String>,
    /// An interface to attach to, for xdp and tc; may be repeated.
    #[arg(long, value_name = "IF", value_delimiter = ',')]
    pub iface: Vec<String>,
    /// A cgroup's folder to attach to, for cgroup-skb.
    #[arg(long, value_name = "DIR")]
    pub cgroup: Option<PathBuf>,
    /// The filter's name [default: the first ruleset's file name without its ending]. A filter
    /// that is loaded under this name is replaced, with no packet unfiltered in between.
    #[arg(long, value_parser = filter_name)]
    pub name: Option<String>,
    /// How XDP programs are attached.
    #[arg(long, value_enum, default_value = "auto", value_name = "MODE")]
    pub xdp_mode: XdpMode,
    /// A netfilter program's priority among the hook's programs.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub priority: Option<i32>,
    /// Trace one packet in N, by chance, for `bpfc explain --live`: every rule that it meets is
    /// recorded.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub trace: Option<u32>,
    /// Print warnings and notes about the ruleset, as `check` does, not only how many there are.
    #[arg(long)]
    pub warnings: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How XDP programs are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum XdpMode {
    /// By the driver where it can, otherwise by the kernel's generic code.
    Auto,
    /// By the driver, or fail.
    Native,
    /// By the kernel's generic code.
    Generic,
}

/// `bpfc unload`.
#[derive(Debug, Args)]
pub struct UnloadArgs {
    /// The filter's name.
    #[arg(value_parser = filter_name)]
    pub name: String,
}

/// `bpfc status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// A filter's name [default: every filter].
    #[arg(value_parser = filter_name)]
    pub name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `bpfc counters`.
#[derive(Debug, Args)]
pub struct CountersArgs {
    /// The filter's name.
    #[arg(value_parser = filter_name)]
    pub name: String,
    /// Set the counters to zero after printing them.
    #[arg(long)]
    pub zero: bool,
    /// Print whole numbers, without K, M and G.
    #[arg(short = 'x', long)]
    pub exact: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `bpfc save`.
#[derive(Debug, Args)]
pub struct SaveArgs {
    /// The filter's name.
    #[arg(value_parser = filter_name)]
    pub name: String,
    /// Print the rules of one family of iptables, or those of nft; needed where the filter holds
    /// several and JSON is not wanted.
    #[arg(long, value_enum, value_name = "FAMILY")]
    family: Option<FamilyName>,
    /// Where to write, `-` for standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl SaveArgs {
    /// The family that is asked for.
    pub fn family(&self) -> Option<Family> {
        match self.family? {
            FamilyName::Ipv4 => Some(Family::Ipv4),
            FamilyName::Ipv6 => Some(Family::Ipv6),
            FamilyName::Nft => None,
        }
    }

    /// Whether the rules of nft are asked for.
    pub fn is_of_nft(&self) -> bool {
        self.family == Some(FamilyName::Nft)
    }
}

/// A family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FamilyName {
    /// What iptables-restore takes.
    Ipv4,
    /// What ip6tables-restore takes.
    Ipv6,
    /// What `nft -f` takes.
    Nft,
}

/// `bpfc log`.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// The filter's name.
    #[arg(value_parser = filter_name)]
    pub name: String,
    /// Print JSON, one object a record.
    #[arg(long, conflicts_with = "write")]
    pub json: bool,
    /// Write a pcapng capture instead, `-` for standard output.
    #[arg(short, long, visible_alias = "pcapng", value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Stop after so many records.
    #[arg(short = 'n', long, value_name = "N")]
    pub count: Option<u64>,
    /// Stop after so many seconds; 0 prints what is there [default: go on].
    #[arg(long, value_name = "SECONDS", value_parser = words::seconds)]
    pub timeout: Option<f64>,
}

/// `bpfc recent`.
#[derive(Debug, Args)]
pub struct RecentArgs {
    /// What to do with a list.
    #[command(subcommand)]
    pub command: RecentCommand,
}

/// What `bpfc recent` does.
#[derive(Debug, Subcommand)]
pub enum RecentCommand {
    /// Print the addresses of a list, or of every list, from the one seen longest ago on.
    List {
        /// The filter's name.
        #[arg(value_parser = filter_name)]
        name: String,
        /// The list, as `-m recent --name` names it [default: every list].
        list: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// See an address now.
    Add {
        /// The filter's name.
        #[arg(value_parser = filter_name)]
        name: String,
        /// The list.
        list: String,
        /// The address.
        address: std::net::IpAddr,
    },
    /// Remove an address.
    Del {
        /// The filter's name.
        #[arg(value_parser = filter_name)]
        name: String,
        /// The list.
        list: String,
        /// The address.
        address: std::net::IpAddr,
    },
    /// Remove every address.
    Flush {
        /// The filter's name.
        #[arg(value_parser = filter_name)]
        name: String,
        /// The list.
        list: String,
    },
}

/// `bpfc set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// What is there already is written anew; what is to be deleted may be gone. As ipset's
    /// `-exist` and `-!`, which are taken as well, it can stand anywhere.
    #[arg(long, global = true)]
    pub exist: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: SetCommand,
}

impl SetArgs {
    /// Whether the result is JSON.
    pub fn json(&self) -> bool {
        matches!(&self.command, SetCommand::List { json: true, .. })
    }
}

/// What to do with a filter's sets.
#[derive(Debug, Subcommand)]
pub enum SetCommand {
    /// Add an element.
    Add(ElementArgs),
    /// Delete an element.
    Del(ElementArgs),
    /// Say whether an element is in the set; exit status 1 where it is not.
    Test(ElementArgs),
    /// List definitions and elements.
    List {
        /// The filter's name.
        #[arg(value_parser = filter_name)]
        name: String,
        /// The set; all of them where it is left out.
        set: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print what `ipset restore` takes.
    Save {
        /// The filter's name.
        #[arg(value_parser = filter_name)]
        name: String,
        /// The set; all of them where it is left out.
        set: Option<String>,
    },
    /// Delete all elements, in one step.
    Flush {
        /// The filter's name.
        #[arg(value_parser = filter_name)]
        name: String,
        /// The set.
        set: String,
    },
    /// Exchange the elements of two sets of the same type and options.
    Swap {
        /// The filter's name.
        #[arg(value_parser = filter_name)]
        name: String,
        /// One set.
        set: String,
        /// The other set.
        other: String,
    },
    /// Carry out the `add`, `del` and `flush` lines of what `ipset save` prints.
    Restore {
        /// The filter's name.
        #[arg(value_parser = filter_name)]
        name: String,
        /// A file, or `-` for standard input.
        #[arg(default_value = "-")]
        file: String,
    },
    /// Give each set that a file defines the elements that it has there, each set in one step.
    Replace {
        /// The filter's name.
        #[arg(value_parser = filter_name)]
        name: String,
        /// What `ipset save` prints, or `-` for standard input.
        file: String,
    },
}

/// An element of a set of a filter.
#[derive(Debug, Args)]
pub struct ElementArgs {
    /// The filter's name.
    #[arg(value_parser = filter_name)]
    pub name: String,
    /// The set: its name, or `inet/filter/banned` for one of nft.
    pub set: String,
    /// The element and what stands behind it, such as `10.0.0.0/8 nomatch` or
    /// `192.0.2.1,tcp:80 timeout 60 comment web`; of nft `203.0.113.7 timeout 10m`,
    /// `22 : accept` or several in braces.
    #[arg(required = true, trailing_var_arg = true)]
    pub element: Vec<String>,
}

/// `bpfc conntrack`.
#[derive(Debug, Args)]
pub struct ConntrackArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConntrackCommand,
}

/// What `bpfc conntrack` does.
#[derive(Debug, Subcommand)]
pub enum ConntrackCommand {
    /// Keep it on, until `off` for the same name or the end of the network namespace. Doing so
    /// twice is fine.
    On {
        /// On whose behalf, where several are.
        #[arg(long, default_value = "default", value_parser = filter_name)]
        name: String,
    },
    /// Keep it on no longer. Connections are tracked as long as a filter, another name or rules of
    /// others ask.
    Off {
        /// On whose behalf it was kept on.
        #[arg(long, default_value = "default", value_parser = filter_name)]
        name: String,
    },
    /// Say which filters and names keep it on; exit status 1 where none does.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `bpfc replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    pub ruleset: RulesetArgs,
    /// The capture: pcap or pcapng, also compressed by gzip; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub pcap: PathBuf,
    /// What the kernel engine runs the packets through [default: xdp; tc at output and
    /// postrouting, which xdp does not have].
    #[arg(long, value_parser = TargetName)]
    pub target: Option<String>,
    /// What decides.
    #[arg(long, value_enum, default_value = "kernel")]
    pub engine: Engine,
    /// The packets' input interface (output interface for output and postrouting).
    #[arg(long, value_name = "IF", default_value = "eth0")]
    pub iface: String,
    /// Print warnings and notes about the ruleset, as `check` does, not only how many there are.
    #[arg(long)]
    pub warnings: bool,
    /// Print JSON: one object a packet, then one with the counters.
    #[arg(long)]
    pub json: bool,
}

/// `bpfc explain`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("subject").required(true))]
#[command(after_long_help = PACKET_WORDS)]
pub struct ExplainArgs {
    /// Rulesets as `compile` takes them.
    #[arg(value_name = "RULESET", required_unless_present = "live")]
    pub rulesets: Vec<String>,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The packet in words, such as 'in=eth0 ip saddr 10.0.0.1 daddr 10.0.0.2 tcp sport 4000
    /// dport 22 flags syn'.
    #[arg(long, value_name = "WORDS", group = "subject")]
    pub packet: Option<String>,
    /// The packet as hexadecimal digits, from the Ethernet or the IP header on.
    #[arg(long, value_name = "DIGITS", group = "subject")]
    pub hex: Option<String>,
    /// A capture that holds the packet.
    #[arg(long, value_name = "FILE", group = "subject")]
    pub pcap: Option<PathBuf>,
    /// With --hex or --pcap: what only the host knows that handles the packet, in words such as
    /// dsttype=local.
    #[arg(long, value_name = "WORDS", conflicts_with_all = ["packet", "live"])]
    pub facts: Option<String>,
    /// A loaded filter: the rules that its traced packets meet, as they come. Packets are traced
    /// where a rule says TRACE and where the filter was loaded with --trace.
    #[arg(long, value_name = "NAME", group = "subject", conflicts_with = "rulesets")]
    #[arg(value_parser = filter_name)]
    pub live: Option<String>,
    /// With --live: stop after so many packets.
    #[arg(long, value_name = "N", requires = "live")]
    pub count: Option<u64>,
    /// With --live: stop after so many seconds.
    #[arg(long, value_name = "SECONDS", requires = "live")]
    pub timeout: Option<f64>,
    /// The packet's number in the capture, from 1.
    #[arg(long, value_name = "N", default_value = "1", requires = "pcap")]
    pub number: usize,
    /// The interface of a packet that is given as bytes.
    #[arg(long, value_name = "IF", default_value = "eth0")]
    pub iface: String,
    /// The compiled program to compare with [default: the first of netfilter, tc and xdp that takes
    /// the ruleset].
    #[arg(long, value_parser = TargetName)]
    pub target: Option<String>,
    /// Print warnings and notes about the ruleset, as `check` does, not only how many there are.
    #[arg(long, conflicts_with = "live")]
    pub warnings: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

const PACKET_WORDS: &str = "\
Words of a packet: facts (in=IF out=IF mark=N ct=new|established|related|invalid|untracked ctmark=N \
ctdir=original|reply pkttype=host|broadcast|multicast cpu=N), then headers with their fields: ether \
saddr MAC daddr MAC; ip saddr A daddr A ttl N tos N dscp N id N offset N df mf protocol N; ip6 saddr A \
daddr A hoplimit N tclass N dscp N flowlabel N nexthdr N; tcp sport N dport N flags F,F sequence N \
ackseq N window N mss N; udp, udplite, sctp or dccp sport N dport N; icmp or icmp6 type T code N; esp \
spi N sequence N; payload HEX; length N.

What only the host knows that handles the packet, where a rule on its way asks for it: srctype=KIND \
dsttype=KIND (unicast, local, broadcast, anycast, multicast, blackhole, unreachable or prohibit), back=IF|none \
(the interface by which there is a way back to the source), ingroup=N outgroup=N \
inindex=N outindex=N devtype=N outtype=N (numbers and hardware types of devices) realm=N priority=N, \
mtu=N backmtu=N (bytes of a packet at most, on its route and on the way back) or none, \
physin=IF physout=IF (a bridge's ports) or bridge=none, ipsecin=none ipsecout=none or such as \
ipsecin=esp,tunnel,reqid=N,spi=N,saddr=A,daddr=A+ah, uid=N gid=N \
groups=N,N classid=N cgroup=PATH of the socket that sends it or socket=none, receiver=bound|any|none and \
receivermark=N of the socket that will receive it.";

/// What decides a replayed packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The compiled program in this kernel (BPF_PROG_TEST_RUN); needs root.
    Kernel,
    /// The compiled program in a virtual machine of bpfc's own (not available yet).
    Vm,
    /// The reference evaluator of the ruleset, which knows nothing of the compiler.
    Reference,
}

/// `bpfc snapshot`.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    #[command(flatten)]
    pub ruleset: RulesetArgs,
    /// Write nothing: print what changed, by rule, and fail where something did.
    #[arg(long)]
    pub check: bool,
    /// The folder that holds one folder a stage.
    #[arg(long, default_value = "snapshots", value_name = "DIR")]
    pub dir: PathBuf,
}

/// `bpfc help-code`.
#[derive(Debug, Args)]
pub struct HelpCodeArgs {
    /// Such as BPFC0006; all codes are listed where none is given.
    pub code: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `bpfc semantics`.
#[derive(Debug, Args)]
pub struct SemanticsArgs {
    /// Words of a section's title, such as connections: those sections alone.
    pub section: Vec<String>,
}

/// `bpfc __complete`.
#[derive(Debug, Args)]
pub struct CompleteArgs {
    /// The command line without the program's name; the last word is being typed.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

/// `bpfc completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: clap_complete::Shell,
}
