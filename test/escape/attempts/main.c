/*
 * Ways out of a sandbox. One program, static, that tries all of them where it is started, and says a line for each:
 *
 *   NAME <tab> CONTROL <tab> held|ESCAPED <tab> what was seen
 *
 *   attempts try NAME=VALUE…     each in a process of its own, for a second at most
 *   attempts prepare DIRECTORY   on the host, as root: programs with privileges for others to run
 *   attempts share|unshare KEY   on the host: makes and removes shared memory
 *   attempts privileges          exit status 0: this process has some that its user should not have
 *
 * No attempt harms the machine that it gets out to: where success would, the attempt stops at the permission.
 */
#include "attempts.h"
#include <ctype.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

enum { DETAIL_MAX = 160, SECONDS_MAX = 1, SCRATCH_NAMES = 4 };

static char **settings;
static char *detail;

const char *setting(const char *name) {
  size_t length = strlen(name);
  for (char **one = settings; *one != NULL; one++)
    if (!strncmp(*one, name, length) && (*one)[length] == '=') return *one + length + 1;
  return "";
}

int number_of(const char *name) { return atoi(setting(name)); }

int found(int got_out, const char *format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(detail, DETAIL_MAX, format, values);
  va_end(values);
  return got_out;
}

int taken(long result) {
  if (result >= 0) return found(1, "done: %ld", result);
  int refused = errno == EPERM || errno == EACCES || errno == ENOSYS || errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT ||
    errno == ENOENT || errno == ENODEV || errno == ENXIO || errno == EROFS || errno == ESRCH || errno == EOPNOTSUPP;
  return found(!refused, "%s", strerror(errno));
}

int can_open(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return found(0, "%s: %s", path, strerror(errno));
  close(fd);
  return found(1, "%s: open", path);
}

const char *scratch(const char *name) {
  static char paths[SCRATCH_NAMES][512];
  static int next;
  char *path = paths[next++ % SCRATCH_NAMES];
  snprintf(path, sizeof paths[0], "%s/%s", setting("scratch"), name);
  return path;
}

int holds(const char *path, const char *text) {
  static char bytes[1 << 16];
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  ssize_t length = fd < 0 ? -1 : read(fd, bytes, sizeof bytes - 1);
  if (length < 0) {
    found(0, "%s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return 0;
  }
  close(fd);
  return found(memmem(bytes, length, text, strlen(text)) != NULL, "%s: read", path);
}

int write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
  if (fd < 0) return -1;
  ssize_t written = write(fd, text, strlen(text));
  close(fd);
  return written == (ssize_t)strlen(text) ? 0 : -1;
}

int opens_device(const char *name, mode_t type, unsigned major_number, unsigned minor_number) {
  const char *path = scratch(name);
  unlink(path);
  if (mknod(path, type | 0600, makedev(major_number, minor_number)) != 0) return found(0, "mknod: %s", strerror(errno));
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  int why = errno;
  unlink(path);
  if (fd >= 0) close(fd);
  /* A device that this machine does not have is reached all the same. */
  return found(fd >= 0 || (why != EACCES && why != EPERM), "opened: %s", fd >= 0 ? "yes" : strerror(why));
}

static void try_one(const Attempt *attempt) {
  detail[0] = 0;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    setpgid(0, 0);
    alarm(SECONDS_MAX);
    int quiet = open("/dev/null", O_WRONLY);
    dup2(quiet, 1);
    dup2(quiet, 2);
    if (quiet > 2) close(quiet);
    _exit(attempt->run() ? 0 : 1);
  }
  int status;
  waitpid(pid, &status, 0);
  kill(-pid, SIGKILL);
  int out = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (WIFSIGNALED(status)) found(0, "%s", strsignal(WTERMSIG(status)));
  for (char *at = detail; *at; at++)
    if (!isprint((unsigned char)*at)) *at = ' ';
  const char *controls[] = {"nowhere", "anyone", "root"};
  printf("%s\t%s\t%s\t%s\n", attempt->name, controls[attempt->control], out ? "ESCAPED" : "held", detail);
}

static int has_privileges(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct now[2] = {{0}};
  syscall(SYS_capget, &header, now);
  return (now[0].effective | now[1].effective | now[0].permitted | now[1].permitted) != 0;
}

static int prepare(const char *directory, const char *self) {
  char path[512], command[1200];
  const char *names[] = {"setuid", "setgid", "capable"};
  const mode_t modes[] = {04755, 02755, 0755};
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", directory, names[i]);
    snprintf(command, sizeof command, "cp -f '%s' '%s'", self, path);
    if (system(command) != 0 || chmod(path, modes[i]) != 0) return 1;
  }
  struct vfs_cap_data all = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE};
  all.data[0].permitted = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE;
  return setxattr(path, "security.capability", &all, sizeof all, 0) != 0;
}

static int share(int key) { return shmget(key, 4096, IPC_CREAT | 0666) < 0; }
static int unshare_memory(int key) { return shmctl(shmget(key, 0, 0), IPC_RMID, NULL) != 0; }

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "share")) return share(atoi(argv[2]));
  if (argc == 3 && !strcmp(argv[1], "unshare")) return unshare_memory(atoi(argv[2]));
  if (argc == 3 && !strcmp(argv[1], "prepare")) return prepare(argv[2], argv[0]);
  if (argc == 2 && !strcmp(argv[1], "privileges")) return has_privileges() || geteuid() != getuid() || getegid() != getgid() ? 0 : 1;
  if (argc < 2 || strcmp(argv[1], "try")) return 2;
  settings = argv + 2;
  detail = mmap(NULL, DETAIL_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  mkdir(setting("scratch"), 0700);
  const Attempt *groups[] = {mount_attempts, process_attempts, kernel_attempts, network_attempts, file_attempts};
  for (size_t group = 0; group < sizeof groups / sizeof *groups; group++)
    for (const Attempt *one = groups[group]; one->name != NULL; one++) try_one(one);
  puts("all tried");
  return 0;
}
