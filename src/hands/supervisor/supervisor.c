/*
 * anthill-init: the one program Anthill puts into a sandbox, and the one that opens its door.
 *
 *   init                      PID 1 of a sandbox: runs process groups for the server over fd 0 and 1
 *   init launcher SOCKET      outside: starts sandboxes for the server, see launcher.c
 *   init enter OPTIONS        PID 1 of a container: sets up what bubblewrap does elsewhere, see container.c
 *   init read|lines|write|glob …  inside: the work of the file tools, see files.c
 *   init held DIRECTORY       inside: what removed files still take, see held.c
 *
 * It must never trust the processes it runs and never block on one of them: frames from the server are
 * bounded, input for a process waits in a bounded buffer, output is read only as fast as the server takes it.
 * When the server's end of fd 0 closes, PID 1 ends, and the kernel ends every process of the sandbox with it.
 *
 * Frame: u32 length of the rest (little endian), u8 type, u32 id, payload.
 *   to PID 1:    1 exec (argv, NUL-separated)  2 input  3 end of input  4 signal (u32) to the group  8 kill everything
 *   from PID 1:  0 ready  5 output  6 error output  7 ended (i32 wait status)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor.h"

enum { FRAME_MAX = 1 << 20, INPUT_MAX = 48 << 20, JOBS_MAX = 64, ARGS_MAX = 256, IO_SIZE = 65536, DRAIN_MAX = 16 };
enum { T_READY = 0, T_EXEC = 1, T_INPUT = 2, T_END_INPUT = 3, T_SIGNAL = 4, T_OUT = 5, T_ERR = 6, T_ENDED = 7, T_KILL_ALL = 8 };

void die(const char *what) {
  fprintf(stderr, "anthill-init: %s: %s\n", what, strerror(errno));
  exit(125);
}

/* ------------------------------------------------------------------ PID 1 */

typedef struct {
  uint32_t id;
  pid_t pid;
  int in, out, err;
  int ended, status;
  char *input;
  size_t input_length;
  int input_closing;
} Job;

static Job jobs[JOBS_MAX];
static int job_count;
static int wake_pipe[2];
static char io_buffer[IO_SIZE];

static void on_child(int signal_number) {
  (void)signal_number;
  int kept = errno;
  (void)!write(wake_pipe[1], "", 1);
  errno = kept;
}

static void write_all(const void *bytes, size_t length) {
  const char *at = bytes;
  while (length > 0) {
    ssize_t written = write(1, at, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) exit(0); /* the server is gone */
    at += written;
    length -= written;
  }
}

static void send_frame(uint8_t type, uint32_t id, const void *payload, uint32_t length) {
  char header[9];
  uint32_t rest = length + 5;
  memcpy(header, &rest, 4);
  header[4] = type;
  memcpy(header + 5, &id, 4);
  write_all(header, 9);
  if (length > 0) write_all(payload, length);
}

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static Job *find_job(uint32_t id) {
  for (int i = 0; i < job_count; i++)
    if (jobs[i].id == id) return &jobs[i];
  return NULL;
}

static void fail_exec(uint32_t id) {
  int status = 127 << 8;
  send_frame(T_ENDED, id, &status, 4);
}

