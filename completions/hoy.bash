# Completion of hoy for bash: source <(hoy completion bash). The words come from hoy itself (src/cli/complete.ts).

_hoy() {
  local line=${COMP_LINE:0:COMP_POINT} word
  # bash's words, put together again where it cuts within one, as at : and =
  local -a words=()
  for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [[ ${#words[@]} -eq 0 || $line == [[:space:]]* ]]; then
      line=${line#"${line%%[![:space:]]*}"}
      words+=("")
    fi
    words[-1]+=${line:0:${#word}}
    line=${line:${#word}}
  done
  words=("${words[@]//[\"\']/}")
  # what stands before the piece that bash completes stays on its line
  local kept=${words[-1]%"$2"}
  local -a lines
  mapfile -t lines < <("${words[0]/#\~/$HOME}" __complete -- "${words[@]:1}" 2>/dev/null)
  COMPREPLY=()
  if [[ ${lines[0]-} == :files ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$2")
    return
  fi
  local candidate
  for candidate in "${lines[@]}"; do
    candidate=${candidate%%$'\t'*}
    COMPREPLY+=("${candidate#"$kept"}")
  done
  # a value follows
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:] ]] && compopt -o nospace
  return 0
}

complete -F _hoy hoy
# docker may be a link to hoy
if [[ -n $(type -P docker) && $(readlink -f "$(type -P docker)") == "$(readlink -f "$(type -P hoy)")" ]]; then
  complete -F _hoy docker
fi
