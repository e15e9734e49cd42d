"""Recognizes files that are not images by their first bytes, with a hint for each kind.

Magic numbers are those of file(1) (magic/Magdir) and of each format's own specification.
"""

from __future__ import annotations

import html
import re

from msgspec import Struct

from layerscope.layers.compression import sniff
from layerscope.layers.tarheader import BLOCK
from layerscope.sources.kinds import OPENS, quoted
from layerscope.sources.kinds.documents import describe_json

DESCRIBED = 1 << 20
"""Number of first bytes to inspect."""
_LONGEST_EMPTY_TAR = 20 * BLOCK
"""Size in bytes of an empty archive as written by GNU tar."""
_SHOWN = 8
"""Number of bytes shown of an unknown file."""

_PACK = "open it from a tar: tar -C DIR -cf - . | layerscope -"
_DISK = f"mount it, then {_PACK}"
_GUEST = f"mount it (guestmount), then {_PACK}"
_LOG_IN = "download it again; the server may want a login"
_BUILD = "build it first: layerscope build DIR"
_SAVE_AGAIN = "save the image again: docker save -o FILE IMAGE"
_DECRYPT = "decrypt it first"
_UNPACK_ONCE = "it was compressed twice: decompress it once and open the result"


class FileKind(Struct, frozen=True):
    """A kind of file that is not an image."""

    name: str
    """With its article."""
    starts: bytes
    """Regular expression that the first bytes match; `.` matches any byte."""
    hint: str = OPENS


