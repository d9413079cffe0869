/* The naive echo server: what a media server costs that does as it is told by the manual pages, and does not even mix.
 */
#include "bench/match.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { EVENTS = 64, BYTES = 2048 };

void echo_serve(unsigned legs, const int *fds)
{
    int epoll = epoll_create1(0);
    for (unsigned i = 0; i < legs; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
        must(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) == 0);
    }
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            uint8_t packet[BYTES];
            struct sockaddr_in from;
            socklen_t n_from = sizeof from;
            ssize_t bytes = recvfrom(events[i].data.fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &n_from);
            if (bytes > 0) {
                sendto(events[i].data.fd, packet, (size_t)bytes, 0, (struct sockaddr *)&from, n_from);
            }
        }
    }
}
