"""Linux file capabilities, decoded from the extended attribute that holds them (`vfs_cap_data` in linux/capability.h)."""

from __future__ import annotations

ATTRIBUTE = b"security.capability"
_EFFECTIVE = 1
_SIZES = {1: 12, 2: 20, 3: 24}
"""Size in bytes of each revision."""

_NAMES = (
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
)


def capabilities(value: bytes) -> str | None:
    """Text such as `cap_net_raw+ep`, groups separated by spaces; None if `value` is malformed."""
    if len(value) < 4:
        return None
    words = [int.from_bytes(value[at : at + 4], "little") for at in range(0, len(value), 4)]
    revision = words[0] >> 24
    if len(value) != _SIZES.get(revision):
        return None
    permitted, inheritable = words[1], words[2]
    if revision > 1:
        permitted |= words[3] << 32
        inheritable |= words[4] << 32
    groups: dict[str, list[str]] = {}
    for bit in range(64):
        flags = "i" * (inheritable >> bit & 1) + "p" * (permitted >> bit & 1)
        if flags:
            effective = "e" if words[0] & _EFFECTIVE else ""
            groups.setdefault(effective + flags, []).append(_name(bit))
    text = " ".join(f"{_joined(names)}+{flags}" for flags, names in groups.items()) or "none"
    return f"{text} [rootid={words[5]}]" if revision == 3 else text


def _name(bit: int) -> str:
    return f"cap_{_NAMES[bit]}" if bit < len(_NAMES) else f"cap_{bit}"


def _joined(names: list[str]) -> str:
    return "all" if len(names) >= len(_NAMES) else ",".join(names)
