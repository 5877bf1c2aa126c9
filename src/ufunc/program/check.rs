//! The type check of a program, which is also what bounds a program that a peer sends.

use crate::kernel::signature;
use crate::{DType, Program};
use crate::{Error, Result};

/// The most that a program or a plan may have of anything.
pub(crate) mod limits {
    pub const INPUTS: usize = 512;
    pub const CONSTANTS: usize = 1024;
    pub const CODE: usize = 512;
    pub const OUTPUTS: usize = 4;
    /// No array has so many axes of two elements and more: see [`Plan`](crate::Plan).
    pub const NDIM: usize = 64;
}

/// The type of every value of a program, in order of their ids.
pub(crate) fn check(program: &Program) -> Result<Vec<DType>> {
    for (what, count, most) in [
        ("inputs", program.inputs.len(), limits::INPUTS),
        ("constants", program.constants.len(), limits::CONSTANTS),
        ("instructions", program.code.len(), limits::CODE),
        ("outputs", program.outputs.len(), limits::OUTPUTS),
    ] {
        if count > most {
            return Err(Error::invalid(format!("program of {count} {what}; at most {most} are allowed")));
        }
    }
    if program.outputs.is_empty() {
        return Err(Error::invalid("program without outputs"));
    }
    let mut types = program.inputs.clone();
    for (i, constant) in program.constants.iter().enumerate() {
        let valid = constant.bytes[constant.dtype.size()..].iter().all(|&byte| byte == 0);
        if !valid || (constant.dtype == DType::Bool && constant.bytes[0] > 1) {
            return Err(Error::invalid(format!("constant {i} is no valid {}: {constant:?}", constant.dtype.name())));
        }
        types.push(constant.dtype);
    }
    for (i, instr) in program.code.iter().enumerate() {
        let mut args = [DType::Bool; 3];
        let arity = instr.op.arity();
        for (arg, &id) in args.iter_mut().zip(&instr.args[..arity]) {
            *arg = *types.get(id as usize).ok_or_else(|| {
                Error::invalid(format!("instruction {i}, {:?}: value {id} is not known yet", instr.op))
            })?;
        }
        let args = &args[..arity];
        match signature(instr.op, args, instr.dtype) {
            Some(dtype) if dtype == instr.dtype => types.push(instr.dtype),
            _ => {
                let names: Vec<_> = args.iter().map(|arg| arg.name()).collect();
                let what =
                    format!("instruction {i}: no {:?} of ({}) to {}", instr.op, names.join(", "), instr.dtype.name());
                return Err(Error::invalid(what));
            }
        }
    }
    if let Some(id) = program.outputs.iter().find(|&&id| id as usize >= types.len()) {
        return Err(Error::invalid(format!("output value {id} of {} values", types.len())));
    }
    Ok(types)
}
