/* What only all options together can tell, and the state directory. */
#include "tools/config/options_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes a directory and its parents, ours alone. @return 0 | negative errno */
static int directory_make(const char *path)
{
    char part[CONFIG_TEXT_MAX];
    size_t n = strlen(path);

    if (n >= sizeof part) {
        return -ENAMETOOLONG;
    }
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] == '/' || part[i] == '\0') {
            char was = part[i];
            part[i] = '\0';
            if (mkdir(part, 0700) != 0 && errno != EEXIST) {
                return -errno;
            }
            part[i] = was;
        }
    }
    return access(path, W_OK) == 0 ? 0 : -errno;
}

/* systemd's StateDirectory, /var/lib as root, else the user's state directory (XDG). */
static int state_directory(char *path, size_t size)
{
    const char *given = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (given && *given) {
        snprintf(path, size, "%.*s", (int)strcspn(given, ":"), given);
    } else if (xdg && *xdg == '/') {
        snprintf(path, size, "%s/mixminus", xdg);
    } else if (geteuid() == 0) {
        snprintf(path, size, "/var/lib/mixminus");
    } else if (home && *home == '/') {
        snprintf(path, size, "%s/.local/state/mixminus", home);
    } else {
        return -ENOENT;
    }
    return 0;
}

int options_state_make(const struct config *config)
{
    return config->state_directory[0] ? directory_make(config->state_directory) : 0;
}

/* The realm that nobody named: the host of our URIs. */
static void options_realm(struct config *config)
{
    struct env_cfg *focus = &config->sig.focus;
    char host[ADDR_TEXT_MAX];
    const char *advertised = config->sig.net.listeners[0].advertised;
    snprintf(focus->realm, sizeof focus->realm, "%s",
             focus->domain[0] ? focus->domain
             : *advertised    ? advertised
                              : addr_host_text(&config->sig.net.listeners[0].addr, host));
    if (focus->realm[0] != '[') {
        focus->realm[strcspn(focus->realm, ":")] = '\0';
    }
}

/* Is there a listener whose socket can reach the proxy? */
static bool proxy_is_near(const struct config *config)
{
    const struct flow *proxy = &config->sig.focus.reach.proxy;
    bool is_near = !addr_is_set(&proxy->remote);
    for (unsigned i = 0; i < config->sig.net.n_listeners; i++) {
        const struct net_listener *l = &config->sig.net.listeners[i];
        is_near |= l->transport == proxy->transport && l->addr.sa.sa_family == proxy->remote.sa.sa_family;
    }
    return is_near;
}

/* Whom the server calls, and by which way. */
static int check_dial(const struct config *config, char why[CONFIG_TEXT_MAX])
{
    const struct env_cfg *focus = &config->sig.focus;
    const struct reach *reach = &focus->reach;
    if ((reach->is_any || reach->n_domains) && !addr_is_set(&reach->proxy.remote)) {
        snprintf(why, CONFIG_TEXT_MAX,
                 "--dial-out names domains, or any: no name is looked up here; give --dial-proxy=udp:IP:PORT");
        return -EINVAL;
    }
    if (focus->dial_user[0] && (!addr_is_set(&reach->proxy.remote) || !focus->dial_password[0])) {
        snprintf(why, CONFIG_TEXT_MAX, "--dial-user needs --dial-proxy and --dial-password-file");
        return -EINVAL;
    }
    if (!proxy_is_near(config)) {
        snprintf(why, CONFIG_TEXT_MAX,
                 "--dial-proxy: no --sip-listen has its transport and family of addresses; add one");
        return -EINVAL;
    }
    return 0;
}

/* Ports, and the address of each family: the listeners' where none is given. */
static int check_media(struct config *config, char why[CONFIG_TEXT_MAX])
{
    struct place_cfg *place = &config->sig.place;
    if (place->port_max < ((place->port_min + 1) & ~1) + 1) {
        snprintf(why, CONFIG_TEXT_MAX,
                 "--rtp-port-min=%u and --rtp-port-max=%u leave no pair of ports; raise --rtp-port-max",
                 place->port_min, place->port_max);
        return -EINVAL;
    }
    if (!addr_is_set(&place->host)) {
        if (addr_is_any(&config->sig.net.listeners[0].addr)) {
            snprintf(why, CONFIG_TEXT_MAX,
                     "--sip-listen listens on every address, so media does not know its own; "
                     "give --rtp-interface=IP");
            return -EINVAL;
        }
        place->host = config->sig.net.listeners[0].addr;
        for (unsigned i = 0; i < config->sig.net.n_listeners && !addr_is_set(&place->host_other); i++) {
            const struct addr *addr = &config->sig.net.listeners[i].addr;
            if (addr->sa.sa_family != place->host.sa.sa_family && !addr_is_any(addr)) {
                place->host_other = *addr;
            }
        }
    }
    return 0;
}

