//! Measuring: the columns of a row run one after the other in each round, so that what the machine does to one it does
//! to all, and each column's figure is the median over the rounds.

use std::time::{Duration, Instant};

/// One way to do a workload.
pub struct Column<'a> {
    pub name: &'static str,
    /// Does it once.
    run: Box<dyn FnMut() + 'a>,
    /// Before a sample: wakes what has to be awake.
    before: Box<dyn FnMut() + 'a>,
    /// After a sample: puts to rest what would disturb the next.
    after: Box<dyn FnMut() + 'a>,
    /// Runs before anything is counted: they pay for pages, threads and code that are not there yet.
    warmups: u32,
    /// Runs for one sample.
    repeats: u32,
    samples: Vec<f64>,
}

impl<'a> Column<'a> {
    /// A column whose result, if there is any, is thrown away at once.
    pub fn new<T>(name: &'static str, mut run: impl FnMut() -> T + 'a) -> Column<'a> {
        let run = Box::new(move || drop(std::hint::black_box(run())));
        Column { name, run, before: Box::new(|| ()), after: Box::new(|| ()), warmups: 1, repeats: 1, samples: vec![] }
    }

    /// A column that keeps each result until the next is there, and drops it then, as a user's loop does.
    pub fn fresh<T: 'a>(name: &'static str, mut make: impl FnMut() -> T + 'a) -> Column<'a> {
        let mut last = None;
        let mut column = Column::new(name, move || drop(last.replace(std::hint::black_box(make()))));
        // Two results are there at a time, so the second run needs memory of its own too.
        column.warmups = 2;
        column
    }

    pub fn around(mut self, before: impl FnMut() + 'a, after: impl FnMut() + 'a) -> Self {
        self.before = Box::new(before);
        self.after = Box::new(after);
        self
    }

    fn sample(&mut self) -> Duration {
        (self.before)();
        let start = Instant::now();
        for _ in 0..self.repeats {
            (self.run)();
        }
        let took = start.elapsed();
        (self.after)();
        took
    }
}

/// How long a row may take.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    pub min_rounds: usize,
    pub max_rounds: usize,
    /// No further round begins after this, once there are `min_rounds`.
    pub budget: Duration,
    /// A column that has two samples and took this long, or one and twice as long, sits the further rounds out: one
    /// slow way is not to make the whole run slow.
    pub column: Duration,
    /// How long one sample of a short workload is made by repeating it.
    pub sample: Duration,
}

impl Effort {
    /// The effort of one of very many rows.
    pub fn brief(self) -> Effort {
        let ms = Duration::from_millis;
        Effort {
            min_rounds: self.min_rounds.min(5),
            budget: self.budget.min(ms(700)),
            column: self.column.min(ms(500)),
            ..self
        }
    }
}

/// A figure for each column that has one.
pub type Figures = Vec<(&'static str, f64)>;

/// Measures the columns against each other: median seconds for one run of each.
pub fn measure(mut columns: Vec<Column<'_>>, effort: Effort) -> Figures {
    for column in &mut columns {
        let mut once = Duration::ZERO;
        for run in 0..=column.warmups {
            // What takes this long has paid for its pages and more; another run only makes it later.
            if run == 0 || once < effort.column * 2 {
                once = column.sample();
            }
        }
        let fits = effort.sample.as_nanos() / once.as_nanos().max(20);
        column.repeats = u32::try_from(fits).unwrap_or(u32::MAX).clamp(1, 1_000_000);
        if column.repeats > 1 {
            // Once more from a warm state, since the second run of something short is still a slow one.
            let took = column.sample() / column.repeats;
            let fits = effort.sample.as_nanos() / took.as_nanos().max(1);
            column.repeats = u32::try_from(fits).unwrap_or(u32::MAX).clamp(1, 10_000_000);
        } else {
            column.samples.push(once.as_secs_f64());
        }
    }
    let start = Instant::now();
    let count = columns.len();
    for round in 0..effort.max_rounds {
        if round >= effort.min_rounds && start.elapsed() > effort.budget {
            break;
        }
        // Each round begins with another column: none is always the one after the same neighbour.
        for i in 0..count {
            let column = &mut columns[(i + round) % count];
            let spent = column.samples.iter().sum::<f64>() * f64::from(column.repeats);
            let enough = effort.column.as_secs_f64() * if column.samples.len() >= 2 { 1.0 } else { 2.0 };
            if !column.samples.is_empty() && spent > enough {
                continue;
            }
            let took = column.sample();
            let each = took.as_secs_f64() / f64::from(column.repeats);
            column.samples.push(each);
        }
    }
    columns.into_iter().map(|c| (c.name, median(c.samples))).collect()
}

pub fn median(mut samples: Vec<f64>) -> f64 {
    assert!(!samples.is_empty(), "a median of nothing");
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    if samples.len() % 2 == 1 { samples[middle] } else { 0.5 * (samples[middle - 1] + samples[middle]) }
}
