//! Texts of fingerprints: what `nfnl_osf` makes of each field, and what is said of a field that it
//! reads otherwise than it looks.

use bpfc_diag::{Code, Diagnostics, Severity, SourceMap};
use bpfc_ir::{Fingerprint, TcpOption, Window};
use bpfc_osf::{read, recognise};

fn load(text: &[u8]) -> (Vec<Fingerprint>, Vec<String>) {
    let (mut list, mut sources, mut found) = (Vec::new(), SourceMap::new(), Diagnostics::new());
    read("pf.os", text, &mut list, &mut sources, &mut found);
    let said = found.iter().map(|d| {
        assert_eq!(d.code, Code::BAD_FINGERPRINT);
        let word = if d.severity == Severity::Error { "error" } else { "warning" };
        let place = d.span.map_or(String::new(), |span| sources.position(span).to_string());
        format!("{place} {word}: {}", d.message)
    });
    (list, said.collect())
}

/// The one fingerprint of a line about which nothing is said.
fn one(line: &str) -> Fingerprint {
    let (mut list, said) = load(format!("{line}\n").as_bytes());
    assert_eq!(said, Vec::<String>::new(), "{line}");
    assert_eq!(list.len(), 1, "{line}");
    list.remove(0)
}

/// What is said of a line that counts all the same.
fn warned(line: &str) -> (Fingerprint, String) {
    let (mut list, said) = load(format!("{line}\n").as_bytes());
    assert_eq!((list.len(), said.len()), (1, 1), "{line}: {said:?}");
    assert!(said[0].contains(" warning: "), "{said:?}");
    (list.remove(0), said[0].clone())
}

/// What is said of a line that does not count.
fn refused(line: &str) -> String {
    let (list, said) = load(format!("{line}\n").as_bytes());
    assert_eq!((list.len(), said.len()), (0, 1), "{line}: {said:?}");
    assert!(said[0].contains(" error: "), "{said:?}");
    said[0].clone()
}

#[test]
fn a_line_has_nine_fields() {
    use TcpOption::{Nop, SackPermitted, SegmentSize, Timestamp, WindowScale};
    let found = one("S4:64:1:60:M*,S,T,N,W7:\t\tTest:2.6:late:some test 2.6");
    assert_eq!(found.window, Window::Segments(4));
    assert_eq!((found.ttl, found.dont_fragment, found.length), (64, true, 60));
    assert_eq!(found.options, [SegmentSize, SackPermitted, Timestamp, Nop, WindowScale]);
    assert_eq!((&*found.genre, &*found.version, &*found.subtype), ("Test", "2.6", "late"));
    let empty = one("*:255:0:40:.: Test:::");
    assert_eq!((empty.dont_fragment, empty.options.len()), (false, 0));
    assert_eq!((&*empty.version, &*empty.subtype), ("", ""));
    assert!(refused("S4:64:1:60:M*:Test:1:x").contains("here are 7"));
    assert!(refused("S4:64:1:60:M*:Test:1:x:y:z").starts_with("1:1 "));
}

#[test]
fn windows() {
    let window = |text: &str| one(&format!("{text}:64:1:44:M*:Test:1::")).window;
    assert_eq!(window("16384"), Window::Exactly(16384));
    assert_eq!(window("S10"), Window::Segments(10));
    assert_eq!(window("S%10"), Window::Segments(10));
    assert_eq!(window("T3"), Window::Packets(3));
    assert_eq!(window("%8192"), Window::Multiple(8192));
    assert_eq!(window("*"), Window::Any);
    let warned = |text: &str| {
        let (found, said) = warned(&format!("{text}:64:1:44:M*:Test:1::"));
        assert!(said.starts_with("1:1 "), "{said}");
        (found.window, said.split_once(": ").map(|(_, message)| message.to_owned()).unwrap())
    };
    let any = "a window of 0 stands for any window".to_owned();
    assert_eq!(warned("0"), (Window::Any, any));
    assert_eq!(warned("x").0, Window::Any);
    assert_eq!(warned(" 512").0, Window::Any);
    assert_eq!(warned("").0, Window::Any);
    assert_eq!(
        warned("S*"),
        (Window::Segments(0), "nfnl_osf reads the number of 'S*' as 0".into())
    );
    assert_eq!(warned("T").0, Window::Packets(0));
    assert_eq!(warned("S-1").0, Window::Segments(u32::MAX));
    assert_eq!(warned("4294967297").0, Window::Exactly(1));
    assert_eq!(warned("512k").0, Window::Exactly(512));
    assert!(refused("%0:64:1:44:M*:Test:1::").contains("multiple of 0"));
    // The kernel refuses this, too: it reads 0.
    let (list, said) = load(b"%*:64:1:44:M*:Test:1::\n");
    assert_eq!((list.len(), said.len()), (0, 2), "{said:?}");
}

#[test]
fn numbers_lose_what_does_not_fit() {
    let (found, said) = warned("*:320:1:44:M*:Test:1::");
    assert_eq!(found.ttl, 64);
    assert_eq!(
        said,
        "1:3 warning: the time to live '320' is no number from 0 to 255: nfnl_osf reads 64 instead"
    );
    let (found, _) = warned("*:64:2:44:M*:Test:1::");
    assert!(found.dont_fragment);
    let (found, _) = warned("*:64:256:44:M*:Test:1::");
    assert!(!found.dont_fragment);
    let (found, said) = warned("*:64:1:65580:M*:Test:1::");
    assert_eq!(found.length, 44);
    assert!(said.starts_with("1:8 "), "{said}");
    let (found, said) = warned("*:64:1: *:M*:Test:1::");
    assert_eq!(found.length, 0);
    assert!(said.starts_with("1:9 ") && said.contains("'*'"), "{said}");
}

