"""The controls that a drill's record is evidence for, and how well their wording is known here.

A record supports evidence for a control; whether the control is met is for whoever audits it to say.
"""

from typing import Literal, NamedTuple

# How the wording got here: from the published text itself, from somebody's copy of it, or from memory.
Known = Literal["primary text", "second-hand", "from memory"]
CAUTION: dict[Known, str] = {
    "primary text": "",
    "second-hand": "second-hand: check the clause",
    "from memory": "from memory: check the clause",
}


class Control(NamedTuple):
    """One requirement: its reference, what it asks in short, and how that is known."""

    ref: str
    asks: str
    known: Known


_ALL = (
    Control("ISO 22301:2019 8.5", "exercises at planned intervals, with aims and a formal report", "second-hand"),
    Control("ISO 22301:2019 10.1", "nonconformities get corrective action", "second-hand"),
    Control("ISO/IEC 27001:2022 A.5.30", "readiness of ICT is tested against continuity objectives", "second-hand"),
    Control("ISO/IEC 27001:2022 A.8.13", "backups are kept and tested", "from memory"),
    Control("SOC 2 A1.3", "recovery procedures and the integrity of backups are tested", "second-hand"),
    Control("SOC 2 CC6", "access is controlled, at the recovery site too", "from memory"),
    Control("SOC 2 CC7.5", "recovery from incidents: communication, root cause, tests", "second-hand"),
    Control("PCI DSS v4 12.10.2", "the plan, with recovery and backups, is tested every 12 months", "second-hand"),
    Control("PCI DSS v4 10.5.1", "logs are kept for 12 months, 3 of them at hand", "from memory"),
    Control("NIST 800-53 CP-2", "objectives, priorities and roles stand in the plan", "primary text"),
    Control("NIST 800-53 CP-4", "the plan is tested, reviewed, and corrected", "primary text"),
    Control("NIST 800-53 CP-7", "the alternate site takes over in time, with equal controls", "primary text"),
    Control("NIST 800-53 CP-9", "backups are tested for reliability and integrity", "primary text"),
    Control("NIST 800-53 CP-10", "recovery to a known state within the objectives", "primary text"),
    Control("NIST 800-53 AU-8", "time stamps in UTC with a known granularity", "primary text"),
    Control("NIST 800-53 AU-10", "nobody can deny what was done", "primary text"),
    Control("NIST 800-53 AU-11", "records are kept as long as they have to be", "primary text"),
    Control(
        "NIST 800-34r1 3.5.1", "areas of a test: notice, recovery, connections, performance, return", "second-hand"
    ),
    Control("NIST 800-34r1 4.3", "the plan's steps, as they were carried out", "second-hand"),
    Control("DORA Art 11(6)", "recovery plans are tested yearly, switching to redundant capacity", "second-hand"),
    Control("DORA Art 11(8)", "records of what was done before and in a disruption", "second-hand"),
    Control("DORA Art 12(2)", "backup and restore are tested periodically", "second-hand"),
    Control("DORA Art 12(6)", "recovery time and point objectives for each function", "second-hand"),
    Control("DORA Art 12(7)", "checks and reconciliations of recovered data", "second-hand"),
    Control("DORA Art 14", "who is told in a crisis, and when", "from memory"),
    Control("DORA Art 24(5)", "what a test finds is ranked, remedied and validated", "second-hand"),
    Control("RTS 2024/1774 Art 25", "functions run long enough, return to normal; results are reported", "second-hand"),
    Control("FFIEC BCM VII", "success is defined, at peak volumes and with data integrity", "primary text"),
    Control("FFIEC BCM VII.K", "results against objectives, issues with dates, retests", "primary text"),
    Control("HIPAA 164.308(a)(7)(ii)(D)", "contingency plans are tested and revised", "second-hand"),
    Control("HIPAA 164.316(b)(2)", "documentation is kept for six years", "from memory"),
    Control("MAS FSM-N05 5-6", "recovery within 4 h of the disruption, validated every 12 months", "second-hand"),
    Control("AWS REL12-BP04", "resilience is tested by injecting faults", "from memory"),
    Control("AWS REL13-BP01", "recovery objectives are defined", "from memory"),
)
CONTROLS: dict[str, Control] = {control.ref: control for control in _ALL}

# What each group of fields supports evidence for.
SUPPORTED: dict[str, tuple[str, ...]] = {
    "identity": ("NIST 800-53 CP-4", "ISO 22301:2019 8.5", "NIST 800-53 AU-10"),
    "scope": ("SOC 2 A1.3", "FFIEC BCM VII", "DORA Art 11(6)"),
    "objectives": (
        "NIST 800-53 CP-2", "NIST 800-53 CP-10", "DORA Art 12(6)", "MAS FSM-N05 5-6", "AWS REL13-BP01",
    ),
    "authority": ("NIST 800-53 CP-4", "DORA Art 11(6)"),
    "people": ("ISO 22301:2019 8.5", "SOC 2 A1.3", "FFIEC BCM VII"),
    "preconditions": ("ISO 22301:2019 8.5", "AWS REL12-BP04"),
    "fault": ("AWS REL12-BP04", "SOC 2 A1.3"),
    "timeline": ("DORA Art 11(8)", "NIST 800-34r1 3.5.1", "NIST 800-53 AU-8"),
    "steps": ("NIST 800-34r1 4.3", "FFIEC BCM VII.K"),
    "results": ("NIST 800-53 CP-10", "ISO/IEC 27001:2022 A.5.30", "FFIEC BCM VII.K"),
    "data": (
        "NIST 800-53 CP-9", "NIST 800-53 CP-10", "ISO/IEC 27001:2022 A.8.13", "DORA Art 12(2)", "DORA Art 12(7)",
        "SOC 2 A1.3",
    ),
    "capacity": ("FFIEC BCM VII", "NIST 800-53 CP-7"),
    "security": ("NIST 800-53 CP-7", "SOC 2 CC6"),
    "communication": ("SOC 2 CC7.5", "DORA Art 14"),
    "failback": ("RTS 2024/1774 Art 25", "NIST 800-34r1 3.5.1"),
    "cleanup": ("AWS REL12-BP04",),
    "findings": ("NIST 800-53 CP-4", "ISO 22301:2019 10.1", "DORA Art 24(5)", "FFIEC BCM VII.K"),
    "verdict": ("ISO 22301:2019 8.5", "PCI DSS v4 12.10.2", "HIPAA 164.308(a)(7)(ii)(D)"),
    "limits": ("FFIEC BCM VII.K",),
    "integrity": ("NIST 800-53 AU-10", "NIST 800-53 CP-9"),
    "retention": ("NIST 800-53 AU-11", "PCI DSS v4 10.5.1", "HIPAA 164.316(b)(2)"),
    "sign-off": ("NIST 800-53 CP-4", "RTS 2024/1774 Art 25"),
}  # fmt: skip
