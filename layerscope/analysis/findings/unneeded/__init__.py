"""What nobody needs while an image runs: tools and traces of building it."""

from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.unneeded import (
    compilers,
    core_dumps,
    debug_symbols,
    documentation,
    editor_files,
    git_directory,
    headers,
    locales,
    node_development,
    python_bytecode,
    python_tests,
    source_maps,
    static_libraries,
    toolchains,
)

RULES: tuple[Rule, ...] = (
    compilers.RULE,
    toolchains.RULE,
    headers.RULE,
    static_libraries.RULE,
    debug_symbols.RULE,
    documentation.RULE,
    locales.RULE,
    python_bytecode.RULE,
    python_tests.RULE,
    node_development.RULE,
    source_maps.RULE,
    git_directory.RULE,
    editor_files.RULE,
    core_dumps.RULE,
)
