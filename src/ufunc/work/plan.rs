//! Plans as works: their chunks are the units of the first phase; a fold that leaves partial results has a second, which merges them.

use super::protocol::{Access, Extent, Operand, Operands, Phase, Room, Verdict, Work, tag};
use super::wire::{Reader, Writer};
use crate::operand_loader::Apart;
use crate::plan::{Description, Kind};
use crate::program::limits;
use crate::{DType, Error, Fold, Instr, Op, Plan, Program, Result, Scalar};
use smallvec::SmallVec;

impl Work for Plan {
    fn operands(&self) -> Vec<Operand> {
        let extent = |reach: Option<(isize, isize)>, size: usize| match reach {
            Some((low, high)) => Extent { low: low * size as isize, high: (high + 1) * size as isize },
            None => Extent::NONE,
        };
        let inputs = (0..self.inputs()).map(|i| {
            let dtype = self.input_dtype(i);
            Operand { dtype, access: Access::Read, extent: extent(self.input_extent(i), dtype.size()) }
        });
        let outputs = self.result_dtypes().into_iter().enumerate().map(|(i, dtype)| Operand {
            dtype,
            access: Access::Write,
            extent: extent(self.output_extent(i), dtype.size()),
        });
        inputs.chain(outputs).collect()
    }

    unsafe fn phase(&self, nth: usize, _: &dyn Operands, _: &[Room]) -> Option<Phase> {
        let units = self.chunks() as usize;
        match nth {
            0 => Some(Phase {
                units,
                bytes: (self.traffic() / units as u64) as usize,
                most: 1,
                scratch: self.scratch_bytes(),
                zeroed: 0,
            }),
            1 if self.merges() => Some(Phase { units: 1, bytes: 0, most: 1, scratch: 0, zeroed: 0 }),
            _ => None,
        }
    }

    fn touches(&self, nth: usize, unit: usize, operand: usize) -> Extent {
        self.chunk_touches(nth, unit, operand)
    }

    unsafe fn run(&self, nth: usize, unit: usize, operands: &dyn Operands, scratch: &[Room]) {
        assert!(nth > 0 || unit < self.chunks() as usize, "chunk {unit} of {}", self.chunks());
        let at = |operand: usize| operands.at(operand, self.touches(nth, unit, operand));
        let share = self.elements().div_ceil(self.chunks() as usize);
        let mut far: SmallVec<[bool; 8]> = SmallVec::from_elem(false, self.inputs());
        let input = |i: usize| {
            let extent = self.touches(nth, unit, i);
            if let Some(there) = operands.in_place(i, extent) {
                return there.cast_const();
            }
            // Copied as a whole, unless the unit reads little of it.
            far[i] = (extent.high - extent.low) as usize > 2 * share * self.input_dtype(i).size();
            if far[i] { std::ptr::null() } else { at(i).cast_const() }
        };
        let inputs: SmallVec<[*const u8; 8]> = (0..self.inputs()).map(input).collect();
        let apart = far.contains(&true).then_some(Apart { operands, inputs: &far });
        let outputs: SmallVec<[*mut u8; 4]> = (0..self.results()).map(|i| at(self.inputs() + i)).collect();
        assert!(scratch[0].len >= self.scratch_bytes(), "{} bytes of scratch memory", scratch[0].len);
        // SAFETY: the pointers are valid for what the unit touches (contract); the room takes what the chunks leave.
        unsafe {
            match nth {
                0 => self.run_apart(&inputs, apart, &outputs, scratch[0].at, unit as u32),
                1 if self.merges() => self.merge(scratch[0].at, &outputs),
                _ => unreachable!("plans have no phase {nth}"),
            }
        }
    }

    unsafe fn verdict(&self, scratch: &[Room]) -> Verdict {
        // SAFETY: all chunks have left their marks (contract).
        if unsafe { self.is_whole(scratch[0].at) } { Verdict::Whole } else { Verdict::Fault }
    }

    fn encode(&self, words: &mut Writer) -> bool {
        words.word(tag::PLAN);
        self.description().write(words);
        true
    }
}

impl Plan {
    /// The plan that another process has described, behind the tag.
    pub(crate) fn read(words: &mut Reader<'_>) -> Result<Plan> {
        Plan::new(Description::read(words)?).map_err(|error| Error::frame(format!("plan: {error}")))
    }
}

impl Description {
    fn write(&self, words: &mut Writer) {
        let Program { inputs, constants, code, outputs } = &self.program;
        words.list(inputs, |dtype| dtype as u64);
        words.word(constants.len() as u64);
        constants.iter().for_each(|constant| words.scalar(constant));
        words.word(code.len() as u64);
        for Instr { op, args, dtype } in code {
            words.word(op.number());
            words.word(args.iter().rev().fold(0, |word, &arg| word << 16 | u64::from(arg)));
            words.dtype(*dtype);
        }
        words.list(outputs, u64::from);
        words.lengths(&self.shape);
        words.word(self.inputs.len() as u64);
        self.inputs.iter().for_each(|layout| words.strides(&layout.strides));
        match &self.kind {
            Kind::Map { outputs } => {
                words.word(0);
                words.word(outputs.len() as u64);
                outputs.iter().for_each(|layout| words.strides(&layout.strides));
            }
            Kind::Fold { fold, axes } => {
                words.word(1);
                let (number, ddof, initial) = fold_number(*fold);
                words.word(number);
                words.word(ddof.to_bits());
                words.scalar(&initial);
                words.lengths(axes);
            }
        }
    }

