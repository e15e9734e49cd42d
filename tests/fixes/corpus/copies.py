"""COPY and ADD."""

from __future__ import annotations

from tests.fixes.entry import entry

COPIES = (
    entry(
        "git-in-the-context",
        "copied-context",
        "COPY . /app",
        "+app/.git/objects/pack/a.pack +app/main.py",
        ignored=["**/.git"],
    ),
    entry(
        "git-and-editors",
        "copied-context",
        "WORKDIR /app\nCOPY . .",
        "+app/.git/HEAD +app/.idea/workspace.xml +app/main.py",
        ignored=["**/.git", "**/.idea"],
    ),
    entry(
        "modules-in-the-context",
        "copied-context",
        "COPY --chown=node:node . /usr/src/app/",
        "+usr/src/app/node_modules/x/index.js@node +usr/src/app/main.js@node",
    ),
    entry(
        "secrets-in-the-context",
        "copied-context",
        "COPY --link --chown=1000:1000 web/ /srv/web/",
        "+srv/web/.env@app +srv/web/index.html@app",
    ),
    entry(
        "git-of-an-url",
        "git-directory",
        "ADD --keep-git-dir=true https://github.com/moby/buildkit.git#v0.10.1 /buildkit",
        "+buildkit/.git/objects/pack/a.pack +buildkit/main.go",
        never="dockerignore",
    ),
    entry(
        "git-of-an-ssh-url",
        "git-directory",
        "ADD --keep-git-dir=true git@github.com:moby/buildkit.git /buildkit",
        "+buildkit/.git/objects/pack/a.pack +buildkit/main.go",
        never="dockerignore",
    ),
    entry(
        "archive-deleted",
        "deleted-later",
        r"""
        ADD https://example.org/x.tar.gz /opt/x.tar.gz
        RUN tar -xf /opt/x.tar.gz -C /opt/src && rm /opt/x.tar.gz
        """,
        "+opt/x.tar.gz",
        "-opt/x.tar.gz",
        never="dockerignore",
    ),
    entry(
        "archive-with-checksum-deleted",
        "deleted-later",
        r"""
        ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.org/x.tar.gz /opt/
        RUN cd /opt && tar -xf x.tar.gz && rm -f x.tar.gz
        """,
        "+opt/x.tar.gz",
        "-opt/x.tar.gz",
        never="dockerignore",
    ),
    entry(
        "package-deleted",
        "deleted-later",
        r"""
        COPY app.deb /tmp/build/app.deb
        RUN dpkg -i /tmp/build/app.deb && rm /tmp/build/app.deb
        """,
        "+tmp/build/app.deb",
        "-tmp/build/app.deb",
    ),
    entry(
        "wheels-deleted",
        "deleted-later",
        r"""
        COPY wheels/ /wheels/
        RUN pip install --no-cache-dir /wheels/*.whl && rm -rf /wheels
        """,
        "+wheels/a.whl +wheels/b.whl",
        "-wheels",
    ),
    entry(
        "script-deleted",
        "deleted-later",
        r"""
        COPY ["install.sh", "/tmp/install.sh"]
        RUN chmod +x /tmp/install.sh && /tmp/install.sh --all && rm /tmp/install.sh
        """,
        "+tmp/install.sh",
        "-tmp/install.sh",
    ),
    entry(
        "part-of-a-copy-deleted",
        "deleted-later",
        r"""
        COPY . /srv/app
        RUN rm -rf /srv/app/test /srv/app/docs && ./srv/app/install.sh
        """,
        "+srv/app/test/a +srv/app/docs/b +srv/app/main.py",
        "-srv/app/test -srv/app/docs",
        ignored=["docs", "test"],
    ),
    entry(
        "part-of-a-folder-deleted",
        "deleted-later",
        r"""
        WORKDIR /srv/app
        COPY web ./
        RUN rm -rf test
        """,
        "+srv/app/test/a +srv/app/main.py",
        "-srv/app/test",
        ignored=["web/test"],
    ),
    entry(
        "of-a-stage-deleted",
        "deleted-later",
        r"""
        FROM golang AS build
        RUN make -C /src
        FROM debian
        COPY --from=build /src /opt/src
        RUN make -C /opt/src install && rm -rf /opt/src
        """,
        "+opt/src/a",
        "-opt/src",
        never="dockerignore",
    ),
    entry(
        "heredoc-copied",
        "deleted-later",
        r"""
        COPY <<EOF /tmp/build/setup.sh
        #!/bin/sh
        tool1
        EOF
        RUN sh /tmp/build/setup.sh && rm /tmp/build/setup.sh
        """,
        "+tmp/build/setup.sh",
        "-tmp/build/setup.sh",
        never="dockerignore",
    ),
    entry(
        "spaces-deleted",
        "deleted-later",
        r"""
        COPY ["my files", "/opt/my files/"]
        RUN tool1 "/opt/my files" && rm -rf "/opt/my files"
        """,
        "+opt/my%20files/a",
        "-opt/my%20files",
    ),
    entry(
        "spaces-chowned",
        "rewritten-for-attributes",
        r"""
        COPY ["my files", "/opt/my files/"]
        RUN chown -R app:app "/opt/my files"
        """,
        "+opt/my%20files/a",
        "=opt/my%20files/a@app",
        always=r'\["my files", "/opt/my files/"\]',
    ),
    entry(
        "stored-twice",
        "rewritten-for-attributes",
        r"""
        COPY --chown=app:app requirements.txt /app/
        RUN pip install --no-cache-dir -r /app/requirements.txt
        COPY --chown=app:app . /app/
        """,
        "+app/requirements.txt@app",
        "",
        "+app/requirements.txt@app +app/main.py@app",
    ),
    entry(
        "several-sources",
        "rewritten-for-attributes",
        r"""
        COPY package.json package-lock.json ./app/
        RUN chown -R node:node /app
        """,
        "+app/package.json +app/package-lock.json",
        "=app/package.json@node =app/package-lock.json@node",
    ),
    entry(
        "linked-and-parented",
        "rewritten-for-attributes",
        r"""
        # syntax=docker/dockerfile:1-labs
        FROM debian:12
        COPY --parents --link ./src/./a /srv/
        RUN chown -R app:app /srv/a
        """,
        "+srv/a/x",
        "=srv/a/x@app",
        always=r"(?=.*--parents)(?=.*--link)",
    ),
    entry(
        "excluded",
        "rewritten-for-attributes",
        r"""
        COPY --exclude=*.md --chmod=644 docs /srv/docs
        RUN chown -R www-data /srv/docs
        """,
        "+srv/docs/a",
        "=srv/docs/a@www-data",
    ),
)
