# shellcheck shell=sh
# await_cloud_init.sh
# Waits until cloud-init has ended. Prints its status as JSON, then a last line with its exit status and the size in bytes of
# the file of the user-data, which is empty where cloud-init was given none.
# `cloud-init status` takes half a second of the processor to start, and looks at systemd four times a second, just when the
# machine has most to do. Its files tell when all is well; all else is its own to tell, also what is not told by the end of
# the boot, to which it belongs.
run=/run/cloud-init looks=0
while [ ! -e $run/result.json ] && [ ! -e $run/disabled ] && command -v cloud-init >/dev/null; do
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
