# shellcheck shell=sh
# sign/session.sh
# After serve_session.sh: makes apps use the SSH agent that the session's agent offers.
mkdir "$RUNTIME_DIRECTORY/sign"
export SSH_AUTH_SOCK="$RUNTIME_DIRECTORY/sign/agent"
