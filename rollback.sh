#!/usr/bin/env bash
# One command back: freezes first, through the built CLI or else with redis-cli, then lets `hybrid rollback` do the rest.
# For bash 3.2 (macOS) and newer.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./rollback.sh [options]

Stops sending tasks to BullMQ, at once and for all processes, and brings every task that it holds back to bee-queue.
May be run again at any time, and by two people at once. The way forward again: npx hybrid resume --reason "..."

  --dry-run         show what would happen, change nothing
  --yes             do not ask (it asks once, and only on a terminal)
  --reason TEXT     why, for the audit log (default: rollback.sh and who runs it)
  --grace TIME      how long running tasks may go on before they are aborted, at most 365d (default: 30s)
  --json            the result as JSON on standard output
  --plain-stable    bee-queue's workers are plain ones, without this library: hand the tasks over to their queues
  --services        also stop and start the services that the config names
  --no-persist      leave config/hybrid.yaml, the flag file and .env as they are
  --redis URL       the control Redis (default: REDIS_URL, in the environment or .env, then the config file)
  --namespace NAME  the namespace (default: HYBRID_NAMESPACE, in the environment or .env, then the config file)
  --config FILE     config file (default: config/hybrid.yaml of this folder)
  --verbose         show the stack of an error
  --help            this text

It acts in the folder that you are in. Only where nothing says which Redis and namespace are meant (no --redis,
--namespace or --config, no REDIS_URL or HYBRID_NAMESPACE; here no config/hybrid.yaml, .env or .hybrid/redis) it acts in
its own folder, and says so.

Exit codes:
  0    done and verified
  1    failed; it is safe to run it again
  2    usage: an option, the namespace or the answer was not right; nothing was changed
  3    frozen, but something needs a person; it is named, with the command to type
  130  interrupted: the last line says whether it is frozen; run it again
  143  the same, by SIGTERM
TEXT
}

readonly NODE_LIMIT_SECONDS=15 FREEZE_LIMIT_SECONDS=30 REDIS_LIMIT_SECONDS=5

is_json=no is_dry_run=no is_confirmed=no
acting='' # an option that makes no sense with --dry-run
stage=before
reason='' redis_url='' namespace='' config=''
given=() # what `hybrid rollback` gets, but for the reason
again=() # the same to be typed once more, without a password

say() { printf '%s\n' "$*" >&2; }

json_string() {
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/\\n}
  text=${text//$'\r'/\\r}
  text=${text//$'\t'/\\t}
  printf '"%s"' "$(printf '%s' "$text" | LC_ALL=C tr -d '\000-\037')"
}

# fail EXIT_CODE ERROR_CODE SENTENCE
fail() {
  if [ "$is_json" = yes ]; then
    printf '{"error":{"code":%s,"message":%s}}\n' "$(json_string "$2")" "$(json_string "$3")"
  else
    say "error: $3 ($2)"
  fi
  exit "$1"
}

misused() { fail 2 E_USAGE "$1"; }

# at STAGE: before, asking, freezing or frozen; what is true when somebody interrupts.
at() { stage=$1; }

# interrupted EXIT_CODE
interrupted() {
  trap '' INT TERM
  case $stage in
    freezing) say 'Interrupted while freezing: it may be frozen or not. Run it again, or look: npx hybrid status' ;;
    frozen) say 'Interrupted. Frozen: nothing new goes to BullMQ. Run it again to bring back what BullMQ holds.' ;;
    *)
      # Off the line of the question.
      [ "$stage" != asking ] || say ''
      say 'Interrupted. Nothing was changed.'
      ;;
  esac
  exit "$1"
}

