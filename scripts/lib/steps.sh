# shellcheck shell=bash
# Runs named steps and shows how long each takes. A step's own output appears when it fails, or always with --show.

# step [--show] NAME COMMAND...: prints "NAME ok 12 s", or NAME, the output and the exit status. Returns the command's status.
step() {
  local show='' name started=$SECONDS status=0 log pulse=''
  if [ "$1" = --show ]; then
    show=1
    shift
  fi
  name=$1
  shift
  log=$(mktemp)
  printf '  %-48s ' "$name"
  if [ -t 1 ]; then
    (while sleep 1; do printf '\r  %-48s %3d s ' "$name" $((SECONDS - started)); done) &
    pulse=$!
  fi
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ -n "$pulse" ]; then
    kill "$pulse" 2>/dev/null
    wait "$pulse" 2>/dev/null || true
    printf '\r  %-48s ' "$name"
  fi
  if [ "$status" -eq 0 ]; then
    printf 'ok    %3d s\n' $((SECONDS - started))
    [ -z "$show" ] || sed 's/^/    /' "$log"
  else
    printf 'FAILED (exit code %d)\n' "$status"
    tail -n 80 "$log" | sed 's/^/    /'
  fi
  rm -f "$log"
  return "$status"
}
