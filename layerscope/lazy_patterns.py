"""Regular expressions that are compiled when they are first used: a command needs few of those that its modules define."""

from __future__ import annotations

import re
from typing import Any, AnyStr, Generic, cast


class _LazyPattern(Generic[AnyStr]):
    """Stands in for a compiled expression, whose attributes it takes over one by one."""

    def __init__(self, pattern: AnyStr, flags: int) -> None:
        self._source: tuple[AnyStr, int] = pattern, flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._source), name)
        setattr(self, name, value)
        return value


def lazy_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """An expression to call methods on, such as `search`. Functions of `re` do not take it.

    Compiling a long one takes a millisecond or more. A mistake in it raises `re.error` only when it is used.
    """
    return cast("re.Pattern[AnyStr]", _LazyPattern(pattern, flags))