#[test]
fn options_are_their_first_letters() {
    use TcpOption::{End, Nop, SackPermitted, SegmentSize, Timestamp, WindowScale};
    let options = |text: &str| one(&format!("*:64:1:44:{text}:Test:1::")).options;
    assert_eq!(
        options("M1460,N,W%2,S,T0,E"),
        [SegmentSize, Nop, WindowScale, SackPermitted, Timestamp, End]
    );
    assert_eq!(options("M*, \tN,N ,"), [SegmentSize, Nop, Nop]);
    assert_eq!(options("NOP,Sack"), [Nop, SackPermitted]);
    assert_eq!(options(""), []);
    assert_eq!(options(","), []);
    let (found, said) = warned("*:64:1:44:M*,?12,N:Test:1::");
    assert_eq!(found.options, [SegmentSize, Nop]);
    assert_eq!(said, "1:14 warning: '?12' is no option: nfnl_osf passes it over");
    let (found, said) = warned("*:64:1:44:M* N:Test:1::");
    assert_eq!(found.options, [SegmentSize]);
    assert!(said.contains("options end at commas"), "{said}");
    assert_eq!(options("T,T,T,T").len(), 4);
    assert!(refused("*:64:1:84:T,T,T,T,N:Test:1::").contains("41 bytes"));
    let long = "N,".repeat(64);
    assert!(refused(&format!("*:64:1:84:{long}:Test:1::")).contains("126 bytes"));
}

#[test]
fn a_fingerprint_counts_once() {
    let count = |text: &str| {
        let (list, said) = load(text.as_bytes());
        assert_eq!(said, Vec::<String>::new());
        list.len()
    };
    let line = "*:64:1:44:M*,N,W%2,N:Test:1::";
    assert_eq!(count(&format!("{line}once\n{line}twice\n")), 1);
    // The kernel keeps values that it never looks at.
    for other in ["M1460,N,W%2,N", "M%2,N,W%2,N", "M*,N,W2,N", "M*,N,WS2,N", "M*,N,W%3,N"] {
        let other = format!("*:64:1:44:{other}:Test:1::\n");
        assert_eq!(count(&format!("{line}\n{other}{line}\n")), 2, "{other}");
    }
    assert_eq!(count("*:64:1:44:M*,T:T:1::\n*:64:1:44:M0,T0:T:1::\n"), 1);
}

#[test]
fn names_end_where_the_kernel_ends_them() {
    assert_eq!(one("*:64:1:44:M*:@Test:1::").genre, "Test");
    assert_eq!(one("*:64:1:44:M*: *Test:1::").genre, "Test");
    assert_eq!(one("*:64:1:44:M*:@@Test:1::").genre, "@Test");
    assert_eq!(one("*:64:1:44:M*: RISC OS :1::").genre, "RISC OS ");
    let (found, said) = warned("*:64:1:44:M*:@0123456789012345678901234567890x:1::");
    assert_eq!(found.genre, "0123456789012345678901234567890");
    assert!(said.starts_with("1:15 ") && said.contains("31 bytes"), "{said}");
    assert!(refused(&format!("*:64:1:44:M*:{}\u{e9}:1::", "0".repeat(30))).contains("31 bytes"));
    let (list, said) = load(b"*:64:1:44:M*:T\xe9st:1::\n*:64:1:44:M*:Test:1::d\xe9tail\n");
    assert_eq!((list.len(), said.len()), (1, 1));
    assert!(said[0].starts_with("1:14 error: ") && said[0].contains("UTF-8"), "{said:?}");
}

#[test]
fn lines_end_as_nfnl_osf_ends_them() {
    let (list, said) = load(b"# a comment: with: colons\n\n\r\n*:64:1:44:M*:Test:1::\r\n#");
    assert_eq!((list.len(), said.len()), (1, 0), "{said:?}");
    // The last character goes where the file does not end with a new line.
    let (list, said) = load(b"*:64:1:44:M*:Test:1::x");
    assert_eq!((list.len(), said.len()), (1, 0), "{said:?}");
    let (list, said) = load(b"*:64:1:44:M*:Test:1::");
    assert_eq!((list.len(), said.len()), (0, 1));
    assert!(said[0].contains("new line"), "{said:?}");
    assert!(refused(" # no comment").contains("here are 0"));
    assert!(refused("*:64:1:44:M*:Te\0st:1::").contains("NUL"));
    let comment = format!("#{}", "x".repeat(1021));
    assert_eq!(load(format!("{comment}\n").as_bytes()).1, Vec::<String>::new());
    assert!(refused(&format!("{comment}x")).contains("1,022 bytes"));
}

#[test]
fn errors_end_somewhere() {
    let (_, said) = load("nonsense\n".repeat(1000).as_bytes());
    assert_eq!(said.len(), 101);
    assert!(said[100].contains("more"));
}

#[test]
fn the_format_shows_in_the_first_line_that_is_no_comment() {
    assert!(recognise(b"# x\n\nS4:64:1:60:M*,S,T,N,W7:\tTest:1::x\n"));
    assert!(recognise(b"*:64:1:60:M*:Test:1::x"));
    assert!(!recognise(b"*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"));
    assert!(!recognise(b"create x hash:ip,port,ip family inet\n"));
    assert!(!recognise(b"a:b:c:d:e:f:g:h:i\n"));
    assert!(!recognise(b"# only a comment\n"));
    assert!(!recognise(b""));
}

#[test]
fn a_file_of_errors_ends_at_its_hundredth_line() {
    let (list, said) = load("wrong\n".repeat(150).as_bytes());
    assert_eq!((list.len(), said.len()), (0, 101));
    assert_eq!(said[100], "100:1 error: there are more errors and warnings than these");
}
