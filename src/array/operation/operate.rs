//! What every operation goes through: at once where it is small, as a closure where programs do not know the type, else as
//! a node of an expression.

use ndarray::Dimension;

use crate::array::dist_array::DistArray;
use crate::array::evaluate;
use crate::array::evaluate::eager;
use crate::array::expression::node::{Expr, Node, Operand, check_hubs};
use crate::array::loops::rows;
use crate::array::operation::argument::{Arg, Untyped, hub_of};
use crate::array::shape::broadcast::{broadcast_shape, check_broadcast_to};
use crate::array::shape::dims::{Dims, SMALL, volume};
use crate::array::storage::store::Held;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::{DType, Fault, Op};

/// `left op right`, where `left` is the operation's own: in its memory where that can be.
#[inline]
pub(crate) fn consume<A: Element, L: Dimension, R: Dimension, O: Dimension>(
    (op, name): (Op, &'static str),
    mut left: DistArray<A, L>,
    right: &Arg<'_, A, R>,
    f: impl Fn(A, A) -> A + Sync,
) -> Result<DistArray<A, O>> {
    if eager::update(op, &mut left, right) {
        return left.into_held().map(|held| DistArray::from_held(into_dimension(held)));
    }
    let value = binary((op, name), &Arg::Dist(&left), right, f);
    match value {
        // As ndarray's: no more memory is needed than there is.
        Err(Error::OutOfMemory { .. }) if left.update_where_it_is(op, right)? => {
            left.into_held().map(|held| DistArray::from_held(into_dimension(held)))
        }
        value => value,
    }
}

/// `array op= right`: in its memory where it is small, else as an expression.
pub(crate) fn assign<A: Element, D: Dimension, R: Dimension>(
    (op, name): (Op, &'static str),
    array: &mut DistArray<A, D>,
    right: &Arg<'_, A, R>,
    f: impl Fn(A, A) -> A + Sync,
) -> Result<()> {
    if eager::update(op, array, right) {
        return Ok(());
    }
    check_broadcast_to(name, array.shape(), right.shape())?;
    let value = binary((op, name), &Arg::Dist(array), right, f);
    let value: DistArray<A, D> = match value {
        Err(Error::OutOfMemory { .. }) if array.update_where_it_is(op, right)? => return Ok(()),
        value => value?,
    };
    if A::DTYPE.is_some_and(|dtype| Fault::of(op, dtype).is_some()) {
        // An error is to be known while there is still the old value.
        value.eval()?;
    }
    array.set_value(value);
    Ok(())
}

/// `left op right` with broadcasting; `f` is what it does to elements that programs do not know.
#[inline]
pub(crate) fn binary<A: Element, B: Element, L: Dimension, R: Dimension, O: Dimension>(
    (op, name): (Op, &'static str),
    left: &Arg<'_, A, L>,
    right: &Arg<'_, A, R>,
    f: impl Fn(A, A) -> B + Sync,
) -> Result<DistArray<B, O>> {
    match eager::binary(op, left, right) {
        Some(array) => Ok(array),
        None => binary_general((op, name), left, right, f),
    }
}

/// Whether programs know all operators of the type. Asked in a `const` block, so that for most types what is done otherwise is not even
/// compiled.
const fn knows_all<A: Element>() -> bool {
    matches!(A::DTYPE, Some(dtype) if !dtype.is_complex())
}

fn binary_general<A: Element, B: Element, L: Dimension, R: Dimension, O: Dimension>(
    (op, name): (Op, &'static str),
    left: &Arg<'_, A, L>,
    right: &Arg<'_, A, R>,
    f: impl Fn(A, A) -> B + Sync,
) -> Result<DistArray<B, O>> {
    if const { !knows_all::<A>() || B::DTYPE.is_none() } {
        // Complex remainders are ndarray's, not programs'.
        let known = A::DTYPE.zip(B::DTYPE).filter(|(from, to)| op != Op::Rem || op.gives(&[*from, *from], *to));
        if known.is_none() {
            let hub = hub_of(left.hub(), right.hub())?;
            return zip((&hub, name, &broadcast_shape(name, left.shape(), right.shape())?), left, right, f);
        }
    }
    let Some(dtype) = B::DTYPE else { unreachable!("a type without programs has gone") };
    DistArray::of_operand(JOINED((op, name), [left, right], dtype))
}

// A pointer, as those of `transport/pool`.
const JOINED: fn((Op, &'static str), [&dyn Untyped; 2], DType) -> Result<Operand> = joined;

/// `left op right` with broadcasting, without the types: the value, where both are there and small, or a node.
fn joined((op, name): (Op, &'static str), [left, right]: [&dyn Untyped; 2], dtype: DType) -> Result<Operand> {
    let hub = hub_of(left.hub(), right.hub())?;
    let shape = broadcast_shape(name, left.shape(), right.shape())?;
    if let Some(leaf) = eager::binary_strided((op, &hub), [left, right], &shape, dtype) {
        return Ok(Operand::Leaf(leaf));
    }
    let args = vec![left.operand(&hub)?, right.operand(&hub)?];
    applied(&hub, dtype, op, shape, args)
}

/// `f` of each two elements of operands that broadcast to `shape`, at once.
pub(crate) fn zip<A: Element, B: Element, C: Element, L: Dimension, R: Dimension, O: Dimension>(
    (hub, name, shape): (&Hub, &'static str, &[usize]),
    left: &Arg<'_, A, L>,
    right: &Arg<'_, B, R>,
    f: impl Fn(A, B) -> C + Sync,
) -> Result<DistArray<C, O>> {
    let (left, right) = (left.held(hub)?, right.held(hub)?);
    let (Some(left), Some(right)) = (left.view.broadcast(shape), right.view.broadcast(shape)) else {
        return Err(Error::invalid("operands do not broadcast"));
    };
    Ok(DistArray::from_held(into_dimension(rows::zip2(hub, name, (&left, &right), f)?)))
}

/// An array of `shape` that is `op` of operands that broadcast to it: a node, or the value where it is small and all operands are there.
pub(crate) fn apply<B: Element, O: Dimension>(
    hub: &Hub,
    dtype: DType,
    op: Op,
    shape: Dims,
    args: Vec<Operand>,
) -> Result<DistArray<B, O>> {
    DistArray::of_operand(APPLIED(hub, dtype, op, shape, args))
}

// A pointer, as those of `transport/pool`.
const APPLIED: fn(&Hub, DType, Op, Dims, Vec<Operand>) -> Result<Operand> = applied;

/// [`apply`] without the types.
pub(crate) fn applied(hub: &Hub, dtype: DType, op: Op, shape: Dims, args: Vec<Operand>) -> Result<Operand> {
    check_hubs(&args)?;
    let types: Vec<DType> = args.iter().map(Operand::dtype).collect();
    if !op.gives(&types, dtype) {
        // Here and not when it is computed: on the line that asks for it.
        let names: Vec<_> = types.iter().map(|dtype| dtype.name()).collect();
        return Err(Error::invalid(format!("no {op:?} of ({}) to {}", names.join(", "), dtype.name())));
    }
    let ready = args.iter().all(|arg| !matches!(arg, Operand::Node(node) if node.value().is_none()));
    let at_once = ready && volume(&shape) <= SMALL;
    let node = Node::new(hub, dtype, shape, Expr::Apply { op, args })?;
    if at_once {
        evaluate::evaluate(std::slice::from_ref(&node))?;
    }
    // What is there is no node any more, so that small operations on it need none either.
    Ok(match node.value() {
        Some(leaf) => Operand::Leaf(leaf.clone()),
        None => Operand::Node(node),
    })
}

/// The operand converted to another type; itself where it has that.
pub(crate) fn cast(hub: &Hub, operand: Operand, dtype: DType) -> Result<Operand> {
    if operand.dtype() == dtype {
        return Ok(operand);
    }
    if let Operand::Leaf(leaf) = &operand
        && let Some(result) = eager::unary_leaf(hub, Op::Cast, leaf, dtype)
    {
        return Ok(Operand::Leaf(result));
    }
    let shape = Dims::new(operand.shape());
    applied(hub, dtype, Op::Cast, shape, vec![operand])
}

/// `op` of each element; `f` is what it does to elements that programs do not know.
#[inline]
pub(crate) fn unary<A: Element, B: Element, D: Dimension>(
    (op, name): (Op, &'static str),
    array: &DistArray<A, D>,
    f: impl Fn(A) -> B + Sync,
) -> Result<DistArray<B, D>> {
    if let Some(result) = eager::unary(op, array).or_else(|| eager::unary_strided(op, array)) {
        return Ok(result);
    }
    if const { A::DTYPE.is_none() || B::DTYPE.is_none() } {
        let held = array.try_held()?;
        return Ok(DistArray::from_held(rows::map(held.store.hub(), name, (&held.view.view(),), f)?));
    }
    let (Some(operand), Some(dtype)) = (array.operand(), B::DTYPE) else { unreachable!("types that programs know") };
    apply(array.hub(), dtype, op, Dims::new(array.shape()), vec![operand])
}

/// An array in another dimension type, of its rank.
#[inline]
pub(crate) fn into_dimension<A, E: Dimension, D: Dimension>(held: Held<A, E>) -> Held<A, D> {
    held.with_view(|view| match view.into_dimensionality() {
        Ok(view) => view,
        Err(_) => unreachable!("a broadcast shape has the rank of its dimension type"),
    })
}
