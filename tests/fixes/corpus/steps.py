"""Several steps: what one stores and a later one deletes, changes or stores again."""

from __future__ import annotations

from tests.fixes.entry import entry

STEPS = (
    entry(
        "download-and-delete",
        "deleted-later",
        r"""
        RUN wget -O /opt/x.tgz https://example.org/x.tgz && tar -xf /opt/x.tgz -C /opt/src
        RUN rm -f /opt/x.tgz
        """,
        "+opt/x.tgz",
        "-opt/x.tgz",
    ),
    entry(
        "delete-and-more",
        "deleted-later",
        r"""
        RUN wget -O /opt/x.tgz https://example.org/x.tgz
        RUN tar -xf /opt/x.tgz -C /opt/src && rm /opt/x.tgz && ldconfig
        """,
        "+opt/x.tgz",
        "-opt/x.tgz",
    ),
    entry(
        "delete-after-others",
        "deleted-later",
        r"""
        RUN curl -o /opt/x.tgz https://example.org/x.tgz
        RUN tar -xf /opt/x.tgz -C /opt/src
        RUN make -C /opt/src install
        RUN rm -rf /opt/x.tgz
        """,
        "+opt/x.tgz",
        "+opt/src/a",
        "+usr/bin/x",
        "-opt/x.tgz",
    ),
    entry(
        "delete-in-folder",
        "deleted-later",
        r"""
        WORKDIR /opt
        RUN wget https://example.org/x.tgz
        RUN tar -xf x.tgz && rm x.tgz
        """,
        "+opt/x.tgz",
        "-opt/x.tgz",
    ),
    entry(
        "folder-changed-between",
        "deleted-later",
        r"""
        RUN wget -O /opt/x.tgz https://example.org/x.tgz
        WORKDIR /opt/src
        RUN ./configure && make && rm ../x.tgz
        """,
        "+opt/x.tgz",
        "-opt/x.tgz",
    ),
    entry(
        "cd-in-the-first",
        "deleted-later",
        r"""
        RUN cd /opt && wget https://example.org/x.tgz && tar -xf x.tgz
        RUN tool1 build && rm /opt/x.tgz
        """,
        "+opt/x.tgz",
        "-opt/x.tgz",
    ),
    entry(
        "cd-in-strict-first",
        "deleted-later",
        r"""
        RUN set -e; cd /opt; wget https://example.org/x.tgz; tar -xf x.tgz
        RUN set -e; tool1 build; rm /opt/x.tgz
        """,
        "+opt/x.tgz",
        "-opt/x.tgz",
    ),
    entry(
        "export-in-the-first",
        "deleted-later",
        r"""
        RUN export CFLAGS=-O3 && make -C /opt/src && tool1 make /opt/x.o
        RUN make -C /usr/src/x && rm /opt/x.o
        """,
        "+opt/x.o",
        "-opt/x.o",
    ),
    entry(
        "variable-in-the-first",
        "deleted-later",
        r"""
        RUN url=https://example.org; wget -O /opt/x.tgz "$url/x.tgz"
        RUN tar -xf /opt/x.tgz -C "/opt/src$url" && rm /opt/x.tgz
        """,
        "+opt/x.tgz",
        "-opt/x.tgz",
    ),
    entry(
        "exit-in-the-first",
        "deleted-later",
        r"""
        RUN if [ -n "$SKIP" ]; then exit 0; fi; wget -O /big https://example.org/x
        RUN rm -f /big && ldconfig
        """,
        "+big",
        "-big",
    ),
    entry(
        "exit-at-the-first-end",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x; exit 0
        RUN rm -f /big && ldconfig
        """,
        "+big",
        "-big",
    ),
    entry(
        "exec-in-the-first",
        "deleted-later",
        r"""
        RUN exec wget -O /big https://example.org/x
        RUN rm -f /big && ldconfig
        """,
        "+big",
        "-big",
    ),
    entry(
        "options-of-the-first",
        "deleted-later",
        r"""
        RUN set -eux; wget -O /big https://example.org/x; tool1 /big
        RUN rm -f /big; grep -q nothing /etc/passwd; tool2
        """,
        "+big",
        "-big",
    ),
    entry(
        "options-of-the-second",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x; tool1 /big
        RUN set -eu; tool2 /big; rm -f /big
        """,
        "+big",
        "-big",
    ),
    entry(
        "tolerant-first",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x || true
        RUN tool1 /big && rm /big
        """,
        "+big",
        "-big",
    ),
    entry(
        "tolerant-second",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x
        RUN tool1 /big || tool2 /big; rm /big
        """,
        "+big",
        "-big",
    ),
    entry(
        "trailing-semicolons",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x;
        RUN tool1 /big; rm /big;
        """,
        "+big",
        "-big",
    ),
    entry(
        "trailing-comment",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x # big
        RUN tool1 /big && rm /big # small
        """,
        "+big",
        "-big",
    ),
    entry(
        "loop-in-the-first",
        "deleted-later",
        r"""
        RUN for n in 1 2; do wget -O /big$n https://example.org/$n; done
        RUN tool1 /big1 /big2 && rm /big1 /big2
        """,
        "+big1 +big2",
        "-big1 -big2",
    ),
    entry(
        "branch-in-the-second",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x
        RUN if tool1 /big; then tool2; else exit 1; fi; rm /big
        """,
        "+big",
        "-big",
    ),
    entry(
        "background-in-the-first",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x && tool1 &
        RUN rm -f /big && ldconfig
        """,
        "+big",
        "-big",
        unordered=True,
    ),
    entry(
        "mount-in-the-first",
        "deleted-later",
        r"""
        RUN --mount=type=secret,id=token wget --header "$(cat /run/secrets/token)" -O /big https://example.org/x
        RUN tool1 /big && rm /big
        """,
        "+big",
        "-big",
    ),
    entry(
        "mount-in-the-second",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x
        RUN --mount=type=bind,source=setup.sh,target=/setup.sh --network=none tool1 /big && rm /big
        """,
        "+big",
        "-big",
    ),
    entry(
        "mounts-in-both",
        "deleted-later",
        r"""
        RUN --mount=type=cache,target=/root/.m2 mvn -B package -Doutput=/big
        RUN --mount=type=cache,target=/root/.m2 --mount=type=ssh mvn -B verify && rm -rf /big
        """,
        "+big",
        "-big",
    ),
    entry(
        "users-differ",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x
        USER app
        RUN tool1 /big
        USER root
        RUN rm /big && ldconfig
        """,
        "+big",
        "+home/app/x",
        "-big",
    ),
    entry(
        "shells-differ",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x
        SHELL ["/bin/bash", "-eo", "pipefail", "-c"]
        RUN tool1 /big | tee /log.txt; [[ -n "$PATH" ]]; rm /big
        """,
        "+big",
        "-big",
    ),
    entry(
        "variables-differ",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x
        ENV MODE=production
        RUN tool1 /big && rm /big
        """,
        "+big",
        "-big",
    ),
    entry(
        "copy-between",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x
        COPY setup.sh /setup.sh
        RUN tool1 /setup.sh /big && rm /big
        """,
        "+big",
        "+setup.sh",
        "-big",
    ),
    entry(
        "exec-forms",
        "deleted-later",
        r"""
        RUN ["wget", "-O", "/big", "https://example.org/x"]
        RUN ["rm", "/big"]
        """,
        "+big",
        "-big",
    ),
    entry(
        "heredoc-first",
        "deleted-later",
        r"""
        RUN <<EOF
        set -e
        wget -O /big https://example.org/x
        tool1 /big
        EOF
        RUN rm /big && ldconfig
        """,
        "+big",
        "-big",
    ),
    entry(
        "heredoc-second",
        "deleted-later",
        r"""
        RUN wget -O /big https://example.org/x
        RUN <<EOF
        tool1 /big
        rm /big
        EOF
        """,
        "+big",
        "-big",
    ),
    entry(
        "heredocs-both",
        "deleted-later",
        r"""
        RUN <<EOF
        #!/bin/bash
        wget -O /big https://example.org/x
        EOF
        RUN <<EOF
        #!/bin/bash
        set -e
        tool1 /big
        rm /big
        EOF
        """,
        "+big",
        "-big",
    ),
    entry(
        "sudo-deletes",
        "deleted-later",
        r"""
        USER app
        RUN sudo wget -O /opt/x.tgz https://example.org/x.tgz
        RUN tar -xf /opt/x.tgz -C /home/app && sudo rm /opt/x.tgz
        """,
        "+opt/x.tgz",
        "-opt/x.tgz",
    ),
    entry(
        "find-deletes",
        "deleted-later",
        r"""
        RUN make -C /usr/src/x install
        RUN find /usr/local/lib -name '*.a' -delete && ldconfig
        """,
        "+usr/local/lib/x.a +usr/local/lib/y.a",
        "-usr/local/lib/x.a -usr/local/lib/y.a",
    ),
    entry(
        "find-deletes-with-semicolon",
        "deleted-later",
        r"""
        RUN make -C /usr/src/x install
        RUN find /usr/local/lib -name '*.a' -exec rm {} \; && ldconfig
        """,
        "+usr/local/lib/x.a +usr/local/lib/y.a",
        "-usr/local/lib/x.a -usr/local/lib/y.a",
    ),
    entry(
        "name-with-spaces",
        "deleted-later",
        r"""
        RUN wget -O "/opt/my big file" https://example.org/x
        RUN tool1 "/opt/my big file" && rm "/opt/my big file"
        """,
        "+opt/my%20big%20file",
        "-opt/my%20big%20file",
    ),
    entry(
        "lists-deleted-apart",
        "deleted-later",
        r"""
        RUN apt-get update && apt-get install -y vim
        RUN rm -rf /var/lib/apt/lists/*
        """,
        "apt",
        "-var/lib/apt/lists/deb.debian.org_main_Packages.lz4",
    ),
    entry(
        "compiler-removed-apart",
        "deleted-later",
        r"""
        RUN apk add --no-cache gcc
        RUN gcc -o /usr/local/bin/x x.c
        RUN apk del gcc
        """,
        "+usr/bin/gcc",
        "",
        "-usr/bin/gcc",
    ),
    entry(
        "npm-cache-apart",
        "deleted-later",
        r"""
        WORKDIR /app
        RUN npm ci
        RUN npm run build && npm cache clean --force && rm -rf /root/.npm
        """,
        "npm",
        "-root/.npm",
    ),
    entry(
        "owner-of-a-copy",
        "rewritten-for-attributes",
        r"""
        COPY app /srv/app
        RUN chown -R app:app /srv/app
        """,
        "+srv/app/a",
        "=srv/app/a@app",
        always=r"COPY --chown=app:app app /srv/app",
    ),
    entry(
        "owner-of-a-chmodded-copy",
        "rewritten-for-attributes",
        r"""
        COPY --chmod=755 app /srv/app
        RUN chown -R app:app /srv/app
        """,
        "+srv/app/a:755",
        "=srv/app/a@app:755",
    ),
    entry(
        "mode-of-a-chowned-copy",
        "rewritten-for-attributes",
        r"""
        COPY --chown=app:app --link run.sh /run.sh
        RUN chmod +x /run.sh
        """,
        "+run.sh@app",
        "=run.sh@app:755",
        always=r"--chown=app:app",
    ),
    entry(
        "owner-and-more",
        "rewritten-for-attributes",
        r"""
        COPY app /srv/app
        RUN chown -R app:app /srv/app && cd /srv/app && ./install.sh && chmod 600 /etc/x
        """,
        "+srv/app/a",
        "=srv/app/a@app",
    ),
    entry(
        "owner-of-a-run",
        "rewritten-for-attributes",
        r"""
        RUN set -e; wget -O /srv/app/a https://example.org/x; tool1
        RUN chown -R app:app /srv/app; chmod -R g+w /srv/app
        """,
        "+srv/app/a",
        "=srv/app/a@app",
    ),
    entry(
        "owner-of-a-name-with-spaces",
        "rewritten-for-attributes",
        r"""
        COPY ["my app", "/srv/my app/"]
        RUN chown -R app:app "/srv/my app"
        """,
        "+srv/my%20app/a",
        "=srv/my%20app/a@app",
    ),
    entry(
        "lists-overwritten",
        "overwritten",
        r"""
        RUN set -eux; apt-get update; apt-get install -y vim; rm -rf /var/lib/apt/lists/*
        RUN apt-get update && apt-get install -y less && rm -rf /var/lib/apt/lists/*
        """,
        "+var/lib/dpkg/status",
        "~var/lib/dpkg/status",
    ),
    entry(
        "three-overwritten",
        "overwritten",
        r"""
        RUN tool1 a; tool2 a
        RUN cd /srv && tool1 b
        RUN export X=1; tool1 c && tool2 c || exit 3
        """,
        "+srv/state",
        "~srv/state",
        "~srv/state@app",
    ),
    entry(
        "overwritten-with-flags",
        "overwritten",
        r"""
        RUN --mount=type=cache,target=/root/.cache/pip pip install flask
        RUN --mount=type=cache,target=/root/.cache/pip --mount=type=ssh pip install gunicorn
        """,
        "+usr/lib/python3/dist-packages/x.pth",
        "~usr/lib/python3/dist-packages/x.pth",
    ),
    entry(
        "overwritten-heredocs",
        "overwritten",
        r"""
        RUN <<EOF
        tool1 a
        EOF
        RUN tool2 b
        """,
        "+srv/state",
        "~srv/state",
    ),
)
