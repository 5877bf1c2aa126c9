//! A checked program as steps: each a kernel over a strip, from slots to a slot.
//!
//! Slots are, in order: the inputs, the constants, the registers, the outputs. Registers are used again as soon as their
//! value is dead. Pairs of float arithmetic become one fused step, and a value that is only stored is computed straight
//! into its output.

use super::expand::expand;
use super::{Fault, check, fault};
use crate::Result;
use crate::kernel::{Arg, Kernel, SPLAT, copy, fused, recipe, splat_lanes};
use crate::prefetch::Prefetch;
use crate::simd::Isa;
use crate::stream::Line;
use crate::{DType, Op, Program, Scalar};

/// No slot.
const NONE: u16 = u16::MAX;

/// One kernel call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    kernel: &'static Kernel,
    args: [u16; 3],
    out: u16,
    /// The operand that may be one that the operation has no result for, and its type.
    check: Option<(usize, Fault, DType)>,
}

/// A program made ready to run.
#[derive(Debug)]
pub(crate) struct Code {
    /// Types of the inputs.
    pub inputs: Vec<DType>,
    /// Types of the outputs.
    pub outputs: Vec<DType>,
    /// Bytes of an element of each register.
    pub registers: Vec<usize>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Whether the program's one output is its one input as it is.
    pub identity: bool,
    splats: Vec<Splat>,
}

struct Splat(Box<Line<[u8; SPLAT * 16]>>);

impl std::fmt::Debug for Splat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Splat").field(&&self.0.0[..16]).finish()
    }
}

impl Splat {
    fn new(scalar: &Scalar) -> Splat {
        let size = scalar.dtype.size();
        let mut line = Box::new(Line([0; SPLAT * 16]));
        for place in line.0.chunks_exact_mut(size).take(splat_lanes(size)) {
            place.copy_from_slice(&scalar.bytes[..size]);
        }
        Splat(line)
    }
}

/// Where a value comes from, while steps are made.
#[derive(Clone, Copy)]
struct Draft {
    kernel: &'static Kernel,
    /// Ids of the values that it takes.
    args: [Option<u16>; 3],
    /// What may be fused: the operation, of float operands.
    arith: Option<Op>,
    dtype: DType,
    /// Whether it is computed by its only user.
    absorbed: bool,
    /// Whether it is two operations already.
    pair: bool,
    check: Option<(usize, Fault, DType)>,
}

impl Code {
    /// Checks a program and makes its steps.
    pub fn new(program: &Program) -> Result<Code> {
        let types = check(program)?;
        let expanded = expand(program, &types);
        let (program, types) = expanded.as_ref().map_or((program, &types), |(program, types)| (program, types));
        let mut constants = program.constants.clone();
        let mut drafts: Vec<Draft> = Vec::with_capacity(program.code.len());
        let first_constant = program.inputs.len();
        // Values keep their ids while steps are made, except that exponents come after all of them.
        let exponent_base = types.len() as u16;
        for instr in &program.code {
            let arity = instr.op.arity();
            let mut args = [None; 3];
            let mut dtypes = [DType::Bool; 3];
            for k in 0..arity {
                args[k] = Some(instr.args[k]);
                dtypes[k] = types[instr.args[k] as usize];
            }
            let recipe = recipe(instr.op, &dtypes[..arity], instr.dtype).expect("the program was checked");
            if recipe.swap {
                args.swap(0, 1);
            }
            if let Some(exponent) = recipe.exponent {
                args[1] = Some(exponent_base + (constants.len() - program.constants.len()) as u16);
                let mut bytes = [0; 16];
                bytes[..4].copy_from_slice(&exponent.to_ne_bytes());
                constants.push(Scalar { dtype: DType::I32, bytes });
            }
            let float = matches!(instr.dtype, DType::F32 | DType::F64);
            let arith = (float && matches!(instr.op, Op::Add | Op::Sub | Op::Mul | Op::Div)).then_some(instr.op);
            // Kernels exchange the operands of comparisons alone.
            let check = Fault::of(instr.op, dtypes[0]).map(|(at, fault)| (at, fault, dtypes[0]));
            let draft =
                Draft { kernel: recipe.kernel, args, arith, dtype: instr.dtype, absorbed: false, pair: false, check };
            drafts.push(draft);
        }
        let first_code = first_constant + program.constants.len();
        let values = types.len() + constants.len() - program.constants.len();
        let mut uses = count_uses(program, &drafts, first_code, values);
        fuse(&mut drafts, &uses, first_code);
        // Which output an instruction may write by itself: one that nobody else reads.
        let mut direct = vec![None; drafts.len()];
        for (output, &id) in program.outputs.iter().enumerate() {
            if id as usize >= first_code && uses[id as usize] == 1 {
                direct[id as usize - first_code] = Some(output);
            }
        }
        let mut slots: Vec<u16> = vec![NONE; values];
        for (slot, place) in slots.iter_mut().take(first_code).enumerate() {
            *place = slot as u16;
        }
        let extra = constants.len() - program.constants.len();
        for k in 0..extra {
            slots[types.len() + k] = (first_code + k) as u16;
        }
        let register_base = first_code + extra;
        let mut registers: Vec<usize> = Vec::new();
        let mut free: Vec<u16> = Vec::new();
        let mut steps = Vec::new();
        // Outputs are numbered from this mark until the number of registers is known.
        const OUTPUT: u16 = 1 << 15;
        for (k, draft) in drafts.iter().enumerate() {
            let id = first_code + k;
            if draft.absorbed || uses[id] == 0 {
                continue;
            }
            let size = draft.dtype.size();
            let out = match direct[k] {
                Some(output) => OUTPUT + output as u16,
                None => {
                    let found = free.iter().position(|&register| registers[register as usize] == size);
                    let register = found.map(|at| free.swap_remove(at)).unwrap_or_else(|| {
                        registers.push(size);
                        registers.len() as u16 - 1
                    });
                    slots[id] = register_base as u16 + register;
                    slots[id]
                }
            };
            let args = draft.args.map(|arg| arg.map_or(NONE, |id| slots[id as usize]));
            steps.push(Step { kernel: draft.kernel, args, out, check: draft.check });
            for id in draft.args.into_iter().flatten() {
                let id = id as usize;
                uses[id] -= 1;
                if uses[id] == 0 && (first_code..types.len()).contains(&id) {
                    free.push(slots[id] - register_base as u16);
                }
            }
        }
        let output_base = (register_base + registers.len()) as u16;
        for step in &mut steps {
            if step.out >= OUTPUT {
                step.out = step.out - OUTPUT + output_base;
            }
        }
        for (output, &id) in program.outputs.iter().enumerate() {
            if direct.get((id as usize).wrapping_sub(first_code)).is_none_or(|place| *place != Some(output)) {
                let kernel = copy(types[id as usize]).expect("every type can be copied");
                let out = output_base + output as u16;
                steps.push(Step { kernel, args: [slots[id as usize], NONE, NONE], out, check: None });
            }
        }
        Ok(Code {
            inputs: program.inputs.clone(),
            outputs: program.outputs.iter().map(|&id| types[id as usize]).collect(),
            identity: program.inputs.len() == 1 && program.outputs == [0],
            registers,
            steps,
            splats: constants.iter().map(Splat::new).collect(),
        })
    }

