/* A server as a child process. See spawn.h. */
#include "tools/lib/spawn.h"

#include "core/io_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIES = 64, RTP_PORTS = 1000, STOP_TRIES = 250, STOP_STEP_MS = 20 };

/* A port on 127.0.0.1 that is free for both transports now; it may be taken the next moment. */
static int port_find(uint16_t *port)
{
    for (int i = 0; i < TRIES; i++) {
        struct addr a;
        socklen_t n = sizeof a;
        int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        addr_parse(&a, "127.0.0.1", 0);
        bool free_for_both = udp >= 0 && tcp >= 0 && bind(udp, &a.sa, addr_len(&a)) == 0 &&
                             getsockname(udp, &a.sa, &n) == 0 && bind(tcp, &a.sa, addr_len(&a)) == 0;
        close(udp);
        close(tcp);
        if (free_for_both) {
            *port = addr_port(&a);
            return 0;
        }
    }
    return -EADDRINUSE;
}

static void child_run(const char *program, char *const *argv, const char *log)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0) {
        dup2(fd, 1);
        dup2(fd, 2);
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* does not outlive us, however we end */
    execv(program, argv);
    dprintf(2, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

int spawn_start(struct spawn *spawn, const char *program, const char *const *flags, unsigned n_flags, const char *log)
{
    char own[4][SPAWN_FLAG_BYTES];
    char *argv[SPAWN_FLAGS_MAX + 8] = { (char *)program };
    uint16_t port;
    unsigned n = 1;
    int err = port_find(&port);
    if (err) {
        return err;
    }
    if (access(program, X_OK) != 0) {
        return -errno;
    }
    unsigned rtp = 20000 + (unsigned)(io_socket_now() / 1000 % 10) * 1000;
    snprintf(own[0], sizeof own[0], "--sip-listen=udp:127.0.0.1:%u", port);
    snprintf(own[1], sizeof own[1], "--sip-listen=tcp:127.0.0.1:%u", port);
    snprintf(own[2], sizeof own[2], "--rtp-port-min=%u", rtp);
    snprintf(own[3], sizeof own[3], "--rtp-port-max=%u", rtp + RTP_PORTS - 1);
    for (unsigned i = 0; i < ARRAY_LEN(own); i++) {
        argv[n++] = own[i];
    }
    argv[n++] = (char *)"--store=memory";
    must(n_flags <= SPAWN_FLAGS_MAX);
    for (unsigned i = 0; i < n_flags; i++) {
        argv[n++] = (char *)flags[i];
    }
    addr_parse(&spawn->sip, "127.0.0.1", port);
    fflush(NULL);
    spawn->pid = fork();
    if (spawn->pid == 0) {
        child_run(program, argv, log);
    }
    return spawn->pid < 0 ? -errno : 0;
}

bool spawn_is_alive(struct spawn *spawn)
{
    if (spawn->pid > 0 && waitpid(spawn->pid, NULL, WNOHANG) == spawn->pid) {
        spawn->pid = 0;
    }
    return spawn->pid > 0;
}

int spawn_stop(struct spawn *spawn)
{
    int status = 0;
    if (spawn->pid <= 0) {
        return -1;
    }
    kill(spawn->pid, SIGTERM);
    for (int i = 0; i < STOP_TRIES; i++) {
        if (waitpid(spawn->pid, &status, WNOHANG) == spawn->pid) {
            spawn->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        io_socket_sleep(io_socket_now() + STOP_STEP_MS * NS_PER_MS);
    }
    kill(spawn->pid, SIGKILL);
    waitpid(spawn->pid, &status, 0);
    spawn->pid = 0;
    return -1;
}
