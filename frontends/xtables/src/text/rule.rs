//! Reads one command line of a dump: `-A CHAIN` and its kin with a rule's options.
//!
//! An option that none of the named extensions has makes the match of `-p`'s protocol join in. `!`
//! may stand before an option or, as old dumps have it, before its value.

use super::command::{Command, Context, Verb};
use super::foreign::nearest;
use super::getopt::{Found, Kind, Loaded, base_names, find, takes_value};
use super::{Word, value};
use crate::header::{AddressTest, FragmentTest, ProtocolTest};
use crate::model::Counters;
use crate::options::{Given, OptionSpec};
use crate::registry::{self, Known};
use crate::{Header, Unsupportable, names};
use bpfc_diag::{Code, Diagnostic, Diagnostics, Span};
use bpfc_ir::Family;

/// Reads a line's words. `None` where an error was reported.
pub fn parse<'a>(
    words: &[Word<'a>],
    counters: Option<Counters>,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Command<'a>> {
    let (first, last) = (words.first()?, words.last()?);
    let mut parser = Parser {
        words,
        at: 0,
        context,
        invert: None,
        span: first.span.to(last.span),
        verb: None,
        header: Header::default(),
        protocol: None,
        sources: None,
        destinations: None,
        input: None,
        output: None,
        fragment: false,
        counters,
        extensions: Vec::new(),
        implicit: false,
        opaque: false,
        target: None,
        other_family: false,
        errors: Vec::new(),
    };
    parser.run();
    let command = parser.finish();
    let failed = !parser.errors.is_empty();
    for error in parser.errors {
        diagnostics.push(error);
    }
    if failed { None } else { command }
}

/// A line while it is read.
pub(super) struct Parser<'w, 'a, 'c> {
    pub(super) words: &'w [Word<'a>],
    pub(super) at: usize,
    pub(super) context: &'c Context<'c>,
    /// A `!` that waits for its option.
    pub(super) invert: Option<Span>,
    pub(super) span: Span,
    pub(super) verb: Option<Verb<'a>>,
    pub(super) header: Header,
    pub(super) protocol: Option<Word<'a>>,
    pub(super) sources: Option<Vec<AddressTest>>,
    pub(super) destinations: Option<Vec<AddressTest>>,
    pub(super) input: Option<Span>,
    pub(super) output: Option<Span>,
    pub(super) fragment: bool,
    pub(super) counters: Option<Counters>,
    pub(super) extensions: Vec<Loaded<'a>>,
    /// Whether the protocol's match has joined in.
    pub(super) implicit: bool,
    /// Whether an extension is not known, so that unknown options may be its.
    pub(super) opaque: bool,
    pub(super) target: Option<(Word<'a>, bool)>,
    pub(super) other_family: bool,
    pub(super) errors: Vec<Diagnostic>,
}

