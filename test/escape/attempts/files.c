/* Files that are not the session's, and those it may only read. */
#include "attempts.h"
#include <dirent.h>
#include <sys/mman.h>
#include <sys/xattr.h>

static int host_file(void) { return holds(setting("canary"), "canary"); }
static int other_session(void) { return can_open(setting("other"), O_RDONLY | O_DIRECTORY); }
static int data_directory(void) { return can_open(setting("data"), O_RDONLY | O_DIRECTORY); }
static int shadow(void) { return holds("/etc/shadow", "root:"); }
static int machine_id(void) { return can_open("/etc/machine-id", O_RDONLY); }
static int homes(void) {
  return access("/home/.", F_OK) == 0 && can_open(setting("home"), O_RDONLY | O_DIRECTORY);
}
static int docker_socket(void) { return can_open("/var/run/docker.sock", O_PATH) || can_open("/run/systemd/private", O_PATH) || can_open("/run/dbus", O_PATH); }
static int boot(void) { return can_open("/boot", O_RDONLY | O_DIRECTORY); }

static int follow_link(void) {
  const char *link = scratch("link");
  unlink(link);
  if (symlink(setting("canary"), link) != 0) return 0;
  return holds(link, "canary");
}

static int link_to_host(void) {
  const char *name = scratch("hard");
  unlink(name);
  int done = link(setting("canary"), name);
  return found(done == 0, "%s", strerror(errno));
}

static const char *read_only(void) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", setting("readonly"), setting("readonly_file"));
  return path;
}

static int write_it(void) { return can_open(read_only(), O_WRONLY); }
static int make_beside(void) {
  char path[512];
  snprintf(path, sizeof path, "%s/new", setting("readonly"));
  int made = can_open(path, O_WRONLY | O_CREAT);
  unlink(path);
  return made;
}
static int truncate_it(void) { return taken(truncate(read_only(), 6)); }
static int remove_it(void) {
  char beside[600];
  snprintf(beside, sizeof beside, "%s.moved", read_only());
  int done = rename(read_only(), beside);
  int why = errno;
  if (done == 0) rename(beside, read_only());
  return found(done == 0, "%s", strerror(why));
}
static int rename_over(void) {
  char over[512];
  snprintf(over, sizeof over, "%s/spare", setting("readonly"));
  const char *mine = scratch("mine");
  write_text(mine, "x");
  int done = rename(mine, over);
  int why = errno;
  unlink(over);
  return found(done == 0, "%s", strerror(why));
}
static int link_it(void) {
  const char *name = scratch("linked");
  unlink(name);
  int done = link(read_only(), name);
  int why = errno;
  int out = done == 0 && can_open(name, O_WRONLY);
  unlink(name);
  return out || found(0, "%s", done == 0 ? "linked, and not writable" : strerror(why));
}
static int change_mode(void) { return taken(chmod(read_only(), 0644)); }
static int change_times(void) { return taken(utimensat(AT_FDCWD, read_only(), NULL, 0)); }
static int change_owner(void) { return taken(chown(read_only(), getuid(), getgid())); }
static int change_attributes(void) { return taken(setxattr(read_only(), "user.escape", "x", 1, 0)); }

static int open_again(void) {
  char path[64];
  int fd = open(read_only(), O_RDONLY | O_CLOEXEC);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return can_open(path, O_RDWR);
}

static int map_shared(void) {
  int fd = open(read_only(), O_RDONLY | O_CLOEXEC);
  void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) return found(0, "%s", strerror(errno));
  int done = mprotect(page, 4096, PROT_READ | PROT_WRITE);
  if (done == 0) return found(1, "mapped");
  int other = open(read_only(), O_RDWR | O_CLOEXEC);
  return found(other >= 0, "%s", strerror(errno));
}

static int write_system(void) { return can_open("/usr/bin/env", O_WRONLY) || can_open("/usr/escape", O_WRONLY | O_CREAT | O_TMPFILE); }
static int write_root(void) { return can_open("/", O_WRONLY | O_TMPFILE); }
static int write_etc(void) { return can_open("/etc/passwd", O_WRONLY) || can_open("/etc", O_WRONLY | O_TMPFILE); }
static int write_certificates(void) { return can_open("/etc/ssl/certs", O_WRONLY | O_TMPFILE); }

static int give_away(void) {
  const char *path = scratch("given");
  write_text(path, "x");
  int done = chown(path, 1, 1);
  if (done != 0 && errno == EINVAL) errno = EPERM;
  return taken(done);
}

/* A file of root that the host would run with its privileges. */
static int leave_setuid(void) {
  const char *path = scratch("left");
  unlink(path);
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  if (fd < 0 || fchmod(fd, 04755) != 0) return found(0, "%s", strerror(errno));
  close(fd);
  /* The host decides whose file it is: the test looks there. */
  return found(number_of("supervisor") != 1 && getuid() == 0, "left for the host to look at");
}

static int trusted_attribute(void) {
  const char *path = scratch("attributed");
  write_text(path, "x");
  return taken(setxattr(path, "trusted.escape", "x", 1, 0));
}

static int capability_attribute(void) {
  const uint32_t capability[5] = {0x02000001, ~0U};
  const char *path = scratch("capable");
  write_text(path, "x");
  return taken(setxattr(path, "security.capability", capability, sizeof capability, 0));
}

static int find_by_listing(void) {
  DIR *root = opendir("/");
  struct dirent *entry;
  while (root != NULL && (entry = readdir(root)) != NULL)
    if (!strcmp(entry->d_name, "boot") || !strcmp(entry->d_name, "srv") || !strcmp(entry->d_name, "lost+found")) return found(1, "/%s", entry->d_name);
  return found(0, "nothing of the host");
}

const Attempt file_attempts[] = {
  {"read a file of the host", ANYONE, host_file},
  {"see another session's workspace", ANYONE, other_session},
  {"see the data directory of the server", ANYONE, data_directory},
  {"read the passwords of the host", ROOT, shadow},
  {"read the id of the machine", NOWHERE, machine_id},
  {"see the home of the server's user", ANYONE, homes},
  {"reach sockets of the machine's services", NOWHERE, docker_socket},
  {"see the boot directory", NOWHERE, boot},
  {"see what else lies in the root of the host", ANYONE, find_by_listing},
  {"follow a link to a file of the host", ANYONE, follow_link},
  {"link a file of the host", ANYONE, link_to_host},
  {"write to a read-only file", ANYONE, write_it},
  {"make a file beside a read-only one", ANYONE, make_beside},
  {"truncate a read-only file", ANYONE, truncate_it},
  {"remove a read-only file", ANYONE, remove_it},
  {"rename over a read-only file", ANYONE, rename_over},
  {"link a read-only file to where it can be written", ANYONE, link_it},
  {"change the mode of a read-only file", ANYONE, change_mode},
  {"change the times of a read-only file", ANYONE, change_times},
  {"change the owner of a read-only file", ANYONE, change_owner},
  {"change attributes of a read-only file", ANYONE, change_attributes},
  {"open a read-only file again for writing", ANYONE, open_again},
  {"map a read-only file for writing", ANYONE, map_shared},
  {"write to the system directories", ROOT, write_system},
  {"write to the root directory", ROOT, write_root},
  {"write to /etc", ROOT, write_etc},
  {"add a certificate authority", ROOT, write_certificates},
  {"give a file to another user", ROOT, give_away},
  {"leave a setuid program of root", ROOT, leave_setuid},
  {"set a trusted attribute", ROOT, trusted_attribute},
  {"give capabilities to a file", ROOT, capability_attribute},
  {NULL, 0, NULL},
};
