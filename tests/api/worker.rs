//! What goes on after a change was acknowledged, and that it shows nowhere but in the rows.

mod erasure;
pub(crate) mod rows;
mod said;
mod turns;
mod unassigning;
