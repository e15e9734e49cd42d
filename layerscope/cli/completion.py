"""`layerscope completion`: prints the completion script of a shell, and answers the requests of these scripts.

click finds the command and the parameter that a word belongs to; `completion_values` lists its possible values. The scripts pass the
line up to the cursor, because bash splits words at `:` and `=`, which image names contain. Each line of an answer is a type, a
value and its help, separated by tabs: nothing that a shell would evaluate.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    _resolve_context,
    _resolve_incomplete,
    split_arg_string,
)

from layerscope.cli.completion_cache import REFRESH, refresh
from layerscope.cli.completion_values import values_of
from layerscope.cli.group import COMMANDS, COMPLETION, DEFAULT_COMMAND, PROGRAM

_END = "\x1f"
"""Appended to the line, so that an empty last word, or one in open quotes, counts as a word."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_BASH = r"""# layerscope completion bash
_layerscope_completion() {
    local type value quoted='' files='' response
    COMPREPLY=()
    type -P layerscope >/dev/null || return
    [[ ${COMP_WORDS[COMP_CWORD]} == [\"\']* ]] && quoted=1
    response=$(env %(variable)s=bash_complete COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORD="$2" layerscope 2>/dev/null)
    while IFS=$'\t' read -r type value _; do
        case $type in
            plain) COMPREPLY+=("$value") ;;
            file|dir) files=$type ;;
        esac
    done <<< "$response"
    if [[ $files == file && ${#COMPREPLY[@]} -gt 0 ]]; then
        # Bash completes either words or files; beside words, files are words that are quoted here.
        while IFS= read -r value; do
            [[ -d $value ]] && value+=/
            if [[ $value == *[!a-zA-Z0-9._/:@+-]* ]]; then
                [[ $quoted ]] && continue
                printf -v value %%q "$value"
            fi
            COMPREPLY+=("$value")
        done < <(compgen -f -- "$2")
    elif [[ $files == file ]]; then
        compopt -o default 2>/dev/null
    elif [[ $files == dir ]]; then
        compopt -o dirnames 2>/dev/null
    fi
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _layerscope_completion layerscope 2>/dev/null ||
    complete -o default -F _layerscope_completion layerscope
"""

_ZSH = r"""#compdef layerscope
_layerscope_completion() {
    (( $+commands[layerscope] )) || return 1
    local line type value help files='' response
    local -a plain joined
    response=$(env %(variable)s=zsh_complete COMP_LINE="${(j: :)words[1,CURRENT-1]} $QIPREFIX$IPREFIX$PREFIX" layerscope 2>/dev/null)
    for line in "${(@f)response}"; do
        IFS=$'\t' read -r type value help <<< "$line"
        case $type in
            plain)
                value=${value//:/\\:}${help:+:$help}
                if [[ ${line#*$'\t'} == *[=/]$'\t'* ]]; then joined+=("$value"); else plain+=("$value"); fi ;;
            file|dir) files=$type ;;
        esac
    done
    (( $#plain )) && _describe -t values value plain
    (( $#joined )) && _describe -t values value joined -S ''
    if [[ -n $files ]]; then
        [[ $PREFIX == -*=* ]] && compset -P '*='
        if [[ $files == dir ]]; then _files -/; else _files; fi
    fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _layerscope_completion "$@"
else
    compdef _layerscope_completion layerscope
fi
"""

_FISH = r"""# layerscope completion fish
function _layerscope_completion
    set -l response (env %(variable)s=fish_complete COMP_LINE=(commandline -pc | string collect) layerscope 2>/dev/null)
    for line in $response
        set -l item (string split \t -- $line)
        switch $item[1]
            case plain
                printf '%%s\t%%s\n' $item[2] "$item[3]"
            case file dir
                set -l option (string match -r -- '^-[^=]*=' (commandline -ct))
                set -l written (string replace -r -- '^-[^=]*=' '' (commandline -ct))
                if test $item[1] = dir
                    __fish_complete_directories "$written" | string replace -r -- '^' "$option"
                else
                    __fish_complete_path "$written" | string replace -r -- '^' "$option"
                end
        end
    end
end
complete --no-files --command layerscope --arguments '(_layerscope_completion)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


class Completion(ShellComplete):
    """Answers completion requests of one shell."""

    def __init__(self, program: click.Command, shell: str) -> None:
        super().__init__(program, {}, PROGRAM, COMPLETION)
        self.name = shell  # type: ignore[misc]  # classes for each shell would differ in nothing else
        self.source_template = SCRIPTS[shell]  # type: ignore[misc]
        self._prefix = ""
        """The part of the word before the value, such as `--format=`."""
        self._kept_length = 0
        """Characters at the start of the word that the shell keeps."""

    def source(self) -> str:
        """The completion script."""
        return self.source_template % {"variable": self.complete_var}

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the last one, and the last one."""
        words = split_arg_string(os.environ.get("COMP_LINE", "") + _END)
        names = [word.rpartition("/")[2] for word in words[:-1]]
        begin = names.index(PROGRAM) + 1 if PROGRAM in names else 1
        return words[begin:-1], words[-1].removesuffix(_END)

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Completions of the incomplete word; none if the words before it are wrong."""
        word = incomplete
        try:
            context = _resolve_context(self.cli, self.ctx_args, self.prog_name, args)
            target, incomplete = _resolve_incomplete(context, args, incomplete)
        except click.ClickException:
            return [] if incomplete.startswith("-") else list(_commands(incomplete))
        self._prefix = word[: len(word) - len(incomplete)]
        self._kept_length = self._count_kept(word)
        explores = context.info_name == DEFAULT_COMMAND
        if isinstance(target, click.Parameter):
            values = values_of(target, incomplete)
            items = target.shell_complete(context, incomplete) if values is None else values
            if explores and isinstance(target, click.Argument) and "--" not in args:
                items = [*_commands(incomplete), *items]
            return items
        items = target.shell_complete(context, incomplete)
        if explores:
            options = click.Command.shell_complete(self.cli, context, incomplete)
            known = {item.value for item in items}
            items += [item for item in options if item.value not in known]
        return items

    def format_completion(self, item: CompletionItem[str]) -> str:
        """A line of the answer; empty for a value with control characters."""
        value = (self._prefix + item.value)[self._kept_length :]
        if item.type != "plain":
            # If bash sees only the end of a value, it would complete that as a file name.
            return f"{item.type}\t\t" if self._kept_length <= len(self._prefix) else ""
        if _CONTROL.search(value) or not value:
            return ""
        return f"plain\t{value}\t{_CONTROL.sub(' ', item.help or '')}"

    @staticmethod
    def _count_kept(word: str) -> int:
        """How many characters of a word bash does not replace: it sees only what follows a `:` or `=`."""
        bash_word = os.environ.get("COMP_WORD")
        if bash_word is None:
            return 0
        last = split_arg_string(bash_word + _END)[-1].removesuffix(_END)
        return len(word) - len(last) if word.endswith(last) else 0


def _commands(incomplete: str) -> Iterator[CompletionItem[str]]:
    """The commands that start with a text."""
    for name, summary in COMMANDS.items():
        if summary and name.startswith(incomplete):
            yield CompletionItem(name, help=summary)


def answer_shell(program: click.Command, instruction: str) -> int:
    """Print the answer to the request in the variable `COMPLETION`; returns the exit code."""
    if instruction == REFRESH:
        refresh()
        return 0
    shell = instruction.partition("_")[0]
    if shell not in SCRIPTS:
        return 1
    lines = Completion(program, shell).complete()
    click.echo("\n".join(filter(None, lines.split("\n"))))
    return 0


@click.command()
@click.argument("shell", type=click.Choice(list(SCRIPTS)))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash   add to ~/.bashrc:  eval "$(layerscope completion bash)"
    zsh    add to ~/.zshrc, after compinit:  eval "$(layerscope completion zsh)"
    fish   layerscope completion fish > ~/.config/fish/completions/layerscope.fish

    It completes commands, options, their values, files, and the names of images in engines and local stores. These are cached for
    a few seconds; an engine that does not answer is not waited for.
    """
    program = click.get_current_context().find_root().command
    from layerscope.cli.output import output_stream

    with output_stream(None) as stream:
        stream.write(Completion(program, shell).source().encode())
