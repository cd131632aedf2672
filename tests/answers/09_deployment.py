# %% wrong 09-quantise: one scale for all units
# expect: return a whole number for each weight, and a scale for each unit
def quantised(weights):
    scale = np.abs(weights).max() / 127
    return np.round(weights / scale).astype(np.int8), scale


# %% wrong 09-quantise: the same scale for each unit
# expect: divide the largest size of each column by 127
def quantised(weights):
    scale = np.full(weights.shape[1], np.abs(weights).max() / 127)
    return np.round(weights / scale).astype(np.int8), scale


# %% wrong 09-quantise: takes the largest weight with its sign
# expect: divide the largest size of each column by 127
def quantised(weights):
    largest = weights.max(axis=0)
    scales = np.where(largest > 0, largest, 127) / 127
    return np.round(weights / scales).astype(int).astype(np.int8), scales


# %% wrong 09-quantise: cuts the decimals off
# expect: round to the nearest
def quantised(weights):
    largest = np.abs(weights).max(axis=0)
    scales = np.where(largest > 0, largest / 127, 1.0)
    return (weights / scales).astype(np.int8), scales


# %% wrong 09-quantise: forgets the unit of zeros
# expect: a unit of zeros gets the scale
def quantised(weights):
    scales = np.abs(weights).max(axis=0) / 127
    with np.errstate(invalid="ignore"):
        return np.round(weights / scales).astype(np.int8), scales


# %% wrong 09-quantise: gives the rounded weights as floats
# expect: make the first int8, and leave the second floats
def quantised(weights):
    largest = np.abs(weights).max(axis=0)
    scales = np.where(largest > 0, largest / 127, 1.0)
    return np.round(weights / scales) * scales, scales


# %% wrong 09-quantise: gives the scales first
# expect: return a whole number for each weight, and a scale for each unit
def quantised(weights):
    largest = np.abs(weights).max(axis=0)
    scales = np.where(largest > 0, largest / 127, 1.0)
    return scales, np.round(weights / scales).astype(np.int8)


# %% right 09-quantise: unit by unit
def quantised(weights):
    whole, scales = np.zeros(weights.shape, np.int8), np.ones(weights.shape[1])
    for unit, column in enumerate(weights.T):
        if column.any():
            scales[unit] = max(column.max(), -column.min()) / 127
            whole[:, unit] = np.rint(column / scales[unit])
    return [whole, scales]


# %% wrong 09-ranges: keeps the guess
# expect: the range is still 1
def quantised_logits(images, calibration_images):
    stored = np.minimum(np.round(hidden_of(images) * 255), 255)
    return stored / 255 @ last_weights + last_bias


# %% wrong 09-ranges: does not round
# expect: store the hidden numbers as whole numbers from 0 to 255
def quantised_logits(images, calibration_images):
    return hidden_of(images) @ last_weights + last_bias


# %% wrong 09-ranges: takes the range of the images
# expect: take it from the calibration images alone
def quantised_logits(images, calibration_images):
    top = hidden_of(images).max()
    stored = np.minimum(np.round(hidden_of(images) / top * 255), 255)
    return stored * top / 255 @ last_weights + last_bias


# %% wrong 09-ranges: lets larger numbers pass
# expect: let no whole number be above 255
def quantised_logits(images, calibration_images):
    top = hidden_of(calibration_images).max()
    return np.round(hidden_of(images) / top * 255) * top / 255 @ last_weights + last_bias


# %% wrong 09-ranges: larger numbers wrap around
# expect: let no whole number be above 255
def quantised_logits(images, calibration_images):
    top = hidden_of(calibration_images).max()
    stored = np.round(hidden_of(images) / top * 255) % 256
    return stored * top / 255 @ last_weights + last_bias


# %% wrong 09-ranges: takes the pixels for the range
# expect: the range is still 1
def quantised_logits(images, calibration_images):
    top = calibration_images.max()
    stored = np.minimum(np.round(hidden_of(images) / top * 255), 255)
    return stored * top / 255 @ last_weights + last_bias


