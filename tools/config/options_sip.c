/* Options of SIP: where it is served, who may, whom we call. */
#include "tools/config/options_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* "udp:127.0.0.1:5060!sip.example.net" */
static int listener_read(struct net_listener *l, const char *text)
{
    char value[256];
    uint64_t port;
    char ignored[64];

    if (strlen(text) >= sizeof value) {
        return -EINVAL;
    }
    strcpy(value, text);
    char *advertised = strchr(value, '!');
    if (advertised) {
        *advertised++ = '\0';
        if (*advertised == '\0' || strlen(advertised) >= sizeof l->advertised) {
            return -EINVAL;
        }
        strcpy(l->advertised, advertised);
    }
    if (strncmp(value, "udp:", 4) == 0) {
        l->transport = FLOW_UDP;
    } else if (strncmp(value, "tcp:", 4) == 0) {
        l->transport = FLOW_TCP;
    } else if (strncmp(value, "tls:", 4) == 0) {
        l->transport = FLOW_TLS;
    } else {
        return -EINVAL;
    }
    char *colon = strrchr(value + 4, ':');
    if (!colon || option_number(&port, colon + 1, 0, 65535, ignored, sizeof ignored) != 0) {
        return -EINVAL;
    }
    return option_host(&l->addr, value + 4, (size_t)(colon - (value + 4)), (uint16_t)port);
}

OPTION(read_sip_listen)
{
    struct net_config *net = &config->sig.net;
    net->n_listeners = 0;
    while (*text) {
        char one[256];
        size_t n = strcspn(text, ",");
        if (net->n_listeners == NET_LISTENERS_MAX) {
            return option_refuse(why, size, "at most 16 listeners; leave some out");
        }
        if (n >= sizeof one) {
            return option_refuse(why, size,
                                 "write udp:IP:PORT, tcp:IP:PORT or tls:IP:PORT, such as udp:127.0.0.1:5060");
        }
        memcpy(one, text, n);
        one[n] = '\0';
        memset(&net->listeners[net->n_listeners], 0, sizeof net->listeners[0]);
        if (listener_read(&net->listeners[net->n_listeners], one) != 0) {
            return option_refuse(why, size,
                                 "write udp:IP:PORT, tcp:IP:PORT or tls:IP:PORT with an address, not a name, such as "
                                 "udp:127.0.0.1:5060; !HOST behind it names what Via and Contact shall say");
        }
        net->n_listeners++;
        text += n + (text[n] == ',');
    }
    return net->n_listeners ? 0 : option_refuse(why, size, "give at least one, such as udp:127.0.0.1:5060");
}

static bool host_is_fine(const char *text)
{
    return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]_")] == '\0';
}

/* The first is what our URIs say; by all of them we may be called. */
OPTION(read_domain)
{
    struct env_cfg *focus = &config->sig.focus;
    bool first = true;
    while (*text) {
        char one[ENV_HOST_MAX];
        size_t n = strcspn(text, ",");
        if (n >= sizeof one || focus->n_hosts == ENV_HOSTS_MAX / 2) {
            return option_refuse(why, size, "give at most 16 names, separated by commas");
        }
        memcpy(one, text, n);
        one[n] = '\0';
        if (!host_is_fine(one)) {
            return option_refuse(why, size, "write HOST or HOST:PORT, such as conf.example.net");
        }
        if (first) {
            memcpy(focus->domain, one, n + 1);
            first = false;
        } else {
            for (size_t i = 0; i <= n; i++) {
                focus->hosts[focus->n_hosts][i] = (char)(one[i] >= 'A' && one[i] <= 'Z' ? one[i] + 32 : one[i]);
            }
            focus->n_hosts++;
        }
        text += n + (text[n] == ',');
    }
    return 0;
}

OPTION(read_auth)
{
    if (strcmp(text, "off") != 0 && strcmp(text, "digest") != 0) {
        return option_refuse(why, size, "write off or digest");
    }
    config->auth_is_digest = text[0] == 'd';
    return 0;
}

/* "": options_check takes the domain. */
OPTION(read_realm)
{
    if (strlen(text) >= sizeof config->sig.focus.realm || text[strcspn(text, "\"\\\r\n")]) {
        return option_refuse(why, size, "write up to 127 characters without quotes, such as ims.example.net");
    }
    strcpy(config->sig.focus.realm, text);
    config->realm_is_given = *text != '\0';
    return 0;
}

