//! Reductions along the last axes together with what is computed of them: block of rows by block of rows, in one pass over memory.
//!
//! `a - a.mean_axis(1)` reads `a` once: what a row's reduction gives is used while the row is in the cache. Each stage is the plan
//! that it would be in a pass of its own, so that it gives the same bits.

use std::sync::Arc;

use crate::array::evaluate::execute::{RowStage, run_rows};
use crate::array::expression::lower::{Input, Lowered, Lowering, layouts, order_of};
use crate::array::expression::node::{Claim, Expr, Node, Operand};
use crate::array::shape::dims::{row_major, volume};
use crate::array::storage::store::Leaf;
use crate::error::{Error, Result};
use kernels::{Fold, Plan};

/// With fewer elements all of them are in the caches, where another pass costs little.
const FROM: usize = 256 << 10;
/// Programs of one cascade, at most.
const STAGES: usize = 8;

/// The programs that give a node its value, in order.
pub(in crate::array) struct Cascade {
    pub(in crate::array) stages: Vec<Stage>,
    /// Of what is reduced: rows, and elements of a row.
    pub(in crate::array) rows: usize,
    pub(in crate::array) row: usize,
}

/// One program: a reduction of each row, or an array of the shape of what is reduced.
pub(in crate::array) struct Stage {
    pub(in crate::array) node: Arc<Node>,
    pub(in crate::array) fold: Option<Fold>,
    pub(in crate::array) lowered: Lowered,
    pub(in crate::array) plan: Plan,
}

impl Cascade {
    /// That of a pending node; `None` where no reduction feeds it, or one that is not of whole rows.
    pub(in crate::array) fn of(root: &Arc<Node>) -> Option<Cascade> {
        let expr = root.expr()?;
        let (shape, axes) = match &*expr {
            Expr::Apply { .. } => (&*root.shape, None),
            Expr::Reduce { source, axes, .. } if are_last(axes, source.shape().len()) => {
                (source.shape(), Some(axes.len()))
            }
            Expr::Reduce { .. } | Expr::Blocks(_) => return None,
        };
        if root.hub.shares_with_processes() || volume(shape) < FROM {
            return None;
        }
        let mut search = Search { shape, axes, found: Vec::new() };
        expr.operands().iter().try_for_each(|operand| search.visit(operand))?;
        let Search { axes: Some(reduced), found, .. } = search else { return None };
        if !found.iter().any(|found| found.reduces) {
            return None;
        }
        let stages = found.into_iter().filter(Found::is_stage);
        let mut nodes: Vec<Arc<Node>> = stages.map(|found| found.node).collect();
        nodes.push(root.clone());
        if nodes.len() > STAGES {
            return None;
        }
        let rows = volume(&shape[..shape.len() - reduced]);
        let row = volume(&shape[shape.len() - reduced..]);
        let stages =
            (0..nodes.len()).map(|nth| Stage::new(&nodes[nth], shape, &nodes[..nth])).collect::<Option<_>>()?;
        Some(Cascade { stages, rows, row })
    }

    /// Computes all stages. `false`, and nothing done, where another thread computes one of them, or there is no room for what would
    /// be stored on the way.
    fn run(&self) -> Result<bool> {
        let claims: Vec<Claim> = self.stages.iter().filter_map(|stage| stage.node.claim()).collect();
        if claims.len() < self.stages.len() {
            return Ok(false);
        }
        let fresh = |stage: &Stage| {
            let Node { hub, dtype, shape, .. } = &*stage.node;
            Leaf::fresh(hub, *dtype, shape.clone(), row_major(shape))
        };
        let results = match self.stages.iter().map(fresh).collect::<Result<Vec<Leaf>>>() {
            Err(Error::OutOfMemory { .. }) if self.stages.len() > 1 => return Ok(false),
            results => results?,
        };
        let leaf = |input: &Input| match input {
            Input::Leaf(leaf) => Ok(leaf.clone()),
            Input::Blocks(_) => Err(Error::invalid("a cascade reads no blocks")),
            Input::Later(node) => {
                let at = self.stages.iter().position(|stage| Arc::ptr_eq(&stage.node, node));
                at.map(|at| results[at].clone()).ok_or_else(|| Error::invalid("a stage of no cascade"))
            }
        };
        let stages = self.stages.iter().zip(&results).map(|(stage, result)| {
            let inputs = stage.lowered.inputs.iter().map(leaf).collect::<Result<_>>()?;
            let units = if stage.fold.is_some() { 1 } else { self.row };
            Ok(RowStage { plan: &stage.plan, inputs, output: result.clone(), units })
        });
        run_rows(&self.stages[0].node.hub, &stages.collect::<Result<Vec<_>>>()?, self.rows, self.row)?;
        claims.into_iter().zip(results).for_each(|(claim, result)| claim.publish(result));
        Ok(true)
    }
}

