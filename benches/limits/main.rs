//! `cargo bench --bench limits`: the machine's floor, ndarray alone and with rayon, and distob, in one run, interleaved.
//!
//! One row a workload and size, the median seconds of each column, and which targets are met. Arguments choose:
//!
//! ```text
//! cargo bench --bench limits -- [SECTION...] [--quick] [--only add,sum] [--sizes 1e5,1e7] [--json FILE]
//! ```

mod floor;
mod inputs;
mod kernels;
mod options;
mod ours;
mod processes;
mod report;
mod rig;
mod rivals;
mod sleef;
mod small;
mod targets;
mod ufunc;

use clap::Parser;
use floor::Floor;
use inputs::Inputs;
use ours::Ours;
use report::Row;
use rig::{Column, Effort, measure};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The workloads over arrays, each with the sizes at which it makes sense.
const SPINE: &[(&str, &[usize])] = &[
    ("add", ALL),
    ("muladd", ALL),
    ("sum", ALL),
    ("sum0", ALL),
    ("sum1", ALL),
    ("mean0", ALL),
    ("var0", ALL),
    ("std", ALL),
    ("zscore", ALL),
    ("exp", ALL),
    ("ln", ALL),
    ("sin", ALL),
    ("cos", ALL),
    ("tanh", ALL),
    ("blackscholes", &[10_000_000]),
    ("gather", &[50_000_000]),
    ("scatter_foreign", &[50_000_000]),
];
const ALL: &[usize] = &[1_000, 100_000, 10_000_000, LARGEST];
const LARGEST: usize = 50_000_000;

/// What is measured of one hub by itself, on the largest arrays: name, unit, how.
type Single = (&'static str, &'static str, fn(&Ours) -> f64);
const SINGLE: &[Single] =
    &[("view", "seconds", Ours::view), ("view_first", "seconds", Ours::view_first), ("peak", "bytes", Ours::peak)];

/// What is measured without arrays.
type Tasks = (&'static str, fn(&[ours::Kind]) -> distob::Result<rig::Figures>);
const TASKS: &[Tasks] = &[("task_rtt", ours::task_rtt), ("task_rate", ours::task_rate), ("start", ours::start)];

/// Measures distob against the machine's floor and the competition.
#[derive(Parser)]
struct Args {
    /// Sections to run; all when none is named.
    sections: Vec<String>,
    /// Fewer rounds: everything in under three minutes.
    #[arg(long)]
    quick: bool,
    /// Workloads to run.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Numbers of elements to run with.
    #[arg(long, value_delimiter = ',')]
    sizes: Vec<f64>,
    /// Where the figures are written.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/limits.json"))]
    json: PathBuf,
    /// What cargo passes to every bench; without it (`cargo test --benches`) only a glance is taken.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    fn wants(&self, section: &str, workload: &str, elements: usize) -> bool {
        let sections = self.sections.is_empty() || self.sections.iter().any(|s| s == section);
        let only = self.only.is_empty() || self.only.iter().any(|w| w == workload);
        let sizes = if self.bench || elements <= 1000 {
            self.sizes.is_empty() || self.sizes.contains(&(elements as f64))
        } else {
            false
        };
        sections && only && sizes
    }

    /// Those of `sizes` that a section is to run with: none where it is not wanted.
    fn sizes_of(&self, section: &str, sizes: &[usize]) -> Vec<usize> {
        if !self.sections.is_empty() && !self.sections.iter().any(|s| s == section) {
            return Vec::new();
        }
        let wanted = |n: &usize| match self.bench {
            true => self.sizes.is_empty() || self.sizes.contains(&(*n as f64)),
            false => *n <= 1000,
        };
        sizes.iter().copied().filter(wanted).collect()
    }

    fn effort(&self) -> Effort {
        let ms = Duration::from_millis;
        if !self.bench {
            Effort { min_rounds: 1, max_rounds: 1, budget: ms(0), column: ms(0), sample: ms(0) }
        } else if self.quick {
            Effort { min_rounds: 2, max_rounds: 15, budget: ms(400), column: ms(300), sample: ms(1) }
        } else {
            Effort { min_rounds: 11, max_rounds: 51, budget: ms(5000), column: ms(20_000), sample: ms(5) }
        }
    }
}

