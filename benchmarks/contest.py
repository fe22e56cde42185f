"""How a contest is run: its subjects in turn, round after round, and what its promises say about the rounds."""

import sys

from bench import UNITS, Contest, Promise, Unable


def measure(contest: Contest, rounds: int):
    """Yield (subject, figure, values, unit, limit) for each figure, then for each promise between subjects."""
    samples, missing = play(contest, contest.rounds or rounds)
    for name, reason in missing.items():
        print(f"{contest.name}: {name} is not there: {reason}", file=sys.stderr, flush=True)
    for subject, figures in samples.items():
        for figure, values in figures.items():
            own = next((p for p in contest.promises if is_own(p, subject, figure)), None)
            yield subject, figure, values, UNITS[figure], own and own.most
    for promise in contest.promises:
        peers = [name for name in promise.peers if name in samples]
        if promise.subject in samples and peers:
            yield compared(promise, samples, peers)
    contest.missing = missing


def is_own(promise, subject, figure):
    return not promise.peers and (promise.subject, promise.figure) == (subject, figure)


def play(contest, rounds):
    """({subject: {figure: values}}, {subject: why it is missing}). The order turns around after each round."""
    samples = {name: {} for name in contest.subjects}
    missing = {}
    order = list(contest.subjects.items())
    for _ in range(rounds):
        for name, subject in order:
            if name in missing:
                continue
            try:
                figures = subject()
            except Unable as reason:
                missing[name] = reason
                del samples[name]
                continue
            for figure, value in figures.items():
                samples[name].setdefault(figure, []).append(value)
        order.reverse()
    return samples, missing


def compared(promise: Promise, samples, peers):
    figure = promise.figure
    faster = max if figure == "rate" else min
    ours = samples[promise.subject][figure]
    best = [faster(values) for values in zip(*(samples[p][figure] for p in peers), strict=True)]
    shown = peers[0] if len(peers) == 1 else "best of " + ", ".join(peers)
    if promise.beyond is not None:
        values = [a - promise.beyond * b for a, b in zip(ours, best, strict=True)]
        subject = f"{promise.subject} - {promise.beyond:g} {shown}"
        return subject, figure, values, UNITS[figure], promise.most
    pairs = zip(best, ours, strict=True) if figure == "rate" else zip(ours, best, strict=True)
    subject = f"{promise.subject} / {shown}"
    return subject, figure, [a / b for a, b in pairs], "ratio", promise.most
