/*
 * The work of the file tools, done by a process inside the sandbox: paths and links resolve there, and what
 * takes long takes the sandbox's time and can be killed.
 *
 *   init read PATH MAX               "<kind> <size>\n" and the first MAX bytes of a file
 *   init lines PATH FIRST LAST MAX   these lines, counted from 1, both included; LAST 0: to the end; at most MAX bytes
 *   init write PATH                  standard input becomes the file's content; parents are made
 *   init glob ROOT PATTERN SCAN MAX  the MAX newest regular files below ROOT that match, NUL after each path
 *
 * All end with status 1 and "<path>: <reason>" on standard error when they cannot do it. No path can make
 * them wait: a pipe or a device is never waited for.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "supervisor.h"

enum { CHUNK = 65536, DEPTH_MAX = 64, ALTERNATIVES_MAX = 1024, SEGMENTS_MAX = 256 };

static char chunk[CHUNK];

static int fail(const char *path) {
  fprintf(stderr, "%s: %s\n", path, strerror(errno));
  return 1;
}

static int put(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -1;
    bytes += written;
    length -= (size_t)written;
  }
  return 0;
}

static int read_file(const char *path, unsigned long max) {
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  struct stat about;
  if (fd < 0 || fstat(fd, &about) != 0) return fail(path);
  const char *kind = S_ISREG(about.st_mode) ? "file" : S_ISDIR(about.st_mode) ? "directory" : "other";
  dprintf(1, "%s %lld\n", kind, (long long)about.st_size);
  if (!S_ISREG(about.st_mode)) return 0;
  while (max > 0) {
    ssize_t length = read(fd, chunk, max < sizeof chunk ? max : sizeof chunk);
    if (length < 0) return fail(path);
    if (length == 0) break;
    if (put(1, chunk, (size_t)length) != 0) return 1;
    max -= (size_t)length;
  }
  return 0;
}

static int read_lines(const char *path, unsigned long first, unsigned long last, size_t max) {
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  struct stat about;
  if (fd < 0 || fstat(fd, &about) != 0) return fail(path);
  if (!S_ISREG(about.st_mode)) {
    errno = EINVAL;
    return fail(path);
  }
  unsigned long line = 1;
  for (;;) {
    ssize_t length = read(fd, chunk, sizeof chunk);
    if (length < 0) return fail(path);
    if (length == 0) return 0;
    for (char *at = chunk, *end = chunk + length; at < end;) {
      char *newline = memchr(at, '\n', (size_t)(end - at));
      size_t size = (size_t)((newline ? newline + 1 : end) - at);
      if (line >= first) {
        if (put(1, at, size < max ? size : max) != 0) return 1;
        if (size >= max) return 0;
        max -= size;
      }
      if (newline != NULL && line++ == last) return 0;
      at += size;
    }
  }
}

static int make_parents(const char *path) {
  char *copy = strdup(path);
  for (char *at = copy + 1; copy != NULL && *at; at++) {
    if (*at != '/') continue;
    *at = 0;
    if (mkdir(copy, 0755) != 0 && errno != EEXIST) return -1;
    *at = '/';
  }
  free(copy);
  return 0;
}

static int write_file(const char *path) {
  if (make_parents(path) != 0) return fail(path);
  /* Truncated only when it is known to be a file: whatever else has that name stays as it is. */
  int fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0644);
  struct stat about;
  if (fd < 0 || fstat(fd, &about) != 0) return fail(path);
  if (!S_ISREG(about.st_mode)) {
    errno = EINVAL;
    return fail(path);
  }
  if (ftruncate(fd, 0) != 0) return fail(path);
  ssize_t length;
  while ((length = read(0, chunk, sizeof chunk)) > 0) {
    if (put(fd, chunk, (size_t)length) != 0) return fail(path);
  }
  return length < 0 || close(fd) != 0 ? fail(path) : 0;
}

/* ------------------------------------------------------------------ glob */

/* The next character: a UTF-8 sequence, or a byte that belongs to none. Moves past it. */
static uint32_t character(const char **at) {
  const unsigned char *byte = (const unsigned char *)*at;
  int more = byte[0] >= 0xf0 ? 3 : byte[0] >= 0xe0 ? 2 : byte[0] >= 0xc0 ? 1 : 0;
  uint32_t code = more == 0 ? byte[0] : byte[0] & (0x3fu >> more);
  for (int i = 1; i <= more; i++) {
    if ((byte[i] & 0xc0) != 0x80) {
      *at += 1;
      return byte[0];
    }
    code = code << 6 | (byte[i] & 0x3fu);
  }
  *at += more + 1;
  return code;
}

