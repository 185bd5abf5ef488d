/*
 * A network namespace in which every address is local and every TCP connection ends at the forwarder, set up over
 * netlink: no program such as ip or nft is needed.
 *
 *   ip link set lo up
 *   ip address add 192.0.0.2/32 dev lo
 *   ip route add local 0.0.0.0/0 dev lo
 *   nft: table ip anthill, chain out (type nat, hook output): ip daddr != 127.0.0.0/8 tcp redirect to :PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "network.h"
#include "supervisor.h"

enum { MESSAGE_MAX = 4096, LOOPBACK_INDEX = 1, PRIORITY_DSTNAT = -100, ADDRESS_OFFSET = 16 };

static const uint32_t own_address = 0xc0000002;

/* Netlink messages one behind the other. */
typedef struct {
  char bytes[MESSAGE_MAX] __attribute__((aligned(4)));
  uint32_t length;
  struct nlmsghdr *last;
} Messages;

static void begin(Messages *all, uint16_t type, uint16_t flags, const void *header, uint32_t size) {
  all->last = (struct nlmsghdr *)(all->bytes + all->length);
  *all->last = (struct nlmsghdr){.nlmsg_len = NLMSG_LENGTH(size), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags};
  memcpy(NLMSG_DATA(all->last), header, size);
  all->length += NLMSG_SPACE(size);
}

static struct nlattr *put(Messages *all, uint16_t type, const void *value, uint32_t size) {
  struct nlattr *attribute = (struct nlattr *)(all->bytes + all->length);
  attribute->nla_type = type;
  attribute->nla_len = NLA_HDRLEN + size;
  if (size > 0) memcpy((char *)attribute + NLA_HDRLEN, value, size);
  all->length += NLA_HDRLEN + NLA_ALIGN(size);
  all->last->nlmsg_len = all->bytes + all->length - (char *)all->last;
  return attribute;
}

static void put_number(Messages *all, uint16_t type, uint32_t number) {
  number = htonl(number);
  put(all, type, &number, sizeof number);
}

static void put_text(Messages *all, uint16_t type, const char *text) { put(all, type, text, strlen(text) + 1); }

static struct nlattr *nest(Messages *all, uint16_t type) { return put(all, type | NLA_F_NESTED, NULL, 0); }

static void end_nest(Messages *all, struct nlattr *nested) { nested->nla_len = all->bytes + all->length - (char *)nested; }

/* Sends and takes the answers of those messages that asked for one; 0, or -1 with errno. */
static int exchange(int protocol, const Messages *all, int answers) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return -1;
  struct timeval patience = {.tv_sec = 2};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int failure = send(fd, all->bytes, all->length, 0) < 0 ? errno : 0;
  while (failure == 0 && answers > 0) {
    char bytes[MESSAGE_MAX] __attribute__((aligned(4)));
    ssize_t length = recv(fd, bytes, sizeof bytes, 0);
    if (length < 0) failure = errno;
    for (struct nlmsghdr *one = (struct nlmsghdr *)bytes; length > 0 && NLMSG_OK(one, (uint32_t)length); one = NLMSG_NEXT(one, length)) {
      if (one->nlmsg_type != NLMSG_ERROR) continue;
      struct nlmsgerr *error = NLMSG_DATA(one);
      if (error->error != 0 && failure == 0) failure = -error->error;
      answers--;
    }
  }
  close(fd);
  errno = failure;
  return failure == 0 ? 0 : -1;
}

static void raise_loopback(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0) die("network: loopback");
  close(fd);
}

/* Resolvers ask for no addresses of a kind that the machine has none of but loopback's (AI_ADDRCONFIG). */
static void add_address(void) {
  Messages all = {.length = 0};
  struct ifaddrmsg header = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_scope = RT_SCOPE_UNIVERSE, .ifa_index = LOOPBACK_INDEX};
  uint32_t address = htonl(own_address);
  begin(&all, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &header, sizeof header);
  put(&all, IFA_LOCAL, &address, sizeof address);
  put(&all, IFA_ADDRESS, &address, sizeof address);
  if (exchange(NETLINK_ROUTE, &all, 1) != 0) die("network: address");
}

/* Every address is ours: nothing is unreachable, and nothing leaves. */
static void route_everything_here(void) {
  Messages all = {.length = 0};
  struct rtmsg route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_LOCAL, .rtm_protocol = RTPROT_BOOT, .rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL};
  uint32_t index = LOOPBACK_INDEX;
  begin(&all, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &route, sizeof route);
  put(&all, RTA_OIF, &index, sizeof index);
  if (exchange(NETLINK_ROUTE, &all, 1) != 0) die("network: route");
}

