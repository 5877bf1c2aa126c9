//! `docs/ufuncs.md`, made from the table of functions: what there is, of which types, and what is not, with the reason.

use distob::ufunc::{DType, Info, functions};
use kernels::{associative, identity};

/// NumPy's functions that are not there, or not whole, and why.
const MISSING: &[(&str, &str)] =
    &[("isnat", "its only types are dates and time spans, which distob's arrays do not hold")];

/// What methods there are besides `call`, for functions of two operands and one result.
const METHODS: &[(&str, &str)] = &[
    ("outer", "of every function of two operands"),
    (
        "reduce",
        "of every function of two operands whose result has their type; logical functions of any type; comparisons of `bool`",
    ),
    ("accumulate", "as `reduce`"),
    ("reduceat", "as `reduce`"),
    ("at", "of every function of one or two operands whose result has the first operand's type"),
];

/// NumPy's generalised functions, which work on whole matrices and vectors, and what they give.
const GENERALISED: &[(&str, &str)] = &[
    ("matmul", "`Matmul.call(a, b)`, `a.dot(b)`: products of matrices"),
    ("matvec", "`Matvec.call(a, v)`: products of matrices and vectors"),
    ("vecdot", "`Vecdot.call(v, w)`: products of vectors, the first conjugated"),
    ("vecmat", "`Vecmat.call(v, a)`: products of vectors, conjugated, and matrices"),
];

/// The struct's name: words of NumPy's name, joined.
fn type_name(name: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').map(word).collect()
}

fn row(info: &Info, types: &[DType]) -> String {
    let mark = |dtype: &DType| match info.loops.iter().find(|types| types.inputs[0] == *dtype) {
        Some(found) if found.outputs.iter().all(|output| output == dtype) => "x".to_owned(),
        Some(found) => {
            found.outputs.iter().map(|output| output.name().replace("Complex", "")).collect::<Vec<_>>().join(", ")
        }
        None => String::new(),
    };
    let cells: Vec<String> = types.iter().map(mark).collect();
    let op = info.ops[0];
    let binary = info.inputs == 2 && info.ops.len() == 1;
    let grouping = match (binary, associative(op)) {
        (false, _) => "",
        (true, true) => "any",
        (true, false) => "in order",
    };
    let first = info.loops[0].inputs[0];
    let of = info.loops.iter().map(|types| types.inputs[0]).find(|dtype| *dtype == DType::F64).unwrap_or(first);
    let identity = if binary { identity(op, of) } else { None };
    let identity = identity.map_or(String::new(), |scalar| match scalar.dtype {
        DType::Bool => (scalar.bytes[0] != 0).to_string(),
        DType::F64 => f64::from_ne_bytes(scalar.bytes[..8].try_into().expect("eight bytes")).to_string(),
        _ => i8::from_ne_bytes([scalar.bytes[0]]).to_string(),
    });
    let names = std::iter::once(info.name).chain(info.aliases.iter().copied()).collect::<Vec<_>>().join(", ");
    format!("| {names} | `{}` | {} | {identity} | {grouping} |", type_name(info.name), cells.join(" | "))
}

/// The page.
fn page() -> String {
    let types: Vec<DType> = DType::ALL.to_vec();
    let mut table = functions();
    table.sort_by_key(|info| info.name);
    let mut text = String::from(
        "# Universal functions\n\nMade from the table in `src/array/function/table.rs`. After a change of the table, \
         `DISTOB_WRITE_DOCS=1 cargo test --test ufuncs page` writes this page again.\n\nA function takes elements of the types whose \
         columns have an entry: `x` if the result has the same type, otherwise the result's type. Every function has `call`, with \
         broadcasting, on arrays, ndarray's arrays and views, and numbers. *Grouping* is `any` if a reduction may group the operands, \
         and `in order` if it may not.\n\n",
    );
    let heads: Vec<&str> = types.iter().map(|dtype| dtype.name()).collect();
    text += &format!("| NumPy | distob::ufunc | {} | identity | grouping |\n", heads.join(" | "));
    text += &format!("|{}\n", "---|".repeat(types.len() + 4));
    for info in &table {
        text += &row(info, &types);
        text.push('\n');
    }
    text += "\n`ldexp` takes `i32` or `i64` as its second operand. There are no comparisons of `i64` with `u64` (NumPy has \
             them): convert one operand.\n\n## Methods\n\n| method | |\n|---|---|\n| call | of every function |\n";
    for (name, what) in METHODS {
        text += &format!("| {name} | {what} |\n");
    }
    text += "\n## Generalised functions\n\nOf every element type, with broadcasting of the leading axes.\n\n| NumPy | distob |\n|---|---|\n";
    for (name, what) in GENERALISED {
        text += &format!("| {name} | {what} |\n");
    }
    text += "\n## Missing functions\n\n| NumPy | why |\n|---|---|\n";
    for (name, why) in MISSING {
        text += &format!("| {name} | {why} |\n");
    }
    text += &format!(
        "\ndistob has {} of NumPy's {} functions. It lacks NumPy's long doubles, dates, time spans, objects and strings.\n",
        table.len() + GENERALISED.len(),
        table.len() + GENERALISED.len() + MISSING.len()
    );
    text
}

#[test]
fn the_page_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ufuncs.md");
    let page = page();
    if std::env::var_os("DISTOB_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).expect("the page can be written");
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == page,
        "docs/ufuncs.md is not what the table says: DISTOB_WRITE_DOCS=1 cargo test --test ufuncs page"
    );
    // Every distinct universal function of NumPy 2.4.
    assert_eq!(functions().len() + GENERALISED.len() + MISSING.len(), 90);
}
