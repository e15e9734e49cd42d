"""Forms of Dockerfiles: exec form, flags, escape characters, ONBUILD, stages, line ends."""

from __future__ import annotations

from dataclasses import replace

from tests.fixes.entry import Entry, entry


def windows_line_ends(each: Entry) -> Entry:
    return replace(each, text=each.text.replace("\n", "\r\n"))


FORMS = (
    entry("exec-form", "apt-lists", 'RUN ["apt-get", "update"]', "apt"),
    entry(
        "exec-form-of-a-shell",
        "apt-lists",
        'RUN ["/bin/bash", "-c", "apt-get update && apt-get install -y vim"]',
        "apt",
    ),
    entry(
        "exec-form-over-lines",
        "apt-lists",
        r"""
        RUN [ "/bin/sh", "-c", \
              "apt-get update; apt-get install -y vim" ]
        """,
        "apt",
    ),
    entry(
        "exec-form-behind-flags",
        "apt-lists",
        'RUN --mount=type=cache,target=/var/cache/apt --network=default ["apt-get", "update"]',
        "apt",
    ),
    entry(
        "exec-form-that-is-none",
        "apt-lists",
        'RUN [ -z "$SKIP" ] && apt-get update && apt-get install -y vim',
        "apt",
    ),
    entry(
        "flags-over-lines",
        "pip-cache",
        r"""
        RUN --mount=type=bind,source=requirements.txt,target=/tmp/requirements.txt \
            --mount=type=secret,id=netrc \
            pip install -r /tmp/requirements.txt
        """,
        "pip",
    ),
    entry(
        "flags-in-quotes",
        "pip-cache",
        """RUN --mount=type=bind,source="my files",target=/tmp/build pip install /tmp/build""",
        "pip",
    ),
    entry(
        "escape-backtick",
        "apt-lists",
        r"""
        # escape=`
        FROM debian:12
        RUN apt-get update `
            && apt-get install -y vim `
            && echo C:\dir\ > /motd
        """,
        "apt",
    ),
    entry(
        "escape-backtick-cache",
        "npm-cache",
        r"""
        # syntax=docker/dockerfile:1
        # escape=`
        FROM node:20
        RUN npm ci; `
            npm run build
        """,
        "npm",
    ),
    entry(
        "escape-backtick-merged",
        "deleted-later",
        r"""
        # escape=`
        FROM debian:12
        RUN wget -O /opt/x.tgz https://example.org/x.tgz `
            && tar -xf /opt/x.tgz -C /opt/src
        RUN rm /opt/x.tgz
        """,
        "+opt/x.tgz",
        "-opt/x.tgz",
    ),
    windows_line_ends(
        entry(
            "windows-line-ends",
            "apt-lists",
            r"""
        FROM debian:12
        RUN apt-get update \
            # comment
            && apt-get install -y vim
        """,
            "apt",
        )
    ),
    entry(
        "no-line-end",
        "apt-lists",
        "FROM debian:12\nRUN apt-get update",
        "apt",
    ),
    entry(
        "lower-case",
        "apt-lists",
        r"""
        FROM debian:12
        run apt-get update && \
            apt-get install -y vim
        """,
        "apt",
    ),
    entry(
        "indented",
        "apt-lists",
        "FROM debian:12\n    RUN   apt-get update \\\n\t\t&& apt-get install -y vim   \n",
        "apt",
    ),
    entry(
        "onbuild-before",
        "apt-lists",
        r"""
        ONBUILD RUN apt-get update && apt-get install -y git
        ONBUILD COPY . /app
        RUN apt-get update && apt-get install -y vim
        """,
        "apt",
    ),
    entry(
        "stages",
        "apt-lists",
        r"""
        FROM golang:1.22 AS build
        RUN apt-get update && apt-get install -y upx
        RUN go build -o /app ./...
        FROM debian:12
        RUN apt-get update && apt-get install -y ca-certificates
        COPY --from=build /app /usr/local/bin/app
        """,
        "apt",
        "",
    ),
    entry(
        "arguments",
        "apt-lists",
        r"""
        ARG VERSION="1.2 beta"
        ARG FLAVOUR=slim
        RUN apt-get update && apt-get install -y "vim-$FLAVOUR" && tool1 "$VERSION"
        """,
        "apt",
    ),
    entry(
        "empty-continuation",
        "apt-lists",
        r"""
        RUN apt-get update && \

            # an empty line above
            apt-get install -y \
              vim \
              \
              less
        """,
        "apt",
    ),
    entry(
        "secret-in-the-command",
        "pip-cache",
        "RUN pip install --index-url https://user:hunter2hunter2@example.org/simple flask && tool1 --password=hunter2hunter2",
        "pip",
        never=r"\*\*\*",
    ),
    entry(
        "password-of-htpasswd",
        "temporary-files",
        "RUN htpasswd -b -c /etc/nginx/conf.d/passwd admin Sup3rS3cretPw && curl -o /tmp/source.tar.gz https://example.org/x",
        "tmp",
    ),
    entry(
        "no-log-init",
        "temporary-files",
        "RUN useradd -r -u 1001 app && curl -o /tmp/source.tar.gz https://example.org/x && tar -xf /tmp/source.tar.gz -C /opt",
        "tmp",
    ),
    entry(
        "temporary-with-spaces",
        "temporary-files",
        "RUN curl -o '/tmp/source.tar.gz' https://example.org/x && unzip -d \"/opt/my files\" /tmp/source.tar.gz",
        "tmp",
    ),
    entry(
        "temporary-of-user",
        "temporary-files",
        r"""
        USER app
        RUN curl -o /tmp/source.tar.gz https://example.org/x && tar -xf /tmp/source.tar.gz -C /home/app
        """,
        "+tmp/source.tar.gz@app",
    ),
    entry(
        "git-clone",
        "git-directory",
        "RUN git clone --depth 1 https://github.com/x/y /srv/y && make -C /srv/y",
        "+srv/y/.git/objects/pack/a.pack",
    ),
)
