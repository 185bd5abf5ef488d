/*
 * The door of a sandbox: a forwarder in the sandbox's network namespace, but outside of all its others.
 *
 *   program ── TCP to any address ──▶ forwarder ── "HOST PORT\n", then the bytes ──▶ the server's socket
 *   program ── question for a name ──▶ forwarder: an address of its own for each name, in 198.18.0.0/15
 *
 * It decides nothing. It must never trust what programs send, never wait for one of them, and hold no more of a
 * connection than one buffer each way: whoever is slow is slow alone. Names never leave; the server resolves them.
 */
#define _GNU_SOURCE
#include "door.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include "network.h"
#include "supervisor.h"

enum { PORT = 1, CONNECTIONS_MAX = 512, BUFFER_SIZE = 1 << 17, EVENTS = 64, PAUSE_MS = 10, NAME_MAX_BYTES = 253, NAMES_MAX = 65000, DNS_MAX = 1232 };

/* ------------------------------------------------------------------ names */

enum { FIRST_ADDRESS = 0xc6120001 /* 198.18.0.1 */, TYPE_A = 1, CLASS_IN = 1, ANSWER_SIZE = 16, NAME_ERROR = 3, SERVER_FAILURE = 2 };

static char *names[NAMES_MAX];
static int name_count;

/* The address that stands for a name; 0 when there are too many. */
static uint32_t address_of(const char *name) {
  if (!strcmp(name, "localhost")) return INADDR_LOOPBACK;
  for (int i = 0; i < name_count; i++)
    if (!strcmp(names[i], name)) return FIRST_ADDRESS + i;
  if (name_count == NAMES_MAX || (names[name_count] = strdup(name)) == NULL) return 0;
  return FIRST_ADDRESS + name_count++;
}

static const char *name_of(uint32_t address) {
  uint32_t index = address - FIRST_ADDRESS;
  return index < (uint32_t)name_count ? names[index] : NULL;
}

/* The name in a question, in lower case; its end in the packet, or 0 when it is none that a host can have. */
static size_t read_name(const uint8_t *packet, size_t length, char *name) {
  size_t at = 12, size = 0;
  while (at < length && packet[at] != 0) {
    size_t label = packet[at++];
    if (label > 63 || at + label > length || size + label + 1 > NAME_MAX_BYTES) return 0;
    if (size > 0) name[size++] = '.';
    for (size_t end = at + label; at < end; at++) {
      int character = tolower(packet[at]);
      if (!isalnum(character) && character != '-' && character != '_') return 0;
      name[size++] = character;
    }
  }
  name[size] = 0;
  return at < length && size > 0 ? at + 1 : 0;
}

/* Turns a question into its answer; the size of that, or 0 for what is no question. */
static size_t answer(uint8_t *packet, size_t length) {
  char name[NAME_MAX_BYTES + 1];
  if (length < 17 || (packet[2] & 0xf8) != 0 || packet[4] != 0 || packet[5] != 1) return 0;
  size_t end = read_name(packet, length, name);
  packet[2] = 0x80 | (packet[2] & 1);
  packet[3] = 0x80;
  memset(packet + 6, 0, 6);
  if (end == 0 || end + 4 > length) {
    packet[3] |= NAME_ERROR;
    packet[5] = 0;
    return 12;
  }
  size_t size = end + 4;
  if (packet[end] != 0 || packet[end + 1] != TYPE_A || packet[end + 3] != CLASS_IN) return size;
  uint32_t address = htonl(address_of(name));
  if (address == 0) {
    packet[3] |= SERVER_FAILURE;
    return size;
  }
  const uint8_t head[12] = {0xc0, 12, 0, TYPE_A, 0, CLASS_IN, 0, 0, 0, 30, 0, 4};
  packet[7] = 1;
  memcpy(packet + size, head, sizeof head);
  memcpy(packet + size + sizeof head, &address, sizeof address);
  return size + ANSWER_SIZE;
}

/* Whatever server was asked: the answer comes from its address. */
static void answer_question(int fd) {
  uint8_t packet[DNS_MAX + ANSWER_SIZE];
  char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
  struct sockaddr_in from;
  struct iovec bytes = {packet, DNS_MAX};
  struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t length = recvmsg(fd, &message, 0);
  bytes.iov_len = length <= 0 || (message.msg_flags & MSG_TRUNC) ? 0 : answer(packet, length);
  if (bytes.iov_len == 0) return;
  for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one != NULL; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != IPPROTO_IP || one->cmsg_type != IP_PKTINFO) continue;
    struct in_pktinfo *place = (struct in_pktinfo *)CMSG_DATA(one);
    place->ipi_spec_dst = place->ipi_addr;
    place->ipi_ifindex = 0;
  }
  sendmsg(fd, &message, MSG_DONTWAIT);
}