/// Computes a node and the reductions that feed it in one pass, where that can be; whether it did.
pub(in crate::array) fn run(node: &Arc<Node>) -> Result<bool> {
    Cascade::of(node).map_or(Ok(false), |cascade| cascade.run())
}

/// Whether these are the last axes.
fn are_last(axes: &[usize], rank: usize) -> bool {
    !axes.is_empty() && axes.iter().copied().eq(rank - axes.len()..rank)
}

/// A walk through what a node is computed of.
struct Search<'a> {
    shape: &'a [usize],
    /// How many of the last axes are reduced, once one reduction is known.
    axes: Option<usize>,
    /// Each after its operands.
    found: Vec<Found>,
}

/// A pending node.
struct Found {
    node: Arc<Node>,
    reduces: bool,
    /// How often it is an operand.
    visits: usize,
}

impl Found {
    /// What is costly is kept where an array has it, or where another stage asks for it too.
    fn is_stage(&self) -> bool {
        self.reduces || self.node.worth_storing() || (self.node.is_costly() && self.visits > 1)
    }
}

impl Search<'_> {
    /// `None` where it has to be computed in a pass of its own.
    fn visit(&mut self, operand: &Operand) -> Option<()> {
        let Operand::Node(node) = operand else { return Some(()) };
        let Some(expr) = node.expr() else { return Some(()) };
        if let Some(there) = self.found.iter_mut().find(|there| Arc::ptr_eq(&there.node, node)) {
            there.visits += 1;
            return Some(());
        }
        let reduces = match &*expr {
            // Of blocks the stages' rows are not side by side.
            Expr::Blocks(_) => return None,
            Expr::Apply { .. } if *node.shape != *self.shape => return None,
            Expr::Apply { .. } => false,
            Expr::Reduce { source, axes, .. } => {
                let rank = self.shape.len();
                let fits = source.shape() == self.shape && are_last(axes, rank) && node.shape.len() == rank;
                let (kept, ones) = if fits { node.shape.split_at(rank - axes.len()) } else { return None };
                let stretches = *kept == self.shape[..kept.len()] && ones.iter().all(|&n| n == 1);
                if !stretches || self.axes.is_some_and(|there| there != axes.len()) {
                    return None;
                }
                self.axes = Some(axes.len());
                true
            }
        };
        expr.operands().iter().try_for_each(|operand| self.visit(operand))?;
        self.found.push(Found { node: node.clone(), reduces, visits: 1 });
        Some(())
    }
}

impl Stage {
    /// `None` where its plan cannot be run by rows.
    fn new(node: &Arc<Node>, shape: &[usize], before: &[Arc<Node>]) -> Option<Stage> {
        let expr = node.expr()?;
        let mut lowering = Lowering::ahead(shape, before);
        let (fold, output) = match &*expr {
            Expr::Apply { .. } | Expr::Blocks(_) => (None, Operand::Node(node.clone())),
            Expr::Reduce { source, fold, axes } => (Some((*fold, axes)), source.clone()),
        };
        lowering.output(&output).ok()?;
        let lowered = lowering.finish();
        let strides = lowered.strides(shape);
        let plan = match fold {
            Some((fold, axes)) => Plan::fold(lowered.program.clone(), shape, &layouts(&strides), fold, axes).ok(),
            None => {
                let order = order_of(shape, &strides);
                if !order.is_sorted() {
                    return None;
                }
                lowered.map_plan(shape, &strides, &order, &[&row_major(shape)]).ok()
            }
        };
        let plan = plan.filter(|plan| plan.units().is_some() && plan.result_dtypes() == [node.dtype])?;
        Some(Stage { node: node.clone(), fold: fold.map(|(fold, _)| fold), lowered, plan })
    }
}
