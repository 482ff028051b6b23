//! Files of sets against ipset's own reading: what `ipset restore` takes is taken, with the same
//! sets in the end, and what it or the kernel refuses is refused.
//!
//! Files are those of `sets/lines.txt`, one a line, and as many random ones, made of the same
//! words. Types that this kernel lacks are left out. So are lines at which ipset itself warns, or
//! says that an element is in a set: it forgets the errors of later lines then.

use bpfc_driver::Inputs;
use bpfc_ir::Input;
use bpfc_tests::require::{self, Need};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files, `\n` and `\t` and `\r` written out.
const LINES: &str = include_str!("sets/lines.txt");

/// Reads every file `N.in` of the folder in a network namespace of its own and writes `N.out`: the
/// status, and what is there then.
const RESTORE: &str = r#"
cd "$1"
for ((n = 0; n < $2; n++)); do
    timeout 20 ipset restore < $n.in > /dev/null 2>&1
    { echo $?; ipset save -sorted; } > $n.out 2>&1
    ipset flush; ipset destroy
done
"#;

/// What a file leaves: none where it is refused.
type Left = Option<BTreeMap<String, Vec<String>>>;

/// What `ipset save` prints, by set, without what the kernel chooses by itself and without the
/// seconds that have passed. Elements of a list keep their order.
fn normalised(saved: &str) -> BTreeMap<String, Vec<String>> {
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in saved.lines() {
        let mut words: Vec<&str> = line.split(' ').collect();
        let name = words.get(1).copied().unwrap_or_default().to_owned();
        for chosen in ["hashsize", "bucketsize", "initval", "size", "timeout"] {
            let keeps = matches!((chosen, words[0]), ("timeout", "create"));
            let at = words.iter().position(|word| *word == chosen).filter(|_| !keeps);
            let Some(at) = at else { continue };
            if chosen != "timeout" || words.get(at + 1) != Some(&"0") {
                words.drain(at..(at + 2).min(words.len()));
            }
        }
        // ipset 7.17 does not print it.
        words.retain(|word| *word != "forceadd");
        sets.entry(name).or_default().push(words.join(" "));
    }
    for lines in sets.values_mut() {
        if !lines[0].contains(" list:set") {
            lines[1..].sort();
        }
    }
    sets
}

fn by_bpfc(file: &str) -> Result<BTreeMap<String, Vec<String>>, Vec<String>> {
    let input = Input {
        name: "sets".into(),
        bytes: file.as_bytes().to_vec(),
        format: Some("ipset-save".into()),
    };
    let inputs = [input];
    let read = Inputs::read(&inputs);
    match read.diagnostics.has_errors() {
        true => Err(read.diagnostics.iter().map(|found| found.message.clone()).collect()),
        false => Ok(normalised(&read.sets.iter().map(|set| set.save()).collect::<String>())),
    }
}

fn by_ipset(files: &[String]) -> Vec<Left> {
    let folder = Folder::new(files.len());
    for (number, file) in files.iter().enumerate() {
        fs::write(folder.0.join(format!("{number}.in")), file).expect("written");
    }
    let ran = Command::new("unshare")
        .args(["--net", "bash", "-c", RESTORE, "restore"])
        .arg(&folder.0)
        .arg(files.len().to_string())
        .status();
    assert!(ran.expect("unshare runs").success());
    (0..files.len()).map(|number| left(&folder.0.join(format!("{number}.out")))).collect()
}

/// A folder that goes when it is no longer needed.
struct Folder(PathBuf);

impl Folder {
    fn new(number: usize) -> Folder {
        let name = format!("bpfc-set-lines-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nobody needs what stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn left(path: &Path) -> Left {
    let text = fs::read_to_string(path).expect("what ipset left");
    let (status, saved) = text.split_once('\n').expect("a status");
    (status == "0").then(|| normalised(saved))
}

/// Types, with what `create` needs beside them.
const KINDS: &[(&str, &str)] = &[
    ("bitmap:ip", " range 10.0.0.0/24"),
    ("bitmap:ip,mac", " range 10.0.0.0/24"),
    ("bitmap:port", " range 0-1023"),
    ("hash:ip", ""),
    ("hash:ip,mac", ""),
    ("hash:ip,mark", ""),
    ("hash:ip,port", ""),
    ("hash:ip,port,ip", ""),
    ("hash:ip,port,net", ""),
    ("hash:mac", ""),
    ("hash:net", ""),
    ("hash:net,iface", ""),
    ("hash:net,net", ""),
    ("hash:net,port", ""),
    ("hash:net,port,net", ""),
    ("list:set", ""),
];

/// Those that the kernel lacks.
fn lacking() -> Vec<&'static str> {
    let files: Vec<String> =
        KINDS.iter().map(|(kind, words)| format!("create a {kind}{words}\n")).collect();
    let left = by_ipset(&files);
    let lacks = KINDS.iter().zip(left).filter(|(_, left)| left.is_none());
    lacks.map(|((kind, _), _)| *kind).collect()
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }
}

/// Words of a kind: so many that are right, and some that are not, or of another type.
type Words = (usize, &'static [&'static str]);

