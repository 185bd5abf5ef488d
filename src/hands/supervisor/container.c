/*
 * The beginning of a sandbox whose namespaces a container engine has made. PID 1 starts as root of the container with the
 * few capabilities that this takes; before it runs anything for the server, it has none and is somebody else.
 *
 *   enter --connect SOCKET --uid N [--door SOCKET] [--seccomp-program FILE] [--file-bytes N] [--data-bytes N] [--open-files N]
 *
 * Both sockets are found by their names here, and by nobody later: the server removes the names once it is called.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include "door.h"
#include "supervisor.h"

/* Nobody: what the sandbox runs can neither signal nor trace the forwarder. */
enum { FORWARDER_UID = 65534, CAPABILITIES_MAX = 64, INSTRUCTIONS_MAX = 4096 };

/* The connection to the server becomes standard input and output. */
static void connect_server(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
  dup2(fd, 0);
  dup2(fd, 1);
  if (fd > 2) close(fd);
}

/* No program that is run from here on gets a capability, whoever owns it. */
static void become(unsigned uid) {
  for (int capability = 0; capability < CAPABILITIES_MAX; capability++)
    if (prctl(PR_CAPBSET_READ, capability) == 1 && prctl(PR_CAPBSET_DROP, capability) != 0) die("drop capabilities");
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die("no new privileges");
  if (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0) die("drop privileges");
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  if (syscall(SYS_capset, &header, none) != 0) die("capabilities");
}

static int open_program(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) die(path);
  return fd;
}

static void filter_calls(int fd) {
  static struct sock_filter instructions[INSTRUCTIONS_MAX];
  ssize_t size = read(fd, instructions, sizeof instructions);
  if (size <= 0 || size == sizeof instructions) die("system call filter");
  struct sock_fprog program = {.len = size / sizeof *instructions, .filter = instructions};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) die("system call filter");
  close(fd);
}

void enter_container(char **options) {
  unsigned long uid = 0, open_files = 0;
  int door = -1, program = -1;
  const char *server = NULL;
  for (; options[0] != NULL && options[1] != NULL; options += 2) {
    const char *option = options[0], *value = options[1];
    if (!strcmp(option, "--connect")) server = value;
    else if (!strcmp(option, "--uid")) uid = strtoul(value, NULL, 10);
    else if (!strcmp(option, "--door") && (door = open(value, O_PATH | O_CLOEXEC)) < 0) die(value);
    else if (!strcmp(option, "--seccomp-program")) program = open_program(value);
    else if (!strcmp(option, "--file-bytes")) limit(RLIMIT_FSIZE, strtoull(value, NULL, 10));
    else if (!strcmp(option, "--data-bytes")) limit(RLIMIT_DATA, strtoull(value, NULL, 10));
    else if (!strcmp(option, "--open-files")) open_files = strtoul(value, NULL, 10);
  }
  limit(RLIMIT_CORE, 0);
  /* Once it is called, there is no door to be found any more. */
  if (server == NULL) die("--connect");
  connect_server(server);
  if (door >= 0) open_door_here(door, FORWARDER_UID);
  /* After the forwarder, which needs more than a sandbox may have. */
  if (open_files != 0) limit(RLIMIT_NOFILE, open_files);
  become(uid);
  if (program >= 0) filter_calls(program);
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) die("/dev/null");
  dup2(nothing, 2);
  syscall(SYS_close_range, 3U, ~0U, 0U);
}
