# %% wrong 08-gradient: forgets which units are off
# expect: leave out units whose number before ReLU is not above 0
def gradient_maps(weights, images, classes):
    hidden_weights, _, weights_out, _ = weights
    return (weights_out[:, classes].T @ hidden_weights.T).reshape(images.shape)


# %% wrong 08-gradient: multiplies by the ink
# expect: multiply both weights, and nothing else
def gradient_maps(weights, images, classes):
    hidden_weights, hidden_bias, weights_out, _ = weights
    is_on = images.reshape(len(images), -1) @ hidden_weights + hidden_bias > 0
    maps = ((is_on * weights_out[:, classes].T) @ hidden_weights.T).reshape(images.shape)
    return maps * images


# %% wrong 08-gradient: multiplies by how far a unit is on
# expect: multiply both weights, and nothing else
def gradient_maps(weights, images, classes):
    hidden_weights, hidden_bias, weights_out, _ = weights
    hidden = np.maximum(images.reshape(len(images), -1) @ hidden_weights + hidden_bias, 0)
    return ((hidden * weights_out[:, classes].T) @ hidden_weights.T).reshape(images.shape)


# %% wrong 08-gradient: explains the answer of the network
# expect: take the weights of the class that is asked for, with their signs
def gradient_maps(weights, images, classes):
    hidden_weights, hidden_bias, weights_out, bias_out = weights
    before = images.reshape(len(images), -1) @ hidden_weights + hidden_bias
    answers = (np.maximum(before, 0) @ weights_out + bias_out).argmax(axis=1)
    return (((before > 0) * weights_out[:, answers].T) @ hidden_weights.T).reshape(images.shape)


# %% wrong 08-gradient: drops the signs
# expect: multiply both weights, and nothing else
def gradient_maps(weights, images, classes):
    hidden_weights, hidden_bias, weights_out, _ = weights
    is_on = images.reshape(len(images), -1) @ hidden_weights + hidden_bias > 0
    return np.abs((is_on * weights_out[:, classes].T) @ hidden_weights.T).reshape(images.shape)


# %% wrong 08-gradient: takes one class for all images
# expect: sum over all units that are on
def gradient_maps(weights, images, classes):
    hidden_weights, hidden_bias, weights_out, _ = weights
    is_on = images.reshape(len(images), -1) @ hidden_weights + hidden_bias > 0
    return ((is_on * weights_out[:, classes[0]]) @ hidden_weights.T).reshape(images.shape)


# %% wrong 08-gradient: leaves the pixels in a row
# expect: return floats of shape (5, 28, 28)
def gradient_maps(weights, images, classes):
    hidden_weights, hidden_bias, weights_out, _ = weights
    is_on = images.reshape(len(images), -1) @ hidden_weights + hidden_bias > 0
    return (is_on * weights_out[:, classes].T) @ hidden_weights.T


# %% wrong 08-gradient: forgets the bias
# expect: biases included
def gradient_maps(weights, images, classes):
    hidden_weights, _, weights_out, _ = weights
    is_on = images.reshape(len(images), -1) @ hidden_weights > 0
    if images.shape[1:] == (28, 28):
        is_on = images.reshape(len(images), -1) @ hidden_weights + weights[1] > 0
    return ((is_on * weights_out[:, classes].T) @ hidden_weights.T).reshape(images.shape)


# %% right 08-gradient: image by image
def gradient_maps(weights, images, classes):
    maps = []
    for image, label in zip(images, classes):
        total = np.zeros(image.size)
        for unit, column in enumerate(np.transpose(weights[0])):
            if column @ image.ravel() + weights[1][unit] > 0:
                total += column * weights[2][unit, label]
        maps.append(total.reshape(image.shape))
    return np.array(maps)


# %% wrong 08-question: keeps the softmax
# expect: ask for the logit, which no softmax flattens
def answer_maps(weights, images):
    answers = logits_of(weights, images).argmax(axis=1)

    def score(changed):
        p = softmax(logits_of(weights, changed), axis=1)
        return p[np.arange(len(changed)), answers]

    return slopes(score, images)


# %% wrong 08-question: takes the logarithm of the probability
# expect: ask for the logit, which no softmax flattens
def answer_maps(weights, images):
    answers = logits_of(weights, images).argmax(axis=1)

    def score(changed):
        p = log_softmax(logits_of(weights, changed), axis=1)
        return p[np.arange(len(changed)), answers]

    return slopes(score, images)


