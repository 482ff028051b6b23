//! Compile errors as a daemon sees them, with this crate's own names alone.

use bpfc_driver::{Compilation, CompileErrors, Hook, Input, Options, Severity, compile, target};
use std::error::Error;

/// What `bpfc compile` says of two rules that are wrong.
const TEXT: &str = "\
error[BPFC0004]: --destination-port: '22x' is no port or service
 --> rules.v4:3:25
  |
3 | -A INPUT -p tcp --dport 22x -j ACCEPT
  |                         ^^^

error[BPFC0008]: 'NOWHERE' is neither a chain of this table nor a target
 --> rules.v4:4:13
  |
4 | -A INPUT -j NOWHERE
  |             ^^^^^^^
  |
  = help: declare the chain with a line `:NOWHERE - [0:0]`, or correct the name

2 errors";

/// What it says where XDP is asked for what leaves, without what it warns of.
const OTHER: &str = "\
error[BPFC0011]: target xdp cannot run the chains of hook output
 |
 = help: targets that can: tc, netfilter, cgroup-skb

1 error";

fn compiled(text: &str, options: &Options) -> Compilation {
    let input = Input { name: "rules.v4".into(), bytes: text.into(), format: None };
    compile(&[input], target("xdp").unwrap(), options)
}

#[test]
fn errors_render_themselves() {
    let text = "*filter\n:INPUT DROP [0:0]\n\
                -A INPUT -p tcp --dport 22x -j ACCEPT\n-A INPUT -j NOWHERE\nCOMMIT\n";
    let errors: CompileErrors = compiled(text, &Options::default()).result().unwrap_err();
    assert_eq!(errors.to_string(), TEXT);
    assert_eq!(errors.diagnostics().error_count(), 2);
    assert_eq!(errors.sources().files().count(), 1);
    // As any other error.
    let errors: Box<dyn Error + Send + Sync> = errors.into();
    assert_eq!(errors.to_string(), TEXT);
}

#[test]
fn warnings_are_no_part_of_the_text() {
    let options = Options { hooks: Some(vec![Hook::Output]), ..Options::default() };
    let text = "*filter\n:OUTPUT DROP [0:0]\nCOMMIT\n*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n";
    let errors = compiled(text, &options).result().unwrap_err();
    assert!(errors.diagnostics().iter().any(|d| d.severity != Severity::Error));
    assert_eq!(errors.to_string(), OTHER);
}

#[test]
fn what_compiles_is_an_artifact() {
    let compilation = compiled("*filter\n:INPUT DROP [0:0]\nCOMMIT\n", &Options::default());
    let artifact = compilation.artifact().unwrap().clone();
    assert_eq!(compilation.result().unwrap(), artifact);
}