static void start_job(uint32_t id, char *payload, uint32_t length) {
  char *argv[ARGS_MAX];
  int argc = 0;
  for (char *at = payload; at < payload + length && argc < ARGS_MAX - 1; at += strlen(at) + 1) argv[argc++] = at;
  argv[argc] = NULL;
  int in[2], out[2], err[2];
  if (argc == 0 || job_count == JOBS_MAX || pipe2(in, O_CLOEXEC) != 0) return fail_exec(id);
  if (pipe2(out, O_CLOEXEC) != 0) { close(in[0]); close(in[1]); return fail_exec(id); }
  if (pipe2(err, O_CLOEXEC) != 0) { close(in[0]); close(in[1]); close(out[0]); close(out[1]); return fail_exec(id); }
  pid_t pid = fork();
  if (pid == 0) {
    setsid();
    dup2(in[0], 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    execvp(argv[0], argv);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  close(err[1]);
  if (pid < 0) {
    close(in[1]);
    close(out[0]);
    close(err[0]);
    return fail_exec(id);
  }
  fcntl(in[1], F_SETFL, O_NONBLOCK);
  fcntl(out[0], F_SETFL, O_NONBLOCK);
  fcntl(err[0], F_SETFL, O_NONBLOCK);
  jobs[job_count++] = (Job){.id = id, .pid = pid, .in = in[1], .out = out[0], .err = err[0]};
}

/* Writes what the process takes now; the rest waits for poll. */
static void flush_input(Job *job) {
  while (job->in >= 0 && job->input_length > 0) {
    ssize_t written = write(job->in, job->input, job->input_length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written <= 0) {
      job->input_length = 0;
      close_fd(&job->in);
      return;
    }
    job->input_length -= written;
    memmove(job->input, job->input + written, job->input_length);
  }
  if (job->input_closing) close_fd(&job->in);
}

static void add_input(Job *job, const char *payload, uint32_t length) {
  if (job->in < 0 || job->input_length + length > INPUT_MAX) return;
  char *grown = realloc(job->input, job->input_length + length);
  if (grown == NULL) return;
  memcpy(grown + job->input_length, payload, length);
  job->input = grown;
  job->input_length += length;
  flush_input(job);
}

static void handle_frame(uint8_t type, uint32_t id, char *payload, uint32_t length) {
  if (type == T_EXEC) {
    payload[length] = 0;
    return start_job(id, payload, length);
  }
  if (type == T_KILL_ALL) {
    kill(-1, SIGKILL);
    return;
  }
  Job *job = find_job(id);
  if (job == NULL) return;
  if (type == T_INPUT) add_input(job, payload, length);
  if (type == T_END_INPUT) {
    job->input_closing = 1;
    flush_input(job);
  }
  if (type == T_SIGNAL && length == 4 && !job->ended) {
    uint32_t number;
    memcpy(&number, payload, 4);
    /* A child that was only just forked leads no group yet. */
    if (kill(-job->pid, (int)number) != 0) kill(job->pid, (int)number);
  }
}

/* Forwards one read; 0 when there is nothing now. Closes the descriptor at its end. */
static int forward(Job *job, int *fd, uint8_t type) {
  if (*fd < 0) return 0;
  ssize_t length = read(*fd, io_buffer, sizeof io_buffer);
  if (length > 0) {
    send_frame(type, job->id, io_buffer, (uint32_t)length);
    return 1;
  }
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  close_fd(fd);
  return 0;
}

/*
 * Output that was written before error output is delivered before it: the shell's end marker relies on it.
 * So error output is taken first and held back until what was in the output pipe by then is delivered.
 */
static void forward_job(Job *job) {
  static char held[IO_SIZE];
  ssize_t length = job->err < 0 ? -1 : read(job->err, held, sizeof held);
  if (length == 0) close_fd(&job->err);
  for (int i = 0; i < DRAIN_MAX && forward(job, &job->out, T_OUT); i++) continue;
  if (length > 0) send_frame(T_ERR, job->id, held, (uint32_t)length);
}

static void reap(void) {
  while (read(wake_pipe[0], io_buffer, 64) > 0) continue;
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    for (int i = 0; i < job_count; i++) {
      if (jobs[i].pid != pid) continue;
      jobs[i].ended = 1;
      jobs[i].status = status;
    }
  }
}

/*
 * A process is over when it was reaped; what it left in its pipes is delivered first. Descendants that
 * still hold the pipes open (background jobs) do not keep it alive.
 */
static void retire_ended(void) {
  for (int i = 0; i < job_count; i++) {
    Job *job = &jobs[i];
    if (!job->ended) continue;
    for (int n = 0; n < DRAIN_MAX && forward(job, &job->out, T_OUT); n++) continue;
    for (int n = 0; n < DRAIN_MAX && forward(job, &job->err, T_ERR); n++) continue;
    send_frame(T_ENDED, job->id, &job->status, 4);
    close_fd(&job->in);
    close_fd(&job->out);
    close_fd(&job->err);
    free(job->input);
    jobs[i--] = jobs[--job_count];
  }
}

static void read_frames(void) {
  static char buffer[FRAME_MAX + 8];
  static size_t have;
  ssize_t length = read(0, buffer + have, FRAME_MAX - have);
  if (length < 0 && errno == EINTR) return;
  if (length <= 0) exit(0); /* the server is gone: the whole sandbox ends */
  have += length;
  size_t at = 0;
  while (have - at >= 9) {
    uint32_t rest, id;
    memcpy(&rest, buffer + at, 4);
    if (rest < 5 || rest > FRAME_MAX - 4) exit(2);
    if (have - at < 4 + (size_t)rest) break;
    memcpy(&id, buffer + at + 5, 4);
    char *payload = buffer + at + 9;
    uint32_t payload_length = rest - 5;
    char kept = payload[payload_length]; /* exec terminates its last argument there */
    handle_frame((uint8_t)buffer[at + 4], id, payload, payload_length);
    payload[payload_length] = kept;
    at += 4 + rest;
  }
  memmove(buffer, buffer + at, have - at);
  have -= at;
}

void limit(int what, rlim_t value) {
  struct rlimit bound = {value, value};
  setrlimit(what, &bound);
}

static int serve(void) {
  prctl(PR_SET_DUMPABLE, 0);
  if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) die("pipe");
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, on_child);
  fcntl(0, F_SETFD, FD_CLOEXEC);
  fcntl(1, F_SETFD, FD_CLOEXEC);
  const char *processes = getenv("ANTHILL_PROCESSES_MAX");
  if (processes != NULL) limit(RLIMIT_NPROC, strtoul(processes, NULL, 10));
  unsetenv("ANTHILL_PROCESSES_MAX");
  send_frame(T_READY, 0, NULL, 0);
  for (;;) {
    struct pollfd polled[2 + JOBS_MAX * 3];
    int count = 0;
    polled[count++] = (struct pollfd){.fd = 0, .events = POLLIN};
    polled[count++] = (struct pollfd){.fd = wake_pipe[0], .events = POLLIN};
    for (int i = 0; i < job_count; i++) {
      polled[count++] = (struct pollfd){.fd = jobs[i].out, .events = POLLIN};
      polled[count++] = (struct pollfd){.fd = jobs[i].err, .events = POLLIN};
      polled[count++] = (struct pollfd){.fd = jobs[i].input_length > 0 ? jobs[i].in : -1, .events = POLLOUT};
    }
    if (poll(polled, count, -1) < 0 && errno != EINTR) return 1;
    for (int i = 0; i < job_count; i++) {
      if (polled[2 + i * 3].revents || polled[3 + i * 3].revents) forward_job(&jobs[i]);
      if (polled[4 + i * 3].revents) flush_input(&jobs[i]);
    }
    if (polled[1].revents) reap();
    retire_ended();
    if (polled[0].revents) read_frames();
  }
}

int main(int argc, char **argv) {
  if (argc == 1) return serve();
  if (argc == 3 && !strcmp(argv[1], "launcher")) return serve_launches(argv[2]);
  if (argc > 2 && !strcmp(argv[1], "enter")) {
    enter_container(argv + 2);
    return serve();
  }
  int status = file_command(argc, argv);
  if (status < 0) fprintf(stderr, "anthill-init: unknown command\n");
  return status < 0 ? 2 : status;
}
