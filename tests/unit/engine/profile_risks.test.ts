import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { bundledProfiles } from "../../../lib/create/bundled.ts";
import { parseProfile } from "../../../lib/create/profile_file.ts";
import { type ProfileRisk, profileRisks } from "../../../lib/engine/profile_risks.ts";

function risksOf(
  { config = {}, devices = {} }: {
    config?: Record<string, string>;
    devices?: Record<string, Record<string, string>>;
  },
): ProfileRisk[] {
  return profileRisks({ config, devices });
}

Deno.test("profileRisks() names each configuration key that gives the host away, with what it gives", () => {
  for (
    const [key, value, gives] of [
      ["raw.lxc", "lxc.mount.entry = / mnt none bind 0 0", "run by root on the host"],
      ["raw.apparmor", "mount,", "AppArmor"],
      ["raw.seccomp", "2", "system calls"],
      ["raw.idmap", "both 1000 1000", "users of the host"],
      ["raw.qemu", "-x", "a program that runs on the host"],
      ["raw.qemu.conf", "[x]", "a program that runs on the host"],
      ["raw.qemu.scriptlet", "x", "a program that runs on the host"],
      ["security.nesting", "true", "open to attack"],
      ["security.nesting", "1", "open to attack"],
      ["security.nesting", "On", "open to attack"],
      ["security.syscalls.allow", "open", "system calls"],
      ["security.syscalls.deny", "x", "system calls"],
      ["security.syscalls.deny_default", "false", "system calls"],
      ["security.syscalls.blacklist_default", "false", "system calls"],
      ["security.syscalls.intercept.mount", "true", "as root on the host"],
      ["security.syscalls.intercept.mount.allowed", "ext4", "as root on the host"],
      ["security.syscalls.intercept.bpf.devices", "yes", "as root on the host"],
      ["security.devlxd.images", "true", "images of the host"],
      ["security.devlxd.management.volumes", "true", "storage volumes"],
      ["security.guestapi.images", "true", "images of the host"],
      ["security.idmap.base", "1000", "ids on the host"],
      ["security.idmap.size", "70000", "ids on the host"],
      ["security.bpffs.delegate_progs", "any", "the host's kernel"],
      ["security.delegate_bpf", "true", "the host's kernel"],
      ["security.selinux.domain", "unconfined_t", "SELinux"],
      ["linux.kernel_modules", "nbd", "modules into the host's kernel"],
      ["linux.kernel_modules.load", "ondemand", "modules into the host's kernel"],
      ["linux.sysctl.kernel.core_pattern", "|/x", "the host's kernel"],
      ["limits.disk.priority", "10", "before the host's own programs"],
      ["limits.kernel.memlock", "unlimited", "cannot swap out"],
      ["limits.kernel.nice", "40", "before the host's own"],
      ["limits.kernel.rtprio", "99", "in real time"],
      ["limits.kernel.rtprio", "0:99", "in real time"],
      ["limits.kernel.sigpending", "unlimited", "the host's kernel"],
      ["limits.kernel.no_such", "unlimited", "the host's kernel"],
      ["limits.no_such", "x", "not known to be harmless"],
      ["limits.memory.oom_priority", "-1000", "runs out of memory"],
      ["nvidia.runtime", "true", "NVIDIA"],
      ["ubuntu_pro.guest_attach", "on", "Ubuntu Pro"],
      ["snapshots.pattern", 'x{% include "/etc/shadow" %}', "reads any file of the host"],
      ["snapshots.pattern", "{{ creation_date|safe }}{{ x }}", "reads any file of the host"],
      ["snapshots.pattern", "{# #}{{ '{% include \"/etc/shadow\" %}' }}", "reads any file of the host"],
      ["snapshots.schedule", "* * * * *", "fill the host's disk"],
      ["snapshots.schedule", "@startup", "fill the host's disk"],
      ["volatile.idmap.next", "[]", "ids on the host"],
      ["volatile.uuid", "x", "keeps for itself"],
      ["cloud-init.ssh-keys.me", "root:gh:somebody", "SSH key"],
      ["user.gui-container", "1", "mark"],
      ["user.gui-container.run", "7", "mark"],
      ["user.gui-container.recipe", "r", "mark"],
      ["security.secureboot", "false", "not known to be harmless"],
      ["no.such.key", "x", "not known to be harmless"],
      ["constructor", "x", "not known to be harmless"],
      ["raw", "x", "not known to be harmless"],
      ["limits", "x", "not known to be harmless"],
    ] as const
  ) {
    const risks = risksOf({ config: { [key]: value } });
    assertEquals(risks.map(({ keys }) => keys), [["config", key]], key);
    assertStringIncludes(risks[0]!.gives, gives, key);
  }
});

