"""Aligns the history of an image with its layers.

An image records its history and its layers separately (OCI image spec, config.md): entries without `empty_layer`
belong to the layers, bottom first. Many builders break that rule, each in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from layerscope.image.instruction import Instruction, parse_created_by, shell_prefix
from layerscope.image.warnings import ImageWarning

_APPENDING_AUTHORS = frozenset(("ko", "apko", "kaniko", "Bazel"))
_APPENDING_TEXTS = ("ko build ", "bazel build ", "crane ")
_GO_ZERO_DATE = "0001-01-01T00:00:00"


class HistoryEntry(Struct, frozen=True):
    """One entry of a config's `history`, as recorded."""

    created: str | None
    created_by: str | None
    author: str | None
    comment: str | None
    empty_layer: bool


class Step(Struct, frozen=True):
    """One step of a build: a history entry, or a substitute for the missing entry of a layer."""

    index: int
    """Its index among the steps."""
    layer: int | None
    """The layer that it created; None for a metadata step."""
    recorded: bool
    """False if the image has no history entry for this layer."""
    instruction: str | None
    """The Dockerfile instruction in capitals; None if unknown."""
    arguments: str
    """The arguments; the whole text if the instruction is unknown; "" if nothing is known."""
    build_args: tuple[str, ...]
    """`NAME=value` of the build arguments of a RUN."""
    created_by: str | None
    created: str | None
    author: str | None
    comment: str | None


MAX_LOOK_BACK = 1000
"""Maximum number of earlier steps to search: a hostile history may have a hundred thousand."""


def earlier(steps: Sequence[Step], index: int, instruction: str) -> Iterator[Step]:
    """The earlier steps with an instruction such as WORKDIR, latest first; `index` is the number of the step."""
    for number in range(index - 1, max(index - MAX_LOOK_BACK, 0) - 1, -1):
        if steps[number].instruction == instruction:
            yield steps[number]


def align(
    history: Sequence[HistoryEntry], layer_count: int, shell: Sequence[str] = ()
) -> tuple[tuple[Step, ...], tuple[ImageWarning, ...]]:
    """The steps of an image of `layer_count` layers, and warnings about its history.

    `shell` is the `Shell` of the image's config. Every layer has exactly one step, in the order of the
    layers. Layers without an entry get a step that is not `recorded`: these are the uppermost layers, or the
    lowest if all entries were added on top of an image without history. Entries without a layer keep
    their position, with layer None.
    """
    with_layer = [entry for entry in history if not entry.empty_layer]
    missing = layer_count - len(with_layer)
    layers_below = (
        missing if missing > 0 and with_layer and all(map(_is_appended, with_layer)) else 0
    )

    steps = [_unrecorded(layer, layer) for layer in range(layers_below)]
    parser = _Parser(shell)
    layer = layers_below
    for entry in history:
        layer_of_entry = None
        if not entry.empty_layer and layer < layer_count:
            layer_of_entry = layer
            layer += 1
        instruction = parser.parse(entry)
        steps.append(
            Step(
                index=len(steps),
                layer=layer_of_entry,
                recorded=True,
                instruction=instruction.name,
                arguments=instruction.arguments,
                build_args=instruction.build_args,
                created_by=entry.created_by,
                created=entry.created,
                author=entry.author,
                comment=entry.comment,
            )
        )
    for uncovered in range(layer, layer_count):
        steps.append(_unrecorded(len(steps), uncovered))
    warning = _mismatch(len(history), len(with_layer), layer_count, on_top=layers_below > 0)
    return tuple(steps), (warning,) if warning else ()


class _Parser:
    """Parses entries in order: SHELL and ARG steps affect later ones."""

    def __init__(self, shell: Sequence[str]) -> None:
        self._config_shell = " ".join(shell).strip()
        self._step_shell = ""
        self._arg_names: set[str] = set()

    def parse(self, entry: HistoryEntry) -> Instruction:
        shells = (self._step_shell, self._config_shell)
        instruction = parse_created_by(
            entry.created_by or "", shells=shells, arg_names=self._arg_names
        )
        if instruction.name == "SHELL":
            # Only the latest one applies; a hostile history may have a hundred thousand.
            self._step_shell = shell_prefix(instruction.arguments)
        elif instruction.name == "ARG":
            words = instruction.arguments.split()
            self._arg_names.update(word.partition("=")[0] for word in words)
        return instruction


def _is_appended(entry: HistoryEntry) -> bool:
    """Whether `entry` is from a tool that appends to an image without completing its history.

    go-containerregistry's `mutate.Append` leaves the layers below without entries if the base had
    none. ko, apko, kaniko and rules_docker name themselves as the author, rules_oci and crane in
    the text; `crane append` writes an entry with only Go's zero time.
    """
    if entry.author in _APPENDING_AUTHORS:
        return True
    if entry.created_by:
        return entry.created_by.startswith(_APPENDING_TEXTS)
    named = entry.author or entry.comment
    return not named and (entry.created or "").startswith(_GO_ZERO_DATE)


def _unrecorded(index: int, layer: int) -> Step:
    """The step of a layer without a history entry."""
    return Step(
        index=index,
        layer=layer,
        recorded=False,
        instruction=None,
        arguments="",
        build_args=(),
        created_by=None,
        created=None,
        author=None,
        comment=None,
    )


def _mismatch(entries: int, claims: int, layers: int, *, on_top: bool) -> ImageWarning | None:
    """The warning if the history has more or fewer layers than the image."""
    code, image = "history-short", f"the image has {_count(layers, 'layer')}"
    if claims == layers:
        return None
    if claims > layers:
        code = "history-long"
        uncovered = _count(claims - layers, "entry", "entries")
        without = "has" if claims - layers == 1 else "have"
        message = f"the history lists {_count(claims, 'layer')}, {image}; the last {uncovered} {without} no layer"
    elif claims:
        uncovered = _count(layers - claims, "layer")
        have = "has" if layers - claims == 1 else "have"
        where = "bottom" if on_top else "top"
        message = f"the history covers {claims:,} of {_count(layers, 'layer')}; the {where} {uncovered} {have} no step"
    elif entries:
        code = "history-all-empty"
        message = f"{image}, but no history entry has a layer"
    else:
        message = f"{image} and no history"
    return ImageWarning(code, None, message)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
