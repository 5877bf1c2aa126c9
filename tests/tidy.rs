//! The house rules, kept by a test: what each file says of itself, which layer may know which, where `unsafe` lives.

use std::fs;
use std::path::{Path, PathBuf};

/// Layers of `src/`, each with those that it may name, besides itself and `error`.
const LAYERS: &[(&str, &[&str])] = &[
    ("transport", &[]),
    ("cluster", &["transport"]),
    ("proxy", &["cluster"]),
    ("array", &["transport", "cluster", "element"]),
];

/// The folder of the kernels, which are a crate: it names none of the layers, and what may name it are arrays, elements and errors.
const KERNELS: &str = "ufunc";
const KNOW_KERNELS: &[&str] = &["array", "compile_fail", "element.rs", "error.rs", "lib.rs"];

/// Lines of a file that nobody has to scroll through for long.
const MOST_LINES: usize = 700;

/// Files that may import each other in a circle: what belongs together that closely is better one file, or has an order.
const MOST_IN_A_CIRCLE: usize = 3;

/// How far above an `unsafe` block its argument may stand.
const SAFETY_WITHIN: usize = 6;

/// The files of `src/`, tests aside, that may hold `unsafe`: mappings, raw views, kernels over raw pointers, vector
/// instructions, functions that travel. A new one is a decision, and is made by adding it here.
const UNSAFE: &[&str] = &[
    "array/evaluate/driver.rs",
    "array/evaluate/eager.rs",
    "array/evaluate/execute.rs",
    "array/loops/map_with.rs",
    "array/loops/rows.rs",
    "array/loops/walk.rs",
    "array/method/along.rs",
    "array/method/at.rs",
    "array/method/matrix.rs",
    "array/method/resident.rs",
    "array/npy/files.rs",
    "array/npy/map.rs",
    "array/storage/copy.rs",
    "array/storage/owned.rs",
    "array/storage/shared.rs",
    "array/storage/store.rs",
    "cluster/catch.rs",
    "cluster/engine.rs",
    "cluster/image.rs",
    "cluster/ship.rs",
    "cluster/spawn.rs",
    "cluster/thread_pool.rs",
    "element.rs",
    "transport/endpoint/conformance/backends.rs",
    "transport/endpoint/memory.rs",
    "transport/endpoint/shm/mod.rs",
    "transport/fork.rs",
    "transport/futex.rs",
    "transport/region.rs",
    "transport/segment/heap.rs",
    "transport/segment/sys.rs",
    "ufunc/cost.rs",
    "ufunc/fold/arg.rs",
    "ufunc/fold/both.rs",
    "ufunc/fold/deviations.rs",
    "ufunc/fold/kernel.rs",
    "ufunc/fold/leading.rs",
    "ufunc/fold/mod.rs",
    "ufunc/fold/pairwise.rs",
    "ufunc/fold/state.rs",
    "ufunc/fold/trailing.rs",
    "ufunc/kernel/arith.rs",
    "ufunc/kernel/mod.rs",
    "ufunc/map.rs",
    "ufunc/matrix/mod.rs",
    "ufunc/matrix/tile.rs",
    "ufunc/matrix/work.rs",
    "ufunc/operand_loader.rs",
    "ufunc/plan.rs",
    "ufunc/program/code.rs",
    "ufunc/program/fault.rs",
    "ufunc/scan/chain.rs",
    "ufunc/scan/columns.rs",
    "ufunc/scan/lanes.rs",
    "ufunc/scan/mod.rs",
    "ufunc/scan/plain.rs",
    "ufunc/scan/work.rs",
    "ufunc/scatter/kernels.rs",
    "ufunc/scatter/mod.rs",
    "ufunc/scatter/places.rs",
    "ufunc/scatter/work.rs",
    "ufunc/segment/apart.rs",
    "ufunc/segment/grouped.rs",
    "ufunc/segment/mod.rs",
    "ufunc/segment/plain.rs",
    "ufunc/segment/rows.rs",
    "ufunc/segment/runs.rs",
    "ufunc/segment/step.rs",
    "ufunc/segment/tree.rs",
    "ufunc/segment/work.rs",
    "ufunc/small.rs",
    "ufunc/stream.rs",
    "ufunc/strided.rs",
    "ufunc/transpose.rs",
    "ufunc/transpose_tile.rs",
    "ufunc/value.rs",
    "ufunc/view.rs",
    "ufunc/work/mod.rs",
    "ufunc/work/pieces.rs",
    "ufunc/work/plan.rs",
    "ufunc/work/protocol.rs",
];

