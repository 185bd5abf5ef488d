/*
 * What takes room on a disk and has no name any more: files that were removed while processes have them open.
 *
 *   init held DIRECTORY    "<bytes> <hidden>\n": of the files of that file system that processes of this sandbox
 *                          hold, each counted once, and how many processes do not let themselves be looked at
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "supervisor.h"

enum { FILES_MAX = 1 << 16 };

static ino_t files[FILES_MAX];
static int file_count;
static unsigned long long bytes;

static void count(const struct stat *about) {
  for (int i = 0; i < file_count; i++)
    if (files[i] == about->st_ino) return;
  if (file_count < FILES_MAX) files[file_count++] = about->st_ino;
  bytes += (unsigned long long)about->st_blocks * 512;
}

/* 0: the process does not let itself be looked at. */
static int count_in(const char *pid, dev_t device) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
  DIR *descriptors = opendir(path);
  if (descriptors == NULL) return access(path, F_OK) != 0;
  struct dirent *entry;
  int seen = 1;
  while ((entry = readdir(descriptors)) != NULL) {
    struct stat about;
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    if (fstatat(dirfd(descriptors), entry->d_name, &about, 0) != 0) {
      /* Gone meanwhile, or not for us to see. */
      char target[8];
      if (readlinkat(dirfd(descriptors), entry->d_name, target, sizeof target) < 0 && access(path, F_OK) == 0) seen = 0;
      continue;
    }
    if (S_ISREG(about.st_mode) && about.st_nlink == 0 && about.st_dev == device) count(&about);
  }
  closedir(descriptors);
  return seen;
}

int say_held(const char *directory) {
  struct stat about;
  DIR *processes = opendir("/proc");
  if (processes == NULL || stat(directory, &about) != 0) die(directory);
  int hidden = 0;
  struct dirent *entry;
  while ((entry = readdir(processes)) != NULL) {
    const char *pid = entry->d_name;
    /* The supervisor hides on purpose, and has no files open. */
    if (!isdigit((unsigned char)pid[0]) || !strcmp(pid, "1")) continue;
    hidden += !count_in(pid, about.st_dev);
  }
  closedir(processes);
  printf("%llu %d\n", bytes, hidden);
  return 0;
}
