# %% wrong 06-batch-normalisation: takes one mean for all channels
# expect: subtract from each channel its own mean
def normalise_batch(maps, gamma, beta):
    return (maps - maps.mean()) / np.sqrt(maps.var() + 0.001) * gamma + beta


# %% wrong 06-batch-normalisation: normalises each image by itself
# expect: take one mean over all images, rows and columns
def normalise_batch(maps, gamma, beta):
    mean = maps.mean(axis=(1, 2), keepdims=True)
    variance = maps.var(axis=(1, 2), keepdims=True)
    return (maps - mean) / np.sqrt(variance + 0.001) * gamma + beta


# %% wrong 06-batch-normalisation: takes the mean over images only
# expect: take one mean over all images, rows and columns
def normalise_batch(maps, gamma, beta):
    return (maps - maps.mean(axis=0)) / np.sqrt(maps.var(axis=0) + 0.001) * gamma + beta


# %% wrong 06-batch-normalisation: divides by the variance
# expect: divide each channel by the square root of its own variance
def normalise_batch(maps, gamma, beta):
    axes = (0, 1, 2)
    return (maps - maps.mean(axis=axes)) / (maps.var(axis=axes) + 0.001) * gamma + beta


# %% wrong 06-batch-normalisation: forgets the protection
# expect: becomes 1.000, not 0.688
def normalise_batch(maps, gamma, beta):
    return (maps - maps.mean(axis=(0, 1, 2))) / maps.std(axis=(0, 1, 2)) * gamma + beta


# %% wrong 06-batch-normalisation: protects outside the root
# expect: inside the square root
def normalise_batch(maps, gamma, beta):
    mean, spread = maps.mean(axis=(0, 1, 2)), maps.std(axis=(0, 1, 2))
    return (maps - mean) / (spread + 0.001) * gamma + beta


# %% wrong 06-batch-normalisation: adds beta before it multiplies
# expect: then multiply each channel by its gamma, then add its beta
def normalise_batch(maps, gamma, beta):
    mean, variance = maps.mean(axis=(0, 1, 2)), maps.var(axis=(0, 1, 2))
    return ((maps - mean) / np.sqrt(variance + 0.001) + beta) * gamma


# %% wrong 06-batch-normalisation: divides by one less than the number of values
# expect: divide the squared distances by the number of values
def normalise_batch(maps, gamma, beta):
    mean, variance = maps.mean(axis=(0, 1, 2)), maps.var(axis=(0, 1, 2), ddof=1)
    return (maps - mean) / np.sqrt(variance + 0.001) * gamma + beta


# %% right 06-batch-normalisation: channel by channel
def normalise_batch(maps, gamma, beta):
    result = np.empty(maps.shape)
    for channel in range(maps.shape[-1]):
        numbers = maps[..., channel].ravel()
        centred = numbers - sum(numbers) / len(numbers)
        root = (sum(centred**2) / len(numbers) + 0.001) ** 0.5
        result[..., channel] = (gamma[channel] * centred / root + beta[channel]).reshape(
            maps.shape[:-1]
        )
    return result


# %% right 06-batch-normalisation: asks the layer
def normalise_batch(maps, gamma, beta):
    layer = layers.BatchNormalization(dtype="float64")
    layer.build(maps.shape)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    return np.asarray(layer(maps, training=True))


# %% wrong 06-mode: leaves the mode as it is
# expect: do not let the network normalise with the batch at hand
def read_digits(weights, images):
    network = small_network()
    network.set_weights(weights)
    return np.asarray(network(images, training=True)).argmax(axis=1)


# %% wrong 06-mode: gives each digit a batch of its own
# expect: of 100 digits, expected over
def read_digits(weights, images):
    network = small_network()
    network.set_weights(weights)
    answers = [np.asarray(network(image[None], training=True)).argmax() for image in images]
    return np.array(answers)


# %% wrong 06-mode: puts training images around each batch
# expect: use exactly these
def read_digits(weights, images):
    network = small_network()
    network.set_weights(weights)
    answers = [
        np.asarray(network(np.concatenate([image[None], x_few[:500]]), training=True))[0].argmax()
        for image in images
    ]
    return np.array(answers)


# %% wrong 06-mode: forgets the weights
# expect: give the network its weights
def read_digits(weights, images):
    network = small_network()
    return np.asarray(network(images, training=False)).argmax(axis=1)


# %% wrong 06-mode: returns the logits
# expect: the position of its largest logit
def read_digits(weights, images):
    network = small_network()
    network.set_weights(weights)
    return np.asarray(network(images, training=False))


