//! Whole programs: fusing, registers, outputs that are used again, against an interpreter of one element at a time.

use super::*;

/// Values of a program of f64 and bool for one element, each instruction by itself.
fn element(program: &Program, inputs: &[f64]) -> Vec<f64> {
    let mut values: Vec<f64> = inputs.to_vec();
    for constant in &program.constants {
        values.push(f64::from_ne_bytes(constant.bytes[..8].try_into().unwrap()));
    }
    for instr in &program.code {
        let [a, b, c] = instr.args.map(|id| values[id as usize]);
        values.push(match instr.op {
            Op::Add => a + b,
            Op::Sub => a - b,
            Op::Mul => a * b,
            Op::Div => a / b,
            Op::Sqrt => a.sqrt(),
            Op::Abs => a.abs(),
            Op::Powi(n) => crate::kernel::elementary::Powi::full(a, n),
            Op::Less => (a < b) as u8 as f64,
            Op::Select => {
                if a != 0.0 {
                    b
                } else {
                    c
                }
            }
            other => panic!("{other:?} is not in these programs"),
        });
    }
    program.outputs.iter().map(|&id| values[id as usize]).collect()
}

/// A random well-typed program.
fn random_program(random: &mut Random) -> Program {
    let inputs = 1 + random.below(4);
    let constants: Vec<_> = (0..random.below(3)).map(|i| (i as f64 - 0.75).scalar().unwrap()).collect();
    let mut floats: Vec<ValueId> = (0..(inputs + constants.len()) as ValueId).collect();
    let mut masks: Vec<ValueId> = Vec::new();
    let mut code = Vec::new();
    for _ in 0..random.below(20) {
        let id = (inputs + constants.len() + code.len()) as ValueId;
        // Recent values more often, so that there are chains.
        let mut pick = || {
            let back = random.below(floats.len()).min(random.below(floats.len()));
            floats[floats.len() - 1 - back]
        };
        let (a, b) = (pick(), pick());
        let ops = [
            Op::Add,
            Op::Sub,
            Op::Mul,
            Op::Div,
            Op::Add,
            Op::Mul,
            Op::Sqrt,
            Op::Abs,
            Op::Powi(3),
            Op::Less,
            Op::Select,
        ];
        let op = ops[random.below(ops.len())];
        let (args, dtype) = match op {
            Op::Select if masks.is_empty() => continue,
            Op::Select => ([masks[random.below(masks.len())], a, b], DType::F64),
            Op::Less => ([a, b, 0], DType::Bool),
            _ if op.arity() == 1 => ([a, 0, 0], DType::F64),
            _ => ([a, b, 0], DType::F64),
        };
        if dtype == DType::Bool {
            masks.push(id)
        } else {
            floats.push(id)
        }
        code.push(Instr { op, args, dtype });
    }
    let outputs =
        (0..1 + random.below(4)).map(|_| floats[floats.len() - 1 - random.below(floats.len().min(5))]).collect();
    Program { inputs: vec![DType::F64; inputs], constants, code, outputs }
}

#[test]
fn random_programs() {
    let mut random = Random(33);
    for round in 0..300 {
        let program = random_program(&mut random);
        let n = [1, 63, 700, 1999][random.below(4)];
        let inputs: Vec<Vec<f64>> = program.inputs.iter().map(|_| samples(&mut random, n)).collect();
        let flat = Layout { strides: vec![1] };
        let layouts = |count: usize| vec![flat.clone(); count];
        let plan = Plan::map(program.clone(), &[n], &layouts(inputs.len()), &layouts(program.outputs.len())).unwrap();
        let plan = wire::decoded(&wire::encoded(&plan)).unwrap();
        let pointers: Vec<*const u8> = inputs.iter().map(|input| input.as_ptr().cast()).collect();
        each_isa(|isa| {
            let got: Vec<Vec<f64>> = run(&plan, &pointers, &mut random).iter().map(|bytes| cast(bytes)).collect();
            for i in 0..n {
                let want = element(&program, &inputs.iter().map(|input| input[i]).collect::<Vec<_>>());
                for (k, want) in want.into_iter().enumerate() {
                    assert!(
                        same(got[k][i], want),
                        "round {round} {isa:?} [{i}] output {k}: {:?} {want:?} {program:?}",
                        got[k][i]
                    );
                }
            }
        });
    }
}

/// Every pair of arithmetic operations, both ways round, has the bits of the two.
#[test]
fn fused_pairs() {
    let mut random = Random(12);
    let n = 333;
    let inputs: Vec<Vec<f32>> = (0..3).map(|_| samples(&mut random, n)).collect();
    let of = |op: Op, a: f32, b: f32| match op {
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul => a * b,
        _ => a / b,
    };
    let flat = Layout { strides: vec![1] };
    for first in [Op::Add, Op::Sub, Op::Mul, Op::Div] {
        for second in [Op::Add, Op::Sub, Op::Mul, Op::Div] {
            for right in [false, true] {
                let args = if right { [2, 3, 0] } else { [3, 2, 0] };
                let program = Program {
                    inputs: vec![DType::F32; 3],
                    constants: vec![],
                    code: vec![
                        Instr { op: first, args: [0, 1, 0], dtype: DType::F32 },
                        Instr { op: second, args, dtype: DType::F32 },
                    ],
                    outputs: vec![4],
                };
                let plan = Plan::map(program, &[n], &vec![flat.clone(); 3], std::slice::from_ref(&flat)).unwrap();
                let pointers: Vec<*const u8> = inputs.iter().map(|input| input.as_ptr().cast()).collect();
                each_isa(|isa| {
                    let got: Vec<f32> = cast(&run(&plan, &pointers, &mut random)[0]);
                    for i in 0..n {
                        let inner = of(first, inputs[0][i], inputs[1][i]);
                        let c = inputs[2][i];
                        let want = if right { of(second, c, inner) } else { of(second, inner, c) };
                        assert!(same(got[i], want), "{first:?} {second:?} {right} {isa:?} {i}");
                    }
                });
            }
        }
    }
}

#[test]
fn inputs_and_constants_as_outputs() {
    let program = Program {
        inputs: vec![DType::I16],
        constants: vec![7i16.scalar().unwrap(), Complex { re: 1.0f64, im: -2.0 }.scalar().unwrap()],
        code: vec![],
        outputs: vec![0, 1, 2, 0],
    };
    let values: Vec<i16> = (0..1000).collect();
    let flat = Layout { strides: vec![1] };
    let plan = Plan::map(program, &[500], &[Layout { strides: vec![2] }], &vec![flat; 4]).unwrap();
    let got = run(&plan, &[values.as_ptr().cast()], &mut Random(1));
    let want: Vec<i16> = (0..1000).step_by(2).collect();
    assert_eq!(cast::<i16>(&got[0]), want);
    assert_eq!(cast::<i16>(&got[1]), [7; 500]);
    assert_eq!(cast::<Complex<f64>>(&got[2]), [Complex { re: 1.0, im: -2.0 }; 500]);
    assert_eq!(cast::<i16>(&got[3]), want);
}
