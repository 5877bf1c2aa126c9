//! Lowering: from expressions to a program, with each shared part once, and the arrays that it reads.

use std::ptr;
use std::sync::Arc;

use super::broadcast::{broadcast_strides, memory_order};
use super::dims::Dims;
use super::lazy::{Expr, Node, Operand, same_leaf};
use super::view::Leaf;
use crate::error::{Error, Result};
use crate::ufunc::{DType, Instr, Layout, Op, Program, Scalar, ValueId};

/// A value of the program that is being built; numbers are given when all are known.
#[derive(Clone, Copy, PartialEq)]
enum Value {
    Input(usize),
    Constant(usize),
    Instr(usize),
}

/// Expressions of one shape on the way to one program.
pub(crate) struct Lowering<'a> {
    shape: &'a [usize],
    inputs: Vec<Leaf>,
    constants: Vec<Scalar>,
    code: Vec<(Op, Vec<Value>, DType)>,
    /// Nodes that have been lowered: each becomes one value however often it is used.
    seen: Vec<(Arc<Node>, Value)>,
    outputs: Vec<Value>,
}

/// A program, and what it reads.
pub(crate) struct Lowered {
    pub(crate) program: Program,
    pub(crate) inputs: Vec<Leaf>,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(shape: &'a [usize]) -> Self {
        Lowering {
            shape,
            inputs: Vec::new(),
            constants: Vec::new(),
            code: Vec::new(),
            seen: Vec::new(),
            outputs: Vec::new(),
        }
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
        Value::Input(place_of(&mut self.inputs, leaf, same_leaf))
    }

    fn node(&mut self, node: &Arc<Node>) -> Result<Value> {
        if let Some((_, value)) = self.seen.iter().find(|(seen, _)| Arc::ptr_eq(seen, node)) {
            return Ok(*value);
        }
        // Expression first: a value that appears in between is found below.
        let expr = node.expr();
        let value = match (node.value(), expr.as_deref()) {
            (Some(leaf), _) => self.leaf(leaf),
            // A stretched array, or a cast that changes nothing: the operand itself, read at every place of the shape.
            (None, Some(expr)) if *node.shape == *self.shape && expr.same_elements(node.dtype).is_some() => {
                self.operand(&expr.operands()[0])?
            }
            (None, Some(Expr::Apply { op, args })) if *node.shape == *self.shape => {
                let args = args.iter().map(|arg| self.operand(arg)).collect::<Result<Vec<_>>>()?;
                self.code.push((*op, args, node.dtype));
                Value::Instr(self.code.len() - 1)
            }
            // `evaluate` computes reductions and operands of other shapes before it lowers what uses them.
            _ => return Err(Error::invalid("an operand of another shape was not computed before its use")),
        };
        self.seen.push((node.clone(), value));
        Ok(value)
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
            for (id, value) in ids.iter_mut().zip(args) {
                *id = number(value);
            }
            Instr { op: *op, args: ids, dtype: *dtype }
        });
        let program = Program {
            inputs: self.inputs.iter().map(|leaf| leaf.dtype).collect(),
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
        self.inputs.iter().map(|leaf| broadcast_strides(&leaf.shape, &leaf.strides, shape)).collect()
    }
}

/// The order of axes that suits these strides, over `shape`.
pub(crate) fn order_of(shape: &[usize], strides: &[Dims<isize>]) -> Dims {
    memory_order(shape, strides.iter().map(|s| &**s))
}

/// `values` in the order of `order`.
pub(crate) fn permuted<T: Copy + Default>(values: &[T], order: &[usize]) -> Dims<T> {
    Dims::from_fn(order.len(), |at| values[order[at]])
}

/// A plan's layout with the axes in the order of `order`.
pub(crate) fn layout(strides: &[isize], order: &[usize]) -> Layout {
    Layout { strides: order.iter().map(|&axis| strides[axis]).collect() }
}