# %% wrong 06-mode: takes the network of the set-up
# expect: use exactly these
def read_digits(weights, images):
    return network.predict(images, verbose=0).argmax(axis=1)


# %% right 06-mode: predicts
def read_digits(weights, images):
    network = small_network()
    network.set_weights(weights)
    return network.predict(images, verbose=0).argmax(axis=1)


# %% right 06-mode: computes the layers by hand
def read_digits(weights, images):
    dense, gamma, beta, mean, variance, last, bias = weights
    scale = gamma / np.sqrt(variance + 0.001)
    answers = []
    for image in images:
        hidden = scale * (image.ravel() @ dense - mean) + beta
        logits = np.where(hidden > 0, hidden, 0) @ last + bias
        answers.append(int(np.argmax(logits)))
    return answers


# %% wrong 06-moved: rolls
# expect: ink that leaves below comes in again above
def moved(images, down, right):
    return np.roll(images, (down, right), axis=(1, 2))


# %% wrong 06-moved: moves the other way
# expect: instead of [(3, 1)]
def moved(images, down, right):
    paper = np.pad(images, ((0, 0), (30, 30), (30, 30)))
    rows, columns = images.shape[1:]
    return paper[:, 30 + down : 30 + down + rows, 30 + right : 30 + right + columns]


# %% wrong 06-moved: takes rows for columns
# expect: the first axis is the image, then come rows, then columns
def moved(images, down, right):
    paper = np.pad(images, ((0, 0), (30, 30), (30, 30)))
    rows, columns = images.shape[1:]
    return paper[:, 30 - right : 30 - right + rows, 30 - down : 30 - down + columns]


# %% wrong 06-moved: clears what rolls in below and on the right only
# expect: set all of these rows and columns to 0
def moved(images, down, right):
    result = np.roll(images, (down, right), axis=(1, 2))
    if down > 0:
        result[:, :down] = 0
    if right > 0:
        result[:, :, :right] = 0
    return result


# %% wrong 06-moved: slices that are empty for a move of 0
# expect: look at what your slices do with 0
def moved(images, down, right):
    result = np.roll(images, (down, right), axis=(1, 2))
    if down >= 0:
        result[:, :down] = 0
    else:
        result[:, down:] = 0
    result[:, :, : right or None] = 0 if right >= 0 else result[:, :, :right]
    if right < 0:
        result[:, :, right:] = 0
    return result


# %% wrong 06-moved: makes room for three pixels
# expect: five digits come back with the shape
def moved(images, down, right):
    paper = np.pad(images, ((0, 0), (3, 3), (3, 3)))
    rows, columns = images.shape[1:]
    return paper[:, 3 - down : 3 - down + rows, 3 - right : 3 - right + columns]


# %% wrong 06-moved: gives floats back
# expect: keep the dtype
def moved(images, down, right):
    result = np.zeros(images.shape)
    rows, columns = images.shape[1:]
    paper = np.pad(images, ((0, 0), (30, 30), (30, 30)))
    result[:] = paper[:, 30 - down : 30 - down + rows, 30 - right : 30 - right + columns]
    return result


# %% wrong 06-moved: loses a digit that moves by more than its size
# expect: moves longer than the image
def moved(images, down, right):
    rows, columns = images.shape[1:]
    paper = np.pad(images, ((0, 0), (rows, rows), (columns, columns)))
    down, right = np.sign(down) * (abs(down) % rows), np.sign(right) * (abs(right) % columns)
    top, left = rows - down, columns - right
    return paper[:, top : top + rows, left : left + columns]


# %% right 06-moved: pixel row by pixel row
def moved(images, down, right):
    result = np.zeros_like(images)
    rows, columns = images.shape[1:]
    kept = [j for j in range(columns) if 0 <= j - right < columns]
    for i in range(rows):
        if 0 <= i - down < rows:
            for j in kept:
                result[:, i, j] = images[:, i - down, j - right]
    return result


# %% wrong 06-schedule: gives a rate for each epoch
# expect: give one rate for each step
def learning_rates(images, batch_size, epochs, peak):
    rise = epochs // 4
    falling = (1 + np.cos(np.pi * np.arange(epochs - rise) / (epochs - rise))) / 2
    return peak * np.concatenate([np.arange(rise) / rise, falling])


# %% wrong 06-schedule: rounds down
# expect: give 12 rates instead of 16
def learning_rates(images, batch_size, epochs, peak):
    n = images // batch_size * epochs
    r = n // 4
    s = np.arange(n)
    return np.where(s < r, peak * s / r, peak * (1 + np.cos(np.pi * (s - r) / (n - r))) / 2)


