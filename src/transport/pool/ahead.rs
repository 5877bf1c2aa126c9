//! Growth ahead of need: a thread that keeps a free run of the size that was last grown for, so that the next one of
//! that size need not wait for the system.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::JoinHandle,
};

use super::growth::Core;

/// The grower of a pool: its thread starts with the first large growth and ends with the pool.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    mail: Arc<Mail>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Mail {
    order: Mutex<Order>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Order {
    extents: Option<u32>,
    stop: bool,
}

impl Ahead {
    /// Asks for a free run of so many extents.
    pub(super) fn ask(&self, core: &Arc<Core>, extents: u32) {
        self.mail.order.lock().unwrap_or_else(PoisonError::into_inner).extents = Some(extents);
        self.mail.changed.notify_one();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let (core, mail) = (Arc::clone(core), Arc::clone(&self.mail));
            // Without the thread everything works, only later.
            *thread = std::thread::Builder::new().name("distob-pool".into()).spawn(move || mail.serve(&core)).ok();
        }
    }

    /// Ends the thread, after the few milliseconds that a step of growth may still take.
    pub(super) fn stop(&self, core: &Core) {
        self.mail.order.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.mail.changed.notify_one();
        core.close();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

impl Mail {
    fn serve(&self, core: &Core) {
        loop {
            let order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            let idle = |order: &mut Order| !order.stop && order.extents.is_none();
            let mut order = self.changed.wait_while(order, idle).unwrap_or_else(PoisonError::into_inner);
            if order.stop {
                return;
            }
            let extents = order.extents.take();
            drop(order);
            extents.into_iter().for_each(|extents| core.grow_ahead(extents));
        }
    }
}