const ADDRESSES: Words = (
    9,
    &[
        "10.0.0.1",
        "10.0.0.2",
        "10.1",
        "012.0.0.9",
        "10.0.0.5-10.0.0.7",
        "10.0.0.8/30",
        "[10.0.0.2]",
        "10.0.0.4-10.0.0.3",
        "167772161",
        "10.0.0.300",
        "::1",
        "0.0.0.0",
        "10.0.0.1/33",
        "10.0.0.2/32",
    ],
);
const NETWORKS: Words = (
    9,
    &[
        "10.0.0.0/8",
        "10.1.2.3/16",
        "10.0.0.0/012",
        "11/8",
        "10.0.0.1",
        "10.0.0.3-10.0.0.9",
        "10.1.0.0/0x10",
        "10.0.0.1/32",
        "10.0.0.0/1",
        "10.0.0.0/33",
        "2001:db8::/32",
        "0.0.0.0/0",
    ],
);
const PORTS: Words = (
    11,
    &[
        "80",
        "tcp:80",
        "0120",
        "udp:80-82",
        "http",
        "[http]-82",
        "udp:domain",
        "6:0x50",
        "80-79",
        "TCP:22",
        "22-ssh",
        "icmp:ping",
        "icmp:8/0",
        "gre:0",
        "47:0",
        "icmp",
        "65536",
        "udp:",
        "sctp:80",
    ],
);
const MACS: Words =
    (3, &["1:2:3:4:5:6", "01:02:03:04:05:06", "a:b:c:d:e:f", "1:2:3:4:5", "00:00:00:00:00:00"]);
const MARKS: Words = (3, &["1", "0x1", "01", "4294967296"]);
const INTERFACES: Words = (3, &["eth0", "eth", "physdev:eth0", "a123456789012345"]);
const MEMBERS: Words = (3, &["a", "b", "c", "d"]);
const EXTENSIONS: Words = (
    5,
    &[
        " timeout 0",
        " --timeout 100",
        " comment x",
        " comment \"x y\"",
        " -exist",
        " packets 5",
        " nomatch",
        " skbmark 0x1/0xff",
        " skbprio 1:2",
        " wildcard",
        " bytes 0x10",
        " -!",
        " skbqueue 7",
        " before b",
        " after c",
    ],
);
const OPTIONS: Words = (
    3,
    &[
        " timeout 100 comment",
        " --comment --timeout 0",
        " comment counters skbinfo timeout 100",
        " maxelem 2",
        " netmask 24",
        " bitmask 255.255.0.0",
        " --hashsize 010",
        " family inet",
        " -6",
        " hashsize 0",
        " bucketsize 3",
        " netmask 32",
        " size 3",
    ],
);

/// Mostly one that is right.
fn word(random: &mut Random, (right, words): Words) -> &'static str {
    match random.below(10) {
        0 => words[random.below(words.len())],
        _ => words[random.below(right)],
    }
}

/// An element that a type may have.
fn element(random: &mut Random, kind: &str) -> String {
    let parts = kind.split_once(':').map_or("", |(_, parts)| parts);
    let parts = parts.split(',').map(|part| match part {
        "ip" => word(random, ADDRESSES),
        "net" => word(random, NETWORKS),
        "port" => word(random, PORTS),
        "mac" => word(random, MACS),
        "mark" => word(random, MARKS),
        "iface" => word(random, INTERFACES),
        _ => word(random, MEMBERS),
    });
    let mut parts: Vec<&str> = parts.collect();
    if random.below(30) == 0 {
        parts.pop();
    }
    parts.join(",")
}

fn random_file(random: &mut Random, kinds: &[(&'static str, &str)]) -> String {
    let mut file = String::new();
    let mut sets = Vec::new();
    for name in &["a", "b", "c"][..1 + random.below(3)] {
        let (kind, words) = kinds[random.below(kinds.len())];
        let option = word(random, OPTIONS);
        file += &format!("create {name} {kind}{words}{option}\n");
        sets.push((*name, kind));
    }
    for _ in 0..1 + random.below(5) {
        let (name, kind) = sets[random.below(sets.len())];
        let (element, other) = (element(random, kind), word(random, MEMBERS));
        let extension = if random.below(3) == 0 { word(random, EXTENSIONS) } else { "" };
        let exist = if random.below(3) == 0 { " -exist" } else { "" };
        file += &match random.below(16) {
            0..=9 => format!("add {name} {element}{extension}{exist}\n"),
            10 | 11 => format!("del {name} {element}{exist}\n"),
            12 => format!("swap {name} {other}\n"),
            13 => format!("rename {name} {other}\n"),
            14 => format!("{} {name}\n", ["flush", "-X", "list"][random.below(3)]),
            _ => ["flush\n", "COMMIT\n", "save\n", "\n"][random.below(4)].to_owned(),
        };
    }
    file
}

#[track_caller]
fn check(files: &[String]) {
    let mut taken = 0;
    let mut differences = Vec::new();
    for (file, ipset) in files.iter().zip(by_ipset(files)) {
        taken += usize::from(ipset.is_some());
        match (ipset, by_bpfc(file)) {
            (None, Err(_)) => {}
            (Some(ipset), Ok(bpfc)) if ipset == bpfc => {}
            (ipset, bpfc) => {
                differences.push(format!("{file}ipset: {ipset:?}\nbpfc: {bpfc:?}\n"));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        files.len(),
        differences.join("\n")
    );
    assert!(taken > files.len() / 5, "of {} files {taken} are taken", files.len());
}

#[test]
fn files_are_taken_and_refused_as_ipset_does() {
    if !require::met(&[Need::Root, Need::Tool("ipset"), Need::Tool("unshare")]) {
        return;
    }
    let lacking = lacking();
    let lacks = |file: &str| {
        file.lines().any(|line| line.split_whitespace().any(|word| lacking.contains(&word)))
    };
    let unescaped =
        |line: &str| line.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r");
    let files: Vec<String> = LINES.lines().map(unescaped).filter(|file| !lacks(file)).collect();
    check(&files);
    let kinds: Vec<(&'static str, &str)> =
        KINDS.iter().copied().filter(|(kind, _)| !lacking.contains(kind)).collect();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let files: Vec<String> = (0..400).map(|_| random_file(&mut random, &kinds)).collect();
    check(&files);
}
