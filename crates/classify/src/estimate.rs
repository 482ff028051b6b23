//! How well a node would separate its terms: what windows are chosen by.
//!
//! Traffic is taken to be spread evenly over terms, and that of a term evenly over the cells that
//! it lies in. Sums are over cells of how many terms lie in each, so that a window costs its cells
//! and its terms, not their product.

/// Runs of neighbouring cells, one for each term: the first, and how many.
pub(crate) type Runs = Vec<(u32, u32)>;

/// What a window, or a pair of them, would make of a node's terms.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Estimate {
    /// Terms in the cell that a packet comes to, on average.
    pub reached: f64,
    /// Terms in all cells together.
    pub total: f64,
    /// Terms in the fullest cell.
    pub largest: f64,
}

/// Room for sums over cells, used again and again.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    changes: Vec<i32>,
    below: Vec<f64>,
}

impl Sums {
    /// One window of so many bits.
    pub fn single(&mut self, runs: &Runs, width: u32) -> Estimate {
        let cells = 1usize << width;
        self.changes.clear();
        self.changes.resize(cells + 1, 0);
        self.below.clear();
        let mut total = 0.0;
        for &(first, count) in runs {
            self.changes[first as usize] += 1;
            self.changes[(first + count) as usize] -= 1;
            total += f64::from(count);
        }
        let (mut current, mut largest, mut below) = (0, 0, 0.0);
        self.below.push(0.0);
        for change in &self.changes[..cells] {
            current += change;
            largest = largest.max(current);
            below += f64::from(current);
            self.below.push(below);
        }
        let mut reached = 0.0;
        for &(first, count) in runs {
            let inside = self.below[(first + count) as usize] - self.below[first as usize];
            reached += inside / f64::from(count);
        }
        Estimate { reached: reached / runs.len() as f64, total, largest: f64::from(largest) }
    }

    /// Two windows: cells are pairs of theirs.
    pub fn pair(&mut self, rows: &Runs, height: u32, columns: &Runs, width: u32) -> Estimate {
        let (height, width) = (1usize << height, 1usize << width);
        let line = width + 1;
        self.changes.clear();
        self.changes.resize((height + 1) * line, 0);
        let mut total = 0.0;
        for (&(row, tall), &(column, wide)) in rows.iter().zip(columns) {
            let (top, left) = (row as usize * line, column as usize);
            let (bottom, right) = ((row + tall) as usize * line, (column + wide) as usize);
            self.changes[top + left] += 1;
            self.changes[top + right] -= 1;
            self.changes[bottom + left] -= 1;
            self.changes[bottom + right] += 1;
            total += f64::from(tall) * f64::from(wide);
        }
        self.below.clear();
        self.below.resize((height + 1) * line, 0.0);
        let mut largest = 0;
        for row in 0..height {
            // A row's cells are the sums of its changes, on top of the cells of the row above.
            let (mut current, mut below) = (0, 0.0);
            for column in 0..width {
                let at = row * line + column;
                current += self.changes[at];
                let above = if row > 0 { self.changes[at - line] } else { 0 };
                self.changes[at] = current + above;
                largest = largest.max(self.changes[at]);
                below += f64::from(self.changes[at]);
                self.below[at + line + 1] = self.below[at + 1] + below;
            }
        }
        let mut reached = 0.0;
        for (&(row, tall), &(column, wide)) in rows.iter().zip(columns) {
            let (top, left) = (row as usize * line, column as usize);
            let (bottom, right) = ((row + tall) as usize * line, (column + wide) as usize);
            let sum =
                self.below[bottom + right] - self.below[top + right] - self.below[bottom + left]
                    + self.below[top + left];
            reached += sum / (f64::from(tall) * f64::from(wide));
        }
        Estimate { reached: reached / rows.len() as f64, total, largest: f64::from(largest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, cell by cell.
    fn counted(rows: &Runs, height: u32, columns: &Runs, width: u32) -> [f64; 3] {
        let mut cells = vec![0u32; 1 << (height + width)];
        let inside = |at: usize| {
            let ((row, tall), (column, wide)) = (rows[at], columns[at]);
            (row..row + tall)
                .flat_map(move |y| (column..column + wide).map(move |x| (y << width | x) as usize))
        };
        (0..rows.len()).flat_map(inside).for_each(|cell| cells[cell] += 1);
        let mean = |at: usize| {
            let all: Vec<f64> = inside(at).map(|cell| f64::from(cells[cell])).collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        let reached = (0..rows.len()).map(mean).sum::<f64>() / rows.len() as f64;
        let largest = cells.iter().max().copied().unwrap_or(0);
        [reached, f64::from(cells.iter().sum::<u32>()), f64::from(largest)]
    }

    #[test]
    fn sums_are_those_of_counting() {
        let rows: Runs = vec![(0, 8), (3, 1), (2, 4), (7, 1), (0, 1), (3, 1)];
        let columns: Runs = vec![(1, 1), (0, 4), (2, 2), (3, 1), (0, 3), (1, 2)];
        let mut sums = Sums::default();
        let near = |found: Estimate, expected: [f64; 3]| {
            let found = [found.reached, found.total, found.largest];
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        };
        near(sums.pair(&rows, 3, &columns, 2), counted(&rows, 3, &columns, 2));
        let one = vec![(0, 1); rows.len()];
        near(sums.single(&rows, 3), counted(&rows, 3, &one, 0));
        near(sums.single(&columns, 2), counted(&one, 0, &columns, 2));
    }
}
