"""What the explorer may do on this machine: less in a browser than in a terminal."""

from __future__ import annotations

from msgspec import Struct
from textual.dom import DOMNode


class Permissions(Struct, frozen=True):
    """What the explorer may do."""

    writing: bool = True
    """Whether files may be written: files of the image, fixes, patches, choices."""
    programs: bool = True
    """Whether other programs may be started: the pager and the editor."""

    def may_write(self, node: DOMNode) -> bool:
        """Whether files may be written; notifies the user if not."""
        if not self.writing:
            _notify(
                node, "This page only reads: layerscope web --allow-writing lets it save files."
            )
        return self.writing

    def may_start_programs(self, node: DOMNode) -> bool:
        """Whether other programs may be started; notifies the user if not."""
        if not self.programs:
            _notify(
                node, "A page in a browser starts no other programs: use layerscope in a terminal."
            )
        return self.programs

    @property
    def refused(self) -> set[str]:
        """Ids of the commands that are not permitted."""
        refused = set() if self.writing else {"path.extract"}
        return refused if self.programs else refused | {"path.pager", "path.editor"}


def _notify(node: DOMNode, words: str) -> None:
    node.app.notify(words, title="Switched off", markup=False)
