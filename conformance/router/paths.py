"""Path normalisation: MeshConfig.pathNormalization as Envoy does it (specification, section 23)."""

from __future__ import annotations

import re

_UNRESERVED = re.compile(r"%(2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])")
_ESCAPED_DIGIT = "%(?:3[0-9]|[46][1-6])"
# A lone percent sign that decoding would make the beginning of an escape, as in %2%41.
_NESTED = re.compile(f"%(?=[0-9A-Fa-f]{_ESCAPED_DIGIT}|{_ESCAPED_DIGIT}(?:[0-9A-Fa-f]|{_ESCAPED_DIGIT}))")
# As of CVE-2026-73551, a `.` or `..` with parameters is one without, unless its dots are encoded.
_DOTS_WITH_PARAMETERS = re.compile(r"/(\.\.?);[^/]*")
_ESCAPED_SLASH = re.compile(r"%(2[Ff]|5[Cc])")
# What a URL may not have in its path, though HTTP lets it through.
_UNSAFE = re.compile(r"[\"<>^`{|}]|[^\x00-\x7f]")


def normalized(path: str, level: str) -> str | None:
    """A path without its query; None if Envoy refuses it, with 400.

    `level` is NONE, BASE (or DEFAULT), MERGE_SLASHES or DECODE_AND_MERGE_SLASHES.
    """
    if level == "NONE":
        return path
    if level == "DECODE_AND_MERGE_SLASHES":
        path = _ESCAPED_SLASH.sub(_decoded, path)
    path = _DOTS_WITH_PARAMETERS.sub(r"/\1", path)
    if "%00" in path:
        return None
    path = _UNRESERVED.sub(_decoded, _NESTED.sub("%25", path.replace("\\", "/")))
    path = _without_dots(_UNSAFE.sub(_encoded, path))
    return _merged(path) if level in {"MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"} else path


def _decoded(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16))


def _encoded(unsafe: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in unsafe[0].encode(errors="surrogateescape"))


def _without_dots(path: str) -> str:
    """Resolves `.` and `..`; what would climb above the root stays there."""
    kept: list[str] = []
    segments = path[1:].split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _merged(path: str) -> str:
    """Slashes in a row become one; a path of nothing else keeps two, which is Envoy's way."""
    if "//" not in path:
        return path
    return f"/{'/'.join(filter(None, path.split('/')))}{'/' if path.endswith('/') else ''}"
