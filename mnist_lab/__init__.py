"""Helpers for the mnist-lab course: data, pictures, models, recipes, evaluation and plots.

Importing the package does no work; import the module that you need, for example
``from mnist_lab import data, plots``.
"""

__version__ = "0.2.0"

# What every network of the course takes and gives: pictures of 28x28 pixels, one of ten digits.
IMAGE_SHAPE = (28, 28)
CLASSES = 10
