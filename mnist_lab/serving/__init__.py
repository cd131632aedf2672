"""The service of lesson 09: the shipped network, what it refuses, and the page to draw on.

Nothing here imports TensorFlow.
"""
