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

/// Packets that come while an object of an earlier format is replaced by what is compiled now are
/// all dropped and counted, whichever program meets them.
#[test]
fn objects_of_earlier_formats_are_replaced_under_traffic() {
    let folder = "runtime/tests/fixtures";
    let script = format!(
        "\
ip link set lo up
for object in {folder}/1/filter.o {folder}/objects/*/*.o; do
  case $object in
    */xdp.o) target=xdp; place='--iface lo' ;;
    */tc.o) target=tc; place='--iface lo' ;;
    *) target=netfilter; place= ;;
  esac
  $BPFC load $object $place --name fixture
  rm -f $F/stop $F/sent
  (
    sent=0
    while [ ! -e $F/stop ]; do
      echo -n x > /dev/udp/127.0.0.1/4000 || true
      sent=$((sent + 1))
    done
    echo $sent > $F/sent
  ) &
  for round in 1 2 3; do
    $BPFC load {folder}/1/filter.rules {folder}/1/filter.set --target $target --hook input $place --name fixture
  done
  touch $F/stop
  wait
  $BPFC counters -x fixture > $F/counters
  echo \"$object sent $(cat $F/sent), dropped $(awk '/match-set networks/ {{ print $2 }}' $F/counters)\"
  $BPFC set test fixture seen 127.0.0.1
  $BPFC unload fixture
done"
    );
    let files = crate::run::folder();
    let path = files.path().to_str().expect("a path in UTF-8");
    let Some(ran) = alone(&script, &[("F", path)]) else { return };
    let ran = ran.ok();
    let lines: Vec<&str> = ran.out.lines().filter(|line| line.contains(" sent ")).collect();
    assert_eq!(lines.len(), 4, "{}", ran.out);
    for line in lines {
        let numbers: Vec<&str> = line.rsplit(' ').collect();
        assert_eq!(format!("{},", numbers[0]), numbers[2], "{line}");
        assert_ne!(numbers[0], "0", "{line}");
    }
    assert!(!ran.out.contains("not carried"), "{}", ran.out);
}
