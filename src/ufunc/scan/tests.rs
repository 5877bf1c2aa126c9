//! The same bits from every instruction set.

use super::*;
use crate::work::run_here;

fn scanned<T: Copy + Default>(
    op: Op,
    dtype: DType,
    shape: [usize; 3],
    values: &[T],
    isa: Isa,
    streamed: bool,
) -> Vec<T> {
    let [outer, length, inner] = shape;
    let stride = if inner == 1 { 1 } else { inner as isize };
    let outer = vec![(outer, (length * inner) as isize)];
    let geometry = Geometry { outer, length, stride, inner, side_by_side: Some(values.len()) };
    let scan = Scan::new(op, dtype, geometry, None, streamed, 2).expect("a geometry that can be");
    let mut scan = scan.expect("it gives what it takes");
    scan.isa = isa;
    // One element off the border of a line, and not.
    let mut out = vec![T::default(); values.len() + 1];
    let operands = [values.as_ptr().cast_mut().cast::<u8>(), out[1..].as_mut_ptr().cast()];
    // SAFETY: values over the geometry, room for the results.
    unsafe { run_here(&scan, &operands.as_slice()) };
    out.split_off(1)
}

#[test]
fn all_instructions_give_the_same_bits() {
    for shape in [[1, 40_000, 1], [3, 5003, 1], [17, 100, 1], [2, 2500, 3], [2, 5000, 40], [1, 300, 300]] {
        let n: usize = shape.iter().product();
        let doubles: Vec<f64> = (0..n).map(|i| (i as f64 * 0.7).sin()).collect();
        let floats: Vec<f32> = doubles.iter().map(|&x| x as f32).collect();
        let words: Vec<i32> = (0..n as i32).map(|i| i.wrapping_mul(77_777)).collect();
        let bytes: Vec<u8> = (0..n).map(|i| i as u8 ^ 0x3c).collect();
        for isa in Isa::ALL.into_iter().filter(|isa| *isa <= Isa::widest()) {
            for streamed in [false, true] {
                let of = |isa, streamed| {
                    (
                        scanned(Op::Add, DType::F64, shape, &doubles, isa, streamed)
                            .iter()
                            .map(|x| x.to_bits())
                            .collect::<Vec<_>>(),
                        scanned(Op::Maximum, DType::F64, shape, &doubles, isa, streamed)
                            .iter()
                            .map(|x| x.to_bits())
                            .collect::<Vec<_>>(),
                        scanned(Op::Add, DType::F32, shape, &floats, isa, streamed)
                            .iter()
                            .map(|x| x.to_bits())
                            .collect::<Vec<_>>(),
                        scanned(Op::Mul, DType::I32, shape, &words, isa, streamed),
                        scanned(Op::BitXor, DType::U8, shape, &bytes, isa, streamed),
                    )
                };
                assert!(of(isa, streamed) == of(Isa::Baseline, false), "{shape:?} {isa:?} {streamed}");
            }
        }
    }
}
