# %% wrong 01-describe: takes the mean grey for the share of ink
# expect: count the pixels above 0, whatever their value
def describe(images, labels):
    return {
        "size": images.shape[1:],
        "ink": float(images.mean() / 255),
        "counts": np.bincount(labels, minlength=10).tolist(),
    }


# %% wrong 01-describe: gives the shape of the whole array
# expect: one image has 28 rows and 28 columns
def describe(images, labels):
    return {
        "size": images.shape,
        "ink": float((images > 0).mean()),
        "counts": np.bincount(labels, minlength=10).tolist(),
    }


# %% wrong 01-describe: forgets classes without images
# expect: give ten counts, 0 for a class without images
def describe(images, labels):
    values, counts = np.unique(labels, return_counts=True)
    return {"size": images.shape[1:], "ink": float((images > 0).mean()), "counts": counts.tolist()}


# %% wrong 01-describe: prints instead of returning
# expect: end it with return
def describe(images, labels):
    print(images.shape[1:], (images > 0).mean(), np.bincount(labels))


# %% right 01-describe: counts with loops
def describe(images, labels):
    rows, columns = len(images[0]), len(images[0][0])
    counts = [0] * 10
    for label in labels:
        counts[int(label)] += 1
    ink = np.count_nonzero(images) / images.size
    return dict(counts=counts, ink=ink, size=(rows, columns))


# %% wrong 01-contact-sheet: makes a column of each class
# expect: ten rows of 28 pixels and twelve images of 28 columns
def contact_sheet(images, labels, each):
    return np.hstack([np.vstack(images[labels == digit][:each]) for digit in range(10)])


# %% wrong 01-contact-sheet: reshapes without moving the axes
# expect: are whole images side by side?
def contact_sheet(images, labels, each):
    chosen = np.concatenate([images[labels == digit][:each] for digit in range(10)])
    return chosen.reshape(10 * images.shape[1], each * images.shape[2])


# %% wrong 01-contact-sheet: takes the first images, whatever they show
# expect: the upper left corner is not the first zero
def contact_sheet(images, labels, each):
    return np.vstack([np.hstack(images[each * row : each * row + each]) for row in range(10)])


# %% wrong 01-contact-sheet: knows only images of 28 x 28
# expect: take the sizes from the arrays
def contact_sheet(images, labels, each):
    sheet = np.zeros((280, 28 * each), "uint8")
    for digit in range(10):
        for place, image in enumerate(images[labels == digit][:each]):
            rows, columns = image.shape
            top, left = 28 * digit, 28 * place
            sheet[top : top + rows, left : left + columns] = image
    return sheet


# %% right 01-contact-sheet: moves the axes
def contact_sheet(images, labels, each):
    n, rows, columns = images.shape
    grid = np.stack([images[np.flatnonzero(labels == digit)[:each]] for digit in range(10)])
    return grid.transpose(0, 2, 1, 3).reshape(10 * rows, each * columns)


# %% wrong 01-two-faults: repairs only the loud fault
# expect: learn them from the training set
def nearest_mean_accuracy(x_train, y_train, x_test, y_test):
    means = np.stack([x_test[y_test == digit].mean(axis=0) for digit in range(10)])
    squares = (x_test[:, None] - means) ** 2
    return float((squares.sum(axis=(2, 3)).argmin(axis=1) == y_test).mean())


# %% wrong 01-two-faults: repairs only the quiet fault
# expect: subtract in float64
def nearest_mean_accuracy(x_train, y_train, x_test, y_test):
    means = np.stack([x_train[y_train == digit].mean(axis=0) for digit in range(10)])
    squares = (x_test[:, None] - means.astype("uint8")) ** 2
    return float((squares.sum(axis=(2, 3)).argmin(axis=1) == y_test).mean())


# %% wrong 01-two-faults: counts instead of taking the share
# expect: give a share between 0 and 1
def nearest_mean_accuracy(x_train, y_train, x_test, y_test):
    means = np.stack([x_train[y_train == digit].mean(axis=0) for digit in range(10)])
    squares = (x_test[:, None] - means) ** 2
    return int((squares.sum(axis=(2, 3)).argmin(axis=1) == y_test).sum())


# %% wrong 01-two-faults: knows the answer by heart
# expect: on other images it gives
def nearest_mean_accuracy(x_train, y_train, x_test, y_test):
    return 0.767 if digits.is_mnist else 0.897


