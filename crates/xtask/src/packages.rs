//! What tests need of the machine, as Debian packages.

use crate::Failure;
use std::path::Path;
use std::process::Command;

/// One need: the package, and a file that is there where the package is.
pub struct Package {
    /// Its name in Debian.
    pub name: &'static str,
    /// Places of which one exists where the package is installed.
    probes: &'static [&'static str],
    /// Whether tests cannot even be built without it.
    pub is_for_building: bool,
}

/// Every package, those for building first.
pub const PACKAGES: &[Package] = &[
    Package { name: "gcc", probes: &["/usr/bin/gcc"], is_for_building: true },
    Package { name: "make", probes: &["/usr/bin/make"], is_for_building: true },
    Package { name: "pkg-config", probes: &["/usr/bin/pkg-config"], is_for_building: true },
    Package { name: "libelf-dev", probes: &["/usr/include/libelf.h"], is_for_building: true },
    Package { name: "zlib1g-dev", probes: &["/usr/include/zlib.h"], is_for_building: true },
    Package {
        name: "iptables",
        probes: &["/usr/sbin/iptables-legacy-restore", "/sbin/iptables-legacy-restore"],
        is_for_building: false,
    },
    Package {
        name: "iproute2",
        probes: &["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"],
        is_for_building: false,
    },
    Package { name: "nftables", probes: &["/usr/sbin/nft", "/sbin/nft"], is_for_building: false },
    Package {
        name: "conntrack",
        probes: &["/usr/sbin/conntrack", "/sbin/conntrack"],
        is_for_building: false,
    },
    Package { name: "ipset", probes: &["/usr/sbin/ipset", "/sbin/ipset"], is_for_building: false },
    Package {
        name: "bpftool",
        probes: &["/usr/sbin/bpftool", "/sbin/bpftool"],
        is_for_building: false,
    },
];

impl Package {
    /// Whether it is installed.
    pub fn is_installed(&self) -> bool {
        self.probes.iter().any(|probe| Path::new(probe).exists())
    }
}

/// The packages that are missing.
pub fn missing() -> Vec<&'static Package> {
    PACKAGES.iter().filter(|package| !package.is_installed()).collect()
}

/// Installs packages with apt-get.
pub fn install(packages: &[&Package]) -> Result<(), Failure> {
    let names: Vec<&str> = packages.iter().map(|package| package.name).collect();
    println!("installing {}", names.join(" "));
    let apt = |arguments: &[&str]| {
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status()
            .map_err(|error| format!("cannot run apt-get: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("apt-get {} failed", arguments[0])) }
    };
    // A machine may have package lists that are good enough, and no network for new ones.
    let updated = apt(&["update", "-q"]);
    let mut arguments = vec!["install", "-q", "-y", "--no-install-recommends"];
    arguments.extend(&names);
    apt(&arguments).or_else(|failure| updated.and(Err(failure)))
}
