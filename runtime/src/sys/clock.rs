//! gettimeofday(2) as the kernel has it: the C library's own forgets the time zone.

/// Minutes that the kernel's time zone (`sys_tz`) lies west of UTC; 0 where it has none.
pub fn minutes_west() -> i32 {
    let mut zone = [0i32; 2];
    let time = std::ptr::null_mut::<libc::timeval>();
    // SAFETY: the kernel writes `struct timezone`, two ints, to the second argument and nothing to
    // a null first one.
    let result = unsafe { libc::syscall(libc::SYS_gettimeofday, time, zone.as_mut_ptr()) };
    if result == 0 { zone[0] } else { 0 }
}
