# The red button with redis-cli, for rollback.sh where Node cannot press it: this is a part of that script, with its
# variables, in a file of its own. For bash 3.2 (macOS) and newer.
# shellcheck shell=bash
# shellcheck disable=SC2154 # namespace, config, password and the like are set by rollback.sh

readonly SCAN_ROUNDS=50 SCAN_COUNT=10000 NAMES_SHOWN=20

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
  at freezing
  output=$(ask_redis --raw --eval "$lua" "{$namespace}:" , freeze '' "$actor" "$reason") || status=$?
  # Whatever redis-cli ends with: only the script itself says ok.
  [ "$(answer_of "$output" | head -n 1)" = ok ] || redis_refused "$output" "$status"
  at frozen
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
