"""Places of instructions in a Dockerfile's text, for files made of random pieces."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from layerscope.image.dockerfile import Dockerfile, parse_dockerfile
from layerscope.image.dockerfile_syntax import opened_heredocs

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
"""What may stand between two words: {0} is the escape character, {1} the line's end."""
HEREDOCS = st.sampled_from(["", "", " <<E{1}b {0}{1}# c{1}E", " <<-'E' <<F{1}\tb{1}\tE{1}{1}F"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A Dockerfile."""
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
    """A Dockerfile of that text."""
    return parse_dockerfile(text.encode(errors="surrogateescape"), "x")


@given(texts())
def test_every_character_of_the_arguments_has_its_place(text: str) -> None:
    """So that what is said of them can be shown in the file."""
    found = parsed(text)
    assert found.text == text
    for written in found.instructions:
        for each in filter(None, (written, written.inner)):
            places = [each.place(offset) for offset in range(len(each.arguments) + 1)]
            assert "".join(text[place] for place in places[:-1]) == each.arguments
            assert places == sorted(set(places))
            assert each.start < places[0]
            assert places[-1] <= each.stop <= len(text)
            assert text[each.start].upper() == each.name[0]
        for heredoc in written.heredocs:
            assert (
                written.place(len(written.arguments)) < heredoc.start <= heredoc.stop < written.stop
            )
            assert heredoc.stripped or text[heredoc.start : heredoc.stop] == heredoc.body
    stops = [written.stop for written in found.instructions]
    starts = [written.start for written in found.instructions]
    assert all(stop < start for stop, start in zip(stops, starts[1:], strict=False))


@given(texts(), st.data())
def test_an_edit_of_the_file_is_an_edit_of_the_arguments(text: str, data: st.DataObject) -> None:
    """What is replaced between two places is replaced in the arguments, and nothing else."""
    found = parsed(text)
    numbers = [n for n, written in enumerate(found.instructions) if written.arguments]
    number = data.draw(st.sampled_from(numbers))
    written = found.instructions[number]
    begin = data.draw(st.integers(0, len(written.arguments) - 1))
    end = data.draw(st.integers(begin + 1, len(written.arguments)))
    edited = f"{text[: written.place(begin)]}NEW{text[written.place(end - 1) + 1 :]}"
    wanted = f"{written.arguments[:begin]}NEW{written.arguments[end:]}"
    kept = list(opened_heredocs(written.arguments)) == list(opened_heredocs(wanted))
    assume(kept and not (written.inner and written.place(begin) < written.inner.place(0)))
    again = parsed(edited)
    assert again.instructions[number].arguments == wanted
    assert len(again.instructions) == len(found.instructions)