OPTION(read_pin)
{
    static const char *const words[] = {[PIN_OFF] = "off", [PIN_ALSO] = "also", [PIN_INSTEAD] = "instead"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            config->sig.focus.pin = (enum pin_policy)i;
            return 0;
        }
    }
    return option_refuse(why, size, "write off, also or instead");
}

OPTION(read_digests)
{
    bool sha256 = strcasecmp(text, "SHA-256,MD5") == 0 || strcasecmp(text, "SHA-256") == 0;
    bool md5 = strcasecmp(text, "SHA-256,MD5") == 0 || strcasecmp(text, "MD5") == 0;
    if (!sha256 && !md5) {
        return option_refuse(why, size, "write SHA-256,MD5 or one of them");
    }
    config->sig.focus.digests = (sha256 ? 1u << AUTH_SHA256 : 0) | (md5 ? 1u << AUTH_MD5 : 0);
    return 0;
}

OPTION(read_allocate)
{
    if (strcmp(text, "after-auth") != 0 && strcmp(text, "before-auth") != 0) {
        return option_refuse(why, size, "write after-auth or before-auth");
    }
    config->sig.focus.allocate_before_auth = text[0] == 'b';
    return 0;
}

OPTION(read_trusted)
{
    struct trust *trust = &config->sig.focus.trusted;
    trust->n = 0;
    while (*text) {
        char one[ADDR_TEXT_MAX + 8];
        size_t n = strcspn(text, ",");
        if (n >= sizeof one) {
            return option_refuse(why, size, "write networks such as 10.0.0.0/8 or 2001:db8::/32");
        }
        memcpy(one, text, n);
        one[n] = '\0';
        int err = trust_add(trust, one);
        if (err) {
            return option_refuse(why, size,
                                 err == -ENOSPC ? "give at most 32 networks"
                                                : "write networks such as 10.0.0.0/8 or 2001:db8::/32");
        }
        text += n + (text[n] == ',');
    }
    return 0;
}

static int path_read(char to[TLS_PATH_MAX], const char *text, char *why, size_t size)
{
    if (strlen(text) >= TLS_PATH_MAX) {
        return option_refuse(why, size, "the path is too long; choose a shorter one");
    }
    strcpy(to, text);
    return 0;
}

OPTION(read_prompts)
{
    return path_read(config->prompts, text, why, size);
}

OPTION(read_tls_cert)
{
    return path_read(config->sig.tls.cert, text, why, size);
}
OPTION(read_tls_key)
{
    return path_read(config->sig.tls.key, text, why, size);
}
OPTION(read_tls_ca)
{
    return path_read(config->sig.tls.ca, text, why, size);
}

OPTION(read_tls_verify)
{
    if (strcmp(text, "off") != 0 && strcmp(text, "peer") != 0) {
        return option_refuse(why, size, "write off or peer");
    }
    config->sig.tls.verify = text[0] == 'p';
    return 0;
}

OPTION(read_netann)
{
    if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0) {
        return option_refuse(why, size, "write on or off");
    }
    config->sig.focus.netann = strcmp(text, "on") == 0;
    return 0;
}

OPTION(read_refer)
{
    static const char *const words[] = {"participants", "creator", "off"};
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            config->sig.focus.refer = (enum refer_policy)i;
            return 0;
        }
    }
    return option_refuse(why, size, "write participants, creator or off");
}

OPTION(read_creator_leaves)
{
    bool ends = strcmp(text, "end") == 0;
    if (!ends && strcmp(text, "stay") != 0) {
        return option_refuse(why, size, "write stay or end");
    }
    config->sig.focus.creator_ends = ends;
    return 0;
}

OPTION(read_hold_music)
{
    bool is_mixed = strcmp(text, "mix") == 0;
    if (!is_mixed && strcmp(text, "mute") != 0) {
        return option_refuse(why, size, "write mute or mix");
    }
    config->sig.focus.hold_music_is_mixed = is_mixed;
    return 0;
}