struct Source {
    /// From the root of the repository, with `/`.
    name: String,
    text: String,
}

impl Source {
    /// Lines of code with their numbers from 1: no comment lines, and nothing from the tests inside the file on.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let end = lines
            .windows(2)
            .position(|w| w[0] == "#[cfg(test)]" && w[1].starts_with("mod ") && w[1].ends_with('{'))
            .unwrap_or(lines.len());
        let code = lines.into_iter().take(end).enumerate();
        code.map(|(i, line)| (i + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_test(&self) -> bool {
        self.name.ends_with("tests.rs") || self.name.contains("/tests/")
    }

    /// Its path below `src/`, where it is there.
    fn below_src(&self) -> Option<&str> {
        self.name.strip_prefix("src/")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files of the repository with one of these endings (an empty one: files without any), without what is built or is not ours.
fn sources(endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut todo: Vec<PathBuf> = vec![root().to_path_buf()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                if !matches!(name.as_str(), "target" | ".git") {
                    todo.push(path);
                }
            } else if endings.iter().any(|e| if e.is_empty() { !name.contains('.') } else { name.ends_with(e) }) {
                let below = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push(Source { name: below, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn rust() -> Vec<Source> {
    let all = sources(&[".rs"]);
    assert!(all.len() > 10, "the walk found {} files only", all.len());
    all
}

/// Fails with all findings at once.
fn report(rule: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{rule}:\n{}", findings.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent = rust().into_iter().filter(|s| !s.text.starts_with("//! "));
    report("a file begins with `//!` and the idea that it is", silent.map(|s| s.name).collect());
}

#[test]
fn layers_know_only_what_is_below_them() {
    let modules: Vec<&str> = LAYERS.iter().map(|(layer, _)| *layer).collect();
    let mut wrong = Vec::new();
    for source in rust() {
        let Some(layer) = source.below_src().and_then(|s| s.split_once('/')).map(|(layer, _)| layer) else { continue };
        if source.is_test() {
            continue;
        }
        let Some((_, may)) = LAYERS.iter().find(|(l, _)| *l == layer) else { continue };
        let code: Vec<(usize, &str)> = source.code().collect();
        for &(number, line) in &code {
            for (_, rest) in line.match_indices("crate::").map(|(i, m)| (i, &line[i + m.len()..])) {
                let named = match rest.strip_prefix('{') {
                    // `use crate::{error::Error, transport::Pool};` names the start of each part.
                    Some(list) => list.split(',').map(first_word).collect(),
                    None => vec![first_word(rest)],
                };
                for other in named {
                    if modules.contains(&other) && other != layer && !may.contains(&other) {
                        wrong.push(format!("{}:{number}: {layer} names {other}: {}", source.name, line.trim()));
                    }
                }
            }
        }
    }
    report("no arrow goes back up", wrong);
}

/// The module that a file below `src/` is, from the root of its crate on.
fn module_of(below: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = below.strip_suffix(".rs").unwrap_or(below).split('/').collect();
    if matches!(parts.last(), Some(&"mod" | &"lib")) {
        parts.pop();
    }
    parts
}

/// Identifiers, `::`, `{` and `}` of code; all else is one `,`.
fn tokens(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            _ if word(first) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        let token = &rest[..length];
        match token {
            "::" | "{" | "}" => found.push(token),
            _ if word(first) => found.push(token),
            _ if first.is_whitespace() => {}
            _ => found.push(","),
        }
        rest = &rest[length..];
    }
    found
}

/// The paths that begin at `tokens[at]`, behind `prefix`: several where a group ends it. Gives the place behind them.
fn paths<'a>(tokens: &[&'a str], mut at: usize, prefix: &[&'a str], found: &mut Vec<Vec<&'a str>>) -> usize {
    let mut path = prefix.to_vec();
    while let Some(&word) = tokens.get(at).filter(|token| !matches!(**token, "::" | "{" | "}" | ",")) {
        path.push(word);
        at += 1;
        if tokens.get(at) != Some(&"::") {
            break;
        }
        at += 1;
        if tokens.get(at) == Some(&"{") {
            at += 1;
            while tokens.get(at).is_some_and(|token| *token != "}") {
                at = paths(tokens, at, &path, found).max(at + 1);
            }
            return at + 1;
        }
    }
    if path.len() > prefix.len() && path.len() > 1 {
        found.push(path);
    }
    at
}

/// The files that a file names, by their numbers. What it takes from the modules that it is in is no import: `mod.rs` and its children are
/// one unit, and so is the crate's root, which hands names on.
fn imports(source: &Source, own: &[&str], number_of: impl Fn(&[&str]) -> Option<usize>) -> Vec<usize> {
    let mut code = String::new();
    let mut skips = false;
    for (_, line) in source.code() {
        let conditional = matches!(line.trim(), "#[cfg(test)]" | "#[cfg(doc)]");
        if !skips && !conditional {
            code.push_str(line.split(" //").next().unwrap_or(line));
            code.push('\n');
        }
        skips = conditional || (skips && !line.trim_end().ends_with([';', '}']));
    }
    let tokens = tokens(&code);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        at = paths(&tokens, at, &[], &mut found).max(at + 1);
    }
    let root = if own.first() == Some(&KERNELS) { 1 } else { 0 };
    let target = |path: &Vec<&str>| {
        let ups = path.iter().take_while(|word| **word == "super").count();
        let (base, rest) = match path.first() {
            Some(&"crate") => (&own[..root], &path[1..]),
            Some(&"self") => (own, &path[1..]),
            Some(&"super") => (&own[..own.len().saturating_sub(ups)], &path[ups..]),
            _ => (own, &path[..]),
        };
        let whole: Vec<&str> = base.iter().chain(rest).copied().collect();
        let longest = (base.len()..=whole.len()).rev().find(|&end| number_of(&whole[..end]).is_some())?;
        let target = &whole[..longest];
        if own.starts_with(target) { None } else { number_of(target) }
    };
    found.iter().filter_map(target).collect()
}

#[test]
fn no_circle_of_imports_is_long() {
    let left_out = ["tests", "loom", "conformance", "compile_fail"];
    let files: Vec<Source> = rust()
        .into_iter()
        .filter(|s| s.below_src().is_some_and(|below| module_of(below).iter().all(|part| !left_out.contains(part))))
        .collect();
    let modules: Vec<Vec<&str>> = files.iter().map(|s| module_of(s.below_src().unwrap())).collect();
    let number_of = |path: &[&str]| modules.iter().position(|module| !module.is_empty() && *module == path);
    let n = files.len();
    let mut reaches = vec![vec![false; n]; n];
    let mut arrows = 0;
    for (from, source) in files.iter().enumerate() {
        for to in imports(source, &modules[from], number_of) {
            arrows += usize::from(!std::mem::replace(&mut reaches[from][to], true));
        }
    }
    // Were the imports not understood, there would be no circles either.
    assert!(arrows > 2 * n, "{arrows} imports in {n} files");
    for via in 0..n {
        let beyond = reaches[via].clone();
        for row in reaches.iter_mut().filter(|row| row[via]) {
            row.iter_mut().zip(&beyond).for_each(|(reached, &there)| *reached |= there);
        }
    }
    let circle_of = |one: usize| -> Vec<&str> {
        (0..n).filter(|&two| reaches[one][two] && reaches[two][one]).map(|two| files[two].name.as_str()).collect()
    };
    let mut long: Vec<Vec<&str>> = (0..n).map(circle_of).filter(|circle| circle.len() > MOST_IN_A_CIRCLE).collect();
    long.dedup();
    report("files import each other in short circles only", long.iter().map(|circle| circle.join(", ")).collect());
}

#[test]
fn kernels_know_nobody_and_arrays_alone_know_kernels() {
    let mut wrong = Vec::new();
    for source in rust() {
        let Some(below) = source.below_src() else { continue };
        if source.is_test() {
            continue;
        }
        let top = below.split('/').next().unwrap_or(below);
        for (number, line) in source.code() {
            let names = |what: &str| line.contains(what);
            let above = top == KERNELS && (names("distob::") || names("ndarray::"));
            if above || (names("kernels::") && top != KERNELS && !KNOW_KERNELS.contains(&top)) {
                wrong.push(format!("{}:{number}: {}", source.name, line.trim()));
            }
        }
    }
    report("kernels know nobody, and arrays alone know kernels", wrong);
    let manifest = fs::read_to_string(root().join("src").join(KERNELS).join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
    assert!(!dependencies.contains("distob =") && !dependencies.contains("ndarray"), "{dependencies}");
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("")
}

#[test]
fn unsafe_is_argued_and_where_it_may_be() {
    let mut wrong = Vec::new();
    for source in rust() {
        let lines: Vec<&str> = source.text.lines().collect();
        let mut any = false;
        for (i, line) in lines.iter().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            let code = line.split(" //").next().unwrap_or(line);
            let says = |what: &str| code.contains(&["unsafe", what].join(" "));
            let block = ["{", "impl", "extern"].into_iter().any(says);
            any |= block || says("fn");
            if block {
                let above = &lines[i.saturating_sub(SAFETY_WITHIN)..=i];
                if !above.iter().any(|l| l.contains("SAFETY:")) {
                    wrong.push(format!("{}:{}: no `// SAFETY:` above: {}", source.name, i + 1, line.trim()));
                }
            }
        }
        if let Some(below) = source.below_src()
            && any
            && !source.is_test()
            && !UNSAFE.contains(&below)
        {
            wrong.push(format!("{}: holds `unsafe`, and is not among the files that may", source.name));
        }
    }
    for name in UNSAFE {
        if !root().join("src").join(name).is_file() {
            wrong.push(format!("src/{name} may hold `unsafe`, and is not there"));
        }
    }
    report("each `unsafe` has its argument and its place", wrong);
}

#[test]
fn files_are_short() {
    let long = rust().into_iter().filter(|s| s.name.starts_with("src/") && s.text.lines().count() > MOST_LINES);
    report("a file is one idea", long.map(|s| format!("{}: {} lines", s.name, s.text.lines().count())).collect());
}

#[test]
fn no_file_is_dead() {
    let all = rust();
    let text = |name: &str| all.iter().find(|s| s.name == name).map(|s| s.text.as_str());
    let mut dead = Vec::new();
    for source in &all {
        let Some(below) = source.below_src() else { continue };
        let stem = below.strip_suffix("/mod.rs").or(below.strip_suffix(".rs")).unwrap();
        if stem.split('/').next_back() == Some("lib") || stem == "main" || stem.starts_with("bin/") {
            continue;
        }
        let (parents, module) = match stem.rsplit_once('/') {
            Some((parent, module)) => (["/mod.rs", ".rs", "/lib.rs"].map(|end| format!("src/{parent}{end}")), module),
            None => (["src/lib.rs", "src/main.rs", "src/lib.rs"].map(str::to_owned), stem),
        };
        let declared = |parent: &String| {
            text(parent).is_some_and(|t| t.lines().any(|l| l.trim().ends_with(&format!("mod {module};"))))
        };
        if !parents.iter().any(declared) {
            dead.push(format!("{}: no `mod {module};` in {}", source.name, parents.join(" or ")));
        }
    }
    report("every file is part of the crate", dead);
}

#[test]
fn nothing_is_left_undone() {
    // Put together here, so that this file does not find itself.
    let words = [
        ["to", "do!("].concat(),
        ["unimple", "mented!("].concat(),
        ["db", "g!("].concat(),
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["#[ign", "ore"].concat(),
        ["allow(dead", "_code"].concat(),
    ];
    let mut left = Vec::new();
    for source in rust() {
        for (i, line) in source.text.lines().enumerate() {
            if let Some(word) = words.iter().find(|w| line.contains(w.as_str())) {
                left.push(format!("{}:{}: {word}", source.name, i + 1));
            }
        }
    }
    report("nothing is left undone, unused or unrun", left);
}

#[test]
fn no_path_of_one_machine_is_named() {
    let paths = ["work", "root", "home", "Users"].map(|top| format!("/{top}/"));
    let mut named = Vec::new();
    for source in sources(&[".rs", ".md", ".toml", ".py", ".sh", ".yml", ".json", ".lock", ""]) {
        for (i, line) in source.text.lines().enumerate() {
            // A web address may have such a part.
            let words = line.split_whitespace().filter(|word| !word.contains("://"));
            if words.clone().any(|word| {
                paths.iter().any(|p| word.trim_start_matches(['"', '\'', '`', '(']).starts_with(p.as_str()))
            }) {
                named.push(format!("{}:{}: {}", source.name, i + 1, line.trim()));
            }
        }
    }
    report("the repository names no path of a machine", named);
}
