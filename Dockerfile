# layerscope in a container:
#   docker build -t layerscope .
#   docker run --rm -it -v /var/run/docker.sock:/var/run/docker.sock layerscope IMAGE
# docs/container.md shows more, and how little it may do.

# An image with Python 3.11 or newer, its module venv and libstdc++.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
COPY pyproject.toml README.md LICENSE /source/
COPY layerscope /source/layerscope
COPY man /source/man
# pip stays here. So do bytecode, which /cache keeps, and what numpy brings for its own tests and for C compilers.
RUN python3 -m venv /pip \
    && python3 -m venv --without-pip /opt/layerscope \
    && /pip/bin/pip --python /opt/layerscope/bin/python install --no-cache-dir --no-compile /source \
    && find /opt/layerscope \( -name tests -o -name include -o -name '*.a' -o -name '*.pyi' \) -prune -exec rm -rf {} + \
    && mkdir -p /image/opt \
    && mkdir -m 1777 /image/cache \
    && mv /opt/layerscope /image/opt/

# Root, since the socket of Docker is root's; --user works as well.
FROM ${BASE}
COPY --from=build /image /
ENV PATH=/opt/layerscope/bin:$PATH \
    LANG=C.UTF-8 \
    TERM=xterm-256color \
    LAYERSCOPE_CACHE_DIR=/cache/layerscope \
    PYTHONPYCACHEPREFIX=/cache/python
WORKDIR /work
ENTRYPOINT ["layerscope"]