# What to type to run it once more.
same_again() {
  local script=$0 word
  case $script in */*) ;; *) script=./$script ;; esac
  printf '%q --yes' "$script"
  for word in ${again[@]+"${again[@]}"}; do
    case $word in '<'*) printf ' %s' "$word" ;; *) printf ' %q' "$word" ;; esac
  done
}

# ---- options ---------------------------------------------------------------------------------------------------------

# What the CLI takes as well; it would refuse anything else only after the freeze.
is_time() {
  local unit_ms
  [[ $1 =~ ^([0-9]+(\.[0-9]+)?)(ms|s|m|h|d)$ ]] || return 1
  case ${BASH_REMATCH[3]} in
    ms) unit_ms=1 ;;
    s) unit_ms=1000 ;;
    m) unit_ms=60000 ;;
    h) unit_ms=3600000 ;;
    d) unit_ms=86400000 ;;
  esac
  # Rounded to milliseconds before it is compared.
  LC_ALL=C awk -v number="${BASH_REMATCH[1]}" -v unit="$unit_ms" \
    'BEGIN { exit number * unit < 365 * 86400000 + 0.5 ? 0 : 1 }'
}

# check_value OPTION VALUE
check_value() {
  case $1 in
    --reason)
      # Counted without the bytes that continue a character, whatever the locale.
      if [[ ! $2 =~ [^[:space:]] ]] || [ "$(printf '%s' "$2" | LC_ALL=C tr -d '\200-\277' | wc -c)" -gt 500 ]; then
        misused '--reason: allowed are a few words for the audit log, 1 to 500 characters.'
      fi
      reason=$2
      ;;
    --grace)
      is_time "$2" || misused '--grace: allowed is a number with its unit (ms, s, m, h, d), at most 365d, like 30s.'
      ;;
    --redis)
      redis_url=$2
      read_address || misused '--redis: allowed is a URL like redis://host:6379 or rediss://user:password@host:6379/0.'
      ;;
    --namespace)
      [[ $2 =~ ^[A-Za-z0-9._-]{1,64}$ ]] || misused '--namespace: allowed are 1 to 64 letters, digits, "-", "_" or ".".'
      namespace=$2
      ;;
    --config)
      if [ ! -e "$2" ] || [ -d "$2" ]; then misused "--config: there is no file $(printf '%q' "$2")."; fi
      config=$2
      ;;
  esac
}

read_options() {
  local option value
  for option in "$@"; do if [ "$option" = --json ]; then is_json=yes; fi; done
  while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
      -h | --help)
        usage
        exit 0
        ;;
      --dry-run) is_dry_run=yes ;;
      --yes)
        is_confirmed=yes
        acting=$option
        ;;
      --json | --plain-stable | --services | --no-persist | --verbose)
        case $option in --json | --verbose) ;; *) acting=$option ;; esac
        given+=("$option")
        again+=("$option")
        ;;
      --reason | --grace | --redis | --namespace | --config | --reason=* | --grace=* | --redis=* | --namespace=* | --config=*)
        case $option in
          *=*)
            value=${option#*=}
            option=${option%%=*}
            ;;
          *)
            # An option in its place: the value was forgotten. A value that begins so is written with "=".
            case ${1-} in --*) set -- ;; esac
            value=${1-}
            [ $# -eq 0 ] || shift
            ;;
        esac
        [ -n "$value" ] || misused "$option needs a value; see ./rollback.sh --help."
        check_value "$option" "$value"
        [ "$option" = --reason ] || given+=("$option" "$value")
        case $option$value in --redis*@*) value='<the same URL as now>' ;; esac
        again+=("$option" "$value")
        ;;
      -*) misused "unknown option $(printf '%q' "${option%%=*}"); see ./rollback.sh --help." ;;
      *) misused 'only options are allowed; see ./rollback.sh --help.' ;;
    esac
  done
  if [ "$is_dry_run" = yes ] && [ -n "$acting" ]; then
    misused "--dry-run changes nothing, so it is not allowed together with $acting."
  fi
}

# ---- where and with what ---------------------------------------------------------------------------------------------

# The folder that a script really lies in, through symbolic links; macOS has no `readlink -f`.
folder_of() {
  local path=$1 link
  while [ -L "$path" ]; do
    link=$(readlink "$path")
    case $link in
      /*) path=$link ;;
      *) path=$(dirname -- "$path")/$link ;;
    esac
  done
  (CDPATH='' cd -P -- "$(dirname -- "$path")" && pwd -P)
}

# Whether somebody has said, or the folder does, which Redis and namespace are meant.
is_place_known() {
  [ -z "$config$redis_url$namespace" ] || return 0
  [[ ! ${REDIS_URL:-}${HYBRID_NAMESPACE:-} =~ [^[:space:]] ]] || return 0
  [ -e config/hybrid.yaml ] || [ -e .env ] || [ -e .hybrid/redis ]
}

choose_folder() {
  local called home=$own
  if is_place_known || [ "$(pwd -P)" = "$own" ]; then return 0; fi
  # Installed in an app, perhaps as a link to elsewhere: the app is what is meant, not this library.
  called=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -L)
  case $called/ in */node_modules/*) home=${called%%/node_modules/*} ;; esac
  [ "$(pwd -P)" != "$(CDPATH='' cd -P -- "$home" && pwd -P)" ] || return 0
  cd -- "$home"
  say "Acting in $home"
}

# Sets node_problem: why the built CLI cannot run, or nothing. A machine in trouble is slow: no answer in time is no
# reason not to try.
look_for_node() {
  local status
  node_problem='' is_node_slow=no
  if ! command -v node >/dev/null 2>&1; then
    node_problem='node is not on PATH'
    return
  fi
  # Not `limited ... >/dev/null` here: that would swallow the words of an interruption too.
  status=$(limited "$NODE_LIMIT_SECONDS" node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' >/dev/null 2>&1 || echo $?) || status=1
  if [ "$status" = 124 ]; then is_node_slow=yes; fi
  if [ -n "$status" ] && [ "$is_node_slow" = no ]; then
    node_problem="Node 20.19 or newer is needed, and $(command -v node) is not"
  elif [ ! -f "$main" ]; then
    node_problem="there is no build ($main), which \`npm ci && npm run build\` makes"
  fi
}

# limited SECONDS COMMAND...: 124 if it takes longer.
limited() {
  local seconds=$1 status=0 pid watcher
  shift
  if command -v timeout >/dev/null 2>&1; then
    # Where it is known, --foreground: Ctrl-C is to reach the command.
    if timeout --foreground 5 true 2>/dev/null; then set -- --foreground "$seconds" "$@"; else set -- "$seconds" "$@"; fi
    timeout "$@"
    return
  fi
  "$@" &
  pid=$!
  { sleep "$seconds" && kill -KILL "$pid"; } >/dev/null 2>&1 &
  watcher=$!
  { wait "$pid" || status=$?; } 2>/dev/null
  { kill "$watcher" && wait "$watcher"; } >/dev/null 2>&1 || true
  [ "$status" -ne 137 ] || status=124
  return "$status"
}

who() {
  local user host
  user=$(id -un 2>/dev/null) || user=$(id -u 2>/dev/null) || user=unknown
  host=$(hostname 2>/dev/null) || host=$(uname -n 2>/dev/null) || host=unknown
  printf '%s@%s' "$user" "$host"
}

ask() {
  local answer='' question='Stop sending tasks to BullMQ and bring all of them back to bee-queue? [y/N] '
  [ "$is_confirmed" = no ] && [ -t 0 ] || return 0
  [ -t 1 ] || [ -t 2 ] || return 0
  at asking
  if [ -t 2 ]; then printf '%s' "$question" >&2; else printf '%s' "$question"; fi
  read -r answer || say ''
  at before
  case $answer in
    y | Y | [yY][eE][sS]) ;;
    *)
      say 'Nothing was changed.'
      exit 2
      ;;
  esac
}

# ---- the red button through the CLI ----------------------------------------------------------------------------------

# Freezes; otherwise sets cli_status and cli_problem.
freeze_with_cli() {
  local words
  local -a arguments=(freeze --reason "$reason")
  [ -z "$redis_url" ] || arguments+=(--redis "$redis_url")
  [ -z "$namespace" ] || arguments+=(--namespace "$namespace")
  [ -z "$config" ] || arguments+=(--config "$config")
  cli_status=0
  at freezing
  words=$(limited "$FREEZE_LIMIT_SECONDS" node "$main" "${arguments[@]}" </dev/null 2>&1) || cli_status=$?
  if [ "$cli_status" -eq 0 ]; then
    at frozen
    say "$words"
    return 0
  fi
  [ "$cli_status" -ne 130 ] || interrupted 130
  # Its error on one line; of a crash the first line that says what it is.
  cli_problem=$(printf '%s\n' "$words" | awk '
    /^error: / { isError = 1; sub(/^error: /, "") }
    isError { sub(/^ +/, ""); text = text (text == "" ? "" : " ") $0 }
    isError && /\(E_[A-Z_]+\)$/ { exit }
    crash == "" && /Error/ { crash = $0 }
    END { print text != "" ? text : crash }')
  if [ "$cli_status" -eq 124 ]; then cli_problem="\`hybrid freeze\` gave no answer within $FREEZE_LIMIT_SECONDS s"; fi
  if [ -z "$cli_problem" ]; then cli_problem="\`hybrid freeze\` ended with code $cli_status"; fi
  # Its own error with a code says it better: Node did answer then.
  case $is_node_slow$cli_problem in
    *'(E_'*')' | no*) ;;
    *) cli_problem="node did not answer in time ($NODE_LIMIT_SECONDS s), and $cli_problem" ;;
  esac
  return 1
}

# ---- where Node cannot do it -----------------------------------------------------------------------------------------

# decode VARIABLE TEXT: %XX of a URL.
decode() {
  local text=$2 stray='%([^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)'
  [[ ! $text =~ $stray ]] || return 1
  text=${text//\\/\\\\}
  printf -v "$1" '%b' "${text//\%/\\x}"
}

# Takes redis_url apart.
read_address() {
  local rest user_info='' place
  local place_form='^(\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(:([0-9]{1,5}))?$'
  is_tls=no user='' password='' database=''
  case $redis_url in
    redis://*) ;;
    rediss://*) is_tls=yes ;;
    *) return 1 ;;
  esac
  [[ ! $redis_url =~ [[:space:]#] ]] || return 1
  rest=${redis_url#*://}
  rest=${rest%%\?*}
  place=${rest%%/*}
  if [ "$place" != "$rest" ]; then database=${rest#*/}; fi
  case $place in
    *@*)
      user_info=${place%@*}
      place=${place##*@}
      ;;
  esac
  case $user_info in *:*) decode password "${user_info#*:}" || return 1 ;; esac
  decode user "${user_info%%:*}" || return 1
  [[ $database =~ ^[0-9]{0,5}$ ]] && [[ $place =~ $place_form ]] || return 1
  host=${BASH_REMATCH[2]}${BASH_REMATCH[3]}
  port=${BASH_REMATCH[5]:-6379}
}

