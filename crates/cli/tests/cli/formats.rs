//! Objects of every format that was ever written are loaded, and replaced by what is compiled now.

use crate::run::alone;

#[test]
fn objects_of_earlier_formats_are_loaded_and_replaced() {
    let script = "\
for folder in runtime/tests/fixtures/[0-9]*; do
  $BPFC load $folder/filter.o --name fixture
  $BPFC set add fixture seen 192.0.2.1
  $BPFC counters fixture
  $BPFC load $folder/filter.o --name fixture
  $BPFC load $folder/filter.rules $folder/filter.set --target netfilter --hook input --name fixture
  $BPFC status fixture
  $BPFC set test fixture seen 192.0.2.1
  $BPFC unload fixture
done";
    let Some(ran) = alone(script, &[]) else { return };
    let ran = ran.ok();
    assert!(ran.out.contains("loaded fixture"), "{}", ran.out);
    assert_eq!(ran.out.matches("replaced fixture").count() % 2, 0, "{}", ran.out);
    // An element that came while the older one was loaded is there.
    assert!(
        ran.err.contains("192.0.2.1 is in set seen")
            || ran.out.contains("192.0.2.1 is in set seen")
    );
}
