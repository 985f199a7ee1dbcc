"""Tagging: sentences in, a tag for each word out, and a label for the whole if the data has one.

Knows words, spans and how to judge both. `Tagger` is the door; it is imported when it is first
asked for, so that the settings can be read without torch.
"""