static void begin_rules(Messages *all, uint16_t type, uint16_t flags) {
  int is_batch = type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END;
  struct nfgenmsg header = {.nfgen_family = is_batch ? AF_UNSPEC : NFPROTO_IPV4, .version = NFNETLINK_V0, .res_id = is_batch ? htons(NFNL_SUBSYS_NFTABLES) : 0};
  begin(all, is_batch ? type : (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &header, sizeof header);
}

static struct nlattr *begin_expression(Messages *all, const char *name, struct nlattr **data) {
  struct nlattr *element = nest(all, NFTA_LIST_ELEM);
  put_text(all, NFTA_EXPR_NAME, name);
  *data = nest(all, NFTA_EXPR_DATA);
  return element;
}

static void end_expression(Messages *all, struct nlattr *element, struct nlattr *data) {
  end_nest(all, data);
  end_nest(all, element);
}

static void put_value(Messages *all, uint16_t type, const void *value, uint32_t size) {
  struct nlattr *nested = nest(all, type);
  put(all, NFTA_DATA_VALUE, value, size);
  end_nest(all, nested);
}

static void compare(Messages *all, uint32_t how, const void *value, uint32_t size) {
  struct nlattr *data, *element = begin_expression(all, "cmp", &data);
  put_number(all, NFTA_CMP_SREG, NFT_REG_1);
  put_number(all, NFTA_CMP_OP, how);
  put_value(all, NFTA_CMP_DATA, value, size);
  end_expression(all, element, data);
}

static void unless_loopback(Messages *all) {
  const uint8_t mask[4] = {255, 0, 0, 0}, nothing[4] = {0}, loopback[4] = {127, 0, 0, 0};
  struct nlattr *data, *element = begin_expression(all, "payload", &data);
  put_number(all, NFTA_PAYLOAD_DREG, NFT_REG_1);
  put_number(all, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
  put_number(all, NFTA_PAYLOAD_OFFSET, ADDRESS_OFFSET);
  put_number(all, NFTA_PAYLOAD_LEN, sizeof loopback);
  end_expression(all, element, data);
  element = begin_expression(all, "bitwise", &data);
  put_number(all, NFTA_BITWISE_SREG, NFT_REG_1);
  put_number(all, NFTA_BITWISE_DREG, NFT_REG_1);
  put_number(all, NFTA_BITWISE_LEN, sizeof mask);
  put_value(all, NFTA_BITWISE_MASK, mask, sizeof mask);
  put_value(all, NFTA_BITWISE_XOR, nothing, sizeof nothing);
  end_expression(all, element, data);
  compare(all, NFT_CMP_NEQ, loopback, sizeof loopback);
}

static void if_tcp(Messages *all) {
  const uint8_t tcp = IPPROTO_TCP;
  struct nlattr *data, *element = begin_expression(all, "meta", &data);
  put_number(all, NFTA_META_DREG, NFT_REG_1);
  put_number(all, NFTA_META_KEY, NFT_META_L4PROTO);
  end_expression(all, element, data);
  compare(all, NFT_CMP_EQ, &tcp, sizeof tcp);
}

static void redirect(Messages *all, uint16_t port) {
  uint16_t wanted = htons(port);
  struct nlattr *data, *element = begin_expression(all, "immediate", &data);
  put_number(all, NFTA_IMMEDIATE_DREG, NFT_REG_1);
  put_value(all, NFTA_IMMEDIATE_DATA, &wanted, sizeof wanted);
  end_expression(all, element, data);
  element = begin_expression(all, "redir", &data);
  put_number(all, NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1);
  end_expression(all, element, data);
}

static int lead_connections_to(uint16_t port) {
  Messages all = {.length = 0};
  begin_rules(&all, NFNL_MSG_BATCH_BEGIN, 0);
  begin_rules(&all, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK);
  put_text(&all, NFTA_TABLE_NAME, "anthill");
  begin_rules(&all, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_ACK);
  put_text(&all, NFTA_CHAIN_TABLE, "anthill");
  put_text(&all, NFTA_CHAIN_NAME, "out");
  put_text(&all, NFTA_CHAIN_TYPE, "nat");
  struct nlattr *hook = nest(&all, NFTA_CHAIN_HOOK);
  put_number(&all, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
  put_number(&all, NFTA_HOOK_PRIORITY, (uint32_t)PRIORITY_DSTNAT);
  end_nest(&all, hook);
  begin_rules(&all, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK);
  put_text(&all, NFTA_RULE_TABLE, "anthill");
  put_text(&all, NFTA_RULE_CHAIN, "out");
  struct nlattr *expressions = nest(&all, NFTA_RULE_EXPRESSIONS);
  unless_loopback(&all);
  if_tcp(&all);
  redirect(&all, port);
  end_nest(&all, expressions);
  begin_rules(&all, NFNL_MSG_BATCH_END, 0);
  return exchange(NETLINK_NETFILTER, &all, 3);
}

void lead_everything_to(uint16_t port) {
  raise_loopback();
  add_address();
  route_everything_here();
  if (lead_connections_to(port) != 0) die("network: the kernel takes no nf_tables redirect");
}
