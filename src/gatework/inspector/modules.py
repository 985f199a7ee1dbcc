"""The scripts of a page: ES modules in files, each in a scope of its own, in one text."""

import re
from collections.abc import Callable
from importlib import resources
from typing import Final

_IMPORT: Final = re.compile(r'^import \{([\w,\s]+)\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT: Final = re.compile(
    r"^export (?=(?:async )?(?:const|let|function\*?|class) (\w+))", re.MULTILINE
)
_DEFAULT: Final = re.compile(r"^export default (\w+);\n", re.MULTILINE)


def asset(name: str, page: str = "page") -> str:
    """The text of a file in the `assets` of a page's package."""
    folder = resources.files(f"gatework.inspector.{page}") / "assets"
    return (folder / name).read_text(encoding="utf-8")


def bundle(entry: str, read: Callable[[str], str] = asset) -> str:
    """The module `entry` and all that it imports, in one module that exports what it exports.

    Modules import names in braces from "./name.js", and export declarations or a default by its
    name, nothing else: each becomes a function that is called once and returns its exports.

    Args:
        entry: The name of a module.
        read: From the name of a file to its text.

    Example:
        >>> "scanStack" in bundle("cell")
        True
    """
    order: dict[str, str] = {}
    _collect(entry, read, order)
    names = ", ".join(_EXPORT.findall(order[entry]))
    scopes = [_scope(name, text) for name, text in order.items()]
    exports = f"export const {{ {names} }} = module_{entry};\n"
    if _DEFAULT.search(order[entry]):
        exports += f"export default module_{entry}.default;\n"
    return "".join(scopes) + exports


def _collect(name: str, read: Callable[[str], str], order: dict[str, str]) -> None:
    """Add a module after those that it imports."""
    if name in order:
        return
    text = read(f"{name}.js")
    for _, other in _IMPORT.findall(text):
        _collect(other, read, order)
    order[name] = text


def _scope(name: str, text: str) -> str:
    default = [f"default: {value}" for value in _DEFAULT.findall(text)]
    exports = ", ".join(_EXPORT.findall(text) + default)
    body = _EXPORT.sub("", _DEFAULT.sub("", text))
    body = _IMPORT.sub(r"const {\1} = module_\2;\n", body)
    return f"const module_{name} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();\n"
