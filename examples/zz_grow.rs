use distob::transport::segment::*;
use std::time::Instant;
fn main() {
    let n = 200 * HUGE_PAGE;
    for i in 0..4 {
        let s = Segment::create("g", n).unwrap();
        let t = Instant::now();
        s.commit(0..n).unwrap();
        let a = t.elapsed();
        let t = Instant::now();
        let p = s.base().as_ptr();
        for k in 0..n / 8 {
            unsafe { (p as *mut u64).add(k).write(k as u64) }
        }
        let b = t.elapsed();
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let l = smaps.split("memfd:g").nth(1).unwrap().lines().find(|l| l.contains("ShmemPmd")).unwrap().to_string();
        println!("{i}: commit {a:?} write {b:?} {l}");
    }
}
