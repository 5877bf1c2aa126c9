//! Lowering: from expressions to a program, with each shared part once, and the arrays that it reads.

use std::ptr;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::array::blocks::grid::{Grid, Source};
use crate::array::expression::node::{Expr, Node, Operand, same_leaf};
use crate::array::shape::broadcast::{broadcast_strides, layout, memory_order, permuted};
use crate::array::shape::dims::{Dims, row_major};
use crate::array::storage::store::Leaf;
use crate::error::{Error, Result};
use kernels::{DType, Instr, Layout, Op, Plan, Program, Scalar, ValueId, small};

/// A value of the program that is being built; numbers are given when all are known.
#[derive(Clone, Copy, PartialEq)]
enum Value {
    Input(usize),
    Constant(usize),
    Instr(usize),
}

/// What a program reads.
#[derive(Clone)]
pub(crate) enum Input {
    /// An array that has its value.
    Leaf(Leaf),
    /// An array in several blocks, which is read as if it were one in row-major order.
    Blocks(Arc<Grid>),
    /// One that will have it by then: where a program is only looked at, and what it needs has not been computed.
    Later(Arc<Node>),
}

impl Input {
    pub(crate) fn dtype(&self) -> DType {
        match self {
            Input::Leaf(leaf) => leaf.dtype,
            Input::Blocks(grid) => grid.dtype,
            Input::Later(node) => node.dtype,
        }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Input::Leaf(leaf) => &leaf.shape,
            Input::Blocks(grid) => &grid.shape,
            Input::Later(node) => &node.shape,
        }
    }

    /// Strides over `shape`, to which it is broadcast.
    fn strides(&self, shape: &[usize]) -> Dims<isize> {
        match self {
            Input::Leaf(leaf) => broadcast_strides(&leaf.shape, &leaf.strides, shape),
            Input::Blocks(grid) => broadcast_strides(&grid.shape, &row_major(&grid.shape), shape),
            Input::Later(node) => broadcast_strides(&node.shape, &row_major(&node.shape), shape),
        }
    }

    /// The array, which is there.
    fn source(&self) -> Result<Source<'_>> {
        match self {
            Input::Leaf(leaf) => Ok(Source::Leaf(leaf)),
            Input::Blocks(grid) => Ok(Source::Blocks(grid)),
            Input::Later(_) => Err(Error::invalid("an operand was not computed before its use")),
        }
    }

    fn same(&self, other: &Input) -> bool {
        match (self, other) {
            (Input::Leaf(a), Input::Leaf(b)) => same_leaf(a, b),
            (Input::Blocks(a), Input::Blocks(b)) => Arc::ptr_eq(a, b),
            (Input::Later(a), Input::Later(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// Expressions of one shape on the way to one program.
pub(crate) struct Lowering<'a> {
    shape: &'a [usize],
    /// Nodes that are taken for computed, where a program is only looked at.
    later: Option<&'a [Arc<Node>]>,
    inputs: Vec<Input>,
    constants: Vec<Scalar>,
    code: Vec<(Op, [Value; 3], DType)>,
    /// Nodes that have been lowered: each becomes one value however often it is used.
    seen: Vec<(Arc<Node>, Value)>,
    outputs: Vec<Value>,
}

/// A program, and what it reads.
pub(crate) struct Lowered {
    pub(crate) program: Program,
    pub(crate) inputs: Vec<Input>,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(shape: &'a [usize]) -> Self {
        Lowering {
            shape,
            later: None,
            inputs: Vec::new(),
            constants: Vec::new(),
            code: Vec::new(),
            seen: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// A program that is only looked at: the nodes of `later` are inputs of it.
    pub(crate) fn ahead(shape: &'a [usize], later: &'a [Arc<Node>]) -> Self {
        Lowering { later: Some(later), ..Lowering::new(shape) }
    }

    /// Makes the value of `operand` an output of the program.
    pub(crate) fn output(&mut self, operand: &Operand) -> Result<()> {
        let value = self.operand(operand)?;
        self.outputs.push(value);
        Ok(())
    }

    fn operand(&mut self, operand: &Operand) -> Result<Value> {
        match operand {
            Operand::Leaf(leaf) => Ok(self.leaf(leaf)),
            Operand::Constant(scalar) => Ok(Value::Constant(place_of(&mut self.constants, scalar, |a, b| a == b))),
            Operand::Node(node) => self.node(node),
        }
    }

    fn leaf(&mut self, leaf: &Leaf) -> Value {
        self.input(Input::Leaf(leaf.clone()))
    }

    fn input(&mut self, input: Input) -> Value {
        Value::Input(place_of(&mut self.inputs, &input, Input::same))
    }

    fn node(&mut self, node: &Arc<Node>) -> Result<Value> {
        if let Some((_, value)) = self.seen.iter().find(|(seen, _)| Arc::ptr_eq(seen, node)) {
            return Ok(*value);
        }
        // Expression first: a value that appears in between is found below.
        let expr = node.expr();
        if self.later.is_some_and(|later| later.iter().any(|there| Arc::ptr_eq(there, node))) {
            return Ok(self.input(Input::Later(node.clone())));
        }
        let value = match (node.value(), expr.as_deref()) {
            (Some(leaf), _) => self.leaf(leaf),
            (None, Some(Expr::Blocks(grid))) => self.input(Input::Blocks(grid.clone())),
            // A stretched array, or a cast that changes nothing: the operand itself, read at every place of the shape.
            (None, Some(expr)) if expr.same_elements(node.dtype).is_some() => self.operand(&expr.operands()[0])?,
            (None, Some(Expr::Apply { op, args })) if *node.shape == *self.shape => {
                let mut values = [Value::Constant(0); 3];
                for (value, arg) in values.iter_mut().zip(args) {
                    *value = self.operand(arg)?;
                }
                self.instruction(*op, values, args.len(), node.dtype)
            }
            // `evaluate` computes reductions and operands of other shapes before it lowers what uses them.
            _ => return Err(Error::invalid("an operand of another shape was not computed before its use")),
        };
        self.seen.push((node.clone(), value));
        Ok(value)
    }

    /// The value of `op` of the first `arity` of `args`: one that is there already where the same was asked for before, a
    /// constant where all operands are.
    fn instruction(&mut self, op: Op, args: [Value; 3], arity: usize, dtype: DType) -> Value {
        let same = |(there, values, result): &(Op, [Value; 3], DType)| {
            *there == op && *result == dtype && values[..arity] == args[..arity]
        };
        if let Some(at) = self.code.iter().position(same) {
            return Value::Instr(at);
        }
        let constant = |value: &Value| match *value {
            Value::Constant(at) => self.constants.get(at).copied(),
            _ => None,
        };
        let constants: Option<Vec<Scalar>> = args[..arity].iter().map(constant).collect();
        // What has no result (an integer divided by zero) is left in the program, which says so for the place.
        if let Some(value) = constants.and_then(|constants| small::constant(op, &constants, dtype)) {
            return Value::Constant(place_of(&mut self.constants, &value, |a, b| a == b));
        }
        self.code.push((op, args, dtype));
        Value::Instr(self.code.len() - 1)
    }

    /// The finished program.
    pub(crate) fn finish(self) -> Lowered {
        let (inputs, constants) = (self.inputs.len(), self.constants.len());
        let number = |value: &Value| -> ValueId {
            (match *value {
                Value::Input(at) => at,
                Value::Constant(at) => inputs + at,
                Value::Instr(at) => inputs + constants + at,
            }) as ValueId
        };
        let code = self.code.iter().map(|(op, args, dtype)| {
            let mut ids = [0; 3];
            for (id, value) in ids.iter_mut().zip(&args[..op.arity()]) {
                *id = number(value);
            }
            Instr { op: *op, args: ids, dtype: *dtype }
        });
        let program = Program {
            inputs: self.inputs.iter().map(Input::dtype).collect(),
            code: code.collect(),
            outputs: self.outputs.iter().map(number).collect(),
            constants: self.constants,
        };
        Lowered { program, inputs: self.inputs }
    }
}

/// The place of `item` in `list`, where it is put if nothing there is the same.
fn place_of<T: Clone>(list: &mut Vec<T>, item: &T, same: impl Fn(&T, &T) -> bool) -> usize {
    list.iter().position(|there| ptr::eq(there, item) || same(there, item)).unwrap_or_else(|| {
        list.push(item.clone());
        list.len() - 1
    })
}

impl Lowered {
    /// Strides of each input when it is read at every place of `shape`.
    pub(crate) fn strides(&self, shape: &[usize]) -> Vec<Dims<isize>> {
        self.inputs.iter().map(|input| input.strides(shape)).collect()
    }

    /// The plan of storing the outputs, at these strides, at every place of `shape`; axes are walked in `order`.
    pub(crate) fn map_plan(
        &self,
        shape: &[usize],
        strides: &[Dims<isize>],
        order: &[usize],
        outputs: &[&[isize]],
    ) -> Result<Plan> {
        let inputs: Vec<Layout> = strides.iter().map(|strides| layout(strides, order)).collect();
        let outputs: Vec<Layout> = outputs.iter().map(|strides| layout(strides, order)).collect();
        Ok(Plan::map(self.program.clone(), &permuted(shape, order), &inputs, &outputs)?)
    }

    /// The arrays that it reads, all of which are there.
    pub(crate) fn sources(&self) -> Result<Vec<Source<'_>>> {
        self.inputs.iter().map(Input::source).collect()
    }

    /// Whether it reads arrays in several blocks.
    pub(crate) fn reads_blocks(&self) -> bool {
        self.inputs.iter().any(|input| matches!(input, Input::Blocks(_)))
    }

    /// The order of axes in which a fresh result lies that is computed of inputs with these strides. Blocks have no memory order of their own:
    /// with them it is the logical one, in which whole rows of blocks are read.
    pub(crate) fn order(&self, shape: &[usize], strides: &[Dims<isize>]) -> Dims {
        if self.reads_blocks() { Dims::from_fn(shape.len(), |axis| axis) } else { order_of(shape, strides) }
    }
}

/// The order of axes that suits these strides, over `shape`.
pub(crate) fn order_of(shape: &[usize], strides: &[Dims<isize>]) -> Dims {
    memory_order(shape, &strides.iter().map(|s| &**s).collect::<SmallVec<[&[isize]; 8]>>())
}

/// A plan's layouts with the axes as they are.
pub(crate) fn layouts(strides: &[Dims<isize>]) -> Vec<Layout> {
    strides.iter().map(|strides| Layout { strides: strides.to_vec() }).collect()
}
