"""The images that Compose files and Kubernetes manifests name.

Sources: Compose specification, "services" and "Interpolation"; Kubernetes API, PodSpec (containers, initContainers,
ephemeralContainers, and volumes of type image), wherever a resource holds one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from layerscope.errors import UsageError
from layerscope.sources.base import shortened

if TYPE_CHECKING:
    from yaml import SafeLoader

MAX_BYTES = 4 << 20
"""Maximum bytes of a manifest: reading one takes a second for each megabyte."""
_ALIASES, _MERGED = 10_000, 1_000_000
"""Maximum number of aliases, and of keys that are merged by them: few bytes may stand for any number."""
_MARK = re.compile(
    r"""(?:^|[{,\s])["']?(?:apiVersion|services)["']?\s*:(?:\s|$|["'{\[])""", re.MULTILINE
)
"""Text that occurs in manifests, and never in a list of references."""
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEPTH = 20
"""Maximum depth of variables in defaults of variables."""


def is_manifest(text: str) -> bool:
    """Whether a text is a manifest, not a list of references."""
    return _MARK.search(text) is not None


def images_in(text: str, name: str, variables: Mapping[str, str]) -> list[str]:
    """The images in a manifest called `name`, in order, each once; `variables` are those for Compose.

    Raises `UsageError` with the place.
    """
    if len(text) > MAX_BYTES:
        raise UsageError(f"{name}: a manifest has at most {MAX_BYTES:,} bytes")
    images: dict[str, None] = {}
    for document in _documents(text, name):
        for one in document if isinstance(document, list) else [document]:
            if isinstance(one, dict):
                images.update(dict.fromkeys(_images(one, name, variables)))
    if not images:
        raise UsageError(
            f"{name}: this manifest names no images",
            hint="services that are only built have no image yet; name the image that was built",
        )
    return list(images)


def _images(document: dict[Any, Any], name: str, variables: Mapping[str, str]) -> Iterator[str]:
    services = document.get("services")
    if isinstance(services, dict) and "apiVersion" not in document:
        for service, fields in services.items():
            image = fields.get("image") if isinstance(fields, dict) else None
            if isinstance(image, str) and image:
                yield _filled_in(
                    image, f"{name}: service {shortened(str(service), 100)}", variables
                )
    elif "apiVersion" in document and "kind" in document:
        yield from _pod_images(document)


def _pod_images(document: dict[Any, Any]) -> Iterator[str]:
    """The images of all pods that a resource describes, however deep."""
    waiting: list[Any] = [document]
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if not isinstance(value, dict | list) or id(value) in seen:
            continue  # aliases stand for the same object
        seen.add(id(value))
        if isinstance(value, list):
            waiting += reversed(value)
            continue
        for key in _CONTAINERS:
            containers = value.get(key)
            for container in containers if isinstance(containers, list) else ():
                image = container.get("image") if isinstance(container, dict) else None
                if isinstance(image, str) and image:
                    yield image
        volume = value.get("image")
        if isinstance(volume, dict) and isinstance(volume.get("reference"), str):
            yield volume["reference"]
        waiting += reversed(list(value.values()))


def _documents(text: str, name: str) -> list[Any]:
    """The documents of a YAML text. Raises `UsageError`."""
    import yaml

    try:
        return list(yaml.load_all(text, Loader=_loader()))  # a SafeLoader with limits
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        hint = "render templates first: helm template, kustomize build" if "{{" in text else None
        raise UsageError(f"{name}{where}: {problem}", hint=hint) from None
    except RecursionError:
        raise UsageError(f"{name}: nested too deeply") from None
    except ValueError as error:  # an invalid date or number
        raise UsageError(f"{name}: {error}") from None


def _loader() -> type[SafeLoader]:
    """A `SafeLoader` that stops where few bytes stand for very many keys."""
    import yaml

    class Loader(yaml.SafeLoader):
        aliases = merged = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.aliases += self.check_event(yaml.AliasEvent)
            self.check(self.aliases, _ALIASES)
            return super().compose_node(parent, index)

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            for key, value in node.value:
                if key.tag == "tag:yaml.org,2002:merge":
                    for part in value.value if value.id == "sequence" else [value]:
                        if isinstance(part, yaml.MappingNode):
                            self.flatten_mapping(part)
                            self.merged += len(part.value)
                            self.check(self.merged, _MERGED)
            super().flatten_mapping(node)

        @staticmethod
        def check(count: int, most: int) -> None:
            if count > most:
                raise yaml.YAMLError(f"aliases stand for more than {most:,} keys")

    return Loader


def _filled_in(text: str, where: str, variables: Mapping[str, str], depth: int = 0) -> str:
    """A text with its variables replaced. Raises `UsageError` for one that is not set."""
    if depth > _DEPTH:
        raise UsageError(f"{where}: variables are nested too deeply")
    result, rest = "", text
    while rest:
        before, dollar, rest = rest.partition("$")
        result += before
        if not dollar:
            break
        if rest.startswith("$"):
            result, rest = f"{result}$", rest[1:]
        elif rest.startswith("{"):
            inside, rest = _braced(rest, text, where)
            result += _value(inside, text, where, variables, depth)
        elif (variable := _VARIABLE.match(rest)) is not None:
            result += _value(variable[0], text, where, variables, depth)
            rest = rest[variable.end() :]
        else:
            raise _invalid_variable(text, where)
    return result


def _braced(rest: str, text: str, where: str) -> tuple[str, str]:
    """The text inside the braces at the start of `rest`, and the text after them."""
    depth = 0
    for place, character in enumerate(rest):
        depth += (character == "{") - (character == "}")
        if not depth:
            return rest[1:place], rest[place + 1 :]
    raise _invalid_variable(text, where)


def _value(inside: str, text: str, where: str, variables: Mapping[str, str], depth: int) -> str:
    """The value of `NAME`, `NAME:-default`, `NAME-default`, `NAME:+other`, `NAME+other`, `NAME:?error` or `NAME?error`."""
    variable = _VARIABLE.match(inside)
    if variable is None:
        raise _invalid_variable(text, where)
    name, rest = variable[0], inside[variable.end() :]
    value = variables.get(name)
    colon = rest.startswith(":")
    known = bool(value) if colon else value is not None
    operator, other = rest[colon : colon + 1], rest[colon + 1 :]
    if operator == "-" and not known:
        return _filled_in(other, where, variables, depth + 1)
    if operator == "+":
        return _filled_in(other, where, variables, depth + 1) if known else ""
    if operator not in ("", "-", "?") or (colon and not operator):
        raise _invalid_variable(text, where)
    if not known or value is None:
        raise UsageError(
            f"{where}: {shortened(text, 200)}: the variable {name} is not set",
            hint=f"set it: {name}=… layerscope fleet …; or pipe it in: docker compose config | layerscope fleet -",
        )
    return value


def _invalid_variable(text: str, where: str) -> UsageError:
    return UsageError(
        f"{where}: {shortened(text, 200)}: not a valid variable", hint="write $$ for a dollar sign"
    )
