"""The jobs people come with: a file or a frame in; a trained model, honest scores, pictures out.

A task knows models, data and training. It knows nothing of the command line or of other tasks.
"""
