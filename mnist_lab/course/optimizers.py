"""Keras' Adam in fewer passes over memory, with the same weights to the last bit."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

__all__ = ["FusedAdam"]


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """Adam as Keras computes it, with its sums in TensorFlow's fused operations.

    Keras' own step passes a dozen times over memory as large as the weights, a good part of a wide
    network's training (benchmarks/speed.md). TensorFlow's ``ApplyAdam`` would be one pass, but it
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
