"""What `pip install -r requirements.txt` leaves: the packages, and a cache of their downloads."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha224, sha256

from layerscope.demo import prose
from layerscope.demo.contents import content
from layerscope.demo.dice import noise
from layerscope.demo.filler import compiled, wheel
from layerscope.demo.packages import Package, parse
from layerscope.demo.tree import Layer

WHEELS = """\
blinker 1.9.0 python optional Fast, simple object-to-object and broadcast signaling
  blinker/ __init__.py _utilities.py*2 base.py*11 py.typed
click 8.3.1 python optional Composable command line interface toolkit
  click/ __init__.py*4 _compat.py*10 _termui_impl.py*18 _textwrap.py*5 _utils.py _winconsole.py*6
    core.py*41 decorators.py*13 exceptions.py*7 formatting.py*7 globals.py*2 parser.py*11 py.typed
    shell_completion.py*14 termui.py*20 testing.py*15 types.py*26 utils.py*12
flask 3.1.3 python optional A simple framework for building complex web applications.
  flask/ __init__.py*3 __main__.py app.py*33 blueprints.py*4 cli.py*20 config.py*8 ctx.py*9
    debughelpers.py*5 globals.py*2 helpers.py*14 logging.py*2 py.typed sessions.py*8 signals.py
    templating.py*6 testing.py*6 typing.py*3 views.py*5 wrappers.py*6
  flask/json/ __init__.py*5 provider.py*6 tag.py*6
  flask/sansio/ README.md app.py*21 blueprints.py*14 scaffold.py*17
gunicorn 23.0.0 python optional WSGI HTTP Server for UNIX
  gunicorn/ __init__.py __main__.py arbiter.py*13 config.py*34 debug.py*2 errors.py glogging.py*8
    pidfile.py*2 reloader.py*4 sock.py*5 systemd.py*2 util.py*11
  gunicorn/app/ __init__.py base.py*5 pasterapp.py*2 wsgiapp.py*2
  gunicorn/http/ __init__.py body.py*5 errors.py*4 message.py*8 parser.py unreader.py*2 wsgi.py*8
  gunicorn/instrument/ __init__.py statsd.py*4
  gunicorn/workers/ __init__.py base.py*6 base_async.py*5 geventlet.py*5 ggevent.py*5 gthread.py*8
    gtornado.py*5 sync.py*5 workertmp.py
itsdangerous 2.2.0 python optional Safely pass data to untrusted environments and back.
  itsdangerous/ __init__.py _json.py encoding.py exc.py*3 py.typed serializer.py*9 signer.py*6
    timed.py*6 url_safe.py*3
jinja2 3.1.6 python optional A very fast and expressive template engine.
  jinja2/ __init__.py*2 _identifier.py*2 async_utils.py*3 bccache.py*8 compiler.py*40
    constants.py debug.py*5 defaults.py environment.py*33 exceptions.py*4 ext.py*18 filters.py*30
    idtracking.py*7 lexer.py*17 loaders.py*14 meta.py*4 nativetypes.py*4 nodes.py*20
    optimizer.py*2 parser.py*22 py.typed runtime.py*19 sandbox.py*8 tests.py*5 utils.py*14
    visitor.py*3
markupsafe 3.0.3 python optional Safely add untrusted strings to HTML/XML markup.
  markupsafe/ __init__.py*8 _native.py _speedups.c*4 _speedups.cpython-311-x86_64-linux-gnu.so*24
    _speedups.pyi py.typed
packaging 26.0 python optional Core utilities for Python packages
  packaging/ __init__.py _elffile.py*3 _manylinux.py*7 _musllinux.py*3 _parser.py*8 _structures.py
    _tokenizer.py*5 markers.py*9 metadata.py*23 py.typed requirements.py*3 specifiers.py*29
    tags.py*16 utils.py*5 version.py*13
python-dotenv 1.2.1 python optional Read key-value pairs from a .env file and set them
  dotenv/ __init__.py*2 __main__.py cli.py*5 ipython.py main.py*8 parser.py*5 py.typed
    variables.py*2 version.py
werkzeug 3.1.6 python optional The comprehensive WSGI web application library.
  werkzeug/ __init__.py _internal.py*5 _reloader.py*9 exceptions.py*15 formparser.py*9
    http.py*26 local.py*13 py.typed security.py*6 serving.py*22 test.py*29 testapp.py*5 urls.py*5
    user_agent.py utils.py*14 wsgi.py*13
  werkzeug/datastructures/ __init__.py*3 accept.py*8 auth.py*6 cache_control.py*6 csp.py*4
    etag.py*3 file_storage.py*5 headers.py*13 mixins.py*6 range.py*6 structures.py*23
  werkzeug/debug/ __init__.py*12 console.py*5 repr.py*6 tbtools.py*8
  werkzeug/debug/shared/ ICON_LICENSE.md console.png debugger.js*6 less.png more.png style.css*5
  werkzeug/middleware/ __init__.py dispatcher.py*3 http_proxy.py*6 lint.py*8 profiler.py*5
    proxy_fix.py*5 shared_data.py*6
  werkzeug/routing/ __init__.py*4 converters.py*6 exceptions.py*4 map.py*20 matcher.py*6
    rules.py*18
  werkzeug/sansio/ __init__.py http.py*5 multipart.py*8 request.py*11 response.py*15 utils.py*6
  werkzeug/wrappers/ __init__.py request.py*14 response.py*18
