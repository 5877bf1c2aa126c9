//! What a run says: a line for each row as it is done, and `target/limits.json` with all of them.

use crate::rig::Figures;
use crate::targets::Verdict;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// The result of one workload with one number of elements.
pub struct Row {
    pub section: &'static str,
    pub workload: String,
    pub elements: usize,
    pub dtype: &'static str,
    /// What the figures count: `seconds`, or `bytes`.
    pub unit: &'static str,
    pub figures: Figures,
    pub verdicts: Vec<Verdict>,
}

impl Row {
    pub fn print(&self) {
        let mut line = format!("{:<24}{:>6}  ", self.workload, power(self.elements));
        for (name, value) in &self.figures {
            let value = if self.unit == "bytes" { format!("{:.1} MB", value / 1e6) } else { time(*value) };
            let _ = write!(line, " {name} {value} |");
        }
        println!("{}", line.trim_end_matches('|'));
        for verdict in &self.verdicts {
            println!("{:<24}{}", "", verdict.text());
        }
    }
}

fn power(n: usize) -> String {
    match n {
        0 => String::new(),
        _ => format!("{n:.0e}").replace("e0", ""),
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.1} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.2} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// What the figures depend on: names and values, the values as JSON.
pub fn machine(floor_pages: &str) -> Vec<(&'static str, String)> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, key: &str| {
        let line = text.lines().find(|l| l.starts_with(key)).and_then(|l| l.split_once(':'));
        line.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let kib = after(&read("/proc/meminfo"), "MemTotal").replace(" kB", "").parse::<u64>().unwrap_or(0);
    let load = read("/proc/loadavg").split(' ').next().unwrap_or("").to_owned();
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    vec![
        ("cpu", quote(&after(&read("/proc/cpuinfo"), "model name"))),
        ("architecture", quote(std::env::consts::ARCH)),
        ("vectors", quote(crate::kernels::vectors())),
        ("cores", std::thread::available_parallelism().map_or(1, usize::from).to_string()),
        ("memory_bytes", (kib * 1024).to_string()),
        ("kernel", quote(read("/proc/sys/kernel/osrelease").trim())),
        ("thp_enabled", quote(read("/sys/kernel/mm/transparent_hugepage/enabled").trim())),
        ("thp_shmem_enabled", quote(read("/sys/kernel/mm/transparent_hugepage/shmem_enabled").trim())),
        ("floor_pages", quote(floor_pages)),
        ("load_at_start", load.parse::<f64>().unwrap_or(0.0).to_string()),
        ("unix_time", since_epoch.map_or(0, |d| d.as_secs()).to_string()),
    ]
}

/// Writes all rows to `path`.
pub fn write_json(path: &Path, machine: &[(&'static str, String)], quick: bool, rows: &[Row]) -> io::Result<()> {
    let mut text = String::from("{\n \"machine\": {");
    let machine: Vec<String> = machine.iter().map(|(name, value)| format!("{}: {value}", quote(name))).collect();
    let _ = write!(text, "{}}},\n \"quick\": {quick},\n \"rows\": [", machine.join(", "));
    for (i, row) in rows.iter().enumerate() {
        let figures: Vec<String> =
            row.figures.iter().map(|(name, v)| format!("{}: {}", quote(name), number(*v))).collect();
        let targets: Vec<String> = row
            .verdicts
            .iter()
            .map(|v| {
                let (text, met) = (quote(&v.text()), v.met);
                format!(
                    "{{\"column\": {}, \"reached\": {}, \"met\": {met}, \"text\": {text}}}",
                    quote(v.column),
                    number(v.reached)
                )
            })
            .collect();
        let _ = write!(
            text,
            "{}\n  {{\"section\": {}, \"workload\": {}, \"elements\": {}, \"dtype\": {}, {}: {{{}}}, \"targets\": [{}]}}",
            if i == 0 { "" } else { "," },
            quote(row.section),
            quote(&row.workload),
            row.elements,
            quote(row.dtype),
            quote(row.unit),
            figures.join(", "),
            targets.join(", ")
        );
    }
    text += "\n ]\n}\n";
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, text)
}

fn number(value: f64) -> String {
    // JSON knows no infinity and no NaN.
    if value.is_finite() { format!("{value:e}") } else { "null".to_owned() }
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}