Deno.test("profileRisks() takes keys that are harmless, and those that switch off what is not", () => {
  const config = {
    "boot.autostart": "true",
    "boot.autostart.delay": "5",
    "cloud-init.vendor-data": "#cloud-config\n{}\n",
    "environment.LANG": "C.UTF-8",
    "limits.cpu": "2",
    "limits.cpu.allowance": "50%",
    "limits.disk.priority": "1",
    "limits.hugepages.2MB": "0",
    "limits.kernel.as": "4294967296",
    "limits.kernel.nofile": "4096",
    "limits.kernel.nproc": "1000:2000",
    "limits.memory": "2GiB",
    "limits.memory.swap": "false",
    "limits.processes": "2000",
    "security.devlxd": "false",
    "security.guestapi": "true",
    "security.idmap.isolated": "true",
    "security.nesting": "false",
    "security.privileged": "",
    "security.protection.delete": "true",
    "security.syscalls.deny_compat": "true",
    "security.syscalls.deny_default": "true",
    "security.syscalls.intercept.mknod": "0",
    "security.devlxd.images": "False",
    "snapshots.expiry": "2w",
    "snapshots.pattern": "snap%d-{{ creation_date|date:'2006-01-02_15-04-05' }}",
    "snapshots.schedule": "@never",
    "user.anything": "x",
  };
  assertEquals(risksOf({ config }), []);
});