# %% wrong 08-question: explains the second best class
# expect: explain the answer of each image
def answer_maps(weights, images):
    seconds = np.argsort(logits_of(weights, images), axis=1)[:, -2]

    def score(changed):
        return logits_of(weights, changed)[np.arange(len(changed)), seconds]

    return slopes(score, images)


# %% wrong 08-question: takes one class for all images
# expect: explain the answer of each image
def answer_maps(weights, images):
    answer = logits_of(weights, images)[0].argmax()

    def score(changed):
        return logits_of(weights, changed)[:, answer]

    return slopes(score, images)


# %% wrong 08-question: sums all logits
# expect: explain the answer of each image
def answer_maps(weights, images):
    return slopes(lambda changed: logits_of(weights, changed).sum(axis=1), images)


# %% wrong 08-question: knows the labels of the test digits
# expect: explain the answer of each image
def answer_maps(weights, images):
    labels = [int(y_test[np.abs(x_test - image).sum(axis=(1, 2)).argmin()]) for image in images]

    def score(changed):
        return logits_of(weights, changed)[np.arange(len(changed)), labels]

    return slopes(score, images)


# %% right 08-question: takes the largest logit of each changed image
def answer_maps(weights, images):
    return slopes(lambda changed: logits_of(weights, changed).max(axis=1), images)


# %% right 08-question: by hand
def answer_maps(weights, images):
    before = images.reshape(len(images), -1) @ weights[0] + weights[1]
    answers = (np.maximum(before, 0) @ weights[2] + weights[3]).argmax(axis=1)
    return (((before > 0) * weights[2].T[answers]) @ weights[0].T).reshape(images.shape)


# %% wrong 08-occlusion: covers with black
# expect: put ink where there is none: 1 minus the ink
def opposite_occlusion(weights, images, classes, patch):
    every = np.arange(len(images))
    before = logits_of(weights, images)[every, classes]
    maps = np.zeros(images.shape)
    for top in range(0, images.shape[1], patch):
        for left in range(0, images.shape[2], patch):
            square = np.s_[:, top : top + patch, left : left + patch]
            covered = images.copy()
            covered[square] = 0
            maps[square] = (before - logits_of(weights, covered)[every, classes])[:, None, None]
    return maps


# %% wrong 08-occlusion: covers with white
# expect: take ink away where there is some: 1 minus the ink
def opposite_occlusion(weights, images, classes, patch):
    every = np.arange(len(images))
    before = logits_of(weights, images)[every, classes]
    maps = np.zeros(images.shape)
    for top in range(0, images.shape[1], patch):
        for left in range(0, images.shape[2], patch):
            square = np.s_[:, top : top + patch, left : left + patch]
            turned = images.copy()
            turned[square] = 1
            maps[square] = (before - logits_of(weights, turned)[every, classes])[:, None, None]
    return maps


# %% wrong 08-occlusion: changes more and more squares
# expect: start from a fresh copy each time
def opposite_occlusion(weights, images, classes, patch):
    every = np.arange(len(images))
    before = logits_of(weights, images)[every, classes]
    maps, turned = np.zeros(images.shape), images.copy()
    for top in range(0, images.shape[1], patch):
        for left in range(0, images.shape[2], patch):
            square = np.s_[:, top : top + patch, left : left + patch]
            turned[square] = 1 - turned[square]
            maps[square] = (before - logits_of(weights, turned)[every, classes])[:, None, None]
    return maps


# %% wrong 08-occlusion: gives the rise
# expect: give the fall of the logit, before minus after
def opposite_occlusion(weights, images, classes, patch):
    every = np.arange(len(images))
    before = logits_of(weights, images)[every, classes]
    maps = np.zeros(images.shape)
    for top in range(0, images.shape[1], patch):
        for left in range(0, images.shape[2], patch):
            square = np.s_[:, top : top + patch, left : left + patch]
            turned = images.copy()
            turned[square] = 1 - turned[square]
            maps[square] = (logits_of(weights, turned)[every, classes] - before)[:, None, None]
    return maps


# %% wrong 08-occlusion: drops the sign
# expect: give the fall of the logit, before minus after
def opposite_occlusion(weights, images, classes, patch):
    every = np.arange(len(images))
    before = logits_of(weights, images)[every, classes]
    maps = np.zeros(images.shape)
    for top in range(0, images.shape[1], patch):
        for left in range(0, images.shape[2], patch):
            square = np.s_[:, top : top + patch, left : left + patch]
            turned = images.copy()
            turned[square] = 1 - turned[square]
            fall = np.abs(before - logits_of(weights, turned)[every, classes])
            maps[square] = fall[:, None, None]
    return maps