# %% wrong 09-ranges: forgets to scale back
# expect: round to 0 to 255 in the range
def quantised_logits(images, calibration_images):
    top = hidden_of(calibration_images).max()
    stored = np.minimum(np.round(hidden_of(images) / top * 255), 255)
    return stored @ last_weights + last_bias


# %% right 09-ranges: bytes and a scale
def quantised_logits(images, calibration_images):
    scale = max(float(hidden_of(image[None]).max()) for image in calibration_images) / 255
    stored = np.rint(np.clip(hidden_of(images) / scale, 0, 255)).astype(np.uint8)
    return scale * (stored.astype(float) @ last_weights) + last_bias


# %% wrong 09-scaled: scales whatever arrives
# expect: divide whole numbers by 255, and leave floats alone
def prepared(image):
    return np.asarray(image, "float32") / 255


# %% wrong 09-scaled: scales nothing
# expect: divide whole numbers by 255, and leave floats alone
def prepared(image):
    return image.astype("float32")


# %% wrong 09-scaled: lets the largest pixel decide
# expect: let the dtype decide
def prepared(image):
    if image.shape != (28, 28) or image.dtype.kind not in "uif":
        raise ValueError("Send an image of 28x28 numbers.")
    return (image / (255 if image.max() > 1 else 1)).astype("float32")


# %% wrong 09-scaled: cuts what is out of range
# expect: floats of 255 raise no ValueError
def prepared(image):
    most = 1 if image.dtype.kind == "f" else 255
    return (np.clip(image, 0, most) / most).astype("float32")


# %% wrong 09-scaled: lets nan pass
# expect: nan raise no ValueError
def prepared(image):
    most = 1 if image.dtype.kind == "f" else 255
    if image.min() < 0 or image.max() > most:
        raise ValueError("Send numbers in the range of their dtype.")
    return (image / most).astype("float32")


# %% wrong 09-scaled: gives floats of 64 bits
# expect: return float32 of shape (28, 28)
def prepared(image):
    return image / (1 if image.dtype.kind == "f" else 255)


# %% wrong 09-scaled: refuses without a word
# expect: floats of 255 raise no ValueError with a sentence
def prepared(image):
    if image.dtype.kind == "f":
        if not (image.min() >= 0 and image.max() <= 1):
            raise ValueError
        return image.astype("float32")
    return (image / 255).astype("float32")


# %% right 09-scaled: pixel by pixel
def prepared(image):
    if np.shape(image) != (28, 28):
        raise ValueError(f"The shape is {np.shape(image)}: send 28 rows of 28 numbers.")
    whole, floats = np.issubdtype(image.dtype, np.integer), np.issubdtype(image.dtype, np.floating)
    if not (whole or floats):
        raise ValueError(f"The dtype is {image.dtype}: send numbers.")
    scaled = np.array([[float(p) / 255 if whole else float(p) for p in row] for row in image])
    if not all(0 <= p <= 1 for p in scaled.ravel()):
        raise ValueError("A number is out of range: send 0 to 255, or floats from 0 to 1.")
    return scaled.astype(np.float32)


# %% wrong 09-softmax: keeps the second softmax
# expect: those of a second softmax; take the logarithm first
def sure_answers(probabilities, temperature, threshold):
    p = softmax(probabilities / temperature, axis=1)
    return np.where(p.max(axis=1) >= threshold, p.argmax(axis=1), -1), p.max(axis=1)


# %% wrong 09-softmax: leaves the temperature out
# expect: divide the logarithms by the temperature
def sure_answers(probabilities, temperature, threshold):
    best = probabilities.max(axis=1)
    return np.where(best >= threshold, probabilities.argmax(axis=1), -1), best


# %% wrong 09-softmax: multiplies by the temperature
# expect: divide the logarithms by the temperature
def sure_answers(probabilities, temperature, threshold):
    with np.errstate(divide="ignore"):
        p = softmax(np.log(probabilities) * temperature, axis=1)
    return np.where(p.max(axis=1) >= threshold, p.argmax(axis=1), -1), p.max(axis=1)