frozen_only() {
  local message command
  command=$(same_again)
  message="Frozen (namespace $namespace on $host:$port): no new task goes to BullMQ. What BullMQ holds is brought back by the workers that run (their janitors); this script could not do it: $cli_problem. Mend that and run it again"
  if [ "$is_json" = yes ]; then
    printf '{"status":"needs-person","frozen":true,"problems":[{"code":"E_ONLY_FROZEN","message":%s,"command":%s}]}\n' \
      "$(json_string "$message.")" "$(json_string "$command")"
  else
    printf '%s: %s\n(E_ONLY_FROZEN)\n' "$message" "$command"
  fi
  exit 3
}

# ----------------------------------------------------------------------------------------------------------------------

main() {
  trap 'interrupted 130' INT
  trap 'interrupted 143' TERM
  read_options "$@"
  own=$(folder_of "${BASH_SOURCE[0]}")
  main=$own/dist/src/cli/main.js
  choose_folder
  if [ -z "$reason" ]; then reason="rollback.sh: $(who)"; fi
  look_for_node

  if [ "$is_dry_run" = yes ]; then
    [ -z "$node_problem" ] ||
      fail 1 E_NODE "What a rollback would do cannot be shown: $node_problem. Nothing was changed; without --dry-run it would freeze with redis-cli."
    exec node "$main" rollback --dry-run --reason "$reason" ${given[@]+"${given[@]}"}
  fi

  ask
  cli_status=127 cli_problem=$node_problem
  if [ -z "$node_problem" ] && freeze_with_cli; then
    HYBRID_SAME_AGAIN=$(same_again) exec node "$main" rollback --yes --reason "$reason" ${given[@]+"${given[@]}"}
  fi
  case $cli_status$cli_problem in
    2*'(E_UNKNOWN_NAMESPACE)') fail 2 E_UNKNOWN_NAMESPACE "${cli_problem%' ('*}" ;;
  esac
  [ -r "$own/scripts/freeze-with-redis-cli.sh" ] ||
    fail 1 E_NO_SCRIPT "Not frozen: scripts/freeze-with-redis-cli.sh is not beside $own/rollback.sh, which has to stay where it was installed (a link to it is fine); and Node could not do it: $cli_problem"
  # shellcheck source=scripts/freeze-with-redis-cli.sh
  . "$own/scripts/freeze-with-redis-cli.sh"
  freeze_with_redis_cli
  frozen_only
}

main "$@"
