/* door.c: the network of a sandbox, with the server as its only way out. */

/*
 * Puts this process into a network of its own whose TCP connections and name questions a forwarder takes, which is
 * started beside it and ends with it. `door` is an O_PATH descriptor of the server's socket; `uid` is who the
 * forwarder becomes, 0 for whoever runs this.
 */
void open_door(int door, unsigned uid);

/* The same in the network that this process already has for itself. */
void open_door_here(int door, unsigned uid);