impl<'a> Parser<'_, 'a, '_> {
    pub(super) fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.errors.push(Diagnostic::error(code, Some(span), message));
    }

    fn run(&mut self) {
        while let Some(word) = self.words.get(self.at) {
            self.at += 1;
            let text: &str = &word.text;
            if text == "!" {
                if self.invert.replace(word.span).is_some() {
                    self.error(Code::SYNTAX, word.span, "two ! in a row");
                }
            } else if text == "--" {
                if let Some(next) = self.words.get(self.at) {
                    self.error(Code::SYNTAX, next.span, "no options can follow --");
                }
                break;
            } else if let Some(long) = text.strip_prefix("--") {
                self.long(word, long);
            } else if text.len() > 1 && text.starts_with('-') {
                self.short(word);
            } else if text == "[unsupported" {
                self.unsupported_revision(word);
                return;
            } else if !self.opaque {
                self.error(Code::SYNTAX, word.span, format!("'{text}' belongs to no option"));
            }
            if self.other_family {
                return;
            }
        }
        if let Some(span) = self.invert {
            self.error(Code::SYNTAX, span, "nothing follows this !");
        }
    }

    /// What iptables prints in the place of options that a newer one has given the kernel.
    fn unsupported_revision(&mut self, word: &Word<'a>) {
        self.at = self.words.len();
        // What the extension lacks now is only what was not printed.
        self.extensions.clear();
        let message =
            "the rule is not whole: iptables could not print an extension of this revision";
        let span = self.words.last().map_or(word.span, |last| word.span.to(last.span));
        self.errors.push(
            Diagnostic::error(Code::SYNTAX, Some(span), message)
                .with_note(
                    "an iptables of a newer version than the one that printed it has made it",
                )
                .with_help("print the rules with the iptables that made them, or a newer version"),
        );
    }

    /// A cluster of short options, the last of which may carry its value.
    fn short(&mut self, word: &Word<'a>) {
        let text = word.text.as_ref();
        for (index, letter) in text.char_indices().skip(1) {
            let rest = &text[index + letter.len_utf8()..];
            let known = takes_value(letter) || "FLXZSwWh46bfnvx".contains(letter);
            if !known || letter == 'V' {
                if !self.opaque {
                    let message = format!("unknown option '-{letter}'");
                    self.error(Code::UNKNOWN_OPTION, word.span, message);
                }
                self.invert = None;
                return;
            }
            if takes_value(letter) || "FLXZSwWh".contains(letter) {
                let attached = (!rest.is_empty())
                    .then(|| Word { text: rest.to_owned().into(), span: word.span });
                self.base(letter, word.span, attached);
                return;
            }
            self.base(letter, word.span, None);
        }
    }

    fn long(&mut self, word: &Word<'a>, long: &str) {
        let (name, attached) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        let attached =
            attached.map(|value| Word { text: value.to_owned().into(), span: word.span });
        let mut found = find(&self.extensions, self.context.family, self.opaque, name);
        if matches!(found, Found::None | Found::Ambiguous) && self.load_protocol() {
            found = find(&self.extensions, self.context.family, self.opaque, name);
        }
        match found {
            Found::Base(letter) => self.base(letter, word.span, attached),
            Found::Extension(index, spec) => self.extension_option(index, spec, word, attached),
            Found::None | Found::Ambiguous if self.opaque => self.invert = None,
            Found::None => {
                self.invert = None;
                self.unknown_option(word);
            }
            Found::Ambiguous => {
                self.invert = None;
                let message = format!("option '--{name}' is short for more than one option");
                self.error(Code::UNKNOWN_OPTION, word.span, message);
                while self.optional_value().is_some() {}
            }
        }
    }

    fn unknown_option(&mut self, word: &Word<'a>) {
        let loaded: Vec<String> =
            self.extensions.iter().map(|loaded| format!("'{}'", loaded.name.text)).collect();
        let mut error = Diagnostic::error(
            Code::UNKNOWN_OPTION,
            Some(word.span),
            format!("unknown option '{}'", word.text),
        );
        let near = self.near_option(word.text.trim_start_matches('-'));
        error = match (loaded.is_empty(), &self.protocol) {
            _ if near.is_some() => error.with_help(near.unwrap_or_default()),
            (true, None) => {
                error.with_help("name the match first with -m, or the protocol with -p")
            }
            (true, Some(_)) => error.with_help("name the match that has it first, with -m"),
            (false, _) => {
                error.with_note(format!("neither iptables nor {} has it", loaded.join(", ")))
            }
        };
        self.errors.push(error);
        // What follows is probably its value.
        while self.optional_value().is_some() {}
    }

    /// A sentence with the option that may have been meant: one of iptables' own, or of a match or
    /// target that the rule names.
    fn near_option(&self, name: &str) -> Option<String> {
        let name = name.split('=').next().unwrap_or(name);
        let loaded = self.extensions.iter().flat_map(|loaded| loaded.kind.options());
        let known = loaded.map(|spec| spec.name).chain(base_names());
        nearest(name, known).map(|near| format!("did you mean '--{near}'?"))
    }

    /// Lets the match of `-p`'s protocol join in, once.
    fn load_protocol(&mut self) -> bool {
        let Some(protocol) = &self.protocol else { return false };
        if self.implicit {
            return false;
        }
        let lower = protocol.text.to_ascii_lowercase();
        let name = match value::c_number_within(&lower, 0, 255) {
            Some(number) => names::protocol_name(number as u16).unwrap_or("").to_owned(),
            None => lower,
        };
        let Known::Supported(extension) = registry::find_match(&name, self.context.family) else {
            return false;
        };
        self.implicit = true;
        let name = Word { text: extension.name.into(), span: protocol.span };
        self.load(Kind::Match(extension), name);
        true
    }

    fn load(&mut self, kind: Kind, name: Word<'a>) {
        if let Kind::Match(extension) = kind {
            for loaded in &mut self.extensions {
                if matches!(loaded.kind, Kind::Match(same) if std::ptr::eq(same, extension)) {
                    loaded.closed = true;
                }
            }
        }
        self.extensions.push(Loaded { kind, name, given: Vec::new(), closed: false });
    }

    /// The next word as an option's value.
    fn value(&mut self, span: Span) -> Option<Word<'a>> {
        match self.words.get(self.at) {
            Some(word) => {
                self.at += 1;
                Some(word.clone())
            }
            None => {
                self.error(Code::SYNTAX, span, "this option needs a value");
                None
            }
        }
    }

    /// Takes the `!` that stands before an option, or the old-style one before its value.
    fn take_invert(&mut self, may: bool, option: Span) -> bool {
        let before = self.invert.take();
        let old = may
            && self.words.get(self.at).is_some_and(|word| word.text == "!")
            && self.words.len() > self.at + 1;
        if old {
            let span = self.words[self.at].span;
            self.at += 1;
            if before.is_some() {
                self.error(Code::SYNTAX, span, "two ! for one option");
            }
            return true;
        }
        match before {
            Some(span) if !may => {
                self.error(
                    Code::BAD_VALUE,
                    span.to(option),
                    "this option cannot be inverted with !",
                );
                false
            }
            before => before.is_some(),
        }
    }

    /// Like [`Parser::take_invert`]; an old-style `!` stands before a value in a word of its own.
    fn take_option_invert(&mut self, spec: &OptionSpec, option: Span, attached: bool) -> bool {
        if spec.invertible && (attached || spec.values == 0) {
            return self.invert.take().is_some();
        }
        self.take_invert(spec.invertible, option)
    }

    fn extension_option(
        &mut self,
        index: usize,
        spec: &'static OptionSpec,
        word: &Word<'a>,
        attached: Option<Word<'a>>,
    ) {
        let invert = self.take_option_invert(spec, word.span, attached.is_some());
        let mut values = Vec::new();
        if attached.is_some() && spec.values == 0 {
            let message = format!("option '--{}' takes no value", spec.name);
            return self.error(Code::SYNTAX, word.span, message);
        }
        values.extend(attached);
        while values.len() < spec.values.into() {
            let Some(value) = self.value(word.span) else { return };
            values.push(value);
        }
        let span = values.last().map_or(word.span, |last| word.span.to(last.span));
        let loaded = &mut self.extensions[index];
        if !spec.repeatable && loaded.given.iter().any(|given| given.id == spec.id) {
            let message =
                format!("{}: option '--{}' can be used only once", loaded.name.text, spec.name);
            return self.error(Code::BAD_VALUE, span, message);
        }
        loaded.given.push(Given { id: spec.id, invert, values, span });
    }

    /// A base option.
    fn base(&mut self, letter: char, span: Span, attached: Option<Word<'a>>) {
        let invertible = matches!(letter, 's' | 'd' | 'p' | 'i' | 'o' | 'f');
        let invert = match attached {
            Some(_) if invertible => self.invert.take().is_some(),
            // An old-style ! stands before a value, and -f has none.
            _ if letter == 'f' => self.invert.take().is_some(),
            _ => self.take_invert(invertible, span),
        };
        let value = match (attached, takes_value(letter)) {
            (Some(value), _) => Some(value),
            (None, true) => match self.value(span) {
                Some(value) => Some(value),
                None => return,
            },
            (None, false) => None,
        };
        match (letter, value) {
            ('A' | 'I' | 'R' | 'D' | 'N' | 'P' | 'E' | 'C', Some(chain)) => {
                self.command(letter, span, chain);
            }
            ('F' | 'X', chain) => {
                let chain = chain.or_else(|| self.optional_value());
                let verb = match letter {
                    'F' => Verb::Flush(chain),
                    _ => Verb::DeleteChain(chain),
                };
                self.set_verb(verb, span);
            }
            ('L' | 'S' | 'Z', _) => {
                self.error(Code::SYNTAX, span, "this command makes no ruleset");
                self.at = self.words.len();
            }
            ('p', Some(word)) => self.set_protocol(word, invert),
            ('s', Some(word)) => {
                let parsed = self.addresses(&word, invert);
                let before = self.sources.replace(parsed);
                self.once(before.is_some(), 's', span);
            }
            ('d', Some(word)) => {
                let parsed = self.addresses(&word, invert);
                let before = self.destinations.replace(parsed);
                self.once(before.is_some(), 'd', span);
            }
            ('i' | 'o', Some(word)) => match value::interface(&word.text, invert) {
                Ok(test) if letter == 'i' => {
                    self.header.input = test;
                    let before = self.input.replace(span.to(word.span));
                    self.once(before.is_some(), letter, span);
                }
                Ok(test) => {
                    self.header.output = test;
                    let before = self.output.replace(span.to(word.span));
                    self.once(before.is_some(), letter, span);
                }
                Err(message) => self.error(Code::BAD_VALUE, word.span, message),
            },
            ('j' | 'g', Some(word)) => self.set_target(word, letter == 'g'),
            ('m', Some(word)) => self.set_match(word),
            ('c', Some(word)) => self.set_counters(word),
            ('f', _) if self.context.family == Family::Ipv6 => self.error(
                Code::BAD_VALUE,
                span,
                "-f is not for IPv6; `-m frag` matches fragments there",
            ),
            ('f', _) => {
                self.once(self.fragment, 'f', span);
                self.fragment = true;
                self.header.fragment = FragmentTest { later: true, invert };
            }
            ('4', _) => self.other_family |= self.context.family == Family::Ipv6,
            ('6', _) => self.other_family |= self.context.family == Family::Ipv4,
            // How much is said, and which program loads modules, is nothing to a ruleset.
            ('v' | 'M', _) => {}
            _ => self.error(Code::SYNTAX, span, "this option has no place in a dump"),
        }
    }

    fn once(&mut self, again: bool, letter: char, span: Span) {
        if again {
            self.error(Code::SYNTAX, span, format!("-{letter} can be used only once"));
        }
    }

    /// A word that is no option, where one follows.
    fn optional_value(&mut self) -> Option<Word<'a>> {
        let word = self.words.get(self.at)?;
        if word.text.starts_with(['-', '!']) {
            return None;
        }
        self.at += 1;
        Some(word.clone())
    }

    fn set_verb(&mut self, verb: Verb<'a>, span: Span) {
        if self.verb.replace(verb).is_some() {
            self.error(Code::SYNTAX, span, "a line has one command only");
        }
    }

    fn rule_number(&mut self, word: &Word<'a>) -> Option<usize> {
        let number = value::c_number_within(&word.text, 1, i32::MAX as u64);
        if number.is_none() {
            self.error(Code::BAD_VALUE, word.span, format!("'{}' is no rule number", word.text));
        }
        number.map(|number| number as usize)
    }

    fn command(&mut self, letter: char, span: Span, chain: Word<'a>) {
        let verb = match letter {
            'A' => Verb::Append(chain),
            'N' => Verb::New(chain),
            'I' | 'D' | 'R' => {
                let number = match self.optional_value() {
                    Some(word) => match self.rule_number(&word) {
                        Some(number) => Some(number),
                        None => return,
                    },
                    None => None,
                };
                match (letter, number) {
                    ('I', number) => Verb::Insert(chain, number.unwrap_or(1)),
                    ('D', number) => Verb::Delete(chain, number),
                    (_, Some(number)) => Verb::Replace(chain, number),
                    (_, None) => {
                        return self.error(Code::SYNTAX, span, "-R needs a rule number");
                    }
                }
            }
            'P' => match self.optional_value() {
                Some(policy) => Verb::Policy(chain, policy),
                None => return self.error(Code::SYNTAX, span, "-P needs a policy"),
            },
            'E' => {
                self.at = self.words.len();
                return self.error(Code::SYNTAX, span, "chains are not renamed in a dump");
            }
            _ => {
                self.at = self.words.len();
                return self.error(Code::SYNTAX, span, "this command makes no ruleset");
            }
        };
        self.set_verb(verb, span);
    }

    fn set_protocol(&mut self, word: Word<'a>, invert: bool) {
        self.once(self.protocol.is_some(), 'p', word.span);
        match value::protocol(&word.text) {
            Ok(0) if invert => {
                self.error(Code::BAD_VALUE, word.span, "no packet could match this protocol");
            }
            Ok(number) => {
                let walk = self.context.family == Family::Ipv6;
                self.header.protocol = ProtocolTest { number: number.into(), invert, walk };
            }
            Err(message) => {
                let error = Diagnostic::error(Code::BAD_VALUE, Some(word.span), message);
                let lower = word.text.to_ascii_lowercase();
                self.errors.push(match nearest(&lower, names::protocol_names()) {
                    Some(near) => error.with_help(format!("did you mean '{near}'?")),
                    None => error.with_help("give the protocol's number"),
                });
            }
        }
        self.protocol = Some(word);
    }

    fn addresses(&mut self, word: &Word<'a>, invert: bool) -> Vec<AddressTest> {
        match value::addresses(self.context.family, &word.text, invert) {
            Ok(list) => list,
            Err(message) => {
                self.error(Code::BAD_VALUE, word.span, message);
                Vec::new()
            }
        }
    }

    fn set_counters(&mut self, word: Word<'a>) {
        let (packets, bytes) = match word.text.split_once(',') {
            Some((packets, bytes)) => (packets.to_owned(), Some(bytes.to_owned())),
            None => {
                let bytes = self.optional_value();
                (word.text.to_string(), bytes.map(|word| word.text.into_owned()))
            }
        };
        match (packets.parse(), bytes.map(|bytes| bytes.parse())) {
            (Ok(packets), Some(Ok(bytes))) => self.counters = Some(Counters { packets, bytes }),
            _ => self.error(Code::BAD_VALUE, word.span, "-c takes a packet and a byte counter"),
        }
    }

    fn set_match(&mut self, word: Word<'a>) {
        match registry::find_match(&word.text, self.context.family) {
            Known::Supported(extension) => self.load(Kind::Match(extension), word),
            other => self.refuse_extension("match", &word, other.map_reason()),
        }
    }

    fn set_target(&mut self, word: Word<'a>, goto: bool) {
        self.once(self.target.is_some(), 'j', word.span);
        let verdict = matches!(word.text.as_ref(), "ACCEPT" | "DROP" | "RETURN");
        if !goto && !verdict && !(self.context.is_chain)(&word.text) {
            match registry::find_action(&word.text, self.context.family) {
                Known::Supported(extension) => self.load(Kind::Action(extension), word.clone()),
                // Perhaps a chain that is declared further down.
                Known::Unknown => {}
                other => self.refuse_extension("target", &word, other.map_reason()),
            }
        }
        self.target = Some((word, goto));
    }

    fn refuse_extension(&mut self, kind: &str, word: &Word<'a>, why: Refusal) {
        self.opaque = true;
        let name = &word.text;
        let tool = match self.context.family {
            Family::Ipv4 => "iptables",
            Family::Ipv6 => "ip6tables",
        };
        let (code, message) = match why {
            Refusal::Unsupported(_) => {
                (Code::UNSUPPORTED_EXTENSION, format!("{kind} '{name}' is not supported"))
            }
            Refusal::OtherFamily => {
                (Code::UNKNOWN_EXTENSION, format!("{tool} has no {kind} '{name}'"))
            }
            Refusal::Unknown => (Code::UNKNOWN_EXTENSION, format!("unknown {kind} '{name}'")),
        };
        let mut error = Diagnostic::error(code, Some(word.span), message);
        if let Refusal::Unsupported(row) = why {
            let otherwise = "remove the rule, or leave the chains that hold it to the kernel";
            error = error.with_note(row.reason).with_help(row.way_out.unwrap_or(otherwise));
        } else if matches!(why, Refusal::Unknown)
            && let Some(near) = nearest(name, registry::match_names(self.context.family))
        {
            error = error.with_help(format!("did you mean '{near}'?"));
        }
        self.errors.push(error);
    }
}

/// Why an extension is refused.
#[derive(Clone, Copy)]
enum Refusal {
    Unsupported(&'static Unsupportable),
    OtherFamily,
    Unknown,
}

impl<T> Known<T> {
    fn map_reason(&self) -> Refusal {
        match self {
            Known::Unsupported(row) => Refusal::Unsupported(row),
            Known::OtherFamily => Refusal::OtherFamily,
            Known::Supported(_) | Known::Unknown => Refusal::Unknown,
        }
    }
}