/* ------------------------------------------------------------------ connections */

/* One end of a connection: a program's, or the server's. `held` waits to be written to it. */
typedef struct End {
  int fd;
  struct End *peer;
  char *held;
  uint32_t start, length, watched;
  /* has_ended: says nothing more. is_deaf: takes nothing more, which is thrown away. */
  uint8_t is_server, has_ended, is_deaf, is_dead;
} End;

static int events, listener, resolver, door, connection_count, is_paused;
static End *graves[2 * EVENTS + 2];
static int grave_count;
static char buffer[BUFFER_SIZE];

static void watch(int operation, int fd, uint32_t what, void *owner) {
  struct epoll_event event = {.events = what, .data.ptr = owner};
  epoll_ctl(events, operation, fd, &event);
}

/* An end is read only while the other takes what it says; one that has hung up would be reported for ever. */
static void rewatch(End *end) {
  uint32_t what = (end->has_ended || end->peer->length > 0 ? 0 : EPOLLIN) | (end->length > 0 ? EPOLLOUT : 0);
  if (what == end->watched) return;
  watch(end->watched == 0 ? EPOLL_CTL_ADD : what == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, end->fd, what, end);
  end->watched = what;
}

static void bury(End *end) {
  if (end->is_dead) return;
  end->is_dead = 1;
  close(end->fd);
  free(end->held);
  graves[grave_count++] = end;
}

static void end_both(End *end) {
  if (!end->is_dead) connection_count--;
  End *peer = end->peer;
  bury(end);
  bury(peer);
}

/* What a server that hangs up has said before still reaches the program; what the program says is lost. */
static int deafen(End *end) {
  if (!end->is_server) return -1;
  end->is_deaf = 1;
  end->length = 0;
  return 0;
}

