//! What whoever can reach a parser can put into it, and what must hold of whatever comes out.
//!
//! Each public function is one fuzz target's: it takes libFuzzer's bytes and asserts properties, of which "no panic" is the least.
//! Invariant: what a target finds depends on the bytes alone, and on the clock only where a product's rule is about time.
//! Knows nothing of how inputs are made: `../targets` hands them over, `../corpus` holds those to begin with.

mod addresses;
mod authorization;
mod body;
mod callback;
mod credential;
mod cursor;
mod export;
mod issuer;
mod process;
mod record;

pub use addresses::addresses;
pub use authorization::authorization;
pub use body::body;
pub use callback::callback;
pub use credential::credential;
pub use cursor::cursor;
pub use export::export;
pub use record::record;

/// The input as lines; what is no UTF-8 is replaced, because nothing here sees bytes that its gateway hasn't made text of.
fn lines(data: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(data);
    text.split('\n').map(str::to_owned).collect()
}

/// The first bytes as an array, zeros where there are none; and the rest.
fn take<const N: usize>(data: &[u8]) -> ([u8; N], &[u8]) {
    let (first, rest) = data.split_at(data.len().min(N));
    let taken = std::array::from_fn(|at| first.get(at).copied().unwrap_or_default());
    (taken, rest)
}
