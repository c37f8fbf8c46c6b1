# To have these completions: source <(@COMMAND@ --completions bash)
# Completions for bash: asks the script $1 what fits at the cursor, and offers the lines that it prints. They are text: none
# is expanded, and one that a shell would have to quote is left out. $2 is the part of the line that bash replaces.
_gui_container_complete() {
  local at word spaces before line rest=${COMP_LINE:0:COMP_POINT} words=() lines=()
  # Readline parts words at "=" and ":" too: what has no space between is one word.
  for ((at = 0; at <= COMP_CWORD; at++)); do
    spaces=${rest%%[![:space:]]*}
    rest=${rest#"$spaces"}
    word=${COMP_WORDS[at]}
    ((at < COMP_CWORD)) || word=$rest
    rest=${rest#"$word"}
    if [[ $spaces || $at == 0 ]]; then words+=("$word"); else words[-1]+=$word; fi
  done
  words=("${words[@]//[\"\'\\]/}")
  before=${words[-1]%"$2"}
  mapfile -t lines < <("$1" --complete -- "${words[@]:1}" 2>/dev/null </dev/null)
  COMPREPLY=()
  for line in "${lines[@]}"; do
    word=${line%%$'\t'*}
    case $word in
      :files)
        compopt -o filenames
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$2")
        ;;
      :list) compopt -o nospace ;;
      *[![:alnum:]=,.:_-]*) ;;
      "${words[-1]}"*) COMPREPLY+=("${word#"$before"}") ;;
    esac
  done
}

@FUNCTION@() { _gui_container_complete @PATH@ "$2"; }
complete -F @FUNCTION@ @COMMANDS@