/* Host of the URIs, certificate, realm. */
static int check_names(struct config *config, char why[CONFIG_TEXT_MAX])
{
    if (config->sig.focus.domain[0] == '\0' && addr_is_any(&config->sig.net.listeners[0].addr) &&
        !config->sig.net.listeners[0].advertised[0]) {
        snprintf(why, CONFIG_TEXT_MAX,
                 "--sip-listen listens on every address, so URIs have no host; give --domain=HOST");
        return -EINVAL;
    }
    bool wants_tls = false;
    for (unsigned i = 0; i < config->sig.net.n_listeners; i++) {
        wants_tls |= config->sig.net.listeners[i].transport == FLOW_TLS;
    }
    if (wants_tls && config->sig.tls.cert[0] == '\0') {
        snprintf(why, CONFIG_TEXT_MAX,
                 "--sip-listen=tls: needs a certificate; give --tls-cert=FILE and --tls-key=FILE");
        return -EINVAL;
    }
    if (config->sig.tls.key[0] == '\0') {
        strcpy(config->sig.tls.key, config->sig.tls.cert);
    }
    if (config->sig.focus.pin == PIN_INSTEAD && !config->auth_is_digest) {
        snprintf(why, CONFIG_TEXT_MAX,
                 "--auth-pin=instead asks nobody for a PIN without accounts; give --auth=digest as well");
        return -EINVAL;
    }
    if (!config->auth_is_digest) {
        config->sig.focus.realm[0] = '\0';
    } else if (config->sig.focus.realm[0] == '\0') {
        options_realm(config);
    }
    return 0;
}

/* The default store. */
static int check_store(struct config *config, char why[CONFIG_TEXT_MAX])
{
    if (config->sig.store[0] != '\0') {
        return 0;
    }
    if (state_directory(config->state_directory, sizeof config->state_directory) != 0) {
        snprintf(why, CONFIG_TEXT_MAX,
                 "there is no home for the state directory; give --store=sqlite:PATH or "
                 "--store=memory");
        return -EINVAL;
    }
    if (snprintf(config->sig.store, sizeof config->sig.store, "sqlite:%s/mixminus.db", config->state_directory) >=
        (int)sizeof config->sig.store) {
        snprintf(why, CONFIG_TEXT_MAX, "the path of the state directory is too long; give --store=sqlite:PATH");
        return -EINVAL;
    }
    return 0;
}

/* Beside the store, unless another was given or none is wanted; a path too long for a socket: none. */
static void control_socket(struct config *config)
{
    static const char scheme[] = "sqlite:";
    const char *store = config->sig.store;
    char path[sizeof config->sig.store + 8];
    if (strcmp(config->control_socket, "off") == 0) {
        config->control_socket[0] = '\0';
    } else if (config->control_socket[0] == '\0' && strncmp(store, scheme, sizeof scheme - 1) == 0) {
        int n = snprintf(path, sizeof path, "%s.sock", store + sizeof scheme - 1);
        if (n < (int)sizeof config->control_socket) {
            strcpy(config->control_socket, path);
        }
    } else {
        config->control_socket_is_given = config->control_socket[0] != '\0';
    }
}

/* A page that others reach shows who is in which conference: they must prove themselves, unheard. */
static int check_http(const struct config *config, char why[CONFIG_TEXT_MAX])
{
    char text[ADDR_TEXT_MAX];
    bool is_open = addr_is_set(&config->http) && !addr_is_loopback(&config->http);
    if ((config->http_cert[0] == '\0') != (config->http_key[0] == '\0')) {
        snprintf(why, CONFIG_TEXT_MAX, "--http-tls-cert and --http-tls-key belong together; give both");
        return -EINVAL;
    }
    if (is_open && (config->http_tokens[0] == '\0' || config->http_cert[0] == '\0')) {
        snprintf(
            why, CONFIG_TEXT_MAX,
            "--http-listen=%s can be reached by others; give --http-tokens, --http-tls-cert and --http-tls-key, or "
            "listen on 127.0.0.1",
            addr_text(&config->http, text));
        return -EINVAL;
    }
    return 0;
}

/* What follows from the options for several parts. */
static void derive(struct config *config)
{
    const struct place_cfg *place = &config->sig.place;
    config->sig.focus.policy.levels = OFFER_LEVELS_MIXER;
    config->sig.focus.policy.family = place->host.sa.sa_family;
    config->sig.focus.policy.family_other = addr_is_set(&place->host_other) ? place->host_other.sa.sa_family : 0;
    config->sig.place.n_workers = config->n_workers;
    config->sig.place.worker_legs_max = config->worker_legs_max;
    config->sig.place.reserve_legs = config->n_workers > 1 ? MAX(8, 2 * config->sig.focus.talkers) : 0;
    config->sig.log.fd = STDERR_FILENO;
    snprintf(config->sig.focus.server, sizeof config->sig.focus.server, "mixminus");
    config->sig.txn.server = "mixminus";
    char host[ADDR_TEXT_MAX];
    snprintf(config->sig.focus.cname, sizeof config->sig.focus.cname, "mixminus@%.40s",
             addr_host_text(&place->host, host));
    if (!config->scheduling_is_fifo) {
        config->fifo_priority = 0;
    }
}

int options_check(struct config *config, char why[CONFIG_TEXT_MAX])
{
    int err = check_dial(config, why);
    err = err ? err : check_media(config, why);
    err = err ? err : check_names(config, why);
    if (!err && config->sig.focus.unused_s > config->sig.focus.life_s) {
        snprintf(why, CONFIG_TEXT_MAX,
                 "--conference-unused-s=%u is longer than --conference-life-s=%u; raise --conference-life-s",
                 config->sig.focus.unused_s, config->sig.focus.life_s);
        err = -EINVAL;
    }
    err = err ? err : check_store(config, why);
    err = err ? err : check_http(config, why);
    if (!err) {
        control_socket(config);
        derive(config);
    }
    return err;
}
