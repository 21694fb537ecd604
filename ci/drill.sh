#!/usr/bin/env bash
# Runs drills for a CI job, and says how they ended: exit-code and verdict in $GITHUB_OUTPUT (GitHub) or $DRILLS_ENV
# (a dotenv file, GitLab). Ends with 0, so that what comes after it is run; CODE=1 ends with the drills' own code.
#
# A CI that cancels a job sends its signal to this shell alone, and bash would keep it until its child has ended. So the
# drills are a job of their own, and each signal is handed on: the first makes them put back what they broke.
set -uo pipefail
set -m

python=${HARNESS_PYTHON:-$HARNESS/.venv/bin/python}
if [ ! -f "$WORKLOAD" ]; then
  echo "There is no workload file $WORKLOAD in $PWD."
  exit 4
fi
workload=$(realpath -- "$WORKLOAD")
arguments=(--workload "$workload")
[ -n "${SELECT:-}" ] && arguments+=(-m "$SELECT")
[ -n "${PRODUCTION:-}" ] && arguments+=(--production "$PRODUCTION")
if [ -n "${LAST_RELEASE:-}" ] && [ -d "$LAST_RELEASE" ]; then
  arguments+=(--last-release "$(realpath -- "$LAST_RELEASE")")
elif [ -n "${LAST_RELEASE:-}" ]; then
  echo "There is no $LAST_RELEASE: nothing is held against the last release."
fi
# Not given is not empty: an empty variable would be a setting.
for name in DR_DRILLS_RUNS DR_DRILLS_WORSE_RECOVERY DR_DRILLS_WORSE_LOSS; do
  [ -n "${!name:-}" ] || unset "$name"
done
mkdir -p "$DR_DRILLS_RUNS_DIR"
junit="$DR_DRILLS_RUNS_DIR/junit.xml"

# The caller's own drills, or else those of the harness.
drills_path=${DRILLS:-drills}
file=${drills_path%%::*}
[ -e "$file" ] && drills_path=$(realpath -- "$file")${drills_path#"$file"}

cd "$HARNESS" || exit 4
"$python" -m pytest "$drills_path" "${arguments[@]}" --junitxml "$junit" &
drills=$!
trap 'kill -INT "$drills" 2>/dev/null' INT HUP
trap 'kill -TERM "$drills" 2>/dev/null' TERM
# A signal ends the waiting, not the drills.
while kill -0 "$drills" 2>/dev/null; do
  wait "$drills"
done
wait "$drills"
code=$?

case $code in
  0) verdict=passed ;;
  10) verdict=missed ;;
  11) verdict=no-verdict ;;
  12) verdict=refused ;;
  13) verdict=dirty ;;
  *) verdict=error ;;
esac
echo "drills: $verdict (exit code $code)"
[ -n "${GITHUB_OUTPUT:-}" ] && printf 'exit-code=%s\nverdict=%s\n' "$code" "$verdict" >> "$GITHUB_OUTPUT"
if [ -n "${DRILLS_ENV:-}" ]; then
  runs=$(cd "$DR_DRILLS_RUNS_DIR" && for file in */run.json; do [ -e "$file" ] && printf '%s ' "${file%/*}"; done)
  printf 'DRILLS_CODE=%s\nDRILLS_VERDICT=%s\nDRILLS_RUNS=%s\n' "$code" "$verdict" "${runs% }" > "$DRILLS_ENV"
fi
[ -z "${CODE:-}" ] || exit "$code"
