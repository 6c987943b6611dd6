//! Conversations that broke and went on, over a real relay and the real program: what a lying member or a false report can
//! do, and that the others talk on within twenty seconds with nothing lost, nothing doubled and the liar named.

mod declared_out;
mod device_away;
mod false_report;
mod garbage_path;
mod scene;
mod worthless_commit;
