#compdef @COMMANDS@
# To have these completions: source <(@COMMAND@ --completions zsh), after compinit
# Completions for zsh: asks the script $1 what fits at the cursor, and offers the lines that it prints. They are text: none
# is expanded, and compadd quotes what a shell would take for its own.
_gui_container_complete() {
  local line
  local -a names texts how
  for line in "${(@f)$("$1" --complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)}"; do
    case $line in
      '') ;;
      :files) _files ;;
      :list) how+=(-S '') ;;
      *) names+=("${line%%$'\t'*}") texts+=("${line/$'\t'/  -- }") ;;
    esac
  done
  [[ "$names" == "$texts" ]] || how+=(-l -d texts)
  compadd "${(@)how}" -a names
}

@FUNCTION@() { _gui_container_complete @PATH@ }
compdef @FUNCTION@ @COMMANDS@
# In a directory of $fpath, the shell takes all this for the function, and calls it at the first Tab.
[[ $funcstack[1] != @FUNCTION@ ]] || @FUNCTION@
