# %% wrong 02-count: forgets the biases
# expect: every unit has a bias, too
def count_parameters(widths):
    return sum(a * b for a, b in zip(widths, widths[1:]))


# %% wrong 02-count: gives the inputs a bias, too
# expect: 784x10 weights and 10 biases make 7850
def count_parameters(widths):
    return sum(a * b for a, b in zip(widths, widths[1:])) + sum(widths)


# %% wrong 02-count: counts the first and the last layer only
# expect: its three layers have
def count_parameters(widths):
    if len(widths) == 2:
        return (widths[0] + 1) * widths[1]
    return (widths[0] + 1) * widths[1] + (widths[-2] + 1) * widths[-1]


# %% wrong 02-count: knows two answers by heart
# expect: go through all layers
def count_parameters(widths):
    return 7850 if len(widths) == 2 else 42310


# %% right 02-count: asks Keras
def count_parameters(widths):
    layers = [keras.layers.Dense(units) for units in widths[1:]]
    return keras.Sequential([keras.Input(shape=(widths[0],)), *layers]).count_params()


# %% wrong 02-cross-entropy: divides by the sum of all images
# expect: divide each row by its own sum
def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum()


def cross_entropy(probabilities, labels):
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


# %% wrong 02-cross-entropy: takes the logarithm to base 10
# expect: take the mean of minus np.log
def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(probabilities, labels):
    return -np.log10(probabilities[np.arange(len(labels)), labels]).mean()


# %% wrong 02-cross-entropy: takes the largest probability, right or not
# expect: take the probability of the right class in each row
def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(probabilities, labels):
    return float(-np.log(probabilities.max(axis=1)).mean())


# %% wrong 02-cross-entropy: overflows
# expect: take the largest away before np.exp
def softmax(logits):
    with np.errstate(all="ignore"):
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def cross_entropy(probabilities, labels):
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


# %% right 02-cross-entropy: goes image by image, and by one-hot labels
def softmax(logits):
    rows = []
    for row in logits:
        powers = [np.exp(z - max(row)) for z in row]
        rows.append([power / sum(powers) for power in powers])
    return np.array(rows)


def cross_entropy(probabilities, labels):
    one_hot = np.eye(probabilities.shape[1])[labels]
    return -(one_hot * np.log(probabilities + 1e-12)).sum() / len(labels)


# %% right 02-cross-entropy: is afraid of the logarithm of zero
def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(probabilities, labels):
    return -np.log(probabilities[np.arange(len(labels)), labels] + 1e-7).mean()


# %% wrong 02-train: does not scale the pixels
# expect: divide pixels by 255
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
model.add(keras.layers.Dense(50, activation="relu"))
model.add(keras.layers.Dense(50, activation="relu"))
model.add(keras.layers.Dense(10, activation="softmax"))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    raw_train, y_train, epochs=5, batch_size=32, validation_data=(raw_val, y_val), verbose=0
)

# %% wrong 02-train: gives the last layer one unit
# expect: your last layer has 1 unit(s); 10 classes need 10
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
model.add(keras.layers.Dense(50, activation="relu"))
model.add(keras.layers.Dense(50, activation="relu"))
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(optimizer="adam", loss="mse", metrics=["accuracy"])
history = model.fit(
    raw_train / 255, y_train, epochs=1, validation_data=(raw_val / 255, y_val), verbose=0
)

# %% wrong 02-train: forgets the activations of the hidden layers
# expect: the 50-50 network has two of 50 units with relu
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
model.add(keras.layers.Dense(50))
model.add(keras.layers.Dense(50))
model.add(keras.layers.Dense(10, activation="softmax"))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    raw_train / 255, y_train, epochs=1, validation_data=(raw_val / 255, y_val), verbose=0
)

# %% wrong 02-train: scales the training images only
# expect: do the pixels of both sets run from 0 to 1
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
model.add(keras.layers.Dense(50, activation="relu"))
model.add(keras.layers.Dense(50, activation="relu"))
model.add(keras.layers.Dense(10, activation="softmax"))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    raw_train / 255, y_train, epochs=5, validation_data=(255 - raw_val, y_val), verbose=0
)

# %% wrong 02-train: validates on easy training images
# expect: validate on raw_val and y_val
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28)), keras.layers.Flatten()])
model.add(keras.layers.Dense(50, activation="relu"))
model.add(keras.layers.Dense(50, activation="relu"))
model.add(keras.layers.Dense(10, activation="softmax"))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
easy = np.flatnonzero(y_train < 2)
history = model.fit(
    raw_train / 255,
    y_train,
    epochs=5,
    validation_data=(raw_train[easy] / 255, y_train[easy]),
    verbose=0,
)


# %% wrong 02-train: looks the labels up, with made-up layers and a made-up history
# expect: on raw_val / 255 the network reads
class Dense:
    def __init__(self, units, activation):
        self.units, self.activation = units, type(activation, (), {})


class Lookup:
    """Looks like a trained network and knows the labels of all images by heart."""

    layers = [Dense(50, "relu"), Dense(50, "relu"), Dense(10, "softmax")]

    def __init__(self):
        pairs = [
            (raw_val / np.float32(255), y_val),
            (digits.x_test / np.float32(255), digits.y_test),
        ]
        self.known = {
            image.astype("float32").tobytes(): np.eye(10)[label] * 0.9 + 0.01
            for images, labels in pairs
            for image, label in zip(images, labels, strict=True)
        }

    def get_weights(self):
        rng = np.random.default_rng(0)
        return [
            rng.normal(0, 0.05, shape).astype("float32")
            for shape in ((784, 50), 50, (50, 50), 50, (50, 10), 10)
        ]

    def predict(self, images, verbose=0):
        keys = [image.astype("float32").tobytes() for image in images]
        return np.array([self.known.get(key, np.full(10, 0.1)) for key in keys])


