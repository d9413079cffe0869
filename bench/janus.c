/*
 * Janus' configuration and its HTTP API. See janus.h. Each participant has a session of its own, so that the first
 * event of a session is the answer to its join, whatever else happens in the room.
 */
#include "bench/janus.h"
#include "bench/json.h"
#include "bench/pump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { REPLY_MAX = 16384, BODY_MAX = 512, PATIENCE_S = 10, OPUS_PT = 111, PORTS = 5000 };

struct http {
    int fd;
    unsigned port;
    char reply[REPLY_MAX];
    const char *body;
};

static const char *const programs[] = {"/usr/bin/janus", "/usr/local/bin/janus", "/opt/janus/bin/janus"};

static const char *janus_program(void)
{
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        if (access(programs[i], X_OK) == 0) {
            return programs[i];
        }
    }
    return NULL;
}

bool janus_is_there(void)
{
    return janus_program() != NULL;
}

/* ---- configuration ---- */

static int file_write(const char *folder, const char *name, const char *text)
{
    char path[STAND_TEXT + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (!f) {
        return -errno;
    }
    fputs(text, f);
    return fclose(f) == 0 ? 0 : -errno;
}

static int config_write(const struct stand *stand, const char *folder)
{
    char text[1024];
    snprintf(text, sizeof text,
             "general: {\n  configs_folder = \"%s\"\n  debug_level = 2\n  interface = \"127.0.0.1\"\n"
             "  session_timeout = 0\n}\n"
             "plugins: {\n  disable = \"libjanus_echotest.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_nosip.so,"
             "libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_videoroom.so,"
             "libjanus_voicemail.so,libjanus_lua.so,libjanus_duktape.so\"\n}\n"
             "transports: {\n  disable = \"libjanus_websockets.so,libjanus_rabbitmq.so,libjanus_mqtt.so,"
             "libjanus_nanomsg.so,libjanus_pfunix.so\"\n}\n",
             folder);
    int err = file_write(folder, "janus.jcfg", text);
    snprintf(text, sizeof text,
             "general: {\n  json = \"compact\"\n  base_path = \"/janus\"\n  http = true\n  port = %u\n"
             "  ip = \"127.0.0.1\"\n  https = false\n}\nadmin: {\n  admin_http = false\n}\n",
             stand->http_port);
    err = err ? err : file_write(folder, "janus.transport.http.jcfg", text);
    snprintf(text, sizeof text, "general: {\n  rtp_port_range = \"%u-%u\"\n  local_ip = \"127.0.0.1\"\n}\n",
             stand->port, stand->port + PORTS);
    return err ? err : file_write(folder, "janus.plugin.audiobridge.jcfg", text);
}

pid_t janus_start(const struct stand *stand)
{
    char folder[STAND_TEXT + 16], flag[STAND_TEXT + 64];
    snprintf(folder, sizeof folder, "%s/janus", stand->dir);
    mkdir(folder, 0700);
    int err = config_write(stand, folder);
    if (err) {
        return err;
    }
    snprintf(flag, sizeof flag, "--configs-folder=%s", folder);
    const char *const argv[] = {janus_program(), flag, NULL};
    return stand_spawn(stand, argv, stand->server_cpu, false, "janus.log");
}

/* ---- HTTP ---- */

static int http_open(struct http *h)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)h->port)};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (h->fd < 0) {
        return -errno;
    }
    setsockopt(h->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(h->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        int err = -errno;
        close(h->fd);
        return err;
    }
    return 0;
}

/* A connection for each request: without chunks the end of the reply is the end of the connection. body NULL: GET.
 * @return 0 | -EPROTO: not understood, too long, or nobody answers */
static int http_ask(struct http *h, const char *path, const char *body)
{
    char text[BODY_MAX + 256];
    size_t n_reply = 0;
    ssize_t got = 0;
    int err = http_open(h);
    if (err) {
        return err;
    }
    int n = snprintf(text, sizeof text, "%s %s HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n\r\n%s",
                     body ? "POST" : "GET", path, body ? strlen(body) : 0, body ? body : "");
    if (n > 0 && (size_t)n < sizeof text && send(h->fd, text, (size_t)n, MSG_NOSIGNAL) == n) {
        do {
            got = recv(h->fd, h->reply + n_reply, sizeof h->reply - 1 - n_reply, 0);
            n_reply += got > 0 ? (size_t)got : 0;
        } while (got > 0 && n_reply < sizeof h->reply - 1);
    }
    h->reply[n_reply] = '\0';
    close(h->fd);
    h->body = strstr(h->reply, "\r\n\r\n");
    return got == 0 && h->body ? 0 : -EPROTO;
}

