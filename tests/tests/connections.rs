//! What connections carry: counters, labels and helpers, of real connections over loopback. The
//! kernel's own rules and the programs of two targets see the very same packets and must count the
//! same.

use bpfc_ir::Hook;
use bpfc_runtime::{Filter, Options};
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::tables::{self, Counters, Reader};
use bpfc_tests::require;
use bpfc_tests::twin::{artifact, counted};
use libtest_mimic::{Arguments, Failed, Trial};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const RULES: &[&str] = &[
    "-m connbytes --connbytes 3:5 --connbytes-dir original --connbytes-mode packets",
    "-m connbytes --connbytes 2: --connbytes-dir reply --connbytes-mode packets",
    "-m connbytes ! --connbytes 3:6 --connbytes-dir both --connbytes-mode packets",
    "-m connbytes --connbytes 2000:50000 --connbytes-dir both --connbytes-mode bytes",
    "-m connbytes ! --connbytes 500: --connbytes-dir reply --connbytes-mode bytes",
    "-m connbytes --connbytes :100 --connbytes-dir original --connbytes-mode avgpkt",
    "-m connbytes --connbytes 100: --connbytes-dir both --connbytes-mode avgpkt",
    "-m connbytes --connbytes 60:60 --connbytes-dir reply --connbytes-mode avgpkt",
    "-m connbytes --connbytes 0:0 --connbytes-dir reply --connbytes-mode avgpkt",
    "-m connlabel --label 5",
    "-m connlabel ! --label 5",
    "-m connlabel --label 100",
    "-m connlabel --label 6",
    "-m helper --helper ftp",
    "-m helper ! --helper ftp",
    "-m helper --helper ftp-21",
    "-m helper --helper ft",
    "-m helper --helper \"\"",
];

/// Labels by destination port, and the helper of port 21.
const SURROUNDINGS: &str = "*raw\n:OUTPUT ACCEPT\n\
    -A OUTPUT -p tcp -m tcp --dport 21 -j CT --helper ftp\nCOMMIT\n\
    *mangle\n:OUTPUT ACCEPT\n\
    -A OUTPUT -p tcp -m tcp --dport 2005 -m connlabel --label 5 --set\n\
    -A OUTPUT -p tcp -m tcp --dport 2005 -m connlabel --label 100 --set\n\
    -A OUTPUT -p udp -m connlabel --label 6 --set\nCOMMIT\n";

fn main() {
    let arguments = Arguments::from_args();
    let trials = Family::ALL.map(|family| {
        Trial::test(format!("{family}"), move || {
            if require::met(require::KERNEL_IPTABLES) {
                isolated(|| check(family))?;
            }
            Ok(())
        })
    });
    libtest_mimic::run(&arguments, trials.into()).exit();
}

fn check(family: Family) -> Result<(), Failed> {
    let mut text = String::from("*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
    for chain in ["INPUT", "OUTPUT"] {
        for rule in RULES {
            text += &format!("-A {chain} {rule}\n");
        }
    }
    text += "COMMIT\n";
    // The filters come first: they see to it that connections count.
    let filters = [
        load(&text, "netfilter", family, &[Hook::Input, Hook::Output])?,
        load(&text, "tc", family, &[Hook::Output])?,
    ];
    tables::restore(family, SURROUNDINGS)?;
    tables::restore(family, &text)?;
    let reader = Reader::new(family, "filter")?;
    let before = reader.read()?;
    let earlier: Vec<Counters> = filters.iter().map(counted).collect::<Result<_, _>>()?;
    talk(family)?;
    let expected = tables::difference(&reader, &before, &reader.read()?);
    let telling = expected.values().filter(|count| count.packets > 0).count();
    assert!(telling >= 24, "{telling} rules count");
    for (filter, earlier) in filters.iter().zip(earlier) {
        assert!(earlier.is_empty(), "{earlier:?}");
        let found = counted(filter)?;
        let mut wanted = expected.clone();
        wanted.retain(|label, count| {
            count.packets > 0 && (filter.name() == "netfilter" || label.contains("/OUTPUT:"))
        });
        if found != wanted {
            let report = format!("{}: {found:#?}\nkernel: {wanted:#?}", filter.name());
            return Err(report.into());
        }
    }
    Ok(())
}

fn load(text: &str, target: &str, family: Family, hooks: &[Hook]) -> Result<Filter, EngineError> {
    let options =
        bpfc_driver::Options { hooks: Some(hooks.to_vec()), ..bpfc_driver::Options::default() };
    let artifact = artifact(&[(family, text.to_owned())], target, &options)?;
    let mut options = Options::new(target);
    if target == "tc" {
        options.interfaces = vec!["lo".to_owned()];
    }
    Ok(Filter::load(&artifact, &options)?)
}

/// Two plain connections, and one that announces another.
fn talk(family: Family) -> Result<(), Failed> {
    let host = match family {
        Family::Ipv4 => "127.0.0.1",
        Family::Ipv6 => "::1",
    };
    for port in [2000, 2005] {
        let listener = TcpListener::bind((host, port))?;
        let mut client = TcpStream::connect((host, port))?;
        let (mut server, _) = listener.accept()?;
        for round in 0..4 {
            exchange(&mut client, &mut server, 10 + round * 300)?;
            exchange(&mut server, &mut client, 5 + round * 500)?;
        }
    }
    let (control, data) = (TcpListener::bind((host, 21))?, TcpListener::bind((host, 5001))?);
    let mut client = TcpStream::connect((host, 21))?;
    let (mut server, _) = control.accept()?;
    let (question, answer) = match family {
        Family::Ipv4 => ("PASV\r\n", "227 Entering Passive Mode (127,0,0,1,19,137)\r\n"),
        Family::Ipv6 => ("EPSV\r\n", "229 Entering Extended Passive Mode (|||5001|)\r\n"),
    };
    say(&mut client, &mut server, question.as_bytes())?;
    say(&mut server, &mut client, answer.as_bytes())?;
    let mut client = TcpStream::connect((host, 5001))?;
    let (mut server, _) = data.accept()?;
    exchange(&mut server, &mut client, 700)?;
    Ok(())
}

fn exchange(from: &mut TcpStream, to: &mut TcpStream, bytes: usize) -> Result<(), Failed> {
    say(from, to, &vec![0x61; bytes])
}

fn say(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) -> Result<(), Failed> {
    from.write_all(bytes)?;
    let mut heard = vec![0; bytes.len()];
    to.read_exact(&mut heard)?;
    Ok(())
}
