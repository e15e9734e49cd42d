"""Positions of instructions in a Dockerfile's text, for files made of random pieces."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from layerscope.image.dockerfile import Dockerfile, parse_dockerfile
from layerscope.image.dockerfile_syntax import heredocs_in

WORDS = st.sampled_from(
    [
        "a",
        "&&",
        "é",
        "'x y'",
        "🚀",
        "b;",
        "--mount=x",
        "\\\\n",
        '["q"]',
        "\t",
        "  ",
        "# no",
        "x=`y`.",
        "\udcff",
    ]
)
BETWEEN = st.sampled_from(
    ["{0}{1}", "{0} \t{1}", "{0}{1}# why {0}{1}", "{0}{1}{1}  {1}", "{0}{1}\t# b{1}   "]
)
"""Separators of words: {0} is the escape character, {1} the line end."""
HEREDOCS = st.sampled_from(["", "", " <<E{1}b {0}{1}# c{1}E", " <<-'E' <<F{1}\tb{1}\tE{1}{1}F"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """The text of a Dockerfile."""
    escape = draw(st.sampled_from("\\`"))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    parts = [f"{mark}# escape={escape}{newline}", f"FROM a{newline}"]
    for name in draw(
        st.lists(st.sampled_from(["RUN", "run", "COPY", "ONBUILD RUN", "\tENV A", "CMD"]))
    ):
        words = draw(st.lists(WORDS, min_size=1, max_size=6))
        between = [draw(st.one_of(st.just(" "), BETWEEN)) for _ in words]
        parts += [name, " "]
        parts += [
            f"{word}{gap}".format(escape, newline) for word, gap in zip(words, between, strict=True)
        ]
        heredoc = draw(HEREDOCS) if name in ("RUN", "run", "COPY", "ONBUILD RUN") else ""
        parts += ["z", heredoc.format(escape, newline), newline * draw(st.integers(1, 3))]
    text = "".join(parts)
    return text if draw(st.booleans()) else text.removesuffix(newline)


def parsed(text: str) -> Dockerfile:
    """A parsed Dockerfile."""
    return parse_dockerfile(text.encode(errors="surrogateescape"), "x")


@given(texts())
def test_every_character_of_the_arguments_has_a_position(text: str) -> None:
    """Positions lead back to the characters, in order, and within the instruction."""
    dockerfile = parsed(text)
    assert dockerfile.text == text
    for instruction in dockerfile.instructions:
        for each in filter(None, (instruction, instruction.inner)):
            places = [each.place(offset) for offset in range(len(each.arguments) + 1)]
            assert "".join(text[place] for place in places[:-1]) == each.arguments
            assert places == sorted(set(places))
            assert each.start < places[0]
            assert places[-1] <= each.stop <= len(text)
            assert text[each.start].upper() == each.name[0]
        for heredoc in instruction.heredocs:
            assert (
                instruction.place(len(instruction.arguments))
                < heredoc.start
                <= heredoc.stop
                < instruction.stop
            )
            assert heredoc.stripped or text[heredoc.start : heredoc.stop] == heredoc.body
    stops = [instruction.stop for instruction in dockerfile.instructions]
    starts = [instruction.start for instruction in dockerfile.instructions]
    assert all(stop < start for stop, start in zip(stops, starts[1:], strict=False))


@given(texts(), st.data())
def test_editing_between_two_positions_edits_the_arguments(text: str, data: st.DataObject) -> None:
    """The arguments change in the same way, and the other instructions stay."""
    dockerfile = parsed(text)
    numbers = [n for n, instruction in enumerate(dockerfile.instructions) if instruction.arguments]
    number = data.draw(st.sampled_from(numbers))
    instruction = dockerfile.instructions[number]
    begin = data.draw(st.integers(0, len(instruction.arguments) - 1))
    end = data.draw(st.integers(begin + 1, len(instruction.arguments)))
    edited = f"{text[: instruction.place(begin)]}NEW{text[instruction.place(end - 1) + 1 :]}"
    expected = f"{instruction.arguments[:begin]}NEW{instruction.arguments[end:]}"
    same_heredocs = list(heredocs_in(instruction.arguments)) == list(heredocs_in(expected))
    assume(
        same_heredocs
        and not (instruction.inner and instruction.place(begin) < instruction.inner.place(0))
    )
    again = parsed(edited)
    assert again.instructions[number].arguments == expected
    assert len(again.instructions) == len(dockerfile.instructions)
