# main.py
# After agent.py and the parts of the channels: serves until the agent is idle.
if not CHANNELS:
    sys.exit(int(USELESS))
if USELESS:
    earlier = read_attached()
    write_attached(f"{os.getppid()}\n")
    if earlier not in (None, os.getppid()):
        # It then notices that a later one has replaced it.
        os.kill(earlier, signal.SIGUSR1)
    GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, on_host)
else:
    ask_here()
if take_environment():
    GLib.timeout_add(20, take_environment)
GLib.timeout_add_seconds(1, end_idle)
own_names()
GLib.MainLoop().run()
