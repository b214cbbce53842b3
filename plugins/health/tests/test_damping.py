"""Damping, against a model that looks at the whole history."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowstone_health.damping import RANK, Damping, Word

WORDS: list[Word] = ["healthy", "unknown", "degraded", "unhealthy"]
ANSWERS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=40)
COUNTS = st.integers(min_value=1, max_value=4)


def _model(answers: list[Word], fall: int, rise: int) -> list[Word]:
    """Return the status after each answer: it moves when the last so many all lie on one side of it."""
    status: Word = answers[0]
    since, told = 0, [status]
    for n in range(1, len(answers)):
        recent = answers[since + 1 : n + 1]
        worse = [RANK[one] > RANK[status] for one in recent[-fall:]]
        better = [RANK[one] < RANK[status] for one in recent[-rise:]]
        if (len(worse) == fall and all(worse)) or (len(better) == rise and all(better)):
            status, since = answers[n], n
        told.append(status)
    return told


@given(ANSWERS, COUNTS, COUNTS)
def test_the_status_moves_after_enough_answers_in_a_row(answers: list[Word], fall: int, rise: int) -> None:
    """For every history the status is what `fall` and `rise` say, and no sooner."""
    damping = Damping(fall, rise)
    assert _model(answers, fall, rise) == [damping.take(one) for one in answers]


def test_a_flapping_check_stays_what_it_was() -> None:
    """With a fall of two, a check that fails every other time stays healthy."""
    damping = Damping(2, 1)
    assert ["healthy"] * 6 == [damping.take(one) for one in ("healthy", "unhealthy") * 3]