"""

REQUIREMENTS = "".join(
    f"{package.name}=={package.version}\n"
    for package in parse(WHEELS)
    if package.name in ("flask", "gunicorn", "python-dotenv")
)

_SITE = "usr/local/lib/python3.11/dist-packages/"
_CACHE = "root/.cache/pip/"
_SCRIPT = """\
#!/usr/bin/python3
# -*- coding: utf-8 -*-
import re
import sys
from {module} import {function}
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit({function}())
"""
_PROGRAMS = {
    "dotenv": ("dotenv.__main__", "cli"),
    "flask": ("flask.cli", "main"),
    "gunicorn": ("gunicorn.app.wsgiapp", "run"),
}


def install_wheels(layer: Layer) -> None:
    """Install what the requirements ask for, the way pip does as root."""
    for package in parse(WHEELS):
        size = _install(layer, package)
        _remember(layer, package, size)
    for name, (module, function) in _PROGRAMS.items():
        script = _SCRIPT.format(module=module, function=function)
        layer.file(f"usr/local/bin/{name}", script, 0o755)
    check = json.dumps(
        {"key": "/usr", "last_check": "2026-03-11T09:43:02Z", "pypi_version": "26.0.1"}
    )
    layer.file(f"{_CACHE}selfcheck/{sha224(b'/usr').hexdigest()}", check, 0o600)
    layer.directory("root/.cache", 0o700)


def _install(layer: Layer, package: Package) -> int:
    """Write the files of one wheel; return how many bytes they are."""
    written: dict[str, bytes] = {}
    for each in package.files:
        data = content(_SITE + each.path, each.size)
        written[each.path] = data
        if each.path.endswith(".py"):
            written[cached_path(each.path)] = compiled(data, each.path, layer.mtime)
    info = f"{package.name.replace('-', '_')}-{package.version}.dist-info/"
    written[f"{info}INSTALLER"] = b"pip\n"
    written[f"{info}METADATA"] = (
        f"Metadata-Version: 2.4\nName: {package.name}\nVersion: {package.version}\n"
        f"Summary: {package.summary}\nRequires-Python: >=3.9\n"
        f"Description-Content-Type: text/markdown\n\n{prose.notes(package.name, 1500)}"
    ).encode()
    written[f"{info}WHEEL"] = b"Wheel-Version: 1.0\nGenerator: flit 3.12.0\nTag: py3-none-any\n"
    written[f"{info}licenses/LICENSE.txt"] = prose.licence(f"{package.name} LICENSE", 1400).encode()
    if package.name in REQUIREMENTS:
        written[f"{info}REQUESTED"] = b""
    record = "".join(f"{path},{_digest(data)}\n" for path, data in sorted(written.items()))
    written[f"{info}RECORD"] = f"{record}{info}RECORD,,\n".encode()
    for path, data in written.items():
        layer.file(_SITE + path, data)
    return sum(map(len, written.values()))


def cached_path(path: str) -> str:
    """Where Python 3.11 keeps the compiled form of a module."""
    directory, _, name = path.rpartition("/")
    return f"{directory}/__pycache__/{name.removesuffix('.py')}.cpython-311.pyc"


def _digest(data: bytes) -> str:
    digest = urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={digest},{len(data)}"


def _remember(layer: Layer, package: Package, size: int) -> None:
    """Write pip's cache of the index page and of the download."""
    file = f"{package.name}-{package.version}-py3-none-any.whl"
    answers = {
        f"https://pypi.org/simple/{package.name}/": noise(f"index of {package.name}", 9000),
        f"https://files.pythonhosted.org/packages/{file}": wheel(file, size // 4),
    }
    for url, body in answers.items():
        key = sha224(url.encode()).hexdigest()
        head = b"cc=4,\x82\xa8response\x85\xa4body\xc6" + len(body).to_bytes(4, "big")
        headers = (
            b"\xa7headers\x81\xb3cache-control\xb9max-age=365000000, immutable\xa6status\xcc\xc8"
        )
        path = f"{_CACHE}http/{'/'.join(key[:5])}/{key}"
        layer.file(path, head + body + headers, 0o600)
