/**
 * Ways out of a sandbox, tried from inside. Each script prints OPEN when it got somewhere it must not be,
 * BLOCKED when it did not. `$1` is the host canary file, `$2` a host pid, `$3` a host port on loopback,
 * `$4` an abstract host socket name, `$5` the path of another session's workspace; `sys` (in the workspace)
 * makes a raw system call: `sys NUMBER ARG…`, exit 0 when the kernel took it.
 * `onHost`: the same script says OPEN outside, so the attempt itself is known to work.
 */
export type Attempt = { readonly name: string; readonly script: string; readonly onHost: boolean };

const outcome = (command: string) =>
  `if ( ${command} ) >/dev/null 2>&1; then echo OPEN; else echo BLOCKED; fi`;

function attempt(name: string, command: string, onHost = false): Attempt {
  return { name, script: outcome(command), onHost };
}

export const escapeAttempts: readonly Attempt[] = [
  attempt('read a file of the host', 'cat "$1"', true),
  attempt('reach a file of the host through /proc/1/root', 'cat "/proc/1/root$1"'),
  attempt("see another session's workspace", 'ls "$5"', true),
  attempt('read the shadow file of the host', 'grep -q : /etc/shadow', true),
  attempt('list the home of the host user', 'test -n "$(ls -A /home /srv /opt 2>/dev/null | grep -v :)"'),
  attempt('see processes of the host', 'test -d "/proc/$2"', true),
  attempt('signal a process of the host', 'kill -0 "$2"', true),
  attempt('trace a process of the host', './sys 101 16 "$2" 0 0'),
  attempt('connect to a service on the host loopback', 'exec 3<>"/dev/tcp/127.0.0.1/$3"', true),
  attempt('connect to a service on the host through ::1', 'exec 3<>"/dev/tcp/::1/$3"'),
  attempt('connect to the metadata address', 'timeout 2 bash -c "exec 3<>/dev/tcp/169.254.169.254/80"'),
  attempt('connect to a private address', 'timeout 2 bash -c "exec 3<>/dev/tcp/10.0.0.1/80"'),
  attempt('send UDP to the outside', 'bash -c "echo x > /dev/udp/8.8.8.8/53"'),
  attempt('find a network device besides loopback', 'test -n "$(tail -n +3 /proc/net/dev | grep -v "lo:")"'),
  attempt('reach an abstract socket of the host', './abstract "$4"', true),
  attempt('open an AF_VSOCK socket', './sys 41 40 1 0'),
  attempt('open a packet socket', './sys 41 17 3 0'),
  attempt('open a crypto socket', './sys 41 38 5 0'),
  attempt('open an audit socket', './sys 41 16 3 9'),
  attempt('open a raw socket', './sys 41 2 3 1'),
  attempt('make a user namespace by unshare', './sys 272 0x10000000', true),
  attempt('make a user namespace by clone', './sys 56 0x10020011 0 0 0 0'),
  attempt('make namespaces by clone3', './sys 435 0 0'),
  attempt('join a namespace of PID 1', 'nsenter -t 1 -n true'),
  attempt('mount a file system', './sys 165 0 /tmp tmpfs 0 0'),
  attempt('unmount the workspace', './sys 166 /workspace 2'),
  attempt('open a file system by the new interface', './sys 430 ext4 0'),
  attempt('pivot the root', './sys 155 / /'),
  attempt('change the root', 'chroot /tmp true'),
  attempt('make a device node', 'mknod /tmp/disk b 254 0'),
  attempt(
    'find a disk or a kernel device',
    'ls /dev/vda /dev/sda /dev/kvm /dev/mem /dev/fuse /dev/kmsg 2>/dev/null | grep -q .',
  ),
  attempt('write a kernel parameter', 'echo 1 > /proc/sys/kernel/panic'),
  attempt('set the core pattern', 'echo "|/x" > /proc/sys/kernel/core_pattern'),
  attempt('pull the magic key', 'echo h > /proc/sysrq-trigger'),
  attempt('read kernel memory', 'head -c 64 /proc/kcore | grep -q .'),
  attempt('write to the system directories', 'touch /usr/bin/x'),
  attempt('write to the root directory', 'touch /x'),
  attempt('write to the synthesised etc', 'touch /etc/x'),
  attempt('write to read-only uploads', 'touch /mnt/session/uploads/x'),
  attempt('load a BPF program', './sys 321 0 0 0'),
  attempt('open a performance counter', './sys 298 0 0 -1 -1 0'),
  attempt('use io_uring', './sys 425 8 0'),
  attempt('use userfaultfd', './sys 323 0'),
  attempt('use the kernel keyring', './sys 250 0 -3 0'),
  attempt('load a kernel module', './sys 175 0 0 x'),
  attempt('reboot', './sys 169 0xfee1dead 672274793 0 0'),
  attempt('set the clock', './sys 227 0 0'),
  attempt('open a file by handle', './sys 304 -1 0 0'),
  attempt('use the 32-bit numbers of the x32 ABI', './sys 0x40000027'),
  attempt('inherit a descriptor of the server', 'test -n "$(ls /proc/self/fd | grep -vxE "0|1|2|3|255")"'),
  attempt(
    'see the environment of the server',
    'tr "\\0" "\\n" < /proc/1/environ | grep -q SECRET_OF_THE_SERVER',
  ),
  attempt(
    'have a capability',
    'grep -E "^Cap(Prm|Eff|Bnd|Amb):" /proc/self/status | grep -qv 0000000000000000',
    true,
  ),
  attempt('gain privileges by a setuid program', 'grep -q "NoNewPrivs:.*0" /proc/self/status'),
  attempt('dump core on the host', 'test "$(ulimit -Hc)" != 0'),
  attempt('push characters into a terminal', './tiocsti'),
  attempt('make itself unkillable', 'echo -500 > /proc/self/oom_score_adj'),
  attempt('see control groups', 'ls /sys/fs/cgroup 2>/dev/null | grep -q .', true),
];

/** Sources of the three programs the attempts use. */
export const attemptPrograms: Readonly<Record<string, string>> = {
  sys: `
#define _GNU_SOURCE
#include <unistd.h>
#include <stdlib.h>
#include <sys/syscall.h>
static long value(char *text) { char *end; long number = strtol(text, &end, 0); return *end ? (long)text : number; }
int main(int argc, char **argv) {
  long a[6] = {0};
  for (int i = 2; i < argc && i < 8; i++) a[i - 2] = value(argv[i]);
  return syscall(strtol(argv[1], 0, 0), a[0], a[1], a[2], a[3], a[4], a[5]) < 0;
}`,
  abstract: `
#include <string.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
int main(int argc, char **argv) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  strncpy(to.sun_path + 1, argv[argc - 1], 90);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  return connect(fd, (void *)&to, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(argv[argc - 1])) != 0;
}`,
  tiocsti: `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
int main(void) {
  int fd = posix_openpt(O_RDWR | O_NOCTTY);
  if (fd < 0 || grantpt(fd) || unlockpt(fd)) return 1;
  int side = open(ptsname(fd), O_RDWR);
  return ioctl(side, 0x5412, "x") != 0;
}`,
};
