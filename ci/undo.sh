#!/usr/bin/env bash
# Puts back what drills left behind. Ends with 13 where something is still not put back.
#
# Of this machine's journals; or, where SECOND_HOME (s3://bucket/prefix/) is given, of RUNS (run ids) from there, because
# the machine that ran them is gone. Without RUNS it only looks: what is open there may be somebody's who lives.
set -uo pipefail

python=${HARNESS_PYTHON:-$HARNESS/.venv/bin/python}
if [ ! -x "$python" ]; then
  echo "The harness was not set up: no drill was run from here."
  exit 0
fi
cd "$HARNESS" || exit 4
if [ -z "${SECOND_HOME:-}" ]; then
  exec "$python" -m fixtures.journal undo
fi
elsewhere=(--from "$SECOND_HOME" --from-region "$SECOND_HOME_REGION")
read -ra runs <<< "${RUNS:-}"
if [ ${#runs[@]} -eq 0 ]; then
  echo "Which runs there were is not known. What is open in $SECOND_HOME:"
  exec "$python" -m fixtures.journal list "${elsewhere[@]}"
fi
code=0
for run in "${runs[@]}"; do
  "$python" -m fixtures.journal undo "$run" "${elsewhere[@]}" --take-over || code=$?
done
exit "$code"
