# shellcheck shell=sh
# microphone/session.sh
# After serve_session.sh: what the host's microphone picks up comes by a FIFO, to which the session's agent writes. PulseAudio makes
# it, see pulse.sh.
#
# Values in front:
#   source  the arguments of PulseAudio's pipe source that describe the samples
mkdir "$RUNTIME_DIRECTORY/microphone"
source="file=$RUNTIME_DIRECTORY/microphone/samples ${source:?}"
