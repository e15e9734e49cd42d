"""npm packages that are only needed for development."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.fixes import instruction_text, run_and, shell_word
from layerscope.analysis.findings.in_use import find_in_use
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.packages.npm_projects import Project, child, find_projects
from layerscope.image.history import Step
from layerscope.words import Confidence

_END = r"(?=[\s;&|]|$)"
_INSTALL = re.compile(
    rf"\bnpm\s+(?:ci|clean-install|install|i){_END}(?![^;&|]*\s(?:-g|--global|--omit=dev|--production){_END})"
)
_YARN = re.compile(
    rf"\byarn(?:\s+install)?(?=\s+-|\s*[;&|]|\s*$)(?![^;&|]*\s(?:--production|--prod){_END})"
)
_USES = re.compile(
    r"\b(?:npm\s+(?:run|run-script|test|t|exec|x)|npx|yarn\s+(?!install\b|add\b|cache\b|config\b|-)\w|pnpm\s+(?:run|exec|build)"
    r"|tsc|webpack|vite|rollup|esbuild|parcel|gulp|grunt|jest|eslint|ng\s+build|next\s+build)\b|node_modules/\.bin/"
)
"""Commands that may need development packages."""


_STARTS = (
    r"(?:npm|yarn|pnpm|bun)(?: run)? (?:dev|develop|watch|test|t|storybook)\S*|nodemon|ts-node(?:-dev)?|tsx|vite|vitest|jest"
    r"|mocha|webpack(?:-dev-server)?|next dev|ng serve|playwright|cypress|nest start"
)
"""What an image for developing starts."""


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


def _fix(evidence: Evidence, project: Project, layer: int) -> str:
    """Install without them; if a command needs them, prune them afterwards or build in a separate stage."""
    step = evidence.step(layer)
    yarn = child(evidence, project.folder, "yarn.lock") is not None
    install = "yarn install --production" if yarn else "npm ci --omit=dev"
    if step.instruction != "RUN":
        return (
            "# .dockerignore: **/node_modules; build in a stage of its own, and install here only what runs:\n"
            f"{instruction_text(step)}\nRUN cd {shell_word(evidence.name(project.folder))} && {install}"
        )
    if any(_used(evidence, layer)):
        return (
            "# a later step uses them: build in a stage of its own, and install here only what runs\n"
            f"FROM … AS build\n{instruction_text(step)}\n\nFROM …\nRUN {install}\nCOPY --from=build … …"
        )
    pattern, option = (_YARN, "--production") if yarn else (_INSTALL, "--omit=dev")
    last = max((found.end() for found in pattern.finditer(step.arguments)), default=None)
    if last is not None and not _USES.search(step.arguments, last):
        changed = pattern.sub(lambda found: f"{found[0]} {option}", step.arguments)
        return instruction_text(replace(step, arguments=changed))
    if child(evidence, project.folder, "package.json") is None:
        return f"# {install}, once they are not needed any more:\n{instruction_text(step)}"
    folder = shell_word(evidence.name(project.folder))
    return run_and(
        step,
        f"yarn install --production --cwd {folder}"
        if yarn
        else f"npm prune --omit=dev --prefix {folder}",
    )


def _used(evidence: Evidence, layer: int) -> Iterator[Step]:
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
    finds="Packages that npm records as needed for development only, in images that start something else than a development server or tests.",
    wrong="If the application loads one at run time, it belongs in `dependencies`.",
    find=_find,
    confidence=Confidence.MEDIUM,
    min_bytes=1_000_000,
)
