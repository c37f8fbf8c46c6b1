/**
 * The system calls that are forbidden in the boxes, as a BPF program for seccomp(2). An attacker who takes over a
 * client can attack the kernel only through the remaining calls.
 *
 * It is a denylist: xpra brings Python, GTK and GStreamer, and each version of those and of the C library uses other
 * harmless calls. It has the groups that systemd (`SystemCallFilter=` in systemd.exec(5)) and Flatpak forbid. Calls
 * newer than Linux 6.6 are forbidden too: programs must work on older kernels anyway.
 */

import table from "./closed_calls.json" with { type: "json" };
import judgedTable from "./judged_calls.json" with { type: "json" };

export type Architecture = typeof Deno.build.arch;

/** The architectures' numbers in the filter's data (linux/audit.h). */
const auditNumbers: Readonly<Record<Architecture, number>> = { x86_64: 0xc000003e, aarch64: 0xc00000b7 };

/** The last call of Linux 6.6 (fchmodat2); newer ones have higher numbers. */
const lastCall = 452;

/** Errors (errno(3)). */
const errors = { EPERM: 1, EINVAL: 22, ENOSYS: 38, EAFNOSUPPORT: 97 };

/** Calls by name, with their numbers on x86_64 and aarch64: one number if both are the same, null if there is none. */
export type Calls = Readonly<Record<string, number | readonly [number, number | null]>>;

/** Forbidden with any arguments. */
export const closedCalls: Calls = Object.assign({}, ...Object.values(table));

/** Forbidden with another error, or only for some arguments. */
export const judgedCalls = judgedTable as unknown as Readonly<Record<keyof typeof judgedTable, Calls[string]>>;

/** The allowed address families of sockets: Unix, and IPv4 and IPv6 for a display that is reached over the network. */
const families = [1, 2, 10];

/** The flags of clone(2) that make namespaces. */
const newNamespaces = 0x7e02_0000;

/**
 * Requests of ioctl(2) that type into a terminal (TIOCSTI, TIOCLINUX), or make the kernel load a line discipline
 * (TIOCSETD), of which several had vulnerabilities.
 */
const terminalRequests = [0x5412, 0x541c, 0x5423];

/**
 * Calls that set a file's mode, with the index of the mode argument, and of the flags that say whether a file is
 * created. With a setuid program, another local user could help an attacker out of the box. As RestrictSUIDSGID= in
 * systemd.exec(5).
 */
const modeArguments = {
  chmod: [1],
  fchmod: [1],
  fchmodat: [2],
  fchmodat2: [2],
  creat: [1],
  mknod: [1],
  mknodat: [2],
  open: [2, 1],
  openat: [3, 2],
} as const satisfies Partial<Record<keyof typeof judgedCalls, readonly [mode: number, flags?: number]>>;
/** S_ISUID and S_ISGID. */
const setsId = 0o6000;
/** O_CREAT and __O_TMPFILE. */
const makesFile = 0x40_0040;

/**
 * An instruction: its code, how many instructions to skip if its test is true or false, and its value (linux/filter.h).
 */
type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const ifEqual = (value: number, ifTrue: number, ifFalse: number): Instruction => [0x15, ifTrue, ifFalse, value];
const ifGreater = (value: number, ifTrue: number, ifFalse: number): Instruction => [0x25, ifTrue, ifFalse, value];
const ifAnyBit = (value: number, ifTrue: number, ifFalse: number): Instruction => [0x45, ifTrue, ifFalse, value];
const answer = (value: number): Instruction => [0x06, 0, 0, value];
const allow = answer(0x7fff_0000);
const kill = answer(0x8000_0000);
const fail = (errno: number): Instruction => answer(0x0005_0000 | errno);

/** Offsets in `struct seccomp_data`: of the call, of the architecture, and of the lower half of an argument. */
const offsets = { call: 0, architecture: 4 };
const argumentAt = (index: number): number => 16 + 8 * index;

/** The filter, as bwrap(1) reads it: an array of `struct sock_filter`, little-endian as both architectures are. */
export function seccompFilter(architecture: Architecture = Deno.build.arch): Uint8Array<ArrayBuffer> {
  const numberOf = (numbers: Calls[string]): number | null =>
    typeof numbers === "number" ? numbers : numbers[architecture === "x86_64" ? 0 : 1];
  /** Instructions for one call. The last one must be an answer. */
  const forCall = (name: keyof typeof judgedCalls, then: readonly Instruction[]): Instruction[] => {
    const number = numberOf(judgedCalls[name]);
    return number === null ? [] : [ifEqual(number, 0, then.length), ...then];
  };
  /** Tests whether an argument is one of some values. */
  const byArgument = (index: number, values: readonly number[], known: Instruction, other: Instruction) => [
    load(argumentAt(index)),
    ...values.map((value, at) => ifEqual(value, values.length - at, 0)),
    other,
    known,
  ];
  const program = [
    load(offsets.architecture),
    ifEqual(auditNumbers[architecture], 1, 0),
    kill,
    load(offsets.call),
    // Includes calls of x32, which have bit 30 set.
    ifGreater(lastCall, 0, 1),
    fail(errors.ENOSYS),
    ...Object.values(closedCalls).map(numberOf).filter((number) => number !== null).flatMap((number) => [
      ifEqual(number, 0, 1),
      fail(errors.EPERM),
    ]),
    ...forCall("socket", byArgument(0, families, allow, fail(errors.EAFNOSUPPORT))),
    ...forCall("socketpair", byArgument(0, families, allow, fail(errors.EAFNOSUPPORT))),
    ...forCall("clone", [load(argumentAt(0)), ifAnyBit(newNamespaces, 0, 1), fail(errors.EPERM), allow]),
    // Their flags are in memory, which a filter cannot read. The C library falls back to clone and openat.
    ...forCall("clone3", [fail(errors.ENOSYS)]),
    ...forCall("openat2", [fail(errors.ENOSYS)]),
    ...Object.entries(modeArguments).flatMap(([name, [mode, flags]]) => {
      const makes = flags === undefined ? [] : [load(argumentAt(flags)), ifAnyBit(makesFile, 1, 0), allow];
      const then = [...makes, load(argumentAt(mode)), ifAnyBit(setsId, 0, 1), fail(errors.EPERM), allow];
      return forCall(name as keyof typeof modeArguments, then);
    }),
    ...forCall("ioctl", byArgument(1, terminalRequests, fail(errors.EPERM), allow)),
    // GLib falls back to read and write.
    ...forCall("splice", [fail(errors.EINVAL)]),
    ...forCall("tee", [fail(errors.EINVAL)]),
    allow,
  ];
  const data = new DataView(new ArrayBuffer(8 * program.length));
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    data.setUint16(8 * index, code, true);
    data.setUint8(8 * index + 2, ifTrue);
    data.setUint8(8 * index + 3, ifFalse);
    data.setUint32(8 * index + 4, value, true);
  }
  return new Uint8Array(data.buffer);
}
