//! Artifacts as JSON: each version is read, and a later one is told.

use bpfc_artifact::{Artifact, JSON_VERSION, JsonError};
use serde_json::Value;

/// What was written before artifacts said their version.
const FIRST: &[u8] = include_bytes!("../../../runtime/tests/fixtures/1/artifact.json");

fn written(artifact: &Artifact) -> Vec<u8> {
    let mut text = Vec::new();
    artifact.write(&mut text).unwrap();
    text
}

/// The text of an artifact that says this version.
fn with_version(version: Value) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(FIRST).unwrap();
    value["version"] = version;
    serde_json::to_vec(&value).unwrap()
}

#[test]
fn an_artifact_without_version_is_of_the_first() {
    assert!(serde_json::from_slice::<Value>(FIRST).unwrap().get("version").is_none());
    let artifact = Artifact::from_json(FIRST).unwrap();
    assert_eq!(artifact.target, "netfilter");
    assert!(!artifact.rules.entries.is_empty() && !artifact.sets.is_empty());
    assert_eq!(Artifact::from_json(&with_version(1.into())).unwrap(), artifact);
}

#[test]
fn what_is_written_says_its_version_and_is_read() {
    let artifact = Artifact::read(FIRST).unwrap();
    let text = written(&artifact);
    assert!(text.starts_with(format!("{{\n  \"version\": {JSON_VERSION},\n").as_bytes()));
    assert!(text.ends_with(b"}\n"));
    assert_eq!(Artifact::read(text.as_slice()).unwrap(), artifact);
    assert_eq!(written(&Artifact::read(text.as_slice()).unwrap()), text);
}

#[test]
fn a_later_version_is_told() {
    let error = Artifact::from_json(&with_version((JSON_VERSION + 1).into())).unwrap_err();
    assert!(matches!(error, JsonError::Newer(version) if version == JSON_VERSION + 1));
    assert_eq!(
        error.to_string(),
        "a later version of bpfc wrote the artifact: its format is version 3, and this one reads \
         versions up to 2; compile the ruleset again"
    );
    // Whatever else is in it.
    let error = Artifact::from_json(br#"{"version": 9, "target": 5}"#).unwrap_err();
    assert!(matches!(error, JsonError::Newer(9)), "{error}");
}

#[test]
fn unknown_fields_pass_and_damage_does_not() {
    let mut value: Value = serde_json::from_slice(FIRST).unwrap();
    value["later"] = "unknown".into();
    let text = serde_json::to_vec(&value).unwrap();
    assert_eq!(Artifact::from_json(&text).unwrap(), Artifact::from_json(FIRST).unwrap());
    for text in [
        &FIRST[..FIRST.len() / 2],
        b"",
        b"[]",
        b"{}",
        &with_version(0.into()),
        &with_version("1".into()),
    ] {
        assert!(matches!(Artifact::from_json(text), Err(JsonError::Json(_))));
    }
}

#[test]
fn a_writer_that_fails_is_told() {
    let full = &mut [0; 16][..];
    assert!(matches!(Artifact::default().write(full), Err(JsonError::Io(_))));
}
