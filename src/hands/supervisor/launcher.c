/*
 * The launcher: a process outside of every sandbox that starts them for the server. The server itself is large, and
 * forking it stops all of its work for milliseconds; this process forks in a fraction of one.
 *
 * Requests come on fd 0, reports go to fd 1, framed as in supervisor.c:
 *   1 launch (argv, NUL-separated: options, "--", the command)   2 kill
 *   3 ended (i32 wait status, then what was said on standard error)
 * A sandbox talks to the server on a connection of its own to SOCKET, which begins with its u32 id and its u32 pid.
 * When the server's end of fd 0 closes, the launcher ends every sandbox, and itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "door.h"
#include "supervisor.h"

enum { REQUEST_MAX = 1 << 16, LAUNCHES_MAX = 1024, ARGS_MAX = 1024, COMPLAINT_MAX = 2000, PROGRAM_FD = 3, FINISH_TRIES = 400, FINISH_PAUSE_US = 5000, SYSTEM_USERS = 65536 };
enum { T_LAUNCH = 1, T_KILL = 2, T_ENDED = 3 };

/* ------------------------------------------------------------------ one launch, in a child */

static void write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) die(path);
  close(fd);
}

/* bubblewrap reads the system call filter from this descriptor, from its position to its end. */
static void open_program(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0 || dup2(fd, PROGRAM_FD) < 0) die(path);
  if (fd != PROGRAM_FD) close(fd);
}

/* A private mount namespace in which the session's directories can be reached without the data directory. */
static void begin_mounts(const char *stage) {
  if (unshare(CLONE_NEWNS) != 0) die("unshare");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) die("mount private");
  if (mount("anthill", stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64k") != 0) die("mount stage");
}

static void bind_mount(const char *source, const char *target) {
  struct stat about;
  if (stat(source, &about) != 0) die(source);
  if (S_ISDIR(about.st_mode)) {
    if (mkdir(target, 0755) != 0 && errno != EEXIST) die(target);
  } else {
    int fd = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0) die(target);
    close(fd);
  }
  if (mount(source, target, NULL, MS_BIND, NULL) != 0) die(source);
}

/* A system with what packages changed in it. The paths in OPTIONS are those of the stage, so none needs to be escaped. */
static void mount_overlay(const char *target, const char *options) {
  if (mkdir(target, 0755) != 0 && errno != EEXIST) die(target);
  if (mount("anthill", target, "overlay", MS_NOSUID | MS_NODEV, options) != 0) die("overlay");
}

/* Reached by this descriptor even where its path is not: by the session's user, and behind other mounts. */
static int open_socket(const char *path) {
  int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) die(path);
  return fd;
}

/* A child that outlives the launcher would be nobody's. Changing the user forgets the request, so it is made twice. */
static void die_with(pid_t launcher) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launcher) _exit(125);
}

static void write_users(const char *path, unsigned long first) {
  char line[64];
  snprintf(line, sizeof line, "0 %lu %d", first, SYSTEM_USERS);
  write_text(path, line);
}

/*
 * Root, and all users, of a system that is being made: a user namespace in which they are users of ours that nobody
 * else is. Only who is outside may name that many, so a child does it.
 */
static void become_system(unsigned long first) {
  int wanted[2], status = -1;
  char path[64];
  pid_t self = getpid();
  if (pipe2(wanted, O_CLOEXEC) != 0) die("pipe");
  pid_t outside = fork();
  if (outside == 0) {
    char byte;
    close(wanted[1]);
    if (read(wanted[0], &byte, 1) != 1) _exit(1);
    snprintf(path, sizeof path, "/proc/%d/gid_map", self);
    write_users(path, first);
    snprintf(path, sizeof path, "/proc/%d/uid_map", self);
    write_users(path, first);
    _exit(0);
  }
  if (outside < 0 || unshare(CLONE_NEWUSER) != 0) die("user namespace");
  if (write(wanted[1], "", 1) != 1 || waitpid(outside, &status, 0) < 0 || status != 0) die("users of the system");
  close(wanted[0]);
  close(wanted[1]);
  if (setgroups(0, NULL) != 0 || setgid(0) != 0 || setuid(0) != 0) die("root of the system");
}

