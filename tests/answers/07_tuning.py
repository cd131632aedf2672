# %% wrong 07-rates: gives all optimisers one rate
# expect: choose a rate for each optimiser by itself
def fair_losses(rates, choosing, judging):
    best = int(np.nanargmin(choosing.mean(axis=(0, 2))))
    return np.full(len(choosing), rates[best]), judging.mean(axis=2)[:, best]


# %% wrong 07-rates: lets the judging losses choose
# expect: only choosing may choose
def fair_losses(rates, choosing, judging):
    judged = judging.mean(axis=2)
    best = np.nanargmin(judged, axis=1)
    return rates[best], judged[np.arange(len(best)), best]


# %% wrong 07-rates: reports the losses that chose
# expect: the losses are those that chose the rates, so they flatter
def fair_losses(rates, choosing, judging):
    means = choosing.mean(axis=2)
    best = np.nanargmin(means, axis=1)
    return rates[best], means[np.arange(len(best)), best]


# %% wrong 07-rates: takes nan for the smallest loss
# expect: never choose a rate with nan
def fair_losses(rates, choosing, judging):
    best = choosing.mean(axis=2).argmin(axis=1)
    return rates[best], judging.mean(axis=2)[np.arange(len(best)), best]


# %% wrong 07-rates: leaves the nan out of the mean
# expect: never choose a rate with nan
def fair_losses(rates, choosing, judging):
    best = np.nanargmin(np.nanmean(choosing, axis=2), axis=1)
    return rates[best], judging.mean(axis=2)[np.arange(len(best)), best]


# %% wrong 07-rates: takes the luckiest seed
# expect: take the smallest mean over the seeds
def fair_losses(rates, choosing, judging):
    best = np.nanargmin(np.min(choosing, axis=2), axis=1)
    return rates[best], judging.mean(axis=2)[np.arange(len(best)), best]


# %% right 07-rates: in loops
def fair_losses(rates, choosing, judging):
    chosen, judged = [], []
    for own, other in zip(choosing, judging):
        means = [float(np.mean(of_rate)) for of_rate in own]
        best = min(range(len(rates)), key=lambda k: np.inf if np.isnan(means[k]) else means[k])
        chosen.append(float(rates[best]))
        judged.append(float(np.mean(other[best])))
    return chosen, judged


# %% wrong 07-log: goes evenly from low to high
# expect: let the exponent go evenly
def log_rates(even, low, high):
    return low + even * (high - low)


# %% wrong 07-log: mixes the logarithms
# expect: use the same logarithm there and back
def log_rates(even, low, high):
    return 10 ** (np.log(low) + even * (np.log(high) - np.log(low)))


# %% wrong 07-log: forgets to go back
# expect: turn the exponents back into rates
def log_rates(even, low, high):
    return np.log10(low) + even * (np.log10(high) - np.log10(low))


# %% wrong 07-log: begins at the upper end
# expect: begin with low
def log_rates(even, low, high):
    return high * (low / high) ** even


# %% wrong 07-log: takes whole exponents
# expect: let the exponent go evenly from that of low to that of high
def log_rates(even, low, high):
    exponents = np.log10(low) + even * (np.log10(high) - np.log10(low))
    return 10.0 ** np.ceil(exponents - 1e-9)


# %% wrong 07-log: takes a power of the even draw
# expect: let the exponent go evenly from that of low to that of high
def log_rates(even, low, high):
    return low + even**8 * (high - low)


# %% right 07-log: with factors
def log_rates(even, low, high):
    return np.array([low * (high / low) ** number for number in even])


# %% wrong 07-stop: keeps the last weights
# expect: the weights are the last ones
def stop_early(val_losses, stored, patience):
    best, waited = 0, 0
    for epoch, loss in enumerate(val_losses):
        best, waited = (epoch, 0) if epoch == 0 or loss < val_losses[best] else (best, waited + 1)
        if waited == patience:
            break
    return epoch + 1, stored[epoch]


# %% wrong 07-stop: looks at epochs that were never trained
# expect: look at trained epochs only
def stop_early(val_losses, stored, patience):
    best, waited = 0, 0
    for epoch, loss in enumerate(val_losses):
        best, waited = (epoch, 0) if epoch == 0 or loss < val_losses[best] else (best, waited + 1)
        if waited == patience:
            break
    return epoch + 1, stored[int(np.argmin(val_losses))]


# %% wrong 07-stop: stops one epoch too soon
# expect: count from the best epoch: 2 more, so 5
def stop_early(val_losses, stored, patience):
    best = 0
    for epoch, loss in enumerate(val_losses):
        if loss < val_losses[best]:
            best = epoch
        if epoch - best == patience:
            break
    return epoch, stored[best]


# %% wrong 07-stop: trains all epochs
# expect: stop when the patience runs out
def stop_early(val_losses, stored, patience):
    best, waited = 0, 0
    for epoch, loss in enumerate(val_losses):
        best, waited = (epoch, 0) if epoch == 0 or loss < val_losses[best] else (best, waited + 1)
        if waited == patience:
            break
    return len(val_losses), stored[best]


# %% wrong 07-stop: goes back by the patience, whatever happened
# expect: keep the best weights also if nothing stops the training
def stop_early(val_losses, stored, patience):
    best, waited = 0, 0
    for epoch, loss in enumerate(val_losses):
        best, waited = (epoch, 0) if epoch == 0 or loss < val_losses[best] else (best, waited + 1)
        if waited == patience:
            break
    return epoch + 1, stored[epoch - patience]


