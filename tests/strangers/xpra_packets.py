# Packets of xpra's own unit tests of its parts, which make each part of a client or of a server by itself.
#
# Usage: xpra_packets.py record TESTS TREE FILE: runs the tests of a file in TESTS; each packet is a line, as JSON. With
#        TREE, another xpra than the installed one, whose encoder is in C, and used for all.
#        xpra_packets.py same: reads two packets a line, in hexadecimal, and prints whether they are equal.
import importlib
import json
import os
import sys
import unittest

from xpra.net.rencodeplus.rencodeplus import dumps, loads


def plain(value):
    """What xpra sends of a value: wrappers of bytes have these as their data."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (memoryview, bytearray)):
        return bytes(value)
    return getattr(value, "data", value)


def note(sender, packet):
    items = plain(list(packet))
    try:
        line = {"sender": sender, "type": str(items[0]), "hex": dumps(items).hex()}
    except Exception:
        # A stand-in of the test's, such as a socket.
        return
    print(json.dumps(line), file=output, flush=True)


def spy(owner, name, sender, skip):
    original = getattr(owner, name, None)
    if not original:
        return

    def noting(*args, **kwargs):
        packet = args[skip:]
        note(sender, packet if isinstance(packet[0], str) else packet[0])
        return original(*args, **kwargs)

    setattr(owner, name, noting)


def spy_on_tests():
    from unit.client.subsystem.clientmixintest_util import ClientMixinTest
    from unit.server.subsystem.servermixintest_util import ServerMixinTest

    spy(ClientMixinTest, "send", "client", 1)
    spy(ClientMixinTest, "handle_packet", "container", 1)
    spy(ServerMixinTest, "handle_packet", "client", 1)
    make = ServerMixinTest._test_mixin_class

    def make_and_spy(test, *args, **kwargs):
        made = make(test, *args, **kwargs)
        for name in ("send", "send_now", "send_async", "send_more"):
            if test.source:
                spy(test.source, name, "container", 0)
        return made

    ServerMixinTest._test_mixin_class = make_and_spy
    if os.path.exists("unit/loopback_util.py"):
        from unit.loopback_util import LoopbackTest

        end = LoopbackTest.tearDown

        def note_and_end(test):
            for packet in test.c2s:
                note("client", packet)
            for packet in test.s2c:
                note("container", packet)
            end(test)

        LoopbackTest.tearDown = note_and_end


if sys.argv[1] == "same":
    for line in sys.stdin:
        one, other = line.split()
        print(loads(bytes.fromhex(one)) == loads(bytes.fromhex(other)))
    sys.exit()
tests, tree, file = sys.argv[2:]
# What the tests print goes elsewhere.
output = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
if tree:
    for name in [name for name in sys.modules if name.split(".")[0] == "xpra"]:
        del sys.modules[name]
    sys.path.insert(0, tree)
os.environ.update(XPRA_UNIT_TEST="1", XPRA_SKIP_UI="1", XPRA_NOTTY="1")
os.chdir(tests)
sys.path.insert(0, tests)
spy_on_tests()
module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
result = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromModule(module))
output.close()
os._exit(0 if result.wasSuccessful() else 1)
