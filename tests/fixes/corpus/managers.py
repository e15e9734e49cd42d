"""Installations with apk, dnf, yum, zypper, pacman and conda."""

from __future__ import annotations

from tests.fixes.entry import entry

MANAGERS = (
    entry(
        "apk-plain",
        "apk-cache",
        r"""
        FROM alpine:3.19
        RUN apk add curl
        """,
        "apk",
    ),
    entry(
        "apk-update",
        "apk-cache",
        r"""
        FROM alpine:3.19
        RUN apk update && apk upgrade && apk add --update bash git openssh
        """,
        "apk",
    ),
    entry(
        "apk-global-option",
        "apk-cache",
        r"""
        FROM alpine:3.19
        RUN apk --update add nodejs npm \
            && npm --version
        """,
        "apk",
    ),
    entry(
        "apk-virtual",
        "apk-cache",
        r"""
        FROM alpine:3.19
        RUN set -eux; \
        	apk add --virtual .build-deps \
        		coreutils \
        		gcc \
        # comment
        		musl-dev \
        	; \
        	make -C /usr/src/x; \
        	apk del --no-network .build-deps
        """,
        "apk",
    ),
    entry(
        "apk-echoed",
        "apk-cache",
        r"""
        FROM alpine:3.19
        RUN apk add tini && echo 'use apk add to install more' > /etc/motd
        """,
        "apk",
    ),
    entry(
        "apk-in-a-branch",
        "apk-cache",
        r"""
        FROM alpine:3.19
        RUN if [ "$(uname -m)" = x86_64 ]; then apk add libc6-compat; fi && apk add --no-cache ca-certificates
        """,
        "apk",
    ),
    entry(
        "apk-loop",
        "apk-cache",
        r"""
        FROM alpine:3.19
        RUN for package in curl jq; do apk add "$package"; done
        """,
        "apk",
    ),
    entry(
        "apk-nginx",
        "apk-cache",
        r"""
        FROM alpine:3.19
        ENV NGINX_VERSION=1.25.4
        RUN set -x \
            && apkArch="$(cat /etc/apk/arch)" \
            && nginxPackages=" \
                nginx=${NGINX_VERSION} \
                nginx-module-xslt=${NGINX_VERSION} \
            " \
            && apk add $nginxPackages \
            && if [ -n "/etc/apk/keys/abuild-key.rsa.pub" ]; then rm -f /etc/apk/keys/abuild-key.rsa.pub; fi \
            && apk add gettext tzdata \
            && ln -sf /dev/stderr /var/log/nginx/error.log
        """,
        "apk",
    ),
    entry(
        "apk-scanelf",
        "apk-cache",
        r"""
        FROM alpine:3.19
        RUN set -eux; \
        	apk add --virtual .fetch-deps gnupg; \
        	runDeps="$( \
        		scanelf --needed --nobanner --format '%n#p' --recursive /usr/local \
        			| tr ',' '\n' \
        			| sort -u \
        			| awk 'system("[ -e /usr/local/lib/" $1 " ]") == 0 { next } { print "so:" $1 }' \
        	)"; \
        	apk add $runDeps; \
        	apk del --no-network .fetch-deps
        """,
        "apk",
    ),
    entry(
        "apk-sudo",
        "apk-cache",
        r"""
        FROM alpine:3.19
        USER app
        RUN sudo apk add curl
        """,
        "apk",
    ),
    entry(
        "dnf-plain",
        "dnf-cache",
        r"""
        FROM fedora:40
        RUN dnf install -y httpd
        """,
        "dnf",
    ),
    entry(
        "dnf-lines",
        "dnf-cache",
        r"""
        FROM rockylinux:9
        RUN dnf -y install dnf-plugins-core epel-release && \
            dnf config-manager --set-enabled crb && \
            dnf -y update && \
            dnf -y --setopt=install_weak_deps=False install \
                gcc \
                make
        """,
        "dnf",
    ),
    entry(
        "dnf-not-in-front",
        "dnf-cache",
        r"""
        FROM fedora:40
        RUN curl -fsSL https://rpm.nodesource.com/setup_20.x | bash - ; dnf install -y nodejs
        """,
        "dnf",
    ),
    entry(
        "dnf-removed-behind",
        "dnf-cache",
        r"""
        FROM fedora:40
        RUN dnf install -y gcc && make -C /usr/src/x && dnf remove -y gcc ; true
        """,
        "dnf",
    ),
    entry(
        "microdnf",
        "dnf-cache",
        r"""
        FROM redhat/ubi9-minimal
        RUN microdnf install -y --nodocs tar gzip \
            && microdnf update -y \
            && ln -s /usr/bin/python3 /usr/bin/python
        """,
        "dnf",
    ),
    entry(
        "yum-plain",
        "dnf-cache",
        r"""
        FROM centos:7
        RUN yum -y update && yum -y install epel-release && yum install -y nginx
        """,
        "yum",
    ),
    entry(
        "yum-quoted-group",
        "dnf-cache",
        r"""
        FROM centos:7
        RUN yum groupinstall -y "Development Tools"; yum install -y 'perl(Digest::SHA)'
        """,
        "yum",
    ),
    entry(
        "dnf-heredoc",
        "dnf-cache",
        r"""
        FROM fedora:40
        RUN <<EOF
        dnf -y update
        dnf -y install httpd
        EOF
        """,
        "dnf",
    ),
    entry(
        "zypper-plain",
        "zypper-cache",
        r"""
        FROM opensuse/leap
        RUN zypper --non-interactive refresh && zypper -n install --no-recommends gcc
        """,
        "zypper",
    ),
    entry(
        "zypper-tolerant-end",
        "zypper-cache",
        r"""
        FROM opensuse/leap
        SHELL ["/bin/bash", "-c"]
        RUN set -euo pipefail; zypper -n in curl; systemctl disable x || :;
        """,
        "zypper",
    ),
    entry(
        "pacman-plain",
        "pacman-cache",
        r"""
        FROM archlinux
        RUN pacman -Syu --noconfirm --needed base-devel git
        """,
        "pacman",
    ),
    entry(
        "pacman-user",
        "pacman-cache",
        r"""
        FROM archlinux
        RUN pacman -Sy --noconfirm sudo \
            && useradd -m app && echo "app ALL=(ALL) NOPASSWD: ALL" > /etc/sudoers.d/app \
            && su app -c "git clone https://aur.archlinux.org/yay.git /tmp/build && cd /tmp/build && tool1 -si --noconfirm"
        """,
        "pacman",
    ),
    entry(
        "conda-environment",
        "conda-packages",
        r"""
        FROM continuumio/miniconda3
        RUN conda env create -f /app/environment.yml && echo "conda activate app" >> ~/.bashrc
        """,
        "conda",
    ),
    entry(
        "conda-channels",
        "conda-packages",
        r"""
        FROM continuumio/miniconda3
        RUN conda install -y -c conda-forge "numpy>=1.26" scipy; \
            conda list
        """,
        "conda",
    ),
)
