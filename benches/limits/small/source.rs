//! Eight small programs, and single operations, as the text of a macro, which is compiled twice: `Vector` and `Matrix` are ndarray's types, then ours.

macro_rules! programs {
    () => {
        /// One step of Runge and Kutta for the equations of Lorenz, `n` times, on vectors of three.
        pub fn ode(n: usize) -> f64 {
            fn slope(v: &Vector) -> Vector {
                Vector::from_vec(vec![
                    10.0 * (v[1] - v[0]),
                    v[0] * (28.0 - v[2]) - v[1],
                    v[0] * v[1] - 8.0 / 3.0 * v[2],
                ])
            }
            let h = 0.001;
            let mut v = Vector::from_vec(vec![1.0, 1.0, 1.0]);
            for _ in 0..n {
                let k1 = slope(&v);
                let k2 = slope(&(&v + &k1 * (h / 2.0)));
                let k3 = slope(&(&v + &k2 * (h / 2.0)));
                let k4 = slope(&(&v + &k3 * h));
                v = &v + (k1 + k2 * 2.0 + k3 * 2.0 + k4) * (h / 6.0);
            }
            v.sum()
        }

        /// Logistic regression of `n` samples of four features: ten steps of gradient descent.
        pub fn logistic(n: usize) -> f64 {
            let x = Matrix::from_shape_fn((n, 4), |(i, j)| ((i * 7 + j * 3) % 11) as f64 / 11.0);
            let y = Vector::from_shape_fn(n, |i| (i % 2) as f64);
            let mut w = Vector::zeros(4);
            for _ in 0..10 {
                let p = x.dot(&w).mapv(|z: f64| 1.0 / (1.0 + (-z).exp()));
                let gradient = x.t().dot(&(&p - &y)) / n as f64;
                w = &w - &(gradient * 0.5);
            }
            w.sum()
        }

        /// A network of two layers, eight inputs, sixteen hidden units and one output: five steps over a batch of `n`.
        pub fn network(n: usize) -> f64 {
            let x = Matrix::from_shape_fn((n, 8), |(i, j)| ((i * 5 + j * 3) % 13) as f64 / 13.0);
            let y = Matrix::from_shape_fn((n, 1), |(i, _)| (i % 3) as f64);
            let mut first = Matrix::from_shape_fn((8, 16), |(i, j)| ((i * 3 + j) % 7) as f64 / 7.0 - 0.4);
            let mut second = Matrix::from_shape_fn((16, 1), |(i, _)| (i % 5) as f64 / 5.0 - 0.3);
            for _ in 0..5 {
                let hidden = x.dot(&first).mapv(f64::tanh);
                let error = hidden.dot(&second) - &y;
                let back = error.dot(&second.t()) * hidden.mapv(|h| 1.0 - h * h);
                second.scaled_add(-0.01 / n as f64, &hidden.t().dot(&error));
                first.scaled_add(-0.01 / n as f64, &x.t().dot(&back));
            }
            first.sum() + second.sum()
        }

        /// The largest eigenvalue of a matrix of `n` rows by power iteration: twenty steps.
        pub fn power(n: usize) -> f64 {
            let a = Matrix::from_shape_fn((n, n), |(i, j)| 1.0 / (1.0 + i as f64 + j as f64));
            let mut v = Vector::ones(n);
            for _ in 0..20 {
                let w = a.dot(&v);
                v = &w / w.dot(&w).sqrt();
            }
            v.dot(&a.dot(&v))
        }

        /// Two steps of `n` bodies, by index.
        pub fn bodies(n: usize) -> f64 {
            let mut x = Matrix::from_shape_fn((n, 3), |(i, j)| ((i * 3 + j * 5) % 17) as f64);
            let mut v = Matrix::zeros((n, 3));
            for _ in 0..2 {
                for i in 0..n {
                    for j in 0..n {
                        let d = [x[[j, 0]] - x[[i, 0]], x[[j, 1]] - x[[i, 1]], x[[j, 2]] - x[[i, 2]]];
                        let r = d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + 0.01;
                        let f = 0.001 / (r * r.sqrt());
                        for k in 0..3 {
                            v[[i, k]] += f * d[k];
                        }
                    }
                }
                x += &v;
            }
            x.sum()
        }

        /// Three rounds of k-means: `n` points of the plane, four centres.
        pub fn kmeans(n: usize) -> f64 {
            let points = Matrix::from_shape_fn((n, 2), |(i, j)| ((i * 7 + j * 11) % 29) as f64);
            let mut centres = points.slice(s![..4, ..]).to_owned();
            for _ in 0..3 {
                let mut sums = Matrix::zeros((4, 2));
                let mut counts = Vector::zeros(4);
                for i in 0..n {
                    let mut best = (f64::INFINITY, 0);
                    for c in 0..4 {
                        let (dx, dy) = (points[[i, 0]] - centres[[c, 0]], points[[i, 1]] - centres[[c, 1]]);
                        let d = dx * dx + dy * dy;
                        if d < best.0 {
                            best = (d, c);
                        }
                    }
                    let mut sum = sums.row_mut(best.1);
                    sum += &points.row(i);
                    counts[best.1] += 1.0;
                }
                centres = sums / counts.mapv(|c: f64| c.max(1.0)).insert_axis(Axis(1));
            }
            centres.sum()
        }

        /// Four generations of the Game of Life on `n` by `n` cells, by slices.
        pub fn life(n: usize) -> f64 {
            let mut cells = Matrix::from_shape_fn((n, n), |(i, j)| f64::from((i * 3 + j * j) % 5 < 2));
            for _ in 0..4 {
                let around = &cells.slice(s![..-2, ..-2])
                    + &cells.slice(s![..-2, 1..-1])
                    + &cells.slice(s![..-2, 2..])
                    + &cells.slice(s![1..-1, ..-2])
                    + &cells.slice(s![1..-1, 2..])
                    + &cells.slice(s![2.., ..-2])
                    + &cells.slice(s![2.., 1..-1])
                    + &cells.slice(s![2.., 2..]);
                // Alive with three neighbours, or with two and alive before.
                let next =
                    (around * 2.0 + &cells.slice(s![1..-1, 1..-1])).mapv(|x: f64| f64::from((5.0..=7.0).contains(&x)));
                cells.slice_mut(s![1..-1, 1..-1]).assign(&next);
            }
            cells.sum()
        }

        /// Four sweeps of Jacobi over `n` by `n` points, by index.
        pub fn jacobi(n: usize) -> f64 {
            let mut a = Matrix::from_shape_fn((n, n), |(i, j)| (i * j % 7) as f64);
            let mut b = a.clone();
            for _ in 0..4 {
                for i in 1..n - 1 {
                    for j in 1..n - 1 {
                        b[[i, j]] = 0.25 * (a[[i - 1, j]] + a[[i + 1, j]] + a[[i, j - 1]] + a[[i, j + 1]]);
                    }
                }
                std::mem::swap(&mut a, &mut b);
            }
            a.sum()
        }

        /// The programs and the sizes that they run with.
        pub const PROGRAMS: &[Program] = &[
            ("ode", ode, &[10, 1000]),
            ("logistic", logistic, &[10, 1000, 100_000]),
            ("network", network, &[10, 1000, 10_000]),
            ("power", power, &[3, 100, 1000]),
            ("bodies", bodies, &[3, 100, 500]),
            ("kmeans", kmeans, &[10, 1000, 100_000]),
            ("life", life, &[10, 100, 1000]),
            ("jacobi", jacobi, &[10, 100, 1000]),
        ];

        /// What single operations work on: vectors of `n`, matrices of `n` by `n`.
        pub struct Operands {
            x: Vector,
            y: Vector,
            a: Matrix,
            b: Matrix,
        }

        /// A closure that does an operation once.
        type Once<'a> = (&'static str, Box<dyn FnMut() -> f64 + 'a>);

        impl Operands {
            pub fn new(n: usize) -> Self {
                Operands {
                    x: Vector::from_shape_fn(n, |i| 1.0 + i as f64),
                    y: Vector::from_shape_fn(n, |i| 2.0 - i as f64),
                    a: Matrix::from_shape_fn((n, n), |(i, j)| 1.0 + ((i * 3 + j) % 5) as f64),
                    b: Matrix::from_shape_fn((n, n), |(i, j)| 2.0 - ((i + j * 7) % 5) as f64),
                }
            }

            /// The operations. Those of loops over elements go over the inner ones, of which matrices of three have one.
            pub fn operations(&mut self) -> Vec<Once<'_>> {
                let Operands { x, y, a, b } = self;
                let n = x.len();
                let (x, y, a) = (&*x, &*y, &*a);
                let mut c = b.clone();
                // Its own memory from the start: otherwise the first round pays for a copy.
                c[[0, 0]] = 1.0;
                let inner = 1..n.max(2) - 1;
                let mut d = c.clone();
                d[[0, 0]] = 1.0;
                let again = inner.clone();
                let rows = inner.clone();
                vec![
                    ("add", Box::new(move || (x + y)[0])),
                    ("scale", Box::new(move || (x * 2.0)[0])),
                    ("sum", Box::new(move || x.sum())),
                    ("from_vec", Box::new(move || Vector::from_vec(vec![1.0; n])[0])),
                    ("clone", Box::new(move || x.clone()[0])),
                    ("index", Box::new(move || x[n - 1])),
                    ("slice", Box::new(move || a.slice(s![..1, ..])[[0, 0]])),
                    ("dot", Box::new(move || x.dot(y))),
                    ("matvec", Box::new(move || a.dot(x)[0])),
                    ("matmul", Box::new(move || a.dot(a)[[0, 0]])),
                    (
                        "write_loop",
                        Box::new(move || {
                            for i in inner.clone() {
                                for j in inner.clone() {
                                    c[[i, j]] = 1.5;
                                }
                            }
                            c[[0, 0]]
                        }),
                    ),
                    (
                        "read_loop",
                        Box::new(move || {
                            let mut sum = 0.0;
                            for i in rows.clone() {
                                for j in rows.clone() {
                                    sum += a[[i, j]];
                                }
                            }
                            sum
                        }),
                    ),
                    (
                        "stencil_loop",
                        Box::new(move || {
                            for i in again.clone() {
                                for j in again.clone() {
                                    d[[i, j]] = 0.25 * (a[[i - 1, j]] + a[[i + 1, j]] + a[[i, j - 1]] + a[[i, j + 1]]);
                                }
                            }
                            d[[0, 0]]
                        }),
                    ),
                ]
            }
        }
    };
}
pub(super) use programs;
