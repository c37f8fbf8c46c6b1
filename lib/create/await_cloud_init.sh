# shellcheck shell=sh
# await_cloud_init.sh
# Waits until cloud-init has ended. Prints its status as JSON, then a line with its exit status and the size of the
# user-data in bytes, 0 if cloud-init got none. `cloud-init status` takes half a second of CPU time to start, and asks
# systemd four times a second, just when the machine is busiest. So this reads cloud-init's files, and calls that
# program only if they do not report success, or if the boot has ended without them.
run=/run/cloud-init looks=0

# Whether cloud-init has looked for a datasource (files that the image's templates made, or the engine's socket) and
# found none. It looks before the network is up, then waits minutes for one on the network. Reads the file once: it may
# be replaced.
lacks_source() {
  awk '/"datasource": null/ { none = 1 }
    /"init-local"/ { local = 1 }
    local && /"finished": [0-9]/ { finished = 1 }
    /}/ { local = 0 }
    END { exit !(none && finished) }' $run/status.json 2>/dev/null
}

while [ ! -e $run/result.json ] && [ ! -e $run/disabled ] && command -v cloud-init >/dev/null; do
  ! lacks_source || { echo "0 0" && exit; }
  looks=$((looks + 1))
  if [ $looks -gt 100 ]; then
    case $(systemctl is-system-running 2>/dev/null) in initializing | starting) ;; *) break ;; esac
    sleep 0.4
  fi
  sleep 0.1
done
found=$([ -e $run/result.json ] && grep -s 'errors"' $run/status.json)
if [ -n "$found" ] && ! echo "$found" | grep -qv '": \(\[\]\|{}\),*$'; then
  status=0
else
  cloud-init status --wait --format json
  status=$?
fi
echo "$status $(stat -L -c %s /var/lib/cloud/instance/user-data.txt 2>/dev/null || echo 0)"
