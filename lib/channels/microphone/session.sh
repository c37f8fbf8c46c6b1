# shellcheck shell=sh
# microphone/session.sh
# After serve_session.sh: the session's agent writes the samples of the host's microphone into a FIFO, which PulseAudio makes, see
# pulse.sh.
#
# Values in front:
#   source  the arguments of PulseAudio's pipe source that describe the samples
mkdir "$RUNTIME_DIRECTORY/microphone"
source="file=$RUNTIME_DIRECTORY/microphone/samples ${source:?}"
