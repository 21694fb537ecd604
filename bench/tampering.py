"""What somebody may do to the evidence of runs, and whether `verify` names it: `python -m bench.tampering`.

Three runs are sealed without a lab, from old drills; the second and third are signed. Each case starts from a fresh
copy and does one thing: a byte of each file, each line of each chain, attachments swapped, a run removed; then a forger
who knows the formats and writes the hashes anew. One forgery cannot be shown, and is told as such.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.figures import write
from bench.sealed import make_key, seal_run
from probes.chained import chain_up
from reports.evidence_commands import problems_of
from reports.manifest import MANIFEST, chains_of, hashes_of, sha256_of
from reports.register import REGISTER

RUNS = {"run-1": ("no-effect",), "run-2": ("recovered-zone-a", "not-recovered"), "run-3": ("close-to-the-objective",)}
SIGNED = ("run-2", "run-3")


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One thing done to a folder of runs. `names`: what a problem must say, all of it in one line.

    `numbers`: only judging again shows it. `shown`: whether anything can.
    """

    what: str
    kind: str
    do: Callable[[Path], None]
    names: tuple[str, ...]
    numbers: bool = False
    shown: bool = True


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a case: whether it was named, and the line that did, or the first there was."""

    what: str
    kind: str
    named: bool
    says: str


def seal(runs: Path, signed: Sequence[str] = SIGNED, chosen: Sequence[str] = tuple(RUNS)) -> None:
    """Make the runs."""
    key = make_key(runs.parent / "key.pem")
    for name in chosen:
        seal_run(runs, name, RUNS[name], key if name in signed else None)


def cases(runs: Path) -> Iterator[Case]:
    """Everything that is done to these runs."""
    for path in sorted(one for one in runs.rglob("*") if one.is_file()):
        name = path.relative_to(runs)
        if not path.name.startswith("."):
            yield from _of_file(path, name)
    for run in sorted(one for one in runs.iterdir() if one.is_dir()):
        removed = ("is missing",) if (runs / REGISTER).exists() else ()
        yield Case(what=f"{run.name} removed", kind="run removed", do=_remover(run.name), names=(run.name, *removed))
    yield from _swaps(runs)
    yield from _forgeries()


def _of_file(path: Path, name: Path) -> Iterator[Case]:
    inside = name.as_posix().partition("/")[2] or name.name
    yield Case(what=f"{name}: one byte", kind="byte", do=_byte(name), names=(inside,))
    if name.name != REGISTER:
        yield Case(what=f"{name}: removed", kind="file removed", do=lambda r: (r / name).unlink(), names=(inside,))
    if name.suffix != ".jsonl" or name.name.startswith("history"):
        return
    count = path.read_bytes().count(b"\n")
    for number in range(1, count + 1):
        yield Case(
            what=f"{name}: line {number} removed", kind="chain line", do=_line_remover(name, number), names=(inside,)
        )


def _byte(name: Path) -> Callable[[Path], None]:
    def change(runs: Path) -> None:
        content = bytearray((runs / name).read_bytes())
        if content:
            content[len(content) // 2] ^= 1
        (runs / name).write_bytes(content or b"\n")  # an empty one gets its first

    return change


def _remover(run: str) -> Callable[[Path], None]:
    return lambda runs: shutil.rmtree(runs / run)


def _line_remover(name: Path, number: int) -> Callable[[Path], None]:
    def change(runs: Path) -> None:
        lines = (runs / name).read_bytes().split(b"\n")
        (runs / name).write_bytes(b"\n".join(lines[: number - 1] + lines[number:]))

    return change


def _swaps(runs: Path) -> Iterator[Case]:
    """Attachments of one drill in place of those of another, each with its name."""
    for run in sorted(one for one in runs.iterdir() if one.is_dir()):
        for suffix in ("verdict.json", "timeline.svg", "losses.csv"):
            found = sorted((run / "allure-results").glob(f"*-{suffix}"))
            if len(found) > 1 and found[0].read_bytes() != found[1].read_bytes():
                one, other = (path.relative_to(runs) for path in found[:2])
                yield Case(
                    what=f"{one} and {other.name} swapped", kind="attachments swapped", do=_swapper(one, other),
                    names=(one.name, "changed"),
                )  # fmt: skip


def _swapper(one: Path, other: Path) -> Callable[[Path], None]:
    def change(runs: Path) -> None:
        first, second = (runs / one).read_bytes(), (runs / other).read_bytes()
        (runs / one).write_bytes(second)
        (runs / other).write_bytes(first)

    return change


def _forgeries() -> Iterator[Case]:
    """A forger who writes the manifest of a run, and the register, anew."""
    yield Case(
        what="run-1: a better verdict, all hashes anew", kind="forged",
        do=lambda runs: _better_and_rehashed(runs, "run-1"), names=("follows",),
    )  # fmt: skip
    yield Case(
        what="run-3: a better number, all hashes anew, signature kept", kind="forged",
        do=lambda runs: _better_and_rehashed(runs, "run-3"), names=("attestation.json", "signed"),
    )  # fmt: skip
    yield Case(
        what="run-3: a better number, all hashes anew, signature taken away", kind="forged", numbers=True,
        do=lambda runs: _better_and_unsigned(runs, "run-3"),
        names=("recovery_time.upper_s", "the operations give"),
    )  # fmt: skip
    yield Case(
        what="run-3 and its lines in the register removed, unsigned or not", kind="cannot be shown", shown=False,
        do=lambda runs: _forget(runs, "run-3"), names=(),
    )  # fmt: skip


def _better(run: Path) -> None:
    (path,) = run.glob("*/verdict.json")
    verdict = json.loads(path.read_bytes())
    verdict["recovery_time"]["upper_s"] = (verdict["recovery_time"]["upper_s"] or 9.0) - 0.5
    path.write_bytes(msgspec.json.encode(verdict))


def _rehash(runs: Path, name: str, **more: Any) -> None:
    """The manifest and the register as they would be had the run ended so."""
    path = runs / name / MANIFEST
    manifest = json.loads(path.read_bytes())
    manifest |= {
        "files": msgspec.to_builtins(hashes_of(runs / name)),
        "chains": msgspec.to_builtins(chains_of(runs / name)),
        **more,
    }
    path.write_bytes(msgspec.json.encode(manifest))
    entries = [json.loads(line) for line in (runs / REGISTER).read_bytes().splitlines()]
    for entry in entries:
        if entry["type"] == "close" and entry["run"] == name:
            entry["manifest"] = sha256_of(path)
    _write_register(runs, entries)


def _better_and_rehashed(runs: Path, name: str) -> None:
    _better(runs / name)
    _rehash(runs, name)


def _better_and_unsigned(runs: Path, name: str) -> None:
    _better(runs / name)
    _unsigned(runs, name)


def _unsigned(runs: Path, name: str) -> None:
    for one in ("attestation.json", "attestation-numbers.json"):
        (runs / name / one).unlink()
    shutil.rmtree(runs / name / "signature")
    _rehash(runs, name, signed=False)
    entries = [json.loads(line) for line in (runs / REGISTER).read_bytes().splitlines()]
    _write_register(runs, [one for one in entries if one["type"] != "add" or one["run"] != name])


def _forget(runs: Path, name: str) -> None:
    """The last run: nothing follows it, so nothing misses it but whoever wrote down its number."""
    shutil.rmtree(runs / name)
    entries = [json.loads(line) for line in (runs / REGISTER).read_bytes().splitlines()]
    _write_register(runs, [one for one in entries if one.get("run") != name])


def _write_register(runs: Path, entries: list[dict[str, Any]]) -> None:
    lines = chain_up(msgspec.json.encode(one) for one in entries)
    (runs / REGISTER).write_bytes(b"".join(line + b"\n" for line in lines))


def play(case: Case, sealed: Path, into: Path) -> Done:
    """Do it to a copy, and see what is said."""
    runs = into / "runs"
    shutil.copytree(sealed, runs)
    try:
        case.do(runs)
        said = problems_of(runs, numbers=case.numbers)
    finally:
        shutil.rmtree(runs)
    naming = [line for line in said if all(name in line for name in case.names)]
    named = bool(naming) if case.shown else not said
    return Done(what=case.what, kind=case.kind, named=named, says=next(iter(naming or said), ""))


def main(arguments: Sequence[str] | None = None) -> int:
    """Do all of it, print N of N by kind, write; 1 if anything was not named."""
    parser = argparse.ArgumentParser(prog="python -m bench.tampering", description=(__doc__ or "").partition("\n")[0])
    parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dr-drills-tampering-") as made:
        sealed = Path(made) / "sealed"
        seal(sealed)
        before = problems_of(sealed, numbers=True)
        done = [play(case, sealed, Path(made)) for case in cases(sealed)]
    print(f"untouched: {len(before)} problems")
    for kind in dict.fromkeys(one.kind for one in done):
        of_kind = [one for one in done if one.kind == kind]
        print(f"{kind:20} {sum(one.named for one in of_kind):4} of {len(of_kind)}")
    shown = [one for one in done if one.kind != "cannot be shown"]
    print(f"{'all':20} {sum(one.named for one in shown):4} of {len(shown)} named")
    missed = [f"not named: {one.what}: {one.says or 'nothing was said'}" for one in done if not one.named]
    write("tampering", done=done, missed=missed, before=before)
    for says in (*before, *missed):
        print(says, file=sys.stderr)
    return 1 if missed or before else 0


if __name__ == "__main__":
    sys.exit(main())
