"""The headline: the known figures, in words that cannot be mistaken for an all-clear."""

from __future__ import annotations

import pytest

from layerscope.analysis.headline import BETWEEN, Role, headline

MB = 1_000_000


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ((202 * MB,), "202.0 MB stored"),
        ((202 * MB, 30 * MB, 0, 0), "202.0 MB stored · 30.0 MB avoidable, none of it yours"),
        (
            (202 * MB, 30 * MB, 0, 1),
            "202.0 MB stored · 30.0 MB avoidable, none of it yours · 1 secret",
        ),
        (
            (202 * MB, 30 * MB, 12 * MB, 0),
            "202.0 MB stored · 30.0 MB avoidable, 12.0 MB of it yours",
        ),
        ((202 * MB, 30 * MB, 30 * MB, 2), "202.0 MB stored · 30.0 MB avoidable · 2 secrets"),
        # What rounds to the same figure is not worth a second one.
        ((202 * MB, 30 * MB, 30 * MB - 1, 0), "202.0 MB stored · 30.0 MB avoidable"),
        ((202 * MB, 0, 0, 0), "202.0 MB stored · nothing avoidable"),
        ((202 * MB, 0, 0, 1), "202.0 MB stored · nothing avoidable · 1 secret"),
        ((0, 0, 0, 0), "0 B stored · nothing avoidable"),
        ((202 * MB, None, None, 3), "202.0 MB stored · 3 secrets"),
    ],
)
def test_the_headline_has_the_known_figures(known: tuple[int | None, ...], words: str) -> None:
    assert BETWEEN.join(text for text, _ in headline(*known)) == words  # type: ignore[arg-type]


def test_each_part_has_the_role_of_its_subject() -> None:
    roles = [role for _, role in headline(9, 5, 0, 1)]
    assert roles == [Role.STORED, Role.BASE, Role.RISK]
    assert headline(9, 5, 1)[1][1] is Role.AVOIDABLE
    assert headline(9, 0)[1][1] is Role.NOTHING


def test_the_short_form_drops_words_but_no_figure() -> None:
    parts = headline(202 * MB, 30 * MB, 12 * MB, 1, short=True, binary=True)
    words = ["192.6 MiB", "28.6 MiB avoidable, 11.4 MiB yours", "1 secret"]
    assert [text for text, _ in parts] == words
