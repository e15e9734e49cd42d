"""Installations with apt."""

from __future__ import annotations

from tests.fixes.entry import entry

DEBIAN = (
    entry(
        "apt-plain",
        "apt-lists",
        r"""
        RUN apt-get update && apt-get install -y curl
        """,
        "apt",
    ),
    entry(
        "apt-lines",
        "apt-lists",
        r"""
        RUN apt-get update \
         && apt-get install -y --no-install-recommends \
            ca-certificates \
            curl \
            git
        """,
        "apt",
    ),
    entry(
        "apt-operators-at-line-ends",
        "apt-lists",
        r"""
        RUN apt-get -qq update && \
            DEBIAN_FRONTEND=noninteractive apt-get -qq -y install \
              tzdata \
              locales && \
            sed -i '/en_US.UTF-8/s/^# //g' /etc/locale.gen && \
            locale-gen
        """,
        "apt",
    ),
    entry(
        "apt-strict-semicolons",
        "apt-lists",
        r"""
        RUN set -eux; \
        	apt-get update; \
        	apt-get install -y --no-install-recommends gnupg dirmngr; \
        	ldconfig
        """,
        "apt",
    ),
    entry(
        "apt-strict-trailing-semicolon",
        "apt-lists",
        r"""
        RUN set -eux; \
            apt-get update; \
            apt-get install -y less;
        """,
        "apt",
    ),
    entry(
        "apt-chain-trailing-semicolon",
        "apt-lists",
        r"""
        RUN apt-get update && apt-get install -y less vim;
        """,
        "apt",
    ),
    entry(
        "apt-lax-semicolons",
        "apt-lists",
        r"""
        RUN apt-get update; apt-get install -y less; apt-get install -y vim
        """,
        "apt",
    ),
    entry(
        "apt-front-ends",
        "apt-lists",
        r"""
        RUN apt update && apt upgrade -y && apt install -y python3 python3-pip
        """,
        "apt",
    ),
    entry(
        "apt-archives",
        "apt-archives",
        r"""
        RUN apt-get update && apt-get install -y vim && rm -rf /var/lib/apt/lists/*
        """,
        "debs",
    ),
    entry(
        "apt-lists-and-archives",
        "apt-lists",
        r"""
        RUN apt-get update -y && apt-get install -y vim
        """,
        "apt debs backups",
    ),
    entry(
        "apt-sudo",
        "apt-lists",
        r"""
        USER app
        RUN sudo apt-get update && sudo apt-get install -y curl
        """,
        "apt",
    ),
    entry(
        "apt-sudo-environment",
        "apt-lists",
        r"""
        USER app
        RUN sudo apt-get update \
            && sudo DEBIAN_FRONTEND=noninteractive apt-get install -yq \
                build-essential \
            && sudo ldconfig
        """,
        "apt",
    ),
    entry(
        "apt-sudo-shell",
        "apt-lists",
        r"""
        USER app
        RUN sudo sh -c 'apt-get update && apt-get install -y curl'
        """,
        "apt",
    ),
    entry(
        "apt-user-switched-between",
        "apt-lists",
        r"""
        USER root
        RUN apt-get update && apt-get install -y jq
        USER app
        RUN jq --version
        """,
        "apt",
        "+home/app/x",
    ),
    entry(
        "apt-key-and-source",
        "apt-lists",
        r"""
        RUN wget -q -O - https://dl-ssl.google.com/linux/linux_signing_key.pub | apt-key add - \
            && sh -c 'echo "deb [arch=amd64] http://dl.google.com/linux/chrome/deb/ stable main" >> /etc/apt/sources.list.d/google.list' \
            && apt-get update \
            && apt-get install -y google-chrome-stable fonts-ipafont-gothic --no-install-recommends
        """,
        "apt",
    ),
    entry(
        "apt-nodesource",
        "apt-lists",
        r"""
        RUN curl -fsSL https://deb.nodesource.com/setup_20.x | bash - && \
            apt-get install -y nodejs
        """,
        "apt",
    ),
    entry(
        "apt-docker-source",
        "apt-lists",
        r"""
        RUN install -m 0755 -d /etc/apt/keyrings \
            && curl -fsSL https://download.docker.com/linux/debian/gpg -o /etc/apt/keyrings/docker.asc \
            && echo "deb [arch=$(dpkg --print-architecture) signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian $(. /etc/os-release && echo "$VERSION_CODENAME") stable" \
              | tee /etc/apt/sources.list.d/docker.list > /dev/null \
            && apt-get update && apt-get install -y docker-ce-cli
        """,
        "apt",
    ),
    entry(
        "apt-answers",
        "apt-lists",
        r"""
        RUN { \
                echo mysql-community-server mysql-community-server/data-dir select ''; \
                echo mysql-community-server mysql-community-server/root-pass password ''; \
                echo mysql-community-server mysql-community-server/remove-test-db select false; \
            } | debconf-set-selections \
            && apt-get update \
            && apt-get install -y mysql-community-client mysql-community-server-core
        """,
        "apt",
    ),
    entry(
        "apt-version-of-variable",
        "apt-lists",
        r"""
        ARG VERSION=1.2
        ENV PACKAGES="curl jq"
        RUN apt-get update && apt-get install -y $PACKAGES "tool=${VERSION}*" && tool1 --version
        """,
        "apt",
    ),
    entry(
        "apt-options",
        "apt-lists",
        r"""
        RUN apt-get -o Acquire::Retries=3 update && apt-get -o Dpkg::Options::="--force-confold" install -y -q curl
        """,
        "apt",
    ),
    entry(
        "apt-packages-of-mount",
        "apt-lists",
        r"""
        RUN --mount=type=bind,source=packages.txt,target=/packages.txt \
            apt-get update && xargs -a /packages.txt apt-get install -y
        """,
        "apt",
    ),
    entry(
        "apt-packages-of-redirection",
        "apt-lists",
        r"""
        RUN --mount=type=bind,source=packages.txt,target=/packages.txt apt-get update && xargs apt-get install -y < /packages.txt
        """,
        "apt",
    ),
    entry(
        "apt-cached-archives",
        "apt-lists",
        r"""
        RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
            rm -f /etc/apt/apt.conf.d/docker-clean && apt-get update && apt-get install -y gcc
        """,
        "apt",
    ),
    entry(
        "apt-clean-but-lists",
        "apt-lists",
        r"""
        RUN apt-get update && apt-get install -y git && apt-get clean && apt-get autoremove -y
        """,
        "apt",
    ),
    entry(
        "apt-echoed",
        "apt-lists",
        r"""
        RUN apt-get update && apt-get install -y figlet && echo "run apt-get install -y more; rm -rf /var/lib/apt/lists/*" > /etc/motd
        """,
        "apt",
    ),
    entry(
        "apt-build-and-purge",
        "apt-lists",
        r"""
        RUN buildDeps='gcc libc6-dev make' \
            && apt-get update && apt-get install -y $buildDeps --no-install-recommends \
            && curl -SL "https://example.org/x-$(uname -m).tar.gz" | tar -xzC /usr/src/x --strip-components=1 \
            && make -C /usr/src/x \
            && make -C /usr/src/x install \
            && apt-get purge -y --auto-remove $buildDeps
        """,
        "apt",
    ),
    entry(
        "apt-update-apart",
        "apt-lists",
        r"""
        RUN apt-get update
        RUN apt-get install -y curl
        """,
        "apt",
        "+usr/bin/curl",
    ),
    entry(
        "apt-update-apart-strict",
        "apt-lists",
        r"""
        RUN set -eux; apt-get update; tool1 a
        RUN set -eux; apt-get install -y curl; for i in a b; do tool2 $i; done
        """,
        "apt",
        "+usr/bin/curl",
    ),
    entry(
        "apt-lists-of-several-steps",
        "apt-lists",
        r"""
        RUN apt-get update && apt-get install -y curl
        ENV LANG=C.UTF-8
        RUN apt-get install -y git
        WORKDIR /srv
        RUN apt-get install -y jq || true
        """,
        "apt",
        "+usr/bin/git",
        "+usr/bin/jq",
    ),
    entry(
        "apt-each-with-lists",
        "apt-lists",
        r"""
        RUN apt-get update && apt-get install -y curl
        RUN apt-get update && apt-get install -y git
        """,
        "apt",
        "~var/lib/apt/lists/deb.debian.org_main_Packages.lz4",
    ),
    entry(
        "apt-build-dependencies",
        "apt-lists",
        r"""
        RUN sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources && apt-get update && apt-get build-dep -y --no-install-recommends ffmpeg
        """,
        "apt",
    ),
    entry(
        "apt-language-environment",
        "apt-lists",
        r"""
        RUN export DEBIAN_FRONTEND=noninteractive; apt-get update && apt-get install -y texlive-latex-base && unset DEBIAN_FRONTEND
        """,
        "apt",
    ),
    entry(
        "apt-multiarch",
        "apt-lists",
        r"""
        RUN dpkg --add-architecture i386 && apt-get update && apt-get install -y --no-install-recommends wine wine32:i386 && ln -s /usr/bin/wine /usr/bin/wine64
        """,
        "apt",
    ),
    entry(
        "apt-headers",
        "headers",
        r"""
        RUN apt-get update && apt-get install -y --no-install-recommends libpq-dev gcc && pip install --no-cache-dir psycopg2 && rm -rf /var/lib/apt/lists/*
        """,
        "+usr/include/a.h +usr/include/b.h +usr/include/c.h +usr/include/d.h +usr/include/e.h +usr/include/f.h +usr/include/g.h +usr/include/i.h",
    ),
    entry(
        "apt-logs",
        "logs",
        r"""
        RUN apt-get update && apt-get install -y exim4-base && apt-get clean && rm -rf /var/lib/apt/lists/* && tool1 --log
        """,
        "log",
    ),
)