    fn read(words: &mut Reader<'_>) -> Result<Description> {
        let id = |words: &mut Reader<'_>| Ok(words.number("as a value", usize::from(u16::MAX))? as u16);
        let inputs = words.list("inputs", Reader::dtype)?;
        let constants = words.list("constants", Reader::scalar)?;
        let code = words.list("instructions", |words| {
            let number = words.word()?;
            let op = Op::of_number(number)
                .ok_or_else(|| Error::frame(format!("no operation has the number {number:#x}")))?;
            let args = words.word()?;
            if args >> 48 != 0 {
                return Err(Error::frame(format!("operands {args:#x} of an instruction")));
            }
            let args = [args as u16, (args >> 16) as u16, (args >> 32) as u16];
            Ok(Instr { op, args, dtype: words.dtype()? })
        })?;
        let outputs = words.list("outputs", id)?;
        let shape = words.lengths()?;
        if shape.len() > limits::NDIM {
            return Err(Error::frame(format!("{} axes; at most {} are allowed", shape.len(), limits::NDIM)));
        }
        let layouts = words.list("layouts", Reader::layout)?;
        let kind = if words.flag()? {
            let (number, ddof, initial) = (words.word()?, f64::from_bits(words.word()?), words.scalar()?);
            let fold = fold_of(number, ddof, initial)
                .ok_or_else(|| Error::frame(format!("no fold has the number {number}")))?;
            Kind::Fold { fold, axes: words.lengths()? }
        } else {
            Kind::Map { outputs: words.list("layouts", Reader::layout)? }
        };
        Ok(Description { program: Program { inputs, constants, code, outputs }, shape, inputs: layouts, kind })
    }
}

/// The folds that are nothing but their name, in the order of their numbers; those with delta degrees of freedom, or that begin with a
/// value, are behind them.
const NAMED: [Fold; 11] = [
    Fold::Sum,
    Fold::Product,
    Fold::Min,
    Fold::Max,
    Fold::Any,
    Fold::All,
    Fold::ArgMin,
    Fold::ArgMax,
    Fold::Mean,
    Fold::Moments,
    Fold::Extremes,
];
const VAR: u64 = NAMED.len() as u64;
const STD: u64 = VAR + 1;
const SUM_FROM: u64 = VAR + 2;
const PRODUCT_FROM: u64 = VAR + 3;

/// A fold as a number, its delta degrees of freedom, and the value that it begins with.
fn fold_number(fold: Fold) -> (u64, f64, Scalar) {
    let none = Scalar { dtype: DType::Bool, bytes: [0; 16] };
    match fold {
        Fold::Var { ddof } => (VAR, ddof, none),
        Fold::Std { ddof } => (STD, ddof, none),
        Fold::SumFrom { initial } => (SUM_FROM, 0.0, initial),
        Fold::ProductFrom { initial } => (PRODUCT_FROM, 0.0, initial),
        Fold::Sum => (0, 0.0, none),
        Fold::Product => (1, 0.0, none),
        Fold::Min => (2, 0.0, none),
        Fold::Max => (3, 0.0, none),
        Fold::Any => (4, 0.0, none),
        Fold::All => (5, 0.0, none),
        Fold::ArgMin => (6, 0.0, none),
        Fold::ArgMax => (7, 0.0, none),
        Fold::Mean => (8, 0.0, none),
        Fold::Moments => (9, 0.0, none),
        Fold::Extremes => (10, 0.0, none),
    }
}

fn fold_of(number: u64, ddof: f64, initial: Scalar) -> Option<Fold> {
    match number {
        VAR => Some(Fold::Var { ddof }),
        STD => Some(Fold::Std { ddof }),
        SUM_FROM => Some(Fold::SumFrom { initial }),
        PRODUCT_FROM => Some(Fold::ProductFrom { initial }),
        _ => NAMED.get(number as usize).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fold_has_a_number_of_its_own() {
        let initial = Scalar { dtype: DType::F32, bytes: [1; 16] };
        let others = [
            Fold::Var { ddof: 1.0 },
            Fold::Std { ddof: 0.5 },
            Fold::SumFrom { initial },
            Fold::ProductFrom { initial },
        ];
        for fold in NAMED.into_iter().chain(others) {
            let (number, ddof, initial) = fold_number(fold);
            assert_eq!(fold_of(number, ddof, initial), Some(fold));
        }
        assert_eq!(fold_of(PRODUCT_FROM + 1, 0.0, initial), None);
    }
}
