"""Where data come from: sources by name, splits and batches."""
