//! A month of hourly temperature over the United Kingdom (ERA5, March 2019), computed with arrays in shared memory.
//!
//! `cargo run --release --example climate [FILE.npy]` reads a float32 file of shape (time, latitude, longitude), hourly,
//! whole days, in kelvin. Every number below is computed by engines. The data are float32 and stay so in memory;
//! `astype::<f64>()` is part of each expression, so all arithmetic is in float64 and no converted copy is ever stored.
//! (Without it sums and moments of float32 accumulate in float64 too, and are rounded to float32 once, at the end.)

use distob::prelude::*;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Kelvin at which water freezes.
const FREEZING: f64 = 273.15;
const HOURS: usize = 24;

/// Where the cells of the file that comes with the example are: degrees north and east of cell (0, 0), and the step.
const NORTH: f64 = 58.0;
const WEST: f64 = -10.0;
const STEP: f64 = 0.25;
const GRID: [usize; 2] = [33, 49];

#[distob::main]
fn main() -> distob::Result<()> {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/era5_uk_t2m_201903.npy");
    let path = std::env::args_os().nth(1).map_or_else(own, PathBuf::from);
    let mut steps = Steps::default();

    let hub = steps.time("start the engines", Hub::local)?;
    let _entered = hub.enter();
    let t: DistArray3<f32> = steps.time("read the file into the pool", || hub.open_npy(&path))?;
    let (times, north, east) = t.dim();
    if times == 0 || times % HOURS != 0 || north * east == 0 {
        let what = format!("shape {:?}: hours of whole days, then latitude and longitude, are wanted", t.shape());
        return Err(distob::Error::File { path: path.display().to_string(), what });
    }
    let grid = Grid { known: [north, east] == GRID };
    row("shape", format!("{:?}", t.dim()));
    row("type", "f32, reduced in f64");

    // An expression, not an array: whatever is computed from it converts as it reads.
    let kelvin = t.astype::<f64>();
    steps.time("minimum, maximum, mean, deviation", || {
        row("minimum", format!("{:.4} K", kelvin.min().unwrap_or(f64::NAN)));
        row("maximum", format!("{:.4} K", kelvin.max().unwrap_or(f64::NAN)));
        row("mean", format!("{:.10} K", kelvin.mean().unwrap_or(f64::NAN)));
        row("standard deviation", format!("{:.10} K", kelvin.std(0.0)));
    });
    steps.time("the warmest cell and hour", || {
        let warmest = t.argmax().expect("there is a cell and an hour");
        let (hour, i, j) = warmest;
        row("warmest", format!("{warmest:?}  {:.2} K, {}, {}", t[warmest], date(hour), grid.place(i, j)));
    });
    steps.time("hours of frost", || {
        let frost = kelvin.less(FREEZING);
        let each = frost.count_axis(Axis(0));
        let most = each.argmax().expect("there is a cell");
        row("frost hours", each.sum());
        row("most frost at", format!("{most:?}  {} of {times} hours, {}", each[most], grid.place(most.0, most.1)));
    });

    // Each cell's mean day, and how far each hour is from it.
    let days = t.reshape((times / HOURS, HOURS, north, east)).astype::<f64>();
    let cycle = steps
        .time("the mean daily cycle of each cell", || days.mean_axis(Axis(0)).expect("there is a day").evaluated())?;
    steps.time("anomalies against the daily cycle", || -> distob::Result<()> {
        let anomaly = (&days - &cycle).evaluated()?;
        let mean_square = (&anomaly * &anomaly).mean().unwrap_or(f64::NAN);
        row("anomaly rms", format!("{:.10} K", mean_square.sqrt()));
        row("anomaly minimum", format!("{:.4} K", anomaly.min().unwrap_or(f64::NAN)));
        row("anomaly maximum", format!("{:.4} K", anomaly.max().unwrap_or(f64::NAN)));
        Ok(())
    })?;
    steps.time("z-scores of all cells and hours", || -> distob::Result<()> {
        let mean = kelvin.mean_axis(Axis(0)).expect("there is an hour");
        let z = ((&kelvin - &mean) / kelvin.std_axis(Axis(0), 0.0)).evaluated()?;
        let at = [100.min(times - 1), 10.min(north - 1), 20.min(east - 1)];
        row(&format!("z-score of {at:?}"), format!("{:.10}", z[at]));
        Ok(())
    })?;
    steps.time("the linear trend of each cell", || {
        // Least squares over the hours, which are the same for each cell: the slope is a weighted sum.
        let hours = DistArray::range(0.0, times as f64, 1.0);
        let centred = &hours - (times - 1) as f64 / 2.0;
        let squares = (&centred * &centred).sum();
        let weights = centred.reshape((times, 1, 1));
        let slope = (&kelvin * &weights).sum_axis(Axis(0)) * (HOURS as f64 / squares);
        row("trend", format!("{:.10} K/day", slope.mean().unwrap_or(f64::NAN)));
    });

    let (name, i, j) = if grid.known { ("London", 26, 40) } else { ("Middle", north / 2, east / 2) };
    // A dereference: from here on it is an ndarray, in the memory where the engines computed it.
    let day = cycle.slice(s![.., i, j]);
    row(&format!("{name} at 00 h"), format!("{:.6} K", day[0]));
    row(&format!("{name} at 14 h"), format!("{:.6} K", day[14]));
    println!("\nMean day at {name} (cell {i}, {j}), hours UTC, K:");
    for (six, values) in day.as_slice().map_or_else(|| day.to_vec(), <[f64]>::to_vec).chunks(6).enumerate() {
        let values: Vec<String> = values.iter().map(|v| format!("{v:.4}")).collect();
        println!("  {:02} h  {}", 6 * six, values.join("  "));
    }
    plot(&day);

    steps.print();
    println!("\nWho did what:");
    for part in hub.activity() {
        let pid = part.pid.map_or(String::new(), |pid| format!(" (process {pid})"));
        let work = part.counters;
        let moved = megabytes(work.bytes);
        println!("  {:<28}{:>6} chunks  {moved:>10}  {:>4} tasks", part.name + &pid, work.chunks, work.tasks);
    }
    let memory = hub.memory();
    println!("\nCopied between processes: 0 bytes; they map the same memory.");
    println!("Copied into or out of the pool by scatter and gather: {} bytes.", hub.copied_bytes());
    println!("Peak memory: {} in arrays, of a quota of {}.", megabytes(memory.peak_in_use), megabytes(memory.quota));
    Ok(())
}

