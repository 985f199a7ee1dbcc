"""Whole networks made of layers: pure modules from tensors to tensors.

Knows layers; knows nothing of files, panels, training or tasks.
"""
