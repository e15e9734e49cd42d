"""Keys of other programs, for those who know them: `preset` in the table [keys] of the settings."""

from __future__ import annotations

from collections.abc import Mapping

PRESETS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "dive": {
        "app.redraw": ("f5",),
        "view.find_anywhere": ("ctrl+g",),
        "list.page_up": ("pageup",),
        "path.extract": ("e", "ctrl+e", "ctrl+s"),
        "explore.filter": ("slash", "ctrl+f", "ctrl+underscore"),
        "explore.mode": ("a", "ctrl+l", "ctrl+a"),
        "explore.changed_only": ("d", "ctrl+u"),
        "explore.columns": ("c", "ctrl+b"),
        "explore.sort": ("s", "ctrl+o"),
        "files.collapse_all": ("minus", "ctrl+at"),
        "files.added": ("A", "ctrl+a"),
        "files.removed": ("R", "ctrl+r"),
    },
}
"""Keys by command id, by name of the preset. With the focus in the files, `ctrl+a` belongs to them, as in dive. Terminals
send Enter for dive's `ctrl+m`, `ctrl+at` for `ctrl+space`, and `ctrl+underscore` for `ctrl+slash`."""
