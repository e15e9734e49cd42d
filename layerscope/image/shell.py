"""Parses shell scripts: the commands of a RUN with their words and positions, and how they are connected.

tree-sitter-bash parses scripts for sh and bash. A script that it cannot parse is not a `Script`, and is never rewritten. Scripts
are hostile input: their length is limited, and nothing here recurses.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_BYTES = 128 << 10
"""Maximum bytes of a script; longer ones are hostile or generated."""
DEFAULT_SHELL = ("/bin/sh", "-c")
"""The default shell of RUN (Dockerfile reference, SHELL)."""

_SHELLS = frozenset(("sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"))
_RUN_FLAGS = ("--mount=", "--network=", "--security=")
"""Flags of a RUN, which buildah records between the shell and the command."""
_BLOCKS = frozenset(
    (
        *("if_statement", "for_statement", "c_style_for_statement", "while_statement", "do_group"),
        *("case_statement", "case_item", "compound_statement", "elif_clause", "else_clause"),
    )
)
"""Nodes with commands that the same shell runs."""
_SEPARATE = frozenset(
    ("subshell", "command_substitution", "process_substitution", "function_definition")
)
"""Nodes with commands that another shell runs, or that run later."""
_SIMPLE = frozenset(
    ("command", "test_command", "variable_assignment", "variable_assignments")
) | frozenset(("declaration_command", "unset_command"))
_WRAPPING = frozenset(("negated_command", "pipeline", "redirected_statement"))
_RUNS_TEXT = frozenset(("eval", ".", "source"))
_LITERAL = frozenset(("word", "number", "raw_string", "string", "concatenation"))
_UNCERTAIN = re.compile(r"[*?\[\]{}$`]|^~")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r'\\([$`"\\])')


class Word(Struct, frozen=True):
    """One word of a command; positions are characters of the script."""

    start: int
    end: int
    value: str | None
    """The value that the command receives; None if it depends on variables, substitutions or patterns."""


class Command(Struct, frozen=True):
    """A simple command anywhere in the script."""

    start: int
    end: int
    words: tuple[Word, ...]
    """Its name and arguments; assignments and redirections are left out."""
    statement: int
    """The statement that contains it."""
    nested: bool
    """Whether it is inside a loop, condition, group, subshell, function or substitution."""
    apart: bool
    """Whether it is in a subshell, a substitution or a function."""

    @property
    def name(self) -> str:
        """The name of its program, without a folder; "" if unknown."""
        value = self.words[0].value if self.words else None
        return posixpath.basename(value or "")

    @property
    def values(self) -> list[str]:
        """Its name and arguments; "" for unknown ones."""
        return [self.name, *(word.value or "" for word in self.words[1:])]


class Element(Struct, frozen=True):
    """A part of a statement, connected to the others by `&&` or `||`."""

    start: int
    end: int
    connector: str
    """The operator before it: `&&`, `||`, or "" for the first."""
    plain: bool
    """Whether it consists of simple commands, possibly in a pipeline: no loop, group, function or subshell."""
    negated: bool


class Statement(Struct, frozen=True):
    """A statement, which ends with `;`, `&` or a line end."""

    start: int
    end: int
    """One past its end; for a statement with a here-document, the end of its first line."""
    elements: tuple[Element, ...]
    background: bool
    heredoc: bool
    """Whether it contains a here-document."""


class Script(Struct, frozen=True):
    """A parsed script."""

    text: str
    statements: tuple[Statement, ...]
    """At least one."""
    commands: tuple[Command, ...]
    """All simple commands, in order."""
    breaks: tuple[tuple[int, int], ...]
    """Runs of white space, possibly empty, that can be replaced by a line end if the script is on one line."""
    has_comment: bool
    assigns: bool
    """Whether it sets variables or functions that later commands see."""
    errexit: bool
    """Whether the shell was started with `-e`."""

    def word_text(self, word: Word) -> str:
        """A word as written."""
        return self.text[word.start : word.end]

    def named(self, *names: str) -> list[Command]:
        """Commands that run one of these programs."""
        return [command for command in self.commands if command.name in names]

    def stops_at_failure(self) -> bool | None:
        """Whether `set -e` is in effect at the last statement; None if that is uncertain."""
        state: bool | None = self.errexit
        for command in self.commands:
            if command.name != "set":
                continue
            for on in _errexit_options(command):
                certain = not command.nested and command.statement < len(self.statements) - 1
                state = on if certain else None
        return state


def read_script(text: str, shell: Sequence[str] = DEFAULT_SHELL) -> Script | None:
    """Parse a script that `shell` runs; None if it is not sh or bash, empty, too long or invalid."""
    if not is_posix_shell(shell) or not text.strip():
        return None
    data = text.encode(errors="surrogatepass")
    if len(data) > MAX_BYTES:
        return None
    root = _parser().parse(data).root_node
    if root.has_error:
        return None
    return _Reader(text, data).script(root, _starts_strict(shell))


def is_valid_script(text: str) -> bool:
    """Whether a text is a valid sh or bash script; one that is too long counts as valid."""
    data = text.encode(errors="surrogatepass")
    return len(data) > MAX_BYTES or not _parser().parse(data).root_node.has_error


def read_leniently(text: str) -> tuple[list[Command], list[tuple[int, int]]]:
    """The commands of a text that may not be a valid script, and the positions of its comments and here-documents.

    For inspection only, never for changes.
    """
    data = text.encode(errors="surrogatepass")
    return _Reader(text, data).leniently(_parser().parse(data).root_node)


def is_posix_shell(shell: Sequence[str]) -> bool:
    """Whether these words start a POSIX-like shell."""
    return bool(shell) and posixpath.basename(shell[0]) in _SHELLS


def shell_before(recorded: str, script: str) -> tuple[str, ...] | None:
    """The words of the shell that a builder recorded before a script; None if it recorded none."""
    text = recorded.rstrip().removesuffix("# buildkit").rstrip()
    if not script or not text.endswith(script.rstrip()):
        return None
    words = text.removesuffix(script.rstrip()).split()
    for at in range(len(words) - 1, -1, -1):
        if posixpath.basename(words[at]) in _SHELLS:
            return tuple(word for word in words[at:] if not word.startswith(_RUN_FLAGS))
        if not words[at].startswith(("-", "+")) and words[at - 1][-1:] not in ("o", "O"):
            return None
    return None


def _starts_strict(shell: Sequence[str]) -> bool:
    options = [word for word in shell[1:] if word.startswith("-") and not word.startswith("--")]
    return any("e" in word for word in options) or "errexit" in shell


def _errexit_options(command: Command) -> Iterator[bool]:
    """The `-e` and `+e` options of a `set`, in order."""
    values = command.values[1:]
    for at, value in enumerate(values):
        on = value.startswith("-")
        if (on or value.startswith("+")) and "e" in value[1:].partition("o")[0] and value != "--":
            yield on
        if value[-1:] == "o" and value[:1] in ("-", "+") and values[at + 1 : at + 2] == ["errexit"]:
            yield on


@lru_cache(1)
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


class _Reader:
    """Builds a `Script` from a syntax tree."""

    def __init__(self, text: str, data: bytes) -> None:
        self._text = text
        self._data = data
        self._characters: list[int] | None = None
        """The character index of each byte; None if all characters are one byte."""
        if len(data) != len(text):
            self._characters = []
            for number, character in enumerate(text):
                width = len(character.encode(errors="surrogatepass"))
                self._characters += [number] * width
            self._characters.append(len(text))
        self._functions: set[str] = set()
        self._has_comment = False
        self._assigns = False

    def script(self, root: Node, strict: bool) -> Script | None:
        commands, breaks, heredocs = self._walk(root)
        statements: list[Statement] = []
        for node in root.children:
            if node.type == "&":
                if statements:
                    statements[-1] = self._background(statements[-1])
            elif node.is_named and node.type not in ("comment", "heredoc_body"):
                statements.append(self._statement(node, heredocs))
        if not statements:
            return None
        bounds = [statement.start for statement in statements]
        placed_commands = []
        at = 0
        for start, end, words, nested, apart in commands:
            while at + 1 < len(bounds) and bounds[at + 1] <= start:
                at += 1
            placed_commands.append(Command(start, end, words, at, nested, apart))
        return Script(
            self._text,
            tuple(statements),
            tuple(placed_commands),
            tuple(breaks),
            self._has_comment,
            self._assigns or bool(self._functions),
            strict,
        )

    def leniently(self, root: Node) -> tuple[list[Command], list[tuple[int, int]]]:
        """See `read_leniently`."""
        commands, texts = [], []
        stack = [root]
        while stack:
            node = stack.pop()
            if node.type in ("comment", "heredoc_body"):
                start, end = self._span(node)
                texts.append((start + (node.type == "comment"), end))
            elif node.type in ("command", "declaration_command", "ERROR"):
                words = self._words(node)
                commands.append(Command(*self._span(node), words, 0, nested=False, apart=False))
            stack += reversed(node.children)
        return commands, texts

    def _background(self, statement: Statement) -> Statement:
        return Statement(
            statement.start, statement.end, statement.elements, True, statement.heredoc
        )

    def _place(self, at: int) -> int:
        return at if self._characters is None else self._characters[at]

    def _span(self, node: Node) -> tuple[int, int]:
        return self._place(node.start_byte), self._place(node.end_byte)

    def _walk(self, root: Node) -> tuple[list[Any], list[tuple[int, int]], list[int]]:
        """Collect commands in order, positions for line ends, and the beginnings of here-documents."""
        commands: list[Any] = []
        breaks: list[tuple[int, int]] = []
        heredocs: list[int] = []
        stack = [(root, False, False)]
        while stack:
            node, nested, apart = stack.pop()
            kind = node.type
            if kind == "comment":
                self._has_comment = True
                continue
            if kind == "heredoc_body":
                heredocs.append(self._place(node.start_byte))
            if kind == "function_definition":
                name = node.child_by_field_name("name")
                if name is not None:
                    self._functions.add(self._source(name))
            if kind == "variable_assignment" and not apart:
                self._assigns |= node.parent is None or node.parent.type != "command"
            if kind in ("command", "declaration_command", "unset_command"):
                commands.append((*self._span(node), self._words(node), nested, apart))
            elif kind in (";", "&&") and not apart:
                line_break = self._break(node)
                if line_break is not None:
                    breaks.append(line_break)
            apart = apart or kind in _SEPARATE or kind in ("string", "heredoc_body")
            nested = nested or kind in _BLOCKS or apart
            stack += [(child, nested, apart) for child in reversed(node.children)]
        return commands, breaks, heredocs

    def _break(self, node: Node) -> tuple[int, int] | None:
        """The white space after a `;` or before a `&&`; None if nothing or a comment follows."""
        start, end = self._span(node)
        text = self._text
        if node.type == "&&":
            after = before = start
            while before and text[before - 1] in " \t":
                before -= 1
        else:
            before = after = end
            while after < len(text) and text[after] in " \t":
                after += 1
            if text[after : after + 1] in ("", "#", "\n"):
                return None
        return before, after

    def _words(self, node: Node) -> tuple[Word, ...]:
        words = []
        for child in node.children:
            if child.type == "variable_assignment" and node.type == "command":
                continue
            if child.type.endswith("_redirect"):
                continue
            inner = child.children[0] if child.type == "command_name" and child.children else child
            words.append(Word(*self._span(child), self._value(inner)))
        return tuple(words)

    def _source(self, node: Node) -> str:
        start, end = self._span(node)
        return self._text[start:end]

    def _value(self, node: Node) -> str | None:
        """The value that the command receives for a word; None if unknown."""
        parts = []
        stack = [node]
        while stack:
            part = stack.pop()
            text = self._source(part)
            if part.type == "concatenation":
                stack += reversed(part.children)
            elif part.type == "raw_string":
                parts.append(text[1:-1])
            elif part.type == "string":
                if any(child.type not in ('"', "string_content") for child in part.children):
                    return None
                parts.append(_ESCAPED_IN_QUOTES.sub(r"\1", text[1:-1]).replace("\\\n", ""))
            elif part.children or _UNCERTAIN.search(_ESCAPED.sub("", text)):
                if text not in ("{", "}", "[", "]", "[["):
                    return None
                parts.append(text)
            else:
                parts.append(_ESCAPED.sub(r"\1", text.replace("\\\n", "")))
        return "".join(parts)

    def _statement(self, node: Node, heredocs: Sequence[int]) -> Statement:
        start, end = self._span(node)
        heredoc_starts = [place for place in heredocs if start <= place <= end]
        elements: list[Element] = []
        stack: list[tuple[Node, str, int]] = [(node, "", end)]
        while stack:
            part, connector, last = stack.pop()
            if part.type == "list":
                left, mark, right = part.children[0], part.children[1].type, part.children[-1]
                stack.append((right, mark, last))
                stack.append((left, connector, self._place(left.end_byte)))
                continue
            body = part.child_by_field_name("body") or (part.children[0] if part.children else part)
            if part.type == "redirected_statement" and body.type == "list":
                stack.append((body, connector, last))
                continue
            begin = self._place(part.start_byte)
            elements.append(
                Element(
                    begin, last, connector, self._is_plain(part), part.type == "negated_command"
                )
            )
        if heredoc_starts:
            line_end = self._text.rfind("\n", 0, heredoc_starts[0])
            tail = self._text[heredoc_starts[-1] : end]
            if node.type == "redirected_statement" or not tail.strip():
                end = max(line_end, start)
        continues = node.type == "redirected_statement" and any(
            child.type in ("&&", "||")
            for redirect in node.children
            if redirect.type == "heredoc_redirect"
            for child in redirect.children
        )
        if (
            continues
        ):  # `cat <<EOF && next`: in the grammar, the rest of the line is inside the redirection
            first = elements[-1]
            elements.append(Element(first.end, end, "&&", first.plain, negated=False))
        return Statement(
            start, end, tuple(elements), background=False, heredoc=bool(heredoc_starts)
        )

    def _is_plain(self, node: Node) -> bool:
        stack = [node]
        while stack:
            part = stack.pop()
            if part.type in _WRAPPING:
                stack += [child for child in part.children if _is_command(child)]
            elif part.type not in _SIMPLE:
                return False
            elif part.type == "command":
                words = self._words(part)
                value = words[0].value if words else None
                if value in self._functions or value in _RUNS_TEXT:
                    return False
        return True


def _is_command(node: Node) -> bool:
    return node.is_named and not node.type.endswith("_redirect") and node.type != "comment"
