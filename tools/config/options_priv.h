/* What the files of the options share: how a value is read and refused, and the readers that the table names. */
#ifndef TOOLS_CONFIG_OPTIONS_PRIV_H
#define TOOLS_CONFIG_OPTIONS_PRIV_H

#include "tools/config/options.h"

#define OPTION(name)                                                                                                   \
    int name(struct config *config, const char *text, enum config_source source, char *why, size_t size)
#define OPTION_STATIC(name) static OPTION(name)

/** The second half of a sentence: what is right. @return -EINVAL */
int option_refuse(char *why, size_t size, const char *words);
/** A whole number in a range. @return 0 | -EINVAL, and says the range */
int option_number(uint64_t *out, const char *text, uint64_t min, uint64_t max, char *why, size_t size);
/** n characters: an address, an IPv6 one perhaps in []. @return 0 | -EINVAL */
int option_host(struct addr *addr, const char *text, size_t n, uint16_t port);

OPTION(read_sip_listen);
OPTION(read_domain);
OPTION(read_auth);
OPTION(read_realm);
OPTION(read_pin);
OPTION(read_prompts);
OPTION(read_digests);
OPTION(read_allocate);
OPTION(read_trusted);
OPTION(read_tls_cert);
OPTION(read_tls_key);
OPTION(read_tls_ca);
OPTION(read_tls_verify);
OPTION(read_netann);
OPTION(read_refer);
OPTION(read_creator_leaves);
OPTION(read_hold_music);
OPTION(read_dial_out);
OPTION(read_dial_proxy);
OPTION(read_dial_user);
OPTION(read_dial_password);
OPTION(read_factory);
OPTION(read_factory_mode);

OPTION(read_interface);
OPTION(read_workers);
OPTION(read_worker_cpus);
OPTION(read_control_cpus);
OPTION(read_numa);
OPTION(read_http_listen);
OPTION(read_http_tokens);
OPTION(read_http_tls_cert);
OPTION(read_http_tls_key);
OPTION(read_control_socket);
OPTION(read_scheduling);
OPTION(read_simd);
OPTION(read_io);
OPTION(read_reserve);
OPTION(read_lazy_decode);
OPTION(read_opus_rate);
OPTION(read_codecs);
OPTION(read_srtp);
OPTION(read_cpu_budget);
OPTION(read_bandwidth);
OPTION(read_store);
OPTION(read_registrar);
OPTION(read_presence_default);
OPTION(read_ptt_provision);
OPTION(read_service_route);
OPTION(read_log_level);

#endif
