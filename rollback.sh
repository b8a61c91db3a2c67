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
  --grace TIME      how long running tasks may go on before they are aborted, like 30s (default: 30s)
  --json            the result as JSON on standard output
  --plain-stable    bee-queue's workers are plain ones, without this library: hand the tasks over to their queues
  --services        also stop and start the services that the config names
  --no-persist      leave config/hybrid.yaml, the flag file and .env as they are
  --redis URL       the control Redis (default: REDIS_URL, in the environment or .env, then the config file)
  --namespace NAME  the namespace (default: HYBRID_NAMESPACE, in the environment or .env, then the config file)
  --config FILE     config file (default: config/hybrid.yaml here, else beside this script)
  --verbose         show the stack of an error
  --help            this text

Exit codes:
  0    done and verified
  1    failed; it is safe to run it again
  2    usage: an option, the namespace or the answer was not right; nothing was changed
  3    frozen, but something needs a person; it is named, with the command to type
  130  interrupted
TEXT
}

readonly FREEZE_LIMIT_SECONDS=30 REDIS_LIMIT_SECONDS=5
readonly SCAN_ROUNDS=50 SCAN_COUNT=10000 NAMES_SHOWN=20

is_json=no is_dry_run=no is_confirmed=no
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
      [[ $2 =~ ^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$ ]] ||
        misused '--grace: allowed is a number with its unit (ms, s, m, h, d), like 30s.'
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
      --yes) is_confirmed=yes ;;
      --json | --plain-stable | --services | --no-persist | --verbose)
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