OPTION(read_dial_out)
{
    int err = reach_read(&config->sig.focus.reach, text);
    return err == 0         ? 0
           : err == -ENOSPC ? option_refuse(why, size, "give at most 32 domains and 32 networks")
                            : option_refuse(why, size,
                                            "write off, any, or domains and networks such as "
                                            "example.net,198.51.100.0/24");
}

/* "udp:192.0.2.1:5060" */
OPTION(read_dial_proxy)
{
    struct net_listener l = {.advertised = ""};
    if (*text == '\0') {
        return 0;
    }
    if (listener_read(&l, text) != 0 || l.advertised[0] || addr_port(&l.addr) == 0) {
        return option_refuse(why, size, "write udp:IP:PORT, tcp:IP:PORT or tls:IP:PORT with an address, not a name");
    }
    config->sig.focus.reach.proxy = flow_to((enum flow_transport)l.transport, 0, &l.addr);
    return 0;
}

/* "conferences@ims.example" */
OPTION(read_dial_user)
{
    struct env_cfg *focus = &config->sig.focus;
    const char *at = strrchr(text, '@');
    if (*text == '\0') {
        return 0;
    }
    if (!at || at == text || (size_t)(at - text) >= sizeof focus->dial_user || at[1] == '\0' ||
        strlen(at + 1) >= sizeof focus->dial_realm || text[strcspn(text, "\"\\\r\n")]) {
        return option_refuse(why, size, "write USER@REALM, such as conferences@ims.example");
    }
    memcpy(focus->dial_user, text, (size_t)(at - text));
    focus->dial_user[at - text] = '\0';
    strcpy(focus->dial_realm, at + 1);
    return 0;
}

/* The first line of a file: a flag could be read by everybody on the machine. */
OPTION(read_dial_password)
{
    char *password = config->sig.focus.dial_password;
    if (*text == '\0') {
        return 0;
    }
    FILE *f = fopen(text, "re");
    bool is_there = f && fgets(password, sizeof config->sig.focus.dial_password, f);
    if (f) {
        fclose(f);
    }
    password[strcspn(password, "\r\n")] = '\0';
    return is_there && *password ? 0 : option_refuse(why, size, "name a file that can be read, whose first line it is");
}

OPTION(read_factory)
{
    size_t n = strlen(text);
    if (n == 0 || n >= ENV_USER_MAX ||
        text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,;?/")]) {
        return option_refuse(why, size, "write the user part of a SIP URI, such as conferences");
    }
    memcpy(config->sig.focus.factory_user, text, n + 1);
    return 0;
}

OPTION(read_factory_mode)
{
    if (strcmp(text, "redirect") == 0) {
        config->sig.focus.factory_mode = FACTORY_REDIRECT;
    } else if (strcmp(text, "focus") == 0) {
        config->sig.focus.factory_mode = FACTORY_DIRECT;
    } else {
        return option_refuse(why, size, "write redirect or focus");
    }
    return 0;
}

OPTION(read_registrar)
{
    if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0) {
        return option_refuse(why, size, "write on or off");
    }
    config->sig.is_registrar = strcmp(text, "on") == 0;
    return 0;
}

OPTION(read_ptt_provision)
{
    if (strcmp(text, "server") != 0 && strcmp(text, "terminal") != 0) {
        return option_refuse(why, size, "write server or terminal");
    }
    config->sig.ptt.terminal_calls = strcmp(text, "terminal") == 0;
    return 0;
}

OPTION(read_presence_default)
{
    config->sig.presence_default = rule_action_named(text);
    return config->sig.presence_default < RULE_ACTIONS
               ? 0
               : option_refuse(why, size, "write polite, confirm, allow or block");
}

OPTION(read_service_route)
{
    bool is_uri = strncmp(text, "sip:", 4) == 0 || strncmp(text, "sips:", 5) == 0;
    if (*text == '\0') {
        return 0;
    }
    if (!is_uri || strpbrk(text, "<>,\" \t") || strlen(text) > sizeof config->sig.service_route - 8) {
        return option_refuse(why, size, "write a SIP URI, such as sip:edge.example.net;lr");
    }
    snprintf(config->sig.service_route, sizeof config->sig.service_route, "<%s%s>", text,
             strstr(text, ";lr") ? "" : ";lr");
    return 0;
}
