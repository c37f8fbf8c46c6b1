# shellcheck shell=sh
# list_sessions.sh
# Prints a line for each live session, as the container user: name, "x11" or "wayland", process id of the app, number of
# clients, start in seconds of the epoch, its open channels, "served" if a run serves them or will do so soon, app as JSON; a tab
# between them. A session on Wayland lives no longer than its windows' client, but counts as one without a client while no run
# serves its channels.
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"

# The clients of the xpra server with this process id. A socket is listed in the network namespace of the end that has made
# the connection. The clients are on the host: their connections are the sockets of the server that are not listed here. Those of
# clients on another machine are made by this container's sshd: they are listed as connected (03) to the session's own socket.
count_clients() {
  readlink "/proc/$1/fd/"* | awk -v socket="/.xpra/$2" '
    FILENAME ~ /unix/ { listed[$7] = $6 == "03" && substr($8, length($8) - length(socket) + 1) == socket; next }
    FILENAME != "-" { listed[$10] = 0; next }
    sub(/^socket:\[/, "") && sub(/\]$/, "") && (!($0 in listed) || listed[$0]) { clients++ }
    END { print clients + 0 }' /proc/net/unix /proc/net/netlink -
}

# Whether a run serves the session with this directory, or will do so soon.
is_served() {
  # For so long, the session's bus waits for the agent of the run that has started it: see offer_portals.sh.
  [ -z "$(find "$1/awaited" -newermt '20 seconds ago' 2>/dev/null)" ] || return 0
  read -r pid 2>/dev/null <"$1/attached" && grep -qsa start_agent.sh "/proc/$pid/cmdline"
}

systemctl --user list-units --type=service --state=activating,active --plain --no-legend 'gui-container-*' |
  while read -r unit _; do
    directory=$XDG_RUNTIME_DIR/${unit%.service}
    session=${unit#gui-container-}
    session=${session%.service}
    [ -e "$directory/record" ] || continue
    served=
    ! is_served "$directory" || served=served
    if [ -e "$directory/wayland" ]; then
      display=wayland clients=1
      [ ! -e "$directory/attached" ] || [ "$served" ] || clients=0
    else
      display=x11
      clients=$(count_clients "$(systemctl --user show --property=MainPID --value "$unit")" "$session")
    fi
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$session" "$display" "$(cat "$directory/pid" 2>/dev/null)" "$clients" \
      "$(stat -c %Y "$directory/record")" "$(cat "$directory/channels" 2>/dev/null)" "$served" "$(cat "$directory/record")"
  done