    /// Slot of the first register.
    pub fn register_slot(&self) -> usize {
        self.inputs.len() + self.splats.len()
    }

    /// Slot of the first output.
    pub fn output_slot(&self) -> usize {
        self.register_slot() + self.registers.len()
    }

    /// Whether a step could meet an operand that it has no result for.
    pub fn checks(&self) -> bool {
        self.steps.iter().any(|step| step.check.is_some())
    }

    /// A table of slots in which the constants are already.
    pub fn table(&self) -> Vec<Arg> {
        let mut table = vec![Arg::NONE; self.output_slot() + self.outputs.len()];
        for (slot, splat) in table[self.inputs.len()..].iter_mut().zip(&self.splats) {
            *slot = Arg { ptr: splat.0.0.as_ptr(), varies: false };
        }
        table
    }

    /// Runs every step over a strip of `n` lanes; those that write an output of the program use `stream`ing stores. Between
    /// the steps memory is asked for that is wanted `ahead`.
    ///
    /// # Safety
    ///
    /// `table` is that of [`Code::table`], with the slots of inputs, registers and outputs filled: each aligned for its
    /// type and of `n` elements or, for inputs, a splat; registers and outputs are writable and overlap nothing.
    #[inline]
    pub unsafe fn run(&self, table: &[Arg], n: usize, isa: Isa, stream: bool, mut ahead: Prefetch) {
        let outputs = self.output_slot();
        for step in &self.steps {
            ahead.step();
            let arg = |slot: u16| if slot == NONE { Arg::NONE } else { table[slot as usize] };
            let past = stream && step.out as usize >= outputs;
            let args = [arg(step.args[0]), arg(step.args[1]), arg(step.args[2])];
            // SAFETY: the program was type-checked, so that the operands are what the kernel takes; their memory is as the
            // caller says, and the registers that a step reads were written by an earlier one.
            unsafe { step.kernel.get(isa)(table[step.out as usize].ptr.cast_mut(), &args, n, past) };
            if let Some((at, fault, dtype)) = step.check {
                // SAFETY: the operand is of that type, as above; a step overwrites none of its own.
                if unsafe { fault.meets(dtype, &args[at], n) } {
                    fault::mark();
                }
            }
        }
    }
}

/// How often each value is used by a live instruction or as an output.
fn count_uses(program: &Program, drafts: &[Draft], first_code: usize, values: usize) -> Vec<usize> {
    let mut uses = vec![0usize; values];
    for &id in &program.outputs {
        uses[id as usize] += 1;
    }
    for (k, draft) in drafts.iter().enumerate().rev() {
        if uses[first_code + k] > 0 {
            for id in draft.args.into_iter().flatten() {
                uses[id as usize] += 1;
            }
        }
    }
    uses
}

/// Makes one step of an operation and the operation that alone uses its result.
fn fuse(drafts: &mut [Draft], uses: &[usize], first_code: usize) {
    for k in 0..drafts.len() {
        let Some(second) = drafts[k].arith.filter(|_| uses[first_code + k] > 0) else { continue };
        for place in 0..2 {
            let Some(id) = drafts[k].args[place] else { continue };
            let Some(inner) = (id as usize).checked_sub(first_code).filter(|&inner| inner < k) else { continue };
            let draft = drafts[inner];
            let (Some(first), false, 1) = (draft.arith, draft.pair, uses[id as usize]) else { continue };
            let Some(kernel) = fused(first, second, place == 1, draft.dtype) else { continue };
            let other = drafts[k].args[1 - place];
            drafts[inner].absorbed = true;
            let args = [draft.args[0], draft.args[1], other];
            drafts[k] = Draft { kernel, args, pair: true, ..drafts[k] };
            break;
        }
    }
}
