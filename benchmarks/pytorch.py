"""The published networks in PyTorch, with the same batch size, optimiser and order of work."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import nn

from mnist_lab import CLASSES, IMAGE_SHAPE, models
from mnist_lab.recipes import Recipe

WIDTHS = {
    models.deep_dropout_ann: ((784, 392, 196, 98, 49, 24), 0.3),
    models.fnn_sigmoid: ((50, 50), 0.0),
    models.fnn_softmax: ((50, 50), 0.0),
    models.wide_dropout_ann: ((512, 512), 0.2),
    models.dnn_csv: ((128, 128, 128), 0.0),
}


def build(architecture: Any) -> nn.Sequential:
    """Return the network of a builder of ``mnist_lab.models``, up to its logits."""
    if architecture is models.cnn:
        head = [nn.Flatten(), nn.Linear(32 * 13 * 13, 128), nn.ReLU(), nn.Linear(128, CLASSES)]
        return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), *head)
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = math.prod(IMAGE_SHAPE)
    widths, dropout = WIDTHS[architecture]
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        layers += [nn.Dropout(dropout)] if dropout else []
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, CLASSES))


def train(recipe: Recipe, x: Any, y: Any, epochs: int, threads: int | None) -> list[float]:
    """Train, eagerly and with the fused Adam; return the clock after each epoch.

    Args:
        recipe: whose network, batch size and form of labels to take.
        x: float32, the images first, as :func:`mnist_lab.recipes.prepare` returns them.
        y: as many labels, likewise.
        epochs: how many.
        threads: of PyTorch, or None for as many as it likes.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = build(recipe.build)
    images = torch.from_numpy(x)
    if recipe.build is models.cnn:
        images = images.permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(y.argmax(axis=1) if y.ndim > 1 else y.astype("int64"))
    optimizer = torch.optim.Adam(model.parameters(), eps=1e-7, fused=True)  # Keras' epsilon
    loss_of = nn.CrossEntropyLoss()
    ends = []
    for _ in range(epochs):
        right = torch.zeros((), dtype=torch.int64)
        for batch in torch.randperm(len(images)).split(recipe.batch_size):
            optimizer.zero_grad()
            logits = model(images[batch])
            loss = loss_of(logits, labels[batch])
            loss.backward()
            optimizer.step()
            right += (logits.argmax(dim=1) == labels[batch]).sum()  # fit counts them, too
        right.item()
        ends.append(time.perf_counter())
    return ends
