//! A pending value computed in the memory of one of its operands, where there is no room for another block: `a += 1.0` of a large array is a
//! pending expression that alone holds the old elements.
//!
//! Nobody else may read the operand. So the expression is taken out of its node first, which makes other threads wait that would compute it as
//! a part of theirs. Then every reference is counted, from the expression down to the memory: whoever got to one of them before holds it still, or
//! holds one further down by the time that this is looked at.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use crate::array::evaluate;
use crate::array::expression::node::{Claim, Expr, Node, Operand};
use crate::array::storage::store::Leaf;
use crate::error::Result;
use kernels::{DType, Fault, small};

/// Computes the value of a claimed node in the memory of an operand; `None`, and nothing done, where that cannot be.
///
/// Nothing in such a pass fails but for want of memory, before it begins: its operations have a result for each operand, call no function of the
/// program's, and run on threads of this process alone. (A unit that is run again, after the death of an engine process, would read what it has
/// written.)
pub(super) fn run(claim: &Claim) -> Result<Option<Leaf>> {
    let node = &claim.node;
    if node.hub.shares_with_processes() {
        return Ok(None);
    }
    let Some(expr) = claim.take_expr() else { return Ok(None) };
    let done = match target_of(node, &expr) {
        Some(target) => {
            let again = Operand::Node(node.with_expr(expr.clone()));
            evaluate::map_into(&node.hub, &again, &target).map(|()| Some(target))
        }
        None => Ok(None),
    };
    if !matches!(done, Ok(Some(_))) {
        claim.put_back(expr);
    }
    done
}

/// The operand whose memory the value of `expr` may take.
fn target_of(node: &Node, expr: &Arc<Expr>) -> Option<Leaf> {
    let mut leaves = Vec::new();
    // One reference: the node's own has been taken out.
    if !only_arithmetic(node.dtype, expr, 1, &mut leaves) {
        return None;
    }
    let suits = |leaf: &&Leaf| {
        leaf.dtype == node.dtype
            && leaf.shape == node.shape
            && is_injective(&leaf.shape, &leaf.strides)
            && (leaf.store.owned().is_none() || leaf.address().addr().is_multiple_of(leaf.dtype.size()))
            // The expression's and the one in `leaves`.
            && leaf.store.references() == 2
    };
    leaves.iter().find(suits).cloned()
}

/// Whether an expression consists of operations whose kernels may write where they read, of operands of one type, and nothing else holds it or a
/// part of it, of which `references` are known. Adds its leaves.
fn only_arithmetic(dtype: DType, expr: &Arc<Expr>, references: usize, leaves: &mut Vec<Leaf>) -> bool {
    if Arc::strong_count(expr) != references {
        return false;
    }
    // Who held it before has taken what it needs of the operands, and is counted there.
    fence(Ordering::Acquire);
    let Expr::Apply { op, args } = &**expr else { return false };
    if args.len() != 2 || !small::updates(*op, dtype) || Fault::of(*op, dtype).is_some() {
        return false;
    }
    args.iter().all(|arg| match arg {
        _ if arg.dtype() != dtype => false,
        Operand::Constant(_) => true,
        Operand::Leaf(leaf) => {
            leaves.push(leaf.clone());
            true
        }
        Operand::Node(node) if node.value().is_some() => true,
        Operand::Node(node) => {
            if Arc::strong_count(node) != 1 || node.has_sibling() {
                return false;
            }
            fence(Ordering::Acquire);
            // The node's own reference and this one.
            node.expr().is_some_and(|expr| only_arithmetic(dtype, &expr, 2, leaves))
        }
    })
}

/// Whether each index has an element of its own.
fn is_injective(shape: &[usize], strides: &[isize]) -> bool {
    let mut axes: Vec<(usize, usize)> =
        shape.iter().zip(strides).filter(|&(&n, _)| n > 1).map(|(&n, stride)| (stride.unsigned_abs(), n)).collect();
    axes.sort_unstable();
    let mut reach = 0usize;
    axes.into_iter().all(|(stride, n)| {
        let apart = stride > reach;
        reach = reach.saturating_add(stride.saturating_mul(n - 1));
        apart
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_strides_are_seen() {
        assert!(is_injective(&[3, 4], &[4, 1]) && is_injective(&[3, 4], &[-1, 3]) && is_injective(&[2, 1], &[7, 0]));
        assert!(!is_injective(&[3, 4], &[0, 1]) && !is_injective(&[3, 4], &[1, 1]) && !is_injective(&[3, 2], &[2, 4]));
    }
}