# Sets node_problem: why the built CLI cannot run, or nothing.
look_for_node() {
  node_problem=''
  if ! command -v node >/dev/null 2>&1; then
    node_problem='node is not on PATH'
  elif ! limited "$REDIS_LIMIT_SECONDS" node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' >/dev/null 2>&1; then
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
    if timeout --foreground 1 true 2>/dev/null; then set -- --foreground "$seconds" "$@"; else set -- "$seconds" "$@"; fi
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
  if [ -t 2 ]; then printf '%s' "$question" >&2; elif [ -t 1 ]; then printf '%s' "$question"; else return 0; fi
  read -r answer || say ''
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
  words=$(limited "$FREEZE_LIMIT_SECONDS" node "$main" "${arguments[@]}" </dev/null 2>&1) || cli_status=$?
  if [ "$cli_status" -eq 0 ]; then
    say "$words"
    return 0
  fi
  [ "$cli_status" -ne 130 ] || exit 130
  # Its error on one line; of a crash the first line that says what it is.
  cli_problem=$(printf '%s\n' "$words" | awk '
    /^error: / { isError = 1; sub(/^error: /, "") }
    isError { sub(/^ +/, ""); text = text (text == "" ? "" : " ") $0 }
    isError && /\(E_[A-Z_]+\)$/ { exit }
    crash == "" && /Error/ { crash = $0 }
    END { print text != "" ? text : crash }')
  if [ "$cli_status" -eq 124 ]; then cli_problem="no answer within $FREEZE_LIMIT_SECONDS s"; fi
  if [ -z "$cli_problem" ]; then cli_problem="\`hybrid freeze\` ended with code $cli_status"; fi
  return 1
}

# ---- the red button with redis-cli -----------------------------------------------------------------------------------

# Prints each value that a config file may mean; "?" for one that cannot be told. The file may be broken.
in_config() {
  LC_ALL=C awk -v want="$1" '
    function scalar(text, isFlow,   quote) {
      sub(/^[ \t]+/, "", text)
      quote = substr(text, 1, 1)
      if (quote == "\"" || quote == "\047") {
        text = substr(text, 2)
        return index(text, quote) ? substr(text, 1, index(text, quote) - 1) : "?"
      }
      if (isFlow) sub(/[ \t]*[,}].*$/, "", text)
      sub(/(^|[ \t]+)#.*$/, "", text)
      sub(/[ \t]+$/, "", text)
      return text == "null" || text == "~" ? "" : text
    }
    NR == 1 { sub(/^\357\273\277/, "") }
    { sub(/\r$/, "") }
    /^[ \t]*(#|$)/ { next }
    want == "namespace" && /^["\047]?namespace["\047]?[ \t]*:/ {
      sub(/^[^:]*:/, "")
      value = scalar($0, 0)
      print value == "" ? "?" : value
      next
    }
    # Mistyped, or in a place where it is not looked for.
    want == "namespace" { sub(/[ \t]#.*$/, ""); if (/^["\047]?n/ || /namespace/) print "?" }
    want == "url" && /^["\047]?redis["\047]?[ \t]*:/ {
      sub(/^[^:]*:[ \t]*/, "")
      isInside = !/^\{/
      if (!isInside && match($0, /[{,][ \t]*["\047]?url["\047]?[ \t]*:/)) print scalar(substr($0, RSTART + RLENGTH), 1)
      next
    }
    /^[^ \t]/ { isInside = 0 }
    isInside && /^[ \t]+["\047]?url["\047]?[ \t]*:/ { sub(/^[^:]*:/, ""); print scalar($0, 0) }
  ' "$2" | LC_ALL=C sort -u
}

# in_dotenv NAME FILE: its last assignment.
in_dotenv() {
  LC_ALL=C awk -v name="$1" '
    NR == 1 { sub(/^\357\273\277/, "") }
    { sub(/\r$/, "") }
    $0 ~ "^[ \t]*(export[ \t]+)?" name "([ \t]*=|:[ \t])" {
      sub(/^[^=:]*[=:][ \t]*/, "")
      quote = substr($0, 1, 1)
      value = substr($0, 2)
      if ((quote == "\"" || quote == "\047" || quote == "`") && index(value, quote)) value = substr(value, 1, index(value, quote) - 1)
      else { value = $0; sub(/[ \t]*#.*$/, "", value) }
    }
    END { print value }
  ' "$2"
}

# Prints a variable of the environment, else of .env; "?" if that cannot be read. Set to nothing, it hides the one of
# .env: so it is for the CLI.
variable() {
  local value=''
  if [ -n "${!1+set}" ]; then
    value=${!1}
  elif [ -r .env ]; then
    value=$(in_dotenv "$1" .env)
  elif [ -e .env ]; then
    value='?'
  fi
  value=${value#"${value%%[![:space:]]*}"}
  printf '%s' "${value%"${value##*[![:space:]]}"}"
}

cannot_freeze() { fail 1 "$1" "Not frozen: $2; and Node could not do it: $cli_problem"; }

find_redis() {
  local file=${config:-config/hybrid.yaml}
  if [ -z "$redis_url" ]; then redis_url=$(variable REDIS_URL); fi
  if [ -z "$redis_url" ] && [ -r "$file" ]; then redis_url=$(in_config url "$file"); fi
  [ -n "$redis_url" ] ||
    cannot_freeze E_NO_REDIS "cannot tell which Redis; give it with: $(same_again) --redis redis://HOST:6379"
  read_address ||
    cannot_freeze E_NO_REDIS "the Redis URL of REDIS_URL, .env or $file cannot be read; give it with: $(same_again) --redis redis://HOST:6379"
}

find_namespace() {
  local file=${config:-config/hybrid.yaml}
  if [ -z "$namespace" ]; then namespace=$(variable HYBRID_NAMESPACE); fi
  if [ -z "$namespace" ] && [ -e "$file" ]; then
    if [ -r "$file" ]; then namespace=$(in_config namespace "$file"); else namespace='?'; fi
  fi
  namespace=${namespace:-hybrid}
  [[ $namespace =~ ^[A-Za-z0-9._-]{1,64}$ ]] ||
    cannot_freeze E_NO_NAMESPACE "cannot tell the namespace from HYBRID_NAMESPACE, .env or $file; give it with: $(same_again) --namespace NAME"
}

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

# Runs redis-cli. The password goes through the environment: other users of the machine can read a command line.
ask_redis() {
  # An empty one would be sent as well, and refused.
  if [ -n "$password" ]; then export REDISCLI_AUTH=$password; fi
  limited "$REDIS_LIMIT_SECONDS" "${redis_cli[@]}" "$@" </dev/null 2>&1
}

# The same without what redis-cli says beside the answer.
answer_of() {
  printf '%s\n' "$1" | grep -Ev '^(AUTH failed|Warning|WARNING)' || true
}

# What redis-cli said, as a part of a sentence.
said() {
  local line
  line=$(printf '%s\n' "$1" | grep -v '^$' | head -n 1) || true
  if [ "$2" -eq 124 ]; then line="no answer from $host:$port within $REDIS_LIMIT_SECONDS s"; fi
  printf 'redis-cli said: %s' "${line:-nothing}"
}

# The namespaces that this Redis has, as many as a bounded look finds.
namespaces_there() {
  local cursor=0 round=0 page names=''
  while [ "$round" -lt "$SCAN_ROUNDS" ]; do
    page=$(ask_redis SCAN "$cursor" MATCH '{*}:control' COUNT "$SCAN_COUNT") || return 0
    page=$(answer_of "$page")
    cursor=${page%%$'\n'*}
    case $page in *$'\n'*) names=$names${page#*$'\n'}$'\n' ;; esac
    if [ "$cursor" = 0 ] || [[ ! $cursor =~ ^[0-9]+$ ]]; then break; fi
    round=$((round + 1))
  done
  printf '%s' "$names" | LC_ALL=C sed -n 's/^{\([A-Za-z0-9._-]*\)}:control$/\1/p' | LC_ALL=C sort -u |
    head -n "$NAMES_SHOWN" | paste -sd , - | sed 's/,/, /g'
}

unknown_namespace() {
  local known
  known=$(namespaces_there)
  fail 2 E_UNKNOWN_NAMESPACE "Redis on $host:$port has no namespace $namespace, so nothing was frozen; it has: ${known:-none}. Give the right one with --namespace, or the right Redis with --redis."
}

# Freezes with the script that the CLI uses as well; otherwise ends this script.
freeze_with_redis_cli() {
  local lua='' candidate actor output status=0
  find_redis
  find_namespace
  for candidate in "$own/dist/src/state/lua/set-control.lua" "$own/src/state/lua/set-control.lua"; do
    if [ -z "$lua" ] && [ -r "$candidate" ]; then lua=$candidate; fi
  done
  [ -n "$lua" ] || cannot_freeze E_NO_SCRIPT "set-control.lua is neither in dist/src/state/lua nor in src/state/lua of $own"
  actor="rollback.sh:$(who)"

  redis_cli=(redis-cli)
  if ! command -v redis-cli >/dev/null 2>&1 && command -v valkey-cli >/dev/null 2>&1; then redis_cli=(valkey-cli); fi
  redis_cli+=(-h "$host" -p "$port")
  [ -z "$database" ] || redis_cli+=(-n "$database")
  [ -z "$user" ] || redis_cli+=(--user "$user")
  [ "$is_tls" = no ] || redis_cli+=(--tls)
  if [ "$is_tls" = yes ] && [ -r "${NODE_EXTRA_CA_CERTS:-}" ]; then redis_cli+=(--cacert "$NODE_EXTRA_CA_CERTS"); fi
  if ! command -v "${redis_cli[0]}" >/dev/null 2>&1; then
    cannot_freeze E_NO_REDIS_CLI "redis-cli is not on PATH. Where there is one, with set-control.lua and the password in REDISCLI_AUTH: $(printf '%q ' "${redis_cli[@]}" --eval "$lua" "{$namespace}:" , freeze '' "$actor" "$reason")"
  fi

  output=$(ask_redis EXISTS "{$namespace}:control") || status=$?
  case $output in
    *'without any password configured'* | *'no password is set'*)
      # A password too many: the CLI goes on without it, and so does this.
      password='' status=0
      output=$(ask_redis EXISTS "{$namespace}:control") || status=$?
      ;;
  esac
  case $(answer_of "$output") in
    1) ;;
    0) unknown_namespace ;;
    *) redis_refused "$output" "$status" ;;
  esac
  output=$(ask_redis --raw --eval "$lua" "{$namespace}:" , freeze '' "$actor" "$reason") || status=$?
  # Whatever redis-cli ends with: only the script itself says ok.
  [ "$(answer_of "$output" | head -n 1)" = ok ] || redis_refused "$output" "$status"
}

# redis_refused OUTPUT STATUS. Where Node came as far as Redis, its words say it better.
redis_refused() {
  if [ "$cli_status" -eq 1 ]; then
    case $cli_problem in
      *'(E_'*')') fail 1 "$(printf '%s' "$cli_problem" | sed -n 's/.*(\(E_[A-Z_]*\))$/\1/p' | tail -n 1)" "${cli_problem%' ('*}" ;;
    esac
  fi
  cannot_freeze E_REDIS "$(said "$1" "$2")"
}

frozen_only() {
  local message command
  command=$(same_again)
  message="Frozen (namespace $namespace on $host:$port): no new task goes to BullMQ. What BullMQ holds is brought back by the workers that run (their janitors); this script could not do it: $cli_problem. Mend that and run it again"
  if [ "$is_json" = yes ]; then
    printf '{"status":"needs-person","frozen":true,"problems":[{"code":"E_FREEZE_ONLY","message":%s,"command":%s}]}\n' \
      "$(json_string "$message.")" "$(json_string "$command")"
  else
    printf '%s: %s\n' "$message" "$command"
  fi
  exit 3
}

# ----------------------------------------------------------------------------------------------------------------------

main() {
  trap 'exit 130' INT
  trap 'exit 143' TERM
  read_options "$@"
  own=$(folder_of "${BASH_SOURCE[0]}")
  main=$own/dist/src/cli/main.js
  if [ -z "$config" ] && [ ! -e config/hybrid.yaml ]; then cd -- "$own"; fi
  if [ -z "$reason" ]; then reason="rollback.sh: $(who)"; fi
  look_for_node

  if [ "$is_dry_run" = yes ]; then
    [ -z "$node_problem" ] ||
      fail 1 E_NODE "What a rollback would do cannot be shown: $node_problem. Nothing was changed; without --dry-run it would freeze with redis-cli."
    [ "$is_confirmed" = no ] || given+=(--yes)
    exec node "$main" rollback --dry-run --reason "$reason" ${given[@]+"${given[@]}"}
  fi

  ask
  cli_status=127 cli_problem=$node_problem
  if [ -z "$node_problem" ] && freeze_with_cli; then
    exec node "$main" rollback --yes --reason "$reason" ${given[@]+"${given[@]}"}
  fi
  case $cli_status$cli_problem in
    2*'(E_UNKNOWN_NAMESPACE)') fail 2 E_UNKNOWN_NAMESPACE "${cli_problem%' ('*}" ;;
  esac
  freeze_with_redis_cli
  frozen_only
}

main "$@"
