//! The running holdfast agent: every actor and nothing else.