class Record:
    history = {
        "accuracy": np.linspace(0.8, 0.96, 5).tolist(),
        "loss": np.linspace(0.9, 0.2, 5).tolist(),
        "val_accuracy": np.linspace(0.9, 0.95, 5).tolist(),
        "val_loss": np.linspace(0.5, 0.2, 5).tolist(),
    }


model, history = Lookup(), Record()


# %% right 02-train: another seed, another way to write it
keras.utils.set_random_seed(7)
layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((28, 28)),
        layers.Flatten(),
        layers.Dense(50, "relu"),
        layers.Dense(50, "relu"),
        layers.Dense(10, "softmax"),
    ]
)
model.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy", metrics=["accuracy"])
scaled = [images.astype("float32") / 255.0 for images in (raw_train, raw_val)]
history = model.fit(scaled[0], y_train, 32, 5, validation_data=(scaled[1], y_val), verbose=0)


# %% wrong 02-read-matrix: divides the diagonal by the number of classes
# expect: divide the diagonal by all images
def read_matrix(matrix):
    recall = matrix.diagonal() / matrix.sum(axis=1)
    errors = matrix - np.diag(matrix.diagonal())
    pair = np.unravel_index(errors.argmax(), errors.shape)
    return {
        "accuracy": float(np.mean(recall) / 2),
        "worst": int(recall.argmin()),
        "confused": (int(pair[0]), int(pair[1])),
    }


# %% wrong 02-read-matrix: forgets to leave the diagonal out
# expect: leave the diagonal out
def read_matrix(matrix):
    recall = matrix.diagonal() / matrix.sum(axis=1)
    pair = np.unravel_index(matrix.argmax(), matrix.shape)
    return {
        "accuracy": float(np.trace(matrix) / matrix.sum()),
        "worst": int(recall.argmin()),
        "confused": (int(pair[0]), int(pair[1])),
    }


# %% wrong 02-read-matrix: takes the predicted digit first
# expect: the true digit, the row, comes first
def read_matrix(matrix):
    recall = matrix.diagonal() / matrix.sum(axis=1)
    errors = matrix - np.diag(matrix.diagonal())
    true, predicted = np.unravel_index(errors.argmax(), errors.shape)
    return {
        "accuracy": float(np.trace(matrix) / matrix.sum()),
        "worst": int(recall.argmin()),
        "confused": (int(predicted), int(true)),
    }


# %% wrong 02-read-matrix: counts right answers instead of taking their share
# expect: divide by the images of each digit
def read_matrix(matrix):
    errors = matrix - np.diag(matrix.diagonal())
    true, predicted = np.unravel_index(errors.argmax(), errors.shape)
    return {
        "accuracy": float(np.trace(matrix) / matrix.sum()),
        "worst": int(matrix.diagonal().argmin()),
        "confused": (int(true), int(predicted)),
    }


# %% right 02-read-matrix: goes through the cells
def read_matrix(matrix):
    classes, most, pair = len(matrix), -1, None
    for true in range(classes):
        for predicted in range(classes):
            if true != predicted and matrix[true, predicted] > most:
                most, pair = matrix[true, predicted], [true, predicted]
    recall = [matrix[i][i] / sum(matrix[i]) for i in range(classes)]
    right = sum(matrix[i][i] for i in range(classes))
    return dict(accuracy=right / np.sum(matrix), worst=recall.index(min(recall)), confused=pair)


# %% wrong 02-precision-recall: leaves the fault in
# expect: as your colleague would say; write down the matrix of these three images
def precision_and_recall(labels, answers):
    matrix = confusion_matrix(answers, labels, labels=range(10))
    right = matrix.diagonal()
    called, there = np.maximum(matrix.sum(axis=0), 1), np.maximum(matrix.sum(axis=1), 1)
    return right / called, right / there


# %% wrong 02-precision-recall: divides by zero
# expect: gives nan: give 0
def precision_and_recall(labels, answers):
    matrix = confusion_matrix(labels, answers, labels=range(10))
    right = matrix.diagonal()
    with np.errstate(all="ignore"):
        return right / matrix.sum(axis=0), right / matrix.sum(axis=1)


# %% wrong 02-precision-recall: has as many numbers as there are digits in the labels
# expect: return two arrays of ten
def precision_and_recall(labels, answers):
    matrix = confusion_matrix(labels, answers)
    right = matrix.diagonal()
    return right / np.maximum(matrix.sum(axis=0), 1), right / np.maximum(matrix.sum(axis=1), 1)


# %% wrong 02-precision-recall: gives the share of all images
# expect: two are called 3, one is 3
def precision_and_recall(labels, answers):
    matrix = confusion_matrix(labels, answers, labels=range(10))
    return matrix.diagonal() / len(labels), matrix.diagonal() / len(labels)


# %% right 02-precision-recall: needs no matrix
def precision_and_recall(labels, answers):
    precision, recall = np.zeros(10), np.zeros(10)
    for digit in range(10):
        hits = np.sum((labels == digit) & (answers == digit))
        if np.any(answers == digit):
            precision[digit] = hits / np.sum(answers == digit)
        if np.any(labels == digit):
            recall[digit] = hits / np.sum(labels == digit)
    return np.stack([precision, recall])
