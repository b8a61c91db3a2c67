#!/usr/bin/env bash
# Lints every shell script of the project: all *.sh that git does not ignore, and .ci/run.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v shellcheck >/dev/null 2>&1; then
  echo 'shellcheck is not on PATH. Install it with: sudo apt-get install -y shellcheck (or: brew install shellcheck)' >&2
  exit 1
fi

files=()
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  # -z and read -d '' because a file's name may hold anything.
  while IFS= read -r -d '' file; do
    # git also lists files that are deleted but not yet committed so.
    if [ -f "$file" ]; then files+=("$file"); fi
  done < <(git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run)
else
  # A tarball without git.
  while IFS= read -r -d '' file; do files+=("$file"); done < <(
    find . \( -name node_modules -o -name dist -o -name .hybrid \) -prune -o \( -name '*.sh' -o -path ./.ci/run \) -type f -print0
  )
fi

shellcheck "${files[@]}"
echo "shellcheck: ${#files[@]} scripts are clean."
