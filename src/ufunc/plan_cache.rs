//! Plans that a thread has made of late: an expression that comes again is not compiled again.

use super::Plan;
use super::plan::Description;
use crate::Result;
use std::cell::RefCell;

/// How many plans a thread keeps.
const KEPT: usize = 32;

thread_local! {
    static PLANS: RefCell<Vec<Plan>> = const { RefCell::new(Vec::new()) };
}

/// The plan of the description that `is` says yes to, where it is kept.
#[inline]
pub(super) fn find(is: impl Fn(&Description) -> bool) -> Option<Plan> {
    let find = |plans: &RefCell<Vec<Plan>>| {
        let mut plans = plans.borrow_mut();
        let at = plans.iter().position(|plan| is(plan.description()))?;
        // Those that are wanted often are found early.
        plans.swap(at, at / 2);
        Some(plans[at / 2].clone())
    };
    // A thread that is ending keeps none.
    PLANS.try_with(find).ok().flatten()
}

/// The plan of a description that was not found, kept.
///
/// # Errors
///
/// As [`Plan::new`]; the plan is then not kept.
pub(super) fn make(description: Description) -> Result<Plan> {
    let plan = Plan::new(description)?;
    let keep = |plans: &RefCell<Vec<Plan>>| {
        let mut plans = plans.borrow_mut();
        plans.truncate(KEPT - 1);
        plans.push(plan.clone());
    };
    let _ = PLANS.try_with(keep);
    Ok(plan)
}
