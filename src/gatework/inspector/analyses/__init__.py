"""Analyses: plain functions from a trace, or from a model and its inputs, to arrays of numbers.

Each states its paper, its formula and how to read it. They must not draw, print or write files.
"""
