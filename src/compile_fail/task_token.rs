//! A token without bytes proves that a library was initialised. A task that captured one would have it in an engine process,
//! where that was not done.
//!
//! Expected: E0308, "closures can only be coerced to `fn` types if they do not capture any variables".
//!
//! ```compile_fail,E0308
//! mod library {
//!     #[derive(Clone, Copy)]
//!     pub struct Token(());
//!
//!     /// The one way to a token.
//!     pub fn init() -> Token {
//!         Token(())
//!     }
//!
//!     impl Token {
//!         pub fn scale(self) -> f64 {
//!             2.0
//!         }
//!     }
//! }
//!
//! fn main() -> distob::Result<()> {
//!     let hub = distob::Hub::builder().embedded().engines(1).start()?;
//!     let token = library::init();
//!     let doubled = hub.task(move |x: f64| x * token.scale()).call(3.0)?;
//!     assert_eq!(doubled.wait()?, 6.0);
//!     Ok(())
//! }
//! ```
//!
//! Its twin sends what the token gives as the argument.
//!
//! ```
//! mod library {
//!     #[derive(Clone, Copy)]
//!     pub struct Token(());
//!
//!     /// The one way to a token.
//!     pub fn init() -> Token {
//!         Token(())
//!     }
//!
//!     impl Token {
//!         pub fn scale(self) -> f64 {
//!             2.0
//!         }
//!     }
//! }
//!
//! fn main() -> distob::Result<()> {
//!     let hub = distob::Hub::builder().embedded().engines(1).start()?;
//!     let token = library::init();
//!     let doubled = hub.task(move |(x, scale): (f64, f64)| x * scale).call((3.0, token.scale()))?;
//!     assert_eq!(doubled.wait()?, 6.0);
//!     Ok(())
//! }
//! ```
