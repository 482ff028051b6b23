//! Filters of every format that was ever written are read, counted, replaced under traffic and
//! unloaded; those of a later one are left alone, and can be unloaded.
//!
//! `tests/fixtures/README.md` says what the fixtures are.

use crate::common::{Cleanup, Net, can_run, has_linux, passes, udp, unique};
use crate::metadata::{Metadata, VERSION};
use crate::state::Generation;
use crate::sys::{get_pinned, pin};
use crate::{Artifact, Error, Filter, Options, RecentEdit, pins};
use serde_json::Value;
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A folder of fixtures for each format, the latest last.
const FORMATS: [&str; 1] = ["1"];

fn fixture(format: &str, file: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let path = folder.join(format).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn artifact(format: &str) -> Artifact {
    Artifact::from_json(&fixture(format, "artifact.json")).unwrap()
}

fn metadata_path(name: &str) -> PathBuf {
    pins::home(name).join(Generation::A.directory()).join("metadata")
}

/// The text of a filter's metadata that was just loaded.
fn text(name: &str) -> Vec<u8> {
    let map = crate::sys::Map::from_fd(get_pinned(&metadata_path(name)).unwrap()).unwrap();
    Metadata::text(&map, name).unwrap()
}

/// Puts another text in its place.
fn put_text(name: &str, text: &[u8]) {
    let map = Metadata::store_text(text).unwrap();
    pins::remove_pin(&metadata_path(name)).unwrap();
    pin(map.as_fd(), &metadata_path(name)).unwrap();
}

/// Changes the metadata of a filter.
fn change(name: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&text(name)).unwrap();
    change(&mut value);
    put_text(name, &serde_json::to_vec(&value).unwrap());
}

fn load(name: &str, format: &str) -> Filter {
    Filter::load(&artifact(format), &Options::new(name)).unwrap()
}

#[test]
fn the_latest_format_has_fixtures() {
    assert_eq!(FORMATS.last().copied(), Some(VERSION.to_string().as_str()));
    for format in FORMATS {
        assert!(!fixture(format, "filter.o").is_empty());
    }
}

/// A filter whose pins are as the version of the format wrote them is one as any other.
fn goes_on(format: &str) {
    let name = unique("format");
    let _cleanup = Cleanup(name.clone());
    Net::new().run(|| {
        let filter = load(&name, format);
        // What was written then, for this name and network namespace.
        let now: Value = serde_json::from_slice(&text(&name)).unwrap();
        let mut then: Value = serde_json::from_slice(&fixture(format, "metadata.json")).unwrap();
        for field in ["device", "inode"] {
            then["namespace"][field] = now["namespace"][field].clone();
        }
        then["options"]["name"] = now["options"]["name"].clone();
        put_text(&name, &serde_json::to_vec(&then).unwrap());

        let to = udp("127.0.0.1:0");
        to.set_nonblocking(true).unwrap();
        let stop = AtomicBool::new(false);
        let sent = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let (from, address) = (udp("127.0.0.1:0"), to.local_addr().unwrap());
                let mut sent = 0u64;
                while !stop.load(Ordering::Relaxed) || sent < 100 {
                    from.send_to(b"packet", address).unwrap();
                    sent += 1;
                }
                sent
            });
            let seen = filter.set("seen").unwrap();
            while !seen.test(&["127.0.0.1"]).unwrap() {
                std::thread::yield_now();
            }
            assert!(Filter::list().unwrap().iter().any(|found| found.name() == name));
            let status = Filter::open(&name).unwrap().status().unwrap();
            assert!(status.attachments.iter().all(|found| found.attached));
            assert_eq!((status.loaded, status.inputs), (None, Vec::new()));
            filter.set("networks").unwrap().add(&["10.0.0.0/8"], false).unwrap();
            let heard: IpAddr = "192.0.2.1".parse().unwrap();
            filter.edit_recent("heard", RecentEdit::Add(heard)).unwrap();
            for _ in 0..3 {
                filter.replace(&artifact(format)).unwrap();
            }
            // What packets and people have put there is there.
            assert!(filter.set("seen").unwrap().test(&["127.0.0.1"]).unwrap());
            assert!(filter.set("networks").unwrap().test(&["10.1.1.1"]).unwrap());
            let list = filter.recent("heard").unwrap();
            assert!(list.iter().any(|found| found.address == heard));
            assert!(list.iter().any(|found| found.address == IpAddr::from([127, 0, 0, 1])));
            stop.store(true, Ordering::Relaxed);
            sender.join().unwrap()
        });
        assert!(to.recv(&mut [0; 64]).is_err(), "a packet passed");
        for label in ["filter/INPUT:2", "filter/INPUT:4"] {
            let counted = || filter.counters().unwrap().find(label).unwrap().packets;
            for _ in 0..500 {
                if counted() >= sent {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            assert_eq!(counted(), sent, "{label}");
        }
        filter.unload().unwrap();
        assert!(passes());
    });
}

