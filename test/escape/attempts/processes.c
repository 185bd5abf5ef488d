/* Other processes: those of the host, and the supervisor, which is PID 1. */
#include "attempts.h"
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

static const char *of(const char *who, const char *name) {
  static char paths[2][128];
  static int next;
  char *path = paths[next++ % 2];
  snprintf(path, sizeof paths[0], "/proc/%d/%s", number_of(who), name);
  return path;
}

static int see_host_process(void) { return access(of("victim", "stat"), F_OK) == 0 && found(1, "it is there"); }
static int signal_host_process(void) { return taken(kill(number_of("victim"), 0)); }
static int see_many(void) { return access("/proc/2/comm", F_OK) == 0 && holds("/proc/2/comm", "kthreadd"); }

static int host_process_by_pidfd(void) {
  int fd = syscall(SYS_pidfd_open, number_of("victim"), 0);
  return fd < 0 ? found(0, "%s", strerror(errno)) : taken(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
}

static int traces(const char *who) {
  long traced = ptrace(PTRACE_SEIZE, number_of(who), 0, 0);
  return taken(traced);
}
static int trace_host(void) { return traces("victim"); }
static int trace_supervisor(void) { return traces("supervisor"); }

static int read_supervisor(void) {
  char byte;
  struct iovec to = {&byte, 1}, from = {&byte, 1};
  ssize_t length = process_vm_readv(number_of("supervisor"), &to, 1, &from, 1, 0);
  /* Nothing need be mapped there: it was looked. */
  return found(length > 0 || errno == EFAULT, "%s", length > 0 ? "read" : strerror(errno));
}

static int write_supervisor(void) {
  char byte = 0;
  struct iovec from = {&byte, 1}, to = {(void *)8, 1};
  ssize_t length = process_vm_writev(number_of("supervisor"), &from, 1, &to, 1, 0);
  return found(length > 0 || errno == EFAULT, "%s", length > 0 ? "written" : strerror(errno));
}

static int open_supervisor_memory(void) { return can_open(of("supervisor", "mem"), O_RDWR); }
static int read_supervisor_maps(void) { return holds(of("supervisor", "maps"), "r-"); }
static int read_supervisor_environment(void) { return holds(of("supervisor", "environ"), "SECRET_OF_THE_SERVER"); }
static int see_supervisor_descriptors(void) {
  char target[256];
  return taken(readlink(of("supervisor", "fd/0"), target, sizeof target));
}

static int take_supervisor_descriptor(void) {
  int fd = syscall(SYS_pidfd_open, number_of("supervisor"), 0);
  if (fd < 0) return found(0, "%s", strerror(errno));
  return taken(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

/* A frame that pretends to come from the supervisor. */
static int forge_frame(void) {
  const char frame[] = {9, 0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0, 0};
  for (int n = 0; n < 2; n++) {
    char path[64];
    snprintf(path, sizeof path, "fd/%d", n);
    int fd = open(of("supervisor", path), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && write(fd, frame, sizeof frame) > 0) return found(1, "written to its descriptor %d", n);
  }
  return found(0, "%s", strerror(errno));
}

static int compare_with_supervisor(void) {
  return taken(syscall(SYS_kcmp, getpid(), number_of("supervisor"), 0, 0, 0));
}

/* Gone or stopped after a signal. On the host it is tried with a process of ours. */
static int hurts(int signal_number) {
  int pid = number_of("supervisor");
  if (pid != 1) {
    pid = fork();
    if (pid == 0) {
      pause();
      _exit(0);
    }
  }
  kill(pid, signal_number);
  usleep(50000);
  char path[64], state[256] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *stat = fopen(path, "re");
  if (stat == NULL || fgets(state, sizeof state, stat) == NULL) return found(1, "gone");
  char *after = strrchr(state, ')');
  return found(after != NULL && strchr("TZX", after[2]) != NULL, "state %c", after == NULL ? '?' : after[2]);
}
static int kill_supervisor(void) { return hurts(SIGKILL); }
static int stop_supervisor(void) { return hurts(SIGSTOP); }
static int end_supervisor(void) { return hurts(SIGTERM); }

/* CVE-2019-5736: a program of the host is overwritten through the process that runs it. */
static int overwrite_supervisor(void) {
  return can_open(of("supervisor", "exe"), O_WRONLY) || can_open(setting("init"), O_WRONLY);
}

static int replace_supervisor(void) {
  const char *mine = scratch("init");
  write_text(mine, "#!/bin/sh\n");
  int done = rename(mine, setting("init"));
  return found(done == 0, "%s", done == 0 ? "replaced" : strerror(errno));
}

/* While a process of it is only just started, nobody has the program open for writing but whoever was faster. */
static int overwrite_by_child(void) {
  int stop[2];
  if (pipe(stop) != 0) return 0;
  pid_t pid = fork();
  if (pid == 0) {
    dup2(stop[0], 0);
    dup2(stop[1], 1);
    close(stop[1]);
    execl(setting("init"), "init", "write", scratch("never"), NULL);
    _exit(1);
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  int held = -1;
  char target[512] = "";
  for (int i = 0; i < 1000 && !strstr(target, setting("init")); i++) {
    memset(target, 0, sizeof target);
    if (readlink(path, target, sizeof target - 1) < 0) break;
  }
  held = open(path, O_PATH | O_CLOEXEC);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  snprintf(path, sizeof path, "/proc/self/fd/%d", held);
  for (int i = 0; i < 50; i++) {
    if (can_open(path, O_WRONLY)) return 1;
    usleep(2000);
  }
  return 0;
}

static int inherit_descriptors(void) {
  for (int fd = 3; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0) return found(1, "descriptor %d", fd);
  return found(0, "none");
}

static int see_secret(void) { return getenv("SECRET_OF_THE_SERVER") != NULL && found(1, "in its environment"); }
static int have_capabilities(void) { return !holds("/proc/self/status", "CapEff:\t0000000000000000") && found(1, "some"); }

/* What a program brings along when somebody without privileges runs it. */
static int runs_with_privileges(const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", setting("privileged"), name);
  pid_t pid = fork();
  if (pid == 0) {
    if (setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) != 0) _exit(9);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    execl(path, name, "privileges", NULL);
    _exit(8);
  }
  int status;
  waitpid(pid, &status, 0);
  return found(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
}
static int run_setuid(void) { return runs_with_privileges("setuid"); }
static int run_setgid(void) { return runs_with_privileges("setgid"); }
static int run_capable(void) { return runs_with_privileges("capable"); }

static int become_other_user(void) {
  uid_t other = getuid() == 1 ? 2 : 1;
  int done = setresuid(other, other, other);
  if (done != 0 && errno == EINVAL) errno = EPERM;
  return taken(done);
}
static int change_groups(void) {
  gid_t group = 4;
  int done = setgroups(1, &group);
  if (done != 0 && errno == EINVAL) errno = EPERM;
  return taken(done);
}

static int map_users(void) {
  int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
  ssize_t written = fd < 0 ? -1 : write(fd, "0 0 4294967295", 14);
  return found(written > 0, "%s", strerror(errno));
}

static int be_unkillable(void) {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  ssize_t written = fd < 0 ? -1 : write(fd, "-900", 4);
  return found(written == 4, "%s", strerror(errno));
}

static int be_first(void) {
  struct sched_param parameter = {.sched_priority = 1};
  return taken(sched_setscheduler(0, SCHED_FIFO, &parameter));
}
static int be_nice(void) { return taken(setpriority(PRIO_PROCESS, 0, -10)); }
static int write_first(void) { return taken(syscall(SYS_ioprio_set, 1, 0, 1 << 13)); }

static int raise_limits(void) {
  struct rlimit now;
  const int kinds[] = {RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_NPROC};
  for (int i = 0; i < 4; i++) {
    getrlimit(kinds[i], &now);
    if (now.rlim_max == RLIM_INFINITY) return found(1, "no limit %d", kinds[i]);
    now.rlim_max++;
    if (setrlimit(kinds[i], &now) == 0) return found(1, "raised %d", kinds[i]);
  }
  return found(0, "%s", strerror(errno));
}

static int dump_core(void) {
  struct rlimit now;
  getrlimit(RLIMIT_CORE, &now);
  return found(now.rlim_max != 0, "%lu bytes", (unsigned long)now.rlim_max);
}

static int push_characters(void) {
  int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) return found(0, "no terminal");
  int side = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  int done = ioctl(side, TIOCSTI, "x");
  /* Newer kernels refuse it to everybody, by another word. */
  return found(done == 0, "%s", strerror(errno));
}

static int have_terminal(void) { return can_open("/dev/tty", O_RDWR); }

static int abstract_socket(void) {
  const char *name = setting("abstract");
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  strncpy(to.sun_path + 1, name, sizeof to.sun_path - 2);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return taken(connect(fd, (void *)&to, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)) == 0 ? 0 : (errno = EACCES, -1));
}

static int path_socket(const char *path) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  strncpy(to.sun_path, path, sizeof to.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int done = connect(fd, (void *)&to, sizeof to);
  return found(done == 0, "%s", strerror(errno));
}
static int socket_of_server(void) { return path_socket(setting("socket")); }

static int shared_memory(void) {
  int id = shmget(number_of("memory_key"), 0, 0);
  return found(id >= 0, "%s", strerror(errno));
}
static int shared_memory_file(void) { return holds(setting("shm_file"), "canary"); }

const Attempt process_attempts[] = {
  {"see a process of the host", ANYONE, see_host_process},
  {"see threads of the kernel", ANYONE, see_many},
  {"signal a process of the host", ANYONE, signal_host_process},
  {"signal a process of the host by a pidfd", ANYONE, host_process_by_pidfd},
  {"trace a process of the host", ANYONE, trace_host},
  {"trace the supervisor", ANYONE, trace_supervisor},
  {"read the memory of the supervisor", ANYONE, read_supervisor},
  {"write the memory of the supervisor", ANYONE, write_supervisor},
  {"open the memory of the supervisor", ANYONE, open_supervisor_memory},
  {"see the maps of the supervisor", ANYONE, read_supervisor_maps},
  {"see the environment of the supervisor", ANYONE, read_supervisor_environment},
  {"see what the supervisor has open", ANYONE, see_supervisor_descriptors},
  {"take a descriptor of the supervisor", ANYONE, take_supervisor_descriptor},
  {"forge a frame of the supervisor", ANYONE, forge_frame},
  {"compare itself with the supervisor", ANYONE, compare_with_supervisor},
  {"kill the supervisor", ANYONE, kill_supervisor},
  {"stop the supervisor", ANYONE, stop_supervisor},
  {"end the supervisor", ANYONE, end_supervisor},
  {"overwrite the supervisor's program", ANYONE, overwrite_supervisor},
  {"replace the supervisor's program", ANYONE, replace_supervisor},
  {"overwrite the supervisor's program through a child", NOWHERE, overwrite_by_child},
  {"inherit a descriptor of the server", ANYONE, inherit_descriptors},
  {"see a secret of the server in the environment", ANYONE, see_secret},
  {"have a capability", ROOT, have_capabilities},
  {"gain privileges by a setuid program", ROOT, run_setuid},
  {"gain privileges by a setgid program", ROOT, run_setgid},
  {"gain privileges by the capabilities of a program", ROOT, run_capable},
  {"become another user", ROOT, become_other_user},
  {"join a group", ROOT, change_groups},
  {"map other users", NOWHERE, map_users},
  {"be spared when memory runs out", ROOT, be_unkillable},
  {"run before everybody else", ROOT, be_first},
  {"be less nice", ROOT, be_nice},
  {"write to disks before everybody else", ROOT, write_first},
  {"raise its limits", ANYONE, raise_limits},
  {"dump core on the host", ANYONE, dump_core},
  {"push characters into a terminal", NOWHERE, push_characters},
  {"have the terminal of the server", NOWHERE, have_terminal},
  {"reach an abstract socket of the host", ANYONE, abstract_socket},
  {"reach a socket of the server", ANYONE, socket_of_server},
  {"attach shared memory of the host", ANYONE, shared_memory},
  {"read a file in shared memory of the host", ANYONE, shared_memory_file},
  {NULL, 0, NULL},
};
