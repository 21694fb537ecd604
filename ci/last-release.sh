#!/usr/bin/env bash
# Brings the evidence of the last run that passed on BRANCH of this workflow: what the last release was measured to do.
# Leaves $INTO empty, and ends with 0, where there is none (the first release), or none any more.
set -uo pipefail

mkdir -p "$INTO"
run=$(gh run list --repo "$GITHUB_REPOSITORY" --workflow "$WORKFLOW" --branch "$BRANCH" --status success --limit 1 \
  --json databaseId --jq '.[0].databaseId // empty') || exit 1
if [ -z "$run" ]; then
  echo "No run of $WORKFLOW on $BRANCH has passed yet: nothing is held against the last release."
elif ! gh run download "$run" --repo "$GITHUB_REPOSITORY" --name "$ARTIFACT" --dir "$INTO"; then
  echo "::warning::The evidence of run $run on $BRANCH is gone: nothing is held against the last release."
fi
rmdir --ignore-fail-on-non-empty "$INTO"
