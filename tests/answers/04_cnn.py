# %% wrong 04-size: forgets the last place
# expect: count the places: 28 - 3 + 1
def map_size(size, kernel, stride, padding):
    return size // stride if padding == "same" else (size - kernel) // stride


# %% wrong 04-size: does not know padding
# expect: 'same' with stride 1 keeps 28
def map_size(size, kernel, stride, padding):
    return (size - kernel) // stride + 1


# %% wrong 04-size: rounds down
# expect: list the starts 0, 3, 6
def map_size(size, kernel, stride, padding):
    places = size if padding == "same" else size - kernel + 1
    return places // stride


# %% wrong 04-size: rounds down with padding only
# expect: 'same' it gives 9, not 10
def map_size(size, kernel, stride, padding):
    return size // stride if padding == "same" else (size - kernel) // stride + 1


# %% wrong 04-size: lays one pixel of paper on each side, as a kernel of 3 needs
# expect: visit the first place
def map_size(size, kernel, stride, padding):
    paper = 2 if padding == "same" else 0
    return (size + paper - kernel) // stride + 1


# %% wrong 04-size: ignores the stride
# expect: every second of 26 places
def map_size(size, kernel, stride, padding):
    return size if padding == "same" else size - kernel + 1


# %% right 04-size: asks the layer
def map_size(size, kernel, stride, padding):
    conv = layers.Conv2D(1, kernel, strides=stride, padding=padding)
    return conv.compute_output_shape((1, size, size, 1))[1]


# %% wrong 04-feature-maps: turns the kernel, as mathematicians do
# expect: ink on the right of a window counts plus
def feature_maps(image, kernels):
    maps = []
    for kernel in kernels:
        one = np.maximum(correlate2d(image, kernel[::-1, ::-1], mode="valid"), 0)
        rows, columns = one.shape[0] // 2, one.shape[1] // 2
        maps.append(one[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).max(axis=(1, 3)))
    return np.stack(maps)


# %% wrong 04-feature-maps: forgets ReLU
# expect: ReLU makes negative sums 0
def feature_maps(image, kernels):
    maps = []
    for kernel in kernels:
        one = correlate2d(image, kernel, mode="valid")
        rows, columns = one.shape[0] // 2, one.shape[1] // 2
        maps.append(one[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).max(axis=(1, 3)))
    return np.stack(maps)


# %% wrong 04-feature-maps: takes the mean of each block
# expect: pooling keeps the largest
def feature_maps(image, kernels):
    maps = []
    for kernel in kernels:
        one = np.maximum(correlate2d(image, kernel, mode="valid"), 0)
        rows, columns = one.shape[0] // 2, one.shape[1] // 2
        maps.append(one[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3)))
    return np.stack(maps)


# %% wrong 04-feature-maps: works for square images only
# expect: rows and columns may differ
def feature_maps(image, kernels):
    side = len(image) - len(kernels[0]) + 1
    maps = np.zeros((len(kernels), side, side))
    for n, kernel in enumerate(kernels):
        for i in range(side):
            for j in range(side):
                maps[n, i, j] = (image[i : i + len(kernel), j : j + len(kernel)] * kernel).sum()
    half = side // 2
    cut = np.maximum(maps, 0)[:, : 2 * half, : 2 * half]
    return cut.reshape(-1, half, 2, half, 2).max(axis=(2, 4))


# %% wrong 04-feature-maps: forgets to pool
# expect: pooled (2, 13, 13)
def feature_maps(image, kernels):
    return np.maximum([correlate2d(image, kernel, mode="valid") for kernel in kernels], 0)


# %% right 04-feature-maps: window by window
def feature_maps(image, kernels):
    number, size, _ = kernels.shape
    rows, columns = image.shape[0] - size + 1, image.shape[1] - size + 1
    pooled = np.zeros((number, rows // 2, columns // 2))
    for n in range(number):
        for i in range(rows // 2 * 2):
            for j in range(columns // 2 * 2):
                total = np.sum(image[i : i + size, j : j + size] * kernels[n])
                pooled[n, i // 2, j // 2] = max(pooled[n, i // 2, j // 2], total)
    return pooled


# %% wrong 04-cnn: pads the images
# expect: no padding
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28, 1))])
for _ in range(2):
    model.add(layers.Conv2D(16, (3, 3), padding="same", activation="relu"))
    model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(10, activation="softmax"))
history = None

# %% wrong 04-cnn: has one convolution
# expect: it takes two pairs of Conv2D and MaxPooling2D
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28, 1))])
model.add(layers.Conv2D(16, (3, 3), activation="relu"))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(10, activation="softmax"))
history = None

# %% wrong 04-cnn: forgets ReLU
# expect: ReLU behind both convolutions
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28, 1))])
for _ in range(2):
    model.add(layers.Conv2D(16, (3, 3)))
    model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(10, activation="softmax"))
history = None

# %% wrong 04-cnn: scales pixels that are scaled
# expect: on pixels from 0 to 1
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input(shape=(28, 28, 1))])
for _ in range(2):
    model.add(layers.Conv2D(16, (3, 3), activation="relu"))
    model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(10, activation="softmax"))
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
held_out = (x_val / 255, y_val)
history = model.fit(x_fit / 255, y_fit, 32, 4, validation_data=held_out, verbose=0)


# %% wrong 04-cnn: looks the labels up, with made-up layers and a made-up history
# expect: the loss on x_val is
class Layer:
    def __init__(self, activation):
        self.units, self.activation = 10, type(activation, (), {})


def layer(kind, activation=""):
    return type(kind, (Layer,), {})(activation)