BINARY = (
    FileKind("an lz4 stream", rb"\x04\x22\x4d\x18|[\x02\x03]\x21\x4c\x18", "decompress it first: lz4 -dc FILE | layerscope -"),
    FileKind("an lzip stream", rb"LZIP[\x00\x01]", "decompress it first: lzip -dc FILE | layerscope -"),
    FileKind("an lzop stream", rb"\x89LZO\x00\r\n\x1a\n", "decompress it first: lzop -dc FILE | layerscope -"),
    FileKind("an lrzip stream", rb"LRZI[\x00-\x09]", "decompress it first: lrzip -d FILE"),
    FileKind("an LZMA stream", rb"\x5d\x00\x00.{2}(?:\xff{8}|.{5}\x00{3})", "decompress it first: xz --format=lzma -dc FILE | layerscope -"),
    FileKind("a stream of compress(1)", rb"\x1f\x9d[\x80-\x90]", "decompress it first: zcat FILE | layerscope -"),
    FileKind("a pack(1) file", rb"\x1f\x1e[\x00-\x0f]", "decompress it first: zcat FILE | layerscope -"),
    FileKind("a snappy stream", rb"\xff\x06\x00\x00sNaPpY", "decompress it first: snzip -dc FILE | layerscope -"),
    FileKind("a zip archive", rb"PK(?:\x03\x04|\x05\x06|\x07\x08)", "unpack it and open what it holds: unzip FILE"),
    FileKind("a 7z archive", rb"7z\xbc\xaf\x27\x1c", "unpack it and open what it holds: 7z x FILE"),
    FileKind("a RAR archive", rb"Rar!\x1a\x07", "unpack it and open what it holds: unrar x FILE"),
    FileKind("an ARJ archive", rb"\x60\xea.{6}[\x00-\x10]", "unpack it and open what it holds"),
    FileKind("a cabinet file", rb"MSCF\x00{4}", "unpack it and open what it holds: cabextract FILE"),
    FileKind("a xar archive", rb"xar!\x00\x1c", "unpack it and open what it holds: xar -xf FILE"),
    FileKind("a Windows image (WIM)", rb"MSWIM\x00{3}", f"mount it with DISM or wimlib, then {_PACK}"),
    FileKind("a cpio archive", rb"07070[127][0-9a-fA-F]{6}|(?:\xc7\x71|\x71\xc7).{4}", "repack it as a tar: bsdtar -cf - @FILE | layerscope -"),
    FileKind("a Debian package", rb"!<arch>\ndebian-binary", "open its files: dpkg-deb --fsys-tarfile FILE | layerscope -"),
    FileKind("an ar archive", rb"!<(?:arch|thin)>\n"),
    FileKind("an RPM package", rb"\xed\xab\xee\xdb", "open its files: rpm2archive -n - < FILE | layerscope -"),
    FileKind("a Singularity image (SIF)", rb"(?:.{32})?SIF_MAGIC\x00", f"it has no layers: apptainer build --sandbox DIR FILE, then {_PACK}"),
    FileKind("a squashfs filesystem", rb"hsqs|sqsh|shsq|qshs", f"it has no layers: unsquashfs -d DIR FILE, then {_PACK}"),
    FileKind("an EROFS filesystem", rb".{1024}\xe2\xe1\xf5\xe0", f"it has no layers: fsck.erofs --extract=DIR FILE, then {_PACK}"),
    FileKind("a cramfs filesystem", rb"\x45\x3d\xcd\x28|\x28\xcd\x3d\x45", _DISK),
    FileKind("a romfs filesystem", rb"-rom1fs-", _DISK),
    FileKind("an ext2, ext3 or ext4 filesystem", rb".{1080}\x53\xef[\x00-\x07]\x00", _DISK),
    FileKind("an XFS filesystem", rb"XFSB\x00\x00", _DISK),
    FileKind("a btrfs filesystem", rb".{65600}_BHRfS_M", _DISK),
    FileKind("a btrfs send stream", rb"btrfs-stream\x00"),
    FileKind("an F2FS filesystem", rb".{1024}\x10\x20\xf5\xf2", _DISK),
    FileKind("a LUKS encrypted disk", rb"(?:LUKS|SKUL)\xba\xbe", f"unlock it, {_DISK}"),
    FileKind("an ISO 9660 image", rb".{32769}CD001", f"mount it, or bsdtar -xf FILE -C DIR, then {_PACK}"),
    FileKind("a qcow2 disk image", rb"QFI\xfb", _GUEST),
    FileKind("a VMDK disk image", rb"KDMV|COWD|# Disk DescriptorFile", _GUEST),
    FileKind("a VHDX disk image", rb"vhdxfile", _GUEST),
    FileKind("a VHD disk image", rb"conectix", _GUEST),
    FileKind("a VDI disk image", rb".{64}\x7f\x10\xda\xbe", _GUEST),
    FileKind("a partitioned disk image", rb".{512}EFI PART|.{446}[\x00\x80].{63}\x55\xaa", _DISK),
    FileKind("an ELF program or library", rb"\x7fELF"),
    FileKind("a WebAssembly module", rb"\x00asm", "only images with layers have files to explore"),
    FileKind("a Mach-O program", rb"\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe"),
    FileKind("a Java class or Mach-O program", rb"\xca\xfe\xba\xbe"),
    FileKind("a Windows program", rb"MZ.{58}"),
    FileKind("a PDF document", rb"%PDF-"),
    FileKind("a picture", rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP|BM.{4}\x00{4}"),
    FileKind("an SQLite database", rb"SQLite format 3\x00"),
    FileKind("a bolt database", rb".{16}\xed\xda\x0c\xed", "a store is opened by its engine's scheme: containerd://NAME --store-root DIR"),
    FileKind("a GGUF model", rb"GGUF[\x01-\x0f]\x00\x00\x00"),
    FileKind("a Git bundle", rb"# v[23] git bundle\n"),
    FileKind("a Git pack", rb"PACK\x00{3}[\x02\x03]"),
    FileKind("a file encrypted with age", rb"age-encryption\.org/|-----BEGIN AGE ", f"{_DECRYPT}: age -d FILE | layerscope -"),
    FileKind("a PGP message", rb"-----BEGIN PGP MESSAGE", f"{_DECRYPT}: gpg -d FILE | layerscope -"),
    FileKind("a file encrypted with openssl", rb"Salted__", _DECRYPT),
    FileKind("a file encrypted with Ansible Vault", rb"\$ANSIBLE_VAULT;", f"{_DECRYPT}: ansible-vault view FILE"),
    FileKind("an archive damaged by a conversion to text", rb"\x1f\xef\xbf\xbd|\x28\xef\xbf\xbd\x2f\xef\xbf\xbd", _SAVE_AGAIN),
    FileKind("UTF-16 text, as > in PowerShell writes it", rb"\xff\xfe|\xfe\xff", "> in PowerShell damages binary data: docker save -o FILE IMAGE"),
)  # fmt: skip
"""Kinds with magic numbers. The first match counts."""

_XML = rb"(?:<\?xml[^>]*>)?\s*(?><!--.*?-->\s*)*+"
"""What may precede the first element of a page."""

TEXT = (
    FileKind("a Git LFS pointer", rb"version https://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/", "fetch the file itself: git lfs pull"),
    FileKind("a git-annex pointer", rb"(?:\.\./)*(?:\.git)?/?annex/objects/", "fetch the file itself: git annex get FILE"),
    FileKind("a DVC pointer", rb"(?:md5:.*\n)?outs:\s*\n\s*-", "fetch the file itself: dvc pull"),
    FileKind("a Git worktree file", rb"gitdir: "),
    FileKind("an HTML page", rb"(?i)" + _XML + rb"<(?:!doctype\s+html|html|head|body|title|h1|script|meta)\b", _LOG_IN),
    FileKind("an XML error", _XML + rb"<(?:\w+:)?(?:Error|ErrorResponse|Fault|Envelope)\b", _LOG_IN),
    FileKind("an SVG picture", _XML + rb"(?:<!DOCTYPE svg[^>]*>\s*)?<svg\b"),
    FileKind("an XML document", rb"<\?xml\s"),
    FileKind("an HTTP response with its headers", rb"HTTP/[0-9.]+ [0-9]{3}", "save the body alone: curl without -i"),
    FileKind("an error message", rb"(?i)(?:error[: ]|fata(?:l[: ]|\[)|cannot connect to|unable to find image|unauthorized|forbidden|not found|access denied|no such |permission denied|bad gateway|gateway time|service unavailable|upstream connect error|(?:http )?(?:error )?[45][0-9]{2}[: ]|time=\S+ level=(?:fatal|error))", _SAVE_AGAIN),
    FileKind("a shell script", rb"#![^\n]*\b(?:ba|da|z|k|a)?sh\b"),
    FileKind("a script", rb"#!"),
    FileKind("an image ID", rb"(?:[a-z0-9./:_-]+@)?sha256:[0-9a-f]{64}\s*\Z", "open the image by it: layerscope sha256:…"),
    FileKind("a list of checksums", rb"(?:[0-9a-f]{32,128}|SHA(?:256|512) \([^\n]*\) =) [ *]?\S"),
    FileKind("a gzip stream in base64", rb"H4sI[A-Za-z0-9+/]", "decode it first: base64 -d FILE | layerscope -"),
    FileKind("a signature or key in PEM", rb"-----BEGIN "),
    FileKind("a Dockerfile", rb"(?i)(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*(?:FROM[ \t]+\S|ARG[ \t]+\w+(?:=|[ \t]*\n))", _BUILD),
    FileKind("a Compose file", rb"(?:(?:#[^\n]*|name:[^\n]*|version:[^\n]*|x-[^\n]*)?\n)*services:\s", "name one of its images: layerscope NAME"),
    FileKind("a Kubernetes manifest", rb"(?:(?:#[^\n]*|---)?\n)*(?:apiVersion|kind):\s", "name one of its images: layerscope NAME"),
    FileKind("an SPDX document", rb"SPDXVersion:"),
)  # fmt: skip
"""Kinds of text; leading white space is ignored. The first match counts."""

_DETAILS = {
    "an HTML page": rb"<title[^>]*>(.{0,400}?)</title",
    "an XML error": rb"<(?:\w+:)?(?:Message|faultstring|Text)\b[^>]*>(.{0,400}?)</",
    "an HTTP response with its headers": rb"([^\r\n]*)",
    "an error message": rb"([^\r\n]*)",
}
"""The quoted part of a text: the first group."""
_SEARCHED = 16 << 10
"""Number of bytes to search for it."""


def describe(data: bytes, *, whole: bool, inside: str | None) -> tuple[str, str]:
    """A description that follows the file's name, and a hint, for a file that is not a tar.

    `data` are its first bytes, at most `DESCRIBED`; `whole` if the file has no more. `inside` is the compression around them.
    """
    what, hint = _kind(data, whole=whole)
    where = f"the {inside} stream holds" if inside else "the file is"
    return f"{where} {what}", hint


def _kind(data: bytes, *, whole: bool) -> tuple[str, str]:
    if not data:
        return "nothing", "check that the image was saved completely"
    if not data.strip(b"\0"):
        if whole and len(data) <= _LONGEST_EMPTY_TAR:
            return "an empty tar, without an image", OPENS
        return "not an image: it begins with zeros", OPENS
    if (compression := sniff(data)) is not None:
        return f"a second compressed stream ({compression.name}), not a tar", _UNPACK_ONCE
    if data[257:262] == b"ustar":
        if whole and len(data) < BLOCK:
            return f"a tar archive, truncated after {len(data)} bytes", _SAVE_AGAIN
        return "a damaged tar archive: bad checksum in the first header", _SAVE_AGAIN
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    for kind, start in (
        (kind, start) for start, table in ((data, BINARY), (text, TEXT)) for kind in table
    ):
        if re.match(kind.starts, start, re.DOTALL):
            return f"{kind.name}, not an image{_detail(kind, start)}", kind.hint
    if text[:1] in (b"{", b"["):
        return describe_json(text, whole=whole)
    if _is_text(text):
        return f"text, not an image{_words(text.splitlines()[0])}", OPENS
    first = data[:_SHOWN].hex(" ")
    return f"data in an unknown format (it starts with {first})", OPENS


def _detail(kind: FileKind, text: bytes) -> str:
    """The title of a page, or the message of an error."""
    pattern = _DETAILS.get(kind.name)
    match = (
        None if pattern is None else re.search(pattern, text[:_SEARCHED], re.DOTALL | re.IGNORECASE)
    )
    return "" if match is None else _words(match[1])


def _words(data: bytes) -> str:
    """Bytes of a text, quoted."""
    return quoted(html.unescape(data[:_SEARCHED].decode(errors="surrogateescape")))


def _is_text(data: bytes) -> bool:
    """Whether bytes are UTF-8 without control characters; the last character may be cut off."""
    start = data[:_SEARCHED]
    try:
        start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:
            return False
    return bool(start) and not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]", start)
