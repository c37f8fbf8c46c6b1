import { assertEquals } from "@std/assert";
import { type Architecture, seccompFilter } from "../../../../lib/attach/box/seccomp.ts";

/** What the kernel hands to a filter: `struct seccomp_data` of linux/seccomp.h. */
interface Call {
  number: number;
  /** As in linux/audit.h. */
  architecture: number;
  args?: readonly number[];
}

/** Runs a filter as the kernel does, with the instructions that it may have (linux/filter.h). */
function run(filter: Uint8Array<ArrayBuffer>, { number, architecture, args = [] }: Call): number {
  const program = new DataView(filter.buffer);
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, architecture, true);
  args.forEach((value, index) => data.setUint32(16 + 8 * index, value, true));
  let loaded = 0;
  for (let at = 0;; at += 8) {
    const value = program.getUint32(at + 4, true);
    const code = program.getUint16(at, true);
    if (code === 0x06) return value;
    if (code === 0x20) loaded = data.getUint32(value, true);
    else {
      const isTrue = { 0x15: loaded === value, 0x25: loaded > value, 0x45: (loaded & value) !== 0 }[code];
      if (isTrue === undefined) throw new Error(`Unknown instruction 0x${code.toString(16)}`);
      at += 8 * program.getUint8(at + (isTrue ? 2 : 3));
    }
  }
}

const [allowed, killed] = [0x7fff_0000, 0x8000_0000];
const [EPERM, EINVAL, ENOSYS, EAFNOSUPPORT] = [1, 22, 38, 97].map((errno) => 0x0005_0000 | errno);
const [SIGCHLD, CLONE_NEWUSER] = [17, 0x1000_0000];
const [AF_UNIX, AF_NETLINK] = [1, 16];
const [TCGETS, TIOCSTI] = [0x5401, 0x5412];

/** Numbers of calls, from the kernel's tables (arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h). */
const machines: Readonly<Record<Architecture, { audit: number; numbers: Record<string, number> }>> = {
  x86_64: {
    audit: 0xc000003e,
    numbers: {
      read: 0,
      openat: 257,
      execve: 59,
      mmap: 9,
      futex: 202,
      mount: 165,
      unshare: 272,
      ptrace: 101,
      bpf: 321,
      keyctl: 250,
      personality: 135,
      kexec_load: 246,
      clone: 56,
      socket: 41,
      socketpair: 53,
      ioctl: 16,
      splice: 275,
      tee: 276,
    },
  },
  aarch64: {
    audit: 0xc00000b7,
    numbers: {
      read: 63,
      openat: 56,
      execve: 221,
      mmap: 222,
      futex: 98,
      mount: 40,
      unshare: 97,
      ptrace: 117,
      bpf: 280,
      keyctl: 219,
      personality: 92,
      kexec_load: 104,
      clone: 220,
      socket: 198,
      socketpair: 199,
      ioctl: 29,
      splice: 76,
      tee: 77,
    },
  },
};

for (const [architecture, { audit, numbers }] of Object.entries(machines)) {
  Deno.test(`on ${architecture}, the filter closes by name what no client needs`, () => {
    const filter = seccompFilter(architecture as Architecture);
    const answer = (name: string | number, ...args: number[]): number =>
      run(filter, { number: typeof name === "number" ? name : numbers[name]!, architecture: audit, args });
    for (const name of ["read", "openat", "execve", "mmap", "futex"]) assertEquals(answer(name), allowed, name);
    for (const name of ["mount", "unshare", "ptrace", "bpf", "keyctl", "personality", "kexec_load"]) {
      assertEquals(answer(name), EPERM, name);
    }
    assertEquals([answer("clone", SIGCHLD), answer("clone", CLONE_NEWUSER | SIGCHLD)], [allowed, EPERM]);
    assertEquals([answer("socket", AF_UNIX), answer("socket", AF_NETLINK)], [allowed, EAFNOSUPPORT]);
    assertEquals([answer("socketpair", AF_UNIX), answer("socketpair", AF_NETLINK)], [allowed, EAFNOSUPPORT]);
    assertEquals([answer("ioctl", 0, TCGETS), answer("ioctl", 0, TIOCSTI)], [allowed, EPERM]);
    assertEquals([answer("splice"), answer("tee")], [EINVAL, EINVAL]);
    // io_uring_setup, close_range, clone3, fchmodat2, and what is newer.
    assertEquals([425, 436, 435, 452, 453].map((number) => answer(number)), [EPERM, allowed, ENOSYS, allowed, ENOSYS]);
  });

  Deno.test(`on ${architecture}, the filter lets nobody make a program that sets its user or group`, () => {
    const filter = seccompFilter(architecture as Architecture);
    const isX86 = architecture === "x86_64";
    const [creates, temporary] = [0x41, 0x41_0002];
    /** Calls by number, with a function that puts a mode among their arguments. */
    const calls: readonly (readonly [number, (mode: number) => number[]])[] = [
      [isX86 ? 91 : 52, (mode) => [3, mode]],
      [isX86 ? 268 : 53, (mode) => [3, 0, mode]],
      [452, (mode) => [3, 0, mode]],
      [isX86 ? 259 : 33, (mode) => [3, 0, mode]],
      [isX86 ? 257 : 56, (mode) => [3, 0, creates, mode]],
      [isX86 ? 257 : 56, (mode) => [3, 0, temporary, mode]],
      ...isX86
        ? [
          [90, (mode: number) => [0, mode]],
          [85, (mode: number) => [0, mode]],
          [133, (mode: number) => [0, mode]],
          [2, (mode: number) => [0, creates, mode]],
        ] as const
        : [],
    ];
    for (const [number, args] of calls) {
      const answers = [0o644, 0o1777, 0o4755, 0o2755].map((mode) =>
        run(filter, { number, architecture: audit, args: args(mode) })
      );
      assertEquals(answers, [allowed, allowed, EPERM, EPERM], `${number}`);
    }
    // Who opens what is there may have anything in the place of a mode.
    const opening = { number: isX86 ? 257 : 56, architecture: audit, args: [3, 0, 0, 0o4755] };
    assertEquals(run(filter, opening), allowed);
    assertEquals(run(filter, { number: 437, architecture: audit }), ENOSYS);
  });

  Deno.test(`on ${architecture}, the filter ends what makes calls of another architecture`, () => {
    const filter = seccompFilter(architecture as Architecture);
    // i386, 32-bit ARM, and the other one of ours.
    const others = [0x40000003, 0x40000028, ...Object.values(machines).map(({ audit }) => audit)];
    for (const other of others.filter((other) => other !== audit)) {
      for (const number of Object.values(numbers)) {
        assertEquals(run(filter, { number, architecture: other }), killed);
      }
    }
    // x32, on x86_64.
    assertEquals(run(filter, { number: 0x4000_0000 | numbers["mount"]!, architecture: audit }), ENOSYS);
  });
}
