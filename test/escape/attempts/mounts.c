/* Namespaces, mounts, and what lies in /proc and /sys. */
#include "attempts.h"
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>

static int unshares(int flags) { return taken(unshare(flags)); }
static int new_user(void) { return unshares(CLONE_NEWUSER); }
static int new_mounts(void) { return unshares(CLONE_NEWNS); }
static int new_pids(void) { return unshares(CLONE_NEWPID); }
static int new_network(void) { return unshares(CLONE_NEWNET); }
static int new_cgroups(void) { return unshares(CLONE_NEWCGROUP); }
static int new_ipc(void) { return unshares(CLONE_NEWIPC); }

static int clone_user(void) {
  long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  return taken(pid);
}

static int clone3_user(void) {
  uint64_t arguments[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  long pid = syscall(SYS_clone3, arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  return taken(pid);
}

static int joins(const char *kind) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", number_of("supervisor"), kind);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return found(0, "%s: %s", path, strerror(errno));
  return taken(setns(fd, 0));
}
static int join_network(void) { return joins("net"); }
static int join_mounts(void) { return joins("mnt"); }

static int join_by_pidfd(void) {
  int fd = syscall(SYS_pidfd_open, number_of("supervisor"), 0);
  if (fd < 0) return found(0, "%s", strerror(errno));
  return taken(setns(fd, CLONE_NEWNET | CLONE_NEWUTS));
}

static int mounts_on(const char *type, const char *options) {
  const char *place = scratch("mounted");
  mkdir(place, 0700);
  int done = mount("x", place, type, 0, options);
  int out = taken(done);
  if (done == 0) umount2(place, MNT_DETACH);
  return out;
}
static int mount_tmpfs(void) { return mounts_on("tmpfs", ""); }
static int mount_proc(void) { return mounts_on("proc", ""); }
static int mount_sysfs(void) { return mounts_on("sysfs", ""); }
static int mount_cgroup(void) { return mounts_on("cgroup2", ""); }
static int mount_devpts(void) { return mounts_on("devpts", "newinstance"); }

static int mount_bind(void) {
  const char *place = scratch("bound");
  mkdir(place, 0700);
  int done = mount("/", place, NULL, MS_BIND | MS_REC, NULL);
  int out = taken(done);
  if (done == 0) umount2(place, MNT_DETACH);
  return out;
}

static int mount_overlay(void) {
  char options[2200];
  const char *names[] = {"upper", "work", "merged"};
  for (int i = 0; i < 3; i++) mkdir(scratch(names[i]), 0700);
  snprintf(options, sizeof options, "lowerdir=/usr,upperdir=%s,workdir=%s", scratch("upper"), scratch("work"));
  const char *merged = scratch("merged");
  int done = mount("x", merged, "overlay", 0, options);
  int out = taken(done);
  if (done == 0) umount2(merged, MNT_DETACH);
  return out;
}

static int remount_writable(void) { return taken(mount(NULL, setting("readonly"), NULL, MS_REMOUNT | MS_BIND, NULL)); }
static int unmount(void) { return taken(umount2(setting("readonly"), MNT_DETACH)); }
static int change_propagation(void) { return taken(mount(NULL, scratch(""), NULL, MS_SHARED, NULL)); }

static int open_file_system(void) {
  int fd = syscall(SYS_fsopen, "tmpfs", 0);
  return taken(fd);
}
static int pick_file_system(void) { return taken(syscall(SYS_fspick, -100, "/", 0)); }
static int open_tree_clone(void) { return taken(syscall(SYS_open_tree, -100, "/", OPEN_TREE_CLONE)); }
static int move_a_mount(void) { return taken(syscall(SYS_move_mount, AT_FDCWD, setting("scratch"), AT_FDCWD, setting("scratch"), 0)); }

static int clear_read_only(void) {
  struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_RDONLY};
  return taken(syscall(SYS_mount_setattr, -100, setting("readonly"), 0, &attributes, sizeof attributes));
}

