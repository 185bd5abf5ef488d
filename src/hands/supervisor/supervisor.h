/* What the parts of anthill-init share. */
#include <sys/resource.h>

/* Says what failed and why on standard error, and ends the process. */
void die(const char *what) __attribute__((noreturn));
void limit(int what, rlim_t value);

/* launcher.c: starts sandboxes until the server is gone. */
int serve_launches(const char *socket_path);

/* held.c: says what removed files still take. */
int say_held(const char *directory);
/* container.c: makes this process, PID 1 of a container, what PID 1 of a sandbox has to be; ends it when it cannot. */
void enter_container(char **options);

/* files.c: the exit status of a file command, -1 when there is no such command. */
int file_command(int argc, char **argv);
