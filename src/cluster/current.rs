//! The hub that a program means when it names none: the one entered last on this thread, else the default hub.

use std::cell::RefCell;

use once_cell::sync::OnceCell;

use super::hub::Hub;
use crate::error::Result;
use crate::transport::fork::PerProcess;

thread_local! {
    static ENTERED: RefCell<Vec<Hub>> = const { RefCell::new(Vec::new()) };
}

/// Each process has its own: in a forked one, a thread that is not there may be about to start the hub.
static DEFAULT: PerProcess<OnceCell<Hub>> = PerProcess::new();

/// Keeps a hub the current one of its thread; see [`Hub::enter`].
#[must_use = "the hub is the current one only while the guard lives"]
pub struct Entered {
    depth: usize,
    /// Not `Send`: it belongs to the thread that entered.
    _thread: std::marker::PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Guards may be dropped out of order; the outer one then ends the inner ones too. During the thread's own
        // end the stack may be gone already.
        let ended = ENTERED.try_with(|stack| {
            let mut stack = stack.borrow_mut();
            if stack.len() >= self.depth { stack.split_off(self.depth - 1) } else { Vec::new() }
        });
        // Dropped here, outside of the borrow: the last handle of a hub shuts it down.
        drop(ended);
    }
}

impl Hub {
    /// Makes this hub the current one of the calling thread until the guard is dropped: constructors that name no hub
    /// use it.
    ///
    /// It is per thread: another thread (one that is spawned while the guard lives, a worker of a rayon pool) has the hub that it
    /// entered itself, else the default hub. Operations on arrays need no current hub: they run on the
    /// hub of their operands, on whatever thread they are called, and ndarray's arrays beside those are copied there. Guards nest: the innermost one that lives counts, and an outer guard
    /// that is dropped ends the inner ones too.
    ///
    /// ```
    /// use distob::prelude::*;
    /// # fn main() -> distob::Result<()> {
    /// let hub = Hub::builder().embedded().engines(1).start()?;
    /// let _guard = hub.enter();
    /// assert_eq!(Hub::current()?.id(), hub.id());
    /// // A spawned thread enters by itself, or names the hub.
    /// let other = hub.clone();
    /// std::thread::spawn(move || {
    ///     let _guard = other.enter();
    ///     assert_eq!(DistArray::<f64, _>::zeros(3).hub().id(), other.id());
    /// })
    /// .join()
    /// .unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn enter(&self) -> Entered {
        let depth = ENTERED.with_borrow_mut(|stack| {
            stack.push(self.clone());
            stack.len()
        });
        Entered { depth, _thread: std::marker::PhantomData }
    }

    /// The hub entered last on this thread, else the default hub, which starts at first use and stays until the
    /// process ends. A forked process has a default hub of its own.
    ///
    /// # Errors
    /// Those of [`Hub::local`], when the default hub has to be started; the next call tries again. [`Error::Forked`](crate::Error::Forked), when the
    /// hub was entered before this process was forked.
    pub fn current() -> Result<Hub> {
        if let Some(hub) = ENTERED.with_borrow(|stack| stack.last().cloned()) {
            hub.check_home()?;
            return Ok(hub);
        }
        // Where it cannot be started, the cell stays empty.
        DEFAULT.get(OnceCell::new).get_or_try_init(|| Ok(Hub::local()?.lasting())).cloned()
    }
}