# %% wrong 09-softmax: divides the probabilities by the temperature
# expect: divide the logarithms by the temperature
def sure_answers(probabilities, temperature, threshold):
    best = probabilities.max(axis=1) / temperature
    return np.where(best >= threshold, probabilities.argmax(axis=1), -1), best


# %% wrong 09-softmax: refuses with 0
# expect: refuse with -1 below the threshold
def sure_answers(probabilities, temperature, threshold):
    powers = probabilities ** (1 / temperature)
    p = powers / powers.sum(axis=1, keepdims=True)
    return np.where(p.max(axis=1) >= threshold, p.argmax(axis=1), 0), p.max(axis=1)


# %% wrong 09-softmax: refuses at the threshold, too
# expect: refuse only what is below it
def sure_answers(probabilities, temperature, threshold):
    powers = probabilities ** (1 / temperature)
    p = powers / powers.sum(axis=1, keepdims=True)
    return np.where(p.max(axis=1) > threshold, p.argmax(axis=1), -1), p.max(axis=1)


# %% wrong 09-softmax: never refuses
# expect: refuse with -1 below the threshold
def sure_answers(probabilities, temperature, threshold):
    powers = probabilities ** (1 / temperature)
    p = powers / powers.sum(axis=1, keepdims=True)
    return p.argmax(axis=1), p.max(axis=1)


# %% wrong 09-softmax: lets a probability of 0 become nan
# expect: a probability of 0 must not make them nan
def sure_answers(probabilities, temperature, threshold):
    with np.errstate(divide="ignore", invalid="ignore"):
        logits = np.log(probabilities)
        logits = (logits - logits.mean(axis=1, keepdims=True)) / temperature
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.where(p.max(axis=1) >= threshold, p.argmax(axis=1), -1), p.max(axis=1)


# %% right 09-softmax: powers of the probabilities
def sure_answers(probabilities, temperature, threshold):
    answers, confidences = [], []
    for row in probabilities:
        powers = row ** (1 / temperature)
        confidences.append(powers.max() / powers.sum())
        answers.append(int(row.argmax()) if confidences[-1] >= threshold else -1)
    return np.array(answers), np.array(confidences)


# %% wrong 09-upload: trusts the name
# expect: stay in the folder uploads, whatever the name says
def upload_path(name, content):
    if not name.lower().endswith((".png", ".jpg", ".jpeg")):
        raise ValueError("This is no PNG or JPEG: send such a picture.")
    return f"uploads/{name}"


# %% wrong 09-upload: takes the last part of the name
# expect: name it uploads/, digest of the content, ending
def upload_path(name, content):
    if not content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        raise ValueError("This is no PNG or JPEG: send such a picture.")
    return f"uploads/{name.split('/')[-1]}"


# %% wrong 09-upload: takes the ending of the name
# expect: look at the first bytes of the content
def upload_path(name, content):
    if not content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        raise ValueError("This is no PNG or JPEG: send such a picture.")
    ending = ".png" if name.lower().endswith("png") else ".jpg"
    return f"uploads/{hashlib.sha256(content).hexdigest()}{ending}"


# %% wrong 09-upload: takes the digest of the name
# expect: name it uploads/, digest of the content, ending
def upload_path(name, content):
    digest = hashlib.sha256(name.encode()).hexdigest()
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return f"uploads/{digest}.png"
    if content.startswith(b"\xff\xd8\xff"):
        return f"uploads/{digest}.jpg"
    raise ValueError("This is no PNG or JPEG: send such a picture.")


# %% wrong 09-upload: takes all that is no PNG for a JPEG
# expect: a program for a browser raises no ValueError
def upload_path(name, content):
    ending = ".png" if content.startswith(b"\x89PNG\r\n\x1a\n") else ".jpg"
    return f"uploads/{hashlib.sha256(content).hexdigest()}{ending}"


