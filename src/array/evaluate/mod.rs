//! Running expressions: what must be computed first, what can share a pass, and the runs themselves.
//!
//! No thread waits while it holds a claim: what a node depends on has its value before the node is claimed, so two
//! threads whose expressions share parts cannot wait for each other.

pub(in crate::array) mod cascade;
pub(in crate::array) mod driver;
pub(in crate::array) mod eager;
pub(in crate::array) mod execute;
mod in_place;

use std::sync::Arc;

use crate::array::expression::lower::{Lowered, Lowering, layouts, order_of};
use crate::array::expression::node::{Claim, Expr, Node, Operand, same_leaf, total_weight};
use crate::array::function::{Info, name_of};
use crate::array::shape::broadcast::strides_in_order;
use crate::array::shape::dims::{Dims, checked_bytes, row_major, volume};
use crate::array::storage::store::{Leaf, scalar_of};
use crate::cluster::Hub;
use crate::error::{Error, Result};
use kernels::{DType, Fault, Fold, Op, Plan, Scalar, Search};

/// A plan stores at most this many arrays.
pub(super) const MAX_OUTPUTS: usize = 4;

/// Computes all of `nodes`; those that another thread is computing are waited for.
pub(crate) fn evaluate(nodes: &[Arc<Node>]) -> Result<()> {
    // Before any lock: in a forked process, a thread that is not there may hold it.
    nodes.iter().try_for_each(|node| node.hub.check_home())?;
    loop {
        let pending: Vec<&Arc<Node>> = nodes.iter().filter(|node| node.value().is_none()).collect();
        if pending.is_empty() {
            return Ok(());
        }
        let mut needs = Needs::default();
        for node in &pending {
            needs.of_root(node);
        }
        if !needs.first.is_empty() {
            if let [node] = pending[..] {
                match cascade::run(node) {
                    Ok(true) => continue,
                    // There may be room for one stage after the other.
                    Ok(false) | Err(Error::OutOfMemory { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            evaluate(&needs.first)?;
        }
        let mut claims: Vec<Claim> = pending.iter().filter_map(|node| node.claim()).collect();
        let asked = claims.len();
        // As many as the pass has room for: what is stored beside what was asked for is worth no pass of its own.
        for node in &needs.beside {
            if claims.len() < MAX_OUTPUTS {
                // None where it was asked for too: then it is claimed.
                claims.extend(node.claim());
            }
        }
        let beside = claims.len() > asked;
        match run(claims) {
            // There may be room for what was asked for alone.
            Err(Error::OutOfMemory { .. }) if beside => run(pending.iter().filter_map(|node| node.claim()).collect())?,
            result => result?,
        }
        for node in pending {
            node.wait();
        }
    }
}

impl Node {
    /// An operation over operands that the caller has checked: types, shapes, one hub. Where the expression would become
    /// too large for a program, its largest parts are computed now. An error where no memory could hold the value.
    pub(crate) fn new(hub: &Hub, dtype: DType, shape: Dims, expr: Expr) -> Result<Arc<Node>> {
        hub.check_home()?;
        checked_bytes(&shape, dtype.size())?;
        let mut weight = total_weight(&expr);
        while let Some(part) = expr.too_heavy(weight) {
            part.evaluate()?;
            weight = total_weight(&expr);
        }
        Ok(Node::pending(hub, dtype, shape, expr, weight))
    }

    /// A pending reduction with one more axis of length 1.
    pub(crate) fn with_axis(&self, axis: usize) -> Result<Arc<Node>> {
        let expr = self.expr().ok_or_else(|| Error::invalid("an expression has its value already"))?;
        let shape = Dims::from_fn(self.shape.len() + 1, |at| match at.cmp(&axis) {
            std::cmp::Ordering::Less => self.shape[at],
            std::cmp::Ordering::Equal => 1,
            std::cmp::Ordering::Greater => self.shape[at - 1],
        });
        Node::new(&self.hub, self.dtype, shape, (*expr).clone())
    }

    /// The value: computes it, or sleeps while another thread does.
    pub(crate) fn evaluate(self: &Arc<Node>) -> Result<&Leaf> {
        if self.value().is_none() {
            evaluate(std::slice::from_ref(self))?;
        }
        self.value().ok_or_else(|| Error::invalid("an expression was evaluated and has no value"))
    }
}

/// What expressions need besides their own pass.
#[derive(Default)]
pub(super) struct Needs {
    /// What must have its value before they can be lowered: reductions, operands that are stretched, and what reductions
    /// have asked for often enough to be stored.
    pub(super) first: Vec<Arc<Node>>,
    /// What their pass computes on the way and is worth storing.
    pub(super) beside: Vec<Arc<Node>>,
    /// Whether nothing is counted, since nothing is computed: the needs are only looked at.
    looks: bool,
    /// What was looked at, for each shape of elementwise roots.
    walks: Vec<(Dims, Vec<*const Node>)>,
}

impl Needs {
    /// The needs of a root that is only looked at.
    pub(super) fn looked_at(node: &Arc<Node>) -> Needs {
        let mut needs = Needs { looks: true, ..Needs::default() };
        needs.of_root(node);
        needs
    }

    /// Adds those of a root.
    fn of_root(&mut self, node: &Arc<Node>) {
        let Some(expr) = node.expr() else { return };
        if let Some(sibling) = node.pending_sibling() {
            push_new(&mut self.beside, &sibling);
        }
        match &*expr {
            // Elementwise roots of one shape share a pass, and what they share is part of one program, not of several.
            Expr::Apply { args, .. } => {
                let at = self.walks.iter().position(|(walked, _)| *walked == node.shape).unwrap_or_else(|| {
                    self.walks.push((node.shape.clone(), Vec::new()));
                    self.walks.len() - 1
                });
                let mut seen = std::mem::take(&mut self.walks[at].1);
                args.iter().for_each(|arg| self.of_operand(arg, &node.shape, true, &mut seen));
                self.walks[at].1 = seen;
            }
            Expr::Reduce { source, .. } => self.of_operand(source, source.shape(), false, &mut Vec::new()),
            Expr::Blocks(_) => {}
        }
    }

    /// Adds those of an operand of a program over `shape`, which `stores` what it computes or folds it.
    fn of_operand(&mut self, operand: &Operand, shape: &[usize], stores: bool, seen: &mut Vec<*const Node>) {
        let Operand::Node(node) = operand else { return };
        if node.value().is_some() || seen.contains(&Arc::as_ptr(node)) {
            return;
        }
        seen.push(Arc::as_ptr(node));
        let Some(expr) = node.expr() else { return };
        if let Expr::Blocks(_) = &*expr {
            return;
        }
        let fits = matches!(&*expr, Expr::Apply { .. }) && *node.shape == *shape;
        if !fits && let Some(inner) = expr.same_elements(node.dtype) {
            // An array that is stretched further is read where it was stretched from.
            return self.of_operand(inner, shape, stores, seen);
        }
        let again = fits && if self.looks { node.was_fused() } else { node.note_fused() };
        if !fits || (again && !stores) {
            push_new(&mut self.first, node);
            return;
        }
        if stores && (again || node.worth_storing()) {
            push_new(&mut self.beside, node);
        }
        for operand in expr.operands() {
            self.of_operand(operand, shape, stores, seen);
        }
    }
}

/// Adds a node that is not there yet.
fn push_new(nodes: &mut Vec<Arc<Node>>, node: &Arc<Node>) {
    if !nodes.iter().any(|there| Arc::ptr_eq(there, node)) {
        nodes.push(node.clone());
    }
}

/// Reductions of one array along the same axes.
struct Folds {
    source: Operand,
    axes: Dims,
    group: Vec<(Fold, Claim)>,
}

/// Runs what was claimed, as few passes as can be.
fn run(claims: Vec<Claim>) -> Result<()> {
    let mut maps: Vec<Vec<Claim>> = Vec::new();
    let mut folds: Vec<Folds> = Vec::new();
    for claim in claims {
        match claim.node.expr().as_deref() {
            Some(Expr::Apply { .. } | Expr::Blocks(_)) => {
                let fits = |group: &&mut Vec<Claim>| {
                    group.len() < MAX_OUTPUTS
                        && group[0].node.shape == claim.node.shape
                        && group[0].node.hub.id() == claim.node.hub.id()
                };
                match maps.iter_mut().find(fits) {
                    Some(group) => group.push(claim),
                    None => maps.push(vec![claim]),
                }
            }
            Some(Expr::Reduce { source, fold, axes }) => {
                let shape = &claim.node.shape;
                let fits = |there: &&mut Folds| {
                    same_source(&there.source, source) && there.axes == *axes && there.group[0].1.node.shape == *shape
                };
                match folds.iter_mut().find(fits) {
                    Some(there) => there.group.push((*fold, claim)),
                    None => {
                        let group = vec![(*fold, claim)];
                        folds.push(Folds { source: source.clone(), axes: axes.clone(), group });
                    }
                }
            }
            None => {}
        }
    }
    for Folds { source, axes, group } in folds {
        run_folds(&source, &axes, group)?;
    }
    for group in maps {
        run_maps(group)?;
    }
    Ok(())
}

/// Whether two reductions read the same array.
fn same_source(a: &Operand, b: &Operand) -> bool {
    match (a, b) {
        (Operand::Node(a), Operand::Node(b)) => Arc::ptr_eq(a, b),
        (Operand::Leaf(a), Operand::Leaf(b)) => same_leaf(a, b),
        _ => false,
    }
}

/// Computes nodes of one shape in one pass.
fn run_maps(group: Vec<Claim>) -> Result<()> {
    let operands: Vec<Operand> = group.iter().map(|claim| Operand::Node(claim.node.clone())).collect();
    let node = &group[0].node;
    let values = match map(&node.hub, &node.shape, &operands) {
        // There may be room for one after the other.
        Err(Error::OutOfMemory { .. }) if group.len() > 1 => {
            return group.into_iter().try_for_each(|claim| run_maps(vec![claim]));
        }
        Err(full @ Error::OutOfMemory { .. }) => vec![in_place::run(&group[0])?.ok_or(full)?],
        values => values?,
    };
    for (claim, value) in group.into_iter().zip(values) {
        claim.publish(value);
    }
    Ok(())
}

/// A program for `operands`, all of them read at every place of `shape`.
fn lower(shape: &[usize], operands: &[Operand]) -> Result<Lowered> {
    let mut lowering = Lowering::new(shape);
    for operand in operands {
        lowering.output(operand)?;
    }
    Ok(lowering.finish())
}

/// Computes `operands` at every place of `shape`, each into a fresh array whose memory order follows the inputs'.
pub(crate) fn map(hub: &Hub, shape: &[usize], operands: &[Operand]) -> Result<Vec<Leaf>> {
    let lowered = lower(shape, operands)?;
    let strides = lowered.strides(shape);
    let order = lowered.order(shape, &strides);
    let fresh = strides_in_order(shape, &order);
    let outputs = operands
        .iter()
        .map(|operand| Leaf::fresh(hub, operand.dtype(), Dims::new(shape), fresh.clone()))
        .collect::<Result<Vec<_>>>()?;
    run_map(hub, shape, &lowered, &strides, &order, &outputs)?;
    Ok(outputs)
}

/// Computes `operand` at every place of `output`'s shape into `output`, whose memory nothing else reads.
pub(crate) fn map_into(hub: &Hub, operand: &Operand, output: &Leaf) -> Result<()> {
    let lowered = lower(&output.shape, std::slice::from_ref(operand))?;
    let strides = lowered.strides(&output.shape);
    let order = order_of(&output.shape, std::slice::from_ref(&output.strides));
    run_map(hub, &output.shape, &lowered, &strides, &order, std::slice::from_ref(output))
}

fn run_map(
    hub: &Hub,
    shape: &[usize],
    lowered: &Lowered,
    strides: &[Dims<isize>],
    order: &[usize],
    outputs: &[Leaf],
) -> Result<()> {
    if volume(shape) == 0 {
        return Ok(());
    }
    let stored: Vec<&[isize]> = outputs.iter().map(|leaf| &*leaf.strides).collect();
    let plan = lowered.map_plan(shape, strides, order, &stored)?;
    run_plan(hub, &plan, shape, lowered, strides, outputs)
}

/// Runs a plan of this program, read at every place of `shape`.
///
/// # Errors
/// [`Error::Arithmetic`] where an integer operation met an operand that it has no result for.
fn run_plan(
    hub: &Hub,
    plan: &Plan,
    shape: &[usize],
    lowered: &Lowered,
    strides: &[Dims<isize>],
    outputs: &[Leaf],
) -> Result<()> {
    match execute::run(hub, plan, &lowered.sources()?, outputs)? {
        true => Ok(()),
        false => Err(first_fault(hub, shape, lowered, strides)?),
    }
}

/// The error of the first instruction that met an operand without a result, at the first place where it did.
fn first_fault(hub: &Hub, shape: &[usize], lowered: &Lowered, strides: &[Dims<isize>]) -> Result<Error> {
    let inputs = layouts(strides);
    let sources = lowered.sources()?;
    for Search { op, fault, any, first } in Plan::searches(&lowered.program, shape, &inputs)? {
        let found = Leaf::fresh(hub, DType::Bool, Dims::new(&[]), Dims::new(&[]))?;
        let place = Leaf::fresh(hub, DType::U64, Dims::new(&[]), Dims::new(&[]))?;
        // Marks of earlier instructions are not looked at: those had no fault, or this would not be reached.
        execute::run(hub, &any, &sources, std::slice::from_ref(&found))?;
        if !scalar_of::<bool>(&found) {
            continue;
        }
        execute::run(hub, &first, &sources, std::slice::from_ref(&place))?;
        return Ok(arithmetic(op, fault, shape, scalar_of::<u64>(&place) as usize));
    }
    Ok(Error::invalid("an operand without a result was met, and is not there any more"))
}

/// The error of an operand of `op` that it has no result for, at flat index `flat` of `shape`.
pub(crate) fn arithmetic(op: Op, fault: Fault, shape: &[usize], mut flat: usize) -> Error {
    let mut index = shape.to_vec();
    for place in index.iter_mut().rev() {
        let length = (*place).max(1);
        (*place, flat) = (flat % length, flat / length);
    }
    let what = match fault {
        Fault::ZeroDivisor => "an integer is divided by zero",
        Fault::NegativeExponent => "an integer has a negative exponent",
    };
    // Operators under the names of their traits, everything else under NumPy's.
    let operation = match op {
        Op::Div | Op::Rem => format!("{op:?}").to_lowercase(),
        _ => {
            let of_integers = |function: &Info| function.loops.iter().any(|types| types.inputs[0].is_integer());
            name_of(op, of_integers).map_or_else(|| format!("{op:?}"), str::to_owned)
        }
    };
    Error::Arithmetic { operation, what, index }
}

/// Reduces one array along the same axes in each of the ways asked for; mean, variance and standard deviation together
/// take one pass.
fn run_folds(source: &Operand, axes: &[usize], mut group: Vec<(Fold, Claim)>) -> Result<()> {
    let hub = group[0].1.node.hub.clone();
    let shape = group[0].1.node.shape.clone();
    let moments = |fold: &Fold| matches!(fold, Fold::Mean | Fold::Var { .. } | Fold::Std { .. });
    let share = group.iter().any(|(fold, _)| *fold != group[0].0)
        && matches!(source.dtype(), DType::F32 | DType::F64)
        && group.iter().filter(|(fold, _)| moments(fold)).count() > 1;
    if share {
        let n: usize = axes.iter().map(|&axis| source.shape()[axis]).product();
        let results = fold(&hub, source, Fold::Moments, axes, &shape)?;
        let (rest, together) = group.into_iter().partition(|(fold, _)| !moments(fold));
        group = rest;
        for (fold, claim) in together {
            let value = from_moments(&hub, &fold, n, &results, claim.node.dtype, &shape)?;
            claim.publish(value);
        }
    }
    while let Some((kind, claim)) = group.pop() {
        let value = fold(&hub, source, kind, axes, &shape)?.swap_remove(0);
        // The same reduction asked for twice is computed once.
        let mut at = 0;
        while at < group.len() {
            if group[at].0 == kind {
                group.swap_remove(at).1.publish(value.clone());
            } else {
                at += 1;
            }
        }
        claim.publish(value);
    }
    Ok(())
}

/// Mean, variance or standard deviation from the moments of the same array.
fn from_moments(hub: &Hub, fold: &Fold, n: usize, moments: &[Leaf], dtype: DType, shape: &[usize]) -> Result<Leaf> {
    let constant = |value: f64| Operand::Constant(kernels::Value::scalar(value).unwrap_or(ZERO));
    let apply = |op, args| Node::new(hub, DType::F64, Dims::new(shape), Expr::Apply { op, args }).map(Operand::Node);
    let (mean, squares) = (Operand::Leaf(moments[1].clone()), Operand::Leaf(moments[2].clone()));
    let value = match fold {
        Fold::Var { ddof } => apply(Op::Div, vec![squares, constant(n as f64 - ddof)])?,
        Fold::Std { ddof } => {
            let variance = apply(Op::Div, vec![squares, constant(n as f64 - ddof)])?;
            apply(Op::Sqrt, vec![variance])?
        }
        _ => mean,
    };
    let value = match (dtype, value) {
        (DType::F64, Operand::Leaf(leaf)) => return Ok(leaf),
        (DType::F64, value) => value,
        (dtype, value) => {
            Operand::Node(Node::new(hub, dtype, Dims::new(shape), Expr::Apply { op: Op::Cast, args: vec![value] })?)
        }
    };
    Ok(map(hub, shape, &[value])?.swap_remove(0))
}

pub(super) const ZERO: Scalar = Scalar { dtype: DType::F64, bytes: [0; 16] };

/// Reduces `operand` along `axes`: the results, row-major over `kept`, the shape of the other axes.
pub(crate) fn fold(hub: &Hub, operand: &Operand, fold: Fold, axes: &[usize], kept: &[usize]) -> Result<Vec<Leaf>> {
    let shape = operand.shape();
    let lowered = lower(shape, std::slice::from_ref(operand))?;
    let strides = lowered.strides(shape);
    let plan = Plan::fold(lowered.program.clone(), shape, &layouts(&strides), fold, axes)?;
    let results = plan
        .result_dtypes()
        .into_iter()
        .map(|dtype| Leaf::fresh(hub, dtype, Dims::new(kept), row_major(kept)))
        .collect::<Result<Vec<_>>>()?;
    run_plan(hub, &plan, shape, &lowered, &strides, &results)?;
    Ok(results)
}

/// Computes what must have its value before a program over `shape` can read `operand`.
pub(crate) fn evaluate_needed(operand: &Operand, shape: &[usize]) -> Result<()> {
    let mut needs = Needs::default();
    needs.of_operand(operand, shape, false, &mut Vec::new());
    evaluate(&needs.first)
}

/// Whether a pass that computes `operand` may meet integers that an operation has no result for.
pub(crate) fn may_fail(operand: &Operand) -> bool {
    fn visit(operand: &Operand, seen: &mut Vec<*const Node>) -> bool {
        let Operand::Node(node) = operand else { return false };
        if node.value().is_some() || seen.contains(&Arc::as_ptr(node)) {
            return false;
        }
        seen.push(Arc::as_ptr(node));
        let Some(expr) = node.expr() else { return false };
        let itself = match &*expr {
            Expr::Apply { op, args } => args.first().is_some_and(|arg| Fault::of(*op, arg.dtype()).is_some()),
            Expr::Reduce { .. } | Expr::Blocks(_) => false,
        };
        itself || expr.operands().iter().any(|operand| visit(operand, seen))
    }
    visit(operand, &mut Vec::new())
}

/// A whole reduction of an expression: it is not stored, unless it is asked for again and again.
///
/// Of a pending value, what one pass can tell is kept: its mean with its variance, its least element with its greatest.
pub(crate) fn fold_all(hub: &Hub, operand: &Operand, kind: Fold) -> Result<Leaf> {
    hub.check_home()?;
    let pending = match operand {
        Operand::Node(node) if node.value().is_none() && node.blocks().is_none() => Some(node),
        _ => None,
    };
    let together = match (kind, operand.dtype()) {
        (Fold::Mean | Fold::Var { .. } | Fold::Std { .. }, DType::F32 | DType::F64) => Fold::Moments,
        (Fold::Min | Fold::Max, dtype) if !dtype.is_complex() => Fold::Extremes,
        _ => kind,
    };
    let asked = if pending.is_some() { together } else { kind };
    let results = match pending.and_then(|node| node.folded(asked)) {
        Some(results) => results,
        None => {
            evaluate_needed(operand, operand.shape())?;
            let axes = Dims::from_fn(operand.shape().len(), |axis| axis);
            let results = fold(hub, operand, asked, &axes, &[])?;
            if let Some(node) = pending {
                node.keep_folded(asked, &results);
            }
            results
        }
    };
    match (asked, kind) {
        (Fold::Moments, _) => from_moments(hub, &kind, volume(operand.shape()), &results, operand.dtype(), &[]),
        (Fold::Extremes, Fold::Max) => Ok(results[1].clone()),
        _ => Ok(results[0].clone()),
    }
}