Deno.test("profileRisks() names each device that gives the host away, with what it gives", () => {
  for (
    const [device, gives, key] of [
      [{ type: "disk", source: "/", path: "/host" }, 'gives the container "/" of the host', "source"],
      [{ type: "disk", source: "/home/me", path: "/x", pool: "default" }, '"/home/me" of the host', "source"],
      [{ type: "disk", source: "data", path: "/x" }, '"data" of the host', "source"],
      [{ type: "disk", source: "data", path: "/x", pool: "" }, '"data" of the host', "source"],
      [{ type: "disk", source: "..", path: "/x", pool: "default" }, '".." of the host', "source"],
      [{ type: "disk", source: "cephfs:a/b", path: "/x", pool: "default" }, '"cephfs:a/b"', "source"],
      [{ type: "disk", pool: "default", path: "/", "raw.mount.options": "x" }, "not known", "raw.mount.options"],
      [
        { type: "disk", pool: "default", source: "data", path: "/x", propagation: "shared" },
        "not known",
        "propagation",
      ],
      [{ type: "unix-char", source: "/dev/input/event0" }, '"/dev/input/event0" of the host'],
      [{ type: "unix-char", path: "/dev/kvm" }, '"/dev/kvm" of the host'],
      [{ type: "unix-block", source: "/dev/sda" }, '"/dev/sda" of the host'],
      [{ type: "unix-hotplug", vendorid: "1" }, "plugged into the host"],
      [{ type: "usb", vendorid: "1" }, "USB devices"],
      [{ type: "gpu" }, "graphics driver"],
      [{ type: "pci", address: "0000:01:00.0" }, "PCI"],
      [{ type: "infiniband", nictype: "physical", parent: "ib0" }, "InfiniBand"],
      [{ type: "tpm", path: "/dev/tpm0" }, "TPM"],
      [
        { type: "proxy", bind: "container", connect: "unix:/tmp/.X11-unix/X0", listen: "unix:/tmp/.X11-unix/X0" },
        'lets the container connect to "unix:/tmp/.X11-unix/X0" as if',
      ],
      [{ type: "proxy", bind: "instance", connect: "tcp:127.0.0.1:631", listen: "tcp:127.0.0.1:631" }, "connect to"],
      [{ type: "proxy", listen: "tcp:0.0.0.0:80", connect: "tcp:127.0.0.1:80" }, 'opens "tcp:0.0.0.0:80" on the host'],
      [{ type: "proxy", bind: "", listen: "tcp:0.0.0.0:80", connect: "tcp:127.0.0.1:80" }, "opens"],
      [{ type: "nic", nictype: "physical", parent: "eth0" }, 'takes the network card "eth0"'],
      [{ type: "nic", nictype: "macvlan", parent: "eth0" }, 'the network of the host\'s "eth0"'],
      [{ type: "nic", nictype: "macvlan", parent: "eth0", network: "" }, 'the network of the host\'s "eth0"'],
      [{ type: "nic", nictype: "ipvlan", parent: "eth0" }, 'the network of the host\'s "eth0"'],
      [{ type: "nic", nictype: "sriov", parent: "eth0" }, 'the network of the host\'s "eth0"'],
      [{ type: "nic", nictype: "routed", parent: "eth0" }, 'the network of the host\'s "eth0"'],
      [{ type: "nic", nictype: "bridged", parent: "br0" }, 'the network of the host\'s "br0"'],
      [{ type: "nic", network: "lxdbr0", "ipv4.routes": "192.0.2.0/24" }, "others' traffic", "ipv4.routes"],
      [{ type: "nic", network: "x", "ipv6.routes.external": "2001:db8::/64" }, "others'", "ipv6.routes.external"],
      [{ type: "nic", network: "lxdbr0", host_name: "virbr0" }, "not known", "host_name"],
      [{ type: "no-such", source: "/" }, "not known"],
      [{ type: "config.user", source: "/" }, "not known"],
      [{ type: "constructor", source: "/" }, "not known"],
      [{ source: "/" }, "not known"],
    ] as [Record<string, string>, string, string?][]
  ) {
    const risks = risksOf({ devices: { dev: device } });
    const what = JSON.stringify(device);
    assertEquals(risks.map(({ keys }) => keys), [["devices", "dev", ...key === undefined ? [] : [key]]], what);
    assertStringIncludes(risks[0]!.gives, gives, what);
  }
});

Deno.test("profileRisks() takes the engine's own disks and networks, and devices that take one away", () => {
  const devices = {
    root: { type: "disk", path: "/", pool: "default", size: "20GiB", "limits.read": "30MiB" },
    data: { type: "disk", path: "/srv", pool: "default", source: "my-data.1", readonly: "true" },
    eth0: { type: "nic", network: "lxdbr0", name: "eth0", "security.acls": "a", "limits.max": "10Mbit" },
    eth1: { type: "nic", nictype: "p2p", name: "eth1", hwaddr: "00:16:3e:00:00:01" },
    eth2: { type: "none" },
  };
  assertEquals(risksOf({ devices }), []);
});

Deno.test("profileRisks() gives all risks in the order of the file", () => {
  const risks = risksOf({
    config: { "raw.lxc": "x", "limits.cpu": "2", "raw.idmap": "x" },
    devices: { a: { type: "gpu" }, b: { type: "none" }, c: { type: "disk", source: "/", path: "/" } },
  });
  assertEquals(risks.map(({ keys }) => keys.join(" ")), [
    "config raw.lxc",
    "config raw.idmap",
    "devices a",
    "devices c source",
  ]);
});

Deno.test("the bundled profiles give nothing of the host away, but for the GPU of gui-gpu, which says so", () => {
  for (const [name, text] of Object.entries(bundledProfiles)) {
    const risks = profileRisks(parseProfile(name, text)).map(({ keys }) => keys.join("."));
    assertEquals(risks, name === "gui-gpu" ? ["devices.gpu"] : [], name);
    if (risks.length > 0) assert(/^# out of the container\./m.test(text), name);
  }
});