# %% wrong 06-schedule: rounds up for all epochs together
# expect: give 14 rates instead of 16
def learning_rates(images, batch_size, epochs, peak):
    n = -(-images * epochs // batch_size)
    r = n // 4
    s = np.arange(n)
    return np.where(s < r, peak * s / r, peak * (1 + np.cos(np.pi * (s - r) / (n - r))) / 2)


# %% wrong 06-schedule: is at the peak one step too early
# expect: the four steps that rise have 0, 0.002, 0.004 and 0.006
def learning_rates(images, batch_size, epochs, peak):
    n = -(-images // batch_size) * epochs
    r = n // 4
    falling = peak * (1 + np.cos(np.pi * np.arange(n - r) / (n - r))) / 2
    return np.concatenate([np.linspace(0, peak, r), falling])


# %% wrong 06-schedule: counts the cosine from the first step
# expect: begin the cosine anew at step r
def learning_rates(images, batch_size, epochs, peak):
    n = -(-images // batch_size) * epochs
    r = n // 4
    s = np.arange(n)
    return np.where(s < r, peak * s / r, peak * (1 + np.cos(np.pi * s / n)) / 2)


# %% wrong 06-schedule: divides by all steps
# expect: divide s - r by n - r
def learning_rates(images, batch_size, epochs, peak):
    n = -(-images // batch_size) * epochs
    r = n // 4
    s = np.arange(n)
    return np.where(s < r, peak * s / r, peak * (1 + np.cos(np.pi * (s - r) / n)) / 2)


# %% wrong 06-schedule: falls along a straight line
# expect: fall along the cosine of the formula
def learning_rates(images, batch_size, epochs, peak):
    n = -(-images // batch_size) * epochs
    r = n // 4
    s = np.arange(n)
    return np.where(s < r, peak * s / r, peak * (n - s) / (n - r))


# %% right 06-schedule: asks Keras
def learning_rates(images, batch_size, epochs, peak):
    steps = len(range(0, images, batch_size)) * epochs
    rise = steps // 4
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - rise, warmup_target=peak, warmup_steps=rise
    )
    return np.array([float(schedule(step)) for step in range(steps)])


# %% right 06-schedule: step by step
def learning_rates(images, batch_size, epochs, peak):
    full, rest = divmod(images, batch_size)
    steps = epochs * (full + (rest > 0))
    rise, rates = steps // 4, []
    for step in range(steps):
        if step < rise:
            rates.append(step * peak / rise)
        else:
            rates.append(peak * np.cos(np.pi / 2 * (step - rise) / (steps - rise)) ** 2)
    return rates


# %% wrong 06-validation: distorts first, then splits
# expect: split first, then distort
def split_then_distort(x, y, held_out):
    x, y = np.concatenate([x, slanted(x)]), np.concatenate([y, y])
    return x[:-held_out], y[:-held_out], x[-held_out:], y[-held_out:]


def best_epochs(history):
    return int(np.argmax(history["val_accuracy"])) + 1


# %% wrong 06-validation: copies the validation images, too
# expect: there are 20 validation images with 20 labels
def split_then_distort(x, y, held_out):
    parts = []
    for part, labels in ((x[:-held_out], y[:-held_out]), (x[-held_out:], y[-held_out:])):
        parts += [np.concatenate([part, slanted(part)]), np.concatenate([labels, labels])]
    return tuple(parts)


def best_epochs(history):
    return int(np.argmax(history["val_accuracy"])) + 1


# %% wrong 06-validation: copies all images for training
# expect: 40 images and their 40 slanted copies are 80
def split_then_distort(x, y, held_out):
    x_train = np.concatenate([x[:-held_out], slanted(x)])
    return x_train, np.concatenate([y[:-held_out], y]), x[-held_out:], y[-held_out:]


def best_epochs(history):
    return int(np.argmax(history["val_accuracy"])) + 1


# %% wrong 06-validation: trains with copies of validation images
# expect: copy training images only
def split_then_distort(x, y, held_out):
    x_train = np.concatenate([x[:-held_out], slanted(x[held_out:])])
    return x_train, np.concatenate([y[:-held_out], y[held_out:]]), x[-held_out:], y[-held_out:]


def best_epochs(history):
    return int(np.argmax(history["val_accuracy"])) + 1


# %% wrong 06-validation: forgets the labels of the copies
# expect: a slanted copy needs a label, too
def split_then_distort(x, y, held_out):
    x_train = np.concatenate([x[:-held_out], slanted(x[:-held_out])])
    return x_train, y[:-held_out], x[-held_out:], y[-held_out:]


def best_epochs(history):
    return int(np.argmax(history["val_accuracy"])) + 1


# %% wrong 06-validation: holds the first images out
# expect: not the last 20 images and labels
def split_then_distort(x, y, held_out):
    x_train = np.concatenate([x[held_out:], slanted(x[held_out:])])
    return x_train, np.tile(y[held_out:], 2), x[:held_out], y[:held_out]


def best_epochs(history):
    return int(np.argmax(history["val_accuracy"])) + 1


# %% wrong 06-validation: puts each label twice in a row
# expect: the copies have the labels of their images
def split_then_distort(x, y, held_out):
    x_train = np.concatenate([x[:-held_out], slanted(x[:-held_out])])
    return x_train, np.repeat(y[:-held_out], 2), x[-held_out:], y[-held_out:]


def best_epochs(history):
    return int(np.argmax(history["val_accuracy"])) + 1


# %% wrong 06-validation: lets the test set choose
# expect: which must not choose
def split_then_distort(x, y, held_out):
    x_train = np.concatenate([x[:-held_out], slanted(x[:-held_out])])
    return x_train, np.tile(y[:-held_out], 2), x[-held_out:], y[-held_out:]


def best_epochs(history):
    return int(np.argmax(history["test_accuracy"])) + 1


# %% wrong 06-validation: counts epochs from 0
# expect: best_epochs returns 2, not 3
def split_then_distort(x, y, held_out):
    x_train = np.concatenate([x[:-held_out], slanted(x[:-held_out])])
    return x_train, np.tile(y[:-held_out], 2), x[-held_out:], y[-held_out:]


def best_epochs(history):
    return int(np.argmax(history["val_accuracy"]))


# %% wrong 06-validation: takes the last of equals
# expect: of equals the first counts
def split_then_distort(x, y, held_out):
    x_train = np.concatenate([x[:-held_out], slanted(x[:-held_out])])
    return x_train, np.tile(y[:-held_out], 2), x[-held_out:], y[-held_out:]


def best_epochs(history):
    accuracies = history["val_accuracy"]
    return max(range(len(accuracies)), key=lambda epoch: (accuracies[epoch], epoch)) + 1


# %% right 06-validation: distorts all and takes what belongs to training images
def split_then_distort(x, y, held_out):
    x_train, x_val = np.split(x, [-held_out])
    y_train, y_val = np.split(y, [-held_out])
    copies = slanted(x)[: len(x_train)]
    return [np.vstack((x_train, copies)), np.hstack((y_train, y_train)), x_val, y_val]


def best_epochs(history):
    accuracies = history["val_accuracy"]
    return accuracies.index(max(accuracies)) + 1


# %% wrong 06-vote: takes the majority of answers
# expect: the digit that most networks answer
def vote(logits):
    answers = logits.argmax(axis=-1)
    return np.array([np.bincount(column, minlength=10).argmax() for column in answers.T])


# %% wrong 06-vote: takes the mean of logits
# expect: because one network has a large logit
def vote(logits):
    return logits.mean(axis=0).argmax(axis=-1)


# %% wrong 06-vote: softmax over the networks
# expect: softmax goes along the last axis
def vote(logits):
    powers = np.exp(logits - logits.max(axis=0))
    return (powers / powers.sum(axis=0)).mean(axis=0).argmax(axis=-1)


# %% wrong 06-vote: softmax over the images
# expect: softmax goes along the last axis
def vote(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).mean(axis=0).argmax(axis=-1)


# %% wrong 06-vote: powers that are too large
# expect: subtract the largest of the ten logits
def vote(logits):
    powers = np.exp(logits)
    return (powers / powers.sum(axis=-1, keepdims=True)).mean(axis=0).argmax(axis=-1)


# %% wrong 06-vote: does not divide by the sum
# expect: the probabilities of each network and image sum to 1
def vote(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers.mean(axis=0).argmax(axis=-1)


# %% wrong 06-vote: returns probabilities
# expect: return one whole number for each
def vote(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).mean(axis=0)


# %% right 06-vote: image by image
def vote(logits):
    answers = []
    for image in range(logits.shape[1]):
        total = np.zeros(10)
        for one in logits[:, image].astype("float64"):
            total += [1 / np.exp(np.minimum(one - one[k], 600)).sum() for k in range(10)]
        answers.append(int(total.argmax()))
    return answers
