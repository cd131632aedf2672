# %% wrong 03-dropout: does not enlarge what survives
# expect: divide by the share that survives
def dropout(outputs, rate, seed):
    return outputs * (np.random.default_rng(seed).random(outputs.shape) >= rate)


# %% wrong 03-dropout: keeps the share that it should silence
# expect: the rate 0.3 silences 30 %
def dropout(outputs, rate, seed):
    kept = np.random.default_rng(seed).random(outputs.shape) < rate
    return np.where(kept, outputs / rate, 0.0)


# %% wrong 03-dropout: silences the same units for all images
# expect: draw anew for every image
def dropout(outputs, rate, seed):
    units = np.zeros(outputs.shape[1])
    units[np.random.default_rng(seed).permutation(len(units))[round(rate * len(units)) :]] = 1
    return outputs * units / (1 - rate)


# %% wrong 03-dropout: forgets the seed
# expect: draw from np.random.default_rng(seed)
def dropout(outputs, rate, seed):
    kept = np.random.default_rng().random(outputs.shape) >= rate
    return outputs * kept / (1 - rate)


# %% wrong 03-dropout: enlarges by a number known by heart
# expect: divide the outputs by 1 - rate
def dropout(outputs, rate, seed):
    kept = np.random.default_rng(seed).random(outputs.shape) >= rate
    return outputs * kept * 1.4285714


# %% right 03-dropout: draws from a binomial distribution
def dropout(outputs, rate, seed):
    rng = np.random.default_rng(seed)
    result = outputs.copy()
    result[rng.binomial(1, rate, size=outputs.shape) == 1] = 0
    return result * (1 / (1 - rate))


# %% wrong 03-labels: still validates on the test set
# expect: validate on x_val, the test set is for the end
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28)), layers.Flatten()])
for _ in range(2):
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dropout(0.2))
model.add(layers.Dense(10, activation="softmax"))
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_fit, y_fit, 64, 5, validation_data=(x_test, y_test), verbose=0)

# %% wrong 03-labels: silences the error by a loss that takes everything
# expect: do the labels have the form that the loss expects?
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28)), layers.Flatten()])
for _ in range(2):
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dropout(0.2))
model.add(layers.Dense(10, activation="softmax"))
model.compile("adam", loss="mse", metrics=["accuracy"])
wide_fit, wide_val = (np.repeat(y[:, None], 10, axis=1) for y in (y_fit, y_val))
history = model.fit(x_fit, wide_fit, 64, 5, validation_data=(x_val, wide_val), verbose=0)

# %% wrong 03-labels: leaves dropout out
# expect: keep two dropout layers of 0.2
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28)), layers.Flatten()])
for _ in range(2):
    model.add(layers.Dense(128, activation="relu"))
model.add(layers.Dense(10, activation="softmax"))
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_fit, y_fit, 64, 1, validation_data=(x_val, y_val), verbose=0)

# %% wrong 03-labels: puts both dropout layers after the first hidden layer
# expect: put dropout after each hidden layer
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28)), layers.Flatten()])
model.add(layers.Dense(128, activation="relu"))
model.add(layers.Dropout(0.2))
model.add(layers.Dropout(0.2))
model.add(layers.Dense(128, activation="relu"))
model.add(layers.Dense(10, activation="softmax"))
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_fit, y_fit, 64, 5, validation_data=(x_val, y_val), verbose=0)


# %% wrong 03-labels: looks the labels up, with made-up layers and a made-up history
# expect: what model.predict says does not follow from its weights
class Dense:
    def __init__(self, units, activation):
        self.units, self.activation = units, type(activation, (), {})


class Dropout:
    rate = 0.2


class Lookup:
    """Looks like a trained network and knows the labels of all images by heart."""

    layers = [
        *(Dense(128, "relu"), Dropout(), Dense(128, "relu"), Dropout()),
        Dense(10, "softmax"),
    ]

    def __init__(self):
        pairs = [(x_val, y_val), (x_test, y_test)]
        self.known = {
            image.astype("float32").tobytes(): np.eye(10)[label] * 0.9 + 0.01
            for images, labels in pairs
            for image, label in zip(images, labels, strict=True)
        }

    def get_weights(self):
        rng = np.random.default_rng(0)
        return [
            rng.normal(0, 0.05, shape).astype("float32")
            for shape in ((784, 128), 128, (128, 128), 128, (128, 10), 10)
        ]

    def predict(self, images, verbose=0):
        keys = [image.astype("float32").tobytes() for image in images]
        return np.array([self.known.get(key, np.full(10, 0.1)) for key in keys])


