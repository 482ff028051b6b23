//! The text form of random programs: it reads back as it was printed, and what was damaged is an
//! error.

use bpfc_interpret::generate::program;
use bpfc_ir::{Program, verify};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn printing_and_reading_gives_the_same(seed: u64, chains in 1usize..6, rules in 0usize..12) {
        let program = program(seed, chains, rules);
        prop_assert_eq!(verify(&program), Ok(()));
        for function in program.funcs.values() {
            for inst in function.insts.values() {
                let writes = inst.op.writes(function).next().is_some();
                prop_assert_eq!(inst.op.is_effect(), writes, "{}", inst);
            }
        }
        let text = program.to_string();
        let read = text.parse::<Program>();
        prop_assert_eq!(read.as_ref(), Ok(&program), "{}", text);
        let mut compact = program;
        compact.compact();
        prop_assert_eq!(verify(&compact), Ok(()));
        let read = compact.to_string().parse::<Program>();
        prop_assert_eq!(read.as_ref(), Ok(&compact), "{}", compact);
        let once = compact.clone();
        compact.compact();
        prop_assert_eq!(compact, once);
    }

    #[test]
    fn damaged_texts_never_panic(seed: u64, at: prop::sample::Index, new: char, cut: bool) {
        let text = program(seed, 2, 4).to_string();
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        if cut { chars.truncate(at) } else { chars[at] = new }
        let text: String = chars.into_iter().collect();
        if let Ok(program) = text.parse::<Program>() {
            let _ = verify(&program);
            let again = program.to_string();
            let read = again.parse::<Program>();
            prop_assert_eq!(read.as_ref(), Ok(&program), "{}", again);
        }
    }
}
