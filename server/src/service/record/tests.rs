//! Claims about the record through its service.
