/* What the words of mixminusctl share: complaints, a store that is asked and waited for, secrets by standard input. */
#ifndef TOOLS_CTL_STORE_CLI_H
#define TOOLS_CTL_STORE_CLI_H

#include "sig/store/store.h"

struct config;

#define STORE_CLI_LINE_BYTES 256

/** "mixminusctl: text" on standard error. @return 1, the exit code */
int store_cli_complain(const char *text);

/** Puts a request and takes its first reply. @return false: none came */
bool store_cli_ask(struct store *store, const struct store_req *req, struct store_reply *reply);

/** Puts a change and waits until it is written. @return 0 | 1, and has complained */
int store_cli_write(struct store *store, const struct store_req *req);

/** Takes the next reply to it, waiting for that. @return false: none came */
bool store_cli_take(struct store *store, const struct store_req *req, struct store_reply *reply);

/** A secret: a line of standard input without its end. On a terminal it is asked for twice and not shown. Never by
 * flags: those can be read by everybody on the machine. @return 0 | 1 */
int store_cli_line(const char *what, char line[STORE_CLI_LINE_BYTES]);

/** A PIN by standard input, as the store keeps it. @param of  as store_pin_mac: whose  @return 0 | 1 */
int store_cli_pin(struct store *store, const char *of, uint8_t mac[KEYS_MAC_BYTES]);

/** Reads "--flag=yes" or "--flag=no". @return 1 it was that | 0 another flag | -EINVAL another value, and has
 * complained */
int store_cli_yes_no(const char *arg, const char *flag, int *value);

/** Reads mixminusd's flags, argv[0] the program. @return 0 | 2, and has complained */
int store_cli_config(struct config *config, int n, char **flags, const char *word);

/** Opens the store that mixminusd would use. @return 0 | 1 */
int store_cli_store(const struct config *config, struct store **store);

#endif
