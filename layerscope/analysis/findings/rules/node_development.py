"""npm packages that are only needed for development."""

from __future__ import annotations

import re
from collections.abc import Iterator

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.deleting import directories_before
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import (
    changed_commands,
    instruction_text,
    run_and,
    shell_word,
)
from layerscope.analysis.findings.in_use import find_in_use
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.runs import program_index, subcommand
from layerscope.analysis.packages.npm_projects import Project, child, find_projects
from layerscope.image.history import Step
from layerscope.image.shell import Command, Word
from layerscope.words import Confidence

_USES = re.compile(
    r"\b(?:npm\s+(?:run|run-script|test|t|exec|x)|npx|yarn\s+(?!install\b|add\b|cache\b|config\b|-)\w|pnpm\s+(?:run|exec|build)"
    r"|tsc|webpack|vite|rollup|esbuild|parcel|gulp|grunt|jest|eslint|ng\s+build|next\s+build)\b|node_modules/\.bin/"
)
"""Commands that may need development packages."""


_STARTS = (
    r"(?:npm|yarn|pnpm|bun)(?: run)? (?:dev|develop|watch|test|t|storybook)\S*|nodemon|ts-node(?:-dev)?|tsx|vite|vitest|jest"
    r"|mocha|webpack(?:-dev-server)?|next dev|ng serve|playwright|cypress|nest start"
)
"""Commands that a development image starts."""


def _find(evidence: Evidence) -> Iterator[Claim]:
    if evidence.once(find_in_use).runs(_STARTS):
        return
    for project in evidence.once(find_projects):
        for group in evidence.by_layer(project.files(evidence)):
            yield Claim(
                fix=_fix(evidence, project, group.layer),
                layers=(group.layer,),
                inodes=group.inodes,
                paths=group.paths,
            )


def _fix(evidence: Evidence, project: Project, layer: int) -> str | Fix:
    """Install without them; if a command needs them, prune them afterwards or build in a separate stage."""
    step = evidence.step(layer)
    yarn = child(evidence, project.folder, "yarn.lock") is not None
    install = "yarn install --production" if yarn else "npm ci --omit=dev"
    if step.instruction != "RUN":
        return (
            "# .dockerignore: **/node_modules; build in a separate stage, and install here only what runs:\n"
            f"{instruction_text(evidence, step)}\nRUN cd {shell_word(evidence.name(project.folder))} && {install}"
        )
    if any(_later_uses(evidence, layer)):
        return (
            "# a later step uses them: build in a separate stage, and install here only what runs\n"
            f"FROM … AS build\n{instruction_text(evidence, step)}\n\nFROM …\nRUN {install}\nCOPY --from=build … …"
        )
    place, option = (_yarn_install, "--production") if yarn else (_npm_install, "--omit=dev")
    changes = changed_commands(evidence, step, place, option)
    if changes and not _USES.search(step.arguments, changes[-1][0]):
        return run_and(evidence, step, "", changes=changes, advice=f"# with {option}")
    if child(evidence, project.folder, "package.json") is None:
        return f"# {install}, once they are no longer needed:\n{instruction_text(evidence, step)}"
    folder = shell_word(evidence.name(project.folder))
    modules = child(evidence, project.folder, "node_modules")
    if modules is None or directories_before(evidence, layer)[modules]:
        return (  # it would delete what earlier steps installed, too
            f"# in the step that installs them: {install}\n{instruction_text(evidence, step)}"
        )
    return run_and(
        evidence,
        step,
        f"yarn install --production --cwd {folder}"
        if yarn
        else f"npm prune --omit=dev --prefix {folder}",
    )


def _npm_install(command: Command) -> Word | None:
    """The subcommand of an `npm` that installs all packages of a project."""
    if {"-g", "--global", "--production", "--only=production"} & {*command.values}:
        return None
    return subcommand(command, "npm", ("ci", "clean-install", "install", "i"))


def _yarn_install(command: Command) -> Word | None:
    """The last word of a `yarn` that installs all packages of a project."""
    at = program_index(command)
    values = command.values[at:]
    if values[:1] != ["yarn"] or {"--production", "--prod"} & {*values}:
        return None
    plain = [value for value in values[1:] if not value.startswith("-")]
    if plain not in ([], ["install"]) or "" in values:
        return None
    return command.words[at + values.index("install")] if plain else command.words[at]


def _later_uses(evidence: Evidence, layer: int) -> Iterator[Step]:
    """Later steps that may need development packages."""
    first = evidence.step(layer).index + 1
    for step in evidence.image.steps[first:]:
        if step.instruction == "RUN" and _USES.search(step.arguments):
            yield step


RULE = Rule(
    "node-development",
    title="Development packages in node_modules",
    why="Compilers, linters, bundlers and test runners are needed to build an application, not to run it. "
    "npm records which packages are only needed for development.",
    finds="Packages that npm records as development dependencies, in images that start something other than a development server or tests.",
    wrong="If the application loads one at run time, it belongs in `dependencies`.",
    find=_find,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
