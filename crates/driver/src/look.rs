//! What an input looks like that no front end recognises, and what its user does next.

use bpfc_diag::{Code, Diagnostic};
use bpfc_xtables::Foreign;

/// Lines of an input that are looked at.
const LINES: usize = 200;

/// The error for text in an encoding that iptables-restore would not take either, whatever it
/// holds. Blobs begin with a table's name, and so with none of this.
pub(crate) fn encoding(name: &str, bytes: &[u8]) -> Option<Diagnostic> {
    let wide =
        |bytes: &[u8]| matches!(bytes, [b'*' | b'#' | b':' | b'-', 0, ..] | [0, b'*' | b'#', ..]);
    let (message, help) = match bytes {
        [0xef, 0xbb, 0xbf, ..] => (
            format!("'{name}' begins with a byte order mark"),
            format!(
                "take it off, as iptables-restore wants: sed -i '1s/^\\xef\\xbb\\xbf//' {name}"
            ),
        ),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => (
            format!("'{name}' is UTF-16"),
            format!("make UTF-8 of it: iconv -f UTF-16 -t UTF-8 {name} | bpfc check -"),
        ),
        [first, second, ..] if wide(bytes) => {
            let order = if *first == 0 && *second != 0 { "BE" } else { "LE" };
            (
                format!("'{name}' is UTF-16"),
                format!("make UTF-8 of it: iconv -f UTF-16{order} -t UTF-8 {name} | bpfc check -"),
            )
        }
        [0x1f, 0x8b, ..] => (
            format!("'{name}' is compressed"),
            format!("give what is in it: zcat {name} | bpfc check -"),
        ),
        _ => return None,
    };
    Some(Diagnostic::error(Code::UNREADABLE, None, message).with_help(help))
}

/// The error for an input that is not recognised. `formats` are those that are read.
pub(crate) fn unrecognised(name: &str, bytes: &[u8], formats: &str) -> Diagnostic {
    let message = format!("the format of '{name}' is not recognised");
    let error = Diagnostic::error(Code::UNREADABLE, None, message);
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(64 << 10)]);
    let whole = head.trim_start();
    let json = whole.starts_with('{') || whole.starts_with('[') && whole.contains('{');
    let lines = head.lines().filter(|line| !line.trim().is_empty()).take(LINES);
    // Of a script, its first line is enough; of others the first line that shows something.
    let found = match json {
        true => head.contains("\"nftables\"").then_some(Foreign::Nft),
        false => lines.filter_map(Foreign::of).next(),
    };
    match found {
        Some(kind) => error.with_note(kind.note()).with_help(kind.help(name)),
        None if json => error
            .with_note("it looks like JSON, which no front end reads")
            .with_help("give what iptables-save prints"),
        None if whole.starts_with('<') => error
            .with_note("it looks like XML, as iptables-xml prints it")
            .with_help("give what iptables-save prints"),
        None => error
            .with_note("a dump of iptables has a line such as *filter for each table")
            .with_help(format!(
                "give what iptables-save prints, or name the format with --from: {formats}"
            )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bytes: &[u8]) -> String {
        let error = encoding("f", bytes).unwrap_or_else(|| unrecognised("f", bytes, "a, b"));
        format!("{} {} {}", error.message, error.notes.join(" "), error.help.unwrap_or_default())
    }

    #[test]
    fn every_kind_of_text_leads_on() {
        for (bytes, words) in [
            (&b"\xef\xbb\xbf*filter\nCOMMIT\n"[..], ["byte order mark", "sed -i"]),
            (b"\xff\xfe*\0f\0", ["UTF-16", "iconv -f UTF-16 "]),
            (b"*\0f\0i\0", ["UTF-16", "iconv -f UTF-16LE "]),
            (b"\0*\0f\0i", ["UTF-16", "iconv -f UTF-16BE "]),
            (b"\x1f\x8b\x08", ["compressed", "zcat f"]),
            (b"-P INPUT DROP\n-A INPUT -j ACCEPT\n", ["iptables -S", "echo '*filter'; cat f"]),
            (b"Chain INPUT (policy ACCEPT)\n", ["iptables -L", "iptables-save"]),
            (b"#!/bin/sh\niptables -F\n", ["script", "unshare -n"]),
            (b"# comment\n\niptables -F\n", ["script", "unshare -n"]),
            (b"x\ntable inet x {\n}\n", ["nftables", "--from nft,"]),
            (b"{\"nftables\": {}}", ["nftables", "--from nft-json"]),
            (b"{\n\"x\": 1}", ["JSON", "iptables-save"]),
            (b"<iptables-rules>", ["XML", "iptables-save"]),
            (b"hello\n", ["is not recognised", "--from: a, b"]),
        ] {
            let said = said(bytes);
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
        }
    }
}
