//! The text of u32's tests: `LOCATION = VALUES`, joined by `&&`.
//!
//! A location is a number, then operators (`&`, `<<`, `>>`, `@`) with a number each; values are
//! numbers and ranges `LOW:HIGH` with commas between them. Numbers are as C reads them; blanks may
//! stand anywhere between. Where the facts come from: extensions/libxt_u32.c of iptables 1.8.9.

use super::{Step, Test};
use crate::text::c_number;

/// Tests, numbers of a location and ranges that iptables takes at most.
const MOST: usize = 10;

/// Reads tests.
pub(super) fn tests(text: &str) -> Result<Vec<Test>, String> {
    let mut reader = Reader { rest: text };
    let mut tests = Vec::new();
    loop {
        tests.push(reader.test()?);
        if tests.len() > MOST {
            return Err(format!("more than {MOST} tests"));
        }
        reader.skip();
        if reader.rest.is_empty() {
            return Ok(tests);
        }
        reader.expect("&&")?;
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    }

    fn eat(&mut self, word: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.eat(word) {
            Ok(())
        } else {
            Err(format!("expected '{word}' before '{}'", self.rest))
        }
    }

    fn number(&mut self) -> Result<u32, String> {
        let found = c_number(self.rest).and_then(|(number, rest)| {
            let number = u32::try_from(number).ok()?;
            Some((number, rest.len()))
        });
        let Some((number, left)) = found else {
            return Err(format!("expected a number of 32 bits before '{}'", self.rest));
        };
        self.rest = &self.rest[self.rest.len() - left..];
        Ok(number)
    }

    fn test(&mut self) -> Result<Test, String> {
        let offset = self.number()?;
        let mut steps = Vec::new();
        while !self.eat("=") {
            let operators = ["&", "<<", ">>", "@"];
            let Some(operator) = operators.iter().position(|operator| self.eat(operator)) else {
                return Err(format!("expected an operator or '=' before '{}'", self.rest));
            };
            steps.push(Step::new(operator as u8, self.number()?)?);
            if steps.len() >= MOST {
                return Err(format!("more than {MOST} numbers in a location"));
            }
        }
        let mut ranges = Vec::new();
        loop {
            let low = self.number()?;
            let high = if self.eat(":") { self.number()? } else { low };
            ranges.push((low, high));
            if ranges.len() > MOST {
                return Err(format!("more than {MOST} ranges"));
            }
            if !self.eat(",") {
                return Ok(Test { offset, steps, ranges });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_bases_do_not_matter() {
        let wanted = [
            Test {
                offset: 0,
                steps: vec![Step::Right(22), Step::And(0x3c), Step::At(4), Step::Left(2)],
                ranges: vec![(1, 5), (8, 8)],
            },
            Test { offset: 8, steps: vec![], ranges: vec![(16, 16)] },
        ];
        assert_eq!(tests("0>>22&0x3C@4<<2=1:5,010&&8=0x10").as_deref(), Ok(&wanted[..]));
        let spaced = " 0 >> 22 & 0x3C @ 4 << 2 = 1 : 5 , 010 && 8 = 0x10 ";
        assert_eq!(tests(spaced).as_deref(), Ok(&wanted[..]));
    }

    #[test]
    fn what_is_no_test_is_refused() {
        for text in [
            "",
            "0",
            "=1",
            "0=",
            "0=1&&",
            "0=1,",
            "0=1&2=3",
            "0>2=1",
            "0+2=1",
            "0=-1",
            "0=1 2",
            "0=4294967296",
            "0<<32=1",
            "0>>40=1",
            "0=1:",
            "0&=1",
        ] {
            assert!(tests(text).is_err(), "{text}");
        }
        let many = |count| vec!["0=1"; count].join("&&");
        assert!(tests(&many(10)).is_ok() && tests(&many(11)).is_err());
        let steps = |count: usize| format!("0{}=1", "&1".repeat(count));
        assert!(tests(&steps(9)).is_ok() && tests(&steps(10)).is_err());
        let ranges = |count| format!("0={}", vec!["1"; count].join(","));
        assert!(tests(&ranges(10)).is_ok() && tests(&ranges(11)).is_err());
    }
}
