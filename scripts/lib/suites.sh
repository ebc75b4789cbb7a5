# shellcheck shell=bash
# The test suites, the environment of each, and how they are run. Source steps.sh first.

declare -A ENVIRONMENT_OF=([unit]=host [integration]=host [worker]=worker [codebases]=openmmlab)
declare -A SETUP_OF=([unit]='--dev' [integration]='--dev --node --worker' [worker]='--worker' [codebases]='--openmmlab')
SUITES=(unit integration worker codebases)
NO_TESTS=5 # pytest's exit code when it collects none

usage_error() { # MESSAGE
  printf 'scripts/test: %s\n' "$1" >&2
  exit 2
}

# run_pytest ENVIRONMENT ARGUMENT...: the exit code is pytest's.
run_pytest() {
  local environment=$1 warnings=()
  shift
  [ "$environment" = host ] || warnings=(-W default) # torch and the libraries warn, and that is not ours to fix
  ".venv/$environment/bin/python" -m pytest "${warnings[@]}" "$@"
}

# run_suite REPORTS SUITE: runs a whole suite, prints one line, and keeps the output in REPORTS.
run_suite() {
  local reports=$1 suite=$2 started=$SECONDS status=0
  run_pytest "${ENVIRONMENT_OF[$suite]}" -q "tests/$suite" >"$reports/$suite.log" 2>&1 </dev/null || status=$?
  echo "$status" >"$reports/$suite.status"
  printf '  %-48s %-5s %3d s  %s\n' "pytest tests/$suite" "$([ "$status" -eq 0 ] && echo ok || echo FAILED)" \
    $((SECONDS - started)) "$(tail -n 1 "$reports/$suite.log")"
}

# run_suites: runs every suite, two at a time, the longest first, and appends to the array `failed`.
run_suites() {
  local reports suite groups=()
  reports=$(mktemp -d)
  trap 'kill -- "${groups[@]}" 2>/dev/null; exit 130' INT TERM
  for suite in integration codebases worker unit; do
    [ "${#groups[@]}" -lt 2 ] || wait -n || true
    set -m # a process group for each suite, which Ctrl-C can end
    run_suite "$reports" "$suite" &
    set +m
    groups+=("-$!")
  done
  wait
  trap - INT TERM
  for suite in "${SUITES[@]}"; do
    [ "$(cat "$reports/$suite.status" 2>/dev/null)" = 0 ] && continue
    failed+=("pytest tests/$suite")
    printf '\n=== pytest tests/%s\n' "$suite"
    cat "$reports/$suite.log"
  done
  rm -rf "$reports"
}

# run_selection ARGUMENT...: runs the tests that the paths and pytest's options select, each in its environment.
run_selection() {
  local options=() arguments setup=() suite environment path status collected=''
  local -A paths=() # suite -> its paths, one a line
  while [ "$#" -gt 0 ]; do
    case $1 in
      -[kmnopWc] | --durations | --maxfail | --tb)
        options+=("$1" "${@:2:1}")
        [ "$#" -eq 1 ] || shift
        ;;
      -*) options+=("$1") ;;
      *) add_path "$1" ;;
    esac
    shift
  done
  [ "${#paths[@]}" -gt 0 ] || add_path tests
  for suite in "${!paths[@]}"; do
    read -ra arguments <<<"${SETUP_OF[$suite]}"
    setup+=("${arguments[@]}")
  done
  scripts/setup "${setup[@]}"
  for environment in host worker openmmlab; do
    arguments=()
    for suite in "${SUITES[@]}"; do
      [ "${ENVIRONMENT_OF[$suite]}" = "$environment" ] || continue
      while read -r path; do [ -z "$path" ] || arguments+=("$path"); done <<<"${paths[$suite]:-}"
    done
    [ "${#arguments[@]}" -gt 0 ] || continue
    status=0
    run_pytest "$environment" "${options[@]}" "${arguments[@]}" || status=$?
    [ "$status" -ne "$NO_TESTS" ] || continue
    collected=yes
    [ "$status" -eq 0 ] || failed+=("pytest in .venv/$environment")
  done
  [ -n "$collected" ] || failed+=('no test was collected')
}

# add_path PATH: adds a path of tests to run_selection's `paths`, or explains why scripts/test cannot run it.
add_path() {
  local file suite
  [ -e "${1%%::*}" ] || usage_error "there is no file ${1%%::*}."
  file=$(realpath --relative-to . -- "${1%%::*}")
  case $file/ in
    ./ | tests/) for suite in "${SUITES[@]}"; do paths[$suite]+="tests/$suite"$'\n'; done ;;
    tests/unit/* | tests/integration/* | tests/worker/* | tests/codebases/*)
      suite=${file#tests/}
      paths[${suite%%/*}]+=$1$'\n'
      ;;
    tests/transformers/*) usage_error "$1 needs transformers. Run scripts/transformers -k NAME." ;;
    tests/browser/*) usage_error "$1 needs Chromium. Run scripts/browser -k NAME." ;;
    tests/e2e/*) usage_error "$1 needs a container engine. Run scripts/e2e -k NAME." ;;
    *) usage_error "$1 has no tests. Name paths below tests/unit, tests/integration, tests/worker or tests/codebases." ;;
  esac
}
