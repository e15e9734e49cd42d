"""Tables of docs/ that are generated from the code, and files generated from the pages: `python -m tests.docs.generated` writes them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from bench import fleet, results, wire
from layerscope import cli
from layerscope.analysis.findings.rules import RULES
from layerscope.fleet.questions import QUESTIONS, tables
from layerscope.text import size
from layerscope.tui.commands import key_table
from tests.docs.json_schemas import FOLDER as SCHEMAS
from tests.docs.json_schemas import schema_texts
from tests.docs.man_pages import FOLDER as MANUAL
from tests.docs.man_pages import man_pages, text_of
from tests.docs.page import ROOT, marked, marks, page, read
from tests.docs.rule_pages import FOLDER, code_links, rule_pages
from tests.images import CREATED, docker_archive, file, layer_tar, write
from tests.tui.tour import tour_table


def rule_table() -> str:
    """All rules of findings, in the order of `layerscope rules`."""
    lines = [
        "| rule | finds | severity | confidence | from | same elsewhere |",
        "|---|---|---|---|---:|---|",
    ]
    lines += (
        f"| [`{rule.name}`](rules/{rule.name}.md) | {rule.title} | {rule.severity} | {rule.confidence} "
        f"| {size(rule.min_bytes)} | {code_links(rule)} |"
        for rule in RULES
    )
    return "\n".join(lines) + "\n"


def question_table() -> str:
    """The named questions."""
    lines = ["| question | answers |", "|---|---|"]
    lines += (f"| `{name}` | {question.title} |" for name, question in QUESTIONS.items())
    return "\n".join(lines) + "\n"


def column_tables() -> str:
    """The columns of all tables of a fleet."""
    lines: list[str] = []
    for name, about, columns in tables():
        lines += [f"### {name}", "", about, "", "| column | type | |", "|---|---|---|"]
        lines += (f"| `{column}` | {kind} | {text} |" for column, kind, _, text in columns)
        lines.append("")
    return "\n".join(lines)


def diff_output() -> str:
    """The output of `layerscope diff` for two builds of a small image."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old = write(folder / "old.tar", _build("1", "curl vim", b"fast = no\n", 0o644, 1_000))
        new = write(folder / "new.tar", _build("2", "curl git", b"fast = yes\n", 0o600, 1_500))
        out = folder / "out"
        cli.run(["diff", "--no-cache", str(old), str(new), "-o", str(out)])
        text = out.read_text().replace(f"{folder}/", "")
    return f"```console\n$ layerscope diff old.tar new.tar\n{text.strip()}\n```"


def _build(tag: str, packages: str, settings: bytes, mode: int, size: int) -> bytes:
    """An image: a base, some packages, an application."""
    layers = [
        layer_tar([file("etc/os-release", b"ID=demo\n"), file("usr/lib/libc.so", b"c" * 40_000)]),
        layer_tar(
            [file(f"usr/bin/{name}", name.encode() * 10 * size) for name in packages.split()]
        ),
        layer_tar([file("app/settings", settings), file("app/run", b"run\n" * 500, mode=mode)]),
    ]
    steps = ("ADD rootfs.tar /", f"RUN apt-get install -y {packages}", "COPY . /app")
    history = [{"created": CREATED, "created_by": step} for step in steps]
    config = {"config": {"Env": ["PATH=/usr/bin", f"RELEASE={tag}"]}}
    return docker_archive(layers, history=history, config=config, tags=(f"demo:{tag}",))


def input_table(file: str) -> str:
    """The inputs of the GitHub action or of the GitLab component."""
    (head, *_) = yaml.safe_load_all((ROOT / file).read_text())
    lines = ["| input | default | |", "|---|---|---|"]
    for name, one in head.get("spec", head)["inputs"].items():
        default = f"`{one['default']}`" if one.get("default") else ""
        lines.append(
            f"| `{name}` | {default if 'default' in one else 'required'} | {one['description']} |"
        )
    return "\n".join(lines) + "\n"


GENERATED: dict[tuple[str, str], Callable[[], str]] = {
    ("keys.md", "keys"): key_table,
    ("findings.md", "rules"): rule_table,
    ("tour.md", "tour"): tour_table,
    ("commands.md", "diff"): diff_output,
    ("ci.md", "action-inputs"): lambda: input_table("action.yml"),
    ("ci.md", "component-inputs"): lambda: input_table("templates/layerscope.yml"),
    ("fleet.md", "questions"): question_table,
    ("fleet.md", "columns"): column_tables,
    ("fleet.md", "cost"): lambda: fleet.table(fleet.load()),
    ("README.md", "speed"): lambda: results.table(results.load()),
    ("README.md", "wire"): lambda: wire.table(wire.load()),
    ("bench/README.md", "wire"): lambda: wire.table(wire.load()),
    ("bench/README.md", "results"): lambda: results.detailed_table(results.load()),
}
"""Page and mark → the text that belongs there."""


def written(name: str, mark: str) -> str:
    """A page with its generated part."""
    text, (begin, end) = read(name), marks(mark)
    body = GENERATED[name, mark]().strip()
    return text.replace(begin + marked(text, mark) + end, f"{begin}\n\n{body}\n\n{end}")


def main() -> None:
    """Rewrite all pages."""
    for name, mark in GENERATED:
        page(name).write_text(written(name, mark))
    FOLDER.mkdir(exist_ok=True)
    pages = rule_pages()
    for old in FOLDER.glob("*.md"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        (FOLDER / f"{name}.md").write_text(text)
    _write_schemas()
    _write_manual()


def _write_schemas() -> None:
    """Rewrite the JSON Schemas of the package."""
    SCHEMAS.mkdir(exist_ok=True)
    texts = schema_texts()
    for old in SCHEMAS.iterdir():
        if old.name not in texts:
            old.unlink()
    for name, text in texts.items():
        (SCHEMAS / name).write_text(text, "utf-8")


def _write_manual() -> None:
    """Rewrite the manual pages that changed; the others keep their date."""
    MANUAL.mkdir(exist_ok=True)
    pages = man_pages()
    for old in MANUAL.iterdir():
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = MANUAL / name
        if not path.exists() or text_of(path.read_text()) != text_of(text):
            path.write_text(text)


if __name__ == "__main__":
    main()
