"""Plots: what is to be seen in them, and how matplotlib draws it, if need be in a process beside this one."""
