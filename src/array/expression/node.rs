//! Expressions that have not been computed: a node for each operation, its operands, and how a node gets its value.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, TryLockError, Weak};

use crate::array::blocks::grid::Grid;
use crate::array::shape::dims::Dims;
use crate::array::storage::store::Leaf;
use crate::cluster::Hub;
use crate::error::{Error, Result};
use kernels::{DType, Fold, Op, Scalar};

/// An expression that needs more instructions than this is computed in parts: it bounds the depth of every walk, and
/// the memory that a loop of updates holds.
pub(crate) const MAX_WEIGHT: u32 = 96;
/// So many reductions of a pending value are kept.
const MAX_FOLDED: usize = 8;
/// A program reads no more arrays than this.
pub(crate) const MAX_INPUTS: u32 = 14;

/// What an operation is applied to.
#[derive(Clone)]
pub(crate) enum Operand {
    /// An array that has its value.
    Leaf(Leaf),
    /// One number for all places.
    Constant(Scalar),
    /// An array that is still to be computed.
    Node(Arc<Node>),
}

impl Operand {
    pub(crate) fn dtype(&self) -> DType {
        match self {
            Operand::Leaf(leaf) => leaf.dtype,
            Operand::Constant(scalar) => scalar.dtype,
            Operand::Node(node) => node.dtype,
        }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Operand::Leaf(leaf) => &leaf.shape,
            Operand::Constant(_) => &[],
            Operand::Node(node) => &node.shape,
        }
    }

    pub(crate) fn hub(&self) -> Option<&Hub> {
        match self {
            Operand::Leaf(leaf) => Some(leaf.store.hub()),
            Operand::Constant(_) => None,
            Operand::Node(node) => Some(&node.hub),
        }
    }

    /// Instructions and inputs that a program for this operand has, at most.
    fn weight(&self) -> (u32, u32) {
        match self {
            Operand::Leaf(_) => (0, 1),
            Operand::Constant(_) => (0, 0),
            Operand::Node(node) if node.value.get().is_some() => (0, 1),
            Operand::Node(node) => (node.weight, node.inputs),
        }
    }
}

/// What a node computes.
#[derive(Clone)]
pub(crate) enum Expr {
    /// An operation at every place of the node's shape, to which the operands are broadcast.
    Apply { op: Op, args: Vec<Operand> },
    /// A reduction of `source` along `axes`; the node's shape is what is left.
    Reduce { source: Operand, fold: Fold, axes: Dims },
    /// Blocks that are there: programs read them where they are. Computed, they are one.
    Blocks(Arc<Grid>),
}

impl Expr {
    pub(crate) fn operands(&self) -> &[Operand] {
        match self {
            Expr::Apply { args, .. } => args,
            Expr::Reduce { source, .. } => std::slice::from_ref(source),
            Expr::Blocks(_) => &[],
        }
    }

    /// The operand, where this has no other elements than it has, at more places perhaps.
    pub(crate) fn same_elements(&self, dtype: DType) -> Option<&Operand> {
        match self {
            Expr::Apply { op: Op::Cast, args } => args.first().filter(|arg| arg.dtype() == dtype),
            _ => None,
        }
    }

    /// The part to be computed first, where the `weight` of the whole is too much for one program.
    pub(in crate::array) fn too_heavy(&self, (weight, inputs): (u32, u32)) -> Option<Arc<Node>> {
        if weight <= MAX_WEIGHT && inputs <= MAX_INPUTS {
            return None;
        }
        match self.operands().iter().max_by_key(|operand| operand.weight()) {
            Some(Operand::Node(node)) => Some(node.clone()),
            _ => None,
        }
    }

    fn operands_mut(&mut self) -> &mut [Operand] {
        match self {
            Expr::Apply { args, .. } => args,
            Expr::Reduce { source, .. } => std::slice::from_mut(source),
            Expr::Blocks(_) => &mut [],
        }
    }
}

