# To have these completions: @COMMAND@ --completions fish | source
# Completions for fish: asks the script $argv[1] what fits at the cursor, and prints the lines that it prints. They are text:
# fish expands none, and quotes what it would take for its own.
function _gui_container_complete
    command -q $argv[1]; or return
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($argv[1] --complete -- $words[2..] "$current" 2>/dev/null </dev/null)
        switch $line
            case :files
                complete -C "'' $current"
            case ':*'
            case '*'
                printf '%s\n' $line
        end
    end
end

function @FUNCTION@
    _gui_container_complete @PATH@
end
for _gui_container_command in @COMMANDS@
    complete -c $_gui_container_command -f -a "(@FUNCTION@)"
end
set -e _gui_container_command
