//! A lying relay is noticed (design 2: hostile relay; P5): the real relay with one line changed a lie, real clients over
//! real sockets.
//!
//! Each test has its control, the same steps with an honest relay, and a client without the guard, which shows nothing.
//! A lie counts as noticed when `read` and `conversation show` name it with its number and end with a status of its own,
//! nobody is out, and what is said afterwards still arrives.

mod clock_and_lists;
mod entries;
mod membership;
mod restored;
mod scene;
