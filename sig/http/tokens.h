/*
 * Bearer tokens of the HTTP interface (RFC 6750). A token is "mm_ID_SECRET" with 256 random bits; a file keeps its
 * SHA-256 alone, one token a line:
 *
 *     ID  SHA-256 in hexadecimal  SCOPE[,SCOPE...]  [EXPIRES, Unix time]      # comment
 *
 * Read at the start, then unchanged: any thread.
 */
#ifndef SIG_HTTP_TOKENS_H
#define SIG_HTTP_TOKENS_H

#include "core/base/base.h"

#define TOKEN_ID_CHARS 8
#define TOKEN_SECRET_CHARS 64
#define TOKEN_TEXT_MAX (3 + TOKEN_ID_CHARS + 1 + TOKEN_SECRET_CHARS + 1)
#define TOKEN_LINE_MAX 256
#define TOKENS_MAX 1024
#define TOKENS_WHY_MAX 192

/* Each has what stands before it, but node. */
#define TOKEN_SCOPE_LIST(X)                                                                                            \
    X(METRICS, "metrics", "figures for a collector")                                                                   \
    X(READ, "read", "everything that can be read")                                                                     \
    X(OPERATE, "operate", "drain, log levels, certificates")                                                           \
    X(ADMIN, "admin", "accounts, configuration, tokens")                                                               \
    X(NODE, "node", "requests of another node, and nothing else")

enum token_scope {
#define X(name, word, text) TOKEN_##name,
    TOKEN_SCOPE_LIST(X)
#undef X
        TOKEN_SCOPES
};

enum token_verdict {
    TOKEN_RIGHT,
    TOKEN_MISSING, /* no Authorization header, or of another scheme */
    TOKEN_WRONG,   /* unknown, expired, or no token at all */
    TOKEN_NARROW   /* right, and not for this */
};

struct tokens;

/** Reads a file of tokens. @return 0 | -EINVAL, -ENOENT, -EACCES, -E2BIG ..., and why says it in a sentence */
int tokens_load(struct tokens **tokens, const char *path, char why[TOKENS_WHY_MAX]);
void tokens_free(struct tokens *tokens);
unsigned tokens_count(const struct tokens *tokens);

/** Judges the value of an Authorization header; NULL: there is none. The time taken tells nothing of the secret. */
enum token_verdict tokens_check(const struct tokens *tokens, const char *authorization, enum token_scope scope,
                                uint64_t now_s);

/** Draws a token, and the line of the file that lets it in. scopes: a word, or several by commas; expires_s 0: never.
 * @return 0 | -EINVAL a scope that is none | -EIO no randomness */
int token_make(char text[TOKEN_TEXT_MAX], char line[TOKEN_LINE_MAX], const char *scopes, uint64_t expires_s);

#endif
