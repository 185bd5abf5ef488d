#include <stdint.h>

/* network.c: sets up the network namespace of this process; ends it when the kernel does not let us. */
void lead_everything_to(uint16_t port);