# %% wrong 09-upload: looks for the beginning anywhere
# expect: a text before a PNG raises no ValueError
def upload_path(name, content):
    for mark, ending in ((b"\x89PNG\r\n\x1a\n", ".png"), (b"\xff\xd8\xff", ".jpg")):
        if mark in content:
            return f"uploads/{hashlib.sha256(content).hexdigest()}{ending}"
    raise ValueError("This is no PNG or JPEG: send such a picture.")


# %% wrong 09-upload: looks at four bytes
# expect: the first half of a PNG's beginning raises no ValueError
def upload_path(name, content):
    for mark, ending in ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg")):
        if content.startswith(mark):
            return f"uploads/{hashlib.sha256(content).hexdigest()}{ending}"
    raise ValueError("This is no PNG or JPEG: send such a picture.")


# %% right 09-upload: cuts the first bytes out
def upload_path(name, content):
    digest = hashlib.new("sha256", content).hexdigest()
    if content[:8] == bytes([0x89]) + b"PNG" + bytes([13, 10, 26, 10]):
        return "/".join(["uploads", digest + ".png"])
    if list(content[:3]) == [255, 216, 255]:
        return "/".join(["uploads", digest + ".jpg"])
    raise ValueError("Send a PNG or a JPEG, please.")


# %% wrong 09-queue: keeps one call for each request
# expect: let one call answer all that wait
def finish_times(arrivals, prepare, per_image, most):
    now, times = 0.0, []
    for arrival in arrivals:
        now = max(now, arrival) + prepare + per_image
        times.append(now)
    return np.array(times)


# %% wrong 09-queue: waits for a full batch
# expect: begin with whoever is there
def finish_times(arrivals, prepare, per_image, most):
    now, times = 0.0, []
    for first in range(0, len(arrivals), most):
        batch = arrivals[first : first + most]
        now = max(now, batch[-1]) + prepare + per_image * len(batch)
        times += [now] * len(batch)
    return np.array(times)


# %% wrong 09-queue: ignores the largest number
# expect: take at most `most`, the oldest first
def finish_times(arrivals, prepare, per_image, most):
    now, times = 0.0, []
    while len(times) < len(arrivals):
        now = max(now, arrivals[len(times)])
        number = np.sum(arrivals <= now) - len(times)
        now += prepare + per_image * number
        times += [now] * number
    return np.array(times)


# %% wrong 09-queue: begins before a request is there
# expect: if nobody waits, the time becomes that of the next arrival
def finish_times(arrivals, prepare, per_image, most):
    now, times = 0.0, []
    while len(times) < len(arrivals):
        number = min(max(int(np.sum(arrivals <= now)) - len(times), 1), most)
        now += prepare + per_image * number
        times += [now] * number
    return np.array(times)


# %% wrong 09-queue: prepares for each image
# expect: a call lasts prepare, once, and per_image for each of its requests
def finish_times(arrivals, prepare, per_image, most):
    now, times = 0.0, []
    while len(times) < len(arrivals):
        now = max(now, arrivals[len(times)])
        number = min(int(np.sum(arrivals <= now)) - len(times), most)
        now += (prepare + per_image) * number
        times += [now] * number
    return np.array(times)


# %% wrong 09-queue: leaves out who arrives at the very moment
# expect: who arrives at the very moment when the service is free is taken, too
def finish_times(arrivals, prepare, per_image, most):
    now, times = 0.0, []
    while len(times) < len(arrivals):
        now = max(now, arrivals[len(times)])
        waiting = int(np.sum(arrivals < now)) - len(times)
        number = min(max(waiting, int(np.sum(arrivals == arrivals[len(times)]))), most)
        number = min(number, len(arrivals) - len(times))
        now += prepare + per_image * number
        times += [now] * number
    return np.array(times)


# %% right 09-queue: takes requests from a list
def finish_times(arrivals, prepare, per_image, most):
    waiting, times, free = [float(arrival) for arrival in arrivals], [], 0.0
    while waiting:
        free = max(free, waiting[0])
        call = []
        while waiting and waiting[0] <= free and len(call) < most:
            call.append(waiting.pop(0))
        free += prepare + per_image * len(call)
        times.extend(free for _ in call)
    return np.array(times)
