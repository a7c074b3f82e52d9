"""Runs what the native CPU target emits: machine code, the threads that run it, and its cache."""
