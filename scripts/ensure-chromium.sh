#!/usr/bin/env bash
# Makes sure that this machine has a Chromium for the browser tests; starts none itself.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/ensure-chromium.sh [--check] [--help]

Looks for chromium, chromium-browser or google-chrome on PATH and installs Chromium
if there is none: with apt-get, dnf or apk as root or through passwordless sudo, or
with brew. Never asks anything. If it may not install, it prints the command that would.

  --check   only look, install nothing
  --help    this text

CHROMIUM_PATH names a browser that is elsewhere.

Exit codes: 0 there is one (its path is printed), 1 there is none, 2 usage.
TEXT
}

say() { printf '%s\n' "$*" >&2; }

# Prints the path of the first browser found.
look() {
  local name mac='/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
  for name in ${CHROMIUM_PATH:+"$CHROMIUM_PATH"} chromium chromium-browser google-chrome google-chrome-stable "$mac"; do
    # `command -v` also names a function; a path is asked for.
    if type -P "$name"; then return 0; fi
  done
  return 1
}

# The first package manager of this machine; a system's own comes before brew.
package_manager() {
  local name
  for name in apt-get dnf apk brew; do
    if type -P "$name" >/dev/null; then
      printf '%s\n' "$name"
      return 0
    fi
  done
  return 1
}

# What a person would type, for messages only.
command_for() {
  case "$1" in
    apt-get) echo 'sudo apt-get update && sudo apt-get install -y chromium' ;;
    dnf) echo 'sudo dnf install -y chromium' ;;
    apk) echo 'sudo apk add chromium' ;;
    brew) echo 'brew install --cask google-chrome' ;;
  esac
}

may_be_root() {
  [ "$(id -u)" -eq 0 ] || { type -P sudo >/dev/null && sudo -n true >/dev/null 2>&1; }
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@"
}

install_with() {
  if [ "$1" = brew ]; then
    # Homebrew refuses to run as root.
    [ "$(id -u)" -ne 0 ] && brew install --cask google-chrome
    return
  fi
  may_be_root || return 1
  case "$1" in
    apt-get)
      # A fresh image has no package lists, an old one names versions that are gone: update, then try again.
      apt install -y --no-install-recommends chromium ||
        { apt update && apt install -y --no-install-recommends chromium; }
      ;;
    dnf) as_root dnf install -y chromium ;;
    apk) as_root apk add --no-cache chromium ;;
  esac
}

main() {
  local check=no manager
  while [ $# -gt 0 ]; do
    case "$1" in
      --check) check=yes ;;
      -h | --help)
        usage
        return 0
        ;;
      *)
        say "ensure-chromium.sh: unknown option '$1'; allowed: --check, --help"
        return 2
        ;;
    esac
    shift
  done

  if look; then return 0; fi
  if ! manager=$(package_manager); then
    say 'No Chromium or Chrome on PATH, and none of apt-get, dnf, apk and brew to install one.'
    say 'Install one by hand, or name it with CHROMIUM_PATH.'
    return 1
  fi
  if [ "$check" = no ]; then
    say "No Chromium or Chrome on PATH: installing one with $manager ..."
    # The package manager's words go to stderr: stdout is the path.
    if install_with "$manager" </dev/null >&2 && look; then
      return 0
    fi
  fi
  say 'There is no Chromium or Chrome on PATH. This installs one:'
  say "  $(command_for "$manager")"
  return 1
}

main "$@"
