/* Ways onto the network, and to the machine that the sandbox is on. */
#include "attempts.h"
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int socket_of(int family, int type, int protocol) { return taken(socket(family, type | SOCK_CLOEXEC, protocol)); }
static int packet(void) { return socket_of(AF_PACKET, SOCK_RAW, 0); }
static int raw(void) { return socket_of(AF_INET, SOCK_RAW, IPPROTO_TCP); }
static int raw_icmp(void) { return socket_of(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static int raw_ipv6(void) { return socket_of(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6); }
static int crypto(void) { return socket_of(38 /* AF_ALG */, SOCK_SEQPACKET, 0); }
static int express(void) { return socket_of(44 /* AF_XDP */, SOCK_RAW, 0); }
static int key_sockets(void) { return socket_of(15 /* AF_KEY */, SOCK_RAW, 2); }
static int bluetooth(void) { return socket_of(31, SOCK_RAW, 1); }
static int can_bus(void) { return socket_of(29, SOCK_RAW, 1); }
static int tipc(void) { return socket_of(30, SOCK_SEQPACKET, 0); }
static int netlink_of(int protocol) { return socket_of(AF_NETLINK, SOCK_RAW, protocol); }
static int audit(void) { return netlink_of(NETLINK_AUDIT); }
static int filters(void) { return netlink_of(NETLINK_NETFILTER); }
static int transforms(void) { return netlink_of(NETLINK_XFRM); }
static int generic(void) { return netlink_of(NETLINK_GENERIC); }
static int connector(void) { return netlink_of(NETLINK_CONNECTOR); }

static int device_events(void) {
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
  return taken(fd < 0 ? -1 : bind(fd, (void *)&address, sizeof address));
}

static int host_of_machine(void) {
  struct sockaddr_vm to = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = 1};
  int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return taken(-1);
  int done = connect(fd, (void *)&to, sizeof to);
  return found(1, "a socket to the host of this machine: %d", done);
}

static int pair_of_families(void) {
  int fds[2];
  return taken(socketpair(30 /* AF_TIPC */, SOCK_SEQPACKET, 0, fds));
}

/* What the service of the host says to whoever connects. */
static int greeted(int fd, const struct sockaddr *to, socklen_t size) {
  char said[64] = "";
  if (fd < 0) return found(0, "%s", strerror(errno));
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, to, size) != 0 && errno != EINPROGRESS) return found(0, "%s", strerror(errno));
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  if (poll(&ready, 1, 500) <= 0) return found(0, "no answer");
  ssize_t length = read(fd, said, sizeof said - 1);
  int is_host = length > 0 && strstr(said, "canary") != NULL;
  return found(is_host, "%s", length < 0 ? strerror(errno) : length == 0 ? "closed" : is_host ? "the host answers" : "somebody answers");
}

static int greets(const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, address, &to.sin_addr) == 1) return greeted(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), (void *)&to, sizeof to);
  struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  if (inet_pton(AF_INET6, address, &to6.sin6_addr) != 1) return found(0, "%s is no address", address);
  return greeted(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), (void *)&to6, sizeof to6);
}

static int host_at(const char *address) { return greets(address, number_of("port")); }
static int host_loopback(void) { return host_at("127.0.0.1"); }
static int host_other_loopback(void) { return host_at("127.0.0.53"); }
static int host_zero(void) { return host_at("0.0.0.0"); }
static int host_loopback_6(void) { return host_at("::1"); }
static int host_mapped(void) { return host_at("::ffff:127.0.0.1"); }
static int host_any_6(void) { return host_at("::"); }
static int host_own_address(void) { return host_at(setting("address")); }
static int host_own_mapped(void) {
  char mapped[64];
  snprintf(mapped, sizeof mapped, "::ffff:%s", setting("address"));
  return host_at(mapped);
}

static int metadata(void) { return greets("169.254.169.254", 80); }
static int metadata_6(void) { return greets("fd00:ec2::254", 80); }
static int private_network(void) { return greets("10.0.0.1", 80) || greets("192.168.1.1", 80); }

/* The service repeats what it is sent by UDP. */
static int echoed(int fd, const struct sockaddr *to, socklen_t size) {
  char said[64];
  if (fd < 0 || sendto(fd, "canary", 6, 0, to, size) < 0) return found(0, "%s", strerror(errno));
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  if (poll(&ready, 1, 300) <= 0) return found(0, "no answer");
  return found(recv(fd, said, sizeof said, 0) > 0, "%s", strerror(errno));
}

static int udp_to(const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  return echoed(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), (void *)&to, sizeof to);
}
static int udp_loopback(void) { return udp_to("127.0.0.1", number_of("udp_port")); }
static int udp_own_address(void) { return udp_to(setting("address"), number_of("udp_port")); }

/* A question that a name server of the world would answer; one inside answers with an address that means nothing. */
static int ask_names(void) {
  const uint8_t question[] = {1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 'n', 's', 0, 0, 2, 0, 1};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = inet_addr("8.8.8.8")};
  uint8_t said[512];
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (sendto(fd, question, sizeof question, 0, (void *)&to, sizeof to) < 0) return found(0, "%s", strerror(errno));
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  if (poll(&ready, 1, 300) <= 0) return found(0, "no answer");
  ssize_t length = recv(fd, said, sizeof said, 0);
  return found(length > 12 && (said[7] != 0 || said[9] != 0), "%zd bytes, %d answers", length, length > 7 ? said[7] : 0);
}

