"""Python and pip, as the second layer installs them: a table for `packages.parse`."""

from __future__ import annotations

PYTHON_PACKAGES = """\
libexpat1 2.5.0-1+deb12u1 libs optional XML parsing C library - runtime library
  usr/lib/x86_64-linux-gnu/ libexpat.so.1.8.10*27 libexpat.so.1>libexpat.so.1.8.10
    libexpatw.so.1.8.10*27 libexpatw.so.1>libexpatw.so.1.8.10
libsqlite3-0 3.40.1-2+deb12u2 libs optional SQLite 3 shared library
  usr/lib/x86_64-linux-gnu/ libsqlite3.so.0.8.6*118 libsqlite3.so.0>libsqlite3.so.0.8.6
readline-common 8.2-1.3 utils optional GNU readline and history libraries, common files
  usr/share/readline/ inputrc*2
libreadline8 8.2-1.3 libs optional GNU readline and history libraries, run-time libraries
  usr/lib/x86_64-linux-gnu/ libhistory.so.8.2*12 libhistory.so.8>libhistory.so.8.2
    libreadline.so.8.2*45 libreadline.so.8>libreadline.so.8.2
libncursesw6 6.4-4 libs optional shared libraries for terminal handling (wide character support)
  usr/lib/x86_64-linux-gnu/ libformw.so.6.4*16 libformw.so.6>libformw.so.6.4 libmenuw.so.6.4
    libmenuw.so.6>libmenuw.so.6.4 libncursesw.so.6.4*33 libncursesw.so.6>libncursesw.so.6.4
    libpanelw.so.6.4 libpanelw.so.6>libpanelw.so.6.4
libtirpc-common 1.3.3+ds-1 libs optional transport-independent RPC library - common files
  etc/ netconfig
libkrb5support0 1.20.1-2+deb12u3 libs optional MIT Kerberos runtime libraries - Support library
  usr/lib/x86_64-linux-gnu/ libkrb5support.so.0.1*12 libkrb5support.so.0>libkrb5support.so.0.1
libk5crypto3 1.20.1-2+deb12u3 libs optional MIT Kerberos runtime libraries - Crypto Library
  usr/lib/x86_64-linux-gnu/ libk5crypto.so.3.1*28 libk5crypto.so.3>libk5crypto.so.3.1
libkeyutils1 1.6.3-2 libs optional Linux Key Management Utilities (library)
  usr/lib/x86_64-linux-gnu/ libkeyutils.so.1.10 libkeyutils.so.1>libkeyutils.so.1.10
libkrb5-3 1.20.1-2+deb12u3 libs optional MIT Kerberos runtime libraries
  usr/lib/x86_64-linux-gnu/ libkrb5.so.3.3*84 libkrb5.so.3>libkrb5.so.3.3
  usr/lib/x86_64-linux-gnu/krb5/plugins/preauth/ spake.so*17
libgssapi-krb5-2 1.20.1-2+deb12u3 libs optional MIT Kerberos runtime libraries - krb5 GSS-API
  usr/lib/x86_64-linux-gnu/ libgssapi_krb5.so.2.2*43 libgssapi_krb5.so.2>libgssapi_krb5.so.2.2
libtirpc3 1.3.3+ds-1 libs optional transport-independent RPC library
  usr/lib/x86_64-linux-gnu/ libtirpc.so.3.0.0*29 libtirpc.so.3>libtirpc.so.3.0.0
libnsl2 1.3.0-2 libs optional Public client interface for NIS(YP) and NIS+
  usr/lib/x86_64-linux-gnu/ libnsl.so.2.0.1*18 libnsl.so.2>libnsl.so.2.0.1
libssl3 3.0.18-1~deb12u2 libs optional Secure Sockets Layer toolkit - shared libraries
  usr/lib/x86_64-linux-gnu/ libcrypto.so.3*268 libssl.so.3*71
  usr/lib/x86_64-linux-gnu/engines-3/ afalg.so loader_attic.so*12 padlock.so
  usr/lib/x86_64-linux-gnu/ossl-modules/ legacy.so*22
openssl 3.0.18-1~deb12u2 utils optional Secure Sockets Layer toolkit - cryptographic utility
  etc/ssl/ openssl.cnf*4
  usr/bin/ c_rehash%4 openssl*90
  usr/lib/ssl/ cert.pem>/etc/ssl/certs/ca-certificates.crt certs>/etc/ssl/certs
    openssl.cnf>/etc/ssl/openssl.cnf private>/etc/ssl/private
  usr/lib/ssl/misc/ CA.pl*5 tsget.pl*4 tsget>tsget.pl
media-types 10.0.0 net standard List of standard media types and their usual file extension
  etc/ mime.types*14
  usr/share/bug/media-types/ presubj
libpython3.11-minimal 3.11.2-6+deb12u6 python optional Minimal subset of the Python language
  etc/python3.11/ sitecustomize.py
  usr/lib/python3.11/ __future__.py*3 _collections_abc.py*7 _compat_pickle.py*4 _py_abc.py*4
    _sitebuiltins.py*3 _strptime.py*6 _sysconfigdata__x86_64-linux-gnu.py*9 _threading_local.py*4
    _weakrefset.py*3 abc.py*4 argparse.py*14 ast.py*12 base64.py*6 bisect.py*3 calendar.py*6
    codecs.py*8 compileall.py*6 contextlib.py*7 copy.py*4 copyreg.py*4 csv.py*5 datetime.py*14
    dis.py*7 enum.py*14 filecmp.py*4 fnmatch.py*3 functools.py*8 genericpath.py*3 getopt.py*4
    glob.py*4 hashlib.py*4 heapq.py*6 imp.py*4 inspect.py*14 io.py*3 ipaddress.py*14 keyword.py
    linecache.py*3 locale.py*14 opcode.py*4 operator.py*4 optparse.py*12 os.py*9 pathlib.py*10
    pickle.py*12 pkgutil.py*6 platform.py*9 posixpath.py*5 py_compile.py*4 quopri.py*4 random.py*7
    reprlib.py*3 runpy.py*5 selectors.py*6 signal.py*2 site.py*6
    sitecustomize.py>/etc/python3.11/sitecustomize.py socket.py*8 ssl.py*11 stat.py*3 string.py*4
    stringprep.py*5 struct.py subprocess.py*14 sysconfig.py*7 tempfile.py*8 textwrap.py*6
    threading.py*11 token.py*2 tokenize.py*7 traceback.py*8 tracemalloc.py*5 types.py*4
    typing.py*14 uu.py*4 warnings.py*6 weakref.py*6 zipfile.py*14 zipimport.py*7
  usr/lib/python3.11/collections/ __init__.py*10 abc.py
  usr/lib/python3.11/email/ __init__.py _encoded_words.py*4 _header_value_parser.py*14
    _parseaddr.py*5 _policybase.py*5 architecture.rst*4 base64mime.py*3 charset.py*5
    contentmanager.py*4 encoders.py errors.py*3 feedparser.py*6 generator.py*6 header.py*6
    headerregistry.py*6 iterators.py*2 message.py*10 parser.py*3 policy.py*4 quoprimime.py*4
    utils.py*5
  usr/lib/python3.11/email/mime/ __init__.py application.py audio.py*2 base.py image.py*3
    message.py multipart.py nonmultipart.py text.py
  usr/lib/python3.11/encodings/ __init__.py*3 aliases.py*5 ascii.py base64_codec.py big5.py
    bz2_codec.py*2 charmap.py*2 cp037.py*5 gb18030.py gb2312.py gbk.py hex_codec.py idna.py*4
    iso8859_1.py*5 iso8859_10.py*5 iso8859_11.py*4 iso8859_13.py*5 iso8859_14.py*5 iso8859_15.py*5
    iso8859_16.py*5 iso8859_2.py*5 iso8859_3.py*5 iso8859_4.py*5 iso8859_5.py*5 iso8859_6.py*4
    iso8859_7.py*5 iso8859_8.py*4 iso8859_9.py*5 latin_1.py mbcs.py oem.py punycode.py*4
    quopri_codec.py raw_unicode_escape.py rot_13.py*2 undefined.py unicode_escape.py utf_16.py*3
    utf_16_be.py utf_16_le.py utf_32.py*3 utf_32_be.py utf_32_le.py utf_7.py utf_8.py
    utf_8_sig.py*3 uu_codec.py*2 zlib_codec.py*2
  usr/lib/python3.11/importlib/ __init__.py*4 _abc.py _bootstrap.py*10 _bootstrap_external.py*13
    abc.py*4 machinery.py readers.py simple.py util.py*4
  usr/lib/python3.11/importlib/metadata/ __init__.py*7 _adapters.py _collections.py
    _functools.py*2 _itertools.py*2 _meta.py _text.py*2
  usr/lib/python3.11/importlib/resources/ __init__.py _adapters.py*3 _common.py*2 _itertools.py
    _legacy.py*3 abc.py*3 readers.py*3 simple.py*2
  usr/lib/python3.11/lib-dynload/ _hashlib.cpython-311-x86_64-linux-gnu.so*14
    _ssl.cpython-311-x86_64-linux-gnu.so*31
  usr/lib/python3.11/logging/ __init__.py*14 config.py*8 handlers.py*12
  usr/lib/python3.11/re/ __init__.py*5 _casefix.py*3 _compiler.py*7 _constants.py*3 _parser.py*9
  usr/lib/python3.11/urllib/ __init__.py error.py*2 parse.py*9 request.py*14 response.py*2
    robotparser.py*4
python3.11-minimal 3.11.2-6+deb12u6 python optional Minimal subset of the Python language
  usr/bin/ python3.11*345
  usr/lib/binfmt.d/ python3.11.conf
python3-minimal 3.11.2-1+b1 python optional minimal subset of the Python language (default
  usr/bin/ py3clean~4 py3compile~5 py3versions>../share/python3/py3versions.py python3>python3.11
  usr/share/python3/debpython/ __init__.py*2 files.py*3 interpreter.py*5 option.py*2 version.py*5
libpython3.11-stdlib 3.11.2-6+deb12u6 python optional Interactive high-level object-oriented
  usr/lib/python3.11/ EXTERNALLY-MANAGED LICENSE.txt*5 __hello__.py _bootsubprocess.py*2
    _compression.py*3 _markupbase.py*5 _osx_support.py*6 _pydecimal.py*14 _pyio.py*14 bdb.py*7
    bz2.py*4 cProfile.py*4 cgi.py*8 chunk.py*3 cmd.py*5 code.py*4 codeop.py*3 colorsys.py*3
    contextvars.py crypt.py*3 dataclasses.py*11 decimal.py difflib.py*14 doctest.py*14
    fileinput.py*5 fractions.py*7 ftplib.py*8 getpass.py*3 gettext.py*6 graphlib.py*4 gzip.py*6
    hmac.py*4 imaplib.py*11 lzma.py*5 mailbox.py*14 mimetypes.py*6 modulefinder.py*6 netrc.py*4
    ntpath.py*7 numbers.py*4 pdb.py*12 pickletools.py*14 pipes.py*4 plistlib.py*7 poplib.py*5
    pprint.py*6 profile.py*6 pstats.py*7 pty.py*3 pyclbr.py*4 pydoc.py*14 queue.py*4
    rlcompleter.py*4 sched.py*4 secrets.py*2 shelve.py*4 shlex.py*5 shutil.py*11 smtpd.py*7
    smtplib.py*9 socketserver.py*7 statistics.py*10 symtable.py*4 tabnanny.py*4 tarfile.py*14
    this.py timeit.py*5 trace.py*7 tty.py uuid.py*7 wave.py*6 webbrowser.py*6 xdrlib.py*3
    zipapp.py*4
  usr/lib/python3.11/asyncio/ __init__.py __main__.py*3 base_events.py*14 base_futures.py*2
    base_subprocess.py*4 base_tasks.py*2 constants.py coroutines.py*3 events.py*7 exceptions.py
    format_helpers.py*2 futures.py*5 locks.py*5 log.py mixins.py proactor_events.py*8
    protocols.py*4 queues.py*4 runners.py*4 selector_events.py*9 sslproto.py*7 staggered.py*3
    streams.py*7 subprocess.py*4 taskgroups.py*4 tasks.py*8 threads.py timeouts.py*3
    transports.py*4 trsock.py*2 unix_events.py*10
  usr/lib/python3.11/concurrent/ __init__.py
  usr/lib/python3.11/concurrent/futures/ __init__.py _base.py*6 process.py*8 thread.py*4
  usr/lib/python3.11/ctypes/ __init__.py*5 _endian.py*2 util.py*5 wintypes.py*3
  usr/lib/python3.11/html/ __init__.py*3 entities.py*14 parser.py*5
  usr/lib/python3.11/http/ __init__.py*4 client.py*11 cookiejar.py*14 cookies.py*6 server.py*10
  usr/lib/python3.11/json/ __init__.py*5 decoder.py*4 encoder.py*5 scanner.py*2 tool.py*3
  usr/lib/python3.11/lib-dynload/ _asyncio.cpython-311-x86_64-linux-gnu.so*15
    _bz2.cpython-311-x86_64-linux-gnu.so _codecs_cn.cpython-311-x86_64-linux-gnu.so*25
    _codecs_hk.cpython-311-x86_64-linux-gnu.so*26 _codecs_iso2022.cpython-311-x86_64-linux-gnu.so
    _codecs_jp.cpython-311-x86_64-linux-gnu.so*37 _codecs_kr.cpython-311-x86_64-linux-gnu.so*24
    _codecs_tw.cpython-311-x86_64-linux-gnu.so*20 _contextvars.cpython-311-x86_64-linux-gnu.so*5
    _crypt.cpython-311-x86_64-linux-gnu.so*5 _ctypes.cpython-311-x86_64-linux-gnu.so*23
    _curses.cpython-311-x86_64-linux-gnu.so*21 _curses_panel.cpython-311-x86_64-linux-gnu.so
    _dbm.cpython-311-x86_64-linux-gnu.so _decimal.cpython-311-x86_64-linux-gnu.so*41
    _json.cpython-311-x86_64-linux-gnu.so _lsprof.cpython-311-x86_64-linux-gnu.so
    _lzma.cpython-311-x86_64-linux-gnu.so _multibytecodec.cpython-311-x86_64-linux-gnu.so*12
    _multiprocessing.cpython-311-x86_64-linux-gnu.so _posixshmem.cpython-311-x86_64-linux-gnu.so*5
    _queue.cpython-311-x86_64-linux-gnu.so _sqlite3.cpython-311-x86_64-linux-gnu.so*23
    _typing.cpython-311-x86_64-linux-gnu.so*5 _uuid.cpython-311-x86_64-linux-gnu.so*5
    _zoneinfo.cpython-311-x86_64-linux-gnu.so audioop.cpython-311-x86_64-linux-gnu.so*13
    mmap.cpython-311-x86_64-linux-gnu.so nis.cpython-311-x86_64-linux-gnu.so
    ossaudiodev.cpython-311-x86_64-linux-gnu.so readline.cpython-311-x86_64-linux-gnu.so
    resource.cpython-311-x86_64-linux-gnu.so termios.cpython-311-x86_64-linux-gnu.so
  usr/lib/python3.11/multiprocessing/ __init__.py connection.py*7 context.py*4 forkserver.py*4
    heap.py*4 managers.py*10 pool.py*8 popen_fork.py*2 popen_forkserver.py*2
    popen_spawn_posix.py*2 process.py*4 queues.py*4 reduction.py*4 resource_sharer.py*3
    resource_tracker.py*4 shared_memory.py*5 sharedctypes.py*4 spawn.py*4 synchronize.py*4
    util.py*5
  usr/lib/python3.11/multiprocessing/dummy/ __init__.py*2 connection.py
  usr/lib/python3.11/sqlite3/ __init__.py*2 dbapi2.py*3 dump.py*3
  usr/lib/python3.11/tomllib/ __init__.py _parser.py*6 _re.py*2 _types.py
  usr/lib/python3.11/unittest/ __init__.py*3 __main__.py _log.py*2 async_case.py*3 case.py*11
    loader.py*6 main.py*4 mock.py*14 result.py*4 runner.py*4 signals.py*2 suite.py*5 util.py*3
  usr/lib/python3.11/venv/ __init__.py*7 __main__.py
  usr/lib/python3.11/venv/scripts/common/ Activate.ps1*4 activate*2
  usr/lib/python3.11/venv/scripts/posix/ activate.csh activate.fish*2
  usr/lib/python3.11/xml/ __init__.py
  usr/lib/python3.11/xml/dom/ NodeFilter.py __init__.py*3 domreg.py*3 expatbuilder.py*8
    minicompat.py*3 minidom.py*13 pulldom.py*4 xmlbuilder.py*4
  usr/lib/python3.11/xml/etree/ ElementInclude.py*4 ElementPath.py*5 ElementTree.py*14 __init__.py
    cElementTree.py
  usr/lib/python3.11/xml/parsers/ __init__.py expat.py
  usr/lib/python3.11/xml/sax/ __init__.py*3 _exceptions.py*3 expatreader.py*5 handler.py*5
    saxutils.py*4 xmlreader.py*5
  usr/lib/python3.11/xmlrpc/ __init__.py client.py*10 server.py*8
  usr/lib/python3.11/zoneinfo/ __init__.py _common.py*3 _tzpath.py*3 _zoneinfo.py*6
python3.11 3.11.2-6+deb12u6 python optional Interactive high-level object-oriented language
  usr/bin/ pdb3.11>../lib/python3.11/pdb.py pydoc3.11~ pygettext3.11~6
libpython3-stdlib 3.11.2-1+b1 python optional interactive high-level object-oriented language
python3 3.11.2-1+b1 python optional interactive high-level object-oriented language (default
  usr/bin/ pdb3>pdb3.11 pydoc3>pydoc3.11 pygettext3>pygettext3.11
  usr/share/python3/runtime.d/ public_modules.rtinstall~ public_modules.rtremove~
python3-distutils 3.11.2-3 python optional distutils package for Python 3.x
python3-lib2to3 3.11.2-3 python optional Interactive high-level object-oriented language (lib2to3)
python3-pkg-resources 66.1.1-1+deb12u2 python optional Package Discovery and Resource Access
  usr/lib/python3/dist-packages/pkg_resources/ __init__.py*14
python3-setuptools 66.1.1-1+deb12u2 python optional Python3 Distutils Enhancements
  usr/lib/python3/dist-packages/ distutils-precedence.pth
  usr/lib/python3/dist-packages/setuptools/ __init__.py*4 build_meta.py*6 dep_util.py depends.py*3
    discovery.py*6 dist.py*9 errors.py*2 extension.py*3 wheel.py*4
  usr/lib/python3/dist-packages/setuptools-66.1.1.egg-info/ PKG-INFO*3 dependency_links.txt
    entry_points.txt*2 top_level.txt
  usr/lib/python3/dist-packages/setuptools/command/ __init__.py build.py*4 build_clib.py*3
    build_ext.py*5 build_py.py*5 sdist.py*4
python3-wheel 0.38.4-2 python optional built-package format for Python
  usr/lib/python3/dist-packages/wheel/ __init__.py __main__.py _setuptools_logging.py
    bdist_wheel.py*5 macosx_libfile.py*5 metadata.py*3 util.py wheelfile.py*4
  usr/lib/python3/dist-packages/wheel-0.38.4.egg-info/ PKG-INFO*2 dependency_links.txt
    entry_points.txt not-zip-safe requires.txt top_level.txt
  usr/lib/python3/dist-packages/wheel/cli/ __init__.py*2 convert.py*4 pack.py*3 unpack.py
python3-pip 23.0.1+dfsg-1 python optional Python package installer
  usr/bin/ pip3.11~ pip3~ pip~
  usr/lib/python3/dist-packages/pip/ __init__.py __main__.py __pip-runner__.py py.typed
  usr/lib/python3/dist-packages/pip-23.0.1.dist-info/ METADATA*3 RECORD*9 WHEEL entry_points.txt
    top_level.txt
  usr/lib/python3/dist-packages/pip/_internal/ __init__.py build_env.py*4 cache.py*4
    configuration.py*5 exceptions.py*6 main.py pyproject.py*4 self_outdated_check.py*4
    wheel_builder.py*5
  usr/lib/python3/dist-packages/pip/_internal/cli/ __init__.py autocompletion.py*4
    base_command.py*4 cmdoptions.py*7 command_context.py main.py*2 main_parser.py*3 parser.py*4
    progress_bars.py*2 req_command.py*5 spinners.py*3 status_codes.py
  usr/lib/python3/dist-packages/pip/_internal/commands/ __init__.py*3 download.py*3 freeze.py*2
    install.py*7 list.py*4 show.py*4
  usr/lib/python3/dist-packages/pip/_internal/index/ __init__.py collector.py*5
    package_finder.py*8 sources.py*4
  usr/lib/python3/dist-packages/pip/_internal/network/ __init__.py auth.py*5 cache.py*2
    download.py*4 lazy_wheel.py*4 session.py*5 utils.py*3 xmlrpc.py
  usr/lib/python3/dist-packages/pip/_internal/req/ __init__.py*2 constructors.py*5 req_file.py*5
    req_install.py*8 req_set.py*2 req_uninstall.py*6
  usr/lib/python3/dist-packages/pip/_internal/utils/ __init__.py _log.py appdirs.py compat.py*2
    compatibility_tags.py*3 datetime.py deprecation.py*3 direct_url_helpers.py*3 distutils_args.py
    egg_link.py*2 encoding.py entrypoints.py*2 filesystem.py*3 filetypes.py glibc.py*2 hashes.py*3
    inject_securetransport.py logging.py*4 misc.py*6 models.py packaging.py*2
    setuptools_build.py*3 subprocess.py*4 temp_dir.py*4 unpacking.py*4 urls.py virtualenv.py*3
    wheel.py*3
  usr/lib/python3/dist-packages/pip/_vendor/ __init__.py*3
  usr/lib/python3/dist-packages/pip/_vendor/certifi/ __init__.py __main__.py core.py*3
  usr/lib/python3/dist-packages/pip/_vendor/requests/ __init__.py*3 __version__.py
    _internal_utils.py adapters.py*6 api.py*4 auth.py*4 certs.py compat.py cookies.py*5
    exceptions.py*3 help.py*3 hooks.py models.py*8 packages.py sessions.py*7 status_codes.py*3
    structures.py*2 utils.py*8
  usr/lib/python3/dist-packages/pip/_vendor/urllib3/ __init__.py*3 _collections.py*4 _version.py
    connection.py*6 connectionpool.py*8 exceptions.py*4 fields.py*4 filepost.py*2 poolmanager.py*6
    request.py*3 response.py*7
"""