static int flush(End *end) {
  while (end->length > 0) {
    ssize_t written = send(end->fd, end->held + end->start, end->length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (written < 0) return deafen(end);
    end->start += written;
    end->length -= written;
  }
  free(end->held);
  end->held = NULL;
  end->start = 0;
  if (end->peer->has_ended) shutdown(end->fd, SHUT_WR);
  return 0;
}

/* Writes what can be written at once, holds the rest. */
static int pass(End *to, const char *bytes, uint32_t length) {
  if (to->is_deaf) return 0;
  ssize_t written = send(to->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (written < 0 && errno != EAGAIN && errno != EINTR) return deafen(to);
  if (written < 0) written = 0;
  if ((uint32_t)written == length) return 0;
  to->length = length - written;
  to->held = malloc(to->length);
  if (to->held == NULL) return -1;
  memcpy(to->held, bytes + written, to->length);
  return 0;
}

static int take(End *end) {
  ssize_t length = recv(end->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (length < 0 && !end->is_server) return -1;
  if (length > 0) return pass(end->peer, buffer, length);
  end->has_ended = 1;
  if (end->peer->length == 0) shutdown(end->peer->fd, SHUT_WR);
  return 0;
}

static void on_end(End *end, uint32_t what) {
  if (end->is_dead) return;
  int failed = end->length > 0 && (what & (EPOLLOUT | EPOLLHUP | EPOLLERR)) && flush(end) != 0;
  if (!failed && (end->watched & EPOLLIN) && (what & (EPOLLIN | EPOLLHUP | EPOLLERR))) failed = take(end) != 0;
  int is_over = end->has_ended && end->peer->has_ended && end->length == 0 && end->peer->length == 0;
  if (failed || is_over) return end_both(end);
  rewatch(end);
  rewatch(end->peer);
}

static int connect_server(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", door);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

/* Where a program wanted to go, as the server is told. */
static int destination(int fd, char *text, size_t size) {
  struct sockaddr_in wanted;
  socklen_t length = sizeof wanted;
  if (getsockopt(fd, SOL_IP, SO_ORIGINAL_DST, &wanted, &length) != 0) return -1;
  char address[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &wanted.sin_addr, address, sizeof address);
  const char *name = name_of(ntohl(wanted.sin_addr.s_addr));
  return snprintf(text, size, "%s %u\n", name == NULL ? address : name, ntohs(wanted.sin_port));
}

static void pause_listening(int paused) {
  is_paused = paused;
  watch(EPOLL_CTL_MOD, listener, paused ? 0 : EPOLLIN, &listener);
}

static End *make_end(int fd, int is_server) {
  End *end = calloc(1, sizeof *end);
  if (end == NULL) die("door");
  end->fd = fd;
  end->is_server = is_server;
  return end;
}

/* The server comes first: while it cannot take one more, programs wait in the kernel's queue. */
static void accept_connection(void) {
  int server = connection_count < CONNECTIONS_MAX ? connect_server() : -1;
  if (server < 0) return pause_listening(1);
  int program = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  char wanted[NAME_MAX_BYTES + 16];
  int length = program < 0 ? -1 : destination(program, wanted, sizeof wanted);
  if (length < 0 || send(server, wanted, length, MSG_NOSIGNAL | MSG_DONTWAIT) != length) {
    close(server);
    if (program >= 0) close(program);
    return;
  }
  int yes = 1;
  setsockopt(program, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  End *one = make_end(program, 0), *other = make_end(server, 1);
  one->peer = other;
  other->peer = one;
  rewatch(one);
  rewatch(other);
  connection_count++;
}

static void forward(void) {
  events = epoll_create1(EPOLL_CLOEXEC);
  watch(EPOLL_CTL_ADD, listener, EPOLLIN, &listener);
  watch(EPOLL_CTL_ADD, resolver, EPOLLIN, &resolver);
  for (;;) {
    struct epoll_event happened[EVENTS];
    int count = epoll_wait(events, happened, EVENTS, is_paused ? PAUSE_MS : -1);
    if (is_paused) pause_listening(0);
    for (int i = 0; i < count; i++) {
      void *owner = happened[i].data.ptr;
      if (owner == &listener) accept_connection();
      else if (owner == &resolver) answer_question(resolver);
      else on_end(owner, happened[i].events);
    }
    while (grave_count > 0) free(graves[--grave_count]);
  }
}

/* ------------------------------------------------------------------ the beginning */

static int bound(int type, uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = INADDR_ANY};
  int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) die("door: bind");
  return fd;
}

static void write_map(const char *path, unsigned id) {
  char line[64];
  int length = snprintf(line, sizeof line, "%u %u 1", id, id);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, line, length) != length) die(path);
  close(fd);
}

/* Root makes a network; everybody else needs a user namespace to be allowed to. */
static void leave_network(void) {
  unsigned uid = getuid(), gid = getgid();
  if (uid == 0) {
    if (unshare(CLONE_NEWNET) != 0) die("network: unshare");
    return;
  }
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) die("network: unshare");
  int fd = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "deny", 4) != 4) die("network: setgroups");
  close(fd);
  write_map("/proc/self/uid_map", uid);
  write_map("/proc/self/gid_map", gid);
}

/* What else the launcher has open is not for the forwarder. */
static void keep_sockets(void) {
  int *kept[] = {&listener, &resolver, &door};
  for (int i = 0; i < 3; i++) *kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, 16);
  for (int i = 0; i < 3; i++) *kept[i] = dup3(*kept[i], 3 + i, O_CLOEXEC);
  syscall(SYS_close_range, 6U, ~0U, 0U);
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; fd++) dup2(nothing, fd);
  close(nothing);
}

/* The forwarder keeps its sockets and gives up everything else. */
static void give_up(unsigned uid, pid_t sandbox) {
  if (uid != 0 && (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0)) die("door: drop privileges");
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  if (syscall(SYS_capset, &header, none) != 0) die("door: capabilities");
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != sandbox) _exit(125);
  keep_sockets();
  limit(RLIMIT_NOFILE, 2 * CONNECTIONS_MAX + 64);
}

void open_door(int server, unsigned uid) {
  leave_network();
  open_door_here(server, uid);
}

void open_door_here(int server, unsigned uid) {
  lead_everything_to(PORT);
  door = server;
  listener = bound(SOCK_STREAM, PORT);
  resolver = bound(SOCK_DGRAM, 53);
  int yes = 1;
  setsockopt(resolver, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
  if (listen(listener, SOMAXCONN) != 0) die("door: listen");
  pid_t sandbox = getpid();
  pid_t forwarder = fork();
  if (forwarder < 0) die("door: fork");
  if (forwarder > 0) return;
  give_up(uid, sandbox);
  forward();
}
