//! Reserved 2 MiB pages: a hub whose quota they cover has its arrays in them, and gives them back.
//!
//! Only root can reserve pages. Elsewhere, and where there is no room for them, the test says so and ends.

use distob::{Error, Hub};

const PAGES: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB";
const PAGE: u64 = 2 << 20;

fn read(name: &str) -> u64 {
    std::fs::read_to_string(format!("{PAGES}/{name}")).map_or(0, |text| text.trim().parse().expect("a number"))
}

/// Pages reserved by this test; as many as before when it ends.
struct Reserved {
    before: u64,
}

impl Reserved {
    fn more(pages: u64) -> Option<Reserved> {
        let before = read("nr_hugepages");
        let reserved = Reserved { before };
        std::fs::write(format!("{PAGES}/nr_hugepages"), format!("{}", before + pages)).ok()?;
        (read("nr_hugepages") == before + pages).then_some(reserved)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let _ = std::fs::write(format!("{PAGES}/nr_hugepages"), format!("{}", self.before));
    }
}

#[distob::test]
fn arrays_lie_in_reserved_pages_where_there_are_enough() {
    let Some(_reserved) = Reserved::more(48) else {
        println!("not run: this user cannot reserve 48 pages of 2 MiB");
        return;
    };
    let free = read("free_hugepages");
    for builder in [Hub::builder().embedded(), Hub::builder().process()] {
        let hub = builder.engines(2).quota(64 << 20).start().unwrap();
        let n = 2 << 20;
        let x = ndarray::Array1::from_shape_fn(n, |i| i as f64);
        let a = hub.scatter(&x).unwrap();
        let b = (&a * 2.0 + 1.0).evaluated().unwrap();
        assert_eq!(b, &x * 2.0 + 1.0);
        let taken = free - read("free_hugepages");
        assert!((16..=32).contains(&taken), "{taken} pages for two arrays of 16 MiB");
        assert_eq!(hub.submit(|x: u64| x + 1, 1).unwrap().wait().unwrap(), 2);
        // The quota holds, and so does what is there.
        let more: Vec<_> = (0..4).map(|_| (&a + &b).evaluated()).collect();
        assert!(more.iter().any(|array| matches!(array, Err(Error::OutOfMemory { quota, .. }) if *quota == 64 << 20)));
        assert_eq!(b, &x * 2.0 + 1.0);
        drop((a, b, more));
        hub.trim();
        assert!(free - read("free_hugepages") <= 2, "{} of {free} pages are free after trim", read("free_hugepages"));
        drop(hub);
        // Engine processes have the segment mapped until they have ended.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while read("free_hugepages") < free && std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(read("free_hugepages"), free);
    }
    // Too few for the quota: as without any.
    let hub = Hub::builder().embedded().quota(free * PAGE + PAGE).start().unwrap();
    let a = hub.scatter(&ndarray::Array1::from_elem(1 << 20, 1.0)).unwrap();
    assert_eq!((a.sum(), read("free_hugepages")), ((1 << 20) as f64, free));
}