static uint32_t literal(const char **at) {
  if (**at == '\\' && (*at)[1] != 0) *at += 1;
  return character(at);
}

/* Does `[…]` at *pattern contain the character? Moves past it; -1 when the bracket never closes. */
static int class_has(const char **pattern, uint32_t wanted) {
  const char *at = *pattern + 1;
  int inverse = *at == '!' || *at == '^', found = 0;
  if (inverse) at++;
  for (const char *first = at; *at != ']' || at == first;) {
    if (*at == 0) return -1;
    uint32_t low = literal(&at), high = low;
    if (at[0] == '-' && at[1] != 0 && at[1] != ']') {
      at++;
      high = literal(&at);
    }
    found |= low <= wanted && wanted <= high;
  }
  *pattern = at + 1;
  return found != inverse;
}

/* Does one pattern character accept this one? Moves past the pattern's. */
static int accepts(const char **pattern, uint32_t wanted) {
  if (**pattern == '?') {
    *pattern += 1;
    return 1;
  }
  int known = **pattern == '[' ? class_has(pattern, wanted) : -1;
  return known >= 0 ? known : literal(pattern) == wanted;
}

/* One name against one segment, in time proportional to both: only the last `*` is ever tried again. */
static int name_matches(const char *pattern, const char *name) {
  const char *after_star = NULL, *retry = NULL;
  if (*name == '.' && *pattern != '.') return 0;
  while (*name != 0) {
    if (*pattern == '*') {
      after_star = ++pattern;
      retry = name;
      continue;
    }
    const char *next_pattern = pattern, *next_name = name;
    if (*pattern != 0 && accepts(&next_pattern, character(&next_name))) {
      pattern = next_pattern;
      name = next_name;
      continue;
    }
    if (after_star == NULL) return 0;
    character(&retry);
    name = retry;
    pattern = after_star;
  }
  while (*pattern == '*') pattern++;
  return *pattern == 0;
}

typedef struct {
  int count;
  char *names[SEGMENTS_MAX];
} Segments;

static int split(char *path, Segments *into) {
  into->count = 0;
  for (char *name = strtok(path, "/"); name != NULL; name = strtok(NULL, "/")) {
    if (!strcmp(name, ".")) continue;
    if (into->count == SEGMENTS_MAX - 1) return -1;
    into->names[into->count++] = name;
  }
  into->names[into->count] = NULL;
  return 0;
}

/* The same over segments: `**` stands for any number of names, but for hidden ones. */
static int path_matches(const Segments *pattern, const Segments *path) {
  int p = 0, n = 0, after_stars = -1, retry = 0;
  while (n < path->count) {
    if (p < pattern->count && !strcmp(pattern->names[p], "**")) {
      after_stars = ++p;
      retry = n;
    } else if (p < pattern->count && name_matches(pattern->names[p], path->names[n])) {
      p++;
      n++;
    } else {
      if (after_stars < 0 || path->names[retry][0] == '.') return 0;
      n = ++retry;
      p = after_stars;
    }
  }
  return p == pattern->count;
}

static Segments alternatives[ALTERNATIVES_MAX];
static int alternative_count;

/* The `}` that closes the `{` at `open`, or NULL; `commas` counts what separates its alternatives. */
static const char *closing(const char *open, int *commas) {
  int depth = 0;
  *commas = 0;
  for (const char *at = open; *at != 0; at++) {
    if (*at == '\\' && at[1] != 0) at++;
    else if (*at == '{') depth++;
    else if (*at == ',' && depth == 1) ++*commas;
    else if (*at == '}' && --depth == 0) return at;
  }
  return NULL;
}

/* Splits `pattern` at its braces into `alternatives`. `from` is where an unread brace may be. */
static int expand(const char *pattern, size_t from) {
  int commas;
  const char *open = pattern + from, *end = NULL;
  for (; *open != 0; open++) {
    if (*open == '\\' && open[1] != 0) open++;
    else if (*open == '{' && (end = closing(open, &commas)) != NULL && commas > 0) break;
  }
  if (*open == 0) {
    if (alternative_count == ALTERNATIVES_MAX) return -1;
    Segments *made = &alternatives[alternative_count++];
    if (split(strdup(pattern), made) != 0) return -1;
    /* A file below, not the directory itself. */
    if (made->count > 0 && !strcmp(made->names[made->count - 1], "**")) made->names[made->count++] = "*";
    return 0;
  }
  int depth = 0;
  const char *start = open + 1;
  for (const char *at = open; at <= end; at++) {
    if (*at == '\\' && at[1] != 0) {
      at++;
      continue;
    }
    if (*at == '{') depth++;
    int last = *at == '}' && --depth == 0;
    if (!last && !(*at == ',' && depth == 1)) continue;
    char *one;
    int length = asprintf(&one, "%.*s%.*s%s", (int)(open - pattern), pattern, (int)(at - start), start, end + 1);
    if (length < 0 || expand(one, (size_t)(open - pattern)) != 0) return -1;
    free(one);
    start = at + 1;
  }
  return 0;
}

