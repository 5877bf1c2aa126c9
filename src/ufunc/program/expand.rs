//! Instructions that have no kernel of their own as instructions that have: floats of 16 bits are computed as `f32`, degrees
//! by a product, and the like.

use crate::kernel::{recipe, signature};
use crate::{DType, Instr, Op, Program, Scalar, Value, ValueId};
use half::{bf16, f16};

/// Exponents beyond this give 0 or infinity of any number.
const FAR: i64 = 1 << 14;

/// The program in instructions that kernels compute, and the type of each of its values; `None` where it is that already. It
/// was checked.
pub(super) fn expand(program: &Program, types: &[DType]) -> Option<(Program, Vec<DType>)> {
    let single = |instr: &Instr| recipe(instr.op, &arguments(instr, types), instr.dtype).is_some();
    if program.code.iter().all(single) {
        return None;
    }
    let constants = constants(program, types);
    let mut out = Expansion {
        types: program.inputs.iter().chain(constants.iter().map(|constant| &constant.dtype)).copied().collect(),
        inputs: program.inputs.len(),
        constants,
        code: Vec::new(),
    };
    // Where each value of the old program is in the new one.
    let mut places: Vec<ValueId> = (0..(program.inputs.len() + program.constants.len()) as ValueId).collect();
    for instr in &program.code {
        let args: Vec<ValueId> = instr.args[..instr.op.arity()].iter().map(|&id| places[id as usize]).collect();
        let value = out.emit(instr.op, &args, instr.dtype);
        places.push(value);
    }
    let outputs = program.outputs.iter().map(|&id| places[id as usize]).collect();
    Some((Program { inputs: program.inputs.clone(), constants: out.constants, code: out.code, outputs }, out.types))
}

/// Types of an instruction's operands.
fn arguments(instr: &Instr, types: &[DType]) -> Vec<DType> {
    instr.args[..instr.op.arity()].iter().map(|&id| types[id as usize]).collect()
}

/// The program's constants, and those that its instructions may need besides. They come first, since instructions are numbered
/// behind all of them.
fn constants(program: &Program, types: &[DType]) -> Vec<Scalar> {
    let mut constants = program.constants.clone();
    let mut add = |constant: Option<Scalar>| {
        if let Some(constant) = constant
            && !constants.contains(&constant)
        {
            constants.push(constant);
        }
    };
    for instr in &program.code {
        let dtype = types[instr.args[0] as usize];
        let wide = if dtype.is_half() { DType::F32 } else { dtype };
        match instr.op {
            Op::Deg2rad | Op::Rad2deg => add(degrees(instr.op, wide)),
            Op::Ldexp if types[instr.args[1] as usize] == DType::I64 => {
                add((-FAR).scalar());
                add(FAR.scalar());
            }
            Op::Spacing if dtype.is_half() => add(infinity(dtype)),
            _ => {}
        }
    }
    constants
}

/// What degrees or radians are multiplied by.
fn degrees(op: Op, dtype: DType) -> Option<Scalar> {
    let factor = match op {
        Op::Deg2rad => std::f64::consts::PI / 180.0,
        _ => 180.0 / std::f64::consts::PI,
    };
    // Of `f32` the quotient of the rounded numbers, as NumPy has it.
    let narrow = match op {
        Op::Deg2rad => std::f32::consts::PI / 180.0,
        _ => 180.0 / std::f32::consts::PI,
    };
    if dtype == DType::F32 { narrow.scalar() } else { factor.scalar() }
}

fn infinity(dtype: DType) -> Option<Scalar> {
    if dtype == DType::F16 { f16::INFINITY.scalar() } else { bf16::INFINITY.scalar() }
}

struct Expansion {
    /// Type of every value.
    types: Vec<DType>,
    inputs: usize,
    constants: Vec<Scalar>,
    code: Vec<Instr>,
}

impl Expansion {
    fn dtype(&self, id: ValueId) -> DType {
        self.types[id as usize]
    }

    /// A constant that [`constants`] has put there.
    fn constant(&self, constant: Option<Scalar>) -> ValueId {
        let at = self.constants.iter().position(|there| Some(*there) == constant);
        (self.inputs + at.expect("constants of all instructions were collected")) as ValueId
    }

    fn push(&mut self, op: Op, args: &[ValueId], dtype: DType) -> ValueId {
        let mut ids = [0; 3];
        ids[..args.len()].copy_from_slice(args);
        let instr = Instr { op, args: ids, dtype };
        // What was computed once is there.
        let first = self.types.len() - self.code.len();
        if let Some(at) = self.code.iter().position(|there| *there == instr) {
            return (first + at) as ValueId;
        }
        self.code.push(instr);
        self.types.push(dtype);
        (self.types.len() - 1) as ValueId
    }

    /// The value as another type.
    fn cast(&mut self, id: ValueId, to: DType) -> ValueId {
        if self.dtype(id) == to { id } else { self.emit(Op::Cast, &[id], to) }
    }

    /// An instruction, in as many as it takes.
    fn emit(&mut self, op: Op, args: &[ValueId], dtype: DType) -> ValueId {
        let types: Vec<DType> = args.iter().map(|&id| self.dtype(id)).collect();
        if recipe(op, &types, dtype).is_some_and(|recipe| recipe.dtype == dtype) {
            return self.push(op, args, dtype);
        }
        match op {
            Op::Cast if types[0].is_half() => {
                let wide = self.push(Op::Cast, args, DType::F32);
                self.cast(wide, dtype)
            }
            // To 16 bits from integers: they are rounded to them once, from `f64`, which holds all that are in reach.
            Op::Cast => {
                let wide = self.push(Op::Cast, args, DType::F64);
                self.push(Op::Cast, &[wide], dtype)
            }
            // The distance to the next greater number, as NumPy has it for 16 bits; of an infinity, NaN.
            Op::Spacing => {
                let infinity = self.constant(infinity(types[0]));
                let next = self.push(Op::Nextafter, &[args[0], infinity], dtype);
                let wide = [self.cast(next, DType::F32), self.cast(args[0], DType::F32)];
                let distance = self.push(Op::Sub, &wide, DType::F32);
                let nothing = self.push(Op::Sub, &[wide[1], wide[1]], DType::F32);
                let distance = self.push(Op::Add, &[distance, nothing], DType::F32);
                self.cast(distance, dtype)
            }
            _ if types.iter().any(|dtype| dtype.is_half()) => {
                let wide: Vec<ValueId> = args
                    .iter()
                    .map(|&id| if self.dtype(id).is_half() { self.cast(id, DType::F32) } else { id })
                    .collect();
                let result = if dtype.is_half() { DType::F32 } else { dtype };
                let value = self.emit(op, &wide, result);
                self.cast(value, dtype)
            }
            Op::Deg2rad | Op::Rad2deg => {
                let factor = self.constant(degrees(op, dtype));
                self.push(Op::Mul, &[args[0], factor], dtype)
            }
            Op::Ldexp => {
                let (low, high) = (self.constant((-FAR).scalar()), self.constant(FAR.scalar()));
                let near = self.push(Op::Clamp, &[args[1], low, high], DType::I64);
                let exponent = self.push(Op::Cast, &[near], DType::I32);
                self.push(Op::Ldexp, &[args[0], exponent], dtype)
            }
            _ => unreachable!("{op:?} of {types:?} to {dtype:?} was checked: {:?}", signature(op, &types, dtype)),
        }
    }
}
