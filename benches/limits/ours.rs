//! The columns of distob: what a user writes, on three hubs: as it starts by default, with process engines alone, and
//! with none.

use crate::inputs::Inputs;
use crate::options::{DENSITY, POLYNOMIAL, RATE, SCALE, VOLATILITY};
use crate::rig::{Column, Figures, median};
use distob::EngineKind;
use distob::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

/// A hub, under the name of its column and of the one that writes into an array which is there.
#[derive(Clone)]
pub struct Kind {
    pub name: &'static str,
    pub out: &'static str,
    pub hub: Hub,
}

/// The three hubs.
pub fn kinds() -> distob::Result<Vec<Kind>> {
    Ok(vec![
        Kind { name: "distob", out: "distob_out", hub: Hub::local()? },
        Kind { name: "distob_process", out: "distob_process_out", hub: Hub::builder().process().start()? },
        Kind { name: "distob_embedded", out: "distob_embedded_out", hub: Hub::builder().embedded().start()? },
    ])
}

/// The inputs on one hub.
pub struct Ours {
    kind: Kind,
    n: usize,
    a: DistArray1<f64>,
    b: DistArray1<f64>,
    c: DistArray1<f64>,
    rows: DistArray2<f64>,
}

impl Ours {
    pub fn new(kind: &Kind, x: &Inputs) -> distob::Result<Ours> {
        let hub = &kind.hub;
        // Three operands, two results and what a z-score holds: so much memory is taken before anything is timed. The
        // first growth of a virtual machine's memory is some hundred times slower than what is measured here.
        hub.reserve(6 * x.n * size_of::<f64>())?;
        let [a, b, c] = [hub.scatter(&x.a)?, hub.scatter(&x.b)?, hub.scatter(&x.c)?];
        let rows = a.reshape(x.rows.raw_dim());
        Ok(Ours { kind: kind.clone(), n: x.n, a, b, c, rows })
    }

    /// The name of its column.
    pub fn name(&self) -> &'static str {
        self.kind.name
    }

    /// The columns of `workload`.
    pub fn columns<'a>(&'a self, workload: &str, x: &'a Inputs) -> Vec<Column<'a>> {
        let Ours { a, b, c, rows, .. } = self;
        match workload {
            "add" => self.fresh_and_out(move || a + b),
            "muladd" => self.fresh_and_out(move || a * b + c),
            "sum" => vec![self.column(move || a.sum())],
            "sum0" => vec![self.fresh(move || rows.sum_axis(Axis(0)))],
            "sum1" => vec![self.fresh(move || rows.sum_axis(Axis(1)))],
            "mean0" => vec![self.fresh(move || rows.mean_axis(Axis(0)).expect("not empty"))],
            "var0" => vec![self.fresh(move || rows.var_axis(Axis(0), 0.0))],
            "std" => vec![self.column(move || a.std(0.0))],
            "zscore" => self.fresh_and_out(move || self.zscore()),
            "exp" => self.fresh_and_out(move || a.exp()),
            "ln" => self.fresh_and_out(move || a.ln()),
            "sin" => self.fresh_and_out(move || a.sin()),
            "cos" => self.fresh_and_out(move || a.cos()),
            "tanh" => self.fresh_and_out(move || a.tanh()),
            "blackscholes" => vec![Column::fresh(self.kind.name, move || {
                let _hub = self.kind.hub.enter();
                let (calls, puts) = calls_and_puts(a, b, c);
                distob::array::eval_all(&[&calls, &puts]).expect("memory for the prices");
                (calls, puts)
            })],
            "gather" => vec![Column::fresh(self.kind.name, move || a.gather())],
            // An ndarray into the pool, which has room from the last time.
            "scatter_foreign" => {
                vec![Column::fresh(self.kind.name, move || self.kind.hub.scatter(&x.a).expect("memory for the array"))]
            }
            _ => vec![],
        }
    }

    /// Seconds from having a result that engines made to having a view of it, and to having it as another array on
    /// the hub: the slower of the two.
    pub fn view(&self) -> f64 {
        let samples = (0..9).map(|_| {
            let made = (&self.a + &self.b).evaluated().expect("memory for the sum");
            let start = Instant::now();
            std::hint::black_box(made.view());
            let seen = start.elapsed();
            let start = Instant::now();
            std::hint::black_box(self.kind.hub.scatter(&made).expect("it is in the pool already"));
            seen.max(start.elapsed()).as_secs_f64()
        });
        median(samples.collect())
    }

    /// Seconds of the hub's first sum of a result that engines made, less those of a second one.
    pub fn view_first(&self) -> f64 {
        let samples = (0..5).map(|_| {
            let made = (&self.a + &self.b).evaluated().expect("memory for the sum");
            // ndarray's sum of the view: this thread reads all of it.
            let view = made.view();
            let time = || {
                let start = Instant::now();
                std::hint::black_box(view.sum());
                start.elapsed().as_secs_f64()
            };
            let first = time();
            (first - time()).max(0.0)
        });
        median(samples.collect())
    }

    /// Bytes in the pool at the height of a z-score, input and result included.
    pub fn peak(&self) -> f64 {
        let hub = &self.kind.hub;
        let others = hub.memory().in_use - (self.n * 8) as u64;
        hub.reset_peak();
        drop(self.zscore().evaluated().expect("memory for the scores"));
        (hub.memory().peak_in_use - others) as f64
    }

    fn zscore(&self) -> DistArray2<f64> {
        (&self.rows - self.rows.mean_axis(Axis(0)).expect("not empty")) / self.rows.std_axis(Axis(0), 0.0)
    }

    fn column<'a, T: 'a>(&'a self, mut run: impl FnMut() -> T + 'a) -> Column<'a> {
        Column::new(self.kind.name, move || {
            let _hub = self.kind.hub.enter();
            run()
        })
    }

    /// A fresh array each time; the last one is dropped when the next is there.
    fn fresh<'a, D: Dimension + 'a>(&'a self, mut make: impl FnMut() -> DistArray<f64, D> + 'a) -> Column<'a> {
        Column::fresh(self.kind.name, move || make().evaluated().expect("memory for the result"))
    }

    /// The same, and into an array that is there already.
    fn fresh_and_out<'a, D: Dimension + 'a>(&'a self, make: impl FnMut() -> DistArray<f64, D> + 'a) -> Vec<Column<'a>> {
        let make = Rc::new(RefCell::new(make));
        let again = Rc::clone(&make);
        let mut out = make.borrow_mut()().evaluated().expect("memory for the result");
        vec![
            self.fresh(move || make.borrow_mut()()),
            Column::new(self.kind.out, move || out.assign(again.borrow_mut()())),
        ]
    }
}

