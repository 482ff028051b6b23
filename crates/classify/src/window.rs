//! Windows of a key's bits, and the choice of those that a node leads by.
//!
//! A node leads by one window or two, of up to 8 bits together (12 at a root) and no more cells
//! than four for each term. What is chosen has the greatest score
//!
//! ```text
//! log2(terms / reached) - 0.3 log2(copies) - 0.05 log2(largest / reached) - 0.02 bits
//! ```
//!
//! with `reached` the terms of the cell that a packet comes to, `copies` how often a term is in a
//! cell on average, `largest` the terms of the fullest cell ([`Estimate`]). Windows that would put
//! a term into more than 16 leaves on the way from the root are left out. Big nodes are judged by a
//! sample of 600 terms. Of pairs those of the two best windows of each field and width are tried.

use crate::estimate::{Estimate, Runs, Sums};
use crate::region::{Region, cells};
use crate::{Field, Form, Layout, Node, Options, Part, Rules};

/// The terms that a node is judged by.
const SAMPLE: usize = 600;

/// Neighbouring bits of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub field: usize,
    pub shift: u32,
    pub width: u32,
}

/// The windows that a node leads by; the first one's bits are above the other's in cells' numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    pub high: Window,
    pub low: Option<Window>,
}

impl Window {
    fn place(self, layout: &Layout) -> (Field, u32) {
        let field = layout.fields()[self.field];
        (field, field.shift + self.shift)
    }

    fn part(self, layout: &Layout, above: u32) -> Part {
        let (field, shift) = self.place(layout);
        let mask = ((1 << self.width) - 1) << above;
        Part { word: field.word as u8, shift: (shift - above) as u8, mask }
    }
}

impl Windows {
    pub fn one(high: Window) -> Windows {
        Windows { high, low: None }
    }

    /// A pair, where entries can say it: not two windows of ranged words, in which the bits of one
    /// say something of the other's, and one of the two must stand far enough above its word's end
    /// to be shifted to the place above the other.
    fn pair(layout: &Layout, a: Window, b: Window) -> Option<Windows> {
        let ((one, first), (other, second)) = (a.place(layout), b.place(layout));
        if one.def.form == Form::Ranged && other.def.form == Form::Ranged {
            return None;
        }
        let apart = a.shift >= b.shift + b.width || b.shift >= a.shift + a.width;
        if a.field == b.field && !apart {
            return None;
        }
        match (first >= b.width, second >= a.width) {
            (true, _) => Some(Windows { high: a, low: Some(b) }),
            (false, true) => Some(Windows { high: b, low: Some(a) }),
            (false, false) => None,
        }
    }

    /// How many bits they have together.
    pub fn width(self) -> u32 {
        self.high.width + self.low.map_or(0, |low| low.width)
    }

    /// The node whose cells begin at a place of the table.
    pub fn node(self, layout: &Layout, base: u32) -> Node {
        let below = self.low.map_or(0, |low| low.width);
        let high = self.high.part(layout, below);
        let low = self.low.map_or(Part::default(), |low| low.part(layout, 0));
        // Word 1 of an entry is not behind word 2.
        let parts = if high.word > low.word { [low, high] } else { [high, low] };
        Node { parts, base }
    }

    /// The cells that each term lies in: runs of the first window's, and of the second's.
    pub fn runs(self, layout: &Layout, bounds: &[[u64; 2]]) -> (Runs, Option<Runs>) {
        let runs = |window: Window| runs(layout, bounds, window);
        (runs(self.high), self.low.map(runs))
    }
}

/// The cells of a window that each term lies in.
fn runs(layout: &Layout, bounds: &[[u64; 2]], window: Window) -> Runs {
    let (fields, Window { field, shift, width }) = (layout.fields(), window);
    let terms = bounds.chunks_exact(fields.len());
    terms.map(|term| cells(fields[field].def, term[field], shift, width)).collect()
}

/// The bits of a field that separate terms.
fn useful(layout: &Layout, sample: &[[u64; 2]], field: usize, known: u64) -> u64 {
    let (stride, def) = (layout.fields().len(), layout.fields()[field].def);
    let terms = || sample.chunks_exact(stride).map(|term| term[field]);
    let unknown = def.max() & !known;
    match def.form {
        Form::Masked => {
            let (ones, zeros, free) = terms().fold((0, 0, 0), |(ones, zeros, free), [a, b]| {
                (ones | a & b, zeros | a & !b, free | !a)
            });
            // Where terms differ; else, and in small fields, where some care and some do not.
            match unknown & ones & zeros {
                0 => unknown & (ones | zeros) & free,
                both if def.bits <= 16 => both | unknown & (ones | zeros) & free,
                both => both,
            }
        }
        Form::Ranged => {
            let first = terms().next();
            if terms().all(|bounds| Some(bounds) == first) { 0 } else { unknown }
        }
    }
}

