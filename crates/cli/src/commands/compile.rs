//! `bpfc compile`: rulesets to an object, or to the text of a stage.

use crate::args::{CompileArgs, Emit};
use crate::console::{Console, Failure, say, write_file};
use crate::inputs;
use crate::progress::with_progress;
use bpfc_diag::Diagnostics;
use bpfc_driver::{Compilation, Options, Stage, after_pass, compile, emit, target};
use bpfc_ir::{Program, raw};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// Where a result goes.
enum Destination {
    Stdout,
    File(PathBuf),
}

pub(super) fn run(args: &CompileArgs, console: &Console) -> Result<(), Failure> {
    if (args.after.is_some() || args.as_lowered)
        && !matches!(args.emit, Emit::Ir | Emit::Tree | Emit::Dot)
    {
        return Err(Failure::Usage(
            "--after and --as-lowered are for --emit ir, tree and dot".into(),
        ));
    }
    let destination = destination(args)?;
    let target = target(&args.target)
        .ok_or_else(|| Failure::Usage(format!("there is no target '{}'", args.target)))?;
    let inputs = inputs::read_all(&args.ruleset.rulesets, &args.ruleset.selection)?;
    if args.emit == Emit::Input {
        let [_] = &args.ruleset.rulesets[..] else {
            return Err(Failure::Usage("--emit input takes one ruleset".into()));
        };
        let bytes = inputs.first().map_or(&[][..], |input| &input.bytes);
        return match destination {
            Destination::Stdout => console.print_bytes(bytes),
            Destination::File(path) => write_file(&path, bytes),
        };
    }
    let mut options: Options = inputs::options(&args.ruleset.selection, args.priority);
    options.codegen.trace_one_in = args.trace;
    // Never freed: the process ends here, and a large ruleset has millions of parts.
    let mut compilation =
        ManuallyDrop::new(with_progress("compiling", || compile(&inputs, target, &options)));
    console.report(&compilation.diagnostics, &compilation.sources);
    if let (Emit::Obj, Stage::Built { lowered, program, .. }) = (args.emit, &mut compilation.stage)
    {
        // The object takes the room of what it was made from.
        (*lowered, *program) = Default::default();
    }
    let bytes = result(args, &options, &compilation)?;
    if args.emit == Emit::Obj && compilation.artifact().is_some_and(|a| a.needs_conntrack) {
        say(
            "note: the programs ask for connections, which the kernel tracks only while something in \
             the network namespace uses conntrack: `bpfc load` sees to that, and for any other \
             loader `bpfc conntrack on` does\n",
        );
    }
    match destination {
        Destination::Stdout => match (args.emit, String::from_utf8(bytes)) {
            (Emit::Ir | Emit::Tree | Emit::Asm | Emit::Dot, Ok(text)) => console.print(&text),
            (Emit::Obj | Emit::Json | Emit::Input, Ok(text)) => console.print_exact(&text),
            (_, Err(bytes)) => console.print_bytes(bytes.as_bytes()),
        },
        Destination::File(path) => match (args.emit, std::str::from_utf8(&bytes)) {
            (Emit::Ir | Emit::Tree | Emit::Asm | Emit::Dot, Ok(text)) => {
                write_file(&path, &raw::encode(text))
            }
            _ => write_file(&path, &bytes),
        },
    }
}

/// Where the result goes; settled before any work is done.
fn destination(args: &CompileArgs) -> Result<Destination, Failure> {
    let destination = match &args.output {
        Some(path) if path == Path::new("-") => Destination::Stdout,
        Some(path) => Destination::File(path.clone()),
        None if args.emit != Emit::Obj => Destination::Stdout,
        None => match args.ruleset.rulesets.first().and_then(|name| inputs::stem(name)) {
            Some(stem) => Destination::File(PathBuf::from(format!("{stem}.o"))),
            None => {
                return Err(Failure::Usage(
                    "an object of standard input has no name: say where to write with -o".into(),
                ));
            }
        },
    };
    if matches!(destination, Destination::Stdout)
        && args.emit == Emit::Obj
        && std::io::stdout().is_terminal()
    {
        return Err(Failure::Usage(
            "an object is not written to a terminal: choose a file with -o".into(),
        ));
    }
    Ok(destination)
}

fn result(
    args: &CompileArgs,
    options: &Options,
    compilation: &Compilation,
) -> Result<Vec<u8>, Failure> {
    // What the target cannot do does not keep anybody from reading the ruleset's IR.
    let program = || stage(args, options, compilation);
    let artifact = || compilation.artifact().ok_or(Failure::Said);
    let listing = &compilation.listing;
    let text = match args.emit {
        Emit::Ir => emit::ir(program()?.as_ref(), listing),
        Emit::Tree => emit::tree(program()?.as_ref(), listing),
        Emit::Dot => emit::dot(program()?.as_ref(), listing),
        Emit::Obj => {
            return bpfc_object::write(artifact()?)
                .map_err(|error| Failure::Refused(format!("cannot write the object: {error}")));
        }
        Emit::Asm => emit::asm(artifact()?),
        Emit::Json => {
            let mut text = Vec::new();
            return match artifact()?.write(&mut text) {
                Ok(()) => Ok(in_ascii(text)),
                Err(error) => Err(Failure::Refused(format!("cannot write JSON: {error}"))),
            };
        }
        // It was written before anything was compiled.
        Emit::Input => return Err(Failure::Said),
    };
    Ok(text.into_bytes())
}

/// JSON with the characters that stand for bytes as escapes of the same meaning: they are no
/// characters for terminals and editors.
fn in_ascii(json: Vec<u8>) -> Vec<u8> {
    match std::str::from_utf8(&json) {
        Ok(text) if !raw::is_utf8(text) => {
            let mut out = String::with_capacity(json.len() + 16);
            for c in text.chars() {
                match raw::byte(c) {
                    Some(_) => {
                        for unit in c.encode_utf16(&mut [0; 2]) {
                            let _ = write!(out, "\\u{unit:04x}");
                        }
                    }
                    None => out.push(c),
                }
            }
            out.into_bytes()
        }
        _ => json,
    }
}

/// The program at the stage that is to be shown.
fn stage<'a>(
    args: &CompileArgs,
    options: &Options,
    compilation: &'a Compilation,
) -> Result<Cow<'a, Program>, Failure> {
    let Stage::Built { lowered, program, .. } = &compilation.stage else {
        return Err(Failure::Said);
    };
    // The tree is the ruleset's: chains that were inlined have their places in it.
    if args.after.is_none() && !args.as_lowered && args.emit != Emit::Tree {
        return Ok(Cow::Borrowed(program));
    }
    let Some(pass) = &args.after else { return Ok(Cow::Borrowed(lowered)) };
    after_pass(lowered.clone(), pass, options, &mut Diagnostics::new())
        .map(Cow::Owned)
        .ok_or_else(|| Failure::Usage(format!("pass '{pass}' does not run: it is disabled")))
}