/// Seconds for an empty task, there and back, while both ends are awake.
pub fn task_rtt(kinds: &[Kind]) -> distob::Result<Figures> {
    const TRIPS: u32 = 20_000;
    let mut figures = vec![("floor", crate::processes::ping_pong(u64::from(TRIPS)))];
    for kind in kinds {
        let trips = |n: u32| (0..n).try_for_each(|_| kind.hub.submit(|_: u64| 0u64, 0u64)?.wait().map(drop));
        trips(1000)?;
        let mut samples = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            trips(TRIPS / 5)?;
            samples.push(start.elapsed().as_secs_f64() / f64::from(TRIPS / 5));
        }
        figures.push((kind.name, median(samples)));
    }
    Ok(figures)
}

/// Seconds for a million empty tasks, all on their way before the first is waited for.
pub fn task_rate(kinds: &[Kind]) -> distob::Result<Figures> {
    let mut figures = Vec::new();
    for kind in kinds {
        let start = Instant::now();
        let sent: Vec<_> = (0..1_000_000u64).map(|i| kind.hub.submit(|x: u64| x, i)).collect::<Result<_, _>>()?;
        for (i, pending) in sent.into_iter().enumerate() {
            assert_eq!(pending.wait()?, i as u64);
        }
        figures.push((kind.name, start.elapsed().as_secs_f64()));
    }
    Ok(figures)
}

/// Seconds from nothing to the first result of a hub with two engines: of an array, and where engines are processes
/// also of a task that one of them ran.
pub fn start(kinds: &[Kind]) -> distob::Result<Figures> {
    let mut figures = Vec::new();
    for kind in kinds {
        let mut samples = Vec::new();
        for _ in 0..7 {
            let start = Instant::now();
            let hub = Hub::builder().kind(kind.hub.kind()).engines(2).start()?;
            let a = hub.scatter(&array![1.0, 2.0, 3.0])?;
            assert_eq!((&a + &a).sum(), 12.0);
            if hub.kind() == EngineKind::Process {
                assert_eq!(hub.submit(|x: u64| x + 1, 1u64)?.wait()?, 2);
            }
            samples.push(start.elapsed().as_secs_f64());
        }
        figures.push((kind.name, median(samples)));
    }
    Ok(figures)
}

/// The formula of [`crate::options`], over arrays.
fn calls_and_puts(
    price: &DistArray1<f64>,
    strike: &DistArray1<f64>,
    time: &DistArray1<f64>,
) -> (DistArray1<f64>, DistArray1<f64>) {
    let spread = time.sqrt() * VOLATILITY;
    let d1 = ((price / strike).ln() + time * (RATE + 0.5 * VOLATILITY * VOLATILITY)) / &spread;
    let d2 = &d1 - spread;
    let discounted = strike * (time * -RATE).exp();
    let calls = price * normal(&d1) - &discounted * normal(&d2);
    let puts = &calls - price + discounted;
    (calls, puts)
}

fn normal(x: &DistArray1<f64>) -> DistArray1<f64> {
    let t = 1.0 / (1.0 + SCALE * x.abs());
    let [b1, b2, b3, b4, b5] = POLYNOMIAL;
    let polynomial = &t * (b1 + &t * (b2 + &t * (b3 + &t * (b4 + &t * b5))));
    let tail = DENSITY * (-0.5 * x * x).exp() * polynomial;
    x.less(0.0).choose(&tail, 1.0 - &tail)
}
