//! Interim pool.
use super::Segment;
use crate::{Error, Result};
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};
pub struct Quota(u64);
impl Quota {
    pub fn new(user: Option<u64>) -> Quota {
        Quota(user.unwrap_or(8 << 30))
    }
    pub fn most(&self) -> usize {
        self.0 as usize
    }
}
#[derive(Clone, Copy, Debug)]
pub struct PoolStats {
    pub in_use: u64,
    pub peak_in_use: u64,
    pub committed: u64,
    pub quota: u64,
}
#[derive(Clone)]
pub struct Pool(Arc<Inner>);
struct Inner {
    segment: Arc<Segment>,
    quota: u64,
    state: Mutex<State>,
}
#[derive(Default)]
struct State {
    next: usize,
    free: HashMap<usize, Vec<usize>>,
    in_use: u64,
    peak: u64,
}
pub struct Block {
    pool: Pool,
    offset: usize,
    len: usize,
    class: usize,
}
impl Pool {
    pub fn new(segment: Arc<Segment>, quota: Quota) -> Pool {
        Pool(Arc::new(Inner { segment, quota: quota.0, state: Mutex::default() }))
    }
    pub fn alloc(&self, bytes: usize) -> Result<Block> {
        let class = bytes.max(64).next_multiple_of(if bytes > 1 << 20 { 2 << 20 } else { 64 });
        let class = if class <= 1 << 20 { class.next_power_of_two() } else { class };
        let mut s = self.0.state.lock().unwrap();
        let offset = match s.free.get_mut(&class).and_then(Vec::pop) {
            Some(o) => o,
            None => {
                let o = if class > 1 << 20 { s.next.next_multiple_of(2 << 20) } else { s.next };
                if (o + class) as u64 > self.0.quota {
                    return Err(Error::OutOfMemory { wanted: bytes as u64, in_use: s.in_use, quota: self.0.quota });
                }
                if class > 1 << 20 {
                    self.0.segment.commit(o..o + class)?;
                } else {
                    let a = o & !((2 << 20) - 1);
                    if o.is_multiple_of(2 << 20) || s.next == 0 {
                        self.0.segment.commit(a..a + (2 << 20))?;
                    }
                }
                s.next = o + class;
                o
            }
        };
        s.in_use += class as u64;
        s.peak = s.peak.max(s.in_use);
        Ok(Block { pool: self.clone(), offset, len: bytes, class })
    }
    pub fn stats(&self) -> PoolStats {
        let s = self.0.state.lock().unwrap();
        PoolStats { in_use: s.in_use, peak_in_use: s.peak, committed: s.next as u64, quota: self.0.quota }
    }
    pub fn trim(&self) -> usize {
        0
    }
    pub fn segment(&self) -> &Arc<Segment> {
        &self.0.segment
    }
}
impl Block {
    pub fn offset(&self) -> u64 {
        self.offset as u64
    }
    pub fn len(&self) -> usize {
        self.len
    }
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    pub fn as_ptr(&self) -> NonNull<u8> {
        self.pool.0.segment.at(self.offset)
    }
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}
impl Drop for Block {
    fn drop(&mut self) {
        let mut s = self.pool.0.state.lock().unwrap();
        s.in_use -= self.class as u64;
        s.free.entry(self.class).or_default().push(self.offset);
    }
}