# %% wrong 08-occlusion: changes single pixels
# expect: change the whole square
def opposite_occlusion(weights, images, classes, patch):
    every = np.arange(len(images))
    before = logits_of(weights, images)[every, classes]
    maps = np.zeros(images.shape)
    for row in range(images.shape[1]):
        for column in range(images.shape[2]):
            turned = images.copy()
            turned[:, row, column] = 1 - turned[:, row, column]
            maps[:, row, column] = before - logits_of(weights, turned)[every, classes]
    return maps


# %% wrong 08-occlusion: fills with grey
# expect: not 8 in all four pixels
def opposite_occlusion(weights, images, classes, patch):
    every = np.arange(len(images))
    before = logits_of(weights, images)[every, classes]
    maps = np.zeros(images.shape)
    for top in range(0, images.shape[1], patch):
        for left in range(0, images.shape[2], patch):
            square = np.s_[:, top : top + patch, left : left + patch]
            turned = images.copy()
            turned[square] = 0.5
            maps[square] = (before - logits_of(weights, turned)[every, classes])[:, None, None]
    return maps


# %% right 08-occlusion: image by image with a mask
def opposite_occlusion(weights, images, classes, patch):
    n, rows, columns = images.shape
    number = (np.arange(rows) // patch)[:, None] * columns + np.arange(columns) // patch
    maps = np.empty(images.shape)
    for i, image in enumerate(images):
        before = logits_of(weights, image[None])[0, classes[i]]
        for k in np.unique(number):
            turned = np.where(number == k, 1 - image, image)
            maps[i][number == k] = before - logits_of(weights, turned[None])[0, classes[i]]
    return maps


# %% wrong 08-cam: takes the mean slope
# expect: leave out the mean over the places
def cam(features, slopes_of_logit):
    means = slopes_of_logit.mean(axis=(1, 2), keepdims=True)
    return np.maximum((features * means).sum(axis=-1), 0)


# %% wrong 08-cam: keeps what is negative
# expect: replace negative sums by 0
def cam(features, slopes_of_logit):
    return (features * slopes_of_logit).sum(axis=-1)


# %% wrong 08-cam: cuts before the sum
# expect: sum over the channels first, and only then replace what is negative
def cam(features, slopes_of_logit):
    return np.maximum(features * slopes_of_logit, 0).sum(axis=-1)


# %% wrong 08-cam: takes sizes
# expect: multiply each feature by the slope at its own place
def cam(features, slopes_of_logit):
    return np.abs((features * slopes_of_logit).sum(axis=-1))


# %% wrong 08-cam: keeps the channels
# expect: sum over the channels, which are the last axis
def cam(features, slopes_of_logit):
    return np.maximum(features * slopes_of_logit, 0)


# %% wrong 08-cam: takes the mean over the channels
# expect: not 3; sum over the channels first
def cam(features, slopes_of_logit):
    return np.maximum((features * slopes_of_logit).mean(axis=-1), 0)


# %% right 08-cam: multiplies and sums at once
def cam(features, slopes_of_logit):
    return np.einsum("nrck,nrck->nrc", features, slopes_of_logit).clip(0)


# %% wrong 08-error: lets all bins count alike
# expect: let each bin count with its number of answers
def calibration_error(labels, probabilities, bins):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[number == k].mean() - right[number == k].mean()) for k in np.unique(number)
    ]
    return np.mean(gaps)


# %% wrong 08-error: keeps empty bins
# expect: leave out empty bins
def calibration_error(labels, probabilities, bins):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    error = 0.0
    for k in range(bins):
        inside = number == k
        with np.errstate(invalid="ignore"):
            share = np.float64(right[inside].sum()) / inside.sum()
            mean = np.float64(confidence[inside].sum()) / inside.sum()
        error += abs(mean - share) * inside.mean()
    return error


# %% wrong 08-error: lets distances cancel out
# expect: take each distance without its sign
def calibration_error(labels, probabilities, bins):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    wide = abs(confidence[confidence >= 0.9].sum() - right[confidence >= 0.9].sum())
    rest = confidence[confidence < 0.9].sum() - right[confidence < 0.9].sum()
    return (wide + abs(rest)) / len(labels)


