//! What the computation of an array would be: its passes, what each reads, computes and stores, and how long it may take.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ndarray::Dimension;

use crate::array::dist_array::DistArray;
use crate::array::evaluate::cascade::{Cascade, Stage};
use crate::array::evaluate::{MAX_OUTPUTS, Needs, map};
use crate::array::expression::lower::{Input, Lowering, layouts};
use crate::array::expression::node::{Expr, Node, Operand, same_leaf};
use crate::array::function::name_of;
use crate::array::shape::broadcast::strides_in_order;
use crate::array::shape::dims::{Dims, row_major, volume};
use crate::array::storage::store::Leaf;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::Result;
use kernels::Value as _;
use kernels::{DType, Op, Plan, Program, ValueId, name_of_user, nanoseconds};

/// The result of [`DistArray::explain`]: the passes over memory, in order. `Display` formats it as a listing.
#[derive(Clone, Debug)]
pub struct Explanation {
    passes: Vec<Pass>,
}

/// One pass over memory: a fused program that is evaluated at every index of a shape, and whose results are stored or reduced.
#[derive(Clone, Debug)]
pub struct Pass {
    what: String,
    lines: Vec<String>,
    instructions: usize,
    read: u64,
    written: u64,
    memory: Duration,
    arithmetic: Duration,
}

impl Explanation {
    /// The passes; none if the array has its value.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 100));
    /// assert_eq!((&a + 1.0).explain().passes().len(), 1);
    /// ```
    pub fn passes(&self) -> &[Pass] {
        &self.passes
    }

    /// Bytes that all passes read and write together.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 100));
    /// assert_eq!((&a + 1.0).explain().bytes(), 2 * 800_000); // reads a, writes the result
    /// ```
    pub fn bytes(&self) -> u64 {
        self.passes.iter().map(|pass| pass.read + pass.written).sum()
    }

    /// Predicted time of all passes, from the speed of memory, which is measured once in a process, and the speed of each program, which is
    /// measured on a few elements.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 100));
    /// println!("{:?}", (&a + 1.0).exp().explain().predicted());
    /// ```
    pub fn predicted(&self) -> Duration {
        self.passes.iter().map(Pass::predicted).sum()
    }
}

impl Pass {
    /// Number of instructions of the program. Common subexpressions count once.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 100));
    /// assert_eq!(((&a + 1.0) * 2.0).explain().passes()[0].instructions(), 2);
    /// ```
    pub fn instructions(&self) -> usize {
        self.instructions
    }

    /// Bytes that are read.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 100));
    /// assert_eq!((&a + 1.0).explain().passes()[0].read(), 800_000);
    /// ```
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Bytes that are written.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 100));
    /// assert_eq!((&a + 1.0).explain().passes()[0].written(), 800_000);
    /// ```
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Predicted time: the greater one of the times of memory traffic and of arithmetic.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 100));
    /// println!("{:?}", (&a + 1.0).exp().explain().passes()[0].predicted());
    /// ```
    pub fn predicted(&self) -> Duration {
        self.memory.max(self.arithmetic)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.passes.is_empty() {
            return writeln!(f, "nothing to compute: the value is there");
        }
        let (count, bytes) = (self.passes.len(), Bytes(self.bytes()));
        let passes = if count == 1 { "pass" } else { "passes" };
        writeln!(f, "{count} {passes} over {bytes}, about {:.1?}", self.predicted())?;
        for (nth, pass) in self.passes.iter().enumerate() {
            writeln!(f, "pass {}: {pass}", nth + 1)?;
        }
        Ok(())
    }
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        for line in &self.lines {
            writeln!(f, "    {line}")?;
        }
        let bound = if self.memory >= self.arithmetic { "memory" } else { "arithmetic" };
        let (read, written) = (Bytes(self.read), Bytes(self.written));
        write!(f, "    reads {read}, writes {written}; about {:.1?}, as {bound} allows", self.predicted())
    }
}

/// A number of bytes, for people.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..1000 => write!(f, "{} B", self.0),
            1000..1_000_000 => write!(f, "{:.1} kB", self.0 as f64 / 1e3),
            1_000_000..1_000_000_000 => write!(f, "{:.1} MB", self.0 as f64 / 1e6),
            _ => write!(f, "{:.2} GB", self.0 as f64 / 1e9),
        }
    }
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// What computing this array would be, without doing it: its passes, their instructions and bytes, and a prediction of
    /// the time. Nothing where it has its value.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 100));
    /// let centred = (&a - &a.mean_axis(Axis(0)).unwrap()) * 2.0;
    /// let plan = centred.explain();
    /// assert_eq!(plan.passes().len(), 2); // the means; then the difference and the product, in one pass
    /// assert_eq!(plan.passes()[1].instructions(), 2);
    /// println!("{plan}");
    /// ```
    ///
    /// # Panics
    /// Where the hub's memory is full.
    #[track_caller]
    pub fn explain(&self) -> Explanation {
        crate::array::dist_array::expect(self.try_explain())
    }

    /// [`explain`](DistArray::explain), with an error where that panics.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 100));
    /// assert_eq!(((&a + 1.0) * 2.0).try_explain()?.passes().len(), 1);
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_explain(&self) -> Result<Explanation> {
        let mut walk = Walk { hub: self.hub(), done: Vec::new(), passes: Vec::new() };
        if let Some(Operand::Node(node)) = self.operand() {
            walk.root(&node)?;
        }
        Ok(Explanation { passes: walk.passes })
    }
}

