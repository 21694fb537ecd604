"""What a runner and its vantage say to each other: JSON lines, commands on stdin and replies on stdout."""

import msgspec


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """To the vantage: `audit` names an audit to make within `deadline_s`; `stop` ends it, as does end of file.

    `purge` has it send nothing more, and delete what it has written within `deadline_s`.

    Where `host` and `site` are given, the audit asks that host instead of the one in the probes' URLs: the own name of
    that site, whoever serves the public name.
    """

    audit: str | None = None
    purge: bool = False
    deadline_s: float = 60.0
    host: str = ""
    site: str = ""
    stop: bool = False


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From the vantage, one of five.

    `ready`; `audited` with `keys` and `unread`; `purged` with `keys` and `left`; `stopped` with `operations` and
    `unsent`; `error`, after which it ends.
    """

    ready: bool = False
    audited: str | None = None
    keys: int = 0
    unread: int = 0
    purged: bool = False
    left: int = 0
    stopped: bool = False
    operations: int = 0
    unsent: int = 0
    error: str | None = None