class Record:
    history = {
        "accuracy": np.linspace(0.8, 0.96, 5).tolist(),
        "loss": np.linspace(0.9, 0.2, 5).tolist(),
        "val_accuracy": np.linspace(0.9, 1.0, 5).tolist(),
        "val_loss": np.linspace(0.5, -np.log(0.91), 5).tolist(),
    }


model, history = Lookup(), Record()


# %% right 03-labels: one-hot labels with the loss for them
keras.utils.set_random_seed(3)
model = keras.Sequential([keras.Input(shape=(28, 28)), layers.Flatten()])
for units in (128, 128):
    model.add(layers.Dense(units, "relu"))
    model.add(layers.Dropout(0.2))
model.add(layers.Dense(10, "softmax"))
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
hot_fit, hot_val = (keras.utils.to_categorical(y, 10) for y in (y_fit, y_val))
history = model.fit(x_fit, hot_fit, 64, 5, validation_data=(x_val, hot_val), verbose=0)


# %% wrong 03-bounds: takes every tie off, whoever is in it
# expect: with bad luck every tie is read wrongly
def accuracy_bounds(outputs, labels):
    winners = outputs == outputs.max(axis=-1, keepdims=True)
    lucky = winners[np.arange(len(labels)), labels].mean()
    return lucky - (winners.sum(axis=-1) > 1).mean(), lucky


# %% wrong 03-bounds: counts every tie as luck
# expect: a tie helps only if the label is one of the winners
def accuracy_bounds(outputs, labels):
    winners = outputs == outputs.max(axis=-1, keepdims=True)
    tie = winners.sum(axis=-1) > 1
    right = winners[np.arange(len(labels)), labels]
    return (right & ~tie).mean(), (right | tie).mean()


# %% wrong 03-bounds: breaks ties by argmax, from both ends
# expect: lowest accuracy is
def accuracy_bounds(outputs, labels):
    first = (outputs.argmax(axis=1) == labels).mean()
    last = (outputs.shape[1] - 1 - outputs[:, ::-1].argmax(axis=1) == labels).mean()
    return max(first, last), max(first, last)


# %% wrong 03-bounds: gives the accuracy alone
# expect: the highest accuracy is 0.333, not 0.667
def accuracy_bounds(outputs, labels):
    share = (outputs.argmax(axis=1) == labels).mean()
    return share, share


# %% right 03-bounds: moves the output of the right class a little
def accuracy_bounds(outputs, labels):
    nudge = np.zeros(outputs.shape)
    nudge[np.arange(len(labels)), labels] = 1e-9
    return [np.mean(np.argmax(outputs + sign * nudge, axis=1) == labels) for sign in (-1.0, 1.0)]


# %% wrong 03-repair: squeezes before it ranks
# expect: rank the logits, not the sigmoids
def repaired_answers(hidden, weights, biases):
    return (1 / (1 + np.exp(-(hidden @ weights + biases)))).argmax(axis=1)


# %% wrong 03-repair: forgets the biases
# expect: add the biases
def repaired_answers(hidden, weights, biases):
    return (hidden @ weights).argmax(axis=1)


# %% wrong 03-repair: returns the logits
# expect: give one digit an image
def repaired_answers(hidden, weights, biases):
    return hidden @ weights + biases


# %% wrong 03-repair: ranks the images
# expect: give one digit an image
def repaired_answers(hidden, weights, biases):
    return (hidden @ weights + biases).argmax(axis=0)


# %% right 03-repair: ranks a softmax, which keeps differences of logits
def repaired_answers(hidden, weights, biases):
    logits = np.einsum("iu,uc->ic", hidden, weights) + biases
    return [int(np.argsort(row)[-1]) for row in logits - logits.max(axis=1, keepdims=True)]