/*
 * [--seccomp-program FILE] [--cgroup FILE]… [--stage DIR] [--bind SOURCE TARGET]… [--overlay TARGET OPTIONS] [--uid N | --system-uid N]
 * [--file-bytes N] [--data-bytes N] [--open-files N] [--door SOCKET] -- ARGV
 */
static int launch(char **argv, pid_t launcher) {
  unsigned long uid = 0, system_uid = 0, open_files = 0;
  int door = -1;
  for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
    const char *option = *argv;
    if (argv[1] == NULL) return 2;
    if (!strcmp(option, "--seccomp-program")) open_program(*++argv);
    else if (!strcmp(option, "--cgroup")) write_text(*++argv, "0");
    else if (!strcmp(option, "--stage")) begin_mounts(*++argv);
    else if (!strcmp(option, "--bind")) {
      bind_mount(argv[1], argv[2]);
      argv += 2;
    }
    else if (!strcmp(option, "--overlay")) {
      mount_overlay(argv[1], argv[2]);
      argv += 2;
    }
    else if (!strcmp(option, "--system-uid")) system_uid = strtoul(*++argv, NULL, 10);
    else if (!strcmp(option, "--uid")) uid = strtoul(*++argv, NULL, 10);
    else if (!strcmp(option, "--file-bytes")) limit(RLIMIT_FSIZE, strtoull(*++argv, NULL, 10));
    else if (!strcmp(option, "--data-bytes")) limit(RLIMIT_DATA, strtoull(*++argv, NULL, 10));
    else if (!strcmp(option, "--open-files")) open_files = strtoul(*++argv, NULL, 10);
    else if (!strcmp(option, "--door")) door = open_socket(*++argv);
    else return 2;
  }
  if (*argv == NULL || argv[1] == NULL) return 2;
  limit(RLIMIT_CORE, 0);
  if (door >= 0) open_door(door, uid != 0 ? uid : system_uid);
  if (open_files != 0) limit(RLIMIT_NOFILE, open_files);
  /* 0 to 2 and the seccomp program stay; nothing the server has open may leak into the sandbox. */
  syscall(SYS_close_range, 4U, ~0U, 0U);
  if (system_uid != 0) become_system(system_uid);
  if (uid != 0 && (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0)) die("drop privileges");
  die_with(launcher);
  execv(argv[1], argv + 1);
  die(argv[1]);
  return 125;
}

/* ------------------------------------------------------------------ the launcher's own loop */

typedef struct {
  uint32_t id;
  pid_t pid;
  int complaint;
} Launch;

static Launch launches[LAUNCHES_MAX];
static int launch_count;
static int wake_pipe[2];

static void on_child(int signal_number) {
  (void)signal_number;
  int kept = errno;
  (void)!write(wake_pipe[1], "", 1);
  errno = kept;
}

static void finish(void);

static void report_ended(uint32_t id, int32_t status, int complaint) {
  char frame[13 + COMPLAINT_MAX];
  off_t size = complaint < 0 ? 0 : lseek(complaint, 0, SEEK_END);
  ssize_t said = size <= 0 ? 0 : pread(complaint, frame + 13, COMPLAINT_MAX, size > COMPLAINT_MAX ? size - COMPLAINT_MAX : 0);
  if (said < 0) said = 0;
  uint32_t rest = 9 + (uint32_t)said;
  memcpy(frame, &rest, 4);
  frame[4] = T_ENDED;
  memcpy(frame + 5, &id, 4);
  memcpy(frame + 9, &status, 4);
  for (ssize_t at = 0, length = 4 + rest; at < length;) {
    ssize_t written = write(1, frame + at, length - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) finish(); /* the server is gone */
    at += written;
  }
}

/* The connection to the server becomes the sandbox's standard input and output. */
static void connect_server(const char *socket_path, uint32_t id) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
  uint32_t header[2] = {id, (uint32_t)getpid()};
  if (write(fd, header, sizeof header) != sizeof header) die("greet");
  dup2(fd, 0);
  dup2(fd, 1);
  if (fd > 2) close(fd);
}

