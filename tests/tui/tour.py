"""The questions of docs/tour.md, with the keys to press and the line of the screen that answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEMO = "layerscope demo"
"""The command that most questions begin with."""
FEW = 2
"""Maximum number of keys to an answer, without a reason for more."""


@dataclass(frozen=True, slots=True)
class Press:
    """A key, by tmux's name."""

    key: str
    shows: str = ""
    """Text that the screen must show before the tour continues; may be empty."""

    @property
    def words(self) -> str:
        """The key as people write it."""
        names = {"C-s": "ctrl+s", "C-p": "ctrl+p", "Down": "↓"}
        return f"`{names.get(self.key, self.key)}`"


@dataclass(frozen=True, slots=True)
class Type:
    """Text for a field."""

    text: str
    shows: str = ""

    @property
    def words(self) -> str:
        """The instruction to type the text."""
        return f"type `{self.text}`"


@dataclass(frozen=True, slots=True)
class Click:
    """A click on the first place with these words."""

    on: str
    shows: str = ""

    @property
    def words(self) -> str:
        """The instruction to click."""
        return f"click `{self.on}`"


@dataclass(frozen=True, slots=True)
class Resize:
    """Another size of the terminal."""

    width: int
    height: int
    shows: str = ""

    @property
    def words(self) -> str:
        """The instruction to resize."""
        return f"resize to {self.width} × {self.height}"


Act = Press | Type | Click | Resize


@dataclass(frozen=True, slots=True)
class Question:
    """A question that people ask about an image."""

    asked: str
    acts: Sequence[Act]
    answer: str
    """A pattern for a line of the screen: `…` matches anything, a space any number of spaces."""
    begins: str = DEMO
    """The command that opens the screen on which it is asked."""
    colors: Sequence[str] = ("",)
    """Keys of `COLORS`: the terminals in which it is asked."""
    longer: str = ""
    """Why it takes more than `FEW` keys; empty if it does not."""

    @property
    def keys(self) -> int:
        """The number of keys to press; typed text is not counted."""
        return sum(isinstance(act, Press) for act in self.acts)

    def answered_by(self, screen: str) -> bool:
        """Whether a line of the screen matches the answer."""
        parts = [re.escape(" ".join(part.split())) for part in self.answer.split("…")]
        pattern = re.compile(".*?".join(part.replace("\\ ", " +") for part in parts))
        return any(pattern.search(line) for line in screen.splitlines())


QUESTIONS: Sequence[Question] = (
    Question("Why is it so big?", (), "18.2 MB … RUN … apt-get install"),
    Question("Which step wasted most?", (Press("2"), Press("b")), "4.8 MB … 6 RUN chown -R 1000:1000 /app … 96 files"),
    Question("What should I change?", (Press("8"),), "4.8 MB … Copied again in layer 6 to change the owner"),
    Question("Who added this path?", (Press("4"), Type("bin/gcc-12")), "stored in 1 RUN apt-get update && apt-get install"),
    Question("Which files are setuid, in any layer?", (Press("4"), Type("setuid")), "8.3 kB /usr/bin/newgrp … 0 … live"),
    Question("How do I get a deleted file back?", (Press("4"), Type("app/.env", shows="removed in 7"), Press("C-s", shows="Enter saves"), Press("Enter")), "1 file, 178 B: .env", longer="the last one confirms the name of the file"),
    Question("What differs between two layers?", (Press("x", shows="◆1"), Press("j")), "from layer 1 (old) to layer 2 (new)"),
    Question("What do images in a store share?", (), "42.0 kB in 2 images … shop:1, shop:2", begins="layerscope images"),
    Question("What differs between two images?", (), "shop:1 → shop:2 … 90.0 kB → 120 kB stored +30.0 kB", begins="layerscope diff OLD NEW"),
    Question("Can I copy a fix?", (Press("8"), Press("y")), "Copied the fix"),
    Question("What does efficiency mean?", (Press("C-p", shows="Search for commands"), Type("efficiency")), "live ÷ stored"),
    Question("Is a deleted secret still there?", (Press("8"),), "356 B … Environment file, deleted later and still st"),
    Question("What did a layer change in this file?", (Press("4"), Type("dpkg/status", shows="replaced in 1"), Press("Enter", shows="~ status"), Press("D")), "81 + Package: binutils", longer="with the cursor on a file, only the last one is needed"),
    Question("How do I rebind a key?", (Press("?"), Press("/"), Type("sort by size, name, change")), "s Sort by size, name, change or layer. [explore.sort]"),
    Question("Is the mouse enough?", (Click("8 Findings", shows="[ ]"), Click("[ ]")), "with 1 fix"),
    Question("Does it survive a resize?", (Press("2", shows="stored in"), Resize(100, 30), Resize(80, 24)), "hidden by 6 RUN chown -R 1000:1000 /app"),
    Question("Does it work with 16 colours, or with none?", (Press("8"),), "Fix · secret-environment-file", colors=("16", "none")),
)  # fmt: skip
"""The questions in the order of the page."""


COLORS: Mapping[str, Mapping[str, str]] = {
    "": {},
    "16": {"TERM": "xterm", "COLORTERM": ""},
    "none": {"NO_COLOR": "1"},
}
"""The environment for each number of colours: all of them, 16, none."""


def tour_table() -> str:
    """The table of docs/tour.md."""
    lines = ["| question | first screen | do | keys | the screen says |", "|---|---|---|---:|---|"]
    for question in QUESTIONS:
        done = ", ".join(act.words for act in question.acts) or "look"
        more = f" ({question.longer})" if question.longer else ""
        lines.append(
            f"| {question.asked} | `{question.begins}` | {done}{more} | {question.keys} | `{question.answer}` |"
        )
    return "\n".join(lines) + "\n"
