#!/usr/bin/env bash
# The run as Markdown, for the page of a CI job.
set -uo pipefail

python=${HARNESS_PYTHON:-$HARNESS/.venv/bin/python}
cd "$HARNESS" || exit 4
if compgen -G "$RUNS_DIR/*/run.json" > /dev/null && "$python" -m reports markdown "$RUNS_DIR"; then
  exit 0
fi
echo "## ⊘ No run of drills"
echo
echo "It ended with exit code ${EXIT_CODE:-unknown} before there was one: see the log of the step \"Drill\"."
