"""Matches instructions with steps, for pairs that builders are known to produce."""

from __future__ import annotations

import time

import pytest

from layerscope.image.dockerfile import parse_dockerfile
from layerscope.image.history import HistoryEntry, align
from layerscope.image.likeness import ALIKE, OTHER, SAME, likeness


def compared(written: str, created_by: str) -> int:
    """The similarity of an instruction and the text of a history entry."""
    dockerfile = parse_dockerfile(f"FROM a\n{written}\n".encode(), "x")
    entry = HistoryEntry(None, created_by, None, None, False)
    steps, _ = align([entry], 1)
    return likeness(dockerfile.instructions[1], steps[0])


@pytest.mark.parametrize(
    ("written", "created_by", "expected"),
    [
        ("RUN a  && \\\n    b", "RUN /bin/sh -c a  &&     b # buildkit", SAME),
        ("RUN a && \\\n b", "/bin/sh -c a &&  b", SAME),
        ("RUN echo $X", "|1 X=1 /bin/sh -c echo $X", SAME),
        ("RUN --mount=type=cache,target=/c make", "RUN /bin/sh -c make # buildkit", SAME),
        (
            "RUN --mount=type=cache,target=/c \\\n make",
            "RUN --mount=type=cache,target=/c make",
            SAME,
        ),
        (
            "RUN --mount=type=cache,target=/c \\\n    make -j",
            "/bin/sh -c --mount=type=cache,target=/c     make -j",
            SAME,
        ),
        ("RUN --network=none make", "|1 X=1 /bin/sh -c --network=none make", SAME),
        ("RUN --security=insecure make", "/bin/sh -c --security=insecure make", SAME),
        ("RUN make", "/bin/sh -c --mount=type=tmpfs,target=/tmp --network=host make", SAME),
        (
            "RUN --mount=type=bind,target=/src make",
            f"/bin/sh -c --mount=type=bind,target=/src make:{'ab' * 32}:sha256:{'cd' * 32}",
            SAME,
        ),
        (
            'RUN --mount=type=cache,target=/c ["make"]',
            'RUN --mount=type=cache,target=/c ["make"]',
            SAME,
        ),
        ("RUN --network=none make", "/bin/sh -c --network=none make all", OTHER),
        ("RUN make --network=none", "/bin/sh -c make", OTHER),
        ('RUN ["make", "all"]', "make all", SAME),
        ("RUN <<EOF\nset -e\nmake\nEOF", "RUN /bin/sh -c set -e\nmake\n # buildkit", SAME),
        ("RUN <<EOF\n#!/bin/bash\nmake\nEOF", "RUN /bin/sh -c /dev/pipes/EOF # buildkit", ALIKE),
        ("RUN <<EOF\n#!/bin/bash\nmake\nEOF", "RUN /bin/sh -c /dev/pipes/X # buildkit", OTHER),
        ("RUN ab\\\ncd 'e\\\nf'", "RUN /bin/sh -c abcd 'ef' # buildkit", SAME),
        ("RUN cat <<E >x\na\nE", "RUN /bin/sh -c cat <<E >x\na\nE # buildkit", SAME),
        ("RUN cat <<E >x\na\nE", "RUN /bin/sh -c cat <<E >x\nb\nE # buildkit", OTHER),
        ("RUN cat <<-E\n\ta\n\tE", "RUN /bin/sh -c cat <<-E\n\ta\nE # buildkit", SAME),
        ("RUN cat <<E >x\na\nE", "/bin/sh -c cat <<E >x (a)", SAME),
        ('RUN --mount=type=cache,target=/c ["make", "all"]', "RUN make all # buildkit", SAME),
        ("RUN --mount='type=cache,target=/a b' make", "RUN /bin/sh -c make # buildkit", SAME),
        ('COPY --chown=1 <<"E" /x\na\nE', "COPY --chown=1 <<E /x # buildkit", SAME),
        ("RUN make", "RUN /bin/sh -c make all # buildkit", OTHER),
        ("RUN make", "COPY make / # buildkit", OTHER),
        ("COPY --from=x --link a b /c/", "COPY a b /c/ # buildkit", SAME),
        ("COPY --chown=1 a /c", "COPY --chown=1 a /c # buildkit", SAME),
        ("COPY $SRC /c", "COPY src /c # buildkit", ALIKE),
        ("COPY a ./c", f"/bin/sh -c #(nop) COPY file:{'ab' * 32} in ./c ", SAME),
        ("COPY . .", f"/bin/sh -c #(nop) COPY dir:{'ab' * 32} in /flask ", ALIKE),
        ("COPY a /other", f"/bin/sh -c #(nop) COPY dir:{'ab' * 32} in /flask ", OTHER),
        ('COPY ["a b", "/c"]', "COPY a b /c # buildkit", SAME),
        ("ADD a /c", "COPY a /c # buildkit", OTHER),
        ('ENV A=1 B="x y"', "ENV A=1 B=x y", SAME),
        ("ENV A x y", "/bin/sh -c #(nop)  ENV A=x y", SAME),
        ("ENV A=$B-1", "ENV A=2-1", ALIKE),
        ("ENV A=1", "ENV A=2", OTHER),
        ('LABEL b="1" a=2', "LABEL a=2 b=1", SAME),
        ("ARG A=1", "ARG A=2", ALIKE),
        ("ARG A", "ARG B", OTHER),
        ('CMD ["a", "b"]', 'CMD ["a" "b"]', SAME),
        ("CMD a b", 'CMD ["/bin/sh" "-c" "a b"]', SAME),
        ('ENTRYPOINT ["a"]', 'ENTRYPOINT ["b"]', OTHER),
        ("EXPOSE 80 443/udp", "EXPOSE map[443/udp:{} 80/tcp:{}]", SAME),
        ("EXPOSE 80", "EXPOSE [80/tcp]", SAME),
        ("EXPOSE $PORT", "EXPOSE [80/tcp]", ALIKE),
        ("EXPOSE 80", "EXPOSE [81/tcp]", OTHER),
        (
            "HEALTHCHECK --interval=5s CMD a || b",
            'HEALTHCHECK &{["CMD-SHELL" "a || b"] "5s" "0s" "0s" \'\\x00\'}',
            ALIKE,
        ),
        ("HEALTHCHECK NONE", 'HEALTHCHECK &{["NONE"] "0s" "0s" "0s" \'\\x00\'}', ALIKE),
        ("WORKDIR /a/", "WORKDIR /a", SAME),
        ("WORKDIR b", "WORKDIR /a/b", ALIKE),
        ("VOLUME /a", "VOLUME [/a]", SAME),
        ("USER $U", "USER 1000", ALIKE),
        ("USER 1", "USER 2", OTHER),
        ('SHELL ["/bin/sh", "-ec"]', "SHELL [/bin/sh -ec]", SAME),
        ("STOPSIGNAL TERM", "STOPSIGNAL TERM", SAME),
    ],
)
def test_instructions_match_their_steps(written: str, created_by: str, expected: int) -> None:
    """A step matches the instruction that it was built from, and no other."""
    assert compared(written, created_by) == expected


def test_hostile_texts_take_linear_time() -> None:
    """Ten thousands of variables, flags and quotes are compared quickly."""
    began = time.process_time()
    for name in ("RUN", "COPY", "ENV", "CMD", "EXPOSE", "HEALTHCHECK", "WORKDIR", "USER", "ARG"):
        for part in ("$A", "${", "--a=", "--a ", '"', "[", "1/", " ", "a=b "):
            compared(f"{name} x{part * 20_000}x", f"{name} x{part * 20_000}y")
            compared(f"{name} {part * 20_000}", f"{name} {'x' * 40_000}")
    assert time.process_time() - began < 20
