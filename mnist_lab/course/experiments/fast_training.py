"""Training that is faster than plain ``fit`` and gives the same weights to the last bit.

Everything here that touches private parts of Keras or TensorFlow stands in this one module, and a
test compares its weights with the weights of plain ``fit``. Importing the module starts
TensorFlow: call :func:`mnist_lab.course.experiments.training.start_tensorflow` first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from mnist_lab.recipes import Recipe

__all__ = ["STEPS_PER_EXECUTION", "FusedAdam", "batches", "compile_fast"]

# 60,000 images in batches of 32 are five times as many.
STEPS_PER_EXECUTION = 375


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """Adam as Keras computes it, with its sums in TensorFlow's fused operations.

    Keras' own step passes a dozen times over memory as large as the weights, which takes a good
    part of a wide network's training. TensorFlow's ``ApplyAdam`` would be one pass, but it
    rounds 1 - β otherwise. Two other fused operations round as Keras does: gradient descent moves
    each moment towards its goal, and Adagrad, told not to touch its accumulator, divides by a root.

    For dense gradients, without amsgrad. Source: D. P. Kingma and J. Ba, Adam: a method for
    stochastic optimization (2015), as in ``keras.optimizers.Adam.update_step``.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        step = tf.cast(self.iterations.value + 1, variable.dtype)
        unbiased_1 = 1 - tf.pow(tf.constant(self.beta_1, variable.dtype), step)
        unbiased_2 = 1 - tf.pow(tf.constant(self.beta_2, variable.dtype), step)
        index = self._get_variable_index(variable)
        moments = self._momentums[index].value, self._velocities[index].value
        goals = gradient, tf.square(gradient)
        for moment, goal, beta in zip(moments, goals, (self.beta_1, self.beta_2), strict=True):
            tf.raw_ops.ResourceApplyGradientDescent(
                var=moment.handle, alpha=1 - beta, delta=moment - goal
            )
        tf.raw_ops.ResourceApplyAdagradV2(
            var=variable.handle,
            accum=moments[1].handle,
            lr=learning_rate * tf.sqrt(unbiased_2) / unbiased_1,
            epsilon=self.epsilon,
            grad=moments[0].read_value(),
            update_slots=False,
        )


def compile_fast(model: Any, recipe: Recipe, steps: int = STEPS_PER_EXECUTION) -> None:
    """Compile a network so that ``fit`` gives its recipe's plain weights, bit for bit, sooner.

    Compile it plainly again before ``evaluate`` and ``predict``: many steps at once round sigmoid
    outputs otherwise.

    Args:
        model: a ``keras.Model``.
        recipe: whose loss and optimiser to take.
        steps: batches that go through TensorFlow before Python has its turn again.
    """
    optimizer = FusedAdam() if recipe.optimizer == "adam" else recipe.optimizer
    model.compile(optimizer, recipe.loss, metrics=["accuracy"], steps_per_execution=steps)


def batches(x: Any, y: Any, batch_size: int) -> Any:
    """Return the shuffled batches that ``fit`` would make of two arrays, without its waits.

    ``fit`` lets tf.data tune how it prepares batches, in a thread that sleeps longer and longer. At
    the end, tf.data wakes this thread a moment before it sets the flag to stop. A thread that looks
    at once sees no flag and sleeps again, and ``fit`` waits for it: up to as long again as the
    epoch took (benchmarks/training.md). Gathering rows of two arrays needs no tuning.

    Args:
        x: array, the images first.
        y: array of as many labels.
        batch_size: images in a batch; the last one may have fewer.

    Returns:
        a ``tf.data.Dataset`` of ``(x, y)``, shuffled anew in each epoch by Keras' random state.
    """
    # Not public, but only Keras' own shuffling gives the batches, and so the bits, of plain fit.
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

    adapter = ArrayDataAdapter(x, y, batch_size=batch_size, shuffle=True)
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = adapter.get_tf_dataset().with_options(options)
    # Without a length, fit would ask for one batch too many, which moves the seeds of dropout.
    return dataset.apply(tf.data.experimental.assert_cardinality(adapter.num_batches))
