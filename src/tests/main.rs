//! Tests of the whole: the real router over SQLite, the real index and the real model, in a temporary folder.

mod architecture;
