# Mounts LazyFS for another user, who needs no /dev/fuse for that, and becomes it.
#
# Usage: lost_power.py LAZYFS CONFIG ROOT MOUNT_POINT UID GID
import ctypes, os, sys

program, config, root, mount_point, uid, gid = sys.argv[1:]
device = os.open("/dev/fuse", os.O_RDWR)
os.set_inheritable(device, True)
options = f"fd={device},rootmode=40000,user_id={uid},group_id={gid},allow_other,default_permissions"
nosuid_nodev = 6
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"lazyfs", mount_point.encode(), b"fuse.lazyfs", nosuid_nodev, options.encode()) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.setgroups([])
os.setgid(int(gid))
os.setuid(int(uid))
where = f"modules=subdir,subdir={root}"
os.execv(program, [program, f"/dev/fd/{device}", "--config-path", config, "-o", where, "-f"])