/// The passes so far, and what they compute.
struct Walk<'a> {
    hub: &'a Hub,
    done: Vec<Arc<Node>>,
    passes: Vec<Pass>,
}

impl Walk<'_> {
    /// Adds the passes that give `node` its value.
    fn root(&mut self, node: &Arc<Node>) -> Result<()> {
        let Some(expr) = node.expr().filter(|_| !self.done.iter().any(|there| Arc::ptr_eq(there, node))) else {
            return Ok(());
        };
        let needs = Needs::looked_at(node);
        if !needs.first.is_empty()
            && let Some(cascade) = Cascade::of(node)
        {
            self.passes.push(self.cascade(&cascade)?);
            self.done.extend(cascade.stages.into_iter().map(|stage| stage.node));
            return Ok(());
        }
        for first in &needs.first {
            self.root(first)?;
        }
        let pass = match &*expr {
            Expr::Apply { .. } | Expr::Blocks(_) => {
                let beside = needs.beside.iter().filter(|beside| beside.shape == node.shape);
                let roots: Vec<Arc<Node>> = std::iter::once(node).chain(beside).take(MAX_OUTPUTS).cloned().collect();
                let pass = self.map(&roots)?;
                self.done.extend(roots);
                pass
            }
            Expr::Reduce { source, fold, axes } => {
                let pass = self.fold(source, *fold, axes)?;
                self.done.push(node.clone());
                pass
            }
        };
        self.passes.push(pass);
        Ok(())
    }

    /// A pass that stores `roots`.
    fn map(&self, roots: &[Arc<Node>]) -> Result<Pass> {
        let shape = &*roots[0].shape;
        let mut lowering = Lowering::ahead(shape, &self.done);
        for root in roots {
            lowering.output(&Operand::Node(root.clone()))?;
        }
        let lowered = lowering.finish();
        let strides = lowered.strides(shape);
        let order = lowered.order(shape, &strides);
        let fresh = strides_in_order(shape, &order);
        let plan = lowered.map_plan(shape, &strides, &order, &vec![&*fresh; roots.len()])?;
        let stored: Vec<String> = roots.iter().map(|root| root.dtype.name().to_owned()).collect();
        let what = format!("at every place of {shape:?}, stored as {}", stored.join(" and "));
        let written = roots.iter().map(|root| (volume(shape) * root.dtype.size()) as u64).sum();
        self.pass(what, &lowered.program, &lowered.inputs, &plan, written)
    }

    /// A pass that folds `source` along `axes`.
    fn fold(&self, source: &Operand, fold: kernels::Fold, axes: &[usize]) -> Result<Pass> {
        let shape = source.shape();
        let mut lowering = Lowering::ahead(shape, &self.done);
        lowering.output(source)?;
        let lowered = lowering.finish();
        let plan = Plan::fold(lowered.program.clone(), shape, &layouts(&lowered.strides(shape)), fold, axes)?;
        let what = format!("at every place of {shape:?}, folded ({fold:?}) along axes {axes:?}");
        let cells: usize = (0..shape.len()).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).product();
        let size: usize = plan.result_dtypes().iter().map(|dtype| dtype.size()).sum();
        self.pass(what, &lowered.program, &lowered.inputs, &plan, (cells * size) as u64)
    }

    /// One pass of several programs, by blocks of rows.
    fn cascade(&self, cascade: &Cascade) -> Result<Pass> {
        let mut read: Vec<&Leaf> = Vec::new();
        let mut all = Pass {
            what: String::new(),
            lines: Vec::new(),
            instructions: 0,
            read: 0,
            written: 0,
            memory: Duration::ZERO,
            arithmetic: Duration::ZERO,
        };
        for (nth, stage) in cascade.stages.iter().enumerate() {
            let Stage { node, fold, lowered, plan } = stage;
            for input in &lowered.inputs {
                if let Input::Leaf(leaf) = input
                    && !read.iter().any(|there| same_leaf(there, leaf))
                {
                    read.push(leaf);
                }
            }
            let written = (volume(&node.shape) * node.dtype.size()) as u64;
            let pass = self.pass(String::new(), &lowered.program, &lowered.inputs, plan, written)?;
            let what = fold.map_or("stored".to_owned(), |fold| format!("each row folded ({fold:?})"));
            all.lines.push(format!("step {}: {what}, as {} of {:?}", nth + 1, node.dtype.name(), &*node.shape));
            all.lines.extend(pass.lines.iter().map(|line| format!("    {line}")));
            all.instructions += pass.instructions;
            all.written += written;
            all.arithmetic += pass.arithmetic;
        }
        let steps = cascade.stages.len();
        all.what = format!("{steps} steps, block by block of {} rows, each of {} elements", cascade.rows, cascade.row);
        all.read = read.iter().map(|leaf| (volume(&leaf.shape) * leaf.dtype.size()) as u64).sum();
        all.memory = Duration::from_secs_f64((all.read + all.written) as f64 / bandwidth(self.hub)?);
        Ok(all)
    }

    fn pass(&self, what: String, program: &Program, inputs: &[Input], plan: &Plan, written: u64) -> Result<Pass> {
        let elements = plan.elements() as f64;
        let (bytes, threads) = (plan.traffic(), self.hub.workers() as f64);
        // What is small is computed by the thread that asks for it.
        let threads = if plan.chunks() == 1 { 1.0 } else { threads };
        Ok(Pass {
            what,
            lines: listing(program, inputs),
            instructions: program.code.len(),
            read: bytes.saturating_sub(written),
            written,
            memory: Duration::from_secs_f64(bytes as f64 / bandwidth(self.hub)?),
            arithmetic: Duration::from_secs_f64(elements * nanoseconds(program)? * 1e-9 / threads),
        })
    }
}

