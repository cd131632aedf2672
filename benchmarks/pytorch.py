"""Networks of the course in PyTorch, with the same batch size, optimiser and order of work."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from mnist_lab import CLASSES, IMAGE_SHAPE, ladder, models
from mnist_lab.augmentation import GRID, Distortion
from mnist_lab.data import Digits
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


def train_distorted(digits: Digits, seed: int, epochs: int) -> dict[str, float]:
    """Train the network of the rung "four_epochs" as lesson 6 does.

    Args:
        digits: train on all training images; the test images judge.
        seed: of the weights, the order of the images and their distortions.
        epochs: in which the learning rate rises and falls once.

    Returns:
        ``seconds`` and ``processor`` seconds of the training, and test ``accuracy``.
    """
    rung = ladder.RUNGS["four_epochs"]
    torch.manual_seed(seed)
    x, y, x_test, y_test = map(
        torch.from_numpy,
        (
            *_with_channel(digits.x_train, digits.y_train),
            *_with_channel(digits.x_test, digits.y_test),
        ),
    )
    start, processor = time.perf_counter(), time.process_time()
    model = _convnet()
    peak = rung.peak or 0.001
    optimizer = torch.optim.Adam(model.parameters(), lr=peak, eps=1e-7, fused=True)
    steps = epochs * math.ceil(len(x) / rung.batch_size)
    rise = steps // 4

    def rate(step: int) -> float:
        """Return the share of the peak: a straight rise, then a cosine."""
        return (
            step / rise
            if step < rise
            else (1 + math.cos(math.pi * (step - rise) / (steps - rise))) / 2
        )

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    loss_of = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(rung.batch_size):
            images = x[batch]
            if rung.distortion is not None:
                images = _distorted(images, rung.distortion)
            optimizer.zero_grad()
            loss_of(model(images), y[batch]).backward()
            optimizer.step()
            schedule.step()
    found = {
        "seconds": time.perf_counter() - start,
        "processor": time.process_time() - processor,
    }
    model.eval()
    with torch.no_grad():
        answers = torch.cat([model(part).argmax(dim=1) for part in x_test.split(500)])
    return found | {"accuracy": float((answers == y_test).float().mean())}


def _with_channel(images: Any, labels: Any) -> tuple[Any, Any]:
    return images[:, None].astype("float32") / 255, labels.astype("int64")


def _convnet() -> nn.Sequential:
    """Return the network of :func:`mnist_lab.models.convnet`."""
    layers: list[nn.Module] = []
    inputs = 1
    for kernels, size, stride in ((24, 5, 2), (48, 3, 1), (64, 3, 1), (96, 3, 1)):
        if kernels == 96:
            layers.append(nn.MaxPool2d(2))
        convolution = nn.Conv2d(inputs, kernels, size, stride, bias=False)
        nn.init.xavier_uniform_(convolution.weight)  # as Keras does
        # PyTorch's momentum is the share of the new batch.
        layers += [convolution, nn.BatchNorm2d(kernels, eps=1e-3, momentum=0.1), nn.ReLU()]
        inputs = kernels
    dense = nn.Linear(96 * 2 * 2, CLASSES)
    nn.init.xavier_uniform_(dense.weight)
    nn.init.zeros_(dense.bias)
    return nn.Sequential(*layers, nn.Flatten(), dense)


def _distorted(images: torch.Tensor, distortion: Distortion) -> torch.Tensor:
    """Distort images as :func:`mnist_lab.augmentation.distort` does, by PyTorch's own functions.

    PyTorch counts places from -1 to 1 between the outer pixels, a column before a row.
    """
    n, (rows, columns) = len(images), IMAGE_SHAPE
    pixel = torch.tensor([2 / (columns - 1), 2 / (rows - 1)])
    theta = torch.eye(2, 3).repeat(n, 1, 1)
    theta[:, :, :2] += (torch.rand(n, 2, 2) * 2 - 1) * distortion.affine
    theta[:, :, 2] = (torch.rand(n, 2) * 2 - 1) * distortion.shift * pixel
    bend = torch.randn(n, 2, GRID, GRID) * distortion.bend
    bend = functional.interpolate(bend, IMAGE_SHAPE, mode="bicubic").movedim(1, -1) * pixel
    places = functional.affine_grid(theta, [n, 1, rows, columns], align_corners=True) + bend
    return functional.grid_sample(images, places, align_corners=True)