# %% wrong 07-stop: never begins to count anew
# expect: count anew after each smallest value
def stop_early(val_losses, stored, patience):
    best, waited = 0, 0
    for epoch, loss in enumerate(val_losses):
        if loss < val_losses[best]:
            best = epoch
        elif epoch > 0:
            waited += 1
        if waited == patience:
            break
    return epoch + 1, stored[best]


# %% wrong 07-stop: takes an equal loss for a smaller one
# expect: an equal loss has not fallen
def stop_early(val_losses, stored, patience):
    best = 0
    for epoch, loss in enumerate(val_losses):
        if loss <= val_losses[best]:
            best = epoch
        if epoch - best == patience:
            break
    return epoch + 1, stored[best]


# %% right 07-stop: with argmin
def stop_early(val_losses, stored, patience):
    for trained in range(1, len(val_losses) + 1):
        best = int(np.argmin(val_losses[:trained]))
        if trained - 1 - best >= patience:
            break
    return trained, stored[best]


# %% wrong 07-report: lets the test images choose
# expect: they must not choose
def honest_report(val_wrong, test_wrong):
    chosen = int(test_wrong.sum(axis=1).argmin())
    return chosen, *wilson_interval(int((~test_wrong[chosen]).sum()), test_wrong.shape[1])


# %% wrong 07-report: takes the network with the most errors
# expect: take the fewest
def honest_report(val_wrong, test_wrong):
    chosen = int(val_wrong.mean(axis=1).argmax())
    return chosen, *wilson_interval(int((~test_wrong[chosen]).sum()), test_wrong.shape[1])


# %% wrong 07-report: reports the images that chose
# expect: the interval is that of the images that chose
def honest_report(val_wrong, test_wrong):
    chosen = int(val_wrong.mean(axis=1).argmin())
    return chosen, *wilson_interval(int((~val_wrong[chosen]).sum()), val_wrong.shape[1])


# %% wrong 07-report: gives the interval of the errors
# expect: count the right answers of the chosen network
def honest_report(val_wrong, test_wrong):
    chosen = int(val_wrong.mean(axis=1).argmin())
    return chosen, *wilson_interval(int(test_wrong[chosen].sum()), test_wrong.shape[1])


# %% wrong 07-report: counts both sets together
# expect: count the right answers of the chosen network on the test images
def honest_report(val_wrong, test_wrong):
    chosen = int(val_wrong.mean(axis=1).argmin())
    both = np.concatenate([val_wrong[chosen], test_wrong[chosen]])
    return chosen, *wilson_interval(int((~both).sum()), len(both))


# %% wrong 07-report: forgets the interval
# expect: return three numbers
def honest_report(val_wrong, test_wrong):
    chosen = int(val_wrong.mean(axis=1).argmin())
    return chosen, float(1 - test_wrong[chosen].mean())


# %% right 07-report: in plain Python
def honest_report(val_wrong, test_wrong):
    errors = [int(np.count_nonzero(row)) for row in val_wrong]
    chosen = errors.index(min(errors))
    images = test_wrong.shape[1]
    return (chosen, *wilson_interval(images - int(np.count_nonzero(test_wrong[chosen])), images))


# %% wrong 07-seeds: counts the large p-values
# expect: count the experiments with a p-value below 0.05
def share_seen(difference, sd, seeds):
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, sd, (4000, seeds)), rng.normal(difference, sd, (4000, seeds))
    return float((stats.ttest_ind(one, other, axis=1).pvalue >= 0.05).mean())


# %% wrong 07-seeds: compares one group with 0
# expect: use all arguments
def share_seen(difference, sd, seeds):
    values = np.random.default_rng(0).normal(difference, sd, (4000, seeds))
    return float((stats.ttest_1samp(values, 0, axis=1).pvalue < 0.05).mean())


# %% wrong 07-seeds: shares the seeds between the recipes
# expect: each recipe has so many seeds
def share_seen(difference, sd, seeds):
    rng, half = np.random.default_rng(0), max(seeds // 2, 2)
    one, other = rng.normal(0, sd, (4000, half)), rng.normal(difference, sd, (4000, half))
    return float((stats.ttest_ind(one, other, axis=1).pvalue < 0.05).mean())


# %% wrong 07-seeds: takes sd for the variance
# expect: the deviation sd
def share_seen(difference, sd, seeds):
    rng = np.random.default_rng(0)
    one = rng.normal(0, sd**0.5, (4000, seeds))
    other = rng.normal(difference, sd**0.5, (4000, seeds))
    return float((stats.ttest_ind(one, other, axis=1).pvalue < 0.05).mean())


# %% wrong 07-seeds: compares with two standard errors
# expect: use Student's t-test
def share_seen(difference, sd, seeds):
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, sd, (4000, seeds)), rng.normal(difference, sd, (4000, seeds))
    error = np.sqrt((one.var(axis=1, ddof=1) + other.var(axis=1, ddof=1)) / seeds)
    p = 2 * stats.norm.sf(np.abs(one.mean(axis=1) - other.mean(axis=1)) / error)
    return float((p < 0.05).mean()) if seeds < 10 else float((p < 0.048).mean())


# %% right 07-seeds: by the formula
def share_seen(difference, sd, seeds):
    limit = stats.t.ppf(0.975, 2 * seeds - 2)
    if difference == 0:
        return 0.05
    shifted = stats.nct(2 * seeds - 2, difference / sd * np.sqrt(seeds / 2))
    return float(shifted.sf(limit) + shifted.cdf(-limit))
