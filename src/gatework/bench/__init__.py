"""Measuring the layers beside others on this machine: parity first, then ratios of medians.

This room must not know any model, data or task, nor how a figure is printed.
"""