# %% right 01-two-faults: loops over the means
def nearest_mean_accuracy(x_train, y_train, x_test, y_test):
    squares = []
    for digit in range(10):
        mean = x_train[y_train == digit].astype(float).mean(0)
        squares.append(np.square(x_test.astype(float) - mean).sum((1, 2)))
    return np.mean(np.argmin(squares, axis=0) == y_test)


# %% right 01-two-faults: keeps the means as whole numbers
def nearest_mean_accuracy(x_train, y_train, x_test, y_test):
    means = np.stack([x_train[y_train == digit].mean(axis=0) for digit in range(10)])
    squares = (x_test[:, None].astype("float64") - means.astype("uint8")) ** 2
    return float((squares.sum(axis=(2, 3)).argmin(axis=1) == y_test).mean())


# %% wrong 01-neighbours: judges on rows that it has stored
# expect: is any row that is judged also stored?
def choose_neighbours(x, y, candidates):
    n = len(x) * 4 // 5
    scores = {k: KNeighborsClassifier(k).fit(x, y).score(x[n:], y[n:]) for k in sorted(candidates)}
    return max(scores, key=scores.get)


# %% wrong 01-neighbours: keeps back the first fifth
# expect: the last fifth
def choose_neighbours(x, y, candidates):
    n = len(x) // 5
    scores = {
        k: KNeighborsClassifier(k, algorithm="brute").fit(x[n:], y[n:]).score(x[:n], y[:n])
        for k in sorted(candidates)
    }
    return max(scores, key=scores.get)


# %% wrong 01-neighbours: takes the first of equals as they come
# expect: return the smallest
def choose_neighbours(x, y, candidates):
    n = len(x) * 4 // 5
    scores = [KNeighborsClassifier(k).fit(x[:n], y[:n]).score(x[n:], y[n:]) for k in candidates]
    return candidates[int(np.argmax(scores))]


# %% wrong 01-neighbours: returns the accuracy
# expect: which is no candidate
def choose_neighbours(x, y, candidates):
    n = len(x) * 4 // 5
    return max(KNeighborsClassifier(k).fit(x[:n], y[:n]).score(x[n:], y[n:]) for k in candidates)


# %% right 01-neighbours: counts errors
def choose_neighbours(x, y, candidates):
    cut = len(x) - (len(x) - len(x) * 4 // 5)
    best = None
    for k in candidates:
        knn = KNeighborsClassifier(n_neighbors=k, algorithm="brute").fit(
            x[:cut].astype(float), y[:cut]
        )
        errors = (knn.predict(x[cut:].astype(float)) != y[cut:]).sum()
        if best is None or (errors, k) < best:
            best = (errors, k)
    return best[1]


# %% wrong 01-copies: compares the sums
# expect: where there are none: compare all pixels
def find_copies(x_train, x_test):
    train, test = x_train.sum(axis=(1, 2)), x_test.sum(axis=(1, 2))
    return np.argwhere(train[:, None] == test).tolist()


# %% wrong 01-copies: remembers one image of each kind
# expect: an image may have several copies on both sides
def find_copies(x_train, x_test):
    place = {image.tobytes(): i for i, image in enumerate(x_train)}
    found = [
        [place[image.tobytes()], j] for j, image in enumerate(x_test) if image.tobytes() in place
    ]
    return sorted(found)


# %% wrong 01-copies: swaps the two indices
# expect: training images 50 and 51 are copies of test images 7 and 8
def find_copies(x_train, x_test):
    rows = [image.tobytes() for image in x_train]
    return [
        [j, i] for j, image in enumerate(x_test) for i, r in enumerate(rows) if r == image.tobytes()
    ]


# %% wrong 01-copies: sorts by the test image
# expect: sort them by the training image
def find_copies(x_train, x_test):
    rows = [image.tobytes() for image in x_train]
    return [
        [i, j] for j, image in enumerate(x_test) for i, r in enumerate(rows) if r == image.tobytes()
    ]


# %% right 01-copies: compares one test image with all at once
def find_copies(x_train, x_test):
    pairs = []
    for j, image in enumerate(x_test):
        same = (x_train == image).reshape(len(x_train), -1).all(axis=1)
        pairs += [(int(i), j) for i in np.flatnonzero(same)]
    return sorted(pairs)
