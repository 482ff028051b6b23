//! Diagnostics for people, in rustc's look: title with code, `file:line:column`, the marked
//! source, notes and help.

use crate::excerpt::{cut, plain};
use crate::{Diagnostic, Diagnostics, Severity, SourceMap};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Message, Origin, Snippet};

/// Renders diagnostics as text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Renderer {
    color: bool,
}

impl Renderer {
    /// A renderer that writes ANSI colour where told, and never otherwise.
    pub fn new(color: bool) -> Self {
        Renderer { color }
    }

    /// One diagnostic, ending in a line end. `sources` must be the map that its span points into.
    pub fn render(&self, diagnostic: &Diagnostic, sources: &SourceMap) -> String {
        let level = match diagnostic.severity {
            Severity::Note => Level::NOTE,
            Severity::Warning => Level::WARNING,
            Severity::Error => Level::ERROR,
        };
        let title = level.primary_title(plain(&diagnostic.message)).id(diagnostic.code.to_string());
        let mut group = match diagnostic.span {
            Some(span) => {
                let excerpt = cut(sources, span);
                let path = plain(sources.file(span.file).name());
                let label = diagnostic.label.as_deref().map(plain);
                let snippet = Snippet::source(excerpt.text)
                    .line_start(excerpt.first_line as usize)
                    .annotation(AnnotationKind::Primary.span(excerpt.marked).label(label));
                if excerpt.shifted {
                    let position = sources.position(span);
                    let origin = Origin::path(path)
                        .line(position.line as usize)
                        .char_column(position.column as usize);
                    title.element(origin).element(snippet)
                } else {
                    title.element(snippet.path(path))
                }
            }
            None => title.elements(std::iter::empty::<Message<'_>>()),
        };
        for note in &diagnostic.notes {
            group = group.element(Level::NOTE.message(plain(note)));
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(plain(help)));
        }
        let renderer = match self.color {
            true => annotate_snippets::Renderer::styled(),
            false => annotate_snippets::Renderer::plain(),
        };
        // Excerpts are already cut: the renderer must not cut them again by a terminal's width.
        let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(1000);
        format!("{}\n", renderer.render(&[group]).trim_end())
    }

    /// All of them in order, an empty line after each.
    pub fn render_all(&self, diagnostics: &Diagnostics, sources: &SourceMap) -> String {
        diagnostics.iter().map(|d| self.render(d, sources) + "\n").collect()
    }
}

/// `2 errors, 1 warning`; nothing where there are neither.
pub fn summary(diagnostics: &Diagnostics) -> Option<String> {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let words = |number: usize, word: &str| match number {
        0 => None,
        1 => Some(format!("1 {word}")),
        number => Some(format!("{number} {word}s")),
    };
    let parts: Vec<String> =
        [words(count(Severity::Error), "error"), words(count(Severity::Warning), "warning")]
            .into_iter()
            .flatten()
            .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Span};

    fn sample() -> (Diagnostic, SourceMap) {
        let mut sources = SourceMap::new();
        let text =
            "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j LOG --log-prefix \"x\"\nCOMMIT\n";
        let file = sources.add("a.rules", text);
        let at = text.find("LOG").unwrap();
        let diagnostic = Diagnostic::error(
            Code::UNSUPPORTED_EXTENSION,
            Some(Span::new(file, at, at + 3)),
            "target 'LOG' is not supported",
        )
        .with_label("writes to the kernel log")
        .with_note("rules are never left out")
        .with_help("remove the rule, or keep the ruleset in the kernel");
        (diagnostic, sources)
    }

    #[test]
    fn it_looks_like_rustc() {
        let (diagnostic, sources) = sample();
        let text = Renderer::new(false).render(&diagnostic, &sources);
        assert_eq!(
            text,
            "\
error[BPFC0006]: target 'LOG' is not supported
 --> a.rules:3:20
  |
3 | -A INPUT -p tcp -j LOG --log-prefix \"x\"
  |                    ^^^ writes to the kernel log
  |
  = note: rules are never left out
  = help: remove the rule, or keep the ruleset in the kernel
"
        );
    }

    #[test]
    fn no_span_still_renders() {
        let diagnostic =
            Diagnostic::note(Code::NO_CHAIN, None, "nothing to do").with_help("choose a hook");
        let text = Renderer::new(false).render(&diagnostic, &SourceMap::new());
        assert_eq!(text, "note[BPFC0012]: nothing to do\n |\n = help: choose a hook\n");
    }

    #[test]
    fn color_only_when_told() {
        let (diagnostic, sources) = sample();
        assert!(!Renderer::new(false).render(&diagnostic, &sources).contains('\x1b'));
        assert!(Renderer::new(true).render(&diagnostic, &sources).contains('\x1b'));
    }

    #[test]
    fn a_hostile_input_cannot_write_to_the_terminal() {
        let mut sources = SourceMap::new();
        let file = sources.add("a\x1b[2J", "-A \x1b[31m\n");
        let diagnostic =
            Diagnostic::error(Code::SYNTAX, Some(Span::new(file, 3, 8)), "bad '\x1b[31m'")
                .with_label("\x07")
                .with_note("\x1b]0;title")
                .with_help("\x1b[0m");
        assert!(!Renderer::new(false).render(&diagnostic, &sources).contains(['\x1b', '\x07']));
    }

    #[test]
    fn a_line_of_ten_megabytes_gives_a_short_message() {
        let mut sources = SourceMap::new();
        let file = sources.add("long", "x".repeat(10_000_000));
        let diagnostic =
            Diagnostic::error(Code::SYNTAX, Some(Span::new(file, 9_999_000, 10_000_000)), "long");
        let text = Renderer::new(false).render(&diagnostic, &sources);
        assert!(text.len() < 1000, "{}", text.len());
        assert!(text.contains("long:1:9999001"));
    }

    #[test]
    fn summaries_count() {
        let mut diagnostics = Diagnostics::new();
        assert_eq!(summary(&diagnostics), None);
        diagnostics.push(Diagnostic::note(Code::NO_CHAIN, None, ""));
        assert_eq!(summary(&diagnostics), None);
        diagnostics.push(Diagnostic::error(Code::NO_CHAIN, None, ""));
        diagnostics.push(Diagnostic::error(Code::NO_CHAIN, None, ""));
        diagnostics.push(Diagnostic::warning(Code::NO_CHAIN, None, ""));
        assert_eq!(summary(&diagnostics).as_deref(), Some("2 errors, 1 warning"));
    }
}
