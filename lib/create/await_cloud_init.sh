# shellcheck shell=sh
# await_cloud_init.sh
# Waits until cloud-init has ended. Prints its status as JSON, then a last line with its exit status and the size in bytes of
# the file of the user-data, which is empty where cloud-init was given none.
cloud-init status --wait --format json
status=$?
echo "$status $(stat -L -c %s /var/lib/cloud/instance/user-data.txt 2>/dev/null || echo 0)"
