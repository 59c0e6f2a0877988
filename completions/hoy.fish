# Completion of hoy for fish: hoy completion fish | source. The words come from hoy itself (src/cli/complete.ts).

function __hoy_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($before[1] __complete -- $before[2..-1] "$current" 2>/dev/null)
    if test "$lines[1]" = ":files"
        # of --flag=value, the path is what stands behind the equals sign
        set -l flag (string match -r -- '^--[^=]+=' "$current")
        printf '%s\n' "$flag"(__fish_complete_path (string replace -r -- '^--[^=]+=' '' "$current"))
    else
        printf '%s\n' $lines
    end
end

complete -c hoy -f -a '(__hoy_complete)'
function __hoy_for_docker
    # fish has completions of its own for docker: they are loaded here, so that they are not on first use, and dropped
    complete -C 'docker -' >/dev/null
    complete -e -c docker
    complete -c docker -f -a '(__hoy_complete)'
end

# docker may be a link to hoy
if command -q docker; and command -q hoy; and test (realpath (command -s docker)) = (realpath (command -s hoy))
    __hoy_for_docker
end
