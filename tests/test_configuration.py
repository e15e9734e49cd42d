"""Tables of configurations: errors name the place, the key, and the expected value."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from msgspec import Meta

from layerscope.configuration import Table, WrongValueError, convert
from layerscope.errors import UsageError


class Even(int):
    """A custom type."""

    @classmethod
    def parse(cls, value: object) -> Even:
        """Accept only even numbers."""
        if not isinstance(value, int) or value % 2:
            raise WrongValueError(f"is {value!r}, which is not even")
        return cls(value)


class Sample(Table, frozen=True):
    """One field of each kind."""

    two_words: Annotated[bool, Meta(description="must be true or false")] = False
    names: Annotated[tuple[str, ...], Meta(description="must be a list of names")] = ()
    even: Even | None = None


def test_a_table_is_a_struct() -> None:
    """Keys have hyphens; missing keys have their defaults."""
    values = {"two-words": True, "names": ["a"], "even": 4}
    assert convert(values, Sample, str) == Sample(two_words=True, names=("a",), even=Even(4))
    assert convert({}, Sample, str) == Sample()


@pytest.mark.parametrize(
    ("value", "key", "message", "hint"),
    [
        ({"two_words": True}, "", "at two_words: unknown setting `two_words`", "did you mean two-words?"),
        ({"x": 1}, "", "at x: unknown setting `x`", "settings: two-words, names, even"),
        ({"x": 1}, "a.b", "at a.b.x: unknown setting `a.b.x`", "settings: two-words, names, even"),
        ({"two-words": 1}, "", "at two-words: `two-words` must be true or false", None),
        ({"names": ["a", 1]}, "a", "at a.names: `a.names` must be a list of names", None),
        ({"even": 3}, "", "at even: `even` is 3, which is not even", None),
        (3, "a", "at a: `a` must be a table", None),
        ({"even": "` - at `$.names`"}, "", "at even: `even` is '` - at `$.names`', which is not even", None),
        ({"x` - at `$.names": 1}, "", "at x` - at `$.names: unknown setting `x` - at `$.names`", "did you mean names?"),
        ({"\ud800": 1}, "", "at \ud800: unknown setting `\ud800`", "settings: two-words, names, even"),
    ],
)  # fmt: skip
def test_errors_name_place_key_and_expected_value(
    value: Any, key: str, message: str, hint: str | None
) -> None:
    """This holds for texts that look like errors of msgspec, too."""
    with pytest.raises(UsageError) as caught:
        convert(value, Sample, "at {}".format, key, "must be a table")
    assert (caught.value.message, caught.value.hint) == (message, hint)
