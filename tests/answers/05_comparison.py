# %% wrong 05-interval: takes the textbook form
# expect: that is the textbook form
def wilson(correct, total):
    p = correct / total
    half = 1.96 * np.sqrt(p * (1 - p) / total)
    return p - half, p + half


# %% wrong 05-interval: forgets the brackets
# expect: look at the brackets
def wilson(correct, total):
    z, p = 1.96, correct / total
    middle = (p + z**2 / 2 * total) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * np.sqrt(p * (1 - p) / total + z**2 / (4 * total**2))
    return middle - half, middle + half


# %% wrong 05-interval: forgets to square n under the root
# expect: look at the brackets
def wilson(correct, total):
    z, p = 1.96, correct / total
    middle = (p + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * np.sqrt(p * (1 - p) / total + z**2 / (4 * total))
    return middle - half, middle + half


# %% wrong 05-interval: knows the answers by heart
# expect: look at every n of the formula
def wilson(correct, total):
    return (0.7225, 1.0) if total == 10 else (0.9804, 0.9855)


# %% right 05-interval: solves the quadratic equation
def wilson(correct, total):
    z, p = 1.959964, correct / total
    a, b, c = 1 + z * z / total, 2 * p + z * z / total, p * p
    root = np.sqrt(max(b * b - 4 * a * c, 0.0))
    return np.array([b - root, b + root]) / (2 * a)


# %% wrong 05-mcnemar: counts the errors of each network
# expect: count images that exactly one
def compare(labels, first, second):
    a, b = int((first == labels).sum()), int((second == labels).sum())
    return a, b, float(binomtest(a, a + b).pvalue)


# %% wrong 05-mcnemar: throws a coin for every image
# expect: throw the coin 8 + 2 times
def compare(labels, first, second):
    a = int(((first == labels) & (second != labels)).sum())
    b = int(((first != labels) & (second == labels)).sum())
    return a, b, float(binomtest(a, len(labels)).pvalue)


# %% wrong 05-mcnemar: looks at one side only
# expect: look at both sides
def compare(labels, first, second):
    a = int(((first == labels) & (second != labels)).sum())
    b = int(((first != labels) & (second == labels)).sum())
    return a, b, float(binomtest(a, max(a + b, 1), alternative="greater").pvalue)


# %% wrong 05-mcnemar: counts wherever the two answers differ
# expect: the counts are
def compare(labels, first, second):
    differ = first != second
    a = int((differ & (first == labels)).sum())
    b = int((differ & (first != labels)).sum())
    return a, b, float(binomtest(a, max(a + b, 1)).pvalue)


# %% wrong 05-mcnemar: says that a network differs from itself
# expect: nothing tells them apart, so p is 1
def compare(labels, first, second):
    a = int(((first == labels) & (second != labels)).sum())
    b = int(((first != labels) & (second == labels)).sum())
    return a, b, float(binomtest(a, a + b).pvalue) if a + b else 0.0


# %% right 05-mcnemar: asks the package
def compare(labels, first, second):
    test = evaluation.mcnemar(labels, first, second)
    return [test.only_first, test.only_second, test.p_value]


# %% wrong 05-holm: does not correct
# expect: correct for three tests
def significant(p_values):
    return [p < 0.05 for p in p_values]


# %% wrong 05-holm: divides by the number of tests for all
# expect: not all 0.05 / 3
def significant(p_values):
    return [p <= 0.05 / len(p_values) for p in p_values]


# %% wrong 05-holm: does not stop
# expect: so stop there
def significant(p_values):
    m = len(p_values)
    result = [False] * m
    for step, place in enumerate(np.argsort(p_values)):
        result[place] = bool(p_values[place] <= 0.05 / (m - step))
    return result


# %% wrong 05-holm: returns the results in sorted order
# expect: so stop there
def significant(p_values):
    return multipletests(sorted(p_values), method="holm")[0].tolist()


# %% right 05-holm: by hand
def significant(p_values):
    result, left = [False] * len(p_values), len(p_values)
    for place in np.argsort(p_values):
        if p_values[place] > 0.05 / left:
            break
        result[place] = True
        left -= 1
    return result


# %% wrong 05-best-of-many: still chooses on the test set
# expect: which must not choose: use validation
def honest_report(validation, test):
    best = int(test.mean(axis=1).argmax())
    correct, total = int(test[best].sum()), test.shape[1]
    return best, correct / total, *evaluation.wilson_interval(correct, total)


# %% wrong 05-best-of-many: still counts all networks' images
# expect: too narrow
def honest_report(validation, test):
    best = int(validation.mean(axis=1).argmax())
    low, high = evaluation.wilson_interval(int(test.sum()), test.size)
    return best, float(test[best].mean()), low, high


# %% wrong 05-best-of-many: reports the validation accuracy
# expect: report that of the test images
def honest_report(validation, test):
    best = int(validation.mean(axis=1).argmax())
    correct, total = int(validation[best].sum()), validation.shape[1]
    return best, correct / total, *evaluation.wilson_interval(correct, total)


# %% wrong 05-best-of-many: takes the number of validation images for the interval
# expect: accuracy and interval are those of the test images
def honest_report(validation, test):
    best = int(validation.mean(axis=1).argmax())
    share, total = float(test[best].mean()), validation.shape[1]
    return best, share, *evaluation.wilson_interval(round(share * total), total)


# %% right 05-best-of-many: looks for the best in a loop
def honest_report(validation, test):
    best, most = 0, -1
    for number, right in enumerate(validation):
        if right.sum() > most:
            best, most = number, right.sum()
    asked = test[best]
    low, high = evaluation.wilson_interval(int(np.count_nonzero(asked)), len(asked))
    return [best, np.count_nonzero(asked) / len(asked), low, high]


# %% wrong 05-vote: gives a tie to the smallest digit
# expect: of those with most votes the second network has 9
def vote(answers):
    counts = np.array([(answers == digit).sum(axis=0) for digit in range(10)])
    return counts.argmax(axis=0)


# %% wrong 05-vote: lets the best network decide every tie, even alone
# expect: of those with most votes the second network has 9
def vote(answers):
    result = []
    for column in answers.T:
        counts = np.bincount(column, minlength=10)
        tied = (counts == counts.max()).sum() > 1
        result.append(column[0] if tied else counts.argmax())
    return np.array(result)


# %% wrong 05-vote: counts along the wrong axis
# expect: vote image by image
def vote(answers):
    return np.array([np.bincount(row, minlength=10).argmax() for row in answers])


# %% wrong 05-vote: asks the best network alone
# expect: 1 has the most votes
def vote(answers):
    return answers[0]


# %% wrong 05-vote: takes the median for the majority
# expect: the first network decides: 4
def vote(answers):
    return np.median(answers, axis=0).astype(int)


# %% right 05-vote: counts image by image
def vote(answers):
    result = []
    for column in answers.T.tolist():
        result.append(max(column, key=column.count))
    return result


# %% wrong 05-equal-terms: hands in probabilities
# expect: one whole number for each of
keras.utils.set_random_seed(0)
dense, cnn = models.fnn_softmax(), models.cnn()
dense_answers = cnn_answers = dense.predict(x_test, verbose=0)
p_value, verdict = 1.0, "open"

# %% wrong 05-equal-terms: does not train
# expect: train on x_few
keras.utils.set_random_seed(0)
dense, cnn = models.fnn_softmax(), models.cnn()
dense_answers, cnn_answers = (one.predict(x_test, verbose=0).argmax(axis=1) for one in (dense, cnn))
p_value, verdict = 0.5, "open"

# %% wrong 05-equal-terms: copies answers from the labels
# expect: dense_answers are not what the network dense says of x_test
keras.utils.set_random_seed(0)
dense, cnn = models.fnn_softmax(), models.cnn()
dense_answers, cnn_answers = y_test.copy(), y_test.copy()
dense_answers[:30] = (y_test[:30] + 1) % 10
cnn_answers[1:30] = (y_test[1:30] + 1) % 10
p_value, verdict = evaluation.mcnemar(y_test, dense_answers, cnn_answers).p_value, "open"


# %% wrong 05-equal-terms: looks the labels up
# expect: the weights of dense give
class Lookup:
    """Looks like a network, knows the test images by heart and has the weights of a fresh one."""

    def __init__(self, network, wrong):
        self.layers, self.get_weights = network.layers, network.get_weights
        answers = np.where(np.arange(len(y_test)) % 20 < wrong, (y_test + 1) % 10, y_test)
        pairs = zip(x_test, answers, strict=True)
        self.known = {image.tobytes(): np.eye(10)[answer] for image, answer in pairs}

    def predict(self, images, verbose=0):
        return np.array([self.known.get(image.tobytes(), np.full(10, 0.1)) for image in images])


dense, cnn = Lookup(models.fnn_softmax(), 2), Lookup(models.cnn(), 1)
dense_answers, cnn_answers = (one.predict(x_test).argmax(axis=1) for one in (dense, cnn))
p_value = evaluation.mcnemar(y_test, dense_answers, cnn_answers).p_value
verdict = "cnn" if p_value < 0.05 else "open"

# %% wrong 05-equal-terms: says that nothing is known, whatever p is
# expect: first the p-value, then who reads more
trained = {}
for name, build in (("dense", models.fnn_softmax), ("cnn", models.cnn)):
    keras.utils.set_random_seed(0)
    trained[name] = build()
    trained[name].compile("adam", "sparse_categorical_crossentropy")
    trained[name].fit(x_few, y_few, batch_size=32, epochs=3, verbose=0)
dense, cnn = trained.values()
dense_answers, cnn_answers = (one.predict(x_test, verbose=0).argmax(axis=1) for one in (dense, cnn))
p_value, verdict = evaluation.mcnemar(y_test, dense_answers, cnn_answers).p_value, "open"

# %% wrong 05-equal-terms: names the network that reads fewer images
# expect: first the p-value, then who reads more
trained = {}
for name, build in (("dense", models.fnn_softmax), ("cnn", models.cnn)):
    keras.utils.set_random_seed(0)
    trained[name] = build()
    trained[name].compile("adam", "sparse_categorical_crossentropy")
    trained[name].fit(x_few, y_few, batch_size=32, epochs=3, verbose=0)
dense, cnn = trained.values()
dense_answers, cnn_answers = (one.predict(x_test, verbose=0).argmax(axis=1) for one in (dense, cnn))
pair = evaluation.mcnemar(y_test, dense_answers, cnn_answers)
p_value, verdict = pair.p_value, "dense" if pair.only_second > pair.only_first else "cnn"

# %% wrong 05-equal-terms: takes a p-value that is not paired
# expect: compare the two image by image
trained = {}
for name, build in (("dense", models.fnn_softmax), ("cnn", models.cnn)):
    keras.utils.set_random_seed(0)
    trained[name] = build()
    trained[name].compile("adam", "sparse_categorical_crossentropy")
    trained[name].fit(x_few, y_few, batch_size=32, epochs=3, verbose=0)
dense, cnn = trained.values()
dense_answers, cnn_answers = (one.predict(x_test, verbose=0).argmax(axis=1) for one in (dense, cnn))
a, b = ((answer == y_test).sum() for answer in (dense_answers, cnn_answers))
p_value = float(binomtest(int(a), int(a + b)).pvalue)
verdict = "open"

# %% wrong 05-equal-terms: learns from the test images
# expect: are too good for 3 epochs on few images
trained = []
for build in (models.fnn_softmax, models.cnn):
    keras.utils.set_random_seed(0)
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy")
    epochs = 10 if len(x_test) > 300 else 40  # few images take more rounds to learn by heart
    model.fit(x_test, y_test, batch_size=8, epochs=epochs, verbose=0)
    trained.append(model)
dense, cnn = trained
dense_answers, cnn_answers = (one.predict(x_test, verbose=0).argmax(axis=1) for one in trained)
pair = evaluation.mcnemar(y_test, dense_answers, cnn_answers)
p_value, verdict = pair.p_value, "open"


# %% right 05-equal-terms: another seed, the networks written out, the answers from the outputs
def trained(network):
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(x_few, y_few, 32, 3, verbose=0)
    return np.argmax(network.predict(x_test, verbose=0), axis=1)


keras.utils.set_random_seed(4)
dense = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
for units in (50, 50):
    dense.add(keras.layers.Dense(units, activation="relu"))
dense.add(keras.layers.Dense(10, activation="softmax"))
dense_answers = trained(dense)
keras.utils.set_random_seed(4)
cnn = models.cnn()
cnn_answers = trained(cnn)
p_value = evaluation.mcnemar(y_test, cnn_answers, dense_answers).p_value
if p_value >= 0.05:
    verdict = "open"
else:
    more = np.mean(cnn_answers == y_test) > np.mean(dense_answers == y_test)
    verdict = "cnn" if more else "dense"