typedef struct {
  struct timespec changed;
  char *path;
} Found;

static Found *found;
static size_t found_count, found_room;
static unsigned long scanned;
static int depth_max;

static void consider(const char *path, const char *below, const struct stat *about) {
  Segments names;
  char *copy = strdup(below);
  int matches = 0;
  if (copy != NULL && split(copy, &names) == 0)
    for (int i = 0; i < alternative_count && !matches; i++) matches = path_matches(&alternatives[i], &names);
  free(copy);
  if (!matches) return;
  if (found_count == found_room) {
    Found *grown = realloc(found, sizeof *found * (found_room = found_room * 2 + 64));
    if (grown == NULL) return;
    found = grown;
  }
  found[found_count++] = (Found){about->st_mtim, strdup(path)};
}

static void scan(const char *directory, size_t root_length, unsigned long max, int depth) {
  DIR *open_directory = opendir(directory);
  if (open_directory == NULL) return;
  struct dirent *entry;
  while (scanned < max && (entry = readdir(open_directory)) != NULL) {
    const char *name = entry->d_name;
    if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, ".git") || !strcmp(name, "node_modules")) continue;
    char *path;
    if (asprintf(&path, "%s/%s", !strcmp(directory, "/") ? "" : directory, name) < 0) continue;
    struct stat about;
    scanned++;
    if (lstat(path, &about) == 0) {
      if (S_ISDIR(about.st_mode)) {
        if (depth + 1 < depth_max) scan(path, root_length, max, depth + 1);
      } else if (S_ISREG(about.st_mode)) consider(path, path + root_length, &about);
    }
    free(path);
  }
  closedir(open_directory);
}

/* No file deeper than this can match. */
static int deepest(void) {
  int most = 0;
  for (int i = 0; i < alternative_count; i++) {
    const Segments *one = &alternatives[i];
    for (int n = 0; n < one->count; n++)
      if (!strcmp(one->names[n], "**")) return DEPTH_MAX;
    if (one->count > most) most = one->count;
  }
  return most < DEPTH_MAX ? most : DEPTH_MAX;
}

static int newest_first(const void *left, const void *right) {
  const Found *a = left, *b = right;
  if (a->changed.tv_sec != b->changed.tv_sec) return a->changed.tv_sec < b->changed.tv_sec ? 1 : -1;
  if (a->changed.tv_nsec != b->changed.tv_nsec) return a->changed.tv_nsec < b->changed.tv_nsec ? 1 : -1;
  return strcmp(a->path, b->path);
}

static int glob_files(const char *root, const char *pattern, unsigned long scan_max, size_t max) {
  struct stat about;
  if (stat(root, &about) != 0) return fail(root);
  if (!S_ISDIR(about.st_mode)) {
    errno = ENOTDIR;
    return fail(root);
  }
  if (expand(pattern, 0) != 0) {
    fprintf(stderr, "%s: Too many alternatives\n", pattern);
    return 1;
  }
  depth_max = deepest();
  scan(root, strcmp(root, "/") == 0 ? 0 : strlen(root), scan_max, 0);
  if (found_count > 0) qsort(found, found_count, sizeof *found, newest_first);
  for (size_t i = 0; i < found_count && i < max; i++)
    if (put(1, found[i].path, strlen(found[i].path) + 1) != 0) return 1;
  return 0;
}

static unsigned long number(const char *text) { return strtoul(text, NULL, 10); }

int file_command(int argc, char **argv) {
  const char *command = argv[1];
  if (argc == 3 && !strcmp(command, "held")) return say_held(argv[2]);
  if (argc == 4 && !strcmp(command, "read")) return read_file(argv[2], number(argv[3]));
  if (argc == 6 && !strcmp(command, "lines"))
    return read_lines(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
  if (argc == 3 && !strcmp(command, "write")) return write_file(argv[2]);
  if (argc == 6 && !strcmp(command, "glob")) return glob_files(argv[2], argv[3], number(argv[4]), number(argv[5]));
  return -1;
}
