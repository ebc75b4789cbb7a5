# shellcheck shell=bash
# Finds Chromium or Chrome.

find_chromium() { # prints its path: $CHROMIUM, or the first that is installed
  local name
  for name in ${CHROMIUM:+"$CHROMIUM"} chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" && return
  done
  return 1
}
