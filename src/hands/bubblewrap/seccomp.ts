/**
 * The system call filter of a sandbox as a classic BPF program: a deny list on top of what namespaces and
 * dropped capabilities already forbid. `EPERM` for what must not work, `ENOSYS` for what programs probe and
 * can do without, so that they fall back.
 */
const BPF = { load: 0x20, jumpEqual: 0x15, jumpGreaterEqual: 0x35, jumpSet: 0x45, ret: 0x06 } as const;
const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const errno = (code: number) => 0x0005_0000 | code;
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** Offsets in `struct seccomp_data`. */
const at = { number: 0, architecture: 4, argument: (index: number) => 16 + index * 8 } as const;

type Architecture = {
  readonly audit: number;
  readonly forbidden: readonly number[];
  readonly absent: readonly number[];
  readonly clone: number;
  readonly ioctl: number;
  readonly socket: number;
  readonly socketpair: number;
  /** Calls from here on belong to another ABI; null: there is none. */
  readonly foreignAbiFrom: number | null;
};

// Numbers that newer kernels share across architectures.
const modern = [
  428 /* open_tree */, 429 /* move_mount */, 430 /* fsopen */, 431 /* fsconfig */, 432 /* fsmount */,
  433 /* fspick */, 438 /* pidfd_getfd */, 442 /* mount_setattr */, 443 /* quotactl_fd */,
  467 /* open_tree_attr */,
];
const modernAbsent = [425, 426, 427 /* io_uring */, 435 /* clone3 */, 447 /* memfd_secret */];

const architectures: Readonly<Record<string, Architecture>> = {
  x64: {
    audit: 0xc000_003e,
    // syslog modify_ldt pivot_root adjtimex acct settimeofday mount umount2 swapon swapoff reboot sethostname
    // setdomainname iopl ioperm *_module quotactl nfsservctl lookup_dcookie clock_settime vserver mbind
    // set_mempolicy kexec_load add_key request_key keyctl migrate_pages unshare move_pages perf_event_open
    // fanotify_init open_by_handle_at clock_adjtime setns process_vm_* kcmp finit_module kexec_file_load bpf
    // userfaultfd ptrace uselib ustat sysfs _sysctl personality
    forbidden: [
      101,
      103,
      134,
      135,
      136,
      139,
      154,
      155,
      156,
      159,
      163,
      164,
      165,
      166,
      167,
      168,
      169,
      170,
      171,
      172,
      173,
      174,
      175,
      176,
      177,
      178,
      179,
      180,
      212,
      227,
      236,
      237,
      238,
      246,
      248,
      249,
      250,
      256,
      272,
      279,
      298,
      300,
      304,
      305,
      308,
      310,
      311,
      312,
      313,
      320,
      321,
      323,
      ...modern,
    ],
    absent: modernAbsent,
    clone: 56,
    ioctl: 16,
    socket: 41,
    socketpair: 53,
    foreignAbiFrom: 0x4000_0000,
  },
  arm64: {
    audit: 0xc000_00b7,
    forbidden: [
      18,
      39,
      40,
      41,
      60,
      89,
      92,
      97,
      104,
      105,
      106,
      112,
      116,
      117,
      142,
      161,
      162,
      170,
      171,
      217,
      218,
      219,
      224,
      225,
      235,
      237,
      238,
      239,
      241,
      262,
      265,
      266,
      268,
      270,
      271,
      272,
      273,
      280,
      282,
      294,
      ...modern,
    ],
    absent: modernAbsent,
    clone: 220,
    ioctl: 29,
    socket: 198,
    socketpair: 199,
    foreignAbiFrom: null,
  },
};

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const newNamespaces = 0x7e02_0000;
const terminalInjection = [0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */];
const families = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const;

/** The program for `process.arch`, or null where none is known. */
export function seccompProgram(arch: string): Buffer | null {
  const target = architectures[arch];
  return target ? assemble(target) : null;
}

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, operand: number];

function assemble(target: Architecture): Buffer {
  const foreign: Instruction[] =
    target.foreignAbiFrom === null
      ? []
      : [[BPF.jumpGreaterEqual, 0, 1, target.foreignAbiFrom], ret(errno(ENOSYS))];
  const program: Instruction[] = [
    [BPF.load, 0, 0, at.architecture],
    [BPF.jumpEqual, 1, 0, target.audit],
    ret(KILL),
    [BPF.load, 0, 0, at.number],
    ...foreign,
    ...target.forbidden.flatMap((call) => refuse(call, EPERM)),
    ...target.absent.flatMap((call) => refuse(call, ENOSYS)),
    ...onCall(target.ioctl, [
      [BPF.load, 0, 0, at.argument(1)],
      ...terminalInjection.flatMap((request) => refuse(request, EPERM)),
    ]),
    ...onCall(target.clone, [
      [BPF.load, 0, 0, at.argument(0)],
      [BPF.jumpSet, 0, 1, newNamespaces],
      ret(errno(EPERM)),
    ]),
    ...[target.socket, target.socketpair].flatMap((call) => onCall(call, onlyKnownFamilies())),
    ret(ALLOW),
  ];
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, jumpTrue, jumpFalse, operand]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jumpTrue, index * 8 + 2);
    bytes.writeUInt8(jumpFalse, index * 8 + 3);
    bytes.writeUInt32LE(operand >>> 0, index * 8 + 4);
  }
  return bytes;
}

function ret(action: number): Instruction {
  return [BPF.ret, 0, 0, action];
}

function refuse(value: number, code: number): Instruction[] {
  return [[BPF.jumpEqual, 0, 1, value], ret(errno(code))];
}

/** Runs `body` for one call only; `body` may change the accumulator, so it ends in a verdict. */
function onCall(call: number, body: readonly Instruction[]): Instruction[] {
  return [[BPF.jumpEqual, 0, body.length + 1, call], ...body, ret(ALLOW)];
}

/** AF_UNIX, AF_INET and AF_INET6, and route netlink, which `getaddrinfo` and `ip` use. */
function onlyKnownFamilies(): Instruction[] {
  return [
    [BPF.load, 0, 0, at.argument(0)],
    [BPF.jumpEqual, 6, 0, families.unix],
    [BPF.jumpEqual, 5, 0, families.inet],
    [BPF.jumpEqual, 4, 0, families.inet6],
    [BPF.jumpEqual, 0, 2, families.netlink],
    [BPF.load, 0, 0, at.argument(2)],
    [BPF.jumpEqual, 1, 0, 0],
    ret(errno(EAFNOSUPPORT)),
  ];
}