static void start(const char *socket_path, uint32_t id, char *payload, uint32_t length) {
  char *argv[ARGS_MAX];
  int argc = 0;
  for (char *at = payload; at < payload + length && argc < ARGS_MAX - 1; at += strlen(at) + 1) argv[argc++] = at;
  argv[argc] = NULL;
  int complaint = memfd_create("complaint", MFD_CLOEXEC);
  pid_t launcher = getpid();
  pid_t pid = complaint < 0 || launch_count == LAUNCHES_MAX ? -1 : fork();
  if (pid == 0) {
    die_with(launcher);
    dup2(complaint, 2);
    setsid();
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    connect_server(socket_path, id);
    _exit(launch(argv, launcher));
  }
  if (pid < 0) {
    if (complaint >= 0) close(complaint);
    return report_ended(id, 125 << 8, -1);
  }
  launches[launch_count++] = (Launch){.id = id, .pid = pid, .complaint = complaint};
}

/*
 * A bubblewrap that is killed while it still sets up leaves a child that waits for it for ever. Orphans come to us,
 * the nearest subreaper: whatever child we did not fork ourselves is one.
 */
static void kill_orphans(void) {
  FILE *children = fopen("/proc/thread-self/children", "re");
  if (children == NULL) return;
  for (int pid; fscanf(children, "%d", &pid) == 1;) {
    int ours = 0;
    for (int i = 0; i < launch_count; i++) ours |= launches[i].pid == pid;
    if (!ours) kill(pid, SIGKILL);
  }
  fclose(children);
}

/* Ends everything that was started; nothing waits for a process that cannot die. */
static void finish(void) {
  for (int i = 0; i < launch_count; i++) kill(launches[i].pid, SIGKILL);
  launch_count = 0;
  for (int tries = 0; tries < FINISH_TRIES; tries++) {
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD) break;
    kill_orphans();
    usleep(FINISH_PAUSE_US);
  }
  exit(0);
}

static void reap(void) {
  char drained[64];
  while (read(wake_pipe[0], drained, sizeof drained) > 0) continue;
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    for (int i = 0; i < launch_count; i++) {
      if (launches[i].pid != pid) continue;
      report_ended(launches[i].id, status, launches[i].complaint);
      close(launches[i].complaint);
      launches[i] = launches[--launch_count];
      break;
    }
    kill_orphans();
  }
}

static void read_requests(const char *socket_path) {
  static char buffer[REQUEST_MAX + 8];
  static size_t have;
  ssize_t length = read(0, buffer + have, REQUEST_MAX - have);
  if (length < 0 && errno == EINTR) return;
  if (length <= 0) finish(); /* the server is gone */
  have += length;
  size_t at = 0;
  while (have - at >= 9) {
    uint32_t rest, id;
    memcpy(&rest, buffer + at, 4);
    if (rest < 5 || rest > REQUEST_MAX - 4) exit(2);
    if (have - at < 4 + (size_t)rest) break;
    memcpy(&id, buffer + at + 5, 4);
    char *end = buffer + at + 4 + rest;
    char kept = *end; /* the last argument ends there */
    *end = 0;
    if (buffer[at + 4] == T_LAUNCH) start(socket_path, id, buffer + at + 9, rest - 5);
    for (int i = 0; buffer[at + 4] == T_KILL && i < launch_count; i++)
      if (launches[i].id == id) kill(launches[i].pid, SIGKILL);
    *end = kept;
    at += 4 + rest;
  }
  memmove(buffer, buffer + at, have - at);
  have -= at;
}

int serve_launches(const char *socket_path) {
  if (strlen(socket_path) >= sizeof ((struct sockaddr_un *)0)->sun_path) return 2;
  if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) die("pipe");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, on_child);
  for (;;) {
    struct pollfd polled[2] = {{.fd = 0, .events = POLLIN}, {.fd = wake_pipe[0], .events = POLLIN}};
    if (poll(polled, 2, -1) < 0 && errno != EINTR) return 1;
    if (polled[1].revents) reap();
    if (polled[0].revents) read_requests(socket_path);
  }
}
