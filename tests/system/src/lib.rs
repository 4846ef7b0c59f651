//! System tests: the whole stack through its front doors. All of it lives in `tests/system`.
//!
//! Deliberately empty: nothing may depend on the tests.
