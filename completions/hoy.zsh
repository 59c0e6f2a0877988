#compdef hoy
# Completion of hoy for zsh: source <(hoy completion zsh). The words come from hoy itself (src/cli/complete.ts).

_hoy() {
  local -a lines candidates unfinished
  local line value
  lines=("${(@f)$(${words[1]} __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ ${lines[1]} == :files ]]; then
    # of --flag=value, the path is what stands behind the equals sign
    [[ $PREFIX == --*=* ]] && compset -P '--[^=]##='
    _files
    return
  fi
  for line in "${lines[@]}"; do
    [[ -z $line ]] && continue
    value=${line%%$'\t'*}
    [[ $line == *$'\t'* ]] && line=${value//:/\\:}:${line#*$'\t'} || line=${value//:/\\:}
    # a value follows
    [[ $value == *[=:] ]] && unfinished+=("$line") || candidates+=("$line")
  done
  (( $#unfinished )) && _describe -t values hoy unfinished -S ''
  (( $#candidates )) && _describe -t values hoy candidates
}

# as a file of $fpath, this is the function's own body
if [[ $funcstack[1] == _hoy ]]; then
  _hoy "$@"
  return
fi
compdef _hoy hoy
# docker may be a link to hoy
if (( $+commands[docker] && $+commands[hoy] )) && [[ ${commands[docker]:A} == ${commands[hoy]:A} ]]; then
  compdef _hoy docker
fi