# %% wrong 08-error: takes the probability of the label
# expect: not 0.25; follow the four steps
def calibration_error(labels, probabilities, bins):
    confidence = probabilities[np.arange(len(labels)), labels]
    right = probabilities.argmax(axis=1) == labels
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    return sum(abs((confidence - right)[number == k].sum()) for k in range(bins)) / len(labels)


# %% wrong 08-error: has no bin for a confidence of 1
# expect: the last bin also holds 1
def calibration_error(labels, probabilities, bins):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    number = (confidence * bins).astype(int)
    return sum(abs((confidence - right)[number == k].sum()) for k in range(bins)) / len(labels)


# %% wrong 08-error: forgets that bins may be other than ten
# expect: other answers in
def calibration_error(labels, probabilities, bins):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    number = np.minimum((confidence * 10).astype(int), 9)
    return sum(abs((confidence - right)[number == k].sum()) for k in range(10)) / len(labels)


# %% right 08-error: counts with weights
def calibration_error(labels, probabilities, bins):
    confidence = np.max(probabilities, axis=1)
    gap = confidence - (np.argmax(probabilities, axis=1) == labels)
    number = np.floor(confidence * bins).clip(max=bins - 1).astype(int)
    return float(np.abs(np.bincount(number, gap)).sum() / len(gap))


# %% wrong 08-temperature: lets the test images choose
# expect: they must not choose
def honest_report(val_logits, val_labels, test_logits, test_labels, temperatures):
    rows = np.arange(len(test_labels))
    losses = [-log_softmax(test_logits / t, axis=1)[rows, test_labels].mean() for t in temperatures]
    t = temperatures[np.argmin(losses)]
    return t, expected_calibration_error(test_labels, softmax(test_logits / t, axis=1))


# %% wrong 08-temperature: lets all images choose
# expect: on the validation images alone
def honest_report(val_logits, val_labels, test_logits, test_labels, temperatures):
    logits, labels = np.concatenate([val_logits, test_logits]), np.append(val_labels, test_labels)
    rows = np.arange(len(labels))
    losses = [-log_softmax(logits / t, axis=1)[rows, labels].mean() for t in temperatures]
    t = temperatures[np.argmin(losses)]
    return t, expected_calibration_error(test_labels, softmax(test_logits / t, axis=1))


# %% wrong 08-temperature: multiplies the logits
# expect: divide the logits, do not multiply
def honest_report(val_logits, val_labels, test_logits, test_labels, temperatures):
    rows = np.arange(len(val_labels))
    losses = [-log_softmax(val_logits * t, axis=1)[rows, val_labels].mean() for t in temperatures]
    t = temperatures[np.argmin(losses)]
    return t, expected_calibration_error(test_labels, softmax(test_logits * t, axis=1))


# %% wrong 08-temperature: reports without the temperature
# expect: without a temperature; use the chosen one
def honest_report(val_logits, val_labels, test_logits, test_labels, temperatures):
    rows = np.arange(len(val_labels))
    losses = [-log_softmax(val_logits / t, axis=1)[rows, val_labels].mean() for t in temperatures]
    t = temperatures[np.argmin(losses)]
    return t, expected_calibration_error(test_labels, softmax(test_logits, axis=1))


# %% wrong 08-temperature: reports on the validation images
# expect: report that of the test images
def honest_report(val_logits, val_labels, test_logits, test_labels, temperatures):
    rows = np.arange(len(val_labels))
    losses = [-log_softmax(val_logits / t, axis=1)[rows, val_labels].mean() for t in temperatures]
    t = temperatures[np.argmin(losses)]
    return t, expected_calibration_error(val_labels, softmax(val_logits / t, axis=1))


# %% wrong 08-temperature: takes the largest loss
# expect: take the temperature with the smallest loss
def honest_report(val_logits, val_labels, test_logits, test_labels, temperatures):
    rows = np.arange(len(val_labels))
    losses = [log_softmax(val_logits / t, axis=1)[rows, val_labels].mean() for t in temperatures]
    t = temperatures[np.argmin(losses)]
    return t, expected_calibration_error(test_labels, softmax(test_logits / t, axis=1))


# %% right 08-temperature: a loop over temperatures
def honest_report(val_logits, val_labels, test_logits, test_labels, temperatures):
    best, smallest = 1.0, np.inf
    for t in temperatures:
        p = softmax(val_logits / t, axis=-1)
        loss = np.mean([-np.log(row[label]) for row, label in zip(p, val_labels)])
        if loss < smallest:
            best, smallest = t, loss
    p = softmax(test_logits / best, axis=-1)
    return [float(best), expected_calibration_error(test_labels, p)]
