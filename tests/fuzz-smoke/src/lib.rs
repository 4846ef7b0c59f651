//! The fuzz targets of `tests/fuzz`, compiled with the workspace and tried on frozen bytes. All of it lives in `tests/smoke`.
//!
//! Deliberately empty: nothing may depend on the check.
