# shellcheck shell=sh
# sound/session.sh
# After serve_session.sh: what apps play goes into the FIFO beside the session's socket, see pulse.sh. The host's player ends when
# the FIFO is no longer open here: at the end of the session. session.sh waits until the FIFO is open.
#
# Values in front:
#   sink  the arguments of PulseAudio's pipe sink that describe the samples
# shellcheck disable=SC2154 # serve_session.sh has them.
exec 8<>"$sockets/$session~sound"
sink="file=$sockets/$session~sound ${sink:?}"
