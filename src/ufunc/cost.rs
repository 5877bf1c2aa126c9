//! What a program costs: measured on one strip, where no memory has to be waited for.

use super::stream::Line;
use super::{DType, Layout, Op, Plan, Program, Scalar, identity};
use crate::Result;
use std::time::Instant;

/// Elements of the strip.
const STRIP: usize = 4096;
/// How often it is computed; the quickest counts.
const TIMES: usize = 9;

/// Nanoseconds that one element of the program takes on one thread, apart from waiting for memory.
///
/// # Errors
///
/// Where the program is not well-typed.
pub fn nanoseconds(program: &Program) -> Result<f64> {
    let shape = [STRIP];
    let layouts = |count: usize| vec![Layout::row_major(&shape); count];
    let plan = Plan::map(program.clone(), &shape, &layouts(program.inputs.len()), &layouts(program.outputs.len()))?;
    let room = |bytes: usize| vec![Line([0u8; 64]); bytes.div_ceil(64).max(1)];
    let inputs: Vec<Vec<Line<[u8; 64]>>> = program.inputs.iter().map(|&dtype| ones(dtype)).collect();
    let mut outputs: Vec<Vec<Line<[u8; 64]>>> =
        plan.result_dtypes().iter().map(|dtype| room(STRIP * dtype.size())).collect();
    let mut scratch = room(plan.scratch_bytes());
    let from: Vec<*const u8> = inputs.iter().map(|lines| lines.as_ptr().cast()).collect();
    let to: Vec<*mut u8> = outputs.iter_mut().map(|lines| lines.as_mut_ptr().cast()).collect();
    let scratch: *mut u8 = scratch.as_mut_ptr().cast();
    let mut best = f64::INFINITY;
    for _ in 0..TIMES {
        let begun = Instant::now();
        for chunk in 0..plan.chunks() {
            // SAFETY: operands, results and scratch memory are of this function, on lines, and as large as the plan's shape and
            // types ask; chunks run one after the other.
            unsafe { plan.run(&from, &to, scratch, chunk) };
        }
        best = best.min(begun.elapsed().as_secs_f64());
    }
    Ok(best * 1e9 / STRIP as f64)
}

/// A strip of ones: operands that every operation has a result for.
fn ones(dtype: DType) -> Vec<Line<[u8; 64]>> {
    let op = if dtype == DType::Bool { Op::LogicalAnd } else { Op::Mul };
    let one = identity(op, dtype).unwrap_or(Scalar { dtype, bytes: [0; 16] });
    let size = dtype.size();
    let mut line = [0; 64];
    line.chunks_exact_mut(size).for_each(|place| place.copy_from_slice(&one.bytes[..size]));
    vec![Line(line); (STRIP * size).div_ceil(64)]
}
