/* Tells the service manager how far the server is: sd_notify(3), without its library. */
#ifndef TOOLS_SERVER_NOTIFY_H
#define TOOLS_SERVER_NOTIFY_H

/** Sends "READY=1" or "STOPPING=1" to $NOTIFY_SOCKET. Nothing happens where nobody listens. */
void notify(const char *state);

#endif