#[test]
fn filters_of_earlier_formats_go_on() {
    let test = "filters_of_earlier_formats_go_on";
    if can_run(test) && has_linux(test, 6, 4) {
        FORMATS.into_iter().for_each(goes_on);
    }
}

#[test]
fn fields_of_later_versions_are_passed_over() {
    let test = "fields_of_later_versions_are_passed_over";
    if !can_run(test) || !has_linux(test, 6, 4) {
        return;
    }
    let name = unique("fields");
    let _cleanup = Cleanup(name.clone());
    Net::new().run(|| {
        let filter = load(&name, FORMATS[0]);
        change(&name, |value| {
            value["colour"] = "green".into();
            value["options"]["shape"] = serde_json::json!({ "corners": [1, 2, 3] });
            value["rules"]["entries"][0]["weight"] = 7.into();
        });
        assert!(!passes());
        let again = Filter::open(&name).unwrap();
        assert!(again.counters().unwrap().find("filter/INPUT:4").unwrap().packets > 0);
        again.replace(&artifact(FORMATS[0])).unwrap();
        assert!(!passes());
        filter.unload().unwrap();
        assert!(passes());
    });
}

/// Whatever the metadata say, and whether they can be read, a filter is listed beside the others,
/// decides as before, and can be unloaded.
fn stays_alone(put: impl Fn(&str) + Send + Sync, is_right: impl Fn(&Error) -> bool + Send + Sync) {
    let (name, other) = (unique("later"), unique("beside"));
    let _cleanup = (Cleanup(name.clone()), Cleanup(other.clone()));
    let mut options = Options::new(&other);
    options.priority = Some(17);
    let net = Net::new();
    net.run(|| {
        load(&name, FORMATS[0]);
        put(&name);
        Filter::load(&artifact(FORMATS[0]), &options).unwrap();
        let names: Vec<String> =
            Filter::list().unwrap().iter().map(|found| found.name().to_owned()).collect();
        assert!(names.contains(&name) && names.contains(&other), "{names:?}");
        Filter::unload_named(&other).unwrap();
        let filter = Filter::open(&name).unwrap();
        for error in [
            filter.counters().map(drop).unwrap_err(),
            filter.status().map(drop).unwrap_err(),
            filter.sets().map(drop).unwrap_err(),
            filter.replace(&artifact(FORMATS[0])).unwrap_err(),
            filter.zero().map(drop).unwrap_err(),
        ] {
            assert!(is_right(&error), "{error}");
        }
        let loaded = Filter::load(&artifact(FORMATS[0]), &Options::new(&name));
        assert!(matches!(loaded, Err(Error::Exists(_))));
        assert!(!passes());
        Filter::unload_named(&name).unwrap();
        assert!(passes());
        assert!(!pins::home(&name).exists());
    });
}

#[test]
fn filters_of_later_formats_are_named_and_unloaded() {
    let test = "filters_of_later_formats_are_named_and_unloaded";
    if !can_run(test) || !has_linux(test, 6, 4) {
        return;
    }
    let later = VERSION + 6;
    stays_alone(
        |name| {
            change(name, |value| {
                value["version"] = later.into();
                value["rules"] = "in another place".into();
                value["programs"] = Value::Null;
            });
        },
        |error| {
            let text = error.to_string();
            matches!(error, Error::Newer { format, known: VERSION, .. } if *format == later)
                && text.contains("later version of bpfc")
        },
    );
}

#[test]
fn filters_whose_metadata_are_damaged_are_unloaded() {
    let test = "filters_whose_metadata_are_damaged_are_unloaded";
    if can_run(test) && has_linux(test, 6, 4) {
        stays_alone(
            |name| put_text(name, b"{\"version\":1"),
            |error| matches!(error, Error::Metadata { .. }),
        );
    }
}
