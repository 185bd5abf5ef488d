/* What the ways out of a sandbox share. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Where an attempt is known to get out, which proves that it can: for whoever is on the host, or for root on it.
 * What gets out nowhere on a good kernel is a hole of the past.
 */
enum { NOWHERE = 0, ANYONE = 1, ROOT = 2 };

typedef struct {
  const char *name;
  int control;
  /* Non-zero: it got out. What it found goes to `found`. */
  int (*run)(void);
} Attempt;

/* Ended by an attempt without a name. */
extern const Attempt mount_attempts[], process_attempts[], kernel_attempts[], network_attempts[], file_attempts[];

/* A setting by its name, such as the path of a file of the host; empty when it was not given. */
const char *setting(const char *name);
int number_of(const char *name);

/* Notes why, for whoever reads the outcome. */
int found(int got_out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The kernel took the call, or refused it for another reason than who asks. */
int taken(long result);

int can_open(const char *path, int flags);
/* A path in the directory that attempts may write to; good until the next call but three. */
const char *scratch(const char *name);
/* Whether it holds the text. */
int holds(const char *path, const char *text);
int write_text(const char *path, const char *text);
/* What of the kernel is reached by a device number; the node is gone again. */
int opens_device(const char *name, mode_t type, unsigned major_number, unsigned minor_number);
