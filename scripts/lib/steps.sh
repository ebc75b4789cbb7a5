# shellcheck shell=bash
# Runs one named step at a time and shows how long it takes; the step's own output appears only when it fails.

# step NAME COMMAND...: prints "NAME ... 12 s", or NAME, the output and the exit status. Returns the command's status.
step() {
  local name=$1 started=$SECONDS status=0 log pulse=''
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
  else
    printf 'FAILED (exit code %d)\n' "$status"
    tail -n 80 "$log" | sed 's/^/    /'
  fi
  rm -f "$log"
  return "$status"
}