/// One operation of an expression: pending, running, or done.
pub(crate) struct Node {
    pub(crate) hub: Hub,
    pub(crate) dtype: DType,
    pub(crate) shape: Dims,
    weight: u32,
    inputs: u32,
    /// Whether computing the value takes longer than reading it would, if it were stored.
    costly: bool,
    /// How many programs have computed this value without storing it.
    fused: AtomicU32,
    /// How many arrays have this for their value.
    handles: AtomicU32,
    /// The other result of a function of two, which is computed in the same pass.
    sibling: OnceLock<Weak<Node>>,
    /// What reductions of all of it, while it was pending, have given.
    folded: Mutex<Vec<(Fold, Vec<Leaf>)>>,
    phase: Mutex<Phase>,
    /// Told when a run ends, well or not.
    ended: Condvar,
    value: OnceLock<Leaf>,
}

struct Phase {
    /// What to compute; gone once there is a value, and with it what it keeps alive. Also gone while it is computed in an operand's memory.
    expr: Option<Arc<Expr>>,
    running: bool,
}

impl Node {
    /// A pending node of a checked expression, of the weight that [`total_weight`] gives.
    pub(in crate::array) fn pending(
        hub: &Hub,
        dtype: DType,
        shape: Dims,
        mut expr: Expr,
        (weight, inputs): (u32, u32),
    ) -> Arc<Node> {
        for operand in expr.operands_mut() {
            if let Operand::Node(node) = operand
                && let Some(leaf) = node.value.get()
            {
                *operand = Operand::Leaf(leaf.clone());
            }
        }
        let costly = inputs > 2 || is_costly(&expr);
        Node::of_expr((hub, dtype, shape), Arc::new(expr), (weight, inputs, costly))
    }

    /// Another node for the same value, which `expr` computes.
    pub(crate) fn with_expr(&self, expr: Arc<Expr>) -> Arc<Node> {
        Node::of_expr((&self.hub, self.dtype, self.shape.clone()), expr, (self.weight, self.inputs, self.costly))
    }

    fn of_expr(
        (hub, dtype, shape): (&Hub, DType, Dims),
        expr: Arc<Expr>,
        (weight, inputs, costly): (u32, u32, bool),
    ) -> Arc<Node> {
        Arc::new(Node {
            hub: hub.clone(),
            dtype,
            shape,
            weight,
            inputs,
            costly,
            fused: AtomicU32::new(0),
            handles: AtomicU32::new(0),
            sibling: OnceLock::new(),
            folded: Mutex::new(Vec::new()),
            phase: Mutex::new(Phase { expr: Some(expr), running: false }),
            ended: Condvar::new(),
            value: OnceLock::new(),
        })
    }

    /// The value, if it has been computed.
    #[inline]
    pub(crate) fn value(&self) -> Option<&Leaf> {
        self.value.get()
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        if !self.hub.is_here() {
            return self.phase_of_another();
        }
        // Nothing panics while the lock is held; were it to, the phase would still be whole.
        self.phase.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// [`phase`](Node::phase) in a forked process, where a thread that is not there may hold the lock.
    #[cold]
    fn phase_of_another(&self) -> MutexGuard<'_, Phase> {
        match self.phase.try_lock() {
            Ok(phase) => phase,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => match self.hub.check_home() {
                Err(error) => panic!("{error}"),
                Ok(()) => unreachable!("asked by the caller"),
            },
        }
    }