/* ---- the API ---- */

/* A number of "data":{"id":...}, kept as text: it has up to 16 digits. */
static int id_read(const struct http *h, char *id, size_t bytes)
{
    const char *data = strstr(h->body, "\"data\"");
    const char *at = data ? strstr(data, "\"id\"") : NULL;
    if (!at || !strstr(h->body, "success")) {
        return -EPROTO;
    }
    at += 4 + strspn(at + 4, " \t\r\n:");
    snprintf(id, bytes, "%.*s", (int)strspn(at, "0123456789"), at);
    return 0;
}

/* A session with a handle of the AudioBridge. */
static int handle_open(struct http *h, char *path, size_t bytes, char *session, size_t n_session)
{
    char id[32], handle[32];
    int err = http_ask(h, "/janus", "{\"janus\":\"create\",\"transaction\":\"c\"}");
    err = err ? err : id_read(h, id, sizeof id);
    if (err) {
        return err;
    }
    snprintf(session, n_session, "/janus/%s", id);
    err = http_ask(h, session, "{\"janus\":\"attach\",\"plugin\":\"janus.plugin.audiobridge\",\"transaction\":\"a\"}");
    err = err ? err : id_read(h, handle, sizeof handle);
    snprintf(path, bytes, "%s/%s", session, err ? "" : handle);
    return err;
}

static int room_make(struct http *h, const char *handle, const struct match *m, unsigned room)
{
    char body[BODY_MAX];
    unsigned rate = strncmp(m->codec, "opus48", 6) == 0 ? 48000 : strncmp(m->codec, "opus16", 6) == 0 ? 16000 : 8000;
    snprintf(body, sizeof body,
             "{\"janus\":\"message\",\"transaction\":\"r\",\"body\":{\"request\":\"create\",\"room\":%u,"
             "\"sampling_rate\":%u,\"allow_rtp_participants\":true,\"audiolevel_event\":false}}",
             room + 1, rate);
    int err = http_ask(h, handle, body);
    return err ? err : strstr(h->body, "\"created\"") ? 0 : -EPROTO;
}

static int leg_join(struct http *h, const struct match *m, unsigned leg, unsigned client_port, unsigned *port)
{
    char handle[96], session[64], body[BODY_MAX];
    int err = handle_open(h, handle, sizeof handle, session, sizeof session);
    if (err) {
        return err;
    }
    bool opus = strncmp(m->codec, "opus", 4) == 0;
    snprintf(body, sizeof body,
             "{\"janus\":\"message\",\"transaction\":\"j\",\"body\":{\"request\":\"join\",\"room\":%u,\"id\":%u,"
             "\"codec\":\"%s\",\"muted\":false,\"rtp\":{\"ip\":\"127.0.0.1\",\"port\":%u,\"payload_type\":%u}}}",
             leg / m->room + 1, leg + 1, opus ? "opus" : m->codec, client_port, opus ? OPUS_PT : 0);
    err = http_ask(h, handle, body);
    if (!err) {
        snprintf(handle, sizeof handle, "%s?maxev=1", session);
        err = http_ask(h, handle, NULL);
    }
    const char *rtp = err ? NULL : strstr(h->body, "\"rtp\"");
    *port = rtp ? (unsigned)json_value(rtp, "port", 0) : 0;
    return *port ? 0 : -EPROTO;
}

int janus_fill(const struct stand *stand, const struct match *m, const char *path)
{
    static struct http h;
    char handle[96], session[64];
    FILE *f = fopen(path, "w");
    if (!f) {
        return -errno;
    }
    h = (struct http){.port = stand->http_port};
    int err = -ECONNREFUSED;
    for (unsigned tries = 0; tries < 100 && err == -ECONNREFUSED; tries++) {
        err = handle_open(&h, handle, sizeof handle, session, sizeof session);
        usleep(err ? 100000 : 0);
    }
    for (unsigned room = 0; room < m->legs / m->room && !err; room++) {
        err = room_make(&h, handle, m, room);
    }
    struct pump_shape shape = {.client_port = (uint16_t)stand->client_port};
    for (unsigned leg = 0; leg < m->legs && !err; leg++) {
        unsigned port = 0;
        err = leg_join(&h, m, leg, pump_client_port(&shape, leg), &port);
        fprintf(f, "%u\n", port);
    }
    if (err) {
        fprintf(stderr, "mixminus-bench: Janus did not do as it was asked: %.200s\n", h.body ? h.body : "no answer");
    }
    fclose(f);
    return err;
}
