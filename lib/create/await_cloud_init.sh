# shellcheck shell=sh
# await_cloud_init.sh
# Waits until cloud-init has ended. Prints its status as JSON, then a last line with its exit status and the size in bytes of
# the file of the user-data, which is empty where cloud-init was given none.
# Value in front: the exit status for a cloud-init that failed.
: "${failed:?}"
cloud-init status --wait --format json
status=$?
echo "$status $(stat -L -c %s /var/lib/cloud/instance/user-data.txt 2>/dev/null || echo 0)"
case $status in 0 | 2) ;; *) exit "$failed" ;; esac
