#!/usr/bin/env bash
# Makes sure that this machine has a redis-server or valkey-server to start; starts none itself.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/ensure-redis.sh [--check] [--help]

Looks for redis-server or valkey-server on PATH and installs one if there is none:
with apt-get, dnf or apk as root or through passwordless sudo, or with brew.
Never asks anything. If it may not install, it prints the command that would.

  --check   only look, install nothing
  --help    this text

Exit codes: 0 there is one (its version is printed), 1 there is none, 2 usage.

This project starts a server of its own on another port. Debian's and Ubuntu's
package also starts a system service on port 6379, which this script leaves
alone; if you do not want it: sudo systemctl disable --now redis-server
TEXT
}

say() { printf '%s\n' "$*" >&2; }

# Prints the version of the first server found.
look() {
  local name
  for name in redis-server valkey-server; do
    if command -v "$name" >/dev/null 2>&1; then
      "$name" --version
      return 0
    fi
  done
  return 1
}

# The first package manager of this machine; a system's own comes before brew.
package_manager() {
  local name
  for name in apt-get dnf apk brew; do
    if command -v "$name" >/dev/null 2>&1; then
      printf '%s\n' "$name"
      return 0
    fi
  done
  return 1
}

# What a person would type, for messages only.
command_for() {
  case "$1" in
    apt-get) echo 'sudo apt-get update && sudo apt-get install -y redis-server' ;;
    dnf) echo 'sudo dnf install -y redis || sudo dnf install -y valkey' ;;
    apk) echo 'sudo apk add redis' ;;
    brew) echo 'brew install redis' ;;
  esac
}

may_be_root() {
  [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; }
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
    [ "$(id -u)" -ne 0 ] && brew install redis
    return
  fi
  may_be_root || return 1
  case "$1" in
    apt-get)
      # A fresh image has no package lists, an old one names versions that are gone: update, then try again.
      apt install -y --no-install-recommends redis-server ||
        { apt update && apt install -y --no-install-recommends redis-server; }
      ;;
    dnf) as_root dnf install -y redis || as_root dnf install -y valkey ;;
    apk) as_root apk add --no-cache redis || as_root apk add --no-cache valkey ;;
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
        say "ensure-redis.sh: unknown option '$1'; allowed: --check, --help"
        return 2
        ;;
    esac
    shift
  done

  if look; then
    return 0
  fi
  if ! manager=$(package_manager); then
    say 'No redis-server or valkey-server on PATH, and none of apt-get, dnf, apk and brew to install one.'
    say 'Install Redis by hand (https://redis.io/docs/latest/operate/oss_and_stack/install/) or set REDIS_URL.'
    return 1
  fi
  if [ "$check" = no ]; then
    say "No redis-server or valkey-server on PATH: installing one with $manager ..."
    # The package manager's words go to stderr: stdout is the version.
    if install_with "$manager" </dev/null >&2 && look; then
      return 0
    fi
  fi
  say 'There is no redis-server or valkey-server on PATH. This installs one:'
  say "  $(command_for "$manager")"
  return 1
}

main "$@"