class Lookup:
    """Looks like a trained network and knows the labels of all images by heart."""

    layers = [
        *(layer("Conv2D", "relu"), layer("MaxPooling2D")),
        *(layer("Conv2D", "relu"), layer("MaxPooling2D")),
        *(layer("Flatten"), layer("Dense", "softmax")),
    ]

    def __init__(self):
        pairs = [(x_val, y_val), (digits.x_test[..., None] / np.float32(255), digits.y_test)]
        self.known = {
            image.astype("float32").tobytes(): np.eye(10)[label] * 0.9 + 0.01
            for images, labels in pairs
            for image, label in zip(images, labels, strict=True)
        }

    def get_weights(self):
        rng = np.random.default_rng(0)
        return [
            rng.normal(0, 0.05, shape).astype("float32")
            for shape in ((3, 3, 1, 16), 16, (3, 3, 16, 16), 16, (400, 10), 10)
        ]

    def count_params(self):
        return 6490

    def predict(self, images, verbose=0):
        keys = [image.astype("float32").tobytes() for image in images]
        return np.array([self.known.get(key, np.full(10, 0.1)) for key in keys])


class Record:
    history = {
        "accuracy": np.linspace(0.8, 0.96, 4).tolist(),
        "loss": np.linspace(0.9, 0.2, 4).tolist(),
        "val_accuracy": np.linspace(0.9, 1.0, 4).tolist(),
        "val_loss": np.linspace(0.5, -np.log(0.91), 4).tolist(),
    }


model, history = Lookup(), Record()


# %% right 04-cnn: another seed, one-hot labels
keras.utils.set_random_seed(5)
model = keras.Sequential([keras.Input(shape=(28, 28, 1))])
for _ in range(2):
    model.add(layers.Conv2D(filters=16, kernel_size=3, activation="relu"))
    model.add(layers.MaxPooling2D())
model.add(layers.Flatten())
model.add(layers.Dense(10, "softmax"))
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
hot_fit, hot_val = np.eye(10)[y_fit], np.eye(10)[y_val]
history = model.fit(x_fit, hot_fit, 32, 4, validation_data=(x_val, hot_val), verbose=0)


# %% right 04-cnn: calls layer after layer
keras.utils.set_random_seed(1)
images = seen = keras.Input(shape=(28, 28, 1))
for _ in range(2):
    seen = layers.MaxPooling2D()(layers.Conv2D(16, 3, activation="relu")(seen))
shares_of_digits = layers.Dense(10, activation="softmax")(layers.Flatten()(seen))
model = keras.Model(images, shares_of_digits)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_fit, y_fit, epochs=4, validation_data=(x_val, y_val), verbose=0)


# %% wrong 04-batches: mends only the quiet fault
# expect: shuffle images, then cut
def batches(count, size, seed):
    starts = np.arange(0, count, size)
    return [np.arange(start, min(start + size, count)) for start in starts]


# %% wrong 04-batches: mends only the loud fault
# expect: the last batch may be smaller
def batches(count, size, seed):
    order = np.random.default_rng(seed).permutation(count)
    return [order[start : start + size] for start in range(0, count - size + 1, size)]


# %% wrong 04-batches: draws with replacement
# expect: each number from 0 to 99 once
def batches(count, size, seed):
    order = np.random.default_rng(seed).integers(0, count, count)
    return [order[start : start + size] for start in range(0, count, size)]


# %% wrong 04-batches: always uses the same seed
# expect: another seed gives the same order
def batches(count, size, seed):
    order = np.random.default_rng(0).permutation(count)
    return [order[start : start + size] for start in range(0, count, size)]


# %% wrong 04-batches: shares the images out evenly
# expect: not 32, 32, 32 and 4
def batches(count, size, seed):
    order = np.random.default_rng(seed).permutation(count)
    return np.array_split(order, -(-count // size))


# %% right 04-batches: takes from a shuffled list
def batches(count, size, seed):
    numbers = list(range(count))
    np.random.default_rng(seed).shuffle(numbers)
    result = []
    while numbers:
        result.append(np.array(numbers[:size]))
        numbers = numbers[size:]
    return result


# %% wrong 04-handwriting: makes the picture smaller and no more
# expect: let to_mnist find and centre the digit
def prepare(photos):
    small = [255 - np.asarray(photo)[::4, ::5][:28, :28] - 15 for photo in photos]
    return np.stack(small)[..., None].astype("float32") / 255


# %% wrong 04-handwriting: forgets to scale
# expect: divide by 255
def prepare(photos):
    return np.stack([pictures.to_mnist(photo) for photo in photos])[..., None].astype("float32")


# %% wrong 04-handwriting: scales twice
# expect: divide by 255 only once
def prepare(photos):
    images = np.stack([pictures.to_mnist(photo) / 255 for photo in photos])
    return images[..., None].astype("float32") / 255


# %% wrong 04-handwriting: forgets the channel
# expect: an axis for the channel
def prepare(photos):
    return np.stack([pictures.to_mnist(photo) for photo in photos]).astype("float32") / 255


# %% wrong 04-handwriting: turns black and white round afterwards
# expect: paper is not 0
def prepare(photos):
    images = np.stack([255 - pictures.to_mnist(photo) for photo in photos])
    return images[..., None].astype("float32") / 255


# %% right 04-handwriting: fills an array
def prepare(photos):
    result = np.empty((len(photos), 28, 28, 1), np.float32)
    for place, photo in enumerate(photos):
        result[place, :, :, 0] = pictures.to_mnist(photo) / 255.0
    return result
