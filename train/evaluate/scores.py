"""pass@k without bias, problem by problem."""

from collections.abc import Sequence

from train.evaluate.execution import Judgement, Verdict


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Return the probability that one of k samples drawn without replacement passes.

    The unbiased estimator of Chen et al. 2021 (equation 1): 1 - C(n - c, k) / C(n, k), as a product
    so that no large binomial is formed. Raises ValueError for k outside 1..n.
    """
    if not 1 <= k <= samples:
        raise ValueError(
            f"pass@{k} needs at least {k} samples of each problem; here are {samples}."
        )
    if samples - passed < k:
        return 1.0
    missed = 1.0
    for number in range(samples - passed + 1, samples + 1):
        missed *= 1 - k / number
    return 1 - missed


def by_problem(judgements: Sequence[Sequence[Judgement]], k: int) -> dict[str, float]:
    """Return pass@k of each problem that this machine's toolchain is new enough to decide.

    Raises ValueError where two have one identity: either would hide the other.
    """
    values: dict[str, float] = {}
    for samples in judgements:
        if not samples or any(each.verdict is Verdict.TOOLCHAIN_TOO_OLD for each in samples):
            continue
        if (name := samples[0].problem) in values:
            raise ValueError(f"there are two problems called {name}.")
        passed = sum(each.verdict is Verdict.PASSED for each in samples)
        values[name] = pass_at_k(len(samples), passed, k)
    return values