fn row(label: &str, value: impl std::fmt::Display) {
    println!("{label:<26}{value}");
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The hour of the file, as a date of the month.
fn date(hour: usize) -> String {
    format!("day {} at {:02} h", hour / HOURS + 1, hour % HOURS)
}

/// Where the cells are.
struct Grid {
    known: bool,
}

impl Grid {
    fn place(&self, i: usize, j: usize) -> String {
        if !self.known {
            return format!("cell ({i}, {j})");
        }
        let (north, east) = (NORTH - STEP * i as f64, WEST + STEP * j as f64);
        format!("{north:.2} N, {:.2} {}", east.abs(), if east < 0.0 { "W" } else { "E" })
    }
}

/// How long each step took.
#[derive(Default)]
struct Steps(Vec<(&'static str, Duration)>);

impl Steps {
    fn time<T>(&mut self, name: &'static str, step: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = step();
        self.0.push((name, start.elapsed()));
        result
    }

    fn print(&self) {
        println!("\nHow long it took:");
        for (name, took) in &self.0 {
            println!("  {name:<36}{:>9.3} ms", took.as_secs_f64() * 1e3);
        }
    }
}

/// A curve of 24 values, eight lines high.
fn plot(day: &ArrayView1<f64>) {
    const LINES: usize = 8;
    let (low, high) = day.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    let line_of = |v: f64| (((v - low) / (high - low).max(f64::MIN_POSITIVE)) * (LINES - 1) as f64).round() as usize;
    println!();
    for line in (0..LINES).rev() {
        let scale = low + (high - low) * line as f64 / (LINES - 1) as f64;
        let marks: String = day.iter().map(|&v| if line_of(v) == line { " * " } else { "   " }).collect();
        println!("  {scale:7.2} |{}", marks.trim_end());
    }
    println!("          +{}", "-".repeat(3 * day.len()));
    println!("           {}", (0..day.len()).step_by(3).map(|h| format!("{h:<9}")).collect::<String>());
}