static int ping(void) {
  const uint8_t request[8] = {8, 0, 0xf7, 0xff};
  struct sockaddr_in to = {.sin_family = AF_INET};
  inet_pton(AF_INET, setting("address"), &to.sin_addr);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
  if (fd < 0) fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
  if (fd < 0 || sendto(fd, request, sizeof request, 0, (void *)&to, sizeof to) < 0) return found(0, "%s", strerror(errno));
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  if (poll(&ready, 1, 300) <= 0) return found(0, "no answer");
  /* With a door every address is local: the sandbox answers itself. Then its own loopback answers alike. */
  return found(number_of("has_door") == 0, "answered");
}

static int see_devices(void) {
  FILE *devices = fopen("/proc/net/dev", "re");
  char line[300];
  while (devices != NULL && fgets(line, sizeof line, devices) != NULL)
    if (strchr(line, ':') != NULL && strstr(line, " lo:") == NULL) return found(1, "%.20s", line);
  return found(0, "loopback only");
}

static int see_host_sockets(void) {
  char wanted[16];
  snprintf(wanted, sizeof wanted, ":%04X 0000", number_of("port"));
  return holds("/proc/net/tcp", wanted) || holds("/proc/net/tcp6", wanted);
}

static int lower_loopback(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (ioctl(fd, SIOCGIFFLAGS, &request) != 0) return 0;
  return taken(ioctl(fd, SIOCSIFFLAGS, &request));
}

/* A route that does not exist: whoever may change routes is told so. */
static int change_routes(void) {
  struct {
    struct nlmsghdr head;
    struct rtmsg route;
  } request = {
    {sizeof request, RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
    {.rtm_family = AF_INET, .rtm_table = 77, .rtm_dst_len = 0, .rtm_protocol = RTPROT_BOOT},
  };
  char bytes[512];
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0 || send(fd, &request, sizeof request, 0) < 0) return found(0, "%s", strerror(errno));
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  if (poll(&ready, 1, 300) <= 0 || recv(fd, bytes, sizeof bytes, 0) < (ssize_t)sizeof(struct nlmsghdr)) return found(0, "no answer");
  int error = ((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)bytes))->error;
  return found(error != -EPERM, "%s", strerror(-error));
}

static int mark_packets(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), mark = 1;
  return taken(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark));
}

static int force_buffers(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = 1 << 20;
  return taken(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size));
}

static int pretend_address(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
  return taken(setsockopt(fd, IPPROTO_IP, 19 /* IP_TRANSPARENT */, &yes, sizeof yes));
}

const Attempt network_attempts[] = {
  {"open a packet socket", ROOT, packet},
  {"open a raw socket", ROOT, raw},
  {"open a raw ICMP socket", ROOT, raw_icmp},
  {"open a raw IPv6 socket", ROOT, raw_ipv6},
  {"open a crypto socket", NOWHERE, crypto},
  {"open an express socket", NOWHERE, express},
  {"open a key socket", NOWHERE, key_sockets},
  {"open a Bluetooth socket", NOWHERE, bluetooth},
  {"open a CAN socket", NOWHERE, can_bus},
  {"open a TIPC socket", NOWHERE, tipc},
  {"open a pair of TIPC sockets", NOWHERE, pair_of_families},
  {"reach the host of this machine by vsock", NOWHERE, host_of_machine},
  {"open an audit socket", NOWHERE, audit},
  {"open a netfilter socket", ROOT, filters},
  {"open an xfrm socket", NOWHERE, transforms},
  {"open a generic netlink socket", ANYONE, generic},
  {"open a connector socket", NOWHERE, connector},
  {"hear events of devices", ROOT, device_events},
  {"reach the host by 127.0.0.1", ANYONE, host_loopback},
  {"reach the host by 127.0.0.53", ANYONE, host_other_loopback},
  {"reach the host by 0.0.0.0", ANYONE, host_zero},
  {"reach the host by ::1", ANYONE, host_loopback_6},
  {"reach the host by ::ffff:127.0.0.1", ANYONE, host_mapped},
  {"reach the host by ::", ANYONE, host_any_6},
  {"reach the host by its own address", ANYONE, host_own_address},
  {"reach the host by its own address in IPv6", ANYONE, host_own_mapped},
  {"reach the metadata address", NOWHERE, metadata},
  {"reach the metadata address of IPv6", NOWHERE, metadata_6},
  {"reach a private network", NOWHERE, private_network},
  {"reach the host by UDP", ANYONE, udp_loopback},
  {"reach the host's own address by UDP", ANYONE, udp_own_address},
  {"ask a name server of the world", NOWHERE, ask_names},
  {"ping the host", ROOT, ping},
  {"see a network device", ANYONE, see_devices},
  {"see sockets of the host", ANYONE, see_host_sockets},
  {"set flags of loopback", ROOT, lower_loopback},
  {"change routes", ROOT, change_routes},
  {"mark packets", ROOT, mark_packets},
  {"force large buffers", ROOT, force_buffers},
  {"pretend to have an address", ROOT, pretend_address},
  {NULL, 0, NULL},
};