/// The program, a line for each value.
fn listing(program: &Program, inputs: &[Input]) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, input) in inputs.iter().enumerate() {
        let (dtype, shape) = (input.dtype().name(), input.shape());
        let later = match input {
            Input::Leaf(_) => String::new(),
            Input::Blocks(grid) => format!(", in {} blocks", grid.len()),
            Input::Later(_) => ", of an earlier pass or step".to_owned(),
        };
        lines.push(format!("%{id} = {dtype} array of {shape:?}{later}"));
    }
    for (id, constant) in (inputs.len()..).zip(&program.constants) {
        lines.push(format!("%{id} = {} {}", constant.dtype.name(), constant.text()));
    }
    for (id, instr) in (inputs.len() + program.constants.len()..).zip(&program.code) {
        let args: Vec<String> = instr.args[..instr.op.arity()].iter().map(|arg| format!("%{arg}")).collect();
        let stored = program.outputs.iter().any(|&output: &ValueId| usize::from(output) == id);
        let mark = if stored { "  <- result" } else { "" };
        lines.push(format!("%{id} = {} {}: {}{mark}", name(instr.op), args.join(", "), instr.dtype.name()));
    }
    lines
}

/// The name of an operation: NumPy's, where it has one.
fn name(op: Op) -> String {
    match op {
        Op::User(number) => name_of_user(number).unwrap_or("a function of the program's own").to_owned(),
        Op::Powi(exponent) => format!("powi({exponent})"),
        _ => name_of(op, |_| true).map_or_else(|| format!("{op:?}").to_lowercase(), str::to_owned),
    }
}

/// Bytes a second that the hub's threads read and write together in a copy: measured once in a process.
fn bandwidth(hub: &Hub) -> Result<f64> {
    static MEASURED: OnceLock<f64> = OnceLock::new();
    if let Some(measured) = MEASURED.get() {
        return Ok(*measured);
    }
    // More than the caches hold, where there is room for it.
    let measured = match measure(hub, 4 << 20) {
        Err(crate::Error::OutOfMemory { .. }) => measure(hub, 64 << 10)?,
        measured => measured?,
    };
    Ok(*MEASURED.get_or_init(|| measured))
}

fn measure(hub: &Hub, elements: usize) -> Result<f64> {
    let shape = [elements];
    let source = Leaf::fresh(hub, DType::F64, Dims::new(&shape), row_major(&shape))?;
    let zero = Operand::Constant(0f64.scalar().unwrap_or(crate::array::evaluate::ZERO));
    crate::array::evaluate::map_into(hub, &zero, &source)?;
    let mut best = f64::INFINITY;
    // The first copies also take memory that was never touched.
    for _ in 0..6 {
        let begun = Instant::now();
        map(hub, &shape, &[Operand::Leaf(source.clone())])?;
        best = best.min(begun.elapsed().as_secs_f64());
    }
    Ok(2.0 * (elements * size_of::<f64>()) as f64 / best.max(1e-9))
}
