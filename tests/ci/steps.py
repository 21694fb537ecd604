"""The shell steps of action.yml, taken out and run here as GitHub's runner would run them."""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
# How the runner starts `shell: bash`. Source: [GitHub: workflow syntax, jobs.<job_id>.steps[*].shell]
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")


def step(name: str) -> dict[str, Any]:
    """One step, by its name."""
    (found,) = [one for one in ACTION["runs"]["steps"] if one.get("name") == name]
    return dict(found)


@dataclass
class Job:
    """One job with this action: its inputs, the files that the runner gives it, and what its steps have said."""

    folder: Path
    inputs: dict[str, str]
    python: Path
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """The job's page."""
        path = self.folder / "summary.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def runs(self) -> Path:
        """Where its evidence is."""
        return self.folder / "temp/dr-drills/runs"

    def command(self, name: str) -> tuple[list[str], dict[str, str]]:
        """How that step is started, and its environment."""
        found = step(name)
        script = self.folder / f"{found.get('id', 'step')}.sh"
        script.write_text(found["run"], encoding="utf-8")
        (self.folder / "temp").mkdir(parents=True, exist_ok=True)
        own = {key: self.expanded(str(value)) for key, value in found["env"].items()}
        files = {"GITHUB_OUTPUT": "output.txt", "GITHUB_STEP_SUMMARY": "summary.md", "RUNNER_TEMP": "temp"}
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("DR_DRILLS", "GITHUB_"))}
        return [*BASH, str(script)], clean | {key: str(self.folder / name) for key, name in files.items()} | own

    def run(self, name: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run that step to its end, and take in its outputs."""
        command, environment = self.command(name)
        done = subprocess.run(
            command, env=environment | more, cwd=self.folder, capture_output=True, text=True, check=False
        )
        self.take(name)
        return done

    def take(self, name: str) -> None:
        """Take in what a step said of itself."""
        path = self.folder / "output.txt"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        of = step(name).get("id", "")
        self.outputs |= {f"steps.{of}.outputs.{key}": value for key, _, value in (one.partition("=") for one in lines)}
        path.unlink(missing_ok=True)
        self.outputs["steps.where.outputs.python"] = str(self.python)

    def expanded(self, text: str) -> str:
        """An expression of the action as the runner would fill it in. Raises KeyError for one that is not known."""
        defaults = {f"inputs.{name}": str(one.get("default", "")) for name, one in ACTION["inputs"].items()}
        given = {f"inputs.{name}": value for name, value in self.inputs.items()}
        known = defaults | given | {"github.action_path": str(ROOT)} | self.outputs
        return re.sub(r"\$\{\{ ([a-z._-]+) \}\}", lambda found: self._value(found[1], known), text)

    def _value(self, name: str, known: dict[str, str]) -> str:
        # What a step has not said is empty.
        return known.get(name, "") if re.fullmatch(r"steps\.[a-z]+\.outputs\.[a-z-]+", name) else known[name]