static int pivot(void) { return taken(syscall(SYS_pivot_root, "/", "/")); }

/* The old way out of a changed root: keep a directory open, change the root, climb. */
static int climb_out(void) {
  int top = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const char *jail = scratch("jail");
  mkdir(jail, 0700);
  int changed = chroot(jail);
  int why = errno;
  fchdir(top);
  for (int i = 0; i < 64; i++) chdir("..");
  if (changed == 0) chroot(".");
  if (holds(setting("canary") + 1, "canary")) return found(1, "outside");
  return found(0, "chroot: %s", changed == 0 ? "done, and led nowhere" : strerror(why));
}

static int climb_by_dots(void) {
  char path[1024];
  snprintf(path, sizeof path, "%s/../../../../../../../../../../../..%s", setting("scratch"), setting("canary"));
  return holds(path, "canary");
}

static int through_root_of_1(void) {
  char path[1024];
  snprintf(path, sizeof path, "/proc/%d/root%s", number_of("supervisor"), setting("canary"));
  return holds(path, "canary");
}

static int through_cwd_of_1(void) {
  char path[1024];
  snprintf(path, sizeof path, "/proc/%d/cwd/../../../../../../..%s", number_of("supervisor"), setting("canary"));
  return holds(path, "canary");
}

/* By inode number alone, as files of the host were reached from containers once. */
static int by_handle(void) {
  struct {
    struct file_handle head;
    uint32_t bytes[32];
  } wanted = {.head = {.handle_bytes = 128}};
  int mount_id, directory = open(setting("scratch"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (name_to_handle_at(AT_FDCWD, setting("scratch"), &wanted.head, &mount_id, 0) != 0) return found(0, "%s", strerror(errno));
  int same = open_by_handle_at(directory, &wanted.head, O_RDONLY);
  if (same < 0) return found(0, "%s", strerror(errno));
  return found(1, "opened by its handle");
}

static int writes_to(const char *path) { return can_open(path, O_WRONLY); }
static int set_core_pattern(void) { return writes_to("/proc/sys/kernel/core_pattern"); }
static int set_modprobe(void) { return writes_to("/proc/sys/kernel/modprobe"); }
static int set_panic(void) { return writes_to("/proc/sys/kernel/panic"); }
static int set_hostname_file(void) { return writes_to("/proc/sys/kernel/hostname"); }
static int set_overcommit(void) { return writes_to("/proc/sys/vm/overcommit_memory"); }
static int set_dumpable(void) { return writes_to("/proc/sys/fs/suid_dumpable"); }
static int set_namespaces(void) { return writes_to("/proc/sys/user/max_user_namespaces"); }
static int pull_magic_key(void) { return writes_to("/proc/sysrq-trigger"); }
static int set_interrupts(void) { return writes_to("/proc/irq/default_smp_affinity"); }

static int register_format(void) {
  return writes_to("/proc/sys/fs/binfmt_misc/register") || (access("/proc/sys/fs/binfmt_misc", W_OK) == 0 && found(1, "writable"));
}

static int set_uevent_helper(void) {
  return writes_to("/sys/kernel/uevent_helper") || writes_to("/sys/kernel/uevent_seqnum") || writes_to("/sys/kernel/profiling") ||
    writes_to("/sys/power/state") || writes_to("/sys/kernel/mm/transparent_hugepage/enabled");
}

static int see_sys(void) { return access("/sys/kernel", F_OK) == 0 && found(1, "/sys is there"); }
static int see_cgroups(void) { return access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0 || access("/sys/fs/cgroup/memory", F_OK) == 0; }

/* release_agent runs a program of the host when a group is empty. */
static int set_release_agent(void) {
  return writes_to("/sys/fs/cgroup/release_agent") || writes_to("/sys/fs/cgroup/memory/release_agent") ||
    writes_to("/sys/fs/cgroup/rdma/release_agent") || writes_to("/sys/fs/cgroup/cgroup.subtree_control");
}

static int leave_cgroup(void) {
  return writes_to("/sys/fs/cgroup/cgroup.procs") || writes_to("/sys/fs/cgroup/pids/cgroup.procs");
}

static int read_kernel_memory(void) { return can_open("/proc/kcore", O_RDONLY); }
static int read_kernel_log(void) { return can_open("/proc/kmsg", O_RDONLY); }

static int read_symbols(void) {
  FILE *symbols = fopen("/proc/kallsyms", "re");
  char line[200] = "";
  if (symbols == NULL || fgets(line, sizeof line, symbols) == NULL) return found(0, "none");
  return found(strncmp(line, "0000000000000000", 16) != 0, "%.40s", line);
}

static int see_host_mounts(void) { return holds("/proc/self/mountinfo", " /sys/fs/cgroup"); }

const Attempt mount_attempts[] = {
  {"make a user namespace by unshare", ANYONE, new_user},
  {"make a mount namespace", ROOT, new_mounts},
  {"make a pid namespace", ROOT, new_pids},
  {"make a network namespace", ROOT, new_network},
  {"make a cgroup namespace", ROOT, new_cgroups},
  {"make an ipc namespace", ROOT, new_ipc},
  {"make a user namespace by clone", ANYONE, clone_user},
  {"make a user namespace by clone3", ANYONE, clone3_user},
  {"join the network of PID 1", ROOT, join_network},
  {"join the mounts of PID 1", ROOT, join_mounts},
  {"join namespaces of PID 1 by a pidfd", ROOT, join_by_pidfd},
  {"mount a tmpfs", ROOT, mount_tmpfs},
  {"mount proc again", ROOT, mount_proc},
  {"mount sysfs", ROOT, mount_sysfs},
  {"mount the control groups", ROOT, mount_cgroup},
  {"mount terminals", ROOT, mount_devpts},
  {"bind the root elsewhere", ROOT, mount_bind},
  {"mount an overlay over the system", ROOT, mount_overlay},
  {"remount what is read-only", ROOT, remount_writable},
  {"unmount what is read-only", ROOT, unmount},
  {"share mounts with others", ROOT, change_propagation},
  {"open a file system by the new interface", ROOT, open_file_system},
  {"pick a file system by the new interface", ROOT, pick_file_system},
  {"clone a tree of mounts", ROOT, open_tree_clone},
  {"move a mount", ROOT, move_a_mount},
  {"clear the read-only flag of a mount", ROOT, clear_read_only},
  {"pivot the root", ROOT, pivot},
  {"change the root and climb out", ANYONE, climb_out},
  {"climb out by dots", ANYONE, climb_by_dots},
  {"reach the host through /proc/1/root", ROOT, through_root_of_1},
  {"reach the host through /proc/1/cwd", ROOT, through_cwd_of_1},
  {"open a file by its handle", ROOT, by_handle},
  {"set the core pattern", ROOT, set_core_pattern},
  {"set the program that loads modules", ROOT, set_modprobe},
  {"set what happens on a panic", ROOT, set_panic},
  {"set the name of the machine in /proc/sys", ROOT, set_hostname_file},
  {"set how memory is given out", ROOT, set_overcommit},
  {"set who dumps core", ROOT, set_dumpable},
  {"allow more user namespaces", ROOT, set_namespaces},
  {"pull the magic key", ROOT, pull_magic_key},
  {"steer interrupts", ROOT, set_interrupts},
  {"register a format of programs", ROOT, register_format},
  {"set a helper or a state in /sys", ROOT, set_uevent_helper},
  {"see /sys", ANYONE, see_sys},
  {"see control groups", ANYONE, see_cgroups},
  {"set a release agent", ROOT, set_release_agent},
  {"leave its control group", ROOT, leave_cgroup},
  {"read the memory of the kernel", ROOT, read_kernel_memory},
  {"read the log of the kernel", ROOT, read_kernel_log},
  {"read addresses of the kernel", ROOT, read_symbols},
  {"see the mounts of the host", ANYONE, see_host_mounts},
  {NULL, 0, NULL},
};
