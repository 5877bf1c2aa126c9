//! What each workload must reach, as the project set it before it was written.

use crate::rig::Figures;

/// Against what a figure is held.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// At least this fraction of the floor's speed.
    OfFloor(f64),
    /// At least so many times the speed of this column.
    Times(&'static str, f64),
    /// At least this fraction of the floor's speed or, where arithmetic and not memory is what limits, so many times the speed of
    /// this column.
    OfFloorOr(f64, &'static str, f64),
    /// At most this multiple of the column's time.
    AtMost(&'static str, f64),
    /// At most so many seconds (or bytes, where the row counts bytes).
    Below(f64),
}

/// A target, which column it is for, and the ratio that was reached.
pub struct Verdict {
    pub column: &'static str,
    pub target: Target,
    /// In the unit of the target.
    pub reached: f64,
    pub met: bool,
}

/// The targets of `workload` of the spine with `elements`, for the default column.
pub fn targets(workload: &str, elements: usize) -> Vec<Target> {
    use Target::{AtMost, Below, OfFloor, Times};
    let small = |at_1e3, at_1e5| vec![AtMost("ndarray", if elements <= 1000 { at_1e3 } else { at_1e5 })];
    let large = elements >= 10_000_000;
    match workload {
        "add" if large => vec![OfFloor(0.85), Times("ndarray", 4.0), Times("rayon_out", 1.3)],
        "muladd" if large => vec![OfFloor(0.85)],
        "add" | "muladd" | "zscore" if !large => small(1.0, 0.6),
        "sum" | "sum0" | "sum1" | "mean0" | "var0" | "std" if large => vec![OfFloor(0.85)],
        "sum" | "sum0" | "sum1" | "mean0" | "var0" | "std" => small(1.2, 1.0),
        "zscore" => vec![OfFloor(0.8)],
        "exp" | "ln" | "sin" | "cos" | "tanh" if large => vec![OfFloor(0.6)],
        "exp" | "ln" | "sin" | "cos" | "tanh" => small(1.0, 0.5),
        "blackscholes" => vec![Times("rayon", 8.0)],
        "view" => vec![Below(20e-6)],
        "view_first" => vec![Below(5e-3)],
        "gather" | "scatter_foreign" => vec![OfFloor(0.8)],
        "task_rtt" => vec![AtMost("floor", 5.0)],
        "task_rate" => vec![Below(2.0)],
        "start" => vec![Below(20e-3)],
        "peak" => vec![Below(832e6)],
        _ => vec![],
    }
}

/// Holds the figures of a row against its targets. The default column has to reach them at each size, the one with
/// process engines alone, where it is among `columns`, from 1e7 elements on, and where it is the only one.
pub fn judge(columns: &[&'static str], targets: &[Target], elements: usize, figures: &Figures) -> Vec<Verdict> {
    let of = |name: &str| figures.iter().find(|(n, _)| *n == name).map(|f| f.1);
    let mut verdicts = Vec::new();
    for &column in columns {
        let Some(own) = of(column) else { continue };
        if column == "distob_process" && elements < 10_000_000 && of("distob").is_some() {
            continue;
        }
        for &target in targets {
            let (reached, met) = match target {
                Target::OfFloor(least) => match of("floor") {
                    Some(floor) => (floor / own, floor / own >= least),
                    None => continue,
                },
                Target::OfFloorOr(least, other, times) => match (of("floor"), of(other)) {
                    (Some(floor), rival) => {
                        let enough = rival.is_some_and(|rival| rival / own >= times);
                        (floor / own, floor / own >= least || enough)
                    }
                    _ => continue,
                },
                Target::Times(other, least) => {
                    // The best of a rival's ways counts.
                    let ways =
                        figures.iter().filter(|(n, _)| n.starts_with(other) && (*n == other || n.contains("_slices")));
                    match ways.map(|f| f.1).min_by(f64::total_cmp) {
                        Some(time) => (time / own, time / own >= least),
                        None => continue,
                    }
                }
                Target::AtMost(other, most) => match of(other) {
                    Some(time) => (own / time, own / time <= most),
                    None => continue,
                },
                Target::Below(most) => (own, own <= most),
            };
            verdicts.push(Verdict { column, target, reached, met });
        }
    }
    verdicts
}

impl Verdict {
    /// As a row shows it, such as `distob 0.91 of floor (>= 0.85, met)`.
    pub fn text(&self) -> String {
        let met = if self.met { "met" } else { "NOT MET" };
        let (column, reached) = (self.column, self.reached);
        match self.target {
            Target::OfFloor(least) => format!("{column} {reached:.2} of floor (>= {least}, {met})"),
            Target::OfFloorOr(least, other, times) => {
                format!("{column} {reached:.2} of floor (>= {least}, or {times} times {other}, {met})")
            }
            Target::Times(other, least) => format!("{column} {reached:.2} times {other} (>= {least}, {met})"),
            Target::AtMost(other, most) => format!("{column} {reached:.2} of {other}'s time (<= {most}, {met})"),
            Target::Below(most) => format!("{column} {reached:.3e} (<= {most:.3e}, {met})"),
        }
    }
}
