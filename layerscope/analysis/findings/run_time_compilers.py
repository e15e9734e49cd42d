"""Software that compiles while the container runs, and therefore needs a compiler, headers and libraries."""

from __future__ import annotations

from layerscope.analysis.evidence import Evidence

_PYTHON = (
    *("triton", "torch/_inductor", "pytensor", "theano", "aesara", "cmdstanpy", "stan", "pystan"),
    *("httpstan", "deepspeed", "flashinfer", "tilelang", "tinygrad", "pykeops", "brian2", "cupy"),
    *("pycuda", "pyopencl", "tvm", "pythran", "devito", "dace", "loopy", "firedrake", "pyximport"),
)
"""Python packages that call a compiler at run time."""
_R = ("rstan", "brms", "cmdstanr", "TMB", "inline", "nimble", "odin")
_PROGRAMS = {
    "**/cmdstan-*/bin/stanc": "CmdStan",
    "**/Inline/C.pm": "Inline::C",
    "**/gems/RubyInline-*": "RubyInline",
    "**/bin/verilator": "Verilator",
    "**/bin/omc": "OpenModelica",
    "**/bin/cling": "Cling",
    "**/bin/root.exe": "ROOT",
    "**/OpenFOAM-*": "OpenFOAM",
}
"""Patterns of other software → its name."""
_WORKPLACES = {
    "**/bin/gitlab-runner": "GitLab Runner",
    "**/bin/Runner.Listener": "the GitHub Actions runner",
    "**/bin/buildkite-agent": "the Buildkite agent",
    "**/bin/jupyter-lab": "JupyterLab",
    "**/bin/code-server": "code-server",
    "**/bin/rserver": "RStudio Server",
    "**/jenkins/agent.jar": "the Jenkins agent",
}
"""Patterns of software with which people or jobs compile → its name."""


def compiles_at_run_time(evidence: Evidence) -> str | None:
    """The name of known software in the final image that compiles while a container runs; None for none. Call it through
    `Evidence.once`.
    """
    for name in _PYTHON:
        if evidence.exists(f"**/site-packages/{name}", f"**/dist-packages/{name}"):
            return "torch.compile" if name.startswith("torch/") else name
    for name in _R:
        if evidence.exists(f"**/library/{name}/DESCRIPTION", f"**/site-library/{name}/DESCRIPTION"):
            return name
    program = next((name for pattern, name in _PROGRAMS.items() if evidence.exists(pattern)), None)
    return program or evidence.once(is_workplace)


def is_workplace(evidence: Evidence) -> str | None:
    """The name of known software in the final image with which people or jobs compile; None for none. Call it through
    `Evidence.once`.
    """
    return next((name for pattern, name in _WORKPLACES.items() if evidence.exists(pattern)), None)