    /// What is to be computed; `None` once there is a value. Sleeps while another thread computes it in the memory of an operand, which nobody
    /// else may read meanwhile. That thread waits for no other node.
    pub(crate) fn expr(&self) -> Option<Arc<Expr>> {
        let mut phase = self.phase();
        while phase.running && phase.expr.is_none() && self.value.get().is_none() && self.hub.is_here() {
            phase = self.ended.wait(phase).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        phase.expr.clone()
    }

    /// The blocks, where this is an array of several that are not one yet.
    pub(crate) fn blocks(&self) -> Option<Arc<Grid>> {
        match self.value.get() {
            Some(_) => None,
            None => match self.phase().expr.as_deref() {
                Some(Expr::Blocks(grid)) => Some(grid.clone()),
                _ => None,
            },
        }
    }

    /// Counts a program that computes this value without storing it; says whether it is time to store it instead: it
    /// is costly, this is not the first program, and something besides the expressions that it is part of may ask again.
    pub(crate) fn note_fused(self: &Arc<Node>) -> bool {
        self.costly && self.fused.fetch_add(1, Ordering::Relaxed) > 0 && Arc::strong_count(self) > 1
    }

    /// What [`note_fused`](Node::note_fused) would say.
    pub(crate) fn was_fused(self: &Arc<Node>) -> bool {
        self.costly && self.fused.load(Ordering::Relaxed) > 0 && Arc::strong_count(self) > 1
    }

    /// Whether a program that stores what it computes should store this too: computing it again would take longer, and
    /// an array is there that may ask for it.
    pub(crate) fn worth_storing(&self) -> bool {
        self.costly && self.handles.load(Ordering::Relaxed) > 0
    }

    /// Whether computing the value takes longer than reading it would.
    pub(crate) fn is_costly(&self) -> bool {
        self.costly
    }

    /// Says that two nodes are the results of one function, of one shape.
    pub(crate) fn pair(first: &Arc<Node>, second: &Arc<Node>) {
        // New nodes have no sibling yet.
        let _ = first.sibling.set(Arc::downgrade(second));
        let _ = second.sibling.set(Arc::downgrade(first));
    }

    /// Whether this is one of the results of a function of two.
    pub(crate) fn has_sibling(&self) -> bool {
        self.sibling.get().is_some()
    }

    /// The other result of a function of two, where it is pending and an array has it.
    pub(crate) fn pending_sibling(&self) -> Option<Arc<Node>> {
        let sibling = self.sibling.get()?.upgrade()?;
        (sibling.value.get().is_none() && sibling.handles.load(Ordering::Relaxed) > 0).then_some(sibling)
    }

    /// What this reduction of all of it has given before.
    pub(crate) fn folded(&self, fold: Fold) -> Option<Vec<Leaf>> {
        let folded = self.folded.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        folded.iter().find(|(kind, _)| *kind == fold).map(|(_, results)| results.clone())
    }

    /// Keeps what a reduction of all of it has given.
    pub(crate) fn keep_folded(&self, fold: Fold, results: &[Leaf]) {
        let mut folded = self.folded.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Variances of ever other degrees of freedom have their moments in common, so there are not many kinds.
        if folded.len() < MAX_FOLDED {
            folded.push((fold, results.to_vec()));
        }
    }

    /// Takes the run of this node; `None` when it has its value or another thread runs it.
    pub(crate) fn claim(self: &Arc<Node>) -> Option<Claim> {
        let mut phase = self.phase();
        if phase.running || phase.expr.is_none() {
            return None;
        }
        phase.running = true;
        drop(phase);
        Some(Claim { node: self.clone() })
    }

    /// Sleeps until no thread runs this node.
    pub(crate) fn wait(&self) {
        let mut phase = self.phase();
        while phase.running {
            phase = self.ended.wait(phase).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }
}

/// A node as the value of an array: it counts how many there are.
pub(crate) struct Handle(Arc<Node>);

impl Handle {
    pub(crate) fn new(node: Arc<Node>) -> Handle {
        node.handles.fetch_add(1, Ordering::Relaxed);
        Handle(node)
    }
}

impl Clone for Handle {
    fn clone(&self) -> Handle {
        Handle::new(self.0.clone())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.handles.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::ops::Deref for Handle {
    type Target = Arc<Node>;

    fn deref(&self) -> &Arc<Node> {
        &self.0
    }
}

/// The right to run a node. Dropped without a value (an error, a panic), the node is pending again.
pub(crate) struct Claim {
    pub(crate) node: Arc<Node>,
}

impl Claim {
    /// Takes the expression out of the node, so that no other thread gets to its operands.
    pub(crate) fn take_expr(&self) -> Option<Arc<Expr>> {
        self.node.phase().expr.take()
    }

    /// The end of [`take_expr`](Claim::take_expr) where there is no value.
    pub(crate) fn put_back(&self, expr: Arc<Expr>) {
        self.node.phase().expr = Some(expr);
        self.node.ended.notify_all();
    }

    /// Publishes the value and wakes those who wait for it.
    pub(crate) fn publish(self, value: Leaf) {
        // `set` can fail only if there is a value already, which the claim excludes.
        let _ = self.node.value.set(value);
        let done = self.node.phase().expr.take();
        // Outside the lock: this may drop the last handle of other nodes and give blocks back.
        drop(done);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.node.phase().running = false;
        self.node.ended.notify_all();
    }
}

/// Instructions and inputs of a program for `expr`. Adding up what the operands have is quick, and an upper bound, since
/// they may share parts; only where that is too much each part is counted, once.
pub(in crate::array) fn total_weight(expr: &Expr) -> (u32, u32) {
    if let Expr::Blocks(_) = expr {
        return (0, 1);
    }
    let sum =
        expr.operands().iter().map(Operand::weight).fold((1, 0), |(w, i), (weight, inputs)| (w + weight, i + inputs));
    if sum.0 <= MAX_WEIGHT && sum.1 <= MAX_INPUTS {
        return sum;
    }
    let mut count = Count::default();
    count.parts(expr);
    (1 + count.nodes.len() as u32, (count.leaves.len() + count.grids.len()) as u32)
}

/// The distinct parts of an expression.
#[derive(Default)]
struct Count {
    nodes: Vec<*const Node>,
    leaves: Vec<Leaf>,
    grids: Vec<*const Grid>,
}

impl Count {
    /// Ends soon: the parts have each passed the bound when they were made.
    fn parts(&mut self, expr: &Expr) {
        for operand in expr.operands() {
            match operand {
                Operand::Constant(_) => {}
                Operand::Leaf(leaf) => self.leaf(leaf),
                Operand::Node(node) => match node.value.get() {
                    Some(leaf) => self.leaf(leaf),
                    None if self.nodes.contains(&Arc::as_ptr(node)) => {}
                    None => match node.expr().as_deref() {
                        Some(Expr::Blocks(grid)) if self.grids.contains(&Arc::as_ptr(grid)) => {}
                        Some(Expr::Blocks(grid)) => self.grids.push(Arc::as_ptr(grid)),
                        expr => {
                            self.nodes.push(Arc::as_ptr(node));
                            if let Some(expr) = expr {
                                self.parts(expr);
                            }
                        }
                    },
                },
            }
        }
    }

    fn leaf(&mut self, leaf: &Leaf) {
        if !self.leaves.iter().any(|there| same_leaf(there, leaf)) {
            self.leaves.push(leaf.clone());
        }
    }
}

/// Whether two leaves are one input of a program. Views of one array may begin at one element and go on in different ways.
pub(crate) fn same_leaf(a: &Leaf, b: &Leaf) -> bool {
    a.address() == b.address() && a.dtype == b.dtype && a.shape == b.shape && a.strides == b.strides
}

/// Whether an operation, or a part of the expression, costs more than the memory traffic that it saves.
fn is_costly(expr: &Expr) -> bool {
    let itself = match expr {
        Expr::Reduce { .. } => true,
        Expr::Blocks(_) => false,
        Expr::Apply { op, .. } => matches!(
            op,
            Op::Sin
                | Op::Cos
                | Op::Tan
                | Op::Sinh
                | Op::Cosh
                | Op::Tanh
                | Op::Asin
                | Op::Acos
                | Op::Atan
                | Op::Exp
                | Op::Exp2
                | Op::ExpM1
                | Op::Ln
                | Op::Ln1p
                | Op::Log2
                | Op::Log10
                | Op::Erf
                | Op::Cbrt
                | Op::Asinh
                | Op::Acosh
                | Op::Atanh
                | Op::Logaddexp
                | Op::Logaddexp2
                | Op::Power
                | Op::FloorDivide
                | Op::Remainder
                | Op::Gcd
                | Op::Lcm
                | Op::Sqrt
                | Op::Powi(_)
                | Op::Powf
                | Op::Atan2
                | Op::Hypot
                | Op::Rem
                | Op::User(_)
        ),
    };
    itself || expr.operands().iter().any(|operand| matches!(operand, Operand::Node(node) if node.costly))
}

/// An error where the operands belong to two hubs.
pub(crate) fn check_hubs(operands: &[Operand]) -> Result<()> {
    let mut hubs = operands.iter().filter_map(|operand| operand.hub());
    let Some(first) = hubs.next() else { return Ok(()) };
    match hubs.find(|hub| hub.id() != first.id()) {
        Some(other) => Err(Error::ForeignHub { left: first.id(), right: other.id() }),
        None => Ok(()),
    }
}
