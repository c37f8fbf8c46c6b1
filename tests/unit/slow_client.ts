/** An engine's client on a busy machine: it loses what it has not read when the program in the container ends. */

const script = `
directory=$(mktemp -d)
mkfifo "$directory/output"
exec 4<&0
{ "$@" <&4; echo $? >"$directory/ended"; } >"$directory/output" &
exec 3<"$directory/output"
sleep 0.2
[ -e "$directory/ended" ] || cat <&3
wait
read -r status <"$directory/ended"
rm -r "$directory"
exit "$status"
`;

/** Runs a program, and hands on its input, its exit status, and what it prints if it has not ended 0.2 s later. */
export function slowClient(argv: readonly string[]): string[] {
  return ["sh", "-c", script, "sh", ...argv];
}