/// A window with its score, and the cells of the sample's terms.
struct Candidate {
    score: f64,
    window: Window,
    runs: Runs,
}

/// What a score is made of.
struct Judge<'a> {
    options: &'a Options,
    /// The node's terms, and those of the sample.
    terms: f64,
    sample: f64,
    /// Copies of a term on the way here.
    copies: f64,
}

impl Judge<'_> {
    /// None of what would make too many copies.
    fn score(&self, estimate: Estimate, width: u32) -> Option<f64> {
        let copies = (estimate.total / self.sample).max(1.0);
        if self.copies * copies > self.options.copies && copies > 1.02 {
            return None;
        }
        let scale = self.terms / self.sample;
        let reached = (estimate.reached * scale).max(1.0);
        let uneven = (estimate.largest * scale).max(1.0) / reached;
        let options = self.options;
        Some(
            (self.terms / reached).log2()
                - options.copies_weight * copies.log2()
                - options.largest_weight * uneven.log2().max(0.0)
                - options.bits_weight * f64::from(width),
        )
    }
}

/// The windows that a node of these terms leads by, or none where none separates them.
pub(crate) fn choose(
    rules: &Rules,
    options: &Options,
    bounds: &[[u64; 2]],
    region: &Region,
    copies: f64,
    is_root: bool,
) -> Option<Windows> {
    let layout = rules.layout();
    let stride = layout.fields().len();
    let terms = bounds.len() / stride;
    let sampled: Vec<[u64; 2]>;
    let sample = if terms <= SAMPLE {
        bounds
    } else {
        let picked = (0..SAMPLE).map(|at| at * terms / SAMPLE);
        sampled = picked.flat_map(|at| &bounds[at * stride..][..stride]).copied().collect();
        &sampled
    };
    let widest = if is_root { options.root_bits.min(12) } else { options.node_bits.min(8) };
    let most = widest.min((options.cells * terms as f64).log2() as u32).max(1);
    let sampled_terms = (sample.len() / stride) as f64;
    let judge = Judge { options, terms: terms as f64, sample: sampled_terms, copies };
    let mut sums = Sums::default();
    let mut candidates: Vec<Candidate> = Vec::new();
    for (field, place) in layout.fields().iter().enumerate() {
        let known = region.known(field);
        let useful = useful(layout, sample, field, known);
        for shift in (0..place.def.bits).filter(|shift| useful >> shift & 1 == 1) {
            for width in 1..=most.min(place.def.bits - shift) {
                let top = 1 << (shift + width - 1);
                if known & top != 0 {
                    break;
                }
                if useful & top == 0 {
                    continue;
                }
                let window = Window { field, shift, width };
                let runs = runs(layout, sample, window);
                if let Some(score) = judge.score(sums.single(&runs, width), width) {
                    candidates.push(Candidate { score, window, runs });
                }
            }
        }
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut best = None;
    let mut least = options.least_score;
    if let Some(first) = candidates.first().filter(|first| first.score > least) {
        (best, least) = (Some(Windows::one(first.window)), first.score);
    }
    // Few of each width: two of a field, four together.
    let (mut of_field, mut of_width) = (vec![[0; 16]; stride], [0; 16]);
    candidates.retain(|candidate| {
        let Window { field, width, .. } = candidate.window;
        let width = width as usize;
        let keep = width < most as usize && of_width[width] < 4 && of_field[field][width] < 2;
        of_width[width] += usize::from(keep);
        of_field[field][width] += usize::from(keep);
        keep
    });
    for (at, one) in candidates.iter().enumerate() {
        for other in &candidates[at + 1..] {
            let width = one.window.width + other.window.width;
            if width > most || Windows::pair(layout, one.window, other.window).is_none() {
                continue;
            }
            let estimate = sums.pair(&one.runs, one.window.width, &other.runs, other.window.width);
            if let Some(score) = judge.score(estimate, width)
                && score > least + 0.05
            {
                (best, least) = (Windows::pair(layout, one.window, other.window), score);
            }
        }
    }
    best
}
