"""What the language of shells offers: loops, branches, functions, here-documents, and shells that are none."""

from __future__ import annotations

from tests.fixes.entry import entry

SHELLS = (
    entry(
        "loop-at-the-end",
        "apt-lists",
        "RUN set -eux; apt-get update; for s in vim less; do tool3 $s; touch $s; done",
        "apt",
    ),
    entry(
        "loop-then-chain",
        "apt-lists",
        r"""
        RUN apt-get update && for s in vim less; do \
              apt-get install -y $s; \
              tool3 $s; \
            done && tool1
        """,
        "apt",
    ),
    entry(
        "branch-at-the-end",
        "apt-lists",
        'RUN set -e; apt-get update; if [ -z "$SKIP" ]; then apt-get install -y vim; tool1; fi',
        "apt",
    ),
    entry(
        "braces-at-the-end",
        "apt-lists",
        "RUN set -e; apt-get update; { apt-get install -y vim; tool1; }",
        "apt",
    ),
    entry(
        "subshell-at-the-end",
        "apt-lists",
        "RUN set -e; apt-get update; (apt-get install -y vim; tool1)",
        "apt",
    ),
    entry(
        "case-at-the-end",
        "apt-lists",
        r"""
        RUN set -e; apt-get update; \
            case "$(uname -m)" in \
              x86_64) apt-get install -y a; tool1;; \
              *) apt-get install -y b;; \
            esac
        """,
        "apt",
    ),
    entry(
        "function",
        "apt-lists",
        r"""
        RUN retry() { "$@" || { sleep 1; "$@"; }; } \
            && retry apt-get update \
            && retry apt-get install -y vim
        """,
        "apt",
    ),
    entry(
        "function-strict",
        "apt-lists",
        'RUN set -e; fetch() { curl "$1"; tool1 "$1"; }; apt-get update; apt-get install -y curl; fetch a; fetch b',
        "apt",
    ),
    entry(
        "while-loop",
        "apt-lists",
        "RUN apt-get update && printf 'a\\nb\\n' | while read -r name; do apt-get install -y \"$name\" </dev/null; done",
        "apt",
    ),
    entry(
        "until-loop",
        "apt-lists",
        "RUN n=0; until apt-get update || [ $n -ge 3 ]; do n=$((n+1)); sleep 1; done; apt-get install -y vim",
        "apt",
    ),
    entry(
        "alternative-at-the-end",
        "apt-lists",
        "RUN apt-get update && apt-get install -y vim || exit 1",
        "apt",
    ),
    entry(
        "tolerant-end",
        "apt-lists",
        "RUN apt-get update && apt-get install -y vim && tool1 || true",
        "apt",
    ),
    entry(
        "tolerant-colon",
        "apt-lists",
        "RUN apt-get update; apt-get install -y vim || :",
        "apt",
    ),
    entry(
        "alternatives-within",
        "apt-lists",
        "RUN apt-get update || apt-get update || (sleep 5; apt-get update) && apt-get install -y vim",
        "apt",
    ),
    entry(
        "negation-at-the-end",
        "apt-lists",
        "RUN set -e; apt-get update; apt-get install -y vim; ! false",
        "apt",
    ),
    entry(
        "test-at-the-end",
        "apt-lists",
        'RUN set -e; apt-get update; apt-get install -y vim; [ -n "$PATH" ]',
        "apt",
    ),
    entry(
        "assignment-at-the-end",
        "apt-lists",
        "RUN set -e; apt-get update; apt-get install -y vim; version=$(tool1 --version)",
        "apt",
    ),
    entry(
        "exec-at-the-end",
        "apt-lists",
        "RUN apt-get update && exec apt-get install -y vim",
        "apt",
    ),
    entry(
        "exit-at-the-end",
        "apt-lists",
        "RUN apt-get update && apt-get install -y vim; exit 0",
        "apt",
    ),
    entry(
        "exit-in-a-branch",
        "apt-lists",
        "RUN apt-get update; if apt-get install -y vim; then exit 0; fi; tool1",
        "apt",
    ),
    entry(
        "trap",
        "apt-lists",
        "RUN set -e; trap 'rm -f /tmp/lock' EXIT; apt-get update; apt-get install -y vim",
        "apt",
    ),
    entry(
        "background-and-wait",
        "apt-lists",
        "RUN apt-get update && apt-get install -y redis-server && (redis-server & sleep 1; tool1 load; kill %1 2>/dev/null || true)",
        "apt",
        unordered=True,
    ),
    entry(
        "background-at-the-end",
        "apt-lists",
        "RUN apt-get update && apt-get install -y vim && tool1 &",
        "apt",
        unordered=True,
    ),
    entry(
        "background-waited",
        "apt-lists",
        "RUN apt-get update && apt-get install -y vim & wait $!",
        "apt",
        unordered=True,
    ),
    entry(
        "comment-at-the-end",
        "apt-lists",
        "RUN apt-get update && apt-get install -y vim # needed by all",
        "apt",
    ),
    entry(
        "comment-with-an-apostrophe",
        "apt-lists",
        r"""
        RUN apt-get update \
            # don't ask
            && apt-get install -y vim \
            # that's "all"
            && tool1
        """,
        "apt",
    ),
    entry(
        "find-with-semicolon",
        "apt-lists",
        r"RUN apt-get update && find /srv -name x -exec touch {} \;",
        "apt",
    ),
    entry(
        "find-with-quoted-semicolon",
        "apt-lists",
        "RUN set -e; apt-get update; find /srv -name x -exec touch '{}' ';'",
        "apt",
    ),
    entry(
        "find-with-plus",
        "apt-lists",
        "RUN apt-get update && find /srv -name x -exec chmod 644 {} +",
        "apt",
    ),
    entry(
        "pipe-at-the-end",
        "apt-lists",
        "RUN apt-get update && apt-get install -y jq && curl -s https://example.org/x.json | jq .version | tee /version",
        "apt",
    ),
    entry(
        "redirection-at-the-end",
        "apt-lists",
        "RUN apt-get update && apt-get install -y vim >/dev/null 2>&1",
        "apt",
    ),
    entry(
        "redirection-of-a-group",
        "apt-lists",
        "RUN { apt-get update; apt-get install -y vim; } > /tmp/log 2>&1",
        "apt",
    ),
    entry(
        "quotes-in-quotes",
        "apt-lists",
        r"""
        RUN apt-get update && apt-get install -y "linux-headers-$(uname -r)" && echo "it's \"$(tool1 'a "b" c')\"" > /motd
        """,
        "apt",
    ),
    entry(
        "backquotes",
        "apt-lists",
        "RUN apt-get update && apt-get install -y linux-headers-`uname -r` && tool1 `echo \\`tool2\\``",
        "apt",
    ),
    entry(
        "quoted-script-over-lines",
        "apt-lists",
        r"""
        RUN bash -c "apt-get update && \
            apt-get install -y \
              vim && \
            tool1 'a  b'"
        """,
        "apt",
    ),
    entry(
        "quoted-script-and-more",
        "apt-lists",
        r"""
        RUN sh -ec '\
            apt-get update; \
            apt-get install -y vim; \
        ' && tool1
        """,
        "apt",
    ),
    entry(
        "word-over-lines",
        "apt-lists",
        "RUN apt-get update && apt-get ins\\\ntall -y vi\\\nm",
        "apt",
    ),
    entry(
        "arithmetic",
        "apt-lists",
        "RUN apt-get update && apt-get install -y vim && make -j$(( $(nproc) + 1 ))",
        "apt",
    ),
    entry(
        "bash-strict",
        "apt-lists",
        r"""
        SHELL ["/bin/bash", "-eo", "pipefail", "-c"]
        RUN apt-get update; apt-get install -y vim; curl x | tool1; [[ -n "${PATH}" ]]
        """,
        "apt",
    ),
    entry(
        "bash-arrays",
        "apt-lists",
        r"""
        SHELL ["/bin/bash", "-c"]
        RUN packages=(vim less "jq=1.6*"); apt-get update && apt-get install -y "${packages[@]}" && for p in "${packages[@]}"; do tool1 "${p%%=*}"; done
        """,
        "apt",
    ),
    entry(
        "bash-here-string",
        "apt-lists",
        r"""
        SHELL ["/bin/bash", "-c"]
        RUN apt-get update && apt-get install -y debconf && debconf-set-selections <<<"x x/y select z"
        """,
        "apt",
    ),
    entry(
        "bash-process-substitution",
        "apt-lists",
        r"""
        SHELL ["/bin/bash", "-c"]
        RUN apt-get update && diff <(tool1 a) <(tool1 b) && apt-get install -y vim
        """,
        "apt",
        unordered=True,
    ),
    entry(
        "bash-conditions",
        "apt-lists",
        r"""
        SHELL ["/bin/bash", "-o", "pipefail", "-c"]
        RUN if [[ "$(uname -m)" == x86_64 && -z "${SKIP:-}" ]]; then apt-get update && apt-get install -y vim; else echo "no"; fi
        """,
        "apt",
    ),
    entry(
        "bash-dollar-quotes",
        "apt-lists",
        r"""
        SHELL ["/bin/bash", "-c"]
        RUN apt-get update && apt-get install -y vim && echo $'it\'s; done && rm\n' > /motd
        """,
        "apt",
    ),
    entry(
        "ash-strict",
        "apk-cache",
        r"""
        FROM alpine
        SHELL ["/bin/ash", "-eo", "pipefail", "-c"]
        RUN apk add curl; curl x | tool1
        """,
        "apk",
    ),
    entry(
        "sources-a-file",
        "apt-lists",
        'RUN . /etc/os-release && echo "deb https://example.org $VERSION_CODENAME main" > /etc/apt/sources.list.d/x.list && apt-get update && apt-get install -y vim',
        "apt",
    ),
    entry(
        "exports",
        "apt-lists",
        "RUN export DEBIAN_FRONTEND=noninteractive LC_ALL=C; apt-get update; apt-get install -y vim",
        "apt",
    ),
    entry(
        "mask",
        "apt-lists",
        "RUN umask 022 && apt-get update && apt-get install -y vim && cd /srv && tool1 .",
        "apt",
    ),
    entry(
        "sixty-commands",
        "apt-lists",
        "RUN apt-get update \\\n"
        + "".join(f" && tool1 {n} \\\n" for n in range(60))
        + " && apt-get install -y vim",
        "apt",
    ),
    entry(
        "seventy-strict-commands",
        "apt-lists",
        "RUN set -e; \\\n    apt-get update; \\\n"
        + "".join(f"    tool2 {n}; \\\n" for n in range(70))
        + "    apt-get install -y vim",
        "apt",
    ),
    entry(
        "heredoc-plain",
        "apt-lists",
        r"""
        RUN <<EOF
        apt-get update
        apt-get install -y vim
        EOF
        """,
        "apt",
    ),
    entry(
        "heredoc-strict",
        "apt-lists",
        r"""
        RUN <<EOF
        set -eux
        apt-get update
        apt-get install -y --no-install-recommends \
          vim \
          less
        # done
        EOF
        """,
        "apt",
    ),
    entry(
        "heredoc-quoted",
        "apt-lists",
        r"""
        RUN <<'EOT'
        apt-get update
        for each in vim less; do
            apt-get install -y $each
        done
        EOT
        """,
        "apt",
    ),
    entry(
        "heredoc-stripped",
        "apt-lists",
        "RUN <<-EOF\n\tset -e\n\tapt-get update\n\tapt-get install -y vim\n\tEOF\n",
        "apt",
    ),
    entry(
        "heredoc-shebang",
        "apt-lists",
        r"""
        RUN <<EOF
        #!/bin/bash
        set -euo pipefail
        apt-get update
        packages=(vim less)
        apt-get install -y "${packages[@]}"
        EOF
        """,
        "apt",
    ),
    entry(
        "heredoc-python",
        "temporary-files",
        r"""
        RUN <<EOF
        #!/usr/bin/env python3
        import urllib.request
        urllib.request.urlretrieve("https://example.org/x.tar.gz", "/tmp/source.tar.gz")
        EOF
        """,
        "tmp",
    ),
    entry(
        "heredoc-for-python",
        "temporary-files",
        r"""
        RUN python3 <<EOF
        open("/tmp/source.tar.gz", "w").write("x")
        EOF
        """,
        "tmp",
    ),
    entry(
        "heredoc-for-bash",
        "apt-lists",
        r"""
        RUN bash -e <<'EOF'
        apt-get update
        apt-get install -y vim
        EOF
        """,
        "apt",
    ),
    entry(
        "heredoc-for-a-file",
        "apt-lists",
        r"""
        RUN cat <<EOF > /etc/apt/sources.list.d/x.list && apt-get update && apt-get install -y vim
        deb https://example.org/$PATH x main
        EOF
        """,
        "apt",
    ),
    entry(
        "heredocs-two",
        "apt-lists",
        r"""
        RUN <<ONE cat > /etc/one && <<'TWO' cat > /etc/two && apt-get update && apt-get install -y vim
        one $HOME
        ONE
        two; rm && $x
        TWO
        """,
        "apt",
    ),
    entry(
        "heredoc-with-mount",
        "apt-lists",
        r"""
        RUN --mount=type=cache,target=/var/cache/apt --network=default <<EOF
        set -e
        apt-get update
        apt-get install -y vim
        EOF
        """,
        "apt",
    ),
    entry(
        "heredoc-ends-with-exit",
        "apt-lists",
        r"""
        RUN <<EOF
        apt-get update
        apt-get install -y vim || exit 1
        exit 0
        EOF
        """,
        "apt",
    ),
    entry(
        "heredoc-in-a-script",
        "apt-lists",
        r"""
        RUN <<EOF
        set -e
        apt-get update
        cat > /etc/x.conf <<'INNER'
        a = $b
        INNER
        apt-get install -y vim
        EOF
        """,
        "apt",
    ),
    entry(
        "powershell",
        "temporary-files",
        r"""
        # escape=`
        FROM mcr.microsoft.com/powershell
        SHELL ["pwsh", "-Command", "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue';"]
        RUN Invoke-WebRequest -Uri https://example.org/x.zip -OutFile /tmp/source.tar.gz; `
            Expand-Archive /tmp/source.tar.gz -DestinationPath /opt/x; `
            Write-Host 'done && dusted'
        """,
        "tmp",
    ),
    entry(
        "powershell-two-steps",
        "deleted-later",
        r"""
        # escape=`
        FROM mcr.microsoft.com/powershell
        SHELL ["powershell", "-Command", "$ErrorActionPreference = 'Stop';"]
        RUN Invoke-WebRequest -Uri https://example.org/x.zip -OutFile /opt/x.zip
        RUN Remove-Item -Force /opt/x.zip
        """,
        "+opt/x.zip",
        "-opt/x.zip",
        never=r"&&|\brm\b",
    ),
    entry(
        "cmd",
        "temporary-files",
        r"""
        # escape=`
        FROM mcr.microsoft.com/windows/servercore
        SHELL ["cmd", "/S", "/C"]
        RUN curl -o c:\tmp\x.zip https://example.org/x.zip `
            && tar -xf c:\tmp\x.zip
        """,
        "tmp",
    ),
    entry(
        "python-shell",
        "temporary-files",
        r"""
        SHELL ["/usr/bin/python3", "-c"]
        RUN open("/tmp/source.tar.gz", "w").write("x" * 150000)
        """,
        "tmp",
    ),
)
