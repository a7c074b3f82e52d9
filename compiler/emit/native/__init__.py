"""The native CPU target: a whole training step as one text in LLVM's intermediate representation."""
