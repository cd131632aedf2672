"""Helpers for the mnist-lab course: data, pictures, models, recipes, evaluation and plots.

Importing the package does no work; import the module that you need, for example
``from mnist_lab import data, plots``.
"""

__version__ = "0.1.0"

CLASSES = 10
IMAGE_SHAPE = (28, 28)