#[distob::main]
fn main() -> distob::Result<()> {
    let args = Args::parse();
    if let Some(unknown) = args.sections.iter().find(|s| !matches!(s.as_str(), "spine" | "ufunc" | "small")) {
        eprintln!("no section {unknown:?}; there are: spine, ufunc, small");
        std::process::exit(2);
    }
    let begun = Instant::now();
    let effort = args.effort();
    let chosen = |w: &str, n: usize| args.wants("spine", w, n);
    let arrays = SPINE.iter().copied().chain(SINGLE.iter().map(|&(w, ..)| (w, &[LARGEST][..])));
    let sizes_of_ufunc: Vec<usize> = args.sizes_of("ufunc", &[1000, 10_000_000, LARGEST]);
    let largest = arrays
        .clone()
        .flat_map(|(w, sizes)| sizes.iter().copied().filter(move |&n| chosen(w, n)))
        .chain(sizes_of_ufunc.iter().copied())
        .max();

    let kinds = ours::kinds()?;
    let mut rows = Vec::new();
    let mut machine = report::machine("none measured");
    let floor = largest.map(Floor::new);
    if let (Some(largest), Some(floor)) = (largest, &floor) {
        let bytes = 5 * 8 * largest as u64;
        let huge = Floor::huge_bytes();
        let pages =
            if huge * 10 >= bytes * 9 { "2 MiB".to_owned() } else { format!("{huge} of {bytes} bytes in 2 MiB") };
        machine = report::machine(&pages);
        for (name, value) in &machine {
            println!("{name}: {value}");
        }
        for &elements in ALL {
            if !arrays.clone().any(|(w, sizes)| sizes.contains(&elements) && chosen(w, elements)) {
                continue;
            }
            let inputs = Inputs::new(elements);
            let ours: Vec<Ours> = kinds.iter().map(|k| Ours::new(k, &inputs)).collect::<Result<_, _>>()?;
            for (workload, sizes) in SPINE {
                if sizes.contains(&elements) && chosen(workload, elements) {
                    let mut columns = vec![floor_of(workload, floor, &inputs)];
                    for one in &ours {
                        columns.extend(one.columns(workload, &inputs));
                    }
                    columns.extend(rivals::columns(workload, &inputs));
                    let figures = measure(columns, effort);
                    rows.push(row(workload, elements, "seconds", figures));
                }
            }
            for (workload, unit, figure) in SINGLE {
                if elements == LARGEST && chosen(workload, elements) {
                    let figures = ours.iter().map(|one| (one.name(), figure(one))).collect();
                    rows.push(row(workload, elements, unit, figures));
                }
            }
        }
    }
    if !sizes_of_ufunc.is_empty()
        && let Some(floor) = &floor
    {
        let wants = |workload: &str, n: usize| {
            // Rows of fewer elements belong to the size that they are measured beside.
            args.only.is_empty() && (n >= 1000) || args.only.iter().any(|only| only == workload)
        };
        let bench = ufunc::Bench { floor, hub: kinds[0].hub.clone(), effort, wants: &wants, rows: Vec::new() };
        rows.extend(bench.run(&sizes_of_ufunc));
    }
    let small = small::rows(&kinds[0].hub, effort.brief(), &|workload, n| args.wants("small", workload, n));
    rows.extend(small);
    for (workload, figures) in TASKS {
        if args.bench && chosen(workload, 0) {
            rows.push(row(workload, 0, "seconds", figures(&kinds)?));
        }
    }
    let unmet = rows.iter().flat_map(|r| &r.verdicts).filter(|v| !v.met).count();
    let all: usize = rows.iter().map(|r| r.verdicts.len()).sum();
    println!("{} rows, {} of {all} targets met, {:.0} s", rows.len(), all - unmet, begun.elapsed().as_secs_f64());
    if !args.bench {
        return Ok(());
    }
    match report::write_json(&args.json, &machine, args.quick, &rows) {
        Ok(()) => println!("written to {}", args.json.display()),
        Err(e) => {
            eprintln!("{}: {e}", args.json.display());
            std::process::exit(1);
        }
    }
    Ok(())
}

fn row(workload: &'static str, elements: usize, unit: &'static str, figures: rig::Figures) -> Row {
    let targets = targets::targets(workload, elements);
    let verdicts = targets::judge(&["distob", "distob_process"], &targets, elements, &figures);
    let row = Row { section: "spine", workload: workload.to_owned(), elements, dtype: "f64", unit, figures, verdicts };
    row.print();
    row
}

/// The kernels that move what `workload` has to move.
fn floor_of<'a>(workload: &str, floor: &'a Floor, x: &'a Inputs) -> Column<'a> {
    let n = x.n;
    let column = match workload {
        "add" => Column::new("floor", move || floor.pass::<2, 1>(n)),
        "muladd" => Column::new("floor", move || floor.pass::<3, 1>(n)),
        "sum" | "sum0" | "sum1" | "mean0" | "var0" | "std" => Column::new("floor", move || floor.pass::<1, 0>(n)),
        // Read once for the moments, read again and written.
        "zscore" => Column::new("floor", move || {
            black_box(floor.pass::<1, 0>(n));
            floor.pass::<1, 1>(n)
        }),
        "blackscholes" => Column::new("floor", move || floor.pass::<3, 2>(n)),
        "gather" => Column::fresh("floor", move || floor.copy_to_fresh(n)),
        _ => Column::new("floor", move || floor.pass::<1, 1>(n)),
    };
    column.around(|| floor.team.run(&|_| ()), || floor.team.rest())
}