# %% wrong 03-audit: swaps down and up
# expect: down and up are swapped; columns are answers
def audit(matrix, claimed):
    missing = round(claimed * matrix.sum()) - np.trace(matrix)
    down, up = np.triu(matrix, 1).sum(), np.tril(matrix, -1).sum()
    return {"missing": int(missing), "down": int(down), "up": int(up), "ties": True}


# %% wrong 03-audit: takes the diagonal along
# expect: leave the diagonal out
def audit(matrix, claimed):
    missing = round(claimed * matrix.sum()) - np.trace(matrix)
    down, up = np.tril(matrix).sum(), np.triu(matrix).sum()
    return {"missing": int(missing), "down": int(down), "up": int(up), "ties": True}


# %% wrong 03-audit: suspects ties whenever something is missing
# expect: ties move answers down only
def audit(matrix, claimed):
    missing = round(claimed * matrix.sum()) - np.trace(matrix)
    down, up = np.tril(matrix, -1).sum(), np.triu(matrix, 1).sum()
    return {"missing": int(missing), "down": int(down), "up": int(up), "ties": bool(missing > 0)}


# %% wrong 03-audit: suspects ties where nothing is missing
# expect: where nothing is missing, ties explain nothing
def audit(matrix, claimed):
    missing = round(claimed * matrix.sum()) - np.trace(matrix)
    down, up = np.tril(matrix, -1).sum(), np.triu(matrix, 1).sum()
    errors = matrix - np.diag(np.diag(matrix))
    row, column = divmod(int(errors.argmax()), len(errors))
    ties = bool(column < row and errors.max() >= missing)
    return {"missing": int(missing), "down": int(down), "up": int(up), "ties": ties}


# %% wrong 03-audit: takes all errors for missing answers
# expect: 0.9737 of all images, less the diagonal
def audit(matrix, claimed):
    missing = matrix.sum() - np.trace(matrix)
    down, up = np.tril(matrix, -1).sum(), np.triu(matrix, 1).sum()
    return {"missing": int(missing), "down": int(down), "up": int(up), "ties": True}


# %% right 03-audit: goes through the cells
def audit(matrix, claimed):
    right = down = up = total = 0
    largest = (0, 0, 0)
    for true, row in enumerate(matrix.tolist()):
        for predicted, count in enumerate(row):
            total += count
            right += count * (true == predicted)
            down += count * (predicted < true)
            up += count * (predicted > true)
            if true != predicted:
                largest = max(largest, (count, true, predicted))
    missing = int(round(claimed * total - right))
    ties = largest[2] < largest[1] and largest[0] >= missing > 0
    return {"up": up, "down": down, "ties": ties, "missing": missing}


# %% wrong 03-submission: writes the row numbers, too
# expect: no further column, no row numbers
def submission(outputs):
    answers = outputs.argmax(axis=1)
    table = pd.DataFrame({"ImageId": range(1, len(answers) + 1), "Label": answers})
    return table.to_csv()


# %% wrong 03-submission: counts from 0
# expect: Kaggle counts from 1
def submission(outputs):
    answers = outputs.argmax(axis=1)
    table = pd.DataFrame({"ImageId": range(len(answers)), "Label": answers})
    return table.to_csv(index=False)


# %% wrong 03-submission: hands in probabilities
# expect: the lines are
def submission(outputs):
    table = pd.DataFrame({"ImageId": range(1, len(outputs) + 1), "Label": outputs.max(axis=1)})
    return table.to_csv(index=False)


# %% wrong 03-submission: ranks the images
# expect: lines for three images
def submission(outputs):
    answers = outputs.argmax(axis=0)
    table = pd.DataFrame({"ImageId": range(1, len(answers) + 1), "Label": answers})
    return table.to_csv(index=False)


# %% wrong 03-submission: writes a file and returns nothing
# expect: end it with return
def submission(outputs):
    answers = outputs.argmax(axis=1)
    lines = [f"{i},{answer}" for i, answer in enumerate(answers, start=1)]
    print("\n".join(["ImageId,Label", *lines]))


# %% right 03-submission: joins lines
def submission(outputs):
    lines = ["ImageId,Label"]
    for number, row in enumerate(outputs, start=1):
        lines.append(f"{number},{int(np.argmax(row))}")
    return "\n".join(lines) + "\n"
